"""Vision Transformer: a picture is cut into patches, and a Transformer reads them as tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers, ops

from aimodels.checkpoint import Checkpoint, read_blocks
from aimodels.checks import check_image_shape, check_positive_int, check_rate
from aimodels.layers import PositionEmbedding, TransformerBlock, clone_initializer
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class ViT(Model):
    r"""Pictures (B, H, W, C) -> vectors of class token and patches (B, 1 + N, D), or logits.

    $$ z_0 = [c;\; E x_1;\; \dots;\; E x_N] + P, \qquad
       z_l = \mathrm{block}_l(z_{l-1}), \qquad u = \mathrm{norm}(z_L) $$

    with the $N = HW / p^2$ patches $x_i$ of $p \times p$ pixels, row by row, and logits
    $W u_0 + b$ of the class token's vector.

    Args:
        image_shape: (height, width, channels) of each picture.
        num_classes: number of classes; None leaves the head out: the outputs are the vectors.
        patch_size: $p$, or (height, width) of a patch; they must divide the picture's.
        hidden_dim: $D$, size of each vector.
        num_heads: number of attention heads per block; it must divide D.
        num_layers: number of blocks.
        intermediate_dim: number of units of each block's first dense layer; 4 D if None.
        dropout: dropout rate, in [0, 1).
        layer_norm_epsilon: epsilon of all layer normalisations.
        **kwargs: arguments of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [dosovitskiy2021]; the defaults are those of the small ViT-Ti of [touvron2021].

    Example:
        >>> model = ViT((32, 48, 3), patch_size=8, hidden_dim=16, num_heads=2, num_layers=1)
        >>> model(keras.ops.zeros((2, 32, 48, 3))).shape
        TensorShape([2, 25, 16])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None = None,
        patch_size: int | Sequence[int] = 16,
        hidden_dim: int = 192,
        num_heads: int = 3,
        num_layers: int = 12,
        intermediate_dim: int | None = None,
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-6,
        **kwargs,
    ):
        check_positive_int(hidden_dim=hidden_dim, num_layers=num_layers)
        check_rate(dropout=dropout)
        patch_size = _pair(patch_size)
        _check_patches(image_shape, patch_size)
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        image = keras.Input(tuple(image_shape), name="image")
        x = layers.Conv2D(hidden_dim, patch_size, patch_size, name="patches")(image)
        x = layers.Reshape((-1, hidden_dim), name="rows")(x)  # (B, N, D)
        x = ClassToken(name="class_token")(x)  # (B, 1 + N, D)
        x = PositionEmbedding(x.shape[1], learned=True, name="position_embedding")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                4 * hidden_dim if intermediate_dim is None else intermediate_dim,
                normalize_first=True,
                activation="gelu",
                dropout=dropout,
                layer_norm_epsilon=layer_norm_epsilon,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x)
        x = layers.LayerNormalization(epsilon=layer_norm_epsilon, name="norm")(x)
        if num_classes is not None:
            check_positive_int(minimum=2, num_classes=num_classes)
            head = {"kernel_initializer": clone_initializer(normal), "name": "logits"}
            x = layers.Dense(num_classes, **head)(x[:, 0])
        super().__init__(image, x, **kwargs)

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "ViT":
        """Load a published model, with its head, from Hugging Face's files.

        Its pixels are usually scaled to [-1, 1]: `preprocessor_config.json` beside the weights says
        so. A pooler, which no published classifier reads, is left out.

        Args:
            folder: folder with `config.json` and `model.safetensors`.
            **kwargs: constructor arguments that override the checkpoint's: `dropout`, fewer
                `num_layers`, and those of `train.Model`; `num_classes=None` leaves the head out.

        Raises:
            FileNotFoundError: if one of the two files is missing.
            TypeError: if the class has no such argument; the message names the nearest one.
            ValueError: if the checkpoint is damaged, of another kind, or has a setting that would
                make it another model; or if a weight is missing, left over or has another shape;
                the message names it.
        """
        return _read(cls, folder, **kwargs)


