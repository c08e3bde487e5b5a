"""Some hundred broken files; `python -m tests.records.fuzzing 100000` tries more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.fuzzing import attempt


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


@settings(deadline=None, max_examples=400, database=None)
@given(number=st.integers(0, 10**9))
def test_a_broken_file_is_refused_or_nothing_of_it_is_lost(number: int, folder: Path) -> None:
    attempt(number, 0, folder)
