"""Kernels for code that is trusted, each forked from one process that has imported TensorFlow.

A fresh kernel spends most of its first seconds on imports. A fork of a process that has only
imported, and computed nothing, is as fresh: it shares no state with other kernels, and its random
numbers, devices and graphs begin where those of any new process do.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil


class Process:
    """A forked kernel, with the methods of `subprocess.Popen` that are needed."""

    def __init__(self, pid: int):
        self.pid = pid
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """None while it runs."""
        process = self.__dict__.get("_process")
        return None if process and process.is_running() else 0

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        if process := self.__dict__.get("_process"):
            process.wait()


class _Origin:
    """The process that kernels are forked from; it ends with this one.

    Args:
        environment: of the first kernel; libraries read it when they are imported.
    """

    def __init__(self, environment: dict[str, str]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
            text=True,
        )
        atexit.register(self.end)

    def fork(self, request: dict) -> Process:
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return Process(int(self._process.stdout.readline()))

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def available() -> bool:
    """Whether this system can fork a process that has imported TensorFlow."""
    return sys.platform == "linux"


_origins: list[_Origin] = []
_lock = threading.Lock()


def start(arguments: list[str], environment: dict[str, str], folder: Path) -> Process:
    """A new kernel.

    Args:
        arguments: of `ipykernel_launcher`.
        environment: all of its variables.
        folder: where it works.
    """
    request = {"arguments": arguments, "environment": environment, "folder": str(folder)}
    with _lock:
        if not _origins:
            _origins.append(_Origin(environment))
        return _origins[0].fork(request)


def _serve() -> None:
    """Fork a kernel for each line of input, and answer with its number."""
    import ipykernel.kernelapp  # noqa: F401
    import matplotlib.font_manager  # noqa: F401  (it looks for fonts when it is first imported)

    import aimodels

    aimodels.import_tensorflow()
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder that this was started in
    signal.signal(signal.SIGCHLD, _bury)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
        print(pid, flush=True)


def _bury(*_) -> None:
    """Take note of kernels that ended, or they would be kept as zombies."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: dict) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    sys.argv[1:] = request["arguments"]
    from ipykernel import kernelapp

    try:
        kernelapp.launch_new_instance(argv=request["arguments"])
    finally:
        os._exit(0)


if __name__ == "__main__":
    _serve()
