"""Folders written by `Dataset.save_to_disk`, read without what their metadata may ask for.

`datasets.load_from_disk` opens whatever files `state.json` names, and saving again embeds files
that images and sounds name. Here data files must lie in the folder, and values stay as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from gradsentry.errors import InputError
from gradsentry.records.arrow_rows import (
    check_sizes,
    cut_batch,
    decode_records,
    fitting_dataset,
    write_stream,
)
from gradsentry.records.arrow_stream import ArrowStream
from gradsentry.records.compression import Compression
from gradsentry.records.limits import ROW_TEXT
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray, joint_digest
from gradsentry.records.watched_file import (
    WatchedFile,
    first_line,
    open_regular,
    reading,
    watch_file,
)

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
METADATA = (_STATE, _INFO, _SPLITS, "dataset_infos.json")
"""Files of `datasets` that hold no rows."""

_STREAM = "data-00000-of-00001.arrow"
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError, pa.ArrowException)


@dataclass(frozen=True)
class ArrowFolder:
    """A data set saved in a folder."""

    folder: Path
    label: str
    files: Sequence[WatchedFile]
    features: datasets.Features
    info: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def paths(self) -> list[Path]:
        return [self.folder]

    @property
    def digest(self) -> str | None:
        return joint_digest([file.seen.digest for file in self.files])

    def records(self) -> Iterator[Record]:
        row = 0
        for batch in self._batches():
            yield from decode_records(
                cut_batch(batch, row, self.label), self.label, self.features, row
            )
            row += batch.num_rows
        if row == 0:
            raise InputError(f"{self.label}: it holds no rows.", "Check that it is the right one.")

    def check_writable(self) -> None:
        """Rows are written as they are read."""

    def write(self, folder: Path, parts: Mapping[str, BoolArray]) -> dict[str, str]:
        names = {part: f"{part}/{_STREAM}" for part in parts}
        for part in parts:
            (folder / part).mkdir(parents=True, exist_ok=True)
        write_stream(self._slices(), self.features.arrow_schema, folder, names, parts)
        for part, name in names.items():
            with (folder / name).open("rb") as file:
                fingerprint = hashlib.file_digest(file, "md5").hexdigest()[:16]
            state = {
                **self.state,
                "_fingerprint": fingerprint,
                "_data_files": [{"filename": _STREAM}],
            }
            _write_json(folder / part / _STATE, state)
            _write_json(folder / part / _INFO, self.info)
        return {part: part for part in parts}

    def select(self, mask: BoolArray) -> datasets.Dataset:
        for _ in self._batches():
            """Look once more that all is as it was: from here on the files are mapped."""
        tables = [datasets.table.MemoryMappedTable.from_file(str(file.path)) for file in self.files]
        with fitting_dataset(self.label):
            table = datasets.table.concat_tables(tables)
            found = datasets.Dataset(table, info=_dataset_info(self.info, self.features))
            return found.select(np.flatnonzero(mask))

    def _slices(self) -> Iterator[pa.RecordBatch]:
        row = 0
        for batch in self._batches():
            yield from cut_batch(batch, row, self.label)
            row += batch.num_rows

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, with nothing in them that points outside or is too large."""
        schema, row = self.features.arrow_schema, 0
        for file in self.files:
            with file.open() as raw:
                stream, rows = ArrowStream(raw, file), 0
                for batch in stream.batches():
                    file.check_row(rows + batch.num_rows - 1)
                    batch.validate()
                    check_sizes(batch, row, self.label)  # before its texts are looked at
                    batch.validate(full=True)
                    rows += batch.num_rows
                    row += batch.num_rows
                    yield batch.select(schema.names).cast(schema)
                file.check_digest(stream.digest(), rows)


