"""Features of speech: what a batch, a mask, a graph or XLA may not change, and what each one is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import speech

pytestmark = pytest.mark.rests_on_code

RATE = 8000
LENGTHS = [4000, 2501, 700, 80]  # samples


@pytest.fixture
def utterances(rng):
    return [rng.normal(0, 0.1, length).astype("float32") for length in LENGTHS]


@pytest.fixture
def batch(utterances):
    """The same, each with padding that is not silence."""
    padded = np.full((len(LENGTHS), max(LENGTHS)), 0.7, "float32")
    for row, samples in zip(padded, utterances, strict=True):
        row[: len(samples)] = samples
    return padded


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("n_fft", [200, 256, 333])
@pytest.mark.parametrize("hop_length", [1, 80, 300])
def test_the_number_of_frames_is_exact(n_fft, hop_length, center):
    for count in (*range(n_fft, n_fft + 12), 1000, *([] if not center else [1, 2, 79, 80, 81])):
        spectrum = speech.stft(tf.zeros(count), n_fft, hop_length, center=center)
        assert spectrum.shape[0] == speech.num_frames(count, n_fft, hop_length, center)
    counts = [0, 1, 80, 999]
    alone = [speech.num_frames(count, n_fft, hop_length, center) for count in counts]
    for together in (np.array(counts), tf.constant(counts)):
        assert list(speech.num_frames(together, n_fft, hop_length, center)) == alone


def test_frames_are_pieces_of_the_samples(rng):
    samples = rng.normal(size=(2, 3, 50))
    for frame_length, hop_length in ((8, 3), (8, 8), (5, 9), (50, 1), (1, 1)):
        framed = speech.frames(samples, frame_length, hop_length).numpy()
        expected = np.lib.stride_tricks.sliding_window_view(samples, frame_length, axis=-1)
        np.testing.assert_array_equal(framed, expected[..., ::hop_length, :])


FEATURES = {
    "frames": lambda x: speech.frames(x, 200, 80),
    "stft": lambda x: tf.abs(speech.stft(x, 256, 80)),
    "log_mel": lambda x: speech.log_mel(x, RATE),
    "log_mel from the loudest down": lambda x: speech.log_mel(x, RATE, top_db=20.0),
    "log_mel not centred": lambda x: speech.log_mel(x, RATE, center=False),
    "mfcc": lambda x: speech.mfcc(x, RATE),
    "deltas": lambda x: speech.deltas(speech.mfcc(x, RATE)),
    "splice": lambda x: speech.splice(speech.mfcc(x, RATE), 3),
}
every_feature = pytest.mark.parametrize("name", FEATURES)


@every_feature
def test_a_batch_is_its_utterances(name, rng):
    samples = rng.normal(0, [[0.1], [0.5], [0.01]], (3, 4000)).astype("float32")
    together = FEATURES[name](samples)
    for row, one in zip(together, samples, strict=True):
        np.testing.assert_allclose(row, FEATURES[name](one), atol=1e-4)
    assert together.shape[:2] == FEATURES[name](samples[None])[0].shape[:2]


@every_feature
def test_graphs_of_any_size_and_xla_agree(name, rng):
    samples = rng.normal(0, 0.1, (2, 4000)).astype("float32")
    eager = FEATURES[name](samples)
    anything = tf.TensorSpec([None, None], tf.float32)
    graph = tf.function(FEATURES[name], input_signature=[anything])
    xla = tf.function(FEATURES[name], jit_compile=True)
    np.testing.assert_allclose(graph(samples), eager, atol=1e-4)
    np.testing.assert_allclose(xla(samples), eager, atol=1e-4)
    np.testing.assert_allclose(
        graph(samples[:1, :1234]), FEATURES[name](samples[:1, :1234]), atol=1e-4
    )


@every_feature
def test_no_utterance_has_no_features(name, rng):
    samples = rng.normal(0, 0.1, (2, 4000)).astype("float32")
    anything = tf.TensorSpec([None, None], tf.float32)
    for function in (FEATURES[name], tf.function(FEATURES[name], input_signature=[anything])):
        assert function(samples[:0]).shape == (0, *function(samples).shape[1:])


@every_feature
def test_gradients_flow_and_are_right(name, rng):
    samples = tf.constant(rng.normal(0, 0.1, (1, 1000)))  # in double precision
    weights = rng.normal(size=FEATURES[name](samples).shape)

    def value(samples):
        return tf.reduce_sum(weights * FEATURES[name](samples))

    with tf.GradientTape() as tape:
        tape.watch(samples)
        result = value(samples)
    gradient = tape.gradient(result, samples)
    direction = rng.normal(size=samples.shape)
    step = 1e-7 * direction
    slope = (value(samples + step) - value(samples - step)) / 2e-7
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-4, atol=1e-3)
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize(
    ("shape", "center"), [((1000,), True), ((2, 3, 1000), False), ((2, 2639), True)]
)
def test_a_long_recording_is_transformed_in_parts_that_do_not_show(monkeypatch, rng, shape, center):
    samples = tf.constant(rng.normal(0, 0.1, shape))

    def features(samples):
        return speech.log_mel(samples, RATE, center=center)

    def slope(samples):
        with tf.GradientTape() as tape:
            tape.watch(samples)
            loss = tf.reduce_sum(features(samples) ** 2)
        return tape.gradient(loss, samples)

    whole, gradient = features(samples), slope(samples)
    for part in (1, 8):
        monkeypatch.setattr("aimodels.speech.features.PART", part)
        anything = tf.TensorSpec([None] * len(shape), tf.float64)
        for function in (
            features,
            tf.function(features, input_signature=[anything]),
            tf.function(features, jit_compile=True),
        ):
            parts = function(samples)
            assert parts.shape == whole.shape
            np.testing.assert_allclose(parts, whole, atol=1e-9)
        for function in (tf.function(slope), tf.function(slope, jit_compile=True)):
            np.testing.assert_allclose(function(samples), gradient, rtol=1e-6, atol=1e-6)


def test_gradients_of_silence_are_finite():
    samples = tf.zeros((1, 1000))
    with tf.GradientTape() as tape:
        tape.watch(samples)
        loss = tf.reduce_sum(speech.mfcc(samples, RATE))
    assert np.isfinite(tape.gradient(loss, samples)).all()


def test_a_tone_is_where_it_belongs():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / RATE).astype("float32")
    power = speech.power_spectrum(tone, 256, 80, 200).numpy().mean(axis=0)
    assert power.argmax() == 1000 * 256 / RATE
    energies = speech.log_mel(tone, RATE).numpy().mean(axis=0)
    assert energies.argmax() == speech.mel_filters(RATE, 256, 40)[32].argmax()
    quieter = speech.log_mel(tone / 10, RATE).numpy().mean(axis=0)
    assert energies.max() - quieter.max() == pytest.approx(20, abs=1e-3)  # decibels


def test_silence_is_as_quiet_as_it_gets():
    np.testing.assert_allclose(speech.log_mel(np.zeros(8000), RATE), -100.0)


def test_each_mel_filter_has_an_area_of_one():
    filters = speech.mel_filters(16000, 4096, 40)
    np.testing.assert_allclose(filters.sum(axis=0) * 16000 / 4096, 1.0, atol=0.02)
    assert (filters[[0, -1]] == 0).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: speech.log_mel(np.zeros(999, "int16"), RATE), "got int16: divide 16-bit numbers"),
        (lambda: speech.log_mel(np.float32(1), RATE), "got a single number"),
        (lambda: speech.log_mel(np.zeros(0), RATE), "there are no samples"),
        (lambda: speech.log_mel(np.zeros(99), RATE, center=False), "99 samples do not fill one"),
        (lambda: speech.frames(np.zeros(9), 10, 1), "9 samples do not fill one frame of 10"),
        (lambda: speech.frames(np.zeros(9), 0, 1), "frame_length must be an integer >= 1"),
        (lambda: speech.stft(np.zeros(999), 256, win_length=300), "win_length=300 must not be"),
        (lambda: speech.mel_filters(RATE, 256, 40, fmax=5000), "fmax=5000, sample_rate=8000"),
        (lambda: speech.log_mel(np.zeros(999), 0), "sample_rate must be a number > 0"),
        (lambda: speech.mfcc(np.zeros(999), RATE, n_mfcc=41), "n_mfcc=41 must not be larger"),
        (lambda: speech.deltas(np.zeros((20, 3)), width=4), "width must be odd"),
        (lambda: speech.deltas(np.zeros((5, 3))), "width=9 is more than the 5 frames"),
        (lambda: speech.splice(np.zeros((5, 3)), -1), "context must be an integer >= 0"),
        (lambda: speech.LogMel(RATE, n_mels=0), "n_mels must be an integer >= 1"),
    ],
)
def test_what_is_wrong_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_filters_that_hold_no_frequency_are_told_of():
    with pytest.warns(UserWarning, match="hold no frequency of a transform of n_fft=128"):
        speech.mel_filters(16000, 128, 128)


def test_half_precision_samples_are_computed_in_single():
    samples = np.sin(np.arange(4000) / 5).astype("float16")
    energies = speech.log_mel(samples, RATE)
    assert energies.dtype == tf.float32
    np.testing.assert_allclose(energies, speech.log_mel(samples.astype("float32"), RATE))


def test_deltas_of_a_line_are_its_slope_and_of_a_parabola_its_curvature(rng):
    t = np.arange(30.0)[:, None]
    slope, bend = rng.normal(size=(2, 4))
    np.testing.assert_allclose(speech.deltas(slope * t + 3), np.tile(slope, (30, 1)), atol=1e-9)
    curve = speech.deltas(bend * t**2 + slope * t, order=2)
    np.testing.assert_allclose(curve, np.tile(2 * bend, (30, 1)), atol=1e-9)


@pytest.mark.parametrize(
    "surround",
    [speech.deltas, lambda c, lengths=None: speech.splice(c, 4, lengths)],
    ids=["deltas", "splice"],
)
def test_with_lengths_padding_frames_change_nothing(surround, rng):
    lengths = [30, 17, 9]
    features = rng.normal(size=(3, 30, 4)).astype("float32")
    for function in (surround, tf.function(surround), tf.function(surround, jit_compile=True)):
        together = function(features, lengths=tf.constant(lengths))
        for row, one, length in zip(together, features, lengths, strict=True):
            np.testing.assert_allclose(row[:length], surround(one[:length]), atol=1e-5)
    without = surround(features)  # negative control
    assert np.abs(without[1, :17] - surround(features[1, :17])).max() > 0.1


def test_splice_holds_the_neighbours(rng):
    features = rng.normal(size=(2, 10, 3))
    spliced = speech.splice(features, 2).numpy().reshape(2, 10, 5, 3)
    for t in range(10):
        for k in range(5):
            np.testing.assert_array_equal(spliced[:, t, k], features[:, min(max(t + k - 2, 0), 9)])


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("top_db", [None, 30.0])
def test_the_layer_masks_the_frames_of_padding(utterances, batch, center, top_db):
    layer = speech.LogMel(RATE, n_mels=20, center=center, top_db=top_db)
    utterances = utterances[: 3 if not center else 4]  # without padding, 80 samples fill no frame
    energies = layer((batch, np.array(LENGTHS)))
    mask = energies._keras_mask.numpy()
    assert mask.shape == energies.shape[:2] == (4, layer.num_frames(max(LENGTHS)))
    assert mask.sum(axis=1).tolist() == list(layer.num_frames(np.array(LENGTHS)))
    for row, real, samples in zip(energies, mask, utterances, strict=False):
        alone = layer(samples[None])[0].numpy()
        np.testing.assert_allclose(row[real], alone, atol=1e-3)
        assert real[: len(alone)].all()
    without = layer(batch).numpy()  # negative control: padding sounds
    last = layer.num_frames(LENGTHS[1]) - 1
    alone = layer(utterances[1][None])[0].numpy()
    assert not center or np.abs(without[1, last] - alone[last]).max() > 1
    assert not hasattr(layer(batch), "_keras_mask") or layer(batch)._keras_mask is None


def test_a_mask_of_samples_does_what_lengths_do(batch):
    layer = speech.LogMel(RATE)
    mask = tf.sequence_mask(LENGTHS, max(LENGTHS))
    by_mask, by_length = layer(batch, mask=mask), layer((batch, np.array(LENGTHS)))
    np.testing.assert_array_equal(by_mask, by_length)
    np.testing.assert_array_equal(
        layer.compute_mask(batch, mask), layer.compute_mask((batch, np.array(LENGTHS)))
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_inside_a_model_padding_is_inert(utterances, batch, jit_compile):
    samples, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    x = speech.LogMel(RATE)((samples, lengths))
    x = keras.layers.LSTM(4)(keras.layers.Rescaling(0.01)(x))
    model = keras.Model((samples, lengths), x)
    model.compile(jit_compile=jit_compile)
    together = model.predict((batch, np.array(LENGTHS)), verbose=0)
    for row, one in zip(together, utterances, strict=True):
        alone = model.predict((one[None], np.array([len(one)])), verbose=0)
        np.testing.assert_allclose(row, alone[0], atol=1e-5)
    deaf = model.predict((batch, np.full(4, max(LENGTHS))), verbose=0)  # negative control
    assert np.abs(deaf[1:] - together[1:]).max() > 1e-3


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16", "float64"])
def test_the_layer_keeps_to_its_policy_and_computes_in_enough(batch, policy):
    layer = speech.LogMel(RATE, dtype=policy)
    energies = layer(batch)
    assert energies.dtype == layer.compute_dtype
    fine = speech.log_mel(batch, RATE)
    coarse = {"mixed_float16": 0.07, "mixed_bfloat16": 0.5}.get(policy, 1e-3)
    assert np.abs(tf.cast(energies, tf.float32) - fine).max() <= coarse


def test_the_layers_are_saved_and_loaded(tmp_path, batch):
    model = keras.Sequential(
        [
            keras.Input((None,)),
            speech.LogMel(RATE, n_mels=30, n_fft=512, hop_length=100, fmin=50.0, top_db=60.0),
            speech.SpecAugment(1, 2, 3, 4, 0.5, seed=7),
        ]
    )
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(again(batch), model(batch))
    assert again.layers[0].get_config() == model.layers[0].get_config()
    assert again.layers[1].get_config() == model.layers[1].get_config()
    assert model.layers[0].settings["win_length"] == 512
