"""Data that isn't in files here: from the Hugging Face Hub, and objects in memory."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pyarrow as pa

from gradsentry.errors import InputError
from gradsentry.records.arrow_folder import choose_split
from gradsentry.records.arrow_rows import (
    BATCH_BYTES,
    BATCH_ROWS,
    cut_batch,
    decode_records,
    write_parquet,
)
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray
from gradsentry.records.watched_file import first_line

if TYPE_CHECKING:
    import pandas as pd

# `datasets` raises a LookupError for an incomplete folder, a RuntimeError for a loading script.
_UNREADABLE = (OSError, ValueError, LookupError, RuntimeError, datasets.exceptions.DatasetsError)


@dataclass(frozen=True)
class DatasetTable:
    """A `datasets.Dataset`: given as such, or from the Hub."""

    dataset: datasets.Dataset
    label: str

    @property
    def paths(self) -> list[Path]:
        return [Path(file["filename"]) for file in self.dataset.cache_files]

    @property
    def digest(self) -> str | None:
        return None

    def records(self) -> Iterator[Record]:
        row = 0
        for batch in self._batches():
            slices = cut_batch(batch, row, self.label)
            yield from decode_records(slices, self.label, self.dataset.features, row)
            row += batch.num_rows
        if row == 0:
            raise InputError(f"{self.label}: it holds no rows.", "Check that it is the right one.")

    def check_writable(self) -> None:
        """All that a data set may hold can be."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        names = {part: f"{part}.parquet" for part in parts}
        paths = {part: folder / name for part, name in names.items()}
        write_parquet(self._slices(), self.dataset.features.arrow_schema, paths, parts)
        return names

    def select(self, mask: BoolArray) -> datasets.Dataset:
        return self.dataset.select(np.flatnonzero(mask))

    def _slices(self) -> Iterator[pa.RecordBatch]:
        row = 0
        for batch in self._batches():
            yield from cut_batch(batch, row, self.label)
            row += batch.num_rows

    def _batches(self) -> Iterator[pa.RecordBatch]:
        data = self.dataset.with_format("arrow")
        row_bytes = data.data.nbytes // max(1, data.data.num_rows)
        for table in data.iter(batch_size=max(1, min(BATCH_ROWS, BATCH_BYTES // (row_bytes + 1)))):
            yield from table.combine_chunks().to_batches()


@dataclass(frozen=True)
class FrameTable:
    """A pandas data frame."""

    frame: pd.DataFrame
    label: str = "the data frame"

    @property
    def paths(self) -> list[Path]:
        return []

    @property
    def digest(self) -> str | None:
        return None

    def records(self) -> Iterator[Record]:
        if len(self.frame) == 0:
            raise InputError(f"{self.label}: it holds no rows.", "Check that it is the right one.")
        if not self.frame.columns.is_unique:
            raise InputError(
                f"{self.label}: two columns have the same name.", "Rename one of them."
            )
        for start in range(0, len(self.frame), BATCH_ROWS):
            batch = self.frame.iloc[start : start + BATCH_ROWS].to_dict("records")
            for row, fields in enumerate(batch, start=start):
                values = {str(name): _plain_value(value) for name, value in fields.items()}
                yield Record(row, values, self.label)

    def check_writable(self) -> None:
        with _as_parquet(self.label):
            pa.Table.from_pandas(self.frame)

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        # A nameless index of numbers only counts the rows; readers would take it for a column.
        frame_index = self.frame.index
        counts = frame_index.dtype.kind in "iu" and frame_index.names == [None]
        index = False if counts else None
        for part, mask in parts.items():
            with _as_parquet(self.label):
                self.select(mask).to_parquet(folder / f"{part}.parquet", index=index)
        return {part: f"{part}.parquet" for part in parts}

    def select(self, mask: BoolArray) -> pd.DataFrame:
        return self.frame[mask]


@dataclass(frozen=True)
class RowList:
    """A list of dicts."""

    rows: Sequence[Mapping[str, object]]
    label: str = "the rows"

    @property
    def paths(self) -> list[Path]:
        return []

    @property
    def digest(self) -> str | None:
        return None

    def records(self) -> Iterator[Record]:
        if not self.rows:
            raise InputError(f"{self.label}: there are none.", "Pass at least one row.")
        for row, fields in enumerate(self.rows):
            if not isinstance(fields, Mapping):
                raise InputError(
                    f"{self.label}, row {row}: a {type(fields).__name__} where a dict is needed.",
                    "Pass dicts with named columns.",
                )
            yield Record(row, fields, self.label)

    def check_writable(self) -> None:
        for row, fields in enumerate(self.rows):
            if isinstance(fields, Mapping):  # others are refused when they are read
                _json_line(fields, f"{self.label}, row {row}")

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        for part, mask in parts.items():
            # "backslashreplace" writes half a surrogate pair as JSON's own escape.
            with (folder / f"{part}.jsonl").open(
                "w", encoding="utf-8", errors="backslashreplace", newline="\n"
            ) as file:
                for fields in self.select(mask):
                    file.write(_json_line(fields, self.label))
        return {part: f"{part}.jsonl" for part in parts}

    def select(self, mask: BoolArray) -> list[Mapping[str, object]]:
        return [fields for fields, kept in zip(self.rows, mask, strict=True) if kept]


def open_hub(name: str, subset: str | None, split: str | None) -> DatasetTable:
    """A data set on the Hugging Face Hub. This goes to the network."""
    try:
        loaded = datasets.load_dataset(name, subset)
    except _UNREADABLE as error:
        raise InputError(
            f"{name}: there is no such file here, and the Hub gave no such data set "
            f"({first_line(error)}).",
            "Check the path or the id, name a `subset` if it has several, and log in with "
            "`hf auth login` if it is private.",
        ) from None
    return DatasetTable(_one_split(loaded, split, name), name)


def _one_split(
    loaded: datasets.Dataset | datasets.DatasetDict, split: str | None, label: str
) -> datasets.Dataset:
    if isinstance(loaded, datasets.Dataset):
        if split is not None:
            raise InputError(f"{label}: it has no splits.", "Leave out `split`.")
        return loaded
    return loaded[choose_split(list(loaded), split, label)]


def _plain_value(value: Any) -> object:
    """Pandas has NaN or NA where a value is missing, and arrays where Parquet has lists."""
    if isinstance(value, Mapping):
        return {name: _plain_value(inner) for name, inner in value.items()}
    if isinstance(value, list | np.ndarray):
        return [_plain_value(inner) for inner in value]
    nan = isinstance(value, float | np.floating) and math.isnan(value)
    return None if nan or type(value).__name__ in {"NAType", "NaTType"} else value


def _json_line(fields: Mapping[str, object], label: str) -> str:
    try:
        return json.dumps(dict(fields), ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{label}: it can't be written as JSON ({error}).",
            "Scan without `out` and use `result.clean`; it returns the rows as they are.",
        ) from None


@contextlib.contextmanager
def _as_parquet(label: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            f"{label}: it can't be written as Parquet ({first_line(error)}).",
            "Give every column one type, or scan without `out` and use `result.clean`.",
        ) from None
