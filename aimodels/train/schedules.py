"""Learning rates that change from step to step."""

import keras
from keras import ops

from aimodels.checks import check_positive_int


@keras.saving.register_keras_serializable("aimodels")
class InverseSqrtWarmup(keras.optimizers.schedules.LearningRateSchedule):
    r"""The learning rate of [vaswani2017]: it grows for `warmup_steps`, then falls with the root.

    $$ \eta_t = D^{-1/2} \min(t^{-1/2},\; t \cdot w^{-3/2}) $$

    Args:
        hidden_dim: $D$, dimension of the model's token vectors.
        warmup_steps: $w$, number of steps until the highest rate.

    Raises:
        ValueError: if an argument is not an integer >= 1.

    Example:
        >>> rate = InverseSqrtWarmup(hidden_dim=64, warmup_steps=100)
        >>> [round(float(rate(step)), 4) for step in (0, 49, 99, 399)]
        [0.0001, 0.0063, 0.0125, 0.0063]
    """

    def __init__(self, hidden_dim: int, warmup_steps: int):
        check_positive_int(hidden_dim=hidden_dim, warmup_steps=warmup_steps)
        self.hidden_dim, self.warmup_steps = int(hidden_dim), int(warmup_steps)

    def __call__(self, step):
        t = ops.cast(step, "float32") + 1
        return self.hidden_dim**-0.5 * ops.minimum(t**-0.5, t * self.warmup_steps**-1.5)

    def get_config(self) -> dict:
        return {"hidden_dim": self.hidden_dim, "warmup_steps": self.warmup_steps}


def warmup_cosine(
    learning_rate: float,
    total_steps: int,
    warmup_steps: int,
    start_factor: float = 0.0,
    end_factor: float = 0.0,
) -> keras.optimizers.schedules.CosineDecay:
    r"""A learning rate that grows in a straight line, then falls along half a cosine wave.

    $$ \eta_t = \eta \cdot \begin{cases}
       a + (1 - a)\, t / w & t < w \\
       b + (1 - b)\, \tfrac12 \left(1 + \cos \pi \frac{t - w}{n - w}\right) & w \le t \le n
       \end{cases} $$

    Behind step $n$ it stays at $b\,\eta$. All recipes and benchmarks that warm up use it.

    Args:
        learning_rate: $\eta$, the highest rate.
        total_steps: $n$, number of training steps, the warm-up among them.
        warmup_steps: $w$, number of steps until the highest rate.
        start_factor: $a$, the first rate as a part of the highest.
        end_factor: $b$, the last rate as a part of the highest.

    Raises:
        ValueError: if `total_steps` is not an integer >= 1, or `warmup_steps` not one >= 0.

    Example:
        >>> rate = warmup_cosine(0.1, total_steps=300, warmup_steps=100, end_factor=0.5)
        >>> [round(float(rate(step)), 4) for step in (0, 50, 100, 200, 300, 400)]
        [0.0, 0.05, 0.1, 0.075, 0.05, 0.05]
    """
    check_positive_int(total_steps=total_steps)
    check_positive_int(minimum=0, warmup_steps=warmup_steps)
    return keras.optimizers.schedules.CosineDecay(
        start_factor * learning_rate,
        max(total_steps - warmup_steps, 1),  # a trial may end within its warm-up
        end_factor,
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
    )
