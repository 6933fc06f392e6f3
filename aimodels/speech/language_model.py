"""A language model of characters: how probable the next one is after those before it."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from aimodels import files
from aimodels.checks import check_positive_int
from aimodels.speech.alphabet import check_alphabet, encode


class CharacterLM:
    r"""An n-gram model of characters with Witten–Bell smoothing: nothing has probability zero.

    $$ p(c \mid h) = \frac{N(hc) + T(h)\, p(c \mid h')}{N(h) + T(h)} $$

    where $N$ counts, $T(h)$ is the number of different characters seen after the history $h$, and
    $h'$ is $h$ without its first character; below the empty history stands the uniform
    distribution. What follows often, and after many histories, is probable; a history in which
    anything may follow trusts the shorter one more.

    Args:
        texts: what to learn from.
        alphabet: the characters that there are, each once; see `aimodels.speech.alphabet`.
        order: n: a character depends on the n - 1 before it.

    Raises:
        ValueError: if `order` is not an integer >= 1, there is no text, or a text has a character
            that is not in the alphabet.

    Reference:
        [witten1991], method C.

    Example:
        >>> model = CharacterLM(["abab", "ab"], alphabet="abc", order=2)
        >>> p = np.exp(model.log_probabilities([1]))  # after "a": the end, "a", "b", "c"
        >>> p.round(2).tolist(), round(float(p.sum()), 6)
        ([0.06, 0.09, 0.84, 0.02], 1.0)
    """

    def __init__(self, texts: Iterable[str], alphabet: str, order: int = 5):
        self._begin(alphabet, order)
        labels = encode(list(texts), alphabet)
        if not len(labels):
            raise ValueError("a language model needs at least one text to learn from")
        for label in labels:
            symbols = [*label[label > 0].tolist(), 0]  # 0 is the end of a text
            for place, symbol in enumerate(symbols):
                self._learn(self._history(symbols[:place]), symbol)

    def save(self, path: str | Path) -> None:
        """Write the alphabet, the order and the counts to a file, in JSON.

        Example:
            >>> import tempfile
            >>> path = Path(tempfile.mkdtemp()) / "lm.json"
            >>> model = CharacterLM(["abab", "ab"], alphabet="abc", order=2)
            >>> model.save(path)
            >>> CharacterLM.load(path).log_probability("ab") == model.log_probability("ab")
            True
        """
        counts = [  # those of shorter histories are sums of these
            [*map(int, history), symbol, int(seen[symbol])]
            for history, seen in self._counts.items()
            if len(history) == self.order - 1
            for symbol in np.flatnonzero(seen).tolist()
        ]
        content = {"alphabet": self.alphabet, "order": self.order, "counts": counts}
        files.write_text(path, json.dumps(content))

    @classmethod
    def load(cls, path: str | Path) -> "CharacterLM":
        """The model that `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it holds something else, or is damaged.
        """
        content, model = files.read_json(path), cls.__new__(cls)
        try:
            model._begin(content["alphabet"], content["order"])
            counts = np.array(content["counts"])
            if counts.shape != (len(counts), model.order + 1) or counts.dtype.kind != "i":
                raise ValueError(f"each of its counts must be {model.order + 1} integers")
            symbols, numbers = counts[:, :-1], counts[:, -1]
            if not len(counts) or symbols.min() < 0 or symbols.max() > len(model.alphabet):
                raise ValueError(f"its symbols must be from 0 to {len(model.alphabet)}")
            if numbers.min() < 1:
                raise ValueError("its counts must be above 0")
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(f"{path} holds no CharacterLM that `save` wrote: {what}") from error
        for (*history, symbol), number in zip(symbols.tolist(), numbers.tolist(), strict=True):
            model._learn(tuple(history), symbol, number)
        return model

    def log_probabilities(self, symbols: Sequence[int]) -> np.ndarray:
        """Logarithms of the probabilities of the next symbol, (V + 1,); number 0 is the end.

        Args:
            symbols: those before it, from the beginning of the text, 1 ... V.
        """
        return np.log(self._probabilities(self._history(symbols)))

    def log_probability(self, text: str) -> float:
        """Logarithm of the probability of a whole text, with its end."""
        [label] = encode([text], self.alphabet)
        symbols = [*label.tolist(), 0]
        return float(
            sum(
                self.log_probabilities(symbols[:place])[symbol]
                for place, symbol in enumerate(symbols)
            )
        )

    def perplexity(self, texts: Sequence[str]) -> float:
        """Between how many characters the model hesitates, on average: 1 is certainty.

        $$ \\exp\\Bigl(-\\frac{1}{N} \\sum \\ln p(c \\mid h)\\Bigr) $$ over all characters and ends.
        """
        if not len(texts):
            raise ValueError("perplexity needs at least one text")
        number = sum(len(text) + 1 for text in texts)
        return math.exp(-sum(map(self.log_probability, texts)) / number)

    def _begin(self, alphabet: str, order: int) -> None:
        check_positive_int(order=order)
        check_alphabet(alphabet)
        self.alphabet, self.order = alphabet, int(order)
        self._counts: dict[tuple[int, ...], np.ndarray] = {}
        self._known: dict[tuple[int, ...], np.ndarray] = {}

    def _learn(self, history: tuple[int, ...], symbol: int, number: int = 1) -> None:
        """This symbol came so often after this history, so after the shorter ones, too."""
        for start in range(self.order):
            self._counts.setdefault(history[start:], self._zeros())[symbol] += number

    def _history(self, symbols) -> tuple[int, ...]:
        """The last n - 1 symbols; 0 stands before a text's beginning."""
        if self.order == 1:
            return ()
        padded = (0,) * (self.order - 1) + tuple(symbols[-(self.order - 1) :])
        return padded[-(self.order - 1) :]

    def _zeros(self) -> np.ndarray:
        return np.zeros(len(self.alphabet) + 1)

    def _probabilities(self, history) -> np.ndarray:
        if history not in self._known:
            zeros = self._zeros()
            shorter = self._probabilities(history[1:]) if history else (zeros + 1) / len(zeros)
            counts = self._counts.get(history, zeros)
            different = np.count_nonzero(counts)
            seen = (counts + different * shorter) / max(counts.sum() + different, 1)
            self._known[history] = seen if different else shorter
        return self._known[history]
