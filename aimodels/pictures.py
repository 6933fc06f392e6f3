"""Pictures from files, as people have them: turned, transparent, grey, of 16 bits, broken."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from aimodels import files

MAX_PIXELS = 100_000_000  # of one picture, 300 MB as bytes


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture as a viewer shows it.

    Turned as its EXIF data say, transparent parts on white, 16 bits scaled to 8, grey as three
    equal channels; of several frames, the first.

    Args:
        path: a file of any kind that Pillow reads: JPEG, PNG, GIF, WebP, TIFF, BMP, ...

    Returns:
        (height, width, 3), bytes.

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if it is no picture, cut off, or of more than `MAX_PIXELS`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "grey16.png")
        >>> Image.fromarray(np.full((2, 3), 65535, "uint16")).save(path)
        >>> read_picture(path).shape, read_picture(path).max()
        ((2, 3, 3), np.uint8(255))
    """
    with _opened(path) as picture:
        return _as_shown(picture)


def read_folders(folder: str | Path, size: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Pictures of one's own, sorted into one folder per class.

    Each is read by `read_picture` and resized to a square. A file that is no picture is left out
    with a warning; hidden files are left out silently.

    Args:
        folder: holds a folder per class, named after it.
        size: side of the pictures that come out, in pixels.

    Returns:
        Pictures (N, size, size, 3), bytes; the number of each one's class (N,); the classes' names.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there are fewer than two folders, or one without a picture.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name, grey in {"night": 0, "day": 255}.items():
        ...     (folder / name).mkdir()
        ...     Image.new("L", (9, 6), grey).save(folder / name / "1.png")
        >>> pictures, labels, classes = read_folders(folder, size=4)
        >>> pictures.shape, labels.tolist(), classes
        ((2, 4, 4, 3), [0, 1], ['day', 'night'])
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    places = sorted(path for path in folder.glob("[!.]*") if path.is_dir())
    pictures, labels = [], []
    for label, place in enumerate(places):
        for path in sorted(path for path in place.glob("[!.]*") if path.is_file()):
            try:
                picture = Image.fromarray(read_picture(path)).resize((size, size))
            except ValueError as error:
                warnings.warn(f"left out: {error}", stacklevel=2)
                continue
            pictures.append(np.asarray(picture))
            labels.append(label)
    empty = [place.name for label, place in enumerate(places) if label not in labels]
    if len(places) < 2 or empty:
        problem = f"no picture in {', '.join(empty)}" if empty else f"found {len(places)}"
        raise ValueError(
            f"{folder} must hold two or more folders of pictures, one per class: {problem}"
        )
    return np.stack(pictures), np.array(labels), [place.name for place in places]


def decode_picture(content: bytes, max_pixels: int | None = None) -> np.ndarray:
    """As `read_picture`, of the bytes of a file that came some other way.

    Args:
        content: what the file holds.
        max_pixels: largest number of pixels; as many as `read_picture` takes if None.

    Returns:
        (height, width, 3), bytes.

    Raises:
        ValueError: as `read_picture`.

    Example:
        >>> decode_picture(b"GIF87a")
        Traceback (most recent call last):
        ...
        ValueError: the picture is no picture of a known kind
    """
    with _opened(content, max_pixels) as picture:
        return _as_shown(picture)


def read_frames(path: str | Path) -> Iterator[tuple[np.ndarray, float]]:
    """The frames of a picture file, one by one, as `read_picture`; a still picture has one.

    Args:
        path: an animated GIF, WebP or PNG, a TIFF of several pages, or a still picture.

    Yields:
        A frame, (height, width, 3) in bytes, and for how many seconds it is shown; 0 if the file
        does not say.

    Raises:
        FileNotFoundError, ValueError: as `read_picture`.
    """
    with _opened(path) as picture:
        # A telephone's JPEG may have a second picture, for depth or brightness: no frame.
        frames = [picture] if picture.format in ("JPEG", "MPO") else ImageSequence.Iterator(picture)
        for frame in frames:
            seconds = frame.info.get("duration", 0) / 1000
            yield _as_shown(frame.copy()), seconds


@contextmanager
def _opened(source: str | Path | bytes, max_pixels: int | None = None):
    """The open picture; what Pillow raises on the way is one sentence."""
    max_pixels = MAX_PIXELS if max_pixels is None else max_pixels
    if isinstance(source, bytes):
        name, file, beginning = "the picture", io.BytesIO(source), source[:512]
    else:
        name = file = files.find(source)
        with name.open("rb") as opened:
            beginning = opened.read(512)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is below
            picture = Image.open(file)
        with picture:
            if picture.width * picture.height > max_pixels:
                raise Image.DecompressionBombError
            yield picture
    except UnidentifiedImageError:
        what = files.kind_of(beginning) or "no picture of a known kind"
        raise ValueError(f"{name} is {what}") from None
    except Image.DecompressionBombError:
        raise ValueError(
            f"{name} has more than {max_pixels / 1e6:.3g} million pixels: reduce it first"
        ) from None
    except (OSError, SyntaxError, EOFError) as error:  # Pillow's, for damaged files
        raise ValueError(f"{name} is cut off or damaged: copy it again ({error})") from None


def _as_shown(picture: Image.Image) -> np.ndarray:
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits, grey
        grey = np.nan_to_num(np.asarray(picture, np.float64))
        # A picture of 16 bits may come in a wider type; real numbers go from 0 to 1, else to 255.
        full = 1 if grey.max(initial=0) <= 1 and picture.mode == "F" else 255
        if picture.mode.startswith("I"):
            full = max(65535, grey.max(initial=0))
        grey = np.clip(grey * (255 / full), 0, 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return np.array(picture.convert("RGB"))
