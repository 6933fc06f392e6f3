# ---
# jupyter:
#   aimodels:
#     title: "Assignment: From a laptop to many machines"
#     minutes: 210
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
# network in slices, and at the end train one with workers that share nothing but gradients. You
# simulate the machines: NumPy is all you need, and it takes seconds.
#
# **About 210 minutes**, in three sittings if you like. **100 points.** **Repairs:** no program,
# but what article 004 §6.3 says about data parallelism.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. No
# function may change the arrays that it is given.

# %% {locked setup}
import itertools

import matplotlib.pyplot as plt
import numpy as np

from aimodels import plots
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
# - `memory(sizes, batch_size, num_microbatches=1, mixed=False)` returns a dictionary of whole numbers
#   with the keys `"weights"`, `"gradients"`, `"optimizer"` and `"activations"`.
# - `pieces_needed(sizes, batch_size, room, mixed=False)` returns the smallest `num_microbatches` with
#   which all of it together fits into `room` bytes. If not even one example at a time fits, raise
#   a `ValueError`.
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


def pieces_needed(sizes, batch_size, room, mixed=False):
    """The smallest number of pieces of the batch with which training fits into room bytes."""
    ### BEGIN SOLUTION
    for pieces in range(1, batch_size + 1):
        if sum(memory(sizes, batch_size, pieces, mixed).values()) <= room:
            return pieces
    raise ValueError(f"{room} bytes are too few, even for one example at a time")
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
    check.equal(
        "pieces for room 488",
        pieces_needed((3, 4, 2), 5, 488),
        3,
        hint="416 bytes do not depend on the batch: how many examples fit into the other 72? "
        "Then how many pieces have five?",
    )
    check.raises(
        "room 451",
        lambda: pieces_needed((3, 4, 2), 5, 451),
        ValueError,
        hint="one example needs 36 bytes beside the 416: raise the error yourself",
    )

