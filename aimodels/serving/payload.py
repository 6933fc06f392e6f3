"""TensorFlow Serving's JSON: from a body to arrays, and from arrays to an answer.

{"instances": [example, ...]} -> {"predictions": [answer, ...]}     row by row
{"inputs": {name: batch}}     -> {"outputs": {name: batch}}         column by column
"""

import base64
import binascii
import json
import math
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from aimodels import pictures
from aimodels.serving.servable import Arrays, Picture, RequestError, Servable, Signature, Tensor

MAX_ROWS = 256  # per request
MAX_PIXELS = 30_000_000  # of all pictures in a request, as they were sent
MAX_SCALED = 16_000_000  # numbers of all its pictures, as the model takes them
MAX_SIDE = 1024  # of a picture for a model that takes any size
MAX_NUMBERS = 4_000_000  # of one answer: about 40 MB as JSON


class Request(NamedTuple):
    """What a body asks for."""

    signature_name: str
    inputs: Arrays
    rows: int
    columns: bool  # whether it was asked column by column
    scales: list[tuple[float, int, int] | None]  # per row: of its picture, with width and height


def parse_json(body: bytes) -> dict:
    """The object in a body.

    Raises:
        RequestError: 400 if it is none.

    Example:
        >>> parse_json(b'{"instances": [1, NaN]}')
        Traceback (most recent call last):
        ...
        aimodels.serving.servable.RequestError: the body is no JSON: NaN is no number of JSON
    """

    def refuse(name: str):
        raise ValueError(f"{name} is no number of JSON")

    try:
        parsed = json.loads(body.decode("utf-8"), parse_constant=refuse)
    except RecursionError:
        raise RequestError(400, "the body is no JSON that can be read: too deeply nested") from None
    except ValueError as error:  # also of UTF-8, and of integers with thousands of digits
        raise RequestError(400, f"the body is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise RequestError(400, f"the body must be a JSON object; got a {_kind(parsed)}")
    return parsed


def parse(body: bytes, servable: Servable) -> Request:
    """Read the body of a `:predict`.

    Raises:
        RequestError: 400 if it does not fit the model; it says what and where.
    """
    parsed = parse_json(body)
    unknown = set(parsed) - {"instances", "inputs", "signature_name"}
    if unknown:
        raise RequestError(
            400,
            f"unknown field {min(unknown)[:80]!r}: the body takes instances or inputs, and "
            "signature_name",
        )
    if ("instances" in parsed) == ("inputs" in parsed):
        raise RequestError(400, "the body needs either instances or inputs")
    name = parsed.get("signature_name")
    if name is not None and not isinstance(name, str):
        raise RequestError(400, f"signature_name must be a text; got a {_kind(name)}")
    name, signature = servable.signature(name)
    columns = "inputs" in parsed
    values = _columns(parsed["inputs"], signature) if columns else _rows(parsed, signature)
    rows = {len(column) for column in values.values()}
    if len(rows) > 1:
        sizes = ", ".join(f"{name}: {len(column)}" for name, column in values.items())
        raise RequestError(400, f"all inputs need the same number of examples; got {sizes}")
    [number] = rows
    if not 1 <= number <= MAX_ROWS:
        raise RequestError(400, f"a request takes 1 to {MAX_ROWS} examples; got {number}")
    scales: list = [None] * number
    arrays = {}
    for key, column in values.items():
        picture = servable.picture if servable.picture and servable.picture.input == key else None
        if picture and any(_is_bytes(value) for value in column):
            column, scales = _pictures(column, picture, key)
        arrays[key] = _array(column, signature.inputs[key], key)
    return Request(name, arrays, number, columns, scales)


def answer(request: Request, outputs: Arrays, servable: Servable) -> bytes:
    """The body of the answer.

    Raises:
        RequestError: 400 if it would be too large, 500 if it holds what JSON cannot.
    """
    if sum(np.size(value) for value in outputs.values()) > MAX_NUMBERS:
        raise RequestError(
            400, f"the answer would hold more than {MAX_NUMBERS:,} numbers: ask for fewer examples"
        )
    for value in outputs.values():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise RequestError(500, "the model's answer holds NaN or infinity")
    if servable.picture and servable.picture.keeps_proportions and "boxes" in outputs:
        outputs = outputs | {"boxes": _scaled_back(outputs["boxes"], request.scales)}
    lists = {name: _plain(value) for name, value in outputs.items()}
    if request.columns:
        result = {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}
    elif len(lists) > 1:
        rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
        result = {"predictions": rows}
    else:
        result = {"predictions": next(iter(lists.values()))}
    return json.dumps(result, ensure_ascii=False).encode()


def _rows(parsed: dict, signature: Signature) -> dict[str, list]:
    instances = parsed["instances"]
    if not isinstance(instances, list) or not instances:
        raise RequestError(
            400, f"instances must be a list of examples, not empty; got a {_kind(instances)}"
        )
    names = list(signature.inputs)
    named = [isinstance(row, dict) and set(row) != {"b64"} for row in instances]
    if not any(named) and len(names) == 1:
        return {names[0]: instances}
    for i, row in enumerate(instances):
        if not named[i] or set(row) != set(names):
            got = ", ".join(sorted(row))[:200] if named[i] else f"a {_kind(row)}"
            raise RequestError(
                400, f"instance {i} must be an object with {', '.join(names)}; got {got or 'none'}"
            )
    return {name: [row[name] for row in instances] for name in names}


def _columns(inputs: Any, signature: Signature) -> dict[str, list]:
    names = list(signature.inputs)
    if not isinstance(inputs, dict) and len(names) == 1:
        inputs = {names[0]: inputs}
    if not isinstance(inputs, dict) or set(inputs) != set(names):
        got = ", ".join(sorted(inputs)) if isinstance(inputs, dict) else f"a {_kind(inputs)}"
        raise RequestError(
            400, f"inputs must be an object with {', '.join(names)}; got {got[:200] or 'none'}"
        )
    for name, column in inputs.items():
        if not isinstance(column, list) or not column:
            raise RequestError(400, f"{name} must be a list of examples, not empty")
    return inputs


def _array(column: list, tensor: Tensor, name: str) -> np.ndarray:
    """A checked array of one input."""
    if tensor.dtype in ("str", "bytes"):
        return _texts(column, tensor, name)
    if any(_is_bytes(value) for value in column):
        raise RequestError(400, f"{name} takes numbers, no b64")
    try:
        array = np.array(column)
    except (ValueError, OverflowError):
        raise RequestError(400, f"{name} has rows of different lengths") from None
    wanted = np.dtype(tensor.dtype)
    right = {"f": "iuf", "i": "iu", "u": "iu", "b": "b", "c": ""}[wanted.kind]
    if array.dtype.kind not in right:
        what = {"O": "something else", "U": "text", "b": "true or false"}.get(
            array.dtype.kind, f"numbers of {array.dtype}"
        )
        raise RequestError(400, f"{name} takes numbers of {wanted}; got {what}")
    if tensor.shape is not None and not _fits(array.shape[1:], tensor.shape[1:]):
        shape = "(" + ", ".join("any" if n is None else str(n) for n in tensor.shape[1:]) + ")"
        raise RequestError(
            400, f"an example of {name} must have the shape {shape}; got {array.shape[1:]}"
        )
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if array.size and (array.min() < limits.min or array.max() > limits.max):
            raise RequestError(400, f"{name} holds a number that {wanted} cannot hold")
        if tensor.limit and (array.min() < 0 or array.max() >= tensor.limit):
            raise RequestError(400, f"{name} holds an id that is not 0 to {tensor.limit - 1}")
    with np.errstate(over="ignore"):
        array = array.astype(wanted)
    if wanted.kind == "f" and not np.isfinite(array).all():
        raise RequestError(400, f"{name} holds a number that is not finite as {wanted}")
    return array


def _texts(column: list, tensor: Tensor, name: str) -> np.ndarray:
    texts = []
    for value in column:
        if _is_bytes(value):
            value = _bytes(value, name)
            if tensor.dtype == "str":
                try:
                    value = value.decode("utf-8")
                except UnicodeDecodeError:
                    raise RequestError(400, f"{name} holds bytes that are not UTF-8") from None
        elif isinstance(value, str):
            try:
                encoded = value.encode("utf-8")
            except UnicodeEncodeError:  # half a character, as "\ud800" is
                raise RequestError(400, f"{name} holds half a character") from None
            value = value if tensor.dtype == "str" else encoded
        else:
            raise RequestError(400, f"{name} takes texts; got a {_kind(value)}")
        texts.append(value)
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def _fits(shape: tuple, wanted: tuple) -> bool:
    return len(shape) == len(wanted) and all(
        n > 0 if m is None else n == m for n, m in zip(shape, wanted, strict=True)
    )


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"}


def _bytes(value: dict, name: str) -> bytes:
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise RequestError(400, f"{name} holds a b64 that is no base64") from None


def _pictures(column: list, picture: Picture, name: str) -> tuple[list, list]:
    """Pictures in files -> arrays, and how each was scaled."""
    if not all(_is_bytes(value) for value in column):
        raise RequestError(400, f"{name} takes either pictures as b64 or numbers, not both")
    arrays, scales, pixels, numbers = [], [], MAX_PIXELS, MAX_SCALED
    for value in column:
        try:
            image = pictures.decode_picture(_bytes(value, name), pixels)
        except ValueError as error:
            raise RequestError(400, f"{name}: {error}") from None
        array, scale = _sized(image, picture)
        pixels, numbers = pixels - image.shape[0] * image.shape[1], numbers - array.size
        if numbers < 0:
            raise RequestError(400, f"{name} holds too many large pictures: send fewer at a time")
        arrays.append(array)
        scales.append(scale)
    return arrays, scales


def _sized(image: np.ndarray, picture: Picture) -> tuple[np.ndarray, tuple[float, int, int]]:
    height, width, channels = picture.shape
    low, high = picture.pixels
    drawn = Image.fromarray(image).convert("L" if channels == 1 else "RGB")
    scale = min((width or MAX_SIDE) / drawn.width, (height or MAX_SIDE) / drawn.height)
    kept = picture.keeps_proportions
    if height is None or width is None:
        kept, scale = True, min(scale, 1.0)
    size = [max(1, round(n * scale)) for n in drawn.size] if kept else [width, height]
    small = np.asarray(drawn.resize(size, Image.Resampling.BILINEAR), np.float32)
    shape = (height or small.shape[0], width or small.shape[1], channels)
    canvas = np.full(shape, low, np.float32)
    canvas[: small.shape[0], : small.shape[1]] += np.atleast_3d(small) * ((high - low) / 255)
    return canvas, (scale, drawn.width, drawn.height)


def _scaled_back(boxes: np.ndarray, scales: list) -> np.ndarray:
    """Boxes in the pixels of the pictures that were sent."""
    boxes = np.array(boxes)
    for row, scale in zip(boxes, scales, strict=True):
        if scale is not None:
            factor, width, height = scale
            row[:] = np.clip(row / factor, 0, [width, height] * 2)
    return boxes


def _plain(value: np.ndarray) -> list:
    if value.dtype.kind in "OS":
        return [_text(item) for item in value.tolist()]
    return value.tolist()


def _text(item: Any) -> Any:
    """Bytes as text where they are UTF-8, else as TensorFlow Serving writes them."""
    if isinstance(item, list):
        return [_text(part) for part in item]
    if isinstance(item, bytes):
        try:
            return item.decode("utf-8")
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(item).decode()}
    return item


def _kind(value: Any) -> str:
    kinds = {dict: "JSON object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    if isinstance(value, list) and not value:
        return "list of nothing"
    return kinds.get(type(value), "number")


def is_finite(number: Any) -> bool:
    """Whether a value of JSON is a finite number, no boolean."""
    return (
        isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
    )
