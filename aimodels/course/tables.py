"""The tables of a class: grades as CSV, points given by hand, what late work costs."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.gradebook import Result
from aimodels.course.roster import read_table
from aimodels.files import write_bytes


def write_csv(path: Path, results: Iterable[Result], questions: Iterable[str]) -> None:
    """One line per student: name, status, points per question, total, message.

    The mark at the beginning tells Excel that this is UTF-8.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    questions = list(questions)
    head = ["name", "id", "email", "student", "file", "status", *questions]
    writer.writerow([*head, "late", "total", "message"])
    for result in results:
        row = [safe(result.name or result.student), safe(result.number), safe(result.email)]
        row += [safe(result.student), safe(result.file), result.status]
        row += [f"{result.questions[q].points:g}" if result.graded else "" for q in questions]
        row.append(f"-{result.late:g} %" if result.late else "late" if result.late_said else "")
        row.append(f"{result.total:g}" if result.graded else "")
        writer.writerow([*row, safe(result.message)])
    write_bytes(path, text.getvalue().encode("utf-8-sig", "replace"))


def safe(text: str) -> str:
    """A spreadsheet takes a text that starts so for a formula; "-" alone is none."""
    return f"'{text}" if re.match(r"[=+@\t\r]|-(?!$)", text) else text


def find_student(name: str, results: dict[str, Result], where: str) -> str:
    """The student whom a teacher means: by the name in the results, or else name, id or e-mail.

    Raises:
        CourseError: if nobody has that name, or several have it.
    """
    for exact in (name, name.removeprefix("'")):  # as `safe` writes it
        if exact in results:
            return exact
    wanted = name.removeprefix("'").casefold()
    same = [
        student
        for student, result in results.items()
        if wanted and wanted in map(str.casefold, (result.name, result.number, result.email))
    ]
    if len(same) > 1:
        raise CourseError(f"{where}: {name} may be {', '.join(same)}: write one of these")
    if not same:
        raise CourseError(f"{where}: no submission of {name}")
    return same[0]


def read_manual(
    path: Path, assignment: Assignment, results: dict[str, Result]
) -> list[tuple[str, str, float, str]]:
    """Points given by hand: a CSV file with the columns student, question, points, comment.

    Raises:
        CourseError: if a column is missing, a student is unknown, or points are impossible.
    """
    found = []
    for where, row in _table(path):
        try:
            student, question, points = row["student"], row["question"], float(row["points"])
        except (KeyError, TypeError, ValueError) as error:
            raise CourseError(
                f"{where}: wanted the columns student, question, points (a number), comment"
            ) from error
        if not 0 <= points <= assignment.questions.get(question, -1):
            known = ", ".join(f"{name} (0 to {p:g})" for name, p in assignment.questions.items())
            raise CourseError(f"{where}: {question} {points:g}: there are {known}")
        student = find_student(student, results, where)
        found.append((student, question, points, row.get("comment") or ""))
    return found


def read_late(path: Path, results: dict[str, Result]) -> dict[str, float]:
    """What a school takes off for late work: a CSV file with the columns student, percent.

    Raises:
        CourseError: if a column is missing, a student is unknown, or a percentage is impossible.
    """
    found = {}
    for where, row in _table(path):
        try:
            percent = float(row["percent"].replace(",", ".").strip(" %"))
            student = row["student"]
        except (AttributeError, KeyError, ValueError) as error:
            raise CourseError(
                f"{where}: wanted the columns student, percent (taken off, a number)"
            ) from error
        if not 0 <= percent <= 100:
            raise CourseError(f"{where}: {percent:g} percent: wanted a number from 0 to 100")
        found[find_student(student, results, where)] = percent
    return found


def _table(path: Path) -> Iterable[tuple[str, dict[str, str]]]:
    """Each row of a CSV file by the names of its columns, and where it stands."""
    header, rows, _ = read_table(path)
    names = [" ".join(name.casefold().split()) for name in header]
    for line, row in enumerate(rows, 2):
        yield f"{path}:{line}", dict(zip(names, (cell.strip() for cell in row), strict=False))
