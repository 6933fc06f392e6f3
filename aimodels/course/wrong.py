"""The wrong answers of an assignment, which must lose the points that their titles say.

Each stands in `course/NN_name/wrong/` behind a title, in full or as what it changes in the
solution:

    # %% q3, 5 of 15 points: knows only the visible size
    def global_average_pool(y):
        return y.reshape(len(y), 6, -1).mean(axis=1)


    # %% q3, 0 of 15 points: adds up
    # replace:
    #     return np.asarray(y).mean(axis=(1, 2))
    # with:
    #     return np.asarray(y).sum(axis=(1, 2))

The lines stand as in the solution, behind `# `. They are whole lines, which the solution (without
its docstrings) has exactly once; an answer may replace several places, one behind the other.
"""

import ast
import re
from dataclasses import dataclass

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment, role

WRONG_ANSWERS = 3  # a question, at least
_TITLE = re.compile(r"# %% (q\d+), (\d+(?:\.\d+)?) of (\d+(?:\.\d+)?) points: (.+)")
_MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")


@dataclass(frozen=True)
class Answer:
    """A wrong answer: its question, the points it should get, what is wrong, where it stands."""

    question: str
    points: float
    title: str
    source: str
    place: str


def wrong_answers(assignment: Assignment) -> list[Answer]:
    """The wrong answers in the chapter's folder `wrong/`.

    Raises:
        CourseError: a title is not of the form above, a question has fewer than three answers, or
            lines to be replaced are not in the solution exactly once. All problems in one message.
    """
    folder = assignment.page.source.parent / "wrong"
    solutions = {
        cell.id: _bare(cell.source) for cell in assignment.solution.cells if role(cell) == "answer"
    }
    answers, problems = [], []
    for path in sorted(folder.glob("*.py")):
        parts = re.split(r"(?m)^(?=# %%)", path.read_text(encoding="utf-8"))
        line = 1 + parts[0].count("\n")
        for part in parts[1:]:
            title = _TITLE.fullmatch(part.partition("\n")[0])
            place = f"{path}:{line}"
            line += part.count("\n")
            if not title or float(title[3]) != assignment.questions.get(title[1]):
                wanted = ", ".join(f"{q} of {p:g}" for q, p in assignment.questions.items())
                problems.append(
                    f"{place}: wanted `# %% qN, POINTS of ALL points: TITLE` ({wanted})"
                )
                continue
            source = part.partition("\n")[2].strip()
            try:
                if source.startswith("# replace:"):
                    source = _replaced(solutions[title[1]], source)
            except CourseError as error:
                problems.append(f"{place}: {error}")
            answers.append(Answer(title[1], float(title[2]), title[4], source, place))
    for question in assignment.questions:
        if (count := sum(answer.question == question for answer in answers)) < WRONG_ANSWERS:
            problems.append(
                f"{folder}: {count} wrong answers to {question}, wanted {WRONG_ANSWERS}"
            )
    if problems:
        raise CourseError("\n".join(problems))
    return answers


def _bare(source: str) -> list[str]:
    """The lines of a solution, without its markers and docstrings."""
    lines = source.splitlines()
    dropped = {number for number, line in enumerate(lines) if line.strip() in _MARKERS}
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # the rules name it
        nodes = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            dropped |= set(range(node.body[0].lineno - 1, node.body[0].end_lineno))
    return [line for number, line in enumerate(lines) if number not in dropped]


def _replaced(solution: list[str], changes: str) -> str:
    """The solution after the changes, blocks of `# replace:` and `# with:`."""
    blocks: list[tuple[str, list[str]]] = []
    for line in changes.splitlines():
        if line in ("# replace:", "# with:"):
            blocks.append((line, []))
        elif line.startswith("# ") or line == "#":
            blocks[-1][1].append(line[2:])
        elif line:
            raise CourseError(f"behind `# replace:` every line is a comment; got {line!r}")
    if [kind for kind, _ in blocks] != ["# replace:", "# with:"] * (len(blocks) // 2):
        raise CourseError("each `# replace:` is followed by one `# with:`")
    for (_, old), (_, new) in zip(blocks[::2], blocks[1::2], strict=True):
        places = [i for i in range(len(solution)) if old and solution[i : i + len(old)] == old]
        if len(places) != 1:
            shown = "\n".join(old)
            raise CourseError(
                f"the lines to replace stand {len(places)} times in the solution, wanted once "
                f"(whole lines, indented as there, without docstrings):\n{shown}"
            )
        solution = [*solution[: places[0]], *new, *solution[places[0] + len(old) :]]
    return "\n".join(solution).strip()
