"""GGUF files, llama.cpp's: facts about a model and its weights, many of them in few bits.

The file is little-endian: magic, version, numbers of tensors and facts; then the facts, each with
its name and type; then name, shape, type and place of each tensor; then the tensors' bytes. Weights
of few bits stand in blocks of 32, each with a scale of its own.
"""

import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aimodels import files

_MAGIC, _ALIGNMENT = b"GGUF", 32
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS |= {12: "d"}
_STRING, _ARRAY = 8, 9


def read_gguf(path: str | Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The facts and the weights in a `.gguf` file; nothing in it is executed.

    Weights of type Q8_0, 8 bits each, are $d q$ with the block's scale $d$; those of type Q4_1, 4
    bits each, are $d q + m$ with its smallest value $m$.

    Args:
        path: the file.

    Returns:
        Facts by name, such as "llama.block_count"; and arrays in float32 by name, with PyTorch's
        layout: the kernel of a dense layer is (outputs, inputs).

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if it is another kind of file, damaged, one part of several, or has weights of
            another type; the message says which.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "tiny.gguf"
        >>> write_gguf(path, {"general.architecture": "none"}, {"w": np.eye(2)})
        >>> facts, weights = read_gguf(path)
        >>> facts["general.architecture"], weights["w"].tolist()
        ('none', [[1.0, 0.0], [0.0, 1.0]])
    """
    path = files.find(path)
    data = path.read_bytes()
    if data[:4] != _MAGIC:
        what = files.kind_of(data[:512]) or "no GGUF file: those begin with the letters GGUF"
        raise ValueError(f"{path} is {what}")
    if data[4:8] and (version := int.from_bytes(data[4:8], "little")) not in (2, 3):
        raise ValueError(
            f"{path} has version {version} of GGUF: only 2 and 3, little-endian, can be read"
        )
    try:
        facts, places, start = _head(_Cursor(data))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; download it again") from None
    if (parts := facts.get("split.count", 1)) != 1:
        raise ValueError(
            f"{path} is one of {parts} parts: join them first, with llama.cpp's "
            "`llama-gguf-split --merge`"
        )
    return facts, _tensors(path, data, places, start)


def write_gguf(path: str | Path, facts: Mapping, weights: Mapping[str, np.ndarray]) -> None:
    """Write a GGUF file of version 3 whose weights are float32, in one step.

    Args:
        path: where the file will be.
        facts: for each name a text, a whole number from 0 to 2³² - 1, a float, or a list of texts.
        weights: arrays by name.

    Raises:
        TypeError: if a fact is of another type.
    """
    head = [_MAGIC, struct.pack("<IQQ", 3, len(weights), len(facts))]
    head += [_written(name) + _fact(name, value) for name, value in facts.items()]
    body, at = [], 0
    for name, array in weights.items():
        array = np.asarray(array, "<f4")
        shape = array.shape[::-1]
        head += [_written(name), struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at)]
        body.append(array.tobytes() + bytes(-array.nbytes % _ALIGNMENT))
        at += len(body[-1])
    head = b"".join(head)
    files.write_bytes(path, head + bytes(-len(head) % _ALIGNMENT) + b"".join(body))


def _written(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def _fact(name: str, value) -> bytes:
    """The type of a fact and its value."""
    match value:
        case str():
            return struct.pack("<I", _STRING) + _written(value)
        case int() if not isinstance(value, bool):
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<Id", 12, value)
        case list() if all(isinstance(text, str) for text in value):
            texts = b"".join(map(_written, value))
            return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + texts
    raise TypeError(f"{name!r} must be a text, a whole number, a float or a list of texts")


class _Cursor:
    """Reads one thing after the other, and nothing behind the end."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise ValueError("it ends too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, letter: str):
        return struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}")))[0]

    def text(self) -> str:
        return self.take(self.number("Q")).decode("utf-8")

    def value(self, kind: int):
        if kind == _STRING:
            return self.text()
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind != _ARRAY:
            raise ValueError(f"it has a fact of type {kind}, which there is not")
        kind, count = self.number("I"), self.number("Q")
        if kind == _STRING:
            return [self.text() for _ in range(self.fits(count, 8))]
        if kind not in _SCALARS:
            raise ValueError(f"it has a list of values of type {kind}")
        letter = f"{self.fits(count)}{_SCALARS[kind]}"
        return list(struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}"))))

    def fits(self, count: int, size: int = 1) -> int:
        """The count, if as many things of this least size can still follow."""
        if count * size > len(self.data) - self.at:
            raise ValueError("it ends too early")
        return count


