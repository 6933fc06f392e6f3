"""Sound from files, as people have it: stereo, of any rate and depth, hours long, broken."""

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aimodels import files
from aimodels.checks import check_positive_int, check_positive_number
from aimodels.speech.resampling import ratio, resample_pieces

MAX_HOURS = 2  # that `read` takes into memory at once: 460 MB at 16 kHz
RATES = (1_000, 768_000)  # samples per second that a file may state
LOUDEST = 16.0  # a file of floats may go beyond 1 a little, and is clipped; not 32768
WRITTEN = ("WAV", "FLAC", "OGG", "MP3")
READ_AT_ONCE = 1 << 18  # samples


class AudioError(ValueError):
    """A file that is no sound, damaged or empty, or samples that are none."""


def read(
    path: str | Path,
    sample_rate: int = 16000,
    *,
    start: float = 0.0,
    duration: float | None = None,
) -> np.ndarray:
    """Read a recording as one channel at the wanted rate.

    Several channels are averaged, other rates resampled (see `resample`), floats beyond 1 clipped.

    Args:
        path: a file of any kind that libsndfile reads: WAV, FLAC, OGG, MP3, AIFF, ...
        sample_rate: samples per second of what is returned.
        start: where to begin, in seconds.
        duration: how many seconds; None, or more than there are, for all until the end.

    Returns:
        (N,), float32 in [-1, 1].

    Raises:
        ImportError: if `soundfile` is not installed.
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        AudioError: if it is no sound, damaged, empty, or longer than `MAX_HOURS`; if samples are
            not numbers; if it ends before `start`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "tone.wav")
        >>> write(path, np.sin(np.arange(44100) / 10), sample_rate=44100)
        >>> read(path).shape, read(path, sample_rate=8000, start=0.5).shape
        ((16000,), (4000,))
    """
    _check_part(sample_rate, start, duration)
    with _opened(path) as file:
        seconds = file.frames / file.samplerate - start
        if min(seconds, math.inf if duration is None else duration) > MAX_HOURS * 3600:
            raise AudioError(
                f"{path} lasts {file.frames / file.samplerate / 3600:.1f} hours, and at most "
                f"{MAX_HOURS} are read at once: read a part, with start= and duration=, or all "
                "piece by piece with `blocks`"
            )
        return np.concatenate([*_resampled(file, path, sample_rate, start, duration)])


def blocks(
    path: str | Path,
    sample_rate: int = 16000,
    seconds: float = 30.0,
    *,
    start: float = 0.0,
    duration: float | None = None,
) -> Iterator[np.ndarray]:
    """A recording of any length, piece by piece; in a row, the pieces are what `read` returns.

    Args:
        path: as for `read`.
        sample_rate: as for `read`.
        seconds: of each piece; the last one may be shorter.
        start: as for `read`.
        duration: as for `read`.

    Returns:
        An iterator over (N,) float32; at each time only one piece is in memory.

    Raises:
        ImportError, FileNotFoundError, AudioError: as `read`, but for the length.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "tone.wav")
        >>> write(path, np.sin(np.arange(20000) / 10), sample_rate=16000)
        >>> [len(block) for block in blocks(path, 16000, seconds=0.5)]
        [8000, 8000, 4000]
    """
    _check_part(sample_rate, start, duration)
    check_positive_number(seconds=seconds)
    with _opened(path):
        pass  # a file that is no sound raises here, not when the first piece is asked for
    return _blocks(path, sample_rate, max(1, round(seconds * sample_rate)), start, duration)


