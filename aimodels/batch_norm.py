r"""Batch normalisation in NumPy: what the layer computes, its gradients, its moving averages.

Every channel c, the last axis, is normalised over all m others: the pictures of a batch, and all
places in them. The functions are there to be read: each is its formula.
"""

import numpy as np

from aimodels.checks import check_positive_number, check_rate


def batch_norm(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    epsilon: float = 1e-3,
    mean: np.ndarray | None = None,
    variance: np.ndarray | None = None,
) -> np.ndarray:
    r"""Normalise each channel, then scale and shift it.

    $$ y = \gamma\,\hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} $$

    In training, $\mu$ and $\sigma^2$ are the batch's own: leave `mean` and `variance` out. When the
    model is used, an example must not depend on its neighbours: pass the moving averages.

    Args:
        x: (..., C), such as (B, C) or (B, H, W, C).
        gamma: scale, (C,).
        beta: shift, (C,).
        epsilon: added to the variance, so that a constant channel gives no division by zero.
        mean: (C,), or None for the batch's.
        variance: (C,), or None for the batch's.

    Returns:
        An array like `x`.

    Raises:
        ValueError: if a shape does not fit, if only one of `mean` and `variance` is given, or
            `epsilon` is not above zero.

    Reference:
        [ioffe2015].

    Example:
        >>> x = np.array([[1.0, 10.0], [3.0, 50.0]])  # two examples, two channels
        >>> batch_norm(x, gamma=np.ones(2), beta=np.zeros(2), epsilon=1e-9).round(3)
        array([[-1., -1.],
               [ 1.,  1.]])
        >>> batch_norm(x, np.ones(2), np.zeros(2), 1e-9, mean=[1, 1], variance=[4, 4]).round(3)
        array([[ 0. ,  4.5],
               [ 1. , 24.5]])
    """
    x = _checked(x, epsilon, gamma=gamma, beta=beta)
    if (mean is None) != (variance is None):
        raise ValueError("pass both mean and variance, or neither for the batch's own")
    if mean is None:
        mean, variance = _moments(x)
    else:
        _checked(x, epsilon, mean=mean, variance=variance)
    normalised = (x - mean) / np.sqrt(np.asarray(variance) + epsilon)
    return np.asarray(gamma) * normalised + np.asarray(beta)


def batch_norm_gradients(
    x: np.ndarray, gamma: np.ndarray, dy: np.ndarray, epsilon: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Gradients of a loss with respect to x, gamma and beta, from its gradient `dy`, in training.

    $\mu$ and $\sigma^2$ depend on x too. With $s = \sqrt{\sigma^2 + \epsilon}$ and means over all m
    examples and places:

    $$ \frac{\partial L}{\partial\beta} = \sum dy, \qquad
       \frac{\partial L}{\partial\gamma} = \sum dy\,\hat x, \qquad
       \frac{\partial L}{\partial x} = \frac{\gamma}{s}
       \Bigl(dy - \overline{dy} - \hat x\,\overline{dy\,\hat x}\Bigr) $$

    So whatever shifts or scales a channel as a whole gets no gradient: the layer would undo it.

    Args:
        x: input of the layer, (..., C).
        gamma: scale, (C,).
        dy: gradient of the loss with respect to the output, like `x`.
        epsilon: as for `batch_norm`.

    Returns:
        dx like `x`, dgamma (C,), dbeta (C,).

    Raises:
        ValueError: if a shape does not fit, or `epsilon` is not above zero.

    Reference:
        [ioffe2015], Section 3.

    Example:
        >>> x, dy = np.array([[1.0], [3.0], [5.0]]), np.array([[1.0], [0.0], [0.0]])
        >>> dx, dgamma, dbeta = batch_norm_gradients(x, np.ones(1), dy)
        >>> dbeta, bool(abs(dx.sum()) < 1e-12)  # shifting all of x changes nothing
        (array([1.]), True)
    """
    x, dy = _checked(x, epsilon, gamma=gamma), np.asarray(dy)
    if dy.shape != x.shape:
        raise ValueError(f"dy must have the shape of x, {x.shape}; got {dy.shape}")
    mean, variance = _moments(x)
    s = np.sqrt(variance + epsilon)
    normalised = (x - mean) / s
    examples = tuple(range(x.ndim - 1))
    dgamma, dbeta = (dy * normalised).sum(examples), dy.sum(examples)
    m = x.size // x.shape[-1]
    dx = np.asarray(gamma) / s * (dy - dbeta / m - normalised * dgamma / m)
    return dx, dgamma, dbeta


def update_moving_averages(
    x: np.ndarray,
    moving_mean: np.ndarray,
    moving_variance: np.ndarray,
    momentum: float = 0.99,
) -> tuple[np.ndarray, np.ndarray]:
    r"""The averages after one more batch, for the time when there is no batch.

    $$ \mu_{\text{moving}} \leftarrow \alpha\,\mu_{\text{moving}} + (1 - \alpha)\,\mu $$

    and likewise the variance, with momentum $\alpha$. After n batches $\alpha^n$ of the beginning
    is left: with 0.99 still a third after 100, so a short training wants 0.9.

    Args:
        x: input of the layer, (..., C).
        moving_mean: (C,).
        moving_variance: (C,).
        momentum: in [0, 1).

    Returns:
        The new mean and variance, both (C,).

    Raises:
        ValueError: if a shape does not fit, or `momentum` is not in [0, 1).

    Example:
        >>> update_moving_averages(np.array([[4.0], [6.0]]), np.zeros(1), np.ones(1), momentum=0.9)
        (array([0.5]), array([1.]))
    """
    check_rate(momentum=momentum)
    x = _checked(x, moving_mean=moving_mean, moving_variance=moving_variance)
    mean, variance = _moments(x)
    return (
        momentum * np.asarray(moving_mean) + (1 - momentum) * mean,
        momentum * np.asarray(moving_variance) + (1 - momentum) * variance,
    )


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    examples = tuple(range(x.ndim - 1))
    return x.mean(examples), x.var(examples)


def _checked(x, epsilon: float = 1e-3, **channels) -> np.ndarray:
    """`x` as an array, if everything fits it."""
    x = np.asarray(x)
    if x.ndim < 2 or not x.size:
        raise ValueError(f"x must be (examples, ..., channels), not empty; got shape {x.shape}")
    check_positive_number(epsilon=epsilon)
    for name, values in channels.items():
        if np.shape(values) != x.shape[-1:]:
            raise ValueError(
                f"{name} must be {x.shape[-1:]}, one per channel of x; got {np.shape(values)}"
            )
    return x
