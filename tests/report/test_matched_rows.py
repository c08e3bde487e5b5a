"""Rows of two scans, matched by their content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradsentry.report.matched_rows import match_rows


def digests(texts: Sequence[str]) -> NDArray[np.uint8]:
    padded = b"".join(text.encode().ljust(16, b"\0") for text in texts)
    return np.frombuffer(padded, np.uint8).reshape(-1, 16)


@pytest.mark.parametrize(
    ("old", "new", "kept", "changed", "added", "removed"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)], [], [], []),
        ("abc", "abcde", [(0, 0), (1, 1), (2, 2)], [], [3, 4], []),
        ("abc", "ac", [(0, 0), (2, 1)], [], [], [1]),
        ("abc", "aXc", [(0, 0), (2, 2)], [(1, 1)], [], []),
        ("abc", "XYabZ", [(0, 2), (1, 3)], [(2, 4)], [0, 1], []),
        ("abc", "cab", [(0, 1), (1, 2), (2, 0)], [], [], []),
        ("aab", "aaab", [(0, 0), (1, 1), (2, 3)], [], [2], []),
        ("abcd", "aXYd", [(0, 0), (3, 3)], [(1, 1), (2, 2)], [], []),
        ("ab", "XY", [], [(0, 0), (1, 1)], [], []),
        ("", "ab", [], [], [0, 1], []),
        ("ab", "", [], [], [], [0, 1]),
    ],
)
def test_rows_are_kept_changed_added_or_removed(
    old: str,
    new: str,
    kept: list[tuple[int, int]],
    changed: list[tuple[int, int]],
    added: list[int],
    removed: list[int],
) -> None:
    found = match_rows(digests(old), digests(new))
    assert list(map(tuple, found.kept.tolist())) == kept
    assert list(map(tuple, found.changed.tolist())) == changed
    assert found.added.tolist() == added
    assert found.removed.tolist() == removed


@given(st.text("abcdef", max_size=30), st.text("abcdef", max_size=30))
def test_every_row_is_in_one_place(old: str, new: str) -> None:
    found = match_rows(digests(old), digests(new))
    of_old = [*found.kept[:, 0], *found.changed[:, 0], *found.removed]
    of_new = [*found.kept[:, 1], *found.changed[:, 1], *found.added]
    assert sorted(of_old) == list(range(len(old)))
    assert sorted(of_new) == list(range(len(new)))
    assert all(old[was] == new[now] for was, now in found.kept)
    assert len(found.kept) == sum((Counter(old) & Counter(new)).values())
