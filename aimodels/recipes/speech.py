"""A recogniser of speech: digits and strings of digits, or recordings of the user's own."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from aimodels import data
from aimodels.files import write_text
from aimodels.metrics import character_error_rate
from aimodels.recipes import recordings
from aimodels.recipes.common import Recipe, RecipeError, Task
from aimodels.recipes.recordings import OwnRecordings, Recordings
from aimodels.speech.augment import spec_augment
from aimodels.speech.ctc import min_frames
from aimodels.speech.listening import sound_features
from aimodels.speech.losses import CTC
from aimodels.speech.models import SpeechRNN

NUM_FEATURES = 40
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_HELD_OUT = "yweweler"  # one of spoken_digit's five speakers
_MASKS = {"frequency_width": 6, "time_width": 12}


class _Sound(dict):
    """Facts about the recordings, saved beside the model."""

    def save(self, path: Path) -> None:
        write_text(path, json.dumps(self) + "\n")


def speech(
    name: str, plan: Recipe, seed: int, limit: int | None, own: OwnRecordings | None
) -> Task:
    if own:
        parts, rate = [own.train, own.validation], recordings.SAMPLE_RATE
    else:
        parts = _espeak_digits(limit) if name == "espeak_digits" else _spoken_digit(seed, limit)
        rate = data.info(name).features["audio"].sample_rate
    alphabet = "".join(sorted({*"".join(parts[0].texts), *"".join(parts[1].texts)}))
    if not alphabet:
        raise RecipeError(f"{name} has no text to learn: all of its texts are empty")
    model = SpeechRNN(NUM_FEATURES, alphabet, **plan.model)
    train, held_out = (_examples(part, model, rate, plan.length) for part in parts)
    if not len(train[0]):
        raise RecipeError(
            f"{name} leaves nothing to train on: no recording has a text that fits into it and at "
            f"most {plan.length / 100:.0f} seconds"
        )

    def of_epoch(epoch):
        def masked(number, example):
            features, labels = example
            seeds = tf.stack([number + seed * 1_000_003, epoch])
            real = tf.reduce_any(features != 0, axis=-1)
            length = tf.math.count_nonzero(real, dtype=tf.int32)
            changed = spec_augment(features, seeds, **_MASKS, lengths=length)
            return tf.where(real[:, None], changed, 0.0), labels

        return tf.data.Dataset.from_tensor_slices(train).enumerate().map(masked)

    def sample():
        features, labels = (part[:200] for part in held_out)
        said = ["".join(alphabet[i - 1] for i in label if i) for label in labels]
        heard = model.transcribe(features)
        wrong = character_error_rate(heard, said)
        lines = [f"{a!r} is heard as {b!r}" for a, b in zip(said[:5], heard[:5], strict=True)]
        return "\n".join([*lines, f"{100 * wrong:.1f} % of the held-out symbols are wrong"])

    files = {"sound.json": _Sound(sample_rate=rate)}
    return Task(model, CTC(), of_epoch, True, held_out, sample, files)


def _espeak_digits(limit: int | None) -> list[Recordings]:
    parts = []
    for split in data.load("espeak_digits", split=["train", "validation"]):
        rows = [*split.take(limit or -1).as_numpy_iterator()]
        numbers = [[_DIGITS.index(word) for word in row["text"].decode().split()] for row in rows]
        texts = ["".join(map(str, digits)) for digits in numbers]
        parts.append(Recordings([row["audio"] / 2**15 for row in rows], texts))
    return parts


def _spoken_digit(seed: int, limit: int | None) -> list[Recordings]:
    """Words of four speakers, and of a fifth; as many strings are joined from them."""
    rows = [*data.load("spoken_digit", split="train+test").as_numpy_iterator()]
    rng, parts = np.random.default_rng(seed), []
    for held_out in (False, True):
        mine = [row for row in rows if (row["speaker"].decode() == _HELD_OUT) == held_out][:limit]
        part = Recordings([row["audio"] / 2**15 for row in mine], [str(r["label"]) for r in mine])
        for speaker in sorted({row["speaker"] for row in mine}):
            places = [i for i, row in enumerate(mine) if row["speaker"] == speaker]
            for _ in range(len(places)):
                joined(part, rng.choice(places, rng.integers(2, 6)), rng)
        parts.append(part)
    return parts


def joined(part: Recordings, places: np.ndarray, rng: np.random.Generator) -> None:
    """Add to the recordings one that joins some of them, with pauses of up to 0.2 seconds."""
    pieces = []
    for place in places:
        sound = part.sounds[place]
        quiet = 0.001 * np.abs(sound).max() * rng.normal(size=rng.integers(1600))
        pieces += [quiet, sound / max(np.abs(sound).max(), 1e-4)]
    part.sounds.append(np.concatenate(pieces))
    part.texts.append("".join(part.texts[place] for place in places))


def _examples(
    part: Recordings, model: SpeechRNN, rate: int, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Features (B, T, M) and labels (B, L), both padded with zeros, of what can be learnt from."""
    shortest = rate // 40  # samples: one frame
    features = [
        sound_features(sound, rate, NUM_FEATURES) if shortest < len(sound) <= most * rate // 100
        else None
        for sound in part.sounds
    ]  # fmt: skip
    labels = model.encode(part.texts)
    strides = model.config["strides"]
    fits = [
        i
        for i, (frames, label) in enumerate(zip(features, labels, strict=True))
        if frames is not None and 0 < min_frames(label[label > 0]) <= -(-len(frames) // strides)
    ]
    longest = max((len(features[i]) for i in fits), default=0)
    padded = np.zeros((len(fits), longest, NUM_FEATURES), np.float32)
    for row, i in zip(padded, fits, strict=True):
        row[: len(features[i])] = features[i]
    return padded, labels[fits]
