"""Training by command: `aimodels train gpt --data python --recipe cpu --folder runs/gpt`.

A run has a folder. It can be killed at any moment; the same command goes on from the last epoch and
ends with the same weights. The strategy is `distribute.strategy`'s: one device, several, several
machines.
"""

import json
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import regex
import tensorflow as tf

from aimodels import data, distribute, seq2seq, text
from aimodels.bert import BERT, Pretraining, encode, mask_tokens, sentence_pairs
from aimodels.generation import generate
from aimodels.gpt import GPT
from aimodels.training import Model
from aimodels.transformer import SmoothedCrossentropy, Transformer


class RecipeError(ValueError):
    """A wish that cannot be met; the message says what to do."""


class Recipe(NamedTuple):
    """Sizes and numbers of a run."""

    model: dict[str, Any]
    length: int  # of each example, in tokens
    batch_size: int
    epochs: int
    rate: float  # of learning, at its highest
    warmup: int  # steps
    steps: int | None = None  # of an epoch, where examples are drawn


class Task(NamedTuple):
    """What there is to learn, and how it is told."""

    model: Model
    loss: Any
    examples: Callable  # of an epoch
    shuffle: bool
    validation: Any
    sample: Callable[[], str]  # something that the model can do by now
    kept: dict[str, Any]  # by the name of its file: vocabularies and merges, to read and write with


