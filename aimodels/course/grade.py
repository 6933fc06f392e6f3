"""Grade a class: every notebook in a sandbox of its own, every verdict outside of it."""

import builtins
import json
import re
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from aimodels.course import CourseError, isolation
from aimodels.course.assignment import Assignment, Limits, Step, Test
from aimodels.course.gradebook import Gradebook, Mark, Result, digest, read_manual, write_csv
from aimodels.course.notebooks import Page
from aimodels.course.questions import TOO_LARGE, UNANSWERED
from aimodels.course.sandbox import Kernel, Stopped
from aimodels.course.submission import Submission, SubmissionError, compose, read
from aimodels.course.verdict import judge

_RECORDS = "__import__('aimodels.course.questions').course.questions.check.records()"


@dataclass
class Run:
    """What came out of a sandbox: for each test the text of its records."""

    status: str = "ok"
    message: str = ""
    records: dict[str, str] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)  # of own cells: number, exception
    slow: list[str] = field(default_factory=list)  # tests that were interrupted
    broken: dict[str, str] = field(default_factory=dict)  # the master's cells: name, exception


def run(steps: list[Step], limits: Limits, kind: str, cancelled: threading.Event) -> Run:
    """Execute the steps in one fresh kernel."""
    result = Run()
    try:
        with Kernel(limits, kind, cancelled) as kernel:
            for step in steps:
                reply = kernel.execute(step.source, _RECORDS if step.test else "")
                if reply.interrupted:
                    result.status = "timeout"
                    result.message = (
                        f"A cell ran for more than {limits.cell} seconds and was interrupted; "
                        "the other cells were run."
                    )
                if step.test and reply.interrupted:
                    result.slow.append(step.test.id)
                elif step.test and not reply.error:
                    result.records[step.test.id] = reply.value
                elif reply.error and step.own:
                    result.errors.append((step.own, _known(reply.error)))
                elif reply.error:
                    result.broken[step.name] = _known(reply.error)
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
            problems.append(_error(test, error))
            break
        options = {key: value for key, value in want.items() if key not in _JUDGED}
        if problem := judge(want["kind"], pairs[position][1], want["expected"], **options):
            text = want["property"] if test.hidden else f"{want['property']}: {problem}"
            problems.append(f"{text}. Hint: {want['hint']}." if want.get("hint") else f"{text}.")
    return list(dict.fromkeys(problems))  # a test in a loop says the same again and again


def _error(test: Test, error: str) -> str:
    if not error:
        return "the test could not be run to its end"
    if error in (UNANSWERED, TOO_LARGE) or not test.hidden:
        return error[:300]
    name = re.match(r"your code raised (\w+)", error)
    return f"your code raised {_known(name.group(1)) if name else 'an error'}"


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
        else:
            problems = ["it was not run to its end."]
        place = "Hidden test" if test.hidden else "Visible test"
        question.problems += [f"{place}: {problem}" for problem in problems]
        if not problems:
            question.points += test.points
    said = [outcome.message] if outcome.message else []
    said += [
        f"Code cell {number} of your notebook raised {name}." for number, name in outcome.errors
    ]
    if restored:
        said.append(f"Test cells put back as they were: {', '.join(restored)}.")
    return outcome.status, " ".join(said), questions


def grade_one(
    submission: Submission,
    assignment: Assignment,
    reference: "Reference",
    kind: str,
    cancelled: threading.Event,
) -> Result:
    """One submission's result, whatever is in its file."""
    fingerprint = digest(submission.path)
    try:
        status, message, questions = grade_cells(
            read(submission.path), assignment, reference, kind, cancelled
        )
    except Exception as error:  # whatever one notebook does, the others are graded
        status, message = "failed", f"The grader could not deal with this file ({error!r})."
        if isinstance(error, SubmissionError):
            status, message = "unreadable", str(error)
        questions = {name: Mark(0, points) for name, points in assignment.questions.items()}
    return Result(
        submission.student,
        submission.file,
        fingerprint,
        status,
        message,
        questions,
        assignment.fingerprint,
        kind,
    )


def grade(
    submissions: list[Submission],
    assignment: Assignment,
    to: Path,
    *,
    kind: str = "bubblewrap",
    jobs: int = 2,
    regrade: bool = False,
    question: str | None = None,
    manual: Path | None = None,
    progress: Callable[[Result, bool], None] = lambda result, kept: None,
) -> list[Result]:
    """Grade submissions and write `to` (CSV) and the JSON file beside it.

    What was graded before, and has not changed, is kept: an interrupted run goes on, and students
    who are not among these submissions stay in the files.

    Args:
        submissions: from `submission.find`.
        assignment: the master.
        to: the CSV file.
        kind: the sandbox, "bubblewrap" or "none".
        jobs: notebooks at a time.
        regrade: grade all of them, changed or not.
        question: take only this question's points from the new run; the others stay.
        manual: a CSV file of points given by hand.
        progress: is called with each result, and whether it was kept from before.

    Raises:
        CourseError: if nothing can be graded; what is wrong with one submission is in its result.
    """
    isolation.probe(kind)
    if question and question not in assignment.questions:
        raise CourseError(f"no question {question}: there are {', '.join(assignment.questions)}")
    given = read_manual(manual, assignment) if manual else []
    to.parent.mkdir(parents=True, exist_ok=True)
    gradebook = Gradebook(to.with_suffix(".json"), assignment, kind)
    named = {submission.student for submission in submissions} | set(gradebook.old)
    if unknown := {student for student, *_ in given} - named:
        raise CourseError(f"{manual}: no submission of {', '.join(sorted(unknown))}")
    kept = {} if regrade or question else {s.student: gradebook.done(s) for s in submissions}
    for result in filter(None, kept.values()):
        gradebook.add(result)
        progress(result, True)
    todo = [s for s in submissions if not kept.get(s.student)]
    if todo:
        _grade_all(
            todo, assignment, kind, jobs, lambda r: (gradebook.add(r, question), progress(r, False))
        )
    for student, name, points, comment in given:
        result = gradebook.results[student]
        of = result.questions[name].of
        result.questions[name] = Mark(points, of, [comment] if comment else [], manual=True)
    gradebook.write()
    results = [result for _, result in sorted(gradebook.results.items())]
    write_csv(to, results, assignment.questions)
    return results


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


def detect(paths: list[str], pages: list[Page]) -> Page:
    """Which chapter's assignment the submissions are, by their titles or their folders' names.

    Raises:
        CourseError: if that is not clear.
    """
    found = set()
    titles = {}
    if missing := [path for path in paths if not Path(path).exists()]:
        raise CourseError(f"{missing[0]}: no such file or folder")
    for page in pages:
        titles[Assignment(page).solution.metadata.aimodels.title] = page
    for text in paths:
        path = Path(text)
        files = path.rglob("*.ipynb") if path.is_dir() else [path]
        for file in files:
            named = [page for page in pages if page.chapter in file.parts]
            found.update(named or filter(None, [titles.get(_title(file))]))
    if len(found) == 1:
        return found.pop()
    names = ", ".join(page.chapter for page in pages)
    which = "several chapters" if found else "no known chapter"
    raise CourseError(f"these are submissions of {which}: say which with --chapter ({names})")


def _title(file: Path) -> str | None:
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > 2**24:
            return None
        title = json.loads(file.read_bytes())["metadata"]["aimodels"]["title"]
        return title if isinstance(title, str) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
