"""Batch normalisation by hand is Keras's layer, and its gradients are finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import batch_norm as bn

pytestmark = pytest.mark.rests_on_code

SHAPES = [(16, 5), (4, 6, 3), (3, 7, 5, 4), (2, 1, 1, 3)]


@pytest.fixture(params=SHAPES, ids=str)
def example(request, rng):
    """Input, scale, shift and gradient of the output; channels of very different size."""
    shape = request.param
    sizes = 10.0 ** np.arange(shape[-1])
    x = (rng.normal(size=shape) + 3) * sizes
    return x, rng.normal(size=shape[-1]), rng.normal(size=shape[-1]), rng.normal(size=shape)


def layer_for(x, gamma, beta, **options):
    layer = keras.layers.BatchNormalization(dtype="float64", **options)
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    return layer


def test_forward_gradients_and_averages_are_keras(example):
    x, gamma, beta, dy = example
    layer = layer_for(x, gamma, beta, epsilon=1e-3, momentum=0.9)
    tensor = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        y = layer(tensor, training=True)
        loss = tf.reduce_sum(y * dy)
    dx, dgamma, dbeta = tape.gradient(loss, [tensor, layer.gamma.value, layer.beta.value])
    np.testing.assert_allclose(bn.batch_norm(x, gamma, beta, 1e-3), y, rtol=1e-9, atol=1e-9)
    found = bn.batch_norm_gradients(x, gamma, dy, 1e-3)
    for ours, theirs in zip(found, (dx, dgamma, dbeta), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    zeros, ones = np.zeros_like(gamma), np.ones_like(gamma)
    mean, variance = bn.update_moving_averages(x, zeros, ones, momentum=0.9)
    np.testing.assert_allclose(mean, layer.moving_mean, rtol=1e-9)
    np.testing.assert_allclose(variance, layer.moving_variance, rtol=1e-9)
    used = bn.batch_norm(x, gamma, beta, 1e-3, mean, variance)
    np.testing.assert_allclose(used, layer(tensor, training=False), rtol=1e-9, atol=1e-9)


def test_gradients_are_finite_differences(rng):
    x, dy = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 5, 4))
    gamma, beta = rng.normal(size=(2, 4))
    inputs, h = [x, gamma, beta], 1e-6
    for place, gradient in enumerate(bn.batch_norm_gradients(x, gamma, dy)):
        direction = rng.normal(size=inputs[place].shape)
        losses = []
        for step in (h, -h):
            moved = [*inputs]
            moved[place] = inputs[place] + step * direction
            losses.append(np.sum(bn.batch_norm(*moved) * dy))
        slope = (losses[0] - losses[1]) / (2 * h)
        assert slope == pytest.approx(np.sum(gradient * direction), abs=1e-7)


def test_each_channel_has_mean_beta_and_deviation_gamma(example):
    x, gamma, beta, _ = example
    y = bn.batch_norm(x, gamma, beta, epsilon=1e-12)
    examples = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(y.mean(examples), beta, atol=1e-9)
    np.testing.assert_allclose(y.std(examples), np.abs(gamma), rtol=1e-6)


def test_scale_and_shift_of_the_input_are_undone(rng):
    """So a bias in front of it, and the size of the weights in front of it, have no effect."""
    x, ones, zeros = rng.normal(size=(32, 3)), np.ones(3), np.zeros(3)
    changed = x * [2, 10, 0.5] + [7, -3, 100]
    np.testing.assert_allclose(
        bn.batch_norm(changed, ones, zeros, 1e-12), bn.batch_norm(x, ones, zeros, 1e-12), atol=1e-9
    )


def test_training_looks_at_the_neighbours_and_use_does_not(rng):
    x, ones, zeros = rng.normal(size=(8, 3)), np.ones(3), np.zeros(3)
    alone = bn.batch_norm(x[:2], ones, zeros)[0]
    assert np.abs(alone - bn.batch_norm(x, ones, zeros)[0]).max() > 0.1
    averages = {"mean": zeros, "variance": ones}
    np.testing.assert_array_equal(
        bn.batch_norm(x[:2], ones, zeros, **averages)[0],
        bn.batch_norm(x, ones, zeros, **averages)[0],
    )


def test_a_constant_channel_becomes_the_shift():
    y = bn.batch_norm(np.full((4, 1), 5.0), np.ones(1), np.full(1, 2.0))
    np.testing.assert_array_equal(y, 2)


def test_float32_stays_float32(rng):
    x = rng.normal(size=(4, 3)).astype("float32")
    assert bn.batch_norm(x, np.ones(3, "float32"), np.zeros(3, "float32")).dtype == "float32"


X = np.ones((4, 3))
C = np.ones(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bn.batch_norm(np.ones(3), C, C), "x must be"),
        (lambda: bn.batch_norm(np.ones((0, 3)), C, C), "not empty"),
        (lambda: bn.batch_norm(X, np.ones(4), C), r"gamma must be \(3,\)"),
        (lambda: bn.batch_norm(X, C, 1.0), r"beta must be \(3,\)"),
        (lambda: bn.batch_norm(X, C, C, epsilon=0), "epsilon must be"),
        (lambda: bn.batch_norm(X, C, C, mean=C), "both mean and variance"),
        (lambda: bn.batch_norm(X, C, C, mean=C, variance=np.ones(2)), "variance must be"),
        (lambda: bn.batch_norm_gradients(X, C, np.ones((3, 3))), "dy must have"),
        (lambda: bn.update_moving_averages(X, C, C, momentum=1.0), "momentum must be"),
        (lambda: bn.update_moving_averages(X, np.ones(2), C), "moving_mean must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
