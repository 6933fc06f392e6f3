"""Imports inside the package point one way, and every module is reachable by its name."""

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import aimodels

PACKAGE = Path(aimodels.__file__).parent
# From the bottom up; a module imports only from rows above its own, and from its own package.
ROWS = [
    {"checks", "console", "files", "registration"},
    {"checkpoint", "data", "text", "pictures", "plots"},
    {"train"},
    {"layers", "metrics", "decoding"},
    {"batch_norm", "bert", "cnn", "cost_model", "detection", "efficientnet", "embeddings"}
    | {"foundations", "gpt", "inception", "model_card", "recurrent", "resnet", "scaling_laws"}
    | {"seq2seq", "speech", "text_classification", "transformer", "vit"},
    {"lite", "multimodal", "text_generator"},  # on other models: export a GPT, and let it write
    {"recipes"},
    {"serving"},
    {"course"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(ROWS) for name in names}


def modules() -> dict[str, Path]:
    """All modules by their dotted names below `aimodels`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0].startswith("_") and parts[0] not in ("__init__", "__main__"):
            continue  # data sets and results, in a wheel
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imported(path: Path) -> set[str]:
    """What a file imports of the package, as dotted names below `aimodels`, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    known = modules()
    found = set()
    for name in names:
        name = name.removeprefix("aimodels.") if name.startswith("aimodels.") else ""
        while name and name not in known:  # a definition: its module counts
            name = name.rpartition(".")[0]
        found |= {name} - {""}
    return found


def test_every_module_has_a_row():
    top = {name.partition(".")[0] for name in modules() if name}
    assert top == set(RANK)


def test_imports_point_down():
    upward = []
    for name, path in modules().items():
        if not name:
            continue
        own = name.partition(".")[0]
        for other in imported(path):
            room = other.partition(".")[0]
            if room != own and RANK[room] >= RANK[own]:
                upward.append(f"{name} imports {other}")
    assert not upward


def test_no_circle_between_files():
    graph = {name: imported(path) - {name} for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name not in done:
            for other in graph[name]:
                # A package's __init__ re-exports its own files: they do not import it.
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def lines_of_code(path: Path) -> int:
    """Lines that hold code: no docstring, no comment, no empty one."""
    docstrings = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                docstrings |= set(range(node.lineno, node.end_lineno + 1))
    lines = set()
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type not in nothing and token.string.strip():
                lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def test_no_file_is_long(tmp_path):
    (tmp_path / "x.py").write_text('"""A\ntext."""\n\n# why\nx = [\n    1,\n]\n')
    assert lines_of_code(tmp_path / "x.py") == 3
    long = {name: n for name, path in modules().items() if (n := lines_of_code(path)) > 340}
    assert not long, f"past two ideas a file becomes a folder of the same name: {long}"


def test_every_module_is_offered():
    top = {name.partition(".")[0] for name in modules()} - {"", "__main__"}
    assert top | {"start"} == set(aimodels.__all__)
    for name in aimodels.__all__:
        assert getattr(aimodels, name) is not None


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["tensorflow", "keras", "numpy", "sklearn", "matplotlib", "pandas", "jupyter_client"]
    program = f"import aimodels, sys; print([m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_the_readme_names_the_module_of_each_chapter():
    root = PACKAGE.parent
    rows = re.findall(
        r"^\| (\d\d_\w+): .* \| \[(\w+)\]\((aimodels/[\w.]+)\) \|$",
        (root / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    chapters = sorted(path.parent.name for path in root.glob("course/*/lesson.py"))
    assert [chapter for chapter, _, _ in rows] == chapters
    for _, name, place in rows:
        assert (root / place).exists()
        assert Path(place).stem == name
