"""What tests share: four devices, random numbers, and programs that a machine may lack."""

import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")


def pytest_collection_finish():
    """Four logical devices, while TensorFlow has not computed anything yet."""
    if "tensorflow" in sys.modules:
        from aimodels import train

        train.logical_devices(4)


def pytest_runtest_setup(item):
    """TensorFlow sees AVX-512, asks oneDNN for bfloat16 and crashes where that is held to AVX2."""
    if item.get_closest_marker("bfloat16") and held_to_avx2():
        pytest.skip("TensorFlow would crash: oneDNN is held to AVX2 on a processor with more")


def held_to_avx2() -> bool:
    processor = Path("/proc/cpuinfo")
    held = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper().startswith("AVX2")
    return held and processor.exists() and "avx512f" in processor.read_text()


@pytest.fixture(autouse=True)
def seeded():
    """Every test begins with the same random numbers, so a failure can be looked at again."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(1)


@pytest.fixture
def rng():
    """Random numbers, the same in each test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def until():
    """`until(condition)` waits for what must come, however busy the machine is; returns it."""

    def wait(condition):
        end = time.monotonic() + 1800
        while not (found := condition()):
            assert time.monotonic() < end, "it did not come in half an hour"
            time.sleep(0.02)
        return found

    return wait


@pytest.fixture
def program():
    """`program("chromium")` is its path. Missing, the test is skipped; under CI it fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            verdict = pytest.fail if os.environ.get("CI") else pytest.skip
            verdict(f"this test needs the program {name}: install it (see .ci/run)")
        return path

    return find
