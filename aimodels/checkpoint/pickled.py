"""A pickle of arrays, read as a list of instructions of which none can run a program.

A pickle is a program for a small machine with a stack. Most instructions put numbers and strings
on it; GLOBAL names any function of any module, and REDUCE calls it. Python's `pickle` does so, and
a file from elsewhere can then do anything. `pickletools.genops` only lists the instructions. The
machine below knows the few that a dictionary of tensors or arrays needs, and where PyTorch or NumPy
would call one of its functions, it notes what the tensor is, or makes the array itself. It imports
nothing that a file names.
"""

import io
import math
import pickletools
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np


class RefusedError(ValueError):
    """The pickle has what no dictionary of arrays needs; the message says what."""


class Global(NamedTuple):
    """A function or class that the pickle names, and that is never looked up."""

    name: str


class Storage(NamedTuple):
    """A row of numbers, kept outside the pickle under a key."""

    key: str
    dtype: np.dtype
    size: int


class Tensor(NamedTuple):
    """Where a tensor's numbers stand in a storage; offset and strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, content: bytes) -> np.ndarray:
        """The tensor as a view of its storage's bytes, which cannot be written to."""
        if 0 in self.shape:
            return np.zeros(self.shape, self.storage.dtype)
        numbers = np.frombuffer(content, self.storage.dtype, self.storage.size)
        steps = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[self.offset :], self.shape, steps, writeable=False
        )


_DICT, _TENSOR = Global("collections.OrderedDict"), Global("torch._utils._rebuild_tensor_v2")
_DTYPES = {
    Global("torch.FloatStorage"): np.dtype("<f4"),
    Global("torch.HalfStorage"): np.dtype("<f2"),
    Global("torch.BFloat16Storage"): np.dtype(ml_dtypes.bfloat16),
    Global("torch.DoubleStorage"): np.dtype("<f8"),
    Global("torch.LongStorage"): np.dtype("<i8"),  # counters
}
# NumPy makes an array in two steps, an empty one and its content, and its dtype likewise.
_NDARRAY, _DTYPE = Global("numpy.ndarray"), Global("numpy.dtype")
_EMPTY_ARRAYS = {
    Global("numpy.core.multiarray._reconstruct"),
    Global("numpy._core.multiarray._reconstruct"),
}
_KINDS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8", "b1"}


class Unfilled:
    """An array whose content has not come yet, or a dtype whose order of bytes has not."""

    def __init__(self, kind: str | None = None):
        self.kind, self.value = kind, None


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


def load(stream: io.BytesIO) -> Any:
    """What the next pickle of a stream describes; a tensor is a `Tensor`, without its numbers.

    Args:
        stream: bytes in memory, so that no length that the pickle claims makes Python allocate it.

    Raises:
        RefusedError: if an instruction, or what it is given, is not among those that a dictionary
            of tensors or arrays needs.
        ValueError: if it is no pickle, or cut off.
    """
    stack, marks, memo = [], [], {}
    try:
        for instruction, argument, _ in pickletools.genops(stream):
            match instruction.name:
                case "PROTO" | "STOP":
                    pass
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                    stack.append(argument)
                case "BINUNICODE" | "BINBYTES" | "SHORT_BINBYTES":
                    stack.append(argument)
                case "NONE" | "NEWTRUE" | "NEWFALSE" | "EMPTY_TUPLE":
                    stack.append(_CONSTANTS[instruction.name])
                case "EMPTY_LIST":
                    stack.append([])
                case "EMPTY_DICT":
                    stack.append({})
                case "MARK":
                    marks.append(stack)
                    stack = []
                case "TUPLE":
                    stack = [*marks.pop(), tuple(stack)]
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    items = [stack.pop() for _ in range(int(instruction.name[5]))]
                    stack.append(tuple(reversed(items)))
                case "APPEND":
                    value = stack.pop()
                    _only(list, stack[-1]).append(value)
                case "APPENDS":
                    items, stack = stack, marks.pop()
                    _only(list, stack[-1]).extend(items)
                case "SETITEM":
                    value, key = stack.pop(), stack.pop()
                    _set_items(stack[-1], [key, value])
                case "SETITEMS":
                    items, stack = stack, marks.pop()
                    _set_items(stack[-1], items)
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "GLOBAL":
                    stack.append(_named(argument))
                case "BINPERSID":
                    stack.append(_storage(stack.pop()))
                case "REDUCE":
                    arguments, function = stack.pop(), stack.pop()
                    stack.append(_result(function, _only(tuple, arguments)))
                case "BUILD" if type(stack[-2]) is Unfilled:
                    content = stack.pop()
                    _fill(stack[-1], _only(tuple, content))
                case "BUILD":  # PyTorch's notes about versions, which change nothing here
                    if set(_only(dict, stack.pop())) != {"_metadata"}:
                        raise RefusedError("sets attributes of an object")
                    _only(dict, stack[-1])
                case name:
                    raise RefusedError(f"uses the instruction {name}")
        return stack.pop()
    except (IndexError, KeyError):  # of stack, marks or memo
        raise RefusedError("takes what it did not put there") from None


