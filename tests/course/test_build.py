"""Building is repeatable, loses nothing, and says which source line failed."""

import json
import shutil
import subprocess
import sys

import pytest

from aimodels import cli
from aimodels.course import CourseError, build, notebooks, pull

pytestmark = pytest.mark.rests_on("aimodels")


def edit(page, old: str, new: str) -> None:
    text = page.source.read_text()
    assert old in text
    page.source.write_text(text.replace(old, new))


@pytest.mark.slow
def test_two_builds_are_byte_identical(page):
    """Also the recorded time, which is measured anew only when the source changes."""
    edit(page, "random.SystemRandom().random()", "0.5")
    files = [page.notebook, page.root / "chapters" / ".timing.json"]
    build.build([page])
    first = [path.read_bytes() for path in files]
    build.build([page])
    assert [path.read_bytes() for path in files] == first


def test_a_built_notebook_holds_no_trace_of_its_run(page):
    text = page.notebook.read_text()
    notebook = json.loads(text)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["aimodels"]["title"] == "A tiny lesson"
    assert [cell["id"] for cell in notebook["cells"]][:2] == ["c000", "c001"]
    assert not any(
        o.get("name") == "stderr" for c in notebook["cells"] for o in c.get("outputs", [])
    )
    for trace in ("iopub", "execution_time", str(page.root)):
        assert trace not in text


@pytest.mark.slow
def test_a_failing_cell_is_named_by_its_source_line_and_the_old_notebook_stays(
    page, monkeypatch, capsys
):
    old = page.notebook.read_bytes()
    edit(page, "1 + 1", "1 + undefined")
    monkeypatch.chdir(page.root)
    assert cli.main(["course", "build"]) == 1
    line = page.source.read_text().splitlines().index("1 + undefined")
    error = capsys.readouterr().err
    assert f"lesson.py:{line}" in error
    assert "name 'undefined' is not defined" in error
    assert page.notebook.read_bytes() == old
    assert not list(page.notebook.parent.glob(".*.half"))


@pytest.mark.slow
def test_a_kernel_that_dies_is_named_with_its_last_words(page):
    edit(page, "1 + 1", "import os\nos.write(2, b'last words')\nos._exit(1)")
    [result] = build.build([page])
    line = page.source.read_text().splitlines().index("import os")
    assert f"lesson.py:{line}: Kernel died" in result.problem
    assert "last words" in result.problem


@pytest.mark.slow
def test_notebooks_are_built_side_by_side(page):
    """Two pages that wait for each other finish only if both run at the same time."""
    other = notebooks.Page(page.root, "02_other", "lesson")
    shutil.copytree(page.source.parent, other.source.parent)
    flag = page.root / "flag"
    edit(other, "1 + 1", f"open({str(flag)!r}, 'x').close()")
    there = f"os.path.exists({str(flag)!r})"
    wait = f"import os, time\nfor _ in range(18_000):\n    time.sleep(0 if {there} else 0.1)"
    edit(page, "1 + 1", f"{wait}\nassert {there}")
    results = build.build([page, other], jobs=2)
    assert [result.problem for result in results] == ["", ""]
    assert [str(result.page) for result in results] == ["01_tiny/lesson", "02_other/lesson"]


def test_pull_gives_the_source_back_and_takes_an_edit(page):
    before = page.source.read_text()
    assert pull.pull(page) is False
    assert page.source.read_text() == before
    page.notebook.write_text(page.notebook.read_text().replace("a stable line", "a new line"))
    assert pull.pull(page) is True
    assert page.source.read_text() == before.replace("a stable line", "a new line")


def test_pull_leaves_the_blank_lines_of_what_was_not_edited(page):
    edit(page, "\n# %%\n2 + 2\n", "\n\n# %%\n2 + 2\n\n")
    before = page.source.read_text()
    page.notebook.write_text(page.notebook.read_text().replace("a stable line", "a new line"))
    assert pull.pull(page, force=True) is True
    assert page.source.read_text() == before.replace("a stable line", "a new line")


