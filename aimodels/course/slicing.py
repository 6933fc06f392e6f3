"""The backward slice of a test: the statements that what is recorded depends on.

From the last line to the first, a statement stays only if something that is needed behind it
depends on it: stores into arrays, `append`, loops and helper functions included. Names are followed
to their last assignment. Of a call that stands alone, this is known: a student's function may
change all of its arguments, a method its own object, any other function its first argument, and
`append` and its like nothing but their own list. Where that is wrong for a test, its solution loses
points, which the proof of the assignment tells.
"""

import ast
import copy
from collections.abc import Collection, Iterator

OWN_OBJECT_ONLY = frozenset(
    ["add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"]
)
SCOPES = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """The calls `check.METHOD(…)` in the order of the text."""
    calls = [
        (node, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "check"
    ]
    yield from sorted(calls, key=lambda call: (call[0].lineno, call[0].col_offset))


def _records(node: ast.AST) -> bool:
    return any(method == "record" for _, method in calls(ast.fix_missing_locations(node)))


def stored(node: ast.AST) -> set[str]:
    """The plain names that a target binds."""
    if isinstance(node, ast.Assign):
        return set().union(*map(stored, node.targets))
    if isinstance(node, ast.Tuple | ast.List):
        return set().union(*map(stored, node.elts))
    if isinstance(node, ast.Starred):
        return stored(node.value)
    return {node.id} if isinstance(node, ast.Name) else set()


def root(node: ast.AST) -> str:
    """The name at the beginning of a chain of attributes, subscripts and calls."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


def roots_of(nodes: list[ast.expr]) -> set[str]:
    """The names whose objects these expressions hand over, lists of them included."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            found |= roots_of(node.elts)
        elif isinstance(node, ast.Dict):
            found |= roots_of(node.values)
        elif not isinstance(node, ast.Call):
            found.add(root(node))
    return found - {""}


def _parameters(node: ast.FunctionDef | ast.Lambda) -> set[str]:
    return {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}


def uses(node: ast.AST) -> set[str]:
    """The names that code reads from outside of itself."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    found = set().union(*map(uses, ast.iter_child_nodes(node)))
    if isinstance(node, ast.Lambda):
        return found - _parameters(node) | uses(node.args)
    if isinstance(node, ast.FunctionDef):
        inner = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and is_store(n)}
        return found - _parameters(node) - inner | uses(node.args)
    if isinstance(node, SCOPES):
        first = uses(node.generators[0].iter)
        return found - set().union(*(stored(each.target) for each in node.generators)) | first
    return found


def is_store(node: ast.AST) -> bool:
    return isinstance(node.ctx, ast.Store)


def _bound(tree: ast.Module) -> set[str]:
    """The names that a cell stores, and the functions that it defines."""
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and is_store(n)}
    return stored | {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def derived(tree: ast.Module, answers: Collection[str]) -> set[str]:
    """The student's names, and those that a cell makes with them."""
    found = set(answers) - _bound(tree)
    while True:
        before = len(found)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AugAssign | ast.For | ast.comprehension):
                value = node.value if isinstance(node, ast.Assign | ast.AugAssign) else node.iter
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if not found.isdisjoint(uses(value)):
                    found |= set().union(*map(stored, targets))
            elif (
                isinstance(node, ast.withitem)
                and node.optional_vars
                and not found.isdisjoint(uses(node.context_expr))
            ):
                found |= stored(node.optional_vars)
        if len(found) == before:
            return found


