"""A GPT that learns to write: code, Shakespeare, Chinese poems, or a text of the user's own."""

import sysconfig
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aimodels import data, text
from aimodels.decoding import generate
from aimodels.gpt import GPT
from aimodels.recipes.common import Recipe, RecipeError, Task
from aimodels.recipes.texts import OwnText

_READ_FOR_MERGES = 2_000_000  # characters: of more, learning the merges takes minutes


def python_source(limit: int | None = None) -> tuple[list[str], list[str]]:
    """The standard library's modules, as they lie on this machine: for training, for validation.

    Args:
        limit: largest number of modules; all of them if None.
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = [*folder.glob("*.py"), *folder.glob("[a-z]*/*.py")]
    unwanted = {"test", "idlelib", "lib2to3", "site-packages", "pydoc_data", "encodings"}
    parts = [], []
    for path in sorted(p for p in paths if p.relative_to(folder).parts[0] not in unwanted)[:limit]:
        source = path.read_text(encoding="utf-8", errors="replace")
        parts[data.hash_fraction(path.relative_to(folder).as_posix()) >= 0.9].append(source)
    return parts


def windows(ids, length: int, number: int, seed: int) -> Callable:
    """Pieces of a long text for `train.batches`: others in each epoch.

    Args:
        ids: token ids of the text, (N,).
        length: T, number of tokens per piece.
        number: number of pieces per epoch.
        seed: seed of the positions at which they begin.

    Returns:
        A function from an epoch to a dataset of (ids, ids one place later), (T,) each. The same
        epoch gives the same pieces: `train.batches` asks for a new one each time.
    """
    ids = tf.constant(ids, tf.int32)

    def of_epoch(epoch):
        seeds = tf.stack([tf.cast(seed, tf.int64), epoch])
        last = tf.size(ids) - length
        begins = tf.random.stateless_uniform((number,), seeds, 0, last, tf.int32)
        pieces = tf.data.Dataset.from_tensor_slices(begins)
        return pieces.map(lambda i: (ids[i : i + length], ids[i + 1 : i + length + 1]))

    return of_epoch


def _learned_from(texts: list[str]) -> text.BytePairTokenizer:
    """Byte pairs of a text of any size: few of a short one, or each would occur too rarely."""
    read, room = [], _READ_FOR_MERGES
    for one in texts:
        read.append(one[:room])
        room -= len(read[-1])
    return text.BytePairTokenizer.train(read, min(3000, sum(map(len, read)) // 100))


def gpt(name: str, plan: Recipe, seed: int, limit: int | None, texts: OwnText | None) -> Task:
    if texts:
        parts = texts.train, texts.validation
        tokenizer = _learned_from(texts.train)
        prompt = next((text.strip() for text in texts.validation if text.strip()), "\n")[:20]
    elif name == "python":
        parts = python_source(limit)
        tokenizer = text.BytePairTokenizer.train(parts[0][:300], num_merges=2000)
        prompt = "def read(path):\n"
    elif name == "chinese_poems":
        parts = [
            [f"{poem['text'].numpy().decode()}\n\n" for poem in poems.take(limit or -1)]
            for poems in data.load(name, split=["train", "validation+test"])
        ]
        tokenizer = text.BytePairTokenizer.train(parts[0][:3000], num_merges=3000)
        prompt = "春"
    else:
        splits = {
            split: next(iter(examples))["text"].numpy().decode()
            for split, examples in data.load(name).items()
        }
        parts = [splits["train"]], [splits["validation"] + splits["test"]]
        tokenizer, prompt = text.BytePairTokenizer([]), "\n"  # letter by letter
    tokens = [[t for source in part for t in tokenizer.tokenize(source)] for part in parts]
    vocabulary = text.Vocabulary(tokenizer.vocabulary)
    train, held_out = (np.array(vocabulary.tokens_to_ids(part), "int32") for part in tokens)
    if texts and min(len(train), len(held_out)) <= plan.length:
        raise RecipeError(
            f"{name} gives {len(train):,} tokens to train on and {len(held_out):,} held out; this "
            f"recipe needs more than {plan.length} of each: take a longer text"
            + (", a larger limit" if limit else "")
            + " or a recipe with shorter examples"
        )
    model = GPT(len(vocabulary), max_sequence_length=plan.length, **plan.model)
    cut = held_out[: (len(held_out) - 1) // plan.length * plan.length + 1]
    validation = tuple(part.reshape(-1, plan.length) for part in (cut[:-1], cut[1:]))

    def sample():
        ids = vocabulary.tokens_to_ids(tokenizer.tokenize(prompt))[: plan.length]
        [answer] = generate(model, [ids], 200, temperature=0.8, top_k=50, seed=seed)
        return prompt + tokenizer.detokenize(vocabulary.ids_to_tokens(answer.tolist()))

    return Task(
        model,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        windows(train, plan.length, plan.steps * plan.batch_size, seed),
        False,
        validation,
        sample,
        {"vocabulary.txt": vocabulary, "merges.txt": tokenizer},
    )
