"""Decoders find the best label among all, with a language model and without; error rates."""

import itertools
import json
import subprocess
import sys

import jiwer
import numpy as np
import pytest

from aimodels import metrics
from aimodels.speech import CharacterLM, collapse, forward_backward, greedy, prefix_beam_search
from aimodels.speech.alphabet import decode, encode

pytestmark = pytest.mark.rests_on("aimodels")

FRAMES, SYMBOLS = 4, 3
ALL_LABELS = sorted(
    {tuple(collapse(path)) for path in itertools.product(range(SYMBOLS + 1), repeat=FRAMES)}
)
WORDS = ["abca", "abc", "bca", "cab", "abab", "ca", "abcabc"]


def log_p_of_labels(logits):
    """Of every label there is, by the forward algorithm, which is tested with all paths."""
    losses = [forward_backward([label], logits[None])[0][0] for label in ALL_LABELS]
    return dict(zip(ALL_LABELS, -np.array(losses), strict=True))


@pytest.mark.parametrize("language_model", [None, CharacterLM(WORDS, "abc", 3)], ids=["no", "LM"])
def test_prefix_beam_search_is_the_table_of_all_labels(rng, language_model):
    """A beam that holds everything: each label with its score, in order."""
    weight, bonus = 0.7, 0.3
    for _ in range(5):
        logits = 2 * rng.normal(size=(FRAMES, SYMBOLS + 1))
        expected = {}
        for label, log_p in log_p_of_labels(logits).items():
            prior = 0.0
            if language_model is not None:
                prior = weight * language_model.log_probability(decode([label], "abc")[0])
            if np.isfinite(log_p):
                expected[label] = log_p + prior + bonus * len(label)
        [found] = prefix_beam_search(
            logits[None],
            beam_size=1000,
            language_model=language_model,
            weight=weight,
            length_bonus=bonus,
        )
        assert {tuple(label) for label, _ in found} == expected.keys()
        for label, score in found:
            assert score == pytest.approx(expected[tuple(label)])
        assert found == sorted(found, key=lambda pair: -pair[1])


def test_the_best_label_is_not_the_best_path(rng):
    logits = np.log([[[0.6, 0.4], [0.6, 0.4]]])
    assert greedy(logits) == [[]]
    assert prefix_beam_search(logits)[0][0][0] == [1]
    better = worse = 0
    for _ in range(50):
        logits = rng.normal(size=(1, FRAMES, SYMBOLS + 1))
        table = log_p_of_labels(logits[0])
        path = table[tuple(greedy(logits)[0])]
        beam = table[tuple(prefix_beam_search(logits, beam_size=4)[0][0][0])]
        better, worse = better + (beam > path + 1e-9), worse + (beam < path - 1e-9)
    assert better > worse


def test_a_language_model_decides_between_what_sounds_alike():
    """The last sound may be b or c, b a little more likely; "abc" has been read, "abb" has not."""
    p = np.full((5, 4), 0.01)
    for frame, symbol in enumerate([1, 0, 2, 0]):
        p[frame, symbol] = 0.97
    p[4] = [0.01, 0.01, 0.5, 0.48]
    [[(alone, _), *_]] = prefix_beam_search(np.log(p)[None])
    model = CharacterLM(WORDS, "abc", 3)
    [[(read, _), *_]] = prefix_beam_search(np.log(p)[None], language_model=model)
    assert decode([alone, read], "abc") == ["abb", "abc"]
    [[(ignored, _), *_]] = prefix_beam_search(np.log(p)[None], language_model=model, weight=0)
    assert ignored == alone


def test_the_bonus_decides_the_length():
    logits = np.log([[[0.6, 0.4], [0.98, 0.02], [0.6, 0.4]]])
    lengths = [len(prefix_beam_search(logits, length_bonus=bonus)[0][0][0]) for bonus in (-9, 0, 9)]
    assert lengths[0] == 0
    assert lengths[2] == 2


