# ---
# jupyter:
#   aimodels:
#     title: "Exercises: Recurrent networks"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: Recurrent networks
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import numpy as np
from scipy.optimize import least_squares

from aimodels import recurrent
from aimodels.course import claim, measured

# %% [markdown]
# ## Exercise 1: by hand
#
# $h_1 = \tanh(1) = 0.76$, $h_2 = \tanh(1 - 0.76) = 0.23$, $h_3 = \tanh(1 - 0.234) = 0.64$.

# %%
h = np.zeros((1, 1))
for t in (1, 2, 3):
    (h,) = recurrent.rnn_step(np.ones((1, 1)), (h,), np.ones((1, 1)), -np.ones((1, 1)), np.zeros(1))
    print(f"h_{t} = {float(h[0, 0]):.2f}")

# %% [markdown]
# The state swings: what it says is subtracted at the next step.
#
# ## Exercise 2: a counter
#
# Both gates stay open whatever comes (large biases), and the candidate is $\tanh(20) \approx 1$ for
# a 1 and $\tanh(0) = 0$ for a 0. So the cell adds 1 for each 1.

# %%
kernel, bias = np.array([[0, 0, 20.0, 0]]), np.array([20.0, 20, 0, 20])
bits = np.random.default_rng(0).integers(0, 2, 60)
h = c = np.zeros((1, 1))
for bit in bits:
    h, c = recurrent.lstm_step(np.full((1, 1), bit), (h, c), kernel, np.zeros((1, 4)), bias)
claim(
    f"cell after {bits.sum()} ones: from the count", abs(float(c[0, 0]) - bits.sum()), at_most=0.01
)
claim("output", float(h[0, 0]), at_most=1)

# %% [markdown]
# An RNN's state is squeezed into $(-1, 1)$ at every step. With one unit, all counts would have to
# lie there ever closer to each other, and the next tanh would not keep them apart. The LSTM's
# *output* is squeezed as well: it shows hardly more than "many". Another layer must read the cell
# through gates that open for it.
#
# ## Exercise 3: the other end
#
# The lesson's toy task with the padding before the text; then texts of 60 real tokens. The same
# network, data and training, and no mask.

# %%
dice = np.random.default_rng(0)


