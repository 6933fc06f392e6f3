"""Byte pairs, as GPT-2 reads them: trained, saved and loaded."""

import collections
import functools
import heapq
import os
from collections.abc import Iterable
from pathlib import Path

import regex

from aimodels.text.tokenizer import Tokenizer


class BytePairTokenizer(Tokenizer):
    """GPT-2's: the bytes of each word, joined pair by pair in the order of `merges`.

    On bytes nothing is ever unknown, and `text` gives back exactly what went in. A byte that is no
    visible sign is written as another letter: a space as Ġ, the three bytes of 我 as æĪĳ.

    Args:
        merges: the pairs, the first one first.

    Reference:
        Byte pairs for translation: [sennrich2016]; on bytes, with these words: [radford2019].

    Example:
        >>> tokenizer = BytePairTokenizer.train(["low lower", "low lows"], merges=3)
        >>> tokenizer.merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low')]
        >>> tokenizer("low lowest")
        ['low', 'Ġlow', 'e', 's', 't']
        >>> tokenizer.text(['low', 'Ġlow', 'e', 's', 't'])
        'low lowest'
    """

    _errors = "surrogateescape"  # keeps any byte
    # English endings; letters, digits or other signs, each with a space before; spaces.
    _WORDS = regex.compile(
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    )

    def __init__(self, merges: Iterable[tuple[str, str]]):
        self.merges = [tuple(pair) for pair in merges]
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._of_word = functools.lru_cache(maxsize=2**16)(self._joined)

    @property
    def vocabulary(self) -> list[str]:
        """All tokens there can be, in the order of GPT-2's numbers: 256 bytes, each pair joined."""
        return [*_LETTERS.values(), *("".join(pair) for pair in self.merges)]

    def tokens(self, text: str) -> list[str]:
        return [token for word in self._WORDS.findall(text) for token in self._of_word(word)]

    def text(self, tokens: Iterable[str], errors: str = "replace") -> str:
        """What the tokens were made of.

        Args:
            tokens: of any tokenizer of this class; they need not begin at a character's first byte.
            errors: what becomes of bytes that are no UTF-8, as in `bytes.decode`.

        Raises:
            ValueError: if a letter stands for no byte: the token is another tokenizer's.
        """
        try:
            found = bytes(_BYTES[letter] for token in tokens for letter in token)
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} stands for no byte") from None
        return found.decode("utf-8", errors)

    def _joined(self, word: str) -> list[str]:
        """Of all pairs the one of lowest rank, wherever it stands, again and again."""
        chain = _Chain([self._bytes(word)])
        heap = []  # with it n bytes take O(n log n), however long the word is

        def push(places):
            for i in places:
                if (rank := self._ranks.get(chain.pair(i))) is not None:
                    heapq.heappush(heap, (rank, i))

        push(range(len(chain.parts)))
        while heap:
            rank, joined = heap[0][0], []
            while heap and heap[0][0] == rank:
                i = heapq.heappop(heap)[1]
                if chain.pair(i) == self.merges[rank]:
                    chain.join(i)
                    joined += [chain.before[i], i]
            push(joined)
        return [part for part in chain.parts if part]

    @classmethod
    def _bytes(cls, word: str) -> list[str]:
        return [_LETTERS[byte] for byte in word.encode("utf-8", cls._errors)]

    @classmethod
    def train(cls, texts: Iterable[str], merges: int) -> "BytePairTokenizer":
        """Join the most frequent pair of neighbours, and again, `merges` times.

        Args:
            texts: to count in; pairs are counted within words.
            merges: how many; fewer when no pair comes twice any more. Of equally frequent pairs
                the first one in the order of letters is taken.

        Raises:
            TypeError: if `texts` is a single one.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be several: put a single one into a list")
        counts = collections.Counter(word for text in texts for word in cls._WORDS.findall(text))
        chain = _Chain(map(cls._bytes, counts))
        times = [n for word, n in counts.items() for _ in word.encode("utf-8", cls._errors)]
        frequency, places = collections.defaultdict(int), collections.defaultdict(list)
        for i, number in enumerate(times):
            if pair := chain.pair(i):
                frequency[pair] += number
                places[pair].append(i)
        heap = [(-number, pair) for pair, number in frequency.items()]
        heapq.heapify(heap)
        found = []
        while heap and len(found) < merges:
            number, pair = heapq.heappop(heap)
            if -number != frequency[pair]:
                continue  # it has changed since: its newer entry will come
            if -number < 2:
                break
            found.append(pair)
            change = collections.defaultdict(int)
            for i in sorted(places.pop(pair)):
                if chain.pair(i) != pair:
                    continue
                around = chain.before[i], i, chain.after[i]
                for old in filter(None, map(chain.pair, around)):
                    change[old] -= times[i]
                chain.join(i)
                for place in around[:2]:
                    if new := chain.pair(place):
                        change[new] += times[i]
                        places[new].append(place)
            for other, difference in change.items():
                frequency[other] += difference
                if difference and frequency[other]:
                    heapq.heappush(heap, (-frequency[other], other))
        return cls(found)

    def save(self, path: str | os.PathLike) -> None:
        """As GPT-2's `vocab.bpe`: a first line with #version, then a pair a line."""
        lines = ["#version: 0.2", *(" ".join(pair) for pair in self.merges)]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BytePairTokenizer":
        """Read a file of `save`, or the published `vocab.bpe`.

        Raises:
            ValueError: if a line is not a pair.
        """
        lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        first = lines[0].startswith("#version")
        merges = [tuple(line.split(" ")) for line in lines[first:]]
        for pair in merges:
            if len(pair) != 2 or not all(pair):
                raise ValueError(f"{path}: each line must be a pair; got {' '.join(pair)!r}")
        return cls(merges)


# For each byte a visible letter: its own, or the next one from U+0100 on.
_VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
_OTHERS = [byte for byte in range(256) if byte not in _VISIBLE]
_LETTERS = {byte: chr(byte) for byte in _VISIBLE} | {b: chr(256 + i) for i, b in enumerate(_OTHERS)}
_BYTES = {letter: byte for byte, letter in _LETTERS.items()}


class _Chain:
    """The parts of words, one after the other; two neighbours are joined in constant time."""

    def __init__(self, words: Iterable[list[str]]):
        self.parts, self.before, self.after = [], [], []
        for word in words:
            first, last = len(self.parts), len(self.parts) + len(word) - 1
            self.parts += word
            self.before += [-1, *range(first, last)]
            self.after += [*range(first + 1, last + 1), -1]

    def pair(self, i: int) -> tuple[str, str] | None:
        """The part at place i with the next one; None where there is none."""
        after = self.after[i] if i >= 0 else -1
        return (self.parts[i], self.parts[after]) if after >= 0 else None

    def join(self, i: int) -> None:
        j = self.after[i]
        self.parts[i], self.parts[j] = self.parts[i] + self.parts[j], ""
        self.after[i], self.after[j] = self.after[j], -1
        if self.after[i] >= 0:
            self.before[self.after[i]] = i
