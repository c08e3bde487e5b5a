"""Rows of Arrow tables: measured before Python sees them, and written as they are.

Media are bytes and paths here. Nothing decodes them, opens the paths or embeds what lies there:
`Dataset.to_parquet` and `Dataset.save_to_disk` would.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gradsentry.errors import InputError
from gradsentry.records.compression import Compression
from gradsentry.records.limits import ROW_BYTES, ROW_TEXT, too_many_bytes, too_much_text
from gradsentry.records.part_files import open_part
from gradsentry.records.record import Record
from gradsentry.records.source import BoolArray
from gradsentry.records.watched_file import first_line

BATCH_ROWS = 512
BATCH_BYTES = 16 << 20
"""What a batch of rows may take in memory; a larger row comes alone."""

_ROW_GROUP = 8192

# Of images and sounds a record only shows how they begin: what they are, and that they are there.
_SHOWN_BYTES = 64

Sizes = NDArray[np.int64]


def row_sizes(array: pa.Array, *, text: bool = False) -> Sizes:
    """Shape (rows,): bytes that each row takes when it is decoded, and at least 8 a value.

    **Arguments:**

    - `text`: leave out what is bytes rather than text.

    **Raises:**

    `pa.ArrowInvalid` for offsets that point outside.
    """
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return row_sizes(array.storage, text=text)
    if _is_bytes(kind) and text:
        return np.full(len(array), 8, np.int64)
    if _is_bytes(kind) or _is_text(kind):
        return _filled(pc.binary_length(array)) + 8
    if pa.types.is_dictionary(kind):
        if array.null_count == len(array):
            return np.full(len(array), 8, np.int64)
        return _at(row_sizes(array.dictionary, text=text), _filled(array.indices))
    if pa.types.is_struct(kind):
        sizes = np.full(len(array), 16, np.int64)
        for child in array.flatten():
            sizes += row_sizes(child, text=text)
        return sizes
    if pa.types.is_fixed_size_list(kind):
        inner = row_sizes(array.flatten(), text=text)  # without those of null lists
        counts = np.where(array.is_valid(), kind.list_size, 0)
        return _summed(inner, np.concatenate([[0], np.cumsum(counts)])) + 8
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        offsets = np.asarray(array.offsets, np.int64)
        values = array.values if not pa.types.is_map(kind) else _entries(array)
        return _summed(row_sizes(values, text=text), offsets) + 8
    width = kind.bit_width // 8 if pa.types.is_primitive(kind) else 8
    return np.full(len(array), max(8, width), np.int64)


def _entries(array: pa.MapArray) -> pa.Array:
    return pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind)) or kind == (
        pa.string_view()
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or kind == pa.binary_view()
    )


def _filled(counts: pa.Array) -> Sizes:
    return np.asarray(pc.fill_null(counts, 0), np.int64)


def _at(sizes: Sizes, indices: Sizes) -> Sizes:
    if len(indices) and not 0 <= indices.min() <= indices.max() < len(sizes):
        raise pa.ArrowInvalid("an index points outside")
    return sizes[indices]


def _summed(sizes: Sizes, offsets: Sizes) -> Sizes:
    """Sums between offsets into the values that have these sizes."""
    return np.diff(_at(np.concatenate([[0], np.cumsum(sizes)]), offsets))


def check_sizes(batch: pa.RecordBatch, row: int, label: str) -> Sizes:
    """Shape (rows,): what each row of a batch takes; the batch's first row is number `row`.

    **Raises:**

    `InputError` for a row that is too large.
    """
    sizes: Sizes = np.zeros(batch.num_rows, np.int64)
    texts = np.zeros_like(sizes)
    try:
        for column in batch.columns:
            sizes += row_sizes(column)
            texts += row_sizes(column, text=True)
    except pa.ArrowInvalid as invalid:
        raise InputError(
            f"{label}, row {row} or one soon after: a value can't be read ({first_line(invalid)}).",
            "Write the file again.",
        ) from None
    for limit, found, problem in (
        (ROW_TEXT, texts, too_much_text),
        (ROW_BYTES, sizes, too_many_bytes),
    ):
        if (found > limit).any():
            raise problem(f"{label}, row {row + int(np.argmax(found > limit))}")
    return sizes


def cut_batch(batch: pa.RecordBatch, row: int, label: str) -> Iterator[pa.RecordBatch]:
    """Slices of a batch that are small once decoded; arguments and errors as for
    `check_sizes`."""
    start, total = 0, 0
    for place, size in enumerate(check_sizes(batch, row, label).tolist()):
        if place > start and (total + size > BATCH_BYTES or place - start == BATCH_ROWS):
            yield batch.slice(start, place - start)
            start, total = place, 0
        total += size
    yield batch.slice(start)


def decode_records(
    slices: Iterator[pa.RecordBatch], label: str, features: datasets.Features | None, row: int = 0
) -> Iterator[Record]:
    """The rows of bounded slices; `row` is the first one's number."""
    decoders = {} if features is None else _json_decoders(features)
    for part in slices:
        try:
            columns = {
                name: _shortened(part.column(name)).to_pylist() for name in part.schema.names
            }
            for name, decode in decoders.items():
                columns[name] = [decode(value) for value in columns[name]]
        except (pa.ArrowException, ValueError, OverflowError, RecursionError) as error:
            raise InputError(
                f"{label}, row {row} or one soon after: a value can't be read "
                f"({first_line(error)}).",
                "Write it again with valid UTF-8 and dates, or without this column.",
            ) from None
        size = part.nbytes // max(1, part.num_rows)
        for values in zip(*columns.values(), strict=True):
            fields = dict(zip(columns, values, strict=True))
            yield Record(row, fields, label, size)
            row += 1


