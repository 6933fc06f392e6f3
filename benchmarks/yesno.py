"""Yes or no in Hebrew, eight words in a recording: a BiLSTM with CTC from 34 recordings.

One man says all. Settings were fixed beforehand, and judged on the 14 validation recordings; the 12
test recordings are heard once for each seed.
"""

import json

import keras
import numpy as np
from speech_training import anew, energies, fit, normalise, other_voices, rates

from aimodels import data
from aimodels.speech import CTC, SpeechRNN

ALPHABET = " enosy"


def load() -> dict[str, tuple[list[np.ndarray], list[str]]]:
    """Energies and texts of each split."""
    found = {}
    for split, examples in data.load("yesno").items():
        sounds, texts = [], []
        for one in examples.as_numpy_iterator():
            sounds.append(one["audio"].astype("float32") / 2**15)
            texts.append(one["text"].decode())
        found[split] = energies(sounds), texts
    return found


def train(features: list, texts: list[str], epochs: int, seed: int) -> tuple[SpeechRNN, float]:
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = SpeechRNN(40, ALPHABET, units=48, num_layers=1, filters=64, strides=4, dropout=0.2)
    labels = model.encode(texts * 4)  # an epoch hears each recording in four ways

    def epoch():
        return other_voices(features * 4, rng), labels

    seconds = fit(model, anew(epoch, 8, seed), epochs, CTC())
    return model, seconds


def heard(model: SpeechRNN, features: list) -> list[str]:
    return model.transcribe([normalise(one) for one in features])


def run(seeds: tuple[int, ...] = (1, 2, 3), epochs: int = 25) -> dict:
    splits, runs = load(), {}
    for seed in seeds:
        model, seconds = train(*splits["train"], epochs, seed)
        runs[str(seed)] = one = {
            split: rates(heard(model, splits[split][0]), splits[split][1])
            for split in ("validation", "test")
        }
        one |= {"parameters": model.count_params(), "CPU seconds of training": round(seconds)}
        print(f"seed {seed}: {json.dumps(one)}", flush=True)  # if it is cut off later
    said = splits["test"][1]
    reached = [one["test"]["WER"] for one in runs.values()]
    always = " ".join(["no"] * 8)
    return {
        "recordings": {split: len(part) for split, (_, part) in splits.items()},
        "words in the test recordings": sum(len(text.split()) for text in said),
        "epochs": epochs,
        f"always {always!r}": rates([always] * len(said), said),
        "seeds": runs,
        "mean test WER": round(float(np.mean(reached)), 4),
        "highest test WER": max(reached),
    }
