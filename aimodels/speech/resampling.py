"""Another sample rate for the same sound, piece by piece if it is long."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from aimodels.checks import check_positive_int

ZEROS = 48  # zero crossings of the sinc on each side
CUTOFF = 0.95  # of the lower Nyquist frequency: the filter's slope ends where folding begins
BETA = 7.86  # Kaiser's, for 80 dB


def resample(samples: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    r"""The same sound at another rate, free of what the new rate cannot hold.

    Each new sample is a weighted sum of the old ones around its time $t$,

    $$ y(t) = \sum_n x_n\, c\,\mathrm{sinc}(c\,(n - t))\, w(n - t) $$

    with Kaiser's window $w$ and $c$ just below the lower one of both rates, relative to the old
    one. Tones above half the new rate, which would come back as lower ones, are 80 dB down.

    Args:
        samples: $x$, (N,), floats.
        from_rate: their number per second.
        to_rate: the wanted one.

    Returns:
        (ceil(N * to_rate / from_rate),), float32.

    Example:
        >>> resample(np.ones(441), 44100, 16000).shape
        (160,)
    """
    return np.concatenate([*resample_pieces([np.asarray(samples)], from_rate, to_rate)])


def resample_pieces(
    pieces: Iterable[np.ndarray], from_rate: int, to_rate: int
) -> Iterator[np.ndarray]:
    """`resample` of a sound that comes in pieces; what comes out does not depend on the cuts."""
    check_positive_int(from_rate=from_rate, to_rate=to_rate)
    up, down, reach = ratio(from_rate, to_rate)
    if up == down:
        yield from (np.asarray(piece, "float32") for piece in pieces)
        return
    begins, weights = _filters(up, down, reach)
    buffer, taken, given = np.zeros(reach, "float32"), 0, 0
    for piece in pieces:
        taken += len(piece)
        buffer = np.concatenate([buffer, np.asarray(piece, "float32")])
        periods = max(0, len(buffer) - 2 * reach) // down  # of `down` old and `up` new samples
        yield _filtered(buffer, begins, weights, down, periods)
        given += periods * up
        buffer = buffer[periods * down :]
    left = -(-taken * up // down) - given
    periods = -(-left // up)
    buffer = np.pad(buffer, (0, max(0, periods * down + 2 * reach - len(buffer))))
    yield _filtered(buffer, begins, weights, down, periods)[:left]


def ratio(from_rate: int, to_rate: int) -> tuple[int, int, int]:
    """`up` new samples last as long as `down` old ones; how many old ones each side a new one sees.

    Example:
        >>> ratio(44100, 16000)
        (160, 441, 140)
    """
    divisor = math.gcd(from_rate, to_rate)
    up, down = to_rate // divisor, from_rate // divisor
    return up, down, math.ceil(ZEROS * max(1, down / up) / CUTOFF)


def _filters(up: int, down: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """For each new sample of a period, the place before it among the old ones, and weights."""
    ahead = np.arange(up) * down
    begins, fraction = ahead // up, ahead % up / up
    distance = np.arange(1 - reach, reach + 1) - fraction[:, None]  # (up, 2 reach)
    cutoff = CUTOFF * min(1, up / down)
    inside = np.maximum(0, 1 - (distance / reach) ** 2)
    window = np.i0(BETA * np.sqrt(inside)) / np.i0(BETA)
    return begins, (cutoff * np.sinc(cutoff * distance) * window).astype("float32")


def _filtered(buffer, begins, weights, down: int, periods: int) -> np.ndarray:
    """New samples of whole periods; the buffer begins `reach` old samples before the first."""
    new = np.empty((periods, len(begins)), "float32")
    if periods:
        seen = np.lib.stride_tricks.sliding_window_view(buffer[1:], weights.shape[1])
        for column, begin in enumerate(begins):
            new[:, column] = seen[begin::down][:periods] @ weights[column]
    return new.ravel()
