"""Memory is bounded, whatever a file holds; measured in a process of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.errors import InputError
from gradsentry.records import Record, batched, open_source, parquet_file, parquet_pages
from gradsentry.records.limits import ROW_BYTES, ROW_TEXT
from tests.records.rows import mask_of, rows_of

pytestmark = pytest.mark.slow

MIB = 1 << 20
READ = """
import json, resource, sys
from gradsentry.errors import InputError
from gradsentry.records import open_source

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

idle = peak()
try:
    said = sum(1 for _ in open_source(sys.argv[1]).records())
except InputError as error:
    said = error.problem
print(json.dumps([peak() - idle, said]))
"""


def peak_of(path: Path) -> tuple[float, object]:
    """MiB above idle that reading took, and the number of rows or what was said."""
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    peak, said = json.loads(ran.stdout)
    return float(peak), said


def line_in_gzip(folder: Path) -> Path:
    with gzip.open(folder / "a.jsonl.gz", "wb", 1) as file:
        file.write(b'{"text": "')
        for _ in range(600):
            file.write(b"x" * MIB)
    return folder / "a.jsonl.gz"


def open_quote(folder: Path) -> Path:
    (folder / "a.csv").write_bytes(b'text\n"' + b"some words, and more\n" * 6_000_000)
    return folder / "a.csv"


def broken_array(folder: Path) -> Path:
    (folder / "a.json").write_bytes(b'[{"a": "x" ' + b'{"a": "x"}, ' * 12_000_000)
    return folder / "a.json"


def open_string(folder: Path) -> Path:
    (folder / "a.json").write_bytes(b'[{"a": "' + b"x" * 150_000_000)
    return folder / "a.json"


def same(value: object, rows: int, kind: pa.DataType) -> pa.Array:
    indices = pa.array([0] * rows, pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], kind))


def dictionary(folder: Path) -> Path:
    table = pa.table({"text": same("x" * 60_000_000, 2000, pa.string())})
    pq.write_table(table, folder / "a.parquet")
    return folder / "a.parquet"


def dictionary_in_lists(folder: Path) -> Path:
    values = same("x" * 1_000_000, 200_000, pa.string())
    lists = pa.ListArray.from_arrays(pa.array([0, 100_000, 200_000], pa.int32()), values)
    pq.write_table(pa.table({"text": lists}), folder / "a.parquet")
    return folder / "a.parquet"


def zeros(folder: Path) -> Path:
    numbers = pa.repeat(pa.scalar(0, pa.int32()), 30_000_000)
    lists = pa.ListArray.from_arrays(pa.array([0, 30_000_000], pa.int32()), numbers)
    pq.write_table(pa.table({"text": ["a"], "n": lists}), folder / "a.parquet")
    return folder / "a.parquet"


HOSTILE = [line_in_gzip, open_quote, broken_array, open_string]
HOSTILE += [dictionary, dictionary_in_lists, zeros]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is in kB on Linux")
@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_memory(make: object, tmp_path: Path) -> None:
    peak, said = peak_of(make(tmp_path))  # type: ignore[operator]
    assert isinstance(said, str), f"read {said} rows"
    assert peak < 300


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is in kB on Linux")
@pytest.mark.parametrize(
    "row",
    [b'{"text": [0' + b',{"":0}' * 1_190_000 + b"]}", '{"text": "😀'.encode() + b"x" * 8_388_500],
)
def test_the_largest_rows_are_read_in_bounded_memory(row: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        (row.removesuffix(b'"}') + (b"" if row.endswith(b"}") else b'"}') + b"\n") * 2
    )
    peak, said = peak_of(tmp_path / "a.jsonl")
    assert said == 2
    assert peak < 300


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_row_may_be_as_large_as_the_limit_says_and_no_larger(name: str, tmp_path: Path) -> None:
    frame = {
        "a.jsonl": (b"", b'{"text": "', b'"}\n'),
        "a.json": (b"[", b'{"text": "', b'"}'),
        "a.csv": (b"text\n", b'"', b'"\n'),
    }
    head, start, end = frame[name]
    tail = b"]" if name == "a.json" else b""
    for excess in (0, 1):
        text = b"x" * (ROW_TEXT - len(start) - len(end) + excess)
        (tmp_path / name).write_bytes(head + start + text + end + tail)
        source = open_source(tmp_path / name)
        if excess:
            with pytest.raises(InputError, match=r"more than 8 MiB of text"):
                rows_of(source)
        else:
            assert rows_of(source) == [{"text": text.decode()}]


def test_rows_of_tables_have_the_same_limit_and_a_larger_one_with_images(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for text, image, said in (
        (ROW_TEXT - 64, ROW_BYTES // 2, None),
        (ROW_TEXT, 1, "row 1: the row holds more than 8 MiB of text"),
        (1, ROW_BYTES, "row 1: the row holds more than 64 MiB"),
    ):
        table = pa.table({"text": ["a", "x" * text], "image": [b"a", b"\x9f\x80" * (image // 2)]})
        pq.write_table(table, path, compression="none")
        source = open_source(path)
        if said is None:
            assert [len(str(row["text"])) for row in rows_of(source)] == [1, text]
            source.write(tmp_path, {"clean": mask_of(2, [1])})
            assert pq.read_table(tmp_path / "clean.parquet").to_pylist() == table[1:].to_pylist()
        else:
            with pytest.raises(InputError, match=said):
                rows_of(source)


def test_a_compressed_parquet_file_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "UNPACKED", MIB)
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(b"PAR1" + b"x" * 2 * MIB))
    with pytest.raises(InputError, match="unpacks to more than"):
        rows_of(open_source(tmp_path / "a.parquet.gz"))


def test_batches_of_rows_are_small_where_rows_are_large() -> None:
    sizes = [10, ROW_TEXT - 10, 1, ROW_TEXT, ROW_TEXT, 1, 1, 1, 1]
    records = [Record(row, {}, "", size) for row, size in enumerate(sizes)]
    batches = [[record.row for record in batch] for batch in batched(iter(records), 3)]
    assert batches == [[0, 1], [2], [3], [4], [5, 6, 7], [8]]


def test_texts_with_their_lengths_in_deltas_are_read_and_written(tmp_path: Path) -> None:
    """As DuckDB writes them; Arrow has no dictionaries for them."""
    table = pa.table({"prompt": ["a", "bc", ""], "response": ["d", None, "e" * 100]})
    encodings = {"prompt": "DELTA_LENGTH_BYTE_ARRAY", "response": "DELTA_LENGTH_BYTE_ARRAY"}
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_dictionary=False, column_encoding=encodings)
    source = open_source(path)
    assert rows_of(source) == table.to_pylist()
    source.write(tmp_path, {"clean": mask_of(3, [0, 2])})
    assert pq.read_table(tmp_path / "clean.parquet").to_pylist() == table.to_pylist()[::2]


def test_large_pages_of_ordinary_texts_are_no_bombs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_pages, "BOMB_BYTES", 1000)
    options: dict[str, object] = {"use_dictionary": False, "data_page_size": MIB}
    for texts in ([str(hash((row, "x"))) for row in range(1000)], ["x" * 20] * 1000):
        pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", **options)
        if len(set(texts)) > 1:
            assert len(rows_of(open_source(tmp_path / "a.parquet"))) == 1000
        else:
            with pytest.raises(InputError, match="pages unpack to"):
                rows_of(open_source(tmp_path / "a.parquet"))
