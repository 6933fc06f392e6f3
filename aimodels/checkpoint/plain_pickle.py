"""Dictionaries in pickles of their own, read without running anything: see `pickled`."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from aimodels import files
from aimodels.checkpoint import pickled


def read_pickle(path: str | Path) -> dict[str, Any]:
    """The dictionary in a pickle: by name a number, a text, a list of these, or an array.

    Nothing of the file is executed. What `pickle.load` would run is refused.

    Args:
        path: a `.pkl` file of protocol 3, or of protocol 2 without arrays.

    Returns:
        The dictionary in the file's order; arrays cannot be written to.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or holds anything else; the message says what.

    Example:
        >>> import pickle, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "readings.pkl"
        >>> _ = path.write_bytes(pickle.dumps({"行": ["xing2", "hang2"]}, protocol=3))
        >>> read_pickle(path)
        {'行': ['xing2', 'hang2']}
    """
    path = files.find(path)
    stream = io.BytesIO(path.read_bytes())
    try:
        content = pickled.load(stream)
        if stream.read(1):
            raise pickled.RefusedError("is followed by something else")
        if type(content) is not dict:
            raise pickled.RefusedError(f"holds a {type(content).__name__}, not a dictionary")
        return {name: _plain(name, value) for name, value in content.items()}
    except pickled.RefusedError as error:
        raise ValueError(
            f"{path} is refused: the pickle in it {error}; only numbers, texts, lists of these and "
            "arrays by name are read, and nothing that could run a program"
        ) from None
    except ValueError as error:
        raise ValueError(
            f"a file in {path.parent} is damaged: {path.name}: {error}; download it again"
        ) from None


def _plain(name: str, value: Any) -> Any:
    """The value, if it is one that the reader promises."""
    if type(value) is pickled.Unfilled and isinstance(value.value, np.ndarray):
        return value.value
    if type(value) in (int, float, str):
        return value
    if type(value) is list and all(type(item) in (int, float, str) for item in value):
        return value
    raise pickled.RefusedError(f"holds under {name[:40]!r} a {type(value).__name__}")
