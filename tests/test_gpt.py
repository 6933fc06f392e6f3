"""GPT keeps its promises: causal, rows apart, cached as uncached; its checkpoints are checked."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from published import change_config, write_gpt
from rounding import assert_close, products
from safetensors.numpy import load_file, save_file

from aimodels.decoding import generate
from aimodels.gpt import GPT

pytestmark = pytest.mark.rests_on_code


@pytest.fixture(scope="module")
def model():
    model = GPT(20, hidden_dim=8, num_heads=2, num_layers=2, max_sequence_length=10)
    rng = np.random.default_rng(1)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.weights])
    return model


def test_logits_do_not_see_the_future(model, rng):
    ids = rng.integers(0, 20, (3, 8))
    changed = ids.copy()
    changed[:, 5] = (ids[:, 5] + 7) % 20
    difference = np.abs(np.array(model(ids) - model(changed)))
    assert difference[:, :5].max() == 0
    assert (difference[:, 5:].max(axis=(0, 2)) > 1e-3).all()


def test_other_rows_change_nothing(model, rng):
    ids = rng.integers(0, 20, (4, 8))
    assert_close(model(ids)[1:2], model(ids[1:2]), products(model))


def test_the_embedding_reads_and_writes(model):
    ids = np.array([[4, 4, 4]])
    before = np.array(model(ids))
    table = model.get_layer("embedding").embeddings
    old = table.numpy()
    new = old.copy()
    new[9] *= 2  # a token that is not there: only its own logit changes, by two
    table.assign(new)
    difference = np.array(model(ids)) - before
    table.assign(old)
    assert_close(difference[..., 9], before[..., 9], products(model))
    assert np.abs(np.delete(difference, 9, axis=-1)).max() == 0


@pytest.mark.parametrize("padded", [False, True])
def test_step_by_step_with_a_cache_is_all_at_once(model, rng, padded):
    ids = rng.integers(0, 20, (3, 8))
    padding = np.array([0, 3, 1]) * padded
    cache, found = model.cache(3), []
    for begin, end in ((0, 4), (4, 5), (5, 7), (7, 8)):
        logits, cache = model.step(
            tf.constant(ids[:, begin:end]), cache, begin, tf.constant(padding) if padded else None
        )
        found.append(logits)
    for row, skip in enumerate(padding):
        expected = np.array(model(ids[row : row + 1, skip:]))[0]
        for i, end in enumerate((4, 5, 7, 8)):
            assert_close(found[i][row], expected[end - skip - 1], products(model))


@pytest.mark.bfloat16
def test_mixed_precision_writes_as_well(rng):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = GPT(20, hidden_dim=8, num_heads=2, num_layers=2, max_sequence_length=10)
    finally:
        keras.config.set_dtype_policy(before)
    ids = rng.integers(0, 20, (3, 6)).astype("int32")
    cache = model.cache(3)
    logits, new = model.step(tf.constant(ids), cache, 0)
    assert cache[0][0].dtype == new[0][0].dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(logits, tf.float32), tf.cast(model(ids), tf.float32)[:, -1], atol=0.02
    )
    assert [answer.size for answer in generate(model, ids[:2], 12)] == [12, 12]


def test_save_and_load(model, rng, tmp_path):
    model.save(tmp_path / "gpt.keras")
    ids = rng.integers(0, 20, (3, 8))
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "gpt.keras")(ids), model(ids))


def test_xla_computes_the_same(model, rng):
    ids = tf.constant(rng.integers(0, 20, (3, 8)))
    compiled = tf.function(model, jit_compile=True)
    assert_close(compiled(ids), model(ids), products(model))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_learns_what_only_attention_can_know(rng, jit_compile):
    def rows(count):  # four tokens, then the same four again
        half = rng.integers(0, 16, (count, 4))
        return np.concatenate([half, half], axis=1)

    model = GPT(16, hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=8)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=jit_compile)
    ids = rows(4000)
    model.fit(ids[:, :-1], ids[:, 1:], batch_size=100, epochs=8, verbose=0)
    ids = rows(200)
    right = np.array(model(ids[:, :-1])).argmax(-1) == ids[:, 1:]
    assert right[:, 3:].mean() >= 0.95  # by chance 1/16
    assert right[:, :3].mean() <= 0.2  # nobody can know the first ones


# Checkpoints


@pytest.fixture
def folder(model, tmp_path):
    """The model, as Hugging Face would write it."""
    return write_gpt(model, tmp_path)


def test_a_checkpoint_is_read_whole(model, folder, rng):
    ids = rng.integers(0, 20, (3, 8))
    np.testing.assert_array_equal(GPT.from_checkpoint(folder)(ids), model(ids))


def test_names_without_a_prefix_are_the_same_model(model, folder, rng):
    weights = load_file(folder / "model.safetensors")
    weights = {name.removeprefix("transformer."): value for name, value in weights.items()}
    save_file(weights, folder / "model.safetensors")
    ids = rng.integers(0, 20, (3, 8))
    np.testing.assert_array_equal(GPT.from_checkpoint(folder)(ids), model(ids))


def without_a_file(folder):
    (folder / "model.safetensors").unlink()


def with_half_a_file(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def with_a_broken_config(folder):
    (folder / "config.json").write_text('{"model_type": ')


def with_config(**changes):
    return lambda folder: change_config(folder, **changes)


def without_a_weight(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.h.1.mlp.c_fc.bias"]
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("harm", "error", "message"),
    [
        (
            without_a_file,
            FileNotFoundError,
            "has no model.safetensors: a checkpoint is a folder with config.json",
        ),
        (with_half_a_file, ValueError, "a file in .* is damaged"),
        (with_a_broken_config, ValueError, "a file in .* is damaged"),
        (with_config(model_type="bert"), ValueError, "holds a 'bert' model, not a 'gpt2'"),
        (with_config(activation_function="relu"), ValueError, "only activation_function = 'gelu_n"),
        (with_config(vocab_size=21), ValueError, r"'wte.weight' has the shape \(20, 8\), wanted"),
        (without_a_weight, ValueError, "no weight 'h.1.mlp.c_fc.bias'"),
    ],
)
def test_a_bad_checkpoint_is_one_message(folder, harm, error, message):
    harm(folder)
    with pytest.raises(error, match=message):
        GPT.from_checkpoint(folder)


@pytest.mark.parametrize("name", ["vocabulary_size", "hidden_dim", "num_layers", "num_heads"])
def test_bad_arguments_are_one_message(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer >= 1; got 0"):
        GPT(**{"vocabulary_size": 9, name: 0})
