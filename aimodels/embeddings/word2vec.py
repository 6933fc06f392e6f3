"""word2vec: word vectors that predict their neighbours [mikolov2013].

Training is batched. The corpus is one long line of word numbers, cut into stretches of n words
with a margin of `window` words on both sides. For all pairs of a centre and a neighbour in a
stretch, and of a centre and a noise word, a few small matrix products are enough, where word2vec
takes one pair after the other. Noise words are drawn once per stretch and shared by its n centres,
with a weight that keeps the expected gradient that of `negative` noise words for each pair.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from aimodels.checks import check_positive_int
from aimodels.embeddings.trainer import BLOCK, NOISE, STRETCH, _Trainer
from aimodels.embeddings.word_vectors import WordVectors


class SkipGram(_Trainer):
    r"""Every word predicts its neighbours [mikolov2013efficient, mikolov2013distributed].

    Word w has a vector $x_w$ as a centre and $y_w$ as a neighbour. A centre i with neighbours
    $j \in C_i$, at most $R_i$ words away, $R_i$ uniform on 1..window, and k noise words for each:

    $$ L = -\sum_i \sum_{j \in C_i} \Big[ \ln\sigma(x_i^\top y_j)
       + \frac{k}{K} \sum_{n=1}^{K} \ln\sigma(-x_i^\top y_n) \Big] $$

    The K noise words, drawn with probability $\propto \text{count}^{3/4}$, are shared by the
    centres of a stretch. `losses` has L divided by the number of pairs, one number per batch:
    $(1 + k) \ln 2$ at the start, as all $y$ begin at 0. The step is word2vec's: each vector minus
    learning rate times the sum of its gradients; the rate falls in a line to 1/250 of itself.

    Args:
        embedding_dim: size of each word's vector.
        window: largest distance of a neighbour, in words.
        negative: number of noise words per pair, k.
        min_count: smallest number of occurrences of a word; rarer words are left out.
        subsample: threshold t; a word of frequency f is kept with probability
            $\min(1, \sqrt{t/f} + t/f)$, drawn again in each epoch. 0 keeps all words.
        learning_rate: learning rate of the first step.
        batch_size: number of centres per step. The changes of a word add up within a step, so use
            a smaller one with few distinct words.
        seed: random seed; the same seed gives the same vectors.
        jit_compile: whether to compile the gradient with XLA.

    Raises:
        ValueError: if an argument is out of range; the message says which.

    Example:
        >>> sentences = [["red", "apple"], ["green", "apple"], ["red", "car"]] * 20
        >>> model = SkipGram(embedding_dim=8, window=2, min_count=1, subsample=0)
        >>> model = model.fit(sentences, epochs=2)
        >>> len(model.vectors), model.vectors["apple"].shape
        (4, (8,))
        >>> bool(abs(model.losses[0] - (1 + 5) * np.log(2)) < 1e-5)
        True
    """

    def __init__(
        self,
        embedding_dim: int = 100,
        window: int = 5,
        negative: int = 5,
        min_count: int = 5,
        subsample: float = 1e-3,
        learning_rate: float = 0.025,
        batch_size: int = 1024,
        seed: int = 0,
        jit_compile: bool = False,
    ):
        super().__init__(
            embedding_dim, window, min_count, learning_rate, batch_size, seed, jit_compile
        )
        check_positive_int(negative=negative)
        if not subsample >= 0:
            raise ValueError(f"subsample must be 0 or more; got {subsample!r}")
        self.negative, self.subsample = negative, subsample
        self.items_per_batch = max(batch_size // STRETCH, 1)

    def build(self) -> None:
        """The tables x (small random numbers) and y (zeros), and the graph."""
        self.x = tf.Variable(self.start(len(self.words)))
        self.y = tf.Variable(tf.zeros((len(self.words), self.embedding_dim)))
        self.compile()

    def start(self, rows: int) -> np.ndarray:
        return (
            self.rng.uniform(-0.5, 0.5, (rows, self.embedding_dim)).astype(np.float32)
            / self.embedding_dim
        )

    def result(self) -> WordVectors:
        return WordVectors(self.words, self.x.numpy())

    def blocks(self) -> Iterator:
        """Batches' material: stretches in random order, with what is drawn for them."""
        w, rng = self.window, self.rng
        frequency = self.counts / self.counts.sum()
        t = self.subsample or np.inf
        keep = np.sqrt(t / frequency) + t / frequency
        noise = np.cumsum(self.counts**0.75)
        for begin in range(0, len(self.line), BLOCK):
            line, sentence = (a[begin : begin + BLOCK] for a in (self.line, self.sentence))
            kept = rng.random(len(line)) < keep[line]
            line, sentence = line[kept], sentence[kept]
            size = self.items_per_batch
            count = -(-len(line) // (STRETCH * size)) * size  # full batches: one shape for XLA
            padding = (w, count * STRETCH - len(line) + w)
            words = np.pad(line, padding)
            none = -1 - np.arange(sum(padding), dtype=np.int32)  # sentences of one word: no pairs
            sentence = np.concatenate([none[:w], sentence, none[w:]])
            order = rng.permutation(count)
            words, sentence = (
                sliding_window_view(a, STRETCH + 2 * w)[::STRETCH][order] for a in (words, sentence)
            )
            radius = rng.integers(1, w + 1, (count, STRETCH), dtype=np.int32)
            drawn = np.searchsorted(noise, rng.random((count, NOISE)) * noise[-1], "right")
            end = min(begin + BLOCK, len(self.line))
            share = begin / len(self.line), end / len(self.line)
            yield *share, (words, sentence, radius, drawn.astype(np.int32))

    def step(self, words, sentence, radius, noise, progress):
        """One step of gradient descent on B stretches; returns the loss of a pair."""
        centres, neighbours = self.roles(words)
        x, y, z = self.look_up(centres), tf.gather(self.y, neighbours), tf.gather(self.y, noise)
        loss, dx, dy, dz = self.gradients(x, y, z, self.pairs(sentence, radius))
        rate = -self.learning_rate * tf.maximum(1 - progress, 1 / 250)
        self.update(centres, rate * dx)
        self.y.scatter_add(tf.IndexedSlices(rate * dy, neighbours))
        self.y.scatter_add(tf.IndexedSlices(rate * dz, noise))
        return loss

    def roles(self, words):
        """Which words' x and which words' y take part: centres (B, n), stretches (B, n + 2w)."""
        return words[:, self.window : -self.window], words

    def pairs(self, sentence, radius):
        """1 where the stretch's word is a neighbour of the centre, else 0: (B, n, n + 2w)."""
        w, n = self.window, STRETCH
        distance = tf.abs(tf.range(n)[:, None] + w - tf.range(n + 2 * w))
        near = (distance > 0) & (distance <= radius[:, :, None])
        same = sentence[:, w:-w, None] == sentence[:, None, :]
        return tf.cast(near & same, tf.float32)

    def loss_and_gradients(self, x, y, z, pairs):
        """The formula above for B stretches.

        Args:
            x: vectors of the centres, (B, n, embedding_dim).
            y: vectors of the stretch's words, (B, n + 2w, embedding_dim).
            z: vectors y of the noise words, (B, K, embedding_dim).
            pairs: from `pairs`, (B, n, n + 2w).

        Returns:
            Loss divided by the number of pairs, and the gradients of the sum: those of x, y, z.
        """
        share = tf.reduce_sum(pairs, 2, keepdims=True) * (self.negative / z.shape[1])
        positive = tf.matmul(x, y, transpose_b=True)  # (B, n, n + 2w)
        negative = tf.matmul(x, z, transpose_b=True)  # (B, n, K)
        loss = tf.reduce_sum(pairs * tf.nn.softplus(-positive))
        loss += tf.reduce_sum(share * tf.nn.softplus(negative))
        d_positive = -pairs * tf.sigmoid(-positive)
        d_negative = share * tf.sigmoid(negative)
        dx = d_positive @ y + d_negative @ z
        dy = tf.matmul(d_positive, x, transpose_a=True)
        dz = tf.matmul(d_negative, x, transpose_a=True)
        return loss / tf.maximum(tf.reduce_sum(pairs), 1), dx, dy, dz

    def look_up(self, ids):
        return tf.gather(self.x, ids)

    def update(self, ids, change) -> None:
        self.x.scatter_add(tf.IndexedSlices(change, ids))


class CBOW(SkipGram):
    r"""The mean of the neighbours predicts the word between them [mikolov2013efficient].

    $$ h_i = \frac{1}{|C_i|} \sum_{j \in C_i} x_j, \qquad L = -\sum_i \Big[ \ln\sigma(h_i^\top y_i)
       + \frac{k}{K} \sum_{n=1}^{K} \ln\sigma(-h_i^\top y_n) \Big] $$

    over the words i that have neighbours. Arguments and results as in `SkipGram`; the gradient of
    each $x_j$ has the factor $1 / |C_i|$, so the default rate is larger.
    """

    def __init__(self, embedding_dim: int = 100, *args, learning_rate: float = 0.075, **kwargs):
        super().__init__(embedding_dim, *args, learning_rate=learning_rate, **kwargs)

    def roles(self, words):
        return words, words[:, self.window : -self.window]

    def loss_and_gradients(self, x, y, z, pairs):
        """As `SkipGram`'s; x are the stretch's words, (B, n + 2w, embedding_dim), y the centres."""
        number = tf.reduce_sum(pairs, 2, keepdims=True)
        mean = pairs / tf.maximum(number, 1)
        predicts = tf.minimum(number, 1)  # 0 for a word without neighbours
        share = predicts * (self.negative / z.shape[1])
        h = mean @ x  # (B, n, embedding_dim)
        positive = tf.reduce_sum(h * y, 2, keepdims=True)
        negative = tf.matmul(h, z, transpose_b=True)
        loss = tf.reduce_sum(predicts * tf.nn.softplus(-positive))
        loss += tf.reduce_sum(share * tf.nn.softplus(negative))
        d_positive = -predicts * tf.sigmoid(-positive)
        d_negative = share * tf.sigmoid(negative)
        dh = d_positive * y + d_negative @ z
        dx = tf.matmul(mean, dh, transpose_a=True)
        dz = tf.matmul(d_negative, h, transpose_a=True)
        return loss / tf.maximum(tf.reduce_sum(predicts), 1), dx, d_positive * h, dz
