"""A chapter of four cells, built once: small enough to break in many ways."""

import shutil
from pathlib import Path

import pytest

from aimodels.course import build, notebooks

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


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A checkout with one chapter, its lesson built."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "course" / "01_tiny").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (root / "docs").mkdir()
    bibliography = Path(__file__).parents[2] / "docs" / "references.bib"
    shutil.copy(bibliography, root / "docs")
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
