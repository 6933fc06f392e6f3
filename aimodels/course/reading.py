"""A submitted notebook as plain strings, whatever JSON it is, and which page it was made from."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from nbformat import NotebookNode

from aimodels.course.notebooks import Page, read_notebook
from aimodels.course.sources import Source, SubmissionError
from aimodels.course.sources import read as read_file

MOST_CELLS = 1000


class Readable(Protocol):
    """A source or a submission."""

    def load(self) -> bytes: ...


def read(file: Path | Readable) -> list[NotebookNode]:
    """The cells of a submitted notebook: type, source, id and nbgrader's grade_id, no more.

    Raises:
        SubmissionError: if it is no regular file, too large, or no notebook of Python code.
    """
    cells = _cells(_json(read_file(file) if isinstance(file, Path) else file.load()))
    if not any(cell.source.strip() for cell in cells if cell.cell_type in ("code", "raw")):
        raise SubmissionError("There is no code in the notebook: is it the right file?")
    return cells


def _json(data: bytes) -> object:
    if data[:2] == b"PK":
        raise SubmissionError("This is a zip archive: unpack it and hand in the notebook.")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            "The file is not a notebook, or it was damaged: open it in JupyterLab, save it, and "
            "hand it in again."
        ) from error


def _cells(notebook: object) -> list[NotebookNode]:
    """Plain strings out of whatever JSON there is; formats 3 and 4 of Jupyter."""
    notebook = notebook if isinstance(notebook, dict) else {}
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise SubmissionError("The file is not a notebook: it has no list of cells.")
    if len(cells) > MOST_CELLS:
        raise SubmissionError(f"The notebook has {len(cells)} cells, more than {MOST_CELLS}.")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _list(value: object) -> list:
    return value if isinstance(value, list) else []


def _cell(cell: dict) -> NotebookNode:
    source = cell.get("source", cell.get("input", ""))
    lines = source if isinstance(source, list) else [source]
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    facts = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    return NotebookNode(
        cell_type=str(cell.get("cell_type")),
        source=_utf8("".join(line for line in lines if isinstance(line, str))),
        id=str(cell.get("id")),
        grade_id=str(facts.get("grade_id")),
    )


def _utf8(text: str) -> str:
    """JSON can hold halves of characters, which nothing else can."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Pages:
    """Which page of the course a notebook was made from: by its metadata, or by its heading."""

    def __init__(self, pages: Iterable[Page]):
        self._known: dict[str, Page] = {}
        for page in pages:
            if not page.notebook.is_file():
                continue
            notebook = read_notebook(page)
            if page.kind == "assignment":
                self._known[page.chapter] = page
            for title in (notebook.metadata.get("aimodels", {}).get("title"), _heading(notebook)):
                self._known.setdefault(str(title), page)

    def page_of(self, source: Source) -> Page | None:
        """The page of a notebook, or None if nothing in it says so."""
        try:
            notebook = _json(source.load())
            facts = notebook["metadata"].get("aimodels", {})
            said = [facts.get("chapter"), facts.get("title"), _heading(notebook)]
        except (SubmissionError, AttributeError, KeyError, TypeError):
            return None
        names = (name for name in said if isinstance(name, str))
        return next((self._known[name] for name in names if name in self._known), None)


def _heading(notebook: object) -> str:
    """The first line of the first Markdown cell."""
    for cell in _list(notebook.get("cells")):
        if isinstance(cell, dict) and cell.get("cell_type") == "markdown":
            return _cell(cell).source.partition("\n")[0].strip("# ")
    return ""
