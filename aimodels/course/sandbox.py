"""A Jupyter kernel for code that nobody vouches for: what it may use and send back.

What it may see is said in `isolation`. Only the replies of the kernel come out: their size is
bounded, and its output (the `iopub` channel) is not even connected.

Time is what the kernel's processes compute or sleep. While they only wait for a processor that
others use, no time passes for them: a busy machine grades as a quiet one does. The wall clock ends
only what this cannot see, after `PATIENCE` times the limit.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import zmq
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from aimodels import data
from aimodels.course import cgroup, forked, isolation, seccomp
from aimodels.course.assignment import Limits
from aimodels.course.isolation import INSIDE, USERS, WRITABLE

PATIENCE = 10  # seconds of wall-clock time per second that a limit allows
LOOK_SECONDS = 0.2  # between two looks at the kernel's processes
START_SECONDS = 90  # until the kernel answers; TensorFlow is not imported yet
GRACE_SECONDS = 5  # from an interrupt to the end
LARGEST_REPLY = 2**24  # bytes
MOST_FILES = 1000  # in the folder that the grader sees
MOST_FILES_IN_MEMORY = 20_000
MOST_PROCESSES = 20  # the sandbox's own included; threads do not count


class Stopped(Exception):  # noqa: N818  (nothing went wrong here)
    """The kernel is gone; `status` is one word, the message a sentence for the student."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = status


@dataclass
class Reply:
    """What became of one cell: `error` is the exception's name, `value` what was asked for."""

    error: str = ""
    value: str = ""
    interrupted: bool = False


