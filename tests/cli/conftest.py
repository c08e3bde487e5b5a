"""The command line, data and results for it, as in `tests/test_cli.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_cli import Gradsentry
from tests.test_cli import data as data
from tests.test_cli import gradsentry as gradsentry


@pytest.fixture
def results(gradsentry: Gradsentry, data: Path, tiny_folder: Path) -> Path:
    out = data.parent / "results"
    done = gradsentry("scan", data, "-m", tiny_folder, "--detector", "length", "-o", out)
    assert done.returncode == 0, done.stderr
    return out
