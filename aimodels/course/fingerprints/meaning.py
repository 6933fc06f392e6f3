"""What a piece of code means: its syntax tree without what does not change a program's behaviour,
and with every name resolved to the definitions that it may stand for.
"""

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aimodels.course.fingerprints.source import Import, Module, imported, is_idle

Key = tuple[str, str]  # a module's full name, and a name in it
MARK = re.compile(r"⟦([\w.:|]+)⟧")  # stands for resolved definitions in a normalised text
_MENTION = re.compile(r"\b[a-z_]+(?:\.\w+)+")
_IMPORT = re.compile(r"from ([\w.]+) import ([\w, ]+)")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass
class Meaning:
    """A normalised piece of code: its text, the definitions it names, the modules it imports."""

    text: str
    keys: set[Key] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    literals: set[str] = field(default_factory=set)
    digest: str = ""


class Normaliser(ast.NodeTransformer):
    """Takes out what does not change a program's behaviour, and resolves names."""

    def __init__(self, code, module: Module, meaning: Meaning):
        self.code, self.module, self.meaning = code, module, meaning
        self.scopes: list[tuple[bool, dict[str, Import | None]]] = []  # is it a class's? its names

    def statement(self, node: ast.stmt) -> ast.AST | None:
        return None if is_idle(node) else self.visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [s for s in statements if not is_idle(s)])
        return super().generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, target in imported(node, self.module.name, self.module.is_package):
            if self.scopes and name:
                self.scopes[-1][1][name] = target
            self.meaning.modules |= target.modules

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.visit_Import(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        node = self.generic_visit(node)
        if node.value is None or (self.scopes and self.scopes[-1][0]):  # a dataclass's field
            return node
        return ast.Assign([node.target], node.value)

    def visit_FunctionDef(self, node):
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.returns, node.type_params = None, []
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._function(node)

    def _function(self, node):
        every = ast.walk(node.args)
        arguments = [argument for argument in every if isinstance(argument, ast.arg)]
        for argument in arguments:
            argument.annotation = None
        node.args = self.visit(node.args)  # the defaults belong to the scope outside
        body = node.body if isinstance(node.body, list) else [node.body]
        names = _local(body) | {argument.arg for argument in arguments}
        self.scopes.append((False, dict.fromkeys(names)))
        self._enter_imports(body)
        if isinstance(node.body, list):
            visited = [self.visit(statement) for statement in body if not is_idle(statement)]
            node.body = [statement for statement in visited if statement]
        else:
            node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        self.scopes.append((True, dict.fromkeys(_local(node.body))))
        visited = [self.visit(statement) for statement in node.body if not is_idle(statement)]
        node.body = [statement for statement in visited if statement]
        self.scopes.pop()
        return node

    def _enter_imports(self, body: list) -> None:
        """A function's own imports hold for all of it, also for functions above them."""
        for node in _inside(body):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.visit_Import(node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def _comprehension(self, node):
        targets = {
            name.id
            for part in node.generators
            for name in ast.walk(part.target)
            if isinstance(name, ast.Name)
        }
        self.scopes.append((False, dict.fromkeys(targets)))
        node = self.generic_visit(node)
        self.scopes.pop()
        return node

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._resolved(node, node, [])

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        path, base = [], node
        while isinstance(base, ast.Attribute):
            path.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            return self._resolved(node, base, path)
        return self.generic_visit(node)

    def _resolved(self, node: ast.expr, base: ast.Name, path: list[str]) -> ast.AST:
        """`node`, which is `base.path`, with what it stands for in the place of its first names."""
        values = self._lookup(base.id)
        imports = [value for value in values if isinstance(value, Import)]
        keys = {(self.module.name, base.id)} if len(imports) < len(values) else set()
        names, left = [], path
        for target in imports:
            if self.code.module(target.module):
                more, left = self.code.resolve(target.module, [*target.path, *path])
                keys |= more
                if not more:
                    names.append(".".join([*target.path, *path]))
            else:  # of a library
                names.append(".".join([target.module, *target.path, *path]))
                left = []
        if not keys and not names:
            return node
        self.meaning.keys |= keys
        mark = f"⟦{'|'.join(f'{module}:{name}' for module, name in sorted(keys))}⟧" if keys else ""
        value: ast.expr = ast.Name(mark + " ".join(sorted(names)), base.ctx)
        for attribute in left:
            value = ast.Attribute(value, attribute, ast.Load())
        if isinstance(value, ast.Attribute):
            value.ctx = node.ctx
        return value

    def _lookup(self, name: str) -> list:
        """What a name may stand for: nothing if it is local or a builtin."""
        for depth, (is_class, names) in enumerate(reversed(self.scopes)):
            if name in names and not (is_class and depth):
                return [names[name]] if names[name] else []
        return self.module.bindings.get(name, [])

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            self.meaning.literals.add(node.value)
            self._follow(textwrap.dedent(node.value))
        return node

    def _follow(self, text: str) -> None:
        """A text that names our modules may be a program, or a name that is looked up."""
        if not any(
            f"{package}." in text or f"{package} " in text for package in self.code.packages
        ):
            return
        try:
            program = Module("__main__", text)
        except (SyntaxError, ValueError):
            pass
        else:
            meaning = self.code.normalise(program, program.tree.body)
            self.meaning.keys |= {key for key in meaning.keys if key[0] != "__main__"}
            self.meaning.modules |= meaning.modules
        paths = [mention.split(".") for mention in _MENTION.findall(_IMPORT.sub("", text))]
        for module, names in _IMPORT.findall(text):  # they may be used by what is put behind
            paths += [[*module.split("."), name] for name in re.findall(r"\w+", names)]
        for first, *rest in paths:
            if rest and self.code.names(first, rest[0]):
                self.meaning.keys |= self.code.resolve(first, rest)[0]


def keys_of(mark: re.Match) -> Iterator[Key]:
    for key in mark[1].split("|"):
        module, _, name = key.partition(":")
        yield module, name


def _inside(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a body, those of functions and classes in it left out."""
    for node in body:
        yield node
        if isinstance(node, _COMPREHENSIONS):
            yield from (n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        elif not isinstance(node, _SCOPES):
            yield from _inside(ast.iter_child_nodes(node))


def _local(body: Iterable[ast.AST]) -> set[str]:
    """The names that a body binds in its own scope."""
    names, elsewhere = set(), set()
    for node in _inside(body):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or (
            isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name
        ):
            names.add(node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere |= {*node.names}
    return names - elsewhere
