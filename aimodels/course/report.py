"""What a class and a student read of their grades: HTML pages that need nothing else."""

import html
import io
import re
import statistics
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.gradebook import Mark, Result
from aimodels.files import write_bytes

_RESTART = (
    " Then choose Restart Kernel and Run All Cells in JupyterLab's Kernel menu, save, and hand the "
    "notebook in again if your course allows it."
)
_FIRST = (
    "Questions behind that place may be right and could not be tested, so begin with the first "
    "whose test was not run." + _RESTART
)
_AGAIN = "Nothing: your teacher will grade the notebook again."
# What each status means, and what a student does about it.
STATUSES = {
    "ok": (
        "The notebook was run to its end.",
        "Go through the questions from the top: change an answer until its test passes." + _RESTART,
    ),
    "timeout": (
        "A cell took too long and was interrupted; all others were run.",
        "Look for a loop that never ends, or for work that is done again and again." + _RESTART,
    ),
    "stopped": (
        "The notebook used more than it may, or could not be interrupted, and was stopped. What "
        "was tested before counts.",
        _FIRST,
    ),
    "died": ("Python ended in the middle. What was tested before counts.", _FIRST),
    "unreadable": (
        "The file is not a notebook that can be run, so nothing was run.",
        "Do what the line above says.",
    ),
    "other": (
        "The notebook was made from another page of the course: it was not run, and these are no "
        "points yet.",
        "Hand in the notebook of this assignment.",
    ),
    "missing": ("Nothing was handed in: these are no points yet.", "Hand in your notebook."),
    "failed": ("This machine could not start Python: these are no points yet.", _AGAIN),
    "cancelled": ("Grading was interrupted: these are no points yet.", _AGAIN),
}
_LINE, _BAR = "#d5dbe4", "#0072b2"  # of the plots; the page puts its own colours there
_RESERVED = [
    "index",
    "answers",
    "con",
    "prn",
    "aux",
    "nul",
]  # our own page; names that Windows keeps
_RESERVED += [f"{device}{number}" for device in ("com", "lpt") for number in range(10)]

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{mark}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""
_STYLE = """
:root { --ink: #1b2330; --soft: #586273; --paper: #fff; --card: #f1f4f8; --line: #d5dbe4;
  --bar: #0072b2; --tint: #c9e2f3; --warn: #b34700; color-scheme: light dark; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf2; --soft: #a5afbd; --paper: #12161c; --card: #1d232c; --line: #37404d;
    --bar: #56b4e9; --tint: #1f4a66; --warn: #ffab66; } }
* { box-sizing: border-box; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 54rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: var(--bar); }
small, .soft { color: var(--soft); }
bdi, li, p { overflow-wrap: anywhere; }
.box { padding: .6rem .8rem; border-left: .3rem solid var(--bar); background: var(--card); }
.warn { border-color: var(--warn); }
.total { font-size: 2.2rem; font-weight: 700; line-height: 1.2; margin: 1rem 0 .3rem; }
.bar { height: .6rem; border-radius: .3rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; width: var(--share); background: var(--bar); }
section { margin-top: 1rem; padding: .8rem 1rem; border-radius: .5rem; background: var(--card);
  break-inside: avoid; }
section h2 { display: flex; justify-content: space-between; gap: 1rem; margin: 0 0 .4rem; }
section h2 span + span { white-space: nowrap; }
section ul { margin: 0; padding: 0; list-style: none; }
section li { margin-top: .6rem; padding-left: .7rem; border-left: .2rem solid var(--warn); }
section small { display: block; }
pre { overflow-x: auto; font-size: .85rem; }
section p { margin: .5rem 0 0; }
svg { display: block; width: 100%; max-width: 38rem; height: auto; margin: 1rem 0; }
svg text { fill: currentColor; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  font-weight: inherit; }
thead { color: var(--soft); vertical-align: top; }
tbody th { min-width: 8rem; max-width: 18rem; }
.number { text-align: right; white-space: nowrap;
  background: linear-gradient(90deg, var(--tint) var(--share, 0%), transparent 0); }
.bad { color: var(--warn); }
@media print { body { max-width: none; padding: 0; } .wide { overflow: visible; } }
"""


