# ---
# jupyter:
#   aimodels:
#     title: From a line to a network
#     goals:
#       - say what a model, a loss and a gradient are, and compute all three by hand
#       - explain why gradient descent can be slow, and cure it
#       - choose the loss for numbers, for yes or no, and for many classes
#       - write the forward and the backward pass of a network, and check them
#       - start a network at the right size, and pick an optimizer
#     prerequisites: []
#     minutes: 80
#     repairs: [002-4.1]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a line to a network
#
# **You will be able to**
#
# - say what a model, a loss and a gradient are, and compute all three by hand;
# - explain why gradient descent can be slow, and cure it;
# - choose the loss for numbers, for yes or no, and for many classes;
# - write the forward and the backward pass of a network, and check them;
# - start a network at the right size, and pick an optimizer.
#
# **Before this:** Python, NumPy, derivatives and matrix multiplication (eigenvectors are explained
# when needed). **About 80 minutes.**
# **Repairs:** article 002 §4.1, the formulas that 002 §3.1 lost, and of 003 §1.3.2 the first two
# (convolution and RNN come in their own chapters). Articles 000 to 004 are five published texts
# about large AI models; this course repairs their code.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import inspect
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from aimodels import data, plots
from aimodels.course import claim, measured

# %% [markdown]
# ## A model, a loss, a gradient
#
# A **model** is a function with numbers in it that we may choose, its **parameters**. The smallest
# one is a line, with a weight $w$ and a bias $b$:
#
# $$ \hat y = w x + b, \qquad\text{with several features}\quad
#    \hat y = \mathbf w^\top\mathbf x + b. $$
#
# Article 002 draws 100 points around $y = 3x$ and adds noise between 0 and 1. Which $b$ will a
# good fit find? Decide before you run the next cells; the article seems to expect 0.

# %%
rng = np.random.default_rng(1)
x = rng.random((100, 1))
noise = rng.random((100, 1))
y = 3 * x + noise

print("x", x.shape, " y", y.shape, " mean of the noise", noise.mean().round(4))

# %% [markdown]
# To say which line is *good* we need a **loss**: one number, small when predictions are near the
# truth. For numbers the usual one is the mean squared error,
#
# $$ L(w, b) = \frac1N\sum_{i=1}^N (\hat y_i - y_i)^2. $$
#
# For a line, algebra finds the minimum directly. This is **least squares**, and NumPy has it. The
# column of ones in `design` carries $b$: each prediction is $(x_i, 1)$ times $(w, b)$.

# %%
design = np.hstack([x, np.ones_like(x)])
best = np.linalg.lstsq(design, y, rcond=None)[0].ravel()
centred = np.linalg.lstsq(design, y - 0.5, rcond=None)[0].ravel()

print("noise from 0 to 1:       w, b =", best.round(4))
print("noise from -0.5 to 0.5:  w, b =", centred.round(4))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
left.scatter(x, y, s=12, color="grey", label="data")
left.plot([0, 1], [0, 3], "k:", label="y = 3x, what is expected")
left.plot([0, 1], [best[1], best.sum()], "C3", label="least squares")
left.set(xlabel="x", ylabel="y", title="The line lies half a unit higher")
left.legend()
right.hist(noise, bins=10, range=(0, 1), color="lightgrey", edgecolor="white")
right.axvline(noise.mean(), color="C3", label="mean")
right.set(xlabel="noise", ylabel="points", title="because the noise does")
right.legend()
plt.show()

# %% [markdown]
# Noise between 0 and 1 is not "around" the line: its mean is one half, and the bias must learn it.
# Take 0.5 away from every $y$ and $b$ falls by exactly 0.5, while $w$ does not move at all. What
# remains is chance: 100 points cannot tell 3 exactly. How far off may an honest fit be? About two
# **standard errors**: one is the typical distance between such a fit and the truth, and comes from
# the spread of the points around the line.

# %%
spread = np.std(y - design @ best[:, None], ddof=2)
standard_error = spread * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))

print("standard errors of w, b:", standard_error.round(3))
for name, off in zip("wb", np.abs(centred - [3, 0]) / standard_error, strict=True):
    claim(f"{name} is off by, in standard errors,", off, at_most=2)
assert np.allclose(best - centred, [0, 0.5])

# %% [markdown]
# ## The gradient, three times
#
# For a network no such formula exists. It learns from the **gradient**: for each parameter, how
# fast the loss grows if we raise that parameter a little. For the line the chain rule gives
#
# $$ \frac{\partial L}{\partial w} = \frac2N\sum_i(\hat y_i - y_i)\,x_i, \qquad
#    \frac{\partial L}{\partial b} = \frac2N\sum_i(\hat y_i - y_i). $$
#
# Our `mean_squared_error` returns the loss and $\frac2N(\hat y - y)$, its gradient with respect to
# the predictions.

# %%
from aimodels.foundations import SGD, LinearRegression, finite_differences, mean_squared_error


def line_gradient(x, y, W, b):
    _, error = mean_squared_error(y, x @ W + b)
    return [x.T @ error, error.sum(axis=0)]


W, b = np.array([[-1.0]]), np.array([0.0])
by_hand = line_gradient(x, y, W, b)

# %% [markdown]
# Never trust a gradient that you derived yourself. Two judges: **finite differences** move each
# parameter a tiny step up and down and look at the loss; TensorFlow's **autograd** applies the
# chain rule for you.

# %%
numeric = finite_differences(lambda p: mean_squared_error(y, x @ p[0] + p[1])[0], [W, b])

with tf.GradientTape() as tape:
    tape.watch(variables := [tf.constant(W), tf.constant(b)])
    loss = tf.reduce_mean((x @ variables[0] + variables[1] - y) ** 2)
autograd = tape.gradient(loss, variables)

# %%
for name, gradient in [("by hand", by_hand), ("measured", numeric), ("autograd", autograd)]:
    print(f"{name:10}", *(np.round(g, 4).item() for g in gradient))

for name, judge, bound in [("measured", numeric, 1e-8), ("autograd", autograd, 1e-12)]:
    far = max(np.abs(h - j).max() for h, j in zip(by_hand, judge, strict=True))
    claim(f"by hand and {name} differ by", far, at_most=bound)

# %% [markdown]
# Both are negative: raise $w$ and $b$, and the loss falls. **Gradient descent** does just that,
# again and again, with a **learning rate** $\eta$. Below, $\theta$ stands for any parameter and
# $g$ for its gradient:
#
# $$ \theta \leftarrow \theta - \eta\, g. $$
#
# If $g$ comes from a few examples at a time, a **minibatch**, it is *stochastic* gradient descent,
# SGD [Robbins & Monro 1951](#robbins1951). One pass over all data is an **epoch**.

