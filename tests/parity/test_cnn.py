"""The same convolutions, poolings and network in PyTorch, with the same weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import rounding

from aimodels import cnn

torch = pytest.importorskip("torch")
F = torch.nn.functional


def to_torch(x) -> "torch.Tensor":
    """(B, H, W, C) -> PyTorch's (B, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.asarray(x), -1, 1)))


def difference(ours, theirs) -> float:
    return float(np.abs(np.asarray(ours) - theirs.detach().numpy()).max())


@pytest.mark.parametrize("strides", [1, 2, (3, 2)], ids=str)
def test_conv2d(rng, parity, strides):
    x = rng.normal(size=(2, 11, 13, 3)).astype("float32")
    kernel = rng.normal(size=(3, 5, 3, 4)).astype("float32")
    bias = rng.normal(size=4).astype("float32")
    weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
    theirs = F.conv2d(to_torch(x), weight, torch.from_numpy(bias), stride=strides)
    ours = np.moveaxis(cnn.conv2d(x, kernel, bias, strides), -1, 1)
    parity(
        f"cnn.conv2d, strides {strides}",
        reference="torch.nn.functional",
        difference=difference(ours, theirs),
        bound=rounding(sums=kernel[..., 0].size, size=float(theirs.abs().max())),
    )


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 2), ((2, 3), (1, 2))], ids=str)
def test_pooling(rng, parity, kind, size, strides):
    x = rng.normal(size=(2, 11, 13, 3)).astype("float32")
    ours = {"max": cnn.max_pool2d, "average": cnn.average_pool2d}[kind](x, size, strides)
    theirs = {"max": F.max_pool2d, "average": F.avg_pool2d}[kind](to_torch(x), size, strides)
    parity(
        f"cnn.{kind}_pool2d {size}, strides {strides}",
        reference="torch.nn.functional",
        difference=difference(np.moveaxis(ours, -1, 1), theirs),
        bound=1e-6,
    )


class TorchCNN(torch.nn.Module):
    """The network of `aimodels.cnn.CNN`, written from its description with torch.nn alone."""

    def __init__(self, channels, filters, num_classes):
        super().__init__()
        layers = []
        for i, (c_in, c_out) in enumerate(zip((channels, *filters[:-1]), filters, strict=True), 1):
            layers += [torch.nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)]
            layers += [torch.nn.MaxPool2d(2, ceil_mode=True)] if i < len(filters) else []
            layers += [torch.nn.BatchNorm2d(c_out, eps=1e-3), torch.nn.ReLU()]
        self.body = torch.nn.Sequential(*layers)
        self.head = torch.nn.Linear(filters[-1], num_classes)

    def forward(self, x):
        return self.head(self.body(x).mean(dim=(2, 3)))


@pytest.fixture
def twins(rng):
    """Our network and PyTorch's, with the same random weights."""
    ours = cnn.CNN((None, None, 3), num_classes=5, filters=(8, 16, 12))
    ours.set_weights(
        [
            # kernels of both signs, by fan-in; scales and variances positive
            rng.normal(size=w.shape) / np.prod(w.shape[:-1]) ** 0.5
            if w.name == "kernel"
            else 0.5 + rng.random(w.shape)
            for w in ours.weights
        ]
    )
    theirs = TorchCNN(3, (8, 16, 12), 5)
    modules = [m for m in theirs.modules() if list(m.parameters(recurse=False))]
    layers = [layer for layer in ours.layers if layer.weights]
    for layer, module in zip(layers, modules, strict=True):
        weights = [torch.from_numpy(w.copy()) for w in layer.get_weights()]
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data = weights[0].permute(3, 2, 0, 1).contiguous()
        elif isinstance(module, torch.nn.Linear):
            module.weight.data, module.bias.data = weights[0].T.contiguous(), weights[1]
        else:
            module.weight.data, module.bias.data = weights[0], weights[1]
            module.running_mean, module.running_var = weights[2], weights[3]
    return ours, theirs


@pytest.mark.parametrize("size", [(16, 16), (13, 9)], ids=str)
def test_forward(rng, parity, twins, size):
    ours, theirs = twins
    x = rng.random((4, *size, 3)).astype("float32")
    expected = theirs.eval()(to_torch(x))
    assert expected.abs().max() > 0.1  # something did come through the ReLUs
    parity(
        f"cnn.CNN forward {size}",
        reference="torch.nn",
        difference=difference(ours(x), expected),
        bound=1e-5,
    )


def test_gradients_in_training(rng, parity, twins):
    """Batch statistics, loss and backward pass, for every weight."""
    ours, theirs = twins
    x, y = rng.random((4, 13, 9, 3)).astype("float32"), np.array([0, 3, 1, 4])
    variables = ours.trainable_variables
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
            y, ours(x, training=True)
        )
    gradients = tape.gradient(loss, [v.value for v in variables])
    F.cross_entropy(theirs.train()(to_torch(x)), torch.from_numpy(y)).backward()
    differences = []
    for gradient, parameter in zip(gradients, theirs.parameters(), strict=True):
        axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[parameter.ndim]
        assert parameter.grad.abs().max() > 1e-4
        differences.append(difference(gradient.numpy().transpose(axes), parameter.grad))
    parity("cnn.CNN gradients", reference="torch.nn", difference=max(differences), bound=1e-4)
