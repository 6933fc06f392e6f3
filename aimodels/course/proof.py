"""Prove an assignment by grading it: the solution gets every point, the untouched copy none, and
each wrong answer exactly the points it should, without costing another question any.

A wrong answer is not put to tests that cannot notice it: training the last question's model once
for every wrong answer to the first would take most of the time, and prove nothing. Nor is it graded
again while nothing has changed that its points rest on: see `fingerprints` and `passed`.
"""

import ast
import functools
import symtable
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from nbformat import NotebookNode

from aimodels.course import CourseError, forked, isolation
from aimodels.course.assignment import Assignment, Test, role
from aimodels.course.fingerprints import JUDGE, Fingerprints
from aimodels.course.marking import Reference, grade_cells
from aimodels.course.notebooks import Page, code_cells
from aimodels.course.passed import Passed
from aimodels.course.wrong import wrong_answers


def noticing(assignment: Assignment, question: str, source: str) -> list[Test]:
    """The tests that may notice another answer to a question: its own, and those in whose code a
    name stands that the answer makes or changes, itself or by way of a locked cell or an answer.

    What is hidden in a library, such as Keras's global policy, has no name and is not followed.
    """
    cells = [cell for cell in assignment.solution.cells if cell.cell_type == "code"]
    modules = frozenset().union(*(_imported(cell.source) for cell in cells))
    try:
        names = set(_touched(source, modules))
    except SyntaxError:  # the answer makes nothing at all, and anything may miss it
        return assignment.tests
    tests = {test.id: test for test in assignment.tests}
    found = []
    for cell in cells:
        reached = not names.isdisjoint(_used(cell.source))
        if cell.id in tests:
            if reached or tests[cell.id].question == question:
                found.append(tests[cell.id])
        elif reached or cell.id == question:
            names |= _touched(cell.source, modules)
    return found


@functools.cache
def _used(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


@functools.cache
def _imported(source: str) -> set[str]:
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_imported()}


@functools.cache
def _touched(source: str, modules: frozenset[str]) -> set[str]:
    """The names outside of functions and classes, but for modules, unless a part is replaced."""
    names = set(symtable.symtable(source, "cell", "exec").get_identifiers()) - modules
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names


@dataclass(frozen=True)
class Case:
    """Answers to hand in, the tests to put them to, and the points that they should get."""

    name: str
    answers: dict[str, str]
    wanted: dict[str, float]
    tests: list[Test]


class Proof:
    """The cases of one assignment, each with the name under which `passed` keeps it.

    Raises:
        CourseError: as `wrong_answers`; or if two answers to a question have the same title.
    """

    def __init__(self, page: Page, kind: str, cancelled: threading.Event, prints: Fingerprints):
        self.page, self.kind, self.cancelled = page, kind, cancelled
        self.assignment = assignment = Assignment(page)
        self.copy = {cell.id: cell.source for cell in assignment.read_copy().cells}
        self._started = threading.Lock()
        master = assignment.solution.cells
        self.right = {cell.id: cell.source for cell in master if role(cell) == "answer"}
        full, every = assignment.questions, assignment.tests
        none = dict.fromkeys(full, 0.0)
        self.cases = {
            "the solution": Case(f"{page.source}: the solution", self.right, full, every),
            "the untouched copy": Case(
                f"{assignment.copy_path}: the untouched copy", {}, none, every
            ),
        }
        for answer in wrong_answers(assignment):
            tests = noticing(assignment, answer.question, answer.source)
            wanted = dict(none)
            for test in tests:
                wanted[test.question] += test.points
            wanted[answer.question] = answer.points
            item = f"{answer.question}, {answer.title}"
            name = f"{answer.place}: {item}"
            if item in self.cases:
                raise CourseError(f"{name}: another answer to this question has the same title")
            answers = self.right | {answer.question: answer.source}
            self.cases[item] = Case(name, answers, wanted, tests)
        self.cases = {f"{page.chapter} {item}": case for item, case in self.cases.items()}
        self.fingerprints = {i: self.fingerprint(case, prints) for i, case in self.cases.items()}

    def fingerprint(self, case: Case, prints: Fingerprints) -> str:
        """Changes with everything that the points of this case rest on."""
        left_out = {test.id for test in self.assignment.tests} - {test.id for test in case.tests}
        cells = [c for _, c in code_cells(self.assignment.solution) if c.id not in left_out]
        answers = {i: a for i, a in (self.copy | case.answers).items() if i in self.right}
        other = {i: a for i, a in answers.items() if a != self.right[i]}
        facts = [vars(self.assignment.limits), case.wanted, [c.id for c in cells], [*other]]
        return prints.of_program([cell.source for cell in cells] + [*other.values()], facts, JUDGE)

    def reference(self) -> Reference:
        """What each test expects: the solution is run once, when it is needed."""
        with self._started:
            return self._reference

    @cached_property
    def _reference(self) -> Reference:
        return Reference(self.assignment, self.kind, self.cancelled)

    def grade(self, item: str) -> str:
        """What is wrong with the points of a case."""
        case = self.cases[item]
        cells = [
            NotebookNode(
                cell_type=cell.cell_type,
                id=cell.id,
                grade_id=cell.id,
                source=case.answers.get(cell.id, cell.source),
            )
            for cell in self.assignment.read_copy().cells
        ]
        wrong_answer = case.answers and case.answers != self.right
        kind = "forked" if wrong_answer and forked.available() else self.kind
        status, message, marks = grade_cells(
            cells, self.assignment, self.reference(), kind, self.cancelled, case.tests
        )
        got = {question: mark.points for question, mark in marks.items()}
        wrong = [f"{q} {got[q]:g}, wanted {p:g}" for q, p in case.wanted.items() if got[q] != p]
        return f"{case.name}: {'; '.join(wrong)} ({status}) {message}".strip() if wrong else ""


