# ---
# jupyter:
#   aimodels:
#     title: "Assignment: From a line to a network"
#     minutes: 130
#     repairs: [002-4.1]
#     limits: {cell: 30, total: 120, memory: 4096}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: From a line to a network
#
# You write two losses with their gradients, repair a training that never arrives, step back through
# a block of a network by hand, build an optimizer, and at the end train a whole network that you
# wrote yourself. NumPy is all you need; everything else is in the lesson and in the text below.
#
# **About 130 minutes**, in two or three sittings if you like. **100 points.** **Repairs:** article
# 002 §4.1.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input.

# %% {locked setup}
import matplotlib.pyplot as plt
import numpy as np

from aimodels import data, plots
from aimodels.course import check

# %% [markdown]
# The judge of the lesson is here too. It measures a gradient without calculus, one number at a
# time: a tiny step up, a tiny step down. Use it to check what you derive. It cannot replace your
# formula: some hidden arrays are so large that it would need minutes.


# %% {locked judge}
def finite_differences(function, *arguments, which=0, step=1e-6):
    """The slope of function(*arguments), a number, for every entry of one of the arguments."""
    x = np.asarray(arguments[which], dtype=float)
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        move = np.zeros_like(x)
        move[i] = step
        up, down = (
            function(*arguments[:which], x + m, *arguments[which + 1 :]) for m in (move, -move)
        )
        gradient[i] = (up - down) / (2 * step)
    return gradient


finite_differences(lambda v: np.sum(v**2), np.array([1.0, 3.0])).round(4)

# %% [markdown]
# ## Question 1: the Huber loss (10 points)
#
# One wrong number in a table, 1000 instead of 10, and the squared error bends the whole line
# towards it. The **Huber loss** is squared near zero and straight far away, so that an outlier
# pulls with limited force. With the error $e_i = \hat y_i - y_i$ and a border $\delta > 0$:
#
# $$ L = \frac1n\sum_{i=1}^n h(e_i), \qquad
#    h(e) = \begin{cases} \frac12 e^2 & \text{if } |e| \le \delta,\\[2pt]
#    \delta\,\bigl(|e| - \frac12\delta\bigr) & \text{if } |e| > \delta. \end{cases} $$
#
# Write `huber(y_true, y_pred, delta)`. It returns two things, as the lesson's losses do: the
# number $L$, and the gradient $\partial L/\partial\hat y$, an array of the shape of `y_pred`.
#
# - Any shape is allowed; $n$ counts all values: six for shape (3, 2).
# - If `y_true` and `y_pred` have different shapes, raise a `ValueError` (the lesson's "Common
#   mistakes" tells why).
# - The gradient is yours to derive: what is the slope of each branch, on both sides of zero? The
#   judge: `finite_differences(lambda p: huber(y_true, p, delta)[0], y_pred)`.


# %% {answer q1}
def huber(y_true, y_pred, delta):
    """The mean Huber loss, and its gradient for y_pred, which has the shape of y_pred."""
    ### BEGIN SOLUTION
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"shapes differ: {y_true.shape} and {y_pred.shape}")
    error = y_pred - y_true
    size = np.abs(error)
    losses = np.where(size <= delta, error**2 / 2, delta * (size - delta / 2))
    slopes = np.where(size <= delta, error, delta * np.sign(error))
    return losses.mean(), slopes / error.size
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    loss, gradient = huber(np.array([1.0, 1.0, 1.0, 1.0]), np.array([1.5, 0.0, 4.0, -3.0]), 1.0)
    check.close(
        "the loss for the errors 0.5, -1, 3, -4 with delta 1",
        loss,
        (0.125 + 0.5 + 2.5 + 3.5) / 4,
        hint="choose the branch for each error by its size |e|, then take the mean",
    )
    check.close(
        "the gradient for these errors",
        gradient,
        [0.125, -0.25, 0.25, -0.25],
        hint="the slope of each branch, with its sign; and what became of the 1/n?",
    )
    check.raises(
        "shapes (4,) and (4, 1)",
        lambda: huber(np.zeros(4), np.zeros((4, 1)), 1.0),
        ValueError,
        hint="compare the two shapes before you subtract; NumPy would make a (4, 4) table",
    )

