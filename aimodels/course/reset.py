"""Put a chapter's notebooks back as they were handed out; what is there is kept beside them.

JupyterLab saves into the very files that git keeps, so after a lesson was run and saved,
`git pull` refuses to write over them. With the notebooks put back, it goes through.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import nbformat

from aimodels.course.assignment import Assignment
from aimodels.course.notebooks import Page, read_source
from aimodels.files import write_bytes


def reset(pages: Iterable[Page]) -> list[str]:
    """Put back the notebooks of these pages in `chapters/`; returns what was done, line by line.

    They come from git's last commit. Where there is no git, the lesson is made from its text
    source, without outputs, and the assignment from its solution.

    Raises:
        CourseError: without git, if the assignment's solution or nbgrader is missing.
    """
    return [line for page in pages if page.kind != "exercises" for line in _reset(page)]


def _reset(page: Page) -> list[str]:
    path = page.root / "chapters" / f"{page}.ipynb"
    committed = _committed(page.root, path)
    original = _made(page) if committed is None else committed
    name = path.relative_to(page.root).as_posix()
    if path.is_file() and path.read_bytes() == original:
        return [f"{name} is as it was handed out"]
    lines = []
    if path.is_file():
        lines.append(f"{_keep(path).relative_to(page.root).as_posix()} is your copy of {name}")
    write_bytes(path, original)
    if committed is None:
        outputs = page.kind != "assignment"
        how = " (without git: with no outputs until it is run)" if outputs else ""
    else:
        how = " (from git)"
        _git(page.root, "reset", "--quiet", "--", name)  # had it been staged, git would refuse
    return [*lines, f"{name} is put back{how}"]


def _keep(path: Path) -> Path:
    """Copy a file to the first free name beside it."""
    number = 1
    while True:
        kept = path.with_name(f"{path.stem}.mine-{number}{path.suffix}")
        try:
            with kept.open("xb") as file:  # never over an earlier copy
                file.write(path.read_bytes())
            return kept
        except FileExistsError:
            number += 1


def _committed(root: Path, path: Path) -> bytes | None:
    """The file as it is in git's last commit; None if there is no git, or not this file in it."""
    return _git(root, "show", f"HEAD:./{path.relative_to(root).as_posix()}")


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _made(page: Page) -> bytes:
    if page.kind == "assignment":
        return Assignment(page).copy_text().encode()
    return (nbformat.writes(read_source(page)) + "\n").encode()
