"""Which rows of two scans are the same, told by their content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RowChanges:
    """Which rows of two scans are the same, and which aren't."""

    kept: Int64[np.ndarray, "M 2"]
    """Rows with the same content: their numbers in the old scan and in the new one."""
    changed: Int64[np.ndarray, "M 2"]
    """Rows with another content in the same place between rows that were kept."""
    added: Int64[np.ndarray, "M"]
    """Of the new scan."""
    removed: Int64[np.ndarray, "M"]
    """Of the old scan."""


def match_rows(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> RowChanges:
    """Match rows by their content.

    Of rows with the same content the first is matched with the first. A row that is in one scan
    alone was changed if the other scan has such a row in the same place, counted from the last
    row before it that was kept.

    **Arguments:**

    - `old`, `new`: shape (rows, 16), digests of the rows.
    """
    kept = _matched(_keys(old), _keys(new))
    gone = np.setdiff1d(np.arange(len(old)), kept[:, 0])
    came = np.setdiff1d(np.arange(len(new)), kept[:, 1])
    of_old, of_new = _places(gone, kept[:, 0], kept[:, 1]), _places(came, kept[:, 1], kept[:, 1])
    places = {place: int(row) for place, row in zip(of_new, came, strict=True)}
    changed = np.array(
        [
            (int(row), places[place])
            for place, row in zip(of_old, gone, strict=True)
            if place in places
        ],
        np.int64,
    ).reshape(-1, 2)
    return RowChanges(
        kept, changed, np.setdiff1d(came, changed[:, 1]), np.setdiff1d(gone, changed[:, 0])
    )


def _keys(digests: NDArray[np.uint8]) -> NDArray[np.void]:
    """A value for each digest that can be sorted."""
    return np.ascontiguousarray(digests).view([("a", ">u8"), ("b", ">u8")]).reshape(-1)


def _matched(old: NDArray[np.void], new: NDArray[np.void]) -> Int64[np.ndarray, "M 2"]:
    """Numbers of rows with the same key, in the order of the old rows."""
    _, codes = np.unique(np.concatenate([old, new]), return_inverse=True)
    of_old, of_new = _occurrences(codes[: len(old)]), _occurrences(codes[len(old) :])
    # Of a key the first occurrence belongs to the first.
    most = max(len(old), len(new), 1)
    old_ids = codes[: len(old)].astype(np.int64) * most + of_old
    new_ids = codes[len(old) :].astype(np.int64) * most + of_new
    _, rows_old, rows_new = np.intersect1d(
        old_ids, new_ids, assume_unique=True, return_indices=True
    )
    pairs = np.stack([rows_old, rows_new], axis=1).astype(np.int64)
    return pairs[np.argsort(pairs[:, 0], kind="stable")]


def _occurrences(codes: NDArray[np.integer]) -> Int64[np.ndarray, "M"]:
    """How many rows before each have its code."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.searchsorted(ordered, ordered, side="left")
    counts = np.empty(len(codes), np.int64)
    counts[order] = np.arange(len(codes)) - first
    return counts


def _places(
    rows: Int64[np.ndarray, "M"], kept: Int64[np.ndarray, "O"], partners: Int64[np.ndarray, "O"]
) -> list[tuple[int, int]]:
    """Where rows stand that weren't kept: the kept row before each, by its number in the new scan,
    and how many rows behind that one."""
    order = np.argsort(kept, kind="stable")
    kept, partners = kept[order], partners[order]
    before = np.searchsorted(kept, rows) - 1
    anchors = np.where(before < 0, -1, partners[before] if len(kept) else -1)
    starts = np.where(before < 0, -1, kept[before] if len(kept) else -1)
    return list(zip(anchors.tolist(), (rows - starts).tolist(), strict=True))