def open_split(folder: Path, split: str | None, label: str) -> ArrowFolder:
    """The data set in a folder, or the split of it that is asked for.

    **Raises:**

    `InputError` for metadata that are broken or lead out of the folder.
    """
    if (folder / _SPLITS).exists():
        splits = _read_json(folder / _SPLITS).get("splits")
        if not isinstance(splits, list) or not all(_is_name(name) for name in splits):
            raise _unreadable(folder, f"{_SPLITS} lists no splits")
        chosen = choose_split(splits, split, label)
        if (folder / chosen).is_symlink():
            raise _unreadable(folder, f"its split {chosen} is a link")
        return _open(folder / chosen, f"{label}")
    if split is not None:
        raise InputError(f"{label}: it has no splits.", "Leave out `split`.")
    return _open(folder, label)


def is_saved(folder: Path) -> bool:
    """Whether `datasets` saved a folder."""
    return (folder / _STATE).exists() or (folder / _SPLITS).exists()


def choose_split(names: Sequence[str], asked: str | None, label: str) -> str:
    """The split that is asked for, or the only one, or `train`."""
    chosen = asked
    if chosen is None:
        chosen = "train" if "train" in names else names[0] if len(names) == 1 else None
    if chosen is None or chosen not in names:
        raise InputError(
            f"{label}: its splits are {', '.join(names)}.", "Choose one of them with `split`."
        )
    return chosen


def _open(folder: Path, label: str) -> ArrowFolder:
    state, info = _read_json(folder / _STATE), _read_json(folder / _INFO)
    listed = state.get("_data_files")
    names = [
        entry.get("filename") if isinstance(entry, dict) else None
        for entry in (listed if isinstance(listed, list) else [])
    ]
    if not names or not all(_is_name(name) for name in names):
        raise _unreadable(folder, f"{_STATE} names no data files, or files outside of the folder")
    files = []
    for name in names:
        if (folder / str(name)).is_symlink():
            raise _unreadable(folder, f"its data file {name} is a link")
        files.append(watch_file(folder / str(name), Compression.NONE))
    return ArrowFolder(folder, label, files, _features(folder, info, files), info, state)


def _features(
    folder: Path, info: Mapping[str, Any], files: Sequence[WatchedFile]
) -> datasets.Features:
    """The features of a data set, which must be those of all its files."""
    try:
        stored = [_schema(file) for file in files]
        noted = info.get("features")
        features = (
            datasets.Features.from_arrow_schema(stored[0])
            if noted is None
            else datasets.Features.from_dict(noted)
        )
        wanted = features.arrow_schema
        for schema in stored:
            if set(schema.names) != set(wanted.names) or len(schema) != len(wanted):
                raise ValueError(f"{_INFO} has other columns than its data files")
            for field in schema:
                if field.type != wanted.field(field.name).type:
                    pa.nulls(0, field.type).cast(wanted.field(field.name).type)
    except _BROKEN as error:
        raise _unreadable(folder, first_line(error)) from None
    return features


def _dataset_info(info: Mapping[str, Any], features: datasets.Features) -> datasets.DatasetInfo:
    """What is noted of a data set, as far as it makes sense."""
    try:
        found = datasets.DatasetInfo.from_dict({**info, "features": None})
    except _BROKEN:
        found = datasets.DatasetInfo()
    found.features = features
    return found


def _schema(file: WatchedFile) -> pa.Schema:
    with file.open() as raw:
        return ArrowStream(raw, file).schema


def _is_name(name: object) -> bool:
    """Whether this is the name of something in the folder itself."""
    if not isinstance(name, str) or name in ("", ".", "..") or "\0" in name:
        return False
    return Path(name).name == name


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise _unreadable(path.parent, f"there is no {path.name}")
    with reading(str(path)), open_regular(path, str(path)) as file:
        data = file.read(ROW_TEXT + 1)
    try:
        found = json.loads(data) if len(data) <= ROW_TEXT else None
    except (ValueError, RecursionError) as error:
        raise _unreadable(path.parent, f"{path.name}: {first_line(error)}") from None
    if not isinstance(found, dict):
        raise _unreadable(path.parent, f"{path.name} holds no object")
    return found


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def _unreadable(folder: Path, reason: str) -> InputError:
    return InputError(
        f"{folder}: the folder can't be read as a data set ({reason}).",
        "Write it again with `Dataset.save_to_disk`.",
    )
