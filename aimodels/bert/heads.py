"""Small heads on BERT, for learning from few labels."""

import keras
from keras import layers

from aimodels.bert.model import BERT
from aimodels.checks import check_positive_int, check_rate
from aimodels.layers import clone_initializer
from aimodels.train import Model


def classifier(bert: BERT, num_classes: int, dropout: float = 0.1) -> Model:
    """BERT with a new head for whole texts, or pairs of them.

    Args:
        bert: encoder, trained together with the head; `bert.trainable = False` freezes it.
        num_classes: number of classes.
        dropout: dropout rate of the encoder's output, in [0, 1).

    Returns:
        A model from token ids and segment ids, (B, T) each, to logits (B, num_classes).

    Raises:
        ValueError: if an argument is out of range; the message says which.

    Example:
        >>> bert = BERT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> classifier(bert, num_classes=3).output_shape
        (None, 3)
    """
    return _with_head(bert, 1, num_classes, dropout)


def tagger(bert: BERT, num_classes: int, dropout: float = 0.1) -> Model:
    """BERT with a new head for each token: as `classifier`, but with logits (B, T, num_classes).

    Example:
        >>> bert = BERT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> tagger(bert, num_classes=3).output_shape
        (None, None, 3)
    """
    return _with_head(bert, 0, num_classes, dropout)


def _with_head(bert, output_index, num_classes, dropout):
    check_positive_int(minimum=2, num_classes=num_classes)
    check_rate(dropout=dropout)
    x = layers.Dropout(dropout)(bert(bert.inputs)[output_index])
    normal = keras.initializers.RandomNormal(stddev=0.02)
    head = layers.Dense(num_classes, kernel_initializer=clone_initializer(normal), name="head")
    return Model(bert.inputs, head(x))
