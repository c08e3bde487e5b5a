"""The rows of an earlier scan, opened when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gradsentry.errors import InputError
from gradsentry.records import BoolArray, Example, Layout, Record, Source
from gradsentry.records.data_options import DataOptions
from gradsentry.records.open_data import open_data


@dataclass(frozen=True)
class ReopenedRows:
    """A source that is opened late, and compared with what was scanned."""

    label: str
    files: tuple[Path, ...]
    """That they were read from; none for rows that weren't in files."""
    known_digest: str | None
    data_options: DataOptions
    given: object
    """The data, if the caller named them."""

    @cached_property
    def opened(self) -> tuple[Source, Layout]:
        """The source, and the layout of its rows.

        **Raises:**

        `InputError` if they aren't there any more.
        """
        if self.given is None and not (self.files and all(path.exists() for path in self.files)):
            raise InputError(
                f"{self.label}: the rows aren't where they were when they were scanned.",
                "Name the data: gradsentry.load(folder, data=...).",
            )
        named = list(map(str, self.files)) if self.given is None else self.given
        source, layout, _ = open_data(named, self.data_options)
        return source, layout

    @property
    def paths(self) -> Sequence[Path]:
        return self.opened[0].paths if self.given is not None else self.files

    @property
    def digest(self) -> str | None:
        return None if self.known_digest is None else self.known_digest.partition(":")[2]

    def records(self) -> Iterator[Record]:
        source = self.opened[0]
        yield from source.records()
        self._check_same(source)

    def check_writable(self) -> None:
        self.opened[0].check_writable()

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        source = self.opened[0]
        self._check_count(source, next(iter(parts.values())))
        files = source.write(folder, parts)
        self._check_same(source)
        return files

    def select(self, mask: BoolArray) -> object:
        source = self.opened[0]
        self._check_count(source, mask)
        return source.select(mask)

    def _check_count(self, source: Source, mask: BoolArray) -> None:
        """Compare the number of rows, where no digest will tell."""
        if self.digest is None and sum(1 for _ in source.records()) != len(mask):
            raise self._changed()

    def _check_same(self, source: Source) -> None:
        """Compare what was read with what was scanned, where files tell."""
        if None not in (source.digest, self.digest) and source.digest != self.digest:
            raise self._changed()

    def _changed(self) -> InputError:
        return InputError(
            f"{self.label}: these aren't the rows that were scanned.",
            "Name the data as they were: gradsentry.load(folder, data=...), or scan again.",
        )


@dataclass(frozen=True)
class ReopenedLayout:
    """How such rows are read."""

    rows: ReopenedRows

    def example(self, record: Record) -> Example:
        """What a row means; errors as those of `Layout`."""
        return self.rows.opened[1].example(record)
