# ---
# jupyter:
#   aimodels:
#     title: "Exercises: Residual networks and Inception"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: Residual networks and Inception
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from aimodels import batch_norm, inception
from aimodels.course import claim, measured

# %% [markdown]
# ## Exercise 1: by hand
#
# $W_1 x = (-2, 1)$, and ReLU makes $(0, 1)$ of it. Then $F(x) = W_2 (0, 1) = (0, -2)$, and
# $x + F(x) = (2, -1)$. ReLU: $y = (2, 0)$. The second output is 0, because $F$ takes away more than
# $x$ has. With a second weight of $W_2$ above $-1$, or of $W_1$ below 0.5, it would not be.

# %%
x = np.array([2.0, 1.0])
for first, second in ((1, -2), (1, -0.5), (0.4, -2)):
    F = np.diag([3, second]) @ np.maximum(np.diag([-1, first]) @ x, 0)
    y = np.maximum(x + F, 0)
    print(f"second weights {first} and {second}: F(x) = {F}, y = {y}")
    assert (y[1] == 0) == ((first, second) == (1, -2))

# %% [markdown]
# ## Exercise 2: the first idea
#
# The mean of $dy - \overline{dy} - \hat x\, \overline{dy\,\hat x}$ is 0, because the mean of
# $\hat x$ is 0. Its product with $\hat x$ has the mean $\overline{dy\,\hat x} - \overline{\hat
# x^2}\; \overline{dy\,\hat x}$. That is 0 because the mean of $\hat x^2$ is 1 (but for $\epsilon$).
# In words: shifting or stretching the whole channel does not change the loss.

# %%
rng = np.random.default_rng(0)
x, dy, gamma = rng.normal(2, 3, size=(50, 4)), rng.normal(size=(50, 4)), np.ones(4)
hat = (x - x.mean(axis=0)) / x.std(axis=0)
dx, _, _ = batch_norm.batch_norm_gradients(x, gamma, dy, epsilon=1e-9)
claim("sum of dx", np.abs(dx.sum(axis=0)).max(), at_most=1e-9)
claim("sum of dx times normalised x", np.abs((dx * hat).sum(axis=0)).max(), at_most=1e-6)

# %%
first_idea = dy / x.std(axis=0)
claim("first idea: sum", np.abs(first_idea.sum(axis=0)).max(), at_least=0.1)
claim(
    "first idea: sum times normalised x", np.abs((first_idea * hat).sum(axis=0)).max(), at_least=0.1
)

# %% [markdown]
# ## Exercise 3: a ReLU too many
#
# With it, $F(x)$ is never negative, so each block can only add. We stack 27 blocks of one shape and
# look at the mean of the last map, at the start, with the batch's own statistics.


# %%
def norm_conv(x):
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization()(x)


def stack(extra_relu, blocks=27):
    x = inputs = keras.Input((8, 8, 8))
    for _ in range(blocks):
        y = norm_conv(layers.ReLU()(norm_conv(x)))
        y = layers.ReLU()(y) if extra_relu else y
        x = layers.ReLU()(x + y)
    return keras.Model(inputs, x)


# %%
maps = np.abs(rng.normal(size=(64, 8, 8, 8))).astype("float32")
means = {}
for extra_relu in (False, True):
    keras.utils.set_random_seed(1)
    means[extra_relu] = float(np.mean(stack(extra_relu)(maps, training=True)))
print("ours", measured(means[False]))
claim("with one ReLU more", means[True], at_least=measured(2 * means[False]))

# %% [markdown]
# ## Exercise 4: count
#
# Multiplications of a convolution: places × kernel × channels in × channels out. The depthwise
# kernel has no "channels in": each channel sees itself only.

# %%
places = 32 * 32
counts = {
    "3 × 3": places * 9 * 64 * 64,
    "bottleneck": places * (64 * 16 + 9 * 16 * 16 + 16 * 64),
    "depthwise and 1 × 1": places * (9 * 64 + 64 * 64),
}
for name, count in counts.items():
    print(f"{name:<20} {count:>11,}  {count / counts['3 × 3']:.2f}")

# %% [markdown]
# ## Exercise 5: two small for one large
#
# The middle of the output depends on 5 × 5 pixels in both cases. Weights: $2 \cdot 9 \cdot 64^2$
# against $25 \cdot 64^2$, so 28 % fewer, and a ReLU more in between.


# %%
def pixels_seen(chain):
    x = tf.random.stateless_normal((1, 11, 11, 64), seed=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        middle = tf.reduce_sum(chain(x)[:, 5, 5])
    used = np.any(tape.gradient(middle, x).numpy() != 0, axis=(0, 3))
    return np.ptp(np.nonzero(used), axis=1) + 1


for name, sizes in {"two of 3 × 3": (3, 3), "one of 5 × 5": (5,)}.items():
    chain = keras.Sequential(
        [layers.Conv2D(64, size, padding="same", use_bias=False) for size in sizes]
    )
    print(f"{name}: sees {pixels_seen(chain)}, {chain.count_params():,} weights")
    assert list(pixels_seen(chain)) == [5, 5]

# %% [markdown]
# ## Exercise 6: silence
#
# Set each kernel to 0, one after the other, and see which channels of the output change. Kernels
# that change the same channels are of one branch.

# %%
inputs = keras.Input((9, 9, 6))
block = keras.Model(inputs, inception.inception_block(inputs, 4, (3, 5), (2, 6), 7))
x = rng.normal(size=(2, 9, 9, 6)).astype("float32")
before, branches = block(x).numpy(), {}
for layer in block.layers:
    if isinstance(layer, layers.Conv2D):
        kernel = layer.kernel.numpy()
        layer.kernel.assign(np.zeros_like(kernel))
        changed = np.flatnonzero(np.abs(block(x) - before).max(axis=(0, 1, 2)))
        layer.kernel.assign(kernel)
        branches.setdefault((changed.min(), changed.max()), []).append(kernel.shape[:2])

# %%
for (first, last), kernels in sorted(branches.items()):
    print(f"channels {first} to {last}: kernels", *kernels)
