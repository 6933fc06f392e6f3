"""Files of word vectors: the text and binary forms of word2vec, GloVe's, NumPy's.

What a file is, its first bytes say, not its name; gzip, bzip2 and xz are unpacked on the way.
"""

import bz2
import collections
import gzip
import itertools
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from aimodels import files

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_HEADER = re.compile(rb"\s*(-?\d+)[ \t]+(-?\d+)\s*")
_BYTE_ORDER_MARK = "\ufeff".encode()
_SAMPLE = 100  # lines, by which the dimension is found where no first line says it


def read(path: Path, errors: str = "strict") -> tuple[list[str], np.ndarray]:
    """Words and vectors, in whatever form they are; of a word that occurs twice, the first vector.

    Args:
        path: path of the file.
        errors: treatment of words that are not UTF-8, as in `bytes.decode`.
    """
    try:
        with _opened(path) as file:
            words, vectors = _read(file, path, errors)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the disk's, not the file's
        raise ValueError(f"damaged or cut off, so it cannot be unpacked ({error})") from None
    first = {word: i for i, word in reversed([*enumerate(words)])}
    if len(first) == len(words):
        return words, vectors
    kept = sorted(first.values())
    again = next(word for i, word in enumerate(words) if first[word] != i)
    warnings.warn(
        f"{path}: some words occur more than once, such as {again!r}; the first vector of each is "
        f"kept, {len(kept)} of {len(words)}",
        stacklevel=3,
    )
    return [words[i] for i in kept], vectors[kept]


def _read(file: BinaryIO, path: Path, errors: str) -> tuple[list[str], np.ndarray]:
    beginning = file.peek(512)[:512]
    if path.suffix == ".npz" or beginning.startswith(b"PK\x03\x04"):
        return _read_npz(file)
    if not beginning:
        raise ValueError("line 1: nothing is there, the file is empty")
    for sign, what in (
        (b"\xba\x16\x4f\x2f", "fastText's own model, which is not read: take its .vec file"),
        (b"\x93NUMPY", "an array without words: WordVectors(words, np.load(path)) takes it"),
    ):
        if beginning.startswith(sign):
            raise ValueError(what)
    if what := files.kind_of(beginning):
        raise ValueError(f"it is {what}")
    first = file.readline()
    begin, first = len(first), first.removeprefix(_BYTE_ORDER_MARK)
    if b"\r" in first.rstrip(b"\r\n"):
        raise ValueError(r"line 1: a line must end in \n or \r\n; in this file \r alone ends it")
    second = file.readline()
    header = _HEADER.fullmatch(first)
    number, dim = map(int, header.groups()) if header else (None, None)
    if header and not _is_row(second, dim):
        following = second[:4096] + file.peek(4096)[:4096]
        if ".bin" in path.suffixes or re.search(rb"[\x00-\x08]", following):
            file.seek(begin)
            return _read_binary(file.read(), number, dim, errors)
    return _read_text(itertools.chain([first, second], file), number, dim, errors)


def _opened(path: Path) -> BinaryIO:
    """The file, unpacked on the way."""
    openers = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
    with path.open("rb") as file:
        beginning = file.read(8)
    for sign, opener in openers.items():
        if beginning.startswith(sign):
            return opener(path, "rb")
    return path.open("rb")


def _fields(line: bytes) -> list[bytes]:
    """What blanks and tabs separate; other white space may be part of a word."""
    return [field for field in line.strip(b" \t\r\n").replace(b"\t", b" ").split(b" ") if field]


def _numbers_at_the_end(fields: list[bytes]) -> int:
    """How many numbers stand behind the word, which may be a number itself."""
    numbers = itertools.takewhile(_NUMBER.fullmatch, reversed(fields))
    return min(sum(1 for _ in numbers), len(fields) - 1)


def _is_row(line: bytes, dim: int) -> bool:
    """Whether a line is a word and its numbers as text, or blank."""
    fields = _fields(line)
    return not fields or (len(fields) > dim and _numbers_at_the_end(fields) >= dim)


def _dimension(lines: list[bytes]) -> int:
    """The most common one: a word may hold spaces, as `. . .`, and single lines be damaged."""
    found = collections.Counter(_numbers_at_the_end(f) for line in lines if (f := _fields(line)))
    return found.most_common(1)[0][0] if found else 0


@np.errstate(over="ignore")  # too large a number is infinite, and refused
def _read_text(lines: Iterator[bytes], number: int | None, dim: int | None, errors: str):
    """Rows of a word and its numbers; a first line with two numbers says how many of each."""
    words, rows = [], []
    if number is None:
        sample = list(itertools.islice(lines, _SAMPLE))
        lines, dim = itertools.chain(sample, lines), _dimension(sample)
    for i, line in enumerate(lines, 1):
        fields = _fields(line)
        if not fields or (i == 1 and number is not None):
            continue
        try:
            row = np.array([float(field) for field in fields[-dim:]], np.float32)
            fits = 0 < dim < len(fields) and np.isfinite(row).all()
        except ValueError:
            fits = False
        if not fits or (len(fields) > dim + 1 and _NUMBER.fullmatch(fields[-dim - 1])):
            raise ValueError(f"line {i}: {_expected(dim, fields)}; got {line[:40]!r}")
        words.append(_word(b" ".join(fields[:-dim]), f"line {i}", errors))
        rows.append(row)
    if number is not None and len(words) != number:
        raise ValueError(f"line 1 promises {number} words, but {len(words)} are there")
    if not words:
        raise ValueError("line 1: nothing is there")
    return words, np.stack(rows)


def _expected(dim: int, fields: list[bytes]) -> str:
    there = _numbers_at_the_end(fields)
    if dim and there and there != dim:
        return f"expected a word and {dim} numbers, not {there}"
    return f"expected a word and {dim} finite numbers" if dim else "expected words and numbers"


def _word(data: bytes, where: str, errors: str) -> str:
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError:
        raise ValueError(
            f"{where}: the word {data[:40]!r} is not UTF-8; with errors='replace' it is read with "
            "a sign in place of the broken bytes"
        ) from None


def _read_npz(file: BinaryIO):
    try:
        with np.load(file, allow_pickle=False) as arrays:  # a pickle could run any code
            words, vectors = arrays["words"], arrays["vectors"]
        if words.dtype == np.uint8:
            words = words.tobytes().decode().split("\n") if len(words) else []
        else:
            words = words.astype(str).tolist()
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise ValueError(
            f"no intact npz file with `words` and `vectors` ({error}); another zip archive must be "
            "unpacked first"
        ) from None
    return words, vectors


def _read_binary(content: bytes, number: int, dim: int, errors: str):
    """A word, a space and the numbers' bytes, `number` times."""
    if min(number, dim) < 1:
        raise ValueError("line 1: expected the numbers of words and dimensions")
    there = min(number, len(content) // (4 * dim))
    words, vectors, start = [], np.empty((there, dim), np.float32), 0
    for i in range(number):
        space = content.find(b" ", start)
        if space < 0 or space + 1 + 4 * dim > len(content):
            raise ValueError(f"damaged or cut off at word {i + 1} of {number}")
        words.append(_word(content[start:space].lstrip(b"\n"), f"word {i + 1}", errors))
        vectors[i] = np.frombuffer(content, "<f4", dim, space + 1)
        start = space + 1 + 4 * dim
    if content[start:].strip(b"\n"):
        raise ValueError(f"line 1 promises {number} words, but more are there")
    return words, vectors