# %%
print(inspect.getsource(SGD.step))

# %% [markdown]
# ## A thousand epochs that do not arrive
#
# The article calls its line a neural network, hands it to Keras's `"sgd"` (learning rate 0.01,
# minibatches of 32) and trains 1,000 epochs. It never looks at $w$ or $b$. We do. 100 points make
# four minibatches, the last of only 4 points, so this is 4,000 steps.


# %%
def minibatches(num_epochs, batch_size=32, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(num_epochs):
        yield from np.split(rng.permutation(len(x)), range(batch_size, len(x), batch_size))


def fit_line(x, y, batches, optimizer, start=(-1.0, 0.0)):
    W, b = np.array([[start[0]]]), np.array([start[1]])
    path = [(W.item(), b.item())]
    for rows in batches:
        optimizer.apply(line_gradient(x[rows], y[rows], W, b), [W, b])
        path.append((W.item(), b.item()))
    return np.array(path)


# %%
path = fit_line(x, y, minibatches(num_epochs=1000), SGD(learning_rate=0.01))
print("steps", len(path) - 1)

# %% [markdown]
# Is our NumPy loop the same as Keras? We give the first 40 minibatches to `LinearRegression`, one
# Keras `Dense(1)`.

# %%
model = LinearRegression(num_features=1)
model.compile("sgd", "mse")
model.set_weights([np.array([[-1.0]]), np.array([0.0])])
for rows in minibatches(num_epochs=10):
    model.train_on_batch(x[rows], y[rows])

far = np.abs(np.ravel([v.item() for v in model.get_weights()]) - path[40]).max()
claim("after 40 steps they differ by", far, at_most=1e-5)

# %% [markdown]
# Now the question: after 4,000 steps on a problem with two unknowns, how many digits of least
# squares are right?


# %%
def line_loss(points):
    """The loss of many lines (w, b) at once: (N, 2) -> (N,)."""
    return ((x @ points[:, :1].T + points[:, 1] - y) ** 2).mean(axis=0)


ends = np.stack([path[-1], best])
print("                     w       b    loss")
for name, point, loss in zip(
    ["4,000 steps  ", "least squares"], ends, line_loss(ends), strict=True
):
    print(name, *(f"{v:8.4f}" for v in (*point, loss)))

off = np.abs(path[-1] - best)[0]
claim("w is off by", off, at_least=0.005)
claim("that is, in standard errors,", off / standard_error[0], at_most=0.1)

# %% [markdown]
# The second digit of $w$ after the point is already wrong. Here that is harmless: a tenth of the
# standard error. But see the trap: **the losses agree to four decimals**. The
# loss alone does not tell you whether the optimizer has arrived.
#
# ## Why: the shape of the loss
#
# Draw the loss over the plane of all lines $(w, b)$, and walk the path on this map. Dark is high,
# and from each contour to the next the loss above the minimum grows by the same factor. What shape
# do you expect?

# %%
levels = line_loss(best[None])[0] + np.geomspace(0.002, 20, 15)
look = {"levels": levels, "norm": "log", "extend": "both"}
ax = plots.surface(line_loss, (-1.5, 4.5), (-0.5, 3), **look)
ax.plot(*path.T, color="C1", label="4,000 steps of SGD")
for k in (0, 50, 100, 500, 1000):
    ax.plot(*path[k], "ko", ms=3)
    ax.annotate(f"step {k}", path[k], path[k] + [0.12, 0.07], fontsize=9)
ax.plot(*best, "r*", ms=12, label="least squares")
ax.set(xlabel="w", ylabel="b", title="Fast into the valley, slowly along it")
ax.figure.set_size_inches(7, 4)
ax.legend()
plt.show()

# %% [markdown]
# A long, narrow valley. A squared loss is a bowl, and its curvatures are the **eigenvalues** of
# the matrix of second derivatives, the **Hessian**. $X$ has a row $(x_i, 1)$ for each point,
# `design` in the code:
#
# $$ H = \frac2N X^\top X =
#    2\begin{pmatrix}\overline{x^2} & \overline{x}\\ \overline{x} & 1\end{pmatrix}. $$
#
# An eigenvector is a direction in which the bowl curves on its own, undisturbed by the others.
# Along one with curvature $\lambda$ every step of gradient descent multiplies the distance to the
# minimum by $1 - \eta\lambda$. Small $\lambda$, small progress.

# %%
H = 2 / len(x) * design.T @ design
curvatures, directions = np.linalg.eigh(H)

print("curvatures", curvatures.round(3), " ratio", round(curvatures[1] / curvatures[0]))
print("part of the distance left after 4,000 steps", ((1 - 0.01 * curvatures) ** 4000).round(4))
print("slow direction (w, b)", (directions[:, 0] * np.sign(directions[0, 0])).round(2))

# %% [markdown]
# The slow direction is "$w$ up, $b$ down": since all $x$ lie between 0 and 1, a steeper and lower
# line fits almost as well. The picture below follows both directions on a logarithmic scale, with
# the prediction $(1-\eta\lambda)^k$ beside the real path.

# %%
distances = np.abs((path - best) @ directions)
steps = np.arange(len(path))
plt.figure(figsize=(7, 3.4))
for d, color, name in [(1, "C0", "steep"), (0, "C3", "flat")]:
    plt.semilogy(distances[:, d], color=color, lw=0.7, label=f"{name} direction, SGD")
    theory = distances[0, d] * (1 - 0.01 * curvatures[d]) ** steps
    plt.semilogy(theory, "--", color=color, label=f"{name} direction, theory")
plt.ylim(1e-4, 10), plt.xlabel("step"), plt.ylabel("distance to least squares")
plt.title("The flat direction needs thousands of steps"), plt.legend(ncol=2, fontsize=8)
plt.show()

# %% [markdown]
# Two things hold the article's run back: the flat direction, where 4,000 steps are too few; and
# the jitter of small minibatches, a floor below which a constant learning rate does not come. The
# steep direction reaches that floor after a few hundred steps.

# %%
floor = np.sqrt((distances[1000:, 1] ** 2).mean())
reached = np.argmax(distances[:, 1] < floor)
print(f"typical distance in the steep direction after step 1,000: {measured(floor):.3f}")
claim("the steep direction reaches it at step", reached, at_most=500)
claim("the flat direction's distance at the end, over it", distances[-1, 0] / floor, at_least=1)

# %% [markdown]
# ## The cure
#
# **Standardise** the input: subtract its mean, divide by its standard deviation. Then
# $\overline z = 0$ and $\overline{z^2} = 1$, so $H = 2I$: the same curvature, two, in every
# direction. For one feature this makes the bowl round. What does one step with $\eta = 1/2$ do to
# the distance, if each step multiplies it by $1 - \eta\lambda$?

# %%
z = (x - x.mean()) / x.std()
everything = [np.arange(len(x))]
one_step = fit_line(z, y, everything, SGD(learning_rate=0.5))[-1]

w_back = one_step[0] / x.std()
in_x = np.array([w_back, one_step[1] - w_back * x.mean()])
claim("one step differs from least squares by", np.abs(in_x - best).max(), at_most=1e-12)

# %% [markdown]
# One step instead of thousands, and Keras does the same: three steps of `fit` on $z$, then the
# weights are turned back into those of $x$. And the last thing that the article left out, a look
# at points that were not trained on. On new points no line can do better, on average, than the
# variance of the noise, $1/12 \approx 0.083$. (The 0.0732 above is smaller: it was measured on the
# same 100 points that chose the line, and their noise happens to vary less.)

# %%
model = LinearRegression(num_features=1)
model.compile(keras.optimizers.SGD(0.5), "mse")
model.fit(z, y, batch_size=len(z), epochs=3, verbose=0)

w_z, b_z = (v.item() for v in model.get_weights())
in_x = np.array([w_z / x.std(), b_z - w_z / x.std() * x.mean()])
claim("Keras differs from least squares by", np.abs(in_x - best).max(), at_most=1e-3)

# %%
x_new = rng.random((1000, 1))
y_new = 3 * x_new + rng.random((1000, 1))
loss_new = model.evaluate((x_new - x.mean()) / x.std(), y_new, verbose=0)
print("variance of the first 100 points' noise", noise.var().round(4))
claim("held-out loss over 1/12", 12 * loss_new, at_least=0.9, at_most=1.1)

# %% [markdown]
# If you may not touch the data, a larger learning rate helps too. But how large may it be? The
# distance must shrink in *every* direction, $|1 - \eta\lambda| < 1$, so the steepest one sets the
# limit:
#
# $$ \eta < \frac{2}{\lambda_{\max}}. $$

# %%
limit = 2 / curvatures[1]
rates = [0.05, 0.3, 0.95 * limit, 1.05 * limit]
runs = [fit_line(x, y, 100 * everything, SGD(rate)) for rate in rates]
excess = [line_loss(run) - line_loss(best[None]) for run in runs]

print("limit", limit.round(3))
for rate, e in zip(rates, excess, strict=True):
    bound = {"at_most": 0.1} if rate < limit else {"at_least": 10}
    claim(f"rate {rate:.2f}: loss above the minimum, end over start", e[-1] / e[0], **bound)

# %%
plt.figure(figsize=(7, 3.4))
for rate, e in zip(rates, excess, strict=True):
    plt.semilogy(e, label=f"$\\eta$ = {rate:.2f}")
plt.axhline(excess[0][0], ls=":", color="grey", label="at the start")
plt.xlabel("step (all 100 points)"), plt.ylabel("loss above the minimum")
plt.title("Larger is faster, until it is too large"), plt.legend(fontsize=8, ncol=2)
plt.show()

# %% [markdown]
# ## Four optimizers on one map
#
# An **optimizer** turns gradients into steps. (The articles say that backpropagation "updates the
# parameters". It does not: it computes gradients; the optimizer updates.) Three famous
# improvements of plain descent:
#
# - **momentum**: $v \leftarrow \mu v + \eta g$ and $\theta \leftarrow \theta - v$;
# - **RMSprop** [Tieleman & Hinton 2012](#tieleman2012): $v \leftarrow \rho v + (1-\rho) g^2$ and
#   $\theta \leftarrow \theta - \eta\, g/\sqrt{v+\epsilon}$;
# - **Adam** [Kingma & Ba 2015](#kingma2015):
#
# $$ m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2, \qquad
#    \theta \leftarrow \theta - \eta\,\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon}. $$
#
# Momentum is a ball that keeps rolling. RMSprop gives each parameter its own step size: gradient
# over its usual size. Adam does both, and divides by $1-\beta^t$ because its means start at zero.
# In code the two divisions are gathered in `rate`, as in Keras ($\epsilon$ then weighs more,
# $1/\sqrt{1-\beta_2^t}$ times, in the first steps; at 1e-7 it rarely matters):

# %%
from aimodels.foundations import Adam, Momentum, RMSprop

print(inspect.getsource(Adam.step))

# %%
optimizers = {
    "gradient descent": SGD(0.1),
    "momentum": Momentum(0.1, momentum=0.8),
    "RMSprop": RMSprop(0.1),
    "Adam": Adam(0.3),
}
walks = {name: fit_line(x, y, 60 * everything, opt) for name, opt in optimizers.items()}

# %%
fig, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, sharey=True, layout="constrained")
for ax, (name, walk) in zip(axes.flat, walks.items(), strict=True):
    plots.surface(line_loss, (-1.5, 4.5), (-0.5, 3), ax, **look)
    ax.plot(*walk.T, "C1.-", ms=5, lw=1)
    ax.plot(*best, "r*", ms=12)
    ax.set(title=f"{name}: {len(walk) - 1} steps")
