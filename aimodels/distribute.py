"""The same training code on one device, several, several machines, or a TPU.

The engine is `tf.distribute`: every replica holds a copy of the model and sees its part of each
global batch. This module chooses the strategy, gives each replica its examples, keeps what a run
needs to go on after a crash, and says early and in one sentence what is wrong with a cluster.
"""

import collections
import itertools
import json
import os
import re
import socket
import tempfile
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

KINDS = ("auto", "one", "devices", "workers", "slurm", "kubernetes", "tpu")
_cluster = None  # the resolver of the workers' cluster, once this process is in one


class DistributeError(RuntimeError):
    """The devices or the cluster are not as asked; the message says what to do."""


def logical_devices(number: int) -> list[str]:
    """Split the processor into so many devices, to study on a laptop what many GPUs do.

    Call it before TensorFlow computes anything: devices cannot change later.

    Raises:
        DistributeError: if TensorFlow has already begun, with other devices.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(number)]
    try:
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:
        found = len(tf.config.list_logical_devices("CPU"))
        if found < number:
            raise DistributeError(
                f"TensorFlow already runs with {found} processor device(s), {number} are wanted: "
                "restart the kernel and call logical_devices first"
            ) from error
    return [device.name for device in tf.config.list_logical_devices("CPU")][:number]


def strategy(
    kind: str = "auto", devices: int | None = None, timeout: float = 120.0
) -> tf.distribute.Strategy:
    """The strategy for this machine, in whose `scope()` a model is built and compiled.

    Args:
        kind: "one" device; "devices": all GPUs, or else all logical processor devices; "workers":
            the machines in `TF_CONFIG`; "slurm", "kubernetes": the machines of such a job, as
            TensorFlow's resolvers find them; "tpu". "auto" is a TPU if one is attached, the workers
            if `TF_CONFIG` is set, a Slurm job's tasks if there are several, several GPUs or logical
            devices, one device: the first that is there.
        devices: how many are wanted with "devices"; all if None.
        timeout: seconds to wait for the other workers.

    Raises:
        ValueError: if there is no such kind.
        DistributeError: if `TF_CONFIG` is wrong, this worker's port is taken, another worker does
            not come, or there are too few devices.

    Example:
        >>> strategy("one").num_replicas_in_sync
        1
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if kind == "auto":
        kind = _found()
    if kind == "tpu":
        return _tpu()
    if kind in ("workers", "slurm", "kubernetes"):
        return _workers(kind, timeout)
    if kind == "devices":
        return _devices(devices)
    return tf.distribute.get_strategy()  # the default one: OneDeviceStrategy has a slow iterator


def _found() -> str:
    if os.environ.get("TPU_NAME") or tf.config.list_physical_devices("TPU"):
        return "tpu"
    if os.environ.get("TF_CONFIG"):
        return "workers"
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        return "slurm"
    return "devices" if max(len(_names("GPU")), len(_names("CPU"))) > 1 else "one"


def _names(kind: str) -> list[str]:
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _devices(number: int | None) -> tf.distribute.Strategy:
    names = _names("GPU") or _names("CPU")
    if number is not None and number > len(names):
        what = "GPU(s)" if _names("GPU") else "processor device(s); logical_devices(n) makes more"
        raise DistributeError(f"{number} devices are wanted, there are {len(names)} {what}")
    # Collectives between processor devices remember the size of their first group.
    reduction = None if _names("GPU") else tf.distribute.ReductionToOneDevice()
    return _MirroredStrategy(names[:number], reduction)


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise DistributeError(f"no TPU answers: {error}") from error
    return tf.distribute.TPUStrategy(resolver)


def _workers(kind: str, timeout: float) -> tf.distribute.Strategy:
    resolvers = tf.distribute.cluster_resolver
    if kind == "slurm":
        # Each task takes the GPUs that Slurm lets it see; without these numbers TensorFlow calls
        # nvidia-smi, and fails where there is none.
        resolver = resolvers.SlurmClusterResolver(
            gpus_per_node=2**10, gpus_per_task=1, auto_set_gpu=False
        )
    elif kind == "kubernetes":
        resolver = resolvers.KubernetesClusterResolver()
    else:
        resolver = resolvers.TFConfigClusterResolver()
        check_tf_config(os.environ.get("TF_CONFIG", ""))
    addresses = resolver.cluster_spec().as_dict()
    workers = [*addresses.get("chief", []), *addresses.get("worker", [])]
    own = addresses[resolver.task_type][resolver.task_id]
    if len(workers) > 1:
        _meet(own, [address for address in workers if address != own], timeout)
    global _cluster
    try:
        strategy = _MultiWorkerStrategy(cluster_resolver=resolver)
    except RuntimeError as error:
        raise DistributeError(
            f"{error}: make the strategy before TensorFlow loads data or computes anything"
        ) from error
    _cluster = resolver
    return strategy


