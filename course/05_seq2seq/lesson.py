# ---
# jupyter:
#   aimodels:
#     title: From sequence to sequence
#     goals:
#       - "prepare pairs of sequences for training: vocabularies, start and end, teacher forcing"
#       - build an encoder and a decoder, and prove that the decoder never sees its own answer
#       - compute attention by hand, and say what its scale, its mask and its projections are for
#       - train a model that pronounces words it has never seen, and measure its errors
#       - decode by greedy and by beam search, and know what their scores mean
#     prerequisites: [04_recurrent]
#     minutes: 80
#     repairs: [000-4.1.2, 004-4.3]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From sequence to sequence
#
# **You will be able to**
#
# - prepare pairs of sequences for training: vocabularies, start and end, teacher forcing;
# - build an encoder and a decoder, and prove that the decoder never sees its own answer;
# - compute attention by hand, and say what its scale, its mask and its projections are for;
# - train a model that pronounces words it has never seen, and measure its errors;
# - decode by greedy and by beam search, and know what their scores mean.
#
# **Before this:** 04_recurrent. **About 80 minutes.**
# **Repairs:** article 000 §4.1.2, article 004 §4.3.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import collections
import inspect
import math
import re

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from aimodels import data, decoding, metrics, seq2seq
from aimodels.course import claim, measured
from aimodels.layers.softmax import masked_softmax
from aimodels.text import Vocabulary

# %% [markdown]
# ## Words are not said as they are written
#
# How do you say *knee*? A reader of English knows: the *k* is silent, and *ee* is one sound. The
# CMU Pronouncing Dictionary lists words, and names too, with their **phonemes**, the sounds of the
# language. It marks how strongly each vowel is spoken with a digit; we leave the digits out.


# %%
def read(split):
    examples = data.load("cmudict", split=split, batch_size=-1)
    rows = zip(examples["word"].numpy(), examples["phonemes"].numpy(), strict=True)
    pairs = ((w.decode(), tuple(re.sub(r"\d", "", p.decode()).split())) for w, p in rows)
    return [(w, p) for w, p in dict.fromkeys(pairs) if w.isalpha()]


train, validation, test = map(read, ("train[:36%]", "validation", "test"))
print(len(train), "pairs to train with,", len(validation), "and", len(test), "held out")
parts = [{word for word, _ in part} for part in (train, validation, test)]
assert sum(map(len, parts)) == len(set.union(*parts))

# %% [markdown]
# We take a part of the dictionary, so that training lasts seconds. No word stands in two of the
# three parts: the assertion says so. Before you read on: in which of these words are there fewer
# phonemes than letters, in which are there more?

# %%
for word in ("box", "knee", "through", "sixth", "read"):
    print(f"{word:<8}", " or ".join(" ".join(p) for w, p in train if w == word))

# %% [markdown]
# *box* has three letters and four phonemes, because *x* is K and S at once; *through* has seven
# letters and three phonemes; and *read* is said in two ways. So the answer's **length** is not
# known before, and nobody has told us the **alignment**: which letter makes which sound. The tagger
# of chapter 04, which gave each token one tag, cannot do this.

# %%
counts = np.zeros((12, 12), int)
for word, said in train:
    if len(word) < 12 and len(said) < 12:
        counts[len(said), len(word)] += 1
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
image = ax.imshow(counts, origin="lower", cmap="Blues")
ax.plot([1, 11], [1, 11], ":", color="tab:red", label="as many phonemes as letters")
ax.set(xlabel="letters", ylabel="phonemes", xlim=(0.5, 11.5), ylim=(0.5, 11.5))
ax.set_title("Most words have fewer phonemes than letters")
fig.colorbar(image, label="words")
ax.legend()
plt.show()

# %%
difference = np.array([len(said) - len(word) for word, said in train])
for name, sign in {"fewer": -1, "as many": 0, "more": 1}.items():
    print(f"{name:<8} {np.mean(np.sign(difference) == sign):.2f}")
assert np.mean(difference < 0) > 0.5

# %% [markdown]
# Translation, speech recognition and summaries have the same form: a sequence in, a sequence of
# another length out. Here the sequences are short, so we can train in seconds and look at
# everything.
#
# ## How wrong is an answer?
#
# The **edit distance** counts how many phonemes we must put in, take out or replace to turn the
# answer into the right one. Over a set of words, with answers $a_i$ and right ones $r_i$, this
# gives the **phoneme error rate**; the **word error rate** is the share of words not exactly right.
#
# $$ \mathrm{PER} = \frac{\sum_i d(a_i, r_i)}{\sum_i |r_i|} $$
#
# Someone reads *knee* as K N IY and *box* as B AA K S. How large are both rates? (Where a word has
# several right answers, the nearest one counts.)

# %%
print("distance", metrics.edit_distance(["K", "N", "IY"], ["N", "IY"]))
answered = [["K", "N", "IY"], ["B", "AA", "K", "S"]]
per, wer = metrics.error_rates(answered, [[["N", "IY"]], [["B", "AA", "K", "S"]]])
print(f"phoneme error rate {per:.4f}, word error rate {wer}")

# %% [markdown]
# One edit, six phonemes: 1/6. And one word of two is wrong.
#
# What would a simple program reach? A **table** gives each letter its most frequent phoneme. To
# fill it we need an alignment; words with as many phonemes as letters give us a rough one. A better
# table looks at neighbours too: with `reach=2` it looks up five letters, and if it has never seen
# those five, then three, then one.
#
# To keep training short we shall teach short words only, up to seven letters and eight phonemes;
# so the table learns from these, too.


# %%
def windows(word, reach):
    """For each letter, itself with its neighbours: from the widest window to the letter alone."""
    padded = "_" * reach + word + "_" * reach
    middles = range(reach, reach + len(word))
    return [[padded[m - r : m + r + 1] for r in range(reach, -1, -1)] for m in middles]


def letter_table(pairs, reach):
    found = collections.defaultdict(collections.Counter)
    for word, said in pairs:
        if len(word) == len(said):
            for several, phoneme in zip(windows(word, reach), said, strict=True):
                for window in several:
                    found[window][phoneme] += 1
    return {window: counter.most_common(1)[0][0] for window, counter in found.items()}


# %%
pairs = [(word, said) for word, said in train if len(word) <= 7 and len(said) <= 8]


