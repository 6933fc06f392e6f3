"""Submissions as they arrive: files that nobody can vouch for.

A file is looked at before it is read, read as text only, and taken apart into plain strings. Then
every locked cell and every test is put back from the master, in its place, exactly once.
"""

import itertools
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment, Step, facts_of, role
from aimodels.course.recording import recording

LARGEST = 20 * 2**20  # bytes; a notebook with many pictures has two or three millions
MOST_CELLS = 1000


class SubmissionError(Exception):
    """A file that cannot be graded; the message is for the student."""


@dataclass(frozen=True)
class Submission:
    """One file of one student."""

    student: str
    path: Path
    file: str  # as it is written in the results


def find(paths: list[str], chapter: str, chapters: Iterable[str] = ()) -> list[Submission]:
    """The notebooks among `paths`, files or folders, with the student's name for each.

    A name is what tells the files apart: `alice.ipynb`, `alice/assignment.ipynb` and nbgrader's
    `submitted/alice/06_cnn/assignment.ipynb` are all alice's. Where two students have the same
    name, the folders above tell them apart; if there are none, a number does.

    Args:
        paths: files, or folders to look through.
        chapter: whose assignment they are.
        chapters: all of them; in a folder of another chapter's name nothing is looked for.

    Raises:
        CourseError: if a path does not exist, or there is nothing to grade.
    """
    found: dict[Path, tuple[Path, ...]] = {}
    for text in paths:
        path = Path(text)
        if path.is_dir() and not path.is_symlink():
            others = set(chapters) - {chapter}
            files = [file for file in path.rglob("*") if _wanted(file.relative_to(path), others)]
            found |= {file: (path, file.relative_to(path)) for file in files}
        elif path.exists() or path.is_symlink():
            found[path] = (path.parent, Path(path.name))
        else:
            raise CourseError(f"{text}: no such file or folder")
    if not found:
        raise CourseError(f"no notebook of {chapter} (*.ipynb) in {', '.join(paths)}")
    files = sorted(found, key=str)
    names = {file: _name_parts(found[file][1], chapter) or (file.stem,) for file in files}
    result, taken = [], set()
    for file in files:
        parts = names[file]
        same = [other for other in files if names[other][-1] == parts[-1]]
        name = student = parts[-1] if len(same) == 1 else "/".join(parts)
        numbers = itertools.count(2)
        while student in taken:
            student = f"{name} ({next(numbers)})"
        taken.add(student)
        result.append(Submission(student, file, _text(found[file][1].as_posix())))
    return result


def _wanted(file: Path, others: set[str]) -> bool:
    """Notebooks, and archives so that somebody is told; not JupyterLab's own copies."""
    return (
        file.suffix.lower() in (".ipynb", ".zip")
        and ".ipynb_checkpoints" not in file.parts
        and not others & set(file.parts)
    )


def _name_parts(file: Path, chapter: str) -> tuple[str, ...]:
    parts = [*file.parts[:-1], file.stem]
    plain = re.compile(rf"submitted|{chapter}|assignment( \(\d+\)|[-_ ]?[Cc]opy\d*)?")
    return tuple(_text(part) for part in parts if not plain.fullmatch(part))


