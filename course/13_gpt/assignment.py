# ---
# jupyter:
#   aimodels:
#     title: "Assignment: GPT"
#     minutes: 150
#     repairs: [001-1.4.3]
#     limits: {cell: 120, total: 300, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: GPT
#
# You measure a language model in three units, choose its tokens and draw them, repair the GPT of
# article 001, let attention read with a cache, learn byte pairs from real articles and cut up texts
# of your own, and at the end train a small GPT that must find out by itself in which order a secret
# alphabet stands.
#
# **About 150 minutes**, in two or three sittings if you like. **100 points.** **Repairs:** article
# 001 §1.4.3.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. Where a
# question says *in NumPy* or *in Python*, write it yourself. Elsewhere you may use what Keras and
# `aimodels` offer. No function may change the arrays and lists that it is given.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
import collections
import itertools
import re

import keras
import numpy as np
from keras import layers

from aimodels import data
from aimodels.course import check
from aimodels.decoding import generate
from aimodels.gpt import GPT
from aimodels.layers import MultiHeadAttention, PositionEmbedding, TransformerBlock
from aimodels.train import warmup_cosine

# %% [markdown]
# ## Question 1: three units of surprise (12 points)
#
# The lesson warned: do not compare the perplexities of two models that have different tokens. A
# model with large tokens has fewer of them to guess, but each one is harder. So one counts **bits
# for each byte** of the text: all the surprise, divided by all the bytes. The natural logarithm
# gives the surprise in *nats*; one bit is $\ln 2$ nats.
#
# Let $M$ be the tokens that count, $p_i$ the probability that the model gave to the right one, and
# $b_i$ its length in bytes:
#
# $$ L = -\frac{1}{|M|} \sum_{i \in M} \ln p_i, \qquad
#    \mathrm{perplexity} = e^L, \qquad
#    \mathrm{bits\ per\ byte} = \boxed{\;?\;} $$
#
# The box is yours. Write `measure(logits, labels, counted, num_bytes)` in NumPy. It returns the
# tuple (loss, perplexity, bits per byte), three numbers.
#
# - `logits`: $(N, T, V)$; `labels`: $(N, T)$, the token that is right at the same place. You need
#   not shift anything here.
# - `counted`: $(N, T)$, `True` where the place counts; at least one does. At other places the label
#   may be any number, such as $-100$, which is no token at all.
# - `num_bytes`: $(V)$, the length of each token of the vocabulary.
# - Logits may be as large as $\pm 10\,000$. The loss is never so large.


# %% {answer q1}
def measure(logits, labels, counted, num_bytes):
    """(loss, perplexity, bits per byte) of the places that count."""
    ### BEGIN SOLUTION
    z, right = logits[counted], labels[counted]
    z = z - z.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
    loss = surprise.mean()
    return loss, np.exp(loss), surprise.sum() / np.log(2) / num_bytes[right].sum()
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    logits = np.log([[[4.0, 2, 2], [2, 1, 1], [1, 1, 6], [9, 1, 1]]])
    labels = np.array([[0, 2, 1, 0]])
    counted = np.array([[True, True, True, False]])
    loss, perplexity, bits = measure(logits, labels, counted, np.array([2, 1, 1]))
    check.close(
        "the loss of three tokens with probabilities 1/2, 1/4, 1/8",
        loss,
        2 * np.log(2),
        hint="softmax over the last axis, minus the logarithm, a mean over the three that count",
    )
    check.close(
        "the perplexity", perplexity, 4, hint="e to the loss: the loss is a natural logarithm"
    )
    check.close(
        "bits per byte",
        bits,
        6 / 4,
        hint="1 + 2 + 3 bits in all; the right tokens that count have 2 + 1 + 1 bytes in all",
    )

