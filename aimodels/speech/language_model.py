"""A language model of characters: how probable the next one is after those before it."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from aimodels.checks import check_positive_int
from aimodels.speech.alphabet import encode


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
        check_positive_int(order=order)
        self.alphabet, self.order = alphabet, int(order)
        self._counts: dict[tuple[int, ...], np.ndarray] = {}
        self._known: dict[tuple[int, ...], np.ndarray] = {}
        labels = encode(list(texts), alphabet)
        if not len(labels):
            raise ValueError("a language model needs at least one text to learn from")
        for label in labels:
            symbols = [*label[label > 0].tolist(), 0]  # 0 is the end of a text
            for place, symbol in enumerate(symbols):
                history = self._history(symbols[:place])
                for start in range(self.order):
                    counts = self._counts.setdefault(history[start:], self._zeros())
                    counts[symbol] += 1

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
