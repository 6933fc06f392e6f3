# ---
# jupyter:
#   aimodels:
#     title: "Assignment: From sequence to sequence"
#     minutes: 130
#     repairs: [000-4.1.2, 004-4.3]
#     limits: {cell: 120, total: 300, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: From sequence to sequence
#
# You prepare rows for teacher forcing, write a loss with its gradient, repair the attention of
# article 004, find out in what kind of ways people say one word differently, teach a model to copy,
# and at the end repair the model of article 000: yours will read dates in words and write them in
# numbers.
#
# **About 130 minutes**, in two or three sittings if you like. **100 points.** **Repairs:** article
# 000 §4.1.2, article 004 §4.3.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. Where a
# question says *in NumPy*, write it yourself in NumPy. Elsewhere you may use what Keras and
# `aimodels` offer.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
import datetime
import re

import keras
import numpy as np
import tensorflow as tf

from aimodels import data, decoding, seq2seq
from aimodels.course import check
from aimodels.text import Vocabulary

# %% [markdown]
# ## Question 1: what it reads, what it says (12 points)
#
# The lesson made one row with start and end, padded it, and took slices of it. So in each row that
# is shorter than the longest, the decoder also *reads* an end token. It does no harm there, but we
# want clean rows now. And some targets are so long that they must be cut. A cut target has **not**
# ended: an end token behind it would teach the model to stop too early.
#
# Write `teacher_rows(sources, targets, start, end, longest)`. Sources and targets are two lists of
# lists of ids, not padded. The lists that you get stay as they are. It returns a tuple of three
# arrays of whole numbers, each padded behind with 0 and just as wide as its longest row needs:
#
# - `source` $(N, S)$: the sources, without start and end;
# - `reads` $(N, T)$: what the decoder reads when it must say the goal at the same place: first the
#   start token, then each goal but the row's last;
# - `goals` $(N, T)$: what must be said: the target's tokens, then the end token. Of a target with
#   more than `longest` tokens only the first `longest`, and no end token.
#
# `reads` and `goals` are equally long in each row: where one of them is padding, so is the other.


# %% {answer q1}
def teacher_rows(sources, targets, start, end, longest):
    """(source (N, S), reads (N, T), goals (N, T)): ids, padded behind with 0."""

    ### BEGIN SOLUTION
    def padded(rows):
        ids = np.zeros((len(rows), max(map(len, rows))), int)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
        return ids

    ends = [[end] if len(target) <= longest else [] for target in targets]
    rows = [[start, *t[:longest], *e] for t, e in zip(targets, ends, strict=True)]
    return padded(sources), padded([row[:-1] for row in rows]), padded([row[1:] for row in rows])
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    source, reads, goals = teacher_rows([[7, 8], [9, 5, 6]], [[4, 5, 6], [7]], 2, 3, longest=3)
    check.equal(
        "the sources",
        source,
        np.array([[7, 8, 0], [9, 5, 6]]),
        hint="as they are, with 0 behind the short ones; start and end belong to the targets",
    )
    check.equal(
        "what must be said",
        goals,
        np.array([[4, 5, 6, 3], [7, 3, 0, 0]]),
        hint="the target and its end, one after the other, then padding",
    )
    check.equal(
        "what is read",
        reads,
        np.array([[2, 4, 5, 6], [2, 7, 0, 0]]),
        hint="at each place the token said just before; at the first place the start token. No "
        "end token is ever read: shift each row before you pad it",
    )

