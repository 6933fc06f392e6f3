"""Files that are written as a whole or not at all, and published ones that are what they seem."""

import json
import os
import re
from pathlib import Path


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in one step, in UTF-8, its line ends as they are.

    Args:
        path: where the file will be; its folder is made if it is missing.
        text: its content.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "notes.txt"
        >>> write_text(path, "naïve")
        >>> path.read_text(encoding="utf-8")
        'naïve'
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file in one step: a process that is killed meanwhile leaves the old one.

    Args:
        path: where the file will be; its folder is made if it is missing.
        data: its content.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.half")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # or a machine that loses its power has the name without the data
    unfinished.replace(path)


def read_text(path: str | Path) -> str:
    """Read a published text file: UTF-8, its line ends as they are, without a byte order mark.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if it is another kind of file, such as a Git LFS pointer, a web page or a
            pickle, or not UTF-8; the message says which.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "vocab.txt"
        >>> write_text(path, "\ufeffnaïve")
        >>> read_text(path)
        'naïve'
    """
    path = find(path)
    data = path.read_bytes()
    if what := kind_of(data[:512]):
        raise ValueError(f"{path} is {what}")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        line = data.split(b"\n", number)[number - 1]
        raise ValueError(
            f"{path}: line {number} is not UTF-8: {line[:40]!r}; convert the file to UTF-8 first"
        ) from None


def read_json(path: str | Path) -> dict:
    """The object in a JSON file; errors as those of `read_text` and `parse_json`."""
    return parse_json(path, read_text(path))


def parse_json(path: str | Path, content: str) -> dict:
    """The object in a JSON file.

    Raises:
        ValueError: if the content is damaged, or no object.
    """
    try:
        parsed = json.loads(content)
    except json.JSONDecodeError as error:
        path = Path(path)
        raise ValueError(
            f"a file in {path.parent} is damaged: {path.name} is no JSON: {error}"
        ) from None
    if not isinstance(parsed, dict):
        raise ValueError(f"{path} must hold a JSON object; got {content[:40]!r}")
    return parsed


def find(path: str | Path) -> Path:
    """The path of a file that must be there.

    Raises:
        FileNotFoundError: if it is not; the message says what its folder holds.
    """
    path = Path(path)
    if path.is_file():
        return path
    if path.is_dir():
        raise FileNotFoundError(f"{path} is a folder, not a file; it holds {_names(path)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no {path}, nor its folder {path.parent}")
    raise FileNotFoundError(f"there is no {path}; its folder holds {_names(path.parent)}")


def _names(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return (", ".join(names[:8]) + (", …" if len(names) > 8 else "")) or "nothing"


# How files begin that are often found in place of another one, and what they are.
_BEGINNINGS = [
    (
        r"version https://git-lfs\.github\.com/",
        "a Git LFS pointer, not the file: fetch the file with `git lfs pull`, or download it",
    ),
    (
        r"(?i:\s*(<!doctype|<html|<\?xml))",
        "a web page, not the file: download the file itself; on Hugging Face, its address has "
        "/resolve/ in place of /blob/",
    ),
    (
        r"\x80[\x02-\x05][\x95}c(\x8a]",
        "a pickle, which can run any program when it is read: it is never loaded",
    ),
    (r"PK\x03\x04", "a zip archive: unpack it, or convert it if PyTorch wrote it"),
    (r"\x1f\x8b|BZh[1-9]|\xfd7zXZ", "compressed: unpack it first"),
    (r"\xff\xfe|\xfe\xff", "in UTF-16: convert it to UTF-8"),
    (r"GGUF", "a GGUF file, which only `aimodels.checkpoint.read_gguf` reads"),
    (r"\x89HDF", "an HDF5 file, which this package does not read"),
    (r"\Z", "empty: download it again"),
]


def kind_of(beginning: bytes) -> str | None:
    """What another kind of file this is, by its first bytes, and what to do; None if unknown.

    Example:
        >>> kind_of(b"version https://git-lfs.github.com/spec/v1")[:32]
        'a Git LFS pointer, not the file:'
        >>> kind_of(b"[PAD]")
    """
    text = beginning.decode("latin-1").removeprefix("ï»¿")  # a byte order mark
    for pattern, what in _BEGINNINGS:
        if re.match(pattern, text):
            return what
    return None
