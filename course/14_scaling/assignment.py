# ---
# jupyter:
#   aimodels:
#     title: "Assignment: From a laptop to many machines"
#     minutes: 150
#     repairs: []
#     limits: {cell: 30, total: 120, memory: 4096}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: From a laptop to many machines
#
# You work out what a training needs and how fast it can be, repair the average that most people
# would write first, send numbers around a ring, keep small gradients alive in 16 bits, cut a
# network in slices, and at the end train one for real patients, with hospitals that share nothing
# but gradients. You simulate the machines: NumPy is all you need, and it takes seconds.
#
# **About 150 minutes**, in three sittings if you like. **100 points.** **Repairs:** no program,
# but what article 004 §6.3 says about data parallelism.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. No
# function may change the arrays that it is given.

# %% {locked setup}
import itertools

import numpy as np
from sklearn.datasets import load_breast_cancer

from aimodels.course import check

# %% [markdown]
# ## Question 1: does it fit? (12 points)
#
# A network of dense layers has the widths `sizes` $= (n_0, n_1, \dots, n_L)$: $n_0$ features come
# in, layer $l$ has $n_{l-1}n_l$ weights and $n_l$ biases. It is trained with Adam. Count the bytes
# that must be in memory at once, by what they are for:
#
# | | in float32 | mixed, as in [Micikevicius et al. 2018](#micikevicius2018) |
# |---|---|---|
# | weights and biases | 4 bytes each | the same, **and** a copy of 2 bytes each |
# | gradients, one for each of them | 4 bytes | 2 bytes |
# | Adam's two running means, for each of them | 4 bytes each | 4 bytes each |
# | activations, for each example: inputs and all layers' outputs | 4 bytes a number | 2 bytes |
#
# With gradient accumulation the batch passes in `num_microbatches` pieces, as equal as possible, one
# after the other. Only one piece is in memory at a time; what counts is the **largest** one.
#
# `memory(sizes, batch_size, num_microbatches=1, mixed=False)` returns a dictionary of whole numbers
# with the keys `"weights"`, `"gradients"`, `"optimizer"` and `"activations"`.
#
# When it works, compare the two columns: which of the four become smaller, which one larger? And
# what happens to the sum of the first three?


