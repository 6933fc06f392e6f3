"""Short headers stand for nbgrader's metadata, both ways, and a misspelt one is named."""

import json
from pathlib import Path

import pytest

from aimodels.course import CourseError, headers, notebooks, pull
from aimodels.course.assignment import role


@pytest.mark.parametrize(
    ("header", "what", "facts"),
    [
        ("# %% {answer q1}", "answer", {"grade_id": "q1", "locked": False, "solution": True}),
        ("# %% {locked setup}", "locked", {"grade_id": "setup", "locked": True, "grade": False}),
        ("# %% {test q1_hidden 5}", "test", {"grade_id": "q1_hidden", "points": 5, "grade": True}),
        ("# %% {test q1_hidden 2.5}", "test", {"points": 2.5, "locked": True}),
    ],
)
def test_a_short_header_becomes_metadata_and_comes_back(header, what, facts):
    text = f"{header}\nx = 1\n"
    long, problems = headers.expand(text)
    assert not problems
    metadata = json.loads(long.partition("nbgrader=")[2].partition("\n")[0])
    assert facts.items() <= metadata.items()
    assert type(metadata.get("points")) is type(facts.get("points", metadata.get("points")))
    cell = notebooks.NotebookNode(metadata={"nbgrader": metadata})
    assert role(notebooks.nbformat.from_dict(cell)) == what
    assert headers.shorten(long) == text


def test_metadata_of_another_kind_stay_as_they_are():
    for facts in ({"grade": True, "grade_id": "q1"}, {"solution": True, "grade_id": "q1"}):
        text = f"# %% nbgrader={json.dumps(facts)}\n"
        assert headers.shorten(text) == text
        assert headers.expand(text) == (text, [])


def test_every_misspelt_header_is_named_with_its_line(assignment_page):
    path = assignment_page.source
    text = (
        path.read_text().replace("{answer q1}", "{anser q1}").replace("q2_hidden 30", "q2_hidden")
    )
    path.write_text(text)
    lines = text.splitlines()
    with pytest.raises(CourseError) as raised:
        notebooks.read_source(assignment_page)
    first, second = str(raised.value).splitlines()
    assert first.startswith(f"{path}:{1 + lines.index('# %% {anser q1}')}: the header {{anser q1}}")
    assert second.startswith(f"{path}:{1 + lines.index('# %% {test q2_hidden}')}: the header")


def test_pull_writes_the_short_form(assignment_page):
    before = assignment_page.source.read_text()
    assert pull.pull(assignment_page) is False
    notebook = assignment_page.notebook
    notebook.write_text(notebook.read_text().replace("a rule (40 points)", "one rule (40 points)"))
    assert pull.pull(assignment_page) is True
    after = assignment_page.source.read_text()
    assert after == before.replace("a rule (40 points)", "one rule (40 points)")
    assert "{answer q1}" in after


def test_no_source_of_the_course_writes_metadata_out():
    for path in Path(__file__).parents[2].glob("course/*/assignment.py"):
        assert "nbgrader=" not in path.read_text(), path