def check_tf_config(text: str) -> dict:
    """The content of `TF_CONFIG`, if it describes a cluster and this task's place in it.

    Raises:
        DistributeError: if not; the message says what is wrong, and what it should look like.

    Example:
        >>> cluster = {"worker": ["host1:5000", "host2:5000"]}
        >>> text = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}})
        >>> check_tf_config(text)["task"]["index"]
        1
    """
    example = (
        'TF_CONFIG should look like {"cluster": {"worker": ["host1:5000", "host2:5000"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        addresses = {name: list(hosts) for name, hosts in cluster.items()}
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DistributeError(
            f"TF_CONFIG is not a cluster's description ({error!r}). {example}"
        ) from error
    for address in itertools.chain(*addresses.values()):
        if not re.fullmatch(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", str(address)):
            raise DistributeError(f"TF_CONFIG: {address!r} is not host:port. {example}")
    if strange := set(addresses) - {"chief", "worker"}:
        raise DistributeError(f"TF_CONFIG: {', '.join(strange)}: only chief and worker take part")
    if index not in range(len(addresses.get(kind, []))):
        raise DistributeError(f"TF_CONFIG: there is no {kind} {index} in the cluster. {example}")
    return config


def _meet(own: str, others: list[str], timeout: float) -> None:
    """Wait until every other worker listens, so that whoever is missing can be named.

    TensorFlow itself would wait for minutes and then name nobody.
    """
    port = int(own.rpartition(":")[2])
    end = time.monotonic() + timeout
    try:
        listener = socket.create_server(("", port), backlog=len(others) + 8)
    except OSError as error:
        raise DistributeError(
            f"port {port} of this worker ({own}) is taken: another program, or another worker with "
            "the same TF_CONFIG, uses it"
        ) from error
    with listener:
        missing = list(others)
        while missing:
            missing = [address for address in missing if not _listens(address)]
            if missing and time.monotonic() > end:
                raise DistributeError(
                    f"after {timeout:g} s nobody answers at {', '.join(missing)}: is the worker "
                    "started there, and its port open? strategy(timeout=...) waits longer"
                )
            time.sleep(0.1 if missing else 0)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except OSError:
        return False
    return True


class _KerasReduce:
    """A strategy's `reduce` that takes what Keras 3 hands over (keras issue 20585)."""

    def reduce(self, reduce_op, value, axis=None):
        if isinstance(value, tuple | list | dict):  # a batch, of which only the shapes are wanted
            return tf.nest.map_structure(lambda v: self.experimental_local_results(v)[0], value)
        local = self.experimental_local_results(value)[0]
        if axis is not None and getattr(local, "shape", None) is not None and not local.shape.rank:
            axis = None
        return super().reduce(reduce_op, value, axis)


class _MirroredStrategy(_KerasReduce, tf.distribute.MirroredStrategy):
    pass


class _MultiWorkerStrategy(_KerasReduce, tf.distribute.MultiWorkerMirroredStrategy):
    pass


def is_chief() -> bool:
    """Whether this process writes the files: always, but for workers other than the first."""
    if _cluster is None:
        return True
    first = "chief" if "chief" in _cluster.cluster_spec().as_dict() else "worker"
    return (_cluster.task_type, _cluster.task_id) == (first, 0)


def chief_path(path: str | os.PathLike) -> Path:
    """`path` on the chief, on the other workers a place in a temporary folder.

    All workers must take part in saving a model, since some states are collected from all of them;
    only one should write the file.

    Example:
        >>> chief_path("model.keras").name
        'model.keras'
    """
    path = Path(path)
    if not is_chief():
        path = Path(tempfile.gettempdir(), f"worker-{os.getpid()}", path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def dataset(examples, batch_size: int, *, shuffle: int = 0, seed: int = 0):
    """Batches of examples, each divided evenly among the replicas of the strategy in whose scope
    this is called.

    Every worker reads all examples and keeps its part of each batch, so that the global batches are
    the same for any number of replicas.

    Args:
        examples: a finite `tf.data.Dataset` of single examples, or arrays (a tuple of them, a
            dictionary), whose first axis is the examples; or a function from the number of the
            epoch, a tensor, to such a dataset, always of one size: new examples for each epoch.
        batch_size: of the global batch, over all replicas.
        shuffle: blocks of so many examples are shuffled, all of them if it is their number; 0 keeps
            the order. It depends on `seed` and on the epoch alone: see `Backup`.
        seed: of the shuffling.

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
            f"batch_size={batch_size} is the global batch, and {replicas} replicas want an example "
            f"each: take {replicas} or more"
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
        found = examples
        if changes:
            epoch = tf.data.Dataset.from_tensors(number).map(epochs.next_of)
            found = epoch.flat_map(lambda epoch: _shuffled(of_epoch(epoch), shuffle, seed, epoch))
            if examples.cardinality() >= 0:
                known = tf.data.experimental.assert_cardinality(examples.cardinality())
                found = found.apply(known)
        found = found.batch(batch_size, drop_remainder=fixed)
        if replicas > 1:
            found = found.flat_map(_Parts(replicas, number * replicas // of, replicas // of))
        # TensorFlow's tuner of data pipelines sleeps longer and longer, up to a minute, and each
        # epoch's end waits for it to wake. Without it AUTOTUNE means a thread for each core.
        options = tf.data.Options()
        options.autotune.enabled = bool(examples.options().autotune.enabled)
        return found.prefetch(2).with_options(options)

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
    """Blocks of so many examples, each in an order that depends on seed, epoch and block alone."""
    if not size:
        return examples

    def permuted(number, block):
        count = tf.shape(tf.nest.flatten(block)[0])[0]
        seeds = tf.stack([seed + 1_000_003 * number, epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seeds)
        return tf.nest.map_structure(lambda t: tf.gather(t, order), block)

    return examples.batch(size).enumerate().map(permuted).unbatch()


class _Epochs:
    """How often a dataset was begun: what its order depends on."""

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


class Backup(keras.callbacks.Callback):
    """After each epoch, keeps all that is needed to go on; on the next start, goes on from there.

    Weights, the optimizer's state and the states of random generators are in one file, which is
    replaced in one step: a process that is killed while it writes leaves the old file. All workers
    take part, the first one writes; `folder` must be on a disk that they share. What other
    callbacks know (the best loss so far) is not kept.

    Args:
        folder: where the file is; one for each run. Remove it to begin anew.
        dataset: from `dataset(...)`: its shuffling goes on as if nothing had happened.

    Raises:
        DistributeError: when training begins, if the file is damaged, or of another model, or if
            the workers found different ones.
    """

    def __init__(self, folder: str | os.PathLike, dataset=None):
        super().__init__()
        self.path = Path(folder) / "backup.npz"
        self.dataset = dataset

    def on_train_begin(self, logs=None) -> None:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        epoch = self._restore() if self.path.is_file() else 0
        current = self.model.distribute_strategy
        if isinstance(current, _MultiWorkerStrategy):
            mean = current.reduce("MEAN", tf.constant(float(epoch)), axis=None)
            if float(mean) != epoch:
                raise DistributeError(
                    f"the workers found backups of different epochs in {self.path.parent}: "
                    "it must be on a disk that all of them share"
                )
        self.model._initial_epoch = epoch  # as Keras's own callback does: there is no other way

    def on_epoch_begin(self, epoch, logs=None) -> None:
        if self.dataset is not None:
            self.dataset.epochs.start(epoch)

    def on_train_end(self, logs=None) -> None:
        self.model._initial_epoch = None  # the next `fit` begins where it is told to

    def on_epoch_end(self, epoch, logs=None) -> None:
        arrays = {name: _array(variable) for name, variable in self._variables().items()}
        if not is_chief():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        half = self.path.with_name(".backup.half")
        with half.open("wb") as file:
            np.savez(file, epoch=epoch + 1, **arrays)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self.path)

    def _variables(self) -> dict[str, keras.Variable]:
        metrics = {id(variable) for variable in self.model.metrics_variables}
        variables = [*self.model.variables, *self.model.optimizer.variables]
        variables = [variable for variable in variables if id(variable) not in metrics]
        names = [variable.name.rpartition("_")[2] for variable in variables]  # dense_1_bias: bias
        return {f"{i} {name}": v for i, (name, v) in enumerate(zip(names, variables, strict=True))}

    def _restore(self) -> int:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = dict(file)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise DistributeError(f"{self.path} is damaged ({error}): remove it") from error
        epoch = int(arrays.pop("epoch", 0))
        variables = self._variables()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        if {name: array.shape for name, array in arrays.items()} != shapes:
            raise DistributeError(f"{self.path} is of another model: take another folder")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        return epoch


def _array(variable: keras.Variable) -> np.ndarray:
    array = variable.numpy()
    return array.astype("float32") if array.dtype.kind == "V" else array  # bfloat16
