r"""Inception: several kernel sizes look at the same map, and their answers are put side by side.

A branch is a chain of steps. What is said of it stands in tables of steps: `(filters, kernel)`,
`(filters, kernel, strides)`, `("max", strides)`, `("average", strides)`. Stride 1 keeps the size
(padding "same"), stride 2 uses whole windows only ("valid").
"""

from collections.abc import Sequence

import keras

from aimodels.checks import (
    check_image_shape,
    check_one_of,
    check_positive_int,
    check_positive_number,
    check_rate,
)
from aimodels.train import Model

PADDING = {1: "same", 2: "valid"}  # by strides, within a branch


def _conv(x, filters, kernel_size, strides=1, padding="same", norm=True, name=None):
    """Convolution, normalisation and ReLU. The next layer can scale: the normalisation does not."""
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding,
        use_bias=not norm,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    if norm:
        x = keras.layers.BatchNormalization(momentum=0.9, scale=False, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _branch(x, steps, norm, name):
    """The steps one after the other. A list within is a fork: each on the same map, then joined."""
    for i, step in enumerate(steps, 1):
        here = f"{name}_{i}"
        match step:
            case list():
                x = _side_by_side(x, [[one] for one in step], norm, here)
            case "max", strides:
                x = keras.layers.MaxPooling2D(3, strides, PADDING[strides], name=f"{here}_pool")(x)
            case "average", strides:
                x = keras.layers.AveragePooling2D(3, strides, "same", name=f"{here}_pool")(x)
            case filters, kernel_size:
                x = _conv(x, filters, kernel_size, norm=norm, name=here)
            case filters, kernel_size, strides:
                x = _conv(x, filters, kernel_size, strides, PADDING[strides], norm, here)
    return x


def _side_by_side(x, branches, norm, name):
    outputs = [_branch(x, steps, norm, f"{name}_branch{i}") for i, steps in enumerate(branches, 1)]
    return keras.layers.Concatenate(name=name)(outputs)


def inception_block(
    x,
    conv1x1: int,
    conv3x3: int | tuple[int, int],
    conv5x5: int | tuple[int, int],
    pool: int,
    batch_normalization: bool = False,
    name: str = "inception",
):
    r"""Four branches on one map, joined by channels: (B, H, W, C) -> (B, H, W, c1 + c3 + c5 + cp).

    The branches: a 1 x 1 convolution; 1 x 1, then 3 x 3; 1 x 1, then 5 x 5; a 3 x 3 max pooling
    with stride 1, then 1 x 1. A 1 x 1 convolution in front leaves the large kernel fewer channels:
    $C r + 25\, r\, c_5$ weights in place of $25\, C\, c_5$.

    Args:
        x: feature maps.
        conv1x1: number of filters c1.
        conv3x3: (filters of the 1 x 1 in front, c3), or c3 alone: nothing in front.
        conv5x5: (filters of the 1 x 1 in front, c5), or c5 alone.
        pool: number of filters cp behind the pooling.
        batch_normalization: normalise each convolution's output.
        name: of the joined map, and beginning of the other layers' names.

    Reference:
        [szegedy2015], Figure 2; the 1 x 1 convolution: [lin2014nin].

    Example:
        >>> x = keras.Input((28, 28, 192))
        >>> inception_block(x, 64, (96, 128), (16, 32), 32).shape
        (None, 28, 28, 256)
    """
    branches = [[(conv1x1, 1)], _reduced(conv3x3, 3), _reduced(conv5x5, 5), [("max", 1), (pool, 1)]]
    return _side_by_side(x, branches, batch_normalization, name)


def _reduced(filters, kernel_size):
    if isinstance(filters, int):
        return [(filters, kernel_size)]
    reduction, filters = filters
    return [(reduction, 1), (filters, kernel_size)]


GOOGLENET = {  # [szegedy2015], Table 1: 1 x 1, (reduction, 3 x 3), (reduction, 5 x 5), pool
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
AUXILIARY = {"4a": "auxiliary1", "4d": "auxiliary2"}  # the heads, by the block that they look at
AUXILIARY_WEIGHT = 0.3  # of a head's loss


@keras.saving.register_keras_serializable("aimodels")
class GoogLeNet(Model):
    r"""GoogLeNet: a stem, nine inception blocks, the mean over all places, a dense layer.

    With `auxiliary_heads=True` two more classifiers, on the maps of blocks 4a and 4d, feed
    gradients into the middle of the network. The outputs are then a dictionary of logits. `compile`
    and `fit` take one loss and one array of labels all the same:

    $$ L = L_{\text{logits}} + 0.3\, (L_{\text{auxiliary1}} + L_{\text{auxiliary2}}) $$

    After training, `without_auxiliary_heads` is the classifier alone. The paper's local response
    normalisation, which has no weights and which nobody uses any more, is left out.

    Args:
        image_shape: (height, width, channels); height and width may be None, without heads.
        num_classes: number of classes, and of logits.
        auxiliary_heads: True adds the two heads.
        batch_normalization: normalise each convolution's output, which the paper did not know yet.
        stem: "imagenet": a 7 x 7 and a 3 x 3 convolution, an eighth of the pixels each way.
            "cifar": a 3 x 3 convolution without stride, for small pictures.
        width_multiplier: every number of filters is multiplied by it.
        dropout: dropout rate in front of the logits, in [0, 1).
        auxiliary_dropout: the same in the heads.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, H, W, C), pixels of order one.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`. With heads, a
        dictionary of three: "logits", "auxiliary1", "auxiliary2".

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [szegedy2015]; with batch normalisation: [ioffe2015].

    Example:
        >>> model = GoogLeNet((32, 32, 3), 10, auxiliary_heads=True, width_multiplier=0.125)
        >>> {name: logits.shape for name, logits in model.output.items()}
        {'logits': (None, 10), 'auxiliary1': (None, 10), 'auxiliary2': (None, 10)}
        >>> model.without_auxiliary_heads().output.shape
        (None, 10)
    """

    def __init__(
        self,
        image_shape: Sequence[int | None] = (224, 224, 3),
        num_classes: int = 1000,
        auxiliary_heads: bool = False,
        batch_normalization: bool = False,
        stem: str = "imagenet",
        width_multiplier: float = 1.0,
        dropout: float = 0.4,
        auxiliary_dropout: float = 0.7,
        **kwargs,
    ):
        check_image_shape(image_shape)
        check_positive_int(minimum=2, num_classes=num_classes)
        check_one_of(("imagenet", "cifar"), stem=stem)
        check_positive_number(width_multiplier=width_multiplier)
        check_rate(dropout=dropout, auxiliary_dropout=auxiliary_dropout)
        if auxiliary_heads and None in image_shape:
            raise ValueError(
                "auxiliary_heads have a dense layer over all places of a map: give image_shape a "
                f"height and a width; got {tuple(image_shape)}"
            )
        norm, outputs = batch_normalization, {}

        def width(filters):
            return keras.tree.map_structure(lambda n: _scaled(n, width_multiplier), filters)

        def halved(x, name):
            return keras.layers.MaxPooling2D(3, 2, "same", name=name)(x)

        x = inputs = keras.Input(image_shape, name="image")
        if stem == "imagenet":
            x = halved(_conv(x, width(64), 7, 2, norm=norm, name="1"), "1_pool")
            x = _conv(x, width(64), 1, norm=norm, name="2_reduction")
            x = halved(_conv(x, width(192), 3, norm=norm, name="2"), "2_pool")
        else:
            x = _conv(x, width(64), 3, norm=norm, name="1")
        for block, filters in GOOGLENET.items():
            if block in ("4a", "5a"):
                x = halved(x, f"{int(block[0]) - 1}_pool")
            x = inception_block(
                x, *width(filters), batch_normalization=norm, name=f"inception_{block}"
            )
            if auxiliary_heads and block in AUXILIARY:
                name = AUXILIARY[block]
                features = _auxiliary_features(x, width, norm, auxiliary_dropout, name)
                outputs[name] = keras.layers.Dense(num_classes, name=name)(features)
        x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        x = keras.layers.Dropout(dropout, name="dropout")(x)
        logits = keras.layers.Dense(num_classes, name="logits")(x)
        kwargs = {"name": "googlenet"} | kwargs
        super().__init__(inputs, {"logits": logits} | outputs if outputs else logits, **kwargs)

    def without_auxiliary_heads(self) -> Model:
        """The classifier alone, with the same layers: what is left after training."""
        logits = self.get_layer("logits").output
        return Model(self.input, logits, name=self.name)

    def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs) -> None:
        """As `train.Model.compile`. One loss is meant for each head, and metrics for the logits."""
        if self._heads and loss is not None and not isinstance(loss, dict):
            loss = dict.fromkeys(self._heads, loss)
            weights = {name: AUXILIARY_WEIGHT for name in self._heads} | {"logits": 1.0}
            kwargs = {"loss_weights": weights} | kwargs
            for name in ("metrics", "weighted_metrics"):
                if kwargs.get(name) is not None and not isinstance(kwargs[name], dict):
                    kwargs[name] = {"logits": kwargs[name]}
        super().compile(optimizer, loss, *args, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y, sample_weight = self._for_each_head(y), self._for_each_head(sample_weight)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        y, sample_weight = self._for_each_head(y), self._for_each_head(sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    @property
    def _heads(self) -> list[str]:
        """The names of the outputs, if there are several."""
        return list(self.output) if isinstance(self.output, dict) else []

    def _for_each_head(self, values):
        """The same labels for all heads, if they are not a dictionary already."""
        if values is None or isinstance(values, dict):
            return values
        return dict.fromkeys(self._heads, values) if self._heads else values


def _scaled(filters: int, width_multiplier: float) -> int:
    return max(1, round(filters * width_multiplier))


def _auxiliary_features(x, width, norm, dropout, name):
    size = min(5, *x.shape[1:3])
    x = keras.layers.AveragePooling2D(size, 3, name=f"{name}_pool")(x)
    x = keras.layers.Flatten(name=f"{name}_flatten")(_conv(x, width(128), 1, norm=norm, name=name))
    x = keras.layers.Dense(width(1024), "relu", name=f"{name}_dense")(x)
    return keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)


def _modules(width_multiplier: float) -> list[list]:
    """[szegedy2016], Table 1: the modules mixed0 to mixed10, as lists of branches."""

    def conv(filters, *how):
        return (_scaled(filters, width_multiplier), *how)

    def figure5(n):  # 35 x 35: a 5 x 5 kernel, and two 3 x 3 that see as much
        five, three = [conv(48, 1), conv(64, 5)], [conv(64, 1), conv(96, 3), conv(96, 3)]
        return [[conv(64, 1)], five, three, [("average", 1), conv(n, 1)]]

    def figure6(n):  # 17 x 17: a 7 x 7 kernel as 1 x 7 and 7 x 1, once and twice
        row, column = conv(n, (1, 7)), conv(n, (7, 1))
        once = [conv(n, 1), row, conv(192, (7, 1))]
        twice = [conv(n, 1), column, row, column, conv(192, (1, 7))]
        return [[conv(192, 1)], once, twice, [("average", 1), conv(192, 1)]]

    def figure7():  # 8 x 8: 1 x 3 and 3 x 1 beside each other
        fork = [conv(384, (1, 3)), conv(384, (3, 1))]
        once, twice = [conv(384, 1), fork], [conv(448, 1), conv(384, 3), fork]
        return [[conv(320, 1)], once, twice, [("average", 1), conv(192, 1)]]

    to_17 = [[conv(384, 3, 2)], [conv(64, 1), conv(96, 3), conv(96, 3, 2)], [("max", 2)]]
    seven = [conv(192, 1), conv(192, (1, 7)), conv(192, (7, 1)), conv(192, 3, 2)]
    to_8 = [[conv(192, 1), conv(320, 3, 2)], seven, [("max", 2)]]
    at_35, at_17 = map(figure5, (32, 64, 64)), map(figure6, (128, 160, 160, 192))
    return [*at_35, to_17, *at_17, to_8, figure7(), figure7()]


@keras.saving.register_keras_serializable("aimodels")
class InceptionV3(Model):
    """Inception v3: large kernels replaced by chains of small ones, with batch normalisation.

    It has the weights of `keras.applications.InceptionV3`, in the same order:
    `model.set_weights(other.get_weights())`.

    Args:
        image_shape: (height, width, channels), at least 75 x 75; height and width may be None.
        num_classes: number of classes, and of logits.
        batch_normalization: False leaves it out, and gives the convolutions a bias.
        width_multiplier: every number of filters is multiplied by it.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, H, W, C), pixels of order one.
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [szegedy2016], Table 1 and Figures 5 to 7.

    Example:
        >>> model = InceptionV3((None, None, 3), num_classes=10, width_multiplier=0.125)
        >>> model.get_layer("mixed10").output.shape  # 2,048 filters where the width is 1
        (None, None, None, 256)
    """

    def __init__(
        self,
        image_shape: Sequence[int | None] = (299, 299, 3),
        num_classes: int = 1000,
        batch_normalization: bool = True,
        width_multiplier: float = 1.0,
        **kwargs,
    ):
        check_image_shape(image_shape, minimum=75)
        check_positive_int(minimum=2, num_classes=num_classes)
        check_positive_number(width_multiplier=width_multiplier)

        norm = batch_normalization

        def conv(x, filters, kernel_size, strides, padding, name):
            filters = _scaled(filters, width_multiplier)
            return _conv(x, filters, kernel_size, strides, padding, norm, name)

        x = inputs = keras.Input(image_shape, name="image")
        x = conv(x, 32, 3, 2, "valid", "stem1")
        x = conv(x, 32, 3, 1, "valid", "stem2")
        x = conv(x, 64, 3, 1, "same", "stem3")
        x = keras.layers.MaxPooling2D(3, 2, name="stem3_pool")(x)
        x = conv(x, 80, 1, 1, "valid", "stem4")
        x = conv(x, 192, 3, 1, "valid", "stem5")
        x = keras.layers.MaxPooling2D(3, 2, name="stem5_pool")(x)
        for i, branches in enumerate(_modules(width_multiplier)):
            x = _side_by_side(x, branches, norm, f"mixed{i}")
        x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        super().__init__(inputs, keras.layers.Dense(num_classes, name="logits")(x), **kwargs)
