"""The Transformer's block: attention, then two dense layers, each with a residual connection.

It serves as an encoder's block, a decoder's (`cross_attention`) and a GPT's (`use_causal_mask`,
`normalize_first`) in chapters 11 to 13.
"""

import keras
from keras import layers

from aimodels.checks import check_positive_int, check_rate
from aimodels.layers.attention import MultiHeadAttention, clone_initializer


@keras.saving.register_keras_serializable("aimodels")
class TransformerBlock(layers.Layer):
    r"""Attention, then two dense layers, each with a residual connection and a normalisation.

    $$ \mathrm{norm}(x + f(x)) \qquad\text{or, with normalize\_first,}\qquad
       x + f(\mathrm{norm}(x)) $$

    Args:
        num_heads: number of attention heads; it must divide the dimension D of the inputs.
        intermediate_dim: number of units of the first dense layer; the second has D.
        use_causal_mask: whether position t may look at positions 0 to t only.
        cross_attention: whether a second attention looks at a memory, such as an encoder's output.
        normalize_first: whether to normalise before each part, as in [radford2019], instead of
            after it, as in [vaswani2017].
        activation: activation of the first dense layer.
        dropout: dropout rate of the attention weights and of each part's output, in [0, 1).
        layer_norm_epsilon: epsilon of the layer normalisations.
        kernel_initializer: initializer of all kernels.
        **kwargs: keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: inputs, (B, T, D).
        memory: (B, S, D), with `cross_attention`; or the pair of keys and values that
            `self.cross_attention.project` makes of it.
        padding_mask: (B, T), or (B, L) with a cache of length L; False at padding.
        attention_mask: (B, T, T), False where a position may not look at another.
        memory_mask: (B, S), False where the memory is padding.
        cache: keys and values of the self-attention, as in `MultiHeadAttention`.
        cache_update_index: position of the first input, with a cache.
        return_attention_scores: whether to return the attention weights as well.
        training: whether to apply dropout.

    Masks of `x` and `memory` that come from layers before are respected where none is given.

    Returns:
        Outputs (B, T, D); then, where they are asked for, the weights of the self-attention, with
        `cross_attention` those to the memory, and the new cache.

    Raises:
        ValueError: if an argument is out of range, `num_heads` does not divide D, or a memory is
            missing or given in vain.

    Example:
        >>> TransformerBlock(2, 32)(keras.random.normal((2, 5, 8))).shape
        TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        use_causal_mask: bool = False,
        cross_attention: bool = False,
        normalize_first: bool = False,
        activation="relu",
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        check_positive_int(num_heads=num_heads, intermediate_dim=intermediate_dim)
        check_rate(dropout=dropout)
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_dim = int(num_heads), int(intermediate_dim)
        self.use_causal_mask, self.has_cross_attention = use_causal_mask, cross_attention
        self.normalize_first, self.layer_norm_epsilon = normalize_first, layer_norm_epsilon
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, x_shape, memory_shape=None):
        dim = x_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f"the input dimension {dim} must be divisible by num_heads={self.num_heads}"
            )
        self.attention = self._attention(dim, "attention")
        self.attention.build(x_shape, x_shape)
        self.attention_norm = self._norm(x_shape, "attention_norm")
        if self.has_cross_attention:
            self.cross_attention = self._attention(dim, "cross_attention")
            self.cross_attention.build(x_shape, memory_shape or x_shape)
            self.cross_attention_norm = self._norm(x_shape, "cross_attention_norm")
        self.feedforward_intermediate = self._dense(self.intermediate_dim, "intermediate")
        self.feedforward_intermediate.activation = self.activation
        self.feedforward_intermediate.build(x_shape)
        self.feedforward_output = self._dense(dim, "output")
        self.feedforward_output.build((*x_shape[:-1], self.intermediate_dim))
        self.feedforward_norm = self._norm(x_shape, "feedforward_norm")

    def _attention(self, dim: int, name: str) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.num_heads,
            dim // self.num_heads,
            dropout=self.dropout.rate,
            kernel_initializer=self.kernel_initializer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _dense(self, units: int, name: str) -> layers.Dense:
        initializer = clone_initializer(self.kernel_initializer)
        return layers.Dense(
            units,
            kernel_initializer=initializer,
            name=f"feedforward_{name}",
            dtype=self.dtype_policy,
        )

    def _norm(self, shape, name: str) -> layers.LayerNormalization:
        norm = layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon, name=name, dtype=self.dtype_policy
        )
        norm.build(shape)
        return norm

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "use_causal_mask": self.use_causal_mask,
            "cross_attention": self.has_cross_attention,
            "normalize_first": self.normalize_first,
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout.rate,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def call(
        self,
        x,
        memory=None,
        padding_mask=None,
        attention_mask=None,
        memory_mask=None,
        cache=None,
        cache_update_index=0,
        return_attention_scores=False,
        training=None,
    ):
        if (memory is not None) != self.has_cross_attention:
            wanted = "a memory" if self.has_cross_attention else "no memory"
            raise ValueError(f"cross_attention={self.has_cross_attention} takes {wanted}")
        h = self.attention_norm(x) if self.normalize_first else x
        h, weights, *new_cache = self.attention(
            h,
            h,
            value_mask=padding_mask,
            attention_mask=attention_mask,
            return_attention_scores=True,
            training=training,
            use_causal_mask=self.use_causal_mask,
            cache=cache,
            cache_update_index=cache_update_index,
        )
        x, scores = self._residual(x, h, self.attention_norm, training), [weights]

        if self.has_cross_attention:
            h = self.cross_attention_norm(x) if self.normalize_first else x
            h, weights = self.cross_attention(
                h, memory, value_mask=memory_mask, return_attention_scores=True, training=training
            )
            x = self._residual(x, h, self.cross_attention_norm, training)
            scores.append(weights)

        h = self.feedforward_norm(x) if self.normalize_first else x
        h = self.feedforward_output(self.feedforward_intermediate(h))  # (B, T, 4 D) between them
        x = self._residual(x, h, self.feedforward_norm, training)

        outputs = [x, *(scores if return_attention_scores else []), *new_cache]
        return tuple(outputs) if len(outputs) > 1 else x

    def _residual(self, x, h, norm, training):
        x = x + self.dropout(h, training=training)
        return x if self.normalize_first else norm(x)
