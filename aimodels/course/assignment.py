"""An assignment: the solution notebook, the student's copy made from it, and what graders run.

nbgrader's metadata say what each code cell is: an *answer*, a *test* that earns points, or *locked*
(imports, data). The student's copy comes from nbgrader's own preprocessors, so that a school's
nbgrader works on the same files.
"""

import ast
import json
import logging
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from aimodels.course import CourseError
from aimodels.course.notebooks import Page, code_cells, digest, read_notebook
from aimodels.course.recording import defined, recording
from aimodels.course.slicing import derived


@dataclass(frozen=True)
class Limits:
    """What one submission may use; an assignment's front matter can set the first three.

    Seconds are those in which the notebook computes or sleeps; see `aimodels.course.sandbox`.
    """

    cell: int = 30  # seconds
    total: int = 120  # seconds, start of the kernel included
    memory: int = 4096  # MiB
    processes: int = 200  # threads count: TensorFlow has dozens
    disk: int = 256  # MiB


@dataclass(frozen=True)
class Test:
    """A cell that earns points."""

    id: str
    points: float
    source: str

    @property
    def question(self) -> str:
        return self.id.partition("_")[0]

    @property
    def hidden(self) -> bool:
        return self.id.endswith("_hidden")


@dataclass(frozen=True)
class Step:
    """A cell to execute: a student's, a locked one, or the code of a test."""

    source: str
    name: str = ""  # of a cell of the master
    test: Test | None = None
    own: int | None = None  # of a student's cell: its number among the notebook's code cells


class Assignment:
    """The solution of a chapter's assignment and what follows from it.

    Args:
        page: the chapter's assignment.
        notebook: its solution; read from `solutions/` if None.

    Raises:
        CourseError: if the notebook is missing or unreadable.
    """

    def __init__(self, page: Page, notebook: NotebookNode | None = None):
        self.page = page
        self.solution = read_notebook(page) if notebook is None else notebook
        facts = self.solution.metadata.get("aimodels", {})
        try:
            self.limits = Limits(**facts.get("limits", {}))
        except TypeError as error:
            names = ", ".join(field.name for field in fields(Limits))
            raise CourseError(
                f"{page.source}:1: front matter: limits are any of {names}; got {facts['limits']}"
            ) from error

    @property
    def copy_path(self) -> Path:
        return self.page.root / "chapters" / self.page.chapter / "assignment.ipynb"

    @cached_property
    def tests(self) -> list[Test]:
        return [
            Test(cell.id, float(facts["points"]), cell.source)
            for cell in self.solution.cells
            if (facts := facts_of(cell)) and role(cell) == "test"
        ]

    @cached_property
    def questions(self) -> dict[str, float]:
        """Every question with its points, in the notebook's order."""
        points: dict[str, float] = {}
        for test in self.tests:
            points[test.question] = points.get(test.question, 0) + test.points
        return points

    @cached_property
    def answers(self) -> dict[str, type]:
        """The names that the answers define, each with its kind of statement, and those that other
        cells make with them.
        """
        names: dict[str, type] = {}
        for _, cell in code_cells(self.solution):
            if role(cell) == "answer":
                names |= defined(cell.source)
            else:
                made = derived(ast.parse(cell.source), names)
                names |= dict.fromkeys(made - names.keys(), ast.Assign)
        return names

    @cached_property
    def handed(self) -> dict[str, type]:
        """The functions and classes of the locked cells: a student has them."""
        names: dict[str, type] = {}
        for _, cell in code_cells(self.solution):
            if role(cell) == "locked":
                names |= defined(cell.source)
        return {name: kind for name, kind in names.items() if kind is not ast.Assign}

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a cell of the solution does: then what was graded is no longer true."""
        return digest([[cell.id, cell.source] for cell in self.solution.cells])

    def student_copy(self) -> NotebookNode:
        """Without solutions, hidden tests and outputs; locked cells cannot be edited or deleted.

        Raises:
            CourseError: if nbgrader is not installed, or finds a fault in the metadata.
        """
        try:
            import nbgrader  # noqa: F401
        except ImportError as error:
            raise CourseError(
                'making the student\'s copy needs nbgrader: pip install "nbgrader>=0.9.5"'
            ) from error
        from nbgrader import preprocessors
        from nbgrader.nbgraderformat.common import SchemaMismatchError, ValidationError

        notebook = nbformat.from_dict(json.loads(json.dumps(self.solution)))
        notebook.metadata.aimodels.pop("built", None)
        notebook.metadata.aimodels["chapter"] = self.page.chapter
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        resources: dict = {"nbgrader": {}}
        steps = ("LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata")
        steps += ("ComputeChecksums", "ClearHiddenTests", "ComputeChecksums", "CheckCellMetadata")
        try:
            for name in steps:  # in the order of nbgrader's own generate_assignment
                step = getattr(preprocessors, name)()
                notebook, resources = step.preprocess(notebook, resources)
        except (RuntimeError, SchemaMismatchError, ValidationError) as error:
            raise CourseError(f"{self.page.source}: {error}") from error
        return notebook

    def copy_text(self) -> str:
        """The student's copy as the text of its file."""
        return nbformat.writes(self.student_copy()) + "\n"

    def read_copy(self) -> NotebookNode:
        """The student's copy as it lies in `chapters/`."""
        if not self.copy_path.is_file():
            wanted = f"aimodels course build {self.page.chapter}"
            raise CourseError(f"{self.copy_path} is missing: run `{wanted}`")
        return nbformat.read(self.copy_path, as_version=4)

    def reference_steps(self) -> list[Step]:
        """The solution, its tests recording what is wanted as well."""
        tests = {test.id: test for test in self.tests}
        return [
            Step(
                recording(cell.source, None, self.answers) if cell.id in tests else cell.source,
                cell.id,
                tests.get(cell.id),
            )
            for cell in self.solution.cells
            if cell.cell_type == "code"
        ]


def facts_of(cell: NotebookNode) -> dict:
    """The cell's nbgrader metadata, or nothing."""
    facts = cell.metadata.get("nbgrader")
    return facts if isinstance(facts, dict) else {}


def role(cell: NotebookNode) -> str:
    """ "test", "answer", "locked", or "free": what the cell is for."""
    facts = facts_of(cell)
    if facts.get("grade") and facts.get("locked"):
        return "test"
    if facts.get("solution"):
        return "answer"
    return "locked" if facts.get("locked") else "free"
