r"""How far rounding alone may take two computations of the same numbers.

A sum of $n$ products, added in another order (another batch, another processor, XLA), moves like
$\sqrt n$ roundings, each of at most $\epsilon/2$ of the numbers added. These may be some times as
large as their sum, hence the factor. A fault moves numbers by parts of their size, which is
thousands of times more.
"""

import math

import keras
import numpy as np
import pytest

FACTOR = 4  # the largest ratio seen without oneDNN was 0.8


def rounding(sums: int, size: float = 1.0, dtype="float32") -> float:
    """The largest difference that is still rounding.

    Args:
        sums: how many products are added up on the way, in all layers together.
        size: of the largest number compared.
        dtype: in which they were computed.

    Example:
        >>> rounding(sums=100, size=2.0) < 2e-5 < rounding(sums=10_000, size=2.0)
        True
    """
    return FACTOR * math.sqrt(sums) * float(np.finfo(dtype).eps) * size


def products(model: keras.Layer) -> int:
    """What one output adds up on its way through every matrix of a model, for `sums`."""
    kernels = [w for w in model.weights if len(w.shape) > 1 and "embedding" not in w.path]
    return 1 + sum(math.prod(kernel.shape[:-1]) for kernel in kernels)


def assert_close(found, wanted, sums: int, dtype=None) -> None:
    """The same numbers but for rounding in `dtype`: if not given, the coarser of both arrays'."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if dtype is None:
        floats = [a.dtype for a in (found, wanted) if a.dtype.kind == "f"]
        dtype = max(floats, key=lambda kind: np.finfo(kind).eps)
    bound = rounding(sums, np.abs(wanted).max(), dtype)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=bound)


# A policy to test with, where its products can be computed: see tests/conftest.py.
BFLOAT16 = pytest.param("mixed_bfloat16", marks=pytest.mark.bfloat16)
