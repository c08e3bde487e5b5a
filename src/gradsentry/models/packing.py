"""Rows of a batch as one sequence in which every shared prefix occurs once.

Rows come ordered by their tokens. Of each, only what it doesn't share with the row before it is
computed; its own queries see the keys on its path, those of earlier rows' tokens among them. So
everything but attention costs what the distinct tokens cost, without padding, however deeply
templates, contexts and questions nest.

Attention runs over groups of rows of like size, padded: S queries and T keys a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.encoding import TokenIds

_KEYS_AT_ONCE = 16384
"""Keys of a group, padding included, except where one row has more; bounds memory."""

_LENGTHS = 256
"""Sequences are padded to multiples of this: libraries keep a compiled product for each length."""

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """B rows whose attention is computed together, S queries and T keys each."""

    queries: Tensor
    """Shape (B, S): places in the sequence, padded with 0."""
    keys: Tensor
    """Shape (B, T): likewise; a row's path."""
    positions: Tensor
    """Shape (B, S): a query's position in its row; 0 for padding."""
    kept: Tensor
    """Shape (M,): queries, counted over B·S, whose outputs are wanted."""
    places: Tensor
    """Shape (M,): where in the sequence they belong."""
    is_square: bool
    """Whether queries are the keys' own tokens, so that the usual causal attention applies."""
    _masks: dict[tuple[int | None, torch.dtype], Tensor] = field(default_factory=dict)

    def mask(self, window: int | None, dtype: torch.dtype) -> Tensor | None:
        """What is added to attention scores: shape (B, 1, S, T); None for causal attention.

        **Arguments:**

        - `window`: how many tokens a query sees, itself among them; None for all before it.
        """
        if self.is_square and (window is None or self.keys.shape[1] <= window):
            return None
        if (window, dtype) not in self._masks:
            position = self.positions.unsqueeze(-1)
            key = torch.arange(self.keys.shape[1], device=self.keys.device)
            hidden = key > position
            if window is not None:
                hidden |= key <= position - window
            mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
            self._masks[window, dtype] = mask.masked_fill_(hidden, -torch.inf).unsqueeze(1)
        return self._masks[window, dtype]


@dataclass(frozen=True)
class Packing:
    """A batch as one sequence of its distinct tokens, padded to L."""

    token_ids: Tensor
    """Shape (1, L)."""
    positions: Tensor
    """Shape (1, L): of each token in its row."""
    paths: Sequence[Index]
    """For each row where its tokens are in the sequence: shape (length,)."""
    groups: Sequence[Group]
    windows: list[int | None] = field(default_factory=list)
    """The sliding windows that the layers' attention has asked for, one after the other."""


def pack(rows: Sequence[TokenIds], device: torch.device) -> Packing:
    """Pack rows, in an order in which neighbours share their prefixes.

    Any order is right; another only shares less.
    """
    paths: list[Index] = []
    starts: list[int] = []
    size = 0
    for number, row in enumerate(rows):
        shared = shared_length(rows[number - 1], row) if number else 0
        before = paths[-1][:shared] if number else np.empty(0, np.int64)
        paths.append(np.concatenate((before, np.arange(size, size + len(row) - shared))))
        starts.append(shared)
        size += len(row) - shared
    own = list(zip(rows, starts, strict=True))
    token_ids = np.concatenate([row[start:] for row, start in own]).astype(np.int64)
    positions = np.concatenate([np.arange(start, len(row)) for row, start in own])
    padding = (0, -len(token_ids) % _LENGTHS)
    token_ids, positions = np.pad(token_ids, padding), np.pad(positions, padding)
    return Packing(
        torch.from_numpy(token_ids).to(device).unsqueeze(0),
        torch.from_numpy(positions).to(device).unsqueeze(0),
        paths,
        [_group(part, device) for part in _parts(paths, starts)],
    )


@dataclass(frozen=True)
class _Queries:
    """A row's part in attention."""

    path: Index
    start: int
    """Its first token that isn't another row's."""

    @property
    def is_square(self) -> bool:
        """Whether causal attention over all of the row is less work than attention with a mask.

        It is computed for fewer pairs, and for queries again that an earlier row has had.
        """
        return 4 * self.start < len(self.path)

    @property
    def first(self) -> int:
        """The position of the first query."""
        return 0 if self.is_square else self.start

    @property
    def size(self) -> int:
        return len(self.path) - self.first


def _parts(paths: Sequence[Index], starts: Sequence[int]) -> Iterator[list[_Queries]]:
    """Rows that go together: none has less than three quarters of the queries of the largest."""
    rows = [
        _Queries(path, start)
        for path, start in zip(paths, starts, strict=True)
        if start < len(path)  # else all its tokens are another row's
    ]
    rows.sort(key=lambda row: (row.is_square, -row.size))
    part: list[_Queries] = []
    longest = 0
    for row in rows:
        longest = max(longest, len(row.path))
        if part and (
            row.is_square != part[0].is_square
            or 4 * row.size < 3 * part[0].size
            or (len(part) + 1) * longest > _KEYS_AT_ONCE
        ):
            yield part
            part, longest = [], len(row.path)
        part.append(row)
    if part:
        yield part


def _group(rows: Sequence[_Queries], device: torch.device) -> Group:
    shape = (len(rows), rows[0].size)
    keys = np.zeros((len(rows), max(len(row.path) for row in rows)), np.int64)
    queries, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    kept, places = [], []
    for number, row in enumerate(rows):
        keys[number, : len(row.path)] = row.path
        queries[number, : row.size] = row.path[row.first :]
        positions[number, : row.size] = np.arange(row.first, len(row.path))
        kept.append(number * shape[1] + np.arange(row.start - row.first, row.size))
        places.append(row.path[row.start :])
    queries_t, keys_t, positions_t, kept_t, places_t = (
        torch.from_numpy(part).to(device)
        for part in (queries, keys, positions, np.concatenate(kept), np.concatenate(places))
    )
    return Group(queries_t, keys_t, positions_t, kept_t, places_t, rows[0].is_square)


def shared_length(one: TokenIds, other: TokenIds) -> int:
    """How many of their first tokens two rows have in common."""
    size = min(len(one), len(other))
    differs = np.flatnonzero(one[:size] != other[:size])
    return int(differs[0]) if len(differs) else size
