"""What broken and hostile data files cost: peak memory above an idle process, and seconds.

    python benchmarks/hostile_input.py [NAME ...]

Makes each file in a temporary folder (3 GB in all), reads it in a process of its own, and prints
what the reader says of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
LIMIT = 300
"""MiB above idle that reading any file may take."""

Make = Callable[[Path], Path]
CASES: dict[str, Make] = {}


def case(make: Make) -> Make:
    """Register a file, under its function's name."""
    CASES[make.__name__.replace("_", " ")] = make
    return make


def _repeated(path: Path, head: bytes, piece: bytes, size: int, tail: bytes = b"") -> Path:
    """A file of `head`, `size` bytes of `piece` over and over, and `tail`."""
    chunk = piece * max(1, MIB // len(piece))
    with gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb") as file:
        file.write(head)
        for _ in range(size // len(chunk)):
            file.write(chunk)
        file.write(tail)
    return path


@case
def a_line_of_1500_mb_gzipped(folder: Path) -> Path:
    return _repeated(folder / "a.jsonl.gz", b'{"text": "', b"x", 1500 * MIB, b'"}\n')


@case
def a_gzip_bomb_of_blank_lines(folder: Path) -> Path:
    return _repeated(folder / "a.jsonl.gz", b"", b"\n", 1500 * MIB)


@case
def a_csv_quote_that_is_not_closed(folder: Path) -> Path:
    return _repeated(folder / "a.csv", b'text\n"', b"some words, and more\n", 208 * MIB)


@case
def a_csv_header_of_8_mb(folder: Path) -> Path:
    names = ",".join(f"{number:x}" for number in range(1_350_000))
    path = folder / "a.csv"
    path.write_text(names + "\n" + "," * (names.count(",")) + "\n")
    return path


@case
def a_broken_array_of_200_mb(folder: Path) -> Path:
    return _repeated(folder / "a.json", b'[{"text": "x" ', b'{"text": "some words"}, ', 200 * MIB)


@case
def an_array_with_an_open_string(folder: Path) -> Path:
    return _repeated(folder / "a.json", b'[{"text": "', b"some words and ", 200 * MIB)


@case
def an_array_of_blanks(folder: Path) -> Path:
    return _repeated(folder / "a.json", b"[", b" ", 500 * MIB)


@case
def a_row_of_empty_lists(folder: Path) -> Path:
    return _repeated(folder / "a.jsonl", b'{"text": [[]', b",[]", 7 * MIB, b"]}\n")


@case
def a_row_of_small_objects(folder: Path) -> Path:
    return _repeated(folder / "a.json", b'[{"text": [0', b',{"":0}', 7 * MIB, b"]}]\n")


@case
def a_row_of_many_keys(folder: Path) -> Path:
    row = {f"{number:x}": 0 for number in range(690_000)}
    path = folder / "a.jsonl"
    path.write_text(json.dumps(row, separators=(",", ":")) + "\n")
    return path


@case
def a_row_of_wide_characters(folder: Path) -> Path:
    head = '{"text": "\U0001f600'.encode()
    return _repeated(folder / "a.jsonl", head, b"x", 7 * MIB, b'"}\n')


@case
def rows_as_large_as_they_may_be(folder: Path) -> Path:
    row = b'{"text": "' + b"x" * (8 * MIB - 32) + b'"}\n'
    return _repeated(folder / "a.jsonl", b"", row, 40 * len(row))


@case
def brackets_without_end(folder: Path) -> Path:
    return _repeated(folder / "a.jsonl", b'{"text": ', b"[", 200 * MIB)


def _parquet(folder: Path, table: pa.Table, **options: object) -> Path:
    path = folder / "a.parquet"
    pq.write_table(table, path, compression="zstd", **options)
    return path


def _same(value: object, rows: int, kind: pa.DataType) -> pa.Array:
    indices = pa.array([0] * rows, pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], kind))


@case
def a_parquet_dictionary_of_60_mb_for_2000_rows(folder: Path) -> Path:
    return _parquet(folder, pa.table({"text": _same("x" * 60_000_000, 2000, pa.string())}))


@case
def a_parquet_dictionary_of_40_mb_for_2000_rows(folder: Path) -> Path:
    return _parquet(folder, pa.table({"text": _same("x" * 40_000_000, 2000, pa.string())}))


@case
def a_parquet_dictionary_of_7_mb_for_2000_rows(folder: Path) -> Path:
    return _parquet(folder, pa.table({"text": _same("x" * 7_000_000, 2000, pa.string())}))