@pytest.mark.parametrize("decoder", [greedy, prefix_beam_search])
def test_frames_beyond_the_lengths_are_not_read(rng, decoder):
    logits = 3 * rng.normal(size=(3, 9, 4))
    lengths = [9, 4, 0]
    expected = [decoder(logits[i : i + 1, :n])[0] for i, n in enumerate(lengths)]
    assert decoder(logits, lengths) == expected
    assert decoder(np.pad(logits, [(0, 0), (0, 3), (0, 0)]), lengths) == expected
    assert expected[2] == ([] if decoder is greedy else [([], 0.0)])
    assert decoder(logits) != expected


def test_collapse():
    assert collapse([]) == []
    assert collapse([0, 0]) == []
    assert collapse([1, 1, 0, 1, 2, 2, 0, 0, 2]) == [1, 1, 2, 2]


# The language model


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_probabilities_sum_to_one_and_none_is_zero(order):
    model = CharacterLM(WORDS, "abcdé", order)
    for history in ([], [1], [1, 2, 3], [4, 5], [5] * 20):
        p = np.exp(model.log_probabilities(history))
        assert p.sum() == pytest.approx(1)
        assert p.min() > 0
    texts = ["".join(text) for n in range(4) for text in itertools.product("abcdé", repeat=n)]
    total = sum(np.exp(model.log_probability(text)) for text in texts)
    assert 0.1 < total < 1  # longer ones have the rest


def test_bigrams_by_hand():
    """After "a" of "ab", "aa", "b": b once, a once, the end once; T = 3, N = 3."""
    model = CharacterLM(["ab", "aa", "b"], "ab", order=2)
    # All characters and ends: a three times, b twice, the end three times; T = 3, N = 8.
    single = (np.array([3, 3, 2]) + 3 * 1 / 3) / (8 + 3)
    expected = (np.array([1, 1, 1]) + 3 * single) / (3 + 3)
    np.testing.assert_allclose(np.exp(model.log_probabilities([1])), expected)
    np.testing.assert_allclose(np.exp(model.log_probabilities([2, 1])), expected)


def test_a_longer_history_knows_more(rng):
    """A language in which each character follows from the two before it, with some noise."""
    table = rng.integers(0, 6, (6, 6))
    texts = []
    for _ in range(300):
        text = [*rng.integers(0, 6, 2)]
        for _ in range(10):
            random = rng.random() < 0.2
            text.append(rng.integers(0, 6) if random else table[text[-2], text[-1]])
        texts.append("".join("abcdef"[number] for number in text))
    perplexities = [
        CharacterLM(texts[:200], "abcdef", order).perplexity(texts[200:]) for order in (1, 2, 3)
    ]
    assert perplexities[0] > 1.2 * perplexities[1] > 1.4 * perplexities[2]
    assert perplexities[0] < 7


READ = """
import sys
from aimodels.speech import CharacterLM

model = CharacterLM.load(sys.argv[1])
print([model.log_probability(text) for text in ("", "ab", "caé", "bcabcabca")])
assert "tensorflow" not in sys.modules
"""


@pytest.mark.parametrize("order", [1, 2, 5])
def test_a_saved_language_model_is_the_same_in_a_new_process(order, tmp_path):
    model, path = CharacterLM([*WORDS, ""], "abcdé", order), tmp_path / "new" / "lm.json"
    model.save(path)
    assert json.loads(path.read_text(encoding="utf-8"))["alphabet"] == "abcdé"
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = [model.log_probability(text) for text in ("", "ab", "caé", "bcabcabca")]
    assert json.loads(done.stdout) == expected