# %% {test q1_hidden 8}
print("Hidden tests: several rows, labels that are no tokens, tokens of any length, large logits.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):

    def place_by_place(logits, labels, counted, num_bytes):
        nats, bytes_read = [], 0
        for place in zip(*np.nonzero(counted), strict=True):
            nats.append(np.logaddexp.reduce(logits[place]) - logits[place][labels[place]])
            bytes_read += num_bytes[labels[place]]
        return np.mean(nats), np.exp(np.mean(nats)), sum(nats) / np.log(2) / bytes_read

    rng = np.random.default_rng(131)
    over_all = (
        "one mean over all the places that count, whichever row they are in; look nowhere else: "
        "at the other places the label may be no token"
    )
    units = "all bits, divided by all bytes of the right tokens that count: no mean of quotients"
    large = "exp of a large logit overflows: subtract the largest one of each place before"
    small = "a right token may be as good as impossible: take the logarithm without adding anything"
    sizes = [(1, 6, 4), (3, 5, 7), (4, 8, 30), (3, 4, 9), (3, 8, 5)]
    for (N, T, V), offset, spread in zip(sizes, [0, 0, 0, 1e4, 0], [1, 1, 1, 1, 30], strict=True):
        logits = rng.normal(0, spread, (N, T, V)) + offset * np.sign(rng.normal(size=(N, T, 1)))
        labels, num_bytes = rng.integers(V, size=(N, T)), rng.integers(1, 9, size=V)
        counted = rng.random((N, T)) < 0.6
        counted[0], counted[-1, 1:] = np.arange(T) < 3, False
        counted[-1, 0] = True
        labels[~counted] = rng.choice([-100, -1, 0, 999], size=(~counted).sum())
        given = logits, labels, counted, num_bytes
        before = [array.copy() for array in given]
        loss, perplexity, bits = measure(*given)
        wanted = place_by_place(*before)
        hint = large if offset else small if spread > 1 else over_all
        check.close("the loss", loss, wanted[0], hint=hint)
        check.close("the perplexity", perplexity, wanted[1], hint="of the one mean loss")
        check.close("bits per byte", bits, wanted[2], hint=units)
        check.equal("the logits that you got", logits, before[0], hint="`z -= …` changes them")
        check.equal("the labels that you got", labels, before[1], hint="work on a copy")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: what may be chosen (14 points)
#
# The lesson's `choices` took one row, and we used one control at a time. Now you write it for a
# batch, with all controls at once, as `generate` works. There the order makes a difference:
#
# 1. the logits are divided by the **temperature** $\tau$;
# 2. **top-k**: only the $k$ largest logits stay. Of equal ones the smaller id comes first, so that
#    there are never more than $k$;
# 3. the softmax of what stays: probabilities that sum to 1;
# 4. **top-p**: the most probable ones of *these*, as few as reach `top_p` together. The token that
#    reaches it stays, and so the first one always does. Of equal ones, again, the smaller id first;
# 5. what stays now sums to 1 again.
#
# Write `choices(logits, temperature=1.0, top_k=None, top_p=1.0)` in NumPy: from logits $(B, V)$ to
# probabilities $(B, V)$, exactly 0 for each token that may not be chosen.
#
# - `temperature` 0 is greedy: all the probability for the largest logit; of equal ones, for the
#   smallest id. It may also be very small, such as 0.001.
# - `top_k=None` takes nothing away, nor does a `top_k` above $V$. `top_p` is above 0 and at most 1;
#   1 takes nothing away.
# - Logits may be as large as $\pm 10\,000$.


# %% {answer q2}
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    """The probabilities (B, V) that a token is drawn with."""
    ### BEGIN SOLUTION
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp((z - z[:, :1]) / temperature)
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    if top_p < 1:
        p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result
    ### END SOLUTION


# %% {test q2_visible 5}
with check.question("q2_visible", points=5):
    logits = np.log([[1.0, 4, 2, 3], [5, 1, 1, 3]])
    check.close(
        "temperature 0.5",
        choices(logits, temperature=0.5),
        np.array([[1 / 30, 16 / 30, 4 / 30, 9 / 30], [25 / 36, 1 / 36, 1 / 36, 9 / 36]]),
        hint="divide the logits, not the probabilities: with 0.5 each probability is squared, and "
        "then the row must sum to 1",
    )
    check.close(
        "top-k of 2",
        choices(logits, top_k=2),
        np.array([[0, 4 / 7, 0, 3 / 7], [5 / 8, 0, 0, 3 / 8]]),
        hint="each row has its own two; every token stays at its own place, and the row sums to 1",
    )
    check.close(
        "top-p of 0.6",
        choices(logits, top_p=0.6),
        np.array([[0, 4 / 7, 0, 3 / 7], [5 / 8, 0, 0, 3 / 8]]),
        hint="0.4 is not enough, 0.4 + 0.3 is: the token that reaches 0.6 stays. In the second "
        "row the first one has 0.5",
    )
    check.close(
        "top-p of 0.1",
        choices(logits, top_p=0.1),
        np.array([[0, 1, 0, 0], [1, 0, 0, 0]]),
        hint="the most probable token stays, however small top_p is",
    )

# %% {test q2_hidden 9}
print("Hidden tests: several controls at once, many equal logits, large ones, temperature 0.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=9):

    def one_row(z, temperature, top_k, top_p):
        ids = sorted(range(len(z)), key=lambda v: (-z[v], v))
        ids = ids[: 1 if temperature == 0 else top_k]
        odds = [np.exp((z[v] - z[ids[0]]) / (temperature or 1)) for v in ids]
        total, so_far, found = sum(odds), 0, np.zeros(len(z))
        for v, odd in zip(ids, odds, strict=True):
            if top_p == 1 or so_far < top_p * total:
                found[v] = odd
            so_far += odd
        return found / found.sum()

    rng = np.random.default_rng(132)
    hints = {
        "small temperatures": "they make small differences large: only 0 is greedy",
        "improbable tokens": "a token that may be drawn keeps its probability, however small",
        "all controls together": "temperature; top-k; softmax; top-p on these probabilities",
        "equal logits": "of equal ones the smaller id comes first: is your way of sorting stable?",
        "large logits": "subtract the largest logit of each row before exp",
        "temperature 0": "no division: 1 for the largest logit, and of equal ones for the first",
    }
    cases = [(1, x) for x in [(0.7, 6, 0.8), (1.6, 9, 0.5), (2, 5, 0.9), (0.5, 99, 0.7)]]
    cases += [(0, x) for x in [(1.0, 7, 1.0), (2.0, None, 0.4), (0.8, 15, 0.6), (0, 5, 0.9)]]
    cases += [(0, (0.0, None, 1.0)), (8000, (1.0, 3, 0.9)), (8000, (0.001, None, 1.0))]
    cases += [(1e-3, (0.001, None, 1.0)), (1e-5, (1e-5, 9, 0.8)), (15, (1.0, None, 1.0))]
    kinds = dict(zip([15, 1, 0, 8000], [*hints][1:], strict=False))
    for size, controls in [*cases, (1, (3.0, None, 0.6))]:
        name = kinds.get(size, "small temperatures") if controls[0] else "temperature 0"
        logits = rng.integers(4, size=(5, 40)) * min(1, 1000 * size or 1)
        logits = logits + size * rng.normal(size=(5, 40))
        before = logits.copy()
        found = choices(logits, *controls)
        wanted = np.array([one_row(row, *controls) for row in before])
        check.close(name, found, wanted, hint=hints[name], rtol=1e-4, atol=1e-300)
        check.close("the logits that you got", logits, before, hint="make new arrays")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: not again, and then the die (12 points)
#
# A model that likes to repeat itself is helped by a **repetition penalty** $r$: tokens that stand in
# the text already become less likely. A logit may be positive or negative, and dividing a negative
# one by 2 makes it *more* likely. So:
#
# $$ z_v \leftarrow \begin{cases} z_v / r & z_v > 0 \\ z_v \cdot r & z_v \le 0 \end{cases}
#    \qquad \text{for each } v \text{ in the text} $$
#
# And how is a token drawn? The computer gives a number $u$ from 0 to below 1. Lay the probabilities
# side by side on a line: token $v$ owns the piece from $p_0 + \dots + p_{v-1}$, which still belongs
# to it, to $p_0 + \dots + p_v$, which no longer does. The token whose piece holds $u$ is drawn.
#
# Write in NumPy:
#
# - `penalised(logits, ids, penalty)`: logits $(B, V)$ after the penalty. `ids` is $(B, T)$, each
#   row's own text, with $-1$ where there is no token. How often a token stands there makes no
#   difference.
# - `draw(p, uniform)`: an id for each row, $(B)$, from `p` $(B, V)$ and `uniform` $(B)$. A token
#   with probability 0 is never drawn. Computers round, so a row of `p` may sum to a little less or
#   more than 1: then the line is that long, and $u$ is a share of *its* length.


# %% {answer q3}
def penalised(logits, ids, penalty):
    """Logits (B, V) in which the tokens of each row's text are less likely."""
    ### BEGIN SOLUTION
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, logits * np.where(logits > 0, 1 / penalty, penalty), logits)
    ### END SOLUTION


def draw(p, uniform):
    """The ids (B,) whose pieces hold the numbers `uniform`."""
    ### BEGIN SOLUTION
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)
    ### END SOLUTION


