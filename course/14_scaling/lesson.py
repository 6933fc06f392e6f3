# ---
# jupyter:
#   aimodels:
#     title: From a laptop to many machines
#     goals:
#       - count what one training step costs in operations, bytes and memory
#       - tell from a roofline whether arithmetic or memory holds a computation back
#       - divide a batch among devices and machines without changing the result, and prove it
#       - resume a run whose worker was killed
#       - decide by measurement when XLA and 16-bit numbers pay, and train in smaller pieces
#       - divide one layer between two devices
#     prerequisites: [01_foundations, 06_cnn]
#     minutes: 90
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
# - divide a batch among devices and machines without changing the result, and prove it;
# - resume a run whose worker was killed;
# - decide by measurement when XLA and 16-bit numbers pay, and train in smaller pieces;
# - divide one layer between two devices.
#
# **Before this:** 01_foundations, 06_cnn. **About 90 minutes.**
# **Repairs:** no program, but two claims: article 004 §6.3 calls data parallel and model parallel
# "data processing methods" (they are ways to spread training over devices), and article 000 §5.2
# hopes for faster hardware without saying faster at what.

# %%
import aimodels

aimodels.start(seed=1)

# %% [markdown]
# You need no cluster for this chapter. TensorFlow can pretend that one processor is four
# **devices**. Nothing gets faster, but copying, dividing and adding up follow the same rules as on
# four GPUs. (A real GPU, if there is one, we hide: from this notebook, and from the processes that
# it will start.) The list of devices is fixed at the first computation, so this cell comes before
# any computation.

# %%
import os

import tensorflow as tf

from aimodels import train

tf.config.set_visible_devices([], "GPU")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
devices = train.logical_devices(4)
print(devices)

# %%
import math
import time

import keras
import matplotlib.pyplot as plt
import numpy as np

from aimodels import cnn, data, plots
from aimodels.course import claim, measured, recorded
from aimodels.train import Model, profiling

tf.get_logger().setLevel("ERROR")  # it would warn of the many models that we make

# %% [markdown]
# ## What one training step costs
#
# Before we make a step faster, we count it. Take the CNN of chapter 06 and ask three questions of
# each layer. How many **parameters** has it? How many **FLOPs**, floating point operations, does
# it need for one picture? How many **activations**, output values that the backward pass will want
# back, does it produce? Guess first: is it the same layer that leads all three lists?
#
# A convolution uses each weight once at each of its places, a dense layer once. Each use is a
# multiplication and an addition:
#
# $$ \text{FLOPs} = 2 \cdot \text{places} \cdot \text{weights}. $$

# %%
model = cnn.CNN((12, 12, 1), num_classes=10, filters=(32, 64, 64))
layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
weights = [math.prod(layer.kernel.shape) for layer in layers]
places = [math.prod(layer.output.shape[1:-1]) for layer in layers]
flops = [2 * p * w for p, w in zip(places, weights, strict=True)]
outputs = [math.prod(layer.output.shape[1:]) for layer in layers]

print("layer    weights       FLOPs  outputs")
for layer, *counts in zip(layers, weights, flops, outputs, strict=True):
    print(f"{layer.name:<7}", *(f"{count:>9,}" for count in counts))

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), sharey=True, layout="constrained")
names = [layer.name for layer in layers]
titles = ["weights", "FLOPs a picture", "output values"]
for ax, title, counts in zip(axes, titles, [weights, flops, outputs], strict=True):
    leads = np.argmax(counts)
    ax.barh(names, counts, color=["tab:red" if i == leads else "tab:blue" for i in range(4)])
    ax.set(title=title, xticks=[0, max(counts)], xticklabels=["0", f"{max(counts):,}"])
axes[0].invert_yaxis()
plt.show()

# %%
leaders = [names[np.argmax(counts)] for counts in (weights, flops, outputs)]
print(leaders)
assert leaders == ["conv3", "conv2", "conv1"]

# %% [markdown]
# Three questions, three different leaders. Early layers have many places, late layers many weights.
# So "how large is the model" has no single answer.
#
# The backward pass computes two products for each one of the forward pass: the gradient with
# respect to the weights, and the gradient with respect to the layer's input, to hand down. (The
# first layer needs no second one: nobody wants the gradient of a picture.) Hence the rule of thumb
# [Kaplan et al. 2020](#kaplan2020): training costs **three** times a forward pass. TensorFlow's
# profiler, which `profiling.cost` asks, counts the small operations, too. Are we close?

# %%
forward = profiling.cost(model, batch_size=32)
both = profiling.cost(model, batch_size=32, training=True)
small = forward.flops / (32 * sum(flops)) - 1
print("the small operations add less than 2 %:", 0 <= small < 0.02)
print("forward and backward, in forward passes:", round(both.flops / forward.flops, 1))
assert 0 <= small < 0.02
assert 2.8 < both.flops / forward.flops < 3.2

# %% [markdown]
# ### Memory
#
# A device must hold four things at once, each number in four bytes:
#
# - the **weights**, $P$ of them;
# - their **gradients**, $P$ again;
# - the **optimizer's** memory: Adam keeps two moving means [Kingma & Ba 2015](#kingma2015), $2P$;
# - the **activations**, $A$ for each of $B$ examples: the outputs of *all* operations, also of
#   normalisation, ReLU and pooling, which the table left out.
#
# Together $4\,(4P + A B)$ bytes; further down we measure how near that is to the truth. Article 004
# recommends Adam for large models without a word about its price: half of all that does not depend
# on the batch.

# %%
model.compile("adam", "mse")
model.optimizer.build(model.trainable_variables)
trainable = sum(math.prod(v.shape) for v in model.trainable_variables)
slots = sum(math.prod(v.shape) for v in model.optimizer.variables if len(v.shape))
print(f"{trainable:,} trainable parameters, {slots:,} numbers kept by Adam")
assert slots == 2 * trainable

# %%
parts = ["weights", "gradients", "optimizer", "activations"]
batches = [1, 8, 32, 128, 512]
budgets = [profiling.memory_budget(model, batch) for batch in batches]
rows = np.array([[budget[part] for part in parts] for budget in budgets]) / 2**20
fixed, an_example = rows[0, :3].sum(), rows[0, 3]
print(f"fixed {fixed:.2f} MiB, each example {an_example:.3f} MiB")

# %%
shares = rows / rows.sum(axis=1, keepdims=True)
plt.figure(figsize=(7, 3))
for i, part in enumerate(parts):
    plt.bar(range(5), shares[:, i], bottom=shares[:, :i].sum(axis=1), label=part, width=0.6)
plt.xticks(range(5), batches), plt.xlim(-0.5, 6), plt.legend(fontsize=8)
plt.xlabel("batch"), plt.ylabel("share of the memory")
plt.title("Soon the activations are nearly everything")
plt.show()

