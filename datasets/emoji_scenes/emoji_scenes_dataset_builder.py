"""Scenes of one or two animals beside a thing, from OpenMoji's drawings, with their captions."""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image, ImageDraw
from scipy import ndimage

from aimodels import data

from ..openmoji.openmoji_dataset_builder import draw, font_file

SIDE = 64  # of a picture, in pixels
# Emoji, English name, English plural, Chinese measure word and name.
ANIMALS = """
🐈 cat cats 只 猫
🐕 dog dogs 只 狗
🐎 horse horses 匹 马
🐄 cow cows 头 奶牛
🐖 pig pigs 头 猪
🐘 elephant elephants 头 大象
🐁 mouse mice 只 老鼠
🐇 rabbit rabbits 只 兔子
🦆 duck ducks 只 鸭子
🐧 penguin penguins 只 企鹅
🐢 turtle turtles 只 乌龟
🐍 snake snakes 条 蛇
🐟 fish fish 条 鱼
🐳 whale whales 头 鲸
🐙 octopus octopuses 只 章鱼
🦀 crab crabs 只 螃蟹
🐌 snail snails 只 蜗牛
🦋 butterfly butterflies 只 蝴蝶
🐝 bee bees 只 蜜蜂
🐸 frog frogs 只 青蛙
🦉 owl owls 只 猫头鹰
🐪 camel camels 头 骆驼
🦒 giraffe giraffes 只 长颈鹿
🕷 spider spiders 只 蜘蛛
"""
THINGS = """
🌳 tree trees 棵 树
🚗 car cars 辆 汽车
🚲 bicycle bicycles 辆 自行车
✈ plane planes 架 飞机
⛵ boat boats 艘 帆船
🚀 rocket rockets 枚 火箭
🏠 house houses 座 房子
🍎 apple apples 个 苹果
🍌 banana bananas 根 香蕉
🎂 cake cakes 个 蛋糕
⚽ ball balls 个 足球
📕 book books 本 书
🔔 bell bells 个 铃铛
🔑 key keys 把 钥匙
🪑 chair chairs 把 椅子
☂ umbrella umbrellas 把 伞
🎩 hat hats 顶 礼帽
👑 crown crowns 顶 皇冠
🎸 guitar guitars 把 吉他
🌻 flower flowers 朵 花
🍄 mushroom mushrooms 个 蘑菇
⭐ star stars 颗 星星
🌙 moon moons 个 月亮
☁ cloud clouds 朵 云
"""
ANIMALS, THINGS = (
    {emoji: names for emoji, *names in map(str.split, table.strip().splitlines())}
    for table in (ANIMALS, THINGS)
)
RELATIONS = {
    "left": ("to the left of", "左边"),
    "above": ("above", "上面"),
    "right": ("to the right of", "右边"),
    "below": ("below", "下面"),
}
# Number of scenes, and which pairs of animal and thing they show, by a hash of the pair.
SPLITS = {
    "train": (8000, 0.3, 1),
    "validation": (500, 0.2, 0.3),
    "test": (1000, 0, 0.2),
    "known": (1000, 0.3, 1),
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """10,500 pictures of 64×64 pixels, captions in English and Chinese; pairs are held out.

    Reference: [openmoji] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Drawn from OpenMoji 17.0."}  # noqa: RUF012

    def _info(self):
        texts = ("caption_en", "caption_zh", "animal", "thing", "relation")
        boxes = ("animal_box", "thing_box")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 3), dtype=np.uint8),
                    **{name: tfds.features.Text() for name in texts},
                    "number": tfds.features.Scalar(np.int32),
                    **{name: tfds.features.Tensor(shape=(4,), dtype=np.float32) for name in boxes},
                }
            ),
            supervised_keys=("image", "caption_en"),
            homepage="https://openmoji.org",
            license="CC BY-SA 4.0",
        )

    def _split_generators(self, dl_manager):
        font = font_file("emoji_scenes")
        cut_outs = {emoji: cut_out(draw(emoji, font)) for emoji in (*ANIMALS, *THINGS)}
        return {
            name: self._generate_examples(cut_outs, *of_split, seed)
            for seed, (name, of_split) in enumerate(SPLITS.items())
        }

    def _generate_examples(self, cut_outs, number: int, low: float, high: float, seed: int):
        yield from enumerate(scenes(cut_outs, number, pairs(low, high), seed))


def pairs(low: float = 0, high: float = 1) -> list[tuple[str, str]]:
    """Emoji of an animal and of a thing, whose hash is in [low, high)."""
    return [
        pair
        for pair in itertools.product(ANIMALS, THINGS)
        if low <= data.hash_fraction(" ".join(pair)) < high
    ]


def scenes(
    cut_outs: Mapping[str, Image.Image], number: int, shown: list[tuple[str, str]], seed: int
) -> Iterator[dict]:
    """Examples of the set: scenes that show each of the pairs about equally often.

    Args:
        cut_outs: by emoji, a drawing on a transparent ground, as `cut_out` makes it.
        number: number of scenes.
        shown: pairs of an animal and a thing, by their emoji.
        seed: of places, sizes, angles and background.
    """
    rng = np.random.default_rng(seed)
    orders = (rng.permutation(len(shown)) for _ in itertools.count())
    for index in itertools.islice(itertools.chain.from_iterable(orders), number):
        animal, thing = shown[index]
        count = int(rng.integers(1, 3))
        emoji = [thing, *[animal] * count]
        relation = None
        while relation is None:  # large ones may have no room beside each other
            longer = rng.uniform(24, 34, count + 1) / (count + 1) ** 0.3
            parts = [turned(cut_outs[e], n, rng) for e, n in zip(emoji, longer, strict=True)]
            boxes, relation = places(np.array([part.size for part in parts]), rng)
        picture = background(rng)
        for part, box in zip(parts, boxes, strict=True):
            picture.paste(part, tuple(map(int, box[:2])), part)
        yield {
            "image": np.asarray(picture),
            **captions(ANIMALS[animal], THINGS[thing], count, relation),
            "animal": ANIMALS[animal][0],
            "thing": THINGS[thing][0],
            "relation": relation,
            "number": count,
            "animal_box": around(boxes[1:]).astype("float32"),
            "thing_box": boxes[0].astype("float32"),
        }


def captions(animal: list[str], thing: list[str], count: int, relation: str) -> dict[str, str]:
    """What is where, in both languages."""

    def one(noun: str) -> str:
        return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"

    name, plural, measure, chinese = animal
    where_en, where_zh = RELATIONS[relation]
    subject = one(name) if count == 1 else f"two {plural}"
    place = f"一{thing[2]}{thing[3]}的{where_zh}"
    return {
        "caption_en": f"{subject} {where_en} {one(thing[0])}",
        "caption_zh": f"{'一两'[count - 1]}{measure}{chinese}在{place}",
    }


def cut_out(picture: np.ndarray) -> Image.Image:
    """A drawing on white, without the white around it: transparent there, and no larger."""
    white = (picture >= 250).all(axis=-1)
    parts, _ = ndimage.label(np.pad(white, 1, constant_values=True))
    ink = parts[1:-1, 1:-1] != parts[0, 0]
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    drawn = np.dstack([picture, 255 * ink.astype("uint8")])
    return Image.fromarray(drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def turned(part: Image.Image, longer: float, rng: np.random.Generator) -> Image.Image:
    """Some drawing tilted, perhaps mirrored, its longer side so many pixels."""
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    part = part.rotate(rng.uniform(-20, 20), Image.Resampling.BICUBIC, expand=True)
    part = part.crop(part.getbbox())
    scale = longer / max(part.size)
    return part.resize([max(1, round(scale * n)) for n in part.size], Image.Resampling.LANCZOS)


def places(sizes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str | None]:
    """Boxes (x_min, y_min, x_max, y_max) that do not overlap, the thing's first, and the relation.

    The relation is None if none of several hundred attempts has a clear one.
    """
    corners = rng.integers(0, SIDE - sizes + 1, (300, *sizes.shape))
    for boxes in np.concatenate([corners, corners + sizes], axis=-1):
        apart = all(gaps(a, b).max() > 0 for a, b in itertools.combinations(boxes, 2))
        if apart and (relation := relation_of(around(boxes[1:]), boxes[0])):
            return boxes, relation
    return boxes, None


def around(boxes: np.ndarray) -> np.ndarray:
    """The smallest box that holds some boxes."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def gaps(box: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pixels by which a box is left of, above, right of and below another; negative: overlap."""
    return np.concatenate([other[:2] - box[2:], box[:2] - other[2:]])


def relation_of(animals: np.ndarray, thing: np.ndarray) -> str | None:
    """Where the animals are, seen from the thing: beside it in one direction alone."""
    found = gaps(animals, thing)
    sideways, upright = found[::2].max(), found[1::2].max()
    clear = max(sideways, upright) > 0 and min(sideways, upright) <= -4
    return list(RELATIONS)[found.argmax()] if clear else None


def background(rng: np.random.Generator) -> Image.Image:
    """A light colour with some shapes of other colours on it."""
    picture = Image.new("RGB", (SIDE, SIDE), tuple(map(int, rng.integers(140, 256, 3))))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(3, 8)):
        colour = tuple(map(int, rng.integers(80, 256, 3)))
        x, y = rng.integers(-8, SIDE, 2)
        width, height = rng.integers(4, 32, 2)
        corners = tuple(map(int, (x, y, x + width, y + height)))
        kind = rng.integers(3)
        if kind == 2:
            pen.line(corners, colour, int(rng.integers(1, 4)))
        else:
            (pen.ellipse, pen.rectangle)[kind](corners, colour)
    return picture
