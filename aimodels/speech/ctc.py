r"""Connectionist temporal classification: a loss for labels that nobody has put in time.

A network gives logits (T, V + 1) for T frames, of V symbols and of the *blank*, number 0. A path
is a symbol or blank for each frame; it is read by dropping repetitions, then blanks, so
`- a a - a b b` is "aab". A label's probability is the sum over all paths that read as it:

$$ p(y \mid x) = \sum_{\pi:\, \mathcal B(\pi) = y} \prod_t p_t(\pi_t), \qquad
   L = -\ln p(y \mid x) $$

The blank is number 0, as in `keras.losses.CTC` and `torch.nn.CTCLoss`; labels are padded with it.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from aimodels.train.keras_internals import get_mask


def forward(log_p: np.ndarray, label: np.ndarray) -> np.ndarray:
    r"""The forward variables of one utterance: what all beginnings of paths add up to.

    The label, a blank before, between and behind its symbols, is the row of states
    $s = 0 \dots 2L$. A path stays in its state, steps to the next one, or skips a blank between
    two different symbols:

    $$ \alpha_t(s) = p_t(s) \bigl(\alpha_{t-1}(s) + \alpha_{t-1}(s-1)
       + [\text{may skip}]\, \alpha_{t-1}(s-2)\bigr) $$

    Args:
        log_p: logarithms of the probabilities, (T, V + 1).
        label: symbols 1 ... V, (L,).

    Returns:
        Logarithms of alpha, (T, 2 L + 1); the probability of the label is the sum of the last two
        states at the last frame.

    Reference:
        [graves2006ctc], section 4.1.

    Example:
        >>> p = np.array([[0.6, 0.4], [0.5, 0.5]])  # of the blank and of "a"
        >>> np.exp(forward(np.log(p), [1])).round(2)  # "a" is 0.5 + 0.2: -a, aa, and a-
        array([[0.6, 0.4, 0. ],
               [0.3, 0.5, 0.2]])
    """
    states = _states(label)
    emitted = np.asarray(log_p)[:, states]  # (T, S)
    alpha = np.full(emitted.shape, -np.inf)
    alpha[:1, :2] = emitted[:1, :2]
    for t in range(1, len(alpha)):
        alpha[t] = np.logaddexp.reduce(_arrivals(alpha[t - 1], states)) + emitted[t]
    return alpha


def forward_backward(labels, logits, label_length=None, logit_length=None):
    r"""The loss and its gradient, by hand: the backward variables are the forward ones in reverse.

    $$ \frac{\partial L}{\partial z_t(v)} = p_t(v) - \frac{1}{p(y \mid x)}
       \sum_{s:\, y_s = v} \frac{\alpha_t(s)\, \beta_t(s)}{p_t(s)} $$

    What the network says minus what the paths through the label would say.

    Args:
        labels: symbols 1 ... V, (B, L), padded with 0.
        logits: (B, T, V + 1), the blank first.
        label_length: (B,); None: as many symbols as stand before the padding.
        logit_length: frames that count, (B,); None: all.

    Returns:
        Losses (B,), infinite where the label is too long for its frames; and the gradient of their
        sum for the logits, (B, T, V + 1), 0 at padding and where the loss is infinite.

    Raises:
        ValueError: if a shape, a length or a symbol does not fit; it says which.

    Reference:
        [graves2006ctc]; equation 16 is this gradient.

    Example:
        >>> loss, gradient = forward_backward([[1]], np.log([[[0.6, 0.4], [0.5, 0.5]]]))
        >>> np.exp(-loss).round(2), gradient.round(3)[0].tolist()
        (array([0.7]), [[0.171, -0.171], [0.214, -0.214]])
    """
    utterances = _utterances(labels, logits, label_length, logit_length)
    logits = np.asarray(logits)
    losses, gradient = np.zeros(len(logits)), np.zeros(logits.shape)
    for number, (log_p, label) in enumerate(utterances):
        losses[number], gradient[number, : len(log_p)] = _one_utterance(log_p, label)
    return losses, gradient


def _one_utterance(log_p, label):
    if len(log_p) < min_frames(label):
        return np.inf, np.zeros_like(log_p)
    if not len(log_p):  # nothing was said in no time
        return 0.0, log_p
    states = _states(label)
    alpha = forward(log_p, label)
    beta = forward(log_p[::-1], label[::-1])[::-1, ::-1]
    total = np.logaddexp.reduce(alpha[-1, -2:])
    through = np.exp(alpha + beta - log_p[:, states] - total)  # (T, S), each row sums to 1
    occupied = np.zeros_like(log_p)
    np.add.at(occupied.T, states, through.T)
    return -total, np.exp(log_p) - occupied


def align(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    r"""The most probable path through a label: which symbol each frame belongs to.

    The forward algorithm with max in place of the sum, and a way back (Viterbi).

    Args:
        logits: of one utterance without padding, (T, V + 1).
        label: symbols 1 ... V, (L,).

    Returns:
        (T,): the place in the label, 0 ... L - 1, of the symbol that the frame shows, -1 for a
        blank.

    Raises:
        ValueError: if the label is too long for its frames, or a shape or symbol does not fit.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.8, 0.2], [0.1, 0.9]])
        >>> align(np.log(p), [1, 1])
        array([-1,  0,  0, -1,  1])
    """
    [(log_p, label)] = _utterances([label], np.asarray(logits)[None], [len(label)], None)
    needed = min_frames(label)
    if len(log_p) < max(needed, 1):
        raise ValueError(
            f"the label needs at least {needed} frames, one per symbol and one between equal "
            f"neighbours, but the logits have {len(log_p)}"
        )
    states = _states(label)
    emitted = log_p[:, states]
    best = np.full(len(states), -np.inf)
    best[:2] = emitted[0, :2]
    moves = []
    for t in range(1, len(log_p)):
        arrivals = _arrivals(best, states)
        moves.append(arrivals.argmax(axis=0))
        best = arrivals.max(axis=0) + emitted[t]
    last = len(states) - 1 - (len(states) > 1 and best[-2] > best[-1])
    path = [last]
    for move in reversed(moves):
        path.append(path[-1] - move[path[-1]])
    path = np.array(path[::-1])
    return np.where(path % 2, path // 2, -1)


def min_frames(label) -> int:
    """The frames that a label needs: one per symbol, and a blank between equal neighbours.

    Example:
        >>> min_frames([1, 2, 2])
        4
    """
    label = np.asarray(label)
    return int(len(label) + (label[1:] == label[:-1]).sum())


def _states(label) -> np.ndarray:
    """The label with a blank before, between and behind its symbols, (2 L + 1,)."""
    states = np.zeros(2 * len(label) + 1, int)
    states[1::2] = label
    return states


def _arrivals(before: np.ndarray, states: np.ndarray) -> np.ndarray:
    """What comes to each state by staying, by a step and by a skip, in logarithms, (3, S)."""
    arrivals = np.full((3, len(states)), -np.inf)
    arrivals[0] = before
    arrivals[1, 1:] = before[:-1]
    may_skip = (states[2:] != 0) & (states[2:] != states[:-2])
    arrivals[2, 2:] = np.where(may_skip, before[:-2], -np.inf)
    return arrivals


def _utterances(labels, logits, label_length, logit_length):
    """Checked pairs of log-probabilities (T, V + 1) and label (L,), without padding."""
    logits, labels = np.asarray(logits, float), np.asarray(labels)
    _check_shapes(labels, logits)
    if label_length is None:
        label_length = (labels > 0).sum(axis=1)
    if logit_length is None:
        logit_length = np.full(len(logits), logits.shape[1])
    for name, lengths, most in (
        ("label_length", label_length, labels.shape[1]),
        ("logit_length", logit_length, logits.shape[1]),
    ):
        if np.shape(lengths) != (len(logits),) or np.min(lengths) < 0 or np.max(lengths) > most:
            raise ValueError(
                f"{name} must be {len(logits)} integers from 0 to {most}; got {lengths!r}"
            )
    found = []
    for z, label, size, frames in zip(logits, labels, label_length, logit_length, strict=True):
        label = label[:size].astype(int)
        if ((label < 1) | (label >= logits.shape[2])).any():
            raise ValueError(
                f"a label's symbols must be from 1 to {logits.shape[2] - 1}, as 0 is the blank; "
                f"got {label.tolist()}"
            )
        z = z[:frames]
        found.append((z - np.logaddexp.reduce(z, axis=-1, keepdims=True), label))
    return found


def _check_shapes(labels, logits) -> None:
    if len(logits.shape) != 3 or len(labels.shape) != 2 or logits.shape[1] == 0:
        raise ValueError(
            "CTC needs labels of shape (B, L) and logits of shape (B, T, V + 1) with T >= 1; got "
            f"{tuple(labels.shape)} and {tuple(logits.shape)}"
        )


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
    _check_shapes(labels, logits)
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
    rows, last, scale = _scaled_forward(
        tf.concat([emitted, back_emitted], 0),
        tf.concat([states, back_states], 0),
        tf.tile(logit_length, [2]),
    )
    alpha, beta = tf.split(rows, 2)
    beta = tf.reverse_sequence(beta, logit_length, 1)
    beta = tf.reverse_sequence(beta, 2 * label_length + 1, 2)

    batch_size, place = tf.shape(logits)[0], tf.range(tf.shape(states)[1])
    ends = (place == 2 * label_length[:, None]) | (place == 2 * label_length[:, None] - 1)
    last = ops.where(ends, last[:batch_size], -float("inf"))
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
