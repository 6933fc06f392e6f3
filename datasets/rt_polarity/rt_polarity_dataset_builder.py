"""Sentence polarity: sentences of film reviews in English, good or bad."""

import zipfile

import tensorflow_datasets as tfds

from aimodels import data

_URL = (
    "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/"
    "sentence_polarity.zip"
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Sentences; label 1 means good. One that begins as another one is in the same split.

    Reference: [pang2005] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Without doubles."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=["bad", "good"]),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.download(_URL)
        return data.hash_splits(self._generate_examples, path, validation=0.1, test=0.1)

    def _generate_examples(self, path, low, high):
        found = {}
        with zipfile.ZipFile(path) as files:
            for label, name in enumerate(("neg", "pos")):
                lines = files.read(f"sentence_polarity/rt-polarity.{name}").decode("latin-1")
                found |= {line.strip(): label for line in lines.split("\n") if line.strip()}
        for text, label in found.items():
            if low <= data.hash_fraction(text[:30]) < high:
                yield text, {"text": text, "label": label}
