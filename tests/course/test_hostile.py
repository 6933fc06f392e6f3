"""A class with many hostile submissions: none gains a point, hangs, or harms another."""

import contextlib
import csv
import functools
import hashlib
import importlib.util
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from aimodels.course import assignment, marking, reading, sources
from aimodels.course.verdict import plain

pytestmark = pytest.mark.rests_on("aimodels", "tests/course/hostile.py")


def _load(name: str):
    """A module beside this file, which is in no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hostile = _load("hostile")

HANGS = 7200  # seconds: no machine is so busy that a grader which works takes longer
SECRET = "canary-in-the-environment"
HONEST = [one for one in hostile.HOSTILE if re.match("(00|mm|zz) ", one.name)]
# What a twin is called depends on who else hands in.
QUICK = [one for one in hostile.HOSTILE if not one.slow and "twin" not in one.name][::3]
BY_FILE = {f"{one.name}.ipynb": one for one in hostile.HOSTILE}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, build_assignment) -> Path:
    """A folder with a checkout of one assignment, built, and beside it what nobody may touch."""
    folder = tmp_path_factory.mktemp("hostile")
    build_assignment(folder / "root", hostile.ASSIGNMENT, "")
    (folder / "canary").mkdir()
    right = hostile.Hostile("right", **hostile.RIGHT)
    (folder / "canary" / "right.ipynb").write_bytes(hostile.text(_notebook(folder, right)))
    return folder


def _notebook(folder: Path, one) -> dict:
    copy = (folder / "root" / "chapters" / "01_tiny" / "assignment.ipynb").read_text()
    places = {name: folder / name for name in ("root", "canary", "submissions")}
    return hostile.notebook(json.loads(copy), one, places)


def _hand_in(folder: Path, submissions: Iterable) -> Path:
    """Write the submissions' files."""
    for one in submissions:
        path = folder / "submissions" / f"{one.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        write = one.write or hostile.holding(hostile.text(_notebook(folder, one)))
        write(path, _notebook(folder, one), folder / "canary" / "right.ipynb")
    return folder / "submissions"


@dataclass
class Outcome:
    """What came of a run of `aimodels grade`."""

    code: int
    said: str
    text: str  # of the CSV file
    pages: dict[str, str]
    results: dict  # the JSON file
    changed: list[str]
    left: list[str]  # folders and processes
    peak: int  # bytes of memory of the grader itself
    rows: dict[str, dict[str, str]] = field(init=False)

    def __post_init__(self):
        self.rows = {row["file"]: row for row in csv.DictReader(self.text.splitlines(True))}


@functools.cache
def _graded(folder: Path, to: str, quick: bool = False) -> Outcome:
    """Grade the whole class, or a class of some of the quick ones, two at a time."""
    chosen = QUICK if quick else hostile.HOSTILE
    if quick:  # the same files in another folder
        folder = _moved(folder, to)
    submissions = _hand_in(folder, chosen)
    before = _state(folder)
    (folder / "tmp").mkdir()
    command = [sys.executable, "-m", "aimodels", "grade", str(submissions), "--output"]
    command += [str(folder / "out" / f"{to}.csv"), "--jobs", "2"]
    process = subprocess.Popen(
        command,
        cwd=folder / "root",
        env=os.environ | {"TMPDIR": str(folder / "tmp"), "CANARY": SECRET},
        stdout=(log := (folder / "tmp" / "log").open("w+", errors="replace")),
        stderr=subprocess.STDOUT,
    )
    watch = _Watch(process)
    try:
        code = process.wait(HANGS)
    finally:
        process.kill()
        watch.join()
    log.seek(0)
    out = folder / "out"
    pages = {path.name: path.read_text(encoding="utf-8") for path in (out / to).glob("*.html")}
    return Outcome(
        code=code,
        said=log.read(),
        text=(out / f"{to}.csv").read_bytes().decode() if code == 0 else "",
        pages=pages,
        results=json.loads((out / f"{to}.json").read_text()),
        changed=sorted(name for name, _ in set(_state(folder).items()) ^ set(before.items())),
        left=_left(folder),
        peak=watch.peak,
    )


