"""What a student's process holds of a test: inputs, calls, and nothing that is expected."""

import ast
import textwrap

import pytest

from aimodels.course.leaks import leaks
from aimodels.course.recording import defined, recording

pytestmark = pytest.mark.rests_on("aimodels")

ANSWERS = defined("def f(x): ...\ndef g(x): ...\nclass Model: ...")


def code(source: str) -> str:
    """The slice of a test's body in a student's process."""
    source = textwrap.dedent(source).strip()
    lines = recording(source, {0: ["[]"]}, ANSWERS).splitlines()
    assert lines[0] == "from aimodels.course import check"
    return "\n".join(lines[1:])


def refused(source: str) -> list[tuple[int, str]]:
    return leaks(textwrap.dedent(source).strip(), ANSWERS)


GONE = {
    "a name": "wanted = 2 * x",
    "a name that loads itself": (
        "wanted = x\nwanted = np.vstack([wanted, wanted])\nwanted = wanted + 1"
    ),
    "a loop that fills it": "wanted = x.copy()\nfor _ in range(3):\n    wanted = step(wanted)",
    "a store into a part": "wanted = np.zeros(3)\nwanted[0], wanted[1:] = 1, x[0]\nwanted[2] -= 1",
    "a store into a part, in loops": (
        "wanted = np.zeros((2, 2))\n"
        "for i, j in np.ndindex(2, 2):\n"
        "    if i > j:\n"
        "        wanted[i, j] = x[i]\n"
        "    else:\n"
        "        wanted[i, j] = -x[j]"
    ),
    "a list that grows": "wanted = []\nfor row in x:\n    wanted.append(row.sum())",
    "lists in a list": (
        "wanted = [[], []]\nfor row in x:\n    wanted[0].append(row)\n    wanted[1].extend([row])"
    ),
    "a dictionary": "wanted = {}\nwanted['a'] = x\nwanted |= {1: x}\nwanted.update(b=x)",
    "an attribute": "wanted = SimpleNamespace()\nwanted.value = 2 * x",
    "a function": "def judge(x):\n    return 2 * x\nwanted = judge(x)",
    "functions that call each other": (
        "def judge(x):\n    return other(x, judge)\n"
        "other = lambda x, f: f(x) if x > 1 else x\nwanted = judge(x)"
    ),
    "a function that keeps its results": (
        "wanted = []\ndef note(x):\n    wanted.append(2 * x)\nnote(x)\nnote(2 * x)"
    ),
    "a library's layer": (
        "layer = keras.layers.Dense(3)\nlayer.build(x.shape)\nlayer.set_weights([x, x])\n"
        "wanted = layer(x)"
    ),
    "a call that changes it": "wanted = x.copy()\nnp.add.at(wanted, x, 1)\nrng.shuffle(wanted)",
    "a with": "with np.errstate(all='ignore'):\n    wanted = np.log(x)",
    "a tape": ("with tf.GradientTape() as tape:\n    y = judge(x)\nwanted = tape.gradient(y, x)"),
    "a with that is kept": "with open(x) as file:\n    wanted = file.read()",
    "a while": "wanted = x\nwhile len(wanted) < 9:\n    wanted = wanted + x",
    "an import": "import judges\nwanted = judges.judge(x)",
    "an annotated name": "wanted: list = [x]",
    "what prints it": "wanted = 2 * x\nprint(wanted)",
    "one that is the next test's input": "wanted = 2 * x",
}


@pytest.mark.parametrize("kind", GONE)
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_computes_an_expected_value_is_gone(kind, place):
    lines = ["x = check.given(make())", GONE[kind], "found = f(x)"]
    lines = lines if place == "before" else [lines[0], lines[2], lines[1]]
    source = "\n".join([*lines, "check.equal('same', found, wanted)"])
    wanted = ["x = check.replay(0, ['[]'])", "found = check.answer(f(x))", "check.record(1, found)"]
    if kind.startswith("one that"):
        source += "\nwanted = 3 * x\ncheck.equal('other', g(wanted), 6)"
        wanted += ["wanted = 3 * x", "check.record(2, check.answer(g(wanted)))"]
    assert code(source).splitlines() == wanted
    assert refused(source) == []


