"""A Transformer that turns a short text into one vector."""

import keras
from keras import layers, ops

from aimodels.checks import check_positive_int, check_rate
from aimodels.layers import PositionEmbedding, TransformerBlock, clone_initializer
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class TextEncoder(Model):
    r"""Token ids (B, T) -> the mean vector of each text's tokens, (B, D).

    $$ h_0 = E x + P, \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad
       v = \frac{1}{\sum_t m_t} \sum_t m_t\, \mathrm{norm}(h_L)_t $$

    with $m_t = 0$ at padding, so padding is inert. A text of nothing but padding has the vector 0.
    The tokens may be words or single characters, of one language or of several.

    Args:
        vocabulary_size: number of token ids, of which 0 is padding.
        hidden_dim: $D$, size of each vector.
        num_heads: number of attention heads per block; it must divide D.
        num_layers: number of blocks.
        intermediate_dim: number of units of each block's first dense layer; 4 D if None.
        dropout: dropout rate, in [0, 1).
        max_sequence_length: largest T.
        **kwargs: arguments of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [radford2021clip]; there the vector of the last token is taken instead of the mean.

    Example:
        >>> import numpy as np
        >>> model = TextEncoder(20, hidden_dim=8, num_heads=2, num_layers=1)
        >>> short, padded = model(np.array([[5, 6]])), model(np.array([[5, 6, 0, 0]]))
        >>> short.shape, bool(ops.max(ops.abs(short - padded)) < 1e-5)
        (TensorShape([1, 8]), True)
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 128,
        num_heads: int = 4,
        num_layers: int = 2,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 64,
        **kwargs,
    ):
        check_positive_int(
            vocabulary_size=vocabulary_size, hidden_dim=hidden_dim, num_layers=num_layers
        )
        check_rate(dropout=dropout)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        mask = ops.not_equal(token_ids, 0)
        embedding = layers.Embedding(vocabulary_size, hidden_dim, clone_initializer(normal))
        x = embedding(token_ids)  # (B, T, D)
        x = PositionEmbedding(max_sequence_length, learned=True, name="position_embedding")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                4 * hidden_dim if intermediate_dim is None else intermediate_dim,
                normalize_first=True,
                activation="gelu",
                dropout=dropout,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x, padding_mask=mask)
        x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
        weight = ops.cast(mask, x.dtype)[..., None]  # (B, T, 1)
        number = ops.maximum(ops.sum(weight, axis=1), 1)
        super().__init__(token_ids, ops.sum(x * weight, axis=1) / number, **kwargs)
