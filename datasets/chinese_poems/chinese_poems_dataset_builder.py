"""Poems of the Tang dynasty, in traditional characters."""

import json
import re

import tensorflow_datasets as tfds

from aimodels import data

_BASE = (  # the folder's name means "all Tang poems"
    "https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/"
    "99ebbef7e1345c0985c44b9fd96a3f9e776f117b/%E5%85%A8%E5%94%90%E8%AF%97/"
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Title, author and lines. One that begins as another one is in the same split.

    Reference: [chinesepoetry] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The first twenty files, without doubles."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {name: tfds.features.Text() for name in ("title", "author", "text")}
            ),
            homepage="https://github.com/chinese-poetry/chinese-poetry",
            license="MIT",
        )

    def _split_generators(self, dl_manager):
        files = [f"{_BASE}poet.tang.{i}.json" for i in range(0, 20_000, 1000)]
        paths = dl_manager.download(files)
        return data.hash_splits(self._generate_examples, paths, validation=0.1, test=0.1)

    def _generate_examples(self, paths, low, high):
        found = {}
        for path in paths:
            for poem in json.loads(path.read_text(encoding="utf-8")):
                text = "\n".join(poem["paragraphs"])
                found[re.sub(r"\W", "", text)] = {
                    "title": poem["title"], "author": poem["author"], "text": text,
                }  # fmt: skip
        for letters, poem in found.items():
            if letters and low <= data.hash_fraction(letters[:10]) < high:
                yield letters, poem
