# %% q6, 0 of 14 points: from the corner of each place, not from its middle
# replace:
#     places = np.array([((j + 0.5) * 128 / n, (i + 0.5) * 128 / n) for n, (i, j, _) in maps])
# with:
#     places = np.array([(j * 128 / n, i * 128 / n) for n, (i, j, _) in maps])


# %% q6, 0 of 14 points: rows to the right and columns downwards
# replace:
#     places = np.array([((j + 0.5) * 128 / n, (i + 0.5) * 128 / n) for n, (i, j, _) in maps])
# with:
#     places = np.array([((i + 0.5) * 128 / n, (j + 0.5) * 128 / n) for n, (i, j, _) in maps])


# %% q6, 0 of 14 points: first the one anchor of all places, then the other
# replace:
#     maps = [(n, each) for n, count in ((16, 2), (8, 6)) for each in np.ndindex(n, n, count)]
# with:
#     maps = [(16, (i, j, a)) for a, i, j in np.ndindex(2, 16, 16)]
#     maps += [(8, (i, j, a)) for a, i, j in np.ndindex(6, 8, 8)]


# %% q6, 0 of 14 points: suppresses where BlazeFace blends
# replace:
#         found.append([*np.average(group, axis=0, weights=weights), weights[0]])
# with:
#         found.append([*group[0], weights[0]])


# %% q6, 0 of 14 points: the plain mean of a group
# replace:
#         found.append([*np.average(group, axis=0, weights=weights), weights[0]])
# with:
#         found.append([*np.mean(group, axis=0), weights[0]])


# %% q6, 0 of 14 points: the mean of the scores as well
# replace:
#         found.append([*np.average(group, axis=0, weights=weights), weights[0]])
# with:
#         found.append([*np.average(group, axis=0, weights=weights), np.mean(weights)])


# %% q6, 0 of 14 points: raw scores above 0.5, and no sigmoid
# replace:
#     scores = keras.ops.sigmoid(raw_scores).numpy()
# with:
#     scores = np.asarray(raw_scores)


# %% q6, 0 of 14 points: width and height as a factor of the place's size
# replace:
#     middle, half = places + raw_boxes[:, :2], raw_boxes[:, 2:4] / 2
# with:
#     size = np.array([[128 / n] for n, _ in maps])
#     middle, half = places + raw_boxes[:, :2], raw_boxes[:, 2:4] / 128 * size


# %% q6, 0 of 14 points: no face is an empty list without a second axis
# replace:
#     return np.reshape(found, (-1, 5))
# with:
#     return np.array(found)


# %% q6, 5 of 14 points: groups at an IoU of one half
# replace:
#         same = np.asarray(detection.pairwise_iou(boxes[left[:1]], boxes[left]))[0] > 0.3
# with:
#         same = np.asarray(detection.pairwise_iou(boxes[left[:1]], boxes[left]))[0] > 0.5


# %% q6, 5 of 14 points: all that overlap a box already in the group, one after the other
# replace:
#         same = np.asarray(detection.pairwise_iou(boxes[left[:1]], boxes[left]))[0] > 0.3
# with:
#         near = np.asarray(detection.pairwise_iou(boxes[left], boxes[left])) > 0.3
#         same = near[0]
#         for _ in left:
#             same = near[same].any(axis=0)


# %% q6, 5 of 14 points: a score of 0.5 is no face
# replace:
#     left, found = np.argsort(-scores)[: np.sum(scores >= 0.5)], []
# with:
#     left, found = np.argsort(-scores)[: np.sum(scores > 0.5)], []
