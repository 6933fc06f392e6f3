"""What surrounds a frame: its context, and how the features change there."""

import numpy as np
import tensorflow as tf

from aimodels.checks import check_positive_int


def deltas(features, width: int = 9, order: int = 1, lengths=None) -> tf.Tensor:
    r"""How features change from frame to frame: the slope of a line through `width` of them.

    $$ d_t = \frac{\sum_{k=-w}^{w} k\, c_{t+k}}{\sum_{k=-w}^{w} k^2}, \qquad w = (\text{width}-1)/2
    $$

    In general the derivative of the polynomial of this order that fits best, as Savitzky and Golay
    have it. At both ends the first and last `width` frames count, as in `librosa.feature.delta`.

    Args:
        features: $c$, (..., T, M), floats.
        width: number of frames, odd, at least 3.
        order: of the derivative: 1, or 2 for the change of the change.
        lengths: (B,), the number of frames of each utterance of a batch; None for T.

    Returns:
        Of the shape of `features`.

    Raises:
        ValueError: if `width` is even, not above `order`, or more than T.

    Example:
        >>> squares = tf.range(5.0)[:, None] ** 2
        >>> deltas(squares, width=3)[:, 0].numpy().round(4).tolist()
        [2.0, 2.0, 4.0, 6.0, 6.0]
        >>> deltas(squares, width=3, order=2)[:, 0].numpy().round(4).tolist()
        [2.0, 2.0, 2.0, 2.0, 2.0]
    """
    check_positive_int(minimum=3, width=width)
    check_positive_int(order=order)
    if width % 2 == 0 or order >= width:
        raise ValueError(f"width must be odd and above order={order}; got width={width}")
    features = tf.convert_to_tensor(features)
    if features.shape[-2] is not None and features.shape[-2] < width:
        raise ValueError(f"width={width} is more than the {features.shape[-2]} frames there are")
    half = width // 2
    powers = np.arange(-half, half + 1.0)[:, None] ** np.arange(order + 1)
    weights = np.linalg.pinv(powers)[order] * np.prod(np.arange(1, order + 1))
    count = tf.shape(features)[-2]
    slopes = sum(
        tf.cast(weight, features.dtype) * features[..., k : count - width + 1 + k, :]
        for k, weight in enumerate(weights)
    )  # (..., T - width + 1, M), the first one in the middle of the first `width` frames
    last = (count if lengths is None else tf.cast(lengths, tf.int32)[:, None]) - width
    return _frames_at(
        slopes, tf.minimum(tf.maximum(tf.range(count) - half, 0), tf.maximum(last, 0))
    )


def splice(features, context: int, lengths=None) -> tf.Tensor:
    r"""Each frame with its neighbours, $[c_{t-k}, \dots, c_t, \dots, c_{t+k}]$.

    Before the first frame and after the last one they are repeated.

    Args:
        features: $c$, (..., T, M).
        context: $k$, number of neighbours on each side.
        lengths: (B,), the number of frames of each utterance of a batch; None for T.

    Returns:
        (..., T, (2k + 1) M).

    Raises:
        ValueError: if `context` is negative.

    Example:
        >>> splice([[1.0], [2.0], [3.0]], context=1).numpy().tolist()
        [[1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 3.0]]
    """
    check_positive_int(minimum=0, context=context)
    features = tf.convert_to_tensor(features)
    count = tf.shape(features)[-2]
    last = (count if lengths is None else tf.cast(lengths, tf.int32)[:, None]) - 1
    last = tf.maximum(last, 0)
    neighbours = [
        _frames_at(features, tf.minimum(tf.maximum(tf.range(count) + k, 0), last))
        for k in range(-context, context + 1)
    ]
    return tf.concat(neighbours, -1)


def _frames_at(features, places):
    """Frames at places (T,) of each utterance, or (B, T), others in each."""
    return tf.gather(features, places, axis=-2, batch_dims=places.shape.rank - 1)
