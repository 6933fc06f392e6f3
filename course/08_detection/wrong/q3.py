# %% q3, 0 of 13 points: one class suppresses the other
# replace:
#         rivals = [j for j in kept if labels[j] == labels[i]]
# with:
#         rivals = kept


# %% q3, 9 of 13 points: an IoU equal to the threshold is dropped as well
# replace:
#         if not np.isnan(scores[i]) and all(iou[i, j] <= threshold for j in rivals):
# with:
#         if not np.isnan(scores[i]) and all(iou[i, j] < threshold for j in rivals):


# %% q3, 0 of 13 points: begins with the lowest score
# replace:
#     for i in np.argsort(-scores):
# with:
#     for i in np.argsort(scores):


# %% q3, 0 of 13 points: what has been dropped goes on dropping
def suppress(iou, scores, labels, threshold):
    labels = np.asarray(labels)
    better = scores[None] > scores[:, None]
    rivals = (iou > threshold) & (labels[None] == labels[:, None]) & better
    order = np.argsort(-scores)
    return [i for i in order if not rivals[i].any() and not np.isnan(scores[i])]


# %% q3, 4 of 13 points: keeps the order in which the detections came
# replace:
#     return kept
# with:
#     return sorted(kept)


# %% q3, 4 of 13 points: scores that are no numbers come first, and are kept
# replace:
#     for i in np.argsort(-scores):
# with:
#     for i in np.argsort(scores)[::-1]:
# replace:
#         if not np.isnan(scores[i]) and all(iou[i, j] <= threshold for j in rivals):
# with:
#         if all(iou[i, j] <= threshold for j in rivals):


# %% q3, 0 of 13 points: class after class, and not one order
# replace:
#     for i in np.argsort(-scores):
# with:
#     for i in np.lexsort([-scores, labels]):


# %% q3, 4 of 13 points: a score below 0 is none
# replace:
#         if not np.isnan(scores[i]) and all(iou[i, j] <= threshold for j in rivals):
# with:
#         if scores[i] > 0 and all(iou[i, j] <= threshold for j in rivals):


# %% q3, 4 of 13 points: fails if there is no detection
# replace:
#     kept = []
#     for i in np.argsort(-scores):
# with:
#     kept = [int(np.nanargmax(scores))]
#     for i in np.argsort(-scores)[1:]:
