"""How a Chinese character with several readings is read in its sentence: a published network."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import layers

from aimodels import data
from aimodels.checkpoint import read_pickle

_UNKNOWN, _START, _END = "<UNK>", "시", "끝"  # how its vocabulary names them
_FILES = {
    "weights": ("np_ckpt.pkl", "5b38c21cbaeb5f9b2f5d0bf872487de0fc22f91a3b26189b7d998136d2c8d3ae"),
    "characters": (
        "char2idx.pkl",
        "e41861f3af2debb342d3555d970db47b22e5d35c8e0190722dfb9b39c941988c",
    ),
    "classes": (
        "class2idx.pkl",
        "b17a497ee9618e6d5c2f7814ab7f847d80a3cb757e92423774781e4d3dc56c49",
    ),
    "readings": (
        "digest_cedict.pkl",
        "71e727a041a1d7023a1fbe32bbc23d5f4aa85a9d67fe4d6502fc398ef30b875c",
    ),
}


class PinyinReader:
    r"""g2pM: a bidirectional LSTM over the characters of a sentence, with the package's weights.

    $$ h_t = [\mathrm{LSTM}_\rightarrow(x_{1 \dots t}),\ \mathrm{LSTM}_\leftarrow(x_{t \dots T})],
       \qquad z_t = W_2\,\mathrm{relu}(W_1 h_t + b_1) + b_2 $$

    Its files are pickles; they are read as data, and the package's own program is not imported.

    Args:
        weights: arrays by PyTorch's names.
        characters: a number for each character.
        classes: a number for each reading, such as "hang2": pinyin with the tone.
        readings: the readings of each character, by a dictionary.

    Raises:
        ValueError: if the arrays, characters and classes do not fit each other.

    Reference:
        [park2020g2pm].

    Example:
        >>> reader = PinyinReader.from_package()
        >>> reader.read("音乐让人快乐")
        ['yin1', 'yue4', 'rang4', 'ren2', 'kuai4', 'le4']
    """

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        characters: Mapping[str, int],
        classes: Mapping[str, int],
        readings: Mapping[str, list[str]],
    ):
        rows, outputs = len(weights["embedding.weight"]), len(weights["logit_layer.2.bias"])
        if sorted(characters.values()) != list(range(rows)):
            raise ValueError(f"{len(characters)} characters do not number the {rows} vectors")
        if sorted(classes.values()) != list(range(outputs)):
            raise ValueError(f"{len(classes)} readings do not number the {outputs} outputs")
        self.characters, self.readings = dict(characters), dict(readings)
        self.classes = sorted(classes, key=classes.get)
        self.model = _model(weights)

    @classmethod
    def from_package(cls) -> "PinyinReader":
        """The reader with the files that PyPI's `g2pM` carries (Apache-2.0).

        Raises:
            DataError: if the package is not installed, or a file is damaged.
        """
        return cls(**package_files())

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Ids (B, T + 2) with marks for start and end; 0 behind shorter sentences."""
        known = self.characters
        ids = np.zeros((len(sentences), 2 + max(map(len, sentences), default=0)), "int32")
        for row, sentence in zip(ids, sentences, strict=True):
            inner = [known.get(character, known[_UNKNOWN]) for character in sentence]
            row[: len(sentence) + 2] = [known[_START], *inner, known[_END]]
        return ids

    def scores(self, sentence: str) -> np.ndarray:
        """Logits (T, number of readings) for the T characters of a sentence."""
        return self.model(self.encode([sentence]))[0, 1:-1].numpy()

    def read(self, sentence: str) -> list[str]:
        """A reading for each character; one that the dictionary does not have stays as it is."""
        found = [self.readings.get(character, [character]) for character in sentence]
        if all(len(choice) == 1 for choice in found):
            return [choice[0] for choice in found]
        best = self.scores(sentence).argmax(axis=-1)
        return [
            choice[0] if len(choice) == 1 else self.classes[i]
            for choice, i in zip(found, best, strict=True)
        ]


def package_files() -> dict[str, dict]:
    """The four dictionaries of PyPI's `g2pM`: weights, characters, classes and readings.

    Raises:
        DataError: if the package is not installed, or a file is damaged.
    """
    return {
        name: read_pickle(data.packaged_file("g2pM", "g2pM", file, sha256=sha256))
        for name, (file, sha256) in _FILES.items()
    }


def _model(weights: Mapping[str, np.ndarray]) -> keras.Model:
    """Ids (B, T), 0 at padding, to logits (B, T, number of readings)."""
    vectors = weights["embedding.weight"]
    units = weights["lstm.weight_hh_l0"].shape[1]
    hidden, outputs = (len(weights[f"logit_layer.{i}.bias"]) for i in (0, 2))
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(*vectors.shape, mask_zero=True),
            layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
            layers.Dense(hidden, "relu"),
            layers.Dense(outputs),
        ]
    )
    arrays = [vectors]
    for end in ("l0", "l0_reverse"):  # PyTorch's gates stand in the same order, its bias twice
        inner, recurrent, *biases = (
            weights[f"lstm.{name}_{end}"]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        arrays += [inner.T, recurrent.T, sum(biases)]
    for i in (0, 2):
        arrays += [weights[f"logit_layer.{i}.weight"].T, weights[f"logit_layer.{i}.bias"]]
    model.set_weights(arrays)
    return model
