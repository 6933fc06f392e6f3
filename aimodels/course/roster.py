"""Who is in the class: a list of names, or the table that Moodle or Canvas gives and takes back."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.identity import Who

# What a column may be called, in the languages in which we have seen these files.
_COLUMNS = {
    "name": "full name|name|student|student name|fullname|姓名|全名|学生|学生姓名|名字"
    "|vollständiger name|nom complet|nombre completo|nome completo",
    "first": "first name|firstname|given name|名|vorname|prénom|nombre",
    "last": "last name|lastname|surname|family name|姓|姓氏|nachname|nom|nom de famille|apellidos",
    "number": "identifier|id|id number|student id|student number|number|学号|编号|标识符|id号"
    "|matrikelnummer|identifiant|identificador",
    "email": "email address|email|e-mail|mail|e-mail address|邮箱|电子邮件|电子邮箱|邮件地址"
    "|email地址|电子邮件地址|e-mail-adresse|adresse de courriel|dirección de correo|sis login id",
}
_NAMES = {name: column for column, names in _COLUMNS.items() for name in names.split("|")}


@dataclass(frozen=True)
class Person:
    """One line of a roster."""

    name: str
    number: str = ""
    email: str = ""
    system: str = ""
    row: int = 0  # its place among the file's rows

    @property
    def student(self) -> str:
        """As `identity.Who` writes a student."""
        return Who(self.name, self.number if self.system else "").student

    @property
    def facts(self) -> tuple[str, str, str]:
        return self.name, self.number, self.email


@dataclass
class Roster:
    """The class, and the file that it came in."""

    path: Path
    system: str  # "moodle", "canvas", or "" for a list of names
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    people: list[Person] = field(default_factory=list)

    def find(self, who: Who) -> Person | None:
        """The person whom a file's name stands for, if there is exactly one."""
        if who.system and who.system == self.system and who.number:
            same = [p for p in self.people if p.number == who.number and _agree(p.name, who.name)]
            return same[0] if len(same) == 1 else None
        wanted = _fold(who.name)
        ways = (
            lambda p: bool(wanted) and wanted in _forms(p.name),
            lambda p: not who.system and bool(p.number) and _holds(who.name, p.number),
            lambda p: bool(p.email) and wanted in (_fold(p.email), _fold(p.email.split("@")[0])),
        )
        for way in ways:
            same = [person for person in self.people if way(person)]
            if same:
                return same[0] if len(same) == 1 else None
        return None


def read(path: Path) -> Roster:
    """Read a roster: CSV with the columns name, id and email, or a table of Moodle or Canvas.

    The columns are known by their names, in any order; without such a line they are name, id and
    email.

    Raises:
        CourseError: if there is no such file, or no name in it.
    """
    header, rows, delimiter = read_table(path)
    columns = {
        _NAMES[_plain(name)]: i
        for i, name in reversed(list(enumerate(header)))
        if _plain(name) in _NAMES
    }
    if not columns:
        header, rows = ["name", "id", "email"], [header, *rows]
        columns = {"name": 0, "number": 1, "email": 2}
    roster = Roster(path, _system(header, rows, columns), header, rows, delimiter)
    for number, row in enumerate(rows):
        cells = {column: " ".join(row[i].split()) for column, i in columns.items() if i < len(row)}
        name = cells.get("name") or " ".join(filter(None, [cells.get("first"), cells.get("last")]))
        if roster.system == "moodle":
            cells["number"] = re.sub(r"\D", "", cells.get("number", ""))
        elif roster.system == "canvas" and not cells.get("number"):
            continue  # what is possible, and which columns are hidden
        if name and not (roster.system == "canvas" and name == "Student, Test"):
            roster.people.append(
                Person(name, cells.get("number", ""), cells.get("email", ""), roster.system, number)
            )
    if not roster.people:
        raise CourseError(f"{path}: no names: wanted a CSV file with the columns name, id, email")
    return roster


def read_table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """The first row of a CSV file, the others, and what separates the cells.

    Raises:
        CourseError: if the file is missing, empty, or no text.
    """
    if not path.is_file():
        raise CourseError(f"{path}: no such file")
    data = path.read_bytes()
    for encoding in (
        "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig",
        "gb18030",
    ):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise CourseError(f"{path}: not a text file: save it as CSV in UTF-8")
    if "\0" in text:
        raise CourseError(f"{path}: not a text file: save it as CSV in UTF-8")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    if not rows:
        raise CourseError(f"{path}: the file is empty")
    return rows[0], rows[1:], delimiter


def _system(header: list[str], rows: list[list[str]], columns: dict[str, int]) -> str:
    names = {_plain(name) for name in header}
    if {"id", "section"} <= names and names & {"sis login id", "student"}:
        return "canvas"
    at = columns.get("number")
    cells = [row[at].strip() for row in rows if at is not None and at < len(row)]
    words = {re.sub(r"\d+$", "", cell) for cell in cells}
    # "Participant 4711", in any language
    if len(words) == 1 and len(words.pop().strip()) > 2 and cells[0][-1].isdigit():
        return "moodle"
    return ""


def _plain(text: str) -> str:
    return " ".join(text.replace("\ufeff", "").casefold().split())


def _fold(text: str) -> str:
    """Letters and digits alone, in one case: what is left of a name in a file's name."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def _forms(name: str) -> set[str]:
    """ "Li, Wei" is "Wei Li" as well."""
    parts = re.split(r"[,，\s]+", name.strip())
    turned = ["".join(parts), "".join(reversed(parts)), "".join(parts[1:] + parts[:1])]
    turned.append("".join(parts[-1:] + parts[:-1]))
    return {_fold(form) for form in turned}


def _agree(listed: str, written: str) -> bool:
    """Whether a number's two names are one: Moodle numbers groups too, and hides names."""
    own = _fold(written)
    hidden = written.casefold() in ("anon", "participant", "参与者", "参与人", "teilnehmer/in")
    return hidden or any(form in own or own in form for form in _forms(listed))


def _holds(name: str, number: str) -> bool:
    """Whether a file's name holds a student's number, all of it."""
    return len(number) > 2 and bool(
        re.search(rf"(?<![0-9A-Za-z]){re.escape(number)}(?![0-9A-Za-z])", name, re.IGNORECASE)
    )
