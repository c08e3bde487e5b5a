"""Data that isn't one file: folders, the Hugging Face Hub, and objects in memory."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import datasets
import numpy as np
import pyarrow as pa

from gradsentry.errors import InputError
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 512

_MEDIA = (datasets.Image, datasets.Audio, datasets.Video, datasets.Pdf)

# `datasets` raises a LookupError for an incomplete folder, a RuntimeError for a loading script.
_UNREADABLE = (OSError, ValueError, LookupError, RuntimeError, datasets.exceptions.DatasetsError)


@dataclass(frozen=True)
class DatasetTable:
    """A `datasets.Dataset`: given as such, saved in a folder, or from the Hub."""

    dataset: datasets.Dataset
    label: str
    written_as: Literal["folder", "parquet"]

    def records(self) -> Iterator[Record]:
        features = datasets.Features(_undecoded(self.dataset.features))
        row = 0
        for table in self.dataset.with_format("arrow").iter(batch_size=_BATCH):
            try:
                batch = features.decode_batch(table.to_pydict())
            except (pa.ArrowException, ValueError, OverflowError) as error:
                raise InputError(
                    f"{self.label}, row {row} or one soon after: a value can't be read "
                    f"({_first_line(error)}).",
                    "Write it again with valid UTF-8 and dates, or without this column.",
                ) from None
            columns = list(batch)
            for values in zip(*batch.values(), strict=True):
                fields = dict(zip(columns, values, strict=True))
                yield Record(row, fields, f"{self.label}, row {row}")
                row += 1
        if row == 0:
            raise InputError(f"{self.label}: it holds no rows.", "Check that it is the right one.")

    def check_writable(self) -> None:
        """All that a data set may hold can be."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        names = {}
        for part, mask in parts.items():
            selected = self.select(mask)
            if self.written_as == "folder":
                names[part] = part
                # Without a shard, `datasets` couldn't load a part that has no rows.
                selected.save_to_disk(folder / part, num_shards=None if len(selected) else 1)
            else:
                names[part] = f"{part}.parquet"
                selected.to_parquet(folder / names[part])
        return names

    def select(self, mask: BoolArray) -> datasets.Dataset:
        return self.dataset.select(np.flatnonzero(mask))


@dataclass(frozen=True)
class FrameTable:
    """A pandas data frame."""

    frame: pd.DataFrame
    label: str = "the data frame"

    def records(self) -> Iterator[Record]:
        if len(self.frame) == 0:
            raise InputError(f"{self.label}: it holds no rows.", "Check that it is the right one.")
        if not self.frame.columns.is_unique:
            raise InputError(
                f"{self.label}: two columns have the same name.", "Rename one of them."
            )
        for start in range(0, len(self.frame), _BATCH):
            batch = self.frame.iloc[start : start + _BATCH].to_dict("records")
            for row, fields in enumerate(batch, start=start):
                values = {str(name): _plain_value(value) for name, value in fields.items()}
                yield Record(row, values, f"{self.label}, row {row}")

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

    def records(self) -> Iterator[Record]:
        if not self.rows:
            raise InputError(f"{self.label}: there are none.", "Pass at least one row.")
        for row, fields in enumerate(self.rows):
            if not isinstance(fields, Mapping):
                raise InputError(
                    f"{self.label}, row {row}: a {type(fields).__name__} where a dict is needed.",
                    "Pass dicts with named columns.",
                )
            yield Record(row, fields, f"{self.label}, row {row}")

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


def open_folder(path: Path, split: str | None) -> DatasetTable:
    """A folder saved by `datasets`.

    Other folders are refused: their metadata may name files anywhere, and on the network.
    """
    if not ((path / "state.json").exists() or (path / "dataset_dict.json").exists()):
        raise InputError(
            f"{path}: this folder wasn't saved by `datasets`.",
            "Name a file in it, or a folder written by `Dataset.save_to_disk`.",
        )
    try:
        loaded = datasets.load_from_disk(path)
    except _UNREADABLE as error:
        raise InputError(
            f"{path}: the folder can't be read as a data set ({_first_line(error)}).",
            "Write it again with `Dataset.save_to_disk`.",
        ) from None
    return DatasetTable(_one_split(loaded, split, str(path)), str(path), "folder")


def open_hub(name: str, subset: str | None, split: str | None) -> DatasetTable:
    """A data set on the Hugging Face Hub. This goes to the network."""
    try:
        loaded = datasets.load_dataset(name, subset)
    except _UNREADABLE as error:
        raise InputError(
            f"{name}: there is no such file here, and the Hub gave no such data set "
            f"({_first_line(error)}).",
            "Check the path or the id, name a --subset if it has several, and log in with "
            "`hf auth login` if it is private.",
        ) from None
    return DatasetTable(_one_split(loaded, split, name), name, "parquet")


def _one_split(
    loaded: datasets.Dataset | datasets.DatasetDict, split: str | None, label: str
) -> datasets.Dataset:
    if isinstance(loaded, datasets.Dataset):
        if split is not None:
            raise InputError(f"{label}: it has no splits.", "Leave out --split.")
        return loaded
    names = list(loaded)
    if split is None:
        split = "train" if "train" in names else names[0] if len(names) == 1 else None
    if split not in names:
        raise InputError(
            f"{label}: its splits are {', '.join(names)}.", "Choose one of them with --split."
        )
    return loaded[split]


def _undecoded(feature: Any) -> Any:
    """The feature with its media left as stored: only text is scanned, and decoders may lack."""
    if isinstance(feature, Mapping):
        return {name: _undecoded(inner) for name, inner in feature.items()}
    if isinstance(feature, datasets.List | datasets.LargeList):
        return replace(feature, feature=_undecoded(feature.feature))
    return replace(feature, decode=False) if isinstance(feature, _MEDIA) else feature


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
            f"{label}: it can't be written as Parquet ({_first_line(error)}).",
            "Give every column one type, or scan without `out` and use `result.clean`.",
        ) from None


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error  # `datasets` says only there what was wrong with a file
    text = str(cause).strip() or type(cause).__name__
    return text.splitlines()[0]
