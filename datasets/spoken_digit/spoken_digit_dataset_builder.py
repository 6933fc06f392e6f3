"""Free Spoken Digit Dataset: digits said by five people, each of them known."""

import re
import tarfile

import numpy as np
import tensorflow_datasets as tfds

from aimodels.data.recording import Recording, read_wave

_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Spoken digits at 8 kHz with their speakers, split as published.

    Reference: [jackson2020] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {"2.0.0": "The archive 1.0.9 with speakers and its own split."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "audio": Recording(sample_rate=8000),
                    "label": tfds.features.ClassLabel(num_classes=10),
                    "speaker": tfds.features.Text(),
                    "index": np.int64,
                    "audio/filename": tfds.features.Text(),
                }
            ),
            supervised_keys=("audio", "label"),
            homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
            license="CC BY-SA 4.0",
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.download(_URL)
        return {
            "train": self._generate_examples(path, range(5, 50)),
            "test": self._generate_examples(path, range(5)),
        }

    def _generate_examples(self, path, indices):
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if not (found := re.fullmatch(r"(\d)_(\w+)_(\d+)\.wav", name)):
                    continue
                label, speaker, index = found.groups()
                if int(index) in indices:
                    yield (
                        name,
                        {
                            "audio": read_wave(archive.extractfile(member)),
                            "label": int(label),
                            "speaker": speaker,
                            "index": int(index),
                            "audio/filename": name,
                        },
                    )
