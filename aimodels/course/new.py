"""The skeleton of a chapter: sources that build as they are, and say what is to be written."""

import re
from pathlib import Path

from aimodels.course import CourseError

_NAME = re.compile(r"\d\d(_[a-z][a-z0-9]*)+")

_FRONT = """\
# ---
# jupyter:
#   aimodels:
#     title: "{title}"
{facts}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

"""

_LESSON = """\
# %% [markdown]
# # {title}
#
# **You will be able to**
#
# - TODO: one goal, word by word as in the front matter.
#
# **Before this:** TODO: the chapters of the front matter. **About 5 minutes.**
# **Repairs:** TODO: the articles of the front matter, such as article 000 §4.2.1.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import numpy as np

from aimodels.course import claim

# %% [markdown]
# ## The idea
#
# TODO: the idea with a drawing, an example to follow by hand, and its formula. One idea a cell, and
# a question to the reader before a number is shown.

# %% [markdown]
# ## The broken snippet
#
# TODO: the article's fault, reproduced in our own words and measured.

# %% [markdown]
# ## The model
#
# TODO: built in at most 15 lines, shown to equal that of the package, then imported; its shapes.

# %% [markdown]
# ## Training
#
# TODO: data, training, learning curves. At least three pictures in the lesson.

# %% [markdown]
# ## Does it work?
#
# TODO: on data that training never saw, beside a baseline. Every sentence about a result stands
# beside a cell that claims it.

# %%
accuracy, baseline = np.mean([True, True, True]), 1 / 3
claim("test accuracy", accuracy, at_least=0.8)
claim("lead over the baseline", accuracy - baseline, at_least=0.5)

# %% [markdown]
# ## Scale it
#
# TODO: the lines to change for the full data, and its result, `recorded("NAME")`.

# %% [markdown]
# ## Summary
#
# - TODO
#
# ## Common mistakes
#
# - TODO
#
# ## Exercises
#
# 1. TODO
#
# ## References
#
# TODO: the cited entries of docs/references.bib.
"""

_ASSIGNMENT = '''\
# %% [markdown]
# # Assignment: {title}
#
# TODO: what the student will do.
#
# **About 5 minutes.** **100 points.** **Repairs:** TODO: as in the front matter.

# %% {{locked start}}
import aimodels

aimodels.start(seed=1)

# %% {{locked setup}}
import numpy as np

from aimodels.course import check

# %% [markdown]
# ## Question 1: TODO (15 points)
#
# TODO: say what `double(x)` takes and returns, with shapes, and what is an error.


# %% {{answer q1}}
def double(x):
    """Twice each number, of any shape."""
    ### BEGIN SOLUTION
    return 2 * np.asarray(x)
    ### END SOLUTION


# %% {{test q1_visible 5}}
with check.question("q1_visible", points=5):
    check.equal("twice 1 and 2", double([1, 2]), [2, 4], hint="what is each number multiplied by?")

# %% {{test q1_hidden 10}}
print("Hidden tests: other shapes.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=10):
    x = check.given(np.random.default_rng(1).normal(size=(3, 4)))
    check.close("any shape", double(x), x + x, hint="nothing may depend on the visible shape")
### END HIDDEN TESTS

# %% [markdown]
# TODO: questions 2 to 6 or more. One repairs an article's snippet, the last trains to a bar.
#
# ## How far are you?
#
# The next cell sums up what the visible tests say.

# %% {{locked summary}}
check()
'''

_WRONG = """\
# %% q1, 0 of 15 points: adds two
# replace:
#     return 2 * np.asarray(x)
# with:
#     return 2 + np.asarray(x)


# %% q1, 5 of 15 points: knows only the visible shape
def double(x):
    return np.array([2 * x[0], 2 * x[1]])


# %% q1, 0 of 15 points: repeats the row
def double(x):
    return [*x, *x]
"""

_LESSON_FACTS = """\
#     goals:
#       - "TODO: one goal, word by word as in the front matter"
#     prerequisites: []
#     minutes: 5
#     repairs: []"""

_ASSIGNMENT_FACTS = """\
#     minutes: 5
#     repairs: []
#     limits: {cell: 60, total: 150, memory: 6144}"""


def new(root: Path, name: str) -> list[Path]:
    """Write the skeleton of a chapter.

    Args:
        root: the checkout.
        name: two digits and lower-case words, such as "07_resnet_inception".

    Returns:
        The files that were written.

    Raises:
        CourseError: the name is not of this form, or the chapter or its number exists.
    """
    if not _NAME.fullmatch(name):
        raise CourseError(
            "a chapter's name is two digits and lower-case words joined by underscores, such as "
            f"07_resnet_inception; got {name!r}"
        )
    course = root / "course"
    for path in sorted(course.iterdir()):
        if path.name.split("_")[0] == name[:2]:
            raise CourseError(f"chapter {name[:2]} exists already: {path}")
    title = name[3:].replace("_", " ").capitalize()
    assignment = _FRONT.format(title=f"Assignment: {title}", facts=_ASSIGNMENT_FACTS)
    texts = {
        "lesson.py": _FRONT.format(title=title, facts=_LESSON_FACTS) + _LESSON.format(title=title),
        "assignment.py": assignment + _ASSIGNMENT.format(title=title),
        "wrong/q1.py": _WRONG,
    }
    for place, text in texts.items():
        path = course / name / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [course / name / place for place in texts]