fig.supxlabel("w"), fig.supylabel("b")
plt.show()

# %% [markdown]
# Read the maps. Plain descent falls into the valley at once and then creeps. Momentum overshoots,
# swings, and gets along the floor faster. RMSprop's first steps are equally long in $w$ and $b$,
# so it enters the valley nearer to the star; Adam does the same and overshoots like momentum.

# %%
for name, walk in walks.items():
    first = np.abs(walk[1] - walk[0])
    print(f"{name:<16} first step {first.round(2)}, highest b {walk[:, 1].max():.2f}")
for name in ("RMSprop", "Adam"):
    assert np.isclose(*np.abs(walks[name][1] - walks[name][0]), rtol=1e-3)
highest = {name: walk[:, 1].max() for name, walk in walks.items()}
assert highest["RMSprop"] < highest["gradient descent"] < highest["Adam"] < highest["momentum"]

# %% [markdown]
# Who is nearest? One more run joins, not drawn: plain descent at 0.7, just below its limit.

# %%
walks["gradient descent, 0.7"] = fit_line(x, y, 60 * everything, SGD(0.7))
left_over = {name: np.linalg.norm(walk[-1] - best) for name, walk in walks.items()}
print("from near to far:", *sorted(left_over, key=left_over.get), sep="\n  ")