def _aliases(tree: ast.Module) -> dict[str, set[str]]:
    """For each name those that may stand for the same object or a part of it, itself as well."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        pairs = _pairs(node) if isinstance(node, ast.Assign) else ()
        if isinstance(node, ast.For):
            pairs = [(node.target, node.iter)]
            if isinstance(node.iter, ast.Call) and root(node.iter) in ("zip", "enumerate"):
                pairs = [(node.target, each) for each in node.iter.args]
        for target, value in pairs:
            if isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.List | ast.Tuple):
                both = stored(target) | roots_of([value])
                same = both.union(*(found.get(name, set()) for name in both))
                found |= dict.fromkeys(same, same)
    return found


class Slice:
    """The statements of a test that the recording needs, found from the last to the first.

    Args:
        tree: the test, converted.
        answers: the names that the student's answers define.

    Attributes:
        tree: what is left.
        problems: what cannot be followed, or stores what nothing needs: line and message.
        unneeded: the names that nothing needs.
        late: for each function or lambda of the test what it reads when it is called.
    """

    def __init__(self, tree: ast.Module, answers: Collection[str]):
        self.student = derived(tree, answers)
        self.functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        self.bound = _bound(tree)
        self.aliases = _aliases(tree)
        self.late: dict[str, set[str]] = {}  # what a function reads only when it is called
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                self.late.setdefault(node.name, set()).update(uses(node))
            elif isinstance(node, ast.Assign):
                inner = [n for n in ast.walk(node.value) if isinstance(n, ast.Lambda)]
                for name in stored(node) if inner else ():
                    self.late.setdefault(name, set()).update(*map(uses, inner))
        self.problems: set[tuple[int, str]] = set()
        self.unneeded: set[str] = set()
        body, _ = self._body(tree.body, set())
        self.tree = ast.Module(body or [ast.Pass()], [])

    def _needs(self, *nodes: ast.AST | None) -> set[str]:
        names = set().union(*(uses(node) for node in nodes if node is not None))
        while more := set().union(*(self.late.get(name, set()) for name in names)) - names:
            names |= more
        return names

    def _body(self, body: list[ast.stmt], live: set[str]) -> tuple[list[ast.stmt], set[str]]:
        """What stays of a body after which `live` is needed, and what is needed before it."""
        kept = []
        for statement in reversed(body):
            stays, live = self._statement(statement, live)
            kept += [stays] if stays else []
        return kept[::-1], live

    def _statement(self, node: ast.stmt, live: set[str]) -> tuple[ast.stmt | None, set[str]]:
        if isinstance(node, ast.FunctionDef):
            needed = node.name in live
            return (node, live - {node.name} | self._needs(node)) if needed else (None, live)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            return (None, live) if names.isdisjoint(live) else (node, live - names)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            return self._assignment(node, live)
        if isinstance(node, ast.Expr):
            stays = _records(node) or self._acts(node.value, live)
            return (node, live | self._needs(node)) if stays else (None, live)
        if isinstance(node, ast.For | ast.While) and not node.orelse:
            return self._loop(node, live)
        if isinstance(node, ast.If):
            then, before = self._body(node.body, live)
            other, also = self._body(node.orelse, live)
            if not then and not other:
                return None, live
            new = _with_bodies(node, then, other)
            return new, before | also | self._needs(node.test)
        if isinstance(node, ast.With):
            return self._with(node, live)
        if not isinstance(node, ast.Pass):
            kind = type(node).__name__.lower()
            said = f"`{kind}` has no place in a test cell: what needs it cannot be told"
            self.problems.add((node.lineno, said))
        return None, live

    def _assignment(self, node, live: set[str]) -> tuple[ast.stmt | None, set[str]]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        plain = set().union(*map(stored, targets))
        every = [n for t in targets for n in (t.elts if isinstance(t, ast.Tuple) else [t])]
        parts = [n for n in every if not isinstance(n, ast.Name | ast.Starred)]
        roots = {root(n) for n in every} | plain
        if foreign := {n for n in roots - plain if n not in self.bound}:
            said = f"it changes {', '.join(sorted(foreign))}, which is not the test's own"
            self.problems.add((node.lineno, said))
        changed = {root(n) for n in (every if isinstance(node, ast.AugAssign) else parts)}
        changed = plain.union(*(self.aliases.get(name, {name}) for name in changed))
        if live.isdisjoint(changed) and not (node.value and _records(node.value)):
            return None, live
        for target, value in _pairs(node):
            if self.student.isdisjoint(uses(value)):
                self._unneeded(node, stored(target) - live)
        before = live - (set() if isinstance(node, ast.AugAssign) else plain)
        before |= self._needs(node.value, *parts) | {root(n) for n in parts}
        return node, before | (plain if isinstance(node, ast.AugAssign) else set())

    def _acts(self, value: ast.expr, live: set[str]) -> bool:
        """Whether an expression that stands alone may change what is needed."""
        if isinstance(value, ast.Constant):
            return False
        if not self.bound.intersection(uses(value)):
            return True  # it prepares something, such as a seed
        changed = self._changed(value)
        return not live.isdisjoint(set().union(*(self.aliases.get(n, {n}) for n in changed)))

    def _changed(self, value: ast.expr, inside: tuple[str, ...] = ()) -> set[str]:
        """The names whose objects an expression may change; `inside` are functions being read."""
        if not isinstance(value, ast.Call):
            return self._needs(value)
        called, method = root(value.func), isinstance(value.func, ast.Attribute)
        given = [*value.args, *(keyword.value for keyword in value.keywords)]
        if called in self.functions and called not in inside:
            function = self.functions[called]
            changed = self._changed_by(function.body, (*inside, called))
            arguments = roots_of(given) if changed & _parameters(function) else set()
            return changed - _parameters(function) | arguments
        if method and value.func.attr in OWN_OBJECT_ONLY:
            return {called}
        if called in self.student or (method and value.func.attr == "shuffle"):
            return {called} | roots_of(given)
        return {called} | (set() if called in self.bound else roots_of(given[:1]))

    def _changed_by(self, body: list[ast.stmt], inside: tuple[str, ...]) -> set[str]:
        """The names whose objects the statements of a function may change."""
        changed = set()
        for node in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                parts = [n for target in targets for n in ast.walk(target)]
                changed |= {root(n) for n in parts if isinstance(n, ast.Attribute | ast.Subscript)}
            elif isinstance(node, ast.Call):
                changed |= self._changed(node, inside)
        return changed

    def _loop(self, node: ast.For | ast.While, live: set[str]):
        targets = stored(node.target) if isinstance(node, ast.For) else set()
        head = self._needs(node.iter if isinstance(node, ast.For) else node.test)
        again = live if isinstance(node, ast.For) else live | head
        if not self._body(node.body, live)[0] and live.isdisjoint(targets):
            return None, live
        while True:
            body, before = self._body(node.body, again)
            if before - targets <= again:
                break
            again = again | (before - targets)
        self._unneeded(node, targets - before - live)
        return _with_bodies(node, body), again - (targets - live) | head

    def _with(self, node: ast.With, live: set[str]):
        items = [item for item in node.items if item.optional_vars]
        names = set().union(*(stored(item.optional_vars) for item in items))
        body, before = self._body(node.body, live)
        if not live.isdisjoint(names):  # such as a tape, which watches the body
            body, before = node.body, live | self._needs(*node.body)
        if not body:
            return None, live
        self._unneeded(node, names - before - live)
        head = self._needs(*(item.context_expr for item in node.items))
        return _with_bodies(node, body), before - names | head

    def _unneeded(self, node: ast.stmt, names: set[str]) -> None:
        if names := names - {"_"}:
            self.unneeded |= names
            said = (
                f"only the verdict needs {', '.join(sorted(names))}, but a student's process would "
                "hold it: assign it on a line of its own"
            )
            self.problems.add((node.lineno, said))


def _pairs(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target with the value it gets, item by item where both are written out."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        items = [target.elts, node.value.elts] if _both_tuples(target, node.value) else []
        starred = any(isinstance(n, ast.Starred) for each in items for n in each)
        if items and not starred and len(items[0]) == len(items[1]):
            yield from zip(*items, strict=True)
        else:
            yield target, node.value


def _both_tuples(*nodes: ast.expr) -> bool:
    return all(isinstance(node, ast.Tuple | ast.List) for node in nodes)


def _with_bodies(node: ast.stmt, body: list[ast.stmt], orelse: list[ast.stmt] = ()) -> ast.stmt:
    new = copy.copy(node)
    new.body = body or [ast.Pass()]
    if isinstance(node, ast.If):
        new.orelse = list(orelse)
    return new
