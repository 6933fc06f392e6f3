"""Convolution and pooling equal Keras; the CNN learns, and learns no more than there is."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products
from scipy.signal import convolve2d as scipy_convolve2d
from sklearn.datasets import load_digits

from aimodels import cnn

pytestmark = pytest.mark.rests_on_code
SIZES = [  # height, width, channels, kernel, strides: odd and even, wide and tall, stride > kernel
    (7, 9, 1, (3, 3), 1),
    (8, 8, 3, (2, 2), 2),
    (10, 6, 2, (5, 3), (2, 1)),
    (11, 13, 4, (1, 4), (3, 2)),
    (9, 5, 2, (2, 1), (4, 3)),
    (6, 6, 3, (6, 6), 5),
]
PADDINGS = ["valid", "same"]


@pytest.fixture(scope="module")
def digits():
    """1,347 scans to train on and 450 held out, pixels in [0, 1]."""
    data = load_digits()
    images, labels = data.images[..., None].astype("float32") / 16, data.target
    return (images[:1347], labels[:1347]), (images[1347:], labels[1347:])


def compiled(learning_rate=5e-3, filters=(16, 32), **kwargs):
    keras.utils.set_random_seed(0)
    model = cnn.CNN((None, None, 1), num_classes=10, filters=filters, **kwargs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


# Convolution


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_conv2d_is_keras_conv(rng, size, dtype, padding):
    height, width, channels, kernel_size, strides = size
    x = rng.normal(size=(2, height, width, channels)).astype(dtype)
    kernel = rng.normal(size=(*kernel_size, channels, 5)).astype(dtype)
    bias = rng.normal(size=5).astype(dtype)
    keras_y = keras.ops.conv(x, kernel, strides=strides, padding=padding) + bias
    y = cnn.conv2d(x, kernel, bias, strides, padding)
    assert y.dtype == dtype
    assert_close(y, keras_y, sums=kernel[..., 0].size)


def test_conv2d_is_the_layer(rng):
    x = rng.normal(size=(3, 12, 10, 2)).astype("float32")
    layer = keras.layers.Conv2D(4, 3, strides=2, padding="same", bias_initializer="normal")
    y = layer(x)
    assert_close(cnn.conv2d(x, *layer.get_weights(), strides=2, padding="same"), y, products(layer))


def test_true_convolution_is_scipys(rng):
    x, kernel = rng.normal(size=(8, 9)), rng.normal(size=(3, 4))
    y = cnn.convolve2d(x[None, :, :, None], kernel[:, :, None, None])[0, :, :, 0]
    np.testing.assert_allclose(y, scipy_convolve2d(x, kernel, mode="valid"), atol=1e-12)


def test_true_convolution_flips_the_kernel(rng):
    x, kernel = rng.normal(size=(1, 8, 8, 2)), rng.normal(size=(3, 3, 2, 4))
    flipped = kernel[::-1, ::-1]
    np.testing.assert_array_equal(cnn.convolve2d(x, kernel), cnn.conv2d(x, flipped))
    assert np.abs(cnn.convolve2d(x, kernel) - cnn.conv2d(x, kernel)).max() > 1
    symmetric = kernel + flipped
    np.testing.assert_allclose(cnn.convolve2d(x, symmetric), cnn.conv2d(x, symmetric), atol=1e-12)


@pytest.mark.parametrize("shift", [(1, 0), (0, 3), (2, 2)])
def test_moving_the_picture_moves_the_map(rng, shift):
    x, kernel = np.zeros((1, 16, 16, 1)), rng.normal(size=(3, 3, 1, 2))
    x[0, 4:9, 4:9, 0] = rng.normal(size=(5, 5))
    moved = cnn.conv2d(np.roll(x, shift, axis=(1, 2)), kernel)
    np.testing.assert_allclose(moved, np.roll(cnn.conv2d(x, kernel), shift, axis=(1, 2)))


def test_convolution_is_linear_and_strides_only_skip(rng):
    x, z = rng.normal(size=(2, 1, 9, 9, 2))
    kernel = rng.normal(size=(3, 3, 2, 3))
    np.testing.assert_allclose(
        cnn.conv2d(2 * x - z, kernel), 2 * cnn.conv2d(x, kernel) - cnn.conv2d(z, kernel), atol=1e-12
    )
    np.testing.assert_allclose(
        cnn.conv2d(x, kernel, strides=2), cnn.conv2d(x, kernel)[:, ::2, ::2], atol=1e-12
    )


def test_the_gradient_of_a_convolution_is_a_convolution(rng):
    """Autograd's gradient for the kernel is x correlated with the gradient of y."""
    x, kernel, dy = (rng.normal(size=s) for s in [(2, 7, 6, 3), (3, 2, 3, 4), (2, 5, 5, 4)])
    k = tf.Variable(kernel)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(keras.ops.conv(x, k) * dy)
    ours = cnn.conv2d(x.transpose(3, 1, 2, 0), dy.transpose(1, 2, 0, 3)).transpose(1, 2, 0, 3)
    np.testing.assert_allclose(ours, tape.gradient(loss, k), atol=1e-11)


