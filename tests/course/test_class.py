"""A class of 30 as learning systems deliver it: nobody is lost, and the points go back."""

import csv
import io
import json
import os
import stat
import time
import zipfile
from pathlib import Path

import pytest

from aimodels import cli
from aimodels.course import CourseError, collect, grade, roster
from aimodels.course.assignment import Assignment
from aimodels.course.gradebook import Mark
from aimodels.course.sources import SubmissionError, member_name, walk

pytestmark = pytest.mark.rests_on("aimodels")

NAMES = [
    "Anna Schmidt", "Zoë O'Neil", "陈伟", "Li Wei", "Li Wei", "José Núñez", "=cmd|' /C calc'!A0",
    "María de la Cruz", "王芳", "Smith, John", "Müller Ä", "김철수", "Ольга", "محمد", "Quote \"Q\"",
    *(f"Student {letter}" for letter in "ABCDEFGHIJKLMNO"),
]  # fmt: skip
assert len(NAMES) == 30
POINTS = {number: 10 + number for number in range(1, 31)}  # what the stub gives to each


def notebook(points: float, chapter: str = "01_tiny") -> str:
    cells = [{"cell_type": "code", "source": f"answer = {points}", "id": "q1"}]
    return json.dumps({"cells": cells, "metadata": {"aimodels": {"chapter": chapter}}})


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def assignment(assignment_page):
    return Assignment(assignment_page)


@pytest.fixture
def stub(monkeypatch):
    """In the place of a sandbox: a notebook has the points that it says; q1 of 60, q2 none."""
    graded = []

    def grade_cells(cells, assignment, *_):
        points = float(cells[0].source.partition("=")[2])
        graded.append(points)
        return "ok", "", {"q1": Mark(points, 60), "q2": Mark(0, 40)}

    monkeypatch.setattr(grade, "grade_cells", grade_cells)
    monkeypatch.setattr(grade, "Reference", lambda *_: None)
    monkeypatch.setattr(grade.isolation, "probe", lambda kind: None)
    return graded


@pytest.fixture
def run(assignment, stub, tmp_path, monkeypatch, capsys):
    """Run the command; returns what it printed, and the table by student."""
    monkeypatch.chdir(assignment.page.root)
    to = tmp_path / "out" / "grades.csv"

    def run(*arguments, fails=False):
        stub.clear()
        code = cli.main(["grade", *map(str, arguments), "--output", str(to)])
        captured = capsys.readouterr()
        assert code == int(fails), captured.err
        return captured.err if fails else captured.out

    run.to = to
    return run


def table(run):
    with run.to.open(newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def moodle(name: str, number: int, file: str) -> str:
    """As Moodle cleans a name."""
    cleaned = "".join(c for c in name if c not in "\"'|:/\\<>&*?")
    return f"{cleaned}_{1000 + number}_assignsubmission_file_/{file}"


def canvas(name: str, number: int, file: str, late: bool = False) -> str:
    cleaned = "".join(c for c in name.lower() if c.isalnum())
    return f"{cleaned}{'_LATE' if late else ''}_{2000 + number}_{90000 + number}_{file}"


FILES = ["assignment.ipynb", "assignment(1).ipynb", "my work.ipynb", "作业.ipynb", "x-Copy1.ipynb"]


def whole_class(write) -> dict[str, str]:
    return {
        write(name, number, FILES[number % 5]): notebook(POINTS[number])
        for number, name in enumerate(NAMES, 1)
    }


def check_whole_class(run, first):
    rows = table(run)
    assert len(rows) == 30
    numbers = {int(row["id"]) - first: float(row["total"]) for row in rows.values()}
    assert numbers == POINTS
    assert all(row["status"] == "ok" for row in rows.values())


WORKSHEET = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]
WORKSHEET += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
WORKSHEET += ["Feedback comments"]


