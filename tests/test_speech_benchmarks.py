"""The programs that measure speech: what they do to recordings, and each of them in small."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.rests_on("aimodels", "benchmarks")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SPEAKERS = ("george", "jackson", "nicolas", "theo", "yweweler")


@pytest.fixture
def program(monkeypatch):
    """`program(name)`: a benchmark, imported as `run.py` does it."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    yield importlib.import_module
    for name in (
        "speech_training",
        "spoken_digit",
        "digit_strings",
        "yesno",
        "an4",
    ):
        sys.modules.pop(name, None)


def test_neither_level_nor_microphone_is_seen_in_a_sentence(program, rng):
    training = program("speech_training")
    energies, microphone = rng.normal(-30, 5, (50, 40)), rng.normal(0, 5, 40)
    normal = training.normalise(energies)
    np.testing.assert_allclose(training.normalise(energies + 7), normal, atol=1e-5)
    np.testing.assert_allclose(
        training.normalise(energies + microphone, top_db=999), normal, atol=1e-5
    )
    word = training.normalise(energies + microphone, bands=0.0, top_db=999)
    assert np.corrcoef(word.mean(axis=0), microphone)[0, 1] > 0.9
    assert abs(word.mean()) < 1e-5


def test_a_longer_vocal_tract_lowers_the_bands(program):
    training = program("speech_training")
    energies = np.zeros((3, 40))
    energies[:, 20] = 1
    np.testing.assert_allclose(training.warp(energies, 1.0), energies)
    lower = training.warp(energies, 1.1)[0].argmax()
    assert training.CENTERS[lower] == pytest.approx(training.CENTERS[20] / 1.1, rel=0.05)


def test_each_epoch_hears_other_voices(program, monkeypatch):
    """Faster and slower, of longer and shorter vocal tracts, other microphones, and with gaps."""
    training, rng = program("speech_training"), np.random.default_rng(0)
    times, bands = np.sin(np.arange(200) / 9), np.sin(np.arange(40) / 3)
    found = training.other_voices([10 * np.add.outer(times, bands) - 30] * 40, rng)
    lengths = np.array([len(one) for one in found])
    assert 170 <= lengths.min() < 180 < 230 < lengths.max() <= 240
    for axis in (0, 1):  # a band without any change in time, a moment without any between bands
        assert np.mean([(np.ptp(one, axis=axis) < 1e-6).any() for one in found]) > 0.5

    monkeypatch.setattr(training, "masked", lambda energies, rng: energies)
    peak = np.where(np.arange(40) == 20, 60.0, 0.0) + np.zeros((50, 1))
    places = {one.mean(axis=0).argmax() for one in training.other_voices([peak] * 40, rng, 0.0)}
    assert min(places) < 20 < max(places)
    same = [one.mean(axis=0) for one in training.other_voices([peak * 0 - 30] * 9, rng, 0.0)]
    assert np.ptp(same, axis=1).min() > 0.5  # what no microphone had changed is flat
    assert np.abs(np.subtract(same[0], same[1])).max() > 0.1


