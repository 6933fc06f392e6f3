"""A definition's meaning: the same wherever it stands, another when anything that it reaches is."""

import pytest

from aimodels.course.fingerprints.reach import Code

pytestmark = pytest.mark.rests_on("aimodels")

FILES = {
    "__init__.py": '''\
"""A package that passes on what is in it."""
import importlib

__all__ = ["model"]

def __getattr__(name):
    return importlib.import_module(f"house.{name}")
''',
    "model.py": '''\
import math

from house import parts
from house.parts import helper as help_out

SIZE = 3
UNUSED = 4
_TABLE = {"relu": parts.activate}

class Base:
    def size(self):
        return SIZE

@parts.named("model")
class Model(Base):
    """A model."""

    scale: float = 1.0

    def call(self, x: float) -> float:
        """Compute."""
        y = help_out(x)  # a comment
        return _TABLE["relu"](y) * math.pi

def unreached():
    return UNUSED
''',
    "parts.py": """\
def helper(x):
    return deeper(x)

def deeper(x):
    return x + 1

def activate(x):
    return x

def named(name):
    return lambda kind: kind

def other(parts):
    return parts.size
""",
}
USES = "from house.model import Model\nprint(Model().call(1))"


@pytest.fixture
def house(tmp_path):
    """`house(files={...}, ...)` gives what a program rests on, with some files written anew."""
    number = iter(range(100))

    def digests(program=USES, **changes):
        folder = tmp_path / str(next(number))
        for name, text in (FILES | changes.pop("files", {})).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        return Code({"house": folder}).reach([program]).digests

    return digests


def changed(name, old, new):
    assert old in FILES[name]
    return {name: FILES[name].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model.py", "UNUSED = 4", "UNUSED = 5"),
        ("model.py", "return UNUSED", "return 0"),
        ("parts.py", "parts.size", "parts.shape"),
        ("model.py", '"""A model."""', '"""Another sentence."""'),
        ("model.py", '"""Compute."""', ""),
        ("model.py", "# a comment", "# no comment"),
        ("model.py", "x: float) -> float", "x)"),
        ("model.py", "scale: float", "scale: int"),
        ("model.py", "SIZE = 3", "SIZE: int = 3"),
        ("model.py", "import math\n", "import math\nimport os\n"),
        ("__init__.py", '["model"]', '["model", "more"]'),
        ("parts.py", "def other", 'if __name__ == "__main__":\n    print(1)\n\n\ndef other'),
    ],
)
def test_what_cannot_matter_does_not_count(house, name, old, new):
    assert house(files=changed(name, old, new)) == house()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model.py", "* math.pi", "* math.e"),  # itself
        ("model.py", "import math", "import cmath as math"),  # what a library's name means
        ("model.py", "scale: float = 1.0", "scale: float = 2.0"),
        ("model.py", "return SIZE", "return 2 * SIZE"),  # its base class
        ("model.py", "SIZE = 3", "SIZE = 4"),  # a constant that the base class uses
        ("parts.py", "return deeper(x)", "return -deeper(x)"),  # under another name
        ("parts.py", "return x + 1", "return x + 2"),  # by way of a function
        ("parts.py", "return x\n", "return 0\n"),  # by way of a constant
        ("parts.py", "lambda kind: kind", "lambda kind: None"),  # a decorator
        ("parts.py", "def helper", "helper.calls = 0\n\n\ndef helper"),  # done on import
        ("__init__.py", "import importlib", "import importlib\nprint(1)"),
    ],
)
def test_a_change_of_what_is_reached_counts(house, name, old, new):
    assert house(files=changed(name, old, new)) != house()


