"""Small heads on BERT, for learning from few labels."""

import keras
from keras import layers

from aimodels.bert.model import BERT
from aimodels.checks import check_positive_int
from aimodels.layers import clone_initializer
from aimodels.train import Model


def classifier(bert: BERT, num_classes: int, dropout: float = 0.1) -> Model:
    """BERT with a new head for whole texts, or pairs: (ids, segments) -> logits (B, num_classes).

    Example:
        >>> bert = BERT(100, width=16, num_heads=2, num_layers=1, max_length=8)
        >>> classifier(bert, num_classes=3).output_shape
        (None, 3)
    """
    return _with_head(bert, 1, num_classes, dropout)


def tagger(bert: BERT, num_classes: int, dropout: float = 0.1) -> Model:
    """BERT with a new head for each token: (ids, segments) -> logits (B, T, num_classes)."""
    return _with_head(bert, 0, num_classes, dropout)


def _with_head(bert, output, num_classes, dropout):
    check_positive_int(minimum=2, num_classes=num_classes)
    x = layers.Dropout(dropout)(bert(bert.inputs)[output])
    normal = keras.initializers.RandomNormal(stddev=0.02)
    return Model(
        bert.inputs,
        layers.Dense(num_classes, kernel_initializer=clone_initializer(normal), name="head")(x),
    )
