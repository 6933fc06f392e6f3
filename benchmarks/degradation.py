"""Plain and residual networks of 20 and 56 layers: their training losses, over seeds.

The recipe is that of the lesson of chapter 07: ten epochs of gradient descent with momentum.
Nothing is chosen here, and no test set is read: it is about what can be trained.
"""

import keras
import numpy as np

from aimodels import data, resnet

EPOCHS, BATCH = 10, 64


def run() -> dict:
    scans, labels = data.arrays("digits", "train[:60%]")
    clothes, kinds = data.arrays("fashion_mnist", "train[:2000]")
    halved = np.asarray(clothes, "float32").reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4))
    return {
        "digits": _losses(np.asarray(scans, "float32") / 16, labels, seeds=5),
        "Fashion-MNIST at 14 × 14": _losses(halved / 255, kinds, seeds=3),
    }


def _losses(x: np.ndarray, y: np.ndarray, seeds: int) -> dict:
    """The training loss of the last epoch, by network and seed."""
    losses: dict[str, list[float]] = {}
    for use_skip in (False, True):
        for depth in (20, 56):
            name = f"{'residual' if use_skip else 'plain'}, {depth} layers"
            losses[name] = [_train(x, y, depth, use_skip, seed) for seed in range(1, seeds + 1)]
            print(name, losses[name], flush=True)
    return {"seeds": seeds, "pictures": len(x), "epochs": EPOCHS, "losses": losses}


def _train(x: np.ndarray, y: np.ndarray, depth: int, use_skip: bool, seed: int) -> float:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    filters = {"stackwise_num_filters": (8, 16, 32)}
    model = resnet.cifar_resnet(x.shape[1:], 10, depth, use_skip=use_skip, **filters)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(0.02, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(schedule, momentum=0.9), loss, jit_compile=False)
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0).history
    return round(history["loss"][-1], 4)
