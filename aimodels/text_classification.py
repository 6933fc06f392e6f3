r"""Classifiers of token sequences that need no recurrence: convolutions, and a plain mean.

Both take token ids (B, T), where 0 is padding. Padding is inert: however much of it follows a text,
the logits stay the same, because position $t$ counts only where the mask
$m_t = [\text{id}_t \ne 0]$ is 1.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from aimodels.checks import check_positive_int, check_rate
from aimodels.train import Model


def _embedded(vocabulary_size: int, embedding_dim: int, num_classes: int, dropout: float = 0.0):
    """The token ids (B, T), their vectors (B, T, D), zero at padding, and the mask (B, T, 1)."""
    check_positive_int(2, vocabulary_size=vocabulary_size, num_classes=num_classes)
    check_positive_int(embedding_dim=embedding_dim)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    x = layers.Embedding(vocabulary_size, embedding_dim, name="embedding")(token_ids)  # (B, T, D)
    if dropout:
        x = layers.SpatialDropout1D(dropout, name="embedding_dropout")(x)
    mask = ops.expand_dims(ops.cast(ops.not_equal(token_ids, 0), x.dtype), -1)  # (B, T, 1)
    return token_ids, x * mask, mask


@keras.saving.register_keras_serializable("aimodels")
class TextCNN(Model):
    r"""Convolutions over the words of a text, and the maximum of each filter over all positions.

    For a filter of width $k$ with weights $W$ and bias $b$, over word vectors $x_t$ (D,):

    $$ c = \max_t\; m_t\, \mathrm{ReLU}\Bigl(b + \sum_{i<k} W_i^\top x_{t+i-\lfloor (k-1)/2 \rfloor}
    \Bigr) $$

    so a filter detects a group of words wherever it occurs. The maxima of all widths, concatenated,
    go through dropout and one dense layer. The text is padded with zeros on both sides, so that it
    may be shorter than a filter.

    Args:
        vocabulary_size: number of token ids, including 0 for padding.
        num_classes: number of classes.
        embedding_dim: size of each word's vector, D.
        kernel_sizes: widths of the filters, in words; all distinct.
        filters: number of filters per width.
        dropout: dropout rate of the maxima, in [0, 1).
        embedding_dropout: dropout rate of the vectors' features, each dropped in a whole text at
            once, in [0, 1).
        **kwargs: arguments of `train.Model`, such as `name`.

    Input shape: (B, T), integers; any T from 1 on.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; the message says which.

    Reference:
        [kim2014]. There the widths are 3, 4 and 5, of 100 filters each, with a dropout of 0.5.

    Example:
        >>> model = TextCNN(vocabulary_size=50, num_classes=2, embedding_dim=8, filters=4)
        >>> model(ops.array([[7, 8, 9], [5, 0, 0]])).shape
        TensorShape([2, 2])
        >>> model.count_params()  # 50 x 8, then (3 + 4 + 5) x 8 x 4 + 3 x 4, then 12 x 2 + 2
        822
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_classes: int,
        embedding_dim: int = 128,
        kernel_sizes: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        embedding_dropout: float = 0.0,
        **kwargs,
    ):
        if not kernel_sizes or len(set(kernel_sizes)) < len(kernel_sizes):
            raise ValueError(f"kernel_sizes must be distinct integers >= 1; got {kernel_sizes}")
        for kernel_size in kernel_sizes:
            check_positive_int(kernel_sizes=kernel_size)
        check_positive_int(filters=filters)
        check_rate(dropout=dropout, embedding_dropout=embedding_dropout)
        token_ids, x, mask = _embedded(
            vocabulary_size, embedding_dim, num_classes, embedding_dropout
        )
        maxima = []
        for size in kernel_sizes:
            convolution = layers.Conv1D(
                filters, size, padding="same", activation="relu", name=f"conv{size}"
            )
            features = convolution(x) * mask  # (B, T, filters); zero at padding, never below zero
            maxima.append(ops.max(features, axis=1))  # (B, filters)
        x = layers.Dropout(dropout, name="dropout")(ops.concatenate(maxima, axis=-1))
        super().__init__(token_ids, layers.Dense(num_classes, name="logits")(x), **kwargs)


@keras.saving.register_keras_serializable("aimodels")
class MeanEmbedding(Model):
    r"""The mean of the words' vectors, and one dense layer: a bag of words with learned features.

    $$ h = \frac{\sum_t m_t\, x_t}{\sum_t m_t} $$

    The order of the words is lost; nothing trains faster.

    Args:
        vocabulary_size: number of token ids, including 0 for padding.
        num_classes: number of classes.
        embedding_dim: size of each word's vector, D.
        dropout: dropout rate of the mean's features, in [0, 1).
        **kwargs: arguments of `train.Model`, such as `name`.

    Input shape: (B, T), integers. A text of padding alone has mean zero.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; the message says which.

    Example:
        >>> model = MeanEmbedding(vocabulary_size=50, num_classes=2, embedding_dim=8)
        >>> y = model(ops.array([[7, 8, 9], [9, 7, 8]]))
        >>> bool(abs(y[0] - y[1]).numpy().max() < 1e-6)
        True
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_classes: int,
        embedding_dim: int = 128,
        dropout: float = 0.0,
        **kwargs,
    ):
        check_rate(dropout=dropout)
        token_ids, x, mask = _embedded(vocabulary_size, embedding_dim, num_classes)
        x = ops.sum(x, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1)  # (B, D)
        x = layers.Dropout(dropout, name="dropout")(x)
        super().__init__(token_ids, layers.Dense(num_classes, name="logits")(x), **kwargs)
