# ---
# jupyter:
#   aimodels:
#     title: "Assignment: Recurrent networks"
#     minutes: 125
#     repairs: [003-1.4.2, 004-4.2]
#     limits: {cell: 60, total: 200, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: Recurrent networks
#
# You write a lighter LSTM, read texts from both ends, keep padding out of every summary, mend how
# article 003 holds its test data apart, measure what a forecast is worth, find out how a real tagger
# goes wrong, and at the end repair and train the classifier of article 004.
#
# **About 125 minutes**, in two or three sittings if you like. **100 points.** **Repairs:** article
# 003 §1.4.2, article 004 §4.2.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. What
# `aimodels` offers you may use everywhere.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
import re
import warnings
from collections import Counter

import keras
import numpy as np

from aimodels import data, metrics, recurrent
from aimodels.course import check
from aimodels.foundations import sigmoid

# %% [markdown]
# ## Question 1: one gate for two (12 points)
#
# An LSTM decides twice: what to forget, and what to let in. Why not once? In a **coupled** cell
# there is no input gate: what the forget gate does not keep of the old memory is replaced by the
# new candidate, so that old and new together always weigh one. Coupling is one idea. **Peepholes**
# $p$ are a second one ([Gers et al. 2002](#gers2002)): both gates may look at the memory itself,
# each unit at its own number:
#
# $$ (a_f, a_g, a_o) = x_t W + h_{t-1} R + b, \qquad
#    f = \sigma\bigl(a_f + p_f \odot c_{t-1}\bigr), \qquad
#    o = \sigma\bigl(a_o + p_o \odot \boxed{\;?\;}\bigr), $$
# $$ c_t = f \odot c_{t-1} + \boxed{\;?\;} \odot \tanh(a_g), \qquad h_t = o \odot \tanh(c_t). $$
#
# Two boxes are yours. The output gate decides what is shown *now*: it sees the memory as it has
# just become.
#
# Write `coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes)`, in NumPy:
#
# - `x`: $(B, D)$; `states`: the tuple $(h_{t-1}, c_{t-1})$, each $(B, U)$;
# - `kernel`: $W$, $(D, 3U)$; `recurrent_kernel`: $R$, $(U, 3U)$; `bias`: $b$, $(3U)$, all in the
#   order forget gate, candidate, output gate; `peepholes`: $(2, U)$, first $p_f$, then $p_o$.
#
# It returns the tuple $(h_t, c_t)$. The function `sigmoid` is imported above.


# %% {answer q1}
def coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes):
    """One step of an LSTM with coupled gates and peepholes: the new (h, c), each (B, U)."""
    ### BEGIN SOLUTION
    h, c = states
    a_f, a_g, a_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 3, axis=-1)
    f = sigmoid(a_f + peepholes[0] * c)
    c = f * c + (1 - f) * np.tanh(a_g)
    o = sigmoid(a_o + peepholes[1] * c)
    return o * np.tanh(c), c
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    zero, memory = np.zeros((1, 2)), np.array([[0.5, -0.25]])
    bias = np.array([99.0, -99.0, 3.0, 3.0, 99.0, 99.0])  # two numbers for each of f, g and o
    h, c = coupled_step(
        zero, (zero, memory), np.zeros((2, 6)), np.zeros((2, 6)), bias, np.zeros((2, 2))
    )
    check.close(
        "the memory: unit 0 keeps everything, unit 1 nothing",
        c,
        np.array([[0.5, np.tanh(3)]]),
        hint="where f is 1 nothing comes in; where f is 0 the candidate takes the whole place",
    )
    check.close("what is shown, output gates open", h, np.tanh([[0.5, np.tanh(3)]]))
    h, c = coupled_step(
        zero, (zero, memory), np.zeros((2, 6)), np.zeros((2, 6)), np.zeros(6), np.full((2, 2), 4.0)
    )
    check.close(
        "the forget gate looks at its own unit's old memory",
        c,
        np.array([[0.5 / (1 + np.exp(-2)), -0.25 / (1 + np.exp(1))]]),
        hint="everything else is 0 here: f is the sigmoid of 4 times the old c",
    )

