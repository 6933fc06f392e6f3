"""A lesson of a few cells and an assignment of two questions, built once, to break in many ways."""

import shutil
from pathlib import Path

import pytest

from aimodels.course import build, notebooks

# All that the lesson cites: so a new entry of the course's own bibliography ages no test here.
BIBLIOGRAPHY = """\
@article{rumelhart1986,
  author = {David E. Rumelhart and Geoffrey E. Hinton and Ronald J. Williams},
  title = {{Learning representations by back-propagating errors}},
  year = {1986},
  journal = {Nature},
  volume = {323},
  pages = {533--536}
}
"""

LESSON = """\
# ---
# jupyter:
#   aimodels:
#     title: A tiny lesson
#     goals: [see the rules at work]
#     prerequisites: []
#     minutes: 5
#     repairs: [002-4.1]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tiny lesson
#
# **You will be able to** see the rules at work. **About 5 minutes.** **Repairs:** document
# 002 §4.1. Back-propagation is older than you may think [Rumelhart et al. 1986](#rumelhart1986).
# The pictures below are there because a lesson must have three of them, and these words are
# there because a lesson must explain its code: five words a line at least, and eight at most.
# That is why this paragraph goes on a little longer than what it has to say would ask for,
# and stops only here, when the number of its words is enough for so few lines.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import sys
import matplotlib.pyplot as plt

print("a stable line")
print("and one that the next run does not keep", file=sys.stderr)

# %%
for height in (1, 2, 3):
    plt.figure(figsize=(2, 1))
    plt.plot([0, height])
    plt.show()

# %% tags=["nbval-ignore-output"]
import random

draw = random.SystemRandom().random()
print(draw)

# %%
assert 0 <= draw < 1

# %% [markdown]
# ## References
#
# - <a id="rumelhart1986"></a>David E. Rumelhart, Geoffrey E. Hinton, Ronald J. Williams.
#   *Learning representations by back-propagating errors*. Nature, 323:533–536, 1986.

# %%
1 + 1

# %%
2 + 2

# %%
3 + 3

# %%
4 + 4
"""


def _write_bibliography(root: Path) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "references.bib").write_text(BIBLIOGRAPHY)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A checkout with one chapter, its lesson built."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "course" / "01_tiny").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    _write_bibliography(root)
    (root / "course" / "01_tiny" / "lesson.py").write_text(LESSON)
    [result] = build.build(notebooks.find_pages(root))
    assert not result.problem
    return root


@pytest.fixture
def page(built, tmp_path) -> notebooks.Page:
    """A copy of the built lesson that a test may spoil."""
    root = tmp_path / "checkout"
    shutil.copytree(built, root)
    return notebooks.Page(root, "01_tiny", "lesson")


# An assignment of two questions.
ASSIGNMENT = '''\
# ---
# jupyter:
#   aimodels:
#     title: "Assignment: a tiny one"
#     minutes: 5
#     repairs: [002-4.1]
#     limits: {cell: 5, total: 40, memory: 1024}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: a tiny one
#
# **About 5 minutes.** **100 points.** **Repairs:** article 002 §4.1.

# %% {locked setup}
import numpy as np

from aimodels.course import check

# %% [markdown]
# ## Question 1: global average pooling (60 points)

# %% {answer q1}
def global_average_pool(y):
    """(B, H, W, C) -> (B, C)"""
    ### BEGIN SOLUTION
    return np.asarray(y).mean(axis=(1, 2))
    ### END SOLUTION


# %% {test q1_visible 20}
with check.question("q1_visible", points=20):
    y = np.arange(24.0).reshape(2, 2, 3, 2)
    g = global_average_pool(y)
    check.equal("one number a channel", np.shape(g), (2, 2), hint="height and width only")
    check.close("the mean over all places", g[0], [5, 6], hint="keep the channels apart")

# %% {test q1_hidden 40}
print("Hidden tests: other sizes, and an input that stays as it was.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=40):
    rng = np.random.default_rng(7)
    for shape in [(3, 5, 4, 7), (1, 1, 1, 1), (2, 9, 3, 1)]:
        y = rng.normal(size=shape)
        before = y.copy()
        g = global_average_pool(y)
        check.close("right for any size", g, before.mean((1, 2)), hint="axes, not sizes")
        check.equal("the input stays as it was", y, before, hint="do not change y in place")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: a rule (40 points)
#
# Write `predict(x)`: 1 where the sum of a row is positive, else 0.

# %% {answer q2}
def predict(x):
    """(N, 3) -> (N,)"""
    ### BEGIN SOLUTION
    if np.ndim(x) != 2:
        raise ValueError("two axes are wanted")
    return (x.sum(1) > 0).astype(int)
    ### END SOLUTION


# %% {test q2_visible 10}
with check.question("q2_visible", points=10):
    x = np.array([[1.0, 2, 3], [-1, 0, 0]])
    check.equal("two rows", predict(x), [1, 0], hint="compare with 0")
    check.raises("one axis is refused", lambda: predict(np.ones(3)), ValueError, hint="np.ndim")

# %% {test q2_hidden 30}
print("Hidden tests: many rows.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=30):
    x = check.given(np.random.default_rng(9).normal(size=(200, 3)))
    labels = np.random.default_rng(9).normal(size=(200, 3)).sum(1) > 0
    check.accuracy("nearly all rows", predict(x), labels, at_least=0.95, hint="the whole row")
### END HIDDEN TESTS

# %% [markdown]
# Your points so far:

# %% {locked sum}
check()
'''

WRONG = """\
# Two answers that lose points.

# %% q1, 0 of 60 points: adds up
def global_average_pool(y):
    return y.sum(axis=(1, 2))


# %% q1, 20 of 60 points: knows the visible size only
def global_average_pool(y):
    return y.reshape(2, 6, 2).mean(axis=1)


# %% q1, 0 of 60 points: returns nothing
def global_average_pool(y):
    pass


# %% q2, 10 of 40 points: knows two rows
def predict(x):
    if x.ndim != 2:
        raise ValueError
    return np.array([1, 0])


# %% q2, 0 of 40 points: never refuses
def predict(x):
    return np.where(x > 0, 1, 0)


# %% q2, 0 of 40 points: the other way round
def predict(x):
    return (x.sum(1) < 0).astype(int)
"""


def _build_assignment(root: Path, source: str, wrong: str) -> None:
    course = root / "course" / "01_tiny"
    (course / "wrong").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    _write_bibliography(root)
    (course / "assignment.py").write_text(source)
    (course / "wrong" / "all.py").write_text(wrong)
    [result] = build.build(notebooks.find_pages(root), draft=True)  # two questions are too few
    assert not result.problem


@pytest.fixture(scope="session")
def build_assignment():
    """Make a checkout with one chapter, 01_tiny: its folder, its assignment, wrong answers."""
    return _build_assignment


@pytest.fixture(scope="session")
def built_assignment(tmp_path_factory) -> Path:
    """A checkout with one chapter, its assignment built, and six wrong answers."""
    root = tmp_path_factory.mktemp("assignment")
    _build_assignment(root, ASSIGNMENT, WRONG)
    return root


@pytest.fixture
def assignment_page(built_assignment, tmp_path) -> notebooks.Page:
    """A copy of the built assignment that a test may spoil."""
    root = tmp_path / "checkout"
    shutil.copytree(built_assignment, root)
    return notebooks.Page(root, "01_tiny", "assignment")
