"""The command line and data for it, as in `tests/test_cli.py`."""

from __future__ import annotations

from tests.test_cli import data as data
from tests.test_cli import gradsentry as gradsentry