def write_worksheet(
    path: Path, most: str = "100.00", header=WORKSHEET, word="Participant "
) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for number, name in enumerate([*NAMES, "Nobody, Handed In"], 1):
            row = [f"{word}{1000 + number}", name, f"s{number}@example.org", "Submitted"]
            writer.writerow([*row, "", most, "Yes", "Friday, 1 May 2026, 10:00 AM", "-", ""])
    return path


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_moodles_class_in_two_runs_and_back(run, tmp_path):
    files = list(whole_class(moodle).items())
    ontime, late = dict(files[:20]), dict(files[20:])
    worksheet = write_worksheet(tmp_path / "worksheet.csv", "20.00")
    run(put(tmp_path / "ontime", ontime))
    run(put(tmp_path / "late", late), "--roster", worksheet, "--export", "moodle")
    rows = table(run)
    assert rows.pop("Nobody, Handed In (1031)")["status"] == "missing"
    assert {int(row["id"]) - 1000: float(row["total"]) for row in rows.values()} == POINTS
    assert rows["陈伟 (1003)"]["email"] == "s3@example.org"
    page = (run.to.with_suffix("") / "index.html").read_text()
    assert "30 submissions, mean 25.5 of 100 points" in page
    assert "1 of the roster handed in nothing" in page
    # Moodle's importer wants these three columns, finds the student by the number behind the word,
    # and skips a grade above the maximum without a word.
    header, *back = read_csv(run.to.with_suffix(".moodle.csv"))
    assert header == WORKSHEET
    grades = {int(row[0].removeprefix("Participant ")) - 1000: row[4] for row in back}
    assert grades.pop(31) == ""
    assert {number: float(grade) * 5 for number, grade in grades.items()} == POINTS
    before = read_csv(worksheet)[1:]
    assert [[r[0], *r[2:4], *r[5:9]] for r in back] == [[r[0], *r[2:4], *r[5:9]] for r in before]
    assert back[6][1].startswith("'=cmd")
    assert "Question 1: 11 of 60" in back[0][9]


def test_moodles_class_without_folders_in_a_zip_from_a_mac(run, tmp_path):
    path = tmp_path / "AI-101 assignment.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in whole_class(lambda *a: moodle(*a).replace("/", "")).items():
            archive.writestr(f"download/{name}", text)
            archive.writestr(f"__MACOSX/download/._{name}", "junk")
        archive.writestr("download/.DS_Store", "junk")
    said = run(path)
    check_whole_class(run, 1000)
    assert "Not graded, written by a program for itself" in said


