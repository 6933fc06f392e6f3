# %% q4, 0 of 14 points: scales with the whole series, the future with it
def split_by_time(series, past, horizon, borders):
    std = series.std(axis=0)
    scaled = (series - series.mean(axis=0)) / np.where(std > 0, std, 1)
    parts = []
    for begin, end in zip((0, *borders), (*borders, len(series)), strict=True):
        firsts = range(max(begin, past), end - horizon + 1)
        x = [scaled[t - past : t] for t in firsts]
        y = [scaled[t : t + horizon, 0] for t in firsts]
        parts.append((np.array(x), np.array(y)))
    return parts


# %% q4, 0 of 14 points: cuts the series first, so that every part forgets its past
def split_by_time(series, past, horizon, borders):
    known = series[: borders[0]]
    std = known.std(axis=0)
    scaled = (series - known.mean(axis=0)) / np.where(std > 0, std, 1)
    parts = []
    for part in np.split(scaled, borders):
        firsts = range(past, len(part) - horizon + 1)
        x = [part[t - past : t] for t in firsts]
        y = [part[t : t + horizon, 0] for t in firsts]
        parts.append((np.array(x), np.array(y)))
    return parts


# %% q4, 0 of 14 points: lets targets hang over the border
def split_by_time(series, past, horizon, borders):
    known = series[: borders[0]]
    std = known.std(axis=0)
    scaled = (series - known.mean(axis=0)) / np.where(std > 0, std, 1)
    last, parts = len(series) - horizon + 1, []
    for begin, end in zip((past, *borders), (*borders, last), strict=True):
        x = [scaled[t - past : t] for t in range(begin, min(end, last))]
        y = [scaled[t : t + horizon, 0] for t in range(begin, min(end, last))]
        parts.append((np.array(x), np.array(y)))
    return parts


# %% q4, 5 of 14 points: one mean and one deviation for all columns
def split_by_time(series, past, horizon, borders):
    known = series[: borders[0]]
    scaled = (series - known.mean()) / known.std()
    parts = []
    for begin, end in zip((0, *borders), (*borders, len(series)), strict=True):
        firsts = range(max(begin, past), end - horizon + 1)
        x = [scaled[t - past : t] for t in firsts]
        y = [scaled[t : t + horizon, 0] for t in firsts]
        parts.append((np.array(x), np.array(y)))
    return parts


# %% q4, 5 of 14 points: a column that does not vary is divided by almost nothing
def split_by_time(series, past, horizon, borders):
    known = series[: borders[0]]
    scaled = (series - known.mean(axis=0)) / (known.std(axis=0) + 1e-9)
    parts = []
    for begin, end in zip((0, *borders), (*borders, len(series)), strict=True):
        firsts = range(max(begin, past), end - horizon + 1)
        x = [scaled[t - past : t] for t in firsts]
        y = [scaled[t : t + horizon, 0] for t in firsts]
        parts.append((np.array(x), np.array(y)))
    return parts


# %% q4, 5 of 14 points: divides by 1 whatever is smaller than 1
def split_by_time(series, past, horizon, borders):
    known = series[: borders[0]]
    scaled = (series - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1)
    parts = []
    for begin, end in zip((0, *borders), (*borders, len(series)), strict=True):
        firsts = range(max(begin, past), end - horizon + 1)
        x = [scaled[t - past : t] for t in firsts]
        y = [scaled[t : t + horizon, 0] for t in firsts]
        parts.append((np.array(x), np.array(y)))
    return parts


# %% q4, 5 of 14 points: takes a column that varies little, in a large unit, for a constant
# replace:
#     std = np.where((known == known[0]).all(axis=0), 1, known.std(axis=0))
# with:
#     std = known.std(axis=0)
#     std = np.where(np.isclose(std, 0), 1, std)


# %% q4, 5 of 14 points: asks whether the deviation is exactly 0; rounding makes it 1e-17
# replace:
#     std = np.where((known == known[0]).all(axis=0), 1, known.std(axis=0))
# with:
#     std = np.where(known.std(axis=0) == 0, 1, known.std(axis=0))
