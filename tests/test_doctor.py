"""The doctor finds what is missing and names the command that mends it."""

import json

import pytest

from aimodels import cli
from aimodels.course import doctor


@pytest.fixture
def findings(monkeypatch, tmp_path):
    """Examine a machine with some environment variables changed."""

    def examine(**environment):
        monkeypatch.setenv("AIMODELS_DATA", str(tmp_path / "data"))
        monkeypatch.delenv("AIMODELS_MIRROR", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        return {finding.name: finding for finding in doctor.examine()}

    return examine


def test_a_machine_that_runs_the_tests_misses_nothing(findings):
    found = findings()
    assert {f.name for f in found.values() if f.status == "missing"} == set()
    assert {"Python", "tensorflow", "keras", "jupyterlab", "devices", "free disk"} <= set(found)
    assert "CPU cores" in found["devices"].found


def test_a_missing_package_is_named_with_its_command(findings, monkeypatch):
    real = doctor.metadata.version

    def version(name):
        if name == "jupyterlab":
            raise doctor.metadata.PackageNotFoundError(name)
        return "1.0" if name == "matplotlib" else real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    found = findings()
    assert found["jupyterlab"].status == "missing"
    assert 'pip install "jupyterlab<5,>=4.3"' in found["jupyterlab"].mend
    assert found["matplotlib"].found == "1.0, wanted >=3.9"


def test_a_data_directory_that_cannot_be_is_found(findings, tmp_path):
    (tmp_path / "file").touch()
    found = findings(AIMODELS_DATA=tmp_path / "file" / "data")
    assert found["data directory"].status == "missing"
    assert "AIMODELS_DATA" in found["data directory"].mend


def test_a_mirror_that_is_not_there_is_found(findings, tmp_path):
    assert findings(AIMODELS_MIRROR=tmp_path)["data mirror"].status == "ok"
    assert findings(AIMODELS_MIRROR=tmp_path / "no")["data mirror"].status == "missing"


def test_a_full_disk_is_found(findings, monkeypatch):
    usage = doctor.shutil.disk_usage("/")._replace(free=2**29)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert findings()["free disk"].status == "missing"
    assert findings()["free disk"].found == "0.5 GiB"


def test_the_command_prints_lines_or_json_and_its_exit_code_tells(findings, capsys, monkeypatch):
    findings()
    assert cli.main(["doctor"]) == 0
    assert "free disk" in capsys.readouterr().out
    monkeypatch.setenv("AIMODELS_MIRROR", "/no/such/folder")
    assert cli.main(["doctor", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in rows if r["status"] == "missing"] == ["data mirror"]
