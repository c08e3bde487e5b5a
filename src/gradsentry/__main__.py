"""`gradsentry`, and `python -m gradsentry`.

Python puts the current folder before all others to import from, and that is often the data's: a
`torch.py` there would be run. So it is taken out before anything else is imported.

Python leaves with 1 where loading fails, which would say that rows are flagged.
"""

from __future__ import annotations

import os
import sys

if not sys.flags.safe_path:  # an empty entry in PYTHONPATH stands for it, too
    sys.path[:] = [place for place in sys.path if place not in ("", os.getcwd())]  # noqa: PTH109

import traceback
from importlib import import_module

from gradsentry.faults import told_of


def main() -> None:
    """Load the command line and run it."""
    try:
        # Not `from gradsentry import cli`, which asks the package for a name first: that loads all.
        cli = import_module("gradsentry.cli")
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException as error:
        told = told_of(error)
        if told is not None:
            print(f"Error: {told.problem}\n{told.remedy}", file=sys.stderr)
            sys.exit(2)
        traceback.print_exc()
        print("GradSentry can't be loaded: its installation is broken.", file=sys.stderr)
        sys.exit(3)
    cli.main()


if __name__ == "__main__":
    main()
