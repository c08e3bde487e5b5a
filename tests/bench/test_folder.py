"""A benchmark replaces what it wrote itself; whatever else is in the way is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gradsentry import OutputError
from gradsentry.bench.folder import held, kept_in, replacing_result


def write(out: Path, text: str, name: str = "results.md") -> None:
    with replacing_result(out, out / name) as part:
        part.write_text(text)


def test_tables_that_nobody_changed_are_replaced(tmp_path: Path) -> None:
    for text in ("first", "second", "second", "third"):
        write(tmp_path, text)
        assert (tmp_path / "results.md").read_text() == text
    assert kept_in(tmp_path) == set()


@pytest.mark.parametrize("change", ["edited", "link", "folder", "no list", "a broken list"])
def test_tables_that_somebody_changed_are_kept(tmp_path: Path, change: str) -> None:
    path, own = tmp_path / "results.md", tmp_path / ".gradsentry-bench-results"
    write(tmp_path, "first")
    if change == "edited":
        path.write_text("my notes")
    elif change == "link":
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")
    elif change == "folder":
        path.unlink()
        path.mkdir()
        (path / "notes").write_text("my notes")
    elif change == "no list":
        own.unlink()
    else:
        own.write_bytes(own.read_bytes().replace(b"results", b"resultz"))
    write(tmp_path, "second")
    assert path.read_text() == "second"
    (kept,) = kept_in(tmp_path)
    if change == "edited":
        assert kept.read_text() == "my notes"
    elif change == "link":
        assert kept.readlink() == tmp_path / "elsewhere"
    elif change == "folder":
        assert (kept / "notes").read_text() == "my notes"
    else:
        assert kept.read_text() == "first"
    write(tmp_path, "third")
    assert kept_in(tmp_path) == {kept}


@pytest.mark.parametrize("name", ["plots", "cells", "outcomes", "cache", "results.md"])
def test_a_link_in_a_benchmarks_folder_is_refused(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with held(out):
        pass
    shutil.rmtree(out / "cache")  # its lock lies there
    (out / name).symlink_to(tmp_path)
    with pytest.raises(OutputError, match="write through it"), held(out):
        pass
