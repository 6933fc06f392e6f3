# ---
# jupyter:
#   aimodels:
#     title: Recurrent networks
#     goals:
#       - write the step of an RNN, an LSTM and a GRU by hand, and check it against Keras
#       - watch gates open and close
#       - "mask padding, and show what happens to a network that reads it"
#       - measure how gradients vanish and explode through time
#       - forecast a series, split by time, against baselines that are hard to beat
#       - find names in Chinese news, and say honestly what a dictionary does better
#     prerequisites: [01_foundations, 03_embeddings]
#     minutes: 80
#     repairs: [003-1.4.2, 004-4.2]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Recurrent networks
#
# **You will be able to**
#
# - write the step of an RNN, an LSTM and a GRU by hand, and check it against Keras;
# - watch gates open and close;
# - mask padding, and show what happens to a network that reads it;
# - measure how gradients vanish and explode through time;
# - forecast a series, split by time, against baselines that are hard to beat;
# - find names in Chinese news, and say honestly what a dictionary does better.
#
# **Before this:** 01_foundations, 03_embeddings. **About 80 minutes.**
# **Repairs:** article 003 §1.4.2, article 004 §4.2.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import collections
import itertools

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from aimodels import data, metrics, plots, recurrent
from aimodels.course import claim, measured, recorded

# %% [markdown]
# ## Order, and a state that carries it
#
# A mean of word vectors is the same for "dog bites man" and "man bites dog". Who bites is lost.

# %%
rng = np.random.default_rng(0)
vectors = rng.normal(size=(3, 4))  # dog, bites, man
forwards, backwards = vectors, vectors[::-1]
gap = np.abs(forwards.mean(axis=0) - backwards.mean(axis=0)).max()
claim("between the two means", gap, at_most=1e-12)

# %% [markdown]
# A **recurrent** network reads one token after the other and keeps a **state** $h$, a row of
# numbers that it rewrites at every step. One equation says all ([Elman 1990](#elman1990)):
#
# $$ h_t = \tanh(x_t W + h_{t-1} R + b), \qquad h_0 = 0 $$
#
# Article 004 §3.2 prints it in two halves, as "hidden state" and "recurrent connection"; they are
# one sum in one tanh. Article 003 says 递归 (recursive). Recursive networks follow the branches of
# a tree; recurrent ones, 循环, follow time.
#
# Take the smallest one: one input, one unit, $W = 1$, $R = 0.5$, $b = 0$. It hears a 1, then
# silence. What will the state do?

# %%
h = 0.0
for t, x in enumerate([1, 0, 0, 0], start=1):
    h = np.tanh(x * 1 + h * 0.5 + 0)
    print(f"h_{t} = {h:.4f}")

# %% [markdown]
# An echo that fades. Now does order matter? We put both sentences through `rnn_step`, the
# equation above for any number of units:

# %%
W, R, b = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), np.zeros(4)
last = []
for sentence in (forwards, backwards):
    h = np.zeros((1, 4))
    for x in sentence:
        (h,) = recurrent.rnn_step(x[None], (h,), W, R, b)
    last.append(np.asarray(h))
claim("between the two last states", np.abs(last[0] - last[1]).max(), at_least=0.1)

# %% [markdown]
# It tells them apart. The *same* $W$, $R$ and $b$ serve at every step, so their number does not
# depend on the length. Is our step what Keras computes? We copy the weights of a `SimpleRNN` and
# compare.

# %%
x = rng.normal(size=(2, 6, 3)).astype("float32")  # (batch, time, features)
theirs = keras.layers.SimpleRNN(8)
expected = theirs(x)
h = np.zeros((2, 8), "float32")
for t in range(6):
    (h,) = recurrent.rnn_step(x[:, t], (h,), *theirs.get_weights())
print(x.shape, "->", h.shape)
claim("from SimpleRNN", np.abs(h - expected).max(), at_most=1e-5)

# %% [markdown]
# ## Gates
#
# The echo faded because every step multiplies the state by the same $R$ and squeezes it through
# tanh, whatever it holds. The **LSTM** ([Hochreiter & Schmidhuber 1997](#hochreiter1997)) adds a
# second state, the cell $c$, and **gates**: numbers between 0 (shut) and 1 (open), computed from
# $x_t$ and $h_{t-1}$ as everything else.
#
# $$ (i, f, g, o) = x_t W + h_{t-1} R + b $$
# $$ c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh(g), \qquad
#    h_t = \sigma(o) \odot \tanh(c_t) $$
#
# $\sigma$ is the logistic sigmoid, $\odot$ multiplies number by number, and $\tanh(g)$ is the
# **candidate**: what might be written. The input gate $\sigma(i)$ lets it in, the **forget** gate
# $\sigma(f)$ lets the old cell pass, the output gate $\sigma(o)$ lets the cell be seen. The forget
# gate was added later, here as in [Gers et al. 2002](#gers2002), without that paper's peepholes.
#
# A network learns its weights. We set them by hand once, to see what gates *can* do: one unit,
# whose input has three features: a value, a "write" flag, a "read" flag.

# %%
#                   i    f  g    o
kernel = np.array([[0, 0, 1, 0], [20, -20, 0, 0], [0, 0, 0, 20]], float)  # value, write, read
bias = np.array([-10, 10, 0, -10], float)
no_recurrence = np.zeros((1, 4))
steps = 12
x = np.zeros((steps, 3))
x[:, 0] = rng.normal(size=steps)
x[[2, 8]] = [1.5, 1, 0], [-0.8, 1, 0]  # write at 2 and 8
x[[5, 6, 11], 2] = 1  # read at 5, 6 and 11

# %%
h, c = np.zeros((1, 1)), np.zeros((1, 1))
states = []
for t in range(steps):
    h, c = recurrent.lstm_step(x[t : t + 1], (h, c), kernel, no_recurrence, bias)
    states.append((float(c[0, 0]), float(h[0, 0])))
cells, outputs = np.array(states).T

# %% [markdown]
# Values arrive at every step. We write at steps 2 and 8 and read at 5, 6 and 11. At which steps
# will the cell change, at which will the output differ from 0, and to what?

