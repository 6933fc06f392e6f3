"""The machines of a cluster: their addresses, whether all answer, and which one writes files."""

import itertools
import json
import os
import re
import socket
import tempfile
import time
from pathlib import Path

import tensorflow as tf

_cluster = None  # the resolver of the workers' cluster, once this process is in one


class DistributeError(RuntimeError):
    """The devices or the cluster are not as asked; the message says what to do."""


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
    if others := set(addresses) - {"chief", "worker"}:
        raise DistributeError(f"TF_CONFIG: {', '.join(others)}: only chief and worker take part")
    if index not in range(len(addresses.get(kind, []))):
        raise DistributeError(f"TF_CONFIG: there is no {kind} {index} in the cluster. {example}")
    return config


def wait_for_workers(own: str, others: list[str], timeout: float) -> None:
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


def join(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> None:
    """Remember the cluster that this process has joined."""
    global _cluster
    _cluster = resolver


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