assert max(left_over, key=left_over.get) == "gradient descent"
assert left_over["momentum"] < left_over["gradient descent, 0.7"] < left_over["Adam"]

# %% [markdown]
# The ranking holds for these learning rates only. Momentum 0.8 multiplies the step in the long run
# by $1/(1 - 0.8) = 5$, and plain descent at 0.7 comes nearer than Adam here. The picture shows
# characters, not a winner. Are our optimizers the real ones? The tests compare them with Keras for
# 300 steps; here is Adam. (Keras keeps hyperparameters such as 0.999 in float32, so the last
# digits differ.)

# %%
point, adam, keras_adam = np.array([-1.0, 0.0]), Adam(0.3), keras.optimizers.Adam(0.3)
variable = keras.Variable(point, dtype="float64")
for _ in range(100):
    adam.apply([H @ (point - best)], [point])
    keras_adam.apply([tf.constant(H @ (variable.numpy() - best))], [variable])

claim("after 100 steps they differ by", np.abs(point - variable.numpy()).max(), at_most=1e-5)

# %% [markdown]
# ## Yes or no: logistic regression
#
# Is a tumour benign or malignant? The answer is not a number but a **probability**. Keep the line,
# call its value the **logit** $z = \mathbf w^\top\mathbf x + b$, and press it between 0 and 1 with
# the **sigmoid**:
#
# $$ P(y = 1 \mid \mathbf x) = \sigma(z) = \frac{1}{1 + e^{-z}}. $$
#
# The loss asks how surprised we are by the truth, $-\log$ of the probability that we gave it. Over
# all examples this is the **binary cross-entropy**,
#
# $$ L = -\frac1N\sum_i \bigl[\,y_i\log p_i + (1-y_i)\log(1-p_i)\,\bigr]. $$
#
# Typed in as it stands, it breaks. We are *sure*, $z = 5$, 40 or 800, and wrong, $y = 0$; the
# right loss, $\log(1+e^z)$, is almost $z$ itself:

# %%
from aimodels.foundations import LogisticRegression, binary_cross_entropy, sigmoid

z = np.array([5.0, 40.0, 800.0])
with np.errstate(divide="ignore"):  # hide the warning, to see what follows from it
    naive = -np.log(1 - 1 / (1 + np.exp(-z)))

print("naive ", naive.round(4))
print("stable", np.array([binary_cross_entropy([0], [v])[0] for v in z]).round(4))

# %% [markdown]
# $\sigma(40)$ differs from 1 by less than half the gap between 1 and the float64 below it, so it
# is rounded to 1. Then $1 - p$ is 0 and the loss infinite; one such example spoils the whole
# training. The cure: never take the logarithm of a computed $p$. With a little algebra, from the
# logit itself and for one example,
#
# $$ L = \max(z, 0) - yz + \log\bigl(1 + e^{-|z|}\bigr), \qquad
#    \frac{\partial L}{\partial z} = \sigma(z) - y. $$
#
# This is why our models return logits, and why Keras has `from_logits=True`. Look at the gradient:
# probability minus truth, as simple as for the squared error.

# %%
z = np.linspace(-6, 6, 200)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.plot(z, sigmoid(z), "C0")
left.axhline(0.5, ls=":", color="grey")
left.set(xlabel="logit z", ylabel="probability", title="The sigmoid")
for y_true in (0, 1):
    losses = [binary_cross_entropy([y_true], [v])[0] for v in z]
    right.plot(z, losses, label=f"truth is {y_true}")
right.axhline(np.log(2), ls=":", color="grey", label="ln 2: no idea")
right.set(xlabel="logit z", ylabel="loss", title="Sure and wrong is expensive")
right.legend()
plt.show()

# %% [markdown]
# The data: 569 real tumours, 30 measurements of their cells. We keep 30 % aside, never to be
# trained on. First the **baseline**: how often is the laziest answer right, always the class that
# is most frequent in training?

# %%
(tumours, malignant), (tumours_held, malignant_held) = data.arrays(
    "breast_cancer", ["train[:70%]", "train[70%:]"]
)
baseline = np.mean(malignant_held == (malignant.mean() > 0.5))
print(tumours.shape, tumours_held.shape, "baseline", baseline.round(2))
spreads = tumours.std(axis=0)
print(f"largest spread of a measurement over the smallest: {spreads.max() / spreads.min():.0e}")

# %% [markdown]
# One measurement varies hundreds of thousands of times more than another: a valley far narrower
# than our line's. So we standardise, with mean and standard deviation of the *training* part only,
# since the held-out part plays the future. With several features, that makes the diagonal of $H$
# equal; features that rise and fall together, like radius and area, still leave a valley. For
# centred features and the squared loss, $H$ is twice their covariance matrix. How narrow is the
# valley, before and after?

# %%
mean, std = tumours.mean(axis=0), tumours.std(axis=0)
standard, standard_held = (tumours - mean) / std, (tumours_held - mean) / std

for name, features in [("raw", tumours), ("standardised", standard)]:
    e = np.linalg.eigvalsh(np.cov(features.T))
    print(f"{name:13} steepest over flattest {e[-1] / e[0]:.0e}")

# %% [markdown]
# Still a valley, but millions of times rounder, and round enough to learn in.

# %%
model = LogisticRegression(num_features=30)
model.compile(
    keras.optimizers.SGD(0.1),
    keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0)],
)
model.fit(standard, malignant, epochs=15, verbose=0)
print(model.count_params(), "parameters")

# %%
accuracy = model.evaluate(standard_held, malignant_held, verbose=0)[1]
claim("held-out accuracy", accuracy, at_least=0.93)
claim("lead over the baseline", accuracy - baseline, at_least=0.25)

# %% [markdown]
# A logit above 0 means a probability above one half, hence `threshold=0`. To *see* a logistic
# regression, train one on two measurements only, with our own gradient: `binary_cross_entropy`
# gives $\partial L/\partial z$, and the rest is the line's chain rule. The judge first, at some
# point where the gradient is not small:

# %%
names = data.info("breast_cancer").metadata["feature_names"]
two = [names.index("mean texture"), names.index("mean concave points")]
pair, target = standard[:, two].astype("float64"), malignant[:, None].astype("float64")