# %% {test q3_visible 4}
with check.question("q3_visible", points=4):
    logits = np.array([[3.0, 1, -2, 0.5], [3, 1, -2, 0.5]])
    check.close(
        "two texts, penalty 2",
        penalised(logits, np.array([[0, 2], [3, 3]]), 2.0),
        np.array([[1.5, 1, -4, 0.5], [3, 1, -2, 0.25]]),
        hint="a positive logit is divided, a negative one multiplied, so that both become smaller; "
        "only those of the row's own text, and each of them once",
    )
    p = np.array([[0.25, 0.5, 0.25]])
    check.equal(
        "drawn with 0.1, 0.25, 0.7 and 0.8",
        draw(np.repeat(p, 4, axis=0), np.array([0.1, 0.25, 0.7, 0.8])),
        np.array([0, 1, 1, 2]),
        hint="the pieces end at 0.25, 0.75 and 1; an end belongs to the next piece",
    )

# %% {test q3_hidden 8}
print("Hidden tests: any sizes, texts with gaps, impossible tokens, sums that are not quite 1.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=8):

    def token_by_token(logits, ids, penalty):
        wanted = logits.copy()
        for b, row in enumerate(ids):
            for v in set(row.tolist()) - {-1}:
                wanted[b, v] = min(logits[b, v] / penalty, logits[b, v] * penalty)
        return wanted

    rng, dice = np.random.default_rng(133), np.random.default_rng(134)
    texts = "each row has its own text; once is enough; -1 is no token, in particular not the last"
    line = (
        "multiply u by the sum of its row; a token is drawn if its piece ends behind u, and the "
        "one before does not: a piece of length 0 holds nothing, also at the two ends of the line"
    )
    for B, T, V, penalty in [(3, 5, 8, 1.3), (4, 12, 6, 3.0), (2, 1, 50, 1.1), (5, 7, 9, 2.0)]:
        logits, ids = 4 * rng.normal(size=(B, V)), rng.integers(-1, V - 1, size=(B, T))
        before = logits.copy()
        found = penalised(logits, ids, penalty)
        check.close("any texts", found, token_by_token(before, ids, penalty), hint=texts)
        check.close("the logits that you got", logits, before, hint="make a new array")
        p = dice.random((200, V)) * (dice.random((200, V)) < 0.5)
        p[:, 0], p[:, -1], p[:, 1] = 0, 0, p[:, 1] + 0.01
        p = p / p.sum(axis=-1, keepdims=True) * dice.choice([0.999, 1, 1.001], size=(200, 1))
        uniform = np.where(np.arange(200) % 4 == 0, 0.0, dice.random(200))
        uniform[1::4] = 0.9999
        ends = [np.add.accumulate(row) / row.sum() for row in p]
        wanted = [np.flatnonzero(e > u)[0] for e, u in zip(ends, uniform, strict=True)]
        numbers = [p.copy(), uniform.copy()]
        check.equal("any numbers", draw(p, uniform), np.array(wanted), hint=line)
        check.equal("the arrays that you got", [p, uniform], numbers, hint="make new ones")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: repair the GPT of article 001 (18 points)
#
# Article 001 §1.4.3 calls a ready-made encoder layer of PyTorch a GPT. Its lines do not run. Mended,
# they run, and are wrong in ways that no error message tells. There is always **one layer**; the
# number of layers stands where the **width between the two dense layers** is wanted. There are no
# **token vectors** and no **positions**, and nothing makes **logits** of what comes out. And each
# place looks at all others: there is no **causal mask**. Before you run the next cell, say what
# follows. If the last token changes, do the vectors of the places before it change? If all tokens
# but the last are shuffled, does the last one's vector change?


# %% {locked article}
rng = np.random.default_rng(3)
attention, table = MultiHeadAttention(2, 4), rng.normal(size=(9, 8)).astype("float32")


def article(ids):  # as if it had token vectors, at least
    x = table[ids]
    return (x + attention(x, x)).numpy()


text = np.array([[4, 1, 7, 2, 5]])
other_last, shuffled = np.array([[4, 1, 7, 2, 8]]), np.array([[2, 7, 4, 1, 5]])
change = np.abs(article(other_last) - article(text))[0, :-1].max()
print("the last token changes, so those before it change:", change > 0.01)
change = np.abs(article(shuffled) - article(text))[0, -1].max()
print("the others are shuffled, so the last one changes:", change > 0.01)

# %% [markdown]
# Make it right. Write two functions.
#
# `build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length)` returns a
# `keras.Model` from ids $(B, T)$ to logits $(B, T, V)$ of each next token, for up to
# `max_sequence_length` tokens. The tests give its layers weights, by name, and look at what comes
# out. So each layer has a name; $n$ counts the blocks from 1.
#
# | name | layer |
# |---|---|
# | `tokens` | `layers.ReversibleEmbedding`: `tokens(ids)` and, at the end, `tokens(x, reverse=True)` |
# | `places` | `PositionEmbedding` of `aimodels.layers`, learned |
# | `block`$n$ | `TransformerBlock`, $4D$ wide between its dense layers, with relu |
# | `norm` | `layers.LayerNormalization` with `epsilon=1e-5` |
#
# $$ h_0 = E x + P, \qquad h_n = \mathrm{block}_n(h_{n-1}), \qquad z = \mathrm{norm}(h_L)\,E^\top $$
#
# As in the lesson, each block is causal and normalises first. No dropout. (`GPT` of `aimodels` has
# other names, and another function between the dense layers.)
#
# `next_token_loss(model, ids)` returns the mean cross-entropy, a number. `ids` is $(B, T + 1)$: the
# model reads all tokens but the last, and must say all but the first. A label 0 is padding and does
# not count: take the mean over all others of the batch. Padding stands behind, so a causal model
# needs no mask for it. `model` is anything that can be called with ids and gives logits.


# %% {locked draw_arrays}
def draw_arrays(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length, seed):
    """For each layer's name its arrays: random numbers, in the right shapes."""
    block = TransformerBlock(num_heads, 4 * hidden_dim)
    block.build((None, None, hidden_dim))
    shapes = {
        "tokens": [(vocabulary_size, hidden_dim)],
        "places": [(max_sequence_length, hidden_dim)],
    }
    for n in range(1, num_layers + 1):
        shapes[f"block{n}"] = [weights.shape for weights in block.get_weights()]
    shapes["norm"] = [(hidden_dim,), (hidden_dim,)]
    dice = np.random.default_rng(seed)
    return {name: [dice.normal(0, 0.5, s) for s in sizes] for name, sizes in shapes.items()}


def load(model, arrays):
    for name, values in arrays.items():
        model.get_layer(name).set_weights(values)
    return model


def weight_shapes(model, arrays):
    """Whether it is a keras.Model, its named layers' shapes, and how many numbers it has in all."""
    named = {name: model.get_layer(name).get_weights() for name in arrays}
    shapes = {name: [np.shape(w) for w in weights] for name, weights in named.items()}
    return issubclass(type(model), keras.Model), shapes, model.count_params()


# %% {answer q4}
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    """A model: ids (B, T) -> logits (B, T, V) of each next token."""
    ### BEGIN SOLUTION
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    kind = {"use_causal_mask": True, "normalize_first": True}
    for n in range(1, num_layers + 1):
        x = TransformerBlock(num_heads, 4 * hidden_dim, name=f"block{n}", **kind)(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))
    ### END SOLUTION