# %%
equal = math.ceil(fixed / an_example)
print("from batch", equal, "on, the activations need more than all the rest")
assert rows[2, 3] > rows[2, :3].sum() > rows[1, 3]

# %% [markdown]
# That is a CNN: few weights, many places. A large language model is the other extreme. GPT-3 has
# 175 billion parameters [Brown et al. 2020](#brown2020). How many cards with 80 GB would you need
# only for weights, gradients and Adam, before the first activation?

# %%
gigabytes = 4 * 4 * 175e9 / 1e9
print(f"{gigabytes:,.0f} GB: {math.ceil(gigabytes / 80)} cards")

# %% [markdown]
# So there are two reasons for many devices: one is too *slow*, or one is too *small*. Data parallel
# training cures the first, model parallel training the second.
#
# ## The roofline: faster at what?
#
# A processor can be busy in two ways: it computes, or it waits for numbers from memory. With a peak
# of $\pi$ FLOP/s and a memory that delivers $\beta$ bytes/s, a computation with $I$ FLOPs for each
# byte that it moves, its **arithmetic intensity**, reaches at most
#
# $$ \min(\pi,\; \beta I) \quad\text{FLOP/s}. $$
#
# A dense layer of $n \times n$ weights on a batch of $B$ needs $2Bn^2$ FLOPs, reads $n^2$ weights
# and $Bn$ inputs and writes $Bn$ outputs. Before you look: what happens to $I$ as the batch grows?


# %%
def dense_cost(batch, n):
    return profiling.Cost(flops=2 * batch * n**2, bytes=4 * (n**2 + 2 * batch * n))


for batch in (1, 8, 64, 512, 4096):
    print(f"batch {batch:>4}: {dense_cost(batch, n=2048).intensity:>6.1f} FLOPs a byte")

# %% [markdown]
# With one example, each weight is fetched for a single multiplication and addition: half a FLOP a
# byte. A larger batch uses it again and again. (In the end the inputs and outputs themselves
# dominate, and $I$ approaches $n/4$.)
#
# Now this machine. Its peak is a large matrix product, its bandwidth the sum of a long vector. The
# figures are yours, so no number stands in the text. Real speeds of the dense layer come along.


# %%
def best_seconds(function, times=5):
    """The best of several: a machine can only be slower than it is able to be."""
    function()
    clock = [time.perf_counter()]
    for _ in range(times):
        function()
        clock.append(time.perf_counter())
    return np.diff(clock).min()


# %% tags=["nbval-ignore-output"]
peak, bandwidth = profiling.machine()
table = tf.random.normal((2048, 2048))
costs = {f"batch {batch}": dense_cost(batch, 2048) for batch in (1, 8, 64, 512)}
speed = {}
for name, cost in costs.items():
    x = tf.random.normal((int(name.split()[1]), 2048))
    speed[name] = cost.flops / best_seconds(lambda x=x: tf.matmul(x, table))

peak = max(peak, *speed.values())
print(f"peak {peak / 1e9:.0f} GFLOP/s, bandwidth {bandwidth / 1e9:.1f} GB/s")
for name, cost in costs.items():
    of_roof = speed[name] / min(peak, bandwidth * cost.intensity)
    print(f"{name:<9} {speed[name] / 1e9:6.1f} GFLOP/s, {of_roof:.2f} of the roof")

# %%
print(
    "batch 512 runs at 3 or more times the FLOP/s of batch 1:",
    speed["batch 512"] > 3 * speed["batch 1"],
)
assert speed["batch 512"] > 3 * speed["batch 1"]
assert peak > 1e9
assert bandwidth > 1e8

# %% [markdown]
# Two neighbours on the picture have no reuse at all. ReLU reads and writes a number for one
# operation. Adam's update reads weight, gradient and two moments, writes three of them back, and
# computes about a dozen operations in between.

# %%
others = {"ReLU": profiling.Cost(1, 8), "Adam": profiling.Cost(12, 4 * 7)}
ax = plots.roofline(costs | others, peak, bandwidth)
x = [cost.intensity for cost in costs.values()]
ax.plot(x, list(speed.values()), "k^", label="the dense layer, measured")
ax.set(
    title="Under the slope memory decides, under the flat roof arithmetic", ylim=(None, 4 * peak)
)
ax.legend()
plt.show()

# %%
ridge = peak / bandwidth
bound = {
    name: "memory" if cost.intensity < ridge else "compute"
    for name, cost in (costs | others).items()
}
print({name: bound[name] for name in ("ReLU", "Adam", "batch 1")})
assert {bound["ReLU"], bound["Adam"], bound["batch 1"]} == {"memory"}

# %% [markdown]
# Read your picture, and the last column of the table above it: it says of each triangle how high it
# lies, as a share of the roof at its intensity. A share above 1 means that the bandwidth, which is
# that of one simple loop, was not the true limit: for instance because the 16 MiB of weights stayed
# in the processor's cache. A share below 1 is room that the program did not use. A roofline is a
# model of a machine, and your triangles tell how good a model.
#
# Article 000 §5.2 hopes for "more powerful" chips. By this model, a chip with twice the peak gains
# nothing on the red points; only more bandwidth, or more reuse, helps. (The article also hopes for
# quantum computers. No large model has been trained on one, so there is nothing that a course could
# measure. Small devices have chapter 15.)

# %% [markdown]
# ## Data parallel: the gradient of a batch is a mean of gradients
#
# Give every device a copy of the model, a **replica**, and a part of the batch. Replica $r$ has
# $n_r$ of $N$ examples. The loss is a mean over examples, and so is its gradient:
#
# $$ \nabla L = \frac1N\sum_{i=1}^N \nabla\ell_i = \sum_r \frac{n_r}{N}\,\nabla L_r. $$
#
# We do it by hand: eleven examples, four devices, each computing on its own.

# %%
(images, labels), (unseen, truth) = data.arrays("digits", ["train[:205]", "train[75%:]"])
X, X_unseen = (a.reshape(len(a), -1) / np.float32(16) for a in (images, unseen))
y = labels
rng = np.random.default_rng(0)
W = tf.constant(rng.normal(size=(64, 10)) / 8, tf.float32)


def gradient(rows, device=devices[0]):
    with tf.device(device):
        with tf.GradientTape() as tape:
            tape.watch(W)
            logits = X[rows] @ W
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(y[rows], logits)
            mean = tf.reduce_mean(each)
        return tape.gradient(mean, W)


# %%
parts = np.array_split(np.arange(11), 4)
gradients = [gradient(rows, device) for rows, device in zip(parts, devices, strict=True)]
sizes = [len(rows) for rows in parts]
for rows, found in zip(parts, gradients, strict=True):
    print(len(rows), "examples on", found.device[-5:])

