"""Boxes, anchors, matching, losses, suppression and augmentation: properties and cases by hand."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from aimodels import detection
from aimodels.detection import augment, boxes, losses

pytestmark = pytest.mark.rests_on_code


def random_boxes(rng, *shape, side=64.0, least=0.5) -> np.ndarray:
    corner = rng.uniform(0, side - least, (*shape, 2))
    size = rng.uniform(least, side, (*shape, 2))
    return np.concatenate([corner, np.minimum(corner + size, side)], -1).astype("float32")


def truth_of(*pictures) -> dict[str, np.ndarray]:
    """Each picture a list of (label, x_min, y_min, x_max, y_max)."""
    return detection.pad_truth(
        [[row[1:] for row in picture] for picture in pictures],
        [[row[0] for row in picture] for picture in pictures],
    )


# Boxes


@pytest.mark.parametrize(
    ("source", "target"),
    [*itertools.product([f"{r}{f}" for r in ("", "rel_") for f in boxes.TO_CORNERS], repeat=2)],
)
def test_every_format_and_back(rng, source, target):
    given = random_boxes(rng, 3, 5)
    there = detection.convert_format(given, source, target, (40, 80))
    back = detection.convert_format(there, target, source, (40, 80, 3))
    np.testing.assert_allclose(back, given, rtol=1e-5, atol=1e-4)


def test_formats_name_the_same_box():
    box = np.array([10, 20, 30, 60.0])
    for target, expected in {
        "yxyx": [20, 10, 60, 30],
        "xywh": [10, 20, 20, 40],
        "center_xywh": [20, 40, 20, 40],
        "rel_xyxy": [0.125, 0.5, 0.375, 1.5],
    }.items():
        np.testing.assert_allclose(
            detection.convert_format(box, "xyxy", target, (40, 80)), expected, rtol=1e-6
        )


def test_formats_refuse_what_they_cannot_know():
    with pytest.raises(ValueError, match="no box format 'xxyy'; there are xyxy, yxyx"):
        detection.convert_format([0, 0, 1, 1], "xxyy", "xyxy")
    with pytest.raises(ValueError, match="needs image_shape"):
        detection.convert_format([0, 0, 1, 1], "xyxy", "rel_xyxy")
    with pytest.raises(ValueError, match="four numbers each; got shape \\(2, 3\\)"):
        detection.iou(np.zeros((2, 3)), np.zeros(4))


def test_iou_by_hand():
    one = [0, 0, 4, 4]
    others = [[0, 0, 4, 4], [2, 2, 6, 6], [4, 0, 8, 4], [1, 1, 3, 3], [9, 9, 9, 9], [3, 3, 1, 1]]
    np.testing.assert_allclose(detection.iou(one, others), [1, 4 / 28, 0, 0.25, 0, 0])
    hull_parts = [0, 8 / 36, 0, 0, (81 - 16) / 81]
    np.testing.assert_allclose(
        detection.giou(one, others[:5]), np.array([1, 4 / 28, 0, 0.25, 0]) - hull_parts, atol=1e-6
    )
    assert float(detection.iou([5, 5, 5, 5], [5, 5, 5, 5])) == 0.0  # no area, and no NaN


def test_iou_of_all_pairs_and_of_none(rng):
    a, b = random_boxes(rng, 2, 7), random_boxes(rng, 2, 3)
    found = detection.pairwise_iou(a, b).numpy()
    assert found.shape == (2, 7, 3)
    for i, j, k in itertools.product(range(2), range(7), range(3)):
        assert found[i, j, k] == detection.iou(a[i, j], b[i, k]).numpy()
    np.testing.assert_array_equal(found, detection.pairwise_iou(b, a).numpy().swapaxes(1, 2))
    assert detection.pairwise_iou(np.zeros((0, 4)), b[0]).shape == (0, 3)
    assert detection.giou(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)


@pytest.mark.parametrize("overlap", [detection.iou, detection.giou])
def test_gradients_are_numbers_where_boxes_have_no_area(overlap):
    box = tf.Variable([[1.0, 1, 1, 1], [0, 0, 2, 2]])
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(overlap(box, [[1.0, 1, 1, 1], [1, 1, 3, 3]]))
    assert np.isfinite(tape.gradient(value, box)).all()


def test_codes_come_back_as_boxes(rng):
    given, anchors = random_boxes(rng, 200), random_boxes(rng, 200, least=4)
    back = detection.decode(detection.encode(given, anchors), anchors)
    np.testing.assert_allclose(back, given, rtol=0, atol=64 * 16 * np.finfo("float32").eps)


def test_codes_by_hand_and_the_same_at_every_scale():
    anchor, box = np.array([10, 10, 30, 50.0]), np.array([15, 20, 55, 40.0])
    code = [(35 - 20) / 20 / 0.1, 0, np.log(2) / 0.2, np.log(0.5) / 0.2]
    np.testing.assert_allclose(detection.encode(box, anchor), code, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(detection.encode(3 * box, 3 * anchor), code, rtol=1e-5, atol=1e-5)


def test_wild_codes_stay_finite():
    found = detection.decode(np.full((1, 4), 1e4), [[0, 0, 10, 10.0]]).numpy()
    assert np.isfinite(found).all()


# Truths


def test_truths_of_all_kinds_become_the_same_arrays():
    expected = truth_of([(1, 0, 0, 4, 4), (0, 1, 2, 3, 4)], [], [(1, 0, 0, 9, 5)])
    lists = {
        "boxes": [[[0, 0, 4, 4], [1, 2, 3, 4]], [], [[0, 0, 9, 5]]],
        "labels": [[1, 0], [], [1]],
    }
    ragged = {
        "boxes": tf.ragged.constant(lists["boxes"], ragged_rank=1, inner_shape=(4,)),
        "labels": tf.ragged.constant(lists["labels"]),
    }
    for given in (expected, lists, ragged):
        found = detection.check_truth(given, (5, 9), num_classes=2)
        np.testing.assert_array_equal(found["boxes"], expected["boxes"])
        np.testing.assert_array_equal(found["labels"], expected["labels"])


def test_rubbish_in_padded_rows_is_no_truth():
    truth = {"boxes": [[[5, 5, 1, np.nan]]], "labels": [[-1]]}
    np.testing.assert_array_equal(detection.check_truth(truth, (8, 8), 2)["boxes"], 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, -1, 0, 4, 4), r"picture 1, box 1 \(-1, 0, 4, 4\) reaches outside the picture, which"),
        ((0, 0, 0, 4, 9), "reaches outside the picture, which is 10 wide and 8 high"),
        ((0, 4, 0, 2, 3), "ends before it begins: the order is x_min, y_min, x_max, y_max"),
        ((0, 2, 2, 2, 5), "has no area"),
        ((0, 2, 2, np.nan, 5), "is not four finite numbers"),
        ((3, 0, 0, 4, 4), "has a label that is not one of 0 to 2"),
        ((-2, 0, 0, 4, 4), "has a label that is not one of 0 to 2"),
    ],
)
def test_a_bad_truth_is_one_sentence(row, message):
    truth = truth_of([(0, 0, 0, 1, 1)], [(1, 0, 0, 10, 8), row])
    with pytest.raises(ValueError, match=message):
        detection.check_truth(truth, (8, 10), num_classes=3)


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ([[0, 0, 1, 1]], r'learns from \{"boxes": .*; got list'),
        ({"bbox": 1}, r"got a dict of \['bbox'\]"),
        ({"boxes": np.zeros((2, 3, 4)), "labels": np.zeros((2, 4))}, r"got \(2, 3, 4\) and \(2, 4"),
        (
            {"boxes": np.ones((1, 1, 4)), "labels": [[0], [1]]},
            "boxes of 1 pictures and labels of 2",
        ),
        ({"boxes": [[[0, 0, 1]]], "labels": [[0]]}, "picture 0: needs one box of four numbers"),
        ({"boxes": np.array([[[0, 0, 1, 1]]]), "labels": np.array([[0.5]])}, "must be integers"),
    ],
)
def test_what_is_no_truth_is_one_sentence(truth, message):
    with pytest.raises(ValueError, match=message):
        detection.check_truth(truth, (8, 8), num_classes=3)


# Anchors and matching


def test_anchors_have_their_centers_areas_and_ratios():
    anchors = detection.pyramid_anchors((20, 33), [8, 16], [10, 30], (1, 2), (0.5, 1, 2))
    x, y, w, h = detection.convert_format(anchors, "xyxy", "center_xywh").numpy().T
    assert len(anchors) == (3 * 5 + 2 * 3) * 6  # sizes are rounded up, as padding "same" does
    np.testing.assert_allclose(x[:12:6], [4, 12])
    np.testing.assert_allclose(y[: 6 * 6 : 30], [4, 12])
    np.testing.assert_allclose((w * h)[:6] ** 0.5, np.repeat([10, 20], 3), rtol=1e-6)
    np.testing.assert_allclose((h / w)[:6], [0.5, 1, 2] * 2, rtol=1e-5)
    np.testing.assert_allclose((w * h)[-1] ** 0.5, 60, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 8), [8]), "integer >= 1; got 0"),
        (((8, 8), []), "one number per level"),
        (((8, 8), [8], [8, 16]), "one number per level"),
        (((8, 8), [8], [0]), "sizes must be a list of positive numbers"),
        (((8, 8), [8], [8], []), "scales must be a list of positive numbers"),
    ],
)
def test_anchors_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        detection.pyramid_anchors(*arguments)


ANCHORS = np.array([[0, 0, 4, 4], [0, 0, 4, 8], [10, 0, 14, 4], [20, 0, 24, 4]], "float32")


def match(*pictures, **thresholds):
    return detection.match(ANCHORS, truth_of(*pictures), **thresholds).numpy().tolist()


def test_matching_by_hand():
    # IoU 1 and 0.5 with the first two; 0.45 with one; a tiny box far from 0.4; none; no object
    assert match([(5, 0, 0, 4, 4)]) == [[0, 0, -1, -1]]
    assert match([(5, 0, 0, 4, 4)], positive=0.6) == [[0, -2, -1, -1]]
    assert match([(5, 0, 0, 4, 4)], positive=0.7, negative=0.6) == [[0, -1, -1, -1]]
    assert match([(5, 20, 0, 21, 1)]) == [[-1, -1, -1, 0]]  # 1/16, and still its own anchor
    assert match([(5, 30, 30, 40, 40)]) == [[-1, -1, -1, -1]]  # no anchor touches it
    assert match([], [(1, 10, 0, 14, 4)]) == [[-1] * 4, [-1, -1, 0, -1]]


def test_two_boxes_that_want_one_anchor():
    """The one that fits better has it; the other gets its next best, whatever their order."""
    good, poor = (1, 0, 0, 4, 4), (2, 0, 0, 4, 3)
    for first, second in ((good, poor), (poor, good)):
        owners = match([first, second])[0][:2]
        assert [(first, second)[owner][0] for owner in owners] == [1, 2]


def test_equal_boxes_and_equal_anchors_go_by_their_order():
    assert match([(1, 0, 0, 4, 4), (2, 0, 0, 4, 4)])[0][:2] == [0, 1]
    twins = np.repeat(ANCHORS[:1], 3, axis=0)
    truth = truth_of([(1, 0, 0, 4, 1)])  # IoU 0.25 with each
    assert detection.match(twins, truth).numpy().tolist() == [[0, -1, -1]]


def test_every_object_has_an_anchor_and_padding_changes_nothing(rng):
    anchors = detection.pyramid_anchors((64, 64), [8, 16])
    given = random_boxes(rng, 8, 6, least=2)
    labels = rng.integers(0, 3, (8, 6))
    labels[3] = -1
    matched = detection.match(anchors, {"boxes": given, "labels": labels}).numpy()
    for row, names in zip(matched, labels, strict=True):
        assert set(row[row >= 0]) == set(np.flatnonzero(names >= 0))
    rubbish = rng.uniform(0, 64, (8, 3, 4)).astype("float32")
    padded = {
        "boxes": np.concatenate([given, rubbish], axis=1),
        "labels": np.concatenate([labels, np.full((8, 3), -1)], axis=1),
    }
    np.testing.assert_array_equal(detection.match(anchors, padded), matched)


def test_targets_decode_to_their_boxes(rng):
    anchors = detection.pyramid_anchors((64, 64), [8, 16])
    truth = {"boxes": random_boxes(rng, 2, 4, least=6), "labels": rng.integers(0, 3, (2, 4))}
    matched = detection.match(anchors, truth).numpy()
    targets = detection.assign_targets(anchors, truth)
    back = detection.decode(targets["codes"], anchors).numpy()
    for i, j in np.argwhere(matched >= 0):
        np.testing.assert_allclose(back[i, j], truth["boxes"][i, matched[i, j]], atol=1e-4)
        assert targets["labels"][i, j] == truth["labels"][i, matched[i, j]]
    np.testing.assert_array_equal(targets["labels"].numpy()[matched < 0], matched[matched < 0])
    assert np.isfinite(targets["codes"]).all()


@pytest.mark.parametrize("thresholds", [(0.4, 0.5), (0.5, 0.0), (1.1, 0.5)])
def test_matching_refuses_thresholds_that_contradict(thresholds):
    with pytest.raises(ValueError, match="0 < negative <= positive <= 1 must hold"):
        detection.match(ANCHORS, truth_of([]), *thresholds)


def test_matching_is_the_same_under_xla(rng):
    anchors = detection.pyramid_anchors((64, 64), [8, 16])
    truth = {"boxes": random_boxes(rng, 4, 6), "labels": rng.integers(-1, 3, (4, 6))}
    compiled = tf.function(detection.match, jit_compile=True)
    np.testing.assert_array_equal(compiled(anchors, truth), detection.match(anchors, truth))


# Losses


def test_smooth_l1_by_hand():
    d = np.array([0, 0.25, 0.5, 1, -2, 3])
    for beta, expected in (
        (1.0, [0, 0.03125, 0.125, 0.5, 1.5, 2.5]),
        (0.5, [0, 0.0625, 0.25, 0.75, 1.75, 2.75]),
    ):
        found = losses.smooth_l1(np.zeros((6, 1)), d[:, None], beta)
        np.testing.assert_allclose(found, expected)
    with pytest.raises(ValueError, match="beta must be positive"):
        losses.smooth_l1([0.0], [1.0], beta=0)


def test_focal_loss_by_hand():
    p = np.array([0.9, 0.2])
    logits = np.log(p / (1 - p)).astype("float32")
    right = 0.25 * 0.1**2 * -np.log(0.9) + 0.75 * 0.2**2 * -np.log(0.8)
    np.testing.assert_allclose(losses.focal_loss(np.float32([1, 0]), logits), right, rtol=1e-5)
    entropy = -np.log(0.9) - np.log(0.8)
    half = losses.focal_loss(np.float32([1, 0]), logits, alpha=0.5, gamma=0.0)
    np.testing.assert_allclose(half, entropy / 2, rtol=1e-5)


def test_focal_loss_is_finite_where_the_answer_is_sure():
    logits = tf.Variable([[-200.0, 200.0], [-200.0, 200.0]])
    with tf.GradientTape() as tape:
        loss = losses.focal_loss(np.eye(2, dtype="float32"), logits)
    np.testing.assert_allclose(loss, [0.25 * 200 + 0.75 * 200, 0], rtol=1e-5, atol=1e-6)
    assert np.isfinite(tape.gradient(loss, logits)).all()


def test_hard_negatives_by_hand():
    values = np.float32([[5, 9, 1, 3, 4, 2], [6, 5, 4, 3, 2, 1], [1, 1, 1, 1, 1, 1]])
    labels = np.array([[0, -2, -1, -1, -1, -1], [1, 2, -1, -1, -1, -1], [-1] * 6])
    found = losses.hard_negatives(values, labels, ratio=2).numpy()
    assert [np.flatnonzero(row).tolist() for row in found] == [[3, 4], [2, 3, 4, 5], [0, 1]]


# Suppression


def greedy(given, scores, iou_threshold, score_threshold) -> list[int]:
    """One class of one picture, box by box, as the textbooks have it."""
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if scores[i] > score_threshold and not any(
            detection.iou(given[i], given[j]) > iou_threshold for j in kept
        ):
            kept.append(int(i))
    return kept


def test_suppression_is_the_greedy_one(rng):
    given, scores = random_boxes(rng, 3, 30, side=20), rng.random((3, 30, 2)).astype("float32")
    found = detection.non_max_suppression(given, scores, 0.3, 0.2, max_detections=60)
    for i in range(3):
        for label in range(2):
            expected = given[i][greedy(given[i], scores[i, :, label], 0.3, 0.2)]
            chosen = found["labels"][i] == label
            np.testing.assert_array_equal(found["boxes"][i][chosen], expected)
    assert (np.diff(found["confidence"].numpy(), axis=1) <= 0).all()


def test_a_chain_in_which_each_removes_the_next():
    """Only every second one goes: who is removed removes nobody."""
    x = np.arange(40) * 1.0
    chain = np.stack([x, 0 * x, x + 3, 0 * x + 1], axis=-1)  # IoU of neighbours 0.5
    keep = detection.keep_best(chain, iou_threshold=0.4).numpy()
    np.testing.assert_array_equal(keep, np.arange(40) % 2 == 0)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_of_no_boxes_none_are_kept(jit_compile):
    keep = tf.function(detection.keep_best, jit_compile=jit_compile)
    assert keep(np.zeros((0, 4), "float32")).shape == (0,)
    assert keep(np.zeros((3, 0, 4), "float32")).shape == (3, 0)


def test_suppression_keeps_classes_apart_and_goes_by_order_where_scores_are_equal():
    same = [[[0, 0, 4, 4], [0, 0, 4, 4], [9, 9, 10, 10.0]]]
    found = detection.non_max_suppression(same, [[[0.5, 0.5], [0.5, 0.5], [0.5, 0.0]]])
    assert found["labels"][0, :4].numpy().tolist() == [0, 0, 1, -1]
    assert found["boxes"][0, 1].numpy().tolist() == [9, 9, 10, 10]
    assert found["num_detections"].numpy().tolist() == [3]
    assert found["boxes"].shape == (1, 100, 4)
    assert not found["boxes"][0, 3:].numpy().any()


def test_scores_that_are_no_numbers_come_last_and_are_never_returned():
    given = np.array([[[0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 4.0]]])
    found = detection.non_max_suppression(given, [[[np.nan], [0.3], [np.nan]]])
    assert int(found["num_detections"][0]) == 1
    assert float(found["confidence"][0, 0]) == pytest.approx(0.3)
    nothing = detection.non_max_suppression(given, np.full((1, 3, 1), np.nan))
    assert int(nothing["num_detections"][0]) == 0


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("number", [0, 1, 7])
def test_suppression_of_few_and_of_none(rng, number, jit_compile):
    """TensorFlow's own operator ends the process here, under XLA with no box."""
    given, scores = random_boxes(rng, 2, number), rng.random((2, number, 3)).astype("float32")
    run = tf.function(detection.non_max_suppression, jit_compile=jit_compile)
    found = run(given, scores, max_detections=20)
    eager = detection.non_max_suppression(given, scores, max_detections=20)
    for name, value in eager.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)
        assert value.shape[:2] == ((2,) if name == "num_detections" else (2, 20))
    assert (eager["num_detections"].numpy() <= 3 * number).all()
    assert (eager["num_detections"].numpy() > 0).all() == (number > 0)


