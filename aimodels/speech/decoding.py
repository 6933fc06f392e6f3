"""From a network's logits to symbols: the best path, and the best label by prefix beam search."""

from collections.abc import Sequence

import numpy as np

from aimodels.checks import check_positive_int


def collapse(path: Sequence[int]) -> list[int]:
    r"""Read a path: drop repetitions, then blanks; the $\mathcal B$ of [graves2006ctc].

    Example:
        >>> collapse([0, 1, 1, 0, 1, 2, 2])
        [1, 1, 2]
    """
    path = np.asarray(path, int)
    changes = np.diff(path, prepend=0) != 0
    return path[changes & (path != 0)].tolist()


def greedy(logits, lengths=None) -> list[list[int]]:
    """Take the most probable symbol or blank of each frame, and read that path.

    The best path is not always that of the best label, as a label adds up many paths.

    Args:
        logits: (B, T, V + 1), the blank first.
        lengths: frames that count, (B,); None: all.

    Returns:
        For each utterance its symbols.

    Raises:
        ValueError: if a shape or a length does not fit.

    Reference:
        [graves2006ctc], section 3.2.

    Example:
        >>> greedy(np.log([[[0.6, 0.4], [0.6, 0.4]]]))  # "a" has 0.64
        [[]]
    """
    return [collapse(z.argmax(axis=-1)) for z in _utterances(logits, lengths)]


def prefix_beam_search(
    logits,
    lengths=None,
    beam_size: int = 16,
    language_model=None,
    weight: float = 1.0,
    length_bonus: float = 0.0,
) -> list[list[tuple[list[int], float]]]:
    r"""Keep the `beam_size` best beginnings of a label; return the labels, the best one first.

    A beginning y has two sums of paths: $p_b$, of those that end with a blank, and $p_n$, of those
    that end with its last symbol. A frame leaves it as it is,

    $$ p_b' = (p_b + p_n)\, p_t(\text{blank}), \qquad p_n' \mathrel{+}= p_n\, p_t(y_{-1}), $$

    or adds a symbol v: $p_n'(yv) \mathrel{+}= (p_b + p_n)\, p_t(v)$, but only $p_b\, p_t(v)$ where
    v is the last symbol already. Labels are compared by

    $$ \ln p_{\mathrm{CTC}}(y \mid x) + w \ln p_{\mathrm{LM}}(y) + b\,|y| . $$

    Args:
        logits: (B, T, V + 1), the blank first.
        lengths: frames that count, (B,); None: all.
        beam_size: number of beginnings kept at each frame.
        language_model: such as `CharacterLM`: its `log_probabilities(symbols)` are those of the
            next symbol, (V + 1,), number 0 being the end. None: the network alone.
        weight: w, 0 or more.
        length_bonus: b, for each symbol; a language model alone favours short labels.

    Returns:
        For each utterance at most `beam_size` pairs of symbols and score, best first; the score
        includes the language model's part.

    Raises:
        ValueError: if an argument is out of range, or the language model knows another number of
            symbols than the network.

    Reference:
        [graves2014]; with a language model as in [hannun2014].

    Example:
        >>> [[(label, score), *_]] = prefix_beam_search(np.log([[[0.6, 0.4], [0.6, 0.4]]]))
        >>> label, round(float(np.exp(score)), 2)
        ([1], 0.64)
    """
    check_positive_int(beam_size=beam_size)
    for name, value in (("weight", weight), ("length_bonus", length_bonus)):
        if not np.isfinite(value) or (name == "weight" and value < 0):
            raise ValueError(f"{name} must be a number{' >= 0' * (name == 'weight')}; got {value}")
    return [
        _search(z, beam_size, language_model, float(weight), float(length_bonus))
        for z in _utterances(logits, lengths)
    ]


