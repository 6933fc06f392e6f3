"""A CRF against a reference by hand, which lists every sequence of tags."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import metrics, recurrent
from aimodels.recurrent import CRF, CRFLoss, Tagger

pytestmark = pytest.mark.rests_on_code
NUM_TAGS = 4  # and 0 among them, which is padding
MASK = np.array(  # padded behind, before, with holes, one token, wholly, not at all
    [
        [1, 1, 1, 0, 0],
        [0, 0, 1, 1, 1],
        [1, 0, 1, 0, 1],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1],
    ],
    dtype=bool,
)


@pytest.fixture
def scores(rng):
    """(B, T, K, K), large enough that the best sequence is not each token's best tag."""
    return 3 * rng.normal(size=(*MASK.shape, NUM_TAGS, NUM_TAGS))


@pytest.fixture
def tags(rng):
    return rng.integers(1, NUM_TAGS, MASK.shape) * MASK


def every_sequence(scores, mask) -> dict[tuple, float]:
    """The score of every sequence of tags 1 ... K - 1 for the real tokens of one row."""
    found = {}
    for sequence in itertools.product(range(1, NUM_TAGS), repeat=int(mask.sum())):
        total, previous = 0.0, 0
        for t, tag in zip(np.flatnonzero(mask), sequence, strict=True):
            total, previous = total + scores[t, previous, tag], tag
        found[sequence] = total
    return found


def minus_log_likelihood(scores, tags) -> float:
    listed = every_sequence(scores, tags > 0)
    return np.log(np.sum(np.exp(list(listed.values())))) - listed[tuple(tags[tags > 0])]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_loss_and_viterbi_are_those_of_every_sequence(scores, tags, jit_compile):
    losses = tf.function(CRFLoss().call, jit_compile=jit_compile)(tags, scores).numpy()
    best = tf.function(recurrent.viterbi, jit_compile=jit_compile)(scores, MASK).numpy()
    greedy = np.where(MASK, 1 + scores[:, :, 0, 1:].argmax(axis=-1), 0)
    assert losses.dtype == np.float64
    assert (best != greedy).any()
    for row in range(len(MASK)):
        expected = minus_log_likelihood(scores[row], tags[row])
        assert losses[row].sum() == pytest.approx(expected, rel=1e-10)
        listed = every_sequence(scores[row], MASK[row])
        assert tuple(best[row][MASK[row]]) == max(listed, key=listed.get)
    np.testing.assert_array_equal(losses[~MASK], 0)
    np.testing.assert_array_equal(best[~MASK], 0)