# Pooling


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling_is_keras_pooling(rng, kind, size, dtype, padding):
    height, width, channels, pool_size, strides = size
    # All values negative: a zero from the padding would win a maximum.
    x = -1 - rng.random(size=(2, height, width, channels)).astype(dtype)
    ours = {"max": cnn.max_pool2d, "average": cnn.average_pool2d}[kind]
    theirs = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}[kind]
    if np.ndim(strides):  # TensorFlow pools with one stride for both directions on the CPU
        strides = strides[0]
    y = ours(x, pool_size, strides, padding)
    assert y.dtype == dtype
    assert_close(y, theirs(x, pool_size, strides, padding), sums=np.prod(pool_size))


def test_pooling_layers_and_their_defaults(rng):
    x = rng.normal(size=(2, 9, 7, 3)).astype("float32")
    for y, layer in [
        (cnn.max_pool2d(x), keras.layers.MaxPooling2D()),
        (cnn.max_pool2d(x, 3), keras.layers.MaxPooling2D(3)),
        (cnn.average_pool2d(x), keras.layers.AveragePooling2D(2)),
        (cnn.average_pool2d(x, (4, 3)), keras.layers.AveragePooling2D((4, 3))),
        (cnn.global_average_pool2d(x), keras.layers.GlobalAveragePooling2D()),
    ]:
        assert_close(y, layer(x), sums=9 * 7)
        assert layer.count_params() == 0  # pooling has nothing to learn