def _moved(folder: Path, to: str) -> Path:
    again = folder.with_name(f"{folder.name}-{to}")
    again.mkdir()
    for name in ("root", "canary"):
        subprocess.run(["cp", "-a", folder / name, again / name], check=True)
    return again


def _state(folder: Path) -> dict[str, tuple]:
    """Every file's kind, rights, time and contents, but for those that grading writes."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        name = path.relative_to(folder).as_posix()
        if name == "." or name.split("/")[0] in ("out", "tmp"):
            continue
        facts = path.lstat()
        regular = stat.S_ISREG(facts.st_mode)
        contents = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
        target = os.readlink(path) if path.is_symlink() else ""
        found[name] = (facts.st_mode, facts.st_uid, facts.st_mtime_ns, contents, target)
    return found


class _Watch(threading.Thread):
    """Notes the memory of a process."""

    def __init__(self, process: subprocess.Popen):
        super().__init__(daemon=True)
        self.process, self.peak = process, 0
        self.start()

    def run(self) -> None:
        while self.process.poll() is None:
            with contextlib.suppress(psutil.Error):
                self.peak = max(self.peak, psutil.Process(self.process.pid).memory_info().rss)
            time.sleep(0.1)


def _left(folder: Path) -> list[str]:
    """The sandboxes' folders, and the processes that still see one of these, after a moment."""
    seen = "/".join([*folder.parts[-3:], "tmp", "kernel-"])  # and not those of another grader
    for _ in range(600):
        left = [str(process) for process in psutil.process_iter() if seen in _mounts(process)]
        left += [str(path) for path in (folder / "tmp").glob("kernel-*")]
        if not left:
            break
        time.sleep(0.1)  # until the system has buried the dead
    return left