def _shortened(array: pa.Array) -> pa.Array:
    """The array with only the beginning of what is bytes; those in lists are left as they are."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        values = _shortened(array.dictionary)
        return pa.DictionaryArray.from_arrays(array.indices, values).dictionary_decode()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pc.binary_slice(array, 0, _SHOWN_BYTES)
    if pa.types.is_struct(kind) and kind.num_fields:
        children = [_shortened(child) for child in array.flatten()]
        names = [kind.field(place).name for place in range(kind.num_fields)]
        return pa.StructArray.from_arrays(children, names=names, mask=array.is_null())
    return array


Decoder = Callable[[Any], Any]


def _json_decoders(features: Mapping[str, Any]) -> dict[str, Decoder]:
    """How to decode the columns that hold JSON as text, which `datasets` shows as objects."""
    found = {name: _json_decoder(feature) for name, feature in features.items()}
    return {name: decode for name, decode in found.items() if decode is not None}


def _json_decoder(feature: Any) -> Decoder | None:
    if isinstance(feature, datasets.Json):
        return (lambda text: None if text is None else json.loads(text)) if feature.decode else None
    if isinstance(feature, Mapping):
        inner = _json_decoders(feature)
        return (lambda value: _decoded_fields(value, inner)) if inner else None
    if isinstance(feature, datasets.List | datasets.LargeList):
        item = _json_decoder(feature.feature)
        if item is not None:
            return lambda values: None if values is None else [item(value) for value in values]
    return None


def _decoded_fields(value: Any, decoders: Mapping[str, Decoder]) -> Any:
    if value is None:
        return None
    return {
        name: decoders[name](item) if name in decoders else item for name, item in value.items()
    }


def read_features(schema: pa.Schema) -> datasets.Features | None:
    """The features that `datasets` has noted in a schema; None if it hasn't, or they are broken."""
    if b"huggingface" not in (schema.metadata or {}):
        return None
    try:
        return datasets.Features.from_arrow_schema(schema)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, pa.ArrowException):
        return None


def write_parquet(
    slices: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    paths: Mapping[str, Path],
    masks: Mapping[str, BoolArray],
    compression: Compression = Compression.NONE,
    *,
    first: int = 0,
    even_empty: bool = True,
) -> int:
    """Write one Parquet file a part: the rows of the slices where its mask (rows,) is true.

    Returns how many rows the slices have.

    **Arguments:**

    - `first`: what the slices' first row is of the masks.
    - `even_empty`: whether a part without rows gets a file, too.
    """
    stop = first
    with contextlib.ExitStack() as stack:
        outputs = {
            part: stack.enter_context(_row_groups(path, schema, compression))
            for part, path in paths.items()
        }
        if even_empty:
            for output in outputs.values():
                output.open()
        for start, part_slice in _numbered(slices, first):
            for part, kept in _kept(part_slice, start, {part: masks[part] for part in paths}):
                outputs[part].add(kept.cast(schema))
            stop = start + part_slice.num_rows
    return stop - first


def _numbered(slices: Iterator[pa.RecordBatch], first: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Slices with the numbers of their first rows."""
    for part_slice in slices:
        yield first, part_slice
        first += part_slice.num_rows


def _kept(
    part_slice: pa.RecordBatch, start: int, masks: Mapping[str, BoolArray]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of a slice that belong to parts, if there are any."""
    for part, mask in masks.items():
        kept = part_slice.filter(pa.array(mask[start : start + part_slice.num_rows]))
        if kept.num_rows > 0:
            yield part, kept


class _RowGroups:
    """A new Parquet file, there from the first row on, in row groups of a size that readers
    like."""

    def __init__(self, path: Path, schema: pa.Schema, compression: Compression) -> None:
        self._path, self._schema, self._compression = path, schema, compression
        self._stack = contextlib.ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._batches: list[pa.RecordBatch] = []

    def open(self) -> pq.ParquetWriter:
        if self._writer is None:
            sink = self._stack.enter_context(open_part(self._path, self._compression))
            self._writer = self._stack.enter_context(pq.ParquetWriter(sink, self._schema))
        return self._writer

    def add(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        rows = sum(batch.num_rows for batch in self._batches)
        size = sum(batch.nbytes for batch in self._batches)
        if rows >= _ROW_GROUP or size >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._batches:
            self.open().write_table(pa.Table.from_batches(self._batches))
            self._batches.clear()

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def _row_groups(path: Path, schema: pa.Schema, compression: Compression) -> Iterator[_RowGroups]:
    groups = _RowGroups(path, schema, compression)
    with contextlib.closing(groups):
        yield groups
        groups.flush()


def write_stream(
    slices: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    folder: Path,
    parts: Mapping[str, str],
    masks: Mapping[str, BoolArray],
) -> None:
    """Write one Arrow stream a part, into the file of `folder` that `parts` names."""
    with contextlib.ExitStack() as stack:
        writers = {}
        for part, name in parts.items():
            sink = stack.enter_context((folder / name).open("wb"))
            writers[part] = stack.enter_context(pa.ipc.new_stream(sink, schema))
        for start, part_slice in _numbered(slices, 0):
            for part, kept in _kept(part_slice, start, masks):
                writers[part].write_batch(kept.cast(schema))


@contextlib.contextmanager
def fitting_dataset(label: str) -> Iterator[None]:
    """JSON and Parquet can hold what a `Dataset` can't, such as several types in one column."""
    try:
        yield
    except (pa.ArrowException, TypeError, ValueError, OverflowError, LookupError) as error:
        raise InputError(
            f"{label}: its rows don't fit into a `Dataset` ({first_line(error)}).",
            "Write the cleaned file with `save` instead; it keeps the rows as they are.",
        ) from None
