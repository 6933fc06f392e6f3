# %% q4, 0 of 15 points: asks pictures for names
# replace:
#     right = np.diag(similarity)[:, None]
# with:
#     similarity = similarity.T
#     right = np.diag(similarity)[:, None]


# %% q4, 0 of 15 points: a small similarity is a small distance
# replace:
#     better, equal = (similarity > right).sum(axis=1), (similarity == right).sum(axis=1)
# with:
#     better, equal = (similarity < right).sum(axis=1), (similarity == right).sum(axis=1)


# %% q4, 0 of 15 points: ties are in favour of the model
# replace:
#     h = np.clip((k - better) / equal, 0, 1)
# with:
#     h = (better < k).astype(float)


# %% q4, 0 of 15 points: ties are against the model
# replace:
#     h = np.clip((k - better) / equal, 0, 1)
# with:
#     h = (better + equal <= k).astype(float)


# %% q4, 0 of 15 points: ties in the middle
# replace:
#     h = np.clip((k - better) / equal, 0, 1)
# with:
#     h = (better + (equal - 1) / 2 < k).astype(float)


# %% q4, 0 of 15 points: the right column does not count among the equal ones
# replace:
#     h = np.clip((k - better) / equal, 0, 1)
# with:
#     h = np.clip((k - better) / np.maximum(equal - 1, 1), 0, 1)


# %% q4, 0 of 15 points: one place too few
# replace:
#     h = np.clip((k - better) / equal, 0, 1)
# with:
#     h = np.clip((k - 1 - better) / equal, 0, 1)


# %% q4, 5 of 15 points: what is within 0.01 counts as equal
# replace:
#     better, equal = (similarity > right).sum(axis=1), (similarity == right).sum(axis=1)
# with:
#     better = (similarity > right + 0.01).sum(axis=1)
#     equal = (abs(similarity - right) <= 0.01).sum(axis=1)


# %% q4, 0 of 15 points: every emoji is a try of its own
# replace:
#     sums = np.array([(h - h.mean())[names == name].sum() for name in np.unique(names)])
# with:
#     sums = h - h.mean()


# %% q4, 0 of 15 points: the formula for shares
# replace:
#     width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)
# with:
#     width = 1.96 * np.sqrt(h.mean() * (1 - h.mean()) / len(h))


# %% q4, 0 of 15 points: G in place of G - 1
# replace:
#     width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)
# with:
#     width = 1.96 * np.sqrt((sums**2).sum()) / len(h)


# %% q4, 0 of 15 points: one standard error
# replace:
#     width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)
# with:
#     width = np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)


# %% q4, 0 of 15 points: divides by the number of families
# replace:
#     width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)
# with:
#     width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(sums)


# %% q4, 0 of 15 points: ends beyond 0 and 1
# replace:
#     return h.mean(), max(h.mean() - width, 0.0), min(h.mean() + width, 1.0)
# with:
#     return h.mean(), h.mean() - width, h.mean() + width


# %% q4, 0 of 15 points: the mean of the families' means
# replace:
#     sums = np.array([(h - h.mean())[names == name].sum() for name in np.unique(names)])
# with:
#     means = np.array([h[names == name].mean() for name in np.unique(names)])
#     width = 1.96 * means.std(ddof=1) / np.sqrt(len(means))
#     return means.mean(), max(means.mean() - width, 0.0), min(means.mean() + width, 1.0)
# replace:
#     width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)
#     return h.mean(), max(h.mean() - width, 0.0), min(h.mean() + width, 1.0)
# with:


# %% q4, 0 of 15 points: a family ends where another begins
# replace:
#     sums = np.array([(h - h.mean())[names == name].sum() for name in np.unique(names)])
# with:
#     cuts = np.flatnonzero(names[1:] != names[:-1]) + 1
#     sums = np.array([part.sum() for part in np.split(h - h.mean(), cuts)])


# %% q4, 5 of 15 points: takes what is nearly equal for a tie
def recall(similarity, k, families):
    s = np.asarray(similarity, float)
    own = np.diag(s)[:, None]
    tie = np.isclose(s, own)
    better = ((s > own) & ~tie).sum(axis=1)
    h = np.clip((k - better) / tie.sum(axis=1), 0, 1)
    mean, N = h.mean(), len(h)
    groups, number = np.unique(np.asarray(families), return_inverse=True)
    G = len(groups)
    sums = np.bincount(number, weights=h - mean)
    se = np.sqrt(G / (G - 1) * np.sum(sums**2)) / N
    return mean, max(0.0, mean - 1.96 * se), min(1.0, mean + 1.96 * se)
