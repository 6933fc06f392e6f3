"""What passed is not run again, until something changes that it rests on."""

import importlib
import shutil
import threading
from pathlib import Path

import nbformat
import pytest

from aimodels.course import proof
from aimodels.course.fingerprints import JUDGE, LIBRARIES, Fingerprints, prints

pytestmark = pytest.mark.rests_on("aimodels", "datasets", "benchmarks/results")

PACKAGE = Path(prints.__file__).parents[2]
DIGITS = "from aimodels import data\nx, y = data.arrays('digits')"
CNN = "from aimodels import cnn\nprint(cnn.CNN)"


@pytest.fixture
def house(tmp_path):
    """A copy of what fingerprints look at: `house(file, old, new)` changes a file."""
    root = tmp_path / "house"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("aimodels", "datasets", "benchmarks/results"):
        shutil.copytree(PACKAGE.parent / name, root / name, ignore=ignore)

    def change(file, old, new):
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new, 1))

    change.root = root
    return change


def of(house, source, keys=()):
    return Fingerprints(house.root, house.root / "aimodels").of_program([source], "", keys)


@pytest.mark.parametrize(
    ("file", "old", "new", "source"),
    [
        ("aimodels/cnn.py", "keras.layers.Conv2D", "keras.layers.Conv1D", CNN),
        ("aimodels/__init__.py", "set_random_seed(seed)", "set_random_seed(1)", "start"),
        ("datasets/digits/digits_dataset_builder.py", "class Builder", "X = 1\n\n\nclass Builder",
         DIGITS),
        ("datasets/cmudict/cmudict_dataset_builder.py", "0.15, 1", "0.2, 1",
         DIGITS.replace("digits", "cmudict")),
        ("datasets/cmudict/cmudict_dataset_builder.py", "0.15, 1", "0.2, 1",
         DIGITS.replace("'digits'", "name")),  # which set is not known: all count
        ("datasets/wnut17/checksums.tsv", "\t", "\t1", DIGITS.replace("digits", "wnut17")),
        ("benchmarks/results/scaling.json", "{", '{"x": 1,',
         "from aimodels.course import recorded\nrecorded('scaling')"),
        ("benchmarks/results/scaling.json", "{", '{"x": 1,',
         "from aimodels.course import recorded\nrecorded(name)"),
        ("aimodels/train/launch.py", "import ", "import os as x\nprint(x)\nimport ",
         "run([python, '-m', 'aimodels', 'launch', 'x.py'])"),
    ],
)  # fmt: skip
def test_a_change_of_what_is_reached_counts(house, file, old, new, source):
    source = "import aimodels\naimodels.start()" if source == "start" else source
    before = of(house, source)
    house(file, old, new)
    assert of(house, source) != before


@pytest.mark.parametrize(
    ("file", "old", "new", "source"),
    [
        ("datasets/cmudict/cmudict_dataset_builder.py", "0.15, 1", "0.2, 1", DIGITS),
        ("datasets/cmudict/cmudict_dataset_builder.py", "0.15, 1", "0.2, 1", CNN),
        ("benchmarks/results/scaling.json", "{", '{"x": 1,',
         "from aimodels.course import recorded\nrecorded('cnn_mnist')"),
        ("aimodels/bert/model.py", "import ", "import os as x\nprint(x)\nimport ", CNN),
        ("aimodels/cli/main.py", "import ", "import os as x\nprint(x)\nimport ", CNN),
    ],
)  # fmt: skip
def test_what_is_not_reached_does_not_count(house, file, old, new, source):
    before = of(house, source)
    house(file, old, new)
    assert of(house, source) == before


@pytest.mark.parametrize("name", ["python", *LIBRARIES])
def test_with_another_version_nothing_holds(house, monkeypatch, name):
    before = of(house, CNN)
    real = prints.versions
    monkeypatch.setattr(prints, "versions", lambda names: real(names) | {name: "0"})
    assert of(house, CNN) != before


def test_comparisons_rest_on_the_versions_of_their_references(house, monkeypatch):
    (house.root / "tests").mkdir()
    (house.root / "tests" / "test_x.py").write_text("def test_x():\n    pass\n")
    seen = []
    for number in "12":
        monkeypatch.setattr(prints, "version", lambda name, n=number: n if name == "torch" else "1")
        fingerprints = Fingerprints(house.root, house.root / "aimodels")
        seen.append([fingerprints.of_tests([("tests.test_x", "test_x")]), of(house, CNN)])
    assert (seen[0][0] != seen[1][0], seen[0][1] == seen[1][1]) == (True, True)


def test_a_test_rests_on_the_helpers_that_it_imports(house):
    tests = house.root / "tests"
    tests.mkdir()
    (tests / "test_x.py").write_text("from near import close\n\n\ndef test_x():\n    close()\n")
    seen = set()
    for line in ("assert 1", "assert 2", "assert 2  # again"):
        (tests / "near.py").write_text(f"def close():\n    {line}\n\n\ndef far():\n    pass\n")
        seen.add(Fingerprints(house.root, house.root / "aimodels").of_tests(
            [("tests.test_x", "test_x")]
        ))  # fmt: skip
    assert len(seen) == 2