def right_answers(pairs):
    """Each word of 3 to 11 letters with its pronunciations, short words first."""
    found = collections.defaultdict(list)
    for word, said in sorted(pairs, key=lambda pair: len(pair[0])):
        if 3 <= len(word) <= 11:
            found[word].append(said)
    return dict(found)


right = right_answers(validation)
short = [word for word in right if len(word) <= 7]
print(len(short), "short words of", len(right), "to validate with")


# %%
def look_up(words, table, reach):
    def first_known(several):
        return next(table[window] for window in several if window in table)

    return [[first_known(several) for several in windows(word, reach)] for word in words]


# %%
for reach in (0, 2):
    answered = look_up(short, letter_table(pairs, reach), reach)
    per, wer = metrics.error_rates(answered, [right[word] for word in short])
    print(f"reach {reach}: phoneme error rate {per:.2f}, word error rate {wer:.2f}")

# %% [markdown]
# The better table is our **baseline**. It always gives one phoneme for each letter: it cannot leave
# the *k* of *knee* out.
#
# ## The snippet of article 000
#
# Article 000 shows a sequence-to-sequence model in eight statements. We follow it in our own words.
# Its first step makes two LSTM cells, with a class of TensorFlow 1:

# %%
try:
    tf.nn.rnn_cell.LSTMCell(128)
except AttributeError as error:
    print(type(error).__name__, "for", error.name)
else:
    raise AssertionError("the old class is back")
print("tf.contrib is there:", hasattr(tf, "contrib"))

# %% [markdown]
# `tf.nn.rnn_cell` and `tf.contrib` were removed with TensorFlow 2. We know of no version of
# TensorFlow that had the class which the article takes from `tf.contrib.seq2seq`. With another API
# the rest would still not work, because these are missing:
#
# 1. a **vocabulary**: it feeds the strings `"hello"` and `"world"` to a network that computes with
#    numbers;
# 2. a **start** and an **end** token: the decoder cannot begin, and would never stop;
# 3. the **target** as an input in training: the article's target is never used, and its name is
#    overwritten at the end;
# 4. a **loss**, and a mask, because sequences in a batch differ in length;
# 5. an optimizer **step**: under the comment "train" nothing is trained.
#
# Let us add them one by one.
#
# ## Five things that were missing
#
# ### 1. Vocabularies
#
# Letters and phonemes become numbers. The short words from before give us both vocabularies.

# %%
letters, phonemes = (Vocabulary.build(side) for side in zip(*pairs, strict=True))
print(len(pairs), "pairs;", len(letters) - 4, "letters and", len(phonemes) - 4, "phonemes,")
print("and 4 special tokens each")
print(list(phonemes)[:8])

# %% [markdown]
# The first four are special: `[PAD]` fills short rows, `[UNK]` stands for anything unknown,
# `[START]` and `[END]` we need now.
#
# ### 2. Start and end
#
# *box* has the longer answer. Which columns of the second table below exist only because of it?

# %%
source = letters.encode([list("box"), list("knee")]).numpy()
target = phonemes.encode([["B", "AA", "K", "S"], ["N", "IY"]], start=True, end=True).numpy()
print(source, "\n\n", target, sep="")

# %% [markdown]
# The last two. The row of *knee* is filled with 0 there; in the first table it is the row of *box*.
#
# ### 3. Teacher forcing
#
# In training the decoder reads the *right* phonemes so far, not its own guesses, and must say the
# next one. This is called **teacher forcing**. Input and goal are the same row, shifted by one:

# %%
reads, learns = target[:, :-1], target[:, 1:]
print("step  reads    must say")
rows = zip(phonemes.ids_to_tokens(reads[0]), phonemes.ids_to_tokens(learns[0]), strict=True)
for step, (now, following) in enumerate(rows):
    print(f"{step:<5} {now:<8} {following}")

# %% [markdown]
# Why not its own guesses? At first they are noise, and from noise nobody learns what comes next.
# And since all inputs are known before, one pass gives the loss of all steps.
#
# The table also shows the danger: at each step, the answer stands one row below. A decoder that
# could read ahead would learn to copy, and be useless afterwards. We shall test that ours cannot.
#
# ### 4. A masked loss
#
# The loss is the cross-entropy of the right phoneme, averaged over the places that are real:
#
# $$ L = -\frac{1}{|R|}\sum_{(i,t)\,\in\,R} \ln p(y_{i,t}), \qquad R = \{(i,t) : y_{i,t} \neq 0\} $$
#
# In Keras, `ignore_class=0` does this. Is it the formula? We compute both for random logits.

# %%
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
logits = keras.random.normal((2, 5, len(phonemes)), seed=1)
log_p = np.array(keras.ops.log_softmax(logits))
of_right_ones = np.take_along_axis(log_p, learns[..., None], axis=-1)[..., 0]
by_hand = -of_right_ones[learns != 0].mean()
claim("Keras differs by", abs(by_hand - loss(learns, logits).numpy()), at_most=1e-5)

# %% [markdown]
# What if we did not mask? The model would be praised for each padding that it predicts, and that is
# easy. How much easy praise would there be in our training set?


# %%
def encode(pairs):
    spelled, said = [list(word) for word, _ in pairs], [said for _, said in pairs]
    return letters.encode(spelled).numpy(), phonemes.encode(said, start=True, end=True).numpy()


source, target = encode(pairs)
print(source.shape, target.shape)
print(f"share of padding in what is to be said: {np.mean(target[:, 1:] == 0):.2f}")

# %% [markdown]
# The fifth thing, the step, will come with `fit`. First we need something to train.
#
# ## Encoder and decoder
#
# One network reads, another one writes ([Sutskever et al. 2014](#sutskever2014), [Cho et al.
# 2014](#cho2014)). The **encoder** is an LSTM that reads the letters $x_1 \dots x_S$. Its last
# state is the first state $h_0$ of the **decoder**, an LSTM that works like a language model: from
# its state and the last phoneme, it says the next one. Our encoder reads in both directions, 42
# numbers each; their last states, side by side, are $h_0$. (An LSTM's memory cell is handed over in
# the same way; the formula leaves it out.)
#
# $$ h_t = \mathrm{LSTM}(E\,y_{t-1},\; h_{t-1}), \qquad
#    p(y_t \mid y_{<t}, x) = \mathrm{softmax}(W h_t + b) $$
#
# $E\,y$ is the embedding of $y$. The probability of a whole answer is a product:
#
# $$ p(y \mid x) = \prod_{t=1}^{T} p(y_t \mid y_1, \dots, y_{t-1}, x) $$


