"""Boxes drawn into pictures, into all pictures of a folder, and into films: `aimodels detect`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aimodels import files, pictures
from aimodels.detection import video

PICTURES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
_COLOURS = ["#ff4b3e", "#2f9bff", "#37c871", "#ffb000", "#c264ff", "#00c8c8", "#ff7bbd", "#a3a300"]

Detections = dict[str, np.ndarray]
Detector = Callable[[np.ndarray], Detections]


def draw(image: np.ndarray, found: Detections, names: Sequence[str] = ()) -> np.ndarray:
    """Draw the boxes that a detector found into a copy of the picture.

    Args:
        image: (height, width, 3), bytes.
        found: {"boxes": (N, 4), "confidence": (N,), "labels": (N,)}, boxes in pixels; "keypoints",
            (N, points, 2), are drawn as dots.
        names: names of the labels; a label without one is written as a number.

    Returns:
        (height, width, 3), bytes.

    Example:
        >>> found = {"boxes": [[2, 2, 9, 9]], "confidence": [0.9], "labels": [0]}
        >>> drawn = draw(np.zeros((40, 60, 3), "uint8"), found, ["a cat"])
        >>> drawn.shape, bool(drawn[2:10, 2].any()), bool(drawn[20:, 20:].any())
        ((40, 60, 3), True, False)
    """
    picture = Image.fromarray(image)
    pen, line = ImageDraw.Draw(picture), max(1, round(max(picture.size) / 250))
    font = ImageFont.load_default(max(9, 5 * line))
    points = found.get("keypoints", [()] * len(found["boxes"]))
    for box, score, label, dots in zip(
        found["boxes"], found["confidence"], found["labels"], points, strict=True
    ):
        colour = _COLOURS[int(label) % len(_COLOURS)]
        x_min, y_min, x_max, y_max = (float(number) for number in box)
        if not (x_min <= x_max and y_min <= y_max):
            continue  # turned round, or not numbers: Pillow would raise
        pen.rectangle((x_min, y_min, x_max, y_max), outline=colour, width=line)
        for x, y in dots:
            pen.ellipse((x - line, y - line, x + line, y + line), fill=colour)
        text = f"{name_of(int(label), names)} {score:.2f}"
        height = pen.textbbox((0, 0), text, font)[3] + line
        corner = (max(x_min, 0), y_min - height if y_min >= height else max(y_min, 0))
        pen.rectangle(pen.textbbox(corner, text, font), fill=colour)
        pen.text(corner, text, "black", font)
    return np.array(picture)


def name_of(label: int, names: Sequence[str]) -> str:
    """A label's name, or its number if it has none."""
    return names[label] if 0 <= label < len(names) else str(label)


def load_detector(
    path: str | Path,
    confidence_threshold: float = 0.5,
    pixels: tuple[float, float] = (0, 1),
    names: Sequence[str] = (),
) -> Detector:
    """A saved detector, for pictures of any size.

    A picture is made as large as the detector's own pictures and laid into their left upper corner,
    its sides in proportion, grey if they are; its boxes are scaled back.

    Args:
        path: a detector saved by `model.save("detector.keras")`.
        confidence_threshold: boxes of a lower confidence are left out.
        pixels: what black and white were when it was trained.
        names: names of the classes, in their order, as many as there are; empty if not known.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no saved detector, or has another number of classes.
    """
    import keras

    try:
        model = keras.models.load_model(files.find(path), compile=False)
    except (ValueError, TypeError, KeyError) as error:
        line = str(error).strip().partition("\n")[0]
        raise ValueError(f"{path} is no saved Keras model: {line}") from None
    if not hasattr(model, "detect") or not hasattr(model, "image_shape"):
        kind = type(model).__name__
        raise ValueError(f"{path} holds a {kind}, which is no detector of this package")
    if names and len(names) != model.num_classes:
        raise ValueError(
            f"the detector has {model.num_classes} classes, and {len(names)} names were given: "
            f"{', '.join(names)}. A name with a comma stands in quotes: --names '\"big, red\",blue'"
        )
    height, width, channels = model.image_shape
    low, high = pixels

    def detect(image: np.ndarray) -> Detections:
        picture = Image.fromarray(image).convert("L" if channels == 1 else "RGB")
        scale = min(width / picture.width, height / picture.height)
        size = [max(1, round(n * scale)) for n in picture.size]
        small = np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float32)
        canvas = np.full((1, height, width, channels), low, np.float32)
        canvas[0, : size[1], : size[0]] += np.atleast_3d(small) * ((high - low) / 255)
        found = {name: value[0] for name, value in model.predict_on_batch(canvas).items()}
        chosen = (found["labels"] >= 0) & (found["confidence"] >= confidence_threshold)
        limit = [picture.width, picture.height] * 2
        return {
            "boxes": np.clip(found["boxes"][chosen] / scale, 0, limit),
            "confidence": found["confidence"][chosen],
            "labels": found["labels"][chosen],
        }

    return detect


