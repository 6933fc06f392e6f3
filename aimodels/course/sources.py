"""The files that a teacher has: in folders and in zip archives, seen as one tree.

Nothing of an archive is unpacked to the disk, and a name inside it is only ever a name: it is
looked at, and never used as a path.
"""

import io
import os
import re
import stat
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

LARGEST = 20 * 2**20  # bytes; a notebook with many pictures has two or three millions
LARGEST_ARCHIVE = 100 * 2**20  # bytes of an archive inside an archive
MOST_BYTES = 2**30  # of all archives inside an archive
MOST_MEMBERS = 20_000
DEEPEST = 3  # archives in archives
# What systems and programs write for themselves; the folder's name or the file's.
_BY_PRODUCTS = re.compile(
    r"__MACOSX|__pycache__|node_modules|\._.*|\.DS_Store|Thumbs\.db|desktop\.ini"
    r"|\.ipynb_checkpoints|.*-checkpoint\.ipynb|\.(git|venv|idea|vscode|ipython|cache)|~\$.*"
)


class SubmissionError(Exception):
    """A file that cannot be graded; the message is for the student."""


@dataclass(frozen=True)
class Source:
    """One file: where it is, when it was changed, and how to read it."""

    parts: tuple[str, ...]  # below the folder that was given; an archive counts as a folder
    path: str  # on the disk; behind an archive's path stands that of the member
    modified: float
    load: Callable[[], bytes]  # raises a SubmissionError

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def by_product(self) -> bool:
        """Whether no person made this file: `__MACOSX`, `._x`, checkpoints."""
        return any(_BY_PRODUCTS.fullmatch(part) for part in self.parts)


def text(name: str) -> str:
    """A file name may be any bytes; a table of grades holds text, a terminal obeys no name.

    What looks the same is the same: macOS writes an accent as a character of its own.
    """
    name = os.fsencode(name).decode("utf-8", "replace")
    name = unicodedata.normalize("NFC", name)
    escaped = r"[\0-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
    return re.sub(escaped, lambda match: repr(match.group())[1:-1], name)


def walk(root: Path, parts: tuple[str, ...] | None = None) -> Iterator[Source]:
    """Every file in a folder, or the one that is named, with the files in its zip archives.

    Args:
        root: a folder or a file; links are not followed.
        parts: what to call the file; its name if None.
    """
    if root.is_symlink() or not root.is_dir():
        yield from _file(root, (text(root.name),) if parts is None else parts)
        return
    closed: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=closed.append):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        odd = [name for name in folders if name.lower().endswith(".ipynb")]
        for name in sorted({*files, *links, *odd}):
            path = Path(folder, name)
            yield from _file(path, tuple(map(text, path.relative_to(root).parts)))
        folders[:] = sorted(set(folders) - set(links))
    for path in (Path(error.filename) for error in closed):  # a folder that may not be read
        yield from _file(path, tuple(map(text, path.relative_to(root).parts)))


def read(path: Path) -> bytes:
    """What is in a file on the disk.

    Raises:
        SubmissionError: if it is a link, no regular file, empty, or too large.
    """
    try:
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            raise SubmissionError("The file is a link, not a notebook: hand in the file itself.")
        if not stat.S_ISREG(facts.st_mode):
            raise SubmissionError("This is not a file: hand in the notebook (*.ipynb) itself.")
        _check_size(facts.st_size)
        return path.read_bytes()
    except OSError as error:
        raise SubmissionError(f"The file cannot be read: {error.strerror}.") from error


def _check_size(size: int) -> None:
    if size == 0:
        raise SubmissionError("The file is empty: save the notebook, then hand it in again.")
    if size > LARGEST:
        raise SubmissionError(
            f"The file has {size / 2**20:.0f} MiB, more than the {LARGEST >> 20} "
            "allowed: clear the outputs (Edit, Clear Outputs of All Cells) and save."
        )


