"""Recognisers of speech: padding is inert, order matters, pieces are the whole, and they learn."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products

from aimodels import metrics, train
from aimodels.speech import (
    CTC,
    CharacterLM,
    FrameDNN,
    KeywordCNN,
    LogMel,
    RealFrames,
    Recognizer,
    SpeechRNN,
    pad,
)

pytestmark = pytest.mark.rests_on_code
WIDTH = 4
LENGTHS = np.array([13, 8, 5, 0])
ALPHABET = "abc"
TRANSCRIPTS = np.array([[1, 2, 2], [3, 1, 0], [2, 0, 0], [0, 0, 0]])
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
FRAME_LABELS = np.arange(4 * 13).reshape(4, 13) % 3
# How a model is made, its targets and its loss.
MODELS = {
    "FrameDNN": (lambda: FrameDNN(WIDTH, 3, 2, (8,)), FRAME_LABELS, CROSSENTROPY),
    "KeywordCNN": (lambda: KeywordCNN(WIDTH, 3, (4, 6, 4)), np.arange(4) % 3, CROSSENTROPY),
    "SpeechRNN": (lambda: SpeechRNN(WIDTH, ALPHABET, 5, 2), TRANSCRIPTS, CTC()),
    "convolution and one direction": (
        lambda: SpeechRNN(
            WIDTH, ALPHABET, 5, 2, bidirectional=False, filters=6, kernel_size=4, strides=2
        ),
        TRANSCRIPTS,
        CTC(),
    ),
    "convolution and both directions": (
        lambda: SpeechRNN(WIDTH, ALPHABET, 5, 1, filters=6, strides=3),
        TRANSCRIPTS,
        CTC(),
    ),
}
every_model = pytest.mark.parametrize("name", MODELS)


def features(rng):
    """Utterances of LENGTHS, zeros behind; no energy is near zero, as in decibels."""
    x = rng.normal(-30, 10, size=(4, 13, WIDTH)).astype("float32")
    return x * (np.arange(13) < LENGTHS[:, None])[..., None]


def make(name):
    """With moving statistics other than those of a new model, and weights that matter."""
    keras.utils.set_random_seed(0)
    model, rng = MODELS[name][0](), np.random.default_rng(5)
    for variable in model.weights:
        inner, noise = "convolution" in variable.path, rng.normal(size=variable.shape)
        if "moving_mean" in variable.path:
            variable.assign(noise if inner else noise - 30)
        elif "moving_variance" in variable.path:
            variable.assign((1 if inner else 50) * np.exp(noise))
        else:
            variable.assign(variable + 0.3 * noise)
    return model


def real_outputs(model, outputs, lengths=LENGTHS):
    """What a model says of real frames, of all utterances in a row."""
    outputs = np.array(outputs)
    if outputs.ndim == 2:
        return outputs
    strides = model.config.get("strides", 1)
    return np.concatenate([y[: -(-n // strides)] for y, n in zip(outputs, lengths, strict=True)])


@every_model
@pytest.mark.parametrize("more", [1, 2, 3, 20])
def test_padding_changes_no_output(rng, name, more):
    """Whatever stands there, if the mask says so; alone or in a batch."""
    model, x = make(name), features(rng)
    expected = real_outputs(model, model(x))
    assert np.ptp(expected, axis=0).min() > 1e-2
    longer = np.pad(x, [(0, 0), (0, more), (0, 0)])
    mask = np.arange(13 + more) < LENGTHS[:, None]
    full = np.where(mask[..., None], longer, 1e3)
    for found in (model(longer), model(full, mask=mask), model(longer, mask=mask)):
        assert_close(real_outputs(model, found), expected, products(model))
    alone = [model(x[i : i + 1, : LENGTHS[i]]) for i in range(3)]
    alone = np.concatenate(
        [real_outputs(model, y, LENGTHS[i : i + 1]) for i, y in enumerate(alone)]
    )
    assert_close(alone, expected[: len(alone)], products(model))
    unmasked = real_outputs(model, model(full))
    if model.config.get("bidirectional", True):  # or padding is in the future
        assert np.abs(unmasked - expected).max() > 1e-2


@every_model
def test_in_training_padding_changes_neither_loss_nor_weights(rng, name):
    """The statistics of the normalisation are of real frames as well."""
    x, (_, y, loss) = features(rng)[:3], MODELS[name]
    found = []
    for more in (0, 4):
        model = make(name)
        model.compile(keras.optimizers.SGD(0.01), loss)
        padded = np.pad(x, [(0, 0), (0, more), (0, 0)])
        targets = np.pad(y[:3], [(0, 0), (0, more)]) if name == "FrameDNN" else y[:3]
        losses = [float(model.train_on_batch(padded, targets)) for _ in range(2)]
        found.append((losses, model.get_weights()))
    (losses, weights), (other_losses, other_weights) = found
    np.testing.assert_allclose(other_losses, losses, rtol=1e-4)
    for one, other in zip(other_weights, weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@every_model
def test_order_matters(rng, name):
    """A sound played backwards is another one; a model without memory must see it as well."""
    model, x = make(name), features(rng)[:1]
    forwards, backwards = np.array(model(x)), np.array(model(x[:, ::-1]))
    if forwards.ndim == 3:
        backwards = backwards[:, ::-1]
    assert np.abs(forwards - backwards).max() > 1e-2


def test_silence_inside_is_no_padding(rng):
    """Frames of zeros before the last real one are heard; those behind it are not."""
    model, x = make("SpeechRNN"), features(rng)[:1]
    x[:, 4:6] = 0
    mask = np.ones((1, 13), bool)
    np.testing.assert_array_equal(model(x), model(x, mask=mask))
    mask[:, 4:6] = False
    assert np.abs(np.array(model(x, mask=mask)) - np.array(model(x))).max() > 1e-2
    zeros = np.zeros((1, 5, 2), "float32")
    assert not np.array(RealFrames().compute_mask(zeros)).any()


@every_model
def test_an_utterance_without_frames_gives_numbers(rng, name):
    model = make(name)
    assert np.isfinite(np.array(model(np.zeros((2, 6, WIDTH), "float32")))).all()
    x = features(rng)
    assert np.isfinite(np.array(model(x, training=True))).all()


@every_model
@pytest.mark.parametrize("compiled", [None, False, True], ids=["eager", "graph", "XLA"])
def test_no_utterance_gives_no_output_and_no_gradient(rng, name, compiled):
    """Whether the graph knows the number of utterances or not; with and without a mask."""
    model, x = make(name), features(rng)

    def gradients(x, mask=None):
        with tf.GradientTape() as tape:
            y = model(x, mask=mask, training=True)
            loss = tf.reduce_sum(y**2)
        return y, tape.gradient(loss, [v.value for v in model.trainable_variables])

    expected = model(x).shape[1:]
    function = gradients
    if compiled is not None:
        shapes = [tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None], tf.bool)]
        function = tf.function(gradients, input_signature=shapes, jit_compile=compiled)
    y, found = function(x[:0], np.ones((0, 13), bool))
    assert y.shape == (0, *expected)
    assert not any(np.any(gradient) for gradient in found)
    assert any(np.any(gradient) for gradient in function(x, np.ones((4, 13), bool))[1])
    assert gradients(x[:0])[0].shape == (0, *expected)


@pytest.mark.slow
@every_model
def test_a_replica_may_get_no_utterance(rng, name):
    """Of the last batch, one utterance for three: it is as on one device."""
    x, (_, y, loss) = features(rng), MODELS[name]
    x[:] = [rng.permutation(x[0]) for _ in x]  # of one length: each frame weighs as much
    found = []
    for devices in (1, 3):
        with train.strategy("devices" if devices > 1 else "one", devices=devices).scope():
            model, examples = make(name), train.batches((x, y), 3)
            model.compile(keras.optimizers.SGD(0.01), loss)
            found.append(model.evaluate(examples, verbose=0))
            before = model.get_weights()
            history = model.fit(examples, epochs=2, verbose=0).history["loss"]
        assert np.isfinite(history).all()
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        assert np.abs(model.get_weights()[-1] - before[-1]).max() > 1e-4
    assert found[1] == pytest.approx(found[0], rel=1e-5)


@pytest.mark.slow
@every_model
def test_gradients_are_finite_differences(rng, name):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = make(name)
    finally:
        keras.config.set_dtype_policy(policy)
    x, (_, y, loss) = features(rng).astype("float64")[:3], MODELS[name]
    real = np.arange(13) < LENGTHS[:3, None]

    @tf.function
    def value():
        logits = model(x, training=False)
        if isinstance(loss, CTC):
            return tf.reduce_mean(loss.call(y[:3], logits))
        losses = keras.ops.sparse_categorical_crossentropy(y[:3], logits, from_logits=True)
        return tf.reduce_mean(losses[real] if losses.ndim == 2 else losses)

    with tf.GradientTape() as tape:
        start_loss = value()
    variables = model.trainable_variables
    gradients = tape.gradient(start_loss, [v.value for v in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        start, direction, around = variable.numpy(), rng.normal(size=variable.shape), []
        for step in (1e-6, -1e-6):
            variable.assign(start + step * direction)
            around.append(float(value()))
        variable.assign(start)
        slope = np.sum(np.array(gradient) * direction)
        assert (around[0] - around[1]) / 2e-6 == pytest.approx(slope, rel=1e-5, abs=1e-8)


@every_model
def test_saved_and_loaded(rng, name, tmp_path):
    model, x = make(name), features(rng)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded(x), model(x))
    again = type(model).from_config(json.loads(json.dumps(model.get_config())))
    assert again.get_config() == model.get_config()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FrameDNN(0, 3), "num_features"),
        (lambda: FrameDNN(4, 1), "num_classes"),
        (lambda: FrameDNN(4, 3, context=-1), "context"),
        (lambda: FrameDNN(4, 3, hidden_dims=()), "hidden_dims must be a list"),
        (lambda: FrameDNN(4, 3, hidden_dims=(8, 0)), "hidden_dims must be an integer"),
        (lambda: FrameDNN(4, 3, dropout=1), "dropout"),
        (lambda: KeywordCNN(4, 3, filters=8), "filters must be a list"),
        (lambda: KeywordCNN(4, 3, dropout=-0.1), "dropout"),
        (lambda: SpeechRNN(4, "aa"), "'a' stands there twice"),
        (lambda: SpeechRNN(4, ""), "alphabet must be a text"),
        (lambda: SpeechRNN(4, "ab", units=0), "units"),
        (lambda: SpeechRNN(4, "ab", strides=2), "give it `filters`"),
        (lambda: SpeechRNN(4, "ab", filters=0), "filters"),
        (lambda: SpeechRNN(4, "ab", 4).encode(["abd"]), "'d' in 'abd'"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe(np.zeros((5, 4))), r"\(B, T, 4\)"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe(np.zeros((1, 5, 3))), r"\(B, T, 4\)"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe([np.zeros((5, 3))]), r"\(B, T, 4\)"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe([]), "one or more arrays"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe(np.full((1, 5, 4), np.nan)), "NaN"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe(np.ones((2, 5, 4)), [5]), "lengths must be 2"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe(np.ones((1, 5, 4)), [6]), "from 0 to 5"),
        (lambda: SpeechRNN(4, "ab", 4).transcribe(np.ones((1, 5, 4)), weight=2), "beam_size"),
        (lambda: pad([np.zeros(4)]), r"arrays \(T, M\)"),
        (lambda: pad([np.zeros((2, 3)), np.zeros((2, 4))]), r"arrays \(T, M\)"),
        (lambda: Recognizer(SpeechRNN(4, "ab", 4)), "bidirectional=False"),
        (
            lambda: Recognizer(SpeechRNN(4, "ab", 4, bidirectional=False), LogMel(8000)),
            "n_mels=4",
        ),
        (
            lambda: Recognizer(
                SpeechRNN(40, "ab", 4, bidirectional=False), LogMel(8000, top_db=80.0)
            ),
            "top_db",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# From frames to text


def test_transcripts_depend_on_no_padding_and_on_no_batch(rng):
    model, x = make("convolution and both directions"), features(rng)
    utterances = [row[:length] for row, length in zip(x, LENGTHS, strict=True)]
    expected = model.transcribe(utterances)
    assert len(set(expected)) > 1
    assert expected[3] == ""
    assert model.transcribe(x) == expected
    assert model.transcribe(np.pad(x, [(0, 0), (0, 9), (0, 0)])) == expected
    assert model.transcribe(np.where(x == 0, np.nan, x), LENGTHS) == expected
    assert model.transcribe(utterances, batch_size=1) == expected
    assert model.transcribe(utterances[::-1]) == expected[::-1]
    beam = model.transcribe(utterances, beam_size=8)
    assert model.transcribe(np.pad(x, [(0, 0), (0, 9), (0, 0)]), beam_size=8) == beam
    language_model = CharacterLM(["ccc"], ALPHABET)
    read = model.transcribe(utterances, beam_size=8, language_model=language_model, weight=9.0)
    assert read != beam


# Pieces

STREAMED = {
    "one layer": {"num_layers": 1},
    "two layers": {},
    "convolution": {"filters": 6, "kernel_size": 4},
    "two steps at a time": {"filters": 6, "kernel_size": 4, "strides": 2},
    "steps as large as the kernel": {"filters": 6, "kernel_size": 3, "strides": 3},
    "steps larger than the kernel": {"filters": 6, "kernel_size": 2, "strides": 5},
    "a kernel of one": {"filters": 6, "kernel_size": 1},
}


def forward_model(name, num_features=WIDTH):
    keras.utils.set_random_seed(1)
    model = SpeechRNN(num_features, ALPHABET, 6, **{"bidirectional": False, **STREAMED[name]})
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(3 * variable + 0.5 * rng.normal(size=variable.shape))
    return model


def balance(model, x):
    """No symbol wins everywhere, so that the text is one worth comparing."""
    bias = model.get_layer("logits").bias
    bias.assign(bias - np.array(model(x))[0].mean(axis=0))


@pytest.mark.parametrize("name", STREAMED)
def test_pieces_of_frames_are_the_whole(rng, name):
    model, recognizer = forward_model(name), None
    recognizer = Recognizer(model)
    for length in (61, 60, 1):
        x = 2 * rng.normal(size=(length, WIDTH))
        if length > 1:  # alone, a frame's logits would all be 0, and their order that of rounding
            balance(model, x[None])
        [expected] = model.transcribe([x])
        logits = np.array(model(x[None]))[0]
        assert length == 1 or len(expected) > 1
        for size in (1, 2, 3, 7, 61):
            pieces = [x[i : i + size] for i in range(0, length, size)]
            text = "".join(map(recognizer.feed, pieces)) + recognizer.finish()
            assert text == expected
            found = [*map(recognizer.logits, pieces), recognizer.last_logits()]
            np.testing.assert_allclose(np.concatenate(found), logits, rtol=0, atol=1e-5)
            recognizer.reset()
    assert recognizer.finish() == ""


@pytest.mark.parametrize(
    "settings",
    [{}, {"center": False}, {"n_fft": 128, "hop_length": 200}, {"win_length": 100, "n_fft": 256}],
    ids=["centred", "not centred", "gaps between frames", "short window"],
)
@pytest.mark.parametrize("name", ["two layers", "two steps at a time"])
def test_pieces_of_sound_are_the_whole(rng, name, settings):
    layer, model = LogMel(8000, 16, **settings), forward_model(name, 16)
    samples = 0.1 * rng.normal(size=9000) * np.sin(np.arange(9000) / 700)
    frames = np.array(layer(samples[None].astype("float32")))
    statistics = model.get_layer("norm")
    statistics.moving_mean.assign(frames[0].mean(axis=0))
    statistics.moving_variance.assign(frames[0].var(axis=0))
    balance(model, frames)
    [expected], logits = model.transcribe(frames), np.array(model(frames))[0]
    assert len(expected) > 2
    recognizer = Recognizer(model, layer)
    for size in (50, 333, 4000, 9000):
        pieces = [samples[i : i + size] for i in range(0, 9000, size)]
        assert "".join(map(recognizer.feed, pieces)) + recognizer.finish() == expected
        found = [*map(recognizer.logits, pieces), recognizer.last_logits()]
        np.testing.assert_allclose(np.concatenate(found), logits, rtol=0, atol=1e-5)
        recognizer.reset()
    assert recognizer.finish() == ""
    for wrong in (samples[None], (samples * 32767).astype("int16"), samples * np.nan):
        with pytest.raises(ValueError, match="finite floats"):
            recognizer.feed(wrong)


def held_bytes(value) -> int:
    """Of all arrays that an object keeps, and of the arrays that these are views of."""
    if isinstance(value, np.ndarray):
        return held_bytes(value.base) if isinstance(value.base, np.ndarray) else value.nbytes
    if tf.is_tensor(value):
        return value.numpy().nbytes
    if isinstance(value, list | tuple):
        return sum(map(held_bytes, value))
    return held_bytes([*vars(value).values()]) if hasattr(value, "_samples") else 0


def test_memory_does_not_grow(rng):
    layer, model = LogMel(8000, 16), forward_model("two steps at a time", 16)
    recognizer, held = Recognizer(model, layer), []
    for size in (100, 900, 5000, 40_000, 200_000, 900, 77):
        recognizer.feed(0.1 * rng.normal(size=size))
        held.append(held_bytes([*vars(recognizer).values(), recognizer._frames]))
    most = sum(w.numpy().nbytes for w in model.weights)
    assert 0 < min(held) <= max(held) < min(held) + 4 * 256 + 64 * 16 < most
    assert recognizer._step.experimental_get_tracing_count() <= 3


def test_the_recogniser_does_not_disturb_training(rng):
    """A model that is trained on changes what its recogniser says; one is not saved in it."""
    model = forward_model("convolution")
    recognizer, x = Recognizer(model), rng.normal(size=(9, WIDTH))
    before = recognizer.logits(x)
    count = len(model.weights)
    model.get_layer("logits").bias.assign([1.0, 2.0, 3.0, 4.0])
    recognizer.reset()
    after = recognizer.logits(x)
    assert len(model.weights) == count
    np.testing.assert_allclose(after, np.array(model(x[None]))[0], rtol=0, atol=1e-6)
    assert np.abs(after - before).max() > 0.5


# Behind a layer that makes the features


def test_a_layer_in_front_says_which_frames_are_real(rng, recwarn):
    """Samples and their lengths, in one model that is trained and read as one."""
    layer, keras_input = LogMel(8000, WIDTH), keras.Input
    for recogniser, y, loss in (
        (SpeechRNN(WIDTH, ALPHABET, 4, 1), TRANSCRIPTS[:2], CTC()),
        (FrameDNN(WIDTH, 3, 1, (4,)), np.zeros((2, 26), int), CROSSENTROPY),
        (KeywordCNN(WIDTH, 3, (4,)), np.array([1, 2]), CROSSENTROPY),
    ):
        samples, lengths = keras_input((None,)), keras_input((), dtype="int32")
        model = keras.Model((samples, lengths), recogniser(layer((samples, lengths))))
        x = 0.1 * rng.normal(size=(2, 2000)).astype("float32")
        counts = np.array([2000, 900])
        model.compile(keras.optimizers.SGD(0.0), loss)
        found = model.evaluate((x, counts), y, verbose=0)
        x[1, 900:] = 0.3  # as if there were sound
        assert model.evaluate((x, counts), y, verbose=0) == pytest.approx(found, rel=1e-5)
        alone = [recogniser(layer(x[i : i + 1, :n])) for i, n in enumerate(counts)]
        together = model((x, counts))
        for number, one in enumerate(alone):
            one = np.array(one)[0]
            np.testing.assert_allclose(np.array(together)[number][: len(one)], one, atol=1e-5)
    assert not [warning for warning in recwarn if "mask" in str(warning.message)]


# Do they learn?


def sounds(rng, count, most=5):
    """Strings of symbols, each some frames of a band of its own, with gaps, noise and loudness."""
    texts, utterances = [], []
    for _ in range(count):
        text = "".join(rng.choice([*"abcd"], rng.integers(1, most + 1)))
        parts = [np.zeros((rng.integers(1, 4), 8))]
        for character in text:
            part = np.zeros((rng.integers(3, 7), 8))
            band = "abcd".index(character)
            part[:, 2 * band] = np.linspace(1, 0, len(part))
            part[:, 2 * band + 1] = np.linspace(0, 1, len(part))
            parts += [part, np.zeros((rng.integers(1, 4), 8))]
        frames = np.concatenate(parts) * rng.uniform(15, 30) - 60
        texts.append(text)
        utterances.append(frames + rng.normal(0, 3, frames.shape))
    return texts, utterances


@pytest.mark.slow
@pytest.mark.parametrize("bidirectional", [True, False], ids=["both directions", "forwards"])
def test_it_learns_to_write_what_was_said(bidirectional):
    """Nobody told it which frame is which; held-out strings, and longer ones than it heard."""
    texts, utterances = sounds(np.random.default_rng(1), 400)
    keras.utils.set_random_seed(0)
    model = SpeechRNN(8, "abcd", 24, 1, bidirectional=bidirectional)
    model.compile(keras.optimizers.Adam(0.02), CTC())
    model.fit(pad(utterances), model.encode(texts), batch_size=20, epochs=8, verbose=0)
    for most, bar in ((5, 0.05), (12, 0.1)):
        true, held_out = sounds(np.random.default_rng(2), 60, most)
        assert metrics.character_error_rate([""] * 60, true) == 1  # what no learning reaches
        assert metrics.character_error_rate(model.transcribe(held_out), true) < bar


@pytest.mark.slow
def test_context_tells_what_a_frame_does_not():
    """Each frame alone is noise of either sign; a class is whether the sign stays or changes."""
    reached = {}
    for context in (0, 2):
        keras.utils.set_random_seed(0)
        model = FrameDNN(1, 2, context, (32,))
        model.compile(keras.optimizers.Adam(0.01), CROSSENTROPY, metrics=["accuracy"])
        rng = np.random.default_rng(0)
        x = rng.choice([-1.0, 1.0], (300, 30, 1)) * rng.uniform(1, 2, (300, 30, 1))
        y = (x[:, :, 0] > 0) == (np.roll(x[:, :, 0], 1, axis=1) > 0)
        model.fit(x[:200], y[:200], epochs=12, verbose=0)
        reached[context] = model.evaluate(x[200:], y[200:], verbose=0)[1]
    assert reached[0] < 0.6
    assert reached[2] > 0.9


@pytest.mark.slow
def test_a_word_is_found_wherever_it_stands():
    """A rising or falling sound in noise: trained on early ones, read in the middle and late."""
    rng = np.random.default_rng(0)

    def words(count, length, earliest, latest):
        x, y = np.zeros((count, length, 24)), rng.integers(0, 2, count)
        for row, label in zip(x, y, strict=True):
            begin, pitch = rng.integers(earliest, latest), rng.integers(0, 16)
            slope = np.arange(8) if label else np.arange(8)[::-1]
            row[begin + np.arange(8), pitch + slope] = 3
        return x + rng.normal(size=x.shape), y

    x, y = words(600, 30, 0, 12)
    x_test, y_test = words(200, 50, 20, 42)
    keras.utils.set_random_seed(0)
    model = KeywordCNN(24, 2, (8, 16))
    model.compile(keras.optimizers.Adam(0.01), CROSSENTROPY, metrics=["accuracy"])
    model.fit(x, y, epochs=8, verbose=0)
    assert (
        model.evaluate(x_test, y_test, verbose=0)[1] > 0.75
    )  # a guess has 0.5, five seeds 0.88 and more