STAYS = {
    "an input": "x = 3",
    "a part of an input": "x = np.zeros(3)\nx[1] = 2",
    "a part of an input, by another name": "x = np.zeros((3, 3))\nrow = x[1]\nrow[2] = 2",
    "parts of an input, in a loop": (
        "x = [Worker(), Worker()]\nfor worker in x:\n    worker.data = None"
    ),
    "a list that grows": "x = []\nfor i in range(3):\n    x.append(i)",
    "what a function reads later": ("late = 3\n\ndef x():\n    return late"),
    "what the student's object changes": "x = []\nmodel = Model()\nmodel.fit([1], x)",
    "what the student's function changes": "x = [3]\ng(x)",
    "a file": "x = Path('a')\nnp.savez(x, a=1)",
    "what prepares": "np.random.seed(3)\nx = np.random.normal()",
    "a shuffled input": "x = [1, 2]\nrandom.shuffle(x)",
    "a condition": "x = 3\nif x > n:\n    x = 4",
    "an import": "import math\nx = math.pi",
    "a file that is open": "with open('a') as file:\n    x = file.read()",
}


@pytest.mark.parametrize("kind", STAYS)
def test_what_an_input_needs_stays(kind):
    given = ast.unparse(ast.parse(STAYS[kind]))
    source = f"{given}\ncheck.equal('same', f(x), 1)"
    kept = code(source).replace("check.answer(", "").replace("))", ")")
    assert kept.startswith(given.replace("))", ")"))
    assert refused(source) == []


def test_a_loop_that_is_needed_once_more_keeps_what_the_next_round_reads():
    assert code(
        """
        x, old = 1, 0
        for n in range(3):
            check.equal("sum", f(x + old), x + old)
            x = x + old
            old = n
        """
    ) == (
        "x, old = (1, 0)\nfor n in range(3):\n    check.record(0, check.answer(f(x + old)))\n"
        "    x = x + old\n    old = n"
    )


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("x, label = make()\ncheck.equal('a', f(x), label)", 1, "only the verdict needs label"),
        ("for x, label in pairs:\n    check.equal('a', f(x), label)", 1, "label"),
        ("n = 2\nx, label = [n, make(n)]\ncheck.equal('a', f(x), label)", 2, "label"),
        ("x, *labels = make()\ncheck.equal('a', f(x), labels)", 1, "labels"),
        (
            "cases = [(1, 2)]\nfor case in cases:\n    check.equal('a', f(case[0]), case[1])",
            2,
            "only the verdict needs case[1]",
        ),
        (
            "cases = [(1, 2, 3)]\nfor case in cases:\n    check.equal('a', f(*case[:2]), case[2])",
            2,
            "case[2]",
        ),
        ("d = {'x': 1, 'y': 2}\ncheck.equal('a', f(d['x']), d['y'])", 1, "d['y']"),
        ("c = Case(1, 2)\ncheck.equal('a', f(c.x), c.y)", 1, "c.y"),
        (
            "c = [(1, 2)]\nfor i in range(1):\n    check.equal('a', f(c[i][0]), c[i][1])",
            1,
            "c[…][1]",
        ),
        ("x = 1\nwanted = judge(x)\ncheck.equal('a', f(x, len(wanted)), wanted)", 2, "wanted"),
        (
            "def case(n):\n    return n, 2 * n\ncheck.equal('a', f(case(1)[0]), case(1)[1])",
            1,
            "the verdict computes with case",
        ),
        ("case = lambda n: (n, 2 * n)\ncheck.equal('a', f(case(1)[0]), case(1)[1])", 1, "case"),
        ("x = 1\ncheck.equal('a', np.allclose(f(x), 2 * x), True)", 2, "it compares"),
        ("x = 1\ncheck.equal('a', f(x) == 2 * x, True)", 2, "it compares"),
        ("check.equal('a', f(1) == 2, True)", 1, "it compares"),
        ("x = 1\ncheck.equal('a', 0 < f(x) < 2, True)", 2, "it compares"),
        ("exec('wanted = 1')\ncheck.equal('a', f(1), 1)", 1, "`exec`"),
        ("globals()['wanted'] = 1\ncheck.equal('a', f(1), 1)", 1, "`globals`"),
        ("x = (wanted := judge(1)) and 1\ncheck.equal('a', f(x), wanted)", 1, "wanted"),
        ("np.wanted = judge(1)\ncheck.equal('a', f(1), np.wanted)", 1, "it changes np"),
        ("x = 1\ntry:\n    y = judge(x)\nfinally:\n    pass\ncheck.equal('a', f(x), y)", 2, "try"),
        (
            "cases = [(1, 2)]\ncheck.equal('a', [f(x) for x, _ in cases], [y for _, y in cases])",
            2,
            "the verdict takes from cases",
        ),
        (
            "w = {1: 2}\nfor x in w:\n    check.equal('a', f(x), w[x])",
            2,
            "the verdict takes from w",
        ),
        ("w = {1: 2}\nfor x in w:\n    check.equal('a', f(x), w.get(x))", 2, "takes from w"),
        ("w = {1: 2}\ncheck.equal('a', [f(x) for x in w], [w[x] for x in w])", 2, "takes from w"),
        ("step = lambda x, y=judge(1): x\ncheck.equal('a', f(step), 1)", 1, "y"),
        ("x = [a for a, b in zip([1], [2])]\ncheck.equal('a', f(x), [2])", 1, "b"),
        (
            "def test(x):\n    check.equal('a', f(x), judge(x))\ntest(1)\ntest(2)",
            2,
            "a test in a function",
        ),
        ("x = y = 1\ndel y\ncheck.equal('a', f(x), 1)", 2, "delete"),
    ],
)
def test_what_a_students_process_would_hold_is_refused_with_its_line(source, line, said):
    found = refused(source)
    assert [where for where, _ in found if where == line], found
    assert any(said in message for where, message in found if where == line), found


