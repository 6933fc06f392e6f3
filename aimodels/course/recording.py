"""What of a test cell runs beside the student's code: inputs, calls, and nothing else.

A grader's test compares outside of the student's process. So in that process the test is cut down
to what the recording needs (see `slicing`): whatever computes an expected value is gone.
"""

import ast
from collections.abc import Mapping

from aimodels.course.slicing import OWN_OBJECT_ONLY, Slice, calls, derived, root, stored

_METHODS = ("equal", "close", "accuracy", "mean_average_precision", "raises")
_ARGUMENTS = ("property", "actual", "expected")


def defined(source: str) -> dict[str, type]:
    """The names that an answer defines, each with the kind of statement that does.

    Example:
        >>> {name: kind.__name__ for name, kind in defined("def f(): pass\\ng = f").items()}
        {'f': 'FunctionDef', 'g': 'Assign'}
    """
    found: dict[str, type] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = type(node)
        found |= dict.fromkeys(stored(node) if isinstance(node, ast.Assign) else (), type(node))
    return found


def recording(
    source: str,
    given: dict[int, list[str]] | None = None,
    answers: Mapping[str, type] | None = None,
) -> str:
    """A test cell that keeps values in the place of comparing them.

    Args:
        source: the cell.
        given: None for the grader's own run, which keeps what is expected, too. For a student's
            run all data of each `check.given`, by its number among the cell's calls: only what
            is recorded, and what that needs, stays.
        answers: the names that the answers define (see `defined`), or that are made with these.

    Raises:
        ValueError: if the cell calls a method that `check` does not have, or uses it otherwise.

    Example:
        >>> print(recording('check.equal("four", f(2), 2 + 2)', {}, defined("def f(x): ...")))
        from aimodels.course import check
        check.record(0, check.answer(f(2)))
    """
    tree, _ = converted(source, given)
    if given is not None:
        tree = Slice(tree, answers or {}).tree
    _Taken(tree, answers or {}).visit(tree)
    return "from aimodels.course import check\n" + ast.unparse(ast.fix_missing_locations(tree))


class _Taken(ast.NodeTransformer):
    """Copies what a student's code gives at once: see `Check.answer`."""

    def __init__(self, tree: ast.Module, answers: Mapping[str, type]):
        self.derived = derived(tree, answers)
        self.classes = {name for name, kind in answers.items() if kind is ast.ClassDef}

    def visit_Call(self, node: ast.Call) -> ast.Call:
        made = isinstance(node.func, ast.Name) and node.func.id in self.classes
        listed = isinstance(node.func, ast.Attribute) and node.func.attr in OWN_OBJECT_ONLY
        theirs = root(node.func) in self.derived and not made and not listed
        self.generic_visit(node)
        return _call("answer", node) if theirs else node


def _call(method: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    function = ast.Attribute(ast.Name("check", ast.Load()), method, ast.Load())
    return ast.Call(function, list(arguments), [ast.keyword(k, v) for k, v in keywords.items()])


def converted(source: str, given: dict[int, list[str]] | None) -> tuple[ast.Module, list[ast.expr]]:
    """The cell with `record` in the place of its tests, and what these expect."""
    tree = ast.parse(source)
    wanted: list[ast.expr] = []
    found = [*calls(tree)]
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "check"]
    if len(names) != len(found):
        raise ValueError(
            "a test cell calls `check.METHOD(…)`; other uses of `check` are not graded"
        )
    for site, (node, method) in enumerate(found):
        number = ast.Constant(site)
        if method == "question":
            new = _call("recording")
        elif method == "given":
            new = _call("note", number, node.args[0])
            if given is not None:
                data = [ast.Constant(text) for text in given.get(site, [])]
                new = _call("replay", number, ast.List(data, ast.Load()))
        elif method in _METHODS:
            arguments = dict(zip(_ARGUMENTS, node.args, strict=False))
            arguments |= {keyword.arg: keyword.value for keyword in node.keywords}
            if None in arguments or not {"actual", "expected"} <= arguments.keys():
                raise ValueError(f"check.{method}: write out its arguments, without * and **")
            actual, expected = arguments.pop("actual"), arguments.pop("expected")
            wanted.append(expected)
            if method == "raises":
                actual = _call("outcome", actual)
                expected = ast.Attribute(expected, "__name__", ast.Load())
            new = _call("record", number, actual)
            if given is None:
                kind = ast.Constant(method)
                new = _call("record", number, actual, expected, kind=kind, **arguments)
        else:
            raise ValueError(f"check.{method} has no place in a test cell")
        node.func, node.args, node.keywords = new.func, new.args, new.keywords
    return tree, wanted
