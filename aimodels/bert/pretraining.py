"""BERT's pre-training: two heads, for masked tokens and for the next sentence."""

from pathlib import Path

import keras
from keras import layers, ops

from aimodels.bert.model import BERT
from aimodels.checkpoint import Checkpoint
from aimodels.layers import clone_initializer
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class Pretraining(Model):
    r"""A BERT with its two tasks: what was hidden, and whether the second text follows the first.

    $$ z = E\, \mathrm{norm}(\mathrm{gelu}(W h + b)) + c $$

    at each hidden place, with the embedding $E$ that also reads the ids.

    Args:
        bert: the encoder, trained with the rest; or the arguments of a new one.
        **kwargs: of `train.Model`, such as `name`.

    Input shape: ids and segments (B, T), and the hidden places (B, M), in a tuple.
    Output shape: logits (B, M, V) of the tokens there, and (B, 2) of follows not, follows.

    Example:
        >>> import tensorflow as tf
        >>> model = Pretraining(BERT(100, width=16, num_heads=2, num_layers=1, max_length=8))
        >>> ids = tf.ones((2, 6), tf.int32)
        >>> [x.shape for x in model((ids, 0 * ids, ids[:, :1]))]
        [TensorShape([2, 1, 100]), TensorShape([2, 2])]
    """

    def __init__(self, bert: BERT | dict, **kwargs):
        bert = BERT(**bert) if isinstance(bert, dict) else bert
        places = keras.Input((None,), dtype="int32", name="places")
        tokens, pooled = bert(bert.inputs)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        x = ops.take_along_axis(tokens, ops.expand_dims(places, -1), axis=1)
        x = layers.Dense(
            bert.config["width"],
            "gelu",
            kernel_initializer=clone_initializer(normal),
            name="masked_dense",
        )(x)
        x = layers.LayerNormalization(epsilon=1e-12, name="masked_norm")(x)
        masked = _Bias(name="masked")(bert.get_layer("embedding")(x, reverse=True))
        follows = layers.Dense(2, kernel_initializer=clone_initializer(normal), name="follows")(
            pooled
        )
        super().__init__([*bert.inputs, places], [masked, follows], **kwargs)
        self.bert, self.config = bert, {"bert": bert.config}

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "Pretraining":
        """A published model with its two tasks; arguments and errors as for `BERT`'s."""
        model = cls(BERT.from_checkpoint(folder, **kwargs))
        checkpoint, name = Checkpoint(folder, "bert"), "cls.predictions."
        dense = model.get_layer("masked_dense")
        checkpoint.layer(dense, f"{name}transform.dense", transpose=True)
        checkpoint.layer(model.get_layer("masked_norm"), f"{name}transform.LayerNorm")
        checkpoint.assign(model.get_layer("masked").bias, f"{name}bias")
        follows = model.get_layer("follows")
        checkpoint.layer(follows, "cls.seq_relationship", transpose=True)
        for variable in follows.weights:  # its first class is "follows", ours the second
            variable.assign(variable[..., ::-1])
        return model


@keras.saving.register_keras_serializable("aimodels")
class _Bias(layers.Layer):
    def build(self, shape):
        self.bias = self.add_weight((shape[-1],), "zeros", name="bias")

    def call(self, x):
        return x + self.bias
