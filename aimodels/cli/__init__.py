"""The command line: `aimodels course | grade | data | train | generate | ...`; see `--help`.

Light to import: a command imports what it needs.
"""

from aimodels.cli.main import main, parser

__all__ = ["main", "parser"]
