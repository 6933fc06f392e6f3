"""Files as students hand them in: found, named, read as plain text, and put back in order."""

import json
import os

import pytest

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.collect import find
from aimodels.course.reading import read
from aimodels.course.sources import LARGEST, SubmissionError
from aimodels.course.submission import answers, compose

pytestmark = pytest.mark.rests_on("aimodels")

NOTEBOOK = {"cells": [{"cell_type": "code", "source": "1"}], "metadata": {}, "nbformat": 4}


def put(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(NOTEBOOK))


@pytest.mark.parametrize(
    ("files", "students"),
    [
        (["alice.ipynb", "bob.ipynb"], ["alice", "bob"]),
        (["alice/assignment.ipynb", "bob/assignment.ipynb"], ["alice", "bob"]),
        (["alice/01_tiny/assignment.ipynb", "bob/01_tiny/my.ipynb"], ["alice", "bob"]),
        (["a/li.ipynb", "b/li.ipynb"], ["a", "b"]),
        (["陈伟.ipynb", "Zoë O'Neil.ipynb"], ["Zoë O'Neil", "陈伟"]),
        (["alice/.ipynb_checkpoints/x-checkpoint.ipynb", "alice/assignment.ipynb"], ["alice"]),
        (["alice/02_other/assignment.ipynb", "alice/01_tiny/assignment.ipynb"], ["alice"]),
        (["alice.ipynb", "notes.txt", "picture.png"], ["alice"]),
        (["07_li/assignment (1).ipynb", "bob/assignment-Copy1.ipynb"], ["07_li", "bob"]),
        (["alice.zip", "bob.ipynb"], ["alice", "bob"]),
        ([os.fsdecode(b"b\xff.ipynb")], ["b\ufffd"]),
    ],
)
def test_students_names(tmp_path, files, students):
    put(tmp_path, *files)
    found = find([str(tmp_path)], "01_tiny", ["01_tiny", "02_other"])
    assert sorted(s.student for s in found) == sorted(students)


def test_a_name_with_a_number_is_not_taken_for_anothers(tmp_path):
    put(tmp_path, "li (2).ipynb", "li.ipynb", "submitted/li/assignment.ipynb")
    students = [s.student for s in find([str(tmp_path)], "01_tiny")]
    assert len(set(students)) == 3


def test_a_name_that_a_terminal_would_obey_is_written_out(tmp_path):
    put(tmp_path, "a\x1b[31mb.ipynb", "\u202eevil.ipynb")
    found = find([str(tmp_path)], "01_tiny")
    assert {s.student for s in found} == {"a\\x1b[31mb", "\\u202eevil"}


def test_two_files_of_one_name_from_two_arguments_stay_two_students(tmp_path):
    put(tmp_path, "one/li.ipynb", "two/li.ipynb")
    found = find([str(tmp_path / "one"), str(tmp_path / "two" / "li.ipynb")], "01_tiny")
    assert [s.student for s in found] == ["li", "li (2)"]
    assert len({s.path for s in found}) == 2


def test_a_missing_path_or_an_empty_folder_is_one_message(tmp_path):
    with pytest.raises(CourseError, match="no such file"):
        find([str(tmp_path / "nobody")], "01_tiny")
    with pytest.raises(CourseError, match="no notebook of 01_tiny"):
        find([str(tmp_path)], "01_tiny")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 and so on", "zip archive"),
        (b"\x1f\x8b\x08", "not a notebook"),
        (b'{"cells": [', "not a notebook"),
        (b"[" * 200_000, "not a notebook"),
        (b"[1, 2]", "no list of cells"),
        (b'{"cells": 5}', "no list of cells"),
        (b'{"cells": [1, null, {}]}', "no code"),
        (b'{"cells": [{"cell_type": "markdown", "source": "hello"}]}', "no code"),
        (json.dumps({"cells": [{}] * 1001}).encode(), "more than 1000"),
        (b"\xff\xfe\x00", "not a notebook"),
    ],
)
def test_what_is_no_notebook_is_one_sentence(tmp_path, data, message):
    path = tmp_path / "x.ipynb"
    path.write_bytes(data)
    with pytest.raises(SubmissionError, match=message):
        read(path)


def test_links_pipes_folders_and_huge_files_are_not_opened(tmp_path):
    put(tmp_path, "right.ipynb")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "right.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with (tmp_path / "huge.ipynb").open("wb") as file:
        file.truncate(LARGEST + 1)
    for name, message in [
        ("link", "is a link"),
        ("pipe", "not a file"),
        ("folder", "not a file"),
        ("huge", "clear the outputs"),
    ]:
        with pytest.raises(SubmissionError, match=message):
            read(tmp_path / f"{name}.ipynb")


