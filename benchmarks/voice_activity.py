"""Silero VAD: what the published network answers in ONNX Runtime, and the Keras one beside it.

    pip install --no-deps silero-vad

The lesson on speech compares its network with these answers, also where that package is missing.
"""

import numpy as np
import onnxruntime

from aimodels import speech
from aimodels.speech.silero import package_file

SENTENCES = (
    (3, "Good morning, this is the train to the north.", "en-us+m3"),
    (11, "Is there still a free seat by the window?", "en-gb+f4"),
    (19, "Three, seven, one.", "en-us-nyc+f2"),
    (27, "Please mind the gap between the train and the platform.", "en-gb-scotland+m5"),
)  # second of the beginning, text, voice


def run() -> dict:
    vad = speech.SileroVAD.from_package()
    noise = (0.1 * np.random.RandomState(0).randn(8 * 512)).astype("float32")
    sound = recording()
    answers = {"noise": published(noise), "recording": published(sound)}
    differences = {
        name: float(np.abs(vad.probabilities(samples) - answers[name]).max())
        for name, samples in (("noise", noise), ("recording", sound))
    }
    return {
        "parameters": vad.count_params(),
        "kernels differ from Fourier's by": float(f"{np.abs(kernels(vad) - fourier()).max():.1e}"),
        "Keras differs from ONNX Runtime by": differences,
        "sentences": SENTENCES,
        **{name: [round(float(p), 8) for p in found] for name, found in answers.items()},
    }


def recording() -> np.ndarray:
    """40 seconds of faint noise, in which somebody speaks four times."""
    samples = np.random.default_rng(0).normal(0, 0.003, 40 * 16000)
    for begin, sentence, voice in SENTENCES:
        said = 0.5 * speech.espeak(sentence, voice, sample_rate=16000)
        samples[begin * 16000 :][: len(said)] += said
    return np.round(samples * 32768).astype("int16") / np.float32(32768)


def published(samples: np.ndarray) -> np.ndarray:
    """The probability of speech in each block of 512 samples, by the published file."""
    session = onnxruntime.InferenceSession(package_file())
    state, context, found = np.zeros((2, 1, 128), "float32"), np.zeros((1, 64), "float32"), []
    for block in np.pad(samples, (0, -len(samples) % 512)).reshape(-1, 1, 512):
        inputs = np.concatenate([context, block], axis=1)
        context = inputs[:, -64:]
        feeds = {"input": inputs, "state": state, "sr": np.array(16000, "int64")}
        probability, state = session.run(None, feeds)
        found.append(probability[0, 0])
    return np.array(found)


def kernels(vad: speech.SileroVAD) -> np.ndarray:
    """Of the first convolution, (258, 256)."""
    return np.transpose(vad.get_layer("fourier").get_weights()[0][0, :, 0])


def fourier() -> np.ndarray:
    """Cosines and negative sines of 129 frequencies under a Hann window, (258, 256)."""
    angle = 2 * np.pi * np.outer(np.arange(129), np.arange(256)) / 256
    return np.concatenate([np.cos(angle), -np.sin(angle)]) * speech.hann_window(256, 256)
