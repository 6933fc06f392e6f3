r"""BERT: a Transformer's encoder that learns from text without labels, then from few with them.

Pre-training hides 15 % of the tokens and asks for them, and asks whether the second of two pieces
of text follows the first. Fine-tuning puts a small new head on the same encoder [devlin2019].
"""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.arguments import whole
from aimodels.attention import fresh
from aimodels.checkpoint import Checkpoint
from aimodels.training import Model
from aimodels.transformer import Positions, TransformerBlock


@keras.saving.register_keras_serializable("aimodels")
class BERT(Model):
    r"""Ids and segments, (B, T) each -> a vector for each token, (B, T, D), and for all, (B, D).

    $$ h_0 = \mathrm{norm}(E x + S s + P), \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad
       u = \tanh(W h_{L,0} + b) $$

    Args:
        vocabulary_size: V; ids are below it, and 0 is padding.
        width: $D$, of every token's vector.
        num_heads: of each attention.
        num_layers: $L$.
        intermediate_dim: width between a block's two dense layers, 4 D if None.
        dropout: share that is dropped in training.
        max_length: the longest T.
        **kwargs: of `training.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [devlin2019].

    Example:
        >>> model = BERT(100, width=16, num_heads=2, num_layers=1, max_length=8)
        >>> tokens, pooled = model((tf.constant([[2, 5, 3, 0]]), tf.constant([[0, 0, 0, 0]])))
        >>> tokens.shape, pooled.shape
        (TensorShape([1, 4, 16]), TensorShape([1, 16]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int = 256,
        num_heads: int = 4,
        num_layers: int = 4,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_length: int = 128,
        **kwargs,
    ):
        config = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        whole(vocabulary_size=vocabulary_size, width=width, num_layers=num_layers)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        ids, segments = (
            keras.Input((None,), dtype="int32", name=name) for name in ("ids", "segments")
        )
        embedding = layers.ReversibleEmbedding(
            vocabulary_size, width, embeddings_initializer=normal, name="embedding"
        )
        x = embedding(ids) + layers.Embedding(2, width, fresh(normal), name="segment_embedding")(
            segments
        )
        x = Positions(max_length, learned=True, name="positions")(x)
        x = layers.LayerNormalization(epsilon=1e-12, name="norm")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                intermediate_dim or 4 * width,
                activation="gelu",
                dropout=dropout,
                layer_norm_epsilon=1e-12,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x, attention_mask=ops.not_equal(ids, 0))
        pooled = layers.Dense(width, "tanh", kernel_initializer=fresh(normal), name="pooler")(
            x[:, 0]
        )
        super().__init__([ids, segments], [x, pooled], **kwargs)
        self.config = config

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "BERT":
        """The model of a folder in Hugging Face's form: `config.json` and `model.safetensors`.

        Args:
            folder: where the files are.
            **kwargs: in place of what the configuration says, such as `dropout`.

        Raises:
            FileNotFoundError: if one of the two is missing.
            ValueError: if the checkpoint is damaged or of another kind, or a weight is missing or
                has another shape; it names it.
        """
        checkpoint = Checkpoint(folder, "bert", prefix="bert.")
        facts = checkpoint.config
        checkpoint.only(hidden_act="gelu", layer_norm_eps=1e-12, type_vocab_size=2, pad_token_id=0)
        own = {
            "width": facts["hidden_size"],
            "num_heads": facts["num_attention_heads"],
            "num_layers": facts["num_hidden_layers"],
            "intermediate_dim": facts["intermediate_size"],
            "dropout": facts.get("hidden_dropout_prob", 0.1),
            "max_length": facts["max_position_embeddings"],
        }
        model = cls(facts["vocab_size"], **{**own, **kwargs})
        checkpoint.assign(
            model.get_layer("embedding").embeddings, "embeddings.word_embeddings.weight"
        )
        checkpoint.assign(
            model.get_layer("segment_embedding").embeddings,
            "embeddings.token_type_embeddings.weight",
        )
        checkpoint.assign(
            model.get_layer("positions").table, "embeddings.position_embeddings.weight"
        )
        checkpoint.layer(model.get_layer("norm"), "embeddings.LayerNorm")
        for i in range(facts["num_hidden_layers"]):
            block, name = model.get_layer(f"block{i + 1}"), f"encoder.layer.{i}."
            attention = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
            checkpoint.layer(block.attention, *attention, transpose=True)
            for layer, part in (
                (block.attention.output_dense, "attention.output.dense"),
                (block.inner, "intermediate.dense"),
                (block.outer, "output.dense"),
            ):
                checkpoint.layer(layer, name + part, transpose=True)
            checkpoint.layer(block.attention_norm, f"{name}attention.output.LayerNorm")
            checkpoint.layer(block.feed_norm, f"{name}output.LayerNorm")
        checkpoint.layer(model.get_layer("pooler"), "pooler.dense", transpose=True)
        return model


def encode(
    vocabulary, first: Iterable[Sequence[str]], second: Iterable | None = None, length: int = 128
) -> tuple[np.ndarray, np.ndarray]:
    """Texts, or pairs of them, as BERT reads them: [CLS] first [SEP] second [SEP], padded.

    Args:
        vocabulary: a `text.Vocabulary` whose start is [CLS] and whose end is [SEP].
        first: lists of tokens.
        second: as many; none if None.
        length: T, of each row. Of a pair that is too long, the longer one loses its last token,
            again and again.

    Returns:
        Ids and segments, int32 (B, T) each: 0 up to the first [SEP], then 1; both 0 in padding.

    Raises:
        ValueError: if there are not as many second texts as first ones, or `length` is too small.

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["who", "you", "me"], start="[CLS]", end="[SEP]")
        >>> encode(words, [["who"]], [["me", "you"]], length=7)[0]
        array([[2, 4, 3, 6, 5, 3, 0]], dtype=int32)
    """
    first = [list(row) for row in first]
    second = [[] for _ in first] if second is None else [list(row) for row in second]
    if len(first) != len(second):
        raise ValueError(f"{len(first)} first texts and {len(second)} second ones: no pairs")
    whole(smallest=5, length=length)
    ids, segments = (np.zeros((len(first), length), "int32") for _ in range(2))
    for row, segment, a, b in zip(ids, segments, first, second, strict=True):
        while len(a) + len(b) + 2 + bool(b) > length:
            (a if len(a) >= len(b) else b).pop()
        a = [vocabulary.start, *vocabulary.ids(a), vocabulary.end]
        b = [*vocabulary.ids(b), vocabulary.end] if b else []
        row[: len(a) + len(b)] = a + b
        segment[len(a) : len(a) + len(b)] = 1
    return ids, segments


def mask_tokens(
    ids, vocabulary, seed, rate: float = 0.15
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Hide `rate` of each row's tokens: 80 % become [MASK], 10 % any token, 10 % stay.

    Args:
        ids: int32 (B, T); padding, start and end are never hidden.
        vocabulary: a `text.Vocabulary` that has [MASK].
        seed: two whole numbers; the same ones hide the same tokens.
        rate: share of a row's tokens that are hidden, one at least.

    Returns:
        New ids (B, T), the places (B, M) of what is hidden, and what was there (B, M): 0 where a
        row has fewer than M. M is `rate` of T, rounded up.

    Raises:
        ValueError: if `rate` is out of range, or the vocabulary has no [MASK].

    Reference:
        Section 3.1 of [devlin2019].

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["[MASK]", "a", "b"], start="[CLS]", end="[SEP]")
        >>> new, places, hidden = mask_tokens(tf.constant([[2, 5, 6, 5, 3]]), words, seed=(1, 2))
        >>> int(hidden[0, 0]) == (2, 5, 6, 5, 3)[int(places[0, 0])]
        True
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be above 0 and below 1; got {rate!r}")
    if "[MASK]" not in vocabulary:
        raise ValueError("the vocabulary has no [MASK]")
    ids, mask = tf.cast(ids, tf.int32), vocabulary.ids("[MASK]")
    special = tf.constant([vocabulary.pad, vocabulary.start, vocabulary.end])
    free = ~tf.reduce_any(ids[..., None] == special, axis=-1)
    seeds = tf.random.experimental.stateless_split(seed, 3)
    chance = tf.where(free, tf.random.stateless_uniform(tf.shape(ids), seeds[0]), -1.0)
    most = tf.cast(tf.math.ceil(rate * tf.cast(tf.shape(ids)[1], tf.float32)), tf.int32)
    places = tf.math.top_k(chance, most).indices
    number = tf.reduce_sum(tf.cast(free, tf.float32), axis=1)
    wanted = tf.where(number > 0, tf.maximum(tf.round(rate * number), 1.0), 0.0)
    chosen = tf.cast(tf.range(most), tf.float32) < wanted[:, None]
    old = tf.gather(ids, places, axis=1, batch_dims=1)
    what = tf.random.stateless_uniform(tf.shape(places), seeds[1])
    other = tf.random.stateless_uniform(tf.shape(places), seeds[2], 1, len(vocabulary), tf.int32)
    new = tf.where(what < 0.8, mask, tf.where(what < 0.9, other, old))
    rows = tf.repeat(tf.range(tf.shape(ids)[0])[:, None], most, axis=1)
    where = tf.stack([rows, places], axis=-1)
    changed = tf.tensor_scatter_nd_update(ids, where, tf.where(chosen, new, old))
    return changed, places, tf.where(chosen, old, 0)


def sentence_pairs(documents: Iterable[Sequence], seed: int = 0) -> tuple[list, list, np.ndarray]:
    """Each sentence and the next one, or, half of the time, one from another document.

    Args:
        documents: lists of sentences, in their order.
        seed: of the choice.

    Returns:
        First sentences, second ones, and 1 where the second follows the first in the text, else 0.

    Raises:
        ValueError: if fewer than two documents have a sentence.

    Example:
        >>> first, second, follows = sentence_pairs([["a", "b", "c"], ["d", "e"]])
        >>> first, follows.shape
        (['a', 'b', 'd'], (3,))
    """
    documents = [list(document) for document in documents if len(document)]
    if len(documents) < 2:
        raise ValueError("two documents with sentences in them are wanted at least")
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
class Pretraining(Model):
    r"""A BERT with its two tasks: what was hidden, and whether the second text follows the first.

    $$ z = E\, \mathrm{norm}(\mathrm{gelu}(W h + b)) + c $$

    at each hidden place, with the embedding $E$ that also reads the ids.

    Args:
        bert: the encoder, trained with the rest; or the arguments of a new one.
        **kwargs: of `training.Model`, such as `name`.

    Input shape: ids and segments (B, T), and the hidden places (B, M), in a tuple.
    Output shape: logits (B, M, V) of the tokens there, and (B, 2) of follows not, follows.

    Example:
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
            bert.config["width"], "gelu", kernel_initializer=fresh(normal), name="masked_dense"
        )(x)
        x = layers.LayerNormalization(epsilon=1e-12, name="masked_norm")(x)
        masked = _Bias(name="masked")(bert.get_layer("embedding")(x, reverse=True))
        follows = layers.Dense(2, kernel_initializer=fresh(normal), name="follows")(pooled)
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
    whole(smallest=2, num_classes=num_classes)
    x = layers.Dropout(dropout)(bert(bert.inputs)[output])
    normal = keras.initializers.RandomNormal(stddev=0.02)
    return Model(
        bert.inputs, layers.Dense(num_classes, kernel_initializer=fresh(normal), name="head")(x)
    )
