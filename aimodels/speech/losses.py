"""CTC's loss for training: batches of different lengths, as tensors.

The formulas stand in `aimodels.speech.ctc`, which computes them by hand.
"""

import keras
import tensorflow as tf
from keras import ops

from aimodels.speech.ctc import check_shapes
from aimodels.train.keras_internals import get_mask


def ctc_loss(labels, logits, label_length=None, logit_length=None) -> tf.Tensor:
    """`forward_backward` in TensorFlow: for a batch at once, in graphs, under XLA, on any device.

    It computes what `tf.nn.ctc_loss` does, which multiplies by a matrix of all pairs of states at
    each frame and so takes ten times as long on a sentence. Where a label does not fit into its
    frames, that one gives a number near 700, and it takes any number for a symbol.

    Args:
        labels: symbols 1 ... V, (B, L), padded with 0.
        logits: (B, T, V + 1), the blank first.
        label_length: (B,); None: as many symbols as stand before the padding.
        logit_length: frames that count, (B,); None: all.

    Returns:
        Losses (B,), float32, or float64 of such logits. Infinite, with no gradient, where the label
        is too long for its frames; NaN where a symbol is not from 1 to V.

    Raises:
        ValueError: if a shape does not fit.

    Reference:
        [graves2006ctc].

    Example:
        >>> logits = tf.math.log([[[0.6, 0.4], [0.5, 0.5]]] * 3)
        >>> tf.exp(-ctc_loss([[1, 0], [0, 0], [1, 1]], logits)).numpy().round(2)
        array([0.7, 0.3, 0. ], dtype=float32)
    """
    logits = tf.convert_to_tensor(logits)
    if logits.dtype != tf.float64:
        logits = tf.cast(logits, tf.float32)
    labels = tf.cast(labels, tf.int32)
    check_shapes(labels, logits)
    if label_length is None:
        label_length = tf.reduce_sum(tf.cast(labels > 0, tf.int32), axis=1)
    if logit_length is None:
        logit_length = tf.fill(tf.shape(logits)[:1], tf.shape(logits)[1])
    label_length = tf.cast(label_length, tf.int32)
    logit_length = tf.cast(logit_length, tf.int32)
    counts = tf.sequence_mask(label_length, tf.shape(labels)[1])
    is_symbol = (labels > 0) & (labels < tf.shape(logits)[2])
    labels = tf.where(counts & is_symbol, labels, 0)

    @tf.custom_gradient
    def losses_of(logits):
        losses, gradient = _losses_and_gradient(labels, logits, label_length, logit_length)
        return losses, lambda upstream: upstream[:, None, None] * gradient

    valid = tf.reduce_all(is_symbol | ~counts, axis=1)
    return ops.where(valid, losses_of(logits), float("nan"))


def _losses_and_gradient(labels, logits, label_length, logit_length):
    """Both directions in one loop, as the backward variables are the forward ones in reverse."""
    log_p = tf.nn.log_softmax(logits)
    states = _padded_states(labels)
    emitted = tf.gather(log_p, states, axis=2, batch_dims=1)  # (B, T, S)
    back_states = _padded_states(tf.reverse_sequence(labels, label_length, 1))
    back_log_p = tf.reverse_sequence(log_p, logit_length, 1)
    back_emitted = tf.gather(back_log_p, back_states, axis=2, batch_dims=1)
    place, last_state = tf.range(tf.shape(states)[1]), 2 * label_length[:, None]
    emitted, back_emitted = (
        ops.where((place <= last_state)[:, None], part, -float("inf"))
        for part in (emitted, back_emitted)
    )
    rows, last, scale = _scaled_forward(
        tf.concat([emitted, back_emitted], 0),
        tf.concat([states, back_states], 0),
        tf.tile(logit_length, [2]),
    )
    alpha, beta = tf.split(rows, 2)
    beta = tf.reverse_sequence(beta, logit_length, 1)
    beta = tf.reverse_sequence(beta, 2 * label_length + 1, 2)

    batch_size = tf.shape(logits)[0]
    last = ops.where(place >= last_state - 1, last[:batch_size], -float("inf"))
    losses = -scale[:batch_size] - tf.reduce_logsumexp(last, axis=1)

    through = ops.where(emitted > -float("inf"), alpha + beta - emitted, -float("inf"))
    through = tf.exp(through - tf.reduce_logsumexp(through, axis=2, keepdims=True))  # (B, T, S)
    one_hot = tf.one_hot(states, tf.shape(logits)[2], dtype=logits.dtype)
    occupied = tf.matmul(through, one_hot)  # (B, T, V + 1)
    counts = tf.sequence_mask(logit_length, tf.shape(logits)[1])
    counts &= ~tf.math.is_inf(losses)[:, None]
    return losses, ops.where(counts[..., None], tf.exp(log_p) - occupied, 0)


