"""Is an answer right? Values become plain data, and plain data are compared.

The comparison happens far from the code that made the values: in another process when a class is
graded. No method of a student's object is called there, nothing is unpickled, nothing is trusted.
"""

import base64
import contextlib
import math
import re
import sys
from collections.abc import Callable

import numpy as np

LARGEST = 2**23  # bytes of what a test records: predictions for a test set, a layer's output
RTOL, ATOL = 1e-5, 1e-6


# What Python's own types and NumPy's arrays read of themselves, and of what inherits from them.
_READERS: dict[type, Callable] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    list: lambda value: [*list.__iter__(value)],
    tuple: lambda value: (*tuple.__iter__(value),),
    dict: lambda value: dict(dict.items(value)),
    np.ndarray: np.ndarray.__array__,
}
# By identity: a class may be made that is equal to any other.
_SIMPLE = frozenset(map(id, (type(None), bool, int, float, str)))
_NUMBERS = frozenset(map(id, np.sctypeDict.values()))
_ACTS_AS_DATA = frozenset(
    f"__{name}__"
    for name in [
        *("add", "array", "array_interface", "array_struct", "float", "getitem", "index", "int"),
        *("iter", "matmul", "mul", "radd", "rmatmul", "rmul", "rsub", "sub", "truediv"),
    ]
)
# Of a class, without asking its metaclass, which may be a student's.
_module, _bases, _contents = (
    type.__dict__[name].__get__ for name in ("__module__", "__mro__", "__dict__")
)


def _read(value: object) -> object:
    """The value in its plain type, whatever a class that inherits from it has made of that."""
    kind = type(value)
    if id(kind) in _SIMPLE or id(kind) in _NUMBERS or any(kind is base for base in _READERS):
        return value
    reader = next((read for base, read in _READERS.items() if issubclass(kind, base)), None)
    return reader(value) if reader else value


def _origin(kind: type) -> str:
    """Of TensorFlow's and Keras's types that hold data: "shape" or "tensor"; else ""."""
    if str(_module(kind)).partition(".")[0] not in ("tensorflow", "keras"):
        return ""
    import keras
    import tensorflow as tf
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable

    if kind is tf.TensorShape:
        return "shape"
    tensors = (tf.__internal__.EagerTensor, ResourceVariable, keras.Variable)
    return "tensor" if any(kind is one for one in tensors) else ""


def _of_the_notebook(kind: type) -> bool:
    """Whether a class was made by a notebook's code: no module holds it under its name."""
    found = sys.modules.get(str(_module(kind)))
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    made = kind.__flags__ & 2**9  # by Python code, not in C
    return bool(made) and (found is not kind or _module(kind) == "__main__")


def plain(value: object) -> object:
    """The value as data that JSON can hold: numbers, text, lists, and arrays as their bytes.

    Args:
        value: Python's own types, NumPy arrays and numbers, tensors, their shapes and variables;
            what inherits from Python's and NumPy's counts as these. Anything else is kept as the
            name of its type: no method is called that was written in a notebook.

    Raises:
        ValueError: if an array is larger than 8 MiB.

    Example:
        >>> plain((2, np.float32(0.5), "a"))
        [2, 0.5, 'a']
        >>> sorted(plain(np.zeros(3)))
        ['array', 'dtype', 'shape']
    """
    value = _read(value)
    kind = type(value)
    if id(kind) in _SIMPLE:
        return value
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    if kind is dict:
        return {"dict": [[plain(key), plain(item)] for key, item in value.items()]}
    origin = _origin(kind)
    if origin == "shape":
        return plain(value.as_list())
    if origin or kind is np.ndarray or id(kind) in _NUMBERS:
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return array.item() if id(kind) in _NUMBERS else _plain_array(array)
        if array.dtype.kind == "U":
            return array.tolist()
    return {"type": kind.__name__}


def taken(value: object) -> object:
    """A copy of an answer as it is now; what is no data, such as a network, stays itself.

    Raises:
        TypeError: if it is an object of the notebook's own that would act as data later on.

    Example:
        >>> first = [np.zeros(2)]
        >>> second = taken(first)
        >>> first[0][0] = 1
        >>> second
        [array([0., 0.])]
    """
    value = _read(value)
    kind = type(value)
    if id(kind) in _SIMPLE:
        return value
    if kind is list or kind is tuple:
        return kind([taken(item) for item in value])
    if kind is dict:
        return {key: taken(item) for key, item in value.items()}
    if kind is np.ndarray:
        return value.copy()
    acts = any(not _ACTS_AS_DATA.isdisjoint(_contents(base)) for base in _bases(kind)[:-1])
    if acts and _of_the_notebook(kind):
        raise TypeError(
            "an answer is made of numbers, text, lists, dictionaries, arrays or tensors, not of "
            f"objects of a type of your own, such as {kind.__name__}"
        )
    return value


