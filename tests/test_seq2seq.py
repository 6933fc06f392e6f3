"""Attention, the encoder–decoder and its searches."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import BFLOAT16, assert_close, products

from aimodels import metrics, seq2seq
from aimodels.decoding import beam_search, greedy
from aimodels.seq2seq import Seq2Seq

pytestmark = pytest.mark.rests_on_code
KINDS = ["dot", "additive", None]
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
V = 7  # ids 0 padding, 1 unknown, 2 start, 3 end, and three more
SOURCE = np.random.default_rng(0).integers(1, 12, (12, 6)).astype("int32")
SOURCE[4:, 4:] = 0
SOURCE[8:, 1:] = 0


@pytest.fixture(scope="module", params=KINDS, ids=str)
def model(request):
    """Two layers with weights large enough that answers differ."""
    model = Seq2Seq(12, V, embedding_dim=8, units=16, num_layers=2, attention=request.param)
    rng = np.random.default_rng(1)
    model.set_weights([0.8 * rng.normal(size=w.shape) for w in model.weights])
    bias = model.get_layer("logits").bias
    bias.assign(bias - 3 * np.eye(V)[3])  # not all answers end at once
    return model


def score(model, source, ids):
    """log p of whole answers, by the model itself: one teacher-forced pass."""
    ids = np.asarray(ids)
    inputs = np.concatenate([np.full((len(ids), 1), 2), ids[:, :-1]], axis=1)
    log_p = tf.nn.log_softmax(model((source, inputs))).numpy()
    return (np.take_along_axis(log_p, ids[..., None], 2)[..., 0] * (ids != 0)).sum(axis=1)


def every_answer(max_length):
    """All that end with the end token, and those that are cut, padded."""
    tokens = [i for i in range(V) if i not in (0, 2, 3)]
    for n in range(max_length):
        for answer in itertools.product(tokens, repeat=n):
            yield (*answer, 3, *[0] * (max_length - n - 1))
    yield from itertools.product(tokens, repeat=max_length)


# Attention


@pytest.mark.parametrize("layer", [seq2seq.BahdanauAttention, seq2seq.DotProductAttention])
def test_weights_are_a_distribution_over_what_is_there(layer, rng):
    query, value = (rng.normal(size=s).astype("float32") for s in ((3, 4, 5), (3, 6, 7)))
    mask = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 0, 1], [0] * 6], bool)
    attention = layer(8)
    output, weights = (np.asarray(x) for x in attention(query, value, value_mask=mask))
    np.testing.assert_array_equal(weights[~np.repeat(mask[:, None], 4, axis=1)], 0)
    assert_close(weights.sum(axis=2)[:2], 1, sums=6)
    assert not output[2].any()  # nothing to look at
    value[~mask] = 1e3  # behind the mask, where nobody looks
    np.testing.assert_array_equal(attention(query, value, value_mask=mask)[0], output)
    keys = attention(query, value, key=value[..., ::-1])[1]
    assert np.abs(keys - attention(query, value)[1]).max() > 1e-3  # the key is used


@pytest.mark.parametrize("layer", [seq2seq.BahdanauAttention, seq2seq.DotProductAttention])
def test_masks_are_merged_and_come_by_themselves(layer, rng):
    """Every mask that Keras's attention takes; those of embeddings without being handed over."""
    embedding = keras.layers.Embedding(9, 5, mask_zero=True)
    query_ids, value_ids = np.array([[3, 1, 4, 0]]), np.array([[1, 5, 2, 6, 0, 0]])
    attention = layer(8)
    output, weights = attention(embedding(query_ids), embedding(value_ids))
    real = (query_ids != 0)[:, :, None] & (value_ids != 0)[:, None]
    np.testing.assert_array_equal(np.asarray(weights) > 0, real)
    query, value = (embedding.embeddings.numpy()[ids] for ids in (query_ids, value_ids))
    assert np.all(np.asarray(attention(query, value)[1]) > 0)  # without any mask
    explicit = attention(query, value, query_mask=query_ids != 0, value_mask=value_ids != 0)
    np.testing.assert_array_equal(explicit[0], output)
    triangle, keys = np.tri(4, 6, dtype=bool)[None], np.array([[0, 1, 1, 1, 1, 1]], bool)
    _, weights = attention(
        embedding(query_ids), embedding(value_ids), key_mask=keys, attention_mask=triangle
    )
    np.testing.assert_array_equal(np.asarray(weights) > 0, real & triangle & keys[:, None])


