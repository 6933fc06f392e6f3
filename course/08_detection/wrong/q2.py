# %% q2, 0 of 14 points: a small truth loses its best anchor
# replace:
#     while left.max() > 0:
#         anchor, truth = np.unravel_index(left.argmax(), left.shape)
#         goals[anchor] = truth
#         left[anchor], left[:, truth] = 0, 0
#     return goals
# with:
#     return goals


# %% q2, 0 of 14 points: nothing is ignored
# replace:
#     goals = np.where(largest < negative, -1, -2)
# with:
#     goals = np.full(len(left), -1)


# %% q2, 9 of 14 points: fails for a picture without objects
# replace:
#     if left.size == 0:
#         return np.full(len(left), -1)
# with:


# %% q2, 0 of 14 points: only one anchor for each truth
# replace:
#     goals = np.where(largest >= positive, left.argmax(axis=1), goals)
# with:


# %% q2, 5 of 14 points: each truth takes its best anchor, and the last one to come gets it
# replace:
#     while left.max() > 0:
#         anchor, truth = np.unravel_index(left.argmax(), left.shape)
#         goals[anchor] = truth
#         left[anchor], left[:, truth] = 0, 0
#     return goals
# with:
#     goals[left.argmax(axis=0)] = np.arange(left.shape[1])
#     return goals


# %% q2, 5 of 14 points: the truths choose in the order of their numbers
# replace:
#     while left.max() > 0:
#         anchor, truth = np.unravel_index(left.argmax(), left.shape)
#         goals[anchor] = truth
#         left[anchor], left[:, truth] = 0, 0
#     return goals
# with:
#     for truth in range(left.shape[1]):
#         if left[:, truth].max() > 0:
#             anchor = left[:, truth].argmax()
#             goals[anchor] = truth
#             left[anchor] = 0
#     return goals


# %% q2, 5 of 14 points: a truth that overlaps nothing gets an anchor, too
# replace:
#     while left.max() > 0:
#         anchor, truth = np.unravel_index(left.argmax(), left.shape)
#         goals[anchor] = truth
#         left[anchor], left[:, truth] = 0, 0
#     return goals
# with:
#     for _ in range(min(left.shape)):
#         anchor, truth = np.unravel_index(left.argmax(), left.shape)
#         goals[anchor] = truth
#         left[anchor], left[:, truth] = -1, -1
#     return goals


# %% q2, 5 of 14 points: more than positive, and negative itself is background
# replace:
#     goals = np.where(largest < negative, -1, -2)
#     goals = np.where(largest >= positive, left.argmax(axis=1), goals)
# with:
#     goals = np.where(largest <= negative, -1, -2)
#     goals = np.where(largest > positive, left.argmax(axis=1), goals)


# %% q2, 5 of 14 points: crosses out in the caller's own table
# replace:
#     left = np.array(iou, float)
# with:
#     left = iou
