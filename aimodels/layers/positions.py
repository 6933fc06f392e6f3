"""Token positions: vectors of sine and cosine, or learned ones [vaswani2017]."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int


def sinusoidal_positions(length: int, hidden_dim: int) -> np.ndarray:
    r"""The fixed position vectors of [vaswani2017]: sine and cosine in turn.

    $$ P_{t,2i} = \sin(t / 10000^{2i/D}), \qquad P_{t,2i+1} = \cos(t / 10000^{2i/D}) $$

    Args:
        length: number of positions.
        hidden_dim: $D$, dimension of each vector.

    Returns:
        $P$, (length, hidden_dim).

    Example:
        >>> sinusoidal_positions(2, 4).round(4).tolist()
        [[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0]]
    """
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, hidden_dim, 2) / hidden_dim)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=-1)  # (length, D / 2, 2)
    return waves.reshape(length, -1)[:, :hidden_dim]


@keras.saving.register_keras_serializable("aimodels")
class PositionEmbedding(layers.Layer):
    r"""Adds a vector for its position to each token's vector $e_t$.

    $$ \sqrt{D}\, e_t + P_t \ \text{(section 3.4 of [vaswani2017])} \qquad\text{or, learned,}\qquad
       e_t + P_t $$

    Args:
        max_sequence_length: largest number of tokens T.
        learned: whether $P$ is a trained table, as in [radford2018], instead of
            `sinusoidal_positions`.
        **kwargs: keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: token vectors, (B, T, D).
        start_index: position of the first token, or one for each row, (B,). A token before
            position 0 is padding and gets the vector of position 0.

    Returns:
        Vectors of the shape of x.

    Raises:
        ValueError: if T is more than `max_sequence_length`.

    Example:
        >>> x = keras.ops.zeros((1, 2, 4))
        >>> PositionEmbedding(max_sequence_length=16)(x)[0, 1].numpy().round(2)
        array([0.84, 0.54, 0.01, 1.  ], dtype=float32)
    """

    def __init__(self, max_sequence_length: int, learned: bool = False, **kwargs):
        check_positive_int(max_sequence_length=max_sequence_length)
        super().__init__(**kwargs)
        self.max_sequence_length, self.learned = int(max_sequence_length), learned
        self.supports_masking = True

    def build(self, x_shape):
        shape = (self.max_sequence_length, x_shape[-1])
        if self.learned:
            normal = keras.initializers.RandomNormal(stddev=0.02)
            self.table = self.add_weight(shape, normal, name="table")
        else:
            self.table = sinusoidal_positions(*shape).astype("float32")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "max_sequence_length": self.max_sequence_length,
            "learned": self.learned,
        }

    def call(self, x, start_index=0):
        message = f"sequence longer than max_sequence_length={self.max_sequence_length}"
        if x.shape[1] is not None and x.shape[1] > self.max_sequence_length:
            raise ValueError(f"{message}: {x.shape[1]} tokens")
        table, length = ops.cast(self.table, x.dtype), ops.shape(x)[1]
        if x.shape[1] is None:
            assertion = tf.debugging.assert_less_equal(length, self.max_sequence_length, message)
            with tf.control_dependencies([] if assertion is None else [assertion]):
                length = tf.identity(length)  # used below only once the length is known to fit
        if len(getattr(start_index, "shape", ())):
            positions = ops.maximum(start_index[:, None] + ops.arange(length), 0)  # (B, T)
            table = ops.take(table, positions, axis=0)
        else:
            table = ops.slice(table, (start_index, 0), (length, x.shape[-1]))
        return table + (x if self.learned else x * x.shape[-1] ** 0.5)
