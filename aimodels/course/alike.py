"""Answers that are equal: whether somebody copied is for the teacher to judge."""

import ast
from collections import defaultdict
from collections.abc import Iterable

from aimodels.course.gradebook import Result
from aimodels.course.submission import parse


def alike(results: Iterable[Result], untouched: dict[str, str]) -> list[str]:
    """Sentences about students with the same file, or with the same code for a question.

    Code is the same if its syntax tree is: comments, blank lines and docstrings do not count.
    What nobody has changed in the copy that was handed out does not count either.

    Args:
        results: of a class.
        untouched: the answers in the copy that was handed out, by question.
    """
    results = list(results)
    files: dict[str, list[str]] = defaultdict(list)
    trees: dict[tuple[str, str], list[str]] = defaultdict(list)
    length: dict[tuple[str, str], int] = {}
    for result in results:
        if result.digest != "none":
            files[result.digest].append(result.student)
        for question, code in result.answers.items():
            tree = syntax(code)
            if tree and tree != syntax(untouched.get(question, "")):
                trees[question, tree].append(result.student)
                length[question, tree] = len([line for line in code.splitlines() if line.strip()])
    said = [f"The same file: {_names(students)}." for students in files.values() if students[1:]]
    whole = {tuple(students) for students in files.values()}
    for (question, tree), students in sorted(trees.items(), key=lambda item: item[0][0]):
        if students[1:] and tuple(students) not in whole:
            lines = f"{length[question, tree]} line{'s' if length[question, tree] > 1 else ''}"
            said.append(f"Question {question[1:]}, the same code ({lines}): {_names(students)}.")
    return said


def _names(students: list[str]) -> str:
    return ", ".join(sorted(students))


def syntax(code: str) -> str:
    """The syntax tree of a cell as text, without docstrings; the code itself if it has none."""
    tree = parse(code)
    if tree is None:
        return " ".join(code.split())
    try:
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                del body[0]
        return ast.dump(tree) if tree.body else ""
    except RecursionError:
        return " ".join(code.split())


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
