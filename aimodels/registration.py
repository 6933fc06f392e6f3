"""Saved models open after `import aimodels` alone, which imports neither Keras nor any model.

Keras finds the class of a saved object by its registered name, such as "aimodels>GPT", among those
whose modules are imported. Here each such name is registered as soon as Keras is there, with an
object that imports the module when the name is first used.
"""

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_REGISTERED = re.compile(
    r'^(?:@keras\.saving\.)register_keras_serializable\("aimodels"\)\nclass (\w+)', re.MULTILINE
)


class _Later:
    """Stands for a class until Keras makes an object of it."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def from_config(self, config: dict):
        return getattr(importlib.import_module(self.module), self.name).from_config(config)


class _AfterKeras:
    """A finder that lets the others find Keras, and calls `register` once it is imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                register()

            spec.loader.exec_module = exec_module
        return spec


def names() -> Iterator[tuple[str, str]]:
    """Module and name of every class of the package that is registered with Keras."""
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        module = ".".join(["aimodels", *path.relative_to(package).with_suffix("").parts])
        for name in _REGISTERED.findall(path.read_text(encoding="utf-8")):
            yield module, name


def register() -> None:
    """Tell Keras the names of all classes whose modules are not imported yet."""
    known = sys.modules["keras"].saving.get_custom_objects()
    for module, name in names():
        known.setdefault(f"aimodels>{name}", _Later(module, name))


def install() -> None:
    """Register now if Keras is imported, else as soon as it is."""
    if "keras" in sys.modules:
        register()
    elif not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())
