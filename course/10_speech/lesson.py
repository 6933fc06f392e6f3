# ---
# jupyter:
#   aimodels:
#     title: Speech
#     goals:
#       - turn sound into features, see and hear what they keep, and make sound of them again
#       - say why a random split of recordings promises too much
#       - recognise frames, words and strings of words, and say what each model cannot
#       - compute CTC by hand, decode its answers, and repair a loss that knows no lengths
#       - find and hear a recogniser's worst mistakes
#       - rebuild a published detector of speech, and recognise your own recording
#     prerequisites: [04_recurrent, 06_cnn]
#     minutes: 115
#     repairs: [000-4.3.1, 000-4.3.2]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Speech
#
# **You will be able to**
#
# - turn sound into features, see and hear what they keep, and make sound of them again;
# - say why a random split of recordings promises too much;
# - recognise frames, words and strings of words, and say what each model cannot;
# - compute CTC by hand, decode its answers, and repair a loss that knows no lengths;
# - find and hear a recogniser's worst mistakes;
# - rebuild a published detector of speech, and recognise your own recording.
#
# **Before this:** 04_recurrent, 06_cnn. **About 115 minutes.** **Repairs:** article 000 §4.3.1,
# article 000 §4.3.2.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Audio, display

from aimodels import data, plots, speech
from aimodels.course import claim, measured, recorded
from aimodels.metrics import error_rates

# %% [markdown]
# ## A sound is a row of numbers
#
# We want a machine that understands spoken digits. Sound is pressure that changes; a microphone
# measures it many times per second. How often is the **sample rate**. On the telephone it is 8,000
# Hz, and so it is here. The voice below is a machine's, espeak-ng's, so that you have exactly our
# sounds. Listen.

# %%
RATE = 8000
seven = speech.espeak("seven", "en-us+f3", sample_rate=RATE)
print(seven.shape, seven.dtype, f"{len(seven) / RATE:.2f} s")
display(Audio(seven, rate=RATE))

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 2.6), layout="constrained")
time = np.arange(len(seven)) / RATE
for ax, part in zip(axes, (slice(None), slice(1200, 1600)), strict=True):
    ax.plot(1000 * time[part], seven[part], linewidth=0.8)
    ax.set(xlabel="time (ms)", ylim=(-0.5, 0.5))
axes[0].set(ylabel="pressure", title="the whole word")
axes[1].set(title="50 ms of it: the voice repeats itself")
plt.show()

# %% [markdown]
# Could a network read these numbers as they are? Say the word again a tenth of a millisecond later,
# and the ear hears no difference. What happens to the numbers? We shift by a single sample, and by
# eight.

# %%
for samples in (1, 8):
    moved = np.roll(seven, samples)
    similarity = np.corrcoef(seven, moved)[0, 1]
    print(f"later by {1000 * samples / RATE:.3f} ms: correlation {similarity:.2f}")
assert similarity < 0.5

# %% [markdown]
# One millisecond, and the two rows have little in common. The ear does not compare pressures. It
# analyses which *frequencies* are there, and how that changes.
#
# ## From samples to features
#
# This is what nearly all recognisers do first. The sound is cut into **frames** of 25 ms, one every
# 10 ms. That is short enough for the tongue to stand still, and long enough to hold some periods of
# the voice. Each frame becomes a short list of numbers.

# %%
plots.diagram(
    {
        "samples": (0, 0, "samples\n(N,)"),
        "frames": (2.3, 0, "frames\n(T, 200)"),
        "power": (4.6, 0, "power\n(T, 129)", "lightblue"),
        "mel": (6.9, 0, "mel bands\n(T, 40)", "lightblue"),
        "log": (9.2, 0, "log-mel\n(T, 40)", "lightgreen"),
        "mfcc": (11.5, 0, "MFCC\n(T, 13)", "lightgreen"),
    },
    [("samples", "frames"), ("frames", "power"), ("power", "mel"), ("mel", "log"), ("log", "mfcc")],
)
for x, text in zip(
    (1.15, 3.45, 5.75, 8.05, 10.35),
    ("cut", "window,\n|Fourier|²", "triangles", "logarithm", "cosines"),
    strict=True,
):
    plt.text(x, -0.35, text, ha="center", va="bottom", fontsize=9)
plt.show()

# %%
figure, ax = plt.subplots(figsize=(9, 2.4), layout="constrained")
part = slice(1000, 2000)
ax.plot(1000 * time[part], seven[part], color="0.6", linewidth=0.8)
window = speech.hann_window(200, 200)
for number, start in enumerate(range(1100, 1700, 80)):
    frame = time[start : start + 200]
    ax.fill_between(1000 * frame, 0.4 * window, alpha=0.25, color=f"C{number % 2}")
ax.set(xlabel="time (ms)", title="frames of 25 ms under a window, one every 10 ms")
plt.show()

# %% [markdown]
# Each bell above is a **window**: it fades a frame in and out. Without it, the frame begins and
# ends with a jump, and a jump contains all frequencies. Then the Fourier transform says how much of
# each frequency there is: the **short-time Fourier transform**. With the samples $x$, the window
# $w$, frame $t$ and the hop $H$ of 80 samples,
#
# $$ S_{tk} = \sum_n w_n\, x_{tH + n}\, e^{-2 \pi i k n / N} $$
#
# In NumPy that is a few lines. Our window is 200 samples long in the middle of $N = 256$ places:
# that is a power of two, for which the transform is fast. Is it the package's?


# %%
def my_power(samples, window, hop=80):
    """How much of each frequency there is in each frame, (T, 129)."""
    starts = range(0, len(samples) - len(window) + 1, hop)
    frames = np.stack([samples[start : start + len(window)] for start in starts])
    return np.abs(np.fft.rfft(frames * window)) ** 2


# %%
fade = speech.hann_window(200, 256)
power = my_power(seven, fade)
theirs = speech.power_spectrum(seven, 256, 80, 200, center=False).numpy()
difference = np.abs(power - theirs).max() / power.max()
claim("difference, relative to the largest", difference, at_most=1e-5)

# %% [markdown]
# A test by a sound that we know. Two tones, of 440 Hz and of 1000 Hz: where should the peaks be? A
# place $k$ of 129 stands for $k \cdot 8000 / 256$ Hz. And how much leaks to other places without
# the window?

