"""Which definitions of this repository a piece of code reaches, and what they mean.

A definition is a function, a class, or a module's constant. Its meaning is its syntax tree without
comments, docstrings, annotations and imports, and with every name resolved to the definition that
it stands for. So the meaning stays the same when a definition moves to another module, or is
reached by another path: `gpt.GPT`, `from aimodels.gpt import GPT`, a package that passes it on.

What cannot be known from the text alone counts as reached rather than not: all of a module that is
used as an object, and everything that a module does on import besides defining names.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aimodels.course.fingerprints.meaning import MARK, Key, Meaning, Normaliser, keys_of
from aimodels.course.fingerprints.source import Import, Module, imported
from aimodels.course.notebooks import digest


@dataclass
class Reached:
    """All that some code rests on."""

    digests: list[str]
    keys: set[Key]
    literals: set[str]  # texts in the sources themselves; `meaning` tells those of the definitions


class Code:
    """Source trees whose definitions are followed; all other imports are libraries.

    Args:
        packages: the folder of each package by its name, such as {"aimodels": Path("aimodels")}.
    """

    def __init__(self, packages: dict[str, Path]):
        self.packages = packages
        self._modules: dict[str, Module | None] = {}
        self._meanings: dict[Key, Meaning] = {}
        self._effects: dict[str, Meaning] = {}
        self._names: dict[Key, str] = {}
        self._statements: dict[tuple, Meaning] = {}

    def module(self, name: str) -> Module | None:
        """The module of that full name, or None if it is not one of ours."""
        if name not in self._modules:
            path = self._path(name)
            self._modules[name] = path and Module(
                name, path.read_text(encoding="utf-8"), path.name == "__init__.py"
            )
        return self._modules[name]

    def _path(self, name: str) -> Path | None:
        first, _, rest = name.partition(".")
        if first not in self.packages or rest.endswith("__init__"):  # a file, not a module's name
            return None
        path = self.packages[first].joinpath(*rest.split(".")) if rest else self.packages[first]
        if (path / "__init__.py").is_file():
            return path / "__init__.py"
        return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None

    def _below(self, name: str) -> list[str]:
        """A module and, if it is a package, all modules in it."""
        path = self._path(name)
        if path is None or path.name != "__init__.py":
            return [name] if path else []
        folder = path.parent
        files = sorted(file.relative_to(folder) for file in folder.rglob("*.py"))
        parts = [[*file.parts[:-1], *([file.stem] if file.stem != "__init__" else [])]
                 for file in files]  # fmt: skip
        return [".".join([name, *inner]) for inner in parts if inner[-1:] != ["__main__"]]

    def everything(self, name: str) -> set[Key]:
        """All definitions of a module, and of the modules in it."""
        found = set()
        for inner in self._below(name):
            module = self.module(inner)
            found |= {(inner, n) for n in module.bindings if self._own(module, n)}
        return found

    def _own(self, module: Module, name: str) -> bool:
        return any(not isinstance(value, Import) for value in module.bindings.get(name, []))

    def resolve(self, module: str, path: list[str], seen: tuple = ()) -> tuple[set[Key], list[str]]:
        """The definitions that `module.path` may stand for, and what of the path is left."""
        here = self.module(module)
        if not path:
            return self.everything(module), []
        if (module, path[0]) in seen:  # a package that imports its own module by this name
            inner = f"{module}.{path[0]}"
            return self.resolve(inner, path[1:], seen) if self.module(inner) else (set(), path[1:])
        name, rest, seen = path[0], path[1:], (*seen, (module, path[0]))
        if here.has(name):
            keys: set[Key] = set()
            left = rest
            if self._own(here, name):
                keys.add((module, name))
            for value in here.bindings[name]:
                if isinstance(value, Import) and self.module(value.module):
                    more, left = self.resolve(value.module, [*value.path, *rest], seen)
                    keys |= more
            return keys, left
        if self.module(f"{module}.{name}"):
            return self.resolve(f"{module}.{name}", rest, seen)
        for target in here.imports:
            if target.name == "*" and self.names(target.module, name):
                return self.resolve(target.module, path, seen)
        if name.startswith("__") and name.endswith("__"):
            return set(), rest
        if here.has("__getattr__"):
            return self._lazy(here, name), rest
        return self.everything(module), []

    def names(self, module: str, name: str) -> bool:
        """Whether a module of ours has a definition, or a module, of that name."""
        here = self.module(module)
        return here is not None and (
            here.has(name) or (name.isidentifier() and bool(self.module(f"{module}.{name}")))
        )

    def _lazy(self, module: Module, name: str) -> set[Key]:
        """What a module's `__getattr__` may give: an import in it, or what bears the name below."""
        for statement in module.bindings["__getattr__"]:
            for node in ast.walk(statement) if isinstance(statement, ast.stmt) else []:
                if isinstance(node, ast.ImportFrom | ast.Import):
                    for alias, target in imported(node, module.name, module.is_package):
                        if alias == name and self.module(target.module):
                            return self.resolve(target.module, target.path)[0]
        found: set[Key] = set()
        for inner in self._below(module.name)[1:]:
            if inner.rpartition(".")[2] == name:
                found |= self.everything(inner)
            elif self._own(self.module(inner), name):
                found.add((inner, name))
        return found or self.everything(module.name)

    def meaning(self, key: Key) -> Meaning:
        """Of one definition."""
        if key not in self._meanings:
            module = self.module(key[0])
            statements = [s for s in module.bindings[key[1]] if not isinstance(s, Import)]
            self._meanings[key] = self.normalise(module, statements)
        return self._meanings[key]

    def _effect(self, name: str) -> Meaning:
        if name not in self._effects:
            module = self.module(name)
            meaning = self.normalise(module, module.effects)
            meaning.modules = meaning.modules.union(*(target.modules for target in module.imports))
            self._effects[name] = meaning
        return self._effects[name]

    def normalise(self, module: Module, statements: Iterable[ast.stmt]) -> Meaning:
        """What some statements of a module mean."""
        parts = [self._statement(module, statement) for statement in statements]
        return Meaning(
            "\n".join(part.text for part in parts if part.text),
            set().union(*(part.keys for part in parts)),
            set().union(*(part.modules for part in parts)),
            set().union(*(part.literals for part in parts)),
        )

    def _statement(self, module: Module, statement: ast.stmt) -> Meaning:
        # The cells of a chapter's answers are nearly all the same.
        known = (module.name, module.signature, module.source(statement))
        if known not in self._statements:
            meaning = Meaning("")
            tree = Normaliser(self, module, meaning).statement(_copy(statement))
            meaning.text = ast.dump(tree) if tree else ""
            self._statements[known] = meaning
        return self._statements[known]

    def reach(
        self,
        sources: Iterable[str] = (),
        keys: Iterable[Key] = (),
        closed: Iterable[Key] = (),
    ) -> Reached:
        """Everything that these sources, each a program, and these definitions rest on.

        Args:
            sources: programs in Python.
            keys: definitions that count beside what the sources reach.
            closed: definitions that are not followed.

        Raises:
            SyntaxError: if a source is not Python.
        """
        roots = []
        for source in sources:
            program = Module("__main__", source)
            meaning = self.normalise(program, program.tree.body)
            meaning.keys -= {key for key in meaning.keys if key[0] == "__main__"}
            roots.append(meaning)
        first = set(keys)
        found: set[Key] = set()
        modules: set[str] = set()
        effects: list[Meaning] = []
        closed = set(closed)
        left = first.union(*(meaning.keys for meaning in roots)) - closed
        touched = {key[0] for key in first}.union(*(meaning.modules for meaning in roots))
        while left or touched:
            new = [self.meaning(key) for key in sorted(left)]
            found |= left
            touched |= {key[0] for key in left}
            run = {name for name in map(self._parents, touched) for name in name} - modules
            modules |= run
            done = [self._effect(name) for name in sorted(run)]
            effects += [effect for effect in done if effect.text]
            left = set().union(*(meaning.keys for meaning in [*new, *done])) - found - closed
            touched = set().union(*(meaning.modules for meaning in [*new, *done]))
        digests = [self._digest(meaning) for meaning in roots]
        digests += sorted({f"{key[1]} {self._digest(self.meaning(key))}" for key in first})
        digests += sorted({self._digest(self.meaning(key)) for key in found})
        digests += sorted({self._digest(effect) for effect in effects})
        if any("getsource" in meaning.text for meaning in roots):  # then comments count, too
            shown = set().union(*(meaning.keys for meaning in roots))
            digests += sorted(digest(self._source(key)) for key in shown)
        literals = set().union(*(meaning.literals for meaning in [*roots, *effects]))
        return Reached(digests, found, literals)

    def _source(self, key: Key) -> str:
        module = self.module(key[0])
        own = (s for s in module.bindings[key[1]] if not isinstance(s, Import))
        return "\n".join(ast.get_source_segment(module.text, statement) for statement in own)

    def _parents(self, name: str) -> list[str]:
        """The modules of ours that an import of this one executes."""
        parts = name.split(".")
        every = [".".join(parts[: n + 1]) for n in range(len(parts))]
        return [name for name in every if self.module(name)]

    def _digest(self, meaning: Meaning) -> str:
        """Two definitions of the same name are told apart by what stands in them."""
        if not meaning.digest:
            text = MARK.sub(
                lambda mark: " ".join(sorted(map(self._named, keys_of(mark)))), meaning.text
            )
            meaning.digest = digest(text)
        return meaning.digest

    def _named(self, key: Key) -> str:
        if key[0] == "__main__":
            return key[1]
        if key not in self._names:
            text = self.meaning(key).text
            inside = MARK.sub(lambda mark: " ".join(sorted(k[1] for k in keys_of(mark))), text)
            self._names[key] = f"{key[1]}={digest(inside)}"
        return self._names[key]


def _copy(node: ast.AST) -> ast.AST:
    """Of a syntax tree; faster than `copy.deepcopy`."""
    new = type(node)()
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            value = _copy(value)
        elif isinstance(value, list):
            value = [_copy(item) if isinstance(item, ast.AST) else item for item in value]
        setattr(new, name, value)
    return new
