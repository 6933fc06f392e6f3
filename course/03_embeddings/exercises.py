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
countries = {"france", "italy", "spain", "russia", "china", "japan", "india", "egypt", "greece"}
topics = {"german", "germans", "berlin", "nazi", "hitler", "prussia"}
for window, vectors in by_window.items():
    near = [word for word, _ in vectors.nearest("germany", k=len(vectors))]
    first = [min(near.index(w) for w in some if w in near) + 1 for some in (countries, topics)]
    print(f"window {window}: first country at place", measured(first[0]), "first topic at", end=" ")
    print(measured(first[1]))
means = [np.mean([v.similarity("germany", w) for w in countries]) for v in by_window.values()]
claim("cosine of germany with countries, window 1 minus 10", means[0] - means[1], at_least=0)

# %% [markdown]
# With the narrow window, words that can stand in the same place come nearer to each other: another
# country fits wherever *Germany* stands. With the wide one, neighbours are of the same topic.
#
# ## Exercise 3: spelling or meaning?

# %%
fasttext = embeddings.FastText(embedding_dim=50, max_n=5, buckets=50_000, seed=1)
found = {"FastText": fasttext.fit(corpus, epochs=4).vectors}
found["SkipGram"] = SkipGram(**settings).fit(corpus, epochs=8).vectors
begin = {}
for name, vectors in found.items():
    near = [word for word, _ in vectors.nearest("music", k=10)]
    begin[name] = sum(word.startswith("mus") for word in near)
print("of the ten nearest of music begin with mus:", {n: measured(b) for n, b in begin.items()})

# %% [markdown]
# One word says little, so we ask a hundred: which share of the ten nearest ends in the same three
# letters?

# %%
for name, vectors in found.items():
    some = [word for word in vectors.words[1000:3000:20] if len(word) > 4]
    near = [(word, other) for word in some for other, _ in vectors.nearest(word, k=10)]
    begin[name] = np.mean([word[-3:] == other[-3:] for word, other in near])
claim("SkipGram: share of the same ending", begin["SkipGram"], at_most=0.2)
claim("FastText above it", begin["FastText"] - begin["SkipGram"], at_least=0.02)

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
# FastText's neighbours share endings with the word more often. For questions about grammar (*big,
# bigger*), that is what is asked, and FastText is far ahead.
#
# ## Exercise 4: shuffle

# %%
test_pairs = [
    (pair["first"].decode(), pair["second"].decode(), float(pair["score"]))
    for pair in data.load("word_similarity", split="wordsim353").as_numpy_iterator()
]
rng = np.random.default_rng(0)
shuffled = [[sentence[i] for i in rng.permutation(len(sentence))] for sentence in corpus]
found["shuffled"] = SkipGram(**settings).fit(shuffled, epochs=8).vectors
rho = {n: embeddings.evaluate_similarity(v, test_pairs)["spearman"] for n, v in found.items()}
print("SkipGram", measured(rho["SkipGram"]))
moved = rho["shuffled"] - rho["SkipGram"]
claim("shuffled minus SkipGram", moved, at_least=-0.15, at_most=0.15)

# %% [markdown]
# Hardly anything happens. WordSim-353 asks about topics, and the words of a sentence are of one
# topic in any order. The window only decides *which* of them count.
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
# less.) The order of the cosines hardly changes.
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
count = CountVectorizer(analyzer="char_wb", ngram_range=(2, 3)).fit(names)
table, languages = count.transform(names), np.array(languages)
bayes = MultinomialNB().fit(table[learn], languages[learn])
right = bayes.score(table[~learn], languages[~learn])
print("names to learn from:", learn.sum(), " to judge:", (~learn).sum())
claim("named rightly (a half by chance)", right, at_least=0.9)

# %%
logs = bayes.feature_log_prob_
order = np.argsort(logs[0] - logs[1])
pieces = count.get_feature_names_out()
most = {"English": pieces[order[:6]], "German": pieces[order[::-1][:6]]}
for language, some in most.items():
    print(f"for {language}:", *map(repr, some.tolist()))
assert all(piece in "medium skin tone hautfarbe" for some in most.values() for piece in some)

# %% [markdown]
# All of them are parts of *medium*, *skin*, *tone* and *Hautfarbe* (colour of the skin): many emoji
# differ in it alone. So the share above is a friendly one, and the lesson leaves such emoji out.
# Look at what a model goes by before you trust its share.
