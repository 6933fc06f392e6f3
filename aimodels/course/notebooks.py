"""Where the course's notebooks live and how a text source becomes one: the facts that
`build`, `check` and `pull` share.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode

from aimodels.course import CourseError, headers

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
IGNORED = "nbval-ignore-output"  # the tag of a cell whose output nbval does not compare
BUILT = "built"  # what `build` notes in the notebook's metadata, beside the front matter
ALONE = "page"  # the kind of a page that has no folder: course/00_start.py
_TARGETS = {"lesson": "chapters", "exercises": "solutions", "assignment": "solutions"}


@dataclass(frozen=True)
class Page:
    """One source file and the notebook that is built from it.

    A page that is not a chapter's stands alone: course/00_start.py gives chapters/00_start.ipynb.
    """

    root: Path
    chapter: str
    kind: str

    @property
    def source(self) -> Path:
        return self.root / "course" / f"{self}.py"

    @property
    def notebook(self) -> Path:
        return self.root / _TARGETS.get(self.kind, "chapters") / f"{self}.ipynb"

    def __str__(self) -> str:
        return self.chapter if self.kind == ALONE else f"{self.chapter}/{self.kind}"


def find_root(start: Path | None = None) -> Path:
    """The checkout's folder: the nearest one, from `start` upwards, that has a `course/`."""
    start = (start or Path.cwd()).resolve()
    for folder in [start, *start.parents]:
        if (folder / "course").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise CourseError(f"no course/ folder in {start} or above it: run this in a checkout")


def find_pages(root: Path, wanted: list[str] | None = None) -> list[Page]:
    """The pages of all chapters, or of those `wanted` by number ("06") or name ("06_cnn")."""
    alone = {path.stem for path in (root / "course").glob("[0-9][0-9]_*.py")}
    chapters = sorted(alone.union(p.name for p in (root / "course").iterdir() if p.is_dir()))
    chosen = chapters
    if wanted:
        chosen = [c for c in chapters if c in wanted or c.split("_")[0] in wanted]
        known = {name for chapter in chosen for name in (chapter, chapter.split("_")[0])}
        if unknown := [w for w in wanted if w not in known]:
            raise CourseError(f"no chapter {', '.join(unknown)}; there are {', '.join(chapters)}")
    pages = [Page(root, chapter, kind) for chapter in chosen for kind in (*_TARGETS, ALONE)]
    return [page for page in pages if page.source.is_file()]


def read_source(page: Page) -> NotebookNode:
    """The notebook that a text source describes: no outputs yet, cell ids stable."""
    text, problems = headers.expand(page.source.read_text(encoding="utf-8"))
    if problems:
        raise CourseError("\n".join(f"{page.source}:{line}: {what}" for line, what in problems))
    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1  # the first line is `# ---`
        what = getattr(error, "problem", None) or error
        raise CourseError(f"{page.source}:{line}: the front matter is not YAML: {what}") from error
    return normalise(notebook, page)


def read_notebook(page: Page) -> NotebookNode:
    """The notebook as it lies on disk."""
    if not page.notebook.is_file():
        raise CourseError(f"{page.notebook} is missing: run `aimodels course build {page.chapter}`")
    try:
        notebook = nbformat.read(page.notebook, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        raise CourseError(f"{page.notebook} is not a notebook: {error}") from error
    for position, cell in enumerate(notebook.cells):
        cell.setdefault("id", f"c{position:03d}")  # notebooks before format 4.5 have none
    return notebook


def normalise(notebook: NotebookNode, page: Page) -> NotebookNode:
    """Give the cells stable ids and leave out all that changes from run to run."""
    seen = set()
    for position, cell in enumerate(notebook.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.id = re.sub(r"[^A-Za-z0-9_-]", "-", grade_id or f"c{position:03d}")[:64]
        if cell.id in seen:
            raise CourseError(f"{page.source}: two cells have the grade_id {grade_id}")
        seen.add(cell.id)
        for key in ("execution", "lines_to_next_cell", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
    notebook.metadata = NotebookNode(
        aimodels=notebook.metadata.get("aimodels", {}),
        kernelspec=KERNEL,
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def digest(value: object) -> str:
    """A short fingerprint of a text or of anything JSON can hold."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def output_digests(notebook: NotebookNode) -> dict[str, str]:
    """A fingerprint of each code cell's outputs: an edit by hand, to a picture even, shows."""
    return {c.id: digest(c.outputs) for c in notebook.cells if c.cell_type == "code" and c.outputs}


def source_lines(page: Page) -> list[int]:
    """The line number of each cell's `# %%` in the source."""
    lines = page.source.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if re.match(r"# %%(\s|$)", line)]


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The code cells that hold something, with their positions among all cells."""
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip():
            yield position, cell
