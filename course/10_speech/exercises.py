# ---
# jupyter:
#   aimodels:
#     title: "Exercises: Speech"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: Speech
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import itertools
from math import comb

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aimodels import data, speech
from aimodels.course import claim, measured
from aimodels.speech.listening import sound_features

# %% [markdown]
# ## Exercise 1: by hand
#
# Drop repetitions, then blanks. Only a blank between the two *e* keeps both: `s-e-e` and `-s-eee`
# differ in just that. Of the five, `s-e-e` and `ss-ee-e` read as "see"; the other three read as
# "se". "see" needs four frames: s, e, a blank, e.

# %%
symbols = "-es"
for path in ("s-ee", "see-", "s-e-e", "ss-ee-e", "-s-eee"):
    read = speech.collapse([symbols.index(symbol) for symbol in path])
    print(f"{path:<8} {''.join(symbols[number] for number in read)}")
print("frames needed:", speech.min_frames([2, 1, 1]))

# %% [markdown]
# ## Exercise 2: count the paths
#
# With $T = 5$ and $L = 2$ the formula says $\binom{7}{4} = 35$. Two equal letters need a blank
# between them, which takes one frame away: as many as different letters have in four frames,
# $\binom{6}{4} = 15$.


# %%
def number_of_paths(text, frames, symbols=3):
    """Paths of this many frames that read as the text."""
    paths = itertools.product(range(symbols), repeat=frames)
    return sum(speech.collapse(path) == text for path in paths)


different, equal = number_of_paths([1, 2], 5), number_of_paths([1, 1], 5)
print(different, comb(7, 4), "  equal letters:", equal, comb(6, 4))
assert (different, equal) == (comb(7, 4), comb(6, 4))

# %% [markdown]
# The network's even answer gives each path $3^{-5}$, so the loss follows from the count.

# %%
losses = speech.ctc_loss([[1, 2], [1, 1]], np.zeros((2, 5, 3), "float32")).numpy()
assert np.allclose(losses, 5 * np.log(3) - np.log([different, equal]), atol=1e-5)
print("losses:", losses.round(4))

# %% [markdown]
# ## Exercise 3: the gradient
#
# The lesson has the gradient for the logits: $p_t(v) - \gamma_t(v)$, what the network says minus
# the share of the text's paths that say $v$. Each path says one symbol at a frame, so the shares
# add up to 1, as the probabilities do, and their difference adds up to zero. Adding a number to all
# logits of a frame changes no probability, so the loss cannot change in that direction.

# %%
logits = np.random.default_rng(1).normal(size=(1, 12, 5))
loss, gradient = speech.forward_backward([[2, 4, 4]], logits)
claim("largest sum of a frame's gradient", np.abs(gradient.sum(-1)).max(), at_most=1e-9)
shifted, _ = speech.forward_backward([[2, 4, 4]], logits + 3)
claim("all logits 3 higher: the loss changes by", abs(shifted[0] - loss[0]), at_most=1e-9)

# %% [markdown]
# ## Exercise 4: pitch is not the word
#
# A higher pitch moves the lines of the voice to other frequencies; the formants, which make the
# word, stay. The fine spectrogram, of frames of 512 points, shows each line. Thirteen MFCC describe
# only the coarse shape of the spectrum; the first of them is the loudness, and we leave it out. To
# compare words of different lengths, we average over time.


# %%
def mean_spectrum(samples):
    """Decibels of 257 frequencies, averaged over the loud frames: the lines of the voice show."""
    power = speech.power_spectrum(samples, 512, 80, 400).numpy()
    decibels = 10 * np.log10(power + 1e-10)
    return decibels[decibels.max(1) > decibels.max() - 30].mean(0)


def mean_mfcc(samples):
    """MFCC 1 to 12, averaged over the loud frames."""
    energies = speech.log_mel(samples, 8000).numpy()
    loud = energies.max(1) > energies.max() - 30
    return speech.mfcc(samples, 8000).numpy()[loud, 1:].mean(0)


low, high = (speech.espeak("nine", "en-us", pitch=p, sample_rate=8000) for p in (20, 80))
five = speech.espeak("five", "en-us", pitch=20, sample_rate=8000)
ratio = {}
for name, describe in {"spectrum": mean_spectrum, "MFCC": mean_mfcc}.items():
    pitch = np.linalg.norm(describe(low) - describe(high))
    ratio[name] = pitch / np.linalg.norm(describe(low) - describe(five))