def next_token_loss(model, ids):
    """Mean cross-entropy of each token from those before it; the label 0 does not count."""
    ### BEGIN SOLUTION
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))
    ### END SOLUTION


# %% {test q4_visible 6}
with check.question("q4_visible", points=6):
    arrays = draw_arrays(9, 8, 2, 1, 6, seed=1)
    model = load(build_gpt(9, 8, 2, 1, 6), arrays)
    ids = np.array([[5, 1, 7, 2, 8, 3], [4, 4, 6, 1, 2, 5]])
    other = np.array([[5, 1, 7, 2, 1, 6], [4, 4, 6, 1, 3, 8]])
    check.close(
        "no look ahead: the last two tokens change, the logits of the first four do not",
        np.asarray(model(other))[:, :4] - np.asarray(model(ids))[:, :4],
        np.zeros((2, 4, 9)),
        atol=1e-4,
        hint="an argument of TransformerBlock says that a place sees only itself and those before",
    )
    shapes = {name: [v.shape for v in values] for name, values in arrays.items()}
    numbers = sum(v.size for values in arrays.values() for v in values)
    check.equal(
        "a keras.Model, the shapes of its layers' weights, how many numbers they are",
        weight_shapes(model, arrays),
        (True, shapes, numbers),
        hint="`keras.Model(inputs, outputs)`; layers with the names in the table, and no others",
    )
    check.close(
        "one block: the logits behind the last token of the first text",
        np.asarray(model(ids))[0, -1],
        [-1.477, 0.595, 0.172, 0.416, 1.453, -0.150, 0.034, -0.476, 2.269],
        atol=2e-3,
        hint="token vectors and positions; blocks that normalise first; `norm`; then the product "
        "with all token vectors, by the same layer as at the beginning",
    )
    logits = np.log([[1.0, 1, 2, 4], [1, 1, 5, 1], [1, 4, 1, 2], [2, 1, 1, 4]])
    check.close(
        "the loss of a model that knows pairs",
        next_token_loss(lambda ids: logits[ids], np.array([[1, 2, 3]])),
        -(np.log(5 / 8) + np.log(2 / 8)) / 2,
        hint="it reads 1 and must say 2, for which it has the probability 5/8; it reads 2 and must "
        "say 3, 2/8. What comes out of the model are logits, not probabilities",
    )

