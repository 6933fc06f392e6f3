"""Training by command: `aimodels train gpt --data python --recipe cpu --folder runs/gpt`."""

from aimodels.recipes.common import Recipe, RecipeError, Task
from aimodels.recipes.gpt import python_source, windows
from aimodels.recipes.recordings import OwnRecordings, own_recordings
from aimodels.recipes.run import DATA, RECIPES, train
from aimodels.recipes.texts import OwnText, own_text

__all__ = [
    "DATA",
    "RECIPES",
    "OwnRecordings",
    "OwnText",
    "Recipe",
    "RecipeError",
    "Task",
    "own_recordings",
    "own_text",
    "python_source",
    "train",
    "windows",
]
