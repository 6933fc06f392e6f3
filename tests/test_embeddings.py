"""Training word vectors: the steps equal the formulas pair by pair, and find planted classes."""

import gensim.models.fasttext as gensim_fasttext
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close

from aimodels import embeddings
from aimodels.embeddings import CBOW, FastText, GloVe, SkipGram, WordVectors, trainer

pytestmark = pytest.mark.rests_on_code
STRETCH = trainer.STRETCH
MODELS = [SkipGram, CBOW, FastText, GloVe]


STEMS = [
    ["bima", "korut"],
    ["ledos", "wapi"],
    ["nuxo", "gefyl"],
    ["rativ", "jooq"],
    ["hasd", "munce"],
]


@pytest.fixture(scope="module")
def planted():
    """Sentences of one class each (5 classes of 2 stems, each with 4 endings), and common words."""
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(1500):
        stems = STEMS[rng.integers(5)]
        own = [f"{stems[rng.integers(2)]}{rng.integers(4)}" for _ in range(5)]
        sentences.append([*own, *(f"of{i}" for i in rng.integers(8, size=5))])
    return [rng.permutation(sentence).tolist() for sentence in sentences]


def agreement(vectors, ending=range(4)):
    """How often the two nearest words that are spelt otherwise are of the same class."""
    right = []
    for first, second in STEMS + [stems[::-1] for stems in STEMS]:
        others = [
            f"{stem}{i}" for stems in STEMS for stem in stems for i in range(4) if stem != first
        ]
        candidates = WordVectors(others, [vectors[w] for w in others])
        for i in ending:
            near = candidates.nearest(vectors[f"{first}{i}"], k=2)
            right += [word.startswith(second) for word, _ in near]
    return np.mean(right)


def small(kind, **kwargs):
    """A model for a corpus of few words."""
    defaults = {"embedding_dim": 16, "window": 3, "min_count": 1, "batch_size": 64}
    if kind is FastText:
        defaults["buckets"] = 500
    if kind is not GloVe:
        defaults["subsample"] = 0
    return kind(**defaults | kwargs)


# The objectives, pair by pair


