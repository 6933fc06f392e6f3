# %% q1, 0 of 12 points: pixels from the first to the last, so one too many
# replace:
#         return np.prod(np.maximum(high - low, 0), axis=-1)
# with:
#         return np.prod(np.maximum(high - low + 1, 0), axis=-1)


# %% q1, 0 of 12 points: the two areas together, the shared part counted twice
# replace:
#     union = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - shared
# with:
#     union = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:])


# %% q1, 0 of 12 points: takes width and height for the lower right corner
# replace:
#     a, b = np.asarray(a, float)[:, None], np.asarray(b, float)[None]
# with:
#     a, b = np.array(a, float)[:, None], np.array(b, float)[None]
#     a[..., 2:] += a[..., :2]
#     b[..., 2:] += b[..., :2]


# %% q1, 0 of 12 points: each box with its partner only, not with all
def overlaps(a, b):
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    union = np.prod(a[:, 2:] - a[:, :2], axis=-1) + np.prod(b[:, 2:] - b[:, :2], axis=-1) - shared
    low, high = np.minimum(a[:, :2], b[:, :2]), np.maximum(a[:, 2:], b[:, 2:])
    around = np.prod(high - low, axis=-1)
    return shared / union, shared / union - (around - union) / around


# %% q1, 0 of 12 points: takes off the empty part relative to what is covered
# replace:
#     return iou, iou - (around - union) / np.where(around > 0, around, 1)
# with:
#     return iou, iou - (around - union) / np.where(union > 0, union, 1)


# %% q1, 4 of 12 points: two negative sides make a positive area
# replace:
#         return np.prod(np.maximum(high - low, 0), axis=-1)
# with:
#         return np.maximum(np.prod(high - low, axis=-1), 0)


# %% q1, 4 of 12 points: divides by no area
# replace:
#     iou = shared / np.where(union > 0, union, 1)
#     return iou, iou - (around - union) / np.where(around > 0, around, 1)
# with:
#     with np.errstate(all="ignore"):
#         iou = shared / union
#         return iou, iou - (around - union) / around


# %% q1, 4 of 12 points: whole numbers only
# replace:
#     a, b = np.asarray(a, float)[:, None], np.asarray(b, float)[None]
# with:
#     a, b = np.asarray(a).astype(int)[:, None], np.asarray(b).astype(int)[None]