# %%
gates = 1 / (1 + np.exp(-(x @ kernel + bias)))
figure, axes = plt.subplots(3, 1, figsize=(8, 5.5), sharex=True, layout="constrained")
axes[0].bar(range(steps), x[:, 0], color=np.where(x[:, 1] == 1, "tab:red", "lightgrey"))
axes[0].set(ylabel="value", title="The value arrives at every step (red: write)")
for name, column, style in (("input", 0, "o-"), ("forget", 1, "s--"), ("output", 3, "^:")):
    axes[1].plot(gates[:, column], style, label=name)
axes[1].set(ylabel="gate", yticks=[0, 1], yticklabels=["0 shut", "1 open"])
axes[2].step(range(steps), cells, where="mid", color="black", label="cell c")
axes[2].bar(range(steps), outputs, color="tab:green", alpha=0.6, label="output h")
axes[2].set(xlabel="step", ylabel="state", xticks=range(steps))
for ax in axes[1:]:
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %%
written = np.tanh(x[[2, 8], 0])
shown = np.tanh(written[[0, 0, 1]])
print(f"written: {written[0]:.3f} at step 2, {written[1]:.3f} at step 8")
for name, difference in {
    "steps 2 to 7: from what was written": cells[2:8] - written[0],
    "steps 8 to 11: likewise": cells[8:] - written[1],
    "steps 5, 6, 11: from what is to be read": outputs[[5, 6, 11]] - shown,
    "all other outputs: from 0": np.delete(outputs, [5, 6, 11]),
}.items():
    claim(name, np.abs(difference).max(), at_most=1e-3)

# %% [markdown]
# Between writing and reading the cell holds its number as a memory chip does; the noise does not
# get in. Writing opens the input gate and shuts the forget gate: the old value goes.
#
# The **GRU** ([Cho et al. 2014](#cho2014)) does with one state and two gates. Gate $z$ mixes old
# and new, gate $r$ decides how much of the old state the candidate may read:
#
# $$ z = \sigma(x_t W_z + b_z + h_{t-1} R_z + b'_z), \qquad
#    r = \sigma(x_t W_r + b_r + h_{t-1} R_r + b'_r) $$
# $$ \tilde h = \tanh\bigl(x_t W_h + b_h + r \odot (h_{t-1} R_h + b'_h)\bigr), \qquad
#    h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h $$
#
# This is the form of Keras and PyTorch; the paper multiplies by $r$ before $R_h$, and has one bias.
#
# `Recurrent` runs any of the three steps along a sequence, in a plain loop. With copied weights,
# does it equal Keras's layers? And which cell has how many parameters?

# %%
x = rng.normal(size=(2, 6, 3)).astype("float32")
for cell, layer in recurrent.LAYERS.items():
    theirs, ours = layer(8), recurrent.Recurrent(cell, 8)
    expected = theirs(x)
    ours(x)  # builds it
    ours.set_weights(theirs.get_weights())
    difference = np.abs(ours(x) - expected).max()
    claim(f"{cell:<4} {theirs.count_params():>3} parameters; from Keras", difference, at_most=1e-5)

# %% [markdown]
# Four times as many for the LSTM: the input gate, the forget gate, the candidate, the output gate.
# The GRU has three parts, and a second bias.

# %% [markdown]
# ## The broken snippet: it reads the padding
#
# Texts differ in length, so short ones are filled up with id 0, the **padding**. Article 004 §4.2
# fills all to 100 and puts an `Embedding` and an LSTM on them. Nobody tells the LSTM where the text
# ends.
#
# What does this cost? A toy task makes it plain: texts of 3 to 8 tokens, padded to 100, and the
# label depends on the *first token* only.

# %%
lengths = rng.integers(3, 9, 1700)
ids = rng.integers(1, 41, (1700, 100)) * (np.arange(100) < lengths[:, None])
labels = ids[:, 0] % 10  # ten classes
parts = np.split(np.arange(1700), [1000, 1200])
train, validation, test = [(ids[part], labels[part]) for part in parts]
print(train[0][0, :12], "... label", train[1][0])

# %% [markdown]
# `TextClassifier` is the repaired model: `Embedding(mask_zero=True)` marks every id 0, and the
# LSTM leaves its state as it is there. With `mask_zero=False` we get the article's fault back.
# Guess both accuracies. Chance is 0.1.

# %%
classifiers, curves = {}, {}
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
for mask_zero in (False, True):
    keras.utils.set_random_seed(1)
    model = recurrent.TextClassifier(41, 10, embedding_dim=16, units=32, mask_zero=mask_zero)
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    fitted = model.fit(*train, batch_size=50, epochs=6, validation_data=validation, verbose=0)
    classifiers[mask_zero], curves[mask_zero] = model, fitted.history["val_accuracy"]

# %%
figure, ax = plt.subplots(figsize=(7, 3.2))
for mask_zero, color in ((True, "tab:blue"), (False, "tab:red")):
    ax.plot(range(1, 7), curves[mask_zero], "o-", color=color, label=f"mask_zero={mask_zero}")
ax.axhline(0.1, ls=":", color="grey", label="chance")
ax.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1.05))
ax.set_title("One argument decides")
ax.legend()
plt.show()

# %%
for mask_zero, bound in ((False, {"at_most": 0.25}), (True, {"at_least": 0.9})):
    score = classifiers[mask_zero].evaluate(*test, verbose=0)[1]
    claim(f"mask_zero={mask_zero}: test accuracy", score, **bound)

# %% [markdown]
# The same network, data and training. Why does it fail? Ask it: how much do its logits differ from
# text to text, before and after all that padding?

# %%
texts = test[0][:100]
for mask_zero, bound in ((False, {"at_most": 0.01}), (True, {"at_least": 0.1})):
    spread = classifiers[mask_zero](texts).numpy().std(axis=0).max()
    claim(f"mask_zero={mask_zero}: spread of the logits", spread, **bound)

