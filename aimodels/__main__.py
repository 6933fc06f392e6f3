"""`python -m aimodels` is the command `aimodels`."""

import sys

from aimodels.course.cli import main

sys.exit(main())
