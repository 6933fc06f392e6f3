"""Tests and notebooks that passed are left out by pytest until something changes."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

import aimodels

pytestmark = pytest.mark.rests_on("aimodels")

TESTS = """\
import pytest


@pytest.fixture
def two():
    return 2


@pytest.mark.parametrize("x", [1, 2, 3])
def test_sum(x, two):
    assert x + two > 2


def test_alone():
    assert True
"""
SUM, ALONE = "tests/test_x.py::test_sum", "tests/test_x.py::test_alone"


@pytest.fixture
def project(tmp_path):
    """`project("--kept")` runs pytest on two tests: its exit code, and what it printed."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\naddopts = '--import-mode=importlib'\n"
    )
    (tmp_path / "tests" / "test_x.py").write_text(TESTS)

    def run(*options, kind="parity", path="tests"):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "aimodels.course.pytest_passed"]
        command += ["-p", "no:cacheprovider", f"--passed={kind}", *options, path]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout

    run.folder = tmp_path
    # No commit here, and so the same quarter each time: neither test is in it.
    return run


def passed(project, kind="parity"):
    return list(json.loads((project.folder / ".ci" / "passed" / f"{kind}.json").read_text()))


def edit(project, old, new):
    path = project.folder / "tests" / "test_x.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadfile"]], ids=["alone", "xdist"])
def test_what_passed_is_left_out_until_it_changes(project, workers):
    code, said = project("--record", *workers)
    assert (code, passed(project)) == (0, [ALONE, SUM])
    assert "parity: 2 run, 0 passed before and are unchanged, 0 owed" in said

    code, said = project("--kept", *workers)
    assert code == 0
    assert f"not repeated: {ALONE}\nnot repeated: {SUM}\n" in said
    assert "parity: 0 run, 2 passed before" in said
    assert "parity: 2 run, 0 passed before" in project(*workers)[1]

    edit(project, "return 2", "return 3")  # the fixture of one of them
    assert "parity: 1 run, 1 passed before" in project("--kept", *workers)[1]


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadfile"]], ids=["alone", "xdist"])
def test_a_failure_is_not_recorded(project, workers):
    edit(project, "x + two > 2", "x != 2")  # one of three parameters
    assert project("--record", *workers)[0] == 1
    assert passed(project) == [ALONE]


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadfile"]], ids=["alone", "xdist"])
def test_what_there_was_no_time_for_is_owed(project, workers):
    late = f"--deadline={time.time()}"
    code, said = project("--kept", "--record", late, *workers)
    assert code == 0
    assert f"owed: {ALONE}\nowed: {SUM}\n" in said
    assert json.loads((project.folder / ".ci" / "debt.json").read_text()) == {
        "parity": [ALONE, SUM]
    }
    assert project("--kept", "--record", *workers)[0] == 0
    assert (project.folder / ".ci" / "debt.json").read_text() == "{}\n"
    assert passed(project) == [ALONE, SUM]


@pytest.mark.parametrize(
    "options", [["-k", "sum"], ["--deselect", f"{SUM}[1]"], ["-x"], ["tests/test_x.py::test_sum"]]
)
def test_a_part_of_an_item_is_not_the_item(project, options):
    if options == ["-x"]:
        edit(project, "x + two > 2", "x != 2")
    project("--record", *options)
    file = project.folder / ".ci" / "passed" / "parity.json"
    assert not file.exists() or SUM not in passed(project)


def test_a_test_that_is_gone_is_forgotten(project):
    project("--record")
    edit(project, "test_alone", "test_lonely")
    project("--record")
    assert passed(project) == [ALONE.replace("alone", "lonely"), SUM]


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadfile"]], ids=["alone", "xdist"])
def test_of_all_tests_only_those_that_say_so_can_be_left_out(project, workers):
    edit(project, "def test_alone", "@pytest.mark.rests_on_code\ndef test_alone")
    code, said = project("--record", *workers, kind="tests")
    assert (code, passed(project, "tests")) == (0, [ALONE])
    assert "4 passed" in said
    code, said = project("--kept", *workers, kind="tests")
    assert (code, f"not repeated: {ALONE}\n" in said, "3 passed" in said) == (0, True, True)
    late = f"--deadline={time.time()}"
    assert "4 passed" in project(*workers, kind="tests")[1]
    edit(project, "assert True", "assert 1")
    code, said = project("--kept", late, *workers, kind="tests")
    assert (code, f"owed: {ALONE}\n" in said, "3 passed" in said) == (0, True, True)


