"""Pages of grades: whatever the names and texts, safe, complete, and the same every time."""

import html
import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from aimodels import cli
from aimodels.course import (
    CourseError,
    collect,
    grade,
    marking,
    reading,
    report,
    sandbox,
    sources,
)
from aimodels.course.assignment import Assignment
from aimodels.course.gradebook import Mark, Result
from aimodels.course.notebooks import Page, find_pages

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "teaching.md").read_text("utf-8")
NASTY = [
    "../../etc/passwd",
    "a/b",
    "a b",
    "a-b-2",
    "陈 伟",
    "CON",
    "index",
    "anna",
    "ANNA",
    "x" * 300,
    "𐐷" * 300,
    "लक्ष्मी",
    "..",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "line\nbreak",
    "not text \udcff",
]


@pytest.fixture
def assignment() -> Assignment:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.aimodels = {"title": "Assignment: pictures & <sounds>"}
    headings = ["`mean` where a < b costs $5", "train to 90 %"]
    for number, heading in enumerate(headings, 1):
        text = f"Text.\n\n## Question {number}: {heading} (50 points)\n\nMore text."
        notebook.cells.append(nbformat.v4.new_markdown_cell(text))
        test = nbformat.v4.new_code_cell("pass", id=f"q{number}_hidden")
        test.metadata.nbgrader = {"grade": True, "locked": True, "points": 50}
        notebook.cells.append(test)
    return Assignment(Page(Path(), "01_tiny", "assignment"), notebook)


def result(student: str, *points: float, status: str = "ok", message: str = "") -> Result:
    problem = "Hidden test: right for any size. Hint: <count> the places."
    points = points or (50.0, 0.0)
    marks = {
        f"q{number}": Mark(got, 50.0, [] if got == 50 else [problem])
        for number, got in enumerate(points, 1)
    }
    return Result(
        student, f"{student}/assignment.ipynb", "0", status, message, marks, "0", "bubblewrap"
    )


def written(folder: Path, assignment, *results: Result, kind: str = "bubblewrap") -> dict[str, str]:
    assert report.write(folder, list(results), assignment, kind) == folder / "index.html"
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def text_of(page: str) -> str:
    """What a reader sees."""
    body = page.partition("<body>")[2]
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", body).split()))


def test_a_students_page_says_what_counts_what_is_wrong_and_what_to_do(tmp_path, assignment):
    one = result("alice", message="Your cell 3 raised NameError.")
    page = text_of(written(tmp_path, assignment, one)["alice.html"])
    assert "Assignment: pictures & <sounds>" in page
    assert "50 of 100 points" in page
    assert "Status: ok. The notebook was run to its end. Your cell 3 raised NameError." in page
    assert "Question 1: mean where a < b costs $5 50 of 50 ✓ All tests pass." in page
    assert "Question 2: train to 90 % 0 of 50 Hidden test: right for any size." in page
    assert "Hint: <count> the places." in page
    assert "What to do next. Go through the questions" in page


def test_all_points_leave_nothing_to_do(tmp_path, assignment):
    page = text_of(written(tmp_path, assignment, result("alice", 50.0, 50.0))["alice.html"])
    assert "What to do next. All points." in page


def test_points_given_by_hand_are_marked_with_their_comment(tmp_path, assignment):
    one = result("alice")
    one.questions["q2"] = Mark(12.5, 50.0, ["Right idea & <sign> wrong."], manual=True)
    pages = written(tmp_path, assignment, one)
    assert "12.5 of 50 Points given by hand. Right idea & <sign> wrong." in text_of(
        pages["alice.html"]
    )
    assert "12.5*" in text_of(pages["index.html"])


@pytest.mark.parametrize("status", report.STATUSES)
def test_every_status_has_a_sentence_and_a_next_step(tmp_path, assignment, status):
    one = result("alice", 0.0, 0.0, status=status, message="" if status == "ok" else "A sentence.")
    pages = written(tmp_path, assignment, one)
    meaning, todo = report.STATUSES[status]
    page = text_of(pages["alice.html"])
    assert f"Status: {status}. {meaning if status == 'ok' else 'A sentence.'}" in page
    assert f"What to do next. {todo}" in page
    assert f"{status} , 1 of 1: {meaning}" in text_of(pages["index.html"])


