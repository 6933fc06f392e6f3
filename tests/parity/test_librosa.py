"""The same features in librosa, of noise, of a tone in silence, and of speech-like sound."""

import numpy as np
import pytest
import tensorflow as tf

from aimodels import speech

librosa = pytest.importorskip("librosa")

RATE = 16000
SETTINGS = {
    "usual": {"n_fft": 512, "hop_length": 160, "win_length": 400},
    "its own": {"n_fft": 2048, "hop_length": 512, "win_length": 2048},
    "odd": {"n_fft": 401, "hop_length": 97, "win_length": 333},
}
every_setting = pytest.mark.parametrize("name", SETTINGS)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def sounds(dtype) -> np.ndarray:
    """Noise; a tone between silences; a gliding voice in faint noise: (3, N)."""
    rng, t = np.random.default_rng(0), np.arange(RATE + 123) / RATE
    tone = np.where((t > 0.3) & (t < 0.7), np.sin(2 * np.pi * 440 * t), 0)
    pitch = 2 * np.pi * (200 * t - 50 * t**2)
    voice = sum(np.sin(k * pitch) / k for k in range(1, 30)) / 5
    voice = voice * np.sin(4 * np.pi * t) ** 2 + rng.normal(0, 1e-3, len(t))
    return np.stack([rng.normal(0, 0.1, len(t)), tone, voice]).astype(dtype)


def difference(ours, theirs) -> float:
    """Ours have time before the features."""
    ours, theirs = np.asarray(ours), np.swapaxes(theirs, -1, -2)
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max())


@every_dtype
@every_setting
@pytest.mark.parametrize("center", [True, False])
def test_stft(parity, name, dtype, center):
    samples = sounds(dtype)
    ours = speech.stft(samples, **SETTINGS[name], center=center)
    theirs = librosa.stft(samples, **SETTINGS[name], center=center)
    parity(
        f"speech.stft, {name}{'' if center else ', not centred'}, {dtype}",
        reference="librosa.stft",
        difference=difference(ours, theirs),
        bound=1e-4 if dtype == "float32" else 1e-12,
    )


@every_setting
@pytest.mark.parametrize("band", [(0.0, None), (60.0, 7600.0)], ids=["all", "a band"])
def test_mel_filters(parity, name, band):
    n_fft, (fmin, fmax) = SETTINGS[name]["n_fft"], band
    ours = speech.mel_filters(RATE, n_fft, 40, fmin, fmax)
    theirs = librosa.filters.mel(
        sr=RATE, n_fft=n_fft, n_mels=40, fmin=fmin, fmax=fmax, dtype=np.float64
    )
    parity(
        f"speech.mel_filters, {name}, {'a band' if fmin else 'all'}",
        reference="librosa.filters.mel",
        difference=difference(ours, theirs),
        bound=1e-12,
    )


@every_dtype
@every_setting
@pytest.mark.parametrize("top_db", [None, 80.0])
def test_log_mel(parity, name, dtype, top_db):
    samples = sounds(dtype)
    ours = speech.log_mel(samples, RATE, n_mels=64, **SETTINGS[name], top_db=top_db)
    theirs = [
        librosa.power_to_db(
            librosa.feature.melspectrogram(y=one, sr=RATE, n_mels=64, **SETTINGS[name]),
            top_db=top_db,
        )
        for one in samples
    ]
    parity(
        f"speech.log_mel, {name}{', top_db' if top_db else ''}, {dtype}",
        reference="librosa.feature.melspectrogram",
        difference=difference(ours, theirs),
        bound=1e-4,
    )


@every_dtype
@every_setting
def test_mfcc(parity, name, dtype):
    samples = sounds(dtype)
    ours = speech.mfcc(samples, RATE, n_mfcc=20, n_mels=64, **SETTINGS[name], top_db=80.0)
    theirs = [
        librosa.feature.mfcc(y=one, sr=RATE, n_mfcc=20, n_mels=64, **SETTINGS[name])
        for one in samples
    ]
    size = np.abs(theirs).max()  # hundreds: single precision has no 1e-4 there
    parity(
        f"speech.mfcc, {name}, {dtype}, relative",
        reference="librosa.feature.mfcc",
        difference=difference(ours, theirs) / size,
        bound=1e-6,
    )


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("width", [3, 9, 15])
def test_deltas(parity, width, order):
    features = speech.mfcc(sounds("float64"), RATE).numpy()
    parity(
        f"speech.deltas, width {width}, order {order}",
        reference="librosa.feature.delta",
        difference=difference(
            speech.deltas(features, width, order),
            librosa.feature.delta(np.swapaxes(features, 1, 2), width=width, order=order),
        ),
        bound=1e-9,
    )


@pytest.mark.parametrize("name", ["usual", "its own"])
def test_istft(parity, name):
    how = {key: SETTINGS[name][key] for key in ("hop_length", "win_length")}
    rng = np.random.default_rng(1)  # a spectrum that no samples have
    spectrum = rng.normal(size=(50, SETTINGS[name]["n_fft"] // 2 + 1, 2)) @ [1, 1j]
    ours, theirs = speech.istft(spectrum, **how), librosa.istft(spectrum.T, **how)
    assert ours.shape == theirs.shape
    parity(
        f"speech.istft, {name}",
        reference="librosa.istft",
        difference=np.abs(ours - theirs).max(),
        bound=1e-9,
    )


def test_a_long_recording(parity, monkeypatch):
    """In several parts, the last one not full."""
    monkeypatch.setattr("aimodels.speech.features.PART", 16)
    samples = sounds("float32")
    theirs = [
        librosa.power_to_db(
            librosa.feature.melspectrogram(y=one, sr=RATE, n_mels=40, **SETTINGS["usual"]),
            top_db=None,
        )
        for one in samples
    ]
    parity(
        "speech.log_mel, in parts",
        reference="librosa.feature.melspectrogram",
        difference=difference(speech.log_mel(samples, RATE), theirs),
        bound=1e-4,
    )


def test_griffin_lim_reaches_what_theirs_reaches():
    how = {"hop_length": 160, "win_length": 400}
    magnitudes = tf.abs(speech.stft(sounds("float64")[2], 512, **how))
    ours = speech.griffin_lim(magnitudes, **how)
    theirs = librosa.griffinlim(magnitudes.numpy().T, n_iter=32, **how, random_state=0)
    reached, other = (float(speech.spectral_error(x, magnitudes, **how)) for x in (ours, theirs))
    assert reached < 1.1 * other
