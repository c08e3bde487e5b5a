"""Encoded rows on disk, so that memory doesn't grow with the data.

Token ids, target masks and what the rows mean lie in flat files behind memory maps, and so do the
places where rows lie in them, and digests of their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding.encoded import EncodedRow, TargetMask, TokenIds
from gradsentry.file_array import FileArrayWriter, open_new

_IDS, _MASK, _EXAMPLES = "token_ids", "target_mask", "examples"
"""Files of a store."""
_DIGEST_BYTES = 16
_DIGEST = np.dtype((np.void, _DIGEST_BYTES))
_ROWS_AT_ONCE = 16_384


EncodedBatch = Sequence[tuple[TokenIds, TargetMask]]
"""Token ids and target mask of each row of a batch."""


class EncodedStore:
    """Encoded rows, readable by their index in the order of writing."""

    def __init__(self, folder: Path, index: StoreIndex) -> None:
        self._offsets, self._example_offsets = index.offsets, index.example_offsets
        self.digests = index.digests
        """Shape (rows,): one digest of token ids and target mask a row."""
        self.starts = index.starts
        """Shape (rows,): the position of a row's first character in the document of which it is a
        window; 0 for whole rows."""
        self.lengths = index.lengths
        """Shape (rows,): tokens a row."""
        size = (int(self._offsets[-1]),)
        self._ids = np.memmap(folder / _IDS, np.int32, "r", shape=size)
        self._mask = np.memmap(folder / _MASK, np.bool_, "r", shape=size)
        self._examples = folder / _EXAMPLES

    def __len__(self) -> int:
        return len(self.lengths)

    def row(self, index: int) -> tuple[TokenIds, TargetMask]:
        """Token ids and target mask, both of shape (length,)."""
        span = slice(int(self._offsets[index]), int(self._offsets[index + 1]))
        return self._ids[span], self._mask[span]

    def read(self, indices: NDArray[np.int64]) -> EncodedBatch:
        """Token ids and target masks of some rows."""
        return [self.row(int(index)) for index in indices]

    def examples(self, rows: NDArray[np.int64]) -> Iterator[bytes]:
        """What some rows mean, as it was written; read as a file, so that memory stays small."""
        with self._examples.open("rb") as file:
            for row in rows.tolist():
                start, end = self._example_offsets[row : row + 2].tolist()
                file.seek(start)
                yield file.read(end - start)

    def block(
        self, rows: NDArray[np.int64], start: int | NDArray[np.int64], width: int
    ) -> NDArray[np.int32]:
        """Some tokens of some rows: shape (rows, width), -1 behind a row's end.

        **Arguments:**

        - `start`: the first of them, of all rows or of each.
        """
        tokens = np.full((len(rows), width), -1, np.int32)
        starts = np.broadcast_to(start, len(rows))
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = slice(first, first + _ROWS_AT_ONCE)
            columns = starts[some, np.newaxis] + np.arange(width)
            inside = columns < self.lengths[rows[some], np.newaxis]
            places = (self._offsets[rows[some], np.newaxis] + columns)[inside]
            tokens[some][inside] = self._ids[places]
        return tokens


@dataclass(frozen=True, eq=False)
class StoreIndex:
    """Where a store's rows lie, and what tells them apart."""

    offsets: NDArray[np.int64]
    """Shape (rows + 1,): where a row's tokens start, and the end."""
    lengths: NDArray[np.int32]
    """Shape (rows,)."""
    example_offsets: NDArray[np.int64]
    """Shape (rows + 1,): where the bytes of what it means start."""
    starts: NDArray[np.int64]
    """Shape (rows,)."""
    digests: NDArray[np.void]
    """Shape (rows,)."""


class EncodedWriter:
    """Appends encoded rows to a store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = [open_new(folder / name) for name in (_IDS, _MASK, _EXAMPLES)]
        self._tokens = self._bytes = 0
        self._offsets = FileArrayWriter(folder / "offsets", np.int64)
        self._lengths = FileArrayWriter(folder / "lengths", np.int32)
        self._example_offsets = FileArrayWriter(folder / "example_offsets", np.int64)
        self._starts = FileArrayWriter(folder / "starts", np.int64)
        self._digests = FileArrayWriter(folder / "digests", _DIGEST)
        self._offsets.append(0)
        self._example_offsets.append(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def append(
        self, row: EncodedRow, beyond: bytes = b"", example: bytes = b"", start: int = 0
    ) -> None:
        """Write one row.

        **Arguments:**

        - `beyond`: what tells rows apart whose encodings are the same, if that matters.
        - `example`: what the row means, as far as it was encoded.
        - `start`: as in `EncodedStore.starts`.
        """
        for file, part in zip(
            self._files, (row.token_ids.tobytes(), row.target_mask.tobytes(), example), strict=True
        ):
            file.write(part)
        self._tokens += len(row.token_ids)
        self._bytes += len(example)
        self._offsets.append(self._tokens)
        self._lengths.append(len(row.token_ids))
        self._example_offsets.append(self._bytes)
        self._starts.append(start)
        digest = content_digest(row.token_ids, row.target_mask, beyond)
        self._digests.extend(np.frombuffer(digest, _DIGEST))

    def finish(self) -> EncodedStore:
        """Close the files and open them for reading. At least one row must have been written."""
        self._close()
        return EncodedStore(
            self._folder,
            StoreIndex(
                self._offsets.finish(),
                self._lengths.finish(),
                self._example_offsets.finish(),
                self._starts.finish(),
                self._digests.finish(),
            ),
        )

    def _close(self) -> None:
        for file in self._files:
            file.close()
        arrays = self._offsets, self._lengths, self._example_offsets, self._starts, self._digests
        for array in arrays:
            array.close()


def content_digest(ids: TokenIds, mask: TargetMask, beyond: bytes = b"") -> bytes:
    """What tells a row's encoding from others: 16 bytes."""
    content = ids.tobytes() + mask.tobytes() + beyond
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