def write(
    folder: Path,
    results: list[Result],
    assignment: Assignment,
    kind: str,
    notes: Sequence[str] = (),
    alike: Sequence[str] = (),
) -> Path:
    """Write a page per student and two for the class; pages of students who are gone are removed.

    Args:
        folder: where to write; only pages that this function wrote are replaced or removed.
        results: of `grade.grade`.
        assignment: the master.
        kind: the sandbox that was used, "bubblewrap" or "none".
        notes: sentences for the teacher about files.
        alike: sentences for the teacher about equal answers.

    Returns:
        The page of the class, `index.html`.

    Raises:
        CourseError: if a page would replace a file that this function did not write.
    """
    names = _file_names([result.student for result in results])
    with_answers = any(result.answers for result in results)
    below = _list("Equal answers", alike) + _list("Files", notes)
    if with_answers:
        below += '<p><a href="answers.html">All answers, beside their points</a></p>\n'
    pages = {"index.html": _class_page(results, names, assignment, kind) + below}
    if with_answers:
        pages["answers.html"] = _answers_page(results, assignment)
    for result, name in zip(results, names, strict=True):
        pages[name] = _student_page(result, assignment)
    folder.mkdir(parents=True, exist_ok=True)
    for name in pages:
        if (folder / name).exists() and not _ours(folder / name):
            raise CourseError(f"{folder / name} is in the way of a page of grades: move it away")
    for path in folder.glob("*.html"):
        if path.name not in pages and _ours(path):
            path.unlink()
    title = html.escape(_title(assignment))
    for name, body in pages.items():
        text = (
            _HEAD.format(mark=_mark(name), title=title, style=_STYLE) + body + "</body>\n</html>\n"
        )
        write_bytes(folder / name, text.encode("utf-8", "replace"))  # not every name is text
    return folder / "index.html"


def _mark(name: str) -> str:
    """What tells a page that this program wrote, under this name, from any other file."""
    return f'<meta name="generator" content="aimodels grade, {name.casefold()}">'


def _ours(path: Path) -> bool:
    return path.is_file() and _mark(path.name).encode("utf-8", "replace") in path.read_bytes()


def _file_names(students: list[str]) -> list[str]:
    """For each student a file name that every system takes, none of them twice."""
    names, taken = [], set(_RESERVED)
    for student in students:
        letters = (
            c if unicodedata.category(c)[0] in "LMN" or c == "_" else "-"
            for c in unicodedata.normalize("NFC", student)
        )
        safe = re.sub("-+", "-", "".join(letters)).strip("-")[:70]
        safe = safe.encode()[:200].decode(errors="ignore") or "student"  # file systems count bytes
        name, number = safe, 1
        while (folded := unicodedata.normalize("NFKC", name).casefold()) in taken:
            number += 1
            name = f"{safe}-{number}"
        taken.add(folded)
        names.append(f"{name}.html")
    return names


def _title(assignment: Assignment) -> str:
    return str(assignment.solution.metadata.aimodels.title)


def _headings(assignment: Assignment) -> dict[str, str]:
    """ "Question 3: pooling" for each question, as the notebook says."""
    cells = assignment.solution.cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = re.findall(r"^#+ (Question (\d+)\b.*?)(?: \([\d.]+ points?\))?$", text, re.MULTILINE)
    said = {f"q{number}": heading.replace("`", "") for heading, number in found}
    return {q: said.get(q, f"Question {q.removeprefix('q')}") for q in assignment.questions}


def _share(points: float, of: float) -> str:
    return f'style="--share: {100 * points / (of or 1):.1f}%"'


def _bar(points: float, of: float) -> str:
    return f'<div class="bar" aria-hidden="true"><i {_share(points, of)}></i></div>'


