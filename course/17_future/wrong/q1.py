# %% q1, 0 of 12 points: the straight line through the values
def fit(sizes, losses):
    slope, start = np.polyfit(sizes, losses, 1)
    return start, slope, -1.0


# %% q1, 0 of 12 points: the straight line through the logarithms, without a floor
def fit(sizes, losses):
    slope, start = np.polyfit(np.log(sizes), np.log(losses), 1)
    return 0.0, np.exp(start), -slope


# %% q1, 0 of 12 points: takes a floor just below the best model, and logarithms of the rest
def fit(sizes, losses):
    floor = 0.99 * np.min(losses)
    slope, start = np.polyfit(np.log(sizes), np.log(np.array(losses) - floor), 1)
    return floor, np.exp(start), -slope


# %% q1, 4 of 12 points: squares of the logarithms
# replace:
#         return np.sum((floor + slope * x - losses) ** 2), floor, slope * sizes.min() ** alpha
# with:
#         off = np.sum(np.log(np.maximum(floor + slope * x, 1e-9) / losses) ** 2)
#         return off, floor, slope * sizes.min() ** alpha


# %% q1, 4 of 12 points: absolute errors decide about the exponent
# replace:
#         return np.sum((floor + slope * x - losses) ** 2), floor, slope * sizes.min() ** alpha
# with:
#         return np.sum(np.abs(floor + slope * x - losses)), floor, slope * sizes.min() ** alpha


# %% q1, 4 of 12 points: a floor below 0
# replace:
#         if floor < 0:
#             slope, floor = x @ losses / (x @ x), 0.0
# with:


# %% q1, 4 of 12 points: a floor below 0 becomes 0, and A stays what it was
# replace:
#             slope, floor = x @ losses / (x @ x), 0.0
# with:
#             floor = 0.0


# %% q1, 0 of 12 points: the sign of the exponent
# replace:
#     return *best(alpha)[1:], alpha
# with:
#     return *best(alpha)[1:], -alpha


# %% q1, 0 of 12 points: A counts from the smallest model
# replace:
#         return np.sum((floor + slope * x - losses) ** 2), floor, slope * sizes.min() ** alpha
# with:
#         return np.sum((floor + slope * x - losses) ** 2), floor, slope


# %% q1, 4 of 12 points: exponents in steps of 0.05
# replace:
#     alpha = minimize_scalar(lambda alpha: best(alpha)[0], bounds=(0.05, 1), method="bounded").x
# with:
#     alpha = min(np.linspace(0.05, 1, 20), key=lambda alpha: best(alpha)[0])


# %% q1, 0 of 12 points: always the published exponent
# replace:
#     alpha = minimize_scalar(lambda alpha: best(alpha)[0], bounds=(0.05, 1), method="bounded").x
# with:
#     alpha = 0.34


# %% q1, 0 of 12 points: A and E the other way round
# replace:
#     return *best(alpha)[1:], alpha
# with:
#     return best(alpha)[2], best(alpha)[1], alpha


# %% q1, 4 of 12 points: only the first, the middle and the last model
# replace:
#     sizes, losses = np.asarray(sizes, float), np.asarray(losses, float)
# with:
#     places = np.argsort(sizes)[[0, len(sizes) // 2, -1]]
#     sizes, losses = np.asarray(sizes, float)[places], np.asarray(losses, float)[places]
