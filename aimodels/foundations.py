r"""From a line to a network: models in Keras, and what happens inside them by hand in NumPy.

A NumPy network is a list of parameters `[W1, b1, W2, b2, ...]`, a matrix (inputs, outputs) and a
vector (outputs,) per layer: the order of Keras's `model.get_weights()`. A loss returns its value
and its gradient with respect to the predictions, which is where `backward` starts.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

import keras
import numpy as np

from aimodels.checks import check_positive_int
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class LinearRegression(Model):
    r"""One number for each example, $\hat y = w^\top x + b$: (batch, num_features) -> (batch, 1).

    Args:
        num_features: number of features of one example.
        **kwargs: passed to `train.Model`, such as `name`.

    Raises:
        ValueError: if `num_features` is not an integer >= 1.

    Example:
        >>> LinearRegression(num_features=3).count_params()
        4
    """

    def __init__(self, num_features: int, **kwargs):
        check_positive_int(num_features=num_features)
        inputs = keras.Input((num_features,), name="features")
        super().__init__(inputs, keras.layers.Dense(1)(inputs), **kwargs)


@keras.saving.register_keras_serializable("aimodels")
class LogisticRegression(LinearRegression):
    r"""The same line, read as a logit: $P(y = 1 \mid x) = \sigma(w^\top x + b)$.

    It gives the logit itself, (batch, 1), for `keras.losses.BinaryCrossentropy(from_logits=True)`;
    `sigmoid` makes a probability of it.

    Example:
        >>> model = LogisticRegression(num_features=3)
        >>> sigmoid(model.predict(np.zeros((2, 3)), verbose=0)).ravel()  # b starts at 0
        array([0.5, 0.5], dtype=float32)
    """


@keras.saving.register_keras_serializable("aimodels")
class MLP(Model):
    r"""Multilayer perceptron [rumelhart1986]: dense layers with an activation between them.

    $$ a^0 = x, \qquad a^l = \phi(a^{l-1} W^l + b^l), \qquad \text{logits} = a^{L-1} W^L + b^L $$

    Args:
        num_features: number of features of one example.
        hidden_dims: width of each hidden layer; `()` leaves a linear classifier.
        num_classes: number of classes, and of logits; use a loss with `from_logits=True`.
        activation: activation of the hidden layers, any name that Keras knows.
        kernel_initializer: initializer of every W, any name that Keras knows.
        **kwargs: passed to `train.Model`, such as `name`.

    Raises:
        ValueError: if a size is not an integer >= 1, or `hidden_dims` is not a list.

    Example:
        >>> model = MLP(num_features=64, hidden_dims=(32, 16), num_classes=10)
        >>> [w.shape for w in model.get_weights()]
        [(64, 32), (32,), (32, 16), (16,), (16, 10), (10,)]
    """

    def __init__(
        self,
        num_features: int,
        hidden_dims: Sequence[int],
        num_classes: int,
        activation: str = "relu",
        kernel_initializer: str = "glorot_uniform",
        **kwargs,
    ):
        if np.ndim(hidden_dims) != 1:
            raise ValueError(f"hidden_dims must be a list such as (64,); got {hidden_dims!r}")
        check_positive_int(num_features=num_features, num_classes=num_classes)
        x = inputs = keras.Input((num_features,), name="features")
        for units in hidden_dims:
            check_positive_int(hidden_dims=units)
            x = keras.layers.Dense(units, activation, kernel_initializer=kernel_initializer)(x)
        output = keras.layers.Dense(num_classes, kernel_initializer=kernel_initializer)
        super().__init__(inputs, output(x), **kwargs)


def sigmoid(z: np.ndarray) -> np.ndarray:
    r"""$\sigma(z) = 1 / (1 + e^{-z})$, without overflow at any z.

    Example:
        >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
        array([0. , 0.5, 1. ])
    """
    small = np.exp(-np.abs(z))  # at most 1: the exponent is never positive
    return np.where(np.asarray(z) >= 0, 1, small) / (1 + small)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    r"""$z_c - \log\sum_k e^{z_k}$ along the last axis; the largest z is taken off first.

    Example:
        >>> np.exp(log_softmax(np.array([1e4, 1e4])))  # softmax
        array([0.5, 0.5])
    """
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def mean_squared_error(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[float, np.ndarray]:
    r"""$L = \frac1N\sum_i(\hat y_i - y_i)^2$ and $\partial L/\partial\hat y = \frac2N(\hat y - y)$.

    Raises:
        ValueError: if the two shapes differ.

    Example:
        >>> loss, gradient = mean_squared_error([0.0, 2.0], [1.0, 2.0])
        >>> float(loss), gradient
        (0.5, array([1., 0.]))
    """
    y_true, y_pred = _same_shape(y_true, y_pred)
    error = y_pred - y_true
    return np.mean(error**2), 2 * error / error.size


def binary_cross_entropy(y_true: np.ndarray, logits: np.ndarray) -> tuple[float, np.ndarray]:
    r"""$L = -\frac1N\sum_i\bigl[y_i\log p_i + (1-y_i)\log(1-p_i)\bigr]$, where $p = \sigma(z)$.

    Computed from the logits as $\max(z, 0) - yz + \log(1 + e^{-|z|})$: the same, without overflow.
    The gradient is $\partial L/\partial z = \frac1N(p - y)$.

    Raises:
        ValueError: if the two shapes differ, or a label is not within 0 and 1.

    Example:
        >>> loss, gradient = binary_cross_entropy([1.0, 0.0], [0.0, 0.0])
        >>> round(float(loss), 4), gradient  # ln 2: no idea
        (0.6931, array([-0.25,  0.25]))
    """
    y, z = _same_shape(y_true, logits)
    if y.size and not 0 <= y.min() <= y.max() <= 1:
        raise ValueError(f"labels must lie within 0 and 1; got {y.min()} to {y.max()}")
    loss = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return loss.mean(), (sigmoid(z) - y) / z.size


def cross_entropy(y_true: np.ndarray, logits: np.ndarray) -> tuple[float, np.ndarray]:
    r"""$L = -\frac1N\sum_i \log p_{i,y_i}$, where $p = \mathrm{softmax}(z)$ of logits z, (N, C).

    The labels are class numbers, (N,). $\partial L/\partial z = \frac1N(p - \text{one-hot}(y))$.

    Raises:
        TypeError: if a label is not an integer.
        ValueError: if the shapes do not fit, or a label is not within 0 and C - 1.

    Example:
        >>> loss, gradient = cross_entropy([1], [[0.0, 0.0]])
        >>> round(float(loss), 4), gradient
        (0.6931, array([[ 0.5, -0.5]]))
    """
    y, z = np.asarray(y_true), np.asarray(logits)
    if y.dtype.kind not in "iu":
        raise TypeError(f"labels must be class numbers, integers; got {y.dtype}")
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise ValueError(
            f"labels (N,) and logits (N, C) are needed; got shapes {y.shape} and {z.shape}"
        )
    if y.size and not 0 <= y.min() <= y.max() < z.shape[1]:
        raise ValueError(
            f"{z.shape[1]} logits allow labels 0 to {z.shape[1] - 1}; got {y.min()} to {y.max()}"
        )
    log_p = log_softmax(z)
    return -log_p[np.arange(len(y)), y].mean(), (np.exp(log_p) - np.eye(z.shape[1])[y]) / len(y)


def _same_shape(y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape != y_pred.shape:  # (N,) - (N, 1) would quietly be (N, N)
        raise ValueError(f"shapes differ: {y_true.shape} and {y_pred.shape}; reshape one of them")
    return y_true, y_pred


ACTIVATIONS = {  # name: (phi, and its slope phi'(z) written with a = phi(z))
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(a.dtype)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
}


def initialize(dims: Sequence[int], scale: str | float, seed: int) -> list[np.ndarray]:
    r"""First parameters of a network: W drawn from a normal distribution, b zero.

    Args:
        dims: widths, inputs first: (64, 32, 10) makes two layers.
        scale: standard deviation of W: a number; "glorot" [glorot2010],
            $\sqrt{2/(n_{in}+n_{out})}$; or "he" [he2015], $\sqrt{2/n_{in}}$, for ReLU.
        seed: seed of the random numbers.

    Raises:
        ValueError: if `scale` is another string.

    Example:
        >>> [p.shape for p in initialize((64, 32, 10), "he", seed=0)]
        [(64, 32), (32,), (32, 10), (10,)]
    """
    if isinstance(scale, str) and scale not in ("glorot", "he"):
        raise ValueError(f'scale must be "glorot", "he" or a number; got {scale!r}')
    rng, parameters = np.random.default_rng(seed), []
    for n_in, n_out in pairwise(dims):
        std = {"glorot": np.sqrt(2 / (n_in + n_out)), "he": np.sqrt(2 / n_in)}.get(scale, scale)
        parameters += [rng.normal(0, std, (n_in, n_out)), np.zeros(n_out)]
    return parameters


def forward(parameters: list, x: np.ndarray, activation: str = "relu") -> list[np.ndarray]:
    r"""Forward pass: $z^l = a^{l-1} W^l + b^l$, $a^l = \phi(z^l)$; the last layer has no $\phi$.

    Args:
        parameters: `[W1, b1, W2, b2, ...]`.
        x: (batch, features).
        activation: one of `ACTIVATIONS`.

    Returns:
        $[a^0, \dots, a^L]$: the input first, the predictions last. `backward` needs them all.

    Raises:
        ValueError: if the activation is unknown, or `x` does not fit the first W.

    Example:
        >>> parameters = [np.array([[1.0, -1.0]]), np.zeros(2), np.ones((2, 1)), np.zeros(1)]
        >>> forward(parameters, np.array([[3.0], [-4.0]]))[-1].ravel()  # |x|, from two ReLUs
        array([3., 4.])
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
    if np.ndim(x) != 2 or np.shape(x)[1] != len(parameters[0]):
        raise ValueError(f"x must be (batch, {len(parameters[0])}); got shape {np.shape(x)}")
    phi, _ = ACTIVATIONS[activation]
    a = [np.asarray(x)]
    for W, b in zip(parameters[0::2], parameters[1::2], strict=True):
        z = a[-1] @ W + b
        a.append(phi(z))
    a[-1] = z
    return a


