"""Handwritten digits, 8×8 pixels: the copy of the UCI set that scikit-learn carries."""

import hashlib
from collections.abc import Iterable

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data


class Builder(tfds.core.GeneratorBasedBuilder):
    """1,797 images of handwritten digits; a pixel counts ink from 0 to 16.

    Reference: [alpaydin1998] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "The 1,797 scans of scikit-learn 1.9.",
        "1.1.0": "The split in_order: the same scans, form by form; train is as before.",
    }

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://archive.ics.uci.edu/dataset/80",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager):
        # TFDS writes a split sorted by the md5 of its name and the key: these keys keep the order.
        kept = sorted(range(1797), key=lambda i: hashlib.md5(f"in_order{i}".encode()).digest())
        return {
            "train": self._generate_examples(range(1797)),
            "in_order": self._generate_examples(kept),
        }

    def _generate_examples(self, keys: Iterable[int]):
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = digits.images.astype("uint8")[..., np.newaxis]
        labels = digits.target.astype("uint8")
        data.verify(
            "digits",
            (images, labels),
            sha256="87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        )
        for key, image, label in zip(keys, images, labels, strict=True):
            yield key, {"image": image, "label": int(label)}
