"""The tests of an assignment: at once in the student's notebook, and recorded when it is graded.

A test cell reads the same in both worlds:

    with check.question("q3_visible", points=5):
        g = global_average_pool(np.ones((2, 4, 4, 3)))
        check.equal("one number a picture and channel", np.shape(g), (2, 3), hint="axes 1 and 2")

In the notebook it compares, says what is wrong, and `check()` sums up. The grader rewrites the cell
(see `assignment.py`) so that it only *records* what the student's code gave; nothing that is
expected, and no verdict, is ever in the same process as the student's code.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aimodels.course.verdict import ATOL, LARGEST, RTOL, judge, plain, restore, taken

UNANSWERED = "not answered yet: write your code where the cell says YOUR CODE HERE"
TOO_LARGE = "what your code gave is too large to be tested"


class _Bare(str):
    """A text that the kernel sends as it is: reading a Python literal back costs much more."""

    __repr__ = str.__str__


class CheckFailed(AssertionError):  # noqa: N818  (what a student reads)
    """One question's failed properties, in words; a notebook shows these words and no traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython's own hook
        return str(self).splitlines()


class Check:
    """`check()` prints the points so far; its methods test one property each.

    Example:
        >>> check = Check()
        >>> with check.question("q1_visible", points=5):
        ...     check.equal("two and two", 2 + 2, 4)
        ✓ Question 1: 5 of 5 points
        >>> try:
        ...     with check.question("q2_visible", points=5):
        ...         check.close("a third", 0.3, 1 / 3, hint="do not round")
        ... except CheckFailed as failed:
        ...     print(failed)
        ✗ Question 2: 0 of 5 points
          a third: wanted 0.333333, got 0.3
          Hint: do not round
        >>> check()
        ✓ Question 1: 5 of 5 points
        ✗ Question 2: 0 of 5 points
          a third: wanted 0.333333, got 0.3
          Hint: do not round
        Visible tests run so far: 5 of 10 points. Hidden tests decide the rest of the 100.
    """

    def __init__(self):
        self._results: dict[str, tuple[float, list[str]]] = {}
        self._problems: list[str] = []
        self._records: list[dict] = []
        self._error = ""
        self._replayed: dict[int, int] = {}  # how often each `given` was replaced

    def __call__(self) -> None:
        """Print the points of every test cell that has run, and what is wrong."""
        if not self._results:
            print("No test cell has run yet: run the cells above, from the top.")
            return
        for name in sorted(self._results, key=_order):
            print(self._report(name))
        visible = {n: r for n, r in self._results.items() if not _is_hidden(n)}
        total = sum(points for points, _ in visible.values())
        earned = sum(points for points, problems in visible.values() if not problems)
        print(
            f"Visible tests run so far: {earned:g} of {total:g} points. "
            "Hidden tests decide the rest of the 100."
        )

    @contextmanager
    def question(self, name: str, points: float) -> Iterator[None]:
        """The tests of one cell: all of them pass, or its points are lost.

        Args:
            name: the cell's grade_id, such as "q3_visible".
            points: the cell's points.

        Raises:
            CheckFailed: at the end, if a property failed or the question is not answered. An error
                in the student's own code is left as it is: its traceback says where.
        """
        self._problems = []
        self._results[name] = points, self._problems
        try:
            yield
        except NotImplementedError:
            self._problems.append(UNANSWERED)
        except NameError as error:
            if error.__traceback__.tb_next.tb_next:  # raised deeper than in the test cell itself
                raise
            self._problems.append(f"{error}: run the answer cell above, and those before it")
        except Exception as error:
            known = bool(self._problems)  # then the error only follows from what is known
            self._problems.append(f"your code raised {_describe(error)}")
            if not known:
                raise
        if self._problems:
            raise CheckFailed(self._report(name)) from None
        print(self._report(name))

    def _report(self, name: str) -> str:
        points, problems = self._results[name]
        number = name.partition("_")[0].removeprefix("q")
        hidden = ", hidden tests" if _is_hidden(name) else ""
        head = f"{'✗' if problems else '✓'} Question {number}{hidden}: "
        head += f"{0 if problems else points:g} of {points:g} points"
        return "\n".join([head, *(f"  {problem}" for problem in problems)])

    def equal(self, property: str, actual: object, expected: object, hint: str = "") -> None:
        """Exactly equal: whole numbers, shapes, text, lists and dictionaries of these.

        Args:
            property: what is tested, in a few words that a student reads.
            actual: what the student's code gave.
            expected: what is right.
            hint: what to think of if it is not.
        """
        self._judge("equal", property, actual, expected, hint)

    def close(
        self,
        property: str,
        actual: object,
        expected: object,
        hint: str = "",
        rtol: float = RTOL,
        atol: float = ATOL,
    ) -> None:
        r"""Numbers and arrays of the same shape, $|a - e| \le atol + rtol\,|e|$ everywhere."""
        self._judge("close", property, actual, expected, hint, rtol=rtol, atol=atol)

    def accuracy(
        self, property: str, actual: object, expected: object, at_least: float, hint: str = ""
    ) -> None:
        """Class numbers, of which a share `at_least` equals the expected ones."""
        self._judge("accuracy", property, actual, expected, hint, at_least=at_least)

    def mean_average_precision(
        self, property: str, actual: object, expected: object, at_least: float, hint: str = ""
    ) -> None:
        """Boxes found, whose mean average precision at an IoU of 0.5 is `at_least` so much.

        Both are dictionaries: see `aimodels.metrics.mean_average_precision`.
        """
        self._judge("mean_average_precision", property, actual, expected, hint, at_least=at_least)

    def raises(
        self, property: str, actual: Callable, expected: type[Exception], hint: str = ""
    ) -> None:
        """Calling `actual`, without arguments, raises an exception of the type `expected`."""
        self._judge("raises", property, self.outcome(actual), expected.__name__, hint)

    def given(self, value: object) -> object:
        """`value`, made in the grader's own process: a student's code never sees how."""
        return value

    def _judge(self, kind, property, actual, expected, hint, **options) -> None:
        if problem := judge(kind, plain(actual), plain(expected), **options):
            said = [f"{property}: {problem}"] + ([f"Hint: {hint}"] if hint else [])
            self._problems += [line for line in said if line not in self._problems]  # in a loop

    # What the grader puts in the place of the methods above.

    @contextmanager
    def recording(self) -> Iterator[None]:
        """In the place of `question`: keep what follows, and an error as a sentence."""
        self._records, self._error = [], ""
        self._replayed = {}
        try:
            yield
        except NotImplementedError:
            self._error = UNANSWERED
        except Exception as error:
            self._error = f"your code raised {_describe(error)}"

    def record(self, site: int, actual: object, expected: object = None, **facts) -> None:
        """In the place of a test: keep the value; `facts` are in the grader's own run only."""
        self._records.append({"site": site, "actual": plain(actual)})
        if facts:
            self._records[-1] |= {"expected": plain(expected)} | facts

    def answer(self, value: object) -> object:
        """Around a call of the student's code: what it gave, copied before anything else runs."""
        return taken(value)

    def note(self, site: int, value: object) -> object:
        """In the place of `given`, in the grader's own run."""
        self._records.append({"site": site, "given": plain(value)})
        return restore(plain(value))

    def replay(self, site: int, data: list[str]) -> object:
        """In the place of `given`, in a student's run: what `note` kept, one after the other."""
        self._replayed[site] = self._replayed.get(site, -1) + 1
        return restore(json.loads(data[self._replayed[site]]))

    def outcome(self, function: Callable) -> list[str]:
        """The names of the classes of the exception that `function` raises, if it does."""
        try:
            function()
        except Exception as error:
            return [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, Exception)]
        return []

    def records(self) -> str:
        """What was kept since `recording`, as JSON; it is printed as it is, without quotes."""
        text = json.dumps({"records": self._records, "error": self._error})
        if len(text) > LARGEST:
            text = json.dumps({"records": [], "error": TOO_LARGE})
        return _Bare(text)


def _describe(error: Exception) -> str:
    """The error on one line; Keras frames and colours its own."""
    lines = [line.strip() for line in re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()]
    lines = [line for line in lines if line and not line.startswith("Exception encountered when")]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}..."


def _is_hidden(name: str) -> bool:
    return name.endswith("_hidden")


def _order(name: str) -> tuple[int, bool, str]:
    number = re.search(r"\d+", name)
    return int(number.group()) if number else 0, _is_hidden(name), name


check = Check()
