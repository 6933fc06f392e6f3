# ---
# jupyter:
#   aimodels:
#     title: Start here
#     minutes: 10
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here
#
# The map of the course: what there is, what depends on what, how long it takes, three ways through
# it, how to work with it, where its models stand, and its terms in English and Chinese. All tables
# and the drawing are made by programs, from the lessons themselves and from recorded results.
#
# **About 10 minutes**, leaving out the tables, which are for looking things up.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import matplotlib.pyplot as plt
from IPython.display import Markdown

from aimodels.course import chapters, drawing, glossary, overview, paths, status

# %% [markdown]
# ## What there is
#
# A chapter is a folder with two notebooks. Its *lesson* is there to read, run and change; its
# *assignment* has questions whose tests tell you at once what is right.
#
# The table has the minutes of both, and they are measured: the seconds that the cells ran, and the
# words, lines of code and pictures, at the pace of a reader whose first language is another one.
# `aimodels course check` fails if a lesson says anything else.

# %%
course = chapters.read_chapters()
Markdown(chapters.table(course))

# %%
print("numbers left free for chapters that are not written yet:", *chapters.gaps(course))

# %% [markdown]
# ## What depends on what
#
# Follow the arrows. A chapter stands below all that it rests on; an arrow that follows from others
# is left out. The minutes are those of the lesson. Blue is the way of the weekend, below.

# %%
drawing.draw(course, marked=overview.marked(course))
plt.show()

# %%
for before, after in chapters.direct(course):
    assert before < after
    print(f"{before} before {after}")

# %% [markdown]
# ## Three ways through it
#
# Each plan is made by a program, which stops with an error if a chapter comes before one that it
# rests on, or if a day or a week is longer than promised.
#
# **A long weekend** leads on the shortest way to a GPT that you train yourself. There is no time
# for assignments; come back for them.

# %%
weekend, ten_weeks, term = paths.PATHS
plan = paths.plan(weekend, course)
print(paths.summary(weekend, plan))
Markdown(paths.table(weekend, plan))

# %% [markdown]
# **Ten weeks** beside your work: every chapter and every assignment, in the evenings.

# %%
plan = paths.plan(ten_weeks, course)
print(paths.summary(ten_weeks, plan))
Markdown(paths.table(ten_weeks, plan))

# %% [markdown]
# **A teacher's term**: the lesson in class, where everybody runs it and changes it, and the
# assignment at home in the same week. Weeks that are left are for examinations and projects.

# %%
plan = paths.plan(term, course)
print(paths.summary(term, plan))
half = term.hours / 2
print(f"in class and at home: at most {half:g} hours each; weeks left: {term.units - len(plan)}")
assert all(paths.minutes(week, "lesson") <= 60 * half for week in plan)
Markdown(paths.table(term, plan))

# %% [markdown]
# ## How to work with it
#
# **You learn.** You have set up the course once, with one command in its folder:
#
# ```
# make lab
# ```
#
# It opens JupyterLab on the chapters, now and every other time. Open a lesson and run it cell by
# cell (Shift + Enter). Where it asks you a question, answer it before you run the next cell. Then
# change something and run it again: that is what a notebook is for. Then open the assignment. When
# something does not work, ask what this machine has and lacks, and how to mend it:
#
# ```
# aimodels doctor
# ```
#
# (`aimodels` is in `.venv/bin`; `source .venv/bin/activate` lets you leave that out.) When a
# notebook is beyond repair, or before you fetch a newer version of the course:
#
# ```
# aimodels course reset 06
# ```
#
# puts chapter 06 back, and keeps your own notebooks beside it.
#
# **You teach.** Give your students `chapters/06_cnn/assignment.ipynb`, collect what they hand in in
# one folder, and
#
# ```
# aimodels grade submitted/ --output grades.csv
# ```
#
# writes points, a page of feedback for each student, and a page about the class. Hidden tests
# decide, and each notebook runs in a sandbox. `docs/teaching.md` has it all, `docs/nbgrader.md` is
# for schools with nbgrader, and `docs/data.md` shows how a class gets the large data sets offline.
#
# **Your CI job** runs everything that is claimed here: style, tests, every cell of every notebook
# (its output must come out the same), and every grade:
#
# ```
# make test
# ```
#
# `CONTRIBUTING.md` says how to write a chapter, and how to leave out what passed before.
#
# ## Where the models stand
#
# A model is compared with one that we did not write (**reference**: the largest difference, and its
# bound), with what needs no learning (**floor**), with a strong simple method or another library
# (**rival**), and with what others published. ↑: more is better, ↓: less is better, –: not
# measured. Where the rival is better, the table says **loss**; where their intervals overlap, or
# the two are too near to tell, *draw* (`docs/status.md` says what counts as near).

# %%
print(status.score())
Markdown(status.table())

# %% [markdown]
# `docs/status.md` has the same table, and all functions that were compared with a reference.
#
# ## Terms
#
# Each term of the lessons, and the lesson that explains it: the first where it stands in **bold**.
# An earlier lesson may use it in passing.

# %%
terms = glossary.read_glossary()
print(len(terms), "terms")
Markdown(glossary.table(terms))

# %% [markdown]
# Now open the first lesson: [01_foundations](01_foundations/lesson.ipynb).
