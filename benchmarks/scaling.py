"""Time a training step: plain Keras against ours, with XLA, on replicas and in processes.

Every measurement is a process of its own. The contestants of one comparison take turns; figures are
medians over the rounds, with the lowest and the highest; processor time is of the whole process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 3
MODELS = {  # batch, warm-up steps, timed steps
    "gpt": (16, 2, 6),  # 6 layers, 256 wide, 128 tokens
    "cnn": (64, 3, 30),  # 32 x 32 pixels, batch normalization
}
KINDS = ("keras", "graph", "xla")
CONTESTS = {  # name: model, kind, and how it runs
    "gpt on one core": {kind: ("gpt", kind, "a core") for kind in KINDS},
    "gpt on two cores": {kind: ("gpt", kind, "all cores") for kind in KINDS},
    "cnn on two cores": {kind: ("cnn", kind, "all cores") for kind in KINDS},
    "gpt, two cores": {
        "one replica": ("gpt", "graph", "all cores"),
        "two replicas": ("gpt", "graph", "replicas"),
    },
    "gpt, a core for each process": {
        "one process": ("gpt", "graph", "a core"),
        "two processes": ("gpt", "graph", "together"),
        "two strangers": ("gpt", "graph", "apart"),  # what the machine can give at most
    },
}


def _gpt(keras, cls, batch: int):
    width, heads, layers, vocabulary, length = 256, 8, 6, 8192, 128
    tokens = keras.Input((length,), dtype="int32")
    x = keras.layers.Embedding(vocabulary, width)(tokens)
    x = x + keras.layers.Embedding(length, width)(keras.ops.arange(length))
    for _ in range(layers):
        h = keras.layers.LayerNormalization()(x)
        attention = keras.layers.MultiHeadAttention(heads, width // heads)
        x = x + attention(h, h, use_causal_mask=True)
        h = keras.layers.LayerNormalization()(x)
        h = keras.layers.Dense(4 * width, activation="gelu")(h)
        x = x + keras.layers.Dense(width)(h)
    logits = keras.layers.Dense(vocabulary, use_bias=False)(keras.layers.LayerNormalization()(x))
    return cls(tokens, logits), ((batch, length), vocabulary), ((batch, length), vocabulary)


def _cnn(keras, cls, batch: int):
    image = x = keras.Input((32, 32, 3))
    for filters in (32, 64, 128):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.MaxPooling2D()(keras.layers.ReLU()(x))
    logits = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
    return cls(image, logits), ((batch, 32, 32, 3), None), ((batch,), 10)


def _child(args) -> None:
    """One process: prints the seconds, wall and processor, of a step."""
    if args.core is not None and hasattr(os, "sched_setaffinity"):
        task = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]
        os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[args.core + task["index"]]])
    import keras
    import numpy as np

    from aimodels import distribute
    from aimodels.training import Model

    if args.replicas > 1:
        distribute.logical_devices(args.replicas)
    batch, warm, steps = MODELS[args.model]
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    batch *= args.scaled
    with distribute.strategy().scope():
        build = {"gpt": _gpt, "cnn": _cnn}[args.model]
        model, *shapes = build(keras, keras.Model if args.kind == "keras" else Model, batch)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        more = {"jit_compile": False} if args.kind == "keras" else {"xla": args.kind == "xla"}
        model.compile("adam", loss, **more)
        arrays = [
            rng.integers(0, high, shape) if high else rng.random(shape, "float32")
            for shape, high in shapes
        ]
        examples = tuple(np.repeat(array, warm + steps, axis=0) for array in arrays)
        data = distribute.dataset(examples, batch)

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            self.ended = time.perf_counter(), time.process_time()
            if step == warm - 1:
                self.began = self.ended

    clock = Clock()
    model.fit(data, verbose=0, callbacks=[clock])
    wall, processor = (e - b for b, e in zip(clock.began, clock.ended, strict=True))
    assert args.kind != "xla" or model.xla
    if distribute.is_chief():
        print("RESULT", json.dumps([wall / steps, processor / steps, batch]), flush=True)


def _measure(model: str, kind: str, how: str) -> tuple[float, float, int]:
    """Seconds a step, wall and processor, and examples a step; the batch grows with processes."""
    command = [__file__, model, kind]
    launch = ["-m", "aimodels", "launch", "--workers", "2", "--restarts", "0"]
    commands = {
        "all cores": [command],
        "replicas": [[*command, "--replicas", "2"]],
        "a core": [[*command, "--core", "0"]],
        "together": [[*launch, *command, "--core", "0", "--scaled", "2"]],
        "apart": [[*command, "--core", "0"], [*command, "--core", "1"]],
    }[how]
    running = [
        subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for command in commands
    ]
    found = []
    for process in running:
        out, err = process.communicate()
        lines = [line for line in out.splitlines() if "RESULT" in line]
        if process.returncode or len(lines) != 1:
            raise RuntimeError(f"{model}, {kind}, {how}: status {process.returncode}\n{err}")
        found.append(json.loads(lines[0].partition("RESULT")[2]))
    walls, processors, examples = zip(*found, strict=True)
    return statistics.mean(walls), statistics.mean(processors), sum(examples)


def _summary(found: list[tuple[float, float, int]], first: list[tuple[float, float, int]]) -> dict:
    """Medians, and how many times as fast as the contest's first: the median over the rounds."""
    walls, processors = sorted(w for w, _, _ in found), sorted(p for _, p, _ in found)
    pairs = list(zip(found, first, strict=True))
    return {
        "seconds": round(statistics.median(walls), 4),
        "lowest": round(walls[0], 4),
        "highest": round(walls[-1], 4),
        "processor_seconds": round(statistics.median(processors), 4),
        "examples_a_second": round(found[0][2] / statistics.median(walls), 2),
        "times_as_fast": round(
            statistics.median(f[2] / f[0] / (one[2] / one[0]) for f, one in pairs), 3
        ),
        "times_as_fast_by_processor": round(
            statistics.median(f[2] / f[1] / (one[2] / one[1]) for f, one in pairs), 3
        ),
    }


def run() -> dict:
    contestants = {which for rows in CONTESTS.values() for which in rows.values()}
    found = {contestant: [] for contestant in sorted(contestants)}
    for _ in range(ROUNDS):
        for contestant, figures in found.items():
            figures.append(_measure(*contestant))
            print(*contestant, *figures[-1], flush=True)
    return {
        contest: {
            name: _summary(found[which], found[next(iter(rows.values()))])
            for name, which in rows.items()
        }
        for contest, rows in CONTESTS.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--core", type=int)
    parser.add_argument("--scaled", type=int, default=1)
    _child(parser.parse_args())
