r"""Residual networks: a block adds to what it was given, so depth no longer stops the gradient.

A block computes $y = x + F(x)$, where F is two or three convolutions. Where the shape changes, the
skip is a 1 x 1 convolution: $y = W x + F(x)$.
"""

from collections.abc import Sequence

import keras
import numpy as np

from aimodels.checks import check_image_shape, check_one_of, check_positive_int
from aimodels.train import Model

EPSILON = 1.001e-5  # of the normalisations, as in `keras.applications`


def _conv(x, filters, kernel_size, strides, use_bias, name):
    """Convolution with half a kernel of zeros on each side.

    Keras's "same" puts more of them behind where it strides, which shifts the map by a pixel.
    """
    padded = strides > 1 and kernel_size > 1
    if padded:
        x = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="valid" if padded else "same",
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def _norm(x, name):
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=EPSILON, name=f"{name}_bn")(x)


def _relu(x, name):
    return keras.layers.ReLU(name=name)(x)


def residual_block(
    x,
    filters: int,
    strides: int = 1,
    block_type: str = "basic_block",
    use_pre_activation: bool = False,
    use_skip: bool = True,
    use_bias: bool = False,
    name: str = "block",
):
    r"""One residual block on a Keras tensor: (B, H, W, C) -> (B, ceil(H/s), ceil(W/s), C').

    Version 1 [he2016] normalises after each convolution and ends with ReLU; version 2
    [he2016identity] normalises before it, and the sum stays as it is:

    $$ y = \mathrm{ReLU}(x + F(x)) \qquad\text{or}\qquad y = x + F(\mathrm{ReLU}(\mathrm{BN}(x))) $$

    The skip is x itself; every s-th pixel of it where only the stride s differs; and a 1 x 1
    convolution where the number of channels differs.

    Args:
        x: feature maps.
        filters: number of filters of the 3 x 3 convolutions.
        strides: step of the block, 1 or 2.
        block_type: "basic_block": two 3 x 3 convolutions, C' = filters. "bottleneck_block": 1 x 1,
            3 x 3, 1 x 1, the last one with C' = 4 filters. The first one strides, in version 2 of
            the bottleneck the second.
        use_pre_activation: True for version 2.
        use_skip: False leaves the skip out: the plain network.
        use_bias: True gives a bias also to convolutions which a normalisation follows.
        name: beginning of the layers' names.

    Raises:
        ValueError: if `block_type` is unknown.

    Example:
        >>> x = keras.Input((32, 32, 64))
        >>> residual_block(x, 64).shape, residual_block(x, 128, strides=2).shape
        ((None, 32, 32, 64), (None, 16, 16, 128))
    """
    kernels = {
        "basic_block": [(filters, 3), (filters, 3)],
        "bottleneck_block": [(filters, 1), (filters, 3), (4 * filters, 1)],
    }
    check_one_of(kernels, block_type=block_type)
    kernels = kernels[block_type]
    strided = 2 if len(kernels) == 3 and use_pre_activation else 1
    y = _relu(_norm(x, f"{name}_preact"), f"{name}_preact_relu") if use_pre_activation else x
    skip = x
    if use_skip and x.shape[-1] != kernels[-1][0]:
        bias = use_bias or use_pre_activation
        skip = _conv(y, kernels[-1][0], 1, strides, bias, f"{name}_0")
        skip = skip if use_pre_activation else _norm(skip, f"{name}_0")
    elif use_skip and strides > 1:
        skip = keras.layers.MaxPooling2D(1, strides, name=f"{name}_0_pool")(x)
    for i, (channels, size) in enumerate(kernels, 1):
        last = i == len(kernels)
        normalised = not (use_pre_activation and last)
        step = strides if i == strided else 1
        y = _conv(y, channels, size, step, use_bias or not normalised, f"{name}_{i}")
        y = _norm(y, f"{name}_{i}") if normalised else y
        y = y if last else _relu(y, f"{name}_{i}_relu")
    y = keras.layers.Add(name=f"{name}_add")([skip, y]) if use_skip else y
    return y if use_pre_activation else _relu(y, f"{name}_out")


