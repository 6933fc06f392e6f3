"""The same words otherwise: by how much is what was asked, and padding stays what it is."""

import numpy as np
import pytest
import tensorflow as tf

from aimodels import speech

pytestmark = pytest.mark.rests_on_code

SEED = (3, 4)


def loudness(x, axis=-1):
    return np.mean(np.square(x), axis=axis)


FUNCTIONS = {
    "shift": lambda x, seed: speech.shift(x, seed, 50),
    "add_noise": lambda x, seed: speech.add_noise(x, 10.0, seed),
    "add_noise, recorded": lambda x, seed: speech.add_noise(x, 10.0, seed, tf.sin(tf.range(99.0))),
    "spec_augment": lambda x, seed: speech.spec_augment(tf.reshape(x, (2, 50, 20)), seed),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_seed_decides_alone_and_graphs_and_xla_agree(name, rng):
    samples, function = rng.normal(size=(2, 1000)).astype("float32"), FUNCTIONS[name]
    first = function(samples, SEED)
    np.testing.assert_array_equal(first, function(samples, SEED))
    assert np.abs(first - function(samples, (3, 5))).max() > 0
    for other in (tf.function(function), tf.function(function, jit_compile=True)):
        np.testing.assert_allclose(other(samples, tf.constant(SEED)), first, atol=1e-5)


def test_utterances_are_shifted_apart_by_no_more_than_asked():
    clicks = np.zeros((500, 41), "float32")
    clicks[:, 20] = 1
    shifted = speech.shift(clicks, SEED, 5).numpy()
    assert (shifted.sum(axis=1) == 1).all()
    places = shifted.argmax(axis=1) - 20
    assert sorted(set(places)) == list(range(-5, 6))
    assert np.bincount(places + 5).min() > 20  # of 45 expected
    np.testing.assert_array_equal(speech.shift(clicks, SEED, 0), clicks)
    ones = speech.shift(np.ones((500, 41), "float32"), SEED, 5).numpy()
    np.testing.assert_array_equal(41 - ones.sum(axis=1), np.abs(places))  # zeros came in


@pytest.mark.parametrize("recorded", [False, True])
def test_the_noise_is_as_loud_as_asked(rng, recorded):
    samples = rng.normal(0, [[0.5], [0.01], [0.1]], (3, 4000)).astype("float32")
    noise = rng.uniform(-7, 7, 999) if recorded else None
    for asked in (20.0, 0.0, -5.0, np.array([30.0, 10.0, 0.0])):
        added = speech.add_noise(samples, asked, SEED, noise) - samples
        snr = 10 * np.log10(loudness(samples) / loudness(added))
        np.testing.assert_allclose(snr, np.broadcast_to(asked, 3), atol=0.02)
        assert np.abs(np.corrcoef(added)[0, 1]) < 0.2  # each utterance has its own


def test_a_recorded_noise_is_used_as_it_is(rng):
    noise = np.sin(np.arange(300) / 3).astype("float32")
    added = speech.add_noise(np.ones((20, 250), "float32"), 0.0, SEED, noise).numpy() - 1
    for row in added:
        row = row / np.sqrt(loudness(row))
        parts = [np.roll(noise, -k)[:250] for k in range(300)]
        assert min(np.abs(row - p / np.sqrt(loudness(p))).max() for p in parts) < 1e-4


def test_padding_neither_counts_nor_sounds(rng):
    samples = rng.normal(0, 0.1, (3, 4000)).astype("float32")
    lengths = np.array([4000, 1000, 0])
    added = speech.add_noise(samples, 10.0, SEED, lengths=lengths).numpy() - samples
    assert not added[1, 1000:].any()
    assert not added[2].any()
    snr = 10 * np.log10(loudness(samples[1, :1000]) / loudness(added[1, :1000]))
    assert snr == pytest.approx(10, abs=0.02)


def test_silence_stays_silence():
    assert not speech.add_noise(np.zeros((2, 100)), 0.0, SEED).numpy().any()
    assert np.isfinite(speech.add_noise(np.ones(100), 0.0, SEED, np.zeros(9))).all()


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.0, 1.1, 1.25, 2.0])
@pytest.mark.parametrize("count", [1, 999, 8000])
def test_a_changed_speed_has_the_stated_length(rate, count):
    changed = speech.change_speed(np.zeros((2, count), "float32"), rate)
    assert changed.shape == (2, round(count / rate))
    anything = tf.TensorSpec([None, None], tf.float32)
    graph = tf.function(speech.change_speed, input_signature=[anything, tf.TensorSpec([])])
    assert graph(np.zeros((2, count), "float32"), rate).shape == (2, round(count / rate))


def test_a_faster_tone_is_higher_and_as_loud():
    tone = lambda hz, count: np.sin(2 * np.pi * hz * np.arange(count) / 8000)  # noqa: E731
    for rate in (0.8, 1.0, 1.3):
        changed = speech.change_speed(tone(500, 8000), rate).numpy()
        np.testing.assert_allclose(
            changed[50:-50], tone(500 * rate, len(changed))[50:-50], atol=3e-3
        )
    np.testing.assert_allclose(
        speech.change_speed(tone(500, 8000), 1.0), tone(500, 8000), atol=1e-9
    )


