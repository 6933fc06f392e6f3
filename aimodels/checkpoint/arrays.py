"""Arrays by their names, from NumPy's files or PyTorch's."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from aimodels import files
from aimodels.checkpoint.pytorch import read_state_dict


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays in a `.npz` file, or the tensors in a file that PyTorch wrote, by their names.

    Args:
        path: the file; by its ending it is NumPy's or not.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, of another kind, or holds more than arrays of numbers.
    """
    path = files.find(path)
    if path.suffix != ".npz":
        return read_state_dict(path)
    if what := None if zipfile.is_zipfile(path) else files.kind_of(path.read_bytes()[:512]):
        raise ValueError(f"{path} is {what}")
    try:
        with np.load(path, allow_pickle=False) as content:
            return dict(content)
    except (ValueError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"a file in {path.parent} is damaged or holds more than plain arrays: {path.name}: "
            f"{error}; download it again"
        ) from None
