"""The scenes of digits: boxes exact, forms disjoint, the same each time."""

import importlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

from aimodels import data, detection
from aimodels.data.registry import find_builder

pytestmark = pytest.mark.rests_on("aimodels", "datasets")

SPLITS = {"train": 1200, "validation": 200, "test": 300}


@pytest.fixture(scope="module")
def scenes():
    return data.arrays("digit_scenes", None)


def test_scenes_are_ready_to_train_with(scenes):
    assert {name: len(x) for name, (x, _) in scenes.items()} == SPLITS
    for images, truth in scenes.values():
        assert (images.dtype, images.shape[1:]) == (np.uint8, (64, 64, 1))
        checked = detection.check_truth(truth, (64, 64), num_classes=10)
        np.testing.assert_array_equal(checked["boxes"], truth["boxes"])
        counts = (truth["labels"] >= 0).sum(axis=1)
        assert set(counts) == {1, 2, 3, 4, 5}
        assert (np.sort(truth["labels"] < 0, axis=1) == (truth["labels"] < 0)).all()  # at the end
        labels = np.bincount(truth["labels"][truth["labels"] >= 0])
        assert labels.min() > 0.7 * labels.mean()


def test_the_card_says_how_many_there_are(scenes):
    digits = sum((truth["labels"] >= 0).sum() for _, truth in scenes.values())
    assert f"{sum(SPLITS.values()):,} grey pictures" in data.info("digit_scenes").description
    assert f"{digits:,} handwritten digits" in data.info("digit_scenes").description


def test_digits_do_not_overlap_and_have_several_sizes(scenes):
    _, truth = scenes["train"]
    overlap = detection.pairwise_iou(truth["boxes"], truth["boxes"]).numpy()
    assert not overlap[:, ~np.eye(5, dtype=bool)].any()
    boxes = truth["boxes"][truth["labels"] >= 0]
    heights = boxes[:, 3] - boxes[:, 1]
    assert heights.max() > 2 * heights.min()


def test_a_box_is_where_the_ink_of_its_digit_ends():
    module = importlib.import_module(find_builder("digit_scenes").__module__)
    rng, scans = np.random.default_rng(0), load_digits().images
    for scan in scans[:50]:
        image = np.zeros((64, 64))
        box = module.draw(image, scan, np.zeros((0, 4)), rng)
        rows, columns = (np.flatnonzero((image > 30).any(axis=axis)) for axis in (1, 0))
        assert box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    full = np.array([[0, 0, 64, 64]])
    assert module.draw(image, scan, full, rng) is None  # there is no room


def test_no_form_is_in_two_splits():
    module = importlib.import_module(find_builder("digit_scenes").__module__)
    target = load_digits().target
    parts = [scans for scans, _ in module.SPLITS.values()]
    assert [i for scans in parts for i in scans] == [*range(1797)]
    for scans in parts:  # each form begins with 0 to 9, three times
        np.testing.assert_array_equal(target[scans.start :][:30], [*range(10)] * 3)


def test_they_are_the_same_each_time(scenes, tmp_path):
    again = data.arrays("digit_scenes", None, data_dir=tmp_path)
    for name, (images, truth) in scenes.items():
        np.testing.assert_array_equal(again[name][0], images)
        np.testing.assert_array_equal(again[name][1]["boxes"], truth["boxes"])
        np.testing.assert_array_equal(again[name][1]["labels"], truth["labels"])