# %% {test q4_hidden 12}
print("Hidden tests: other sizes, several blocks, long and short texts; a loss with padding.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=12):

    def last_places(ids, arrays, num_heads):  # each as the last one: there is nothing behind it
        [table], [places], norm = arrays["tokens"], arrays["places"], arrays["norm"]
        x = (table[ids] + places[: ids.shape[1]]).astype("float32")
        for name in sorted(arrays.keys() - {"tokens", "places", "norm"}):
            block = TransformerBlock(num_heads, 4 * x.shape[-1], normalize_first=True)
            block.build(x.shape)
            block.set_weights(arrays[name])
            x = np.stack([np.asarray(block(x[:, : t + 1]))[:, t] for t in range(ids.shape[1])], 1)
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return (x * norm[0] + norm[1]) @ table.T

    def label_by_label(table, ids):
        log_p = table - np.logaddexp.reduce(table, axis=-1, keepdims=True)
        pairs = zip(ids[:, :-1].flat, ids[:, 1:].flat, strict=True)
        return -np.mean([log_p[a, b] for a, b in pairs if b])

    dice = np.random.default_rng(136)
    built = "a keras.Model of these layers, and of no others"
    for V, D, N, blocks, longest in [(12, 6, 3, 3, 9), (30, 16, 4, 1, 5), (7, 10, 1, 2, 40)]:
        arrays = draw_arrays(V, D, N, blocks, longest, seed=V)
        model = load(build_gpt(V, D, N, blocks, longest), arrays)
        shapes = {name: [v.shape for v in values] for name, values in arrays.items()}
        numbers = sum(v.size for values in arrays.values() for v in values)
        found = weight_shapes(model, arrays)
        check.equal("its layers' weights", found, (True, shapes, numbers), hint=built)
        ids = np.random.default_rng(D).integers(V, size=(2, 5))
        hint = "num_layers blocks, each with weights of its own, one behind the other; a table of "
        hint += "max_sequence_length places; heads, widths: the arguments; 0 is a token like others"
        wanted = last_places(ids, arrays, N)
        check.close(
            "several blocks", model(ids, training=True), wanted, rtol=1e-4, atol=1e-3, hint=hint
        )
        table, ids = 3 * dice.normal(size=(V, V)), dice.integers(1, V, size=(4, 7))
        ids[np.arange(7) >= np.array([[7], [5], [3], [2]])] = 0
        found = next_token_loss(lambda ids, table=table: table[ids[:, :6]], ids)
        wanted = label_by_label(table, ids)
        hint = "it reads all but the last; one mean over all labels of the batch that are not 0"
        check.close("the loss, with padding", found, wanted, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: read on (16 points)
#
# Attention that looks back only can read a text in pieces: first the prompt, then one token after
# the other. Of what it has read, it keeps **keys and values**. Nothing changes in the result. We
# take one head, with three kernels $(D, d)$ for queries, keys and values, and no biases. After $t$
# places have been read, $n$ new ones come. Then the new place $i$, counted from 0, sees the $t$ old
# places and the new ones from 0 to $i$:
#
# $$ o_i = \sum_{s=0}^{t+i} a_{is}\, v_s, \qquad
#    a_{is} = \frac{\exp(q_i \cdot k_s / \sqrt d)}{\sum_{r=0}^{t+i} \exp(q_i \cdot k_r / \sqrt d)} $$
#
# Write `read_on(x, kernels, cache=None)` in NumPy: `x` $(B, n, D)$ holds the new places, `kernels`
# the three arrays in this order; `cache` is the tuple (keys, values), $(B, t, d)$ each, `None` at
# the beginning. It returns the tuple (outputs $(B, n, d)$, new cache): the new cache is such a
# tuple, too, with $t + n$ places. $n$ may be any number from 1 on. The scores are small here.


# %% {answer q5}
def read_on(x, kernels, cache=None):
    """(outputs (B, n, d) of the new places, new cache): a head that looks back only."""
    ### BEGIN SOLUTION
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is not None:
        k, v = (np.concatenate(both, axis=1) for both in zip(cache, (k, v), strict=True))
    n, length = q.shape[1], k.shape[1]
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1]))
    odds = odds * np.tri(n, length, length - n)
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)
    ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5):
    x = np.zeros((1, 3, 4))
    x[0, 0, 0], x[0, 1, 0], x[0, 2, 0] = 2 * np.log(3), 1, 0
    kernels = np.eye(4), np.eye(4), np.eye(4)[:, ::-1]
    outputs, cache = read_on(x[:, :2], kernels)
    first = np.exp(0.5) / (3 + np.exp(0.5))  # the second place's weight on itself
    check.close(
        "two places at once: the outputs",
        outputs,
        np.array([[[0, 0, 0, x[0, 0, 0]], [0, 0, 0, (1 - first) * x[0, 0, 0] + first]]]),
        hint="the first place sees itself alone; the second has the scores ln 3 and 1/2 (d is 4), "
        "and mixes two values",
    )
    outputs, cache = read_on(x[:, 2:], kernels, cache)
    check.close(
        "one more place: its output",
        outputs,
        np.array([[[0, 0, 0, (x[0, 0, 0] + 1) / 3]]]),
        hint="it sees three places: two in the cache, and itself; all scores are 0",
    )
    check.close(
        "the new cache",
        np.array(cache),
        np.array([x, x[..., ::-1]]),
        hint="keys first, then values; what is new stands behind what was there",
    )