def test_without_a_mask_every_token_is_real(scores):
    np.testing.assert_array_equal(
        recurrent.viterbi(scores), recurrent.viterbi(scores, np.ones(MASK.shape, bool))
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_are_differences_of_the_reference(scores, tags, rng, jit_compile):
    """In every direction: some at random, and each score that no real token has."""

    unknown = tf.TensorSpec((None, None, NUM_TAGS, NUM_TAGS), "float64")  # as in `fit`

    @tf.function(jit_compile=jit_compile, input_signature=[unknown])
    def gradient(scores):
        with tf.GradientTape() as tape:
            tape.watch(scores)
            loss = tf.reduce_sum(CRFLoss().call(tags, scores))
        return tape.gradient(loss, scores)

    found, h = gradient(tf.constant(scores)).numpy(), 1e-5
    for _ in range(5):
        direction = rng.normal(size=scores.shape)
        up, down = (
            sum(map(minus_log_likelihood, scores + step * direction, tags)) for step in (h, -h)
        )
        assert np.sum(found * direction) == pytest.approx((up - down) / (2 * h), rel=1e-6)
    np.testing.assert_array_equal(found[~MASK], 0)
    np.testing.assert_array_equal(found[..., 0], 0)  # no way leads to padding


def test_without_transitions_it_is_the_crossentropy_of_each_token(rng, tags):
    logits = rng.normal(size=(*tags.shape, NUM_TAGS)).astype("float32")
    loss = CRFLoss()(tags, CRF()(logits))
    loss_of_tokens = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    expected = loss_of_tokens(tags - 1, logits[..., 1:])
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_the_first_row_of_the_transitions_is_the_beginning(rng):
    crf, logits = CRF(), rng.normal(size=(1, 2, NUM_TAGS)).astype("float32")
    scores = crf(logits)
    crf.transitions.assign(rng.normal(size=(NUM_TAGS, NUM_TAGS)))
    expected = crf.transitions.numpy()[[0, 2], [2, 1]] + logits[0, [0, 1], [2, 1]]
    found = crf(logits).numpy()[0, [0, 1], [0, 2], [2, 1]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert scores.shape == (1, 2, NUM_TAGS, NUM_TAGS)


@pytest.mark.parametrize("tag", [-1, NUM_TAGS])
def test_a_tag_out_of_range_is_no_number(scores, tag):
    """As in Keras's crossentropy: it is neither clipped nor wrapped round."""
    assert np.isnan(CRFLoss()(np.full(MASK.shape, tag), scores))


def test_large_scores_stay_finite(tags):
    scores = np.zeros((*MASK.shape, NUM_TAGS, NUM_TAGS), "float32")
    scores[..., 1] = 1e4
    assert np.isfinite(CRFLoss()(tags, scores))
    assert np.isfinite(CRFLoss()(tags, scores.astype("float16")))
    np.testing.assert_array_equal(recurrent.viterbi(scores, MASK), MASK)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CRF()(np.zeros((2, 3))), r"CRF needs logits of shape \(B, T, K\).*got \(2, 3\)"),
        (lambda: CRF()(keras.Input((5, None))), r"known K; got \(None, 5, None\)"),
        (lambda: CRFLoss()(np.ones((2, 3)), np.zeros((2, 3, 4))), r"crf=True.*got \(2, 3, 4\)"),
        (lambda: recurrent.viterbi(np.zeros((2, 3, 4, 5))), r"got \(2, 3, 4, 5\)"),
        (
            lambda: metrics.TokenAccuracy().update_state(np.ones((3, 3)), np.zeros((3, 3, 3, 3))),
            r"TokenAccuracy.*got \(3, 3, 3, 3\).*Tagger.tag",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.slow
def test_the_loss_in_training_is_the_mean_over_real_tokens(rng):
    """As `compile` and `evaluate` count it, whatever the padding, and saved with the model."""
    ids = rng.integers(1, 20, MASK.shape) * np.sort(MASK)[:, ::-1]
    tags = (1 + ids % 3) * (ids > 0)
    model = Tagger(20, NUM_TAGS, embedding_dim=4, units=5, crf=True)
    model.get_layer("crf").transitions.assign(rng.normal(size=(NUM_TAGS, NUM_TAGS)))
    scores = model(ids).numpy().astype("float64")
    expected = sum(map(minus_log_likelihood, scores, tags)) / (tags > 0).sum()
    model.compile(keras.optimizers.SGD(0.0), CRFLoss())
    for more in (0, 4):
        x, y = (np.pad(a, [(0, 0), (0, more)]) for a in (ids, tags))
        for measured in (model.train_on_batch(x, y), model.evaluate(x, y, verbose=0)):
            np.testing.assert_allclose(measured, expected, rtol=1e-5)


@pytest.mark.slow
def test_it_learns_what_follows_what(rng):
    """Tags go round, 1 2 3 1 ...; only a row's first token says where it begins."""
    first = rng.integers(0, 3, 200)
    tags = 1 + (first[:, None] + np.arange(8)) % 3
    logits = np.zeros((200, 8, NUM_TAGS), "float32")
    logits[np.arange(200), 0, tags[:, 0]] = 5.0
    inputs = keras.Input((8, NUM_TAGS))
    model = keras.Model(inputs, CRF()(inputs))
    model.compile(keras.optimizers.Adam(0.1), CRFLoss())
    assert (recurrent.viterbi(model(logits)).numpy() == tags).mean() < 0.6
    model.fit(logits, tags, epochs=10, verbose=0)
    assert (recurrent.viterbi(model(logits)).numpy() == tags).all()
