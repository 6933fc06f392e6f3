"""Films, frame by frame, by PyAV: `pip install aimodels[video]`. Sound is left out."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from aimodels import files

SUFFIXES = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"}


def _av():
    try:
        import av
    except ImportError:
        raise ImportError("reading films needs PyAV: pip install aimodels[video]") from None
    return av


def read_video(path: str | Path) -> Iterator[tuple[np.ndarray, float]]:
    """The frames of a film, one by one, turned as the camera was held.

    Args:
        path: a film of any kind that FFmpeg reads.

    Yields:
        A frame, (height, width, 3) in bytes, and for how many seconds it is shown.

    Raises:
        ImportError: if PyAV is not installed.
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no film, has no pictures, or is damaged.
    """
    av, path = _av(), files.find(path)
    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise ValueError(f"{path} has no pictures, only sound")
            stream = film.streams.video[0]
            stream.thread_type = "AUTO"
            seconds = float(1 / (stream.average_rate or 25))
            for frame in film.decode(stream):
                picture = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                yield np.ascontiguousarray(picture), seconds
    except av.FFmpegError as error:
        raise ValueError(f"{path} is no film, or damaged: {error.strerror}") from None


def write_video(path: str | Path, frames: Iterable[tuple[np.ndarray, float]]) -> None:
    """Write a film in H.264, readable everywhere.

    Args:
        path: the file to write, such as `film.mp4`.
        frames: frames as `read_video` yields them, all of one size; the first one's time counts
            for all. A row or column is repeated where the format wants an even number of them.

    Raises:
        ImportError: if PyAV is not installed.
        ValueError: if there is no frame.
    """
    av, stream = _av(), None
    with av.open(str(path), "w", format="mp4") as film:
        for picture, seconds in frames:
            height, width = picture.shape[:2]
            picture = np.pad(picture, [(0, height % 2), (0, width % 2), (0, 0)], mode="edge")
            if stream is None:
                rate = Fraction(1 / (seconds or 0.04)).limit_denominator(1001)
                stream = film.add_stream("libx264", rate=rate)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            film.mux(stream.encode(frame))
        if stream is None:
            raise ValueError(f"there is no frame for {path}")
        film.mux(stream.encode())
