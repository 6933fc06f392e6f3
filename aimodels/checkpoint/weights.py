"""The weights in a folder: plain arrays in safetensors files, found by their names."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from aimodels import files

# Turns PyTorch's pickle into plain arrays, for somebody who trusts it; run in its folder.
FROM_PYTORCH = (
    'python -c "import glob, torch; from safetensors.torch import save_file; '
    "save_file({k: v.contiguous().clone() for f in glob.glob('pytorch_model*.bin') "
    "for k, v in torch.load(f, weights_only=True).items()}, 'model.safetensors')\""
)


class Weights:
    """The arrays of a folder's `model.safetensors`, or of its parts, by the bare model's names.

    Whatever prefix they have in the file is taken away, and the names of BERT's first files,
    `gamma` and `beta`, are read as `weight` and `bias`.

    Args:
        folder: folder that holds the files.
        prefix: prefix of the bare model's weights where the file has a head as well.
        anchor: name of a weight that every such model has, by which the prefix is found.

    Raises:
        FileNotFoundError: if a file is missing; the message says what is there in its place.
        ValueError: if a file is damaged or another kind of file.
    """

    def __init__(self, folder: Path, prefix: str, anchor: str):
        self.folder = folder
        self._files = {path: _open(path) for path in self._parts()}
        self._places = self._named(prefix, anchor)
        self._read = set()

    def _parts(self) -> list[Path]:
        """The files with weights: one, or those that the index names, or all that are numbered."""
        if (whole := self.folder / "model.safetensors").is_file():
            return [whole]
        index = self.folder / "model.safetensors.index.json"
        named = (files.read_json(index).get("weight_map") or {}) if index.is_file() else {}
        if wrong := [part for part in named.values() if Path(part).name != part]:
            raise ValueError(f"{index} names {wrong[0]!r}, which is outside its folder")
        names = sorted(set(named.values()))
        if not names and (numbered := sorted(self.folder.glob("model-?????-of-?????.safetensors"))):
            last = numbered[0].stem[-5:]
            names = [f"model-{i:05}-of-{last}.safetensors" for i in range(1, int(last) + 1)]
        if not names and not whole.is_symlink():
            self._say_what_is_there()
        return [part_of(self.folder, name) for name in names or ["model.safetensors"]]

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

    def __getitem__(self, name: str) -> np.ndarray:
        """A weight of 16, 32 or 64 bits as float32.

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

    def leave_out(self, prefix: str, numbers: Iterable[int]) -> None:
        """Let the weights of some layers be left over: the caller asked for fewer."""
        for i in numbers:
            self._read |= {name for name in self._places if name.startswith(f"{prefix}{i}.")}

    def left_over(self, known: Iterable[str]) -> list[str]:
        """Names of weights that were not read and match none of the patterns."""
        return [
            name
            for name in sorted(self._places.keys() - self._read)
            if not any(re.fullmatch(pattern, name) for pattern in known)
        ]


def part_of(folder: Path, name: str) -> Path:
    """A file that a checkpoint must have."""
    path = folder / name
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(f"{path} is a link to a file that is not there: download it")
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no {name}: a checkpoint is a folder with config.json and "
            "model.safetensors, in one file or with all its parts"
        )
    return path


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