# %%
W, b = np.array([[-1.0], [-1.0]]), np.array([0.5])
_, error = binary_cross_entropy(target, pair @ W + b)
by_hand = [pair.T @ error, error.sum(axis=0)]
numeric = finite_differences(lambda p: binary_cross_entropy(target, pair @ p[0] + p[1])[0], [W, b])
worst = max(np.abs(h - n).max() for h, n in zip(by_hand, numeric, strict=True))
claim("smallest gradient of a weight", np.abs(by_hand[0]).min(), at_least=0.1)
claim("largest difference", worst, at_most=1e-8)

# %% [markdown]
# It holds. Now train. What shape will the border between the classes have?

# %%
W, b, optimizer = np.zeros((2, 1)), np.zeros(1), SGD(learning_rate=1.0)
for _ in range(300):
    loss, error = binary_cross_entropy(target, pair @ W + b)
    optimizer.apply([pair.T @ error, error.sum(axis=0)], [W, b])


# %%
def chance(p):
    return sigmoid(p @ W + b)[:, 0]


ax = plots.surface(chance, (-3, 4), (-2, 4), levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.6)
shown = standard_held[:, two]
for label, color, name in [(0, "navy", "benign"), (1, "darkred", "malignant")]:
    rows = shown[malignant_held == label]
    ax.scatter(*rows.T, s=14, color=color, label=name)
ax.set(xlabel=f"{names[two[0]]}, standardised", ylabel=f"{names[two[1]]}, standardised")
ax.set(title="Probability of malignant, and the held-out tumours")
ax.figure.set_size_inches(7, 4.2)
ax.legend(loc="upper left")
plt.show()

# %%
right_ones = (shown @ W + b > 0)[:, 0] == malignant_held
claim("two measurements, lead over the baseline", np.mean(right_ones) - baseline, at_least=0.2)

# %% [markdown]
# A straight line, always: $z = 0$ is the equation of one. Colours fade across it, since $\sigma$
# is soft. To bend the border we need more than a line.
#
# ## A line is not a network
#
# Does it help to put two linear layers one after the other? Try it on paper first:
# $(xW^1 + b^1)W^2 + b^2 = x(W^1W^2) + (b^1W^2 + b^2)$. Again a line. A test that sees the
# difference: on evenly spaced points a line has equal rises, so its **second differences** are
# zero. A network needs a bend between its layers, an **activation** such as
# $\mathrm{ReLU}(z) = \max(z, 0)$ or $\tanh$:
#
# $$ a^0 = x, \qquad z^l = a^{l-1}W^l + b^l, \qquad a^l = \phi(z^l). $$
#
# First the weighted sum, then $\phi$. Examples are rows here, as in Keras. Books with columns
# write $W\mathbf a+\mathbf b$ and, for the gradient below, $\boldsymbol\delta\,\mathbf a^\top$:
# the same numbers, transposed. Every *connection* has a weight, every *unit* a bias. This is a
# **multilayer perceptron**, MLP.

# %%
from aimodels.foundations import backward, forward, initialize

grid = np.linspace(-3, 3, 101)[:, None]
first, _, second, _ = initialize((1, 16, 1), "he", seed=3)
values = {
    "one layer": forward(initialize((1, 1), "he", seed=3), grid)[-1],
    "two linear": (grid @ first + 1) @ second,
    "three, with ReLU": forward(initialize((1, 16, 16, 1), "he", seed=3), grid)[-1],
}

# %%
bends = {name: np.abs(np.diff(v, n=2, axis=0)).max() for name, v in values.items()}
for name, bend in bends.items():
    bound = {"at_least": 1e-3} if "ReLU" in name else {"at_most": 1e-12}
    claim(f"{name}: largest second difference", bend, **bound)

# %% [markdown]
# ## Forward and backward
#
# The forward pass keeps every $a^l$. Here a network reads handwritten digits, 8 × 8 pixels from 0
# to 16, as rows of 64 numbers. Its ten outputs are logits, one a class.

# %%
(images, digits), (images_held, digits_held) = data.arrays("digits", ["train[:75%]", "train[75%:]"])
pixels, pixels_held = (part.reshape(-1, 64) / 16.0 for part in (images, images_held))
parameters = initialize((64, 32, 16, 10), "he", seed=0)

for layer, a in enumerate(forward(parameters, pixels[:5])):
    print(f"a{layer}", a.shape)

# %% [markdown]
# For $C$ classes, **softmax** makes probabilities of the logits, and the loss is again the
# surprise at the truth, the **cross-entropy**:
#
# $$ p_c = \frac{e^{z_c}}{\sum_k e^{z_k}}, \qquad L = -\frac1N\sum_i \log p_{i,y_i}, \qquad
#    \frac{\partial L}{\partial z} = \frac1N(p - \text{one-hot}(y)). $$
#
# Written with one-hot labels, one example's loss is $-\sum_c y_c\log p_c$: only the true class's
# term is left. The stable form subtracts the largest logit first. What should the loss be for a
# network that knows nothing?

# %%
from aimodels.foundations import cross_entropy, log_softmax

no_idea = cross_entropy(digits, np.zeros((len(digits), 10)))[0]
print("ten equal logits:", no_idea.round(4))
print("ln 10:           ", np.log(10).round(4))
print("logits of 1e4:   ", cross_entropy([0, 1], [[1e4, 0.0], [1e4, 0.0]])[0])
assert np.isclose(no_idea, np.log(10))

# %% [markdown]
# Knowing nothing means 1/10 for each class, so ln 10. With logits of 10,000 the first example is
# right and costs 0, the second is wrong and costs 10,000: the mean is 5,000, without overflow.
#
# Now **backpropagation** [Rumelhart et al. 1986](#rumelhart1986): the chain rule, from the last
# layer to the first. Call $\delta^l$ the gradient of the loss with respect to $z^l$. Each layer
# does three things:
#
# $$ \frac{\partial L}{\partial W^l} = (a^{l-1})^\top\delta^l, \qquad
#    \frac{\partial L}{\partial b^l} = \sum_i \delta^l_i, \qquad
#    \delta^{l-1} = \bigl(\delta^l (W^l)^\top\bigr)\odot\phi'(z^{l-1}). $$
#
# The first is the line's gradient that you know. The last sends the error back through the same
# weights, and stops it where ReLU was off: $\odot$ multiplies element by element, and $\phi'$ is
# the slope of $\phi$. The code computes it from $a$ instead of $z$: for ReLU, $a > 0$ exactly
# where $z > 0$. `parameters[2 * layer]` is that layer's $W$.