# %%
t = np.arange(RATE) / RATE
tones = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.5 * np.sin(2 * np.pi * 1000 * t)
row = my_power(tones, fade)[10]
peaks = [k for k in range(1, 128) if row[k] > max(row[k - 1], row[k + 1], 0.1 * row.max())]
print("peaks at", [f"{k * RATE / 256:.0f} Hz" for k in peaks])
bare = my_power(tones, np.ones(256))[10]
leaks = [spectrum[len(spectrum) // 2 :].sum() / spectrum.sum() for spectrum in (row, bare)]
claim("above 2000 Hz, without a window over with it", leaks[1] / leaks[0], at_least=100)

# %% [markdown]
# Two more steps imitate the ear. It tells 200 from 300 Hz, but hardly 3200 from 3300; so the
# frequencies are collected in bands that grow wider: triangles on the **mel** scale. And it hears
# ratios of loudness, so we take the logarithm, in decibels. With the triangles $F$:
#
# $$ L = 10 \log_{10} \max(|S|^2 F,\; 10^{-10}) $$

# %%
filters = speech.mel_filters(RATE, 256, 40)
hertz = np.arange(129) * RATE / 256
figure, ax = plt.subplots(figsize=(8, 2.2), layout="constrained")
ax.plot(hertz, filters[:, ::4] / filters[:, ::4].max(0))
ax.set(xlabel="frequency (Hz)", title="every fourth of 40 mel filters, all drawn equally high")
plt.show()
widths = [int(np.sum(filters[:, band] > 0)) for band in (4, 36)]
print("frequencies in band 4 and band 36:", widths)
assert widths[1] > 2 * widths[0]

# %%
mine = 10 * np.log10(np.maximum(power @ filters, 1e-10))
theirs = speech.log_mel(seven, RATE, center=False).numpy()
claim("log-mel by hand differs by decibels", np.abs(mine - theirs).max(), at_most=1e-2)

# %% [markdown]
# Neighbouring bands rise and fall together. A cosine transform along the bands packs them into few
# numbers that do so less: the **mel-frequency cepstral coefficients**, MFCC ([Davis & Mermelstein
# 1980](#davis1980)). The first one is the loudness, the next the tilt of the spectrum, and so on to
# finer detail. For decades, speech recognition was built on 13 of them.

# %%
bands = np.arange(40)
cosines = np.stack([np.cos(np.pi * k * (2 * bands + 1) / 80) for k in range(13)], axis=1)
cosines *= np.where(np.arange(13) == 0, np.sqrt(1 / 40), np.sqrt(2 / 40))
cepstra = theirs @ cosines
difference = np.abs(cepstra - speech.mfcc(seven, RATE, center=False)).max()
claim("MFCC by hand: largest difference", difference, at_most=1e-2)


# %%
def draw(ax, matrix, title=""):
    """Features (T, M) with time to the right, 10 ms a frame."""
    ax.imshow(np.transpose(matrix), origin="lower", aspect="auto", cmap="magma")
    ax.set(title=title, xlabel="frame")


figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
draw(axes[0], 10 * np.log10(power + 1e-10), "spectrogram, 129 frequencies")
draw(axes[1], theirs, "log-mel, 40 bands")
draw(axes[2], cepstra[:, 1:], "MFCC 1 to 12")
plt.show()

# %% [markdown]
# See the word in the first two: a vowel with its bars (the **formants**, resonances of the mouth),
# the darker *v*, the second vowel, and *n*, which hums low down. But where is the hiss of the *s*,
# in the first 80 ms? The telephone takes it: a sample rate of 8,000 Hz holds frequencies up to
# 4,000 Hz. Here are the same 60 ms at 16,000 Hz.

# %%
wide = speech.espeak("seven", "en-us+f3", sample_rate=16000)[:960]
hiss = np.abs(np.fft.rfft(wide)) ** 2
high = np.fft.rfftfreq(960, 1 / 16000) > 4000
claim("share of the hiss above 4000 Hz", hiss[high].sum() / hiss.sum(), at_least=0.8)
centre = power @ hertz / power.sum(axis=1)  # of each frame's frequencies
claim("centre of the first vowel (Hz)", centre[8:22].mean(), at_least=600)
claim("centre of the n (Hz)", centre[-6:].mean(), at_most=400)

# %% [markdown]
# ## Back to sound
#
# What have we thrown away? The best way to find out is to listen. The power tells how much of each
# frequency there is, not where its waves begin: their **phase** is lost. [Griffin and Lim
# (1984)](#griffin1984) guess it. Take any phases, make sound of them; frames overlap, so that the
# sound's own transform has other phases. Keep these, put the right magnitudes back, and repeat.


# %%
def my_griffin_lim(magnitudes, rounds, seed=0):
    """Sound whose spectrum has about these magnitudes, (T, 129)."""
    phases = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitudes.shape)
    for _ in range(rounds + 1):
        samples = speech.istft(magnitudes * np.exp(1j * phases), 80, 200)
        phases = np.angle(speech.stft(samples, 256, 80, 200))
    return samples.numpy()


# %%
magnitudes = np.abs(speech.stft(seven.astype("float64"), 256, 80, 200))
errors = {
    rounds: float(speech.spectral_error(my_griffin_lim(magnitudes, rounds), magnitudes, 80, 200))
    for rounds in (0, 4, 16, 64)
}
print("relative error by round:", {rounds: measured(error) for rounds, error in errors.items()})
assert np.all(np.diff(list(errors.values())) < 0)
claim("after 64 rounds, over the random phases", errors[64] / errors[0], at_most=0.5)

# %% [markdown]
# Now hear three of them. First, random phases, then ours after 64 rounds. The last one starts from
# the 40 log-mel bands alone: `mel_to_samples` first guesses the 129 magnitudes.

# %%
for samples in (my_griffin_lim(magnitudes, 0), my_griffin_lim(magnitudes, 64)):
    display(Audio(samples, rate=RATE))
from_mel = speech.mel_to_samples(speech.log_mel(seven, RATE), RATE)
display(Audio(from_mel, rate=RATE))
again = speech.log_mel(from_mel, RATE).numpy()[:60]
wanted = speech.log_mel(seven, RATE).numpy()[:60]
audible = wanted > wanted.max() - 40
claim(
    "log-mel of the last differs by dB, median",
    np.median(np.abs(again - wanted)[audible]),
    at_most=3,
)

# %% [markdown]
# You still understand it, and its features are nearly those of the original. So the bands keep what
# makes the word: a network that reads them has what it needs.
#
# ## The data, and who speaks
#
# `espeak_digits` holds digits, alone and in strings, by forty machine voices of five accents, at
# changing speeds and pitches, with silence and noise. **No voice is in two of its splits**: 25
# speak in training, 5 in validation, 10 in the test.


# %%
def recordings(split):
    """Samples, text, label and voice of each recording; label -1 is a string of digits."""
    rows = list(data.load("espeak_digits", split=split).as_numpy_iterator())
    samples = [row["audio"].astype("float32") / 32768 for row in rows]
    texts, voices = ([row[key].decode() for row in rows] for key in ("text", "speaker"))
    return samples, np.array(texts), np.array([row["label"] for row in rows]), np.array(voices)


SPLITS = ("train", "validation", "test")
sound, text, label, voice = ({} for _ in range(4))
for split in SPLITS:
    sound[split], text[split], label[split], voice[split] = recordings(split)
    words = np.sum(label[split] >= 0)
    print(f"{split:<11} {words:>5} words, {len(label[split]) - words:>4} strings,", end=" ")
    print(len(set(voice[split])), "voices")
assert not set(voice["train"]) & (set(voice["validation"]) | set(voice["test"]))

# %%
for number in np.flatnonzero(label["validation"] == -1)[:3]:
    print(text["validation"][number], "/", voice["validation"][number])
    display(Audio(sound["validation"][number], rate=RATE))

# %% [markdown]
# Loudness says nothing about a word; it adds the same number to all decibels. So every recording is
# made as loud as its loudest sample can be, before its log-mel energies are taken.


# %%
from aimodels.speech.listening import sound_features


def features(samples):
    """Log-mel energies, (T, 40), of samples at 8 kHz."""
    return speech.log_mel(samples / np.abs(samples).max(), RATE).numpy()


change = np.abs(features(0.1 * seven) - features(seven)).max()
claim("a tenth as loud: the features change by decibels", change, at_most=0.01)
assert np.array_equal(features(seven), sound_features(seven, RATE, 40))

# %%
x = {split: [features(samples) for samples in sound[split]] for split in SPLITS}
lengths = np.array([len(one) for one in x["train"]])
print("frames of a training recording: from", lengths.min(), "to", lengths.max())

# %% [markdown]
# ## Why a random split fools you
#
# First without a network. Describe a word by the mean and the spread of each band, eighty numbers
# without any order in time, and let a support vector machine name the digit. How good is that? Many
# would mix the recordings and keep a fifth for the test. We do it, and then again with whole voices
# kept for the test. The machine and the numbers are the same. Guess both.

# %%
from collections import Counter

from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

single = {split: np.flatnonzero(label[split] >= 0) for split in SPLITS}
digit = {split: label[split][single[split]] for split in SPLITS}


def summaries(split):
    """Mean and standard deviation of each band, (N, 80)."""
    words = [x[split][number] for number in single[split]]
    return np.stack([np.concatenate([one.mean(0), one.std(0)]) for one in words])


# %%
machine = make_pipeline(StandardScaler(), SVC(C=10))
asked = summaries("train"), digit["train"]
ways = {
    "mixed": {"cv": KFold(5, shuffle=True, random_state=0)},
    "new voices": {"cv": GroupKFold(5), "groups": voice["train"][single["train"]]},
}
scores = {name: cross_val_score(machine, *asked, **way).mean() for name, way in ways.items()}
claim("mixed recordings", scores["mixed"], at_least=0.85)
claim("the same, on new voices", scores["new voices"], at_most=measured(scores["mixed"] - 0.05))
said_by_each = Counter(zip(voice["train"][single["train"]], digit["train"], strict=True))
assert {*said_by_each.values()} == {4}
by_summary = machine.fit(*asked).score(summaries("test"), digit["test"])
print("and on the ten voices of the test:", measured(by_summary))

# %% [markdown]
# Each voice says each digit four times here. Where some of the four are in training, the machine
# needs to know only *that voice's* seven. Whoever uses it later is a new voice. So **split by
# speaker**, always; the mixed figure is true, but it answers a question that nobody asks.
#
# With people the gap is wider. `python benchmarks/run.py spoken_digit` asked a support vector
# machine about recordings of five people; it sees the features at 20 moments of a word. Once all
# five speak in training and test, and five times one of them speaks in the test alone:

# %%
people = recorded("spoken_digit")["figures"]
for name, score in people["SVM"]["speaker left out"].items():
    print(f"{name:<9} left out: {score:.3f}")
print(
    f"their mean {people['SVM']['mean']:.3f}; all five known {people['SVM']['official split']:.3f}"
)
assert people["SVM"]["mean"] < people["SVM"]["official split"] - 0.15

# %% [markdown]
# Time order helps. Cut the word into 16 pieces of equal length, and take the mean of each: that is
# a strong simple rival for all that follows.


# %%
def sixteenths(split):
    """Each word's features as means of 16 parts, (N, 640)."""
    parts = [np.array_split(x[split][number], 16) for number in single[split]]
    return np.stack([np.concatenate([part.mean(0) for part in word]) for word in parts])


rival = make_pipeline(StandardScaler(), SVC(C=10)).fit(sixteenths("train"), digit["train"])
word_scores = {"support vectors": rival.score(sixteenths("test"), digit["test"])}
most = np.bincount(digit["train"]).argmax()
print("always the same digit:", np.mean(digit["test"] == most))
claim("on 16 parts, new voices", word_scores["support vectors"], at_least=measured(by_summary))

# %% [markdown]
# ## Frames, alone and in company
#
# An article (000, §4.3.1) shows a "DNN for speech". We build it in our own words: convolutions for
# pictures on an input of shape (128, 1). Does it run?

# %%
try:
    keras.Sequential([keras.Input((128, 1)), keras.layers.Conv2D(32, 3), keras.layers.Dense(10)])
except ValueError as error:
    print("ValueError:", str(error)[str(error).index("expected") :].split(".")[0])
print(f"and 128 samples would be {1000 * 128 / RATE:.0f} ms of sound")

# %% [markdown]
# It cannot. And with an input that fits it would be chapter 06's network for pictures: there is
# nothing of a *deep neural network* for speech in it, as the field uses the word ([Hinton et al.
# 2012](#hinton2012)). That one names the sound of **every frame** by dense layers. One frame of 25
# ms is hardly enough, so it is shown its neighbours, $k$ on each side:
#
# $$ h_t = [x_{t-k}; \dots; x_t; \dots; x_{t+k}] $$


# %%
def my_splice(frames, k):
    """Each frame with its k neighbours on both sides; the ends are repeated."""
    padded = np.pad(frames, [(k, k), (0, 0)], mode="edge")
    return np.concatenate([padded[i : i + len(frames)] for i in range(2 * k + 1)], axis=1)


one = x["train"][0]
print(one.shape, "->", my_splice(one, 10).shape)
assert np.array_equal(my_splice(one, 10), speech.splice(one, context=10))

# %% [markdown]
# Which sound is a frame? Nobody has written that down, so we make it easy: a loud frame belongs to
# its word's digit, a quiet one to class 10, "silence".


# %%
def frame_classes(split):
    """Features (N, T, 40), and for each frame its digit, 10 for silence, -1 for padding."""
    words = single[split]
    loud = [x[split][i].max(axis=1) > x[split][i].max() - 30 for i in words]
    classes = [np.where(here, label[split][i], 10) for here, i in zip(loud, words, strict=True)]
    padded = speech.pad([one[:, None] + 1 for one in classes])[..., 0] - 1
    return speech.pad([x[split][i] for i in words]), padded.astype(int)


def frame_model(context, epochs=6):
    """A DNN, trained on the frames of single words."""
    keras.utils.set_random_seed(1)
    model = speech.FrameDNN(40, 11, context=context, hidden_dims=(128, 128), dropout=0.2)
    frames, classes = frame_classes("train")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1))
    model.fit(frames, classes, batch_size=32, epochs=epochs, verbose=0)
    return model