def test_energies_are_those_of_each_recording_alone(program, rng):
    from aimodels.speech import log_mel

    training = program("speech_training")
    recordings = [rng.normal(0, 0.1, size).astype("float32") for size in (4000, 900, 2500)]
    found = training.energies(recordings)
    for one, samples in zip(found, recordings, strict=True):
        alone = log_mel(samples, training.RATE, n_mels=40)
        np.testing.assert_allclose(one[:-2], alone[:-2], atol=1e-3)
        assert one.shape == alone.shape
    faster = training.energies(recordings, speed=1.25)
    assert [len(one) for one in faster] == [1 + round(n / 1.25) // 80 for n in (4000, 900, 2500)]
    noisy = training.energies(recordings, snr_db=np.array([0.0, 90.0, 0.0], "float32"))
    changed = [np.abs(a - b).mean() for a, b in zip(noisy, found, strict=True)]
    assert changed[1] < 0.1 < min(changed[0], changed[2])


def test_each_epoch_is_made_anew_and_features_keep_their_targets(program, rng):
    training, made = program("speech_training"), []

    def make():
        made.append(len(made) + 1)
        sizes = rng.permutation(np.arange(2, 26))
        features = [np.full((n, 3), 100 * n + made[-1]) for n in sizes]
        return features, np.repeat(sizes[:, None], made[-1], axis=1)  # wider in each epoch

    batches = training.anew(make, 4, seed=1)
    epochs = [[*batches.as_numpy_iterator()] for _ in range(2)]
    assert made == [1, 2]
    for number, epoch in enumerate(epochs, 1):
        assert len(epoch) == len(batches) == 6
        for features, targets in epoch:
            np.testing.assert_allclose(features[:, 0, 0], 100 * targets[:, 0] + number)
            assert targets.shape == (4, number)
            assert np.ptp(targets) < 12  # of about the same length
        assert {int(t) for _, targets in epoch for t in targets[:, 0]} == {*range(2, 26)}
    assert [t.tolist() for _, t in epochs[0]] != [t.tolist() for _, t in epochs[1]]


def test_the_longest_utterances_are_trained_on_too(program):
    """Six fill no batch in each epoch: it must not always be the same ones."""
    training = program("speech_training")
    sizes = np.arange(2, 40)
    make = lambda: ([np.ones((n, 3)) for n in sizes], sizes[:, None])  # noqa: E731
    batches = training.anew(make, 8, seed=1)
    seen = [n for _ in range(10) for _, targets in batches.as_numpy_iterator() for n in targets]
    assert {int(n) for [n] in seen} == {*sizes.tolist()}
    assert len(seen) == 10 * 32


def test_rates_count_characters_words_and_sentences(program):
    found = program("speech_training").rates(["one two", "three"], ["one too", "three"])
    assert found == {
        "CER": round(1 / 12, 4),
        "WER": round(1 / 3, 4),
        "sentences with an error": 0.5,
    }


def test_a_string_is_of_one_speaker_and_of_recordings_it_may_use(program, rng):
    strings = program("digit_strings")
    values = np.arange(1, 201)
    recordings = {
        "samples": [np.full(400, value / 200) for value in values],
        "label": values % 10,
        "speaker": np.array(SPEAKERS)[values % 5],
        "index": values % 50,
    }
    rows = np.flatnonzero(recordings["index"] < 5)
    sounds, texts = strings.joined(recordings, rows, 30, rng, noise=False, level_db=0)
    for sound, text in zip(sounds, texts, strict=True):
        used = np.unique(np.round(sound[sound > 0] * 200).astype(int)) - 1
        assert {*used} <= {*rows}
        assert len({*recordings["speaker"][used]}) == 1
        words = text.split()
        assert 2 <= len(words) <= 6
        assert {strings.WORDS[label] for label in recordings["label"][used]} == {*words}


def served(monkeypatch, examples: dict[str, list[dict]]):
    """What `data.load` gives from now on: these examples."""

    class Split(list):
        def as_numpy_iterator(self):
            return iter(self)

    def load(name, split=None):
        parts = {name: Split(one) for name, one in examples.items()}
        if split is None:
            return parts
        return Split(one for part in split.split("+") for one in parts[part])

    monkeypatch.setattr("aimodels.data.load", load)


def tone(rng, frequency: float, size: int) -> np.ndarray:
    wave = np.sin(2 * np.pi * frequency * np.arange(size) / 8000) + rng.normal(0, 0.1, size)
    return (wave * 8000).astype("int16")


@pytest.fixture
def digits(monkeypatch, rng):
    def one(label, speaker, index):
        samples = tone(rng, 200 + 150 * label, rng.integers(2000, 4000))
        return {"audio": samples, "label": label, "speaker": speaker.encode(), "index": index}

    examples = [
        one(label, speaker, index)
        for label in range(10)
        for speaker in SPEAKERS
        for index in (0, 7, 20, 46)
    ]
    served(
        monkeypatch,
        {
            "train": [one for one in examples if one["index"] >= 5],
            "test": [one for one in examples if one["index"] < 5],
        },
    )


@pytest.mark.slow
def test_the_digits_program_leaves_each_speaker_out(program, digits):
    figures = program("spoken_digit").run(epochs=1)
    json.dumps(figures)
    [one] = figures["seeds"].values()
    assert {*one["speaker left out"]} == {*SPEAKERS} == {*figures["SVM"]["speaker left out"]}
    assert figures["worst"] == min(one["speaker left out"].values()) <= figures["mean"] <= 1
    assert figures["recordings"] == 200
    assert figures["SVM"]["official split"] > 0.9  # tones are easy
    assert figures["majority"] == 0.1


@pytest.mark.slow
def test_the_strings_program_runs_whole(program, digits):
    figures = program("digit_strings").run(epochs=2, strings=16)
    json.dumps(figures)
    assert figures["test strings"] == 200
    assert 400 <= figures["digits in them"] <= 1200
    [one] = figures["seeds"].values()
    assert figures["highest test CER"] == one["test"]["CER"]


@pytest.mark.slow
def test_the_yes_or_no_program_runs_whole(program, monkeypatch, rng):
    def one(number):
        words = rng.integers(2, size=3)
        pieces = [tone(rng, 300 + 900 * word, 1600) for word in words]
        text = " ".join(("no", "yes")[word] for word in words)
        return {"audio": np.concatenate(pieces), "text": text.encode()}

    served(
        monkeypatch,
        {"train": [*map(one, range(6))], "validation": [one(6)], "test": [one(7), one(8)]},
    )
    figures = program("yesno").run(seeds=(1,), epochs=1)
    json.dumps(figures)
    assert figures["recordings"] == {"train": 6, "validation": 1, "test": 2}
    assert figures["words in the test recordings"] == 6
    [one] = figures["seeds"].values()
    assert figures["mean test WER"] == figures["highest test WER"] == one["test"]["WER"]


@pytest.mark.slow
def test_the_an4_program_reports_with_and_without_known_sentences(program, monkeypatch, rng):
    def one(number, text, kind):
        features = rng.normal(0, 1, (rng.integers(80, 120), 13)).astype("float32")
        name = f"{kind}{number % 9}".encode()
        return {"features": features, "text": text.encode(), "speaker": name}

    texts = ["YES", "NO", "ENTER SIX", "GO"]
    served(
        monkeypatch,
        {
            "train": [one(n, texts[n % 4], "a") for n in range(45)],
            "test": [one(n, text, "b") for n, text in enumerate(["YES", "STOP", "SIX"])],
        },
    )
    an4 = program("an4")
    monkeypatch.setattr(an4, "WEIGHTS", (0.5,))
    figures = an4.run(epochs=1)
    json.dumps(figures)
    assert figures["test sentences in the training set"] == 1
    assert figures["speakers"]["validation"] == 1
    [one] = figures["seeds"].values()
    for which in ("all test sentences", "sentences not in the training set"):
        assert {*one[which]} == {"greedy", "beam, no language model", "beam"}


def test_distorted_cepstra_stay_normal(program, rng):
    an4 = program("an4")
    found = an4.others([rng.normal(0, 1, (90, 13)), rng.normal(0, 1, (60, 13))], rng)
    for one, size in zip(found, (90, 60), strict=True):
        assert 0.87 * size < len(one) < 1.13 * size
        np.testing.assert_allclose(one.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(one.std(axis=0), 1, atol=0.05)
    np.testing.assert_allclose(an4.COSINES @ an4.COSINES.T, np.eye(13), atol=1e-9)


def recorded(name: str) -> dict:
    result = json.loads((BENCHMARKS / "results" / f"{name}.json").read_text())
    assert "settings" not in result
    return result["figures"]


def test_digits_of_a_new_speaker_are_recognised_better_than_by_the_svm():
    figures = recorded("spoken_digit")
    assert figures["recordings"] == 2500
    assert figures["mean"] >= 0.9 > 0.8 > figures["SVM"]["mean"]
    assert figures["worst"] >= 0.8
    assert figures["official split"] >= 0.99 > figures["SVM"]["official split"]
    assert figures["SVM"]["official split"] > figures["majority"]
    for one in figures["seeds"].values():
        assert one["CPU seconds of the longest training"] <= 900


def test_strings_of_digits_are_read():
    figures = recorded("digit_strings")
    assert figures["highest test CER"] <= 0.08
    assert all(one["CPU seconds of training"] <= 900 for one in figures["seeds"].values())


def test_yes_and_no_are_told_apart():
    figures = recorded("yesno")
    assert figures["highest test WER"] <= 0.01
    assert len(figures["seeds"]) == 3


def test_an4_is_read_with_and_without_the_sentences_of_the_training_set():
    figures = recorded("an4")
    assert figures["utterances"]["test"] == 130
    assert figures["test sentences in the training set"] == 26
    for one in figures["seeds"].values():
        for which in ("all test sentences", "sentences not in the training set"):
            assert one[which]["greedy"]["CER"] <= 0.12
            assert one[which]["beam"]["WER"] <= 0.15
            assert one[which]["beam"]["WER"] < one[which]["greedy"]["WER"]
        assert one["CPU seconds of training"] <= 900
