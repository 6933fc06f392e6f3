"""What the benchmarks of speech share: features made anew for each epoch, and rates of errors.

Recordings are few and speakers fewer, so each epoch hears other ones: as if the vocal tract were
longer or shorter (frequencies times a factor), faster or slower, with bands and moments missing.
"""

import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from aimodels.metrics import character_error_rate, word_error_rate
from aimodels.speech import (
    add_noise,
    change_speed,
    log_mel,
    mel_filters,
    num_frames,
    pad,
    spec_augment,
)
from aimodels.train import warmup_cosine

RATE, BANDS = 8000, 40
FILTERS = mel_filters(RATE, 256, BANDS)
CENTERS = np.linspace(0, RATE / 2, len(FILTERS)) @ FILTERS / FILTERS.sum(axis=0)


def energies(
    recordings: Sequence[np.ndarray],
    speed: float = 1.0,
    snr_db: np.ndarray | None = None,
    seed: tuple[int, int] = (0, 0),
) -> list[np.ndarray]:
    """Log-mel energies of each recording, at another speed and with noise, if asked for."""
    found, lengths = [None] * len(recordings), np.array([len(one) for one in recordings])
    for rows in np.array_split(np.argsort(lengths), -(-len(lengths) // 64)):  # of about one length
        samples = pad([recordings[row][:, None] for row in rows])[..., 0]
        real = lengths[rows]
        if speed != 1:
            samples, real = change_speed(samples, speed), np.round(real / speed).astype(int)
        if snr_db is not None:
            samples = add_noise(samples, snr_db[rows], seed, lengths=real)
        spectra = log_mel(samples, RATE, n_mels=BANDS).numpy()
        for row, one, length in zip(rows, spectra, real, strict=True):
            found[row] = one[: num_frames(int(length), 256, 80)]
    return found


def normalise(energies: np.ndarray, bands: float = 1.0, top_db: float = 40.0) -> np.ndarray:
    """Mean 0 and one scale, whatever the level and the microphone.

    Each band's own mean is taken out with the weight `bands`, the mean of all with the rest: in a
    sentence that removes the microphone, in a single word it removes much of the word. What is
    `top_db` quieter than the loudest energy is noise, which differs between recordings.
    """
    energies = np.maximum(energies, energies.max() - top_db)
    energies = energies - bands * energies.mean(axis=0) - (1 - bands) * energies.mean()
    return (energies / (energies.std() + 1e-3)).astype("float32")


def read_at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows of `values` at places between them, linearly."""
    before = np.floor(places).astype(int)
    after, part = np.minimum(before + 1, len(values) - 1), (places - before)[:, None]
    return (1 - part) * values[before] + part * values[after]


def warp(energies: np.ndarray, factor: float, centers: np.ndarray = CENTERS) -> np.ndarray:
    """As said by a vocal tract `factor` times as long: band m takes what was at factor * center."""
    places = np.interp(centers * factor, centers, np.arange(len(centers)))
    return read_at(energies.T, places).T


def stretch(energies: np.ndarray, factor: float) -> np.ndarray:
    """As said in `factor` times the time."""
    length = max(2, round(len(energies) * factor))
    return read_at(energies, np.linspace(0, len(energies) - 1, length))


def masked(energies: Sequence[np.ndarray], rng: np.random.Generator, **masks) -> list[np.ndarray]:
    """Each with bands and moments missing, by `spec_augment`."""
    lengths = [len(one) for one in energies]
    seed = rng.integers(2**31, size=2)
    found = spec_augment(pad(energies), seed, lengths=lengths, **masks).numpy()
    return [one[:length] for one, length in zip(found, lengths, strict=True)]


def other_voices(
    energies: Sequence[np.ndarray], rng: np.random.Generator, bands: float = 1.0
) -> list[np.ndarray]:
    """Each as said by someone else through another microphone, faster or slower, with gaps."""
    ripples = np.cos(np.pi * np.outer(np.arange(1, 5), np.linspace(0, 1, BANDS)))
    changed = [
        stretch(warp(one, rng.uniform(0.85, 1.15)), rng.uniform(0.85, 1.2))
        + rng.normal(0, 4, 4) @ ripples  # dB
        for one in energies
    ]
    return masked([normalise(one, bands) for one in changed], rng)


def anew(
    make: Callable[[], tuple[list, np.ndarray]], batch_size: int, seed: int
) -> tf.data.Dataset:
    """Batches of utterances of about the same length, made anew for each epoch.

    Args:
        make: one epoch's examples: a list of features (T, M), and an array of targets.
        batch_size: number of utterances in a batch. Those that fill no batch are left out: others
            in each epoch, drawn before they are sorted, or it would always be the longest.
        seed: seed of the batches' order.
    """
    rng, ready = np.random.default_rng(seed), [make()]
    [(features, targets)] = ready
    number, width = len(features) // batch_size, features[0].shape[-1]

    def batches():
        features, targets = ready.pop() if ready else make()
        drawn = rng.permutation(len(features))[: number * batch_size]
        lengths = np.array([len(features[row]) for row in drawn])
        order = drawn[np.argsort(lengths * rng.uniform(0.85, 1.15, len(drawn)))]
        for place in rng.permutation(number):
            rows = order[place * batch_size : (place + 1) * batch_size]
            yield pad([features[row] for row in rows]), targets[rows]

    signature = (
        tf.TensorSpec((batch_size, None, width)),
        tf.TensorSpec((batch_size, *[None] * (targets.ndim - 1)), targets.dtype),  # texts differ
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(number))


def fit(
    model: keras.Model, batches: tf.data.Dataset, epochs: int, loss: keras.losses.Loss
) -> float:
    """Train with a rate that warms up and falls to zero; the CPU seconds that it took."""
    steps = epochs * len(batches)
    schedule = warmup_cosine(3e-3, steps, steps // 10)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-2, global_clipnorm=1.0)
    model.compile(optimizer, loss, jit_compile=False)  # batches of many lengths: no XLA
    began = time.process_time()
    model.fit(batches, epochs=epochs, verbose=2)
    return time.process_time() - began


def rates(heard: Sequence[str], said: Sequence[str]) -> dict[str, float]:
    """Character and word error rate, and the share of sentences with an error."""
    wrong = [one != other for one, other in zip(heard, said, strict=True)]
    return {
        "CER": round(character_error_rate(heard, said), 4),
        "WER": round(word_error_rate(heard, said), 4),
        "sentences with an error": round(sum(wrong) / len(wrong), 4),
    }
