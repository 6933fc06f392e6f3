"""Word vectors in use: looking up, neighbours, analogies."""

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from aimodels.embeddings.files import read
from aimodels.files import find


class UnknownWordError(KeyError):
    """No vector has this word; the message names near spellings."""

    __str__ = Exception.__str__  # KeyError would print the message's repr


class WordVectors:
    r"""Words and a vector for each; nearness is the cosine $u^\top v / (\|u\| \|v\|)$.

    Args:
        words: V distinct words, the most frequent first.
        vectors: vectors of the words, (V, embedding_dim), stored as float32.
        unseen: function from any other word to its vector, such as `FastText`'s.

    Raises:
        ValueError: if the numbers of words and vectors differ, a word occurs twice, or a vector
            has an infinite value or nan.

    Example:
        >>> words = ["king", "man", "woman", "queen"]
        >>> vectors = WordVectors(words, [[1, 2], [0, 2], [0, 3], [1, 3]])
        >>> vectors["king"], "prince" in vectors, len(vectors), vectors.embedding_dim
        (array([1., 2.], dtype=float32), False, 4, 2)
        >>> vectors.nearest("man", k=1)
        [('woman', 1.0)]
        >>> vectors.analogy("man", "king", "woman", k=1)[0][0]  # man is to king as woman is to ...
        'queen'
        >>> vectors["kings"]  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        ...
        UnknownWordError: no vector for 'kings'; near spellings: 'king'
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: np.ndarray,
        unseen: Callable[[str], np.ndarray] | None = None,
    ):
        self.words, self.vectors = list(words), np.array(vectors, np.float32)
        self.index = {word: i for i, word in enumerate(self.words)}
        self.unseen = unseen
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.words):
            raise ValueError(
                f"{len(self.words)} words need vectors of shape ({len(self.words)}, "
                f"embedding_dim); got {self.vectors.shape}"
            )
        if len(self.index) < len(self.words):
            repeated = next(w for i, w in enumerate(self.words) if self.index[w] != i)
            raise ValueError(f"the word {repeated!r} occurs twice")
        if not np.isfinite(self.vectors).all():
            bad = int(np.argmin(np.isfinite(self.vectors).all(1)))
            raise ValueError(f"the vector of {self.words[bad]!r} is not finite")
        self.unit = unit_vectors(self.vectors)

    @property
    def embedding_dim(self) -> int:
        return self.vectors.shape[1]

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> np.ndarray:
        if word in self.index:
            return self.vectors[self.index[word]].copy()
        if self.unseen is not None and isinstance(word, str):
            return self.unseen(word)
        near = difflib.get_close_matches(str(word), self.words[:50_000], n=3)  # frequent ones
        hint = (
            f"near spellings: {', '.join(map(repr, near))}" if near else "no near spelling either"
        )
        raise UnknownWordError(f"no vector for {word!r}; {hint}")

    def similarity(self, a: str, b: str) -> float:
        """The cosine of two words' vectors, -1 to 1."""
        return float(unit_vectors(self[a]) @ unit_vectors(self[b]))

    def nearest(self, word: str | np.ndarray, k: int = 10) -> list[tuple[str, float]]:
        """The k words of largest cosine to a word, itself left out, or to a vector (D,)."""
        if isinstance(word, str):
            return self._nearest(unit_vectors(self[word]), k, {word})
        if np.shape(word) != (self.embedding_dim,):
            raise ValueError(
                f"word must be a word or a vector of shape ({self.embedding_dim},); "
                f"got shape {np.shape(word)}"
            )
        return self._nearest(unit_vectors(np.asarray(word, np.float32)), k, ())

    def analogy(self, a: str, b: str, c: str, k: int = 1) -> list[tuple[str, float]]:
        """a is to b as c is to which words? The nearest to b - a + c [mikolov2013efficient]."""
        a_unit, b_unit, c_unit = (unit_vectors(self[word]) for word in (a, b, c))
        return self._nearest(unit_vectors(b_unit - a_unit + c_unit), k, {a, b, c})

    def _nearest(self, unit, k, left_out) -> list[tuple[str, float]]:
        if k < 1:
            raise ValueError(f"k must be an integer >= 1; got {k}")
        cosines = self.unit @ unit
        cosines[[self.index[word] for word in left_out if word in self.index]] = -np.inf
        k = min(k, int((cosines > -np.inf).sum()))
        best = np.argpartition(-cosines, k - 1)[:k] if k else []
        best = sorted(best, key=lambda i: (-cosines[i], i))
        return [(self.words[i], float(cosines[i])) for i in best]

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write a file that `load` reads back bit-equal; an `unseen` function is not saved.

        Args:
            path: path of the file.
            format: "npz"; "binary" or "text" of word2vec; "glove" (text without a first line);
                None chooses by the suffix: npz for `.npz`, binary for `.bin`, else text.

        Raises:
            ValueError: if the format is unknown, or a word contains a space or a tab, which only
                npz can store, or a line break, which no format can.
        """
        format = format or {".npz": "npz", ".bin": "binary"}.get(Path(path).suffix, "text")
        if format not in ("npz", "binary", "text", "glove"):
            raise ValueError(f'format must be "npz", "binary", "text" or "glove"; got {format!r}')
        forbidden = "\n" if format == "npz" else "\n \t"
        if bad := [w for w in self.words if not w or set(forbidden) & set(w)]:
            raise ValueError(f"the word {bad[0]!r} cannot be written as {format}")
        if format == "npz":
            words = np.frombuffer("\n".join(self.words).encode(), np.uint8)  # no pickle in it
            with open(path, "wb") as file:  # np.savez would add a suffix of its own
                np.savez(file, words=words, vectors=self.vectors)
            return
        with open(path, "wb") as file:
            if format != "glove":
                file.write(f"{len(self)} {self.embedding_dim}\n".encode())
            for word, row in zip(self.words, self.vectors, strict=True):
                if format == "binary":
                    file.write(word.encode() + b" " + row.astype("<f4").tobytes())
                else:  # float32's shortest digits that read back the same
                    file.write(f"{word} {' '.join(row.astype(str))}\n".encode())

    @classmethod
    def load(cls, path: str | Path, errors: str = "strict") -> "WordVectors":
        """Read `.npz`, word2vec's binary form, or text, word2vec's or GloVe's: its content says.

        Blank lines count for nothing; gzip, bzip2 and xz are unpacked on the way. Of a word that
        occurs more than once, the first vector is kept, and a warning says so.

        Args:
            path: path of the file.
            errors: treatment of words that are not UTF-8, as in `bytes.decode`: "strict",
                "replace" or "ignore".

        Raises:
            FileNotFoundError: if there is no such file; the message says what its folder holds.
            ValueError: if the file is damaged, or another kind of file; the message says where.
        """
        path = find(path)
        try:
            return cls(*read(path, errors))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
