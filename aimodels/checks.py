"""Argument checks that constructors share: one message for one mistake, raised early."""

import difflib
import numbers
from collections.abc import Iterable, Sequence

import numpy as np


def check_positive_int(minimum: int = 1, **values: int) -> None:
    """Raise unless every value is an integer of at least `minimum`.

    Args:
        minimum: smallest allowed value.
        **values: arguments to check, by name.

    Raises:
        ValueError: naming the first argument that fails the check.

    Example:
        >>> check_positive_int(units=64, num_layers=0)
        Traceback (most recent call last):
        ...
        ValueError: num_layers must be an integer >= 1; got 0
    """
    for name, value in values.items():
        is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not is_int or value < minimum:
            raise ValueError(f"{name} must be an integer >= {minimum}; got {value!r}")


def check_rate(**values: float) -> None:
    """Raise unless every value is a number in [0, 1), as a dropout rate must be.

    Args:
        **values: arguments to check, by name.

    Raises:
        ValueError: naming the first argument that fails the check.

    Example:
        >>> check_rate(dropout=1.0)
        Traceback (most recent call last):
        ...
        ValueError: dropout must be in [0, 1); got 1.0
    """
    for name, value in values.items():
        if not isinstance(value, numbers.Real) or not 0 <= value < 1:
            raise ValueError(f"{name} must be in [0, 1); got {value!r}")


def check_positive_number(**values: float) -> None:
    """Raise unless every value is a finite number above zero.

    Args:
        **values: arguments to check, by name.

    Raises:
        ValueError: naming the first argument that fails the check.

    Example:
        >>> check_positive_number(width_multiplier=0)
        Traceback (most recent call last):
        ...
        ValueError: width_multiplier must be a number > 0; got 0
    """
    for name, value in values.items():
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a number > 0; got {value!r}")


def check_known(names: Iterable[str], known: Sequence[str], owner: str) -> None:
    """Raise unless every name is an argument of `owner`.

    Args:
        names: names of the arguments given.
        known: names of the arguments that there are.
        owner: name of the class or function.

    Raises:
        TypeError: naming the first one that is not, and the nearest that is.

    Example:
        >>> check_known(["num_head"], ["num_heads", "num_layers"], "GPT")
        Traceback (most recent call last):
        ...
        TypeError: GPT has no argument 'num_head'; did you mean 'num_heads'?
    """
    for name in names:
        if name not in known:
            [near] = difflib.get_close_matches(name, known, n=1) or [""]
            hint = f"did you mean {near!r}?" if near else f"it takes {', '.join(known)}"
            raise TypeError(f"{owner} has no argument {name!r}; {hint}")


def check_one_of(known: Iterable[str], **values: str) -> None:
    """Raise unless every value is one of the known ones.

    Args:
        known: what there is to choose from.
        **values: arguments to check, by name.

    Raises:
        ValueError: naming the first argument that is not, and what there is.

    Example:
        >>> check_one_of(["imagenet", "cifar"], stem="large")
        Traceback (most recent call last):
        ...
        ValueError: stem must be "imagenet" or "cifar"; got 'large'
    """
    for name, value in values.items():
        if not isinstance(value, str) or value not in known:
            choice = " or ".join(f'"{one}"' for one in known)
            raise ValueError(f"{name} must be {choice}; got {value!r}")


def check_image_shape(image_shape: Sequence[int | None], minimum: int = 1) -> None:
    """Raise unless it is (height, width, channels); height and width may be None, for any size.

    Args:
        image_shape: shape of one picture.
        minimum: smallest height and width.

    Raises:
        ValueError: saying what is wrong with it.

    Example:
        >>> check_image_shape((28, 28))
        Traceback (most recent call last):
        ...
        ValueError: image_shape must be (height, width, channels); got (28, 28)
    """
    if np.ndim(image_shape) != 1 or len(image_shape) != 3 or not image_shape[-1]:
        raise ValueError(f"image_shape must be (height, width, channels); got {image_shape!r}")
    for name, size in zip(("height", "width", "channels"), image_shape, strict=True):
        if size is not None:
            smallest = 1 if name == "channels" else minimum
            check_positive_int(minimum=smallest, **{f"{name} of image_shape": size})