SAVED = {"alphabet": "ab", "order": 2, "counts": [[0, 1, 3], [1, 2, 2], [2, 0, 1]]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x80\x04\x95 pickled", "is a pickle"),
        (b'{"alphabet": "a', "is no JSON"),
        (b"[1, 2]", "must hold a JSON object"),
        ({"alphabet": None}, "alphabet must be a text"),
        ({"alphabet": "aa"}, "'a' stands there twice"),
        ({"alphabet": "a"}, "symbols must be from 0 to 1"),
        ({"order": 0}, "order must be an integer >= 1"),
        ({"order": 3}, "must be 4 integers"),
        ({"counts": []}, "must be 3 integers"),
        ({"counts": [[0, 1]]}, "must be 3 integers"),
        ({"counts": [[0, 1, 3], [1]]}, "holds no CharacterLM"),
        ({"counts": [[0, 1, 0.5]]}, "must be 3 integers"),
        ({"counts": [[0, 1, 0]]}, "must be above 0"),
        ({"counts": [[0, -1, 2]]}, "symbols must be from 0 to 2"),
        ({"counts": 7}, "holds no CharacterLM"),
        (["order"], "'order' is missing"),
    ],
)
def test_a_file_of_no_language_model_is_named(content, message, tmp_path):
    path = tmp_path / "lm.json"
    if isinstance(content, list):
        content = json.dumps({key: SAVED[key] for key in SAVED if key not in content}).encode()
    if isinstance(content, dict):
        content = json.dumps(SAVED | content).encode()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        CharacterLM.load(path)
    assert "lm.json" in str(error.value)


def test_the_file_of_a_language_model_may_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*lm\.json"):
        CharacterLM.load(tmp_path / "lm.json")
    (tmp_path / "lm.json").write_text(json.dumps(SAVED))
    assert CharacterLM.load(tmp_path / "lm.json").perplexity(["a"]) > 1


# Texts and symbols


def test_texts_and_back():
    texts = ["", "naïve", "nn", " a"]
    labels = encode(texts, " naïve")
    assert labels.shape == (4, 5)
    assert labels.dtype == "int32"
    assert decode(labels, " naïve") == texts
    assert encode([], "a").shape == (0, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: encode(["ab"], "a"), r"'b' in 'ab' is not in the alphabet 'a'"),
        (lambda: encode("ab", "ab"), "a list of texts"),
        (lambda: encode(["a"], "aba"), "'a' stands there twice"),
        (lambda: encode(["a"], ""), "alphabet must be a text"),
        (lambda: decode([[3]], "ab"), "from 0 to 2"),
        (lambda: CharacterLM([], "ab"), "at least one text"),
        (lambda: CharacterLM(["ac"], "ab"), "'c' in 'ac'"),
        (lambda: CharacterLM(["a"], "ab", 0), "order"),
        (lambda: CharacterLM(["a"], "ab").log_probability("abc"), "'c' in 'abc'"),
        (lambda: CharacterLM(["a"], "ab").perplexity([]), "at least one text"),
        (lambda: greedy(np.zeros((4, 3))), r"logits must be \(B, T, V \+ 1\)"),
        (lambda: greedy(np.zeros((2, 4, 1))), r"V >= 1"),
        (lambda: greedy(np.zeros((2, 4, 3)), [4]), "lengths must be 2 integers"),
        (lambda: greedy(np.zeros((2, 4, 3)), [4, 5]), "from 0 to 4"),
        (lambda: greedy(np.full((1, 4, 3), np.nan)), "NaN"),
        (lambda: prefix_beam_search(np.zeros((1, 4, 3)), beam_size=0), "beam_size"),
        (lambda: prefix_beam_search(np.zeros((1, 4, 3)), weight=-1), "weight must be"),
        (lambda: prefix_beam_search(np.zeros((1, 4, 3)), length_bonus=np.inf), "length_bonus"),
        (
            lambda: prefix_beam_search(
                np.zeros((1, 4, 3)), language_model=CharacterLM(["a"], "abc")
            ),
            "knows 3 symbols, the network 2",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Error rates


def test_error_rates_are_jiwers(rng):
    """Of characters and of words, over several utterances."""
    words = ["one", "two", "three", "four"]
    for _ in range(20):
        references = [" ".join(rng.choice(words, rng.integers(1, 6))) for _ in range(4)]
        hypotheses = [" ".join(rng.choice(words, rng.integers(0, 6))) for _ in range(4)]
        found = metrics.word_error_rate(hypotheses, references)
        assert found == pytest.approx(jiwer.wer(references, hypotheses))
        found = metrics.character_error_rate(hypotheses, references)
        assert found == pytest.approx(jiwer.cer(references, hypotheses))
