"""Log-mel energies and cepstra of one hour of sound: ours against librosa.

All begin with the same samples in a NumPy array and end with features in one. Each computes the
Fourier transform in double precision. Ours goes piece by piece through the processor's fast memory,
in TensorFlow's graph or compiled by XLA. librosa comes with `pip install aimodels[parity]`.
"""

import sys
import time

import numpy as np
import turns

RATE, SECONDS = 16000, 3600
SETTINGS = {"n_fft": 512, "hop_length": 160, "win_length": 400}
N_MELS, N_MFCC = 40, 13
OURS, THEIRS = ["ours", "ours with XLA"], ["librosa"]
TASKS = ["log-mel", "MFCC"]


def sound(seconds: int) -> np.ndarray:
    """Syllables of a gliding voice in noise."""
    rng, t = np.random.default_rng(0), np.arange(10 * RATE) / RATE
    pitch = 2 * np.pi * (150 * t + 20 * np.sin(2 * np.pi * t))
    voice = sum(np.sin(k * pitch) / k for k in range(1, 30)) / 5 * np.sin(4 * np.pi * t) ** 2
    whole = np.resize(voice.astype("float32"), seconds * RATE)
    return whole + 0.01 * rng.standard_normal(len(whole), "float32")


def _ours(jit_compile: bool):
    import aimodels

    aimodels.start(0)
    import tensorflow as tf

    from aimodels import speech

    settings = {"n_mels": N_MELS, **SETTINGS}
    log_mel = tf.function(
        lambda samples: speech.log_mel(samples, RATE, **settings), jit_compile=jit_compile
    )
    mfcc = tf.function(
        lambda samples: speech.mfcc(samples, RATE, n_mfcc=N_MFCC, top_db=80.0, **settings),
        jit_compile=jit_compile,
    )
    return lambda samples: log_mel(samples).numpy(), lambda samples: mfcc(samples).numpy()


def _librosa():
    import librosa

    settings = {"sr": RATE, "n_mels": N_MELS, **SETTINGS}

    def log_mel(samples):
        power = librosa.feature.melspectrogram(y=samples, **settings)
        return librosa.power_to_db(power, top_db=None).T

    return log_mel, lambda samples: librosa.feature.mfcc(y=samples, n_mfcc=N_MFCC, **settings).T


def _work(peer: str, seconds: str) -> None:
    functions = _librosa() if peer == "librosa" else _ours(jit_compile=peer == OURS[1])
    samples = sound(int(seconds))

    def clocked(function):
        def task():
            began = time.perf_counter()
            features = function(samples)
            took = time.perf_counter() - began
            return took, [*features.shape, round(float(features.mean(dtype="float64")), 2)]

        return task

    turns.serve(dict(zip(TASKS, map(clocked, functions), strict=True)))


def run(seconds: int = SECONDS, rounds: int = 7) -> dict:
    """Milliseconds for all of it, ratios of neighbours, with one and with two threads."""
    return {"seconds of sound": seconds, "sample_rate": RATE, "n_mels": N_MELS, **SETTINGS} | {
        f"threads: {threads}": turns.race(
            __file__, OURS, THEIRS, TASKS, [str(seconds)], threads, rounds
        )
        for threads in (1, 2)
    }


if __name__ == "__main__":
    _work(*sys.argv[1:])