@keras.saving.register_keras_serializable("aimodels")
class ClassToken(layers.Layer):
    """Puts a learned vector before the others, where the blocks collect what the head reads.

    Example:
        >>> ClassToken()(ops.ones((2, 4, 8))).shape
        TensorShape([2, 5, 8])
    """

    def build(self, x_shape):
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        self.token = self.add_weight((1, 1, x_shape[-1]), normal, name="token")

    def call(self, x):
        shape = (ops.shape(x)[0], 1, x.shape[-1])
        return ops.concatenate([ops.broadcast_to(self.token, shape), x], axis=1)


def _pair(size, name: str = "patch_size") -> tuple[int, int]:
    pair = (size, size) if np.ndim(size) == 0 else tuple(size)
    if len(pair) != 2:
        raise ValueError(f"{name} must be one integer, or (height, width); got {size!r}")
    for number in pair:
        check_positive_int(**{name: number})
    return int(pair[0]), int(pair[1])


def _check_patches(image_shape: Sequence[int], patch_size: tuple[int, int]) -> None:
    """Raise unless the picture consists of whole patches."""
    check_image_shape(image_shape)
    for side, pixels, patch in zip(("height", "width"), image_shape, patch_size, strict=False):
        if pixels is None:
            raise ValueError(
                f"image_shape must say the {side}: a ViT has a position for each patch; "
                f"got {tuple(image_shape)}"
            )
        if pixels % patch:
            raise ValueError(
                f"the {side} {pixels} of image_shape must be divisible by the patch's, {patch}"
            )


def _read(kind: type[ViT], folder: str | Path, **kwargs) -> ViT:
    checkpoint = Checkpoint(folder, "vit", "vit.", "embeddings.position_embeddings")
    checkpoint.only(hidden_act=["gelu", "gelu_python"], qkv_bias=True)
    checkpoint.config = {**_RATES, **checkpoint.config}
    hidden_dim, num_heads, number, intermediate_dim, size, patch_size = checkpoint.required(
        *("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size"),
        *("image_size", "patch_size"),
    )
    num_classes, known = None, [r"pooler\..*", r"embeddings\.mask_token"]
    if kwargs.get("num_classes", 0) is None:
        known.append(r"classifier\..*")
    elif "classifier.bias" in checkpoint.weights:
        num_classes = len(checkpoint.weights["classifier.bias"])
    config = {
        "image_shape": (*_pair(size, "image_size"), checkpoint.config.get("num_channels", 3)),
        "num_classes": num_classes,
        "patch_size": _pair(patch_size),
        "hidden_dim": hidden_dim,
        "num_heads": num_heads,
        "num_layers": number,
        "intermediate_dim": intermediate_dim,
        "dropout": checkpoint.dropout(*_RATES, given=kwargs.get("dropout")),
        "layer_norm_epsilon": checkpoint.config.get("layer_norm_eps", 1e-12),
    }
    model = kind(**checkpoint.arguments(config, kwargs))
    _assign(model, checkpoint, number)
    checkpoint.refuse_left_over(known)
    return model


_RATES = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # Hugging Face's own


def _assign(model: ViT, checkpoint: Checkpoint, number: int) -> None:
    """Fill the model with the weights of a checkpoint."""
    [token], [table] = (
        model.get_layer(name).weights for name in ("class_token", "position_embedding")
    )
    checkpoint.assign(token, "embeddings.cls_token")
    positions = _Stored(table, (1, *table.shape), (0, 1, 2))
    checkpoint.assign(positions, "embeddings.position_embeddings")
    kernel, bias = model.get_layer("patches").weights
    outputs_first = _Stored(kernel, [kernel.shape[axis] for axis in (3, 2, 0, 1)], (2, 3, 1, 0))
    checkpoint.assign(outputs_first, "embeddings.patch_embeddings.projection.weight")
    checkpoint.assign(bias, "embeddings.patch_embeddings.projection.bias")
    norms = ("layernorm_before", "layernorm_after")
    read_blocks(checkpoint, model, number, "attention.attention", norms)
    checkpoint.layer(model.get_layer("norm"), "layernorm")
    if model.config["num_classes"] is not None:
        checkpoint.layer(model.get_layer("logits"), "classifier", transpose=True)


class _Stored(NamedTuple):
    """A variable whose axes stand in another order in PyTorch's files, for `Checkpoint.assign`."""

    variable: keras.Variable
    shape: Sequence[int]
    axes: Sequence[int]

    def assign(self, value) -> None:
        self.variable.assign(value.transpose(self.axes).reshape(self.variable.shape))
