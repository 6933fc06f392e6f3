"""Published weights: a folder as Hugging Face writes it, read by name with every shape checked.

`config.json` says how the model was made, `model.safetensors` holds its weights: plain arrays,
nothing that could run.
"""

import json
from pathlib import Path

import keras
import numpy as np


class Checkpoint:
    """The configuration and the weights of a folder.

    Args:
        folder: with `config.json` and `model.safetensors`.
        model_type: what `config.json` must call the model, such as "bert".
        prefix: taken off the names of the weights where they have it.

    Attributes:
        config: what `config.json` says.

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
                    f"{self.folder} has no {name}: a folder with config.json and "
                    "model.safetensors is wanted"
                )
        try:
            self.config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
            weights = load_file(self.folder / "model.safetensors")
        except (ValueError, SafetensorError) as error:
            raise ValueError(f"a file in {self.folder} is damaged: {error}") from None
        if self.config.get("model_type") != model_type:
            found = self.config.get("model_type")
            raise ValueError(f"{self.folder} holds a {found!r} model, not a {model_type!r}")
        self.weights = {name.removeprefix(prefix): value for name, value in weights.items()}

    def only(self, **wanted) -> None:
        """Refuse a configuration that says otherwise: nothing else is built.

        Raises:
            ValueError: if one of these is there and has another value.
        """
        for key, value in wanted.items():
            if self.config.get(key, value) != value:
                found = self.config[key]
                raise ValueError(f"{self.folder}: only {key} = {value!r} is known; got {found!r}")

    def assign(self, variable: keras.Variable, *names: str, transpose: bool = False) -> None:
        """Fill a variable with a weight, or with several of them side by side.

        Args:
            variable: of the model.
            *names: of the weights; more than one are joined along the variable's last axis.
            transpose: each weight first: PyTorch's dense layers hold (outputs, inputs).

        Raises:
            ValueError: if a weight is missing or has another shape; it names it.
        """
        parts = []
        for name in names:
            if name not in self.weights:
                raise ValueError(f"{self.folder}/model.safetensors has no weight {name!r}")
            part = self.weights[name]
            parts.append(part.T if transpose else part)
        *first, last = variable.shape
        wanted = (*first, last // len(parts))
        for name, part in zip(names, parts, strict=True):
            if part.shape != wanted:
                raise ValueError(
                    f"{self.folder}/model.safetensors: {name!r} has the shape "
                    f"{part.shape[::-1] if transpose else part.shape}, wanted "
                    f"{wanted[::-1] if transpose else wanted}"
                )
        variable.assign(np.concatenate(parts, axis=-1))

    def layer(self, layer: keras.layers.Layer, *names: str, transpose: bool = False) -> None:
        """Fill a layer's weight and bias: `NAME.weight` and `NAME.bias`, as `assign` does."""
        weight, bias = layer.weights[:2]
        self.assign(weight, *(f"{name}.weight" for name in names), transpose=transpose)
        self.assign(bias, *(f"{name}.bias" for name in names))
