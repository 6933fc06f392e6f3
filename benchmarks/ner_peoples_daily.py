"""Names in Chinese news, character by character: a BiLSTM tagger on People's Daily, span F1.

Persons, places and organisations, from the words' tags nr, ns and nt. The paper's days follow each
other: the model learns from the first, and is asked about the last. The dictionary beside it leaves
out names of one character: 日, for Japan, is "day" far more often.
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


def run(epochs: int = 3) -> dict:
    keras.utils.set_random_seed(1)
    parts = {split: characters(split) for split in ("train", "validation", "test")}
    vocabulary = Vocabulary.build((tokens for tokens, _ in parts["train"]), min_count=2)
    names = ["", *sorted({tag for _, tags in parts["train"] for tag in tags})]
    batched = {split: batches(part, names, vocabulary) for split, part in parts.items()}
    model = Tagger(len(vocabulary), len(names), 64, 64, dropout=0.3)
    measured = train(model, batched["train"], batched["validation"], names, epochs)
    test = [tags for _, tags in parts["test"]]
    return {
        **rounded("test_span", scores(model, batched["test"], names)),
        **rounded("dictionary_span", span_f1(test, look_up(parts["train"], parts["test"], 2))),
        "sentences": {split: len(part) for split, part in parts.items()},
        **measured,
    }