# %% [markdown]
# Without the mask it says the same about every text: more than 90 steps of padding have washed the
# text away. With the mask, padding must be *inert*: any amount of it, the same answer. Always test
# this.

# %%
longer = np.pad(texts, [(0, 0), (0, 60)])
change = classifiers[True](longer).numpy() - classifiers[True](texts).numpy()
print(texts.shape, "and", longer.shape)
claim("change of the logits", np.abs(change).max(), at_most=1e-5)

# %% [markdown]
# The snippet has more faults: no vocabulary that makes ids from words, no test set, and its text
# gives the formula of the plain RNN where the code has an LSTM.

# %% [markdown]
# ## Gradients through time
#
# Could training not *learn* to keep the first token? Training sees it only through the gradient.
# By the chain rule, what a state $s_t$ still means for the last $h_T$ is a long product:
#
# $$ \frac{\partial h_T}{\partial s_t} = \frac{\partial h_T}{\partial s_T}\,
#    \frac{\partial s_T}{\partial s_{T-1}} \cdots \frac{\partial s_{t+1}}{\partial s_t} $$
#
# $s_t$ is $h_t$, and for an LSTM $h_t$ and $c_t$ side by side. Every factor is a matrix. If no
# factor stretches anything, and each shrinks, the product **vanishes**. If factors stretch, it
# *can* **explode** ([Bengio et al. 1994](#bengio1994), [Pascanu et al. 2013](#pascanu2013)). For
# the RNN a factor is $R$ times the slope of tanh, at most 1. So if $R$ stretches nothing by more
# than 0.5, how much is left after 40 steps, at most?

# %%
print(f"0.5 ** 40 = {0.5**40:.1e}")


def rnn(gain):
    """R turns every vector and makes it `gain` times as long."""
    start = keras.initializers.Orthogonal(gain, seed=1)
    return recurrent.Recurrent("rnn", 16, recurrent_initializer=start)


# %% [markdown]
# `gradient_through_time` measures by how much that product can stretch a small change at most (its
# spectral norm), as a mean over the batch. We compare untrained networks on quiet input: loud input
# pushes tanh to its flat ends, and its slope hides the explosion.

# %%
x = (0.1 * rng.normal(size=(8, 40, 4))).astype("float32")
layers = {
    "RNN, gain 0.5": rnn(0.5),
    "RNN, gain 1 (Keras)": rnn(1.0),
    "RNN, gain 2": rnn(2.0),
    "GRU": recurrent.Recurrent("gru", 16),
    "LSTM, forget bias 1 (Keras)": recurrent.Recurrent("lstm", 16),
    "LSTM, forget bias 5": recurrent.Recurrent("lstm", 16, forget_bias=5.0),
}
norms = {name: recurrent.gradient_through_time(layer, x) for name, layer in layers.items()}

# %%
figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
for name, norm in norms.items():
    ax.semilogy(norm, "--" if "RNN" in name else "-", label=name)
ax.axhline(1, color="grey", lw=0.8)
ax.set(xlabel="time t of the change", ylabel="effect on the last state", ylim=(1e-13, 1e6))
ax.set_title("What a change at time t still does at time 40")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %%
bounds = {
    "RNN, gain 0.5": {"at_most": 0.5**40},
    "RNN, gain 1 (Keras)": {"at_least": 0.1, "at_most": 1},
    "RNN, gain 2": {"at_least": 1000},
    "GRU": {"at_most": 1e-5},
    "LSTM, forget bias 1 (Keras)": {"at_least": 1e-5, "at_most": 0.01},
    "LSTM, forget bias 5": {"at_least": 1, "at_most": 100},
}
for name, bound in bounds.items():
    claim(f"{name}: over 40 steps", norms[name][0], **bound)

# %%
at_most = 1.001 * 0.5 ** np.arange(40, -1, -1)
claim("gain 0.5, share of its bound", (norms["RNN, gain 0.5"] / at_most).max(), at_most=1)

# %% [markdown]
# Read the picture from right to left. The RNN of gain 0.5 is never above its bound: at every step
# back, half is lost at least. Gain 1, where Keras starts, fades slowly. Gain 2 explodes: then one
# clips the gradient, with `global_clipnorm=1.0` in the optimizer.
#
# Surprised by the LSTM? Gates do not keep gradients by magic. Along the cell the factor is the
# forget gate itself, and Keras starts its bias at 1:

# %%
for forget_bias in (0, 1, 5):
    gate = 1 / (1 + np.exp(-forget_bias))
    print(f"forget bias {forget_bias}: gate {gate:.3f}, after 40 steps {gate**40:.0e}")

# %% [markdown]
# What is special is that the network may *learn* that gate, up to 1, unit by unit; a GRU, which
# starts at one half, learns it too. (This table follows $c$ alone; the picture has all paths, so
# its lines lie higher, and with bias 5 the sum of many open paths even grows.)
#
# Now back to the network that reads padding. How much does its first token still count at the end?

# %%
failed = classifiers[False]
vectors = failed.layers[1](texts[:4])  # the embedding
loop = recurrent.Recurrent("lstm", 32)
loop(vectors[:, :1])
loop.set_weights(failed.get_layer("lstm1").get_weights())
through_padding = recurrent.gradient_through_time(loop, vectors)
claim("effect of the state behind the first token", through_padding[1], at_most=1e-4)

# %% [markdown]
# There is next to no gradient to learn from. A mask does not make the LSTM better; it makes the
# way short.

# %% [markdown]
# ## A forecast
#
# Article 003 §1.4.2 stacks three LSTM layers and names no task, and it passes the test set as
# `validation_data`. We give the network a task: the water in a shallow harbour, made up, but with
# real periods. The moon raises it every 12.42 hours, the sun every 12. Below 4 m the gauge (the
# measuring instrument) stands on dry sand, and what it says is its own noise of 0.3 m, as always.

