# %% q2, 0 of 12 points: takes the target out after the division: rows add up to less than 1
def noise_probabilities(counts, targets, power=0.75):
    weights = counts**power
    rows = np.tile(weights / weights.sum(), (len(targets), 1))
    rows[np.arange(len(targets)), targets] = 0
    return rows


def expected_length(counts, threshold):
    counts = counts[counts > 0]
    ratio = threshold * counts.sum() / counts
    return np.sum(counts * np.minimum(1, np.sqrt(ratio) + ratio))


# %% q2, 0 of 12 points: takes all targets out of every row
def noise_probabilities(counts, targets, power=0.75):
    weights = counts**power
    weights[targets] = 0
    return np.tile(weights / weights.sum(), (len(targets), 1))


def expected_length(counts, threshold):
    counts = counts[counts > 0]
    ratio = threshold * counts.sum() / counts
    return np.sum(counts * np.minimum(1, np.sqrt(ratio) + ratio))


# %% q2, 0 of 12 points: counts each word once, however often it comes
def noise_probabilities(counts, targets, power=0.75):
    weights = np.tile(counts**power, (len(targets), 1))
    weights[np.arange(len(targets)), targets] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def expected_length(counts, threshold):
    counts = counts[counts > 0]
    ratio = threshold * counts.sum() / counts
    return np.sum(np.minimum(1, np.sqrt(ratio) + ratio))


# %% q2, 4 of 12 points: keeps rare words with a probability above 1
def noise_probabilities(counts, targets, power=0.75):
    weights = np.tile(counts**power, (len(targets), 1))
    weights[np.arange(len(targets)), targets] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def expected_length(counts, threshold):
    counts = counts[counts > 0]
    ratio = threshold * counts.sum() / counts
    return np.sum(counts * (np.sqrt(ratio) + ratio))


# %% q2, 4 of 12 points: with the power 0 a word that never comes is drawn: 0 to the power 0 is 1
# replace:
#     weights = np.tile(np.where(counts > 0, counts**power, 0), (len(targets), 1))  # 0 ** 0 is 1
# with:
#     weights = np.tile(counts**power, (len(targets), 1))


# %% q2, 4 of 12 points: divides by counts of 0, and repairs it after the warning
# replace:
#     ratio = threshold * counts.sum() / counts[counts > 0]
#     return np.sum(counts[counts > 0] * np.minimum(1, np.sqrt(ratio) + ratio))
# with:
#     ratio = threshold * counts.sum() / counts
#     return np.nansum(counts * np.minimum(1, np.sqrt(ratio) + ratio))


# %% q2, 4 of 12 points: rounds the expected length to whole words
def noise_probabilities(counts, targets, power=0.75):
    counts = np.asarray(counts, dtype=float)
    weights = np.where(counts > 0, counts**power, 0)
    table = np.tile(weights, (len(targets), 1))
    table[np.arange(len(targets)), targets] = 0
    return table / table.sum(axis=1, keepdims=True)


def expected_length(counts, threshold):
    counts = np.asarray(counts, dtype=float)
    counts = counts[counts > 0]
    f = counts / counts.sum()
    p = np.minimum(1, np.sqrt(threshold / f) + threshold / f)
    return round(float(np.sum(counts * p)))