# %%
def new_model(attention, units):
    keras.utils.set_random_seed(1)
    sizes = len(letters), len(phonemes)
    model = seq2seq.Seq2Seq(*sizes, embedding_dim=32, units=units, attention=attention)
    model.compile("adam", loss)
    return model


plain = new_model(attention=None, units=84)
for layer in plain.layers:
    if layer.weights:
        print(f"{layer.name:<10} {layer.count_params():>7,} parameters")
print(f"{'in all':<10} {plain.count_params():>7,}")

# %% [markdown]
# The logits have three axes: words, steps, and a score for each of the 43 tokens (39 phonemes and 4
# special tokens). An untrained model knows nothing. If it gave all $V$ tokens the same probability,
# its loss would be $\ln V$. What is $\ln 43$, about?

# %%
logits = plain((source[:256], target[:256, :-1]))
print(source[:256].shape, target[:256, :-1].shape, "->", tuple(logits.shape))
at_start = loss(target[:256, 1:], logits).numpy()
assert len(phonemes) == 43
print(f"ln V = {np.log(43):.4f}")
claim("first loss minus ln V", at_start - np.log(43), at_least=-0.1, at_most=0.1)

# %% [markdown]
# A loss far from $\ln V$ at the start tells you of a mistake before you have trained a single step.
#
# ### Two promises, tested
#
# **It cannot read ahead.** We change one phoneme that the decoder reads. Which logits may change?


# %%
def largest_change(model, inputs, others):
    """For each step, how much the logits differ."""
    return np.abs(model(others) - model(inputs))[0].max(axis=-1)


one_word, one_answer = source[:1], target[:1, :-1]
changed = one_answer.copy()
changed[0, 3] = phonemes.tokens_to_ids("ZH")
moved = largest_change(plain, (one_word, one_answer), (one_word, changed))
print("steps whose logits changed:", np.flatnonzero(moved > 1e-6))
assert np.array_equal(np.flatnonzero(moved > 1e-6), range(3, 9))

# %%
fig, ax = plt.subplots(figsize=(6, 2.6))
ax.bar(range(len(moved)), moved, color="tab:blue")
ax.axvline(3, ls=":", color="tab:red", label="changed here")
ax.set(xlabel="step", ylabel="largest change", xticks=range(len(moved)))
ax.set_title("A change is felt from its step on, and not before")
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# **Padding is inert.** In another batch the same word may stand beside longer ones, with more zeros
# behind it. Its answer must stay the same; a backward LSTM without a mask would read the padding
# first.

# %%
longer = np.pad(one_word, [(0, 0), (0, 5)])
difference = largest_change(plain, (one_word, one_answer), (longer, one_answer)).max()
claim(f"logits of {one_word.shape} and {longer.shape} differ by", difference, at_most=1e-5)

# %% [markdown]
# ## The bottleneck
#
# What does this decoder know of the word? Two rows of 84 numbers, the encoder's last state and
# memory cell. They are as long for *go* as for *unquestionably*. All the letters must pass
# through this bottleneck, and the decoder must keep them in mind while it speaks.
#
# How do *you* read a long word aloud? You look back at it: while you say the middle, you look at
# the middle. **Attention** lets a decoder do that. It keeps the encoder's output $m_s$ at each
# letter $s$, and in each step it mixes them anew:
#
# $$ \alpha_{ts} = \frac{\exp e_{ts}}{\sum_{s'} \exp e_{ts'}}, \qquad
#    c_t = \sum_s \alpha_{ts}\, m_s $$
#
# $e_{ts}$ is a **score**: how well does letter $s$ fit what step $t$ is looking for? The softmax
# makes **weights** of the scores, positive and with sum 1. The **context** $c_t$ is the weighted
# mean.
#
# Three letters with two numbers each, and a query. Which letter will get the largest weight?

# %%
memory = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 2.0]])
query = np.array([0.5, 1.0])
scores = memory @ query
weights = np.exp(scores) / np.exp(scores).sum()
print("scores ", scores)
print("weights", weights.round(4), "sum", weights.sum().round(4))
print("context", (weights @ memory).round(4))

# %% [markdown]
# Here the score was a dot product. Two scores are common. **Additive** attention uses a small
# network ([Bahdanau et al. 2015](#bahdanau2015)); **scaled dot-product** attention compares
# projections of both ([Vaswani et al. 2017](#vaswani2017)):
#
# $$ e_{ts} = v^\top \tanh(W h_t + U m_s) \qquad\text{or}\qquad
#    e_{ts} = \frac{q_t \cdot k_s}{\sqrt d} $$
#
# With the states as rows of $H$ and $M$: **queries** $Q = H W_Q + b_Q$, **keys** $K = M W_K + b_K$,
# **values** $V = M W_V + b_V$, all of width $d$; $q_t$ and $k_s$ are rows of $Q$ and $K$. The
# values are what is mixed. For all steps at once:
#
# $$ \mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) V $$
#
# Both layers return the context and the weights. We mask the last two of five letters: they are
# padding.

# %%
steps, encoded = keras.random.normal((1, 4, 64), seed=2), keras.random.normal((1, 5, 64), seed=3)
mask = tf.constant([[True, True, True, False, False]])
for layer in (seq2seq.BahdanauAttention(64), seq2seq.DotProductAttention(64)):
    context, weights = layer(steps, encoded, value_mask=mask)
    print(layer.name, tuple(context.shape), tuple(weights.shape))
    assert np.allclose(np.sum(weights, axis=-1), 1, atol=1e-5)
    assert not np.any(weights[:, :, 3:])

# %% [markdown]
# The assertions say: each row of weights sums to 1, and masked letters weigh exactly 0. The first
# function below is what both layers share, and the second one is its softmax: a masked score
# becomes $-10^{30}$, so its weight is 0; the second `where` is for rows in which every key is
# masked. The layers differ in `scores`, and in that only the second one projects the values.

# %%
print(inspect.getsource(seq2seq.DotProductAttention.attend))
print(inspect.getsource(masked_softmax).split('"""')[2])
print(inspect.getsource(seq2seq.DotProductAttention.scores))

# %% [markdown]
# ## Three faults of article 004
#
# Article 004 §4.3 builds a text classifier: embedding, LSTM, `Attention`, LSTM, dense layer, in a
# `Sequential` model. We build the part in question.

# %%
layers = keras.layers.LSTM(64), keras.layers.Attention(), keras.layers.LSTM(64)
try:
    keras.Sequential([keras.Input((10, 64)), *layers])