# %%
hours, floor = np.arange(24 * 120), 4.0
moon, sun = 2 * np.sin(2 * np.pi * hours / 12.42), 0.7 * np.sin(2 * np.pi * hours / 12)
water = np.maximum(5 + moon + sun, floor) + rng.normal(0, 0.3, len(hours))
past = slice(0, 24 * 80), slice(24 * 80, 24 * 100), slice(24 * 100, None)
mean, scale = water[past[0]].mean(), water[past[0]].std()  # of the training days only
print(f"dry for {np.mean(5 + moon + sun < floor):.0%} of the hours")

# %% [markdown]
# The split follows time: 80 days to train, 20 to choose, 20 to test. Shuffled windows would
# overlap: the hours of a test window would stand in training windows. The scale comes from the
# training days alone. From 48 hours we forecast the next 24.

# %%
figure, ax = plt.subplots(figsize=(9, 3))
for part, name in zip(past, ("training", "validation", "test"), strict=True):
    ax.plot(hours[part] / 24, water[part], lw=0.5, label=name)
ax.set(xlabel="day", ylabel="water in m", ylim=(0, 9))
between = 1 / (1 / 12 - 1 / 12.42) / 24  # from one time when sun and moon agree to the next
ax.set_title(f"High tides grow and shrink every {between:.1f} days; low tides fall dry")
ax.legend(loc="lower left", ncol=3)
plt.show()


# %%
def windows(series):
    """48 hours to look at and the 24 behind them, from each hour on."""
    rows = np.lib.stride_tricks.sliding_window_view((series - mean) / scale, 48 + 24)
    return rows[:, :48, None].astype("float32"), rows[:, 48:].astype("float32")


tide = [windows(water[part]) for part in past]
for x, y in tide:
    print(x.shape, "->", y.shape)

# %% [markdown]
# Before any network: what must it beat? **Last value**: the water stays as it is. **A day ago**,
# and cleverer, since two tides of the moon take 24.84 hours: **25 hours ago**. Nobody can beat the
# gauge's own noise, 0.3 m. Which baseline is the strongest? The validation days tell:


# %%
def baselines(x):
    return {
        "last value": np.repeat(x[:, -1], 24, axis=1),
        "a day ago": x[:, -24:, 0],
        "25 hours ago": x[:, -25:-1, 0],
    }


def rmse(forecast, y, axis=None):
    return scale * np.sqrt(np.mean((forecast - y) ** 2, axis=axis))


x, y = tide[1]
for name, forecast in baselines(x).items():
    print(f"{name:<12} is wrong by {rmse(forecast, y):.2f} m")

# %%
epochs = 30


