"""What is proven is not graded again, until something changes that its points rest on."""

import shutil

import pytest

from aimodels import cli
from aimodels.course import CourseError, proven, rules
from aimodels.course.assignment import Assignment

ANSWER = "def predict(x):\n    return x > 0"
USES_CNN = "from aimodels import cnn\n\ndef predict(x):\n    return cnn.CNN"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that a test may change; `package()` forgets what was read."""
    folder = tmp_path / "aimodels"
    shutil.copytree(proven._PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(proven, "_PACKAGE", folder)
    cached = (proven._file, proven._imported_by, proven._meaning, proven._builders)

    def change(name="", old="", new=""):
        for function in cached:
            function.cache_clear()
        if name:
            path = folder / name
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new, 1))

    change()
    yield change
    change()


def fingerprint(page, source=ANSWER, points=10.0):
    assignment = Assignment(page)
    return proven.Proven(assignment).fingerprint({"q2": points}, source, assignment.tests[2:])


def test_the_same_answer_has_the_same_fingerprint(assignment_page, package):
    first = fingerprint(assignment_page)
    package()
    assert fingerprint(assignment_page) == first


@pytest.mark.parametrize(
    ("file", "old", "new", "source"),
    [
        ("course/verdict.py", "LARGEST = ", "LARGEST = 1 + ", ANSWER),  # the judge, by grade.py
        ("course/sandbox.py", "GRACE_SECONDS = 5", "GRACE_SECONDS = 6", ANSWER),
        ("__init__.py", "set_random_seed(seed)", "set_random_seed(1)", ANSWER),
        ("cnn.py", "import ", "import os\nimport ", USES_CNN),
        ("training.py", "import ", "import os\nimport ", USES_CNN),  # by way of cnn
    ],
)
def test_a_change_of_what_is_reached_counts(assignment_page, package, file, old, new, source):
    before = fingerprint(assignment_page, source)
    package(file, old, new)
    assert fingerprint(assignment_page, source) != before


@pytest.mark.parametrize(
    ("file", "old", "new", "source"),
    [
        ("cnn.py", "import ", "import os\nimport ", ANSWER),  # is not imported
        ("cnn.py", '"""', '"""Another first sentence. ', USES_CNN),
        ("cnn.py", "\nimport ", "\n# a comment\nimport ", USES_CNN),
        ("__init__.py", '    "cnn",\n', '    "cnn",\n    "diffusion",\n', ANSWER),
    ],
)
def test_what_cannot_matter_does_not_count(assignment_page, package, file, old, new, source):
    before = fingerprint(assignment_page, source)
    package(file, old, new)
    assert fingerprint(assignment_page, source) == before


def test_every_other_fact_counts(assignment_page, monkeypatch):
    seen = [fingerprint(assignment_page), fingerprint(assignment_page, ANSWER + " ")]
    seen += [fingerprint(assignment_page, points=5.0)]
    monkeypatch.setattr(proven, "version", lambda name: "99")
    seen += [fingerprint(assignment_page)]
    notebook = assignment_page.notebook
    notebook.write_text(notebook.read_text().replace("mean(axis=(1, 2))", "mean((1, 2))"))
    seen += [fingerprint(assignment_page)]
    notebook.write_text(notebook.read_text().replace('"cell": 5', '"cell": 6'))
    seen += [fingerprint(assignment_page)]
    assert len(set(seen)) == len(seen)


def test_one_in_eight_is_drawn_and_others_at_another_commit(assignment_page):
    record = proven.Proven(Assignment(assignment_page))
    record.names = {f"{number:x}": "" for number in range(800)}
    drawn = []
    for record.commit in ("a", "b"):
        drawn.append({name for name in record.names if not record.holds(name)})
    assert all(60 < len(found) < 140 for found in drawn)
    assert drawn[0] != drawn[1]
    assert not record.holds("unheard of")


@pytest.mark.parametrize("text", ["{", "[1, 2]", '"text"'])
def test_a_damaged_file_is_one_message(assignment_page, text):
    assignment_page.notebook.with_name("proven.json").write_text(text)
    with pytest.raises(CourseError, match="is damaged: remove it"):
        proven.Proven(Assignment(assignment_page))


@pytest.mark.slow
def test_a_check_grades_what_has_changed(assignment_page, monkeypatch, capsys):
    monkeypatch.chdir(assignment_page.root)
    monkeypatch.setattr(rules, "QUESTIONS", 2)
    monkeypatch.setattr(proven, "SAMPLE", 2**80)  # draws none

    def check(*options):
        code = cli.main(["course", "check", *options])
        return code, capsys.readouterr().out

    assert check("--keep")[0] == 0
    assert "2 answers graded, 6 proven before and unchanged, 0 problems" in check()[1]
    assert "8 answers graded, 0 proven before" in check("--again")[1]

    path = assignment_page.source.parent / "wrong" / "all.py"
    path.write_text(path.read_text().replace("y.sum(axis=(1, 2))", "y.mean(axis=(1, 2))"))
    code, said = check("--keep")
    assert code == 1
    assert "q1, adds up: q1 60, wanted 0" in said
    assert "3 answers graded, 5 proven before and unchanged, 1 problems" in said
    code, said = check()  # what was found wrong is not kept
    assert (code, "3 answers graded" in said) == (1, True)
