"""Scaling laws: what was planted is found, one bad run does not decide, intervals hold."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from aimodels import scaling_laws as laws
from aimodels.scaling_laws import CHINCHILLA, CHINCHILLA_REFITTED, ScalingLaw, fit

pytestmark = pytest.mark.rests_on_code
SIZES = np.logspace(4, 8, 7)
PLANTED = ScalingLaw(1.7, (30.0,), (0.25,))


def noisy(law, sizes, rng, scatter=0.005):
    return law.loss(*sizes) * np.exp(scatter * rng.normal(size=len(sizes[0])))


def test_a_law_of_one_size_is_found():
    law = fit(PLANTED.loss(SIZES), SIZES, repeats=1).law
    assert law.floor == pytest.approx(1.7, abs=1e-3)
    assert law.scales == pytest.approx(PLANTED.scales, rel=1e-2)
    assert law.exponents == pytest.approx(PLANTED.exponents, rel=1e-3)


def test_a_known_floor_is_kept():
    law = fit(3.45 * SIZES**-0.05, SIZES, floor=0, repeats=1).law
    assert law.floor == 0
    assert law.exponents == pytest.approx((0.05,), rel=1e-6)
    given = fit(PLANTED.loss(SIZES), SIZES, floor=1.7, repeats=1).law
    assert given.floor == pytest.approx(1.7)
    assert given.exponents == pytest.approx((0.25,), rel=1e-6)


def test_chinchillas_law_is_found():
    N, D = map(np.ravel, np.meshgrid(np.logspace(7, 10, 5), np.logspace(9, 12, 5)))
    law = fit(CHINCHILLA.loss(N, D), N, D, repeats=1).law
    assert law.floor == pytest.approx(CHINCHILLA.floor, abs=0.01)
    assert law.exponents == pytest.approx(CHINCHILLA.exponents, rel=0.01)


def test_one_run_that_went_wrong_does_not_decide():
    losses = PLANTED.loss(SIZES)
    losses[3] *= 1.3
    [robust], [squares] = (
        fit(losses, SIZES, huber=huber, repeats=1).law.exponents for huber in (0.01, 1e3)
    )
    assert robust == pytest.approx(0.25, rel=0.1)
    assert abs(squares - 0.25) > 3 * abs(robust - 0.25)


@pytest.mark.slow
@pytest.mark.parametrize("floor", [0, None])
def test_intervals_hold_what_they_say_in_most_of_40_experiments(floor):
    rng = np.random.default_rng(0)
    truth = ScalingLaw(0.0 if floor == 0 else 1.5, (20.0,), (0.3,))
    exponents = losses = 0
    for seed in range(40):
        fitted = fit(noisy(truth, [SIZES], rng), SIZES, floor=floor, repeats=100, seed=seed)
        low, high = fitted.exponent_interval()
        exponents += low <= 0.3 <= high
        low, high = fitted.loss_interval(1e9)
        losses += low <= noisy(truth, [np.array([1e9])], rng)[0] <= high
    assert exponents >= 32
    assert losses >= 32


def test_intervals_grow_with_scatter_and_with_distance(rng):
    quiet, loud = (fit(noisy(PLANTED, [SIZES], rng, s), SIZES) for s in (0.001, 0.01))
    assert np.ptp(quiet.exponent_interval()) < np.ptp(loud.exponent_interval()) / 2
    near, far = np.ptp(loud.loss_interval([1e6, 1e12]), axis=0)
    assert near < far
    narrow, wide = (np.ptp(loud.exponent_interval(confidence=c)) for c in (0.5, 0.99))
    assert narrow < wide


def test_the_same_seed_gives_the_same_interval(rng):
    losses = noisy(PLANTED, [SIZES], rng)
    first, again, other = (fit(losses, SIZES, repeats=20, seed=s) for s in (0, 0, 1))
    assert first.exponent_interval() == again.exponent_interval() != other.exponent_interval()


@pytest.mark.parametrize("law", [CHINCHILLA, CHINCHILLA_REFITTED])
@pytest.mark.parametrize("compute", [1e18, 5.76e23])
def test_compute_optimal_is_the_lowest_point(law, compute):
    found = minimize_scalar(
        lambda log_n: law.loss(np.exp(log_n), compute / 6 / np.exp(log_n)),
        bounds=(np.log(1e5), np.log(1e13)),
        options={"xatol": 1e-9},
    )
    best = law.compute_optimal(compute)
    assert best.parameters == pytest.approx(np.exp(found.x), rel=1e-3)
    assert 6 * best.parameters * best.tokens == pytest.approx(compute)


def test_published_trades():
    """Chinchilla has 70 billion parameters, of 1.4 trillion tokens: the refit gives about that."""
    compute = 6 * 70e9 * 1.4e12
    assert CHINCHILLA_REFITTED.compute_optimal(compute).parameters == pytest.approx(70e9, rel=0.1)
    kaplan = laws.kaplan_optimal(compute)
    assert kaplan.parameters > 5 * CHINCHILLA.compute_optimal(compute).parameters
    assert laws.kaplan_optimal(10 * compute).parameters == pytest.approx(
        10**0.73 * kaplan.parameters
    )
    assert laws.KAPLAN_PARAMETERS.loss(8.8e13) == pytest.approx(1)
    assert laws.KAPLAN_TOKENS.loss(5.4e13) == pytest.approx(1)


@pytest.mark.parametrize(
    ("losses", "sizes", "arguments", "message"),
    [
        ([3, 2, 1], [[1, 2, 3]], {}, "3 points are too few for 3 unknown numbers: at least 4"),
        ([3, 2], [[1, 2]], {"floor": 0}, "2 points are too few for 2"),
        ([4, 3, 2, 1], [[1, 1, 9, 9]], {}, "size 1 takes fewer than 3 values"),
        ([4, 3, 2, 1], [[1, 2, 3]], {}, "each loss needs its sizes"),
        ([4, 3, 2, 1], [[[1], [2], [3], [4]]], {}, "each loss needs its sizes"),
        ([4, 3, 2, 1], [], {}, "at least one size"),
        ([4, 3, 2, np.nan], [[1, 2, 3, 4]], {}, "finite numbers > 0"),
        ([4, 3, 2, 1], [[0, 2, 3, 4]], {}, "finite numbers > 0"),
        ([4, 3, 2, -1], [[1, 2, 3, 4]], {}, "finite numbers > 0"),
        ([1, 2, 3, 4], [[1, 2, 3, 4]], {}, "no power law fits"),
        ([2, 2, 2, 2], [[1, 2, 3, 4]], {}, "no power law fits"),
        ([4, 3, 2, 1], [[1, 2, 3, 4]], {"floor": 1}, "below every loss"),
        ([4, 3, 2, 1], [[1, 2, 3, 4]], {"floor": -1}, "below every loss"),
        ([4, 3, 2, 1], [[1, 2, 3, 4]], {"huber": 0}, "huber must be a number > 0"),
        ([4, 3, 2, 1], [[1, 2, 3, 4]], {"repeats": 0}, "repeats must be an integer >= 1"),
        (range(1, 8), [range(1, 8), range(20, 160, 20)], {}, "always grow together"),
    ],
)
def test_points_that_show_no_law_are_refused(losses, sizes, arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(losses, *sizes, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, (1.0,), (1.0,)), "floor must be a number >= 0"),
        ((float("nan"), (1.0,), (1.0,)), "floor must be a number >= 0"),
        ((0, (0.0,), (1.0,)), "scale must be a number > 0"),
        ((0, (1.0,), (-1.0,)), "exponent must be a number > 0"),
        ((0, (), ()), "one scale and one exponent for each size"),
        ((0, (1.0, 2.0), (1.0,)), "one scale and one exponent for each size"),
    ],
)
def test_laws_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScalingLaw(*arguments)


def test_questions_that_a_law_cannot_answer_are_refused():
    with pytest.raises(ValueError, match="takes 2 sizes; got 1"):
        CHINCHILLA.loss(1e9)
    with pytest.raises(ValueError, match="> 0"):
        PLANTED.loss([1e3, 0])
    with pytest.raises(ValueError, match="a law of two sizes"):
        PLANTED.compute_optimal(1e20)
    for optimal in (CHINCHILLA.compute_optimal, laws.kaplan_optimal):
        with pytest.raises(ValueError, match="compute must be a number > 0"):
            optimal(0)
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        fit(PLANTED.loss(SIZES), SIZES, repeats=1).exponent_interval(confidence=95)