@pytest.mark.parametrize(
    "source",
    [
        "check.equal('a', f(2), 4)",
        "x = check.given(make())\ncheck.equal('a', f(x), 1)",
        "loss, gradient = f(1)\ncheck.equal('a', loss, 1)",
        "check.accuracy('a', f([1, 2]) > 0, [True, False], at_least=0.9)",
        "x = make()\ncheck.equal('a', f(x), x)",
        "x = make()\nfor i in range(3):\n    check.equal('a', f(x[i]), x[i - 1])",
        "text = 'a b'\ncheck.equal('a', f(text.split()), judge(text))",
    ],
)
def test_nothing_is_refused_without_need(source):
    assert refused(source) == []


def test_what_the_students_code_gives_is_copied_at_once():
    assert code(
        """
        model = Model(3)
        both = [f(x) for x in (1, 2)]
        results = []
        results.append(model.fit(3)(4))
        check.equal("a", np.array(g(both)), results)
        check.equal("b", results, [np.zeros(3)])
        check.raises("c", lambda: f(-1), ValueError)
        """
    ).splitlines() == [
        "model = Model(3)",
        "both = [check.answer(f(x)) for x in (1, 2)]",
        "results = []",
        "results.append(check.answer(check.answer(model.fit(3))(4)))",
        "check.record(0, np.array(check.answer(g(both))))",
        "check.record(1, results)",
        "check.record(2, check.outcome(lambda: check.answer(f(-1))))",
    ]


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"check\.points"):
        recording("check.points(3)")


@pytest.mark.parametrize(
    "source",
    [
        "same = check.equal\nsame('a', f(1), 2)",
        "tests = [check]\ntests[0].equal('a', f(1), 2)",
        "check.equal(*['a', f(1), 2])",
        "check.equal('a', f(1), **{'expected': 2})",
        "map(check.equal, ['a'], [f(1)], [2])",
    ],
)
def test_a_test_that_the_grader_would_not_see_is_refused(source):
    with pytest.raises(ValueError, match="check"):
        recording(source)


def test_a_judge_within_reach_is_refused():
    """A function of the notebook, and the very arguments with which the verdict calls it."""
    source = "x = make()\nwanted = judge(x)\ncheck.equal('a', f(x), wanted)"
    [(line, said)] = leaks(source, ANSWERS, handed={"judge"})
    assert line == 2
    assert "the verdict asks judge" in said
    for other in (
        "x = make()\ny = 2 * x\ncheck.equal('a', f(x), judge(y))",
        "x = make()\ncheck.equal('a', f(check.given(2 * x)), judge(x))",
        "x = check.given(make(3)[0])\ncheck.equal('a', f(x), make(3)[1])",
    ):
        assert leaks(other, ANSWERS, handed={"judge", "make"}) == []
