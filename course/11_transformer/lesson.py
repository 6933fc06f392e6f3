# ---
# jupyter:
#   aimodels:
#     title: The Transformer
#     goals:
#       - compute attention in several heads by hand, and prove it equal to two libraries
#       - show that attention knows no order, and say how positions mend that
#       - build encoder and decoder blocks, and test what each may and may not see
#       - find the faults of a Transformer by testing it, not by reading it
#       - train a Transformer with a warm-up, and compare it fairly with a recurrent network
#     prerequisites: [05_seq2seq]
#     minutes: 60
#     repairs: [001-1.4.1]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The Transformer
#
# **You will be able to**
#
# - compute attention in several heads by hand, and prove it equal to two libraries;
# - show that attention knows no order, and say how positions mend that;
# - build encoder and decoder blocks, and test what each may and may not see;
# - find the faults of a Transformer by testing it, not by reading it;
# - train a Transformer with a warm-up, and compare it fairly with a recurrent network.
#
# **Before this:** 05_seq2seq. **About 60 minutes.**
# **Repairs:** article 001 §1.4.1.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import collections
import math

import keras
import matplotlib.pyplot as plt
import numpy as np

from aimodels import data, decoding, metrics, seq2seq
from aimodels.course import claim, recorded
from aimodels.layers import (
    MultiHeadAttention,
    PositionEmbedding,
    TransformerBlock,
    sinusoidal_positions,
)
from aimodels.text import Vocabulary
from aimodels.train import InverseSqrtWarmup, SmoothedCrossentropy
from aimodels.transformer import Transformer

# %% [markdown]
# ## One after the other, or all at once
#
# A recurrent network reads one token after the other: state 100 must wait for state 99. And what
# the first token says must pass through 99 steps until it meets the last one. In chapter 05
# attention looked back over such states. The Transformer ([Vaswani et al. 2017](#vaswani2017))
# asks: why keep the recurrence at all? Let every token look at every other one directly.
#
# What does that cost? Count the multiplications of one layer for $T$ tokens with $D$ numbers each.
# An LSTM multiplies two vectors by $D \times 4D$ matrices in each step. Self-attention has four
# $D \times D$ projections, then $T^2$ dot products and $T^2$ weighted sums:
#
# $$ \text{LSTM: } 8\,T D^2, \qquad \text{attention: } 4\,T D^2 + 2\,T^2 D $$
#
# But attention never comes alone. A **block** of a Transformer has two dense layers behind it,
# $D \times 4D$ and $4D \times D$:
#
# $$ \text{block: } 12\,T D^2 + 2\,T^2 D $$
#
# From which length on does attention cost more than the LSTM, and from which length on a block? Set
# them equal before you read on.

# %%
width = 256
lengths = np.arange(1, 1201)
costs = {
    "LSTM": 8 * lengths * width**2,
    "attention": 4 * lengths * width**2 + 2 * lengths**2 * width,
}
costs["block"] = costs["attention"] + 8 * lengths * width**2
dearer = {name: lengths[costs[name] > costs["LSTM"]][0] for name in ("attention", "block")}
print("attention costs more from T =", dearer["attention"], "on; 2 D =", 2 * width)
print("a block costs more from T =", dearer["block"], "on")
assert dearer == {"attention": 2 * width + 1, "block": 1}

# %%
fig, ax = plt.subplots(figsize=(6, 3))
for name, cost in costs.items():
    ax.plot(lengths, cost / 1e6, label=name)
ax.axvline(2 * width, ls=":", color="grey", label="T = 2 D")
ax.set(xlabel="tokens T", ylabel="million multiplications", title=f"One layer, D = {width}")
ax.legend()
plt.show()

# %% [markdown]
# Attention alone is cheaper up to $T = 2D$. A block is dearer than the LSTM for *every* length: for
# one token already, $12 > 8$. So a Transformer does not save multiplications. What it saves is
# waiting: its tokens do not wait for each other, so a processor can do them side by side. In the
# LSTM, 1,200 tokens are 1,200 steps in a row.
#
# ## Self-attention by hand
#
# In chapter 05 the queries came from the decoder, keys and values from the encoder. In
# **self-attention** all three come from the same tokens, a matrix $X$ with one row a token:
#
# $$ Q = X W^Q, \quad K = X W^K, \quad V = X W^V, \qquad
#    A = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right), \quad O = A V $$
#
# Three tokens, four numbers each. Which shapes do $QK^\top$ and $O$ have?

