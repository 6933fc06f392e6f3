"""Silero VAD: speech is where it was put, in pieces as in the whole, saved as before."""

import importlib.util
import re
import weakref

import keras
import numpy as np
import onnx
import pytest

from aimodels.checkpoint.onnx_file import read_onnx_weights
from aimodels.speech import SileroStream, SileroVAD, espeak, speech_segments
from aimodels.speech.silero import package_file

pytestmark = pytest.mark.rests_on("aimodels")

SENTENCES = {"en-us": "how are you today, my friend", "en-gb+f3": "this is another sentence"}


@pytest.fixture(scope="module")
def model():
    return SileroVAD.from_package()


def recording(sample_rate=16000):
    """Two sentences in noise, and where they are, in seconds."""
    rng, parts, spoken, now = np.random.default_rng(0), [], [], 0
    for voice, sentence in SENTENCES.items():
        samples = espeak(sentence, voice, sample_rate=sample_rate)
        parts += [np.zeros(sample_rate), samples]
        spoken.append((now + 1, now + 1 + len(samples) / sample_rate))
        now = spoken[-1][1]
    samples = np.concatenate([*parts, np.zeros(sample_rate)])
    return samples + rng.normal(0, 0.003, len(samples)), spoken


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_it_finds_speech_where_it_is(model, sample_rate):
    samples, spoken = recording(sample_rate)
    found = model.speech_timestamps(samples, sample_rate)
    assert len(found) == len(spoken)
    np.testing.assert_allclose(found, spoken, atol=0.25)


def test_what_is_no_speech(model):
    rng = np.random.default_rng(0)
    tone = 0.3 * np.sin(np.arange(48000) * 0.2)
    for samples in (np.zeros(48000), rng.normal(0, 0.05, 48000), tone):
        assert model.speech_timestamps(samples) == []
        assert model.probabilities(samples).shape == (94,)
    for short in (np.zeros(0), np.zeros(1), np.zeros(512), np.zeros(513)):
        assert len(model.probabilities(short)) == -(-len(short) // 512)
        assert model.speech_timestamps(short) == []


def test_no_recording_gives_no_output(model):
    """In a graph that does not know their number, either: TensorFlow's convolution would fail."""
    blocks, state = np.zeros((0, 3, 576), "float32"), np.zeros((0, 128), "float32")
    for function in (model, model._graph):
        outputs = function([blocks, state, state])
        shapes = {name: tuple(one.shape) for name, one in outputs.items()}
        assert shapes == {"probabilities": (0, 3), "hidden": (0, 128), "cell": (0, 128)}


def test_in_pieces_it_is_the_same(model):
    samples, _ = recording()
    whole = model.probabilities(samples)
    rng = np.random.default_rng(1)
    for longest in (1, 700, 20_000):
        cuts = np.cumsum(rng.integers(0, longest + 1, 2 * len(samples) // longest))
        stream = SileroStream(model)
        pieces = np.split(samples[:50_000], cuts[cuts < 50_000][:3000])
        parts = [stream.feed(piece) for piece in pieces]
        assert sum(map(len, parts)) == 50_000 // 512
        np.testing.assert_allclose(np.concatenate(parts), whole[: 50_000 // 512], atol=1e-6)
        assert len(stream.finish()) == 1  # 336 samples were left
    for part in (stream.feed(samples), model.probabilities(np.split(samples, [100, 9000]))):
        np.testing.assert_allclose(part, whole[: len(part)], atol=1e-6)  # as new
    at_8000 = samples[::2]
    np.testing.assert_allclose(
        model.probabilities(iter(np.split(at_8000, [77, 5000])), 8000),
        model.probabilities(at_8000, 8000),
        atol=1e-6,
    )


def test_what_was_heard_before_counts(model):
    samples, _ = recording()
    late = 512 * 45
    assert (
        np.abs(model.probabilities(samples)[45:] - model.probabilities(samples[late:])).max() > 0.1
    )


def test_hours_are_heard_in_constant_memory(model):
    samples, spoken = recording()
    given = []

    def pieces():
        for _ in range(20):
            assert all(reference() is None for reference in given[:-2])  # nobody keeps them
            piece = samples.copy()
            given.append(weakref.ref(piece))
            yield piece

    found = model.speech_timestamps(pieces())
    assert len(found) == 20 * len(spoken)
    assert found[-1][1] == pytest.approx(19 * len(samples) / 16000 + spoken[-1][1], abs=0.3)


def test_saved_and_loaded_it_hears_the_same(model, tmp_path):
    samples, _ = recording()
    model.save(tmp_path / "vad.keras")
    loaded = keras.saving.load_model(tmp_path / "vad.keras")
    assert type(loaded) is SileroVAD
    np.testing.assert_array_equal(loaded.probabilities(samples), model.probabilities(samples))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 1000)), r"samples must be floats in \[-1, 1\], \(N,\); got float64 of shape"),
        (np.zeros(1000, "int16"), "got int16 of shape"),
        (np.array([0, np.nan]), "sample 1 is not a finite number"),
        (np.array([np.inf, 0]), "sample 0 is not a finite number"),
    ],
)
def test_samples_that_are_none(model, samples, message):
    for hear in (model.probabilities, model.speech_timestamps, SileroStream(model).feed):
        with pytest.raises(ValueError, match=message):
            hear(samples)