print({name: measured(value) for name, value in ratio.items()})
assert ratio["MFCC"] < ratio["spectrum"]

# %% [markdown]
# ## Exercise 5: noise
#
# The machine of the lesson, on words of new voices, with noise of three levels. Here it gets the
# whole recording, since under loud noise no frame is quiet.


# %%
def words(split):
    """Samples, digits and voices of the single words."""
    rows = [
        r for r in data.load("espeak_digits", split=split).as_numpy_iterator() if r["label"] >= 0
    ]
    samples = [(row["audio"] / 32768).astype("float32") for row in rows]
    return samples, np.array([r["label"] for r in rows]), np.array([r["speaker"] for r in rows])


def sixteenths(samples):
    """Means of 16 parts of the features, (640,)."""
    parts = np.array_split(sound_features(samples, 8000, 40), 16)
    return np.concatenate([part.mean(0) for part in parts])


def noisy(recordings, snr_db):
    return [
        speech.add_noise(samples, snr_db, seed=(number, 1)).numpy()
        for number, samples in enumerate(recordings)
    ]


def machine():
    return make_pipeline(StandardScaler(), SVC(C=10))


# %%
train, digits, voices = words("train")
test, test_digits, _ = words("test")
x = np.stack([*map(sixteenths, train)])
clean = machine().fit(x, digits)
x_test = {snr: np.stack([*map(sixteenths, noisy(test, snr))]) for snr in (20, 10, 0)}
scores = {snr: clean.score(x_test[snr], test_digits) for snr in x_test}
print("trained on clean words:", {f"{snr} dB": measured(score) for snr, score in scores.items()})
claim("lost from 20 to 0 dB", scores[20] - scores[0], at_least=0.1)

# %% [markdown]
# Training on noisy words of half of the voices, against clean words of all voices:

# %%
half = np.isin(voices, np.unique(voices)[::2])
x_noisy = np.stack([*map(sixteenths, noisy([train[i] for i in np.flatnonzero(half)], 10))])
few = machine().fit(x[half], digits[half]).score(x_test[10], test_digits)
hardened = machine().fit(x_noisy, digits[half]).score(x_test[10], test_digits)
print("clean, half of the voices", measured(few))
print("clean, all voices", measured(scores[10]))
claim("noisy, half of the voices", hardened, at_least=measured(scores[10]))

# %% [markdown]
# The training data must sound as the world does. Twice as many voices cannot make up for noise that
# was never heard.
#
# ## Exercise 6: time warping
#
# The cheapest way to a pair of frames comes from one frame back in the first word, in the second,
# or in both. With the distances of all pairs that is the edit distance of chapter 05, with other
# costs.


# %%
def warped_distance(a, b):
    """Cost of the best warp of features (T, M) onto others, per frame."""
    costs = np.linalg.norm(a[:, None] - b[None], axis=-1)
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i, j in np.ndindex(costs.shape):
        before = min(total[i, j], total[i, j + 1], total[i + 1, j])
        total[i + 1, j + 1] = costs[i, j] + before
    return total[-1, -1] / sum(costs.shape)


# %%
def cepstra(samples):
    """13 MFCC of the loud part, every third frame, each of mean 0."""
    energies = speech.log_mel(samples, 8000).numpy()
    loud = np.flatnonzero(energies.max(1) > energies.max() - 30)
    found = speech.mfcc(samples, 8000).numpy()[loud[0] : loud[-1] + 1 : 3]
    return found - found.mean(0)


known = [number for number in range(len(train)) if number % 10 == 0][:100]
templates = [cepstra(train[number]) for number in known]
asked = range(0, len(test), 8)
nearest = [
    known[int(np.argmin([warped_distance(cepstra(test[i]), t) for t in templates]))] for i in asked
]
right = np.mean(digits[nearest] == test_digits[list(asked)])
print(len(known), "training words,", len(asked), "test words")
claim("right words of new voices", right, at_least=0.5)

# %% [markdown]
# No training at all, and far above a tenth. It compares every new word with every known one, and so
# gets slower with each word that it learns; for strings it must try all places. Networks took over
# when there was more to learn from.
