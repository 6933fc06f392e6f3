r"""Word vectors, trained by `SkipGram`, `CBOW`, `FastText` or `GloVe`.

Training is batched. The corpus is one long line of word numbers, cut into stretches of n words
with a margin of `window` words on both sides. For all pairs of a centre and a neighbour in a
stretch, and of a centre and a noise word, a few small matrix products are enough, where word2vec
takes one pair after the other. Noise words are drawn once a stretch and shared by its n centres,
with a weight that keeps the expected gradient that of `negative` noise words for each pair.
"""

import functools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from aimodels.arguments import whole
from aimodels.word_vectors import (
    UnknownWordError,
    WordVectors,
    evaluate_analogies,
    evaluate_similarity,
)

__all__ = [
    "CBOW",
    "FastText",
    "GloVe",
    "SkipGram",
    "UnknownWordError",
    "WordVectors",
    "cooccurrences",
    "evaluate_analogies",
    "evaluate_similarity",
]

STRETCH, NOISE = 32, 16  # centres in a stretch, and noise words they share
BLOCK = 1 << 20  # words prepared at a time


class _Trainer:
    """What the models share: counting words, preparing batches beside training, the loop."""

    def __init__(self, dim, window, min_count, learning_rate, batch_size, seed, xla):
        whole(dim=dim, window=window, min_count=min_count, batch_size=batch_size)
        if not learning_rate > 0:
            raise ValueError(f"learning_rate must be positive; got {learning_rate!r}")
        self.dim, self.window, self.min_count = dim, window, min_count
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.seed, self.xla = seed, xla
        self.rng = np.random.default_rng(seed)
        self.words: list[str] = []

    @property
    def vectors(self) -> WordVectors:
        """The trained vectors.

        Raises:
            ValueError: before `fit`.
        """
        if not self.words:
            raise ValueError("nothing is trained yet: call fit(sentences) first")
        return self.result()

    def fit(self, sentences: Iterable[Sequence[str]], epochs: int = 5):
        """Count the words, build the tables, train.

        Args:
            sentences: lists of words; windows never cross from one to the next.
            epochs: passes over them.

        Returns:
            The model itself; `vectors` has the result, `losses` the mean loss of each batch.

        Raises:
            TypeError: if a sentence is a string.
            ValueError: if fewer than two words come `min_count` times.
        """
        self.count(sentences)
        self.build()
        return self.train(epochs)

    def count(self, sentences: Iterable[Sequence[str]]) -> None:
        """Number the words, the most frequent 0; the corpus becomes one long line of numbers."""
        index, line, lengths = {}, array("i"), array("i")
        for sentence in sentences:
            if isinstance(sentence, str):
                raise TypeError(f"a sentence is a list of words, not a string: {sentence[:40]!r}")
            line.extend([index.setdefault(word, len(index)) for word in sentence])
            lengths.append(len(sentence))
        ids = np.frombuffer(line, np.int32) if line else np.zeros(0, np.int32)
        counts = np.bincount(ids, minlength=len(index))
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] >= self.min_count]
        if len(order) < 2:
            raise ValueError(
                f"{len(order)} of {len(index)} words come min_count={self.min_count} times: "
                "give more text, or a smaller min_count"
            )
        names, new = list(index), np.full(len(index), -1, np.int32)
        new[order] = np.arange(len(order))
        known = new[ids] >= 0
        self.words, self.counts = [names[i] for i in order], counts[order]
        self.line, self.losses = new[ids][known], np.zeros(0, np.float32)
        self.sentence = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[known]

    def train(self, epochs: int) -> "_Trainer":
        """Train on; while a block is in work, a second thread prepares the next."""
        whole(epochs=epochs)
        blocks = (
            (*block, np.float32((epoch + begin) / epochs), np.float32((epoch + end) / epochs))
            for epoch in range(epochs)
            for begin, end, block in self.blocks()
        )
        losses = [self.losses]
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(next, blocks, None)
            while (block := upcoming.result()) is not None:
                upcoming = pool.submit(next, blocks, None)
                losses.append(self.run(*map(tf.convert_to_tensor, block)).numpy())
        self.losses = np.concatenate(losses)
        return self

    def compile(self) -> None:
        """The loop over the batches of a block in one graph; the gradient in XLA if asked for."""
        self.gradients = tf.function(self.loss_and_gradients, jit_compile=self.xla)
        # A partial of its own: else TensorFlow counts all models as one that is traced anew.
        self.run = tf.function(functools.partial(self.loop), reduce_retracing=True)

    def loop(self, *block):
        *arrays, begin, end = block
        size = self.items_per_batch
        steps = (tf.shape(arrays[0])[0] + size - 1) // size
        losses = tf.TensorArray(tf.float32, steps)
        for i in tf.range(steps):
            progress = begin + (end - begin) * tf.cast(i, tf.float32) / tf.cast(steps, tf.float32)
            batch = [a[i * size : (i + 1) * size] for a in arrays]
            losses = losses.write(i, self.step(*batch, progress))
        return losses.stack()


