"""TextCNN in PyTorch, written from its description with torch.nn alone, with the same weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.text_classification import TextCNN

torch = pytest.importorskip("torch")
F = torch.nn.functional
SIZES, VOCABULARY, DIM, FILTERS, CLASSES = (2, 3, 4, 5), 40, 16, 10, 3


class TorchTextCNN(torch.nn.Module):
    """Reads one text at a time, without any padding."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, DIM)
        self.convolutions = torch.nn.ModuleList(torch.nn.Conv1d(DIM, FILTERS, k) for k in SIZES)
        self.logits = torch.nn.Linear(FILTERS * len(SIZES), CLASSES)

    def forward(self, ids):
        x = self.embedding(ids).T  # (D, T)
        found = [
            F.relu(conv(F.pad(x, ((k - 1) // 2, k // 2)))).amax(dim=-1)
            for k, conv in zip(SIZES, self.convolutions, strict=True)
        ]
        return self.logits(torch.cat(found))


@pytest.fixture
def twins():
    rng = np.random.default_rng(0)
    ours = TextCNN(VOCABULARY, CLASSES, DIM, SIZES, FILTERS, dropout=0.0)
    ours.set_weights([rng.normal(size=w.shape) * 0.3 for w in ours.weights])
    theirs = TorchTextCNN()
    for parameter, weight in zip(theirs.parameters(), ours.get_weights(), strict=True):
        axes = {3: (2, 1, 0), 2: (1, 0), 1: (0,)}[weight.ndim]
        transposed = weight if parameter is theirs.embedding.weight else weight.transpose(axes)
        parameter.data = torch.from_numpy(transposed.copy())
    lengths = [1, 2, 5, 9, 14]
    texts = [rng.integers(1, VOCABULARY, length) for length in lengths]
    ids = np.zeros((len(texts), max(lengths) + 3), "int32")
    for row, one in zip(ids, texts, strict=True):
        row[: len(one)] = one
    return ours, theirs, ids, [torch.from_numpy(one) for one in texts]


def test_forward(parity, twins):
    ours, theirs, ids, texts = twins
    expected = torch.stack([theirs(one) for one in texts]).detach().numpy()
    assert np.ptp(expected) > 0.1
    difference = float(np.abs(ours(ids) - expected).max())
    parity(
        "text_classification.TextCNN forward",
        reference="torch.nn",
        difference=difference,
        bound=1e-5,
    )


def test_gradients(parity, twins):
    ours, theirs, ids, texts = twins
    y = np.array([0, 2, 1, 1, 0])
    with tf.GradientTape() as tape:
        logits = ours(ids, training=True)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, logits)
    gradients = tape.gradient(loss, [v.value for v in ours.trainable_variables])
    F.cross_entropy(torch.stack([theirs(one) for one in texts]), torch.from_numpy(y)).backward()
    differences = []
    for parameter, gradient in zip(theirs.parameters(), gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        if parameter is not theirs.embedding.weight:
            gradient = gradient.T
        assert parameter.grad.abs().max() > 1e-4
        differences.append(float(np.abs(gradient - parameter.grad.numpy()).max()))
    parity(
        "text_classification.TextCNN gradients",
        reference="torch.nn",
        difference=max(differences),
        bound=1e-5,
    )
