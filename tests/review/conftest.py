"""Results that the tests of this room decide about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.results import make_results


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A new folder of results, with a group of poison and one for review."""
    return make_results(tmp_path)
