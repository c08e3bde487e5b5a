"""Temporary folders: gone at the end, and what a run that was killed left is the next one's."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from gradsentry.work.short_folder import short_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_it_is_private_and_goes_at_the_end(temporary: Path, tmp_path: Path) -> None:
    with short_folder(tmp_path / "work") as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "socket").touch()
    assert list(temporary.iterdir()) == []


def test_the_next_run_removes_what_a_killed_one_left(temporary: Path, tmp_path: Path) -> None:
    with short_folder(tmp_path / "work") as first:
        pass
    first.mkdir()
    (first / "left").touch()
    with short_folder(tmp_path / "other") as other:
        assert other != first
        assert (first / "left").exists()
    with short_folder(tmp_path / "work") as second:
        assert second == first
        assert list(second.iterdir()) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_there_and_is_no_folder_stays(temporary: Path, tmp_path: Path, kind: str) -> None:
    with short_folder(tmp_path / "work") as first:
        pass
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    if kind == "file":
        first.touch()
    else:
        first.symlink_to(elsewhere)
    with short_folder(tmp_path / "work") as second:
        assert second != first
    assert (elsewhere / "kept").exists()
    assert list(temporary.iterdir()) == [first]
