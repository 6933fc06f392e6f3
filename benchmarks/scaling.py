"""Time a training step: plain Keras against ours, with XLA, on replicas and in processes.

What can share a process takes turns in it, a few steps each; what cannot takes turns as processes.
A machine's speed changes from minute to minute, so ratios are of neighbours, and medians over the
rounds. Processor time is of the whole process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

TURNS = 9  # in one process
LAUNCHES = 3  # of processes
MODELS = {  # batch, timed steps of a turn
    "gpt": (16, 2),  # 6 layers, 256 wide, 128 tokens
    "cnn": (64, 20),  # 32 x 32 pixels, batch normalization
}
KINDS = ["keras", "graph", "xla"]


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


def _contestant(model: str, kind: str, batch: int):
    """A function that trains for some steps: the seconds of one, wall and processor."""
    import keras
    import numpy as np

    from aimodels import train
    from aimodels.train import Model

    steps = MODELS[model][1]
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    build = {"gpt": _gpt, "cnn": _cnn}[model]
    replicas = kind == "replicas"
    # Several processes: what TF_CONFIG says. Else one device, though there may be several.
    scope = train.strategy("auto" if replicas or "TF_CONFIG" in os.environ else "one").scope()
    with scope:
        network, *shapes = build(keras, keras.Model if kind == "keras" else Model, batch)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile("adam", loss, jit_compile=kind == "xla")
        arrays = [
            rng.integers(0, high, shape) if high else rng.random(shape, "float32")
            for shape, high in shapes
        ]
        examples = tuple(np.repeat(array, 1 + steps, axis=0) for array in arrays)
        data = train.batches(examples, batch)

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            self.ended = time.perf_counter(), time.process_time()
            if step == 0:
                self.began = self.ended

    clock = Clock()

    def turn() -> list[float]:
        network.fit(data, verbose=0, callbacks=[clock])
        assert kind != "xla" or network.jit_compile
        return [(e - b) / steps for b, e in zip(clock.began, clock.ended, strict=True)]

    return turn


def _child(args) -> None:
    """One process: prints the figures of all turns of its contestants."""
    if args.core is not None and hasattr(os, "sched_setaffinity"):
        task = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]
        os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[args.core + task["index"]]])
    from aimodels import train

    if "replicas" in args.kinds:
        train.logical_devices(2)
    batch = MODELS[args.model][0] * args.scaled
    turns = {kind: _contestant(args.model, kind, batch) for kind in args.kinds}
    for turn in turns.values():
        turn()  # traces and compiles
    found = {kind: [] for kind in turns}
    for _ in range(args.turns):
        for kind, turn in turns.items():
            found[kind].append([*turn(), batch])
    if train.is_chief():
        print("RESULT", json.dumps(found), flush=True)


def _run(*commands: list[str]) -> list[dict]:
    """What each process, all of them running at the same time, found."""
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
            raise RuntimeError(f"status {process.returncode}\n{out}\n{err}")
        found.append(json.loads(lines[0].partition("RESULT")[2]))
    return found


def _in_turns(model: str, kinds: list[str], core: int | None = None) -> dict:
    command = [__file__, model, *kinds, "--turns", str(TURNS)]
    [found] = _run(command if core is None else [*command, "--core", str(core)])
    return _figures(found)


def _processes() -> dict:
    """One process with a core; two with one each, which train together; and two strangers, which
    shows what the machine can give."""
    command = [__file__, "gpt", "graph", "--turns", "3", "--core"]
    launch = ["-m", "aimodels", "launch", "--workers", "2", "--restarts", "0"]
    found = {"one process": [], "two processes": [], "two strangers": []}
    for _ in range(LAUNCHES):
        for name, commands in {
            "one process": [[*command, "0"]],
            "two processes": [[*launch, *command, "0", "--scaled", "2"]],
            "two strangers": [[*command, "0"], [*command, "1"]],
        }.items():
            each = [
                [statistics.median(column) for column in zip(*result["graph"], strict=True)]
                for result in _run(*commands)
            ]
            walls, processors, examples = zip(*each, strict=True)
            row = [statistics.mean(walls), statistics.mean(processors), sum(examples)]
            found[name].append(row)
            print(name, *row, flush=True)
    return _figures(found)


def _figures(found: dict[str, list[list[float]]]) -> dict:
    """Medians over the turns; how many times as fast as the first, turn by turn."""
    first = next(iter(found.values()))
    figures = {}
    for name, rows in found.items():
        walls, processors, examples = zip(*rows, strict=True)
        speeds = [
            [row[2] / row[i] / (one[2] / one[i]) for row, one in zip(rows, first, strict=True)]
            for i in (0, 1)
        ]
        figures[name] = {
            "seconds": round(statistics.median(walls), 4),
            "lowest": round(min(walls), 4),
            "highest": round(max(walls), 4),
            "processor_seconds": round(statistics.median(processors), 4),
            "examples_a_second": round(examples[0] / statistics.median(walls), 2),
            "times_as_fast": round(statistics.median(speeds[0]), 3),
            "times_as_fast_by_processor": round(statistics.median(speeds[1]), 3),
        }
    return figures


def run() -> dict:
    return {
        "gpt on one core": _in_turns("gpt", KINDS, core=0),
        "gpt on two cores": _in_turns("gpt", KINDS),
        "cnn on two cores": _in_turns("cnn", KINDS),
        "gpt, replicas on two cores": _in_turns("gpt", ["graph", "replicas"]),
        "gpt, a core for each process": _processes(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("kinds", nargs="+", choices=[*KINDS, "replicas"])
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--scaled", type=int, default=1)
    parser.add_argument("--core", type=int)
    _child(parser.parse_args())
