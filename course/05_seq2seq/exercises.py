# ---
# jupyter:
#   aimodels:
#     title: "Exercises: from sequence to sequence"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: from sequence to sequence
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import collections
import math
import re

import keras
import numpy as np
import tensorflow as tf

from aimodels import data, decoding, metrics, seq2seq
from aimodels.course import claim
from aimodels.text import Vocabulary


def read(split):
    examples = data.load("cmudict", split=split, batch_size=-1)
    rows = zip(examples["word"].numpy(), examples["phonemes"].numpy(), strict=True)
    pairs = ((w.decode(), tuple(re.sub(r"\d", "", p.decode()).split())) for w, p in rows)
    return [(w, p) for w, p in dict.fromkeys(pairs) if w.isalpha()]


train, validation = read("train[:36%]"), read("validation")
pairs = [(word, said) for word, said in train if len(word) <= 7 and len(said) <= 8]
letters, phonemes = (Vocabulary.build(side) for side in zip(*pairs, strict=True))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
print(len(pairs), "pairs")

# %% [markdown]
# ## Exercise 1: by hand
#
# The dot products are 2, 1 and 0; divided by $\sqrt 2$: 1.414, 0.707, and the third is masked. The
# weights are $e^{1.414} = 4.113$ and $e^{0.707} = 2.028$ over their sum, 6.141: 0.670, 0.330 and 0.
# The context is 0.670 (2, 0) + 0.330 (0, 1) = (1.340, 0.330).

# %%
query, keys = np.array([1.0, 1.0]), np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
scores = keys @ query / math.sqrt(2)
e = np.where([True, True, False], np.exp(scores), 0)
weights = e / e.sum()
print("scores", scores.round(3), "weights", weights.round(3), "context", (weights @ keys).round(3))
assert np.allclose(weights @ keys, [1.340, 0.330], atol=1e-3)

# %% [markdown]
# ## Exercise 2: a mask forgotten
#
# The key of a row of zeros is the bias, here 0; so its score is 0, and $e^0 = 1$ is not nothing.

# %%
rng = np.random.default_rng(0)
layer = seq2seq.DotProductAttention(64)
h, m = (rng.normal(size=(1, n, 64)).astype("float32") for n in (4, 5))
padded = np.pad(m, [(0, 0), (0, 3), (0, 0)])
real = np.arange(8)[None] < 5
right, _ = layer(h, m)
masked, _ = layer(h, padded, value_mask=real)
forgotten, weights = layer(h, padded)
claim("with the mask, the context moves by", np.abs(masked - right).max(), at_most=1e-5)
on_padding = weights.numpy()[..., 5:].sum(axis=-1).mean()
claim("without it: weight on the padding", on_padding, at_least=0.2)
claim("and the context moves by", np.abs(forgotten - right).max(), at_least=0.1)

# %% [markdown]
# ## Exercise 3: cheating, measured
#
# The decoder reads what it must say in the same step, so it learns to copy.

# %%
source = letters.encode([list(word) for word, _ in pairs]).numpy()
target = phonemes.encode([said for _, said in pairs], start=True, end=True).numpy()
keras.utils.set_random_seed(1)
cheat = seq2seq.Seq2Seq(len(letters), len(phonemes), embedding_dim=32, units=84, attention=None)
cheat.compile(keras.optimizers.Adam(1e-2), loss)
goals = target[:, 1:]
assert phonemes.start_id not in goals
history = cheat.fit((source, goals), goals, batch_size=256, epochs=1, verbose=0).history
final = loss(goals[:2000], cheat((source[:2000], goals[:2000]))).numpy()
claim("loss of the cheat", final, at_most=0.05)

# %%
right = collections.defaultdict(list)
for word, said in validation:
    if 3 <= len(word) <= 7:
        right[word].append(said)
words = list(right)[:500]
ids, _ = decoding.greedy(cheat, letters.encode([list(word) for word in words]), max_length=12)
answers = phonemes.decode(ids)
_, wrong = metrics.error_rates(answers, [right[word] for word in words])
claim("word error rate of what it says", wrong, at_least=0.95)

