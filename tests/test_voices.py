"""espeak-ng's voices, and the digits that they speak."""

import ctypes
import importlib.util
import itertools

import numpy as np
import pytest

from aimodels import data
from aimodels.data.registry import find_builder
from aimodels.speech import espeak, espeak_voices, voices

pytestmark = pytest.mark.rests_on("aimodels")

SPLITS = {"train": 1500, "validation": 300, "test": 600}


@pytest.fixture
def no_espeak(monkeypatch):
    find = importlib.util.find_spec
    voices._folder.cache_clear()
    voices._languages.cache_clear()
    voices._speakers.cache_clear()
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "espeakng_loader" else find(name, *rest),
    )


def test_what_was_said_before_changes_nothing():
    said = [("one two three", "en-us+f3"), ("one", "en-us+whisper"), ("eins", "de")]
    first = [espeak(*words) for words in said]
    other = ctypes.CDLL(str(voices._library_file()))  # another program's, in use
    data_path = str(voices._folder() / "espeak-ng-data").encode()
    assert other.espeak_Initialize(2, 0, data_path, 0x8000) == voices.SAMPLE_RATE
    for words, samples in zip(reversed(said), reversed(first), strict=True):
        np.testing.assert_array_equal(espeak(*words), samples)
    assert other.espeak_SetParameter(1, 200, 0) == 0  # still there
    other.espeak_Terminate()


def test_arguments_are_heard():
    def pitch(samples):  # the strongest period between 60 and 400 Hz, at 16 kHz
        spectrum = np.abs(np.fft.rfft(samples, 2**17)) ** 2
        return 40 + np.argmax(np.fft.irfft(spectrum)[40:267])

    slow, fast = (espeak("seven", rate=rate) for rate in (100, 300))
    assert len(slow) > 1.5 * len(fast)
    low, high = (espeak("seven", pitch=pitch) for pitch in (20, 80))
    assert pitch(low) > 1.2 * pitch(high)
    assert pitch(espeak("seven", "en-us+m1")) > 1.5 * pitch(espeak("seven", "en-us+f3"))
    one, two = espeak("seven", "en-us"), espeak("seven", "en-gb")
    assert one.shape != two.shape or not np.allclose(one, two)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_any_sample_rate_holds_the_same_sound(sample_rate):
    samples, original = espeak("seven", sample_rate=sample_rate), espeak("seven", sample_rate=22050)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1
    assert len(samples) == pytest.approx(len(original) * sample_rate / 22050, abs=1)
    low = [  # per hertz, up to 2,000
        np.abs(np.fft.rfft(x.astype(float), rate))[:2000] / rate
        for x, rate in ((samples, sample_rate), (original, 22050))
    ]
    np.testing.assert_allclose(low[0], low[1], atol=0.01 * low[1].max())


def test_voices_are_listed_and_others_refused():
    languages, speakers = espeak_voices()
    for language in ("en-us", "en-gb", "fr-fr", "cmn"):
        assert language in languages
        assert espeak("1", language).any()
    assert len(speakers) > 50
    np.testing.assert_array_equal(espeak("a", "EN-US+Mr Serious"), espeak("a", "en-us+mr serious"))
    for voice, message in {
        "en-su": "there is no language 'en-su': did you mean 'en-us'",
        "en-us+f33": "there is no speaker 'f33': did you mean 'f3'",
        "en-us+": "there is no speaker ''",
        "": "there is no language ''",
        "en-us+../m1": "there is no speaker",
    }.items():
        with pytest.raises(ValueError, match=message):
            espeak("one", voice)


@pytest.mark.parametrize("text", ["", "   ", "...", "\0"])
def test_nothing_to_say(text):
    with pytest.raises(ValueError, match="there is nothing to say in"):
        espeak(text)


@pytest.mark.parametrize(
    "wrong", [{"rate": 20}, {"rate": 500}, {"pitch": 100}, {"pitch": -1}, {"sample_rate": 0}]
)
def test_numbers_out_of_range(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be from"):
        espeak("one", **wrong)


def test_the_whole_text_is_said():
    assert len(espeak("one\0two")) == len(espeak("one two"))
    assert len(espeak("word " * 500)) > 100 * len(espeak("word"))
    assert espeak("<b>one</b> & [[two]] \ud800 ☺").any()


def test_without_the_package(no_espeak, tmp_path):
    with pytest.raises(ImportError, match=r"^espeak-ng is missing: pip install aimodels\[speech\]"):
        espeak("one")
    with pytest.raises(data.DataError, match=r"^espeak_digits: espeak-ng is missing: pip install"):
        data.load("espeak_digits", data_dir=tmp_path)
    assert [*tmp_path.iterdir()] == []


# The data set


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    splits = data.load("espeak_digits", data_dir=tmp_path_factory.mktemp("digits"))
    return {name: [*split.as_numpy_iterator()] for name, split in splits.items()}


@pytest.mark.slow
def test_digits_are_alone_and_in_strings(digits):
    assert {name: len(split) for name, split in digits.items()} == SPLITS
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for split in digits.values():
        alone = np.bincount([r["label"] for r in split if r["label"] >= 0])
        assert set(alone) == {len(split) * 4 // 60}
        lengths = set()
        for recording in split:
            words = recording["text"].decode().split()
            assert set(words) <= set(names)
            if recording["label"] >= 0:
                assert words == [names[recording["label"]]]
            else:
                lengths.add(len(words))
            assert recording["audio"].dtype == np.int16
            seconds = len(recording["audio"]) / 8000
            assert 0.15 * len(words) + 0.1 < seconds < 0.8 * len(words) + 0.6, recording["text"]
            assert 0.15 < np.abs(recording["audio"]).max() / 2**15 < 0.95
        assert lengths == {2, 3, 4, 5, 6}
    assert data.info("espeak_digits").features["audio"].sample_rate == 8000
    card = data.info("espeak_digits").description
    assert f"{sum(SPLITS.values()):,} recordings" in card
    assert f"{sum(r['label'] < 0 for s in digits.values() for r in s)} of strings" in card


@pytest.mark.slow
def test_no_speaker_is_in_two_splits(digits):
    speakers = {
        name: {r["speaker"].decode().partition("+")[2] for r in split}
        for name, split in digits.items()
    }
    assert {name: len(found) for name, found in speakers.items()} == {
        "train": 25,
        "validation": 5,
        "test": 10,
    }
    assert len(set.union(*speakers.values())) == 40
    known = espeak_voices()[1]
    assert {speaker.lower() for speaker in set.union(*speakers.values())} <= set(known)
    accents = [{r["speaker"].partition(b"+")[0] for r in split} for split in digits.values()]
    assert accents[0] == accents[1] == accents[2]


@pytest.mark.slow
def test_noise_is_light_and_around_the_words_alone(digits):
    for recording in digits["test"][:100]:
        samples = recording["audio"] / 2**15
        silence = np.std(samples[:300])  # no recording begins in its first 50 ms
        assert 0.005 < silence / np.std(samples) < 0.2


@pytest.mark.slow
def test_they_are_the_same_each_time(digits):
    module = importlib.import_module(find_builder("espeak_digits").__module__)
    by_text = {(r["speaker"].decode(), r["audio"].tobytes()) for r in digits["validation"]}
    again = module.Builder._generate_examples(None, module.SPEAKERS["validation"], 1)
    for _, example in itertools.islice(again, 90):
        assert (example["speaker"], example["audio"].tobytes()) in by_text