def sources(source: str | Path, output: str | Path) -> list[Path]:
    """The pictures and films that are meant by a file, or by a folder and its folders.

    Args:
        source: a file or a folder.
        output: where the annotated ones will be; what lies there is no source.

    Raises:
        FileNotFoundError: if there is no such file or folder, or nothing to look at in it.
        ValueError: if the output would lie in the place of the source.
    """
    source, output = Path(source), Path(output)
    if output.is_file():
        raise ValueError(f"the output must be a folder; {output} is a file")
    folder = source if source.is_dir() else source.parent
    if output.resolve() == folder.resolve():
        raise ValueError(
            f"the output must be another folder than {folder}, where the originals are"
        )
    if not source.is_dir():
        return [files.find(source)]
    found = [
        path
        for path in sorted(source.rglob("*"))
        if path.suffix.lower() in PICTURES | video.SUFFIXES
        and not path.name.startswith(".")
        and output.resolve() not in path.resolve().parents
    ]
    if not found:
        raise FileNotFoundError(
            f"no picture or film in {source}: their names end in "
            f"{', '.join(sorted(PICTURES | video.SUFFIXES))}"
        )
    return found


def annotate(path: Path, target: Path, detect: Detector, names: Sequence[str] = ()) -> dict:
    """Detect in one picture, animation or film, and write it with its boxes.

    A film is read, looked at and written frame by frame, however long it is.

    Args:
        path: the file.
        target: the file to write. A JPEG becomes a JPEG, pictures of several frames a GIF, a film
            an MP4, all others a PNG, and where the name ends otherwise, that is put behind it.
        detect: takes a picture, (height, width, 3) in bytes, and gives its detections.
        names: names of the labels.

    Returns:
        What was found, for a JSON file: {"file", "annotated", "width", "height", "frames":
        [{"seconds", "detections": [{"label", "confidence", "box"}]}]}. A still picture has one
        frame.

    Raises:
        FileNotFoundError, ValueError: if the file cannot be read; one sentence.
        ImportError: if it is a film and PyAV is not installed.
    """
    is_film = path.suffix.lower() in video.SUFFIXES
    frames = video.read_video(path) if is_film else pictures.read_frames(path)
    record = {"file": str(path), "annotated": "", "width": 0, "height": 0, "frames": []}

    def drawn() -> Iterator[tuple[np.ndarray, float]]:
        begin = 0.0
        for image, seconds in frames:
            found = detect(image)
            if not record["frames"]:
                record["height"], record["width"] = image.shape[:2]
            row = {"seconds": round(begin, 3), "detections": _rows(found, names)}
            record["frames"].append(row)
            begin += seconds
            yield draw(image, found, names), seconds

    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.half")
    try:
        ending = _write(unfinished, drawn(), path)
        if target.suffix.lower() not in (ending, ending.replace("jpg", "jpeg")):
            target = target.with_name(target.name + ending)
        unfinished.replace(target)
        record["annotated"] = str(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return record


def _write(target: Path, drawn: Iterator, path: Path) -> str:
    """Write the frames of a file, drawn upon; returns the ending of the format's names."""
    ending = path.suffix.lower()
    if ending in video.SUFFIXES:
        video.write_video(target, drawn)
        return ".mp4"
    shown, seconds = zip(*drawn, strict=True)
    first, *others = (Image.fromarray(image) for image in shown)
    if not others:
        is_jpeg = ending in (".jpg", ".jpeg")
        first.save(target, "JPEG" if is_jpeg else "PNG", quality=95)
        return ".jpg" if is_jpeg else ".png"
    if any(other.size != first.size for other in others):
        raise ValueError(f"the frames of {path} differ in size: save each as a file of its own")
    times = [max(20, round(1000 * (second or 0.1))) for second in seconds]  # milliseconds
    first.save(target, "GIF", save_all=True, append_images=others, duration=times, loop=0)
    return ".gif"


def _rows(found: Detections, names: Sequence[str]) -> list[dict]:
    return [
        {
            "label": name_of(int(label), names),
            "confidence": round(float(score), 4),
            "box": [round(float(number), 2) for number in box],
        }
        for box, score, label in zip(
            found["boxes"], found["confidence"], found["labels"], strict=True
        )
    ]
