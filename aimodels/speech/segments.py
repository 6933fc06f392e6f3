"""From a probability for each block of sound to the parts in which someone speaks."""

import itertools
from collections.abc import Iterable

from aimodels.checks import check_positive_int

BLOCK = 512  # samples
SAMPLE_RATE = 16000
HYSTERESIS = 0.15  # speech ends below a lower threshold than it begins at


def speech_segments(
    probabilities: Iterable[float],
    *,
    num_samples: int | None = None,
    threshold: float = 0.5,
    min_speech: float = 0.25,
    min_silence: float = 0.1,
    padding: float = 0.03,
) -> list[tuple[float, float]]:
    """The parts of a recording with speech, by Silero's rule.

    Speech begins with a block whose probability reaches the threshold. It ends with the first block
    below `threshold - 0.15` (but 0.01 at least), once such blocks without one at the threshold
    between them span `min_silence`. A part that is not longer than `min_speech` is left out. Each
    end is moved outwards by `padding`, or to the middle between two parts that are nearer.

    Args:
        probabilities: of speech in blocks of 512 samples at 16 kHz, (T,).
        num_samples: length of the recording; None: whole blocks.
        threshold: between 0 and 1.
        min_speech: in seconds.
        min_silence: in seconds.
        padding: in seconds.

    Returns:
        Begin and end of each part, in seconds.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> speech_segments([0.1] * 10 + [0.9] * 20 + [0.1] * 10, padding=0)
        [(0.32, 0.96)]
    """
    probabilities = [float(p) for p in probabilities]
    if not all(0 <= p <= 1 for p in probabilities):
        raise ValueError("probabilities must lie between 0 and 1")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must lie between 0 and 1, not {threshold}")
    for name, value in (
        ("min_speech", min_speech),
        ("min_silence", min_silence),
        ("padding", padding),
    ):
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name} must be seconds, 0 or more, not {value}")
    if num_samples is None:
        num_samples = len(probabilities) * BLOCK
    else:
        check_positive_int(minimum=0, num_samples=num_samples)
    parts = [
        [begin, min(end, num_samples)]
        for begin, end in _parts(probabilities, threshold, SAMPLE_RATE * min_silence)
        if min(end, num_samples) - begin > SAMPLE_RATE * min_speech
    ]
    _pad(parts, SAMPLE_RATE * padding, num_samples)
    return [(begin / SAMPLE_RATE, end / SAMPLE_RATE) for begin, end in parts]


def _parts(probabilities: list[float], threshold: float, min_silence: float):
    """Begin and end of each part, in samples."""
    begin = silence = None
    for i, p in enumerate(probabilities):
        if p >= threshold:
            begin = i if begin is None else begin
            silence = None
        elif begin is not None and p < max(threshold - HYSTERESIS, 0.01):
            silence = i if silence is None else silence
            if (i - silence) * BLOCK >= min_silence:
                yield begin * BLOCK, silence * BLOCK
                begin = silence = None
    if begin is not None:
        yield begin * BLOCK, len(probabilities) * BLOCK


def _pad(parts: list[list[int]], padding: float, num_samples: int) -> None:
    """Move the ends outwards in place, to the middle where two parts are near."""
    for part, following in itertools.pairwise(parts):
        gap = following[0] - part[1]
        room = gap // 2 if gap < 2 * padding else padding
        part[1] = int(part[1] + room)
        following[0] = int(following[0] - room)
    if parts:
        parts[0][0] = int(max(0, parts[0][0] - padding))
        parts[-1][1] = int(min(num_samples, parts[-1][1] + padding))
