"""A wrong answer stands in full or as the lines it replaces in the solution."""

import pytest

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.wrong import wrong_answers

pytestmark = pytest.mark.rests_on("aimodels")

TITLE = "# %% q2, 0 of 40 points: never refuses\n"
FULL = TITLE + "def predict(x):\n    return np.where(x > 0, 1, 0)\n"
CHANGE = """\
# replace:
#     if np.ndim(x) != 2:
#         raise ValueError("two axes are wanted")
# with:
"""


def answers(page, old: str, new: str):
    path = page.source.parent / "wrong" / "all.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return wrong_answers(Assignment(page))


def only(page, change: str) -> str:
    [answer] = [a for a in answers(page, FULL, TITLE + change) if a.title == "never refuses"]
    return answer.source


def test_lines_are_replaced_and_docstrings_and_markers_left_out(assignment_page):
    source = only(assignment_page, CHANGE)
    assert source == "def predict(x):\n    return (x.sum(1) > 0).astype(int)"


def test_an_answer_may_replace_several_places_with_any_lines(assignment_page):
    second = """\
# replace:
#     return (x.sum(1) > 0).astype(int)
# with:
#     y = x.sum(1)
#
#     return (y > 0).astype(int)
"""
    assert only(assignment_page, CHANGE + second) == (
        "def predict(x):\n    y = x.sum(1)\n\n    return (y > 0).astype(int)"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (CHANGE.replace("!= 2", "== 2"), "the lines to replace stand 0 times in the solution"),
        (CHANGE.replace("#     if", "#   if"), "the lines to replace stand 0 times"),
        ("# replace:\n# with:\n#     pass\n", "the lines to replace stand 0 times"),
        (CHANGE.replace("# with:\n", ""), "each `# replace:` is followed by one `# with:`"),
        (CHANGE + "# with:\n", "each `# replace:` is followed by one `# with:`"),
        (CHANGE + "return 3\n", "every line is a comment; got 'return 3'"),
    ],
)
def test_a_change_that_cannot_be_made_is_one_sentence(assignment_page, change, message):
    with pytest.raises(CourseError) as raised:
        only(assignment_page, change)
    path = assignment_page.source.parent / "wrong" / "all.py"
    line = 1 + path.read_text().splitlines().index(TITLE.strip())
    assert f"{path}:{line}: " in str(raised.value)
    assert message in str(raised.value)


def test_lines_that_stand_twice_are_refused(assignment_page):
    notebook = assignment_page.notebook
    twice = notebook.read_text().replace(
        "if np.ndim(x) != 2:", 'y = x.sum(1)\\n",\n    "    y = x.sum(1)\\n",\n    "    if 1:'
    )
    notebook.write_text(twice)
    with pytest.raises(CourseError, match="stand 2 times in the solution"):
        only(assignment_page, "# replace:\n#     y = x.sum(1)\n# with:\n")


def test_all_problems_come_in_one_message(assignment_page):
    with pytest.raises(CourseError) as raised:
        answers(assignment_page, "# %% q1, 0 of 60 points: ", "# %% q1, of 60 points: ")
    problems = str(raised.value).splitlines()
    assert len(problems) == 3
    assert all("wanted `# %% qN" in problem for problem in problems[:2])
    assert "1 wrong answers to q1, wanted 3" in problems[2]
