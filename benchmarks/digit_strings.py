"""Strings of digits: words of one speaker joined, and read by a BiLSTM with CTC.

Each epoch joins other strings of 2 to 6 training recordings of `spoken_digit` (index 5 to 44), with
pauses, levels and noise drawn at random. 200 test strings are joined once from the test recordings
(index 0 to 4) of the same five speakers. The number of epochs was chosen on strings of the
recordings 45 to 49, which no training string has.
"""

import keras
import numpy as np
from speech_training import RATE, anew, energies, fit, normalise, other_voices, rates
from spoken_digit import load

from aimodels.speech import CTC, SpeechRNN

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ALPHABET = "".join(sorted({*" ".join(WORDS)}))


def joined(
    recordings: dict,
    rows: np.ndarray,
    number: int,
    rng: np.random.Generator,
    *,
    level_db: float = 6.0,
    noise: bool = True,
) -> tuple[list[np.ndarray], list[str]]:
    """`number` strings of recordings out of `rows`, each of one speaker; and what they say."""
    sounds, texts = [], []
    for _ in range(number):
        speaker = rng.choice(np.unique(recordings["speaker"][rows]))
        own = rows[recordings["speaker"][rows] == speaker]
        chosen = rng.choice(own, rng.integers(2, 7))
        pieces = [np.zeros(rng.integers(0, RATE // 10))]
        for row in chosen:
            level = 10 ** (rng.uniform(-level_db, level_db) / 20)
            pause = np.zeros(rng.integers(0, RATE // 3))
            pieces += [level * recordings["samples"][row], pause]
        sound = np.concatenate(pieces)
        if noise:
            deviation = np.sqrt(np.mean(sound**2)) * 10 ** (-rng.uniform(20, 40) / 20)
            sound = sound + rng.normal(0, deviation, len(sound))
        sounds.append(sound.astype("float32"))
        texts.append(" ".join(WORDS[label] for label in recordings["label"][chosen]))
    return sounds, texts


def one_seed(recordings: dict, held_out: dict, strings: int, epochs: int, seed: int) -> dict:
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = SpeechRNN(40, ALPHABET, units=96, num_layers=2, filters=96, strides=3, dropout=0.3)
    [rows] = np.nonzero((recordings["index"] >= 5) & (recordings["index"] < 45))

    def epoch():
        sounds, texts = joined(recordings, rows, strings, rng)
        return other_voices(energies(sounds), rng), model.encode(texts)

    seconds = fit(model, anew(epoch, 16, seed), epochs, CTC())
    found = {
        split: rates(model.transcribe(features), texts)
        for split, (features, texts) in held_out.items()
    }
    return found | {
        "parameters": model.count_params(),
        "CPU seconds of training": round(seconds),
    }


def run(seeds: tuple[int, ...] = (1,), epochs: int = 48, strings: int = 400) -> dict:
    """`strings` are those of an epoch."""
    recordings, held_out = load(), {}
    for number, (split, low, high) in enumerate((("validation", 45, 50), ("test", 0, 5))):
        inside = (recordings["index"] >= low) & (recordings["index"] < high)
        rng = np.random.default_rng(number)
        sounds, texts = joined(recordings, np.flatnonzero(inside), 200, rng)
        held_out[split] = [normalise(one) for one in energies(sounds)], texts
    always = max(sorted({*held_out["validation"][1]}), key=held_out["validation"][1].count)
    said = held_out["test"][1]
    runs = {str(s): one_seed(recordings, held_out, strings, epochs, s) for s in seeds}
    return {
        "test strings": len(said),
        "digits in them": sum(len(text.split()) for text in said),
        "epochs": epochs,
        "training strings in an epoch": strings,
        f"always {always!r}": rates([always] * len(said), said),
        "seeds": runs,
        "mean test CER": round(float(np.mean([one["test"]["CER"] for one in runs.values()])), 4),
        "highest test CER": max(one["test"]["CER"] for one in runs.values()),
    }
