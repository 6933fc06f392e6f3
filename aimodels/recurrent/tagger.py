"""A tag for each word of a sentence: bidirectional, with the words' letters."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from aimodels.checks import check_positive_int, check_rate
from aimodels.recurrent.crf import CRF, viterbi
from aimodels.recurrent.models import stack_layers
from aimodels.recurrent.steps import check_cell
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class WordsFromCharacters(layers.Layer):
    """A vector for each word from its characters, read in both directions [lample2016].

    Args:
        vocabulary_size: number of character ids, including 0 for padding.
        embedding_dim: length of a character's embedding.
        units: size of a state, in each direction.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        character_ids: (B, T, L), T words of L characters each.
        mask: (B, T), False where there is no word, however many characters stand there.

    Returns:
        (B, T, 2 units); a word without characters, or masked, gets zeros, and is masked for the
        layers that follow.

    Raises:
        ValueError: if an argument is not an integer >= 1.

    Example:
        >>> WordsFromCharacters(30, 5, 8)(np.array([[[3, 1, 20], [1, 0, 0]]])).shape
        TensorShape([1, 2, 16])
    """

    def __init__(self, vocabulary_size: int, embedding_dim: int, units: int, **kwargs):
        check_positive_int(
            vocabulary_size=vocabulary_size, embedding_dim=embedding_dim, units=units
        )
        super().__init__(**kwargs)
        self.vocabulary_size, self.embedding_dim, self.units = vocabulary_size, embedding_dim, units
        dtype = self.dtype_policy
        self.embedding = layers.Embedding(vocabulary_size, embedding_dim, dtype=dtype)
        self.reader = layers.Bidirectional(layers.LSTM(units, dtype=dtype), dtype=dtype)
        self.supports_masking = True

    def build(self, input_shape):
        self.embedding.build((None, input_shape[-1]))
        self.reader.build((None, input_shape[-1], self.embedding_dim))

    def call(self, character_ids, mask=None):
        batch, num_words, num_characters = ops.shape(character_ids)
        real = ops.not_equal(character_ids, 0)
        if mask is not None:
            real = ops.logical_and(real, ops.cast(mask, "bool")[..., None])
        words = ops.reshape(character_ids, (-1, num_characters))  # (B T, L): each a sequence
        vectors = self.reader(
            self.embedding(words), mask=ops.reshape(real, (-1, num_characters))
        )  # (B T, 2 units)
        return ops.reshape(vectors, (batch, num_words, 2 * self.units))

    def compute_mask(self, character_ids, mask=None):
        real = ops.any(ops.not_equal(character_ids, 0), axis=-1)  # (B, T)
        return real if mask is None else ops.logical_and(real, ops.cast(mask, "bool"))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 2 * self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "units": self.units,
        }


@keras.saving.register_keras_serializable("aimodels")
class Tagger(Model):
    """A tag for every token: token ids (B, T) -> logits (B, T, num_tags), bidirectional.

    Tags are numbered from 1; at padding both token and tag are 0. So train it with
    `SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)` and `TokenAccuracy()`, or with
    `crf=True` and `CRFLoss()`: then each tag is judged together with the one before.

    Args:
        vocabulary_size: number of token ids, including 0 for padding.
        num_tags: number of tags, including 0 for padding.
        embedding_dim: length of a token's embedding.
        units: size of a state, in each direction.
        cell: "lstm", "gru" or "rnn".
        num_layers: number of recurrent layers.
        dropout: dropout rate of the embeddings and of each layer's output, in [0, 1).
        num_characters: number of character ids, including 0 for padding. If given, the model also
            reads how words are spelt: its input is then the list of token ids (B, T) and
            character ids (B, T, L).
        character_dim: length of a character's embedding, and size of the state that reads them.
        crf: put a `CRF` on the logits; the output is its scores, (B, T, num_tags, num_tags).
        **kwargs: passed to `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [lample2016]; its last layer is the CRF.

    Example:
        >>> model = Tagger(vocabulary_size=1000, num_tags=4)
        >>> model(np.array([[7, 8, 9, 0, 0]])).shape
        TensorShape([1, 5, 4])
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_tags: int,
        embedding_dim: int = 64,
        units: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        num_characters: int | None = None,
        character_dim: int = 25,
        crf: bool = False,
        **kwargs,
    ):
        check_positive_int(
            vocabulary_size=vocabulary_size,
            num_tags=num_tags,
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
            character_dim=character_dim,
        )
        check_cell(cell)
        check_rate(dropout=dropout)
        inputs = token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        x = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=True)(token_ids)
        if num_characters is not None:
            check_positive_int(num_characters=num_characters)
            character_ids = keras.Input((None, None), dtype="int32", name="character_ids")
            inputs = [token_ids, character_ids]
            spelling = WordsFromCharacters(num_characters, character_dim, character_dim)
            x = layers.Concatenate(name="word")([x, spelling(character_ids)])  # (B, T, D)
        x = layers.Dropout(dropout, name="dropout0")(x)
        x = stack_layers(
            x, cell, units, num_layers, dropout, bidirectional=True, return_sequences=True
        )
        outputs = layers.Dense(num_tags, name="logits")(x)
        super().__init__(inputs, CRF(name="crf")(outputs) if crf else outputs, **kwargs)

    def tag(self, inputs, names: Sequence[str]) -> list[list[str]]:
        """The most probable tag of each token, by name; padding is neither tagged nor a tag.

        With a CRF: the most probable sequence of tags, by `viterbi`.

        Args:
            inputs: one batch of what the model reads.
            names: names of the tags, by number; the first one stands for padding.
        """
        token_ids = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        # Called, as `predict` would be traced anew for every length.
        outputs = self(inputs, training=False)
        if self.config["crf"]:
            best = ops.convert_to_numpy(viterbi(outputs, ops.not_equal(token_ids, 0)))
        else:
            best = 1 + ops.convert_to_numpy(outputs)[..., 1:].argmax(axis=-1)
        return [
            [names[tag] for tag, token in zip(*row, strict=True) if token]
            for row in zip(best, np.asarray(token_ids), strict=True)
        ]
