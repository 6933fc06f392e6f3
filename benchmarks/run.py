"""The one way to write `benchmarks/results/NAME.json`.

    python benchmarks/run.py --list
    python benchmarks/run.py cnn_mnist cnn_fashion_mnist
    python benchmarks/run.py resnet_fashion_mnist --set seeds=1 --set limit=6000

A benchmark is a file `benchmarks/NAME.py` with a docstring and a function `run() -> dict` that
returns its figures. What it ran on, with which versions, when and from which commit is added here,
and the file is written whole or not at all.
"""

import argparse
import ast
import datetime
import importlib
import json
import subprocess
import sys
from pathlib import Path

from aimodels.files import write_text

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def names() -> dict[str, str]:
    """Every benchmark with the first line of its docstring; nothing is imported.

    Example:
        >>> [name for name in names() if name.startswith("cnn")]
        ['cnn_fashion_mnist', 'cnn_mnist']
    """
    found = {}
    for path in sorted(HERE.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def commit() -> str:
    """The commit's id, with "-dirty" behind it if package or benchmarks differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(HERE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        paths = ["aimodels", "datasets", "benchmarks", ":!benchmarks/results"]
        changed = git("status", "--porcelain", "--", *paths)
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def setting(text: str) -> tuple[str, object]:
    """An argument of a benchmark's `run`, as `--set` takes it.

    Example:
        >>> setting("epochs=6"), setting('names=["mnist"]')
        (('epochs', 6), ('names', ['mnist']))
    """
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        message = f"{text!r}: write NAME=VALUE, the value as in JSON, such as epochs=6"
        raise argparse.ArgumentTypeError(message) from None


def measure(name: str, settings: dict | None = None) -> Path:
    """Run a benchmark and write its figures beside the facts that they depend on."""
    from aimodels.course import doctor

    measured = commit()  # before the run: what is committed meanwhile did not run
    result = {
        "name": name,
        "figures": importlib.import_module(name).run(**settings or {}),
        "machine": doctor.machine(),
        "versions": doctor.versions(),
        "commit": measured,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    if settings:  # which were not the benchmark's own
        result["settings"] = settings
    path = RESULTS / f"{name}.json"
    write_text(path, json.dumps(result, indent=2, sort_keys=True) + "\n")
    return path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="*", help="which benchmarks to run, one after the other")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="an argument of the benchmark's run(), such as epochs=6",
    )
    options = parser.parse_args(arguments)
    known = names()
    if options.list or not options.name:
        for name, about in known.items():
            print(f"{name:<20} {about}")
        return 0 if options.list else 2
    if unknown := sorted({*options.name} - {*known}):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")

    import aimodels

    aimodels.start(seed=1)
    sys.path.insert(0, str(HERE))
    for name in options.name:
        print(f"{name}: {known[name]}", flush=True)
        path = measure(name, dict(options.set))
        print(path.read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
