"""Where the models stand: beside their references, a floor, a rival and what others published.

All numbers are read from `benchmarks/results/`; `benchmarks/comparisons.toml` says from where.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from aimodels.course import CourseError, markdown, recorded
from aimodels.course.markdown import DASH
from aimodels.course.notebooks import find_root

HEAD = ["model", "measure", "floor", "ours", "rival", "outcome", "published"]
HEAD += ["reference", "difference"]
_WINS = {"higher": "↑", "lower": "↓"}
# Where no interval was recorded: two scores that differ by 1 % are a draw, two times by 5 %.
_SCORES, _TIMES = 0.005, 0.025

Interval = tuple[float, float]


def number_at(figures: object, keys: Iterable[str]) -> float:
    """The number to which the keys lead; of several, the mean.

    Args:
        figures: dictionaries and lists of numbers, one in the other.
        keys: "name*" is the one key that begins so, "*" stands for all keys.

    Raises:
        KeyError: there is no such number.

    Example:
        >>> seeds = {"seeds": {"1": {"loss": 1.0}, "2": {"loss": [2.0, 4.0]}}}
        >>> number_at(seeds, ["seeds", "*", "loss"])
        2.0
    """
    if not (keys := list(keys)):
        if isinstance(figures, list):
            return _mean(number_at(one, []) for one in figures)
        if isinstance(figures, bool) or not isinstance(figures, int | float):
            raise KeyError(f"not a number: {figures!r}")
        return float(figures)
    key, *rest = keys
    if not isinstance(figures, dict):
        raise KeyError(key)
    if key == "*":
        return _mean(number_at(one, rest) for one in figures.values())
    if key.endswith("*"):
        [key] = [name for name in figures if name.startswith(key[:-1])] or [key]
    return number_at(figures[key], rest)


def _mean(numbers: Iterable[float]) -> float:
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def outcome(better: str, ours: Interval, rival: Interval | None) -> str:
    """Who wins; nobody if the intervals overlap.

    Example:
        >>> outcome("lower", (1.7, 1.8), (1.9, 2)), outcome("higher", (1.7, 1.8), (1.9, 2))
        ('win', '**loss**')
        >>> outcome("higher", (1.7, 1.9), (1.8, 2)), outcome("higher", (1, 1), None)
        ('draw', '–')
    """
    if rival is None:
        return DASH
    if ours[0] <= rival[1] and rival[0] <= ours[1]:
        return "draw"
    return "win" if (ours > rival) == (better == "higher") else "**loss**"


def _shown(number: float | None) -> str:
    """Four digits that count; all of a large number, two of a tiny one."""
    if number is None:
        return DASH
    if 0 < abs(number) < 1e-3:
        return f"{number:.1e}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def compared_models() -> dict[str, dict]:
    """For each model, or function, that was compared with references: these, and how it came out.

    Example:
        >>> compared_models()["gpt.GPT"]["comparisons"] > 1
        True
    """
    found: dict[str, list[dict]] = defaultdict(list)
    for what, facts in recorded("parity")["figures"].items():
        named = re.match(r"\w+\.\w+", what)
        found[named[0] if named else what].append(facts)
    return {
        name: {
            "references": sorted({facts["reference"].partition(" ")[0] for facts in all_of}),
            "comparisons": len(all_of),
            **max(all_of, key=_used),
        }
        for name, all_of in found.items()
    }


def _used(facts: dict) -> float:
    """The share of its bound that a difference takes up."""
    return facts["difference"] / facts["bound"] if facts["bound"] else float(facts["difference"])


def _difference(facts: dict | None) -> list[str]:
    if facts is None:
        return [DASH, DASH]
    shown = f"{facts['difference']:.1e}" if facts["difference"] else "0"
    bound = f"{facts['bound']:.0e}" if facts["bound"] else "0"
    return [", ".join(facts["references"]), f"{shown} ≤ {bound}"]


def read_comparisons(root: Path | None = None) -> list[dict]:
    """The rows of `benchmarks/comparisons.toml`."""
    path = (root or find_root()) / "benchmarks" / "comparisons.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["row"]


def rows(comparisons: Iterable[dict] | None = None) -> Iterator[list[str]]:
    """One line of the table for each comparison, as `HEAD` says.

    Raises:
        CourseError: a comparison names no number of a recorded result.
    """
    models = compared_models()
    for facts in read_comparisons() if comparisons is None else comparisons:
        ours, floor, rival = (_number(facts, key) for key in ("ours", "floor", "rival"))
        published = facts.get("published")
        cited = published and f"{published['value']} ([{published['source']}]({published['url']}))"
        yield [
            f"`{facts['model']}`",
            f"{facts['measure']} {_WINS[facts['better']]}",
            _shown(floor),
            _shown(ours),
            DASH if rival is None else f"{_shown(rival)} ({facts['rival_name']})",
            outcome(facts["better"], *(_interval(facts, key) for key in ("ours", "rival"))),
            cited or DASH,
            *_difference(models.get(facts["model"])),
        ]


def _number(facts: dict, key: str, *, end: str | None = None) -> float | None:
    """The number for "ours", "floor" or "rival"; or "low" or "high", recorded beside it."""
    if key not in facts:
        return None
    place = facts[key]
    if isinstance(place, list):
        place = {"result": facts["result"], "at": place}
    keys = [*place["at"][:-1], end] if end else place["at"]
    try:
        return number_at(recorded(place["result"])["figures"], keys)
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise CourseError(
            f"benchmarks/comparisons.toml: {facts['model']}, {facts['measure']}: no {key} at "
            f"{place['result']}, {keys}"
        ) from error


def _interval(facts: dict, key: str) -> Interval | None:
    """As recorded beside a mean, or over rounds; else as wide as another run may be off."""
    number = _number(facts, key)
    if number is None:
        return None
    if key == "ours" and "ratios" in facts:
        ratios = recorded(facts["result"])["figures"][facts["ratios"]]
        rival = _number(facts, "rival")
        return rival * min(ratios), rival * max(ratios)
    try:
        return _number(facts, key, end="low"), _number(facts, key, end="high")
    except CourseError:
        margin = abs(number) * (_TIMES if "second" in facts["measure"] else _SCORES)
        return number - margin, number + margin


def score() -> str:
    """How often a rival was beaten, and how often not."""
    ends = [row[HEAD.index("outcome")].strip("*") for row in rows()]
    counts = [ends.count(end) for end in ("win", "draw", "loss", DASH)]
    return "{} wins, {} draws, {} losses; {} without a rival".format(*counts)


def parts() -> str:
    """The table of all that was compared with a reference and has no other figure here."""
    measured = {facts["model"] for facts in read_comparisons()}
    return markdown.table(
        ["model or function", "reference", "comparisons", "largest difference"],
        (
            [f"`{name}`" if "." in name else name, references, facts["comparisons"], difference]
            for name, facts in compared_models().items()
            if name not in measured
            for references, difference in [_difference(facts)]
        ),
    )


def page(root: Path | None = None) -> str:
    """`docs/status.md`, whole."""
    used = {facts["result"] for facts in read_comparisons(root)} | {"parity"}
    folder = (root or find_root()) / "benchmarks" / "results"
    others = sorted({path.stem for path in folder.glob("*.json")} - used)
    listed = ", ".join(f"`{name}`" for name in others)
    return _PAGE.format(score=score(), table=table(), parts=parts(), others=listed)


def table() -> str:
    """The table of the models."""
    return markdown.table(HEAD, rows())


_PAGE = """\
# Where the models stand

Written by `aimodels course map` from `benchmarks/results/`: no number here is typed by hand, but
what others published.

- ↑: more is better, ↓: less is better. **floor**: without learning. **rival**: a strong simple
  method, or the same in another library. The **outcome** compares ours with the rival: a draw if
  their recorded intervals overlap, or if rounds of one run disagree; where neither was recorded,
  if scores differ by 1 % or less, or times and speeds by 5 % or less.
- **reference** and **difference**: the same weights and inputs in a model that we did not write. Of
  all comparisons, the one that comes nearest to its bound, and the bound.
- –: not measured, or no published figure for the same data, split and measure.

{score}. One run may differ from the next: a program in `benchmarks/` says how each was measured.

{table}

## Compared with references only

{parts}

Recorded besides: {others}.
"""
