"""A fine-tuning step and a reading of BERT: ours against Hugging Face in PyTorch, same weights.

A classifier of two classes on top of 6 layers, 384 wide, as MiniLM has them; Adam; dropout 0.1
while it trains. What both say of the same texts before is compared to four digits.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import turns

WIDTH, HEADS, LAYERS, VOCABULARY, LENGTH, BATCH, STEPS = 384, 12, 6, 30522, 64, 32, 2
OURS, THEIRS = ["ours", "ours with XLA"], ["Hugging Face"]
TASKS = ["training step", "reading"]


def _checkpoint(folder: Path) -> None:
    """Random weights of this size, also of the head."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=4 * WIDTH, num_labels=2,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Texts of all lengths up to the longest, padded, and their classes."""
    rng = np.random.default_rng(1)
    ids = rng.integers(1000, VOCABULARY, (BATCH, LENGTH)).astype("int32")
    ids[np.arange(LENGTH) >= rng.integers(LENGTH // 4, LENGTH + 1, BATCH)[:, None]] = 0
    return ids, rng.integers(0, 2, BATCH).astype("int32")


def _ours(folder: str, jit_compile: bool) -> tuple[Callable, Callable]:
    import aimodels

    aimodels.start(0)
    import tensorflow as tf
    from safetensors.numpy import load_file

    from aimodels.bert import BERT, classifier

    model = classifier(BERT.from_checkpoint(folder), 2)
    weights = load_file(Path(folder, "model.safetensors"))
    model.get_layer("head").set_weights(
        [weights["classifier.weight"].T, weights["classifier.bias"]]
    )
    ids, labels = _data()
    inputs = tuple(map(tf.constant, (ids, np.zeros_like(ids))))
    read = tf.function(lambda: model(inputs, training=False), jit_compile=jit_compile)
    return turns.fit(
        model, inputs, labels, STEPS, 2e-5, jit_compile=jit_compile
    ), lambda: read().numpy()


def _hugging_face(folder: str) -> tuple[Callable, Callable]:
    import torch
    from transformers import BertForSequenceClassification

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = BertForSequenceClassification.from_pretrained(folder)
    ids, labels = (torch.tensor(part, dtype=torch.long) for part in _data())
    mask = (ids != 0).long()
    optimizer = torch.optim.Adam(model.parameters(), 2e-5)

    def step():
        model.train()
        began = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
            optimizer.step()
        return (time.perf_counter() - began) / STEPS

    def read():
        model.eval()
        with torch.inference_mode():
            return model(input_ids=ids, attention_mask=mask).logits.numpy()

    return step, read


def _work(peer: str, folder: str) -> None:
    step, read = _hugging_face(folder) if peer in THEIRS else _ours(folder, peer == OURS[1])
    outputs = np.round(read().astype("float64"), 4).tolist()

    def reading():
        began = time.perf_counter()
        read()
        return time.perf_counter() - began, outputs

    turns.serve({TASKS[0]: lambda: (step(), None), TASKS[1]: reading})


def run() -> dict:
    """Milliseconds of a step and of a reading, ratios of neighbours, one and two threads."""
    with tempfile.TemporaryDirectory() as folder:
        _checkpoint(Path(folder))
        return {
            f"threads: {threads}": turns.race(__file__, OURS, THEIRS, TASKS, [folder], threads)
            for threads in (1, 2)
        }


if __name__ == "__main__":
    _work(*sys.argv[1:])
