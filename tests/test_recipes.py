"""Training by command: a run can be killed and goes on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import recipes
from aimodels.bert import BERT, BERTPretraining
from aimodels.cli import main
from aimodels.gpt import GPT
from aimodels.text import BytePairTokenizer, Vocabulary
from aimodels.transformer import Transformer

pytestmark = pytest.mark.rests_on("aimodels", "datasets")

HANGS = 1800  # seconds: no machine is so busy that a run which goes on takes longer
TINY = ["--recipe", "tiny", "--limit"]


def command(*arguments):
    return [sys.executable, "-m", "aimodels", "train", *arguments]


def curve(folder):
    return json.loads((folder / "log.json").read_text())


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("recipes") / "once"
    subprocess.run(command("gpt", "--folder", str(folder), *TINY, "20"), check=True, timeout=HANGS)
    return folder


@pytest.mark.slow
def test_killed_and_resumed_is_undisturbed(once, tmp_path, until):
    twice = tmp_path / "twice"
    with subprocess.Popen(command("gpt", "--folder", str(twice), *TINY, "20")) as process:
        until(lambda: (twice / "backup.npz").is_file() or process.poll() is not None)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (twice / "model.keras").exists()
    resumed = subprocess.run(
        command("gpt", "--folder", str(twice), *TINY, "20"),
        check=True, timeout=HANGS, capture_output=True, text=True,
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


def weights_by_hand(model, folder):
    """Of the tiny recipe: features of 16, and four times as many inside."""
    attention, feedforward, norm = 4 * (16 * 16 + 16), 2 * 16 * 64 + 64 + 16, 2 * 16
    encoder = attention + feedforward + 2 * norm
    if model == "bert":
        words = len(
            Vocabulary.load(folder / "vocabulary.txt", start_token="[CLS]", end_token="[SEP]")
        )
        embeddings = (words + 2 + 16) * 16 + norm
        masked, follows = 16 * 16 + 16 + norm + words, 16 * 2 + 2
        return embeddings + encoder + (16 * 16 + 16) + masked + follows
    source, target = (len(Vocabulary.load(folder / f"{side}.txt")) for side in ("source", "target"))
    decoder = 2 * attention + feedforward + 3 * norm
    return (source + target) * 16 + encoder + decoder + 16 * target + target


@pytest.mark.slow
@pytest.mark.parametrize(("model", "limit"), [("bert", "20"), ("transformer", "999")])
def test_each_model_trains_and_goes_on_by_command(model, limit, tmp_path):
    arguments = ["train", model, "--folder", str(tmp_path / "run"), *TINY, limit]
    code = f"""\
