# ---
# jupyter:
#   aimodels:
#     title: "Exercises: Object detection"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: Object detection
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import numpy as np

from aimodels import data, detection
from aimodels.course import claim, measured
from aimodels.metrics import mean_average_precision

# %% [markdown]
# ## Exercise 1: by hand
#
# The first two share a square of 2 × 2, so 4 pixels; together they cover 16 + 16 − 4 = 28. IoU is
# 4 / 28 = 1 / 7.
#
# The other two share nothing. Their union is 4 + 4 = 8; the smallest box around both is 6 × 2 = 12.
# GIoU = 0 − (12 − 8) / 12 = −1 / 3. It is negative where boxes are apart, and the farther apart,
# the more negative: so a gradient can pull them together, where that of IoU is zero.

# %%
iou = float(detection.iou([0, 0, 4, 4], [2, 2, 6, 6]))
giou = float(detection.giou([0, 0, 2, 2], [4, 0, 6, 2]))
print(f"IoU {iou:.4f}, GIoU {giou:.4f}")
assert np.isclose(iou, 1 / 7)
assert np.isclose(giou, -1 / 3)

# %% [markdown]
# ## Exercise 2: doubles
#
# Down the list stand right, wrong (the object is taken), right, wrong. Precision is 1, 1/2, 2/3,
# 1/2; recall 1/2, 1/2, 1, 1. By COCO's rule the precision counts 1 up to a recall of 0.5, and 2/3
# beyond: (51 + 50 · 2/3) / 101. With NMS both right ones stand first: 1.

# %%
first, second = [0, 0, 10, 10], [30, 30, 40, 40]
truth = {"boxes": [[first, second]], "labels": [[0, 0]]}


def average_precision(truth, boxes, confidence):
    found = {"boxes": [boxes], "confidence": [confidence], "labels": [[0] * len(boxes)]}
    return mean_average_precision(truth, found, num_classes=1)["mAP@0.5"]


doubled = average_precision(truth, [first, first, second, second], [0.9, 0.8, 0.7, 0.6])
single = average_precision(truth, [first, second], [0.9, 0.7])
print(f"without NMS {doubled:.4f}, with it {single:.4f}")
assert np.isclose(doubled, (51 + 50 * 2 / 3) / 101)

# %% [markdown]
# With one object, the right box comes first and reaches a recall of 1 with a precision of 1. What
# stands behind it in the list cannot take that back. (A double does harm as soon as the list goes
# on to another object, and that is always so with many pictures.)

# %%
one = {"boxes": [[first]], "labels": [[0]]}
twice = average_precision(one, [first, first], [0.9, 0.8])
print(f"one object, reported twice: {twice:.4f}")

# %% [markdown]
# ## Exercise 3: what can anchors reach?
#
# An object whose best anchor overlaps little has only that one to learn from.

# %%
_, scenes = data.arrays("digit_scenes", "train")
boxes = scenes["boxes"][scenes["labels"] >= 0]


def reached(**arguments):
    """Share of the true boxes with an IoU of at least 0.5 with some anchor."""
    anchors = detection.pyramid_anchors((64, 64), **arguments)
    best = [detection.pairwise_iou(boxes[i : i + 500], anchors) for i in range(0, len(boxes), 500)]
    return np.mean(np.concatenate([np.max(part, axis=1) for part in best]) >= 0.5)


shapes = {"scales": (1.0, 1.26), "aspect_ratios": (1.0, 1.5)}
ours = reached(strides=(4, 8), sizes=(14, 22), **shapes)
square = reached(strides=(8,), sizes=(22,), scales=(1.0,), aspect_ratios=(1.0,))
claim("the lesson's anchors", ours, at_least=0.99)
claim("one square on the coarse map", square, at_most=measured(ours - 0.2))

# %% [markdown]
# ## Exercise 4: soft suppression
#
# Nothing is removed; a box that overlaps with a better one loses confidence, and may fall behind
# others, so the order is found anew in each step.


# %%
def soft_suppression(boxes, confidence):
    """The numbers of all boxes in their new order, and their new confidences."""
    confidence, left, order = np.array(confidence, float), list(range(len(boxes))), []
    while left:
        best = max(left, key=lambda i: confidence[i])
        left.remove(best)
        order.append(best)
        for i in left:
            confidence[i] *= np.exp(-(float(detection.iou(boxes[best], boxes[i])) ** 2) / 0.5)
    return order, confidence


# %% [markdown]
# Two people who stand close together: their boxes overlap by an IoU of two thirds.

# %%
pair = np.float32([[0, 0, 10, 20], [2, 0, 12, 20]])
order, confidence = soft_suppression(pair, [0.95, 0.9])
print("IoU", round(float(detection.iou(*pair)), 3), "confidences", confidence.round(3))
print("hard NMS keeps box", *np.flatnonzero(detection.keep_best(pair)))
assert order == [0, 1]
assert np.isclose(confidence[1], 0.9 * np.exp(-((2 / 3) ** 2) / 0.5))

# %% [markdown]
# The soft form keeps both, the second with less confidence; the hard form loses a person. The price
# is that doubles stay in the list, too, only lower.
#
# ## Exercise 5: the price of a pixel
#
# 20 × 20: the intersection is 19 · 20, the union 21 · 20, IoU 19/21. 6 × 6: 5/7.

# %%
for side in (20, 6):
    overlap = float(detection.iou([0, 0, side, side], [1, 0, side + 1, side]))
    print(f"{side} x {side}: IoU {overlap:.3f}")
assert 5 / 7 < 0.75 < 19 / 21

# %% [markdown]
# The small box falls below 0.75, by one pixel. So at the strict thresholds of mAP@[.5:.95] a small
# object counts as found only if its box is exact to a fraction of a pixel; part of the low numbers
# for small objects comes from the measure itself.
