"""Run a notebook's cells in a sandbox, and mark outside of it what they have recorded."""

import builtins
import json
import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from nbformat import NotebookNode

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment, Limits, Step, Test
from aimodels.course.gradebook import Mark
from aimodels.course.questions import TOO_LARGE, UNANSWERED
from aimodels.course.sandbox import Kernel, Stopped
from aimodels.course.submission import absent, as_code, compose
from aimodels.course.verdict import judge

_RECORDS = "__import__('aimodels.course.questions').course.questions.check.records()"
# Python 3.11 counts the depth of all threads' syntax trees together, and raises a SystemError.
PARSING = threading.Lock()


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
        with PARSING:
            steps = assignment.reference_steps()
        outcome = run(steps, assignment.limits, kind, cancelled)
        where = assignment.page.source
        if outcome.status != "ok" or outcome.broken:
            what = outcome.message or ", ".join(
                f"{n} raised {e}" for n, e in outcome.broken.items()
            )
            raise CourseError(f"{where}: the solution does not run: {what}")
        self.expected: dict[str, list[dict]] = {}
        self.given: dict[str, dict[int, list[str]]] = {}
        for test in assignment.tests:
            data = _parse(outcome.records.get(test.id, ""))
            if data["error"]:  # then everything behind it would go untested
                raise CourseError(f"{where}: {test.id} stops: {data['error']}")
            records = data["records"]
            given = self.given[test.id] = {}
            for record in records:
                if "given" in record:
                    given.setdefault(record["site"], []).append(json.dumps(record["given"]))
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
    """Status, message and marks of a notebook's cells, as `reading.read` gives them.

    With `tests` only these are run and marked.
    """
    tests = assignment.tests if tests is None else tests
    with PARSING:
        cells, said = as_code(cells, assignment)
        steps, restored = compose(cells, assignment, reference.given)
        missing = absent(cells, assignment)
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
    if missing:
        named = ", ".join(question[1:] for question in missing)
        said.append(
            f"No cell of question {named} is in the notebook: compare it with the assignment as it "
            "is now; it may come from an older copy."
        )
    if restored:
        said.append(f"Test cells put back as they were: {', '.join(restored)}.")
    return outcome.status, " ".join(filter(None, [outcome.message, *said])), questions


def _question(step: Step) -> str:
    return step.name.partition("_")[0]


def _place(step: Step) -> str:
    """A student's cell in words."""
    place = f"Code cell {step.own} of your notebook" if step.own else "The cell taken as code"
    return f"{place}, your answer to question {_question(step)[1:]}," if step.name else place
