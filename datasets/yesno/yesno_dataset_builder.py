"""YesNo: eight words a recording, each of them yes or no."""

import tensorflow_datasets as tfds

from aimodels import data
from aimodels.data.recording import Recording, read_wave


class Builder(tfds.core.GeneratorBasedBuilder):
    """Recordings of eight words at 8 kHz, by one speaker.

    Reference: [yesno] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "All 60 recordings."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"audio": Recording(sample_rate=8000), "text": tfds.features.Text()}
            ),
            supervised_keys=("audio", "text"),
            homepage="https://www.openslr.org/1/",
            license="none stated",
        )

    def _split_generators(self, dl_manager):
        urls = sorted(self.url_infos)  # .../1_0_0_0_0_0_0_1.wav
        paths = {
            url.rpartition("/")[2].removesuffix(".wav"): path
            for url, path in zip(urls, dl_manager.download(urls), strict=True)
        }
        return data.hash_splits(self._generate_examples, paths, validation=0.15, test=0.25)

    def _generate_examples(self, paths, low, high):
        for name, path in paths.items():
            if low <= data.hash_fraction(name) < high:
                words = ["yes" if sign == "1" else "no" for sign in name.split("_")]
                with path.open("rb") as file:
                    yield name, {"audio": read_wave(file), "text": " ".join(words)}
