"""`aimodels course new` writes a chapter that builds as a draft and says what is to be written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aimodels import cli
from aimodels.course import build, notebooks, proof, rules

pytestmark = pytest.mark.rests_on("aimodels", "pyproject.toml")


@pytest.fixture
def checkout(assignment_page, monkeypatch):
    """One with the chapter 01_tiny."""
    monkeypatch.chdir(assignment_page.root)
    return assignment_page.root


def test_the_skeleton_says_what_is_to_be_written(checkout, capsys):
    assert cli.main(["course", "new", "07_resnet_inception"]) == 0
    *paths, advice = capsys.readouterr().out.splitlines()
    folder = checkout / "course" / "07_resnet_inception"
    assert paths == [str(folder / name) for name in ("lesson.py", "assignment.py", "wrong/q1.py")]
    assert "aimodels course build 07_resnet_inception" in advice
    pages = notebooks.find_pages(checkout, ["07"])
    problems = [problem for page in pages for problem in rules.lint(page)]
    for page in pages:
        for number, line in enumerate(page.source.read_text().splitlines(), 1):
            if "TODO" in line and "front matter" not in line:
                assert any(p.startswith(f"{page.source}:{number} ") for p in problems), line
    rest = "\n".join(p for p in problems if "to be written" not in p)
    assert "1 questions: at least 6" in rest
    assert "15 points in all: wanted 100" in rest
    for fault in ("not Python", "wanted `# %%", "header", "front matter:", "to replace"):
        assert fault not in rest


def test_the_skeleton_passes_ruff(checkout):
    cli.main(["course", "new", "07_resnet_inception"])
    shutil.copy(Path(__file__).parents[2] / "pyproject.toml", checkout)
    package = checkout / "aimodels" / "course"  # by which ruff knows the project's own imports
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for command in ("check", "format --check"):
        line = [sys.executable, "-m", "ruff", *command.split(), "course/07_resnet_inception"]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_skeleton_is_executed_as_a_draft_and_its_question_proven(checkout):
    cli.main(["course", "new", "07_resnet_inception"])
    pages = notebooks.find_pages(checkout, ["07"])
    assert [result.problem for result in build.build(pages, draft=True)] == ["", ""]
    text = pages[0].notebook.read_text()
    assert "test accuracy ≈1 (at least 0.8)" in text
    assert list(proof.prove([pages[1]], proof.available())) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet", "a chapter's name is two digits and lower-case words.*got 'resnet'"),
        ("07_ResNet", "got '07_ResNet'"),
        ("07", "got '07'"),
        ("07_../x", "got '07_../x'"),
        ("01_tiny", "chapter 01 exists already: .*01_tiny"),
        ("01_other", "chapter 01 exists already: .*01_tiny"),
    ],
)
def test_a_bad_or_taken_name_is_refused(checkout, capsys, name, message):
    before = sorted(checkout.rglob("*"))
    assert cli.main(["course", "new", name]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert sorted(checkout.rglob("*")) == before
