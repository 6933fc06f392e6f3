# ---
# jupyter:
#   aimodels:
#     title: "Assignment: Residual networks and Inception"
#     minutes: 140
#     repairs: [001-1.4.4, 001-1.4.5]
#     limits: {cell: 80, total: 200, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: Residual networks and Inception
#
# You write batch normalisation forwards and backwards, repair the two networks of article 001, ask
# a network that knows a thousand kinds of things what it has seen, and where, and at the end train
# a residual network that reads digits of any size.
#
# **About 140 minutes.** **100 points.** **Repairs:** article 001 §1.4.4, 001 §1.4.5.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.cbook import get_sample_data
from sklearn.datasets import load_sample_images
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.svm import SVC

from aimodels import data, efficientnet, plots
from aimodels.course import check

# %% [markdown]
# ## Question 1: two ways to normalise (16 points)
#
# Batch normalisation ([Ioffe & Szegedy 2015](#ioffe2015)) gives each channel mean $\beta_c$ and
# standard deviation about $\gamma_c$. It has two ways to work. In **training** it measures mean
# $\mu_c$ and variance $v_c$ of the batch itself, over all axes but the last one, and remembers
# both in **moving averages**, with a momentum $\rho$ close to 1:
#
# $$ y = \gamma_c\, \frac{x - \mu_c}{\sqrt{v_c + \epsilon}} + \beta_c, \qquad
#    m_c \leftarrow \rho\, m_c + (1 - \rho)\, \mu_c, \qquad
#    w_c \leftarrow \rho\, w_c + (1 - \rho)\, v_c $$
#
# In **inference** it puts $m_c$ and $w_c$ in the place of $\mu_c$ and $v_c$, and they stay as they
# are. Here $v_c$ is the mean squared deviation from $\mu_c$ over the $N$ numbers of a channel:
# divided by $N$, not by $N - 1$, also where it goes into the moving average. So does Keras.
#
# - `batch_norm(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99,
#   epsilon=1e-3)` returns three arrays, `(y, moving_mean, moving_variance)`, and leaves those that
#   it was given as they were. `x` may have any number of axes: $(B, C)$, $(B, T, C)$, $(B, H, W,
#   C)$.
# - `fold(kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon=1e-3)`: in inference, a
#   convolution and the normalisation behind it are together *one* convolution. Return its
#   `(kernel, bias)`. `kernel` is $(k_h, k_w, C, F)$, all others $(F,)$. Networks on telephones are
#   folded in this way: which number does each output of filter $f$ get multiplied with?


# %% {answer q1}
def batch_norm(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3):
    """(y, moving_mean, moving_variance) for x (..., C); the other arrays are (C,)."""
    ### BEGIN SOLUTION
    mean, variance = moving_mean, moving_variance
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * variance
    y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    return y, moving_mean, moving_variance
    ### END SOLUTION


def fold(kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon=1e-3):
    """(kernel, bias) of a convolution that does both: convolve, then normalise in inference."""
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(moving_variance + epsilon)
    return kernel * scale, (bias - moving_mean) * scale + beta
    ### END SOLUTION


# %% {test q1_visible 6}
with check.question("q1_visible", points=6):
    x = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]])
    gamma, beta = np.array([2.0, 1.0]), np.array([0.0, 5.0])
    mean, variance = np.array([10.0, 0.0]), np.array([4.0, 1.0])
    y, new_mean, new_variance = batch_norm(x, gamma, beta, mean, variance, True, momentum=0.9)
    check.close(
        "y in training",
        y,
        [[-2.449031, 4.292897], [0.0, 4.292897], [2.449031, 6.414207]],
        hint="mean and variance of each column; epsilon stands inside of the root",
        rtol=1e-4,
        atol=1e-4,
    )
    check.close(
        "the moving averages after one batch",
        [new_mean, new_variance],
        [[9.3, 2.0], [0.9 * 4 + 0.1 * 8 / 3, 0.9 + 0.1 * 200]],
        hint="the batch has little weight, 1 - momentum; its variance is divided by N",
        rtol=1e-4,
    )
    check.equal(
        "the arrays that it was given", [mean, variance], [[10, 0], [4, 1]], hint="+= changes them"
    )
    y, *averages = batch_norm(x[:1], gamma, beta, mean, variance, False)
    check.close(
        "one example in inference",
        y,
        [[-8.998876, 14.995004]],
        hint="mean and variance of one example say nothing: use the moving averages",
        rtol=1e-4,
    )
    kernel, bias = fold(np.ones((1, 1, 3, 2)), np.array([1.0, 0.5]), gamma, beta, mean, variance)
    check.close(
        "the folded kernel of one pixel, and the bias",
        [*np.ravel(kernel), *np.ravel(bias)],
        3 * [0.999875, 0.9995] + [-8.998876, 5.49975],
        hint="gamma (k x + b - mean) / root + beta: what multiplies k, and what stands alone?",
        rtol=1e-4,
    )

