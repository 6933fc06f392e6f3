"""Kill a worker with signal 9 at random moments: does every run end with the undisturbed weights?

Ten times two workers train `examples/train.py` with synchronized batch normalization, shuffling and
Adam; one of them, in turn the first and the second, is killed somewhere between its start and the
end of its training.
"""

import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

TIMES = 10
EPOCHS = 6
PROGRAM = Path(__file__).resolve().parent.parent / "examples" / "train.py"


def _train(folder: Path, rank: int | None = None, after: float = 0.0) -> dict:
    """Two workers; `rank` is killed so many seconds after its start."""
    command = [sys.executable, "-m", "aimodels", "launch", "--workers", "2", __file__]
    command += ["--folder", str(folder), "--epochs", str(EPOCHS)]
    began, killed, again, pids = time.monotonic(), None, None, []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as launcher:

        def kill(pid):
            nonlocal killed
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()

        for line in launcher.stdout:
            place, _, said = line.partition("] ")
            if said.startswith("process "):
                pids.append(int(said.split()[1]))
                if place == f"[{rank}" and killed is None:
                    threading.Timer(after, kill, [pids[-1]]).start()
            elif "starting all again" in line:
                again = again or time.monotonic()
    assert launcher.returncode == 0, f"status {launcher.returncode}"
    assert rank is None or killed, "the run ended before the kill"
    with np.load(folder / "backup.npz", allow_pickle=False) as file:
        arrays = dict(file)
    return {
        "arrays": arrays,
        "seconds": time.monotonic() - began,
        "noticed": again - killed if killed else 0.0,
        "left_over": sum(Path(f"/proc/{pid}").exists() for pid in pids),
    }


def run() -> dict:
    rng = random.Random(0)
    kills = []
    with tempfile.TemporaryDirectory() as place:
        calm = _train(Path(place, "calm"))
        for i in range(TIMES):
            after = rng.uniform(0, 0.9) * calm["seconds"]
            found = _train(Path(place, str(i)), i % 2, after)
            same = calm["arrays"].keys() == found["arrays"].keys()
            apart = [np.abs(found["arrays"][k] - v).max() for k, v in calm["arrays"].items()]
            kills.append(
                {
                    "worker": i % 2,
                    "killed_after_seconds": round(after, 1),
                    "noticed_after_seconds": round(found["noticed"], 1),
                    "seconds": round(found["seconds"], 1),
                    "largest_difference": float(max(apart)) if same else float("inf"),
                    "processes_left": found["left_over"],
                }
            )
    return {
        "undisturbed_seconds": round(calm["seconds"], 1),
        "kills": kills,
        "largest_difference": max(kill["largest_difference"] for kill in kills),
        "noticed_after_seconds_at_most": max(kill["noticed_after_seconds"] for kill in kills),
        "processes_left": sum(kill["processes_left"] for kill in kills),
    }


if __name__ == "__main__":
    print("process", os.getpid(), flush=True)
    sys.argv[0] = str(PROGRAM)
    runpy.run_path(str(PROGRAM), run_name="__main__")