def backward(
    parameters: list, a: list, gradient: np.ndarray, activation: str = "relu"
) -> list[np.ndarray]:
    r"""Backpropagation [rumelhart1986]: the chain rule, from the last layer to the first.

    $$ \delta^L = \frac{\partial L}{\partial z^L}, \quad
       \frac{\partial L}{\partial W^l} = (a^{l-1})^\top\delta^l, \quad
       \frac{\partial L}{\partial b^l} = \sum_i\delta^l_i, \quad
       \delta^{l-1} = \delta^l (W^l)^\top\odot\phi'(z^{l-1}) $$

    Args:
        parameters: `[W1, b1, W2, b2, ...]`.
        a: what `forward` returned.
        gradient: $\delta^L$, the gradient that a loss returned.
        activation: activation that `forward` used.

    Returns:
        The gradient of the loss for each parameter, in the same order and shapes.

    Raises:
        ValueError: if the shape of `gradient` is not that of the predictions.

    Example:
        >>> W, b, x = np.array([[2.0]]), np.zeros(1), np.array([[3.0]])
        >>> backward([W, b], forward([W, b], x), np.array([[1.0]]))
        [array([[3.]]), array([1.])]
    """
    _, slope = ACTIVATIONS[activation]
    _, delta = _same_shape(a[-1], gradient)
    gradients = []
    for layer in reversed(range(len(a) - 1)):
        gradients = [a[layer].T @ delta, delta.sum(axis=0), *gradients]
        delta = (delta @ parameters[2 * layer].T) * slope(a[layer])
    return gradients


