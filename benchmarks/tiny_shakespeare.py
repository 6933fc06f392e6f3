"""A small GPT on Shakespeare's letters, by nanoGPT's recipe for a processor: ours and PyTorch's.

4 layers, 4 heads, 128 wide; 2,000 steps of 12 pieces of 64 letters; no dropout. nanoGPT's
author reports a validation loss of 1.88. Ours is `aimodels train gpt --data tiny_shakespeare`,
whole: reading the text, validation and a sample eight times, saving. PyTorch's program reads the
same ids and has the same numbers of everything but the sample. Whole runs take turns.
Then ours writes its weights in 8 bits: what does that cost in perplexity?
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from turns import THREADS

CONTESTANTS = ["ours", "ours with XLA", "PyTorch"]
ROUNDS, WINDOWS = 3, 40


def _ours(folder: str, jit_compile: bool) -> dict:
    import aimodels

    aimodels.start(0)
    import keras

    from aimodels import lite, recipes

    began = time.perf_counter()
    rows = recipes.train("gpt", folder, "tiny_shakespeare", jit_compile=jit_compile)
    figures = {"seconds": time.perf_counter() - began, "losses": [row["val_loss"] for row in rows]}
    if not jit_compile:
        model = keras.models.load_model(Path(folder, "model.keras"))
        held_out = _held_out()[: WINDOWS * 65].reshape(-1, 65)
        for name in ("float32", "int8"):
            path = Path(folder, f"{name}.tflite")
            lite.export(model, path, int8=name == "int8")
            figures[f"{name}_perplexity"] = round(_perplexity(lite.LiteGPT(path), held_out), 4)
            figures[f"{name}_megabytes"] = round(path.stat().st_size / 1e6, 2)
    return figures


def text_ids() -> tuple[list, list, int]:
    """Ids for training and for validation, and how many kinds there are: as our recipe has them."""
    from aimodels import data, text

    splits = data.load("tiny_shakespeare")
    parts = {name: next(iter(splits[name]))["text"].numpy().decode() for name in splits}
    tokenizer = text.BytePairTokenizer([])
    vocabulary = text.Vocabulary(tokenizer.vocabulary)
    ids = [
        vocabulary.tokens_to_ids(tokenizer.tokenize(part))
        for part in (parts["train"], parts["validation"] + parts["test"])
    ]
    return *ids, len(vocabulary)


def _held_out() -> np.ndarray:
    return np.array(text_ids()[1], "int32")


def _perplexity(model, windows: np.ndarray) -> float:
    """Of the tokens behind the first of each window, one step after another."""
    losses = []
    for row in windows:
        cache = model.cache(1)
        for place, (token, following) in enumerate(itertools.pairwise(row)):
            logits, cache = model.step(np.array([[token]]), cache, place)
            z = np.array(logits[0], "float64")
            losses.append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[following])
    return float(np.exp(np.mean(losses)))


def _pytorch(_: str) -> dict:
    import torch
    from torch_gpt import TorchGPT

    from aimodels.recipes import RECIPES

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    plan = RECIPES["gpt"]["cpu"]
    began, losses = time.perf_counter(), []
    *parts, size = text_ids()
    train, held_out = (torch.tensor(part) for part in parts)
    model = TorchGPT(size, 128, 4, 4, plan.length)
    groups = {True: [], False: []}
    for weight in model.parameters():
        groups[weight.ndim > 1].append(weight)
    optimizer = torch.optim.AdamW(
        [
            {"params": groups[True], "weight_decay": 0.1},
            {"params": groups[False], "weight_decay": 0},
        ],
        plan.rate,
        (0.9, 0.99),
    )
    steps = plan.steps * plan.epochs
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 1e-3, 1, plan.warmup),
            torch.optim.lr_scheduler.CosineAnnealingLR(
                optimizer, steps - plan.warmup, plan.rate / 10
            ),
        ],
        [plan.warmup],
    )

    def loss(ids):
        logits = model(ids[:, :-1]).flatten(0, 1)
        return torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten())

    cut = (len(held_out) - 1) // plan.length * plan.length
    pieces = held_out[: cut + 1].unfold(0, plan.length + 1, plan.length)
    for step in range(1, steps + 1):
        begins = torch.randint(len(train) - plan.length, (plan.batch_size, 1))
        optimizer.zero_grad()
        loss(train[begins + torch.arange(plan.length + 1)]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % plan.steps == 0:
            with torch.inference_mode():
                sized = [
                    (len(part), float(loss(part))) for part in pieces.split(4 * plan.batch_size)
                ]
            losses.append(sum(n * x for n, x in sized) / len(pieces))
    return {"seconds": time.perf_counter() - began, "losses": losses}


def run(threads: int = 2) -> dict:
    """Seconds, losses on held-out text, ratios of neighbours.

    Args:
        threads: of each contestant.
    """
    answers = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS):
        for name in CONTESTANTS:
            with tempfile.TemporaryDirectory() as folder:
                answer = subprocess.run(
                    [sys.executable, __file__, name, folder],
                    env=os.environ | dict.fromkeys(THREADS, str(threads)),
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
            line = next(x for x in answer.stdout.splitlines() if x.startswith("RESULT"))
            answers[name].append(json.loads(line.partition(" ")[2]))
            print(name, line[:100], flush=True)
    theirs, figures = [one["seconds"] for one in answers["PyTorch"]], {"threads": threads}
    for name, runs in answers.items():
        seconds = [one["seconds"] for one in runs]
        ratios = [a / b for a, b in zip(seconds, theirs, strict=True)]
        losses = [one["losses"][-1] for one in runs]
        figures[name] = {k: v for k, v in runs[0].items() if k not in ("seconds", "losses")} | {
            "seconds": round(statistics.median(seconds), 1),
            "times_the_seconds_of_pytorch": round(statistics.median(ratios), 2),
            "validation_loss": round(statistics.median(losses), 3),
            "validation_losses_on_the_way": [round(x, 3) for x in runs[0]["losses"]],
        }
    return figures


if __name__ == "__main__":
    name, where = sys.argv[1:]
    print(
        "RESULT", json.dumps(_pytorch(where) if name == "PyTorch" else _ours(where, "XLA" in name))
    )