class SkipGram(_Trainer):
    r"""Every word predicts its neighbours [mikolov2013efficient, mikolov2013distributed].

    Word w has a vector $x_w$ as a centre and $y_w$ as a neighbour. A centre i with neighbours
    $j \in C_i$, at most $R_i$ words away, $R_i$ uniform on 1..window, and k noise words for each:

    $$ L = -\sum_i \sum_{j \in C_i} \Big[ \ln\sigma(x_i^\top y_j)
       + \frac{k}{K} \sum_{n=1}^{K} \ln\sigma(-x_i^\top y_n) \Big] $$

    The K noise words, drawn with probability $\propto \text{count}^{3/4}$, are shared by the
    centres of a stretch. `losses` has L divided by the number of pairs, a number for each batch:
    $(1 + k) \ln 2$ at the start, as all $y$ begin at 0. The step is word2vec's: each vector minus
    learning rate times the sum of its gradients; the rate falls in a line to 1/250 of itself.

    Args:
        dim: numbers in a vector.
        window: how far a neighbour is at most.
        negative: k, noise words for each pair.
        min_count: rarer words are left out.
        subsample: t; a word of frequency f is kept with probability
            $\min(1, \sqrt{t/f} + t/f)$, anew in each epoch. 0 keeps all.
        learning_rate: of the first step.
        batch_size: centres in a step. The steps of a word add up, so with few different words
            take a smaller one.
        seed: the same seed gives the same vectors.
        xla: compile the gradient with XLA.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Example:
        >>> sentences = [["red", "apple"], ["green", "apple"], ["red", "car"]] * 20
        >>> model = SkipGram(dim=8, window=2, min_count=1, subsample=0).fit(sentences, epochs=2)
        >>> len(model.vectors), model.vectors["apple"].shape
        (4, (8,))
        >>> bool(abs(model.losses[0] - (1 + 5) * np.log(2)) < 1e-5)
        True
    """

    def __init__(
        self,
        dim: int = 100,
        window: int = 5,
        negative: int = 5,
        min_count: int = 5,
        subsample: float = 1e-3,
        learning_rate: float = 0.025,
        batch_size: int = 1024,
        seed: int = 0,
        xla: bool = False,
    ):
        super().__init__(dim, window, min_count, learning_rate, batch_size, seed, xla)
        whole(negative=negative)
        if not subsample >= 0:
            raise ValueError(f"subsample must be 0 or more; got {subsample!r}")
        self.negative, self.subsample = negative, subsample
        self.items_per_batch = max(batch_size // STRETCH, 1)

    def build(self) -> None:
        """The tables x (small random numbers) and y (zeros), and the graph."""
        self.x = tf.Variable(self.start(len(self.words)))
        self.y = tf.Variable(tf.zeros((len(self.words), self.dim)))
        self.compile()

    def start(self, rows: int) -> np.ndarray:
        return self.rng.uniform(-0.5, 0.5, (rows, self.dim)).astype(np.float32) / self.dim

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
            x: vectors of the centres, (B, n, dim).
            y: vectors of the stretch's words, (B, n + 2w, dim).
            z: vectors y of the noise words, (B, K, dim).
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

    def __init__(self, dim: int = 100, *args, learning_rate: float = 0.075, **kwargs):
        super().__init__(dim, *args, learning_rate=learning_rate, **kwargs)

    def roles(self, words):
        return words, words[:, self.window : -self.window]

    def loss_and_gradients(self, x, y, z, pairs):
        """As `SkipGram`'s; here x are the stretch's words, (B, n + 2w, dim), y the centres."""
        number = tf.reduce_sum(pairs, 2, keepdims=True)
        mean = pairs / tf.maximum(number, 1)
        predicts = tf.minimum(number, 1)  # 0 for a word without neighbours
        share = predicts * (self.negative / z.shape[1])
        h = mean @ x  # (B, n, dim)
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


class FastText(SkipGram):
    r"""`SkipGram` whose $x_w$ is made of the word's letters [bojanowski2017].

    The word between the signs < and >, and all its pieces of `min_n` to `max_n` characters, are
    the set $G_w$; every piece has a vector $g$, in a table of `buckets` rows chosen by a hash:

    $$ x_w = |G_w|^{-1/2} \sum_{p \in G_w} g_p $$

    The paper's sum, with a factor that makes steps equally large for short and long words. An
    unseen word has pieces too, and so a vector: `model.vectors["unseen"]`.

    Args:
        dim: as in `SkipGram`, like all arguments not named here.
        min_n: shortest piece, in characters.
        max_n: longest piece.
        buckets: rows of the table of pieces; pieces of the same hash share one.

    Reference:
        [bojanowski2017]
    """

    def __init__(
        self,
        dim: int = 100,
        *args,
        min_n: int = 3,
        max_n: int = 6,
        buckets: int = 200_000,
        **kwargs,
    ):
        super().__init__(dim, *args, **kwargs)
        if not 1 <= min_n <= max_n or buckets < 1:
            raise ValueError(f"1 <= min_n <= max_n, buckets >= 1; got {min_n}, {max_n}, {buckets}")
        self.min_n, self.max_n, self.buckets = min_n, max_n, buckets

    def pieces(self, word: str) -> list[int]:
        """Rows of the word's pieces of letters."""
        word = f"<{word}>"
        sizes = range(self.min_n, self.max_n + 1)
        pieces = [word[i : i + n] for n in sizes for i in range(len(word) - n + 1)]
        return [fnv1a(p.encode()) % self.buckets for p in pieces if p not in ("<", ">")]

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
            tf.gather(self.compose(pieces), where), [*tf.unstack(tf.shape(ids)), self.dim]
        )

    def compose(self, pieces: tf.RaggedTensor):
        rows = pieces.with_values(tf.gather(self.x, pieces.values))
        number = tf.cast(pieces.row_lengths(), tf.float32)
        return tf.reduce_sum(rows, 1) / tf.sqrt(number)[:, None]

    def update(self, ids, change) -> None:
        different, where = tf.unique(tf.reshape(ids, [-1]))
        change = tf.reshape(change, [-1, self.dim])
        change = tf.math.unsorted_segment_sum(change, where, tf.size(different))
        pieces = tf.gather(self.known, different)
        change /= tf.sqrt(tf.cast(pieces.row_lengths(), tf.float32))[:, None]
        change = tf.gather(change, pieces.value_rowids())
        self.x.scatter_add(tf.IndexedSlices(change, pieces.values))

    def result(self) -> WordVectors:
        return WordVectors(self.words, self.compose(self.known).numpy(), unseen=self.unseen)

    def unseen(self, word: str) -> np.ndarray:
        """The vector of any word by its pieces alone; zeros if it has none."""
        rows = self.x.numpy()[self.pieces(word)] if self.pieces(word) else np.zeros((1, self.dim))
        return (rows.sum(0) / len(rows) ** 0.5).astype(np.float32)


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