MOVED = {
    "model.py": "from house.models import Model\n",
    "models/__init__.py": "from .big import Model\n",
    "models/base.py": """\
SIZE = 3


class Base:
    def size(self):
        return SIZE
""",
    "models/big.py": """\
from math import pi

import house.parts.simple
from house.models import base
from ..parts import named

TABLE = None
_TABLE = {"relu": house.parts.simple.activate}


@named("model")
class Model(base.Base):
    scale: float = 1.0

    def call(self, x):
        from house import parts as tools

        y = tools.helper(x)
        return _TABLE["relu"](y) * pi
""",
    "parts/__init__.py": """\
from .simple import *


def __getattr__(name):
    return importlib.import_module(_HOMES[name])
""",
    "parts/simple.py": """\
def activate(x):
    return x


def named(name):
    return lambda kind: kind
""",
    "parts/deep.py": """\
def helper(x):
    return deeper(x)


def deeper(x):
    return x + 1
""",
}


def test_definitions_may_move(house):
    """Into packages that pass them on, by import, by star or when they are asked for."""
    moved = house(files={**MOVED, "parts.py": None})
    assert moved == house()


@pytest.mark.parametrize(
    "program",
    [
        "import house\nprint(house.model.Model().call(1))",
        "import house.model as m\nprint(m.Model().call(1))",
        "from house import model\nprint(model.Model().call(1))",
        "import house.model\nprint(house.model.Model().call(1))",
    ],
)
def test_every_path_to_a_definition_is_the_same(house, program):
    assert house(program) == house()


def test_a_module_used_as_an_object_counts_whole(house):
    program = "from house import parts\nprint(vars(parts))"
    before = house(program)
    assert house(program, files=changed("parts.py", "parts.size", "parts.shape")) != before


@pytest.mark.parametrize(
    "program",
    [
        "script = '''from house import parts\nparts.other(3)'''",
        "patch('house.parts.other')",
        "text = f'from house.parts import other; {x}'",
        "def f(x):\n    from house.parts import other\n    return other(x)",
        "class A:\n    parts = 1\n    def f(self):\n        return parts.other\n"
        "from house import parts",
        "[parts for parts in 'ab']\nfrom house import parts\nparts.other",
    ],
)
def test_hidden_ways_to_a_definition_are_seen(house, program):
    before = house(program)
    assert house(program, files=changed("parts.py", "parts.size", "parts.shape")) != before


@pytest.mark.parametrize(
    "program",
    [
        "from house import parts\ndef f(parts):\n    return parts.other",
        "from house import parts\n[parts.other for parts in ()]",
        "from house import parts\ndef f():\n    parts = g()\n    return parts.other",
        "from house import parts\nparts.helper(1)",
    ],
)
def test_a_local_name_is_not_the_module(house, program):
    before = house(program)
    assert house(program, files=changed("parts.py", "parts.size", "parts.shape")) == before


def test_names_are_told_apart_by_what_they_stand_for(house):
    """Both functions are reached anyway; only which of them is called first changes."""
    both = {"twice.py": "from house.parts import helper as other\n\ndef helper(x):\n    return 2"}
    program = "from house.{} import helper\nprint(helper(1))\nfrom house import parts, twice\n"
    program += "parts.helper\ntwice.helper\ntwice.other"
    assert house(program.format("parts"), files=both) != house(program.format("twice"), files=both)


def test_comments_count_where_source_is_shown(house):
    program = "import inspect\nfrom house.model import Model\nprint(inspect.getsource(Model))"
    before = house(program)
    assert house(program, files=changed("model.py", "# a comment", "# no comment")) != before


@pytest.mark.parametrize("line", ["from . import parts", "from house import parts"])
def test_a_package_that_imports_its_own_module(house, line):
    files = {"__init__.py": f"{line}\nparts.other(parts)\n"}
    before = house(files=files)
    assert house(files=files | changed("parts.py", "parts.size", "parts.shape")) != before


def test_an_init_file_is_no_module(tmp_path):
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "__init__.py").write_text("x = 1\n")
    code = Code({"house": tmp_path / "house"})
    assert code.module("house") is not None
    assert code.module("house.__init__") is None
    assert not code.names("house", "__init__")
