"""A GPT in LiteRT's form writes what the model writes; with 8-bit weights, nearly so."""

import builtins
import subprocess
import sys

import keras
import numpy as np
import pytest

from aimodels import gpt, lite
from aimodels.decoding import generate

pytestmark = pytest.mark.rests_on("aimodels")


@pytest.fixture(scope="module")
def model():
    model = gpt.GPT(50, hidden_dim=32, num_heads=2, num_layers=2, max_sequence_length=12)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) / w.shape[0] ** 0.5 for w in model.weights])
    return model


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lite")
    paths = {int8: folder / f"{int8}.tflite" for int8 in (False, True)}
    for int8, path in paths.items():
        lite.export(model, path, int8=int8)
    return paths


def logits(model, ids):
    answer, _ = model.step(ids, model.cache(len(ids)), 0)
    return np.array(answer)


def test_float_weights_compute_the_same(model, files):
    ids = np.random.default_rng(1).integers(0, 50, (3, 7))
    ours = lite.LiteGPT(files[False])
    np.testing.assert_allclose(logits(ours, ids), logits(model, ids), rtol=1e-4, atol=1e-5)


def test_int8_weights_are_near_and_small(model, files):
    ids = np.random.default_rng(1).integers(0, 50, (8, 7))
    exact, near = logits(model, ids), logits(lite.LiteGPT(files[True]), ids)
    error = np.std(near - exact) / np.std(exact)
    assert 1e-5 < error < 0.05
    assert files[True].stat().st_size < 0.6 * files[False].stat().st_size


@pytest.mark.parametrize("more", [{}, {"temperature": 1.0, "seed": 3, "repetition_penalty": 1.2}])
def test_it_writes_what_the_model_writes(model, files, more):
    prompts = [[1, 2, 3, 4], [5], [6, 7]]  # outgrow 12 places, so that all begin anew once
    expected = generate(model, prompts, 15, **more)
    for answer, right in zip(
        generate(lite.LiteGPT(files[False]), prompts, 15, **more), expected, strict=True
    ):
        np.testing.assert_array_equal(answer, right)


def test_it_stops_where_the_model_stops(model, files):
    [whole] = generate(model, [[1, 2]], 8)
    stop, seen = int(whole[3]), []
    [answer] = generate(
        lite.LiteGPT(files[False]),
        [[1, 2]],
        8,
        stop_token_ids=stop,
        callback=lambda new: seen.append(new[0]),
    )
    np.testing.assert_array_equal(answer, whole[: list(whole).index(stop) + 1])
    np.testing.assert_array_equal(seen, answer)


def test_what_cannot_be_read_is_one_message(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"write it with aimodels\.lite\.export"):
        lite.LiteGPT(tmp_path / "none.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"no model at all")
    with pytest.raises(ValueError, match=r"bad\.tflite is no file of aimodels\.lite\.export"):
        lite.LiteGPT(tmp_path / "bad.tflite")


def test_a_model_in_half_precision_is_one_message(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = gpt.GPT(9, hidden_dim=8, num_heads=2, num_layers=1)
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="float32"):
        lite.export(half, tmp_path / "half.tflite")


def test_without_litert_the_message_says_what_to_install(monkeypatch, files):
    usual = builtins.__import__

    def without(name, *rest):
        if name.startswith("ai_edge_litert"):
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install aimodels\[lite\]"):
        lite.LiteGPT(files[True])


def test_it_writes_nothing_of_its_own(files):
    lines = "import sys, aimodels; aimodels.start(); from aimodels import lite"
    lines += "; lite.LiteGPT(sys.argv[1])"
    command = [sys.executable, "-c", lines, files[False]]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
