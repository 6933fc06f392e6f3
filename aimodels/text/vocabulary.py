"""The vocabulary: an id for each token, and back."""

import collections
import functools
import itertools
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from aimodels import files


class Vocabulary:
    """Tokens and their ids.

    Args:
        tokens: distinct tokens, in the order of their ids. Special tokens that are missing are
            inserted before the first one, so that by default the padding has id 0.
        pad_token: token that fills short sequences.
        unknown_token: token that stands for every token outside the vocabulary.
        start_token: token that begins a sequence.
        end_token: token that ends a sequence.

    Attributes `pad_id`, `unknown_id`, `start_id` and `end_id` are the ids of the special tokens.

    Raises:
        ValueError: if a token occurs twice, or contains a line end.

    Example:
        >>> vocabulary = Vocabulary(["to", "be", "or", "not"])
        >>> vocabulary.tokens_to_ids(["to", "be", "?"]), len(vocabulary)
        ([4, 5, 1], 8)
        >>> token_ids = vocabulary.encode([["to", "be"], ["or"]], end=True).numpy()
        >>> token_ids
        array([[4, 5, 3],
               [6, 3, 0]], dtype=int32)
        >>> vocabulary.decode(token_ids)
        [['to', 'be'], ['or']]
    """

    def __init__(
        self,
        tokens: Iterable[str],
        *,
        pad_token: str = "[PAD]",
        unknown_token: str = "[UNK]",
        start_token: str = "[START]",
        end_token: str = "[END]",
    ):
        tokens = list(tokens)
        listed, special = set(tokens), [pad_token, unknown_token, start_token, end_token]
        self._tokens = [token for token in dict.fromkeys(special) if token not in listed] + tokens
        self._ids = {token: i for i, token in enumerate(self._tokens)}
        if len(self._ids) < len(self._tokens):
            repeated = [t for t, n in collections.Counter(self._tokens).items() if n > 1]
            raise ValueError(f"these tokens occur twice: {', '.join(map(repr, repeated[:5]))}")
        if broken := [token for token in self._tokens if "\n" in token]:
            raise ValueError(f"a token must be a single line; got {broken[0]!r}")
        self.pad_id, self.unknown_id, self.start_id, self.end_id = map(self._ids.get, special)

    @classmethod
    def build(
        cls,
        sequences: Iterable[Sequence[str]],
        size: int | None = None,
        min_count: int = 1,
        **special_tokens: str,
    ) -> "Vocabulary":
        """Number the tokens that occur at least `min_count` times, the most frequent first.

        Args:
            sequences: lists of tokens.
            size: largest number of tokens, special ones included; unlimited if None.
            min_count: smallest number of occurrences of a token.
            **special_tokens: names of special tokens, as in the constructor.

        Example:
            >>> list(Vocabulary.build([["b", "a"], ["b", "c", "b", "a"]], size=6))[4:]
            ['b', 'a']
        """
        counts = collections.Counter(itertools.chain.from_iterable(sequences))
        special = list(cls([], **special_tokens))
        often = [t for t, n in counts.items() if n >= min_count and t not in special]
        often.sort(key=lambda token: (-counts[token], token))
        if size is not None:
            often = often[: max(size - len(special), 0)]
        return cls(often, **special_tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self):
        return iter(self._tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def tokens_to_ids(self, tokens):
        """Ids of tokens: of one, of a list or nested lists, or of a tensor, ragged or not."""
        if isinstance(tokens, str):
            return self._ids.get(tokens, self.unknown_id)
        if isinstance(tokens, tf.RaggedTensor):
            return tf.ragged.map_flat_values(self._tables[0].lookup, tokens)
        if tf.is_tensor(tokens):
            return self._tables[0].lookup(tokens)
        return [self.tokens_to_ids(token) for token in tokens]

    def ids_to_tokens(self, ids):
        """Tokens of ids, in the same structure; an id out of range is unknown."""
        if isinstance(ids, int):  # first: to ask whether something is a tensor takes long
            return self._tokens[ids if 0 <= ids < len(self) else self.unknown_id]
        if isinstance(ids, tf.RaggedTensor):
            return tf.ragged.map_flat_values(self.ids_to_tokens, ids)
        if tf.is_tensor(ids):
            return self._tables[1].lookup(tf.cast(ids, tf.int32))
        if hasattr(ids, "__iter__"):
            return [self.ids_to_tokens(i) for i in ids]
        return self._tokens[ids if 0 <= ids < len(self) else self.unknown_id]

    def encode(
        self, tokens, sequence_length: int | None = None, *, start: bool = False, end: bool = False
    ) -> tf.Tensor:
        """Sequences of tokens -> int32 (N, sequence_length), padded or truncated.

        Args:
            tokens: N lists of tokens, or a ragged tensor of shape (N, None).
            sequence_length: length of every row; that of the longest sequence if None.
            start: whether to put the start token before each sequence.
            end: whether to put the end token after each sequence, truncated ones included.

        Raises:
            ValueError: if `tokens` is a single list, or `sequence_length` is too small for the
                start and end tokens.
        """
        if not isinstance(tokens, tf.RaggedTensor):
            tokens = list(tokens)  # an iterator is read once
        if isinstance(tokens, tf.RaggedTensor):
            ids = self.tokens_to_ids(tokens)
        elif any(isinstance(row, str) for row in tokens):
            raise ValueError("tokens must be lists of tokens; put a single list into a list")
        else:
            rows = self.tokens_to_ids(tokens)
            flat = tf.constant([i for row in rows for i in row], tf.int32)
            ids = tf.RaggedTensor.from_row_lengths(flat, tf.constant([*map(len, rows)], tf.int64))
        if sequence_length is not None:
            if (room := sequence_length - start - end) < 0:
                raise ValueError(
                    f"sequence_length={sequence_length} has no room for the start and end tokens"
                )
            ids = ids[:, :room]
        one = tf.ones([ids.nrows(), 1], tf.int32)
        ids = tf.concat([one * self.start_id] * start + [ids] + [one * self.end_id] * end, axis=1)
        return ids.to_tensor(self.pad_id, shape=(None, sequence_length))

    def decode(self, ids, skip_special_tokens: bool = True) -> list:
        """Token ids, as a model predicts them, -> lists of tokens.

        Args:
            ids: integers of shape (T,) or (N, T): lists, an array or a tensor, ragged or not.
            skip_special_tokens: whether to leave out padding, unknown, start and end.

        Returns:
            A list of tokens, or N of them.
        """
        if tf.is_tensor(ids):
            ids = ids.to_list() if isinstance(ids, tf.RaggedTensor) else ids.numpy()
        if len(ids) and hasattr(ids[0], "__iter__"):
            return [self.decode(row, skip_special_tokens) for row in ids]
        special = {self.pad_id, self.unknown_id, self.start_id, self.end_id}
        return self.ids_to_tokens([i for i in ids if not (skip_special_tokens and i in special)])

    @functools.cached_property
    def _tables(self) -> list[tf.lookup.StaticHashTable]:
        """From tokens to ids, and back."""
        with tf.init_scope():  # even if first used while tracing a graph
            tokens, ids = tf.constant(self._tokens), tf.range(len(self))
            table, pairs = tf.lookup.StaticHashTable, tf.lookup.KeyValueTensorInitializer
            unknown_token = self._tokens[self.unknown_id]
            return [
                table(pairs(tokens, ids), self.unknown_id),
                table(pairs(ids, tokens), unknown_token),
            ]

    def save(self, path: str | os.PathLike) -> None:
        """Write one token per line, as UTF-8; the line number, from 0 on, is the token's id.

        A file that ends in .json maps each token to its id; it can hold any token.

        Raises:
            ValueError: if `load` would read a token as another one, as a space at its end.
        """
        if str(path).endswith(".json"):
            return files.write_text(path, json.dumps(self._ids, ensure_ascii=False))
        content = "\n".join(self._tokens) + "\n"
        for token, line in zip(self._tokens, _lines(content.removeprefix("\ufeff")), strict=True):
            if token != line:
                raise ValueError(
                    f"the token {token!r} would be read as {line!r}: save to a name that ends in "
                    ".json"
                )
        return files.write_text(path, content)

    @classmethod
    def load(cls, path: str | os.PathLike, **special_tokens: str) -> "Vocabulary":
        """Read a file of `save`, or a published one, in which no id changes.

        It may be BERT's `vocab.txt`, GPT-2's `vocab.json`, or `tokenizer.json`. GPT-2 has one
        special token and no padding; its name stands for all four:

            names = ("pad_token", "unknown_token", "start_token", "end_token")
            Vocabulary.load("vocab.json", **dict.fromkeys(names, "<|endoftext|>"))

        Args:
            path: path of the file; one that ends in .json maps each token to its id, in any other
                one the number of a token's line is its id. A byte order mark, line ends of Windows
                and blanks at the end of a line are no part of a token.
            **special_tokens: names of special tokens, as in the constructor; BERT's start token is
                "[CLS]", its end token "[SEP]".

        Raises:
            FileNotFoundError: if there is no such file; the message says what its folder holds.
            ValueError: if the file lacks a special token; the message names candidates. If a token
                occurs twice, the ids in a .json file are not 0, 1, 2, ..., or it is another file.
        """
        cls([], **special_tokens)  # refuses a misspelt name
        path = Path(path)
        if not path.exists() and path.with_name("tokenizer.json").is_file():
            raise FileNotFoundError(
                f"there is no {path}, but a tokenizer.json beside it, which Vocabulary.load reads "
                "as well"
            )
        content = files.read_text(path)
        is_json = path.name.endswith(".json")
        tokens = _json_tokens(path, content) if is_json else _lines(content)
        if len(first := {token: i for i, token in reversed([*enumerate(tokens, 1)])}) < len(tokens):
            number, token = next((i, t) for i, t in enumerate(tokens, 1) if first[t] != i)
            raise ValueError(
                f"{path}: lines {first[token]} and {number} hold the same token, {token!r}: the "
                "number of a line is its token's id, so make the two different"
            )
        wanted = {**_SPECIAL_TOKENS, **special_tokens}
        if missing := {name: token for name, token in wanted.items() if token not in first}:
            listed = ", ".join(f"{name}={token!r}" for name, token in missing.items())
            like = [
                token for token in tokens if re.fullmatch(_LOOKS_SPECIAL, token.strip(" \ufeff"))
            ]
            candidates = ", ".join(map(repr, like[:8])) or "none: is this a vocabulary?"
            raise ValueError(
                f"{path} does not hold {listed}, and a new token would move the ids: give the "
                f"names that this file uses, as {next(iter(missing))}=...; candidates: {candidates}"
            )
        return cls(tokens, **special_tokens)


_SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unknown_token": "[UNK]",
    "start_token": "[START]",
    "end_token": "[END]",
}
_LOOKS_SPECIAL = r"(?!\[unused)(\[\w+\]|</?\w+>|<\|.+\|>)"


def _lines(content: str) -> list[str]:
    """The tokens of a text file, one per line; a token may be white space, but not end in it."""
    lines = content.removesuffix("\n").split("\n")
    short = [re.sub(r"(?<=\S)\s+$", "", line) for line in lines]
    if any(line.endswith("\r") and line.strip() for line in lines):  # written by Windows
        short = [line.removesuffix("\r") for line in short]
    return short


def _json_tokens(path: Path, content: str) -> list[str]:
    """The tokens of a .json file, in the order of their ids."""
    ids = files.parse_json(path, content)
    if isinstance(model := ids.get("model"), dict):  # tokenizer.json
        if not isinstance(model.get("vocab"), dict):
            raise ValueError(
                f"{path} is a tokenizer of the type {model.get('type')!r}, which this package does "
                "not have: only WordPiece and byte pairs"
            )
        ids = model["vocab"] | {t["content"]: t["id"] for t in ids.get("added_tokens") or []}
    if not ids or not all(isinstance(i, int) for i in ids.values()):
        raise ValueError(f"{path} is no vocabulary: it does not map each token to its id")
    tokens = sorted(ids, key=ids.get)
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError(f"{path}: the ids are not 0 to {len(tokens) - 1}, each once")
    return tokens
