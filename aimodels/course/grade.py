"""Grade a class: every notebook in a sandbox of its own, every verdict outside of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from aimodels.course import CourseError, isolation
from aimodels.course.assignment import Assignment
from aimodels.course.collect import Submission
from aimodels.course.gradebook import Gradebook, Mark, Result, digest, free
from aimodels.course.identity import Who
from aimodels.course.marking import PARSING, Reference, grade_cells
from aimodels.course.reading import read
from aimodels.course.roster import Person, Roster
from aimodels.course.sources import SubmissionError
from aimodels.course.submission import answers, as_code
from aimodels.course.tables import read_late, read_manual, write_csv


def grade_one(
    submission: Submission,
    assignment: Assignment,
    reference: "Reference",
    kind: str,
    cancelled: threading.Event,
) -> Result:
    """One submission's result, whatever is in its file."""
    result = _unmarked(submission.student, assignment, kind)
    result.file, result.digest = submission.file, digest(submission)
    try:
        if submission.page:
            raise _Foreign(f"This notebook is of {submission.page}, not of {assignment.page}.")
        cells = read(submission)
        with PARSING:
            result.answers = answers(as_code(cells, assignment)[0], assignment)
        result.status, result.message, result.questions = grade_cells(
            cells, assignment, reference, kind, cancelled
        )
    except _Foreign as foreign:
        result.status, result.message = "other", str(foreign)
    except SubmissionError as error:
        result.status, result.message = "unreadable", str(error)
    except Exception as error:  # whatever one notebook does, the others are graded
        result.status = "failed"
        result.message = f"The grader could not deal with this file ({error!r})."
    return result


class _Foreign(Exception):  # noqa: N818  (nothing went wrong here)
    """The notebook was made from another page of the course."""


def _unmarked(student: str, assignment: Assignment, kind: str) -> Result:
    """A result without points."""
    questions = {name: Mark(0, points) for name, points in assignment.questions.items()}
    return Result(student, "", "none", "failed", "", questions, assignment.fingerprint, kind)


@dataclass
class Options:
    """What a teacher may ask for, beside the submissions; the files are CSV files.

    Args:
        kind: the sandbox, "bubblewrap" or "none".
        jobs: notebooks at a time.
        regrade: grade all of them, changed or not.
        question: take only this question's points from the new run; the others stay.
        manual: points given by hand.
        roster: the class; who handed in nothing gets a line.
        late: what is taken off for late work.
        replacing: a known student's other file takes the first one's place.
    """

    kind: str = "bubblewrap"
    jobs: int = 2
    regrade: bool = False
    question: str | None = None
    manual: Path | None = None
    roster: Roster | None = None
    late: Path | None = None
    replacing: bool = False


