"""CTC equals the sum over all paths, its gradient the slope; lengths, repetitions, no label."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.speech import CTC, align, collapse, ctc_loss, forward, forward_backward, min_frames

pytestmark = pytest.mark.rests_on_code
FRAMES, SYMBOLS = 5, 2
ALL_PATHS = [*itertools.product(range(SYMBOLS + 1), repeat=FRAMES)]
ALL_LABELS = sorted({tuple(collapse(path)) for path in ALL_PATHS})
# Repetitions, no label, a label too long by one, no frames, neither label nor frames.
LABELS = np.array([[1, 2, 3], [1, 1, 0], [0, 0, 0], [2, 2, 2], [1, 0, 0], [0, 0, 0]])
FRAME_COUNTS = np.array([8, 5, 3, 4, 0, 0])
FITS = np.array([True, True, True, False, False, True])


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def log_p_of_path(log_p, path):
    return log_p[np.arange(len(path)), path].sum()


def with_gradient(labels, logits, *lengths, jit_compile=False):
    @tf.function(jit_compile=jit_compile)
    def compute(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = ctc_loss(labels, logits, *lengths)
        return losses, tape.gradient(losses, logits)

    return [np.array(found) for found in compute(tf.convert_to_tensor(logits))]


def test_the_loss_is_the_sum_over_all_paths(rng):
    logits = rng.normal(size=(FRAMES, SYMBOLS + 1))
    log_p = log_softmax(logits)
    total = 0
    for label in ALL_LABELS:
        paths = [path for path in ALL_PATHS if tuple(collapse(path)) == label]
        expected = np.exp([log_p_of_path(log_p, path) for path in paths]).sum()
        losses, _ = forward_backward([label], logits[None])
        assert np.exp(-losses[0]) == pytest.approx(expected, rel=1e-12)
        assert np.exp(-float(ctc_loss([label], logits[None])[0])) == pytest.approx(expected)
        assert np.exp(forward(log_p, label)[-1, -2:]).sum() == pytest.approx(expected)
        total += expected
    assert total == pytest.approx(1)
    assert len(ALL_LABELS) > 20


def test_the_gradient_is_the_slope(rng):
    logits, h = rng.normal(size=(3, 6, 4)), 1e-6
    arguments = [[1, 3, 0], [2, 2, 1], [0, 0, 0]], [2, 3, 0], [5, 6, 4]
    labels, *lengths = arguments
    _, gradient = forward_backward(labels, logits, *lengths)
    for place in np.ndindex(logits.shape):
        around = []
        for step in (h, -h):
            moved = logits.copy()
            moved[place] += step
            around.append(forward_backward(labels, moved, *lengths)[0].sum())
        assert (around[0] - around[1]) / (2 * h) == pytest.approx(gradient[place], abs=1e-7)
    assert np.abs(gradient[0, :5]).min() > 1e-4
    assert not gradient[0, 5].any()


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "XLA"])
@pytest.mark.parametrize("scale", [1, 1000], ids=["usual", "certain"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_in_tensorflow_as_by_hand(rng, jit_compile, scale, dtype):
    logits = (scale * rng.normal(size=(6, 8, 4))).astype(dtype)
    losses, gradient = with_gradient(LABELS, logits, None, FRAME_COUNTS, jit_compile=jit_compile)
    expected, slope = forward_backward(LABELS, logits, None, FRAME_COUNTS)
    assert losses.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(losses, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=tolerance * scale)
    np.testing.assert_array_equal(np.isfinite(losses), FITS)
    assert not gradient[~FITS].any()
    assert not gradient[np.arange(8) >= FRAME_COUNTS[:, None]].any()
    assert np.abs(gradient[:3]).max() > 0.1


def test_padding_and_its_logits_count_for_nothing(rng):
    logits = rng.normal(size=(6, 8, 4)).astype("float32")
    expected = with_gradient(LABELS, logits, None, FRAME_COUNTS)
    logits[np.arange(8) >= FRAME_COUNTS[:, None]] = np.nan
    longer = np.pad(logits, [(0, 0), (0, 5), (0, 0)])
    labels = np.pad(LABELS, [(0, 0), (0, 4)])
    found = with_gradient(labels, longer, None, FRAME_COUNTS)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1][:, :8], expected[1], rtol=0, atol=1e-6)


def test_a_long_utterance_is_exact(rng):
    logits = rng.normal(size=(2, 1500, 30)).astype("float32")
    labels = rng.integers(1, 30, (2, 150))
    losses, gradient = with_gradient(labels, logits)
    expected, slope = forward_backward(labels, logits)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=2e-4)


def test_what_is_no_symbol_gives_no_number(rng):
    """In a graph nothing can be raised; a number that looks like a loss would be worse."""
    logits = rng.normal(size=(4, 6, 4)).astype("float32")
    losses = ctc_loss([[4, 0, 0], [1, 0, 2], [1, -1, -1], [1, 2, 0]], logits, [1, 3, 1, 2]).numpy()
    np.testing.assert_array_equal(np.isnan(losses), [True, True, False, False])
    assert np.isnan(ctc_loss([[1, 0, 2]], logits[:1]).numpy()).all()  # padding inside
    assert np.isnan(ctc_loss([[1, 2]], np.full((1, 4, 3), np.nan)).numpy()).all()


def test_labels_without_any_symbol(rng):
    logits = rng.normal(size=(2, 4, 3))
    expected = -log_softmax(logits)[:, :, 0].sum(axis=1)
    for labels in (np.zeros((2, 0), int), np.zeros((2, 3), int)):
        np.testing.assert_allclose(ctc_loss(labels, logits), expected)
        np.testing.assert_allclose(forward_backward(labels, logits)[0], expected)


def test_the_alignment_is_the_best_path(rng):
    for label in ALL_LABELS:
        logits = 2 * rng.normal(size=(FRAMES, SYMBOLS + 1))
        log_p = log_softmax(logits)
        places = align(logits, label)
        path = [label[place] if place >= 0 else 0 for place in places]
        assert tuple(collapse(path)) == label
        real = places[places >= 0]
        assert (np.diff(real) >= 0).all()
        assert set(real) == set(range(len(label)))
        paths = [path for path in ALL_PATHS if tuple(collapse(path)) == label]
        best = max(log_p_of_path(log_p, path) for path in paths)
        assert log_p_of_path(log_p, path) == pytest.approx(best)


@pytest.mark.parametrize(
    ("label", "expected"), [([], 0), ([3], 1), ([1, 2], 2), ([1, 1], 3), ([2, 2, 2, 1], 6)]
)
def test_frames_that_a_label_needs(label, expected):
    assert min_frames(label) == expected
    logits = np.zeros((1, max(expected, 1), 4))
    assert np.isfinite(forward_backward([label], logits)[0]).all()
    if expected > 1:
        assert np.isinf(forward_backward([label], logits[:, 1:])[0]).all()
        with pytest.raises(ValueError, match=f"needs at least {expected} frames"):
            align(logits[0, 1:], label)


# The loss in a model


def test_kerass_own_loss_takes_padding_for_speech(rng):
    """8 of 10 frames are real. Ours is the loss of these 8, wherever the padding stands."""
    logits, label = rng.normal(size=(1, 10, 5)).astype("float32"), np.array([[1, 2, 2]])
    right = forward_backward(label, logits[:, :8])[0][0]
    wrong = float(keras.losses.CTC()(label, logits))
    assert wrong == pytest.approx(forward_backward(label, logits)[0][0], rel=1e-5)
    assert wrong > right + 1
    places = np.arange(10)
    for real in (places < 8, places >= 2, (places != 3) & (places != 6)):
        moved = np.full((1, 10, 5), 7.0, "float32")
        moved[:, real] = logits[:, :8]
        masked = tf.constant(moved)
        masked._keras_mask = tf.constant(real[None])
        assert float(CTC()(label, masked)) == pytest.approx(right, rel=1e-5)
        masked._keras_mask = None
        assert abs(float(CTC()(label, masked)) - right) > 1
    assert float(CTC()(label, (logits, [8]))) == pytest.approx(right, rel=1e-5)


def masked_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, 3))
    x = keras.layers.LSTM(4, return_sequences=True)(keras.layers.Masking()(inputs))
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def test_a_models_mask_reaches_the_loss(rng, tmp_path):
    """With plain Keras layers: in training and evaluation, weighted, saved and loaded."""
    x, labels = rng.normal(size=(3, 9, 3)).astype("float32"), np.array([[1, 2], [3, 0], [2, 2]])
    lengths = np.array([9, 6, 4])
    x *= (np.arange(9) < lengths[:, None])[..., None]
    weights = np.array([1.0, 3.0, 0.5])
    model = masked_model()
    losses, _ = forward_backward(labels, model(x).numpy(), None, lengths)
    model.compile(keras.optimizers.SGD(0.0), CTC())
    for more in (0, 4):
        padded = np.pad(x, [(0, 0), (0, more), (0, 0)])
        assert model.evaluate(padded, labels, verbose=0) == pytest.approx(losses.mean(), rel=1e-5)
        found = model.train_on_batch(padded, labels, sample_weight=weights)
        assert float(found) == pytest.approx((weights * losses).mean(), rel=1e-5)
    np.testing.assert_allclose(CTC(reduction=None)(labels, model(x)), losses, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.loss, CTC)
    assert loaded.evaluate(x, labels, verbose=0) == pytest.approx(losses.mean(), rel=1e-5)


def test_an_utterance_that_does_not_fit_spoils_no_gradient(rng):
    x, labels = rng.normal(size=(2, 4, 3)).astype("float32"), np.array([[1, 2, 0, 0], [3, 3, 3, 1]])
    found = []
    for rows in ([0], [0, 1]):
        model = masked_model()
        model.compile(keras.optimizers.SGD(len(rows) / 1.0), CTC())
        loss = model.train_on_batch(x[rows], labels[rows])
        assert np.isinf(loss) == (len(rows) == 2)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


ZEROS = np.zeros((1, 4, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: forward_backward([1], ZEROS), r"labels of shape \(B, L\)"),
        (lambda: forward_backward([[1]], ZEROS[0]), r"logits of shape \(B, T, V \+ 1\)"),
        (lambda: ctc_loss([1], ZEROS), r"labels of shape \(B, L\)"),
        (lambda: ctc_loss([[1]], ZEROS[:, :0]), "T >= 1"),
        (lambda: CTC()([[1]], ZEROS[0]), r"logits of shape"),
        (lambda: forward_backward([[3]], ZEROS), "from 1 to 2, as 0 is the blank"),
        (lambda: forward_backward([[1, 0, 2]], ZEROS), "as 0 is the blank"),
        (lambda: forward_backward([[1]], ZEROS, [2]), "label_length must be 1 integers from 0 to"),
        (lambda: forward_backward([[1]], ZEROS, None, [5]), "logit_length must be 1 integers"),
        (lambda: forward_backward([[1]], ZEROS, None, [4, 4]), "logit_length must be 1 integers"),
        (lambda: align(ZEROS[0], [1, 3]), "from 1 to 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