# %% {test q5_hidden 11}
print("Hidden tests: pieces of any size, several rows, other widths; your arrays stay as they are.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=11):

    def whole_text(x, kernels):
        q, k, v = (np.einsum("btd,de->bte", x, kernel) for kernel in kernels)
        outputs = np.zeros_like(v)
        for b, t in np.ndindex(v.shape[:2]):
            a = np.exp(k[b, : t + 1] @ q[b, t] * q.shape[-1] ** -0.5)
            outputs[b, t] = a @ v[b, : t + 1] / a.sum()
        return outputs, k, v

    rng = np.random.default_rng(137)
    pieces = (
        "new place i sees t + i + 1 places: with old ones before it, the mask is no longer a "
        "triangle from the corner; a piece of several places must not look ahead within itself"
    )
    for B, D, d, cuts in [(1, 6, 6, [5]), (2, 8, 3, [1] * 6), (3, 4, 5, [3, 4, 1, 2])]:
        x = rng.normal(size=(B, sum(cuts), D))
        kernels = [rng.normal(size=(D, d)) / D**0.5 for _ in range(3)]
        cache, begin, found = None, 0, []
        for n in cuts:
            outputs, cache = read_on(x[:, begin : begin + n], kernels, cache)
            found, begin = [*found, outputs], begin + n
        wanted = whole_text(x, kernels)
        check.close("in pieces as at once", np.concatenate(found, 1), wanted[0], hint=pieces)
        both = "all keys and all values in the order of the text, the old ones as they were"
        check.close("the keys", cache[0], wanted[1], hint=both)
        check.close("the values", cache[1], wanted[2], hint=both)
        shorter = tuple(old[:, :-1] for old in cache)
        before = [array.copy() for array in (x, *kernels, *shorter)]
        again, _ = read_on(x[:, -1:], kernels, shorter)
        check.equal("what you got", [x, *kernels], before[:4], hint="make new arrays")
        # computed, so the last bits may differ
        check.close("the cache that you got", np.array(shorter), np.array(before[4:]), hint=both)
        check.close("the last place again", again, wanted[0][:, -1:], hint=pieces)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: byte pairs (14 points)
#
# The lesson used a tokenizer; now you write one ([Sennrich et al. 2016](#sennrich2016)), on whole
# numbers, not on letters: so it works on bytes, and on anything else. A word is a list of ids.
#
# To **learn**: of all pairs of neighbours in the words, take the one that stands there most often.
# It becomes a new id, and in each word, from left to right, the new id takes the place of the pair.
# Then again. The first new id is `first`, the next one `first + 1`, and so on; all older ids are
# below `first`. To **encode** a new word: join what was learned, in the order in which it was
# learned. To **decode**: the way back.
#
# The words that you learn from are real: the bytes of Wikipedia's articles. At the end you cut up
# texts of your own.


# %% {locked articles}
def words_of(text, most=300):
    """The most frequent words of a text: (bytes of the word and the blank before it, how often)."""
    counts = collections.Counter(re.findall(r" \w+", text))
    return [(list(word.encode()), times) for word, times in counts.most_common(most)]


def bytes_per_token(text, pairs):
    """How many bytes a token has on average, once a text has been cut up with these pairs."""
    words = [list(word.encode()) for word in re.findall(r"\s?\w+|.", text, re.DOTALL)]
    return sum(map(len, words)) / sum(len(encode(ids, pairs, 256)) for ids in words)


articles = [example["text"].numpy().decode() for example in data.load("wikipedia_sample")["train"]]
print(len(articles), "articles; the most frequent words of the first one:")
print(*[(bytes(ids).decode(), times) for ids, times in words_of(articles[0], 8)])

# %% [markdown]
# Write in Python (without `aimodels.text`):
#
# - `learn(words, count, first)`: the list of pairs, in their order. `words` is a list of tuples
#   (ids, times): this list of ids came so many times in the text. A pair never spans two words. In
#   5, 5, 5 the pair (5, 5) stands twice; joined from the left, it becomes a new id and a 5. Of
#   equally frequent pairs take the smallest, as Python compares tuples. Learn `count` pairs, and
#   stop earlier if no pair stands twice any more.
# - `encode(ids, pairs, first)`: the list of ids with all that can be joined. The first pair first,
#   wherever it stands, from left to right; then the second one; and so on.
#
# `decode` is there. When both work, add a cell with `pairs = learn(words_of(articles[0]), 100, 256)`
# and `bytes_per_token(text, pairs)` for three texts of your own: English, another language, a
# program. In which is a token longest? A model reads, and a company charges, by tokens: who pays
# most for the same text?


# %% {answer q6}
def learn(words, count, first):
    """The pairs that were joined, the first one first."""
    ### BEGIN SOLUTION
    pairs = []
    for _ in range(count):
        found = collections.Counter()
        for ids, times in words:
            found.update([*itertools.pairwise(encode(ids, pairs, first))] * times)
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] > 1:
            pairs.append(best)
    return pairs
    ### END SOLUTION


