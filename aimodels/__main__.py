"""`python -m aimodels` is the command `aimodels`."""

import sys

from aimodels.cli import main

sys.exit(main())