# %%
rng = np.random.default_rng(0)
x = rng.normal(size=(3, 4)).astype("float32")
w_q, w_k, w_v = rng.normal(size=(3, 4, 4)).astype("float32")
q, k, v = x @ w_q, x @ w_k, x @ w_v
scores = q @ k.T / np.sqrt(4)
weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
mixed = weights @ v
print("scores", scores.shape, "output", mixed.shape)
print("each row of weights sums to 1:", np.allclose(weights.sum(axis=1), 1))

# %% [markdown]
# Every token gets a new vector, mixed from the values of all tokens. How much of each is decided by
# the tokens themselves: that is what the weights of a convolution cannot do.
#
# ### Several heads
#
# One softmax gives one mixture. But a word may want to look at its verb *and* at its neighbour. So
# $N$ **heads** look at once. Each is $d = D/N$ wide and has its own projections; their outputs
# stand side by side, and a last matrix $W^O$ mixes them:
#
# $$ O = [A_1 V_1; \dots; A_N V_N]\, W^O $$
#
# Two heads, by hand: head 0 takes columns 0 and 1 of $Q$, $K$ and $V$, head 1 columns 2 and 3.

# %%
w_o = rng.normal(size=(4, 4)).astype("float32")
heads = []
for columns in (slice(0, 2), slice(2, 4)):
    scores = q[:, columns] @ k[:, columns].T / np.sqrt(2)
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    heads.append(weights @ v[:, columns])
by_hand = np.concatenate(heads, axis=1) @ w_o
print(by_hand.shape)

# %% [markdown]
# `MultiHeadAttention` of `aimodels` keeps the three projections side by side in one kernel, so that
# one matrix product makes $Q$, $K$ and $V$ at once. With our matrices it must give our numbers.

# %%
ours = MultiHeadAttention(num_heads=2, key_dim=2)
ours.build((None, None, 4))
ours.kernel.assign(np.concatenate([w_q, w_k, w_v], axis=1))
ours.output_dense.kernel.assign(w_o)
difference = np.abs(ours(x[None], x[None])[0] - by_hand).max()
print("the same as by hand:", difference < 1e-5)
assert difference < 1e-5

# %% [markdown]
# And is it what Keras computes? Keras keeps each head's matrix apart, with shapes $(D, N, d)$ for
# queries, keys and values, and $(N, d, D)$ for the last one. Reshaping is all there is to do. (The
# zeros are the biases.)

# %%
theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=2)
theirs.build((None, None, 4), (None, None, 4))
bias = np.zeros((2, 2), "float32")
projections = [part for w in (w_q, w_k, w_v) for part in (w.reshape(4, 2, 2), bias)]
theirs.set_weights([*projections, w_o.reshape(2, 2, 4), np.zeros(4)])
difference = np.abs(theirs(x[None], x[None]) - ours(x[None], x[None])).max()
print("the same as Keras:", difference < 1e-5)
assert difference < 1e-5

# %% [markdown]
# The tests of `aimodels` compare it with PyTorch in the same way, gradients too.
#
# ## Attention knows no order
#
# Shuffle the tokens. What happens to the outputs? Think of the formula: each output is a sum over
# all tokens, and a sum does not care about the order.

# %%
order = np.array([2, 0, 1])
shuffled = ours(x[None, order], x[None, order])[0]
difference = np.abs(shuffled - np.array(ours(x[None], x[None])[0])[order]).max()
print("the outputs are only shuffled, too:", difference < 1e-5)
assert difference < 1e-5

# %% [markdown]
# *Dog bites man* and *man bites dog* would be the same to it. So each token must be told its place.
# The Transformer adds a vector $P_t$ to the embedding of the token at place $t$, made of sines and
# cosines of ever longer waves:
#
# $$ P_{t,2i} = \sin\frac{t}{10000^{2i/D}}, \qquad P_{t,2i+1} = \cos\frac{t}{10000^{2i/D}} $$
#
# It is like the hands of many clocks: the first ones turn fast, the last ones hardly move. Which
# columns change from one place to the next, which only over many places?

# %%
table = sinusoidal_positions(50, 64)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
image = left.imshow(table.T, cmap="coolwarm", aspect="auto")
left.set(xlabel="place t", ylabel="column", title="Positions")
fig.colorbar(image, ax=left)
alike = table @ table.T
for place in (10, 25, 40):
    right.plot(alike[place], label=f"with place {place}")
right.set(xlabel="place t", ylabel="dot product", ylim=(14, 40), title="Near places are alike")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# The right picture shows one bell, moved. Its shape does not depend on the place, only on the
# distance $s - t$. We can prove it, for each pair of a sine and a cosine with wave number
# $\omega_i$:
#
# $$ \sin \omega_i s \sin \omega_i t + \cos \omega_i s \cos \omega_i t = \cos \omega_i (s - t) $$

