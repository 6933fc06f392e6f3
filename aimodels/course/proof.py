"""Prove an assignment by grading it: the solution gets every point, the untouched copy none, and
each wrong answer exactly the points it should, without costing another question any.

A wrong answer is not put to tests that cannot notice it: training the last question's model once
for every wrong answer to the first would take most of the time, and prove nothing. Nor is it graded
again while nothing has changed that its points rest on: see `proven`.
"""

import ast
import symtable
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from nbformat import NotebookNode

from aimodels.course import sandbox
from aimodels.course.assignment import Assignment, Test, role
from aimodels.course.grade import Reference, grade_cells
from aimodels.course.notebooks import Page
from aimodels.course.proven import Proven
from aimodels.course.wrong import wrong_answers


def noticing(assignment: Assignment, question: str, source: str) -> list[Test]:
    """The tests that may notice another answer to a question: its own, and those in whose code a
    name stands that the answer makes or changes, itself or by way of a locked cell or an answer.

    What is hidden in a library, such as Keras's global policy, has no name and is not followed.
    """
    cells = [cell for cell in assignment.solution.cells if cell.cell_type == "code"]
    modules = set().union(*(_imported(cell.source) for cell in cells))
    try:
        names = _touched(source, modules)
    except SyntaxError:  # the answer makes nothing at all, and anything may miss it
        return assignment.tests
    tests = {test.id: test for test in assignment.tests}
    found = []
    for cell in cells:
        nodes = ast.walk(ast.parse(cell.source))
        reached = any(isinstance(node, ast.Name) and node.id in names for node in nodes)
        if cell.id in tests:
            if reached or tests[cell.id].question == question:
                found.append(tests[cell.id])
        elif reached or cell.id == question:
            names |= _touched(cell.source, modules)
    return found


def _imported(source: str) -> set[str]:
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_imported()}


def _touched(source: str, modules: set[str]) -> set[str]:
    """The names outside of functions and classes, but for modules, unless a part is replaced."""
    names = set(symtable.symtable(source, "cell", "exec").get_identifiers()) - modules
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names


def _handed_in(assignment: Assignment, answers: dict[str, str]) -> list[NotebookNode]:
    """The student's copy, with these answers written into it."""
    cells = []
    for cell in assignment.read_copy().cells:
        source = answers.get(cell.id, cell.source)
        facts = {"cell_type": cell.cell_type, "id": cell.id, "grade_id": cell.id}
        cells.append(NotebookNode(facts | {"source": source}))
    return cells


def prove(
    page: Page,
    kind: str,
    jobs: int = 2,
    progress: Callable[[bool], None] = lambda graded: None,
    again: bool = False,
    keep: bool = False,
) -> Iterator[str]:
    """What is not as it should be with this assignment's grades.

    Args:
        page: the assignment.
        kind: the sandbox, "bubblewrap" or "none" (these answers are the course's own).
        jobs: answers at a time.
        progress: is called for each answer: was it graded, or proven before and unchanged?
        again: grade every answer, also those that are proven and unchanged.
        keep: write down what is proven now.
    """
    assignment = Assignment(page)
    answers = wrong_answers(assignment)
    cancelled = threading.Event()
    reference = Reference(assignment, kind, cancelled)
    right = {cell.id: cell.source for cell in assignment.solution.cells if role(cell) == "answer"}
    full = assignment.questions
    every = assignment.tests
    proven, fingerprints = Proven(assignment), {}
    cases = [(f"{page.source}: the solution", right, full, every)]
    cases += [(f"{assignment.copy_path}: the untouched copy", {}, dict.fromkeys(full, 0.0), every)]
    for answer in answers:
        name = f"{answer.place}: {answer.question}, {answer.title}"
        changed = right | {answer.question: answer.source}
        tests = noticing(assignment, answer.question, answer.source)
        wanted = dict.fromkeys(full, 0.0)
        for test in tests:
            wanted[test.question] += test.points
        wanted[answer.question] = answer.points
        fingerprint = proven.fingerprint(wanted, answer.source, tests)
        fingerprints[name] = fingerprint, f"{answer.question}, {answer.title}"
        if again or not proven.holds(fingerprint):
            cases.append((name, changed, wanted, tests))
        else:
            progress(False)

    def run(case: tuple[str, dict[str, str], dict[str, float], list[Test]]) -> str:
        name, sources, wanted, tests = case
        cells = _handed_in(assignment, sources)
        status, message, marks = grade_cells(cells, assignment, reference, kind, cancelled, tests)
        got = {question: mark.points for question, mark in marks.items()}
        wrong = [f"{q} {got[q]:g}, wanted {wanted[q]:g}" for q in got if got[q] != wanted[q]]
        progress(True)
        if wrong:
            fingerprints.pop(name, None)
        return f"{name}: {'; '.join(wrong)} ({status}) {message}".strip() if wrong else ""

    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from filter(None, pool.map(run, cases))
        except BaseException:
            cancelled.set()
            pool.shutdown(cancel_futures=True)
            raise
    if keep:
        proven.keep(dict(fingerprints.values()))


def available() -> str:
    """The best sandbox that works here: the answers proven here are trusted."""
    try:
        sandbox.probe("bubblewrap")
    except sandbox.SandboxError:
        return "none"
    return "bubblewrap"