except ValueError as error:
    print(type(error).__name__, "with a", re.search("list of inputs", str(error))[0])
else:
    raise AssertionError("a Sequential model took it")

# %% [markdown]
# **First fault:** attention has two inputs, a query and what it looks at, but in a `Sequential`
# model each layer gets one. And `LSTM(64)` returns its last state only: there are no places left to
# look at.
#
# **Second fault:** we could repair that, and would still have no $\sqrt d$. What is it for? Take
# random queries and keys. The typical size of their dot product grows as $\sqrt d$, and large
# scores make a softmax put nearly all weight on one key, by pure chance. We measure the largest of
# 16 weights, for several $d$. Where should it be, if nothing has been learned yet?

# %%
rng = np.random.default_rng(0)
dims, largest = [1, 4, 16, 64, 256], {"scaled": [], "without scale": []}
for d in dims:
    q, k = rng.normal(size=(1000, 1, d)), rng.normal(size=(1000, 16, d))
    scores = (q @ k.swapaxes(1, 2))[:, 0]
    for name, scale in {"scaled": np.sqrt(d), "without scale": 1}.items():
        largest[name].append(np.max(keras.ops.softmax(scores / scale), axis=-1).mean())
for name, values in largest.items():
    print(f"{name:<14} mean largest weight at d = 64: {values[dims.index(64)]:.2f}")
assert max(largest["scaled"]) - min(largest["scaled"]) < 0.1
assert largest["without scale"][-1] > 0.8

# %%
fig, ax = plt.subplots(figsize=(6, 3))
for name, values in largest.items():
    ax.plot(dims, values, "o-", label=name)
ax.axhline(1 / 16, ls=":", color="grey", label="all 16 alike")
ax.set(xscale="log", xticks=dims, xticklabels=dims, ylim=(0, 1), xlabel="d")
ax.set(ylabel="largest weight", title="Without the scale, one key takes all by chance")
ax.legend()
plt.show()

# %% [markdown]
# With the scale, the largest weight hardly depends on $d$. Without it a softmax at $d = 64$ has
# decided before it has learned anything, and a weight near 1 hardly moves: its gradient with
# respect to its own score is $\alpha(1-\alpha)$. Which curve does `keras.layers.Attention` follow?
# And how many weights has it to learn with?

# %%
q, k = rng.normal(size=(2, 3, 64)).astype("float32"), rng.normal(size=(2, 16, 64)).astype("float32")
layer = keras.layers.Attention()
_, weights = layer([q, k], return_attention_scores=True)
without = keras.ops.softmax(q @ k.swapaxes(1, 2))
claim("it differs from a softmax without scale by", np.abs(weights - without).max(), at_most=1e-4)
print("weights to learn:", layer.count_params())
assert layer.count_params() == 0

# %% [markdown]
# **Third fault:** zero. The article itself names the projections as the first step of attention,
# and they are missing. What to look for, what to be found by and what to hand over must then all be
# the same vector, made by the layers before. (`use_scale=True` adds one number to learn, not
# $1/\sqrt d$.)
#
# Our `DotProductAttention` has all three, with biases. Is it right? An independent judge is
# `keras.layers.MultiHeadAttention` with one head. We copy our weights, random ones, into it. Its
# last projection has no counterpart in ours, so it gets the identity.

# %%
ours = seq2seq.DotProductAttention(64)
judge = keras.layers.MultiHeadAttention(num_heads=1, key_dim=64)
ours(steps, encoded), judge(steps, encoded)  # makes their weights
ours.set_weights([rng.normal(size=w.shape) / 8 for w in ours.weights])
copied = [w.numpy() for w in ours.weights] + [np.eye(64), np.zeros(64)]
judge.set_weights([w.reshape(t.shape) for w, t in zip(copied, judge.get_weights(), strict=True)])

# %%
context, weights = ours(steps, encoded, value_mask=mask)
theirs, their_weights = judge(
    steps, encoded, attention_mask=mask[:, None], return_attention_scores=True
)
claim("outputs differ by", np.abs(context - theirs).max(), at_most=1e-5)
claim("weights differ by", np.abs(weights - their_weights[:, 0]).max(), at_most=1e-5)

# %% [markdown]
# Now the article's classifier can be repaired. A `Sequential` model cannot say "look back", a
# functional one can: the query is the LSTM's last state, and it looks at the states of *all*
# places. For comparison, `look_back=False` hands on the last state alone. The second model that the
# function returns shows the weights.


# %%
def text_classifier(look_back):
    ids = keras.Input((None,), dtype="int32")
    real = keras.ops.not_equal(ids, 0)
    vectors = keras.layers.Embedding(100, 16)(ids)
    states = keras.layers.LSTM(16, return_sequences=True)(vectors, mask=real)
    context, weights = seq2seq.DotProductAttention(16)(states[:, -1:], states, value_mask=real)
    chosen = context if look_back else states[:, -1:]
    return keras.Model(ids, keras.layers.Dense(10)(chosen[:, 0])), keras.Model(ids, weights)


# %% [markdown]
# How many weights does a text of ten ids get, and which of them are 0 if the last four ids are
# padding?

# %%
classifier, looks = text_classifier(look_back=True)
text = np.array([[7, 3, 9, 4, 8, 5, 0, 0, 0, 0]])
print("logits", tuple(classifier(text).shape), "weights", tuple(looks(text).shape))
print("weights of padding:", looks(text)[0, 0, 6:].numpy())
assert not looks(text)[0, 0, 6:].numpy().any()

# %% [markdown]
# What is it good for? We hide a needle in a haystack: 60 random ids, somewhere among them a 7, and
# right behind it one of ten ids. That one is the text's class; nothing else matters.


# %%
def haystacks(count, length=60):
    texts = rng.integers(20, 100, (count, length))
    place, kind = rng.integers(0, length - 1, count), rng.integers(0, 10, count)
    texts[range(count), place], texts[range(count), place + 1] = 7, 10 + kind
    return texts, kind, place + 1


# %% [markdown]
# Both classifiers read the same 3,600 texts, once, from three starts. Then they see 500 new ones;
# guessing would give 0.1. Which one has learned more, and where does attention look?

