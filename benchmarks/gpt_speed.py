"""Training steps and generation of one GPT: ours against PyTorch, Hugging Face and keras-hub.

All read the same weights, from a folder in the form of Hugging Face, and must write the same
tokens; with 8-bit weights, ours may write others. What a first call costs more, compilation among
it, is stated apart. PyTorch runs eagerly, with its fused attention; its cache is allocated once, as
ours is. Its training step is compiled as well; keras-hub compiles all. The peers come with
`pip install aimodels[peers]`. A training step is nearly all matrix products: what they take at this
machine's peak is the least that anybody's step can take.
"""

import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import turns

WIDTH, HEADS, LAYERS, VOCABULARY, LENGTH = 256, 8, 6, 8192, 128
BATCH, STEPS = 16, 2  # of a training turn
PROMPT, NEW = 16, 96
OURS = ["ours", "ours with XLA", "ours in int8"]
THEIRS = ["PyTorch", "PyTorch compiled", "Hugging Face", "keras-hub"]
TASKS = ["training step", "generation, batch 1", "generation, batch 8"]


def _checkpoint(folder: Path) -> None:
    """Random weights of this size."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    shapes = {"wte.weight": (VOCABULARY, WIDTH), "wpe.weight": (LENGTH, WIDTH)}
    norms = ["ln_f"]
    for i in range(LAYERS):
        norms += [f"h.{i}.ln_1", f"h.{i}.ln_2"]
        for name, rows, columns in (
            ("attn.c_attn", WIDTH, 3 * WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, 4 * WIDTH),
            ("mlp.c_proj", 4 * WIDTH, WIDTH),
        ):
            shapes[f"h.{i}.{name}.weight"] = (rows, columns)
            shapes[f"h.{i}.{name}.bias"] = (columns,)
    weights = {k: rng.normal(0, 0.05, shape).astype("float32") for k, shape in shapes.items()}
    for name in norms:
        weights[f"{name}.weight"] = np.ones(WIDTH, "float32")
        weights[f"{name}.bias"] = np.zeros(WIDTH, "float32")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": VOCABULARY,
        "n_embd": WIDTH, "n_head": HEADS, "n_layer": LAYERS, "n_positions": LENGTH,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "resid_pdrop": 0.0,
        "embd_pdrop": 0.0, "attn_pdrop": 0.0, "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))


def _roofline(folder: str) -> dict:
    """What a training step computes, and the time for it at the speed of one large product."""
    import keras

    from aimodels.gpt import GPT
    from aimodels.train.profiling import cost, machine

    inputs = keras.Input((LENGTH,), dtype="int32")
    flops = cost(
        keras.Model(inputs, GPT.from_checkpoint(folder)(inputs)), BATCH, training=True
    ).flops
    peak, _ = machine(seconds=5)
    return {
        "operations of a training step": flops,
        "peak operations a second": round(peak),
        "milliseconds of a step at the peak": round(1000 * flops / peak, 2),
    }


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    ids = rng.integers(0, VOCABULARY, (BATCH, LENGTH + 1)).astype("int32")
    return ids, rng.integers(0, VOCABULARY, (8, PROMPT)).astype("int32")


def _ours(folder: str, peer: str):
    import aimodels

    aimodels.start(0)
    from aimodels import lite
    from aimodels.decoding import generate
    from aimodels.gpt import GPT

    model, trained = (GPT.from_checkpoint(folder) for _ in range(2))
    jit_compile = peer == OURS[1]
    ids, prompts = _data()
    step = turns.fit(trained, ids[:, :-1], ids[:, 1:], STEPS, jit_compile=jit_compile)
    if peer == OURS[2]:
        path, step = Path(folder, "gpt.tflite"), None
        lite.export(model, path)
        model = lite.LiteGPT(path, num_threads=int(os.environ["OMP_NUM_THREADS"]))
    return step, lambda rows: np.stack(
        generate(model, list(prompts[:rows]), NEW, jit_compile=jit_compile)
    )


def _keras_hub(folder: str):
    import aimodels

    aimodels.start(0)
    from keras_hub.models import GPT2Backbone, GPT2CausalLM

    model, trained = (GPT2CausalLM(GPT2Backbone.from_preset(folder)) for _ in range(2))
    ids, prompts = _data()
    inputs = {"token_ids": ids[:, :-1], "padding_mask": np.ones_like(ids[:, :-1])}
    step = turns.fit(trained, inputs, ids[:, 1:], STEPS)
    model.compile(sampler="greedy", jit_compile=True)

    def write(rows):
        ids = np.pad(prompts[:rows], ((0, 0), (0, NEW)))
        known = np.broadcast_to(np.arange(PROMPT + NEW) < PROMPT, ids.shape).astype("int32")
        answer = model.generate({"token_ids": ids, "padding_mask": known}, stop_token_ids=None)
        return np.array(answer["token_ids"])[:, PROMPT:]

    return step, write


def _plain(folder: str):
    from torch_gpt import TorchGPT

    model = TorchGPT(VOCABULARY, WIDTH, HEADS, LAYERS, LENGTH).load(folder)
    return model, model, lambda rows: model.write(rows, NEW)


def _hugging_face(folder: str):
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder)

    def write(rows):
        with torch.inference_mode():
            everywhere = torch.ones_like(rows)
            lengths = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False}
            return model.generate(rows, attention_mask=everywhere, **lengths)[:, PROMPT:]

    return model, lambda ids: model(ids).logits, write


def _torch(folder: str, make: Callable, compiled: bool):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    trained, logits_of, _ = make(folder)
    if compiled:
        logits_of = torch.compile(logits_of)
    _, _, write = make(folder)  # training must not change what is written
    optimizer = torch.optim.Adam(trained.parameters(), 1e-4)
    ids, prompts = (torch.tensor(part, dtype=torch.long) for part in _data())

    def step():
        began = time.perf_counter()
        for _ in range(STEPS):
            logits = logits_of(ids[:, :-1]).flatten(0, 1)
            loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (time.perf_counter() - began) / STEPS

    return step, None if compiled else lambda rows: write(prompts[:rows]).numpy()


def _work(peer: str, folder: str) -> None:
    if peer in OURS:
        step, write = _ours(folder, peer)
    elif peer == "keras-hub":
        step, write = _keras_hub(folder)
    else:
        make = _hugging_face if peer == "Hugging Face" else _plain
        step, write = _torch(folder, make, compiled=peer == "PyTorch compiled")

    def written(rows):
        began = time.perf_counter()
        ids = write(rows).tolist()
        return (time.perf_counter() - began) / NEW, ids

    tasks = {TASKS[0]: lambda: (step(), None)} if step else {}
    if write:
        tasks |= {task: functools.partial(written, int(task[-1])) for task in TASKS[1:]}
    turns.serve(tasks)


def run() -> dict:
    """Milliseconds per step and per token, ratios of neighbours, with one and with two threads."""
    with tempfile.TemporaryDirectory() as folder:
        _checkpoint(Path(folder))
        return {"roofline, all cores": _roofline(folder)} | {
            f"threads: {threads}": turns.race(__file__, OURS, THEIRS, TASKS, [folder], threads)
            for threads in (1, 2)
        }


if __name__ == "__main__":
    _work(*sys.argv[1:])
