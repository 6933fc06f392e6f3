"""What the slice of a test still holds by which an expected value could be found: to be refused."""

import ast
from collections.abc import Collection, Iterator
from types import NoneType

from aimodels.course.recording import converted
from aimodels.course.slicing import SCOPES, Slice, calls, is_store, root, roots_of, stored, uses

_VERDICTS = frozenset(["allclose", "array_equal", "array_equiv", "isclose"])
_BLIND = frozenset(["compile", "delattr", "eval", "exec", "globals", "locals", "setattr", "vars"])
_ANY = "[…]"  # a part of a list or an array that is chosen only when the test runs


def leaks(
    source: str, answers: Collection[str], handed: Collection[str] = ()
) -> list[tuple[int, str]]:
    """What a student's run of a test would hold though only the verdict needs it: line, message.

    Args:
        source: the test's cell.
        answers: the names that the student's answers define.
        handed: the functions and classes that stand in the student's notebook.

    Example:
        >>> from aimodels.course.recording import defined
        >>> leaks('x, y = f(3)\\ncheck.equal("same", g(x), y)', defined("def g(x): ..."))
        [(1, "only the verdict needs y, but a student's process would hold it: assign it on a line \
of its own")]
    """
    tree, expected = converted(source, {})
    cut = Slice(tree, answers)
    return sorted(
        {*cut.problems, *_blind(tree), *_unused(cut), *_held(tree, cut, expected, handed)}
    )


