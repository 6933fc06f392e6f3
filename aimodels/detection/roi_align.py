r"""RoI align: what a feature map holds inside a box, as a grid of fixed size.

A box's corners fall between the places of the map. Rounding them to whole places, as RoI pooling
did, moves a small object by half of its size; RoI align interpolates instead.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from aimodels.checks import check_positive_int


def roi_align(
    features,
    boxes,
    output_size: int | Sequence[int] = 7,
    *,
    spatial_scale: float = 1.0,
    sampling_ratio: int = 2,
    aligned: bool = True,
):
    r"""Average of bilinear samples in each cell of a grid over each box.

    Along one axis, cell $p$ of $P$ over a box from $a$ to $b$ (in places of the map) is sampled at

    $$ y_{ps} = a + \frac{b - a}{P}\Bigl(p + \frac{s + 1/2}{S}\Bigr) - \frac12,
    \qquad s = 0 \dots S - 1 $$

    A sample between two places takes $1 - |y - h|$ of place $h$, and both axes do so alike. So the
    result is two matrix products with the averaged shares $R$ (P, H) and $C$ (Q, W),

    $$ Y_{pqc} = \sum_{h,w} R_{ph}\, C_{qw}\, X_{hwc} $$

    of one shape for all boxes: XLA compiles them, and their gradient is again two products.

    Args:
        features: (B, H, W, C), a map of each picture.
        boxes: (B, N, 4), (x_min, y_min, x_max, y_max) in pixels of the picture.
        output_size: (P, Q), height and width of the grid, or one number for both.
        spatial_scale: places of the map per pixel: 1/8 for a map of stride 8.
        sampling_ratio: S, samples in a cell along each axis.
        aligned: the first place's centre is at half a place, as in pictures ("half_pixel" in
            ONNX). False is the older form ("output_half_pixel"): no - 1/2, and a box has at least
            the size of one place.

    Returns:
        (B, N, P, Q, C). Samples more than one place outside the map count as 0; nearer ones take
        the place at the edge. A box of size 0 gives the map's value at its point.

    Raises:
        ValueError: if a shape does not fit or a size is no positive integer; it says which.

    Reference:
        [he2017maskrcnn], section 3.

    Example:
        >>> ramp = np.arange(8.0).reshape(1, 1, 8, 1).repeat(8, axis=1)  # value = column
        >>> boxes = np.array([[[2, 2, 6, 6], [0.5, 0.5, 4.5, 4.5]]])
        >>> roi_align(ramp, boxes, 2).numpy()[0, :, 0, :, 0]  # a column's centre is at + 1/2
        array([[2.5, 4.5],
               [1. , 3. ]])
    """
    size = (output_size, output_size) if np.isscalar(output_size) else tuple(output_size)
    if len(size) != 2:
        raise ValueError(
            f"output_size must be one integer or two, (height, width); got {output_size!r}"
        )
    for number in size:
        check_positive_int(output_size=number)
    check_positive_int(sampling_ratio=sampling_ratio)
    features = ops.convert_to_tensor(features)
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(features.dtype)):
        features = ops.cast(features, keras.config.floatx())
    dtype = keras.backend.standardize_dtype(features.dtype)
    # Half a place is lost in 16 bits: 100.5 is 100 in bfloat16.
    boxes = ops.cast(ops.convert_to_tensor(boxes), "float64" if dtype == "float64" else "float32")
    if len(features.shape) != 4:
        raise ValueError(
            f"features must be (batch, height, width, channels); got shape {features.shape}"
        )
    if len(boxes.shape) != 3 or boxes.shape[-1] != 4:
        raise ValueError(f"boxes must be (batch, boxes, 4); got shape {boxes.shape}")
    x_min, y_min, x_max, y_max = ops.unstack(boxes * spatial_scale, 4, axis=-1)
    rows = _shares(y_min, y_max, size[0], features.shape[1], sampling_ratio, aligned)
    columns = _shares(x_min, x_max, size[1], features.shape[2], sampling_ratio, aligned)
    in_rows = ops.einsum("bnph,bhwc->bnpwc", ops.cast(rows, dtype), features)
    return ops.einsum("bnqw,bnpwc->bnpqc", ops.cast(columns, dtype), in_rows)


def _shares(begin, end, cells: int, places: int, samples: int, aligned: bool):
    """What each cell takes of each place along one axis: (B, N) -> (B, N, cells, places)."""
    length = end - begin
    if aligned:
        begin = begin - 0.5
    else:
        length = ops.maximum(length, 1.0)
    steps = (np.arange(cells * samples) + 0.5) / (cells * samples)
    at = begin[..., None] + length[..., None] * ops.cast(steps, begin.dtype)
    inside = ops.cast((at >= -1) & (at <= places), at.dtype)
    at = ops.clip(at, 0.0, float(places - 1))
    distance = ops.abs(at[..., None] - ops.arange(places, dtype=at.dtype))
    shares = ops.maximum(0.0, 1.0 - distance) * inside[..., None]
    shape = ops.shape(begin)
    return ops.mean(ops.reshape(shares, (*shape[:2], cells, samples, places)), axis=3)