# %% {test q1_hidden 8}
print("Hidden tests: other ids, targets that must be cut, an empty target, one row alone.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):

    def what_is_said(targets, end, longest):
        rows = [t[:longest] if len(t) > longest else [*t, end] for t in targets]
        return np.array([(row + 99 * [0])[: max(map(len, rows))] for row in rows])

    rng, start, end = np.random.default_rng(51), 41, 40
    cases = ([3, 9, 1], [5, 2, 8], 5), ([2, 2, 4], [6, 0, 7], 3), ([4], [2], 9)
    for counts, sizes, longest in cases:
        sources = [rng.integers(1, 40, size=n).tolist() for n in counts]
        targets = [rng.integers(1, 40, size=n).tolist() for n in sizes]
        before = [row.copy() for row in [*sources, *targets]]
        wide = what_is_said(targets, end, longest)
        shifted = np.hstack([np.full((len(wide), 1), start), wide[:, :-1]])
        source, reads, goals = teacher_rows(sources, targets, start, end, longest)
        source, reads, goals = (np.arange(50)[ids] for ids in (source, reads, goals))
        wanted = np.array([(row + 99 * [0])[: max(counts)] for row in before[: len(counts)]])
        width = "as wide as the longest one, no wider; arrays of type int, that can pick rows"
        check.equal("sources of any length", source, wanted, hint=width)
        check.equal(
            "goals, some of them cut",
            goals,
            wide,
            hint="exactly `longest` tokens still have their end; one token more, and there is none; "
            "as wide as the longest row, which may be less than `longest`",
        )
        check.equal(
            "reads, some of them cut",
            reads,
            np.where(wide != 0, shifted, 0),
            hint="as many as the goals of the same row, and one place behind them",
        )
        new = "append and del change the caller's list: make new ones"
        check.equal("the lists stay as they were", [*sources, *targets], before, hint=new)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: a loss that is never sure (14 points)
#
# A model that is trained to say the right token with probability 1 becomes too sure of itself.
# **Label smoothing** gives a small part $\varepsilon$ of the probability to all $V$ tokens alike,
# the padding token 0 and the right one among them ([Szegedy et al. 2016](#szegedy2016)); the
# Transformer was trained so, with $\varepsilon = 0.1$ ([Vaswani et al. 2017](#vaswani2017)). With
# logits $z$, $p = \mathrm{softmax}(z)$, and the real places $R$, where the goal $y$ is not 0:
#
# $$ L = -\frac{1}{|R|} \sum_{(i,t)\,\in\,R}\; \sum_{v=0}^{V-1} q_{itv} \ln p_{itv}, \qquad
#    q_{itv} = (1 - \varepsilon)\,[v = y_{it}] + \frac{\varepsilon}{V}, \qquad
#    \frac{\partial L}{\partial z_{itv}} = \boxed{\;?\;} $$
#
# The bracket is 1 where $v = y_{it}$, and else 0. The box is yours; for $\varepsilon = 0$ you know
# it from the softmax of chapter 01.
#
# Write `smoothed_loss(logits, goals, smoothing)` in NumPy. It returns a tuple: the loss, a number,
# and its gradient with respect to the logits, $(B, T, V)$. No automatic gradient: the box is the
# exercise.
#
# - `logits`: $(B, T, V)$; `goals`: $(B, T)$, ids, 0 at padding, which may stand anywhere.
# - Logits may be as large as $\pm 10\,000$: no overflow, no `nan`. At padding they may even be
#   `nan`; the gradient is exactly 0 there. Without any real place, loss and gradient are 0.


# %% {answer q2}
def smoothed_loss(logits, goals, smoothing):
    """(L, its gradient (B, T, V)): mean over the real places, where goals are not 0."""
    ### BEGIN SOLUTION
    real = (goals != 0)[..., None]
    z = np.where(real, logits, 0)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    size = logits.shape[-1]
    q = (1 - smoothing) * np.eye(size)[goals] + smoothing / size
    count = max(real.sum(), 1)
    return -np.sum(real * q * log_p) / count, real * (np.exp(log_p) - q) / count
    ### END SOLUTION


# %% {test q2_visible 5}
with check.question("q2_visible", points=5):
    logits, goals = np.log([[[1.0, 1, 2], [1, 2, 1], [5, 1, 1]]]), np.array([[2, 1, 0]])
    value, gradient = smoothed_loss(logits, goals, 0.0)
    check.close(
        "two real places, both with probability 1/2",
        value,
        np.log(2),
        hint="divide by how many places are real: two, not three",
    )
    check.close(
        "the gradient",
        gradient,
        np.array([[[0.125, 0.125, -0.25], [0.125, -0.25, 0.125], [0, 0, 0]]]),
        hint="p minus what it should be, over the number of real places; padding: nothing",
    )
    value, gradient = smoothed_loss(logits, goals, 0.3)
    check.close(
        "the loss with a smoothing of 0.3",
        value,
        0.8 * np.log(2) + 0.2 * np.log(4),
        hint="q is 0.8, 0.1 and 0.1: the right token, too, gets its share of epsilon",
    )

# %% {test q2_hidden 9}
print("Hidden tests: random logits, very large ones, nan at padding, rows of padding alone.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=9):

    def by_tape(logits, goals, smoothing):
        places, size = np.argwhere(goals), logits.shape[-1]
        z, gradient = tf.constant(logits[goals != 0]), np.zeros(logits.shape)
        wanted = tf.one_hot(goals[goals != 0], size, dtype=tf.float64)
        wanted = wanted * (1 - smoothing) + smoothing / size
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, z))
        gradient[tuple(places.T)] = tape.gradient(value, z)
        return value.numpy(), gradient

    rng = np.random.default_rng(52)
    for B, T, V, size, smoothing in [(3, 5, 7, 1, 0.1), (2, 4, 3, 3e3, 0.0), (4, 6, 9, 1e3, 0.4)]:
        logits, goals = size * rng.normal(size=(B, T, V)), rng.integers(1, V, size=(B, T))
        goals[rng.random((B, T)) < 0.4], goals[0], goals[1, :2] = 0, 0, 1
        logits[goals == 0] = np.nan
        value, gradient = smoothed_loss(logits, goals, smoothing)
        check.close(
            "the loss, whatever stands at padding",
            value,
            by_tape(logits, goals, smoothing)[0],
            hint="a mean over all real places of all rows, not of rows; subtract the largest logit "
            "before `exp`; choose with np.where before you compute: 0 times nan is nan",
        )
        check.close(
            "its gradient",
            gradient,
            by_tape(logits, goals, smoothing)[1],
            hint="q holds the smoothing, too; over the number of real places; 0 at padding",
        )
    value, gradient = smoothed_loss(rng.normal(size=(2, 3, 4)), np.zeros((2, 3), int), 0.1)
    check.close(
        "nothing but padding",
        [value, *np.ravel(gradient)],
        25 * [0],
        hint="a division by 0 gives nan: divide by 1 if no place is real",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: repair the attention of article 004 (20 points)
#
# Article 004 §4.3 puts `Attention()` between two LSTMs of a `Sequential` model. The lesson found
# three faults: a query and a memory cannot both come through there; the scores are not scaled; and
# nothing can be learned, since the projections are missing. There is no mask either. Here are four
# places with random numbers, the last of them padding. Where will it look?


# %% {locked article}
rng = np.random.default_rng(20)
asked, places = rng.normal(size=(1, 1, 64)), rng.normal(size=(1, 4, 64))
layer = keras.layers.Attention(dtype="float64")
_, looked = layer([asked, places], return_attention_scores=True)
print("attention weights:", np.round(looked[0, 0], 3))
print("parameters to learn:", layer.count_params())
assert looked[0, 0, 3] > 0.9

# %% [markdown]
# Nearly all weight falls on the padding: without a mask it is a place like any other, and without
# the scale, chance has decided. Now do it right, and at once with **several heads** ([Vaswani et
# al. 2017](#vaswani2017)): a head has projections of its own, so one can look at the vowel before
# while another looks at the end of the word. For head $n$ of $N$, with queries $X$ and memory $M$:
#
# $$ Q_n = X W^Q_n,\quad K_n = M W^K_n,\quad V_n = M W^V_n, \qquad
#    A_n = \mathrm{softmax}\!\left(\frac{Q_n K_n^\top}{\sqrt d}\right), \qquad
#    O = [A_1 V_1; \dots; A_N V_N]\, W^O $$
#
# Write `multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False)` in
# NumPy. It returns the tuple $(O, A)$, of shapes $(B, T, D)$ and $(B, N, T, S)$.
#
# - `query`: $(B, T, D_x)$; `memory`: $(B, S, D_m)$.
# - `projections`: $(W^Q, W^K, W^V, W^O)$, of shapes $(D_x, Nd)$, $(D_m, Nd)$, $(D_m, Nd)$,
#   $(Nd, D)$, without biases: the first $d$ columns of $W^Q$ are those of the first head, and so
#   on. $d$ is the width of *one* head.
# - `memory_mask`: $(B, S)$, `False` where there is nothing to look at; masked places may stand
#   anywhere. `causal=True`: query $t$ may look at places $0 \dots t$ only. Both may be given: then
#   both count.
# - Weights at forbidden places are exactly 0, the others sum to 1. A query that may look nowhere
#   gets weights 0 and output 0.


# %% {answer q3}
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    """(output (B, T, D), weights (B, N, T, S)) of scaled dot-product attention with N heads."""

    ### BEGIN SOLUTION
    def heads(x):  # (B, L, N d) -> (B, N, L, d)
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = (heads(x @ w) for x, w in zip((query, memory, memory), projections[:3], strict=True))
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        allowed &= np.tri(*scores.shape[2:], dtype=bool)
    if memory_mask is not None:
        allowed &= memory_mask[:, None, None]
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = (weights @ v).swapaxes(1, 2)  # (B, T, N, d)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights
    ### END SOLUTION


# %% {test q3_visible 6}
with check.question("q3_visible", points=6):
    eye = np.eye(4)
    memory = np.array([[[2.0, 0, 0, 0], [0, 0, 2, 0], [9, 9, 9, 9]]])
    query = np.array([[[np.log(9) / 2**0.5, 0, 0, 0]]])  # only the first head finds something in it
    mask = np.array([[True, True, False]])
    output, weights = multi_head(query, memory, (eye, eye, eye, eye), 2, memory_mask=mask)
    check.close(
        "two heads: the first has found its key, the second knows nothing",
        weights,
        np.array([[[[0.9, 0.1, 0]], [[0.5, 0.5, 0]]]]),
        hint="(B, N, T, S); a head has the columns 0 and 1, or 2 and 3, so d is 2; the scores of "
        "the first are ln 9 and 0; the mask comes before the softmax",
    )
    check.close(
        "their outputs side by side",
        output,
        np.array([[[1.8, 0, 1, 0]]]),
        hint="each head mixes its own columns of the values; put the heads side by side, then W^O",
    )
    _, weights = multi_head(np.zeros((1, 3, 4)), memory, (eye, eye, eye, eye), 1, causal=True)
    check.close(
        "causal, and all scores alike",
        np.asarray(weights)[0, 0],
        np.array([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]]),
        hint="query t shares its weight among the places 0 to t",
    )

