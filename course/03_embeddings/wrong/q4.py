# %% q4, 0 of 16 points: keeps the negative values: PMI, not PPMI
def ppmi(counts, k=1):
    chance = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    ratio = np.ones(counts.shape)
    np.divide(counts, k * chance, out=ratio, where=counts > 0)
    return np.log(ratio)


def svd_vectors(table, d):
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return u[:, :d] * np.sqrt(s[:d])


# %% q4, 0 of 16 points: takes the shift away after the negative values have become 0
def ppmi(counts, k=1):
    chance = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    ratio = np.ones(counts.shape)
    np.divide(counts, chance, out=ratio, where=counts > 0)
    return np.log(np.maximum(ratio, 1)) - np.log(k)


def svd_vectors(table, d):
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return u[:, :d] * np.sqrt(s[:d])


# %% q4, 0 of 16 points: vectors without the root of the singular values
def ppmi(counts, k=1):
    chance = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / (counts.sum() or 1)
    ratio = np.ones(counts.shape)
    np.divide(counts, k * chance, out=ratio, where=counts > 0)
    return np.log(np.maximum(ratio, 1))


def svd_vectors(table, d):
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return u[:, :d] * s[:d]


# %% q4, 5 of 16 points: a word that never came gives 0 / 0, and a row of nan
def ppmi(counts, k=1):
    chance = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    with np.errstate(all="ignore"):
        return np.maximum(0, np.log(counts / (k * chance)))


def svd_vectors(table, d):
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return u[:, :d] * np.sqrt(s[:d])


# %% q4, 5 of 16 points: guards the sum with max(…, 1), which changes a sum of shares
def ppmi(counts, k=1):
    total = max(counts.sum(), 1)
    chance = k * counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / total
    ratio = np.divide(counts, chance, out=np.zeros(counts.shape), where=chance > 0)
    return np.log(np.maximum(ratio, 1))


def svd_vectors(table, d):
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return u[:, :d] * np.sqrt(s[:d])


# %% q4, 5 of 16 points: rounds k to a whole number
# replace:
#     chance = k * counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / total
# with:
#     chance = int(k) * counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / total


# %% q4, 5 of 16 points: a table without any count gives 0 / 0
# replace:
#     total = counts.sum() or 1
# with:
#     total = counts.sum()
# replace:
#     ratio = np.divide(counts, chance, out=np.zeros_like(counts), where=chance > 0)
# with:
#     ratio = np.divide(counts, chance, out=np.zeros_like(counts), where=chance != 0)


# %% q4, 5 of 16 points: takes the logarithm of 0, and repairs it after the warning
# replace:
#     return np.log(np.maximum(ratio, 1))  # max(0, ln r) = ln(max(1, r))
# with:
#     return np.maximum(np.log(ratio), 0)


# %% q4, 5 of 16 points: the root of an eigenvalue that is 0, or a little less
# replace:
#     u, s, _ = np.linalg.svd(table, full_matrices=False)
#     return u[:, :d] * np.sqrt(s[:d])
# with:
#     values, u = np.linalg.eigh(table @ table.T)
#     with np.errstate(all="ignore"):
#         return u[:, ::-1][:, :d] * np.sqrt(np.sqrt(values[::-1][:d]))
