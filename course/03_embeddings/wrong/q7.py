# %% q7, 0 of 14 points: bare counts, so that the longer texts of the one class win
# replace:
#     weight = {p: np.log((n[1][p] + 1) / (n[0][p] + 1)) + bias for p in n[0] | n[1]}
# with:
#     weight = {p: n[1][p] - n[0][p] for p in n[0] | n[1]}


# %% q7, 0 of 14 points: the class that comes most often, whatever is written
# replace:
#     return lambda texts: np.array([sum(weight.get(p, 0.0) for p in pieces(t)) for t in texts])
# with:
#     return lambda texts: np.full(len(texts), labels.mean() - 0.5)


# %% q7, 0 of 14 points: stops at a piece that it has never seen
# replace:
#     return lambda texts: np.array([sum(weight.get(p, 0.0) for p in pieces(t)) for t in texts])
# with:
#     return lambda texts: np.array([sum(weight[p] for p in pieces(t)) for t in texts])


# %% q7, 0 of 14 points: the highest scores among the mistakes, and not the surest ones
# replace:
#     return mistakes[np.argsort(-np.abs(scores[mistakes]))][:k]
# with:
#     return mistakes[np.argsort(-scores[mistakes])][:k]


# %% q7, 4 of 14 points: has learned from the reviews of the notebook, whatever it is given
# replace:
#     for text, label in zip(texts, labels, strict=True):
# with:
#     for text, label in zip(reviews_training, opinions_training, strict=True):


# %% q7, 4 of 14 points: the border is the median of the texts that it is asked for
# replace:
#     return lambda texts: np.array([sum(weight.get(p, 0.0) for p in pieces(t)) for t in texts])
# with:
#     def scores(texts):
#         found = np.array([sum(weight.get(p, 0.0) for p in pieces(t)) for t in texts])
#         return found - np.median(found)
#
#     return scores


# %% q7, 4 of 14 points: the surest of all reviews, right or wrong, if there are few
# replace:
#     mistakes = np.flatnonzero((scores > 0) != labels)
# with:
#     mistakes = np.flatnonzero((scores > 0) != labels)
#     if len(mistakes) < k:
#         mistakes = np.arange(len(scores))