def test_canvas_class_with_late_work_and_back(run, tmp_path):
    files = list(whole_class(canvas).items())
    run(put(tmp_path / "ontime", dict(files[:25])))
    late = {
        canvas(name, 26 + i, "assignment-1.ipynb", True): notebook(POINTS[26 + i])
        for i, name in enumerate(NAMES[25:])
    }
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Essay (7)"]
    header += ["Assignment: a tiny one (8)", "Assignments Current Score", "Final Score"]
    with (tmp_path / "gradebook.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerow(["", "", "", "", "", "Manual Posting", "Manual Posting", "", ""])
        row = [
            "    Points Possible",
            "",
            "",
            "",
            "",
            "10.00",
            "50.00",
            "(read only)",
            "(read only)",
        ]
        writer.writerow(row)
        for number, name in enumerate([*NAMES, "Nobody"], 1):
            row = [name, 2000 + number, f"sis{number}", f"login{number}", "A and B", "9", "3", "1"]
            writer.writerow([*row, "1"])
        writer.writerow(["Student, Test", 9999, "", "ab12", "A", "", "", "", ""])
    book = tmp_path / "gradebook.csv"
    run(put(tmp_path / "late", late), "--roster", book, "--export", "canvas")
    rows = table(run)
    assert len(rows) == 31
    assert sum(row["late"] == "late" for row in rows.values()) == 5
    header, _, possible, *back = read_csv(run.to.with_suffix(".canvas.csv"))
    assert header[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert header[5:] == ["Assignment: a tiny one (8)"]
    assert (possible[0], possible[5]) == ("    Points Possible", "50.00")
    grades = {int(row[1]) - 2000: float(row[5]) for row in back[:30]}
    assert {number: grade * 2 for number, grade in grades.items()} == POINTS
    assert [row[5] for row in back[30:]] == ["3", ""]  # nobody's grade is taken away
    assert back[3][2:5] == ["sis4", "login4", "A and B"]


def test_one_thread_at_a_time_parses(run, tmp_path, monkeypatch):
    """Two at once, and Python 3.11 may raise `SystemError: AST constructor recursion depth`."""
    inside, most, real = [], [], grade.answers

    def answers(*arguments):
        inside.append(1)
        time.sleep(0.01)  # long enough for another thread to come, if it may
        most.append(len(inside))
        inside.pop()
        return real(*arguments)

    monkeypatch.setattr(grade, "answers", answers)
    run(put(tmp_path / "c", whole_class(canvas)), "--jobs", "4")
    assert most == [1] * 30


def test_what_canvas_needs_to_be_told(run, tmp_path):
    hand_in = put(tmp_path / "c", {"wei_2001_90001_a.ipynb": notebook(1)})
    book = tmp_path / "gradebook.csv"
    head = "Student,ID,SIS Login ID,Section,Essay (7),Lab (8),Final Score"
    book.write_text(f"{head}\n    Points Possible,,,,10,100,(read only)\nWei,2001,w,A,,,\n")
    options = [hand_in, "--roster", book, "--export", "canvas"]
    assert "Say --column with one of: Essay (7); Lab (8)" in run(*options, fails=True)
    run(*options, "--column", "lab")
    assert read_csv(run.to.with_suffix(".canvas.csv"))[2] == ["Wei", "2001", "w", "A", "1"]
    assert "will make a new assignment" in run(hand_in, "--export", "canvas")
    assert read_csv(run.to.with_suffix(".canvas.csv"))[1:] == [
        ["    Points Possible", "", "", "", "", "100"],
        ["Wei", "2001", "", "w", "", "1"],  # the roster of the run before
    ]
    assert "give its grading worksheet" in run(hand_in, "--export", "moodle", fails=True)


def test_moodles_worksheet_in_chinese_and_with_another_separator(run, tmp_path):
    header = ["标识符", "全名", "电子邮件地址", "状态", "成绩", "最高分", "允许更改成绩"]
    header += ["上次修改（作业）", "上次修改（评分）", "反馈评语"]
    sheet = write_worksheet(tmp_path / "s.csv", "10,00", header, "参与人")
    data = sheet.read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(data)))
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    sheet.write_bytes(text.getvalue().encode("gb18030"))
    hand_in = put(tmp_path / "c", {moodle("陈伟", 3, "a.ipynb"): notebook(25)})
    run(hand_in, "--roster", sheet, "--export", "moodle")
    data = run.to.with_suffix(".moodle.csv").read_text(encoding="utf-8-sig")
    row = list(csv.reader(io.StringIO(data), delimiter=";"))[3]
    assert row[:2] + row[4:6] == ["参与人1003", "陈伟", "2.5", "10,00"]


def test_a_number_of_a_group_is_not_taken_for_a_students(run, tmp_path):
    sheet = write_worksheet(tmp_path / "s.csv")
    hand_in = put(tmp_path / "c", {moodle("Group Seven", 7, "a.ipynb"): notebook(25)})
    said = run(hand_in, "--roster", sheet, "--export", "moodle")
    assert "Group Seven (1007): not in" in said
    assert {row[4] for row in read_csv(run.to.with_suffix(".moodle.csv"))[1:]} == {""}