# %%
frames, classes = frame_classes("test")
loud = (classes >= 0) & (classes < 10)
by_frame = {}
for context in (0, 10):
    dnn = frame_model(context)
    logits = dnn.predict(frames, verbose=0)
    by_frame[context] = np.mean(logits.argmax(-1)[loud] == classes[loud])
claim("frames alone: right digit, new voices", by_frame[0], at_most=0.6)
claim("with 10 neighbours on each side", by_frame[10], at_least=measured(by_frame[0] + 0.15))
assert not any("conv" in type(layer).__name__.lower() for layer in dnn.layers)

# %% [markdown]
# Context decides: a tenth of a second on each side tells a sound with its neighbours. Let the
# frames of a word vote, by the sum of their log-probabilities, and the DNN names words, too.

# %%
log_p = tf.nn.log_softmax(logits[..., :10]).numpy()
votes = np.sum(log_p * loud[..., None], axis=1)
word_scores["DNN, frames vote"] = np.mean(votes.argmax(-1) == digit["test"])
claim("the vote of the frames", word_scores["DNN, frames vote"], at_least=measured(by_frame[10]))

# %%
figure, axes = plt.subplots(2, 1, figsize=(8, 4.2), layout="constrained", sharex=True)
number = int(np.flatnonzero(digit["test"] == 7)[0])
draw(axes[0], frames[number][: np.sum(classes[number] >= 0)], "features of a new voice's seven")
draw(axes[1], tf.nn.softmax(logits[number])[: np.sum(classes[number] >= 0)], "what each frame says")
axes[1].set(yticks=range(11), yticklabels=[*map(str, range(10)), "silence"])
plt.show()
shown = logits[number].argmax(-1)[loud[number]]
claim("loud frames of it that say 7", np.mean(shown == 7), at_least=0.5)

# %% [markdown]
# ## A word as a picture
#
# Features are a picture with time to the right, and chapter 06 knows what to do with pictures
# ([Sainath & Parada 2015](#sainath2015)). But the two axes are not alike. A word may stand
# *anywhere in time*, so the `KeywordCNN` averages over time at the end; a sound at another
# *frequency* is another sound, so frequencies stay apart.

# %%
keras.utils.set_random_seed(1)
cnn = speech.KeywordCNN(40, 10, filters=(16, 32, 64), dropout=0.3)
words = {split: speech.pad([x[split][i] for i in single[split]]) for split in SPLITS}
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
cnn.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
held_out = words["validation"], digit["validation"]
history = cnn.fit(
    words["train"], digit["train"], epochs=10, validation_data=held_out, verbose=0
).history

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
plots.learning_curves(history, ax=axes[0])
plots.learning_curves(history, "accuracy", ax=axes[1])
plt.show()
word_scores["CNN"] = cnn.evaluate(words["test"], digit["test"], verbose=0)[1]
claim("CNN, new voices", word_scores["CNN"], at_least=0.85)
lead = word_scores["CNN"] - word_scores["support vectors"]
claim("ahead of the support vectors by", round(lead, 4), at_least=-0.08, at_most=0.08)

# %% [markdown]
# A draw with sixteen averages and a support vector machine. A thousand words of 25 voices are few
# for a network that must find out by itself what a word is.

# %% [markdown]
# ## A snippet that can say one word only
#
# Now strings: "three one four". The article's "RNN for speech" (000, §4.3.2) is an LSTM whose last
# state goes into a softmax over ten classes. We build it in our own words, and ask it for a
# transcript of five digits.

# %%
keras.utils.set_random_seed(1)
inputs = keras.Input((None, 40))
last_state = keras.layers.LSTM(32)(inputs)
snippet = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(last_state))
snippet.compile("adam", "sparse_categorical_crossentropy")
print("from (2, 128, 40) to", snippet(np.zeros((2, 128, 40))).shape)
try:
    snippet.train_on_batch(np.zeros((2, 128, 40)), np.ones((2, 5)))
except ValueError as error:
    print("five digits each: ValueError:", str(error).partition(". ")[0])

# %% [markdown]
# One answer per clip, whatever was said. Nor does it know where a clip ends: utterances of a batch
# are padded to one length, and its last state has read the padding. How much does that change its
# answer? And that of a model with a mask?

