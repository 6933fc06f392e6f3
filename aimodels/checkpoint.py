"""Published weights: a folder in Hugging Face's format, read by name with every shape checked.

`config.json` describes the model, `model.safetensors` holds its weights: plain arrays, no code.
"""

import json
from pathlib import Path

import keras
import numpy as np


class Checkpoint:
    """The configuration and the weights in a folder.

    Args:
        folder: folder with `config.json` and `model.safetensors`.
        model_type: model type that `config.json` must name, such as "bert".
        prefix: prefix to remove from the names of the weights that have it.

    Attributes:
        config: contents of `config.json`.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is damaged, or the model is of another type.
    """

    def __init__(self, folder: str | Path, model_type: str, prefix: str = ""):
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        self.folder = Path(folder)
        for name in ("config.json", "model.safetensors"):
            if not (self.folder / name).is_file():
                raise FileNotFoundError(
                    f"{self.folder} has no {name}: a checkpoint is a folder with config.json and "
                    "model.safetensors"
                )
        try:
            self.config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
            weights = load_file(self.folder / "model.safetensors")
        except (ValueError, SafetensorError) as error:
            raise ValueError(f"a file in {self.folder} is damaged: {error}") from None
        if self.config.get("model_type") != model_type:
            actual = self.config.get("model_type")
            raise ValueError(f"{self.folder} holds a {actual!r} model, not a {model_type!r}")
        self.weights = {name.removeprefix(prefix): value for name, value in weights.items()}

    def only(self, **supported) -> None:
        """Refuse settings that the package's model does not support.

        Raises:
            ValueError: if the configuration has one of these settings with another value.
        """
        for key, value in supported.items():
            if (actual := self.config.get(key, value)) != value:
                raise ValueError(
                    f"{self.folder}: only {key} = {value!r} is supported; got {actual!r}"
                )

    def assign(self, variable: keras.Variable, *names: str, transpose: bool = False) -> None:
        """Fill a variable with a weight, or with several of them side by side.

        Args:
            variable: variable of the model.
            *names: names of the weights; several are concatenated along the variable's last axis.
            transpose: whether to transpose each weight first, as PyTorch's dense layers hold
                (outputs, inputs).

        Raises:
            ValueError: if a weight is missing or has another shape; the message names it.
        """
        parts = []
        for name in names:
            if name not in self.weights:
                raise ValueError(f"{self.folder}/model.safetensors has no weight {name!r}")
            part = self.weights[name]
            parts.append(part.T if transpose else part)
        *first, last = variable.shape
        expected = (*first, last // len(parts))
        for name, part in zip(names, parts, strict=True):
            if part.shape != expected:
                shapes = [shape[::-1] if transpose else shape for shape in (part.shape, expected)]
                raise ValueError(
                    f"{self.folder}/model.safetensors: {name!r} has the shape {shapes[0]}, "
                    f"wanted {shapes[1]}"
                )
        variable.assign(np.concatenate(parts, axis=-1))

    def layer(self, layer: keras.layers.Layer, *names: str, transpose: bool = False) -> None:
        """Fill a layer's kernel and bias with `NAME.weight` and `NAME.bias`, as `assign` does."""
        weight, bias = layer.weights[:2]
        self.assign(weight, *(f"{name}.weight" for name in names), transpose=transpose)
        self.assign(bias, *(f"{name}.bias" for name in names))
