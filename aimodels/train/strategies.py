"""The same training code on one device, several, several machines, or a TPU: the strategy.

The engine is `tf.distribute`: every replica holds a copy of the model and sees its part of each
global batch. `train.Model` is the model that trains correctly under it.
"""

import os

import tensorflow as tf

from aimodels.train.cluster import DistributeError, check_tf_config, join, wait_for_workers

KINDS = ("auto", "one", "devices", "workers", "slurm", "kubernetes", "tpu")


def logical_devices(number: int) -> list[str]:
    """Split the processor into `number` devices, to study on a laptop what many GPUs do.

    Call it before TensorFlow computes anything: devices cannot change later.

    Raises:
        DistributeError: if TensorFlow has already begun, with other devices.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(number)]
    try:
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:
        count = len(tf.config.list_logical_devices("CPU"))
        if count < number:
            raise DistributeError(
                f"TensorFlow already runs with {count} processor device(s), {number} are wanted: "
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
        devices: number of devices for the kind "devices"; all if None.
        timeout: number of seconds to wait for the other workers.

    Raises:
        ValueError: if `kind` is not one of these.
        DistributeError: if `TF_CONFIG` is wrong, this worker's port is taken, another worker does
            not come, or there are too few devices.

    Example:
        >>> strategy("one").num_replicas_in_sync
        1
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if kind == "auto":
        kind = _detected()
    if kind == "tpu":
        return _tpu()
    if kind in ("workers", "slurm", "kubernetes"):
        return _workers(kind, timeout)
    if kind == "devices":
        return _devices(devices)
    return tf.distribute.get_strategy()  # the default one: OneDeviceStrategy has a slow iterator


def _detected() -> str:
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
        kind = "GPU(s)" if _names("GPU") else "processor device(s); logical_devices(n) makes more"
        raise DistributeError(f"{number} devices are wanted, there are {len(names)} {kind}")
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
        wait_for_workers(own, [address for address in workers if address != own], timeout)
    try:
        strategy = _MultiWorkerStrategy(cluster_resolver=resolver)
    except RuntimeError as error:
        raise DistributeError(
            f"{error}: make the strategy before TensorFlow loads data or computes anything"
        ) from error
    join(resolver)
    return strategy


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
