"""Byte-pair encoding, as GPT-2 uses it: trained, saved and loaded."""

import collections
import functools
import heapq
import os
from collections.abc import Iterable
from pathlib import Path

import regex

from aimodels import files
from aimodels.checks import check_positive_int
from aimodels.text.tokenizer import Tokenizer


class BytePairTokenizer(Tokenizer):
    """GPT-2's tokenizer: the bytes of each word, joined pair by pair in the order of `merges`.

    No byte is ever unknown, and `detokenize` gives back exactly the text that was tokenized. A byte
    without a visible character is written as another letter: a space as Ġ, the three bytes of 我 as
    æĪĳ.

    Args:
        merges: pairs of tokens to join, in order of priority.

    Reference:
        Byte pairs for translation: [sennrich2016]; on bytes, within these words: [radford2019].

    Example:
        >>> tokenizer = BytePairTokenizer.train(["low lower", "low lows"], num_merges=3)
        >>> tokenizer.merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low')]
        >>> tokenizer("low lowest")
        ['low', 'Ġlow', 'e', 's', 't']
        >>> tokenizer.detokenize(['low', 'Ġlow', 'e', 's', 't'])
        'low lowest'
    """

    _errors = "surrogateescape"  # keeps any byte
    # English endings; letters, digits or other symbols, each with a space before it; spaces.
    _WORDS = regex.compile(
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    )

    def __init__(self, merges: Iterable[tuple[str, str]]):
        self.merges = [tuple(pair) for pair in merges]
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._of_word = functools.lru_cache(maxsize=2**16)(self._joined)

    @property
    def vocabulary(self) -> list[str]:
        """All possible tokens, in the order of GPT-2's ids: 256 bytes, then each joined pair."""
        return [*_LETTERS.values(), *("".join(pair) for pair in self.merges)]

    def tokenize(self, text: str) -> list[str]:
        return [token for word in self._WORDS.findall(text) for token in self._of_word(word)]

    def detokenize(self, tokens: Iterable[str], errors: str = "replace") -> str:
        """Join tokens back into the text that they were made from.

        Args:
            tokens: tokens of any tokenizer of this class; the first may begin inside a character.
            errors: treatment of bytes that are not UTF-8, as in `bytes.decode`.

        Raises:
            ValueError: if a letter stands for no byte, because the token is another tokenizer's.
        """
        try:
            data = bytes(_BYTES[letter] for token in tokens for letter in token)
        except KeyError as error:
            raise ValueError(
                f"{error.args[0]!r} stands for no byte: the tokens are not of this tokenizer"
            ) from None
        return data.decode("utf-8", errors)

    def _joined(self, word: str) -> list[str]:
        """Join the pair of lowest rank wherever it occurs, until no pair has a rank."""
        chain = _Chain([self._bytes(word)])
        heap = []  # n bytes take O(n log n), however long the word is

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
    def train(cls, texts: Iterable[str], num_merges: int) -> "BytePairTokenizer":
        """Learn merges: join the most frequent pair of adjacent tokens, `num_merges` times.

        Args:
            texts: training texts; pairs are counted within words.
            num_merges: number of merges to learn; fewer are learned if no pair occurs twice any
                more. Among equally frequent pairs, the first in alphabetical order is joined.

        Raises:
            TypeError: if `texts` is a single string.
            ValueError: if `num_merges` is not an integer >= 0.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings; put a single text into a list")
        check_positive_int(minimum=0, num_merges=num_merges)
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
        merges = []
        while heap and len(merges) < num_merges:
            number, pair = heapq.heappop(heap)
            if -number != frequency[pair]:
                continue  # the count has changed since; a newer entry is in the heap
            if -number < 2:
                break
            merges.append(pair)
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
        return cls(merges)

    def save(self, path: str | os.PathLike) -> None:
        """Write the merges as GPT-2's `vocab.bpe`: a line with #version, then one pair per line."""
        lines = ["#version: 0.2", *(" ".join(pair) for pair in self.merges)]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BytePairTokenizer":
        """Read a file of `save`, the published `vocab.bpe` or `merges.txt`, or `tokenizer.json`.

        Raises:
            FileNotFoundError: if there is no such file; the message says what its folder holds.
            ValueError: if a line is not a pair, or the pairs are not GPT-2's kind: of bytes, within
                GPT-2's words.
        """
        path = Path(path)
        content = files.read_text(path)
        if path.name.endswith(".json"):
            return cls(_check(path, pair) for pair in _json_merges(path, content))
        merges = []
        for number, line in enumerate(content.split("\n"), 1):
            if line.strip() and not (number == 1 and line.lstrip('"').startswith("#version")):
                merges.append(_check(f"{path}: line {number}", tuple(line.split())))
        return cls(merges)


