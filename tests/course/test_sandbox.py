"""What counts in the sandbox: seconds of computing and sleeping, and memory, whoever holds it."""

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from aimodels.course import cgroup, sandbox
from aimodels.course.assignment import Limits
from aimodels.course.sandbox import Kernel, Stopped

pytestmark = pytest.mark.rests_on("aimodels")


@pytest.mark.parametrize(
    ("looks", "used"),
    [
        # Each look: the clock, the processor time of all so far, whether one wants a processor.
        ([(0.2, 0.2, True), (0.4, 0.4, True)], 0.4),  # computes
        ([(0.2, 0.0, False), (0.4, 0.0, False)], 0.4),  # sleeps
        ([(0.2, 0.01, True), (50.0, 0.03, True)], 0.03),  # waits for others
        ([(50.0, 0.0, False), (50.2, 0.0, False)], 0.6),  # the grader itself had to wait
        ([(0.2, 0.8, True), (0.4, 0.1, True)], 0.8),  # of eight processes, seven have ended
        ([(0.2, 0.15, False)], 0.2),  # computes, then sleeps: no second counts twice
    ],
    ids=["computing", "asleep", "waiting", "grader waits", "some ended", "both"],
)
def test_which_seconds_count(monkeypatch, looks, used):
    clock = [0.0]
    monkeypatch.setattr(sandbox.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sandbox, "_processor_seconds", lambda look: look[1])
    monkeypatch.setattr(sandbox, "_wants_processor", lambda look: look[2])
    kernel = Kernel(Limits(), "none", threading.Event())
    for look in looks:
        clock[0] = look[0]
        kernel._count_time([look])
    assert kernel.used == pytest.approx(used)


def test_the_system_tells_who_computes_and_who_sleeps(until):
    loop, nap = "while True: pass", "import time; time.sleep(1000)"
    children = [subprocess.Popen([sys.executable, "-c", code]) for code in (loop, nap)]
    try:
        busy, asleep = (psutil.Process(child.pid) for child in children)
        until(lambda: sandbox._processor_seconds(busy) > 0.2)
        until(lambda: sandbox._wants_processor(busy))
        until(lambda: not sandbox._wants_processor(asleep))
        assert {busy, asleep} <= set(sandbox._processes(psutil.Process().pid))
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert sandbox._processes(children[0].pid) == []
    assert sandbox._processor_seconds(busy) == 0
    # What a child has used up is not lost with it.
    own = psutil.Process().cpu_times()
    assert sandbox._processor_seconds(psutil.Process()) > own.user + own.system + 0.2


def test_the_clock_ends_what_only_seems_to_wait(monkeypatch):
    monkeypatch.setattr(sandbox, "_wants_processor", lambda process: True)
    with Kernel(Limits(cell=1), "none", threading.Event()) as kernel:
        assert not kernel.execute("import time; time.sleep(1.5)").interrupted
        monkeypatch.setattr(sandbox, "PATIENCE", 0.5)
        assert kernel.execute("time.sleep(1000)").interrupted


@pytest.fixture
def group():
    """A control group that is about to be full, for a kernel alone."""
    group = cgroup.made(2**28)
    if group is None:
        pytest.skip("this user may make no control group")
    yield group
    group.end()


def test_what_waits_in_no_process_counts_against_the_limit(program, group, monkeypatch):
    program("bwrap")
    monkeypatch.setattr(sandbox.cgroup, "made", lambda memory: group)
    code = """
import os
files = [open(f"{folder}/x", "wb") for folder in ("/tmp", "/dev/shm")]
for file in files:
    for _ in range(20):
        file.write(bytes(10**7))
"""
    with (
        Kernel(Limits(), "bubblewrap", threading.Event()) as kernel,
        pytest.raises(Stopped, match="more than the 4096 MiB of memory"),
    ):
        kernel.execute(code + "import time\ntime.sleep(1000)")
    assert not group.folder.exists()


def test_a_machine_without_control_groups_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr(cgroup, "_SYSTEM", tmp_path)
    assert cgroup.made(2**28) is None
    monkeypatch.setattr(cgroup, "_SELF", tmp_path / "nothing")
    assert cgroup.made(2**28) is None


@pytest.mark.parametrize(
    ("line", "top", "limits"),
    [
        ("0::/a/b", "", {"memory.max": 2**28, "memory.swap.max": 0}),
        ("0::/a/b/aimodels-grader", "", {"memory.max": 2**28, "memory.swap.max": 0}),
        ("0::/a/b", "unified", {"memory.max": 2**28}),
        ("4:cpu,memory:/a/b", "memory", {"memory.limit_in_bytes": 2**28}),
    ],
)
@pytest.mark.parametrize("delegated", [False, True])
def test_where_a_control_group_is_made(monkeypatch, tmp_path, line, top, limits, delegated):
    """By the files of both versions: a tree that looks like the system's, in a test's folder."""
    own = tmp_path / top / "a" / "b"
    own.mkdir(parents=True)
    for name in ("cgroup.procs", "a/b/cgroup.procs"):
        (tmp_path / top / name).write_text("17\n")
    (tmp_path / "self").write_text(f"9:name=systemd:/\n{line}\n")
    monkeypatch.setattr(cgroup, "_SYSTEM", tmp_path)
    monkeypatch.setattr(cgroup, "_SELF", tmp_path / "self")
    monkeypatch.setattr(cgroup.os, "geteuid", lambda: 1000)
    shared = own / "cgroup.subtree_control"
    real = Path.exists  # a new group has its files at once, or when its parent shares them
    monkeypatch.setattr(
        cgroup.Path,
        "exists",
        lambda path: real(path) or (path.name in limits and (not delegated or real(shared))),
    )
    group = cgroup.made(2**28)
    assert group.folder.parent == own
    assert {name: int((group.folder / name).read_text()) for name in limits} == limits
    if delegated:
        assert shared.read_text() == "+memory"
        assert (own / "aimodels-grader" / "cgroup.procs").read_text() == "17"
    assert not group.exceeded()
    events = "memory.events" if line[0] == "0" else "memory.oom_control"
    (group.folder / events).write_text("max 3\noom_kill 1\n")
    assert group.exceeded()


def test_many_empty_files_in_memory_are_too_many(program, monkeypatch):
    program("bwrap")
    monkeypatch.setattr(sandbox, "MOST_FILES_IN_MEMORY", 50)
    code = "import time\nfor n in range(60): open(f'/tmp/{n}', 'w').close()\ntime.sleep(1000)"
    with (
        Kernel(Limits(), "bubblewrap", threading.Event()) as kernel,
        pytest.raises(Stopped, match="wrote too much"),
    ):
        kernel.execute(code)


def test_buffers_of_sockets_stay_small(program):
    program("bwrap")
    code = """
import resource, socket
one, other = socket.socketpair()
refused = []
for option in (socket.SO_SNDBUF, socket.SO_RCVBUF, 32, 33):
    try:
        one.setsockopt(socket.SOL_SOCKET, option, 2**22)
    except PermissionError:
        refused.append(option)
one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
"""
    with Kernel(Limits(), "bubblewrap", threading.Event()) as kernel:
        assert not kernel.execute(code).error
        assert kernel.execute("", "refused").value == "[7, 8, 32, 33]"
        files = "resource.getrlimit(resource.RLIMIT_NOFILE)"
        assert kernel.execute("", files).value == "(256, 256)"
