"""For schools that grade with nbgrader: it works on the course's files as they are.

docs/nbgrader.md says how, and what differs from `aimodels grade`.
"""

from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)

course = c.CourseDirectory
course.course_id = "aimodels"
course.root = str(Path(__file__).resolve().parent)
course.source_directory = "solutions"  # solutions/NN_name/assignment.ipynb
course.notebook_id = "assignment"  # not exercises.ipynb beside it, which holds solutions
# Never "chapters": `nbgrader generate_assignment --force` deletes the folder that it writes to,
# and the lessons stand there.
course.release_directory = "release"
course.submitted_directory = "submitted"
course.autograded_directory = "autograded"
course.feedback_directory = "feedback"
course.db_url = f"sqlite:///{Path(course.root) / 'gradebook.db'}"
# What lies beside an assignment is copied to every student, except this.
course.ignore = [".*", "*.pyc", "__pycache__", "*.py", "*.html", "*.csv", "*.json", "*.db"]

# The folder through which notebooks are handed out and collected on a shared machine or a
# JupyterHub: it must exist and be writable for everybody. Not needed for generating and grading.
# c.Exchange.root = "/srv/nbgrader/exchange"

# Seconds: a training cell of the assignments may take 60, and TensorFlow starts slowly.
c.ExecutePreprocessor.timeout = 90
c.ExecutePreprocessor.startup_timeout = 120
