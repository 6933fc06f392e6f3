"""Scenes with one to five handwritten digits of several sizes, their boxes known exactly."""

from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data

SIDE, MOST = 64, 5  # of a picture, in pixels; digits in one
# Scans in scikit-learn's order, cut where a new form begins: no form is in two splits.
SPLITS = {
    "train": (range(1157), 1200),
    "validation": (range(1157, 1415), 200),
    "test": (range(1415, 1797), 300),
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """1,700 grey pictures of 64×64 pixels with 4,858 handwritten digits among strokes.

    Reference: [alpaydin1998] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Drawn from the 1,797 scans of scikit-learn 1.9."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 1), dtype=np.uint8),
                    "boxes": tfds.features.Tensor(shape=(MOST, 4), dtype=np.float32),
                    "labels": tfds.features.Tensor(shape=(MOST,), dtype=np.int32),
                }
            ),
            supervised_keys=("image", {"boxes": "boxes", "labels": "labels"}),
            homepage="https://archive.ics.uci.edu/dataset/80",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager):
        return {
            name: self._generate_examples(scans, number, seed)
            for seed, (name, (scans, number)) in enumerate(SPLITS.items())
        }

    def _generate_examples(self, scans: range, number: int, seed: int):
        from sklearn.datasets import load_digits

        digits = load_digits()
        images, labels = digits.images.astype("uint8"), digits.target.astype("uint8")
        data.verify(
            "digit_scenes",
            (images, labels),
            sha256="87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        )
        rng = np.random.default_rng(seed)
        order = _endless(rng, scans)
        for key in range(number):
            image = background(rng)
            truth = {
                "boxes": np.zeros((MOST, 4), "float32"),
                "labels": np.full(MOST, -1, "int32"),
            }
            for i in range(rng.integers(1, MOST + 1)):
                scan = next(order)
                box = draw(image, images[scan], truth["boxes"][:i], rng)
                if box is None:
                    break  # no room
                truth["boxes"][i], truth["labels"][i] = box, labels[scan]
            noise = rng.normal(0, 6, image.shape)
            image = np.clip(np.rint(image + noise), 0, 255).astype("uint8")
            yield key, {"image": image[..., None], **truth}


def _endless(rng: np.random.Generator, scans: range) -> Iterator[int]:
    """Each scan once in random order, then each once more."""
    while True:
        yield from rng.permutation(scans)


def background(rng: np.random.Generator) -> np.ndarray:
    """A grey gradient, and strokes that look like parts of digits but are thin or faint."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    slope = rng.uniform(-25, 25, 2)
    image = rng.uniform(10, 50) + slope[0] * x + slope[1] * y
    for _ in range(rng.integers(2, 7)):
        start, angle = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi)
        bend, ink = rng.normal(0, 0.06), rng.uniform(60, 190)
        turns = angle + bend * np.arange(rng.integers(8, 36))
        path = start + np.cumsum(np.stack([np.sin(turns), np.cos(turns)], axis=-1), axis=0)
        rows, columns = np.rint(path[((path >= 0) & (path < SIDE - 1)).all(axis=1)]).astype(int).T
        image[rows, columns] = np.maximum(image[rows, columns], ink)
    return image


def draw(
    image: np.ndarray, scan: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """Draw a scan into a picture where no other digit is, and return the box of its ink."""
    from scipy import ndimage

    ink = ndimage.zoom(scan / 16.0, rng.uniform(1.5, 3.5), order=1, mode="constant")
    ink = ink * rng.uniform(150, 230)
    rows, columns = (np.flatnonzero((ink > 30).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    for _ in range(50):
        y, x = rng.integers(0, SIDE - height + 1), rng.integers(0, SIDE - width + 1)
        box = (x, y, x + width, y + height)
        x1, y1, x2, y2 = others.T
        if not ((x1 < box[2]) & (x2 > box[0]) & (y1 < box[3]) & (y2 > box[1])).any():
            under = image[y : y + height, x : x + width]
            np.copyto(under, np.clip(under + ink, 0, 255))
            return box
    return None
