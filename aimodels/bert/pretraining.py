"""BERT's pre-training: two heads, for masked tokens and for the next sentence."""

from pathlib import Path

import keras
from keras import layers, ops

from aimodels.bert.model import BERT
from aimodels.checkpoint import Checkpoint
from aimodels.layers import clone_initializer
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class BERTPretraining(Model):
    r"""A BERT with its two tasks: the hidden tokens, and whether the second text follows the first.

    $$ z = E\, \mathrm{norm}(\mathrm{gelu}(W h + b)) + c $$

    at each hidden position, with the embedding $E$ that also embeds the token ids.

    Args:
        bert: encoder, trained together with the heads.
        **kwargs: arguments of `train.Model`, such as `name`.

    Input shape: a tuple of token ids and segment ids, (B, T) each, and mask positions (B, M).
    Output shape: logits (B, M, V) of the tokens at these positions, and logits (B, 2): class 1
        where the second text follows the first, else 0.

    Example:
        >>> import tensorflow as tf
        >>> bert = BERT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> token_ids = tf.ones((2, 6), tf.int32)
        >>> logits = BERTPretraining(bert)((token_ids, 0 * token_ids, token_ids[:, :1]))
        >>> [x.shape for x in logits]
        [TensorShape([2, 1, 100]), TensorShape([2, 2])]
    """

    def __init__(self, bert: BERT, **kwargs):
        normal = keras.initializers.RandomNormal(stddev=0.02)
        mask_positions = keras.Input((None,), dtype="int32", name="mask_positions")
        tokens, pooled = bert(bert.inputs)  # (B, T, D), (B, D)
        x = ops.take_along_axis(tokens, mask_positions[..., None], axis=1)  # (B, M, D)
        dense = layers.Dense(
            bert.config["hidden_dim"],
            "gelu",
            kernel_initializer=clone_initializer(normal),
            name="masked_dense",
        )
        x = layers.LayerNormalization(epsilon=1e-12, name="masked_norm")(dense(x))
        x = bert.get_layer("embedding")(x, reverse=True)  # (B, M, V)
        masked = Bias(name="masked")(x)
        follows = layers.Dense(2, kernel_initializer=clone_initializer(normal), name="follows")
        super().__init__([*bert.inputs, mask_positions], [masked, follows(pooled)], **kwargs)
        self.bert = bert

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "BERTPretraining":
        """Load a published model with its two heads; arguments and errors as for `BERT`'s."""
        model = cls(BERT.from_checkpoint(folder, **kwargs))
        checkpoint, prefix = Checkpoint(folder, "bert"), "cls.predictions."
        dense = model.get_layer("masked_dense")
        checkpoint.layer(dense, f"{prefix}transform.dense", transpose=True)
        checkpoint.layer(model.get_layer("masked_norm"), f"{prefix}transform.LayerNorm")
        checkpoint.assign(model.get_layer("masked").bias, f"{prefix}bias")
        follows = model.get_layer("follows")
        checkpoint.layer(follows, "cls.seq_relationship", transpose=True)
        for variable in follows.weights:  # the checkpoint's class 0 is "follows", here class 1
            variable.assign(variable[..., ::-1])
        return model


@keras.saving.register_keras_serializable("aimodels")
class Bias(layers.Layer):
    """Adds a learned vector to the last axis.

    Example:
        >>> Bias()(ops.ones((1, 2))).numpy().tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, x):
        return x + self.bias
