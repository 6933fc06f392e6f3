"""How good predicted boxes are: mean average precision, and the error of counts."""

import contextlib
import io
from collections.abc import Mapping

import numpy as np


def mean_average_precision(
    truth: Mapping, predictions: Mapping, num_classes: int
) -> dict[str, float | np.ndarray]:
    r"""Average precision, mean over classes, as the COCO challenge measures it.

    The boxes of all pictures stand in order of their confidence. One is right if its IoU with a
    true box of its class, which no better one has taken, is at least a threshold; the average
    precision is the area under the curve of precision over recall.

    Args:
        truth: `boxes` (B, M, 4), "xyxy", and `labels` (B, M), -1 where there is no object; and, if
            wanted, `is_crowd` bool (B, M): boxes that need not be found and may be. True boxes
            without area are left out in this way too.
        predictions: `boxes` (B, D, 4), `confidence` (B, D) and `labels` (B, D), -1 where there is
            none: what a detector's `predict` returns.
        num_classes: number of classes, K.

    Returns:
        `mAP@0.5`; `mAP@[.5:.95]`, the mean over ten thresholds; and `AP@0.5`, (K,), of each
        class; NaN where the truth has no object.

    Raises:
        ValueError: if shapes do not fit, a confidence is not a number, or a box not finite.
        ImportError: if pycocotools is not installed.

    Reference:
        [lin2014coco].

    Example:
        >>> truth = {"boxes": [[[0, 0, 4, 4], [5, 5, 9, 9]]], "labels": [[0, 0]]}
        >>> found = {"boxes": [[[0, 0, 4, 3]]], "confidence": [[0.9]], "labels": [[0]]}
        >>> scores = mean_average_precision(truth, found, num_classes=1)  # IoU 0.75, one of two
        >>> round(scores["mAP@0.5"], 3), round(scores["mAP@[.5:.95]"], 3)
        (0.505, 0.303)
    """
    coco, cocoeval = _pycocotools()
    truth, predictions = _checked(truth), _checked(predictions)
    boxes, labels = predictions["boxes"], predictions["labels"]
    confidence = np.asarray(predictions["confidence"], float)
    if len(boxes) != len(truth["boxes"]) or confidence.shape != labels.shape:
        raise ValueError(
            f"{len(truth['boxes'])} pictures have a truth and {len(boxes)} predictions; "
            f"confidence has shape {confidence.shape} and labels {labels.shape}"
        )
    if np.isnan(confidence[labels >= 0]).any():
        raise ValueError("a predicted box has the confidence NaN: the model diverged")
    if not np.isfinite(boxes[labels >= 0]).all():  # NaN would be right: it is not below a threshold
        raise ValueError("a predicted box is not four finite numbers: the model diverged")
    crowd = np.asarray(truth.get("is_crowd", np.zeros_like(truth["labels"])), bool)
    images = [{"id": i} for i in range(len(boxes))]
    categories = [{"id": k} for k in range(num_classes)]
    annotations = _annotations(truth["boxes"], truth["labels"])
    for one, is_crowd in zip(annotations, crowd[truth["labels"] >= 0], strict=True):
        one["iscrowd"] = int(is_crowd)
        if min(one["bbox"][2:]) <= 0:
            one["area"] = -1.0  # outside of every range of areas, so it does not count
    found = _annotations(boxes, labels)
    for one, score in zip(found, confidence[labels >= 0], strict=True):
        one["score"] = float(score)
    with contextlib.redirect_stdout(io.StringIO()):
        sets = []
        for part in (annotations, found):
            made = coco.COCO()
            made.dataset = {"images": images, "categories": categories, "annotations": part}
            made.createIndex()
            sets.append(made)
        evaluation = cocoeval.COCOeval(*sets, iouType="bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [max(1, labels.shape[1])]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, 0]  # (thresholds, recalls, K), -1: no truth
    each = np.where(precision < 0, np.nan, precision).mean(axis=1)  # (thresholds, K)
    known = ~np.isnan(each[0])
    return {
        "mAP@0.5": float(each[0, known].mean()) if known.any() else float("nan"),
        "mAP@[.5:.95]": float(each[:, known].mean()) if known.any() else float("nan"),
        "AP@0.5": each[0],
    }


def _pycocotools():
    try:
        from pycocotools import coco, cocoeval
    except ImportError:
        raise ImportError(
            "mean average precision needs pycocotools: pip install pycocotools"
        ) from None
    return coco, cocoeval


def _checked(boxes_and_labels: Mapping) -> dict[str, np.ndarray]:
    found = {name: np.asarray(value) for name, value in boxes_and_labels.items()}
    if found["labels"].ndim != 2 or found["boxes"].shape != (*found["labels"].shape, 4):
        raise ValueError(
            "boxes must be (B, N, 4) and labels (B, N), -1 where there is none; got "
            f"{found['boxes'].shape} and {found['labels'].shape}"
        )
    return found


def _annotations(boxes: np.ndarray, labels: np.ndarray) -> list[dict]:
    """COCO's form of all boxes that are some, picture by picture."""
    annotations = []
    for number, (i, j) in enumerate(np.argwhere(labels >= 0), 1):
        x1, y1, x2, y2 = map(float, boxes[i, j])
        box = [x1, y1, x2 - x1, y2 - y1]
        one = {"id": number, "image_id": int(i), "category_id": int(labels[i, j]), "bbox": box}
        annotations.append(one | {"area": box[2] * box[3], "iscrowd": 0})
    return annotations


def count_error(
    truth: Mapping, predictions: Mapping, num_classes: int, min_confidence: float = 0.5
) -> np.ndarray:
    """How far the number of objects in a picture is off: mean absolute error per class, (K,).

    Args:
        truth: as for `mean_average_precision`.
        predictions: the same.
        num_classes: number of classes, K.
        min_confidence: least confidence of a box that counts as an object.

    Raises:
        ValueError: if shapes do not fit.

    Example:
        >>> truth = {"boxes": np.zeros((1, 2, 4)), "labels": [[0, 0]]}
        >>> found = truth | {"confidence": [[0.9, 0.1]]}
        >>> count_error(truth, found, num_classes=2)
        array([1., 0.])
    """
    truth, predictions = _checked(truth), _checked(predictions)
    sure = np.where(predictions["confidence"] >= min_confidence, predictions["labels"], -1)
    true, found = (
        (labels[..., None] == np.arange(num_classes)).sum(axis=1)
        for labels in (truth["labels"], sure)
    )
    return np.abs(true - found).mean(axis=0)
