"""A conditional random field: it judges a sequence of tags as a whole."""

import keras
import tensorflow as tf
from keras import layers, ops

from aimodels.train.keras_internals import set_mask

# Of a path that cannot be; an infinity would make gradients of 0 * inf.
IMPOSSIBLE = -1e9


@keras.saving.register_keras_serializable("aimodels")
class CRF(layers.Layer):
    r"""Scores of each tag after each tag: logits (B, T, K) -> scores (B, T, K, K).

    $$ \mathrm{score}_t(j, k) = A_{jk} + z_{tk}, \qquad
       p(y \mid x) = \frac{1}{Z} \exp \sum_t \mathrm{score}_t(y_{t-1}, y_t) $$

    with learned transitions $A$, and $Z$ the sum over all sequences of tags 1 ... K - 1. Tag 0 is
    padding: no token has it, and as $y_0$ it stands before the first one. So its row of $A$ says
    which tags begin a sentence. `CRFLoss` computes $-\ln p$, and `viterbi` finds the best $y$.

    Args:
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if the shape of the logits is not (B, T, K) with a known K.

    Reference:
        [lample2016].

    Example:
        >>> CRF()(ops.zeros((2, 5, 4))).shape
        TensorShape([2, 5, 4, 4])
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(
                f"CRF needs logits of shape (B, T, K) with a known K; got {tuple(input_shape)}"
            )
        num_tags = input_shape[-1]
        self.transitions = self.add_weight((num_tags, num_tags), "zeros", name="transitions")

    def call(self, logits):
        return logits[:, :, None, :] + self.transitions  # (B, T, K, K)

    def compute_output_shape(self, input_shape):
        return (*input_shape, input_shape[-1])


@keras.saving.register_keras_serializable("aimodels")
class CRFLoss(keras.losses.Loss):
    r"""Minus the logarithm of a CRF's probability of the true tags, by the forward algorithm.

    $$ \alpha_t(k) = \ln \sum_j \exp\bigl(\alpha_{t-1}(j) + \mathrm{score}_t(j, k)\bigr), \qquad
       \ln Z_t = \ln \sum_k \exp \alpha_t(k) $$

    The loss of token t is $\ln Z_t - \ln Z_{t-1} - \mathrm{score}_t(y_{t-1}, y_t)$. Their sum is
    $-\ln p(y \mid x)$, and their mean, over tokens, can be compared with a crossentropy.

    Args:
        reduction: as in `keras.losses.Loss`; the mean is over real tokens.
        name: name of the loss.
        dtype: dtype of the computation, as in `keras.losses.Loss`.

    Call arguments:
        y_true: tags (B, T), 0 at padding; where it is 0 the token is passed over.
        y_pred: scores (B, T, K, K), as `CRF` returns them.

    Raises:
        ValueError: if the scores are not (B, T, K, K).

    Example:
        >>> scores = CRF()(ops.zeros((1, 3, 5)))  # all 4 * 4 sequences are alike
        >>> round(float(CRFLoss()([[1, 2, 0]], scores)), 4)
        1.3863
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "crf_loss", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        tags, scores = ops.cast(y_true, "int32"), _possible(y_pred)
        num_tags = scores.shape[-1]

        def step(before, inputs):
            alpha, previous, _ = before
            score, tag = inputs  # (B, K, K), (B,)
            now = ops.one_hot(tag, num_tags, dtype=scores.dtype)
            chosen = ops.einsum("bjk,bj,bk->b", score, previous, now)
            exists = ops.logical_and(tag >= 0, tag < num_tags)
            chosen = ops.where(exists, chosen, float("nan"))  # as in Keras's crossentropy
            new = ops.logsumexp(alpha[:, :, None] + score, axis=1)
            loss = ops.logsumexp(new, axis=1) - ops.logsumexp(alpha, axis=1) - chosen
            real = ops.not_equal(tag, 0)
            return (
                ops.where(real[:, None], new, alpha),
                ops.where(real[:, None], now, previous),
                ops.where(real, loss, 0.0),
            )

        first = _first(scores)
        start = first, ops.exp(first), ops.zeros_like(first[:, 0])
        losses = tf.scan(step, (_by_time(scores), _by_time(tags)), start)[-1]
        return set_mask(_by_time(losses), ops.not_equal(tags, 0))


def viterbi(scores, mask=None):
    r"""The most probable sequence of tags: the forward algorithm with max in place of the sum.

    $$ \delta_t(k) = \max_j \bigl(\delta_{t-1}(j) + \mathrm{score}_t(j, k)\bigr) $$

    Args:
        scores: (B, T, K, K), as `CRF` returns them.
        mask: (B, T), True at real tokens; None: all are real.

    Returns:
        Tags (B, T), int32: 1 ... K - 1 at real tokens, 0 at the others.

    Raises:
        ValueError: if the scores are not (B, T, K, K).

    Example:
        >>> crf, logits = CRF(), ops.array([[[0.0, 2.5, 1.0], [0.0, 2.0, 1.0]]])
        >>> viterbi(crf(logits)).numpy().tolist()
        [[1, 1]]
        >>> _ = crf.transitions.assign([[0, 0, 0], [0, -9, 0], [0, 0, 0]])  # no 1 after a 1
        >>> viterbi(crf(logits)).numpy().tolist()
        [[1, 2]]
    """
    scores = _possible(scores)
    mask = ops.ones(ops.shape(scores)[:2], "bool") if mask is None else ops.cast(mask, "bool")
    tag_numbers = ops.arange(scores.shape[-1])

    def forward(before, inputs):
        delta, _ = before
        score, real = inputs[0], inputs[1][:, None]
        paths = delta[:, :, None] + score
        best = ops.cast(ops.argmax(paths, axis=1), "int32")  # (B, K): the tag before each tag
        return ops.where(real, ops.max(paths, axis=1), delta), ops.where(real, best, tag_numbers)

    first = _first(scores)
    start = first, ops.zeros_like(first, "int32")
    delta, best = tf.scan(forward, (_by_time(scores), _by_time(mask)), start)  # (T, B, K)
    last = ops.cast(ops.argmax(delta[-1], axis=1), "int32")

    def backward(tag, best):
        return ops.take_along_axis(best, tag[:, None], axis=1)[:, 0]

    before = tf.scan(backward, best, last, reverse=True)  # (T, B): the tag before each token
    tags = ops.concatenate([before[1:], last[None]], axis=0)
    return ops.where(mask, _by_time(tags), 0)


def _possible(scores):
    """The scores in float32, with no way to tag 0."""
    scores = ops.convert_to_tensor(scores)
    if len(scores.shape) != 4 or scores.shape[2] != scores.shape[3]:
        raise ValueError(
            "a CRF's scores have the shape (B, T, K, K): put a `CRF` layer on the logits, or use "
            f"`Tagger(..., crf=True)`; got {tuple(scores.shape)}"
        )
    impossible = ops.equal(ops.arange(scores.shape[-1]), 0)
    return ops.where(impossible, IMPOSSIBLE, ops.cast(scores, _precision(scores)))


def _precision(scores) -> str:
    return "float64" if keras.backend.standardize_dtype(scores.dtype) == "float64" else "float32"


def _first(scores):
    """Before the first token stands tag 0: (B, K)."""
    first = ops.where(ops.equal(ops.arange(scores.shape[-1]), 0), 0.0, IMPOSSIBLE)
    return ops.zeros_like(scores[:, 0, 0]) + ops.cast(first, scores.dtype)


def _by_time(x):
    """(B, T, ...) -> (T, B, ...), and back."""
    return ops.swapaxes(x, 0, 1)
