"""What counts as time in the sandbox: computing and sleeping, never waiting for a processor."""

import subprocess
import sys
import threading

import psutil
import pytest

from aimodels.course import sandbox
from aimodels.course.assignment import Limits
from aimodels.course.sandbox import Kernel


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
