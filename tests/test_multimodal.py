"""CLIP, its text encoder and its loss, and captions; each learns from drawn shapes with names."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import data
from aimodels.cnn import CNN
from aimodels.decoding import beam_search, greedy
from aimodels.multimodal import (
    CLIP,
    Captioner,
    ContrastiveLoss,
    TextEncoder,
    bootstrap_interval,
    ranks,
    recall,
)
from aimodels.vit import ViT

pytestmark = pytest.mark.rests_on_code
SMALL = {"hidden_dim": 16, "num_heads": 2, "num_layers": 2}
SIDE = 16
COLOURS = {
    "red": (1, 0, 0), "green": (0, 0.7, 0), "blue": (0, 0, 1), "yellow": (1, 0.9, 0),
    "black": (0, 0, 0), "orange": (1, 0.5, 0), "pink": (1, 0.6, 0.8), "purple": (0.5, 0, 0.7),
    "grey": (0.6, 0.6, 0.6),
}  # fmt: skip
SHAPES = ["disc", "square", "ring", "cross", "bars"]
CHINESE = {
    "red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "black": "黑", "orange": "橙",
    "pink": "粉", "purple": "紫", "grey": "灰", "disc": "圆盘", "square": "方块", "ring": "圆环",
    "cross": "十字", "bars": "条纹",
}  # fmt: skip
PAIRS = [(shape, colour) for shape in range(5) for colour in range(9)]
UNSEEN = [pair for pair in PAIRS if sum(pair) % 5 == 0]  # every shape and every colour is seen
SEEN = [pair for pair in PAIRS if pair not in UNSEEN]


def draw(pair, rng) -> np.ndarray:
    """A shape of some size somewhere on white."""
    radius = rng.uniform(3.5, 6)
    y, x = np.mgrid[:SIDE, :SIDE] - rng.uniform(radius, SIDE - radius, (2, 1, 1))
    distance, box = np.hypot(y, x), np.maximum(abs(y), abs(x)) <= radius
    ink = [
        distance <= radius,
        box,
        (distance <= radius) & (distance > radius / 2),
        box & (np.minimum(abs(y), abs(x)) <= radius / 3),
        box & (y.astype(int) % 3 == 0),
    ][pair[0]]
    picture = np.ones((SIDE, SIDE, 3), "float32")
    picture[ink] = list(COLOURS.values())[pair[1]]
    return picture


def pictures(pairs, rng) -> np.ndarray:
    return np.stack([draw(pair, rng) for pair in pairs])


WORDS = {
    word: number
    for number, word in enumerate([*COLOURS, *SHAPES, *sorted(set("".join(CHINESE.values())))], 4)
}


def name(pair, language: str) -> list[int]:
    words = [list(COLOURS)[pair[1]], SHAPES[pair[0]]]
    return [WORDS[w] for w in (words if language == "en" else "".join(CHINESE[w] for w in words))]


def rows(lists, length: int) -> np.ndarray:
    return np.array([[*ids, *[0] * (length - len(ids))] for ids in lists], "int32")


@pytest.fixture(scope="module")
def shapes():
    """Pictures of seen pairs, which pair each is, and 20 of each unseen pair."""
    rng = np.random.default_rng(0)
    labels = rng.integers(len(SEEN), size=1200)
    asked = [pair for pair in UNSEEN for _ in range(20)]
    return pictures([SEEN[i] for i in labels], rng), labels, pictures(asked, rng), asked


# The loss


def test_the_loss_is_its_formula(rng):
    vectors = rng.normal(size=(6, 2, 5)).astype("float32")
    y = np.array([3, 8, 3, 1, 0, 8])
    z = vectors[:, 0] @ vectors[:, 1].T
    rows_log = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    columns_log = z - np.log(np.exp(z).sum(axis=0))
    expected = [
        -np.mean([rows_log[i, j] + columns_log[j, i] for j in np.flatnonzero(y == y[i])]) / 2
        for i in range(6)
    ]
    found = ContrastiveLoss(reduction=None)(y, vectors)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    order = rng.permutation(6)
    again = ContrastiveLoss()(y[order], vectors[order])
    np.testing.assert_allclose(again, np.mean(expected), rtol=1e-5)


def test_two_pictures_of_the_same_thing_are_not_told_apart():
    """With equal labels the same vectors are best, and with different ones different vectors."""
    alike = 100 * np.eye(3, dtype="float32")[[0, 0, 1], None].repeat(2, axis=1)
    apart = 100 * np.eye(3, dtype="float32")[:, None].repeat(2, axis=1)
    for y, best, worse in (([5, 5, 7], alike, apart), ([5, 6, 7], apart, alike)):
        assert float(ContrastiveLoss()(y, best)) < float(ContrastiveLoss()(y, worse)) - 0.4
    each = ContrastiveLoss(reduction=None)([5, 5, 7], alike)
    np.testing.assert_allclose(each, [np.log(2), np.log(2), 0], atol=1e-6)
    swapped = alike.copy()
    swapped[[0, 2], 1] = swapped[[2, 0], 1]
    assert float(ContrastiveLoss()([5, 5, 7], swapped)) > 10


# The encoders


def test_padding_is_inert_and_order_is_not(rng):
    model = TextEncoder(20, max_sequence_length=8, **SMALL)
    text = rng.integers(1, 20, (2, 5))
    padded = np.concatenate([text, np.zeros((2, 3), int)], axis=1)
    np.testing.assert_allclose(model(padded), model(text), atol=1e-5)
    assert np.abs(model(text[:, ::-1]) - model(text)).max() > 1e-4
    np.testing.assert_array_equal(model(np.zeros((1, 4), int)), np.zeros((1, 16)))


def clip(**kwargs) -> CLIP:
    image_encoder = ViT((SIDE, SIDE, 3), patch_size=8, **SMALL)
    return CLIP(image_encoder, TextEncoder(50, dropout=0.0, **SMALL), 8, **kwargs)


def test_vectors_have_length_one_and_any_number_may_be_compared(rng):
    model = clip()
    images = rng.random((5, SIDE, SIDE, 3)).astype("float32")
    texts = rng.integers(1, 50, (3, 6))
    u, v = model.embed_images(images, batch_size=2), model.embed_texts(texts, batch_size=2)
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(v, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.similarity(images, texts), u @ v.T, atol=1e-6)
    assert model.similarity(images, texts).shape == (5, 3)
    outputs = np.array(model((images[:3], texts)))
    np.testing.assert_allclose(outputs[:, 0] * 0.07, u[:3], atol=1e-5)
    np.testing.assert_allclose(outputs[:, 1], v, atol=1e-5)


def test_the_scale_is_learned_and_stops_at_100(rng):
    model = clip(temperature=0.5)
    scale = model.get_layer("scale")
    assert float(scale(np.ones(1))[0]) == pytest.approx(2)
    assert any(variable is scale.tau for variable in model.trainable_variables)
    scale.tau.assign(9.0)
    assert float(scale(np.ones(1))[0]) == pytest.approx(100, rel=1e-5)


def test_the_vector_of_a_picture_is_the_encoder_s_or_its_first_one(rng):
    """A vector per picture, and of several the class token's, go through the projection."""
    images = rng.random((2, SIDE, SIDE, 3)).astype("float32")
    one = CNN((SIDE, SIDE, 3), 12, filters=(4, 4))
    several = ViT((SIDE, SIDE, 3), patch_size=8, **SMALL)
    for encoder, vectors in ((one, one(images)), (several, several(images)[:, 0])):
        model = CLIP(encoder, TextEncoder(50, dropout=0.0, **SMALL), 8)
        expected = np.array(vectors) @ np.array(model.get_layer("image_projection").kernel)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(model.embed_images(images), expected, atol=1e-5)


