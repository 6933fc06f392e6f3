# ---
# jupyter:
#   aimodels:
#     title: "Assignment: Words as vectors"
#     minutes: 125
#     repairs: [000-4.1.1, 002-4.2]
#     limits: {cell: 30, total: 120, memory: 4096}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: Words as vectors
#
# You prepare what a skip-gram model learns from, derive its gradients, make word vectors without
# any training, repair the two programs of articles 000 and 002, and at the end train a classifier
# on real Chinese reviews and look at what it gets wrong. NumPy is enough for all of it, and no
# Chinese is needed.
#
# **About 125 minutes**, in two sittings if you like. **100 points.** **Repairs:** article 000
# §4.1.1 and article 002 §4.2.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. A
# warning of NumPy (overflow, division by zero) counts as a mistake with some graders: write code
# that needs none.

# %% {locked setup}
import io
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from aimodels import data
from aimodels.course import check

# %% [markdown]
# ## Question 1: who stands near whom (12 points)
#
# Skip-gram learns from pairs of a centre and a neighbour. Write
# `pairs(sentences, before, after, min_count)`, which returns all of them as a list of tuples
# `(centre, neighbour)`.
#
# - `sentences` is a list of lists of words. First count every word in *all* the sentences. A word
#   that comes fewer than `min_count` times is taken out.
# - Then lay the window, which need not be as wide on both sides: a neighbour stands in the same
#   sentence, at most `before` places before the centre or at most `after` places after it. Either
#   may be 0. Since the rare words are gone already, the window reaches across the gap that they
#   leave. (So word2vec does it, and skip-gram then sees further.)
# - The order: sentences as they come; in a sentence the centres from left to right; for each
#   centre its neighbours from left to right. A place is not its own neighbour. But if the same
#   word stands again at another place in the window, that one counts.


# %% {answer q1}
def pairs(sentences, before, after, min_count):
    """All (centre, neighbour) of frequent words; `before` and `after` say how wide to look."""
    ### BEGIN SOLUTION
    counts = Counter(word for sentence in sentences for word in sentence)
    found = []
    for sentence in sentences:
        line = [word for word in sentence if counts[word] >= min_count]
        for i, centre in enumerate(line):
            around = line[max(i - before, 0) : i] + line[i + 1 : i + 1 + after]
            found += [(centre, neighbour) for neighbour in around]
    return found
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    check.equal(
        "one sentence of four words, 1 place before and 2 after",
        pairs([["the", "cat", "sat", "down"]], 1, 2, 1),
        [
            ("the", "cat"),
            ("the", "sat"),
            ("cat", "the"),
            ("cat", "sat"),
            ("cat", "down"),
            ("sat", "cat"),
            ("sat", "down"),
            ("down", "sat"),
        ],
        hint="for each centre, left to right: first the words before it, then those after it",
    )
    check.equal(
        "two short sentences, 5 places before and 4 after",
        pairs([["red", "fox"], ["dog"], ["fox", "red"]], 5, 4, 1),
        [("red", "fox"), ("fox", "red"), ("fox", "red"), ("red", "fox")],
        hint="the window ends where the sentence ends, and does not look into the next one",
    )
    check.equal(
        "a rare word between two others",
        pairs([["a", "rare", "b"], ["b", "a"]], 1, 1, 2),
        [("a", "b"), ("b", "a"), ("b", "a"), ("a", "b")],
        hint="take the rare words out before you look who stands near whom",
    )

