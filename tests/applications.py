"""Our networks beside those of `keras.applications`: the same weights, the same logits."""

import keras
import numpy as np


def scaled(model: keras.Model, rng, gain: float = 1.0) -> list[np.ndarray]:
    """Random weights with which the activations neither vanish nor grow, and none is special."""
    values = []
    for variable in model.weights:
        noise = rng.normal(size=variable.shape)
        if variable.name == "kernel":
            values.append(noise * (gain / np.prod(variable.shape[:-1])) ** 0.5)
        elif variable.name in ("gamma", "moving_variance"):
            values.append(1 + 0.1 * noise.clip(-3, 3))
        else:
            values.append(0.1 * noise)
    return values


def same_logits(parity, rng, what: str, ours: keras.Model, size: int, gain: float = 1.0) -> None:
    """`what` is the module and the name that both have, such as "resnet.ResNet50"."""
    name = what.rpartition(".")[2]
    shape = {"weights": None, "input_shape": (size, size, 3)}
    theirs = getattr(keras.applications, name)(**shape, classifier_activation=None)
    assert ours.count_params() == theirs.count_params()
    weights = scaled(theirs, rng, gain)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    x = rng.normal(size=(2, size, size, 3)).astype("float32")
    expected = np.array(theirs(x))
    assert 0.1 < np.abs(expected).max() < 100
    assert np.abs(expected[0] - expected[1]).max() > 0.01  # the pictures did come through
    parity(
        f"{what} logits, {size} x {size}",
        reference=f"keras.applications.{name}",
        difference=np.abs(ours(x) - expected).max(),
        bound=1e-5,
    )
