"""Comparisons with other frameworks: each is asserted and written down.

`pytest tests/parity --parity-report FILE` writes what was measured, as sorted JSON.
"""

import importlib.metadata
import json
from pathlib import Path

import pytest

RECORDS = pytest.StashKey[dict]()


def pytest_addoption(parser):
    parser.addoption("--parity-report", metavar="FILE", help="write what parity tests measured")


def pytest_configure(config):
    config.stash[RECORDS] = {}


@pytest.fixture
def parity(request):
    """`parity("foundations.Adam", reference="torch.optim.Adam", difference=d, bound=1e-6)`.

    Asserts `d <= bound`, and records both with the version of the reference's package.
    """
    records = request.config.stash[RECORDS]

    def record(what: str, *, reference: str, difference: float, bound: float) -> None:
        assert what not in records, f"{what!r} was already recorded: give each its own name"
        records[what] = {
            "reference": f"{reference} {importlib.metadata.version(reference.partition('.')[0])}",
            "difference": float(difference),
            "bound": bound,
        }
        assert difference <= bound, f"{what}: {difference:.2g} from {reference}, bound {bound:g}"

    return record


def pytest_sessionfinish(session):
    if path := session.config.getoption("--parity-report", None):
        records = session.config.stash[RECORDS]
        Path(path).write_text(json.dumps(records, indent=2, sort_keys=True) + "\n")