def finite_differences(function: Callable, parameters: list, step: float = 1e-5) -> list:
    r"""The gradient without calculus: $(f(\theta + h e_i) - f(\theta - h e_i)) / 2h$ for every $i$.

    Slow, two calls of `function(parameters)` for each number, and so simple that it can judge
    `backward`. `step` is h: too large and the curve bends in between, too small and rounding wins.

    Example:
        >>> finite_differences(lambda p: np.sum(p[0] ** 2), [np.array([1.0, 3.0])])[0].round(6)
        array([2., 6.])
    """
    point = [np.array(p, dtype="float64") for p in parameters]
    gradients = [np.zeros_like(p) for p in point]
    for p, gradient in zip(point, gradients, strict=True):
        for i in np.ndindex(p.shape):
            value = p[i]
            p[i] = value + step
            above = function(point)
            p[i] = value - step
            gradient[i] = (above - function(point)) / (2 * step)
            p[i] = value
    return gradients


class Optimizer:
    """What optimizers share. Each says how far to go in `step(gradient, state)`; `state` is its
    memory for one parameter, a dictionary in which everything starts at 0.
    """

    def __init__(self, learning_rate: float):
        if not learning_rate > 0:
            raise ValueError(f"learning_rate must be positive; got {learning_rate}")
        self.learning_rate, self.iterations = learning_rate, 0
        self.states = defaultdict(lambda: defaultdict(float))

    def apply(self, gradients: list, parameters: list) -> None:
        """One step: changes the parameters, a list of float arrays, in place."""
        shapes = [np.shape(g) for g in gradients], [np.shape(p) for p in parameters]
        if shapes[0] != shapes[1]:
            raise ValueError(f"gradients {shapes[0]} do not fit parameters {shapes[1]}")
        if any(not isinstance(p, np.ndarray) or p.dtype.kind != "f" for p in parameters):
            raise TypeError("parameters are changed in place, so each must be a float array")
        self.iterations += 1
        for i, parameter in enumerate(parameters):
            parameter -= self.step(gradients[i], self.states[i])


