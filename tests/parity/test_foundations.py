"""The same losses, gradients and optimizers in PyTorch, in float64."""

import numpy as np
import pytest

from aimodels import foundations as f

torch = pytest.importorskip("torch")
F = torch.nn.functional
RNG = np.random.default_rng(0)
X, CLASSES = RNG.normal(size=(20, 5)), RNG.integers(0, 3, size=20)


def difference(ours, theirs) -> float:
    return max(float(np.abs(a - np.asarray(b)).max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("scale", [1, 1e4], ids=["usual logits", "logits of 1e4"])
@pytest.mark.parametrize("name", ["mean_squared_error", "binary_cross_entropy", "cross_entropy"])
def test_loss_and_gradient(parity, name, scale):
    z = scale * RNG.normal(size=(20, 3))
    theirs, y = {
        "mean_squared_error": (F.mse_loss, RNG.normal(size=(20, 3))),
        "binary_cross_entropy": (
            F.binary_cross_entropy_with_logits,
            RNG.integers(0, 2, (20, 3)).astype("float64"),
        ),
        "cross_entropy": (F.cross_entropy, CLASSES),
    }[name]
    logits = torch.tensor(z, requires_grad=True)
    expected = theirs(logits, torch.from_numpy(y))
    expected.backward()
    loss, gradient = getattr(f, name)(y, z)
    parity(
        f"foundations.{name}, logits of {scale:g}",
        reference=f"torch.nn.functional.{theirs.__name__}",
        difference=max(
            abs(loss - expected.item()) / abs(loss), difference([gradient], [logits.grad])
        ),
        bound=1e-12,
    )


@pytest.mark.parametrize("activation", f.ACTIVATIONS)
@pytest.mark.parametrize("hidden_dims", [(), (7,), (7, 6, 4)], ids=str)
def test_forward_and_backward(parity, hidden_dims, activation):
    parameters = f.initialize((5, *hidden_dims, 3), 1.0, seed=1)
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters]
    layers = list(zip(tensors[0::2], tensors[1::2], strict=True))
    z = torch.from_numpy(X)
    for W, b in layers[:-1]:
        z = getattr(torch, activation)(F.linear(z, W.T, b))
    z = F.linear(z, layers[-1][0].T, layers[-1][1])
    F.cross_entropy(z, torch.from_numpy(CLASSES)).backward()

    a = f.forward(parameters, X, activation)
    gradients = f.backward(parameters, a, f.cross_entropy(CLASSES, a[-1])[1], activation)
    assert max(np.abs(g).max() for g in gradients) > 1e-2
    parity(
        f"foundations.backward, {len(hidden_dims)} hidden layers, {activation}",
        reference="torch.autograd",
        difference=difference([a[-1], *gradients], [z.detach(), *(t.grad for t in tensors)]),
        bound=1e-12,
    )


# PyTorch adds epsilon elsewhere: RMSprop's is beside the square root, sqrt(v) + eps against
# sqrt(v + eps): compared without it. Adam's is beside sqrt(v / c), c = 1 - beta_2^t, which is
# eps sqrt(c) beside sqrt(v).
@pytest.mark.parametrize(
    ("ours", "theirs", "epsilon"),
    [
        (f.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1), 0),
        (f.Momentum(0.02, 0.9), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9), 0),
        (f.RMSprop(0.003, 0.9, 0), lambda p: torch.optim.RMSprop(p, 0.003, alpha=0.9, eps=0), 0),
        (f.Adam(0.003, epsilon=0), lambda p: torch.optim.Adam(p, 0.003, eps=0), 0),
        (f.Adam(0.003), lambda p: torch.optim.Adam(p, 0.003, eps=1e-3), 1e-3),
    ],
    ids=["SGD", "Momentum", "RMSprop", "Adam", "Adam with epsilon"],
)
def test_optimizer(parity, request, ours, theirs, epsilon):
    """300 steps of a two-layer network; both take the gradient at our point."""
    mine = f.initialize((5, 8, 3), "glorot", seed=2)
    tensors = [torch.tensor(p) for p in mine]
    reference, far = theirs(tensors), 0.0
    for t in range(1, 301):
        a = f.forward(mine, X, "tanh")
        loss, gradient = f.cross_entropy(CLASSES, a[-1])
        gradients = f.backward(mine, a, gradient, "tanh")
        if epsilon:
            ours.epsilon = epsilon * np.sqrt(1 - ours.beta_2**t)
        ours.apply(gradients, mine)
        for tensor, g in zip(tensors, gradients, strict=True):
            tensor.grad = torch.from_numpy(g.copy())
        reference.step()
        far = max(far, difference(mine, tensors))
    assert loss < 0.9  # from 1.2
    name = request.node.callspec.id
    parity(
        f"foundations.{name}, 300 steps",
        reference=f"torch.optim.{type(reference).__name__}",
        difference=far,
        bound=1e-12,
    )
