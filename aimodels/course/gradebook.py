"""The results of a class: kept in JSON after each notebook, written as CSV, with points by hand."""

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.collect import Submission
from aimodels.course.identity import saved_again, written_by_a_system
from aimodels.course.roster import Person
from aimodels.course.sources import SubmissionError
from aimodels.files import write_text

FORMAT = 2  # of the results' file; 1 had no paths, and is still read
UNGRADED = ("failed", "cancelled", "other", "missing")  # these have no points, not 0 points


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
    name: str = ""
    number: str = ""  # in the learning system, or in the school
    email: str = ""
    system: str = ""  # that wrote the file's name
    path: str = ""  # of the file, from the folder of the results
    late: float = 0.0  # percent that are taken off
    late_said: bool = False  # by the system
    answers: dict[str, str] = field(default_factory=dict)  # the student's code, by question

    @property
    def earned(self) -> float:
        return sum(mark.points for mark in self.questions.values())

    @property
    def total(self) -> float:
        """The points that count: without what is taken off for being late."""
        return round(self.earned * (1 - self.late / 100), 2) if self.late else self.earned

    @property
    def graded(self) -> bool:
        """Whether there are points, 0 perhaps; else nothing is known yet."""
        by_hand = any(mark.manual for mark in self.questions.values())
        return self.status not in UNGRADED or by_hand


def digest(file: Path | Submission) -> str:
    """A fingerprint of a file of any kind."""
    try:
        if isinstance(file, Submission):
            return hashlib.sha256(file.load()).hexdigest()[:16]
        if file.is_symlink() or not file.is_file():
            return "none"
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:16]
    except (OSError, SubmissionError):
        return "none"


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
        known = {field.name for field in fields(Result)}
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            if data["chapter"] != self.facts["chapter"]:
                raise CourseError(
                    f"{self.path} holds the grades of {data['chapter']}: take another name"
                )
            if not 1 <= data["format"] <= FORMAT:
                raise CourseError(f"{self.path} was written by a newer aimodels: update this one")
            for entry in data["submissions"]:
                before = {name: Mark(**facts) for name, facts in entry.pop("questions").items()}
                questions = {
                    name: before.get(name, Mark(0, points, ["A new question: grade again."]))
                    for name, points in self.facts["questions"].items()
                }
                facts = {name: value for name, value in entry.items() if name in known}
                self.old[entry["student"]] = Result(**facts, questions=questions)
            self.results = dict(self.old)  # who is not named this time is not lost
        except (ValueError, KeyError, TypeError) as error:
            raise CourseError(
                f"{self.path} is not a file of grades, or damaged: move it away, or take "
                "another name"
            ) from error

    def where(self, submission: Submission) -> str:
        """The path under which a submission is kept: from the folder of the results."""
        path = os.path.abspath(submission.path)
        with contextlib.suppress(ValueError):  # another drive of Windows
            path = os.path.relpath(path, self.path.parent.absolute())
        return Path(path).as_posix().encode("utf-8", "replace").decode()

    def gone(self, places: Iterable[str]) -> list[str]:
        """Sentences about results whose file is no longer there, and not among these places."""
        places = set(places)
        return [
            f"{student}: the file {result.path} is gone; the points stay."
            for student, result in sorted(self.old.items())
            if result.path and result.path not in places and not self._exists(result.path)
        ]

    def _exists(self, place: str) -> bool:
        path = self.path.parent / place
        return path.exists() or any(parent.is_file() for parent in path.parents)  # an archive

    def place(
        self,
        submissions: Iterable[Submission],
        people: dict[str, Person],
        replacing: bool = False,
    ) -> tuple[list[Submission], list[str]]:
        """Give each submission the name under which its student is known here.

        The path is the key, and the number that a learning system gave. A student who is known
        only by name is refused with another file, so that nobody's points are taken by another.

        Args:
            submissions: from `collect`.
            people: for their students the line of the roster, if there is one.
            replacing: let a known student's other file take the first one's place.

        Returns:
            The submissions to grade, and a sentence for each that is refused.
        """
        submissions = list(submissions)
        places = {submission: self.where(submission) for submission in submissions}
        by_path = {result.path: result for result in self.old.values() if result.path}
        accepted: dict[str, Submission] = {}
        refused = []
        for submission in submissions:
            known = by_path.get(places[submission]) or self._same_person(
                submission, people.get(submission.student)
            )
            if known is None:
                known = self.old.get(submission.student)
                if known and known.path in places.values():  # that student's file is here, too
                    known = None
            if known is None:
                student = free(submission.student, {*self.old, *accepted})
            elif self._may_replace(known, submission, replacing):
                student = known.student
            else:
                refused.append(
                    f"{known.student}: {submission.file} was not graded, because "
                    f"{known.path or known.file} was. If it takes that file's place, add "
                    "--replace; if it is another student's, give it another name."
                )
                continue
            if student in accepted:
                refused.append(
                    f"{student}: {submission.file} was not graded: a second file of one student."
                )
                continue
            accepted[student] = replace(submission, student=student)
        return list(accepted.values()), refused

    def _same_person(self, submission: Submission, person: Person | None) -> Result | None:
        """Who has the same number in the same system, or the same line in the roster."""
        who = submission.who
        for result in self.old.values():
            numbers = (result.system, result.number), (who.system, who.number)
            if who.system and who.number and numbers[0] == numbers[1]:
                # Canvas's pattern may be a student's own invention, Moodle's is not.
                sure = who.system == "moodle" or result.status == "missing"
                if sure or result.student == submission.student:
                    return result
            if person and person.facts == (result.name, result.number, result.email):
                return result
        return None

    def _may_replace(self, known: Result, submission: Submission, replacing: bool) -> bool:
        place = self.where(submission)
        if replacing or known.status == "missing" or known.path == place:
            return True
        if digest(submission) == known.digest != "none":
            return True
        if not known.path:  # written by an earlier version
            return known.file == submission.file
        if not submission.who.system or not known.system:
            return False
        before = written_by_a_system(Path(known.path).parts)
        same = before and _first_name(before.file) == _first_name(submission.who.file)
        older = before and submission.who.upload < before.upload
        return bool(same and not older)

    def done(self, submission: Submission) -> Result | None:
        """The earlier result, if neither the file nor the assignment has changed since."""
        result = self.old.get(submission.student)
        if result is None or result.status in ("failed", "cancelled"):
            return None
        now = (digest(submission), self.fingerprint, self.kind)
        same = now == (result.digest, result.assignment, result.sandbox)
        if not same or result.digest == "none":
            return None
        return replace(result, file=submission.file, path=self.where(submission))

    def add(self, result: Result, question: str | None = None) -> None:
        """Keep a result: points that the teacher gave stay, and all but `question` if it is set."""
        old = self.old.get(result.student)
        if old:
            for name, before in old.questions.items():
                if name in result.questions and (before.manual or (question and name != question)):
                    result.questions[name] = before
            result.late = old.late
        self.results[result.student] = result
        self.write()

    def write(self) -> None:
        """Sorted by student, so that the same class gives the same file."""
        entries = [
            asdict(result) | {"total": result.total} for _, result in sorted(self.results.items())
        ]
        write_text(self.path, json.dumps(self.facts | {"submissions": entries}, indent=1) + "\n")


def _first_name(file: str) -> str:
    return saved_again(Path(file).stem)[0].casefold()


def free(student: str, taken: set[str]) -> str:
    """The student's name, with a number behind it if somebody else has it."""
    names = (f"{student} ({number})" for number in itertools.count(2))
    return next(name for name in itertools.chain([student], names) if name not in taken)
