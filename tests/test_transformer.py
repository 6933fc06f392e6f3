"""The Transformer keeps its promises: causal, blind to padding, cached as uncached, it learns."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products, rounding

from aimodels import decoding
from aimodels.bert import BERT, BERTPretraining
from aimodels.gpt import GPT
from aimodels.layers import (
    MultiHeadAttention,
    PositionEmbedding,
    TransformerBlock,
    sinusoidal_positions,
)
from aimodels.train import InverseSqrtWarmup, SmoothedCrossentropy, warmup_cosine
from aimodels.transformer import Transformer

pytestmark = pytest.mark.rests_on_code


def randomised(layer, rng):
    """Weights by fan-in, so that nothing saturates; biases too."""
    layer.set_weights([rng.normal(size=w.shape) / w.shape[0] ** 0.5 for w in layer.weights])
    return layer


@pytest.fixture(scope="module", params=[False, True], ids=["post-norm", "pre-norm"])
def model(request):
    model = Transformer(
        12,
        9,
        hidden_dim=8,
        num_heads=2,
        num_layers=2,
        max_sequence_length=10,
        normalize_first=request.param,
    )
    return randomised(model, np.random.default_rng(1))


def pairs(rng, batch=3, source=6, target=5):
    return rng.integers(4, 12, (batch, source)), rng.integers(4, 9, (batch, target))


# Attention


def test_rows_of_weights_sum_to_one_and_masked_places_weigh_nothing(rng):
    x = rng.normal(size=(3, 5, 8)).astype("float32")
    mask = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 0], [0] * 5], bool)
    layer = MultiHeadAttention(2, 4)
    layer(x, x)
    output, weights = randomised(layer, rng)(x, x, value_mask=mask, return_attention_scores=True)
    weights = np.array(weights)
    np.testing.assert_array_equal(weights[~np.tile(mask[:, None, None], (1, 2, 5, 1))], 0)
    assert_close(weights[:2].sum(axis=-1), 1, sums=5)
    np.testing.assert_allclose(output[2], np.tile(layer.output_dense.bias, (5, 1)))
    x[0, 2] = 1e3  # behind the mask, where nobody looks
    changed, before = np.array(layer(x, x, value_mask=mask)), np.array(output)
    np.testing.assert_array_equal(changed[0, [0, 1, 3]], before[0, [0, 1, 3]])


def test_a_permutation_of_the_memory_changes_nothing(rng):
    x, memory = (rng.normal(size=(2, n, 8)).astype("float32") for n in (3, 6))
    layer = MultiHeadAttention(4, 2)
    layer(x, memory)
    order = rng.permutation(6)
    assert_close(layer(x, memory), layer(x, memory[:, order]), products(layer))


def test_token_by_token_with_a_cache_is_all_at_once(rng):
    x = rng.normal(size=(2, 6, 8)).astype("float32")
    block = TransformerBlock(2, 16, use_causal_mask=True)
    whole = np.array(block(x))
    cache = [np.zeros((4, 7, 4), "float32")] * 2  # one place more than is needed
    for begin, end in ((0, 3), (3, 4), (4, 6)):
        y, cache = block(x[:, begin:end], cache=cache, cache_update_index=begin)
        assert_close(y, whole[:, begin:end], products(block))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultiHeadAttention(0, 4), "num_heads must be an integer >= 1"),
        (lambda: MultiHeadAttention(2, 4, dropout=1.0), r"dropout must be in \[0, 1\); got 1.0"),
        (
            lambda: MultiHeadAttention(2, 4)(np.zeros((1, 2, 8)), np.zeros((1, 2, 6))),
            "query and value must have the same last dimension; got 8 and 6",
        ),
        (
            lambda: TransformerBlock(3, 16)(np.zeros((1, 2, 8))),
            "the input dimension 8 must be divisible by num_heads=3",
        ),
        (lambda: TransformerBlock(2, 0), "intermediate_dim must be an integer >= 1"),
        (lambda: PositionEmbedding(4)(np.zeros((1, 5, 8))), "longer than max_sequence_length=4: 5"),
        (lambda: InverseSqrtWarmup(8, 0), "warmup_steps must be an integer >= 1"),
        (lambda: warmup_cosine(1.0, 0, 0), "total_steps must be an integer >= 1"),
        (lambda: warmup_cosine(1.0, 9, -1), "warmup_steps must be an integer >= 0"),
        (lambda: SmoothedCrossentropy(label_smoothing=1.0), r"label_smoothing must be in \[0, 1\)"),
        (lambda: Transformer(0, 9), "source_vocabulary_size must be an integer >= 1"),
    ],
)
def test_bad_arguments_are_one_message(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_answer_longer_than_the_model_is_one_message(rng):
    model = Transformer(20, 30, hidden_dim=8, num_heads=2, num_layers=1, max_sequence_length=8)
    source, _ = pairs(rng)
    for search in (decoding.greedy, decoding.beam_search):
        with pytest.raises(ValueError, match="max_length=9, but the model was built for at most 8"):
            search(model, source, max_length=9)


# Positions


def test_the_product_of_two_positions_depends_on_their_distance_alone():
    table = sinusoidal_positions(40, 16)
    products = table @ table.T
    for distance in (0, 3, 11):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-9)
    assert products[0, 0] == 8


def test_without_positions_order_would_not_matter(model, rng):
    source, target = pairs(rng)
    swapped = source[:, [1, 0, 2, 3, 4, 5]]
    assert np.abs(model((source, target)) - model((swapped, target))).max() > 1e-3


# The model


def test_logits_do_not_see_the_future(model, rng):
    source, target = pairs(rng)
    changed = target.copy()
    changed[:, 3] = (target[:, 3] - 3) % 5 + 4
    difference = np.abs(np.array(model((source, target)) - model((source, changed))))
    assert difference[:, :3].max() == 0
    assert difference[:, 3:].max() > 1e-3


def test_padding_and_other_rows_change_nothing(model, rng):
    source, target = pairs(rng)
    expected = model((source, target))
    longer = np.pad(source, [(0, 0), (0, 3)])
    assert_close(model((longer, target)), expected, products(model))
    assert_close(model((source[:1], target[:1])), expected[:1], products(model))


def test_attention_weights_are_those_that_the_model_uses(model, rng):
    source, target = pairs(rng)
    source[0, -2:] = 0
    weights = model.attention_weights((source, target))
    shapes = {name: found.shape[1:] for name, found in weights.items()}
    heads = model.config["num_heads"]
    assert shapes == {
        "encoder": (3, heads, 6, 6),
        "decoder": (3, heads, 5, 5),
        "cross": (3, heads, 5, 6),
    }
    for name, found in weights.items():
        assert len(found) == model.config["num_layers"]
        assert_close(found.sum(-1), 1, sums=6)
        if name != "decoder":
            assert not found[:, 0, ..., -2:].any()
    assert not np.triu(weights["decoder"], 1).any()
    encoder = model.get_layer("encoder")
    x = encoder.get_layer("source_positions")(encoder.get_layer("source_embedding")(source))
    block = encoder.get_layer("encoder1")
    x = block.attention_norm(x) if block.normalize_first else x
    _, first = block.attention(x, x, value_mask=source != 0, return_attention_scores=True)
    assert_close(weights["encoder"][0], first, products(model))


def test_decoding_step_by_step_is_the_whole_model(model, rng):
    source, _ = pairs(rng, batch=4)
    source[2:, 4:] = 0
    ids, scores = decoding.greedy(model, source, max_length=8)
    ids = ids.numpy()
    reads = np.concatenate([np.full((4, 1), 2), ids[:, :-1]], axis=1)
    log_p = np.array(keras.ops.log_softmax(model((source, reads))))
    log_p[..., [0, 2]] = -np.inf  # neither padding nor the start is ever said
    said = ids != 0
    assert (log_p.argmax(-1) == ids)[said].all()
    found = np.take_along_axis(log_p, ids[..., None], -1)[..., 0]
    assert_close(scores, np.where(said, found, 0).sum(1), products(model))
    beam = decoding.beam_search(model, source, max_length=8, beam_size=3)[1]
    tolerance = rounding(products(model), np.abs(scores).max())
    assert (beam.numpy() >= scores.numpy() - tolerance).all()


def test_save_and_load(model, rng, tmp_path):
    model.save(tmp_path / "model.keras")
    inputs = pairs(rng)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))


def test_width_and_depth_are_what_was_asked():
    model = Transformer(12, 9, hidden_dim=8, num_heads=2, num_layers=3, intermediate_dim=20)
    blocks = [layer for layer in model._flatten_layers() if isinstance(layer, TransformerBlock)]
    assert [block.feedforward_intermediate.units for block in blocks] == [20] * 6


@pytest.mark.parametrize(
    "make",
    [
        lambda **sizes: Transformer(12, 12, **sizes),
        lambda **sizes: GPT(12, **sizes),
        lambda **sizes: BERTPretraining(BERT(12, **sizes)),
    ],
    ids=["Transformer", "GPT", "BERT"],
)
def test_no_two_weights_begin_alike(make):
    model = make(hidden_dim=8, num_heads=2, num_layers=2, max_sequence_length=10)
    random = [np.ravel(w) for w in model.trainable_weights if np.std(w) > 0]
    assert len(random) >= 10
    for a, b in itertools.combinations(random, 2):
        assert not np.isclose(a[:8] / np.std(a), b[:8] / np.std(b), rtol=0.01).all()


# Training


@pytest.mark.parametrize("factors", [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1)])
@pytest.mark.parametrize(("total", "warmup"), [(300, 100), (40, 0)])
def test_a_rate_warms_up_in_a_line_and_falls_with_a_cosine(factors, total, warmup):
    start, end = factors
    rate = warmup_cosine(0.02, total, warmup, start, end)
    rising = np.linspace(start, 1, warmup, endpoint=False)
    falling = end + (1 - end) * (1 + np.cos(np.linspace(0, np.pi, total - warmup + 1))) / 2
    expected = 0.02 * np.concatenate([rising, falling, [end] * 5])
    rates = [float(rate(step)) for step in range(total + 6)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-8)


def test_a_trial_may_end_within_its_warm_up():
    rate = warmup_cosine(0.02, 5, 100)
    np.testing.assert_allclose([float(rate(step)) for step in (0, 5, 100)], [0, 0.001, 0.02])


def test_smoothed_crossentropy_is_kerass_on_one_hot_labels(rng):
    y, z = rng.integers(1, 7, 20), rng.normal(size=(20, 7)).astype("float32")
    loss = SmoothedCrossentropy(from_logits=True, label_smoothing=0.2, ignore_class=0)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    expected = theirs(np.eye(7, dtype="float32")[y], z)
    assert_close(loss(y, z), expected, sums=20 * 7)
    padded = np.concatenate([z, rng.normal(size=(9, 7))]).astype("float32")
    found = loss(np.concatenate([y, np.zeros(9, int)]), padded)
    assert_close(found, expected, sums=20 * 7)
    assert float(loss(np.zeros(9, int), padded[:9])) == 0
    probabilities = keras.ops.softmax(z)
    assert_close(SmoothedCrossentropy(label_smoothing=0.2)(y, probabilities), expected, 20 * 7)


def reversals(rng, count):
    """Rows of 3 to 7 digits, and the same backwards: (source, what is read, what must be said)."""
    source, target = np.zeros((count, 7), int), np.zeros((count, 9), int)
    for row, (x, y) in enumerate(zip(source, target, strict=True)):
        n = 3 + row % 5
        x[:n] = rng.integers(4, 14, n)
        y[: n + 2] = [2, *x[n - 1 :: -1], 3]
    return source, target[:, :-1], target[:, 1:]


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_learns_to_reverse(rng, jit_compile):
    source, reads, says = reversals(rng, 6000)
    model = Transformer(
        14, 14, hidden_dim=32, num_heads=4, num_layers=2, dropout=0.0, max_sequence_length=16,
        normalize_first=True,
    )  # fmt: skip
    model.compile(
        keras.optimizers.Adam(3e-3),
        SmoothedCrossentropy(from_logits=True, label_smoothing=0.1, ignore_class=0),
        jit_compile=jit_compile,
    )
    model.fit((source, reads), says, batch_size=100, epochs=12, verbose=0)
    source, _, says = reversals(rng, 200)
    ids, _ = decoding.greedy(model, source, max_length=8)
    assert (ids.numpy() == says).all(axis=1).mean() >= 0.95


# Masks


@pytest.mark.parametrize("name", ["attention", "cross-attention", "block", "decoder"])
def test_masks_of_an_embedding_are_respected(name, rng):
    """Two padding ids behind `Embedding(mask_zero=True)` must not move a real position."""
    normal = keras.initializers.RandomNormal(stddev=1.0, seed=0)
    embedding = keras.layers.Embedding(20, 8, normal, mask_zero=True)
    layer = {
        "attention": MultiHeadAttention(2, 4),
        "cross-attention": MultiHeadAttention(2, 4),
        "block": TransformerBlock(2, 16),
        "decoder": TransformerBlock(2, 16, cross_attention=True),
    }[name]
    token_ids = rng.integers(1, 20, (3, 5))
    padded = np.pad(token_ids, [(0, 0), (0, 2)])
    query = embedding(token_ids[:, :4])

    def outputs(ids, mask=True):
        x = embedding(ids)
        x = x if mask else keras.ops.stop_gradient(x) + 0  # a new tensor, without the mask
        if name in ("cross-attention", "decoder"):
            return np.array(layer(query, x))
        return np.array(layer(x, x) if name == "attention" else layer(x))[:, :4]

    expected = outputs(token_ids)
    assert_close(outputs(padded), expected, products(layer))
    assert np.abs(outputs(padded, mask=False) - expected).max() > 0.01


def test_all_masks_of_attention_are_merged_as_keras_does(rng):
    query, value = (rng.normal(size=(2, n, 8)).astype("float32") for n in (4, 4))
    masks = {
        "query_mask": np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool),
        "value_mask": np.array([[1, 1, 1, 1], [1, 1, 0, 1]], bool),
        "key_mask": np.array([[1, 0, 1, 1], [1, 1, 1, 1]], bool),
        "attention_mask": rng.random((2, 4, 4)) < 0.8,
    }
    layer, reference = MultiHeadAttention(2, 4), keras.layers.MultiHeadAttention(2, 4)
    options = {"use_causal_mask": True, "return_attention_scores": True}
    _, weights = layer(query, value, **masks, **options)
    projected = [np.split(w, 3, axis=-1) for w in layer.get_weights()[:2]]
    reference(query, value)
    for part, kernel, bias in zip(("query", "key", "value"), *projected, strict=True):
        dense = getattr(reference, f"{part}_dense")
        dense.set_weights([kernel.reshape(8, 2, 4), bias.reshape(2, 4)])
    _, expected = reference(query, value, **masks, **options)
    merged = masks["query_mask"][:, :, None] & masks["value_mask"][:, None]
    merged &= masks["key_mask"][:, None] & masks["attention_mask"] & np.tri(4, dtype=bool)
    rows = merged.any(-1)  # where all is masked, Keras spreads the weights, ours are zero
    assert rows.sum() > 4
    found, expected = (np.moveaxis(np.array(w), 1, -1)[rows] for w in (weights, expected))
    assert_close(found, expected, 8)
    assert not np.moveaxis(np.array(weights), 1, -1)[~rows].any()


def test_with_a_cache_a_mask_must_cover_it(rng):
    embedding, block = keras.layers.Embedding(20, 8, mask_zero=True), TransformerBlock(2, 16)
    token_ids, cache = rng.integers(1, 20, (2, 3)), [np.zeros((4, 7, 4), "float32")] * 2
    with pytest.raises(ValueError, match="must cover its 7 positions; got a mask of 3"):
        block(embedding(token_ids), cache=cache)
    real = np.arange(7) < np.array([[3], [2]])
    y, _ = block(embedding(token_ids), padding_mask=real, cache=cache)
    expected = block(embedding(token_ids), padding_mask=real[:, :3])
    assert_close(y, expected, products(block))


def test_a_block_passes_its_mask_on():
    x = keras.layers.Embedding(20, 8, mask_zero=True)(np.array([[3, 4, 0]]))
    y = TransformerBlock(2, 16)(x)
    pooled = keras.layers.GlobalAveragePooling1D()(y)  # takes the mean over what is not masked
    assert_close(pooled, np.array(y)[:, :2].mean(1), 8)


def test_a_long_sequence_of_unknown_length_is_one_message():
    layer = PositionEmbedding(4, learned=True)
    layer.build((None, None, 8))

    @tf.function(input_signature=[tf.TensorSpec((None, None, 8))])
    def call(x):
        return layer(x)

    with pytest.raises(tf.errors.InvalidArgumentError, match="max_sequence_length=4"):
        call(np.zeros((1, 5, 8), "float32"))


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (2, 4, 4, 4), (2, 1, 4, 4)])
def test_attention_masks_of_fewer_and_more_axes_are_broadcast_as_in_keras(rng, shape):
    """Also where T is the number of heads, so that no shape tells rows from heads."""
    x = rng.normal(size=(2, 4, 8)).astype("float32")
    mask = rng.random(shape) < 0.6
    mask |= np.eye(4, dtype=bool)
    layer, reference = MultiHeadAttention(4, 2), keras.layers.MultiHeadAttention(4, 2)
    layer(x, x)
    reference(x, x)
    projected = [np.split(w, 3, axis=-1) for w in layer.get_weights()[:2]]
    for part, kernel, bias in zip(("query", "key", "value"), *projected, strict=True):
        dense = getattr(reference, f"{part}_dense")
        dense.set_weights([kernel.reshape(8, 4, 2), bias.reshape(4, 2)])
    _, weights = layer(x, x, attention_mask=mask, return_attention_scores=True)
    _, expected = reference(x, x, attention_mask=mask, return_attention_scores=True)
    assert_close(weights, expected, 8)


def test_a_memory_is_neither_missing_nor_given_in_vain():
    x = np.zeros((1, 2, 8), "float32")
    with pytest.raises(ValueError, match="cross_attention=False takes no memory"):
        TransformerBlock(2, 8)(x, x)
    with pytest.raises(ValueError, match="cross_attention=True takes a memory"):
        TransformerBlock(2, 8, cross_attention=True)(x)


def test_a_label_below_zero_is_no_class():
    loss = SmoothedCrossentropy(from_logits=True)
    assert np.isnan(loss(np.array([1, -1]), np.zeros((2, 3), "float32")))
    ignoring = SmoothedCrossentropy(from_logits=True, ignore_class=-1)
    assert_close(ignoring(np.array([1, -1]), np.zeros((2, 3), "float32")), np.log(3), 3)


def test_numpy_integers_are_stored_as_pythons():
    for layer in (MultiHeadAttention(np.int64(2), np.int32(4)), PositionEmbedding(np.int64(9))):
        json.dumps(layer.get_config())


def test_a_subclass_passes_arguments_on():
    @keras.saving.register_keras_serializable("tests")
    class Larger(GPT):
        def __init__(self, factor=2, **kwargs):
            super().__init__(20, **kwargs)
            self.factor = factor

    model = Larger(factor=3, hidden_dim=8, num_heads=2, num_layers=1)
    clone = keras.models.clone_model(model)
    assert (clone.factor, clone.count_params()) == (3, model.count_params())
    with pytest.raises(TypeError, match="hidden_dim"):
        Larger(hiden_dim=8)
