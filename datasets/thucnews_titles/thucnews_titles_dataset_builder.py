"""Titles of Chinese news in ten classes."""

import collections
import re

import tensorflow_datasets as tfds

from aimodels import data

_URL = (
    "https://raw.githubusercontent.com/649453932/Bert-Chinese-Text-Classification-Pytorch/"
    "050a7b0dc75d8a2d7fd526002c4642d5329a0c27/THUCNews/data/"
)
_CLASSES = "finance realty stocks education science society politics sports game entertainment"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Titles and what they are about. A title stands in one split only.

    Reference: [li2007] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "19,972 titles, without doubles."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=_CLASSES.split()),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="http://thuctc.thunlp.org/",
            license="research only",
        )

    def _split_generators(self, dl_manager):
        paths = dl_manager.download([_URL + "dev.txt", _URL + "test.txt"])
        return data.hash_splits(self._generate_examples, paths, validation=0.1, test=0.1)

    def _generate_examples(self, paths, low, high):
        titles, labels = {}, collections.defaultdict(set)
        for path in paths:
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    title, label = line.rstrip("\n").rsplit("\t", 1)
                    letters = re.sub(r"\W", "", title)
                    titles[letters] = title.strip()
                    labels[letters].add(int(label))
        for letters, title in titles.items():
            if len(labels[letters]) == 1 and low <= data.hash_fraction(letters[:15]) < high:
                yield letters, {"text": title, "label": labels[letters].pop()}