def _only(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise RefusedError(f"has a {type(value).__name__} in place of a {kind.__name__}")
    return value


def _set_items(target: Any, items: list) -> None:
    """Keys are strings only: the hash of a tuple in tuples can take for ever."""
    pairs = zip(items[::2], items[1::2], strict=True)
    _only(dict, target).update({_only(str, key): value for key, value in pairs})


def _named(argument: str) -> Global:
    named = Global(argument.replace(" ", ".", 1))
    if named not in {_DICT, _TENSOR, *_DTYPES, _NDARRAY, _DTYPE, *_EMPTY_ARRAYS}:
        raise RefusedError(f"wants to use {named.name[:80]!r}")
    return named


def _storage(persistent_id: Any) -> Storage:
    match persistent_id:
        case ("storage", Global() as kind, str(key), str(), int(size)) if kind in _DTYPES:
            pass
        case ("storage", Global() as kind, str(key), str(), int(size), None) if kind in _DTYPES:
            pass
        case _:
            raise RefusedError("has a reference that is no plain storage of numbers")
    if not 0 <= size < 2**48:
        raise RefusedError("has a storage of an impossible size")
    return Storage(key, _DTYPES[kind], size)


def _result(function: Any, arguments: tuple) -> dict | Tensor | Unfilled:
    """What PyTorch or NumPy would make of a call."""
    match function, arguments:
        case Global() as name, (Global(_NDARRAY.name), (0,), b"b") if name in _EMPTY_ARRAYS:
            return Unfilled()
        case Global(_DTYPE.name), (str(kind), bool() | 0 | 1, bool() | 0 | 1) if kind in _KINDS:
            return Unfilled(kind)
        case Global(_DICT.name), ():
            return {}
        case Global(_TENSOR.name), (Storage() as storage, offset, shape, strides, bool(), {}):
            return _tensor(storage, offset, _only(tuple, shape), _only(tuple, strides))
    raise RefusedError("calls something with arguments of another kind")


def _fill(unfilled: Unfilled, content: tuple) -> None:
    """The second step: an array's shape, dtype and bytes, or a dtype's order of bytes."""
    if unfilled.value is not None:
        raise RefusedError("fills an array twice")
    match unfilled.kind, content:
        case str(kind), (3, "<" | ">" | "|" as order, None, None, None, -1, -1, 0):
            unfilled.value = np.dtype(order + kind)
        case None, (
            1,
            tuple(shape),
            Unfilled(value=np.dtype() as dtype),
            bool(columns),
            bytes(data),
        ):
            if not all(type(n) is int and 0 <= n < 2**48 for n in shape) or len(shape) > 32:
                raise RefusedError("has an array of an impossible shape")
            if math.prod(shape) * dtype.itemsize != len(data):
                raise RefusedError("has an array whose shape does not fit its bytes")
            unfilled.value = np.frombuffer(data, dtype).reshape(shape, order="FC"[not columns])
        case _:
            raise RefusedError("fills an array with something else than numbers")


def _tensor(storage: Storage, offset: Any, shape: tuple, strides: tuple) -> Tensor:
    """A tensor whose numbers all lie in its storage, no two in one place."""
    if len(shape) != len(strides) or len(shape) > 32:
        raise RefusedError("has a tensor whose shape and strides do not fit")
    if not all(type(n) is int and 0 <= n < 2**48 for n in (offset, *shape, *strides)):
        raise RefusedError("has a tensor with an impossible offset, shape or stride")
    if math.prod(max(n, 1) for n in shape) >= 2**48:
        raise RefusedError("has a tensor with an impossible shape")
    reach = 0  # the distance between the first and the last number of the inner axes
    for step, n in sorted(zip(strides, shape, strict=True)):
        if n > 1 and step <= reach:
            raise RefusedError("has a tensor whose numbers overlap")
        reach += max(n - 1, 0) * step
    if 0 not in shape and offset + reach >= storage.size:
        raise RefusedError("has a tensor that reaches beyond its storage")
    return Tensor(storage, offset, shape, strides)
