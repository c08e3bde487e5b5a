"""`python -m gradsentry`.

Python puts the current folder before all others to import from, and that is often the data's: a
`torch.py` there would be run. So it is taken out before anything is imported.
"""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] in ([""], [os.getcwd()]):  # noqa: PTH109  # pathlib could be theirs
    del sys.path[0]

from gradsentry.cli import main

main()
