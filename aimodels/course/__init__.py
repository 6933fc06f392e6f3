"""What makes it a course: notebooks built and checked from one text source, recorded results."""

import json
from pathlib import Path

from aimodels.course.claims import claim as claim
from aimodels.course.claims import measured as measured

_PACKAGE = Path(__file__).parents[1]


def __getattr__(name: str):
    if name == "check":  # needs NumPy, which the command line shall not wait for
        from aimodels.course.questions import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class CourseError(Exception):
    """Something that the author of a notebook can mend; the message says what and where."""


def recorded(name: str) -> dict:
    """A result that a program in `benchmarks/` measured and wrote down.

    Args:
        name: the benchmark's name, such as "cnn_mnist".

    Returns:
        What `benchmarks/run.py` wrote: "figures", "machine", "versions", "commit", "date".

    Raises:
        FileNotFoundError: no such result; the message lists those there are.

    Example:
        >>> sorted(recorded("cnn_mnist"))
        ['commit', 'date', 'figures', 'machine', 'name', 'versions']
    """
    checkout, wheel = _PACKAGE.parent / "benchmarks" / "results", _PACKAGE / "_results"
    folder = checkout if checkout.is_dir() else wheel
    path = folder / f"{name}.json"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none yet"
        raise FileNotFoundError(
            f"no recorded result {name!r} (there are: {there}); "
            f"write it with `python benchmarks/run.py {name}`"
        )
    return json.loads(path.read_text())