def _check(where: str | Path, pair: tuple[str, ...]) -> tuple[str, str]:
    """The pair, if it is one of GPT-2's kind."""
    shown = " ".join(pair)
    if any(token.endswith("</w>") for token in pair):
        raise ValueError(
            f"{where}: {shown!r} marks the end of a word with </w>, as subword-nmt, fastBPE and "
            "CLIP do; only byte pairs as GPT-2 has them can be read"
        )
    if len(pair) != 2:
        raise ValueError(f"{where}: each line must be a pair; got {shown!r}")
    if foreign := [letter for letter in "".join(pair) if letter not in _BYTES]:
        raise ValueError(
            f"{where}: {foreign[0]!r} in {shown!r} stands for no byte; only byte pairs as GPT-2 "
            "has them can be read, no characters or SentencePiece's"
        )
    return pair


def _json_merges(path: Path, content: str) -> list[tuple[str, ...]]:
    """The pairs in a tokenizer.json that cuts text as GPT-2 does."""
    tokenizer = files.parse_json(path, content)
    model = tokenizer.get("model")
    if not isinstance(model, dict):
        raise ValueError(f"{path} holds no merges: read merges.txt or tokenizer.json")
    kind, cut = model.get("type"), tokenizer.get("pre_tokenizer") or {}
    plain = {
        "type": kind == "BPE",
        "normalizer": tokenizer.get("normalizer") is None,
        "pre_tokenizer": cut.get("type") == "ByteLevel" and cut.get("use_regex", True),
        "add_prefix_space": not cut.get("add_prefix_space"),
        "ignore_merges": not model.get("ignore_merges"),
        "continuing_subword_prefix": not model.get("continuing_subword_prefix"),
        "end_of_word_suffix": not model.get("end_of_word_suffix"),
    }
    if other := [name for name, same in plain.items() if not same]:
        raise ValueError(
            f"{path}: a tokenizer of the type {kind!r} that differs from GPT-2's in "
            f"{', '.join(other)}; it cannot be read"
        )
    return [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]


# A visible letter for each byte: its own, or the next unused one from U+0100 on.
_VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
_OTHERS = [byte for byte in range(256) if byte not in _VISIBLE]
_LETTERS = {byte: chr(byte) for byte in _VISIBLE} | {b: chr(256 + i) for i, b in enumerate(_OTHERS)}
_BYTES = {letter: byte for byte, letter in _LETTERS.items()}


class _Chain:
    """Words as linked lists of parts, in which two neighbours are joined in constant time."""

    def __init__(self, words: Iterable[list[str]]):
        self.parts, self.before, self.after = [], [], []
        for word in words:
            first, last = len(self.parts), len(self.parts) + len(word) - 1
            self.parts += word
            self.before += [-1, *range(first, last)]
            self.after += [*range(first + 1, last + 1), -1]

    def pair(self, i: int) -> tuple[str, str] | None:
        """The part at position i and the next one; None if there is no next one."""
        after = self.after[i] if i >= 0 else -1
        return (self.parts[i], self.parts[after]) if after >= 0 else None

    def join(self, i: int) -> None:
        j = self.after[i]
        self.parts[i], self.parts[j] = self.parts[i] + self.parts[j], ""
        self.after[i], self.after[j] = self.after[j], -1
        if self.after[i] >= 0:
            self.before[self.after[i]] = i
