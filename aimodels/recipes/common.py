"""What all recipes share: their sizes and numbers, and the task that a model learns."""

from collections.abc import Callable
from typing import Any, NamedTuple

from aimodels.train import Model


class RecipeError(ValueError):
    """A recipe cannot be run as it was asked for; the message says what to do."""


class Recipe(NamedTuple):
    """Sizes and numbers of a run."""

    model: dict[str, Any]
    length: int  # number of tokens per example, or of frames at most
    batch_size: int
    epochs: int
    rate: float  # the highest learning rate
    warmup: int  # number of steps until then
    steps: int | None = None  # number of steps per epoch, where examples are drawn


class Task(NamedTuple):
    """A model with its data, its loss and an example of what it can do."""

    model: Model
    loss: Any
    examples: Callable  # from an epoch's number to its data set
    shuffle: bool
    validation: Any
    sample: Callable[[], str]  # text that shows what the model can do by now
    files: dict[str, Any]  # vocabularies and tokenizers to save, by the names of their files
