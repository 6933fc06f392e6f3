"""GloVe: word vectors from counts of words that occur near each other."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from aimodels.embeddings.trainer import BLOCK, _Trainer
from aimodels.embeddings.word_vectors import WordVectors


class GloVe(_Trainer):
    r"""Vectors whose products give the logarithm of how often words meet [pennington2014].

    $X_{ij}$ sums 1/distance over all meetings of i and j at most `window` words apart:

    $$ J = \sum_{X_{ij} > 0} f(X_{ij}) \big(u_i^\top v_j + b_i + c_j - \ln X_{ij}\big)^2,
       \qquad f(x) = \min\big(1, (x / x_{max})^{3/4}\big) $$

    Trained by AdaGrad: each number is divided by the root of the sum of its squared gradients.
    The pairs are counted block by block and merged as sorted lists, so memory holds the different
    pairs, never V x V numbers. `vectors` are u + v; `losses` has J divided by the number of pairs.

    Args:
        embedding_dim: size of each word's vector.
        window: largest distance at which two words meet, in words.
        min_count: smallest number of occurrences of a word; rarer words are left out.
        x_max: count from which on the weight f is 1.
        learning_rate: learning rate of AdaGrad.
        batch_size: number of pairs per step.
        seed: random seed; the same seed gives the same vectors.
        jit_compile: whether to compile the gradient with XLA.

    Raises:
        ValueError: if an argument is out of range; the message says which.
    """

    def __init__(
        self,
        embedding_dim: int = 100,
        window: int = 10,
        min_count: int = 5,
        x_max: float = 100.0,
        learning_rate: float = 0.05,
        batch_size: int = 4096,
        seed: int = 0,
        jit_compile: bool = False,
    ):
        super().__init__(
            embedding_dim, window, min_count, learning_rate, batch_size, seed, jit_compile
        )
        if not x_max > 0:
            raise ValueError(f"x_max must be positive; got {x_max!r}")
        self.x_max, self.items_per_batch = x_max, batch_size

    def build(self) -> None:
        """Count the meetings; tables u, v with the bias as their last number, and the graph."""
        self.keys, self.meetings = cooccurrences(
            self.line, self.sentence, len(self.words), self.window
        )
        shape = (len(self.words), self.embedding_dim + 1)
        start = self.rng.uniform(-0.5, 0.5, (2, *shape)).astype(np.float32) / self.embedding_dim
        self.u, self.v = tf.Variable(start[0]), tf.Variable(start[1])
        self.u_squares, self.v_squares = tf.Variable(tf.ones(shape)), tf.Variable(tf.ones(shape))
        self.compile()

    def result(self) -> WordVectors:
        return WordVectors(self.words, (self.u + self.v).numpy()[:, : self.embedding_dim])

    def blocks(self) -> Iterator:
        """All pairs in random order."""
        order = self.rng.permutation(len(self.keys))
        for begin in range(0, len(order), BLOCK):
            chosen = order[begin : begin + BLOCK]
            i, j = np.divmod(self.keys[chosen], len(self.words))
            share = begin / len(order), min(begin + BLOCK, len(order)) / len(order)
            yield *share, (i.astype(np.int32), j.astype(np.int32), self.meetings[chosen])

    def step(self, i, j, x, progress):
        del progress  # AdaGrad's steps shrink by themselves
        loss, du, dv = self.gradients(tf.gather(self.u, i), tf.gather(self.v, j), x)
        for table, squares, ids, gradient in (
            (self.u, self.u_squares, i, du),
            (self.v, self.v_squares, j, dv),
        ):
            squares.scatter_add(tf.IndexedSlices(gradient**2, ids))
            change = -self.learning_rate * gradient * tf.math.rsqrt(tf.gather(squares, ids))
            table.scatter_add(tf.IndexedSlices(change, ids))
        return loss

    def loss_and_gradients(self, u, v, x):
        """J / B for B pairs, and half the gradients of J: u, v (B, embedding_dim + 1), x (B,)."""
        weight = tf.minimum((x / self.x_max) ** 0.75, 1)
        error = tf.reduce_sum(u[:, :-1] * v[:, :-1], 1) + u[:, -1] + v[:, -1] - tf.math.log(x)
        slope = (weight * error)[:, None]
        du = tf.concat([slope * v[:, :-1], slope], 1)
        dv = tf.concat([slope * u[:, :-1], slope], 1)
        return tf.reduce_mean(weight * error**2), du, dv


def cooccurrences(line: np.ndarray, sentence: np.ndarray, size: int, window: int, block=BLOCK):
    """Counts of words that meet, weighted with 1/distance, in both orders.

    Args:
        line: word ids of the corpus, one after the other.
        sentence: number of the sentence of each.
        size: number of distinct words.
        window: largest distance, in words.
        block: number of words to count before the counts are merged.

    Returns:
        Sorted keys i * size + j (int64), and the sums (float32) for each.

    Example:
        >>> keys, sums = cooccurrences(np.array([0, 1, 0]), np.array([0, 0, 0]), 2, window=2)
        >>> keys.tolist(), sums.tolist()  # the pairs 00, 01 and 10
        ([0, 1, 2], [1.0, 2.0, 2.0])
    """
    keys, sums = np.zeros(0, np.int64), np.zeros(0)
    for begin in range(0, len(line), block):
        parts, weights = [keys], [sums]
        for distance in range(1, window + 1):
            first = np.arange(begin, min(begin + block, len(line) - distance))
            first = first[sentence[first] == sentence[first + distance]]
            i, j = line[first].astype(np.int64), line[first + distance].astype(np.int64)
            parts += [i * size + j, j * size + i]
            weights += [np.full(2 * len(first), 1 / distance)]
        keys, where = np.unique(np.concatenate(parts), return_inverse=True)
        sums = np.bincount(where, np.concatenate(weights), len(keys))
    return keys, sums.astype(np.float32)