def test_pull_keeps_tags_and_grading_metadata(page):
    grading = {"grade": True, "grade_id": "q1", "points": 5, "schema_version": 3}
    notebook = notebooks.read_notebook(page)
    notebook.cells[-1].metadata["nbgrader"] = grading
    page.notebook.write_text(json.dumps(notebook))
    pull.pull(page)
    cells = notebooks.read_source(page).cells
    assert cells[-1].metadata["nbgrader"] == grading
    assert cells[-1].id == "q1"
    assert "nbval-ignore-output" in cells[4].metadata["tags"]


def test_pull_refuses_to_lose_an_edit_of_the_source(page, monkeypatch, capsys):
    edit(page, "1 + 1", "1 + 10")
    monkeypatch.chdir(page.root)
    assert cli.main(["course", "pull"]) == 1
    assert "edited after lesson.ipynb was built" in capsys.readouterr().err
    assert "1 + 10" in page.source.read_text()
    assert cli.main(["course", "pull", "--force"]) == 0
    assert "1 + 10" not in page.source.read_text()


def test_a_front_matter_that_is_not_yaml_is_refused(page):
    edit(page, "goals: [see the rules at work]", "goals: [see the rules at work")
    with pytest.raises(CourseError, match=r"lesson\.py:6: the front matter is not YAML: expected "):
        notebooks.read_source(page)


@pytest.mark.slow
def test_a_page_that_cannot_be_read_does_not_stop_the_others(page):
    other = notebooks.Page(page.root, "02_other", "lesson")
    shutil.copytree(page.source.parent, other.source.parent)
    edit(page, "goals: [see the rules at work]", "goals: [see the rules at work")
    broken, good = build.build([page, other])
    assert "is not YAML" in broken.problem
    assert good.problem == ""
    assert other.notebook.is_file()


@pytest.mark.slow
def test_stderr_is_left_out_and_named(page, capsys):
    [result] = build.build([page])
    line = page.source.read_text().splitlines().index("import sys")
    assert result.stderr == (line,)
    assert f"lesson.py:{line} writes to stderr" in capsys.readouterr().out


def test_every_problem_of_a_lesson_is_found_before_it_is_executed(page, monkeypatch, capsys):
    old, flag = page.notebook.read_bytes(), page.root / "flag"
    edit(page, "1 + 1", f"open({str(flag)!r}, 'x').close()")
    edit(page, "2 + 2", "2 +")
    edit(page, "repairs: [002-4.1]", "repairs: [003-1.4.1]")
    edit(page, "*Learning representations", "*Earning representations")
    monkeypatch.chdir(page.root)
    assert cli.main(["course", "build"]) == 1
    error = capsys.readouterr().err
    lines = {line: number for number, line in enumerate(page.source.read_text().splitlines(), 1)}
    references = lines["# ## References"] - 1  # the cell's marker is above
    for line, cell, message in [
        (lines["2 +"], "c008", "this is not Python: invalid syntax"),
        (lines["# # A tiny lesson"] - 1, "c000", "the first cell does not say '003 §1.4.1'"),
        (references, "c006", "reference rumelhart1986: its title is {Learning representations"),
    ]:
        assert f"{page.source}:{line} (cell {cell}): {message}" in error
    assert not flag.exists()
    assert page.notebook.read_bytes() == old


@pytest.mark.slow
def test_a_draft_is_executed_all_the_same(page, monkeypatch, capsys):
    edit(page, "minutes: 5", "minutes: 50")
    edit(page, "1 + 1", "10 + 1")
    monkeypatch.chdir(page.root)
    assert cli.main(["course", "build"]) == 1
    assert "does not say 'About 50 minutes'" in capsys.readouterr().err
    assert cli.main(["course", "build", "--draft"]) == 0
    assert "10 + 1" in page.notebook.read_text()


def test_two_cells_of_one_grade_id_are_refused(page):
    cell = '\n# %% nbgrader={"grade_id": "q1"}\n1\n'
    page.source.write_text(page.source.read_text() + 2 * cell)
    with pytest.raises(CourseError, match="two cells have the grade_id q1"):
        notebooks.read_source(page)


def test_outside_a_checkout_the_command_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["course", "build"]) == 1
    assert "run this in a checkout" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["import aimodels", "import aimodels.cli"])
def test_importing_loads_nothing_heavy(command):
    """The reason why `import aimodels` and `aimodels --help` are instant."""
    heavy = {"numpy", "keras", "tensorflow", "jupytext", "matplotlib"}
    code = f"import sys; {command}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("course", "data", "doctor"))
