"""English to Chinese on Tatoeba's sentence pairs, beside the nearest sentence's translation.

Words in, characters out. The splits are by English sentence: none stands in two of them, and one
with several translations has several references. The pairs are short and everyday: BLEU here says
nothing of news or books.
"""

import collections
import time

import keras
import numpy as np
import sacrebleu
from g2p_cmudict import answers, batches, train
from sklearn.feature_extraction.text import TfidfVectorizer

from aimodels import data
from aimodels.decoding import beam_search, greedy
from aimodels.seq2seq import Seq2Seq
from aimodels.text import CharacterTokenizer, Vocabulary, WordTokenizer


def splits() -> dict[str, dict[str, list[str]]]:
    """Lower-case English sentences of each split, with their translations."""
    parts, seen = {}, set()
    for name in ("test", "validation", "train"):
        part = collections.defaultdict(list)
        examples = data.load("cmn_eng", split=name, batch_size=-1)
        for english, chinese in zip(
            examples["english"].numpy(), examples["chinese"].numpy(), strict=True
        ):
            part[english.decode().lower()].append(chinese.decode())
        parts[name] = {english: part[english] for english in part if english not in seen}
        seen |= part.keys()  # "Hi." and "hi." are one sentence for a model that reads lower case
    return parts


def scores(hypotheses: list[str], references: list[list[str]]) -> dict[str, float]:
    """BLEU on characters and chrF, against all references of each sentence."""
    most = max(map(len, references))
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(most)]
    return {
        "bleu": round(sacrebleu.corpus_bleu(hypotheses, streams, tokenize="zh").score, 2),
        "chrf": round(sacrebleu.corpus_chrf(hypotheses, streams).score, 2),
    }


def nearest(sentences: list[str], known: dict[str, list[str]]) -> list[str]:
    """The translation of the training sentence that shares the most, and rarest, words."""
    vectorizer = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]")
    keys = list(known)
    matrix = vectorizer.fit_transform(keys)
    alike = np.asarray((vectorizer.transform(sentences) @ matrix.T).argmax(axis=1)).ravel()
    return [known[keys[i]][0] for i in alike]


def lstm(words: int, characters: int) -> Seq2Seq:
    return Seq2Seq(words, characters, embedding_dim=192, units=384, dropout=0.3)


def run(
    epochs: int = 10,
    limit: int | None = None,
    make=lstm,
    rate: float = 3e-3,
    batch_size: int = 128,
    loss: keras.losses.Loss | None = None,
) -> dict:
    """Train, then read the test split once.

    Args:
        epochs: number of passes over the training pairs.
        limit: number of sentences of each split to take, for a trial; all of them if None.
        make: function that builds the model from the sizes of both vocabularies.
        rate: highest learning rate.
        batch_size: number of pairs in a training batch.
        loss: loss to train with; cross-entropy if None.
    """
    keras.utils.set_random_seed(1)
    parts = {name: dict(list(part.items())[:limit]) for name, part in splits().items()}
    words, characters = WordTokenizer(), CharacterTokenizer()
    pairs = [
        (words(english), characters(chinese))
        for english, translations in parts["train"].items()
        for chinese in translations
    ]
    english, chinese = (Vocabulary.build(side, min_count=2) for side in zip(*pairs, strict=True))
    source = english.encode([e for e, _ in pairs]).numpy()
    target = chinese.encode([c for _, c in pairs], start=True, end=True).numpy()
    model = make(len(english), len(chinese))
    seconds = train(model, batches(source, target, batch_size), epochs, rate, loss)
    result = {
        "training_pairs": len(pairs),
        "english_words": len(english),
        "chinese_characters": len(chinese),
        "parameters": model.count_params(),
        "epochs": epochs,
        "seconds_training": round(seconds, 1),
    }
    for name, search, kwargs in (
        ("validation", greedy, {}),
        ("test", greedy, {}),
        ("test", beam_search, {"beam_size": 5, "length_penalty": 0.6}),
    ):
        sentences, references = list(parts[name]), list(parts[name].values())
        tokens = [words(sentence) for sentence in sentences]
        start = time.perf_counter()
        translations = answers(model, search, tokens, english, chinese, max_length=60, **kwargs)
        seconds = time.perf_counter() - start
        key = f"{name}_{search.__name__}"
        measured = scores(["".join(t) for t in translations], references)
        result |= {f"{key}_{k}": v for k, v in measured.items()}
        result[f"{key}_sentences_per_second"] = round(len(sentences) / seconds)
    copied = nearest(sentences, parts["train"])
    baseline = scores(copied, references)
    result |= {f"test_nearest_sentence_{k}": v for k, v in baseline.items()}
    said = ["".join(translation) for translation in translations]
    leads = [
        scores([said[i] for i in rows], [references[i] for i in rows])["bleu"]
        - scores([copied[i] for i in rows], [references[i] for i in rows])["bleu"]
        for rows in np.random.default_rng(1).integers(len(said), size=(200, len(said)))
    ]
    low, high = np.quantile(leads, [0.025, 0.975])
    drawn = np.random.default_rng(2).permutation(len(said))[:10]
    return result | {
        "test_sentences": len(said),
        "test_exactly_right": round(
            np.mean([s in r for s, r in zip(said, references, strict=True)]), 4
        ),
        "bleu_above_nearest_sentence": {"low": round(low, 2), "high": round(high, 2)},
        "examples": [[sentences[i], said[i], references[i][0]] for i in drawn.tolist()],
    }