class SGD(Optimizer):
    r"""$\theta \leftarrow \theta - \eta g$: gradient descent; stochastic when g is a minibatch's.

    Reference: [robbins1951]

    Example:
        >>> theta = np.array([1.0])
        >>> SGD(learning_rate=0.1).apply([np.array([2.0])], [theta])
        >>> theta
        array([0.8])
    """

    def __init__(self, learning_rate: float = 0.01):
        super().__init__(learning_rate)

    def step(self, gradient, state):
        return self.learning_rate * gradient


class Momentum(Optimizer):
    r"""$v \leftarrow \mu v + \eta g$, $\theta \leftarrow \theta - v$: Keras's SGD with momentum."""

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.9):
        super().__init__(learning_rate)
        self.momentum = momentum

    def step(self, gradient, state):
        state["v"] = self.momentum * state["v"] + self.learning_rate * gradient
        return state["v"]


class RMSprop(Optimizer):
    r"""$v \leftarrow \rho v + (1-\rho)g^2$, $\theta \leftarrow \theta - \eta g/\sqrt{v+\epsilon}$.

    Reference: [tieleman2012]
    """

    def __init__(self, learning_rate: float = 0.001, rho: float = 0.9, epsilon: float = 1e-7):
        super().__init__(learning_rate)
        self.rho, self.epsilon = rho, epsilon

    def step(self, gradient, state):
        state["v"] = self.rho * state["v"] + (1 - self.rho) * gradient**2
        return self.learning_rate * gradient / np.sqrt(state["v"] + self.epsilon)


class Adam(Optimizer):
    r"""Momentum and RMSprop together, corrected for having started at zero.

    $$ m \leftarrow \beta_1 m + (1-\beta_1) g, \quad v \leftarrow \beta_2 v + (1-\beta_2) g^2, \quad
       \theta \leftarrow \theta - \eta\,\frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\,
       \frac{m}{\sqrt v + \epsilon} $$

    That is the paper's efficient form and Keras's; PyTorch puts the same epsilon beside
    $\sqrt{v/(1-\beta_2^t)}$, where it weighs less in the first steps: $\sqrt{1-\beta_2^t}$ times.

    Reference: [kingma2015]
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ):
        super().__init__(learning_rate)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def step(self, gradient, state):
        t = self.iterations
        state["m"] = self.beta_1 * state["m"] + (1 - self.beta_1) * gradient
        state["v"] = self.beta_2 * state["v"] + (1 - self.beta_2) * gradient**2
        rate = self.learning_rate * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return rate * state["m"] / (np.sqrt(state["v"]) + self.epsilon)