@pytest.mark.parametrize("layer", [seq2seq.BahdanauAttention, seq2seq.DotProductAttention])
def test_padding_moves_nothing_real(layer, rng):
    embedding, attention = keras.layers.Embedding(9, 5, mask_zero=True), layer(8)
    ids = np.array([[3, 1, 4]])
    longer = np.pad(ids, [(0, 0), (0, 2)])
    expected = attention(embedding(ids), embedding(ids))[0]
    found = attention(embedding(longer), embedding(longer))[0][:, :3]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    seen = embedding(longer).numpy()  # the same numbers, without a mask
    assert np.abs(attention(seen, seen)[0][:, :3] - expected).max() > 1e-3


@pytest.mark.parametrize("layer", [seq2seq.BahdanauAttention, seq2seq.DotProductAttention])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", BFLOAT16])
def test_attention_from_its_config(layer, policy, rng):
    attention = layer(8, dtype=policy, name="look")
    again = layer.from_config(json.loads(json.dumps(attention.get_config())))
    assert again.get_config() == attention.get_config()
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    output, weights = again(x, x)
    assert output.dtype == again.compute_dtype
    assert weights.dtype == "float32"
    np.testing.assert_allclose(np.sum(weights, axis=2), 1, rtol=1e-6)


def test_the_root_keeps_the_softmax_soft(rng):
    """Random queries and keys of 64 numbers: without the root one key of 16 takes nearly all."""
    attention = seq2seq.DotProductAttention(64)
    x = rng.normal(size=(50, 16, 64)).astype("float32")
    attention(x, x)
    for dense in (attention.query_dense, attention.key_dense):
        dense.set_weights([np.eye(64), np.zeros(64)])
    y = rng.normal(size=(50, 16, 64)).astype("float32")
    scaled = np.max(attention(y, x)[1], axis=2).mean()
    attention.query_dense.set_weights([8 * np.eye(64), np.zeros(64)])
    assert scaled < 0.4
    assert np.max(attention(y, x)[1], axis=2).mean() > 0.8


@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_weights_learn_to_point_at_the_planted_key(kind, rng):
    """One of eight places has a mark in its key; the answer is what stands there."""

    def examples(n):
        keys, values = rng.normal(size=(2, n, 8, 4)).astype("float32")
        rows, place = np.arange(n), rng.integers(8, size=n)
        keys[rows, place, 0] += 6
        return [np.ones((n, 1, 1), "float32"), values, keys], values[rows, place][:, None], place

    inputs = [keras.Input(shape) for shape in [(1, 1), (8, 4), (8, 4)]]
    layer = seq2seq.ATTENTION_LAYERS[kind](4 if kind == "dot" else 16)
    output, weights = layer(*inputs)
    if kind == "dot":  # a projection that begins with a wrong sign teaches it to look away
        layer.value_dense.set_weights([np.eye(4), np.zeros(4)])
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    x, y, _ = examples(2000)
    model.fit(x, y, batch_size=100, epochs=8, verbose=0)
    x, y, place = examples(500)
    found = np.argmax(keras.Model(inputs, weights)(x)[:, 0], axis=1)
    assert (found == place).mean() > 0.9  # chance is 0.125


# The model


def test_logits_do_not_see_the_future(model, rng):
    target = rng.integers(1, V, (12, 5))
    before = model((SOURCE, target)).numpy()
    for t in range(1, 5):
        other = target.copy()
        other[:, t] = 1 + target[:, t] % (V - 1)
        after = model((SOURCE, other)).numpy()
        np.testing.assert_array_equal(after[:, :t], before[:, :t])
        assert np.abs(after[:, t] - before[:, t]).max() > 1e-3  # this token is used, though


def test_more_padding_and_other_rows_change_nothing(model, rng):
    target = rng.integers(1, V, (12, 5))
    longer = np.pad(SOURCE, [(0, 0), (0, 4)])
    expected = model((SOURCE, target))
    assert_close(model((longer, target)), expected, products(model))
    alone = model((SOURCE[8:9, :1], target[8:9]))
    assert_close(alone, expected[8:9], products(model))
    for search in (greedy, beam_search):
        ids, scores = search(model, SOURCE, 5)
        for source, rows in ((longer, slice(12)), (SOURCE[8:9, :1], slice(8, 9))):
            other_ids, other_scores = search(model, source, 5)
            np.testing.assert_array_equal(other_ids, ids[rows])
            assert_close(other_scores, scores[rows], products(model))


