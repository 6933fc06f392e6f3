"""Grade a class: every notebook in a sandbox of its own, every verdict outside of it."""

import builtins
import json
import re
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbformat import NotebookNode

from aimodels.course import CourseError, sandbox
from aimodels.course.assignment import Assignment, Limits, Step, Test
from aimodels.course.gradebook import (
    Gradebook,
    Mark,
    Result,
    digest,
    free,
    read_late,
    read_manual,
    write_csv,
)
from aimodels.course.identity import Who
from aimodels.course.questions import TOO_LARGE, UNANSWERED
from aimodels.course.roster import Person, Roster
from aimodels.course.sandbox import Kernel, Stopped
from aimodels.course.submission import (
    Submission,
    SubmissionError,
    answers,
    as_code,
    compose,
    read,
)
from aimodels.course.verdict import judge

_RECORDS = "__import__('aimodels.course.questions').course.questions.check.records()"


@dataclass
class Run:
    """What came out of a sandbox: for each test the text of its records."""

    status: str = "ok"
    message: str = ""
    records: dict[str, str] = field(default_factory=dict)
    troubles: list[tuple[Step, str]] = field(default_factory=list)  # of own cells: what happened
    slow: list[str] = field(default_factory=list)  # tests that were interrupted
    broken: dict[str, str] = field(default_factory=dict)  # the master's cells: name, exception
    last: Step | None = None  # what ran when the kernel was stopped


def run(steps: list[Step], limits: Limits, kind: str, cancelled: threading.Event) -> Run:
    """Execute the steps in one fresh kernel."""
    result = Run()
    try:
        with Kernel(limits, kind, cancelled) as kernel:
            for step in steps:
                result.last = step
                reply = kernel.execute(step.source, _RECORDS if step.test else "")
                if reply.interrupted:
                    result.status = "timeout"
                if reply.interrupted and step.own is not None:
                    said = f"ran for more than {limits.cell} seconds and was interrupted"
                    result.troubles.append((step, said))
                elif reply.error and step.own is not None:
                    result.troubles.append((step, f"raised {_known(reply.error)}"))
                elif reply.interrupted and step.test:
                    result.slow.append(step.test.id)
                elif step.test and not reply.error:
                    result.records[step.test.id] = reply.value
                elif reply.interrupted or reply.error:
                    result.broken[step.name] = _known(reply.error)
            result.last = None
    except Stopped as stopped:
        result.status, result.message = stopped.status, str(stopped)
    return result


def _known(name: str) -> str:
    """A student may call an exception anything; only Python's own names are repeated."""
    kind = getattr(builtins, name, None)
    return name if isinstance(kind, type) and issubclass(kind, BaseException) else "an error"


class Reference:
    """The solution's own run: what each test expects, and the inputs that it gives.

    Raises:
        CourseError: if the solution does not pass one of its own tests.
    """

    def __init__(self, assignment: Assignment, kind: str, cancelled: threading.Event):
        outcome = run(assignment.reference_steps(), assignment.limits, kind, cancelled)
        where = assignment.page.source
        if outcome.status != "ok" or outcome.broken:
            what = outcome.message or ", ".join(
                f"{n} raised {e}" for n, e in outcome.broken.items()
            )
            raise CourseError(f"{where}: the solution does not run: {what}")
        self.expected: dict[str, list[dict]] = {}
        self.given: dict[str, dict[int, str]] = {}
        for test in assignment.tests:
            records = _parse(outcome.records.get(test.id, ""))["records"]
            self.given[test.id] = {
                r["site"]: json.dumps(r["given"]) for r in records if "given" in r
            }
            self.expected[test.id] = [r for r in records if "kind" in r]
            if problems := mark(test, outcome.records[test.id], self.expected[test.id]):
                raise CourseError(f"{where}: the solution fails {test.id}: {' '.join(problems)}")
            if not self.expected[test.id]:
                raise CourseError(f"{where}: {test.id} tests nothing")


def _parse(value: str) -> dict:
    """What `check.records()` wrote, if a student's process left it so."""
    return json.loads(value)


_JUDGED = ("site", "actual", "expected", "kind", "property", "hint")