@case
def a_parquet_dictionary_in_lists(folder: Path) -> Path:
    values = _same("x" * 1_000_000, 200_000, pa.string())
    lists = pa.ListArray.from_arrays(pa.array([0, 100_000, 200_000], pa.int32()), values)
    return _parquet(folder, pa.table({"text": lists}))


@case
def a_parquet_dictionary_of_images(folder: Path) -> Path:
    image = _same(b"x" * 40_000_000, 500, pa.binary())
    return _parquet(folder, pa.table({"text": ["a"] * 500, "image": image}))


@case
def parquet_rows_of_30_mb(folder: Path) -> Path:
    path = folder / "a.parquet"
    table = pa.table({"text": ["x" * 30_000_000]})
    with pq.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(40):
            writer.write_table(table)
    return path


@case
def a_parquet_value_of_1_gb(folder: Path) -> Path:
    table = pa.table({"text": ["x" * 1_000_000_000]})
    return _parquet(folder, table, use_dictionary=False)


@case
def a_parquet_list_of_100_million_zeros(folder: Path) -> Path:
    zeros = pa.array([0], pa.int32()).take(pa.nulls(0, pa.int32()))
    zeros = pa.concat_arrays([zeros, pa.repeat(pa.scalar(0, pa.int32()), 100_000_000)])
    lists = pa.ListArray.from_arrays(pa.array([0, 100_000_000], pa.int32()), zeros)
    return _parquet(folder, pa.table({"text": ["a"], "n": lists}))


@case
def parquet_texts_as_deltas(folder: Path) -> Path:
    table = pa.table({"text": ["x" * 1_000_000] * 1000})
    return _parquet(
        folder, table, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}
    )


def _arrow_folder(folder: Path, text: pa.Array) -> Path:
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(folder / "saved")
    path = next((folder / "saved").glob("*.arrow"))
    batch = pa.RecordBatch.from_arrays([text], schema=pa.schema([("text", pa.string())]))
    with pa.ipc.new_stream(path, batch.schema) as writer:
        writer.write_batch(batch)
    return folder / "saved"


@case
def an_arrow_folder_with_absurd_offsets(folder: Path) -> Path:
    path = _arrow_folder(folder, pa.array(["abcd", "efgh"]))
    file = next(path.glob("*.arrow"))
    absurd = struct.pack("<3i", 0, 2_000_000_000, 1_999_999_999)
    file.write_bytes(file.read_bytes().replace(struct.pack("<3i", 0, 4, 8), absurd))
    return path


@case
def an_arrow_row_of_500_mb(folder: Path) -> Path:
    return _arrow_folder(folder, pa.array(["x" * 500_000_000]))


@case
def a_compressed_arrow_folder(folder: Path) -> Path:
    path = _arrow_folder(folder, pa.array(["a"]))
    batch = pa.record_batch({"text": ["x" * 400_000_000]})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(next(path.glob("*.arrow")), batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return path


def peak_mib() -> float:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(path: Path) -> None:
    """Read a file as a scan does, and print peak memory above idle, seconds and what came of it."""
    from gradsentry.errors import GradSentryError
    from gradsentry.records import open_source

    idle, start, rows = peak_mib(), time.monotonic(), 0
    try:
        for _ in open_source(path).records():
            rows += 1
        said = f"{rows} rows"
    except GradSentryError as error:
        said = error.problem.replace(str(path.parent) + "/", "")
    print(json.dumps([peak_mib() - idle, time.monotonic() - start, said]))


def measured(names: list[str]) -> Iterator[tuple[str, float, float, str]]:
    """Each file's peak memory above idle in MiB, seconds, and what the reader said."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            path = subprocess.run(
                [sys.executable, __file__, "--make", name, folder],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.splitlines()[-1]
            ran = subprocess.run(
                [sys.executable, __file__, "--read", path], capture_output=True, text=True
            )
            if ran.returncode:
                yield name, float("nan"), float("nan"), f"died: {ran.stderr[-300:]}"
            else:
                yield name, *json.loads(ran.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, by their names")
    parser.add_argument("--make", nargs=2)
    parser.add_argument("--read", type=Path)
    asked = parser.parse_args()
    if asked.make:
        print(CASES[asked.make[0]](Path(asked.make[1])))
    elif asked.read:
        read(asked.read)
    else:
        print("| file | MiB above idle | seconds | what is said |\n|---|---|---|---|")
        worst = 0.0
        for name, peak, seconds, said in measured(asked.names or list(CASES)):
            print(f"| {name} | {peak:.0f} | {seconds:.1f} | {said[:150]} |", flush=True)
            worst = max(worst, peak)
        sys.exit(worst > LIMIT)


if __name__ == "__main__":
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    main()