# %% {test q1_hidden 8}
print("Hidden tests: other widths and depths, both precisions, rooms that are just large enough.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):
    for sizes, batch, pieces, too_small, rooms in [
        ((7, 5), 9, 4, 687, [688, 735, 736, 784, 1024, 1072, 9999]),
        ((64, 50, 30, 10), 32, 5, 82055, [82056, 82671, 82672, 85000, 101152]),
        ((2, 8, 8, 8, 3), 7, 7, 3235, [3236, 3467, 3468, 3932, 10**6]),
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
        for room in rooms:
            for mixed in (False, True):
                fit = (room - 4 * fixed) // (one // 2 if mixed else one)
                check.equal(
                    "pieces for a room that is just large enough",
                    pieces_needed(sizes, batch, room, mixed),
                    min(k for k in range(1, batch + 1) if -(-batch // k) <= fit),
                    hint="a room for all four, in the right precision; it may fit exactly",
                )
        check.raises(
            "one byte too few",
            lambda sizes=sizes, room=too_small: pieces_needed(sizes, 5, room),
            ValueError,
            hint="one example is the smallest piece; does it fit?",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: how fast at best? (14 points)
#
# A machine computes at most $P$ (`peak`) FLOP/s, and moves at most $W$ (`bandwidth`) bytes/s
# between memory and processor. The forward pass of one dense layer, $Y = XA$ with $X$ of shape
# (B, n) and the weights $A$ of shape (n, m), reads $X$ and $A$ and writes $Y$, each once, with
# `size` bytes a number. A multiplication and an addition are two operations. (Leave the bias out.)
#
# - `layer_speed(batch_size, n, m, peak, bandwidth, size=4)` returns two things: the roofline's
#   FLOP/s for this layer, and the text `"memory"` or `"compute"`: what it waits for. At the ridge
#   itself, say `"compute"`.
# - `network_speed(batch_size, sizes, peak, bandwidth, size=4)`: the FLOP/s of a whole network of
#   such layers with the widths `sizes`. The layers run one after the other, each as fast as its own
#   roofline lets it: how long does each take?
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


def network_speed(batch_size, sizes, peak, bandwidth, size=4):
    """The FLOP/s of dense layers that run one after the other."""
    ### BEGIN SOLUTION
    pairs = list(itertools.pairwise(sizes))
    work = [2 * batch_size * n * m for n, m in pairs]
    speeds = [layer_speed(batch_size, n, m, peak, bandwidth, size)[0] for n, m in pairs]
    return sum(work) / sum(w / speed for w, speed in zip(work, speeds, strict=True))
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
    check.close(
        "FLOP/s of the widths 100, 100, 10 with 64 examples",
        network_speed(64, (100, 100, 10), peak=1000, bandwidth=100),
        1_408_000 / 1601.6,
        hint="the first layer takes 1280 s, the second 321.6 s, because it waits for memory",
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
print("Hidden tests: other machines, layers and networks, numbers of 2 bytes.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=9):
    for peak, bandwidth, size in [(6e10, 1.3e10, 4), (3e14, 2.1e12, 2), (9e13, 1.1e12, 4)]:
        for n, m in [(700, 90), (512, 2048), (33, 4000)]:
            batches = np.arange(1, 6001)
            flops = 2.0 * batches * n * m
            moved = size * (batches * n + n * m + batches * m)
            busy, waiting = flops / peak, moved / bandwidth
            enough = np.flatnonzero(busy >= waiting)
            for batch in (1, 60, 2500):
                speed, bound = layer_speed(batch, n, m, peak, bandwidth, size)
                i = batch - 1
                wanted = flops[i] / max(busy[i], waiting[i])
                check.close(
                    "FLOP/s of a layer", speed, wanted, hint="2Bnm operations; is `size` used?"
                )
                check.equal(
                    "what a layer waits for",
                    bound,
                    "memory" if waiting[i] > busy[i] else "compute",
                    hint="compare the time for computing with the time for moving bytes",
                )
            check.equal(
                "the smallest batch",
                smallest_batch(n, m, peak, bandwidth, size),
                int(batches[enough[0]]) if len(enough) else None,
                hint="X and Y grow with the batch, too; for a narrow layer no batch is enough",
            )
        sizes = np.array([784, 2000, 30, 900, 10])
        flops = 2.0 * 300 * sizes[:-1] * sizes[1:]
        moved = size * (300 * (sizes[:-1] + sizes[1:]) + sizes[:-1] * sizes[1:])
        check.close(
            "FLOP/s of a network",
            network_speed(300, sizes.tolist(), peak, bandwidth, size),
            flops.sum() / np.maximum(flops / peak, moved / bandwidth).sum(),
            hint="add times, not speeds: each layer has its own roofline, they do not overlap",
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
# **Repair it.** Write `combine(gradients, counts, clip_norm=None)`.
#
# - `gradients` has a list for each replica: the gradients of **its own mean** loss, one array a
#   parameter. `counts` has for each replica the number of its examples, or, if examples carry
#   weights, the sum of these weights.
# - Return a list, one array a parameter: the gradient of the mean over the whole batch.
# - A replica with count 0 does not count, whatever its arrays contain. If no replica has examples, all
#   gradients are 0.
# - A NaN or an infinity of a replica that *has* examples must come through: it is the sign of an
#   overflow, and the caller must see it.
# - If `clip_norm`, a positive number $c$, is given, **clip** as one machine would: let $\|g\|$ be
#   the length of the combined gradient, the root of the sum of the squares of all numbers in all
#   arrays. If $\|g\| > c$, multiply every array by $c/\|g\|$; otherwise change nothing.


# %% {answer q3}
def combine(gradients, counts, clip_norm=None):
    """The gradient of the whole batch's mean, one array a parameter, clipped if `clip_norm` is given."""
    ### BEGIN SOLUTION
    total = sum(counts)
    whole = [np.zeros_like(array) for array in gradients[0]]
    for arrays, count in zip(gradients, counts, strict=True):
        if count > 0:
            whole = [w + count / total * array for w, array in zip(whole, arrays, strict=True)]
    norm = np.sqrt(sum(np.sum(w**2) for w in whole))
    if clip_norm is not None and norm > clip_norm:
        whole = [w * (clip_norm / norm) for w in whole]
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
    check.close(
        "two replicas, clipped to length 1",
        combine(
            [[np.array([30.0]), np.array([[0.0]])], [np.array([0.0]), np.array([[40.0]])]],
            [5, 5],
            1.0,
        ),
        [np.array([0.6]), np.array([[0.8]])],
        hint="the mean is (15, 20), of length 25: the length of both arrays together",
    )

# %% {test q3_hidden 9}
print("Hidden tests: weighted examples, clipping or not, no examples at all, an overflow.")
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
        length = np.linalg.norm(np.concatenate([array.ravel() for array in wanted]))
        for clip in (None, 0.5, 1e6):
            factor = min(1.0, (clip or 1e6) / length)
            check.close(
                "the whole batch's gradient, weighted examples",
                combine(gradients, sums, clip_norm=clip),
                [factor * array for array in wanted],
                hint="counts need not be whole numbers, their sum may be below 1; clip once, after "
                "the replicas are put together, and only what is too long",
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
# scale adjusts itself. Complete the class:
#
# - `scale_loss(loss)` returns the loss, multiplied by the current scale.
# - `unscale(gradients)` takes a list of float16 arrays, the gradients of the scaled loss.
#     - If **any** number in any of them is infinite or NaN, the step must be skipped: return
#       `None`. The scale is halved, but never below 1, and the count of good steps begins anew.
#     - Otherwise return a list of **float32** arrays, the gradients of the loss itself. If this was
#       good step number `patience` in a row, the scale for the **next** step is doubled, but never
#       above `largest`, and the count begins anew.
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
        ### BEGIN SOLUTION
        return loss * self.scale
        ### END SOLUTION

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
        hint = "write the count down, step by step: what sets it back to 0? Is `largest` kept?"
        check.close("the scale at every step", scales, right, hint=hint)
        check.close(
            "the gradients at every step",
            results,
            [[[0, 0], [g]] if g * s < 65520 else None for g, s in zip(sizes, right, strict=True)],
            rtol=1e-3,
            hint="None for a skipped step; otherwise what was there before the scaling",
        )
    sent = np.float16([3.0, 0.001, -65504])
    tiny = LossScale(scale=2.0**20).unscale([sent])
    exact = [sent.astype("float64") / 2**20]
    check.close("tiny gradients", tiny, exact, rtol=1e-6, atol=0, hint="float32 comes first")
    scaler, lost = LossScale(scale=2.0), [np.float16([1, np.nan]), np.float16([2])]
    results = [scaler.unscale(lost), scaler.unscale(lost[::-1]), scaler.unscale(lost)]
    check.equal("NaN in any array", results, [None] * 3, hint="NaN is no number either")
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
# ## Question 7: five workers, one network (16 points)
#
# Sixteen stations stand on a map. Each belongs to one of four operators, numbered 0 to 3, and a
# place is served by the operator of its nearest station, more or less. Five companies have measured, each in its own
# strip of the map, and nobody gives data away. But gradients they will share.


# %% {locked q7_map}
def measure(num_points, layout, seed):
    """Places (num_points, 2), and the operator, 0 to 3, that serves each; `layout` is the map."""
    stations, rng = np.random.default_rng(layout), np.random.default_rng(seed)
    centres = np.stack(np.meshgrid(*2 * [np.linspace(-0.9, 0.9, 4)]), axis=-1).reshape(16, 2)
    centres += stations.uniform(-0.08, 0.08, centres.shape)
    operator = stations.permutation(np.arange(16) % 4)
    nearest = rng.integers(16, size=num_points)
    return centres[nearest] + rng.normal(0, 0.13, (num_points, 2)), operator[nearest]


# %% {locked q7_worker}
def logits(parameters, x):
    """The network that all use: two features, hidden units with ReLU, four logits."""
    W1, b1, W2, b2 = parameters
    return np.maximum(x @ W1 + b1, 0) @ W2 + b2


class Worker:
    """Keeps its examples to itself, and has memory for `room` of them at a time."""

    def __init__(self, x, y, room):
        self._x, self._y, self.room = x, y, room

    def __len__(self):
        return len(self._x)

    def loss_and_gradients(self, parameters, begin, end):
        """Mean cross-entropy of the examples begin to end - 1, and its gradients, a list of 4."""
        x, y = self._x[begin:end], self._y[begin:end]
        if not 0 < len(x) <= self.room:
            raise MemoryError(f"{len(x)} examples asked for: at least 1, at most {self.room}")
        W1, b1, W2, _ = parameters
        a, z = np.maximum(x @ W1 + b1, 0), logits(parameters, x)
        log_p = z - z.max(axis=1, keepdims=True)
        log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        delta = (np.exp(log_p) - np.eye(4)[y]) / len(x)
        back = delta @ W2.T * (a > 0)
        gradients = [x.T @ back, back.sum(axis=0), a.T @ delta, delta.sum(axis=0)]
        return -log_p[np.arange(len(x)), y].mean(), gradients


# %% {locked q7_workers}
def strips(x, y, borders, rooms):
    """Workers from west to east: what lies between two borders, and a room for each."""
    number = np.digitize(x[:, 0], borders)
    return [Worker(x[number == r], y[number == r], room) for r, room in enumerate(rooms)]


def start_parameters(seed, num_hidden=64):
    """He's start for `logits`."""
    rng = np.random.default_rng(seed)
    W1, W2 = rng.normal(0, 1, (2, num_hidden)), rng.normal(0, 1, (num_hidden, 4))
    return [W1, np.zeros(num_hidden), W2 * np.sqrt(2 / num_hidden), np.zeros(4)]


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


# %% {locked q7_data}
x_train, y_train = measure(500, layout=1, seed=1)
x_validation, y_validation = measure(400, layout=1, seed=2)
BORDERS, ROOMS = [-1.5, -0.6, -0.3, 0.7], [32, 30, 50, 64, 45]
workers = strips(x_train, y_train, BORDERS, ROOMS)
print("examples:", [len(worker) for worker in workers], "room for:", ROOMS)


# %% {locked q7_picture}
def show(predict=None):
    """Draw the places; given a trained network's `predict`, colour the map by its answers."""
    ax, colors = plt.subplots(figsize=(4.5, 4.5))[1], ["firebrick", "royalblue", "seagreen", "gold"]
    if predict is not None:
        look = {"levels": np.arange(5) - 0.5, "cmap": None, "colors": colors, "alpha": 0.25}
        plots.surface(predict, (-1.4, 1.4), (-1.4, 1.4), ax, **look)
    for operator, color in enumerate(colors):
        places = x_train[y_train == operator]
        ax.scatter(*places.T, s=9, color=color, label=f"operator {operator}")
    for border in BORDERS[1:]:
        ax.axvline(border, color="black", linewidth=0.8)
    ax.set(aspect="equal", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), title="Who serves which place?")
    ax.set(xlabel="west to east", ylabel="south to north")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)


show()
plt.show()

# %% [markdown]
# The first company has measured nothing yet, and no strip knows all of the map. Most have more
# examples than fit into their memory at once. All use the same network, `logits`, with a hidden
# layer. A worker tells its number of examples, `len(worker)`, its `worker.room`, and
# `worker.loss_and_gradients(parameters, begin, end)`: the **mean** loss and the gradients of that
# mean for at most `room` examples. Look at nothing else in it: that is the agreement.
#
# - `loss_and_gradients_of_all(workers, parameters)`: the loss and the list of four gradients of the
#   mean over **all** examples of all workers, as if they lay on one large machine. Every worker
#   accumulates what it has in pieces of at most `room` examples, the last piece may be smaller,
#   and no example may be left out. The parameters stay as they were.
# - `train(workers, seed)`: begin at `start_parameters(seed)`, train with the gradient of all, and
#   return a **function** `predict`: places (M, 2) in, the numbers of their operators (M,) out. 200
#   steps of `Adam` with a learning rate of 0.03 are plenty. It should take about a second, and may
#   take ten.
#
# **The bar:** the visible test asks for 75 % of the validation places. The hidden tests train on
# other maps, cut up in other ways, and ask for **90 %** of places that your code has never seen,
# twice. Add a cell with `show(train(workers, seed=0))` to look at your network.


# %% {answer q7}
def loss_and_gradients_of_all(workers, parameters):
    """The mean loss over all examples of all workers, and its gradients, a list of 4."""
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
    """Train one network with the gradients of all; return predict: places (M, 2) -> (M,)."""
    ### BEGIN SOLUTION
    parameters = start_parameters(seed)
    optimizer = Adam(parameters, learning_rate=0.03)
    for _ in range(200):
        optimizer.apply(loss_and_gradients_of_all(workers, parameters)[1])
    return lambda new: logits(parameters, new).argmax(axis=1)
    ### END SOLUTION


# %% {test q7_visible 6}
with check.question("q7_visible", points=6):
    parameters = start_parameters(5)
    one_large = Worker(x_train, y_train, room=500)
    loss, gradients = loss_and_gradients_of_all(workers, parameters)
    check.close(
        "the loss of all examples",
        loss,
        one_large.loss_and_gradients(parameters, 0, 500)[0],
        hint="each piece counts by its number of examples; is the last, smaller piece in it?",
    )
    check.close(
        "the gradients of all examples",
        gradients,
        one_large.loss_and_gradients(parameters, 0, 500)[1],
        hint="a sum over workers and their pieces, each with its share of the 500 examples",
    )
    predict = train(workers, seed=0)
    check.accuracy(
        "validation places",
        predict(x_validation),
        y_validation,
        at_least=0.75,
        hint="does the loss fall? Print it every 50 steps, and look at show(predict)",
    )

# %% {test q7_hidden 10}
print("Hidden tests: other workers against one machine; the bar, on maps that nobody has seen.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=10):

    def closed(workers):  # no name leads to their examples
        for worker in workers:
            worker.loss_and_gradients = Worker(worker._x, worker._y, worker.room).loss_and_gradients
            worker._x = worker._y = np.zeros(len(worker), int)
        return workers

    cases = iter([((5, 0, 31), (2, 4, 30)), ((64,), (64,)), ((1, 1, 50, 8), (3, 1, 49, 4))])
    for _ in range(3):
        sizes, rooms = next(cases)
        all_x, all_y = measure(sum(sizes), layout=2, seed=sum(sizes))
        places = np.split(np.arange(len(all_x)), np.cumsum(sizes)[:-1])
        sent = [(all_x[p], all_y[p], room) for p, room in zip(places, rooms, strict=True)]
        others = closed([Worker(*part) for part in check.given(sent)])
        parameters = start_parameters(6, num_hidden=9)
        before = [p.copy() for p in parameters]
        found = loss_and_gradients_of_all(others, parameters)
        wanted = list(Worker(all_x, all_y, 99).loss_and_gradients(before, 0, len(all_x)))
        hint = "any number of workers, some without examples; each asks for at most its room"
        check.close("loss and gradients, other workers and another width", found, wanted, hint=hint)
        check.equal("the parameters as they were", parameters, before, hint="copy them first")
    x, y = check.given(measure(500, layout=71, seed=71))
    seven = strips(x, y, [-0.9, -0.7, 0, 0.1, 0.2, 2], [50, 50, 60, 40, 30, 64, 45])
    check.accuracy(
        "new places on another map, seven workers",
        train(seven, seed=3)(check.given(measure(800, layout=71, seed=72)[0])),
        measure(800, layout=71, seed=72)[1],
        at_least=0.9,
        hint="learn from the workers that are given; all weights start at `start_parameters(seed)`",
    )
    two = closed(strips(*check.given(measure(500, layout=73, seed=73)), [0.8], [99, 70]))
    check.accuracy(
        "new places on a third map, two workers",
        train(two, seed=4)(check.given(measure(800, layout=73, seed=74)[0])),
        measure(800, layout=73, seed=74)[1],
        at_least=0.9,
        hint="every seed is enough: try ten. Ask only for len, room and loss_and_gradients",
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
# - <a id="micikevicius2018"></a>Paulius Micikevicius, Sharan Narang, Jonah Alben, Gregory Diamos,
#   Erich Elsen, David Garcia, Boris Ginsburg, Michael Houston, Oleksii Kuchaiev, Ganesh Venkatesh,
#   Hao Wu. *Mixed Precision Training*. ICLR, arXiv:1710.03740, 2018.
# - <a id="shoeybi2019"></a>Mohammad Shoeybi, Mostofa Patwary, Raul Puri, Patrick LeGresley, Jared
#   Casper, Bryan Catanzaro. *Megatron-LM: Training Multi-Billion Parameter Language Models Using
#   Model Parallelism*. arXiv:1909.08053, 2019.