def _plain_array(array: np.ndarray) -> dict:
    if array.nbytes > LARGEST:
        raise ValueError(f"an array of shape {array.shape} is too large to be compared")
    data = np.ascontiguousarray(array)
    data = data.astype(data.dtype.newbyteorder("<"))
    text = base64.b64encode(data.tobytes()).decode()
    return {"array": text, "dtype": data.dtype.str, "shape": list(array.shape)}


def restore(data: object) -> object:
    """The value that `plain` described; tuples come back as lists.

    Raises:
        ValueError: if the data are not what `plain` writes.

    Example:
        >>> restore(plain({"weights": np.ones(2, "float32")}))
        {'weights': array([1., 1.], dtype=float32)}
    """
    if data is None or type(data) in (bool, int, float, str):
        return data
    if type(data) is list:
        return [restore(item) for item in data]
    if type(data) is dict and set(data) == {"dict"}:
        return {restore(key): restore(item) for key, item in data["dict"]}
    if type(data) is dict and set(data) == {"type"}:
        return _Unreadable(str(data["type"])[:60])
    if type(data) is dict and set(data) == {"array", "dtype", "shape"}:
        if not re.fullmatch(r"[<|][biuf]\d\d?", str(data["dtype"])):
            raise ValueError(f"arrays of numbers only, not of {data['dtype']}")
        array = np.frombuffer(base64.b64decode(data["array"]), str(data["dtype"]))
        return array.reshape([int(size) for size in data["shape"]]).copy()  # else read-only
    raise ValueError("not plain data")


class _Unreadable:
    """Stands for an object that is neither a number, nor a text, nor an array."""

    def __init__(self, name: str):
        self.name = name


def judge(kind: str, actual: object, expected: object, **options) -> str:
    """Compare two plain values; returns what is wrong with `actual`, or "" if it is right.

    Args:
        kind: "equal" (exactly), "close" (numbers, within `rtol` and `atol`), "accuracy" (the share
            of class numbers in `actual` that are right, `at_least`), "mean_average_precision" (of
            boxes found, `at_least`), or "raises" (the names of an exception's classes).
        actual: the answer, as `plain` writes it.
        expected: what it should be, as `plain` writes it.
        **options: the tolerances of "close", the bar of "accuracy" and "mean_average_precision".

    Example:
        >>> judge("equal", plain((2, 3)), plain((2, 2)))
        'wanted [2, 2], got [2, 3]'
        >>> judge("close", plain(0.1 + 0.2), plain(0.3), rtol=1e-5, atol=0.0)
        ''
        >>> judge("accuracy", plain(np.array([1, 2])), plain(np.array([1, 1])), at_least=0.9)
        'right for 50.0 % of 2, wanted at least 90 %'
    """
    try:
        return _JUDGES[kind](restore(actual), restore(expected), **options)
    except Exception:  # whatever a student's process may have sent: it is wrong, no more
        return "the value cannot be compared"


def _equal(actual, expected) -> str:
    return _compare(actual, expected, lambda a, e: np.equal(a, e))


def _close(actual, expected, rtol: float = RTOL, atol: float = ATOL) -> str:
    return _compare(actual, expected, lambda a, e: np.isclose(a, e, rtol=rtol, atol=atol))


def _accuracy(actual, expected, at_least: float) -> str:
    if not _numeric(actual):
        return f"wanted class numbers, got {_name(actual)}"
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return f"wanted one class number for each, shape {expected.shape}, got {actual.shape}"
    share = float(np.mean(actual == expected))
    if share >= at_least:
        return ""
    return f"right for {100 * share:.1f} % of {expected.size}, wanted at least {100 * at_least:g} %"


def boxes_found(actual, expected) -> float:
    """The mean average precision at an IoU of 0.5 of boxes found, `actual`."""
    from aimodels.metrics import mean_average_precision

    classes = 1 + int(np.max(expected["labels"]))
    return mean_average_precision(expected, actual, classes)["mAP@0.5"]


def _mean_average_precision(actual, expected, at_least: float) -> str:
    wanted = ["boxes", "confidence", "labels"]
    if not isinstance(actual, dict) or not set(wanted) <= set(actual):
        return f"wanted a dictionary with the keys {', '.join(wanted)}, got {_name(actual)}"
    try:
        reached = boxes_found({key: actual[key] for key in wanted}, expected)
    except ValueError as error:
        return str(error)
    if reached >= at_least:
        return ""
    return f"the mean average precision is {reached:.3f}, wanted at least {at_least:g}"