class Kernel:
    """A fresh kernel; use it in a `with`, which ends it and everything it started.

    Args:
        limits: what it may use.
        kind: "bubblewrap", or for code that is trusted "none" or "forked", which starts sooner.
        cancelled: when it is set, the kernel is stopped.

    Raises:
        Stopped: here and in `execute`, if the kernel had to be stopped, or died by itself.
    """

    def __init__(self, limits: Limits, kind: str, cancelled: threading.Event):
        self.limits, self.kind, self.cancelled = limits, kind, cancelled
        self.deadline = time.monotonic() + PATIENCE * limits.total
        self.used = 0.0  # seconds that count
        self._group: cgroup.Group | None = None
        self._computed, self._looked = 0.0, time.monotonic()

    def __enter__(self) -> "Kernel":
        self._folder = Path(tempfile.mkdtemp(prefix="kernel-"))
        try:
            self._start()
        except Stopped as stopped:
            self.__exit__()
            if stopped.status != "died":
                raise
            said = "Python could not be started on this machine: nothing of yours was run."
            raise Stopped("failed", said) from stopped
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if group := self._group:
            group.end()
        if process := self.__dict__.get("_process"):
            if os.name == "posix" and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
        if client := self.__dict__.get("_client"):
            client.stop_channels()
            self._context.destroy(linger=0)
        if os.name == "posix":  # deeper or better locked than Python could remove
            for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
                subprocess.run([*command, "--", self._folder], capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        isolated, user = self.kind == "bubblewrap", next(USERS)
        inside = INSIDE if isolated else str(self._folder)
        path = str(self._folder / "kernel.json")
        ipc = os.name == "posix"
        _, facts = write_connection_file(
            path, ip=f"{inside}/s" if ipc else "127.0.0.1", transport="ipc" if ipc else "tcp"
        )
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", f"{inside}/kernel.json"]
        command += ["--HistoryManager.enabled=False"]
        command += ["--IPKernelApp.exec_lines=get_ipython().ask_exit = lambda: None"]  # exit()
        if isolated and not os.geteuid():
            for file in (self._folder, Path(path)):
                os.chown(file, user, user)
        self._process = self._launch(command, user)
        self._context = zmq.Context()
        self._context.setsockopt(zmq.MAXMSGSIZE, LARGEST_REPLY)
        self._context.setsockopt(zmq.RCVHWM, 4)  # messages that wait on our side
        self._context.setsockopt(zmq.SNDTIMEO, 1000 * GRACE_SECONDS)  # never wait for ever
        self._client = BlockingKernelClient(context=self._context)
        self._client.load_connection_info(facts | ({"ip": f"{self._folder}/s"} if ipc else {}))
        self._client.start_channels(iopub=False, stdin=False, hb=False)
        if self._wait(self._client.kernel_info(), START_SECONDS) is None:
            raise Stopped("failed", "Python did not start in time: this machine is too busy.")

    def _launch(self, command: list[str], user: int) -> subprocess.Popen | forked.Process:
        environment = os.environ | isolation.environment(str(self._folder)) | _prepared_data()
        if self.kind == "forked":
            return forked.start(command[3:], environment, self._folder)
        isolated = self.kind == "bubblewrap"
        with seccomp.opened() as filter:
            if isolated:
                environment = {}  # bubblewrap keeps what it gets where the code inside may read it
                command = isolation.isolated(self._folder, self.limits, user, filter) + command
                self._group = cgroup.made((self.limits.memory + self.limits.disk) * 2**20)
                command = (self._group.entering if self._group else []) + command
            return subprocess.Popen(
                command,
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[filter] if isolated else [],
                start_new_session=True,
            )

    def execute(self, source: str, expression: str = "") -> Reply:
        """Run a cell, then, if it raised nothing, evaluate an expression; within the limits."""
        request = self._client.execute(
            source,
            store_history=not expression,
            user_expressions={"value": expression} if expression else {},
            allow_stdin=False,
            stop_on_error=False,
        )
        reply = self._wait(request, self.limits.cell)
        interrupted = reply is None
        if interrupted:
            self._client.control_channel.send(self._client.session.msg("interrupt_request"))
            reply = self._wait(request, GRACE_SECONDS)
        if reply is None:
            raise Stopped(
                "stopped",
                f"A cell ran for more than {self.limits.cell} seconds and could not be "
                "interrupted, so the rest was not run.",
            )
        return _read(reply, interrupted)

    def _wait(self, request: str, seconds: float) -> dict | None:
        """The reply to a request, or None when its time is over; watches the kernel meanwhile."""
        self._count_time(_processes(self._process.pid))  # what went before is not this request's
        end, deadline = self.used + seconds, time.monotonic() + PATIENCE * seconds
        while self.used < end and time.monotonic() < deadline:
            if self._client.shell_channel.socket.poll(1000 * LOOK_SECONDS, zmq.POLLIN):
                with contextlib.suppress(Exception):  # not every message is a kernel's own
                    message = self._client.shell_channel.get_msg(timeout=1)
                    if message["parent_header"]["msg_id"] == request:
                        return message["content"]
            self._watch()
        return None

    def _watch(self) -> None:
        if self.cancelled.is_set():
            raise Stopped("cancelled", "Grading was interrupted.")
        if self._group and self._group.exceeded():
            raise Stopped("stopped", self._said_of_memory())
        if self._process.poll() is not None:
            raise Stopped(
                "died",
                "Python was ended while a cell ran (os._exit, or not enough memory), so the "
                "rest was not run.",
            )
        processes = _processes(self._process.pid)
        self._count_time(processes)
        if self.used > self.limits.total or time.monotonic() > self.deadline:
            raise Stopped(
                "stopped",
                f"The notebook ran for more than {self.limits.total} seconds in all, so the rest "
                "was not run: make the slow cells faster.",
            )
        memory, count = 0, len(processes)
        for process in processes:
            with contextlib.suppress(psutil.Error):  # one that ended while we looked
                memory += process.memory_info().rss
        if memory > self.limits.memory * 2**20:
            raise Stopped("stopped", self._said_of_memory())
        if count > MOST_PROCESSES:
            raise Stopped(
                "stopped",
                f"The notebook started {count} processes, more than it may, so the rest was not "
                "run.",
            )
        files = max(map(_files_in_memory, processes), default=0)
        if _written(self._folder) > self.limits.disk * 2**20 or files > MOST_FILES_IN_MEMORY:
            raise Stopped("stopped", "The notebook wrote too much data, so the rest was not run.")

    def _said_of_memory(self) -> str:
        return (
            f"The notebook used more than the {self.limits.memory} MiB of memory it may use, so "
            "the rest was not run."
        )

    def _count_time(self, processes: list[psutil.Process]) -> None:
        """Add what was computed since the last look, or the time between if all are asleep."""
        now, computed = time.monotonic(), self._computed
        self._computed = max(computed, sum(map(_processor_seconds, processes)))
        slept = 0.0
        if not any(map(_wants_processor, processes)):
            # Longer than usual between two looks: it was us who waited for a processor.
            slept = min(now - self._looked, 2 * LOOK_SECONDS)
        self.used += max(self._computed - computed, slept)
        self._looked = now


def _prepared_data() -> dict[str, str]:
    """The user's prepared data sets, for code that is trusted: preparing some takes half a minute.

    Nothing if they could not be written; then each kernel prepares its own.
    """
    folder = data.directory()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return {"AIMODELS_DATA": str(folder)} if os.access(folder, os.W_OK) else {}


def _processes(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:  # it has just ended
        return []


def _processor_seconds(process: psutil.Process) -> float:
    """Of a process and of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return times.user + times.system + ended


def _wants_processor(process: psutil.Process) -> bool:
    """Whether one of its threads computes, or would if a processor were free."""
    if sys.platform != "linux":
        with contextlib.suppress(psutil.Error):
            return process.status() == psutil.STATUS_RUNNING
        return False
    with contextlib.suppress(OSError):  # a thread that has just ended
        for stat in Path(f"/proc/{process.pid}/task").glob("*/stat"):
            if stat.read_bytes().rpartition(b")")[2].split()[0] == b"R":
                return True
    return False


def _files_in_memory(process: psutil.Process) -> int:
    """How many files a sandbox's process sees in its file systems in memory, empty ones as well."""
    root, count = Path(f"/proc/{process.pid}/root"), 0
    with contextlib.suppress(OSError):  # it has just ended
        if not root.samefile("/"):
            for folder in WRITABLE:
                facts = os.statvfs(root / folder.lstrip("/"))
                count += facts.f_files - facts.f_ffree
    return count


def _written(folder: Path) -> float:
    """The bytes in a folder that changes meanwhile; too many files count as too many bytes."""
    size, count, left = 0.0, 0, [str(folder)]
    while left:
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                count += 1
                if count > MOST_FILES:
                    return float("inf")
                with contextlib.suppress(OSError):  # gone while we looked
                    size += entry.stat(follow_symlinks=False).st_size
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
    return size


def _read(reply: dict, interrupted: bool) -> Reply:
    """Of a reply, the plain text that is wanted, whatever else may be in it."""
    try:
        if reply.get("status") != "ok":
            return Reply(str(reply.get("ename") or "Error")[:60], "", interrupted)
        value = reply["user_expressions"].get("value", {})
        return Reply("", str(value.get("data", {}).get("text/plain", "")), interrupted)
    except (AttributeError, KeyError, TypeError):
        return Reply("Error", "", interrupted)
