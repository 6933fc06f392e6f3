"""The steps equal Keras's layers; padding changes nothing; the models learn what they should."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import BFLOAT16, assert_close, products

from aimodels import metrics, recurrent
from aimodels.recurrent import Forecaster, Recurrent, Tagger, TextClassifier

pytestmark = pytest.mark.rests_on_code
CELLS = ["rnn", "lstm", "gru"]
TOKENS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
CLASSES = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
MASK = np.array(  # padded behind, before, with holes, wholly, not at all
    [
        [1, 1, 1, 0, 0, 0],
        [0, 0, 1, 1, 1, 1],
        [1, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
    ],
    dtype=bool,
)


@pytest.fixture
def float64():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(policy)


def random_weights(layer, rng):
    layer.set_weights([rng.normal(size=w.shape) / 2 for w in layer.get_weights()])


# The steps


@pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_the_loop_is_keras_layer(rng, cell, return_sequences, mask):
    """Outputs, and gradients for x and for every weight."""
    theirs = recurrent.LAYERS[cell](7, return_sequences=return_sequences)
    ours = Recurrent(cell, 7, return_sequences=return_sequences)
    x = tf.Variable(rng.normal(size=(5, 6, 4)), dtype="float32")
    target = rng.normal(size=(5, 6, 7) if return_sequences else (5, 7))
    found = []
    for layer in (theirs, ours):
        layer.build((None, 6, 4))
        random_weights(layer, np.random.default_rng(1))
        with tf.GradientTape() as tape:
            y = layer(x, mask=mask)
            loss = tf.reduce_sum(y * target)
        sources = [x, *(w.value for w in layer.trainable_variables)]
        found.append((y, tape.gradient(loss, sources)))
    (y_keras, g_keras), (y, g) = found
    assert_close(y, y_keras, products(ours))
    assert len(g) == 4
    for mine, other in zip(g, g_keras, strict=True):
        assert np.abs(other).max() > 0.1
        assert_close(mine, other, products(ours) * 5 * 6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_is_keras_cell(rng, cell):
    """One step from given states, in NumPy's float64 and Keras's float32."""
    kind = {"rnn": "SimpleRNNCell", "lstm": "LSTMCell", "gru": "GRUCell"}[cell]
    theirs = getattr(keras.layers, kind)(3)
    theirs.build((None, 4))
    random_weights(theirs, rng)
    x = rng.normal(size=(2, 4))
    states = tuple(rng.normal(size=(2, 3)) for _ in range(2 if cell == "lstm" else 1))
    expected = theirs(x.astype("float32"), [s.astype("float32") for s in states])[1]
    weights = [w.astype("float64") for w in theirs.get_weights()]
    found = recurrent.STEPS[cell](x, states, *weights)
    for mine, other in zip(found, keras.tree.flatten(expected), strict=True):
        assert_close(mine, other, products(theirs))


def test_the_published_gru(rng):
    theirs = keras.layers.GRUCell(3, reset_after=False)
    theirs.build((None, 4))
    random_weights(theirs, rng)
    x, h = rng.normal(size=(2, 4)).astype("float32"), rng.normal(size=(2, 3)).astype("float32")
    [found] = recurrent.gru_step(x, (h,), *theirs.get_weights())
    assert_close(found, theirs(x, [h])[0], products(theirs))
    after = np.stack([theirs.get_weights()[2], np.zeros(9, "float32")])
    [other] = recurrent.gru_step(x, (h,), *theirs.get_weights()[:2], after)
    assert np.abs(other - found).max() > 1e-2  # the two forms differ


def test_the_state_goes_on_where_it_stopped(rng):
    layer, x = Recurrent("lstm", 3), rng.normal(size=(2, 7, 4)).astype("float32")
    whole = layer(x)
    middle = layer.states(x[:, :3])[-1]
    assert_close(layer(x[:, 3:], initial_state=middle), whole, products(layer))


def test_the_mask_travels_on(rng):
    ids = np.array([[3, 1, 2, 0, 0], [1, 0, 0, 0, 0]])
    h = keras.layers.Embedding(5, 4, mask_zero=True)(ids)
    stacked = Recurrent("gru", 3)(Recurrent("lstm", 3, return_sequences=True)(h))
    assert Recurrent("rnn", 3).compute_mask(h, ids > 0) is None
    keras.utils.set_random_seed(0)
    first, second = Recurrent("lstm", 3, return_sequences=True), Recurrent("gru", 3)
    np.testing.assert_array_equal(second(first(h)), second(first(h, mask=ids > 0), mask=ids > 0))
    assert stacked.shape == (2, 3)


@pytest.mark.parametrize("cell", CELLS)
def test_the_loop_inside_a_model(rng, cell, tmp_path):
    """Built symbolically, saved and loaded; with the initial weights that it says."""
    inputs = keras.Input((6,), dtype="int32")
    h = keras.layers.Embedding(9, 4, mask_zero=True)(inputs)
    gain = keras.initializers.Orthogonal(gain=2.0)
    model = keras.Model(inputs, Recurrent(cell, 3, True, gain, forget_bias=2.0)(h))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = rng.integers(0, 9, (4, 6))
    np.testing.assert_array_equal(loaded(x), model(x))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()
    kernel, bias = model.get_weights()[2:]
    assert_close(kernel @ kernel.T, 4 * np.eye(3, dtype="float32"), sums=kernel.size)
    assert bias.max() == (2 if cell == "lstm" else 0)


@pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_in_both_directions(rng, cell, return_sequences, mask):
    """In Keras's `Bidirectional`, called as Keras calls its own layers."""
    theirs = recurrent.LAYERS[cell](3, return_sequences=return_sequences)
    theirs = keras.layers.Bidirectional(theirs)
    ours = keras.layers.Bidirectional(Recurrent(cell, 3, return_sequences=return_sequences))
    x = rng.normal(size=(5, 6, 4)).astype("float32")
    state = [rng.normal(size=(5, 3)).astype("float32") for _ in range(2 if cell == "lstm" else 1)]
    outputs = []
    for layer in (theirs, ours):
        layer.build((None, 6, 4))
        random_weights(layer, np.random.default_rng(1))
        outputs.append(np.array(layer(x, initial_state=[*state, *state], mask=mask)))
    if mask is not None:  # where nothing has been read yet, Keras has zeros, not the first state
        outputs = [y[mask if return_sequences else mask.any(axis=1)] for y in outputs]
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=0, atol=1e-6)
    assert np.abs(outputs[0]).max() > 0.1