def _raises(actual, expected) -> str:
    if expected in actual:
        return ""
    return f"wanted {expected}, got {actual[0] if actual else 'no error'}"


_JUDGES = {
    "equal": _equal,
    "close": _close,
    "accuracy": _accuracy,
    "mean_average_precision": _mean_average_precision,
    "raises": _raises,
}


def _compare(actual, expected, same) -> str:
    """Structure first, then numbers by `same`, everything else exactly."""
    if expected is None:  # no return is missing
        return "" if actual is None else f"wanted None, got {_show(actual)}"
    actual = _arranged(actual, expected)
    if _numeric(expected) or isinstance(actual, np.ndarray):
        if not (_numeric(actual) and _numeric(expected)):
            return f"wanted {_name(expected)}, got {_name(actual)}"
        return _compare_numbers(actual, expected, same)
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return f"wanted a list of {len(expected)}, got {_name(actual)}"
        if len(actual) != len(expected):
            return f"wanted {len(expected)} of them, got {len(actual)}"
        pairs = [
            (f"number {i}", a, e) for i, (a, e) in enumerate(zip(actual, expected, strict=True), 1)
        ]
    elif isinstance(expected, dict):
        if not isinstance(actual, dict) or set(actual) != set(expected):
            keys = ", ".join(map(str, expected))
            return f"wanted a dictionary with the keys {keys}, got {_show(actual)}"
        pairs = [(str(key), actual[key], expected[key]) for key in expected]
    else:
        same_type = type(actual) is type(expected)
        right = same_type and actual == expected
        return "" if right else f"wanted {_show(expected)}, got {_show(actual)}"
    for place, one, other in pairs:
        if problem := _compare(one, other, same):
            return f"{place}: {problem}"
    return ""


def _arranged(actual, expected):
    """`actual` in the form of `expected`: a list of equal arrays and one array say the same."""
    if isinstance(actual, np.ndarray) and isinstance(expected, list) and not _numeric(expected):
        return list(actual) if actual.ndim > 1 else actual.tolist()
    if isinstance(actual, list) and _numeric(expected) and not _numeric(actual):
        with contextlib.suppress(ValueError):  # rows of unequal length
            stacked = np.array(actual)
            return stacked if stacked.dtype.kind in "biuf" else actual
    return actual


def _compare_numbers(actual, expected, same) -> str:
    a, e = np.asarray(actual), np.asarray(expected)
    if a.shape != e.shape:
        if max(a.ndim, e.ndim) <= 1 and _short(actual) and _short(expected):
            return _pair(expected, actual)
        return f"wanted shape {e.shape}, got {a.shape}"
    wrong = ~np.asarray(same(a, e), bool)
    if not wrong.any():
        return ""
    if _short(expected):
        return _pair(expected, actual)
    place = np.unravel_index(np.argmax(wrong), wrong.shape)
    where = f"{wrong.sum()} of {wrong.size} values differ; the first, at {[int(i) for i in place]}"
    return f"{where}: {_pair(e[place].item(), a[place].item())}"


def _pair(expected, actual) -> str:
    """Both values, with as many digits as it takes to see the difference."""
    for digits in (6, 10, 17):
        wanted, got = _show(expected, digits), _show(actual, digits)
        if wanted != got:
            break
    return f"wanted {wanted}, got {got}"


def _numeric(value) -> bool:
    """A number, an array, or a list that is one: of numbers, or of such lists of equal length."""
    if isinstance(value, list):
        lists = [item for item in value if isinstance(item, list)]
        if lists:
            even = len(lists) == len(value) and len({len(item) for item in lists}) == 1
            return even and all(map(_numeric, lists))
        return bool(value) and all(isinstance(item, int | float) for item in value)
    return isinstance(value, np.ndarray | int | float) and not isinstance(value, bool)


def _short(value) -> bool:
    return isinstance(value, int | float) or np.size(value) <= 6


_TYPES = {str: "text", dict: "dictionary", bool: "truth value", int: "number", float: "number"}


def _name(value) -> str:
    if isinstance(value, _Unreadable):
        return f"an object of type {value.name}"
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"the {_TYPES.get(type(value), type(value).__name__)} {_show(value)}"


def _show(value, digits: int = 6) -> str:
    if isinstance(value, np.ndarray) and _short(value):
        value = value.tolist()
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.{digits}g}"
    if isinstance(value, list) and all(isinstance(item, float) for item in value):
        value = [float(f"{item:.{digits}g}") for item in value]
    if value is None or isinstance(value, _Unreadable | np.ndarray):
        return _name(value)
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
