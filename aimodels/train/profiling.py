r"""What a model costs, and what a machine gives: FLOPs, bytes, memory, examples per second.

A computation of $F$ floating point operations that moves $B$ bytes has the arithmetic intensity
$I = F / B$. A machine with a peak of $\pi$ FLOP/s and a memory bandwidth of $\beta$ bytes/s reaches
at most

$$ \min(\pi,\; \beta I) \quad \text{FLOP/s} $$

the roofline.
"""

import ctypes
import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import psutil
import tensorflow as tf

# Operations that hand a tensor on without touching its numbers.
_FREE = {"Const", "ExpandDims", "Identity", "Placeholder", "ReadVariableOp", "Reshape", "Squeeze"}
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h


@dataclass(frozen=True)
class Cost:
    """Of one pass: floating point operations, and bytes read and written."""

    flops: int
    bytes: int

    @property
    def intensity(self) -> float:
        return self.flops / self.bytes


def cost(model: keras.Model, batch_size: int = 1, training: bool = False) -> Cost:
    """Count a forward pass, or forward and backward pass, with TensorFlow's own profiler.

    A multiplication and an addition are two operations. Bytes are what every operation reads and
    writes, one by one: what fusion (XLA) saves is still in them.

    Args:
        model: built, its inputs of known size but for the batch.
        batch_size: how many examples.
        training: count the gradient of the outputs' sum, too.

    Raises:
        ValueError: if an input has an open size besides the batch.

    Example:
        >>> inputs = keras.Input((100,))
        >>> model = keras.Model(inputs, keras.layers.Dense(10, use_bias=False)(inputs))
        >>> cost(model, batch_size=8).flops == 2 * 8 * 100 * 10
        True
    """
    specs = []
    for tensor in keras.tree.flatten(model.inputs):
        if None in tensor.shape[1:]:
            raise ValueError(f"{tensor.name} has the shape {tensor.shape}: only the batch may vary")
        specs.append(tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype))
    variables = [variable.value for variable in model.trainable_variables]

    def passes(*inputs):
        inputs = keras.tree.pack_sequence_as(model.input, inputs)
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=training)
        return tape.gradient(outputs, variables) if training else outputs

    graph = tf.function(passes).get_concrete_function(*specs).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options = tf.compat.v1.profiler.ProfileOptionBuilder(options).with_empty_output().build()
    log = tf.get_logger()
    level = log.level
    log.setLevel("ERROR")  # it warns of its own use of old functions
    try:
        counted = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
    finally:
        log.setLevel(level)
    counted += sum(_einsum_flops(op) for op in graph.get_operations() if op.type == "Einsum")
    moving = [op for op in graph.get_operations() if op.type not in _FREE]
    return Cost(counted, sum(_bytes(t) for op in moving for t in [*op.inputs, *op.outputs]))


def _einsum_flops(op: tf.Operation) -> int:
    """The profiler does not know Einsum: two for each combination of all its indices."""
    inputs = op.get_attr("equation").decode().partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for letters, tensor in zip(inputs, op.inputs, strict=True):
        sizes |= dict(zip(letters, tensor.shape, strict=True))
    return 2 * int(np.prod([*sizes.values()], dtype=np.int64)) if len(inputs) > 1 else 0


def _bytes(tensor) -> int:
    shape = tensor.shape
    return tensor.dtype.size * (shape.num_elements() or 0) if shape.rank is not None else 0


def memory_budget(model: keras.Model, batch_size: int) -> dict[str, int]:
    """Bytes that training needs at least, by what they are for.

    Args:
        model: compiled.
        batch_size: number of examples on the device at once: the batch, divided by
            `num_microbatches` (above 1 the gradients come twice, the sum so far and the piece's,
            and the batch's outputs stay for the metrics).

    Returns:
        "weights", "gradients", "optimizer" (its slots), and "activations" (every layer's output,
        kept for the backward pass).

    Raises:
        ValueError: if the model has no optimizer.

    Example:
        >>> inputs = keras.Input((100,))
        >>> model = keras.Model(inputs, keras.layers.Dense(10)(inputs))
        >>> model.compile("adam", "mse")
        >>> memory_budget(model, batch_size=8)["optimizer"] // 1000  # two moments
        8
    """
    if getattr(model, "optimizer", None) is None:
        raise ValueError("the model has no optimizer: compile it first")
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    outputs = [operation.output for operation in model.operations]
    return {
        "weights": _size(model.variables),
        "gradients": _size(model.trainable_variables),
        "optimizer": _size(model.optimizer.variables),
        "activations": _size(keras.tree.flatten(outputs), batch_size),
    }