def test_the_source_is_read(model, rng):
    target = rng.integers(1, V, (12, 5))
    other = np.where(SOURCE > 0, 1 + SOURCE % 11, 0)
    assert np.abs(model((SOURCE, target)) - model((other, target))).max() > 1e-3


def test_a_cached_step_is_the_full_pass(model, rng):
    target = rng.integers(1, V, (12, 5))
    memory, state = model.encode(SOURCE)
    steps = []
    for t in range(5):
        logits, state = model.decode_step(tf.constant(target[:, t]), state, memory)
        steps.append(logits)
    assert_close(tf.stack(steps, 1), model((SOURCE, target)), products(model))


def test_attention_weights(model, rng):
    target = rng.integers(1, V, (12, 5))
    if model.config["attention"] is None:
        with pytest.raises(ValueError, match="no attention"):
            model.attention_weights((SOURCE, target))
        return
    weights = model.attention_weights((SOURCE, target)).numpy()
    assert weights.shape == (12, 5, 6)
    assert_close(weights.sum(axis=2), 1, sums=6)
    assert not weights.transpose(0, 2, 1)[SOURCE == 0].any()


def test_loss_is_the_mean_over_tokens_and_starts_at_chance(rng):
    model = Seq2Seq(12, 50)
    target = rng.integers(4, 50, (12, 6))
    target[6:, 3:] = 0
    logits = model((SOURCE, target[:, :-1]))
    found = float(LOSS(target[:, 1:], logits))
    assert found == pytest.approx(np.log(50), abs=0.05)
    log_p = tf.nn.log_softmax(logits).numpy()
    each = -np.take_along_axis(log_p, target[:, 1:, None], axis=2)[..., 0]
    assert_close(found, each[target[:, 1:] != 0].mean(), products(model))
    padded = np.pad(target, [(0, 0), (0, 3)])
    again = LOSS(padded[:, 1:], model((SOURCE, padded[:, :-1])))
    assert_close(again, found, products(model))


