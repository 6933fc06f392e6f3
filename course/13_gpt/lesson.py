# ---
# jupyter:
#   aimodels:
#     title: "GPT: say the next token"
#     goals:
#       - say what a language model is, and measure it with loss and perplexity on held-out text
#       - prove that a model cannot see the token it must predict, and show what happens if it can
#       - build and train a small GPT that writes Python, and compare it with counting pairs
#       - choose tokens by temperature, top-k and top-p, and explain what each does
#       - explain what a cache of keys and values saves, and what it costs
#     prerequisites: [11_transformer]
#     minutes: 70
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
# - say what a language model is, and measure it with loss and perplexity on held-out text;
# - prove that a model cannot see the token it must predict, and show what happens if it can;
# - build and train a small GPT that writes Python, and compare it with counting pairs;
# - choose tokens by temperature, top-k and top-p, and explain what each does;
# - explain what a cache of keys and values saves, and what it costs.
#
# **Before this:** 11_transformer. **About 70 minutes.**
# **Repairs:** article 001 §1.4.3.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import inspect
import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from aimodels import gpt, layers, lite, recipes
from aimodels.course import claim, measured, recorded
from aimodels.decoding import TextStreamer, generate
from aimodels.text import BytePairTokenizer, Vocabulary
from aimodels.train import Model

# %% [markdown]
# ## One task
#
# `for i in range(` … what comes next? You can guess, because you have read much Python. A
# **language model** gives each possible next token a probability. From these it gets the
# probability of a whole text $x_1 \dots x_T$, as a product:
#
# $$ p(x) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1}) $$
#
# The **loss** is what we know from chapter 05, the cross-entropy of each right token, as a mean.
# The **perplexity** says the same in another unit: how many equally probable tokens would be as
# hard to guess from?
#
# $$ L = -\frac{1}{T}\sum_{t=1}^{T} \ln p(x_t \mid x_{<t}), \qquad \mathrm{perplexity} = e^L $$
#
# A model gave the four right tokens of a text the probabilities below. Between which two numbers
# will the perplexity be?

# %%
given = np.array([0.5, 0.125, 1.0, 0.25])
loss = -np.log(given).mean()
print(f"loss {loss:.4f}, perplexity {np.exp(loss):.4f}")

# %% [markdown]
# Alone, the second token has perplexity 8 and the third has 1. The perplexity of the text is in
# between: $8^{1/4} \cdot 2^{1/4} \cdot 4^{1/4} = 64^{1/4}$.
#
# Why is this one task so useful? To predict a text well, it helps to know its grammar, its names,
# what it is about. And the text itself gives the right answers: nobody has to label it. GPT was
# first trained like this and then taught single tasks ([Radford et al. 2018](#radford2018)); larger
# ones solve tasks that are only described in the prompt ([Radford et al. 2019](#radford2019),
# [Brown et al. 2020](#brown2020)).
#
# ## The text: Python's own library
#
# A good text to learn from lies on your computer already: the modules of Python's standard library.
# About one **file** in ten is held out. Why whole files, and not random lines?

# %%
modules, held_out = recipes.python_source()
claim("modules to train with:", len(modules), at_least=200)
claim("modules held out:", len(held_out), at_least=20)
print("in both parts:", len(set(filter(None, modules)) & set(filter(None, held_out))))

# %% [markdown]
# Lines of one file resemble each other. A model that has read half of a file would do too well on
# the other half.
#
# Your Python may have another version than ours, so its library, and many figures of this
# lesson, will differ a little. What the text claims is asserted on every version.
#
# ### Byte pairs
#
# Which tokens? With words we would meet unknown ones every day, such as new names; with
# letters, texts become long. **Byte pairs** are between the two ([Sennrich et al.
# 2016](#sennrich2016)). Begin with single bytes, find the most frequent pair of neighbours, make it
# one token, and again. What will be joined first here, and into what will *thaw* be cut?

# %%
toy = BytePairTokenizer.train(["the cat that the thief had"], num_merges=3)
print(toy.merges)
print(toy.tokenize("the thaw"))

# %% [markdown]
# *th* stands there four times. The `Ġ` is a space: a word is joined together with the space before
# it. *thaw* is no problem, though it was never seen: its parts are known. In the worst case they
# are single bytes.
#
# Now the library. To save time we learn 256 pairs from a part of it, and train with every third
# module. How many characters will a token have, on average?

# %%
modules = modules[::3]
tokenizer = BytePairTokenizer.train(modules[::2], num_merges=256)
vocabulary = Vocabulary(tokenizer.vocabulary)


def encode(text):
    return np.array(vocabulary.tokens_to_ids(tokenizer.tokenize(text)), "int32")


def decode(ids):
    return tokenizer.detokenize(vocabulary.ids_to_tokens(ids))


# %% tags=["nbval-ignore-output"]
line = '    return [name for name in names if name.startswith("_")]'
print("|".join(decode([i]) for i in encode(line)))
print(tokenizer.merges[-5:])

# %%
train = encode("\n\n".join(modules))
V, characters = len(vocabulary), len("\n\n".join(modules))
print(V, "tokens: 256 bytes, 256 pairs, 4 special ones")
claim("characters per token:", characters / len(train), at_least=1.8)
print("nothing is lost:", decode(encode(line + " # 我")) == line + " # 我")
assert V == 516
assert decode(encode(line + " # 我")) == line + " # 我"