_TINY = {"width": 16, "num_heads": 2, "num_layers": 1, "dropout": 0.0}
_SMALL = {"width": 128, "num_heads": 4, "num_layers": 4}
RECIPES = {
    "gpt": {
        "tiny": Recipe(_TINY, 16, 8, 3, 1e-3, 4, steps=10),
        # of Karpathy's nanoGPT for a processor: 2,000 steps
        "cpu": Recipe({**_SMALL, "dropout": 0.0}, 64, 12, 8, 1e-3, 100, steps=250),
        "base": Recipe(
            {"width": 384, "num_heads": 6, "num_layers": 6, "dropout": 0.2},
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
}  # fmt: skip
DATA = {  # the first one is on every machine
    "gpt": ["python", "tiny_shakespeare", "chinese_poems"],
    "bert": ["wikipedia_sample"],
    "transformer": ["cmudict", "cmn_eng"],
}


def train(
    model: str,
    folder: str | Path,
    data_name: str | None = None,
    recipe: str = "cpu",
    epochs: int | None = None,
    xla: bool = False,
    seed: int = 0,
    limit: int | None = None,
) -> list[dict[str, float]]:
    """Train a model, or go on with it, and keep all in a folder.

    Args:
        model: "gpt", "bert" or "transformer".
        folder: of the run; gets `run.json` (what it is), `log.json` (losses), the same curves for
            TensorBoard in `tensorboard`, `backup.npz`, vocabularies and a byte-pair tokenizer's
            merges, and in the end `model.keras`.
        data_name: what to learn from: see `DATA`; the first one there if None.
        recipe: of `RECIPES`.
        epochs: how many; the recipe's number if None. More than before goes on with a run.
        xla: compile each training step.
        seed: of weights, order and all that is drawn.
        limit: fewer texts, for a trial.

    Returns:
        The losses of each epoch.

    Raises:
        RecipeError: if there is no such model, data set or recipe, or the folder holds another run.
        distribute.DistributeError, data.DataError: as they say.
    """
    for what, name, known in (
        ("model", model, RECIPES),
        ("data set", data_name or DATA.get(model, [""])[0], DATA.get(model, [])),
        ("recipe", recipe, RECIPES.get(model, [])),
    ):
        if name not in known:
            raise RecipeError(f"unknown {what} {name!r}; known: {', '.join(known)}")
    if limit is not None and limit < 2:
        raise RecipeError(f"limit must be 2 or more; got {limit}")
    if epochs is not None and epochs < 1:
        raise RecipeError(f"epochs must be 1 or more; got {epochs}")
    data_name, plan, folder = data_name or DATA[model][0], RECIPES[model][recipe], Path(folder)
    strategy = distribute.strategy()  # before anything is computed
    run = {"model": model, "data": data_name, "recipe": recipe, "seed": seed, "limit": limit}
    _claim(folder, run)
    keras.utils.set_random_seed(seed)
    makers = {"gpt": _gpt, "bert": _bert, "transformer": _transformer}
    with strategy.scope():
        task = makers[model](data_name, plan, seed, limit)
        size = int(task.examples(tf.constant(0, tf.int64)).cardinality())
        if not size or not len(tf.nest.flatten(task.validation)[0]):
            raise RecipeError(f"limit={limit} leaves nothing to train on, or to validate: more")
        batches = distribute.dataset(
            task.examples, plan.batch_size, shuffle=size if task.shuffle else 0, seed=seed
        )
        # no gradients to keep: larger batches fit, and a small model is faster with them
        validation = distribute.dataset(task.validation, 4 * plan.batch_size)
        steps = -(-size // plan.batch_size) * plan.epochs
        task.model.compile(_optimizer(task.model, plan, steps), task.loss, xla=xla)
    if distribute.is_chief():
        for name, what in task.kept.items():
            what.save(folder / name)
    log = _Log(folder, task.sample)
    task.model.fit(
        batches,
        validation_data=validation,
        epochs=epochs or plan.epochs,
        verbose=(1 if sys.stdout.isatty() else 2) if distribute.is_chief() else 0,
        callbacks=[log, distribute.Backup(folder, batches)],
    )
    task.model.save(distribute.chief_path(folder / "model.keras"))
    return log.rows


def _claim(folder: Path, run: dict) -> None:
    """Make the folder this run's, or find that it is."""
    path = folder / "run.json"
    if path.is_file():
        found = _read(path)
        if found != run:
            raise RecipeError(f"{folder} holds another run, {found}: take another folder")
    elif distribute.is_chief():
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, run)


def _read(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RecipeError(f"{path} is damaged: remove {path.parent} to begin anew") from None


def _write(path: Path, what) -> None:
    half = path.with_name(f".{path.name}.half")
    half.write_text(json.dumps(what, indent=1) + "\n", encoding="utf-8")
    half.replace(path)


def _optimizer(model, plan: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with a warm-up and a cosine; biases and normalisations do not decay."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - plan.warmup, 1), 0.1, warmup_target=plan.rate, warmup_steps=plan.warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0)
    flat = [variable for variable in model.trainable_variables if len(variable.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=flat)
    return optimizer


class _Log(keras.callbacks.Callback):
    """Keeps each epoch's losses in `log.json`, and shows what the model can do by now."""

    def __init__(self, folder: Path, sample: Callable[[], str]):
        super().__init__()
        self.path, self.sample = folder / "log.json", sample
        self.rows = _read(self.path) if self.path.is_file() else []

    def on_epoch_end(self, epoch, logs=None):
        # A run that was killed between this and its backup comes here again.
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        self.rows = [*self.rows[:epoch], row]
        sample = self.sample()
        if distribute.is_chief():
            _write(self.path, self.rows)
            _show_in_tensorboard(self.path.parent / "tensorboard", epoch + 1, logs, sample)
            print(sample, flush=True)


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


# GPT


def python_source(limit: int | None = None) -> tuple[list[str], list[str]]:
    """The standard library's modules, as they lie on this machine: for training, for validation.

    Args:
        limit: how many modules at most.
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = [*folder.glob("*.py"), *folder.glob("[a-z]*/*.py")]
    unwanted = {"test", "idlelib", "lib2to3", "site-packages", "pydoc_data", "encodings"}
    parts = [], []
    for path in sorted(p for p in paths if p.relative_to(folder).parts[0] not in unwanted)[:limit]:
        source = path.read_text(encoding="utf-8", errors="replace")
        parts[data.share(path.relative_to(folder).as_posix()) >= 0.9].append(source)
    return parts


def windows(ids, length: int, number: int, seed: int) -> Callable:
    """Pieces of a long text for `distribute.dataset`: others in each epoch.

    Args:
        ids: the text, (N,).
        length: T, of each piece.
        number: of pieces in an epoch.
        seed: of their places.

    Returns:
        A function from an epoch to a dataset of (ids, ids one place later), (T,) each. The same
        epoch gives the same pieces: `distribute.dataset` asks for a new one each time.
    """
    ids = tf.constant(ids, tf.int32)

    def of_epoch(epoch):
        seeds = tf.stack([tf.cast(seed, tf.int64), epoch])
        last = tf.size(ids) - length
        begins = tf.random.stateless_uniform((number,), seeds, 0, last, tf.int32)
        pieces = tf.data.Dataset.from_tensor_slices(begins)
        return pieces.map(lambda i: (ids[i : i + length], ids[i + 1 : i + length + 1]))

    return of_epoch


def _gpt(name: str, plan: Recipe, seed: int, limit: int | None) -> Task:
    if name == "python":
        parts = python_source(limit)
        tokenizer = text.BytePairTokenizer.train(parts[0][:300], merges=2000)
        prompt = "def read(path):\n"
    elif name == "chinese_poems":
        parts = [
            [f"{poem['text'].numpy().decode()}\n\n" for poem in found.take(limit or -1)]
            for found in data.load(name, split=["train", "validation+test"])
        ]
        tokenizer = text.BytePairTokenizer.train(parts[0][:3000], merges=3000)
        prompt = "春"
    else:
        found = data.load(name)
        splits = {split: next(iter(found[split]))["text"].numpy().decode() for split in found}
        parts = [splits["train"]], [splits["validation"] + splits["test"]]
        tokenizer, prompt = text.BytePairTokenizer([]), "\n"  # letter by letter
    tokens = [[t for source in part for t in tokenizer.tokens(source)] for part in parts]
    vocabulary = text.Vocabulary(tokenizer.vocabulary)
    train, held_out = (np.array(vocabulary.ids(part), "int32") for part in tokens)
    model = GPT(len(vocabulary), max_length=plan.length, **plan.model)
    cut = held_out[: (len(held_out) - 1) // plan.length * plan.length + 1]
    validation = tuple(part.reshape(-1, plan.length) for part in (cut[:-1], cut[1:]))

    def sample():
        ids = vocabulary.ids(tokenizer.tokens(prompt))
        [answer] = generate(model, [ids], 200, temperature=0.8, top_k=50, seed=seed)
        return prompt + tokenizer.text(vocabulary.tokens(answer.tolist()))

    return Task(
        model,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        windows(train, plan.length, plan.steps * plan.batch_size, seed),
        False,
        validation,
        sample,
        {"vocabulary.txt": vocabulary, "merges.txt": tokenizer},
    )


# BERT


def _bert(name: str, plan: Recipe, seed: int, limit: int | None) -> Task:
    tokenizer = text.WordTokenizer()
    end = regex.compile(r"(?<=[.!?])\s+(?=\p{Lu})|\n+")
    documents = [
        [tokens for s in end.split(e["text"].numpy().decode()) if len(tokens := tokenizer(s)) > 3]
        for e in data.load(name, split="train").take(limit or -1)
    ]
    parts = [d for i, d in enumerate(documents) if i % 10], documents[::10]
    if min(map(len, parts)) < 2:
        raise RecipeError(f"limit={limit} leaves nothing to train on, or to validate: more")
    sentences = [tokens for document in parts[0] for tokens in document]
    words = text.Vocabulary.build(sentences, size=8000, start="[CLS]", end="[SEP]")
    words = text.Vocabulary([*words, "[MASK]"], start="[CLS]", end="[SEP]")
    model = Pretraining(BERT(len(words), max_length=plan.length, **plan.model))

    def read(documents):
        first, second, follows = sentence_pairs(documents, seed)
        return *encode(words, first, second, plan.length), follows

    train, held_out = map(read, parts)

    def masked(part, seeds):
        ids, segments, follows = part
        new, places, hidden = mask_tokens(ids, words, seeds)
        return (new, segments, places), (hidden, follows)

    def of_epoch(epoch):
        seeds = tf.stack([tf.cast(seed, tf.int64), epoch + 1])
        return tf.data.Dataset.from_tensor_slices(masked(train, seeds))

    validation = tf.nest.map_structure(np.array, masked(held_out, (seed, 0)))

    def sample():
        inputs, (hidden, _) = tf.nest.map_structure(lambda x: x[:1], validation)
        guesses = np.array(model(inputs)[0][0]).argmax(-1)[hidden[0] > 0]
        line = words.tokens([i for i in inputs[0][0].tolist() if i != words.pad])
        truth = words.tokens(hidden[0][hidden[0] > 0].tolist())
        pairs = zip(words.tokens(guesses.tolist()), truth, strict=True)
        return f"{' '.join(line)}\n" + ", ".join(f"{a} ({b})" for a, b in pairs)

    crossentropy = keras.losses.SparseCategoricalCrossentropy
    losses = [crossentropy(from_logits=True, ignore_class=0), crossentropy(from_logits=True)]
    return Task(model, losses, of_epoch, True, validation, sample, {"vocabulary.txt": words})


# Transformer


def _transformer(name: str, plan: Recipe, seed: int, limit: int | None) -> Task:
    sides = {"cmudict": ("word", "phonemes"), "cmn_eng": ("english", "chinese")}[name]
    cuts = {
        "cmudict": (text.CharacterTokenizer(), lambda s: regex.sub(r"\d", "", s).split()),
        "cmn_eng": (text.WordTokenizer(), text.CharacterTokenizer()),
    }[name]
    parts = []
    for split in ("train", "validation"):
        found = data.load(name, split=split, batch_size=-1)
        rows = zip(*(found[side].numpy()[:limit] for side in sides), strict=True)
        pairs = [[cut(s.decode()) for cut, s in zip(cuts, row, strict=True)] for row in rows]
        parts.append([pair for pair in pairs if max(map(len, pair)) <= plan.length - 2])
    source, target = (text.Vocabulary.build(side) for side in zip(*parts[0], strict=True))
    model = Transformer(len(source), len(target), max_length=plan.length, **plan.model)

    def arrays(pairs):
        ids = source.encode([a for a, _ in pairs], plan.length).numpy()
        wanted = target.encode([b for _, b in pairs], plan.length, start=True, end=True).numpy()
        return (ids, wanted[:, :-1]), wanted[:, 1:]

    train, validation = map(arrays, parts)

    def sample():
        ids, _ = seq2seq.greedy(model, validation[0][0][:3], max_length=plan.length)
        answers = [target.tokens(row[row > target.end].tolist()) for row in ids.numpy()]
        asked = [pair[0] for pair in parts[1][:3]]
        return "\n".join(
            f"{' '.join(a)} -> {' '.join(b)}" for a, b in zip(asked, answers, strict=True)
        )

    return Task(
        model,
        SmoothedCrossentropy(0.1),
        lambda epoch: tf.data.Dataset.from_tensor_slices(train),
        True,
        validation,
        sample,
        {"source.txt": source, "target.txt": target},
    )
