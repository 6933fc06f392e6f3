"""`aimodels launch`: workers that are started, watched, restarted and ended together."""

import os
import shlex
import signal
import subprocess
import sys

import psutil
import pytest

from aimodels import cli
from aimodels.train.launch import launch, tf_configs

pytestmark = pytest.mark.rests_on("aimodels")

SHOW = """\
import json, os
task = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
"""


@pytest.fixture
def script(tmp_path):
    """A script that knows its rank; returns the command that runs it."""

    def write(code: str) -> list[str]:
        (tmp_path / "script.py").write_text(SHOW + code)
        return [sys.executable, str(tmp_path / "script.py")]

    return write


def test_each_worker_has_its_place_and_its_lines_carry_its_number(script, capfd):
    command = script("print(os.environ['TF_CONFIG'])\nprint('bye')")
    assert launch(command, workers=3) == 0
    lines = sorted(capfd.readouterr().out.splitlines())
    assert [line for line in lines if "bye" in line] == ["[0] bye", "[1] bye", "[2] bye"]
    assert all(f'"index": {rank}' in "".join(lines) for rank in range(3))


def test_after_a_failure_all_are_started_again(script, capfd, tmp_path):
    count = tmp_path / "count"
    command = script(f"""\
import sys, time
if task == 1:
    with open({str(count)!r}, "a") as file:
        file.write("x")
    sys.exit(len(open({str(count)!r}).read()) < 3 and 7)
time.sleep(0.3)
print("whole")
""")
    assert launch(command, restarts=5) == 0
    said = capfd.readouterr()
    assert said.err.count("worker 1 ended with status 7: starting all again") == 2
    assert "5 more time(s) at most" in said.err
    assert "4 more time(s) at most" in said.err
    assert "[0] whole" in said.out


def test_it_gives_up_with_the_workers_status(script, capfd):
    assert launch(script("import sys; sys.exit(3 * task)"), restarts=1) == 3
    assert "worker 1 ended with status 3: giving up" in capfd.readouterr().err


def test_a_killed_worker_is_named_by_its_signal(script, capfd):
    command = script("import signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert launch(command, workers=1, restarts=0) == 128 + 9
    assert "worker 0 was killed (signal 9): giving up" in capfd.readouterr().err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_every_worker_even_a_deaf_one(script, how, until):
    """And what the workers have started themselves."""
    code = """\
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print("ready")
time.sleep(1000)
"""
    command = [sys.executable, "-m", "aimodels", "launch", script(code)[1]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(2):
        assert "ready" in process.stdout.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 4
    process.send_signal(how)
    assert process.wait(1800) in (130, 143)
    until(lambda: not any(child.is_running() for child in children))


def test_the_cluster_of_other_machines_is_printed(capsys):
    assert cli.main(["launch", "--hosts", "a:5000,b:5000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [shlex.split(line)[1].partition("=") for line in lines]
    assert [text for _, _, text in names] == tf_configs(["a:5000", "b:5000"])


def test_a_script_that_is_not_there(capsys):
    assert cli.main(["launch", "nowhere.py"]) == 1
    assert "launch wants a Python script; nowhere.py is no file" in capsys.readouterr().err


def test_no_workers():
    with pytest.raises(ValueError, match="workers must be an integer >= 1"):
        launch(["true"], workers=0)
    assert "TF_CONFIG" not in os.environ
