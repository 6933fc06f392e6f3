"""The student's copy and the code that runs in a student's process show nothing that decides."""

import json
import subprocess
import sys

import nbformat
import pytest

from aimodels.course import CourseError, build, rules
from aimodels.course.assignment import Assignment
from aimodels.course.recording import recording

pytestmark = pytest.mark.rests_on("aimodels")


@pytest.fixture
def assignment(assignment_page):
    return Assignment(assignment_page)


def test_the_copy_has_neither_solutions_nor_hidden_tests_nor_outputs(assignment):
    text = assignment.copy_path.read_text()
    for secret in ("mean(axis", "before", "normal(size", "BEGIN SOLUTION", "two axes are wanted"):
        assert secret not in text
    copy = assignment.read_copy()
    assert "raise NotImplementedError()" in copy.cells[3].source
    assert all(not cell.get("outputs") for cell in copy.cells)
    assert "Hidden tests: other sizes" in text


def test_locked_cells_can_neither_be_edited_nor_deleted(assignment):
    for cell in assignment.read_copy().cells:
        facts = cell.metadata.get("nbgrader", {})
        if facts:
            assert cell.metadata.deletable is False
            assert cell.metadata.get("editable", True) is not facts["locked"]


def test_the_copy_is_byte_stable_and_made_alike_in_another_process(assignment):
    code = (
        "import sys; from pathlib import Path; from aimodels.course.notebooks import Page;"
        "from aimodels.course.assignment import Assignment;"
        "page = Page(Path(sys.argv[1]), '01_tiny', 'assignment');"
        "sys.stdout.buffer.write(Assignment(page).copy_text().encode())"
    )
    command = [sys.executable, "-c", code, str(assignment.page.root)]
    other = subprocess.run(command, capture_output=True, check=True).stdout
    assert other == assignment.copy_path.read_bytes()


def test_questions_and_points(assignment):
    assert assignment.questions == {"q1": 60, "q2": 40}
    assert [(t.id, t.points, t.hidden) for t in assignment.tests][:2] == [
        ("q1_visible", 20, False),
        ("q1_hidden", 40, True),
    ]


def test_a_students_run_holds_nothing_that_is_expected(assignment):
    hidden = {test.id: test.source for test in assignment.tests if test.hidden}
    code = recording(hidden["q1_hidden"], {})
    for secret in ("mean((1, 2))", "before", "axes, not sizes", "right for any size"):
        assert secret in hidden["q1_hidden"]
        assert secret not in code
    code = recording(hidden["q2_hidden"], {1: ["[[1, 2, 3]]"]})
    assert "labels" not in code
    assert "default_rng" not in code
    assert "check.replay(1, ['[[1, 2, 3]]'])" in code


def test_the_graders_run_keeps_what_is_expected(assignment):
    code = recording(assignment.tests[1].source)
    assert "kind='close'" in code
    assert "before.mean((1, 2))" in code


def problems(page):
    return "\n".join(rules.check(page.root, [page]))


@pytest.fixture(autouse=True)
def two_questions_are_enough(monkeypatch):
    monkeypatch.setattr(rules, "QUESTIONS", 2)


def test_the_tiny_assignment_is_sound(assignment_page):
    assert problems(assignment_page) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("q1_visible 20}", "q1_visible 25}", "105 points in all"),
        ('question("q1_visible"', 'question("q1_hidden"', "wanted one `with check.question"),
        ("q2_hidden 30}", "q2_extra 30}", "q2 has answer, visible, extra"),
        ("### BEGIN HIDDEN TESTS\n", "", "stand in BEGIN and END HIDDEN TESTS"),
        (
            "    labels = np.random.default_rng(9).normal(size=(200, 3)).sum(1) > 0",
            "    labels, x = np.random.default_rng(9).normal(size=(200, 3)).sum(1) > 0, x",
            "only the verdict needs labels",
        ),
        ("# %% {locked setup}", "# %%", "locked"),
        ("**100 points.**", "", "does not say '100 points'"),
        ("limits: {", "limit: {", "limits is missing"),
        ("About 5 minutes", "About 9 minutes", "does not say 'About 5 minutes'"),
        ("minutes: 5\n", "minutes: 500\n", "500 minutes, but reading and running take about"),
    ],
)
def test_an_assignment_against_the_rules_is_found(assignment_page, old, new, message):
    text = assignment_page.source.read_text()
    assert old in text
    assignment_page.source.write_text(text.replace(old, new, 1))
    [result] = build.build([assignment_page], draft=True)
    assert message in f"{result.problem}{problems(assignment_page)}"


def test_every_problem_of_an_assignment_is_found_before_it_is_executed(assignment_page):
    path, old = assignment_page.source, assignment_page.notebook.read_bytes()
    text = path.read_text().replace("limits: {cell", "limits: {cells")
    text = text.replace("    if np.ndim(x) != 2:", "    if np.ndim(x) != 2")
    text = text.replace('check.equal("two rows"', 'check.same("two rows"')
    path.write_text(text)
    [result] = build.build([assignment_page])
    lines = {line: number for number, line in enumerate(text.splitlines(), 1)}
    found = result.problem.splitlines()
    for line, message in [
        (lines["    if np.ndim(x) != 2"], "(cell q2): this is not Python: expected ':'"),
        (lines["# %% {test q2_visible 10}"], "check.same has no place in a test cell"),
        (1, "limits are any of cell, total, memory"),
    ]:
        assert [p for p in found if p.startswith(f"{path}:{line}") and message in p], found
    assert assignment_page.notebook.read_bytes() == old


def test_problems_of_wrong_answers_are_found_before_the_solution_is_executed(assignment_page):
    answers = assignment_page.source.parent / "wrong" / "all.py"
    answers.write_text(answers.read_text().replace("q2, 10 of 40", "q2, 10 of 50"))
    [result] = build.build([assignment_page])
    first, second = result.problem.splitlines()
    assert first.startswith(f"{answers}:")
    assert "wanted `# %% qN" in first
    assert "2 wrong answers to q2, wanted 3" in second


def test_a_copy_that_was_edited_by_hand_is_found(assignment_page):
    path = Assignment(assignment_page).copy_path
    path.write_text(path.read_text().replace("a rule", "another rule"))
    assert "is not what generation gives" in problems(assignment_page)
    path.unlink()
    assert "is not what generation gives" in problems(assignment_page)


def test_metadata_that_nbgrader_refuses_are_one_message(assignment_page):
    text = assignment_page.source.read_text()
    facts = {"grade": False, "grade_id": "setup", "locked": True, "schema_version": 99}
    facts |= {"solution": False, "task": False}
    text = text.replace("{locked setup}", f"nbgrader={json.dumps(facts)}")
    assignment_page.source.write_text(text)
    [result] = build.build([assignment_page])
    assert "Schema version is too new" in result.problem


def test_without_nbgrader_the_message_says_what_to_install(assignment, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    with pytest.raises(CourseError, match="pip install"):
        assignment.student_copy()


def test_the_copy_is_a_valid_notebook(assignment):
    nbformat.validate(json.loads(assignment.copy_text()))
