"""Bring a notebook that was edited in JupyterLab back into its text source."""

import jupytext

from aimodels.course import CourseError
from aimodels.course.notebooks import BUILT, Page, digest, normalise, read_notebook
from aimodels.files import write_text


def pull(page: Page, force: bool = False) -> bool:
    """Rewrite the source's cells from the notebook; returns whether the source changed.

    The header (front matter) stays as it is in the source, which is where it is edited.

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
    notebook.metadata = {"jupytext": {"cell_metadata_filter": "all,-id"}}
    cells = jupytext.writes(notebook, fmt="py:percent").split("# ---\n", 2)[2]
    header = "".join(old.partition("\n# ---\n")[:2])
    new = f"{header}{cells}"
    if new != old:
        write_text(page.source, new)
    return new != old
