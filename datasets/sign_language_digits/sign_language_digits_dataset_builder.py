"""Sign language digits: photographs of hands, 120 of each digit."""

import re

import numpy as np
import tensorflow_datasets as tfds


class Builder(tfds.core.GeneratorBasedBuilder):
    """Hands that show a digit; `picture` is the camera's number.

    Reference: [mavi2020] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "1,200 of the 2,062 pictures, 120 of each digit."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(100, 100, 3), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(num_classes=10),
                    "picture": np.int64,
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://github.com/ardamavi/Sign-Language-Digits-Dataset",
            license="Apache-2.0",
        )

    def _split_generators(self, dl_manager):
        urls = sorted(self.url_infos)  # .../Dataset/DIGIT/IMG_NUMBER.JPG
        return {"train": self._generate_examples(urls, dl_manager.download(urls))}

    def _generate_examples(self, urls, paths):
        for url, path in zip(urls, paths, strict=True):
            label, picture = map(int, re.fullmatch(r".*/(\d)/IMG_(\d+)\.JPG", url).groups())
            yield picture, {"image": path, "label": label, "picture": picture}
