"""What all tokenizers share, and those that only split: at words, blanks, characters."""

from collections.abc import Iterable

import numpy as np
import regex
import tensorflow as tf

_SPACE = r"\t-\r\x1c-\x1f\x85\p{Z}"  # Python's and TensorFlow's \s are not the same


class Tokenizer:
    """What all tokenizers share; a subclass defines `tokenize` only.

    Example:
        >>> class Sentences(Tokenizer):
        ...     def tokenize(self, text):
        ...         return text.split("; ")
        >>> Sentences()("a b; c"), Sentences()(["a", "b; c"])
        (['a b', 'c'], [['a'], ['b', 'c']])
        >>> Sentences()(tf.constant(["a", "b; c"])).to_list()
        [[b'a'], [b'b', b'c']]
    """

    _errors = "replace"  # what happens to bytes that are not UTF-8

    def tokenize(self, text: str) -> list[str]:
        """Split one text into its tokens."""
        raise NotImplementedError

    def __call__(self, texts: str | bytes | Iterable | tf.Tensor) -> list | tf.RaggedTensor:
        """Tokens of a text, of an iterable of texts, or of a tensor of shape () or (N,).

        Raises:
            ValueError: if a tensor has another dtype or shape.
        """
        if isinstance(texts, bytes):
            texts = texts.decode("utf-8", self._errors)
        if isinstance(texts, str):
            return self.tokenize(texts)
        if not tf.is_tensor(texts):
            return [self(text) for text in texts]
        if texts.dtype != tf.string or texts.shape.rank not in (0, 1):
            raise ValueError(
                f"texts must be strings of shape () or (N,); got {texts.dtype.name} {texts.shape}"
            )
        tokens = self._ragged(tf.reshape(texts, [-1]))
        return tokens[0] if texts.shape.rank == 0 else tokens

    def _ragged(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize in Python; a subclass overrides this where TensorFlow has operations for it."""

        def python(texts):
            rows = self(texts)
            flat = [token.encode("utf-8", self._errors) for row in rows for token in row]
            return np.array(flat, object), np.array([len(row) for row in rows], np.int64)

        flat, lengths = tf.numpy_function(python, [texts], [tf.string, tf.int64])
        flat, lengths = tf.ensure_shape(flat, [None]), tf.ensure_shape(lengths, texts.shape)
        return tf.RaggedTensor.from_row_lengths(flat, lengths)


class WordTokenizer(Tokenizer):
    """Runs of letters, runs of digits, and each other symbol alone; combining marks stay attached.

    Example:
        >>> WordTokenizer()("It costs 3.50!")
        ['It', 'costs', '3', '.', '50', '!']
    """

    # A character too new for one of the two regex engines counts as a symbol there.
    _SEPARATORS = r"\p{Z}\p{Cc}\p{Cf}\p{Co}"
    _PATTERN = rf"[\p{{L}}\p{{M}}]+|[\p{{N}}\p{{M}}]+|[^{_SEPARATORS}\p{{L}}\p{{M}}\p{{N}}]\p{{M}}*"

    def tokenize(self, text: str) -> list[str]:
        return regex.findall(self._PATTERN, text)

    def _ragged(self, texts):
        apart = tf.strings.regex_replace(texts, f"[{self._SEPARATORS}]", " ")
        return tf.strings.split(tf.strings.regex_replace(apart, self._PATTERN, r" \0 "))


class WhitespaceTokenizer(Tokenizer):
    """Everything between spaces, tabs and line ends.

    Example:
        >>> WhitespaceTokenizer()("It costs  3.50!")
        ['It', 'costs', '3.50!']
    """

    def tokenize(self, text: str) -> list[str]:
        return regex.findall(f"[^{_SPACE}]+", text)

    def _ragged(self, texts):
        return tf.strings.split(tf.strings.regex_replace(texts, f"[{_SPACE}]", " "))


class CharacterTokenizer(Tokenizer):
    """Every character except white space.

    Example:
        >>> CharacterTokenizer()("我爱 AI")
        ['我', '爱', 'A', 'I']
    """

    def tokenize(self, text: str) -> list[str]:
        return regex.findall(f"[^{_SPACE}]", text)

    def _ragged(self, texts):
        return tf.strings.unicode_split(tf.strings.regex_replace(texts, f"[{_SPACE}]", ""), "UTF-8")
