"""Which files are handed in, and by whom; every other file is named, and why it is none."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.identity import Who, copied, saved_again, written_by_a_system
from aimodels.course.notebooks import Page
from aimodels.course.reading import Pages
from aimodels.course.sources import Source, SubmissionError, text, walk

_NOT_HANDED_IN = {"solutions", "release", "autograded", "feedback", "source"}
_TRANSPARENT = {"submitted", "chapters"}  # folders that say nothing of a student

_NOBODY = Who("")


@dataclass(frozen=True)
class Submission:
    """One file of one student."""

    student: str  # what tells the student from all others
    path: Path
    file: str  # as it is written in the results
    who: Who = _NOBODY
    source: Source | None = None  # how to read it; the file at `path` if None
    page: Page | None = None  # another page of the course, if it was made from one

    def load(self) -> bytes:
        """What is in the file; raises a SubmissionError if it cannot be read."""
        return (self.source or next(walk(self.path))).load()


@dataclass
class Collection:
    """What was found: a submission for each student, and sentences about all other files."""

    submissions: list[Submission] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)  # two notebooks of one student
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by reason

    def sentences(self, shown: int = 5) -> list[str]:
        """What a teacher reads of the files that are not graded."""
        said = list(self.doubles)
        for reason, files in self.skipped.items():
            more = f" and {len(files) - shown:,} more" if len(files) > shown else ""
            said.append(f"Not graded, {reason}: {', '.join(files[:shown])}{more}.")
        return said


def find(paths: list[str], chapter: str, chapters: Iterable[str] = ()) -> list[Submission]:
    """The submissions among `paths`; see `collect`."""
    return collect(paths, chapter, chapters).submissions


def collect(
    paths: list[str],
    chapter: str,
    chapters: Iterable[str] = (),
    page_of: Callable[[Source], Page | None] = lambda source: None,
    ours: Iterable[Path] = (),
) -> Collection:
    """The notebooks that students handed in, one for each student.

    A learning system's own name for a student decides; else the folder, and only for files that
    lie in no student's folder the file's name. Of several notebooks of one student the newest
    counts, and a line says so. Where two students have the same name, the folders above tell them
    apart; if there are none, a number does.

    Args:
        paths: files, or folders and zip archives to look through.
        chapter: whose assignment they are.
        chapters: all of them; in a folder of another chapter's name nothing is looked for.
        page_of: says from which page of the course a notebook was made.
        ours: files and folders that the grader has written there.

    Raises:
        CourseError: if a path does not exist, or there is nothing to grade.
    """
    found = Collection()
    others = set(chapters) - {chapter}
    groups: dict[tuple, list[Submission]] = {}
    written = {str(Path(path).absolute()) for path in ours}
    for number, (root, sources) in enumerate(_roots(paths)):
        notebooks = []
        for source in sources:
            if _is_ours(source, written):
                continue
            if reason := _no_notebook(source, others):
                found.skipped[reason].append(text(source.path))
            else:
                notebooks.append(source)
        pages = {source: page_of(source) for source in notebooks}
        foreign = {s for s, page in pages.items() if page and not _wanted(page, chapter)}
        silent = set(chapters) | {chapter} | _TRANSPARENT
        for source, key in _owners(root, notebooks, silent, foreign).items():
            who = written_by_a_system((root, *source.parts))
            key = (who.system, who.student) if who else (number, *key)
            who = who or Who([part for part in key if part][-1], file=source.name)
            page = pages[source] if source in foreign else None
            submission = Submission("", Path(source.path), _shown(source), who, source, page)
            groups.setdefault(key, []).append(submission)
    _add_unusable(found, groups)
    if not groups:
        raise CourseError(f"no notebook of {chapter} (*.ipynb) in {', '.join(paths)}")
    _choose(found, groups)
    return found


def _wanted(page: Page, chapter: str) -> bool:
    return (page.chapter, page.kind) == (chapter, "assignment")


def _shown(source: Source) -> str:
    return "/".join(source.parts)


def _is_ours(source: Source, written: set[str]) -> bool:
    path = Path(source.path).absolute()
    return any(str(place) in written for place in (path, *path.parents))


def _roots(paths: list[str]) -> list[tuple[str, list[Source]]]:
    """Each argument's name and files; students' folders that a shell has listed are one root."""
    places = [Path(path) for path in paths]
    if missing := [p for p in places if not (p.exists() or p.is_symlink())]:
        raise CourseError(f"{missing[0]}: no such file or folder")
    found, files = [], []
    for path in places:
        name = text(path.resolve().name)
        if path.is_dir() and not path.is_symlink():
            found.append((name, list(walk(path))))
        elif path.suffix.lower() == ".zip":
            inside = [_placed(s, s.parts[1:] or s.parts) for s in walk(path)]
            found.append((name[: -len(".zip")], inside))
        else:
            folder = text(path.absolute().parent.name)
            files += walk(path, (folder, text(path.name)))
    if len(found) > 1 and all(map(_is_student_folder, found)):  # `aimodels grade class/*`
        found = [("", [_placed(s, (name, *s.parts)) for name, root in found for s in root])]
    if len({Path(s.path).absolute().parent for s in files}) == 1:
        return [*found, (files[0].parts[0], [_placed(s, s.parts[1:]) for s in files])]
    return [*found, ("", files)] if files else found


def _placed(source: Source, parts: tuple[str, ...]) -> Source:
    return Source(parts, source.path, source.modified, source.load)


def _is_student_folder(root: tuple[str, list[Source]]) -> bool:
    notebooks = [s for s in root[1] if s.name.endswith(".ipynb") and not s.by_product]
    return len(notebooks) <= 2 and all(len(source.parts) == 1 for source in notebooks)


def _no_notebook(source: Source, others: set[str]) -> str:
    """Why nobody has handed this file in as a notebook; an empty text if somebody has."""
    if source.by_product:
        return "written by a program for itself"
    folders = set(source.parts[:-1])
    if folders & _NOT_HANDED_IN:
        return f"in a folder called {', '.join(sorted(folders & _NOT_HANDED_IN))}"
    if folders & others:
        return "in a folder of another chapter"
    name = source.name.lower()
    if _stem(source) == "lesson":
        return "called lesson.ipynb"
    if name.endswith(".ipynb") or (name.endswith(".zip") and len(source.parts) <= 2):
        return ""
    if ".ipynb" in name:
        return "not named *.ipynb; rename it if it is a notebook"
    return "no notebook (*.ipynb)"


def _stem(source: Source) -> str:
    """The name of a file, or of the one that it is a copy of."""
    return saved_again(Path(source.name).stem)[0].casefold()


def _owners(
    root: str, notebooks: list[Source], silent: set[str], foreign: set[Source]
) -> dict[Source, tuple[str, ...]]:
    """For each notebook the folders and the name that stand for its student.

    A folder is a student's, unless it holds several folders, or more than two notebooks of
    different names: then it is a class. What most folders beside each other are, all are.

    Args:
        root: the name of the folder that was given.
        notebooks: what it holds.
        silent: folders that say nothing of a student.
        foreign: notebooks of other pages, which do not make a class of a folder.
    """
    owners: dict[Source, tuple[str, ...]] = {}

    def split(items: list[tuple[tuple[str, ...], Source]], above: tuple[str, ...]) -> None:
        """Owners of the files in a class; `items` have their folders below that of the class."""
        here = [source for folders, source in items if not folders]
        stems = {Path(source.name).stem for source in here}
        nameless = [source for source in here if _stem(source) == "assignment"]
        for source in here:
            stem = Path(source.name).stem
            original, copy = copied(stem)
            if nameless == [source] and (above or len(items) == 1):
                owners[source] = above or (root or stem,)
            else:  # the last, empty part tells a file from a folder of this name
                owners[source] = (*above, original if copy and original in stems else stem, "")
        below = defaultdict(list)
        for folders, source in items:
            if folders:
                below[folders[0]].append((folders[1:], source))
        classes = [name for name, inside in below.items() if holds_a_class(inside)]
        classes = list(below) if 2 * len(classes) >= len(below) and classes else []
        if not here and len(below) == 1 and all(len(folders) > 1 for folders, _ in items):
            classes = list(below)  # one folder around all others
        for name, inside in below.items():
            if name in classes:
                split(inside, (*above, name))
            else:
                owners.update({source: (*above, name) for _, source in inside})

    def holds_a_class(inside: list) -> bool:
        wanted = [(folders, source) for folders, source in inside if source not in foreign]
        folders = {folders[0] for folders, _ in wanted if folders}
        names = {_stem(source) for folders, source in wanted if not folders}
        return len(folders) > 1 or len(names) > 2

    plain = []
    for source in notebooks:
        if written_by_a_system((root, *source.parts)):
            owners[source] = source.parts
        else:
            folders = tuple(part for part in source.parts[:-1] if part not in silent)
            plain.append((folders, source))
    split(plain, ())
    return owners


def _add_unusable(found: Collection, groups: dict) -> None:
    """A student who handed in something else is not lost: a line says what it was."""
    for reason, files in list(found.skipped.items()):
        if reason.startswith(("written", "in a")):
            continue
        for path in list(files):
            who = written_by_a_system(Path(path).parts)
            key = (who.system, who.student) if who else None
            if key and key not in groups:
                groups[key] = [_unusable(who, path, reason)]
                files.remove(path)
    found.skipped = {reason: files for reason, files in found.skipped.items() if files}


def _unusable(who: Who, path: str, reason: str) -> Submission:
    def load() -> bytes:
        raise SubmissionError(f"{Path(path).name}: {reason}. Hand in the notebook itself.")

    source = Source(Path(path).parts[-2:], path, 0.0, load)
    return Submission("", Path(path), _shown(source), who, source)


def _choose(found: Collection, groups: dict[tuple, list[Submission]]) -> None:
    """One submission for each student, with a name that no other student has."""
    last = Counter(group[0].who.student for key, group in groups.items() if not group[0].who.system)
    taken: set[str] = set()
    for key, group in sorted(groups.items(), key=lambda item: str(item[1][0].path)):
        right = [s for s in group if s.page is None] or group
        right = [s for s in right if s.file.lower().endswith(".ipynb")] or right
        chosen = max(right, key=_age)
        name = student = chosen.who.student
        if not chosen.who.system and last[name] > 1:
            name = student = "/".join(part for part in key[1:] if part)
        numbers = itertools.count(2)
        while student in taken:
            student = f"{name} ({next(numbers)})"
        taken.add(student)
        found.submissions.append(
            Submission(student, chosen.path, chosen.file, chosen.who, chosen.source, chosen.page)
        )
        rest = sorted(s.file for s in right if s is not chosen)
        if rest:
            found.doubles.append(
                f"{student}: of {len(right)} notebooks the newest counts, {chosen.file}; "
                f"not graded: {', '.join(rest)}."
            )
        for other in group:
            if other not in right:
                reason = f"of {other.page}" if other.page else "a damaged archive"
                found.skipped.setdefault(reason, []).append(other.file)


def _age(submission: Submission) -> tuple:
    """Newer is larger: the system's number, the file's time, the number of the copy."""
    source = submission.source
    copy = saved_again(Path(source.name).stem)[1]
    return submission.who.upload, source.modified, copy, source.name


def detect(paths: list[str], pages: list[Page]) -> Page:
    """Which chapter's assignment the submissions are: that of most notebooks.

    Raises:
        CourseError: if that is not clear.
    """
    known = Pages(pages)
    counts: Counter[Page] = Counter()
    for source in (source for _, sources in _roots(paths) for source in sources):
        if not source.name.lower().endswith(".ipynb") or _no_notebook(source, set()):
            continue
        named = [page for page in pages if page.chapter in source.parts]
        counts.update(named or filter(None, [known.page_of(source)]))
    ranked = counts.most_common()
    if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]):
        return ranked[0][0]
    names = ", ".join(page.chapter for page in pages)
    which = "several chapters" if ranked else "no known chapter"
    raise CourseError(f"these are submissions of {which}: say which with --chapter ({names})")
