"""What `benchmarks/emoji_scenes.py` counts, on examples whose answers are known."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.rests_on("aimodels", "benchmarks")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("emoji_scenes")


TRUTH = ["two cats above a car", "an owl below an apple", "a dog to the left of a tree"]
FOUND = ["two cats above a tree", "an owl below an apple", "two dogs below a tree"]
ASKED = {
    "en": [text.split() for text in TRUTH],
    "animal": np.array(["cat", "owl", "dog"]),
    "number": np.array([2, 1, 1]),
    "relation": np.array(["above", "below", "left"]),
    "thing": np.array(["car", "apple", "tree"]),
    "pair": np.array(["catcar", "owlapple", "dogtree"]),
}


def test_captions_are_judged_as_a_whole_by_words_and_by_what_they_say(benchmark):
    from sacrebleu.metrics import BLEU

    ours, nonsense = [text.split() for text in FOUND], [["above", "above"]] * 3
    found = benchmark.judged([ours], ASKED, "en")
    assert found["exact"]["mean"] == pytest.approx(1 / 3)
    assert found["word f1"]["mean"] == pytest.approx(np.mean([4 / 5, 1, 2 * 2 / 13]))
    for fact, share in {"animal": 1, "number": 2 / 3, "relation": 2 / 3, "thing": 2 / 3}.items():
        assert found[fact] == pytest.approx(share)
    assert (found["left or right"], found["above or below"]) == (0, 1)
    corpus = BLEU(tokenize="none").corpus_score(FOUND, [TRUTH]).score
    assert found["bleu"]["mean"] == pytest.approx(corpus)
    assert found["bleu"]["low"] < corpus < found["bleu"]["high"]
    both = benchmark.judged([ours, nonsense], ASKED, "en")
    assert both["exact"]["seeds"] == pytest.approx([1 / 3, 0])
    assert both["animal"] == 0.5


def test_a_picture_that_moved_is_near_by_moved_pixels_alone(benchmark):
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("uint8")
    moved = np.roll(image[:1], (8, -4), axis=(1, 2))
    moved[:, :8], moved[:, :, -4:] = image[:1, :1], image[:1, :, -1:]  # its own edge
    seen, asked = (benchmark.views({"image": some}) for some in (image, moved))
    found = benchmark.distances(asked, seen)
    assert found["pixels moved"][0, 0] < 0.3 * found["pixels moved"][0, 1]
    assert found["pixels"][0, 0] > 0.6 * found["pixels"][0, 1]
    assert found["colours"].shape == (1, 2)


def test_neighbours_vote_for_a_caption_or_for_its_facts(benchmark):
    facts = [
        ("cat", 2, "above", "car"),
        ("cat", 1, "left", "tree"),
        ("dog", 2, "left", "tree"),
        ("owl", 1, "above", "star"),
    ]
    train = {
        fact: np.array(column)
        for fact, column in zip(benchmark.FACTS, zip(*facts, strict=True), strict=True)
    }
    train["en"] = [benchmark.WRITTEN["en"][fact] for fact in facts]
    vocabulary = sorted({word for text in train["en"] for word in text})
    counts = np.array(
        [[text.count(word) for word in vocabulary] for text in train["en"]], "float32"
    )
    near = np.array([[0, 1, 2]])
    [voted] = benchmark.answered(near, train, counts, "en", "facts")
    assert " ".join(voted) == "two cats to the left of a tree"  # none of the three says this
    [told] = benchmark.answered(near, train, counts, "en", "captions")
    assert told == train["en"][2]  # "two" of the first, and nearly all of the second
    [first] = benchmark.answered(near[:, :1], train, counts, "en", "captions")
    assert first == train["en"][0]


def test_the_nearest_are_in_order(benchmark):
    near_by = {"a": np.array([[3.0, 1, 2, 9, 0]]), "b": np.array([[0.0, 0, 5, 0, 4]])}
    assert benchmark.nearest(near_by, ("a",), 3).tolist() == [[4, 1, 2]]
    assert benchmark.nearest(near_by, ("a", "b"), 3).tolist() == [[1, 0, 4]]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("group", ["new pairs", "known pairs"])
def test_recorded_captions_are_better_than_the_nearest_pictures(language, group):
    results = json.loads((BENCHMARKS / "results" / "emoji_scenes.json").read_text("utf-8"))
    found = results["figures"][language][group]
    for measure in ("exact", "word f1", "bleu"):
        ours, rival = (found[who][measure] for who in ("captioner", "nearest pictures"))
        assert ours["low"] > rival["high"]
    assert found["captioner"]["left or right"] > 0.95
