"""The scenes of emoji: the caption is what the picture shows, pairs are held out, nothing else."""

import collections
import importlib
import itertools

import numpy as np
import pytest

from aimodels import data
from aimodels.data.registry import find_builder

pytestmark = pytest.mark.rests_on("aimodels")

SPLITS = {"train": 8000, "validation": 500, "test": 1000, "known": 1000}


@pytest.fixture(scope="module")
def scenes():
    return read()


@pytest.fixture(scope="module")
def module():
    return importlib.import_module(find_builder("emoji_scenes").__module__)


def read(**kwargs):
    """Of each split, arrays by feature."""
    splits = data.load("emoji_scenes", batch_size=-1, **kwargs)
    return {
        split: {
            name: np.strings.decode(values.numpy().astype(bytes), "utf-8")
            if values.dtype == "string"
            else values.numpy()
            for name, values in features.items()
        }
        for split, features in splits.items()
    }


def pairs(examples):
    return set(zip(examples["animal"], examples["thing"], strict=True))


def test_pairs_are_held_out_and_what_they_are_made_of_is_not(scenes):
    assert {name: len(examples["image"]) for name, examples in scenes.items()} == SPLITS
    train, validation, test = (pairs(scenes[name]) for name in ("train", "validation", "test"))
    assert not train & validation | train & test | validation & test
    assert pairs(scenes["known"]) == train
    assert len(train | validation | test) == 24 * 24
    animals, things = (collections.Counter(names) for names in zip(*train, strict=True))
    assert len(animals) == len(things) == 24
    assert min(*animals.values(), *things.values()) > 8  # each in many companies
    card = " ".join(data.info("emoji_scenes").description.split())
    for part in (
        f"{sum(SPLITS.values()):,} pictures",
        f"`test` (1,000 pictures of {len(test)} pairs)",
        f"`validation` (500 of {len(validation)})",
        f"the other {len(train)}",
    ):
        assert part in card


def test_no_picture_is_there_twice(scenes):
    every = [image.tobytes() for examples in scenes.values() for image in examples["image"]]
    assert len(set(every)) == len(every)


def test_the_boxes_lie_as_the_relation_says(scenes):
    for examples in scenes.values():
        animals, things = examples["animal_box"], examples["thing_box"]
        for boxes in (animals, things):
            assert (boxes[:, :2] >= 0).all()
            assert (boxes[:, 2:] <= 64).all()
            assert (boxes[:, :2] < boxes[:, 2:]).all()
        beside = {
            "left": animals[:, 2] < things[:, 0],
            "above": animals[:, 3] < things[:, 1],
            "right": things[:, 2] < animals[:, 0],
            "below": things[:, 3] < animals[:, 1],
        }
        np.testing.assert_array_equal(sum(beside.values()), 1)  # in one direction alone
        for relation, holds in beside.items():
            np.testing.assert_array_equal(examples["relation"] == relation, holds)
        shares = np.unique_counts(examples["relation"]).counts / len(things)
        assert 0.2 < shares.min() < shares.max() < 0.3
        assert 0.45 < np.mean(examples["number"] == 2) < 0.55


def test_captions_say_the_same_in_both_languages(scenes, module):
    assert module.captions(
        ["owl", "owls", "只", "猫头鹰"], ["car", "cars", "辆", "汽车"], 1, "left"
    ) == {
        "caption_en": "an owl to the left of a car",
        "caption_zh": "一只猫头鹰在一辆汽车的左边",
    }
    assert module.captions(
        ["fish", "fish", "条", "鱼"], ["apple", "", "个", "苹果"], 2, "below"
    ) == {
        "caption_en": "two fish below an apple",
        "caption_zh": "两条鱼在一个苹果的下面",
    }
    meant = {"caption_en": {}, "caption_zh": {}}
    for examples in scenes.values():
        parts = zip(
            *(examples[key] for key in ("animal", "thing", "number", "relation")), strict=True
        )
        for i, what in enumerate(parts):
            for language, known in meant.items():
                assert known.setdefault(str(examples[language][i]), what) == what
    assert len(meant["caption_en"]) == len(meant["caption_zh"]) > 3000


@pytest.mark.parametrize(
    ("animals", "thing", "relation"),
    [
        ((0, 10, 20, 30), (30, 10, 50, 30), "left"),
        ((30, 10, 50, 30), (0, 10, 20, 30), "right"),
        ((10, 0, 30, 20), (10, 30, 30, 50), "above"),
        ((10, 30, 30, 50), (10, 0, 30, 20), "below"),
        ((0, 0, 20, 20), (30, 30, 50, 50), None),  # to the left and above
        ((0, 10, 20, 30), (20, 10, 40, 30), None),  # touching
        ((0, 10, 20, 30), (30, 27, 50, 40), None),  # nearly above as well
    ],
)
def test_a_relation_is_clear_or_none(module, animals, thing, relation):
    assert module.relation_of(np.array(animals), np.array(thing)) == relation


def test_a_drawing_is_cut_out_with_the_white_inside_it(module):
    picture = np.full((9, 9, 3), 255, "uint8")
    picture[2:7, 3:8] = 0
    picture[3:6, 4:7] = 255  # an eye
    part = np.asarray(module.cut_out(picture))
    assert part.shape == (5, 5, 4)
    assert (part[..., 3] == 255).all()
    assert (part[1:4, 1:4, :3] == 255).all()
    picture[2, 5] = 255  # no longer closed
    part = np.asarray(module.cut_out(picture))
    assert (part[1:4, 1:4, 3] == 0).all()


def test_what_is_drawn_lies_in_its_box(module):
    """The scene of a red animal and a blue thing has these colours in their boxes alone."""
    from PIL import Image

    animal, thing = next(iter(module.ANIMALS)), next(iter(module.THINGS))
    colours = {"animal": (255, 0, 0), "thing": (0, 0, 255)}
    drawings = {
        emoji: Image.new("RGBA", (40, 30), (*colours[who], 255))
        for who, emoji in (("animal", animal), ("thing", thing))
    }
    for scene in module.scenes(drawings, 30, [(animal, thing)], seed=3):
        for who, colour in colours.items():
            rows, columns = (scene["image"] == colour).all(axis=-1).nonzero()
            x1, y1, x2, y2 = scene[f"{who}_box"]
            assert len(rows) > 50
            assert x1 <= columns.min() <= columns.max() < x2
            assert y1 <= rows.min() <= rows.max() < y2


def test_they_are_the_same_each_time(scenes, tmp_path):
    again = read(data_dir=tmp_path)
    for split, name in itertools.product(scenes, scenes["train"]):
        np.testing.assert_array_equal(again[split][name], scenes[split][name])