# %%
texts, kinds, _ = haystacks(3600)
new_texts, new_kinds, needles = haystacks(500)
class_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
accuracy = {"last state": [], "attention": []}
for name, look_back in {"last state": False, "attention": True}.items():
    for seed in (1, 2, 3):
        keras.utils.set_random_seed(seed)
        classifier, looks = text_classifier(look_back)
        # XLA would compile for longer than this training takes.
        classifier.compile(keras.optimizers.Adam(2e-2), class_loss, jit_compile=False)
        classifier.fit(texts, kinds, batch_size=32, verbose=0)
        accuracy[name].append(np.mean(np.argmax(classifier(new_texts), axis=-1) == new_kinds))

# %%
on_needle = np.mean(np.argmax(looks(new_texts)[:, 0], axis=-1) == needles)
for name, three in accuracy.items():
    print(f"{name}, three starts:", *map(measured, three))
claim("attention, its worst start", min(accuracy["attention"]), at_least=0.9)
claim("last state, its best start", max(accuracy["last state"]), at_most=0.7)
claim("share of texts with the largest weight on the class itself", on_needle, at_least=0.5)

# %% [markdown]
# The last state must carry the needle to the end past all the hay, and in this short time it does
# not learn to. Attention goes and fetches it.
#
# ## Train, with and without attention
#
# With attention, `Seq2Seq` computes $\tilde h_t = \tanh(W_c [h_t; c_t] + b_c)$ and reads the logits
# from $\tilde h_t$. (In [Bahdanau et al. 2015](#bahdanau2015) the context goes into the LSTM's next
# step.) Both models get the same data and steps. Attention brings parameters of its own, so the
# model without it has wider states, 84 numbers in place of 64: it has no fewer parameters. The
# learning rate falls along a cosine to zero.

# %%
epochs, batch_size = 8, 256
valid_source, valid_target = encode([p for p in validation if len(p[0]) <= 7][:1000])


def fit(model):
    steps = math.ceil(len(source) / batch_size) * epochs
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, steps)), loss)
    return model.fit(
        (source, target[:, :-1]),
        target[:, 1:],
        batch_size=batch_size,
        epochs=epochs,
        validation_data=((valid_source, valid_target[:, :-1]), valid_target[:, 1:]),
        verbose=0,
    ).history


# %%
history = {"without": fit(plain)}
print("epochs:", len(history["without"]["loss"]))

# %% [markdown]
# Attention looks at all letters, and in training it is computed for all steps at once. So both
# promises must be tested again.

# %%
model = new_model(attention="dot", units=64)
moved = largest_change(model, (one_word, one_answer), (one_word, changed))
difference = largest_change(model, (one_word, one_answer), (longer, one_answer)).max()
claim("a phoneme changes the logits before it by", moved[:3].max(), at_most=1e-6)
claim("and those from it on by", moved[3:].min(), at_least=1e-5)
claim("five more zeros change them by", difference, at_most=1e-5)

# %%
history["with"] = fit(model)
print(f"{model.count_params():,} parameters against {plain.count_params():,}")
assert model.count_params() < plain.count_params()

# %%
fig, ax = plt.subplots(figsize=(6, 3.2))
for (name, curves), color in zip(history.items(), ("tab:orange", "tab:blue"), strict=True):
    for key, style in {"loss": "--", "val_loss": "-"}.items():
        label = f"{name} attention, {'held out' if key == 'val_loss' else 'training'}"
        ax.plot(range(1, epochs + 1), curves[key], style, color=color, label=label)
ax.axhline(np.log(43), ls=":", color="grey", label="ln V: knows nothing")
ax.set(xlabel="epoch", ylabel="loss", ylim=(0, 4), xticks=range(1, epochs + 1))
ax.set_title("Attention learns faster")
ax.legend(fontsize=8)
plt.show()

# %%
loss_without, loss_with = (history[name]["val_loss"] for name in ("without", "with"))
gaps = np.subtract(loss_without, loss_with)
claim("held-out loss, without minus with: first epoch", gaps[0], at_least=0.15)
claim("last epoch", gaps[-1], at_least=0.03, at_most=measured(gaps[0] / 2))
for name, curve in {"without": loss_without, "with": loss_with}.items():
    claim(
        f"{name}: the last epoch still saves", curve[-2] - curve[-1], at_least=-0.01, at_most=0.01
    )

# %% [markdown]
# Attention learns faster, and further; the rate has fallen to zero, and neither curve falls any
# more. The gap is smaller than it was after one epoch: part of it was speed.
#
# The loss is measured with teacher forcing: at each step the model reads the right beginning. In
# real use it must read its own words, and one early mistake can lead it astray. This gap is called
# **exposure bias**. So the honest measure is the error rate of what it says **on its own**.
# `greedy` takes the most probable phoneme at each step, and feeds it back, until `[END]`. This one
# step is all that it needs of the model:

# %%
print(inspect.getsource(seq2seq.Seq2Seq.decode_step).split('"""')[2].strip("\n"))


# %%
def answers(model, words, search=decoding.greedy, **kwargs):
    """The phonemes that the model says for each word; 100 words at a time."""
    found = []
    for i in range(0, len(words), 100):
        spelled = [list(word) for word in words[i : i + 100]]
        ids, _ = search(model, letters.encode(spelled), max_length=20, **kwargs)
        found += phonemes.decode(ids)  # without padding and special tokens
    return found


# %% [markdown]
# All choices were made on validation words, and from here on we choose nothing more. So we may look
# at the test words, at every fourth of them to save time: those with up to seven letters, as in
# training, and longer ones for later. What do you expect: is every second word exactly right?

# %%
right_test = right_answers(test)
words = list(right_test)[::4]
table = letter_table(pairs, reach=2)
spoken = {
    "table": look_up(words, table, reach=2),
    "without": answers(plain, words),
    "with": answers(model, words),
}
print(len(words), "test words,", sum(len(word) <= 7 for word in words), "of them short")


# %%
def rates(name, lengths):
    chosen = [i for i, word in enumerate(words) if len(word) in lengths]
    references = [right_test[words[i]] for i in chosen]
    return metrics.error_rates([spoken[name][i] for i in chosen], references)


# %%
known_lengths = range(3, 8)
for name in spoken:
    per, wer = map(measured, rates(name, known_lengths))
    print(f"{name:<8} phoneme error rate {per:.3f}, word error rate {wer:.3f}")

# %%
(per_table, wer_table), (per_plain, _), (per, wer) = (rates(name, known_lengths) for name in spoken)
claim("word error rate", wer, at_most=0.45)
claim("the table's minus that", wer_table - wer, at_least=0.3)
claim("phoneme errors over the table's", per / per_table, at_most=0.5)
claim("without attention over with it", per_plain / per, at_least=1.15)

