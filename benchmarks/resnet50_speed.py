"""A training step of ResNet-50: ours against keras.applications, each without and with XLA.

The same 25.6 million weights, the same pictures, Adam, no augmentation: pictures of 224 pixels and
1,000 classes. What both say of the pictures before is compared to four digits.
"""

import sys

import numpy as np
import turns

SIZE, CLASSES, STEPS = 224, 1000, 2
OURS, THEIRS = ["ours", "ours with XLA"], ["keras.applications", "keras.applications with XLA"]
TASKS = ["training step"]


def _data(batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch_size, SIZE, SIZE, 3), "float32")
    return images, rng.integers(0, CLASSES, batch_size)


def _work(name: str, batch_size: str) -> None:
    import aimodels

    aimodels.start(0)
    import keras

    from aimodels.resnet import ResNet50

    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(weights=None, classifier_activation=None)
    if name in OURS:
        same, model = model.get_weights(), ResNet50((SIZE, SIZE, 3), CLASSES, use_bias=True)
        model.set_weights(same)
    images, labels = _data(int(batch_size))
    logits = np.round(model.predict_on_batch(images[:2]).astype("float64"), 4)
    step = turns.fit(model, images, labels, STEPS, jit_compile=name.endswith("XLA"))
    turns.serve({TASKS[0]: lambda: (step(), logits[:, :9].tolist())})


def run(batch_size: int = 8, rounds: int = 7) -> dict:
    """Milliseconds of a step, ratios of neighbours, with two threads."""
    return {"batch_size": batch_size, "picture": SIZE, "classes": CLASSES} | {
        "threads: 2": turns.race(__file__, OURS, THEIRS, TASKS, [str(batch_size)], rounds=rounds)
    }


if __name__ == "__main__":
    _work(*sys.argv[1:])
