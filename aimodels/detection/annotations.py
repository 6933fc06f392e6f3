"""Pictures and boxes of your own: a folder of Pascal VOC's XML files, or a COCO file.

Files come from strangers: XML with a document type (the door of entity bombs and of other files) is
refused, a path that leaves the folder too, and nothing is run.
"""

import json
import math
import xml.etree.ElementTree as ElementTree
import xml.parsers.expat
from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np

from aimodels.detection.datasets import Scenes, stacked, usable
from aimodels.files import find, kind_of, read_json

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_ORIENTATION = 0x0112  # the EXIF tag that says how the camera was held
_TURNED = (5, 6, 7, 8)  # its values that exchange width and height


class _Annotation(NamedTuple):
    picture: Path
    size: tuple[int, int] | None  # (width, height) as its file says, if it does
    boxes: list[list[float]]
    names: list[str]


def read_scenes(
    path: str | Path,
    images: str | Path | None = None,
    *,
    image_size: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    keep_ratio: bool = False,
) -> Scenes:
    """Read pictures and boxes that someone drew, for example with LabelImg or CVAT.

    Of VOC's files `NAME.xml` belongs to the picture of the same name, with the ending of any usual
    format. Greyscale pictures get three equal channels, 16 bits are divided by 257 to 8; a picture
    that the camera turned (EXIF) is turned as viewers show it, if its annotation has that size.
    Boxes over the edge are clipped; boxes without a pixel, COCO's crowds, pictures without an
    annotation and annotations without a picture are left out and named in `left_out`.

    Args:
        path: folder with `*.xml`, or a COCO `*.json` file with "images", "annotations" and
            "categories".
        images: folder of the pictures; the annotations' own if None.
        image_size: (height, width) to resize pictures and boxes to; may be None if all pictures
            have one size.
        class_names: the classes in the order of their labels; None for all that occur, sorted.
        keep_ratio: resize both sides of a picture alike and lay it into the left upper corner, on
            black, as `aimodels detect` does; otherwise it is stretched to `image_size`.

    Returns:
        `Scenes`: images uint8 (B, H, W, 3), targets, class names, and what was left out. All
        pictures are held in memory.

    Raises:
        FileNotFoundError: if a file or a folder is missing, or every annotated picture.
        ValueError: if a file is damaged or not what it seems, or a size, a class or a number in it
            makes no sense; it names the file and what is wrong.
        ImportError: if Pillow is not installed.

    Reference:
        [everingham2010] and [lin2014coco] define the two forms.
    """
    path = Path(path)
    pictures = Path(images) if images is not None else path if path.is_dir() else path.parent
    for folder in (pictures, *([path] if path.suffix.lower() != ".json" else [])):
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}")
    left_out: list[str] = []
    if path.is_dir():
        annotations = list(_voc(path, pictures, left_out))
    else:
        annotations = list(_coco(path, pictures, left_out))
    if not annotations:
        raise FileNotFoundError(left_out[-1] if left_out else f"there is no annotation in {path}")
    occurring = {name for annotation in annotations for name in annotation.names}
    names = sorted(occurring) if class_names is None else list(class_names)
    if unknown := sorted(occurring - {*names}):
        raise ValueError(f"{path}: class {unknown[0]!r} is not one of {', '.join(names)}")
    arrays, found = [], []
    for picture, size, boxes, called in annotations:
        arrays.append(_pixels(picture, size))
        labels = [names.index(name) for name in called]
        found.append(usable(boxes, labels, arrays[-1].shape, picture.name, left_out))
    known = {annotation.picture for annotation in annotations}
    left_out += [f"{one.name}: it has no annotation" for one in _of(pictures) if one not in known]
    return Scenes(*stacked(arrays, found, image_size, str(path), keep_ratio), names, left_out)


def _of(folder: Path) -> list[Path]:
    """The pictures in a folder; a name that begins with a dot is the system's own."""
    paths = sorted(folder.iterdir())
    return [p for p in paths if p.suffix.lower() in _PICTURES and not p.name.startswith(".")]


