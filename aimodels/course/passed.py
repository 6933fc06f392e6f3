"""What has passed already, and what is still owed.

`.ci/passed/KIND.json` keeps the fingerprint with which each item last passed: a wrong answer that
got its points, a notebook that came out as it is stored, a comparison or a test that held. An item
with the same fingerprint need not run again; a quarter of them do all the same, another at each
commit, as far as their time allows.

`.ci/debt.json` is the ledger: items without a valid fingerprint that were not run for want of time.
The next run takes them first, and nothing is released while it holds any.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from aimodels.course import CourseError
from aimodels.course.notebooks import digest

DEBT = Path(".ci", "debt.json")
QUARTER = 4
NEAR = 60.0  # seconds before the deadline nothing new is begun
_OWED, _MUST, _MAY = range(3)


class Passed:
    """The items of one kind that passed.

    Args:
        root: the checkout.
        kind: "answers", "notebooks", "parity" or "tests".
        repeat: run every item, whatever its fingerprint.
        deadline: when to begin nothing new, in seconds since 1970; None for never.
        drawn_minutes: what items may take that run only because the commit draws them; None for
            as long as they take.
    """

    def __init__(
        self,
        root: Path,
        kind: str,
        repeat: bool = False,
        deadline: float | None = None,
        drawn_minutes: float | None = None,
    ):
        self.root, self.kind, self.repeat, self.deadline = root, kind, repeat, deadline
        self.drawn_minutes = None if repeat else drawn_minutes
        self.only_drawn: set[str] = set()
        self._spent = 0.0
        self.path = root / ".ci" / "passed" / f"{kind}.json"
        self.entries: dict[str, str] = _read(self.path)
        self.debt = set(read_debt(root).get(kind, []))
        self.commit = _commit(root)

    def holds(self, item: str, fingerprint: str) -> bool:
        """Whether the item passed with this fingerprint."""
        return self.entries.get(item) == fingerprint

    def drawn(self, item: str) -> bool:
        """Whether this commit runs the item although nothing has changed."""
        return int(digest(f"{self.commit} {item}"), 16) % QUARTER == 0

    def order(self, fingerprints: dict[str, str]) -> list[str]:
        """The items to run: first what is owed, then what changed, then the quarter drawn.

        Of those drawn, chapters or files stand in another order at each commit, as their time may
        not be enough for all.
        """
        rank = {}
        for item, fingerprint in fingerprints.items():
            if not self.holds(item, fingerprint):
                rank[item] = (_OWED if item in self.debt else _MUST, "")
            elif self.repeat:
                rank[item] = (_MAY, "")
            elif self.drawn(item):
                rank[item] = (_MAY, digest(f"{self.commit} {re.split('::| ', item)[0]}"))
        self.only_drawn = {item for item, (need, _) in rank.items() if need == _MAY}
        return sorted(rank, key=rank.get)

    def in_time(self, item: str) -> bool:
        """Whether an item may be begun."""
        if self.deadline is not None and time.time() >= self.deadline - NEAR:
            return False
        limited = self.drawn_minutes is not None and item in self.only_drawn
        return not limited or self._spent < 60 * self.drawn_minutes

    def spend(self, item: str, seconds: float) -> None:
        """Note what an item took."""
        self._spent += seconds * (item in self.only_drawn)

    def owed(self, left: Iterable[str], fingerprints: dict[str, str]) -> list[str]:
        """Of the items that were left for want of time, those that may have changed."""
        return sorted(item for item in left if not self.holds(item, fingerprints[item]))

    def record(
        self,
        fingerprints: dict[str, str],
        outcomes: dict[str, bool],
        owed: Iterable[str],
        gone: Callable[[str], bool] = lambda item: False,
    ) -> None:
        """Write what passed and what is owed; other items stay as they are.

        Args:
            fingerprints: of all items that were looked at.
            outcomes: of those that ran, whether they passed.
            owed: those that had to be left.
            gone: tells whether an item that was not looked at exists no longer.
        """

        def stays(item: str) -> bool:
            return item in fingerprints or not gone(item)

        failed = {item for item, passed in outcomes.items() if not passed}
        before = {i: f for i, f in self.entries.items() if stays(i) and i not in failed}
        self.entries = before | {i: fingerprints[i] for i in outcomes if i not in failed}
        _write(self.path, self.entries)
        others = {item for item in self.debt if item not in fingerprints and not gone(item)}
        self.debt = others | {*owed}
        ledger = read_debt(self.root) | {self.kind: sorted(self.debt)}
        _write(self.root / DEBT, {kind: items for kind, items in ledger.items() if items})


def read_debt(root: Path) -> dict[str, list[str]]:
    """The ledger: what is owed, by kind."""
    return _read(root / DEBT)


def _read(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise CourseError(
            f"{path} is damaged: restore it with `git checkout`, or remove it and run "
            "`make test parity RECORD=1`, which writes it anew"
        ) from error


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _commit(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no checkout: always the same quarter
        return ""
