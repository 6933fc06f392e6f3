"""Digits and strings of digits, synthesised with voices that are in one split only."""

from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data
from aimodels.data.recording import Recording

SAMPLE_RATE = 8000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en-gb", "en-us-nyc", "en-gb-scotland", "en-029")
TAKES, STRINGS = 4, 20  # of each digit, and strings, by one speaker
SPEAKERS = {
    "train": (
        *("m1", "f1", "Alex", "Andrea", "m2", "f2", "Denis", "Annie", "m3", "f4", "Gene", "steph"),
        *("m5", "grandma", "Lee", "m7", "John", "Michael", "Paul", "ed", "adam", "norbert"),
        *("pablo", "max", "Mario"),
    ),
    "validation": ("m6", "f3", "travis", "Alicia", "Mike"),
    "test": (
        *("m4", "f5", "Reed", "belinda", "m8", "aunty", "robert", "anika", "quincy", "shelby"),
    ),
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Spoken digits and strings of digits at 8 kHz, by 40 voices of a synthesiser.

    Reference: [espeakng] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Spoken by espeak-ng 1.52."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "audio": Recording(sample_rate=SAMPLE_RATE),
                    "text": tfds.features.Text(),
                    "label": np.int64,
                    "speaker": tfds.features.Text(),
                }
            ),
            supervised_keys=("audio", "text"),
            homepage="https://github.com/espeak-ng/espeak-ng",
            license="CC0",
        )

    def _split_generators(self, dl_manager):
        from aimodels import speech

        try:
            speech.espeak_voices()
        except ImportError as error:
            raise data.DataError(f"espeak_digits: {error}") from None
        return {
            name: self._generate_examples(speakers, seed)
            for seed, (name, speakers) in enumerate(SPEAKERS.items())
        }

    def _generate_examples(self, speakers: tuple[str, ...], seed: int):
        rng = np.random.default_rng(seed)
        for i, speaker in enumerate(speakers):
            voice = f"{ACCENTS[i % len(ACCENTS)]}+{speaker}"
            for j, digits in enumerate(said_by_one(rng)):
                text = " ".join(WORDS[digit] for digit in digits)
                yield (
                    f"{voice} {j}",
                    {
                        "audio": record(text, voice, rng),
                        "text": text,
                        "label": digits[0] if len(digits) == 1 else -1,
                        "speaker": voice,
                    },
                )


def said_by_one(rng: np.random.Generator) -> Iterator[list[int]]:
    """What one speaker says: each digit alone, then strings."""
    yield from ([digit] for digit in range(10) for _ in range(TAKES))
    for _ in range(STRINGS):
        yield rng.integers(0, 10, rng.integers(2, 7)).tolist()


def record(text: str, voice: str, rng: np.random.Generator) -> np.ndarray:
    """Speak once, at a random rate, pitch and loudness, and add silence and noise."""
    from aimodels import speech

    rate, pitch = int(rng.integers(110, 231)), int(rng.integers(25, 76))
    samples = speech.espeak(text, voice, rate=rate, pitch=pitch, sample_rate=SAMPLE_RATE)
    noise = np.sqrt(np.mean(samples**2)) * 10 ** (-rng.uniform(20, 40) / 20)
    before, after = rng.integers(SAMPLE_RATE // 20, SAMPLE_RATE // 4, 2)
    samples = np.pad(samples.astype(np.float64), (before, after))
    samples += rng.normal(0, noise, len(samples))
    loudness = rng.uniform(0.2, 0.9) / np.abs(samples).max()
    return np.rint(samples * loudness * 2**15).astype(np.int16)
