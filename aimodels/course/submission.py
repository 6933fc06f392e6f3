"""Submissions as they arrive: files that nobody can vouch for.

A file is looked at before it is read, read as text only, and taken apart into plain strings. Then
every locked cell and every test is put back from the master, in its place, exactly once.
"""

import ast
import re
import warnings

from nbformat import NotebookNode

from aimodels.course.assignment import Assignment, Step, facts_of, role
from aimodels.course.recording import recording


def compose(
    cells: list[NotebookNode], assignment: Assignment, given: dict[str, dict[int, list[str]]]
) -> tuple[list[Step], list[str]]:
    """What to run for a submission: the student's own cells, and the master's in their places.

    Own cells keep their order. A locked cell or a test runs where the student's copy of it stands,
    but never before the answer that it is about; if the copy is lost, right behind that answer.
    The student's versions of locked cells never run, duplicates neither.

    Args:
        cells: of the submission, from `read`.
        assignment: the master.
        given: for each test the data of its `check.given` calls, from the grader's own run.

    Returns:
        The steps, and the names of the locked cells that were changed or lost.
    """
    master = [cell for cell in assignment.solution.cells if cell.cell_type == "code"]
    places, own = _recognise(cells, assignment)
    tests = {test.id: test for test in assignment.tests}
    copies = {cell.id: cell.source.strip() for cell in assignment.read_copy().cells}
    steps: list[Step] = []
    restored: list[str] = []
    emitted, reach = 0, -1

    number = {i: n for n, i in enumerate(_code(cells), 1)}

    def emit(until: int) -> None:
        nonlocal emitted
        for i, answer in list(own.items())[emitted:]:
            if i <= until:
                steps.append(Step(cells[i].source, answer, own=number.get(i, 0)))
                emitted += 1

    for cell in master:
        if role(cell) == "answer":
            behind = [places[c.id] for c in _next_locked(master, cell) if c.id in places]
            if cell.id in places:
                reach = max(reach, places[cell.id])
            elif behind:  # it may be anywhere before the first of its tests
                reach = max(reach, min(behind) - 1)
            else:
                reach = len(cells)
        elif role(cell) in ("test", "locked"):
            place = places.get(cell.id)
            if place is None or cells[place].source.strip() != copies.get(cell.id):
                restored.append(cell.id)
            reach = max(reach, -1 if place is None else place)
            emit(reach)
            test = tests.get(cell.id)
            source = cell.source
            if test:
                source = recording(source, given.get(cell.id, {}), assignment.answers)
            steps.append(Step(source, cell.id, test))
    emit(len(cells))
    return steps, restored


def as_code(
    cells: list[NotebookNode], assignment: Assignment
) -> tuple[list[NotebookNode], list[str]]:
    """Answers that stand in a Markdown or raw cell become code; one key in JupyterLab does that.

    Returns:
        The cells, and for each such answer a sentence for the student.
    """
    wanted = _names_wanted(assignment)
    places, _ = _recognise(cells, assignment)
    cells, said = list(cells), []
    for position, cell in enumerate(cells):
        if cell.cell_type == "code" or not cell.source.strip():
            continue
        code = re.sub(r"\A\s*```\w*\n|\n?```\s*\Z", "", cell.source)
        name = next((n for n in (cell.grade_id, cell.id) if n in wanted), None)
        defined = definitions(code) if parse(code) else set()
        name = name or next((n for n, names in wanted.items() if names & defined), None)
        if name is None or name in places:
            continue
        where = f"The answer to question {name.removeprefix('q')} stands in a {cell.cell_type} cell"
        if wanted[name] and not wanted[name] & defined:
            said.append(f"{where}, without code that could be run.")
        else:
            cells[position] = NotebookNode(cell, cell_type="code", source=code, was=cell.cell_type)
            places[name] = position
            said.append(f"{where}: it was taken as code.")
    return cells, said


def answers(cells: list[NotebookNode], assignment: Assignment) -> dict[str, str]:
    """What the student wrote for each question: the text of the recognised answers."""
    _, own = _recognise(cells, assignment)
    texts: dict[str, list[str]] = {}
    for position, answer in own.items():
        if answer:
            texts.setdefault(answer.partition("_")[0], []).append(cells[position].source)
    return {question: "\n\n".join(parts) for question, parts in texts.items()}