import shutil
from {main.__module__} import main
main({arguments} + ["--jit-compile"])
shutil.copy({str(tmp_path / "run" / "log.json")!r}, {str(tmp_path)!r})
print("and on")
main({arguments} + ["--epochs", "3"])
"""  # in one process, as TensorFlow starts slowly
    said = subprocess.run(
        [sys.executable, "-c", code],
        check=True, timeout=HANGS, capture_output=True, text=True,
    ).stdout  # fmt: skip
    begun, gone_on = said.split("and on\n")
    assert {"bert": "[MASK]", "transformer": " -> "}[model] in begun
    assert "Epoch 1/" not in gone_on
    first, both = curve(tmp_path), curve(tmp_path / "run")
    assert first[1]["loss"] < first[0]["loss"]
    assert both[:2] == first
    assert len(both) == 3
    saved = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert saved.count_params() == weights_by_hand(model, tmp_path / "run")


@pytest.mark.slow
def test_two_workers_are_one(once, tmp_path):
    script = str(Path(sys.executable).with_name("aimodels"))
    launch = [sys.executable, "-m", "aimodels", "launch", "--workers", "2", script, "train", "gpt"]
    arguments = [*TINY, "20", "--folder", str(tmp_path)]
    subprocess.run([*launch, *arguments], check=True, timeout=HANGS)
    for a, b in zip(curve(once), curve(tmp_path), strict=True):
        assert a == pytest.approx(b, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_any_console_sees_a_run_to_its_end(encoding, tmp_path):
    """What it cannot show, the samples' broken bytes among it, it shows as escapes."""
    text = tmp_path / "poems.txt"
    text.write_text("春眠不觉晓，处处闻啼鸟。\n" * 60, encoding="utf-8")
    arguments = ["gpt", "--data", str(text), "--recipe", "tiny", "--epochs", "2"]
    run = subprocess.run(
        command(*arguments, "--folder", str(tmp_path / "run")),
        env=os.environ | {"PYTHONIOENCODING": encoding}, timeout=HANGS, capture_output=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert b"Epoch 2/2" in run.stdout
    assert rb"\ufffd" in run.stdout  # tokens of single bytes are no characters
    assert [row["epoch"] for row in curve(tmp_path / "run")] == [1, 2]


def test_a_sample_that_fails_comes_after_the_backup(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise InterruptedError

    monkeypatch.setattr(sys.modules["aimodels.recipes.gpt"], "generate", fail)
    with pytest.raises(InterruptedError):
        recipes.train("gpt", tmp_path, recipe="tiny", limit=20, epochs=1)
    assert (tmp_path / "backup.npz").is_file()
    assert len(curve(tmp_path)) == 1


class TestOwnText:
    VERSES = "To be, or not to be, that is the question.\r\n"

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "verses.txt"
        path.write_bytes(b"\xef\xbb\xbf" + self.VERSES.encode() * 20)
        return path

    def test_a_files_end_is_held_out(self, file):
        texts = recipes.own_text(file)
        assert "".join(texts.train + texts.validation) == self.VERSES.replace("\r", "") * 20
        assert len(texts.validation[0]) == pytest.approx(len(texts.train[0]) / 9, abs=1)
        assert recipes.own_text(file, limit=2).train[0].count("\n") == 1

    def test_a_folder_is_read_whole_and_what_is_no_text_is_named(self, file):
        folder = file.parent
        (folder / "deep").mkdir()
        (folder / "deep" / "诗.md").write_text("春眠不觉晓", encoding="utf-8")
        (folder / ".hidden").write_text("hidden")
        (folder / "gbk.txt").write_text("春眠不觉晓", encoding="gbk")
        (folder / "picture.png").write_bytes(b"\x89PNG\0")
        (folder / "utf16.txt").write_text("text", encoding="utf-16")
        (folder / "empty.txt").write_text("\n")
        texts = recipes.own_text(folder)
        assert len(texts.train) == len(texts.validation) == 2
        assert texts.skipped == ["gbk.txt", "picture.png", "utf16.txt"]
        assert "hidden" not in "".join(texts.train + texts.validation)

    def test_of_many_files_whole_ones_are_held_out(self, tmp_path):
        for i in range(60):
            (tmp_path / f"{i}.txt").write_text(f"text {i}")
        texts = recipes.own_text(tmp_path)
        assert 0 < len(texts.validation) < len(texts.train)
        assert sorted(texts.train + texts.validation) == sorted(f"text {i}" for i in range(60))
        (tmp_path / "new.txt").write_text("new")
        assert set(recipes.own_text(tmp_path).validation) - {"new"} == set(texts.validation)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("夜来\n风雨".encode("gb18030"), r"is not UTF-8 \(line 1\): save it as UTF-8"),
            ("ok\nnaïve".encode("latin-1"), r"is not UTF-8 \(line 2\)"),
            ("text".encode("utf-16"), "is UTF-16: save it as UTF-8"),
            (b"a\0b", "is no text: it holds a zero byte"),
            (b" \n\n", "there is no text in"),
        ],
    )
    def test_what_is_no_text_is_one_message(self, content, message, tmp_path):
        (tmp_path / "text.txt").write_bytes(content)
        with pytest.raises(recipes.RecipeError, match=message):
            recipes.own_text(tmp_path / "text.txt")
        with pytest.raises(recipes.RecipeError, match="there is no text in"):
            recipes.own_text(tmp_path)

    def test_a_short_text_says_how_much_is_needed(self, tmp_path, capsys):
        (tmp_path / "text.txt").write_text("To be")
        for recipe, length in (("tiny", 16), ("cpu", 64)):
            arguments = ["--data", str(tmp_path / "text.txt"), "--recipe", recipe]
            assert main(["train", "gpt", *arguments, "--folder", str(tmp_path / "run")]) == 1
            said = capsys.readouterr().err
            assert (
                f"gives 4 tokens to train on and 1 held out; this recipe needs more than {length}"
                in said
            )
        assert not (tmp_path / "run").exists()

    def test_a_run_goes_on_with_the_same_text_only(self, file, tmp_path, capsys, monkeypatch):
        arguments = ["train", "gpt", "--recipe", "tiny", "--folder", str(tmp_path / "run")]
        assert main([*arguments, "--epochs", "1", "--data", str(file)]) == 0
        monkeypatch.chdir(tmp_path)
        assert main([*arguments, "--epochs", "2", "--data", file.name]) == 0
        assert len(curve(tmp_path / "run")) == 2
        file.write_text(self.VERSES * 30)
        assert main([*arguments, "--data", str(file)]) == 1
        assert "has changed since the run in" in capsys.readouterr().err

    def test_other_models_take_no_file(self, file, capsys, tmp_path):
        assert main(["train", "bert", "--data", str(file), "--folder", str(tmp_path / "run")]) == 1
        assert "unknown data set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gpt2"], "unknown model 'gpt2'; known: gpt, bert, transformer"),
        (["gpt", "--data", "mnist"], "unknown data set 'mnist'; known: python, tiny_shakespeare"),
        (["gpt", "--data", "no.txt"], "chinese_poems, or the path of a text file or folder"),
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
        recipes.run._Log(tmp_path)


