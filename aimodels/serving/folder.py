"""Models in a folder: which there are, in which versions. Nothing heavy is imported or loaded.

folder/digits.keras                a file, version 1
folder/reviews/3/saved_model.pb    numbered folders are versions
folder/writer/run.json             what `aimodels train` wrote
"""

import re
from pathlib import Path

from aimodels import files
from aimodels.serving.servable import LoadError

SUFFIXES = (".keras", ".tflite")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def find(folder: str | Path) -> dict[str, dict[int, Path]]:
    """The models of a folder: name -> version -> where it lies. Nothing is read.

    Args:
        folder: a model, numbered versions of one, or a folder of such.

    Raises:
        LoadError: if there is none, two have the same name, or a name could not stand in a URL.
    """
    folder = Path(folder).resolve()
    if not folder.exists():
        raise LoadError(f"there is no {folder}")
    if versions := _versions(folder):
        found = {folder.stem if folder.is_file() else folder.name: versions}
    else:
        found = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name.startswith(".") or not (versions := _versions(path)):
                continue
            name = path.stem if path.is_file() else path.name
            if name in found:
                raise LoadError(f"two models in {folder} are named {name!r}: rename one")
            found[name] = versions
    if not found:
        raise LoadError(
            f"there is no model in {folder}: it may hold .keras and .tflite files, SavedModels, "
            "runs of `aimodels train`, folders of GPT-2, and numbered folders of these"
            + _refused(folder)
        )
    for name in found:
        if not NAME.fullmatch(name):
            raise LoadError(
                f"{name!r} cannot be a model's name in a URL: use letters, digits, '.', '_', '-'"
            )
    return found


def _refused(folder: Path) -> str:
    """A part of a sentence about files that look like models and are never loaded."""
    paths = [folder] if folder.is_file() else sorted(folder.iterdir())
    for path in paths:
        if path.is_file():
            with path.open("rb") as file:
                what = files.kind_of(file.read(512))
            if what and path.suffix in (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".h5", ".bin"):
                return f"; {path.name} is {what}"
    return ""


def _versions(path: Path) -> dict[int, Path]:
    if _is_model(path):
        return {1: path}
    if not path.is_dir():
        return {}
    versions = {}
    for child in path.iterdir():
        if re.fullmatch(r"[0-9]{1,18}", child.name) and child.is_dir():
            inside = [child] if _is_model(child) else [p for p in child.iterdir() if _is_model(p)]
            # A folder without a model is a version that is broken, and said to be so.
            versions[int(child.name)] = inside[0] if len(inside) == 1 else child
    return dict(sorted(versions.items()))


def _is_model(path: Path) -> bool:
    if path.is_file():
        return path.suffix in SUFFIXES
    names = ("saved_model.pb", "run.json", "config.json")
    return any((path / name).is_file() for name in names) or lite_gpt(path) is not None


def lite_gpt(folder: Path) -> Path | None:
    """The GPT that `lite.export` wrote, if its tokenizer's files lie beside it."""
    if not (folder / "merges.txt").is_file():
        return None
    return next(iter(sorted(folder.glob("*.tflite"))), None)
