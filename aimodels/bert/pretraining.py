"""BERT's pre-training: masking tokens, pairing sentences, and the two heads that learn from it."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.bert.model import BERT, HEADS, OUTPUT_WORDS, WORDS, open_checkpoint, read_encoder
from aimodels.checkpoint import Checkpoint
from aimodels.layers import clone_initializer
from aimodels.train import Model


def mask_tokens(
    token_ids, vocabulary, seed, rate: float = 0.15
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Hide `rate` of each row's tokens: 80 % become [MASK], 10 % a random token, 10 % stay.

    Args:
        token_ids: int32 (B, T); padding, start and end are never hidden.
        vocabulary: `text.Vocabulary` that contains [MASK].
        seed: two integers; the same seed hides the same tokens.
        rate: share of each row's tokens to hide, in (0, 1); at least one token is hidden.

    Returns:
        Changed token ids (B, T), positions (B, M) of the hidden tokens, and the hidden tokens' ids
        (B, M), 0 where a row has fewer than M. M is `rate` of T, rounded up.

    Raises:
        ValueError: if `rate` is out of range, or the vocabulary lacks [MASK].

    Reference:
        Section 3.1 of [devlin2019].

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["[MASK]", "a", "b"], start_token="[CLS]", end_token="[SEP]")
        >>> changed, positions, hidden = mask_tokens([[2, 5, 6, 5, 3]], words, seed=(1, 2))
        >>> int(hidden[0, 0]) == (2, 5, 6, 5, 3)[int(positions[0, 0])]
        True
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be above 0 and below 1; got {rate!r}")
    if "[MASK]" not in vocabulary:
        raise ValueError("the vocabulary has no [MASK] token")
    token_ids, mask_id = tf.cast(token_ids, tf.int32), vocabulary.tokens_to_ids("[MASK]")
    special = tf.constant([vocabulary.pad_id, vocabulary.start_id, vocabulary.end_id])
    free = ~tf.reduce_any(token_ids[..., None] == special, axis=-1)  # (B, T)
    seeds = tf.random.experimental.stateless_split(seed, 3)
    chance = tf.where(free, tf.random.stateless_uniform(tf.shape(token_ids), seeds[0]), -1.0)
    most = tf.cast(tf.math.ceil(rate * tf.cast(tf.shape(token_ids)[1], tf.float32)), tf.int32)
    positions = tf.math.top_k(chance, most).indices  # (B, M)
    number = tf.reduce_sum(tf.cast(free, tf.float32), axis=1)
    wanted = tf.where(number > 0, tf.maximum(tf.round(rate * number), 1.0), 0.0)
    chosen = tf.cast(tf.range(most), tf.float32) < wanted[:, None]
    old = tf.gather(token_ids, positions, axis=1, batch_dims=1)
    fate = tf.random.stateless_uniform(tf.shape(positions), seeds[1])
    other = tf.random.stateless_uniform(tf.shape(positions), seeds[2], 1, len(vocabulary), tf.int32)
    new = tf.where(fate < 0.8, mask_id, tf.where(fate < 0.9, other, old))
    rows = tf.repeat(tf.range(tf.shape(token_ids)[0])[:, None], most, axis=1)
    indices = tf.stack([rows, positions], axis=-1)  # (B, M, 2)
    changed = tf.tensor_scatter_nd_update(token_ids, indices, tf.where(chosen, new, old))
    return changed, positions, tf.where(chosen, old, 0)


def sentence_pairs(documents: Iterable[Sequence], seed: int = 0) -> tuple[list, list, np.ndarray]:
    """Pairs of each sentence and the next one or, half of the time, one of another document.

    Args:
        documents: lists of sentences, in the order of the text.
        seed: seed of the random choices.

    Returns:
        First sentences, second sentences, and labels: 1 where the second follows the first in the
        text, else 0.

    Raises:
        ValueError: if fewer than two documents contain a sentence.

    Example:
        >>> first, second, follows = sentence_pairs([["a", "b", "c"], ["d", "e"]])
        >>> first, follows.shape
        (['a', 'b', 'd'], (3,))
    """
    documents = [list(document) for document in documents if len(document)]
    if len(documents) < 2:
        raise ValueError("sentence_pairs needs at least two documents that contain sentences")
    rng, pairs = np.random.default_rng(seed), []
    for i, document in enumerate(documents):
        for a, b in itertools.pairwise(document):
            follows = int(rng.integers(2))
            if not follows:
                other = documents[(i + rng.integers(1, len(documents))) % len(documents)]
                b = other[rng.integers(len(other))]
            pairs.append((a, b, follows))
    first, second, labels = zip(*pairs, strict=True)
    return list(first), list(second), np.array(labels)


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
        """Load a published model with its two heads; arguments and errors as for `BERT`'s.

        Where only one of the heads was published, a warning says that the other one is new.
        """
        model = cls.read(checkpoint := open_checkpoint(folder), **kwargs)
        checkpoint.refuse_left_over(HEADS)
        return model

    @classmethod
    def read(cls, checkpoint: Checkpoint, **kwargs) -> "BERTPretraining":
        """The model in an open checkpoint."""
        checkpoint.only(tie_word_embeddings=True)
        checkpoint.tied(WORDS, OUTPUT_WORDS)
        model, prefix = cls(read_encoder(checkpoint, BERT, **kwargs)), "cls.predictions."
        masked, follows = f"{prefix}transform.dense.weight", "cls.seq_relationship.weight"
        if masked not in checkpoint.weights and follows not in checkpoint.weights:
            raise ValueError(
                f"{checkpoint.folder} has no weight {masked!r}, so none of pre-training's heads: "
                "read it with BERT.from_checkpoint, and give it new ones with BERTPretraining(bert)"
            )
        if masked in checkpoint.weights:
            dense = model.get_layer("masked_dense")
            checkpoint.layer(dense, f"{prefix}transform.dense", transpose=True)
            checkpoint.layer(model.get_layer("masked_norm"), f"{prefix}transform.LayerNorm")
            bias = checkpoint.tied(f"{prefix}bias", f"{prefix}decoder.bias")
            checkpoint.assign(model.get_layer("masked").bias, bias)
        else:
            checkpoint.warn("head for masked tokens, so the first output is random")
        if follows in checkpoint.weights:
            layer = model.get_layer("follows")
            checkpoint.layer(layer, "cls.seq_relationship", transpose=True)
            for variable in layer.weights:  # its class 0 is "follows", here class 1
                variable.assign(variable[..., ::-1])
        else:
            checkpoint.warn("head for pairs of texts, so the second output is random")
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