def _student_page(result: Result, assignment: Assignment) -> str:
    of = sum(assignment.questions.values())
    meaning, todo = STATUSES[result.status]
    said = f"{meaning} {result.message}" if result.status == "ok" else result.message or meaning
    if result.total >= of:
        todo = "All points. Well done: there is nothing left to do."
    headings = _headings(assignment)
    questions = [_question(headings[name], mark) for name, mark in result.questions.items()]
    return f"""<h1>{html.escape(_title(assignment))}</h1>
<p class="soft">Feedback for <bdi>{html.escape(result.name or result.student)}</bdi>,
file <bdi>{html.escape(result.file)}</bdi></p>
<p class="total">{result.total:g} of {of:g} points</p>
{_bar(result.total, of)}
{_late(result)}<p><strong>Status: {result.status}.</strong> {html.escape(said)}</p>
<p class="box"><strong>What to do next.</strong> {html.escape(todo)}</p>
{"".join(questions)}"""


def _late(result: Result) -> str:
    if not result.late:
        return ""
    return f"<p>{result.late:g} % of {result.earned:g} points are taken off for late work.</p>\n"


def _list(heading: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li><bdi>{html.escape(sentence)}</bdi></li>\n" for sentence in sentences)
    return f"<h2>{heading}</h2>\n<ul>\n{items}</ul>\n" if items else ""


def _answers_page(results: list[Result], assignment: Assignment) -> str:
    """For the teacher: question by question what each student wrote, and what it earned."""
    parts = [f"<h1>{html.escape(_title(assignment))}</h1>\n<p>For teachers only.</p>\n"]
    for name, heading in _headings(assignment).items():
        parts.append(f"<h2>{html.escape(heading)}</h2>\n")
        for result in results:
            if result.answers:
                code = html.escape(result.answers.get(name, "no answer was recognised"))
                student = html.escape(result.student)
                section = _question("", result.questions[name])
                section = section.replace("<span></span>", f"<span><bdi>{student}</bdi></span>", 1)
                parts.append(section.replace("</section>", f"<pre>{code}</pre>\n</section>"))
    return "".join(parts)


def _question(heading: str, mark: Mark) -> str:
    if mark.manual:
        comment = html.escape(" ".join(mark.problems))
        words = f"<p><strong>Points given by hand.</strong> <bdi>{comment}</bdi></p>"
    elif mark.problems:
        words = f"<ul>\n{''.join(map(_problem, mark.problems))}</ul>"
    else:
        words = '<p class="soft">✓ All tests pass.</p>'
    return f"""<section>
<h2><span>{html.escape(heading)}</span> <span>{mark.points:g} of {mark.of:g}</span></h2>
{_bar(mark.points, mark.of)}
{words}
</section>
"""


def _problem(text: str) -> str:
    """ "Visible test: the shape: wanted …, got …. Hint: …." """
    problem, found, hint = text.partition(" Hint: ")
    hint = f"<small>Hint: {html.escape(hint)}</small>" if found else ""
    return f"<li>{html.escape(problem)}{hint}</li>\n"


def _class_page(results: list[Result], names: list[str], assignment: Assignment, kind: str) -> str:
    of = sum(assignment.questions.values())
    graded = [result for result in results if result.graded]
    missing = sum(result.status == "missing" for result in results)
    handed_in = len(results) - missing
    facts = [f"{handed_in} submission{'' if handed_in == 1 else 's'}"]
    if graded:
        totals = [result.total for result in graded]
        facts.append(f"mean {statistics.fmean(totals):.1f} of {of:g} points")
        facts.append(f"median {statistics.median(totals):.1f}")
    if ungraded := sum(not r.graded and r.status != "missing" for r in results):
        facts.append(f"without {ungraded} that could not be graded")
    if missing:
        facts.append(f"{missing} of the roster handed in nothing")
    warning = '<p class="box warn"><strong>Graded without a sandbox.</strong> The students’ code '
    warning += "ran as you: it could read the solutions and change any file, these grades too. "
    warning += "Trust these points only as far as you trust every student.</p>"
    counts = Counter(result.status for result in results)
    statuses = "".join(
        f"<li><strong>{status}</strong>, {counts[status]} of {len(results)}: {meaning}</li>\n"
        for status, (meaning, _) in STATUSES.items()
        if status in counts
    )
    heads = "".join(
        f'<th scope="col" class="number" title="{html.escape(heading)}">{name}<br>'
        f"<small>of {assignment.questions[name]:g}</small></th>"
        for name, heading in _headings(assignment).items()
    )
    rows = "".join(map(_row, results, names))
    return f"""<h1>{html.escape(_title(assignment))}</h1>
<p>{", ".join(facts)}</p>
{warning if kind == "none" else ""}
{_plots(graded, assignment) if graded else ""}
<h2>How the notebooks ran</h2>
<ul>
{statuses}</ul>
<h2>Students</h2>
<p class="soft">Each name leads to the student’s own page. A star: points given by hand.</p>
<div class="wide"><table>
<thead><tr><th scope="col">student</th>{heads}<th scope="col" class="number">total<br>
<small>of {of:g}</small></th><th scope="col">status</th></tr></thead>
<tbody>
{rows}</tbody>
</table></div>
"""


def _row(result: Result, name: str) -> str:
    points = "".join(
        f'<td class="number" {_share(m.points, m.of)}>{m.points:g}{"*" if m.manual else ""}</td>'
        if result.graded
        else '<td class="number">–</td>'
        for m in result.questions.values()
    )
    student = f'<a href="{quote(name)}"><bdi>{html.escape(result.student)}</bdi></a>'
    status = f"<td{'' if result.status == 'ok' else ' class=bad'}>{result.status}</td>"
    points_in_all = f"{result.total:g}" if result.graded else "–"
    total = f'<td class="number"><strong>{points_in_all}</strong></td>'
    return f'<tr><th scope="row">{student}</th>{points}{total}{status}</tr>\n'


def _plots(results: list[Result], assignment: Assignment) -> str:
    """How the totals spread, and which questions were the hardest."""
    headings = _headings(assignment)
    shares = {
        headings[name].removeprefix("Question "): 100
        * statistics.fmean(result.questions[name].points / (of or 1) for result in results)
        for name, of in assignment.questions.items()
    }
    # They are drawn from below.
    shares = dict(sorted(reversed(shares.items()), key=lambda item: -item[1]))

    def totals(ax: Axes) -> None:
        whole = sum(assignment.questions.values())
        points = [result.total for result in results]
        _, edges, bars = ax.hist(points, 10, range=(0, whole), rwidth=0.92, color=_BAR)
        ax.bar_label(bars, fmt=lambda count: f"{count:.0f}" if count else "", padding=2)
        ax.set(xlabel="points in all", xticks=edges, yticks=[])

    def questions(ax: Axes) -> None:
        labels = [textwrap.fill(text, 32, max_lines=2, placeholder=" …") for text in shares]
        ax.barh(labels, 100, color=_LINE)
        bars = ax.barh(labels, list(shares.values()), color=_BAR)
        ax.bar_label(bars, [f"{share:.0f} %" for share in shares.values()], padding=4)
        ax.set(xlim=(0, 115), xticks=[])

    return f"""<h2>How many students have so many points</h2>
{_svg(totals, 2.2)}
<h2>What was hard: the mean share of each question’s points</h2>
{_svg(questions, 0.2 + 0.42 * len(shares))}"""


def _svg(draw: Callable[[Axes], None], height: float) -> str:
    """A plot as a part of the page: its text is text, its colours are the page's."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # and not what this user has set
        matplotlib.rcParams["font.size"] = 11
        matplotlib.rcParams["svg.fonttype"] = "none"
        matplotlib.rcParams["svg.hashsalt"] = draw.__name__  # parts get the same names every time
        matplotlib.rcParams["text.parse_math"] = False
        figure = Figure(figsize=(6, height), layout="constrained")
        ax = figure.subplots()
        draw(ax)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = re.sub(r' (xmlns\S*?|id)="(http[^"]*|[a-z.0-9]+_\d+)"', "", text[text.index("<svg") :])
    return text.replace(_LINE, "var(--line)").replace(_BAR, "var(--bar)")