# %% [markdown]
# The model has never seen these words, and more than half of them are exactly right. One limit: the
# words differ, but relatives of a test word (*knee*, for the test word *kneed*) may stand in the
# training part.
#
# Where does attention help most? Both models were taught words of up to seven letters only. Guess
# how the two curves go on beyond that.

# %%
fig, ax = plt.subplots(figsize=(6.5, 3.4))
for name, color in {"table": "grey", "without": "tab:orange", "with": "tab:blue"}.items():
    label = name if name == "table" else f"{name} attention"
    by_length = [rates(name, [n])[0] for n in range(3, 12)]
    ax.plot(range(3, 12), by_length, "o-", color=color, label=label)
ax.axvspan(7.5, 11.5, color="grey", alpha=0.15, label="longer than any word in training")
ax.set(xlabel="letters", ylabel="phoneme error rate", ylim=(0, 0.8), xlim=(2.5, 11.5))
ax.set_title("The bottleneck shows in long words")
ax.legend(fontsize=8)
plt.show()

# %%
growth = {name: rates(name, [7])[0] - rates(name, [4])[0] for name in ("without", "with")}
beyond = {name: rates(name, range(8, 12))[0] for name in ("without", "with")}
print("errors added from 4 to 7 letters:", *(f"{k} {measured(g):.3f}" for k, g in growth.items()))
claim("the first minus the second", growth["without"] - growth["with"], at_least=0.005)
gap = beyond["without"] - beyond["with"]
claim("beyond 7 letters, without minus with", gap, at_least=0.05)
claim("more than for the lengths that were taught, by", gap - (per_plain - per), at_least=0.02)

# %%
lead = {n: rates("table", [n])[0] - rates("with", [n])[0] for n in (7, 11)}
claim("lead of attention over the table at 7 letters", lead[7], at_least=0.15)
claim("at 11 letters, as a share of that", lead[11] / lead[7], at_most=0.6)
for n in (3, 4):
    longer_said = np.mean([len(right_test[w][0]) > n for w in words if len(w) == n])
    print(f"words of {n} letters with more phonemes than letters: {longer_said:.2f}")

# %% [markdown]
# From four letters on, errors grow faster where everything passes through a state of fixed size.
# (Words of three letters are a kind of their own: many are abbreviations, said letter by letter,
# and have more phonemes than letters.) Beyond seven letters both models are asked for what they
# were never taught. Attention helps most there; yet at eleven letters it has lost most of its lead
# over the table. Train on what you will be asked for.
#
# ## Look inside: where does it look?
#
# The weights can be seen. Row: the phoneme that is said; column: the letter that is looked at. All
# three words are from the test part. Where would you look for each phoneme? Which letters make no
# sound of their own?

# %%
shown = ["kneed", "swatch", "explain"]
maps = []
for word in shown:
    pair = encode([(word, right_test[word][0])])
    maps.append(model.attention_weights((pair[0], pair[1][:, :-1]))[0].numpy())
print("phonemes and end × letters:", [m.shape for m in maps])

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, word, weights in zip(axes, shown, maps, strict=True):
    ax.imshow(weights, cmap="Greens", vmin=0, vmax=1)
    ax.set_xticks(range(len(word)), list(word))
    ax.set_yticks(range(len(weights)), [*right_test[word][0], "end"])
    ax.set(title=word, xlabel="looks at")
axes[0].set_ylabel("says")
plt.show()

# %% [markdown]
# Look at *kneed*: what does N look at? And who looks at the *x* of *explain*? (Your maps may differ
# a little.) Three words prove nothing, so we ask all short test words with such letters: those that
# begin with *kn*, and those in which *x* is K and S.


# %%
def weights_at(places):
    """Mean weights on a letter and on the one behind it; places are (word, step, letter)."""
    found = []
    for word, step, letter in places:
        ids, said = encode([(word, right_test[word][0])])
        found.append(model.attention_weights((ids, said[:, :-1]))[0, step, letter : letter + 2])
    return np.mean(found, axis=0)


kn, ks = [], []
for word in (word for word in right_test if len(word) <= 7):
    said = right_test[word][0]
    if word.startswith("kn") and said[0] == "N":
        kn.append((word, 0, 0))
    if "x" in word[1:-1] and said.count("K") == 1 and "K S" in " ".join(said):
        ks.append((word, said.index("K"), word.index("x")))
print(len(kn), "words with kn,", len(ks), "with x")

# %%
on_k, on_n = weights_at(kn)
claim("N on the silent k", on_k, at_least=0.6)
claim("N on n", on_n, at_most=0.3)
claim("K on x", weights_at(ks)[0], at_least=0.7)
s_on_x, s_behind = weights_at([(word, step + 1, letter) for word, step, letter in ks])
claim("S on x", s_on_x, at_least=0.5)
claim("S on the letter behind x", s_behind, at_most=0.4)

# %% [markdown]
# K and S both look at *x*, on average. But N looks at the silent *k*, and hardly at *n*: weights
# are not reasons. And an average is no rule. In *explain*, how do K and S share their looks?

# %%
row = {p: maps[2][i] for i, p in enumerate(right_test["explain"][0])}
for phoneme in "KS":
    looks_at = (
        f"{letter} {measured(w):.2f}" for letter, w in zip("xp", row[phoneme][1:3], strict=True)
    )
    print(phoneme, "looks at", *looks_at)

# %% [markdown]
# Nobody told the model that reading goes from left to right; in each step it may look anywhere. Has
# it found out? For every short test word we take the mean place that a step looks at,
# $\sum_s s\,\alpha_{ts}$, and ask how often it moves forward from one phoneme to the next. An
# untrained model tells us what is no more than chance.

# %%
spelled, goals = encode([(word, right_test[word][0]) for word in words if len(word) <= 7])
real = goals[:, 2:] != 0


def forward(model):
    weights = model.attention_weights((spelled, goals[:, :-1])).numpy()
    place = weights @ np.arange(spelled.shape[1])
    return np.mean(np.diff(place, axis=1)[real] > 0)


# %%
trained, untrained = forward(model), forward(new_model(attention="dot", units=64))
claim("share of steps that move forward", trained, at_least=0.8)
claim("more than without training, by", trained - untrained, at_least=0.1)

