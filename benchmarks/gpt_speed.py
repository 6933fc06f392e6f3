"""Training steps and generation of one GPT: ours against PyTorch and Hugging Face.

All read the same weights, from a folder in the form of Hugging Face, and must write the same
tokens. Each is a process of its own that waits while another one works; they take turns, and a
figure is the median over the rounds. What a first call costs more, compilation among it, is stated
apart.
PyTorch runs eagerly, with its fused attention; its cache is allocated once, as ours is.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WIDTH, HEADS, LAYERS, VOCABULARY, LENGTH = 256, 8, 6, 8192, 128
BATCH, STEPS = 16, 2  # of a training turn
PROMPT, NEW = 16, 96
ROUNDS = 7
PEERS = ["ours", "ours with XLA", "PyTorch", "Hugging Face"]
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


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    ids = rng.integers(0, VOCABULARY, (BATCH, LENGTH + 1)).astype("int32")
    return ids, rng.integers(0, VOCABULARY, (8, PROMPT)).astype("int32")


def _ours(folder: str, xla: bool):
    import aimodels

    aimodels.start(0)
    import keras
    import tensorflow as tf

    from aimodels.generation import generate
    from aimodels.gpt import GPT

    model, trained = GPT.from_checkpoint(folder), GPT.from_checkpoint(folder)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(keras.optimizers.Adam(1e-4), loss, xla=xla)
    ids, prompts = _data()
    batch = tf.data.Dataset.from_tensors((ids[:, :-1], ids[:, 1:])).repeat(1 + STEPS)

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            self.ended = time.perf_counter()
            if step == 0:
                self.began = self.ended

    clock = Clock()

    def step():
        trained.fit(batch, verbose=0, callbacks=[clock])
        return (clock.ended - clock.began) / STEPS

    def write(rows):
        return np.stack(generate(model, list(prompts[:rows]), NEW, xla=xla))

    return step, write


def _torch_model(folder: str):
    """The same model in plain PyTorch: fused projections, fused attention, tied weights."""
    import torch
    from safetensors.torch import load_file
    from torch import nn
    from torch.nn import functional as F  # noqa: N812

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attn = nn.ModuleDict(
                {"c_attn": nn.Linear(WIDTH, 3 * WIDTH), "c_proj": nn.Linear(WIDTH, WIDTH)}
            )
            self.mlp = nn.ModuleDict(
                {"c_fc": nn.Linear(WIDTH, 4 * WIDTH), "c_proj": nn.Linear(4 * WIDTH, WIDTH)}
            )

        def forward(self, x, cache=None, at=0):
            rows, length, _ = x.shape
            qkv = self.attn["c_attn"](self.ln_1(x)).view(rows, length, 3, HEADS, -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            if cache is not None:
                cache[0][:, :, at : at + length], cache[1][:, :, at : at + length] = k, v
                k, v = cache[0][:, :, : at + length], cache[1][:, :, : at + length]
            y = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
            x = x + self.attn["c_proj"](y.transpose(1, 2).reshape(rows, length, WIDTH))
            h = F.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
            return x + self.mlp["c_proj"](h)

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.h = nn.ModuleList(Block() for _ in range(LAYERS))
            self.ln_f = nn.LayerNorm(WIDTH)

        def forward(self, ids, caches=None, at=0):
            x = self.wte(ids) + self.wpe.weight[at : at + ids.shape[1]]
            for i, block in enumerate(self.h):
                x = block(x, caches and caches[i], at)
            x = self.ln_f(x[:, -1:] if caches else x)
            return x @ self.wte.weight.T

    model = Plain()
    weights = load_file(Path(folder, "model.safetensors"))
    dense = ("c_attn.weight", "c_proj.weight", "c_fc.weight")  # Hugging Face stores them turned
    model.load_state_dict({k: w.T if k.endswith(dense) else w for k, w in weights.items()})

    def write(rows):
        with torch.inference_mode():
            shape = (len(rows), HEADS, PROMPT + NEW, WIDTH // HEADS)
            caches = [[torch.zeros(shape), torch.zeros(shape)] for _ in range(LAYERS)]
            new, ids, at = [], rows, 0
            for _ in range(NEW):
                logits = model(ids, caches, at)[:, -1]
                at, ids = at + ids.shape[1], logits.argmax(-1, keepdim=True)
                new.append(ids)
            return torch.cat(new, dim=1)

    return model, model, write


def _hugging_face(folder: str):
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder)

    def write(rows):
        with torch.inference_mode():
            everywhere = torch.ones_like(rows)
            more = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False}
            return model.generate(rows, attention_mask=everywhere, **more)[:, PROMPT:]

    return model, lambda ids: model(ids).logits, write


def _theirs(folder: str, make):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    trained, logits_of, _ = make(folder)
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

    return step, lambda rows: write(prompts[:rows]).numpy()


def _work(peer: str, folder: str) -> None:
    """A contestant: for each task that it reads, the seconds of a step or of a token."""
    if peer.startswith("ours"):
        step, write = _ours(folder, xla=peer != "ours")
    else:
        step, write = _theirs(folder, _torch_model if peer == "PyTorch" else _hugging_face)
    for line in sys.stdin:
        task, began = line.strip(), time.perf_counter()
        if task == TASKS[0]:
            seconds, ids = step(), None
        else:
            ids = write(int(task[-1])).tolist()
            seconds = (time.perf_counter() - began) / NEW
        whole = time.perf_counter() - began
        print("RESULT", json.dumps([seconds, whole, ids]), flush=True)


class _Peer:
    """A contestant's process."""

    def __init__(self, name: str, folder: str, threads: int):
        some = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, folder],
            env=os.environ | dict.fromkeys(some, str(threads)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def do(self, task: str) -> tuple[float, float, list]:
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("RESULT"):
                return json.loads(line.partition(" ")[2])
        raise RuntimeError(f"{self.process.args[2]} ended at {task}: {self.process.wait()}")


def _race(folder: str, threads: int) -> dict:
    peers = {name: _Peer(name, folder, threads) for name in PEERS}
    found = {}
    try:
        for task in TASKS:
            first = {name: peer.do(task) for name, peer in peers.items()}
            rounds = {name: [] for name in peers}
            for _ in range(ROUNDS):
                for name, peer in peers.items():
                    rounds[name].append(peer.do(task)[:2])
            figures = found[task] = {}
            for name, times in rounds.items():
                seconds = statistics.median(s for s, _ in times)
                usual = statistics.median(whole for _, whole in times)
                figures[name] = {
                    "milliseconds": round(1000 * seconds, 2),
                    "first_call_more_seconds": round(first[name][1] - usual, 1),
                    "same_tokens": first[name][2] == first[PEERS[0]][2],
                }
            for name in PEERS[2:]:
                for ours in PEERS[:2]:
                    pairs = zip(rounds[name], rounds[ours], strict=True)
                    ratio = statistics.median(a[0] / b[0] for a, b in pairs)
                    figures[ours][f"times the speed of {name}"] = round(ratio, 2)
    finally:
        for peer in peers.values():
            peer.process.kill()
            peer.process.wait()
    return found


def run() -> dict:
    """Milliseconds a step and a token, ratios of neighbours, with one and with two threads."""
    with tempfile.TemporaryDirectory() as folder:
        _checkpoint(Path(folder))
        return {f"threads: {threads}": _race(folder, threads) for threads in (1, 2)}


if __name__ == "__main__":
    _work(*sys.argv[1:])
