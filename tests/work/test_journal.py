"""The journal: whole blocks come back as they were, and nothing else comes back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gradsentry.work.journal import is_journal, open_journal
from gradsentry.work.progress import Silent

BLOCKS = 6


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def arrays(number: int) -> list[NDArray[np.float32]]:
    return [np.full((number, 3), number, np.float32), np.arange(number, dtype=np.float32)]


def never() -> Sequence[NDArray[np.float32]]:
    raise AssertionError("computed again")


def filled(path: Path, key: bytes = b"key", notes: Silent = Silent()) -> tuple[int, bytes]:
    """Fill a journal; how many blocks had to be computed, and what it gave."""
    journal, given, computed = open_journal(path, key, 21, notes), b"", 0

    def compute(number: int) -> list[NDArray[np.float32]]:
        nonlocal computed
        computed += 1
        return arrays(number)

    for number in range(1, BLOCKS + 1):
        block = journal.step(number, lambda number=number: compute(number))  # type: ignore[misc]
        given += block.part(0, np.float32).tobytes() + block.part(1, np.float32).tobytes()
    return computed, given


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_blocks_come_back(path: Path) -> None:
    computed, given = filled(path)
    assert computed == BLOCKS
    notes = Notes()
    assert filled(path, notes=notes) == (0, given)
    assert notes.lines == ["Going on: 21 of 21 rows are scored already."]


def test_another_key_starts_afresh_and_says_so(path: Path) -> None:
    filled(path)
    notes = Notes()
    assert filled(path, b"other", notes)[0] == BLOCKS
    assert "other data" in notes.lines[0]
    assert filled(path, b"other")[0] == 0


def test_any_damaged_byte_and_any_cut_is_found(path: Path) -> None:
    _, given = filled(path)
    whole, draw = path.read_bytes(), random.Random(0)
    for place in range(len(whole)):
        notes = Notes()
        broken = bytearray(whole)
        broken[place] ^= 1 << draw.randrange(8)
        path.write_bytes(broken if place % 2 else whole[:place])
        computed, again = filled(path, notes=notes)
        assert again == given
        assert path.read_bytes() == whole
        if place % 2:
            assert computed
            assert any("damaged" in line for line in notes.lines)


def test_blocks_that_change_places_are_found(path: Path) -> None:
    same = [np.zeros(4, np.float32)]
    journal = open_journal(path, b"key", 4, Silent())
    size = path.stat().st_size
    for _ in range(2):
        journal.step(1, lambda: same)
    whole = path.read_bytes()
    half = (len(whole) - size) // 2
    path.write_bytes(whole[:size] + whole[size + half :] + whole[size : size + half])
    notes = Notes()
    open_journal(path, b"key", 4, notes)
    assert "damaged" in notes.lines[0]


def test_links_are_not_followed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    filled(other)
    before = other.read_bytes()
    for link in (path.symlink_to, path.hardlink_to):
        link(other)
        assert not is_journal(path)
        assert filled(path, b"mine")[0] == BLOCKS
        assert other.read_bytes() == before
        path.unlink()
