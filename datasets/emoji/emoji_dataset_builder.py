"""Twitter's emoji with English and Chinese names: people, flags and all that several signs make."""

import re

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data
from aimodels.data.emoji import bare, emoji_family, emoji_names
from aimodels.pictures import read_picture


class Builder(tfds.core.GeneratorBasedBuilder):
    """Pictures and names; emoji that are nearly the same are of one family and in one split.

    Reference: [twemoji] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Version 16.0, without the five skin tones alone."}  # noqa: RUF012

    def _info(self):
        texts = ("emoji", "name_en", "name_zh", "family")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(64, 64, 3), dtype=np.uint8),
                    **{name: tfds.features.Text() for name in texts},
                }
            ),
            supervised_keys=("image", "name_en"),
            homepage="https://github.com/iamcal/emoji-data",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager):
        urls = sorted(self.url_infos)  # .../CODE-CODE.png, code points in hexadecimal
        files = list(zip(urls, dl_manager.download(urls), strict=True))
        return data.hash_splits(self._generate_examples, files, validation=0.15, test=0.2)

    def _generate_examples(self, files, low, high):
        names = emoji_names("emoji")
        for url, path in files:
            codes = re.search(r"([\da-f-]+)\.png$", url)[1].split("-")
            emoji = bare("".join(chr(int(code, 16)) for code in codes))
            name_en, name_zh = names[emoji]
            family = emoji_family(emoji, name_en)
            if low <= data.hash_fraction(family) < high:
                yield (
                    emoji,
                    {
                        "image": read_picture(path),  # without its transparency
                        "emoji": emoji,
                        "name_en": name_en,
                        "name_zh": name_zh,
                        "family": family,
                    },
                )
