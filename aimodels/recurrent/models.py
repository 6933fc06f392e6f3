"""Recurrent models for texts and series: a classifier and a forecaster."""

import keras
from keras import layers

from aimodels.recurrent.steps import LAYERS, check_cell
from aimodels.train import Model


def stack_layers(x, cell, units, num_layers, dropout, bidirectional, return_sequences):
    """Layers one on another; only the last one may give its last state alone."""
    for number in range(1, num_layers + 1):
        sequences = return_sequences or number < num_layers
        layer = LAYERS[cell](units, return_sequences=sequences, name=f"{cell}{number}")
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"bidirectional{number}")
        x = layers.Dropout(dropout, name=f"dropout{number}")(layer(x))
    return x


@keras.saving.register_keras_serializable("aimodels")
class TextClassifier(Model):
    """Ids of tokens (B, T) -> embedding -> recurrent layers -> logits (B, num_classes).

    Args:
        vocabulary_size: how many ids there are, 0 for padding with them.
        num_classes: how many logits.
        embedding_dim: numbers for one token.
        units: width of a state, in each direction.
        cell: "lstm", "gru" or "rnn".
        num_layers: recurrent layers one on another.
        dropout: the share of each layer's output that is dropped in training.
        bidirectional: a second layer reads from the end; both answers side by side.
        mask_zero: False reads padding as if it were text, which is the common mistake.
        **kwargs: of `train.Model`, such as `name`.

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
        sizes = {
            "vocabulary_size": vocabulary_size,
            "num_classes": num_classes,
            "embedding_dim": embedding_dim,
            "units": units,
            "num_layers": num_layers,
        }
        check_cell(cell, dropout, **sizes)
        ids = keras.Input((None,), dtype="int32", name="ids")
        x = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=mask_zero)(ids)
        x = stack_layers(x, cell, units, num_layers, dropout, bidirectional, return_sequences=False)
        super().__init__(ids, layers.Dense(num_classes, name="logits")(x), **kwargs)
        self.config = {
            **sizes,
            "cell": cell,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "mask_zero": mask_zero,
        }


@keras.saving.register_keras_serializable("aimodels")
class Forecaster(Model):
    """The next `horizon` values of a series from its past: (B, T, num_features) -> (B, horizon).

    Args:
        num_features: numbers at each time; scale them to order one.
        horizon: how many values to tell at once.
        units: width of a state.
        cell: "lstm", "gru" or "rnn".
        num_layers: recurrent layers one on another.
        dropout: the share of each layer's output that is dropped in training.
        mask_value: times at which all features have this value are padding; None: there is none.
        **kwargs: of `train.Model`, such as `name`.

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
        sizes = {
            "num_features": num_features,
            "horizon": horizon,
            "units": units,
            "num_layers": num_layers,
        }
        check_cell(cell, dropout, **sizes)
        x = inputs = keras.Input((None, num_features), name="past")
        if mask_value is not None:
            x = layers.Masking(mask_value, name="masking")(x)
        x = stack_layers(
            x, cell, units, num_layers, dropout, bidirectional=False, return_sequences=False
        )
        super().__init__(inputs, layers.Dense(horizon, name="future")(x), **kwargs)
        self.config = {**sizes, "cell": cell, "dropout": dropout, "mask_value": mask_value}
