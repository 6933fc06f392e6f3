"""CLIP on emoji that training never saw, in English and Chinese, beside a rival.

Trained on OpenMoji's and Twitter's pictures of the training emoji, in both languages; asked about
the test emoji of each set, whose names and pictures are in no other split, and nor are those of
their family (the same in other colours, for the other sex, at another hour).

CLIP: a name must find its picture among all pictures of the test emoji of its set. Its rival has
nothing to learn: a picture has the names of the training pictures near it, by pixels and by a
histogram of colours, and names are compared by their hashed letters, with rare ones counting more.

Epochs, sizes and the rival's settings were chosen on the validation emoji. Intervals are of the
mean over the seeds and over the emoji, whose families are drawn anew.
"""

import collections
import re
import zlib

import keras
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from aimodels import data
from aimodels.cnn import CNN
from aimodels.multimodal import (
    CLIP,
    ContrastiveLoss,
    TextEncoder,
    bootstrap_interval,
    ranks,
    recall,
)
from aimodels.text import Vocabulary
from aimodels.train import warmup_cosine

SETS, LANGUAGES, SIDE, BATCH, LONGEST = ("openmoji", "emoji"), ("en", "zh"), 32, 128, 12
KEYS = ("emoji", "name_en", "name_zh", "family")


def read(split: str) -> dict[str, np.ndarray]:
    """Pictures of both sets, from 0 to 1, with their names in lower case."""
    found = collections.defaultdict(list)
    for name in SETS:
        for example in tfds.as_numpy(data.load(name, split=split)):
            found["set"].append(name)
            found["image"].append(example["image"])
            for key in KEYS:
                found[key].append(example[key].decode().lower())
    examples = {key: np.stack(values) for key, values in found.items()}
    examples["pixels"] = shrunk(examples["image"], 16).reshape(len(examples["image"]), -1)
    examples["colours"] = colours(examples["image"])
    return examples | {f"letters_{key}": letters(examples[f"name_{key}"]) for key in LANGUAGES}


def shrunk(images: np.ndarray, side: int = SIDE) -> np.ndarray:
    factor = images.shape[1] // side
    cells = images.reshape(len(images), side, factor, side, factor, 3)
    return cells.mean(axis=(2, 4), dtype="float32") / 255


def words(name: str) -> list[str]:
    """English words, Chinese characters."""
    return re.findall(r"[\u3400-\u9fff]|[a-z0-9’-]+|[^\s]", name)


# The rival


def letters(names, size: int = 8192) -> np.ndarray:
    """Hashed words and pieces of one to four letters, (number, size)."""
    counts = np.zeros((len(names), size), "float32")
    for row, name in zip(counts, names, strict=True):
        for word in name.split(" "):
            edged = f"<{word}>"
            pieces = [edged[i : i + n] for n in (1, 2, 3, 4) for i in range(len(edged) - n + 1)]
            for piece in [*pieces, word, word, word]:
                row[zlib.crc32(piece.encode()) % size] += 1
    return counts


def colours(images: np.ndarray) -> np.ndarray:
    """Roots of the shares of 64 colours, (number, 64)."""
    codes = (images // 64) @ np.array([16, 4, 1])
    counts = np.stack([np.bincount(image.ravel(), minlength=64) for image in codes])
    return np.sqrt(counts / codes[0].size)


def distances(asked, train, colour: float) -> np.ndarray:
    """By pixels, and `colour` times by histograms of colours; each with a mean of 1."""

    def squared(key):
        a, b = asked[key], train[key]
        found = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        return found / found.mean()

    return squared("pixels") + colour * squared("colours")


def alike(asked, train, language: str) -> np.ndarray:
    """Cosines of names, (asked, train); letters that few names have count more."""
    known, names = train[f"letters_{language}"], asked[f"letters_{language}"]
    rarity = np.log(len(known) / (1 + (known > 0).sum(axis=0)))
    known, names = (
        x * rarity / np.maximum(np.linalg.norm(x * rarity, axis=1, keepdims=True), 1e-9)
        for x in (known, names)
    )
    return names @ known.T


def rival_ranks(names: np.ndarray, near: np.ndarray, width: float) -> np.ndarray:
    """A picture is as like a name as the names of the pictures near it are."""
    weights = np.exp((near.min(axis=1, keepdims=True) - near) / width)
    return ranks(names @ (weights / weights.sum(axis=1, keepdims=True)).T)


def tuned_rival(train, asked, language: str) -> tuple[float, float]:
    """Weight of colours and width of the neighbourhood with the best recall at 10 in validation."""
    names, best = alike(asked, train, language), {}
    for colour in (0, 0.5, 1, 2):
        near = distances(asked, train, colour)
        for width in (0.02, 0.05, 0.1, 1):
            best[colour, width] = recall(rival_ranks(names, near, width), 10)
    return max(best, key=best.get)


def part(examples, name: str) -> dict[str, np.ndarray]:
    return {key: values[examples["set"] == name] for key, values in examples.items()}


# Training


class Moved(keras.utils.PyDataset):
    """Pictures a little larger or smaller, a little to the side, with what `targets` gives."""

    def __init__(self, images, targets, seed: int):
        super().__init__()
        self.images, self.targets = images, targets
        self.rng = np.random.default_rng(seed)
        self.reach = SIDE // 8
        self.sizes = [self._framed(round(SIDE * scale)) for scale in (0.85, 0.92, 1, 1.08, 1.15)]
        self.on_epoch_end()

    def _framed(self, size: int) -> np.ndarray:
        wide = SIDE + 4 * self.reach
        framed, edge = np.ones((len(self.images), wide, wide, 3), "float32"), (wide - size) // 2
        for place, image in zip(framed, self.images, strict=True):
            scaled = Image.fromarray((image * 255).astype("uint8")).resize((size, size))
            place[edge : edge + size, edge : edge + size] = np.asarray(scaled) / 255
        return framed

    def __len__(self):
        return len(self.images) // BATCH

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.images))

    def __getitem__(self, number):
        chosen = self.order[number * BATCH : (number + 1) * BATCH]
        images = np.empty((BATCH, SIDE, SIDE, 3), "float32")
        for place, i in zip(images, chosen, strict=True):
            framed = self.sizes[self.rng.integers(len(self.sizes))][i]
            y, x = self.rng.integers(self.reach, 3 * self.reach + 1, 2)
            place[:] = framed[y : y + SIDE, x : x + SIDE]
        return self.targets(images, chosen, self.rng)


