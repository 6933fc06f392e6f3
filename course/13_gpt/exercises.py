# ---
# jupyter:
#   aimodels:
#     title: "Exercises: GPT"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: GPT
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import numpy as np
import tensorflow as tf

from aimodels import gpt
from aimodels.course import claim
from aimodels.text import BytePairTokenizer

# %% [markdown]
# ## Exercise 1: by hand
#
# The logarithms are $-\ln 2$, $-2 \ln 2$ and $-3 \ln 2$, their mean is $-2 \ln 2$. So the loss is
# $2 \ln 2$ and the perplexity $2^2 = 4$. With one probability of 0 the loss is infinite, whatever
# the others are. That is why every counting model must leave something for what it never saw.

# %%
loss = -np.log([1 / 2, 1 / 4, 1 / 8]).mean()
print(f"loss {loss:.4f}, perplexity {np.exp(loss):.4f}")
assert np.isclose(np.exp(loss), 4)
with np.errstate(divide="ignore"):
    print("with a zero:", np.exp(-np.log([1 / 2, 0, 1 / 8]).mean()))

# %% [markdown]
# ## Exercise 2: more merges
#
# There are five words with *low*, four of them with a space in front. *lo* and *ow* occur five
# times each; the first in the alphabet is joined. Then *low*, then the space before it.

# %%
tokenizer = BytePairTokenizer.train(["low lower lowest low low"], num_merges=4)
print(tokenizer.merges)
print(tokenizer.tokenize("slow"))
assert tokenizer.tokenize("slow") == ["s", "low"]

# %% [markdown]
# *low* is found inside *slow*, which was never seen.
#
# ## Exercise 3: no positions
#
# Rows of 16 random tokens from 20 kinds. The goal at each place is the token two places back; at
# the first two places it is the token itself.


# %%
def two_back(positions):
    """Share of the goals that are right, on the last 100 steps of training."""
    keras.utils.set_random_seed(1)
    model = gpt.GPT(20, 64, num_heads=2, num_layers=1, max_sequence_length=16)
    if not positions:
        layer = model.get_layer("positions")
        layer.table.assign(0 * layer.table)
        layer.trainable = False
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"], jit_compile=False)
    rows = np.random.default_rng(0).integers(20, size=(400 * 32, 16))
    goals = np.concatenate([rows[:, :2], rows[:, :-2]], axis=1)
    batches = tf.data.Dataset.from_tensor_slices((rows, goals)).batch(32)
    curves = model.fit(batches.repeat(), steps_per_epoch=100, epochs=4, verbose=0).history
    return curves["accuracy"][-1]


# %%
with_positions, without = two_back(True), two_back(False)
claim("with positions", with_positions, at_least=0.9)
claim("without positions", without, at_most=0.5)

# %% [markdown]
# Without positions, attention cannot tell which of the earlier tokens is two places back: to it
# they are a heap. Only the mask says how many there are; where few are visible, that may help
# to guess.
#
# ## Exercise 4: temperature and top-p

# %%
for temperature in (1, 0.5, 2):
    p = np.exp(np.array([2, 1, 0]) / temperature)
    p /= p.sum()
    left = np.sum(np.cumsum(p) - p < 0.9)
    print(f"temperature {temperature}: {p.round(3)}, left by top-p of 0.9: {left}")

# %% [markdown]
# A token stays if those before it do not yet reach 0.9 together. At a low temperature fewer do.
#
# ## Exercise 5: count it


# %%
def saved(m, D):
    """Multiplications without a cache, over those with one."""
    t = np.arange(1, m + 1)
    return (12 * D**2 * t + 2 * t**2 * D).sum() / (12 * D**2 + 2 * t * D).sum()


print(f"60 tokens: {saved(60, 96):.0f} times fewer, GPT-2 with 1,024: {saved(1024, 768):.0f}")
for D in (96, 768):
    t = np.arange(1, 10000)
    print(f"D = {D}: looking back costs more from {t[2 * t * D > 12 * D**2][0]:,} places on")

# %% [markdown]
# The number of blocks cancels. Without a cache the work per new token grows with the number of
# tokens before it, so the longer the text, the more is saved: about half its length. Looking back
# costs $2tD$, the matrices $12D^2$: more from $t = 6D$ on.
#
# ## Exercise 6: the memory of a service

# %%
D, L, T = 1600, 48, 1024
weights = 2 * (50257 * D + T * D + L * (12 * D**2 + 13 * D) + 2 * D)
cache = 2 * (2 * L * T * D)
print(f"weights {weights / 2**30:.1f} GiB, cache {cache / 2**20:.0f} MiB per text")
print("texts beside the weights in 16 GiB:", (16 * 2**30 - weights) // cache)

# %% [markdown]
# So memory, and not arithmetic, often says how many users one machine can serve at a time. (What
# else a machine needs memory for is not counted here.)
