"""Where a token stands: vectors of sine and cosine, or learned ones [vaswani2017]."""

import keras
import numpy as np
from keras import layers, ops

from aimodels.checks import check_positive_int


def sinusoids(length: int, width: int) -> np.ndarray:
    r"""The fixed positions of [vaswani2017], (length, width): sine and cosine in turn.

    $$ P_{t,2i} = \sin(t / 10000^{2i/D}), \qquad P_{t,2i+1} = \cos(t / 10000^{2i/D}) $$

    Example:
        >>> sinusoids(2, 4).round(4).tolist()
        [[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0]]
    """
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(length, -1)[:, :width]


@keras.saving.register_keras_serializable("aimodels")
class Positions(layers.Layer):
    r"""Adds to each token's vector $e_t$, (B, T, D), a vector for its place.

    $$ \sqrt{D}\, e_t + P_t \ \text{(section 3.4 of [vaswani2017])} \qquad\text{or, learned,}\qquad
       e_t + P_t $$

    Args:
        max_length: longest T.
        learned: a table to be trained, as in [radford2018]; else `sinusoids`.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: (B, T, D).
        index: the place of the first token; or one for each row, (B,). Before 0 nothing is meant:
            such a token gets place 0.

    Raises:
        ValueError: if T is more than `max_length`.

    Example:
        >>> Positions(16)(keras.ops.zeros((1, 2, 4)))[0, 1].numpy().round(2).tolist()
        [0.8399999737739563, 0.5400000214576721, 0.009999999776482582, 1.0]
    """

    def __init__(self, max_length: int, learned: bool = False, **kwargs):
        check_positive_int(max_length=max_length)
        super().__init__(**kwargs)
        self.max_length, self.learned = max_length, learned
        self.supports_masking = True

    def build(self, x_shape):
        shape = (self.max_length, x_shape[-1])
        if self.learned:
            normal = keras.initializers.RandomNormal(stddev=0.02)
            self.table = self.add_weight(shape, normal, name="table")
        else:
            self.table = sinusoids(*shape).astype("float32")

    def get_config(self) -> dict:
        own = {"max_length": self.max_length, "learned": self.learned}
        return {**super().get_config(), **own}

    def call(self, x, index=0):
        if x.shape[1] is not None and x.shape[1] > self.max_length:
            raise ValueError(f"{x.shape[1]} tokens, at most max_length={self.max_length}")
        table, length = ops.cast(self.table, x.dtype), ops.shape(x)[1]
        if len(getattr(index, "shape", ())):
            place = ops.maximum(index[:, None] + ops.arange(length), 0)
            table = ops.take(table, place, axis=0)
        else:
            table = ops.slice(table, (index, 0), (length, x.shape[-1]))
        return table + (x if self.learned else x * x.shape[-1] ** 0.5)
