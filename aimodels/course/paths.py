"""Ways through the course: which lessons and assignments in which week, and that they fit."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from aimodels.course import CourseError, markdown
from aimodels.course.chapters import Chapter, needed


@dataclass(frozen=True)
class Path:
    """What a way through the course promises.

    Args:
        name: of the path.
        unit: "day" or "week".
        units: number of these.
        hours: of one of them, at most.
        goals: chapters to reach, with all that they rest on; every chapter if empty.
        assignments: whether they are done, too.
        whole: whether a chapter's lesson and assignment belong to the same unit.
        half: whether lessons are for the class, assignments for home, half of `hours` each.
    """

    name: str
    unit: str
    units: int
    hours: float
    goals: tuple[str, ...] = ()
    assignments: bool = True
    whole: bool = False
    half: bool = False


@dataclass(frozen=True)
class Step:
    """A lesson or an assignment."""

    chapter: str
    kind: str
    minutes: int


PATHS = (
    Path("A long weekend", "day", 3, 5.5, goals=("13_gpt",), assignments=False),
    Path("Ten weeks", "week", 10, 7.5),
    Path("A teacher's term", "week", 15, 6, whole=True, half=True),
)


def plan(path: Path, chapters: Mapping[str, Chapter]) -> list[list[Step]]:
    """The steps of each unit, spread as evenly as their order allows.

    Raises:
        CourseError: the chapters do not fit into what the path promises.
    """
    parcels = []
    for name in needed(chapters, path.goals or chapters):
        steps = [Step(name, "lesson", chapters[name].lesson)]
        if path.assignments and chapters[name].assignment:
            steps.append(Step(name, "assignment", chapters[name].assignment))
        parcels += [steps] if path.whole else [[step] for step in steps]
    most = 0
    while len(units := _packed(parcels, most)) > path.units:
        most += 5
    verify(path, units, chapters)
    return units


def _packed(parcels: list[list[Step]], most: int) -> list[list[Step]]:
    """As few units as hold `most` minutes each; a parcel that is larger is a unit of its own."""
    units: list[list[Step]] = []
    for parcel in parcels:
        if units and minutes(units[-1]) + minutes(parcel) <= most:
            units[-1] += parcel
        else:
            units.append([*parcel])
    return units


def minutes(steps: list[Step], *kinds: str) -> int:
    """Of all steps, or of those of these kinds.

    Example:
        >>> day = [Step("06_cnn", "lesson", 80), Step("06_cnn", "assignment", 120)]
        >>> minutes(day), minutes(day, "lesson")
        (200, 80)
    """
    return sum(step.minutes for step in steps if not kinds or step.kind in kinds)


def verify(path: Path, units: list[list[Step]], chapters: Mapping[str, Chapter]) -> None:
    """Prove that a plan keeps what its path promises.

    Raises:
        CourseError: there are too many units, one is too long, a chapter is missing, or something
            comes before what it rests on.
    """
    if len(units) > path.units:
        raise CourseError(f"{path.name}: {len(units)} {path.unit}s, promised are {path.units}")
    shares = {("lesson",): 0.5, ("assignment",): 0.5} if path.half else {(): 1}
    for number, steps in enumerate(units, 1):
        for kinds, share in shares.items():
            if (found := minutes(steps, *kinds)) > (most := share * path.hours * 60):
                what = " ".join([path.unit, str(number), *kinds])
                raise CourseError(f"{path.name}: {what}: {found} minutes, promised are {most:g}")
    learned: list[str] = []
    for step in (step for steps in units for step in steps):
        before = [*chapters[step.chapter].prerequisites]
        before += [step.chapter] * (step.kind == "assignment")
        if late := [name for name in before if name not in learned]:
            raise CourseError(f"{path.name}: {step.chapter} comes before {late[0]}")
        if step.kind == "lesson":
            learned.append(step.chapter)
    if missing := {*(path.goals or chapters)} - {*learned}:
        raise CourseError(f"{path.name}: {min(missing)} is missing")


def table(path: Path, units: list[list[Step]]) -> str:
    """The plan, in Markdown, as seen from the folder `chapters/`."""
    head = [path.unit, "lessons", "minutes"]
    kinds = ["lesson", "assignment"] if path.assignments else ["lesson"]
    if path.half:
        head = [path.unit, "lessons, in class", "minutes", "assignments, at home", "minutes"]
    elif path.assignments:
        head = [path.unit, "lessons", "minutes", "assignments", "minutes"]

    def cells(steps: list[Step], kind: str) -> list:
        names = [step.chapter for step in steps if step.kind == kind]
        if kind == "lesson":  # assignments are not in the book, where a link would lead nowhere
            names = [f"[{name}]({name}/lesson.ipynb)" for name in names]
        return [", ".join(names) or markdown.DASH, minutes(steps, kind)]

    return markdown.table(
        head,
        (
            [number, *itertools.chain(*(cells(steps, kind) for kind in kinds))]
            for number, steps in enumerate(units, 1)
        ),
    )


def summary(path: Path, units: list[list[Step]]) -> str:
    """What the plan takes, beside what the path promises."""
    steps = [step for steps in units for step in steps]
    lessons = sum(step.kind == "lesson" for step in steps)
    work = f" and {len(steps) - lessons} assignments" if path.assignments else ""
    longest = max(map(minutes, units))
    return (
        f"{path.name}: {lessons} lessons{work}, {minutes(steps) / 60:.1f} hours in "
        f"{len(units)} {path.unit}s (at most {path.units}); the longest {path.unit} has "
        f"{longest / 60:.1f} hours (at most {path.hours:g})"
    )