def test_old_formats_and_odd_types_are_read_as_text(tmp_path):
    path = tmp_path / "old.ipynb"
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "a"]}]}]}
    path.write_text(json.dumps(old), encoding="utf-8-sig")
    assert [cell.source for cell in read(path)] == ["a = 1\na"]
    odd = {"cell_type": "code", "source": ["a", 5, None], "metadata": "?", "id": {"a": 1}}
    path.write_text(json.dumps({"cells": [odd]}))
    assert [cell.source for cell in read(path)] == ["a"]


@pytest.fixture
def assignment(assignment_page):
    return Assignment(assignment_page)


@pytest.fixture
def cells(assignment):
    """The student's copy with two answers, as `read` gives it."""
    path = assignment.page.root / "x.ipynb"
    notebook = json.loads(assignment.copy_text())
    for cell in notebook["cells"]:
        if cell["id"] in ("q1", "q2"):
            cell["source"] = f"# mine\n{cell['source']}"
    path.write_text(json.dumps(notebook))
    return read(path)


def order(cells, assignment):
    """The steps in short: the test's name, "own", or "locked"."""
    steps, restored = compose(cells, assignment, {"q2_hidden": {1: "[]"}})
    short = [s.test.id if s.test else "own" if s.own is not None else "locked" for s in steps]
    return short, restored


USUAL = ["locked", "own", "q1_visible", "q1_hidden", "own", "q2_visible", "q2_hidden", "locked"]


def without(cells, *ids):
    return [cell for cell in cells if cell.id not in ids]


def test_an_honest_notebook_keeps_its_order(cells, assignment):
    assert order(cells, assignment) == (USUAL, [])


def test_edited_tests_are_put_back(cells, assignment):
    next(c for c in cells if c.id == "q1_visible").source = "print('passed')"
    assert order(cells, assignment) == (USUAL, ["q1_visible"])


def test_deleted_tests_are_put_back_behind_their_answers(cells, assignment):
    lost = ["q1_visible", "q1_hidden", "q2_hidden"]
    assert order(without(cells, *lost), assignment) == (USUAL, lost)


def test_tests_before_their_answers_are_moved_behind_them(cells, assignment):
    found, _ = order(without(cells, "q1") + [c for c in cells if c.id == "q1"], assignment)
    assert found.index("q1_visible") > found.index("own")
    assert [x for x in found if x.startswith("q")] == [x for x in USUAL if x.startswith("q")]
    assert found.index("own") < found.index("q1_visible")


def test_duplicated_tests_run_once(cells, assignment):
    tests = [cell for cell in cells if cell.id.endswith(("visible", "hidden"))]
    assert order(cells + tests, assignment) == (USUAL, [])


def test_own_cells_are_kept_where_they_stand(cells, assignment):
    extra = [{"cell_type": "code", "source": "a = 1", "id": "x", "grade_id": "None"}]
    mine = [type(cells[0])(c) for c in extra]
    found, _ = order(cells[:4] + mine + cells[4:], assignment)
    assert found == ["locked", "own", "own", *USUAL[2:]]


def test_a_result_that_is_called_like_an_answer_is_not_taken_for_it(cells, assignment):
    """In the notebook the test has passed before the name got another meaning."""
    new = {"cell_type": "code", "source": "predict = predict(x)", "id": "x", "grade_id": "None"}
    found, _ = order([*cells, type(cells[0])(new)], assignment)
    assert found == [*USUAL, "own"]


@pytest.mark.parametrize("source", ["predict = print", "class predict: pass", "(a, predict) = 1, 2",
                                    "%time\npredict: int = 1", "predict = (1"])  # fmt: skip
def test_any_binding_stands_for_a_lost_answer(cells, assignment, source):
    new = {"cell_type": "code", "source": source, "id": "x", "grade_id": "None"}
    kept = [c for c in cells if c.id != "q2_visible"]
    retyped = [type(cells[0])(new) if c.id == "q2" else c for c in kept]
    assert order(retyped, assignment)[0] == USUAL
    assert answers(retyped, assignment)["q2"] == source


def test_stripped_metadata_are_made_up_for_by_text_and_names(cells, assignment):
    for cell in cells:
        cell.id = cell.grade_id = "None"
    assert order(cells, assignment) == (USUAL, [])


def test_a_deleted_answer_leaves_the_others_in_place(cells, assignment):
    found, _ = order(without(cells, "q1"), assignment)
    assert found == ["locked", *USUAL[2:]]


def test_with_nothing_recognised_all_code_runs_before_the_tests(cells, assignment):
    mine = [c for c in cells if c.id in ("q1", "q2")]
    for cell in mine:
        cell.id = cell.grade_id = "None"
        cell.source = cell.source.replace("def ", "def my_")
    found, restored = order(mine, assignment)
    assert found[1:3] == ["own", "own"]
    assert len(restored) == 6