@keras.saving.register_keras_serializable("aimodels")
class ResNet(Model):
    r"""A residual network, from its table: stacks of blocks, each stack with half the pixels.

    A stem, the stacks, the mean over all places, and one dense layer that gives logits. Pictures of
    any size will do: with `image_shape=(None, None, C)` the same weights read all of them.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes, and of logits.
        stackwise_num_filters: number of filters in the blocks of each stack. Eight or more: where a
            projection halves a map of fewer channels, and oneDNN computes with AVX2, the gradient
            is wrong in TensorFlow 2.21. (On processors without AVX-512 TensorFlow leaves oneDNN
            off, unless `TF_ENABLE_ONEDNN_OPTS=1` is set.)
        stackwise_num_blocks: number of blocks in each stack.
        block_type: "basic_block" or "bottleneck_block", see `residual_block`.
        use_pre_activation: False for version 1 [he2016], True for version 2 [he2016identity].
        use_skip: False leaves every skip out: the plain network, to compare with.
        stem: "imagenet": a 7 x 7 convolution and a pooling, both with stride 2. "cifar": a 3 x 3
            convolution without stride, for small pictures.
        use_bias: True gives also those convolutions a bias that a normalisation follows. It takes
            the bias away again; `keras.applications.ResNet50` has it.
        strides_last: a stack halves the pixels in its last block, not the next one in its first, as
            `keras.applications.ResNet50V2` does.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, H, W, C), pixels of order one.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [he2016], [he2016identity]; the initializer: [he2015].

    Example:
        >>> model = ResNet((None, None, 3), 10, stackwise_num_filters=(8, 16),
        ...                stackwise_num_blocks=(1, 2), stem="cifar")
        >>> model(np.zeros((2, 32, 32, 3))).shape, model(np.zeros((2, 5, 7, 3))).shape
        (TensorShape([2, 10]), TensorShape([2, 10]))
    """

    def __init__(
        self,
        image_shape: Sequence[int | None],
        num_classes: int,
        stackwise_num_filters: Sequence[int] = (64, 128, 256, 512),
        stackwise_num_blocks: Sequence[int] = (2, 2, 2, 2),
        block_type: str = "basic_block",
        use_pre_activation: bool = False,
        use_skip: bool = True,
        stem: str = "imagenet",
        use_bias: bool = False,
        strides_last: bool = False,
        **kwargs,
    ):
        check_image_shape(image_shape)
        check_positive_int(minimum=2, num_classes=num_classes)
        check_one_of(("imagenet", "cifar"), stem=stem)
        _check_stacks(stackwise_num_filters, stackwise_num_blocks)
        x = inputs = keras.Input(image_shape, name="image")
        size, strides = (7, 2) if stem == "imagenet" else (3, 1)
        bias = use_bias or use_pre_activation
        x = _conv(x, stackwise_num_filters[0], size, strides, bias, "conv1")
        if not use_pre_activation:
            x = _relu(_norm(x, "conv1"), "conv1_relu")
        if stem == "imagenet":
            x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
            x = keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        stacks = list(zip(stackwise_num_filters, stackwise_num_blocks, strict=True))
        for i, (filters, blocks) in enumerate(stacks):
            halving = blocks - 1 if strides_last else 0  # the block that halves the pixels
            halves = i < len(stacks) - 1 if strides_last else i > 0
            for j in range(blocks):
                x = residual_block(
                    x,
                    filters,
                    2 if halves and j == halving else 1,
                    block_type,
                    use_pre_activation,
                    use_skip,
                    use_bias,
                    name=f"conv{i + 2}_block{j + 1}",
                )
        if use_pre_activation:
            x = _relu(_norm(x, "post"), "post_relu")
        x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        kwargs = {"name": "resnet"} | kwargs
        super().__init__(inputs, keras.layers.Dense(num_classes, name="logits")(x), **kwargs)


def _check_stacks(filters: Sequence[int], blocks: Sequence[int]) -> None:
    for name, values in (("stackwise_num_filters", filters), ("stackwise_num_blocks", blocks)):
        if np.ndim(values) != 1 or not len(values):
            raise ValueError(f"{name} must be a list such as (64, 128); got {values!r}")
        for value in values:
            check_positive_int(**{name: value})
    if len(filters) != len(blocks):
        raise ValueError(
            "stackwise_num_filters and stackwise_num_blocks must have one number per stack each; "
            f"got {len(filters)} and {len(blocks)}"
        )


def ResNet18(image_shape=(224, 224, 3), num_classes: int = 1000, **kwargs) -> ResNet:
    """ResNet-18 of [he2016], Table 1: 2 + 2 + 2 + 2 blocks of two convolutions.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes.
        **kwargs: of `ResNet`, such as `use_pre_activation=True` for version 2.

    Example:
        >>> f"{ResNet18().count_params():,}"
        '11,699,112'
    """
    kwargs = {"name": "resnet18"} | kwargs
    return ResNet(image_shape, num_classes, stackwise_num_blocks=(2, 2, 2, 2), **kwargs)