RUN = sys.modules[recipes.train.__module__]


def test_the_recipes_are_nanogpts():
    """Its `train_shakespeare_char.py`, and the numbers that its README gives for a processor."""
    for name, layers, heads, width, dropout, length, batch_size, steps in (
        ("cpu", 4, 4, 128, 0.0, 64, 12, 2000),
        ("base", 6, 6, 384, 0.2, 256, 64, 5000),
    ):
        plan = recipes.RECIPES["gpt"][name]
        assert sorted(plan.model.values()) == sorted([layers, heads, width, dropout])
        assert (plan.length, plan.batch_size) == (length, batch_size)
        assert plan.steps * plan.epochs == steps
        assert (plan.rate, plan.warmup) == (1e-3, 100)
        facts = RUN._optimizer(keras.Sequential(), plan, steps).get_config()
        assert (facts["beta_2"], facts["weight_decay"]) == (0.99, 0.1)
        assert facts["global_clipnorm"] == 1.0


def test_the_learning_rate_warms_up_then_falls_with_a_cosine_to_a_tenth():
    plan = recipes.RECIPES["bert"]["cpu"]  # 1e-3 after 200 steps
    optimizer = RUN._optimizer(keras.Sequential(), plan, 1000)
    optimizer.build([])
    rates = {0: 0.0, 50: 2.5e-4, 100: 5e-4, 200: 1e-3, 400: 8.681981e-4, 600: 5.5e-4, 1000: 1e-4}
    rates |= {2000: 1e-4}
    for step, rate in rates.items():
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(rate, rel=1e-5, abs=1e-10)


@pytest.mark.parametrize("name", ["gpt", "bert", "transformer"])
def test_matrices_decay_but_no_bias_and_no_normalisation(name):
    """One step with gradients of zero: what has changed has decayed."""
    sizes = (16, 2, 1, 32)
    model = {
        "gpt": lambda: GPT(30, *sizes),
        "bert": lambda: BERTPretraining(BERT(30, *sizes)),
        "transformer": lambda: Transformer(30, 20, *sizes),
    }[name]()
    plan = recipes.RECIPES[name]["tiny"]
    optimizer = RUN._optimizer(model, plan, 1000)
    variables = model.trainable_variables
    for variable in variables:
        variable.assign(keras.ops.ones_like(variable))
    optimizer.build(variables)
    optimizer.iterations.assign(plan.warmup)
    optimizer.apply([keras.ops.zeros_like(variable) for variable in variables], variables)
    spared = [v for v in variables if v.name in ("bias", "gamma", "beta")]
    assert 0 < len(spared) < len(variables)
    for variable in variables:
        after = 1.0 if any(variable is one for one in spared) else 1 - 0.1 * plan.rate
        np.testing.assert_allclose(np.array(variable), after, rtol=1e-6, err_msg=variable.path)


def test_the_learning_rate_is_planned_for_the_whole_recipe(tmp_path, monkeypatch):
    """Ten steps in each of three epochs, also when fewer epochs are wanted now."""
    planned = []

    def stop(model, plan, steps):
        planned.append(steps)
        raise InterruptedError

    monkeypatch.setattr(RUN, "_optimizer", stop)
    with pytest.raises(InterruptedError):
        recipes.train("gpt", tmp_path, recipe="tiny", limit=20, epochs=1)
    assert planned == [10 * 3]


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
