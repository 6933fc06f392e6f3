"""Data sets with boxes, as arrays that a detector is trained with."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aimodels import data
from aimodels.checks import check_positive_int
from aimodels.detection.truth import pad_truth

# Pictures that are in another split too, nearly the same, and that are left out here.
TWINS = {"bccd": {"BloodImage_00038": "nearly the same as BloodImage_00037 of another split"}}


class Scenes(NamedTuple):
    """Pictures, their boxes, and what was left out.

    Args:
        images: (B, height, width, channels), uint8.
        targets: `{"boxes": (B, M, 4), "labels": (B, M)}`, as `detection.truth` describes it.
        class_names: of the classes 0, 1, ...
        left_out: a sentence for each box or picture that was left out.
    """

    images: np.ndarray
    targets: dict[str, np.ndarray]
    class_names: list[str]
    left_out: list[str]


def load_scenes(
    name: str,
    split: str = "train",
    *,
    image_size: Sequence[int] | None = None,
    data_dir: str | os.PathLike | None = None,
    mirror: str | os.PathLike | None = None,
) -> Scenes:
    """Load a set for object detection: pictures and, for each, boxes and labels.

    Boxes that reach over the picture are clipped. A box of less than one pixel in width or height
    cannot be found by anyone and is left out; so is a picture of `bccd`'s training split of which
    the validation split has a near-twin. `left_out` names each of them.

    Args:
        name: one of `data.catalogue()` that has boxes, such as "bccd".
        split: as in `data.load`.
        image_size: (height, width) to which pictures and boxes are resized; None leaves them,
            which needs pictures that are all of one size.
        data_dir: as in `data.load`.
        mirror: as in `data.load`.

    Raises:
        ValueError: for an unknown name or split, a set without boxes, or pictures of several sizes
            without `image_size`.
        DataError: as in `data.load`.
    """
    features = dict(data.info(name, data_dir=data_dir).features)
    objects = dict(getattr(features.get("objects"), "feature", {}))
    if not {"bbox", "label"} <= {*objects}:
        raise ValueError(f"the data set {name!r} has no boxes: read it with arrays or load")
    names, left_out, images, found = list(objects["label"].names), [], [], []
    examples = data.load(name, split=split, data_dir=data_dir, mirror=mirror)
    for number, example in enumerate(examples.as_numpy_iterator()):
        called = example.get("image/filename", b"").decode().strip() or f"picture {number}"
        if twin := TWINS.get(name, {}).get(called):
            left_out.append(f"{called}: {twin}")
            continue
        height, width = example["image"].shape[:2]
        y_min, x_min, y_max, x_max = np.moveaxis(example["objects"]["bbox"], -1, 0)
        boxes = np.stack([x_min * width, y_min * height, x_max * width, y_max * height], axis=-1)
        labels = example["objects"]["label"]
        images.append(example["image"])
        found.append(usable(boxes, labels, (height, width), called, left_out))
    return Scenes(*stacked(images, found, image_size, name), names, left_out)


def usable(boxes, labels, size: Sequence[int], called: str, left_out: list[str]) -> tuple:
    """Boxes clipped to a picture of (height, width); those below one pixel are left out, and named.

    Example:
        >>> left_out = []
        >>> usable([[-9, 0, 8, 8], [5, 5, 5, 5]], [0, 1], (16, 16), "a.jpg", left_out)
        (array([[0., 0., 8., 8.]], dtype=float32), array([0], dtype=int32))
        >>> left_out
        ['a.jpg: box 1 from (5, 5) to (5, 5) covers no pixel of the picture']
    """
    boxes = np.asarray(boxes, "float32").reshape(-1, 4)
    boxes = np.where(np.abs(boxes - boxes.round()) < 1e-3, boxes.round(), boxes)  # from fractions
    clipped = np.clip(boxes, 0, [size[1], size[0], size[1], size[0]]).astype("float32")
    kept = (clipped[:, 2:] - clipped[:, :2] >= 1 - 1e-3).all(axis=1)
    for number in np.flatnonzero(~kept):
        begin, end = (tuple(float(c) for c in boxes[number, i : i + 2]) for i in (0, 2))
        corners = " to ".join(f"({x:g}, {y:g})" for x, y in (begin, end))
        left_out.append(f"{called}: box {number} from {corners} covers no pixel of the picture")
    return clipped[kept], np.asarray(labels, "int32").reshape(-1)[kept]


def stacked(
    images: list,
    found: list,
    image_size: Sequence[int] | None,
    owner: str,
    keep_ratio: bool = False,
) -> tuple:
    """One array of pictures and one of boxes and labels each, resized if a size is given.

    With `keep_ratio` both sides by one factor, black at the right or below.

    Raises:
        ValueError: if there is no picture, or there are several sizes and none is given.
    """
    if not images:
        raise ValueError(f"{owner}: there is no picture")
    if image_size is None and len({image.shape for image in images}) > 1:
        sizes = sorted({image.shape[:2] for image in images})
        raise ValueError(
            f"{owner}: the pictures have {len(sizes)} sizes, such as {sizes[0]} and {sizes[-1]}: "
            "pass image_size=(height, width)"
        )
    if image_size is None:
        return np.stack(images), pad_truth(*zip(*found, strict=True))
    for length in image_size:
        check_positive_int(image_size=length)
    scaled = []
    resized = np.zeros((len(images), *image_size, images[0].shape[-1]), "uint8")
    for canvas, image, (boxes, labels) in zip(resized, images, found, strict=True):
        factor = np.divide(image_size, image.shape[:2])
        if keep_ratio:
            factor[:] = factor.min()
        scaled.append((boxes * np.tile(factor[::-1], 2), labels))
        height, width = np.maximum(np.rint(factor * image.shape[:2]).astype(int), 1)
        pixels = tf.image.resize(image, (height, width), antialias=True)
        canvas[:height, :width] = np.clip(np.rint(pixels), 0, 255)
    return resized, pad_truth(*zip(*scaled, strict=True))
