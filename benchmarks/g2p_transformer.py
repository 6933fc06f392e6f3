"""Short words to phonemes: a Transformer, an LSTM with attention, and trees on windows of letters.

All learn from the same 12,000 words of 3 to 7 letters. Both networks make the same number of
passes; the rate of each, and the smallest leaf of the trees, is chosen on validation words. Test
words are read once, by three starts of each at its best.
"""

import math

import keras
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from aimodels import data
from aimodels.decoding import greedy
from aimodels.metrics import error_rates
from aimodels.seq2seq import Seq2Seq
from aimodels.text import Vocabulary
from aimodels.transformer import Transformer

LETTERS = [*"abcdefghijklmnopqrstuvwxyz"]
ASKED = 1000
SIDE = 3  # letters that a tree sees on either side
UNSEEN = 12.0  # cost of phonemes that no letter like this had so far


def short_words(split: str) -> dict[str, list[list[str]]]:
    """The pronunciations, at most 8 phonemes, of each word of 3 to 7 letters; no stress."""
    rows = data.load("cmudict", split=split, batch_size=-1)
    found = {}
    for word, sounds in zip(rows["word"].numpy(), rows["phonemes"].numpy(), strict=True):
        plain = [sound.rstrip("012") for sound in sounds.decode().split()]
        if word.isalpha() and 3 <= len(word) <= 7 and len(plain) <= 8:
            found.setdefault(word.decode(), []).append(plain)
    return found


def align(word: str, sounds: list[str], cost: dict) -> list[tuple[str, ...]]:
    """The phonemes of each letter, none to two, so that the sum of costs is smallest."""
    best = {(0, 0): (0.0, [])}
    for i, letter in enumerate(word):
        for j in range(len(sounds) + 1):
            ways = []
            for n in range(min(2, j) + 1):
                if (i, j - n) in best:
                    before, parts = best[i, j - n]
                    part = tuple(sounds[j - n : j])
                    price = cost.get((letter, part), UNSEEN) if cost else abs(n - 1)
                    ways.append((before + price, [*parts, part]))
            if ways:
                best[i + 1, j] = min(ways)
    return best.get((len(word), len(sounds)), (0, None))[1]


def aligned(pairs: list[tuple[str, list[str]]], rounds: int = 4) -> list[tuple[str, list[tuple]]]:
    """Every word with the phonemes of each letter; the costs are counted in the round before."""
    cost = {}
    for _ in range(rounds):
        found = [(word, align(word, sounds, cost)) for word, sounds in pairs]
        found = [(word, parts) for word, parts in found if parts]
        counts, letters = {}, {}
        for word, parts in found:
            for letter, part in zip(word, parts, strict=True):
                counts[letter, part] = counts.get((letter, part), 0) + 1
                letters[letter] = letters.get(letter, 0) + 1
        cost = {(a, b): -math.log(n / letters[a]) for (a, b), n in counts.items()}
    return found


def windows(words: list[str]) -> np.ndarray:
    """A row for each letter of each word: itself and its neighbours, as one-hot vectors."""
    numbers = np.array(
        [
            [ord(x) - 96 for x in padded[i : i + 2 * SIDE + 1]]
            for word in words
            for padded in ["`" * SIDE + word + "`" * SIDE]
            for i in range(len(word))
        ]
    )
    return np.eye(27, dtype="float32")[numbers].reshape(len(numbers), -1)


class Trees:
    """Extremely randomised trees that say the phonemes of one letter after the other."""

    def __init__(self, pairs: list[tuple[str, list[str]]], leaf: int, seed: int):
        pairs = aligned(pairs)
        parts = [" ".join(part) for _, parts in pairs for part in parts]
        self.parts, answers = np.unique(parts, return_inverse=True)
        self.trees = ExtraTreesClassifier(20, min_samples_leaf=leaf, random_state=seed)
        self.trees.fit(windows([word for word, _ in pairs]), answers)

    def __call__(self, words: list[str]) -> list[list[str]]:
        said = iter(self.parts[self.trees.predict(windows(words))])
        return [" ".join(next(said) for _ in word).split() for word in words]


class Network:
    """A network, trained for `epochs` passes at a rate that falls from `rate` along a cosine."""

    def __init__(self, kind: str, pairs, rate: float, seed: int, epochs: int):
        keras.utils.set_random_seed(seed)
        words, sounds = zip(*pairs, strict=True)
        self.letters, self.phonemes = Vocabulary([*LETTERS]), Vocabulary.build(sounds)
        sizes = len(self.letters), len(self.phonemes)
        self.model = lstm(*sizes) if kind == "LSTM" else transformer(*sizes)
        source = self.letters.encode([list(word) for word in words], 7).numpy()
        target = self.phonemes.encode(sounds, 10, start=True, end=True).numpy()
        steps = math.ceil(len(words) / 64) * epochs
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, steps - 60, warmup_target=rate, warmup_steps=60
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
        self.model.compile(keras.optimizers.Adam(schedule), loss)
        self.model.fit(
            (source, target[:, :-1]), target[:, 1:], batch_size=64, epochs=epochs, verbose=0
        )

    def __call__(self, words: list[str]) -> list[list[str]]:
        ids = self.letters.encode([list(word) for word in words], 7)
        return self.phonemes.decode(greedy(self.model, ids, max_length=10)[0])


def lstm(letters: int, phonemes: int) -> keras.Model:
    return Seq2Seq(letters, phonemes, embedding_dim=64, units=160, attention="dot")


def transformer(letters: int, phonemes: int) -> keras.Model:
    sizes = {"hidden_dim": 64, "num_layers": 3, "max_sequence_length": 16}
    return Transformer(letters, phonemes, dropout=0.0, normalize_first=True, **sizes)


def run(epochs: int = 6, seeds: int = 3, words: int = 12_000) -> dict:
    """Choose each contestant's rate or leaf, then ask for the test words.

    Args:
        epochs: number of passes of the networks.
        seeds: number of starts of each contestant.
        words: number of training words.
    """
    rng = np.random.default_rng(3)
    parts = {name: short_words(name) for name in ("train", "validation", "test")}
    known = rng.permutation(sorted(parts["train"]))[:words].tolist()
    pairs = [(word, parts["train"][word][0]) for word in known]
    asked = {
        name: rng.permutation(sorted(parts[name]))[:ASKED].tolist()
        for name in ("validation", "test")
    }

    def errors(contestant, split: str) -> list[float]:
        right = [parts[split][word] for word in asked[split]]
        return [round(float(e), 4) for e in error_rates(contestant(asked[split]), right)]

    makers = {
        "trees": ((1, 2, 4), lambda leaf, seed: Trees(pairs, leaf, seed)),
        "LSTM": (
            (3e-3, 6e-3, 1.2e-2),
            lambda rate, seed: Network("LSTM", pairs, rate, seed, epochs),
        ),
        "Transformer": (
            (1.5e-3, 3e-3, 6e-3),
            lambda rate, seed: Network("Transformer", pairs, rate, seed, epochs),
        ),
    }
    figures = {"words": len(pairs), "epochs": epochs, "asked": ASKED}
    for name, (settings, make) in makers.items():
        tried = {str(s): errors(make(s, 100), "validation") for s in settings}
        best = min(settings, key=lambda s: tried[str(s)][0])
        test = {str(seed): errors(make(best, seed), "test") for seed in range(1, seeds + 1)}
        figures[name] = {"validation": tried, "chosen": best, "test": test}
    return figures
