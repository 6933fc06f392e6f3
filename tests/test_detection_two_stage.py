"""RoI align and Faster R-CNN: what they compute, what they learn, what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close

from aimodels import data, detection, lite
from aimodels.detection import SSD, FasterRCNN, assign_targets, pad_truth, roi_align
from aimodels.detection.faster_rcnn import Proposals, PyramidRoIAlign
from aimodels.efficientnet import EfficientNetLite
from aimodels.metrics import mean_average_precision

pytestmark = pytest.mark.rests_on_code
# RoI align


def test_roi_align_is_linear_and_its_gradient_is_the_transpose(rng):
    """<R x, y> = <x, R' y> for every y: in float64, where it holds to the last digits."""
    x = tf.Variable(rng.normal(size=(2, 9, 11, 3)))
    boxes = rng.uniform(-8, 90, (2, 6, 2, 2))
    boxes.sort(axis=2)
    boxes = boxes.reshape(2, 6, 4)
    with tf.GradientTape() as tape:
        found = roi_align(x, boxes, (3, 2), spatial_scale=1 / 8)
        weights = rng.normal(size=found.shape)
        product = tf.reduce_sum(found * weights)
    gradient = tape.gradient(product, x)
    assert found.dtype == "float64"
    assert_close(tf.reduce_sum(gradient * x), product, sums=found.shape.num_elements())
    double = roi_align(2 * x, boxes, (3, 2), spatial_scale=1 / 8)
    assert_close(double, 2 * found, sums=9 * 11)


def test_roi_align_under_xla_and_in_half_precision(rng):
    x = rng.normal(size=(1, 8, 8, 2)).astype("float32")
    boxes = np.array([[[3.0, 5, 40, 60], [-9, -9, 12, 12]]], "float32")
    align = lambda x: roi_align(x, boxes, 4, spatial_scale=1 / 8)  # noqa: E731
    compiled = tf.function(align, jit_compile=True)(x)
    assert_close(compiled, align(x), sums=64)
    half = align(x.astype("float16"))
    assert half.dtype == "float16"
    assert_close(half, align(x), sums=64)


def test_roi_align_moves_with_what_it_looks_at(rng):
    x = rng.normal(size=(1, 12, 12, 2)).astype("float32")
    boxes = np.array([[[2.3, 3.1, 6.7, 8.9]]], "float32")
    moved = roi_align(np.roll(x, (2, 1), axis=(1, 2)), boxes + np.array([1, 2, 1, 2]), 3)
    assert_close(moved, roi_align(x, boxes, 3), sums=144)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((8, 8, 1)), np.ones((1, 2, 4))), "features must be"),
        ((np.ones((1, 8, 8, 1)), np.ones((2, 4))), "boxes must be"),
        ((np.ones((1, 8, 8, 1)), np.ones((1, 2, 5))), "boxes must be"),
        ((np.ones((1, 8, 8, 1)), np.ones((1, 2, 4)), (1, 2, 3)), "one integer or two"),
        ((np.ones((1, 8, 8, 1)), np.ones((1, 2, 4)), 0), "output_size must be an integer >= 1"),
    ],
)
def test_roi_align_names_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        roi_align(*arguments)
    with pytest.raises(ValueError, match="sampling_ratio"):  # 0 is "as many as fit" elsewhere
        roi_align(np.ones((1, 8, 8, 1)), np.ones((1, 2, 4)), sampling_ratio=0)


# Faster R-CNN


def small(**kwargs):
    keras.utils.set_random_seed(0)
    return FasterRCNN(
        (32, 48, 1), 3, **{"num_proposals": 12, "filters": 8, "hidden_dim": 16} | kwargs
    )


@pytest.fixture
def batch(rng):
    """Four pictures, one of them without an object."""
    truth = {
        "boxes": [[[4, 4, 20, 24], [20, 2, 44, 20]], [[8, 8, 30, 30]], [], [[0, 0, 48, 32]]],
        "labels": [[2, 0], [1], [], [2]],
    }
    return rng.random((4, 32, 48, 1)).astype("float32"), pad_truth(**truth)


def test_parameters_counted_by_hand():
    model, levels, C, K = small(), {"P2": 48, "P3": 64}, 8, 3
    pyramid = sum(width * C + C + 9 * C * C + C for width in levels.values())
    first = (9 * C * C + C) + (C * 3 * 4 + 3 * 4) + (C * 3 + 3)
    second = (7 * 7 * C * 16 + 16) + (16 * 16 + 16) + (16 * 4 + 4) + (16 * (K + 1) + K + 1)
    behind = model.without_backbone()
    assert behind.count_params() == pyramid + first + second


