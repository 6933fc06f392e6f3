"""What is wrong with a source, and whether a committed notebook is what its source gives: all
without running anything.
"""

import ast
import json
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from nbformat import NotebookNode

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment, role
from aimodels.course.leaks import leaks
from aimodels.course.notebooks import (
    ALONE,
    BUILT,
    IGNORED,
    Page,
    code_cells,
    digest,
    output_digests,
    read_notebook,
    read_source,
    source_lines,
)
from aimodels.course.slicing import calls
from aimodels.course.wrong import wrong_answers

START = r"import aimodels\n\naimodels\.start\(seed=\d+\)"
IGNORED_SHARE = 0.15
MEDIAN_LINES, MOST_LINES, TEST_LINES = 8, 30, 40
WORDS_A_LINE = (5, 8)
LESSON_SECONDS, CELL_SECONDS = 180, 60
PICTURES = 3
FRONT_MATTER = {
    "lesson": {"title": str, "goals": list, "prerequisites": list, "minutes": int, "repairs": list},
    "exercises": {"title": str},
    "assignment": {"title": str, "minutes": int, "repairs": list, "limits": dict},
    ALONE: {"title": str, "minutes": int},
}
# A reader of a second language: words a minute, seconds for a line of code and for a picture.
READING = (120, 6, 30)
WRITING = 90  # seconds for a line of a solution, finding it included
QUESTIONS = 6
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
NOT_READ = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n.*?### END \1", re.DOTALL)
POINTS = 100
PROMISES = {"lesson": ["You will be able to"], "assignment": [f"{POINTS} points"]}
_REFERENCE = r'<a id="([^"]+)"></a>((?:.|\n(?!\s*[-\n]))*)'
_CITATION = r"\]\(#([a-z]+\d{4}\w*)\)"

# The cell's position, if it is about one cell, the message, and the line in that cell, if known.
Problems = Iterator[tuple[int | None, str] | tuple[int, str, int]]


def agrees(page: Page, notebook: NotebookNode) -> Problems:
    """Every cell of the notebook is the source's, and its outputs are those it was built with."""
    source = read_source(page)
    rebuild = f"rebuild it with `aimodels course build {page.chapter}`"
    if len(source.cells) != len(notebook.cells):
        counts = f"{len(source.cells)} cells in the source, {len(notebook.cells)} in the notebook"
        yield None, f"{counts}: {rebuild}"
    for position, (ours, theirs) in enumerate(zip(source.cells, notebook.cells, strict=False)):
        same = all(
            ours.get(key) == theirs.get(key) for key in ("id", "cell_type", "source", "metadata")
        )
        if not same:
            yield position, f"the notebook's cell differs from the source's: {rebuild}"
    built = _built(notebook)
    if built.get("source") != digest(page.source.read_text(encoding="utf-8")):
        yield None, f"the source has changed since the notebook was built: {rebuild}"
    now, then = output_digests(notebook), built.get("outputs", {})
    for position, cell in enumerate(notebook.cells):
        if now.get(cell.id) != then.get(cell.id):
            yield position, f"its stored output is not what the build wrote: {rebuild}"


def _built(notebook: NotebookNode) -> dict:
    """What the build noted in the notebook; empty if another program wrote it."""
    return notebook.metadata.get("aimodels", {}).get(BUILT, {})


def executed(page: Page, notebook: NotebookNode) -> Problems:
    """Every code cell ran, in order, without a line on stderr or an unplanned exception."""
    for count, (position, cell) in enumerate(code_cells(notebook), 1):
        if cell.execution_count != count:
            yield position, f"execution count {cell.execution_count}, expected {count}"
        tags = cell.metadata.get("tags", [])
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield position, "stderr is stored"
            if output.output_type == "error" and "raises-exception" not in tags:
                yield position, f"it raised {output.ename} without the tag raises-exception"


def parsed(page: Page, notebook: NotebookNode) -> Problems:
    """Every code cell is Python, or what IPython makes Python of."""
    for position, cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            from IPython.core.inputtransformer2 import TransformerManager

            try:
                ast.parse(TransformerManager().transform_cell(cell.source))
            except SyntaxError:
                yield position, f"this is not Python: {error.msg}", error.lineno or 1


def written(page: Page, notebook: NotebookNode) -> Problems:
    """Nothing of a skeleton is left."""
    for position, cell in enumerate(notebook.cells):
        for number, line in enumerate(cell.source.splitlines(), 1):
            if "TODO" in line:
                yield position, f"to be written: {line.strip(' #')}", number


