"""Word vectors: files and neighbours as gensim has them, damaged files named, marks as SciPy's."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import numpy as np
import pytest
from gensim.models import KeyedVectors
from scipy.stats import spearmanr

from aimodels.embeddings import (
    UnknownWordError,
    WordVectors,
    evaluate_analogies,
    evaluate_similarity,
)

pytestmark = pytest.mark.rests_on_code

WORDS = ["king", "Queen", "naïve", "王", "new\u00a0york", "x\u2028y", "12", "-"]


@pytest.fixture
def vectors(rng):
    return WordVectors(WORDS, rng.normal(size=(len(WORDS), 5)))


# Files


@pytest.mark.parametrize("name", ["v.npz", "v.bin", "v.txt", "v.vec"])
def test_reload_is_bit_equal(vectors, tmp_path, name):
    vectors.save(tmp_path / name)
    again = WordVectors.load(tmp_path / name)
    assert again.words == WORDS
    np.testing.assert_array_equal(again.vectors, vectors.vectors)


def test_glove_text_has_no_first_line(vectors, tmp_path):
    vectors.save(tmp_path / "glove.txt", format="glove")
    assert (tmp_path / "glove.txt").read_bytes().startswith(b"king ")
    again = WordVectors.load(tmp_path / "glove.txt")
    assert again.words == WORDS
    np.testing.assert_array_equal(again.vectors, vectors.vectors)


def test_npz_needs_no_pickle_and_keeps_spaces(tmp_path):
    WordVectors(["new york", "a "], [[1], [2]]).save(tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz", allow_pickle=False) as arrays:
        assert arrays["words"].dtype == np.uint8
    assert WordVectors.load(tmp_path / "v.npz").words == ["new york", "a "]
    np.savez(tmp_path / "u.npz", words=np.array(["a", "bc"]), vectors=np.eye(2))
    assert WordVectors.load(tmp_path / "u.npz").words == ["a", "bc"]


@pytest.mark.parametrize(
    ("name", "format"), [("v.bin", "binary"), ("v.txt", "text"), ("g.txt", "glove")]
)
def test_files_as_gensim_has_them(vectors, tmp_path, name, format):
    words = [w for w in WORDS if w.split() == [w]]  # gensim's text reader splits at any space
    ours = WordVectors(words, [vectors[w] for w in words])
    kind = {"binary": format == "binary"}
    ours.save(tmp_path / name, format)
    theirs = KeyedVectors.load_word2vec_format(tmp_path / name, no_header=format == "glove", **kind)
    assert theirs.index_to_key == words
    np.testing.assert_array_equal(theirs.vectors, ours.vectors)
    theirs.save_word2vec_format(tmp_path / name, write_header=format != "glove", **kind)
    again = WordVectors.load(tmp_path / name)
    assert again.words == words
    np.testing.assert_array_equal(again.vectors, ours.vectors)


def test_binary_with_line_breaks_as_word2vec_writes_it(tmp_path):
    row = np.array([1, 2], "<f4").tobytes()
    (tmp_path / "v.bin").write_bytes(b"2 2\na " + row + b"\nb " + row + b"\n")
    assert WordVectors.load(tmp_path / "v.bin").words == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", b"", "line 1"),
        ("v.txt", b"3 2\na 1 2\nb 3 4\n", "line 1 promises 3 words, but 2"),
        ("v.txt", b"2 2\na 1 2\nb 3\n", "line 3"),
        ("v.txt", b"a 1 2\nb 3 x\n", "line 2"),
        ("v.txt", b"a 1 2\nb 3 nan\n", "line 2"),
        (
            "v.txt",
            b"a 1 2\n\xff 3 4\n",
            "line 2: the word b'.xff' is not UTF-8; with errors='replace'",
        ),
        ("v.txt", b"a 1 2\nb 3 4\nc 5\n", "line 3: expected a word and 2 numbers, not 1"),
        ("v.txt", b"a 1 2\nb 3 4\nc 5 6 7\n", "line 3: expected a word and 2 numbers, not 3"),
        ("v.txt", b"2 2\na 1 2 3\nb 3 4\n", "line 2: expected a word and 2 numbers, not 3"),
        ("v.txt", b"2 2\na 1\nb 3 4\n", "line 2: expected a word and 2 numbers, not 1"),
        ("v.txt", b"2 2\na 1 inf\nb 3 4\n", "line 2: expected a word and 2 finite numbers"),
        ("v.txt", b"2 2\na 1 1e99\nb 3 4\n", "line 2: expected a word and 2 finite numbers"),
        ("v.txt", b"1 2\na 1 2\nb 3 4\n", "line 1 promises 1 words, but 2"),
        ("v.txt", b"a 1 2\n\n 3 4\n", "line 3"),
        ("v.txt", b"<!DOCTYPE html>\n", "it is a web page, not the file"),
        ("v.txt", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("v.bin", pickle.dumps({"a": 1}), "a pickle, which can run any program"),
        ("v.model", pickle.dumps({"a": 1}, protocol=2), "a pickle, which can run any program"),
        ("v.bin", b"\xba\x16\x4f\x2f\x0c\x00", "fastText's own model, .* take its .vec file"),
        ("v.txt", b"2 2\ra 1 2\rb 3 4\r", "line 1: a line must end in"),
        ("v.bin", b"1 99999999999\na 12345678", "cut off at word 1 of 1"),
        ("v.bin", b"1 2\na 12345678b 12345678", "line 1 promises 1 words, but more"),
        ("v.npy", b"\x93NUMPY\x01\x00", "an array without words"),
        (
            "v.txt.gz",
            gzip.compress(b"2 2\na 1 2\nb 3 4\n", mtime=0)[:-12],
            "damaged or cut off, so it cannot",
        ),
        ("v.txt.bz2", b"BZh9 no bzip2", "damaged or cut off, so it cannot"),
        ("v.txt.gz", gzip.compress(b"", mtime=0), "line 1: nothing is there"),
        ("v.zip", b"PK\x03\x04 glove", "another zip archive must be unpacked first"),
        ("v.txt", b"1 0\na\n", "line 2"),
        ("v.bin", b"no header", "line 1"),
        ("v.bin", b"2 2\na 12345678b 1234", "cut off at word 2 of 2"),
        ("v.bin", b"2 2\na 12345678", "cut off at word 2 of 2"),
        ("v.bin", b"999999999999 2\na 12345678", "cut off at word 2"),
        ("v.bin", b"-1 2\n", "line 1"),
        ("v.npz", b"PK no zip", "no intact npz"),
        ("v.npz", b"", "no intact npz"),
    ],
)
def test_damaged_file_says_where(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        WordVectors.load(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


PLAIN = b"2 2\na 1 2\nb 3 4\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.txt", b"\xef\xbb\xbf" + PLAIN),
        ("v.txt", b"\xef\xbb\xbfa 1 2\nb 3 4\n"),
        ("v.txt", PLAIN.replace(b"\n", b"\r\n")),
        ("v.txt", b"a\t1\t2\nb\t3\t4\n"),
        ("v.txt", b"2\t2\na\t1\t2\nb\t3\t4\n"),
        ("v.vec", b"2 2 \na 1 2 \nb 3 4 \n"),
        ("v.txt", b"2  2\na  1  2\nb   3 4\n"),
        ("v.txt", b"\n2 2\na 1 2\nb 3 4\n".lstrip(b"\n") + b"\n"),
        ("v.txt", b"2 2\n\na 1 2\n \nb 3 4\n\n\n"),
        ("v.txt", b"a 1 2\n\nb 3 4"),
        ("v.txt", b"a 1e0 +2\nb 3.0 .4E1\n"),
        ("v.bin", PLAIN),
        ("v.bin", b"a 1 2\nb 3 4\n"),
        ("v", PLAIN),
        ("v.vec.gz", gzip.compress(PLAIN, mtime=0)),
        ("v.bz2", bz2.compress(PLAIN)),
        ("v.txt.xz", lzma.compress(PLAIN)),
        ("v.txt", gzip.compress(PLAIN, mtime=0)),  # its content says what it is, not its name
    ],
)
def test_forms_of_the_same_vectors(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    vectors = WordVectors.load(tmp_path / name)
    assert vectors.words == ["a", "b"]
    np.testing.assert_array_equal(vectors.vectors, [[1, 2], [3, 4]])


@pytest.mark.parametrize("name", ["v.txt", "v.bin.gz", "v"])
def test_binary_vectors_under_another_name(vectors, tmp_path, name):
    vectors.save(tmp_path / "v.bin")
    content = (tmp_path / "v.bin").read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    again = WordVectors.load(tmp_path / name)
    assert again.words == WORDS
    np.testing.assert_array_equal(again.vectors, vectors.vectors)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (". . . 0.4 0.5 0.6\nthe 0.1 0.2 0.3\n", [". . .", "the"]),
        ("the 0.1 0.2 0.3\nat name@domain.com 0.4 0.5 0.6\n", ["the", "at name@domain.com"]),
        ("7 0.1 0.2 0.3\n8 0.4 0.5 0.6\n", ["7", "8"]),
        (
            "new\u00a0york 1 2 3\nx\u2028y 1 2 3\n\x85 1 2 3\n",
            ["new\u00a0york", "x\u2028y", "\x85"],
        ),
        ("1 2 3\na 1 2\n", ["1", "a"]),
    ],
)
def test_words_that_hold_spaces_or_are_numbers(tmp_path, content, words):
    (tmp_path / "v.txt").write_text(content, encoding="utf-8")
    assert WordVectors.load(tmp_path / "v.txt").words == words


def test_of_a_repeated_word_the_first_vector_is_kept(tmp_path):
    row = np.array([1, 2], "<f4").tobytes(), np.array([3, 4], "<f4").tobytes()
    (tmp_path / "v.txt").write_bytes(b"4 2\na 1 2\nb 3 4\na 5 6\nb 7 8\n")
    (tmp_path / "g.txt").write_bytes(b"a 1 2\nb 3 4\na 5 6\n")
    (tmp_path / "v.bin").write_bytes(b"3 2\na " + row[0] + b"b " + row[1] + b"a " + row[1])
    np.savez(tmp_path / "v.npz", words=np.array(["a", "b", "a"]), vectors=[[1, 2], [3, 4], [5, 6]])
    for name in ("v.txt", "g.txt", "v.bin", "v.npz"):
        with pytest.warns(UserWarning, match="more than once, such as 'a'; the first") as caught:
            vectors = WordVectors.load(tmp_path / name)
        assert len(caught) == 1
        assert vectors.words == ["a", "b"]
        np.testing.assert_array_equal(vectors.vectors, [[1, 2], [3, 4]])


def test_words_that_are_not_utf_8(tmp_path):
    row = np.array([1, 2], "<f4").tobytes()
    (tmp_path / "v.txt").write_bytes(b"2 2\n\xba\xff 1 2\nb 3 4\n")
    (tmp_path / "v.bin").write_bytes(b"2 2\na " + row + b"\xba\xff " + row)
    for name, where, others in (("v.txt", "line 2", ["b"]), ("v.bin", "word 2", ["a"])):
        with pytest.raises(ValueError, match=f"{where}: the word .* is not UTF-8; with errors="):
            WordVectors.load(tmp_path / name)
        words = WordVectors.load(tmp_path / name, errors="replace").words
        assert sorted(words) == [*others, "\ufffd\ufffd"]


def test_a_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "glove.6B.zip").touch()
    with pytest.raises(FileNotFoundError, match=r"its folder holds glove\.6B\.zip"):
        WordVectors.load(tmp_path / "glove.txt")


def test_npz_with_a_pickle_or_without_words_is_refused(tmp_path):
    np.savez(tmp_path / "p.npz", words=np.array([{"a": 1}], object), vectors=np.eye(1))
    np.savez(tmp_path / "w.npz", vectors=np.eye(1))
    for name in ("p.npz", "w.npz"):
        with pytest.raises(ValueError, match="no intact npz"):
            WordVectors.load(tmp_path / name)


def test_flipped_byte_in_npz_is_found(vectors, tmp_path):
    vectors.save(tmp_path / "v.npz")
    content = bytearray((tmp_path / "v.npz").read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo("vectors.npy").header_offset
    content[start + 220] ^= 1
    (tmp_path / "v.npz").write_bytes(content)
    with pytest.raises(ValueError, match="no intact npz"):
        WordVectors.load(tmp_path / "v.npz")


def test_words_a_format_cannot_hold(tmp_path):
    for word, format in (
        ("a b", "text"),
        ("a\tb", "glove"),
        ("a b", "binary"),
        ("a\nb", "npz"),
        ("", "glove"),
    ):
        with pytest.raises(ValueError, match=f"cannot be written as {format}"):
            WordVectors([word], [[1]]).save(tmp_path / "v", format)
    with pytest.raises(ValueError, match='"npz", "binary"'):
        WordVectors(["a"], [[1]]).save(tmp_path / "v", "pickle")
    assert not (tmp_path / "v").exists()


# Looking up


def test_unknown_word_names_near_spellings():
    vectors = WordVectors(["king", "kind", "tree"], np.eye(3))
    with pytest.raises(UnknownWordError, match=r"^no vector for 'kin'; near spellings: .*'king'"):
        vectors["kin"]
    with pytest.raises(KeyError, match="no near spelling"):
        vectors.analogy("king", "tree", "zzzz")


@pytest.mark.parametrize(
    ("words", "array", "message"),
    [
        (["a", "b"], np.ones((3, 2)), r"2 words need vectors of shape \(2, embedding_dim\)"),
        (["a"], np.ones(1), "shape"),
        (["a", "b", "a"], np.ones((3, 2)), "'a' occurs twice"),
        (["a", "b"], [[1, 2], [3, np.inf]], "'b' is not finite"),
    ],
)
def test_wrong_vectors(words, array, message):
    with pytest.raises(ValueError, match=message):
        WordVectors(words, array)


def test_neighbours_are_gensims(rng):
    words = [f"w{i}" for i in range(200)]
    ours, theirs = WordVectors(words, rng.normal(size=(200, 10))), KeyedVectors(10)
    theirs.add_vectors(words, ours.vectors)
    for a, b, c in rng.choice(words, (20, 3), replace=False):
        pairs = [
            (ours.nearest(a, k=7), theirs.most_similar(a, topn=7)),
            (ours.nearest(ours[a], k=7), theirs.similar_by_vector(ours[a], topn=7)),
            (ours.analogy(a, b, c, k=7), theirs.most_similar([b, c], [a], topn=7)),
        ]
        for mine, reference in pairs:
            assert [w for w, _ in mine] == [w for w, _ in reference]
            np.testing.assert_allclose(
                [s for _, s in mine], [s for _, s in reference], rtol=0, atol=1e-6
            )
        assert ours.similarity(a, b) == pytest.approx(theirs.similarity(a, b), abs=1e-6)


def test_nearest_takes_no_more_than_there_are(vectors):
    assert len(vectors.nearest("king", k=100)) == len(WORDS) - 1
    with pytest.raises(ValueError, match="k must be an integer >= 1"):
        vectors.nearest("king", k=0)
    with pytest.raises(ValueError, match=r"shape \(5,\)"):
        vectors.nearest(np.zeros(4))


def test_what_a_lookup_gives_is_a_copy(vectors):
    before = vectors["king"]
    vectors["king"][:] = 0
    np.testing.assert_array_equal(vectors["king"], before)


# Evaluation


def test_spearman_is_scipys_with_ties(rng):
    words = [f"w{i}" for i in range(30)]
    vectors = WordVectors(words, rng.integers(-2, 3, size=(30, 2)) + 0.5)
    pairs = [(*rng.choice(words, 2), int(rng.integers(5))) for _ in range(60)]
    result = evaluate_similarity(vectors, [*pairs, ("w1", "gone", 3), ("gone", "no", 1)])
    reference = spearmanr([vectors.similarity(a, b) for a, b, _ in pairs], [s for *_, s in pairs])
    assert result["spearman"] == pytest.approx(reference.statistic, abs=1e-6)
    assert (result["pairs"], result["unknown"]) == (60, 2)
    assert np.isnan(evaluate_similarity(vectors, [("a", "b", 1)])["spearman"])


def test_analogies_count_as_analogy_answers(rng):
    words = [f"w{i}" for i in range(40)]
    vectors = WordVectors(words, rng.normal(size=(40, 3)))
    asked = [rng.choice(words, 4, replace=False).tolist() for _ in range(600)]
    asked[::2] = [[a, b, c, vectors.analogy(a, b, c)[0][0]] for a, b, c, _ in asked[::2]]
    right = sum(vectors.analogy(a, b, c)[0][0] == d for a, b, c, d in asked)
    result = evaluate_analogies(vectors, [*asked, ["W1", "w2", "w3", "gone"]])
    assert result == {"accuracy": right / 600, "questions": 600, "unknown": 1}
