"""A pytest plugin that leaves out what passed with the same fingerprint.

`pytest -p aimodels.course.pytest_passed --passed=notebooks --kept …` for notebooks run by nbval,
where all cells of one are one item; `--passed=parity` for test functions, where all parameters of
one are; `--passed=tests` for those test functions alone that are marked: `rests_on_code`, or
`rests_on("aimodels", "examples")` where a test reads files of the checkout or starts processes,
with what these are; and for the examples in docstrings of `aimodels`, which rest on all of it. It
works with pytest-xdist.
"""

from collections import Counter
from pathlib import Path

import nbformat
import pytest
from _pytest.doctest import DoctestItem

from aimodels.course.fingerprints import Fingerprints
from aimodels.course.passed import Passed

_LEFT = "no time was left for it"


def _is_example(test: pytest.Item) -> bool:
    """Whether it stands in a docstring of the package; the course's own read the chapters."""
    place = test.nodeid.split("/")[:2]
    return isinstance(test, DoctestItem) and place[0] == "aimodels" and place[1] != "course"


def pytest_addoption(parser):
    group = parser.getgroup("passed", "what passed before")
    group.addoption("--passed", choices=["notebooks", "parity", "tests"], help="what the items are")
    group.addoption("--kept", action="store_true", help="leave out what passed and is unchanged")
    group.addoption("--record", action="store_true", help="write down what passed or is owed")
    group.addoption("--drawn", type=float, help="minutes for what only the commit draws")
    group.addoption("--deadline", type=float, help="seconds since 1970: begin nothing after it")


def pytest_configure(config):
    if config.getoption("passed"):
        config.pluginmanager.register(Repeats(config))


class Repeats:
    """Chooses the items, and follows what becomes of them.

    Under pytest-xdist each worker chooses, the same for all, and tells the main process.
    """

    def __init__(self, config: pytest.Config):
        self.config, self.kind = config, config.getoption("passed")
        self.root = config.rootpath
        options = map(config.getoption, ("deadline", "drawn"))
        self.passed = Passed(self.root, self.kind, not config.getoption("kept"), *options)
        self.fingerprints: dict[str, str] = {}
        self.tests: dict[str, int] = {}  # how many there are of each item
        self.kept: list[str] = []
        self.begun: set[str] = set()
        self.succeeded: Counter[str] = Counter()
        self.failed: set[str] = set()
        self.left: set[str] = set()

    def _item(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if self.kind == "notebooks" else nodeid.partition("[")[0]

    def _looked_at(self, test: pytest.Item) -> bool:
        """Whether an item can be left out at all; a test must say what it rests on."""
        marks = map(test.get_closest_marker, ("rests_on_code", "rests_on"))
        return self.kind != "tests" or any(marks) or _is_example(test)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        always = [test for test in items if not self._looked_at(test)]
        items[:] = [test for test in items if self._looked_at(test)]
        names = [self._item(test.nodeid) for test in items]
        self.tests = dict(Counter(names))
        firsts = dict(zip(reversed(names), reversed(items), strict=True))
        prints = Fingerprints(self.root)
        self.fingerprints = {name: self._fingerprint(firsts[name], prints) for name in self.tests}
        order = self.passed.order(self.fingerprints)
        self.kept = sorted(self.tests.keys() - {*order})
        places: dict[str, int] = {}  # a file's tests stay together: they share fixtures
        for name in order:
            places.setdefault(name.partition("::")[0], len(places))
        out = [test for test in items if self._item(test.nodeid) in self.kept]
        wanted = [test for test in items if self._item(test.nodeid) not in self.kept]
        items[:] = sorted(wanted, key=lambda test: places[test.nodeid.partition("::")[0]])
        items += always
        self.config.hook.pytest_deselected(items=out)

    def _fingerprint(self, test: pytest.Item, prints: Fingerprints) -> str:
        if self.kind == "notebooks":
            rules = self.config.getoption("nbval_sanitize_with", None)
            rules = [(self.root / rules).read_text(encoding="utf-8")] if rules else []
            return prints.of_notebook(nbformat.read(test.path, as_version=4), *rules)
        if _is_example(test):
            return prints.of_tests([], ["aimodels", "datasets"], test.dtest.docstring)
        functions = [test.function]
        for fixtures in test._fixtureinfo.name2fixturedefs.values():
            functions += [fixture.func for fixture in fixtures]
        keys = [self._key(function) for function in functions]
        paths = {path for mark in test.iter_markers("rests_on") for path in mark.args}
        return prints.of_tests([key for key in keys if key], sorted(paths))

    def _key(self, function) -> tuple[str, str] | None:
        """Where a function of ours is defined; pytest's own do not count."""
        path = Path(function.__code__.co_filename)
        if not path.is_relative_to(self.root / "tests"):
            return None
        module = ".".join(path.relative_to(self.root).with_suffix("").parts)
        return module, function.__qualname__.partition(".")[0]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        name = self._item(item.nodeid)
        if name not in self.tests:
            return
        if name not in self.begun and not self.passed.in_time(name):
            pytest.skip(_LEFT)
        self.begun.add(name)

    def pytest_runtest_logreport(self, report):
        name = self._item(report.nodeid)
        self.passed.spend(name, report.duration)  # under pytest-xdist: of this worker
        if report.failed:
            self.failed.add(name)
        elif report.skipped and _LEFT in str(report.longrepr):
            self.left.add(name)
        elif report.passed and report.when == "call":
            self.succeeded[name] += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        self._take(getattr(node, "workeroutput", {}).get("passed", {}))

    def _take(self, facts: dict) -> None:
        self.tests = facts.get("tests", self.tests)
        self.fingerprints = facts.get("fingerprints", self.fingerprints)
        self.kept = facts.get("kept", self.kept)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if hasattr(self.config, "workeroutput"):
            facts = {"tests": self.tests, "fingerprints": self.fingerprints, "kept": self.kept}
            self.config.workeroutput["passed"] = facts
            return
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.kept:
            session.exitstatus = pytest.ExitCode.OK
        if self.config.getoption("record"):
            self._record(session, exitstatus)

    def outcomes(self) -> dict[str, bool]:
        """Of the items that ran, whether all their tests passed."""
        ran = (self.failed | self.succeeded.keys()) & self.tests.keys()
        return {
            name: name not in self.failed and self.succeeded[name] == self.tests[name]
            for name in ran
        }

    def owed(self) -> list[str]:
        return self.passed.owed(self.left & self.fingerprints.keys(), self.fingerprints)

    def _record(self, session: pytest.Session, exitstatus: int) -> None:
        stopped = session.shouldstop or session.shouldfail or exitstatus > 1
        chosen = self.config.getoption("keyword") or self.config.getoption("markexpr")
        if stopped or chosen or any("::" in str(argument) for argument in self.config.args):
            return  # not every test had its turn

        files = {name.partition("::")[0] for name in self.tests}

        def gone(name: str) -> bool:
            file = name.partition("::")[0]
            return file in files or not (self.root / file).exists()

        self.passed.record(self.fingerprints, self.outcomes(), self.owed(), gone)

    def pytest_terminal_summary(self, terminalreporter):
        owed = self.owed()
        kept = sorted({*self.kept, *self.left} - {*owed})
        for name in kept:
            terminalreporter.write_line(f"not repeated: {name}")
        for name in owed:
            terminalreporter.write_line(f"owed: {name}")
        terminalreporter.write_line(
            f"{self.kind}: {len(self.outcomes())} run, {len(kept)} passed before and are "
            f"unchanged, {len(owed)} owed"
        )