# %% [markdown]
# The parts are not equally large. Does it matter whether we weight them by their size, or simply
# take the mean of the four gradients?

# %%
whole = gradient(np.arange(11))
weighted = sum(n / 11 * g for n, g in zip(sizes, gradients, strict=True))
plain = sum(gradients) / 4
for name, mean in {"weighted mean": weighted, "plain mean": plain}.items():
    print(f"{name}: the batch's gradient within 1e-6: {np.abs(mean - whole).max() < 1e-6}")
assert np.abs(weighted - whole).max() < 1e-6
assert np.abs(plain - whole).max() > 1e-4

# %% [markdown]
# The plain mean is wrong, and not by rounding. It is what a `keras.Model` does under
# `tf.distribute`. With equal parts nobody notices. But the *last* batch of an epoch is rarely full.
#
# `aimodels.train.Model` is a `keras.Model` that weights each replica by its part. Here are 205
# digits in batches of 40: five full ones and a last one of 5. `train.batches` divides each
# batch, and the model is built in the strategy's `scope()`. We keep the weights after each epoch.

# %%
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


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
        model.compile("adam", loss, **compile)
        keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: path.append(flat(model)))
        batches = train.batches((X, y), batch_size=40)
        model.fit(batches, epochs=3, shuffle=False, verbose=0, callbacks=[keep])
    return model, np.array(path)


# %%
two, four = (train.strategy("devices", devices=n) for n in (2, 4))
_, alone = fit_digits(keras.Model)
_, on_two = fit_digits(on=two)
_, on_four = fit_digits(on=four)
_, keras_on_two = fit_digits(keras.Model, on=two)
print(
    "epochs and weights:", alone.shape, "replicas:", [s.num_replicas_in_sync for s in (two, four)]
)


# %%
def apart(path):
    """The largest difference of a weight from training on one device, after each epoch."""
    return np.abs(path - alone).max(axis=1)


epochs = np.arange(1, 4)
plt.figure(figsize=(7, 3))
plt.semilogy(epochs, apart(keras_on_two), "o-", color="tab:red", label="keras.Model on two devices")
plt.semilogy(epochs, apart(on_two) + 1e-12, "o-", label="train.Model on two")
plt.semilogy(epochs, apart(on_four) + 1e-12, "s--", label="train.Model on four")
plt.axhline(1e-6, color="grey", ls=":", label="1e-6")
plt.xticks(epochs), plt.xlabel("epoch"), plt.ylabel("largest difference"), plt.legend(fontsize=8)
plt.title("Every epoch's last batch leaves a trace in the weights")
plt.show()

# %%
for name, path in {"two": on_two, "four": on_four, "keras.Model on two": keras_on_two}.items():
    print(f"{name:<18} one device within 1e-6: {apart(path).max() < 1e-6}")
assert max(apart(on_two).max(), apart(on_four).max()) < 1e-6
assert apart(keras_on_two)[-1] > 1e-4

# %% [markdown]
# Red is not a disaster: the network learns all the same. But "two devices give what one gives" is a
# promise that you can test, and then every real fault shows at once.
#
# ## All-reduce: how the gradients meet
#
# Each device has its gradient, and each needs the sum: an **all-reduce**. Sending everything to one
# chief is simple, but with $n$ devices the chief's line carries $n-1$ gradients each way. The
# **ring** is fairer. Cut the gradient into $n$ chunks. In each round, everybody sends *one* chunk
# to the right-hand neighbour. In the first $n-1$ rounds the neighbour adds it to its own; in the
# next $n-1$ rounds the finished chunks go around.


# %%
def ring_all_reduce(vectors):
    """Sums on every worker; yields all workers' chunks before and after each round."""
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
vectors = rng.normal(size=(4, 1000))
*_, last = ring_all_reduce(vectors)
for worker in last:
    assert np.allclose(np.concatenate(worker), vectors.sum(axis=0))
print("all four workers hold the sum")

# %% [markdown]
# To watch it, let every worker begin with ones. A number then says how many gradients are already
# in a chunk.

# %%
rounds = [np.array(chunks)[:, :, 0] for chunks in ring_all_reduce(np.ones((4, 4), int))]
figure, axes = plt.subplots(1, 7, figsize=(9, 1.9), layout="constrained")
for i, (ax, state) in enumerate(zip(axes, rounds, strict=True)):
    plots.pixels(state, f"round {i}", ax, limit=4)
axes[0].set(ylabel="worker", xlabel="chunk")
plt.show()

# %% [markdown]
# Follow the dark diagonal: after three rounds each worker owns one finished chunk; three rounds
# later all own all. How many bytes did each worker send, measured in gradients? It is one $n$-th in
# each of $2(n-1)$ rounds:
#
# $$ \frac{2(n-1)}{n}. $$

# %%
finished = [int(np.sum(state == 4)) for state in rounds]
print("finished chunks by round:", finished)
for n in (2, 4, 8, 1000):
    print(f"{n:>5} workers: each sends {2 * (n - 1) / n:.3f} gradients, a chief would send {n - 1}")
assert finished == [0, 0, 0, 4, 8, 12, 16]

# %% [markdown]
# Never more than two, whatever the number of workers! That is why data parallel training scales. It
# has a condition, though. A worker with $B$ examples computes $6PB$ FLOPs (three passes of $2P$, if
# each weight is used once an example), then sends about $2\cdot 4P$ bytes. $P$ cancels: whether the
# network keeps up depends on the batch of each worker, not on the size of the model. For a chip
# with $10^{14}$ FLOP/s:

# %%
for name, bytes_a_second in {
    "1 Gbit/s": 1e9 / 8,
    "10 Gbit/s": 1e10 / 8,
    "400 Gbit/s": 4e11 / 8,
}.items():
    batch = 8 / bytes_a_second / (6 / 1e14)
    print(f"{name:>10}: computing takes longer than sending from {batch:>9,.0f} examples on")

# %% [markdown]
# (For a language model, an example is a token. A convolution uses each weight at many places, and
# needs fewer examples.) With office cables only enormous batches pay;
# large clusters need special networks.
#
# ## Two things that a mean does not cover
#
# **Dropout** [Srivastava et al. 2014](#srivastava2014) needs *different* random masks on each
# replica, else a batch of 64 on two devices sees only 32 masks twice. Let us look at the masks
# through a gradient. The model is a weighted sum of 1,000 inputs, all ones, with half of them
# dropped (the others doubled). Its gradient *is* the mask, and two replicas give the mean of two
# masks. Which values can that mean have if the masks are the same?


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
for cls in (keras.Model, Model):
    print(f"{cls.__module__:<22}", np.unique((mean_mask(cls) + 0.0).round(3)))
