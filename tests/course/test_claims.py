"""Measured numbers are shown, held to their bounds, and compared in everything but their digits."""

import math
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from aimodels.course import claim, measured

pytestmark = pytest.mark.rests_on("aimodels", "Makefile", "tests/nbval.cfg")

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ({"at_least": 0.97}, "accuracy ≈0.991 (at least 0.97)\n"),
        ({"at_most": 1}, "accuracy ≈0.991 (at most 1)\n"),
        ({"at_least": 0.9, "at_most": 0.9911}, "accuracy ≈0.991 (between 0.9 and 0.9911)\n"),
        ({"at_least": measured(0.85149)}, "accuracy ≈0.991 (at least ≈0.851)\n"),
    ],
)
def test_a_claim_shows_the_number_and_its_bound(bounds, shown, capsys):
    claim("accuracy", 0.9911, **bounds)
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0.96999, {"at_least": 0.97}, "accuracy is 0.96999, not at least 0.97"),
        (1.5, {"at_most": 1}, "accuracy is 1.5, not at most 1"),
        (3, {"at_least": 0, "at_most": 1}, "accuracy is 3, not between 0 and 1"),
        (math.nan, {"at_least": -math.inf}, "accuracy is nan, not at least -inf"),
        (math.nan, {"at_most": math.inf}, "accuracy is nan, not at most inf"),
        (0.8, {"at_least": measured(0.8514)}, "accuracy is 0.8, not at least ≈0.851"),
    ],
)
def test_a_claim_that_fails_says_both_numbers(value, bounds, message, capsys):
    with pytest.raises(AssertionError, match=f"^{re.escape(message)}$"):
        claim("accuracy", value, **bounds)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0.9 >= 0.8, {"at_least": 1}, "accuracy: give the number itself, not a comparison"),
        (np.True_, {"at_least": 1}, "accuracy: give the number itself, not a comparison"),
        (np.ones(3), {"at_least": 1}, r"accuracy: give one number.*array of shape \(3,\)"),
        (np.ones(1), {"at_least": 1}, r"accuracy: give one number.*array of shape \(1,\)"),
        ([1.0], {"at_least": 1}, r"accuracy: give one number; got list \[1.0\]"),
        (None, {"at_least": 1}, "accuracy: give one number; got NoneType"),
        (1.0, {"at_least": np.ones(2)}, "accuracy: at_least: give one number"),
        (1.0, {"at_most": True}, "accuracy: at_most: give the number itself"),
    ],
)
def test_what_is_not_one_number_is_refused(value, bounds, message):
    with pytest.raises(TypeError, match=message):
        claim("accuracy", value, **bounds)


def test_bounds_that_bound_nothing_are_refused():
    with pytest.raises(ValueError, match="accuracy: give at_least or at_most"):
        claim("accuracy", 1.0)
    with pytest.raises(ValueError, match=r"nothing is at least 2\.0 and at most 1\.0"):
        claim("accuracy", 1.5, at_least=2, at_most=1)
    with pytest.raises(ValueError, match="nothing is at least nan"):
        claim("accuracy", 1.5, at_least=math.nan)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.98765, "≈0.988"),
        (np.float32(0.9), "≈0.900"),
        (np.int64(4), "≈4"),
        (-0.0312, "≈-0.0312"),
        (12.345, "≈12.3"),
        (1234.5678, "≈1,235"),
        (0.0, "≈0"),
        (1.2345e-9, "≈1.23e-09"),
        (math.nan, "≈nan"),
        (-math.inf, "≈-inf"),
    ],
)
def test_a_measured_number_has_sensible_digits(number, text):
    assert str(measured(number)) == text
    assert f"{measured(number)}" == text
    assert f"{[measured(number)]}" == f"[{text}]"


def test_a_measured_number_takes_a_precision_and_computes_as_a_float():
    assert f"{measured(3.3061):.2f}, {measured(0.9853):.1%}, {measured(9):+.1e}" == (
        "≈3.31, ≈98.5%, ≈+9.0e+00"
    )
    assert type(measured(2.0) - 1) is float
    with pytest.raises(ValueError, match=r"without a width.*got '>8\.2f'"):
        f"{measured(1.0):>8.2f}"


CELL = """\
from aimodels.course import claim, measured

print(f"loss {measured(-3.25e-9):.2e}, share {measured(0.985):.1%}.", measured(1234567.0))
claim("test accuracy", 0.991, at_least=0.97)
"""
STORED = "loss ≈-3.25e-09, share ≈98.5%. ≈1,234,567\ntest accuracy ≈0.991 (at least 0.97)\n"


@pytest.mark.slow
def test_nbval_leaves_out_the_digits_and_nothing_else(tmp_path):
    """One notebook as the Makefile runs them, a cell for each stored output."""
    cells = [
        (CELL, STORED, "PASSED"),
        (CELL, "loss ≈4.7, share ≈100%. ≈-8\ntest accuracy ≈1 (at least 0.97)\n", "PASSED"),
        (CELL, STORED.replace("loss", "cost"), "FAILED"),
        (CELL, STORED.replace("0.97)", "0.96)"), "FAILED"),
        (CELL, STORED.replace("≈98.5%.", "≈98.5."), "FAILED"),
        (CELL, STORED.replace("≈98.5%.", "≈98.5%,"), "FAILED"),
        (CELL, STORED.replace("≈0.991", "0.991"), "FAILED"),
        (CELL, STORED.replace("≈98.5", "≈nan"), "FAILED"),
        (CELL.replace("0.991,", "0.961,"), STORED, "FAILED"),
    ]
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    for source, stored, _ in cells:
        cell = nbformat.v4.new_code_cell(source, execution_count=1)
        cell.outputs = [nbformat.v4.new_output("stream", text=stored)]
        notebook.cells.append(cell)
    path = tmp_path / "one.ipynb"
    nbformat.write(notebook, path)
    [options] = re.findall(
        r"(?m)^NBVAL = \$\(PYTEST\) ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text()
    )
    options = [
        option for option in options.split() if not option.startswith(("$", "\\", "--passed"))
    ]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *options,
        "-rA",
        "--rootdir",
        str(tmp_path),
        str(path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    outcomes = re.findall(r"(?m)^(PASSED|FAILED) .*::Cell (\d+)", done.stdout)
    assert {int(number): outcome for outcome, number in outcomes} == {
        number: outcome for number, (_, _, outcome) in enumerate(cells)
    }, done.stdout + done.stderr
    assert "test accuracy is 0.961, not at least 0.97" in done.stdout