def test_each_class_may_have_boxes_of_its_own(rng):
    given = random_boxes(rng, 2, 9, 3)
    scores = rng.random((2, 9, 3)).astype("float32")
    found = detection.non_max_suppression(given, scores)
    for label in range(3):
        alone = detection.non_max_suppression(given[:, :, label], scores[..., label, None])
        for i in range(2):
            chosen = found["labels"][i] == label
            count = int(alone["num_detections"][i])
            np.testing.assert_array_equal(found["boxes"][i][chosen], alone["boxes"][i, :count])


@pytest.mark.parametrize("shapes", [((2, 5, 4), (2, 6, 1)), ((2, 5, 3), (2, 5, 1)), ((5, 4), (5,))])
def test_suppression_refuses_shapes_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match=r"boxes must be \(B, N, 4\) or \(B, N, K, 4\)"):
        detection.non_max_suppression(*map(np.zeros, shapes))


# Augmentation


def scene(rng, side=32, number=3):
    """Rectangles that do not overlap, each in a channel of its own."""
    image, rows = np.zeros((side, side, number), "float32"), []
    for i in range(number):
        x, y = 2 + 10 * i, rng.integers(2, 20)
        w, h = rng.integers(4, 9, 2)
        image[y : y + h, x : x + w, i] = 1
        rows.append((i, x, y, x + w, y + h))
    return image, {name: value[0] for name, value in truth_of([*rows, (-1, 0, 0, 0, 0)]).items()}