# %%
clip = x["train"][0][None]
padded = np.pad(clip, [(0, 0), (0, 100), (0, 0)])
for name, model in {"the snippet": snippet, "KeywordCNN": cnn}.items():
    change = np.abs(model(padded) - model(clip)).max()
    bound = {"at_least": 1e-3} if model is snippet else {"at_most": 1e-3}
    claim(f"{name}: a second of padding changes its answer by", change, **bound)

# %% [markdown]
# ## CTC: labels that nobody has put in time
#
# A recurrent network *can* say something at every frame. But what should it say? We know the text,
# "three one", not the moment of each letter. **Connectionist temporal classification**, CTC
# ([Graves et al. 2006](#graves2006ctc)), needs no such moments. At every frame the network may say
# a letter or the **blank** "–", which means: nothing new. To read a row of frames, drop
# repetitions, then blanks. A blank between two equal letters keeps both: so *three* can have its
# two *e*.

# %%
plots.diagram(
    {
        "heard": (0, 0, "– t t – h r – e e – e –", "lightblue"),
        "merged": (4.6, 0, "– t – h r – e – e –"),
        "read": (8.4, 0, "t h r e e", "lightgreen"),
    },
    [("heard", "merged"), ("merged", "read")],
)
plt.xlim(-1.5, 9.3)
plt.text(2.4, -0.25, "drop\nrepetitions", ha="center", va="bottom", fontsize=9)
plt.text(6.9, -0.25, "drop\nblanks", ha="center", va="bottom", fontsize=9)
plt.show()

# %%
symbols = "-ehrt"  # the blank is number 0
path = [symbols.index(symbol) for symbol in "-tt-hr-ee-e-"]
print("".join(symbols[number] for number in speech.collapse(path)))

# %% [markdown]
# Many paths read as the same text. Its probability is the sum over all of them. Take three frames,
# the letters a and b, and the text "ab". Which paths read as it? Count them before you look.

# %%
import itertools

p = np.array([[0.5, 0.4, 0.1], [0.3, 0.3, 0.4], [0.4, 0.1, 0.5]])  # of -, a, b in each frame
total = 0.0
for path in itertools.product(range(3), repeat=3):
    if speech.collapse(path) == [1, 2]:
        product = np.prod(p[range(3), path])
        total += product
        print("".join("-ab"[symbol] for symbol in path), f"{product:.3f}")
print(f"sum {total:.3f}")

# %% [markdown]
# Real texts have far too many paths to list. But all that matters of a beginning is how far it has
# come. Write the text with blanks around each letter, – a – b –, as a row of states $s$. From frame
# to frame a path stays, steps to the next state, or skips a blank between two *different* letters.
# Let $\alpha_t(s)$ be the sum over all beginnings that end in state $s$ at frame $t$:
#
# $$ \alpha_t(s) = p_t(s) \bigl( \alpha_{t-1}(s) + \alpha_{t-1}(s-1)
#    + [\text{may skip}]\; \alpha_{t-1}(s-2) \bigr) $$
#
# A text is complete in the last letter or in the blank behind it. The loss is $-\ln$ of that.


# %%
def my_ctc(p, text):
    """Probability of a text (L,), given p (T, V + 1) with the blank first."""
    states = [0]
    for symbol in text:
        states += [symbol, 0]
    alpha = np.zeros(len(states))
    alpha[:2] = p[0, states[:2]]
    for now in p[1:]:
        before = alpha.copy()
        alpha[1:] += before[:-1]
        for s in range(3, len(states), 2):
            if states[s] != states[s - 2]:
                alpha[s] += before[s - 2]
        alpha *= now[states]
    return alpha[-2:].sum()


# %%
rng = np.random.default_rng(0)
print(f"'ab': {my_ctc(p, [1, 2]):.3f}")
logits = rng.normal(size=(5, 30, 11)).astype("float32")
texts = [[3, 1, 4], [1, 1, 5], [9, 2, 6, 5, 3], [5], [8, 8, 8, 8]]
by_hand = [
    -np.log(my_ctc(np.array(tf.nn.softmax(z)), t)) for z, t in zip(logits, texts, strict=True)
]
padded_texts = keras.utils.pad_sequences(texts, padding="post")
theirs = speech.ctc_loss(padded_texts, logits).numpy()
claim("loss by hand and by the package, difference", np.abs(by_hand - theirs).max(), at_most=1e-3)

# %% [markdown]
# ### The loss that knows no lengths
#
# Keras has this loss, too: `keras.losses.CTC`. It takes no lengths: every frame of a batch counts
# as speech. Is that bad? Take a network that finds all eleven symbols equally likely at each frame,
# and the text "1 2 3". All paths have the probability $11^{-T}$; and $\binom{T + L}{2L}$ of them
# read as a text of $L$ different symbols. So we know the right loss. Eight frames of speech, and
# two of padding:

# %%
from math import comb

right = {frames: frames * np.log(11) - np.log(comb(frames + 3, 6)) for frames in (8, 10)}
even = np.zeros((1, 10, 11), "float32")
theirs = float(keras.losses.CTC()(np.array([[1, 2, 3]]), even))
ours = float(speech.ctc_loss([[1, 2, 3]], even, logit_length=[8])[0])
print(f"right for 8 frames {right[8]:.3f}; keras.losses.CTC {theirs:.3f}, ours {ours:.3f}")
assert abs(theirs - right[10]) < 1e-3
assert abs(ours - right[8]) < 1e-3

# %% [markdown]
# Keras computes the loss of *ten* frames: padding costs. With the batch, the loss of an utterance
# changes, and the network is pressed to say blanks at frames that do not exist. `speech.CTC` reads
# the mask that the layers pass on. The same utterance, alone and beside a longer one:

# %%
keras.utils.set_random_seed(1)
inputs = keras.Input((None, 40))
states = keras.layers.LSTM(32, return_sequences=True)(keras.layers.Masking()(inputs))
reader = keras.Model(inputs, keras.layers.Dense(11)(states))
order = sorted(single["train"], key=lambda i: len(x["train"][i]))
short, long = (x["train"][order[place]] for place in (0, -1))
alone, beside = (reader(speech.pad(batch))[:1] for batch in ([short], [short, long]))

# %%
said = np.array([[label["train"][order[0]] + 1]])
beside_mask = reader(speech.pad([short, long]))._keras_mask[:1]
beside._keras_mask = beside_mask  # slicing loses it
for name, ctc in {"keras.losses.CTC": keras.losses.CTC(), "speech.CTC": speech.CTC()}.items():
    change = abs(float(ctc(said, beside)) - float(ctc(said, alone)))
    bound = {"at_least": 10} if "keras" in name else {"at_most": 1e-3}
    claim(f"{name}: beside a longer one, the loss changes by", change, **bound)

# %% [markdown]
# ## A recogniser of strings
#
# `SpeechRNN` is a convolution, an LSTM in both directions, and a dense layer to the letters and the
# blank. The convolution looks at every third frame only: an LSTM goes step by step, so a third of
# the frames is three times as fast. How far may we go? A letter needs a frame of its own, and two
# equal neighbours need a blank between them.

