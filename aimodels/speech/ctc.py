r"""Connectionist temporal classification: a loss for labels that nobody has put in time.

A network gives logits (T, V + 1) for T frames, of V symbols and of the *blank*, number 0. A path
is a symbol or blank for each frame; it is read by dropping repetitions, then blanks, so
`- a a - a b b` is "aab". A label's probability is the sum over all paths that read as it:

$$ p(y \mid x) = \sum_{\pi:\, \mathcal B(\pi) = y} \prod_t p_t(\pi_t), \qquad
   L = -\ln p(y \mid x) $$

The blank is number 0, as in `keras.losses.CTC` and `torch.nn.CTCLoss`; labels are padded with it.

Here it is by hand, in NumPy and for one utterance; the loss that trains is in `speech.losses`.
"""

import numpy as np

from aimodels.speech.decoding import check_lengths


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
    check_shapes(labels, logits)
    if label_length is None:
        label_length = (labels > 0).sum(axis=1)
    if logit_length is None:
        logit_length = np.full(len(logits), logits.shape[1])
    label_length = check_lengths(label_length, *labels.shape, "label_length")
    logit_length = check_lengths(logit_length, *logits.shape[:2], "logit_length")
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


def check_shapes(labels, logits) -> None:
    """Raise unless they are (B, L) and (B, T, V + 1), arrays or tensors."""
    if len(logits.shape) != 3 or len(labels.shape) != 2 or logits.shape[1] == 0:
        raise ValueError(
            "CTC needs labels of shape (B, L) and logits of shape (B, T, V + 1) with T >= 1; got "
            f"{tuple(labels.shape)} and {tuple(logits.shape)}"
        )
