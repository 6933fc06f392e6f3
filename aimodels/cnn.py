"""Convolutional networks: convolution and pooling in NumPy, and a classifier for any image size.

The NumPy functions are there to be read: each is its formula. `CNN` is the model to train.
Pictures are (batch, height, width, channels), short (B, H, W, C), as everywhere in Keras.
"""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aimodels.checks import check_image_shape, check_positive_int, check_rate
from aimodels.train import Model


def _pair(value: int | Sequence[int], name: str) -> tuple[int, int]:
    pair = (value, value) if np.isscalar(value) else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be one integer or two, (height, width); got {value!r}")
    for number in pair:
        check_positive_int(**{name: number})
    return int(pair[0]), int(pair[1])


def _windows(x, size, strides, padding, mode="constant") -> np.ndarray:
    """Every window that a kernel looks at: (B, H, W, C) -> (B, H', W', C, kh, kw), a view."""
    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"x must be (batch, height, width, channels); got shape {x.shape}")
    if padding not in ("valid", "same"):
        raise ValueError(f'padding must be "valid" or "same"; got {padding!r}')
    size, strides = _pair(size, "window size"), _pair(strides, "strides")
    if padding == "same":  # H' = ceil(H / stride); an odd pixel goes behind
        total = [
            max((-(-n // s) - 1) * s + k - n, 0)
            for n, k, s in zip(x.shape[1:3], size, strides, strict=True)
        ]
        x = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)], mode=mode)
    if x.shape[1] < size[0] or x.shape[2] < size[1]:
        raise ValueError(
            f"a window of {size} does not fit into a picture of {x.shape[1:3]}; "
            'take a smaller one, or padding="same"'
        )
    return sliding_window_view(x, size, axis=(1, 2))[:, :: strides[0], :: strides[1]]


def conv2d(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
) -> np.ndarray:
    r"""What a convolutional layer computes: cross-correlation, the kernel as it is.

    $$ y_{bijf} = b_f + \sum_{m,n,c} x_{b,\,si+m,\,sj+n,\,c}\; k_{mncf} $$

    Args:
        x: pictures, (B, H, W, C).
        kernel: (kh, kw, C, F), F filters of kh x kw pixels over all C channels.
        bias: (F,), or None.
        strides: step of the kernel, one number or (down, right).
        padding: "valid": only where the kernel fits, H' = floor((H - kh) / s) + 1.
            "same": zeros around, H' = ceil(H / s).

    Returns:
        Feature maps, (B, H', W', F).

    Raises:
        ValueError: if a shape, `strides` or `padding` does not fit; it says which.

    Reference:
        The arithmetic of sizes is worked out in [dumoulin2016].

    Example:
        >>> step = np.array([0, 0, 1, 1]).reshape(1, 1, 4, 1)  # dark, dark, bright, bright
        >>> edge = np.array([-1, 1]).reshape(1, 2, 1, 1)
        >>> conv2d(step, edge).ravel()
        array([0, 1, 0])
    """
    kernel = np.asarray(kernel)
    if kernel.ndim != 4 or (np.ndim(x) == 4 and np.shape(x)[3] != kernel.shape[2]):
        raise ValueError(
            f"kernel must be (height, width, channels of x, filters); got {kernel.shape} "
            f"for x of shape {np.shape(x)}"
        )
    windows = _windows(x, kernel.shape[:2], strides, padding)  # (B, H', W', C, kh, kw)
    y = np.tensordot(windows, kernel, axes=((3, 4, 5), (2, 0, 1)))  # (B, H', W', F)
    if bias is None:
        return y
    if np.shape(bias) != kernel.shape[3:]:
        raise ValueError(f"bias must be {kernel.shape[3:]}, one per filter; got {np.shape(bias)}")
    return y + np.asarray(bias)