# %%
omega = 10000.0 ** -(np.arange(0, 64, 2) / 64)
distance = np.arange(50)[:, None] - np.arange(50)
expected = np.cos(distance[..., None] * omega).sum(axis=-1)
print("P_s · P_t depends on s - t alone:", np.allclose(alike, expected))
assert np.allclose(alike, expected)

# %% [markdown]
# The sines are at most 1, while the numbers of a fresh embedding are small. So the embedding is
# multiplied by $\sqrt{D}$ before the places are added. `PositionEmbedding` does both. Is that
# enough to make the words as large as their places? We compare the roots of the mean squares, with
# the embedding as Keras begins it.

# %%
fresh = keras.layers.Embedding(1000, 64)
word_size, place_size = (np.sqrt(np.mean(np.square(a))) for a in (fresh(np.arange(1000)), table))
claim("places", place_size, at_least=0.70, at_most=0.71)
claim("words", word_size, at_least=0.028, at_most=0.030)
claim("words, 8 times", 8 * word_size, at_least=0.22, at_most=0.24)

# %% [markdown]
# It is not: eight times as large, the words still are a third of their places. The factor narrows
# the gap at the start of training; the rest the embedding has to learn. (The places' size is no
# accident: the mean of $\sin^2$ and $\cos^2$ is 1/2.)

# %%
tokens = rng.normal(scale=0.05, size=(1, 50, 64)).astype("float32")
told = PositionEmbedding(max_sequence_length=50)(tokens)
difference = np.abs(told - (8 * tokens + table)).max()
print("sqrt(64) = 8 times the tokens, plus the places:", difference < 1e-5)
assert difference < 1e-5

# %% [markdown]
# ## Who may look where
#
# Three masks are all that a Transformer needs. Here a sentence of five tokens, the last two of them
# padding:
#
# 1. **padding:** nobody looks at places that hold nothing;
# 2. **causal:** in a decoder, the token at $t$ looks at places up to $t$ alone, because the later
#    ones are what it shall learn to say;
# 3. **both**, in a decoder's batch of sentences of different lengths.
#
# A mask is applied before the softmax: a masked score becomes a huge negative number. The rest then
# still sums to 1.

# %%
real = np.array([True, True, True, False, False])
causal = np.tril(np.ones((5, 5), bool))
masks = {"padding": np.tile(real, (5, 1)), "causal": causal, "both": causal & real}
seen = {name: int(mask.sum()) for name, mask in masks.items()}
print(seen)
assert seen == {"padding": 15, "causal": 15, "both": 12}

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 2.8), layout="constrained")
for ax, (name, mask) in zip(axes, masks.items(), strict=True):
    ax.imshow(mask, cmap="Greens", vmin=0, vmax=1.5)
    ax.set(title=f"{name}: {seen[name]} of 25", xlabel="looks at", xticks=range(5), yticks=range(5))
axes[0].set_ylabel("token")
plt.show()

# %% [markdown]
# ## The block
#
# Attention mixes tokens, but each output is only a weighted mean. So two dense layers follow, the
# same for each token, the inner one about four times as wide. Around both parts stand a **residual
# connection**, $x + f(x)$, and a **layer normalisation** ([Ba et al. 2016](#ba2016)), which gives
# each token's vector mean 0 and variance 1, then scales it.
#
# Where should the normalisation stand? The paper puts it behind the sum, **post-norm**; GPT-2 puts
# it before each part, **pre-norm** ([Radford et al. 2019](#radford2019)):
#
# $$ \text{post: } \mathrm{norm}(x + f(x)), \qquad \text{pre: } x + f(\mathrm{norm}(x)) $$
#
# Both learn well where there are few blocks. In the second one, $x$ goes from the first block to
# the last and is never changed, only added to. What does that do to the size of the numbers? We
# stack twelve untrained blocks of either kind and measure the root of the mean square behind each.


# %%
def sizes(normalize_first, depth=12):
    keras.utils.set_random_seed(1)
    y, found = keras.random.normal((8, 20, 32), seed=1), []
    for _ in range(depth):
        y = TransformerBlock(4, 128, normalize_first=normalize_first)(y)
        found.append(float(keras.ops.sqrt(keras.ops.mean(y**2))))
    return found


stream = {"post-norm": sizes(False), "pre-norm": sizes(True)}
print("post-norm stays at 1:", np.allclose(stream["post-norm"], 1, atol=1e-3))
print("pre-norm grows at each block:", (np.diff(stream["pre-norm"]) > 0).all())
assert np.allclose(stream["post-norm"], 1, atol=1e-3)
assert (np.diff(stream["pre-norm"]) > 0).all()

