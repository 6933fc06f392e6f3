"""Names in posts: a BiLSTM tagger on words and letters, trained on WNUT17, span F1.

Without vectors from elsewhere and without a CRF. The number of epochs is chosen on the validation
posts; the test posts are read once. Beside it: a dictionary of the training posts' names.
`train` and `scores` are shared with `ner_peoples_daily.py`.
"""

import collections
import time

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from aimodels import data
from aimodels.metrics import TokenAccuracy, span_f1, spans
from aimodels.recurrent import CRFLoss, Tagger
from aimodels.text import Vocabulary

Sentences = list[tuple[list[str], list[str]]]
LETTERS = 16  # read of each word; the rest of a link or a long shout tells little more


def sentences(name: str, split: str) -> Sentences:
    """Tokens and tags of every sentence."""
    examples = tfds.as_numpy(data.load(name, split=split))
    return [tuple(e[key].decode().split(" ") for key in ("tokens", "tags")) for e in examples]


def batches(
    of: Sentences,
    names: list[str],
    words: Vocabulary,
    letters: Vocabulary | None = None,
    size: int = 32,
):
    """`size` sentences of like length together, padded with 0: (ids, or ids and letters), tags."""
    number = {name: i for i, name in enumerate(names)}
    ordered = sorted(of, key=lambda sentence: len(sentence[0]))
    groups = [ordered[begin : begin + size] for begin in range(0, len(of), size)]

    def examples():
        for group in groups:
            shape = len(group), len(group[-1][0])
            ids, y = np.zeros(shape, "int32"), np.zeros(shape, "int32")
            spelt = np.zeros((*shape, LETTERS if letters else 0), "int32")
            for i, (tokens, tags) in enumerate(group):
                ids[i, : len(tokens)] = words.tokens_to_ids([token.lower() for token in tokens])
                y[i, : len(tags)] = [number[tag] for tag in tags]
                for j, token in enumerate(tokens if letters else []):
                    spelt[i, j, : len(token)] = letters.tokens_to_ids(list(token[:LETTERS]))
            yield ((ids, spelt) if letters else ids), y

    ids, spelt = tf.TensorSpec((None, None), "int32"), tf.TensorSpec((None, None, None), "int32")
    signature = ((ids, spelt) if letters else ids), ids
    made = tf.data.Dataset.from_generator(examples, output_signature=signature).cache()
    made = made.apply(tf.data.experimental.assert_cardinality(len(groups)))
    return made.shuffle(len(groups), seed=1).prefetch(2)


def scores(model: Tagger, batched, names: list[str]) -> dict[str, float]:
    """Precision, recall and F1 of spans."""
    true, predicted = [], []
    for x, y in batched:
        true += [[names[tag] for tag in row if tag] for row in y.numpy()]
        predicted += model.tag(x, names)
    return span_f1(true, predicted)


class KeepBest(keras.callbacks.Callback):
    """Measures span F1 on validation sentences, and ends with the best epoch's weights."""

    def __init__(self, batched, names: list[str]):
        super().__init__()
        self.batched, self.names, self.reached, self.best = batched, names, [], None

    def on_epoch_end(self, epoch, logs=None):
        self.reached.append(scores(self.model, self.batched, self.names)["f1"])
        print(f"epoch {epoch + 1}: validation span F1 {self.reached[-1]:.3f}", flush=True)
        if self.reached[-1] == max(self.reached):
            self.best = self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.best)


def train(
    model: Tagger, training, validation, names: list[str], epochs: int, learning_rate=2e-3
) -> dict:
    """Fit with Adam; what it took, and what the best epoch reached."""
    best = KeepBest(validation, names)
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    if model.config["crf"]:
        model.compile(optimizer, CRFLoss())
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
        model.compile(optimizer, loss, metrics=[TokenAccuracy()])
    start = time.perf_counter()
    model.fit(training, epochs=epochs, callbacks=[best], verbose=2)
    return {
        "validation_span_f1": round(max(best.reached), 4),
        "epochs": epochs,
        "best_epoch": 1 + best.reached.index(max(best.reached)),
        "parameters": model.count_params(),
        "seconds_training": round(time.perf_counter() - start, 1),
    }


def look_up(training: Sentences, of: Sentences, shortest: int = 1) -> list[list[str]]:
    """Tags by a dictionary: the longest name that training has, with its most frequent type.

    Names of fewer than `shortest` tokens are left out.
    """
    known = collections.defaultdict(collections.Counter)
    for tokens, tags in training:
        for kind, begin, end in spans(tags):
            if end - begin >= shortest:
                known[" ".join(tokens[begin:end]).lower()][kind] += 1
    longest = max(len(name.split(" ")) for name in known)
    tagged = []
    for tokens, _ in of:
        tags = ["O"] * len(tokens)
        begin = 0
        while begin < len(tokens):
            ends = range(min(begin + longest, len(tokens)), begin, -1)
            texts = ((end, " ".join(tokens[begin:end]).lower()) for end in ends)
            end, text = next(((e, t) for e, t in texts if t in known), (begin + 1, None))
            if text:
                kind = known[text].most_common(1)[0][0]
                tags[begin:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - begin - 1)
            begin = end
        tagged.append(tags)
    return tagged


def rounded(prefix: str, measured: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": round(value, 4) for name, value in measured.items()}


def run(epochs: int = 10) -> dict:
    keras.utils.set_random_seed(1)
    parts = {split: sentences("wnut17", split) for split in ("train", "validation", "test")}
    training = parts["train"]
    # A word that comes once stays unknown: so the model learns what to do with unknown ones.
    lower = [[token.lower() for token in tokens] for tokens, _ in training]
    words = Vocabulary.build(lower, min_count=2)
    letters = Vocabulary.build(("".join(tokens) for tokens, _ in training), min_count=3)
    names = ["", *sorted({tag for _, tags in training for tag in tags})]
    batched = {split: batches(part, names, words, letters, 16) for split, part in parts.items()}
    model = Tagger(
        len(words), len(names), 100, 100, dropout=0.5, num_characters=len(letters), character_dim=25
    )
    measured = train(model, batched["train"], batched["validation"], names, epochs)
    test = [tags for _, tags in parts["test"]]
    seen = {token for tokens in lower for token in tokens}
    new = [token.lower() not in seen for tokens, _ in parts["test"] for token in tokens]
    return {
        **rounded("test_span", scores(model, batched["test"], names)),
        **rounded("dictionary_span", span_f1(test, look_up(training, parts["test"]))),
        "share_of_new_words_in_test": round(sum(new) / len(new), 4),
        **measured,
    }
