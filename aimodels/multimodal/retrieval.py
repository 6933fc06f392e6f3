"""How well texts find their pictures: ranks, recall, and how sure the figure is."""

import numpy as np

from aimodels.checks import check_positive_int


def ranks(similarity: np.ndarray) -> np.ndarray:
    """The place of each row's own column among all columns, from 1.

    Equal similarities count half, so a model that answers the same for all is in the middle.

    Args:
        similarity: (N, N), row i the query whose answer is column i.

    Raises:
        ValueError: if it is not square, or not finite.

    Example:
        >>> ranks(np.array([[0.9, 0.1], [0.8, 0.3]])).tolist(), ranks(np.ones((3, 3))).tolist()
        ([1.0, 2.0], [2.0, 2.0, 2.0])
    """
    similarity = np.asarray(similarity, dtype=float)
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"similarity must be (N, N); got {similarity.shape}")
    if not np.isfinite(similarity).all():
        raise ValueError("similarity has values that are NaN or infinite")
    own = np.diag(similarity)[:, None]
    equal = (similarity == own).sum(axis=1) - 1
    return 1 + (similarity > own).sum(axis=1) + equal / 2


def recall(places: np.ndarray, k: int) -> float:
    """Share of the queries whose answer is among the first `k`.

    Example:
        >>> recall(np.array([1, 3, 12]), k=10)
        0.6666666666666666
    """
    check_positive_int(k=k)
    return float((np.asarray(places) <= k).mean())


def bootstrap_interval(
    values: np.ndarray, *, groups=None, confidence: float = 0.95, repeats: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Interval of a mean, from drawing the values anew, with replacement.

    Args:
        values: (N,), one per query, such as `places <= 10`.
        groups: (N,), names of groups whose values depend on each other and are drawn together.
        confidence: how often the interval should hold the mean.
        repeats: number of drawings.
        seed: of the drawings.

    Returns:
        Lower and upper end.

    Raises:
        ValueError: if there are no values, or as many groups as values are missing.

    Reference:
        [efron1979].

    Example:
        >>> low, high = bootstrap_interval(np.arange(100) < 30)
        >>> 0.15 < low < 0.3 < high < 0.45
        True
    """
    values = np.asarray(values, dtype=float)
    groups = np.arange(len(values)) if groups is None else np.asarray(groups)
    if not len(values) or groups.shape != values.shape:
        raise ValueError(f"one group for each value is needed; got {len(groups)}, {len(values)}")
    _, group = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(group, values), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(repeats, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