# %% {test q1_hidden 8}
print("Hidden tests: long sentences, repeated words, other windows; counted place by place.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):
    rng = np.random.default_rng(31)
    for before, after, least, size in [(2, 1, 1, 5), (3, 5, 4, 30), (0, 2, 3, 12), (7, 0, 3, 30)]:
        lengths = rng.integers(0, 12, size=12)
        sentences = [[f"w{k}" for k in rng.integers(0, size, n) ** 2 // size] for n in lengths]
        counts = Counter(word for sentence in sentences for word in sentence)
        line = [(n, w) for n, s in enumerate(sentences) for w in s if counts[w] >= least]
        check.equal(
            "all pairs, in their order",
            pairs(sentences, before, after, least),
            [
                (a, b)
                for i, (n, a) in enumerate(line)
                for j, (m, b) in enumerate(line)
                if n == m and i != j and -before <= j - i <= after
            ],
            hint="a slice that starts below 0 counts from the back; a neighbour may be an equal "
            "word; count in all sentences together, and take rare words out first",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: noise, and words that are thrown away (12 points)
#
# Two functions on `counts`, an array $(V,)$: how often each word $w$ comes, $c_w \ge 0$. At least
# two words have a count above 0.
#
# `noise_probabilities(counts, targets, power=0.75)`. Skip-gram compares a true neighbour with noise
# words, drawn with probabilities in proportion to $c_w^{3/4}$ ([Mikolov et al.
# 2013](#mikolov2013distributed)). Drawn like this, a noise word may be the true neighbour itself;
# skip-gram would then learn that it is one *and* that it is none. Yours shall not: for each of the
# true neighbours `targets`, word numbers $(B,)$, return a row of probabilities in which the target
# has 0 and the others add up to 1. A word that never comes has probability 0. The result: $(B, V)$.
#
# `expected_length(counts, threshold)`. Frequent words say little, so of a word with the frequency
# $f_w = c_w / \sum_v c_v$ each occurrence is kept with probability
#
# $$ p_w = \min\Bigl(1,\; \sqrt{t / f_w} + t / f_w \Bigr), $$
#
# with $t$ = `threshold`. (This is the rule of the program word2vec; the paper has only the root.)
# How many words of text do you *expect* to keep, over the whole text? The result is one number,
# rarely a whole one. A word that never comes adds nothing to it, and must cause no division by
# zero.


# %% {answer q2}
def noise_probabilities(counts, targets, power=0.75):
    """Row b: in proportion to counts ** power, without the word targets[b]; shape (B, V)."""
    ### BEGIN SOLUTION
    weights = np.tile(np.where(counts > 0, counts**power, 0), (len(targets), 1))  # 0 ** 0 is 1
    weights[np.arange(len(targets)), targets] = 0
    return weights / weights.sum(axis=1, keepdims=True)
    ### END SOLUTION


def expected_length(counts, threshold):
    """How many of the text's words are left on average, when each is kept with probability p."""
    ### BEGIN SOLUTION
    ratio = threshold * counts.sum() / counts[counts > 0]
    return np.sum(counts[counts > 0] * np.minimum(1, np.sqrt(ratio) + ratio))
    ### END SOLUTION


# %% {test q2_visible 4}
with check.question("q2_visible", points=4):
    check.close(
        "counts 16, 81, 1 to the power 1/2, targets 0 and 2",
        noise_probabilities(np.array([16, 81, 1]), np.array([0, 2]), power=0.5),
        np.array([[0, 0.9, 0.1], [4 / 13, 9 / 13, 0]]),
        hint="4, 9 and 1; put the target's 0 first, then divide each row by its own sum",
    )
    check.close(
        "the power 3/4, if no other is asked for",
        noise_probabilities(np.array([16, 81, 0, 1]), np.array([3])),
        np.array([[8 / 35, 27 / 35, 0, 0]]),
        hint="16 to the power 3/4 is 8, and 81 to the power 3/4 is 27",
    )
    check.close(
        "what is left of 80 and 20 words with the threshold 0.05",
        expected_length(np.array([80, 20]), 0.05),
        80 * (0.25 + 0.0625) + 20 * (0.5 + 0.25),
        hint="f is 0.8 and 0.2; each word counts as often as it comes, times its probability",
    )

# %% {test q2_hidden 8}
print("Hidden tests: large vocabularies, words that never come, words that are all kept.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=8), np.errstate(all="raise", under="ignore"):
    rng = np.random.default_rng(32)
    for size, power in [(7, 0.75), (400, 0.75), (60, 1.5), (20, 0), (8, 0.0)]:
        counts = rng.integers(1, 1000, size=size) * (np.arange(size) % 3 > 0)
        targets = rng.integers(0, size, size=9)
        before = counts.copy()
        others = np.array([(np.arange(size) != t) * (before > 0) * before**power for t in targets])
        check.close(
            "the noise for each target",
            noise_probabilities(counts, targets, power=power),
            others / others.sum(1)[:, None],
            hint="each row lacks its own target only, and adds up to 1; the power is an argument, "
            "and with the power 0 a word that never comes has probability 0 as well",
        )
        check.equal("the counts stay as they were", counts, before, hint="work on a copy")
    for size, power, threshold in [(50, 3, 1e-3), (1000, 3, 1e-2), (30, 3, 2.0), (5, 1, 0.01)]:
        counts = rng.integers(1, 20, size=size) ** power * (np.arange(size) % 4 > 0)
        kept = [
            n * min(1, (threshold * counts.sum() / n) ** 0.5 + threshold * counts.sum() / n)
            for n in counts[counts > 0]
        ]
        check.close(
            "the expected length",
            expected_length(counts, threshold),
            sum(kept),
            hint="no probability is above 1; leave out words of count 0 before you divide; "
            "round nothing",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: pulled together, pushed apart (18 points)
#
# A batch of $B$ pairs: centres with the vectors $x_b$, their true neighbours with the vectors
# $y_b$, and for each pair $K$ noise words with the vectors $z_{bk}$. A noise word that was drawn by
# mistake, because it is the true neighbour, gets $m_{bk} = 0$ and must not count; all others have
# $m_{bk} = 1$. The loss is
#
# $$ L = -\frac1B \sum_{b=1}^{B} \Bigl[ \ln \sigma(x_b^\top y_b)
#    + \sum_{k=1}^{K} m_{bk} \ln \sigma(-x_b^\top z_{bk}) \Bigr],
#    \qquad \sigma(s) = \frac{1}{1 + e^{-s}}. $$
#
# Write `negative_sampling(x, y, z, m)`. It returns the tuple `(loss, grad_x, grad_y, grad_z)`: the
# number $L$, and its gradients with the shapes of `x`, `y` and `z`.
#
# - Shapes: `x` and `y` $(B, D)$, `z` $(B, K, D)$, `m` $(B, K)$.
# - The gradients are yours to derive: derive them before you open the package. What is the slope
#   of $\ln\sigma(s)$? Everything else is the chain rule. Check yourself with the judge below: make
#   a small batch with `rng.normal`, then compare
#   `finite_differences(lambda v: negative_sampling(v, y, z, m)[0], x)` with your `grad_x`.
# - Scores may be as large as $\pm 2000$. Far below zero $\sigma$ is 0 for the computer and its
#   logarithm $-\infty$; and `np.exp` of a large number overflows.
#   $-\ln\sigma(s) = \ln(1 + e^{-s})$, and `np.logaddexp(a, b)` is $\ln(e^a + e^b)$, computed with
#   care. With its help you can also write $\sigma$ itself.


# %% {locked judge}
def finite_differences(function, x, step=1e-6):
    """The slope of function(x), a number, for every entry of x."""
    gradient = np.zeros_like(x, dtype=float)
    for i in np.ndindex(x.shape):
        move = np.zeros_like(gradient)
        move[i] = step
        gradient[i] = (function(x + move) - function(x - move)) / (2 * step)
    return gradient


# %% {answer q3}
def negative_sampling(x, y, z, m):
    """The mean loss of B pairs with K noise words each: (loss, grad_x, grad_y, grad_z)."""
    ### BEGIN SOLUTION
    positive = np.sum(x * y, axis=1)  # (B,)
    negative = np.einsum("bd,bkd->bk", x, z)
    losses = np.logaddexp(0, -positive) + np.sum(m * np.logaddexp(0, negative), axis=1)
    pull = -np.exp(-np.logaddexp(0, positive)) / len(x)  # 1 - sigma(s) = sigma(-s)
    push = m * np.exp(-np.logaddexp(0, -negative)) / len(x)
    grad_x = pull[:, None] * y + np.einsum("bk,bkd->bd", push, z)
    return losses.mean(), grad_x, pull[:, None] * x, push[:, :, None] * x[:, None]
    ### END SOLUTION


# %% {test q3_visible 6}
with check.question("q3_visible", points=6):
    x_q3, y_q3 = np.array([[1.0, 2.0], [0.0, 1.0]]), np.zeros((2, 2))
    z_q3, m_q3 = np.zeros((2, 3, 2)), np.array([[1, 1, 1], [1, 0, 0]])
    found_q3 = negative_sampling(x_q3, y_q3, z_q3, m_q3)
    check.equal(
        "the shapes of the three gradients",
        [np.shape(found_q3[1]), np.shape(found_q3[2]), np.shape(found_q3[3])],
        [(2, 2), (2, 2), (2, 3, 2)],
        hint="each gradient has the shape of what it belongs to: x, y, z",
    )
    check.close(
        "the loss if all scores are 0, with 3 noise words and with 1",
        found_q3[0],
        (4 + 2) * np.log(2) / 2,
        hint="each score of 0 costs ln 2, if it counts; then the mean over the pairs",
    )
    check.close(
        "the gradient for the true neighbours",
        found_q3[2],
        -x_q3 / 4,
        hint="at the score 0 the slope of -ln sigma is -1/2; and what became of 1/B?",
    )
    check.close(
        "the gradient for the noise words",
        found_q3[3],
        np.array([[[0.25, 0.5]] * 3, [[0, 0.25], [0, 0], [0, 0]]]),
        hint="the same, pushed the other way; a word with m = 0 feels nothing",
    )
    far_q3 = np.array([[1000.0]])
    check.close(
        "the loss of a pair whose score is -1000",
        negative_sampling(far_q3, -np.ones((1, 1)), np.zeros((1, 1, 1)), np.zeros((1, 1)))[0],
        1000.0,
        hint="not infinity: use np.logaddexp before anything has become 0",
    )

# %% {test q3_hidden 12}
print("Hidden tests: random batches, one of them large; scores of 2000 on both sides.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=12):

    def pair_by_pair(x, y, z, m):
        loss, slopes = 0.0, [np.zeros(v.shape) for v in (x, y, z)]
        for b, (u, v, w) in enumerate(zip(x, y, z, strict=True)):
            near, far = 1 / (1 + np.exp(-u @ v)), 1 / (1 + np.exp(w @ u))
            loss -= np.log(near) + m[b] @ np.log(far)
            slopes[0][b] = (near - 1) * v + (m[b] * (1 - far)) @ w
            slopes[1][b] = (near - 1) * u
            slopes[2][b] = np.outer(m[b] * (1 - far), u)
        return loss / len(x), [slope / len(x) for slope in slopes]

    rng = np.random.default_rng(33)
    for b, k, d in [(1, 1, 1), (4, 3, 5), (6, 1, 2), (60, 70, 80)]:
        x_q3, y_q3, z_q3 = (rng.normal(size=size) for size in ((b, d), (b, d), (b, k, d)))
        m_q3 = (rng.random((b, k)) < 0.7).astype(float)
        found_q3 = negative_sampling(x_q3, y_q3, z_q3, m_q3)
        wanted = pair_by_pair(x_q3, y_q3, z_q3, m_q3)
        check.close("the loss", found_q3[0], wanted[0], hint="sum over k, mean over b")
        for i in range(3):
            check.close(
                f"the gradient for {'xyz'[i]}",
                found_q3[1 + i],
                wanted[1][i],
                hint="in which scores does this vector stand? x in all of its pair's; each score's "
                "slope, with its m, times the other vector; B divides, K does not. From formulas: "
                "differences of the loss would take hours for a large batch",
            )
    far_q3, one_q3 = np.array([[1000.0]]), np.ones((1, 1))
    for sign in (1, -1):
        found_q3 = negative_sampling(sign * far_q3, one_q3, one_q3[None] * 2.0, one_q3)
        check.close(
            "scores of 1000 and 2000, or of -1000 and -2000: loss and gradients",
            [found_q3[0], *(np.sum(gradient) for gradient in found_q3[1:])],
            [2000, 2, 0, 1000] if sign > 0 else [1000, -1, 1000, 0],
            hint="ln(1 + exp(s)) with np.logaddexp, for both kinds of scores; and sigma without "
            "overflow: its logarithm first, then np.exp of that",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: vectors without training (16 points)
#
# The lesson's opponent only counted, and needed 2,000 numbers a word. Here it becomes short. Let
# $n_{ij}$ count how often word $i$ meets the context $j$. By chance alone, with the sums of row $i$
# and column $j$ as they are, we would expect $e_{ij} = n_{i*}\, n_{*j} / n_{**}$ meetings, where a
# star stands for a sum. Then
#
# $$ \mathrm{PPMI}_{ij} = \max\Bigl(0,\; \ln \frac{n_{ij}}{k\, e_{ij}} \Bigr), $$
#
# with a number $k \ge 1$: a pair must meet more than $k$ times as often as by chance to count. With
# $k$ noise words, skip-gram's products tend to $\ln (n_{ij} / e_{ij}) - \ln k$: hence the $k$.
#
# The rows of this table are long. The singular value decomposition $M = U S W^\top$ sorts what is
# in it by size, and row $i$ of $U_d \sqrt{S_d}$, with the $d$ largest singular values, is a vector
# of $d$ numbers for word $i$.
#
# - `ppmi(counts, k=1)`: the table, of the shape of `counts`, $(V, C)$. Where nothing was counted
#   the result is 0, also in rows and columns without any count, and without warnings. Take care
#   before you divide by 0 or take its logarithm: `nan` would spread into everything that follows.
#   Counts need not be whole numbers.
# - `svd_vectors(table, d)`: $U_d \sqrt{S_d}$, shape $(V, d)$, with $d \le \min(V, C)$.
#   `np.linalg.svd(table, full_matrices=False)` gives $U$, the values of $S$ in falling order, and
#   $W^\top$. A column may have the other sign than in another student's solution: the products of
#   vectors are the same.


# %% {answer q4}
def ppmi(counts, k=1):
    """max(0, ln(n / (k e))) for each pair, e what chance would give; 0 where nothing was met."""
    ### BEGIN SOLUTION
    counts = np.asarray(counts, float)
    total = counts.sum() or 1
    chance = k * counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / total
    ratio = np.divide(counts, chance, out=np.zeros_like(counts), where=chance > 0)
    return np.log(np.maximum(ratio, 1))  # max(0, ln r) = ln(max(1, r))
    ### END SOLUTION


def svd_vectors(table, d):
    """The left singular vectors of the d largest singular values, times the values' roots."""
    ### BEGIN SOLUTION
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return u[:, :d] * np.sqrt(s[:d])
    ### END SOLUTION


# %% {test q4_visible 5}
with check.question("q4_visible", points=5):
    counts_q4 = np.array([[8, 0, 8], [0, 4, 4]])
    check.close(
        "the table of two words and three contexts",
        ppmi(counts_q4),
        np.log([[8 / (16 * 8 / 24), 1, 1], [1, 4 / (8 * 4 / 24), 1]]),
        hint="24 in all; the first pair met 8 times, and 16 * 8 / 24 would be chance; a pair that "
        "met exactly as often as by chance gets 0, and so does one that never met",
    )
    check.close(
        "the same with k = 2",
        ppmi(counts_q4, k=2),
        np.log([[1, 1, 1], [1, 1.5, 1]]),
        hint="subtract ln k before you take the larger one of it and 0",
    )
    vectors_q4 = svd_vectors(np.array([[3.0, 0, 0, 0], [0, 0, 5, 0], [0, 0.5, 0, 0]]), 2)
    check.close(
        "products of the vectors of a simple table",
        np.asarray(vectors_q4) @ np.transpose(vectors_q4),
        np.diag([3.0, 5.0, 0]),
        hint="one column for each of the 2 largest values, 5 and 3, times its root",
    )
    check.equal(
        "their shape",
        np.shape(vectors_q4),
        (3, 2),
        hint="a row a word, d columns; np.linalg.svd gives U, the values and W transposed",
    )

# %% {test q4_hidden 11}
print("Hidden tests: larger tables, words never met, other shifts.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=11), np.errstate(all="raise", under="ignore"):
    rng = np.random.default_rng(34)
    for rows, columns, k in [(5, 5, 1), (12, 30, 1), (40, 7, 3), (6, 9, 2.5), (4, 6, 9)]:
        counts = rng.poisson(rng.gamma(0.5, 6, size=(rows, columns)))
        counts[2], counts[:, 4] = 0, 0
        counts *= k < 9  # and once nothing was counted at all
        n, r, c = counts.sum(), counts.sum(1), counts.sum(0)
        wanted = [
            [np.log(max(1, v * n / (k * r[i] * c[j] or 1))) for j, v in enumerate(row)]
            for i, row in enumerate(counts.tolist())
        ]
        check.close(
            "the table",
            ppmi(counts, k=k),
            np.array(wanted),
            hint="sums of rows down, sums of columns across; 0, not nan, where a sum is 0",
        )
        check.close(
            "the same table from counts a thousand times smaller",
            ppmi(counts / 1000, k=k),
            np.array(wanted),
            hint="shares of a whole are counts, too: what guards you against a sum of 0 must not "
            "change a sum that is merely small",
        )
    for rows, columns, d in [(6, 6, 3), (20, 8, 5), (5, 40, 1), (9, 9, 9)]:
        table = rng.normal(size=(rows, columns))
        table[5:] = table[5:] if d < 9 else table[0]  # fewer directions than columns asked for
        vectors = np.asarray(svd_vectors(table, d))
        values, axes = np.linalg.eigh(table @ table.T)
        check.close(
            "the products of the vectors",
            vectors @ vectors.T,
            (axes[:, -d:] * np.sqrt(np.abs(values[-d:]))) @ axes[:, -d:].T,
            rtol=1e-3,
            atol=1e-4,
            hint="the d largest values, each column times the root of its own",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: repair the file of article 000 (14 points)
#
# Article 000 §4.1.1 wants the vector of "king" from a file. Here is its idea in our own words, with
# what happens.


# %% {locked article000}
def read_back(content, **options):
    """What a .npy file that holds `content` gives back; the file stays in memory."""
    file = io.BytesIO()
    np.save(file, content)
    file.seek(0)
    return np.load(file, **options)


def attempt(text, function):
    try:
        print(text, np.shape(function()))
    except (IndexError, ValueError) as error:
        print(text, type(error).__name__)


article = {"king": np.ones(50), "queen": np.zeros(50)}
table = np.array(list(article.values()))
attempt("1. a table has rows, and knows no words:", lambda: read_back(table)["king"])
attempt("2. a dictionary has to be pickled:", lambda: read_back(article))
unsafe = {"allow_pickle": True}  # loading may now run any program that hides in the file
attempt("3. and comes back without keys:", lambda: read_back(article, **unsafe)["king"])

# %% [markdown]
# The lesson's `WordVectors.save` has repaired this. Yours goes further and makes the *vectors* four
# times smaller: a **quantised** file. (The words it will not make smaller: an array of text gives
# each word the room of the longest one, which is why the lesson's file keeps words as bytes.) The
# numbers of word $i$ become whole numbers $q_{ij}$ from -127 to 127, one byte each, with a scale
# $s_i$ of its own:
#
# $$ s_i = \frac{\max_j |v_{ij}|}{127}, \qquad q_{ij} = \text{round}\Bigl(\frac{v_{ij}}{s_i}\Bigr),
#    \qquad v_{ij} \approx s_i\, q_{ij}. $$
#
# - `save(path, words, vectors)` writes an `.npz` file (`np.savez`) with three arrays: `words`
#   $(V,)$, text; `codes` $(V, D)$, of type `int8`; `scales` $(V,)$, of type `float32`. It must be
#   readable *without* pickle. A vector of zeros has the scale 0 and the codes 0.
# - `load(path)` returns `(words, vectors)`: a list, and an array $(V, D)$ of `float32`. It must
#   refuse a file with pickled content: leave `allow_pickle` off.


# %% {answer q5}
def save(path, words, vectors):
    """Write words, codes (int8) and scales (float32) into an .npz file without pickle."""
    ### BEGIN SOLUTION
    vectors = np.asarray(vectors)
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words, str), codes=codes, scales=scales.astype(np.float32))
    ### END SOLUTION


def load(path):
    """The list of words and their vectors (V, D), float32, from a file of `save`."""
    ### BEGIN SOLUTION
    with np.load(path, allow_pickle=False) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)
    ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5), tempfile.TemporaryDirectory() as folder:
    path_q5 = Path(folder) / "vectors.npz"
    save(path_q5, ["king", "New York"], np.array([[63.5, -25.0, 0.0], [0.0, 0.0, 254.0]]))
    with np.load(path_q5, allow_pickle=False) as npz_q5:
        check.equal(
            "the codes in the file",
            npz_q5["codes"].tolist(),
            [[127, -50, 0], [0, 0, 127]],
            hint="the largest number of each row, without its sign, becomes 127",
        )
        check.equal(
            "the types in the file",
            [npz_q5[name].dtype.name for name in ("codes", "scales")]
            + [npz_q5["words"].dtype.kind],
            ["int8", "float32", "U"],
            hint="a plain array of str for words; .astype(np.int8), .astype(np.float32)",
        )
    words_q5, vectors_q5 = load(path_q5)
    check.equal("the words", words_q5, ["king", "New York"], hint="a list, in the rows' order")
    check.close(
        "the vectors",
        vectors_q5,
        np.array([[63.5, -25, 0], [0, 0, 254]]),
        hint="each row of codes times its own scale",
    )
    hint = "float32 at the end, whatever type the scales gave on the way: .astype(np.float32)"
    check.equal("their type", np.asarray(vectors_q5).dtype.name, "float32", hint=hint)

# %% {test q5_hidden 9}
print("Hidden tests: many words and languages, zero vectors, an unsafe file.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=9), tempfile.TemporaryDirectory() as folder:

    def case(seed):
        rng = np.random.default_rng(seed)
        codes, scales = rng.integers(-126, 127, size=(80, 50)), 10 ** rng.normal(size=(80, 1))
        codes[:, 7], codes[3] = rng.choice([-127, 127], size=80), 0
        between = rng.uniform(-0.45, 0.45, size=codes.shape) * (abs(codes) % 127 > 0)
        return (codes + between) * scales, codes, scales * (np.arange(80) != 3)[:, None]

    names = ["été", "国王", "a b", "国", "x" * 70, "Ä", *(f"w{i}" for i in range(74))]
    table_q5 = check.given(case(35)[0])
    path_q5 = Path(folder) / "many.npz"
    with np.errstate(divide="raise", invalid="raise"):
        save(path_q5, names, table_q5)
    with np.load(path_q5, allow_pickle=False) as npz_q5:
        hint = "one a word: the largest size in its row / 127, with signs away; 0 for zeros"
        check.equal("any words", npz_q5["words"].tolist(), names, hint="an array of str")
        check.close("the scales in the file", npz_q5["scales"], case(35)[2][:, 0], hint=hint)
        wanted = ["int8", case(35)[1].tolist()]
        found_q5 = [npz_q5["codes"].dtype.name, npz_q5["codes"].tolist()]
        hint = "round to the nearest, then .astype(np.int8), which alone would cut off"
        check.equal("the codes in the file", found_q5, wanted, hint=hint)
    words_q5, vectors_q5 = load(path_q5)
    wanted = case(35)[1] * case(35)[2]
    check.equal("the words", words_q5, names, hint="a list, as they were")
    check.close("the vectors", vectors_q5, wanted, rtol=1e-4, hint="codes * scale")
    path_q5 = Path(folder) / "pickled.npz"
    np.savez(path_q5, words=np.array(["a"], "O"), codes=np.int8([[1, 1]]), scales=np.float32([1]))
    hint = "never allow_pickle=True: such a file can run any program"
    check.raises("a file whose words are pickled", lambda: load(path_q5), ValueError, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: repair the classifier of article 002 (14 points)
#
# Article 002 §4.2 wants to tell good Chinese sentences from bad ones: words → vectors → logit. Here
# is its idea with sentences of our own. Like the article's, all of them are good ones.

# %% {locked article002}
sentences = [
    "我喜欢这本书",  # I like this book
    "我喜欢这家酒店",  # I like this hotel
    "房间很大",  # the room is big
]
labels = [1, 1, 1]
new = "我不喜欢这本书"  # I do not like this book
article_words = {word: row for row, word in enumerate(" ".join(sentences).split())}
print("1. words found at blanks, in each sentence:", [len(text.split()) for text in sentences])
print("2. words of a new sentence that it knows:", sum(w in article_words for w in new.split()))
print("3. classes in its labels:", set(labels))
padded = np.array([[2.0, 2.0], [4.0, 4.0], [0.0, 0.0], [0.0, 0.0]])  # two words, two zeros behind
print("4. mean of the two words:", padded[:2].mean(0), "- with padding:", padded.mean(0))

# %% [markdown]
# Chinese puts no blanks between words, so that the article takes each sentence for one word. The
# lesson divided sentences with a dictionary and probabilities. A simple old way is the **longest
# match from the end** (in books: backward maximum matching): stand at the end of the text, take the
# longest word of the dictionary that ends here, step before it, and go on. If no word ends here,
# take one character. On Chinese it usually makes fewer mistakes than the longest match from the
# front. 研究生命起源 means "to study the origin of life": 研究 (study), 生命 (life), 起源 (origin).
# From the front, one would begin with 研究生, a "graduate student".
#
# - `segment(text, words)`: the list of words, in the order of the text. `words` is a list, the
#   dictionary. White space (`str.isspace`) separates words and is never part of one.
# - `logits(ids, table, weights, bias)`: the mean of the rows of `table` $(V + 2, D)$ over the places
#   that are *not* padding, $h_n$; then $h_n^\top$ `weights` + `bias`. The result: $(N,)$. For a row
#   of padding alone $h_n$ is zero. Unknown words count like any others.


# %% {answer q6}
def segment(text, words):
    """The words of a text, longest match from the end; a character where no word ends."""
    ### BEGIN SOLUTION
    known, found, end = set(words), [], len(text)
    while end > 0:
        begin = next((i for i in range(end) if text[i:end] in known), end - 1)
        if not text[begin:end].isspace():
            found.append(text[begin:end])
        end = begin
    return found[::-1]
    ### END SOLUTION


def logits(ids, table, weights, bias):
    """The mean vector of each row's words, padding left out, times weights, plus bias: (N,)."""
    ### BEGIN SOLUTION
    mask = np.asarray(ids) > 0
    total = (table[ids] * mask[:, :, None]).sum(axis=1)
    mean = total / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return mean @ weights + bias
    ### END SOLUTION


# %% {test q6_visible 5}
with check.question("q6_visible", points=5):
    # study, graduate student, life, origin, fate
    words_q6 = ["研究", "研究生", "生命", "起源", "命"]
    check.equal(
        "the study of the origin of life",
        segment("研究生命起源", words_q6),
        ["研究", "生命", "起源"],
        hint="begin at the end of the text; of the words that end here, the longest one",
    )
    check.equal(
        "I study life: unknown characters and a blank",
        segment("我研究 生命。", words_q6),
        ["我", "研究", "生命", "。"],
        hint="no word ends here? Take one character; leave out white space",
    )
    table_q6 = np.array([[9.0, 9.0], [0.0, 2.0], [4.0, 0.0]])
    check.close(
        "the logits of two texts and an empty one",
        logits(
            np.array([[2, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]), table_q6, np.array([1.0, 3.0]), 5
        ),
        [2 + 3 + 5, 4 + 5, 5],
        hint="divide by the number of words, not of places; row 0 of the table never counts",
    )

# %% {test q6_hidden 9}
print("Hidden tests: long texts, overlapping words, more padding, random tables.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=9):

    def by_sorting(text, words):
        found = []
        while text:
            ends = [w for w in sorted(words, key=len) if text.endswith(w)] or [text[-1]]
            text = text[: len(text) - len(ends[-1])]
            found = [ends[-1], *found]
        return [word for word in found if word.strip()]

    rng = np.random.default_rng(36)
    words_q6 = ["ab", "abc", "ca", "bca", "d", "ddd", "cabd", "db", "abcdd", 9 * "dcba"]
    texts = ["".join(rng.choice(list("abcd?"), size=n)) for n in (1, 7, 30, 12, 60)]
    texts += ["a b\ncabd\t", "  ", "ab c", "abcdd" + 9 * "dcba" + "abc", "ab\u3000c\xa0d"]
    hint = "after each word, the longest one that ends where it began; none reaches over a blank"
    wanted = [by_sorting(text, words_q6) for text in texts]
    check.equal("the words of many texts", [segment(t, words_q6) for t in texts], wanted, hint=hint)
    for count, places, dim in [(4, 5, 3), (7, 12, 1), (2, 1, 6)]:
        ids = rng.integers(1, 9, size=(count, places))
        ids[np.arange(places) >= rng.integers(0, places + 1, size=(count, 1))] = 0
        table_q6, weights_q6 = rng.normal(size=(9, dim)), rng.normal(size=dim)
        counts = (ids[:, :, None] == np.arange(1, 9)).sum(1)
        means = counts / np.maximum(counts.sum(1, keepdims=True), 1) @ table_q6[1:]
        before = table_q6.copy()
        for padding in [(0, 0), (0, 50), (3, 1)]:
            check.close(
                "the logits, with any padding",
                logits(np.pad(ids, [(0, 0), padding]), table_q6, weights_q6, -0.5),
                means @ weights_q6 - 0.5,
                hint="zeros change nothing, wherever they stand; unknown words, number 1, count",
            )
        check.equal("the table stays as it was", table_q6, before, hint="choose, do not overwrite")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: what real people wrote (14 points)
#
# Real reviews of books, hotels, computers and more. The label is 1 where the buyer called it good.


# %% {locked reviews}
def reviews(split):
    """The texts of a part of the data set, and their labels: 1 for good, 0 for bad."""
    texts, labels = data.arrays("reviews_zh", split)
    return [text.decode() for text in texts], labels


reviews_training, opinions_training = reviews("train[:3000]")
reviews_validation, opinions_validation = reviews("validation")
for text, opinion in zip(reviews_training[1:5], opinions_training[1:5], strict=True):
    print(opinion, text)
print("share of good ones:", opinions_training.mean().round(2))

# %% [markdown]
# Write `train(texts, labels, seed)`: it learns from texts with their labels, and returns a
# function, list of texts → scores $(N,)$: above 0 for good, below for bad, and the further from 0,
# the surer.
#
# - Which pieces of a text are your "words"? Single characters do not know what 不 ("not") stands
#   before; pairs of neighbours do (不好, "not good"), overlap, and need no dictionary.
# - *One* number a piece is enough; a text's score is the sum over its pieces. Gradient descent on
#   the cross-entropy finds such numbers. So does counting: how many times more often does a piece
#   come in good texts than in bad ones? The logarithm of that adds up
#   ([Wang & Manning 2012](#wang2012)). Add 1 to each count.
# - Learn from `texts` and `labels` only: the hidden tests train on other reviews, with good and bad
#   exchanged. Random numbers, if any, come from `np.random.default_rng(seed)`. A score may not
#   depend on the other texts in the list; and there are empty texts.
#
# And `worst(scores, labels, k)`: the places of the $k$ surest mistakes, the surest first, as an
# array of whole numbers; all of them if there are fewer. A score above 0 says 1, any other 0.
#
# **The bar** is the share of right answers, 72 %: on the validation reviews, and on the reviews of
# the `test` split, twice. Leave that split alone.


# %% {answer q7}
def train(texts, labels, seed):
    """A function: list of texts -> scores (N,), above 0 for good ones; learned from texts."""

    ### BEGIN SOLUTION
    def pieces(text):
        return {text[i : i + k] for k in (1, 2) for i in range(len(text) + 1 - k)}

    n = Counter(), Counter()
    for text, label in zip(texts, labels, strict=True):
        n[label].update(pieces(text))
    bias = np.log(n[0].total() / n[1].total())
    weight = {p: np.log((n[1][p] + 1) / (n[0][p] + 1)) + bias for p in n[0] | n[1]}
    return lambda texts: np.array([sum(weight.get(p, 0.0) for p in pieces(t)) for t in texts])
    ### END SOLUTION


def worst(scores, labels, k):
    """Places of the k surest mistakes, the surest first."""
    ### BEGIN SOLUTION
    mistakes = np.flatnonzero((scores > 0) != labels)
    return mistakes[np.argsort(-np.abs(scores[mistakes]))][:k]
    ### END SOLUTION


# %% {test q7_visible 4}
with check.question("q7_visible", points=4):
    trained_q7 = train(reviews_training, opinions_training, seed=1)
    check.equal(
        "the shape of the answer for an empty text and one of signs never seen",
        np.shape(trained_q7(["", "?!"])),
        (2,),
        hint="an unknown piece must not stop it: dict.get, or a test with `in`",
    )
    check.accuracy(
        "validation reviews",
        np.sign(trained_q7(reviews_validation)),
        2 * opinions_validation - 1,
        at_least=0.72,
        hint="near 50 %? Do long texts win, whatever they say? Then compare a piece's share among "
        "all pieces of good texts with its share in bad ones, not its bare counts",
    )
    check.equal(
        "the two surest of three mistakes",
        worst(np.array([-3.0, 0.5, 9.0, -1.0, 2.0]), np.array([1, 0, 1, 0, 0]), 2),
        [0, 4],
        hint="mistakes stand at 0, 1 and 4; which score is furthest from 0, with its sign away?",
    )

# %% [markdown]
# Now look at the errors of your model, in a cell of your own, and sort them. Is the label wrong? Is
# the text both good and bad? Is it irony, or a piece that it has learned wrongly? (Without Chinese:
# a translator helps.) And what does it say of a review that you write?
#
# ```python
# for place in worst(trained_q7(reviews_validation), opinions_validation, 20):
#     print(opinions_validation[place], reviews_validation[place])
# ```

# %% {test q7_hidden 10}
print("Hidden tests: reviews kept aside, one by one as well; trained with other words for good.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=10):
    aside_q7 = check.given(reviews("test")[0])
    scores_q7 = np.asarray(trained_q7(aside_q7))
    check.accuracy(
        "reviews kept aside",
        np.sign(scores_q7),
        2 * reviews("test")[1] - 1,
        at_least=0.72,
        hint="learn pieces that come again, not whole reviews",
    )
    alone_q7 = [np.asarray(trained_q7([text]))[0] for text in aside_q7[:30]]
    check.close(
        "scores of reviews asked for one by one, less those of all together",
        alone_q7 - scores_q7[:30],
        np.zeros(30),
        hint="a score rests on its own text and on what was learned, on nothing else",
    )
    studied_q7 = check.given(reviews("train[3000:6000]")[0])
    turned_q7 = check.given(1 - reviews("train[3000:6000]")[1])
    check.accuracy(
        "trained on other reviews, 1 for bad ones",
        np.sign(train(studied_q7, turned_q7, seed=3)(aside_q7)),
        1 - 2 * reviews("test")[1],
        at_least=0.72,
        hint="no list of good and bad words of your own: learn from the texts and labels given",
    )
    rng = np.random.default_rng(37)
    for n, k in [(40, 5), (7, 100)]:
        scores_q7, labels_q7 = rng.normal(size=n), rng.integers(0, 2, size=n)
        ranked = sorted(range(n), key=lambda i: -abs(scores_q7[i]))
        check.equal(
            "the surest mistakes",
            worst(scores_q7, labels_q7, k),
            np.array([i for i in ranked if labels_q7[i] != (scores_q7[i] > 0)][:k]),
            hint="mistakes alone, by their distance from 0; no more than there are",
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
# - <a id="mikolov2013distributed"></a>Tomas Mikolov, Ilya Sutskever, Kai Chen, Greg S. Corrado,
#   Jeffrey Dean. *Distributed Representations of Words and Phrases and their Compositionality*.
#   NIPS 26, 3111–3119, 2013.
# - <a id="wang2012"></a>Sida Wang, Christopher D. Manning. *Baselines and Bigrams: Simple, Good
#   Sentiment and Topic Classification*. ACL, 90–94, 2012.