# %%
ALPHABET = " efghinorstuvwxz"
keras.utils.set_random_seed(1)
model = speech.SpeechRNN(40, ALPHABET, units=64, num_layers=1, filters=64, strides=3)
labels = {split: model.encode(text[split]) for split in SPLITS}
room = [
    -(-len(one) // 3) / speech.min_frames(row[row > 0])
    for one, row in zip(x["train"], labels["train"], strict=True)
]
print(f"{model.count_params():,} parameters; 'three':", labels["train"][0][:5])
claim("least number of outputs per needed frame", min(room), at_least=1)

# %% [markdown]
# It learns from words and strings. Recordings of about one length go into one batch, so that little
# is padding. And new voices can be had for nothing: a longer vocal tract shifts all formants down.
# So each time we read the bands at slightly other frequencies, as if someone else spoke ([Jaitly &
# Hinton 2013](#jaitly2013)).


# %%
centres = np.average(np.broadcast_to(hertz[:, None], filters.shape), axis=0, weights=filters)


def other_voice(one, factor):
    """As said by a mouth `factor` times as long: a band takes what was at factor * its centre."""
    places = np.interp(factor * centres, centres, bands)
    below = np.floor(places).astype(int)
    above, share = np.minimum(below + 1, 39), places - below
    return (1 - share) * one[:, below] + share * one[:, above]


number = int(single["train"][0])
figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for ax, factor in zip(axes, (0.85, 1, 1.15), strict=True):
    draw(ax, other_voice(x["train"][number], factor), f"factor {factor}")
plt.show()


# %%
BATCH, EPOCHS = 32, 12
BATCHES = len(x["train"]) // BATCH
dice = np.random.default_rng(1)


def epoch():
    """Features (B, T, 40) and labels (B, L), in another order and other voices each time."""
    order = np.argsort(lengths * dice.uniform(0.9, 1.1, len(lengths)))
    for batch in dice.permutation(BATCHES):
        rows = order[batch * BATCH : (batch + 1) * BATCH]
        factors = dice.uniform(0.88, 1.12, BATCH)
        voices = [other_voice(x["train"][i], f) for i, f in zip(rows, factors, strict=True)]
        yield speech.pad(voices), labels["train"][rows]


shapes = tf.TensorSpec((None, None, 40)), tf.TensorSpec((None, None), tf.int32)
batches = tf.data.Dataset.from_generator(epoch, output_signature=shapes)
batches = batches.apply(tf.data.experimental.assert_cardinality(BATCHES))

# %% [markdown]
# After each epoch the model writes down the validation strings: samples on the way. How wrong is a
# transcript? The **character error rate**, CER, counts the letters to insert, delete or replace,
# per letter of the right text; the **word error rate**, WER, does so with words.


# %%
strings = {split: np.flatnonzero(label[split] == -1) for split in SPLITS}
said = {split: text[split][strings[split]].tolist() for split in SPLITS}


def rates(heard, said):
    """CER and WER."""
    cer, _ = error_rates(heard, [[text] for text in said])
    wer, _ = error_rates([h.split() for h in heard], [[text.split()] for text in said])
    return cer, wer


def transcripts(split, **how):
    return model.transcribe([x[split][i] for i in strings[split]], **how)


class Watch(keras.callbacks.Callback):
    heard, cer = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append(transcripts("validation"))
        self.cer.append(rates(self.heard[-1], said["validation"])[0])


# %%
from aimodels.train import warmup_cosine

rate = warmup_cosine(5e-3, EPOCHS * BATCHES, BATCHES)
model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), speech.CTC(), jit_compile=False)
watch = Watch()
history = model.fit(batches, epochs=EPOCHS, callbacks=[watch], verbose=0).history
print("validation CER by epoch:", dict(enumerate(map(measured, watch.cer), 1)))

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
plots.learning_curves(history, ax=axes[0])
axes[1].plot(range(1, EPOCHS + 1), watch.cer, color="tab:orange")
axes[1].set(xlabel="epoch", ylabel="validation CER", ylim=(0, 1.05))
plt.show()
claim("after the first epoch", watch.cer[0], at_least=0.5)
claim("after the last one", watch.cer[-1], at_most=0.25)


# %%
def written(lines):
    """Lines that a model wrote, as a picture: they differ from machine to machine."""
    _, ax = plt.subplots(figsize=(8, 0.25 * len(lines)), layout="constrained")
    for row, line in enumerate(lines):
        ax.text(0, -row, line, family="monospace", fontsize=10, va="center")
    ax.set(xlim=(0, 1), ylim=(-len(lines) + 0.5, 0.5))
    ax.set_axis_off()
    plt.show()


written(
    [f"said      {said['validation'][0]}"]
    + [f"epoch {n:>2}  {watch.heard[n - 1][0]}" for n in (1, 2, 3, 4, 6, 9, EPOCHS)]
)

# %%
short = [np.mean([len(heard) for heard in epoch]) for epoch in watch.heard]
claim("letters in an answer after the first epoch", short[0], at_most=3)
claim("and after the last one", short[-1], at_least=10)

# %% [markdown]
# At first it says nothing at all: blanks are right at most frames, and cost least. Then come
# letters that are safe, then words. Nobody told it where a letter is. Does it know? `align` finds
# the best path *through the right text*, by the same recursion with a maximum in place of the sum,
# and the way back.

# %%
number = int(strings["test"][0])
outputs = model.predict(x["test"][number][None], verbose=0)[0]
right = model.encode([text["test"][number]])[0]
places = speech.align(outputs, right)

# %%
figure, axes = plt.subplots(2, 1, figsize=(11, 4.6), layout="constrained", sharex=True)
axes[0].imshow(x["test"][number].T, origin="lower", aspect="auto", cmap="magma")
certain = tf.nn.softmax(outputs).numpy()
axes[1].plot(3 * np.arange(len(outputs)), certain[:, 0], color="0.7", label="blank")
axes[1].plot(3 * np.arange(len(outputs)), certain[:, 1:], linewidth=1)
for place in range(len(right)):
    frame = 3 * np.flatnonzero(places == place)[0]
    axes[0].axvline(frame, color="white", linewidth=0.4)
    axes[0].text(frame, 36, text["test"][number][place], color="white", fontsize=12)
axes[1].set(xlabel="frame", ylabel="probability")
axes[1].legend(loc="center right")
plt.show()
display(Audio(sound["test"][number], rate=RATE))

# %% [markdown]
# Where nobody speaks, there is the grey blank; while someone speaks, one letter follows the other,
# about at its sound. Only about: CTC asks for the order, not for the moment, and a network that
# reads in both directions may say a letter before its sound begins. Look at the very first one.

# %%
spans = np.bincount(places[places >= 0])
claim("outputs per letter", spans.mean(), at_most=2)
quiet = x["test"][number].max(axis=1)[::3] < x["test"][number].max() - 30
blank = certain[:, 0] > 0.5
claim("share of blanks where it is quiet", np.mean(blank[quiet]), at_least=0.3)
claim("share of blanks where it is loud", np.mean(blank[~quiet]), at_most=0.25)
last_word = text["test"][number].rindex(" ") + 1
claim(
    "begin of the last word, per length", np.argmax(places == last_word) / len(places), at_least=0.6
)

# %% [markdown]
# ## Decoding
#
# **Greedy** decoding takes the best symbol of each frame, and reads that path. That is one line:

# %%
mine = "".join(ALPHABET[symbol - 1] for symbol in speech.collapse(outputs.argmax(axis=-1)))
print(mine == model.transcribe([x["test"][number]])[0])

# %% [markdown]
# But the best path need not belong to the best text. Two frames, and at each the blank has 0.6, the
# letter a 0.4. Greedy says nothing, "–", with 0.36. How probable is "a"?

# %%
p = np.array([[0.6, 0.4], [0.6, 0.4]])
print("greedy:", speech.greedy(np.log(p)[None])[0], " p('a') =", round(my_ctc(p, [1]), 2))

# %% [markdown]
# Three paths read as "a". **Prefix beam search** ([Hannun et al. 2014](#hannun2014)) adds up what
# belongs together: it keeps the best *beginnings of texts*, each with two sums, of paths that end
# in a blank and of those that end in its last letter. Why two? After a blank, the same letter is a
# new one; without it, it is the old one that goes on.


# %%
def my_beam_search(p, beam_size=8):
    """The most probable text of p (T, V + 1), and its probability."""
    beams = {(): (1.0, 0.0)}  # beginning: sums of paths that end in a blank, in its last letter
    for now in p:
        new = {}
        for text, (blank, letter) in beams.items():
            for symbol, chance in enumerate(now):
                again = bool(text) and symbol == text[-1]
                longer = text if symbol == 0 else (*text, symbol)
                b, n = new.get(longer, (0.0, 0.0))
                if symbol == 0:
                    new[text] = (b + (blank + letter) * chance, n)
                    continue
                new[longer] = (b, n + (blank if again else blank + letter) * chance)
                if again:
                    b, n = new.get(text, (0.0, 0.0))
                    new[text] = (b, n + letter * chance)
        best = sorted(new, key=lambda text: -sum(new[text]))[:beam_size]
        beams = {text: new[text] for text in best}
    return list(best[0]), sum(beams[best[0]])


# %%
best_text, probability = my_beam_search(p)
print("by hand:", best_text, f"with {probability:.2f}")
found = speech.prefix_beam_search(logits, beam_size=8)
for z, beams in zip(logits, found, strict=True):
    by_hand, probability = my_beam_search(np.array(tf.nn.softmax(z), float))
    assert by_hand == beams[0][0]
    assert np.isclose(np.log(probability), beams[0][1], atol=1e-3)
