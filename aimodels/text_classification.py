r"""Classifiers of token sequences that need no recurrence: convolutions, and a plain mean.

Both read ids (B, T), where 0 is padding. Padding is inert: however much of it follows a text, the
logits stay the same, because a position $t$ counts only where the mask $m_t = [\text{id}_t \ne 0]$
is one.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from aimodels.checks import check_positive_int
from aimodels.train import Model


def _embedded(vocabulary_size: int, embedding_dim: int, num_classes: int, dropout: float = 0.0):
    """The input ids (B, T), their vectors (B, T, D) with zeros for padding, the mask (B, T, 1)."""
    check_positive_int(2, vocabulary_size=vocabulary_size, num_classes=num_classes)
    check_positive_int(embedding_dim=embedding_dim)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(vocabulary_size, embedding_dim, name="embedding")(ids)
    if dropout:
        x = layers.SpatialDropout1D(dropout, name="embedding_dropout")(x)
    mask = ops.expand_dims(ops.cast(ops.not_equal(ids, 0), x.dtype), -1)
    return ids, x * mask, mask


@keras.saving.register_keras_serializable("aimodels")
class TextCNN(Model):
    r"""Convolutions over the words of a text, and of each filter the strongest answer anywhere.

    For a filter of width $k$ with weights $W$ and bias $b$, over word vectors $x_t$ (D,):

    $$ c = \max_t\; m_t\, \mathrm{ReLU}\Bigl(b + \sum_{i<k} W_i^\top x_{t+i-\lfloor (k-1)/2 \rfloor}
    \Bigr) $$

    so a filter is a detector of word groups, wherever they stand. The answers of all widths, side
    by side, go through dropout and one dense layer. Zeros stand before the first and after the last
    word, so that a text may be shorter than a filter.

    Args:
        vocabulary_size: how many ids there are, 0 for padding with them.
        num_classes: how many logits.
        embedding_dim: D, how long a word's vector is.
        kernel_sizes: the widths, in words.
        filters: how many filters of each width.
        dropout: the share of the answers that is dropped in training.
        embedding_dropout: the share of the vectors' features that is, in the whole text at once.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, T), whole numbers; any T from 1 on.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; it says which.

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
        if min(kernel_sizes, default=0) < 1 or len(set(kernel_sizes)) < len(kernel_sizes):
            raise ValueError(
                f"kernel_sizes must be different numbers from 1 on; got {kernel_sizes}"
            )
        ids, x, mask = _embedded(vocabulary_size, embedding_dim, num_classes, embedding_dropout)
        found = []
        for size in kernel_sizes:
            answers = layers.Conv1D(
                filters, size, padding="same", activation="relu", name=f"conv{size}"
            )(x)
            found.append(ops.max(answers * mask, axis=1))  # no answer is below the padding's zero
        x = layers.Dropout(dropout, name="dropout")(ops.concatenate(found, axis=-1))
        super().__init__(ids, layers.Dense(num_classes, name="logits")(x), **kwargs)
        self.config = {
            "vocabulary_size": vocabulary_size,
            "num_classes": num_classes,
            "embedding_dim": embedding_dim,
            "kernel_sizes": tuple(kernel_sizes),
            "filters": filters,
            "dropout": dropout,
            "embedding_dropout": embedding_dropout,
        }


@keras.saving.register_keras_serializable("aimodels")
class MeanEmbedding(Model):
    r"""The mean of the words' vectors, and one dense layer: a bag of words with learned features.

    $$ h = \frac{\sum_t m_t\, x_t}{\sum_t m_t} $$

    The order of the words is lost; nothing trains faster.

    Args:
        vocabulary_size: how many ids there are, 0 for padding with them.
        num_classes: how many logits.
        embedding_dim: D, how long a word's vector is.
        dropout: the share of the mean's features that is dropped in training.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, T), whole numbers. A text of nothing but padding has the mean zero.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; it says which.

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
        ids, x, mask = _embedded(vocabulary_size, embedding_dim, num_classes)
        x = ops.sum(x, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1)
        x = layers.Dropout(dropout, name="dropout")(x)
        super().__init__(ids, layers.Dense(num_classes, name="logits")(x), **kwargs)
        self.config = {
            "vocabulary_size": vocabulary_size,
            "num_classes": num_classes,
            "embedding_dim": embedding_dim,
            "dropout": dropout,
        }
