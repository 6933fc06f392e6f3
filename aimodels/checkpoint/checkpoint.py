"""Published weights: a folder in Hugging Face's format, read by name with every shape checked.

`config.json` describes the model; `model.safetensors`, in one file or several, holds its weights:
plain arrays, no code.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from aimodels import files
from aimodels.checkpoint.weights import Weights, part_of

# Settings of any model that would make it another one, and their only value.
_COMMON = {
    "is_encoder_decoder": False,
    "add_cross_attention": False,
    "pruned_heads": {},
    "quantization_config": {},
}


class Checkpoint:
    """The configuration and the weights in a folder.

    Args:
        folder: folder with `config.json` and `model.safetensors`, or its parts.
        model_type: model type that `config.json` must name, such as "bert".
        prefix: prefix of the bare model's weights where the file has a head as well.
        anchor: name of a weight that every such model has, by which the prefix is found.

    Attributes:
        config: contents of `config.json`.
        weights: `Weights` of the folder.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is damaged, or the model is of another type.
    """

    def __init__(self, folder: str | Path, model_type: str, prefix: str, anchor: str):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"{self.folder} is no folder: a checkpoint is a folder with config.json and "
                "model.safetensors, which you download first"
            )
        self.config = files.read_json(part_of(self.folder, "config.json"))
        [actual] = self.required("model_type")
        if actual != model_type:
            raise ValueError(f"{self.folder} holds a {actual!r} model, not a {model_type!r}")
        if any(name.startswith("AutoModel") for name in self.config.get("auto_map") or {}):
            raise ValueError(
                f"{self.folder}: config.json names a program of its own (auto_map), so this is no "
                f"plain {model_type!r} model; it is not supported"
            )
        self.only(**_COMMON)
        self.weights = Weights(self.folder, prefix, anchor)

    def required(self, *keys: str) -> list:
        """Settings that must be there.

        Raises:
            ValueError: if some are not; the message names them.
        """
        if missing := [key for key in keys if self.config.get(key) is None]:
            raise ValueError(
                f"{self.folder}/config.json has no {', '.join(map(repr, missing))}, without which "
                "the model is not known: take the config.json that was published with its weights"
            )
        return [self.config[key] for key in keys]

    def only(self, **supported) -> None:
        """Refuse settings that the package's model does not support.

        Args:
            **supported: the supported value of each key, also that of a missing one; several in a
                list, the first of them for a missing key.

        Raises:
            ValueError: if the configuration has one of these settings with another value.
        """
        for key, values in supported.items():
            values = values if isinstance(values, list) else [values]
            actual = self.config.get(key)
            if actual is not None and actual not in values:
                listed = " or ".join(map(repr, values))
                raise ValueError(
                    f"{self.folder}: only {key} = {listed} is supported; got {actual!r}"
                )

    def dropout(self, *keys: str, given: float | None = None) -> float:
        """The given dropout rate, or the one of the keys; where they differ, the first, said."""
        if given is not None:
            return given
        rates = {key: 0.1 if (rate := self.config.get(key)) is None else rate for key in keys}
        if len(set(rates.values())) > 1:
            listed = ", ".join(f"{key} = {rate!r}" for key, rate in rates.items())
            warnings.warn(
                f"{self.folder}: the model has one dropout rate, that of {keys[0]}, where the "
                f"checkpoint has several: {listed}; outputs are the same, training is not; with "
                "dropout=... you choose",
                stacklevel=4,
            )
        return rates[keys[0]]

    def arguments(self, config: dict, kwargs: dict) -> dict:
        """A model's arguments: the checkpoint's, and those of the caller's that leave them valid.

        Raises:
            ValueError: if the caller gives another size than the checkpoint has.
        """
        for key in config.keys() & kwargs.keys() - {"dropout", "num_layers"}:
            if kwargs[key] != config[key]:
                raise ValueError(
                    f"{key}={kwargs[key]!r} does not fit the weights in {self.folder}, which have "
                    f"{config[key]!r}: leave it out"
                )
        return {**config, **kwargs}

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
        parts = [self.weights[name].T if transpose else self.weights[name] for name in names]
        *first, last = variable.shape
        expected = (*first, last // len(parts))
        for name, part in zip(names, parts, strict=True):
            if part.shape != expected:
                shapes = [shape[::-1] if transpose else shape for shape in (part.shape, expected)]
                raise ValueError(
                    f"{self.folder}: {name!r} has the shape {shapes[0]}, "
                    f"wanted {shapes[1]}, as config.json says"
                )
        variable.assign(np.concatenate(parts, axis=-1))

    def layer(self, layer: keras.layers.Layer, *names: str, transpose: bool = False) -> None:
        """Fill a layer's kernel and bias with `NAME.weight` and `NAME.bias`, as `assign` does."""
        weight, bias = layer.weights[:2]
        self.assign(weight, *(f"{name}.weight" for name in names), transpose=transpose)
        self.assign(bias, *(f"{name}.bias" for name in names))

    def tied(self, name: str, copy: str) -> str:
        """The name of a weight that the file may hold under either name, or equal under both.

        Raises:
            ValueError: if the two differ.
        """
        if name not in self.weights:
            return copy if copy in self.weights else name
        if copy in self.weights and not np.array_equal(self.weights[name], self.weights[copy]):
            raise ValueError(
                f"{self.folder}: {copy!r} differs from {name!r}; only tied weights are supported"
            )
        return name

    def warn(self, what: str) -> None:
        """Warn that the checkpoint lacks a part."""
        warnings.warn(f"{self.folder} has no {what} until you train it", stacklevel=4)

    def refuse_left_over(self, known: Iterable[str]) -> None:
        """Refuse weights that were not read: the model would compute something else.

        Args:
            known: patterns of the names that may be left.

        Raises:
            ValueError: if there are others; the message names them.
        """
        if left := self.weights.left_over(known):
            raise ValueError(
                f"{self.folder} has {len(left)} weights for which the model of its config.json has "
                f"no place: {', '.join(map(repr, left[:3]))}{', …' if left[3:] else ''}; it would "
                "compute something else"
            )
