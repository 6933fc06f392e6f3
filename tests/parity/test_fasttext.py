"""fastText's classifiers beside fastText itself: the published one, and each kind of file."""

import fasttext
import numpy as np
import pytest
from fasttext_models import KINDS, fasttext_bytes

from aimodels.embeddings import FastTextClassifier
from aimodels.embeddings.classifier import package_file

TEXTS = [
    "the cat sat on the mat",
    "Où est la bibliothèque, s'il vous plaît ?",
    "Ich weiß nicht, was soll es bedeuten.",
    "Привет, как дела?",
    "今天天气很好，我们去公园吧。",
    "猫は寝ている",
    "🙂 naïve naïve",
    "\ttabs  and\u3000wide\u00a0spaces ",
    "__label__en the cat",
    "the </s> cat",
    "a",
    "x" * 300,
    "",
]


def worst(model, reference) -> float:
    """The largest difference of a probability of any label, over all texts."""
    found = 0
    for text, ours in zip(TEXTS, model.probabilities(TEXTS), strict=True):
        labels, theirs = reference.predict(text, k=len(model.labels), threshold=-1)
        at = [model.labels.index(label.removeprefix("__label__")) for label in labels]
        assert sorted(at) == list(range(len(model.labels)))
        found = max(found, np.abs(ours[at] - theirs).max())
    return found


def test_the_published_language_identifier(parity):
    parity(
        "embeddings.FastTextClassifier, lid.176.ftz",
        reference="fasttext-predict",
        difference=worst(
            FastTextClassifier.from_package(), fasttext.load_model(str(package_file()))
        ),
        bound=1e-6,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file(kind, tmp_path, parity):
    path = tmp_path / "model.ftz"
    path.write_bytes(fasttext_bytes(**KINDS[kind]))
    parity(
        f"embeddings.FastTextClassifier, {kind}",
        reference="fasttext-predict",
        difference=worst(FastTextClassifier.from_file(path), fasttext.load_model(str(path))),
        bound=1e-5,
    )