class GloVe(_Trainer):
    r"""Vectors whose products give the logarithm of how often words meet [pennington2014].

    $X_{ij}$ sums 1/distance over all meetings of i and j at most `window` words apart:

    $$ J = \sum_{X_{ij} > 0} f(X_{ij}) \big(u_i^\top v_j + b_i + c_j - \ln X_{ij}\big)^2,
       \qquad f(x) = \min\big(1, (x / x_{max})^{3/4}\big) $$

    Trained by AdaGrad: each number is divided by the root of the sum of its squared gradients.
    The pairs are counted block by block and merged as sorted lists, so memory holds the different
    pairs, never V x V numbers. `vectors` are u + v; `losses` has J divided by the number of pairs.

    Args:
        dim: numbers in a vector.
        window: how far apart two words meet at most.
        min_count: rarer words are left out.
        x_max: where the weight f reaches 1.
        learning_rate: of AdaGrad.
        batch_size: pairs in a step.
        seed: the same seed gives the same vectors.
        xla: compile the gradient with XLA.

    Raises:
        ValueError: if an argument is out of range; it says which.
    """

    def __init__(
        self,
        dim: int = 100,
        window: int = 10,
        min_count: int = 5,
        x_max: float = 100.0,
        learning_rate: float = 0.05,
        batch_size: int = 4096,
        seed: int = 0,
        xla: bool = False,
    ):
        super().__init__(dim, window, min_count, learning_rate, batch_size, seed, xla)
        if not x_max > 0:
            raise ValueError(f"x_max must be positive; got {x_max!r}")
        self.x_max, self.items_per_batch = x_max, batch_size

    def build(self) -> None:
        """Count the meetings; tables u, v with the bias as their last number, and the graph."""
        self.keys, self.meetings = cooccurrences(
            self.line, self.sentence, len(self.words), self.window
        )
        shape = (len(self.words), self.dim + 1)
        start = self.rng.uniform(-0.5, 0.5, (2, *shape)).astype(np.float32) / self.dim
        self.u, self.v = tf.Variable(start[0]), tf.Variable(start[1])
        self.u_squares, self.v_squares = tf.Variable(tf.ones(shape)), tf.Variable(tf.ones(shape))
        self.compile()

    def result(self) -> WordVectors:
        return WordVectors(self.words, (self.u + self.v).numpy()[:, : self.dim])

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
        """J / B for B pairs, and half the gradients of J: u, v (B, dim + 1), x (B,)."""
        weight = tf.minimum((x / self.x_max) ** 0.75, 1)
        error = tf.reduce_sum(u[:, :-1] * v[:, :-1], 1) + u[:, -1] + v[:, -1] - tf.math.log(x)
        slope = (weight * error)[:, None]
        du = tf.concat([slope * v[:, :-1], slope], 1)
        dv = tf.concat([slope * u[:, :-1], slope], 1)
        return tf.reduce_mean(weight * error**2), du, dv


def cooccurrences(line: np.ndarray, sentence: np.ndarray, size: int, window: int, block=BLOCK):
    """How often words meet, weighted with 1/distance, both ways round.

    Args:
        line: numbers of the words of the corpus, one after the other.
        sentence: the number of each one's sentence.
        size: how many different words.
        window: the largest distance.
        block: how many words are counted before the counts are merged.

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
