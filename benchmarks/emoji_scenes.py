"""Captions of scenes: an animal and a thing that training never saw together, and another hand.

Trained on the scenes of `emoji_scenes`, in English and in Chinese, and asked about three groups:
"new pairs" (test: animal and thing stand together in no other split), "known pairs" (half of
known: new pictures of training's pairs), and "another hand": scenes of the new pairs in Twitter's
drawings, of which neither training nor any choice saw one.

Beside the captioner: nearest neighbours among the training pictures, by pixels, pixels moved,
colours or the maps of the captioner's own network, one or several, whose captions vote, or whose
animals, things and places do; "any training caption", the best one for each picture, a bound of
all that repeats captions; and "one caption", the one that fits most.

Chosen on the validation pictures: sizes, epochs, rates, and what the neighbours go by (for known
pairs on the other half of known), for each seed by word F1. The test pictures are read once, at
the end. Intervals are of the mean over seeds and pictures, whose pairs are drawn anew.
"""

import collections
import importlib
import itertools
import time

import keras
import numpy as np
import tensorflow_datasets as tfds
from clip_emoji import colours, figures, shrunk, words
from sacrebleu.metrics import BLEU

from aimodels import data
from aimodels.cnn import CNN
from aimodels.data.registry import find_builder
from aimodels.decoding import beam_search
from aimodels.multimodal import Captioner
from aimodels.text import Vocabulary
from aimodels.train import warmup_cosine

BATCH, LANGUAGES = 25, ("en", "zh")
# What is asked, and on which pictures the rival is chosen for it.
GROUPS = {
    "new pairs": "validation",
    "known pairs": "other known pairs",
    "another hand": "validation",
}
scenery = importlib.import_module(find_builder("emoji_scenes").__module__)
FACTS = ("animal", "number", "relation", "thing")
WRITTEN = {
    language: {
        (animal[0], number, relation, thing[0]): words(
            scenery.captions(animal, thing, number, relation)[f"caption_{language}"]
        )
        for animal in scenery.ANIMALS.values()
        for thing in scenery.THINGS.values()
        for number in (1, 2)
        for relation in scenery.RELATIONS
    }
    for language in LANGUAGES
}
MEANT = {language: {tuple(v): k for k, v in table.items()} for language, table in WRITTEN.items()}


def gathered(examples) -> dict:
    """Arrays of the features, and captions as lists of words or Chinese characters."""
    rows = collections.defaultdict(list)
    for example in examples:
        for key, value in example.items():
            rows[key].append(value.decode() if isinstance(value, bytes) else value)
    found = {key: np.stack(values) for key, values in rows.items()}
    found["pair"] = np.char.add(found["animal"], found["thing"])
    return found | {key: [words(text) for text in found[f"caption_{key}"]] for key in LANGUAGES}


def read(split: str) -> dict:
    return gathered(tfds.as_numpy(data.load("emoji_scenes", split=split)))


def by_another_hand(number: int) -> dict:
    """Scenes of the test pairs in Twitter's drawings."""
    whole = tfds.as_numpy(data.load("emoji", split="train+validation+test"))
    pictures = {example["emoji"].decode(): example["image"] for example in whole}
    shown = (*scenery.ANIMALS, *scenery.THINGS)
    cut_outs = {emoji: scenery.cut_out(pictures[emoji]) for emoji in shown}
    _, low, high = scenery.SPLITS["test"]
    pairs, seed = scenery.pairs(low, high), len(scenery.SPLITS)
    return gathered(scenery.scenes(cut_outs, number, pairs, seed))


# The captioner


def trained(
    train, language: str, epochs: int, seed: int
) -> tuple[Captioner, keras.Model, Vocabulary]:
    """A captioner, its network from pictures to maps, and its words."""
    keras.utils.set_random_seed(seed)
    vocabulary = Vocabulary.build(train[language])
    ids = vocabulary.encode(train[language], start=True, end=True).numpy()
    network = CNN(train["image"].shape[1:], 8, filters=(16, 32, 64, 128))
    places = keras.Model(network.input, network.get_layer("relu4").output)  # 8 x 8
    model = Captioner(
        *(places, len(vocabulary), 64),
        num_layers=1,
        dropout=0.0,
        max_sequence_length=ids.shape[1],
    )
    tenth = epochs * len(ids) // BATCH // 10  # of the steps
    rate = warmup_cosine(2e-3, 10 * tenth, warmup_steps=tenth, start_factor=0.05)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    inputs = (scaled(train["image"]), ids[:, :-1])
    model.fit(inputs, ids[:, 1:], batch_size=BATCH, epochs=epochs, verbose=0)
    return model, places, vocabulary


