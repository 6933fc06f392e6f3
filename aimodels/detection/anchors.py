"""Anchors: the boxes that a detector begins from, at every place of every feature map."""

from collections.abc import Sequence

import numpy as np

from aimodels.checks import check_positive_int


def pyramid_anchors(
    image_shape: Sequence[int],
    strides: Sequence[int],
    sizes: Sequence[float] | None = None,
    scales: Sequence[float] = (1.0, 2**0.5),
    aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
) -> np.ndarray:
    r"""Anchors of a pyramid of feature maps.

    The map with stride $s$ has $\lceil H/s \rceil \times \lceil W/s \rceil$ places, with centers
    at $((j + \tfrac12) s, (i + \tfrac12) s)$. At each stand anchors of all scales $k$ and ratios
    $r$, of the area $(k a)^2$ for the level's size $a$:

    $$ w = k a / \sqrt r, \qquad h = k a \sqrt r $$

    Args:
        image_shape: (height, width, ...) of the picture.
        strides: pixels between two places, one per level.
        sizes: side of a square anchor, in pixels, one per level; 4 strides if None.
        scales: factors of the size.
        aspect_ratios: height / width.

    Returns:
        float32 (A, 4), "xyxy": level by level, row by row, place by place, scale by scale, ratio
        by ratio, which is the order of a convolution's output reshaped to (A, 4). Anchors may reach
        over the picture's edges.

    Raises:
        ValueError: if a number is not positive, or numbers of levels differ.

    Reference:
        [ren2015]; on a pyramid [lin2017focal].

    Example:
        >>> pyramid_anchors((16, 16), strides=[8], sizes=[8], scales=[1], aspect_ratios=[1])
        array([[ 0.,  0.,  8.,  8.],
               [ 8.,  0., 16.,  8.],
               [ 0.,  8.,  8., 16.],
               [ 8.,  8., 16., 16.]], dtype=float32)
    """
    for number in [*image_shape[:2], *strides]:
        check_positive_int(**{"image_shape and strides": number})
    sizes = [4 * stride for stride in strides] if sizes is None else sizes
    if len(sizes) != len(strides) or not len(strides):
        raise ValueError(f"sizes and strides need one number per level; got {sizes} and {strides}")
    for name, numbers in {"sizes": sizes, "scales": scales, "aspect_ratios": aspect_ratios}.items():
        if not len(numbers) or not all(number > 0 for number in numbers):
            raise ValueError(f"{name} must be a list of positive numbers; got {numbers!r}")
    ratio = np.tile(aspect_ratios, len(scales)) ** 0.5
    side = np.repeat(scales, len(aspect_ratios))
    shape = np.stack([side / ratio, side * ratio], axis=-1)  # width, height for a size of one
    levels = []
    for stride, size in zip(strides, sizes, strict=True):
        y, x = ((np.arange(-(-n // stride)) + 0.5) * stride for n in image_shape[:2])
        center = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]  # (H', W', 1, 2)
        half = size * shape / 2
        levels.append(np.concatenate([center - half, center + half], axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype("float32")
