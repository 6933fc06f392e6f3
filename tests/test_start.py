"""`import aimodels` is instant and `aimodels.start` quiet, unless something is wrong."""

import os
import subprocess
import sys

import numpy as np
import pytest

import aimodels

pytestmark = pytest.mark.rests_on("aimodels")


def run(code: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )


@pytest.mark.slow
def test_start_is_quiet_and_leaves_stderr_open():
    code = """
import aimodels, sys
aimodels.start()
import keras
keras.layers.LSTM(2)(keras.ops.ones((1, 3, 2)), mask=keras.ops.ones((1, 3), "bool"))
print("after", file=sys.stderr)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "after\n")


def test_what_was_caught_is_shown_when_the_import_fails(tmp_path, monkeypatch):
    broken = "import os\nos.write(2, b'the real reason\\n')\nraise ImportError('no wheels here')\n"
    (tmp_path / "keras.py").write_text(broken)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = run("import aimodels; aimodels.start()")
    assert done.returncode == 1
    assert "the real reason" in done.stderr
    assert "ImportError: no wheels here" in done.stderr


def test_start_sets_every_seed():
    import random

    import keras
    import tensorflow as tf

    def draws():
        aimodels.start(seed=3)
        return (
            random.random(),
            np.random.rand(),  # noqa: NPY002 - the global state is what is seeded
            tf.random.normal([]).numpy(),
            keras.random.normal([]),
        )

    first, second = draws(), draws()
    assert [float(a) for a in first] == [float(b) for b in second]
    aimodels.start(seed=4)
    assert np.random.rand() != first[1]  # noqa: NPY002


def test_onednn_stays_as_it_is():
    """Switching it off would silence a line and make training several times slower."""
    done = run(
        "import os, aimodels; aimodels.start(); print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    )
    assert done.stdout.strip() == str(os.environ.get("TF_ENABLE_ONEDNN_OPTS"))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'gtp'"):
        aimodels.gtp  # noqa: B018


def test_dir_lists_the_submodules():
    assert {"foundations", "cnn", "data", "start"} <= set(dir(aimodels))