def scaled(images: np.ndarray) -> np.ndarray:
    return images / np.float32(255)


def captions(model, vocabulary, asked) -> list[list[str]]:
    longest = model.config["max_sequence_length"] - 1
    ids, _ = beam_search(model, scaled(asked["image"]), longest, length_penalty=0.6)
    return vocabulary.decode(ids)


# The rival


def views(examples) -> dict[str, np.ndarray]:
    """What pictures can be alike by, without a network: (pictures, moves, values)."""
    small = shrunk(examples["image"], 16)
    wide = np.pad(small, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    moved = [wide[:, y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
    moved = np.stack([one.reshape(len(small), -1) for one in moved], axis=1)
    return {
        "pixels": moved[:, 12:13],  # in the middle: not moved
        "pixels moved": moved,
        "colours": colours(examples["image"])[:, None],
    }


def network_views(places: keras.Model, examples) -> dict[str, np.ndarray]:
    """The same by the maps (8, 8) of the captioner's network: wherever it is, or about there."""
    maps = places.predict(scaled(examples["image"]), verbose=0)
    anywhere = np.concatenate([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))], axis=1)
    coarse = maps.reshape(len(maps), 4, 2, 4, 2, -1).mean(axis=(2, 4))
    return {
        "features": anywhere[:, None],
        "features by place": coarse.reshape(len(maps), 1, -1),
    }


def distances(asked: dict, train: dict) -> dict[str, np.ndarray]:
    """By each view (asked, train), with a mean of 1; of several moves the nearest counts."""
    found = {}
    for name, known in train.items():
        known, best = known[:, known.shape[1] // 2], np.inf
        for moved in asked[name].transpose(1, 0, 2):
            squared = (moved**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * moved @ known.T
            best = np.minimum(best, squared)
        found[name] = best / best.mean()
    return found


def shared_words(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Word F1 from counts of words (..., V) of captions."""
    common = np.minimum(one, other).sum(axis=-1)
    return 2 * common / (one.sum(axis=-1) + other.sum(axis=-1))


def answered(near: np.ndarray, train, counts, language: str, how: str) -> list[list[str]]:
    """Captions from the nearest training pictures (asked, k)."""
    if how == "captions":  # the one that is most like all of them
        some = counts[near]
        votes = shared_words(some[:, :, None], some[:, None]).sum(axis=2).argmax(axis=1)
        return [train[language][row[i]] for row, i in zip(near, votes, strict=True)]
    facts = [
        [collections.Counter(train[fact][row].tolist()).most_common(1)[0][0] for row in near]
        for fact in FACTS
    ]
    return [WRITTEN[language][what] for what in zip(*facts, strict=True)]


def nearest(near_by: dict, some: tuple, number: int = 25) -> np.ndarray:
    """The training pictures that are nearest by the sum of some views, (asked, number)."""
    far = sum(near_by[name] for name in some)
    near = np.argpartition(far, number, axis=1)[:, :number]
    order = np.take_along_axis(far, near, axis=1).argsort(axis=1)
    return np.take_along_axis(near, order, axis=1)


def tuned(near_by: dict, asked, train, counts, language: str) -> tuple:
    """The views, the number of neighbours and what votes, with the best word F1."""
    best = {}
    for some in [*itertools.combinations(near_by, 1), *itertools.combinations(near_by, 2)]:
        near = nearest(near_by, some)
        for k, how in itertools.product((1, 5, 25), ("captions", "facts")):
            answers = answered(near[:, :k], train, counts, language, how)
            best[some, k, how] = word_f1(answers, asked[language]).mean()
    return max(best, key=best.get)


# Figures


def word_f1(answers, truth) -> np.ndarray:
    """Of each caption."""
    pairs = [
        (collections.Counter(a), collections.Counter(b))
        for a, b in zip(answers, truth, strict=True)
    ]
    return np.array([2 * (a & b).total() / max(1, a.total() + b.total()) for a, b in pairs])


def judged(by_seed: list, asked, language: str) -> dict:
    """Figures of the captions that each seed wrote."""
    truth, pair = asked[language], asked["pair"]
    exact = np.array([[a == b for a, b in zip(one, truth, strict=True)] for one in by_seed], float)
    meant = [[MEANT[language].get(tuple(a), (None,) * 4) for a in one] for one in by_seed]
    right = {
        fact: np.array([[m[i] for m in one] for one in meant], object) == asked[fact]
        for i, fact in enumerate(FACTS)
    }
    sideways = np.isin(asked["relation"], ("left", "right"))
    return {
        "exact": figures(exact, pair),
        "word f1": figures(np.array([word_f1(one, truth) for one in by_seed]), pair),
        "bleu": bleu(by_seed, truth, pair),
        **{fact: float(hits.mean()) for fact, hits in right.items()},
        "left or right": float(right["relation"][:, sideways].mean()),
        "above or below": float(right["relation"][:, ~sideways].mean()),
    }


def bleu(by_seed: list, truth, pair, repeats: int = 1000) -> dict:
    """Mean of the seeds' BLEU; in the interval, the pairs are drawn anew."""
    metric = BLEU(tokenize="none", effective_order=True)
    scores = [
        [metric.sentence_score(" ".join(a), [" ".join(b)]) for a, b in zip(one, truth, strict=True)]
        for one in by_seed
    ]
    sums = np.array([[(*s.counts, *s.totals, s.sys_len, s.ref_len) for s in one] for one in scores])
    _, group = np.unique(pair, return_inverse=True)
    grouped = np.zeros((group.max() + 1, *sums[:, 0].shape), int)
    np.add.at(grouped, group, sums.transpose(1, 0, 2))

    def mean(totals) -> float:
        one = [BLEU.compute_bleu([*s[:4]], [*s[4:8]], *s[8:], smooth_method="exp") for s in totals]
        return float(np.mean([found.score for found in one]))

    drawn = np.random.default_rng(0).integers(len(grouped), size=(repeats, len(grouped)))
    low, high = np.quantile([mean(grouped[rows].sum(axis=0)) for rows in drawn], [0.025, 0.975])
    return {"mean": mean(grouped.sum(axis=0)), "low": float(low), "high": float(high)}


def run(seeds: int = 3, epochs: int = 8) -> dict:
    known = read("known")
    half = len(known["image"]) // 2
    sets = {
        "validation": read("validation"),
        "new pairs": read("test"),
        "known pairs": part(known, slice(half, None)),
        "other known pairs": part(known, slice(half)),
    }
    sets["another hand"] = by_another_hand(len(sets["new pairs"]["image"]))
    train = read("train")
    seen = views(train)
    near_by = {name: distances(views(examples), seen) for name, examples in sets.items()}
    found = {"training pictures": len(train["image"]), "seeds": seeds, "epochs": epochs}
    for language in LANGUAGES:
        found[language] = compared(train, sets, near_by, language, seeds, epochs)
    return found


def part(examples: dict, some: slice) -> dict:
    return {key: values[some] for key, values in examples.items()}


def compared(train, sets, near_by, language: str, seeds: int, epochs: int) -> dict:
    """The figures of all groups in one language."""
    number = {word: i for i, word in enumerate(sorted(set(itertools.chain(*train[language]))))}

    def counted(texts) -> np.ndarray:
        numbers = [[number[word] for word in text] for text in texts]
        return np.stack([np.bincount(n, minlength=len(number)) for n in numbers]).astype("float32")

    counts = counted(train[language])
    distinct, first, often = np.unique(counts, axis=0, return_index=True, return_counts=True)
    most = np.argmax([shared_words(row, distinct) @ often for row in distinct])
    written = {
        group: {
            "captioner": [],
            "nearest pictures": [],
            "any training caption": [
                [
                    train[language][first[shared_words(row, distinct).argmax()]]
                    for row in counted(sets[group][language])
                ]
            ],
            "one caption": [[train[language][first[most]]] * len(sets[group]["image"])],
        }
        for group in GROUPS
    }
    settings, seconds = {group: [] for group in GROUPS}, []
    for seed in range(seeds):
        begin = time.process_time()
        model, places, vocabulary = trained(train, language, epochs, seed)
        seconds.append(round(time.process_time() - begin))
        known = network_views(places, train)
        all_near = {
            name: near_by[name] | distances(network_views(places, examples), known)
            for name, examples in sets.items()
        }
        for group, chosen_on in GROUPS.items():
            some, k, how = tuned(all_near[chosen_on], sets[chosen_on], train, counts, language)
            near = nearest(all_near[group], some)[:, :k]
            rows = written[group]
            rows["captioner"].append(captions(model, vocabulary, sets[group]))
            rows["nearest pictures"].append(answered(near, train, counts, language, how))
            settings[group].append(f"{k} by {' and '.join(some)}: {how}")
    found = {"CPU seconds of training": seconds}
    for group, rows in written.items():
        truth, shown = (
            ["".join(text) if language == "zh" else " ".join(text) for text in texts[:8]]
            for texts in (sets[group][language], rows["captioner"][0])
        )
        found[group] = {
            "pictures": len(sets[group]["image"]),
            "neighbours": settings[group],
            "examples": dict(zip(truth, shown, strict=True)),
            **{who: judged(by_seed, sets[group], language) for who, by_seed in rows.items()},
        }
    return found
