"""A small class is graded: points, sentences, files; again, in part, by hand, interrupted."""

import csv
import json
import shutil
import threading
from pathlib import Path

import pytest

from aimodels import cli
from aimodels.course import CourseError, grade, isolation
from aimodels.course.assignment import Assignment, Limits
from aimodels.course.collect import find
from aimodels.course.notebooks import Page
from aimodels.course.sandbox import Kernel, Stopped

pytestmark = pytest.mark.rests_on("aimodels", "solutions/01_foundations")

POOL = "def global_average_pool(y):\n    return y.mean((1, 2))"
SUM = "def global_average_pool(y):\n    return y.sum((1, 2))"
RULE = (
    "def predict(x):\n    if x.ndim == 1: raise ValueError\n    return (x.sum(1) > 0).astype(int)"
)
SHOUT = "def predict(x):\n    raise RuntimeError('SECRET ' + str(x))"


def hand_in(assignment, path, **answers):
    notebook = json.loads(assignment.copy_text())
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def assignment(built_assignment, tmp_path_factory):
    root = tmp_path_factory.mktemp("graded") / "checkout"
    shutil.copytree(built_assignment, root)
    return Assignment(Page(root, "01_tiny", "assignment"))


@pytest.fixture(scope="module")
def graded(assignment):
    """The class's folder, graded once."""
    if not shutil.which("bwrap"):
        pytest.skip("this test needs the program bwrap")
    folder = assignment.page.root / "class"
    hand_in(assignment, folder / "right.ipynb", q1=POOL, q2=RULE)
    hand_in(assignment, folder / "half.ipynb", q1=SUM, q2=RULE)
    hand_in(assignment, folder / "=shout.ipynb", q1=POOL, q2=SHOUT)
    hand_in(assignment, folder / "blank.ipynb")
    (folder / "broken.ipynb").write_text("{")
    grade.grade(find([str(folder)], "01_tiny"), assignment, folder.parent / "grades.csv")
    return folder


@pytest.fixture
def desk(graded, tmp_path):
    """A copy of the graded class that a test may change."""
    shutil.copytree(graded, tmp_path / "class")
    for name in ("grades.csv", "grades.json"):
        shutil.copy(graded.parent / name, tmp_path)
    return tmp_path


def again(desk, assignment, **options):
    """Grade; returns the results and the students who were graded anew."""
    new = []
    results = grade.grade(
        find([str(desk / "class")], "01_tiny"),
        assignment,
        desk / "grades.csv",
        progress=lambda result, kept: None if kept else new.append(result.student),
        **options,
    )
    return {result.student: result for result in results}, sorted(new)