def encode(ids, pairs, first):
    """The ids, joined pair by pair in the order of `pairs`."""
    ### BEGIN SOLUTION
    for new, pair in enumerate(pairs, first):
        old, ids = ids, []
        for i in old:
            ids.append(i)
            if tuple(ids[-2:]) == pair:
                ids[-2:] = [new]
    return list(ids)
    ### END SOLUTION


# %% {locked decode}
def decode(ids, pairs, first):
    """What the ids were made of."""
    parts = [[i] if i < first else decode(pairs[i - first], pairs, first) for i in ids]
    return [i for part in parts for i in part]


# %% {test q6_visible 5}
with check.question("q6_visible", points=5):
    words = [([3, 1, 2], 3), ([1, 2, 3], 2), ([4, 4], 4)]
    check.equal(
        "three pairs",
        learn(words, 3, 10),
        [(1, 2), (4, 4), (3, 10)],
        hint="(1, 2) stands there five times: count each word as often as it came, and no pair "
        "across two words. Join it in all words before you count anew; the first new id is `first`",
    )
    check.equal(
        "encoded",
        encode([1, 2, 1, 2, 3], [(1, 2), (10, 10)], 10),
        [11, 3],
        hint="the first pair gives 10 10 3; then the second one joins what the first one has made",
    )
    pairs = learn(words_of(articles[0]), 4, 256)
    check.equal(
        "the first four pairs of a real article, as text",
        [bytes(decode([256 + n], pairs, 256)).decode() for n in range(4)],
        [" t", "he", " a", " the"],
        hint="256 is the first new id; a blank belongs to the word behind it, and has the byte 32",
    )
    check.equal(
        "a sentence there and back",
        bytes(decode(encode(list(articles[7][:300].encode()), pairs, 256), pairs, 256)).decode(),
        articles[7][:300],
        hint="a new id stands for exactly its pair, so that `decode` finds the way back",
    )

