"""The vocabulary: a number for each token, and back."""

import collections
import functools
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf


class Vocabulary:
    """Tokens and their numbers.

    Args:
        tokens: all different, in the order of their numbers. Special tokens that are missing are
            put before the first one: with none of them there, 0 is `pad`.
        pad: fills short sequences.
        unknown: stands for every other token.
        start: begins a sequence.
        end: ends it.

    Raises:
        ValueError: if a token comes twice, or has a line end in it.

    Example:
        >>> vocabulary = Vocabulary(["to", "be", "or", "not"])
        >>> vocabulary.ids(["to", "be", "?"]), len(vocabulary)
        ([4, 5, 1], 8)
        >>> vocabulary.encode([["to", "be"], ["or"]], end=True).numpy()
        array([[4, 5, 3],
               [6, 3, 0]], dtype=int32)
        >>> vocabulary.tokens([4, 5])
        ['to', 'be']
    """

    def __init__(
        self,
        tokens: Iterable[str],
        *,
        pad: str = "[PAD]",
        unknown: str = "[UNK]",
        start: str = "[START]",
        end: str = "[END]",
    ):
        tokens = list(tokens)
        given, special = set(tokens), [pad, unknown, start, end]
        self._tokens = [token for token in dict.fromkeys(special) if token not in given] + tokens
        self._numbers = {token: number for number, token in enumerate(self._tokens)}
        if len(self._numbers) < len(self._tokens):
            twice = [t for t, n in collections.Counter(self._tokens).items() if n > 1]
            raise ValueError(f"these tokens come twice: {', '.join(map(repr, twice[:5]))}")
        if broken := [token for token in self._tokens if "\n" in token]:
            raise ValueError(f"a token must be a single line; got {broken[0]!r}")
        self.pad, self.unknown, self.start, self.end = (self._numbers[t] for t in special)

    @classmethod
    def build(
        cls,
        sequences: Iterable[Sequence[str]],
        size: int | None = None,
        min_count: int = 1,
        **kwargs,
    ) -> "Vocabulary":
        """Number the tokens that come at least `min_count` times, the most frequent first.

        Args:
            sequences: lists of tokens.
            size: how many tokens at most, the special ones with them.
            min_count: how often a token must come.
            **kwargs: names of special tokens.

        Example:
            >>> list(Vocabulary.build([["b", "a"], ["b", "c", "b", "a"]], size=6))[4:]
            ['b', 'a']
        """
        counts = collections.Counter(itertools.chain.from_iterable(sequences))
        special = list(cls([], **kwargs))
        often = [t for t, n in counts.items() if n >= min_count and t not in special]
        often.sort(key=lambda token: (-counts[token], token))
        return cls(often if size is None else often[: max(size - len(special), 0)], **kwargs)

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self):
        return iter(self._tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._numbers

    def ids(self, tokens):
        """Numbers of tokens: of one, of a list, of lists in a list, of a tensor of any kind."""
        if isinstance(tokens, str):
            return self._numbers.get(tokens, self.unknown)
        if isinstance(tokens, tf.RaggedTensor):
            return tf.ragged.map_flat_values(self._tables[0].lookup, tokens)
        if tf.is_tensor(tokens):
            return self._tables[0].lookup(tokens)
        return [self.ids(token) for token in tokens]

    def tokens(self, ids):
        """The other way; a number that is not there is unknown."""
        if isinstance(ids, tf.RaggedTensor):
            return tf.ragged.map_flat_values(self.tokens, ids)
        if tf.is_tensor(ids):
            return self._tables[1].lookup(tf.cast(ids, tf.int32))
        if hasattr(ids, "__iter__"):
            return [self.tokens(i) for i in ids]
        return self._tokens[ids if 0 <= ids < len(self) else self.unknown]

    def encode(
        self, tokens, length: int | None = None, *, start: bool = False, end: bool = False
    ) -> tf.Tensor:
        """Sequences of tokens -> int32 (N, length), padded; too long ones are cut.

        Args:
            tokens: N lists, or a ragged tensor of shape (N, None).
            length: of all rows; the longest one's if not given.
            start: whether the start token begins each.
            end: whether the end token ends each, also one that was cut.

        Raises:
            ValueError: if `tokens` is a single list, or `length` too small for start and end.
        """
        if not isinstance(tokens, tf.RaggedTensor):
            tokens = list(tokens)  # an iterator is read once
        if isinstance(tokens, tf.RaggedTensor):
            ids = self.ids(tokens)
        elif any(isinstance(row, str) for row in tokens):
            raise ValueError("tokens must be lists of tokens: put a single list into a list")
        else:
            rows = [self.ids(row) for row in tokens]
            flat = tf.constant([i for row in rows for i in row], tf.int32)
            ids = tf.RaggedTensor.from_row_lengths(flat, tf.constant([*map(len, rows)], tf.int64))
        if length is not None:
            if (room := length - start - end) < 0:
                raise ValueError(f"length={length} has no room for start and end")
            ids = ids[:, :room]
        one = tf.ones([ids.nrows(), 1], tf.int32)
        ids = tf.concat([one * self.start] * start + [ids] + [one * self.end] * end, axis=1)
        return ids.to_tensor(self.pad, shape=(None, length))

    @functools.cached_property
    def _tables(self) -> list[tf.lookup.StaticHashTable]:
        """From tokens to numbers, and back."""
        with tf.init_scope():  # also when a graph asks first
            tokens, numbers = tf.constant(self._tokens), tf.range(len(self))
            table, pairs = tf.lookup.StaticHashTable, tf.lookup.KeyValueTensorInitializer
            unknown = self._tokens[self.unknown]
            return [
                table(pairs(tokens, numbers), self.unknown),
                table(pairs(numbers, tokens), unknown),
            ]

    def save(self, path: str | os.PathLike) -> None:
        """One token a line, as UTF-8; the line's number, from 0 on, is the token's."""
        Path(path).write_text("\n".join(self._tokens) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: str | os.PathLike, **kwargs) -> "Vocabulary":
        """Read a file of `save`, or a published one: BERT's `vocab.txt`, GPT-2's `encoder.json`.

        GPT-2 has one special token and no padding; with its name for all four, no number moves:

            end = "<|endoftext|>"
            Vocabulary.load("encoder.json", pad=end, unknown=end, start=end, end=end)

        Args:
            path: the file; one that ends in .json maps each token to its number.
            **kwargs: names of special tokens, as for the class; BERT's start is "[CLS]", its end
                "[SEP]".

        Raises:
            ValueError: if the numbers in a .json file are not 0, 1, 2, ...
        """
        text = Path(path).read_bytes().decode()  # read_text would take \r for a line's end
        if not str(path).endswith(".json"):
            return cls(text.removesuffix("\n").split("\n"), **kwargs)
        numbers = json.loads(text)
        tokens = sorted(numbers, key=numbers.get)
        if [numbers[token] for token in tokens] != list(range(len(tokens))):
            raise ValueError(f"{path}: the numbers are not 0 to {len(tokens) - 1}, each once")
        return cls(tokens, **kwargs)
