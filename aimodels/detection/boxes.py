r"""Boxes: their formats, how much two of them overlap, and their code relative to an anchor.

A box is `(x_min, y_min, x_max, y_max)` in pixels, "xyxy". A pixel is a square of side 1 and the
picture's left upper corner is (0, 0), so a box around one single pixel is one wide and one high:
`x_max` is where it ends, not its last pixel. All functions take arrays and tensors of any shape
(..., 4), float32 or what becomes it.
"""

from collections.abc import Sequence

import numpy as np
from keras import ops

TO_CORNERS = {
    "xyxy": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "yxyx": lambda y1, x1, y2, x2: (x1, y1, x2, y2),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "center_xywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
FROM_CORNERS = {
    "xyxy": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "yxyx": lambda x1, y1, x2, y2: (y1, x1, y2, x2),
    "xywh": lambda x1, y1, x2, y2: (x1, y1, x2 - x1, y2 - y1),
    "center_xywh": lambda x1, y1, x2, y2: ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
}
LARGEST_LOG_SCALE = float(np.log(1000 / 16))  # a decoded box is at most this much larger


def _parts(boxes):
    boxes = ops.convert_to_tensor(boxes)
    if boxes.shape[-1] != 4:
        raise ValueError(f"boxes must be (..., 4), four numbers each; got shape {boxes.shape}")
    boxes = ops.cast(boxes, "float32")
    return tuple(boxes[..., i] for i in range(4))


def convert_format(boxes, source: str, target: str, image_shape: Sequence[int] | None = None):
    """Write boxes in another format.

    Args:
        boxes: (..., 4).
        source: format of `boxes`: "xyxy", "yxyx", "xywh" (left upper corner and size) or
            "center_xywh" (center and size); in pixels, or with "rel_" before it in parts of the
            picture's width and height.
        target: format to write.
        image_shape: (height, width, ...), needed where one format is relative and one is not.

    Raises:
        ValueError: if there is no such format, or `image_shape` is missing.

    Example:
        >>> convert_format([10, 20, 30, 60], "xyxy", "xywh").numpy().tolist()
        [10.0, 20.0, 20.0, 40.0]
        >>> convert_format([10, 20, 30, 60], "xyxy", "rel_yxyx", (80, 40)).numpy().tolist()
        [0.25, 0.25, 0.75, 0.75]
    """
    for name in (source, target):
        if str(name).removeprefix("rel_") not in TO_CORNERS:
            raise ValueError(
                f"no box format {name!r}; there are {', '.join(TO_CORNERS)}, each also with rel_"
            )
    corners = TO_CORNERS[source.removeprefix("rel_")](*_parts(boxes))
    from_relative, to_relative = source.startswith("rel_"), target.startswith("rel_")
    if from_relative != to_relative:
        if image_shape is None:
            raise ValueError(f"from {source} to {target} needs image_shape, (height, width)")
        height, width = (float(n) if from_relative else 1 / float(n) for n in image_shape[:2])
        corners = [part * size for part, size in zip(corners, [width, height] * 2, strict=True)]
    return ops.stack(FROM_CORNERS[target.removeprefix("rel_")](*corners), axis=-1)


def area(boxes):
    """Width times height, (..., 4) -> (...); 0 for a box that ends before it begins.

    Example:
        >>> area([[0, 0, 2, 3], [5, 5, 4, 9]]).numpy().tolist()
        [6.0, 0.0]
    """
    x1, y1, x2, y2 = _parts(boxes)
    return ops.maximum(x2 - x1, 0.0) * ops.maximum(y2 - y1, 0.0)


def _intersection_and_union(boxes, others):
    (a1, b1, a2, b2), (c1, d1, c2, d2) = _parts(boxes), _parts(others)
    width = ops.maximum(ops.minimum(a2, c2) - ops.maximum(a1, c1), 0.0)
    height = ops.maximum(ops.minimum(b2, d2) - ops.maximum(b1, d1), 0.0)
    intersection = width * height
    return intersection, area(boxes) + area(others) - intersection


def _ratio(part, whole):
    """0 where there is nothing to divide by, and no NaN in the gradient either."""
    empty = ops.equal(whole, 0.0)
    return ops.where(empty, 0.0, part) / ops.where(empty, 1.0, whole)


def iou(boxes, others):
    r"""Intersection over union of each box with its partner.

    $$ \mathrm{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|} $$

    Args:
        boxes: (..., 4).
        others: (..., 4); the shapes broadcast, so one box can meet many.

    Returns:
        (...), in [0, 1]; 0 if both boxes have no area.

    Reference:
        [everingham2010].

    Example:
        >>> iou([0, 0, 2, 2], [[0, 0, 2, 1], [0, 0, 2, 2], [5, 5, 6, 6]]).numpy().tolist()
        [0.5, 1.0, 0.0]
    """
    return _ratio(*_intersection_and_union(boxes, others))


def pairwise_iou(boxes, others):
    """`iou` of every box with every other: (..., N, 4) and (..., M, 4) -> (..., N, M).

    Example:
        >>> pairwise_iou([[0, 0, 2, 2], [9, 9, 9, 9]], [[0, 0, 2, 1]]).numpy().tolist()
        [[0.5], [0.0]]
    """
    return iou(ops.expand_dims(boxes, -2), ops.expand_dims(others, -3))


def giou(boxes, others):
    r"""Generalised IoU: it says how far apart boxes are that do not touch, where IoU is just 0.

    $$ \mathrm{GIoU} = \mathrm{IoU} - \frac{|C| - |A \cup B|}{|C|} $$

    with the smallest box $C$ around both.

    Args:
        boxes: (..., 4).
        others: (..., 4), broadcast as in `iou`.

    Returns:
        (...), in (-1, 1].

    Reference:
        [rezatofighi2019].

    Example:
        >>> giou([0, 0, 1, 1], [[1, 0, 2, 1], [3, 0, 4, 1]]).numpy().tolist()
        [0.0, -0.5]
    """
    (a1, b1, a2, b2), (c1, d1, c2, d2) = _parts(boxes), _parts(others)
    intersection, union = _intersection_and_union(boxes, others)
    hull = (ops.maximum(a2, c2) - ops.minimum(a1, c1)) * (ops.maximum(b2, d2) - ops.minimum(b1, d1))
    return _ratio(intersection, union) - _ratio(hull - union, hull)


def clip(boxes, image_shape: Sequence[int]):
    """Cut boxes off at the picture's edges.

    Args:
        boxes: (..., 4).
        image_shape: (height, width, ...).

    Example:
        >>> clip([-5, 2, 50, 99], (20, 30)).numpy().tolist()
        [0.0, 2.0, 30.0, 20.0]
    """
    height, width = image_shape[:2]
    limits = ops.cast(ops.stack([width, height, width, height]), "float32")
    return ops.clip(ops.stack(_parts(boxes), axis=-1), 0.0, limits)


def encode(boxes, anchors, scale: Sequence[float] = (0.1, 0.1, 0.2, 0.2)):
    r"""What a network must say at an anchor for this box.

    $$ t = \left(\frac{x - x_a}{w_a s_1},\; \frac{y - y_a}{h_a s_2},\;
       \frac{\ln(w / w_a)}{s_3},\; \frac{\ln(h / h_a)}{s_4}\right) $$

    with centers $(x, y)$ and sizes $w, h$. The numbers are of order one for a box that overlaps
    with its anchor, and the same for a box and anchor twice as large.

    Args:
        boxes: (..., 4).
        anchors: (..., 4), of positive width and height; the shapes broadcast.
        scale: $s$, how far a box usually lies from its anchor.

    Returns:
        Codes (..., 4). A box without width or height gets a number, but it does not decode.

    Reference:
        [girshick2014], appendix C; the scales are those of [liu2016ssd]'s code.

    Example:
        >>> anchor = [10, 10, 30, 30]
        >>> encode([12, 10, 32, 30], anchor).numpy().tolist()
        [1.0, 0.0, 0.0, 0.0]
    """
    x, y, w, h = _parts(convert_format(boxes, "xyxy", "center_xywh"))
    xa, ya, wa, ha = _parts(convert_format(anchors, "xyxy", "center_xywh"))
    logs = [ops.log(ops.maximum(a, 1e-6) / b) for a, b in ((w, wa), (h, ha))]
    return ops.stack([(x - xa) / wa, (y - ya) / ha, *logs], axis=-1) / np.float32(scale)


def decode(codes, anchors, scale: Sequence[float] = (0.1, 0.1, 0.2, 0.2)):
    r"""The box that a code stands for: `encode` backwards.

    $$ x = x_a + s_1 t_1 w_a, \quad w = w_a\, e^{s_3 t_3} $$

    and so for y and h. The exponent is at most ln(1000 / 16), so that a network that is not trained
    yet gives no infinite box.

    Args:
        codes: (..., 4).
        anchors: (..., 4), broadcast.
        scale: as in `encode`.

    Returns:
        Boxes (..., 4), which may reach over the picture's edges: see `clip`.

    Example:
        >>> anchor = [10.0, 10.0, 30.0, 30.0]
        >>> decode(encode([12, 5, 32, 45], anchor), anchor).numpy().round(3).tolist()
        [12.0, 5.0, 32.0, 45.0]
    """
    dx, dy, dw, dh = _parts(ops.cast(codes, "float32") * np.float32(scale))
    xa, ya, wa, ha = _parts(convert_format(anchors, "xyxy", "center_xywh"))
    w, h = (
        ops.exp(ops.minimum(log, LARGEST_LOG_SCALE)) * size for log, size in ((dw, wa), (dh, ha))
    )
    box = ops.stack([xa + dx * wa, ya + dy * ha, w, h], axis=-1)
    return convert_format(box, "center_xywh", "xyxy")
