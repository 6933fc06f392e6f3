"""What a student reads in the notebook, and what the grader records in its place."""

# ruff: noqa: PT012  (the block is the test cell)

import json
from pathlib import Path

import numpy as np
import pytest

from aimodels.course.questions import TOO_LARGE, UNANSWERED, Check, CheckFailed
from aimodels.course.verdict import LARGEST

pytestmark = pytest.mark.rests_on("aimodels")


def test_every_failed_property_is_one_sentence_with_its_hint():
    check = Check()
    with pytest.raises(CheckFailed) as failure, check.question("q3_visible", points=5):
        check.equal("the shape", (2, 3), (2, 2), hint="which axes?")
        check.close("the mean", 0.5, 0.5)
        check.close("the sum", [1.0, 2.0], [1.0, 3.0])
    assert failure.value._render_traceback_() == [
        "✗ Question 3: 0 of 5 points",
        "  the shape: wanted [2, 2], got [2, 3]",
        "  Hint: which axes?",
        "  the sum: wanted [1.0, 3.0], got [1.0, 2.0]",
    ]


def test_an_unanswered_question_is_said_so():
    with pytest.raises(CheckFailed, match=UNANSWERED), Check().question("q1_visible", points=5):
        raise NotImplementedError


def test_an_error_in_the_students_code_keeps_its_traceback():
    check = Check()
    with pytest.raises(ZeroDivisionError), check.question("q1_visible", points=5):
        check.equal("a share", 1 / 0, 1)


def test_an_error_that_follows_from_a_failed_property_does_not_hide_it():
    check = Check()
    with pytest.raises(CheckFailed, match="a list"), check.question("q1_visible", points=5):
        check.equal("a list", None, [1, 2])
        check.equal("its length", len(None), 2)


def test_the_sum_counts_each_cell_once_in_the_order_of_the_questions(capsys):
    check = Check()
    for answer in (1, 2):
        for name in ("q10_visible", "q2_visible"):
            try:
                with check.question(name, points=4):
                    check.equal("two", answer, 2)
            except CheckFailed:
                pass
    capsys.readouterr()
    check()
    assert capsys.readouterr().out.splitlines() == [
        "✓ Question 2: 4 of 4 points",
        "✓ Question 10: 4 of 4 points",
        "Visible tests run so far: 8 of 8 points. Hidden tests decide the rest of the 100.",
    ]


def test_the_sum_before_any_test_says_what_to_do(capsys):
    Check()()
    assert "run the cells above" in capsys.readouterr().out


_TRUTH = {"boxes": np.array([[[0, 0, 4, 4], [5, 5, 9, 9.0]]]), "labels": np.array([[0, 0]])}


def _found(box):
    """One box in one picture; a detector gives more than the three that are needed."""
    boxes, labels = np.array([[box]]), np.zeros((1, 1), int)
    confidence = np.full((1, 1), 0.9, "float32")
    found = {"boxes": boxes, "confidence": confidence, "labels": labels}
    return found | {"num_detections": np.ones(1, int)}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("equal", ("text", "a", "b")),
        ("close", ("shape", np.ones(3), np.ones((3, 1)))),
        ("close", ("not a number", float("nan"), 1.0)),
        ("accuracy", ("classes", [0, 1, 1], np.array([0, 1, 2]), 0.9)),
        ("mean_average_precision", ("boxes", _found([0, 0, 4, 1]), _TRUTH, 0.5)),
        ("raises", ("refuses", lambda: None, ValueError)),
        ("raises", ("another error", lambda: [][1], ValueError)),
    ],
)
def test_each_method_finds_what_is_wrong(method, arguments):
    check = Check()
    with pytest.raises(CheckFailed, match=arguments[0]), check.question("q1_visible", points=1):
        getattr(check, method)(*arguments)


def test_each_method_accepts_what_is_right(capsys):
    check = Check()
    with check.question("q1_visible", points=1):
        check.equal("text", "a", "a")
        check.equal("a shape, as tuple or list", (1, 2), [1, 2])
        check.close("float32", np.float32(0.1), 0.1)
        check.accuracy("classes", np.array([1, 1, 1, 2]), np.ones(4, int), at_least=0.75)
        check.mean_average_precision("boxes", _found([0, 0, 4, 3]), _TRUTH, at_least=0.5)
        check.raises("a kind of OSError", lambda: Path("/no/such/file").read_text(), OSError)
    assert capsys.readouterr().out == "✓ Question 1: 1 of 1 points\n"


def test_recording_keeps_values_and_never_judges():
    check = Check()
    with check.recording():
        check.record(1, np.arange(2))
        check.record(2, "a")
    data = json.loads(check.records())
    assert [record["site"] for record in data["records"]] == [1, 2]
    assert data["records"][1] == {"site": 2, "actual": "a"}
    assert data["error"] == ""


def test_recording_turns_an_error_into_a_sentence():
    check = Check()
    with check.recording():
        raise ValueError("no such axis")
    assert json.loads(check.records()) == {
        "records": [],
        "error": "your code raised ValueError: no such axis",
    }


def test_the_frame_of_kerass_errors_is_taken_off():
    check = Check()
    with check.recording():
        raise ValueError("Exception encountered when calling CNN.call().\n\n\x1b[1mBad\x1b[0m\n\nx")
    assert json.loads(check.records())["error"] == "your code raised ValueError: Bad"


def test_records_are_printed_as_they_are_and_never_too_long():
    check = Check()
    with check.recording():
        check.record(1, 'it\'s "x" \\ \n é')
    assert json.loads(repr(check.records()))["records"][0]["actual"] == 'it\'s "x" \\ \n é'
    with check.recording():
        check.record(1, "x" * LARGEST)
    assert json.loads(repr(check.records())) == {"records": [], "error": TOO_LARGE}


def test_a_problem_and_its_hint_are_told_once():
    check = Check()
    with pytest.raises(CheckFailed) as failed, check.question("q1_visible", points=5):
        for _ in range(3):
            check.equal("one", 2, 1, hint="count")
    assert str(failed.value).count("Hint: count") == str(failed.value).count("one: ") == 1


def test_what_is_given_comes_back_as_it_was():
    check, value = Check(), np.arange(6, dtype="float32").reshape(2, 3)
    with check.recording():
        noted = check.note(0, value)
    data = json.loads(check.records())["records"][0]["given"]
    for copy in (noted, check.replay(0, [json.dumps(data)])):
        np.testing.assert_array_equal(copy, value)
        assert copy.dtype == value.dtype
        copy += 1  # as a student's code may do
