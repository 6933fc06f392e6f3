"""What the word-vector models share: counting words, preparing batches, the training loop."""

import functools
from array import array
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from aimodels.checks import check_positive_int
from aimodels.embeddings.word_vectors import WordVectors

STRETCH, NOISE = 32, 16  # centres per stretch, and noise words that they share
BLOCK = 1 << 20  # words prepared at a time


class _Trainer:
    """Base of the word-vector models; a subclass defines `build`, `blocks`, `step` and `result`."""

    def __init__(
        self, embedding_dim, window, min_count, learning_rate, batch_size, seed, jit_compile
    ):
        check_positive_int(
            embedding_dim=embedding_dim, window=window, min_count=min_count, batch_size=batch_size
        )
        if not learning_rate > 0:
            raise ValueError(f"learning_rate must be positive; got {learning_rate!r}")
        self.embedding_dim, self.window, self.min_count = embedding_dim, window, min_count
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.seed, self.jit_compile = seed, jit_compile
        self.rng = np.random.default_rng(seed)
        self.words: list[str] = []

    @property
    def vectors(self) -> WordVectors:
        """The trained vectors.

        Raises:
            ValueError: before `fit`.
        """
        if not self.words:
            raise ValueError("the model is not trained yet: call fit(sentences) first")
        return self.result()

    def fit(self, sentences: Iterable[Sequence[str]], epochs: int = 5):
        """Count the words, build the tables, train.

        Args:
            sentences: lists of words; windows never cross from one sentence to the next.
            epochs: number of passes over the sentences.

        Returns:
            The model itself; `vectors` holds the result, `losses` the mean loss of each batch.

        Raises:
            TypeError: if a sentence is a string.
            ValueError: if fewer than two words occur `min_count` times.
        """
        self.count(sentences)
        self.build()
        return self.train(epochs)

    def count(self, sentences: Iterable[Sequence[str]]) -> None:
        """Number the words, the most frequent 0; the corpus becomes one long line of word ids."""
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
                f"{len(order)} of {len(index)} words occur min_count={self.min_count} times: "
                "use more text, or a smaller min_count"
            )
        names, new = list(index), np.full(len(index), -1, np.int32)
        new[order] = np.arange(len(order))
        known = new[ids] >= 0
        self.words, self.counts = [names[i] for i in order], counts[order]
        self.line, self.losses = new[ids][known], np.zeros(0, np.float32)
        self.sentence = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[known]

    def train(self, epochs: int) -> "_Trainer":
        """Continue the training; while a block is in work, a second thread prepares the next."""
        check_positive_int(epochs=epochs)
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
        """Make one graph of the loop over a block; XLA compiles its gradient if asked for."""
        self.gradients = tf.function(self.loss_and_gradients, jit_compile=self.jit_compile)
        # A partial per model: else TensorFlow takes all models for one that is traced again.
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
