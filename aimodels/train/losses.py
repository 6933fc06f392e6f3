"""Losses that Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("aimodels")
class SmoothedCrossentropy(keras.losses.Loss):
    r"""Cross-entropy from logits $z$ (…, V), with a share $\varepsilon$ spread over all classes.

    $$ L = -(1 - \varepsilon) \ln p_y - \frac{\varepsilon}{V} \sum_v \ln p_v, \qquad
       p = \mathrm{softmax}(z) $$

    Args:
        label_smoothing: $\varepsilon$ [szegedy2016].
        ignore_class: labels with this id count for nothing; the mean is over the others.
        **kwargs: of `keras.losses.Loss`.

    Example:
        >>> import numpy as np
        >>> loss = SmoothedCrossentropy(0.1, ignore_class=0)
        >>> round(float(loss(np.array([[1, 0]]), np.zeros((1, 2, 4), "float32"))), 4)
        1.3863
    """

    def __init__(self, label_smoothing: float = 0.1, ignore_class: int | None = 0, **kwargs):
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be from 0 to below 1; got {label_smoothing!r}")
        super().__init__(**{"reduction": "sum_over_batch_size", **kwargs})
        self.label_smoothing, self.ignore_class = label_smoothing, ignore_class

    def call(self, y_true, y_pred):
        y, z = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        log_sum = ops.logsumexp(z, axis=-1)
        right = ops.take_along_axis(z, y[..., None], axis=-1)[..., 0]
        smooth = self.label_smoothing
        loss = log_sum - (1 - smooth) * right - smooth * ops.mean(z, axis=-1)
        if self.ignore_class is not None:
            valid = ops.not_equal(y, self.ignore_class)
            share = ops.mean(ops.cast(valid, "float32"))  # Keras takes the mean over all places
            loss = ops.where(valid, loss, 0.0) / ops.maximum(share, 1e-30)
        return loss

    def get_config(self) -> dict:
        own = {"label_smoothing": self.label_smoothing, "ignore_class": self.ignore_class}
        return {**super().get_config(), **own}