# %% [markdown]
# It has learned an **alignment** that stands nowhere in the data. Do not read more into these maps
# than they show: the encoder is an LSTM in both directions, so what stands at one letter knows of
# its neighbours too.
#
# And what does it say? Read a few answers aloud. The last two words stand in none of the three
# parts.

# %% tags=["nbval-ignore-output"]
samples = ["kneed", "swatch", "proxy", "months", "explain", "plot", "mules", "deeply"]
for word, answer in zip(samples, answers(model, samples), strict=True):
    correct = right_test[word]
    verdict = "right" if tuple(answer) in correct else "should be " + " ".join(correct[0])
    print(f"{word:<9} {' '.join(answer):<18} {verdict}")
invented = ["keras", "blorfing"]
assert not set.union(*parts) & set(invented)
for word, answer in zip(invented, answers(model, invented), strict=True):
    print(f"{word:<9} {' '.join(answer)}")

# %%
exact = [tuple(a) in right_test[w] for a, w in zip(answers(model, samples), samples, strict=True)]
claim("of the eight exactly right:", sum(exact), at_least=1)

# %% [markdown]
# ## Greedy can be wrong
#
# `greedy` never takes a decision back. A small example by hand: the first token is A with
# probability 0.55, or B with 0.45. After A three tokens are about equally probable; after B, one is
# nearly sure. Which answer is the most probable one, and which does greedy give?

# %%
first = {"A": 0.55, "B": 0.45}
second = {"A": {"x": 0.4, "y": 0.35, "z": 0.25}, "B": {"x": 0.9, "y": 0.05, "z": 0.05}}
whole = {a + b: first[a] * p for a in first for b, p in second[a].items()}
for answer, p in sorted(whole.items(), key=lambda item: -item[1]):
    print(f"{answer}  {p:.4f}")

# %% [markdown]
# Greedy takes A, since 0.55 > 0.45, then x: probability 0.22. But Bx has 0.405.
#
# **Beam search** keeps the best few beginnings, here two, lengthens all of them, and again keeps
# the best two. An answer that has said `[END]` is put aside and its score kept. The search stops
# when no open beginning can still beat the best one. It adds logarithms instead of multiplying: a
# product of many probabilities would be rounded to zero. The **score** of an answer is
#
# $$ \ln p(y \mid x) = \sum_t \ln p(y_t \mid y_{<t}, x). $$

# %%
fig, ax = plt.subplots(figsize=(7, 3.4))
height = {"A": 1.5, "B": -1.5} | {answer: 2.5 - i for i, answer in enumerate(whole)}
for name, p in {**first, **whole}.items():
    begin = (len(name) - 1, height[name[0]] if len(name) == 2 else 0)
    color = {"A": "tab:red", "Ax": "tab:red", "B": "tab:green", "Bx": "tab:green"}.get(name, "grey")
    ax.plot([begin[0], len(name)], [begin[1], height[name]], color=color, lw=1 + 6 * p)
    ax.text(len(name) + 0.05, height[name], f"{name}  {p:.3g}", va="center", backgroundcolor="w")
ax.set(xlim=(0, 2.5), title="Red: greedy's way. Green: the better one, kept by a beam of two")
ax.axis("off")
plt.show()

# %% [markdown]
# `decoding.greedy` and `decoding.beam_search` need only two methods of a model, `encode` and
# `decode_step`. So we may hand them a toy with just these probabilities.


# %%
class Toy:
    """p(next | last) from a table, in the place of a model."""

    def __init__(self, table):
        self.log_p = tf.math.log(tf.constant(table, tf.float32))

    def encode(self, source):
        return (), tf.zeros_like(source)  # nothing to remember

    def decode_step(self, token_ids, state, memory):
        return tf.gather(self.log_p, token_ids), state


# %%
names = Vocabulary(["A", "B", "x", "y", "z"])
p_next = np.zeros((len(names), len(names)))
p_next[names.start_id, names.tokens_to_ids(list(first))] = list(first.values())
for a, following in second.items():
    p_next[names.tokens_to_ids(a), names.tokens_to_ids(list(following))] = list(following.values())
p_next[names.tokens_to_ids(["x", "y", "z"]), names.end_id] = 1
toy, question = Toy(p_next), tf.constant([[4]])

# %%
ids, score = decoding.greedy(toy, question, max_length=3)
print("greedy     ", names.ids_to_tokens(ids[0].numpy()), np.exp(score[0]).round(4))
better, better_score = decoding.beam_search(toy, question, max_length=3, beam_size=2)
print("beam search", names.ids_to_tokens(better[0].numpy()), np.exp(better_score[0]).round(4))
assert names.ids_to_tokens(better[0].numpy())[:2] == ["B", "x"]

# %% [markdown]
# A beam can drop the best answer too, if it begins badly enough: only the full search is sure, and
# it has $V^T$ answers to look at. But ours is never worse than greedy, since it starts from
# greedy's answer as the one to beat. Is that so for our model, on 500 test words?

# %%
ids = letters.encode([list(word) for word in words if len(word) <= 7][-500:])
_, greedy_score = decoding.greedy(model, ids, max_length=20)
_, beam_score = decoding.beam_search(model, ids, max_length=20, beam_size=4)
gain = beam_score.numpy() - greedy_score.numpy()
claim("smallest gain in score", gain.min(), at_least=-1e-4)
claim("largest gain", gain.max(), at_least=1e-4)
claim("share of words with the same score", np.mean(gain < 1e-4), at_least=0.8)

# %% [markdown]
# A higher score only says that the *model* finds the answer more probable. Is the answer also more
# often right?

# %%
chosen = [word for word in words if len(word) <= 7]
rate = {}
for name, kwargs in {"greedy": {}, "beam_search": {"beam_size": 4}}.items():
    found = answers(model, chosen, getattr(decoding, name), **kwargs)
    rate[name] = metrics.error_rates(found, [right_test[word] for word in chosen])
    per, wer = map(measured, rate[name])
    print(f"{name:<12} phoneme error rate {per:.4f}, word error rate {wer:.4f}")
change = rate["beam_search"][0] - rate["greedy"][0]
claim("beam minus greedy, phoneme error rate", change, at_least=-0.02, at_most=0.02)