# %%
fig, ax = plt.subplots(figsize=(6, 2.8))
for name, values in stream.items():
    ax.plot(range(1, 13), values, "o-", label=name)
ax.set(xlabel="block", ylabel="root of the mean square", title="The stream between the blocks")
ax.legend()
plt.show()

# %% [markdown]
# That is why a pre-norm model ends with one more normalisation: without it, the logits would grow
# with the number of blocks.
#
# A **decoder** block has a third part between the two: **cross-attention**, whose queries come from
# the decoder and whose keys and values come from the encoder's output, as in chapter 05. With
# `cross_attention=True` a `TransformerBlock` has it. How many parameters does a decoder block have
# more than an encoder block? (Attention: four matrices and four biases; a normalisation: two
# vectors.)

# %%
encoder_block, decoder_block = (
    TransformerBlock(4, 256),
    TransformerBlock(4, 256, cross_attention=True),
)
some = keras.random.normal((1, 3, 64), seed=1)
encoder_block(some), decoder_block(some, some)
more = decoder_block.count_params() - encoder_block.count_params()
print(f"{encoder_block.count_params():,} and {more:,} more")
assert more == 4 * 64 * 64 + 4 * 64 + 2 * 64

# %% [markdown]
# ## The Transformer of article 001
#
# Article 001 §1.4.1 builds its Transformer from PyTorch's parts. It can be read several times
# without finding what is wrong: each line looks right. So let us *test* what a Transformer
# promises. We rebuild three of its decisions with our block:
#
# 1. it gives the number of layers where PyTorch expects the **width** of the inner dense layer, so
#    it asks for 6 layers and gets one layer, 6 wide;
# 2. it feeds batches with the examples on the first axis to a layer that expects the **tokens**
#    there, so attention runs over the examples of a batch;
# 3. it has no decoder, and **no mask** of any kind.

# %%
keras.utils.set_random_seed(1)
narrow = TransformerBlock(4, 6)


def article(x):
    """(B, T, D): examples first; attention takes the first axis for the tokens."""
    turned = keras.ops.transpose(x, (1, 0, 2))
    return keras.ops.transpose(narrow(turned), (1, 0, 2))


batch = keras.random.normal((2, 7, 32), seed=3)
print("inner width:", (article(batch), narrow.feedforward_intermediate.units)[1])

# %% [markdown]
# First promise: *an example does not depend on the others in its batch.* We change the second
# example and look at the first. Second promise: *a token is read together with its neighbours.* We
# change the last token of the first example and look at that example's other tokens.


# %%
def largest_difference(one, other):
    return float(keras.ops.max(keras.ops.abs(one - other)))


def promises(model):
    """How much the first example changes: with the other example, and with its own last token."""
    other, last = np.array(batch), np.array(batch)
    other[1] += 1
    last[0, -1] += 1
    before = model(batch)[0]
    return (
        largest_difference(before, model(other)[0]),
        largest_difference(before[:-1], model(last)[0, :-1]),
    )


# %%
for name, model in {"article": article, "our block": TransformerBlock(4, 128)}.items():
    of_other, of_last = promises(model)
    print(f"{name:<10} changed by the other example: {of_other > 1e-4!s:<6}", end="")
    print("by its own last token:", of_last > 1e-4)
    assert (of_other > 1e-4, of_last > 1e-4) == {
        "article": (True, False), "our block": (False, True)
    }[name]  # fmt: skip

# %% [markdown]
# Exactly the wrong way round: the article's model mixes strangers and is blind to its own sentence.
# No error is raised, the shapes are all right, and the loss would even fall a little. Two lines of
# test find it at once.
#
# What else is missing there: the factor $\sqrt{D}$, padding masks, a loss, a training loop; and the
# class with the positions is used, but never written.
#
# ## Encoder and decoder
#
# `Transformer` puts the parts together. The encoder reads the whole source; the decoder reads the
# right answer so far (teacher forcing, chapter 05) and says the next token.
#
# A first task must be so clear that we can tell what the model does: **say a word backwards.** It
# needs order and nothing else. We take the words of the pronouncing dictionary, 3 to 7 letters, and
# keep apart those of its validation part.

# %%
found = {}
for part, split in {"train": "train[:36%]", "held out": "validation"}.items():
    spelled = data.load("cmudict", split=split, batch_size=-1)["word"].numpy()
    unique = sorted({word.decode() for word in spelled})
    found[part] = [word for word in unique if word.isalpha() and 3 <= len(word) <= 7]
train_words = found["train"]
held_out = np.random.default_rng(1).permutation(found["held out"])[:500].tolist()
print(len(train_words), "words to train with,", len(held_out), "held out")
assert not set(train_words) & set(held_out)

# %%
letters = Vocabulary.build([list(word) for word in train_words])