print("the package finds the same texts in", len(found), "utterances")

# %% [markdown]
# What else does a listener know? Which letters follow each other. A **language model** of
# characters learns that from texts alone, here the training strings: after "thre" comes "e". Beam
# search adds its logarithm, with a weight chosen on the validation strings. (Of which digit follows
# which it can know nothing: they were drawn at random.)

# %%
lm = speech.CharacterLM(text["train"].tolist(), ALPHABET, order=5)
for guess in ("three one", "thre one", "tree one"):
    print(f"ln p({guess!r}) = {lm.log_probability(guess):.1f}")
after = lm.log_probabilities(model.encode(["thre"])[0])
print("after 'thre':", repr((" " + ALPHABET)[1 + int(after[1:].argmax())]))

# %%
weights = (0.0, 0.5, 1.0)
reached = {
    weight: rates(
        transcripts("validation", beam_size=8, language_model=lm, weight=weight), said["validation"]
    )[0]
    for weight in weights
}
weight = min(reached, key=reached.get)
print("validation CER by weight:", {key: measured(value) for key, value in reached.items()})
assert weight > 0

# %%
heard = {"greedy": transcripts("test")}
heard["language model"] = transcripts("test", beam_size=8, language_model=lm, weight=weight)
cer = {name: rates(answers, said["test"])[0] for name, answers in heard.items()}
claim("greedy, test CER", cer["greedy"], at_most=0.25)
claim("with the language model", cer["language model"], at_most=measured(cer["greedy"]))

# %%
answers = zip(said["test"], heard["greedy"], heard["language model"], strict=True)
changed = [(before, after) for right, before, after in answers if right == after != before]
claim("test strings that the language model makes right", len(changed), at_least=5)
written([f"{before}  ->  {after}" for before, after in changed[:4]])

# %% [markdown]
# ## Does it work?
#
# Two rivals for strings. The first cuts the sound where it is quiet, and lets the support vector
# machine of above name each piece. The second reads the frames of the DNN: a digit that rules for
# some frames in a row is a word. How quiet, and how many frames, is chosen on the validation
# strings.


# %%
def pieces(one, drop):
    """The parts of features (T, 40) that are at most `drop` decibels below the loudest frame."""
    loud = one.max(axis=1) > one.max() - drop
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]])))
    return [one[begin:end] for begin, end in edges.reshape(-1, 2) if end - begin >= 16]


def cut_and_name(split, drop):
    answers = []
    for i in strings[split]:
        parts = [np.array_split(piece, 16) for piece in pieces(x[split][i], drop)]
        means = [np.concatenate([part.mean(0) for part in piece]) for piece in parts]
        names = rival.predict(np.stack(means)) if means else []
        answers.append(" ".join(WORDS[name] for name in names))
    return answers


def read_frames(split, least):
    """Digits that are the DNN's best answer for at least so many frames in a row."""
    answers = []
    found = dnn.predict(speech.pad([x[split][i] for i in strings[split]]), verbose=0)
    for frames in found.argmax(axis=-1):
        runs = [(name, len([*run])) for name, run in itertools.groupby(frames)]
        answers.append(" ".join(WORDS[k] for k, size in runs if k < 10 and size >= least))
    return answers


# %%
WORDS = [text["train"][np.argmax(label["train"] == number)] for number in range(10)]
rivals = {"cut and name": (cut_and_name, (15, 25, 35, 45)), "frames": (read_frames, (5, 9, 13, 17))}
for name, (read, choices) in rivals.items():
    tried = [rates(read("validation", choice), said["validation"])[0] for choice in choices]
    print(f"{name}, validation CER:", dict(zip(choices, map(measured, tried), strict=True)))
    heard[name] = read("test", choices[int(np.argmin(tried))])
always = max(sorted(set(said["train"])), key=said["train"].count)
heard["always the same"] = [always] * len(said["test"])

# %%
table = {name: rates(answers, said["test"]) for name, answers in heard.items()}
for name in ("always the same", *rivals, "greedy", "language model"):
    print(f"{name:<15} CER {measured(table[name][0]):.3f}, WER {measured(table[name][1]):.3f}")
claim("CTC with a language model, CER", table["language model"][0], at_most=0.2)
best = min(table[name][0] for name in rivals)
claim("the better rival's CER, over it", best / table["language model"][0], at_least=1.5)

# %% [markdown]
# And the words alone? The recogniser was not made for them, and it may write any letters. But it
# has learned from the strings, too, so it has heard more than the others.

# %%
alone = model.transcribe([x["test"][i] for i in single["test"]], beam_size=8, language_model=lm)
word_scores["CTC"] = np.mean(np.array(alone) == text["test"][single["test"]])
figure, ax = plt.subplots(figsize=(6, 2.2), layout="constrained")
ax.barh(list(word_scores), list(word_scores.values()))
ax.axvline(0.1, color="grey", ls=":")
ax.set(xlim=(0, 1), xlabel="right words of ten new voices")
plt.show()
print({name: measured(score) for name, score in word_scores.items()})
*others, ctc_score = word_scores.values()
claim("CTC", ctc_score, at_least=measured(max(others)))

# %% [markdown]
# ### By voice, and by ear
#
# The mean hides the voices. Which of the ten does it understand worst, and why? Look, then listen:
# the worst strings, the most errors per letter first.

# %%
answers = heard["language model"]
voices = voice["test"][strings["test"]]
by_voice = {
    name: rates(
        *zip(
            *[(h, s) for h, s, v in zip(answers, said["test"], voices, strict=True) if v == name],
            strict=True,
        )
    )[0]
    for name in sorted(set(voices))
}
figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
ax.barh(list(by_voice), list(by_voice.values()))
overall = table["language model"][0]
ax.axvline(overall, color="grey", ls=":")
ax.set(xlabel="CER on the test strings of each voice")
plt.show()
claim("worst voice, CER", max(by_voice.values()), at_least=measured(2 * overall))

# %%
per_string = np.array([rates([h], [s])[0] for h, s in zip(answers, said["test"], strict=True)])
worst = np.argsort(-per_string, kind="stable")[:3]
claim("strings without an error", np.mean(per_string == 0), at_least=0.3)
claim("CER of the three worst", per_string[worst].mean(), at_least=0.4)

# %%
written([f"{voices[row]}: {said['test'][row]}  ->  {answers[row]}" for row in worst])
for row in worst:
    display(Audio(sound["test"][strings["test"][row]], rate=RATE))

# %% [markdown]
# Could you write them down? One voice makes a large part of all errors, though each voice says a
# tenth of the strings. So the next thing to do is not another network but other voices for
# training: like this one.

# %%
of_worst = voices == max(by_voice, key=by_voice.get)
mistakes = per_string * [len(sentence) for sentence in said["test"]]
print("strings of the worst voice:", f"{np.mean(of_worst):.0%}")
claim("its share of all errors", mistakes[of_worst].sum() / mistakes.sum(), at_least=0.2)

# %% [markdown]
# ## Round trip
#
# A sentence becomes sound, in a voice that is in no split of ours; sound becomes features; features
# become sound again, by Griffin–Lim; and both are recognised. Does the text come back?

# %%
SENTENCE = "nine three zero seven"
assert not {"en-us"} & {*voice["train"], *voice["validation"], *voice["test"]}
spoken = speech.espeak(SENTENCE, "en-us", rate=140, sample_rate=RATE)
spoken = np.pad(spoken, RATE // 8) + np.random.default_rng(0).normal(
    0, 1e-3, len(spoken) + RATE // 4
)
spoken = spoken.astype("float32")
rebuilt = speech.mel_to_samples(features(spoken), RATE).numpy()
for name, samples in {"as spoken": spoken, "from log-mel": rebuilt}.items():
    display(Audio(samples, rate=RATE))
    [understood] = model.transcribe([features(samples)], beam_size=8, language_model=lm)
    print(f"{name:<13} {understood!r}")
    assert understood == SENTENCE

# %% [markdown]
# ### While someone speaks
#
# An LSTM in both directions must wait for the end. With `bidirectional=False`, `speech.Recognizer`
# writes along, piece by piece, and keeps only the states of the layers and the last few frames:
# constant memory, however long someone speaks. The weights here are untrained; the promise is that
# pieces give what the whole gives.

