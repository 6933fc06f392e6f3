"""Time a training step: plain Keras against ours, with XLA, on replicas and in processes.

Every measurement is a process of its own. The contestants of one comparison take turns; figures are
medians over the rounds, with the lowest and the highest.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
MODELS = {  # batch, warm-up steps, timed steps
    "gpt": (16, 2, 6),  # 6 layers, 256 wide, 128 tokens
    "cnn": (64, 3, 30),  # 32 x 32 pixels, batch normalization
}
CONTESTS = {
    "gpt on two cores": [("gpt", name, 1, 2) for name in ("keras", "graph", "xla")],
    "cnn on two cores": [("cnn", name, 1, 2) for name in ("keras", "graph", "xla")],
    "gpt, replicas on two cores": [("gpt", "graph", n, 2) for n in (1, 2)],
    "gpt, a core for each process": [("gpt", "graph", n, -1) for n in (1, 2)],
    "gpt with XLA, a core for each process": [("gpt", "xla", n, -1) for n in (1, 2)],
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
    if args.cores == 1 and hasattr(os, "sched_setaffinity"):
        rank = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]
        os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[rank]])
    import keras
    import numpy as np

    from aimodels import distribute
    from aimodels.training import Model

    if args.replicas > 1:
        distribute.logical_devices(args.replicas)
    batch, warm, steps = MODELS[args.model]
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    if args.scaled:
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
            if step == warm - 1:
                self.began = time.perf_counter(), time.process_time()

    clock = Clock()
    model.fit(data, verbose=0, callbacks=[clock])
    wall, processor = time.perf_counter() - clock.began[0], time.process_time() - clock.began[1]
    assert args.kind != "xla" or model.xla
    if distribute.is_chief():
        print("RESULT", json.dumps([wall / steps, processor / steps, batch]), flush=True)


def _measure(model: str, kind: str, number: int, cores: int) -> tuple[float, float, int]:
    """Seconds a step, wall and processor, and examples a step."""
    command = [sys.executable, __file__, model, kind]
    if cores == -1:  # processes with a core each, and a batch that grows with them
        command += ["--cores", "1", "--scaled", str(number)]
        if number > 1:
            launch = [sys.executable, "-m", "aimodels", "launch", "--workers", str(number)]
            command = [*launch, "--restarts", "0", *command[1:]]
    else:
        command += ["--replicas", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if "RESULT" in line]
    return tuple(json.loads(line.partition("RESULT")[2]))


def _summary(found: list[tuple[float, float, int]]) -> dict:
    walls, processors = sorted(w for w, _, _ in found), sorted(p for _, p, _ in found)
    return {
        "seconds": round(statistics.median(walls), 4),
        "lowest": round(walls[0], 4),
        "highest": round(walls[-1], 4),
        "processor_seconds": round(statistics.median(processors), 4),
        "examples_a_second": round(found[0][2] / statistics.median(walls), 2),
    }


def run() -> dict:
    figures = {}
    for contest, contestants in CONTESTS.items():
        found = {contestant: [] for contestant in contestants}
        for _ in range(ROUNDS):
            for contestant in contestants:
                found[contestant].append(_measure(*contestant))
        figures[contest] = {
            f"{kind}, {number}": _summary(found[model, kind, number, cores])
            for model, kind, number, cores in contestants
        }
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("kind", choices=["keras", "graph", "xla"])
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--cores", type=int, default=0)
    parser.add_argument("--scaled", type=int, default=0)
    _child(parser.parse_args())