assert set(np.unique(mean_mask(Model).round(3))) == {0, 1, 2}
assert set(np.unique(mean_mask(keras.Model).round(3))) == {0, 2}

# %% [markdown]
# A 1 means: one replica kept this input, the other dropped it. Under plain Keras it never happens.
#
# **Batch normalisation** [Ioffe & Szegedy 2015](#ioffe2015) uses the batch's mean and variance.
# The mean of the parts' means is fine. The mean of their variances is not: it forgets how far the
# parts lie from each other.

# %%
halves = rng.normal(size=(2, 5000)) + np.array([[-1], [1]])
within, between = halves.var(axis=1).mean(), halves.mean(axis=1).var()
print(f"variance {halves.var():.3f} = within {within:.3f} + between {between:.3f}")
assert np.isclose(halves.var(), within + between)

# %% [markdown]
# `synchronized=True` lets the replicas add up sums and squares first. It costs a small all-reduce
# in each such layer, at each step.

# %%
BatchNorm = keras.layers.BatchNormalization
_, one_normal = fit_digits(layer=BatchNorm())
for synchronized in (True, False):
    _, path = fit_digits(on=two, layer=BatchNorm(synchronized=synchronized))
    same = np.abs(path[-1] - one_normal[-1]).max() < 1e-5
    print(f"synchronized={synchronized}: two devices are one device within 1e-5: {same}")
    assert same == synchronized

# %% [markdown]
# ## Several machines: two real processes
#
# On a cluster each machine runs *the same script*. A worker learns who it is from the environment
# variable `TF_CONFIG`: the addresses of all, and its own place in the list. The first one is the
# **chief**: it computes like the others, and it also writes the files.

# %%
from aimodels.train.launch import tf_configs

for config in tf_configs(["10.0.0.1:5000", "10.0.0.2:5000"]):
    print(config)

# %% [markdown]
# Read the script below as you would read your own. Five lines know of many machines.
# `train.strategy()` finds out what is there, and the model is built in its `scope()`.
# `train.batches` divides batches. `train.chief_path` gives the real path to the chief and
# a temporary one to the others, so that only one process writes the file. And
# `train.Backup` writes, after each epoch, all that is needed to go on: weights, Adam's
# moments, random states. It is written into a second file, which then replaces the first in
# one step: a process killed while writing leaves the old one.

# %%
program = """
import os, sys, time
import keras
import numpy as np
from aimodels import train
from aimodels.train import Model

folder = sys.argv[1]
strategy = train.strategy()  # before TensorFlow computes anything
keras.utils.set_random_seed(1)
digits = np.load(os.path.dirname(folder) + "/digits.npz")
with strategy.scope():
    inputs = keras.Input((64,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    model = Model(inputs, keras.layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    batches = train.batches((digits["X"], digits["y"]), batch_size=40, shuffle=205, seed=1)
    backup = train.Backup(folder, batches)
def say(epoch, logs):
    print("epoch", epoch, "process", os.getpid(), flush=True)
    time.sleep(0.3)  # time for an accident

report = keras.callbacks.LambdaCallback(on_epoch_begin=say)
model.fit(batches, epochs=5, verbose=0, callbacks=[backup, report])
weights = np.concatenate([w.ravel() for w in model.get_weights()])
np.save(train.chief_path(folder + "/weights.npy"), weights)
"""

# %% [markdown]
# First we run it right here, where `strategy()` finds our four devices. That is the result to
# compare with.

# %%
import contextlib
import io
import runpy
import sys
import tempfile
from pathlib import Path
from unittest import mock

folder = Path(tempfile.mkdtemp())
script = folder / "train.py"
script.write_text(program)
np.savez(folder / "digits.npz", X=X, y=y)
arguments = mock.patch.object(sys, "argv", ["train.py", str(folder / "here")])
with arguments, contextlib.redirect_stdout(io.StringIO()) as said:
    here = runpy.run_path(str(script))
print(
    said.getvalue().count("epoch"),
    "epochs on",
    here["model"].distribute_strategy.num_replicas_in_sync,
    "devices",
)

# %% [markdown]
# Now the same file in two processes. They have separate memories and talk through the network, as
# two machines would; only the address is `localhost`. `aimodels launch` finds free ports, sets
# `TF_CONFIG` for each, and marks what they print with their number. (On a real cluster Slurm or
# Kubernetes starts the workers: see `examples/slurm.sh` and `examples/kubernetes.yaml`.)
#
# The function can also play the accident: it waits until worker `kill` begins epoch 3, then ends
# that process with signal 9, which no program can catch.

# %%
import signal
import subprocess