def test_a_chapter_counts_where_the_course_is_shown_and_not_for_a_test_of_a_command(house):
    program = "from aimodels.cli import main\n\n\ndef test_x():\n    main(['doctor'])\n"
    lesson = house.root / "course" / "04_recurrent" / "lesson.py"
    for path, text in ((house.root / "tests" / "test_x.py", program), (lesson, "x = 1\n")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    seen = []
    for number in (1, 2):
        lesson.write_text(f"x = {number}\n")
        fingerprints = Fingerprints(house.root, house.root / "aimodels")
        test = fingerprints.of_tests([("tests.test_x", "test_x")])
        naming = fingerprints.of_tests([("tests.test_x", "test_x")], ["course"])
        page = fingerprints.of_program(["from aimodels.course import status\nstatus.table()"], "")
        seen.append((test, naming, page))
    assert [a == b for a, b in zip(*seen, strict=True)] == [True, False, False]


def test_a_chapter_counts_for_a_page_that_runs_a_command_only_if_it_shows_the_course(house):
    lesson = house.root / "course" / "04_recurrent" / "lesson.py"
    lesson.parent.mkdir(parents=True)
    pages = {
        "main(['doctor'])": True,
        "main(['course', 'map'])": False,
        "main('course map'.split())": False,
        "main(['doctor'])\nfrom aimodels.course import status\nstatus.table()": False,
    }
    for page, stays in pages.items():
        seen = set()
        for number in (1, 2):
            lesson.write_text(f"x = {number}\n")
            fingerprints = Fingerprints(house.root, house.root / "aimodels")
            seen.add(fingerprints.of_program([f"from aimodels.cli import main\n{page}"], ""))
        assert (len(seen) == 1) == stays, page


def notebook(*sources, text="1\n"):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    cells[0].outputs = [nbformat.v4.new_output("stream", text=text)]
    return nbformat.v4.new_notebook(cells=cells)


def test_a_notebook_rests_on_its_cells_their_order_and_its_outputs(house):
    fingerprints = Fingerprints(house.root, house.root / "aimodels")
    first = fingerprints.of_notebook(notebook("print(1)", "x = 2", "x = 3"))
    assert fingerprints.of_notebook(notebook("print(1)  # one", "x = 2", "x = 3")) == first
    others = [
        notebook("print(1)", "x = 3", "x = 2"),
        notebook("print(1)", "x = 2", "x = 3", text="2\n"),
        notebook("%time print(1)", "x = 2", "x = 3"),
    ]
    tagged = notebook("print(1)", "x = 2", "x = 3")
    tagged.cells[0].metadata.tags = ["nbval-ignore-output"]
    found = [fingerprints.of_notebook(other) for other in [*others, tagged]]
    assert len({first, *found}) == 5


def test_what_decides_points_is_there():
    for module, name in JUDGE:
        assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [
        ("verdict.py", "RTOL, ATOL = 1e-5", "RTOL, ATOL = 1e-4", False),
        ("questions.py", "self._records, self._error = [], ", "self._records, self._error = [1], ",
         False),
        ("isolation.py", '"PYTHONHASHSEED": "0"', '"PYTHONHASHSEED": "1"', False),
        ("sandbox.py", "GRACE_SECONDS = 5", "GRACE_SECONDS = 6", True),
        ("report.py", "import ", "import os as x\nprint(x)\nimport ", True),
        ("../cli/main.py", "import ", "import os as x\nprint(x)\nimport ", True),
    ],
)  # fmt: skip
def test_of_the_grader_counts_what_decides_points(house, file, old, new, same):
    before = of(house, "", JUDGE)
    house(f"aimodels/course/{file}", old, new)
    assert (of(house, "", JUDGE) == before) is same


def cases(page):
    return proof.Proof(page, "none", threading.Event(), Fingerprints(page.root)).fingerprints


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("y.sum(axis=(1, 2))", "y.sum((1, 2))", {"q1, adds up"}),
        ("return y.sum", "# nothing\n    return y.sum", set()),
        ("q1, 20 of 60", "q1, 0 of 60", {"q1, knows the visible size only"}),
    ],
)
def test_a_wrong_answer_rests_on_itself_and_its_points(assignment_page, old, new, changed):
    before = cases(assignment_page)
    edit(assignment_page.source.parent / "wrong" / "all.py", old, new)
    after = cases(assignment_page)
    assert {n.partition(" ")[2] for n in before if before[n] != after.get(n)} == changed


@pytest.mark.parametrize(
    ("old", "new", "questions"),
    [
        ("mean(axis=(1, 2))", "mean((1, 2))", {"q1", "q2", "the"}),  # the solution
        ('one axis is refused', 'one axis is an error', {"q2", "the"}),  # a test of question 2
        ("cell: 5", "cell: 6", {"q1", "q2", "the"}),
        ("### BEGIN SOLUTION", "# more\n    ### BEGIN SOLUTION", set()),
    ],
)  # fmt: skip
def test_a_wrong_answer_rests_on_the_cells_that_run(assignment_page, old, new, questions):
    before = cases(assignment_page)
    notebook = nbformat.read(assignment_page.notebook, as_version=4)
    text = nbformat.writes(notebook)
    if old.startswith("cell"):
        notebook.metadata.aimodels.limits.cell += 1
    else:
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    assert nbformat.writes(notebook) != text
    nbformat.write(notebook, assignment_page.notebook)
    after = cases(assignment_page)
    assert before.keys() == after.keys()
    changed = {name.split(maxsplit=1)[1] for name in before if before[name] != after[name]}
    assert {name.partition(",")[0].split()[0] for name in changed} == questions
