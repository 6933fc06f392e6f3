"""Pairs of English words and how similar people find them."""

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data

_FILES = {
    "wordsim353": (
        "test/test_data/wordsim353.tsv",
        "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
    ),
    "simlex999": (
        "test/test_data/simlex999.txt",
        "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
    ),
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """WordSim-353 and SimLex-999; the score is from 0 to 10.

    Reference: [finkelstein2002] and [hill2015] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files of gensim 4.4."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "first": tfds.features.Text(),
                    "second": tfds.features.Text(),
                    "score": tfds.features.Scalar(np.float32),
                }
            ),
            homepage="https://fh295.github.io/simlex.html",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(*file) for split, file in _FILES.items()}

    def _generate_examples(self, file, sha256):
        path = data.packaged_file("word_similarity", "gensim", file, sha256=sha256)
        for index, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            if not line.startswith("#"):
                first, second, score = line.split()
                yield index, {"first": first, "second": second, "score": float(score)}