def test_the_statuses_are_those_that_grading_gives():
    given = {"ok"}
    for module in (grade, marking, sandbox):
        source = Path(module.__file__).read_text("utf-8")
        given |= set(re.findall(r'(?:Stopped|Run)\(\s*"(\w+)"', source))
        given |= set(re.findall(r'status\b.* = "(\w+)"', source))
    assert given == set(report.STATUSES)


def test_the_guide_explains_every_status():
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert [row for row in rows if row in report.STATUSES] == list(report.STATUSES)


def test_the_guides_numbers_are_the_programs():
    """A figure that the program has in one place and the guide in another drifts."""
    root = DOCS.parent
    limits = {
        page.chapter: Assignment(page).limits
        for page in find_pages(root)
        if page.kind == "assignment"
    }
    text = " ".join(GUIDE.split())

    def chapters(memory: int) -> str:
        *rest, last = (name[:2] for name, limit in limits.items() if limit.memory == memory)
        return f"{', '.join(rest)} and {last}"

    four, six = sorted({limit.memory for limit in limits.values()})
    said = f"{four // 1024} GiB in chapters {chapters(four)}, {six // 1024} GiB in chapters"
    assert f"{said} {chapters(six)}. " in text
    cnn = limits["06_cnn"]
    said = f"chapter 06 allows {cnn.cell} s a cell, {cnn.total} s in all, and "
    assert f"{said}{cnn.memory // 1024} GiB |" in text
    assert f"temporary file system of {cnn.disk} MiB" in text
    assert (
        f"more than {sources.LARGEST >> 20} MiB or more than {reading.MOST_CELLS:,} cells" in text
    )
    assert f"could not start Python within {sandbox.START_SECONDS} seconds" in text
    assert sandbox.PATIENCE == 10
    assert "ended after ten times the limit by the clock" in text


@pytest.mark.parametrize("row", re.findall(r"^\| (`.+ipynb`) \| (`.+`) \|$", GUIDE, re.MULTILINE))
def test_the_guide_names_students_as_grading_does(tmp_path, row):
    files, students = (re.findall("`([^`]+)`", cell) for cell in row)
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    found = collect.find([str(tmp_path)], "06_cnn")
    assert [one.student for one in found] == students


def test_every_command_of_the_guides_is_one():
    other = (DOCS / "nbgrader.md").read_text("utf-8")
    commands = re.findall(r"^aimodels (.+)$", GUIDE + other, re.MULTILINE)
    assert len(commands) > 8
    for command in commands:
        cli.parser().parse_args(shlex.split(command))


def test_the_class_page_sums_up(tmp_path, assignment):
    results = [
        result("alice"),
        result("bob", 50.0, 50.0),
        result("carl", 0.0, 0.0, status="failed", message="Too busy."),
        result("dora", 10.0, 20.0, status="timeout", message="Too slow."),
    ]
    page = text_of(written(tmp_path, assignment, *results)["index.html"])
    assert "4 submissions, mean 60.0 of 100 points, median 50.0, without 1 that" in page
    assert "ok , 2 of 4: " in page
    assert "1: mean where a < b costs $5 2: train to 90 % 73 % 47 %" in page  # hardest on top
    assert "student q1 of 50 q2 of 50 total of 100 status alice 50 0 50 ok bob" in page
    assert "sandbox" not in page


def test_a_class_of_one_and_a_class_that_could_not_be_graded(tmp_path, assignment):
    one = text_of(written(tmp_path / "one", assignment, result("alice"))["index.html"])
    assert "1 submission, mean 50.0 of 100 points, median 50.0" in one
    failed = result("alice", status="failed", message="Too busy.")
    none = text_of(written(tmp_path / "none", assignment, failed)["index.html"])
    assert "1 submission, without 1 that could not be graded" in none


def test_grades_without_a_sandbox_carry_a_warning(tmp_path, assignment):
    pages = written(tmp_path, assignment, result("alice"), kind="none")
    assert "Graded without a sandbox." in text_of(pages["index.html"])


