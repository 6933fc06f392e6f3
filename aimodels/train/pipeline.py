"""Batches for every replica: shuffled, divided, and the same again after a restart."""

import collections

import numpy as np
import tensorflow as tf


def batches(examples, batch_size: int, *, shuffle: int = 0, seed: int = 0):
    """Batches of examples, each divided evenly among the replicas of the strategy in whose scope
    this is called.

    Every worker reads all examples and keeps its part of each batch, so that the global batches are
    the same for any number of replicas.

    Args:
        examples: a finite `tf.data.Dataset` of single examples, or arrays (a tuple of them, a
            dictionary), whose first axis is the examples; or a function from the number of the
            epoch, a tensor, to such a dataset, always of one size: new examples for each epoch.
        batch_size: size of the global batch, over all replicas.
        shuffle: size of the blocks of examples that are shuffled, all of them if it is their
            number; 0 keeps the order. It depends on `seed` and on the epoch alone: see `Backup`.
        seed: seed of the shuffling.

    Returns:
        A dataset for `fit`. On a TPU the last batch is left out if it is not full: shapes are fixed
        there.

    Raises:
        ValueError: if the batch is smaller than the number of replicas.
    """
    current = tf.distribute.get_strategy()
    replicas = current.num_replicas_in_sync
    if batch_size < replicas:
        raise ValueError(
            f"batch_size={batch_size} is the global batch, and each of {replicas} replicas needs "
            f"an example: take {replicas} or more"
        )
    if not callable(examples) and not isinstance(examples, tf.data.Dataset):
        examples = tf.data.Dataset.from_tensor_slices(examples)
    changes = bool(shuffle) or callable(examples)
    of_epoch = examples if callable(examples) else lambda epoch, same=examples: same
    examples = of_epoch(tf.constant(0, tf.int64))
    fixed = isinstance(current, tf.distribute.TPUStrategy)
    if fixed and batch_size % replicas:
        raise ValueError(f"on a TPU batch_size={batch_size} must be a multiple of {replicas}")
    epochs = _Epochs()

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
        number, of = context.input_pipeline_id, context.num_input_pipelines
        dataset = examples
        if changes:
            epoch = tf.data.Dataset.from_tensors(number).map(epochs.next_of)
            dataset = epoch.flat_map(lambda epoch: _shuffled(of_epoch(epoch), shuffle, seed, epoch))
            if examples.cardinality() >= 0:
                known = tf.data.experimental.assert_cardinality(examples.cardinality())
                dataset = dataset.apply(known)
        dataset = dataset.batch(batch_size, drop_remainder=fixed)
        if replicas > 1:
            dataset = dataset.flat_map(_Parts(replicas, number * replicas // of, replicas // of))
        # TensorFlow's tuner of data pipelines sleeps longer and longer, up to a minute, and each
        # epoch's end waits for it to wake. Without it AUTOTUNE means a thread for each core.
        options = tf.data.Options()
        options.autotune.enabled = bool(examples.options().autotune.enabled)
        return dataset.prefetch(2).with_options(options)

    result = current.distribute_datasets_from_function(pipeline)
    if not isinstance(result, tf.data.Dataset):
        steps = examples.batch(batch_size, drop_remainder=fixed)
        known = steps.cardinality() != tf.data.UNKNOWN_CARDINALITY
        number = int(steps.cardinality()) if known else sum(1 for _ in steps)
        # TensorFlow would count parts, and without a number Keras asks once too often: parts of
        # that step then run on no example at all.
        kind = type(result)
        result.__class__ = type(kind.__name__, (kind,), {"cardinality": number})
    result.epochs = epochs
    return result


def _shuffled(examples, size: int, seed: int, epoch: tf.Tensor) -> tf.data.Dataset:
    """Blocks of `size` examples, each in an order that depends on seed, epoch and block alone."""
    if not size:
        return examples

    def permuted(number, block):
        count = tf.shape(tf.nest.flatten(block)[0])[0]
        seeds = tf.stack([seed + 1_000_003 * number, epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seeds)
        return tf.nest.map_structure(lambda t: tf.gather(t, order), block)

    return examples.batch(size).enumerate().map(permuted).unbatch()


class _Epochs:
    """The number of times a dataset was iterated over: its order depends on it."""

    def __init__(self):
        self._next = collections.defaultdict(int)
        self._first = 0

    def start(self, epoch: int) -> None:
        """The next pass is this one."""
        self._next.clear()
        self._first = epoch

    def next_of(self, pipeline: tf.Tensor) -> tf.Tensor:
        number = tf.numpy_function(self._count, [pipeline], tf.int64)
        return tf.ensure_shape(number, ())

    def _count(self, pipeline) -> np.int64:
        self._next[int(pipeline)] += 1
        return np.int64(self._first + self._next[int(pipeline)] - 1)


class _Parts:
    """A global batch -> the parts of the replicas `first`, `first` + 1, ... of one machine."""

    def __init__(self, replicas: int, first: int, number: int):
        self.replicas, self.first, self.number = replicas, first, number

    def __call__(self, *batch) -> tf.data.Dataset:
        batch = batch if len(batch) > 1 else batch[0]
        flat = tf.nest.flatten(batch)
        if flat[0].shape[0]:  # on a TPU
            size = flat[0].shape[0] // self.replicas
            return (
                tf.data.Dataset.from_tensor_slices(batch)
                .batch(size, drop_remainder=True)
                .skip(self.first)
                .take(self.number)
            )
        size = tf.shape(flat[0], tf.int64)[0]

        def part(i):
            begin, end = size * i // self.replicas, size * (i + 1) // self.replicas
            return tf.nest.map_structure(lambda t: t[begin:end], batch)

        return tf.data.Dataset.range(self.first, self.first + self.number).map(part)
