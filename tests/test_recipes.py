"""Training by command: a run can be killed and goes on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import recipes
from aimodels.cli import main
from aimodels.text import BytePairTokenizer, Vocabulary

TINY = ["--recipe", "tiny", "--limit"]


def command(*arguments):
    return [sys.executable, "-m", "aimodels", "train", *arguments]


def curve(folder):
    return json.loads((folder / "log.json").read_text())


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("recipes") / "once"
    subprocess.run(command("gpt", "--folder", str(folder), *TINY, "20"), check=True, timeout=300)
    return folder


@pytest.mark.slow
def test_killed_and_resumed_is_undisturbed(once, tmp_path):
    twice = tmp_path / "twice"
    with subprocess.Popen(command("gpt", "--folder", str(twice), *TINY, "20")) as process:
        until = time.monotonic() + 300
        while not (twice / "backup.npz").is_file():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (twice / "model.keras").exists()
    resumed = subprocess.run(
        command("gpt", "--folder", str(twice), *TINY, "20"),
        check=True, timeout=300, capture_output=True, text=True,
    )  # fmt: skip
    assert "Epoch 1/" not in resumed.stdout
    assert [row["epoch"] for row in curve(once)] == [1, 2, 3]
    assert curve(once)[-1]["loss"] < curve(once)[0]["loss"]
    for a, b in zip(curve(once), curve(twice), strict=True):
        assert a == pytest.approx(b, rel=1e-6)
    text = "def open(path):"
    tokens = BytePairTokenizer.load(twice / "merges.txt").tokenize(text)
    token_ids = Vocabulary.load(twice / "vocabulary.txt").tokens_to_ids(tokens)
    assert token_ids.count(1) == 0  # all are known
    assert len(tokens) < len(text)
    models = [keras.models.load_model(folder / "model.keras") for folder in (once, twice)]
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_the_curves_are_there_for_tensorboard(once):
    found = {"train": [], "validation": []}
    for part, rows in found.items():
        files = sorted(map(str, (once / "tensorboard" / part).iterdir()))
        for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    rows.append((event.step, value.tag, float(tf.make_ndarray(value.tensor))))
                else:
                    assert "def read(path):" in tf.make_ndarray(value.tensor).item().decode()
    expected = {"train": "loss", "validation": "val_loss"}
    for part, name in expected.items():
        curve_of = [(row["epoch"], "loss", pytest.approx(row[name])) for row in curve(once)]
        assert [row for row in found[part] if row[1] == "loss"] == curve_of


@pytest.mark.slow
@pytest.mark.parametrize(("model", "limit"), [("bert", "20"), ("transformer", "999")])
def test_each_model_trains_and_goes_on_by_command(model, limit, tmp_path):
    def run(*arguments):
        return subprocess.run(
            command(model, "--folder", str(tmp_path / "run"), *TINY, limit, *arguments),
            check=True, timeout=300, capture_output=True, text=True,
        ).stdout  # fmt: skip

    assert {"bert": "[MASK]", "transformer": " -> "}[model] in run("--jit-compile")
    first = curve(tmp_path / "run")
    assert first[1]["loss"] < first[0]["loss"]
    assert "Epoch 1/" not in run("--epochs", "3")
    assert curve(tmp_path / "run")[:2] == first
    assert len(curve(tmp_path / "run")) == 3
    assert keras.models.load_model(tmp_path / "run" / "model.keras").count_params() > 0


@pytest.mark.slow
def test_two_workers_are_one(once, tmp_path):
    script = str(Path(sys.executable).with_name("aimodels"))
    launch = [sys.executable, "-m", "aimodels", "launch", "--workers", "2", script, "train", "gpt"]
    subprocess.run([*launch, *TINY, "20", "--folder", str(tmp_path)], check=True, timeout=300)
    for a, b in zip(curve(once), curve(tmp_path), strict=True):
        assert a == pytest.approx(b, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gpt2"], "unknown model 'gpt2'; known: gpt, bert, transformer"),
        (["gpt", "--data", "mnist"], "unknown data set 'mnist'; known: python, tiny_shakespeare"),
        (["bert", "--recipe", "huge"], "unknown recipe 'huge'; known: tiny, cpu"),
        (["gpt", "--epochs", "0"], "epochs must be 1 or more; got 0"),
        (["bert", *TINY, "9"], "limit=9 leaves nothing to train on, or to validate"),
        (["bert", *TINY, "1"], "limit must be 2 or more"),
        (["gpt", *TINY, "2"], "limit=2 leaves nothing to train on, or to validate"),
    ],
)
def test_wrong_names_are_one_message(arguments, message, tmp_path, capsys):
    assert main(["train", *arguments, "--folder", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_holds_one_run(tmp_path, capsys):
    (tmp_path / "run.json").write_text(json.dumps({"model": "bert"}))
    assert main(["train", "gpt", "--folder", str(tmp_path)]) == 1
    assert "holds another run, {'model': 'bert'}: take another folder" in capsys.readouterr().err
    (tmp_path / "run.json").write_text("{")
    assert main(["train", "gpt", "--folder", str(tmp_path)]) == 1
    assert "run.json is damaged: remove" in capsys.readouterr().err


def test_a_damaged_log_is_one_message(tmp_path):
    (tmp_path / "log.json").write_text("[{")
    with pytest.raises(recipes.RecipeError, match=r"log\.json is damaged: remove"):
        recipes.run._Log(tmp_path, str)


def test_windows_are_pieces_of_the_text_and_new_in_each_epoch():
    ids = np.random.default_rng(0).integers(0, 1000, 500)
    of_epoch = recipes.windows(ids, length=9, number=40, seed=3)
    epochs = []
    for epoch in (0, 1, 0):
        pairs = [(x.numpy(), y.numpy()) for x, y in of_epoch(tf.constant(epoch, tf.int64))]
        assert len(pairs) == 40
        for x, y in pairs:
            begin = np.flatnonzero(ids == x[0])
            assert any(
                np.array_equal(x, ids[i : i + 9]) and np.array_equal(y, ids[i + 1 : i + 10])
                for i in begin
            )
        epochs.append([x.tolist() for x, _ in pairs])
    assert epochs[0] != epochs[1]
    assert epochs[0] == epochs[2]


def test_python_source_is_divided_by_file():
    train, held_out = recipes.python_source()
    assert len(train) > 5 * len(held_out) > 0
    assert not set(train) & set(held_out)
    assert any("def dedent(" in source for source in train + held_out)