def pairs(words):
    source = letters.encode([list(word) for word in words], 7).numpy()
    target = letters.encode([list(word[::-1]) for word in words], 9, start=True, end=True).numpy()
    return (source, target[:, :-1]), target[:, 1:]


inputs, goals = pairs(["box", "letters"])
print(*inputs, goals, sep="\n\n")

# %% [markdown]
# Source, what the decoder reads, and what it must say. 1 would stand for an unknown letter, 2 is
# the start, 3 the end. Now the model; small, because the task is.


# %%
def small_transformer():
    keras.utils.set_random_seed(1)
    sizes = {"hidden_dim": 64, "num_heads": 4, "num_layers": 2, "max_sequence_length": 16}
    options = {"dropout": 0.0, "normalize_first": True}
    return Transformer(len(letters), len(letters), **sizes, **options)


model = small_transformer()
print(f"{model.count_params():,} parameters")
(source, reads), says = pairs(train_words)
print(source.shape, reads.shape, "->", tuple(model((source[:2], reads[:2])).shape))

# %% [markdown]
# ### Three promises, tested
#
# The decoder cannot read ahead; padding is inert; and examples do not mix. We change one input at a
# time and ask at which steps the first example's logits change.


# %%
def steps_that_change(model, inputs, others):
    moved = np.abs(np.array(model(others))[0] - np.array(model(inputs))[0]).max(axis=-1)
    return np.flatnonzero(moved > 1e-5).tolist()


two = source[:2].copy(), reads[:2].copy()
print("lengths:", (two[0] != 0).sum(axis=1))
later, stranger = two[1].copy(), two[0].copy()
later[0, 3] = letters.tokens_to_ids("z")
stranger[1] = letters.tokens_to_ids("q")
longer = np.pad(two[0], ((0, 0), (0, 4)))
changes = {
    "a later token": steps_that_change(model, two, (two[0], later)),
    "more padding": steps_that_change(model, two, (longer, two[1])),
    "another example": steps_that_change(model, two, (stranger, two[1])),
}
print(changes)
assert changes == {"a later token": [3, 4, 5, 6, 7], "more padding": [], "another example": []}

# %% [markdown]
# ## Two things for training
#
# **Warm-up.** In the first steps Adam's estimates are rough, and a large step can spoil what is not
# yet learned. So the learning rate first grows, for $w$ steps, and then falls:
#
# $$ \eta_t = D^{-1/2} \min(t^{-1/2},\; t \cdot w^{-3/2}) $$
#
# Where is its maximum, and how large is it?

# %%
schedule = InverseSqrtWarmup(hidden_dim=64, warmup_steps=100)
steps = np.arange(400)
rates = np.array([float(schedule(step)) for step in steps])
highest = rates.argmax() + 1
print("highest at step", highest, "with", rates.max().round(4), "=", np.round(1 / np.sqrt(6400), 4))
assert highest == 100

# %%
fig, ax = plt.subplots(figsize=(6, 2.6))
ax.plot(steps + 1, rates)
ax.axvline(100, ls=":", color="grey", label="end of the warm-up")
ax.set(xlabel="step", ylabel="learning rate", title="Up, then down with the root")
ax.legend()
plt.show()

# %% [markdown]
# **Label smoothing.** Cross-entropy is never satisfied: to push the probability of the right token
# from 0.99 to 1, logits must grow without end. With a share $\varepsilon$ of the goal spread over
# all $V$ tokens, the best answer is a finite one ([Szegedy et al. 2016](#szegedy2016)):
#
# $$ L = -(1 - \varepsilon) \ln p_y - \frac{\varepsilon}{V} \sum_v \ln p_v $$
#
# We let the right one of four logits grow. Where is the loss smallest? There the right token should
# have the probability that the goal gives it: $1 - \varepsilon + \varepsilon / V = 0.925$.

# %%
smoothed = SmoothedCrossentropy(from_logits=True, label_smoothing=0.1)
gap = np.linspace(0, 10, 201).astype("float32")
p_right = np.exp(gap) / (np.exp(gap) + 3)
losses = [float(smoothed(np.array([[0]]), np.array([[[g, 0, 0, 0]]], "float32"))) for g in gap]
best = p_right[np.argmin(losses)]
print("smallest near probability 0.925:", abs(best - 0.925) < 0.005)
assert abs(best - 0.925) < 0.005

# %%
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(p_right, losses, label="smoothed")
ax.plot(p_right, -np.log(p_right), "--", label="cross-entropy")
ax.axvline(0.925, ls=":", color="grey")
ax.set(xlabel="probability of the right token", ylabel="loss", ylim=(0, 1.5))
ax.legend()
plt.show()