# %% {test q3_hidden 14}
print("Hidden tests: any size and number of heads; all masks; against MultiHeadAttention.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=14):

    def by_keras(query, memory, projections, N, allowed):
        d, D = projections[0].shape[1] // N, projections[3].shape[1]
        kwargs = {"use_bias": False, "output_shape": D, "dtype": "float64"}
        layer = keras.layers.MultiHeadAttention(N, d, **kwargs)
        layer(query, memory)
        pairs = zip(projections, layer.get_weights(), strict=True)
        layer.set_weights([ours.reshape(theirs.shape) for ours, theirs in pairs])
        return layer(query, memory, attention_mask=allowed, return_attention_scores=True)

    rng = np.random.default_rng(53)
    swap = "from (B, L, N d) to (B, N, L, d) it takes a reshape and a swap of axes; back again, too"
    both = (
        "both masks count; a causal query before the first real place may look nowhere: the mask "
        "need not stand behind"
    )
    forbidden = "a very small score before the softmax, and weight 0"
    nowhere = "a softmax of equal scores shares the weight among all: here, 0 is wanted, and no nan"
    cases = (4, 6, 2, 3, False, False), (3, 5, 3, 2, True, False), (6, 6, 1, 4, False, True)
    cases += (5, 5, 4, 2, True, True), (3, 6, 2, 2, True, True), (6, 4, 2, 3, False, True)
    for T, S, N, d, masked, causal in cases:
        query, memory = rng.normal(size=(2, T, 5)), rng.normal(size=(2, S, 7))
        sizes = [(5, N * d), (7, N * d), (7, N * d), (N * d, 6)]
        projections = tuple(rng.normal(size=size) for size in sizes)
        mask = np.roll(np.arange(S) < [[S], [2 if masked else S]], 1, axis=1)
        allowed = mask[:, None] & (np.tri(T, S, dtype=bool) | (not causal))
        closed, given = ~np.repeat(allowed[:, None], N, axis=1), mask if masked else None
        output, weights = multi_head(query, memory, projections, N, given, causal)
        judge = by_keras(query, memory, projections, N, allowed)
        some = allowed.any(axis=-1)[:, None, :, None]
        wanted = np.where(some, judge[1], 0), np.where(some[:, 0], judge[0], 0)
        check.close("the weights of every head", weights, wanted[0], hint=f"{swap}; {both}")
        check.close("the output", output, wanted[1], hint=f"{swap}; {both}")
        found = np.asarray(weights)[closed]
        check.equal("nothing where it is forbidden", found, 0 * closed[closed], hint=forbidden)
    output, weights = multi_head(query, memory, projections, N, mask & False, causal)
    found = [*np.ravel(output), *np.ravel(weights)]
    check.equal("queries that may look nowhere", found, [0] * (2 * T * (6 + N * S)), hint=nowhere)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: what kind of error? (18 points)
#
# The edit distance says how many errors an answer has. To mend a model we want to know more: does
# it swallow sounds, or does it make some up? Put the answer and the right sequence side by side, in
# order, such that each token of the one stands beside a token of the other, or beside a gap:
#
#     right    B  AA  K  S  -
#     answer   B  -   K  S  IH
#
# - A token beside the same token: a **hit**.
# - A token beside another token: a **substitution**.
# - A token of the answer beside a gap: an **insertion**.
# - A token of the right sequence beside a gap: a **deletion**.
#
# Here there are three hits, one deletion and one insertion. There are many ways to align two
# sequences. We take one with the **fewest errors** (substitutions, insertions and deletions
# together); and among these, one with the **most hits**.
#
# Real answers are at hand: many words of CMUdict are said in two ways. Take the second way as the
# answer, and the first as the right one.


# %% {locked two_ways}
def two_ways(split):
    """Words that stand in CMUdict with two or more pronunciations: (word, first, second)."""
    ways, examples = {}, data.load("cmudict", split=split, batch_size=-1)
    for word, sounds in zip(examples["word"].numpy(), examples["phonemes"].numpy(), strict=True):
        ways.setdefault(word.decode(), []).append(re.sub(r"\d", "", sounds.decode()).split())
    return [(word, *said[:2]) for word, said in ways.items() if len(said) > 1]


spoken = two_ways("validation")
print(len(spoken), "words in two ways, such as", spoken[0])

# %% [markdown]
# Write `count_errors(answer, right)` for two sequences of tokens, lists or texts. It returns the
# tuple `(hits, substitutions, insertions, deletions)`.
#
# Work on beginnings. Say you know the best counts for shorter beginnings. The last step of an
# alignment is one of three: the two last tokens stand beside each other; the answer's last token
# stands beside a gap; or the right one's does. Each leads back to a shorter pair of beginnings, so
# a table with a cell for each pair can be filled row by row. `metrics.edit_distance` does this for
# the number of errors alone; a cell with `metrics.edit_distance??` shows you how. What more must a
# cell of your table keep? Python compares tuples from the left, which may help.
#
# Then sort what you find: `np.sum([count_errors(b, a) for _, a, b in spoken], axis=0)`. Do people
# swallow sounds, or change them? Which words differ most, and are they one word at all?


# %% {answer q4}
def count_errors(answer, right):
    """(hits, substitutions, insertions, deletions): fewest errors, then most hits."""
    ### BEGIN SOLUTION
    # In each cell (errors, -hits, substitutions, insertions, deletions): the smallest is the best.
    row = [(j, 0, 0, 0, j) for j in range(len(right) + 1)]
    for i, a in enumerate(answer, 1):
        above, row = row, [(i, 0, 0, i, 0)]
        for j, r in enumerate(right, 1):
            beside = (0, -1, 0, 0, 0) if a == r else (1, 0, 1, 0, 0)
            steps = (above[j - 1], beside), (above[j], (1, 0, 0, 1, 0)), (row[-1], (1, 0, 0, 0, 1))
            row.append(min(tuple(map(sum, zip(*step, strict=True))) for step in steps))
    _, hits, *errors = row[-1]
    return -hits, *errors
    ### END SOLUTION


# %% {test q4_visible 6}
with check.question("q4_visible", points=6):
    check.equal(
        "one sound too many",
        count_errors(["K", "N", "IY"], ["N", "IY"]),
        (2, 0, 1, 0),
        hint="K has no partner: an insertion; N and IY are hits, though they stand elsewhere",
    )
    check.equal(
        "the example above",
        count_errors(["B", "K", "S", "IH"], ["B", "AA", "K", "S"]),
        (3, 0, 1, 1),
        hint="place by place there would be one hit and three substitutions: more errors",
    )
    check.equal(
        "a wrong sound and a lost one",
        count_errors(["F", "AA", "K"], ["B", "AA", "K", "S"]),
        (2, 1, 0, 1),
        hint="F stands beside B, S beside a gap",
    )
    check.equal(
        "nothing said", count_errors([], ["N", "IY"]), (0, 0, 0, 2), hint="all are deletions"
    )

# %% {test q4_hidden 12}
print("Hidden tests: texts and lists in which many alignments are possible.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=12):

    def best(a, b):
        ways = {(0, 0): {(0, 0, 0, 0)}}  # all that can be counted, for each two beginnings
        for i, j in np.ndindex(len(a) + 1, len(b) + 1):
            same = int(i > 0 and j > 0 and a[i - 1] == b[j - 1])
            beside = (i - 1, j - 1), (same, 1 - same, 0, 0)
            for before, new in (beside, ((i - 1, j), (0, 0, 1, 0)), ((i, j - 1), (0, 0, 0, 1))):
                for way in ways.get(before, ()):
                    longer = tuple(map(sum, zip(way, new, strict=True)))
                    ways.setdefault((i, j), set()).add(longer)
        return min(ways[len(a), len(b)], key=lambda way: (sum(way[1:]), -way[0]))

    rng = np.random.default_rng(54)
    real = check.given(two_ways("test")[:80])
    check.equal(
        "words of CMUdict, said in two ways",
        [count_errors(said, first) for _, first, said in real],
        [best(said, first) for _, first, said in two_ways("test")[:80]],
        hint="print one pair for which your counts look odd, and align it by hand",
    )
    for _ in range(60):
        one, other = ("".join(rng.choice(list("aeiou"), size=rng.integers(9))) for _ in range(2))
        check.equal(
            "fewest errors, then most hits",
            count_errors(one, other),
            best(one, other),
            hint="first the number of errors, all three kinds alike; only if it is equal, the hits. "
            "Look at 'ab' and 'ba': two substitutions, or one hit, one insertion, one deletion",
        )
    one, other = rng.integers(3, size=9).tolist(), rng.integers(3, size=7).tolist()
    letters = "compare tokens with ==; they need not be letters"
    check.equal("ids, not letters", count_errors(one, other), best(one, other), hint=letters)
    empty = "two empty sequences: nothing to count, and four zeros"
    check.equal("nothing, and nothing wanted", count_errors("", ""), (0, 0, 0, 0), hint=empty)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: a model that copies (12 points)
#
# A summary or a translation often needs a name that stands in the source, but not in the
# vocabulary. A **pointer-generator** ([See et al. 2017](#see2017)) can copy it. With probability
# $g_t$ it says a word of its vocabulary, as always; with $1 - g_t$ it copies a word from the
# source, and which one, the attention decides. If a word stands at several places, it gets the
# weight of all of them. Padding in the source has weight 0, so it needs no special care.
#
# $$ P_t(w) = g_t\, P^{\mathrm{vocabulary}}_t(w) + (1 - g_t) \sum_{s\,:\,x_s = w} \alpha_{ts} $$
#
# For one batch, each unknown word of its sources gets a number of its own: $V, V + 1, \dots$; ids
# in the sources are below `size`. A word with a number from $V$ on can only be copied: its
# $P^{\mathrm{vocabulary}}_t$ is 0.
#
# - `copy_mixture(p_vocabulary, weights, p_generate, source, size)`: $P$, $(B, T,$ `size`$)$, from
#   $P^{\mathrm{vocabulary}}$ $(B, T, V)$, $\alpha$ $(B, T, S)$, $g$ $(B, T)$ and ids $x$ $(B, S)$.
# - `coverage_loss(weights, real)`: such a model likes to say the same thing twice. The **coverage**
#   $c_{ts}$ is all the weight that place $s$ got in the steps *before* $t$; to look there again
#   costs something. The result is a number, the mean over the real steps of
#
# $$ \sum_s \min(\alpha_{ts},\, c_{ts}), \qquad c_{ts} = \sum_{t' < t} \alpha_{t's}. $$
#
#   `real` is $(B, T)$, `True` at real steps; padding stands behind them.


# %% {answer q5}
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    """Probabilities (B, T, size): of the vocabulary, and of the words in the source."""
    ### BEGIN SOLUTION
    g = p_generate[..., None]
    missing = size - p_vocabulary.shape[-1]
    said = np.pad(p_vocabulary, [(0, 0), (0, 0), (0, missing)])
    return g * said + (1 - g) * (weights @ np.eye(size)[source])
    ### END SOLUTION


def coverage_loss(weights, real):
    """The mean over real steps of the weight that falls where it has been before."""
    ### BEGIN SOLUTION
    before = np.cumsum(weights, axis=1) - weights
    return np.minimum(weights, before).sum(axis=-1)[real].mean()
    ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5):
    p_vocabulary = np.array([[[0.5, 0.25, 0.25], [0.2, 0.4, 0.4]]])
    weights = np.array([[[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]])
    mixed = copy_mixture(p_vocabulary, weights, np.array([[0.5, 1.0]]), np.array([[2, 4, 3]]), 5)
    check.close(
        "half copied, then nothing copied",
        mixed,
        np.array([[[0.25, 0.125, 0.375, 0.1, 0.15], [0.2, 0.4, 0.4, 0, 0]]]),
        hint="g belongs to the vocabulary; the weight of place s goes to the word that stands there",
    )
    check.close(
        "two steps: what is looked at twice",
        coverage_loss(weights, np.array([[True, True]])),
        (0 + 0.1 + 0.3 + 0.2) / 2,
        hint="the first step has nothing before it; the second shares 0.1, 0.3 and 0.2 with it",
    )

# %% {test q5_hidden 7}
print("Hidden tests: words that stand in the source twice, unknown words, padded steps.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=7):

    def word_by_word(p, a, g, source, size):
        result = np.zeros((*g.shape, size))
        result[:, :, : p.shape[-1]] = p * g[:, :, None]
        for b, t, s in np.ndindex(a.shape):
            result[b, t, source[b, s]] += a[b, t, s] - g[b, t] * a[b, t, s]
        return result

    def step_by_step(a, real):
        costs = [np.minimum(a[b, t], a[b, :t].sum(axis=0)).sum() for b, t in np.argwhere(real)]
        return np.mean(costs)

    rng = np.random.default_rng(56)
    for B, T, S, V, size in [(3, 5, 8, 6, 9), (2, 3, 4, 5, 5), (1, 7, 6, 4, 12)]:
        p, a = rng.dirichlet(np.ones(V), size=(B, T)), rng.dirichlet(np.ones(S), size=(B, T))
        g, source = rng.random((B, T)), rng.integers(size, size=(B, S))
        source[:, -1] = source[:, 0]
        real = np.arange(T) < rng.permutation(np.arange(1, T + 1))[:B, None]
        check.close(
            "the mixture, some words twice in the source",
            copy_mixture(p, a, g, source, size),
            word_by_word(p, a, g, source, size),
            hint="P[..., source] += … counts a repeated word once only: loop over the places, use "
            "np.add.at, or a product with one-hot rows",
        )
        check.close(
            "the coverage loss with padded steps",
            coverage_loss(a, real),
            step_by_step(a, real),
            hint="over all earlier steps, not the last one alone; the mean over real steps of all "
            "rows together",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: repair the model of article 000 (24 points)
#
# Article 000 §4.1.2 wants to turn `["hello", "world"]` into `["hi", "universe"]`, and the lesson has
# counted what is missing: vocabularies, start and end, the target as an input, a masked loss, and
# training itself. We give it a task on which one can see whether it *understands*: dates. Each is
# written in words, in one of three ways, and shall be written in digits. The validation dates are
# not in `pairs`, and none of the dates kept aside is in either, in any way of writing.


# %% {locked words}
SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
SMALL = f"{SMALL} fifteen sixteen seventeen eighteen nineteen".split()
TENS = ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
FIRST = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
FIRST = FIRST.split()
FIRST += [name + "th" for name in SMALL[13:]] + ["twentieth"]


def number(n):
    tens, ones = divmod(n, 10)
    return SMALL[n] if n < 20 else TENS[tens] + (f" {SMALL[ones]}" if ones else "")


def ordinal(n):
    return "thirtieth" if n == 30 else FIRST[n] if n < 21 else f"{TENS[n // 10]} {FIRST[n % 10]}"


def year(y):
    if 2000 <= y < 2010:
        return "two thousand" + (f" and {SMALL[y % 10]}" if y % 10 else "")
    century, rest = number(y // 100), y % 100
    return f"{century} {'hundred' if rest == 0 else 'oh ' * (rest < 10) + number(rest)}"


# %% {locked dates}
def dates(count, seed, aside=False):
    """Pairs of texts, a date in words and in digits; every fifth day is kept aside."""
    dice, pairs = np.random.default_rng(seed), []
    while len(pairs) < count:
        day = datetime.date(1900, 1, 1) + datetime.timedelta(int(dice.integers(73_000)))
        if (day.toordinal() % 5 == 0) == aside:
            d, m, y = ordinal(day.day), day.strftime("%B").lower(), year(day.year)
            ways = f"the {d} of {m} {y}", f"{m} the {d} {y}", f"{day:%A}".lower() + f" {d} {m} {y}"
            pairs.append((ways[dice.integers(3)], f"{day.day}.{day.month}.{day.year}"))
    return pairs


def as_numbers(answers):
    """4.12.1987 becomes 19871204; what does not look like a date becomes -1."""
    found = [re.fullmatch(r"([1-9]\d?)\.([1-9]\d?)\.(\d{4})", str(a)) for a in answers]
    return np.array([int(f"{m[3]}{m[2]:0>2}{m[1]:0>2}") if m else -1 for m in found])


pairs, known = dates(1200, seed=1), {written for _, written in dates(1200, seed=1)}
validation = [pair for pair in dates(320, seed=2) if pair[1] not in known][:300]
for sentence, written in pairs[:5]:
    print(f"{sentence:<52} {written}")

# %% [markdown]
# Write `train(pairs, seed)`. It gets pairs of texts like these, and returns a **function**: the
# function takes a list of sentences, and returns the list of what the model writes, as texts. Use
# nothing but `pairs`: the hidden tests train once more, on dates in a secret language. The
# sentences are made as these are, but each word of English is replaced by another one.
#
# - The source is a sequence of words, the target a sequence of signs, digits and points. Both
#   vocabularies come from `pairs`. A sentence may have words that are in none of them.
# - Set Keras' random numbers with `seed` first. `seq2seq.Seq2Seq` and `decoding.greedy` may do most
#   of the work, or layers of your own. An answer has at most 10 signs, and its end.
# - Small is enough: 64 units, a batch size of 32, about 200 steps. Training takes about 15 seconds
#   on two processor cores; a cell that runs for more than 120 seconds is stopped when your work is
#   graded. If the loss stays high, think about what the lesson says of the bottleneck, and about
#   the learning rate: large at the beginning, falling to zero.
# - What you return must not depend on what else is in the list: a short sentence beside a very
#   long one is padded.
#
# **The bar:** 60 % of the validation sentences exactly right (the visible test); in the secret
# language 90 % of sentences with dates kept aside, alone and beside a long sentence (the hidden
# tests).


# %% {answer q6}
def train(pairs, seed):
    """A function: list of sentences -> list of what the trained model writes, as texts."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    said, written = [s.split() for s, _ in pairs], [list(w) for _, w in pairs]
    words, signs = Vocabulary.build(said), Vocabulary.build(written)
    source = words.encode(said).numpy()
    target = signs.encode(written, start=True, end=True).numpy()

    epochs, batch = 5, 32
    rate = keras.optimizers.schedules.CosineDecay(1e-2, -(-len(pairs) // batch) * epochs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model = seq2seq.Seq2Seq(len(words), len(signs), embedding_dim=32, units=64)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit((source, target[:, :-1]), target[:, 1:], batch_size=batch, epochs=epochs, verbose=0)

    def answer(sentences):
        encoded = words.encode([sentence.split() for sentence in sentences])
        ids, _ = decoding.greedy(model, encoded, max_length=11)
        return ["".join(answer) for answer in signs.decode(ids)]

    return answer
    ### END SOLUTION


# %% {test q6_visible 8}
with check.question("q6_visible", points=8):
    write_dates = train(pairs, seed=1)
    check.accuracy(
        "validation sentences",
        as_numbers(write_dates([sentence for sentence, _ in validation])),
        as_numbers([written for _, written in validation]),
        at_least=0.6,
        hint="Print some answers. Is the training loss tiny, but the answers are nonsense? Then "
        "the decoder reads its own goal. Is the date right, with more signs behind it? Then the "
        "end token is missing. Is it nearly right? Train longer, or let the decoder look back at "
        "the words",
    )

# %% {test q6_hidden 16}
print("Hidden tests: trained once more, in a secret language; alone and beside a long sentence.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=16):
    code = str.maketrans("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
    coded = check.given([(s.translate(code), w) for s, w in dates(1200, seed=73)])
    aside = check.given([s.translate(code) for s, _ in dates(300, seed=71, aside=True)])
    beside = check.given([s.translate(code) for s, _ in dates(150, seed=72, aside=True)])
    write = train([(sentence, written) for sentence, written in coded], seed=2)
    check.accuracy(
        "dates kept aside",
        as_numbers(write(aside)),
        as_numbers([written for _, written in dates(300, seed=71, aside=True)]),
        at_least=0.9,
        hint="does it reach 90 % on the validation sentences too, with every seed? If not: more "
        "steps, attention, and a learning rate that falls to zero. If it does: does `train` use "
        "anything besides `pairs`?",
    )
    check.accuracy(
        "dates kept aside, beside a long sentence",
        as_numbers(write([*beside, 40 * "well "])[:-1]),
        as_numbers([written for _, written in dates(150, seed=72, aside=True)]),
        at_least=0.9,
        hint="ask for one sentence, and for the same one with a long one beside it: are the answers "
        "the same? Both encoder and attention need to know what is padding",
    )
    others = check.given([sentence for sentence, _ in dates(300, seed=71, aside=True)])  # English
    alike = train([(sentence, "1.1.2000") for sentence, _ in coded[:600]], seed=3)
    found = as_numbers(alike(others))
    hint, wanted = "use nothing but `pairs`", np.full(300, 20000101)
    check.accuracy("after training on one date", found, wanted, at_least=0.97, hint=hint)
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
# - <a id="see2017"></a>Abigail See, Peter J. Liu, Christopher D. Manning. *Get To The Point:
#   Summarization with Pointer-Generator Networks*. ACL, 1073–1083, 2017.
# - <a id="szegedy2016"></a>Christian Szegedy, Vincent Vanhoucke, Sergey Ioffe, Jonathon Shlens,
#   Zbigniew Wojna. *Rethinking the Inception Architecture for Computer Vision*. CVPR, 2818–2826,
#   2016.
# - <a id="vaswani2017"></a>Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones,
#   Aidan N. Gomez, Łukasz Kaiser, Illia Polosukhin. *Attention Is All You Need*. NIPS 30,
#   5998–6008, arXiv:1706.03762, 2017.