# %%
print(inspect.getsource(backward).split('"""')[-1])

# %% [markdown]
# No new trick is hidden there, but indices are easy to get wrong. So the judge comes again: every
# one of the network's parameters, moved up and down.

# %%
few, few_digits = pixels[:20], digits[:20]
small = initialize((64, 6, 5, 10), "he", seed=0)
activations = forward(small, few)
_, error = cross_entropy(few_digits, activations[-1])
gradients = backward(small, activations, error)
numeric = finite_differences(lambda p: cross_entropy(few_digits, forward(p, few)[-1])[0], small)

worst = max(np.abs(g - n).max() for g, n in zip(gradients, numeric, strict=True))
claim(f"{sum(g.size for g in gradients)} parameters, largest difference", worst, at_most=1e-8)

# %% [markdown]
# Put the pieces together: forward, loss, backward, step. This loop trains every network in this
# course; frameworks only make it faster and shorter.


# %%
def train(parameters, optimizer, x, labels, num_steps, batch_size=128):
    rng, losses = np.random.default_rng(0), []
    for _ in range(num_steps):
        rows = rng.choice(len(x), batch_size, replace=False)
        a = forward(parameters, x[rows])
        loss, error = cross_entropy(labels[rows], a[-1])
        optimizer.apply(backward(parameters, a, error), parameters)
        losses.append(loss)
    return losses


# %% [markdown]
# First on points that no straight border can part: a disc inside a ring. On the left a network
# without hidden layer, which is logistic regression with two logits; on the right 16 hidden units.

# %%
rng = np.random.default_rng(0)
points = rng.normal(size=(600, 2))
outside = (np.linalg.norm(points, axis=1) > 1.2).astype(int)
networks = {"no hidden layer": (2, 2), "16 hidden units": (2, 16, 2)}
rings = {name: initialize(dims, "he", seed=0) for name, dims in networks.items()}
for parameters in rings.values():
    train(parameters, Adam(0.03), points[:300], outside[:300], num_steps=300)


# %%
def probability(parameters, x):
    return np.exp(log_softmax(forward(parameters, x)[-1]))[:, 1]


fig, axes = plt.subplots(1, 2, figsize=(7.5, 4), sharey=True, layout="constrained")
for ax, (name, parameters) in zip(axes, rings.items(), strict=True):
    shades = partial(probability, parameters)
    plots.surface(shades, (-3, 3), (-3, 3), ax, np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.6)
    for label, color in enumerate(["navy", "darkred"]):
        held_out = points[300:][outside[300:] == label]
        ax.scatter(*held_out.T, s=8, color=color, label=["disc", "ring"][label])
    ax.set(title=name, aspect="equal", xlabel="first feature")
axes[0].set_ylabel("second feature")
axes[1].legend(loc="upper right")
fig.suptitle("Probability of the ring, and held-out points")
plt.show()

# %%
scores = {}
for name, parameters in rings.items():
    scores[name] = np.mean((probability(parameters, points[300:]) > 0.5) == outside[300:])
claim("no hidden layer, held-out points right", scores["no hidden layer"], at_most=0.8)
claim("16 hidden units", scores["16 hidden units"], at_least=0.95)

# %% [markdown]
# Sixteen bends make a closed border. Now the digits, with the same loop.

# %%
parameters = initialize((64, 64, 10), "he", seed=0)
losses = train(parameters, Adam(0.005), pixels, digits, num_steps=200)

answers = forward(parameters, pixels_held)[-1].argmax(axis=1)
baseline = np.mean(digits_held == np.bincount(digits).argmax())
print(f"baseline {baseline:.2f}")
claim("ours", np.mean(answers == digits_held), at_least=0.93)

# %% [markdown]
# Written by hand, and it reads digits: new ones of people whose hand it knows, since all writers
# stand in both parts (chapter 06 measures what that hides). Is Keras's MLP the same function? Give
# it our parameters and compare logits.

# %%
from aimodels.foundations import MLP

model = MLP(num_features=64, hidden_dims=(64,), num_classes=10)
model.set_weights(parameters)
ours, theirs = forward(parameters, pixels_held)[-1], model.predict(pixels_held, verbose=0)

claim("logits differ by", np.abs(ours - theirs).max(), at_most=1e-4)

# %% [markdown]
# ## Which optimizer learns digits fastest?
#
# Same start, same minibatches, four optimizers. One curve proves little, so each gets three starts.
# Learning rates matter as much as names, and these are sensible ones, not the best for each.

# %%
rates = {
    "SGD": partial(SGD, 0.3),
    "momentum": partial(Momentum, 0.1),
    "RMSprop": partial(RMSprop, 0.003),
    "Adam": partial(Adam, 0.005),
}
curves = {name: [] for name in rates}
for name, optimizer in rates.items():
    for seed in range(3):
        parameters = initialize((64, 64, 10), "he", seed=seed)
        curves[name].append(train(parameters, optimizer(), pixels, digits, num_steps=120))

plt.figure(figsize=(7, 3.4))
for color, (name, three) in enumerate(curves.items()):
    for seed, curve in enumerate(three):
        smooth = np.convolve(curve, np.ones(5) / 5, "valid")
        plt.plot(smooth, f"C{color}", lw=1, label=name if seed == 0 else None)
plt.axhline(np.log(10), ls=":", color="grey", label="ln 10: no idea")
plt.xlabel("step"), plt.ylabel("loss (mean of 5 steps)"), plt.yscale("log"), plt.legend()
plt.title("The same network, four optimizers, three starts each")
plt.show()

# %%
last = {name: np.mean(three, axis=0)[-10:].mean() for name, three in curves.items()}
for name in ("momentum", "Adam"):
    next_best = min(last["SGD"], last["RMSprop"])
    claim(f"{name}: last ten losses", last[name], at_most=measured(next_best))
claim("momentum over Adam", last["momentum"] / last["Adam"], at_most=1)
claim("the largest of all", max(last.values()), at_most=0.5)

