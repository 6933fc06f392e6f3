"""What a model was made with: kept, written to a configuration, and read back.

A configuration has the constructor's arguments, the name, the dtype policy, and, under
`changed_layers`, what was changed since then in the layers inside: whether they are trainable, and
their dtype policies. A layer is named by its place: "4.0" is the first layer inside the fifth one.
"""

import contextlib
import functools
import inspect
import json
from collections.abc import Callable, Iterator

import keras
import numpy as np

from aimodels.checks import check_known
from aimodels.train.keras_internals import sublayers


def capturing(init: Callable) -> Callable:
    """A constructor that refuses unknown arguments, and afterwards keeps those it got in `config`.

    It takes `name`, `dtype` and `trainable` as well if it passes on `**kwargs`. Under a `dtype`
    every layer is made with that policy.
    """
    signature = inspect.signature(init)
    kinds = {name: p.kind for name, p in signature.parameters.items() if name != "self"}
    own = [name for name, kind in kinds.items() if kind is not inspect.Parameter.VAR_KEYWORD]
    passes_on = len(own) < len(kinds)

    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        if type(self).__init__ is not wrapper:  # called by a subclass's constructor
            return init(self, *args, **kwargs)
        known, general = [*own], ["name", "dtype", "trainable"] if passes_on else []
        if passes_on:
            known += _inherited(type(self), wrapper)
        check_known(kwargs, [*dict.fromkeys([*known, *general])], type(self).__name__)
        policy = None if "dtype" in own else kwargs.pop("dtype", None)
        trainable = None if "trainable" in own else kwargs.pop("trainable", None)
        args, kwargs = _python_numbers(args), _python_numbers(kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        with dtype_policy(policy):
            init(self, *args, **kwargs)
        if getattr(self, "config", None) is None:
            told = kwargs | {name: bound.arguments[name] for name in own}
            self.config = {name: _plain(told[name]) for name in known if name in told}
        self._as_constructed = json.dumps(_states(self))  # a text, as Keras tracks dictionaries
        if trainable is not None:
            self.trainable = trainable

    wrapper.__signature__ = signature  # Keras looks whether it takes a functional model's arguments
    wrapper.captures = True
    return wrapper


def _inherited(cls: type, init: Callable) -> list[str]:
    """The arguments that a constructor's `**kwargs` can pass on to those of the classes above."""
    names = []
    for base in cls.__mro__:
        above = vars(base).get("__init__")
        if above is not init and getattr(above, "captures", False):
            parameters = inspect.signature(above).parameters.values()
            names += [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    return names


def get_config(model: keras.Model, from_keras: Callable[[], dict]) -> dict:
    """The model's configuration; `from_keras` gives that of a model without a constructor."""
    states = _states(model)
    if hasattr(model, "_as_constructed"):
        before = json.loads(model._as_constructed)
        config = {name: _serialized(value) for name, value in model.config.items()}
    else:
        before, config = _all_trainable(states), from_keras()
    changed = {place: state for place, state in states.items() if before.get(place) != state}
    config |= {"name": model.name, "dtype": before[""]["dtype"]}
    return config | ({"changed_layers": changed} if changed else {})


def from_config(
    cls: type, from_keras: Callable, config: dict, custom_objects: dict | None = None
) -> keras.Model:
    """The model of a configuration."""
    config = dict(config)
    changed = config.pop("changed_layers", {})
    if getattr(cls.__init__, "captures", False):
        with keras.saving.custom_object_scope(custom_objects or {}):
            arguments = {name: _deserialized(value) for name, value in config.items()}
        model = cls(**arguments)
        states = _states(model)
    else:
        with dtype_policy(config.pop("dtype", None)):
            model = from_keras(config, custom_objects)
        states = _all_trainable(_states(model))
    if changed:
        states |= {place: state for place, state in changed.items() if place in states}
        for place, layer in _places(model).items():
            layer.trainable = states[place]["trainable"]
            if _policy_config(layer) != states[place]["dtype"]:
                layer.dtype_policy = keras.dtype_policies.get(states[place]["dtype"])
    return model


@contextlib.contextmanager
def dtype_policy(policy) -> Iterator[None]:
    """Layers made inside have this policy; None changes nothing."""
    before = keras.config.dtype_policy()
    if policy is not None:
        keras.config.set_dtype_policy(keras.dtype_policies.get(policy))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _states(model: keras.Model) -> dict[str, dict]:
    """`trainable` and dtype policy of the model ("") and of every layer inside, by its place."""
    return {
        place: {"trainable": layer.trainable, "dtype": _policy_config(layer)}
        for place, layer in _places(model).items()
    }


def _all_trainable(states: dict[str, dict]) -> dict[str, dict]:
    """The same, trainable: what a model without a constructor is compared with."""
    return {place: {**state, "trainable": True} for place, state in states.items()}


def _places(model: keras.Model) -> dict[str, keras.Layer]:
    """Every layer once; a layer stands behind all that hold it, as to freeze those freezes it."""
    found, seen = [], set()

    def visit(layer, place):
        if id(layer) not in seen:
            seen.add(id(layer))
            for number, inner in reversed(list(enumerate(sublayers(layer)))):
                visit(inner, f"{place}.{number}" if place else f"{number}")
            found.append((place, layer))

    visit(model, "")
    return dict(reversed(found))


def _policy_config(layer: keras.Layer) -> str | dict:
    """The policy's name where that says all."""
    policy = layer.dtype_policy
    named = type(policy) is keras.DTypePolicy
    return policy.name if named else keras.dtype_policies.serialize(policy)


def _python_numbers(value):
    """NumPy's numbers as Python's: Keras's layers and JSON refuse the former."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (tuple, list):
        return type(value)(_python_numbers(item) for item in value)
    if type(value) is dict:
        return {key: _python_numbers(item) for key, item in value.items()}
    return value


def _plain(value):
    """Arrays and tuples as lists, as JSON would give them back."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _serialized(value):
    value = _plain(value)
    is_object = hasattr(value, "get_config") or callable(value)
    return keras.saving.serialize_keras_object(value) if is_object else value


def _deserialized(value):
    is_object = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_object else value