def reference_step(kind, x, y, words, sentence, radius, noise, window, negative):
    """Loss and gradients of both tables as the paper has them: one pair after the other."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    loss, pairs, dx, dy = 0.0, 0, np.zeros_like(x), np.zeros_like(y)
    for row in range(len(words)):
        for i in range(STRETCH):
            centre = i + window
            context = [
                j
                for j in range(centre - radius[row, i], centre + radius[row, i] + 1)
                if j != centre and sentence[row, j] == sentence[row, centre]
            ]
            if kind is SkipGram:
                examples = [([words[row, centre]], words[row, j]) for j in context]
            else:
                examples = [([words[row, j] for j in context], words[row, centre])]
            for inputs, target in examples if context else []:
                pairs += 1
                h = np.mean([x[k] for k in inputs], 0)
                outputs = [(target, 1, 1.0)]
                outputs += [(n, 0, negative / noise.shape[1]) for n in noise[row]]
                for output, label, weight in outputs:
                    p = sigmoid(h @ y[output])
                    loss -= weight * np.log(p if label else 1 - p)
                    for k in inputs:
                        dx[k] += weight * (p - label) * y[output] / len(inputs)
                    dy[output] += weight * (p - label) * h
    return loss / pairs, dx, dy


@pytest.mark.parametrize("kind", [SkipGram, CBOW])
def test_step_is_the_papers_formula(rng, kind):
    model = small(kind, embedding_dim=6, negative=4, learning_rate=0.1, seed=1)
    model.count([rng.choice(list("abcdefghijkl"), rng.integers(1, 9)).tolist() for _ in range(30)])
    model.build()
    model.x.assign(rng.normal(size=model.x.shape))
    model.y.assign(rng.normal(size=model.y.shape))
    x, y = model.x.numpy().astype(float), model.y.numpy().astype(float)
    (*_, block), *others = model.blocks()
    assert not others
    loss, dx, dy = reference_step(kind, x, y, *block, model.window, model.negative)
    assert model.step(*block, progress=0.5).numpy() == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(model.x.numpy(), x - 0.05 * dx, rtol=0, atol=2e-5)
    np.testing.assert_allclose(model.y.numpy(), y - 0.05 * dy, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", [SkipGram, CBOW])
def test_gradients_are_finite_differences(rng, kind):
    model = kind(window=2, negative=3)
    n, margin = 4, 8
    shapes = [(2, n, 5), (2, margin, 5)] if kind is SkipGram else [(2, margin, 5), (2, n, 5)]
    arrays = [rng.normal(size=shape) for shape in [*shapes, (2, 6, 5)]]
    pairs = rng.integers(2, size=(2, n, margin)).astype(float)
    pairs[0, 1] = 0  # a centre alone
    number = pairs.sum() if kind is SkipGram else (pairs.sum(2) > 0).sum()
    _, *gradients = model.loss_and_gradients(*map(tf.constant, arrays), tf.constant(pairs))
    check_gradients(lambda *a: model.loss_and_gradients(*a, pairs)[0] * number, arrays, gradients)


def check_gradients(function, arrays, gradients, step=1e-6):
    """Central differences along random directions, in float64."""
    rng = np.random.default_rng(1)
    for i, gradient in enumerate(gradients):
        for _ in range(3):
            way = rng.normal(size=arrays[i].shape)
            ends = [
                function(*[tf.constant(a + s * way if i == k else a) for k, a in enumerate(arrays)])
                for s in (step, -step)
            ]
            slope = float(ends[0] - ends[1]) / (2 * step)
            assert float(np.sum(gradient * way)) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_gloves_gradients_are_finite_differences(rng):
    model = GloVe(x_max=10)
    arrays, x = [rng.normal(size=(7, 5)) for _ in range(2)], rng.uniform(0.5, 20, 7)
    _, du, dv = model.loss_and_gradients(*map(tf.constant, arrays), tf.constant(x))
    check_gradients(lambda u, v: model.loss_and_gradients(u, v, x)[0] * 7 / 2, arrays, [du, dv])


def test_gloves_loss_is_the_papers(rng):
    model = GloVe(x_max=10)
    u, v, x = rng.normal(size=(9, 5)), rng.normal(size=(9, 5)), rng.uniform(0.5, 20, 9)
    expected = 0
    for a, b, meetings in zip(u, v, x, strict=True):
        error = a[:4] @ b[:4] + a[4] + b[4] - np.log(meetings)
        expected += min(1, (meetings / 10) ** 0.75) * error**2 / 9
    loss = model.loss_and_gradients(*map(tf.constant, (u, v, x)))[0]
    assert float(loss) == pytest.approx(expected)


@pytest.mark.parametrize("block", [3, 17, 1000])
def test_cooccurrences_count_each_meeting(rng, block):
    line, sentence = rng.integers(6, size=100), np.sort(rng.integers(20, size=100))
    expected = np.zeros((6, 6))
    for i in range(100):
        for j in range(100):
            if i != j and abs(i - j) <= 4 and sentence[i] == sentence[j]:
                expected[line[i], line[j]] += 1 / abs(i - j)
    keys, sums = embeddings.cooccurrences(line, sentence, 6, window=4, block=block)
    np.testing.assert_allclose(sums, expected.ravel()[keys], rtol=1e-6)
    assert np.all(np.diff(keys) > 0)
    assert len(keys) == np.count_nonzero(expected)


# What is drawn


def test_noise_follows_counts_to_three_quarters():
    model = SkipGram(min_count=1, subsample=0)
    model.count([["a"] * 8000 + ["b"] * 4000 + ["c"] * 500] * 4)
    drawn = np.concatenate([block[3].ravel() for *_, block in model.blocks()])
    expected = np.array([8000, 4000, 500]) ** 0.75
    np.testing.assert_allclose(
        np.bincount(drawn) / len(drawn), expected / expected.sum(), rtol=0, atol=0.01
    )


def test_subsampling_keeps_the_share_it_says():
    model = SkipGram(min_count=1, subsample=0.01)
    model.count([(["a"] * 90 + ["b"] * 10) * 500])
    words = np.concatenate([b[0][:, 5:-5][b[1][:, 5:-5] >= 0] for *_, b in model.blocks()])
    for word, frequency in ((0, 0.9), (1, 0.1)):
        share = np.sqrt(0.01 / frequency) + 0.01 / frequency
        assert np.mean(words == word) * len(words) / (50_000 * frequency) == pytest.approx(
            share, rel=0.05
        )


def test_every_word_is_a_centre_once(rng, monkeypatch):
    monkeypatch.setattr("aimodels.embeddings.word2vec.BLOCK", 70)
    model = small(SkipGram)
    model.count([rng.choice(list("abcdefgh"), 9).tolist() for _ in range(33)])
    blocks = list(model.blocks())
    centres = np.concatenate([b[0][:, 3:-3][b[1][:, 3:-3] >= 0] for *_, b in blocks])
    np.testing.assert_array_equal(np.bincount(centres), model.counts)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == 1
    assert len(blocks) == 5


def test_windows_are_as_long_as_drawn_and_stay_in_the_sentence():
    model = small(SkipGram, window=2)
    sentence = np.repeat(np.arange(9), 4)[None].astype(np.int32)
    radius = np.tile([1, 2], STRETCH // 2)[None].astype(np.int32)
    pairs = model.pairs(sentence, radius).numpy()[0]
    assert pairs[2].tolist() == [0, 0, 0, 0, 0, 1] + [0] * 30  # third centre starts a sentence
    assert pairs[3].tolist() == [0, 0, 0, 0, 1, 0, 1, 1] + [0] * 28


# Training


@pytest.mark.parametrize("kind", MODELS)
def test_planted_classes_are_found(planted, kind):
    more = {"learning_rate": 0.1} if kind is GloVe else {}
    model = small(kind, **more)
    model.count(planted)
    model.build()
    assert agreement(model.vectors) < 0.4  # chance: 4 of 36
    model.train(10)
    assert agreement(model.vectors) >= 0.9
    assert model.losses[-10:].mean() < 0.95 * model.losses[0]


@pytest.mark.parametrize("kind", [SkipGram, CBOW, FastText])
def test_loss_starts_at_chance(planted, kind):
    model = small(kind, negative=7).fit(planted[:50], epochs=1)
    assert model.losses[0] == pytest.approx(8 * np.log(2), abs=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_seed_decides_and_xla_changes_nothing(planted, kind):
    one, same, other, compiled = (
        small(kind, **kwargs).fit(planted[:60], epochs=2).vectors.vectors
        for kwargs in ({"seed": 1}, {"seed": 1}, {"seed": 2}, {"seed": 1, "jit_compile": True})
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3
    assert_close(compiled, one, sums=60 * 2)


def test_fit_begins_anew_and_train_goes_on(planted):
    model = small(SkipGram).fit(planted[:60], epochs=2)
    first = len(model.losses)
    assert len(model.train(1).losses) == 1.5 * first
    assert len(model.fit(planted[:60], epochs=2).losses) == first


def test_trained_vectors_reload_bit_equal(planted, tmp_path):
    vectors = small(SkipGram).fit(planted[:60], epochs=1).vectors
    vectors.save(tmp_path / "v.npz")
    np.testing.assert_array_equal(WordVectors.load(tmp_path / "v.npz").vectors, vectors.vectors)


def test_rare_words_go_and_the_frequent_come_first():
    sentences = (["c", "a", "a", "b", "b", "b"][:n] for n in (6, 6, 2))
    model = SkipGram(min_count=4)
    model.count(sentences)
    assert model.words == ["b", "a"]
    assert model.counts.tolist() == [6, 5]
    assert model.line.tolist() == [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    assert model.sentence.tolist() == [0] * 5 + [1] * 5 + [2]


# FastText


@pytest.mark.parametrize("word", ["where", "naïve", "王", "", "aaaa"])
def test_pieces_are_gensims(word):
    reference = gensim_fasttext.ft_ngram_hashes(word, 3, 6, 1000)
    assert sorted(FastText(buckets=1000).pieces(word)) == sorted(reference)


def test_vector_is_made_of_the_pieces(planted):
    model = small(FastText).fit(planted[:60], epochs=1)
    word, table = model.words[3], model.x.numpy()
    rows = [*model.pieces(word), model.buckets + 3]
    expected = table[rows].sum(0) / np.sqrt(len(rows))
    assert_close(model.vectors[word], expected, len(rows))
    new = model.vectors["bimanew"]
    rows = model.pieces("bimanew")
    assert_close(new, table[rows].sum(0) / np.sqrt(len(rows)), len(rows))
    assert not model.vectors[""].any()
    assert "bimanew" not in model.vectors


def test_update_is_the_gradient_of_look_up(planted, rng):
    model = small(FastText)
    model.count(planted[:20])
    model.build()
    ids = rng.integers(len(model.words), size=(3, 4))
    change = tf.constant(rng.normal(size=(3, 4, model.embedding_dim)), tf.float32)
    before = model.x.numpy()
    with tf.GradientTape() as tape:
        product = tf.reduce_sum(model.look_up(ids) * change)
    gradient = tf.convert_to_tensor(tape.gradient(product, model.x))
    model.update(ids, change)
    assert_close(before + gradient, model.x, sums=ids.size)


def test_unseen_word_lies_near_its_class(planted):
    model = small(FastText)
    model.count(planted)
    model.build()
    assert agreement(model.vectors, ending=["new"]) < 0.4
    assert agreement(model.train(10).vectors, ending=["new"]) >= 0.9


# Wrong arguments


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (SkipGram, {"embedding_dim": 0}, "embedding_dim must be an integer >= 1"),
        (SkipGram, {"window": 1.5}, "window must be"),
        (CBOW, {"negative": 0}, "negative must be"),
        (SkipGram, {"subsample": -1}, "subsample must be"),
        (SkipGram, {"learning_rate": 0}, "learning_rate must be"),
        (GloVe, {"x_max": 0}, "x_max must be"),
        (GloVe, {"batch_size": 0}, "batch_size must be"),
        (FastText, {"min_n": 4, "max_n": 3}, "min_n <= max_n"),
    ],
)
def test_wrong_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_wrong_corpus():
    with pytest.raises(TypeError, match="list of words, not a string: 'a b'"):
        SkipGram().fit(["a b"])
    with pytest.raises(ValueError, match="0 of 2 words occur min_count=5 times"):
        SkipGram().fit([["a", "b"]])
    with pytest.raises(ValueError, match="0 of 0 words"):
        GloVe().fit([])
    with pytest.raises(ValueError, match=r"call fit\(sentences\) first"):
        GloVe().vectors.nearest("a")
    with pytest.raises(ValueError, match="epochs must be"):
        SkipGram(min_count=1).fit([["a", "b"]], epochs=0)