def optimizer(epochs: int, steps: int) -> keras.optimizers.Optimizer:
    rate = warmup_cosine(1e-3, epochs * steps, warmup_steps=2 * steps, start_factor=0.05)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)


def trained_clip(train, vocabulary, epochs: int, seed: int) -> CLIP:
    keras.utils.set_random_seed(seed)
    ids = {language: encoded(vocabulary, train, language) for language in LANGUAGES}
    shown = np.unique(train["emoji"], return_inverse=True)[1]

    def targets(images, chosen, rng):
        """A name in one of the languages; a word in ten is hidden, as unknown ones will come."""
        english = rng.random(len(chosen)) < 0.5
        texts = np.where(english[:, None], ids["en"][chosen], ids["zh"][chosen])
        hidden = (rng.random(texts.shape) < 0.1) & (texts > 0)
        return (images, np.where(hidden, vocabulary.unknown_id, texts)), shown[chosen]

    image_encoder = CNN((SIDE, SIDE, 3), 256, filters=(16, 32, 64, 128))
    text_encoder = TextEncoder(
        len(vocabulary), 128, num_layers=1, dropout=0.2, max_sequence_length=LONGEST
    )
    model, batches = CLIP(image_encoder, text_encoder), Moved(shrunk(train["image"]), targets, seed)
    model.compile(optimizer(epochs, len(batches)), ContrastiveLoss())
    model.fit(batches, epochs=epochs, verbose=0)
    return model


def encoded(vocabulary, examples, language: str) -> np.ndarray:
    names = [words(name) for name in examples[f"name_{language}"]]
    return vocabulary.encode(names, LONGEST).numpy()


# Figures


def figures(hits: np.ndarray, families) -> dict:
    """Mean, its interval, and the spread of the seeds' means; hits (seeds, emoji)."""
    low, high = bootstrap_interval(hits.mean(axis=0), groups=families)
    means = hits.mean(axis=1)
    found = {"mean": float(hits.mean()), "low": low, "high": high}
    return found | ({"seeds": means.tolist()} if len(hits) > 1 else {})


def retrieval(train, validation, test, epochs: int, seeds: int) -> dict:
    names = [words(name) for key in ("name_en", "name_zh") for name in train[key]]
    vocabulary = Vocabulary.build(names)
    models = [trained_clip(train, vocabulary, epochs, seed) for seed in range(seeds)]
    found = {}
    for name in SETS:
        asked = part(test, name)
        pairs = [(model, model.embed_images(shrunk(asked["image"]))) for model in models]
        number = len(asked["image"])
        rows = {"pictures": number, "chance": {"at 1": 1 / number, "at 10": 10 / number}}
        for language in LANGUAGES:
            texts = encoded(vocabulary, asked, language)
            colour, width = tuned_rival(train, part(validation, name), language)
            near, names = distances(asked, train, colour), alike(asked, train, language)
            for who, places in (
                ("clip", [ranks(m.embed_texts(texts) @ v.T) for m, v in pairs]),
                ("rival", [rival_ranks(names, near, width)]),
            ):
                hits = {f"at {k}": np.stack(places) <= k for k in (1, 10)}
                rows.setdefault(who, {})[language] = {
                    name: figures(hit.astype(float), asked["family"]) for name, hit in hits.items()
                }
        found[name] = rows
    return found


def run(seeds: int = 3, epochs: int = 30) -> dict:
    train, validation, test = (read(split) for split in ("train", "validation", "test"))
    figures_by_set = retrieval(train, validation, test, epochs, seeds)
    return {"training pictures": len(train["image"]), "seeds": seeds, **figures_by_set}
