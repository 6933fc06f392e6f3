"""Files that are written as a whole or not at all."""

import os
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
