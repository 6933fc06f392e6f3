# ---
# jupyter:
#   aimodels:
#     title: "Assignment: What comes next"
#     minutes: 150
#     repairs: [000-5, 004-1]
#     limits: {cell: 120, total: 300, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: What comes next
#
# You foresee the loss of a model that nobody has trained yet, spend a budget of compute, compute
# CLIP's loss, say how sure a recall is, read what strangers send to a server, find out when a model
# of one's own is cheaper than a service, and at the end train a network that names pictures.
#
# **About 150 minutes**, in two or three sittings if you like. **100 points.** **Repairs:** what article
# 000 §5 says about scale and article 004 §1 about services and their price; neither shows a program.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. Where a
# question says *in NumPy*, write it yourself; SciPy is allowed everywhere.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
import json

import keras
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from scipy.optimize import brentq, minimize_scalar
from sklearn.feature_extraction.text import HashingVectorizer

from aimodels import data, multimodal
from aimodels.course import check, measured
from aimodels.text import Vocabulary

# %% [markdown]
# ## Question 1: repair a forecast (12 points)
#
# "Larger data sets, to improve the performance of models", and stronger hardware: so article 000
# foresees the future (§5). How much will they improve it? Here are the losses of nine language models of different sizes, drawn from a law of
# [Hoffmann et al. 2022](#hoffmann2022) with a little noise, and two forecasts that many people make:
# a straight line through the values, and one through their logarithms. A network 1,000 times as
# large as the largest of them follows the same law. Do the lines?


# %% {locked losses}
sizes = np.logspace(6, 10, 9)
noise = np.random.default_rng(1).normal(0, 0.003, size=9)
losses = (1.69 + 406.4 / sizes**0.34) * (1 + noise)
wide = np.logspace(6, 13, 50)
slope, start = np.polyfit(sizes, losses, 1)
log_slope, log_start = np.polyfit(np.log(sizes), np.log(losses), 1)
plt.figure(figsize=(7, 3))
plt.semilogx(sizes, losses, "o", label="measured")
plt.semilogx(wide, 1.69 + 406.4 / wide**0.34, label="the law")
plt.semilogx(wide, np.exp(log_start) * wide**log_slope, "--", label="line through logarithms")
plt.semilogx(wide, start + slope * wide, ":", label="line through values")
plt.ylim(0, 6)
plt.title("loss, by parameters")
plt.legend()
plt.show()

# %% {locked faults_line}
print(f"1. the line through the values foresees a loss of {start + slope * 1e13:.0f}, below 0")
print(f"2. the line through the logarithms: {np.exp(log_start) * 1e13**log_slope:.2f}")
print(f"3. the law: {1.69 + 406.4 / 1e13**0.34:.2f}; no model of any size goes below 1.69")

# %% [markdown]
# **The repair.** Text cannot be foretold perfectly, so the loss has a floor $E \ge 0$, the
# **irreducible loss**. Above it, it falls by a **power law**:
#
# $$ L(N) = E + A N^{-\alpha}, \qquad
#    \min_{E \ge 0,\ A,\ \alpha} \sum_i \bigl( L_i - E - A N_i^{-\alpha} \bigr)^2 . $$
#
# Write `fit(sizes, losses)`: the tuple $(E, A, \alpha)$ of the smallest sum of squares, for at least four
# sizes in any order, from 1 to $10^{12}$; the best $\alpha$ lies between 0.05 and
# 1. Find $\alpha$ to four decimals.
#
# For a fixed $\alpha$ the other two are a straight line in $N^{-\alpha}$; so only one number must be
# searched for. And if the best line has an $E$ below 0?


# %% {answer q1}
def fit(sizes, losses):
    """(E, A, alpha): the least squares of E + A * sizes**-alpha, with E >= 0."""
    ### BEGIN SOLUTION
    sizes, losses = np.asarray(sizes, float), np.asarray(losses, float)

    def best(alpha):
        x = (sizes / sizes.min()) ** -alpha
        slope, floor = np.polyfit(x, losses, 1)
        if floor < 0:
            slope, floor = x @ losses / (x @ x), 0.0
        return np.sum((floor + slope * x - losses) ** 2), floor, slope * sizes.min() ** alpha

    alpha = minimize_scalar(lambda alpha: best(alpha)[0], bounds=(0.05, 1), method="bounded").x
    return *best(alpha)[1:], alpha
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    check.close(
        "exactly 2 + 300 N^(-0.3): E, A and alpha",
        fit([1e5, 1e6, 1e7, 1e8, 1e9], 2 + 300 * np.array([1e5, 1e6, 1e7, 1e8, 1e9]) ** -0.3),
        [2, 300, 0.3],
        rtol=1e-2,
        hint="for each alpha a straight line through (N^-alpha, loss); take the alpha whose "
        "squares are the least",
    )
    check.close(
        "exactly 40 N^(-0.2), no floor",
        fit([1e9, 1e4, 1e7, 1e5], 40 * np.array([1e9, 1e4, 1e7, 1e5]) ** -0.2),
        [0, 40, 0.2],
        rtol=1e-2,
        atol=1e-3,
        hint="E may be 0; the sizes come in any order",
    )
    powers = 4.0 ** np.arange(4)
    check.close(
        "exactly 1 + 8 N^(-1/2), at N = 1, 4, 16, 64",
        fit(powers, 1 + 8 / powers**0.5),
        [1, 8, 0.5],
        rtol=1e-2,
        hint="four sizes are enough, and small ones are sizes, too",
    )

