"""Residual networks: their counts, what a skip does for the gradient, and that they learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import BFLOAT16, assert_close, products
from sklearn.datasets import load_digits

from aimodels import resnet

pytestmark = pytest.mark.rests_on_code
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
BLOCKS = [
    (block_type, version)
    for block_type in ("basic_block", "bottleneck_block")
    for version in (False, True)
]
every_block = pytest.mark.parametrize(("block_type", "use_pre_activation"), BLOCKS, ids=str)


def small(**options):
    return resnet.ResNet(
        (None, None, 3),
        5,
        **{"stackwise_num_filters": (8, 16), "stackwise_num_blocks": (1, 2)} | options,
    )


# Parameters


@pytest.mark.parametrize(
    ("build", "trainable"),
    [  # as published with the weights, without biases that a normalisation cancels
        (resnet.ResNet18, 11_689_512),
        (resnet.ResNet34, 21_797_672),
        (resnet.ResNet50, 25_557_032),
        (resnet.ResNet101, 44_549_160),
    ],
)
def test_the_usual_sizes_have_their_usual_number_of_weights(build, trainable):
    model = build()
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == trainable
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize("depth", [8, 20])
@pytest.mark.parametrize("use_skip", [True, False])
def test_the_cifar_form_counted_by_hand(depth, use_skip):
    n = (depth - 2) // 6
    norm = 4  # scale, shift and two averages per channel
    count = 9 * 3 * 16 + norm * 16
    channels = 16
    for filters in (16, 32, 64):
        for _ in range(n):
            count += 9 * channels * filters + 9 * filters * filters + 2 * norm * filters
            if use_skip and channels != filters:
                count += channels * filters + norm * filters  # the 1 x 1 projection
            channels = filters
    count += 64 * 10 + 10
    model = resnet.cifar_resnet((32, 32, 3), 10, depth, use_skip)
    assert model.count_params() == count
    layers = [la for la in model.layers if la.name.endswith("conv") and "_0_" not in la.name]
    assert len(layers) + 1 == depth  # and the dense one


def test_a_bottleneck_counted_by_hand():
    inputs = keras.Input((8, 8, 64))
    wide = keras.Model(inputs, resnet.residual_block(inputs, 64, block_type="bottleneck_block"))
    convolutions = 64 * 64 + 9 * 64 * 64 + 64 * 256 + 64 * 256  # the last one is the projection
    assert wide.count_params() == convolutions + 4 * (64 + 64 + 256 + 256)
    # Two 3 x 3 convolutions at this width would have eight times as many.
    inputs = keras.Input((8, 8, 256))
    narrow = keras.Model(inputs, resnet.residual_block(inputs, 64, block_type="bottleneck_block"))
    plain = keras.Model(inputs, resnet.residual_block(inputs, 256))
    assert 16 < plain.count_params() / narrow.count_params() < 18


# Blocks


@every_block
def test_a_zeroed_residual_branch_is_the_identity(rng, block_type, use_pre_activation):
    channels = 16
    inputs = keras.Input((6, 6, channels))
    filters = channels // 4 if block_type == "bottleneck_block" else channels
    block = keras.Model(
        inputs,
        resnet.residual_block(
            inputs, filters, block_type=block_type, use_pre_activation=use_pre_activation
        ),
    )
    x = rng.random((2, 6, 6, channels)).astype("float32")  # as after a ReLU
    assert np.abs(block(x) - x).max() > 0.1
    last = [layer for layer in block.layers if layer.weights][-1]
    last.set_weights([np.zeros(w.shape) for w in last.get_weights()[:2]] + last.get_weights()[2:])
    np.testing.assert_array_equal(block(x), x)


@every_block
def test_the_skip_by_shape(block_type, use_pre_activation):
    """x itself, every second pixel of it, or a projection."""
    expansion = 4 if block_type == "bottleneck_block" else 1
    options = {"block_type": block_type, "use_pre_activation": use_pre_activation}
    for channels, strides, kind in [
        (8 * expansion, 1, None),
        (8 * expansion, 2, keras.layers.MaxPooling2D),
        (6, 1, keras.layers.Conv2D),
        (6, 2, keras.layers.Conv2D),
    ]:
        inputs = keras.Input((9, 6, channels))
        block = keras.Model(inputs, resnet.residual_block(inputs, 8, strides, **options))
        skips = [layer for layer in block.layers if layer.name.startswith("block_0")]
        assert [type(la) for la in skips if "bn" not in la.name] == ([kind] if kind else [])
        assert block.output_shape == (None, -(-9 // strides), 6 // strides, 8 * expansion)


def test_where_a_block_strides():
    def strided(**options):
        inputs = keras.Input((8, 8, 6))
        block = keras.Model(inputs, resnet.residual_block(inputs, 4, 2, **options))
        convolutions = [la for la in block.layers if isinstance(la, keras.layers.Conv2D)]
        return {la.name for la in convolutions if la.strides == (2, 2)} - {"block_0_conv"}

    assert strided() == {"block_1_conv"}
    assert strided(use_pre_activation=True) == {"block_1_conv"}
    assert strided(block_type="bottleneck_block") == {"block_1_conv"}
    wide = {"block_type": "bottleneck_block", "use_pre_activation": True}
    assert strided(**wide) == {"block_2_conv"}


def test_sizes_of_the_maps():
    def sizes(model):
        return {
            la.name: la.output.shape[1]
            for la in model.layers
            if la.name.endswith("block1_add") or la.name in ("conv1_conv", "pool1_pool")
        }

    first = sizes(resnet.ResNet50(num_classes=2))
    assert list(first.values()) == [112, 56, 56, 28, 14, 7]
    last = sizes(resnet.ResNet50V2(num_classes=2))  # halves in a stack's last block
    assert list(last.values()) == [112, 56, 56, 28, 14, 7]
    v2 = resnet.ResNet50V2(num_classes=2)
    assert v2.get_layer("conv2_block2_add").output.shape[1] == 56
    assert v2.get_layer("conv2_block3_add").output.shape[1] == 28
    assert sizes(resnet.cifar_resnet((32, 32, 3), 10)) == {
        "conv1_conv": 32,
        "conv2_block1_add": 32,
        "conv3_block1_add": 16,
        "conv4_block1_add": 8,
    }


@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
@every_block
def test_pictures_of_any_size(rng, block_type, use_pre_activation, stem):
    model = small(block_type=block_type, use_pre_activation=use_pre_activation, stem=stem)
    for height, width in [(1, 1), (2, 3), (13, 30), (64, 5)]:
        logits = model(rng.random((2, height, width, 3)))
        assert logits.shape == (2, 5)
        assert np.isfinite(logits).all()


# Gradients


def first_gradients(depth: int, use_skip: bool, rng) -> float:
    """Size of the gradient at the first convolution before any training."""
    keras.utils.set_random_seed(0)
    model = resnet.cifar_resnet((16, 16, 1), 10, depth, use_skip)
    x, y = rng.normal(size=(16, 16, 16, 1)), rng.integers(0, 10, 16)
    with tf.GradientTape() as tape:
        loss = LOSS(y, model(x, training=True))
    first = model.get_layer("conv1_conv").kernel
    return float(tf.norm(tape.gradient(loss, first.value)))


@pytest.mark.slow
def test_depth_changes_the_first_gradient_without_skips_and_not_with(rng):
    size = {
        (depth, use_skip): first_gradients(depth, use_skip, rng)
        for depth in (20, 56)
        for use_skip in (True, False)
    }
    # Normalised, it does not vanish on its way through a plain network: it grows with each layer.
    assert 1 < size[56, True] / size[20, True] < 20
    assert size[56, False] / size[20, False] > 100


def test_normalisation_in_training_and_in_use(rng):
    """In training an answer depends on the other pictures of the batch, in use it does not."""
    model = small(stem="cifar")
    x = rng.normal(size=(6, 9, 9, 3)).astype("float32")
    assert_close(model(x[:2]), model(x)[:2], products(model))
    batch, alone = (np.array(model(pictures, training=True)) for pictures in (x, x[:2]))
    assert np.abs(batch[:2] - alone).max() > 0.01
    before = [v.numpy() for v in model.non_trainable_variables]
    model(x, training=True)
    moved = [
        not np.array_equal(v, old)
        for v, old in zip(model.non_trainable_variables, before, strict=True)
    ]
    assert all(moved)


@every_block
def test_save_and_load_are_bit_equal(tmp_path, rng, block_type, use_pre_activation):
    model = small(
        block_type=block_type, use_pre_activation=use_pre_activation, use_bias=True, name="reader"
    )
    model.set_weights([rng.random(w.shape) for w in model.weights])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is resnet.ResNet
    assert loaded.name == "reader"
    x = rng.random((2, 17, 9, 3)).astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("policy", ["mixed_float16", BFLOAT16])
def test_mixed_precision_is_near(rng, policy):
    exact = small(stem="cifar")
    coarse = small(stem="cifar", dtype=policy)
    coarse.set_weights(exact.get_weights())
    x = rng.normal(size=(4, 12, 12, 3)).astype("float32")
    logits = np.array(exact(x))
    assert np.abs(np.float32(coarse(x)) - logits).max() < 0.05 * np.abs(logits).max()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: resnet.ResNet((28, 28), 10), "image_shape must be"),
        (lambda: resnet.ResNet((28, 28, None), 10), "image_shape must be"),
        (lambda: resnet.ResNet((0, 28, 1), 10), "height of image_shape"),
        (lambda: resnet.ResNet((28, 2.5, 1), 10), "width of image_shape"),
        (lambda: resnet.ResNet((28, 28, 1), 1), "num_classes"),
        (lambda: resnet.ResNet((28, 28, 1), 10, ()), "stackwise_num_filters must be a list"),
        (lambda: resnet.ResNet((28, 28, 1), 10, 64), "stackwise_num_filters must be a list"),
        (lambda: resnet.ResNet((28, 28, 1), 10, (8, 0), (1, 1)), "stackwise_num_filters"),
        (lambda: resnet.ResNet((28, 28, 1), 10, (8, 8), (1,)), "got 2 and 1"),
        (lambda: resnet.ResNet((28, 28, 1), 10, block_type="wide"), "block_type must be"),
        (lambda: resnet.ResNet((28, 28, 1), 10, stem="large"), "stem must be"),
        (lambda: resnet.cifar_resnet((32, 32, 3), 10, depth=18), "depth must be 6n"),
        (lambda: resnet.cifar_resnet((32, 32, 3), 10, depth=2), "depth must be 6n"),
        (lambda: resnet.cifar_resnet((32, 32, 3), 10, depth="20"), "depth must be an integer"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Does it learn?


@pytest.fixture(scope="module")
def digits():
    """1,347 scans to train on and 450 held out, pixels in [0, 1]."""
    data = load_digits()
    images, labels = data.images[..., None].astype("float32") / 16, data.target
    return (images[:1347], labels[:1347]), (images[1347:], labels[1347:])


def trained(x, y, **options):
    keras.utils.set_random_seed(0)
    model = resnet.cifar_resnet((None, None, 1), 10, depth=8, **options)
    model.compile(keras.optimizers.Adam(5e-3), LOSS, metrics=["accuracy"])
    model.fit(x, y, epochs=8, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("use_pre_activation", [False, True])
def test_learns_digits(digits, use_pre_activation):
    train, held_out = digits
    baseline = np.bincount(held_out[1]).max() / len(held_out[1])
    model = trained(*train, use_pre_activation=use_pre_activation)
    assert model.evaluate(*held_out, verbose=0)[1] > baseline + 0.75


@pytest.mark.slow
def test_shuffled_labels_teach_nothing_about_new_pictures(digits, rng):
    (x, y), held_out = digits
    model = trained(x, rng.permutation(y))
    # Chance is 0.1; 450 independent answers stray less than 0.06 from it.
    assert abs(model.evaluate(*held_out, verbose=0)[1] - 0.1) < 0.06
