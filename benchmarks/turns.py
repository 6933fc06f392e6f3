"""Contestants, each in a process of its own, take turns: what one round measures is comparable.

The machine's speed drifts within minutes, so a ratio is the median over rounds of neighbours.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip


def serve(tasks: dict[str, Callable[[], tuple[float, Any]]]) -> None:
    """A contestant's loop: for each task that it reads, the seconds of a unit, and an answer."""
    for line in sys.stdin:
        found, began = None, time.perf_counter()
        if line.strip() in tasks:
            seconds, answer = tasks[line.strip()]()
            found = [seconds, time.perf_counter() - began, answer]
        print("RESULT", json.dumps(found), flush=True)


def fit(model, inputs, labels, steps: int, learning_rate: float = 1e-4, **how) -> Callable:
    """What trains a Keras classifier on one batch again and again: the seconds of a step.

    The first step of each call is not counted: it may compile, and it starts the data's pipeline.
    """
    import keras
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, **how)
    batches = tf.data.Dataset.from_tensors((inputs, labels)).repeat(1 + steps)

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            self.ended = time.perf_counter()
            if step == 0:
                self.began = self.ended

    clock = Clock()

    def step() -> float:
        model.fit(batches, verbose=0, callbacks=[clock])
        return (clock.ended - clock.began) / steps

    return step


class _Contestant:
    def __init__(self, script: str, name: str, arguments: Iterable[str], threads: int):
        self.process = subprocess.Popen(
            [sys.executable, script, name, *arguments],
            env=os.environ | dict.fromkeys(THREADS, str(threads)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.name = name

    def do(self, task: str) -> tuple[float, float, Any] | None:
        """Seconds of a unit and of the whole turn, and the answer; None: it has no such task."""
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("RESULT"):
                return json.loads(line.partition(" ")[2])
        raise RuntimeError(f"{self.name} ended at {task!r}: exit status {self.process.wait()}")


def race(
    script: str,
    ours: Sequence[str],
    theirs: Sequence[str],
    tasks: Sequence[str],
    arguments: Iterable[str] = (),
    threads: int = 2,
    rounds: int = 7,
) -> dict:
    """Start `script NAME ARGUMENTS...` for each name, let all do each task in turns.

    Args:
        script: a path; its program calls `serve`.
        ours: names; what one takes is compared with each of `theirs`.
        theirs: names.
        tasks: names; the first turn at each is apart, for what compiles then.
        arguments: more of the script.
        threads: of each contestant.
        rounds: that are measured.
    """
    everybody = [_Contestant(script, name, arguments, threads) for name in [*ours, *theirs]]
    found = {}
    try:
        for task in tasks:
            first = {peer.name: peer.do(task) for peer in everybody}
            peers = [peer for peer in everybody if first[peer.name]]
            times = {peer.name: [] for peer in peers}
            for _ in range(rounds):
                for peer in peers:
                    times[peer.name].append(peer.do(task)[:2])
            figures = found[task] = {}
            for name, rows in times.items():
                usual = statistics.median(whole for _, whole in rows)
                figures[name] = {
                    "milliseconds": round(1000 * statistics.median(s for s, _ in rows), 2),
                    "first_call_more_seconds": round(first[name][1] - usual, 1),
                    "same_answer": first[name][2] == first[ours[0]][2],
                }
                for peer in theirs if name in ours else ():
                    if peer in times:
                        pairs = zip(times[peer], rows, strict=True)
                        ratio = statistics.median(a[0] / b[0] for a, b in pairs)
                        figures[name][f"times the speed of {peer}"] = round(ratio, 2)
    finally:
        for peer in everybody:
            peer.process.kill()
            peer.process.wait()
    return found