def assert_boxes_are_where_the_objects_are(image, truth, tolerance):
    for label, box in zip(truth["labels"].numpy(), truth["boxes"].numpy(), strict=True):
        if label >= 0:
            drawn = image.numpy()[..., label] > 0.5
            rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
            ink = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(box, ink, atol=tolerance)
            assert (box[2:] > box[:2]).all()
            assert (box >= 0).all()
            assert (box <= 32).all()
        else:
            assert not box.any()


def test_a_flipped_box_is_that_of_the_flipped_object(rng):
    image, truth = scene(rng)
    flipped, there = augment.flip_left_right(image, truth)
    assert_boxes_are_where_the_objects_are(flipped, there, 0)
    again, back = augment.flip_left_right(flipped, there)
    np.testing.assert_array_equal(again, image)
    np.testing.assert_array_equal(back["boxes"], truth["boxes"])
    np.testing.assert_array_equal(back["labels"], truth["labels"])


def test_the_whole_picture_is_the_view_through_its_own_window(rng):
    image, truth = scene(rng)
    seen, there = augment.view(image, truth, [0, 0, 32, 32])
    np.testing.assert_allclose(seen, image, atol=1e-6)
    np.testing.assert_allclose(there["boxes"], truth["boxes"])


def test_a_crop_shows_each_place_where_its_window_says(rng):
    """A ramp stays a ramp, so what stands at a pixel's center is known exactly."""
    y, x = np.mgrid[:32, :32] + 0.5
    truth = {"boxes": [[8.0, 4, 16, 20]], "labels": [1]}
    seen, there = augment.view((x + 100 * y)[..., None].astype("float32"), truth, [6, 2, 22, 26])
    inner = (slice(2, -2), slice(2, -2))
    expected = (6 + x / 2) + 100 * (2 + y * 24 / 32)
    np.testing.assert_allclose(seen[..., 0][inner], expected[inner], rtol=1e-4)
    np.testing.assert_allclose(there["boxes"], [[4, 8 / 3, 20, 24]], rtol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_stay_with_their_objects_at_every_zoom(rng, seed):
    image, truth = scene(rng)
    seen, there = augment.random_view(image, truth, (seed, 7), zoom=(0.7, 1.6), min_visible=0.3)
    assert_boxes_are_where_the_objects_are(seen, there, 0.51)
    assert seen.shape == image.shape


def test_what_is_hardly_visible_is_no_object(rng):
    truth = {"boxes": [[0.0, 0, 8, 8], [0, 16, 4, 20]], "labels": [4, 5]}
    for least, expected in ((0.5, [4, -1]), (0.51, [-1, -1]), (0.0, [4, -1])):
        _, there = augment.view(np.zeros((32, 32, 1)), truth, [4, 0, 20, 16], least)
        assert there["labels"].numpy().tolist() == expected


def test_augmentation_runs_in_a_dataset_and_repeats_with_its_seed(rng):
    image, truth = scene(rng)
    dataset = tf.data.Dataset.from_tensors((image, truth)).repeat(4)
    seeds = tf.data.Dataset.random(3).batch(2)

    def change(example, seed):
        image, truth = augment.random_view(*example, seed)
        return augment.random_light(image, seed), truth

    runs = [[*tf.data.Dataset.zip(dataset, seeds).map(change)] for _ in range(2)]
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert np.abs(runs[0][0][0] - runs[0][1][0]).max() > 0.1


def test_zoom_is_refused_where_it_is_none(rng):
    with pytest.raises(ValueError, match="zoom must be two numbers, 0 < smallest <= largest"):
        augment.random_view(*scene(rng), (0, 1), zoom=(0, 1))
