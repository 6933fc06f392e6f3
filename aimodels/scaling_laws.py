r"""How the loss of a model falls with its size and its text: laws, fitted and published.

Sizes N count parameters, D tokens read in training, C floating-point operations: about $6ND$ for a
Transformer, 2 per parameter and token forward and 4 backward [kaplan2020].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from scipy.special import log_softmax, logsumexp

from aimodels.checks import check_positive_int, check_positive_number

STEEPEST = 5.0  # no exponent is looked for beyond it


class Sizes(NamedTuple):
    """What a budget of compute buys: parameters N, and tokens D to train them with."""

    parameters: float
    tokens: float


@dataclass(frozen=True)
class ScalingLaw:
    r"""A loss that falls towards a floor by one power law per size.

    $$ L(x_1, x_2, \dots) = E + \sum_j A_j x_j^{-\alpha_j} $$

    With one size, N or D, this is the form of [kaplan2020], there with $E = 0$; with N and D that
    of [hoffmann2022], $E + A N^{-\alpha} + B D^{-\beta}$.

    Args:
        floor: $E$, the loss that no size goes below.
        scales: $A_j$, one for each size.
        exponents: $\alpha_j$, one for each size.

    Raises:
        ValueError: if a number is out of range, or scales and exponents differ in number.

    Example:
        >>> law = ScalingLaw(floor=1.5, scales=(8.0,), exponents=(0.5,))
        >>> law.loss([64, 16, 256]).tolist()
        [2.5, 3.5, 2.0]
    """

    floor: float
    scales: tuple[float, ...]
    exponents: tuple[float, ...]

    def __post_init__(self):
        if not self.scales or len(self.scales) != len(self.exponents):
            raise ValueError(
                f"a law needs one scale and one exponent for each size; "
                f"got scales={self.scales}, exponents={self.exponents}"
            )
        if not 0 <= self.floor < math.inf:
            raise ValueError(f"floor must be a number >= 0; got {self.floor!r}")
        for scale, exponent in zip(self.scales, self.exponents, strict=True):
            check_positive_number(scale=scale, exponent=exponent)

    def loss(self, *sizes) -> np.ndarray:
        """The loss at these sizes: one number or array for each term, of shapes that broadcast.

        Raises:
            ValueError: if their number is not that of the terms, or one is not positive.
        """
        if len(sizes) != len(self.scales):
            raise ValueError(f"this law takes {len(self.scales)} sizes; got {len(sizes)}")
        terms = zip(self.scales, self.exponents, map(_positive, sizes), strict=True)
        return self.floor + sum(scale * x**-exponent for scale, exponent, x in terms)

    def compute_optimal(self, compute: float) -> Sizes:
        r"""N and D of the lowest loss with $C = 6ND$, for a law of both.

        $$ N = \left( \frac{\alpha A}{\beta B} \right)^{1 / (\alpha + \beta)}
               \left( \frac{C}{6} \right)^{\beta / (\alpha + \beta)}, \qquad D = \frac{C}{6N} $$

        Args:
            compute: C, number of floating-point operations of the training.

        Raises:
            ValueError: if the law is not one of two sizes, or `compute` is not positive.

        Reference:
            [hoffmann2022].

        Example:
            >>> best = CHINCHILLA.compute_optimal(1e21)
            >>> f"{best.parameters:.1e} {best.tokens:.1e}"
            '1.8e+09 9.1e+10'
        """
        check_positive_number(compute=compute)
        if len(self.scales) != 2:
            raise ValueError("compute_optimal needs a law of two sizes, parameters and tokens")
        (A, B), (alpha, beta) = self.scales, self.exponents
        factor = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
        parameters = factor * (compute / 6) ** (beta / (alpha + beta))
        return Sizes(parameters, compute / 6 / parameters)


# Published. Kaplan's N leaves out embeddings; his C is in days of 10^15 operations per second.
KAPLAN_PARAMETERS = ScalingLaw(0.0, (8.8e13**0.076,), (0.076,))  # [kaplan2020], eq. 1.1
KAPLAN_TOKENS = ScalingLaw(0.0, (5.4e13**0.095,), (0.095,))  # eq. 1.2
CHINCHILLA = ScalingLaw(1.69, (406.4, 410.7), (0.34, 0.28))  # [hoffmann2022], third approach
CHINCHILLA_REFITTED = ScalingLaw(1.8172, (482.01, 2085.43), (0.3478, 0.3658))  # [besiroglu2024]


def kaplan_optimal(compute: float) -> Sizes:
    r"""N and D that [kaplan2020] would take: $N = 1.3 \cdot 10^9 \, C^{0.73}$, C in PF-days.

    A PF-day is a day of $10^{15}$ operations per second. D is what the budget leaves,
    $C / 6N$, so that both trades cost the same.

    Args:
        compute: C, number of floating-point operations.

    Raises:
        ValueError: if `compute` is not positive.

    Example:
        >>> f"{kaplan_optimal(1e21).parameters:.1e} {kaplan_optimal(1e21).tokens:.1e}"
        '7.8e+09 2.1e+10'
    """
    check_positive_number(compute=compute)
    parameters = 1.3e9 * (compute / (1e15 * 24 * 3600)) ** 0.73
    return Sizes(parameters, compute / 6 / parameters)


@dataclass(frozen=True)
class Fit:
    """A fitted law, and the same law fitted to `repeats` redrawn sets of points.

    Args:
        law: what was fitted.
        redrawn: laws of the redrawn points.
        noise: one redrawn error of a measured logarithm per redrawn law.
    """

    law: ScalingLaw
    redrawn: tuple[ScalingLaw, ...]
    noise: np.ndarray

    def exponent_interval(self, term: int = 0, confidence: float = 0.95) -> tuple[float, float]:
        """Interval of one exponent, by the bootstrap [efron1979].

        Args:
            term: number of the size, from 0.
            confidence: how often the interval should hold the exponent.
        """
        exponents = np.array([law.exponents[term] for law in self.redrawn])
        return tuple(_quantiles(exponents, confidence).tolist())

    def loss_interval(self, *sizes, confidence: float = 0.95) -> np.ndarray:
        """Interval of a loss that is measured at these sizes, (2, ...): lower and upper ends.

        It holds both kinds of doubt: about the law, and about what one more run would measure.
        It does not hold a third: whether the law goes on beyond the points.
        """
        losses = np.stack([law.loss(*sizes) for law in self.redrawn])
        noise = self.noise.reshape(-1, *[1] * (losses.ndim - 1))
        return _quantiles(losses * np.exp(noise), confidence)


def fit(
    losses: Sequence[float],
    *sizes: Sequence[float],
    floor: float | None = None,
    huber: float = 0.01,
    repeats: int = 200,
    seed: int = 0,
) -> Fit:
    r"""Fit a law to measured losses, with its uncertainty.

    The logarithm of the law is fitted to the logarithms of the losses, from several starts:

    $$ \min \sum_i \operatorname{Huber}_\delta \left( \log \left( E + \sum_j e^{a_j - \alpha_j
       \log x_{ij}} \right) - \log L_i \right) $$

    so that one run that went wrong does not decide. For the uncertainty, the residuals are dealt
    anew to the points of the law, and it is fitted again. With few points their size is itself
    unsure: it is drawn as well, from what $\chi^2$ allows.

    Args:
        losses: (n,), measured on text that no run trained on.
        *sizes: (n,) for each term, such as N, or N and D.
        floor: $E$ where it is known, such as 0; None fits it.
        huber: $\delta$, the residual from which on errors count by their size, no longer by its
            square. [hoffmann2022] take 0.001, for hundreds of runs.
        repeats: number of laws for the intervals.
        seed: of the drawings.

    Raises:
        ValueError: if points are too few, not positive or too alike, or the losses do not fall.

    Reference:
        [hoffmann2022]; the bootstrap [efron1979].

    Example:
        >>> sizes = np.array([1e3, 1e4, 1e5, 1e6, 1e7])
        >>> fitted = fit(1.5 + 20 * sizes**-0.3, sizes)
        >>> round(fitted.law.floor, 3), round(fitted.law.exponents[0], 3)
        (1.5, 0.3)
    """
    check_positive_number(huber=huber)
    check_positive_int(repeats=repeats)
    y, x = np.log(_positive(losses)), [np.log(_positive(size)) for size in sizes]
    unknown = 2 * len(x) + (floor is None)
    _check_points(y, x, unknown)
    if floor is not None and not 0 <= floor < np.exp(y.min()):
        raise ValueError(f"floor must be at least 0 and below every loss; got {floor!r}")
    problem = _Problem(np.stack(x, axis=1), floor, huber)
    best = min((problem.solve(y, start) for start in problem.starts(y)), key=lambda s: s.cost)
    law = problem.law(best.x)
    if min(law.exponents) < 1e-6 or max(law.exponents) > 0.999 * STEEPEST:
        raise ValueError(
            "no power law fits: the losses do not fall steadily as a size grows; "
            "look at them in a picture, and at the runs"
        )
    rng, predicted = np.random.default_rng(seed), problem.log_loss(best.x)
    residuals = y - predicted
    redrawn, noise = [], []
    for _ in range(repeats):
        wider = np.sqrt(len(y) / rng.chisquare(len(y) - unknown))
        drawn = wider * rng.choice(residuals, len(y) + 1) * rng.choice([-1, 1], len(y) + 1)
        redrawn.append(problem.law(problem.solve(predicted + drawn[1:], best.x).x))
        noise.append(drawn[0])
    return Fit(law, tuple(redrawn), np.array(noise))


class _Problem:
    """The law as a function of the vector (log E, a_1, alpha_1, a_2, alpha_2, ...).

    A size counts from the middle of the points, which keeps $a$ and $alpha$ apart.
    """

    def __init__(self, log_sizes, floor, huber):
        self.middle = log_sizes.mean(axis=0)
        self.x = log_sizes - self.middle
        self.huber = huber
        self.fixed = None if floor is None else (math.log(floor) if floor else -np.inf)

    def terms(self, theta):
        """Logarithms of E and of each power law, (n, 1 + sizes)."""
        floor = theta[0] if self.fixed is None else self.fixed
        a, alpha = theta[-2 * self.x.shape[1] :].reshape(-1, 2).T
        return np.concatenate([np.full((len(self.x), 1), floor), a - alpha * self.x], axis=1)

    def log_loss(self, theta):
        return logsumexp(self.terms(theta), axis=1)

    def gradient(self, theta):
        """Of `log_loss`, (n, parameters): the share of each term is its weight."""
        share = np.exp(log_softmax(self.terms(theta), axis=1))
        powers = np.stack([share[:, 1:], -share[:, 1:] * self.x], axis=2).reshape(len(self.x), -1)
        return powers if self.fixed is not None else np.hstack([share[:, :1], powers])

    def starts(self, y):
        """From a floor far below the losses to one close to them, from flat to steep."""
        for near in (0.3, 0.7, 0.95):
            for alpha in (0.05, 0.2, 0.5, 1.0):
                a = y.mean() + np.log((1 - near) / self.x.shape[1])
                powers = [a, alpha] * self.x.shape[1]
                yield np.array(
                    powers if self.fixed is not None else [y.min() + np.log(near), *powers]
                )

    def solve(self, y, start):
        count = self.x.shape[1]
        low, high = [-np.inf, 0.0] * count, [np.inf, STEEPEST] * count
        if self.fixed is None:
            low, high = [-30.0, *low], [y.min(), *high]
        return least_squares(
            lambda theta: self.log_loss(theta) - y,
            np.clip(start, np.array(low) + 1e-9, np.array(high) - 1e-9),
            self.gradient,
            bounds=(low, high),
            loss="huber",
            f_scale=self.huber,
            x_scale="jac",
        )

    def law(self, theta):
        terms = theta[-2 * self.x.shape[1] :].reshape(-1, 2)
        scales = np.exp(terms[:, 0] + terms[:, 1] * self.middle)
        floor = np.exp(theta[0] if self.fixed is None else self.fixed)
        exponents = np.maximum(terms[:, 1], 1e-12)
        return ScalingLaw(float(floor), tuple(scales.tolist()), tuple(exponents.tolist()))


def _positive(values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"losses and sizes must be finite numbers > 0; got {values.tolist()}")
    return values


def _check_points(y, x, unknown):
    if not x:
        raise ValueError("give the losses and at least one size, such as the parameters")
    shapes = [np.shape(values) for values in (y, *x)]
    if y.ndim != 1 or len(set(shapes)) > 1:
        raise ValueError(f"each loss needs its sizes, as lists of one length; got shapes {shapes}")
    if len(y) <= unknown:
        raise ValueError(
            f"{len(y)} points are too few for {unknown} unknown numbers: at least {unknown + 1} "
            f"are needed, to see how well the law fits"
        )
    for number, size in enumerate(x):
        if len(np.unique(size)) < 3:
            raise ValueError(f"size {number + 1} takes fewer than 3 values: no curve can be seen")
    if np.linalg.matrix_rank(np.stack([np.ones(len(y)), *x], axis=1), tol=1e-6) <= len(x):
        raise ValueError("the sizes always grow together: vary one while the other stays")


def _quantiles(values, confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence!r}")
    return np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
