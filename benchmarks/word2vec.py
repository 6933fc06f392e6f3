"""Skip-gram against gensim's Word2Vec: words per second and quality on the same English text.

Both train on the sentences of `wikipedia_sample` with the same settings, in turn and not at the
same time, so that what else the machine does meets both. Seconds are those of training alone: the
counting of words before is excluded for both, the compilation of the graph is included. Words are
those of the raw text times epochs, dropped ones included. gensim draws the noise for each pair
anew, `SkipGram` once a stretch. Quality is measured on the pairs and questions whose words both
know: the vocabularies are equal.
"""

import re
import time

import numpy as np
from gensim.models import Word2Vec

from aimodels import data
from aimodels.embeddings import SkipGram, WordVectors, evaluate_analogies, evaluate_similarity

DIM, WINDOW, NEGATIVE, MIN_COUNT, SUBSAMPLE, WORKERS = 100, 5, 5, 5, 1e-3, 2


def sentences() -> list[list[str]]:
    """Lower-case words, cut at line breaks and at the ends of sentences."""
    articles = data.load("wikipedia_sample", split="train").as_numpy_iterator()
    corpus = []
    for article in articles:
        for sentence in re.split(r"\n+|(?<=[.!?])\s+", article["text"].decode()):
            words = re.findall(r"[a-z]+", sentence.lower())
            if len(words) >= 3:
                corpus.append(words)
    return corpus


def marks(vectors: WordVectors) -> dict:
    """Spearman's rho on both lists of word pairs, and the share of analogies answered."""
    figures = {}
    for split in ("wordsim353", "simlex999"):
        pairs = data.load("word_similarity", split=split).as_numpy_iterator()
        pairs = [(p["first"].decode(), p["second"].decode(), p["score"]) for p in pairs]
        result = evaluate_similarity(vectors, pairs)
        figures[split], figures[f"{split}_pairs"] = result["spearman"], result["pairs"]
    questions = data.load("word_analogies", split="test").as_numpy_iterator()
    questions = [[q[name].decode() for name in "abcd"] for q in questions]
    result = evaluate_analogies(vectors, questions)
    return figures | {"analogies": result["accuracy"], "analogies_asked": result["questions"]}


def gensim_round(corpus: list, epochs: int, seed: int) -> tuple[float, WordVectors]:
    model = Word2Vec(
        vector_size=DIM,
        window=WINDOW,
        negative=NEGATIVE,
        min_count=MIN_COUNT,
        sample=SUBSAMPLE,
        sg=1,
        workers=WORKERS,
        seed=seed,
    )
    model.build_vocab(corpus)
    start = time.perf_counter()
    model.train(corpus, total_examples=model.corpus_count, epochs=epochs)
    seconds = time.perf_counter() - start
    return seconds, WordVectors(model.wv.index_to_key, model.wv.vectors)


def our_round(corpus: list, epochs: int, seed: int) -> tuple[float, WordVectors]:
    model = SkipGram(DIM, WINDOW, NEGATIVE, MIN_COUNT, SUBSAMPLE, seed=seed, jit_compile=True)
    model.count(corpus)
    model.build()
    start = time.perf_counter()
    model.train(epochs)
    seconds = time.perf_counter() - start
    return seconds, model.vectors


def compare(epochs: int, rounds: int) -> dict:
    """Means over the rounds, each with another seed, and the standard deviation of marks."""
    corpus = sentences()
    words = sum(map(len, corpus))
    contestants = {"gensim": gensim_round, "aimodels": our_round}
    seconds: dict = {name: [] for name in contestants}
    quality: dict = {name: [] for name in contestants}
    for seed in range(1, rounds + 1):
        for name, train in contestants.items():
            spent, vectors = train(corpus, epochs, seed)
            seconds[name].append(spent)
            quality[name].append(marks(vectors))
            print(f"round {seed}, {name}: {spent:.1f} s, {quality[name][-1]}", flush=True)
    if quality["gensim"][0]["analogies_asked"] != quality["aimodels"][0]["analogies_asked"]:
        raise AssertionError("the vocabularies differ")
    figures = {"words": words, "vocabulary": len(vectors), "epochs": epochs, "rounds": rounds}
    for name in contestants:
        figures[name] = {"words_per_second": round(words * epochs / np.mean(seconds[name]))}
        for mark in quality[name][0]:
            values = [one[mark] for one in quality[name]]
            if isinstance(values[0], int):  # how many pairs or questions: always the same
                figures[mark] = values[0]
                continue
            figures[name][mark] = round(float(np.mean(values)), 4)
            figures[name][f"{mark}_deviation"] = round(float(np.std(values)), 4)
    ratios = np.divide(seconds["gensim"], seconds["aimodels"])
    figures["speed_ratio"] = round(float(np.median(ratios)), 2)
    figures["speed_ratios"] = [round(float(ratio), 2) for ratio in ratios]
    return figures


def run() -> dict:
    return compare(epochs=15, rounds=3)