# %%
keras.utils.set_random_seed(2)
along = speech.SpeechRNN(
    40, ALPHABET, units=32, num_layers=1, filters=16, strides=3, bidirectional=False
)
recognizer = speech.Recognizer(along)
long_sound = np.concatenate([x["test"][i] for i in strings["test"][:5]])
inside = [recognizer.logits(long_sound[i : i + 17]) for i in range(0, len(long_sound), 17)]
inside = np.concatenate([*inside, recognizer.last_logits()])
whole = along.predict(long_sound[None], verbose=0)[0]
claim(
    f"{len(long_sound)} frames in pieces of 17: difference",
    np.abs(inside - whole).max(),
    at_most=1e-4,
)

# %% [markdown]
# ## The real thing: Silero VAD
#
# Before words are recognised, a telephone must know whether anybody speaks at all: **voice activity
# detection**. Silero VAD (MIT licence) is a published network for that, in the package
# `silero-vad`. Its parts are this chapter's: sound in blocks of 32 ms; a convolution whose kernels
# are sines and cosines, so a short-time Fourier transform; four convolutions; an LSTM that
# remembers the blocks before; one unit with a sigmoid. `speech.SileroVAD` is that graph in Keras:

# %%
import inspect

print(inspect.getsource(speech.SileroVAD.__init__))

# %% tags=["nbval-ignore-output"]
try:
    vad = speech.SileroVAD.from_package()
    print("Silero's weights are here")
except ImportError as error:
    vad = None
    print(f"{error}. Until then, the answers below are recorded ones.")

# %% [markdown]
# Is it the same network? `benchmarks/voice_activity.py` ran the published file in ONNX Runtime and
# wrote its answers down, to noise and to a recording. It also measured whether the first kernels
# are Fourier's.

# %%
known = recorded("voice_activity")["figures"]
noise = (0.1 * np.random.RandomState(0).randn(8 * 512)).astype("float32")
answers = vad.probabilities(noise) if vad else np.array(known["noise"])
claim("largest difference from ONNX Runtime", np.abs(answers - known["noise"]).max(), at_most=1e-6)
print("parameters:", f"{known['parameters']:,}", "  blocks of noise:", len(answers))
print(
    "kernels differ from windowed sines and cosines by", known["kernels differ from Fourier's by"]
)

# %% [markdown]
# Now a recording of 40 seconds, in which four people say something between noise. We put them
# there, so we know when somebody speaks. Where does the network hear it?

# %%
recording = np.random.default_rng(0).normal(0, 0.003, 40 * 16000)
truth = []
for begin, sentence, name in known["sentences"]:
    said_there = 0.5 * speech.espeak(sentence, name, sample_rate=16000)
    recording[begin * 16000 :][: len(said_there)] += said_there
    truth.append((begin, begin + len(said_there) / 16000))
recording = np.round(recording * 32768).astype("int16") / np.float32(32768)
probability = vad.probabilities(recording) if vad else np.array(known["recording"])
parts = speech.speech_segments(probability, num_samples=len(recording))
claim(
    "difference from ONNX Runtime on the recording",
    np.abs(probability - known["recording"]).max(),
    at_most=1e-3,
)

# %%
figure, ax = plt.subplots(figsize=(10, 2.6), layout="constrained")
ax.plot(np.arange(len(recording)) / 16000, recording, color="0.7", linewidth=0.3)
ax.plot(0.032 * np.arange(len(probability)), probability, color="tab:blue", linewidth=1)
for begin, end in parts:
    ax.axvspan(begin, end, color="tab:green", alpha=0.2)
ax.set(xlabel="time (s)", ylabel="probability of speech", ylim=(-0.6, 1.05))
plt.show()

# %%
grid = np.arange(0, 40, 0.01)
inside = [np.any([(b <= grid) & (grid < e) for b, e in rows], axis=0) for rows in (parts, truth)]
claim("of the moments with speech, found", np.mean(inside[0][inside[1]]), at_least=0.9)
claim("of the moments found, speech", np.mean(inside[1][inside[0]]), at_least=0.9)

# %% [markdown]
# It streams, too: `SileroStream` keeps the LSTM's state and the last few samples between two
# pieces, so that pieces of any size give what the whole gives.

# %%
if vad:
    stream = speech.SileroStream(vad)
    streamed = [stream.feed(recording[i : i + 7000]) for i in range(0, len(recording), 7000)]
    streamed = np.concatenate([*streamed, stream.finish()])
else:
    streamed = probability
claim("in pieces of 7000 samples, difference", np.abs(streamed - probability).max(), at_most=1e-6)

# %% [markdown]
# ## Yours
#
# Record yourself with your telephone or computer, saying digits in English, and save it as WAV,
# FLAC, OGG or MP3. Any sample rate will do, one channel or two. To let these cells run, a program
# speaks in your place: another voice, in stereo, 44,100 Hz, 24 bits. **With your own file, leave
# this cell out and set `path`.**

# %%
import tempfile
from pathlib import Path

import soundfile

folder = Path(tempfile.mkdtemp())
path = folder / "mine.wav"
left = 0.6 * speech.espeak("two eight one", "en-gb", rate=140, sample_rate=44100)
left = np.pad(left, 8000) + np.random.default_rng(1).normal(0, 1e-3, len(left) + 16000)
soundfile.write(path, np.stack([left, 0.7 * left], axis=1), 44100, subtype="PCM_24")
print(soundfile.info(path).channels, "channels,", soundfile.info(path).subtype)

# %% [markdown]
# `speech.read` mixes the channels and resamples. Look at it, listen, and let the model write.

# %%
mine = speech.read(path, RATE)
print(mine.shape, mine.dtype)
display(Audio(mine, rate=RATE))
figure, ax = plt.subplots(figsize=(8, 2.4), layout="constrained")
draw(ax, features(mine), "mine")
plt.show()

# %%
model.save(folder / "model.keras")
loaded = keras.models.load_model(folder / "model.keras", compile=False)
answer = loaded.transcribe([features(mine)], beam_size=8, language_model=lm)
assert answer == model.transcribe([features(mine)], beam_size=8, language_model=lm)
print("the loaded model hears:", *answer)
assert answer == ["two eight one"]

# %% [markdown]
# The command line does it for files of any length, cut at their pauses. It wants the folder of a
# run of `aimodels train speech`, which also trains on recordings of your own words, a folder per
# word:
#
# ```
# aimodels train speech --folder runs/speech
# aimodels train speech --data my_words --folder runs/mine
# aimodels listen meeting.wav --model runs/mine
# ```
#
# Such a folder holds the model and two facts. We write them, and ask it about our file.

# %%
import contextlib
import io
import json

from aimodels.cli import main

(folder / "run.json").write_text(json.dumps({"model": "speech"}))
(folder / "sound.json").write_text(json.dumps({"sample_rate": RATE}))
with contextlib.redirect_stdout(io.StringIO()) as printed:
    assert main(["listen", f"{path}", "--model", f"{folder}"]) == 0
written(printed.getvalue().splitlines())
by_command = printed.getvalue().split("  ")[-1].strip()
claim("aimodels listen, CER", rates([by_command], ["two eight one"])[0], at_most=0.3)

# %% [markdown]
# ## Faults you will meet
#
# Recordings from outside are often broken. `speech.read` says what is wrong, and what to do.

# %%
(folder / "empty.wav").touch()
(folder / "notes.wav").write_text("call back at three")
soundfile.write(folder / "nan.wav", np.float32([0, np.nan, 0]), 8000, subtype="FLOAT")
for name in ("empty.wav", "notes.wav", "nan.wav", "mime.wav"):
    try:
        speech.read(folder / name)
    except (speech.AudioError, FileNotFoundError) as error:
        print(str(error).replace(str(folder), "...").partition(";")[0])

# %% [markdown]
# **16-bit numbers.** Many libraries give whole numbers up to 32,767. Divide, or the features are
# shifted by 90 dB; ours refuse them.

# %%
try:
    speech.log_mel(np.int16([0] * 800), RATE)
except ValueError as error:
    print(error)

# %% [markdown]
# **Another sample rate.** At the wrong rate, each band lies elsewhere, and nothing complains. Fifty
# test strings, read as if they were sampled at 16,000 Hz instead of 8,000:

