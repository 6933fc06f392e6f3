"""Word vectors: trained by `SkipGram`, `CBOW`, `FastText` or `GloVe`; used, evaluated, saved.

`FastTextClassifier` is a published text classifier, read from its file.
"""

from aimodels.embeddings.classifier import FastTextClassifier
from aimodels.embeddings.evaluation import evaluate_analogies, evaluate_similarity
from aimodels.embeddings.fasttext import FastText
from aimodels.embeddings.glove import GloVe, cooccurrences
from aimodels.embeddings.word2vec import CBOW, SkipGram
from aimodels.embeddings.word_vectors import UnknownWordError, WordVectors

__all__ = [
    "CBOW",
    "FastText",
    "FastTextClassifier",
    "GloVe",
    "SkipGram",
    "UnknownWordError",
    "WordVectors",
    "cooccurrences",
    "evaluate_analogies",
    "evaluate_similarity",
]
