"""What a user gets wrong ends in one message, and a bug in its traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from aimodels import cli, data
from aimodels.course import passed


def run(capsys, *argv: str) -> tuple[int, str, str]:
    code = cli.main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AIMODELS_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("AIMODELS_MIRROR", raising=False)


def test_data_list_shows_what_is_embedded_public_and_prepared(capsys):
    assert run(capsys, "data", "load", "digits") == (
        0,
        "digits: train 1,797, in_order 1,797\n",
        "",
    )
    code, out, _ = run(capsys, "data", "list")
    states = {line.split()[0]: line.split()[1] for line in out.splitlines()}
    assert code == 0
    assert states == {row["name"]: row["kind"] for row in data.catalogue()} | {"digits": "prepared"}
    assert (states["breast_cancer"], states["mnist"]) == ("embedded", "public")


@pytest.mark.slow
def test_loading_an_embedded_set_is_quiet():
    """Neither TensorFlow's start-up lines nor TFDS's bars."""
    command = [sys.executable, "-m", "aimodels", "data", "load", "digits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (
        "digits: train 1,797, in_order 1,797\n",
        "",
    )


def test_an_unknown_set_is_one_message(capsys):
    code, _, err = run(capsys, "data", "load", "diggits")
    assert code == 1
    assert err.startswith("aimodels: unknown data set 'diggits': did you mean 'digits'")


def test_an_embedded_set_needs_no_mirror(capsys, tmp_path):
    code, _, err = run(capsys, "data", "mirror", str(tmp_path / "mirror"), "digits")
    assert code == 1
    assert "digits: embedded, so there is nothing to mirror" in err


def test_a_set_that_cannot_be_had_is_one_message(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("aimodels.data.loading.unreachable", lambda urls: ["nowhere: no answer"])
    code, _, err = run(capsys, "data", "load", "mnist", "--mirror", str(tmp_path))
    assert code == 1
    assert "Meanwhile use 'digits'" in err
    assert "Traceback" not in err


def test_a_bug_keeps_its_traceback(monkeypatch):
    def bug():
        raise ValueError("a bug")

    monkeypatch.setattr("aimodels.course.doctor.examine", bug)
    with pytest.raises(ValueError, match="a bug"):
        cli.main(["doctor"])


def test_a_bug_in_a_data_command_is_not_swallowed(monkeypatch):
    def bug(*args, **kwargs):
        raise TypeError("a bug")

    monkeypatch.setattr(data, "catalogue", bug)
    with pytest.raises(TypeError, match="a bug"):
        cli.main(["data", "list"])


def test_a_release_waits_until_nothing_is_owed(capsys, monkeypatch, tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "course", "debt") == (0, "", "")
    passed.Passed(tmp_path, "answers").record({"06_cnn q1, x": "1"}, {}, ["06_cnn q1, x"])
    code, out, _ = run(capsys, "course", "debt")
    assert (code, "owed: answers: 06_cnn q1, x" in out) == (1, True)

    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    recipe = makefile.partition("\nrelease:")[2].partition("\n\n")[0].splitlines()[1:]
    # Both end make before anything is built. The first runs also what a run elsewhere left for want
    # of time, which this checkout's ledger does not name.
    assert recipe[:2] == ["\t$(MAKE) parity test KEPT=1", "\t$(BIN)/aimodels course debt"]
