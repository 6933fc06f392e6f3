"""Captions for Twitter's emoji of which training knew, at most, how OpenMoji draws them.

Trained on both sets' pictures of the training emoji, and on OpenMoji's of the test emoji; asked for
the English names of Twitter's pictures of the test emoji: "known" ones, which OpenMoji has as well,
and "unseen" ones, of which training saw neither name nor picture.

Words of the name, F1 and exact, beside the name of the nearest training picture, by pixels and by
a histogram of colours, and beside the one word that fits most. The weight of the colours is chosen
with the validation emoji in the place of the test emoji; the epochs were set beforehand. Intervals
are as in `clip_emoji`.
"""

import collections

import keras
import numpy as np
from clip_emoji import SIDE, Moved, distances, figures, optimizer, read, shrunk, words

from aimodels.cnn import CNN
from aimodels.decoding import beam_search
from aimodels.multimodal import Captioner
from aimodels.text import Vocabulary

LONGEST = 12


def trained(train, vocabulary, epochs: int, seed: int) -> Captioner:
    keras.utils.set_random_seed(seed)
    names = [words(name)[: LONGEST - 2] for name in train["name_en"]]
    ids = vocabulary.encode(names, start=True, end=True).numpy()
    network = CNN((SIDE, SIDE, 3), 8, filters=(16, 32, 64, 128))
    places = keras.Model(network.input, network.get_layer("relu4").output)  # 4 x 4
    model = Captioner(
        places, len(vocabulary), num_layers=1, dropout=0.3, max_sequence_length=LONGEST
    )

    def targets(images, chosen, rng):
        return (images, ids[chosen, :-1]), ids[chosen, 1:]

    batches = Moved(shrunk(train["image"]), targets, seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(optimizer(epochs, len(batches)), loss)
    model.fit(batches, epochs=epochs, verbose=0)
    return model


def word_f1(found: list[str], truth: list[str]) -> float:
    a, b = collections.Counter(found), collections.Counter(truth)
    return 2 * (a & b).total() / max(1, a.total() + b.total())


def scores(answers, examples) -> np.ndarray:
    """Word F1 and whether it is exact, (2, number)."""
    pairs = zip(answers, map(words, examples["name_en"]), strict=True)
    return np.array([[word_f1(a, b), a == b] for a, b in pairs], float).T


def divided(train, held_out) -> tuple[dict, dict, np.ndarray]:
    """What to train on, what to ask, and which of it training knows from OpenMoji."""
    other_hand = held_out["set"] == "openmoji"
    known = {k: np.concatenate([train[k], held_out[k][other_hand]]) for k in train}
    asked = {key: values[~other_hand] for key, values in held_out.items()}
    return known, asked, np.isin(asked["emoji"], known["emoji"])


def nearest(train, asked, colour: float) -> list[list[str]]:
    return [words(name) for name in train["name_en"][distances(asked, train, colour).argmin(1)]]


def run(seeds: int = 3, epochs: int = 24) -> dict:
    train, validation, test = (read(split) for split in ("train", "validation", "test"))
    tuning, tuning_asked, _ = divided(train, validation)
    colour = max(
        (0, 0.5, 1, 2),
        key=lambda c: scores(nearest(tuning, tuning_asked, c), tuning_asked)[0].mean(),
    )
    train, asked, is_known = divided(train, test)
    vocabulary = Vocabulary.build([words(name) for name in train["name_en"]])
    pictures = shrunk(asked["image"])
    written = []
    for seed in range(seeds):
        model = trained(train, vocabulary, epochs, seed)
        ids, _ = beam_search(model, pictures, LONGEST - 1, length_penalty=0.6)
        written.append(vocabulary.decode(ids))
    common = max(
        vocabulary.ids_to_tokens(range(4, len(vocabulary))),
        key=lambda word: np.mean([word_f1([word], words(name)) for name in train["name_en"]]),
    )
    answers = {
        "captioner": written,
        "nearest picture": [nearest(train, asked, colour)],
        "one word": [[[common]] * len(pictures)],
    }
    found = {"training pictures": len(train["image"]), "the one word": common}
    for group, chosen in (("known", is_known), ("unseen", ~is_known)):
        found[group] = {"pictures": int(chosen.sum())}
        for who, captions in answers.items():
            f1, exact = np.stack([scores(one, asked) for one in captions], axis=1)[..., chosen]
            families = asked["family"][chosen]
            found[group][who] = {
                "word f1": figures(f1, families),
                "exact": figures(exact, families),
            }
    shown = [" ".join(caption) for caption in written[0][:12]]
    found["examples"] = dict(zip(asked["name_en"][:12].tolist(), shown, strict=True))
    return found