def test_pooling_whole_numbers(rng):
    x = rng.integers(-9, 9, size=(1, 5, 5, 1))
    pooled = cnn.max_pool2d(x, padding="same")
    assert pooled.dtype == x.dtype
    assert pooled.max() == x.max()
    np.testing.assert_allclose(cnn.average_pool2d(x, 5)[0, 0, 0], x.mean())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cnn.conv2d(np.ones((8, 8)), np.ones((3, 3, 1, 1))), "x must be"),
        (lambda: cnn.conv2d(np.ones((1, 8, 8, 3)), np.ones((3, 3, 1, 1))), "kernel must be"),
        (lambda: cnn.conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3))), "kernel must be"),
        (lambda: cnn.conv2d(np.ones((1, 8, 8, 1)), np.ones((9, 3, 1, 1))), "does not fit"),
        (lambda: cnn.conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 2)), np.ones(3)), "bias"),
        (lambda: cnn.max_pool2d(np.ones((1, 8, 8, 1)), padding="full"), "padding must be"),
        (lambda: cnn.max_pool2d(np.ones((1, 8, 8, 1)), strides=-1), "strides must be"),
        (lambda: cnn.max_pool2d(np.ones((1, 8, 8, 1)), strides=0), "strides must be"),
        (lambda: cnn.average_pool2d(np.ones((1, 8, 8, 1)), strides=0), "strides must be"),
        (lambda: cnn.conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 1)), strides=0), "strides"),
        (lambda: cnn.average_pool2d(np.ones((1, 8, 8, 1)), (2, 2, 2)), "size must be"),
        (lambda: cnn.average_pool2d(np.ones((1, 8, 8, 1)), 1.5), "size must be"),
        (lambda: cnn.global_average_pool2d(np.ones((8, 8))), "x must be"),
        (lambda: cnn.CNN((28, 28), 10), "image_shape"),
        (lambda: cnn.CNN((28, 28, None), 10), "image_shape"),
        (lambda: cnn.CNN((28, 28, 1), 1), "num_classes"),
        (lambda: cnn.CNN((28, 28, 1), 10, filters=()), "filters"),
        (lambda: cnn.CNN((28, 28, 1), 10, filters=(8, 0)), "filters"),
        (lambda: cnn.CNN((28, 28, 1), 10, filters=32), "filters"),
        (lambda: cnn.CNN(28, 10), "image_shape"),
        (lambda: cnn.CNN((28, 28, 1), 10, dropout=1.0), "dropout must be in"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The model


def test_any_image_size(rng):
    model = cnn.CNN((None, None, 3), num_classes=7, filters=(4, 8))
    for height, width in [(1, 1), (8, 8), (13, 30), (64, 5)]:
        assert model(rng.random((2, height, width, 3))).shape == (2, 7)
    fixed = cnn.CNN((224, 224, 3), num_classes=7, filters=(4, 8))
    assert model.count_params() == fixed.count_params()


def test_parameters_counted_by_hand():
    with_bias = cnn.CNN((8, 8, 3), 10, filters=(16, 24, 32), batch_normalization=False)
    pairs = [(3, 16), (16, 24), (24, 32)]
    assert with_bias.count_params() == sum(9 * i * o + o for i, o in pairs) + 32 * 10 + 10
    normalised = cnn.CNN((8, 8, 3), 10, filters=(16, 24, 32))
    assert normalised.count_params() == sum(9 * i * o + 4 * o for i, o in pairs) + 32 * 10 + 10


def test_the_model_is_its_formulas(rng):
    """The forward pass once more, in NumPy."""
    keras.utils.set_random_seed(0)
    model = cnn.CNN((9, 7, 2), 5, filters=(4, 6), batch_normalization=False)
    conv1, bias1, conv2, bias2, dense, bias = (rng.normal(size=w.shape) for w in model.weights)
    model.set_weights([conv1, bias1, conv2, bias2, dense, bias])
    x = rng.normal(size=(3, 9, 7, 2))
    y = cnn.max_pool2d(cnn.conv2d(x, conv1, bias1, padding="same"), padding="same")
    y = np.maximum(cnn.conv2d(np.maximum(y, 0), conv2, bias2, padding="same"), 0)
    y = cnn.global_average_pool2d(y) @ dense + bias
    assert_close(model(x), y, products(model))


@pytest.mark.parametrize("batch_normalization", [True, False])
def test_save_and_load_are_bit_equal(tmp_path, rng, batch_normalization):
    model = cnn.CNN(
        (None, None, 1),
        10,
        filters=(4, 8),
        dropout=0.3,
        batch_normalization=batch_normalization,
        name="reader",
    )
    model.set_weights([rng.random(w.shape) for w in model.weights])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is cnn.CNN
    assert loaded.name == "reader"
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert [la.get_config() for la in loaded.layers] == [la.get_config() for la in model.layers]
    x = rng.random((4, 11, 9, 1)).astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.slow
def test_xla_is_the_graph(digits):
    (x, y), _ = digits
    losses = []
    for jit_compile in (False, True):
        model = compiled(filters=(4, 8))
        model.jit_compile = jit_compile
        losses.append([float(model.train_on_batch(x[:32], y[:32])[0]) for _ in range(3)])
        assert model.jit_compile is jit_compile  # Keras switches XLA off silently at times
    assert_close(*losses, products(model), "float32")


def test_gradients_are_finite_differences(rng):
    """In float64, where a difference quotient is exact enough to judge."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = cnn.CNN((6, 6, 1), 3, filters=(2, 3))
        x, y = rng.normal(size=(4, 6, 6, 1)), np.array([0, 1, 2, 1])
        loss_function = keras.losses.SparseCategoricalCrossentropy(True, dtype="float64")
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        h = 1e-6
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            start = variable.numpy()
            direction = rng.normal(size=start.shape)
            losses = []
            for step in (h, -h):
                variable.assign(start + step * direction)
                losses.append(float(loss_function(y, model(x, training=True))))
            variable.assign(start)
            slope = (losses[0] - losses[1]) / (2 * h)
            assert slope == pytest.approx(np.sum(gradient.numpy() * direction), abs=1e-7)
    finally:
        keras.config.set_dtype_policy(policy)


def test_receptive_field_is_where_the_gradient_reaches(rng):
    """The pixels that one place of the last map depends on, found by autograd."""
    model = cnn.CNN((40, 40, 1), 10, filters=(3, 3, 3, 3), batch_normalization=False)
    # Average pooling lets every pixel through, a positive kernel keeps ReLU open.
    body = keras.Sequential([keras.Input((40, 40, 1))])
    for layer in model.layers[1:-3]:
        if isinstance(layer, keras.layers.MaxPooling2D):
            layer = keras.layers.AveragePooling2D(2, padding="same", name=layer.name)
        body.add(layer)
    body.set_weights([np.ones(w.shape) for w in body.weights])
    x = tf.Variable(rng.random((1, 40, 40, 1)), dtype="float32")
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(body(x)[:, 2, 2])
    reached = np.abs(tape.gradient(y, x).numpy()[0, :, :, 0]) > 0
    fields = cnn.receptive_field(model)
    assert reached.any(axis=1).sum() == fields["conv4"] == 38
    assert list(fields) == [la.name for la in model.layers if la.name.startswith(("conv", "pool"))]


def test_receptive_field_refuses_branches():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(1, 3, padding="same")(inputs)
    with pytest.raises(ValueError, match="several inputs"):
        cnn.receptive_field(keras.Model(inputs, keras.layers.Add()([inputs, x])))


# Does it learn?


def test_overfits_32_pictures(digits):
    (x, y), _ = digits
    model = compiled(learning_rate=1e-2)
    model.fit(x[:32], y[:32], batch_size=32, epochs=40, verbose=0)
    assert model.evaluate(x[:32], y[:32], verbose=0)[1] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("batch_normalization", [True, False])
def test_learns_digits(digits, batch_normalization):
    train, held_out = digits
    baseline = np.bincount(held_out[1]).max() / len(held_out[1])
    model = compiled(batch_normalization=batch_normalization)
    model.fit(*train, epochs=15, verbose=0)
    assert model.evaluate(*held_out, verbose=0)[1] > baseline + 0.75


@pytest.mark.slow
def test_shuffled_labels_teach_nothing_about_new_pictures(digits, rng):
    (x, y), (x_held_out, y_held_out) = digits
    model = compiled(filters=(32, 64))
    shuffled = rng.permutation(y)
    model.fit(x, shuffled, epochs=15, verbose=0)
    # Chance is 0.1; 450 independent answers stray less than 0.06 from it.
    assert abs(model.evaluate(x_held_out, y_held_out, verbose=0)[1] - 0.1) < 0.06
