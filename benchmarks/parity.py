"""How far the models are from their references, as the parity tests measured it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def run() -> dict:
    """Every comparison with its reference, the largest difference and the bound it had to meet."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "parity.json")
        command = [sys.executable, "-m", "pytest", "-q", "tests/parity", "--parity-report", report]
        subprocess.run(command, cwd=root, check=True)
        return json.loads(report.read_text())