def two_inputs():
    a, b = keras.Input((4,)), keras.Input((4,))
    return keras.Model([a, b], a + b)


def maps():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 3)(image))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: clip(temperature=0), "temperature must be a number > 0"),
        (lambda: CLIP(two_inputs(), maps()), "image_encoder must have one input and one output"),
        (lambda: CLIP(maps(), two_inputs()), r"image_encoder must return vectors.*\(None, 6, 6"),
        (lambda: CLIP(TextEncoder(9, **SMALL), maps(), 0), "projection_dim must be an integer"),
        (lambda: TextEncoder(0), "vocabulary_size must be an integer >= 1"),
        (lambda: TextEncoder(9, dropout=1), "dropout must be in"),
        (lambda: TextEncoder(9, hidden_dim=15), "15 must be divisible by num_heads=4"),
        (lambda: Captioner(two_inputs(), 9), "image_encoder must have one input"),
        (lambda: Captioner(CNN((None, None, 3), 4), 0), "vocabulary_size must be an integer"),
        (lambda: Captioner(sized_any(), 9), r"must read pictures of one size; its output has"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def sized_any():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 3)(image))


# Retrieval


def test_ranks_and_recall_of_known_answers(rng):
    similarity = rng.normal(size=(40, 40))
    expected = [sorted(row, reverse=True).index(row[i]) + 1 for i, row in enumerate(similarity)]
    np.testing.assert_array_equal(ranks(similarity), expected)
    assert recall(ranks(np.eye(40)), 1) == 1
    assert recall(ranks(np.zeros((40, 40))), 10) == 0  # all alike: in the middle, not first
    with pytest.raises(ValueError, match=r"similarity must be \(N, N\); got \(2, 3\)"):
        ranks(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        ranks(np.full((2, 2), np.nan))


def test_the_interval_holds_the_mean_as_often_as_it_says(rng):
    holds = []
    for _ in range(300):
        low, high = bootstrap_interval(rng.random(60) < 0.3, repeats=300, confidence=0.9)
        holds.append(low <= 0.3 <= high)
    assert 0.82 < np.mean(holds) < 0.96


def test_values_that_depend_on_each_other_make_the_interval_wider(rng):
    values = np.repeat(rng.random(20) < 0.5, 10)
    low, high = bootstrap_interval(values)
    wide_low, wide_high = bootstrap_interval(values, groups=np.repeat(np.arange(20), 10))
    assert wide_high - wide_low > 2 * (high - low)
    with pytest.raises(ValueError, match="one group for each value"):
        bootstrap_interval(values, groups=[1, 2])


# Captions


@pytest.fixture(scope="module")
def captioner():
    keras.utils.set_random_seed(1)
    encoder = ViT((SIDE, SIDE, 3), patch_size=8, **SMALL)
    return Captioner(encoder, 30, dropout=0.0, max_sequence_length=7, **SMALL)


def test_a_caption_depends_on_the_picture_and_on_what_came_before_alone(captioner, rng):
    images = rng.random((2, SIDE, SIDE, 3)).astype("float32")
    ids = rng.integers(4, 30, (2, 6))
    logits = np.array(captioner((images, ids)))
    later = ids.copy()
    later[:, 4:] = 5
    np.testing.assert_allclose(captioner((images, later))[:, :4], logits[:, :4], atol=1e-5)
    assert np.abs(captioner((images[::-1].copy(), ids)) - logits).max() > 1e-4


def test_the_decoder_knows_where_in_the_picture_a_place_is(rng):
    """Also if the encoder, as this one, gives the same vector wherever a patch lies."""
    image = keras.Input((SIDE, SIDE, 3))
    encoder = keras.Model(image, keras.layers.Conv2D(16, 8, 8)(image))
    model = Captioner(encoder, 30, dropout=0.0, max_sequence_length=7, **SMALL)
    images = rng.random((1, SIDE, SIDE, 3)).astype("float32")
    moved, ids = np.roll(images, 8, axis=2), rng.integers(4, 30, (1, 6))
    assert np.abs(model((moved, ids)) - model((images, ids))).max() > 1e-4
    table = model.get_layer("encoder").get_layer("place_embedding").table
    table.assign(np.zeros(table.shape))
    np.testing.assert_allclose(model((moved, ids)), model((images, ids)), atol=1e-5)


def test_attention_weights_are_shares_of_what_a_word_may_look_at(captioner, rng):
    images = rng.random((2, SIDE, SIDE, 3)).astype("float32")
    ids = rng.integers(4, 30, (2, 6))
    weights = captioner.attention_weights((images, ids))
    assert {k: w.shape for k, w in weights.items()} == {
        "decoder": (2, 2, 2, 6, 6),
        "cross": (2, 2, 2, 6, 5),
    }
    for found in weights.values():
        np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    assert not np.triu(weights["decoder"], 1).any()
    first = captioner.get_layer("decoder1")
    memory, _ = captioner.get_layer("encoder")(images)
    y = captioner.get_layer("positions")(captioner.get_layer("embedding")(ids))
    y = y + first.attention(h := first.attention_norm(y), h, use_causal_mask=True)
    y = first.cross_attention_norm(y)
    _, used = first.cross_attention(y, memory, return_attention_scores=True)
    np.testing.assert_allclose(weights["cross"][0], used, atol=1e-5)


def test_step_by_step_it_writes_what_it_finds_most_probable(captioner, rng):
    images = rng.random((3, SIDE, SIDE, 3)).astype("float32")
    ids, scores = (np.array(x) for x in greedy(captioner, images, max_length=6))
    target = np.concatenate([np.full((3, 1), 2), ids[:, :-1]], axis=1)
    log_p = np.array(tf.nn.log_softmax(captioner((images, target))))
    log_p[..., [0, 2]] = -np.inf
    real = ids > 0
    np.testing.assert_array_equal(log_p.argmax(axis=-1)[real], ids[real])
    chosen = np.take_along_axis(log_p, ids[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(np.where(real, chosen, 0).sum(axis=1), scores, atol=1e-4)
    _, better = beam_search(captioner, images, max_length=6, beam_size=4)
    assert (np.array(better) >= scores - 1e-4).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, SIDE, SIDE, 3), "uint8"), "must be floating-point numbers of shape .*uint8"),
        (np.zeros((1, SIDE, 8, 3), "float32"), r"got float32 \(1, 16, 8, 3\)"),
        (np.array([[5, 6]]), "must be floating-point numbers"),
    ],
)
def test_pictures_of_another_kind_are_refused(captioner, images, message):
    with pytest.raises(ValueError, match=message):
        greedy(captioner, images, max_length=3)