def test_what_is_too_high_after_the_change_is_gone():
    high = np.sin(2 * np.pi * 3900 * np.arange(8000) / 8000)  # 5850 Hz afterwards, folded to 2150
    assert loudness(speech.change_speed(high, 1.5).numpy()[50:-50]) < 1e-4
    assert loudness(high[::2]) > 0.4  # negative control


def test_places_are_exact_in_long_recordings():
    """Single precision cannot tell apart the places of minutes of samples."""
    tone = np.sin(np.arange(1_000_000) / 2).astype("float32")
    changed = speech.change_speed(tone, 1.9).numpy()
    expected = np.sin(np.arange(len(changed)) * 1.9 / 2)
    assert np.abs(changed - expected)[-1000:-50].max() < 8e-3


@pytest.mark.parametrize("rate", [0, -1.0, float("nan")])
def test_a_speed_of_nothing_is_refused(rate):
    with pytest.raises(ValueError, match="rate must be a number > 0"):
        speech.change_speed(np.zeros(9), rate)


def runs(row):
    """Lengths of the stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    return edges[1::2] - edges[::2]


def test_the_spectrum_lacks_what_was_asked(rng):
    features = rng.normal(5, 1, (300, 60, 40)).astype("float32")
    bands = speech.spec_augment(features, SEED, 1, 8, 0).numpy()
    gone = bands != features
    assert (gone == gone[:, :1]).all()  # at all times
    widths = [runs(row[0]) for row in gone]
    assert max(map(len, widths)) == 1
    assert {int(sum(w)) for w in widths} == set(range(9))
    assert gone[:, 0].any(axis=0).all()  # each feature, sometimes

    times = speech.spec_augment(features, SEED, 0, 8, 2, 10).numpy()
    gone = times != features
    assert (gone == gone[..., :1]).all()  # at all frequencies
    lengths = [runs(row[:, 0]) for row in gone]
    assert max(map(len, lengths)) == 2
    assert max(int(sum(length)) for length in lengths) <= 20
    assert gone[:, :, 0].any(axis=0).all()
    np.testing.assert_array_equal(speech.spec_augment(features, SEED, 0, 8, 0), features)


def test_what_is_missing_is_the_mean_of_the_utterance(rng):
    features = rng.normal([[[5.0]], [[-80.0]]], 1, (2, 60, 40)).astype("float32")
    masked = speech.spec_augment(features, SEED).numpy()
    for before, after in zip(features, masked, strict=True):
        gone = after != before
        assert 0 < gone.mean() < 0.9
        np.testing.assert_allclose(after[gone], before.mean(), rtol=1e-4)


def test_stretches_lie_within_the_utterance_and_take_no_more_than_their_part(rng):
    features = rng.normal(5, 1, (200, 60, 4)).astype("float32")
    features[:, 20:] = 1e6  # padding, whose mean would show
    masked = speech.spec_augment(
        features, SEED, 0, 0, 1, 30, max_part=0.25, lengths=np.full(200, 20)
    ).numpy()
    gone = (masked != features)[..., 0]
    assert not gone[:, 20:].any()
    assert gone.sum(axis=1).max() == 5
    assert gone[:, :20].any(axis=0).all()
    assert masked[:, :20].max() < 20


def test_utterances_shorter_than_the_masks_are_no_trouble():
    for frames in (1, 2, 3):
        masked = speech.spec_augment(np.ones((5, frames, 2), "float32"), SEED)
        np.testing.assert_allclose(masked, 1.0, rtol=1e-6)


def test_the_layer_masks_in_training_alone_and_never_padding(rng):
    features = rng.normal(5, 1, (8, 60, 40)).astype("float32")
    layer = speech.SpecAugment(seed=1)
    np.testing.assert_array_equal(layer(features), features)
    np.testing.assert_array_equal(layer(features, training=False), features)
    first, second = layer(features, training=True), layer(features, training=True)
    assert np.abs(first - features).max() > 0
    assert np.abs(first - second).max() > 0  # another mask each time
    mask = tf.sequence_mask([60] * 4 + [30] * 4, 60)
    layer = speech.SpecAugment(0, 0, 2, 20, seed=1)
    gone = (layer(features, mask=mask, training=True) != features).numpy()
    assert gone[4:, :30].any()
    assert not gone[4:, 30:].any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"time_masks": -1}, "time_masks must be an integer >= 0"),
        ({"frequency_width": 2.5}, "frequency_width must be an integer >= 0"),
        ({"max_part": 1.5}, r"max_part must be in \[0, 1\]"),
    ],
)
def test_arguments_are_checked_early(arguments, said):
    with pytest.raises(ValueError, match=said):
        speech.spec_augment(np.zeros((9, 4)), SEED, **arguments)
    with pytest.raises(ValueError, match=said):
        speech.SpecAugment(**arguments)