# %%
some = strings["test"][:50]
wrong = [sound_features(sound["test"][i], 16000, 40) for i in some]
at_wrong_rate = rates(model.transcribe(wrong), said["test"][:50])[0]
print("CER at the right rate:", measured(rates(heard["greedy"][:50], said["test"][:50])[0]))
claim("at the wrong rate", at_wrong_rate, at_least=measured(2 * table["greedy"][0]))

# %% [markdown]
# ## Scale it
#
# People differ more than espeak's voices do. `spoken_digit` holds 2,500 words of five people; these
# lines replace `recordings`, and one of the five is left out:
#
# ```python
# rows = list(data.load("spoken_digit", split="train+test").as_numpy_iterator())
# samples = [row["audio"].astype("float32") / 32768 for row in rows]
# people = np.array([row["speaker"].decode() for row in rows])
# training, held_out = (np.flatnonzero(rule) for rule in (people != "theo", people == "theo"))
# ```
#
# The recipe of `aimodels train speech --data spoken_digit` joins words to strings, and hides bands
# of frequencies and stretches of time, other ones in each epoch (SpecAugment, [Park et al.
# 2019](#park2019)): so the network cannot rely on one formant alone, and has to use all that it
# hears.

# %% [markdown]
# `python benchmarks/run.py spoken_digit digit_strings` trained a `KeywordCNN` on words of four
# people and asked it about the fifth, and a `SpeechRNN` on strings joined from recordings of all
# five:

# %%
print(f"majority {people['majority']:.3f}, SVM, one left out: mean {people['SVM']['mean']:.3f}")
worst, mean = people["worst"], people["mean"]
print(
    f"CNN, one left out: mean {mean:.3f}, worst {worst:.3f}; known {people['official split']:.3f}"
)
joined = recorded("digit_strings")["figures"]
print(f"strings joined from {joined['digits in them']} words: CER {joined['mean test CER']:.3f}")
assert mean > people["SVM"]["mean"] + 0.1

# %% [markdown]
# And AN4: people who spell their names and say numbers, as 13 MFCC per frame, of which 26 test
# sentences also stand in the training set. `python benchmarks/run.py an4` trained a `SpeechRNN` of
# two layers on it and chose the language model's weight on speakers of the training set:

# %%
figures = recorded("an4")["figures"]
[floor] = [rates for name, rates in figures.items() if name.startswith("always")]
print(f"{'the most frequent sentence':<42} CER {floor['CER']:.3f}, WER {floor['WER']:.3f}")
for rows in ("all test sentences", "sentences not in the training set"):
    for how in ("greedy", "beam"):
        seeds = [seed[rows][how] for seed in figures["seeds"].values()]
        cer, wer = (np.mean([seed[rate] for seed in seeds]) for rate in ("CER", "WER"))
        print(f"{rows + ', ' + how:<42} CER {cer:.3f}, WER {wer:.3f}")
assert figures["mean WER beam"] < floor["WER"] / 5

# %% [markdown]
# A task can also be too easy: `yesno` is one man who says yes and no in Hebrew, eight words per
# recording, the same man in training and test.

# %%
figures = recorded("yesno")["figures"]
rates_of = {seed: one["test"]["WER"] for seed, one in figures["seeds"].items()}
print(figures["words in the test recordings"], "words, WER by seed:", rates_of)
assert figures["highest test WER"] < 0.02

# %% [markdown]
# ## Summary
#
# - Sound is a row of pressures that a shift of a millisecond changes beyond recognition. Frames, a
#   Fourier transform, mel bands and a logarithm make features of it that a shift hardly changes.
# - Features can be made sound again: Griffin and Lim's rounds find phases that fit the magnitudes.
# - Split by speaker. A random split asks whether the machine knows voices that it has heard.
# - A frame alone says little. With its neighbours, dense layers name it.
# - CTC sums over all paths that read as the text, so nobody has to put letters in time. The forward
#   recursion needs one number per state.
# - Lengths belong into the loss: padding is not speech.
# - Greedy decoding reads the best path, beam search the best text; a language model knows spelling.
#
# ## Common mistakes
#
# - Recordings of one speaker in training and test.
# - Reading a file at another sample rate than the one the model learned from.
# - Too few frames per letter: with a large stride, a long word does not fit, and its loss is
#   infinite.
# - Removing the blanks before the repetitions: *three* loses an *e*.
# - A random seed in the noise of the test set, so that no two figures can be compared.
#
# ## Exercises
#
# 1. **By hand.** Which of these paths read as "see": `s-ee`, `see-`, `s-e-e`, `ss-ee-e`, `-s-eee`?
#    How many frames does "see" need at least? Check with `speech.collapse` and `speech.min_frames`.
# 2. **Count the paths.** Of a text of $L$ different letters in $T$ frames there are
#    $\binom{T + L}{2L}$ paths. Check it for $T = 5$ and $L = 2$ by listing all paths. What if the
#    two letters are equal?
# 3. **The gradient.** Show with `speech.forward_backward` that the gradient of CTC's loss for the
#    logits adds up to zero in each frame. What does that mean?
# 4. **Pitch is not the word.** Let espeak say "nine" at the pitches 20 and 80. Compare the two by
#    the spectrogram, and by 13 MFCC: which differ less, relative to the difference from "five"?
# 5. **Noise.** Add white noise at 20, 10 and 0 dB to recordings of the test (`speech.add_noise`),
#    and let the support vector machine on 16 parts, trained on clean words, name them. What helps
#    more at 10 dB: training on noisy words, or on twice as many clean voices?
# 6. **Time warping.** Before networks, words were compared by *dynamic time warping*: the cheapest
#    way to stretch one onto the other ([Sakoe & Chiba 1978](#sakoe1978)). Write it in at most ten
#    lines, and name words of new voices by the nearest training word.
#
# The solutions are in `solutions/10_speech/exercises.ipynb`.
#
# ## References
#
# - <a id="davis1980"></a>Steven B. Davis, Paul Mermelstein. *Comparison of Parametric
#   Representations for Monosyllabic Word Recognition in Continuously Spoken Sentences*. IEEE
#   Transactions on Acoustics, Speech, and Signal Processing, 28(4):357–366, 1980.
# - <a id="graves2006ctc"></a>Alex Graves, Santiago Fernández, Faustino Gomez, Jürgen Schmidhuber.
#   *Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with Recurrent
#   Neural Networks*. ICML, 369–376, 2006.
# - <a id="griffin1984"></a>Daniel W. Griffin, Jae S. Lim. *Signal Estimation from Modified
#   Short-Time Fourier Transform*. IEEE Transactions on Acoustics, Speech, and Signal Processing,
#   32(2):236–243, 1984.
# - <a id="hannun2014"></a>Awni Y. Hannun, Andrew L. Maas, Daniel Jurafsky, Andrew Y. Ng.
#   *First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs*.
#   arXiv:1408.2873, 2014.
# - <a id="hinton2012"></a>Geoffrey Hinton, Li Deng, Dong Yu, George E. Dahl, Abdel-rahman Mohamed,
#   Navdeep Jaitly, Andrew Senior, Vincent Vanhoucke, Patrick Nguyen, Tara N. Sainath, Brian
#   Kingsbury. *Deep Neural Networks for Acoustic Modeling in Speech Recognition: The Shared Views
#   of Four Research Groups*. IEEE Signal Processing Magazine, 29(6):82–97, 2012.
# - <a id="jaitly2013"></a>Navdeep Jaitly, Geoffrey E. Hinton. *Vocal Tract Length Perturbation
#   (VTLP) improves speech recognition*. ICML Workshop on Deep Learning for Audio, Speech and
#   Language, 2013.
# - <a id="park2019"></a>Daniel S. Park, William Chan, Yu Zhang, Chung-Cheng Chiu, Barret Zoph, Ekin
#   D. Cubuk, Quoc V. Le. *SpecAugment: A Simple Data Augmentation Method for Automatic Speech
#   Recognition*. Interspeech, 2613–2617, 2019.
# - <a id="sainath2015"></a>Tara N. Sainath, Carolina Parada. *Convolutional Neural Networks for
#   Small-footprint Keyword Spotting*. Interspeech, 1478–1482, 2015.
# - <a id="sakoe1978"></a>Hiroaki Sakoe, Seibi Chiba. *Dynamic Programming Algorithm Optimization
#   for Spoken Word Recognition*. IEEE Transactions on Acoustics, Speech, and Signal Processing,
#   26(1):43–49, 1978.