# %% [markdown]
# A wonderful loss, and on its own it says nonsense. It begins with `[START]`, which it never read
# in training: the assertion says so.
#
# ## Exercise 4: a short penalty
#
# $\ln 0.2 \,/\, (8/6)^{\lambda} = \ln 0.1 \,/\, (11/6)^{\lambda}$, so
# $\lambda = \ln(\ln 0.1 / \ln 0.2) \,/\, \ln(11/8)$.

# %%
equal = math.log(math.log(0.1) / math.log(0.2)) / math.log(11 / 8)
print(f"equal at {equal:.4f}")
for strength in (equal - 0.01, equal + 0.01):
    short, long = (math.log(p) / ((5 + n) / 6) ** strength for n, p in ((3, 0.2), (6, 0.1)))
    print(f"{strength:.3f}: short {short:.4f}, long {long:.4f}")
assert long > short
assert 1.1 < equal < 1.2

# %% [markdown]
# It is above 1: the long answer is so much less probable that the usual 0.6 does not let it win.
#
# ## Exercise 5: the beam that misses
#
# The best answer must begin with the third best token: A 0.4, B 0.35, C 0.25, and after C a nearly
# certain x, while after A and B three tokens are alike.


# %%
class Toy:
    def __init__(self, table, names):
        self.p = np.zeros((len(names), len(names)), "float32")
        for last, following in table.items():
            for token, p in following.items():
                self.p[names.tokens_to_ids(last), names.tokens_to_ids(token)] = p

    def encode(self, source):
        return (), tf.zeros_like(source)

    def decode_step(self, token_ids, state, memory):
        return tf.gather(tf.math.log(self.p), token_ids), state


alike = {token: 1 / 3 for token in "xyz"}
table = {"[START]": {"A": 0.4, "B": 0.35, "C": 0.25}, "A": alike, "B": alike, "C": {"x": 1.0}}
table |= {token: {"[END]": 1.0} for token in "xyz"}
names = Vocabulary([*"ABCxyz"])
for beam_size in (2, 3):
    ids, score = decoding.beam_search(
        Toy(table, names), tf.constant([[4]]), max_length=3, beam_size=beam_size
    )
    found = names.ids_to_tokens(ids[0].numpy())
    print(beam_size, *found, np.exp(score[0]).round(4))
assert found[:2] == ["C", "x"]

# %% [markdown]
# ## Exercise 6: backwards
#
# The same model with its sides exchanged. Before training: how often is there a choice? These are
# the words of the validation part that sound like another word of the dictionary.

# %%
by_sound = collections.defaultdict(set)
for word, said in (*train, *read("train[36%:]"), *validation, *read("test")):
    by_sound[said].add(word)
judge = [(word, said) for word, said in validation if 3 <= len(word) <= 7 and len(said) <= 8]
share = np.mean([len(by_sound[said]) > 1 for _, said in judge])
claim("share that sounds like another word", share, at_least=0.2)

# %%
heard = phonemes.encode([said for _, said in pairs]).numpy()
spelled = letters.encode([list(word) for word, _ in pairs], start=True, end=True).numpy()
keras.utils.set_random_seed(1)
speller = seq2seq.Seq2Seq(len(phonemes), len(letters), embedding_dim=32, units=64)
steps = math.ceil(len(heard) / 256) * 8
speller.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, steps)), loss)
inputs = heard, spelled[:, :-1]
_ = speller.fit(inputs, spelled[:, 1:], batch_size=256, epochs=8, verbose=0)

# %%
judge = judge[::4]
ids, _ = decoding.greedy(speller, phonemes.encode([said for _, said in judge]), max_length=12)
written = ["".join(answer) for answer in letters.decode(ids)]
wrong = np.mean([a != word for a, (word, _) in zip(written, judge, strict=True)])
claim("word error rate of spelling", wrong, at_least=0.4, at_most=0.85)
sounds_right = np.mean([a in by_sound[said] for a, (_, said) in zip(written, judge, strict=True)])
claim("wrong, but a word with this sound", sounds_right - (1 - wrong), at_least=0.03)

# %% [markdown]
# Spelling English from its sound is harder than saying it, and for many words there is no single
# right answer: *right*, *write* and *rite* sound the same.
