"""A tag for each word of a sentence: bidirectional, with the words' letters."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from aimodels.recurrent.models import stack_layers
from aimodels.recurrent.steps import check_cell
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class WordsFromCharacters(layers.Layer):
    """A vector for each word from its letters, read in both directions [lample2016].

    Ids (B, T, L) of T words with L letters -> (B, T, 2 units).

    Args:
        vocabulary_size: how many letters there are, 0 for padding with them.
        embedding_dim: numbers for one letter.
        units: width of a state, in each direction.
        **kwargs: of `keras.layers.Layer`.

    Example:
        >>> WordsFromCharacters(30, 5, 8)(np.array([[[3, 1, 20], [1, 0, 0]]])).shape
        TensorShape([1, 2, 16])
    """

    def __init__(self, vocabulary_size: int, embedding_dim: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.embedding_dim, self.units = vocabulary_size, embedding_dim, units
        self.embedding = layers.Embedding(vocabulary_size, embedding_dim)
        self.reader = layers.Bidirectional(layers.LSTM(units))

    def build(self, input_shape):
        self.embedding.build((None, input_shape[-1]))
        self.reader.build((None, input_shape[-1], self.embedding_dim))

    def call(self, ids):
        batch, length, letters = ops.shape(ids)
        words = ops.reshape(ids, (-1, letters))  # every word a sequence of its own
        vectors = self.reader(self.embedding(words), mask=ops.not_equal(words, 0))
        return ops.reshape(vectors, (batch, length, 2 * self.units))

    def compute_mask(self, ids, mask=None):
        return ops.any(ops.not_equal(ids, 0), axis=-1)  # else `Concatenate` takes all as real

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
    """A tag for every token: ids (B, T) -> logits (B, T, num_tags), by a bidirectional network.

    Tags are numbered from 1; at padding both token and tag are 0. So train it with
    `SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)` and `TokenAccuracy()`.

    Args:
        vocabulary_size: how many ids there are, 0 for padding with them.
        num_tags: how many tags there are, 0 for padding with them.
        embedding_dim: numbers for one token.
        units: width of a state, in each direction.
        cell: "lstm", "gru" or "rnn".
        num_layers: recurrent layers one on another.
        dropout: the share dropped in training, of the input and of each layer's output.
        num_characters: if given, the model also reads how words are spelt: its input is then
            the list of ids (B, T) and letters' ids (B, T, L), and this is how many letters there
            are, 0 for padding with them.
        character_dim: numbers for one letter, and for the state that reads them.
        **kwargs: of `train.Model`, such as `name`.

    Reference:
        [lample2016], without its last layer that joins neighbouring tags.

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
        **kwargs,
    ):
        sizes = {
            "vocabulary_size": vocabulary_size,
            "num_tags": num_tags,
            "embedding_dim": embedding_dim,
            "units": units,
            "num_layers": num_layers,
            "character_dim": character_dim,
        }
        if num_characters is not None:
            sizes["num_characters"] = num_characters
        check_cell(cell, dropout, **sizes)
        inputs = ids = keras.Input((None,), dtype="int32", name="ids")
        x = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=True)(ids)
        if num_characters is not None:
            characters = keras.Input((None, None), dtype="int32", name="characters")
            inputs = [ids, characters]
            spelling = WordsFromCharacters(num_characters, character_dim, character_dim)
            x = layers.Concatenate(name="word")([x, spelling(characters)])
        x = layers.Dropout(dropout, name="dropout0")(x)
        x = stack_layers(
            x, cell, units, num_layers, dropout, bidirectional=True, return_sequences=True
        )
        super().__init__(inputs, layers.Dense(num_tags, name="logits")(x), **kwargs)
        self.config = {**sizes, "cell": cell, "dropout": dropout, "num_characters": num_characters}

    def tag(self, inputs, names: Sequence[str]) -> list[list[str]]:
        """The most probable tag of each token, by name; padding is neither tagged nor a tag.

        Args:
            inputs: what the model reads, one batch of it.
            names: of the tags, by number; the first one stands for padding.
        """
        ids = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        # Called, as `predict` would be traced anew for every length.
        best = 1 + ops.convert_to_numpy(self(inputs, training=False))[..., 1:].argmax(axis=-1)
        return [
            [names[tag] for tag, token in zip(*row, strict=True) if token]
            for row in zip(best, np.asarray(ids), strict=True)
        ]