def table(desk):
    with (desk / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_points_and_status(desk):
    rows = table(desk)
    assert {name: (row["q1"], row["q2"], row["total"]) for name, row in rows.items()} == {
        "right": ("60", "40", "100"),
        "half": ("0", "40", "40"),
        "'=shout": ("60", "0", "60"),
        "blank": ("0", "0", "0"),
        "broken": ("0", "0", "0"),
    }
    assert [rows[n]["status"] for n in ("right", "blank", "broken")] == ["ok", "ok", "unreadable"]
    assert "save it" in rows["broken"]["message"]


def test_feedback_names_the_property_and_no_hidden_value(desk):
    data = json.loads((desk / "grades.json").read_text())
    problems = {s["student"]: s["questions"] for s in data["submissions"]}
    half = problems["half"]["q1"]["problems"]
    assert half[0] == (
        "Visible test: the mean over all places: wanted [5, 6], got [30.0, 36.0]. "
        "Hint: keep the channels apart."
    )
    assert half[1] == "Hidden test: right for any size. Hint: axes, not sizes."
    assert "not answered yet" in problems["blank"]["q2"]["problems"][0]
    visible, hidden = problems["=shout"]["q2"]["problems"]
    assert "SECRET" in visible  # its own words, on a test that it can read
    assert hidden == "Hidden test: nearly all rows: your code raised RuntimeError"


CLASS = """class Pool:
    def __call__(self, y):
        return y.mean((1, 2))


global_average_pool = Pool()"""
SLOW = "def global_average_pool(y):\n    while True: pass"
BROKEN = "def predict(x):\n    return (x.sum(1) > 0"
RUNS = "def predict(x):\n    return 1\nwhile True: pass"
DEAF = "def predict(x):\n    return 1\nsum(range(10**12))"


@pytest.fixture(scope="module")
def odd(assignment):
    """Notebooks that were changed as students change them, graded once."""
    if not shutil.which("bwrap"):
        pytest.skip("this test needs the program bwrap")
    folder = assignment.page.root / "odd"

    def put(name, change=lambda cell: [cell], **answers):
        answers = {"q1": POOL, "q2": RULE} | answers
        hand_in(assignment, folder / f"{name}.ipynb", **answers)
        notebook = json.loads((folder / f"{name}.ipynb").read_text())
        notebook["cells"] = [c for cell in notebook["cells"] for c in change(cell)]
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))

    def turned(kind):
        return lambda cell: [cell | {"cell_type": kind}] if cell["id"] == "q1" else [cell]

    def new_markdown(cell):
        new = {"id": "new", "metadata": {}, "cell_type": "markdown"}
        return [cell | new] if cell["id"] == "q1" else [cell]

    def noted(cell):
        return [cell, cell | {"id": "note", "cell_type": "markdown"}]

    def retyped(cell):
        """A new cell in the answer's place, and its visible test lost."""
        if cell["id"] == "q1":
            return [cell | {"id": "mine", "metadata": {}}]
        return [] if cell["id"] == "q1_visible" else [cell]

    put("markdown", turned("markdown"))
    put("raw", turned("raw"))
    put("fenced", new_markdown, q1=f"```python\n{POOL}\n```")
    put("words", turned("markdown"), q1="I do not know.")
    put("note", noted)
    put("class", retyped, q1=CLASS)
    put("lambda", retyped, q1="global_average_pool = lambda y: y.mean((1, 2))")
    put("older", lambda cell: [] if cell["id"].startswith("q2") else [cell])
    put("hidden name", retyped, q1=f"exec({POOL!r})")
    put("syntax", q2=BROKEN)
    put("slow test", q1=SLOW)
    put("slow answer", q2=RUNS)
    put("deaf", q2=DEAF)
    results = grade.grade(find([str(folder)], "01_tiny"), assignment, folder / "odd.csv")
    return {result.student: result for result in results}


@pytest.mark.parametrize("name", ["markdown", "raw", "fenced"])
def test_an_answer_that_is_no_code_cell_is_taken_as_code(odd, name):
    assert odd[name].total == 100
    kind = "raw" if name == "raw" else "markdown"
    assert odd[name].message == (
        f"The answer to question 1 stands in a {kind} cell: it was taken as code."
    )


def test_an_answer_in_words_is_named_and_a_note_is_left_alone(odd):
    assert odd["words"].total == 40
    assert "stands in a markdown cell, without code that could be run." in odd["words"].message
    assert (odd["note"].total, odd["note"].message) == (100, "")


@pytest.mark.parametrize("name", ["class", "lambda", "hidden name"])
def test_an_answer_of_any_form_is_recognised_though_its_visible_test_is_lost(odd, name):
    assert odd[name].total == 100


def test_a_copy_of_an_older_assignment_is_named(odd):
    assert odd["older"].total == 60
    assert odd["older"].message.startswith("No cell of question 2 is in the notebook:")


def test_an_error_in_an_answer_is_said_at_its_question(odd):
    place = "Code cell 5 of your notebook, your answer to question 2,"
    assert odd["syntax"].questions["q2"].problems[0] == f"{place} raised SyntaxError."
    said = odd["slow answer"].questions["q2"].problems[0]
    assert said == f"{place} ran for more than 5 seconds and was interrupted."
    assert odd["slow answer"].status == "timeout"
    assert odd["syntax"].questions["q1"].problems == []
    slow = odd["slow test"]
    assert slow.questions["q1"].problems[0] == "Visible test: it ran for more than 5 seconds."
    assert "A test of question 1 was interrupted" in slow.message


def test_what_could_not_be_interrupted_is_said_without_a_guess(odd):
    deaf = odd["deaf"]
    assert (deaf.status, deaf.total) == ("stopped", 60)
    assert "look for" not in deaf.message
    assert deaf.message.endswith("your answer to question 2, was running then.")
    ended = "the run ended here. A cell ran for more than 5 seconds and could not be interrupted"
    assert ended in deaf.questions["q2"].problems[0]


def test_what_is_graded_is_kept_and_what_has_changed_is_graded_again(desk, assignment):
    before = (desk / "grades.csv").read_bytes()
    assert again(desk, assignment)[1] == []
    assert (desk / "grades.csv").read_bytes() == before
    hand_in(assignment, desk / "class" / "half.ipynb", q1=POOL, q2=RULE)
    results, new = again(desk, assignment)
    assert new == ["half"]
    assert results["half"].total == 100