def test_what_is_only_drawn_stops_when_its_time_is_spent(project):
    edit(project, "test_alone", "test_lonely")  # of this name, it is in the quarter
    lonely = ALONE.replace("alone", "lonely")
    project("--record")
    assert "parity: 1 run, 1 passed before" in project("--kept")[1]
    code, said = project("--kept", "--drawn=0")
    assert (code, f"not repeated: {lonely}\n" in said) == (0, True)
    assert "parity: 0 run, 2 passed before and are unchanged, 0 owed" in said
    edit(project, "assert True", "assert 1")
    assert "parity: 1 run, 1 passed before" in project("--kept", "--drawn=0")[1]


def test_a_test_rests_on_the_files_that_it_names(project):
    program, page = project.folder / "programs" / "x.py", project.folder / "page.md"
    program.parent.mkdir()
    program.write_text("print(1)\n")
    page.write_text("one\n")
    edit(project, "def test_alone", '@pytest.mark.rests_on("programs", "page.md")\ndef test_alone')
    assert project("--record", kind="tests")[0] == 0

    def run():
        return int(re.search(r"tests: (\d+) run", project("--kept", kind="tests")[1])[1])

    assert run() == 0
    program.write_text('"""It counts."""\nprint(1)  # to one\n')
    (program.parent / "__pycache__").mkdir()
    (program.parent / "__pycache__" / "x.pyc").write_bytes(b"1")
    (program.parent / ".x.half").write_text("1")
    assert run() == 0
    program.write_text("print(2)\n")
    assert run() == 1
    project("--record", kind="tests")
    page.write_text("two\n")
    assert run() == 1
    page.unlink()
    assert "there is no file at" in project("--kept", kind="tests")[1]


def test_an_example_in_a_docstring_rests_on_itself_and_on_all_code(project):
    package = project.folder / "aimodels"
    shutil.copytree(Path(aimodels.__file__).parent, package, ignore=lambda *_: {"__pycache__"})
    (project.folder / "datasets").mkdir()
    (project.folder / "datasets" / "one.py").write_text("1")
    page, other = package / "checks.py", package / "files.py"

    def run(*options):
        code, said = project("--doctest-modules", *options, kind="tests", path=str(page))
        assert code == 0, said
        return int(re.search(r"tests: (\d+) run", said)[1])

    every = run("--record")
    assert every > 1
    assert all(name.startswith("aimodels/checks.py::") for name in passed(project, "tests"))
    assert run("--kept", "--drawn=0") == 0
    other.write_text("# A comment.\n" + other.read_text())
    assert run("--kept", "--drawn=0") == 0
    assert page.read_text().count(">>> ") > 1
    page.write_text(page.read_text().replace(">>> ", ">>> 1 and ", 1))
    assert run("--kept", "--drawn=0") == 1
    other.write_text("ONE = 1\n" + other.read_text())
    assert run("--kept", "--drawn=0") == every


@pytest.mark.slow
def test_a_notebook_passes_as_a_whole(project):
    def write(*outputs):
        cells = []
        for number, text in enumerate(outputs, 1):
            output = nbformat.v4.new_output("stream", text=text)
            cell = nbformat.v4.new_code_cell(f"print({number})", id=f"c{number}")
            cell.update(outputs=[output], execution_count=number)
            cells.append(cell)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), project.folder / "lesson.ipynb")

    options = ["--nbval", "--nbval-current-env", "-p", "no:doctest"]
    write("1\n", "3\n")
    run = {"kind": "notebooks", "path": "lesson.ipynb"}
    assert project("--record", *options, **run)[0] == 1
    assert passed(project, "notebooks") == []
    write("1\n", "2\n")
    assert project("--record", *options, **run)[0] == 0
    assert passed(project, "notebooks") == ["lesson.ipynb"]
    code, said = project("--kept", *options, **run)
    assert (code, "notebooks: 0 run, 1 passed before" in said) == (0, True)
    code, said = project("--deadline=0", *options, **run)
    assert (code, "not repeated: lesson.ipynb" in said) == (0, True)

    rules = project.folder / "rules.cfg"  # they decide what is compared
    rules.write_text("[two]\nregex: 2.0\nreplace: 2\n")
    write("1\n", "2.0\n")
    sanitized = [*options, "--nbval-sanitize-with=rules.cfg"]
    assert project("--kept", "--record", *sanitized, **run)[0] == 0
    rules.write_text("[two]\nregex: 2.1\nreplace: 2\n")
    assert project("--kept", *sanitized, **run)[0] == 1
    write("1\n", "2.0\n")
    assert project("--kept", *options, **run)[0] == 1
