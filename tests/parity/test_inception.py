"""The same Inception v3 as `keras.applications`, with the same weights."""

import keras
import numpy as np
import pytest

from aimodels import inception


@pytest.mark.parametrize("size", [299, 120])
def test_inception_v3(rng, parity, size):
    theirs = keras.applications.InceptionV3(
        weights=None, input_shape=(size, size, 3), classifier_activation=None
    )
    ours = inception.InceptionV3((None, None, 3))
    assert ours.count_params() == theirs.count_params()
    weights = []
    for variable in theirs.weights:
        noise = rng.normal(size=variable.shape)
        if variable.name == "kernel":
            weights.append(noise * (2 / np.prod(variable.shape[:-1])) ** 0.5)
        else:
            weights.append((variable.name == "moving_variance") + 0.1 * noise.clip(-3, 3))
    theirs.set_weights(weights)
    ours.set_weights(weights)
    x = rng.normal(size=(2, size, size, 3)).astype("float32")
    expected = np.array(theirs(x))
    assert 0.1 < np.abs(expected).max() < 100
    assert np.abs(expected[0] - expected[1]).max() > 0.01  # the pictures did come through
    parity(
        f"inception.InceptionV3 logits, {size} x {size}",
        reference="keras.applications.InceptionV3",
        difference=np.abs(ours(x) - expected).max(),
        bound=1e-5,
    )
