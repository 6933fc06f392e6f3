"""Which anchor answers for which true box, and what it should say."""

import tensorflow as tf

from aimodels.detection.boxes import area, encode, pairwise_iou

BACKGROUND, IGNORED = -1, -2


def match(
    anchors, truth, positive: float = 0.5, negative: float = 0.4, own_anchor: bool = True
) -> tf.Tensor:
    """Give each anchor a true box, the background, or nothing to learn.

    An anchor takes the box it overlaps most with if their IoU is at least `positive`; below
    `negative` it is background; between the two it is ignored. Besides, every true box gets the
    anchor that overlaps most with it, or the next best where another box has that one: boxes that
    find a better anchor choose first. Of equal ones the first counts; IoU counts to four digits.

    Args:
        anchors: (A, 4), or (B, A, 4) where each picture has its own.
        truth: `boxes` (B, M, 4) and `labels` (B, M), -1 where there is no object.
        positive: least IoU of a match.
        negative: IoU below which an anchor is background.
        own_anchor: False leaves out what follows "besides".

    Returns:
        int32 (B, A): number of the true box, -1 for background, -2 for ignored.

    Raises:
        ValueError: unless 0 < negative <= positive <= 1.

    Reference:
        [ren2015], section 3.1.2; [liu2016ssd] for the anchor of its own.

    Example:
        >>> truth = {"boxes": [[[0, 0, 4, 4], [0, 0, 0, 0]]], "labels": [[7, -1]]}
        >>> match([[0, 0, 4, 4], [0, 0, 4, 9], [5, 5, 9, 9]], truth).numpy().tolist()
        [[0, -2, -1]]
    """
    if not 0 < negative <= positive <= 1:
        raise ValueError(
            f"0 < negative <= positive <= 1 must hold; got negative={negative}, positive={positive}"
        )
    boxes, labels = tf.convert_to_tensor(truth["boxes"]), tf.convert_to_tensor(truth["labels"])
    real = (labels >= 0) & (area(boxes) > 0)  # (B, M)
    # In whole ten-thousandths: which of two equal ones counts must not hang on their rounding.
    overlap = tf.round(pairwise_iou(boxes, anchors) * 1e4)
    overlap = tf.where(real[..., None], overlap, -1.0)  # (B, M, A)
    best = tf.reduce_max(overlap, axis=1)  # (B, A)
    number = tf.argmax(overlap, axis=1, output_type=tf.int32)
    rest = tf.where(best < round(negative * 1e4), BACKGROUND, IGNORED)
    matched = tf.where(best >= round(positive * 1e4), number, rest)
    if not own_anchor:
        return matched
    own = _one_anchor_each(overlap)
    return tf.where(own >= 0, own, matched)


def _one_anchor_each(overlap) -> tf.Tensor:
    """(B, M, A) -> the box (B, A) whose own anchor this is, or -1."""
    batch, most, anchors = tf.unstack(tf.shape(overlap))
    order = tf.argsort(tf.reduce_max(overlap, -1), direction="DESCENDING", stable=True)  # (B, M)

    def step(turn, own):
        box = order[:, turn]  # (B,)
        free = tf.where(own < 0, tf.gather(overlap, box, batch_dims=1), -1.0)  # (B, A)
        anchor = tf.argmax(free, axis=1, output_type=tf.int32)
        takes = tf.one_hot(anchor, anchors, True, False, dtype=tf.bool) & (free > 0)
        return turn + 1, tf.where(takes, box[:, None], own)

    nobody = tf.fill([batch, anchors], -1)
    return tf.while_loop(lambda turn, own: turn < most, step, [0, nobody])[1]


def assign_targets(
    anchors, truth, positive: float = 0.5, negative: float = 0.4, own_anchor: bool = True
) -> dict:
    """What a perfect detector says at each anchor.

    Args:
        anchors: as for `match`.
        truth: as for `match`.
        positive: as for `match`.
        negative: as for `match`.
        own_anchor: as for `match`.

    Returns:
        `codes` (B, A, 4), meaningful where an anchor has a box, and `labels` int32 (B, A): its
        class, -1 for background, -2 for ignored.

    Raises:
        ValueError: as `match` does.

    Example:
        >>> truth = {"boxes": [[[0, 0, 4, 4]]], "labels": [[7]]}
        >>> targets = assign_targets([[0.0, 0, 4, 4], [5, 5, 9, 9]], truth)
        >>> targets["labels"].numpy().tolist(), targets["codes"][0, 0].numpy().tolist()
        ([[7, -1]], [0.0, 0.0, 0.0, 0.0])
    """
    matched = match(anchors, truth, positive, negative, own_anchor)
    number = tf.maximum(matched, 0)
    boxes = tf.gather(tf.cast(truth["boxes"], tf.float32), number, batch_dims=1)
    labels = tf.gather(tf.cast(truth["labels"], tf.int32), number, batch_dims=1)
    has_box = matched >= 0
    codes = encode(tf.where(has_box[..., None], boxes, anchors), anchors)
    return {"codes": codes, "labels": tf.where(has_box, labels, matched)}
