"""Padding is inert, word groups are found, and both models learn no more than they can."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products

from aimodels.text_classification import MeanEmbedding, TextCNN

pytestmark = pytest.mark.rests_on_code
MODELS = [TextCNN, MeanEmbedding]
SMALL = {"vocabulary_size": 30, "num_classes": 3, "embedding_dim": 8}


def random_ids(rng, lengths):
    ids = np.zeros((len(lengths), max(lengths)), "int32")
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = rng.integers(1, 30, length)
    return ids


def drawn(model, rng):
    """With weights of both signs: biases too, which start at zero."""
    model.set_weights([rng.normal(size=w.shape) / w.shape[0] ** 0.5 for w in model.weights])
    return model


@pytest.mark.parametrize("kind", MODELS)
def test_any_length(kind):
    model = kind(**SMALL)
    for batch, length in [(1, 1), (3, 2), (2, 40)]:
        assert model(np.ones((batch, length), "int32")).shape == (batch, 3)


def test_parameters_counted_by_hand():
    sizes = 30 * 8 + (2 + 5) * 8 * 6 + 2 * 6 + 12 * 3 + 3
    assert TextCNN(**SMALL, kernel_sizes=(2, 5), filters=6).count_params() == sizes
    assert MeanEmbedding(**SMALL).count_params() == 30 * 8 + 8 * 3 + 3


@pytest.mark.parametrize("kind", MODELS)
def test_padding_is_inert(kind, rng):
    model = drawn(kind(**SMALL), rng)
    ids = random_ids(rng, [1, 2, 4, 9, 17])
    expected = model(ids).numpy()
    assert np.ptp(expected, axis=0).min() > 0.1
    for more in (1, 2, 30):
        longer = np.pad(ids, [(0, 0), (0, more)])
        assert_close(model(longer), expected, products(model))
    for row, y in zip(ids, expected, strict=True):
        alone = row[None, : np.count_nonzero(row)]
        assert_close(model(alone)[0], y, products(model))


@pytest.mark.parametrize("kind", MODELS)
def test_a_text_of_padding_alone(kind, rng):
    model = drawn(kind(**SMALL), rng)
    bias = model.get_layer("logits").bias
    np.testing.assert_array_equal(model(np.zeros((2, 7), "int32")), [bias, bias])


def test_text_cnn_is_its_formula(rng):
    """The forward pass once more, window by window."""
    model = drawn(TextCNN(**SMALL, kernel_sizes=(2, 3, 4), filters=5), rng)
    vectors, *rest, dense, bias = model.get_weights()
    ids = random_ids(rng, [1, 3, 8])
    for row, y in zip(ids, model(ids).numpy(), strict=True):
        words = vectors[row[row > 0]]
        found = []
        for kernel, b in zip(rest[::2], rest[1::2], strict=True):
            k = len(kernel)
            around = np.pad(words, [((k - 1) // 2, k // 2), (0, 0)])
            answers = [
                np.einsum("kd,kdf->f", around[t : t + k], kernel) + b for t in range(len(words))
            ]
            found.append(np.maximum(answers, 0).max(axis=0))
        assert_close(np.concatenate(found) @ dense + bias, y, products(model))


def test_mean_embedding_is_its_formula(rng):
    model = drawn(MeanEmbedding(**SMALL), rng)
    vectors, dense, bias = model.get_weights()
    ids = random_ids(rng, [1, 3, 8])
    expected = [vectors[row[row > 0]].mean(axis=0) @ dense + bias for row in ids]
    assert_close(model(ids), expected, products(model))


@pytest.mark.parametrize("kind", MODELS)
def test_every_weight_has_a_gradient_and_padding_has_none(kind, rng):
    model = drawn(kind(**SMALL), rng)
    ids, y = random_ids(rng, [5, 9, 12, 7]), np.array([0, 1, 2, 1])
    with tf.GradientTape() as tape:
        logits = model(ids, training=True)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, logits)
    variables = [v.value for v in model.trainable_variables]
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)]
    assert all(np.abs(g).max() > 1e-6 for g in gradients)
    used = np.abs(gradients[0]).max(axis=1) > 0
    assert not used[0]
    assert set(np.flatnonzero(used)) <= set(ids.ravel())


@pytest.mark.parametrize("kind", MODELS)
def test_save_and_load_are_bit_equal(kind, rng, tmp_path):
    model = drawn(kind(**SMALL, dropout=0.3, name="reader"), rng)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is kind
    assert (loaded.name, loaded.config) == ("reader", model.config)
    ids = random_ids(rng, [3, 11])
    np.testing.assert_array_equal(loaded(ids), model(ids))


def compiled(kind, jit_compile=False, learning_rate=0.01, **kwargs):
    keras.utils.set_random_seed(0)
    model = kind(**SMALL | kwargs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"], jit_compile=jit_compile
    )
    return model


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_xla_is_the_graph(kind, rng):
    ids, y = random_ids(rng, [5, 9, 12, 7]), np.array([0, 1, 2, 1])
    losses = []
    for jit_compile in (False, True):
        model = compiled(kind, jit_compile, dropout=0.0)  # XLA draws other random numbers
        losses.append([float(model.train_on_batch(ids, y)[0]) for _ in range(3)])
        assert (
            model.jit_compile is jit_compile
        )  # it is switched off where a layer cannot be compiled
    assert losses[0][2] < losses[0][0]
    assert_close(*losses, products(model), "float32")


@pytest.mark.parametrize(
    ("kind", "kwargs", "message"),
    [
        (TextCNN, {"vocabulary_size": 1}, "vocabulary_size must be"),
        (MeanEmbedding, {"num_classes": 1}, "num_classes must be"),
        (MeanEmbedding, {"embedding_dim": 0}, "embedding_dim must be"),
        (TextCNN, {"kernel_sizes": ()}, "kernel_sizes must be"),
        (TextCNN, {"kernel_sizes": (3, 3)}, "kernel_sizes must be"),
        (TextCNN, {"kernel_sizes": (0, 3)}, "kernel_sizes must be"),
        (TextCNN, {"kernel_sizes": (2.5, 3)}, "kernel_sizes must be"),
        (TextCNN, {"filters": 0}, "filters must be an integer >= 1"),
        (TextCNN, {"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        (TextCNN, {"embedding_dropout": 1.0}, r"embedding_dropout must be in \[0, 1\)"),
        (MeanEmbedding, {"dropout": -0.1}, r"dropout must be in \[0, 1\)"),
    ],
)
def test_bad_arguments_are_named(kind, kwargs, message):
    with pytest.raises(ValueError, match=message):
        kind(**SMALL | kwargs)


# Does it learn?


def word_task(rng, number):
    """The class is which of the words 1, 2, 3 is there, somewhere."""
    y = rng.integers(0, 3, number)
    ids = rng.integers(4, 30, (number, 12))
    ids[np.arange(number), rng.integers(0, 12, number)] = y + 1
    return ids.astype("int32"), y


def order_task(rng, number):
    """Class 1 where word 1 stands just before word 2, class 0 where just behind it."""
    y = rng.integers(0, 2, number)
    ids = rng.integers(4, 30, (number, 12))
    at = rng.integers(0, 11, number)
    ids[np.arange(number), at], ids[np.arange(number), at + 1] = 2 - y, 1 + y
    return ids.astype("int32"), y


@pytest.mark.parametrize("kind", MODELS)
def test_learns_what_words_mean(kind, rng):
    model = compiled(kind, learning_rate=0.02)
    model.fit(*word_task(rng, 1000), epochs=6, verbose=0)
    ids, y = word_task(rng, 300)
    majority = np.bincount(y).max() / len(y)
    assert model.evaluate(ids, y, verbose=0)[1] > majority + 0.5


def test_only_convolutions_learn_the_order_of_words(rng):
    train, (ids, y) = order_task(rng, 1000), order_task(rng, 400)
    accuracy = []
    for kind in MODELS:
        model = compiled(kind, learning_rate=0.02, num_classes=2)
        model.fit(*train, epochs=6, verbose=0)
        accuracy.append(model.evaluate(ids, y, verbose=0)[1])
    assert accuracy[0] > 0.95
    assert abs(accuracy[1] - 0.5) < 0.1  # four standard errors