def _search(logits, beam_size, language_model, weight, length_bonus):
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    extra = _Extra(language_model, weight, length_bonus, log_p.shape[-1])
    prefixes = [()]
    blank, symbol, prior = np.zeros(1), np.full(1, -np.inf), np.zeros(1)  # of the prefixes, (K,)
    for now in log_p:
        last = np.array([prefix[-1] if prefix else 0 for prefix in prefixes])
        rows, total = np.arange(len(prefixes)), np.logaddexp(blank, symbol)
        longer = total[:, None] + now  # (K, V + 1)
        longer[rows, last] = blank + now[last]
        longer[:, 0] = -np.inf
        stay_blank, stay_symbol = total + now[0], np.where(last > 0, symbol + now[last], -np.inf)
        place = {prefix: row for row, prefix in enumerate(prefixes)}
        for row, prefix in enumerate(prefixes):  # what grows to a prefix that is there already
            parent = place.get(prefix[:-1]) if prefix else None
            if parent is not None:
                grown = longer[parent, prefix[-1]]
                stay_symbol[row] = np.logaddexp(stay_symbol[row], grown)
                longer[parent, prefix[-1]] = -np.inf
        new_prior = prior[:, None] + np.stack([extra.next(prefix) for prefix in prefixes])
        ranks = np.concatenate(
            [np.logaddexp(stay_blank, stay_symbol) + prior, (longer + new_prior).ravel()]
        )
        best = np.argsort(-ranks, kind="stable")[:beam_size]
        best = best[ranks[best] > -np.inf]
        parents, symbols = np.divmod(best - len(prefixes), log_p.shape[-1])
        stays = best < len(prefixes)
        parents, symbols = np.where(stays, best, parents), np.where(stays, 0, symbols)
        blank = np.where(stays, stay_blank[parents], -np.inf)
        symbol = np.where(stays, stay_symbol[parents], longer[parents, symbols])
        prior = np.where(stays, prior[parents], new_prior[parents, symbols])
        prefixes = [
            prefixes[parent] if stay else (*prefixes[parent], int(number))
            for parent, number, stay in zip(parents, symbols, stays, strict=True)
        ]
    scores = np.logaddexp(blank, symbol) + prior + [extra.end(prefix) for prefix in prefixes]
    order = np.argsort(-scores, kind="stable")
    return [(list(prefixes[number]), float(scores[number])) for number in order]


class _Extra:
    """What counts beside the network: the language model and the bonus, kept for each prefix."""

    def __init__(self, language_model, weight, length_bonus, size):
        self.language_model, self.weight, self.length_bonus = language_model, weight, length_bonus
        self.size, self.known = size, {}

    def next(self, prefix) -> np.ndarray:
        """For each next symbol, (V + 1,)."""
        if self.language_model is None or not self.weight:
            return np.full(self.size, self.length_bonus)
        if prefix not in self.known:
            log_p = np.asarray(self.language_model.log_probabilities(prefix))
            if log_p.shape != (self.size,):
                raise ValueError(
                    f"the language model knows {log_p.size - 1} symbols, the network "
                    f"{self.size - 1}: give both the same alphabet"
                )
            self.known[prefix] = self.weight * log_p + self.length_bonus
        return self.known[prefix]

    def end(self, prefix) -> float:
        return float(self.next(prefix)[0]) - self.length_bonus


def _utterances(logits, lengths) -> list[np.ndarray]:
    """Logits (T, V + 1) of each utterance, without padding."""
    logits = np.asarray(logits, float)
    if logits.ndim != 3 or logits.shape[2] < 2:
        raise ValueError(f"logits must be (B, T, V + 1) with V >= 1; got {logits.shape}")
    if lengths is None:
        lengths = np.full(len(logits), logits.shape[1])
    lengths = check_lengths(lengths, *logits.shape[:2])
    utterances = [z[:length] for z, length in zip(logits, lengths, strict=True)]
    if any(np.isnan(z).any() for z in utterances):
        raise ValueError("logits must be numbers; there is a NaN")
    return utterances


def check_lengths(lengths, number: int, most: int, name: str = "lengths") -> np.ndarray:
    """The lengths as an array, (number,).

    Raises:
        ValueError: unless they are so many integers from 0 to `most`.

    Example:
        >>> check_lengths([3, 9], number=2, most=8)
        Traceback (most recent call last):
        ...
        ValueError: lengths must be 2 integers from 0 to 8; got [3, 9]
    """
    found = np.asarray(lengths)
    whole = found.dtype.kind in "iu"
    if found.shape != (number,) or not whole or ((found < 0) | (found > most)).any():
        raise ValueError(f"{name} must be {number} integers from 0 to {most}; got {lengths}")
    return found
