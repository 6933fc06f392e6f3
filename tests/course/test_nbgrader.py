"""A school's nbgrader takes our files as they are, and gives the points that we give."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from aimodels.course import collect, grade
from aimodels.course.assignment import Assignment, role

pytestmark = pytest.mark.rests_on("aimodels", "nbgrader_config.py")

CONFIG = Path(__file__).parents[2] / "nbgrader_config.py"
SUMS = "def global_average_pool(y):\n    return y.sum(axis=(1, 2))"
MEMORISED = "def predict(x):\n    if x.ndim != 2:\n        raise ValueError\n    return [1, 0]"
STUDENTS = {  # the answers, and the points that they earn
    "right": ({}, {"q1": 60, "q2": 40}),
    "sums": ({"q1": SUMS}, {"q1": 0, "q2": 40}),
    "memorised": ({"q2": MEMORISED}, {"q1": 60, "q2": 10}),
    "blank": (None, {"q1": 0, "q2": 0}),
}


def hand_in(assignment: Assignment, student: str, answers: dict[str, str] | None) -> None:
    """The student's copy with these answers, and right ones for the rest; None leaves it blank."""
    notebook = assignment.read_copy()
    if answers is not None:
        right = {c.id: c.source for c in assignment.solution.cells if role(c) == "answer"}
        for cell in notebook.cells:
            cell.source = (right | answers).get(cell.id, cell.source)
    chapter = assignment.page.chapter
    path = assignment.page.root / "submitted" / student / chapter / "assignment.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


@pytest.mark.slow
def test_nbgrader_makes_the_same_copy_and_gives_the_same_points(
    assignment_page, tmp_path, monkeypatch, program
):
    program("bwrap")
    from nbgrader.api import Gradebook

    bin_folder = str(Path(sys.executable).parent)  # nbgrader starts `alembic` from there
    monkeypatch.setenv("PATH", bin_folder + os.pathsep + os.environ["PATH"])
    for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):  # no settings of this user's
        monkeypatch.setenv(name, str(tmp_path / "home"))
    root, chapter = assignment_page.root, assignment_page.chapter
    shutil.copy(CONFIG, root)
    before = assignment_page.notebook.read_bytes()
    beside = assignment_page.notebook.with_name("exercises.ipynb")  # never handed out
    nbformat.write(nbformat.v4.new_notebook(), beside)

    def nbgrader(command: str) -> None:
        arguments = [sys.executable, "-m", "nbgrader", command, chapter]
        done = subprocess.run(arguments, cwd=root, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, done.stderr

    nbgrader("generate_assignment")
    released = root / "release" / chapter
    assert [path.name for path in released.glob("*.ipynb")] == ["assignment.ipynb"]
    release = nbformat.read(released / "assignment.ipynb", as_version=4)
    assignment = Assignment(assignment_page)
    assert release.cells == assignment.read_copy().cells

    for student, (answers, _) in STUDENTS.items():
        hand_in(assignment, student, answers)
    nbgrader("autograde")
    theirs = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "aimodels") as book:
        for paper in book.assignment_submissions(chapter):
            points = theirs.setdefault(paper.student.id, dict.fromkeys(assignment.questions, 0))
            for cell in paper.notebooks[0].grades:
                points[cell.name.partition("_")[0]] += cell.auto_score

    papers = collect.find([str(root / "submitted")], chapter)
    results = grade.grade(papers, assignment, tmp_path / "grades.csv", kind="bubblewrap")
    ours = {r.student: {name: m.points for name, m in r.questions.items()} for r in results}
    assert ours == theirs == {student: points for student, (_, points) in STUDENTS.items()}
    assert assignment_page.notebook.read_bytes() == before
    assert sorted(path.name for path in (root / "chapters").glob("*/*")) == ["assignment.ipynb"]
