# ---
# jupyter:
#   aimodels:
#     title: "Exercises: From a laptop to many machines"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: From a laptop to many machines
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import math

import keras
import numpy as np
import tensorflow as tf

from aimodels.course import claim, measured
from aimodels.train import profiling

# %% [markdown]
# ## Exercise 1: by hand
#
# Weights: $784 \cdot 512 + 512 \cdot 10$, and $512 + 10$ biases. The first layer hands nothing
# down, so it costs two products, the second one three, each of 2 FLOPs per example and weight.

# %%
first, second, batch = 784 * 512, 512 * 10, 128
by_hand = 2 * batch * (2 * first + 3 * second)
inputs = keras.Input((784,))
hidden = keras.layers.Dense(512, activation="relu")(inputs)
mlp = keras.Model(inputs, keras.layers.Dense(10)(hidden))
by_program = profiling.cost(mlp, batch, training=True).flops
print(f"FLOPs of a step: by hand {by_hand:,}, by program {by_program:,}")
claim("ratio of the program's count to ours", by_program / by_hand, at_least=1, at_most=1.02)
claim("a step in forward passes", by_hand / (2 * batch * (first + second)), at_most=2.05)

# %%
mlp.compile("adam", "mse")
P, A = first + second + 512 + 10, 784 + 512 + 10
by_hand = {"weights": 4 * P, "gradients": 4 * P, "optimizer": 8 * P, "activations": 4 * A * batch}
budget = profiling.memory_budget(mlp, batch)
for name, held in by_hand.items():
    print(f"{name:<12}{held:>10,} bytes by hand, {budget[name]:>10,} by program")
    assert abs(held - budget[name]) <= 12  # Adam's counter and rate

# %% [markdown]
# Nearly all weights are in the first layer, which needs two products and not three.
#
# ## Exercise 2: the ridge
#
# The layer moves $4(k^2 + 2Bk)$ bytes for $2Bk^2$ FLOPs. It is limited by arithmetic where
# $I = 2Bk^2 / (4(k^2 + 2Bk)) \ge \pi / \beta$. Solve for $B$, with bytes per number $s$ in place of
# 4: $B \ge s k \rho / (2k - 2 s \rho)$, where $\rho = \pi / \beta$.

# %%
peak, bandwidth = np.max([profiling.machine() for _ in range(3)], axis=0)  # others may disturb
ridge, k = peak / bandwidth, 2048


def least_batch(ridge, size):
    return size * k * ridge / (2 * k - 2 * size * ridge)


def intensity(batch, size):
    return 2 * batch * k**2 / (size * (k**2 + 2 * batch * k))


for size in (4, 2):
    least = least_batch(ridge, size)
    print(f"{size} bytes per number: from a batch of {measured(math.ceil(least)):.0f} on")
    assert math.isclose(intensity(least, size), ridge)
claim("ratio of the batch with 4 bytes to that with 2",
      least_batch(ridge, 4) / least_batch(ridge, 2), at_least=2)  # fmt: skip

# %% [markdown]
# Half the bytes are twice the intensity, so a little less than half the batch suffices.
#
# ## Exercise 3: a broken ring
#
# In turn $t$ every device sends chunk $t$, whatever it has in it. To watch it, all begin with ones.


# %%
def broken_ring(n):
    chunks = np.ones((n, n), int)
    for turn in range(2 * (n - 1)):
        place = turn % n
        messages = chunks[:, place].copy()
        for r in range(n):
            own = chunks[(r + 1) % n]
            own[place] = own[place] + messages[r] if turn < n - 1 else messages[r]
    return chunks


# %%
print(broken_ring(4))
assert (broken_ring(4) == [2, 2, 2, 1]).all()

# %% [markdown]
# None is 4. Each of the first three chunks moves once: everyone adds the neighbour's, which makes
# 2. The last one is never added to, because the adding rounds are over. In the right ring a chunk
# *travels*: the next round sends on what has just been added.
#
# ## Exercise 4: unequal machines
#
# Both should end at the same time, so the fast one takes 60 and the slow one 30. The weights are
# $B_r / B$: 2/3 and 1/3. We check it with the loss $(wx)^2$ at $w = 1$.

# %%
x = np.random.default_rng(0).normal(size=90)
fast, slow = x[:60], x[60:]
whole = np.mean(2 * x**2)
weighted = 2 / 3 * np.mean(2 * fast**2) + 1 / 3 * np.mean(2 * slow**2)
plain = (np.mean(2 * fast**2) + np.mean(2 * slow**2)) / 2
claim("weighted, off by", abs(weighted - whole), at_most=1e-12)
claim("plain mean, off by", abs(plain - whole), at_least=1e-3)

# %% [markdown]
# ## Exercise 5: ZeRO for you
#
# Per device $2P$ of weights, $2P$ of gradients and $12P$ of the optimizer, each divided by $n$ or
# not. Stage 1 needs at least $4P$ on each, 28 GB, however many there are.


# %%
def per_device(P, n, stage):
    divided = [stage >= 3, stage >= 2, stage >= 1]
    return sum(P * size / (n if d else 1) for size, d in zip((2, 2, 12), divided, strict=True))


for stage in (0, 1, 2, 3):
    fits = next((n for n in range(1, 1000) if per_device(7e9, n, stage) <= 24e9), None)
    print(f"stage {stage}:", "never" if fits is None else f"from {fits} cards on")
print(f"stage 1, least: {per_device(7e9, 10**9, 1) / 1e9:.0f} GB")
assert per_device(7e9, 10**9, 1) > 24e9

# %% [markdown]
# ## Exercise 6: columns and rows, with biases
#
# The first bias belongs to the hidden numbers, so it is cut like the columns. The second is added
# to the *sum*: once. If both devices add it, it comes twice.

# %%
rng = np.random.default_rng(1)
X, U, W = (rng.normal(size=shape) for shape in ((8, 32), (32, 128), (128, 32)))
b, c = rng.normal(size=128), rng.normal(size=32)


def gelu(x):
    return tf.nn.gelu(tf.constant(x), approximate=True).numpy()


Z = gelu(X @ U + b) @ W + c
halves = [
    gelu(X @ U[:, s] + b[s]) @ W[s] for s in (slice(0, 64), slice(64, 128))
]  # what each device computes
claim("one adds the second bias: off by", np.abs(sum(halves) + c - Z).max(), at_most=1e-10)
twice = sum(half + c for half in halves)
claim("both add it: one bias too much, up to", np.abs(twice - Z - c).max(), at_most=1e-10)

# %% [markdown]
# ## Exercise 7: the bubble
#
# $(p - 1)/(m + p - 1) \le 0.1$ means $m \ge 9(p - 1)$.

# %%
m = next(m for m in range(1, 1000) if 15 / (m + 15) <= 0.1)
print(m, "pieces")
assert m == 9 * 15