def test_proposals_are_the_best_anchors_moved_and_cut(rng):
    anchors = np.array([[0, 0, 8, 8], [1, 0, 9, 8], [20, 4, 28, 12], [36, 24, 52, 40]], "float32")
    layer = Proposals(anchors, (32, 48, 1), num_proposals=5, num_candidates=4, iou_threshold=0.7)
    codes = np.zeros((1, 4, 4), "float32")
    codes[0, 2, 0] = 5.0  # half of its width to the right
    logits = np.array([1.0, 2, 0, -1]).reshape(1, 4, 1)
    found = layer(codes, logits).numpy()[0]
    # The first overlaps with the second by 7/9, and is worse; the last two places stay empty.
    expected = [[1, 0, 9, 8], [24, 4, 32, 12], [36, 24, 48, 32], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    again = Proposals.from_config(layer.get_config())
    np.testing.assert_array_equal(again(codes, logits)[0], found)


def test_a_box_is_cut_from_the_map_of_its_size(rng):
    """A box of 60 pixels lies nearer to anchors of 64 than to those of 16."""
    maps = [np.full((1, 16, 16, 1), 1.0, "float32"), np.full((1, 8, 8, 1), 2.0, "float32")]
    layer = PyramidRoIAlign(3, strides=(4, 8), anchor_sizes=(16, 64))
    boxes = np.array([[[2, 2, 62, 62], [2, 2, 17, 18], [0, 0, 0, 0]]], "float32")
    found = layer(maps, boxes).numpy()
    assert found.shape == (1, 3, 3, 3, 1)
    assert [set(one.ravel()) for one in found[0]] == [{2.0}, {1.0}, {1.0}]


def test_the_loss_of_a_perfect_answer_is_none(batch):
    """Proposals on the true boxes, with logits that are sure: nothing to pay in stage two."""
    _, truth = batch
    model = small()
    targets = assign_targets(model.anchors, truth, positive=0.5, negative=0.3)
    labels, boxes = truth["labels"], truth["boxes"]
    proposals = np.zeros((4, 12, 4), "float32")
    proposals[:, :2] = boxes
    proposals[:, 2] = [40, 28, 47, 31]
    sure = np.full((4, 12, 4), -20.0, "float32")
    sure[..., 3] = 20.0
    for i, j in np.argwhere(labels >= 0):
        sure[i, j, 3], sure[i, j, labels[i, j]] = -20.0, 20.0
    perfect = {
        "rpn_codes": targets["codes"],
        "rpn_logits": tf.where(targets["labels"] >= 0, 20.0, -20.0)[..., None],
        "proposals": tf.constant(proposals),
        "codes": tf.zeros((4, 12, 4)),
        "logits": tf.constant(sure),
    }
    np.testing.assert_allclose(model.detection_loss(truth, perfect), 0, atol=1e-5)
    for name in ("rpn_codes", "rpn_logits", "codes", "logits"):
        worse = perfect | {name: perfect[name] + np.float32(np.arange(1) + 3) * [[[-1]]]}
        worse[name] = -perfect[name] if name.endswith("logits") else worse[name]
        loss = model.detection_loss(truth, worse).numpy()
        assert (loss[[0, 1, 3]] > 1).all(), name
        assert (loss[2] > 1) == name.endswith("logits"), name  # nothing is on it: no box to move
    found = model.decode(perfect)
    assert found["num_detections"].numpy().tolist() == [2, 1, 0, 1]
    np.testing.assert_allclose(found["boxes"][1, 0], boxes[1, 0], atol=1e-4)
    assert found["labels"][1, 0] == 1


@pytest.mark.slow
def test_xla_is_the_graph(batch):
    images, truth = batch
    losses, found = [], []
    for jit_compile in (False, True):
        model = small()
        # Small steps: another rounding may exchange two proposals that are equally good.
        model.compile(keras.optimizers.SGD(1e-3), jit_compile=jit_compile)
        history = model.fit(images, truth, batch_size=2, epochs=3, shuffle=False, verbose=0).history
        assert model.jit_compile is jit_compile
        losses.append(history["loss"])
        found.append(tf.function(model.detect, jit_compile=jit_compile)(images))
    assert losses[0][2] < losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    for name, y in found[0].items():
        np.testing.assert_allclose(found[1][name], y, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_save_and_load_are_bit_equal(tmp_path, batch):
    model = small(score_threshold=0.0, name="finder")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is FasterRCNN
    assert loaded.get_config() == model.get_config()
    found, again = (m.predict(batch[0], verbose=0) for m in (model, loaded))
    assert found["num_detections"].min() > 0
    for name, y in found.items():
        np.testing.assert_array_equal(again[name], y)


@pytest.mark.slow
def test_behind_the_backbone_it_is_the_same_model(batch):
    """From the backbone's maps, computed once, the same answers, and what is learnt there stays."""
    images, truth = batch
    model = small(score_threshold=0.0)
    behind = model.without_backbone()
    maps = keras.Model(model.inputs, list(model.pyramid_outputs.values())).predict(
        images, verbose=0
    )

    def difference():
        one, other = model.predict(images, verbose=0), behind.predict(maps, verbose=0)
        return max(np.abs(one[name] - other[name]).max() for name in one)

    assert difference() < 1e-4
    before = model.predict(images, verbose=0)["confidence"]
    behind.compile(keras.optimizers.SGD(0.05))
    loss = behind.fit(maps, truth, batch_size=4, epochs=3, verbose=0).history["loss"]
    assert loss[-1] < loss[0]
    assert np.abs(model.predict(images, verbose=0)["confidence"] - before).max() > 1e-3
    assert difference() < 1e-4


@pytest.mark.slow
def test_the_whole_is_one_file_for_machines_without_tensorflow(tmp_path, batch):
    """Proposals, RoI align and both suppressions included."""
    model = small(score_threshold=0.0)
    lite.export_detector(model, tmp_path / "detector.tflite")
    found = lite.LiteDetector(tmp_path / "detector.tflite").detect(batch[0])
    expected = model.predict(batch[0], verbose=0)
    assert expected["num_detections"].min() > 0
    for name, y in expected.items():
        np.testing.assert_allclose(found[name], y, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_proposals": 0}, "num_proposals must be an integer >= 1"),
        ({"filters": 1.5}, "filters must be"),
        ({"roi_size": -7}, "roi_size must be"),
        ({"backbone": keras.Sequential()}, "backbone must have pyramid_outputs"),
        ({"anchor_sizes": [16]}, "sizes and strides need one number per level"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.slow
def test_it_finds_digits_in_scenes():
    """Embedded scenes, whose test digits were written on other forms."""
    train, test = data.load("digit_scenes", split=["train", "test"], batch_size=-1)
    x, x_test = (np.float32(part["image"]) / 255 for part in (train, test))
    y, y_test = ({k: part[k].numpy() for k in ("boxes", "labels")} for part in (train, test))
    keras.utils.set_random_seed(1)
    model = FasterRCNN((64, 64, 1), 10, num_proposals=24)
    untrained = mean_average_precision(y_test, model.predict(x_test, verbose=0), 10)["mAP@0.5"]
    steps = 12 * -(-len(x) // 16)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.AdamW(schedule, global_clipnorm=10.0))
    model.fit(x, y, batch_size=16, epochs=12, verbose=0)
    reached = mean_average_precision(y_test, model.predict(x_test, verbose=0), 10)["mAP@0.5"]
    assert untrained < 0.05
    assert reached >= 0.9, reached


# One-stage and two-stage alike


@pytest.mark.parametrize("cls", [SSD, FasterRCNN])
def test_no_object_of_a_crowd_is_lost_to_the_doubles_of_others(cls):
    """Sixteen objects with dozens of sure anchors each: every one of them is found, once."""
    grid = np.arange(4) * 16 + 1.0
    boxes = np.array([[x, y, x + 14, y + 14] for y in grid for x in grid], "float32")
    model = cls((64, 64, 1), 2, **({"num_proposals": 40} if cls is FasterRCNN else {}))
    numbers = np.arange(len(boxes))
    if cls is SSD:
        overlap = detection.pairwise_iou(model.anchors, boxes).numpy()
        which, sees = overlap.argmax(axis=1), overlap.max(axis=1) > 0.4
        assert 150 < sees.sum() < 400  # more than a hundred compete
        codes = detection.encode(boxes[which], model.anchors)
        logits = np.stack([np.where(sees, 3.0 - which / 8, -9), np.full(len(which), -9)], axis=-1)
        found = model.decode({"codes": codes[None], "logits": logits[None]})
    else:
        proposals = np.zeros((40, 4), "float32")
        proposals[:32] = np.concatenate([boxes, boxes + 1])
        logits = (
            np.tile([9.0, -9, -9], (40, 1)) - np.append(numbers, [*numbers, *[0] * 8])[:, None] / 8
        )
        outputs = {"proposals": proposals, "codes": np.zeros((40, 4)), "logits": logits}
        found = model.decode({name: y[None] for name, y in outputs.items()})
    assert found["num_detections"].numpy().tolist() == [16]
    places = np.argmax(detection.pairwise_iou(found["boxes"][0, :16], boxes), axis=1)
    assert sorted(places) == numbers.tolist()


@pytest.mark.slow
def test_a_published_backbone_is_trained_along_and_kept(tmp_path, rng):
    """From the first layer on it learns; saved with the detector, it is the same."""
    keras.utils.set_random_seed(0)
    backbone = EfficientNetLite((64, 80, 3), 5, width_coefficient=0.1, depth_coefficient=0.5)
    model = FasterRCNN((64, 80, 3), 2, backbone, num_proposals=12, filters=8, hidden_dim=8)
    images = rng.random((2, 64, 80, 3)).astype("float32")
    truth = pad_truth([[[8, 8, 40, 40]], [[20, 10, 70, 60]]], [[0], [1]])
    kernels = [v for v in model.trainable_variables if "stem" in v.path or "block" in v.path]
    before = [kernel.numpy() for kernel in kernels]
    assert len(before) > 20
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(images, truth, epochs=2, verbose=0)
    for kernel, old in zip(kernels, before, strict=True):
        assert not np.array_equal(kernel.numpy(), old), kernel.path
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, y in model(images).items():
        np.testing.assert_array_equal(loaded(images)[name], y)