def compared(page: Page, notebook: NotebookNode) -> Problems:
    """Few cells escape the comparison of outputs, and each is followed by an assertion."""
    cells = list(code_cells(notebook))
    ignored = [index for index, (_, c) in enumerate(cells) if IGNORED in c.metadata.get("tags", [])]
    if len(ignored) > IGNORED_SHARE * len(cells):
        yield None, f"{len(ignored)} of {len(cells)} code cells ignore their output: at most 15 %"
    for position, cell in cells:
        if re.search(r"#\s*NBVAL_(IGNORE_OUTPUT|SKIP)", cell.source):
            yield position, f"use the tag {IGNORED}, not a comment; never skip a cell"
        if "nbval-skip" in cell.metadata.get("tags", []):
            yield position, "no cell may be skipped"
    for index in ignored:
        following = cells[index + 1][1].source if index + 1 < len(cells) else ""
        if not re.search(r"^\s*(assert |claim\()", following, re.MULTILINE):
            yield cells[index][0], "its output is ignored, so the next code cell must assert it"


def front_matter(page: Page, notebook: NotebookNode) -> Problems:
    """The header says what the lesson gives and needs, and its first cell shows the same."""
    facts = notebook.metadata.get("aimodels", {})
    for key, kind in FRONT_MATTER[page.kind].items():
        if not isinstance(facts.get(key), kind):
            yield None, f"front matter: {key} is missing or is not of type {kind.__name__}"
            return
    for name in facts.get("prerequisites", []):
        if not re.fullmatch(r"\d\d_[a-z0-9_]+", name) or name >= page.chapter:
            yield None, f"front matter: {name!r} is not the name of an earlier chapter"
    first = notebook.cells[0].source if notebook.cells else ""
    if not first.startswith(f"# {facts['title']}\n"):
        yield 0, f"the first cell does not start with the title, # {facts['title']}"
    wanted = [f"About {facts['minutes']} minutes"] if "minutes" in facts else []
    wanted += PROMISES.get(page.kind, [])
    wanted += [*facts.get("goals", []), *facts.get("prerequisites", [])]
    wanted += [re.sub(r"^(\d+)-", r"\1 §", repair) for repair in facts.get("repairs", [])]
    shown = " ".join(first.split())  # whatever the line breaks
    for text in wanted:
        if text not in shown:
            yield 0, f"the first cell does not say {text!r}"
    start = next((cell.source for _, cell in code_cells(notebook)), "")
    if page.kind != "assignment" and not re.fullmatch(START, start):
        yield None, "the first code cell is not `import aimodels` and `aimodels.start(seed=…)`"


def _prose_words(notebook: NotebookNode) -> int:
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", " formula ", text, flags=re.DOTALL)
    return len(re.findall(r"[^\W_]+(?:['’.-][^\W_]+)*", text))


def _code_lines(source: str) -> int:
    return sum(1 for line in source.splitlines() if line.strip())


def rhythm(page: Page, notebook: NotebookNode) -> Problems:
    """Short cells, enough prose and no more."""
    lines = {position: _code_lines(cell.source) for position, cell in code_cells(notebook)}
    if not lines:
        yield None, "there is no code in it"
        return
    for position, count in lines.items():
        most = TEST_LINES if role(notebook.cells[position]) == "test" else MOST_LINES
        if count > most:
            yield position, f"{count} lines: at most {most}"
    if page.kind != "lesson":
        return
    if (median := statistics.median(lines.values())) > MEDIAN_LINES:
        yield None, f"the median code cell has {median} lines: at most {MEDIAN_LINES}"
    ratio = _prose_words(notebook) / sum(lines.values())
    low, high = WORDS_A_LINE
    if not low <= ratio <= high:
        yield None, f"{ratio:.1f} words of prose a line of code: between {low} and {high}"


def pictured(page: Page, notebook: NotebookNode) -> Problems:
    """Enough pictures to learn from."""
    if page.kind == "lesson" and (pictures := _pictures(notebook)) < PICTURES:
        yield None, f"{pictures} pictures: at least {PICTURES}"