def prove(
    pages: Iterable[Page],
    kind: str,
    jobs: int = 2,
    progress: Callable[[str, str], None] = lambda item, outcome: None,
    regrade: bool = False,
    record: bool = False,
    deadline: float | None = None,
    drawn: float | None = None,
) -> Iterator[str]:
    """What is not as it should be with the grades of these assignments.

    Args:
        pages: the assignments.
        kind: the sandbox, "bubblewrap" or "none" (these answers are the course's own).
        jobs: answers at a time.
        progress: is called for each answer with "graded"; "kept" if it passed before, and nothing
            has changed since; or "owed" if no time was left for it.
        regrade: grade every answer, also those that passed and are unchanged.
        record: write down what passed, and what is owed.
        deadline: when to begin no other answer, in seconds since 1970.
        drawn: minutes for answers that only the commit draws; None for as long as they take.
    """
    pages = list(pages)
    cancelled = threading.Event()
    prints = Fingerprints(pages[0].root)
    proofs = {page.chapter: Proof(page, kind, cancelled, prints) for page in pages}
    home = {item: proof for proof in proofs.values() for item in proof.cases}
    fingerprints = {item: proof.fingerprints[item] for item, proof in home.items()}
    passed = Passed(pages[0].root, "answers", regrade, deadline, drawn)
    order = passed.order(fingerprints)
    outcomes: dict[str, bool] = {}

    def owed(left: Iterable[str]) -> list[str]:
        return passed.owed(left, fingerprints)

    def run(item: str) -> str:
        if not passed.in_time(item):
            progress(item, "owed" if owed([item]) else "kept")
            return ""
        start = time.monotonic()
        problem = home[item].grade(item)
        passed.spend(item, (time.monotonic() - start) / jobs)
        if not cancelled.is_set():  # what was cut short has got no points, and says nothing
            outcomes[item] = not problem
        progress(item, "graded")
        return problem

    for item in fingerprints.keys() - {*order}:
        progress(item, "kept")
    try:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield from filter(None, pool.map(run, order))
            except BaseException:
                cancelled.set()
                pool.shutdown(cancel_futures=True)
                raise
    finally:  # a run that is stopped keeps what it has graded, and owes the rest
        if record:
            left = owed(item for item in order if item not in outcomes)
            passed.record(fingerprints, outcomes, left, lambda i: i.partition(" ")[0] in proofs)


def available() -> str:
    """The best sandbox that works here: the answers proven here are trusted."""
    try:
        isolation.probe("bubblewrap")
    except isolation.SandboxError:
        return "none"
    return "bubblewrap"