# %% {test q1_hidden 10}
print("Hidden tests: any number of axes, any momentum and epsilon; against Keras.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=10):

    def by_keras(x, start, training, momentum, epsilon):
        layer = keras.layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
        layer.build((None, *x.shape[1:]))
        layer.set_weights(start)
        y = layer(x, training=training)
        return [np.asarray(y), *layer.get_weights()[2:]]

    hint = "all axes but the last; the variance is divided by N; epsilon is added to it"
    cases = [((6, 3), 0.8, 1e-3), ((4, 5, 2), 0.99, 0.05), ((2, 3, 5, 4), 0.5, 1e-5)]
    for shape, momentum, epsilon in cases:
        rng = np.random.default_rng(10)
        x = rng.normal(1, 0.3, shape) * np.arange(1, 1 + shape[-1])
        x = x.astype("float32")
        four = rng.uniform(0.01, 2, size=(4, shape[-1])).astype("float32")
        before = [x.copy(), four.copy()]
        options = {"momentum": momentum, "epsilon": epsilon}
        found = batch_norm(x, *four, True, **options)
        wanted = by_keras(x, four, True, momentum, epsilon)
        check.close("training, any shape", found, wanted, hint=hint, rtol=1e-4, atol=1e-4)
        found = batch_norm(x, *four, False, **options)
        wanted = by_keras(x, four, False, momentum, epsilon)
        check.close("inference, any shape", found, wanted, hint=hint, rtol=1e-4, atol=1e-4)
        check.equal("inputs as they were", [x, four], before, hint="change no array")
    for shape in [(3, 3, 2, 4), (1, 5, 3, 3)]:
        rng = np.random.default_rng(11)
        kernel, bias = rng.normal(size=shape).astype("float32"), np.arange(shape[-1]) - 1.5
        four = rng.uniform(0.01, 2, size=(4, shape[-1])).astype("float32")
        found = fold(kernel, bias.astype("float32"), *four, epsilon=0.01)
        rows = np.stack([0 * bias, 0 * bias + 1, bias])  # as the normalisation sees them
        start, one, shift = by_keras(rows, four, False, 0.9, 0.01)[0]
        hint = "each filter has one factor, for its kernel and for its bias; beta gets none"
        wanted = [kernel * (one - start), shift]
        check.close("kernel and bias, folded", found, wanted, hint=hint, rtol=1e-3, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: backwards through the normalisation (15 points)
#
# Behind the layer of question 1, in training, stands a loss $L$. Backpropagation hands you
# $G = \partial L / \partial y$, of the shape of `x`. With the normalised numbers
# $\hat x = (x - \mu_c) / s_c$, where $s_c = \sqrt{v_c + \epsilon}$, and with sums over all numbers
# $n$ of a channel,
#
# $$ \frac{\partial L}{\partial \beta_c} = \sum_n G_{nc} \qquad
#    \frac{\partial L}{\partial \gamma_c} = \sum_n G_{nc}\, \hat x_{nc} \qquad
#    \frac{\partial L}{\partial x_{nc}} = \frac{\gamma_c}{s_c} \Bigl( G_{nc} - \boxed{\;?\;}
#    - \boxed{\;?\;} \Bigr) $$
#
# The two boxes are yours. A number $x_{nc}$ reaches the loss in three ways: straight through its
# own $\hat x_{nc}$, through $\mu_c$, and through $v_c$. The first way is $G_{nc}$. The mean takes
# $1/N$ of $x_{nc}$ and is subtracted from all: what do the others answer, together? The variance
# changes with $x_{nc}$ as $2(x_{nc} - \mu_c)/N$. (Both sums that you have already occur again. And
# if all $x$ of a channel grow by the same amount, $y$ stays as it is: what must the gradients for
# $x$ then add up to?)
#
# Write `batch_norm_backward(x, gamma, grad_y, epsilon=1e-3)`, which returns
# `(grad_x, grad_gamma, grad_beta)`, for `x` with any number of axes, from arithmetic: no tape.


# %% {answer q2}
def batch_norm_backward(x, gamma, grad_y, epsilon=1e-3):
    """The gradients (grad_x, grad_gamma, grad_beta), when y has normalised the batch x (..., C)."""
    ### BEGIN SOLUTION
    axes, n = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    deviation = np.sqrt(x.var(axis=axes) + epsilon)
    normal = (x - x.mean(axis=axes)) / deviation
    grad_gamma, grad_beta = (grad_y * normal).sum(axis=axes), grad_y.sum(axis=axes)
    grad_x = gamma / deviation * (grad_y - grad_beta / n - normal * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta
    ### END SOLUTION


# %% {test q2_visible 5}
with check.question("q2_visible", points=5):
    x = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 7.0]])
    grad_y = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # L = y of two examples only
    grad_x, grad_gamma, grad_beta = batch_norm_backward(x, np.array([1.0, 3.0]), grad_y)
    check.close(
        "gradients for beta and gamma",
        [grad_beta, grad_gamma],
        [[1, 1], [-1.2245155, -0.7070626]],
        hint="sums over the examples, one for each channel; for gamma, G times normalised x",
        rtol=1e-4,
    )
    check.close(
        "gradients for x, added up over the batch",
        np.sum(grad_x, axis=0),
        [0, 0],
        hint="a shift of the whole batch changes nothing: does the mean give its part back?",
        atol=1e-4,
    )
    check.close(
        "gradients for x",
        grad_x,
        [[0.1021474, -0.5302837], [-0.2040862, 0.5303389], [0.1019389, -0.0000553]],
        hint="three terms: straight, through the mean, through the variance",
        rtol=1e-3,
        atol=1e-4,
    )

