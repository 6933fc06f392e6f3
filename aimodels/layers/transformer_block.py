"""The Transformer's block: attention, then two dense layers, each with a residual connection.

An encoder's, a decoder's (`cross`), a GPT's (`causal`, `normalize_first`): the one block of
chapters 11 to 13.
"""

import functools

import keras
from keras import layers

from aimodels.checks import check_positive_int
from aimodels.layers.attention import MultiHeadAttention, clone_initializer


@keras.saving.register_keras_serializable("aimodels")
class TransformerBlock(layers.Layer):
    r"""Attention, then two dense layers, each with a residual connection and a normalisation.

    $$ \mathrm{norm}(x + f(x)) \qquad\text{or, with normalize\_first,}\qquad
       x + f(\mathrm{norm}(x)) $$

    Args:
        num_heads: of each attention.
        intermediate_dim: width between the two dense layers.
        causal: position t sees 0 to t alone.
        cross: a second attention looks at a memory, an encoder's output.
        normalize_first: as in [radford2019]; else as in [vaswani2017].
        activation: between the two dense layers.
        dropout: share of weights, and of what each part adds, that is dropped in training.
        layer_norm_epsilon: added to the variance.
        kernel_initializer: for all kernels.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: (B, T, D).
        memory: (B, S, D), with `cross`.
        attention_mask: where attention may look in x, as in `MultiHeadAttention`.
        memory_mask: where it may look in the memory.
        cache, index: of the attention to x, as there.
        return_attention_scores: return the weights as well.

    Returns:
        (B, T, D); then, where they are asked for, the weights of the attention to x, with `cross`
        those to the memory, and the new cache.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> TransformerBlock(2, 32)(keras.random.normal((2, 5, 8))).shape
        TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        causal: bool = False,
        cross: bool = False,
        normalize_first: bool = False,
        activation="relu",
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        given = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        check_positive_int(num_heads=num_heads, intermediate_dim=intermediate_dim)
        super().__init__(**kwargs)
        self.given, self.causal, self.normalize_first = given, causal, normalize_first
        self.supports_masking = True

        def norm(name):
            return layers.LayerNormalization(
                epsilon=layer_norm_epsilon, name=name, dtype=self.dtype_policy
            )

        def attention(name):
            return MultiHeadAttention(
                num_heads, dropout, kernel_initializer, name=name, dtype=self.dtype_policy
            )

        def dense(*arguments, name):
            initializer, dtype = clone_initializer(kernel_initializer), self.dtype_policy
            return layers.Dense(*arguments, kernel_initializer=initializer, name=name, dtype=dtype)

        self.attention, self.attention_norm = attention("attention"), norm("attention_norm")
        if cross:
            self.cross, self.cross_norm = attention("cross"), norm("cross_norm")
        self.inner = dense(intermediate_dim, activation, name="inner")
        self.make_outer, self.feed_norm = functools.partial(dense, name="outer"), norm("feed_norm")
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, x_shape, memory_shape=None):
        self.attention.build(x_shape)
        self.attention_norm.build(x_shape)
        if self.given["cross"]:
            self.cross.build(x_shape, memory_shape or x_shape)
            self.cross_norm.build(x_shape)
        self.inner.build(x_shape)
        self.outer = self.make_outer(x_shape[-1])
        self.outer.build((*x_shape[:-1], self.inner.units))
        self.feed_norm.build(x_shape)

    def compute_mask(self, *args, **kwargs):
        return None

    def get_config(self) -> dict:
        return {**super().get_config(), **self.given}

    def call(
        self,
        x,
        memory=None,
        attention_mask=None,
        memory_mask=None,
        cache=None,
        index=0,
        return_attention_scores=False,
        training=None,
    ):
        weights, new = [], []

        def residual(x, norm, part):
            y = self.dropout(part(norm(x) if self.normalize_first else x), training=training)
            return x + y if self.normalize_first else norm(x + y)

        def look(h):
            y = self.attention(
                h,
                attention_mask=attention_mask,
                use_causal_mask=self.causal,
                cache=cache,
                index=index,
                return_attention_scores=True,
                training=training,
            )
            new.extend(y[2:])
            weights.append(y[1])
            return y[0]

        def look_at_memory(h):
            y, found = self.cross(
                h,
                memory,
                attention_mask=memory_mask,
                return_attention_scores=True,
                training=training,
            )
            weights.append(found)
            return y

        x = residual(x, self.attention_norm, look)
        if self.given["cross"]:
            x = residual(x, self.cross_norm, look_at_memory)
        x = residual(x, self.feed_norm, lambda h: self.outer(self.inner(h)))
        more = [*weights, *new] if return_attention_scores else new
        return (x, *more) if more else x