def absent(cells: list[NotebookNode], assignment: Assignment) -> list[str]:
    """Questions of which no cell stands in the notebook, as in a copy of an older assignment."""
    places, _ = _recognise(cells, assignment)
    present = {name.partition("_")[0] for name in places}
    return [question for question in assignment.questions if question not in present]


def _code(cells: list[NotebookNode]) -> list[int]:
    """The positions of what the student sees as code cells, if they hold something."""
    return [
        i
        for i, c in enumerate(cells)
        if c.cell_type == "code" and c.source.strip() and "was" not in c
    ]


def _next_locked(master: list[NotebookNode], answer: NotebookNode) -> list[NotebookNode]:
    """The locked cells between this answer and the next."""
    found = []
    for cell in master[master.index(answer) + 1 :]:
        if role(cell) == "answer":
            break
        found.append(cell)
    return found


def _recognise(
    cells: list[NotebookNode], assignment: Assignment
) -> tuple[dict[str, int], dict[int, str]]:
    """Where each of the master's cells stands, and the student's own cells, with their answer.

    By nbgrader's grade_id, by the cell's id, by the text of the student's copy, and an answer at
    last by the names that it must define. An assigned name tells less than a `def` or a `class`,
    because a student may call a result so, too: it counts only if nothing else is the answer.
    """
    ours = {cell.id: cell for cell in assignment.solution.cells if facts_of(cell)}
    by_text = {
        cell.source.strip(): cell.id
        for cell in assignment.read_copy().cells
        if cell.id in ours and cell.source.strip()
    }
    wanted = _names_wanted(assignment)
    places: dict[str, int] = {}
    own: dict[int, str] = {}
    for position, cell in enumerate(cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        name = next((n for n in (cell.grade_id, cell.id) if n in ours), None)
        name = name or by_text.get(cell.source.strip())
        if name is None:
            defined = definitions(cell.source, assigned=False)
            name = next((n for n, names in wanted.items() if names & defined), None)
        if name is None or role(ours[name]) == "answer":
            own[position] = name or ""
        if name is not None:
            # Of a duplicated test the first place counts; of an answer the last, as when it runs.
            if role(ours[name]) == "answer":
                places[name] = position
            else:
                places.setdefault(name, position)
    lost = {name: names for name, names in wanted.items() if name not in places}
    for position in [position for position, name in own.items() if not name]:
        defined = definitions(cells[position].source)
        if name := next((n for n, names in lost.items() if names & defined), None):
            own[position], places[name] = name, position
    return places, own


def _names_wanted(assignment: Assignment) -> dict[str, set[str]]:
    """For each answer the names that it must define: those that the tests use."""
    code = [cell for cell in assignment.solution.cells if cell.cell_type == "code"]
    used = {
        node.id
        for cell in code
        if role(cell) in ("test", "locked") and (tree := parse(cell.source))
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    given = {name for c in code if role(c) == "locked" for name in definitions(c.source)}
    return {c.id: definitions(c.source) & used - given for c in code if role(c) == "answer"}


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def definitions(source: str, assigned: bool = True) -> set[str]:
    """The names that a cell binds when it runs: functions, classes, assigned names, imports.

    With `assigned=False` functions and classes alone.

    Example:
        >>> sorted(definitions("class A: b = 1\\ndef f(x): y = x\\nif True:\\n    g = h = f"))
        ['A', 'f', 'g', 'h']
    """
    tree = parse(source)
    if tree is None:  # a name at the start of a line is all that can be known
        pattern = r"^(?:async def|def|class) (\w+)|^(\w+)(?: *:[^=\n]*)? *=(?!=)"
        found = re.findall(pattern, source, re.MULTILINE)
        return {name or other for name, other in found if name or assigned}
    found: set[str] = set()
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, _SCOPES):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom) and assigned:
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and assigned:
            found.add(node.id)
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp):
            left += ast.iter_child_nodes(node)
    return found


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell without IPython's commands, or None."""
    plain = re.sub(r"^[ \t]*[%!].*$", "", source, flags=re.MULTILINE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python says of a student's "\\d"
            return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
