"""The models of a server: each version with its state and the thread that computes for it."""

import sys
import threading
import traceback
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from aimodels.serving import completions
from aimodels.serving.batching import Batcher
from aimodels.serving.completions import Choice, Sampling
from aimodels.serving.loading import load
from aimodels.serving.payload import Request
from aimodels.serving.servable import Arrays, LoadError, RequestError, Servable, Signature


class Version:
    """One version of a model.

    Args:
        name: of the model.
        number: of the version.
        path: where it lies.
    """

    def __init__(self, name: str, number: int, path: Path):
        self.name, self.number, self.path = name, number, path
        self.state, self.error = "LOADING", ""
        self.servable: Servable | None = None
        self._batchers: list[Batcher] = []

    def load(self, batch_size: int, wait: float, observe: Callable[[int], None]) -> None:
        """Load it; what goes wrong is kept in `state` and `error`."""
        try:
            self.servable = load(self.path)
        except LoadError as error:
            self.state, self.error = "END", str(error)
            return
        make = partial(Batcher, wait=wait, observe=observe, batch_size=batch_size)
        alone = threading.Lock()  # what is predicted and what is written use one model
        self._predict = make(_locked(alone, partial(_predict, self.servable, batch_size)))
        self._batchers = [self._predict]
        if self.servable.generator:
            self._write = make(_locked(alone, _write), fits=_fits)
            self._batchers.append(self._write)
        self.state = "AVAILABLE"

    def predict(self, request: Request) -> Future:
        """Queue a request; its outputs come by name."""
        key: Hashable = (
            request.signature_name,
            *((name, array.shape[1:], array.dtype.str) for name, array in request.inputs.items()),
        )
        return self._predict.submit(
            key, (request.signature_name, request.inputs, request.rows), request.rows
        )

    def write(self, choice: Choice, sampling: Sampling) -> Future:
        """Queue a text to be written."""
        return self._write.submit(sampling, (choice, sampling))

    def close(self) -> None:
        """End its threads, after what waits."""
        for batcher in self._batchers:
            batcher.close()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._batchers))


class Models:
    """All models: name -> version -> `Version`."""

    def __init__(self, found: dict[str, dict[int, Path]]):
        self.versions = {
            name: {number: Version(name, number, path) for number, path in sorted(paths.items())}
            for name, paths in found.items()
        }

    def __iter__(self):
        return (version for versions in self.versions.values() for version in versions.values())

    @property
    def ready(self) -> bool:
        """Whether nothing is loading any more and each model has a version that answers."""
        states = [{v.state for v in versions.values()} for versions in self.versions.values()]
        return all("AVAILABLE" in state and "LOADING" not in state for state in states)

    def named(self, name: str) -> dict[int, Version]:
        """The versions of a model.

        Raises:
            RequestError: 404 if there is no such model.
        """
        if name not in self.versions:
            known = ", ".join(self.versions)
            raise RequestError(404, f"there is no model {name[:80]!r}; there are: {known}")
        return self.versions[name]

    def version(self, name: str, number: int | None = None) -> Version:
        """A version that answers: the one of this number, or else the newest.

        Raises:
            RequestError: 404 if there is none, 503 if it is loading or could not be loaded.
        """
        versions = self.named(name)
        if number is not None and number not in versions:
            known = ", ".join(map(str, versions))
            raise RequestError(404, f"{name} has no version {number}; it has {known}")
        wanted = [versions[number]] if number is not None else [*reversed(versions.values())]
        for version in wanted:
            if version.state == "AVAILABLE":
                return version
        if any(version.state == "LOADING" for version in wanted):
            raise RequestError(503, f"{name} is loading: try again")
        raise RequestError(503, f"{name} could not be loaded: {wanted[0].error}")


def _locked(lock: threading.Lock, run: Callable[[list], list]) -> Callable[[list], list]:
    def locked(contents: list) -> list:
        with lock:
            return run(contents)

    return locked


def _predict(servable: Servable, most: int, contents: list[tuple[str, Arrays, int]]) -> list:
    """Outputs of requests with the same signature and shapes, computed together."""
    signature = servable.signatures[contents[0][0]]
    inputs = {
        name: np.concatenate([arrays[name] for _, arrays, _ in contents])
        for name in signature.inputs
    }
    try:
        outputs = _in_pieces(signature, inputs, servable.batch_size, most)
    except RequestError:
        raise
    except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError) as error:
        # such as a token id that the model does not know: the data's fault, not the server's
        line = str(error).partition("\n")[0].partition("}} ")[2] or error.message.split("\n")[0]
        raise RequestError(400, f"the model refuses this: {line[:300]}") from None
    except Exception as error:
        raise failure(error) from error
    ends = np.cumsum([rows for *_, rows in contents])[:-1]
    parts = {name: np.split(value, ends) for name, value in outputs.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(len(contents))]


def _in_pieces(signature: Signature, inputs: Arrays, fixed: int | None, most: int) -> Arrays:
    """At most `most` rows at a time; exactly `fixed`, the last piece filled up, if it is given."""
    rows = len(next(iter(inputs.values())))
    size, pieces = fixed or most, []
    for begin in range(0, rows, size):
        piece = {name: array[begin : begin + size] for name, array in inputs.items()}
        missing = size - (min(begin + size, rows) - begin) if fixed else 0
        if missing:
            piece = {n: np.concatenate([a, a[:1].repeat(missing, 0)]) for n, a in piece.items()}
        found = signature.run(piece)
        number = size - missing
        for name, value in found.items():
            if np.ndim(value) == 0 or len(value) != len(next(iter(piece.values()))):
                raise ValueError(f"output {name} has not one row per example: {np.shape(value)}")
        pieces.append({name: value[:number] for name, value in found.items()})
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _write(contents: list[tuple[Choice, Sampling]]) -> list[Choice | RequestError]:
    choices = [choice for choice, _ in contents]
    try:
        completions.write(choices, contents[0][1])
    except Exception as error:  # not tried again one by one: some of the text is out already
        return [failure(error)] * len(choices)
    return choices


def _fits(contents: list[tuple[Choice, Sampling]], new: tuple[Choice, Sampling]) -> bool:
    return completions.fits([choice for choice, _ in contents], new[0])


def failure(error: Exception) -> RequestError:
    """What a client is told when a model raises; the server's log has the rest."""
    traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return RequestError(503, "there is not enough memory for this request")
    return RequestError(500, f"the model failed: {type(error).__name__}")