def _size(tensors, batch_size: int = 1) -> int:
    return sum(
        tf.as_dtype(t.dtype).size * math.prod(batch_size if n is None else n for n in t.shape)
        for t in tensors
    )


def peak_memory(function: Callable[[], object]) -> int:
    """Bytes that TensorFlow held at most while the function ran, beyond what it held before.

    The size of a process tells little about it: allocators keep what was freed, for the next time.
    Where TensorFlow's own allocator counts (on a GPU; on a CPU with oneDNN), its count is returned.
    Elsewhere the size of the process is sampled every 2 ms and at the end, before the result is
    dropped, which sees NumPy's arrays, too; glibc is asked to give freed memory back at once
    meanwhile. Run something smaller of the same kind before, so that TensorFlow's own start and
    compiling do not count.

    Example:
        >>> peak_memory(lambda: tf.ones(10**7)) > 3.9 * 10**7
        True
    """
    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0]
    try:
        before = tf.config.experimental.get_memory_info(device.name)["current"]
    except ValueError:  # this allocator does not count
        return _growth(function)
    tf.config.experimental.reset_memory_stats(device.name)
    function()
    return tf.config.experimental.get_memory_info(device.name)["peak"] - before


def _growth(function: Callable[[], object]) -> int:
    """Bytes that the process grew by at most."""
    process, done = psutil.Process(), threading.Event()
    glibc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if glibc:
        glibc.mallopt(_MMAP_THRESHOLD, 2**18)  # each larger block is mapped, and unmapped, alone
        glibc.malloc_trim(0)
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        result = function()
        # Once more while the result is held: on a busy machine the thread may not get its turn.
        peak = max(peak, process.memory_info().rss)
        del result
    finally:
        done.set()
        watcher.join()
        if glibc:
            glibc.mallopt(_MMAP_THRESHOLD, 2**25)  # to where glibc raises it by itself
    return peak - before


def machine(seconds: float = 0.5) -> tuple[float, float]:
    """This machine's peak FLOP/s and bytes/s, as a large matrix product and a long sum reach them.

    Example:
        >>> peak, bandwidth = machine(seconds=0.05)
        >>> peak > 1e8 and bandwidth > 1e7
        True
    """
    matrix = tf.ones((1024, 1024))
    long = tf.ones(2**24)
    product = _rate(lambda: tf.matmul(matrix, matrix)[0, 0], seconds)
    total = _rate(lambda: tf.reduce_sum(long), seconds)
    return 2 * 1024**3 * product, 4 * 2**24 * total


def _rate(function: Callable[[], tf.Tensor], seconds: float) -> float:
    """Calls a second; the best of several, since a machine is only ever slower than it can be."""
    best, end = 0.0, time.perf_counter() + seconds
    while not best or time.perf_counter() < end:
        began = time.perf_counter()
        function().numpy()  # a single number: waits, and copies nothing large
        best = max(best, 1 / (time.perf_counter() - began))
    return best


class Throughput(keras.callbacks.Callback):
    """Adds to the logs of each epoch of two steps or more the examples, or tokens, a second.

    The first step of an epoch is not counted: in it TensorFlow may trace the graph.

    Args:
        per_step: how many a step has: the global batch, times the tokens of an example.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        >>> model.compile("sgd", "mse")
        >>> x = np.zeros((64, 4))
        >>> history = model.fit(x, x[:, :1], verbose=0, callbacks=[Throughput(32)])
        >>> history.history["per_second"][0] > 0
        True
    """

    def __init__(self, per_step: int):
        super().__init__()
        self.per_step = per_step

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self.steps, self.began = 0, None

    def on_train_batch_end(self, batch, logs=None) -> None:
        if self.began is None:
            self.began, self.first = time.perf_counter(), batch
        self.steps = batch - self.first
        self.ended = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None) -> None:
        if self.steps:
            logs["per_second"] = self.per_step * self.steps / (self.ended - self.began)