def convolve2d(x: np.ndarray, kernel: np.ndarray, **kwargs) -> np.ndarray:
    r"""True convolution, as in mathematics and signal processing: the kernel is flipped first.

    $$ y_{bijf} = \sum_{m,n,c} x_{b,\,i-m,\,j-n,\,c}\; k_{mncf} $$

    Flipped both ways, kernel entry (m, n) meets the pixel m rows *above* and n columns to the
    *left*. That makes convolution commutative; a network, which learns its kernels, does not
    care, so Keras leaves the flip out.

    Args:
        x: pictures, (B, H, W, C).
        kernel: (kh, kw, C, F).
        **kwargs: `bias`, `strides`, `padding`, as for `conv2d`.

    Raises:
        ValueError: as `conv2d` does.

    Example:
        >>> impulse = np.zeros((1, 3, 3, 1))
        >>> impulse[0, 1, 1, 0] = 1
        >>> kernel = np.arange(4.0).reshape(2, 2, 1, 1)
        >>> convolve2d(impulse, kernel)[0, :, :, 0]  # prints the kernel itself
        array([[0., 1.],
               [2., 3.]])
    """
    return conv2d(x, np.asarray(kernel)[::-1, ::-1], **kwargs)


def max_pool2d(
    x: np.ndarray,
    pool_size: int | tuple[int, int] = 2,
    strides: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> np.ndarray:
    r"""Keep the largest value of each window.

    $$ y_{bijc} = \max_{m,n}\; x_{b,\,si+m,\,sj+n,\,c} $$

    Args:
        x: (B, H, W, C).
        pool_size: size of the window, one number or (height, width).
        strides: step of the window; `pool_size` if None, so that windows touch.
        padding: "valid" or "same", sizes as for `conv2d`. Padding never wins.

    Returns:
        (B, H', W', C). There is nothing to learn here: no weight, no bias.

    Raises:
        ValueError: if a shape, `strides` or `padding` does not fit.

    Example:
        >>> max_pool2d(np.arange(16).reshape(1, 4, 4, 1))[0, :, :, 0]
        array([[ 5,  7],
               [13, 15]])
    """
    # A repeated border pixel is the neighbour of its original: the window's maximum stays.
    strides = pool_size if strides is None else strides
    return _windows(x, pool_size, strides, padding, mode="edge").max(axis=(4, 5))


def average_pool2d(
    x: np.ndarray,
    pool_size: int | tuple[int, int] = 2,
    strides: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> np.ndarray:
    r"""Keep the mean of each window; pixels that padding added do not count.

    $$ y_{bijc} = \frac{1}{k^2}\sum_{m,n} x_{b,\,si+m,\,sj+n,\,c} $$

    Args:
        x: (B, H, W, C).
        pool_size: size of the window, one number or (height, width).
        strides: step of the window; `pool_size` if None.
        padding: "valid" or "same".

    Returns:
        (B, H', W', C).

    Raises:
        ValueError: if a shape, `strides` or `padding` does not fit.

    Example:
        >>> average_pool2d(np.arange(16).reshape(1, 4, 4, 1))[0, :, :, 0]
        array([[ 2.5,  4.5],
               [10.5, 12.5]])
    """
    x = np.asarray(x)
    strides = pool_size if strides is None else strides
    total, count = (
        _windows(v, pool_size, strides, padding).sum(axis=(4, 5))
        for v in (x, np.ones((1, *x.shape[1:3], 1), x.dtype))
    )
    return total / count


def global_average_pool2d(x: np.ndarray) -> np.ndarray:
    r"""One number per channel: its mean over all places, $g_{bc} = \frac{1}{HW}\sum_{ij} x_{bijc}$.

    Args:
        x: feature maps (B, H, W, C), any H and W.

    Returns:
        (B, C).

    Raises:
        ValueError: if `x` does not have four axes.

    Reference:
        In place of a large dense layer: [lin2014nin].

    Example:
        >>> global_average_pool2d(np.arange(8.0).reshape(1, 2, 2, 2))
        array([[3., 4.]])
    """
    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"x must be (batch, height, width, channels); got shape {x.shape}")
    return x.mean(axis=(1, 2))


@keras.saving.register_keras_serializable("aimodels")
class CNN(Model):
    r"""A small convolutional classifier with global average pooling.

    Stages of a 3 x 3 convolution, a 2 x 2 max pooling that halves the map (not in the last stage),
    batch normalisation and ReLU. The last map (B, H', W', F) is averaged over all places to (B, F),
    and one dense layer turns that into logits. The mean has no size of its own, so with
    `image_shape=(None, None, C)` the same weights read pictures of any size.

    Args:
        image_shape: (height, width, channels); height and width may be None.
        num_classes: number of classes, and of logits.
        filters: number of filters in each stage; as many stages as there are numbers.
        dropout: dropout rate of the averaged features, in [0, 1).
        batch_normalization: False leaves it out, and gives the convolutions a bias.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, H, W, C), pixels of order one (divide bytes by 255).
    Output shape: (B, num_classes), logits: use a loss with `from_logits=True`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        Convolution, pooling, classifier: [lecun1998]; global average pooling: [lin2014nin];
        batch normalisation: [ioffe2015].

    Example:
        >>> model = CNN((None, None, 1), num_classes=10, filters=(8, 16))
        >>> model.count_params()
        1490
        >>> model(np.zeros((2, 8, 8, 1))).shape, model(np.zeros((2, 21, 13, 1))).shape
        (TensorShape([2, 10]), TensorShape([2, 10]))
    """

    def __init__(
        self,
        image_shape: Sequence[int | None],
        num_classes: int,
        filters: Sequence[int] = (32, 64, 128, 128),
        dropout: float = 0.0,
        batch_normalization: bool = True,
        **kwargs,
    ):
        check_image_shape(image_shape)
        check_positive_int(minimum=2, num_classes=num_classes)
        if np.ndim(filters) != 1 or not len(filters):
            raise ValueError(f"filters must be a list such as (32, 64); got {filters!r}")
        for channels in filters:
            check_positive_int(filters=channels)
        check_rate(dropout=dropout)
        x = inputs = keras.Input(image_shape, name="image")
        for i, channels in enumerate(filters, 1):
            x = keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                use_bias=not batch_normalization,  # the normalisation would take it away again
                kernel_initializer="he_normal",
                name=f"conv{i}",
            )(x)
            if i < len(filters):  # before the next two layers: they then have a quarter to do
                x = keras.layers.MaxPooling2D(padding="same", name=f"pool{i}")(x)
            if batch_normalization:
                x = keras.layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
            x = keras.layers.ReLU(name=f"relu{i}")(x)
        x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        x = keras.layers.Dropout(dropout, name="dropout")(x)
        super().__init__(inputs, keras.layers.Dense(num_classes, name="logits")(x), **kwargs)