# %% {test q1_hidden 8}
print("Hidden tests: random weights, other sizes; unit by unit, and against the ordinary LSTM.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):

    def unit_by_unit(x, h, c, W, R, b, p):
        new_h, new_c = np.zeros(h.shape), np.zeros(c.shape)
        for i, u in np.ndindex(c.shape):
            a = [x[i] @ W[:, k] + h[i] @ R[:, k] + b[k] for k in (u, u + len(R), u + 2 * len(R))]
            keep = 1 / (1 + np.exp(-a[0] - p[0, u] * c[i, u]))
            new_c[i, u] = np.tanh(a[1]) + keep * (c[i, u] - np.tanh(a[1]))
            new_h[i, u] = np.tanh(new_c[i, u]) / (1 + np.exp(-a[2] - p[1, u] * new_c[i, u]))
        return new_h, new_c

    rng = np.random.default_rng(41)
    for B, D, U in [(4, 3, 5), (1, 6, 2), (3, 1, 4)]:
        x, h, c = rng.normal(size=(B, D)), rng.normal(size=(B, U)), 2 * rng.normal(size=(B, U))
        W, R = rng.normal(size=(D, 3 * U)), rng.normal(size=(U, 3 * U))
        b, p = rng.normal(size=3 * U), 2 * rng.normal(size=(2, U))
        new_h, new_c = coupled_step(x, (h, c), W, R, b, p)
        check.close(
            "the new memory with random weights",
            new_c,
            unit_by_unit(x, h, c, W, R, b, p)[1],
            hint="the order is f, g, o; the peephole multiplies number by number",
        )
        check.close(
            "the new h with random weights",
            new_h,
            unit_by_unit(x, h, c, W, R, b, p)[0],
            hint="which memory does the output gate look at, the old one or the new one?",
        )
        W4, R4 = np.hstack([-W[:, :U], W]), np.hstack([-R[:, :U], R])
        b4 = np.concatenate([-b[:U], b])
        new_h, new_c = coupled_step(x, (h, c), W, R, b, 0 * p)
        check.close(
            "without peepholes: an LSTM whose input gate is one minus its forget gate",
            np.stack([new_h, new_c]),
            np.stack(recurrent.lstm_step(x, (h, c), W4, R4, b4)),
            hint="old and new together weigh one: how much is left for the new?",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: from both ends (14 points)
#
# The lesson's tagger reads a text twice, forwards and backwards, and Keras does it. Now you do it,
# with any cell. A **step** is a function: `step(x_t, states)` takes $(B, D)$ and a tuple of states,
# each $(B, U)$, and returns the new tuple; the first state of the tuple is $h$. An LSTM has two
# states, a GRU one.
#
# Write `both_ways(forward, backward, x, mask, start)`:
#
# - `forward`, `backward`: two steps, with weights of their own;
# - `x`: $(B, T, D)$; `mask`: $(B, T)$, `True` at real tokens. Padding may stand anywhere: behind,
#   in front, in the middle;
# - `start`: the tuple of states that both readers begin with.
#
# At padding, a reader's states (all of them) stay as they are. The result is $(B, T, 2U)$: at a
# real token, side by side, the $h$ of the forward reader, which has just read this token and all
# before it, and the $h$ of the backward reader, which has just read this token and all behind it.
# At padding, all numbers are 0, so that nothing is learned from them.


# %% {answer q2}
def both_ways(forward, backward, x, mask, start):
    """What two readers know at each token: (B, T, 2 U), forwards and backwards; 0 at padding."""

    ### BEGIN SOLUTION
    def read(step, order):
        states, known = start, [None] * len(order)
        for t in order:
            real = mask[:, t, None]
            new = step(x[:, t], states)
            states = tuple(np.where(real, n, s) for n, s in zip(new, states, strict=True))
            known[t] = np.where(real, states[0], 0)
        return np.stack(known, axis=1)

    times = range(x.shape[1])
    return np.concatenate([read(forward, times), read(backward, times[::-1])], axis=-1)
    ### END SOLUTION


# %% {test q2_visible 5}
with check.question("q2_visible", points=5):
    x = np.array([[1.0, 2, 4, 8], [16, 32, 99, 99]])[:, :, None]
    mask = np.array([[True, True, True, True], [True, True, False, False]])
    read = both_ways(
        lambda x_t, states: (states[0] + x_t,),  # a cell that adds up what it reads
        lambda x_t, states: (states[0] + 1,),  # and one that counts
        x,
        mask,
        (np.zeros((2, 1)),),
    )
    check.equal("the shape", tuple(np.shape(read)), (2, 4, 2), hint="(texts, tokens, 2 U)")
    check.close(
        "four tokens: sums from the front, counts from the end",
        np.asarray(read)[0],
        np.array([[1, 4], [3, 3], [7, 2], [15, 1]]),
        hint="each answer stands at its own token: what the backward reader knew at the last token "
        "belongs to the last place, not to the first",
    )
    check.close(
        "two tokens and padding",
        np.asarray(read)[1],
        np.array([[16, 2], [48, 1], [0, 0], [0, 0]]),
        hint="from the end, padding comes first: the states stay at `start` until something is "
        "real; what you return at padding is 0",
    )

# %% {test q2_hidden 9}
print("Hidden tests: LSTM and GRU, padding anywhere, states to begin with; against Keras.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=9):

    def by_keras(cell, x, mask, start, weights):
        states = [keras.ops.convert_to_tensor(s) for s in start]
        parts = []
        for w, go_backwards in zip(weights, (False, True), strict=True):
            layer = recurrent.LAYERS[cell](
                len(w[1]), return_sequences=True, go_backwards=go_backwards, dtype="float64"
            )
            layer.build(x.shape)
            layer.set_weights(w)
            y = np.asarray(layer(x, mask=mask, initial_state=states))
            parts.append((y[:, ::-1] if go_backwards else y) * mask[..., None])
        return np.concatenate(parts, axis=-1)

    rng = np.random.default_rng(42)
    for cell, padded in [("gru", np.s_[3:]), ("lstm", np.s_[:2]), ("lstm", np.s_[2:4])]:
        x, mask = rng.normal(size=(3, 6, 2)), np.ones((3, 6), bool)
        mask[1, padded], mask[2] = False, rng.random(6) < (0.5 if cell == "lstm" else 0)
        start = tuple(rng.normal(size=(3, 4)) for _ in range(1 + (cell == "lstm")))
        width = 4 * recurrent.GATES[cell]
        shapes = [(2, width), (4, width), (2, width) if cell == "gru" else (width,)]
        w, v = ([rng.normal(size=shape) for shape in shapes] for _ in range(2))
        step = recurrent.STEPS[cell]
        check.close(
            "random weights, padding anywhere",
            both_ways(
                lambda x_t, s, step=step, w=w: tuple(np.asarray(n) for n in step(x_t, s, *w)),
                lambda x_t, s, step=step, v=v: tuple(np.asarray(n) for n in step(x_t, s, *v)),
                x,
                mask,
                start,
            ),
            by_keras(cell, x, mask, start, (w, v)),
            hint="every state stays at padding, an LSTM's c as well; both readers begin with "
            "`start`; each has its own step; the mask decides, not the place",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: what was the text? (12 points)
#
# A reader leaves one $h$ at every token, $(B, T, U)$; a classifier wants one vector for the whole
# text. There are three usual ways, and padding spoils each of them in its own manner.
#
# Write `summaries(h, mask)`. It returns a tuple of three arrays $(B, U)$:
#
# 1. the mean over the real tokens;
# 2. the largest number of each unit at a real token;
# 3. the $h$ at the last real token.
#
# The mask $(B, T)$ is `True` at real tokens; padding may stand anywhere, and the numbers may be of
# any size. Whatever stands in `h` at padding must not matter, not even if it is `nan` (what is
# `0 * nan`?). A text without one real token gets zeros, three times, and no warning.


# %% {answer q3}
def summaries(h, mask):
    """(mean, largest, last) over the real tokens of each text: three arrays (B, U)."""
    ### BEGIN SOLUTION
    real = mask[:, :, None]
    some = mask.any(axis=1)[:, None]
    mean = np.where(real, h, 0).sum(axis=1) / np.maximum(real.sum(axis=1), 1)
    largest = np.where(some, np.where(real, h, -np.inf).max(axis=1), 0)
    place = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    last = np.where(some, h[np.arange(len(h)), place], 0)
    return mean, largest, last
    ### END SOLUTION


# %% {test q3_visible 4}
with check.question("q3_visible", points=4):
    h = np.array([[[-1.0, 2], [-3, 4], [9, 9]], [[1, 2], [3, 4], [5, -6]]])
    mean, largest, last = summaries(h, np.array([[True, True, False], [True, True, True]]))
    check.close(
        "the mean of each text",
        mean,
        np.array([[-2, 3], [3, 0]]),
        hint="divide by how many tokens are real in this text, not by T",
    )
    check.close(
        "the largest number of each unit",
        largest,
        np.array([[-1, 4], [5, 4]]),
        hint="all real numbers may be negative: what must stand at padding so that it never wins?",
    )
    check.close(
        "the last real token's h",
        last,
        np.array([[-3, 4], [5, -6]]),
        hint="each text has its own last place: h[rows, places] picks one place in each row",
    )

# %% {test q3_hidden 8}
print("Hidden tests: padding anywhere, nan, large numbers, a text without tokens, no warnings.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=8):

    def text_by_text(h, mask, summary):
        rows = [
            summary(h[i][mask[i]]) if mask[i].any() else np.zeros(h.shape[2]) for i in range(len(h))
        ]
        return np.array(rows)

    rng = np.random.default_rng(43)
    for B, T, U, size in [(6, 7, 3, 1), (4, 5, 1, 1e12)]:
        h, mask = size * (rng.normal(size=(B, T, U)) - 1), rng.random((B, T)) < 0.5
        mask[0], mask[1], mask[2] = np.arange(T) >= 2, False, np.arange(T) < 1
        h[~mask] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # a warning is an error here
            mean, largest, last = summaries(h, mask)
        check.close(
            "the mean with padding anywhere",
            mean,
            text_by_text(h, mask, lambda real: real.mean(axis=0)),
            hint="choose with np.where before you add up: nan times 0 is nan; a text without "
            "tokens gets zeros",
        )
        check.close(
            "the largest numbers with padding anywhere",
            largest,
            text_by_text(h, mask, lambda real: real.max(axis=0)),
            hint="choose with np.where before you compare; a text without tokens gets zeros",
        )
        check.close(
            "the last real h with padding anywhere",
            last,
            text_by_text(h, mask, lambda real: real[-1]),
            hint="with padding in front or in the middle, the last real place is not the number of "
            "real tokens minus one; a text without tokens gets zeros",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: no news from the future (14 points)
#
# Article 003 §1.4.2 trains one stack of three LSTM layers on `x_train` and watches `x_test` while
# it does so. It does not say where the two come from. Often it goes like this: cut a series into
# windows, shuffle them, keep one in five aside. Neighbouring windows are nearly the same, so a
# shuffled test window has twins in the training. Here is what comes of it, for a model that only
# remembers: it looks for the most similar window it knows, and tells what followed *there*. The
# series is a random walk, where nothing can beat the last value.


# %% {locked leak}
walk = np.random.default_rng(2).normal(size=1200).cumsum()
windows = np.lib.stride_tricks.sliding_window_view(walk, 13)
x_walk, y_walk = windows[:, :12], windows[:, 12]
in_order, cut = np.arange(len(windows)), len(windows) * 4 // 5
shuffled = np.random.default_rng(1).permutation(in_order)
for name, order in [("shuffled", shuffled), ("by time", in_order)]:
    known, asked = order[:cut], order[cut:]
    distances = np.square(x_walk[asked, None] - x_walk[known]).sum(axis=-1)
    error = np.abs(y_walk[known][distances.argmin(axis=1)] - y_walk[asked]).mean()
    last_value = np.abs(x_walk[asked, -1] - y_walk[asked]).mean()
    print(f"{name}: the memory errs by {error:.2f}, the last value by {last_value:.2f}")

# %% [markdown]
# **Repair the data.** Write `split_by_time(series, past, horizon, borders)`:
#
# - `series`: $(N, F)$, a row for each hour; column 0 is the one to forecast. Do not change `series`
#   itself: work on a copy;
# - `borders`: a tuple $(v, w)$. Rows before $v$ are for training, rows from $v$ on, before $w$, for
#   validation, rows from $w$ on for the test.
#
# 1. Scale every column: subtract its mean, divide by its standard deviation (`np.std`). Both come
#    from training rows only: the others are the future. A column whose training rows are all equal
#    is divided by 1. (Compare the numbers: `np.std` of thirty times 0.1 is 1e-17, by rounding.)
# 2. A window is `past` rows, all columns, and behind them `horizon` numbers of column 0, its
#    *targets*, scaled as well. Take every window that the series has, in the order of time.
# 3. A window belongs to the part in which **all its targets** lie; if they lie in two parts, drop
#    it. Its past may reach back over the border, for at that time the past is already known. (The
#    lesson cut the series first and lost the windows whose past lies before a border. Here you keep
#    them.)
#
# Return a list of three tuples `(x, y)`, for training, validation and test: `x` is $(n,$ `past`$,
# F)$, `y` is $(n,$ `horizon`$)$.


# %% {answer q4}
def split_by_time(series, past, horizon, borders):
    """[(x, y), (x, y), (x, y)] for training, validation, test: x (n, past, F), y (n, horizon)."""
    ### BEGIN SOLUTION
    known = series[: borders[0]]
    std = np.where((known == known[0]).all(axis=0), 1, known.std(axis=0))
    scaled = (series - known.mean(axis=0)) / std
    parts = []
    for begin, end in zip((0, *borders), (*borders, len(series)), strict=True):
        firsts = range(max(begin, past), end - horizon + 1)
        x = [scaled[t - past : t] for t in firsts]
        y = [scaled[t : t + horizon, 0] for t in firsts]
        x, y = np.array(x).reshape(-1, past, series.shape[1]), np.array(y).reshape(-1, horizon)
        parts.append((x, y))  # of these shapes even without a window
    return parts
    ### END SOLUTION


# %% {test q4_visible 5}
with check.question("q4_visible", points=5):
    series = np.array([0.0, 2, 0, 2, 0, 2, 10, 20, 30, 40, 50, 60])[:, None]
    parts = split_by_time(series, past=3, horizon=2, borders=(6, 9))  # training: mean 1, std 1
    check.equal(
        "how many windows: training, validation, test",
        [len(part[1]) for part in parts],
        [2, 2, 2],
        hint="write down the first target's row of each window: 3 and 4; 6 and 7; 9 and 10",
    )
    check.close(
        "the targets of the training",
        parts[0][1],
        np.array([[1, -1], [-1, 1]]),
        hint="mean and standard deviation of rows 0 to 5 only; the targets are scaled, too",
    )
    check.close(
        "the first past of the validation",
        np.asarray(parts[1][0])[0],
        np.array([[1], [-1], [1]]),
        hint="its targets are rows 6 and 7, so its past is rows 3, 4 and 5",
    )
    check.close(
        "the targets of the test",
        parts[2][1],
        np.array([[39, 49], [49, 59]]),
        hint="scaled with the training's mean and standard deviation, whatever the test looks like",
    )

# %% {test q4_hidden 9}
print("Hidden tests: several columns, one that does not vary, other sizes; `series` unchanged.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=9):

    def by_rows(series, past, horizon, borders):
        part = np.searchsorted(borders, np.arange(len(series)), side="right")
        mean, std = np.mean(series[part == 0], 0), np.std(series[part == 0], 0)
        std[np.ptp(series[part == 0], 0) == 0] = 1
        found = [([], []), ([], []), ([], [])]
        for t in range(past, len(series) - horizon + 1):
            if part[t] == part[t + horizon - 1]:
                found[part[t]][0].append((series[t - past : t] - mean) / std)
                found[part[t]][1].append((series[t : t + horizon, 0] - mean[0]) / std[0])
        return [(np.array(x), np.array(y)) for x, y in found]

    rng = np.random.default_rng(44)
    for N, F, past, horizon, borders in [(60, 4, 8, 4, (30, 45)), (25, 2, 2, 1, (12, 20))]:
        series = rng.normal(size=(N, F)) * np.linspace(0.1, 0.9, N)[:, None] + [7, *range(F - 1)]
        series[:, 2:] *= 1e-9  # in a large unit
        series[: borders[0], 1] = 0.1  # varies only later
        before = series.copy()
        wanted = by_rows(before, past, horizon, borders)
        parts = split_by_time(series, past, horizon, borders)
        for number, which in np.ndindex(3, 2):
            check.close(
                "pasts and targets of every part",
                parts[number][which],
                wanted[number][which],
                hint="each column has its own mean and deviation, of training rows; one that does "
                "not vary is divided by 1, and no other; targets are column 0 alone, scaled like column 0; only "
                "windows with targets in two parts are left out",
            )
        check.equal("the series stays as it was", series, before, hint="`series -= …` changes it")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: better than what? (12 points)
#
# The last value is a hard opponent where a series wanders. Where it repeats itself, every day or
# every week, there is a harder one: **what was it one period ago?** For hourly data and period 24,
# the forecast for 9 o'clock tomorrow is the value of 9 o'clock today, if that is known. Further
# ahead than one period, the last known period is repeated: a forecast never reads the future.
#
# - `seasonal(x, horizon, period)`: from pasts `x` $(B, T)$, the oldest value first, the forecasts
#   $(B,$ `horizon`$)$ for the next `horizon` times. With period 1 it is the last value. If `x` is
#   shorter than one period, raise a `ValueError`.
# - `skill(y, forecast, baseline)`: three arrays $(N, H)$; the result is $(H,)$, for each step ahead
#   how much of the baseline's squared error is gone:
#
# $$ s_k = 1 - \frac{\sum_n (\hat y_{nk} - y_{nk})^2}{\sum_n (b_{nk} - y_{nk})^2} $$
#
# It is 1 for a perfect forecast, 0 for one that is as good as the baseline, below 0 for a worse
# one. The baseline has some error at every step. If the three shapes are not the same, raise a
# `ValueError`: what would NumPy do otherwise?


# %% {answer q5}
def seasonal(x, horizon, period):
    """The value one period ago, or two, three … where one is not enough: (B, horizon)."""
    ### BEGIN SOLUTION
    if x.shape[1] < period:
        raise ValueError(f"one period is {period} values, x has {x.shape[1]}")
    return x[:, x.shape[1] - period + np.arange(horizon) % period]
    ### END SOLUTION


def skill(y, forecast, baseline):
    """The share of the baseline's squared error that is gone, for each step ahead: (H,)."""
    ### BEGIN SOLUTION
    if not np.shape(y) == np.shape(forecast) == np.shape(baseline):
        raise ValueError(f"shapes: {np.shape(y)}, {np.shape(forecast)}, {np.shape(baseline)}")
    return 1 - np.sum((forecast - y) ** 2, axis=0) / np.sum((baseline - y) ** 2, axis=0)
    ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5):
    x = np.array([[5.0, 1, 2, 3, 1, 2, 4]])
    check.close(
        "period 3, two steps ahead",
        seasonal(x, 2, 3),
        np.array([[1, 2]]),
        hint="the next value is like the one three places before it; count from the end of x",
    )
    check.close("period 1", seasonal(x, 2, 1), np.array([[4, 4]]), hint="the last value, twice")
    check.raises(
        "three values, period 4",
        lambda: seasonal(x[:, :3], 1, 4),
        ValueError,
        hint="compare the length of x with the period, and raise the error yourself",
    )
    y = np.array([[0.0, 0], [0, 0]])
    check.close(
        "the skill at two steps",
        skill(y, np.array([[1.0, 2], [1, 0]]), np.array([[2.0, 1], [0, 1]])),
        [0.5, -1],
        hint="add up over the windows first, each step for itself, then divide: 2 of 4, 4 of 2",
    )

# %% {test q5_hidden 7}
print("Hidden tests: further ahead than one period; shapes that do not fit.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=7):
    rng = np.random.default_rng(45)
    for B, T, horizon, period in [(4, 30, 24, 24), (2, 9, 11, 4), (3, 7, 16, 7), (1, 5, 3, 1)]:
        x = rng.normal(size=(B, T))
        told = x.copy()
        for _ in range(horizon):
            told = np.hstack([told, told[:, [-period]]])
        check.close(
            "the seasonal forecast, near and far",
            seasonal(x, horizon, period),
            told[:, T:],
            hint="beyond one period the last known period begins again; count from the end of x",
        )
    for N, H in [(20, 6), (7, 1)]:
        y, forecast, baseline = rng.normal(size=(3, N, H)) * np.arange(1, N + 1)[:, None]
        ratio = np.mean(np.square(forecast - y), 0) / np.mean(np.square(baseline - y), 0)
        check.close(
            "the skill of any forecast",
            skill(y, forecast, baseline),
            1 - ratio,
            hint="squares, not absolute errors; one number for each step ahead; a ratio of sums",
        )
    for shapes in [((5, 1), (5,), (5, 1)), ((5, 3), (5, 3), (5, 1)), ((4, 2), (1, 2), (4, 2))]:
        check.raises(
            "shapes that NumPy would stretch",
            lambda shapes=shapes: skill(*(k * np.ones(shapes[k]) for k in range(3))),
            ValueError,
            hint="y, forecast and baseline: compare all three shapes before you subtract",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: how does a tagger go wrong? (14 points)
#
# The lesson's F1 says how often. To mend a tagger we want to know *how*: did it find the name and
# mistake a person for a place, or did it not see it at all? Here are real sentences of the People's
# Daily, their names marked by its editors, and the answers of a simple model: it has counted which
# tag a character has, between its two neighbours, in the days before.
#
# The tags are **BIOES** ([Lample et al. 2016](#lample2016)): an entity of one token is `S-PER`; a
# longer one is `B-PER`, any number of `I-PER`, `E-PER`. `entities` finds the complete ones: tuples
# `(type, begin, end)`, where `end` is the first place behind it.


# %% {locked entities}
def entities(tags):
    """(type, begin, end) of each complete entity: S, or B, any number of I, E, of one type."""
    found, begin, opened = [], 0, None
    for place, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if prefix in ("B", "S"):
            begin, opened = place, kind
        if prefix == "O" or kind != opened:
            opened = None
        if prefix in ("E", "S") and opened:
            found.append((kind, begin, place + 1))
            opened = None
    return found


# %% {locked tagged}
TYPES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}


def news(split):
    """Characters, and their BIOES tags, of each text of a part of the data set."""
    examples, texts = data.load("peoples_daily", split=split, batch_size=-1), []
    for row in zip(examples["tokens"].numpy(), examples["tags"].numpy(), strict=True):
        characters, tags = metrics.bio(*(r.decode().split() for r in row), TYPES, joined=["PER"])
        last = [after[0] != "I" for after in [*tags[1:], "O"]]
        ends = {"B": "S", "I": "E", "O": "O"}
        tags = [ends[t[0]] + t[1:] if end else t for t, end in zip(tags, last, strict=True)]
        texts.append((characters, tags))
    return texts


def neighbours(characters):
    """The keys of each place: itself between its neighbours; with the next; alone."""
    line = ["", *characters, ""]
    return [((a, b, c), (b, c), b) for a, b, c in zip(line, line[1:], line[2:], strict=False)]


def answers(texts, seen):
    """What the counted model answers: the most frequent tag, with as many neighbours as it knows."""
    keys = [neighbours(characters) for characters, _ in texts]
    return [[next((seen[k] for k in ks if k in seen), "O") for ks in row] for row in keys]


counted = {}
for characters, tags in news("train[:25%]"):
    for keys, tag in zip(neighbours(characters), tags, strict=True):
        for key in keys:
            counted.setdefault(key, Counter())[tag] += 1
seen = {key: counts.most_common(1)[0][0] for key, counts in counted.items()}
held_out = news("validation[:300]")
answered = answers(held_out, seen)
print("".join(held_out[0][0][:30]), entities(held_out[0][1])[:3], entities(answered[0])[:3])

# %% [markdown]
# Write `confusion(true, predicted, types)`: `true` and `predicted` are two lists of sentences, each
# a list of tags. For $K$ types the result is a table of counts $(K + 1, K + 1)$, rows for what is
# true, columns for what was predicted, in the order of `types`. An entity in both lists **with the
# same begin and end** counts at (its true type, its predicted type). A true one without such a
# partner counts in its row's last column: missed. A predicted one without a partner counts in its
# column's last row: invented. The last corner stays 0. Every type that occurs is in `types`; both
# lists have the same number of sentences.
#
# Then look: `confusion([tags for _, tags in held_out], answered, ["PER", "LOC", "ORG"])`. Which kind
# of name does it miss, and does it take one for another? Print some, and a sentence of your own.


# %% {answer q6}
def confusion(true, predicted, types):
    """Counts (K + 1, K + 1): true types down, predicted types across, last of each: none."""
    ### BEGIN SOLUTION
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
        there = {(begin, end): types.index(kind) for kind, begin, end in entities(others)}
        for place in here.keys() | there.keys():
            table[here.get(place, -1), there.get(place, -1)] += 1
    return table
    ### END SOLUTION


# %% {test q6_visible 5}
with check.question("q6_visible", points=5):
    found = confusion(
        [["S-PER", "O", "B-LOC", "E-LOC", "O"], ["S-PER", "S-LOC"]],
        [["S-LOC", "O", "S-LOC", "O", "O"], ["S-PER", "O"]],
        ["PER", "LOC"],
    )
    check.equal(
        "a person taken for a place; a place with a wrong end; one missed",
        np.asarray(found).tolist(),
        [[1, 1, 0], [0, 0, 2], [0, 1, 0]],
        hint="rows are true types; an entity with another end is no partner: it counts as missed, "
        "and the predicted one as invented",
    )

# %% {test q6_hidden 9}
print("Hidden tests: many sentences, other types; news of later days.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=9):

    def by_pattern(text):
        text = text + " "
        matches = re.finditer(r"B-(\S+) (?:I-\1 )*E-\1 |S-(\S+) ", text)
        return [
            (m[1] or m[2], text.count(" ", 0, m.start()), text.count(" ", 0, m.end()))
            for m in matches
        ]

    def counts(true, predicted, types):
        a, b = (
            {(n, *ends): kind for n, text in enumerate(texts) for kind, *ends in by_pattern(text)}
            for texts in (true, predicted)
        )
        names = [*types, None]
        return [[sum((a.get(p), b.get(p)) == (k, m) for p in a | b) for m in names] for k in names]

    pieces = ["B-A I-A E-A", "B-B I-B E-B", "O S-A S-C", "O S-C O", "B-A E-A O", "B-C I-C E-A"]
    drawn = np.random.default_rng(46).choice(pieces, size=(2, 1200, 4))
    drawn[0, :9] = drawn[1, 5:20] = "O"  # nothing to find, nothing found
    true, predicted = ([" ".join(row) for row in rows] for rows in drawn)
    found = confusion([t.split() for t in true], [t.split() for t in predicted], ["C", "A", "B"])
    check.equal(
        "the table for many sentences",
        np.asarray(found).tolist(),
        counts(true, predicted, ["C", "A", "B"]),
        hint="partners: the same sentence, begin and end; right ones count, on the diagonal",
    )
    real = check.given([tags for _, tags in news("test[:150]")])
    model = check.given(answers(news("test[:150]"), seen))
    kinds = ["ORG", "LOC", "PER"]
    wanted = [[" ".join(tags) for tags in texts] for texts in (real, model)]
    check.equal(
        "the table for news of later days",
        np.asarray(confusion(real, model, kinds)).tolist(),
        counts(*wanted, kinds),
        hint="the same place in another sentence is no partner",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: repair the classifier of article 004 (22 points)
#
# Notes come to an office with ten desks. The first word of a note says which desk it is for; the
# rest is chatter, made of the same words. There are 60 known words, numbered 2 to 61. Now and then a
# rare word takes the place of one; its number is 62 or larger. The first word is always a known
# one. 0 is padding, and 1 is kept for "unknown".
#
# Here are notes, and the article's network, in our own words and smaller, with its weak points:
#
# 1. it has no weights before it has seen data, so nobody can inspect it or count its parameters;
# 2. it gives probabilities, which is right with the article's loss, but we keep logits throughout
#    and say `from_logits=True`;
# 3. its table is too small for rare words;
# 4. it reads padding.


# %% {locked notes}
def notes(count, seed, length=10, rare=0.1):
    """Numbers of words, (count, length), 0 behind the text; and each note's desk, 0 to 9."""
    dice = np.random.default_rng(seed)
    words = dice.integers(2, 62, size=(count, length))
    desks = words[:, 0] % 10
    strange = dice.random(words.shape) < rare
    strange[:, 0] = False
    words[strange] = dice.integers(62, 10_000, size=strange.sum())
    lengths = dice.integers(3, 9, size=(count, 1))
    return np.where(np.arange(length) < lengths, words, 0), desks


ids, desks = notes(1000, seed=1)
ids_validation, desks_validation = notes(500, seed=2)
for note, desk in zip(ids[:3], desks, strict=False):
    print(note, "-> desk", desk)

# %% {locked faults}
network = keras.Sequential(
    [
        keras.layers.Embedding(62, 16),
        keras.layers.LSTM(32, return_sequences=True),
        keras.layers.LSTM(32),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
print("1. weights before it has seen data:", len(network.weights))
answer = network(np.array([[5, 9, 31]]))
print("2. probabilities, not logits:", np.allclose(np.sum(answer), 1))
print(
    "3. largest number of a word:", ids.max(), "- rows in its table:", network.weights[0].shape[0]
)
padded = network(np.array([[5, 9, 31] + 97 * [0]]))
print("4. the same answer with padding behind:", np.allclose(answer, padded, atol=1e-4))

# %% [markdown]
# Write `train(ids, labels, vocabulary_size, seed)`. It trains a network on `ids` $(N, T)$ with
# `labels` $(N,)$ from 0 to 9, and returns it. The returned network takes `ids` $(B, T')$ for *any*
# $T'$ and gives logits $(B, 10)$. Set Keras' random numbers with `seed` first. The hidden tests
# train once more: other labels and another `vocabulary_size` will be used.
#
# - Numbers from `vocabulary_size` (here 62) on are words that the table does not have. They become
#   1 *inside* the network, so that nobody can forget it: `keras.ops.where` works between layers.
# - Which layer makes the mask, and from what? More padding must not change a logit.
# - It should need about 10 seconds on two processor cores; a grader stops a cell after 60.
#   `recurrent.TextClassifier` may be a part of it.
#
# **The bar:** 70 % of the validation notes (the visible test); after training once more, 90 % of
# notes kept aside that are padded to 100 places, and of others where four of ten words are unknown
# (the hidden tests).


# %% {answer q7}
def train(ids, labels, vocabulary_size, seed):
    """A trained network: any ids (B, T), 0 for padding -> logits (B, 10)."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None,), dtype="int32")
    model = recurrent.TextClassifier(vocabulary_size, 10, embedding_dim=16, units=32)
    network = keras.Model(inputs, model(keras.ops.where(inputs < vocabulary_size, inputs, 1)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(2e-2), loss)
    network.fit(ids, labels, epochs=8, batch_size=32, verbose=0)
    return network
    ### END SOLUTION


# %% {test q7_visible 7}
with check.question("q7_visible", points=7):
    trained = train(ids, desks, 62, seed=1)
    check.equal(
        "the shape of the logits for two notes of 25 places",
        tuple(np.shape(trained(np.full((2, 25), 7)))),
        (2, 10),
        hint="return the network itself; any length means None in its input",
    )
    check.accuracy(
        "validation notes",
        np.argmax(trained(ids_validation), axis=-1),
        desks_validation,
        at_least=0.7,
        hint="is the training accuracy high? If not: loss and logits, learning rate, epochs. And "
        "does the network still know the first word when it has read all the others?",
    )
    check.close(
        "words outside the table give the logits that the number 1 gives",
        np.asarray(trained(np.array([[7, 62, 9999, 3]])))
        - np.asarray(trained(np.array([[7, 1, 1, 3]]))),
        np.zeros((1, 10)),
        atol=1e-4,
        hint="`vocabulary_size` itself is outside already; they become 1 and not 0, which is "
        "padding; and it happens inside the network",
    )

# %% {test q7_hidden 15}
print("Hidden tests: trained again, with other numbers and labels; more padding; rare words.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=15):
    turn = np.random.default_rng(73).permutation(10)
    other = train(np.where(ids > 0, ids + 20, 0), turn[desks], 82, seed=3)
    short = np.random.default_rng(74).integers(22, 82, size=(5, 6))
    check.close(
        "more padding, the same logits",
        np.asarray(other(np.pad(short, [(0, 0), (0, 94)]))) - np.asarray(other(short)),
        np.zeros((5, 10)),
        atol=1e-4,
        hint="which layer marks 0, and do all layers behind it get the mask?",
    )
    far = notes(400, seed=71, length=100)[0]
    padded = check.given(np.where(far > 0, far + 20, 0))
    z = np.asarray(other(padded))  # and an eleventh class that no probability reaches
    check.accuracy(
        "notes kept aside, padded to 100 places",
        np.argmax(np.c_[z, z.mean(axis=-1) + 1], axis=-1),
        turn[notes(400, seed=71, length=100)[1]],
        at_least=0.9,
        hint="are these logits, no softmax at the end? Learn it from `ids` and `labels`, whatever "
        "they are, with a table of `vocabulary_size` rows; train long enough for any seed",
    )
    many = notes(400, seed=72, rare=0.4)[0]
    strange = check.given(np.where(many > 0, many + 20, 0))
    check.accuracy(
        "notes with many rare words",
        np.argmax(other(strange), axis=-1),
        turn[notes(400, seed=72, rare=0.4)[1]],
        at_least=0.9,
        hint="every number from `vocabulary_size` on becomes 1, inside the network",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## How far are you?
#
# The next cell sums up what the visible tests say. If you changed something above, restart the
# kernel and run everything once more before you hand in: that is what a grader does.

# %% {locked summary}
check()

# %% [markdown]
# ## References
#
# - <a id="gers2002"></a>Felix A. Gers, Nicol N. Schraudolph, Jürgen Schmidhuber. *Learning Precise
#   Timing with LSTM Recurrent Networks*. Journal of Machine Learning Research 3, 115–143, 2002.
# - <a id="lample2016"></a>Guillaume Lample, Miguel Ballesteros, Sandeep Subramanian, Kazuya
#   Kawakami, Chris Dyer. *Neural Architectures for Named Entity Recognition*. NAACL-HLT, 260–270,
#   2016.