def test_a_plain_list_of_the_class(run, tmp_path):
    class_list = tmp_path / "class.csv"
    class_list.write_text(
        '姓名,学号,邮箱\n"Li, Wei",20230001,liwei@x.cn\n陈伟,20230002,chen@x.cn\n'
        '"Bo\nBo",20230003,bo@x.cn\nCy,20230004,cy@x.cn\n',
        encoding="gb18030",
    )
    hand_in = put(
        tmp_path / "c",
        {
            "Wei Li.ipynb": notebook(1),
            "20230002 作业.ipynb": notebook(2),
            "bo/hw.ipynb": notebook(3),
            "stranger.ipynb": notebook(4),
        },
    )
    said = run(hand_in, "--roster", class_list)
    rows = table(run)
    found = {row["id"]: (row["status"], row["total"]) for row in rows.values()}
    assert found == {
        "20230001": ("ok", "1"),
        "20230002": ("ok", "2"),
        "20230003": ("ok", "3"),
        "20230004": ("missing", ""),
        "": ("ok", "4"),
    }
    assert "stranger: not in" in said
    assert "1 of the roster handed in nothing" in said
    put(tmp_path / "late", {"cy@x.cn.ipynb": notebook(5)})
    run(tmp_path / "late", "--roster", class_list)
    assert len(table(run)) == 5
    assert table(run)["Cy"]["total"] == "5"
    bare = tmp_path / "bare.csv"
    bare.write_text("Anna,1,a@x.org\nBen,2,b@x.org\n")
    assert [p.facts for p in roster.read(bare).people] == [
        ("Anna", "1", "a@x.org"),
        ("Ben", "2", "b@x.org"),
    ]


def test_late_work_of_another_student_with_the_same_files_name(run, tmp_path):
    run(put(tmp_path / "ontime", {moodle("Student A", 11, "assignment(1).ipynb"): notebook(10)}))
    run(put(tmp_path / "late", {moodle("Student B", 12, "assignment(1).ipynb"): notebook(20)}))
    rows = table(run)
    assert {name: row["total"] for name, row in rows.items()} == {
        "Student A (1011)": "10",
        "Student B (1012)": "20",
    }
    assert [(row["name"], row["id"]) for row in rows.values()] == [
        ("Student A", "1011"),
        ("Student B", "1012"),
    ]


def test_grading_twice_changes_nothing_and_a_changed_file_is_graded_again(run, tmp_path):
    folder = put(tmp_path / "c", whole_class(moodle))
    run(folder)
    names = [run.to, run.to.with_suffix(".json")]
    before = [path.read_bytes() for path in names]
    run(folder)
    assert [path.read_bytes() for path in names] == before
    put(folder, {moodle(NAMES[0], 1, FILES[1]): notebook(59)})
    run(folder)
    assert table(run)["Anna Schmidt (1001)"]["total"] == "59"


def test_an_interrupted_run_loses_nothing(run, tmp_path, stub, monkeypatch):
    folder = put(tmp_path / "c", whole_class(moodle))
    whole, calls = grade.grade_one, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) > 12:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(grade, "grade_one", interrupted)
    assert cli.main(["grade", str(folder), "--output", str(run.to), "-j", "1"]) == 130
    monkeypatch.setattr(grade, "grade_one", whole)
    kept = len(json.loads(run.to.with_suffix(".json").read_text())["submissions"])
    assert kept == 12
    run(folder)
    check_whole_class(run, 1000)
    assert len(stub) == 30 - kept


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("alice.ipynb", "alice.ipynb"),
        ("alice/assignment.ipynb", "alice/assignment.ipynb"),
        (moodle("Alice", 1, "assignment.ipynb"), moodle("Alice", 1, "other.ipynb")),
        (canvas("Alice", 1, "assignment.ipynb"), canvas("Alice", 1, "other.ipynb")),
    ],
)
def test_a_known_student_with_another_file_is_refused(run, tmp_path, first, second):
    one = put(tmp_path / "one", {first: notebook(10), "bob.ipynb": notebook(5)})
    two = put(tmp_path / "two", {second: notebook(20), "cy.ipynb": notebook(6)})
    run(one)
    said = run(two)
    assert "was not graded, because" in said
    assert "--replace" in said
    assert sorted(row["total"] for row in table(run).values()) == ["10", "5", "6"]
    assert "not graded" not in run(two, "--replace")
    assert sorted(row["total"] for row in table(run).values()) == ["20", "5", "6"]