def _text(name: str) -> str:
    """A file name may be any bytes; a table of grades holds text, a terminal obeys no name."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return re.sub(r"[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", _escaped, text)


def _escaped(match: re.Match) -> str:
    return repr(match.group())[1:-1]


def read(path: Path) -> list[NotebookNode]:
    """The cells of a submitted notebook: type, source, id and nbgrader's grade_id, no more.

    Raises:
        SubmissionError: if it is no regular file, too large, or no notebook of Python code.
    """
    try:
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            raise SubmissionError("The file is a link, not a notebook: hand in the file itself.")
        if not stat.S_ISREG(facts.st_mode):
            raise SubmissionError("This is not a file: hand in the notebook (*.ipynb) itself.")
        if facts.st_size == 0:
            raise SubmissionError("The file is empty: save the notebook, then hand it in again.")
        if facts.st_size > LARGEST:
            raise SubmissionError(
                f"The file has {facts.st_size / 2**20:.0f} MiB, more than the {LARGEST >> 20} "
                "allowed: clear the outputs (Edit, Clear Outputs of All Cells) and save."
            )
        data = path.read_bytes()
    except OSError as error:
        raise SubmissionError(f"The file cannot be read: {error.strerror}.") from error
    if data[:2] == b"PK":
        raise SubmissionError("This is a zip archive: unpack it and hand in the notebook.")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            "The file is not a notebook, or it was damaged: open it in JupyterLab, save it, and "
            "hand it in again."
        ) from error
    cells = _cells(notebook)
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in cells):
        raise SubmissionError("There is no code in the notebook: is it the right file?")
    return cells


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


def compose(
    cells: list[NotebookNode], assignment: Assignment, given: dict[str, dict[int, str]]
) -> tuple[list[Step], list[str]]:
    """What to run for a submission: the student's own cells, and the master's in their places.

    Own cells keep their order. A locked cell or a test runs where the student's copy of it stands,
    but never before the answer that it is about; if the copy is lost, right behind that answer.
    The student's versions of locked cells never run, duplicates neither.

    Args:
        cells: of the submission, from `read`.
        assignment: the master.
        given: for each test the data of its `check.given` calls, from the grader's own run.

    Returns:
        The steps, and the names of the locked cells that were changed or lost.
    """
    master = [cell for cell in assignment.solution.cells if cell.cell_type == "code"]
    ours = {cell.id: cell for cell in master if facts_of(cell)}
    places, own = _recognise(cells, ours, assignment)
    tests = {test.id: test for test in assignment.tests}
    copies = {cell.id: cell.source.strip() for cell in assignment.read_copy().cells}
    steps: list[Step] = []
    restored: list[str] = []
    emitted, reach = 0, -1

    number = {i: n for n, i in enumerate(_code(cells), 1)}

    def emit(until: int) -> None:
        nonlocal emitted
        steps.extend(Step(cells[i].source, own=number[i]) for i in own[emitted:] if i <= until)
        emitted = sum(i <= until for i in own)

    for cell in master:
        if role(cell) == "answer":
            lost = cell.id not in places
            behind = [places[c.id] for c in _next_locked(master, cell) if c.id in places]
            if lost and not behind:  # neither the answer nor its tests: it may be anywhere
                reach = len(cells)
            reach = max([reach, *([] if lost else [places[cell.id]])])
        elif role(cell) in ("test", "locked"):
            place = places.get(cell.id)
            if place is None or cells[place].source.strip() != copies.get(cell.id):
                restored.append(cell.id)
            reach = max(reach, -1 if place is None else place)
            emit(reach)
            test = tests.get(cell.id)
            source = cell.source
            if test:
                source = recording(source, given.get(cell.id, {}), assignment.answers)
            steps.append(Step(source, cell.id, test))
    emit(len(cells))
    return steps, restored


def _code(cells: list[NotebookNode]) -> list[int]:
    """The positions of the code cells that hold something."""
    return [i for i, c in enumerate(cells) if c.cell_type == "code" and c.source.strip()]


def _next_locked(master: list[NotebookNode], answer: NotebookNode) -> list[NotebookNode]:
    """The locked cells between this answer and the next."""
    found = []
    for cell in master[master.index(answer) + 1 :]:
        if role(cell) == "answer":
            break
        found.append(cell)
    return found


def _recognise(cells, ours: dict, assignment: Assignment) -> tuple[dict[str, int], list[int]]:
    """Where each of the master's cells stands, and which cells are the student's own.

    By nbgrader's grade_id, by the cell's id, by the text of the student's copy, and an answer at
    last by the names that it must define.
    """
    texts = {
        cell.id: cell.source.strip()
        for cell in assignment.read_copy().cells
        if cell.id in ours and cell.source.strip()
    }
    by_text = {text: name for name, text in texts.items()}
    names = {
        f"def {definition}(": cell.id
        for cell in ours.values()
        if role(cell) == "answer"
        for definition in _definitions(cell.source)
    }
    places: dict[str, int] = {}
    own: list[int] = []
    for position in _code(cells):
        cell = cells[position]
        name = next((n for n in (cell.grade_id, cell.id) if n in ours), None)
        name = name or by_text.get(cell.source.strip())
        name = name or next((n for text, n in names.items() if text in cell.source), None)
        if name is None or role(ours[name]) == "answer":
            own.append(position)
        if name is not None:
            # Of a duplicated test the first place counts; of an answer the last, as when it runs.
            if role(ours[name]) == "answer":
                places[name] = position
            else:
                places.setdefault(name, position)
    return places, own


def _definitions(source: str) -> list[str]:
    lines = source.splitlines()
    return [line[4 : line.index("(")] for line in lines if line.startswith("def ") and "(" in line]