# %% {test q6_hidden 9}
print("Hidden tests: many words, equal ids in a row, equal frequencies, an early end; real text.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=9):

    def by_text(words, count, first):  # ids as letters: str.replace joins from left to right
        texts, pairs = [("".join(map(chr, ids)), times) for ids, times in words], []
        for new in range(first, first + count):
            found = collections.Counter(p for t, n in texts for p in n * [*itertools.pairwise(t)])
            most = max(found.values(), default=0)
            if most < 2:
                break
            a, b = min(pair for pair in found if found[pair] == most)
            pairs.append((ord(a), ord(b)))
            texts = [(text.replace(a + b, chr(new)), times) for text, times in texts]
        return pairs

    def replaced(ids, steps):
        text = "".join(map(chr, ids))
        for old, new in steps:
            text = text.replace(old, new)
        return [*map(ord, text)]

    rng, dice = np.random.default_rng(138), np.random.default_rng(139)
    order = "of the most frequent pairs the smallest; 5, 5, 5 has two pairs; times; stop below 2"
    joins = "one pair after the other, each through the whole word from the left; not the longest"
    made = [(3, range(1, 13), 50, 12), (2, range(3, 14), 7, 30), (0, [], 256, 25)]
    for kinds, sizes, first, count in made:
        words = [(rng.integers(1, kinds + 1, n).tolist(), n % 3 + 1) for n in sizes]
        words = words or words_of(articles[3], 150)
        before = [(list(ids), times) for ids, times in words]
        wanted = by_text(before, count, first)
        check.equal("the pairs", learn(words, count, first), wanted, hint=order)
        check.equal("the words that you got", words, before, hint="make new lists")
        pool = [*range(1, kinds + 1), *range(first, first + 8)] if kinds else [97, 116, 32, 101]
        known = [tuple(dice.choice(pool[: (kinds or 2) + i], 2).tolist()) for i in range(8)]
        steps = [(chr(a) + chr(b), chr(new)) for new, (a, b) in enumerate(known, first)]
        real = (articles[40][:2000] + "Übung macht den Meister: 熟能生巧").encode()
        for n in (0, 1, 9, 60):
            ids = dice.choice(pool[: kinds or 4], n).tolist() if n < 60 or kinds else list(real)
            before = list(ids)
            check.equal("encoded", encode(ids, known, first), replaced(before, steps), hint=joins)
            check.equal("the ids that you got", ids, before, hint="make a new list")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: a secret alphabet (14 points)
#
# Each line below shows some letters, a sign `>`, the same letters in the order of an **alphabet**,
# and a full stop. Only, it is not the alphabet that you know, and nobody says which one it is. A GPT
# that has read enough such lines can go on behind the `>`. It writes letter by letter: so it must
# look back and see which letters are still missing, and which of them is the next. Can you find the
# first letter of this alphabet?


# %% {locked secret}
def draw_words(count, seed, letters, shortest=2, longest=6):
    """Words of random letters."""
    dice = np.random.default_rng(seed)
    sizes = dice.integers(shortest, longest + 1, size=count)
    return ["".join(dice.choice(list(letters), size=n)) for n in sizes]


def in_order(words, alphabet):
    return ["".join(sorted(word, key=alphabet.index)) for word in words]


def make_lines(words, alphabet):
    return [f"{a}>{b}." for a, b in zip(words, in_order(words, alphabet), strict=True)]


def make_prompts(count, seed, letters, lines, longest=6):
    """Words that stand in none of the lines, with the sign behind them."""
    known = {line.partition(">")[0] for line in lines}
    words = draw_words(2 * count, seed, letters, 4, longest)
    return [f"{word}>" for word in words if word not in known][:count]


def numbers(answers):
    """One whole number for each text, by which it is compared."""
    return np.array([int.from_bytes(a[:8].encode("ascii", "replace"), "big") for a in answers])


def table(lines):
    """The signs, first one for padding; and for each line a row of their numbers, padded behind."""
    signs, longest = ["", *sorted(set("".join(lines)))], max(map(len, lines))
    rows = [[signs.index(s) for s in line] + [0] * (longest - len(line)) for line in lines]
    return signs, np.array(rows)


alphabet = "".join(np.random.default_rng(7).permutation(list("abcdef")))
lines = make_lines(draw_words(4000, 1, "abcdef"), alphabet)
prompts = make_prompts(300, 2, "abcdef", lines)
print(len(lines), "lines:", *lines[:5])
print(len(prompts), "new prompts:", *prompts[:5])

# %% [markdown]
# Write `train(lines, seed)`. It gets such lines and returns a **function**: the function takes a
# list of prompts and returns a list of texts, each what the model writes behind the prompt, without
# the full stop. Use nothing but the two arguments: the hidden tests train once more, with another
# alphabet, more letters, longer words, and a rule that differs a little. Who writes the rule down
# writes a program for these lines only; a GPT learns it from the lines.
#
# - Set Keras' random numbers with `seed` first. `table(lines)` gives each sign of the lines a number
#   from 1 on, and an array of rows, padded behind with 0.
# - Build a small `GPT` of `aimodels.gpt`: vectors of 32 numbers, 4 heads, two blocks. It reads each
#   row but its last sign, and says each row but its first. Padding tells nothing: it is best kept
#   out of the loss.
# - A batch size of 32 and about 600 steps are enough. Training takes about ten seconds on one
#   processor core; a cell that runs for more than 120 seconds is stopped when your work is graded.
#   The learning rate should warm up, and fall at the end: `warmup_cosine(4e-3, steps, warmup)`.
#   `jit_compile=False` saves time here.
# - `generate` of `aimodels.decoding` continues the prompts, greedily if you ask for nothing else.
#   Where must it stop?
#
# **The bar:** 90 % of the new prompts answered without a single mistake (the visible test); with
# another alphabet 95 % (the hidden tests). Who repeats the letters as they stand, or takes the
# common alphabet, gets less than 5 %.


# %% {answer q7}
def train(lines, seed):
    """A function: prompts, a list of texts -> what stands behind them, up to the full stop."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    signs, rows = table(lines)
    longest, epochs = rows.shape[1], 5
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)

    steps = -(-len(rows) // 32) * epochs
    rate = warmup_cosine(4e-3, steps, steps // 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
        return ["".join(signs[i] for i in answer).partition(".")[0] for answer in answers]

    return write
    ### END SOLUTION


# %% {test q7_visible 4}
with check.question("q7_visible", points=4):
    write = train(lines, seed=1)
    check.accuracy(
        "new prompts",
        numbers(write(prompts)),
        numbers(in_order([prompt[:-1] for prompt in prompts], alphabet)),
        at_least=0.9,
        hint="Look at a few answers. Nonsense? Input and goal must be the same row, one place "
        "apart, and the loss wants logits. Right letters that never end, or a full stop? "
        "`stop`, and cut it off. Nearly right? Train longer; let the learning rate warm up, and "
        "fall at the end",
    )

# %% {test q7_hidden 10}
print(
    "Hidden tests: trained once more, with another alphabet and rule, more letters, longer words."
)
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=10):
    letters, order = "abcdefgh", "gchbdafe"

    def cried(words):  # in order, and a sign behind
        return [f"{answer}!" for answer in in_order(words, order)]

    words = draw_words(5000, 71, letters, longest=8)
    text = check.given([f"{a}>{b}." for a, b in zip(words, cried(words), strict=True)])
    new = check.given(make_prompts(400, 72, letters, text, longest=8))
    write = train(text, seed=2)
    check.accuracy(
        "new prompts, another alphabet",
        numbers(write(new)),
        numbers(cried([prompt[:-1] for prompt in new])),
        at_least=0.95,
        hint="does it reach 95 % on the visible prompts too, with every seed? If not: more steps, "
        "and a learning rate that falls to zero. If it does: does `train` use anything besides "
        "its arguments? Signs, widths and lengths must come from the lines",
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
# - <a id="sennrich2016"></a>Rico Sennrich, Barry Haddow, Alexandra Birch. *Neural Machine
#   Translation of Rare Words with Subword Units*. ACL, 1715–1725, 2016.
