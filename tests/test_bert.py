"""BERT keeps its promises: padding is inert, what is hidden is 15 %, pre-training helps later."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products

from aimodels.bert import (
    BERT,
    BERTPretraining,
    classifier,
    encode,
    mask_tokens,
    sentence_pairs,
    tagger,
)
from aimodels.text import Vocabulary

pytestmark = pytest.mark.rests_on_code


@pytest.fixture(scope="module")
def words():
    return Vocabulary(["[MASK]", *"abcdefghijklmno"], start_token="[CLS]", end_token="[SEP]")


def small(**options):
    return BERT(
        20,
        **{"hidden_dim": 8, "num_heads": 2, "num_layers": 2, "max_sequence_length": 12, **options},
    )


@pytest.fixture(scope="module")
def model():
    model = small()
    rng = np.random.default_rng(1)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.weights])
    return model


def test_padding_and_other_rows_change_nothing(model, rng):
    token_ids = rng.integers(1, 20, (3, 7))
    expected = [np.array(x) for x in model((token_ids, 0 * token_ids))]
    longer = np.pad(token_ids, [(0, 0), (0, 4)])
    for found, wanted in zip(model((longer, 0 * longer)), expected, strict=True):
        assert_close(found[:, :7] if found.ndim == 3 else found, wanted, products(model))
    for found, wanted in zip(model((token_ids[:1], 0 * token_ids[:1])), expected, strict=True):
        assert_close(found, wanted[:1], products(model))


def test_every_token_sees_every_other_one_and_the_segments(model, rng):
    token_ids = rng.integers(1, 20, (1, 7))
    before = np.array(model((token_ids, 0 * token_ids))[0])
    changed = token_ids.copy()
    changed[0, 6] = token_ids[0, 6] % 19 + 1
    assert (np.abs(model((changed, 0 * token_ids))[0] - before).max(axis=-1) > 1e-4).all()
    assert (np.abs(model((token_ids, 0 * token_ids + 1))[0] - before).max(axis=-1) > 1e-4).all()


def test_save_and_load(model, rng, tmp_path):
    token_ids = rng.integers(1, 20, (2, 6))
    both = (token_ids, 0 * token_ids)
    for name, made, inputs in (
        ("bert", model, both),
        ("pretraining", BERTPretraining(model), (*both, token_ids[:, :2] % 6)),
        ("classifier", classifier(model, 3), both),
        ("tagger", tagger(model, 4), both),
    ):
        made.save(tmp_path / f"{name}.keras")
        loaded = keras.models.load_model(tmp_path / f"{name}.keras")
        for a, b in zip(
            tf.nest.flatten(loaded(inputs)), tf.nest.flatten(made(inputs)), strict=True
        ):
            np.testing.assert_array_equal(a, b)
        assert len(loaded.trainable_variables) == len(made.trainable_variables)


def test_pretraining_keeps_its_tie_in_its_config(model):
    made = BERTPretraining(model, name="both")
    config = json.loads(json.dumps(made.get_config()))
    again = BERTPretraining.from_config(config)
    assert again.name == "both"
    assert again.bert.config == model.config
    assert again.bert is not model
    assert [w.shape for w in again.weights] == [w.shape for w in made.weights]
    again.set_weights(made.get_weights())
    token_ids = np.array([[2, 5, 6, 3]])
    before = again((token_ids, 0 * token_ids, token_ids[:, :1] - 1))[0].numpy()
    embeddings = again.bert.get_layer("embedding").embeddings
    embeddings.assign(2 * embeddings)  # the head must use the doubled table
    changed = again((token_ids, 0 * token_ids, token_ids[:, :1] - 1))[0].numpy()
    table, bias = embeddings.numpy(), again.get_layer("masked").bias.numpy()
    h = np.linalg.lstsq(table, (changed - bias)[0, 0], rcond=None)[0]
    np.testing.assert_allclose(table @ h, (changed - bias)[0, 0], atol=1e-4)
    assert np.abs(changed - before).max() > 0.1


def test_a_clone_keeps_class_tie_and_weight_count(model):
    made = BERTPretraining(model)
    clone = keras.models.clone_model(made)
    assert type(clone) is BERTPretraining
    assert [w.shape for w in clone.weights] == [w.shape for w in made.weights]
    assert type(keras.models.clone_model(classifier(model, 3)).layers[2]) is BERT


@pytest.mark.parametrize(
    "make", [lambda bert: classifier(bert, 3), lambda bert: tagger(bert, 3), BERTPretraining]
)
@pytest.mark.parametrize("frozen", ["all", "block1"])
def test_a_frozen_encoder_stays_frozen_in_a_file(make, frozen, tmp_path):
    encoder = small()
    (encoder if frozen == "all" else encoder.get_layer(frozen)).trainable = False
    made = make(encoder)
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(made.trainable_variables) < len(made.weights)
    for one in (loaded, keras.models.clone_model(made)):
        assert [v.path.split("/")[-2:] for v in one.trainable_variables] == [
            v.path.split("/")[-2:] for v in made.trainable_variables
        ]


def test_one_class_per_text_can_be_weighted(rng):
    token_ids = rng.integers(1, 20, (8, 6))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = classifier(small(), 3)
    model.compile("sgd", loss)
    model.fit((token_ids, 0 * token_ids), token_ids[:, 1] % 3, class_weight={0: 2.0}, verbose=0)
    for model, labels in (
        (tagger(small(), 3), token_ids % 3),
        (BERTPretraining(small()), [token_ids[:, :1], token_ids[:, 1] % 2]),
    ):
        model.compile("sgd", [loss] * len(model.outputs))
        inputs = (token_ids, 0 * token_ids, token_ids[:, :1] % 6)[: len(model.inputs)]
        with pytest.raises(ValueError, match="sample_weight"):
            model.fit(inputs, labels, class_weight={0: 2.0}, verbose=0)


def test_a_head_trains_the_encoder_it_was_given(rng):
    encoder = small()
    before = encoder.get_layer("embedding").embeddings.numpy()
    model = classifier(encoder, 2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    token_ids = rng.integers(1, 20, (8, 6))
    model.fit((token_ids, 0 * token_ids), token_ids[:, 1] % 2, verbose=0)
    assert np.abs(encoder.get_layer("embedding").embeddings.numpy() - before).max() > 0


def test_xla_computes_the_same(model, rng):
    token_ids = tf.constant(rng.integers(1, 20, (3, 8)))
    compiled = tf.function(model, jit_compile=True)
    inputs = (token_ids, 0 * token_ids)
    for a, b in zip(compiled(inputs), model(inputs), strict=True):
        assert_close(a, b, products(model))


# What it reads


def test_pairs_are_cut_at_the_longer_end(words):
    token_ids, segment_ids = encode(
        words, [list("abcdef"), list("ab")], [list("gh"), list("klmno")], 8
    )
    assert [words.ids_to_tokens(row.tolist()) for row in token_ids] == [
        ["[CLS]", "a", "b", "c", "[SEP]", "g", "h", "[SEP]"],
        ["[CLS]", "a", "b", "[SEP]", "k", "l", "m", "[SEP]"],
    ]
    assert segment_ids.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]]
    token_ids, segment_ids = encode(words, [list("abcdefgh")], sequence_length=6)
    assert words.ids_to_tokens(token_ids[0].tolist()) == ["[CLS]", *"abcd", "[SEP]"]
    assert segment_ids.sum() == 0


def test_what_is_hidden_is_15_percent_and_80_10_10_of_it(words):
    rng = np.random.default_rng(0)
    token_ids = rng.integers(5, 20, (2000, 40)).astype("int32")
    token_ids[:, 0], token_ids[:, 30], token_ids[:, 31:] = 2, 3, 0
    new, positions, hidden = (x.numpy() for x in mask_tokens(token_ids, words, seed=(1, 2)))
    assert positions.shape == hidden.shape == (2000, 6)
    assert ((hidden > 0).sum(axis=1) == round(0.15 * 29)).all()
    rows = np.repeat(np.arange(2000)[:, None], 6, axis=1)[hidden > 0]
    where = positions[hidden > 0]
    np.testing.assert_array_equal(token_ids[rows, where], hidden[hidden > 0])
    assert len({*zip(rows.tolist(), where.tolist(), strict=True)}) == len(rows)
    untouched = np.ones_like(token_ids, bool)
    untouched[rows, where] = False
    np.testing.assert_array_equal(new[untouched], token_ids[untouched])
    assert where.min() >= 1
    assert where.max() <= 29
    np.testing.assert_allclose(np.bincount(where, minlength=40)[1:30] / 8000, 1 / 29, rtol=0.25)
    written, old = new[rows, where], token_ids[rows, where]
    masked, kept = written == words.tokens_to_ids("[MASK]"), written == old
    # of 10 % any token, 1 in 19 is [MASK] and 1 in 19 the old one
    assert masked.mean() == pytest.approx(0.8 + 0.1 / 19, abs=0.012)
    assert kept.mean() == pytest.approx(0.1 + 0.1 / 19, abs=0.012)
    assert written.min() >= 1


def test_masks_follow_the_seed_and_work_in_a_graph(words):
    token_ids = np.random.default_rng(0).integers(5, 20, (4, 20)).astype("int32")
    first, again, other = (
        mask_tokens(token_ids, words, seed)[0] for seed in ((1, 2), (1, 2), (1, 3))
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    data = tf.data.Dataset.from_tensors(token_ids).map(lambda x: mask_tokens(x, words, (1, 2)))
    np.testing.assert_array_equal(next(iter(data))[0], first)


def test_a_row_of_special_tokens_alone_hides_nothing(words):
    new, _, hidden = mask_tokens([[2, 3, 0, 0]], words, (1, 2))
    np.testing.assert_array_equal(new, [[2, 3, 0, 0]])
    assert not hidden.numpy().any()


def test_half_of_the_pairs_follow():
    documents = [[(d, s) for s in range(12)] for d in range(100)]
    first, second, follows = sentence_pairs(documents, seed=1)
    assert len(first) == len(second) == len(follows) == 1100
    assert follows.mean() == pytest.approx(0.5, abs=0.05)
    for a, b, label in zip(first, second, follows, strict=True):
        assert (b == (a[0], a[1] + 1)) if label else (b[0] != a[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: BERT(0), "vocabulary_size must be an integer >= 1"),
        (lambda w: small(intermediate_dim=0), "intermediate_dim must be an integer >= 1"),
        (lambda w: small(dropout=1.0), r"dropout must be in \[0, 1\); got 1.0"),
        (lambda w: classifier(small(), 2, dropout=1.0), r"dropout must be in \[0, 1\)"),
        (
            lambda w: encode(w, [["a"]], [["b"], ["c"]]),
            "as many second texts as first ones; got 2 and 1",
        ),
        (
            lambda w: encode(w, ["raw text"]),
            "first must be lists of tokens, .* got the text 'raw te",
        ),
        (lambda w: encode(w, tf.constant(["raw text"])), "first must be lists of tokens"),
        (lambda w: encode(w, np.array(["raw text"])), "first must be lists of tokens"),
        (lambda w: encode(w, "raw text"), "first must be lists of tokens"),
        (lambda w: encode(w, [b"raw text"]), "first must be lists of tokens"),
        (
            lambda w: encode(w, [["a"]], ["b"]),
            "second must be lists of tokens, .* got the text 'b'",
        ),
        (
            lambda w: encode(w, [["a"]], sequence_length=4),
            "sequence_length must be an integer >= 5",
        ),
        (lambda w: mask_tokens([[5]], w, (1, 2), rate=0), "rate must be above 0 and below 1"),
        (lambda w: mask_tokens([[5]], Vocabulary("ab"), (1, 2)), r"has no \[MASK\]"),
        (
            lambda w: sentence_pairs([["a", "b"], []]),
            "at least two documents that contain sentences",
        ),
        (lambda w: classifier(small(), 1), "num_classes must be an integer >= 2"),
    ],
)
def test_bad_arguments_are_one_message(words, make, message):
    with pytest.raises(ValueError, match=message):
        make(words)


# Learning


def cycles(rng, count, length=10):
    """Rows that count from 5 to 19, again and again, starting anywhere: one id tells the others."""
    token_ids = (rng.integers(0, 15, (count, 1)) + np.arange(length)) % 15 + 5
    return np.pad(token_ids, [(0, 0), (1, 0)], constant_values=2).astype("int32")


def pretrained(encoder, token_ids, vocabulary, epochs, jit_compile=False):
    new, positions, hidden = mask_tokens(token_ids, vocabulary, (1, 2))
    model = BERTPretraining(encoder)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    follows = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), [loss, follows], jit_compile=jit_compile)
    labels = [hidden, np.zeros(len(token_ids), int)]
    model.fit((new, 0 * new, positions), labels, batch_size=100, epochs=epochs, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_learns_what_is_hidden(words, rng, jit_compile):
    model = pretrained(small(hidden_dim=32, dropout=0.0), cycles(rng, 4000), words, 8, jit_compile)
    new, positions, hidden = (x.numpy() for x in mask_tokens(cycles(rng, 300), words, (3, 4)))
    guess = np.array(model((new, 0 * new, positions))[0]).argmax(-1)
    assert (guess == hidden)[hidden > 0].mean() >= 0.9  # by chance 1/15


@pytest.mark.slow
def test_pretraining_helps_where_labels_are_few(rng):
    vocabulary = Vocabulary(
        ["[MASK]", *map(str, range(120))], start_token="[CLS]", end_token="[SEP]"
    )

    def topics(count, length):
        """Words of one of two topics, 60 each, and which."""
        label = rng.integers(2, size=count)
        token_ids = 5 + 60 * label[:, None] + rng.integers(60, size=(count, length))
        return np.pad(token_ids, [(0, 0), (1, 0)], constant_values=2), label

    few, labels = topics(6, 4)
    labels[:] = 0, 1, 0, 1, 0, 1
    few[:, 1:] = (few[:, 1:] - 5) % 60 + 5 + 60 * labels[:, None]
    many, truth = topics(500, 4)

    def accuracy(encoder):
        model = classifier(encoder, 2)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-3), loss)
        model.fit((few, 0 * few), labels, batch_size=6, epochs=40, verbose=0)
        return (np.array(model((many, 0 * many))).argmax(-1) == truth).mean()

    size = {
        "vocabulary_size": 125,
        "hidden_dim": 32,
        "num_heads": 4,
        "num_layers": 2,
        "max_sequence_length": 12,
    }
    encoder = BERT(**size, dropout=0.0)
    pretrained(encoder, topics(3000, 10)[0], vocabulary, 6)
    assert accuracy(encoder) >= 0.9
    assert accuracy(encoder) >= accuracy(BERT(**size, dropout=0.0)) + 0.1
