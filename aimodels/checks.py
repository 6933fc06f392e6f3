"""Checks that constructors share: one message for one mistake, raised before anything is built."""

import numpy as np


def check_positive_int(smallest: int = 1, **numbers: int) -> None:
    """Refuse what is no whole number, or too small.

    Args:
        smallest: the least that is allowed.
        **numbers: the arguments, by name.

    Raises:
        ValueError: naming the first one that is wrong.

    Example:
        >>> check_positive_int(units=64, num_layers=0)
        Traceback (most recent call last):
        ...
        ValueError: num_layers must be a whole number from 1 on; got 0
    """
    for name, value in numbers.items():
        if not isinstance(value, (int, np.integer)) or value < smallest:
            raise ValueError(f"{name} must be a whole number from {smallest} on; got {value!r}")
