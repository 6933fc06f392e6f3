"""What the benchmarks of speech share: features made anew for each epoch, and rates of errors.

Recordings are few and speakers fewer, so each epoch hears other ones: as if the vocal tract were
longer or shorter (frequencies times a factor), faster or slower, with bands and moments missing.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from aimodels.metrics import error_rates
from aimodels.speech import pad


def normalise(energies: np.ndarray, top_db: float = 40.0) -> np.ndarray:
    """Each band's mean 0, which takes out microphone and level; one scale for all bands.

    What is `top_db` quieter than the loudest energy is noise, which differs between microphones.
    """
    energies = np.maximum(energies, energies.max() - top_db)
    energies = energies - energies.mean(axis=0)
    return (energies / (energies.std() + 1e-3)).astype("float32")


def read_at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows of `values` at places between them, linearly."""
    before = np.clip(np.floor(places).astype(int), 0, len(values) - 1)
    after, part = np.minimum(before + 1, len(values) - 1), (places - before)[:, None]
    return (1 - part) * values[before] + part * values[after]


def warp(energies: np.ndarray, centers: np.ndarray, factor: float) -> np.ndarray:
    """As said by a vocal tract `factor` times as long: band m takes what was at factor * center."""
    places = np.interp(centers * factor, centers, np.arange(len(centers)))
    return read_at(energies.T, places).T


def stretch(energies: np.ndarray, factor: float) -> np.ndarray:
    """As said in `factor` times the time."""
    length = max(2, round(len(energies) * factor))
    return read_at(energies, np.linspace(0, len(energies) - 1, length))


def mask(energies: np.ndarray, rng: np.random.Generator, bands: int, share: float) -> np.ndarray:
    """SpecAugment: two stripes of up to `bands` bands, and one of frames each second, are 0."""
    energies, (length, width) = energies.copy(), energies.shape
    for _ in range(2):
        size = rng.integers(bands + 1)
        start = rng.integers(width - size + 1)
        energies[:, start : start + size] = 0
    for _ in range(max(1, length // 100)):
        size = rng.integers(int(share * min(length, 100)) + 1)
        start = rng.integers(length - size + 1)
        energies[start : start + size] = 0
    return energies


class Anew(keras.utils.PyDataset):
    """Batches of utterances of about the same length, distorted anew for each epoch.

    Args:
        make: one epoch's examples: a list of features (T, M), and an array of targets.
        batch_size: number of utterances in a batch; the last few of an epoch may be left out.
        seed: seed of the batches' order.
    """

    def __init__(self, make: Callable[[], tuple[list, np.ndarray]], batch_size: int, seed: int):
        super().__init__()
        self.make, self.batch_size = make, batch_size
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self.features, self.targets = self.make()
        length = np.array([len(one) for one in self.features])
        order = np.argsort(length * self.rng.uniform(0.85, 1.15, len(length)))
        starts = np.arange(0, len(order) - self.batch_size + 1, self.batch_size)
        self.rows = [order[at : at + self.batch_size] for at in self.rng.permutation(starts)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.rows[number]
        return pad([self.features[row] for row in rows]), self.targets[rows]


def rates(heard: Sequence[str], said: Sequence[str]) -> dict[str, float]:
    """Character and word error rate, and the share of sentences with an error."""
    characters, sentences = error_rates(heard, [[text] for text in said])
    words, _ = error_rates([text.split() for text in heard], [[text.split()] for text in said])
    return {
        "CER": round(characters, 4),
        "WER": round(words, 4),
        "sentences with an error": round(sentences, 4),
    }