def launch(name, kill=None):
    command = [sys.executable, "-m", "aimodels", "launch", "--workers", "2"]
    command += [str(script), str(folder / name)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if kill is not None and line.startswith(f"[{kill}] epoch 3 "):
            os.kill(int(line.split()[-1]), signal.SIGKILL)
            kill = None
    return process.wait(), lines, np.load(folder / name / "weights.npy")


def begun(lines, worker):
    """The epochs that a worker began, in order."""
    return [int(line.split()[2]) for line in lines if line.startswith(f"[{worker}] epoch ")]


# %%
status, lines, weights = launch("two")
difference = np.abs(weights - flat(here["model"])).max()
print("status", status, "epochs of worker 1:", begun(lines, worker=1))
print("two processes are this notebook within 1e-6:", difference < 1e-6)
assert status == 0
assert difference < 1e-6

# %% [markdown]
# Two processes, four devices, one device: the same weights. And did they learn? The digits that
# nobody saw decide.

# %%
logits = here["model"](X_unseen).numpy()
accuracy = np.mean(logits.argmax(axis=-1) == truth)
always = np.mean(truth == np.bincount(y).argmax())
print(
    "accuracy on unseen digits over 0.8:",
    accuracy > 0.8,
    "- one class always, under 0.15:",
    always < 0.15,
)
assert accuracy > 0.8 > 0.15 > always

# %% [markdown]
# ### A worker dies
#
# On a thousand machines something breaks every day. A strategy cannot go on without a member: the
# others wait for its gradients until TensorFlow notices that it is gone, and then fail, too. So all
# are ended, all are started again, and all go on from the last backup. What do you expect of the
# weights at the end?

# %%
status, lines, resumed = launch("killed", kill=1)
epochs_begun = begun(lines, worker=0)
again = max(i for i in range(1, len(epochs_begun)) if epochs_begun[i] <= epochs_begun[i - 1])
said = next(line for line in lines if line.startswith("aimodels:"))
print(said)
print("the chief began again at an epoch from 1 to 3:", 1 <= epochs_begun[again] <= 3)
assert 1 <= epochs_begun[again] <= 3

# %%
difference = np.abs(resumed - weights).max()
print("status", status, "- the undisturbed run's weights within 1e-6:", difference < 1e-6)
assert status == 0
assert difference < 1e-6
assert epochs_begun[-1] == 4

# %%
plt.figure(figsize=(7, 2.8))
for i, (run, name) in enumerate([(range(5), "undisturbed"), (epochs_begun, "worker 1 killed")]):
    plt.plot(range(len(run)), run, "os"[i] + "-", label=name, alpha=0.7)
plt.axvline(again - 0.5, color="tab:red", ls=":", label="all start again, from the backup")
plt.xlabel("epochs begun since the start"), plt.ylabel("epoch"), plt.legend()
plt.title("After a crash the run goes on from the backup")
plt.show()

# %% [markdown]
# Why exactly the same? The order of the examples depends only on the seed and the number of the
# epoch, never on how often the program was started. The price is what was done since the backup,
# and a new start of every process.
#
# ## XLA: one program instead of many
#
# The roofline says that ReLU and its like wait for memory. A formula such as GELU, the favourite
# activation of Transformers, is a chain of them:


# %%
def gelu(x):
    return 0.5 * x * (1 + tf.tanh(0.7978845608 * (x + 0.044715 * x**3)))


x = tf.random.normal((1000, 1000), seed=1)
graph = tf.function(gelu).get_concrete_function(x).graph
chain = [
    op.type for op in graph.get_operations() if op.type not in ("Const", "Placeholder", "Identity")
]
print(len(chain), "operations:", *chain)

# %% [markdown]
# Without a compiler each of them reads a million numbers and writes a million. A compiler sees the
# whole formula and makes one loop of it: read a number, do everything, write it. This is
# **fusion**, and TensorFlow's compiler is called **XLA**. How do we know that it did it? We read
# the program that it made.

# %%
import re

compiled = tf.function(gelu, jit_compile=True)
hlo = compiled.experimental_get_compiler_ir(x)(stage="optimized_hlo")
entry = hlo[hlo.index("ENTRY") :]
steps = re.findall(r"[}\]] (\w+)\(", entry)
print([step for step in steps if step != "parameter"])
assert steps.count("fusion") == 1

# %% tags=["nbval-ignore-output"]
long = tf.random.normal((4_000_000,))
in_graph = tf.function(gelu)
gelu_seconds = {
    "one by one": best_seconds(lambda: gelu(long)),
    "graph": best_seconds(lambda: in_graph(long)),
    "XLA": best_seconds(lambda: compiled(long)),
}
for name, seconds in gelu_seconds.items():
    print(f"{name:<10} {1000 * seconds:6.1f} ms")

# %%
bytes_apart, bytes_fused = len(chain) * 8, 8
print("bytes for each number, at least:", bytes_apart, "apart,", bytes_fused, "fused")
print("the same values within 1e-5:", np.abs(compiled(x) - gelu(x)).max() < 1e-5)
assert np.abs(compiled(x) - gelu(x)).max() < 1e-5

# %% [markdown]
# Without fusion the graph is faster already: TensorFlow simplifies it before it runs, and uses
# memory again instead of asking for new.
#
# A whole training step can be compiled. In Keras it is `compile(jit_compile=True)`; on a single GPU
# Keras does it unasked. On several replicas that fails, because the all-reduce crosses the borders
# of one device's program:

# %%
try:
    fit_digits(keras.Model, on=two, jit_compile=True)
except tf.errors.InvalidArgumentError as error:
    print(type(error).__name__)
else:
    raise AssertionError("Keras can do it now: simplify this lesson")

# %% [markdown]
# `train.Model` compiles forward and backward pass on each replica, and leaves the all-reduce and
# the update outside. If a layer cannot be compiled (one that handles text, or synchronised batch
# normalisation), it warns once, goes on without, and `model.jit_compile` is `False`. So ask it.

# %%
xla_model, path = fit_digits(on=two, jit_compile=True)
print("compiled:", xla_model.jit_compile, "- within 1e-5 of one device:", apart(path).max() < 1e-5)
assert xla_model.jit_compile
assert apart(path).max() < 1e-5

# %% [markdown]
# Does it pay? Here are our own measurements, written down by `benchmarks/scaling.py`: a step of a
# GPT with 6 layers, and of a CNN, as plain Keras, as our `Model` in graph mode, and with XLA. Each
# is the median of runs that took turns, with the lowest and the highest.

# %%
scaling = recorded("scaling")
for contest, rows in scaling["figures"].items():
    print(contest)
    for name, row in rows.items():
        seconds = f"{row['seconds']:.3f} s ({row['lowest']:.3f} to {row['highest']:.3f})"
        print(f"  {name:<13} {seconds}, {row['examples_a_second']:>7.1f} examples/s")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, name in zip(axes, ("gpt", "cnn"), strict=True):
    kinds = ["keras", "graph", "xla"]
    rows = [scaling["figures"][f"{name} on two cores"][kind] for kind in kinds]
    middle = np.array([row["seconds"] for row in rows])
    ends = np.array([[row["lowest"], row["highest"]] for row in rows]).T
    ax.bar(
        kinds,
        middle,
        yerr=np.abs(ends - middle),
        capsize=4,
        color=["tab:grey", "tab:blue", "tab:orange"],
    )
    ax.set(title=f"{name}: seconds a step, lower is better")
plt.show()

# %% [markdown]
# Before you decide: how large must a gain be to mean anything? One program stands in two contests,
# the GPT in graph mode on two cores. How far is it from itself?

# %%
contests = "gpt on two cores", "gpt, replicas on two cores"
times = [scaling["figures"][contest]["graph"]["seconds"] for contest in contests]
chance = max(times) / min(times)
print(f"the same program in two contests: {chance:.2f} times as slow as itself")
decided = {}
for name in ("gpt", "cnn"):
    faster = scaling["figures"][f"{name} on two cores"]["xla"]["times_as_fast"]
    decided[name] = max(faster, 1 / faster) > chance
    beyond = "more than that" if decided[name] else "less than that"
    print(f"{name}: with XLA {faster:.2f} times as fast as plain Keras, {beyond}")
machine = scaling["machine"]
print(machine["cores"], "cores of", machine["processor"])
assert decided == {"gpt": False, "cnn": True}

# %% [markdown]
# (A ratio is the median over neighbouring turns, not the ratio of the medians above. Turns protect
# it from a slow drift of the machine, but not from what differs between two starts.) So on that
# machine the CNN is better off without XLA, and about the GPT these runs decide nothing: they would
# have to be started anew, many times.
#
# A likely reason for the CNN: for products, convolutions and pooling TensorFlow calls code made by
# hand for this kind of processor; XLA brings its own, which may be slower. We timed whole steps
# only, so this is a guess. How would you test it? On GPUs and TPUs, for which XLA was made, measure
# again.
# Compiling takes time as well, and again for every new shape. Measure, then decide.
#
# ## Numbers of 16 bits
#
# Half the bytes: half the memory, twice the intensity, and on GPUs and TPUs special circuits with a
# much higher peak. What do we lose? There are two kinds.

# %%
kinds = {"float32": tf.float32, "float16": tf.float16, "bfloat16": tf.bfloat16}
for name, kind in kinds.items():
    one = tf.constant(1, kind)
    fine = next(k for k in range(40) if one + tf.constant(2.0**-k, kind) == one)
    print(f"{name:<9} largest {float(kind.max):8.2g}, 1 + 1/2^{fine} is still 1")

# %% [markdown]
# `float16` keeps ten bits behind the point and has a short range. `bfloat16` has the range of
# `float32` but only seven bits: 256 + 1 is 256. So *weights* should not be kept in 16 bits alone: a
# small step would be rounded away. **Mixed precision** [Micikevicius et al.
# 2018](#micikevicius2018) computes in 16 bits and keeps the weights in 32.

# %%
for kind in (tf.float16, tf.bfloat16):
    weight = tf.constant(1.0, kind)
    for _ in range(1000):
        weight += tf.constant(1e-4, kind)
    print(kind.name, "1 + 1000 steps of 0.0001 =", float(weight))
    assert weight == 1

# %% [markdown]
# The other end of the range hurts *gradients*. Towards the end of training they are tiny. Let us
# train, collect all gradients, and see which of them float16 would turn into zeros. The cure is
# **loss scaling**: multiply the loss by, say, $2^{15}$, and so each gradient; divide before the
# update.

# %%
network, _ = fit_digits()
network.optimizer.learning_rate = 0.01
longer = np.tile(X, (200, 1)), np.tile(y, 200)  # 200 epochs
network.fit(*longer, batch_size=len(X), shuffle=False, verbose=0)
with tf.GradientTape() as tape:
    mean = loss(y, network(X))
found = tape.gradient(mean, network.trainable_variables)
size = np.abs(np.concatenate([np.ravel(g) for g in found]))
size = size[size > 0].astype("float32")

# %%
scale = 2**15
lowest, highest = 2.0**-25, 65504  # half of the smallest number, and the largest one
plt.figure(figsize=(7, 3))
for values, label in [(size, "gradients"), (size * scale, "gradients · 2¹⁵")]:
    plt.hist(np.log2(values), bins=np.arange(-45, 10), alpha=0.6, label=label)
plt.axvspan(-45, np.log2(lowest), color="tab:red", alpha=0.15, label="zero in float16")
plt.axvline(np.log2(highest), color="tab:red", ls=":", label="infinite from here on")
(
    plt.xlim(-45, 20),
    plt.xlabel("size, as a power of 2"),
    plt.ylabel("gradients"),
    plt.legend(fontsize=8),
)
plt.title("Scaling moves the gradients into float16's range")
plt.show()

# %%
lost = np.mean(size.astype("float16") == 0)
lost_scaled = np.mean((size * scale).astype("float16") == 0)
print(
    "some gradients are lost:",
    lost > 0.005,
    "- after scaling under a tenth of them:",
    lost_scaled < lost / 10,
)
assert lost > 0.005
assert lost_scaled < lost / 10
assert np.isfinite((size * scale).astype("float16")).all()

# %% [markdown]
# Keras does all this with one line, before the model is built. The scale finds itself: halved when
# a gradient overflows (that step is skipped; our `Model` makes all replicas skip it), doubled after
# many good steps. `bfloat16` needs none: its range is that of `float32`.

# %%
keras.config.set_dtype_policy("mixed_float16")
mixed, path = fit_digits()
keras.config.set_dtype_policy("float32")
layer = mixed.layers[1]
print("computes in", layer.compute_dtype, "- keeps weights in", layer.variable_dtype)
print(type(mixed.optimizer).__name__, "with scale", int(mixed.optimizer.dynamic_scale))
way = np.linalg.norm(alone[2] - alone[0])
off = np.linalg.norm(path[2] - alone[2]) / way
print("off the 32-bit weights by under a fifth of the way of two epochs:", off < 0.2)
assert off < 0.2

# %% [markdown]
# When does it not pay? Where the processor has no circuits for it. Then every number is converted,
# computed in 32 bits and converted back. We time GELU and a matrix product here.

# %% tags=["nbval-ignore-output"]
print("ms         matrix product    GELU")
cpu_seconds = {}
for name, kind in kinds.items():
    with tf.device(devices[0]):
        square, row = tf.cast(tf.random.normal((512, 512)), kind), tf.cast(long[:1_000_000], kind)
        product = best_seconds(lambda s=square: tf.matmul(s, s))
        cpu_seconds[name] = product, best_seconds(lambda r=row: gelu(r))
    print(f"{name:<10}", *(f"{1000 * s:13.2f}" for s in cpu_seconds[name]))


# %%
def error(kind):
    there = tf.cast(tf.nn.gelu(tf.cast(x, kind)), tf.float32)
    return np.abs(there - tf.nn.gelu(x)).max()


print("float16 is closer to float32 than bfloat16:", error(tf.float16) < error(tf.bfloat16))
assert 0 < error(tf.float16) < error(tf.bfloat16) < 0.1

# %% [markdown]
# If memory were the only limit of GELU, half the bytes would give twice the speed. Look at what
# your processor made of the promise, and at the matrix product: some new processors do have
# circuits for `bfloat16` products.
#
# ## Gradient accumulation: a large batch on a small device
#
# If a batch does not fit, use the sum over parts once more, this time one *after* the other on the
# same device: compute the gradient of a quarter, add it up, forget its activations, take the next
# quarter. `compile(num_microbatches=4)` does that. It costs no accuracy. By the budget of our CNN,
# how much memory does it save?

# %%
_, in_pieces = fit_digits(num_microbatches=4)
print("four pieces are the whole batch within 1e-6:", apart(in_pieces).max() < 1e-6)
assert apart(in_pieces).max() < 1e-6

# %%
for batch in (512, 128):
    budget = profiling.memory_budget(model, batch)
    total = sum(budget.values()) / 2**20
    print(
        f"{batch} at once: activations {budget['activations'] / 2**20:5.1f} MiB, all {total:5.1f}"
    )

# %% [markdown]
# The activations shrink to a quarter; weights and Adam stay. But that is only the formula. What
# does TensorFlow hold at most while it makes one step, beyond what it held before? The system's
# monitor cannot tell, since TensorFlow keeps what it once had; `profiling.peak_memory` counts what
# is in use.


# %%
def step_memory(pieces, batch=512):
    """MiB of one step, by the formula and measured: gradients and activations."""
    one = cnn.CNN((12, 12, 1), num_classes=10, filters=(32, 64, 64))
    one.compile("adam", "mse", num_microbatches=pieces)
    pictures, goals = tf.ones((batch, 12, 12, 1)), tf.ones((batch, 10))
    for size in (8, 16, 8):  # weights, Adam's slots and the graph are there before we measure
        one.train_on_batch(pictures[:size], goals[:size])
    budget = profiling.memory_budget(one, batch // pieces)
    peak = profiling.peak_memory(lambda: one.train_on_batch(pictures, goals))
    return (budget["gradients"] + budget["activations"]) / 2**20, peak / 2**20


in_steps = {pieces: step_memory(pieces) for pieces in (1, 4)}

# %%
for pieces, (formula, peak_of_step) in in_steps.items():
    print(f"{pieces} at a time: formula {formula:.1f} MiB, measured {measured(peak_of_step):.0f}")
claim("measured, by the formula", in_steps[1][1] / in_steps[1][0], at_least=0.8, at_most=2)
claim("four pieces, share of the whole", in_steps[4][1] / in_steps[1][1], at_most=0.5)

# %% [markdown]
# Pieces save memory in truth, too. The formula leaves out what TensorFlow needs besides, such as
# the working space of convolutions and the gradients of activations; and it counts outputs that
# TensorFlow may already have forgotten. In pieces, a running sum of gradients comes on top of those
# of the piece, and the batch with its outputs stays: pieces pay where activations are most of the
# memory. One warning: batch normalisation sees only the piece, not the batch. Its statistics, and
# so the result, change.

# %%
_, normal_pieces = fit_digits(num_microbatches=4, layer=BatchNorm())
difference = np.abs(normal_pieces[-1] - one_normal[-1]).max()
print("with batch normalisation the pieces differ from the whole:", difference > 1e-3)
assert difference > 1e-3

# %% [markdown]
# ## Model parallel: one layer on two devices
#
# What if not even the weights fit? Then the *model* is divided. Take the two dense layers inside a
# Transformer block, $Z = \mathrm{GELU}(XU)\,V$. Megatron [Shoeybi et al. 2019](#shoeybi2019)
# cuts $U$ by columns and $V$ by rows:
#
# $$ U = (U_1\;U_2),\quad V = \begin{pmatrix}V_1\\V_2\end{pmatrix},\qquad
#    Z = \mathrm{GELU}(XU_1)\,V_1 + \mathrm{GELU}(XU_2)\,V_2. $$
#
# Each device needs its half of the weights, and in the forward pass they talk only once: the sum at
# the end is an all-reduce. (The backward pass needs one more, for the gradient of $X$.)

# %%
X_block = tf.constant(rng.normal(size=(8, 32)), tf.float32)
U = rng.normal(size=(32, 128)).astype("float32") / 6
V = rng.normal(size=(128, 32)).astype("float32") / 11
with tf.device(devices[0]):
    Z = tf.matmul(gelu(tf.matmul(X_block, U)), V)

partial = []
for device, U_r, V_r in zip(devices, np.split(U, 2, axis=1), np.split(V, 2, axis=0), strict=False):
    with tf.device(device):
        partial.append(tf.matmul(gelu(tf.matmul(X_block, U_r)), V_r))
    print(device[-5:], "holds", U_r.shape, "and", V_r.shape, "- computes", partial[-1].shape)

# %%
print("their sum is Z within 1e-5:", np.abs(partial[0] + partial[1] - Z).max() < 1e-5)
assert np.abs(partial[0] + partial[1] - Z).max() < 1e-5
assert partial[0].device != partial[1].device

# %%
hidden = gelu(tf.matmul(X_block, U)).numpy()
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), width_ratios=[2, 4, 4, 2], layout="constrained")
cuts = {"X: on both": None, "U: by columns": 1, "GELU(XU): nothing sent": 1, "V: by rows": 0}
for ax, (title, axis), matrix in zip(axes, cuts.items(), (X_block, U, hidden, V), strict=True):
    owner = np.indices(matrix.shape)[axis] >= matrix.shape[axis] // 2 if axis is not None else 0.5
    ax.imshow(
        np.broadcast_to(owner, matrix.shape), cmap="coolwarm", vmin=-0.4, vmax=1.4, aspect="auto"
    )
    ax.imshow(np.abs(matrix), cmap="gray_r", alpha=0.35, aspect="auto")
    ax.set(title=title, xticks=[], yticks=[], xlabel=" × ".join(map(str, matrix.shape)))