def _padded_states(labels):
    """As `_states`, of a batch: (B, L) -> (B, 2 L + 1)."""
    states = tf.stack([tf.zeros_like(labels), labels], axis=2)
    return tf.pad(tf.reshape(states, tf.shape(labels) * [1, 2]), [[0, 0], [0, 1]])


def _scaled_forward(emitted, states, logit_length):
    """The forward variables of a batch, each frame's divided by their sum, or rounding grows.

    Returns:
        The logarithms of the scaled variables (B, T, S), those at the last real frame (B, S), and
        the logarithm of what they were divided by up to there (B,).
    """
    size = tf.shape(states)[1]

    def behind(row, by, value):
        return tf.pad(row, [[0, 0], [by, 0]], constant_values=value)[:, :size]

    may_skip = (states != 0) & (states != behind(states, 2, 0))

    def step(before, inputs):
        (alpha, scale), (now, real) = before, inputs
        skips = ops.where(may_skip, behind(alpha, 2, -float("inf")), -float("inf"))
        arrivals = tf.stack([alpha, behind(alpha, 1, -float("inf")), skips])
        new = tf.reduce_logsumexp(arrivals, axis=0) + now
        total = tf.reduce_logsumexp(new, axis=1)
        total = ops.where(tf.math.is_inf(total), 0, total)  # where no path leads on
        new = ops.where(real[:, None], new - total[:, None], alpha)
        return new, ops.where(real, scale + total, scale)

    # Before the first frame all paths stand at the blank.
    start = ops.where(tf.range(size) == 0, tf.zeros_like(emitted[:, 0]), -float("inf"))
    real = tf.sequence_mask(logit_length, tf.shape(emitted)[1])
    inputs = tf.transpose(emitted, [1, 0, 2]), tf.transpose(real)
    rows, scales = tf.scan(step, inputs, (start, tf.zeros_like(start[:, 0])))
    return tf.transpose(rows, [1, 0, 2]), rows[-1], scales[-1]


@keras.saving.register_keras_serializable("aimodels")
class CTC(keras.losses.Loss):
    """`keras.losses.CTC` that counts real frames only.

    Keras's own takes every frame of a batch for speech, so that an utterance's loss grows with the
    padding that its neighbours need. This one reads the mask of the model's output, which the
    layers of a model pass on, from `keras.layers.Masking` or from the models of this chapter.

    Args:
        reduction: as in `keras.losses.Loss`; the mean is over utterances.
        name: name of the loss.
        dtype: dtype of the computation, as in `keras.losses.Loss`.

    Call arguments:
        y_true: symbols 1 ... V, (B, L), padded with 0.
        y_pred: logits (B, T, V + 1), the blank first; a tuple of logits and lengths (B,) is taken
            as well.

    The loss is infinite where a label is too long for its frames; such an utterance has no part
    in the gradient.

    Raises:
        ValueError: if a shape does not fit.

    Example:
        >>> logits = tf.math.log([[[0.6, 0.4], [0.5, 0.5], [0.1, 0.9]]])
        >>> round(float(CTC()([[1]], (logits, [2]))), 4)  # -ln 0.7
        0.3567
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "ctc", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        mask = get_mask(y_pred)
        if mask is not None:
            y_pred = _real_frames_first(y_pred, mask)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        logits, lengths = y_pred if isinstance(y_pred, tuple) else (y_pred, None)
        return ctc_loss(y_true, logits, logit_length=lengths)


def _real_frames_first(logits, mask):
    """Padding behind, wherever it was, and the number of real frames."""
    mask = tf.cast(mask, tf.bool)
    order = tf.argsort(tf.cast(~mask, tf.int32), axis=1, stable=True)
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    return tf.gather(logits, order, axis=1, batch_dims=1), lengths