def _head(cursor: _Cursor) -> tuple[dict, dict[str, tuple], int]:
    """The facts; the shape, type and offset of each tensor; and where the offsets begin."""
    cursor.take(8)
    tensors, count = cursor.number("Q"), cursor.number("Q")
    facts = {}
    for _ in range(cursor.fits(count, 13)):
        name = cursor.text()
        facts[name] = cursor.value(cursor.number("I"))
    places = {}
    for _ in range(cursor.fits(tensors, 32)):
        name, rank = cursor.text(), cursor.number("I")
        if name in places or rank > 4:
            raise ValueError(f"its tensor {name!r} stands there twice or has {rank} axes")
        shape = tuple(cursor.number("Q") for _ in range(rank))[::-1]
        places[name] = shape, cursor.number("I"), cursor.number("Q")
    alignment = facts.get("general.alignment", _ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise ValueError(f"its alignment is {alignment!r}")
    return facts, places, -(-cursor.at // alignment) * alignment


def _tensors(path: Path, data: bytes, places: dict, start: int) -> dict[str, np.ndarray]:
    weights, left = {}, len(data) - start  # so that no byte can be asked for again and again
    for name, (shape, kind, offset) in places.items():
        if kind not in _BLOCKS:
            known = ", ".join(what for what, *_ in _BLOCKS.values())
            raise ValueError(
                f"{path}: {name!r} has numbers of ggml's type {kind}, which is not supported: take "
                f"a file with {known} only"
            )
        _, numbers, size, unpack = _BLOCKS[kind]
        if not (count := math.prod(shape)) or (1, *shape)[-1] % numbers:
            raise ValueError(f"{path} is damaged: {name!r} has the shape {shape}")
        left -= (length := count // numbers * size)
        if left < 0 or offset + length > len(data) - start:
            raise ValueError(f"{path} is damaged: it ends before {name!r} does; download it again")
        raw = np.frombuffer(data, np.uint8, length, start + offset).reshape(-1, size)
        with np.errstate(all="ignore"):
            weights[name] = unpack(raw).reshape(shape)
        if not np.isfinite(weights[name]).all():
            raise ValueError(f"{path} is damaged: {name!r} has values that are NaN or infinite")
    return weights


def _half(raw: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def _q4_1(raw: np.ndarray) -> np.ndarray:
    """Scale, smallest value, 16 bytes: their low halves are the first 16 numbers."""
    q = np.hstack([raw[:, 4:] & 15, raw[:, 4:] >> 4])
    return _half(raw[:, :2]) * q + _half(raw[:, 2:4])


def _q8_0(raw: np.ndarray) -> np.ndarray:
    """Scale, 32 signed bytes."""
    return _half(raw[:, :2]) * np.ascontiguousarray(raw[:, 2:]).view(np.int8)


# For each of ggml's types: its name, numbers in a block, bytes of a block, and how to unpack it.
_BLOCKS = {
    0: ("F32", 1, 4, lambda raw: raw.view("<f4").astype(np.float32)),
    1: ("F16", 1, 2, _half),
    3: ("Q4_1", 32, 20, _q4_1),
    8: ("Q8_0", 32, 34, _q8_0),
}