plt.show()

# %% [markdown]
# Blue is device 0, red is device 1. Why not cut $U$ by *rows*? Each device would then hold a part
# of every hidden *sum*, and GELU of a sum is not the sum of GELUs. They would have to talk twice.

# %%
halves = [tf.matmul(X_block[:, s], U[s]) for s in (slice(16), slice(16, None))]
early = gelu(halves[0]) + gelu(halves[1])
late = gelu(halves[0] + halves[1])
print("GELU first, then add: wrong by over 0.1:", np.abs(early - hidden).max() > 0.1)
print("add first, then GELU: right within 1e-5:", np.abs(late - hidden).max() < 1e-5)
assert np.abs(early - hidden).max() > 0.1
assert np.abs(late - hidden).max() < 1e-5

# %% [markdown]
# ### A pipeline, and its bubble
#
# The third way gives each device some of the *layers*: device 0 the first, device 3 the last ones,
# as Google's DistBelief already could [Dean et al. 2012](#dean2012). But device 3 waits until a
# batch has passed the others. So the batch is cut into $m$ microbatches that follow each other
# through $p$ stages. How much of the time is a device idle?

# %%
p, m = 4, 8
schedule = np.full((p, m + p - 1), np.nan)
for stage in range(p):
    schedule[stage, stage : stage + m] = np.arange(m)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 2.8), width_ratios=[3, 2], layout="constrained"
)
left.imshow(schedule, cmap="viridis", aspect="auto")
for (stage, tick), micro in np.ndenumerate(schedule):
    if not np.isnan(micro):
        color = "white" if micro < 5 else "black"
        left.text(tick, stage, int(micro), ha="center", va="center", color=color)
