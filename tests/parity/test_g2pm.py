"""How characters are read, beside the package's own NumPy program."""

import numpy as np
import pytest
from g2pM import G2pM

from aimodels import data
from aimodels.recurrent import PinyinReader


@pytest.fixture(scope="module")
def sentences():
    """The beginnings of sixty paragraphs of news."""
    examples = data.load("peoples_daily", split="test[:60]").as_numpy_iterator()
    return ["".join(one["tokens"].decode().split(" "))[:50] for one in examples]


def test_scores_and_readings_equal_the_packages(sentences, parity):
    ours, theirs = PinyinReader.from_package(), G2pM()
    caught, own_layer = [], theirs.fc_layer

    def fc_layer(hidden):
        caught.append(own_layer(hidden))
        return caught[-1]

    theirs.fc_layer = fc_layer
    together = ours.model.predict(ours.encode(sentences), verbose=0)
    difference = 0.0
    for sentence, scores in zip(sentences, together, strict=True):
        theirs.predict(ours.encode([sentence]), np.arange(len(sentence)) + 1)
        logits = caught.pop()
        apart = np.abs(scores[1 : len(sentence) + 1] - logits).max()
        difference = max(difference, apart / np.ptp(logits))
    for sentence in sentences[:5]:
        assert ours.read(sentence) == theirs(sentence, char_split=True)
    parity(
        "recurrent.PinyinReader, share of the range of its scores",
        reference="g2pM.G2pM",
        difference=difference,
        bound=1e-5,
    )
