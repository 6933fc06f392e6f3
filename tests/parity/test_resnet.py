"""The same networks as `keras.applications` and PyTorch, with the same weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from applications import same_logits, scaled
from rounding import rounding

from aimodels import batch_norm as bn
from aimodels import resnet

torch = pytest.importorskip("torch")
F = torch.nn.functional


@pytest.mark.parametrize(
    ("name", "options"),
    [("ResNet50", {"use_bias": True}), ("ResNet101", {"use_bias": True}), ("ResNet50V2", {})],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("size", [224, 97])
def test_keras_applications(rng, parity, name, options, size):
    ours = getattr(resnet, name)((None, None, 3), **options)
    same_logits(parity, rng, f"resnet.{name}", ours, size)


def to_torch(x) -> "torch.Tensor":
    """(B, H, W, C) -> PyTorch's (B, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.asarray(x), -1, 1)))


class TorchBlock(torch.nn.Module):
    """A basic block, written from the paper with torch.nn alone."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        if channels != filters:
            self.project = torch.nn.Conv2d(channels, filters, 1, stride, bias=False)
            self.project_norm = torch.nn.BatchNorm2d(filters, eps=resnet.EPSILON)
        self.conv1 = torch.nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        self.norm1 = torch.nn.BatchNorm2d(filters, eps=resnet.EPSILON)
        self.conv2 = torch.nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(filters, eps=resnet.EPSILON)

    def forward(self, x):
        skip = self.project_norm(self.project(x)) if hasattr(self, "project") else x
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(skip + y)


class TorchResNet(torch.nn.Module):
    def __init__(self, filters, blocks, num_classes):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, filters[0], 7, 2, padding=3, bias=False)
        self.norm1 = torch.nn.BatchNorm2d(filters[0], eps=resnet.EPSILON)
        layers, channels = [], filters[0]
        for i, (width, count) in enumerate(zip(filters, blocks, strict=True)):
            for j in range(count):
                layers.append(TorchBlock(channels, width, 2 if i > 0 and j == 0 else 1))
                channels = width
        self.body = torch.nn.Sequential(*layers)
        self.head = torch.nn.Linear(channels, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 3, 2, padding=1)
        return self.head(self.body(x).mean(dim=(2, 3)))


def pairs(ours, theirs):
    """Our layer and PyTorch's, by the names of both."""
    yield ours.get_layer("conv1_conv"), theirs.conv1
    yield ours.get_layer("conv1_bn"), theirs.norm1
    names = [la.name.removesuffix("_add") for la in ours.layers if la.name.endswith("_add")]
    for name, block in zip(names, theirs.body, strict=True):
        for number, conv, norm in ((0, "project", "project_norm"), (1, "conv1", "norm1"),
                                   (2, "conv2", "norm2")):  # fmt: skip
            if hasattr(block, conv):
                yield ours.get_layer(f"{name}_{number}_conv"), getattr(block, conv)
                yield ours.get_layer(f"{name}_{number}_bn"), getattr(block, norm)
    yield ours.get_layer("logits"), theirs.head


@pytest.fixture
def twins(rng):
    """A small ResNet of basic blocks and PyTorch's, with the same weights."""
    filters, blocks = (8, 16, 32), (1, 2, 2)
    ours = resnet.ResNet(
        (None, None, 3), 5, stackwise_num_filters=filters, stackwise_num_blocks=blocks
    )
    theirs = TorchResNet(filters, blocks, 5)
    ours.set_weights(scaled(ours, rng))
    for layer, module in pairs(ours, theirs):
        first, *rest = [torch.from_numpy(w.copy()) for w in layer.get_weights()]
        axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[first.ndim]
        module.weight.data = first.permute(axes).contiguous()
        if rest:
            module.bias.data = rest[0]
        if rest[1:]:
            module.running_mean, module.running_var = rest[1:]
    return ours, theirs


@pytest.mark.parametrize("size", [(32, 32), (37, 22)], ids=str)
def test_basic_blocks(rng, parity, twins, size):
    ours, theirs = twins
    x = rng.normal(size=(4, *size, 3)).astype("float32")
    expected = theirs.eval()(to_torch(x)).detach().numpy()
    assert np.abs(expected).max() > 0.1
    parity(
        f"resnet.ResNet forward, basic blocks, {size}",
        reference="torch.nn",
        difference=np.abs(ours(x) - expected).max(),
        bound=1e-5,
    )


def test_gradients_of_basic_blocks_in_training(rng, parity, twins):
    """Batch statistics, loss and backward pass, for every weight."""
    ours, theirs = twins
    x, y = rng.normal(size=(8, 33, 28, 3)).astype("float32"), rng.integers(0, 5, 8)
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
            y, ours(x, training=True)
        )
    variables = ours.trainable_variables
    gradients = tape.gradient(loss, [v.value for v in variables])
    found = {v.path: g.numpy() for v, g in zip(variables, gradients, strict=True)}
    F.cross_entropy(theirs.train()(to_torch(x)), torch.from_numpy(y)).backward()
    differences = []
    for layer, module in pairs(ours, theirs):
        for variable, parameter in zip(layer.trainable_variables, module.parameters(), strict=True):
            axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[parameter.ndim]
            gradient = parameter.grad.numpy()
            assert np.abs(gradient).max() > 1e-5
            differences.append(np.abs(found[variable.path].transpose(axes) - gradient).max())
    parity(
        "resnet.ResNet gradients, basic blocks",
        reference="torch.nn",
        difference=max(differences),
        bound=1e-4,
    )


def test_batch_norm(rng, parity):
    """By hand, against PyTorch: output and gradients."""
    x, dy = rng.normal(size=(4, 5, 6, 3)), rng.normal(size=(4, 5, 6, 3))
    gamma, beta = rng.normal(size=(2, 3))
    inputs = [to_torch(x), torch.from_numpy(gamma), torch.from_numpy(beta)]
    for tensor in inputs:
        tensor.requires_grad_()
    y = F.batch_norm(inputs[0], None, None, *inputs[1:], training=True, eps=1e-3)
    y.backward(to_torch(dy))
    size = rounding(sums=x.size, size=10.0, dtype="float64")
    ours = np.moveaxis(bn.batch_norm(x, gamma, beta), -1, 1)
    reference = "torch.nn.functional.batch_norm"
    difference = np.abs(ours - y.detach().numpy()).max()
    parity("batch_norm.batch_norm", reference=reference, difference=difference, bound=size)
    dx, *others = bn.batch_norm_gradients(x, gamma, dy)
    found = [np.moveaxis(dx, -1, 1), *others]
    difference = max(
        np.abs(g - tensor.grad.numpy()).max() for g, tensor in zip(found, inputs, strict=True)
    )
    parity(
        "batch_norm.batch_norm_gradients", reference=reference, difference=difference, bound=size
    )
