"""Learning rates that change from step to step."""

import keras
from keras import ops

from aimodels.checks import check_positive_int


@keras.saving.register_keras_serializable("aimodels")
class InverseSqrtWarmup(keras.optimizers.schedules.LearningRateSchedule):
    r"""The learning rate of [vaswani2017]: it grows for `warmup_steps`, then falls with the root.

    $$ \eta_t = D^{-1/2} \min(t^{-1/2},\; t \cdot w^{-3/2}) $$

    Example:
        >>> rate = InverseSqrtWarmup(hidden_dim=64, warmup_steps=100)
        >>> [round(float(rate(step)), 4) for step in (0, 49, 99, 399)]
        [0.0001, 0.0063, 0.0125, 0.0063]
    """

    def __init__(self, hidden_dim: int, warmup_steps: int):
        check_positive_int(hidden_dim=hidden_dim, warmup_steps=warmup_steps)
        self.hidden_dim, self.warmup_steps = hidden_dim, warmup_steps

    def __call__(self, step):
        t = ops.cast(step, "float32") + 1
        return self.hidden_dim**-0.5 * ops.minimum(t**-0.5, t * self.warmup_steps**-1.5)

    def get_config(self) -> dict:
        return {"hidden_dim": self.hidden_dim, "warmup_steps": self.warmup_steps}