def mark(test: Test, value: str, expected: list[dict]) -> list[str]:
    """What is wrong with what a test recorded; an empty list earns its points.

    Of a hidden test only the property and the hint are told, never a value.
    """
    try:
        data = _parse(value)
        records = [record for record in data["records"] if "given" not in record]
        error = str(data["error"])
        pairs = [(r["site"], r["actual"]) for r in records]
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        return ["the test could not be run to its end"]
    problems: list[str] = []
    for position, want in enumerate(expected):
        if position >= len(pairs) or pairs[position][0] != want["site"]:
            problems.append(_error(test, error, want["property"]))
            break
        options = {key: value for key, value in want.items() if key not in _JUDGED}
        if problem := judge(want["kind"], pairs[position][1], want["expected"], **options):
            text = want["property"] if test.hidden else f"{want['property']}: {problem}"
            problems.append(f"{text}. Hint: {want['hint']}." if want.get("hint") else f"{text}.")
    return list(dict.fromkeys(problems))  # a test in a loop says the same again and again


def _error(test: Test, error: str, property: str) -> str:
    """Why a test ended before it recorded a property; of a hidden test no word of the student's."""
    if error in (UNANSWERED, TOO_LARGE):
        return error
    if error and test.hidden:
        name = re.match(r"your code raised (\w+)", error)
        error = f"your code raised {_known(name.group(1)) if name else 'an error'}"
    return f"{property}: {error[:300] or 'the test could not be run to its end'}"


def grade_cells(
    cells: list[NotebookNode],
    assignment: Assignment,
    reference: "Reference",
    kind: str,
    cancelled: threading.Event,
    tests: Collection[Test] | None = None,
) -> tuple[str, str, dict[str, Mark]]:
    """Status, message and marks of a notebook's cells, as `submission.read` gives them.

    With `tests` only these are run and marked.
    """
    tests = assignment.tests if tests is None else tests
    cells, said = as_code(cells, assignment)
    steps, restored = compose(cells, assignment, reference.given)
    steps = [step for step in steps if step.test is None or step.test in tests]
    outcome = run(steps, assignment.limits, kind, cancelled)
    questions = {name: Mark(0, points) for name, points in assignment.questions.items()}
    for test in tests:
        question = questions[test.question]
        if test.id in outcome.records:
            problems = mark(test, outcome.records[test.id], reference.expected[test.id])
        elif test.id in outcome.slow:
            problems = [f"it ran for more than {assignment.limits.cell} seconds."]
            said.append(f"A test of question {test.question[1:]} was interrupted: {problems[0]}")
        elif outcome.last and _question(outcome.last) == test.question:
            problems = [f"the run ended here. {outcome.message}"]
        else:
            problems = ["it was not run to its end."]
        place = "Hidden test" if test.hidden else "Visible test"
        question.problems += [f"{place}: {problem}" for problem in problems]
        if not problems:
            question.points += test.points
    for step, trouble in outcome.troubles:
        said.append(f"{_place(step)} {trouble}.")
        question = questions.get(_question(step))
        if question and question.problems:  # what is wrong with it follows from this
            question.problems.insert(0, said[-1])
    if outcome.last and outcome.last.own is not None:
        said.append(f"{_place(outcome.last)} was running then.")
    if restored:
        said.append(f"Test cells put back as they were: {', '.join(restored)}.")
    return outcome.status, " ".join(filter(None, [outcome.message, *said])), questions


def _question(step: Step) -> str:
    return step.name.partition("_")[0]


def _place(step: Step) -> str:
    """A student's cell in words."""
    place = f"Code cell {step.own} of your notebook" if step.own else "The cell taken as code"
    return f"{place}, your answer to question {_question(step)[1:]}," if step.name else place


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
    sandbox.probe(wanted.kind)
    if wanted.question and wanted.question not in assignment.questions:
        there = ", ".join(assignment.questions)
        raise CourseError(f"no question {wanted.question}: there are {there}")
    to.parent.mkdir(parents=True, exist_ok=True)
    gradebook = Gradebook(to.with_suffix(".json"), assignment, wanted.kind)
    notes = [] if notes is None else notes
    people = {s.student: p for s in submissions if (p := _person(wanted.roster, s.who))}
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
