"""The rows of an earlier scan, opened when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.errors import InputError
from gradsentry.records import BoolArray, Example, Layout, Record, Source
from gradsentry.records.data_options import DataOptions
from gradsentry.records.open_data import open_data
from gradsentry.report.moved_files import find_files


@dataclass(frozen=True, eq=False)
class ReopenedRows:
    """A source that is opened late, and compared with what was scanned."""

    label: str
    scanned_files: tuple[Path, ...]
    """The files that the rows were read from, where they were; empty if the rows were in memory or
    on the Hub."""
    results: Path
    """The folder of the results, beside which they may lie now."""
    known_digest: str | None
    data_options: DataOptions
    given: object
    """The data, if the caller named them."""
    digests: NDArray[np.uint8]
    """Shape (rows, 16): of the content of each row that was scanned."""

    @cached_property
    def found_files(self) -> tuple[Path, ...] | None:
        """The files where they are now; None if they can't be found, or the rows weren't in any."""
        return find_files(self.scanned_files, self.results)

    @cached_property
    def opened(self) -> tuple[Source, Layout]:
        """The source, and the layout of its rows; every row is as it was when it was scanned.

        **Raises:**

        `InputError` if they aren't there any more, or aren't the same.
        """
        named = self.given
        if named is None:
            if self.found_files is None:
                raise InputError(
                    f"{self.label}: the rows aren't where they were when they were scanned, nor "
                    "where the results are now.",
                    "Name the data with `data`.",
                )
            named = list(map(str, self.found_files))
        source, layout, _ = open_data(named, self._options_for(named))
        row = -1
        for row, record in enumerate(source.records()):
            if row >= len(self.digests) or record.digest != self.digests[row].tobytes():
                raise self._changed(str(record.location))
        if row + 1 != len(self.digests):
            raise self._changed(f"{source.label}, behind row {row}")
        return source, layout

    def _options_for(self, named: object) -> DataOptions:
        """How to read them: files, and rows in memory, are the split that was scanned."""
        is_name = isinstance(named, str | Path)
        if is_name and not Path(str(named)).is_file():
            return self.data_options
        return replace(self.data_options, split=None, subset=None)

    @property
    def paths(self) -> Sequence[Path]:
        if self.given is not None:
            return self.opened[0].paths
        return self.scanned_files if self.found_files is None else self.found_files

    @property
    def digest(self) -> str | None:
        return None if self.known_digest is None else self.known_digest.partition(":")[2]

    def records(self) -> Iterator[Record]:
        return self.opened[0].records()

    def check_writable(self) -> None:
        self.opened[0].check_writable()

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        return self.opened[0].write(folder, parts)

    def select(self, mask: BoolArray) -> object:
        return self.opened[0].select(mask)

    def _changed(self, where: str) -> InputError:
        return InputError(
            f"{where}: these aren't the rows that were scanned.",
            "Name the data as they were with `data`, or scan again.",
        )


@dataclass(frozen=True)
class ReopenedLayout:
    """How such rows are read."""

    rows: ReopenedRows

    def example(self, record: Record) -> Example:
        """What a row means; errors as those of `Layout`."""
        return self.rows.opened[1].example(record)
