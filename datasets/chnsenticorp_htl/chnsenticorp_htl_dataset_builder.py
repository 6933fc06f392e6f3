"""ChnSentiCorp: Chinese reviews of hotels, good or bad."""

import csv
import re

import tensorflow_datasets as tfds

from aimodels import data

_URL = (
    "https://raw.githubusercontent.com/SophonPlus/ChineseNlpCorpus/a0b781d72158bde242c0626c9e354d2b328865ff/"
    "datasets/ChnSentiCorp_htl_all/ChnSentiCorp_htl_all.csv"
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Reviews of hotels; label 1 means good. A review stands in one split only.

    Reference: [tan2008] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "7,764 reviews, without doubles."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=["bad", "good"]),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://github.com/SophonPlus/ChineseNlpCorpus",
            license="none stated",
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.download(_URL)
        return data.hash_splits(self._generate_examples, path, validation=0.1, test=0.1)

    def _generate_examples(self, path, low, high):
        with open(path, encoding="utf-8-sig", newline="") as lines:
            reviews = {
                re.sub(r"\W", "", row["review"]): (row["review"].strip(), int(row["label"]))
                for row in csv.DictReader(lines)
            }
        for letters, (text, label) in reviews.items():
            # Alike beginnings are most often one review.
            if letters and low <= data.hash_fraction(letters[:15]) < high:
                yield letters, {"text": text, "label": label}