def write(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write a recording, whole or not at all; the name's end says of which kind.

    Args:
        path: such as `hello.wav`, `.flac`, `.ogg` or `.mp3`; WAV and FLAC have 16 bits.
        samples: (N,), floats in [-1, 1].
        sample_rate: samples per second.

    Raises:
        ImportError: if `soundfile` is not installed.
        AudioError: if the samples are no such floats, or there are none; if the kind is not known,
            or does not know this sample rate.
    """
    soundfile, path = _soundfile(), Path(path)
    check_positive_int(sample_rate=sample_rate)
    samples = np.asarray(samples)
    if samples.ndim != 1 or not samples.size or samples.dtype.kind != "f":
        raise AudioError(
            "samples must be one or more floats, (N,); got "
            f"{samples.dtype.name} of shape {samples.shape}"
        )
    if not np.isfinite(samples).all():
        raise AudioError(f"sample {np.argmin(np.isfinite(samples))} is not a number")
    peak = float(np.abs(samples).max())
    if peak > 1:
        raise AudioError(f"samples must lie in [-1, 1]; they reach {peak:.4g}: divide them by that")
    kind = path.suffix.removeprefix(".").upper()
    if kind not in WRITTEN:
        raise AudioError(f"{path}: the name must end in .wav, .flac, .ogg or .mp3")
    encoded = io.BytesIO()
    try:
        soundfile.write(encoded, samples.astype("float32"), sample_rate, format=kind)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise AudioError(
            f"{kind} of {sample_rate} samples per second cannot be written: use .wav ({error})"
        ) from None
    files.write_bytes(path, encoded.getvalue())


def _soundfile():
    try:
        import soundfile
    except ImportError:
        raise ImportError("reading sound needs soundfile: pip install aimodels[speech]") from None
    return soundfile


def _check_part(sample_rate: int, start: float, duration: float | None) -> None:
    check_positive_int(sample_rate=sample_rate)
    if not 0 <= start < math.inf:
        raise ValueError(f"start must be a number of seconds >= 0; got {start!r}")
    if duration is not None:
        check_positive_number(duration=duration)


@contextmanager
def _opened(path: str | Path):
    """The open file; what libsndfile raises on the way is one sentence."""
    soundfile, path = _soundfile(), files.find(path)
    with path.open("rb") as file:
        beginning = file.read(512)
    try:
        with soundfile.SoundFile(path) as file:
            if not RATES[0] <= file.samplerate <= RATES[1]:
                raise AudioError(
                    f"{path} states {file.samplerate} samples per second: the file is damaged"
                )
            yield file
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: named .raw
        raise AudioError(f"{path} is {_kind_of(path, beginning, error)}") from None


# How files begin that hold sound but are of no kind that libsndfile reads.
_UNREAD = [
    (rb"(?s)....ftyp", "an MPEG-4 file (m4a, mp4, mov)"),
    (rb"\x1aE\xdf\xa3", "a WebM or Matroska file"),
    (rb"0&\xb2u", "a Windows Media file"),
    (rb"#!AMR", "an AMR file"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "an AAC file"),
    (rb"FLV", "a Flash film"),
]
_READ = rb"RIFF|RIFX|RF64|riff|fLaC|OggS|ID3|\xff[\xe2-\xff]|FORM|caff|\.snd"


def _kind_of(path: Path, beginning: bytes, error: Exception) -> str:
    """What a file is that could not be read as sound, and what to do."""
    for pattern, what in _UNREAD:
        if re.match(pattern, beginning):
            converted = path.with_suffix(".wav").name
            if converted == path.name:
                converted = f"{path.stem}-converted.wav"
            return f'{what}, which is not read: convert it, `ffmpeg -i "{path.name}" "{converted}"`'
    if what := files.kind_of(beginning):
        return what
    if re.match(_READ, beginning):
        return f"cut off or damaged: copy it again ({error})"
    try:
        text = beginning.decode("utf-8", errors="strict" if len(beginning) < 512 else "ignore")
    except UnicodeDecodeError:
        text = ""
    if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() and text:
        return "text, not sound"
    return "no sound of a kind that is read: WAV, FLAC, OGG, MP3, AIFF and their like"


def _mono(file, path) -> Iterator[np.ndarray]:
    """What is left of a file, piece by piece, as one channel that lies in [-1, 1]."""
    while len(frames := file.read(READ_AT_ONCE, dtype="float32", always_2d=True)):
        begin = file.tell() - len(frames)
        if not np.isfinite(frames).all():
            place = begin + int(np.argmin(np.isfinite(frames).all(axis=1)))
            raise AudioError(
                f"{path}: sample {place}, at {place / file.samplerate:.2f} s, is not a number: "
                "export the recording again"
            )
        if (peak := float(np.abs(frames).max())) > LOUDEST:
            raise AudioError(
                f"{path} holds floats up to {peak:.4g}, but sound lies in [-1, 1]: divide it by "
                "the largest number possible where it comes from, such as 32768"
            )
        yield np.clip(frames.mean(axis=1), -1, 1)
    promised = re.search(r"(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", file.extra_info)
    # A program that writes to a pipe does not know the length, and states the largest there is.
    cut = promised and int(promised[2]) < int(promised[1]) < 0x7FFF0000
    if cut or file.tell() < file.frames:
        warnings.warn(
            f"{path} is cut off: its beginning promises more than the "
            f"{file.tell() / file.samplerate:.2f} s that are there",
            stacklevel=2,
        )


def _resampled(file, path, sample_rate: int, start: float, duration) -> Iterator[np.ndarray]:
    """The wanted part of an open file, piece by piece."""
    up, down, reach = ratio(file.samplerate, sample_rate)
    first = round(start * sample_rate)
    # Whole periods are skipped, and enough of them read that the part is as the whole would be.
    skipped = max(0, first // up - -(-reach // down))
    left = math.inf if duration is None else max(1, round(duration * sample_rate))
    if skipped * down < file.frames:
        file.seek(skipped * down)
        drop, found = first - skipped * up, False
        for piece in resample_pieces(_mono(file, path), file.samplerate, sample_rate):
            part = piece[drop:][: min(left, len(piece))]
            drop, left = max(0, drop - len(piece)), left - len(part)
            if len(part):
                found = True
                yield np.clip(part, -1, 1)  # the filter may overshoot a little
            if not left:
                return
        if found:
            return
    if not file.frames:
        raise AudioError(f"{path} has no samples: record it again")
    raise AudioError(
        f"{path} ends after {file.frames / file.samplerate:.2f} s, before start={start}"
    )


def _blocks(path, sample_rate: int, size: int, start: float, duration) -> Iterator[np.ndarray]:
    with _opened(path) as file:
        buffer = np.zeros(0, "float32")
        for piece in _resampled(file, path, sample_rate, start, duration):
            buffer = np.concatenate([buffer, piece])
            while len(buffer) >= size:
                yield buffer[:size]
                buffer = buffer[size:]
        if len(buffer):
            yield buffer