# %% [markdown]
# Frequent words of Python have become single tokens; rare ones stay in pieces. (Our vocabulary
# makes room for `[PAD]`, `[UNK]`, `[START]` and `[END]`; this chapter needs none of them.)
#
# A model reads **windows** of $T = 64$ tokens. Input and goal are the same text, shifted by one.
# We cut the held-out text into such windows, and take two separate samples of them: one to watch
# the training, one for the end.

# %%
T = 64


def cut(ids):
    n = (len(ids) - 1) // T
    return ids[: n * T].reshape(n, T), ids[1 : n * T + 1].reshape(n, T)


reads, says = cut(encode("\n\n".join(held_out)))
watch, test = (reads[::40], says[::40]), (reads[1::5], says[1::5])
print("input", reads.shape[1:], "goal", says.shape[1:])
print("the same, one place later:", np.array_equal(reads[0, 1:], says[0, :-1]))
claim("windows to watch:", len(watch[0]), at_least=80)
claim("windows for the end:", len(test[0]), at_least=400)

# %% [markdown]
# ## What counting can do
#
# Two baselines. The **unigram** model knows only how often each token $b$ comes. The **bigram**
# model knows how often $b$ comes right after $a$. A pair that it never saw must not get probability
# 0, for then the loss would be infinite; so we mix in $k$ imagined tokens that follow the unigram:
#
# $$ p(b) = \frac{n_b + 1}{N + V}, \qquad p(b \mid a) = \frac{n_{ab} + k\,p(b)}{n_a + k} $$

# %%
unigram = (np.bincount(train, minlength=V) + 1) / (len(train) + V)
pairs = np.zeros((V, V))
np.add.at(pairs, (train[:-1], train[1:]), 1)


def bigram_with(k):
    return (pairs + k * unigram) / (pairs.sum(axis=1, keepdims=True) + k)


assert np.allclose(bigram_with(10).sum(axis=1), 1)

# %% [markdown]
# Which $k$? We are generous and let the bigram model choose it on the held-out windows themselves.
# Guess both perplexities; a model that knows nothing has perplexity $V = 516$.


# %%
def held_out_loss(p):
    return -np.log(p[test]).mean()  # test is (a, b): p[a, b] for each pair


bigram = min(map(bigram_with, (1, 3, 10, 30, 100)), key=held_out_loss)
baseline = {"unigram": -np.log(unigram[test[1]]).mean(), "bigram": held_out_loss(bigram)}

# %%
for name, loss in baseline.items():
    print(f"{name:<8} loss {measured(loss):.2f}, perplexity {measured(np.exp(loss)):.0f}")
claim("unigram below ln V by", np.log(V) - baseline["unigram"], at_least=0.5)
claim("bigram below unigram by", baseline["unigram"] - baseline["bigram"], at_least=1)

# %% [markdown]
# In code, one token says much about the next. But a bigram model has forgotten everything before
# it: it cannot close a bracket, or repeat a name. A Transformer can look back. How far, and *only*
# back?
#
# ## A model that reads the answer
#
# Article 001 §1.4.3 calls an encoder a GPT. As printed it does not run: indentation and an import
# are missing. Its class has no token vectors, no positions, no loss and no way to write a text;
# whatever number of layers you ask for, it builds one. All of that could be added. The serious
# fault gives no error message: there is **no causal mask**, so each position looks at all the
# others, also at those on its right.
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
crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
noise = np.random.default_rng(0).integers(20, size=(200 * 32, 17))
batches = tf.data.Dataset.from_tensor_slices((noise[:, :-1], noise[:, 1:])).batch(32).repeat()
on_noise = {}
for name, causal in {"without a mask": False, "causal": True}.items():
    model = reader(causal)
    # XLA would compile for longer than this training takes.
    model.compile(
        keras.optimizers.Adam(5e-3), crossentropy, metrics=["accuracy"], jit_compile=False
    )
    on_noise[name] = model.fit(batches, steps_per_epoch=20, epochs=10, verbose=0).history

# %%
fig, ax = plt.subplots(figsize=(6, 3))
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
# where its answer stands. It is not always right only because the last of the 16 places has nothing
# on its right: (15 + 1/20)/16 = 0.94 is its limit. On real text its loss would fall wonderfully
# too, and then it would write nonsense: when it writes, there is nothing on its right.
#
# So remember: **a loss that is too good to be true is a leak.** Random tokens are a test for it.
#
# ## GPT
#
# A GPT is a stack of the blocks of chapter 11, with three choices ([Radford et al.
# 2019](#radford2019)):
#
# $$ h_0 = E x + P, \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad z = \mathrm{norm}(h_L)\,E^\top $$
#
# - each block is **causal**, and normalises *before* attention and before its dense layers;
# - the positions $P$ are a table that is learned;
# - $E$ is used twice: it gives each token its vector, and the logits $z$ compare the last vector
#   with all token vectors. This is called **tied** weights.

# %%
D, L = 64, 2
train_seed = 1
keras.utils.set_random_seed(train_seed)
model = gpt.GPT(V, hidden_dim=D, num_heads=4, num_layers=L, max_sequence_length=T)
print(tuple(model(reads[:2]).shape))
print(f"{model.count_params():,} parameters")

# %% [markdown]
# Can you find this number without a computer? $E$ has $VD$ numbers, $P$ has $TD$. In each block
# attention has four matrices $D \times D$, the two dense layers have $D \times 4D$ and
# $4D \times D$: together $12 D^2$. Biases and the two normalisations add $13 D$; the last
# normalisation has $2D$.
#
# $$ VD + TD + L\,(12 D^2 + 13 D) + 2D $$

