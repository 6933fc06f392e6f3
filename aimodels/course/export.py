"""Points for Moodle and Canvas, in the file that each of them takes back.

Moodle: the grading worksheet (in the assignment, "Download" and "Upload grading worksheet").
Canvas: the gradebook (Grades, "Export", "Import"). If the teacher gives the system's own file, it
comes back with the points of this assignment filled in, on the system's scale; who has no points
here keeps what stands there.
"""

import csv
import io
import re
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.gradebook import Result
from aimodels.course.identity import Who
from aimodels.course.roster import Roster
from aimodels.course.tables import safe
from aimodels.files import write_bytes

SYSTEMS = ("moodle", "canvas")
_MOODLE = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]
_MOODLE += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
_MOODLE += ["Feedback comments"]
_CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
_GRADE = {"grade", "成绩", "分数", "bewertung", "note", "calificación", "nota", "cijfer"}
_MOST = {"maximum grade", "最高成绩", "最高分", "beste bewertung", "note maximale"}
_MOST |= {"höchste bewertung", "calificación máxima", "nota máxima"}
_FEEDBACK = {"feedback comments", "反馈评语", "反馈意见", "feedback als kommentar"}
_COMPUTED = re.compile(
    r"(.* )?((unposted )?(current|final) (score|points|grade)|override (score|grade|status))"
    r"( \(.*\))?"
)


def export(
    system: str,
    to: Path,
    results: list[Result],
    roster: Roster | None,
    title: str,
    of: float,
    column: str | None = None,
) -> list[str]:
    """Write the file that a learning system imports.

    Args:
        system: "moodle" or "canvas".
        to: the file.
        results: of the class.
        roster: the system's own file, if there is one.
        title: of the assignment.
        of: the points that there are.
        column: Canvas: which assignment of the gradebook it is, if its name does not say.

    Returns:
        Sentences for the teacher: who is not in the file, and how points were scaled.

    Raises:
        CourseError: if the file cannot be written so that the system takes it.
    """
    own = roster if roster and roster.system == system else None
    if own is None:
        header, rows, said = _new(system, results, title if column is None else column, of)
    elif system == "moodle":
        header, rows, said = _worksheet(own, results, of)
    else:
        header, rows, said = _gradebook(own, results, title, of, column)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=own.delimiter if own else ",", lineterminator="\r\n")
    writer.writerows([header, *rows])
    write_bytes(to, text.getvalue().encode("utf-8-sig", "replace"))
    return said


def _new(system: str, results: list[Result], title: str, of: float):
    """A file without a pattern: the numbers are those in the files' names."""
    known = [result for result in results if result.system == system and result.number]
    if not known:
        pattern = {"moodle": "grading worksheet", "canvas": "gradebook"}[system]
        raise CourseError(
            f"no file's name holds a number of {system.title()}: give its {pattern} with --roster"
        )
    said = [
        f"{r.student}: without a number of {system.title()}, not in its file."
        for r in results
        if r not in known and r.graded
    ]
    if system == "canvas":
        said.append(
            f'Canvas will make a new assignment "{title}": with --roster GRADEBOOK.csv the points '
            "go into the one that is there."
        )
        rows = [["    Points Possible", "", "", "", "", f"{of:g}"]]
        rows += [[safe(r.name), r.number, "", safe(r.email), "", _points(r, of, of)] for r in known]
        return [*_CANVAS, title], rows, said
    rows = []
    for r in known:
        row = [f"Participant {r.number}", safe(r.name), safe(r.email), "", _points(r, of, of)]
        rows.append([*row, f"{of:g}", "Yes", "-", "-", safe(_feedback(r))])
    return _MOODLE, rows, said


def _points(result: Result, of: float, most: float) -> str:
    return f"{round(result.total * most / of, 2):g}" if result.graded else ""


def _feedback(result: Result) -> str:
    if not result.graded:
        return ""
    points = (f"Question {q[1:]}: {m.points:g} of {m.of:g}" for q, m in result.questions.items())
    return "; ".join(points) + (f"; {result.late:g} % off for late work" if result.late else "")


def _filled(own: Roster, results: list[Result], fill) -> tuple[list[list[str]], list[str]]:
    """The file's rows, those of graded students changed by `fill`."""
    rows = [list(row) + [""] * (len(own.header) - len(row)) for row in own.rows]
    names = [i for i, name in enumerate(own.header) if "name" in name.casefold() or name in "姓名"]
    said, filled = [], {}
    for result in results:
        person = own.find(Who(result.name or result.student, result.number, result.system))
        if person is None:
            said.append(f"{result.student}: not in {own.path}, so not in the file to import.")
        elif person.row in filled:
            both = f"{filled[person.row]} and {result.student}"
            raise CourseError(f"{own.path}: {both} are both {person.name}: which points count?")
        elif result.graded:
            filled[person.row] = result.student
            fill(rows[person.row], result)
    for row in rows:
        for i in names:
            row[i] = safe(row[i])
    return rows, said


def _column(own: Roster, names: set[str]) -> int | None:
    plain = [" ".join(name.casefold().split()) for name in own.header]
    return next((i for i, name in enumerate(plain) if name in names), None)


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def _worksheet(own: Roster, results: list[Result], of: float):
    grade, most = _column(own, _GRADE), _column(own, _MOST)
    feedback = _column(own, _FEEDBACK)
    if grade is None:
        raise CourseError(f"{own.path}: no column Grade: is it Moodle's grading worksheet?")
    if most is None and grade + 1 < len(own.header):  # it stands behind the grade in any language
        most = grade + 1
    scales = [_number(row[most]) for row in own.rows if most is not None and most < len(row)]
    scale = next((number for number in scales if number), None)
    if scale is None:
        raise CourseError(f"{own.path}: no number in the column of the maximum grade")

    def fill(row: list[str], result: Result) -> None:
        row[grade] = _points(result, of, scale)
        if feedback is not None and not row[feedback].strip():
            row[feedback] = safe(_feedback(result))

    rows, said = _filled(own, results, fill)
    return own.header, rows, [*_scaled(of, scale), *said]


def _scaled(of: float, scale: float) -> list[str]:
    return [] if scale == of else [f"The points of {of:g} were scaled to the system's {scale:g}."]


def _gradebook(own: Roster, results: list[Result], title: str, of: float, column: str | None):
    section = _column(own, {"section"})
    if section is None:
        raise CourseError(
            f"{own.path}: no column Section: is it the gradebook that Canvas exports?"
        )
    names = [
        name
        for name in own.header[section + 1 :]
        if name.strip() and not _COMPUTED.fullmatch(name.strip().casefold())
    ]
    plain = {name: re.sub(r" \(\d+\)$", "", name).strip().casefold() for name in names}
    wanted = (column or title).strip().casefold()
    same = [n for n in names if wanted in (n.strip().casefold(), plain[n])]
    if not same and column is None and len(names) == 1:
        same = names
    if len(same) != 1:
        raise CourseError(
            f"{own.path}: which assignment is it? Say --column with one of: {'; '.join(names)}"
        )
    at = own.header.index(same[0])
    possible = [
        row[at] for row in own.rows if row and "Points Possible" in row[0] and at < len(row)
    ]
    scale = next((number for text in possible if (number := _number(text))), of)

    def fill(row: list[str], result: Result) -> None:
        row[at] = _points(result, of, scale)

    rows, said = _filled(own, results, fill)
    kept = [*range(section + 1), at]  # other columns could have changed in Canvas since
    rows = [[row[i] for i in kept] for row in rows]
    return [own.header[i] for i in kept], rows, [*_scaled(of, scale), *said]
