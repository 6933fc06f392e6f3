"""Non-maximum suppression: of many boxes around one object, only the best stays.

Shapes depend on nothing but shapes, so it runs eagerly, in graphs, under XLA and in LiteRT alike.
"""

import tensorflow as tf

from aimodels.detection.boxes import pairwise_iou

NO_SCORE = tf.float32.min


def keep_best(boxes, iou_threshold: float = 0.5) -> tf.Tensor:
    """Greedy suppression of boxes that stand best first.

    A box stays unless a better one that stays overlaps with it. All boxes decide at once, knowing
    who stayed in the round before, until nothing changes. The first box is right from the first
    round, and in each round at least one more: so this ends, and where going through the boxes one
    by one would.

    Args:
        boxes: (..., N, 4), best first.
        iou_threshold: boxes with a larger IoU than this are of the same object.

    Returns:
        bool (..., N): which boxes stay.

    Example:
        >>> keep_best([[0, 0, 4, 4], [0, 0, 4, 3], [0, 2, 4, 4.0]]).numpy().tolist()
        [True, False, True]
    """
    overlap = tf.cast(pairwise_iou(boxes, boxes) > iou_threshold, tf.float32)
    by_better = tf.linalg.band_part(overlap, -1, 0) - tf.linalg.band_part(overlap, 0, 0)

    def step(keep, _):
        removed = tf.linalg.matvec(by_better, keep) > 0
        return tf.where(removed, 0.0, 1.0), keep

    def differ(keep, before):
        return tf.reduce_any(keep != before)

    everyone = tf.ones_like(tf.reduce_sum(by_better, axis=-1))  # of no boxes, too
    keep, _ = tf.while_loop(differ, step, [everyone, everyone - 1])
    return keep > 0


def non_max_suppression(
    boxes,
    scores,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.05,
    max_detections: int = 100,
    max_candidates: int = 100,
) -> dict[str, tf.Tensor]:
    """The best boxes of each picture, each class for itself.

    Args:
        boxes: (B, N, 4), or (B, N, K, 4) where each class has boxes of its own.
        scores: (B, N, K), one for each class. NaN is no score: such a box is never returned.
        iou_threshold: of two boxes of one class with a larger IoU the worse one goes.
        score_threshold: only larger scores count.
        max_detections: number of boxes to return per picture, D.
        max_candidates: number of boxes that compete in each class, those with the best scores.

    Returns:
        The best first, and padded: `boxes` (B, D, 4), `confidence` (B, D), their scores; `labels`
        int32 (B, D), -1 behind the last; `num_detections` int32 (B,). Of equal scores the lower
        class comes first, then the box that stood first.

    Raises:
        ValueError: if shapes do not fit, or the numbers N and K are not known beforehand.

    Example:
        >>> boxes = [[[0, 0, 4, 4], [0, 0, 4, 3], [6, 6, 9, 9.0]]]
        >>> found = non_max_suppression(boxes, [[[0.8], [0.9], [0.7]]], max_detections=4)
        >>> int(found["num_detections"][0]), found["boxes"][0, 0].numpy().tolist()
        (2, [0.0, 0.0, 4.0, 3.0])
    """
    boxes, scores = tf.cast(boxes, tf.float32), tf.cast(scores, tf.float32)
    if len(boxes.shape) == 3:
        boxes = boxes[:, :, None]
    number, classes = scores.shape[1:] if len(scores.shape) == 3 else (None, None)
    if boxes.shape[1] != number or boxes.shape[2:] not in ((1, 4), (classes, 4)) or not classes:
        raise ValueError(
            "boxes must be (B, N, 4) or (B, N, K, 4) and scores (B, N, K), N and K fixed numbers; "
            f"got {boxes.shape} and {scores.shape}"
        )
    boxes, scores = tf.transpose(boxes, [0, 2, 1, 3]), tf.transpose(scores, [0, 2, 1])
    if number == 0:  # one that does not count, as the best of none is not defined
        number, boxes = 1, tf.pad(boxes, [[0, 0], [0, 0], [0, 1], [0, 0]])
        scores = tf.pad(scores, [[0, 0], [0, 0], [0, 1]], constant_values=NO_SCORE)
    scores = tf.where(scores > score_threshold, scores, NO_SCORE)  # NaN is not larger either
    scores, chosen = tf.math.top_k(scores, min(max_candidates, number))  # (B, K, M)
    boxes = tf.gather(tf.repeat(boxes, classes // boxes.shape[1], axis=1), chosen, batch_dims=2)
    scores = tf.where(keep_best(boxes, iou_threshold), scores, NO_SCORE)
    return _best_of_all_classes(boxes, scores, max_detections)


def _best_of_all_classes(boxes, scores, max_detections: int) -> dict[str, tf.Tensor]:
    classes, candidates = scores.shape[1:]
    labels = tf.repeat(tf.range(classes), candidates)
    boxes = tf.reshape(boxes, [-1, classes * candidates, 4])
    scores = tf.reshape(scores, [-1, classes * candidates])
    missing = max(max_detections - classes * candidates, 0)
    boxes = tf.pad(boxes, [[0, 0], [0, missing], [0, 0]])
    scores = tf.pad(scores, [[0, 0], [0, missing]], constant_values=NO_SCORE)
    labels = tf.pad(labels, [[0, missing]])
    scores, best = tf.math.top_k(scores, max_detections)
    found = scores > NO_SCORE
    return {
        "boxes": tf.where(found[..., None], tf.gather(boxes, best, batch_dims=1), 0.0),
        "confidence": tf.where(found, scores, 0.0),
        "labels": tf.where(found, tf.gather(labels, best), -1),
        "num_detections": tf.reduce_sum(tf.cast(found, tf.int32), axis=1),
    }