# %% {test q1_hidden 8}
print("Hidden tests: other laws, with noise, without a floor; against a fine grid.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):

    def by_grid(N, y):
        rows = []
        for alpha in np.linspace(0.05, 1, 4751):
            x = (N / N[0]) ** -alpha
            moved = x - x.mean()
            A = moved @ (y - y.mean()) / (moved @ moved)
            E = y.mean() - A * x.mean()
            if E < 0:
                E, A = 0, x @ y / (x @ x)
            rows.append((np.square(y - E - A * x).sum(), E, A * N[0] ** alpha, alpha))
        return min(rows)[1:]

    def runs(seed):
        number, E, alpha, noise = [
            (8, 1.5, 0.3, 0.01),
            (12, 0.0, 0.12, 0.03),
            (6, 3.0, 0.5, 0.02),
            (20, 0.4, 0.2, 0.01),
            (9, -2.0, 0.05, 0.01),
        ][seed % 5]
        dice = np.random.default_rng(seed)
        N = np.sort(10 ** dice.uniform(4, 11, size=number))[:: -1 if seed % 2 else 1]
        y = E + 5 * (N / N.min()) ** -alpha
        return N, y * (1 + dice.normal(0, noise, size=number))

    seeds = iter(range(40, 50))
    for N, y in check.given([runs(seed) for seed in range(40, 50)]):
        found = fit(N, y)
        wanted = by_grid(*runs(next(seeds)))
        hint = "the squares of the losses themselves; E is at least 0, and A and alpha fit this E"
        check.close("floor and exponent", found[::2], wanted[::2], hint=hint, atol=4e-3)
        check.close("A", found[1], wanted[1], hint=hint, rtol=0.03)
### END HIDDEN TESTS

# %% [markdown]
# **Look.** How sure is a forecast? `doubt` leaves out one model at a time, and fits again. Call
# `doubt(fit, sizes, losses, 1e13)`, and then with the five smallest models alone.


# %% {locked doubt}
def doubt(fit, sizes, losses, size):
    """The least and the greatest loss that is foreseen for a size without one of the models."""
    laws = [fit(np.delete(sizes, i), np.delete(losses, i)) for i in range(len(sizes))]
    foreseen = [E + A * size**-alpha for E, A, alpha in laws]
    return min(foreseen), max(foreseen)


# %% [markdown]
# ## Question 2: how to spend a budget (13 points)
#
# A Transformer with $N$ parameters that reads $D$ tokens in training costs about $C = 6ND$
# floating-point operations: two for each parameter and token on the way forward, and four on the way
# back. A larger network or more text? [Kaplan et al. 2020](#kaplan2020) put most of a growing budget
# into $N$, and GPT-3 got 175 billion parameters for 300 billion tokens. [Hoffmann et al.
# 2022](#hoffmann2022) let the learning rate follow the length of each run, and found the law
#
# $$ L(N, D) = E + \frac{A}{N^\alpha} + \frac{B}{D^\beta} . $$
#
# Put $D = C / 6N$ into it and set the derivative to zero: $\alpha A N^{-\alpha} = \beta B D^{-\beta}$.
# Write, for a law `(E, A, B, alpha, beta)`:
#
# - `spend(budget, law, max_tokens)`: the tuple $(N, D, L)$ of the lowest loss that `budget` operations,
#   all spent, can buy, if there are only `max_tokens` tokens in the world (`np.inf` by default).
#   No token is read twice.
# - `least_budget(loss, law)`: the least number of operations that reach this loss, with any amount of
#   text; `np.inf` for a loss that no budget reaches.
#
# Then ask your function what GPT-3's budget could have bought: `spend(6 * 175e9 * 300e9, CHINCHILLA)`.


# %% {locked chinchilla}
CHINCHILLA = (1.69, 406.4, 410.7, 0.34, 0.28)  # the third approach of Hoffmann et al.


# %% {answer q2}
def spend(budget, law, max_tokens=np.inf):
    """(N, D, loss): parameters, tokens and loss of the best model for 6 * N * D = budget."""
    ### BEGIN SOLUTION
    E, A, B, alpha, beta = law
    N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
    D = min(budget / (6 * N), max_tokens)
    N = budget / (6 * D)
    return N, D, E + A / N**alpha + B / D**beta
    ### END SOLUTION


def least_budget(loss, law):
    """The least number of operations that reach `loss`; infinity if none do."""
    ### BEGIN SOLUTION
    E, A, B, alpha, beta = law
    if loss <= E:
        return np.inf
    N = (A * (1 + alpha / beta) / (loss - E)) ** (1 / alpha)
    D = (B * (1 + beta / alpha) / (loss - E)) ** (1 / beta)
    return 6 * N * D
    ### END SOLUTION


# %% {test q2_visible 4}
with check.question("q2_visible", points=4):
    check.close(
        "the law 1 + 8/√N + 4/√D and 6 × 64 operations: N, D and loss",
        spend(6 * 64, (1, 8, 4, 0.5, 0.5)),
        [16, 4, 5],
        rtol=1e-4,
        hint="6 N D is the budget; at the best N, alpha A / N^alpha equals beta B / D^beta",
    )
    check.close(
        "the same with 1 token in the world",
        spend(6 * 64, (1, 8, 4, 0.5, 0.5), 1),
        [64, 1, 6],
        rtol=1e-4,
        hint="the tokens are all read, and the whole budget is still spent: on a larger network",
    )
    check.close(
        "for a loss of 5, of 1, and of 0.5",
        [least_budget(loss, (1, 8, 4, 0.5, 0.5)) for loss in (5, 1, 0.5)],
        [6 * 64, np.inf, np.inf],
        rtol=1e-4,
        hint="the way back; no budget reaches the irreducible loss, which is 1",
    )

# %% {test q2_hidden 9}
print("Hidden tests: other laws and budgets; against a search.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=9):

    def best_of(budget, law, most):
        E, A, B, alpha, beta = law

        def loss(log_tokens):
            D = np.exp(log_tokens)
            return E + A / (budget / 6 / D) ** alpha + B / D**beta

        top = min(np.log(budget), np.log(most))
        searched = minimize_scalar(loss, bounds=(0, top), method="bounded", options={"xatol": 1e-9})
        D = min(np.exp([searched.x, top]), key=lambda D: loss(np.log(D)))
        return budget / 6 / D, D, loss(np.log(D))

    def laws():
        return [(1.69, 406.4, 410.7, 0.34, 0.28), (0.5, 50, 900, 0.2, 0.4), (0, 20, 30, 0.6, 0.3)]

    def budgets():
        return [(budget, most) for budget in (1e15, 3e19, 6e23) for most in (np.inf, 1e7, 2e9)]

    def reached(loss, law):
        if loss <= law[0]:
            return np.inf
        return np.exp(brentq(lambda b: best_of(np.exp(b), law, np.inf)[2] - loss, 10, 120))

    asked = check.given(laws())
    found = [spend(case[0], law, case[1]) for law in asked for case in check.given(budgets())]
    wanted = [best_of(case[0], law, case[1]) for law in laws() for case in budgets()]
    hint = "which exponent belongs to N, which to D? With little text, N grows instead"
    check.close(
        "parameters and tokens",
        [f[:2] for f in found],
        [w[:2] for w in wanted],
        hint=hint,
        rtol=2e-3,
    )
    check.close("the loss", [f[2] for f in found], [w[2] for w in wanted], hint=hint, rtol=1e-4)
    losses = (2.4, 1.9, 3.5, 1.72, 1.69, 1.0, 0.0)
    found = [[least_budget(loss, law) for loss in losses] for law in asked]
    wanted = [[reached(loss, law) for loss in losses] for law in laws()]
    hint = "both terms share what is above E, and not in equal parts; infinity at E and below only"
    check.close("budgets", found, wanted, hint=hint, rtol=1e-2)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: CLIP's loss (14 points)
#
# CLIP ([Radford et al. 2021](#radford2021clip)) sees $B$ pictures and their $B$ names at a time. Row
# $i$ of `images` $(B, P)$ and row $i$ of `texts` $(B, P)$ belong together. Their cosines, divided by a
# **temperature** $\tau$, are logits in both directions: which name fits the picture, and which
# picture fits the name?
#
# $$ z_{ij} = \frac{1}{\tau} \frac{x_i \cdot t_j}{\lVert x_i \rVert\, \lVert t_j \rVert}, \qquad
#    L = -\frac{1}{2B} \sum_{i,j} p_{ij} \left(
#    \ln \frac{e^{z_{ij}}}{\sum_k e^{z_{ik}}} + \ln \frac{e^{z_{ji}}}{\sum_k e^{z_{ki}}} \right) $$
#
# In the paper $p_{ij}$ is 1 for $i = j$ and else 0. But a batch may hold the same name twice, and then
# a picture would be punished for a name that is right. So $p_{ij}$ is shared equally among all $j$ with
# the name of $i$, and 0 for the others; over $j$ it sums up to 1.
#
# Write in NumPy `clip_loss(images, texts, names, temperature)`: the number $L$; `names` is a list of $B$
# texts. Temperatures may be as small as 0.0005: no $e^{2000}$ may be computed.


# %% {answer q3}
def clip_loss(images, texts, names, temperature):
    """The symmetric contrastive loss of B pairs; equal names share what is right."""
    ### BEGIN SOLUTION
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (images, texts))
    z = u @ v.T / temperature
    same = np.array(names)[:, None] == np.array(names)
    p = same / same.sum(axis=1, keepdims=True)
    rows = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    columns = z - np.logaddexp.reduce(z, axis=0, keepdims=True)
    return -np.sum(p * (rows + columns.T)) / (2 * len(z))
    ### END SOLUTION


# %% {test q3_visible 5}
with check.question("q3_visible", points=5):
    pairs = np.array([[3.0, 0], [0, 0.5]])
    check.close(
        "two pairs, each at right angles to the other, temperature 1/2",
        clip_loss(pairs, pairs * [[1], [4]], ["cat", "dog"], 0.5),
        np.log(1 + np.exp(-2)),
        rtol=1e-4,
        hint="cosines are 1 and 0, whatever the lengths; divided by 1/2 the logits are 2 and 0",
    )
    check.close(
        "the same vectors, and both are called cat",
        clip_loss(pairs, pairs, ["cat", "cat"], 0.5),
        (np.log(1 + np.exp(-2)) + np.log(1 + np.exp(2))) / 2,
        rtol=1e-4,
        hint="half of p stands on each of the two",
    )
    check.close(
        "the second text fits both pictures best",
        clip_loss(np.array([[1.0, 0], [1, 0]]), np.array([[0.0, 1], [1, 0]]), ["a", "b"], 1),
        (np.log(1 + np.exp(1)) + np.log(1 + np.exp(-1)) + 2 * np.log(2)) / 4,
        rtol=1e-4,
        hint="from pictures to texts each row sums up, from texts to pictures each column",
    )
    hint = (
        "subtract the logarithm of the sum, with np.logaddexp.reduce or the largest one put apart"
    )
    check.close(
        "temperature 0.0005", clip_loss(pairs, pairs[::-1], ["a", "b"], 5e-4), 2000, hint=hint
    )

# %% {test q3_hidden 9}
print("Hidden tests: any sizes and names; pair by pair.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=9):

    def pair_by_pair(images, texts, names, temperature):
        cosine = np.array([[a @ b / np.sqrt(a @ a * (b @ b)) for b in texts] for a in images])
        total = 0.0
        for z in (cosine / temperature, cosine.T / temperature):
            for row, name in zip(z, names, strict=True):
                right = [z for z, other in zip(row, names, strict=True) if other == name]
                total += row.max() + np.log(np.exp(row - row.max()).sum()) - np.mean(right)
        return total / 2 / len(names)

    def batches():
        shapes = [(4, 3), (7, 5), (12, 4), (1, 3), (9, 6), (6, 2)]
        temperatures = [1.0, 0.07, 0.5, 0.1, 1e-3, 10.0]
        for shape, temperature in zip(shapes, temperatures, strict=True):
            dice = np.random.default_rng(shape[0])
            x = dice.normal(size=shape) * np.arange(1, shape[0] + 1)[:, None]
            t = 0.01 * (dice.normal(size=shape) + x * (shape[0] % 3))
            for kinds in (5, 100, 1):
                yield x, t, [f"name {i * i % kinds}" for i in range(shape[0])], temperature

    told = batches()
    for x, t, names, temperature in check.given([*batches()]):
        found = clip_loss(x, t, names, temperature)
        wanted = pair_by_pair(*next(told))
        hint = "cosines by temperature; both directions; equal names share; the mean over B"
        check.close("the loss of a batch", found, wanted, hint=hint, rtol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: how sure is a recall? (15 points)
#
# Can a name find its picture among emoji that were never seen in training? Here are the test emoji of
# [OpenMoji](https://openmoji.org), with English names, and a model that learns nothing: a picture has
# the names of the training pictures that are near it by pixels, and names are compared by their
# letters. Row $i$ of its `similarity` is a name, column $j$ a picture, and $i$ belongs to $i$.


# %% {locked emoji}
def emoji(split, language):
    """Pictures (N, 64, 64, 3) of uint8, names and families of OpenMoji's emoji."""
    rows = [*data.load("openmoji", split=split).as_numpy_iterator()]
    names, families = (
        [row[key].decode() for row in rows] for key in (f"name_{language}", "family")
    )
    return np.stack([row["image"] for row in rows]), names, families


def shrunk(images):
    """(N, 32, 32, 3): means of two by two pixels."""
    return images.reshape(-1, 32, 2, 32, 2, 3).mean(axis=(2, 4))


# %% {locked similarity}
known, known_names, _ = emoji("train", "en")
unseen, unseen_names, families = emoji("test", "en")
pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(1, 4))
alike = (pieces.transform(unseen_names) @ pieces.transform(known_names).T).toarray()
a, b = (shrunk(x).reshape(len(x), -1) / 255 for x in (unseen, known))
near = np.square(a).sum(axis=1)[:, None] - 2 * a @ b.T + np.square(b).sum(axis=1)
weights = np.exp((near.min(axis=1, keepdims=True) - near) / near.mean() / 0.05)
similarity = alike @ (weights / weights.sum(axis=1, keepdims=True)).T
print(len(unseen), "unseen emoji of", len(set(families)), "families")

# %% [markdown]
# Write `recall(similarity, k, families)` in NumPy: the tuple (recall, low, high) for a matrix $(N, N)$.
#
# **The recall at $k$** is the mean of $h_i$, whether the right column is among the $k$ with the largest
# similarities in row $i$. Mind ties: a model that gives every pair a 0 must not get 1. If $b$ columns
# are better than the right one, and $t \ge 1$ are equal to it (itself included), then the order of these
# is drawn by lot, and $h_i$ is the *probability* that the right one is among the first $k$:
#
# $$ h_i = \min\Bigl(1, \max\Bigl(0, \frac{k - b}{t} \Bigr)\Bigr), \qquad
#    \bar h = \frac{1}{N} \sum_i h_i . $$
#
# **The interval.** A man who runs and a woman who runs are two emoji, but not two independent trials:
# they are of one **family**, which is found or not found as a whole. So the $G \ge 2$ families are what
# was drawn from all emoji that might be. `families` gives each row's name of its family:
#
# $$ \mathrm{SE} = \frac{1}{N} \sqrt{ \frac{G}{G-1} \sum_{g=1}^{G}
#    \Bigl( \sum_{i \in g} (h_i - \bar h) \Bigr)^2 }, \qquad
#    \text{from } \bar h - 1.96\,\mathrm{SE} \text{ to } \bar h + 1.96\,\mathrm{SE}, $$
#
# and an end beyond 0 or 1 is moved there.
#
# Then look: `recall(similarity, 10, families)`. Does the interval hold $10/N$, what a guess reaches?
# And which unseen names did find their picture first: what do they have in common?


# %% {answer q4}
def recall(similarity, k, families):
    """(recall, low, high): of the right column among the first k, with a 95 % interval."""
    ### BEGIN SOLUTION
    right = np.diag(similarity)[:, None]
    better, equal = (similarity > right).sum(axis=1), (similarity == right).sum(axis=1)
    h = np.clip((k - better) / equal, 0, 1)
    names = np.array(families)
    sums = np.array([(h - h.mean())[names == name].sum() for name in np.unique(names)])
    width = 1.96 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(h)
    return h.mean(), max(h.mean() - width, 0.0), min(h.mean() + width, 1.0)
    ### END SOLUTION


# %% {test q4_visible 5}
with check.question("q4_visible", points=5):
    scores = np.array(
        [[0.9, 0.1, 0.3, 0.2], [0.8, 0.3, 0.1, 0.2], [0.1, 0.2, 0.3, 0.6], [0, 4, 3, 1]]
    )
    found = [recall(scores, k, ["a", "b", "c", "d"])[0] for k in (1, 2, 3, 4)]
    hint = "per row: how many columns are better than its own? The own ones are on the diagonal"
    check.close("recall at 1 to 4: one, three, four of four", found, [0.25, 0.75, 1, 1], hint=hint)
    found = [recall(np.zeros((5, 5)), k, [*"aabcd"])[0] for k in (1, 2, 5)]
    check.close(
        "a model that says nothing, at 1, 2 and 5", found, [0.2, 0.4, 1], hint="that is k / N"
    )
    check.close(
        "each emoji a family of its own: the interval at 2",
        recall(scores, 2, ["a", "b", "c", "d"])[1:],
        [0.75 - 1.96 * 0.25, 1],
        rtol=1e-4,
        hint="the sums are 1/4, 1/4, 1/4 and -3/4, and the root is that of 4/3 of 12/16: 1",
    )
    check.close(
        "two families: the interval at 1",
        recall(scores, 1, ["run", "eat", "run", "run"])[1:],
        [0.25 - 1.96 / 8, 0.25 + 1.96 / 8],
        rtol=1e-4,
        hint="add up h minus its mean in each family first: 1/4 and -1/4; then square",
    )
    found = recall(similarity, 10, families)[0]
    told = multimodal.recall(multimodal.ranks(similarity), 10)
    check.close(
        "the unseen emoji at 10", found, told, hint="a name is a row", atol=0.5 / len(similarity)
    )

# %% {test q4_hidden 10}
print("Hidden tests: other similarities, ties, families of all sizes.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=10):

    def drawn(seed, number, groups, levels):
        dice = np.random.default_rng(seed)
        scores = dice.normal(size=(number, number)) + 1.5 * np.eye(number)
        labels = [f"f{g}" for g in dice.permutation(np.arange(number) % groups)]
        near = 1 + 1e-9 * scores  # nearly equal, and not equal
        return (np.round(scores * levels) / levels if levels else near), labels

    def by_lot(scores, k, labels):
        h = []
        for i, row in enumerate(scores):
            order = sorted((-value, j != i) for j, value in enumerate(row))
            first = [value for value, _ in order].index(-row[i])
            last = first + sum(value == row[i] for value in row)
            h.append(sum(place < k for place in range(first, last)) / (last - first))
        sums = dict.fromkeys(labels, 0.0)
        for value, label in zip(h, labels, strict=True):
            sums[label] += value - np.mean(h)
        error = np.sqrt(np.var([*sums.values()], ddof=1) * len(sums)) / len(h)
        ends = np.mean(h) + 1.96 * error * np.array([-1, 1])
        return np.mean(h), *np.clip(ends, 0, 1)

    shapes = [(30, 30, 1000), (30, 7, 1000), (40, 12, 1), (25, 25, 2), (9, 2, 1), (20, 6, 0.01)]
    shapes += [(20, 8, 0)]
    seeds = iter(range(len(shapes)))
    for scores, labels in check.given([drawn(s, *shape) for s, shape in enumerate(shapes)]):
        found = [recall(scores, k, labels) for k in (1, 3, 10, 40)]
        seed = next(seeds)
        told = [
            by_lot(*[drawn(seed, *shapes[seed])[0], k, drawn(seed, *shapes[seed])[1]])
            for k in (1, 3, 10, 40)
        ]
        hint = "ties by lot; the sums of whole families, squared; rows are asked for columns"
        check.close("the recall", [f[0] for f in found], [t[0] for t in told], hint=hint, rtol=1e-4)
        hint = "families of any size; G / (G - 1); the ends stay between 0 and 1"
        check.close(
            "its interval", [f[1:] for f in found], [t[1:] for t in told], hint=hint, rtol=1e-3
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: repair what reads a request (17 points)
#
# A model becomes a service when strangers may ask it (article 004 §1, which shows no program).
# Requests come as JSON, in TensorFlow Serving's form:
#
#     {"instances": [[0.1, 0.2], [0.3, 0.4]]}
#
# Here is what most people write first for a model that takes two numbers, and what strangers send.


# %% {locked first_server}
class RequestError(Exception):
    """A sentence for the client. The server sends it with the status 400 and goes on."""


def refuse(name):
    raise RequestError(f"{name} is no number of JSON")


def first_try(body):
    return np.array(json.loads(body)["instances"], "float32")


# %% {locked faults_server}
for body in [
    b'{"instances": [[0.1, NaN]]}',
    b'{"instances": [[1e39, 0.2]]}',
    b'{"instances": [["0.1", true]]}',
    b'{"instances": [[1, 2, 3], [4, 5, 6]]}',
    b'{"instances": [[1, 2], [3]]}',
    b'{"instances": ' + b"[" * 100_000,
    b'[{"instance": 1}]',
    b"\xff\xd8\xff",
]:
    try:
        with np.errstate(over="ignore"):
            found = first_try(body).tolist()
    except Exception as error:
        found = f"{type(error).__name__}: the client reads 500, and the server's log fills up"
    print(body.decode("utf-8", "replace")[:40].ljust(42), found)

# %% [markdown]
# The first four reach the model and become an answer; the others look like faults of the server.
#
# **The repair.** `read_request(body, shape, max_examples)`, for a model that takes examples of `shape`
# (a tuple such as `(28, 28, 1)`, `(2,)` or `()`, which is a number), gets *any* bytes. It returns an
# array $(n, \text{shape})$ of float32, or raises `RequestError` with a sentence that says what is wrong, and
# never anything else. It accepts the body if
#
# 1. it is UTF-8, and JSON. `NaN` and `Infinity` are no JSON, though Python reads them unless you say
#    `parse_constant=refuse`; nor may it be nested so deeply that Python cannot read it
#    (`RecursionError`);
# 2. it is an object with `"instances"`. `"signature_name"` may stand beside it, nothing else: who writes
#    `"temperature"` should learn that nobody reads it;
# 3. `"instances"` is a list of 1 to `max_examples` examples, each of exactly this shape, of numbers of JSON
#    alone: no text, no `true`, no `null`;
# 4. all of them are finite *as float32*, which ends at about $3.4 \cdot 10^{38}$.
#
# A client can only mend what is told. Which example is wrong, and what would be right? The tests see
# that `RequestError` comes; that its sentence helps is for you to see.


# %% {answer q5}
def read_request(body, shape, max_examples):
    """Bytes -> float32 (n, *shape); raises RequestError for everything that is not as it should be."""
    ### BEGIN SOLUTION
    try:
        request = json.loads(body.decode("utf-8"), parse_constant=refuse)
        found = np.array(request["instances"], dtype=object)
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise RequestError(f"wanted a JSON object with instances: {error}") from None
    if unknown := request.keys() - {"instances", "signature_name"}:
        raise RequestError(f"nobody reads {min(unknown)!r}")
    if found.ndim != 1 + len(shape) or found.shape[1:] != shape:
        raise RequestError(f"every example must have the shape {shape}")
    if not 1 <= len(found) <= max_examples:
        raise RequestError(f"a request takes 1 to {max_examples} examples; got {len(found)}")
    largest = np.finfo("float32").max.item()
    if any(type(x) not in (int, float) or abs(x) > largest for x in found.flat):
        raise RequestError("wanted numbers that float32 can hold: no text, true, or null")
    return found.astype("float32")
    ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5):
    check.close(
        "two examples of two numbers",
        read_request(b'{"instances": [[0.5, 2], [-3, 4e1]]}', (2,), 8),
        np.array([[0.5, 2], [-3, 40]]),
        hint="an array of float32, one row for each example",
    )
    found = read_request(b' {"signature_name": "x", "instances": [1, 2, 3]}\n', (), 3)
    check.close("three numbers", found, np.array([1, 2, 3]), hint="the shape () is a number")
    check.equal("their type", found.dtype.name, "float32", hint="an array of float32")
    bodies = {
        "NaN": b'{"instances": [[0.1, NaN]]}',
        "1e39": b'{"instances": [[1e39, 0.2]]}',
        "text and true": b'{"instances": [["0.1", true]]}',
        "three numbers in place of two": b'{"instances": [[1, 2, 3], [4, 5, 6]]}',
        "rows of different lengths": b'{"instances": [[1, 2], [3]]}',
        "too deeply nested": b'{"instances": ' + b"[" * 100_000,
        "a list, no object": b'[{"instances": [[1, 2]]}]',
        "no UTF-8": b"\xff\xd8\xff",
        "a key that nobody reads": b'{"instances": [[1, 2]], "temperature": 0.5}',
        "nine examples": b'{"instances": [' + b"[1, 2]," * 8 + b"[1, 2]]}",
    }
    what = iter(bodies)
    for body in bodies.values():
        hint = "raise RequestError yourself, and turn each other exception that may come into one"
        asked = lambda body=body: read_request(body, (2,), 8)  # noqa: E731
        check.raises(next(what), asked, RequestError, hint=hint)

# %% {test q5_hidden 12}
print("Hidden tests: more that strangers send, and other shapes.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=12):

    def sent(seed):
        shape = [(2,), (), (3, 1), (2, 2, 3)][seed % 4]
        return shape, np.random.default_rng(seed).normal(size=(1 + seed // 2, *shape))

    seeds = iter(range(8))
    for shape, numbers in check.given([sent(seed) for seed in range(8)]):
        text = json.dumps({"instances": numbers.tolist(), "signature_name": "x"})
        found = read_request(text.encode(), tuple(shape), 4)
        check.close("what fits", found, sent(next(seeds))[1], hint="any shape", rtol=1e-4)
        check.equal("its type", found.dtype.name, "float32", hint="an array of float32")
    found = read_request(b'{"instances": [[3.4028234e38, -7], [0, 1e-50]]}', (2,), 2)
    check.close("the edge of float32", found, [[3.4028234e38, -7], [0, 0]], hint="it is in")

    def cases():
        wide = '{"instances":[[1,2]]}'.encode("utf-16").decode("latin-1")
        table = f"""
        2|wrong shapes|[[]] [[1]] [[1,2],3] [[[1,2]]] [1,2] [[[1],[2]]] [[1,2],[3,4,5]]
        3,1|wrong shapes|[[1,2,3]] [[[1,2,3]]] [[[1],[2],[[3]]]] [[1],[2],[3]]
        |wrong shapes|[[1]] [[]] {"[" * 900}{"]" * 900}
        2|what is no number|[[1,NaN]] [[1,2],[3,null]] [[Infinity,2]] [[1,-Infinity]]
        3,1|what is no number|[[[1],[2],[false]]] [[[1],[2],[{{}}]]]
        |what is no number|["7"] [true] [null] [{{}}]
        |no list of 1 to max_examples|7 "123" {{"0":1}} [] null [1,2,3,4] true
        |numbers too large|[1e400] [-1e39] [{"9" * 400}] [{"9" * 5000}]
        2|no JSON in UTF-8|! !{"[" * 10**5} !{{"instances":[[1,2]]}}x !{{'instances':[[1,2]]}} !{wide}
        2|wrong keys|!null !7 !"instances" !{{}} !{{"instance":[[1,2]]}} ![[1,2]] ![["instances"]]
        2|wrong keys|!{{"instances":[[1,2]],"inputs":[[1,2]]}} !{{"instances":[[1,2]],"":1}}"""
        for row in table.strip().split("\n"):
            sizes, what, parts = row.strip().split("|")
            shape = tuple(int(n) for n in sizes.split(",") if n)
            for part in parts.split(" "):
                yield what, shape, part[1:] if part[:1] == "!" else f'{{"instances":{part}}}'

    told = cases()
    for shape, text in check.given([case[1:] for case in cases()]):
        body = text.encode("latin-1")
        asked = lambda body=body, s=tuple(shape): read_request(body, s, 3)  # noqa: E731
        hint = "whatever comes: RequestError, and nothing else"
        check.raises(next(told)[0], asked, RequestError, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: is your own model cheaper? (14 points)
#
# "An open model costs less, because you can run it yourself; for a commercial one you pay", says article
# 004 (§1.1). Does it? A service is paid by the **token**. A server is paid by the **hour**, also at night
# when nobody asks; there must be enough of them for the busiest hour; and somebody looks after them.
# The prices below are invented; yours are on your provider's page.


# %% {locked prices}
SERVICE = {"in": 0.5, "out": 1.5}  # dollars for a million tokens read, and written
SERVER = {"hour": 2.0, "tokens per second": 1000, "least": 2, "month": 3000.0}
hours = np.arange(30 * 24)
LOAD = 20 + 180 * np.maximum(0, np.sin((hours % 24 - 7) / 14 * np.pi)) * (hours // 24 % 7 < 5)
plt.figure(figsize=(7, 2))
plt.plot(hours / 24, LOAD)
plt.title("calls per hour, by days")
plt.show()

# %% [markdown]
# Write `compare(load, tokens, service, server)`. `load` $(H,)$ holds the calls in each hour of a month, at
# least one in all; `tokens` is what a call takes on average, (read, written). A server writes so many
# tokens per second at full load (reading takes it next to no time), so $r$ of them can answer in an hour
#
# $$ r \cdot \frac{3600 \cdot \text{tokens per second}}{\text{tokens written per call}} \ \text{ calls.} $$
#
# The busiest hour decides how many there are, but there are never fewer than `"least"`: one may break.
# All are rented for all $H$ hours; `"month"` is what comes on top for people, whatever their number. Return
# the tuple of
#
# 1. what the month costs at the service,
# 2. what it costs on servers, people included,
# 3. the smallest factor by which the whole load would have to be multiplied so that servers cost no more
#    than the service, the **break even**: below 1 if the load might shrink, `np.inf` if no growth helps.
#
# Mind that servers come in whole numbers. With twice the load there may be twice as many. A factor $f$ with $n$
# servers must satisfy two conditions, one about money and one about the busiest hour; which $n$ is the
# first for which both can hold?
#
# Then put in a load and prices of your own: how many people ask your assistant, and when?


# %% {answer q6}
def compare(load, tokens, service, server):
    """(service, own, factor): a month's costs, and when they are equal."""
    ### BEGIN SOLUTION
    read, written = tokens
    paid = np.sum(load) * (read * service["in"] + written * service["out"]) / 1e6
    needed = np.max(load) * written / (3600 * server["tokens per second"])
    month, people = len(load) * server["hour"], server["month"]
    own = max(server["least"], np.ceil(needed)) * month + people
    saved = paid / needed - month  # by each server that is busy in the busiest hour
    first = np.ceil(people / saved) if saved > 0 else np.inf
    return paid, own, (max(server["least"], first) * month + people) / paid
    ### END SOLUTION


# %% {test q6_visible 5}
with check.question("q6_visible", points=5):
    # 10 million calls, 1 token each way: 10 dollars in, 20 out; up to 7 million in an hour
    load = np.array([7e6, 3e6, 0, 0])
    rented = {"hour": 1.0, "tokens per second": 1000, "least": 1, "month": 2.0}
    found = compare(load, (1, 1), {"in": 1.0, "out": 2.0}, rented)
    check.close("10 million calls at the service", found[0], 30, hint="prices per million tokens")
    hint = "two servers, since one can answer 3.6 million calls an hour; all hours, and the people once"
    check.close("two servers for four hours", found[1], 10, hint=hint)
    hint = "a fifth of the load is 1.4 million calls in the busiest hour: one server is enough"
    check.close("break even", found[2], 6 / 30, hint=hint)
    found = compare(load, (1, 1), {"in": 1.0, "out": 2.0}, rented | {"month": 40.0})[2]
    hint = (
        "four servers cost 16; with two or three, the load that pays for them is too much for them"
    )
    check.close("break even with people for 40", found, 56 / 30, hint=hint)
    found = compare(load, (1, 1), {"in": 0.1, "out": 0.1}, rented | {"hour": 5.0})[2]
    hint = "a full server saves about 1 dollar, and costs 20: more of them only lose more"
    check.close("break even at a cheap service", found, np.inf, hint=hint)

# %% {test q6_hidden 9}
print("Hidden tests: other loads and prices; against trying all numbers of servers.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=9):

    def month_of(seed):
        dice = np.random.default_rng(seed)
        load = dice.poisson(dice.uniform(10, 3000) * dice.exponential(size=dice.integers(24, 745)))
        server = {"hour": dice.uniform(0.2, 4), "tokens per second": int(dice.integers(100, 3000))}
        server |= {"least": int(dice.integers(1, 4)), "month": float(dice.integers(0, 3) * 10_000)}
        prices = {"in": dice.uniform(0.1, 3), "out": dice.uniform(0.3, 15)}
        return load, [int(n) for n in dice.integers(50, 3000, size=2)], prices, server

    def by_trying(load, tokens, prices, server):
        at_service = sum(load) * (tokens[0] * prices["in"] + tokens[1] * prices["out"]) / 1e6
        per_hour = 3600 * server["tokens per second"] / tokens[1]
        own = lambda n: n * server["hour"] * len(load) + server["month"]  # noqa: E731
        costs = at_service, own(max(server["least"], -int(-max(load) // per_hour)))
        for n in range(server["least"], 5_000):
            factor = own(n) / at_service
            if factor * max(load) <= n * per_hour:
                return *costs, factor
        return *costs, np.inf

    seeds = iter(range(60, 84))
    for load, tokens, prices, server in check.given([month_of(seed) for seed in range(60, 84)]):
        found = compare(load, tokens, prices, server)
        wanted = by_trying(*month_of(next(seeds)))
        hint = "the busiest hour decides, whole servers, and never fewer than least"
        check.close("costs", found[:2], wanted[:2], hint=hint, rtol=1e-4)
        hint = "n servers and the people for the factor times the service's price; and n servers "
        hint += "are enough for the busiest hour times this factor"
        check.close("break even", found[2], wanted[2], hint=hint, rtol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: names for bad pictures (15 points)
#
# Now train. The network gets OpenMoji's drawings with their names, and must name *photographs* of
# them: turned, moved, larger or smaller, in coloured light, and with noise. `photographed(images, seed)`
# takes one of each drawing, and with another seed another one. Each question comes with a list of
# names, and the answer is the one that fits best. Two rivals learn nothing: they look for the nearest
# picture by pixels, among the drawings, or among ten photographs of each.


# %% {locked photographed}
def photographed(images, seed):
    """Drawings (N, 64, 64, 3) -> one photograph of each, (N, 32, 32, 3) of uint8."""
    dice, photos = np.random.default_rng(seed), []
    for image in images:
        angle, size = np.radians(dice.uniform(-15, 15)), 2 * dice.uniform(0.85, 1.2)
        cos, sin, (right, down) = (
            size * np.cos(angle),
            size * np.sin(angle),
            dice.uniform(13, 19, 2),
        )
        places = (cos, sin, 32 - cos * right - sin * down, -sin, cos, 32 + sin * right - cos * down)
        how = {"resample": Image.Resampling.BILINEAR, "fillcolor": "white"}
        photo = Image.fromarray(image).transform((32, 32), Image.Transform.AFFINE, places, **how)
        photo = np.asarray(photo) * dice.uniform(0.6, 1, 3) + dice.normal(0, 20, (32, 32, 3))
        photos.append(np.clip(photo, 0, 255).astype("uint8"))
    return np.stack(photos)


def nearest(photos, pictures):
    """(M,): for each photograph the number of the nearest picture."""
    a, b = (np.reshape(x, (len(x), -1)) / 255 for x in (photos, pictures))
    return np.argmin(np.square(b).sum(axis=1) - 2 * a @ b.T, axis=1)


# %% {locked album}
drawings, drawn_names, _ = emoji("train[:400]", "en")
album, order = photographed(drawings, 70), np.random.default_rng(7).permutation(400)
many = np.concatenate([photographed(drawings, seed) for seed in range(10)])
for rival, found in {
    "nearest drawing": nearest(album, shrunk(drawings)),
    "nearest of 4,000 photographs": nearest(album, many) % 400,
}.items():
    print(f"{rival}: right for a share of {measured(np.mean(found == np.arange(400))):.2f}")
figure, axes = plt.subplots(2, 8, figsize=(9, 3))
for i in range(8):
    axes[0, i].imshow(drawings[i])
    axes[1, i].imshow(album[i])
    axes[0, i].set_title(drawn_names[i].replace(" ", "\n"), fontsize=7)
for axis in axes.ravel():
    axis.axis("off")
plt.show()


# %% {locked text_side}
def text_side(names):
    """A function from names to ids of their words and characters, and a text encoder for these."""
    pieces = lambda names: [[*name.lower().split(), *name.lower()] for name in names]  # noqa: E731
    vocabulary = Vocabulary.build(pieces(names))
    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(len(vocabulary), 128, mask_zero=True)(ids)
    encoder = keras.Model(ids, keras.layers.GlobalAveragePooling1D()(vectors))
    return lambda names: vocabulary.encode(pieces(names)).numpy(), encoder


# %% [markdown]
# Write `train(images, names, seed)`. It trains on drawings `images` $(N, 64, 64, 3)$ with $N$ different
# `names`, and returns a *function* from photographs $(M, 32, 32, 3)$ of uint8 and a list of $K$ of these
# names, in any order, to an array $(M,)$: for each photograph the number of its name in the list, from
# 0. The right name is always among them. Set Keras's random numbers with `seed` first.
#
# - `to_ids, texts = text_side(names)` is the side of the names. `multimodal.CLIP(pictures, texts)` joins
#   it with an image encoder, a `keras.Model(inputs, outputs)` from pictures to vectors of any size;
#   `multimodal.ContrastiveLoss` is its loss, and `similarity` gives its cosines. A classifier without
#   texts is allowed, too.
# - What a picture shows depends on what is *where* in it: `Flatten` keeps that, a mean over all places
#   does not.
# - A network that sees drawings only, knows drawings. And one that sees the same photographs again and
#   again learns their noise.
# - CLIP's temperature is learned, but begins at 0.07, where the loss soon is small and teaches little.
#   What does 0.2 do? Pixels go from 0 to 255.
# - Twenty seconds of training are enough; a grader stops any cell after 120.
#
# **The bar.** The share of right answers among $M$ photographs,
#
# $$ \frac1M \sum_{i=1}^{M} \bigl[\, \hat y_i = y_i \,\bigr], $$
#
# must be 75 % for new photographs of these drawings (the visible test), and 75 % for a network trained once
# more, on other emoji with Chinese names (the hidden test).


# %% {answer q7}
def train(images, names, seed):
    """A trained function: photographs and a list of names -> the number of each one's name."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    x = image = keras.Input((32, 32, 3))
    for filters in (16, 32, 64):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(keras.layers.MaxPooling2D()(x))
    to_ids, texts = text_side(names)
    pictures = keras.Model(image, keras.layers.Flatten()(x))
    model = multimodal.CLIP(pictures, texts, temperature=0.2)
    model.compile("adam", multimodal.ContrastiveLoss())
    for epoch in range(40):
        pairs = photographed(images, [seed, epoch]) / 255, to_ids(names)
        model.fit(pairs, np.arange(len(names)), batch_size=64, verbose=0)
    return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=1)
    ### END SOLUTION


# %% {test q7_visible 5}
with check.question("q7_visible", points=5):
    find = train(drawings, drawn_names, seed=1)
    check.accuracy(
        "new photographs of these drawings",
        find(photographed(drawings[order], 71), drawn_names),
        order,
        at_least=0.75,
        hint="Does the loss fall? If so, what does the network see in each epoch: new photographs?",
    )

# %% {test q7_hidden 10}
print("Hidden tests: trained once more, with Chinese names; fewer names, one photograph at a time.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=10):

    def names_of(numbers):
        known = emoji("validation+test", "zh")[1]
        turn = np.random.default_rng(72).permutation(len(known))
        return [known[turn[i]] for i in numbers]

    def mixed():
        return np.random.default_rng(74).permutation(400)[:350]

    others = emoji("validation+test", "zh")[0][:400]
    other = train(others, check.given(names_of(range(400))), seed=2)
    asked = check.given(names_of(sorted(mixed())))
    photos_q7 = check.given(photographed(emoji("validation+test", "zh")[0][mixed()], 73))
    found = other(photos_q7, asked)
    told = np.argsort(np.argsort(mixed()))
    hint = "learn from what is given; the number of the name in the list that is asked about"
    check.accuracy("other emoji, Chinese names", found, told, at_least=0.75, hint=hint)
    hint = "an answer may not depend on the other photographs of the list"
    found = [np.asarray(other(photos_q7[i : i + 1], asked))[0] for i in range(40)]
    check.accuracy("one at a time", found, told[:40], at_least=0.65, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# **Look.** Add cells of your own. Which photographs are taken for which, and would you have known? Ask
# about photographs of `emoji("test", "en")` with *their* names, which the network has never seen: how
# much better than a guess is it? CLIP is famous for that, but it saw 400 million pairs. And last,
# photograph something yourself, or draw it, on white: `Image.open(path).convert("RGB").resize((32, 32))`.
# What does the network call it?
#
# ## How far are you?
#
# The next cell sums up what the visible tests say. If you changed something above, restart the
# kernel and run everything once more before you hand in: that is what a grader does.

# %% {locked summary}
check()

# %% [markdown]
# ## References
#
# - <a id="hoffmann2022"></a>Jordan Hoffmann, Sebastian Borgeaud, Arthur Mensch, Elena Buchatskaya,
#   Trevor Cai, Eliza Rutherford, and others. *Training Compute-Optimal Large Language Models*. NeurIPS, 2022.
# - <a id="kaplan2020"></a>Jared Kaplan, Sam McCandlish, Tom Henighan, Tom B. Brown, and others. *Scaling
#   Laws for Neural Language Models*. arXiv 2001.08361, 2020.
# - <a id="radford2021clip"></a>Alec Radford, Jong Wook Kim, Chris Hallacy, Aditya Ramesh, Gabriel Goh, and
#   others. *Learning Transferable Visual Models From Natural Language Supervision*. ICML, 2021.
