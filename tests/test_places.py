"""Homes that are missing or read-only, and checkouts whose names have blanks and other letters."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HANGS = 1800  # seconds
pytestmark = pytest.mark.slow


def aimodels(*arguments, before=(), **options):
    command = [*before, sys.executable, "-m", "aimodels", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANGS, **options)


@pytest.fixture(params=["missing", "unset", "read-only"])
def home(request, tmp_path, program):
    """What `aimodels` is called with, and whether there is a home to write to."""
    names = ("HOME", "AIMODELS_DATA", "TFDS_DATA_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    if request.param == "missing":
        return {"env": environment | {"HOME": "/dev/null/none"}}, False
    if request.param == "unset":  # Python looks the user up: this test writes to the real home
        return {"env": environment | {"AIMODELS_DATA": str(tmp_path / "data")}}, True
    sandbox = [program("bwrap"), "--ro-bind", "/", "/", "--dev", "/dev", "--bind", *[tmp_path] * 2]
    sandbox += ["--tmpfs", "/dev/shm", "--bind", "/tmp", "/tmp"]
    (tmp_path / "home").mkdir()
    sandbox += ["--ro-bind", tmp_path / "home", tmp_path / "home"]
    if subprocess.run([*sandbox, "true"], capture_output=True).returncode:
        pytest.skip("bubblewrap may not run here")
    environment["HOME"] = str(tmp_path / "home")
    return {"env": environment, "before": [*map(str, sandbox)]}, False


@pytest.mark.rests_on("aimodels", "datasets", "chapters/01_foundations")
def test_with_any_home_runs_train_grades_are_given_and_doctor_speaks(home, tmp_path):
    options, writable = home
    plan = ["--recipe", "tiny", "--limit", "20", "--epochs", "1", "--folder", tmp_path / "run"]
    trained = aimodels("train", "gpt", *plan, **options)
    assert trained.returncode == 0, trained.stderr
    notebook = ROOT / "chapters" / "01_foundations" / "assignment.ipynb"
    graded = aimodels(
        "grade", notebook, "--output", tmp_path / "g.csv", "--sandbox", "none", cwd=ROOT, **options
    )
    assert graded.returncode == 0, graded.stderr
    loaded = aimodels("data", "load", "digits", **options)
    findings = json.loads(aimodels("doctor", "--json", **options).stdout)
    [directory] = [one for one in findings if one["name"] == "data directory"]
    if writable:
        assert loaded.returncode == 0
        assert directory["status"] == "ok"
    else:  # one sentence that says what to set, and it helps
        assert "Traceback" not in loaded.stderr
        assert "another directory: data_dir=... or the environment variable AIMODELS_DATA" in (
            loaded.stderr
        )
        assert directory["status"] == "missing"
        options["env"]["AIMODELS_DATA"] = str(tmp_path / "data")
        assert aimodels("data", "load", "digits", **options).returncode == 0


@pytest.fixture
def checkout(tmp_path):
    """A copy of this checkout under a name that is hard to quote."""
    folder = tmp_path / "课程 d'été (2) & $x" / "ai models"
    names = [
        "aimodels",
        "datasets",
        "chapters",
        "course",
        "solutions",
        "benchmarks",
        "docs",
        "Makefile",
    ]
    folder.mkdir(parents=True)
    for name in [*names, "pyproject.toml", "constraints.txt"]:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


def test_a_checkout_with_blanks_and_other_letters(checkout, tmp_path):
    options = {"cwd": checkout, "env": os.environ | {"PYTHONPATH": str(checkout)}}
    program = "import aimodels; print(aimodels.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, **options
    )
    assert Path(where.stdout.strip()) == checkout / "aimodels" / "__init__.py"
    checked = aimodels("course", "check", "--quick", "01", "06", **options)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    submitted = tmp_path / "提交 of A & B"
    submitted.mkdir()
    shutil.copy(
        checkout / "solutions" / "01_foundations" / "assignment.ipynb", submitted / "李 雷.ipynb"
    )
    table = tmp_path / "成绩 1.csv"
    graded = aimodels("grade", submitted, "--output", table, **options)
    assert graded.returncode == 0, graded.stderr
    assert "李 雷" in table.read_text(encoding="utf-8-sig")
    assert ",100," in table.read_text(encoding="utf-8-sig").replace("100.0", "100")


def test_jupyterlab_starts_for_root_too(program):
    """`make lab` passes --allow-root to root alone, without which JupyterLab refuses to start."""
    for user, expected in (("0", True), ("1000", False)):
        shell = f"id() {{ echo {user}; }}; export -f id; "
        said = subprocess.run(
            ["bash", "-c", shell + "make -n lab SHELL=$BASH"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        ).stdout
        assert ("--allow-root" in said) == expected
        assert "jupyter lab --notebook-dir=chapters" in said
