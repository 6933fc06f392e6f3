"""Multi-head attention, the part that Transformer, BERT and GPT share [vaswani2017]."""

import keras
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int, check_rate
from aimodels.layers.softmax import masked_softmax, merge_masks


def clone_initializer(initializer):
    """An initializer by name, or a copy of a given one, which draws independent values.

    An instance of a Keras initializer draws the same values at each call, so weights that share an
    instance start out identical.
    """
    initializer = keras.initializers.get(initializer)
    is_instance = isinstance(initializer, keras.Initializer)
    return initializer.clone() if is_instance else initializer


@keras.saving.register_keras_serializable("aimodels")
class MultiHeadAttention(layers.Layer):
    r"""Scaled dot-product attention in $N$ heads, each with projections of its own.

    $$ A_n = \mathrm{softmax}\!\left(\frac{X W^Q_n (M W^K_n)^\top}{\sqrt{d}}\right), \qquad
       O = [A_1 M W^V_1; \dots; A_N M W^V_N]\, W^O $$

    It computes what `keras.layers.MultiHeadAttention` does, and can keep the keys and values of
    earlier positions in a cache. The projections, with biases, lie side by side in one kernel
    (D, 3 N d): for self-attention, $M = X$, one matrix product makes queries, keys and values.

    Args:
        num_heads: $N$, number of attention heads.
        key_dim: $d$, dimension of each head's queries, keys and values.
        dropout: dropout rate of the attention weights, in [0, 1).
        kernel_initializer: initializer of all kernels.
        **kwargs: keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        query: $X$, (B, T, D).
        value: $M$, (B, S, D), or the pair of its keys and values that `project` returns.
        key: (B, S, D), if the keys are not to be made from `value`.
        query_mask: (B, T), False at padding; rows of such queries get weights of zero.
        value_mask: (B, S), or (B, L) with a cache; False at padding, which no query looks at.
        key_mask: (B, S), False at padding, which no query looks at.
        attention_mask: (B, T, S), False where a query may not look; (B, 1, S) and (T, S) are
            broadcast; or one for each head, (B, N, T, S).
        return_attention_scores: whether to return the attention weights as well.
        training: whether to apply dropout.
        use_causal_mask: whether position t may look at positions 0 to t only.
        cache: keys and values, (B N, L, d) each; those made here are written into them.
        cache_update_index: position of the first query, where writing into the cache begins.

    All masks are merged. Those of `query`, `value` and `key` are taken from the layers before,
    such as `Embedding(mask_zero=True)`, where they are not given.

    Returns:
        Outputs (B, T, D); then, where they are asked for, weights (B, N, T, S) and the new cache. A
        row of weights sums to 1, or is all zeros where everything is masked.

    Raises:
        ValueError: if an argument is out of range, query and value differ in their dimension, or
            `value_mask` does not cover a cache.

    Reference:
        Section 3.2 of [vaswani2017].

    Example:
        >>> x = keras.random.normal((2, 5, 8))
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
        >>> outputs, weights = layer(x, x, return_attention_scores=True)
        >>> outputs.shape, weights.shape
        (TensorShape([2, 5, 8]), TensorShape([2, 2, 5, 5]))
    """

    def __init__(
        self, num_heads, key_dim, *, dropout=0.0, kernel_initializer="glorot_uniform", **kwargs
    ):
        check_positive_int(num_heads=num_heads, key_dim=key_dim)
        check_rate(dropout=dropout)
        super().__init__(**kwargs)
        self.num_heads, self.key_dim = int(num_heads), int(key_dim)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, query_shape, value_shape=None, key_shape=None):
        dim = query_shape[-1]
        for name, shape in (("value", value_shape), ("key", key_shape)):
            # A pair of keys and values has been projected already.
            if shape and not isinstance(shape[0], tuple | list) and shape[-1] != dim:
                raise ValueError(
                    f"query and {name} must have the same last dimension; got {dim} and {shape[-1]}"
                )
        projected = self.num_heads * self.key_dim
        initializer = clone_initializer(self.kernel_initializer)
        self.kernel = self.add_weight((dim, 3 * projected), initializer, name="kernel")
        self.bias = self.add_weight((3 * projected,), "zeros", name="bias")
        self.output_dense = layers.Dense(
            dim,
            kernel_initializer=clone_initializer(initializer),
            name="output_dense",
            dtype=self.dtype_policy,
        )
        self.output_dense.build((None, None, projected))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "dropout": self.dropout.rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def project(self, x, begin: int = 1, end: int = 3) -> list:
        """Queries (0), keys (1) and values (2) of x, from `begin` to `end`: (B N, L, d) each.

        Batch and heads share an axis because that is what XLA's matrix product works on: it would
        copy a cache of any other shape at each step.
        """
        length, projected = ops.shape(x)[1], self.num_heads * self.key_dim
        kernel, bias = self.kernel, self.bias
        if (begin, end) != (0, 3):
            kernel = kernel[:, begin * projected : end * projected]
            bias = bias[begin * projected : end * projected]
        x = ops.matmul(x, kernel) + bias  # (B, L, p N d), for p = end - begin
        x = ops.reshape(x, (-1, length, end - begin, self.num_heads, self.key_dim))
        x = ops.transpose(x, (2, 0, 3, 1, 4))  # (p, B, N, L, d)
        x = ops.reshape(x, (end - begin, -1, length, self.key_dim))
        return ops.unstack(x, end - begin)

    def attend(self, query, key, value, mask=None, training=None) -> tuple:
        """Weighted sums of values, the heads side by side again: (B, T, N d); and the weights."""
        queries, keys = ops.shape(query)[1], ops.shape(key)[1]
        scores = tf.matmul(query * self.key_dim**-0.5, key, transpose_b=True)  # (B N, T, S)
        scores = ops.reshape(scores, (-1, self.num_heads, queries, keys))
        weights = masked_softmax(ops.cast(scores, "float32"), mask)  # (B, N, T, S)
        dropped = self.dropout(ops.cast(weights, value.dtype), training=training)
        outputs = ops.matmul(ops.reshape(dropped, (-1, queries, keys)), value)  # (B N, T, d)
        outputs = ops.reshape(outputs, (-1, self.num_heads, queries, self.key_dim))
        outputs = ops.transpose(outputs, (0, 2, 1, 3))
        return ops.reshape(outputs, (-1, queries, self.num_heads * self.key_dim)), weights

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
        cache=None,
        cache_update_index=0,
    ):
        if isinstance(value, tuple | list):
            [queries], (keys, values) = self.project(query, 0, 1), value
            value_mask = None if isinstance(value_mask, tuple | list) else value_mask
        elif key is not None and key is not value:
            [queries] = self.project(query, 0, 1)
            [keys], [values] = self.project(key, 1, 2), self.project(value, 2, 3)
        elif value is query:
            queries, keys, values = self.project(query, 0, 3)
        else:
            [queries] = self.project(query, 0, 1)
            keys, values = self.project(value, 1, 3)
        if cache is not None:
            start = (0, cache_update_index, 0)
            cache = [
                ops.slice_update(old, start, new)
                for old, new in ((cache[0], keys), (cache[1], values))
            ]
            keys, values = cache
            masked, cached = None if value_mask is None else value_mask.shape[1], keys.shape[1]
            if None not in (masked, cached) and masked != cached:
                raise ValueError(
                    "with a cache, value_mask (of a TransformerBlock: padding_mask) must cover its "
                    f"{cached} positions; got a mask of {masked}"
                )
        per_head = None
        if attention_mask is not None and len(attention_mask.shape) == 4:
            per_head, attention_mask = ops.cast(attention_mask, "bool"), None
        mask = merge_masks(query_mask, value_mask, key_mask, attention_mask)
        if use_causal_mask:
            rows, columns = ops.arange(ops.shape(queries)[1]), ops.arange(ops.shape(keys)[1])
            causal = (rows[:, None] + cache_update_index >= columns)[None]  # (1, T, S)
            mask = causal if mask is None else ops.logical_and(mask, causal)
        mask = None if mask is None else mask[:, None]  # (B, 1, T, S): the same for all heads
        if per_head is not None:
            mask = per_head if mask is None else ops.logical_and(mask, per_head)
        outputs, weights = self.attend(queries, keys, values, mask, training)
        outputs = [self.output_dense(outputs)]
        if return_attention_scores:
            outputs.append(weights)
        if cache is not None:
            outputs.append(cache)
        return tuple(outputs) if len(outputs) > 1 else outputs[0]