# %% [markdown]
# ## Backwards
#
# Ten thousand words, two passes, with a warm-up; behind it, a cosine is as good as the root here.
# We train a second model in which the positions are switched off: its tables are all zeros. What
# will it reach? It knows which letters there are, and a reversed word has the same ones.


# %%
def train(model, inputs, goals, epochs, batch_size=64):
    steps = math.ceil(len(goals) / batch_size) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - 60, warmup_target=3e-3, warmup_steps=60
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    return model.fit(inputs, goals, batch_size=batch_size, epochs=epochs, verbose=0)


def backwards(model, words):
    """What the model says, one token after the other, from its own answers."""
    ids, _ = decoding.greedy(model, pairs(words)[0][0], max_length=9)
    return ["".join(answer) for answer in letters.decode(ids)]


# %%
blind = small_transformer()
encoder = blind.get_layer("encoder")
for layer in (blind.get_layer("positions"), encoder.get_layer("source_positions")):
    layer.table = np.zeros_like(layer.table)
exact, some = {}, np.random.default_rng(2).permutation(len(train_words))[:10_000]
for name, one in {"with positions": model, "without": blind}.items():
    train(one, (source[some], reads[some]), says[some], epochs=2)
    said = backwards(one, held_out)
    exact[name] = np.mean([a == word[::-1] for a, word in zip(said, held_out, strict=True)])

# %%
print("with positions, exactly right in at least 0.95:", exact["with positions"] >= 0.95)
print("without, in at most 0.5:", exact["without"] <= 0.5)
assert exact["with positions"] >= 0.95
assert exact["without"] <= 0.5

# %% [markdown]
# With positions nearly every unseen word is right. Without them the model is not at zero: from the
# *causal* mask a decoder still knows how many letters it has said, and it has learned which orders
# of letters are usual. But it cannot know the order of this word.
#
# ### Where does it look?
#
# To say a word backwards, where must each step look? Draw the map before you run the cell. We take
# the cross-attention of both layers, each the mean of its four heads.

# %%
word = "garden"
inputs, _ = pairs([word])
weights = model.attention_weights((inputs[0][:, : len(word)], inputs[1][:, : len(word) + 1]))
print({name: found.shape for name, found in weights.items()})

# %%
said = [*word[::-1], "end"]
fig, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for layer, ax in enumerate(axes):
    ax.imshow(weights["cross"][layer, 0].mean(axis=0), cmap="Greens", vmin=0, vmax=1)
    ax.set_xticks(range(len(word)), list(word))
    ax.set_yticks(range(len(said)), said)
    ax.set(title=f"layer {layer + 1}, mean of its heads", xlabel="looks at")
axes[0].set_ylabel("says")
plt.show()

# %% [markdown]
# Some head should follow the diagonal from the last letter to the first. Is that so for all
# held-out words of six letters? For each head we count how often its largest weight lies on the
# letter that is said next.

# %%
six = [word for word in held_out if len(word) == 6]
inputs, _ = pairs(six)
cross = model.attention_weights((inputs[0][:, :6], inputs[1][:, :7]))["cross"]
follows = np.mean(cross[..., :6, :].argmax(axis=-1) == np.arange(5, -1, -1), axis=(1, 3))
print("(layers, heads):", follows.shape)
print("the best head is right in at least 0.8 of the steps:", follows.max() >= 0.8)
assert follows.max() >= 0.8

# %% [markdown]
# Nobody told the head to do this. And nothing forces the others to be understandable: what one head
# can do well, the others need not do.
#
# ## Against the recurrent network
#
# Now the task of chapter 05, where the LSTM with attention did well: say how a word is pronounced.
# Both models get the same 12,000 words, the same number of passes, and about as many parameters.
# The baseline says for each letter its most frequent phoneme. Which one do you expect to win?

# %%
spoken = {}
for part, split in {"train": "train[:36%]", "held out": "validation"}.items():
    rows = data.load("cmudict", split=split, batch_size=-1)
    spoken[part] = {}
    for word, sounds in zip(rows["word"].numpy(), rows["phonemes"].numpy(), strict=True):
        plain = [sound.rstrip("012") for sound in sounds.decode().split()]
        if word.isalpha() and 3 <= len(word) <= 7 and len(plain) <= 8:
            spoken[part].setdefault(word.decode(), []).append(plain)

# %%
rng = np.random.default_rng(3)
known = rng.permutation(sorted(spoken["train"]))[:12_000].tolist()
asked = rng.permutation(sorted(spoken["held out"]))[:500].tolist()
right = [spoken["held out"][word] for word in asked]
first = [spoken["train"][word][0] for word in known]
phonemes = Vocabulary.build(first)
spelled = letters.encode([list(word) for word in known], 7).numpy()
sounds = phonemes.encode(first, 10, start=True, end=True).numpy()
print(spelled.shape, sounds.shape, "held out:", len(asked))

