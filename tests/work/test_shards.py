"""Shards: whole ones come back as they were, and nothing else comes back."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gradsentry.work.progress import Silent
from gradsentry.work.shards import ShardFolder, digest_name, open_shards

COUNT, ROWS = 5, 15


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def arrays(number: int) -> list[NDArray[np.float32]]:
    return [np.full((number, 3), number, np.float32), np.arange(number, dtype=np.float32)]


def name_of(number: int) -> str:
    return digest_name(b"%d" % number)


def fill(shards: ShardFolder) -> tuple[int, bytes]:
    """Fill a folder; how many shards had to be computed, and what it gave."""
    computed, given = 0, b""
    for number in range(1, COUNT + 1):
        shard = shards.find(name_of(number), number)
        if shard is None:
            computed += 1
            shard = shards.write(name_of(number), number, arrays(number))
        given += shard.part(0, np.float32).tobytes() + shard.part(1, np.float32).tobytes()
    return computed, given


def opened(folder: Path, key: str = "key", notes: Silent = Silent()) -> ShardFolder:
    return open_shards(folder, key, ROWS, notes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shards"


def test_shards_come_back(folder: Path) -> None:
    computed, given = fill(opened(folder))
    assert computed == COUNT
    expected = b"".join(array.tobytes() for n in range(1, COUNT + 1) for array in arrays(n))
    assert given == expected
    notes = Notes()
    assert fill(opened(folder, notes=notes)) == (0, expected)
    assert notes.lines == ["Going on: 15 of 15 rows are scored already."]


def test_another_key_starts_afresh_and_says_so(folder: Path) -> None:
    fill(opened(folder))
    notes = Notes()
    assert fill(opened(folder, "other", notes))[0] == COUNT
    assert "other data" in notes.lines[0]
    assert fill(opened(folder, "other"))[0] == 0
    assert len(list(folder.iterdir())) == 1


def test_any_damaged_byte_and_any_cut_is_found(folder: Path) -> None:
    _, given = fill(opened(folder))
    draw = random.Random(0)
    path = max(opened(folder).folder.iterdir(), key=lambda path: path.stat().st_size)
    whole = path.read_bytes()
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 1 << draw.randrange(8)
        path.write_bytes(broken if place % 2 else whole[:place])
        notes = Notes()
        assert fill(opened(folder, notes=notes)) == (1, given)
        assert any("damaged" in line for line in notes.lines)
        assert path.read_bytes() == whole


def test_shards_that_change_names_are_found(folder: Path) -> None:
    _, given = fill(opened(folder))
    one, other = sorted(opened(folder).folder.iterdir())[:2]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    assert fill(opened(folder)) == (2, given)


def test_a_shard_of_another_user_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, given = fill(opened(folder))
    monkeypatch.setenv("GRADSENTRY_CACHE", str(folder.parent / "other cache"))
    assert fill(opened(folder)) == (COUNT, given)


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    _, given = fill(opened(folder))
    one, other = sorted(opened(folder).folder.iterdir())[:2]
    kept = tmp_path / "kept"
    one.rename(kept)
    one.symlink_to(kept)
    (tmp_path / "second").hardlink_to(other)
    assert fill(opened(folder)) == (2, given)
    assert not one.is_symlink()
    assert kept.exists()
    own = opened(folder).folder
    own.rename(tmp_path / "moved")
    own.symlink_to(tmp_path / "moved")
    before = sorted((tmp_path / "moved").iterdir())
    assert fill(opened(folder)) == (COUNT, given)
    assert sorted((tmp_path / "moved").iterdir()) == before


def test_a_half_written_shard_is_none(folder: Path) -> None:
    own = opened(folder)
    (own.folder / f"{name_of(1)}-1.part").write_bytes(b"half")
    assert fill(own)[0] == COUNT
    assert not list(own.folder.glob("*.part"))


def test_names_tell_parts_apart() -> None:
    assert digest_name(b"ab", b"c") != digest_name(b"a", b"bc")
