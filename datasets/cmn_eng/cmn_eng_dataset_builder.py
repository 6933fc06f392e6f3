"""English sentences and their Chinese translations, from Tatoeba."""

import tensorflow_datasets as tfds

from aimodels import data

# manythings.org's own archive changes from month to month; this copy of it does not.
_URL = (
    "https://raw.githubusercontent.com/DaoChaShao/py-st-dl-translater-2.0/"
    "620408eda1721f683e2413778ad19e4f94691053/data/cmn.txt"
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Pairs of sentences; all translations of an English sentence stand in one split.

    Reference: [tatoeba] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "29,155 pairs."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"english": tfds.features.Text(), "chinese": tfds.features.Text()}
            ),
            supervised_keys=("english", "chinese"),
            homepage="https://www.manythings.org/anki/",
            license="CC BY 2.0 FR",
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.download(_URL)
        return data.hash_splits(self._generate_examples, path, validation=0.05, test=0.05)

    def _generate_examples(self, path, low, high):
        for index, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            english, chinese, _ = line.split("\t")
            if low <= data.hash_fraction(english) < high:
                yield index, {"english": english, "chinese": chinese}