# %%
table = collections.defaultdict(collections.Counter)
for word, said in zip(known, first, strict=True):
    if len(word) == len(said):
        for letter, phoneme in zip(word, said, strict=True):
            table[letter][phoneme] += 1
likely = {letter: counter.most_common(1)[0][0] for letter, counter in table.items()}
answers = {"table": [[likely[letter] for letter in word] for word in asked]}

# %%
sizes = len(letters), len(phonemes)
contestants = {
    "LSTM": seq2seq.Seq2Seq(*sizes, embedding_dim=64, units=160, attention="dot"),
    "Transformer": Transformer(
        *sizes,
        hidden_dim=64,
        num_layers=3,
        dropout=0.0,
        max_sequence_length=16,
        normalize_first=True,
    ),
}
for name, one in contestants.items():
    print(f"{name:<12} {one.count_params():,} parameters")


# %%
def pronounce(name):
    keras.utils.set_random_seed(1)
    one = contestants[name]
    train(one, (spelled, sounds[:, :-1]), sounds[:, 1:], epochs=4)
    ids, _ = decoding.greedy(one, letters.encode([list(word) for word in asked], 7), max_length=10)
    answers[name] = phonemes.decode(ids)


pronounce("LSTM")

# %%
pronounce("Transformer")

# %% tags=["nbval-ignore-output"]
rates = {name: metrics.error_rates(said, right) for name, said in answers.items()}
for name, (per, wer) in rates.items():
    print(f"{name:<12} phoneme error rate {per:.3f}, word error rate {wer:.3f}")

# %%
(table_per, _), (lstm_per, _), (per, wer) = rates.values()
print("phoneme error rate at most 0.2, the table's at least 0.4:", per <= 0.2, table_per >= 0.4)
print("at most 0.02 above the LSTM's:", per <= lstm_per + 0.02)
assert per <= 0.2
assert table_per >= 0.4
assert per <= lstm_per + 0.02

# %% [markdown]
# With the same words and passes the Transformer is not far behind the LSTM, if at all. Each was
# trained once, for four passes, so do not conclude which of them is better. The LSTM has no table
# of positions that ends at 16. What speaks for the Transformer is the first section of this lesson:
# its work can be done side by side, so it can be trained on far more text.
#
# ### Which words does it get wrong?

# %% tags=["nbval-ignore-output"]
misses = [(w, a, r[0]) for w, a, r in zip(asked, answers["Transformer"], right, strict=True)
          if a not in r]  # fmt: skip
for word, said, wanted in misses[:6]:
    print(f"{word:<9} {' '.join(said):<20} should be {' '.join(wanted)}")

# %%
print("at least every second word is exactly right:", len(misses) <= len(asked) / 2)
assert len(misses) <= len(asked) / 2

# %% [markdown]
# ## Saying the next token costs less than it seems
#
# To say token $t$, the decoder needs the keys and values of all tokens before. They do not change
# any more, because the mask is causal: so they are **kept**, and each step computes only one new
# row. `encode` prepares the memory's keys and values once, `decode_step` adds a row. Is a decoder
# that keeps them the same as one that computes everything again?

# %%
one = contestants["Transformer"]
ids = sounds[:3, :6]
memory, state = one.encode(spelled[:3])
rows = []
for t in range(6):
    logits, state = one.decode_step(ids[:, t], state, memory)
    rows.append(np.array(logits))
difference = np.abs(np.stack(rows, axis=1) - one((spelled[:3], ids))).max()
print("the same logits:", difference < 1e-4)
assert difference < 1e-4

# %% [markdown]
# Chapter 13 builds on this: it makes a language model write.
#
# ## Scale it
#
# The whole dictionary, a larger model, longer training, several devices: nothing in the model
# changes. One command trains it, writes a backup behind each epoch, and goes on where it stopped
# when it is started again:
#
# ```
# aimodels train transformer --data cmudict --recipe cpu --folder run1 --jit-compile
# aimodels train transformer --data cmn_eng --recipe cpu --folder run2 --jit-compile
# ```
#
# The second one translates everyday sentences from English to Chinese. On several GPUs the same
# command uses all of them (chapter 14). With `--jit-compile` the training step is compiled: that
# takes a while at the beginning and pays off when there are many steps.
#
# `benchmarks/translate_transformer.py` translates with the same pairs, searches and scores as the
# LSTM at the end of chapter 05, which says what BLEU and chrF count. The baseline answers with the
# translation of the nearest sentence that it knows. Before you read the scores, look behind them:
# what else differs between the two models?

