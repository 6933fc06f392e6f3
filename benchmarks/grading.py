"""A class of 30 submissions of 06_cnn, right, half right, blank and hostile, graded twice."""

import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from aimodels.course import collect, grade
from aimodels.course.assignment import Assignment
from aimodels.course.notebooks import find_pages, find_root
from aimodels.course.wrong import wrong_answers

HOSTILE = {  # what stands in the place of the answer to question 1
    "loops": "while True:\n    pass",
    "catches": "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass",
    "exits": "import os\nos._exit(0)",
    "forks": "import os\nwhile True:\n    os.fork()",
    "memory": "hoard = []\nwhile True:\n    hoard.append(bytearray(10**8))",
    "floods": "for _ in range(10**6):\n    print('x' * 1000)",
    "calls": "import urllib.request\nurllib.request.urlopen('https://example.org', timeout=5)",
    "equals": "class Right(float):\n    def __eq__(self, other):\n        return True\n"
    "def output_size(*args, **kwargs):\n    return Right(1)",
}


def _class(assignment: Assignment, folder: Path) -> None:
    """Write 30 notebooks: 8 right, 10 with one wrong answer, 4 blank, 8 hostile."""
    right = {c.id: c.source for c in assignment.solution.cells if c.id in assignment.questions}
    wrong = wrong_answers(assignment)
    wrong = [wrong[i * len(wrong) // 10] for i in range(10)]
    answers = {f"right{i}": right for i in range(8)} | {f"blank{i}": {} for i in range(4)}
    answers |= {f"half{i}": right | {a.question: a.source} for i, a in enumerate(wrong)}
    answers |= {name: right | {"q1": source} for name, source in HOSTILE.items()}
    for student, sources in answers.items():
        notebook = json.loads(assignment.copy_text())
        for cell in notebook["cells"]:
            cell["source"] = sources.get(cell["id"], cell["source"])
        (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def run() -> dict:
    [page] = [p for p in find_pages(find_root(Path(__file__)), ["06"]) if p.kind == "assignment"]
    assignment = Assignment(page)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder, "class")
        room.mkdir()
        _class(assignment, room)
        submissions = collect.find([str(room)], page.chapter)
        seconds, tables = [], []
        for _ in range(2):
            started = time.perf_counter()
            to = Path(folder, "grades.csv")
            results = grade.grade(submissions, assignment, to, regrade=True)
            seconds.append(round(time.perf_counter() - started, 1))
            tables.append(to.read_bytes())
    return {
        "submissions": len(submissions),
        "at_a_time": 2,
        "seconds": seconds,
        "identical": tables[0] == tables[1],
        "statuses": dict(Counter(result.status for result in results)),
        "totals": {result.student: result.total for result in results},
    }
