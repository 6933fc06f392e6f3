"""fastText: the vector of a word is the sum of the vectors of its pieces."""

import numpy as np
import tensorflow as tf

from aimodels.embeddings.word2vec import SkipGram
from aimodels.embeddings.word_vectors import WordVectors


class FastText(SkipGram):
    r"""`SkipGram` whose $x_w$ is made of the word's letters [bojanowski2017].

    The word between the signs < and >, and all its pieces of `min_n` to `max_n` characters, are
    the set $G_w$; every piece has a vector $g$, in a table of `buckets` rows chosen by a hash:

    $$ x_w = |G_w|^{-1/2} \sum_{p \in G_w} g_p $$

    The paper's sum, with a factor that makes steps equally large for short and long words. An
    unseen word has pieces too, and so a vector: `model.vectors["unseen"]`.

    Args:
        embedding_dim: size of each word's vector; this and all other arguments as in `SkipGram`.
        min_n: length of the shortest piece, in characters.
        max_n: length of the longest piece.
        buckets: number of rows of the table of pieces; pieces of the same hash share a row.

    Reference:
        [bojanowski2017]
    """

    def __init__(
        self,
        embedding_dim: int = 100,
        *args,
        min_n: int = 3,
        max_n: int = 6,
        buckets: int = 200_000,
        **kwargs,
    ):
        super().__init__(embedding_dim, *args, **kwargs)
        if not 1 <= min_n <= max_n or buckets < 1:
            raise ValueError(
                "min_n, max_n and buckets must satisfy 1 <= min_n <= max_n and buckets >= 1; "
                f"got {min_n}, {max_n}, {buckets}"
            )
        self.min_n, self.max_n, self.buckets = min_n, max_n, buckets

    def pieces(self, word: str) -> list[int]:
        """Rows of the word's pieces of letters."""
        pieces = pieces_of(word, self.min_n, self.max_n)
        return [fnv1a(piece.encode()) % self.buckets for piece in pieces]

    def build(self) -> None:
        """The table has the buckets first, then a row for each known word."""
        known = [[*self.pieces(w), self.buckets + i] for i, w in enumerate(self.words)]
        self.known = tf.ragged.constant(known, tf.int32)
        super().build()
        self.x = tf.Variable(self.start(self.buckets + len(self.words)))

    def look_up(self, ids):
        """Sums the pieces once for each different word of the batch."""
        different, where = tf.unique(tf.reshape(ids, [-1]))
        pieces = tf.gather(self.known, different)
        return tf.reshape(
            tf.gather(self.compose(pieces), where), [*tf.unstack(tf.shape(ids)), self.embedding_dim]
        )

    def compose(self, pieces: tf.RaggedTensor):
        rows = pieces.with_values(tf.gather(self.x, pieces.values))
        number = tf.cast(pieces.row_lengths(), tf.float32)
        return tf.reduce_sum(rows, 1) / tf.sqrt(number)[:, None]

    def update(self, ids, change) -> None:
        different, where = tf.unique(tf.reshape(ids, [-1]))
        change = tf.reshape(change, [-1, self.embedding_dim])
        change = tf.math.unsorted_segment_sum(change, where, tf.size(different))
        pieces = tf.gather(self.known, different)
        change /= tf.sqrt(tf.cast(pieces.row_lengths(), tf.float32))[:, None]
        change = tf.gather(change, pieces.value_rowids())
        self.x.scatter_add(tf.IndexedSlices(change, pieces.values))

    def result(self) -> WordVectors:
        return WordVectors(self.words, self.compose(self.known).numpy(), unseen=self.unseen)

    def unseen(self, word: str) -> np.ndarray:
        """The vector of any word by its pieces alone; zeros if it has none."""
        rows = (
            self.x.numpy()[self.pieces(word)]
            if self.pieces(word)
            else np.zeros((1, self.embedding_dim))
        )
        return (rows.sum(0) / len(rows) ** 0.5).astype(np.float32)


def pieces_of(word: str, min_n: int, max_n: int) -> list[str]:
    """All pieces of `min_n` to `max_n` characters of a word between < and >.

    Example:
        >>> pieces_of("cat", 3, 4)
        ['<ca', 'cat', 'at>', '<cat', 'cat>']
    """
    word = f"<{word}>"
    sizes = range(min_n, min(max_n, len(word)) + 1)
    pieces = [word[i : i + n] for n in sizes for i in range(len(word) - n + 1)]
    return [piece for piece in pieces if piece not in ("<", ">")]


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash; bytes count as signed numbers, as in fastText's own code.

    Example:
        >>> fnv1a(b"<wh")
        1048167652
    """
    value = 2166136261
    for byte in data:
        value = (value ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * 16777619 % 2**32
    return value
