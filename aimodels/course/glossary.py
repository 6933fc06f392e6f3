"""The terms of the course, English and Chinese: `course/glossary.csv`.

A term stands in bold where a lesson first uses it. So the lessons themselves say in which chapter
each term begins, and whether one is missing in the table.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from aimodels.course import CourseError, markdown
from aimodels.course.notebooks import find_pages, find_root, read_source

_BOLD = re.compile(r"(?<!\*)\*\*(?=[^\s*])([^*]*[^\s*])\*\*(?!\*)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LABEL = (".", ":", "?", "!", '"')  # bold text that ends so is the title of a paragraph


@dataclass(frozen=True)
class Term:
    """A term as it is listed, and how lessons write it where it stands in bold."""

    name: str
    written: frozenset[str]  # each `folded`
    chinese: str
    meaning: str
    chapter: str  # where it stands in bold first; "" if nowhere


def bold_terms(text: str) -> list[str]:
    r"""What stands in bold in Markdown, but for titles of paragraphs; code and exercises left out.

    Example:
        >>> bold_terms("**By hand.** A **loss** is `2**3**1` small.\n\n## Exercises\n\n**Not**")
        ['loss']
    """
    text = _CODE.sub("", text.partition("## Exercises\n")[0])
    found = [" ".join(bold.split()) for bold in _BOLD.findall(text)]
    return [bold for bold in found if not bold.endswith(_LABEL)]


def folded(text: str) -> str:
    """The text in lower case, unless all of it is in capitals.

    Example:
        >>> folded("Clip"), folded("CLIP")
        ('clip', 'CLIP')
    """
    return text if text.isupper() else text.casefold()


def lesson_terms(root: Path | None = None) -> dict[str, list[str]]:
    """By chapter, what its lesson has in bold: terms, and some words that are only emphasised."""
    return {
        page.chapter: [
            bold
            for cell in read_source(page).cells[1:]  # the first one is the lesson's header
            if cell.cell_type == "markdown"
            for bold in bold_terms(cell.source)
        ]
        for page in find_pages(root or find_root())
        if page.kind == "lesson"
    }


def read_glossary(root: Path | None = None) -> list[Term]:
    """All terms, in the order in which the lessons need them.

    Raises:
        CourseError: a row of the table is not complete, or two say the same.
    """
    root = root or find_root()
    path = root / "course" / "glossary.csv"
    first: dict[str, tuple[int, str]] = {}
    for chapter, texts in lesson_terms(root).items():
        for text in texts:
            first.setdefault(folded(text), (len(first), chapter))
    never = len(first), ""
    places: dict[str, tuple[int, str]] = {}
    terms, known = [], set()
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if not (row["term"] and row["chinese"] and row["meaning"]) or None in row:
                raise CourseError(f"{path}:{number}: a term has four fields, the second may be ''")
            forms = (row["as written"] or row["term"]).split(";")
            written = frozenset(folded(form.strip()) for form in forms)
            if twice := written & known:
                raise CourseError(f"{path}:{number}: {min(twice)!r} stands there already")
            known |= written
            places[row["term"]] = min(first.get(form, never) for form in written)
            chapter = places[row["term"]][1]
            terms.append(Term(row["term"], written, row["chinese"], row["meaning"], chapter))
    return sorted(terms, key=lambda term: places[term.name])


def table(terms: list[Term] | None = None) -> str:
    """The glossary in alphabetical order, as a table in Markdown."""
    terms = read_glossary() if terms is None else terms
    return markdown.table(
        ["term", "中文", "meaning", "explained in"],
        (
            [term.name, term.chinese, term.meaning, term.chapter]
            for term in sorted(terms, key=lambda term: term.name.casefold())
        ),
    )