@pytest.mark.parametrize("attention", KINDS)
def test_gradients_are_finite_differences(attention, rng):
    """In float64, where a difference quotient is exact enough to judge."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = Seq2Seq(12, V, embedding_dim=3, units=4, attention=attention)
        model.get_layer("logits").dtype_policy = "float64"
        target = rng.integers(1, V, (12, 4))

        def loss():
            log_p = tf.nn.log_softmax(tf.cast(model((SOURCE, target[:, :-1])), "float64"))
            return -tf.reduce_mean(tf.gather(log_p, target[:, 1:], axis=2, batch_dims=2))

        with tf.GradientTape() as tape:
            value = loss()
        gradients = tape.gradient(value, [v.value for v in model.trainable_variables])
        h = 1e-3  # attention and logits are float32 in any policy
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            gradient = tf.convert_to_tensor(gradient).numpy()
            start = variable.numpy()
            direction = rng.normal(size=start.shape)
            losses = []
            for step in (h, -h):
                variable.assign(start + step * direction)
                losses.append(float(loss()))
            variable.assign(start)
            slope = (losses[0] - losses[1]) / (2 * h)
            assert slope == pytest.approx(np.sum(gradient * direction), abs=1e-4)
    finally:
        keras.config.set_dtype_policy(policy)


def test_save_and_load_are_bit_equal(model, tmp_path, rng):
    target = rng.integers(1, V, (12, 5))
    before = beam_search(model, SOURCE, 5)  # and its graphs are no part of what is saved
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is Seq2Seq
    assert (loaded.name, loaded.config) == (model.name, model.config)
    np.testing.assert_array_equal(loaded((SOURCE, target)), model((SOURCE, target)))
    for found, expected in zip(beam_search(loaded, SOURCE, 5), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("attention", KINDS)
def test_xla_trains_as_the_graph_does(attention, rng):
    target = rng.integers(4, V, (12, 5))
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(1)
        model = Seq2Seq(12, V, embedding_dim=8, units=16, attention=attention)
        model.compile("adam", LOSS, jit_compile=jit_compile)
        losses.append(
            [float(model.train_on_batch((SOURCE, target[:, :-1]), target[:, 1:])) for _ in range(3)]
        )
        assert model.jit_compile is jit_compile
    assert_close(*losses, products(model), "float32")


# The searches


def test_greedy_takes_the_best_token_each_time(model):
    ids, scores = greedy(model, SOURCE, 5)
    rows = np.full((12, 1), 2)
    for _ in range(5):
        logits = model((SOURCE, rows)).numpy()[:, -1]
        logits[:, [0, 2]] = -np.inf
        last = np.where((rows == 3).any(axis=1) | (rows == 0).any(axis=1), 0, logits.argmax(axis=1))
        rows = np.concatenate([rows, last[:, None]], axis=1)
    np.testing.assert_array_equal(ids, rows[:, 1:])
    np.testing.assert_allclose(scores, score(model, SOURCE, ids), rtol=1e-4)
    assert len(np.unique(scores)) > 6  # different sources, different answers
    assert np.count_nonzero(ids) > len(ids)


def test_one_beam_is_greedy(model):
    for alpha in (0.0, 1.0):
        for found, expected in zip(
            beam_search(model, SOURCE, 5, beam_size=1, length_penalty=alpha),
            greedy(model, SOURCE, 5),
            strict=True,
        ):
            np.testing.assert_array_equal(found, expected)


def test_beam_is_never_worse_than_greedy(model):
    """Over many random networks, with scores that the model itself confirms."""
    saved, better = model.get_weights(), 0
    try:
        for seed in range(10):
            rng = np.random.default_rng(seed)
            model.set_weights([1.5 * rng.normal(size=w.shape) for w in saved])
            _, least = greedy(model, SOURCE, 5)
            ids, scores = beam_search(model, SOURCE, 5, beam_size=3)
            assert np.all(scores >= least)
            better += np.sum(scores > least + 1e-3)
            np.testing.assert_allclose(scores, score(model, SOURCE, ids), rtol=1e-4, atol=1e-4)
    finally:
        model.set_weights(saved)
    assert better > 0


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_a_wide_beam_finds_the_very_best(model, alpha):
    """Of all 4 + 16 + 64 + ... possible answers, scored one by one."""
    answers = np.array(list(every_answer(4)))
    lengths = np.count_nonzero(answers, axis=1)
    assert len(answers) == 1 + 4 + 16 + 64 + 256
    rows = [0, 5, 9]
    ids, scores = beam_search(model, SOURCE[rows], 4, beam_size=len(answers), length_penalty=alpha)
    for row, found, value in zip(rows, ids.numpy(), scores.numpy(), strict=True):
        all_scores = score(model, np.repeat(SOURCE[row : row + 1], len(answers), 0), answers)
        best = np.argmax(all_scores / ((5 + lengths) / 6) ** alpha)
        np.testing.assert_array_equal(found, answers[best])
        assert value == pytest.approx(all_scores[best], rel=1e-4)


class Table:
    """p(next | last), the same for every source: a model to reckon with by hand."""

    def __init__(self, rows):
        self.logits = tf.math.log(tf.constant(rows, tf.float32))

    def encode(self, source):
        return (), [tf.zeros_like(source[:, :1])]

    def decode_step(self, token_ids, state, memory):
        return tf.gather(self.logits, token_ids), state


def test_length_penalty_by_hand():
    """Ending at once has p = 0.4; two tokens and then the end, 0.6 · 0.8 · 0.7 = 0.336."""
    rows = np.full((6, 6), 1e-9)
    rows[2, [3, 4]] = 0.4, 0.6
    rows[4, [3, 5]] = 0.2, 0.8
    rows[5, [3, 4]] = 0.7, 0.3
    model, source = Table(rows), tf.constant([[1], [1]])
    np.testing.assert_array_equal(greedy(model, source, 3)[0], [[4, 5, 3]] * 2)
    ids, scores = beam_search(model, source, 3, beam_size=4)
    np.testing.assert_array_equal(ids, [[3, 0, 0]] * 2)
    np.testing.assert_allclose(scores, np.log(0.4), rtol=1e-5)
    # ln 0.4 / (6/6) = -0.916; ln 0.336 / (8/6)^0.6 = -1.091 / 1.188 = -0.918, at 0.7 -0.892
    for alpha, expected in ((0.6, [3, 0, 0]), (0.7, [4, 5, 3])):
        ids, scores = beam_search(model, source, 3, beam_size=4, length_penalty=alpha)
        np.testing.assert_array_equal(ids[0], expected)
    np.testing.assert_allclose(scores, np.log(0.336), rtol=1e-5)  # the score has no penalty


def test_a_search_in_tf_data(model):
    dataset = tf.data.Dataset.from_tensor_slices(SOURCE).batch(5)
    found = list(dataset.map(lambda source: beam_search(model, source, 5, beam_size=3)[0]))
    np.testing.assert_array_equal(
        tf.concat(found, 0), beam_search(model, SOURCE, 5, beam_size=3)[0]
    )


def test_a_search_uses_the_weights_of_today(model):
    saved = model.get_weights()
    before = greedy(model, SOURCE, 5)[1].numpy()
    try:
        model.set_weights([0.5 * w for w in saved])
        assert np.abs(greedy(model, SOURCE, 5)[1] - before).max() > 1e-3
    finally:
        model.set_weights(saved)


@pytest.mark.slow
def test_xla_searches_as_the_graph_does(model):
    for search in (greedy, beam_search):
        compiled = tf.function(lambda source: search(model, source, 5), jit_compile=True)  # noqa: B023
        ids, scores = compiled(tf.constant(SOURCE))
        expected_ids, expected = search(model, SOURCE, 5)
        np.testing.assert_array_equal(ids, expected_ids)
        assert_close(scores, expected, products(model))


# Does it learn?


@pytest.mark.slow
def test_learns_to_reverse(rng):
    """Rows of 2 to 6 letters that it never saw, and attention that goes backwards."""
    keras.utils.set_random_seed(1)
    rows = np.unique(rng.integers(4, 12, (12000, 6)), axis=0)
    rng.shuffle(rows)
    lengths = rng.integers(2, 7, len(rows))
    source = np.where(np.arange(6) < lengths[:, None], rows, 0)
    target = np.zeros((len(rows), 8), int)
    for row, n, found in zip(rows, lengths, target, strict=True):
        found[: n + 2] = [2, *row[:n][::-1], 3]
    seen = {tuple(row) for row in source[1000:]}
    new = [i for i in range(1000) if tuple(source[i]) not in seen]
    assert len(new) > 400
    model = Seq2Seq(12, 12, embedding_dim=32, units=64)
    model.compile(keras.optimizers.Adam(5e-3), LOSS)
    x, y = (source[1000:], target[1000:, :-1]), target[1000:, 1:]
    model.fit(x, y, batch_size=128, epochs=8, verbose=0)
    ids, _ = beam_search(model, source[new], 7)
    assert np.all(ids == target[new, 1:], axis=1).mean() >= 0.95
    weights = model.attention_weights((source[new], target[new, :-1])).numpy()
    steps = np.arange(7) < lengths[new, None]  # not where the end comes
    place = lengths[new, None] - 1 - np.arange(7)
    near = np.abs(weights.argmax(axis=2) - place)[steps] <= 1
    assert near.mean() > 0.7


# Errors of answers


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("abc", "bc", 1),
        ("intention", "execution", 5),
        (["K", "AE", "T"], ["K", "AA", "T", "S"], 2),
    ],
)
def test_edit_distance(a, b, distance):
    assert metrics.edit_distance(a, b) == metrics.edit_distance(b, a) == distance


def test_error_rates_take_the_nearest():
    per, wer = metrics.error_rates(["ab", "abc", ""], [["xy", "ab"], ["abd"], ["a"]])
    assert per == pytest.approx(2 / 6)
    assert wer == pytest.approx(2 / 3)


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: seq2seq.DotProductAttention(0), "units must be"),
        (lambda: seq2seq.BahdanauAttention(1.5), "units must be"),
        (lambda: Seq2Seq(0, 5), "source_vocabulary_size"),
        (lambda: Seq2Seq(5, 0), "target_vocabulary_size"),
        (lambda: Seq2Seq(5, 5, embedding_dim=0), "embedding_dim"),
        (lambda: Seq2Seq(5, 5, units=7), "even"),
        (lambda: Seq2Seq(5, 5, units=8.0), "units must be an integer >= 1"),
        (lambda: Seq2Seq(5, 5, num_layers=0), "num_layers"),
        (lambda: Seq2Seq(5, 5, attention="luong"), "attention must be"),
        (lambda: Seq2Seq(5, 5, dropout=1.0), "dropout must be in"),
        (lambda: greedy(None, [1, 2], 5), r"source must be integers of shape \(B, S\)"),
        (lambda: greedy(None, [[1.0]], 5), "source must be"),
        (lambda: greedy(None, [[1]], 0), "max_length"),
        (lambda: greedy(None, [[1]], 5, end_id=0), "end_id must be an integer >= 1"),
        (lambda: greedy(None, [[1]], 5, end_id=2), "start_id and end_id must differ"),
        (lambda: beam_search(None, [[1]], 5, beam_size=0), "beam_size"),
        (lambda: beam_search(None, [[1]], 5, length_penalty=-1), "length_penalty"),
        (lambda: metrics.error_rates(["a"], []), "references"),
        (lambda: metrics.error_rates(["a"], [[]]), "references"),
        (lambda: metrics.error_rates([], []), "references"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
