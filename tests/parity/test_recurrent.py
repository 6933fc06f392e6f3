"""The same recurrent steps, gradients and models in PyTorch."""

import numpy as np
import pytest
import tensorflow as tf

from aimodels.recurrent import GATES, Recurrent, Tagger

torch = pytest.importorskip("torch")
TORCH = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def to_torch(x):
    return torch.from_numpy(np.array(x))


def difference(ours, theirs) -> float:
    return float(np.abs(np.asarray(ours) - theirs.detach().numpy()).max())


def gates(cell, w):
    """Keras's GRU has z before r, PyTorch's r before z; the others agree."""
    parts = np.split(np.asarray(w), GATES[cell], axis=-1)
    return np.concatenate([parts[1], parts[0], parts[2]] if cell == "gru" else parts, axis=-1)


def torch_weights(cell, kernel, recurrent_kernel, bias):
    """Weights or gradients in PyTorch's form; only the GRU's second bias is of use to us."""
    kernel, recurrent_kernel, bias = (gates(cell, w) for w in (kernel, recurrent_kernel, bias))
    biases = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return [kernel.T, recurrent_kernel.T, *biases]


def load(module, cell, weights, suffix=""):
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    for name, w in zip(names, torch_weights(cell, *weights), strict=True):
        getattr(module, name + suffix).data = to_torch(np.ascontiguousarray(w))


@pytest.mark.parametrize("masked", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("cell", TORCH)
def test_loop(rng, parity, cell, masked):
    """Every h of real steps, and gradients; PyTorch packs what we mask."""
    ours = Recurrent(cell, 6, return_sequences=True)
    ours.build((None, 7, 4))
    ours.set_weights([rng.normal(size=w.shape) / 2 for w in ours.get_weights()])
    theirs = getattr(torch.nn, TORCH[cell])(4, 6, batch_first=True)
    load(theirs, cell, ours.get_weights())
    x = rng.normal(size=(3, 7, 4)).astype("float32")
    lengths = [7, 5, 2] if masked else [7, 7, 7]
    real = np.arange(7) < np.array(lengths)[:, None]
    target = (rng.normal(size=(3, 7, 6)) * real[..., None]).astype("float32")
    variables = [v.value for v in ours.trainable_variables]
    with tf.GradientTape() as tape:
        y = ours(x, mask=real if masked else None)
        loss = tf.reduce_sum(y * target)
    gradients = torch_weights(cell, *tape.gradient(loss, variables))

    packed = torch.nn.utils.rnn.pack_padded_sequence(to_torch(x), lengths, batch_first=True)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    (expected * to_torch(target)).sum().backward()
    assert expected.abs().max() > 0.5
    name = f"recurrent.Recurrent {cell}, {'padded' if masked else 'full'}"
    parity(
        name,
        reference=f"torch.nn.{TORCH[cell]}",
        difference=difference(y * real[..., None], expected),
        bound=1e-5,
    )
    parameters = list(theirs.parameters())[: 4 if cell == "gru" else 3]
    assert min(p.grad.abs().max() for p in parameters) > 0.1
    parity(
        f"{name}, gradients",
        reference=f"torch.nn.{TORCH[cell]}",
        difference=max(difference(g, p.grad) for g, p in zip(gradients, parameters, strict=False)),
        bound=1e-4,
    )


def test_tagger(rng, parity):
    """The whole bidirectional network, on padded text: logits of real tokens."""
    ours = Tagger(20, 5, embedding_dim=4, units=6)
    ours.set_weights([rng.normal(size=w.shape) / 2 for w in ours.get_weights()])
    embedding, *lstms, kernel, bias = ours.get_weights()
    theirs = torch.nn.LSTM(4, 6, batch_first=True, bidirectional=True)
    load(theirs, "lstm", lstms[:3])
    load(theirs, "lstm", lstms[3:], "_reverse")
    lengths = [8, 5, 3, 1]
    real = np.arange(8) < np.array(lengths)[:, None]
    ids = rng.integers(1, 20, (4, 8)) * real
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        to_torch(embedding[ids]), lengths, batch_first=True
    )
    h, _ = torch.nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    expected = h @ to_torch(kernel) + to_torch(bias)
    parity(
        "recurrent.Tagger",
        reference="torch.nn.LSTM",
        difference=difference(ours(ids).numpy()[real], expected[to_torch(real)]),
        bound=1e-5,
    )
