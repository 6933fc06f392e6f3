"""What tests share: programs that a machine may lack."""

import os
import shutil

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")


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
