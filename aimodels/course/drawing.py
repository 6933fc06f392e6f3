"""The map of the course: each chapter a box, below all that it rests on."""

import itertools
import random
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from aimodels import plots
from aimodels.course.chapters import Chapter, direct

WIDE, NARROW, HIGH = 1.4, 0.5, 1.2  # inches: of a box, of an arrow that passes, of a row
MARGIN = 0.75  # inches beside the middles of the outer boxes
PAST = 0.35  # inches of an arrow above and below the middle of a row that it passes
TRIES, SWEEPS = 30, 8
Place = tuple[str, int]  # a chapter in its row, or the row in which an arrow passes


def draw(
    chapters: Mapping[str, Chapter], marked: Iterable[str] = (), ax: Axes | None = None
) -> Axes:
    """Draw which chapter rests on which; an arrow that follows from others is left out.

    Args:
        chapters: by name, each behind its prerequisites.
        marked: chapters drawn in colour.
        ax: where to draw; a new figure if not given.

    Example:
        >>> two = {n: Chapter(n, n, p, 60, 0) for n, p in [("01_a", ()), ("02_b", ("01_a",))]}
        >>> [text.get_text() for text in draw(two).texts if text.get_text()]
        ['01 a\\n60 min', '02 b\\n60 min']
    """
    marked = set(marked)
    places, ways = layout(chapters)
    boxes = {
        name: (*places[name], _label(chapter), "lightblue" if name in marked else "white")
        for name, chapter in chapters.items()
    }
    spots = [*places.values(), *itertools.chain(*ways.values())]
    (left, right), (top, bottom) = (
        (min(values), max(values)) for values in zip(*spots, strict=True)
    )
    left, right, top, bottom = (
        left - MARGIN,
        right + MARGIN,
        top - MARGIN / 1.5,
        bottom + MARGIN / 1.5,
    )
    ax = ax or plt.subplots(figsize=(right - left, bottom - top), layout="constrained")[1]
    plots.diagram(boxes, [pair for pair, way in ways.items() if not way], ax)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    frames = {name: text.get_bbox_patch() for name, text in zip(boxes, ax.texts, strict=False)}
    for (a, b), way in ways.items():
        if way:
            ax.plot(*zip(places[a], *way, strict=True), color="black", linewidth=1, zorder=1)
            line = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "patchB": frames[b]}
            ax.annotate("", places[b], way[-1], arrowprops=line)
    return ax


def _label(chapter: Chapter) -> str:
    words = textwrap.wrap(chapter.name.replace("_", " "), 14)
    return "\n".join([*words, f"{chapter.lesson} min"])


def layout(chapters: Mapping[str, Chapter]) -> tuple[dict, dict]:
    """Where each chapter stands, and which places each arrow passes.

    A chapter stands one row below the lowest of its prerequisites. Within a row, each tends to the
    mean place of what it is joined with above and below, and none covers another (the layers of
    Sugiyama et al. 1981).

    Returns:
        (x, y) by name, y growing downward, and a list of such places by pair.
    """
    row: dict[str, int] = {}
    for name, chapter in chapters.items():
        row[name] = 1 + max((row[other] for other in chapter.prerequisites), default=-1)
    pairs = direct(chapters)
    rows: list[list[Place]] = [[] for _ in range(max(row.values(), default=-1) + 1)]
    for name in chapters:
        rows[row[name]].append((name, row[name]))
    joined: dict[Place, list[Place]] = defaultdict(list)
    for a, b in pairs:
        chain = [(a, row[a]), *((f"{a} {b}", r) for r in range(row[a] + 1, row[b])), (b, row[b])]
        for place in chain[1:-1]:
            rows[place[1]].append(place)
        for upper, lower in itertools.pairwise(chain):
            joined[upper].append(lower)
            joined[lower].append(upper)
    draw = random.Random(0)
    starts = [[draw.sample(places, len(places)) for places in rows] for _ in range(TRIES)]
    x = min((_placed(start, joined) for start in starts), key=lambda x: _tangle(x, joined))
    spots = {place: (x[place], HIGH * place[1]) for places in rows for place in places}
    ways = {
        (a, b): [
            (x[f"{a} {b}", r], HIGH * r + side)  # straight past the row, however tall its boxes
            for r in range(row[a] + 1, row[b])
            for side in (-PAST, PAST)
        ]
        for a, b in pairs
    }
    return {name: spots[name, row[name]] for name in chapters}, ways


def _placed(rows: list[list[Place]], joined: Mapping[Place, list[Place]]) -> dict[Place, float]:
    """Every place's x, found by turns from what is above and from what is below it."""
    x: dict[Place, float] = {}
    for places in rows:
        x |= _apart(places, dict.fromkeys(places, 0.0))
    for side in [-1, 1] * SWEEPS + [-1]:
        for places in rows[::-side]:
            wanted = {p: _mean(x, p, [q for q in joined[p] if q[1] - p[1] == side]) for p in places}
            x |= _apart(sorted(places, key=lambda p: (wanted[p], x[p])), wanted)
    for places in rows:
        wanted = {p: _mean(x, p, joined[p]) for p in places}
        x |= _apart(sorted(places, key=x.get), wanted)
    return x


def _mean(x: Mapping[Place, float], place: Place, others: list[Place]) -> float:
    return sum(x[other] for other in others) / len(others) if others else x[place]


def _apart(order: list[Place], wanted: Mapping[Place, float]) -> dict[Place, float]:
    """As near as possible to where each wants to be, in this order, none on another."""
    width = {place: NARROW if " " in place[0] else WIDE for place in order}
    x: dict[Place, float] = {}
    for before, place in zip([None, *order], order, strict=False):
        least = x[before] + (width[before] + width[place]) / 2 if before else wanted[place]
        x[place] = max(wanted[place], least)
    shift = sum(wanted[p] - x[p] for p in order) / max(len(order), 1)
    return {place: value + shift for place, value in x.items()}


def _tangle(x: Mapping[Place, float], joined: Mapping[Place, list[Place]]) -> tuple[int, float]:
    """Number of crossings of arrows, and how far they lead to the side."""
    lines = [(a, b) for a, others in joined.items() for b in others if b[1] > a[1]]
    crossings = sum(
        (x[a] - x[c]) * (x[b] - x[d]) < 0
        for (a, b), (c, d) in itertools.combinations(lines, 2)
        if a[1] == c[1]
    )
    return crossings, sum((x[a] - x[b]) ** 2 for a, b in lines)
