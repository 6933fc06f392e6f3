# ---
# jupyter:
#   aimodels:
#     title: "Exercises: words as vectors"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: words as vectors
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import itertools
import re
from collections import Counter

import emoji
import numpy as np
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from aimodels import data, embeddings
from aimodels.course import claim, measured
from aimodels.embeddings import SkipGram, WordVectors

# %% [markdown]
# ## Exercise 1: by hand
#
# With a window of 1 each word has the word before and the word after it as neighbours. The two ends
# have one only, so six words have 2 · 6 − 2 = 10 pairs. *To be* stands there twice, and with it the
# pairs (to, be) and (be, to).

# %%
words = ["to", "be", "or", "not", "to", "be"]
pairs = Counter(pair for a, b in itertools.pairwise(words) for pair in ((a, b), (b, a)))
print(sum(pairs.values()), "pairs; twice:", *(pair for pair, n in pairs.items() if n == 2))
assert (sum(pairs.values()), pairs["to", "be"]) == (10, 2)

# %% [markdown]
# ## Exercise 2: window
#
# The text as in the lesson, eight epochs for each window, and half the lesson's learning rate: with
# the wide window the changes of a word add up to more, and the full rate diverges.

# %%
corpus = []
for article in data.load("wikipedia_sample", split="train").as_numpy_iterator():
    for sentence in re.split(r"\n+|(?<=[.!?])\s+", article["text"].decode()):
        found = re.findall("[a-z]+", sentence.lower())
        corpus += [found] if len(found) >= 3 else []
settings = {"embedding_dim": 50, "learning_rate": 0.02, "seed": 1}
by_window = {w: SkipGram(window=w, **settings).fit(corpus, epochs=8).vectors for w in (1, 10)}

# %%
countries = (
    "germany france italy spain russia china japan india egypt greece england ireland turkey"
)
people = (
    "german french italian spanish russian chinese japanese indian egyptian greek english irish"
)
own_people = dict(zip(countries.split(), [*people.split(), "turkish"], strict=True))
place_of, topic_first = {}, {}
for window, vectors in by_window.items():
    others, own = [], []
    for country, adjective in own_people.items():
        order = [word for word, _ in vectors.nearest(country, k=len(vectors))]
        others.append(np.median([order.index(o) + 1 for o in own_people if o != country]))
        own.append(order.index(adjective) + 1)
    place_of[window] = np.median(others)
    topic_first[window] = np.mean(np.less(own, others))
    print(f"window {window}: typical place of another country", measured(place_of[window]))
    print("   typical place of its own adjective", measured(np.median(own)))
    print("   countries whose own adjective is nearer than that", measured(topic_first[window]))
claim("place of another country, window 10 over 1", place_of[10] / place_of[1], at_least=1.5)
claim("share with the adjective nearer, 10 minus 1", topic_first[10] - topic_first[1], at_least=0.1)

# %% [markdown]
# Another country can stand in the same place as *Germany*; *German* belongs to the same topic.
# Among all words, other countries come nearer with the narrow window. With the wide one, more
# countries have their own adjective nearer than a typical other country.
#
# Has the wide window brought the adjective nearer, or only sent the other countries away? Compare
# the two typical places of the adjective: only if the second is smaller has it come nearer.
#
# ## Exercise 3: spelling or meaning?

# %%
fasttext = embeddings.FastText(embedding_dim=50, max_n=5, buckets=50_000, seed=1)
found = {"FastText": fasttext.fit(corpus, epochs=4).vectors}
tuned = {"embedding_dim": 50, "learning_rate": 0.04, "seed": 1}  # as in the lesson
found["SkipGram"] = SkipGram(**tuned).fit(corpus, epochs=20).vectors
same = {}
for name, vectors in found.items():
    some = [word for word in vectors.words[1000:3000:20] if len(word) > 4]
    near = [(word, other) for word in some for other, _ in vectors.nearest(word, k=10)]
    same[name] = np.mean([word[-3:] == other[-3:] for word, other in near])
claim("SkipGram: share of the same ending", same["SkipGram"], at_most=0.2)
claim("FastText above it", same["FastText"] - same["SkipGram"], at_least=0.02)

# %%
grammar = [
    [question[name].decode() for name in "abcd"]
    for question in data.load("word_analogies", split="test").as_numpy_iterator()
    if question["section"].decode().startswith("gram")
]
share = {name: embeddings.evaluate_analogies(v, grammar)["accuracy"] for name, v in found.items()}
claim("FastText: right answers about grammar", share["FastText"], at_least=0.05)
claim("FastText above SkipGram", share["FastText"] - share["SkipGram"], at_least=0.03)

# %% [markdown]
# FastText's neighbours share endings with the word more often. In questions about grammar (*big,
# bigger*) FastText is far ahead, with fewer epochs. How much of that is spelling only? The simplest
# rival forgets the first two words, and answers with the nearest of the third:

