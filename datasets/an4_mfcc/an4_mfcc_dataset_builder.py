"""AN4: spelled names, numbers and commands as mel-frequency cepstral coefficients."""

import numpy as np
import tensorflow_datasets as tfds


class Builder(tfds.core.GeneratorBasedBuilder):
    """Cepstra of spoken letters, numbers and commands, and the words; split as published.

    Reference: [acero1990] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The close-talking microphone."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "features": tfds.features.Tensor(shape=(None, 13), dtype=np.float32),
                    "text": tfds.features.Text(),
                    "speaker": tfds.features.Text(),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("features", "text"),
            homepage="http://www.speech.cs.cmu.edu/databases/an4/",
            license="BSD-like",
        )

    def _split_generators(self, dl_manager):
        (url,) = self.url_infos
        path = dl_manager.download(url)
        return {split: self._generate_examples(path, split) for split in ("train", "test")}

    def _generate_examples(self, path, split):
        with np.load(path, allow_pickle=False) as file:
            features = file[f"{split}_feat"].astype(np.float32)
            ends = np.cumsum(file[f"{split}_len"])
            rows = zip(
                np.split(features, ends[:-1]),
                file[f"{split}_text"],
                file[f"{split}_id"],
                strict=True,
            )
            for frames, text, name in rows:
                yield (
                    str(name),
                    {
                        "features": frames,
                        "text": str(text),
                        "speaker": str(name).split("-")[1],
                        "id": str(name),
                    },
                )
