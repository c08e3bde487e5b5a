"""Arrays in files: what was appended is what is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradsentry.file_array import FileArrayWriter


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


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "numbers").write_text("mine")
    with pytest.raises(FileExistsError):
        FileArrayWriter(tmp_path / "numbers", np.int32)
