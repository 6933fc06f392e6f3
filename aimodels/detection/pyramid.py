"""Feature maps from fine to coarse: a backbone's, a small network's, and a pyramid of them."""

import math
from collections.abc import Mapping, Sequence

import keras
from keras import layers, ops

from aimodels.checks import check_image_shape

FILTERS = {"P1": 24, "P2": 48, "P3": 64}  # of the small network


def pyramid_maps(
    image_shape: Sequence[int], backbone: keras.Model | None = None
) -> tuple[keras.KerasTensor, dict[str, keras.KerasTensor]]:
    """A detector's input, and the maps that it looks at.

    Args:
        image_shape: (height, width, channels), fixed numbers.
        backbone: model with `pyramid_outputs`, a dict of maps such as {"P3": ..., "P4": ...}; what
            stands behind them, such as a classifier, is frozen. None makes a small network for
            small pictures, with strides 4 and 8.

    Returns:
        The input, and the maps by level, fine to coarse.

    Raises:
        ValueError: if `image_shape` has not three numbers, or the backbone no maps.

    Example:
        >>> _, maps = pyramid_maps((60, 64, 1))
        >>> {level: x.shape[1:] for level, x in maps.items()}
        {'P2': (15, 16, 48), 'P3': (8, 8, 64)}
    """
    check_image_shape(image_shape)
    if None in image_shape:
        raise ValueError(f"a detector's image_shape must be fixed numbers; got {image_shape}")
    inputs = keras.Input(image_shape, name="image")
    if backbone is None:
        return inputs, _small_pyramid(inputs)
    maps = getattr(backbone, "pyramid_outputs", None)
    if not maps:
        raise ValueError(
            "backbone must have pyramid_outputs, a dict of its feature maps by level, such as "
            f'{{"P3": ..., "P4": ...}}; {type(backbone).__name__} has none'
        )
    maps = dict(sorted(maps.items()))
    features = keras.Model(backbone.inputs, maps, name="backbone")
    for layer in backbone.layers:  # its own classifier has no gradient here
        layer.trainable = layer.trainable and layer in features.layers
    found = features(inputs)
    return inputs, {name: found[name] for name in maps}


def strides_of(image_shape: Sequence[int], maps: Mapping[str, keras.KerasTensor]) -> list[int]:
    """Pixels between two places of each map: powers of two, as halving gives them.

    A map has ceil(H / stride) rows: 8 of stride 32 for 240 pixels, the last one half outside.

    Raises:
        ValueError: if a map's places are no equal squares of the picture.

    Example:
        >>> strides_of((60, 64, 1), pyramid_maps((60, 64, 1))[1])
        [4, 8]
    """
    strides = []
    for x in maps.values():
        height, width = x.shape[1:3]
        stride = 2 ** math.ceil(math.log2(max(image_shape[0] / height, image_shape[1] / width)))
        if (height, width) != (-(-image_shape[0] // stride), -(-image_shape[1] // stride)):
            raise ValueError(
                f"the backbone's map {height} x {width} does not divide a picture of "
                f"{image_shape[0]} x {image_shape[1]} into equal squares"
            )
        strides.append(stride)
    return strides


def feature_pyramid(
    maps: Mapping[str, keras.KerasTensor], filters: int = 64
) -> dict[str, keras.KerasTensor]:
    r"""Maps of one width, each of which knows what the coarser ones saw.

    From coarse to fine, with $1 \times 1$ convolutions $W_l$ to `filters` channels,

    $$ Z_l = W_l * X_l + \mathrm{up}(Z_{l+1}), \qquad Y_l = K_l * Z_l $$

    and a $3 \times 3$ convolution $K_l$ against the steps of the enlarged map.

    Args:
        maps: by level, fine to coarse, each half as large as the one before.
        filters: channels of all results.

    Returns:
        Maps by level, of the same sizes.

    Reference:
        [lin2017fpn].

    Example:
        >>> maps = {"P3": keras.Input((15, 20, 40)), "P4": keras.Input((8, 10, 112))}
        >>> {level: x.shape[1:] for level, x in feature_pyramid(maps, 32).items()}
        {'P3': (15, 20, 32), 'P4': (8, 10, 32)}
    """
    above, found = None, {}
    for level, x in reversed(maps.items()):
        x = layers.Conv2D(filters, 1, name=f"{level}_lateral")(x)
        if above is not None:
            up = layers.UpSampling2D(name=f"{level}_enlarged")(above)
            up = ops.slice(up, [0, 0, 0, 0], [-1, *x.shape[1:]])  # of 8 rows 15 are left
            x = layers.Add(name=f"{level}_merged")([x, up])
        above = x
        found[level] = layers.Conv2D(filters, 3, padding="same", name=f"{level}_smooth")(x)
    return {level: found[level] for level in maps}


def _small_pyramid(x) -> dict[str, keras.KerasTensor]:
    """Strides 4 and 8; the fine map is told what the coarse one sees around each place."""
    x = conv_block(x, 16, "stem")
    maps = {}
    for level, filters in FILTERS.items():
        x = layers.MaxPooling2D(padding="same", name=f"{level}_pool")(x)
        x = maps[level] = conv_block(conv_block(x, filters, f"{level}_1"), filters, f"{level}_2")
    fine, coarse = maps["P2"], maps["P3"]
    around = layers.UpSampling2D(name="P3_up")(
        conv_block(coarse, FILTERS["P2"], "P3_to_P2", size=1)
    )
    around = around[:, : fine.shape[1], : fine.shape[2]]  # odd sizes were rounded up
    return {"P2": layers.Add(name="P2_sum")([fine, around]), "P3": coarse}


def conv_block(x, filters: int, name: str, size: int = 3):
    x = layers.Conv2D(
        filters,
        size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