def test_arguments_stand_in_keras_order(rng):
    names = [list(inspect.signature(c.call).parameters) for c in (Recurrent, keras.layers.RNN)]
    assert names[0] == names[1]
    x = rng.normal(size=(5, 6, 4)).astype("float32")
    state = tuple(rng.normal(size=(2, 5, 3)).astype("float32"))
    layers = keras.layers.LSTM(3), Recurrent("lstm", 3)
    for layer in layers:
        layer.build((None, 6, 4))
        random_weights(layer, np.random.default_rng(1))
    theirs, ours = (np.array(layer(x, state, MASK))[MASK.any(axis=1)] for layer in layers)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", BFLOAT16])
def test_layers_from_their_config(policy, rng):
    x, character_ids = rng.normal(size=(2, 3, 4)), rng.integers(0, 9, (2, 3, 4))
    for layer, inputs in (
        (Recurrent("lstm", 3, True, keras.initializers.Identity(0.5), dtype=policy), x),
        (Recurrent("gru", 3, go_backwards=True, name="back", dtype=policy), x),
        (recurrent.WordsFromCharacters(9, 4, 5, dtype=policy), character_ids),
    ):
        again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
        assert again.get_config() == layer.get_config()
        assert again(inputs).dtype == layer(inputs).dtype == keras.DTypePolicy(policy).compute_dtype


