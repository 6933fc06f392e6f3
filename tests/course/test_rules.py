"""Each rule of `aimodels course check` finds the fault it is for, and says where."""

import json
import re

import pytest

from aimodels import cli
from aimodels.course import build, notebooks, reset, rules

pytestmark = pytest.mark.rests_on("aimodels")


def problems(page) -> str:
    return "\n".join(rules.check(page.root, [page]))


def edit_source(page, old: str, new: str) -> None:
    text = page.source.read_text()
    assert old in text
    page.source.write_text(text.replace(old, new))


def edit_cell(page, number: int, **changes) -> None:
    notebook = json.loads(page.notebook.read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    cells[number].update(changes)
    page.notebook.write_text(json.dumps(notebook))


def build_without_running(page) -> None:
    """The edited source's notebook, with the outputs that were there."""
    old, new = notebooks.read_notebook(page), notebooks.read_source(page)
    for before, after in zip(old.cells, new.cells, strict=True):
        if after.cell_type == "code":
            after.outputs, after.execution_count = before.outputs, before.execution_count
    build.write_built(page, new)
    timing = page.root / "chapters" / ".timing.json"
    source = new.metadata.aimodels[notebooks.BUILT]["source"]
    timing.write_text(re.sub(r'"source": "\w+"', f'"source": "{source}"', timing.read_text()))


def test_a_fresh_build_passes(page):
    assert problems(page) == ""


def test_a_changed_source_line_is_found(page):
    edit_source(page, 'print("a stable line")', 'print("another line")')
    line = page.source.read_text().splitlines().index("import sys")  # the cell's marker is above
    assert f"lesson.py:{line} (cell c002): the notebook's cell differs" in problems(page)
    assert "aimodels course build 01_tiny" in problems(page)


def test_a_changed_comment_outside_the_cells_is_found(page):
    edit_source(page, "see the rules at work]", "see the rules work]")
    assert "the source has changed since the notebook was built" in problems(page)


def test_a_new_cell_is_found(page):
    page.source.write_text(page.source.read_text() + "\n# %%\n5 + 5\n")
    assert "12 cells in the source, 11 in the notebook" in problems(page)


def test_a_flipped_output_is_found(page):
    edit_cell(page, 1, outputs=[{"name": "stdout", "output_type": "stream", "text": ["x\n"]}])
    assert "(cell c002): its stored output is not what the build wrote" in problems(page)


def test_a_flipped_output_is_found_where_nbval_looks_away(page):
    """In a picture, and in a cell that is tagged as not to be compared."""
    text = page.notebook.read_text()
    picture = re.search(r'"image/png": "(.{60})', text).group(1)
    page.notebook.write_text(text.replace(picture, picture[:-1] + "A"))
    assert "(cell c003): its stored output" in problems(page)
    edit_cell(page, 3, outputs=[{"name": "stdout", "output_type": "stream", "text": ["0.5\n"]}])
    assert "(cell c004): its stored output" in problems(page)


def test_a_cleared_cell_is_found(page):
    edit_cell(page, 1, outputs=[], execution_count=None)
    found = problems(page)
    assert "(cell c002): execution count None, expected 2" in found
    assert "(cell c002): its stored output" in found


def test_stderr_and_errors_are_found(page):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    warning = {"output_type": "stream", "name": "stderr", "text": ["careful\n"]}
    edit_cell(page, 1, outputs=[warning, error])
    assert "(cell c002): stderr is stored" in problems(page)
    assert "it raised ValueError without the tag raises-exception" in problems(page)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# A tiny lesson\n", "# Another title\n", "does not start with the title"),
        ("About 5 minutes", "About a while", "does not say 'About 5 minutes'"),
        ("see the rules at work]", "do more]", "does not say 'do more'"),
        ("minutes: 5", "minutes: 50", "50 minutes, but reading and running take about 5"),
        ("minutes: 5", "minutes: short", "minutes is missing or is not of type int"),
        ("prerequisites: []", "prerequisites: [02_x]", "is not the name of an earlier chapter"),
        ("prerequisites: []", "prerequisites: [00_Up]", "is not the name of an earlier chapter"),
        ("[002-4.1]", "[003-1.4.1]", "does not say '003 §1.4.1'"),
        ("aimodels.start(seed=1)", "pass", "the first code cell is not"),
        ("](#rumelhart1986)", "](#knuth1984)", "knuth1984 is cited, but not among the references"),
        ("](#rumelhart1986)", "]", "rumelhart1986 is listed, but never cited"),
        ('id="rumelhart1986"', 'id="hinton1900"', "hinton1900 is not in docs/references.bib"),
        ("1986.", "1987.", "its year is 1986"),
        ("*Learning representations", "*Earning representations", "its title is"),
        ("1 + 1", "\n".join(["1 + 1"] * 31), "31 lines: at most 30"),
        ("assert 0 <= draw < 1", "draw", "the next code cell must assert it"),
        ("# %%\n4 + 4", '# %% tags=["nbval-ignore-output"]\n4 + 4', "at most 15 %"),
        ("4 + 4", "# NBVAL_SKIP\n4 + 4", "never skip a cell"),
        ("# %%\n4 + 4", '# %% tags=["nbval-skip"]\n4 + 4', "no cell may be skipped"),
    ],
)
def test_a_lesson_against_the_rules_is_found(page, old, new, message):
    edit_source(page, old, new)
    build_without_running(page)
    assert message in problems(page)