def ResNet34(image_shape=(224, 224, 3), num_classes: int = 1000, **kwargs) -> ResNet:
    """ResNet-34 of [he2016], Table 1: 3 + 4 + 6 + 3 blocks of two convolutions.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes.
        **kwargs: of `ResNet`.

    Example:
        >>> f"{ResNet34().count_params():,}"
        '21,814,696'
    """
    kwargs = {"name": "resnet34"} | kwargs
    return ResNet(image_shape, num_classes, stackwise_num_blocks=(3, 4, 6, 3), **kwargs)


def ResNet50(image_shape=(224, 224, 3), num_classes: int = 1000, **kwargs) -> ResNet:
    """ResNet-50 of [he2016], Table 1: 3 + 4 + 6 + 3 bottleneck blocks of three convolutions.

    With `use_bias=True` it has the weights of `keras.applications.ResNet50`, in the same order:
    `model.set_weights(other.get_weights())`.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes.
        **kwargs: of `ResNet`.

    Example:
        >>> f"{ResNet50(use_bias=True).count_params():,}"
        '25,636,712'
    """
    kwargs = {"block_type": "bottleneck_block", "name": "resnet50"} | kwargs
    return ResNet(image_shape, num_classes, stackwise_num_blocks=(3, 4, 6, 3), **kwargs)


def ResNet101(image_shape=(224, 224, 3), num_classes: int = 1000, **kwargs) -> ResNet:
    """ResNet-101 of [he2016], Table 1: 3 + 4 + 23 + 3 bottleneck blocks.

    With `use_bias=True` it has the weights of `keras.applications.ResNet101`, in the same order.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes.
        **kwargs: of `ResNet`.

    Example:
        >>> ResNet101((32, 32, 3), num_classes=10).name
        'resnet101'
    """
    kwargs = {"block_type": "bottleneck_block", "name": "resnet101"} | kwargs
    return ResNet(image_shape, num_classes, stackwise_num_blocks=(3, 4, 23, 3), **kwargs)


def ResNet50V2(image_shape=(224, 224, 3), num_classes: int = 1000, **kwargs) -> ResNet:
    """ResNet-50 of version 2 [he2016identity], as `keras.applications.ResNet50V2` has it.

    It has the same weights in the same order: `model.set_weights(other.get_weights())`.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes.
        **kwargs: of `ResNet`.

    Example:
        >>> f"{ResNet50V2().count_params():,}"
        '25,613,800'
    """
    version = {"use_pre_activation": True, "strides_last": True, "name": "resnet50v2"}
    return ResNet50(image_shape, num_classes, **version | kwargs)


def cifar_resnet(
    image_shape: Sequence[int | None],
    num_classes: int,
    depth: int = 20,
    use_skip: bool = True,
    **kwargs,
) -> ResNet:
    r"""The small residual network of [he2016], Section 4.2: $6n + 2$ layers for small pictures.

    A 3 x 3 convolution, three stacks of n basic blocks with 16, 32 and 64 filters, a dense layer.

    Args:
        image_shape: (height, width, channels), such as (28, 28, 1); height and width may be None.
        num_classes: number of classes.
        depth: number of layers with weights along the longest way, 6n + 2: 20, 32, 44, 56, 110.
        use_skip: False for the plain network of the same depth.
        **kwargs: of `ResNet`, such as `use_pre_activation=True` for version 2.

    Raises:
        ValueError: if `depth` is not 6n + 2.

    Example:
        >>> f"{cifar_resnet((32, 32, 3), 10, depth=20, use_skip=False).count_params():,}"
        '271,098'
        >>> cifar_resnet((32, 32, 3), 10, depth=21)
        Traceback (most recent call last):
        ...
        ValueError: depth must be 6n + 2, such as 8, 20, 32, 44, 56 or 110; got 21
    """
    check_positive_int(depth=depth)
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"depth must be 6n + 2, such as 8, 20, 32, 44, 56 or 110; got {depth}")
    table = {"stackwise_num_filters": (16, 32, 64), "stackwise_num_blocks": 3 * ((depth - 2) // 6,)}
    kwargs = table | {"stem": "cifar", "name": f"resnet{depth}"} | kwargs
    return ResNet(image_shape, num_classes, use_skip=use_skip, **kwargs)
