"""Hotel reviews in Chinese, good or bad: characters, words and byte pairs, with two models.

All 7,764 different reviews of ChnSentiCorp's hotels, in the splits of `data.load`: about 80, 10 and
10 per cent, chosen by a hash of how a review begins. Everything is chosen on the validation split,
the best epoch as well; the test split is read once, at the end. `compare` is shared with
`chinese_titles.py`.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from aimodels import data, text
from aimodels.text_classification import MeanEmbedding, TextCNN

LENGTH, BATCH = 300, 50
MODELS = {
    "TextCNN": lambda size, num_classes: TextCNN(
        size, num_classes, kernel_sizes=(1, 2, 3, 4), filters=64, embedding_dropout=0.5
    ),
    "MeanEmbedding": lambda size, num_classes: MeanEmbedding(size, num_classes, dropout=0.5),
}


def batches(ids: tf.RaggedTensor, labels: np.ndarray) -> tf.data.Dataset:
    """Batches of texts of similar length, so that little is padding, in random order."""
    order = np.argsort(ids.row_lengths(), kind="stable")
    examples = tf.data.Dataset.from_tensor_slices((tf.gather(ids, order), labels[order]))
    padded = examples.batch(BATCH).map(lambda ids, label: (ids.to_tensor(), label))
    return padded.cache().shuffle(len(padded), seed=1).prefetch(2)


def train(name: str, size: int, splits: dict) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = MODELS[name](size, 1 + int(max(splits["train"][1])))
    model.compile(
        keras.optimizers.Adam(1e-3 if name == "TextCNN" else 5e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=3, restore_best_weights=True
    )
    model.fit(
        batches(*splits["train"]),
        validation_data=batches(*splits["validation"]),
        epochs=15,
        callbacks=[stop],
        verbose=0,
    )
    return model


def bag_of_words(tokens: dict, labels: dict) -> dict:
    """Logistic regression on token counts; smallest count and C are chosen on validation."""
    best, chosen = 0.0, None
    solver = "liblinear" if max(labels["train"]) == 1 else "lbfgs"  # quicker for two classes
    for min_df in (1, 2, 5):
        counts = CountVectorizer(analyzer=list, min_df=min_df).fit(tokens["train"])
        train, validation = (counts.transform(tokens[split]) for split in ("train", "validation"))
        for c in (0.01, 0.03, 0.1, 0.3, 1):
            model = LogisticRegression(C=c, solver=solver, max_iter=500)
            model.fit(train, labels["train"])
            accuracy = model.score(validation, labels["validation"])
            if accuracy > best:
                best, chosen = accuracy, (counts, model)
    counts, model = chosen
    test = model.score(counts.transform(tokens["test"]), labels["test"])
    return {"validation": round(best, 4), "test": round(test, 4)}


def compare(name: str) -> tuple[dict, dict]:
    """Number of texts in each split of a data set, and the accuracy of every model on it."""
    start = time.perf_counter()
    texts, labels = {}, {}
    for split, examples in data.load(name, as_supervised=True).items():
        encoded, answers = zip(*examples.as_numpy_iterator(), strict=True)
        texts[split], labels[split] = [one.decode() for one in encoded], np.array(answers)
    tokenizers = {
        "characters": text.CharacterTokenizer(),
        "words": text.ChineseTokenizer(),
        "byte pairs": text.BytePairTokenizer.train(texts["train"], num_merges=4000),
    }
    majority = np.bincount(labels["train"]).argmax()
    result = {"majority": round(float(np.mean(labels["test"] == majority)), 4)}
    chosen, accuracy = None, 0.0
    for kind, tokenizer in tokenizers.items():
        tokens = {split: tokenizer(part) for split, part in texts.items()}
        vocabulary = text.Vocabulary.build(tokens["train"], min_count=2)
        token_ids = {split: vocabulary.tokens_to_ids(rows) for split, rows in tokens.items()}
        splits = {
            split: (tf.ragged.constant(rows, tf.int32)[:, :LENGTH], labels[split])
            for split, rows in token_ids.items()
        }
        result[f"bag of words, {kind}"] = bag_of_words(tokens, labels)
        for network in MODELS:
            model = train(network, len(vocabulary), splits)
            accuracies = {
                split: round(model.evaluate(batches(*splits[split]), verbose=0)[1], 4)
                for split in ("validation", "test")
            }
            result[f"{network}, {kind}"] = accuracies
            if accuracies["validation"] > accuracy:
                chosen, accuracy = f"{network}, {kind}", accuracies["validation"]
    return {split: len(answers) for split, answers in labels.items()}, {
        **result,
        "chosen": chosen,
        "test_accuracy": result[chosen]["test"],
        "seconds": round(time.perf_counter() - start, 1),
    }


def run() -> dict:
    reviews, figures = compare("chnsenticorp_htl")
    return {"reviews": reviews, **figures}
