"""The system's own limit on memory: a control group, where the grader may make one.

What waits in sockets and pipes, files in memory and the kernel's own lists belong to no process, so
neither RLIMIT_AS nor the size of a process counts them. A control group counts all of it, for all
processes of a sandbox together. Root may make one, as may a user to whom systemd has delegated
one: `systemd-run --user --scope -p Delegate=yes aimodels grade …`.
"""

import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_SYSTEM = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self/cgroup")
_LEAF = "aimodels-grader"  # where the grader itself goes, if it must leave room
_one_at_a_time = threading.Lock()
_END_SECONDS = 10  # until the system has buried the group's processes


class Group:
    """A control group with a limit on memory, empty at first.

    Args:
        folder: it, in the system's tree of groups.
        events: the file that counts the processes which the system has ended for their memory.
    """

    def __init__(self, folder: Path, events: str):
        self.folder, self._events = folder, folder / events

    @property
    def entering(self) -> list[str]:
        """In front of a command: it and its children then belong to the group."""
        enter = 'echo $$ > "$0" && exec /usr/bin/env -i "$@"'  # without the shell's own variables
        return ["/bin/sh", "-c", enter, str(self.folder / "cgroup.procs")]

    def exceeded(self) -> bool:
        """Whether the system has ended one of its processes, since there was no memory left."""
        with contextlib.suppress(OSError, ValueError):
            facts = dict(line.split() for line in self._events.read_text().splitlines())
            return int(facts.get("oom_kill", 0)) > 0
        return False

    def end(self) -> None:
        """End what is left in it, and remove it."""
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                for pid in (self.folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:  # it is not empty yet
                time.sleep(0.05)
            else:
                return


def made(memory: int) -> Group | None:
    """A new group that may use `memory` bytes; None if this machine, or this user, has none."""
    with _one_at_a_time:
        for parent, limits, events in _parents():
            group = Group(parent / f"aimodels-{uuid.uuid4().hex[:12]}", events)
            first = next(iter(limits))
            with contextlib.suppress(OSError):
                group.folder.mkdir()
                if not (group.folder / first).exists() and os.geteuid():
                    _share(parent)
                if (group.folder / first).exists():
                    (group.folder / first).write_text(str(memory))
                    for name, value in limits.items():
                        with contextlib.suppress(OSError):  # not every system has the others
                            (group.folder / name).write_text(str(value or memory))
                    return group
            group.end()
    return None


def _parents() -> Iterator[tuple[Path, dict[str, str | None], str]]:
    """Where a group could be; its files of limits, None for that on memory; its file of events."""
    with contextlib.suppress(OSError, ValueError):
        for line in _SELF.read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if controllers == "":  # version 2
                limits, events = {"memory.max": None, "memory.swap.max": "0"}, "memory.events"
                tops = [_SYSTEM, _SYSTEM / "unified"]
            elif "memory" in controllers.split(","):
                limits = {"memory.limit_in_bytes": None, "memory.memsw.limit_in_bytes": None}
                limits["memory.kmem.tcp.limit_in_bytes"] = str(2**26)
                tops, events = [_SYSTEM / "memory"], "memory.oom_control"
            else:
                continue
            for top in tops:
                if (top / "cgroup.procs").exists():
                    yield top / own.strip("/").removesuffix(_LEAF), limits, events
                    yield top, limits, events


def _share(parent: Path) -> None:
    """Let the groups in `parent`, which systemd has delegated to us, have limits on memory.

    The system allows that only while no process is in `parent` itself.
    """
    (parent / _LEAF).mkdir(exist_ok=True)
    for pid in (parent / "cgroup.procs").read_text().split():
        (parent / _LEAF / "cgroup.procs").write_text(pid)
    (parent / "cgroup.subtree_control").write_text("+memory")
