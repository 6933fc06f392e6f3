"""Spelled names, numbers and commands: AN4 from its 13 cepstra to characters.

A BiLSTM with CTC. Eight of the 74 training speakers are kept for validation: layers and epochs were
chosen on them, and each run chooses on them how much a language model of the training transcripts
counts. The test speakers are heard once. 26 of the 130 test sentences also stand in the training
set, said by others: the figures without them stand beside.
"""

import functools
import json
from collections import Counter

import keras
import numpy as np
from speech_training import anew, fit, masked, rates, stretch, warp

from aimodels import data
from aimodels.speech import CTC, CharacterLM, SpeechRNN

ALPHABET = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BANDS = 24  # of a smooth spectrum, between 130 and 6800 Hz as its mel filters lay
CENTERS = 700 * np.expm1(np.linspace(np.log1p(130 / 700), np.log1p(6800 / 700), BANDS + 2)[1:-1])
COSINES = np.cos(np.pi * np.outer(np.arange(13), np.arange(BANDS) + 0.5) / BANDS)
COSINES *= np.sqrt(np.where(np.arange(13) == 0, 1, 2) / BANDS)[:, None]
WEIGHTS, BONUSES = (0.4, 0.7, 1.0), (0.0, 1.0, 2.0)
ORDER, BEAM = 6, 16


def normalise(cepstra: np.ndarray) -> np.ndarray:
    """Each coefficient with mean 0 and deviation 1 in its utterance."""
    return ((cepstra - cepstra.mean(axis=0)) / (cepstra.std(axis=0) + 1e-3)).astype("float32")


def others(utterances: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """As said by someone else: changed in the spectrum that the cepstra stand for."""
    spectra = []
    for cepstra in utterances:
        spectrum = (cepstra - cepstra.mean(axis=0)) @ COSINES
        spectrum = stretch(spectrum, rng.uniform(0.88, 1.12))
        spectrum = warp(spectrum, rng.uniform(0.88, 1.12), CENTERS)
        spectra.append(spectrum + rng.normal(0, 0.1, spectrum.shape))
    return [normalise(one @ COSINES.T) for one in masked(spectra, rng, frequency_width=4)]


def load(split: str) -> dict[str, list]:
    """Cepstra, texts and speakers."""
    found = {"features": [], "text": [], "speaker": []}
    for one in data.load("an4_mfcc", split=split).as_numpy_iterator():
        found["features"].append(one["features"])
        found["text"].append(one["text"].decode())
        found["speaker"].append(one["speaker"].decode())
    return found


def chosen(utterances: dict[str, list], keep) -> dict[str, list]:
    rows = [row for row, speaker in enumerate(utterances["speaker"]) if keep(speaker)]
    return {name: [values[row] for row in rows] for name, values in utterances.items()}


def train(utterances: dict[str, list], epochs: int, seed: int) -> tuple[SpeechRNN, float]:
    """The trained model, and the CPU seconds that it took."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = SpeechRNN(13, ALPHABET, units=128, num_layers=2, filters=128, strides=3, dropout=0.3)
    labels = model.encode(utterances["text"])
    batches = anew(lambda: (others(utterances["features"], rng), labels), 32, seed)
    return model, fit(model, batches, epochs, CTC())


def one_seed(splits: dict[str, dict], language_model: CharacterLM, epochs: int, seed: int) -> dict:
    model, seconds = train(splits["train"], epochs, seed)
    features = {name: list(map(normalise, split["features"])) for name, split in splits.items()}
    said = {name: split["text"] for name, split in splits.items()}
    beam = functools.partial(model.transcribe, beam_size=BEAM, language_model=language_model)
    tried = {}
    for weight in WEIGHTS:
        for bonus in BONUSES:
            heard = beam(features["validation"], weight=weight, length_bonus=bonus)
            tried[weight, bonus] = rates(heard, said["validation"])["WER"]
    weight, bonus = min(tried, key=tried.get)
    heard = {
        "greedy": model.transcribe(features["test"]),
        "beam, no language model": model.transcribe(features["test"], beam_size=BEAM),
        "beam": beam(features["test"], weight=weight, length_bonus=bonus),
    }
    known = {*splits["train"]["text"], *splits["validation"]["text"]}
    new = [row for row, text in enumerate(said["test"]) if text not in known]
    return {
        "validation": {
            "greedy": rates(model.transcribe(features["validation"]), said["validation"]),
            "beam": [
                {"weight": weight, "bonus": bonus, "WER": rate}
                for (weight, bonus), rate in tried.items()
            ],
        },
        "weight": weight,
        "bonus": bonus,
        "all test sentences": {how: rates(texts, said["test"]) for how, texts in heard.items()},
        "sentences not in the training set": {
            how: rates([texts[row] for row in new], [said["test"][row] for row in new])
            for how, texts in heard.items()
        },
        "parameters": model.count_params(),
        "CPU seconds of training": round(seconds),
    }


def run(seeds: tuple[int, ...] = (1,), epochs: int = 60, utterances: int | None = None) -> dict:
    """`utterances` takes only the first of each split: a test of the program, no measurement."""
    whole = load("train")
    speakers = sorted({*whole["speaker"]})
    kept = {*speakers[::9][:8]}
    splits = {
        "train": chosen(whole, lambda speaker: speaker not in kept),
        "validation": chosen(whole, lambda speaker: speaker in kept),
        "test": load("test"),
    }
    splits = {
        split: {name: values[:utterances] for name, values in one.items()}
        for split, one in splits.items()
    }
    language_model = CharacterLM(splits["train"]["text"], ALPHABET, order=ORDER)
    known, said = {*whole["text"]}, splits["test"]["text"]
    [(frequent, _)] = Counter(splits["train"]["text"]).most_common(1)
    result = {
        "utterances": {split: len(one["text"]) for split, one in splits.items()},
        "speakers": {split: len({*one["speaker"]}) for split, one in splits.items()},
        "test sentences in the training set": sum(text in known for text in said),
        "epochs": epochs,
        "order of the language model": ORDER,
        "its perplexity": {
            split: round(language_model.perplexity(splits[split]["text"]), 3)
            for split in ("validation", "test")
        },
        "beam": BEAM,
        f"always {frequent!r}": rates([frequent] * len(said), said),
        "seeds": {},
    }
    for seed in seeds:
        result["seeds"][str(seed)] = one = one_seed(splits, language_model, epochs, seed)
        print(f"seed {seed}: {json.dumps(one)}", flush=True)  # if it is cut off later
    for rate, how in (("CER", "greedy"), ("WER", "beam")):
        reached = [one["all test sentences"][how][rate] for one in result["seeds"].values()]
        result[f"mean {rate} {how}"] = round(float(np.mean(reached)), 4)
    return result
