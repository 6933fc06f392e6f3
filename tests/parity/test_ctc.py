"""CTC's loss and gradient in TensorFlow, Keras and PyTorch: with lengths, repeated labels, none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.speech import CTC, ctc_loss, forward_backward

torch = pytest.importorskip("torch")
# Different symbols, a repetition, no label at all, one that fits exactly.
LABELS = np.array([[1, 2, 3, 4], [5, 5, 2, 0], [0, 0, 0, 0], [2, 2, 1, 0]])
LABEL_LENGTHS, FRAMES = [4, 3, 0, 3], [20, 14, 9, 4]


@pytest.fixture
def logits(rng):
    return 2 * rng.normal(size=(4, 20, 6)).astype("float32")


def of_tensorflow(labels, logits, label_lengths, frames):
    z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        losses = tf.nn.ctc_loss(
            tf.constant(labels, tf.int32),
            z,
            tf.constant(label_lengths),
            tf.constant(frames),
            logits_time_major=False,
            blank_index=0,
        )
    return losses.numpy(), tape.gradient(losses, z).numpy()


def of_pytorch(labels, logits, label_lengths, frames, dtype):
    z = torch.tensor(logits, dtype=dtype, requires_grad=True)
    losses = torch.nn.CTCLoss(reduction="none")(
        torch.log_softmax(z, -1).transpose(0, 1),
        torch.tensor(labels),
        torch.tensor(frames),
        torch.tensor(label_lengths),
    )
    losses[torch.isfinite(losses)].sum().backward()
    return losses.detach().numpy(), z.grad.numpy()


def ours(labels, logits, label_lengths, frames):
    z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        losses = ctc_loss(labels, z, label_lengths, frames)
    return losses.numpy(), tape.gradient(losses, z).numpy()


def largest(some, others) -> float:
    return float(np.abs(some - others).max())


@pytest.mark.parametrize("what", ["forward_backward", "ctc_loss"])
def test_losses_and_gradients(logits, parity, what):
    arguments = LABELS, logits, LABEL_LENGTHS, FRAMES
    losses, gradient = {"forward_backward": forward_backward, "ctc_loss": ours}[what](*arguments)
    references = {
        "tensorflow.nn.ctc_loss": of_tensorflow(*arguments),
        "torch.nn.CTCLoss": of_pytorch(*arguments, torch.float32),
    }
    assert losses.min() > 1
    assert np.abs(gradient).max() > 0.5
    for reference, (their_losses, their_gradient) in references.items():
        name = f"speech.{what} against {reference.partition('.')[0]}"
        parity(name, reference=reference, difference=largest(losses, their_losses), bound=2e-5)
        parity(
            f"{name}, gradient",
            reference=reference,
            difference=largest(gradient, their_gradient),
            bound=1e-5,
        )


def test_by_hand_in_double_precision(logits, parity):
    arguments = LABELS, logits.astype("float64"), LABEL_LENGTHS, FRAMES
    losses, gradient = forward_backward(*arguments)
    theirs = of_pytorch(*arguments, torch.float64)
    parity(
        "speech.forward_backward, float64",
        reference="torch.nn.CTCLoss",
        difference=max(largest(losses, theirs[0]), largest(gradient, theirs[1])),
        bound=1e-12,
    )


def test_a_label_too_long_for_its_frames(logits):
    """PyTorch's loss is infinite, as ours; TensorFlow gives a number that looks like a loss."""
    arguments = LABELS, logits, LABEL_LENGTHS, [20, 3, 9, 3]  # "552" and "221" need four frames
    losses, gradient = ours(*arguments)
    by_hand, _ = forward_backward(*arguments)
    expected, _ = of_pytorch(*arguments, torch.float32)
    np.testing.assert_array_equal(np.isinf(losses), [False, True, False, True])
    np.testing.assert_array_equal(np.isinf(by_hand), np.isinf(losses))
    np.testing.assert_array_equal(np.isinf(expected), np.isinf(losses))
    assert np.isfinite(gradient).all()
    assert np.isfinite(of_tensorflow(*arguments)[0]).all()


def test_certain_logits(parity, rng):
    """Of a network that is sure of itself: TensorFlow's own is far off."""
    arguments = LABELS, 2000 * rng.normal(size=(4, 20, 6)), LABEL_LENGTHS, FRAMES
    expected, _ = of_pytorch(*arguments, torch.float64)
    single = (arguments[0], arguments[1].astype("float32"), *arguments[2:])
    parity(
        "speech.ctc_loss, certain logits, relative",
        reference="torch.nn.CTCLoss",
        difference=float(np.max(np.abs(ours(*single)[0] / expected - 1))),
        bound=1e-6,
    )
    assert np.max(np.abs(of_tensorflow(*single)[0] / expected - 1)) > 1e-2


def test_kerass_loss_without_lengths(logits, parity):
    """Equal where all frames are real; wrong where some are padding, where ours stays right."""
    whole = float(CTC()(LABELS, logits))
    parity(
        "speech.CTC without padding",
        reference="keras.losses.CTC",
        difference=abs(whole - float(keras.losses.CTC()(LABELS, logits))),
        bound=2e-5,
    )
    padded = float(CTC()(LABELS, (logits, FRAMES)))
    expected, _ = of_pytorch(LABELS, logits, LABEL_LENGTHS, FRAMES, torch.float32)
    parity(
        "speech.CTC with padding",
        reference="torch.nn.CTCLoss",
        difference=abs(padded - expected.mean()),
        bound=2e-5,
    )
    assert float(keras.losses.CTC()(LABELS, logits)) > padded + 1
