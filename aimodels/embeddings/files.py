"""Files of word vectors: the text and binary forms of word2vec, GloVe's, NumPy's."""

import zipfile
import zlib
from pathlib import Path

import numpy as np


def read_npz(path: Path):
    try:
        with np.load(path, allow_pickle=False) as arrays:  # a pickle could run any code
            words, vectors = arrays["words"], arrays["vectors"]
        if words.dtype == np.uint8:
            return words.tobytes().decode().split("\n") if len(words) else [], vectors
        return words.astype(str).tolist(), vectors
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"no intact npz file with `words` and `vectors` ({error})") from None


def read_text(path: Path):
    words, rows, seen, expected = [], [], set(), None
    with open(path, "rb") as file:  # splits at \n alone; a word may hold other separators
        for number, line in enumerate(file, 1):
            try:
                fields = line.decode().rstrip("\r\n").rstrip(" ").split(" ")
                if number == 1 and len(fields) == 2 and all(f.isdigit() for f in fields):
                    expected = [int(f) for f in fields]
                    continue
                dim = expected[1] if expected else len(rows[0]) if rows else len(fields) - 1
                word, row = " ".join(fields[:-dim]), np.array(fields[-dim:], np.float32)
                if dim < 1 or len(fields) <= dim or word in seen or not np.isfinite(row).all():
                    raise ValueError
            except ValueError:
                wanted = (
                    f"a new word and {dim} finite numbers" if number > 1 else "words and numbers"
                )
                raise ValueError(f"line {number}: expected {wanted}; got {line[:40]!r}") from None
            words.append(word)
            rows.append(row)
            seen.add(word)
    if expected and len(words) != expected[0]:
        raise ValueError(f"line 1 promises {expected[0]} words, but {len(words)} are there")
    if not words:
        raise ValueError("line 1: nothing is there")
    return words, np.stack(rows)


def read_binary(path: Path):
    content = path.read_bytes()
    try:
        start = content.index(b"\n") + 1
        number, dim = map(int, content[:start].split())
        if min(number, dim) < 1:
            raise ValueError
    except ValueError:
        raise ValueError("line 1: expected the numbers of words and dimensions") from None
    words, vectors = [], np.empty((min(number, len(content) // 4), dim), np.float32)
    for i in range(number):
        space = content.find(b" ", start)
        try:
            words.append(content[start:space].lstrip(b"\n").decode())
            vectors[i] = np.frombuffer(content, "<f4", dim, space + 1)
        except (ValueError, IndexError):
            raise ValueError(f"damaged or cut off at word {i + 1} of {number}") from None
        if space < 0:
            raise ValueError(f"damaged or cut off at word {i + 1} of {number}")
        start = space + 1 + 4 * dim
    return words, vectors