# Learning


def test_clip_finds_pairs_of_shape_and_colour_that_it_never_saw(shapes):
    """In two languages: chance is one in nine, and nobody saw a picture or a name of these."""
    images, labels, asked_images, asked = shapes
    languages = np.random.default_rng(1).choice(["en", "zh"], len(labels))
    texts = [name(SEEN[i], spoken) for i, spoken in zip(labels, languages, strict=True)]
    image_encoder = CNN((SIDE, SIDE, 3), 32, filters=(16, 32, 32))
    text_encoder = TextEncoder(40, 32, 4, 1, dropout=0.0, max_sequence_length=3)
    model = CLIP(image_encoder, text_encoder, 16)
    model.compile(keras.optimizers.Adam(3e-3), ContrastiveLoss())
    model.fit((images, rows(texts, 3)), labels, batch_size=100, epochs=12, verbose=0)
    for spoken in ("en", "zh"):
        names = rows([name(pair, spoken) for pair in UNSEEN], 3)
        best = model.similarity(asked_images, names).argmax(axis=1)
        assert np.mean([UNSEEN[i] == pair for i, pair in zip(best, asked, strict=True)]) > 0.7


def test_captions_name_shapes_and_colours_better_than_the_nearest_picture(shapes, rng):
    images, labels, _, _ = shapes
    encoder = CNN((SIDE, SIDE, 3), 8, filters=(16, 32, 32))
    encoder = keras.Model(encoder.input, encoder.get_layer("relu3").output)  # a map of 4 x 4
    model = Captioner(encoder, 40, 32, 4, 1, dropout=0.0, max_sequence_length=4)
    targets = rows([[2, *name(SEEN[i], "en"), 3] for i in labels], 4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit((images, targets[:, :-1]), targets[:, 1:], batch_size=50, epochs=8, verbose=0)
    truth = rng.integers(len(SEEN), size=200)
    asked = pictures([SEEN[i] for i in truth], rng)
    expected = rows([[*name(SEEN[i], "en"), 3] for i in truth], 3)
    found = np.array(greedy(model, asked, max_length=3)[0])
    near = ((asked[:, None] - images[None, :300]) ** 2).sum(axis=(2, 3, 4)).argmin(axis=1)
    rival = np.mean([SEEN[labels[i]] == SEEN[t] for i, t in zip(near, truth, strict=True)])
    assert np.mean((found == expected).all(axis=1)) > max(0.8, rival + 0.2)


def beside(pair, rng) -> np.ndarray:
    """Two squares of different colours on white, one in each half."""
    picture = np.ones((SIDE, SIDE, 3), "float32")
    for half, colour in enumerate(pair):
        y, x = rng.integers(0, [SIDE - 5, SIDE // 2 - 5])
        x += half * SIDE // 2
        picture[y : y + 5, x : x + 5] = list(COLOURS.values())[colour]
    return picture


def test_captions_of_pairs_never_seen_come_from_where_each_thing_is():
    """The left colour, then the right one; nobody saw these two together, in either order."""
    rng = np.random.default_rng(0)
    pairs = [(a, b) for a in range(9) for b in range(9) if a != b]
    held_out = [pair for pair in pairs if sum(pair) % 4 == 0]
    seen = [pair for pair in pairs if pair not in held_out]
    shown, asked = (
        np.array(some)[rng.integers(len(some), size=n)]
        for some, n in ((seen, 1000), (held_out, 200))
    )
    images, asked_images = (np.stack([beside(p, rng) for p in some]) for some in (shown, asked))
    targets, expected = (
        np.pad(some + 4, ((0, 0), (1, 1)), constant_values=((0, 0), (2, 3)))
        for some in (shown, asked)
    )
    encoder = CNN((SIDE, SIDE, 3), 8, filters=(16, 32, 32))
    encoder = keras.Model(encoder.input, encoder.get_layer("relu3").output)  # a map of 4 x 4
    model = Captioner(encoder, 13, 32, 4, 1, dropout=0.0, max_sequence_length=4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit((images, targets[:, :-1]), targets[:, 1:], batch_size=25, epochs=8, verbose=0)

    found = np.array(greedy(model, asked_images, max_length=3)[0])
    assert np.mean((found == expected[:, 1:]).all(axis=1)) > 0.9
    near = [((images - asked) ** 2).sum(axis=(1, 2, 3)).argmin() for asked in asked_images]
    assert np.mean(targets[near, 1:3] == expected[:, 1:3]) < 0.5  # words, of the nearest picture

    cross = model.attention_weights((asked_images, expected[:, :-1]))["cross"]
    assert cross.shape == (1, 200, 4, 3, 16)
    left = cross[0].mean(axis=(0, 1)).reshape(3, 4, 4)[..., :2].sum(axis=(1, 2))
    assert left[0] > 0.8
    assert left[1] < 0.3


# The pictures and names of emoji


def test_emoji_that_are_nearly_the_same_are_in_one_split():
    splits = data.load("openmoji")
    families = {}
    for split, examples in splits.items():
        for example in examples.as_numpy_iterator():
            families.setdefault(example["family"].decode(), set()).add(split)
            assert example["image"].shape == (64, 64, 3)
            assert (example["image"] < 250).any()  # something is drawn
            assert example["name_en"]
            assert example["name_zh"]
    assert all(len(split) == 1 for split in families.values())
    assert len(families["clock"]) == 1
    assert set.union(*families.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    "names",
    [
        ["woman running", "man running", "person running facing right"],
        ["one o’clock", "one-thirty", "twelve-thirty"],
        ["red heart", "blue heart", "broken heart", "two hearts"],
        ["blue square", "large orange diamond", "red circle", "up arrow", "red triangle"],
        ["flag Canada", "flag England"],
        ["family man woman boy", "kiss woman man", "women holding hands"],
        ["locked", "unlocked", "locked with key"],
        ["green book", "closed book"],
        ["Aries", "Leo", "om", "menorah"],
        ["keycap 1", "TOP button", "atm button"],
    ],
)
def test_families_of_emoji(names):
    from aimodels.data.emoji import emoji_family

    assert len({emoji_family("", name) for name in names}) == 1
    assert emoji_family("", names[0]) != emoji_family("", "dog face")
    assert emoji_family("\U0001f1e8\U0001f1e6", "Canada") == "flag"