# The file


def test_without_the_package(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "silero_vad" else find(name, *rest),
    )
    with pytest.raises(ImportError, match="missing: pip install --no-deps silero-vad"):
        SileroVAD.from_package()


def test_files_that_hold_something_else(tmp_path):
    with pytest.raises(FileNotFoundError):
        SileroVAD.from_file(tmp_path / "absent.onnx")
    whole = package_file().read_bytes()
    for content in (b"", b"<html>", whole[: len(whole) // 2], bytes(1000)):
        (tmp_path / "bad.onnx").write_bytes(content)
        with pytest.raises(ValueError, match=r"bad\.onnx"):
            SileroVAD.from_file(tmp_path / "bad.onnx")
    other = onnx.load(str(package_file()))
    del other.graph.initializer[3]
    onnx.save(other, str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="holds another model than silero_vad_16k_op15"):
        SileroVAD.from_file(tmp_path / "other.onnx")
    outside = onnx.load(str(package_file()))
    onnx.save(outside, str(tmp_path / "outside.onnx"), save_as_external_data=True, location="w")
    with pytest.raises(ValueError, match="in another file, which is not read"):
        read_onnx_weights(tmp_path / "outside.onnx")


# The rule


def by_pattern(probabilities, threshold=0.5, min_speech=0.25, min_silence=0.1):
    """The rule once more, as a regular expression: S speech, m between, s silence."""
    signs = "".join(
        "S" if p >= threshold else "s" if p < max(threshold - 0.15, 0.01) else "m"
        for p in probabilities
    )
    blocks = int(np.ceil(min_silence * 16000 / 512))
    pause = f"s[ms]{{{blocks - 1},}}s" if blocks else "s"
    return [
        found.span()
        for found in re.finditer(f"S(?:(?!{pause}).)*", signs)
        if (found.end() - found.start()) * 512 > min_speech * 16000
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"min_silence": 0},
        {"min_silence": 0.3, "min_speech": 0},
        {"threshold": 0.8},
        {"threshold": 0.1, "min_silence": 0.064},
    ],
)
def test_the_rule_is_the_pattern(rule):
    rng = np.random.default_rng(0)
    for _ in range(200):
        probabilities = np.repeat(rng.uniform(0, 1, 40), rng.integers(1, 8, 40))
        found = speech_segments(probabilities, padding=0, **rule)
        expected = np.array(by_pattern(probabilities, **rule)).reshape(-1, 2) * 512 / 16000
        np.testing.assert_allclose(np.reshape(found, (-1, 2)), expected)


def test_padding_meets_in_the_middle():
    probabilities = np.repeat([0, 1, 0, 1, 0, 1, 0], [1, 10, 5, 10, 40, 10, 20])
    bare = np.array(speech_segments(probabilities, padding=0))
    padded = np.array(speech_segments(probabilities, padding=0.1))
    middle = (bare[0, 1] + bare[1, 0]) / 2
    moved = [[-0.032, middle - bare[0, 1]], [middle - bare[1, 0], 0.1], [-0.1, 0.1]]
    np.testing.assert_allclose(padded - bare, moved, atol=1e-4)
    end = speech_segments(np.ones(10), num_samples=5000, padding=1)
    assert end == [(0, 5000 / 16000)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": 0}, "threshold must lie between 0 and 1"),
        ({"threshold": 1.5}, "threshold must lie between 0 and 1"),
        ({"min_speech": -1}, "min_speech must be seconds"),
        ({"min_silence": float("nan")}, "min_silence must be seconds"),
        ({"padding": float("inf")}, "padding must be seconds"),
        ({"num_samples": 1.5}, "num_samples must be an integer"),
    ],
)
def test_rules_that_are_none(wrong, message):
    with pytest.raises(ValueError, match=message):
        speech_segments([0.5], **wrong)
    with pytest.raises(ValueError, match="probabilities must lie"):
        speech_segments([0.5, float("nan")])
