"""Average precision and errors of counts, in cases worked by hand."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from aimodels import detection
from aimodels.metrics import count_error, mean_average_precision

pytestmark = pytest.mark.rests_on_code


def truth_of(*pictures):
    """Each picture a list of (label, x_min, y_min, x_max, y_max)."""
    return detection.pad_truth(
        [[row[1:] for row in picture] for picture in pictures],
        [[row[0] for row in picture] for picture in pictures],
    )


def found(*pictures):
    """Each picture a list of (confidence, label, x_min, y_min, x_max, y_max)."""
    predictions = truth_of(*[[row[1:] for row in picture] for picture in pictures])
    predictions["confidence"] = np.zeros(predictions["labels"].shape)
    for i, picture in enumerate(pictures):
        predictions["confidence"][i, : len(picture)] = [row[0] for row in picture]
    return predictions


A, B, FAR = (0, 0, 10, 10), (20, 20, 30, 30), (50, 50, 60, 60)


def scores(truth, predictions, num_classes=1):
    return mean_average_precision(truth, predictions, num_classes)


def test_all_right_and_all_wrong():
    truth = truth_of([(0, *A), (0, *B)], [(0, *A)])
    right = found([(0.9, 0, *A), (0.8, 0, *B)], [(0.7, 0, *A)])
    perfect = scores(truth, right)
    assert perfect["mAP@0.5"] == perfect["mAP@[.5:.95]"] == pytest.approx(1)
    assert scores(truth, found([(0.9, 0, *FAR)], []))["mAP@0.5"] == 0
    assert scores(truth, found([], []))["mAP@0.5"] == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # precision 1 up to recall 1/2, of which 51 of 101 places; nothing behind
        ([(0.9, 0, *A)], 51 / 101),
        # a wrong one first: precision 1/2, then 2/3
        ([(0.9, 0, *FAR), (0.8, 0, *A), (0.7, 0, *B)], 2 / 3),
        # a wrong one between: 1 up to 1/2, then 2/3
        ([(0.9, 0, *A), (0.8, 0, *FAR), (0.7, 0, *B)], (51 + 50 * 2 / 3) / 101),
        # the same object twice: the second one is wrong
        ([(0.9, 0, *A), (0.8, 0, *A), (0.7, 0, *B)], (51 + 50 * 2 / 3) / 101),
        # wrong ones behind the last right one cost nothing
        ([(0.9, 0, *A), (0.8, 0, *B), (0.1, 0, *FAR)], 1),
    ],
)
def test_the_area_under_the_curve(rows, expected):
    truth = truth_of([(0, *A), (0, *B)])
    assert scores(truth, found(rows))["mAP@0.5"] == pytest.approx(expected)


def test_thresholds_from_half_to_nearly_one():
    truth = truth_of([(0, *A)])
    result = scores(truth, found([(0.9, 0, 0, 0, 10, 7.2)]))  # IoU 0.72: right at 5 of 10
    assert result["mAP@0.5"] == pytest.approx(1)
    assert result["mAP@[.5:.95]"] == pytest.approx(0.5)


def test_classes_count_equally_and_one_without_truth_not_at_all():
    truth = truth_of([(0, *A), (0, *B), (2, *FAR)])
    result = scores(truth, found([(0.9, 0, *A), (0.8, 0, *B), (0.7, 1, *FAR)]), num_classes=3)
    np.testing.assert_allclose(result["AP@0.5"], [1, np.nan, 0])
    assert result["mAP@0.5"] == pytest.approx(0.5)


def test_wrong_boxes_in_pictures_without_objects_count():
    truth = truth_of([(0, *A)], [])
    assert scores(truth, found([(0.5, 0, *A)], [(0.9, 0, *A)]))["mAP@0.5"] == pytest.approx(0.5)
    assert scores(truth, found([(0.9, 0, *A)], [(0.5, 0, *A)]))["mAP@0.5"] == pytest.approx(1)


def test_without_any_truth_there_is_no_number():
    result = scores(truth_of([], []), found([(0.9, 0, *A)], []))
    assert np.isnan(result["mAP@0.5"])
    assert np.isnan(result["mAP@[.5:.95]"])


def test_a_true_box_without_area_is_neither_missed_nor_in_the_way():
    truth = truth_of([(0, *A), (0, 40, 40, 40, 45)])
    assert scores(truth, found([(0.9, 0, *A)]))["mAP@0.5"] == pytest.approx(1)


def test_a_crowd_need_not_be_found_and_may_be():
    truth = truth_of([(0, *A), (0, 20, 20, 60, 60)])
    truth["is_crowd"] = np.array([[False, True]])
    for rows in ([(0.9, 0, *A)], [(0.95, 0, *B), (0.93, 0, *FAR), (0.9, 0, *A)]):
        assert scores(truth, found(rows))["mAP@0.5"] == pytest.approx(1)


def test_boxes_behind_the_last_and_their_rubbish_are_left_out():
    truth, rows = truth_of([(0, *A)]), found([(0.9, 0, *A), (0.95, 0, *FAR)])
    rows["labels"][0, 1] = -1
    rows["confidence"][0, 1] = np.nan
    assert scores(truth, rows)["mAP@0.5"] == pytest.approx(1)


def test_all_boxes_count_however_many(rng):
    """COCO's own limit is 100 boxes a picture."""
    corner = rng.permutation(150)[:, None] * [4.0, 0]
    rows = [(0, *c, *(c + 3)) for c in corner]
    result = scores(truth_of(rows), found([(0.9, *row) for row in rows]))
    assert result["mAP@0.5"] == pytest.approx(1)


def test_nothing_is_printed(capfd):
    scores(truth_of([(0, *A)]), found([(0.9, 0, *A)]))
    assert capfd.readouterr() == ("", "")


def test_threads_leave_the_output_where_it_was():
    truth = {"boxes": np.array([[[0, 0, 4, 4.0]]]), "labels": np.array([[0]])}
    found = truth | {"confidence": np.array([[0.9]])}
    before = sys.stdout
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: mean_average_precision(truth, found, num_classes=1), range(200)))
    assert sys.stdout is before


def test_what_does_not_fit_is_refused():
    truth, rows = truth_of([(0, *A)]), found([(0.9, 0, *A)])
    with pytest.raises(ValueError, match="1 pictures have a truth and 2 predictions"):
        scores(truth, found([], []))
    with pytest.raises(ValueError, match="boxes must be \\(B, N, 4\\) and labels \\(B, N\\)"):
        scores(truth, rows | {"boxes": np.zeros((1, 4))})
    with pytest.raises(ValueError, match="the confidence NaN"):
        scores(truth, rows | {"confidence": [[np.nan]]})


def test_errors_of_counts():
    truth = truth_of([(0, *A), (0, *B), (1, *FAR)], [(1, *A)], [])
    rows = found([(0.9, 0, *A), (0.4, 0, *B)], [(0.6, 1, *A), (0.6, 1, *B)], [(0.5, 0, *A)])
    np.testing.assert_allclose(count_error(truth, rows, 3), [2 / 3, 2 / 3, 0])
    np.testing.assert_allclose(count_error(truth, rows, 3, min_confidence=0.3), [1 / 3, 2 / 3, 0])
