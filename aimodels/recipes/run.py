"""Training by command: `aimodels train gpt --data python --recipe cpu --folder runs/gpt`.

A run has a folder. It can be killed at any moment; the same command goes on from the last epoch and
ends with the same weights. The strategy is `aimodels.train.strategy`'s: one device, several
devices, or several machines.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from aimodels import console
from aimodels.files import write_text
from aimodels.recipes import recordings, texts
from aimodels.recipes.bert import bert
from aimodels.recipes.common import Recipe, RecipeError
from aimodels.recipes.gpt import gpt
from aimodels.recipes.speech import speech
from aimodels.recipes.transformer import transformer
from aimodels.train import Backup, batches, chief_path, is_chief, strategy, warmup_cosine

_TINY = {"hidden_dim": 16, "num_heads": 2, "num_layers": 1, "dropout": 0.0}
_SMALL = {"hidden_dim": 128, "num_heads": 4, "num_layers": 4}
RECIPES = {
    "gpt": {
        "tiny": Recipe(_TINY, 16, 8, 3, 1e-3, 4, steps=10),
        # of Karpathy's nanoGPT for a processor: 2,000 steps
        "cpu": Recipe({**_SMALL, "dropout": 0.0}, 64, 12, 8, 1e-3, 100, steps=250),
        "base": Recipe(
            {"hidden_dim": 384, "num_heads": 6, "num_layers": 6, "dropout": 0.2},
            256, 64, 20, 1e-3, 100, steps=250,
        ),
    },
    "bert": {
        "tiny": Recipe(_TINY, 16, 32, 2, 1e-3, 4),
        "cpu": Recipe({**_SMALL, "dropout": 0.1}, 64, 32, 10, 1e-3, 200),
    },
    "transformer": {
        "tiny": Recipe(_TINY, 24, 64, 2, 1e-3, 4),
        "cpu": Recipe({**_SMALL, "num_layers": 3, "dropout": 0.1}, 48, 128, 10, 2e-3, 400),
    },
    "speech": {
        "tiny": Recipe(
            {"units": 16, "num_layers": 1, "filters": 16, "strides": 2}, 400, 16, 3, 1e-2, 4
        ),
        "cpu": Recipe(
            {"units": 96, "num_layers": 2, "filters": 64, "strides": 2, "dropout": 0.2},
            400, 32, 15, 3e-3, 100,
        ),
    },
}  # fmt: skip
DATA = {  # the first one is on every machine
    "gpt": ["python", "tiny_shakespeare", "chinese_poems"],
    "bert": ["wikipedia_sample"],
    "transformer": ["cmudict", "cmn_eng"],
    "speech": ["espeak_digits", "spoken_digit"],
}
_OWN = {  # what reads a user's own data, how it is told, and what must be named
    "gpt": (texts.own_text, texts.summary, "a text file or folder"),
    "speech": (recordings.own_recordings, recordings.summary, "a folder of recordings"),
}


def train(
    model: str,
    folder: str | Path,
    data_name: str | None = None,
    recipe: str = "cpu",
    epochs: int | None = None,
    jit_compile: bool = False,
    seed: int = 0,
    limit: int | None = None,
) -> list[dict[str, float]]:
    """Train a model, or go on with it, and keep all in a folder.

    Args:
        model: "gpt", "bert", "transformer" or "speech".
        folder: folder of the run; gets `run.json` (what it is), `log.json` (losses), the same
            curves for TensorBoard in `tensorboard`, `backup.npz`, vocabularies and a byte-pair
            tokenizer's merges, or a recogniser's sample rate, and in the end `model.keras`.
        data_name: name of the data set, one of `DATA`; the model's first one there if None. For a
            GPT also the path of a text file in UTF-8, or of a folder of them; for speech that of a
            folder of recordings (see `own_recordings`).
        recipe: name of the recipe, one of `RECIPES`.
        epochs: number of epochs; the recipe's if None. More than before goes on with a run.
        jit_compile: whether to compile each training step with XLA.
        seed: seed of the weights, the order and everything else that is drawn.
        limit: number of texts or recordings to read, for a trial: files of a folder, lines of a
            file; all of them if None.

    Returns:
        The losses of each epoch.

    Raises:
        RecipeError: if there is no such model, data set or recipe, a text cannot be read or is too
            short, or the folder holds another run.
        aimodels.train.DistributeError, data.DataError: as they say.
    """
    data_name = data_name or DATA.get(model, [""])[0]
    own = model in _OWN and data_name not in DATA[model] and Path(data_name).exists()
    for kind, name, known in (
        ("model", model, RECIPES),
        ("data set", data_name, [data_name] if own else DATA.get(model, [])),
        ("recipe", recipe, RECIPES.get(model, [])),
    ):
        if name not in known:
            raise RecipeError(
                f"unknown {kind} {name!r}; known: {', '.join(known)}"
                + (
                    f", or the path of {_OWN[model][2]}"
                    if known and model in _OWN and known is DATA[model]
                    else ""
                )
            )
    if limit is not None and limit < 2:
        raise RecipeError(f"limit must be 2 or more; got {limit}")
    if epochs is not None and epochs < 1:
        raise RecipeError(f"epochs must be 1 or more; got {epochs}")
    plan, folder = RECIPES[model][recipe], Path(folder)
    distribution = strategy()  # before anything is computed
    run = {"model": model, "data": data_name, "recipe": recipe, "seed": seed, "limit": limit}
    mine = _OWN[model][0](data_name, limit) if own else None
    if mine:
        run |= {"data": str(Path(data_name).resolve()), "sha256": mine.digest()}
    _check_earlier(folder, run)
    if mine and is_chief():
        console.write(_OWN[model][1](data_name, mine))
    keras.utils.set_random_seed(seed)
    makers = {
        "gpt": partial(gpt, texts=mine),
        "bert": bert,
        "transformer": transformer,
        "speech": partial(speech, own=mine),
    }
    with distribution.scope():
        task = makers[model](data_name, plan, seed, limit)
        size = int(task.examples(tf.constant(0, tf.int64)).cardinality())
        if not size or not len(tf.nest.flatten(task.validation)[0]):
            raise RecipeError(
                f"limit={limit} leaves nothing to train on, or to validate; use a larger limit"
            )
        examples = batches(
            task.examples, plan.batch_size, shuffle=size if task.shuffle else 0, seed=seed
        )
        # no gradients to keep: larger batches fit, and a small model is faster with them
        validation = batches(task.validation, 4 * plan.batch_size)
        steps = -(-size // plan.batch_size) * plan.epochs
        task.model.compile(_optimizer(task.model, plan, steps), task.loss, jit_compile=jit_compile)
    if is_chief():
        _write(folder / "run.json", run)
        for name, vocabulary_or_tokenizer in task.files.items():
            vocabulary_or_tokenizer.save(folder / name)
    log = _Log(folder)
    watched = sys.stdout is not None and sys.stdout.isatty() and is_chief()
    task.model.fit(
        examples,
        validation_data=validation,
        epochs=epochs or plan.epochs,
        verbose=int(watched),
        # Nothing is shown before it is saved: what is saved survives whatever showing it does.
        callbacks=[log, Backup(folder, examples), _Show(folder, task.sample, lines=not watched)],
    )
    task.model.save(chief_path(folder / "model.keras"))
    return log.rows


def _check_earlier(folder: Path, run: dict) -> None:
    """Refuse a folder that holds another run."""
    path = folder / "run.json"
    if not path.is_file() or (earlier_run := _read(path)) == run:
        return
    if earlier_run | {"sha256": run.get("sha256")} == run:
        raise RecipeError(
            f"what is in {run['data']} has changed since the run in {folder} began: take another "
            "folder"
        )
    raise RecipeError(f"{folder} holds another run, {earlier_run}: take another folder")


def _read(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RecipeError(f"{path} is damaged: remove {path.parent} to begin anew") from None


def _write(path: Path, content) -> None:
    write_text(path, json.dumps(content, indent=1) + "\n")


def _optimizer(model, plan: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with a warm-up and a cosine; biases and normalisations do not decay."""
    schedule = warmup_cosine(plan.rate, steps, plan.warmup, end_factor=0.1)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0)
    flat = [variable for variable in model.trainable_variables if len(variable.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=flat)
    return optimizer


class _Log(keras.callbacks.Callback):
    """Keeps each epoch's losses in `log.json`."""

    def __init__(self, folder: Path):
        super().__init__()
        self.path = folder / "log.json"
        self.rows = _read(self.path) if self.path.is_file() else []

    def on_epoch_end(self, epoch, logs=None):
        # A run that was killed between this and its backup comes here again.
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        self.rows = [*self.rows[:epoch], row]
        if is_chief():
            _write(self.path, self.rows)


class _Show(keras.callbacks.Callback):
    """Shows the losses and what the model can do by now, here and in TensorBoard.

    Args:
        folder: folder of the run.
        sample: function that gives a text which shows what the model can do.
        lines: whether to print a line per epoch, where there is no progress bar of Keras.
    """

    def __init__(self, folder: Path, sample: Callable[[], str], lines: bool):
        super().__init__()
        self.folder, self.sample, self.lines = folder / "tensorboard", sample, lines

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        sample = self.sample()
        if not is_chief():
            return
        if self.lines:
            losses = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
            seconds = time.monotonic() - self.begun
            console.write(f"Epoch {epoch + 1}/{self.params['epochs']} - {seconds:.0f}s - {losses}")
        console.write(sample)
        _show_in_tensorboard(self.folder, epoch + 1, logs, sample)


def _show_in_tensorboard(folder: Path, step: int, logs: dict, sample: str) -> None:
    """TensorBoard's own form, which TensorFlow writes without TensorBoard being there."""
    for part, prefix in (("train", ""), ("validation", "val_")):
        with tf.summary.create_file_writer(str(folder / part)).as_default(step):
            for name, value in logs.items():
                if name.startswith("val_") == bool(prefix):
                    value = tf.cast(value, tf.float32)
                    metadata = _plugin("scalars", 1)
                    tf.summary.write(name.removeprefix(prefix), value, metadata=metadata)
            if prefix:
                tf.summary.write("sample", sample, metadata=_plugin("text", 2))


def _plugin(name: str, data_class: int) -> tf.compat.v1.SummaryMetadata:
    metadata = tf.compat.v1.SummaryMetadata(data_class=data_class)
    metadata.plugin_data.plugin_name = name
    return metadata