@pytest.mark.parametrize(
    "again", ["assignment-1", "assignment(2)", "assignment - 副本", "assignment copy"]
)
@pytest.mark.parametrize("write", [moodle, canvas])
def test_a_second_try_takes_the_place_of_the_first(run, tmp_path, write, again):
    run(put(tmp_path / "one", {write("Ann", 1, "assignment.ipynb"): notebook(10)}))
    run(put(tmp_path / "two", {write("Ann", 1, f"{again}.ipynb"): notebook(20)}))
    [row] = table(run).values()
    assert row["total"] == "20"


def test_the_same_files_in_another_folder_are_the_same_submissions(run, tmp_path, stub):
    files = {f"{name}.ipynb": notebook(i) for i, name in enumerate(["ann", "bob", "cy"])}
    run(put(tmp_path / "one", files))
    assert "not graded" not in run(put(tmp_path / "two", files))
    assert len(table(run)) == 3
    assert stub == []


def test_two_notebooks_in_a_students_folder(run, tmp_path):
    folder = put(tmp_path / "c", {
        moodle("Ann", 1, "new.ipynb"): notebook(20), moodle("Ann", 1, "old.ipynb"): notebook(10),
        "student_a/student_b.ipynb": notebook(30), "student_b/assignment.ipynb": notebook(40),
    })  # fmt: skip
    os.utime(folder / moodle("Ann", 1, "old.ipynb"), (0, 0))
    said = run(folder)
    assert "Ann (1001): of 2 notebooks the newest counts, " in said
    assert "not graded: Ann_1001_assignsubmission_file_/old.ipynb." in said
    totals = {name: row["total"] for name, row in table(run).items()}
    assert totals == {"Ann (1001)": "20", "student_a": "30", "student_b": "40"}


def test_a_file_that_is_gone_is_said(run, tmp_path):
    folder = put(tmp_path / "c", {"ann.ipynb": notebook(10), "bob.ipynb": notebook(20)})
    run(folder)
    (folder / "ann.ipynb").unlink()
    assert "ann: the file ../c/ann.ipynb is gone; the points stay." in run(folder)
    assert table(run)["ann"]["total"] == "10"


def test_points_by_hand_and_late_work_follow_the_student(run, tmp_path):
    run(put(tmp_path / "one", {moodle("=Ann", 1, "a.ipynb"): notebook(10)}))
    hand, late = tmp_path / "hand.csv", tmp_path / "late.csv"
    hand.write_text("student,question,points,comment\n'=Ann (1001),q2,30,well done\n")
    late.write_text("Student,Percent\n1001,12.5 %\n")
    one = tmp_path / "one"
    run(one, "--manual", hand, "--late", late)
    assert table(run)["'=Ann (1001)"]["total"] == "35"
    assert table(run)["'=Ann (1001)"]["late"] == "-12.5 %"
    run(put(tmp_path / "two", {moodle("=Ann", 1, "a(1).ipynb"): notebook(18)}))
    assert table(run)["'=Ann (1001)"]["total"] == "42"
    run(one, "--late", tmp_path / "late.csv", "--regrade", "--replace")
    assert table(run)["'=Ann (1001)"]["total"] == "35"
    for text, message in [
        ("student,percent\nnobody,5\n", "no submission of nobody"),
        ("student,percent\n1001,105\n", "from 0 to 100"),
        ("student,off\n1001,5\n", "wanted the columns student, percent"),
    ]:
        late.write_text(text)
        assert message in run(one, "--late", late, fails=True)