def _voc(folder: Path, pictures: Path, left_out: list[str]) -> Iterable[_Annotation]:
    by_name: dict[str, list[Path]] = {}
    for picture in _of(pictures):
        by_name.setdefault(picture.stem, []).append(picture)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".xml" or path.name.startswith("."):
            continue
        of_that_name = by_name.get(path.stem, [])
        if not of_that_name:
            left_out.append(f"{path.name} describes a picture that is not in {pictures}")
            continue
        root = _parsed(path)
        if len(of_that_name) > 1:
            several = " or ".join(picture.name for picture in of_that_name)
            raise ValueError(f"{path}: is it of {several}? Remove one of them")
        boxes, names = [], []
        for thing in root.findall("object"):
            name = (thing.findtext("name") or "").strip()
            if not name:
                raise ValueError(f"{path}: an object has no name")
            corners = [thing.findtext(f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
            boxes.append(_numbers(path, name, corners))
            names.append(name)
        size = [root.findtext(f"size/{key}") or "0" for key in ("width", "height")]
        yield _Annotation(of_that_name[0], _size(path, size), boxes, names)


def _parsed(path: Path) -> ElementTree.Element:
    """The root of a VOC file; a document type is refused before anything of it is read."""

    def refuse(*_):
        raise ValueError(
            f"{path} has a document type (<!DOCTYPE ...>), which is never read: cut it"
        )

    content = path.read_bytes()
    reader = xml.parsers.expat.ParserCreate()
    reader.StartDoctypeDeclHandler = refuse
    try:
        reader.Parse(content, True)
        root = ElementTree.fromstring(content)
    except (xml.parsers.expat.ExpatError, ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"{path} is no XML: {error}") from None
    if root.tag != "annotation":
        raise ValueError(f"{path} is no annotation of Pascal VOC: it holds <{root.tag}>")
    return root


def _coco(path: Path, pictures: Path, left_out: list[str]) -> Iterable[_Annotation]:
    document = read_json(find(path))
    try:
        categories = {one["id"]: str(one["name"]) for one in document["categories"]}
        found = {one["id"]: (one["file_name"], [], []) for one in document["images"]}
        for one in document["annotations"]:
            name, (file, boxes, names) = categories[one["category_id"]], found[one["image_id"]]
            if one.get("iscrowd"):
                left_out.append(f"{file}: a crowd of class {name!r}")
                continue
            x, y, width, height = _numbers(path, f"annotation {one.get('id')}", one["bbox"])
            boxes.append([x, y, x + width, y + height])
            names.append(name)
        sizes = [(one.get("width") or 0, one.get("height") or 0) for one in document["images"]]
        if len(found) < len(sizes):
            raise KeyError("two images of one id")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no COCO file of boxes: {error!r} in it") from None
    for (file, boxes, names), size in zip(found.values(), sizes, strict=True):
        place = PureWindowsPath(file)  # knows both kinds of slashes
        if place.anchor or ".." in place.parts:
            raise ValueError(f"{path}: the picture {file!r} lies outside of {pictures}")
        picture = pictures.joinpath(*place.parts)
        if not picture.is_file():
            left_out.append(f"{path.name} describes {file!r}, which is not in {pictures}")
            continue
        yield _Annotation(picture, _size(path, size), boxes, names)


def _numbers(path: Path, what: str, values: Any) -> list[float]:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        shown = json.dumps(values, default=str)
        raise ValueError(f"{path}: the box of {what} must be four numbers; got {shown}")
    return numbers


def _size(path: Path, values: Sequence) -> tuple[int, int] | None:
    """(width, height), or None where it is not said: some programs write 0."""
    try:
        width, height = (int(value) for value in values)
    except (TypeError, ValueError):
        raise ValueError(f"{path}: the picture's size must be numbers; got {values}") from None
    return (width, height) if width and height else None


def _pixels(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """A picture in 8 bits and three channels, as its annotation saw it: (height, width, 3)."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ImportError("reading pictures of your own needs Pillow: pip install pillow") from None
    try:
        with Image.open(path) as image:
            image.load()
            turned = image.getexif().get(_ORIENTATION) in _TURNED
            if not (turned and size == image.size and image.width != image.height):
                image = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        with path.open("rb") as file:
            what = kind_of(file.read(512)) or f"no picture, or a damaged one: {error}"
        raise ValueError(f"{path} is {what}") from None
    if size not in (None, image.size):
        raise ValueError(
            f"{path} is {image.width} wide and {image.height} high; its annotation is of a picture "
            f"{size[0]} wide and {size[1]} high"
        )
    if image.mode == "F":
        raise ValueError(f"{path} holds fractions, of unknown range: save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 bits
        pixels = np.asarray(image).astype("int64") // 257
        if pixels.max(initial=0) > 255:
            raise ValueError(f"{path} has more than 16 bits per channel: save it with 8 or 16")
        image = Image.fromarray(pixels.astype("uint8"))
    return np.asarray(image.convert("RGB"))
