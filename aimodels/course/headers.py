"""The short headers of an assignment's cells, and nbgrader's metadata that they stand for.

# %% {answer q1}           the student's answer
# %% {test q1_visible 5}   a test cell and its points
# %% {locked setup}        code that the student may not change
"""

import json
import re

_HEADER = re.compile(r"^# %%[ \t]*(\{.*)$", re.MULTILINE)
_SHORT = re.compile(r"\{(?:(answer|locked) ([\w-]+)|test ([\w-]+) (\d+(?:\.\d+)?))\}")
_LONG = re.compile(r"^# %% nbgrader=(\{.*\})$", re.MULTILINE)


def _facts(kind: str, name: str, points: float | None = None) -> dict:
    """nbgrader's metadata of a cell."""
    facts = {"grade": kind == "test", "grade_id": name, "locked": kind != "answer"}
    if points is not None:
        facts["points"] = int(points) if points == int(points) else points
    return facts | {"schema_version": 3, "solution": kind == "answer", "task": False}


def expand(text: str) -> tuple[str, list[tuple[int, str]]]:
    """A source with nbgrader's metadata in the place of its short headers.

    Returns:
        The text, and what is wrong with headers: pairs of a line number and a sentence.

    Example:
        >>> print(expand("# %% {answer q1}")[0])
        # %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, \
"solution": true, "task": false}
    """
    problems = []

    def long(match: re.Match) -> str:
        found = _SHORT.fullmatch(match[1].strip())
        if not found:
            problems.append(
                (
                    1 + text.count("\n", 0, match.start()),
                    f"the header {match[1].strip()} is none of {{answer q1}}, "
                    "{test q1_visible 5} (with its points) and {locked NAME}",
                )
            )
            return "# %%"
        kind, name, test, points = found.groups()
        facts = _facts("test", test, float(points)) if test else _facts(kind, name)
        return f"# %% nbgrader={json.dumps(facts)}"

    return _HEADER.sub(long, text), problems


def shorten(text: str) -> str:
    """The reverse of `expand`; metadata that no short header gives stay as they are."""

    def short(match: re.Match) -> str:
        facts = json.loads(match[1])
        kind = "test" if facts.get("grade") else "answer" if facts.get("solution") else "locked"
        words = [kind, str(facts.get("grade_id"))]
        words += [f"{facts['points']:g}"] if "points" in facts else []
        header = f"# %% {{{' '.join(words)}}}"
        expanded = _LONG.fullmatch(expand(header)[0])
        return header if expanded and json.loads(expanded[1]) == facts else match[0]

    return _LONG.sub(short, text)