# %%
for name, benchmark in (("LSTM", "translate_cmn_eng"), ("Transformer", "translate_transformer")):
    figures = recorded(benchmark)["figures"]
    bleu, chrf = (figures[f"test_beam_search_{score}"] for score in ("bleu", "chrf"))
    size, epochs = figures["parameters"] / 1e6, figures["epochs"]
    nearest = figures["test_nearest_sentence_bleu"]
    print(f"{name:<12} BLEU {bleu:.1f}, chrF {chrf:.1f}; {size:.1f} million, {epochs} epochs")
    claim("BLEU above the nearest sentence by", bleu - nearest, at_least=5)

# %% [markdown]
# Both beat the baseline clearly. But which of them is better, these figures cannot say. The two got
# different numbers of passes and parameters, and the Transformer had its labels smoothed and took
# smaller batches. Nor was either of them trained twice, so we do not know how far chance moves a
# score.
#
# This is the paper's own size, to be built and not to be trained here. How many parameters do you
# expect?

# %%
keras.utils.set_random_seed(1)
large = Transformer(37_000, 37_000, hidden_dim=512, num_heads=8, num_layers=6)
names = ("source_embedding", "embedding", "logits")
layers = [large.get_layer("encoder").get_layer(names[0]), *map(large.get_layer, names[1:])]
words = sum(layer.count_params() for layer in layers)
print(f"{large.count_params() / 1e6:.1f} million, {words / 1e6:.1f} of them for the words")

# %% [markdown]
# The paper counts 65 million: it uses *one* table for both embeddings and the logits, where we have
# three. `GPT` in chapter 13 shares its table in this way.

# %%
shared = large.count_params() - words + 37_000 * 512
print(f"with one table: {shared / 1e6:.0f} million")
assert 62 <= shared / 1e6 <= 65

# %% [markdown]
# ## Summary
#
# - Self-attention lets every token look at every other one, in several heads, with no step waiting
#   for another. Its cost grows with the square of the length, and a block needs more
#   multiplications than an LSTM at every length.
# - It knows no order. Positions, added to the embeddings, bring it in; we measured what is lost
#   without them.
# - A block is attention and two dense layers, each with a residual connection and a normalisation.
#   A pre-norm model needs one more normalisation at its end.
# - Three masks decide who may look where. Each promise is a test of two lines: change one input,
#   see which outputs move.
# - A warm-up protects the first steps; label smoothing gives the loss a finite best answer.
#
# ## Common mistakes
#
# - Batch and time exchanged: no error, and attention runs over strangers.
# - No causal mask: a wonderful loss in training, nonsense when it writes.
# - Padding masked in the loss, but not in the attention.
# - Positions forgotten.
# - Trained without a warm-up at a rate that would be right later.
# - A model compared with another one that got fewer passes, fewer parameters or less care.
#
# ## Exercises
#
# 1. **By hand.** Three tokens, two heads, $D = 4$: which entries of $Q K^\top$ does head 1 use?
# 2. **Count.** Derive the number of parameters of an encoder block for any $D$ and inner width, and
#    check it with `count_params`.
# 3. **Longer than ever seen.** Ask the model that says words backwards for words of 8 and 9
#    letters. What happens, and why?
# 4. **Learned positions.** Replace the sines by `PositionEmbedding(learned=True)`. What changes for
#    exercise 3?
# 5. **One head.** Train with `num_heads=1`. Does some head still follow the diagonal?
# 6. **Post-norm.** Train the pronouncing model with `normalize_first=False`, with and without the
#    warm-up. Which combination fails?
#
# ## References
#
# - <a id="ba2016"></a>Jimmy Lei Ba, Jamie Ryan Kiros, Geoffrey E. Hinton. *Layer Normalization*.
#   arXiv:1607.06450, 2016.
# - <a id="radford2019"></a>Alec Radford, Jeffrey Wu, Rewon Child, David Luan, Dario Amodei, Ilya
#   Sutskever. *Language Models are Unsupervised Multitask Learners*. OpenAI, technical report
#   (GPT-2), 2019.
# - <a id="szegedy2016"></a>Christian Szegedy, Vincent Vanhoucke, Sergey Ioffe, Jonathon Shlens,
#   Zbigniew Wojna. *Rethinking the Inception Architecture for Computer Vision*. CVPR, 2818–2826,
#   2016.
# - <a id="vaswani2017"></a>Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones,
#   Aidan N. Gomez, Łukasz Kaiser, Illia Polosukhin. *Attention Is All You Need*. NIPS 30,
#   5998–6008, arXiv:1706.03762, 2017.
