"""Tables in Markdown."""

from collections.abc import Iterable, Sequence

DASH = "–"  # stands where nothing was measured


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""A table; numbers stand at the right.

    Example:
        >>> print(table(["chapter", "minutes"], [["06_cnn", 80]]))
        | chapter | minutes |
        |---|--:|
        | 06_cnn | 80 |
    """
    rows = [list(row) for row in rows]
    numbers = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
    lines = [head, *rows]
    text = [
        "| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("--:" if number else "---" for number in numbers) + "|")
    return "\n".join(text)
