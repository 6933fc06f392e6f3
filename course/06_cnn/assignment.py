# ---
# jupyter:
#   aimodels:
#     title: "Assignment: Convolutional networks"
#     minutes: 120
#     repairs: [000-4.2.1]
#     limits: {cell: 60, total: 150, memory: 6144}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: Convolutional networks
#
# You work out what a layer costs, write a lighter kind of convolution, send a gradient back through
# an ordinary one, find out which pixels a network looks at, repair the network of article 000, and
# at the end train one that finds a digit anywhere on a dirty sheet, yours too.
#
# **About 120 minutes.** **100 points.** **Repairs:** article 000 §4.2.1.
#
# How to work: write your code where the cell says YOUR CODE HERE (and delete the line that raises
# the error), run the cell, then run the test cell below it and read its message. `check()` in the
# last cell sums up. The visible tests give a part of the points; hidden tests, run when your work
# is graded, give the rest. They use other numbers and other sizes, so write for any input. What
# `aimodels.cnn` offers you may use, unless a question says something else.

# %% {locked start}
import aimodels

aimodels.start(seed=1)

# %% {locked setup}
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from aimodels import cnn, data, plots
from aimodels.course import check

# %% [markdown]
# ## Question 1: how large, how heavy? (12 points)
#
# The lesson knew two kinds of padding, "valid" and "same". In general a layer puts $p$ rows or
# columns of zeros on *every* side of the picture. And its kernel may have gaps: with **dilation**
# $d$, neighbouring weights lie on pixels that are $d$ apart. A row of three weights with $d = 2$
# lies on pixels 0, 2 and 4; with $d = 1$ there are no gaps ([Dumoulin & Visin
# 2016](#dumoulin2016)). The lesson's formula becomes
#
# $$ H' = \left\lfloor \frac{H + 2p - \boxed{\;?\;}}{s} \right\rfloor + 1. $$
#
# What stands in the box? From its first pixel to its last, how many pixels does the kernel cover?
#
# - `output_size(size, kernel_size, stride=1, padding=0, dilation=1)`: the whole number $H'$ for
#   $H$ = `size`. If the kernel does not fit even into the padded picture, raise a `ValueError`.
# - `count_parameters(kernel_size, channels, filters, bias=True)`: how many numbers a layer of
#   `filters` square kernels learns on a picture of `channels` channels, with or without biases.
#   (No stride, padding or dilation here. Why not?)


# %% {answer q1}
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """How many rows the map has, for `size` rows of pixels; ValueError if the kernel is larger."""
    ### BEGIN SOLUTION
    covered = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - covered
    if room < 0:
        raise ValueError(f"the kernel covers {covered} pixels, there are {size + 2 * padding}")
    return room // stride + 1
    ### END SOLUTION


def count_parameters(kernel_size, channels, filters, bias=True):
    """How many numbers the layer learns: kernel_size x kernel_size weights a channel, a filter."""
    ### BEGIN SOLUTION
    return (kernel_size**2 * channels + bool(bias)) * filters
    ### END SOLUTION


# %% {test q1_visible 4}
with check.question("q1_visible", points=4):
    check.equal(
        "8 pixels, kernel 3",
        output_size(8, 3),
        6,
        hint="on how many pixels can the first weight lie?",
    )
    check.equal(
        "28 pixels, kernel 5, stride 2, padding 2",
        output_size(28, 5, stride=2, padding=2),
        14,
        hint="zeros on both sides; a jump that does not fit any more is not made: round down",
    )
    check.equal(
        "10 pixels, kernel 3, dilation 2",
        output_size(10, 3, dilation=2),
        6,
        hint="draw the weights on squared paper: the first pixel, a gap, … how far is the last?",
    )
    check.raises(
        "kernel 5 on 4 pixels",
        lambda: output_size(4, 5),
        ValueError,
        hint="compare what the kernel covers with what is there, and raise the error yourself",
    )
    check.equal(
        "parameters of two 3 x 3 kernels on a colour picture",
        count_parameters(3, 3, 2),
        56,
        hint="each kernel goes through all three channels, and has one bias of its own",
    )

