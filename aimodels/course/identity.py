"""Whose file is it? What learning systems, browsers and file managers make of a file's name.

- Moodle, "Download all submissions": `Li Wei_4711_assignsubmission_file_/my work.ipynb`, in older
  versions and without folders `Li Wei_4711_assignsubmission_file_my work.ipynb`.
- Canvas, "Download submissions": `weili_LATE_4711_815_my work-1.ipynb`: the name as one word, the
  numbers of the student and of the file, and `-1` behind the name of a second try.
"""

import re
from dataclasses import dataclass

_MOODLE = re.compile(r"(.+?)(?:_(\d+))?_assignsubmission_[a-z]+(?:_(.*))?", re.DOTALL)
_CANVAS = re.compile(r"(\w+?)(_LATE)?_(\d\d+)_(?:(\d\d+)_(.+)|((?:text|link)\.html))", re.DOTALL)
_ANONYMOUS = re.compile(r"(LATE_)?(anon)_(\w+?)_(?:(\d+)_(.+)|((?:text|link)\.html))", re.DOTALL)

# What is put behind (or before) a name when a file is saved or copied a second time.
_WORDS = r"(?:(?<![a-z])(?:copy|kopie|copie|copia|cópia)|的?副本|の?コピー)"
_COPY = re.compile(rf"[-_ ]*{_WORDS}[-_ ]*[(（]?(\d*)[)）]?$", re.IGNORECASE)
_COPY_OF = re.compile(r"^(?:copy of|kopie von|copie de|copia de|副本)[-_ ]*", re.IGNORECASE)
_NUMBER = re.compile(r"[-_ ]?[(（](\d{1,3})[)）]$|[- ](\d{1,2})$")


@dataclass(frozen=True)
class Who:
    """The student whom a name stands for, as far as a learning system has written it."""

    name: str
    number: str = ""  # of the student, in that system
    system: str = ""  # "moodle", "canvas", or "" if no system wrote the name
    late: bool = False  # so the system says
    upload: int = 0  # the file's number: a later file has a larger one
    file: str = ""  # the name that the student gave the file

    @property
    def student(self) -> str:
        """What tells this student from all others, the same in every run."""
        return f"{self.name} ({self.number})" if self.number else self.name


def written_by_a_system(parts: tuple[str, ...]) -> Who | None:
    """The student whom Moodle or Canvas wrote into a path, outermost folder first.

    Example:
        >>> written_by_a_system(("Li Wei_4711_assignsubmission_file_", "my work.ipynb")).student
        'Li Wei (4711)'
        >>> who = written_by_a_system(("weili_LATE_4711_815_my work-1.ipynb",))
        >>> who.number, who.late, who.upload, who.file
        ('4711', True, 815, 'my work-1.ipynb')
        >>> written_by_a_system(("alice", "assignment.ipynb"))
    """
    for part in parts:
        if match := _MOODLE.fullmatch(part):
            name, number, file = match.groups()
            return Who(name.strip(), number or "", "moodle", file=file or parts[-1])
    if match := _ANONYMOUS.fullmatch(parts[-1]):
        late, name, number, upload, file, page = match.groups()
    elif match := _CANVAS.fullmatch(parts[-1]):
        name, late, number, upload, file, page = match.groups()
        if name != name.lower():  # Canvas writes it so
            return None
    else:
        return None
    return Who(name, number, "canvas", bool(late), int(upload or 0), file or page)


def copied(stem: str) -> tuple[str, int]:
    """A file's name without the words that a copy is given, and the copy's number, 0 if none.

    Example:
        >>> copied("work-Copy2"), copied("work的副本"), copied("Copy of work"), copied("work (2)")
        (('work', 2), ('work', 1), ('work', 1), ('work (2)', 0))
    """
    name = re.sub(r"[“”\"]|\.ipynb(?=”)", "", stem)
    number = 0
    while match := _COPY.search(name) or _COPY_OF.search(name):
        number = max(number, int(match.group(1) or 1) if match.re is _COPY else 1)
        name = (name[: match.start()] + name[match.end() :]).strip()
    return (name, number) if name else (stem, 0)


def saved_again(stem: str) -> tuple[str, int]:
    """As `copied`, and without the number that browsers and systems put behind a name.

    Only where the student is known otherwise: `team-1` and `team-2` may be two teams.

    Example:
        >>> saved_again("work (2)"), saved_again("work-1"), saved_again("work（1）的副本")
        (('work', 2), ('work', 1), ('work', 1))
    """
    name, number = copied(stem)
    while (match := _NUMBER.search(name)) and match.start():
        number = max(number, int(match.group(1) or match.group(2)))
        name, more = copied(name[: match.start()])
        number = max(number, more)
    return name, number
