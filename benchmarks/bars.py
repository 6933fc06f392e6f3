"""The bars of the assignments' last questions, and what ten seeds of the solution reach.

The last question asks for a function `train` with an argument `seed`; its tests train and call
`check.accuracy` or `check.mean_average_precision`. Those very cells are run here, ten times, each
time with another seed put into the calls of `train`, and with a `check` that notes what was reached
where it would judge it.
"""

import contextlib
import inspect
import io
from pathlib import Path

import matplotlib
import numpy as np

from aimodels.course import recorded
from aimodels.course.assignment import role
from aimodels.course.notebooks import Page, code_cells, find_pages, find_root, read_source
from aimodels.course.questions import Check, CheckFailed
from aimodels.course.verdict import boxes_found

SEEDS = range(10)


class Notes(Check):
    """Keeps each property's bar and what was reached; judges everything else as ever."""

    def __init__(self):
        super().__init__()
        self.noted: dict[str, dict] = {}

    def accuracy(self, property, actual, expected, at_least, hint=""):
        self._note("accuracies", property, at_least, float(np.mean(np.equal(actual, expected))))

    def mean_average_precision(self, property, actual, expected, at_least, hint=""):
        reached = boxes_found(actual, expected)
        self._note("mean average precisions", property, at_least, reached)

    def _note(self, name: str, property: str, bar: float, reached: float) -> None:
        noted = self.noted.setdefault(property, {"bar": bar, name: []})
        noted[name].append(round(reached, 4))
        noted["lowest"] = min(noted[name])


def with_seed(function, seed: int):
    """The function with this `seed`, whichever it is called with."""
    signature = inspect.signature(function)

    def seeded(*args, **kwargs):
        call = signature.bind(*args, **kwargs)
        call.arguments["seed"] = seed
        return function(*call.args, **call.kwargs)

    return seeded


def bars(page: Page) -> dict:
    """For each property in the last question's tests: its bar, accuracies by seed, the lowest."""
    cells = [cell for _, cell in code_cells(read_source(page))]
    names = {"__name__": page.chapter}
    for cell in cells:
        if role(cell) != "test":
            exec(cell.source, names)
    tests = [cell.source for cell in cells if role(cell) == "test"][-2:]
    notes, train = Notes(), names["train"]
    for seed in SEEDS:
        seeded = names | {"check": notes, "train": with_seed(train, seed)}
        for test in tests:  # one of them asks for two seeds, and gets one
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(CheckFailed):
                exec(test, seeded)
    return notes.noted


def run(chapters: list[str] | None = None) -> dict:
    """`chapters` measures only these, such as ["08"]: the others keep what was recorded."""
    matplotlib.use("template")  # draws nothing: the pictures are not looked at
    root = find_root(Path(__file__))
    pages = [page for page in find_pages(root, chapters) if page.kind == "assignment"]
    kept = recorded("bars")["figures"] if chapters else {}
    return kept | {page.chapter: bars(page) for page in pages}