def test_words_without_characters_are_masked(rng):
    """By their own characters, and by the mask that they are called with."""
    layer = recurrent.WordsFromCharacters(9, 4, 5)
    character_ids = np.array([[[1, 2, 0], [3, 0, 0], [0, 0, 0], [4, 5, 6]]])
    mask = np.array([[True, False, True, True]])
    free, masked = layer(character_ids), layer(character_ids, mask=mask)
    after = keras.layers.LSTM(3)
    for words, real in ((free, [1, 1, 0, 1]), (masked, [1, 0, 0, 1])):
        vectors, real = words.numpy(), np.array([real], bool)
        np.testing.assert_array_equal(vectors.any(axis=2), real)
        np.testing.assert_array_equal(vectors[real], free.numpy()[real])
        by_itself, handed_over = after(words), after(vectors, mask=real)
        np.testing.assert_allclose(by_itself, handed_over, rtol=0, atol=1e-6)
        assert np.abs(after(vectors) - by_itself).max() > 1e-4  # without the mask


def test_the_forget_gate_begins_open():
    layer = Recurrent("lstm", 2, forget_bias=3.0)
    layer.build((None, None, 4))
    np.testing.assert_array_equal(layer.bias, [0, 0, 3, 3, 0, 0, 0, 0])
    theirs = keras.layers.LSTM(2)
    theirs.build((None, 1, 4))
    np.testing.assert_array_equal(theirs.get_weights()[2], [0, 0, 1, 1, 0, 0, 0, 0])
    kernel = layer.get_weights()[1]
    assert_close(kernel @ kernel.T, np.eye(2), sums=kernel.size)  # orthogonal rows


