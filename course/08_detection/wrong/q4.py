# %% q4, 0 of 13 points: doubles count as right
# replace:
#     right = np.zeros(len(found), bool)
#     right[np.unique(found, return_index=True)[1]] = True
#     right &= found >= 0
# with:
#     right = found >= 0


# %% q4, 0 of 13 points: without the envelope
# replace:
#     envelope = np.maximum.accumulate(precision[::-1])[::-1]
# with:
#     envelope = precision


# %% q4, 0 of 13 points: the envelope of what came before
# replace:
#     envelope = np.maximum.accumulate(precision[::-1])[::-1]
# with:
#     envelope = np.maximum.accumulate(precision)


# %% q4, 0 of 13 points: the mean at eleven places, as Pascal VOC did until 2009
# replace:
#     return (right * envelope).sum() / num_truths
# with:
#     recall = np.cumsum(right) / num_truths
#     return np.mean([max(precision[recall >= r], default=0) for r in np.arange(11) / 10])


# %% q4, 0 of 13 points: divides by the truths that were found
# replace:
#     return (right * envelope).sum() / num_truths
# with:
#     return (right * envelope).sum() / max(right.sum(), 1)


# %% q4, 0 of 13 points: does not sort
# replace:
#     found = np.asarray(found)[np.argsort(-np.asarray(scores))]
# with:
#     found = np.asarray(found)


# %% q4, 0 of 13 points: from the lowest score to the highest
# replace:
#     found = np.asarray(found)[np.argsort(-np.asarray(scores))]
# with:
#     found = np.asarray(found)[np.argsort(np.asarray(scores))]


# %% q4, 9 of 13 points: fails without a detection
# replace:
#     return (right * envelope).sum() / num_truths
# with:
#     area = 0 * envelope[0]
#     return area + (right * envelope).sum() / num_truths


# %% q4, 0 of 13 points: the maximum of two neighbours, not of all that follow
# replace:
#     envelope = np.maximum.accumulate(precision[::-1])[::-1]
# with:
#     envelope = np.maximum(precision, np.append(precision, [0, 0])[2:])


# %% q4, 0 of 13 points: the first false alarm counts as a find
# replace:
#     right &= found >= 0
# with:
