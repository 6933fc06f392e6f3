# ---
# jupyter:
#   aimodels:
#     title: "Exercises: BERT"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: BERT
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from aimodels import bert
from aimodels.course import claim, measured
from aimodels.text import Vocabulary

# %% [markdown]
# ## Exercise 1: by hand
#
# 15 % of 20 are 3 letters. Each of them stays as it is with probability 0.1, so 0.3 on average.
# (And "any token" is the old one now and then: of 30 tokens, another 0.01.) We count in 20,000
# texts of random letters.

# %%
letters = Vocabulary(
    ["[MASK]", *"abcdefghijklmnopqrstuvwxyz"], start_token="[CLS]", end_token="[SEP]"
)
ids = np.random.default_rng(0).integers(5, 31, (20000, 20), dtype="int32")
new, places, hidden = map(np.array, bert.mask_tokens(ids, letters, seed=(0, 1)))
print("hidden:", np.unique((hidden > 0).sum(axis=1)))
unchanged = np.sum(np.take_along_axis(new, places, axis=1) == hidden) / len(ids)
claim("of them seen unchanged", unchanged, at_least=0.28, at_most=0.34)

# %% [markdown]
# ## Exercise 2: how many parameters?
#
# The tables have a row of 384 for each token, place and segment, and one normalisation. A block has
# four kernels of 384 × 384 with biases (queries, keys, values, output), two of 384 × 1,536, and two
# normalisations. The pooler is one kernel more.

# %%
V, T, D, inner = 30522, 512, 384, 1536
tables = (V + T + 2) * D
block = 4 * (D * D + D) + (D * inner + inner) + (inner * D + D) + 2 * 2 * D
by_hand = tables + 2 * D + 6 * block + (D * D + D)
minilm = bert.BERT(V, D, 12, 6, inner, max_sequence_length=T)
print(f"tables {tables:,}, six blocks {6 * block:,}")
print(f"by hand {by_hand:,}, by program {minilm.count_params():,}")
assert by_hand == minilm.count_params()

# %% [markdown]
# The tables are the largest part: a small model with many words is mostly a dictionary.
#
# ## Exercise 3: always [MASK]
#
# The loss asks at hidden places only. Then we give the model 200 texts that it has not read, with
# nothing hidden. We ask about each letter, once its own layer on top, and once a logistic
# regression on the vectors below that layer: it learns from four of these texts, and is judged on
# 100 others.

# %%
MASK = letters.tokens_to_ids("[MASK]")
noise = np.random.default_rng(1).integers(5, 25, size=(8000, 16), dtype="int32")
changed, places, hidden = map(np.array, bert.mask_tokens(noise, letters, seed=(0, 2), rate=0.3))
asked = np.zeros_like(noise)
np.put_along_axis(asked, places, hidden, axis=1)


def seen_right(inputs):
    """Share of the visible letters named by a model trained on hidden ones, and by a regression."""
    keras.utils.set_random_seed(1)
    encoder = bert.BERT(len(letters), 64, num_layers=1, dropout=0.0, max_sequence_length=16)
    encoder.get_layer("pooler").trainable = False
    model = bert.tagger(encoder, len(letters), dropout=0.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=False)
    model.fit((inputs[1000:], 0 * inputs[1000:]), asked[1000:], 32, epochs=3, verbose=0)
    seen = noise[:200]
    named = np.mean(np.argmax(model((seen, 0 * seen)), axis=-1) == seen)
    h = np.array(encoder((seen, 0 * seen))[0]).reshape(-1, 64)
    four, judge, truth = 4 * 16, 100 * 16, seen.ravel()
    regression = LogisticRegression(max_iter=300).fit(h[:four], truth[:four])
    return named, regression.score(h[judge:], truth[judge:])


# %%
always = np.where(asked > 0, MASK, noise)
named, by_regression = seen_right(changed)
claim("80/10/10: of the visible letters, right", named, at_least=0.9)
claim("by a regression on the vectors", by_regression, at_least=0.85)
named, of_masked = seen_right(always)
claim("always [MASK]: of the visible letters, right", named, at_most=0.3)
print("by a regression on the vectors:", measured(of_masked))
claim("behind the one with 80/10/10 by", by_regression - of_masked, at_least=0.03)

# %% [markdown]
# Asked about `[MASK]` alone, the layer on top never learned to say what stands plainly there: it
# was never asked. The regression is asked. With four texts to learn from, it names fewer letters
# from these vectors than from those of the model that had to care for visible letters, too. In
# fine-tuning every letter is a visible one, so a new layer would start from the poorer vectors.
#
# ## Exercise 4: without positions

# %%
keras.utils.set_random_seed(2)
blind = bert.BERT(len(letters), 32, num_layers=2, dropout=0.0, max_sequence_length=20)
table = blind.get_layer("position_embedding").table
table.assign(0 * table)
order = np.random.default_rng(2).permutation(20)


def vectors(rows):
    return np.array(blind((rows, 0 * rows))[0])


difference = np.abs(vectors(ids[:5, order]) - vectors(ids[:5])[:, order]).max()
claim("shuffled letters, shuffled vectors: differ by", difference, at_most=1e-5)

# %% [markdown]
# The vectors are shuffled as the letters are, and otherwise the same. Nothing in the blocks knows
# an order; the position table is all of it.
#
# ## Exercise 5: the padding in the mean

# %%
alone = np.array([[2, 8, 9, 3]])
padded = np.pad(alone, ((0, 0), (0, 12)))


def text_vector(rows, there):
    mean = (vectors(rows) * there[..., None]).sum(axis=1) / there.sum(axis=1, keepdims=True)
    return mean / np.linalg.norm(mean)


for name, there in (("with", np.ones(padded.shape)), ("without", padded != 0)):
    moved = np.linalg.norm(text_vector(padded, there) - text_vector(alone, alone != 0))
    bound = {"at_least": 0.1} if name == "with" else {"at_most": 1e-5}
    claim(f"the mean {name} padding: moved by", moved, **bound)

# %% [markdown]
# The attention's mask keeps padding out of the other vectors, not out of a mean over all of them.
# With it, a text's vector depends on which other texts happen to be in its batch.
#
# ## Exercise 6: contrastive loss by hand
#
# With the factor 20 the logits are 16 and 4, and 14 and 6: the losses are $\ln(1 + e^{-12})$ and
# $\ln(1 + e^{-8})$, nearly 0. With the factor 1: $\ln(1 + e^{-0.6}) = 0.44$ and
# $\ln(1 + e^{-0.4}) = 0.51$.

# %%
cosines = np.array([[0.8, 0.2], [0.3, 0.7]])
for factor in (20, 1):
    loss = -np.log(softmax(factor * cosines, axis=1).diagonal())
    each = ", ".join(f"{value:.1e}" for value in loss)
    print(f"factor {factor:>2}: {each}; mean {loss.mean():.1e}")
best = -np.log(softmax([1.0, -1.0])[0])
print(f"the least that the factor 1 allows: {best:.3f}")

# %% [markdown]
# Cosines lie between −1 and 1. With the factor 1 even a perfect partner would leave a loss, and its
# gradient would go on pulling. The factor lets a small difference of cosines decide.