left.set(xlabel="time", ylabel="stage", yticks=range(p), title="white: a device waits")
counts = np.arange(1, 65)
for stages in (2, 4, 8):
    right.plot(counts, (stages - 1) / (counts + stages - 1), label=f"{stages} stages")
right.set(xlabel="microbatches", title="share of time lost")
right.legend()
plt.show()

# %%
bubble = np.isnan(schedule).mean()
print(f"counted {bubble:.4f}, formula (p-1)/(m+p-1) = {(p - 1) / (m + p - 1):.4f}")
assert np.isclose(bubble, (p - 1) / (m + p - 1))

# %% [markdown]
# (The backward pass runs through the stages the other way; the share stays the same.) Very large
# models use all three at once: tensors divided inside a machine, where talking is cheap, pipelines
# between machines, and data parallel over all of it. Keras on TensorFlow offers only data parallel
# training for whole models, which is why we divided the layer by hand.
#
# ## GPUs and TPUs: what changes
#
# On one machine with several GPUs, nothing: install `tensorflow[and-cuda]`, leave out
# the cell that hides them, and `strategy()` takes all GPUs. What is worth
# changing:
#
# ```python
# keras.config.set_dtype_policy("mixed_bfloat16")   # or "mixed_float16" on older GPUs
# model.compile(optimizer, loss, jit_compile=True)  # measure it against jit_compile=False
# batches = train.batches(examples, batch_size=64 * strategy.num_replicas_in_sync)
# ```
#
# A larger global batch takes fewer steps an epoch; the learning rate must be chosen anew.
#
# For a TPU `strategy()` asks TensorFlow for the attached one. A TPU compiles everything with XLA,
# so shapes must be fixed: `train.batches` leaves out a last batch that is not full, and the
# batch must be a multiple of the replicas. Use `mixed_bfloat16`, and sizes that are multiples
# of 128.
# **The TPU code is written after TensorFlow's documentation and untested: we had none.**
#
# ## Scale it
#
# The recorded runs above also compare one and two *processes*, each with one core of its own and
# the same work for each: the honest question of data parallel training. Perfect would be 2.