def test_late_submissions_join_the_others(desk, assignment):
    hand_in(assignment, desk / "late" / "zoe.ipynb", q1=POOL)
    grade.grade(find([str(desk / "late")], "01_tiny"), assignment, desk / "grades.csv")
    rows = table(desk)
    assert len(rows) == 6
    assert (rows["zoe"]["total"], rows["right"]["total"]) == ("60", "100")


def test_grading_again_gives_the_identical_files(desk, assignment):
    before = [(desk / name).read_bytes() for name in ("grades.csv", "grades.json")]
    assert len(again(desk, assignment, regrade=True, jobs=1)[1]) == 5
    assert [(desk / name).read_bytes() for name in ("grades.csv", "grades.json")] == before


def test_another_assignment_or_sandbox_makes_old_results_stale(desk, assignment):
    late = find([str(desk / "class" / "blank.ipynb")], "01_tiny")
    grade.grade(late, assignment, desk / "grades.csv", kind="none")
    assert again(desk, assignment)[1] == ["blank"]
    changed = Assignment(assignment.page)
    changed.solution.cells[0].source += "\n\nOne sentence more."
    assert len(again(desk, changed)[1]) == 5


def test_one_question_alone_is_graded_again(desk, assignment):
    hand_in(assignment, desk / "class" / "half.ipynb", q1=POOL, q2=SHOUT)
    results, new = again(desk, assignment, question="q1")
    assert len(new) == 5
    assert [results["half"].questions[q].points for q in ("q1", "q2")] == [60, 40]
    with pytest.raises(CourseError, match="there are q1, q2"):
        again(desk, assignment, question="q9")


def test_points_given_by_hand_stay(desk, assignment):
    by_hand = desk / "hand.csv"
    by_hand.write_text("student,question,points,comment\nhalf,q1,30,right idea\n")
    results, new = again(desk, assignment, manual=by_hand)
    assert (new, results["half"].total) == ([], 70)
    assert results["half"].questions["q1"].problems == ["right idea"]
    hand_in(assignment, desk / "class" / "half.ipynb", q1=SUM, q2=SHOUT)
    results, new = again(desk, assignment)
    assert (new, results["half"].total) == (["half"], 30)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("half,q1,61,", "q1 .0 to 60."),
        ("half,q7,1,", "q1 .0 to 60."),
        ("half,q1,many,", "points .a number."),
        ("nobody,q1,1,", "no submission of nobody"),
    ],
)
def test_impossible_points_are_refused(desk, assignment, line, message):
    by_hand = desk / "hand.csv"
    by_hand.write_text(f"student,question,points,comment\n{line}\n")
    with pytest.raises(CourseError, match=message):
        again(desk, assignment, manual=by_hand)


def test_a_solution_that_fails_its_own_test_stops_the_grading(desk, assignment):
    spoiled = Assignment(assignment.page)
    for cell in spoiled.solution.cells:
        cell.source = cell.source.replace("mean(axis=(1, 2))", "sum(axis=(1, 2))")
    with pytest.raises(CourseError, match="the solution fails q1_visible"):
        again(desk, spoiled)


def test_a_solution_that_does_not_run_stops_the_grading(desk, assignment):
    spoiled = Assignment(assignment.page)
    spoiled.solution.cells[1].source += "\nimport no_such_module"
    with pytest.raises(CourseError, match="does not run: setup raised ModuleNotFoundError"):
        again(desk, spoiled)


def test_a_damaged_file_of_grades_is_one_message(desk, assignment):
    (desk / "grades.json").write_text("{}")
    with pytest.raises(CourseError, match="not a file of grades"):
        again(desk, assignment)


def test_the_command_finds_the_chapter_and_writes_its_files(desk, assignment, monkeypatch, capsys):
    monkeypatch.chdir(assignment.page.root)
    command = ["grade", str(desk / "class"), "--output", str(desk / "grades.csv")]
    assert cli.main(command) == 0
    assert "5 graded" in capsys.readouterr().out
    assert (desk / "grades" / "index.html").is_file()
    assert cli.main(["grade", str(desk / "class"), "--output", "grades.xlsx"]) == 1
    assert "--output names a CSV file" in capsys.readouterr().err
    assert cli.main([*command, "--chapter", "09"]) == 1
    assert "no chapter 09" in capsys.readouterr().err
    (desk / "empty").mkdir()
    assert cli.main(["grade", str(desk / "empty"), "--output", str(desk / "g.csv")]) == 1
    assert "--chapter" in capsys.readouterr().err


