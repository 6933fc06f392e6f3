"""Analogies between English words: Athens is to Greece as Oslo is to Norway."""

import tensorflow_datasets as tfds

from aimodels import data

_FILE = "test/test_data/questions-words.txt"
_SHA256 = "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Questions of four words: a is to b as c is to d.

    Reference: [mikolov2013efficient] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The file of gensim 4.4."}  # noqa: RUF012

    def _info(self):
        features = dict.fromkeys(("a", "b", "c", "d", "section"), tfds.features.Text())
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://github.com/tmikolov/word2vec",
            license="Apache-2.0",
        )

    def _split_generators(self, dl_manager):
        return {"test": self._generate_examples()}

    def _generate_examples(self):
        path = data.packaged_file("word_analogies", "gensim", _FILE, sha256=_SHA256)
        section = None
        for index, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            if line.startswith(":"):
                section = line[1:].strip()
            else:
                yield index, dict(zip("abcd", line.split(), strict=True)) | {"section": section}
