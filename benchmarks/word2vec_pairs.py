"""Skip-gram's and gensim's ρ on WordSim-353: would other pairs of words and seeds say the same?

The trainings of `word2vec`, once per seed. A bootstrap draws the pairs with replacement, the same
for both, and the seeds, for each its own; the mean over the drawn seeds counts. Nothing is timed.
"""

import numpy as np
import word2vec
from scipy.stats import spearmanr

from aimodels import data


def interval(mean: float, drawn: np.ndarray) -> dict:
    """The mean, and where 95 % of what was drawn lie."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": float(mean), "low": float(low), "high": float(high)}


def run(epochs: int = 15, seeds: int = 3, draws: int = 1000) -> dict:
    corpus = word2vec.sentences()
    contestants = {"gensim": word2vec.gensim_round, "aimodels": word2vec.our_round}
    trained = {
        name: [train(corpus, epochs, seed)[1] for seed in range(1, seeds + 1)]
        for name, train in contestants.items()
    }
    pairs = [
        (pair["first"].decode().lower(), pair["second"].decode().lower(), float(pair["score"]))
        for pair in data.load("word_similarity", split="wordsim353").as_numpy_iterator()
    ]
    known = trained["gensim"][0]  # the vocabularies are equal
    pairs = [pair for pair in pairs if pair[0] in known and pair[1] in known]
    score = np.array([pair[2] for pair in pairs])
    cosines = {
        name: [np.array([vectors.similarity(a, b) for a, b, _ in pairs]) for vectors in of_seeds]
        for name, of_seeds in trained.items()
    }
    rng = np.random.default_rng(0)
    drawn: dict = {name: [] for name in cosines}
    for _ in range(draws):
        chosen = rng.integers(0, len(pairs), len(pairs))
        for name, of_seeds in cosines.items():
            some = [of_seeds[seed][chosen] for seed in rng.integers(0, seeds, seeds)]
            drawn[name].append(np.mean([spearmanr(score[chosen], one)[0] for one in some]))
    means = {
        name: np.mean([spearmanr(score, one)[0] for one in of_seeds])
        for name, of_seeds in cosines.items()
    }
    figures = {name: {"ρ": interval(means[name], np.array(drawn[name]))} for name in cosines}
    lead = np.subtract(drawn["aimodels"], drawn["gensim"])
    figures["ours minus gensim's"] = interval(means["aimodels"] - means["gensim"], lead)
    return figures | {"pairs": len(pairs), "epochs": epochs, "seeds": seeds, "draws": draws}