def test_every_file_is_graded_or_named(run, tmp_path):
    named = ["ann/notes.txt", "bob.ipynb.json", "cy.py", "dee.html", "eve.rar", "ann/work.tar.gz"]
    silent = ["._ann.ipynb", "__MACOSX/ann.ipynb", ".ipynb_checkpoints/ann-checkpoint.ipynb"]
    other = ["ann/solutions/01_tiny/assignment.ipynb", "ann/chapters/01_tiny/lesson.ipynb"]
    folder = put(tmp_path / "c", dict.fromkeys([*named, *silent, *other], notebook(1)))
    put(folder, {"ann/chapters/01_tiny/assignment.ipynb": notebook(10)})
    put(folder, {moodle("Flo", 6, "answer.py"): "x = 1"})
    said = run(folder)
    rows = table(run)
    assert list(rows) == ["Flo (1006)", "ann"]
    assert (rows["ann"]["total"], rows["Flo (1006)"]["status"]) == ("10", "unreadable")
    assert "answer.py: no notebook" in rows["Flo (1006)"]["message"]
    found = collect.collect([str(folder)], "01_tiny")
    listed = {path for paths in found.skipped.values() for path in paths}
    assert listed == {str(folder / name) for name in [*named, *silent, *other]}
    assert "cy.py" in said
    assert "cy.py" in (run.to.with_suffix("") / "index.html").read_text()


def test_another_chapters_notebook_is_named_and_no_zero(run, tmp_path):
    folder = put(tmp_path / "c", {"ann.ipynb": notebook(10), "bob.ipynb": notebook(30)})
    put(folder, {"cy.ipynb": notebook(50, "02_other")})
    root = Path.cwd()
    (root / "course" / "02_other").mkdir()
    (root / "course" / "02_other" / "assignment.py").touch()
    other = root / "solutions" / "02_other" / "assignment.ipynb"
    other.parent.mkdir()
    other.write_text(
        (root / "solutions" / "01_tiny" / "assignment.ipynb")
        .read_text()
        .replace("a tiny one", "another")
    )
    run(folder)
    rows = table(run)
    assert (rows["cy"]["status"], rows["cy"]["total"], rows["ann"]["total"]) == ("other", "", "10")
    assert "of 02_other/assignment, not of 01_tiny/assignment" in rows["cy"]["message"]
    page = (run.to.with_suffix("") / "index.html").read_text()
    assert "mean 20.0 of 100 points" in page


def test_equal_answers_are_listed_for_the_teacher_alone(run, tmp_path):
    folder = put(tmp_path / "c", {"ann.ipynb": notebook(10), "bob.ipynb": notebook(30)})
    put(folder, {"cy.ipynb": notebook(10), "dee.ipynb": notebook(30).replace("30", "30  # mine")})
    run(folder)
    pages = run.to.with_suffix("")
    index, answers = ((pages / f"{name}.html").read_text() for name in ("index", "answers"))
    assert "The same file: ann, cy." in index
    assert "Question 1, the same code (1 line): bob, dee." in index
    assert "answer = 30  # mine" in answers
    assert answers.index(">ann<") < answers.index("answer = 10")
    assert all(name not in (pages / "dee.html").read_text() for name in ("ann", "bob", "answers"))


def zip_of(members: list[tuple[zipfile.ZipInfo | str, bytes | str]]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return data.getvalue()


def unflagged(name: bytes, content: str) -> bytes:
    """An archive whose names are bytes without the flag that says UTF-8."""
    placeholder = b"x" * len(name)
    return zip_of([(placeholder.decode(), content)]).replace(placeholder, name)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("陈伟", "陈伟".encode("gbk")),
        ("喆堃_作业", "喆堃_作业".encode("gb18030")),
        ("陈伟", "陈伟".encode()),
        ("Zoë Müller", "Zoë Müller".encode("cp437")),
        ("Zoë", "Zoe\u0308".encode()),
    ],
)
def test_names_in_archives_are_read_as_they_were_meant(tmp_path, name, raw):
    (tmp_path / "c.zip").write_bytes(unflagged(raw + b".ipynb", notebook(1)))
    [submission] = collect.find([str(tmp_path / "c.zip")], "01_tiny")
    assert submission.student == name
    [member] = zipfile.ZipFile(tmp_path / "c.zip").infolist()
    assert member_name(member).endswith(".ipynb")