def grade(
    submissions: list[Submission],
    assignment: Assignment,
    to: Path,
    *,
    progress: Callable[[Result, bool], None] = lambda result, kept: None,
    notes: list[str] | None = None,
    **options,
) -> list[Result]:
    """Grade submissions and write `to` (CSV) and the JSON file beside it.

    What was graded before, and has not changed, is kept: an interrupted run goes on, and students
    who are not among these submissions stay in the files.

    Args:
        submissions: from `collect.collect`.
        assignment: the master.
        to: the CSV file.
        progress: is called with each result, and whether it was kept from before.
        notes: gets sentences about files that were not graded, or are gone.
        **options: the fields of `Options`.

    Raises:
        CourseError: if nothing can be graded; what is wrong with one submission is in its result.
    """
    wanted = Options(**options)
    isolation.probe(wanted.kind)
    if wanted.question and wanted.question not in assignment.questions:
        there = ", ".join(assignment.questions)
        raise CourseError(f"no question {wanted.question}: there are {there}")
    to.parent.mkdir(parents=True, exist_ok=True)
    gradebook = Gradebook(to.with_suffix(".json"), assignment, wanted.kind)
    notes = [] if notes is None else notes
    people = {s.student: p for s in submissions if (p := _person(wanted.roster, s.who))}
    for person in set(people.values()):
        same = [student for student, other in people.items() if other == person]
        if same[1:]:
            notes.append(f"{', '.join(sorted(same))}: all are {person.name} in the roster.")
    placed, refused = gradebook.place(submissions, people, wanted.replacing)
    notes += refused + gradebook.gone(map(gradebook.where, submissions))
    identity = {s.student: _identity(s, gradebook, wanted.roster) for s in placed}
    for result in gradebook.results.values():
        if person := _person(wanted.roster, _who(result)):
            result.name, result.number, result.email = person.facts
    expected = gradebook.old | {
        student: replace(_unmarked(student, assignment, wanted.kind), **facts)
        for student, facts in identity.items()
    }
    expected |= _missing(wanted.roster, expected, assignment, wanted.kind)
    if wanted.roster:
        notes += [
            f"{student}: not in {wanted.roster.path}, or not with certainty."
            for student, result in sorted(expected.items())
            if not _person(wanted.roster, _who(result))
        ]
    given = read_manual(wanted.manual, assignment, expected) if wanted.manual else []
    late = read_late(wanted.late, expected) if wanted.late else {}

    def keep(result: Result, kept: bool) -> None:
        result = replace(result, **identity[result.student])
        gradebook.add(result, None if kept else wanted.question)
        progress(result, kept)

    fresh = wanted.regrade or wanted.question
    todo = [s for s in placed if fresh or not gradebook.done(s)]
    for result in [gradebook.done(s) for s in placed if s not in todo]:
        keep(result, True)
    for student, result in expected.items():
        if student not in gradebook.results and student not in identity:
            gradebook.add(result)
    if todo:
        _grade_all(todo, assignment, wanted.kind, wanted.jobs, lambda result: keep(result, False))
    for student, name, points, comment in given:
        result = gradebook.results[student]
        of = result.questions[name].of
        result.questions[name] = Mark(points, of, [comment] if comment else [], manual=True)
    for student, percent in late.items():
        gradebook.results[student].late = percent
    gradebook.write()
    results = [result for _, result in sorted(gradebook.results.items())]
    write_csv(to, results, assignment.questions)
    return results


def _person(roster: Roster | None, who: Who) -> Person | None:
    return roster.find(who) if roster else None


def _who(result: Result) -> Who:
    return Who(result.name or result.student, result.number, result.system)


def _identity(submission: Submission, gradebook: Gradebook, roster: Roster | None) -> dict:
    """Of a student's result the fields that say who it is: from the roster, or the file's name."""
    who, known = submission.who, gradebook.old.get(submission.student)
    if person := _person(roster, who):
        name, number, email = person.facts
    elif known and known.name:  # perhaps an earlier run had a roster
        name, number, email = known.name, known.number, known.email
    else:
        name, number, email = who.name, who.number, ""
    return {
        "name": name,
        "number": who.number or number,
        "email": email,
        "system": who.system,
        "path": gradebook.where(submission),
        "late_said": who.late,
    }


def _missing(
    roster: Roster | None, known: dict[str, Result], assignment: Assignment, kind: str
) -> dict[str, Result]:
    """A line for everybody in the roster who has none."""
    people = roster.people if roster else []
    there = {person.facts for result in known.values() if (person := _person(roster, _who(result)))}
    there |= {(result.name, result.number, result.email) for result in known.values()}
    found: dict[str, Result] = {}
    for person in people:
        if person.facts in there:
            continue
        student = free(person.student, {*known, *found})
        found[student] = result = _unmarked(student, assignment, kind)
        result.status, result.message = "missing", "Nothing was handed in."
        result.name, result.number, result.email = person.facts
        result.system = person.system
    return found


def _grade_all(todo, assignment, kind, jobs, done) -> None:
    cancelled = threading.Event()
    reference = Reference(assignment, kind, cancelled)
    with ThreadPoolExecutor(jobs) as pool:
        futures = [
            pool.submit(grade_one, submission, assignment, reference, kind, cancelled)
            for submission in todo
        ]
        try:
            for future in as_completed(futures):
                done(future.result())
        except BaseException:
            cancelled.set()
            pool.shutdown(cancel_futures=True)
            raise