def receptive_field(model: keras.Model) -> dict[str, int]:
    r"""How many pixels, in height, one position of each layer's map depends on.

    Layer by layer, with kernel height $k$ and stride $s$, from $r_0 = j_0 = 1$:

    $$ r_l = r_{l-1} + (k_l - 1)\, j_{l-1}, \qquad j_l = j_{l-1}\, s_l $$

    where $j$ is the distance, in pixels, between two neighbours of the map.

    Args:
        model: a chain of layers, without branches.

    Returns:
        Pixels by layer name, for the layers that have a kernel or a pool.

    Raises:
        ValueError: if the model branches.

    Reference:
        [dumoulin2016] has the pictures.

    Example:
        >>> receptive_field(CNN((28, 28, 1), num_classes=10, filters=(32, 64, 128)))
        {'conv1': 3, 'pool1': 4, 'conv2': 8, 'pool2': 10, 'conv3': 18}
    """
    pixels, size, jump = {}, 1, 1
    for layer in model.layers:
        if isinstance(layer.input, (list, tuple)) and len(layer.input) > 1:
            raise ValueError(
                f"layer {layer.name!r} has several inputs; the layers must form a chain"
            )
        window = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
        if window:
            size += (window[0] - 1) * getattr(layer, "dilation_rate", (1,))[0] * jump
            jump *= layer.strides[0]
            pixels[layer.name] = size
    return pixels
