"""The one file that uses private attributes of Keras, and says so when one is gone.

Tested with the releases in `TESTED`. Everything else in the package uses public interfaces alone.
"""

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import keras

TESTED = {"keras": "3.15.1", "tensorflow": "2.21.0"}


def private(owner: Any, name: str) -> Any:
    """A private attribute of Keras or TensorFlow.

    Raises:
        RuntimeError: if this release has no such attribute.
    """
    try:
        return getattr(owner, name)
    except AttributeError as error:
        tested = " and ".join(f"{package} {version}" for package, version in TESTED.items())
        raise RuntimeError(
            f"keras {keras.__version__} has no attribute {name!r}, which aimodels needs: "
            f"install the tested {tested}"
        ) from error


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that `layer` holds directly, of any kind, in the order of their creation."""
    return list(private(layer, "_layers"))


def all_layers(layer: keras.Layer) -> list[keras.Layer]:
    """`layer` and every layer inside it."""
    return private(layer, "_flatten_layers")()


def set_initial_epoch(model: keras.Model, epoch: int | None) -> None:
    """Where `fit` begins, as `keras.callbacks.BackupAndRestore` sets it; None: where it is told."""
    private(model, "_initial_epoch")
    model._initial_epoch = epoch


def clone_by_config(cls: type, clone: Callable[[keras.Model], keras.Model]) -> None:
    """Let `keras.models.clone_model` clone instances of `cls` by `clone`.

    Keras itself rebuilds every functional model layer by layer: the class is lost, and a layer that
    is used inside a nested model and outside of it becomes two. A `clone_function` of the user's
    own, or `input_tensors`, still ask for that.
    """
    cloning = sys.modules[inspect.unwrap(keras.models.clone_model).__module__]
    original = private(cloning, "_clone_functional_model")

    @functools.wraps(original)
    def clone_functional(model, clone_function, input_tensors=None, call_function=None):
        asked = input_tensors is not None or call_function is not None
        if not isinstance(model, cls) or asked or not _is_default(clone_function):
            return original(model, clone_function, input_tensors, call_function)
        return clone(model)

    cloning._clone_functional_model = clone_functional


def _is_default(clone_function: Callable) -> bool:
    """Whether it is Keras's own: Keras wraps it, or the user's, in a function with a cache."""
    wrapped = inspect.getclosurevars(clone_function).nonlocals.get("clone_function")
    name = private(wrapped, "__qualname__")
    return name == "_wrap_clone_function.<locals>._clone_layer"


def set_mask(tensor, mask):
    """The tensor, of which Keras's losses and layers then count what `mask` says."""
    tensor._keras_mask = mask
    return tensor


def get_mask(tensor):
    """The mask that layers gave to a tensor, or None."""
    return getattr(tensor, "_keras_mask", None)
