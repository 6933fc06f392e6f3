"""Words read aloud letter by letter: settings of four methods, judged on a tenth of known words.

Lesson 01_foundations takes the best setting of each method. Only the training words of CMUdict are
read here; each word counts once, and is right if each of its sounds is.
"""

import re

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from aimodels import data
from aimodels.foundations import Adam, backward, cross_entropy, forward, initialize

# contexts from long to short, as places in the window of seven; the letter itself is at 3
LATER_FIRST = ((0, 7), (1, 7), (1, 6), (2, 6), (2, 5), (3, 5), (3, 4))
EARLIER_FIRST = ((0, 7), (0, 6), (1, 6), (1, 5), (2, 5), (2, 4), (3, 4))
STEPS, BATCH = (1600, 400), 256
NETWORKS = ((256, 0.004), (512, 0.002), (512, 0.004), (512, 0.008))
TREES = (
    {},
    {"min_samples_split": 5},
    {"min_samples_split": 10},
    {"criterion": "entropy"},
    {"criterion": "entropy", "min_samples_split": 5},
)


def words() -> list[tuple[str, list[str]]]:
    examples, found = data.load("cmudict", split="train", batch_size=-1), {}
    for word, sounds in zip(*(examples[k].numpy() for k in ("word", "phonemes")), strict=True):
        word, sounds = word.decode(), re.sub(r"\d", "", sounds.decode()).split()
        if re.fullmatch("[a-z]+", word) and len(word) == len(sounds):
            found.setdefault(word, sounds)
    return [*found.items()]


def examples_of(chosen, names) -> tuple[np.ndarray, np.ndarray]:
    """Windows of seven letters, 0 for none, and the numbers of their sounds."""
    rows = []
    for word, _ in chosen:
        padded = np.pad([ord(letter) - 96 for letter in word], 3)
        rows.append(np.lib.stride_tricks.sliding_window_view(padded, 7))
    sounds = [names.index(sound) for _, spoken in chosen for sound in spoken]
    return np.concatenate(rows), np.array(sounds)


def one_hot(letters) -> np.ndarray:
    return np.eye(27, dtype=bool)[letters].reshape(len(letters), -1)


def table(letters, sounds, asked, contexts) -> np.ndarray:
    """By the longest known context: its most frequent sound."""
    answers = np.full(len(asked), -1)
    for first, last in contexts:
        counts = {}
        for context, sound in zip(map(tuple, letters[:, first:last]), sounds, strict=True):
            counts.setdefault(context, np.zeros(sounds.max() + 1, int))[sound] += 1
        for i in np.flatnonzero(answers < 0):
            if (found := counts.get(tuple(asked[i, first:last]))) is not None:
                answers[i] = found.argmax()
    return answers


def network(x, sounds, asked, hidden, rate) -> np.ndarray:
    """Adam at `rate`, for the last steps at a fraction; no hidden width: logistic regression."""
    widths = (x.shape[1], *hidden, sounds.max() + 1)
    parameters = [p.astype("float32") for p in initialize(widths, "he", seed=0)]
    rng = np.random.default_rng(0)
    for smaller, steps in zip((1, 5 if hidden else 10), STEPS, strict=True):
        optimizer = Adam(rate / smaller)
        for _ in range(steps):
            rows = rng.choice(len(x), BATCH, replace=False)
            a = forward(parameters, x[rows])
            _, error = cross_entropy(sounds[rows], a[-1])
            optimizer.apply(backward(parameters, a, error.astype("float32")), parameters)
    return forward(parameters, asked)[-1].argmax(axis=1)


def run() -> dict:
    known = words()
    order = np.random.default_rng(0).permutation(len(known))
    tenth = len(known) // 10
    names = sorted({sound for _, spoken in known for sound in spoken})
    judged = [known[i] for i in order[:tenth]]
    letters, sounds = examples_of([known[i] for i in order[tenth:]], names)
    asked, truth = examples_of(judged, names)
    x, x_asked = one_hot(letters), one_hot(asked)
    number = np.repeat(np.arange(tenth), [len(word) for word, _ in judged])

    def right(what, answers) -> float:
        share = round(float(np.mean(np.bincount(number, answers != truth) == 0)), 4)
        print(f"{what:<60} {share}", flush=True)
        return share

    right_words = {}
    for name, contexts in (("later first", LATER_FIRST), ("earlier first", EARLIER_FIRST)):
        what = f"table of contexts, {name}"
        right_words[what] = right(what, table(letters, sounds, asked, contexts))
    for rate in (0.01, 0.02, 0.04):
        what = f"logistic regression, rate {rate}"
        right_words[what] = right(what, network(x, sounds, x_asked, (), rate))
    for settings in TREES:
        what = ", ".join(["decision tree", *(f"{k}={v}" for k, v in settings.items())])
        tree = DecisionTreeClassifier(random_state=0, **settings).fit(x, sounds)
        right_words[what] = right(what, tree.predict(x_asked))
    for hidden, rate in NETWORKS:
        what = f"network, {hidden} hidden units, rate {rate}"
        right_words[what] = right(what, network(x, sounds, x_asked, (hidden,), rate))
    return {"words": len(known), "judged": tenth, "right": right_words}
