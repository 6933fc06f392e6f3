"""WNUT17: names of persons, places, works and others in English posts and comments."""

import tensorflow_datasets as tfds

_BASE = (
    "https://raw.githubusercontent.com/leondz/emerging_entities_17/"
    "e52a2d2a71ac1a051ca2d532eef28653c5c02603/"
)
_FILES = {
    "train": "wnut17train.conll",
    "validation": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Posts as words with tags, a blank between two.

    The tag B- begins a name, I- goes on with it, O is outside of one.

    Reference: [derczynski2017] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The published splits."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"tokens": tfds.features.Text(), "tags": tfds.features.Text()}
            ),
            supervised_keys=("tokens", "tags"),
            homepage="https://noisy-text.github.io/2017/emerging-rare-entities.html",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager):
        paths = dl_manager.download({split: _BASE + file for split, file in _FILES.items()})
        return {split: self._generate_examples(path) for split, path in paths.items()}

    def _generate_examples(self, path):
        # Lines end with \n alone: other signs for a line's end occur inside of posts.
        lines = path.read_text(encoding="utf-8").replace("\t\n", "\n").split("\n")
        posts = [[]]
        for line in lines:
            if line.strip():
                posts[-1].append(line.split("\t"))
            elif posts[-1]:
                posts.append([])
        for index, post in enumerate(filter(None, posts)):
            tokens, tags = zip(*(row[:2] for row in post), strict=True)
            yield index, {"tokens": " ".join(tokens), "tags": " ".join(tags)}