def test_a_class_goes_from_moodle_through_the_sandbox_and_back(
    assignment, tmp_path, monkeypatch, capsys, program
):
    program("bwrap")
    monkeypatch.chdir(assignment.page.root)
    first, second = "Ann Lee_11_assignsubmission_file_", "陈伟_12_assignsubmission_file_"
    hand_in(assignment, tmp_path / "ontime" / first / "assignment(1).ipynb", q1=POOL, q2=RULE)
    shutil.make_archive(str(tmp_path / "ontime"), "zip", tmp_path / "ontime")
    hand_in(assignment, tmp_path / "late" / second / "assignment(1).ipynb", q1=SUM, q2=RULE)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade)\n"
        "Participant 11,Ann Lee,a@x.org,Submitted,,10,-\n"
        "Participant 12,陈伟,c@x.org,Submitted,,10,-\n"
        "Participant 13,Nobody,n@x.org,No submission,,10,-\n"
    )
    command = ["grade", "--output", str(tmp_path / "grades.csv")]
    assert cli.main([*command, str(tmp_path / "ontime.zip")]) == 0
    more = ["--roster", str(sheet), "--export", "moodle"]
    assert cli.main([*command, str(tmp_path / "late"), *more]) == 0
    assert "2 graded, 1 of the roster handed in nothing" in capsys.readouterr().out
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {row["student"]: (row["status"], row["total"]) for row in csv.DictReader(file)}
    assert rows == {
        "Ann Lee (11)": ("ok", "100"),
        "陈伟 (12)": ("ok", "40"),
        "Nobody (13)": ("missing", ""),
    }
    with (tmp_path / "grades.moodle.csv").open(newline="", encoding="utf-8-sig") as file:
        grades = {row["Identifier"]: row["Grade"] for row in csv.DictReader(file)}
    assert grades == {"Participant 11": "10", "Participant 12": "4", "Participant 13": ""}
    answers = (tmp_path / "grades" / "answers.html").read_text("utf-8")
    assert answers.index("陈伟 (12)") < answers.index("return y.sum((1, 2))")


def test_without_a_sandbox_the_result_is_the_same_and_says_so(desk, assignment):
    before = table(desk)
    results, new = again(desk, assignment, kind="none")
    assert len(new) == 5
    assert table(desk) == before
    graded = json.loads((desk / "grades.json").read_text())["submissions"]
    assert {entry["sandbox"] for entry in graded} == {"none"}
    assert results["right"].total == 100


def test_without_bubblewrap_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    with pytest.raises(CourseError, match=r"apt-get install bubblewrap.*--sandbox none"):
        isolation.probe("bubblewrap")
    isolation.probe("none")
    with pytest.raises(CourseError, match="one of bubblewrap, none"):
        isolation.probe("docker")


def test_an_interrupted_kernel_ends_at_once(program):
    program("bwrap")
    cancelled = threading.Event()
    with Kernel(Limits(cell=60), "bubblewrap", cancelled) as kernel:
        threading.Timer(1, cancelled.set).start()
        with pytest.raises(Stopped, match="interrupted"):
            kernel.execute("while True: pass")
        assert kernel.used < 30  # of the 60 that the cell had


def test_the_sandbox_sees_neither_home_nor_solutions_nor_network(program, tmp_path):
    program("bwrap")
    solutions = Path(__file__).parents[2] / "solutions"
    assert solutions.is_dir()
    secret = tmp_path / "secret"
    secret.touch()
    home = Path.home()
    shown = {p.relative_to(home).parts[0] for p in isolation.visible() if p.is_relative_to(home)}
    code = f"""
import os, socket
seen = [os.path.exists(path) for path in {[str(solutions), str(secret)]}]
home = os.listdir({str(home)!r}) if os.path.isdir({str(home)!r}) else []
seen += [name for name in home if name not in {sorted(shown)}]
try:
    socket.create_connection(("127.0.0.1", 80), 1)
except OSError as error:
    seen.append(type(error).__name__)
"""
    with Kernel(Limits(), "bubblewrap", threading.Event()) as kernel:
        kernel.execute(code)
        assert kernel.execute("", "seen").value == "[False, False, 'ConnectionRefusedError']"


def test_the_sandbox_gets_nothing_of_the_graders_environment(program):
    """Not even where bubblewrap itself keeps it: as a user, the code inside may read that."""
    program("bwrap")
    with Kernel(Limits(), "bubblewrap", threading.Event()) as kernel:
        assert Path(f"/proc/{kernel._process.pid}/environ").read_bytes() == b""
