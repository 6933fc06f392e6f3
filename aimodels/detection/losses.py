"""What a detector pays for: boxes by smooth L1 or GIoU, classes against a sea of background."""

import tensorflow as tf

from aimodels.detection.boxes import giou


def smooth_l1(y_true, y_pred, beta: float = 1.0) -> tf.Tensor:
    r"""Quadratic near zero, then linear, so that one far box does not rule the gradient.

    $$ \sum_k \begin{cases} d_k^2 / 2\beta & |d_k| < \beta \\ |d_k| - \beta/2 & \text{else}
       \end{cases}, \qquad d = \hat y - y $$

    Args:
        y_true: codes (..., 4).
        y_pred: codes (..., 4).
        beta: where it becomes linear, > 0.

    Returns:
        (...), the sum over the last axis.

    Raises:
        ValueError: if `beta` is not positive.

    Reference:
        [girshick2015].

    Example:
        >>> float(smooth_l1([0.0, 0, 0, 0], [0.5, 2, 0, 0]))  # 0.125 + 1.5
        1.625
    """
    if not beta > 0:
        raise ValueError(f"beta must be positive; got {beta!r}")
    distance = tf.abs(tf.convert_to_tensor(y_pred) - y_true)
    near = tf.square(tf.minimum(distance, beta)) / (2 * beta)
    return tf.reduce_sum(near + tf.maximum(distance - beta, 0), axis=-1)


def giou_loss(y_true, y_pred) -> tf.Tensor:
    """1 - GIoU of boxes "xyxy", (..., 4) -> (...): from 0, equal, to 2, far apart.

    Reference:
        [rezatofighi2019].

    Example:
        >>> giou_loss([0, 0, 1, 1], [[0, 0, 1, 1], [3, 0, 4, 1]]).numpy().tolist()
        [0.0, 1.5]
    """
    return 1 - giou(y_true, y_pred)


def focal_loss(y_true, logits, alpha: float = 0.25, gamma: float = 2.0) -> tf.Tensor:
    r"""Cross-entropy of K yes/no questions in which what is easy hardly counts.

    $$ \mathrm{FL} = -\alpha_t (1 - p_t)^\gamma \ln p_t $$

    where $p_t$ is the probability of the right answer. An anchor of the background with p = 0.01
    counts 10,000 times less than in cross-entropy, so that 100,000 of them do not drown the few
    that have an object.

    Args:
        y_true: zeros and ones (..., K).
        logits: (..., K).
        alpha: weight of the ones; zeros have 1 - alpha.
        gamma: 0 gives weighted cross-entropy.

    Returns:
        (...), the sum over the classes.

    Reference:
        [lin2017focal].

    Example:
        >>> round(float(focal_loss([1.0], [0.0])), 4)  # 0.25 * 0.5 ** 2 * ln 2
        0.0433
    """
    y_true, logits = tf.convert_to_tensor(y_true), tf.convert_to_tensor(logits)
    p = tf.sigmoid(logits)
    wrong = y_true * (1 - p) + (1 - y_true) * p  # 1 - p_t
    weight = y_true * alpha + (1 - y_true) * (1 - alpha)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(y_true, logits)
    return tf.reduce_sum(weight * wrong**gamma * entropy, axis=-1)


def hard_negatives(losses, labels, ratio: float = 3.0) -> tf.Tensor:
    """Which anchors of the background count: the most costly, `ratio` for each with an object.

    Args:
        losses: (B, A), loss of the classes at each anchor.
        labels: (B, A), -1 for background, -2 for ignored.
        ratio: number of background anchors per anchor with an object. A picture without any object
            keeps `ratio` as if it had one, or nothing would ever be learnt from it.

    Returns:
        bool (B, A). Of equal losses the first anchors count.

    Reference:
        [liu2016ssd], section 2.2.

    Example:
        >>> hard_negatives([[9.0, 1, 5, 3, 7]], [[4, -1, -1, -1, -2]], ratio=2).numpy().tolist()
        [[False, False, True, True, False]]
    """
    labels, background = tf.convert_to_tensor(labels), tf.equal(labels, -1)
    with_object = tf.reduce_sum(tf.cast(labels >= 0, tf.float32), axis=1, keepdims=True)
    losses = tf.where(background, losses, -1.0)
    order = tf.argsort(losses, axis=1, direction="DESCENDING", stable=True)
    rank = tf.cast(tf.argsort(order, axis=1), tf.float32)  # a permutation's inverse
    return background & (rank < ratio * tf.maximum(with_object, 1.0))


def loss_per_object(class_loss, box_loss, labels, counts) -> tf.Tensor:
    r"""A picture's loss: the classes where they count, the boxes of anchors with an object.

    $$ L = \frac{1}{\max(|P|, 1)} \Big( \sum_{a \in N} L_{\text{class}}(a)
           + \sum_{a \in P} L_{\text{box}}(a) \Big) $$

    Args:
        class_loss: (B, A).
        box_loss: (B, A).
        labels: (B, A), at least 0 in P.
        counts: bool (B, A), true in N.

    Returns:
        (B,).

    Example:
        >>> labels = tf.constant([[3, -1, -2]])
        >>> loss_per_object([[1.0, 2, 9]], [[0.5, 9, 9]], labels, labels > -2).numpy().tolist()
        [3.5]
    """
    has_object = tf.convert_to_tensor(labels) >= 0
    total = tf.where(counts, class_loss, 0.0) + tf.where(has_object, box_loss, 0.0)
    number = tf.reduce_sum(tf.cast(has_object, tf.float32), axis=1)
    return tf.reduce_sum(total, axis=1) / tf.maximum(number, 1.0)