ZEROS = np.zeros


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: recurrent.rnn_step(
                ZEROS((2, 4)), (ZEROS((2, 3)),), ZEROS((3, 3)), ZEROS((3, 3)), ZEROS(3)
            ),
            r"need kernel.*\(4, 3\)",
        ),
        (
            lambda: recurrent.lstm_step(
                ZEROS((2, 4)), (ZEROS((2, 3)),), ZEROS((4, 12)), ZEROS((3, 12)), ZEROS(12)
            ),
            r"states of lstm are \(h, c\)",
        ),
        (
            lambda: recurrent.gru_step(
                ZEROS((2, 4)), (ZEROS((2, 3)),), ZEROS((4, 9)), ZEROS((3, 9)), ZEROS((3, 9))
            ),
            "bias of shapes",
        ),
        (lambda: Recurrent("LSTM", 3), "cell must be one of rnn, lstm, gru"),
        (lambda: Recurrent("lstm", 0), "units"),
        (lambda: Recurrent("lstm", 3)(keras.Input((None, 4))), "known number of steps"),
        (lambda: TextClassifier(10, 2, cell="elman"), "cell must be"),
        (lambda: TextClassifier(0, 2), "vocabulary_size"),
        (lambda: TextClassifier(10, 2.0), "num_classes"),
        (lambda: TextClassifier(10, 2, dropout=1.0), "dropout"),
        (lambda: Tagger(10, 3, num_layers=0), "num_layers"),
        (lambda: Tagger(10, 3, num_characters=-1), "num_characters"),
        (lambda: Tagger(10, 3, dropout=1.0), "dropout"),
        (lambda: Forecaster(1, 1, dropout=-0.1), "dropout"),
        (lambda: recurrent.WordsFromCharacters(10, 0, 3), "embedding_dim"),
        (lambda: Forecaster(1, 0), "horizon"),
        (lambda: metrics.spans(["O", "PER"]), "position 1"),
        (lambda: metrics.spans(["B-"]), "B-type"),
        (lambda: metrics.span_f1([["O"]], [["O", "O"]]), "1 true and 2 predicted"),
        (lambda: metrics.span_f1([["O"]], []), "shorter"),
        (lambda: metrics.bio(["a"], [], {}), "shorter"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Gradients through time


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_through_time_is_autograd(rng, cell):
    """Autograd through the whole loop, from a state half-way, gives the same matrix."""
    layer, x = Recurrent(cell, 2), rng.normal(size=(3, 4, 2)).astype("float32")
    norms = recurrent.gradient_through_time(layer, x)
    assert norms.shape == (5,)
    assert norms[-1] == pytest.approx(1)
    for t in (0, 2):
        states = [tf.identity(s) for s in layer.states(x)[t]]  # h and c may be the same zeros
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(states)
            h = layer(x[:, t:], initial_state=states)
        parts = [tape.batch_jacobian(h, s, experimental_use_pfor=False) for s in states]
        jacobians = np.concatenate(parts, axis=-1)
        expected = np.linalg.norm(jacobians, ord=2, axis=(1, 2)).mean()
        assert norms[t] == pytest.approx(expected, rel=1e-4)


def test_gradients_vanish_explode_or_stay(rng):
    """A small or large recurrent matrix shrinks or blows up; an open forget gate keeps."""
    x, steps = np.zeros((1, 50, 2), "float32"), 50 - np.arange(51)
    for size in (0.5, 1.2):
        initializer = keras.initializers.Identity(size)
        layer = Recurrent("rnn", 8, recurrent_initializer=initializer)
        norms = recurrent.gradient_through_time(layer, x)
        np.testing.assert_allclose(norms, size**steps, rtol=1e-3)
    noise = rng.normal(size=(4, 50, 2)).astype("float32")
    scaled = keras.initializers.Orthogonal(gain=0.5)
    rnn = Recurrent("rnn", 8, recurrent_initializer=scaled)
    lstm = Recurrent("lstm", 8, recurrent_initializer=scaled, forget_bias=5.0)
    far = [recurrent.gradient_through_time(layer, noise)[0] for layer in (rnn, lstm)]
    assert far[0] < 0.5**50  # each factor is at most 0.5
    assert far[1] > 0.05


# The models


def data(rng, count=6, length=7):
    """Texts padded behind, tags and labels that fit, letters, and a series."""
    lengths = rng.integers(2, length + 1, count)
    real = np.arange(length) < lengths[:, None]
    ids = rng.integers(1, 20, (count, length)) * real
    characters = rng.integers(1, 9, (count, length, 4)) * (rng.random((count, length, 4)) < 0.7)
    characters = np.sort(characters * real[..., None], axis=-1)[..., ::-1]  # padding behind
    return {
        "ids": ids.astype("int32"),
        "characters": characters.astype("int32"),
        "tags": (1 + ids % 3) * real,
        "labels": ids[:, 0] % 3,
        "past": (rng.normal(size=(count, length, 2)) * real[..., None]).astype("float32"),
        "future": rng.normal(size=(count, 3)).astype("float32"),
    }


MODELS = {
    "classifier": (
        lambda: TextClassifier(20, 3, embedding_dim=4, units=5, bidirectional=True),
        ["ids"],
        "labels",
        CLASSES,
    ),
    "stacked GRU": (
        lambda: TextClassifier(20, 3, embedding_dim=4, units=5, cell="gru", num_layers=2),
        ["ids"],
        "labels",
        CLASSES,
    ),
    "tagger": (lambda: Tagger(20, 4, embedding_dim=4, units=5), ["ids"], "tags", TOKENS),
    "tagger with letters": (
        lambda: Tagger(20, 4, embedding_dim=4, units=5, num_characters=9, character_dim=3),
        ["ids", "characters"],
        "tags",
        TOKENS,
    ),
    "tagger with a CRF": (
        lambda: Tagger(20, 4, embedding_dim=4, units=5, crf=True),
        ["ids"],
        "tags",
        recurrent.CRFLoss(),
    ),
    "forecaster": (lambda: Forecaster(2, 3, 5, mask_value=0.0), ["past"], "future", "mse"),
}


@pytest.fixture(params=MODELS)
def case(request, rng):
    build, inputs, target, loss = MODELS[request.param]
    values = data(rng)
    keras.utils.set_random_seed(0)
    x = [values[name] for name in inputs]
    return build, x if len(x) > 1 else x[0], values[target], loss


def padded(x, more=5):
    """Longer by so many steps of padding, and words longer by some letters of it."""
    if isinstance(x, list):
        return [padded(part) for part in x]
    return np.pad(x, [(0, 0), (0, more)] + [(0, 3 if x.dtype == "int32" else 0)] * (x.ndim - 2))


def test_more_padding_changes_nothing(case):
    build, x, y, _ = case
    model = build()
    short, long = model(x).numpy(), model(padded(x)).numpy()
    if y.ndim == 2 and short.ndim > 2:  # the tags of real tokens
        short, long = short[y > 0], long[:, : y.shape[1]][y > 0]
    assert np.ptp(short, axis=0).min() > 1e-3  # the answers do depend on the input
    assert_close(long, short, products(model))


def test_without_a_mask_padding_does_change_the_answer(rng):
    model, x = TextClassifier(20, 3, mask_zero=False), data(rng)["ids"]
    assert np.abs(model(padded(x)) - model(x)).max() > 1e-3


def test_save_and_load_are_bit_equal(case, tmp_path):
    build, x, _, _ = case
    model = build()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert (loaded.name, loaded.config) == (model.name, model.config)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_dropout_acts_in_training_alone(rng):
    x = data(rng)["ids"]
    model = TextClassifier(20, 3, dropout=0.5)
    again = TextClassifier.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(x), again(x))
    assert np.abs(again(x, training=True) - again(x)).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    ["stacked GRU", "tagger with letters", "tagger with a CRF", "forecaster"],
    indirect=True,
)
def test_xla_is_the_graph(case):
    """Without dropout, whose random numbers are others under XLA."""
    build, x, y, loss = case
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = build()
        model.compile("adam", loss, jit_compile=jit_compile)
        losses.append([float(model.train_on_batch(x, y)) for _ in range(3)])
        assert model.jit_compile is jit_compile
    assert losses[0][0] != losses[0][2]
    assert_close(*losses, products(model), "float32")


