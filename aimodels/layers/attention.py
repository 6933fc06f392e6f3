"""Attention in many heads, the part that Transformer, BERT and GPT share [vaswani2017]."""

import keras
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int


def clone_initializer(initializer):
    """An initializer by name or a copy of a given one, which draws numbers of its own.

    An instance of Keras's draws the same numbers at each call: weights that share one begin alike.
    """
    found = keras.initializers.get(initializer)
    return found.clone() if isinstance(found, keras.Initializer) else found


@keras.saving.register_keras_serializable("aimodels")
class MultiHeadAttention(layers.Layer):
    r"""Scaled dot-product attention in $N$ heads, each with projections of its own.

    $$ A_n = \mathrm{softmax}\!\left(\frac{X W^Q_n (M W^K_n)^\top}{\sqrt{d}}\right), \qquad
       O = [A_1 M W^V_1; \dots; A_N M W^V_N]\, W^O $$

    The projections, with biases, stand side by side in one kernel (D, 3D): where $M = X$, one
    matrix product makes queries, keys and values.

    Args:
        num_heads: $N$; each is $d = D / N$ wide.
        dropout: share of the weights that is dropped in training.
        kernel_initializer: for all kernels.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        query: $X$, (B, T, D).
        value: $M$, (B, S, D), or its keys and values from `project`; `query` if None.
        attention_mask: (B, S), (B, T, S) or (B, 1, S), False where nobody looks.
        use_causal_mask: position t looks at 0 to t alone.
        return_attention_scores: return the weights as well.
        cache: keys and values (B N, L, d) of earlier positions; those of `query` are written
            behind them, at `index`, and the new cache is returned as well.
        index: the first position of `query`, with a cache.

    Returns:
        Output (B, T, D); then, where they are asked for, weights (B, N, T, S) and the new cache. A
        row of weights sums to 1, and is all zeros where everything is masked.

    Raises:
        ValueError: if D is no multiple of `num_heads`, or an argument is out of range.

    Reference:
        Section 3.2 of [vaswani2017].

    Example:
        >>> x = keras.random.normal((2, 5, 8))
        >>> output, weights = MultiHeadAttention(2)(x, return_attention_scores=True)
        >>> output.shape, weights.shape
        (TensorShape([2, 5, 8]), TensorShape([2, 2, 5, 5]))
    """

    def __init__(self, num_heads, dropout=0.0, kernel_initializer="glorot_uniform", **kwargs):
        check_positive_int(num_heads=num_heads)
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, query_shape, value_shape=None):
        width = query_shape[-1]
        if width % self.num_heads or (value_shape and value_shape[-1] != width):
            other = f" and {value_shape[-1]}" if value_shape else ""
            raise ValueError(
                f"{self.num_heads} heads of inputs that are {width}{other} wide: one width is "
                "wanted, a multiple of the heads"
            )
        initializer = clone_initializer(self.kernel_initializer)
        self.kernel = self.add_weight((width, 3 * width), initializer, name="kernel")
        self.bias = self.add_weight((3 * width,), "zeros", name="bias")
        self.output_dense = layers.Dense(
            width, kernel_initializer=clone_initializer(initializer), dtype=self.dtype_policy
        )
        self.output_dense.build((None, None, width))

    def compute_mask(self, *args, **kwargs):
        return None

    def get_config(self) -> dict:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {"num_heads": self.num_heads, "dropout": self.dropout.rate}
        return {**super().get_config(), **own, "kernel_initializer": initializer}

    def project(self, x, begin: int, end: int) -> list:
        """Queries (0), keys (1), values (2): those from `begin` to `end`, (B N, L, d) each.

        Batch and heads share an axis because that is what XLA's matrix product works on: it would
        copy a cache of any other shape at each step.
        """
        width, length = x.shape[-1], ops.shape(x)[1]
        kernel, bias = self.kernel, self.bias
        if (begin, end) != (0, 3):
            kernel = kernel[:, begin * width : end * width]
            bias = bias[begin * width : end * width]
        x = ops.matmul(x, kernel) + bias
        x = ops.reshape(x, (-1, length, end - begin, self.num_heads, width // self.num_heads))
        x = ops.transpose(x, (2, 0, 3, 1, 4))
        x = ops.reshape(x, (end - begin, -1, length, width // self.num_heads))
        return ops.unstack(x, end - begin)

    def attend(self, query, key, value, mask=None, training=None) -> tuple:
        """Softmax and weighted sum, the heads side by side again: (B, T, D), and the weights."""
        depth, length, memory = query.shape[-1], ops.shape(query)[1], ops.shape(key)[1]
        scores = tf.matmul(query * depth**-0.5, key, transpose_b=True)
        scores = ops.reshape(scores, (-1, self.num_heads, length, memory))
        scores = ops.cast(scores, "float32")
        # TensorFlow's softmax: that of Keras warns where there is one place only to look at.
        if mask is None:
            weights = tf.nn.softmax(scores)
        else:
            weights = tf.nn.softmax(ops.where(mask, scores, -1e30))
            weights = ops.where(mask, weights, 0.0)  # also where nothing may be looked at
        kept = self.dropout(ops.cast(weights, value.dtype), training=training)
        mixed = ops.matmul(ops.reshape(kept, (-1, length, memory)), value)
        mixed = ops.reshape(mixed, (-1, self.num_heads, length, depth))
        mixed = ops.transpose(mixed, (0, 2, 1, 3))
        return ops.reshape(mixed, (-1, length, depth * self.num_heads)), weights

    def call(
        self,
        query,
        value=None,
        attention_mask=None,
        use_causal_mask=False,
        return_attention_scores=False,
        cache=None,
        index=0,
        training=None,
    ):
        if value is None:
            q, k, v = self.project(query, 0, 3)
        else:
            [q] = self.project(query, 0, 1)
            k, v = value if isinstance(value, tuple | list) else self.project(value, 1, 3)
        if cache is not None:
            where = (0, index, 0)
            k, v = cache = [
                ops.slice_update(c, where, x) for c, x in ((cache[0], k), (cache[1], v))
            ]
        mask = None
        if attention_mask is not None:
            mask = ops.cast(attention_mask, "bool")
            mask = mask[:, None, None] if len(mask.shape) == 2 else mask[:, None]
        if use_causal_mask:
            rows, columns = ops.arange(ops.shape(q)[1]), ops.arange(ops.shape(k)[1])
            causal = rows[:, None] + index >= columns
            mask = causal if mask is None else ops.logical_and(mask, causal)
        output, weights = self.attend(q, k, v, mask, training)
        more = [weights] if return_attention_scores else []
        more += [cache] if cache is not None else []
        output = self.output_dense(output)
        return (output, *more) if more else output
