"""Arrays in files: what was appended is what is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradsentry.file_array import FileArrayWriter, in_file


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    writer = FileArrayWriter(tmp_path / "numbers", np.int64)
    writer.append(5)
    writer.extend(np.arange(3))
    assert len(writer) == 4
    found = writer.finish()
    assert found.tolist() == [5, 0, 1, 2]
    assert isinstance(found, np.memmap)


def test_nothing_may_be_appended(tmp_path: Path) -> None:
    assert FileArrayWriter(tmp_path / "numbers", np.int32).finish().tolist() == []


@pytest.mark.parametrize("count", [0, 1, 200_000])
def test_numbers_are_moved_to_a_file(tmp_path: Path, count: int) -> None:
    numbers = np.arange(count, dtype=np.int64)[::-1]
    found = in_file(numbers, tmp_path / "numbers")
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, numbers)


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "numbers").symlink_to(tmp_path / "mine")
    writer = FileArrayWriter(tmp_path / "numbers", np.int32)
    writer.append(7)
    assert writer.finish().tolist() == [7]
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_was_read_before_stays(tmp_path: Path) -> None:
    found = []
    for number in (1, 2):
        writer = FileArrayWriter(tmp_path / "numbers", np.int32)
        writer.append(number)
        found.append(writer.finish())
    assert [array.tolist() for array in found] == [[1], [2]]