# %% {test q1_hidden 6}
print("Hidden tests: other borders, tables, large arrays.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=6):
    rng = np.random.default_rng(3)
    for shape, delta in [((7,), 0.3), ((4, 3), 2.0), ((300, 250), 1.5)]:
        y, p = rng.normal(size=shape), 3 * rng.normal(size=shape)
        p = p.astype(int) if shape == (4, 3) else p  # whole numbers are predictions, too
        loss, gradient = huber(y, p, delta)
        cut = np.clip(p - y, -delta, delta)
        check.close(
            "the loss for any border and shape",
            loss,
            np.mean(cut * (p - y - cut / 2)),
            hint="delta is an argument: do both branches use it? n counts all values, not rows",
        )
        check.close(
            "the gradient for any border and shape",
            gradient,
            cut / y.size,
            rtol=1e-6,
            atol=1e-9,
            hint="far away the slope depends on delta; n counts all values, not the rows",
        )
    for shape, other in [((2, 3), (3,)), ((2, 3), (1, 3)), ((4, 1), (4, 4)), ((3,), ())]:
        check.raises(
            f"shapes {shape} and {other}",
            lambda shape=shape, other=other: huber(np.zeros(shape), np.zeros(other), 1.0),
            ValueError,
            hint="compare the shapes themselves, not their lengths or their numbers of axes",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: a training that arrives (18 points)
#
# Article 002 §4.1 fits a line to 100 points, with a small fixed learning rate, 1,000 epochs, and
# never looks at $w$ and $b$. This is its training in our words, for any number of features:


# %% {locked q2_published}
def as_published(x, y, num_epochs=1000, learning_rate=0.01, batch_size=32):
    """Raw features, a fixed step, minibatches: and then we hope."""
    rng, w, b = np.random.default_rng(0), np.zeros(x.shape[1]), 0.0
    for _ in range(num_epochs):
        for rows in np.split(rng.permutation(len(x)), range(batch_size, len(x), batch_size)):
            error = 2 * (x[rows] @ w + b - y[rows]) / len(rows)
            w, b = w - learning_rate * x[rows].T @ error, b - learning_rate * error.sum()
    return w, b


# %% {locked q2_measured}
rng = np.random.default_rng(1)
x_line = rng.random((100, 1))
y_line = 3 * x_line[:, 0] + rng.random(100)

for unit, factor in [("metres", 1), ("kilometres", 0.001), ("centimetres", 100)]:
    with np.errstate(all="ignore"):
        w, b = as_published(factor * x_line, y_line)
    design = np.hstack([factor * x_line, np.ones((100, 1))])
    best = np.linalg.lstsq(design, y_line, rcond=None)[0]
    print(f"x in {unit:11}  4,000 steps: w, b = {w[0]:8.3f}, {b:5.3f}", end="")
    print(f"   least squares: {best[0]:8.3f}, {best[1]:5.3f}")

# %% [markdown]
# The same points in three units. In metres it comes near, and is still on its way; in kilometres it
# has hardly left; in centimetres it explodes. Who never looks at $w$ and $b$ does not notice the
# first two. ($b$ near one half is right: the noise lies between 0 and 1.)
#
# **Repair it.** Write `descend(x, y, num_steps)` with `x` of shape (N, d) and `y` of shape (N,). It
# returns `w` of shape (d,) and the number `b` of the line $\hat y = \mathbf w^\top\mathbf x + b$,
# **in the units of the given `x`**:
#
# 1. Standardise each feature: subtract its mean, divide by its standard deviation (`np.std`). A
#    feature that never varies has standard deviation 0: divide it by 1, and its weight stays 0.
# 2. Start with all weights and the bias at 0. With $Z$ the standardised features and a last column
#    of ones, take the largest step that is safe in every direction without overshooting, one over
#    the largest eigenvalue of the Hessian of the mean squared error:
#
#    $$ H = \frac2N Z^\top Z, \qquad \eta = \frac{1}{\lambda_{\max}(H)}. $$
#
# 3. Take `num_steps` steps of gradient descent on the mean squared error, all points in each.
# 4. Turn the weights back. The line is the same, so $w_j$ and $b$ follow from
#    $\hat y = \sum_j v_j\,\frac{x_j - m_j}{s_j} + c$, where $v, c$ were found for $Z$ and
#    $m_j, s_j$ are mean and standard deviation.
#
# The tests look where it stands after few steps, too, so the formula of least squares is no answer;
# and `x` must stay as it was.


# %% {answer q2}
def descend(x, y, num_steps):
    """Gradient descent on standardised features; w (d,) and b in the units of x."""
    ### BEGIN SOLUTION
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.where(std > 0, std, 1)
    Z = np.hstack([(x - mean) / std, np.ones((len(x), 1))])
    rate = 1 / np.linalg.eigvalsh(2 / len(x) * Z.T @ Z)[-1]
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= rate * 2 / len(x) * Z.T @ (Z @ v - y)
    w = v[:-1] / std
    return w, v[-1] - w @ mean
    ### END SOLUTION


# %% {test q2_visible 6}
with check.question("q2_visible", points=6):
    rng = np.random.default_rng(1)
    x = rng.random((100, 1))
    y = 3 * x[:, 0] + rng.random(100)
    for factor, num_steps in [(1, 1), (100, 50)]:
        best = np.linalg.lstsq(np.hstack([factor * x, np.ones((100, 1))]), y, rcond=None)[0]
        w, b = descend(factor * x, y, num_steps)
        check.close(
            f"w of the article's points, x times {factor}, steps: {num_steps}",
            w,
            best[:1],
            hint="one feature, standardised: H = 2I, so one step with the right rate arrives. "
            "Is w turned back to the units of x?",
        )
        check.close(
            f"b of the article's points, x times {factor}, steps: {num_steps}",
            b,
            best[1],
            hint="put x = 0 into the formula of step 4: what does the mean add?",
        )

# %% {test q2_hidden 12}
print("Hidden tests: several features in very different units, few steps and many.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=12):
    rng = np.random.default_rng(11)
    x = 5 + rng.normal(size=(80, 4)) + 0.8 * rng.normal(size=(80, 1))
    x[:, 2] = 7
    x *= [1e-9, 1, 1, 1e4]
    y = x @ [9e8, -2, 0, 2e-4] + 4 + rng.normal(size=80)
    before, mean, std = x.copy(), x.mean(axis=0), x.std(axis=0) + np.eye(4)[2]
    Z = np.hstack([(x - mean) / std, np.ones((80, 1))])
    H, best = 2 / 80 * Z.T @ Z, np.linalg.lstsq(Z, y, rcond=None)[0]
    left = np.eye(5) - H / np.linalg.eigvalsh(H)[-1]
    for num_steps in (0, 1, 6, 3000):
        w, b = descend(x, y, num_steps)
        at = best - np.linalg.matrix_power(left, num_steps) @ best
        check.close(
            f"w of several features, steps: {num_steps}",
            w,
            at[:4] / std,
            atol=1e-10,
            hint="start at 0; is the factor 2/N in H? A feature that never varies: divide it by 1, "
            "but it alone: one in a large unit, such as kilometres, varies little",
        )
        check.close(
            f"b of several features, steps: {num_steps}",
            b,
            at[4] - at[:4] / std @ mean,
            hint="the bias learns like a weight, from 0 on; every feature's mean counts for b",
        )
    check.equal("x stays as it was", x, before, hint="`x -= …` changes the caller's array")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: ridge regression (12 points)
#
# With few points and many features, least squares finds huge weights that fit the noise. **Ridge
# regression** pays a price $\alpha \ge 0$ for large weights, but none for the bias:
#
# $$ L(\mathbf w, b) = \frac1N\sum_{i=1}^N (\mathbf w^\top\mathbf x_i + b - y_i)^2
#    + \alpha\sum_{j=1}^d w_j^2. $$
#
# Why is $b$ free? Measure temperature in kelvin instead of degrees Celsius: 273 is added to every
# $y$, and the prediction should only move up by 273.
#
# Write `ridge(x, y, alpha)`, `x` (N, d) and `y` (N,), that returns the `w` (d,) and the number `b`
# of the minimum. There is a closed form: set both derivatives to zero. The one for $b$ tells $b$ as
# soon as $\mathbf w$ is known; put into the other it leaves $d$ linear equations, for
# `np.linalg.solve`. Do not standardise: that would change the price of each weight.


# %% {answer q3}
def ridge(x, y, alpha):
    """The w (d,) and the number b that make the loss above smallest."""
    ### BEGIN SOLUTION
    centred, mean = x - x.mean(axis=0), y.mean()
    A = centred.T @ centred / len(x) + alpha * np.eye(x.shape[1])
    w = np.linalg.solve(A, centred.T @ (y - mean) / len(x))
    return w, mean - x.mean(axis=0) @ w
    ### END SOLUTION


# %% {test q3_visible 5}
with check.question("q3_visible", points=5):
    x, y = np.array([[1.0], [3.0]]), np.array([1.0, 5.0])
    best = {0.0: [2, -1], 1.0: [1, 1], 3.0: [0.5, 2]}
    for alpha in (0.0, 1.0, 3.0):
        w, b = ridge(x, y, alpha)
        check.close(
            f"w for the points (1, 1) and (3, 5), alpha = {alpha}",
            w,
            best[alpha][:1],
            hint="the squared error is a mean over N points, the price is not: where does N go? "
            "And is b in the price?",
        )
        check.close(
            f"b for these points, alpha = {alpha}", b, best[alpha][1], hint="is dL/db zero?"
        )
    w, b = ridge(x, y + 273, 1.0)
    check.close("w when 273 is added to y", w, [1], hint="only b should move")
    check.close("b when 273 is added to y", b, 274, hint="only b should move, and it is free")

# %% {test q3_hidden 7}
print("Hidden tests: several features, also more features than points.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=7):
    rng = np.random.default_rng(8)
    for n, d, alpha in [(30, 4, 0.5), (30, 4, 0.01), (6, 9, 0.2), (200, 3, 5.0)]:
        x = rng.normal(2, 1, size=(n, d)) * rng.uniform(0.2, 3, d)
        y = x @ rng.normal(size=d) + 50 + rng.normal(size=n)
        w, b = ridge(x, y, alpha)
        price = np.hstack([np.sqrt(n * alpha) * np.eye(d), np.zeros((d, 1))])
        rows = np.vstack([np.hstack([x, np.ones((n, 1))]), price])
        best = np.linalg.lstsq(rows, np.concatenate([y, np.zeros(d)]), rcond=None)[0]
        check.close(
            f"w for {n} points and {d} features",
            w,
            best[:d],
            hint="test your w yourself: is the gradient of L zero there? Each weight is priced "
            "as it is, not standardised",
        )
        check.close(f"b for {n} points and {d} features", b, best[d], hint="b is not priced")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: cross-entropy, softened (16 points)
#
# Cross-entropy never has enough: a right answer with probability 0.999 can still get cheaper, and
# the logits grow and grow. **Label smoothing** [Szegedy et al. 2016](#szegedy2016) takes the share
# $\varepsilon$ of each example's target away from the true class and spreads it evenly over *all*
# $C$ classes (the true one too). A **temperature** $T > 0$ divides the logits first: above 1 it
# makes the probabilities more alike, below 1 more extreme.
#
# $$ p_{ic} = \frac{e^{z_{ic}/T}}{\sum_k e^{z_{ik}/T}}, \qquad
#    q_{ic} = (1-\varepsilon)\,[c = y_i] + \frac{\varepsilon}{C}, \qquad
#    L = -\frac1N\sum_{i=1}^N\sum_{c=1}^C q_{ic}\log p_{ic}, $$
#
# where $[c = y_i]$ is 1 for the true class and 0 for the others. Write
# `soft_cross_entropy(labels, logits, smoothing, temperature)` with class numbers `labels` (N,) and
# `logits` $z$ (N, C). It returns the number $L$ and the gradient $\partial L/\partial z$, (N, C),
# for the logits as they were given, before the division by $T$. It must be right for logits of any
# size, such as 10,000, and without a warning.


# %% {answer q4}
def soft_cross_entropy(labels, logits, smoothing=0.0, temperature=1.0):
    """The mean cross-entropy with smoothed labels, and its gradient for the logits."""
    ### BEGIN SOLUTION
    z = np.asarray(logits) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    num_classes = z.shape[1]
    target = (1 - smoothing) * np.eye(num_classes)[labels] + smoothing / num_classes
    gradient = (np.exp(log_p) - target) / (len(z) * temperature)
    return -(target * log_p).sum(axis=1).mean(), gradient
    ### END SOLUTION


# %% {test q4_visible 6}
with check.question("q4_visible", points=6):
    loss, gradient = soft_cross_entropy(np.array([2, 0, 1]), np.zeros((3, 4)), 0.3, 5.0)
    check.close("equal logits, four classes", loss, np.log(4), hint="no idea costs ln C, always")
    check.close(
        "the gradient's first row there",
        gradient[0],
        np.array([0.175, 0.175, -0.525, 0.175]) / 15,
        hint="here q is 0.775 for the true class and 0.075 for the others; remember the 1/N, and "
        "what the inner function z/T adds to the chain rule",
    )
    logits = np.array([[2 * np.log(3), 0.0], [0.0, 2 * np.log(3)]])
    loss, gradient = soft_cross_entropy(np.array([0, 0]), logits, 0.2, 2.0)
    check.close(
        "p = (3/4, 1/4) and (1/4, 3/4), smoothing 0.2",
        loss,
        -np.log(0.75) / 2 - np.log(0.25) / 2,
        hint="with two classes and smoothing 0.2 the target of class 0 is (0.9, 0.1)",
    )
    wanted_rows = np.array([[-0.0375, 0.0375], [-0.1625, 0.1625]])
    check.close("the gradient there", gradient, wanted_rows, hint="each row has its own p")
    loss, gradient = soft_cross_entropy(np.array([1]), np.array([[1e4, 0.0]]), 0.0, 1.0)
    check.close("sure and wrong by 10,000", loss, 1e4, hint="take off the largest logit first")
    check.close("its gradient", gradient[0], [1, -1], hint="no overflow: exponents of at most 0")

# %% {test q4_hidden 10}
print("Hidden tests: other sizes, smoothings and temperatures, rows of very different size.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=10):
    rng = np.random.default_rng(4)

    def wanted(z, labels, smoothing, temperature):
        true = (1 - smoothing) * z[np.arange(len(z)), labels] + smoothing * z.mean(axis=1)
        return np.mean(np.logaddexp.reduce(z / temperature, axis=1) - true / temperature)

    for n, c, smoothing, temperature in [(5, 3, 0.1, 0.5), (2, 6, 0.0, 3.0), (7, 2, 1.0, 1.0)]:
        labels, z = rng.integers(c, size=n), 3 * rng.normal(size=(n, c))
        loss, gradient = soft_cross_entropy(labels, z, smoothing, temperature)
        check.close(
            "the loss for any smoothing and temperature",
            loss,
            wanted(z, labels, smoothing, temperature),
            hint="a mean over examples; each smoothed target sums to one over all C classes",
        )
        check.close(
            "the gradient for any smoothing and temperature",
            gradient,
            finite_differences(wanted, z, labels, smoothing, temperature),
            hint="derive it from L: the target q takes the one-hot's place, and T counts twice",
        )
    labels, z = rng.integers(400, size=500), rng.normal(size=(500, 400))
    found = soft_cross_entropy(labels, z, 0.2, 0.5)[1]
    p = np.exp(2 * z) / np.exp(2 * z).sum(axis=1, keepdims=True)
    p = (p - 0.8 * np.eye(400)[labels] - 0.2 / 400) / (0.5 * 500)
    check.close("the gradient for a large batch", found, p, atol=1e-9, hint="from a formula")
    z = np.array([[1e4, 1e4 + 1, -1e4], [-1e4, -1e4, -1e4 - 1], [2.0, 1.0, 0.0]])
    with np.errstate(all="raise", under="ignore"):  # a warning is an error here
        loss, gradient = soft_cross_entropy(np.array([1, 0, 2]), z, 0.0, 0.01)
        smoothed = soft_cross_entropy(np.array([1, 0, 2]), z, 0.3, 0.01)[0]
    hint = "the other classes' logarithms count as well, however small their p is"
    told = wanted(z, np.array([1, 0, 2]), 0.3, 0.01)
    check.close("rows of very different size, smoothed", smoothed, told, hint=hint)
    check.close("rows of very different size", loss, (np.log(2) + 200) / 3, hint="row by row")
    wanted_rows = 100 / 3 * np.array([[0, 0, 0], [-0.5, 0.5, 0], [1, 0, -1]])
    check.close("their gradient", gradient, wanted_rows, hint="take off each row's own largest")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: back through a residual block (16 points)
#
# Deep networks are built of **residual blocks** [He et al. 2016](#he2016): two layers, and a path
# that leads the input around them. The activation here is the leaky ReLU, which lets negative
# values through, multiplied by a small slope $s$:
#
# $$ z^1 = xW^1 + b^1, \quad a = \phi(z^1), \quad z^2 = x + aW^2 + b^2, \quad y = \phi(z^2),
#    \qquad \phi(z) = \begin{cases} z & \text{if } z > 0,\\ s\,z & \text{otherwise.} \end{cases} $$
#
# The forward pass is given, and random inputs to try it with. Shapes: $x$ and $y$ (N, D), $W^1$
# (D, H), $b^1$ (H,), $W^2$ (H, D), $b^2$ (D,).


# %% {locked q5_block}
def leaky_relu(z, slope):
    return np.where(z > 0, z, slope * z)


def block(x, W1, b1, W2, b2, slope):
    return leaky_relu(x + leaky_relu(x @ W1 + b1, slope) @ W2 + b2, slope)


def block_example(seed, n, d, h):
    """A random gradient (n, d) that arrives from above, and random x, W1, b1, W2, b2."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) for s in [(n, d), (n, d), (d, h), (h,), (h, d), (d,)]]


arriving, *inputs = block_example(seed=0, n=4, d=3, h=5)
block(*inputs, slope=0.1).shape

# %% [markdown]
# Write `block_backward(arriving, x, W1, b1, W2, b2, slope)`. `arriving`, (N, D), is
# $\partial L/\partial y$, the gradient that arrives from the layers above. Return the five
# gradients of $L$ for `x`, `W1`, `b1`, `W2`, `b2`, in this order and each in the shape of its
# array.
#
# Go backwards through the four equations, as in the lesson's three formulas. One thing is new: $x$
# is used in two places. Then **its gradient is the sum of what comes back from both**. The
# function needs $z^1$, $a$ and $z^2$ again: compute them first.
#
# You can judge yourself; for the $W^1$ of the example above:
#
# ```python
# def total(*inputs):  # a loss whose gradient for y is `arriving`
#     return np.sum(arriving * block(*inputs, slope=0.1))
#
#
# finite_differences(total, *inputs, which=1) - block_backward(arriving, *inputs, slope=0.1)[1]
# ```


# %% {answer q5}
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    """The gradients for x, W1, b1, W2, b2, if `arriving` is the gradient for y."""
    ### BEGIN SOLUTION
    z1 = x @ W1 + b1
    a = leaky_relu(z1, slope)
    z2 = x + a @ W2 + b2
    delta2 = arriving * np.where(z2 > 0, 1, slope)
    delta1 = delta2 @ W2.T * np.where(z1 > 0, 1, slope)
    dx = delta2 + delta1 @ W1.T
    return dx, x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)
    ### END SOLUTION


# %% {test q5_visible 6}
with check.question("q5_visible", points=6):
    arriving, *inputs = block_example(seed=1, n=4, d=3, h=5)
    kept = arriving.copy()
    gradients = block_backward(arriving, *inputs, slope=0.1)

    def total(*inputs):
        return np.sum(kept * block(*inputs, slope=0.1))

    names = ["x", "W1", "b1", "W2", "b2"]
    hints = [
        "x goes through the layers and around them: add what comes back from both",
        "what x is for the first layer, and the error at z1, which passed W2 and a slope",
        "the error at z1, summed over the examples",
        "the activations a, and the error at z2, which passed a slope",
        "the error at z2, summed over the examples; the outer activation comes first",
    ]
    check.equal("five gradients", len(gradients), 5, hint="for x, W1, b1, W2 and b2")
    for i in range(5):
        check.close(
            f"the gradient for {names[i]}",
            gradients[i],
            finite_differences(total, *inputs, which=i),
            hint=hints[i],
        )

# %% {test q5_hidden 10}
print("Hidden tests: other sizes and slopes, a large block, inputs that stay as they were.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=10):
    names = ["x", "W1", "b1", "W2", "b2"]

    def wanted(arriving, x, W1, b1, W2, b2, slope):
        """By sums over all indices at once."""
        z1 = x @ W1 + b1
        outer = arriving * np.where(x + leaky_relu(z1, slope) @ W2 + b2 > 0, 1, slope)
        inner = np.einsum("nd,hd->nh", outer, W2) * np.where(z1 > 0, 1, slope)
        return [
            outer + np.einsum("nh,dh->nd", inner, W1),
            np.einsum("nd,nh->dh", x, inner),
            np.einsum("nh->h", inner),
            np.einsum("nh,nd->hd", leaky_relu(z1, slope), outer),
            np.einsum("nd->d", outer),
        ]

    sizes = [(2, 1, 4, 2, 0.3, 1), (3, 6, 2, 7, -0.2, 1), (4, 300, 40, 100, 0.05, 1)]
    for seed, n, d, h, slope, scale in [*sizes, (5, 3, 4, 6, 0.1, 1e-9)]:
        arriving, *inputs = block_example(seed, n, d, h)
        inputs[0] *= scale
        inputs[2] *= scale  # so small that differences step across the bend
        before = [array.copy() for array in (arriving, *inputs)]
        gradients = block_backward(arriving, *inputs, slope)
        for i in range(5):
            check.close(
                f"the gradient for {names[i]}",
                gradients[i],
                wanted(*before, slope)[i],
                hint="the slope s is an argument; where is it needed? Compare with the judge for "
                "other sizes, other slopes and a batch of one; it cannot replace the formula",
            )
        check.equal(
            "the inputs stay as they were",
            [arriving, *inputs],
            before,
            hint="`delta *= …` changes the array that you were given",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: AdamW (12 points)
#
# Ridge's price on large weights has a cousin among the optimizers, **weight decay**: each step
# makes every weight a little smaller. With Adam one must not add $\lambda\theta$ to the gradient,
# because Adam divides by the gradient's size, and the decay would be divided too. **AdamW** keeps
# the two apart:
#
# $$ m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2, $$
#
# $$ \theta \leftarrow \theta - \eta\left(\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon}
#    + \lambda\theta\right), \qquad t = 1, 2, 3, \dots $$
#
# On the right stands the old $\theta$, and $t$ counts the steps, calls of `apply`. As is usual,
# biases do not decay: **$\lambda$ counts as 0 for parameters with fewer than two axes**.
#
# Complete the class. `apply(gradients, parameters)` takes two lists of arrays of the same shapes,
# makes one step, changes the parameters **in place** (`parameter -= …`) and returns nothing. It is
# always called with the same parameters, so that number $i$ in the list has its own $m$ and $v$.
# The gradients stay as they were.


# %% {answer q6}
class AdamW:
    """Adam with decoupled weight decay; biases do not decay."""

    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps = 0
        self.m, self.v = None, None  # nothing yet: the first step tells the shapes

    def apply(self, gradients, parameters):
        """One step for every parameter, in place."""
        ### BEGIN SOLUTION
        if self.m is None:
            self.m = [np.zeros_like(p) for p in parameters]
            self.v = [np.zeros_like(p) for p in parameters]
        self.steps += 1
        for g, p, m, v in zip(gradients, parameters, self.m, self.v, strict=True):
            m += (1 - self.beta_1) * (g - m)
            v += (1 - self.beta_2) * (g**2 - v)
            m_hat, v_hat = m / (1 - self.beta_1**self.steps), v / (1 - self.beta_2**self.steps)
            decay = self.weight_decay * p if p.ndim > 1 else 0
            p -= self.learning_rate * (m_hat / (np.sqrt(v_hat) + self.epsilon) + decay)
        ### END SOLUTION


# %% {test q6_visible 5}
with check.question("q6_visible", points=5):
    optimizer = AdamW(learning_rate=0.1, weight_decay=0.5, beta_1=0.5, beta_2=0.5)
    W = np.array([[1.0, -2.0]])
    optimizer.apply([np.array([[3.0, -0.5]])], [W])
    check.close(
        "W after one step from (1, -2)",
        W,
        np.array([[0.85, -1.8]]),
        hint="Adam's first step is 0.1 whatever the size of g; the decay takes 0.1 * 0.5 * W more. "
        "Is W changed in place?",
    )
    optimizer.apply([np.array([[-3.0, -0.5]])], [W])
    check.close(
        "W after a second step, its first gradient turned round",
        W,
        np.array([[0.85 + 0.1 / 3 - 0.0425, -1.61]]),
        hint="m and v are kept from step to step, and t is 2 now: m/(1 - 0.25), v/(1 - 0.25)",
    )

# %% {test q6_hidden 7}
print("Hidden tests: weights and biases together, six steps, two optimizers at once.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=7):

    def number_by_number(start, slopes, decay):
        p, m, v = start, 0, 0
        for t, g in enumerate(slopes, 1):
            m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
            p = p - 0.05 * (decay * p + m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.95**t)) + 0.3))
        return p

    rng = np.random.default_rng(5)
    shapes = [(3, 2), (2,), (2, 3, 2), (3, 2), (1, 2, 2, 1)]  # two of them are equal
    slopes = [rng.normal(size=(6, *shape)) for shape in shapes]
    slopes[3][:2] = 0
    parameters = [rng.normal(size=shape) for shape in shapes]
    starts, sent = [p.copy() for p in parameters], [s.copy() for s in slopes]
    optimizer = AdamW(0.05, weight_decay=0.4, beta_1=0.8, beta_2=0.95, epsilon=0.3)
    other, there = AdamW(0.05, weight_decay=0.0), np.ones((1, 1))
    for t in range(6):
        optimizer.apply([s[t] for s in slopes], parameters)
    other.apply([-np.ones((1, 1))], [there])
    for number in range(5):
        check.close(
            f"a parameter of shape {shapes[number]} after six steps",
            parameters[number],
            number_by_number(starts[number], sent[number], 0.4 * (number != 1)),
            hint="t counts calls, not parameters; each has its own m and v, even if two have the "
            "same shape; with two axes or more it decays, a convolution's kernel as well; epsilon "
            "stands outside of the root",
        )
    check.close("a new optimizer starts afresh", there[0], [1.05], hint="states belong to self")
    check.equal("the gradients stay as they were", slopes, sent, hint="change parameters only")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: digits that people wrote (16 points)
#
# Now all of it together, on real scans: digits of 8 × 8 pixels, 64 numbers from 0 to 1 each. They
# stand in the file form by form, and each form has one writer. So the validation digits are by other
# writers than those that you train on. (Only nearly: there are 14 forms by 13 people.)


# %% {locked q7_digits}
def digits(split):
    """Scans (N, 64), numbers from 0 to 1, and what they show, (N,)."""
    scans, labels = data.arrays("digits", split)
    return scans.reshape(len(scans), 64) / 16, labels


x_train, y_train = digits("train[:50%]")
x_validation, y_validation = digits("train[50%:75%]")


def logits(x, parameters):
    """The network's answer: parameters are [W, b] of the first layer, then of the next, …"""
    for i in range(0, len(parameters), 2):
        a = np.maximum(x, 0) if i > 0 else x
        x = a @ parameters[i] + parameters[i + 1]
    return x


# %% {locked q7_picture}
def show_errors(parameters):
    """The misread digits of the validation, the surest mistake first; returns how many there are."""
    z = logits(x_validation, parameters)
    margin = z.max(axis=1) - z[np.arange(len(z)), y_validation]  # 0 if it is right
    order = np.argsort(-margin)[: np.count_nonzero(margin)]
    if len(order):
        titles = [f"{y_validation[i]}, not {z[i].argmax()}" for i in order[:10]]
        plots.image_grid(x_validation[order[:10]].reshape(-1, 8, 8), titles=titles)
        plt.show()
    return len(order)


show_errors([np.zeros((64, 10)), np.eye(10)[0]])  # a network that always says 0

# %% [markdown]
# Write `train(x, y, seed)`: `x` (N, 64), `y` (N,) with class numbers 0 to 9. Train a network with at
# least one hidden layer on these scans, and return the list of its parameters, for `logits` above:
# $[W^1, b^1, W^2, b^2, \dots]$. Every random number comes from `np.random.default_rng(seed)`.
#
# $$ a^0 = x, \quad a^l = \max(a^{l-1}W^l + b^l,\, 0), \quad z = a^{L-1}W^L + b^L, \qquad
#    \frac{\partial L}{\partial z} = \frac1N(p - \text{one-hot}(y)). $$
#
# You need He's start, the forward pass, the gradient of the cross-entropy, the backward pass, an
# optimizer and a loop. Each is in the lesson, most you have just written, and you may call your own
# functions from above. One hidden layer of 32 units and a hundred steps of Adam, or two hundred with
# momentum, all scans in each, are plenty. It takes less than a second, and may take ten.
#
# **The bar:** 80 % of the validation digits in the visible test. The hidden tests train once more,
# with other class numbers and the pixels in another order, and ask for **90 %** of digits by writers
# of the last quarter of the file; leave it alone. Then look at the errors of your model, with
# `show_errors(train(x_train, y_train, seed=0))` in a cell of your own. Would you have read them? Do
# two digits stand out? Try your own: an array (1, 64) of what you draw.


# %% {answer q7}
def train(x, y, seed):
    """Train a network on x (N, 64), y (N,); return [W1, b1, W2, b2, …]."""
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    W1, b1 = rng.normal(0, np.sqrt(2 / 64), (64, 32)), np.zeros(32)
    W2, b2 = rng.normal(0, np.sqrt(2 / 32), (32, 10)), np.zeros(10)
    speeds = [np.zeros_like(p) for p in (W1, b1, W2, b2)]
    for _ in range(200):
        a = np.maximum(x @ W1 + b1, 0)
        z = a @ W2 + b2
        p = np.exp(z - z.max(axis=1, keepdims=True))
        delta2 = (p / p.sum(axis=1, keepdims=True) - np.eye(10)[y]) / len(x)
        delta1 = delta2 @ W2.T * (a > 0)
        gradients = [x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)]
        for parameter, v, g in zip((W1, b1, W2, b2), speeds, gradients, strict=True):
            v += -0.1 * v - 0.1 * g
            parameter += v
    return [W1, b1, W2, b2]
    ### END SOLUTION


# %% {test q7_visible 6}
with check.question("q7_visible", points=6):
    trained = train(x_train, y_train, seed=0)
    check.equal(
        "arrays left over when W and b are paired, and layers (two, or more)",
        [len(trained) % 2, min(len(trained) // 2, 2)],
        [0, 2],
        hint="return [W1, b1, W2, b2]: a hidden layer, and the one that makes the logits",
    )
    check.accuracy(
        "validation digits",
        np.argmax(logits(x_validation, trained), axis=1),
        y_validation,
        at_least=0.8,
        hint="does the loss fall? Draw it, and check the gradients with the judge",
    )

# %% {test q7_hidden 10}
print("Hidden tests: trained once more; writers that nobody has seen; the same seed, another seed.")
### BEGIN HIDDEN TESTS
with check.question("q7_hidden", points=10):
    turn = np.random.default_rng(71).permutation(64)
    aside = check.given(digits("train[75%:]")[0][:, turn])
    trained = train(x_train[:, turn], (y_train + 3) % 10, seed=3)
    check.accuracy(
        "digits of other writers",
        np.argmax(logits(aside, trained), axis=1),
        (digits("train[75%:]")[1] + 3) % 10,
        at_least=0.9,
        hint="learn from the x and y that are given; a right network passes with every seed: try "
        "ten of them on the validation digits",
    )
    others = check.given(digits("train[75%:]")[0])
    alike = train(x_train[:200, turn], np.full(200, 7), seed=1)  # other places, one answer
    check.accuracy(
        "digits of other writers, after training on scans that are all called 7",
        np.argmax(logits(others, alike), axis=1),
        np.full(len(digits("train[75%:]")[1]), 7),
        at_least=0.97,
        hint="train on the x and y that are given, and on nothing else",
    )
    start = [np.asarray(train(x_train[:200], y_train[:200], seed=n)[0]) for n in (5, 5, 6)]
    found = [np.unique(np.round([start[0][:2], w[:2]], 9), axis=0).shape[0] for w in start[1:]]
    check.equal(
        "networks: of one seed, of two seeds",
        found,
        [1, 2],
        hint="every random number from np.random.default_rng(seed), and from nowhere else",
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
# - <a id="he2016"></a>Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. *Deep Residual Learning
#   for Image Recognition*. CVPR, 770–778, 2016.
# - <a id="szegedy2016"></a>Christian Szegedy, Vincent Vanhoucke, Sergey Ioffe, Jonathon Shlens,
#   Zbigniew Wojna. *Rethinking the Inception Architecture for Computer Vision*. CVPR, 2818–2826,
#   2016.