def _mounts(process: psutil.Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/mountinfo").read_text(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def graded(program, tiny) -> Outcome:
    """The whole class, graded once."""
    program("bwrap")
    return _graded(tiny, "grades")


def _ids(submissions: Iterable) -> list[str]:
    return [re.sub(r"[^\w.]+", "-", one.name, flags=re.ASCII)[:40] for one in submissions]


@pytest.mark.slow
@pytest.mark.parametrize("one", hostile.HOSTILE, ids=_ids(hostile.HOSTILE))
def test_each_gets_what_its_honest_code_earns(graded, one):
    assert graded.code == 0, graded.said
    [result] = [r for r in graded.results["submissions"] if _is(r["file"], one)]
    marks = result["questions"]
    found = tuple(marks[name]["points"] for name in ("q1", "q2", "q3"))
    said = {name: mark["problems"] for name, mark in marks.items()}
    assert found == one.points, (result["status"], result["message"], said)
    if one.status:
        assert result["status"] in one.status.split("|"), result["message"]
    else:
        assert result["status"] in ("ok", "timeout", "stopped", "died")
    if result["status"] != "ok":
        assert re.fullmatch(r"[A-Z].{20,1000}[.?]", result["message"])
    for name, points in zip(marks, found, strict=True):
        if result["status"] != "unreadable":
            assert bool(said[name]) == (points < marks[name]["of"])
        assert all(len(problem) < 1000 for problem in said[name])


def _is(file: str, one) -> bool:
    """A name that is no text, or not printable, may be written otherwise."""
    name = f"{one.name}.ipynb"
    if name.isprintable():
        return file == name
    return file in (name, *_written(name))


def _written(name: str) -> list[str]:
    data = os.fsencode(name)
    texts = [data.decode("utf-8", how) for how in ("replace", "backslashreplace")]
    texts += [name.encode("unicode_escape").decode(), name.encode("ascii", "replace").decode()]
    return texts + ["".join(c if c.isprintable() else repr(c)[1:-1] for c in t) for t in texts]


@pytest.mark.slow
def test_each_has_a_row_of_its_own(graded):
    students = [result["student"] for result in graded.results["submissions"]]
    assert len(graded.rows) == len(set(students)) == len(hostile.HOSTILE)
    assert len(graded.pages) == len(hostile.HOSTILE) + 2  # the class and its answers
    assert not [row for row in graded.rows.values() if row["student"][:1] in "=+-@\t\r"]


@pytest.mark.slow
def test_the_grader_neither_stumbles_nor_swells(graded):
    assert "Traceback" not in graded.said
    assert graded.peak < 2**30
    assert not [r for r in graded.results["submissions"] if r["status"] == "failed"]


@pytest.mark.slow
def test_nothing_outside_changes_and_nothing_is_left(graded):
    assert graded.changed == []
    assert graded.left == []


@pytest.mark.slow
def test_no_page_runs_or_tells_what_it_should_not(graded):
    for name, page in graded.pages.items():
        assert not re.search("<(script|img)", page, re.IGNORECASE), name
        assert not re.search("4e074085|4fc82b26", page), name  # what hidden tests expect
    assert "\0" not in graded.text
    assert "\x1b" not in graded.said + graded.text


@pytest.mark.slow
def test_a_second_run_gives_the_same(graded, tiny):
    """Every third of those that wait for no limit, in another folder: the same lines."""
    again = _graded(tiny, "again", quick=True)
    lines = set(graded.text.splitlines())
    assert [line for line in again.text.splitlines() if line not in lines] == []
    assert again.left == again.changed == []


# What a test recorded is judged outside the sandbox: no value may trip the judge.

_WANTED: list[tuple[str, object, dict]] = [
    ("equal", (2, 2), {}),
    ("equal", list(range(100, 108)), {}),
    ("equal", np.arange(200) % 2 + 5, {}),
    ("equal", {3: "zq4e074085zq", 11: "zq4fc82b26zq"}, {}),
    ("equal", {"3": [1.5, "b"], "None": None, "True": False}, {}),
    ("equal", "heron", {}),
    ("equal", None, {}),
    ("equal", [[1, "a"], [2, "b"]], {}),
    ("close", 0.3, {"rtol": 1e-5, "atol": 1e-6}),
    ("close", [0.25, 0.5], {}),
    ("close", np.linspace(1, 2, 21).reshape(3, 7), {}),
    ("close", np.float32(0.5) + np.zeros((1, 1), "float32"), {}),
    ("accuracy", np.arange(200) % 3 + 4, {"at_least": 0.3}),
    ("mean_average_precision", {"boxes": np.ones((1, 1, 4)), "labels": [[0]]}, {"at_least": 0.1}),
    ("raises", "KeyError", {}),
]


def _expected(wanted: Iterable) -> list[dict]:
    return [
        {"site": site, "kind": kind, "expected": plain(value), "property": "p", "hint": ""}
        | options
        for site, (kind, value, options) in enumerate(wanted)
    ]


@pytest.mark.parametrize("wanted", _WANTED, ids=lambda wanted: f"{wanted[0]}-{wanted[1]!s:.10}")
def test_no_value_trips_the_judge(wanted):
    [expected] = _expected([wanted])
    for name in ("q1_visible", "q1_hidden"):
        for value in hostile.VALUES:
            try:
                if plain(wanted[1]) == value:
                    continue
            except ValueError:
                pass
            record = json.dumps({"records": [{"site": 0, "actual": value}], "error": ""})
            problems = [
                problem
                for text in (record, repr(record))
                for problem in marking.mark(assignment.Test(name, 10, ""), text, [expected])
            ]
            assert problems
            assert all(len(problem) < 1000 for problem in problems), value


@pytest.mark.parametrize("number", range(len(hostile.TEXTS)))
def test_no_text_trips_the_judge(number):
    """Nor takes it long, nor much memory: see `test_the_grader_neither_stumbles_nor_swells`."""
    started = time.process_time()
    for text in (hostile.TEXTS[number], repr(hostile.TEXTS[number])):
        for name in ("q1_visible", "q1_hidden"):
            problems = marking.mark(assignment.Test(name, 10, ""), text, _expected(_WANTED))
            assert problems
            assert all(len(problem) < 1000 for problem in problems)
    assert time.process_time() - started < 2


def test_no_depth_trips_the_reader(tmp_path):
    """Where the reader of JSON just manages, what comes after it must manage, too."""
    path = tmp_path / "deep.ipynb"
    for depth in range(800, 1010):
        deep = "[" * depth + "]" * depth
        cell = f'{{"cell_type": "code", "source": "1", "id": {deep}, "metadata": {deep}}}'
        path.write_text(f'{{"cells": [{cell}], "nbformat": {deep}}}')
        try:
            [cell] = reading.read(path)
        except sources.SubmissionError:
            continue
        assert cell.source == "1"
