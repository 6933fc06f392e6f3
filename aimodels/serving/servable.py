"""What a server knows of a model: what it takes, what it gives, and how it is called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]


class RequestError(Exception):
    """A request that cannot be answered: the status of HTTP, and one sentence."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class LoadError(Exception):
    """A model that cannot be served; the message says why."""


class Tensor(NamedTuple):
    """An input or an output.

    Attributes:
        dtype: NumPy's name of the type; "str" for texts.
        shape: of a batch, its first axis the examples; None where any size is taken. The shape is
            None as a whole where it is not known.
        limit: number of ids there are, if it takes ids: they are 0 to `limit` - 1.
    """

    dtype: str
    shape: tuple[int | None, ...] | None
    limit: int | None = None


class Signature(NamedTuple):
    """One way to call a model: named arrays in, named arrays out, one row per example."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    run: Callable[[Arrays], Arrays]


class Picture(NamedTuple):
    """How a picture becomes an input.

    Attributes:
        input: name of the input.
        shape: (height, width, channels); None where any size is taken.
        pixels: what black and white were when the model was trained.
        keeps_proportions: whether the picture is laid into the upper left corner, its sides in
            proportion, and boxes are scaled back to it; else it is stretched.
    """

    input: str
    shape: tuple[int | None, int | None, int]
    pixels: tuple[float, float] = (0.0, 1.0)
    keeps_proportions: bool = False


@dataclass
class Servable:
    """A model that is loaded.

    Attributes:
        kind: what a person can try: "picture", "detector", "completion", "text" or "tensor".
        signatures: ways to call it, by name; the first one is the default.
        picture: how it takes pictures; None if it takes none.
        labels: names of the classes; none if they are not known.
        generator: a `TextGenerator` if it continues texts.
        batch_size: largest number of examples per call; the server's own limit if None.
    """

    kind: str
    signatures: dict[str, Signature]
    picture: Picture | None = None
    labels: Sequence[str] = field(default_factory=tuple)
    generator: object = None
    batch_size: int | None = None

    def signature(self, name: str | None) -> tuple[str, Signature]:
        """The signature of this name, or the default one.

        Raises:
            RequestError: 400 if there is none.
        """
        name = name or next(iter(self.signatures))
        if name not in self.signatures:
            known = ", ".join(self.signatures)
            raise RequestError(400, f"the model has no signature {name[:80]!r}; it has {known}")
        return name, self.signatures[name]