# %%
formula = V * D + T * D + L * (12 * D**2 + 13 * D) + 2 * D
print(f"{formula:,}", formula == model.count_params())
assert formula == model.count_params()
gpt2 = 50257 * 768 + 1024 * 768 + 12 * (12 * 768**2 + 13 * 768) + 2 * 768
print(f"the smallest GPT-2: {gpt2:,}")

# %% [markdown]
# Two tests before any training, as in chapter 05. If the model knows nothing, its loss is near
# $\ln V$. And if we change token 40, which logits may change?

# %%
at_start = crossentropy(says[:50], model(reads[:50])).numpy()
claim("loss minus ln 516", at_start - np.log(V), at_least=-0.1, at_most=0.1)
changed = reads[:1].copy()
changed[0, 40] = (changed[0, 40] + 1) % V
moved = np.abs(model(changed) - model(reads[:1]))[0].max(axis=-1)
print("first position that notices:", np.flatnonzero(moved > 1e-6)[0])
assert np.array_equal(np.flatnonzero(moved > 1e-6), range(40, T))

# %% [markdown]
# All from 40 on, and none before.
#
# ## Training
#
# `recipes.windows` draws windows at random places of the text. We take 16 at a time: 16 × 64 tokens
# are predicted in one step, each from what stands before it. The learning rate rises for 50 steps
# and then falls along a cosine to zero; a gradient longer than 1 is shortened to 1. Training is
# short, so Adam gets a shorter memory than usual (0.8 and 0.95). `jit_compile=True` compiles the
# step.

# %%
steps, batch_size = 1200, 16
of_epoch = recipes.windows(train, T, steps * batch_size, seed=train_seed)
batches = of_epoch(tf.constant(0, tf.int64)).batch(batch_size, drop_remainder=True).repeat()
rate = keras.optimizers.schedules.CosineDecay(0.0, steps - 50, warmup_target=5e-3, warmup_steps=50)
adam = keras.optimizers.Adam(rate, beta_1=0.8, beta_2=0.95, global_clipnorm=1.0)
model.compile(adam, crossentropy, jit_compile=True)