@pytest.mark.slow
def test_gradients_are_finite_differences(case, float64, rng):
    build, x, y, loss = case
    model = build()

    @tf.function
    def value():
        y_pred = model(x, training=False)
        if loss == "mse":
            return tf.reduce_mean((y_pred - y) ** 2)
        if isinstance(loss, recurrent.CRFLoss):
            losses = loss.call(y, y_pred)
        else:
            losses = keras.ops.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
        real = y > 0 if y.ndim == 2 else y >= 0
        return tf.reduce_mean(losses[real])

    with tf.GradientTape() as tape:
        start_loss = value()
    variables = model.trainable_variables
    gradients = tape.gradient(start_loss, [v.value for v in variables])
    h = 1e-5
    for variable, gradient in zip(variables, gradients, strict=True):
        start, direction = variable.numpy(), rng.normal(size=variable.shape)
        around = []
        for step in (h, -h):
            variable.assign(start + step * direction)
            around.append(float(value()))
        variable.assign(start)
        slope = np.sum(tf.convert_to_tensor(gradient).numpy() * direction)
        assert (around[0] - around[1]) / (2 * h) == pytest.approx(slope, rel=1e-5, abs=1e-8)


# Tags


@pytest.mark.slow
def test_loss_and_accuracy_are_those_of_real_tokens(rng):
    """In training, whatever the padding: the mean over real tokens, computed by hand."""
    values = data(rng)
    ids, tags = values["ids"], values["tags"]
    keras.utils.set_random_seed(0)
    model = Tagger(20, 4, embedding_dim=4, units=5)
    logits, real = model(ids).numpy().astype("float64"), tags > 0
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    loss = -np.take_along_axis(log_p, tags[..., None], axis=-1)[..., 0][real].mean()
    accuracy = (logits.argmax(axis=-1) == tags)[real].mean()
    assert accuracy not in (0, (logits.argmax(axis=-1) == tags).mean())
    model.compile(keras.optimizers.SGD(0.0), TOKENS, metrics=[metrics.TokenAccuracy()])
    for x, y in ((ids, tags), (padded(ids), np.pad(tags, [(0, 0), (0, 5)]))):
        for measured in (model.train_on_batch(x, y), model.evaluate(x, y, verbose=0)):
            np.testing.assert_allclose(measured, [loss, accuracy], rtol=1e-5)


