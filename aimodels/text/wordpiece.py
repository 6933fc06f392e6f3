"""WordPiece, as BERT uses it."""

import functools
import unicodedata
from collections.abc import Iterable

import regex
import tensorflow as tf

from aimodels.text.tokenizer import Tokenizer


class WordPieceTokenizer(Tokenizer):
    """BERT's tokenizer: words, then the longest pieces in the vocabulary; inner ones begin with ##.

    Control and private-use characters are removed, every Chinese character and punctuation mark is
    a word, and a word that cannot be split, or has more than 100 characters, becomes
    `unknown_token`. A special token's name in the text, such as [MASK], is that token. Tensors are
    tokenized by `tensorflow-text` or, where that is not installed, by Python: same tokens, slower.

    Hugging Face's tokens are the same, but for characters that Unicode took in or moved to another
    kind after the tables of either side were made.

    Args:
        vocabulary: pieces, or a `Vocabulary` of them.
        lowercase: whether to lower-case the text and remove accents; False for cased models.
        unknown_token: token for a word that cannot be split.
        special_tokens: tokens that a text may name; those that the vocabulary lacks do not count.

    Raises:
        ValueError: if the vocabulary lacks `unknown_token`.

    Reference:
        [devlin2019].

    Example:
        >>> WordPieceTokenizer(["[UNK]", "un", "##aff", "##able", "!"])("Unaffable!")
        ['un', '##aff', '##able', '!']
    """

    _CONTROL = "\\p{Cc}\\p{Cf}\ufffd\U000f0000-\U000ffffd\U00100000-\U0010fffd"
    _OWN_WORD = (  # punctuation, all ASCII symbols, and the blocks of Chinese characters
        r"[!-/:-@\[-`{-~\p{P}"
        "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        "\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f]"
    )

    def __init__(
        self,
        vocabulary: Iterable[str],
        lowercase: bool = True,
        unknown_token: str = "[UNK]",
        special_tokens: Iterable[str] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    ):
        self.vocabulary = list(vocabulary)
        self._known = set(self.vocabulary)
        if unknown_token not in self._known:
            raise ValueError(f"the vocabulary has no {unknown_token}")
        self.lowercase, self.unknown_token = lowercase, unknown_token
        special = self._known & {unknown_token, *special_tokens}
        self.special_tokens = sorted(special, key=lambda token: (-len(token), token))
        self._special = regex.compile(f"({'|'.join(map(regex.escape, self.special_tokens))})")
        self._of_word = functools.lru_cache(maxsize=2**16)(self._pieces)

    def tokenize(self, text: str) -> list[str]:
        tokens = []
        for i, part in enumerate(self._special.split(text)):
            tokens += [part] if i % 2 else self._tokenize_plain(part)
        return tokens

    def _tokenize_plain(self, text: str) -> list[str]:
        """Tokens of a text in which no special token is named."""
        text = regex.sub(r"[\t\n\r]", " ", text)
        text = regex.sub(f"[{self._CONTROL}\ue000-\uf8ff]", "", text)
        if self.lowercase:
            text = text.replace("Σ", "σ").lower()  # Python alone would make a final one ς
            text = regex.sub(r"\p{Mn}", "", unicodedata.normalize("NFD", text))
        words = regex.sub(self._OWN_WORD, r" \g<0> ", text).split()
        return [piece for word in words for piece in self._of_word(word)]

    def _pieces(self, word: str) -> list[str]:
        if len(word) > 100:
            return [self.unknown_token]
        pieces, begin = [], 0
        while begin < len(word):
            prefix = "##" if begin else ""
            ends = range(len(word), begin, -1)
            end = next((e for e in ends if prefix + word[begin:e] in self._known), None)
            if end is None:
                return [self.unknown_token]
            pieces.append(prefix + word[begin:end])
            begin = end
        return pieces

    def _ragged(self, texts):
        try:
            import tensorflow_text
        except ImportError:
            return super()._ragged(texts)
        replace = tf.strings.regex_replace
        marks = self._marks  # which stand for special tokens until the end
        texts = replace(texts, f"[{marks[0]}-{marks[-1]}]", "\0")  # and are none yet
        for mark, token in zip(marks, self.special_tokens, strict=True):
            texts = replace(texts, regex.escape(token), f" {mark} ")
        after = chr(ord(marks[-1]) + 1)
        texts = replace(texts, r"[\t\n\r]", " ")
        texts = replace(texts, f"[{self._CONTROL}{after}-\uf8ff]", "")
        if self.lowercase:
            texts = tf.strings.lower(replace(texts, "Σ", "σ"), encoding="utf-8")
            texts = replace(tensorflow_text.normalize_utf8(texts, "NFD"), r"\p{Mn}", "")
        words = tf.strings.split(replace(replace(texts, self._OWN_WORD, r" \0 "), r"\p{Z}", " "))
        long = functools.partial(replace, pattern="^.{101,}$", rewrite="\x01")  # in no vocabulary
        tokens = self._fast.tokenize(tf.ragged.map_flat_values(long, words)).merge_dims(1, 2)
        for mark, token in zip(marks, self.special_tokens, strict=True):
            name = functools.partial(replace, pattern=mark, rewrite=token.replace("\\", r"\\"))
            tokens = tf.ragged.map_flat_values(name, tokens)
        return tokens

    @property
    def _marks(self) -> str:
        """A private character for each special token."""
        return "".join(chr(0xE000 + i) for i in range(len(self.special_tokens)))

    @functools.cached_property
    def _fast(self):
        import tensorflow_text

        with tf.init_scope():  # even if first used while tracing a graph
            return tensorflow_text.FastWordpieceTokenizer(
                [*self.vocabulary, *self._marks],
                max_bytes_per_word=400,  # 100 characters
                unknown_token=self.unknown_token,
                no_pretokenization=True,
                token_out_type=tf.string,
            )