def learned(tide):
    keras.utils.set_random_seed(1)
    forecaster = recurrent.Forecaster(num_features=1, horizon=24, units=32)
    rate = keras.optimizers.schedules.CosineDecay(0.01, epochs * -(-len(tide[0][0]) // 64))
    forecaster.compile(keras.optimizers.Adam(rate), "mse")
    forecaster.fit(*tide[0], epochs=epochs, validation_data=tide[1], batch_size=64, verbose=0)
    return forecaster


forecaster = learned(tide)
history = forecaster.history.history
errors = {part: scale * np.sqrt(history[part]) for part in ("loss", "val_loss")}
print(f"{forecaster.count_params():,} parameters")

# %% [markdown]
# Are thirty epochs enough? The learning rate falls to zero along a cosine, so the curves must come
# to rest; but do they rest before the validation days get worse again?

# %%
opponent = rmse(baselines(x)["25 hours ago"], y)
figure, ax = plt.subplots(figsize=(7, 3))
for part, name in (("loss", "training"), ("val_loss", "validation")):
    ax.plot(range(1, epochs + 1), errors[part], ".-", label=name)
ax.axhline(opponent, ls="--", color="grey", label="25 hours ago (validation)")
ax.axhline(0.3, ls=":", color="black", label="the gauge's noise")
ax.set(xlabel="epoch", ylabel="error (RMSE) in m", title="Learning the tide", ylim=(0, None))
ax.legend(fontsize=8)
plt.show()

# %%
reached = errors["val_loss"]
claim("validation error in m", reached[-1], at_most=measured(0.9 * opponent))
claim("spread of the last five epochs in m", np.ptp(reached[-5:]), at_most=0.01)
claim("above the best epoch by, in m", reached[-1] - reached.min(), at_most=0.01)

# %% [markdown]
# They are. All choices are made, so we open the test days, once. One opponent is still missing, the
# one from 01_foundations: a **linear regression** on the same 48 values. And as a line knows
# nothing of the sand, we help it: a second one is cut off at 4 m.


# %%
def line(train_part, x):
    def with_ones(x):
        return np.hstack([x[:, :, 0], np.ones((len(x), 1))])

    x_train, y_train = train_part
    return with_ones(x) @ np.linalg.lstsq(with_ones(x_train), y_train, rcond=None)[0]


x, y = tide[2]
forecasts = baselines(x) | {"line": line(tide[0], x)}
forecasts["line, cut"] = np.maximum(forecasts["line"], (floor - mean) / scale)
forecasts["LSTM"] = forecaster.predict(x, verbose=0)
print(x.shape, "->", forecasts["LSTM"].shape)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
left.plot(range(-47, 1), mean + scale * x[0, :, 0], color="grey", label="past")
left.plot(range(1, 25), mean + scale * y[0], "k.", label="what came")
shades = "tab:red", "tab:orange", "tab:green", "tab:purple", "tab:pink", "tab:blue"
colors = dict(zip(forecasts, shades, strict=True))
for name in ("last value", "line", "LSTM"):
    left.plot(range(1, 25), mean + scale * forecasts[name][0], color=colors[name], label=name)
left.set(xlabel="hour", ylabel="water in m", title="The first test window", ylim=(1, 9.5))
left.legend(ncol=2, fontsize=8)
for name, forecast in forecasts.items():
    right.plot(range(1, 25), rmse(forecast, y, axis=0), color=colors[name], label=name)
right.axhline(0.3, ls=":", color="black", label="the gauge's noise")
right.set(
    xlabel="hours ahead", ylabel="error (RMSE) in m, on a log scale", title="All test windows"
)
right.set(yscale="log", ylim=(0.27, 9))
right.set_yticks([0.3, 0.5, 1, 2], ["0.3", "0.5", "1", "2"])
right.minorticks_off()
right.legend(ncol=2, fontsize=8, loc="upper left")
plt.show()

# %%
reached = {name: rmse(forecast, y) for name, forecast in forecasts.items()}
for name, error in reached.items():
    print(f"{name:<12} {measured(error):.2f} m")
error = reached["LSTM"]
claim("LSTM, share of the last value's error", error / reached["last value"], at_most=0.25)
claim("of 25 hours ago", error / reached["25 hours ago"], at_most=0.8)
claim("of the line", error / reached["line"], at_most=0.95)
claim("of the line, cut", error / reached["line, cut"], at_most=0.97)
claim("its error in m, not below the noise", error, at_least=0.29)
worst = 1 + rmse(forecasts["last value"], y, axis=0)[:12].argmax()
claim("hours until the last value is at its worst", worst, at_least=5, at_most=8)

# %% [markdown]
# The last value is easy to beat: after half a tide, some six hours, it is as wrong as can be. Had
# we shown that margin alone, we would have fooled you. "25 hours ago" is a serious opponent: it
# knows the period, but it repeats an old measurement with all its noise, while the network averages
# over many. The last line is a test of *us*: an error below the noise would prove that the future
# leaked in.
#
# The line is the hardest opponent, and here the LSTM beats it: on dry sand the gauge tells nothing
# of the tide, and how to weigh a value depends on whether it is wet. No line can do that. In a
# *deep* harbour there is no such reason: the next value of a sum of sines **is** a linear function
# of the values before. How large is the lead there?

# %%
deep = 5 + moon + sun + (water - np.maximum(5 + moon + sun, floor))  # the same noise
deep_tide = [windows(deep[part]) for part in past]
x, y = deep_tide[2]
deep_error = rmse(learned(deep_tide).predict(x, verbose=0), y)
dry, deep_share = error / reached["line"], deep_error / rmse(line(deep_tide[0], x), y)
claim("deep harbour: LSTM, of the line", deep_share, at_least=measured(dry + 0.01))

# %% [markdown]
# Smaller: there a line is nearly as good, and trained in a moment. Try the simple model first.
# Recurrent networks earn their cost where no linear rule will do, as here, and in language.

# %% [markdown]
# ## Names in the news
#
# Chinese has no spaces, and no capital letter says "here is a name". Our text is the newspaper
# People's Daily of January 1998, divided into words and tagged by hand at Peking University: `nr`
# person, `ns` place, `nt` organisation. (In this copy of the corpus organisations of several words
# have lost their mark; those of one word are left.)
#
# We let the network read single characters. Each gets a **BIO** tag: `B-` begins a name, `I-` is
# inside, `O` is outside. This corpus cuts a person's name in two words, family name (李) and given
# name (明); `joined=["PER"]` puts neighbours together again. Two persons with no comma between them
# become one, which is rare. The sentence means "Li Ming works in Beijing".

# %%
TYPES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
words, tags = ["李", "明", "在", "北京", "工作"], ["nr", "nr", "p", "ns", "v"]
for character, tag in zip(*metrics.bio(words, tags, TYPES, joined=["PER"]), strict=True):
    print(character, tag)


# %%
def news(split, length=60):
    """Characters and BIO tags of paragraphs, the first `length` of each, no name cut in two."""
    paragraphs = []
    for example in data.load("peoples_daily", split=split).as_numpy_iterator():
        words, tags = (example[key].decode().split(" ") for key in ("tokens", "tags"))
        characters, tags = metrics.bio(words, tags, TYPES, joined=["PER"])
        end = min(length, len(tags))
        while end < len(tags) and tags[end].startswith("I"):
            end -= 1
        paragraphs.append((characters[:end], tags[:end]))
    return paragraphs


training, choosing = news("train[:3000]"), news("validation[:500]")
held_out = news("test[:1000]")
print(len(training), "paragraphs to learn from,", len(choosing), "of later days to choose with,")
print(len(held_out), "of the month's last days to judge by")

# %% [markdown]
# Token accuracy would flatter us, since most characters are `O`. We count **spans**: a name is
# found if its type and both its ends are right. Precision is the share of right ones among those
# found, recall among those there are, and $F_1$ their harmonic mean, $2PR/(P+R)$.
#
# The opponent is a dictionary: the names of the training paragraphs, but for those of one
# character. It marks the longest that fits.

# %%
known, seen = collections.defaultdict(collections.Counter), set()
for characters, tags in training:
    for kind, begin, end in metrics.spans(tags):
        seen.add(name := "".join(characters[begin:end]))
        if end - begin > 1:  # 日 for Japan is also "day": one character tells too little
            known[name][kind] += 1
longest = max(map(len, known))


def look_up(characters):
    tags, begin = ["O"] * len(characters), 0
    while begin < len(characters):
        ends = range(min(begin + longest, len(characters)), begin, -1)
        end = next((e for e in ends if "".join(characters[begin:e]) in known), None)
        if end:
            kind = known["".join(characters[begin:end])].most_common(1)[0][0]
            tags[begin:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - begin - 1)
        begin = end or begin + 1
    return tags


# %%
truth = [tags for _, tags in held_out]
found = {"dictionary": [look_up(characters) for characters, _ in held_out]}
share = np.mean([tag == "O" for tags in truth for tag in tags])
print(f"{share:.1%} of the characters are outside names")
for name, value in metrics.span_f1(truth, found["dictionary"]).items():
    print(f"dictionary: {name:<9} {value:.3f}")

# %% [markdown]
# Now the `Tagger`. It is **bidirectional**: one LSTM reads from the left, one from the right, and
# both states go into the answer. Why is the right side needed? 江 is a family name in 江泽民 (Jiang
# Zemin), but only "river" in 江水 (river water). What follows decides.

# %%
from aimodels.text import Vocabulary

names = ["", "O", *(f"{prefix}-{kind}" for kind in TYPES.values() for prefix in "BI")]
vocabulary = Vocabulary.build([characters for characters, _ in training], min_count=2)


def encode(paragraphs):
    ids = vocabulary.encode([characters for characters, _ in paragraphs], 60).numpy()
    numbers = np.zeros_like(ids)  # 0 at padding
    for row, (_, tags) in zip(numbers, paragraphs, strict=True):
        row[: len(tags)] = [names.index(tag) for tag in tags]
    return ids, numbers


ids, tag_numbers = encode(training)
print(ids.shape, len(vocabulary), "characters,", len(names) - 1, "tags:", *names[1:])

# %% [markdown]
# A character that comes once stays unknown, so that the network learns what to do with unknown
# ones. `ignore_class=0` keeps the padding out of the loss. The learning rate falls to zero along a
# cosine, so that the run comes to an end; behind each epoch we look at paragraphs of other days.

# %%
epochs = 12
softmax_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
validation_f1 = {}


def trained(name, loss, **kwargs):
    keras.utils.set_random_seed(1)
    tagger = recurrent.Tagger(len(vocabulary), len(names), dropout=0.3, **kwargs)
    rate = keras.optimizers.schedules.CosineDecay(0.02, epochs * -(-len(ids) // 64))
    tagger.compile(keras.optimizers.Adam(rate), loss)
    other_ids, true = encode(choosing)[0], [tags for _, tags in choosing]

    def look(epoch, logs):
        reached.append(metrics.span_f1(true, tagger.tag(other_ids, names))["f1"])

    reached = validation_f1[name] = []
    behind_each = keras.callbacks.LambdaCallback(on_epoch_end=look)
    tagger.fit(ids, tag_numbers, batch_size=64, epochs=epochs, callbacks=[behind_each], verbose=0)
    return tagger


tagger = trained("BiLSTM", softmax_loss)
found["BiLSTM"] = tagger.tag(encode(held_out)[0], names)
print(f"{tagger.count_params():,} parameters; logits", tagger(ids[:2]).shape)

# %% [markdown]
# ### Tags that fit together
#
# This network says each tag by itself. Nothing keeps it from `I-PER` behind `O`, an inside without
# a beginning. How often does that happen, in its answers and in the truth?


# %%
def ill_formed(rows):
    """Tags I- whose name has not begun."""
    pairs = ((a, b) for tags in rows for a, b in itertools.pairwise(["O", *tags]))
    return sum(b.startswith("I") and a[1:] != b[1:] for a, b in pairs)


print("in the truth:", ill_formed(truth))
claim("in the BiLSTM's answers", ill_formed(found["BiLSTM"]), at_least=30)

# %% [markdown]
# [Lample et al. 2016](#lample2016) put one more layer on top, a **conditional random field** (CRF).
# It judges the whole sequence $y$ of tags: besides the logits $z$ it has a learned table $A$ that
# says how well tag $k$ goes behind tag $j$. Let $y_0 = 0$ stand before the first character.
#
# $$ s(y) = \sum_t \bigl(A_{y_{t-1} y_t} + z_{t y_t}\bigr), \qquad
#    p(y \mid x) = \frac{e^{s(y)}}{\sum_{y'} e^{s(y')}} $$
#
# It is a softmax over *sequences*. For three characters and three tags we can list all 27 of them.

# %%
z, A = rng.normal(size=(3, 4)).astype("float32"), rng.normal(size=(4, 4)).astype("float32")


def score(path):
    return sum(A[j, k] + z[t, k] for t, (j, k) in enumerate(itertools.pairwise((0, *path))))


paths = list(itertools.product((1, 2, 3), repeat=3))  # 0 is padding
scores = np.array([score(path) for path in paths])
p = np.exp(scores) / np.exp(scores).sum()
print(len(paths), "sequences; the most probable:", paths[p.argmax()])

# %% [markdown]
# Sixty characters and seven tags have $7^{60}$ sequences. Yet the sum needs 60 steps only, since
# what comes before a tag matters through that tag alone. With $\alpha_0$ zero for tag 0 and
# $-\infty$ for the others, the **forward algorithm** is a recurrent network, too:
#
# $$ \alpha_t(k) = \ln \sum_j \exp\bigl(\alpha_{t-1}(j) + A_{jk} + z_{tk}\bigr), \qquad
#    \ln \sum_{y'} e^{s(y')} = \ln \sum_k \exp \alpha_T(k) $$
#
# With a maximum in place of the sum it finds the best sequence: the **Viterbi** algorithm.
# `recurrent.CRF` holds $A$, `CRFLoss` is $-\ln p$ for each character, `viterbi` decodes. Do they
# agree with our list?

# %%
crf = recurrent.CRF()
crf.build((None, None, 4))
crf.transitions.assign(A)
all_scores = crf(z[None])  # (1, 3, 4, 4): of each tag behind each tag
by_forward = 3 * recurrent.CRFLoss()([[1, 2, 3]], all_scores)
claim("from the list", abs(by_forward + np.log(p[paths.index((1, 2, 3))])), at_most=1e-5)
best = tuple(recurrent.viterbi(all_scores).numpy()[0].tolist())
print("by Viterbi:", best)
assert best == paths[p.argmax()]

# %% [markdown]
# Now the same tagger with a CRF, trained for as many epochs.

# %%
tagger = trained("BiLSTM-CRF", recurrent.CRFLoss(), crf=True)
found["BiLSTM-CRF"] = tagger.tag(encode(held_out)[0], names)
claim("ill-formed", ill_formed(found["BiLSTM-CRF"]) / ill_formed(found["BiLSTM"]), at_most=0.3)

# %% [markdown]
# Is either run unfinished? The curves of the days to choose with say so, beside the dictionary.

# %%
true = [tags for _, tags in choosing]
by_dictionary = metrics.span_f1(true, [look_up(characters) for characters, _ in choosing])["f1"]
figure, ax = plt.subplots(figsize=(7, 3))
for (name, values), style in zip(validation_f1.items(), ("s--", "o-"), strict=True):
    ax.plot(range(1, epochs + 1), values, style, label=name)
ax.axhline(by_dictionary, ls=":", color="grey", label="dictionary")
ax.set(xlabel="epoch", ylabel="F1 of spans", ylim=(0, 1), title="Days to choose with")
ax.legend()
plt.show()

# %%
for name, values in validation_f1.items():
    claim(f"{name}: spread of the last three epochs", np.ptp(values[-3:]), at_most=0.03)
    at_4, at_end = measured(values[3]), measured(values[-1])
    print(f"{name}: after 4 epochs {at_4:.2f}, after {epochs} {at_end:.2f}")


# %%
def f1(name, kind):
    def only(rows):
        return [[tag if tag.endswith(kind) else "O" for tag in row] for row in rows]

    return metrics.span_f1(only(truth), only(found[name]))["f1"]


def recall(name, wanted):
    """Of those names whose type and characters are wanted."""
    hits = []
    for (characters, tags), said in zip(held_out, found[name], strict=True):
        for kind, begin, end in metrics.spans(tags):
            if wanted(kind, "".join(characters[begin:end])):
                hits.append((kind, begin, end) in metrics.spans(said))
    return np.mean(hits)


def listed(kind, text):
    return text in seen


def new_name(kind, text):
    return text not in seen


# %% [markdown]
# Before you look: who will win for persons, for places, for organisations? And who for names that
# were never seen in training?

# %%
groups = ["all", "PER", "LOC", "ORG"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), width_ratios=[2, 1], layout="constrained")
for i, (name, color) in enumerate(zip(found, ("lightgrey", "tab:cyan", "tab:blue"), strict=True)):
    scores = [f1(name, "" if kind == "all" else kind) for kind in groups]
    recalls = [recall(name, wanted) for wanted in (listed, new_name)]
    for ax, heights in zip(axes, (scores, recalls), strict=True):
        places = np.arange(len(heights)) + 0.27 * (i - 1)
        bars = ax.bar(places, heights, 0.27, color=color, label=name)
        ax.bar_label(bars, fmt="%.2f", fontsize=7)
axes[0].set(xticks=range(4), xticklabels=["all", "person", "place", "organisation"], ylim=(0, 1.3))
axes[0].set(title="F1 of spans, last days of the month")
axes[0].legend(loc="upper left", ncol=3, fontsize=8)
axes[1].set(xticks=range(2), xticklabels=["seen", "never seen"], title="Recall of names")
axes[1].set(ylim=(0, 1.3))
plt.show()

# %%
old, middle, new = found
for kind, bound in (("", 0.03), ("PER", 0.15)):
    claim(
        f"BiLSTM-CRF, {kind or 'all names'}",
        f1(new, kind),
        at_least=measured(f1(old, kind) + bound),
    )
claim("gain by the CRF, all names", f1(new, "") - f1(middle, ""), at_least=0.02)
claim("dictionary, organisations", f1(old, "ORG"), at_least=measured(f1(new, "ORG") + 0.03))
claim("dictionary, names seen", recall(old, listed), at_least=measured(recall(new, listed) + 0.03))
claim("dictionary, names never seen", recall(old, new_name), at_most=0)
claim("BiLSTM-CRF, names never seen", recall(new, new_name), at_least=0.5)

# %% [markdown]
# With the CRF the network wins overall, and by far for persons; it finds most of the names that
# it has never seen, of which the dictionary finds none by construction. The dictionary still wins
# where a name is in its list: of those it *finds* more. So each has its use; exercise 6 joins them.
#
# The dictionary hardly fails at organisations. Which ones are these?

# %%
organisations = collections.Counter(
    "".join(characters[begin:end])
    for characters, tags in held_out
    for kind, begin, end in metrics.spans(tags)
    if kind == "ORG"
)
total = organisations.total()
for name, count in organisations.most_common(5):
    print(f"{name}: {count} of {total}")
print("seen in training:", sum(organisations[name] for name in seen), "of", total)

# %%
[(most, count)] = organisations.most_common(1)
claim(f"share of {most}", count / total, at_least=0.45)
print("of the other organisations are found:")
for name in found:
    others = recall(name, lambda kind, text: kind == "ORG" and text != most)
    print(f"{name:<10} {measured(others):.2f}")

# %% [markdown]
# 新华社 is Xinhua, the news agency: its name opens report after report, and this one word is nearly
# half of all. All the organisations but one were seen, so this part of the test is nearly all
# memory. What no dictionary can do stands on
# the right of the picture: of the names that it has not seen it finds none, the network a good
# part, because it reads what stands *around* a name.
#
# Let us look at such a reading. 记者李晓华从北京报道 means "reporter Li Xiaohua reports from
# Beijing". How sure is the network, character by character? A CRF gives a probability to whole
# sequences; that of one tag is the sum over all sequences that have it. It is at hand: the gradient
# of $\ln \sum_{y'} e^{s(y')}$ for a score is the probability of its pair of tags.

# %%
sentence = list("记者李晓华从北京报道")
romanised = ["ji", "zhe", "LI", "XIAO", "HUA", "cong", "BEI", "JING", "bao", "dao"]
sentence_ids = vocabulary.encode([sentence])
all_scores = tf.constant(tagger(sentence_ids))
outside = np.ones((1, len(sentence)))  # O everywhere; any sequence serves
with tf.GradientTape() as tape:
    tape.watch(all_scores)
    loss = tf.reduce_sum(recurrent.CRFLoss().call(outside, all_scores))  # ln of the sum, minus s(y)
probabilities = tape.gradient(loss, all_scores).numpy().sum(axis=2)[0]
probabilities[:, 1] += 1  # and y itself
probabilities = probabilities[:, 1:]
claim("sums of probabilities, from 1", np.abs(probabilities.sum(axis=1) - 1).max(), at_most=1e-4)

# %%
ax = plots.pixels(probabilities.T, "", plt.subplots(figsize=(8, 4.4))[1], digits=2, limit=1)
ax.set_xticks(range(10), romanised)
ax.set_yticks(range(len(names) - 1), names[1:])
ax.set(xlabel="reporter | Li Xiaohua | from | Beijing | reports", title="Probability of each tag")
plt.show()

# %%
spans = metrics.spans(tagger.tag(sentence_ids, names)[0])
for kind, begin, end in spans:
    name = "".join(sentence[begin:end])
    print(kind, name, "- in the dictionary", known[name].total() if name in known else 0, "times")
assert spans == [("PER", 2, 5), ("LOC", 6, 8)]

# %% [markdown]
# ## Scale it
#
# `benchmarks/ner_peoples_daily.py` trains on all training days, sentence by sentence, without a CRF
# and with one; its dictionary leaves out names of one character too. `benchmarks/ner_wnut17.py` is
# harder: English posts from the shared task of the workshop WNUT in 2017. Its test is made of new
# names, so low figures are normal. There the model, without a CRF, also reads each word's letters
# (`num_characters=`), for words that it never saw. `python benchmarks/run.py ner_peoples_daily
# ner_wnut17` trains them all, and reads the test parts once:

# %%
daily, wnut = recorded("ner_peoples_daily"), recorded("ner_wnut17")
print(f"People's Daily, {daily['figures']['sentences']['train']:,} sentences to learn from")
for name in found:
    figures = daily["figures"][name]
    print(f"{name:<10} span F1 {figures['test_span_f1']:.3f}")
    if name != "dictionary":
        took = (
            f"{figures['seconds_training'] / 60:.1f} minutes, {figures['parameters']:,} parameters"
        )
        print(f"  {figures['epochs']} epochs, the best of them {figures['best_epoch']}; {took}")

# %%
reached = {name: daily["figures"][name]["test_span_f1"] for name in found}
claim("BiLSTM-CRF above the dictionary", reached[new] - reached[old], at_least=0.05)
claim("BiLSTM-CRF above the BiLSTM", reached[new] - reached[middle], at_least=0.03)

# %%
figures = wnut["figures"]
print("WNUT17, of its test words never seen:", f"{figures['share_of_new_words_in_test']:.0%}")
for name, key in (("dictionary", "dictionary_span_f1"), ("BiLSTM", "test_span_f1")):
    print(f"{name:<10} span F1 {figures[key]:.3f}")
for result in (daily, wnut):
    print(result["machine"]["cores"], "cores of", result["machine"]["processor"])

# %% [markdown]
# ## Summary
#
# - One equation, used again at every step: $h_t = \tanh(x_t W + h_{t-1} R + b)$.
# - Gates let a cell keep a number, and let the network learn how long.
# - Padding must be inert: mask it, and test that more of it changes nothing.
# - A gradient through time is a product. It vanishes or explodes; forget biases, gains and clipping
#   are the tools, and measuring is better than believing.
# - A forecast is worth its margin over the *best* simple rule: a line, too.
# - Names count as whole spans. A CRF judges their tags together; with it the network beats an
#   honest dictionary. Its gain is in names that nobody has listed.
#
# ## Common mistakes
#
# - No mask; or a mask that is lost on the way, since a layer of your own does not pass it on.
# - `return_sequences=False` in a layer below another recurrent one: it has no time axis left.
# - Windows shuffled before the split, or scaled with the mean of the whole series.
# - Token accuracy for names.
#
# ## Exercises
#
# 1. **By hand.** $W = 1$, $R = -1$, $b = 0$; inputs 1, 1, 1. Write down $h_1$, $h_2$, $h_3$ to two
#    digits, then check with `rnn_step`.
# 2. **A counter.** Set an LSTM's weights by hand so that the cell counts how many 1s it has read.
#    Why can an RNN with one unit not do it for long?
# 3. **The other end.** Pad *before* the text instead of behind it, with `mask_zero=False`. Does the
#    toy task work now? And if the label is the first of 60 real tokens?
# 4. **The way back.** Draw `gradient_through_time` for the LSTM of the toy task before and after
#    training with a mask, on real tokens. What has it learned to keep?
# 5. **Less to learn from.** Give the line and the LSTM 10, 20 or 40 days of the dry harbour. Who
#    wins now? And in the deep one?
# 6. **Both.** Let the dictionary mark what it knows and the network the rest, or only the persons.
#    Which F1 do you reach, and on which split may you decide that?
# 7. **Opinions.** Train `TextClassifier` with an LSTM on `data.load("reviews_zh")`, character by
#    character, against the bag of words of 03_embeddings.
#
# ## References
#
# - <a id="bengio1994"></a>Yoshua Bengio, Patrice Simard, Paolo Frasconi. *Learning long-term
#   dependencies with gradient descent is difficult*. IEEE Transactions on Neural Networks,
#   5(2):157–166, 1994.
# - <a id="cho2014"></a>Kyunghyun Cho, Bart van Merriënboer, Caglar Gulcehre, Dzmitry Bahdanau,
#   Fethi Bougares, Holger Schwenk, Yoshua Bengio. *Learning Phrase Representations using RNN
#   Encoder--Decoder for Statistical Machine Translation*. EMNLP, 1724–1734, 2014.
# - <a id="elman1990"></a>Jeffrey L. Elman. *Finding structure in time*. Cognitive Science,
#   14(2):179–211, 1990.
# - <a id="gers2002"></a>Felix A. Gers, Nicol N. Schraudolph, Jürgen Schmidhuber. *Learning Precise
#   Timing with LSTM Recurrent Networks*. Journal of Machine Learning Research, 3:115–143, 2002.
# - <a id="hochreiter1997"></a>Sepp Hochreiter, Jürgen Schmidhuber. *Long Short-Term Memory*. Neural
#   Computation, 9(8):1735–1780, 1997.
# - <a id="lample2016"></a>Guillaume Lample, Miguel Ballesteros, Sandeep Subramanian, Kazuya
#   Kawakami, Chris Dyer. *Neural Architectures for Named Entity Recognition*. NAACL-HLT, 260–270,
#   2016.
# - <a id="pascanu2013"></a>Razvan Pascanu, Tomas Mikolov, Yoshua Bengio. *On the difficulty of
#   training recurrent neural networks*. ICML, PMLR 28(3), 1310–1318, 2013.
