"""Tables that a learner brings: CSV files as spreadsheet programs of all countries write them."""

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from aimodels.files import find

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods; .xls


def read_rows(
    path: str | Path, columns: Collection[str] = (), *, encoding: str | None = None
) -> list[dict[str, str]]:
    """The rows of a CSV file, each with its texts by the columns' names.

    Commas, semicolons, tabs or bars may separate the cells. Left out are lines without any text,
    columns without a name, and the spaces around each cell.

    Args:
        path: the file; its first line names the columns.
        columns: names of columns that must be there, without an empty cell.
        encoding: how the file is encoded, if neither in UTF-8 nor in UTF-16 with its mark.

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if the file is no such table; the message says what is wrong, in which line.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("text;label\\ngood;1\\n\\nbad;0\\n")
        >>> read_rows(path, ["text", "label"])
        [{'text': 'good', 'label': '1'}, {'text': 'bad', 'label': '0'}]
    """
    _, rows = _read(path, columns, (), encoding)
    return list(rows.values())


def read_table(
    path: str | Path,
    target: str,
    *,
    leave_out: Collection[str] = (),
    rows_per_class: int = 1,
    encoding: str | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Measurements and classes from a CSV file, read as by `read_rows`.

    Where semicolons separate the cells, numbers may have a decimal comma.

    Args:
        path: the file; its first line names the columns.
        target: the column that says the class. All others must be numbers.
        leave_out: columns that are not to be read, such as names and row numbers.
        rows_per_class: how many rows each class must have.
        encoding: how the file is encoded, if neither in UTF-8 nor in UTF-16 with its mark.

    Returns:
        Features (N, columns), class numbers (N,), the columns' names, and the classes' names.

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if the file is no such table; the message says what is wrong, in which line.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("size;weight;kind\\n1,5;2;old\\n0,5;3;new\\n")
        >>> features, labels, columns, classes = read_table(path, "kind")
        >>> features.tolist(), labels.tolist(), columns, classes
        ([[1.5, 2.0], [0.5, 3.0]], [1, 0], ['size', 'weight'], ['new', 'old'])
    """
    file = Path(path).name
    separator, rows = _read(path, [target], leave_out, encoding)
    names = [name for name in next(iter(rows.values())) if name != target]
    if not names:
        raise ValueError(f"{file} has no column of measurements beside {target!r}")
    cells = {number: [row[name] for name in names] for number, row in rows.items()}
    comma = separator == ";" and any(
        "," in cell and np.isfinite(_number(cell, comma=True))
        for row in cells.values()
        for cell in row
    )
    features = np.empty((len(rows), len(names)))
    for i, (number, row) in enumerate(cells.items()):
        for j, cell in enumerate(row):
            features[i, j] = _number(cell, comma)
            if not np.isfinite(features[i, j]):
                what = f"{cell!r} is not a number" if cell else "the cell is empty"
                if comma and "." in cell:
                    what += " with a decimal comma, as others in this file"
                raise ValueError(
                    f"{file}, line {number}, {names[j]}: {what}; correct it, or leave out the line "
                    f"or the column"
                )
    texts = [row[target] for row in rows.values()]
    classes, labels, counts = np.unique(texts, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"{file}: {target!r} is {texts[0]!r} in all rows; two classes are needed")
    if counts.min() < rows_per_class:
        raise ValueError(
            f"{file}: {target!r} is {classes[counts.argmin()].item()!r} in {counts.min()} row(s), "
            f"and each class needs at least {rows_per_class}; a class is wanted, not a number "
            f"such as a price"
        )
    return features, labels, names, classes.tolist()


def _number(cell: str, comma: bool) -> float:
    if comma:
        cell = cell.replace(".", "?").replace(",", ".")  # 1.234,5 and 1.5 are none here
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _read(
    path: str | Path,
    columns: Collection[str],
    leave_out: Collection[str],
    encoding: str | None,
) -> tuple[str, dict[int, dict[str, str]]]:
    """What separates the cells, and the rows by the number of their line."""
    file, text = Path(path).name, _text(path, encoding)

    def header(separator: str) -> list[str]:
        return next((row for _, row in _lines(file, text, separator, strict=False)), [])

    needed = {*columns, *leave_out}
    separator = max(";\t,|", key=lambda s: (len(needed & {*header(s)}), len(header(s))))
    lines = _lines(file, text, separator)
    names = next(lines, (0, []))[1]
    if missing := sorted(needed - {*names}):
        first = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        raise ValueError(f"{file} has no column {missing[0]!r}; its first line is: {first}")
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise ValueError(f"{file} has two columns {twice[0]!r}: rename one")
    rows = {}
    for number, row in lines:
        if len(row) != len(names):
            raise ValueError(
                f"{file}, line {number}: {len(row)} cells, but the first line has {len(names)}"
            )
        cells = zip(names, row, strict=True)
        rows[number] = {name: cell for name, cell in cells if name and name not in leave_out}
        if empty := [name for name in columns if not rows[number][name]]:
            raise ValueError(
                f"{file}, line {number}, {empty[0]}: the cell is empty; fill it in, or leave out "
                f"the line"
            )
    if not rows:
        raise ValueError(f"{file} has no rows below a first line that names the columns")
    return separator, rows


def _lines(
    file: str, text: str, separator: str, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Each line that holds anything: its number and its cells."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=strict
    )
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(
            f"{file}, line {reader.line_num}: check the quotation marks ({error})"
        ) from None


def _text(path: str | Path, encoding: str | None) -> str:
    path = find(Path(path).expanduser())
    content = path.read_bytes()
    if content.startswith(_WORKBOOKS):
        raise ValueError(f"{path.name} is a workbook, not a CSV file: save it as CSV UTF-8")
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encoding = encoding or ("utf-16" if marked else "utf-8")
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path.name}, line {number}, is not in {encoding}: save the file as CSV UTF-8, or "
            f'name its encoding, such as encoding="cp1252" (Windows) or "gb18030" (Chinese)'
        ) from None
    if "\0" in text:
        raise ValueError(f"{path.name} is not a text in {encoding}: save it as CSV UTF-8")
    return text
