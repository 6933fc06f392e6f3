"""True boxes and labels of a batch in one form, checked: what every detector is trained with.

`{"boxes": (B, M, 4), "labels": (B, M)}`, boxes "xyxy" in pixels. Pictures have different numbers of
objects, so rows are padded: a label of -1 says that there is no object, whatever its box.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

PADDING = -1  # the label of no object


def pad_truth(boxes: Sequence, labels: Sequence) -> dict[str, np.ndarray]:
    """One list of boxes and one of labels per picture -> padded arrays.

    Args:
        boxes: B arrays (number of objects, 4); a picture without an object has an empty one.
        labels: B arrays (number of objects,).

    Returns:
        `boxes` float32 (B, M, 4) and `labels` int32 (B, M), M the largest number of objects, at
        least 1.

    Raises:
        ValueError: if a picture has not as many labels as boxes, or a box has not four numbers.

    Example:
        >>> truth = pad_truth([[[0, 0, 4, 4], [2, 2, 6, 9]], []], [[3, 1], []])
        >>> truth["boxes"].shape, truth["labels"].tolist()
        ((2, 2, 4), [[3, 1], [-1, -1]])
    """
    if len(boxes) != len(labels):
        raise ValueError(f"boxes of {len(boxes)} pictures and labels of {len(labels)}")
    most = max([1, *map(len, labels)])
    padded = {
        "boxes": np.zeros((len(boxes), most, 4), "float32"),
        "labels": np.full((len(boxes), most), PADDING, "int32"),
    }
    for i, (some, names) in enumerate(zip(boxes, labels, strict=True)):
        if len(some) != len(names) or (len(some) and np.shape(some)[1:] != (4,)):
            raise ValueError(
                f"picture {i}: needs one box of four numbers for each of its {len(names)} labels; "
                f"got boxes of shape {np.shape(some)}"
            )
        if len(some):
            padded["boxes"][i, : len(some)] = some
            padded["labels"][i, : len(some)] = names
    return padded


def dense(truth: Mapping) -> dict:
    """The two parts of a truth, ragged ones padded; for `tf.data.Dataset.map` too.

    Raises:
        ValueError: if it is not a dict with `boxes` and `labels`.
    """
    if not isinstance(truth, Mapping) or not {"boxes", "labels"} <= set(truth):
        raise ValueError(
            'a detector learns from {"boxes": (B, M, 4), "labels": (B, M)}; got '
            + (f"a dict of {sorted(truth)}" if isinstance(truth, Mapping) else type(truth).__name__)
        )
    boxes, labels = truth["boxes"], truth["labels"]
    if isinstance(boxes, tf.RaggedTensor):
        boxes = boxes.to_tensor(shape=[None, None, 4])
    if isinstance(labels, tf.RaggedTensor):
        labels = labels.to_tensor(default_value=PADDING)
    return {"boxes": boxes, "labels": labels}


def check_truth(
    truth: Mapping, image_shape: Sequence[int], num_classes: int
) -> dict[str, np.ndarray]:
    """Refuse what no detector can learn from, and say where it stands.

    Args:
        truth: `boxes` and `labels`: padded arrays, ragged tensors, or lists with one entry per
            picture.
        image_shape: (height, width, ...) of the pictures.
        num_classes: number of classes; labels are 0 to num_classes - 1, and -1 for no object.

    Returns:
        The truth as padded arrays, float32 and int32. Boxes of no object are all zeros.

    Raises:
        ValueError: naming the first box that lies outside the picture, has no area, ends before it
            begins or is not a number, or the first label out of range.

    Example:
        >>> check_truth({"boxes": [[[0, 0, 9, 5]]], "labels": [[0]]}, (8, 8), num_classes=2)
        Traceback (most recent call last):
        ...
        ValueError: picture 0, box 0 (0, 0, 9, 5) reaches outside the picture, which is 8 wide \
and 8 high: clip it, or leave it out
    """
    truth = dense(truth)
    boxes, labels = truth["boxes"], truth["labels"]
    if isinstance(labels, list | tuple):
        truth = pad_truth(boxes, labels)
        boxes, labels = truth["boxes"], truth["labels"]
    boxes, labels = np.asarray(boxes), np.asarray(labels)
    if labels.ndim != 2 or boxes.shape != (*labels.shape, 4):
        raise ValueError(
            f"boxes must be (B, M, 4) and labels (B, M); got {boxes.shape} and {labels.shape}"
        )
    real = labels != PADDING
    boxes = np.where(real[..., None], boxes, 0).astype("float32")
    if not np.array_equal(labels, labels.astype("int32")):
        raise ValueError(f"labels must be integers; got an array of {labels.dtype}")
    height, width = image_shape[:2]
    x1, y1, x2, y2 = np.moveaxis(boxes, -1, 0)
    outside = (x1 < 0) | (y1 < 0) | (x2 > width) | (y2 > height)
    problems = {
        "is not four finite numbers": ~np.isfinite(boxes).all(-1),
        "ends before it begins: the order is x_min, y_min, x_max, y_max": (x2 < x1) | (y2 < y1),
        f"reaches outside the picture, which is {width} wide and {height} high: clip it, or leave "
        "it out": outside,
        "has no area: leave it out": (x2 == x1) | (y2 == y1),
        f"has a label that is not one of 0 to {num_classes - 1}": (labels < 0)
        | (labels >= num_classes),
    }
    for problem, wrong in problems.items():
        if (wrong := wrong & real).any():
            i, j = np.argwhere(wrong)[0]
            what = f"box {j} ({', '.join(f'{v:g}' for v in boxes[i, j])})"
            raise ValueError(f"picture {i}, {what} {problem}")
    return {"boxes": boxes, "labels": labels.astype("int32")}