# %% [markdown]
# Hardly: here a beam of four seldom finds a better answer. With thousands of words to choose from,
# as in translation, more is at stake.
#
# ### Length
#
# Each further token can only lower the score. Where the model is unsure, a short answer may
# therefore win although it leaves something out. A **length penalty** divides the score before
# answers are compared; $\alpha = 0.6$ is a common choice ([Vaswani et al. 2017](#vaswani2017)):
#
# $$ \frac{\ln p(y \mid x)}{\left((5 + |y|)/6\right)^{\alpha}} $$
#
# $|y|$ counts the end token. Two answers: one of 2 tokens with probability 0.30, one of 5 tokens
# with 0.25. From which $\alpha$ on does the long one win? (Set both sides equal and take the
# logarithm.)

# %%
alphas = np.linspace(0, 1, 101)
ranks = {n: np.log(p) / ((5 + n) / 6) ** alphas for n, p in {2: 0.30, 5: 0.25}.items()}
crossing = np.log(np.log(0.25) / np.log(0.30)) / np.log(10 / 7)
print(f"they are equal at alpha = {crossing:.4f}")
assert np.array_equal(ranks[5] > ranks[2], alphas > crossing)

# %%
fig, ax = plt.subplots(figsize=(6, 2.8))
for n, curve in ranks.items():
    ax.plot(alphas, curve, label=f"{n} tokens")
ax.axvline(crossing, ls=":", color="grey", label="equal")
ax.set(xlabel="alpha", ylabel="score / penalty", title="The penalty helps long answers")
ax.legend()
plt.show()

# %% [markdown]
# ## Scale it
#
# For the whole dictionary take all of `"train"`, without the limit on length; more units, dropout
# and ten epochs; and batches of words of similar length. The model is the same class:

# %%
large = seq2seq.Seq2Seq(
    len(letters), len(phonemes), embedding_dim=64, units=256, attention="dot", dropout=0.2
)
print(f"{large.count_params():,} parameters")

# %% [markdown]
# `python benchmarks/run.py g2p_cmudict` trains it, and reads the whole test split once:

# %%
from aimodels.course import recorded

g2p = recorded("g2p_cmudict")
figures = g2p["figures"]
for search in ("greedy", "beam_search"):
    per, wer = (figures[f"test_{search}_{kind}_error_rate"] for kind in ("phoneme", "word"))
    print(f"{search:<12} phoneme error rate {per:.2%}, word error rate {wer:.2%}")
minutes = figures["seconds_training"] / 60
print(f"{figures['training_pairs']:,} pairs, {minutes:.0f} minutes")
print(g2p["machine"]["cores"], "cores of", g2p["machine"]["processor"])

# %% [markdown]
# The same class translates: English words in, Chinese characters out, with everyday sentences of
# Tatoeba (`benchmarks/translate_cmn_eng.py`). Translations are measured from 0 to 100 by **BLEU**
# and **chrF**. BLEU asks how many pieces (n-grams) of the answer stand in a reference, and punishes
# short answers; chrF does so with pieces of characters, and also asks how much of the reference was
# found.
# The baseline answers with the translation of the most similar training sentence.

# %%
figures = recorded("translate_cmn_eng")["figures"]
for name in ("nearest_sentence", "greedy", "beam_search"):
    bleu, chrf = figures[f"test_{name}_bleu"], figures[f"test_{name}_chrf"]
    print(f"{name:<17} BLEU {bleu:5.2f}, chrF {chrf:5.2f}")
print(f"{figures['training_pairs']:,} pairs, {figures['test_sentences']:,} test sentences")
assert figures["test_beam_search_bleu"] > figures["test_greedy_bleu"]

# %% [markdown]
# ## Summary
#
# - A sequence-to-sequence model is an encoder that reads and a decoder that writes one token at a
#   time. It needs vocabularies, start and end tokens, and a loss that ignores padding.
# - Teacher forcing: read the right beginning, say the next token. Test that no step sees its
#   answer.
# - Attention mixes the encoder's outputs anew in each step. The scale keeps the softmax open, the
#   mask keeps padding out, the projections are what it learns with.
# - Without attention everything passes through a state of fixed size: with no fewer parameters it
#   makes more errors, most of all in long words, and a needle in a long text is hard to learn.
# - Beam search finds answers with higher scores. A higher score is not yet a better answer.
#
# ## Common mistakes
#
# - Input and goal not shifted: the model learns to copy, its loss falls to nothing, and it says
#   nonsense on its own.
# - No end token in the goals: the decoder never stops.
# - Padding in the loss, or keys of padding in the softmax.
# - Reporting the loss or the accuracy *with teacher forcing* as the result.
# - Comparing a beam's answers of different lengths by plain log-probability in long texts.
#
# ## Exercises
#
# 1. **By hand.** Query (1, 1), keys (2, 0), (0, 1), (0, 0), $d = 2$, the third key masked. Compute
#    scaled scores, weights and context (values = keys); check with NumPy.
# 2. **Without attention, but longer.** Train the model without attention for 16 epochs, or with
#    `num_layers=2`. How much of the gap is left, in short words and in long ones?
# 3. **Turn the source around.** [Sutskever et al. 2014](#sutskever2014) fed the source backwards.
#    Change the encoder to one direction. Does turning the letters help without attention? With it?
# 4. **The other score.** Train with `attention="additive"`. Compare error, seconds a step, and
#    maps.
# 5. **Cheating, measured.** Train with `target[:, 1:]` as both input and goal. What is the loss,
#    and what does greedy say?
# 6. **Backwards.** Learn to spell: phonemes in, letters out. What error rate do you reach, and why
#    can it never be 0?
#
# ## References
#
# - <a id="bahdanau2015"></a>Dzmitry Bahdanau, Kyunghyun Cho, Yoshua Bengio. *Neural Machine
#   Translation by Jointly Learning to Align and Translate*. ICLR, arXiv:1409.0473, 2015.
# - <a id="cho2014"></a>Kyunghyun Cho, Bart van Merriënboer, Caglar Gulcehre, Dzmitry Bahdanau,
#   Fethi Bougares, Holger Schwenk, Yoshua Bengio. *Learning Phrase Representations using RNN
#   Encoder--Decoder for Statistical Machine Translation*. EMNLP, 1724–1734, 2014.
# - <a id="sutskever2014"></a>Ilya Sutskever, Oriol Vinyals, Quoc V. Le. *Sequence to Sequence
#   Learning with Neural Networks*. NIPS 27, 3104–3112, 2014.
# - <a id="vaswani2017"></a>Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones,
#   Aidan N. Gomez, Łukasz Kaiser, Illia Polosukhin. *Attention Is All You Need*. NIPS 30,
#   5998–6008, arXiv:1706.03762, 2017.
