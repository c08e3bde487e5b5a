"""Saved data sets are read without a memory map, so that no change of theirs ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import datasets
import pytest

from gradsentry.errors import InputError
from gradsentry.records import arrow_stream, open_source
from tests.records.rows import mask_of, rows_of

ROWS = [{"prompt": f"p{row}", "response": "x" * 2000} for row in range(5000)]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    return tmp_path / "saved"


TRUNCATES = """
import os, sys
from pathlib import Path
from gradsentry.errors import InputError
from gradsentry.records import open_source

folder, size = Path(sys.argv[1]), int(sys.argv[2])
rows = open_source(folder).records()
next(rows)
(path,) = folder.glob("*.arrow")
os.truncate(path, size)
try:
    for row in rows:
        pass
except InputError as error:
    print(error.problem)
"""


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.9])
def test_a_file_that_is_cut_short_meanwhile_is_refused(saved: Path, part: float) -> None:
    (path,) = saved.glob("*.arrow")
    size = int(part * path.stat().st_size)
    done = subprocess.run(
        [sys.executable, "-c", TRUNCATES, saved, str(size)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}: the file changed during the scan.\n"


def test_messages_too_large_for_memory_are_read_from_a_copy(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(saved)
    assert rows_of(source) == ROWS
    monkeypatch.setattr(arrow_stream, "_IN_MEMORY", 1000)
    assert rows_of(source) == ROWS  # and the digest is the same
    source.write(tmp_path, {"clean": mask_of(len(ROWS), [0, 4999])})
    assert rows_of(open_source(tmp_path / "clean")) == [ROWS[0], ROWS[4999]]


def test_a_full_folder_for_temporary_files_is_named(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no full device")

    def full(**_: object) -> IO[bytes]:
        return Path("/dev/full").open("wb", 0)

    monkeypatch.setattr(arrow_stream, "_IN_MEMORY", 1000)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(InputError, match=r"No space left(.|\n)*TMPDIR"):
        rows_of(open_source(saved))


@pytest.mark.parametrize("place", [0, 4, 8, 12, 300])
def test_broken_starts_of_messages_are_refused(saved: Path, place: int) -> None:
    (path,) = saved.glob("*.arrow")
    content = bytearray(path.read_bytes())
    for broken in (b"\x7f" * 4, b"\xff" * 8, b"\0" * 4):
        changed = content.copy()
        changed[place : place + len(broken)] = broken
        if changed == content:
            continue
        path.write_bytes(changed)
        try:
            found = rows_of(open_source(saved))
        except InputError:
            continue
        assert found == ROWS  # nothing stood there that matters
    os.truncate(path, 0)
    with pytest.raises(InputError, match="no rows"):
        rows_of(open_source(saved))
