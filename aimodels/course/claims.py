"""Figures that a run measures: shown to the reader, held to a bound, left out of the comparison.

The digits of a training run differ from machine to machine. So a lesson marks each of them with
`≈`, and `tests/nbval.cfg` makes nbval leave out the digits behind that sign, but no word.
"""

import math
import re

from aimodels import console

_SPEC = re.compile(r"\+?,?(\.\d+)?[efg%]?")


class Measured(float):
    """A measured number: printed or formatted, its digits stand behind `≈`."""

    def __format__(self, spec: str) -> str:
        if not _SPEC.fullmatch(spec):
            raise ValueError(
                f"a measured number is formatted by a precision such as '.2f', without a width: "
                f"its number of digits may differ in the next run; got {spec!r}"
            )
        return f"≈{float(self):{spec}}" if spec else f"≈{_sensible(self)}"

    def __str__(self) -> str:
        return format(self, "")

    __repr__ = __str__


def measured(value: float) -> Measured:
    """Mark a number as measured: its digits are not compared with those of the next run.

    Args:
        value: one number; a NumPy or TensorFlow scalar is one, too.

    Returns:
        A float whose text begins with `≈`, whether printed or formatted with a precision.

    Raises:
        TypeError: the value is not one number.

    Example:
        >>> print(measured(0.98765), f"loss {measured(3.3061):.2f}")
        ≈0.988 loss ≈3.31
    """
    return Measured(_number("a measured number", value))


def claim(
    what: str, value: float, *, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Show a measured number beside its bound, and fail if the bound does not hold.

    Args:
        what: name of the number, such as "test accuracy".
        value: the number that was measured; a NumPy or TensorFlow scalar is one, too.
        at_least: smallest value allowed.
        at_most: largest value allowed. A bound that is itself measured is given as
            `measured(bound)`.

    Raises:
        AssertionError: the value is outside its bounds, or not a number; the message has both.
        TypeError: the value or a bound is not one number.
        ValueError: there is no bound, or the bounds exclude each other.

    Example:
        >>> claim("test accuracy", 0.9911, at_least=0.97)
        test accuracy ≈0.991 (at least 0.97)
    """
    if at_least is None and at_most is None:
        raise ValueError(f"{what}: give at_least or at_most; `measured` shows a number without one")
    number = _number(what, value)
    low = -math.inf if at_least is None else _number(f"{what}: at_least", at_least)
    high = math.inf if at_most is None else _number(f"{what}: at_most", at_most)
    if not low <= high:
        raise ValueError(f"{what}: nothing is at least {low} and at most {high}")
    if at_most is None:
        bound = f"at least {_bound(at_least)}"
    elif at_least is None:
        bound = f"at most {_bound(at_most)}"
    else:
        bound = f"between {_bound(at_least)} and {_bound(at_most)}"
    if not low <= number <= high:  # also where the number is NaN
        raise AssertionError(f"{what} is {number:.6g}, not {bound}")
    console.write(f"{what} {Measured(number)} ({bound})")


def _number(what: str, value: object) -> float:
    if isinstance(value, bool) or type(value).__name__ == "bool":  # NumPy's, too
        raise TypeError(f"{what}: give the number itself, not a comparison; got {value}")
    if shape := tuple(getattr(value, "shape", ())):
        raise TypeError(f"{what}: give one number, such as its mean; got an array of shape {shape}")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        kind = type(value).__name__
        raise TypeError(f"{what}: give one number; got {kind} {value!r}") from error


def _bound(value: float) -> str:
    """A fixed bound stands as the author wrote it."""
    return str(value) if isinstance(value, Measured) else f"{float(value):.12g}"


def _sensible(number: float) -> str:
    """Whole, or three digits that count; a power of ten only where zeros would hide the number."""
    if not math.isfinite(number):
        return str(float(number))
    if number == round(number):
        return f"{float(number):,.0f}"
    decimals = 2 - math.floor(math.log10(abs(number)))
    if decimals > 6:
        return f"{float(number):.2e}"
    return f"{float(number):,.{max(decimals, 0)}f}"