# %%
added = {}
for name, v in found.items():
    known = [q for q in ([w.lower() for w in one] for one in grammar) if all(w in v for w in q)]
    near = {q[2]: [w for w, _ in v.nearest(q[2], k=3)] for q in known}
    plain = np.mean([next(w for w in near[c] if w not in (a, b)) == d for a, b, c, d in known])
    print(f"{name}: {measured(share[name])}, by the third word alone {measured(plain)}")
    added[name] = share[name] - plain
claim("FastText: added by the other two words", added["FastText"], at_least=0.05)
claim("SkipGram: added by them", added["SkipGram"], at_least=-0.03, at_most=0.03)

# %% [markdown]
# With FastText the other two words add much, with SkipGram very little.
#
# ## Exercise 4: shuffle

# %%
test_pairs = [
    (pair["first"].decode(), pair["second"].decode(), float(pair["score"]))
    for pair in data.load("word_similarity", split="wordsim353").as_numpy_iterator()
]
rng = np.random.default_rng(0)
shuffled = [[sentence[i] for i in rng.permutation(len(sentence))] for sentence in corpus]
found["shuffled"] = SkipGram(**tuned).fit(shuffled, epochs=20).vectors
rho = {n: embeddings.evaluate_similarity(v, test_pairs)["spearman"] for n, v in found.items()}
print("SkipGram", measured(rho["SkipGram"]))
asked = [(a.lower(), b.lower(), score) for a, b, score in test_pairs]
asked = [pair for pair in asked if pair[0] in vectors and pair[1] in vectors]
score = np.array([pair[2] for pair in asked])
cosine = [
    np.array([found[name].similarity(a, b) for a, b, _ in asked])
    for name in ("shuffled", "SkipGram")
]
again = [
    np.subtract(*(spearmanr(score[drawn], c[drawn])[0] for c in cosine))
    for drawn in rng.integers(0, len(asked), (500, len(asked)))
]
moved = rho["shuffled"] - rho["SkipGram"]
print("shuffled minus SkipGram", measured(moved))
claim("in standard errors of the paired bootstrap", moved / np.std(again), at_least=-2, at_most=2)

# %% [markdown]
# The change is less than two standard errors: these pairs cannot show that the order matters.
# WordSim-353 asks which words belong together, and a shuffled sentence still has all its words.
# Shuffling changes which of them stand within the window.
#
# ## Exercise 5: a smaller table

# %%
vectors = found["SkipGram"]
parts = vectors.unit.reshape(len(vectors), 25, 2)
packed = np.empty_like(parts)
for part in range(25):
    means = KMeans(64, n_init=1, max_iter=10, random_state=0).fit(parts[:, part])
    packed[:, part] = means.cluster_centers_[means.labels_]
small = WordVectors(vectors.words, packed.reshape(len(vectors), 50))
plain, bytes_left = 4 * 50 * len(vectors), 25 * len(vectors) + 25 * 64 * 2 * 4
print(f"{plain:,} bytes, then {bytes_left:,}: {plain / bytes_left:.1f} times fewer")
lost = rho["SkipGram"] - embeddings.evaluate_similarity(small, test_pairs)["spearman"]
claim("ρ lost", lost, at_least=-0.03, at_most=0.03)

# %% [markdown]
# One byte per part, and the codebooks. (A number below 64 needs six bits, so it could be even
# less.) ρ hardly changes.
#
# ## Exercise 6: your own identifier

# %%
names, languages = [], []
for language in ("de", "en"):
    emoji.config.load_language(language)
    for entry in list(emoji.EMOJI_DATA.values())[::7]:
        names.append(entry.get(language, "").strip(":").replace("_", " ").lower())
        languages.append(language)
learn = np.arange(len(names)) % 2 == 0
count = CountVectorizer(analyzer="char_wb", ngram_range=(2, 3)).fit(np.array(names)[learn])
table, languages = count.transform(names), np.array(languages)
bayes = MultinomialNB().fit(table[learn], languages[learn])
right = bayes.score(table[~learn], languages[~learn])
print("names to learn from:", learn.sum(), " to judge:", (~learn).sum())
claim("named rightly (a half by chance)", right, at_least=0.9)

# %%
logs = bayes.feature_log_prob_
order = np.argsort((logs[0] - logs[1]).round(6), kind="stable")  # ties: by the alphabet
pieces = count.get_feature_names_out()
most = {"English": pieces[order[:6]], "German": pieces[order[::-1][:6]]}
for language, some in most.items():
    print(f"for {language}:", *map(repr, some.tolist()))
assert all(piece in "medium skin tone hautfarbe" for some in most.values() for piece in some)

# %% [markdown]
# All of them are parts of *medium*, *skin*, *tone* and *Hautfarbe* (colour of the skin): many emoji
# differ in it alone. So the share above is a friendly one, and the lesson leaves such emoji out.
# Look at what a model goes by before you trust its share.