def _file(path: Path, parts: tuple[str, ...]) -> Iterator[Source]:
    source = Source(parts, str(path), path.lstat().st_mtime, lambda: read(path))
    archive = path.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink()
    if archive and not source.by_product:
        yield from _Archive(source, lambda: path.open("rb"), _Budget()).members()
    else:
        yield source


@dataclass
class _Budget:
    """What is left for one archive and all archives in it, however they claim to be made."""

    members: int = MOST_MEMBERS
    size: int = MOST_BYTES


@dataclass
class _Archive:
    source: Source
    opened: Callable[[], BinaryIO]
    budget: _Budget
    depth: int = 1

    def members(self) -> Iterator[Source]:
        """The files in it; the archive itself, as one that cannot be read, if it is broken."""
        try:
            with self.opened() as file, zipfile.ZipFile(file) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
        except Exception:  # whatever is in a file that is called .zip
            yield self._unreadable("is damaged, or is none")
            return
        if not members:
            yield self._unreadable("is empty")
        self.budget.members -= len(members)
        if self.budget.members < 0:
            yield self._unreadable(f"holds more than {MOST_MEMBERS:,} files")
            return
        for member in members:
            yield from self._member(member)

    def _unreadable(self, why: str) -> Source:
        def load() -> bytes:
            raise SubmissionError(f"The zip archive {why}: unpack it and hand in the notebook.")

        return Source(self.source.parts, self.source.path, self.source.modified, load)

    def _member(self, member: zipfile.ZipInfo) -> Iterator[Source]:
        inside = PurePosixPath(member_name(member).replace("\\", "/"))
        names = [text(part) for part in inside.parts if part not in ("/", "..")] or ["unnamed"]
        parts = (*self.source.parts[:-1], self.source.name[: -len(".zip")], *names)
        path = "/".join([self.source.path, *names])
        try:
            modified = time.mktime((*member.date_time, 0, 0, -1))
        except (ValueError, OverflowError):
            modified = 0.0
        found = Source(parts, path, modified, lambda: self._load(member, LARGEST))
        if not found.name.lower().endswith(".zip") or found.by_product or self.depth == DEEPEST:
            yield found
            return
        self.budget.size -= member.file_size
        if self.budget.size < 0 or member.file_size > LARGEST_ARCHIVE:
            yield found
            return
        inner = _Archive(
            found,
            lambda: io.BytesIO(self._load(member, LARGEST_ARCHIVE)),
            self.budget,
            self.depth + 1,
        )
        yield from inner.members()

    def _load(self, member: zipfile.ZipInfo, most: int) -> bytes:
        """A member's bytes, and never more of them than are allowed, whatever its header says."""
        if stat.S_ISLNK(member.external_attr >> 16):
            raise SubmissionError("The file is a link, not a notebook: hand in the file itself.")
        if member.flag_bits & 1:
            raise SubmissionError("The zip archive has a password: hand in the notebook itself.")
        try:
            with (
                self.opened() as file,
                zipfile.ZipFile(file) as archive,
                archive.open(member) as content,
            ):
                data = content.read(most + 1)
        except Exception as error:  # of zipfile, zlib, bz2, lzma: each has its own
            raise SubmissionError(
                "The file in the zip archive is damaged: hand it in again."
            ) from error
        if most == LARGEST or len(data) > most:
            _check_size(max(len(data), member.file_size if data else 0))
        return data


def member_name(member: zipfile.ZipInfo) -> str:
    """The name as it was meant: archives made in China hold GBK, those made on a Mac UTF-8.

    Both often without the flag that says so; Python then takes the bytes for those of MS-DOS.
    """
    if member.flag_bits & 0x800 or member.orig_filename.isascii():
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    lone = re.search(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", raw)  # an accent, not Chinese
    try:
        name = raw.decode("gb18030")
    except UnicodeDecodeError:
        return member.filename
    chinese = re.fullmatch(
        r"[\x20-\x7e·\u2010-\u203b\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+", name
    )
    return name if chinese and not lone else member.filename