# %% {test q1_hidden 8}
print("Hidden tests: everything together, against windows counted one by one and against Keras.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=8):
    for size, k, s, p, d in [
        (32, 3, 2, 1, 1),
        (33, 5, 3, 4, 2),
        (7, 3, 1, 3, 6),
        (50, 1, 4, 0, 9),
        (2, 3, 1, 1, 1),
    ]:
        check.equal(
            "the size with stride, padding and dilation together",
            output_size(size, k, stride=s, padding=p, dilation=d),
            len(
                [first for first in range(0, size + 2 * p, s) if first + d * (k - 1) < size + 2 * p]
            ),
            hint="between k weights there are k - 1 steps, of d pixels each; round down, not up",
        )
    check.equal(
        "a kernel that fits exactly, thanks to the padding",
        output_size(4, 3, padding=1, dilation=2),
        2,
        hint="is there room? Ask the padded picture, not the picture",
    )
    check.raises(
        "a kernel that is too large because of its gaps",
        lambda: output_size(6, 3, stride=2, padding=1, dilation=4),
        ValueError,
        hint="compare all that the kernel covers, gaps included, with the padded picture",
    )
    for k, channels, filters, bias in [(1, 64, 10, True), (5, 3, 16, False), (3, 7, 11, True)]:
        layer = keras.layers.Conv2D(filters, k, use_bias=bias)
        layer.build((None, 8, 8, channels))
        check.equal(
            "the number of parameters",
            count_parameters(k, channels, filters, bias=bias),
            layer.count_params(),
            hint="k times k weights for each channel and filter; one bias a filter, or none at all",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: one kernel a channel (15 points)
#
# An ordinary kernel does two things at once: it looks around, and it mixes the channels. A
# **depthwise separable** convolution does one after the other, and needs only
# $k \cdot k \cdot C + C \cdot F$ weights in place of $k \cdot k \cdot C \cdot F$. Networks for
# telephones are built of it ([Sandler et al. 2018](#sandler2018)). Step one: every channel $c$ has
# one kernel of its own, and nothing is added up over channels. Step two: at every place, $F$
# weighted sums of the $C$ channels.
#
# $$ z_{bijc} = \sum_{m,n} x_{b,\,si+m,\,sj+n,\,c}\; D_{mnc} \qquad\qquad
#    y_{bijf} = \sum_{c} z_{bijc}\; P_{cf} $$
#
# Write `separable_conv2d(x, depthwise, pointwise, stride=1)` with NumPy or with the functions of
# `aimodels.cnn`; no padding, no bias.
#
# - `x`: pictures $(B, H, W, C)$; `depthwise`: $D$, $(k_h, k_w, C)$; `pointwise`: $P$, $(C, F)$.
# - The result: $(B, H', W', F)$. Only the first step jumps by `stride`, down and right alike.


# %% {answer q2}
def separable_conv2d(x, depthwise, pointwise, stride=1):
    """A kernel for each channel (kh, kw, C), then sums over channels (C, F): (B, H', W', F)."""
    ### BEGIN SOLUTION
    channels = [
        cnn.conv2d(x[..., [c]], depthwise[:, :, [c], None], strides=stride)
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1) @ pointwise
    ### END SOLUTION


# %% {test q2_visible 5}
with check.question("q2_visible", points=5):
    x = np.ones((1, 4, 5, 2)) * [1, 10]  # the first channel is 1 everywhere, the second 10
    kernels = np.ones((3, 3, 2)) * [1, 2]
    apart = separable_conv2d(x, kernels, np.eye(2))
    check.equal(
        "the shape with two filters",
        tuple(np.shape(apart)),
        (1, 2, 3, 2),
        hint="(pictures, H', W', filters); without padding a 3 x 3 kernel takes two rows away",
    )
    check.close(
        "the channels stay apart if the second step changes nothing",
        np.asarray(apart)[0, 0, 0],
        [9 * 1 * 1, 9 * 10 * 2],
        hint="channel c meets kernel c, and no other; add up over m and n only",
    )
    check.close(
        "then they are mixed",
        separable_conv2d(x, kernels, np.array([[1.0], [0.5]])),
        np.full((1, 2, 3, 1), 9 + 180 / 2),
        hint="y is a weighted sum over the channels of z: at each place, z times the matrix P",
    )

# %% {test q2_hidden 10}
print("Hidden tests: random numbers, oblong kernels and pictures, strides; against Keras.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=10):
    rng = np.random.default_rng(12)
    for (height, width, channels), (kh, kw), filters, stride in [
        ((6, 6, 3), (3, 3), 4, 1),
        ((9, 7, 2), (2, 4), 5, 1),
        ((11, 8, 4), (3, 3), 2, 2),
        ((10, 14, 1), (1, 5), 3, 3),
    ]:
        x = rng.normal(size=(3, height, width, channels))
        x = rng.integers(0, 256, size=x.shape).astype(np.uint8) if stride == 3 else x  # bytes
        depthwise = rng.normal(size=(kh, kw, channels))
        pointwise = rng.normal(size=(channels, filters))
        check.close(
            "random numbers, any shape and stride",
            separable_conv2d(x, depthwise, pointwise, stride=stride),
            keras.ops.separable_conv(
                x.astype(float),
                depthwise[..., None],
                pointwise[None, None],
                strides=stride,
                padding="valid",
            ),
            rtol=1e-4,
            atol=1e-5,
            hint="all pictures, also those of bytes, whose sums are no bytes; kh rows and kw columns "
            "may differ; only the first step jumps",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: backwards through a convolution (20 points)
#
# A layer has computed `y = cnn.conv2d(x, kernel, bias, strides=stride)`, without padding. Behind
# it, somewhere, stands a loss $L$. Backpropagation hands the layer
# $G_{bijf} = \partial L/\partial y_{bijf}$, an array of the shape of `y`, and wants three gradients
# back. Two of them are sums that you can read off the layer's formula (with $c$ for channels, $f$
# for filters, and $s$ for the stride):
#
# $$ \frac{\partial L}{\partial b_f} = \sum_{b,i,j} G_{bijf} \qquad\qquad
#    \frac{\partial L}{\partial K_{mncf}} = \sum_{b,i,j} x_{b,\,si+m,\,sj+n,\,c}\; G_{bijf} $$
#
# The third one is yours. Place $(i, j)$ of filter $f$ has used pixel $(si+m,\, sj+n)$ with the
# weight $K_{mncf}$. So how much of $G_{bijf}$ does this pixel get back? What if several windows
# have used it? And what if none has?
#
# Write `conv2d_backward(x, kernel, grad_y, stride=1)` in NumPy. It returns a tuple
# `(grad_x, grad_kernel, grad_bias)`, each of the shape of what it belongs to.
#
# - `x`: $(B, H, W, C)$; `kernel`: $(k_h, k_w, C, F)$; `grad_y`: $(B, H', W', F)$.
# - Two short loops over $m$ and $n$ are enough: which pixels, over all places, have met
#   the weights `kernel[m, n]`? They are one slice of `x`, with a step.


# %% {answer q3}
def conv2d_backward(x, kernel, grad_y, stride=1):
    """The loss's gradients (grad_x, grad_kernel, grad_bias) of y = conv2d(x, kernel, bias)."""
    ### BEGIN SOLUTION
    grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    height, width = grad_y.shape[1] * stride, grad_y.shape[2] * stride
    for m, n in np.ndindex(kernel.shape[:2]):
        met = np.s_[:, m : m + height : stride, n : n + width : stride]
        grad_kernel[m, n] = np.tensordot(x[met], grad_y, axes=((0, 1, 2), (0, 1, 2)))
        grad_x[met] += grad_y @ kernel[m, n].T
    return grad_x, grad_kernel, grad_y.sum(axis=(0, 1, 2))
    ### END SOLUTION


# %% {test q3_visible 6}
with check.question("q3_visible", points=6):
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])[:, :, None, None]
    grad_y = np.array([[0.0, 1.0], [0.0, 0.0]])[None, :, :, None]  # only place (0, 1) matters
    grad_x, grad_kernel, grad_bias = conv2d_backward(x, kernel, grad_y)
    check.close(
        "one place: its window gets the kernel back",
        np.asarray(grad_x)[0, :, :, 0],
        np.array([[0, 1, 2], [0, 3, 4], [0, 0, 0]]),
        hint="place (0, 1) used pixel (0, 1) with weight (0, 0), pixel (1, 2) with weight (1, 1)",
    )
    check.close(
        "one place: the kernel gets the window's pixels",
        np.asarray(grad_kernel)[:, :, 0, 0],
        np.array([[1, 2], [4, 5]]),
        hint="weight (m, n) gets the pixels that it was multiplied with, each times its G",
    )
    grad_x, grad_kernel, grad_bias = conv2d_backward(x, kernel, np.ones((1, 2, 2, 1)))
    check.close(
        "all places: pixels that several windows used",
        np.asarray(grad_x)[0, :, :, 0],
        np.array([[1, 3, 2], [4, 10, 6], [3, 7, 4]]),
        hint="a pixel adds up what it gets from all the windows that used it",
    )
    check.close(
        "all places: kernel and bias",
        [*np.ravel(grad_kernel), *np.ravel(grad_bias)],
        [8, 12, 20, 24, 4],
        hint="add up over pictures and places; one number for each weight, one for each filter",
    )

# %% {test q3_hidden 14}
print("Hidden tests: batches, channels, filters, strides; against TensorFlow's GradientTape.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=14):

    def by_tape(x, kernel, grad_y, stride):
        x, kernel, bias = (
            tf.constant(x),
            tf.constant(kernel),
            tf.zeros(kernel.shape[-1], tf.float64),
        )
        with tf.GradientTape() as tape:
            tape.watch((x, kernel, bias))
            loss = tf.reduce_sum((tf.nn.conv2d(x, kernel, stride, "VALID") + bias) * grad_y)
        return tape.gradient(loss, (x, kernel, bias))

    rng = np.random.default_rng(13)
    hint = "all pictures, channels and filters; unused pixels get 0; pictures may be bytes, no gradient"
    for x_shape, kernel_shape, y_shape, stride in [
        ((2, 5, 6, 3), (3, 2, 3, 4), (2, 3, 5, 4), 1),
        ((3, 8, 9, 2), (3, 3, 2, 5), (3, 3, 4, 5), 2),
        ((1, 9, 7, 1), (2, 2, 1, 2), (1, 3, 2, 2), 3),
    ]:
        x, kernel = (
            rng.integers(0, 256, size=x_shape, dtype=np.uint8),
            rng.normal(size=kernel_shape),
        )
        grad_y = rng.normal(size=y_shape)
        grad_x, grad_kernel, grad_bias = conv2d_backward(x, kernel, grad_y, stride=stride)
        for_x, for_kernel, for_bias = by_tape(x.astype(float), kernel, grad_y, stride)
        check.close("the gradient for x", grad_x, for_x, rtol=1e-4, atol=1e-5, hint=hint)
        check.close("for the kernel", grad_kernel, for_kernel, rtol=1e-4, atol=1e-5, hint=hint)
        check.close("for the bias", grad_bias, for_bias, rtol=1e-4, atol=1e-5, hint=hint)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: which pixels does it look at? (13 points)
#
# The lesson worked out *how many* pixels one place of a map can see. Now: *which* ones? We look at
# one direction only, rows, and number pixels and places from 0. A layer, convolution or pooling,
# is a tuple `(kernel_size, stride, padding, dilation)`, short $(k, s, p, d)$. Place $i$ of its map
# looks at these places of the map below it:
#
# $$ si - p,\quad si - p + d,\quad \dots,\quad si - p + d\,(k-1) $$
#
# Zeros of the padding count as places, too: those before the picture have numbers below 0. The
# picture shows one layer $(3, 2, 1, 1)$.

# %% {locked layer_picture}
figure, ax = plt.subplots(figsize=(7, 2.2))
for place, pixels in {0: (-1, 0, 1), 1: (1, 2, 3), 2: (3, 4, 5), 3: (5, 6, 7)}.items():
    ax.text(2 * place, 1.1, place, ha="center")
    for pixel in pixels:
        ax.plot([2 * place, pixel], [1, 0], "o-", color="tab:blue")
for pixel in range(-1, 8):
    ax.text(pixel, -0.35, pixel, ha="center", color="tab:red" if pixel < 0 else "black")
ax.set(xlim=(-1.5, 7.5), ylim=(-0.5, 1.4), xticks=[], yticks=[0, 1], yticklabels=["pixel", "place"])
ax.set_title("kernel 3, stride 2, padding 1: who looks at whom")
plt.show()

# %% [markdown]
# Write `pixels_seen(place, layers)`: the first and the last pixel that `place` of the *last* map
# can see, a tuple `(first, last)`.
#
# - `layers`: a list of such tuples, from the picture upwards: `layers[0]` reads the pixels.
# - Treat the rows as endless: do not cut off what is padding, at no layer.
# - With two layers: which places of the map between them does `place` look at? And these?
#
# (Then `last - first + 1` is the lesson's $r$.)


# %% {answer q4}
def pixels_seen(place, layers):
    """(first, last) pixel seen by `place`; layers: [(kernel, stride, padding, dilation), …]."""
    ### BEGIN SOLUTION
    first = last = place
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + dilation * (kernel_size - 1)
    return first, last
    ### END SOLUTION


# %% {test q4_visible 4}
with check.question("q4_visible", points=4):
    check.equal(
        "place 0 of the layer in the picture",
        pixels_seen(0, [(3, 2, 1, 1)]),
        (-1, 1),
        hint="one layer: the formula's first and last number for i = 0; padding counts",
    )
    check.equal(
        "place 3 of the layer in the picture",
        pixels_seen(3, [(3, 2, 1, 1)]),
        (5, 7),
        hint="follow the lines from place 3 downwards",
    )
    check.equal(
        "a kernel of 3, then a pooling of 2: place 3",
        pixels_seen(3, [(3, 1, 0, 1), (2, 2, 0, 1)]),
        (6, 9),
        hint="place 3 of the pooling looks at places 6 and 7 of the map in between; and these?",
    )

# %% {test q4_hidden 9}
print("Hidden tests: deep stacks, gaps, padding anywhere; against gradients: which pixels matter?")
### BEGIN HIDDEN TESTS
with check.question("q4_hidden", points=9):

    def influential(place, layers):
        x = tf.ones((1, 300, 1))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for k, s, p, d in layers:
                kernel = np.zeros((d * (k - 1) + 1, 1, 1), "float32")
                kernel[::d] = 1 / k
                y = tf.nn.conv1d(tf.pad(y, [(0, 0), (p, 0), (0, 0)]), kernel, s, "VALID")
            number = y[0, place, 0]
        return np.flatnonzero(tape.gradient(number, x))[[0, -1]]

    for place, layers in [
        (9, [(5, 1, 2, 1), (2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1)]),
        (40, [(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4), (3, 1, 8, 8)]),
        (11, [(7, 2, 3, 1), (4, 3, 0, 2), (1, 1, 0, 1), (3, 1, 2, 3)]),
    ]:
        before = [*layers]
        check.equal(
            "stride, padding and dilation in any layer",
            pixels_seen(place, layers),
            influential(place, before),
            hint="from the last layer down to the first; each has its own stride, padding and gaps",
        )
        check.equal(
            "the list of layers stays as it was",
            layers,
            before,
            hint="layers.reverse() turns the caller's own list round; reversed(layers) does not",
        )
    check.equal(
        "padding in every layer, seen from place 0",
        pixels_seen(0, [(3, 1, 1, 1), (2, 2, 0, 1), (3, 1, 1, 1), (2, 2, 0, 1), (3, 1, 1, 1)]),
        (-7, 10),
        hint="one row of padding in a high layer is worth several pixels; cut nothing off",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: repair the network of article 000 (20 points)
#
# Here is the article's network again, in our own words, smaller so that we can try it at once. Read
# it, and the four lines that it prints, before you go on.


# %% {locked article}
def article_network():
    layers = [keras.Input((32, 32, 3))]
    for filters in (8, 16, 32):
        layers += [keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(512, activation="relu")]
    network = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    network.compile("adam", "categorical_crossentropy")
    return network


# %% {locked faults}
network = article_network()
photos = np.random.default_rng(5).integers(0, 256, size=(4, 32, 32, 3))
dense = network.layers[-2].count_params() / network.count_params()
print(f"1. the first dense layer holds {dense:.0%} of the parameters")
try:
    network(np.zeros((1, 48, 48, 3)))
except ValueError as error:
    print("2. pictures of 48 pixels:", type(error).__name__)
print("3. probabilities, not logits:", np.allclose(np.sum(network(photos), axis=1), 1))
try:
    network.test_on_batch(photos, np.array([3, 1, 4, 1]))
except ValueError as error:
    print("4. plain labels:", type(error).__name__)

# %% [markdown]
# A fifth fault is silent: nobody scales the pixels, which are bytes from 0 to 255.
#
# Write `build_network(channels, num_classes, filters)`, which returns a repaired and compiled
# Keras model. From the picture to the logits:
#
# 1. an input of any height and width, with `channels` channels, from 0 to 255;
# 2. inside the network, the pixels divided by 255: then nobody can forget it;
# 3. for each number in `filters` a 3 × 3 convolution with that many filters, bias and ReLU, padded
#    so that the map keeps its size. *Between* two of them (not behind the last), 2 × 2 max pooling
#    as Keras does it by default;
# 4. the mean over all places (the lesson's repair), and *one* dense layer that makes logits.
#
# No other layer may have weights, so no batch normalisation: the tests put weights of their own
# into your network and compare what it answers. Compile it with Adam and with the loss that takes
# these logits and labels as plain numbers. For logits $z_{bk}$ and labels $t_b$ it must be
#
# $$ L = \frac1B \sum_{b=1}^{B} \Bigl( \log\sum_k e^{z_{bk}} \;-\; z_{b,\,t_b} \Bigr). $$


# %% {answer q5}
def build_network(channels, num_classes, filters):
    """A compiled classifier of pictures (B, H, W, channels), any H and W; logits (B, classes)."""
    ### BEGIN SOLUTION
    x = inputs = keras.Input((None, None, channels))
    x = keras.layers.Rescaling(1 / 255)(x)
    for i, count in enumerate(filters):
        if i > 0:
            x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, keras.layers.Dense(num_classes)(x))
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network
    ### END SOLUTION


# %% {test q5_visible 7}
with check.question("q5_visible", points=7):
    network = build_network(3, 10, (4, 8))
    check.equal(
        "the shapes of its weights",
        [np.shape(w) for w in network.get_weights()],
        [(3, 3, 3, 4), (4,), (3, 3, 4, 8), (8,), (8, 10), (10,)],
        hint="kernel and bias of each convolution, then of the one dense layer; none at all? Start "
        "with keras.Input, so that Keras can build them",
    )
    for height, width in [(21, 13), (8, 8)]:
        check.equal(
            f"the shape of the logits for two pictures of {height} x {width}",
            tuple(np.shape(network(np.zeros((2, height, width, 3))))),
            (2, 10),
            hint="which layer wants to know the picture's size? Use None for height and width",
        )
    network = build_network(1, 2, (1,))
    middle = np.pad(np.ones((1, 1, 1, 1)), [(1, 1), (1, 1), (0, 0), (0, 0)])  # copies the picture
    network.set_weights([middle, np.zeros(1), np.array([[1.0, -1.0]]), np.zeros(2)])
    half_white = np.repeat([[[255.0], [0.0]]], 4, axis=1).repeat(8, axis=0)[None]
    check.close(
        "logits of a picture that is half white, half black",
        network(half_white),
        np.array([[0.5, -0.5]]),
        hint="white is 1 after scaling, the mean over all places is one half; logits may be "
        "negative, and nothing stands behind the dense layer",
    )
    # So sure of class 0 that a bias's gradient is the share of ones among the labels.
    network.set_weights([middle, np.zeros(1), np.array([[1e4, -1e4]]), np.zeros(2)])
    white = np.full((4, 8, 8, 1), 255.0)
    network.train_on_batch(white, np.array([1, 1, 1, 1]))
    first = network.get_weights()[-1]
    network.train_on_batch(white, np.array([1, 0, 0, 0]))
    check.close(
        "how far the biases move when the gradient falls to a quarter, over the step before",
        (network.get_weights()[-1] - first) / first,
        np.full(2, (0.09 + 0.025) / 0.19 / np.sqrt((0.999e-3 + 0.0625e-3) / 1.999e-3)),
        rtol=0.02,
        hint="with the right loss it is one quarter for plain gradient descent; Adam remembers more",
    )

# %% {test q5_hidden 13}
print("Hidden tests: given weights, several sizes, and the loss; against NumPy.")
### BEGIN HIDDEN TESTS
with check.question("q5_hidden", points=13):

    def logits(weights, pictures):
        y = pictures / 255
        for i in range(0, len(weights) - 2, 2):
            y = cnn.max_pool2d(y) if i else y
            y = np.maximum(cnn.conv2d(y, weights[i], weights[i + 1], padding="same"), 0)
        return cnn.global_average_pool2d(y) @ weights[-2] + weights[-1]

    rng = np.random.default_rng(15)
    network = build_network(2, 4, (3, 6, 5))
    shapes = [(3, 3, 2, 3), (3,), (3, 3, 3, 6), (6,), (3, 3, 6, 5), (5,), (5, 4), (4,)]
    weights = check.given([np.random.default_rng(i).normal(size=s) for i, s in enumerate(shapes)])
    check.equal(
        "the shapes of its weights for three convolutions",
        [np.shape(w) for w in network.get_weights()],
        shapes,
        hint="channels, num_classes and filters are arguments: use all of them",
    )
    network.set_weights(weights)
    for height, width in [(8, 8), (15, 9), (20, 37)]:
        pictures = rng.integers(0, 256, size=(3, height, width, 2)).astype("float32")
        check.close(
            "the logits with given weights, for any picture",
            network(pictures),
            logits(weights, pictures),
            rtol=1e-3,
            atol=1e-3,
            hint="scale; convolution, bias, ReLU; pool only between two of these; mean; dense",
        )
    z = logits(weights, pictures)
    check.close(
        "the loss for plain labels",
        network.test_on_batch(pictures, np.array([3, 0, 2]), return_dict=True)["loss"],
        np.mean(np.log(np.exp(z).sum(axis=1)) - z[[0, 1, 2], [3, 0, 2]]),
        rtol=1e-3,
        atol=1e-3,
        hint="the loss whose labels are plain numbers; and tell it that it gets logits",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: your own handwriting, anywhere (20 points)
#
# The lesson's digits stood in the middle of clean paper. Yours will not. `scatter` drops each
# person's digit anywhere on a sheet of 24 × 24 pixels, with noise and with short strokes that mean
# nothing. Pixels are bytes. At the end the network reads a photo that you take.


# %% {locked scatter}
def scatter(scans, labels, seed, size=24):
    """Each scan at a random place of its own sheet: (N, size, size, 1), bytes; and the labels."""
    dice = np.random.default_rng(seed)
    sheets = dice.integers(0, 40, size=(len(scans), size, size, 1), dtype=np.uint8)
    for sheet, scan in zip(sheets, scans, strict=True):
        for row, column in dice.integers(0, size - 2, size=(size * size // 190, 2)):
            height, width = dice.permutation([1, 3])
            sheet[row : row + height, column : column + width] = dice.integers(100, 256)
        row, column = dice.integers(0, size - 7, size=2)
        place = sheet[row : row + 8, column : column + 8]
        np.maximum(place, (scan * (255 / 16)).astype(np.uint8), out=place)
    return sheets, labels


# %% {locked sheets}
scans, scans_validation = data.arrays("digits", ["train[:60%]", "train[60%:75%]"])
sheets, digits = scatter(*scans, seed=1)
sheets_validation, digits_validation = scatter(*scans_validation, seed=2)
print(sheets.shape, sheets.dtype, "for training,", len(sheets_validation), "for validation")
print("a digit may stand at", (24 - 8 + 1) ** 2, "places")

# %% {locked sheets_picture}
plots.image_grid(sheets[:16], titles=[str(digit) for digit in digits[:16]])
plt.show()

# %% [markdown]
# Write two functions. `scan(photo)` makes of a photo what people's forms became when this
# data set was made ([Alpaydin & Kaynak 1998](#alpaydin1998)). `photo` $(H, W)$ shows one dark digit
# on light paper, bytes. **Ink** is every pixel darker than the middle between the darkest and the
# lightest one. Cut out the smallest rectangle that holds all ink, $h$ rows and $w$ columns. Stretch
# it to 32 × 32: row $i$ is its row $\lfloor ih/32 \rfloor$, and columns alike. The ink in each block
# of 4 × 4 pixels is one number of the scan, $(8, 8)$, 0 to 16.
#
# `train(images, labels, seed)` trains a network on `images` $(N, 24, 24, 1)$, bytes, with
# `labels` $(N,)$, and returns it. The returned network takes sheets of *any* size $(B, H, W, 1)$,
# bytes as well, and gives logits $(B, 10)$, not probabilities. Set Keras' random numbers with `seed`
# first: the same seed gives the same network, another seed another one. The hidden tests train once
# more, with other labels.
#
# - A network that reads every pixel at its place must see each digit at hundreds of places. You
#   have about a thousand sheets. What did the lesson say about moved pictures?
# - Your network may be new, from question 5 or from `aimodels.cnn`. Batch normalisation is allowed
#   here, and helps. Make sure that the scaling of the pixels is part of what you return.
# - Choose epochs, filters and learning rate on the validation sheets. About ten seconds of
#   training are enough; a grader stops any cell after sixty.
#
# **The bar.** The accuracy on $N$ sheets is the share of right answers,
#
# $$ \frac1N \sum_{i=1}^{N} \bigl[\, \arg\max_k z_{ik} = t_i \,\bigr], $$
#
# where a bracket counts 1 if it is true and 0 if not, and $t_i$ are the labels. It is 80 %, three
# times: on the validation sheets (the visible test), and for the network trained once more on digits
# kept aside, and on these digits on sheets of 36 × 36 pixels (the hidden tests). Kept aside is the
# last quarter of the data set. Leave it alone: who trains on it has measured nothing.


# %% {answer q6}
def scan(photo):
    """The scan (8, 8), 0 to 16, of one dark digit on a photo (H, W) of light paper, bytes."""
    ### BEGIN SOLUTION
    ink = photo < (float(photo.min()) + photo.max()) / 2
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    rows, columns = (np.arange(32) * size // 32 for size in ink.shape)
    return ink[rows][:, columns].reshape(8, 4, 8, 4).sum(axis=(1, 3))
    ### END SOLUTION


def train(images, labels, seed):
    """A trained network: sheets (B, H, W, 1) of bytes, any H and W -> logits (B, 10)."""
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    shape = (None, None, 1)
    network = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Rescaling(1 / 255),
            cnn.CNN(shape, num_classes=10, filters=(24, 48, 48)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(5e-3), loss)
    network.fit(images, labels, epochs=5, batch_size=16, verbose=0)
    return network
    ### END SOLUTION


# %% {test q6_visible 6}
with check.question("q6_visible", points=6):
    photo = np.full((50, 60), 200, np.uint8)
    photo[10:42, 20:36], photo[10:14, 24:36] = 30, 190  # a block of ink; a corner of it is paper
    check.equal(
        "the scan of an L on grey paper",
        scan(photo),
        [[16, 16] + 6 * [0]] + 7 * [8 * [16]],
        hint="ink is darker than 115 here; cut it out, 32 rows and 16 columns; column j of the 32 is "
        "its column j // 2; then count in blocks of 4 x 4",
    )
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
        at_least=0.8,
        hint="is the training accuracy high? If not: scaling, loss and logits, learning rate, "
        "epochs. If only the validation is low: does a layer still depend on places?",
    )

# %% {test q6_hidden 14}
print("Hidden tests: photos; trained once more; digits kept aside; larger sheets; seeds.")
### BEGIN HIDDEN TESTS
with check.question("q6_hidden", points=14):

    def photograph(which):
        places = (30, 5, 7, 7), (0, 0, 3, 2), (4, 90, 13, 5)
        up, left, tall, wide = places[which]
        paper, pen = ((230, 40), (110, 20), (240, 170))[which]
        drawn = data.arrays("digits", "train[75%:]")[0][which, :, :, 0] > 7
        page = np.pad(np.kron(drawn, np.ones((tall, wide))), [(up, 9), (left, 17)])
        light = np.random.default_rng(which).integers(-15, 16, page.shape)
        return (np.where(page, pen, paper) + light).astype(np.uint8)

    def counted(photo):
        dark = photo < (int(photo.min()) + int(photo.max())) / 2
        (top, bottom), (left, right) = (np.flatnonzero(dark.any(n))[[0, -1]] for n in (1, 0))
        rows, columns = np.arange(32) * np.array([[bottom + 1 - top], [right + 1 - left]]) // 32
        return np.einsum("iajb->ij", 1 * dark[top + rows][:, left + columns].reshape(8, 4, 8, 4))

    found = [scan(check.given(photograph(0))), scan(check.given(photograph(1)))]
    found.append(scan(check.given(photograph(2))))
    hint = "any paper, any pen, any size; bytes overflow when they are added: 200 + 200 is 144"
    check.equal("scans of photos", found, [counted(photograph(k)) for k in range(3)], hint=hint)
    turn = np.random.default_rng(64).permutation(10)
    other = train(sheets, turn[digits], seed=2)
    aside = check.given(scatter(*data.arrays("digits", "train[75%:]"), seed=62)[0])
    large = check.given(scatter(*data.arrays("digits", "train[75%:]"), seed=63, size=36)[0])
    told = turn[data.arrays("digits", "train[75%:]")[1]]
    hint = "train on what is given, with any seed; scale the pixels inside; long enough"
    found = np.argmax(other(aside), axis=-1)
    check.accuracy("digits kept aside", found, told, at_least=0.8, hint=hint)
    hint = "nothing tied to a place, nor to the share of empty paper"
    found = np.argmax(other(large), axis=-1)
    check.accuracy("the same on larger sheets", found, told, at_least=0.8, hint=hint)
    short = [np.asarray(train(sheets[:64], digits[:64], seed=n)(sheets[:8])) for n in (5, 5, 6)]
    found = [np.unique(np.round([short[0][0, 0], again[0, 0]], 3)).size for again in short[1:]]
    check.equal(
        "networks: of one seed, of two seeds", found, [1, 2], hint="use the seed, first of all"
    )
### END HIDDEN TESTS

# %% [markdown]
# **Now yours.** Write a digit with a thick pen, take a photo, cut it to the digit and some paper,
# and save it as `my_digit.png` beside this notebook. (Without one, the next cell reads a digit of
# the data set.) Try ten of your own. Which ones does it misread, and what do those scans look like?

# %% {locked own_digit}
own = scans_validation[0][7, :, :, 0]
if Path("my_digit.png").is_file():
    picture = plt.imread("my_digit.png")
    own = scan((255 * picture.reshape(*picture.shape[:2], -1)[..., :3].mean(-1)).astype(np.uint8))
sheet = np.zeros((1, 24, 24, 1), np.uint8)
sheet[0, 8:16, 8:16, 0] = own * (255 / 16)
plots.image_grid(sheet, titles=["a digit to read"])
plt.show()

# %% [markdown]
# To see its answer, add a cell with `np.argmax(trained(sheet))`.
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
# - <a id="alpaydin1998"></a>Ethem Alpaydin, Cenk Kaynak. *Optical Recognition of Handwritten
#   Digits*. UCI Machine Learning Repository, 1998.
# - <a id="dumoulin2016"></a>Vincent Dumoulin, Francesco Visin. *A guide to convolution arithmetic
#   for deep learning*. arXiv:1603.07285, 2016.
# - <a id="sandler2018"></a>Mark Sandler, Andrew Howard, Menglong Zhu, Andrey Zhmoginov,
#   Liang-Chieh Chen. *MobileNetV2: Inverted Residuals and Linear Bottlenecks*. CVPR, 4510–4520,
#   2018.
