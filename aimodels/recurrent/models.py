"""Recurrent models for texts and series: a classifier and a forecaster."""

import keras
from keras import layers

from aimodels.checks import check_positive_int, check_rate
from aimodels.recurrent.steps import LAYERS, check_cell
from aimodels.train import Model


def stack_layers(x, cell, units, num_layers, dropout, bidirectional, return_sequences):
    """Recurrent layers on top of each other; all but the last return sequences."""
    for number in range(1, num_layers + 1):
        sequences = return_sequences or number < num_layers
        layer = LAYERS[cell](units, return_sequences=sequences, name=f"{cell}{number}")
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"bidirectional{number}")
        # (B, T, units) or, without sequences, (B, units); twice the units in both directions
        x = layers.Dropout(dropout, name=f"dropout{number}")(layer(x))
    return x


@keras.saving.register_keras_serializable("aimodels")
class TextClassifier(Model):
    """Token ids (B, T) -> embedding -> recurrent layers -> logits (B, num_classes).

    Args:
        vocabulary_size: number of token ids, including 0 for padding.
        num_classes: number of classes, and of logits.
        embedding_dim: length of a token's embedding.
        units: size of a state, in each direction.
        cell: "lstm", "gru" or "rnn".
        num_layers: number of recurrent layers.
        dropout: dropout rate of each layer's output, in [0, 1).
        bidirectional: read from the end as well, and concatenate both outputs.
        mask_zero: False reads padding as if it were text, which is the common mistake.
        **kwargs: passed to `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; as in the other models.

    Example:
        >>> import numpy as np
        >>> model = TextClassifier(vocabulary_size=1000, num_classes=2)
        >>> model(np.array([[7, 8, 9, 0, 0]])).shape
        TensorShape([1, 2])
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_classes: int,
        embedding_dim: int = 64,
        units: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        mask_zero: bool = True,
        **kwargs,
    ):
        check_positive_int(
            vocabulary_size=vocabulary_size,
            num_classes=num_classes,
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
        )
        check_cell(cell)
        check_rate(dropout=dropout)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        x = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=mask_zero)(token_ids)
        x = stack_layers(x, cell, units, num_layers, dropout, bidirectional, return_sequences=False)
        super().__init__(token_ids, layers.Dense(num_classes, name="logits")(x), **kwargs)


@keras.saving.register_keras_serializable("aimodels")
class Forecaster(Model):
    """The next `horizon` values of a series from its past: (B, T, num_features) -> (B, horizon).

    Args:
        num_features: number of features at each time; scale them to order one.
        horizon: number of values to forecast.
        units: size of a state.
        cell: "lstm", "gru" or "rnn".
        num_layers: number of recurrent layers.
        dropout: dropout rate of each layer's output, in [0, 1).
        mask_value: times at which all features have this value are padding; None for no padding.
        **kwargs: passed to `train.Model`, such as `name`.

    Example:
        >>> import numpy as np
        >>> Forecaster(num_features=3, horizon=5)(np.zeros((2, 24, 3))).shape
        TensorShape([2, 5])
    """

    def __init__(
        self,
        num_features: int,
        horizon: int,
        units: int = 32,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        mask_value: float | None = None,
        **kwargs,
    ):
        check_positive_int(
            num_features=num_features, horizon=horizon, units=units, num_layers=num_layers
        )
        check_cell(cell)
        check_rate(dropout=dropout)
        x = inputs = keras.Input((None, num_features), name="past")
        if mask_value is not None:
            x = layers.Masking(mask_value, name="masking")(x)
        x = stack_layers(
            x, cell, units, num_layers, dropout, bidirectional=False, return_sequences=False
        )
        super().__init__(inputs, layers.Dense(horizon, name="future")(x), **kwargs)
