"""Bring a notebook that was edited in JupyterLab back into its text source."""

import difflib
import json

import jupytext
from nbformat import NotebookNode

from aimodels.course import CourseError, headers
from aimodels.course.notebooks import (
    BUILT,
    Page,
    digest,
    normalise,
    read_notebook,
    read_source,
    source_lines,
)
from aimodels.files import write_text


def pull(page: Page, force: bool = False) -> bool:
    """Rewrite the source's cells from the notebook; returns whether the source changed.

    The header (front matter) stays as it is in the source, which is where it is edited, and so
    does the text of every cell that the notebook has not changed, with the blank lines around it.

    Raises:
        CourseError: the source, too, was edited since the notebook was built from it, and one
            of the two would be lost. `force` takes the notebook.
    """
    notebook = read_notebook(page)
    old = page.source.read_text(encoding="utf-8")
    built_from = notebook.metadata.get("aimodels", {}).get(BUILT, {}).get("source")
    if built_from != digest(old) and not force:
        raise CourseError(
            f"{page.source} was edited after {page.notebook.name} was built from it: "
            "keep one of the two (`git diff` shows them), or take the notebook with --force"
        )
    notebook = normalise(notebook, page)
    ours, theirs = read_source(page).cells, notebook.cells
    starts = [line - 1 for line in source_lines(page)]
    lines = old.splitlines(keepends=True)
    texts = ["".join(lines[a:b]) for a, b in zip(starts, [*starts[1:], None], strict=True)]
    new = "".join(lines[: starts[0]]) if starts else old
    matcher = difflib.SequenceMatcher(None, _keys(ours), _keys(theirs), autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        new += "".join(texts[a:b] if kind == "equal" else map(_text, theirs[c:d]))
    new = new.rstrip("\n") + "\n"
    if new != old:
        write_text(page.source, new)
    return new != old


def _keys(cells: list[NotebookNode]) -> list[str]:
    return [json.dumps([c.cell_type, c.source, c.metadata], sort_keys=True) for c in cells]


def _text(cell: NotebookNode) -> str:
    """A cell as percent text, with a blank line behind it."""
    notebook = NotebookNode(cells=[cell], nbformat=4, nbformat_minor=5)
    notebook.metadata = {"jupytext": {"cell_metadata_filter": "all,-id"}}
    text = jupytext.writes(notebook, fmt="py:percent").split("# ---\n", 2)[2]
    return headers.shorten(text).strip("\n") + "\n\n"