def accuracy(ids, labels):
    keras.utils.set_random_seed(1)
    model = recurrent.TextClassifier(41, 10, embedding_dim=16, units=32, mask_zero=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    adam = keras.optimizers.Adam(0.02, global_clipnorm=1.0)
    model.compile(adam, loss, metrics=["accuracy"])
    model.fit(ids[:1200], labels[:1200], batch_size=50, epochs=6, verbose=0)
    return model.evaluate(ids[1200:], labels[1200:], verbose=0)[1]


lengths = dice.integers(3, 9, 1700)
ids = dice.integers(1, 41, (1700, 100)) * (np.arange(100) >= 100 - lengths[:, None])
labels = ids[np.arange(1700), 100 - lengths] % 10
claim("padded before, no mask", accuracy(ids, labels), at_least=0.6)
long = dice.integers(1, 41, (1700, 60))
claim("the first of 60 real tokens", accuracy(long, long[:, 0] % 10), at_most=0.3)

# %% [markdown]
# With the padding in front, the text is what the LSTM reads last, and the task works without a
# mask. With 60 real tokens no mask would help, since there is nothing to mask: the way itself is
# long. (The lesson opens the forget gates at the start, for 30 tokens.)
#
# ## Exercise 4: truncated
#
# The lesson's loop, which stops after some steps. The loss is the sum of the last state.


# %%
def gradient_of_kernel(x, W, R, steps):
    """Gradient of R of the sum of the last state, going back so many steps."""
    h = [np.zeros((x.shape[1], len(R)))]
    for x_t in x:
        h.append(np.tanh(x_t @ W + h[-1] @ R))
    of_kernel, later = 0 * R, np.ones_like(h[-1])
    for t in range(len(x) - 1, len(x) - 1 - steps, -1):
        delta = later * (1 - h[t + 1] ** 2)
        of_kernel = of_kernel + h[t].T @ delta
        later = delta @ R.T
    return of_kernel


turn, _ = np.linalg.qr(dice.normal(size=(16, 16)))
x, W = 0.1 * dice.normal(size=(40, 8, 4)), dice.normal(size=(4, 16)) / 2
lost = {}
for gain in (0.5, 1.0):
    whole = gradient_of_kernel(x, W, gain * turn, 40)
    for steps in (1, 5, 20):
        missing = whole - gradient_of_kernel(x, W, gain * turn, steps)
        lost[gain, steps] = np.linalg.norm(missing) / np.linalg.norm(whole)
        print(f"gain {gain}, {steps:>2} steps back: {lost[gain, steps]:.1%} lost")
claim("gain 0.5, 5 steps", lost[0.5, 5], at_most=0.1)
claim("gain 1, 5 steps", lost[1.0, 5], at_least=0.3)

# %% [markdown]
# Where the gradient vanishes, a short way back loses next to nothing: there was nothing farther
# back. Where it lives on, much is cut off, and what stands farther back cannot be learned.
#
# ## Exercise 5: a deep harbour
#
# The lesson's tide, network and sines; the ground lies at 0 m, which the water never reaches.

# %%
hours = np.arange(24 * 120)
moon, sun = 2 * np.sin(2 * np.pi * hours / 12.42), 0.7 * np.sin(2 * np.pi * hours / 12)
noise = np.random.default_rng(0).normal(0, 0.3, len(hours))
past = slice(0, 24 * 80), slice(24 * 80, 24 * 100), slice(24 * 100, None)


def windows(series):
    rows = np.lib.stride_tricks.sliding_window_view(series, 48 + 24)
    return rows[:, :48, None].astype("float32"), rows[:, 48:].astype("float32")


def rmse(forecast, y):
    return np.sqrt(np.mean((forecast - y) ** 2))


def by_sines(water, floor):
    """A sine and a cosine of either period, fitted to the training days."""
    angles = 2 * np.pi * hours[:, None] / [12.42, 12]
    waves = np.hstack([np.sin(angles), np.cos(angles), np.ones((len(hours), 1))])
    misfit = lambda five: (np.maximum(waves @ five, floor) - water)[past[0]]  # noqa: E731
    return np.maximum(waves @ least_squares(misfit, [0, 0, 0, 0, 5]).x, floor)


def shares_of_the_line(water, floor):
    """The LSTM's and the sines' errors on the test days, as shares of the line's."""
    mean, scale = water[past[0]].mean(), water[past[0]].std()
    (x, y), _, (x_test, y_test) = (windows((water[part] - mean) / scale) for part in past)
    keras.utils.set_random_seed(1)
    model = recurrent.Forecaster(num_features=1, horizon=24, units=32)
    rate = keras.optimizers.schedules.CosineDecay(0.01, 30 * -(-len(x) // 64))
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), "mse")
    model.fit(x, y, epochs=30, batch_size=64, verbose=0)
    ones = [np.hstack([part[:, :, 0], np.ones((len(part), 1))]) for part in (x, x_test)]
    line = ones[1] @ np.linalg.lstsq(ones[0], y, rcond=None)[0]
    line = np.maximum(line, (floor - mean) / scale)
    sines = windows((by_sines(water, floor)[past[2]] - mean) / scale)[1]
    forecasts = model.predict(x_test, verbose=0), sines
    return [rmse(forecast, y_test) / rmse(line, y_test) for forecast in forecasts]


# %%
dry, dry_sines = shares_of_the_line(np.maximum(5 + moon + sun, 4.0) + noise, 4.0)

# %%
deep, deep_sines = shares_of_the_line(5 + moon + sun + noise, 0.0)
claim("dry harbour: LSTM, share of the line's error", dry, at_most=0.97)
claim("deep harbour: LSTM", deep, at_least=measured(dry + 0.02), at_most=1.1)
claim("dry harbour: sines", dry_sines, at_most=measured(dry))
claim("deep harbour: sines", deep_sines, at_most=measured(deep))

# %% [markdown]
# The lead shrinks. In a deep harbour the next value of a sum of sines is a linear function of the
# values before, so a line is nearly all there is to learn, and it is fitted in a moment. The sines,
# which are told the periods and the clock and fitted to all 80 days, stay ahead of both.
#
# ## Exercise 6: how far does it look?

# %%
reader = recurrent.PinyinReader.from_package()
sentence = "音乐让人快乐"
for place in (i for i, x in enumerate(sentence) if x == "乐"):
    whole = reader.read(sentence)[place]
    for width in range(len(sentence)):
        begin = max(0, place - width)
        answer = reader.read(sentence[begin : place + width + 1])[place - begin]
        print(f"{width} on either side: {sentence[begin : place + width + 1]} {answer}")
        if answer == whole and width:
            break

# %% [markdown]
# The loop stops at the first width that agrees with the whole sentence. (That is no proof that it
# needs nothing else: with more characters around it the answer may flip and flip back.)
