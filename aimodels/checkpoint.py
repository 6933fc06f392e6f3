"""Published weights: a folder in Hugging Face's format, read by name with every shape checked.

`config.json` describes the model; `model.safetensors`, in one file or several, holds its weights:
plain arrays, no code.
"""

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from aimodels import files

# Turns PyTorch's pickle into plain arrays, for somebody who trusts it; run in its folder.
FROM_PYTORCH = (
    'python -c "import glob, torch; from safetensors.torch import save_file; '
    "save_file({k: v.contiguous().clone() for f in glob.glob('pytorch_model*.bin') "
    "for k, v in torch.load(f, weights_only=True).items()}, 'model.safetensors')\""
)
# Settings of any model that would make it another one, and their only value.
_COMMON = {
    "is_encoder_decoder": False,
    "add_cross_attention": False,
    "pruned_heads": {},
    "quantization_config": {},
}


class Checkpoint:
    """The configuration and the weights in a folder.

    Names of weights are those of the bare model, whatever prefix they have in the file, and those
    of BERT's first files, `gamma` and `beta`, are read as `weight` and `bias`. Numbers of 16, 32
    or 64 bits become float32.

    Args:
        folder: folder with `config.json` and `model.safetensors`, or its parts.
        model_type: model type that `config.json` must name, such as "bert".
        prefix: prefix of the bare model's weights where the file has a head as well.
        anchor: name of a weight that every such model has, by which the prefix is found.

    Attributes:
        config: contents of `config.json`.

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
        self.config = _read_json(self._path("config.json"))
        if self.required("model_type") != model_type:
            actual = self.config["model_type"]
            raise ValueError(f"{self.folder} holds a {actual!r} model, not a {model_type!r}")
        if any(name.startswith("AutoModel") for name in self.config.get("auto_map") or {}):
            raise ValueError(
                f"{self.folder}: config.json names a program of its own (auto_map), so this is no "
                f"plain {model_type!r} model; it is not supported"
            )
        self.only(**_COMMON)
        self._files = {path: _open(path) for path in self._parts()}
        self._places = self._named(prefix, anchor)
        self._read = set()

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if path.is_symlink() and not path.exists():
            raise FileNotFoundError(f"{path} is a link to a file that is not there: download it")
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} has no {name}: a checkpoint is a folder with config.json and "
                "model.safetensors, in one file or with all its parts"
            )
        return path

    def _parts(self) -> list[Path]:
        """The files with weights: one, or those that the index names, or all that are numbered."""
        if (whole := self.folder / "model.safetensors").is_file():
            return [whole]
        index = self.folder / "model.safetensors.index.json"
        named = (_read_json(index).get("weight_map") or {}) if index.is_file() else {}
        if wrong := [part for part in named.values() if Path(part).name != part]:
            raise ValueError(f"{index} names {wrong[0]!r}, which is outside its folder")
        names = sorted(set(named.values()))
        if not names and (numbered := sorted(self.folder.glob("model-?????-of-?????.safetensors"))):
            last = numbered[0].stem[-5:]
            names = [f"model-{i:05}-of-{last}.safetensors" for i in range(1, int(last) + 1)]
        if not names and not whole.is_symlink():
            self._say_what_is_there()
        return [self._path(name) for name in names or ["model.safetensors"]]

    def _say_what_is_there(self) -> None:
        """Raise an error that says how to convert what stands in place of the weights."""
        names = sorted(path.name for path in self.folder.iterdir())
        if "pytorch_model.bin" in names or "pytorch_model.bin.index.json" in names:
            raise FileNotFoundError(
                f"{self.folder} has its weights in pytorch_model.bin only, a pickle, which can run "
                "any program when it is read: it is never loaded. If you trust it, convert it "
                f"elsewhere, where PyTorch is installed, in its folder: {FROM_PYTORCH}"
            )
        if "adapter_config.json" in names:
            raise FileNotFoundError(
                f"{self.folder} holds an adapter, not a model: merge it into its model elsewhere, "
                "with peft's merge_and_unload(), and save that"
            )
        others = r".*\.(bin|pt|pth|h5|msgpack|ot|onnx|gguf|index|safetensors)"
        if found := [name for name in names if re.fullmatch(others, name)]:
            raise FileNotFoundError(
                f"{self.folder} has no model.safetensors, but {', '.join(found[:4])}: convert or "
                "rename it elsewhere, for example with Hugging Face's save_pretrained()"
            )

    def _named(self, prefix: str, anchor: str) -> dict[str, tuple[Path, str]]:
        """Where each weight is, by its name in the bare model."""
        stored = [(path, name) for path in self._files for name in self._files[path].keys()]  # noqa: SIM118
        found = {
            name.removesuffix(anchor) for _, name in stored if f".{name}".endswith(f".{anchor}")
        }
        if len(found) > 1:
            listed = ", ".join(map(repr, sorted(found)))
            raise ValueError(f"{self.folder} holds several models: their prefixes are {listed}")
        bare = found.pop() if found else ""
        outer = bare.removesuffix(prefix)  # such as "module.", before the head's names as well
        places = {}
        for path, name in stored:
            short = name.removeprefix(bare) if name.startswith(bare) else name.removeprefix(outer)
            short = re.sub(r"\bgamma$", "weight", re.sub(r"\bbeta$", "bias", short))
            if short in places:
                raise ValueError(f"{self.folder} has two weights for {short!r}: {name!r} is one")
            places[short] = path, name
        return places

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def required(self, key: str):
        """A setting that must be there.

        Raises:
            ValueError: if it is not; the message names it.
        """
        if self.config.get(key) is None:
            raise ValueError(
                f"{self.folder}/config.json has no {key!r}, without which nobody knows the model: "
                "take the config.json that was published with these weights"
            )
        return self.config[key]

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

    def dropout(self, *keys: str) -> float:
        """The dropout rate that the keys share; where they differ, that of the first, said."""
        rates = {key: 0.1 if (rate := self.config.get(key)) is None else rate for key in keys}
        if len(set(rates.values())) > 1:
            listed = ", ".join(f"{key} = {rate!r}" for key, rate in rates.items())
            warnings.warn(
                f"{self.folder}: the model has one dropout rate, that of {keys[0]}, where the "
                f"checkpoint has several: {listed}; outputs are the same, training is not",
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

    def weight(self, name: str) -> np.ndarray:
        """A weight as float32.

        Raises:
            ValueError: if it is missing, of a type that is not supported, or not finite; the
                message names it.
        """
        if name not in self._places:
            raise ValueError(f"{self.folder} has no weight {name!r}")
        path, stored = self._places[name]
        dtype = self._files[path].get_slice(stored).get_dtype()
        if dtype not in ("F64", "F32", "F16", "BF16"):
            raise ValueError(
                f"{path}: {name!r} has numbers of type {dtype}; only float16, bfloat16, float32 "
                "and float64 are supported: take the weights that were published before they were "
                "made smaller"
            )
        self._read.add(name)
        with np.errstate(over="ignore"):
            value = self._files[path].get_tensor(stored).astype(np.float32)
        if not np.isfinite(value).all():
            raise ValueError(
                f"{path}: {name!r} has values that are NaN or infinite: the file is damaged, or "
                "the training failed"
            )
        return value

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
        parts = [self.weight(name).T if transpose else self.weight(name) for name in names]
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
        if name not in self:
            return copy if copy in self else name
        if copy in self and not np.array_equal(self.weight(name), self.weight(copy)):
            raise ValueError(
                f"{self.folder}: {copy!r} differs from {name!r}; only tied weights are supported"
            )
        return name

    def leave_out(self, prefix: str, numbers: Iterable[int]) -> None:
        """Let the weights of some layers be left over: the caller asked for fewer."""
        for i in numbers:
            self._read |= {name for name in self._places if name.startswith(f"{prefix}{i}.")}

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
        left = [
            name
            for name in sorted(self._places.keys() - self._read)
            if not any(re.fullmatch(pattern, name) for pattern in known)
        ]
        if left:
            raise ValueError(
                f"{self.folder} has {len(left)} weights for which the model of its config.json has "
                f"no place: {', '.join(map(repr, left[:3]))}{', …' if left[3:] else ''}; it would "
                "compute something else"
            )


def _read_json(path: Path) -> dict:
    return files.parse_json(path, files.read_text(path))


def _open(path: Path):
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, "numpy")
    except (SafetensorError, OSError, ValueError) as error:
        with path.open("rb") as file:
            what = files.kind_of(file.read(512))
        if what and what.startswith(("a zip", "a pickle")):
            what = (
                "PyTorch's pickle under another name, which can run any program when it is read: "
                "it is never loaded. If you trust it, rename it to pytorch_model.bin and convert "
                f"it elsewhere, where PyTorch is installed, in its folder: {FROM_PYTORCH}"
            )
        if what:
            raise ValueError(f"{path} is {what}") from None
        raise ValueError(
            f"a file in {path.parent} is damaged: {path.name}: {error}; download it again"
        ) from None