def test_accuracy_of_several_batches_counts_tokens():
    metric = metrics.TokenAccuracy()
    metric.update_state(np.array([[1, 2, 1], [2, 0, 0]]), np.eye(3)[[[1, 1, 1], [1, 0, 0]]])
    assert float(metric.result()) == 0.5  # 2 of 4
    metric.update_state(np.array([[1, 1, 1], [1, 1, 1]]), np.eye(3)[[[1] * 3] * 2])
    assert float(metric.result()) == pytest.approx(8 / 10)


def test_tag_names_real_tokens_only(rng):
    ids = data(rng)["ids"]
    model = Tagger(20, 4)
    for variable in model.trainable_variables[-2:]:
        variable.assign(np.zeros(variable.shape))
    model.trainable_variables[-1].assign([9.0, 0.0, 2.0, 1.0])  # padding would win, were it a tag
    found = model.tag(ids, ["", "O", "B-X", "I-X"])
    assert found == [["B-X"] * n for n in (ids > 0).sum(axis=1)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", []),
        ("O O", []),
        ("B-A I-A I-A", [("A", 0, 3)]),
        ("B-A B-A I-A", [("A", 0, 1), ("A", 1, 3)]),
        ("B-A O I-A", [("A", 0, 1), ("A", 2, 3)]),  # an I- after O begins one
        ("B-A I-B I-B", [("A", 0, 1), ("B", 1, 3)]),  # of another type: begins one
        ("I-A I-A B-B", [("A", 0, 2), ("B", 2, 3)]),
        ("O B-creative-work I-creative-work O", [("creative-work", 1, 3)]),
    ],
)
def test_spans(tags, expected):
    assert metrics.spans(tags.split()) == expected


def test_span_f1_by_hand():
    true = ["B-A I-A O B-B O", "B-A O", "O O O"]
    predicted = ["B-A I-A O B-A O", "B-A I-A", "B-B O B-B"]
    found = metrics.span_f1([t.split() for t in true], [p.split() for p in predicted])
    # True: 3 entities. Predicted: 5. Right: the first one alone; a type, an end, two inventions.
    assert found == {"precision": 1 / 5, "recall": 1 / 3, "f1": pytest.approx(2 / 8)}
    perfect = [t.split() for t in true]
    assert metrics.span_f1(perfect, perfect) == {"precision": 1, "recall": 1, "f1": 1}
    nothing = [["O"] * len(t) for t in perfect]
    assert metrics.span_f1(perfect, nothing) == {"precision": 0, "recall": 0, "f1": 0}


def test_bio():
    words, tags = ["江", "泽民", "在", "北京", "上海", "说"], ["nr", "nr", "p", "ns", "ns", "v"]
    types = {"nr": "PER", "ns": "LOC"}
    characters, found = metrics.bio(words, tags, types, joined=["PER"])
    assert "".join(characters) == "江泽民在北京上海说"
    assert " ".join(found) == "B-PER I-PER I-PER O B-LOC I-LOC B-LOC I-LOC O"
    assert metrics.bio(words, tags, types)[1][:3] == ["B-PER", "B-PER", "I-PER"]


# Do they learn?


@pytest.mark.slow
def test_the_mask_decides(rng):
    """The label is the first token; 3 to 8 tokens stand before 92 or more of padding."""
    lengths = rng.integers(3, 9, 1500)
    ids = rng.integers(1, 41, (1500, 100)) * (np.arange(100) < lengths[:, None])
    labels = ids[:, 0] % 10
    reached = {}
    for mask_zero in (False, True):
        keras.utils.set_random_seed(0)
        model = TextClassifier(41, 10, embedding_dim=16, units=32, mask_zero=mask_zero)
        model.compile(keras.optimizers.Adam(0.02), CLASSES, metrics=["accuracy"], jit_compile=True)
        model.fit(ids[:1000], labels[:1000], batch_size=50, epochs=6, verbose=0)
        reached[mask_zero] = model.evaluate(ids[1000:], labels[1000:], verbose=0)[1]
    assert reached[True] >= 0.95
    assert reached[False] < 0.2  # chance is 0.1


