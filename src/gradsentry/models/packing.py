"""Rows of a batch as one sequence in which every shared prefix occurs once.

Rows come ordered by their tokens. Of each, only what it doesn't share with the row before it is
computed; its own queries see the keys on its path, those of earlier rows' tokens among them. So
everything but attention costs what the distinct tokens cost, without padding, however deeply
templates, contexts and questions nest.

The sequence is a tree whose tokens are in depth-first order: what follows a token on some row's
path comes right behind it, up to a known end. Attention runs over spans of the sequence, in groups
of like size, padded: S queries and T keys a span. A span is a row's own tokens, or those of
neighbours that have few, with each other's keys hidden: fewer keys are gathered, and products are
of sizes that processors are fast at (docs/findings/speed.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.encoding import TokenIds

_KEYS_AT_ONCE = 16384
"""Keys of a group, padding included, except where one span has more; bounds memory."""

_QUERIES_TOGETHER = 96
"""Queries that rows may have to be one span."""

_LENGTHS = 256
"""Sequences are padded to multiples of this: libraries keep a compiled product for each length."""

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """B spans whose attention is computed together, S queries and T keys each."""

    queries: Int[Tensor, "B S"]
    """Places in the sequence, padded with the last."""
    keys: Int[Tensor, "B T"]
    """Likewise."""
    ends: Int[Tensor, "B T"]
    """Where in the sequence the tokens end that see a key; 0 for padding."""
    kept: Int[Tensor, "M"]
    """Queries, counted over B·S, whose outputs are wanted."""
    places: Int[Tensor, "M"]
    """Where in the sequence they belong."""
    is_square: bool
    """Whether queries are the keys' own tokens, so that the usual causal attention applies."""
    _masks: dict[tuple[int | None, torch.dtype], Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> Group:
        """The same on a device."""
        return Group(
            self.queries.to(device),
            self.keys.to(device),
            self.ends.to(device),
            self.kept.to(device),
            self.places.to(device),
            self.is_square,
        )

    def mask(
        self, window: int | None, positions: Int[Tensor, "L"], dtype: torch.dtype
    ) -> Float[Tensor, "B 1 S T"] | None:
        """What is added to attention scores; None for causal attention.

        **Arguments:**

        - `window`: how many tokens a query sees, itself among them; None for all before it.
        - `positions`: of each token of the sequence in its row.
        """
        if self.is_square and (window is None or self.keys.shape[1] <= window):
            return None
        if (window, dtype) not in self._masks:
            query, key = self.queries.unsqueeze(-1), self.keys.unsqueeze(-2)
            hidden = (key > query) | (query >= self.ends.unsqueeze(-2))
            if window is not None:
                hidden |= positions[key] <= positions[query] - window
            mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
            self._masks[window, dtype] = mask.masked_fill_(hidden, -torch.inf).unsqueeze(1)
        return self._masks[window, dtype]


@dataclass(frozen=True, eq=False)
class Packing:
    """A batch as one sequence of its distinct tokens, padded to L."""

    token_ids: Int[Tensor, "1 L"]
    positions: Int[Tensor, "1 L"]
    """Of each token in its row."""
    paths: Sequence[Index]
    """For each row where its tokens are in the sequence: shape (length,)."""
    groups: Sequence[Group]
    windows: list[int | None] = field(default_factory=list)
    """The sliding windows that the layers' attention has asked for, one after the other."""
    _copies: dict[torch.device, Packing] = field(default_factory=dict)

    def to(self, device: torch.device) -> Packing:
        """The same on a device, copied once; `windows` are the same list.

        What moves the inputs of a split model's layers calls this for each of them.
        """
        if device == self.token_ids.device:
            return self
        if device not in self._copies:
            self._copies[device] = replace(
                self,
                token_ids=self.token_ids.to(device),
                positions=self.positions.to(device),
                groups=[group.to(device) for group in self.groups],
                _copies={},  # the same one would have this copy in itself, as a cycle
            )
        return self._copies[device]


def pack(rows: Sequence[TokenIds], device: torch.device) -> Packing:
    """Pack rows, in an order in which neighbours share their prefixes.

    Any order is right; another only shares less.
    """
    paths: list[Index] = []
    starts: list[int] = []
    begins: list[int] = []
    size = 0
    for number, row in enumerate(rows):
        shared = shared_length(rows[number - 1], row) if number else 0
        before = paths[-1][:shared] if number else np.empty(0, np.int64)
        paths.append(np.concatenate((before, np.arange(size, size + len(row) - shared))))
        starts.append(shared)
        begins.append(size)
        size += len(row) - shared
    ends = np.full(size, size)
    for path, start, begin in zip(paths, starts[1:], begins[1:], strict=False):
        ends[path[start:]] = begin
    own = list(zip(rows, starts, strict=True))
    token_ids = np.concatenate([row[start:] for row, start in own]).astype(np.int64)
    positions = np.concatenate([np.arange(start, len(row)) for row, start in own])
    padding = (0, -len(token_ids) % _LENGTHS)
    token_ids, positions = np.pad(token_ids, padding), np.pad(positions, padding)
    return Packing(
        torch.from_numpy(token_ids).to(device).unsqueeze(0),
        torch.from_numpy(positions).to(device).unsqueeze(0),
        paths,
        [_group(part, ends, device) for part in _parts(_spans(paths, starts))],
    )


@dataclass(frozen=True, eq=False)
class _Span:
    """Neighbours in the sequence whose attention is computed as one."""

    keys: Index
    """Places of the first row's path, and behind it those of the others' own tokens."""
    start: int
    """The first key that isn't another span's token."""
    is_square: bool
    """Whether causal attention over all keys is computed, for queries again that others have."""

    @property
    def first(self) -> int:
        """The key that is the first query."""
        return 0 if self.is_square else self.start

    @property
    def size(self) -> int:
        return len(self.keys) - self.first


def _spans(paths: Sequence[Index], starts: Sequence[int]) -> Iterator[_Span]:
    """All tokens of the sequence: rows that share most of what they see go together."""
    span: _Span | None = None
    for path, start in zip(paths, starts, strict=True):
        if start == len(path):  # all its tokens are another row's
            continue
        # Causal attention takes less work than attention with a mask: it is for fewer pairs.
        row = _Span(path, start, is_square=4 * start < len(path))
        if (
            span is not None
            and not (span.is_square or row.is_square)
            and span.size + row.size <= _QUERIES_TOGETHER
            and 2 * row.start >= span.start
        ):
            span = replace(span, keys=np.concatenate((span.keys, path[start:])))
            continue
        if span is not None:
            yield span
        span = row
    if span is not None:
        yield span


def _parts(spans: Iterable[_Span]) -> Iterator[list[_Span]]:
    """Spans that go together: none has less than three quarters of the queries of the largest."""
    part: list[_Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.is_square, -span.size)):
        longest = max(longest, len(span.keys))
        if part and (
            span.is_square != part[0].is_square
            or 4 * span.size < 3 * part[0].size
            or (len(part) + 1) * longest > _KEYS_AT_ONCE
        ):
            yield part
            part, longest = [], len(span.keys)
        part.append(span)
    if part:
        yield part


