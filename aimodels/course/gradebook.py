"""The results of a class: kept in JSON after each notebook, written as CSV, with points by hand."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.submission import Submission
from aimodels.files import write_text

FORMAT = 1  # of the results' file; another number, and everything is graded again


@dataclass
class Mark:
    """Points of one question, and in words what is wrong."""

    points: float
    of: float
    problems: list[str] = field(default_factory=list)
    manual: bool = False  # given by the teacher


@dataclass
class Result:
    """What became of one submission; the message is for the student."""

    student: str
    file: str
    digest: str
    status: str
    message: str
    questions: dict[str, Mark]
    assignment: str  # the fingerprint of what it was graded against
    sandbox: str

    @property
    def total(self) -> float:
        return sum(mark.points for mark in self.questions.values())


def digest(path: Path) -> str:
    """A fingerprint of a file of any kind, read in pieces."""
    if path.is_symlink() or not path.is_file():
        return "none"
    summary = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(2**20):
                summary.update(piece)
    except OSError:
        return "none"
    return summary.hexdigest()[:16]


class Gradebook:
    """The results of a class in one JSON file, written whole after each submission."""

    def __init__(self, path: Path, assignment: Assignment, kind: str):
        self.path, self.kind, self.fingerprint = path, kind, assignment.fingerprint
        self.facts = {
            "format": FORMAT,
            "chapter": assignment.page.chapter,
            "questions": assignment.questions,
        }
        self.results: dict[str, Result] = {}
        self.old: dict[str, Result] = {}
        if path.is_file():
            self._load()

    def _load(self) -> None:
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            if (data["format"], data["chapter"]) != (FORMAT, self.facts["chapter"]):
                raise CourseError(
                    f"{self.path} holds the grades of {data['chapter']}: take another name"
                )
            for entry in data["submissions"]:
                entry.pop("total")
                before = {name: Mark(**facts) for name, facts in entry.pop("questions").items()}
                questions = {
                    name: before.get(name, Mark(0, points, ["A new question: grade again."]))
                    for name, points in self.facts["questions"].items()
                }
                self.old[entry["student"]] = Result(**entry, questions=questions)
            self.results = dict(self.old)  # who is not named this time is not lost
        except (ValueError, KeyError, TypeError) as error:
            raise CourseError(
                f"{self.path} is not a file of grades, or damaged: move it away, or take "
                "another name"
            ) from error

    def done(self, submission: Submission) -> Result | None:
        """The earlier result, if neither the file nor the assignment has changed since."""
        result = self.old.get(submission.student)
        if result is None or result.status in ("failed", "cancelled"):
            return None
        now = (submission.file, digest(submission.path), self.fingerprint, self.kind)
        same = now == (result.file, result.digest, result.assignment, result.sandbox)
        return result if same and result.digest != "none" else None

    def add(self, result: Result, question: str | None = None) -> None:
        """Keep a result: points that the teacher gave stay, and all but `question` if it is set."""
        old = self.old.get(result.student)
        if old:
            for name, before in old.questions.items():
                if name in result.questions and (before.manual or (question and name != question)):
                    result.questions[name] = before
        self.results[result.student] = result
        self.write()

    def write(self) -> None:
        """Sorted by student, so that the same class gives the same file."""
        entries = [
            asdict(result) | {"total": result.total} for _, result in sorted(self.results.items())
        ]
        write_text(self.path, json.dumps(self.facts | {"submissions": entries}, indent=1) + "\n")


def write_csv(path: Path, results: Iterable[Result], questions: Iterable[str]) -> None:
    """One line a student: status, points a question, total, message."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    questions = list(questions)
    writer.writerow(["student", "file", "status", *questions, "total", "message"])
    for result in results:
        points = [f"{result.questions[name].points:g}" for name in questions]
        row = [_cell(result.student), _cell(result.file), result.status, *points]
        writer.writerow([*row, f"{result.total:g}", _cell(result.message)])
    write_text(path, text.getvalue())


def _cell(text: str) -> str:
    """A spreadsheet takes a text that starts so for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def read_manual(path: Path, assignment: Assignment) -> list[tuple[str, str, float, str]]:
    """Points given by hand: a CSV file with the columns student, question, points, comment.

    Raises:
        CourseError: if a column is missing, or a question or its points are impossible.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    found = []
    for line, row in enumerate(rows, 2):
        try:
            student, question, points = row["student"], row["question"], float(row["points"])
        except (KeyError, TypeError, ValueError) as error:
            raise CourseError(
                f"{path}:{line}: wanted the columns student, question, points (a number), comment"
            ) from error
        if not 0 <= points <= assignment.questions.get(question, -1):
            known = ", ".join(f"{name} (0 to {p:g})" for name, p in assignment.questions.items())
            raise CourseError(f"{path}:{line}: {question} {points:g}: there are {known}")
        found.append((student, question, points, row.get("comment") or ""))
    return found
