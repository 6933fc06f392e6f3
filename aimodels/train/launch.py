"""Start the workers of one script on this machine, watch them, and start all again after a crash.

On a cluster its own manager does this (Slurm, Kubernetes); here two processes on a laptop show, and
test, the same thing.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from aimodels import console
from aimodels.checks import check_positive_int

END_SECONDS = 5  # from SIGTERM to SIGKILL
LAST_SECONDS = 600  # that the other workers have once one is done


def tf_configs(addresses: Sequence[str]) -> list[str]:
    """The text of `TF_CONFIG` for each worker of a cluster.

    Args:
        addresses: host:port of each worker; the first one is the chief.

    Example:
        >>> tf_configs(["a:5000", "b:5000"])[1]
        '{"cluster": {"worker": ["a:5000", "b:5000"]}, "task": {"type": "worker", "index": 1}}'
    """
    cluster = {"worker": list(addresses)}
    return [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        for index in range(len(addresses))
    ]


def launch(command: Sequence[str], workers: int = 2, restarts: int = 3) -> int:
    """Run a command once per worker until all have succeeded; returns the exit status.

    When a worker fails, all are stopped and started again, as a strategy cannot lose a member.
    What they print comes out line by line, with the worker's number in front.

    Args:
        command: the program and its arguments.
        workers: number of workers.
        restarts: number of restarts before giving up.

    Raises:
        ValueError: if `workers` is not an integer >= 1.
    """
    check_positive_int(workers=workers)
    for attempt in range(restarts + 1):
        with _Workers(command, workers) as group:
            number, code = group.wait()
        if not code:
            return 0
        how = f"was killed (signal {-code})" if code < 0 else f"ended with status {code}"
        left = restarts - attempt
        then = f"starting all again, {left} more time(s) at most" if left else "giving up"
        print(f"aimodels: worker {number} {how}: {then}", file=sys.stderr, flush=True)
    return 128 - code if code < 0 else code


class _Workers:
    """The processes, each with a process group of its own; none outlives the `with`."""

    def __init__(self, command: Sequence[str], number: int):
        self.command, self.number = command, number
        self.processes: list[subprocess.Popen] = []
        self.readers: list[threading.Thread] = []

    def __enter__(self) -> "_Workers":
        addresses = [f"localhost:{port}" for port in free_ports(self.number)]
        try:
            for index, config in enumerate(tf_configs(addresses)):
                process = subprocess.Popen(
                    self.command,
                    env=os.environ | {"TF_CONFIG": config, "PYTHONUNBUFFERED": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
                self.processes.append(process)
                reader = threading.Thread(target=_relay, args=(index, process.stdout), daemon=True)
                self.readers.append(reader)
                reader.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self) -> tuple[int, int]:
        """Wait until all have succeeded, or one has failed; its number and exit status."""
        end = float("inf")
        while True:
            codes = [process.poll() for process in self.processes]
            for number, code in enumerate(codes):
                if code:
                    return number, code
            if all(code == 0 for code in codes):
                return 0, 0
            if 0 in codes:
                end = min(end, time.monotonic() + LAST_SECONDS)
            if time.monotonic() > end:
                return codes.index(None), 1
            time.sleep(0.1)

    def __exit__(self, *_) -> None:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, kind)
            end = time.monotonic() + END_SECONDS
            while time.monotonic() < end and None in [p.poll() for p in self.processes]:
                time.sleep(0.05)
        for process in self.processes:
            process.wait()
        for reader in self.readers:
            reader.join(END_SECONDS)


def _relay(index: int, lines) -> None:
    for line in lines:
        console.write(f"[{index}] {line}", end="")


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
