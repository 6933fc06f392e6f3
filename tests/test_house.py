"""The facts that several files state agree, and the wheel holds what the package reads."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from aimodels import data

ROOT = Path(__file__).parents[1]
KINDS = ("lesson", "assignment")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    names = [*PROJECT["dependencies"], *extras["course"], *extras["test"]]
    return [Requirement(name) for name in names if not name.startswith("aimodels[")]


def test_every_requirement_is_a_range_that_the_tested_set_meets():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    tested = dict(line.lower().replace("_", "-").split("==") for line in lines if line[0] != "#")
    for requirement in requirements():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators, f"{requirement} has no range"
        assert operators <= {">=", "<", "!="}, f"{requirement} is pinned"
        version = tested[requirement.name.replace("_", "-")]
        assert requirement.specifier.contains(version), f"{requirement}: tested with {version}"


def test_private_attributes_are_used_of_the_tested_releases():
    from aimodels.train.keras_internals import TESTED

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert {f"{package}=={version}" for package, version in TESTED.items()} <= set(lines)


def test_the_tested_set_names_packages_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines[0].startswith("# The tested set, written by `make constraints`")
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.+]+", line) for line in lines[1:])


@pytest.mark.slow
def test_the_readme_examples_run(tmp_path, monkeypatch, capsys):
    from aimodels.recipes import RECIPES

    classify, write = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    names = {}
    exec(classify, names)
    assert names["accuracy"] > 0.9
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(RECIPES["gpt"], "cpu", RECIPES["gpt"]["tiny"])
    Path("my_novel.txt").write_text("Once upon a time there was a text. " * 100)
    exec(write, {})
    shown = capsys.readouterr().out
    assert "held out" in shown
    assert len(shown.partition("Epoch 3/3")[2]) > 300  # a sample, and the last line's text


def test_conda_and_binder_read_the_same_facts():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert pip == "pip"
    assert packages["pip"] == ["--constraint constraints.txt", "--editable .[course]"]


def test_the_makefile_accepts_the_pythons_of_pyproject():
    makefile = (ROOT / "Makefile").read_text()
    lowest, highest = re.search(
        r"\((3, \d+)\) <= sys.version_info\[:2\] < \((3, \d+)\)", makefile
    ).groups()
    wanted = f">={lowest},<{highest}".replace(", ", ".")
    assert SpecifierSet(wanted) == SpecifierSet(PROJECT["requires-python"])


def test_the_installation_offers_the_package_alone(tmp_path):
    """Hugging Face's `transformers` takes any importable `datasets` for its own companion."""
    program = (
        "import importlib.util, aimodels\n"
        "for name in ('datasets', 'tests', 'course', 'benchmarks'):\n"
        "    spec = importlib.util.find_spec(name)\n"
        "    print([] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])])"
    )
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert len(answer.stdout.splitlines()) == 4
    assert str(ROOT) + os.sep not in answer.stdout.replace(str(ROOT / ".venv"), "")


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_builders_and_its_results(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "aimodels/cnn.py" in names
    assert "aimodels/_datasets/digits/digits_dataset_builder.py" in names
    assert "aimodels/_results/cnn_mnist.json" in names
    assert "aimodels/serving/page/page.js" in names
    assert not any(name.startswith(("datasets/", "tests/", "course/")) for name in names)


def test_the_page_about_data_states_the_catalogue():
    page = (ROOT / "docs" / "data.md").read_text()
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d, +]+) \| .+ \| (none|[\d.]+ MB) \| (.+) \|$", page, re.M
    )
    stated = {
        name: (sum(int(n.replace(",", "")) for n in examples.split("+")), size, licence)
        for name, examples, size, licence in rows
    }
    assert stated == {
        row["name"]: (
            row["examples"],
            f"{row['size'] / 1e6:.1f} MB" if row["size"] else "none",
            row["licence"],
        )
        for row in data.catalogue()
    }


def test_the_readme_lists_every_chapter():
    text = (ROOT / "README.md").read_text()
    for folder in sorted(path for path in (ROOT / "course").iterdir() if path.is_dir()):
        name, links = (
            folder.name,
            [f"[{kind}](chapters/{folder.name}/{kind}.ipynb)" for kind in KINDS],
        )
        row = f"| {name}: {', '.join(links)} | what the reader will build | its module |"
        start = row.rpartition("what the reader")[0]
        assert text.count(f"\n{start}") == 1, f"add to the chapters' table in README.md:\n{row}"
        for kind in KINDS:
            assert (ROOT / "chapters" / name / f"{kind}.ipynb").is_file(), f"build {name}"


def test_what_may_be_left_out_starts_no_process_and_reads_no_file_of_the_checkout():
    """Fingerprints of tests see neither."""
    marked = re.compile(r"^(?:pytestmark = .*|@pytest\.mark\.)rests_on_code", re.MULTILINE)
    programs = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    found = 0
    for path in (ROOT / "tests").glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for match in marked.finditer(text):
            found += 1
            part = text  # all of the file, or the function behind the mark
            if match[0].startswith("@"):
                part = text[match.start() :].partition("\n\n\n")[0]
            words = set(re.findall(r"\w+", part))
            assert not words & {"subprocess", "__file__", "environ", "find_root"}, path.name
            assert not re.search(r"[\"'](course|chapters|docs|benchmarks|examples)/", part), (
                path.name
            )
            imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
            assert not imported & programs, path.name
    assert found


def test_what_may_be_left_out_names_the_files_of_the_checkout_that_it_reads():
    """A test marked `rests_on(...)`, the mark on it or on its file."""
    folders = r"[\"'](course|chapters|docs|benchmarks|examples|datasets|solutions)(?=[/\"'])"
    marked = re.compile(
        r"^(?:pytestmark = |    |@)(?:\[)?(?:pytest\.mark\.)rests_on\((.*?)\)", re.M
    )
    found = 0
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for match in marked.finditer(text):
            found += 1
            named = re.findall(r"\"([^\"]+)\"", match[1])
            assert "aimodels" in named, path.name
            part = text.replace(match[0], "")
            if match[0].startswith("@"):
                part = text[match.end() :].partition("\n\n\n")[0]
            lines = [line for line in part.splitlines() if re.search(r"ROOT\b|__file__", line)]
            reads = set(re.findall(folders, "\n".join(lines)))
            assert reads <= {name.partition("/")[0] for name in named}, path.name
    assert found > 40
