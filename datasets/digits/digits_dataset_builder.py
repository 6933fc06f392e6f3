"""Handwritten digits, 8×8 pixels: the copy of the UCI set that scikit-learn carries."""

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data


class Builder(tfds.core.GeneratorBasedBuilder):
    """1,797 images of handwritten digits; a pixel counts ink from 0 to 16.

    Reference: [alpaydin1998] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The 1,797 scans of scikit-learn 1.9."}  # noqa: RUF012

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
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = digits.images.astype("uint8")[..., np.newaxis]
        labels = digits.target.astype("uint8")
        data.verify(
            "digits",
            (images, labels),
            sha256="87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        )
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield index, {"image": image, "label": int(label)}