# %% [markdown]
# With these rates momentum is first, then Adam. Momentum's 0.1 with $\mu = 0.9$ is in the long run
# a step of 1, three times plain SGD's 0.3.
#
# ## How to start: initialisation
#
# Article 003 says "random, or small random" numbers. How small? Push random inputs through ten
# ReLU layers and watch the size of the activations. Each layer multiplies their mean square by
# about $n_{in}\,\sigma^2/2$ (ReLU cuts off half), so there is one right size, **He**'s
# [He et al. 2015](#he2015); **Glorot**'s [Glorot & Bengio 2010](#glorot2010) was made for $\tanh$:
#
# $$ \sigma_{\text{He}} = \sqrt{\frac{2}{n_{in}}}, \qquad
#    \sigma_{\text{Glorot}} = \sqrt{\frac{2}{n_{in}+n_{out}}}. $$

# %%
inputs = np.random.default_rng(0).normal(size=(200, 256))
sizes = {}
for scale in (0.01, "glorot", "he", 0.2):
    layers = forward(initialize([256] * 11 + [10], scale, seed=0), inputs, "relu")
    sizes[scale] = [np.sqrt((a**2).mean()) for a in layers[:-1]]

print("size after ten layers, over the input's:")
for scale, size in sizes.items():
    print(f"  {scale!s:7} {size[-1] / size[0]:.1e}")

# %%
plt.figure(figsize=(7, 3.4))
for scale, size in sizes.items():
    plt.semilogy(size, "o-", ms=4, label=f"{scale}")
plt.axhline(1, ls=":", color="grey", label="size of the input")
plt.xlabel("layer"), plt.ylabel("root mean square"), plt.legend(title="weights", fontsize=8)
plt.title("Signals die, live, or explode")
plt.show()

# %%
assert sizes[0.01][-1] < 1e-8
assert 0.5 < sizes["he"][-1] < 2
assert sizes[0.2][-1] > 1000

# %% [markdown]
# Does it matter for learning? Backwards, the error $\delta^l$ passes through the same weights: each
# layer multiplies its mean square by about $n_{out}\,\sigma^2/2$. So errors should die or explode
# as well, on their way to the first layer. And the gradient of $W^l$? It is a product,
# $(a^{l-1})^\top\delta^l$, of a signal on its way up and an error on its way down. Which layers'
# weights will get the smallest gradient, the first or the last? Guess before you look.


# %%
def errors(parameters, a, delta):
    """The gradient with respect to each layer's sums, the first layer's first."""
    found = [delta]
    for layer in range(len(a) - 2, 0, -1):
        found.append((found[-1] @ parameters[2 * layer].T) * (a[layer] > 0))
    return found[::-1]


def root_mean_squares(arrays):
    return [np.sqrt((a**2).mean()) for a in arrays]


# %%
truth, back = np.random.default_rng(1).integers(0, 10, 200), {}
for scale in sizes:
    layers = initialize([256] * 11 + [10], scale, seed=0)
    a = forward(layers, inputs, "relu")
    _, error = cross_entropy(truth, a[-1])
    gradients = backward(layers, a, error)[::2]
    back[scale] = [root_mean_squares(found) for found in (errors(layers, a, error), gradients)]

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for scale, curves in back.items():
    for ax, curve in zip(axes, curves, strict=True):
        ax.semilogy(range(1, 12), curve, "o-", ms=4, label=f"{scale}")
axes[0].set(
    xlabel="layer", ylabel="root mean square", title="The error, on its way back to layer 1"
)
axes[1].set(xlabel="layer", title="The gradient of the weights")
axes[1].legend(title="weights", fontsize=8, loc="upper right", bbox_to_anchor=(1.25, 1))
plt.show()

# %%
bounds = {0.01: {"at_most": 1e-7}, "he": {"at_least": 0.05, "at_most": 5}, 0.2: {"at_least": 100}}
for scale, bound in bounds.items():
    error, gradient = back[scale]
    claim(f"{scale}: error at layer 1 over layer 11", error[0] / error[-1], **bound)
    hidden = max(gradient[:-1]) / min(gradient[:-1])
    claim(f"{scale}: gradient of W, largest hidden layer over smallest", hidden, at_most=20)

# %% [markdown]
# The errors die or explode, over many powers of ten. The weights' gradients differ far less from
# layer to layer: where the signal is still large, the error is already small. But *all* of them
# contain the whole product, so all are tiny, or all are huge. Six hidden layers, 150 steps of SGD,
# three seeds, and only the start differs. Which one still has no idea?

# %%
learns = {0.01: {"at_least": -0.05}, "glorot": {"at_most": -1}, "he": {"at_most": -1.5}}
for scale in (0.01, "glorot", "he", 0.5):
    ends = []
    for seed in range(3):
        deep = initialize((64, 64, 64, 64, 64, 64, 64, 10), scale, seed=seed)
        with np.errstate(all="ignore"):  # 0.5 leaves the numbers that a float can hold
            losses = train(deep, SGD(0.1), pixels, digits, num_steps=150)
        ends.append(np.mean(losses[-10:]))
    print(f"start {scale!s:7} loss at the end", *map(measured, ends))
    if scale == 0.5:
        assert np.isnan(ends).all()
    else:
        claim("  the largest minus ln 10", max(ends) - np.log(10), **learns[scale])

# %% [markdown]
# "Small random" learned nothing from the pixels in 150 steps; too large ends in NaN, not a number.
# Keras's `Dense` starts with Glorot; for deep ReLU networks ask for
# `"he_normal"`.
#
# ## The same in Keras, and does it work?
#
# In practice you write three lines. We keep a part of the training data for **validation**, to see
# more than the training loss: that one only speaks of examples the network has already seen.

