"""What passed, what is drawn to run all the same, and what is owed."""

import time

import pytest

from aimodels.course import CourseError, passed
from aimodels.course.passed import Passed, read_debt

pytestmark = pytest.mark.rests_on("aimodels")

PRINTS = {"a": "1", "b": "2", "c": "3"}


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(passed, "QUARTER", 2**80)


def test_only_what_passed_with_this_fingerprint_holds(tmp_path):
    Passed(tmp_path, "answers").record(PRINTS, {"a": True, "b": False}, [])
    record = Passed(tmp_path, "answers")
    assert [record.holds(i, f) for i, f in PRINTS.items()] == [True, False, False]
    assert not record.holds("a", "another")
    assert not Passed(tmp_path, "notebooks").holds("a", "1")


def test_a_failure_takes_an_entry_out(tmp_path):
    Passed(tmp_path, "answers").record(PRINTS, dict.fromkeys(PRINTS, True), [])
    Passed(tmp_path, "answers").record(PRINTS, {"b": False}, [])
    assert Passed(tmp_path, "answers").entries == {"a": "1", "c": "3"}


def test_other_items_stay_unless_they_are_gone(tmp_path):
    Passed(tmp_path, "answers").record(PRINTS, dict.fromkeys(PRINTS, True), [])
    only = {"a": "9"}
    Passed(tmp_path, "answers").record(only, {"a": True}, [], lambda item: item == "b")
    assert Passed(tmp_path, "answers").entries == {"a": "9", "c": "3"}


def test_files_have_an_entry_a_line_sorted_by_name(tmp_path):
    Passed(tmp_path, "answers").record(
        {"z": "2", "é": "3", "a": "1"}, {"z": True, "a": True}, ["é"]
    )
    text = (tmp_path / ".ci" / "passed" / "answers.json").read_text()
    assert text == '{\n "a": "1",\n "z": "2"\n}\n'
    assert (tmp_path / passed.DEBT).read_text() == '{\n "answers": [\n  "é"\n ]\n}\n'


def test_a_quarter_is_drawn_and_another_at_another_commit(tmp_path):
    record = Passed(tmp_path, "answers")
    items = {f"item {number}": "1" for number in range(800)}
    record.entries = dict(items)
    drawn = []
    for record.commit in ("a", "b"):
        drawn.append(set(record.order(items)))
    assert all(140 < len(found) < 260 for found in drawn)
    assert drawn[0] != drawn[1]


def test_debt_comes_first_and_then_what_changed(tmp_path, undrawn):
    Passed(tmp_path, "parity").record(PRINTS, {"a": True}, ["c"])
    assert Passed(tmp_path, "parity").order(PRINTS) == ["c", "b"]
    assert Passed(tmp_path, "parity", repeat=True).order(PRINTS) == ["c", "b", "a"]


def test_debt_is_listed_until_it_is_paid(tmp_path):
    Passed(tmp_path, "answers").record(PRINTS, {"a": True}, ["b", "c"])
    Passed(tmp_path, "notebooks").record({"n": "1"}, {}, ["n"])
    assert read_debt(tmp_path) == {"answers": ["b", "c"], "notebooks": ["n"]}
    Passed(tmp_path, "answers").record(PRINTS, {"c": True}, ["b"])
    assert read_debt(tmp_path) == {"answers": ["b"], "notebooks": ["n"]}
    Passed(tmp_path, "answers").record({"x": "1"}, {"x": True}, [])  # "b" was not looked at
    assert read_debt(tmp_path)["answers"] == ["b"]
    Passed(tmp_path, "answers").record({"x": "1"}, {"x": True}, [], gone=lambda item: item == "b")
    Passed(tmp_path, "notebooks").record({"n": "1"}, {"n": True}, [])
    assert read_debt(tmp_path) == {}


def test_what_was_drawn_is_not_owed(tmp_path):
    Passed(tmp_path, "answers").record(PRINTS, {"a": True}, [])
    assert Passed(tmp_path, "answers").owed(PRINTS, PRINTS) == ["b", "c"]


def test_nothing_begins_when_the_deadline_is_near(tmp_path):
    now = time.time()
    wanted = [(None, True), (now + 3600, True), (now + passed.NEAR / 2, False), (now - 1, False)]
    for deadline, begins in wanted:
        assert Passed(tmp_path, "answers", deadline=deadline).in_time("a") is begins


def test_what_is_only_drawn_has_its_own_time_and_another_order_at_each_commit(tmp_path):
    items = {f"{chapter} q{number}": "1" for chapter in "abcdef" for number in range(40)}
    record = Passed(tmp_path, "answers", drawn_minutes=2)
    record.entries = items | {"d q7": "0"}  # has changed
    chapters = set()
    for record.commit in map(str, range(6)):
        changed, *drawn = record.order(items)
        assert changed == "d q7"
        chapters.add(drawn[0][0])
        assert drawn != sorted(drawn)
        assert [item[0] for item in drawn] == sorted(
            (item[0] for item in drawn), key="".join(i[0] for i in drawn).index
        )  # a chapter's answers stay together
    assert len(chapters) > 2

    record.spend(changed, 1000)
    record.spend(drawn[0], 119)
    assert record.in_time(drawn[1])
    record.spend(drawn[1], 2)
    assert not record.in_time(drawn[2])
    assert record.in_time(changed)
    everything = Passed(tmp_path, "answers", repeat=True, drawn_minutes=0)
    everything.entries = dict(items)
    assert all(map(everything.in_time, everything.order(items)))


@pytest.mark.parametrize("text", ["{", "[1, 2]", '"text"'])
@pytest.mark.parametrize("file", [".ci/passed/answers.json", ".ci/debt.json"])
def test_a_damaged_file_is_one_message(tmp_path, file, text):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(CourseError, match="is damaged: restore it"):
        Passed(tmp_path, "answers")
