"""A user's own text: a file, or a folder of files, in UTF-8."""

import codecs
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from aimodels import data
from aimodels.recipes.common import RecipeError

_WHOLE_FILES = 20  # from so many on, whole files are held out
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class OwnText(NamedTuple):
    """Texts to train on and to validate with.

    Attributes:
        train: training texts.
        validation: held-out texts.
        skipped: paths of the folder's files that are no UTF-8 text, relative to the folder.
    """

    train: list[str]
    validation: list[str]
    skipped: list[str]

    def digest(self) -> str:
        """Changes with the texts."""
        return hashlib.sha256(json.dumps([self.train, self.validation]).encode()).hexdigest()


def own_text(path: str | Path, limit: int | None = None) -> OwnText:
    """Read a text file, or all text files in a folder and its subfolders.

    A tenth is held out: of 20 files or more about every tenth, chosen by a hash of its name, so
    that a new file moves no other one; of fewer the end of each. Hidden files are not read.

    Args:
        path: path of the file or folder.
        limit: largest number of lines of a file, or of files of a folder; all of them if None.

    Raises:
        RecipeError: if there is no such file, it is not UTF-8, or there is no text in it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "verses.txt"
        >>> _ = path.write_text("to be or not to be\\n" * 10)
        >>> texts = own_text(path)
        >>> len(texts.train[0]), len(texts.validation[0])
        (171, 19)
    """
    path = Path(path)
    if path.is_dir():
        texts, skipped = _folder(path, limit)
    elif path.is_file():
        lines = _text(path).splitlines(keepends=True)
        texts, skipped = {path.name: "".join(lines[:limit])}, []
    else:
        raise RecipeError(f"there is no file or folder {path}")
    texts = {name: text for name, text in texts.items() if text.strip()}
    if not texts:
        raise RecipeError(f"there is no text in {path}{_listed(skipped)}")
    train, validation = [], []
    for name, text in texts.items():
        cut = round(0.9 * len(text))
        if len(texts) >= _WHOLE_FILES:
            cut = 0 if data.hash_fraction(name) >= 0.9 else len(text)
        train.append(text[:cut])
        validation.append(text[cut:])
    return OwnText(list(filter(None, train)), list(filter(None, validation)), skipped)


def _folder(folder: Path, limit: int | None) -> tuple[dict[str, str], list[str]]:
    """Texts by name, and the names of other files."""
    texts, skipped = {}, []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        if len(texts) == limit:
            break
        try:
            texts[name.as_posix()] = _text(path)
        except RecipeError:
            skipped.append(name.as_posix())
    return texts, skipped


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(_UTF_16):
        raise RecipeError(f"{path} is UTF-16: save it as UTF-8")
    if b"\0" in content:
        raise RecipeError(f"{path} is no text: it holds a zero byte")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecipeError(
            f"{path} is not UTF-8 (line {line}): save it as UTF-8, or convert it, for example with "
            f"`iconv -f GB18030 -t UTF-8 {path.name} > utf8.txt` if it is Chinese text of Windows"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _listed(skipped: list[str]) -> str:
    """A part of a sentence that names the skipped files."""
    if not skipped:
        return ""
    more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return f"; not UTF-8 text, so skipped: {', '.join(skipped[:5])}{more}"


def summary(path: str | Path, texts: OwnText) -> str:
    """What was read, in one line."""
    counts = [f"{sum(map(len, part)):,}" for part in texts[:2]]
    read = f"{path}: {counts[0]} characters to train on, {counts[1]} held out"
    return read + _listed(texts.skipped)