def _group(spans: Sequence[_Span], ends: Index, device: torch.device) -> Group:
    shape = (len(spans), spans[0].size)
    keys = np.zeros((len(spans), max(len(span.keys) for span in spans)), np.int64)
    ends_of_keys, queries = np.zeros_like(keys), np.zeros(shape, np.int64)
    kept, places = [], []
    for number, span in enumerate(spans):
        keys[number, : len(span.keys)] = span.keys
        ends_of_keys[number, : len(span.keys)] = ends[span.keys]
        queries[number] = span.keys[-1]
        queries[number, : span.size] = span.keys[span.first :]
        kept.append(number * shape[1] + np.arange(span.start - span.first, span.size))
        places.append(span.keys[span.start :])
    parts = queries, keys, ends_of_keys, np.concatenate(kept), np.concatenate(places)
    queries_t, keys_t, ends_t, kept_t, places_t = (
        torch.from_numpy(part).to(device) for part in parts
    )
    return Group(queries_t, keys_t, ends_t, kept_t, places_t, spans[0].is_square)


def shared_length(one: TokenIds, other: TokenIds) -> int:
    """How many of their first tokens two rows have in common."""
    size = min(len(one), len(other))
    differs = np.flatnonzero(one[:size] != other[:size])
    return int(differs[0]) if len(differs) else size
