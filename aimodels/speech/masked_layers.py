"""Layers between frames of features, which keep padding out of what they compute."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int
from aimodels.speech.context import splice

BLANK = 1e4  # by how much a blank beats all symbols where there is no frame; float16 knows it


def pad(utterances: Sequence[np.ndarray]) -> np.ndarray:
    """Features of several utterances in one array: zeros behind the shorter ones.

    Args:
        utterances: arrays (T, M), each with a T of its own.

    Returns:
        (B, T, M), with the largest T.

    Raises:
        ValueError: if there is none, or they are not (T, M) with one M.

    Example:
        >>> pad([np.ones((3, 2)), np.ones((1, 2))])[:, :, 0].tolist()
        [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    """
    utterances = [np.asarray(utterance, "float32") for utterance in utterances]
    shapes = [utterance.shape for utterance in utterances]
    if {len(shape) for shape in shapes} != {2} or len({width for _, width in shapes}) > 1:
        raise ValueError(f"pad needs one or more arrays (T, M) with one M; got shapes {shapes}")
    longest = max(length for length, _ in shapes)
    padded = np.zeros((len(utterances), longest, shapes[0][1]), "float32")
    for row, utterance in zip(padded, utterances, strict=True):
        row[: len(utterance)] = utterance
    return padded


def real_length(real) -> tf.Tensor:
    """Lengths (B,) as they are; of a mask (B, N), the places behind the last True of each row.

    Example:
        >>> real_length([[True, False, True, False], [False] * 4]).numpy().tolist()
        [3, 0]
    """
    real = tf.convert_to_tensor(real)
    if real.dtype != tf.bool:
        return tf.cast(tf.reshape(real, [-1]), tf.int32)
    return tf.reduce_max(tf.where(real, tf.range(1, tf.shape(real)[1] + 1), 0), axis=1)


@keras.saving.register_keras_serializable("aimodels")
class RealFrames(layers.Layer):
    """Says which frames are real: (B, T, M) -> (B, T, M) with a mask (B, T), zeros at padding.

    The mask is the one that the input has already, such as a `LogMel` layer's, or that the model
    is called with. Without one, the frames of zeros behind an utterance's last other frame are
    padding, as `pad` writes them; silence inside it is not.

    Args:
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Example:
        >>> x = RealFrames()(np.array([[[1.0], [0.0], [2.0], [0.0], [0.0]]]))
        >>> ops.convert_to_numpy(x._keras_mask).tolist()
        [[True, True, True, False, False]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, features, mask=None):
        return _without_padding(features, self.compute_mask(features, mask))

    def compute_mask(self, features, mask=None):
        if isinstance(features, keras.KerasTensor):
            return None  # or a model would compute this mask even where it is given another one
        if mask is not None:
            return ops.cast(mask, "bool")
        there = ops.cast(ops.any(ops.not_equal(features, 0), axis=-1), "int32")  # (B, T)
        behind = ops.flip(ops.cumsum(ops.flip(there, axis=1), axis=1), axis=1)
        return behind > 0

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("aimodels")
class Splice(layers.Layer):
    """`splice` by real frames: (B, T, M) -> (B, T, (2 context + 1) M).

    Args:
        context: number of neighbours on each side; beyond the first and the last real frame, these
            are repeated.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if `context` is not an integer >= 0.

    Example:
        >>> ops.convert_to_numpy(Splice(1)(np.array([[[1.0], [2.0], [3.0]]]))).tolist()
        [[[1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 3.0]]]
    """

    def __init__(self, context: int, **kwargs):
        check_positive_int(minimum=0, context=context)
        super().__init__(**kwargs)
        self.context = int(context)
        self.supports_masking = True

    def call(self, features, mask=None):
        if mask is None:
            return splice(features, self.context)
        return splice(_without_padding(features, mask), self.context, real_length(mask))

    def compute_output_shape(self, input_shape):
        width = input_shape[-1]
        return (*input_shape[:-1], width and (2 * self.context + 1) * width)

    def get_config(self) -> dict:
        return {**super().get_config(), "context": self.context}


@keras.saving.register_keras_serializable("aimodels")
class CausalConvolution(layers.Conv1D):
    """`keras.layers.Conv1D` over frames that are there already: (B, T, M) -> (B, T / s, filters).

    Output j has read the frames up to j s, with stride s, whatever comes behind them: so padding
    cannot change it, and it can be computed while someone speaks. It is real where frame j s is.

    Args:
        filters: number of filters.
        kernel_size: number of frames that a filter sees.
        strides: s, the step between outputs.
        **kwargs: passed to `keras.layers.Conv1D`, such as `activation`.

    Example:
        >>> CausalConvolution(4, kernel_size=5, strides=2)(np.zeros((1, 7, 3))).shape
        TensorShape([1, 4, 4])
    """

    def __init__(self, filters: int, kernel_size: int, strides: int = 1, **kwargs):
        kwargs["padding"] = "causal"
        super().__init__(filters, kernel_size, strides, **kwargs)
        self.supports_masking = True

    def call(self, features, mask=None):
        return super().call(_without_padding(features, mask))

    def compute_mask(self, features, mask=None):
        return None if mask is None else mask[:, :: self.strides[0]]


@keras.saving.register_keras_serializable("aimodels")
class FrameConvolution(layers.Layer):
    """3 x 3 convolution over time and frequency, normalised, ReLU, the largest of each 2 x 2.

    (B, T, M, C), or (B, T, M) of one channel, -> (B, T / 2, M / 2, filters), halves rounded up.
    Padding is kept at zero between the steps, and out of the normalisation's statistics.

    Args:
        filters: number of filters.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if `filters` is not an integer >= 1.

    Example:
        >>> FrameConvolution(8)(np.zeros((1, 7, 40))).shape
        TensorShape([1, 4, 20, 8])
    """

    def __init__(self, filters: int, **kwargs):
        check_positive_int(filters=filters)
        super().__init__(**kwargs)
        self.filters = int(filters)
        policy = self.dtype_policy
        self.convolution = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", dtype=policy
        )
        self.norm = layers.BatchNormalization(momentum=0.9, dtype=policy)
        self.supports_masking = True

    def build(self, input_shape):
        batch_size, length, num_bands, channels = (*input_shape, 1)[:4]
        self.convolution.build((batch_size, length, num_bands, channels))
        self.norm.build((batch_size, length, num_bands, self.filters))

    def call(self, maps, mask=None, training=None):
        maps = maps[..., None] if len(maps.shape) == 3 else maps
        x = self.convolution(_without_padding(maps, mask))
        real = None if mask is None else ops.broadcast_to(mask[..., None], ops.shape(x)[:-1])
        x = ops.relu(self.norm(x, mask=real, training=training))
        return ops.max_pool(_without_padding(x, mask), 2, 2, padding="same")

    def compute_mask(self, maps, mask=None):
        if mask is None:
            return None
        real = ops.cast(mask[..., None], "float32")
        return ops.max_pool(real, 2, 2, padding="same")[..., 0] > 0

    def compute_output_shape(self, input_shape):
        length, num_bands = (size and (size + 1) // 2 for size in input_shape[1:3])
        return (input_shape[0], length, num_bands, self.filters)

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable("aimodels")
class FrameAverage(layers.Layer):
    """The mean over real frames: (B, T, M, C), or (B, T, C), -> (B, M C), or (B, C).

    Frequencies stay apart: when a sound comes says little, at which frequencies tells which it is.
    Zeros where no frame is real.

    Args:
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Example:
        >>> x = np.array([[[[1.0], [4.0]], [[3.0], [6.0]], [[99.0], [99.0]]]])
        >>> ops.convert_to_numpy(FrameAverage()(x, mask=np.array([[True, True, False]])))
        array([[2., 5.]], dtype=float32)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, maps, mask=None):
        frames = ops.reshape(maps, (*ops.shape(maps)[:2], math.prod(maps.shape[2:])))  # (B, T, M C)
        if mask is None:
            return ops.mean(frames, axis=1)
        number = ops.sum(ops.cast(mask, frames.dtype), axis=1, keepdims=True)
        return ops.sum(_without_padding(frames, mask), axis=1) / ops.maximum(number, 1)

    def compute_mask(self, maps, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], math.prod(input_shape[2:]))


@keras.saving.register_keras_serializable("aimodels")
class BlankPadding(layers.Layer):
    """Says "blank", with certainty, at padding: so no reader of the logits needs their lengths.

    A blank with probability 1 changes neither CTC's loss nor what is decoded.

    Args:
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        logits: (B, T, V + 1), the blank first.
        mask: (B, T), False at padding.

    Example:
        >>> logits = BlankPadding()(np.ones((1, 2, 3)), mask=np.array([[True, False]]))
        >>> ops.convert_to_numpy(logits).tolist()
        [[[1.0, 1.0, 1.0], [0.0, -10000.0, -10000.0]]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, logits, mask=None):
        if mask is None:
            return logits
        blank = ops.where(ops.equal(ops.arange(logits.shape[-1]), 0), 0.0, -BLANK)
        return ops.where(mask[..., None], logits, ops.cast(blank, logits.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape


def _without_padding(x, mask):
    """Zeros where no frame is real: (B, T, ...), mask (B, T) or None."""
    if mask is None:
        return x
    mask = ops.reshape(mask, (*ops.shape(x)[:2], *(1,) * (len(x.shape) - 2)))
    return ops.where(mask, x, ops.zeros_like(x))
