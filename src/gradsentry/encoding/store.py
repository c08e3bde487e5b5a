"""Encoded rows on disk, so that memory doesn't grow with the data.

Token ids and target masks lie in two flat files behind memory maps. What stays in memory is a few
dozen bytes a row: where it lies, its number of targets, and a digest of its content.
"""

from __future__ import annotations

import hashlib
from array import array
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding.encoded import EncodedRow, TargetMask, TokenIds

_DIGEST_BYTES = 16
_ROWS_AT_ONCE = 65_536


class EncodedStore:
    """Encoded rows, readable by their index in the order of writing."""

    def __init__(self, folder: Path, offsets: NDArray[np.int64], digests: NDArray[np.void]) -> None:
        self._offsets = offsets
        self.digests = digests
        """Shape (rows,): one digest of token ids and target mask a row."""
        self.lengths: NDArray[np.int64] = np.diff(offsets)
        """Shape (rows,): tokens a row."""
        size = (int(offsets[-1]),)
        self._ids = np.memmap(folder / "token_ids", np.int32, "r", shape=size)
        self._mask = np.memmap(folder / "target_mask", np.bool_, "r", shape=size)

    def __len__(self) -> int:
        return len(self.lengths)

    def row(self, index: int) -> tuple[TokenIds, TargetMask]:
        """Token ids and target mask, both of shape (length,)."""
        span = slice(int(self._offsets[index]), int(self._offsets[index + 1]))
        return self._ids[span], self._mask[span]

    def read(self, indices: NDArray[np.int64]) -> list[tuple[TokenIds, TargetMask]]:
        """Token ids and target masks of some rows."""
        return [self.row(int(index)) for index in indices]

    def block(self, rows: NDArray[np.int64], start: int, width: int) -> NDArray[np.int32]:
        """Some tokens of some rows: shape (rows, width), -1 behind a row's end."""
        tokens = np.full((len(rows), width), -1, np.int32)
        columns = np.arange(start, start + width)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[first : first + _ROWS_AT_ONCE, np.newaxis]
            inside = columns < self.lengths[some]
            places = (self._offsets[some] + columns)[inside]
            tokens[first : first + len(some)][inside] = self._ids[places]
        return tokens


class EncodedWriter:
    """Appends encoded rows to a store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids = (folder / "token_ids").open("wb")
        self._mask = (folder / "target_mask").open("wb")
        self._offsets = array("q", [0])
        self._digests = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ids.close()
        self._mask.close()

    def append(self, row: EncodedRow, beyond: bytes = b"") -> None:
        """Write one row.

        **Arguments:**

        - `beyond`: what tells rows apart whose encodings are the same, if that matters.
        """
        ids, mask = row.token_ids.tobytes(), row.target_mask.tobytes()
        self._ids.write(ids)
        self._mask.write(mask)
        self._offsets.append(self._offsets[-1] + len(row.token_ids))
        self._digests += hashlib.blake2b(ids + mask + beyond, digest_size=_DIGEST_BYTES).digest()

    def finish(self) -> EncodedStore:
        """Close the files and open them for reading. At least one row must have been written."""
        self._ids.close()
        self._mask.close()
        return EncodedStore(
            self._folder,
            np.frombuffer(self._offsets, dtype=np.int64),
            np.frombuffer(bytes(self._digests), dtype=np.dtype((np.void, _DIGEST_BYTES))),
        )