# %%
model = MLP(num_features=64, hidden_dims=(64,), num_classes=10, kernel_initializer="he_normal")
model.compile(
    keras.optimizers.Adam(0.003),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(pixels, digits, epochs=25, validation_split=0.2, verbose=0).history

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
plots.learning_curves(history, "loss", left).set_title("Loss")
plots.learning_curves(history, "accuracy", right).set_title("Accuracy")
right.axhline(baseline, ls=":", color="grey", label="most frequent class")
right.legend()
plt.show()

# %%
accuracy = model.evaluate(pixels_held, digits_held, verbose=0)[1]
claim("held-out accuracy", accuracy, at_least=0.93)
for when, epoch in (("first", 0), ("last", -1)):
    ahead = history["val_loss"][epoch] - history["loss"][epoch]
    bound = {"at_most": 0} if epoch == 0 else {"at_least": 0}
    claim(f"{when} epoch, validation minus training loss", ahead, **bound)

# %% [markdown]
# The training loss goes on falling, and in the end the validation loss lies above it. (At first it
# lies below: Keras averages the training loss over the epoch, while the weights still improve.)
# "A smaller loss is closer to the truth", says article 002: only on the data it was measured on.
# The next chapter is about that gap. What does the network still get wrong? Would you do better?

# %% tags=["nbval-ignore-output"]
guesses = model.predict(pixels_held, verbose=0).argmax(axis=1)
mistakes = np.flatnonzero(guesses != digits_held)
wrong = mistakes[:8]
titles = [f"{digits_held[i]}, says {guesses[i]}" for i in wrong]
plots.image_grid(images_held[wrong], titles)
plt.show()

# %%
assert len(mistakes) == round((1 - accuracy) * len(digits_held)) > 0

# %% [markdown]
# ## Scale it
#
# The same `MLP` reads the full MNIST, 60,000 pictures of 28 × 28 pixels. These are the lines to
# change:
#
# ```python
# (images, digits), (images_held, digits_held) = data.arrays("mnist", ["train", "test"])
# pixels, pixels_held = (
#     part.reshape(-1, 784).astype("float32") / 255 for part in (images, images_held)
# )
# model = MLP(num_features=784, hidden_dims=(256, 128), num_classes=10)
# ```
#
# `benchmarks/mlp_mnist.py` did it, with 6,000 of the training pictures kept for validation and one
# look at the test set at the end. It also lets the learning rate fall to zero along a cosine. This
# is what was recorded:

# %%
from aimodels.course import recorded

result = recorded("mlp_mnist")
figures, cores = result["figures"], result["machine"]["cores"]
print(f"test accuracy {figures['test_accuracy']:.2%}, {figures['parameters']:,} parameters")
print(f"{figures['epochs']} epochs, {figures['seconds_training']:.0f} s on {cores} cores of")
print(result["machine"]["processor"])
assert figures["test_accuracy"] >= 0.975

# %% [markdown]
# ## Summary
#
# - A model has parameters, a loss says how wrong it is, a gradient says which way is down.
#   Backpropagation computes gradients, an optimizer takes the step.
# - Curvature decides the pace: the steepest direction limits the learning rate, the flattest one
#   sets the time. Standardising the inputs makes the bowl rounder.
# - Numbers: squared error. Yes or no: sigmoid and binary cross-entropy. Classes: softmax and
#   cross-entropy. The last two from logits.
# - Layers without an activation are one layer. Start with He or Glorot, check gradients with
#   finite differences, compare with a baseline on held-out data.
#
# ## Common mistakes
#
# A classic costs hours: targets of shape (N,) and predictions of shape (N, 1). NumPy does not
# complain, it subtracts every pair. Our loss refuses.

# %%
print("shape of the 'error':", (y[:, 0] - y).shape)
try:
    mean_squared_error(y[:, 0], y)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# - Softmax applied twice: a loss with `from_logits=True` (ours too) that is given probabilities.
#   Ten probabilities lie between 0 and 1, so as logits they hardly differ. Keras's loss notices
#   when it gets the softmax layer's own output, warns and takes the logits (chapter 06 shows it);
#   ours notices nothing, nor does Keras's once the probabilities have passed through NumPy.
# - Standardising with statistics of all data: the held-out part has then been seen.
# - All weights equal at the start: every hidden unit gets the same gradient, and they stay copies
#   of each other for ever. All zero with ReLU is worse: only the output bias moves.
# - Looking at the training loss alone, or at an accuracy without a baseline.
#
# ## Exercises
#
# 1. Centre $x$ without scaling, `c = x - x.mean()`. Which curvatures has $H$ for `c`? Predict,
#    then print.
# 2. How many steps of plain descent at $\eta = 0.5$ bring the flat direction below $10^{-6}$?
#    Solve $d_0\,|1 - \eta\lambda|^k = 10^{-6}$ with $d_0$ = `distances[0, 0]`, then count.
# 3. Start the digits with `[np.full_like(p, 0.1) for p in initialize((64, 64, 10), "he", seed=0)]`,
#    train 50 steps with `SGD(0.1)` and compare the columns of the first $W$. Then start with scale
#    0.0: which gradients are not zero? Explain both.
# 4. Add `"leaky_relu"` (slope 0.1 for negative $z$) to `ACTIVATIONS` of `aimodels.foundations`;
#    each entry is a pair: $\phi(z)$, and its slope written with $a$, not $z$. Let the finite
#    differences judge it.
# 5. Repeat the ten layers of the picture "Signals die, live, or explode" with $\tanh$ and a
#    standard deviation of 1. Why does it not explode?
# 6. Train the MLP on the tumours. Does it beat logistic regression on the held-out part? Train
#    both with five seeds: is the gap larger than the spread?
#
# More to read: [Goodfellow et al. 2016](#goodfellow2016), chapters 4, 6 and 8, goes through all
# this with proofs; [Bengio 2012](#bengio2012) gives practical advice on learning rates.
#
# ## References
#
# - <a id="bengio2012"></a>Yoshua Bengio. *Practical Recommendations for Gradient-Based Training of
#   Deep Architectures*. Neural Networks: Tricks of the Trade, Springer, 437–478, 2012.
# - <a id="glorot2010"></a>Xavier Glorot, Yoshua Bengio. *Understanding the difficulty of training
#   deep feedforward neural networks*. AISTATS, PMLR 9:249–256, 2010.
# - <a id="goodfellow2016"></a>Ian Goodfellow, Yoshua Bengio, Aaron Courville. *Deep Learning*. MIT
#   Press, 2016.
# - <a id="he2015"></a>Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. *Delving Deep into
#   Rectifiers: Surpassing Human-Level Performance on ImageNet Classification*. ICCV, 1026–1034,
#   2015.
# - <a id="kingma2015"></a>Diederik P. Kingma, Jimmy Ba. *Adam: A Method for Stochastic
#   Optimization*. ICLR, 2015.
# - <a id="robbins1951"></a>Herbert Robbins, Sutton Monro. *A Stochastic Approximation Method*. The
#   Annals of Mathematical Statistics, 22(3):400–407, 1951.
# - <a id="rumelhart1986"></a>David E. Rumelhart, Geoffrey E. Hinton, Ronald J. Williams. *Learning
#   representations by back-propagating errors*. Nature, 323:533–536, 1986.
# - <a id="tieleman2012"></a>Tijmen Tieleman, Geoffrey Hinton. *Lecture 6.5 -- RMSProp: Divide the
#   gradient by a running average of its recent magnitude*. COURSERA: Neural Networks for Machine
#   Learning, 2012.