@pytest.mark.slow
def test_the_tagger_reads_both_sides(rng):
    """Behind a 1 two tokens are an entity; its type stands in the token after it, 2 or 3."""
    names = ["", "O", "B-A", "I-A", "B-B", "I-B"]
    ids, tags = rng.integers(4, 30, (400, 10)), np.ones((400, 10), int)
    for i in range(400):
        place, kind = rng.integers(0, 7), rng.integers(0, 2)
        ids[i, place], ids[i, place + 3] = 1, 2 + kind
        tags[i, place + 1 : place + 3] = 2 + 2 * kind, 3 + 2 * kind
    keras.utils.set_random_seed(0)
    model = Tagger(30, 6, embedding_dim=16, units=16)
    model.compile(keras.optimizers.Adam(0.03), TOKENS, metrics=[metrics.TokenAccuracy()])
    model.fit(ids[:300], tags[:300], epochs=10, verbose=0)
    majority = (tags[300:] == 1).mean()
    assert model.evaluate(ids[300:], tags[300:], verbose=0)[1] > majority + 0.15
    true = [[names[t] for t in row] for row in tags[300:]]
    assert metrics.span_f1(true, model.tag(ids[300:], names))["f1"] > 0.9  # all O reaches 0


@pytest.mark.slow
def test_letters_tell_of_unknown_words(rng):
    """All words are unknown, id 1; a name begins with letter 7."""
    ids, characters = np.ones((200, 4), int), rng.integers(1, 7, (200, 4, 3))
    tags = rng.integers(1, 3, (200, 4))
    characters[tags == 2, 0] = 7
    for letters, bar in ((None, 0.0), (8, 0.95)):
        keras.utils.set_random_seed(0)
        model = Tagger(2, 3, units=8, num_characters=letters, character_dim=8)
        model.compile(keras.optimizers.Adam(0.03), TOKENS, metrics=[metrics.TokenAccuracy()])
        train, test = (
            [ids[part], characters[part]] if letters else ids[part]
            for part in (slice(100), slice(100, None))
        )
        model.fit(train, tags[:100], epochs=10, verbose=0)
        accuracy = model.evaluate(test, tags[100:], verbose=0)[1]
        assert accuracy >= bar if letters else accuracy < 0.6  # a coin's 0.5, plus four errors


@pytest.mark.slow
def test_the_forecaster_beats_the_last_value(rng):
    """Two waves and noise; the last quarter of the time is held out."""
    t = np.arange(1200)
    series = np.sin(t * 2 * np.pi / 24) + 0.5 * np.sin(t * 2 * np.pi / 37)
    series = (series + 0.1 * rng.normal(size=1200)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(series, 48 + 6)
    x, y = windows[:, :48, None], windows[:, 48:]
    x_test, y_test = x[900:], y[900:]  # begin behind the last value that was trained on
    keras.utils.set_random_seed(0)
    model = Forecaster(num_features=1, horizon=6, units=16)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    model.fit(x[: 900 - 53], y[: 900 - 53], epochs=4, verbose=0)
    last_value = np.mean((y_test - x_test[:, -1]) ** 2)
    assert model.evaluate(x_test, y_test, verbose=0) < 0.2 * last_value


def test_bidirectional_takes_it_in_a_functional_model():
    inputs = keras.Input((4, 6))
    for sequences, shape in ((False, (None, 6)), (True, (None, 4, 6))):
        layer = Recurrent("lstm", 3, return_sequences=sequences)
        assert keras.layers.Bidirectional(layer)(inputs).shape == shape