# %% {answer q1}
def memory(sizes, batch_size, num_microbatches=1, mixed=False):
    """Bytes by purpose: weights, gradients, optimizer, activations."""
    ### BEGIN SOLUTION
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    rows = -(-batch_size // num_microbatches)
    return {
        "weights": (6 if mixed else 4) * parameters,
        "gradients": (2 if mixed else 4) * parameters,
        "optimizer": 8 * parameters,
        "activations": (2 if mixed else 4) * rows * sum(sizes),
    }
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    check.equal(
        "widths 3, 4, 2 and five examples",
        memory((3, 4, 2), 5),
        {"weights": 104, "gradients": 104, "optimizer": 208, "activations": 180},
        hint="26 parameters, the biases counted; nine numbers to keep for an example, 3 + 4 + 2",
    )
    check.equal(
        "the same in mixed precision",
        memory((3, 4, 2), 5, mixed=True),
        {"weights": 156, "gradients": 52, "optimizer": 208, "activations": 90},
        hint="float16 numbers have 2 bytes; the weights are there twice",
    )
    check.equal(
        "the activations of five examples in two pieces",
        memory((3, 4, 2), 5, num_microbatches=2)["activations"],
        108,
        hint="2 + 3 examples: there must be room for the larger piece",
    )

# %% {test q1_hidden 8}
print("Hidden tests: other widths and depths, both precisions, any number of pieces.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):
    for sizes, batch, pieces in [
        ((7, 5), 9, 4),
        ((64, 50, 30, 10), 32, 5),
        ((2, 8, 8, 8, 3), 7, 7),
        ((5, 1, 6), 12, 1),
        ([300, 20, 4], 1000, 33),
    ]:
        layers = [np.zeros((n + 1, m), "float32") for n, m in itertools.pairwise(sizes)]
        fixed, one = sum(layer.nbytes for layer in layers), 4 * sum(sizes)
        rows = len(np.array_split(np.zeros(batch), pieces)[0])
        check.equal(
            "float32, any widths",
            memory(sizes, batch, pieces),
            dict(weights=fixed, gradients=fixed, optimizer=2 * fixed, activations=rows * one),
            hint="a bias for each output of each layer; the largest piece counts, rounded up",
        )
        half, kept = fixed // 2, rows * one // 2
        check.equal(
            "mixed, any widths",
            memory(sizes, batch, pieces, mixed=True),
            dict(weights=3 * half, gradients=half, optimizer=4 * half, activations=kept),
            hint="Adam's means stay in float32, the activations do not",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: how fast at best? (14 points)
#
# A machine computes at most $\pi$ (`peak`) FLOP/s, and moves at most $\beta$ (`bandwidth`) bytes/s
# between memory and processor. The forward pass of one dense layer, $Y = XA$ with $X$ of shape
# (B, n) and the weights $A$ of shape (n, m), reads $X$ and $A$ and writes $Y$, each once, with
# `size` bytes a number. A multiplication and an addition are two operations. (Leave the bias out.)
#
# - `layer_speed(batch_size, n, m, peak, bandwidth, size=4)` returns two things: the roofline's
#   FLOP/s for this layer, and the text `"memory"` or `"compute"`: what it waits for. At the ridge
#   itself, say `"compute"`.
# - `smallest_batch(n, m, peak, bandwidth, size=4)`: the smallest batch with which a layer is bound
#   by `"compute"`, or `None` if no batch is large enough. With only the weights in mind one soon
#   has an answer; but $X$ and $Y$ must be moved, too, and they grow with the batch.


# %% {answer q2}
def layer_speed(batch_size, n, m, peak, bandwidth, size=4):
    """The FLOP/s that the roofline allows, and "memory" or "compute"."""
    ### BEGIN SOLUTION
    moved = size * (batch_size * n + n * m + batch_size * m)
    intensity = 2 * batch_size * n * m / moved
    bound = "compute" if intensity >= peak / bandwidth else "memory"
    return min(peak, bandwidth * intensity), bound
    ### END SOLUTION


def smallest_batch(n, m, peak, bandwidth, size=4):
    """The smallest batch that is bound by "compute", or None."""
    ### BEGIN SOLUTION
    needed = size * peak / bandwidth  # operations that must be done for each number moved
    gained = 2 * n * m - needed * (n + m)  # by one example more
    return int(np.ceil(needed * n * m / gained)) if gained > 0 else None
    ### END SOLUTION


# %% {test q2_visible 5}
with check.question("q2_visible", points=5):
    speed, bound = layer_speed(1, 100, 100, peak=1000, bandwidth=100)
    check.close(
        "FLOP/s of a layer of 100 x 100, one example",
        speed,
        50 / 1.02,
        hint="20,000 operations, and 4 * (100 + 10,000 + 100) bytes that take 408 s",
    )
    check.equal("what it waits for", bound, "memory", hint="0.49 FLOPs a byte, the ridge is at 10")
    check.equal(
        "the same layer, 100 examples",
        layer_speed(100, 100, 100, peak=1000, bandwidth=100),
        (1000, "compute"),
        hint="a batch reads the weights once for all its examples; never faster than the peak",
    )
    check.equal(
        "smallest batch for 100 x 100",
        smallest_batch(100, 100, peak=1000, bandwidth=100),
        34,
        hint="solve `intensity = ridge` for B, with B in the bytes, too; then round up",
    )
    check.equal(
        "smallest batch for 30 x 30",
        smallest_batch(30, 30, peak=1000, bandwidth=100),
        None,
        hint="with ever more examples the weights cost nothing; what does the intensity come to?",
    )
    check.equal(
        "a layer of 32 x 32 at the ridge itself, and its smallest batch",
        (layer_speed(16, 32, 32, 400, 100)[1], smallest_batch(32, 32, 400, 100)),
        ("compute", 16),
        hint="16 examples: 4 FLOPs a byte, and the ridge is at 4; 16 are enough, 17 not needed",
    )

# %% {test q2_hidden 9}
print("Hidden tests: other machines and layers, numbers of 2 bytes, batches of millions.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=9):
    for peak, bandwidth, size in [(6e10, 1.3e10, 4), (3e14, 2.1e12, 2), (9e13, 1.1e12, 4)]:
        for n, m in [(700, 90), (512, 2048), (33, 4000)]:
            batches = np.arange(1, 6001)
            flops = 2.0 * batches * n * m
            moved = size * (batches * n + n * m + batches * m)
            busy, waiting = flops / peak, moved / bandwidth
            enough = np.flatnonzero(busy >= waiting)
            for i in (0, 59, 2499):
                speed, bound = layer_speed(i + 1, n, m, peak, bandwidth, size)
                wanted = flops[i] / max(busy[i], waiting[i])
                check.close("FLOP/s of a layer", speed, wanted, hint="2Bnm; is `size` used?")
                wanted, hint = (
                    "memory" if waiting[i] > busy[i] else "compute",
                    "which takes longer?",
                )
                check.equal("what a layer waits for", bound, wanted, hint=hint)
            check.equal(
                "the smallest batch",
                smallest_batch(n, m, peak, bandwidth, size),
                int(batches[enough[0]]) if len(enough) else None,
                hint="X and Y grow with the batch, too; for a narrow layer no batch is enough",
            )
    for ridge in (100, 500):  # with n = m and 4 bytes: 2Bn / (4 (2B + n)) operations a byte
        n = 4 * ridge + 1
        check.equal(
            "a layer that is hardly wide enough",
            smallest_batch(n, n, ridge * 1e9, 1e9),
            2 * ridge * n,
            hint="solve for B: whoever tries batches one by one must know when to stop",
        )
        check.equal(
            "a layer that is not quite wide enough",
            smallest_batch(n - 1, n - 1, ridge * 1e9, 1e9),
            None,
            hint="the intensity comes near the ridge, with ever more examples, but not to it",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: an average to repair (14 points)
#
# Article 004 §6.3 counts data parallelism among the "data processing methods" of large models. It
# is a way to compute: each replica finds the gradient of its part of the batch, and together they
# must come to the gradient of the whole. "Then they take the mean" is how it is mostly told, and
# this is what people write. One step with seven examples on three replicas:


# %% {locked q3_told}
def gradients_of_mean(x, y, W, b, weight=None):
    """Gradients for W and b of the (weighted) mean squared error; of no examples, NaN."""
    weight = np.ones(len(x)) if weight is None else weight
    delta = 2 * (x @ W + b - y) * weight[:, None]
    with np.errstate(invalid="ignore"):
        return [x.T @ delta / weight.sum(), delta.sum(axis=0) / weight.sum()]


def as_told(gradients):
    """The plain mean over the replicas, for each parameter."""
    return [np.mean(parts, axis=0) for parts in zip(*gradients, strict=True)]


def replicas(seed, counts, num_inputs=2, num_outputs=1):
    """x, y, W, b, and for each replica the part of the rows that it sees."""
    rng = np.random.default_rng(seed)
    rows, d, m = sum(counts), num_inputs, num_outputs
    x, y, W, b = (rng.normal(size=shape) for shape in [(rows, d), (rows, m), (d, m), (m,)])
    return x, y, W, b, np.split(np.arange(len(x)), np.cumsum(counts)[:-1])


# %% {locked q3_measured}
for counts in [(3, 3, 3), (3, 3, 1), (4, 3, 0)]:
    x, y, W, b, parts = replicas(1, counts)
    told = as_told([gradients_of_mean(x[rows], y[rows], W, b) for rows in parts])
    print(f"parts {counts}: mean of the replicas {told[1].round(3)}", end=", ")
    print(f"whole batch {gradients_of_mean(x, y, W, b)[1].round(3)}")

# %% [markdown]
# Right for equal parts, wrong for a last, partial batch, and one replica without examples spoils it
# all: its mean is 0/0, not a number (NaN).
#
# **Repair it.** Write `combine(gradients, counts)`.
#
# - `gradients` has a list for each replica: the gradients of **its own mean** loss, one array a
#   parameter. `counts` has for each replica the number of its examples, or, if examples carry
#   weights, the sum of these weights.
# - Return a list, one array a parameter: the gradient of the mean over the whole batch.
# - A replica with count 0 does not count, whatever its arrays contain. If no replica has examples, all
#   gradients are 0.
# - A NaN or an infinity of a replica that *has* examples must come through: it is the sign of an
#   overflow, and the caller must see it.


# %% {answer q3}
def combine(gradients, counts):
    """The gradient of the whole batch's mean, one array a parameter."""
    ### BEGIN SOLUTION
    total = sum(counts)
    whole = [np.zeros_like(array) for array in gradients[0]]
    for arrays, count in zip(gradients, counts, strict=True):
        if count > 0:
            whole = [w + count / total * array for w, array in zip(whole, arrays, strict=True)]
    return whole
    ### END SOLUTION


# %% {test q3_visible 5}
with check.question("q3_visible", points=5):
    for counts in [(3, 3, 1), (4, 3, 0), (1, 6)]:
        x, y, W, b, parts = replicas(2, counts)
        gradients = [gradients_of_mean(x[rows], y[rows], W, b) for rows in parts]
        found = combine(gradients, counts)
        check.close(
            f"gradient for W from parts {counts}",
            found[0],
            gradients_of_mean(x, y, W, b)[0],
            hint="n times a mean is a sum: what must each replica's mean be multiplied with? And "
            "0 * NaN is NaN",
        )
        check.close(
            f"gradient for b from parts {counts}",
            found[1],
            gradients_of_mean(x, y, W, b)[1],
            hint="all parameters alike",
        )

# %% {test q3_hidden 9}
print("Hidden tests: weighted examples, no examples at all, an overflow, your arrays as they were.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=9):
    cases = iter([(3, (40, 7, 1, 0, 12)), (4, (0, 2)), (5, (5,)), (6, (9, 9, 9, 8))])
    for _ in range(4):  # whoever has the examples has the gradient of them all
        x, y, W, b, parts = replicas(*next(cases), 4, 3)
        weight = np.random.default_rng(len(x)).uniform(0.01, 0.4, len(x))
        sums = check.given([weight[rows].sum() for rows in parts])
        gradients = check.given(
            [gradients_of_mean(x[rows], y[rows], W, b, weight[rows]) for rows in parts]
        )
        before = [np.nan_to_num(array) for arrays in gradients for array in arrays]
        wanted = gradients_of_mean(x, y, W, b, weight)
        check.close(
            "the whole batch's gradient, weighted examples",
            combine(gradients, sums),
            wanted,
            hint="counts need not be whole numbers, and their sum may be below 1",
        )
        after = [np.nan_to_num(array) for arrays in gradients for array in arrays]
        check.equal("the caller's gradients", after, before, hint="`+=` and `*=` change them")
    nothing = [[np.full((2, 2), np.nan), np.full(2, np.nan)]] * 2
    check.equal(
        "no examples anywhere",
        combine(nothing, [0, 0]),
        [np.zeros((2, 2)), np.zeros(2)],
        hint="start from zeros of the right shapes, and do not divide by 0",
    )
    spoilt = [[np.array([1.0, np.nan, np.inf])], [np.array([3.0, 1.0, 1.0])]]
    check.equal(
        "an overflow comes through",
        np.nan_to_num(combine(spoilt, [1, 1])[0], nan=-777, posinf=777),
        [2, -777, 777],
        hint="leave out replicas by their count, not by what their arrays contain",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: around the ring (14 points)
#
# $n$ workers each hold a vector of $N$ numbers, and all want the sum of the $n$ vectors. They sit
# in a ring and can send only to one neighbour. This ring runs the other way round than the
# lesson's: worker $r$ sends **to worker $r - 1$**, and worker 0 sends to worker $n - 1$. Each cuts
# its vector into $n$ chunks as `np.array_split` does: as equal as possible, the longer ones first
# (some may be empty).
#
# 1. **Reduce-scatter**, $n - 1$ rounds. In the first, every worker $r$ sends its chunk number $r$;
#    who receives a chunk adds it to its own of that number. In every round after that, each passes
#    on the chunk that it has just added up.
# 2. **All-gather**, $n - 1$ rounds. Now every worker has one chunk that is complete. Which one? It
#    sends this one first; who receives a chunk puts it in the place of its own. In every round
#    after that, each passes on the chunk that it has just received.
#
# All workers send at the same time. Write `ring_all_reduce(vectors)`, `vectors` of shape (n, N),
# row $r$ for worker $r$. It returns three things:
#
# - what the workers hold after the first half, half-added chunks included: an array (n, N);
# - what they hold at the end: an array (n, N) whose rows are all the sum;
# - how many **bytes** each worker has sent, a list of $n$ whole numbers.
#
# With one worker nothing happens, and nothing is sent. Draw three workers with three chunks each on
# paper first: nine cells, and three arrows in each round.


# %% {answer q4}
def ring_all_reduce(vectors):
    """What the workers hold after reduce-scatter and at the end, and the bytes that each sent."""
    ### BEGIN SOLUTION
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    sent = [0] * n
    halves = []
    for start in (0, -1):  # the first chunk that worker r sends is r, then the complete r - 1
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                arriving = held[r, places]
                held[r - 1, places] = arriving + (held[r - 1, places] if start == 0 else 0)
                sent[r] += arriving.nbytes
        halves.append(held.copy())
    return *halves, sent
    ### END SOLUTION


# %% {test q4_visible 5}
with check.question("q4_visible", points=5):
    vectors = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0]])
    half, whole, sent = ring_all_reduce(vectors)
    check.close(
        "three workers after reduce-scatter",
        np.array(half),
        [[1, 22, 333], [111, 20, 330], [101, 222, 300]],
        hint="chunk 1 starts at worker 1, is added up by worker 0 and is complete at worker 2; what "
        "was sent stays, too. Are all rows the sum? Then keep a copy before the second half",
    )
    check.close(
        "three workers at the end",
        np.array(whole),
        [[111, 222, 333]] * 3,
        hint="a complete chunk replaces what was there, it is not added",
    )
    check.equal(
        "bytes that each has sent",
        sent,
        [32, 32, 32],
        hint="two rounds of one number, twice; a float64 number has 8 bytes",
    )
    half, whole, sent = ring_all_reduce(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]))
    check.close(
        "two workers, three numbers, after reduce-scatter",
        np.array(half),
        [[1, 2, 33], [11, 22, 30]],
        hint="the chunks are (first, second) and (third): the longer one first",
    )
    check.equal("bytes of the two", sent, [24, 24], hint="a long chunk and a short one")

# %% {test q4_hidden 9}
print("Hidden tests: more workers, chunks of unequal length, other types of numbers.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=9):
    for n, length, kind in [
        (5, 13, "float32"),
        (4, 8, "int64"),
        (6, 4, "float64"),
        (1, 3, "int16"),
    ]:
        vectors = np.random.default_rng(n).integers(-99, 99, (n, length)).astype(kind)
        before = vectors.copy()
        half, whole, sent = ring_all_reduce(vectors)
        parts = np.array_split(np.arange(length), n)
        number = np.repeat(np.arange(n), [len(part) for part in parts])
        wanted = np.zeros((n, length))
        for r, start in np.ndindex(n, n):
            share = np.roll(before, -r, axis=0)[: (start - r) % n + 1].sum(axis=0)
            wanted[r] = np.where(number == start, share, wanted[r])
        sizes = np.bincount(number, minlength=n) * before.itemsize
        all_but_two = 2 * sizes.sum() - np.roll(sizes, 1) - np.roll(sizes, 2)
        check.close(
            "what the workers hold after reduce-scatter",
            np.array(half),
            wanted,
            hint="n - 1 rounds; in each, a worker sends the chunk that it has just added up",
        )
        check.close(
            "what the workers hold at the end",
            np.array(whole),
            np.tile(before.sum(axis=0), (n, 1)),
            hint="which chunk is complete at worker r after n - 1 rounds? It is sent first",
        )
        check.equal(
            "bytes that each has sent",
            sent,
            all_but_two.tolist() if n > 1 else [0],
            hint="each worker's own chunks count, and the type of number (look at `nbytes`)",
        )
        check.equal("the vectors stay as they were", vectors, before, hint="work on a copy")
### END HIDDEN TESTS

# %% [markdown]
# What have you built? Each worker sends about $2N(n-1)/n$ numbers: less than $2N$, for a thousand
# workers as for ten. What grows with $n$ is the number of rounds, and each costs a moment before
# the first byte arrives.
#
# ## Question 5: small gradients in 16 bits (14 points)
#
# In float16 a number below $3 \cdot 10^{-8}$ becomes 0, and one of 65,520 or more infinite.
# So the loss is multiplied by a **scale** before the backward pass, and the gradients are divided
# by it afterwards ([Micikevicius et al. 2018](#micikevicius2018)). The scale should be large, but a
# scale that is too large gives infinities. The right size changes while the network learns, so the
# scale adjusts itself. Complete the class; `scale_loss(loss)` is there, it multiplies.
# `unscale(gradients)` takes a list of float16 arrays, the gradients of the scaled loss:
#
# - If **any** number in any of them is infinite or NaN, the step must be skipped: return
#   `None`. The scale is halved, but never below 1, and the count of good steps begins anew.
# - Otherwise return a list of **float32** arrays, the gradients of the loss itself. If this was
#   good step number `patience` in a row, the scale for the **next** step is doubled, but never
#   above `largest`, and the count begins anew.
#
# The start scale and `largest` are powers of two. Such a scale changes no digit of a number, only
# its exponent. But in which precision must the division be done?


# %% {answer q5}
class LossScale:
    """A factor for the loss that shrinks at an overflow, and grows after a row of good steps."""

    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest = scale, patience, largest
        self.good = 0  # good steps in a row

    def scale_loss(self, loss):
        """The loss times the current scale."""
        return loss * self.scale

    def unscale(self, gradients):
        """The true gradients, float32; None if this step must be skipped. Sets the next scale."""
        ### BEGIN SOLUTION
        if not all(np.isfinite(gradient).all() for gradient in gradients):
            self.scale, self.good = max(self.scale / 2, 1.0), 0
            return None
        found = [gradient.astype("float32") / np.float32(self.scale) for gradient in gradients]
        self.good += 1
        if self.good == self.patience:
            self.scale, self.good = min(self.scale * 2, self.largest), 0
        return found
        ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5):
    scaler = LossScale(scale=8.0, patience=2, largest=16.0)
    good, bad = (
        [np.float16([2, 4]), np.float16([[8]])],
        [np.float16([2, 4]), np.float16([[np.inf]])],
    )
    check.close("the loss 0.5, scale 8", scaler.scale_loss(0.5), 4.0, hint="times the scale")
    check.close(
        "the gradients of a good step",
        scaler.unscale(good),
        [np.array([0.25, 0.5]), np.array([[1.0]])],
        hint="divided by the scale that the loss was multiplied with",
    )
    check.close("one good step, patience 2", scaler.scale_loss(1.0), 8.0, hint="not yet")
    check.close(
        "the gradients of the second good step",
        scaler.unscale(good),
        [np.array([0.25, 0.5]), np.array([[1.0]])],
        hint="they were made with the old scale: divide first, then double",
    )
    check.close("two good steps", scaler.scale_loss(1.0), 16.0, hint="now it is doubled")
    check.equal("an overflow in one array", scaler.unscale(bad), None, hint="None, and no list")
    check.close("after the overflow", scaler.scale_loss(1.0), 8.0, hint="half of 16")

# %% {test q5_hidden 9}
print("Hidden tests: a long training whose gradients change, tiny gradients, both ends, NaN.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=9):
    rng = np.random.default_rng(7)
    sizes = np.exp(np.sin(np.arange(150) / 9) * 4 + rng.normal(size=150)) * 0.05

    def wanted(now, patience, largest):  # runs of good steps are measured, not counted
        powers, since = [], 0
        for step, size in enumerate(sizes):
            powers.append(now)
            if size * 2.0**now >= 65520:
                now, since = max(now - 1, 0), step + 1
            elif (step + 1 - since) % patience == 0:
                now = min(now + 1, largest)
        return 2.0 ** np.array(powers)

    for start, patience, largest in [(20, 3, 24), (3, 5, 16), (17, 1, 30)]:
        scaler, scales, results = LossScale(2.0**start, patience, 2.0**largest), [], []
        for size in sizes:
            scales.append(scaler.scale_loss(1.0))
            with np.errstate(over="ignore"):
                scaled = np.float16([scaler.scale_loss(size)])
            results.append(scaler.unscale([np.zeros(2, "float16"), scaled]))
        right = wanted(start, patience, largest)
        count = "write the count down, step by step: what sets it back to 0? Is `largest` kept?"
        check.close("the scale at every step", scales, right, hint=count)
        skip = "None for a skipped step; otherwise what was there before the scaling"
        found = [
            [[0, 0], [g]] if g * s < 65520 else None for g, s in zip(sizes, right, strict=True)
        ]
        check.close("the gradients at every step", results, found, rtol=1e-3, hint=skip)
    sent = np.float16([3.0, 0.001, -65504, -65504])  # each is finite, their sum is not
    tiny = LossScale(scale=2.0**20).unscale([sent])
    exact = [sent.astype("float64") / 2**20]
    each = "float32 comes first; look at each number: the sum of finite numbers may overflow"
    check.close("tiny gradients, and large ones", tiny, exact, rtol=1e-6, atol=0, hint=each)
    check.equal("float32", np.asarray(tiny[0]).itemsize, 4, hint="4 bytes a number")
    scaler, lost = LossScale(scale=2.0), [np.float16([[1, np.nan], [5, 1]]), np.float16([2])]
    results = [scaler.unscale(s) for s in (lost, lost[::-1], [np.float16([2, -np.inf])])]
    check.equal("NaN or -inf in any array", results, [None] * 3, hint="neither is a number")
    check.close("the smallest scale", scaler.scale_loss(3.0), 3.0, hint="never below 1")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: a network in slices (16 points)
#
# Article 004 names model parallelism beside data parallelism. Here the *model* is cut, not the
# batch: every device sees all examples, but holds only a slice of the weights ([Shoeybi et al.
# 2019](#shoeybi2019)). The lesson's rule for two layers: the first is cut by columns, the second by
# rows. With $x$ (B, d), a hidden width $h$ and $y$ (B, m):
#
# $$ a = \tanh(xW_1 + b_1), \qquad y = aW_2 + b_2. $$
#
# Each hidden unit lives on one device, with all that belongs to it: its column of $W_1$, its number
# in $b_1$, its row of $W_2$. The bias $b_2$ belongs to no unit.
#
# - `cut(W1, b1, W2, n)`: a list with a triple `(W1, b1, W2)` for each of the $n$ devices. The
#   hidden units are dealt out in order as `np.array_split` does: as equal as possible, larger
#   shares first; a device may go empty.
# - `forward(x, slices, b2)` returns two things: the list of what each device computes from its
#   slice alone, **without** $b_2$, arrays (B, m); and $y$ (B, m): the sum of these (an all-reduce),
#   to which $b_2$ is added afterwards.
# - `backward(arriving, x, slices)`: `arriving`, (B, m), is $\partial L/\partial y$. Return the
#   gradient of $L$ for $x$, (B, d), and a list with a triple for each device: the gradients of its
#   `W1`, `b1`, `W2`. The slope of $\tanh$ is $1 - a^2$.
#
# A device never sees another one's slice: only *results* are added up, never weights put together.
# Which results must be added in the backward pass?


# %% {answer q6}
def cut(W1, b1, W2, n):
    """For each of n devices the (W1, b1, W2) of its hidden units."""
    ### BEGIN SOLUTION
    units = np.array_split(np.arange(len(b1)), n)
    return [(W1[:, own], b1[own], W2[own]) for own in units]
    ### END SOLUTION


def forward(x, slices, b2):
    """What each device computes without b2, a list of arrays (B, m), and y (B, m)."""
    ### BEGIN SOLUTION
    alone = [np.tanh(x @ W1 + b1) @ W2 for W1, b1, W2 in slices]
    return alone, sum(alone) + b2
    ### END SOLUTION


def backward(arriving, x, slices):
    """The gradient for x (B, d), and for each device those of its W1, b1 and W2."""
    ### BEGIN SOLUTION
    grad_x, gradients = np.zeros(x.shape), []
    for W1, b1, W2 in slices:
        a = np.tanh(x @ W1 + b1)
        delta = arriving @ W2.T * (1 - a**2)
        grad_x += delta @ W1.T
        gradients.append((x.T @ delta, delta.sum(axis=0), a.T @ arriving))
    return grad_x, gradients
    ### END SOLUTION


# %% {locked q6_example}
def network_example(seed, batch, d, h, m):
    """Random x, W1, b1, W2, b2, and a gradient that arrives for y."""
    rng = np.random.default_rng(seed)
    shapes = [(batch, d), (d, h), (h,), (h, m), (m,), (batch, m)]
    return [rng.normal(size=shape) for shape in shapes]


# %% {test q6_visible 6}
with check.question("q6_visible", points=6):
    x, W1, b1, W2, b2, arriving = network_example(seed=1, batch=4, d=3, h=5, m=2)
    slices = cut(W1, b1, W2, 2)
    check.equal("two slices", len(slices), 2, hint="one triple for each device")
    columns = [np.vstack([W1, b1, W2.T])[:, own] for own in (slice(0, 3), slice(3, 5))]
    for k in range(2):
        check.close(
            f"what device {k} of 2 holds, of five units",
            slices[k],
            [columns[k][:3], columns[k][3], columns[k][4:].T],
            hint="device 0 has three units: columns of W1, numbers of b1, rows of W2",
        )
    alone, y = forward(x, slices, b2)
    check.close(
        "y without b2", sum(alone), np.tanh(x @ W1 + b1) @ W2, hint="(B, m) each, b2 comes later"
    )
    check.close(
        "y on two devices",
        y,
        np.tanh(x @ W1 + b1) @ W2 + b2,
        hint="sum what the devices compute; is b2 in it exactly once?",
    )
    grad_x, gradients = backward(arriving, x, slices)
    step = 1e-6 * np.eye(3)[0]  # a little step of the first feature of every example

    def loss(move):
        return np.sum(arriving * (np.tanh((x + move) @ W1 + b1) @ W2))

    check.close(
        "gradient for the first feature, summed over the batch",
        np.sum(grad_x, axis=0)[0],
        (loss(step) - loss(-step)) / 2e-6,
        hint="x goes to every device, so its gradient comes back from every device",
    )
    check.equal(
        "shape of device 1's gradient for W2", np.shape(gradients[1][2]), (2, 2), hint="W2's"
    )

# %% {test q6_hidden 10}
print("Hidden tests: other sizes, more devices than units, all gradients, inputs as they were.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=10):
    for seed, n, batch, d, h, m in [
        (2, 3, 6, 4, 8, 3),
        (3, 4, 1, 2, 3, 5),
        (4, 1, 3, 3, 4, 1),
        (5, 5, 9, 7, 23, 2),
    ]:
        x, W1, b1, W2, b2, arriving = network_example(seed, batch, d, h, m)
        before = [array.copy() for array in (x, W1, b1, W2, b2, arriving)]
        slices = cut(W1, b1, W2, n)
        alone, y = forward(x, slices, b2)
        grad_x, gradients = backward(arriving, x, slices)
        a = np.tanh(x @ W1 + b1)
        delta = (1 - a**2) * (arriving @ W2.T)
        wanted = [[], [], []]
        for own in np.array_split(np.arange(h), n):
            wanted[0].append((W1[:, own], b1[own], W2[own]))
            wanted[1].append(np.einsum("bh,hm->bm", a[:, own], W2[own]))
            wanted[2].append((x.T @ delta[:, own], delta[:, own].sum(0), a[:, own].T @ arriving))
        check.close("what each device holds", slices, wanted[0], hint="np.array_split, in order")
        check.close("what each device computes", alone, wanted[1], hint="without b2, all of (B, m)")
        check.close("y", y, a @ W2 + b2, hint="b2 counts once, however many devices there are")
        check.close(
            "the gradient for x", grad_x, delta @ W1.T, hint="one more sum over the devices"
        )
        check.close(
            "each device's gradients",
            gradients,
            wanted[2],
            hint="`arriving` is the same on all devices; sums over the batch, as ever",
        )
        check.equal("inputs as they were", [x, W1, b1, W2, b2, arriving], before, hint="copy first")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: five hospitals, one network (16 points)
#
# Each row below is a real patient: 30 measurements of a tumour's cells, and whether it was
# **malignant** (1) or benign (0), found in Wisconsin in the 1990s. Five hospitals want one network
# that tells which it is. No hospital may give its patients away, but gradients they may share. And
# each sees patients of its own kind: the village sends large tumours on to the clinic.


# %% {locked q7_hospital}
def logits(parameters, x):
    """The network that all use: 30 measurements, hidden units with ReLU, two logits."""
    W1, b1, W2, b2 = parameters
    return np.maximum(x @ W1 + b1, 0) @ W2 + b2


class Worker:
    """A hospital: keeps its patients to itself, and has memory for `room` of them at a time."""

    def __init__(self, x, y, room):
        self._x, self._y, self.room = x, y, room
        self.first = None  # the first weights that it was asked about

    def __len__(self):
        return len(self._x)

    def loss_and_gradients(self, parameters, begin, end):
        """Mean cross-entropy of the patients begin to end - 1, and its gradients, a list of 4."""
        x, y = self._x[begin:end], self._y[begin:end]
        if not 0 < len(x) <= self.room:
            raise MemoryError(f"{len(x)} patients asked for: at least 1, at most {self.room}")
        W1, b1, W2, _ = parameters
        self.first = W1.copy() if self.first is None else self.first
        a, z = np.maximum(x @ W1 + b1, 0), logits(parameters, x)
        log_p = z - z.max(axis=1, keepdims=True)
        log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        delta = (np.exp(log_p) - np.eye(2)[y]) / len(x)
        back = delta @ W2.T * (a > 0)
        gradients = [x.T @ back, back.sum(axis=0), a.T @ delta, delta.sum(axis=0)]
        return -log_p[np.arange(len(x)), y].mean(), gradients


# %% {locked q7_tools}
def start_parameters(seed, num_hidden=32):
    """He's start for `logits`."""
    rng = np.random.default_rng(seed)
    W1, W2 = rng.normal(0, 1, (30, num_hidden)), rng.normal(0, 1, (num_hidden, 2))
    return [W1 / 15**0.5, np.zeros(num_hidden), W2 * (2 / num_hidden) ** 0.5, np.zeros(2)]


class Adam:
    """The optimizer of chapter 01: `apply` makes one step, in place."""

    def __init__(self, parameters, learning_rate):
        self.parameters, self.rate, self.steps = parameters, learning_rate, 0
        self.m, self.v = ([np.zeros_like(p) for p in parameters] for _ in range(2))

    def apply(self, gradients):
        self.steps += 1
        correct = np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for p, g, m, v in zip(self.parameters, gradients, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            p -= self.rate * correct * m / (np.sqrt(v) + 1e-8)


# %% {locked q7_patients}
def patients(begin, end):
    """Measurements, on the scale that the hospitals have agreed on, and 1 where malignant."""
    x, benign = load_breast_cancer(return_X_y=True)
    mixed = np.random.default_rng(0).permutation(len(x))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x[mixed[begin:end]], 1 - benign[mixed[begin:end]]


def share_out(x, y, borders, rooms, by=0):
    """Hospitals, each with the patients whose measurement number `by` lies between two borders."""
    number = np.digitize(x[:, by], borders)
    return [Worker(x[number == r], y[number == r], room) for r, room in enumerate(rooms)]


x_train, y_train = patients(0, 350)
x_validation, y_validation = patients(350, 450)
workers = share_out(x_train, y_train, [-2.2, -0.8, -0.2, 0.6], [32, 30, 50, 64, 45])
for worker, name in zip(workers, ["new", "village", "town", "city", "clinic"], strict=True):
    print(f"{name:8} {len(worker):3} patients, {sum(worker._y):2} malignant, room {worker.room}")

# %% [markdown]
# The new hospital has no patients yet, and no other sees the whole. Most have more patients than fit
# into their memory at once. All use the same network, `logits`. A worker, that is a hospital, tells
# its number of patients, `len(worker)`, its `worker.room`, and
# `worker.loss_and_gradients(parameters, begin, end)`: the **mean** loss and the gradients of that
# mean for at most `room` patients. Look at nothing else in it: that is the agreement.
#
# - `loss_and_gradients_of_all(workers, parameters)`: the loss and the list of four gradients of the
#   mean over **all** patients of all workers, as if they lay on one large machine. Every worker
#   accumulates what it has in pieces of at most `room` patients, the last piece may be smaller,
#   and no patient may be left out. The parameters stay as they were.
# - `train(workers, seed)`: begin at `start_parameters(seed)`, train with the gradient of all, and
#   return a **function** `predict`: measurements (M, 30) in, 0 or 1 for each (M,) out. 100 steps of
#   `Adam` with a learning rate of 0.01 are plenty, and take about a second.
#
# **The bar:** 85 % of the validation patients (the visible test); 90 % of patients that your code
# has never seen, trained by other hospitals, which list the measurements in another order, and of
# which some see one kind of tumour only (the hidden tests). Who calls every tumour benign is right for two of three, and which third is wrong?


# %% {answer q7}
def loss_and_gradients_of_all(workers, parameters):
    """The mean loss over all patients of all workers, and its gradients, a list of 4."""
    ### BEGIN SOLUTION
    total = sum(len(worker) for worker in workers)
    loss, gradients = 0.0, [np.zeros_like(p) for p in parameters]
    for worker in workers:
        for begin in range(0, len(worker), worker.room):
            end = min(begin + worker.room, len(worker))
            part, found = worker.loss_and_gradients(parameters, begin, end)
            share = (end - begin) / total
            loss += share * part
            gradients = [g + share * f for g, f in zip(gradients, found, strict=True)]
    return loss, gradients
    ### END SOLUTION


def train(workers, seed):
    """Train one network with the gradients of all; return predict: (M, 30) -> (M,)."""
    ### BEGIN SOLUTION
    parameters = start_parameters(seed)
    optimizer = Adam(parameters, learning_rate=0.01)
    for _ in range(100):
        optimizer.apply(loss_and_gradients_of_all(workers, parameters)[1])
    return lambda new: logits(parameters, new).argmax(axis=1)
    ### END SOLUTION


# %% {test q7_visible 6}
with check.question("q7_visible", points=6):
    parameters = start_parameters(5)
    one_large = Worker(x_train, y_train, room=350)
    loss, gradients = loss_and_gradients_of_all(workers, parameters)
    check.close(
        "the loss of all patients",
        loss,
        one_large.loss_and_gradients(parameters, 0, 350)[0],
        hint="each piece counts by its number of patients; is the last, smaller piece in it?",
    )
    check.close(
        "the gradients of all patients",
        gradients,
        one_large.loss_and_gradients(parameters, 0, 350)[1],
        hint="a sum over workers and their pieces, each with its share of the 350 patients",
    )
    predict = train(workers, seed=0)
    check.accuracy(
        "validation patients",
        predict(x_validation),
        y_validation,
        at_least=0.85,
        hint="does the loss fall? Print it every 25 steps",
    )

# %% {test q7_hidden 10}
print("Hidden tests: other hospitals against one machine; the bar, for patients not seen before.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=10):

    def closed(workers):  # no name leads to their patients
        for worker in workers:
            worker.loss_and_gradients = Worker(worker._x, worker._y, worker.room).loss_and_gradients
            worker._x = worker._y = np.zeros(len(worker), int)
        return workers

    cases = iter([((5, 0, 31), (2, 4, 30)), ((64,), (64,)), ((1, 1, 50, 8), (3, 1, 49, 4))])
    for _ in range(3):
        sizes, rooms = next(cases)
        all_x, all_y = patients(200, 200 + sum(sizes))
        places = np.split(np.arange(len(all_x)), np.cumsum(sizes)[:-1])
        sent = [(all_x[p], all_y[p], room) for p, room in zip(places, rooms, strict=True)]
        others = closed([Worker(*part) for part in check.given(sent)])
        parameters = start_parameters(6, num_hidden=9)
        before = [p.copy() for p in parameters]
        found = loss_and_gradients_of_all(others, parameters)
        wanted = list(Worker(all_x, all_y, 99).loss_and_gradients(before, 0, len(all_x)))
        hint = "any number of workers, some without patients; each asks for at most its room"
        check.close("loss and gradients, other hospitals, another width", found, wanted, hint=hint)
        check.equal("the parameters as they were", parameters, before, hint="copy them first")
    x, y = check.given(patients(0, 450))
    x = x[:, ::-1]
    seven = share_out(x, y, [-1.5, -0.9, -0.5, 0, 0.3, 9], [50, 50, 60, 40, 30, 64, 45], by=1)
    new = check.given(patients(450, 569)[0][:, ::-1])
    truth = patients(450, 569)[1]
    found = train(seven, seed=3)(new)
    hint = "learn from the workers that are given, and from nothing else"
    check.accuracy("new patients, seven hospitals", found, truth, at_least=0.9, hint=hint)
    begin = "all weights start at `start_parameters(seed)`, whatever the seed"
    check.close("where training begins", seven[2].first, start_parameters(3)[0], hint=begin)
    kinds = closed([Worker(x[y == 1], y[y == 1], 70), Worker(x[y == 0], y[y == 0], 99)])
    found = train(kinds, seed=4)(new)
    hint = "every seed is enough: try ten. Ask only for len, room and loss_and_gradients"
    check.accuracy("each sees one kind of tumour only", found, truth, at_least=0.9, hint=hint)
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
# - <a id="micikevicius2018"></a>Paulius Micikevicius, Sharan Narang, Jonah Alben, Gregory Diamos,
#   Erich Elsen, David Garcia, Boris Ginsburg, Michael Houston, Oleksii Kuchaiev, Ganesh Venkatesh,
#   Hao Wu. *Mixed Precision Training*. ICLR, arXiv:1710.03740, 2018.
# - <a id="shoeybi2019"></a>Mohammad Shoeybi, Mostofa Patwary, Raul Puri, Patrick LeGresley, Jared
#   Casper, Bryan Catanzaro. *Megatron-LM: Training Multi-Billion Parameter Language Models Using
#   Model Parallelism*. arXiv:1909.08053, 2019.
