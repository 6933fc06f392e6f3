r"""Text to numbers: tokenizers, and the vocabulary that numbers their tokens.

A tokenizer takes a text and gives a list of tokens, takes several and gives a list of lists, or
takes a tensor of texts, also inside `tf.data`, and gives a `tf.RaggedTensor` of the same tokens:

    text -> tokens -> whole numbers -> (batch, length), padded

Texts are Unicode, in tensors as UTF-8. Words, characters and word pieces of a tensor are found by
TensorFlow's own operations; byte pairs and Chinese words by Python, which `tf.data` calls and
which a SavedModel cannot hold.
"""

import collections
import functools
import heapq
import itertools
import json
import os
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import regex
import tensorflow as tf

_SPACE = r"\t-\r\x1c-\x1f\x85\p{Z}"  # Python's and TensorFlow's \s are not the same


class Tokenizer:
    """What all tokenizers share; a new one needs `tokens` only.

    Example:
        >>> class Sentences(Tokenizer):
        ...     def tokens(self, text):
        ...         return text.split("; ")
        >>> Sentences()("a b; c"), Sentences()(["a", "b; c"])
        (['a b', 'c'], [['a'], ['b', 'c']])
        >>> Sentences()(tf.constant(["a", "b; c"])).to_list()
        [[b'a'], [b'b', b'c']]
    """

    _errors = "replace"  # what becomes of bytes that are no UTF-8

    def tokens(self, text: str) -> list[str]:
        raise NotImplementedError

    def __call__(self, texts: str | bytes | Iterable | tf.Tensor) -> list | tf.RaggedTensor:
        """Tokens of a text, of an iterable of texts, or of a tensor of shape () or (N,).

        Raises:
            ValueError: if a tensor has another type or shape.
        """
        if isinstance(texts, bytes):
            texts = texts.decode("utf-8", self._errors)
        if isinstance(texts, str):
            return self.tokens(texts)
        if not tf.is_tensor(texts):
            return [self(text) for text in texts]
        if texts.dtype != tf.string or texts.shape.rank not in (0, 1):
            raise ValueError(
                f"texts must be strings of shape () or (N,); got {texts.dtype.name} {texts.shape}"
            )
        found = self._ragged(tf.reshape(texts, [-1]))
        return found[0] if texts.shape.rank == 0 else found

    def _ragged(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Through Python; where TensorFlow has operations for it, a subclass takes them."""

        def python(texts):
            rows = self(texts)
            flat = [token.encode("utf-8", self._errors) for row in rows for token in row]
            return np.array(flat, object), np.array([len(row) for row in rows], np.int64)

        flat, lengths = tf.numpy_function(python, [texts], [tf.string, tf.int64])
        flat, lengths = tf.ensure_shape(flat, [None]), tf.ensure_shape(lengths, texts.shape)
        return tf.RaggedTensor.from_row_lengths(flat, lengths)


class WordTokenizer(Tokenizer):
    """Runs of letters, runs of digits, and every other sign by itself; marks stay with them.

    Example:
        >>> WordTokenizer()("It costs 3.50!")
        ['It', 'costs', '3', '.', '50', '!']
    """

    # A character too new for one of the two engines is a sign for it.
    _NOTHING = r"\p{Z}\p{Cc}\p{Cf}\p{Co}"
    _PATTERN = rf"[\p{{L}}\p{{M}}]+|[\p{{N}}\p{{M}}]+|[^{_NOTHING}\p{{L}}\p{{M}}\p{{N}}]\p{{M}}*"

    def tokens(self, text: str) -> list[str]:
        return regex.findall(self._PATTERN, text)

    def _ragged(self, texts):
        apart = tf.strings.regex_replace(texts, f"[{self._NOTHING}]", " ")
        return tf.strings.split(tf.strings.regex_replace(apart, self._PATTERN, r" \0 "))


class WhitespaceTokenizer(Tokenizer):
    """What stands between spaces, tabs and line ends.

    Example:
        >>> WhitespaceTokenizer()("It costs  3.50!")
        ['It', 'costs', '3.50!']
    """

    def tokens(self, text: str) -> list[str]:
        return regex.findall(f"[^{_SPACE}]+", text)

    def _ragged(self, texts):
        return tf.strings.split(tf.strings.regex_replace(texts, f"[{_SPACE}]", " "))


class CharacterTokenizer(Tokenizer):
    """Every character but white space, which Chinese text does not need.

    Example:
        >>> CharacterTokenizer()("我爱 AI")
        ['我', '爱', 'A', 'I']
    """

    def tokens(self, text: str) -> list[str]:
        return regex.findall(f"[^{_SPACE}]", text)

    def _ragged(self, texts):
        return tf.strings.unicode_split(tf.strings.regex_replace(texts, f"[{_SPACE}]", ""), "UTF-8")


class ChineseTokenizer(Tokenizer):
    """Words of a dictionary, in the most probable division (jieba); other words as they stand.

    Raises:
        ImportError: if jieba is not installed.

    Example:
        >>> ChineseTokenizer()("我爱深度学习")
        ['我', '爱', '深度', '学习']
    """

    def __init__(self):
        try:
            with warnings.catch_warnings():  # of how it looks for its own files
                warnings.simplefilter("ignore")
                import jieba
        except ImportError as error:
            raise ImportError(
                "ChineseTokenizer needs jieba: pip install jieba. "
                "CharacterTokenizer and BytePairTokenizer need nothing"
            ) from error
        jieba.setLogLevel("WARNING")
        self._cut = jieba.Tokenizer().lcut

    def tokens(self, text: str) -> list[str]:
        return [word for word in self._cut(text) if not word.isspace()]


class WordPieceTokenizer(Tokenizer):
    """BERT's: words, then the longest pieces that the vocabulary has; inner pieces begin with ##.

    Control characters go, every Chinese character and punctuation mark is a word, and a word that
    cannot be divided, or has more than 100 characters, is `unknown`. For tensors `tensorflow-text`
    does it; on a platform that has none, Python: the same tokens, slower.

    Args:
        vocabulary: the pieces, or a `Vocabulary` of them.
        lowercase: also removes accents; False for models whose name says "cased".
        unknown: stands for a word that cannot be divided.

    Raises:
        ValueError: if the vocabulary lacks `unknown`.

    Reference:
        The model that made it known: [devlin2019].

    Example:
        >>> WordPieceTokenizer(["[UNK]", "un", "##aff", "##able", "!"])("Unaffable!")
        ['un', '##aff', '##able', '!']
    """

    _GONE = "[\\p{Cc}\\p{Cf}\ufffd]"
    _ALONE = (  # punctuation, all ASCII signs with it, and the blocks of Chinese characters
        r"[!-/:-@\[-`{-~\p{P}"
        "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f]"
    )

    def __init__(self, vocabulary: Iterable[str], lowercase: bool = True, unknown: str = "[UNK]"):
        self.vocabulary = list(vocabulary)
        self._known = set(self.vocabulary)
        if unknown not in self._known:
            raise ValueError(f"the vocabulary has no {unknown}")
        self.lowercase, self.unknown = lowercase, unknown
        self._of_word = functools.lru_cache(maxsize=2**16)(self._pieces)

    def tokens(self, text: str) -> list[str]:
        text = regex.sub(self._GONE, "", regex.sub(r"[\t\n\r]", " ", text))
        if self.lowercase:
            text = regex.sub(r"\p{Mn}", "", unicodedata.normalize("NFD", text.lower()))
        words = regex.sub(self._ALONE, r" \g<0> ", text).split()
        return [piece for word in words for piece in self._of_word(word)]

    def _pieces(self, word: str) -> list[str]:
        if len(word) > 100:
            return [self.unknown]
        found, begin = [], 0
        while begin < len(word):
            prefix = "##" if begin else ""
            ends = range(len(word), begin, -1)
            end = next((e for e in ends if prefix + word[begin:e] in self._known), None)
            if end is None:
                return [self.unknown]
            found.append(prefix + word[begin:end])
            begin = end
        return found

    def _ragged(self, texts):
        try:
            import tensorflow_text
        except ImportError:
            return super()._ragged(texts)
        replace = tf.strings.regex_replace
        texts = replace(replace(texts, r"[\t\n\r]", " "), self._GONE, "")
        if self.lowercase:
            texts = tf.strings.lower(texts, encoding="utf-8")
            texts = replace(tensorflow_text.normalize_utf8(texts, "NFD"), r"\p{Mn}", "")
        words = tf.strings.split(replace(replace(texts, self._ALONE, r" \0 "), r"\p{Z}", " "))
        long = functools.partial(replace, pattern="^.{101,}$", rewrite="\x01")  # in no vocabulary
        return self._fast.tokenize(tf.ragged.map_flat_values(long, words)).merge_dims(1, 2)

    @functools.cached_property
    def _fast(self):
        import tensorflow_text

        with tf.init_scope():  # also when a graph asks first
            return tensorflow_text.FastWordpieceTokenizer(
                self.vocabulary,
                max_bytes_per_word=400,  # 100 characters
                unknown_token=self.unknown,
                no_pretokenization=True,
                token_out_type=tf.string,
            )


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
