"""`aimodels course check` grades each assignment's answers, and finds every grade that is wrong."""

import threading
import time

import pytest

from aimodels import cli
from aimodels.course import CourseError, notebooks, passed, proof, rules
from aimodels.course.assignment import Assignment
from aimodels.course.fingerprints import Fingerprints

pytestmark = pytest.mark.rests_on("aimodels")


def prove(page):
    return list(proof.prove([page], proof.available()))


@pytest.fixture
def check(assignment_page, monkeypatch, capsys):
    """`check("--record")` runs the command on the tiny assignment: its code, what it printed."""
    monkeypatch.chdir(assignment_page.root)
    monkeypatch.setattr(rules, "QUESTIONS", 2)
    monkeypatch.setattr(passed, "QUARTER", 2**80)  # draws none

    def run(*options):
        code = cli.main(["course", "check", *options])
        return code, capsys.readouterr().out

    return run


@pytest.mark.slow
def test_a_check_grades_what_has_changed(assignment_page, check):
    code, said = check("--record")
    assert code == 0
    assert "01_tiny/assignment: 8 answers graded, 0 passed before and are unchanged, 0 owed" in said
    assert "0 answers graded, 8 passed before and are unchanged" in check()[1]
    assert "8 answers graded, 0 passed before" in check("--regrade")[1]

    path = assignment_page.source.parent / "wrong" / "all.py"
    path.write_text(path.read_text().replace("y.sum(axis=(1, 2))", "y.mean(axis=(1, 2))"))
    code, said = check("--record")
    assert code == 1
    assert "q1, adds up: q1 60, wanted 0" in said
    assert "1 answers graded, 7 passed before" in said
    code, said = check()  # what was found wrong is not recorded
    assert (code, "1 answers graded" in said) == (1, True)


@pytest.mark.slow
def test_what_there_was_no_time_for_is_owed(assignment_page, check):
    late = f"--deadline={time.time()}"
    code, said = check("--record", late)
    assert code == 0
    assert "0 answers graded, 0 passed before and are unchanged, 8 owed" in said
    assert "owed: 01_tiny q1, adds up\n" in said
    owed = passed.read_debt(assignment_page.root)["answers"]
    assert len(owed) == 8

    assert "8 answers graded" in check("--record")[1]
    assert passed.read_debt(assignment_page.root) == {}
    code, said = check("--regrade", late)  # they passed: they are not owed
    assert "0 answers graded, 8 passed before and are unchanged, 0 owed" in said


@pytest.mark.slow
def test_a_check_that_is_stopped_keeps_what_it_has_graded(assignment_page):
    graded, prints = [], Fingerprints(assignment_page.root)

    def stop(item, outcome):
        graded.append(item)
        if len(graded) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(proof.prove([assignment_page], proof.available(), 1, stop, record=True))
    recorded = {*passed.Passed(assignment_page.root, "answers").entries}
    assert {*graded[:3]} <= recorded
    assert len(recorded) < 8  # none of what was cut short: without a run, 0 points may look right
    cases = {*proof.Proof(assignment_page, "none", threading.Event(), prints).fingerprints}
    assert {*passed.read_debt(assignment_page.root)["answers"]} == cases - recorded


@pytest.mark.slow
def test_a_wrong_answer_that_gets_other_points_is_found(assignment_page):
    path = assignment_page.source.parent / "wrong" / "all.py"
    text = path.read_text()
    text = text.replace("y.sum(axis=(1, 2))", "y.mean(axis=(1, 2))")  # it is right now
    text = text.replace("    pass\n", "    del np.asarray\n")  # and this one costs q2 as well
    path.write_text(text)
    first, second = prove(assignment_page)
    assert first.startswith(f"{path}:3: q1, adds up: q1 60, wanted 0 (ok)")
    assert "q1, returns nothing" in second
    assert "q2 0, wanted 40" in second


@pytest.mark.parametrize(
    ("source", "noticed"),
    [
        ("def global_average_pool(y):\n    predict = y[0]\n    return predict", []),
        ("def global_average_pool(y):\n    pass\n\ndef predict(x):\n    pass", ["q2"]),
        ("from foo import predict", ["q2"]),
        ("def global_average_pool(y):\n    predict.calls = 1", ["q2"]),
        ("def global_average_pool(y):\n    del np.asarray", ["q2"]),
        ("rng = 3", ["q2"]),  # stands in a locked cell, which makes `threshold`
        ("def global_average_pool(y:", ["q2"]),
    ],
)
def test_a_wrong_answer_meets_every_test_that_may_notice_it(assignment_page, source, noticed):
    path = assignment_page.source
    text = path.read_text().replace(
        "from aimodels.course import check\n",
        "from aimodels.course import check\n\nrng = 2\nthreshold = rng - 2\n",
    )
    text = text.replace("x = np.array([[1.0", "x = threshold + np.array([[1.0")
    path.write_text(text)
    assignment = Assignment(assignment_page, notebooks.read_source(assignment_page))
    found = proof.noticing(assignment, "q1", source)
    assert [test.id for test in found if test.question == "q1"] == ["q1_visible", "q1_hidden"]
    assert sorted({test.question for test in found} - {"q1"}) == noticed


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# %% q1, 0 of 60 points: adds up", "# %% adds up", "wanted `# %% qN"),
        ("0 of 60 points: adds up", "0 of 50 points: adds up", "q1 of 60, q2 of 40"),
        ("q1, 0 of 60 points: adds up", "q7, 0 of 60 points: adds up", "q1 of 60, q2 of 40"),
        ("q1, 0 of 60 points: adds up", "q2, 0 of 40 points: adds up", "2 wrong answers to q1"),
    ],
)
def test_a_title_that_cannot_be_proven_is_one_message(assignment_page, old, new, message):
    path = assignment_page.source.parent / "wrong" / "all.py"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(CourseError, match=message):
        prove(assignment_page)
