"""A file's definitions by name, and what an import of it does besides defining them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_NOT_ON_IMPORT = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")


@dataclass(frozen=True)
class Import:
    """What an imported name stands for: a module, or a name in it."""

    module: str
    name: str = ""

    @property
    def path(self) -> list[str]:
        return [self.name] if self.name else []

    @property
    def modules(self) -> set[str]:
        """What the import may execute."""
        return {self.module, ".".join([self.module, *self.path])}


class Module:
    """A file's definitions by name, and what it does besides defining them."""

    def __init__(self, name: str, text: str, is_package: bool = False):
        self.name, self.text, self.is_package = name, text, is_package
        self.tree = ast.parse(text)
        self._lines = text.split("\n")
        self.bindings: dict[str, list[ast.stmt | Import]] = {}
        self.effects: list[ast.stmt] = []
        self.imports: list[Import] = []
        for statement in self.tree.body:
            self._add(statement, statement)

    def _add(self, statement: ast.stmt, whole: ast.stmt) -> None:
        """Enter what a statement binds; `whole` is the compound statement around it, or itself."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for name, target in imported(statement, self.name, self.is_package):
                self.imports.append(target)
                self._bind(name, target)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._bind(statement.name, whole)
        elif names := _assigned(statement):
            for name in names:
                self._bind(name, whole)
        elif isinstance(statement, ast.If) and ast.unparse(statement.test) in _NOT_ON_IMPORT:
            pass
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.Match):
            for inner in _inner(statement):
                self._add(inner, whole)
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self._bind(node.id, whole)
        elif not is_idle(statement) and whole not in self.effects:
            self.effects.append(whole)

    def _bind(self, name: str, value: ast.stmt | Import) -> None:
        values = self.bindings.setdefault(name, [])
        if name and value not in values:
            values.append(value)

    @cached_property
    def signature(self) -> frozenset:
        """All that other statements contribute to the meaning of one: what names stand for."""
        return frozenset(
            (name, value if isinstance(value, Import) else "own")
            for name, values in self.bindings.items()
            for value in values
        )

    def source(self, statement: ast.stmt) -> str:
        """The lines of a statement, and where on them it stands."""
        first = min([statement.lineno, *(d.lineno for d in _decorators(statement))])
        lines = self._lines[first - 1 : statement.end_lineno]
        return f"{statement.col_offset} {statement.end_col_offset}\n" + "\n".join(lines)

    def has(self, name: str) -> bool:
        return bool(self.bindings.get(name))


def imported(
    node: ast.Import | ast.ImportFrom, module: str, is_package: bool
) -> Iterator[tuple[str, Import]]:
    """The names that an import binds, with what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or "", Import(alias.name)  # without a name: it is executed
            if not alias.asname:
                first = alias.name.partition(".")[0]
                yield first, Import(first)
    else:
        base = node.module or ""
        if node.level:
            parts = module.split(".")
            parts = parts[: len(parts) - node.level + is_package]
            base = ".".join([*parts, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, Import(base, alias.name)


def _assigned(statement: ast.stmt) -> list[str]:
    """The names of a plain assignment to names; nothing if it changes anything else."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    else:
        return []
    nodes = [node for target in targets for node in ast.walk(target)]
    plain = ast.Name | ast.Tuple | ast.List | ast.Starred | ast.Store
    if not all(isinstance(node, plain) for node in nodes):
        return []
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements that stand directly in a compound one."""
    for _, value in ast.iter_fields(statement):
        for item in value if isinstance(value, list) else []:
            if isinstance(item, ast.stmt):
                yield item
            elif isinstance(item, ast.ExceptHandler | ast.match_case):
                yield from item.body


def _decorators(statement: ast.stmt) -> list[ast.expr]:
    return getattr(statement, "decorator_list", [])


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def is_idle(statement: ast.AST) -> bool:
    """A docstring, or another constant that stands alone; the list of what a module offers."""
    if isinstance(statement, ast.Assign):
        return any(_name(target) == "__all__" for target in statement.targets)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