def test_any_name_gives_one_safe_page_that_the_class_page_leads_to(tmp_path, assignment):
    folder = tmp_path / "grades"
    pages = written(folder, assignment, *map(result, NASTY))
    assert [path.name for path in tmp_path.iterdir()] == ["grades"]
    assert len(pages) == len({name.casefold() for name in pages}) == len(NASTY) + 1
    for name in pages:
        stem = name.removesuffix(".html")
        assert 1 <= len(stem) <= 80
        assert len(name.encode()) <= 255
        assert not re.search(r"[\s./\\<>:\"'&?*|-]{2}|[\s./\\<>:\"'&?*|]|^-", stem)
        assert not re.fullmatch("con|prn|aux|nul", stem.casefold())
    links = re.findall('<a href="([^"]+)"><bdi>([^<]*)</bdi>', pages["index.html"])
    assert [html.unescape(text) for _, text in links] == [n.replace("\udcff", "?") for n in NASTY]
    for link, name in links:
        assert re.fullmatch(r"[A-Za-z0-9_.%~-]+", link)
        assert f"<bdi>{name}</bdi>" in pages[unquote(link)]
    assert {unquote(link) for link, _ in links} | {"index.html"} == set(pages)
    assert {"a-b.html", "a-b-2.html", "a-b-2-2.html", "etc-passwd.html"} <= set(pages)
    assert {"CON-2.html", "index-2.html", "陈-伟.html", "लक्ष्मी.html"} <= set(pages)


def test_nothing_that_a_student_wrote_becomes_markup(tmp_path, assignment):
    evil = "<script>alert(1)</script><img src=x onerror=y>'\""
    one = result(evil, message=evil, status="unreadable")
    one.questions["q1"].problems = [f"Visible test: wanted 1, got {evil}. Hint: {evil}."]
    one.questions["q2"] = Mark(1.0, 50.0, [evil], manual=True)
    for page in written(tmp_path, assignment, one).values():
        assert not re.search("<(script|img)", page)
        assert "&lt;script&gt;alert(1)" in page


def test_a_page_needs_nothing_else(tmp_path, assignment):
    pages = written(tmp_path, assignment, result("alice"), result("bob"))
    for page in pages.values():
        assert page.startswith('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">')
        assert not re.search(r"https?:|//|<script|<link|<iframe|@import| src=|url\((?!#)", page)
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)
    assert "<a " not in pages["alice.html"]


def test_a_students_page_holds_nothing_of_another_student(tmp_path, assignment):
    alone = written(tmp_path / "alone", assignment, result("alice"))
    among = written(tmp_path / "among", assignment, result("alice"), result("bob", 0.0, 1.0))
    assert alone["alice.html"] == among["alice.html"]


def test_the_same_results_give_the_same_bytes(tmp_path, assignment, monkeypatch):
    results = [result(name) for name in NASTY]
    first = written(tmp_path / "a", assignment, *results)
    monkeypatch.setitem(report.matplotlib.rcParams, "axes.facecolor", "red")  # a user's own style
    assert written(tmp_path / "b", assignment, *results) == first
    assert report.matplotlib.rcParams["axes.facecolor"] == "red"


def test_pages_of_students_who_are_gone_are_removed_and_nothing_else(tmp_path, assignment):
    written(tmp_path, assignment, result("alice"), result("bob"))
    (tmp_path / "bob, before his complaint.html").write_bytes((tmp_path / "bob.html").read_bytes())
    (tmp_path / "notes.html").write_text("the teacher's own")
    (tmp_path / "grades.ods").touch()
    (tmp_path / "more.html").mkdir()
    report.write(tmp_path, [result("alice")], assignment, "bubblewrap")
    left = {path.name for path in tmp_path.iterdir()}
    kept = {"bob, before his complaint.html", "notes.html", "grades.ods", "more.html"}
    assert left == {"index.html", "alice.html"} | kept


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path, assignment):
    written(tmp_path, assignment, result("alice"), result("bob"))
    (tmp_path / "alice.html").write_text("a page about Alice")
    with pytest.raises(CourseError, match=r"alice\.html is in the way of a page of grades"):
        report.write(tmp_path, [result("alice")], assignment, "bubblewrap")
    assert (tmp_path / "alice.html").read_text() == "a page about Alice"
    assert (tmp_path / "bob.html").exists()