# %% {test q2_hidden 10}
print("Hidden tests: other shapes, epsilon and gamma; against TensorFlow's GradientTape.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=10):

    def by_tape(x, gamma, grad_y, epsilon):
        x, gamma, beta = (tf.constant(a, tf.float64) for a in (x, gamma, 0 * gamma))
        with tf.GradientTape() as tape:
            tape.watch((x, gamma, beta))
            mean, variance = tf.nn.moments(x, list(range(x.ndim - 1)))
            y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
            loss = tf.reduce_sum(y * grad_y)
        return tape.gradient(loss, (x, gamma, beta))

    for seed, shape, epsilon in [
        (5, (7, 3), 1e-3),
        (6, (3, 4, 2), 0.5),
        (7, (2, 5, 3, 4), 1e-2),
    ]:
        rng = np.random.default_rng(seed)
        x = rng.normal(2, 0.5, size=shape).astype("float32")
        grad_y = rng.normal(1, 1, size=shape).astype("float32")
        gamma = rng.uniform(-2, 2, size=shape[-1]).astype("float32")
        for_x, for_gamma, for_beta = batch_norm_backward(x, gamma, grad_y, epsilon=epsilon)
        wanted = by_tape(x, gamma, grad_y, epsilon)
        hint = "N counts all axes but the last; the root holds epsilon; gamma may be negative"
        check.close("for x", for_x, wanted[0], hint=hint, rtol=1e-3, atol=1e-3)
        check.close("for gamma", for_gamma, wanted[1], hint=hint, rtol=1e-3, atol=1e-3)
        check.close("for beta", for_beta, wanted[2], hint=hint, rtol=1e-3, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: repair the ResNet of article 001 (24 points)
#
# Here is the article's network in our own words, with Keras's layers and smaller. Read it, and the
# lines that it prints.


# %% {locked article}
relu = keras.layers.ReLU()


def conv_norm(x, filters, kernel_size, stride=1, momentum=0.99):
    """A convolution without bias and a batch normalisation: from one Keras tensor to the next."""
    x = keras.layers.Conv2D(filters, kernel_size, stride, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization(momentum=momentum)(x)


def article_block(inplanes, planes, strides):
    inputs = x = keras.Input((None, None, inplanes))
    if strides == 2:
        x = relu(conv_norm(relu(conv_norm(x, planes, 1, strides)), planes, 3))
    else:
        x = relu(conv_norm(relu(conv_norm(x, planes, 1)), planes, 3))
    return keras.Model(inputs, x)


def article_stage(plane, num_blocks, stride):
    block = article_block(plane, num_blocks, stride)  # three numbers, for three others
    return [block, block]


# %% {locked faults}
first, second = article_stage(128, num_blocks=2, stride=2)
print("1. a stage of 128 filters puts out", first.output_shape[-1], "channels")
print("2. its two blocks are one object, with the same weights:", first is second)
try:
    second(first(np.zeros((1, 8, 8, 128))))
except ValueError as error:
    print("3. the second block behind the first:", type(error).__name__)
print("4. additions in a block:", sum(isinstance(n, keras.layers.Add) for n in first.layers))

# %% [markdown]
# The last one weighs most: **no skip connection**, and so nothing residual ([He et al.
# 2016](#he2016)). A block computes $y = \mathrm{ReLU}(F(x) + x)$; the lesson has measured what is
# left of the gradient at the first layer without it. Write a right one, the form for small
# pictures, in two functions:
#
# - `residual_block(x, filters, stride=1)`: from a Keras tensor (the output of a layer) to the next.
#   $F$: a 3 × 3 convolution, which jumps by `stride`; batch normalisation; ReLU; a second 3 × 3
#   convolution, which does not jump; batch normalisation. Then the sum, then ReLU. Where the shape
#   changes, by `stride` or in the number of channels, $x$ cannot be added: the **shortcut** is then
#   a 1 × 1 convolution of `filters` filters that jumps by `stride`, and a batch normalisation (no
#   ReLU). Where it does not change, the shortcut is $x$ itself.
# - `build_resnet(channels, num_classes, blocks, filters)`: a Keras model from pictures $(B, H, W,
#   \mathtt{channels})$ of any size to logits $(B, \mathtt{num\_classes})$: a 3 × 3 convolution of
#   `filters` filters, batch normalisation, ReLU; three stages of `blocks` blocks with `filters`,
#   twice and four times as many filters, of which the second and the third begin with a block of
#   stride 2; the mean over all places; one dense layer. (How many layers with weights lie on the
#   longest way, for `blocks=3`?)
#
# `conv_norm` above you may use. All convolutions have `padding="same"` and no bias (why would it be
# for nothing?); the normalisations are `keras.layers.BatchNormalization()` as it is. The tests put
# weights of their own into your network and compare what it answers. They recognize each by its
# shape, so it does not matter how you order or name your layers.


# %% {locked fill}
def draw_table(seed, pairs):
    """Random kernels (1 x 1, 3 x 3, dense) from a to b channels, for pairs (a, b), and vectors."""
    rng, table = np.random.default_rng(seed), {}
    for a, b in pairs:
        for shape in ((3, 3, a, b), (1, 1, a, b), (a, b)):
            made = rng.normal(size=(8, *shape)) / np.prod(shape[:-1]) ** 0.5
            table[str(shape)] = [*made.astype("float32")]
        table[f"({b},)"] = [*rng.uniform(0.5, 1.5, size=(4, b)).astype("float32")]
    return table


def fill(network, table):
    """Put a table's weights into a network: for each shape a list, taken in turn."""
    weights, met = [], {}
    for weight in network.get_weights():
        key = str(weight.shape)
        met[key] = met.get(key, -1) + 1
        choice = table.get(key, [np.zeros(weight.shape)])
        weights.append(choice[met[key] % len(choice)])
    network.set_weights(weights)
    return network


# %% {answer q3}
def residual_block(x, filters, stride=1):
    """ReLU(F(x) + shortcut(x)), for a Keras tensor x (B, H, W, C)."""

    ### BEGIN SOLUTION
    y = relu(conv_norm(x, filters, 3, stride))
    y = conv_norm(y, filters, 3)
    if stride > 1 or x.shape[-1] != filters:
        x = conv_norm(x, filters, 1, stride)
    return relu(x + y)
    ### END SOLUTION


def build_resnet(channels, num_classes, blocks, filters):
    """A residual network of 6 * blocks + 2 layers: (B, H, W, channels) -> (B, num_classes)."""
    ### BEGIN SOLUTION
    x = inputs = keras.Input((None, None, channels))
    x = relu(conv_norm(x, filters, 3))
    for stage in range(3):
        for block in range(blocks):
            x = residual_block(x, filters * 2**stage, stride=2 if stage and not block else 1)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes)(x))
    ### END SOLUTION


# %% {test q3_visible 9}
with check.question("q3_visible", points=9):
    inputs = keras.Input((None, None, 1))
    block = keras.Model(inputs, residual_block(inputs, 1))
    middle = np.pad(np.ones((1, 1, 1, 1)), [(1, 1), (1, 1), (0, 0), (0, 0)])  # copies the picture
    unchanged = [np.ones(1), np.zeros(1), np.zeros(1), np.full(1, 0.999)]  # the root of 1
    fill(block, {"(3, 3, 1, 1)": [2 * middle, -0.25 * middle], "(1,)": unchanged})
    check.close(
        "a block with weights so that F(4) = -2 and F(-4) = 0",
        np.ravel(block(np.array([4.0, -4.0]).reshape(1, 1, 2, 1))),
        [2, 0],
        hint="ReLU(F(x) + x): one ReLU inside of F, one behind the sum, none just before the sum",
        rtol=1e-4,
        atol=1e-4,
    )
    check.equal(
        "weights of this block",
        sorted(np.shape(w) for w in block.get_weights()),
        8 * [(1,)] + 2 * [(3, 3, 1, 1)],
        hint="two convolutions and two normalisations; the shape stays, so the shortcut is x itself",
    )
    network = build_resnet(channels=3, num_classes=10, blocks=1, filters=4)
    kernels = [(3, 3, 3, 4), (3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 4, 8), (3, 3, 8, 8), (1, 1, 4, 8)]
    kernels += [(3, 3, 8, 16), (3, 3, 16, 16), (1, 1, 8, 16)]
    check.equal(
        "the shape of the logits for two pictures of 21 x 13",
        tuple(np.shape(network(np.zeros((2, 21, 13, 3))))),
        (2, 10),
        hint="height and width are None; the mean over all places, then the dense layer",
    )
    check.equal(
        "the shapes of the network's weights, sorted",
        sorted(np.shape(w) for w in network.get_weights()),
        sorted([*kernels, *[k[-1:] for k in kernels for _ in range(4)], (16, 10), (10,)]),
        hint="no biases but the dense layer's; a normalisation behind each convolution; 1 x 1 "
        "shortcuts where a stage begins with other channels",
    )

# %% {test q3_hidden 15}
print("Hidden tests: given weights, strides, training; blocks alone and whole networks.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=15):

    def unit(x, weights, size, filters, stride, training):
        kernel = next(weights[str((size, size, x.shape[-1], filters))])
        x = tf.nn.conv2d(x, kernel, stride, "SAME")
        gamma, beta, mean, variance = weights[f"({filters},)"]
        mean, variance = tf.nn.moments(x, [0, 1, 2]) if training else (mean, variance)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)

    def after_block(x, weights, filters, stride, training=False):
        y = tf.nn.relu(unit(x, weights, 3, filters, stride, training))
        y = unit(y, weights, 3, filters, 1, training)
        same = stride == 1 and x.shape[-1] == filters
        return tf.nn.relu(y + (x if same else unit(x, weights, 1, filters, stride, training)))

    def logits(x, weights, blocks, training):
        x = tf.nn.relu(unit(x, weights, 3, 4, 1, training))
        for stage, number in np.ndindex(3, blocks):
            x = after_block(x, weights, 4 * 2**stage, 1 if number or not stage else 2, training)
        return tf.reduce_mean(x, [1, 2]) @ next(weights["(16, 5)"]) + weights["(5,)"][0]

    def opened(table):
        return {key: list if "," in key[-2:] else iter(list) for key, list in table.items()}

    x = np.random.default_rng(30).normal(size=(2, 9, 6, 4)).astype("float32")
    pairs = [(4, 4), (4, 6), (6, 6), (4, 5), (5, 5)]
    hint = "shortcut: 1 x 1, as many filters, the same stride, then normalised"
    for filters, stride in [(4, 1), (4, 2), (6, 1), (5, 2)]:
        inputs = keras.Input((None, None, 4))
        block = keras.Model(inputs, residual_block(inputs, filters, stride=stride))
        found = fill(block, check.given(draw_table(31, pairs)))(x)
        wanted = after_block(x, opened(draw_table(31, pairs)), filters, stride)
        check.close("a block, given weights", found, wanted, hint=hint, rtol=1e-3, atol=1e-3)
    other = [(3, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16), (16, 5)]
    hint = "depth and width are arguments; three stages; the normalisations know training"
    for blocks, training in [(1, False), (2, False), (3, True)]:
        images = np.random.default_rng(blocks).normal(size=(3, 12, 10, 3)).astype("float32")
        network = build_resnet(3, 5, blocks, 4)
        network(images)  # a model may make its weights when it first sees a picture
        found = fill(network, check.given(draw_table(32, other)))(images, training=training)
        wanted = logits(images, opened(draw_table(32, other)), blocks, training)
        check.close("logits, given weights", found, wanted, hint=hint, rtol=2e-3, atol=2e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: repair the Inception of article 001 (15 points)
#
# The idea of Inception ([Szegedy et al. 2015](#szegedy2015)): things in pictures have several
# sizes, so let several kernels look at the *same* map, side by side, and put their answers
# together. The article's block, in our own words again, has one branch.


# %% {locked article_inception}
def article_inception(inplanes, planes, padding=1, bias=False):
    layers = [keras.layers.ZeroPadding2D(padding)]
    if bias:
        layers.append(keras.layers.Conv2D(planes, 1, use_bias=bias))
    else:
        layers.append(keras.layers.Conv2D(planes, 1))
    block = keras.Sequential([keras.Input((None, None, inplanes)), *layers])
    return [block, block]


first, second = article_inception(16, 16)
print("1. its kernels:", *[np.shape(w)[:2] for w in first.get_weights() if w.ndim == 4])
print("2. a map of 8 x 8 becomes one of", np.shape(second(first(np.zeros((1, 8, 8, 16)))))[1:3])
print("3. bias=False, and a bias all the same:", len(first.get_weights()) == 2)

# %% [markdown]
# Write `inception_block(channels, filters)`, a Keras model from a map $(B, H, W, C)$ of any size,
# with $C$ = `channels`, to a map of the same height and width. `filters` is `(one, (reduce3,
# three), (reduce5, five), pool)`, six whole numbers, for four branches:
#
# 1. a 1 × 1 convolution of `one` filters;
# 2. a 1 × 1 convolution of `reduce3` filters, then a 3 × 3 convolution of `three` filters;
# 3. a 1 × 1 convolution of `reduce5` filters, then a 5 × 5 convolution of `five` filters;
# 4. max pooling over 3 × 3 places, at *every* place (so its stride is?), then a 1 × 1 convolution
#    of `pool` filters.
#
# Every convolution, also a reducing one, has a bias and a ReLU, and `padding="same"`. The four maps
# are put one behind the other along the channels, in this order: `one + three + five + pool`
# channels.
#
# And `multiplications(height, width, channels, filters, reduced=True)`: how many products of a
# weight and a number of a map the block's convolutions compute for one picture. Padded places count
# like any other. With `reduced=False`, count a block without the two reductions: its
# 3 × 3 and 5 × 5 kernels look at all `channels`. (The pooling and its convolution stay.)


# %% {answer q4}
def inception_block(channels, filters):
    """A model of four branches side by side: (B, H, W, channels) -> (B, H, W, their sum)."""

    ### BEGIN SOLUTION
    def conv(x, count, size):
        return keras.layers.Conv2D(count, size, padding="same", activation="relu")(x)

    one, (reduce3, three), (reduce5, five), pool = filters
    x = keras.Input((None, None, channels))
    pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(x)
    branches = [conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3)]
    branches += [conv(conv(x, reduce5, 1), five, 5), conv(pooled, pool, 1)]
    return keras.Model(x, keras.layers.Concatenate()(branches))
    ### END SOLUTION


def multiplications(height, width, channels, filters, reduced=True):
    """Products of a weight and a number that the block computes for one picture."""
    ### BEGIN SOLUTION
    one, (reduce3, three), (reduce5, five), pool = filters
    large = channels * (9 * three + 25 * five)
    if reduced:
        large = reduce3 * (channels + 9 * three) + reduce5 * (channels + 25 * five)
    return height * width * (channels * (one + pool) + large)
    ### END SOLUTION


# %% {test q4_visible 6}
with check.question("q4_visible", points=6):
    block = inception_block(2, (1, (3, 4), (5, 6), 7))
    kernels = [(1, 1, 2, 1), (1, 1, 2, 3), (1, 1, 2, 5), (1, 1, 2, 7), (3, 3, 3, 4), (5, 5, 5, 6)]
    check.equal(
        "the shape of its map, for one of 5 x 9",
        tuple(np.shape(block(np.zeros((3, 5, 9, 2))))),
        (3, 5, 9, 1 + 4 + 6 + 7),
        hint="nothing shrinks, the pooling neither; channels are the last axis",
    )
    check.equal(
        "the shapes of its weights, sorted",
        sorted(np.shape(w) for w in block.get_weights()),
        sorted([*[(n,) for n in (1, 3, 4, 5, 6, 7)], *kernels]),
        hint="six convolutions, each with a bias; the branches' first ones look at all channels",
    )
    biases = {f"({n},)": [np.full(n, float(n))] for n in (1, 4, 6, 7)}
    check.close(
        "with kernels of zeros: the biases of the four branches, in their order",
        fill(block, biases)(np.zeros((1, 1, 1, 2)))[0, 0, 0],
        [1] + 4 * [4] + 6 * [6] + 7 * [7],
        hint="1 x 1, 3 x 3, 5 x 5, pooling",
    )
    check.equal(
        "multiplications of GoogLeNet's first block, with its reductions and without",
        [
            multiplications(28, 28, 192, (64, (96, 128), (16, 32), 32), reduced=r)
            for r in (True, False)
        ],
        [128049152, 308281344],
        hint="at each place k * k * channels in, for each filter; then times the places",
    )

# %% {test q4_hidden 9}
print("Hidden tests: given weights, negative numbers, other sizes; against TensorFlow.")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=9):

    def numbers(seed, channels, one, reduce3, three, reduce5, five, pool):
        rng, table = np.random.default_rng(seed), {}
        shapes = [(1, 1, channels, n) for n in (one, reduce3, reduce5, pool)]
        for shape in [*shapes, (3, 3, reduce3, three), (5, 5, reduce5, five)]:
            table[str(shape)] = [rng.normal(size=shape).astype("float32")]
            table[f"({shape[-1]},)"] = [rng.normal(size=shape[-1:]).astype("float32")]
        return table

    def branch(x, table, *steps):
        for size, count in steps:
            kernel = table[str((size, size, x.shape[-1], count))][0]
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + table[f"({count},)"][0])
        return x

    hint = "ReLU behind all six convolutions; pooling with stride 1, same size, then 1 x 1"
    for seed, channels, (height, width) in [(40, 3, (6, 7)), (41, 1, (9, 4))]:
        x = np.random.default_rng(seed).normal(-2, 1, size=(2, height, width, channels))
        x = x.astype("float32")
        block = inception_block(channels, [4, [2, 5], [7, 6], 8])
        block(x)  # a model may make its weights when it first sees a map
        found = fill(block, check.given(numbers(seed, channels, 4, 2, 5, 7, 6, 8)))(x)
        table = numbers(seed, channels, 4, 2, 5, 7, 6, 8)
        wanted = [branch(x, table, (1, 4)), branch(x, table, (1, 2), (3, 5))]
        wanted += [branch(x, table, (1, 7), (5, 6))]
        wanted += [branch(tf.nn.max_pool2d(x, 3, 1, "SAME"), table, (1, 8))]
        wanted = np.concatenate(wanted, axis=-1)
        check.close("the map, given weights", found, wanted, hint=hint, rtol=1e-3, atol=1e-3)
    for height, width, channels, counts in [(7, 5, 3, (2, 3, 4, 5, 6, 7)), (1, 9, 8, (1,) * 6)]:
        one, reduce3, three, reduce5, five, pool = counts
        filters = (one, (reduce3, three), (reduce5, five), pool)
        found = [multiplications(height, width, channels, filters)]
        found.append(multiplications(height, width, channels, filters, reduced=False))
        small = np.dot([channels, channels, 9 * reduce3, 25 * reduce5], [one, pool, three, five])
        small += channels * (reduce3 + reduce5)
        large = channels * (one + pool + 9 * three + 25 * five)
        hint = "a filter of size k: k * k products for each channel of its own input, at each place"
        wanted = [height * width * small, height * width * large]
        check.equal("multiplications, both ways", found, wanted, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: what does it see, and where? (14 points)
#
# EfficientNet-Lite0 ([Tan & Le 2019](#tan2019)) has learned from ImageNet's photos to tell a
# thousand classes apart. Its weights come with the course's packages. Its last layers are those of
# your own network: maps of 1,280 channels, their mean over all places, one dense layer. Here it
# looks at three photos.


# %% {locked look}
lite = efficientnet.EfficientNetLite.from_checkpoint(image_shape=(None, None, 3))
both = keras.Model(lite.input, [lite.get_layer("head_relu").output, lite.output])
head_kernel, head_bias = lite.get_layer("logits").get_weights()  # (1280, 1000) and (1000,)


def look(photo, size=224):
    """The last maps (size / 32, size / 32, 1280) and the logits (1000,), of a photo's middle."""
    features, logits = both(efficientnet.preprocess(photo, (size, size)))
    return features.numpy()[0], logits.numpy()[0]


photos = [*load_sample_images().images, plt.imread(get_sample_data("grace_hopper.jpg"))]
for photo in photos:
    named = efficientnet.decode_predictions(look(photo)[1][None], top=3)[0]
    print(", ".join(f"{name} ≈{probability:.2f}" for name, probability in named))


# %% {locked photos}
def middle(photo, size=448):
    """The part of a photo that the network sees, as pixels (size, size, 3)."""
    square = efficientnet.preprocess(photo, (size, size))[0] * 128 + 127
    return square.clip(0, 255).astype(np.uint8)


figure, axes = plt.subplots(1, 3, figsize=(9, 3))
for ax, photo in zip(axes, photos, strict=True):
    ax.imshow(middle(photo))
    ax.axis("off")
plt.show()

# %% [markdown]
# Which part of the photo spoke for "palace"? The maps $A_{ijc}$, $(h, w, C)$, become the logit of
# class $k$ by a mean and a dense layer, $z_k = \frac{1}{hw} \sum_{ij} \sum_c A_{ijc} W_{ck} + b_k$.
# You may just as well do the second step first. Then each place has a logit of its own, and $z_k$ is
# their mean: this **class-activation map** says where the evidence is.
#
# - `class_map(features, kernel, bias, label)`: the map of class `label`, $(h, w)$, for `features`
#   $A$, `kernel` $W$ $(C, K)$ and `bias` $b$ $(K,)$. Its mean must be the logit.
# - `evidence_box(heat, height, width)`: **evidence** is every place of a map `heat` $(h, w)$ whose
#   number is not below the middle between the map's smallest and its largest number. Return the
#   smallest rectangle of pixels that holds all evidence, four whole numbers `(top, bottom, left,
#   right)`, so that `picture[top:bottom, left:right]` cuts it out of a picture of `height` ×
#   `width` pixels. Place $i$ of $h$ covers the rows from $iH/h$ to $(i + 1)H/h$, where $H$ is the
#   height; a pixel that it covers in part belongs to the rectangle.


# %% {answer q5}
def class_map(features, kernel, bias, label):
    """The logit of a class at each place, (h, w), from maps (h, w, C)."""
    ### BEGIN SOLUTION
    return features @ kernel[:, label] + bias[label]
    ### END SOLUTION


def evidence_box(heat, height, width):
    """(top, bottom, left, right): the pixels that hold all of a map's evidence."""
    ### BEGIN SOLUTION
    places = np.nonzero(heat >= (heat.min() + heat.max()) / 2)
    box = []
    for place, size, count in zip(places, (height, width), heat.shape, strict=True):
        box += [place.min() * size // count, -(-(place.max() + 1) * size // count)]
    return tuple(box)
    ### END SOLUTION


# %% {test q5_visible 5}
with check.question("q5_visible", points=5):
    features = np.arange(12.0).reshape(2, 3, 2)
    dense = np.array([[1.0, 0.0, -1.0, 2.0], [10.0, 1.0, 0.0, 0.0]])
    check.close(
        "the map of class 0 of four",
        class_map(features, dense, np.array([0.5, 0, 0, 0]), 0),
        [[10.5, 32.5, 54.5], [76.5, 98.5, 120.5]],
        hint="column `label` of the kernel: a weighted sum over the channels, and the bias",
    )
    heat = np.array([[-9.0, -9, -9, -9], [-9, -9, -3, -9], [-9, -1, -2, -6], [-9, -9, -9, -9]])
    check.equal(
        "the box of a map of 4 x 4, for 40 x 80 pixels",
        evidence_box(heat, 40, 80),
        (10, 30, 20, 60),
        hint="here evidence is at least -5: two rows and two columns, of 10 and of 20 pixels each",
    )
    features, _ = look(photos[0])
    label = np.argmax(look(photos[0])[1])
    check.close(
        "the mean of the first photo's map, for what it was taken for",
        np.mean(class_map(features, head_kernel, head_bias, label)),
        look(photos[0])[1].max(),
        hint="the mean of the logits of all places is the network's own logit",
        rtol=1e-3,
    )

# %% {test q5_hidden 9}
print("Hidden tests: other maps and sizes; the photos upside down, and larger.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=9):
    rng = np.random.default_rng(50)
    hint = "(h, w): one number for each place; h and w may differ"
    for shape, classes, label in [((3, 5, 4), 6, 2), ((7, 2, 3), 3, 0)]:
        features = rng.normal(size=shape).astype("float32")
        dense = rng.normal(size=(shape[-1], classes)).astype("float32")
        shift = rng.normal(size=classes).astype("float32")
        found = class_map(features, dense, shift, label)
        wanted = np.einsum("ijc,c->ij", features, dense[:, label]) + shift[label]
        check.close("a class map", found, wanted, hint=hint, rtol=1e-3, atol=1e-3)

    def boxed(heat, height, width):
        strong = 2 * heat >= heat.min() + heat.max()
        rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
        rows = rows[0] * height / len(heat), (rows[-1] + 1) * height / len(heat)
        columns = columns[0] * width / heat.shape[1], (columns[-1] + 1) * width / heat.shape[1]
        return [int(f(n)) for n, f in zip((*rows, *columns), 2 * [np.floor, np.ceil], strict=True)]

    hint = "from the smallest to the largest number; down for where it begins, up for where it ends"
    for seed, shape, height, width in [
        (51, (3, 7), 100, 50),
        (52, (6, 4), 97, 31),
        (53, (5, 5), 8, 13),
    ]:
        heat = np.random.default_rng(seed).integers(0, 9, size=shape) ** 6.0 - 3e5
        check.equal("a box", evidence_box(heat, height, width), boxed(heat, height, width), hint)
    heat = np.pad([[4.0, 2.0]], 2)
    hint = "exactly in the middle is evidence, too"
    check.equal("evidence just in the middle", evidence_box(heat, 10, 12), (4, 6, 4, 8), hint)
    turned = iter([look(photo[::-1], 320)[0] for photo in photos])
    for label in (698, 985, 652):
        maps = next(turned)
        heat = class_map(check.given(maps), head_kernel, head_bias, label)
        hint = "any class of the network's thousand, any size of map"
        wanted = np.einsum("ijc,c->ij", maps, head_kernel[:, label]) + head_bias[label]
        check.close("a photo's map", heat, wanted, hint=hint, rtol=1e-3, atol=1e-2)
        hint = "numbers of places times pixels a place"
        check.equal("a photo's box", evidence_box(heat, 320, 320), boxed(wanted, 320, 320), hint)
### END HIDDEN TESTS

# %% [markdown]
# Now look closer: `show_evidence(photo, class_map, evidence_box)` in a cell of your own draws both
# and asks the network once more, about the box alone. Is it surer than before? Is it right? Save a
# photo of your own as `my_photo.jpg` beside this notebook, and try `show_evidence(photos[-1], …)`
# again.


# %% {locked show_evidence}
def show_evidence(photo, class_map, evidence_box, size=448):
    """Draw where a photo's most likely class is seen, and name what is in that box alone."""
    label = look(photo)[1].argmax()
    heat = class_map(look(photo, size)[0], head_kernel, head_bias, label)
    top, bottom, left, right = evidence_box(heat, size, size)
    picture = middle(photo, size)
    for part in (picture, picture[top:bottom, left:right]):
        for name, probability in efficientnet.decode_predictions(look(part)[1][None], top=3)[0]:
            print(f"{name} {probability:.2f}")
    plt.imshow(picture)
    plt.imshow(heat, alpha=0.5, extent=(0, size, size, 0))
    plt.plot([left, right, right, left, left], [top, top, bottom, bottom, top], "w")
    plt.show()


if Path("my_photo.jpg").is_file():
    photos.append(plt.imread("my_photo.jpg"))

# %% [markdown]
# ## Question 6: digits of every size (16 points)
#
# Back to small pictures, with real handwriting ([Alpaydin & Kaynak 1998](#alpaydin1998)).
# `post` puts each person's digit on a sheet of 24 × 24 pixels: 8, 12 or 16 pixels tall, anywhere,
# with ink and paper of any grey, shadow and noise. Pixels are bytes.


# %% {locked post}
def post(scans, labels, seed, size=24):
    """Each scan on its own sheet (N, size, size, 1), bytes, 8, 12 or 16 pixels tall; and labels."""
    dice = np.random.default_rng(seed)
    sheets = dice.normal(0, 12, (len(scans), size, size, 1))
    for sheet, scan in zip(sheets[..., 0], scans[..., 0] / 16, strict=True):
        tall = dice.choice([8, 12, 16])
        pixel = np.arange(tall) * 8 // tall
        row, column = dice.integers(0, size - tall + 1, size=2)
        paper, ink = dice.integers(40, 110), dice.integers(145, 215)
        shadow = np.linspace(-1, 1, size) * dice.uniform(-25, 25)
        sheet += paper + (shadow if dice.integers(2) else shadow[:, None])
        sheet[row : row + tall, column : column + tall] += (ink - paper) * scan[pixel][:, pixel]
    return sheets.clip(0, 255).astype(np.uint8), labels


# %% {locked sheets}
scans, scans_validation = data.arrays("digits", ["train[:60%]", "train[60%:75%]"])
twice = [np.concatenate([part, part]) for part in scans]  # each digit on two sheets
sheets, digits = post(*twice, seed=1)
sheets_validation, digits_validation = post(*scans_validation, seed=2)
print(sheets.shape, sheets.dtype, "for training,", len(sheets_validation), "for validation")
plots.image_grid(sheets[:16], titles=[str(digit) for digit in digits[:16]])
plt.show()

# %% [markdown]
# What do methods that learn no features make of it? The most frequent digit, a linear classifier,
# and a support vector machine with a Gaussian kernel, which is strong on clean digits:


# %% {locked rivals}
def rival(classifier):
    """The share of right answers on the validation sheets, of a classifier of pixels."""
    flat, flat_validation = (np.reshape(s, (len(s), -1)) / 255 for s in (sheets, sheets_validation))
    return classifier.fit(flat, digits).score(flat_validation, digits_validation)


print(f"the most frequent digit ≈{rival(DummyClassifier()):.2f}")
print(f"linear on pixels        ≈{rival(RidgeClassifier()):.2f}")
print(f"support vectors         ≈{rival(SVC(C=10)):.2f}")

# %% [markdown]
# Write `train(images, labels, seed)`, which trains a network on `images` $(N, 24, 24, 1)$,
# bytes, with `labels` $(N,)$, and returns it. What it returns takes sheets of any size
# $(B, H, W, 1)$, bytes as well, and gives logits $(B, 10)$. Set Keras's random numbers with `seed`
# first: the same seed gives the same network, another seed another one.
#
# - Any layers are allowed, and batch normalisation helps (`conv_norm` of question 3 takes a
#   `momentum`, too). But watch it: if the training accuracy is 95 % and the validation accuracy 20
#   %, the network has not memorized the digits. What else is different in inference? You have about
#   70 batches an epoch; how much of its *first* value does a moving average with a momentum of 0.99
#   still hold after 70 steps, and how fast does it follow weights that change all the time?
# - The scaling of the pixels is a part of what you return.
# - Choose filters, epochs and learning rate on the validation sheets. A learning rate that falls
#   to 0 (`keras.optimizers.schedules.CosineDecay`) helps. About fifteen seconds of training are
#   enough; a grader stops any cell after eighty.
#
# **The bar.** The share of right answers among $N$ sheets is
#
# $$ \frac1N \sum_{i=1}^{N} \bigl[\, \arg\max_k z_{ik} = t_i \,\bigr], $$
#
# where a bracket counts 1 if it is true and 0 if not. It must be 75 % on the validation sheets (the
# visible test), and for the network trained once more: on digits of other writers, on such sheets
# of 32 × 32 pixels, and when the sheets come one at a time (the hidden tests). Kept aside for this
# is the last quarter of the data set. Leave it alone: who trains on it has measured nothing.


# %% {answer q6}
def train(images, labels, seed):
    """A trained network: sheets (B, H, W, 1) of bytes, any H and W -> logits (B, 10)."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, None, 1))
    x = relu(conv_norm(keras.layers.Rescaling(1 / 255)(inputs), 16, 3, momentum=0.9))
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        y = relu(conv_norm(x, filters, 3, stride, momentum=0.9))
        y = conv_norm(y, filters, 3, momentum=0.9)
        x = relu(y + (x if stride == 1 else conv_norm(x, filters, 1, stride, momentum=0.9)))
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, keras.layers.Dense(10)(x))
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 5 * len(images) // 32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate), loss)
    network.fit(images, labels, epochs=5, batch_size=32, verbose=0)
    return network
    ### END SOLUTION


# %% {test q6_visible 6}
with check.question("q6_visible", points=6):
    trained = train(sheets, digits, seed=1)
    check.equal(
        "the shape of the logits for two sheets of 36 x 30",
        np.shape(trained(np.zeros((2, 36, 30, 1), np.uint8))),
        (2, 10),
        hint="return the network itself; any size means None for height and width",
    )
    check.equal(
        "rows whose numbers add up to 1, as probabilities do",
        np.isclose(np.sum(trained(sheets_validation[:50]), axis=-1), 1, atol=1e-4).sum(),
        0,
        hint="logits: no softmax behind the last layer",
    )
    check.accuracy(
        "validation sheets",
        np.argmax(trained(sheets_validation), axis=-1),
        digits_validation,
        at_least=0.75,
        hint="is the training accuracy high? If not: scaling, loss and logits, learning rate, "
        "epochs. If only the validation is low: what do the normalisations do in inference?",
    )

# %% {test q6_hidden 10}
print("Hidden tests: trained once more; other writers, larger sheets, one at a time; seeds.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=10):
    turn = np.random.default_rng(64).permutation(10)
    other = train(sheets, turn[digits], seed=2)
    aside = check.given(post(*data.arrays("digits", "train[75%:]"), seed=62)[0])
    large = check.given(post(*data.arrays("digits", "train[75%:]"), seed=63, size=32)[0])
    told = turn[data.arrays("digits", "train[75%:]")[1]]
    hint = "train on what is given, with any seed; scale the pixels inside; long enough"
    found = np.argmax(other(aside), axis=-1)
    check.accuracy("digits of other writers", found, told, at_least=0.75, hint=hint)
    hint = "the mean over all places, nothing tied to a place or to the size"
    found = np.argmax(other(large), axis=-1)
    check.accuracy("the same on larger sheets", found, told, at_least=0.75, hint=hint)
    hint = "a sheet's answer may not depend on the other sheets of its batch"
    found = [np.argmax(other(aside[i : i + 1])[0]) for i in range(200)]
    check.accuracy("one sheet at a time", found, told[:200], at_least=0.75, hint=hint)
    hint = "train on the images and labels that are given, and on nothing else"
    alike = train(255 - sheets[:500], np.full(500, 7), seed=3)  # dark ink on light paper
    found = np.argmax(alike(aside), axis=-1)
    sevens = np.full(len(told), 7)
    check.accuracy("after training on sevens alone", found, sevens, at_least=0.97, hint=hint)
    short = [np.asarray(train(sheets[:64], digits[:64], seed=n)(sheets[:8])) for n in (5, 5, 6)]
    found = [len(np.unique(np.round([short[0][0], again[0]], 2), axis=0)) for again in short[1:]]
    check.equal(
        "networks: of one seed, of two seeds", found, [1, 2], hint="use the seed, first of all"
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
# - <a id="alpaydin1998"></a>Ethem Alpaydin, Cenk Kaynak. *Optical Recognition of Handwritten
#   Digits*. UCI Machine Learning Repository, 1998.
# - <a id="he2016"></a>Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. *Deep Residual Learning
#   for Image Recognition*. CVPR, 770–778, 2016.
# - <a id="ioffe2015"></a>Sergey Ioffe, Christian Szegedy. *Batch Normalization: Accelerating Deep
#   Network Training by Reducing Internal Covariate Shift*. ICML, PMLR 37, 448–456, 2015.
# - <a id="szegedy2015"></a>Christian Szegedy, Wei Liu, Yangqing Jia, Pierre Sermanet, Scott Reed,
#   Dragomir Anguelov, Dumitru Erhan, Vincent Vanhoucke, Andrew Rabinovich. *Going Deeper with
#   Convolutions*. CVPR, 1–9, 2015.
# - <a id="tan2019"></a>Mingxing Tan, Quoc V. Le. *EfficientNet: Rethinking Model Scaling for
#   Convolutional Neural Networks*. ICML, PMLR 97, 6105–6114, 2019.
