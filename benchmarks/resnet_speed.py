"""A training step of ResNet-50: ours against `keras.applications.ResNet50`, in turns.

The same network but for the biases that the normalisations cancel, which ours leaves out. Each is
run as a TensorFlow graph and compiled by XLA. The first answers, with the same weights and biases
of zero, are compared to three digits.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import turns

OURS = ["ours", "ours with XLA"]
THEIRS = ["keras.applications", "keras.applications with XLA"]
TASKS = ["reading", "training step"]
CLASSES, STEPS = 1000, 1


def _network(peer: str, size: int):
    """The model, with weights that depend on nothing but their shapes."""
    import keras

    from aimodels.resnet import ResNet50

    shape = (size, size, 3)
    if peer in OURS:
        model = ResNet50(shape, CLASSES)
    else:
        model = keras.applications.ResNet50(
            weights=None, input_shape=shape, classes=CLASSES, classifier_activation=None
        )
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name == "kernel":
            fan_in = np.prod(variable.shape[:-1])
            variable.assign(rng.normal(size=variable.shape) * fan_in**-0.5)
    return model


def _tasks(peer: str, size: int, batch: int) -> dict[str, Callable]:
    import aimodels

    aimodels.start(0)
    import tensorflow as tf

    model = _network(peer, size)
    rng = np.random.default_rng(1)
    images = rng.normal(size=(batch, size, size, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, batch)
    pictures = tf.constant(images)
    jit_compile = peer.endswith("XLA")
    read = tf.function(lambda: model(pictures, training=False), jit_compile=jit_compile)
    answer = np.round(np.float64(read()), 3).tolist()  # before training changes it
    step = turns.fit(model, images, labels, STEPS, jit_compile=jit_compile)

    def reading():
        began = time.perf_counter()
        read().numpy()
        return time.perf_counter() - began, answer

    return {TASKS[0]: reading, TASKS[1]: lambda: (step(), None)}


def run(size: int = 224, batch: int = 8, rounds: int = 7) -> dict:
    """Milliseconds of a step and of a reading, and ratios of neighbours.

    Args:
        size: height and width of the pictures.
        batch: number of pictures.
        rounds: that are measured.
    """
    figures = turns.race(
        __file__, OURS, THEIRS, TASKS, [str(size), str(batch)], threads=2, rounds=rounds
    )
    return {"size": size, "batch": batch, "rounds": rounds, **figures}


if __name__ == "__main__":
    turns.serve(_tasks(sys.argv[1], *map(int, sys.argv[2:])))