def test_archives_of_all_shapes_are_read(run, tmp_path):
    folder = put(tmp_path / "c", {"ann.ipynb": notebook(1)})
    inner = zip_of([("work/assignment.ipynb", notebook(2)), ("work/data.csv", "1")])
    (folder / "bob.zip").write_bytes(inner)
    put(folder, {moodle("Cy", 3, "x.txt"): ""})
    (folder / moodle("Cy", 3, "homework.zip")).write_bytes(inner)
    (folder / "dee.zip").write_bytes(inner[:100])
    (folder / "eve.zip").write_bytes(zip_of([]))
    run(folder)
    rows = table(run)
    assert {name: row["total"] for name, row in rows.items()} == {
        "ann": "1", "bob": "2", "Cy (1003)": "2", "dee": "0", "eve": "0"
    }  # fmt: skip
    assert "is damaged, or is none" in rows["dee"]["message"]
    run(folder)
    assert len(table(run)) == 5


def test_hostile_archives_are_looked_at_and_no_more(tmp_path):
    link = zipfile.ZipInfo("link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    members = [
        ("../../out.ipynb", notebook(1)),
        ("/etc/abs.ipynb", notebook(2)),
        (link, "/etc/passwd"),
    ]
    members += [("bomb.ipynb", b"0" * 2**25), ("C:\\Users\\win.ipynb", notebook(3))]
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "class.zip").write_bytes(zip_of(members))
    nested = zip_of([(f"{i}.ipynb", "") for i in range(9)])
    for _ in range(6):
        nested = zip_of([(f"{i}.zip", nested) for i in range(9)])
    (folder / "nested.zip").write_bytes(nested)
    before = sorted(tmp_path.rglob("*"))
    sources = {source.name: source for source in walk(folder)}
    assert sorted(tmp_path.rglob("*")) == before
    assert sources["out.ipynb"].load() == notebook(1).encode()
    assert {"abs.ipynb", "win.ipynb"} <= set(sources)
    for name, message in [("link", "is a link"), ("bomb", "32 MiB, more than the 20")]:
        with pytest.raises(SubmissionError, match=message):
            sources[f"{name}.ipynb"].load()


def test_a_file_of_grades_from_before_is_still_read(run, tmp_path):
    folder = put(tmp_path / "c", {"ann.ipynb": notebook(10)})
    run(folder)
    path = run.to.with_suffix(".json")
    data = json.loads(path.read_text())
    entry = data["submissions"][0]
    for name in ("name", "number", "email", "system", "path", "late", "late_said", "answers"):
        del entry[name]
    path.write_text(json.dumps(data | {"format": 1}))
    run(folder)
    assert table(run)["ann"]["total"] == "10"
    path.write_text(json.dumps(data | {"format": 99}))
    assert "newer aimodels" in run(folder, fails=True)


def test_a_roster_that_is_none_is_one_message(tmp_path):
    path = tmp_path / "r.csv"
    for data, message in [
        (b"", "is empty"),
        (b"\xff\xff\xff", "not a text"),
        (b"name,id\n", "no names"),
    ]:
        path.write_bytes(data)
        with pytest.raises(CourseError, match=message):
            roster.read(path)
    with pytest.raises(CourseError, match="no such file"):
        roster.read(tmp_path / "nothing.csv")


def test_a_students_new_name_and_two_files_of_one_person(run, tmp_path):
    run(put(tmp_path / "one", {moodle("Ann Lee", 1, "a.ipynb"): notebook(10)}))
    run(put(tmp_path / "two", {moodle("Ann Cho", 1, "a.ipynb"): notebook(20)}))
    [row] = table(run).values()
    assert (row["student"], row["total"]) == ("Ann Lee (1001)", "20")
    class_list = tmp_path / "class.csv"
    class_list.write_text("name,id\nBo Li,AB1234\nCy Do,AB1235\n")
    files = {"AB1234.ipynb": notebook(1), "Li Bo.ipynb": notebook(2)}
    said = run(put(tmp_path / "three", files), "--roster", class_list)
    assert "AB1234, Li Bo: all are Bo Li in the roster." in said
    assert {"1", "2"} <= {row["total"] for row in table(run).values()}