# %%
rows = scaling["figures"]["gpt, a core for each process"]
for name, row in rows.items():
    print(f"{name:<13} {row['times_as_fast']:.2f} times the examples a second of one process")
print("recorded on", scaling["date"], "with TensorFlow", scaling["versions"]["tensorflow"])

# %% [markdown]
# "Two strangers" are two processes that train without each other: what two cores of that machine
# give at most. The way from there to "two processes" is the price of talking. Each step, every
# worker sends all gradients and waits for the slower one.
#
# On your own machine: `python benchmarks/run.py scaling`. For a longer run on several processes,
# with batch normalisation, metrics and a saved model, read `examples/train.py`:
#
# ```
# aimodels launch --workers 2 examples/train.py --folder run1
# ```
#
# And `aimodels launch --hosts 10.0.0.1:5000,10.0.0.2:5000` prints the `TF_CONFIG` lines for your
# own machines.
#
# ## Summary
#
# - A training step costs about three forward passes (less if the first layer dominates), 16 bytes a
#   parameter with Adam, and activations that grow with the batch.
# - Intensity decides: with little reuse memory is the limit, with much reuse arithmetic.
# - Data parallel training computes the gradient of the whole batch if each part is weighted by its
#   size. The ring sends at most two gradients a worker.
# - A backup, an order of examples that depends on the epoch alone, and a restart make a crash
#   harmless.
# - XLA removes trips to memory; 16 bits halve them; accumulation trades time for memory. Each pays
#   on some machines and models only.
# - Cut the first matrix by columns and the second by rows, and two devices need one sum in
#   each direction.
#
# ## Common mistakes
#
# - Building or compiling the model outside `strategy.scope()`.
# - Passing the batch of *one* device where the global batch is wanted, or keeping the learning rate
#   when the global batch has grown eightfold.
# - Every worker saves to the same file at once: use `chief_path`. Only the chief calls `save`: then
#   all may hang, because some states are collected from every worker.
# - Believing that `jit_compile=True` compiled something. Ask.
# - Timing the first step, in which TensorFlow traces and XLA compiles.
# - Comparing the averages of two noisy runs that did not take turns.
#
# ## Exercises
#
# 1. **By hand.** An MLP 784-512-10 with biases, Adam, batch 128, 32 bits. FLOPs of a step? Bytes
#    for weights, gradients, moments, activations? Check with `profiling`. Why is
#    a step nearer to two forward passes than to three?
# 2. **Ridge.** From which batch on is the 2048 × 2048 layer compute-bound on *your* machine? And
#    with 16-bit numbers, if the peak stayed the same?
# 3. **A broken ring.** In `ring_all_reduce`, let every worker send chunk `turn` instead. Which
#    chunks are wrong at the end, and why?
# 4. **Unequal machines.** One worker is twice as fast as the other. How would you divide a batch of
#    90, and what must the weights of the two gradients be?
# 5. **The chief dies.** Call `launch("chief", kill=0)`. What is different, what is not? What would
#    happen if the backup were written directly into its final file?
# 6. **Columns and rows.** Extend the divided layer by biases. Which device adds the bias of the
#    second layer? What goes wrong if both do?
#
# ## References
#
# - <a id="brown2020"></a>Tom B. Brown, Benjamin Mann, Nick Ryder, Melanie Subbiah, Jared Kaplan, et
#   al. *Language Models are Few-Shot Learners*. NeurIPS 33, 1877–1901, arXiv:2005.14165, 2020.
# - <a id="dean2012"></a>Jeffrey Dean, Greg S. Corrado, Rajat Monga, Kai Chen, Matthieu Devin,
#   Quoc V. Le, et al. *Large Scale Distributed Deep Networks*. NIPS 25, 1223–1231, 2012.
# - <a id="ioffe2015"></a>Sergey Ioffe, Christian Szegedy. *Batch Normalization: Accelerating Deep
#   Network Training by Reducing Internal Covariate Shift*. ICML, PMLR 37, 448–456, 2015.
# - <a id="kaplan2020"></a>Jared Kaplan, Sam McCandlish, Tom Henighan, Tom B. Brown, et al. *Scaling
#   Laws for Neural Language Models*. arXiv:2001.08361, 2020.
# - <a id="kingma2015"></a>Diederik P. Kingma, Jimmy Ba. *Adam: A Method for Stochastic
#   Optimization*. ICLR, arXiv:1412.6980, 2015.
# - <a id="micikevicius2018"></a>Paulius Micikevicius, Sharan Narang, Jonah Alben, et al. *Mixed
#   Precision Training*. ICLR, arXiv:1710.03740, 2018.
# - <a id="shoeybi2019"></a>Mohammad Shoeybi, Mostofa Patwary, Raul Puri, Patrick LeGresley, Jared
#   Casper, Bryan Catanzaro. *Megatron-LM: Training Multi-Billion Parameter Language Models Using
#   Model Parallelism*. arXiv:1909.08053, 2019.
# - <a id="srivastava2014"></a>Nitish Srivastava, Geoffrey Hinton, Alex Krizhevsky, Ilya Sutskever,
#   Ruslan Salakhutdinov. *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*.
#   Journal of Machine Learning Research, 15, 1929–1958, 2014.
