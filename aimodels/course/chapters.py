"""The chapters that there are, as the front matter of their lessons and assignments says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aimodels.course import CourseError, markdown
from aimodels.course.notebooks import Page, find_pages, find_root, read_source


@dataclass(frozen=True)
class Chapter:
    """One chapter: what it needs, and a learner's minutes for its lesson and its assignment.

    `aimodels course check` holds the minutes to what was measured: see `rules.timing`.
    """

    name: str
    title: str
    prerequisites: tuple[str, ...]
    lesson: int
    assignment: int  # 0 if there is none


def read_chapters(root: Path | None = None) -> dict[str, Chapter]:
    """All chapters that have a lesson, by name, in their order.

    Args:
        root: the checkout; the one that the current folder is in if None.

    Raises:
        CourseError: a front matter lacks something, or a prerequisite is no chapter.
    """
    pages = {str(page): page for page in find_pages(root or find_root())}
    chapters = {}
    for page in pages.values():
        if page.kind != "lesson":
            continue
        facts = _facts(page, "title", "prerequisites", "minutes")
        work = pages.get(f"{page.chapter}/assignment")
        chapters[page.chapter] = Chapter(
            page.chapter,
            facts["title"],
            tuple(facts["prerequisites"]),
            facts["minutes"],
            _facts(work, "minutes")["minutes"] if work else 0,
        )
        if unknown := set(facts["prerequisites"]) - set(chapters):
            raise CourseError(f"{page.source}:1: {min(unknown)} is not an earlier chapter")
    return chapters


def _facts(page: Page, *keys: str) -> dict:
    facts = read_source(page).metadata.aimodels
    if missing := [key for key in keys if key not in facts]:
        raise CourseError(f"{page.source}:1: front matter: {missing[0]} is missing")
    return facts


def needed(chapters: Mapping[str, Chapter], goals: Iterable[str]) -> list[str]:
    """The goals and all that they rest on, in the order of the chapters.

    Example:
        >>> c = {n: Chapter(n, n, p, 60, 0) for n, p in [("1", ()), ("2", ()), ("3", ("1",))]}
        >>> needed(c, ["3"])
        ['1', '3']
    """
    found, new = set(), set(goals)
    while new:
        found |= new
        new = {other for name in new for other in chapters[name].prerequisites} - found
    return [name for name in chapters if name in found]


def direct(chapters: Mapping[str, Chapter]) -> list[tuple[str, str]]:
    """Pairs (prerequisite, chapter), without those that follow from others.

    Example:
        >>> three = {"1": (), "2": ("1",), "3": ("1", "2")}
        >>> direct({n: Chapter(n, n, p, 60, 0) for n, p in three.items()})
        [('1', '2'), ('2', '3')]
    """
    pairs = []
    for chapter in chapters.values():
        for name in chapter.prerequisites:
            others = [other for other in chapter.prerequisites if other != name]
            if name not in needed(chapters, others):
                pairs.append((name, chapter.name))
    return pairs


def gaps(chapters: Mapping[str, Chapter]) -> list[str]:
    """Numbers below the last chapter's that are left free for chapters not written yet.

    Example:
        >>> gaps({n: Chapter(n, n, (), 60, 0) for n in ["01_a", "04_b"]})
        ['02', '03']
    """
    there = {int(name.partition("_")[0]) for name in chapters}
    return [f"{n:02}" for n in range(1, max(there, default=0)) if n not in there]


def table(chapters: Mapping[str, Chapter]) -> str:
    """Each chapter with its minutes, in Markdown, as seen from the folder `chapters/`."""
    rows = [
        [
            f"[{chapter.name}]({chapter.name}/lesson.ipynb)",
            chapter.title,
            ", ".join(name.partition("_")[0] for name in chapter.prerequisites) or markdown.DASH,
            chapter.lesson,
            chapter.assignment,
        ]
        for chapter in chapters.values()
    ]
    total = [sum(row[column] for row in rows) for column in (3, 4)]
    head = ["chapter", "title", "before it", "lesson", "assignment"]
    return markdown.table(head, [*rows, ["all", "", "", *total]])