def _blind(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What hides from the slice which names code reads or writes."""
    for node in ast.walk(tree):
        hides = isinstance(node, ast.NamedExpr | ast.Global | ast.Nonlocal)
        if hides or (isinstance(node, ast.Name) and node.id in _BLIND):
            yield node.lineno, f"`{ast.unparse(node)}`: what it reads and writes cannot be told"
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            for call, method in calls(node):
                if method in ("record", "replay"):
                    yield call.lineno, "a test in a function: write it where the function is called"


def _unused(cut: Slice) -> Iterator[tuple[int, str]]:
    """What functions and comprehensions of the slice get, and do not read."""
    for node in ast.walk(cut.tree):
        names: set[str] = set()
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            with_default = node.args.args[len(node.args.args) - len(node.args.defaults) :]
            names = {arg.arg for arg in [*with_default, *node.args.kwonlyargs]} - read
        elif isinstance(node, SCOPES):
            read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not is_store(n)}
            names = set().union(*(stored(each.target) for each in node.generators)) - read
        if names := names - {"_"}:
            yield node.lineno, f"nothing in the slice needs {', '.join(sorted(names))}"


def _held(
    tree: ast.Module, cut: Slice, expected: list[ast.expr], judges: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Names that the slice keeps for another reason, but by which an expected value is found."""
    kept = [n for n in ast.walk(cut.tree) if isinstance(n, ast.stmt)]
    lines = {name: node.lineno for node in kept[::-1] for name in _binds(node)}
    own = lines.keys() - cut.student - cut.unneeded
    records = [node.args[1] for node, method in calls(cut.tree) if method == "record"]
    for node in records:
        if (
            isinstance(node, ast.BoolOp)
            or _compares(node)
            or (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _VERDICTS)
        ):
            said = "it compares in the student's process: give `check` both values"
            yield node.lineno, said
    dropped = [*_outside(tree, kept), *expected]
    used = set().union(*map(uses, dropped))
    for name in sorted(used & own & cut.late.keys()):
        said = f"the verdict computes with {name}, but a student's process would hold it: "
        yield lines[name], said + "take from `check.given(…)` what it makes for the student"
    handed = roots_of(records).union(
        *(
            roots_of([*node.args, *(k.value for k in node.keywords)])
            for node in ast.walk(cut.tree)
            if isinstance(node, ast.Call) and root(node.func) in cut.student
        )
    )
    for node in expected:
        name = root(node) if not isinstance(node, ast.Call) else ""
        if name in own - handed - cut.late.keys():
            yield lines[name], f"{name} is expected, but a student's process would hold it"
    for node in (n for statement in dropped for n in ast.walk(statement)):
        if isinstance(node, ast.Call) and root(node.func) in judges:
            inputs = uses(node) & cut.bound
            if inputs and inputs <= lines.keys():
                said = f"the verdict asks {root(node)}, which stands in the notebook, with what a "
                yield node.lineno, said + "student's process holds: one of them from `check.given`"
    for target, values in _loops(cut.tree):
        name = root(values)
        part = isinstance(target, ast.Tuple) and any(
            isinstance(item, ast.Name) and _reads(cut.tree, item.id) == 0 for item in target.elts
        )
        looked_up = any(_looks_up(node, name, stored(target)) for node in dropped)
        if name in used & own and (part or looked_up):
            said = f"the verdict takes from {name} what the student's code does not get: give both "
            yield target.lineno, said + "names of their own"
    paths = {path for node in kept for path in _paths(node)}
    for node in dropped:
        for name, *keys in _paths(node):
            covers = any(_covers(path, (name, *keys)) for path in paths)
            if name in own and not covers:
                said = f"only the verdict needs {''.join([name, *keys])}, but a student's process "
                yield lines[name], said + "would hold it: give it a name and a line of its own"


def _compares(node: ast.expr) -> bool:
    """Whether it holds two values together; `scores > 0` only makes classes of numbers."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [ast.Gt, ast.GtE, ast.Lt, ast.LtE]
    classes = type(node.ops[0]) in sides and isinstance(node.comparators[0], ast.Constant)
    return not (classes and len(node.ops) == 1)


def _loops(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets of loops and comprehensions, with what they go through."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension):
            yield node.target, node.iter


def _reads(tree: ast.AST, name: str) -> int:
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name)
    return sum(not is_store(node) for node in nodes)


def _looks_up(tree: ast.AST, name: str, keys: set[str]) -> bool:
    """Whether code takes from `name`, it seems a dictionary, what stands there for `keys`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and root(node) == name and uses(node.slice) & keys:
            return True
        got = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if got and node.func.attr == "get" and root(node) == name and uses(node.args[0]) & keys:
            return True
    return False


def _binds(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.For):
        return stored(node.target)
    if isinstance(node, ast.With):
        return set().union(*(stored(item.optional_vars) for item in node.items))
    return stored(node)


def _outside(tree: ast.Module, kept: list[ast.stmt]) -> list[ast.stmt]:
    """The statements, but for compound ones, that the slice has dropped."""
    simple = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.FunctionDef
    inside = {id(node) for node in kept}
    return [n for n in ast.walk(tree) if isinstance(n, simple) and id(n) not in inside]


def _paths(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Each name that is read, with the parts of it that are taken."""
    chain, keys = node, []
    while isinstance(chain, ast.Attribute | ast.Subscript):
        if isinstance(chain, ast.Attribute):
            keys.append(f".{chain.attr}")
        else:
            key = chain.slice
            parts = [key.lower, key.upper] if isinstance(key, ast.Slice) else [key]
            fixed = all(isinstance(n, ast.Constant | ast.UnaryOp | NoneType) for n in parts)
            keys.append(f"[{ast.unparse(key)}]" if fixed and any(parts) else _ANY)
            yield from _paths(chain.slice)
        chain = chain.value
    if isinstance(chain, ast.Name):
        while keys and keys[0] == _ANY:  # who takes any part of it, has it all
            keys.pop(0)
        if isinstance(chain.ctx, ast.Load):
            yield (chain.id, *keys[::-1])
    elif isinstance(chain, ast.Call) and isinstance(chain.func, ast.Attribute):
        yield from _paths(chain.func.value)  # a method sees its whole object
        for child in [*chain.args, *chain.keywords]:
            yield from _paths(child)
    else:
        for child in ast.iter_child_nodes(chain):
            yield from _paths(child)


def _covers(path: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether who reads `path` has `wanted`, too."""
    same = (a in (b, _ANY) for a, b in zip(path, wanted, strict=False))
    return len(path) <= len(wanted) and all(same)
