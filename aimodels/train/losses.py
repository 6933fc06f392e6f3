"""Losses that Keras does not have."""

import keras
from keras import ops

from aimodels.checks import check_rate
from aimodels.train.keras_internals import set_mask


@keras.saving.register_keras_serializable("aimodels")
class SmoothedCrossentropy(keras.losses.Loss):
    r"""`keras.losses.SparseCategoricalCrossentropy` with label smoothing, which it lacks.

    $$ L = -(1 - \varepsilon) \ln p_y - \frac{\varepsilon}{V} \sum_v \ln p_v $$

    Args:
        from_logits: whether predictions are logits $z$ with $p = \mathrm{softmax}(z)$, or $p$.
        label_smoothing: share $\varepsilon$ of the target spread over all V classes
            [szegedy2016].
        ignore_class: class whose positions count for nothing, such as padding; None: no class.
        reduction: as in `keras.losses.Loss`; the mean is over the positions that count.
        name: name of the loss.
        dtype: dtype of the computation, as in `keras.losses.Loss`.

    Raises:
        ValueError: if `label_smoothing` is not in [0, 1).

    Example:
        >>> import numpy as np
        >>> loss = SmoothedCrossentropy(from_logits=True, label_smoothing=0.1, ignore_class=0)
        >>> round(float(loss(np.array([[1, 0]]), np.zeros((1, 2, 4), "float32"))), 4)
        1.3863
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        ignore_class: int | None = None,
        reduction: str = "sum_over_batch_size",
        name: str = "smoothed_crossentropy",
        dtype=None,
    ):
        check_rate(label_smoothing=label_smoothing)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits, self.label_smoothing = from_logits, float(label_smoothing)
        self.ignore_class = ignore_class

    def call(self, y_true, y_pred):
        y, z = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        if len(y.shape) == len(z.shape) and y.shape[-1] == 1:
            y = ops.squeeze(y, -1)
        if not self.from_logits:
            z = ops.log(ops.clip(z, keras.config.epsilon(), 1.0))
        valid = None if self.ignore_class is None else ops.not_equal(y, self.ignore_class)
        if valid is not None:
            y = ops.where(valid, y, 0)  # a class of its own, such as -1, has no place in z
        log_sum = ops.logsumexp(z, axis=-1)
        right = ops.take_along_axis(z, y[..., None], axis=-1)[..., 0]
        right = ops.where(y >= 0, right, float("nan"))  # -1 would be taken for the last class
        smooth = self.label_smoothing
        loss = log_sum - (1 - smooth) * right - smooth * ops.mean(z, axis=-1)
        if valid is not None:
            loss = set_mask(ops.where(valid, loss, 0.0), valid)
        return loss

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "ignore_class": self.ignore_class,
        }