def _pictures(notebook: NotebookNode) -> int:
    outputs = [output for _, cell in code_cells(notebook) for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def minutes(notebook: NotebookNode, seconds: float) -> int:
    """A learner's time: reading, at a second-language reader's pace, writing, running; to five.

    Hidden tests are not in the learner's copy, and a solution is written there, not read.
    """
    words, line, picture = READING
    code = sum(_code_lines(NOT_READ.sub("", cell.source)) for _, cell in code_cells(notebook))
    solutions = (part for _, cell in code_cells(notebook) for part in SOLUTION.findall(cell.source))
    written = sum(map(_code_lines, solutions))
    total = _prose_words(notebook) / words
    total += (code * line + written * WRITING + _pictures(notebook) * picture + seconds) / 60
    return max(5, 5 * round(total / 5))


def timing(page: Page, notebook: NotebookNode) -> Problems:
    """The build's own seconds are within bounds, and the front matter's minutes are true."""
    path = page.root / "chapters" / ".timing.json"
    measured = json.loads(path.read_text()).get(str(page)) if path.is_file() else None
    if measured is None or measured["source"] != _built(notebook).get("source"):
        yield None, f"no time recorded: run `aimodels course build {page.chapter}`"
        return
    most = LESSON_SECONDS, CELL_SECONDS
    if page.kind == "assignment":  # a machine half as fast is fast enough
        limits = Assignment(page, notebook).limits
        most = limits.total / 2, limits.cell / 2
    for key, limit in zip(("seconds", "slowest_cell"), most, strict=True):
        if measured[key] > limit:
            yield None, f"{key.replace('_', ' ')}: took {measured[key]} s, at most {limit:g} s"
    said, right = notebook.metadata.aimodels.get("minutes"), minutes(notebook, measured["seconds"])
    if isinstance(said, int) and abs(said - right) > 5:
        yield None, f"front matter: {said} minutes, but reading and running take about {right}"


def _plain(text: str) -> str:
    return re.sub(r"[\s{}\\*«»\"]+", " ", text).strip().casefold()


def bibliography(path: Path) -> dict[str, dict[str, str]]:
    """The fields of each entry of a BibTeX file, by key."""
    entries = re.findall(r"^@\w+\{([^,]+),\n(.*?)^\}", path.read_text("utf-8"), re.M | re.S)
    return {key: dict(re.findall(r"^\s*(\w+) = \{(.*)\},?$", body, re.M)) for key, body in entries}


def citations(page: Page, notebook: NotebookNode) -> Problems:
    """Every citation leads to a reference, and every reference is the bibliography's."""
    entries = bibliography(page.root / "docs" / "references.bib")
    listed, cited = {}, {}  # where a key stands first, and for a reference its text
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for key, text in re.findall(_REFERENCE, cell.source):
                listed.setdefault(key, (position, text))
            for key in re.findall(_CITATION, cell.source):
                cited.setdefault(key, position)
    for key, (position, reference) in listed.items():
        if key not in entries:
            yield position, f"reference {key} is not in docs/references.bib"
            continue
        for field in ("title", "year"):
            if _plain(entries[key][field]) not in _plain(reference):
                yield position, f"reference {key}: its {field} is {entries[key][field]}"
    for key in sorted(set(cited) - set(listed)):
        yield cited[key], f"{key} is cited, but not among the references at the end"
    for key in sorted(set(listed) - set(cited)):
        yield listed[key][0], f"reference {key} is listed, but never cited"


def solved(page: Page, notebook: NotebookNode) -> Problems:
    """Each numbered exercise of the lesson has its solution, `## Exercise N`, and no other."""
    if page.kind != "exercises":
        return
    lesson = Page(page.root, page.chapter, "lesson")
    text = "\n".join(cell.source for cell in read_source(lesson).cells)
    asked = re.findall(r"^(\d+)\. ", text.partition("\n## Exercises\n")[2], re.MULTILINE)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = re.findall(r"^## Exercise (\d+)\b", text, re.MULTILINE)
    if found != asked:
        shown = [", ".join(numbers) or "none" for numbers in (asked, found)]
        yield None, f"the lesson's exercises are {shown[0]}, those solved here {shown[1]}"


def sound(page: Page, notebook: NotebookNode) -> Problems:
    """The questions of an assignment are complete, and nothing that decides is shown or guessed."""
    if page.kind != "assignment":
        return
    roles: dict[str, list[str]] = {}
    total = 0.0
    try:
        assignment = Assignment(page, notebook)
        answers, handed = assignment.answers, assignment.handed
    except (CourseError, SyntaxError):
        answers, handed = {}, {}  # `parsed` and `lint` name it
    for position, cell in code_cells(notebook):
        name, what = cell.metadata.get("nbgrader", {}).get("grade_id", ""), role(cell)
        question, _, part = name.partition("_")
        if what == "free":
            yield position, "a code cell of an assignment is an answer, a test, or locked"
        if what in ("answer", "test"):
            if not re.fullmatch(r"q\d+", question):
                yield position, f"its grade_id is {name!r}: wanted qN, qN_visible or qN_hidden"
            roles.setdefault(question, []).append(part if what == "test" else what)
        if what == "test":
            total += float(cell.metadata.nbgrader.points)
            try:
                yield from ((position, problem) for problem in _faults(cell))
                judges = handed if name.endswith("_hidden") else ()
                found = leaks(cell.source, answers, judges)
                yield from ((position, said, line) for line, said in found)
            except SyntaxError:
                continue  # `parsed` names it
            except ValueError as error:  # a method that check does not have
                yield position, str(error)
    if len(roles) < QUESTIONS:
        yield None, f"{len(roles)} questions: at least {QUESTIONS}"
    for question, parts in roles.items():
        if parts != ["answer", "visible", "hidden"]:
            yield None, f"{question} has {', '.join(parts)}: wanted answer, visible, hidden"
    if total != POINTS:
        yield None, f"{total:g} points in all: wanted {POINTS}"


def _faults(cell: NotebookNode) -> Iterator[str]:
    """What is wrong with one test cell."""
    name, points = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
    found = [call for call, method in calls(ast.parse(cell.source)) if method == "question"]
    said = [ast.unparse(call) for call in found]
    if said != [f"check.question({name!r}, points={points:g})"]:
        yield f"wanted one `with check.question({name!r}, points={points:g})`, got {said}"
    hidden = "### BEGIN HIDDEN TESTS" in cell.source
    if hidden != name.endswith("_hidden"):
        yield "the tests of qN_hidden, and no others, stand in BEGIN and END HIDDEN TESTS"


def copied(page: Page, notebook: NotebookNode) -> Problems:
    """The student's copy is what generation makes of the solution, byte for byte."""
    if page.kind != "assignment":
        return
    assignment = Assignment(page, notebook)
    path = assignment.copy_path
    if not path.is_file() or path.read_text(encoding="utf-8") != assignment.copy_text():
        yield None, f"{path} is not what generation gives: `aimodels course build {page.chapter}`"


def no_solutions(root: Path) -> Iterator[str]:
    """Nothing in chapters/ shows a solution or a hidden test."""
    for path in sorted((root / "chapters").rglob("*.ipynb")):
        if re.search("(BEGIN|END) (SOLUTION|HIDDEN TESTS)", path.read_text(encoding="utf-8")):
            yield f"{path}: shows a solution or a hidden test"


SOURCE_RULES: list[Callable[[Page, NotebookNode], Problems]] = [
    parsed,
    written,
    compared,
    front_matter,
    rhythm,
    citations,
    solved,
    sound,
]
RULES = [agrees, executed, *SOURCE_RULES, pictured, timing, copied]


def lint(page: Page) -> list[str]:
    """All problems of a page's source, with file and line, before anything is executed."""
    try:
        notebook = read_source(page)
    except CourseError as error:
        return str(error).splitlines()
    problems = list(_located(page, notebook, SOURCE_RULES))
    if page.kind == "assignment":
        try:
            wrong_answers(Assignment(page, notebook))
        except CourseError as error:
            problems += str(error).splitlines()
    return problems


def _located(page: Page, notebook: NotebookNode, rules: list) -> Iterator[str]:
    """The problems that rules find, each with the source line that it is about."""
    lines = source_lines(page)
    for rule in rules:
        for position, message, *inside in rule(page, notebook):
            if position is None or position >= len(lines):
                yield f"{page.source}:1: {message}"
            else:
                line = lines[position] + sum(inside)
                yield f"{page.source}:{line} (cell {notebook.cells[position].id}): {message}"


def check_page(page: Page) -> Iterator[str]:
    """The problems of one page, each with the source line or the notebook it is about."""
    try:
        yield from _located(page, read_notebook(page), RULES)
    except CourseError as error:
        yield str(error)


def check(root: Path, pages: list[Page]) -> list[str]:
    """All problems of these pages and of `chapters/` as a whole; an empty list is a proof."""
    return [problem for page in pages for problem in check_page(page)] + list(no_solutions(root))