def test_too_little_and_too_much_prose_are_found(page):
    notebook = rules.read_notebook(page)
    notebook.cells[0].source = "Too little."
    assert "words of prose a line of code" in str(list(rules.rhythm(page, notebook)))
    notebook.cells[0].source = "too much " * 200
    assert "words of prose a line of code" in str(list(rules.rhythm(page, notebook)))


def test_a_learner_reads_no_hidden_tests_and_writes_the_solution_once(page):
    notebook = rules.read_notebook(page)
    cell = notebook.cells[1]

    def lines(mark: str, count: int) -> str:
        return "\n".join([f"### BEGIN {mark}", *["f(1)"] * count, f"### END {mark}"])

    before = rules.minutes(notebook, 0)
    cell.source = lines("HIDDEN TESTS", 300)
    assert rules.minutes(notebook, 0) == before
    cell.source += "\n" + lines("SOLUTION", 20)
    assert rules.minutes(notebook, 0) == before + 20 * rules.WRITING / 60


def test_too_few_pictures_are_found(page):
    notebook = rules.read_notebook(page)
    del notebook.cells[3].outputs[0]
    assert (None, "2 pictures: at least 3") in rules.pictured(page, notebook)


def test_a_slow_lesson_is_found(page):
    path = page.root / "chapters" / ".timing.json"
    timing = json.loads(path.read_text())
    timing["01_tiny/lesson"] |= {"seconds": 181.0, "slowest_cell": 61.0}
    path.write_text(json.dumps(timing))
    assert "took 181.0 s, at most 180 s" in problems(page)
    assert "took 61.0 s, at most 60 s" in problems(page)
    path.unlink()
    assert "no time recorded" in problems(page)


def test_a_solution_in_the_students_folder_is_found(page):
    (page.root / "chapters" / "01_tiny" / "assignment.ipynb").write_text("### BEGIN SOLUTION")
    assert "assignment.ipynb: shows a solution or a hidden test" in problems(page)


@pytest.mark.parametrize("cells", [[], [{"cell_type": "markdown", "metadata": {}, "source": ""}]])
def test_a_notebook_of_another_program_is_a_problem_not_a_crash(page, cells):
    empty = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    page.notebook.write_text(json.dumps(empty))
    found = problems(page)
    assert f"11 cells in the source, {len(cells)} in the notebook" in found
    assert "there is no code in it" in found


def test_a_missing_or_broken_notebook_is_one_message(page):
    page.notebook.write_text("{")
    assert "is not a notebook" in problems(page)
    page.notebook.unlink()
    assert problems(page).endswith("is missing: run `aimodels course build 01_tiny`")


def test_the_command_says_what_it_found(page, monkeypatch, capsys):
    monkeypatch.chdir(page.root / "course")
    assert cli.main(["course", "check"]) == 0
    assert capsys.readouterr().out == "1 notebooks checked, 0 problems\n"
    edit_source(page, "1 + 1", "1 + 2")
    assert cli.main(["course", "check", "01"]) == 1
    assert "2 problems" in capsys.readouterr().out
    assert cli.main(["course", "check", "07"]) == 1
    assert capsys.readouterr().err == "aimodels: no chapter 07; there are 01_tiny\n"


EXERCISES = """\
# ---
# jupyter:
#   aimodels:
#     title: "Exercises: a tiny lesson"
# ---

# %% [markdown]
# # Exercises: a tiny lesson
#
# ## Exercise 1: add

# %%
import aimodels

aimodels.start(seed=1)

# %% [markdown]
# ## Exercise 2: divide

# %%
assert 6 / 2 == 3
"""


@pytest.fixture
def exercises(page):
    """The solutions of a lesson with two exercises; only its text counts here."""
    lesson = "\n# %% [markdown]\n# ## Exercises\n#\n# 1. Add.\n# 2. Divide\n#    6 by 2.\n"
    page.source.write_text(page.source.read_text() + lesson)
    solutions = notebooks.Page(page.root, page.chapter, "exercises")
    solutions.source.write_text(EXERCISES)
    return solutions


def test_exercises_are_built_beside_the_assignment(exercises):
    pages = notebooks.find_pages(exercises.root)
    assert [page.kind for page in pages] == ["lesson", "exercises"]
    place = exercises.notebook.relative_to(exercises.root).as_posix()
    assert place == "solutions/01_tiny/exercises.ipynb"
    assert rules.lint(exercises) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# ## Exercise 2: divide\n", "# Divide.\n", "exercises are 1, 2, those solved here 1"),
        ("Exercise 2:", "Exercise 3:", "exercises are 1, 2, those solved here 1, 3"),
        ("aimodels.start(seed=1)", "aimodels.start()", "the first code cell is not"),
        ("# # Exercises:", "# # Solutions:", "does not start with the title, # Exercises: a tiny"),
        ("#     title:", "#     name:", "front matter: title is missing"),
    ],
)
def test_exercises_that_do_not_fit_their_lesson_are_found(exercises, old, new, message):
    edit_source(exercises, old, new)
    assert message in "\n".join(rules.lint(exercises))


def test_a_reset_leaves_the_exercises_alone(exercises):
    assert reset.reset([exercises]) == []
