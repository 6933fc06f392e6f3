"""Evaluation of word vectors: similarities as people judge them, and analogies."""

from collections.abc import Iterable

import numpy as np

from aimodels.embeddings.word_vectors import WordVectors, unit_vectors


def evaluate_similarity(
    vectors: WordVectors, pairs: Iterable[tuple[str, str, float]], lowercase: bool = True
) -> dict:
    r"""Spearman's $\rho$ between cosines and people's scores of pairs of words.

    It is the correlation of ranks; equal values share the mean of their ranks.

    Returns:
        `spearman` (nan with fewer than two pairs), `pairs` that counted, and `unknown`: pairs
        left out because a word has no vector.

    Example:
        >>> vectors = WordVectors(["cat", "dog", "car"], [[1, 0], [1, 0.2], [0, 1]])
        >>> evaluate_similarity(vectors, [("cat", "dog", 9), ("Dog", "car", 2), ("cat", "bus", 1)])
        {'spearman': 1.0, 'pairs': 2, 'unknown': 1}
    """
    pairs = [(_case(a, lowercase), _case(b, lowercase), score) for a, b, score in pairs]
    known = [(a, b, score) for a, b, score in pairs if a in vectors and b in vectors]
    spearman = float("nan")
    if len(known) > 1:
        cosines, scores = zip(*((vectors.similarity(a, b), s) for a, b, s in known), strict=True)
        with np.errstate(invalid="ignore"):  # all scores equal: nan
            spearman = round(float(np.corrcoef(_ranks(cosines), _ranks(scores))[0, 1]), 12)
    return {"spearman": spearman, "pairs": len(known), "unknown": len(pairs) - len(known)}


def evaluate_analogies(
    vectors: WordVectors, questions: Iterable[tuple[str, str, str, str]], lowercase: bool = True
) -> dict:
    """How often a is to b as c is to d comes out right: `WordVectors.analogy` names d first.

    Returns:
        `accuracy`, `questions` that counted, and `unknown`: questions
        left out because a word has no vector.

    Reference:
        [mikolov2013efficient]
    """
    asked = [[_case(word, lowercase) for word in question] for question in questions]
    known = [[vectors.index[w] for w in q] for q in asked if all(w in vectors for w in q)]
    right = 0
    for start in range(0, len(known), 512):
        a, b, c, d = np.array(known[start : start + 512]).T
        cosines = unit_vectors(vectors.unit[b] - vectors.unit[a] + vectors.unit[c]) @ vectors.unit.T
        for taken in (a, b, c):
            cosines[np.arange(len(a)), taken] = -np.inf
        right += int((cosines.argmax(1) == d).sum())
    accuracy = right / len(known) if known else float("nan")
    return {"accuracy": accuracy, "questions": len(known), "unknown": len(asked) - len(known)}


def _case(word: str, lowercase: bool) -> str:
    return word.lower() if lowercase else word


def _ranks(values) -> np.ndarray:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]
