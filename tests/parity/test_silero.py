"""Silero VAD beside ONNX Runtime, which runs its published file, and the package's own rule."""

import keras
import numpy as np
import onnxruntime
import pytest
from silero_vad.utils_vad import get_speech_timestamps_from_probs

from aimodels.speech import SileroVAD, espeak, speech_segments
from aimodels.speech.silero import package_file


@pytest.fixture(scope="module")
def model():
    return SileroVAD.from_package()


@pytest.fixture(scope="module")
def speech():
    """A minute of sentences by several voices with pauses, in noise."""
    rng, parts = np.random.default_rng(0), []
    voices = ["en-us", "en-us+f3", "en-gb+m3", "de", "en-us+Andrea"]
    for i in range(25):
        parts.append(np.zeros(rng.integers(4000, 30_000)))
        sentence = "speech is found in a long recording" if i % 2 else "how are you today?"
        parts.append(espeak(sentence, voices[i % len(voices)]) * rng.uniform(0.2, 0.9))
    samples = np.concatenate(parts)
    samples += rng.normal(0, 0.003, len(samples))
    return samples[: len(samples) // 512 * 512].astype("float32")


def by_runtime(samples):
    """Block by block, with the state and the 64 samples before it."""
    session = onnxruntime.InferenceSession(str(package_file()))
    state, context = np.zeros((2, 1, 128), "float32"), np.zeros((1, 64), "float32")
    found = []
    for block in samples.reshape(-1, 1, 512):
        block = np.concatenate([context, block], axis=1)
        context = block[:, -64:]
        inputs = {"input": block, "state": state, "sr": np.array(16000, "int64")}
        output, state = session.run(None, inputs)
        found.append(output[0, 0])
    return np.array(found)


def in_double_precision(samples):
    """The same graph with the same weights, where rounding counts for nothing."""
    keras.config.set_dtype_policy("float64")
    try:
        exact = SileroVAD.from_package()
    finally:
        keras.config.set_dtype_policy("float32")
    blocks = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (64, 0)), 576)[::512]
    zeros = np.zeros((1, 128))
    return exact([blocks[None].astype("float64"), zeros, zeros])["probabilities"][0].numpy()


def test_noise_equals_the_runtime(model, parity):
    samples = np.random.default_rng(0).normal(0, 0.1, 60 * 16000).astype("float32")
    samples = samples[: len(samples) // 512 * 512]
    parity(
        "speech.SileroVAD, a minute of noise",
        reference="onnxruntime.InferenceSession",
        difference=np.abs(model.probabilities(samples) - by_runtime(samples)).max(),
        bound=1e-6,
    )


def test_speech_equals_the_runtime(model, speech, parity):
    ours, theirs, exact = model.probabilities(speech), by_runtime(speech), None
    assert (theirs > 0.5).mean() > 0.3
    assert (theirs < 0.1).mean() > 0.3
    parity(
        "speech.SileroVAD, a minute of speech, root mean square",
        reference="onnxruntime.InferenceSession",
        difference=np.sqrt(np.mean((ours - theirs) ** 2)),
        bound=1e-6,
    )
    # At single blocks between yes and no, rounding in float32 counts for more, there and here:
    exact = in_double_precision(speech)
    worst, of_runtime = (np.abs(x - exact).max() for x in (ours, theirs))
    assert worst <= max(1e-6, 4 * of_runtime)
    parity(
        "speech.SileroVAD, a minute of speech, worst block",
        reference="onnxruntime.InferenceSession",
        difference=np.abs(ours - theirs).max(),
        bound=1e-5,
    )


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"threshold": 0.3, "padding": 0.2},
        {"threshold": 0.8, "min_silence": 0.5, "min_speech": 0},
        {"min_silence": 0, "padding": 0},
    ],
)
def test_parts_equal_the_package(model, speech, parity, rule):
    theirs = {
        "threshold": rule.get("threshold", 0.5),
        "min_speech_duration_ms": 1000 * rule.get("min_speech", 0.25),
        "min_silence_duration_ms": 1000 * rule.get("min_silence", 0.1),
        "speech_pad_ms": 1000 * rule.get("padding", 0.03),
    }
    rng, worst = np.random.default_rng(0), 0
    recordings = [model.probabilities(speech).astype("float64")]
    recordings += [np.repeat(rng.uniform(0, 1, 60), rng.integers(1, 8, 60)) for _ in range(100)]
    for probabilities in recordings:
        num_samples = len(probabilities) * 512 - int(rng.integers(0, 512))
        found = speech_segments(probabilities, num_samples=num_samples, **rule)
        expected = get_speech_timestamps_from_probs(
            probabilities.tolist(), audio_length_samples=num_samples, **theirs
        )
        expected = [(part["start"] / 16000, part["end"] / 16000) for part in expected]
        assert len(found) == len(expected)
        worst = max([worst, *np.abs(np.array(found) - np.array(expected)).ravel()])
    parity(
        f"speech.speech_segments with {rule or 'its defaults'}, seconds",
        reference="silero_vad.utils_vad",
        difference=worst,
        bound=1e-9,
    )
