"""What is proven already: a wrong answer's points, until something changes that they rest on.

Grading every wrong answer of every chapter takes hours of processor time, and nearly all of it
proves again what nobody touched. So `solutions/NN/proven.json` keeps a fingerprint of each proven
answer: of the answer itself, its points and tests, the whole solution, every module of this package
that they or the grader reach, and the versions of Python and the libraries. An answer whose
fingerprint is not in the file is graded; so is always one in eight of the others, another eighth
at each commit, and the solution and the untouched copy.
"""

import ast
import functools
import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment, Test
from aimodels.course.notebooks import code_cells, digest

SAMPLE = 8  # one in so many is graded again although nothing has changed
_PACKAGE = Path(__file__).parents[1]
_DATASETS = _PACKAGE.parent / "datasets"
_GRADER = "from aimodels.course import proof, questions, notebooks"
_LIBRARIES = ("tensorflow", "keras", "numpy")


class Proven:
    """The fingerprints of an assignment's proven answers, and where they are kept."""

    def __init__(self, assignment: Assignment):
        page = assignment.page
        self.path = page.notebook.with_name("proven.json")
        self.commit = _commit(page.root)
        self.names: dict[str, str] = {}
        self._cells = [cell.source for _, cell in code_cells(assignment.solution)]
        self._facts = [assignment.fingerprint, vars(assignment.limits), _versions()]
        if self.path.is_file():
            try:
                self.names = dict(json.loads(self.path.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise CourseError(
                    f"{self.path} is damaged: remove it, and `aimodels course check --keep` "
                    "writes it anew"
                ) from error

    def fingerprint(self, points: dict[str, float], source: str, tests: Iterable[Test]) -> str:
        """Of an answer: changes with everything that its points rest on."""
        modules = {name: _meaning(name) for name in sorted(_reached([*self._cells, source]))}
        data = _builders() if "data" in modules else ""
        ids = [test.id for test in tests]
        return digest([self._facts, modules, data, points, source, ids])

    def holds(self, fingerprint: str) -> bool:
        """Whether an answer need not be graded this time."""
        drawn = int(digest(self.commit + fingerprint), 16) % SAMPLE == 0
        return fingerprint in self.names and not drawn

    def keep(self, names: dict[str, str]) -> None:
        """Write these fingerprints, with the answers' titles for a reader, and no others."""
        text = json.dumps(names, indent=1, ensure_ascii=False)
        self.path.write_text(text + "\n", encoding="utf-8")


def _commit(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no checkout: always the same eighth
        return ""


def _versions() -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{name: version(name) for name in _LIBRARIES}}


def _reached(sources: Iterable[str]) -> set[str]:
    """The package's modules that code and the grader import, themselves or through others."""
    found: set[str] = set()
    left = {"__init__"}.union(*map(_imports, [_GRADER, *sources]))
    while left:
        found |= left
        left = set().union(*map(_imported_by, left)) - found
    return found


def _imports(source: str) -> set[str]:
    """The package's modules whose names stand in a source's imports, or behind `aimodels.`"""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # an answer that cannot be run reaches nothing
        return set()
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    inside = {name.partition(".")[2] for name in names if name.startswith("aimodels.")}
    inside |= {name.rpartition(".")[0] for name in inside}
    return {name for name in inside if name and _file(name)}


@functools.cache
def _file(name: str) -> Path | None:
    path = _PACKAGE.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _imported_by(name: str) -> set[str]:
    return _imports(_file(name).read_text(encoding="utf-8"))


@functools.cache
def _meaning(name: str) -> str:
    """A module's digest without comments, docstrings and the list of what it offers."""
    tree = ast.parse(_file(name).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [statement for statement in body if not _idle(statement)]
    return digest(ast.dump(tree))


def _idle(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id == "__all__" for t in statement.targets)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@functools.cache
def _builders() -> str:
    """The data sets' builders are found by name, not imported."""
    files = sorted(_DATASETS.rglob("*.py"))
    return digest([[path.name, path.read_text(encoding="utf-8")] for path in files])
