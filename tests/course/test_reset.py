"""`aimodels course reset`: the notebook as it was, the learner's own beside it, and git content."""

import json
import shutil
import subprocess

import pytest

from aimodels import cli
from aimodels.course import notebooks, reset

pytestmark = pytest.mark.rests_on("aimodels")

LESSON, ASSIGNMENT = (f"chapters/01_tiny/{kind}.ipynb" for kind in ("lesson", "assignment"))


def git(root, *arguments: str) -> str:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    done = subprocess.run(
        ["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def root(page, built_assignment, monkeypatch):
    """A checkout with a lesson and an assignment, in no repository yet."""
    root = page.root
    for name in ("course/01_tiny/assignment.py", "solutions/01_tiny/assignment.ipynb", ASSIGNMENT):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(built_assignment / name, root / name)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def pulled(root, tmp_path):
    """The checkout, cloned from a repository that goes on with another lesson."""
    git(root, "init", "--quiet", "-b", "main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "one")
    clone = tmp_path / "clone"
    git(root, "clone", "--quiet", str(root), str(clone))
    (root / LESSON).write_text((root / LESSON).read_text().replace("a stable line", "a new line"))
    git(root, "commit", "--quiet", "-am", "two")
    return clone


def test_after_a_saved_lesson_a_pull_goes_through_again(pulled, monkeypatch, capsys):
    handed_out = {name: (pulled / name).read_bytes() for name in (LESSON, ASSIGNMENT)}
    (pulled / LESSON).write_text("my lesson")
    (pulled / ASSIGNMENT).write_text("my answers")
    git(pulled, "add", ASSIGNMENT)
    with pytest.raises(subprocess.CalledProcessError):
        git(pulled, "pull", "--quiet")
    monkeypatch.chdir(pulled)
    assert cli.main(["course", "reset", "01"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"chapters/01_tiny/lesson.mine-1.ipynb is your copy of {LESSON}",
        f"{LESSON} is put back (from git)",
        f"chapters/01_tiny/assignment.mine-1.ipynb is your copy of {ASSIGNMENT}",
        f"{ASSIGNMENT} is put back (from git)",
    ]
    assert {name: (pulled / name).read_bytes() for name in handed_out} == handed_out
    assert (pulled / "chapters/01_tiny/lesson.mine-1.ipynb").read_text() == "my lesson"
    assert (pulled / "chapters/01_tiny/assignment.mine-1.ipynb").read_text() == "my answers"
    assert git(pulled, "status", "--porcelain", "--untracked-files=no") == ""
    git(pulled, "pull", "--quiet")
    assert "a new line" in (pulled / LESSON).read_text()


def test_no_earlier_copy_is_lost_and_nothing_is_kept_without_need(pulled):
    [lesson] = [page for page in notebooks.find_pages(pulled) if page.kind == "lesson"]
    for text in ("first", "second"):
        (pulled / LESSON).write_text(text)
        reset.reset([lesson])
    assert reset.reset([lesson]) == [f"{LESSON} is as it was handed out"]
    (pulled / LESSON).unlink()
    assert reset.reset([lesson]) == [f"{LESSON} is put back (from git)"]
    folder = (pulled / LESSON).parent
    kept = {path.name: path.read_text() for path in folder.glob("*.mine-*")}
    assert kept == {"lesson.mine-1.ipynb": "first", "lesson.mine-2.ipynb": "second"}


def test_without_git_they_are_made_from_their_sources(root, monkeypatch):
    pytest.importorskip("nbgrader")
    monkeypatch.setenv("PATH", "")
    before = {name: json.loads((root / name).read_text()) for name in (LESSON, ASSIGNMENT)}
    for name in before:
        (root / name).write_text("mine")
    lines = reset.reset(notebooks.find_pages(root))
    assert f"{LESSON} is put back (without git: with no outputs until it is run)" in lines
    assert f"{ASSIGNMENT} is put back" in lines
    after = {name: json.loads((root / name).read_text()) for name in before}
    assert after[ASSIGNMENT] == before[ASSIGNMENT]
    sources = [[cell["source"] for cell in book[LESSON]["cells"]] for book in (before, after)]
    assert sources[0] == sources[1]
    assert len(list((root / LESSON).parent.glob("*.mine-1.ipynb"))) == 2


def test_a_chapter_must_be_named(capsys):
    with pytest.raises(SystemExit):
        cli.main(["course", "reset"])
    assert cli.main(["course", "reset", "99"]) == 1
    assert "no chapter 99; there are 00_start, 01_foundations" in capsys.readouterr().err


def test_kept_copies_are_ignored_by_git():
    done = git(notebooks.find_root(), "check-ignore", "chapters/06_cnn/lesson.mine-12.ipynb")
    assert done.strip() == "chapters/06_cnn/lesson.mine-12.ipynb"
