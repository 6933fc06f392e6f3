"""Letters to phonemes on CMUdict: an attention model, beam search, words that it never saw.

The recipe was chosen on the validation split. `batches` is shared with `translate_cmn_eng.py`.
"""

import collections
import time

import keras
import numpy as np
import tensorflow as tf

from aimodels import data
from aimodels.decoding import beam_search, greedy
from aimodels.metrics import error_rates
from aimodels.seq2seq import Seq2Seq
from aimodels.text import Vocabulary
from aimodels.train import warmup_cosine


def batches(source: np.ndarray, target: np.ndarray, size: int) -> tf.data.Dataset:
    """((source, target without its last), target without its first), in a new order each epoch.

    Rows of about equal length come together and are cut behind the longest: little is padding.
    """
    rng = np.random.default_rng(1)
    lengths = np.stack([np.count_nonzero(ids, axis=1) for ids in (source, target)])

    def epoch():
        rows = rng.permutation(len(source))
        parts = np.array_split(rows, max(1, len(rows) // (size * 40)))
        parts = [part[np.lexsort(lengths[:, part])] for part in parts]
        groups = np.array_split(np.concatenate(parts), -(-len(rows) // size))
        for i in rng.permutation(len(groups)):
            s, t = (
                ids[groups[i], : n[groups[i]].max()]
                for ids, n in zip((source, target), lengths, strict=True)
            )
            yield (s, t[:, :-1]), t[:, 1:]

    ids = tf.TensorSpec([None, None], tf.int32)
    dataset = tf.data.Dataset.from_generator(epoch, output_signature=((ids, ids), ids))
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(source) // size)))


def train(
    model: keras.Model,
    dataset: tf.data.Dataset,
    epochs: int,
    rate: float,
    loss: keras.losses.Loss | None = None,
) -> float:
    """Adam with a warm-up and a cosine; returns the seconds. The loss is cross-entropy if None."""
    if loss is None:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    steps = len(dataset) * epochs
    schedule = warmup_cosine(rate, steps, steps // 10, start_factor=0.1)
    model.compile(keras.optimizers.Adam(schedule, clipnorm=1.0), loss)
    start = time.perf_counter()
    model.fit(dataset.prefetch(4), epochs=epochs, verbose=2)
    return time.perf_counter() - start


def split(name: str) -> dict[str, list[list[str]]]:
    """Each word of a split with its pronunciations; stress is left out."""
    pronunciations = collections.defaultdict(list)
    examples = data.load("cmudict", split=name, batch_size=-1)
    for word, phonemes in zip(examples["word"].numpy(), examples["phonemes"].numpy(), strict=True):
        phonemes = [phoneme.rstrip("012") for phoneme in phonemes.decode().split()]
        if phonemes not in pronunciations[word.decode()]:
            pronunciations[word.decode()].append(phonemes)
    return dict(pronunciations)


def answers(
    model, search, words, letters, phonemes, max_length: int = 30, **kwargs
) -> list[list[str]]:
    """The phonemes that a search finds for each word."""
    ids = [
        search(model, letters.encode(words[i : i + 512]), max_length, **kwargs)[0].numpy()
        for i in range(0, len(words), 512)
    ]
    return phonemes.decode(np.concatenate(ids))


def run(epochs: int = 10, limit: int | None = None, units: int = 256) -> dict:
    """Train, then read the test split once.

    Args:
        epochs: number of passes over the training words.
        limit: number of words of each split to take, for a trial; all of them if None.
        units: size of the decoder's states.
    """
    keras.utils.set_random_seed(1)
    splits = {
        name: dict(list(split(name).items())[:limit]) for name in ("train", "validation", "test")
    }
    pairs = [(list(w), p) for w, right in splits["train"].items() for p in right]
    letters, phonemes = (Vocabulary.build(side) for side in zip(*pairs, strict=True))
    source = letters.encode([w for w, _ in pairs]).numpy()
    target = phonemes.encode([p for _, p in pairs], start=True, end=True).numpy()
    model = Seq2Seq(
        len(letters), len(phonemes), embedding_dim=64, units=units, attention="dot", dropout=0.2
    )
    seconds = train(model, batches(source, target, 256), epochs, rate=4e-3)
    result = {
        "training_pairs": len(pairs),
        "phonemes": len(phonemes) - 4,
        "parameters": model.count_params(),
        "epochs": epochs,
        "seconds_training": round(seconds, 1),
    }
    for name, search, kwargs in (
        ("validation", greedy, {}),
        ("test", greedy, {}),
        ("test", beam_search, {"beam_size": 5}),
    ):
        words, references = list(splits[name]), list(splits[name].values())
        start = time.perf_counter()
        hypotheses = answers(model, search, [list(w) for w in words], letters, phonemes, **kwargs)
        per, wer = error_rates(hypotheses, references)
        key = f"{name}_{search.__name__}"
        result |= {
            f"{key}_words": len(words),
            f"{key}_phoneme_error_rate": round(per, 4),
            f"{key}_word_error_rate": round(wer, 4),
            f"{key}_words_per_second": round(len(words) / (time.perf_counter() - start)),
        }
    return result