# %%
def train_until(step, since=0):
    """Mean losses of every 100 steps: in training, and on the windows that we watch."""
    rounds = {"steps_per_epoch": 100, "initial_epoch": since // 100, "epochs": step // 100}
    history = model.fit(batches.skip(since), validation_data=watch, verbose=0, **rounds).history
    return history["loss"], history["val_loss"]


first = train_until(400)
claim("held-out loss", first[1][-1], at_most=measured(baseline["unigram"]))

# %% [markdown]
# After 400 steps, which share of the training text has it seen, about? We go on to the end.

# %%
second = train_until(steps, since=400)
learning, watched = np.concatenate([first, second], axis=1)
print("numbers for the curves:", len(learning), len(watched))
share = 400 * batch_size * T / len(train)
claim("share of the text seen after 400 steps", share, at_most=0.5)

# %%
fig, ax = plt.subplots(figsize=(6.5, 3.4))
seen = range(100, steps + 1, 100)
ax.plot(seen, learning, "--", label="GPT, training")
ax.plot(seen, watched, "o-", label="GPT, held out")
for (name, loss), color in zip(baseline.items(), ("grey", "black"), strict=True):
    ax.axhline(loss, ls=":", color=color, label=f"{name}, held out")
ax.set(xlabel="steps", ylabel="loss", title="First it learns what counting knows, then more")
ax.legend()
plt.show()

# %% [markdown]
# Was the watched sample lucky? We look at the other held-out windows, once.

# %%
logits = np.concatenate([model(test[0][i : i + 200]) for i in range(0, len(test[0]), 200)])
losses = crossentropy.call(test[1], logits).numpy()
for name, loss in {**baseline, "GPT": losses.mean()}.items():
    print(f"{name:<8} loss {measured(loss):.2f}, perplexity {measured(np.exp(loss)):.0f}")
claim("GPT below bigram by", baseline["bigram"] - losses.mean(), at_least=0.2)

# %% [markdown]
# ### What does the past bring?
#
# In a window, the first position knows one token and the last one knows 64. If context helps, the
# loss must fall from left to right. Where will the first position be, compared with the bigram
# model?

# %%
by_place = losses.mean(axis=0)
pairs_by_place = -np.log(bigram[test]).mean(axis=0)
fig, ax = plt.subplots(figsize=(6.5, 3))
ax.plot(range(1, T + 1), by_place, label="GPT")
ax.plot(range(1, T + 1), pairs_by_place, ":", color="black", label="bigram")
ax.set(xlabel="tokens that it can see", ylabel="held-out loss", title="More past, less surprise")
ax.legend()
plt.show()

# %%
early, late = by_place[:2].mean(), by_place[32:].mean()
first_ten = early - by_place[9:12].mean()
print("loss with one token:", measured(by_place[0]), "bigram:", measured(pairs_by_place[0]))
claim("GPT minus bigram", by_place[0] - pairs_by_place[0], at_least=0)
claim("loss saved by more than 32 tokens", early - late, at_least=0.3)
claim("share of that saved by the first ten", first_ten / (early - late), at_least=0.5)

# %% [markdown]
# With one token to look at, GPT is a bigram model too, and not a better one: counting is exact. All
# that it wins, it wins by looking back, and most of it with the first ten tokens.
#
# ## Look inside
#
# ### Where is it surprised?
#
# We wrote a few lines that stand in no library. The redder a token, the larger its loss. Before
# you look: which places are easy, which ones are hard?

# %%
code = """
def read_names(path):
    with open(path) as file:
        names = file.read()
    return names.split(",")
"""
ids = encode(code)
surprise = crossentropy.call(ids[None, 1:], model(ids[None, :-1]))[0].numpy()
print("it fits into a window:", len(ids) <= T, "- first token:", repr(decode(ids[:1])))
assert len(ids) <= T

# %%
lines = code.split("\n")
picture = np.full((len(lines), max(map(len, lines))), np.nan)
fig, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
row, column = 1, 0
for token, loss in zip(ids[1:], surprise, strict=True):
    for letter in decode([token]):
        if letter == "\n":
            row, column = row + 1, 0
        else:
            picture[row, column] = loss
            color = "white" if loss > 5 else "black"
            ax.text(column, row, letter, family="monospace", ha="center", va="center", color=color)
            column += 1
    ax.plot([column - 0.5] * 2, [row - 0.5, row + 0.5], color="white", lw=2)
ax.set(yticks=[], xticks=[], ylim=(len(lines) - 1.5, 0.5), title="Loss of each token")
fig.colorbar(ax.imshow(picture, cmap="Reds", vmin=0, vmax=8, aspect="auto"))
plt.show()

# %% [markdown]
# Our impression: hard is where the writer decides something, at the **beginning of a word**. Easy
# is how a word goes on. One picture proves nothing, so we ask the test windows. A token begins a
# word if it has a letter at its front, or behind a space, and no letter stands before it.

# %%
pieces = [decode([i]) for i in range(V)]
letter_first = np.array([p.lstrip(" ")[:1].isalpha() for p in pieces])
open_end = np.array([p[-1:].isalpha() for p in pieces])  # a word may go on behind it
spaced = np.array([p[:1] == " " for p in pieces])
goes_on = letter_first[test[1]] & ~spaced[test[1]] & open_end[test[0]]
begins = letter_first[test[1]] & ~goes_on
mean = {"begins a word": losses[begins].mean(), "goes on": losses[goes_on].mean()}
print("mean loss:", {name: measured(loss) for name, loss in mean.items()})
claim("a beginning costs more by", mean["begins a word"] - mean["goes on"], at_least=0.5)

# %% [markdown]
# ### Where does it look?
#
# We pass the same lines through the model, block by block, and keep the weights of each head. Row:
# the token that looks; column: the token that it looks at. What must the upper right half be? And
# how many tokens back does each head look, on average?


# %%
def heads_of(texts):
    """Weights of every head: (texts, heads, looking, looked at)."""
    x = model.get_layer("positions")(model.get_layer("embedding")(texts))
    found, how = [], {"use_causal_mask": True, "return_attention_scores": True}
    for i in range(L):
        block = model.get_layer(f"block{i + 1}")
        normed = block.attention_norm(x)
        found.append(block.attention(normed, normed, **how)[1].numpy())
        x = block(x)
    return np.concatenate(found, axis=1)


[heads] = heads_of(ids[None])
print(len(heads), "heads; weight on later tokens:", max(np.triu(h, 1).max() for h in heads))
assert max(np.triu(h, 1).max() for h in heads) == 0

# %%
fig, axes = plt.subplots(2, 4, figsize=(9, 4.8), layout="constrained")
for i, (ax, weights) in enumerate(zip(axes.flat, heads, strict=True)):
    ax.imshow(weights**0.5, cmap="Greens", vmin=0, vmax=1)  # the root shows small weights too
    ax.set(title=f"block {i // 4 + 1}, head {i % 4 + 1}", xticks=[], yticks=[])
axes[0, 0].set(xlabel="looked at", ylabel="looking")
plt.show()


# %%
def tokens_back(weights):
    t = np.arange(weights.shape[-1])
    return (weights * (t[:, None] - t)).sum(axis=-1).mean(axis=-1)


ours = tokens_back(heads)
nearest, farthest = ours.argmin(), ours.argmax()
alike = (len(ids) - 1) / 4  # of a head that looks everywhere alike
print("tokens back, without preference:", measured(alike))
claim("nearest head", ours[nearest], at_most=measured(0.7 * alike))
claim("farthest head", ours[farthest], at_least=measured(1.5 * ours[nearest]))

# %% [markdown]
# One head looks at what is near, another one farther back. But these are our own lines. Is it so
# in code that we did not choose? We ask the same two heads about 100 held-out windows.

# %%
back = tokens_back(heads_of(test[0][:100]))
print("tokens back:", measured(back[:, nearest].mean()), measured(back[:, farthest].mean()))
in_most = np.mean(1.5 * back[:, nearest] < back[:, farthest])
claim("windows in which one looks 1.5 times as far", in_most, at_least=0.9)

# %% [markdown]
# It is. Whether that is *useful*, weights cannot tell: for that we would have to take a head away
# and measure the loss.
#
# ## Choosing a token
#
# To write, we give the model a beginning, the **prompt**, choose one of the tokens that it expects,
# append it, and ask again. How to choose? **Greedy** takes the most probable one. To **sample** is
# to draw according to the probabilities. Between them there are three controls:
#
# - **temperature** $\tau$: the logits are divided by it. $p_v \propto \exp(z_v / \tau)$;
# - **top-k**: only the $k$ most probable tokens may be drawn;
# - **top-p**: only the most probable ones, as few as have probability $p$ together.
#
# By hand:


# %%
def choices(z, temperature=1.0, top_k=None, top_p=1.0):
    p = np.array(keras.ops.softmax(z / temperature))
    order = np.argsort(-p)
    before = np.cumsum(p[order]) - p[order]
    possible = order[before < top_p][:top_k]
    kept = np.zeros_like(p)
    kept[possible] = p[possible]
    return kept / kept.sum()


# %% [markdown]
# One model is sure of the next token, the other is not. How many tokens will be left of five, with
# top-k of 2, and with top-p of 0.8?

# %%
wishes = {
    "temperature 0.5": {"temperature": 0.5},
    "top-k 2": {"top_k": 2},
    "top-p 0.8": {"top_p": 0.8},
}
examples = {"sure": np.array([4.0, 2, 1, 0.5, 0]), "unsure": np.array([1.0, 0.8, 0.6, 0.4, 0.2])}
shapes = {(e, w): choices(z, **wishes[w]) for e, z in examples.items() for w in wishes}
for (example, wish), p in shapes.items():
    row = " ".join(f"{x:.4f}" for x in p)
    print(f"{example:<7} {wish:<16} {row}  left: {np.count_nonzero(p)}")

# %%
fig, axes = plt.subplots(2, 3, figsize=(8, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, ((example, wish), p) in zip(axes.flat, shapes.items(), strict=True):
    ax.bar(range(5), choices(examples[example]), color="lightgrey", label="before")
    ax.bar(range(5), p, width=0.4, color="tab:blue", label="after")
    ax.set(title=f"{example}, {wish}", xlabel="token", ylim=(0, 1))
axes[0, 0].legend()
plt.show()

# %% [markdown]
# Top-k always leaves two, although the sure model needs one and the unsure one has five good
# tokens. Top-p adapts. A temperature below 1 takes nothing away, but makes the large larger.
#
# Does `generate` do the same? We let the model continue one prompt 4,000 times by one token, and
# compare how often each token came with what we compute by hand.

# %%
prompt = encode("for i in ")
z = model(prompt[None])[0, -1].numpy()
for name, wish in wishes.items():
    drawn = np.concatenate(
        generate(model, [prompt] * 4000, 1, **{"temperature": 1.0} | wish, seed=0)
    )
    frequency = np.bincount(drawn, minlength=V) / 4000
    difference = np.abs(frequency - choices(z, **wish)).max()
    claim(f"{name}: largest difference", difference, at_most=0.04)

# %% [markdown]
# ## Let it write
#
# First greedy. What do you expect of a model that always takes the most probable token? (When a
# text outgrows the window of 64, `generate` goes on from its last 32 tokens.)

# %% tags=["nbval-ignore-output"]
begin = encode("\n\ndef read(path):\n")
[greedy] = generate(model, [begin], 150)
print(decode(begin) + decode(greedy))


# %%
def variety(ids, n=8):
    """Of all runs of n tokens, the share that is new."""
    runs = np.lib.stride_tricks.sliding_window_view(ids, n)
    return len(np.unique(runs, axis=0)) / len(runs)


claim("share of the runs that are new", variety(greedy), at_most=0.9)

# %% [markdown]
# Is that so in general? Six beginnings, each continued by 150 tokens, both ways:

# %%
lines = ("import os", "class Reader:", "def main():", "for i in range(10):", "    return", "# The")
openings = [encode("\n\n" + line) for line in lines]
wish = {"temperature": 0.8, "top_k": 40, "seed": 1}
new = {}
for name, how in {"greedy": {}, "sampled": wish}.items():
    new[name] = np.mean([variety(ids) for ids in generate(model, openings, 150, **how)])
claim("new runs, greedy", new["greedy"], at_most=0.7)
claim("new runs, sampled", new["sampled"], at_least=0.9)

# %% [markdown]
# Greedy goes in circles: what was written once becomes more probable the next time. (A
# `repetition_penalty` above 1 works against it.) Now sampled, token by token, as they come:

# %% tags=["nbval-ignore-output"]
print(decode(begin), end="")
[sampled] = generate(model, [begin], 150, callback=TextStreamer(decode), **wish)
print()

# %% [markdown]
# Read it: does it mean anything?
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
print("same seed, same text:", np.array_equal(sampled, again))
print("together as alone:", all(map(np.array_equal, together, alone)))
assert np.array_equal(sampled, again)
assert all(map(np.array_equal, together, alone))

# %% [markdown]
# ### Does it close its brackets?
#
# One text proves nothing. We said that a bigram model cannot close a bracket, because it has
# forgotten that one is open. Of a model, `generate` needs only `config`, `cache` and `step`. So we
# can let the bigram model write, too. A **trigram** model, which knows the last *two* tokens, is a
# harder test: `()` and `(x)` are within its reach. Its table would have $V^3$ numbers, so we count
# the followers of a pair only when it comes.


# %%
class Pairs:
    """The bigram model, as `generate` wants it: with nothing to keep in a cache."""

    def __init__(self, p):
        self.config = {"vocabulary_size": V, "max_sequence_length": T}
        self.log_p = tf.math.log(tf.constant(p, tf.float32))

    def cache(self, batch_size):
        return []

    def step(self, ids, cache, index, padding=None):
        return tf.gather(self.log_p, ids[:, -1]), cache


# %%
before_last = train[:-2].astype("int64") * V + train[1:-1]
in_order = np.argsort(before_last, kind="stable")
before_last, followers = before_last[in_order], train[2:][in_order]


def trigram(a, b, k=10):
    """p(. | a, b): k imagined tokens follow the bigram model."""
    first, end = np.searchsorted(before_last, [a * V + b, a * V + b + 1])
    counts = np.bincount(followers[first:end], minlength=V)
    return (counts + k * bigram[b]) / (end - first + k)


def write_by_trigram(start, steps, temperature, seed):
    random, ids = np.random.default_rng(seed), list(start)
    for _ in range(steps):
        p = (trigram(*ids[-2:]) if len(ids) > 1 else bigram[ids[-1]]) ** (1 / temperature)
        ids.append(random.choice(V, p=p / p.sum()))
    return ids[len(start) :]


# %%
def balanced(line):
    depth = 0
    for letter in line:
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            return False
    return depth == 0


def share_balanced(texts):
    lines = [line for ids in texts for line in decode(ids).split("\n")[1:-1]]
    lines = [line for line in lines if set(line) & set("([{}])")]
    return np.mean([balanced(line) for line in lines])


# %% [markdown]
# Each of them writes 300 texts of 63 tokens. In which share of the complete lines with brackets
# does every bracket have its partner? For comparison, the library's own held-out lines, where some
# brackets stay open until a later line.

# %%
start = [encode("\n")] * 300
closes = {"library": share_balanced(says[::20])}
for name, writer in {"bigram": Pairs(bigram), "GPT": model}.items():
    closes[name] = share_balanced(generate(writer, start, T - 1, temperature=0.8, seed=0))
written = [write_by_trigram(one, T - 1, 0.8, seed) for seed, one in enumerate(start)]
closes["trigram"] = share_balanced(written)
print({name: measured(share) for name, share in closes.items()})

# %%
claim("GPT more often than bigram by", closes["GPT"] - closes["bigram"], at_least=0.2)
claim("GPT more often than trigram by", closes["GPT"] - closes["trigram"], at_least=0.05)
claim("library more often than GPT by", closes["library"] - closes["GPT"], at_least=0.01)

# %% [markdown]
# GPT closes its brackets more often than a model of the last two tokens, so it uses what stands
# farther back. How it does so, and whether it *knows* that something is open, this test does not
# show.
#
# ## The cache
#
# To write token 41, the model must know all 40 before it. Has it to read them again for each new
# token? The plain way does so:


# %%
def plain_greedy(ids, steps):
    for _ in range(steps):
        ids = np.append(ids, np.argmax(model(ids[None])[0, -1]))
    return ids[-steps:]


# %% [markdown]
# But the model is causal: what it computed for the first 40 places cannot change when a 41st comes.
# Of the earlier tokens, attention needs only their **keys and values**. So `generate` keeps them in
# a **cache** and reads one token in each step. Are the tokens the same?

# %%
cached = generate(model, prompts, 30)
plain = [plain_greedy(prompt, 30) for prompt in prompts]
print("the same 30 tokens, three times:", all(map(np.array_equal, cached, plain)))
assert all(map(np.array_equal, cached, plain))
print(inspect.getsource(gpt.GPT.cache).split('"""')[2])

# %% [markdown]
# The lines above are the whole empty cache: two tensors for each block. How much does it save?
# Reading one token takes about $12 D^2$ multiplications in each block for the matrices, and $2tD$
# to look at $t$ places. In step $t$ the plain way reads all $t$ tokens, the cached way one. For $n$
# tokens:
#
# $$ \text{plain: } \sum_{t=1}^{n} L\,(12 D^2 t + 2 t^2 D), \qquad
#    \text{cached: } \sum_{t=1}^{n} L\,(12 D^2 + 2 t D) $$
#
# We put the smallest GPT-2 in: 12 blocks, $D = 768$. By what factor do they differ at its longest
# text, $n = 1024$? (The product with $E^\top$ is left out: both ways need it once in each step.)

# %%
t, blocks, width = np.arange(1, 1025.0), 12, 768
plain_sum = np.cumsum(blocks * (12 * width**2 * t + 2 * t**2 * width))
cached_sum = np.cumsum(blocks * (12 * width**2 + 2 * t * width))
print(f"for 1024 tokens {plain_sum[-1] / cached_sum[-1]:.0f} times fewer with a cache")
memory = 2 * 12 * 1024 * 768 * 4
print(f"memory for the cache: {memory / 1e6:.1f} MB a text")

# %%
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.loglog(t, plain_sum, label="plain")
ax.loglog(t, cached_sum, label="cached")
ax.set(xlabel="tokens written", ylabel="multiplications", title="GPT-2 with 12 blocks")
ax.legend()
plt.show()

# %% [markdown]
# Nothing is free: the cache must lie in memory, $2 L T D$ numbers for each text, and in each step
# all of it is read. For large models and long texts, this memory is what limits how many users one
# machine can serve.

# %%
numbers = sum(tensor.shape.num_elements() for pair in model.cache(1) for tensor in pair)
print("numbers in our cache:", numbers, "as the formula says:", numbers == 2 * L * T * D)
assert numbers == 2 * L * T * D

# %% [markdown]
# ## Weights of eight bits
#
# To write one token, the machine must read every weight once, and in products as small as these
# reading takes longer than multiplying. So fewer bytes may mean more speed. Do we need all 32 bits
# of a weight? Round it to one of 255 whole numbers, and keep one scale for each output
# ([Jacob et al. 2018](#jacob2018)):
#
# $$ W_{ij} \approx s_j\, q_{ij}, \qquad s_j = \max_i |W_{ij}| / 127, \qquad
#    q_{ij} \in \{-127, \dots, 127\} $$
#
# How large is the error, compared with the weights?

# %%
W = model.get_layer("block1").feedforward_intermediate.kernel.numpy()
s = np.abs(W).max(axis=0) / 127
q = np.round(W / s).astype("int8")
error = np.std(s * q - W) / np.std(W)
print(f"{W.nbytes:,} bytes, then {q.nbytes:,}")
claim("error relative to the weights", error, at_most=0.01)

# %% [markdown]
# `lite.export` does it with the whole model and writes one file that
# [LiteRT](https://ai.google.dev/edge/litert) runs, on a telephone as well. We write it twice, with
# 32 and with 8 bits. `LiteGPT` reads such a file and stands in the model's place. What will the
# rounding cost?


# %%
def perplexity(one, rows):
    """Of the tokens behind the first of each row, one step after another."""
    losses = []
    for row in rows:
        kept = one.cache(1)
        for place in range(len(row) - 1):
            z, kept = one.step(row[None, place : place + 1], kept, place)
            losses.append(crossentropy(row[place + 1 : place + 2], z))
    return float(np.exp(np.mean(losses)))


found = {}
for bits in (32, 8):
    path = Path(tempfile.mkdtemp(), "gpt.tflite")
    lite.export(model, path, int8=bits == 8)
    small = lite.LiteGPT(path)
    found[bits] = path.stat().st_size, perplexity(small, reads[:10])

# %%
size, exact = found[32]
share, more = found[8][0] / size, found[8][1] / exact - 1
claim("share of the bytes", share, at_most=0.45)
print(f"perplexity {measured(exact):.2f}, then {measured(found[8][1]):.2f}")
claim("relative change", more, at_least=-0.02, at_most=0.02)

# %% [markdown]
# Nearly nothing. `generate` writes with it as with the model:

# %% tags=["nbval-ignore-output"]
[answer] = generate(small, prompts[:1], 40, temperature=0.8, seed=1)
print(decode([*prompts[0], *answer]))

# %%
print("tokens written:", len(answer))
assert len(answer) == 40

# %% [markdown]
# Is it faster? That depends on the processor: its caches, its instructions for eight bits. We ran
# `benchmarks/gpt_speed.py` on the one that the title of the picture names. It lets this GPT, larger
# ones of the same size from PyTorch, Hugging Face and keras-hub, and our file of eight bits take
# turns. All but the last must write the same tokens. With XLA the whole loop over the tokens is
# compiled.

# %%
report = recorded("gpt_speed")
host = "{processor}, {system}".format(**report["machine"])
speed = report["figures"]["threads: 1"]["generation, batch 1"]
names = sorted(speed, key=lambda name: -speed[name]["milliseconds"])
fig, ax = plt.subplots(figsize=(6, 2.4))
ax.barh(names, [speed[name]["milliseconds"] for name in names])
ax.set(xlabel="milliseconds for each token", title=f"one text, one core of {host}")
plt.show()

# %% [markdown]
# On another processor the bars may stand in another order. For yours, run `python benchmarks/run.py
# gpt_speed`. What does XLA bring to our own loop here?

# %%
for batch in (1, 8):
    rows = report["figures"]["threads: 1"][f"generation, batch {batch}"]
    plain, xla = (rows[name]["milliseconds"] for name in ("ours", "ours with XLA"))
    print(f"batch {batch}: {plain} ms a token, with XLA {xla} ms, on one core of {host}")

# %% [markdown]
# ## Scale it
#
# 1,200 steps were enough to beat counting. For text that reads well, take more of everything: more
# blocks, wider ones, longer windows, more steps. A recipe does it, with checkpoints, so that you
# may stop it and go on:
#
# ```
# aimodels train gpt --folder run1
# aimodels train gpt --data tiny_shakespeare --recipe cpu --folder run2
# aimodels train gpt --data tiny_shakespeare --recipe base --folder run3
# aimodels train gpt --data chinese_poems --recipe cpu --folder run4
# ```
#
# The first one learns the whole library, with 2,000 merges. The second one reads Shakespeare's
# plays, letter by letter. The third one is for a graphics card. The fourth one learns from poems of
# the Tang dynasty. How large are the second and the third?

# %%
for name in ("cpu", "base"):
    recipe = recipes.RECIPES["gpt"][name]
    wide, deep = recipe.model["hidden_dim"], recipe.model["num_layers"]
    in_blocks = deep * (12 * wide**2 + 13 * wide)
    tokens = recipe.batch_size * recipe.length * recipe.epochs * recipe.steps
    print(f"{name:<4} {in_blocks:>10,} parameters in {deep} blocks, reads {tokens:,} tokens")

# %% [markdown]
# What does the second one reach? `benchmarks/tiny_shakespeare.py` ran it to its end, also with
# `--jit-compile`, in turns with a program of the same recipe in PyTorch.

# %%
report = recorded("tiny_shakespeare")
letters, cores = report["figures"], report["figures"]["threads"]
for name in ("ours", "ours with XLA", "PyTorch"):
    loss, seconds = (letters[name][key] for key in ("validation_loss", "seconds"))
    print(f"{name:<13} held-out loss {loss:.2f} after {seconds:.0f} s, all included")
print("on", cores, "cores of {processor}, {system}".format(**report["machine"]))

# %% [markdown]
# How much do size and text buy? `benchmarks/gpt_scaling.py` trained GPTs of five sizes on
# Shakespeare's letters, all for the same number of steps, and one of them also on parts of the
# text. Both axes grow by factors, not by sums.

# %%
runs = recorded("gpt_scaling")["figures"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for ax, name, x in zip(axes, ["sizes", "texts"], ["parameters in blocks", "letters"], strict=True):
    ax.loglog([one[x] for one in runs[name]], [one["loss"] for one in runs[name]], "o-")
    ax.set(xlabel=x, title=f"{len(runs[name])} {name}")
axes[0].set(ylabel="held-out loss")
axes[0].yaxis.set_minor_formatter("{x:.1f}")
plt.show()

# %% [markdown]
# In such a picture a straight line means a **power law**, loss $= c\,N^{-\alpha}$: each factor of
# size buys the same factor of loss. [Kaplan et al. 2020](#kaplan2020) found such lines over many
# powers of ten, with $\alpha$ near 0.076 for size and 0.095 for text. Our line of sizes grows
# flatter to the right: which models did not learn to their end in these steps? And what happens to
# a model that sees the same little text again and again?

# %%
for name in ("size", "text"):
    alpha = runs[f"exponent of {name}"]
    print(f"{name}: exponent {alpha}, so ten times as much gives {10**-alpha:.2f} times the loss")
small_text = runs["texts"][0]
print("least text, held-out loss on the way:", small_text["losses on the way"])
print("and its training loss in the end:", small_text["last training loss"])

# %% [markdown]
# ### Train, load, write
#
# When the first command has ended, its folder holds the model, its vocabulary and its merges.
# `TextGenerator` reads all three and takes text instead of numbers:
#
# ```
# # aimodels train gpt --folder run1
# from aimodels.text_generator import TextGenerator
#
# writer = TextGenerator.load("run1")
# print(writer.generate("def read(path):", max_new_tokens=100, temperature=0.8))
# ```
#
# With weights that others have trained, it is the same: put the published files of a GPT-2 into a
# folder (`config.json`, `model.safetensors`, `vocab.json` and `merges.txt`), and
# `TextGenerator.load("gpt2")` reads them. These are its parts, one by one, for all that this lesson
# does with a model, from `generate` to the picture of surprise:
#
# ```
# model = gpt.GPT.from_checkpoint("gpt2")
# tokenizer = BytePairTokenizer.load("gpt2/merges.txt")
# names = "pad_token", "unknown_token", "start_token", "end_token"
# special_tokens = dict.fromkeys(names, "<|endoftext|>")
# vocabulary = Vocabulary.load("gpt2/vocab.json", **special_tokens)
# ```
#
# ## Summary
#
# - A language model says the next token; a text's probability is a product. Loss is measured on
#   held-out files, and its exponential is the perplexity.
# - A causal mask keeps the answer out of sight. Without it, a model "predicts" even random tokens.
# - GPT: token vectors plus learned positions, causal blocks that normalise first, tied weights.
# - Counting pairs is a baseline that must be beaten; what a GPT wins, it wins by looking back.
# - Temperature makes the large larger or smaller; top-k and top-p take away what is unlikely.
# - The cache keeps keys and values: the same tokens, far fewer multiplications, more memory.
# - Weights of eight bits: less to read for each token, nearly the same perplexity.
#
# ## Common mistakes
#
# - No causal mask, or input and goal not shifted: a wonderful loss, and nonsense in writing.
# - Training and held-out lines from the same file.
# - Comparing perplexities of models with different tokens: larger tokens are harder to guess, but a
#   text has fewer of them. Compare the loss for each character.
# - Judging a model by one sampled text. The next seed writes another one.
# - Padding prompts on the right: then the model goes on behind the padding.
#
# ## Exercises
#
# 1. **By hand.** A model gives the right tokens 1/2, 1/4, 1/8. Compute loss and perplexity. What is
#    the perplexity if one of them gets probability 0?
# 2. **Three tokens.** Choose $k$ of `trigram` on held-out windows. Does its loss beat that of the
#    bigram model? Does it beat GPT's? How large would its whole table be?
# 3. **No positions.** Set the table of positions to zero and train again. The causal mask still
#    gives away some order: how much worse is the loss?
# 4. **A fair unit.** Train with 64 and with 1,024 merges. Compare the losses per token, and per
#    character.
# 5. **Temperature.** Sample 20 texts at temperatures 0.2, 0.6, 1.0 and 1.4. Which share of their
#    lines does `ast.parse` accept?
# 6. **Count it.** Our model writes 60 tokens. By which factor does its cache save multiplications?
#    Why is it less than for GPT-2 with 1,024?
#
# ## References
#
# - <a id="brown2020"></a>Tom B. Brown, Benjamin Mann, Nick Ryder, Melanie Subbiah, Jared Kaplan, et
#   al. *Language Models are Few-Shot Learners*. NeurIPS 33, arXiv:2005.14165, 2020.
# - <a id="jacob2018"></a>Benoit Jacob, Skirmantas Kligys, Bo Chen, Menglong Zhu, Matthew Tang,
#   Andrew Howard, Hartwig Adam, Dmitry Kalenichenko. *Quantization and Training of Neural Networks
#   for Efficient Integer-Arithmetic-Only Inference*. CVPR, 2704–2713, 2018.
# - <a id="kaplan2020"></a>Jared Kaplan, Sam McCandlish, Tom Henighan, Tom B. Brown, et al. *Scaling
#   Laws for Neural Language Models*. arXiv:2001.08361, 2020.
# - <a id="radford2018"></a>Alec Radford, Karthik Narasimhan, Tim Salimans, Ilya Sutskever.
#   *Improving Language Understanding by Generative Pre-Training*. Technical report, OpenAI, 2018.
# - <a id="radford2019"></a>Alec Radford, Jeffrey Wu, Rewon Child, David Luan, Dario Amodei, Ilya
#   Sutskever. *Language Models are Unsupervised Multitask Learners*. Technical report (GPT-2),
#   OpenAI, 2019.
# - <a id="sennrich2016"></a>Rico Sennrich, Barry Haddow, Alexandra Birch. *Neural Machine
#   Translation of Rare Words with Subword Units*. ACL, 1715–1725, 2016.
