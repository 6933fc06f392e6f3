"""What all recipes are made of: sizes and numbers, and a task to learn."""

from collections.abc import Callable
from typing import Any, NamedTuple

from aimodels.train import Model


class RecipeError(ValueError):
    """A wish that cannot be met; the message says what to do."""


class Recipe(NamedTuple):
    """Sizes and numbers of a run."""

    model: dict[str, Any]
    length: int  # of each example, in tokens
    batch_size: int
    epochs: int
    rate: float  # of learning, at its highest
    warmup: int  # steps
    steps: int | None = None  # of an epoch, where examples are drawn


class Task(NamedTuple):
    """What there is to learn, and how it is told."""

    model: Model
    loss: Any
    examples: Callable  # of an epoch
    shuffle: bool
    validation: Any
    sample: Callable[[], str]  # something that the model can do by now
    kept: dict[str, Any]  # by the name of its file: vocabularies and merges, to read and write with
