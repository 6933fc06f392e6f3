"""Names in Chinese news, character by character: BiLSTM taggers on People's Daily, span F1.

Persons, places and organisations, from the words' tags nr, ns and nt. The paper's days follow each
other: the model learns from the first, and is asked about the last. The dictionary beside it leaves
out names of one character: 日, for Japan, is "day" far more often. The same tagger is trained
without a CRF and with one; the learning rate falls to zero, so that neither run is cut off.
"""

import keras
from ner_wnut17 import Sentences, batches, look_up, rounded, scores, sentences, train

from aimodels.metrics import bio, span_f1
from aimodels.recurrent import Tagger
from aimodels.text import Vocabulary

TYPES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
END = ["。", "！", "？"]


def characters(split: str) -> Sentences:
    """Characters and BIO tags of each sentence; a full stop and the quotes after it end one."""
    tagged = []
    for words, tags in sentences("peoples_daily", split):
        begin = 0
        for i, word in enumerate(words, 1):
            stopped = word in END or (word == "”" and i > 1 and words[i - 2] in END)
            if i == len(words) or (stopped and words[i] != "”"):
                tagged.append(bio(words[begin:i], tags[begin:i], TYPES, joined=["PER"]))
                begin = i
    return tagged


def run(epochs: int = 8) -> dict:
    parts = {split: characters(split) for split in ("train", "validation", "test")}
    vocabulary = Vocabulary.build((tokens for tokens, _ in parts["train"]), min_count=2)
    names = ["", *sorted({tag for _, tags in parts["train"] for tag in tags})]
    batched = {split: batches(part, names, vocabulary, size=64) for split, part in parts.items()}
    test = [tags for _, tags in parts["test"]]
    figures = {
        "sentences": {split: len(part) for split, part in parts.items()},
        "dictionary": rounded(
            "test_span", span_f1(test, look_up(parts["train"], parts["test"], 2))
        ),
    }
    for name, crf in (("BiLSTM", False), ("BiLSTM-CRF", True)):
        keras.utils.set_random_seed(1)
        model = Tagger(len(vocabulary), len(names), 64, 64, dropout=0.3, crf=crf)
        rate = keras.optimizers.schedules.CosineDecay(5e-3, epochs * len(batched["train"]))
        measured = train(model, batched["train"], batched["validation"], names, epochs, rate)
        reached = rounded("test_span", scores(model, batched["test"], names))
        figures[name] = {**reached, **measured}
    return figures
