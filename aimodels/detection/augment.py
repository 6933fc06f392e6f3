"""Pictures seen otherwise, their boxes with them: flipped, from nearer or farther, in other light.

Functions of one picture (H, W, C) and its truth, `boxes` (M, 4) and `labels` (M,), for
`tf.data.Dataset.map`. The same seed, two integers, gives the same picture.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from aimodels.detection.boxes import area, clip


def flip_left_right(image, truth: Mapping) -> tuple[tf.Tensor, dict]:
    """The mirror image; labels stay, so use it only where a mirrored object is of the same class.

    Example:
        >>> truth = {"boxes": [[0.0, 0, 1, 2]], "labels": [3]}
        >>> image, truth = flip_left_right(tf.zeros((2, 4, 1)), truth)
        >>> truth["boxes"].numpy().tolist()
        [[3.0, 0.0, 4.0, 2.0]]
    """
    width = float(image.shape[1])
    x1, y1, x2, y2 = tf.unstack(tf.cast(truth["boxes"], tf.float32), axis=-1)
    boxes = tf.stack([width - x2, y1, width - x1, y2], axis=-1)
    return tf.reverse(image, [1]), _without_padding(boxes, truth["labels"])


def view(image, truth: Mapping, window, min_visible: float = 0.5) -> tuple[tf.Tensor, dict]:
    """What a window shows, drawn as large as the picture was: a crop, or a smaller picture.

    Args:
        image: (H, W, C), fixed numbers.
        truth: `boxes` (M, 4) and `labels` (M,).
        window: (4,), "xyxy" in pixels; outside of the picture it shows zeros.
        min_visible: least part of an object's area that must be visible; others become padding,
            label -1, while their visible pixels stay in the picture.

    Returns:
        Image (H, W, C) of the same type, and the truth with boxes clipped to what is visible.

    Example:
        >>> truth = {"boxes": [[0.0, 0, 2, 2], [3, 0, 4, 1]], "labels": [3, 5]}
        >>> image, truth = view(tf.zeros((4, 4, 1)), truth, window=[0, 0, 2, 2])
        >>> truth["boxes"].numpy().tolist(), truth["labels"].numpy().tolist()
        ([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 0.0, 0.0]], [3, -1])
    """
    image, window = tf.convert_to_tensor(image), tf.cast(window, tf.float32)
    size = tf.cast([image.shape[1], image.shape[0]], tf.float32)  # width, height
    origin, step = window[:2], (window[2:] - window[:2]) / size  # pixels of the old per new one
    shift = origin + step / 2 - 0.5  # a pixel's number is its center less one half
    transform = [step[0], 0.0, shift[0], 0.0, step[1], shift[1], 0.0, 0.0]
    seen = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=[transform],
        output_shape=image.shape[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[0]
    boxes = (tf.cast(truth["boxes"], tf.float32) - tf.tile(origin, [2])) / tf.tile(step, [2])
    visible = clip(boxes, image.shape)
    enough = (area(visible) >= min_visible * area(boxes)) & (area(visible) > 0)
    labels = tf.where(enough, tf.cast(truth["labels"], tf.int32), -1)
    return tf.ensure_shape(seen, image.shape), _without_padding(visible, labels)


def random_view(
    image, truth: Mapping, seed, zoom: Sequence[float] = (0.75, 1.5), min_visible: float = 0.5
) -> tuple[tf.Tensor, dict]:
    """From nearer or farther, and from another place: `view` through a random window.

    Args:
        image: (H, W, C).
        truth: `boxes` (M, 4) and `labels` (M,).
        seed: two integers.
        zoom: smallest and largest factor; below 1 the picture shrinks and zeros surround it.
        min_visible: as for `view`.

    Raises:
        ValueError: unless 0 < zoom[0] <= zoom[1].

    Example:
        >>> truth = {"boxes": [[1.0, 1, 3, 3]], "labels": [3]}
        >>> image, truth = random_view(tf.ones((4, 4, 1)), truth, seed=(1, 2), zoom=(0.5, 0.5))
        >>> float(tf.reduce_sum(image))  # a quarter of the area
        4.0
    """
    if not 0 < zoom[0] <= zoom[1]:
        raise ValueError(f"zoom must be two numbers, 0 < smallest <= largest; got {zoom}")
    size = tf.cast([image.shape[1], image.shape[0]], tf.float32)
    first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    window = size / tf.random.stateless_uniform((), first, *map(float, zoom))
    origin = tf.random.stateless_uniform((2,), second) * (size - window)
    return view(image, truth, tf.concat([origin, origin + window], 0), min_visible)


def random_light(image, seed, contrast: float = 0.3, brightness: float = 0.1) -> tf.Tensor:
    """Contrast and brightness changed at random; boxes stay as they are.

    Args:
        image: floats of order one.
        seed: two integers.
        contrast: the largest change of the factor.
        brightness: the largest number to add.

    Example:
        >>> random_light(tf.ones((2, 2, 1)), seed=(1, 2), contrast=0, brightness=0).shape
        TensorShape([2, 2, 1])
    """
    factor, shift = tf.unstack(tf.random.stateless_uniform((2,), seed, -1.0, 1.0))
    return image * (1 + contrast * factor) + brightness * shift


def _without_padding(boxes, labels) -> dict[str, tf.Tensor]:
    """Boxes of no object are zeros, wherever they came to lie."""
    labels = tf.cast(labels, tf.int32)
    return {"boxes": tf.where(labels[:, None] >= 0, boxes, 0.0), "labels": labels}
