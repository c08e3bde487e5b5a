"""Data files: what is read is what was written, and what is kept is what was read."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.errors import InputError
from gradsentry.records import files
from gradsentry.records.files import open_file
from tests.records.rows import mask_of, rows_of

ROWS: list[dict[str, object]] = [
    {"prompt": f"Frage {row}: „Wie, bitte?“", "response": f"Zeile 1\nZeile 2, {'ü' * row}"}
    for row in range(7)
]
PARTS = {"clean": [0, 2, 3, 6], "flagged": [1, 5], "skipped": [4]}

BOM = b"\xef\xbb\xbf"


def json_lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def separated(rows: list[dict[str, object]], delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


# File name, how its rows are written, and the suffix of what is written back.
FORMATS: dict[str, tuple[Callable[[list[dict[str, object]]], bytes], str]] = {
    "rows.jsonl": (json_lines, ".jsonl"),
    "rows.NDJSON": (json_lines, ".jsonl"),
    "array.json": (lambda rows: json.dumps(rows, indent=1).encode(), ".json"),
    "lines.json": (json_lines, ".jsonl"),
    "rows.v2.csv": (lambda rows: separated(rows, ","), ".csv"),
    "rows.tsv": (lambda rows: separated(rows, "\t"), ".tsv"),
    "rows.parquet": (parquet, ".parquet"),
    "rows.pq": (parquet, ".parquet"),
}


def place(folder: Path, name: str, content: bytes) -> Path:
    """Write a file; a name that ends in .gz gets its content gzipped."""
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def split(path: Path, kept: list[bool]) -> tuple[bytes, bytes]:
    """The bytes of the rows kept and of the others."""
    with tempfile.TemporaryDirectory() as folder:
        count = len(kept)
        clean = mask_of(count, [row for row in range(count) if kept[row]])
        names = open_file(path).write(Path(folder), {"clean": clean, "flagged": ~clean})
        return (Path(folder) / names["clean"]).read_bytes(), (
            Path(folder) / names["flagged"]
        ).read_bytes()


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_back_and_splits_into_its_own_format(
    name: str, gz: str, tmp_path: Path
) -> None:
    content_of, suffix = FORMATS[name]
    source = open_file(place(tmp_path, name + gz, content_of(ROWS)))
    assert rows_of(source) == ROWS
    assert rows_of(source) == ROWS  # and may be read again
    first = next(iter(source.records()))
    assert first.place.startswith(f"{tmp_path / name}{gz}, row 0")
    parts = {part: mask_of(len(ROWS), rows) for part, rows in PARTS.items()}
    written = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        names = source.write(folder, parts)
        assert names == {part: part + suffix + gz for part in PARTS}
        written.append({part: (folder / name).read_bytes() for part, name in names.items()})
        for part, rows in PARTS.items():
            assert rows_of(open_file(folder / names[part])) == [ROWS[row] for row in rows]
    assert written[0] == written[1]
    assert source.select(parts["flagged"]).to_list() == [ROWS[1], ROWS[5]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["rows.jsonl", "array.json", "rows.v2.csv", "rows.parquet"])
def test_a_part_without_rows_is_a_valid_file_without_rows(name: str, tmp_path: Path) -> None:
    source = open_file(place(tmp_path, name, FORMATS[name][0](ROWS)))
    names = source.write(tmp_path, {"flagged": mask_of(len(ROWS), [])})
    content = (tmp_path / names["flagged"]).read_bytes()
    if name == "rows.parquet":
        assert pq.read_table(tmp_path / names["flagged"]).schema.names == ["prompt", "response"]
    else:
        header = separated(ROWS, ",").splitlines(keepends=True)[0]
        assert content in (b"", b"[\n\n]\n", header)


texts = st.text(max_size=8)
json_rows = st.lists(
    st.tuples(
        st.dictionaries(
            texts, st.one_of(texts, st.none(), st.integers(), st.lists(texts, max_size=2))
        ),
        st.booleans(),  # escape what isn't ASCII
        st.sampled_from([(",", ":"), (" , ", " :  "), (", ", ": ")]),
        st.sampled_from(["", " ", "\t "]),  # around the object
        st.booleans(),  # kept
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=60, database=None)
@given(
    drawn=json_rows,
    line_end=st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\r\n \t\r\n"]),
    mark=st.sampled_from([b"", BOM]),
    closed=st.booleans(),
)
def test_kept_jsonl_lines_are_byte_for_byte_the_input(
    drawn: list[tuple[dict[str, object], bool, tuple[str, str], str, bool]],
    line_end: bytes,
    mark: bytes,
    closed: bool,
) -> None:
    lines = [
        (pad + json.dumps(row, ensure_ascii=escaped, separators=marks) + pad).encode()
        for row, escaped, marks, pad, _ in drawn
    ]
    lines[0] = mark + lines[0]
    with tempfile.TemporaryDirectory() as folder:
        content = line_end.join(lines) + (line_end if closed else b"")
        path = place(Path(folder), "rows.jsonl", content)
        assert rows_of(open_file(path)) == [row for row, *_ in drawn]
        kept = [item[-1] for item in drawn]
        clean, flagged = split(path, kept)
    # Only the file's last line may lack its end, and gets one.
    own_end = b"\r\n" if line_end.startswith(b"\r") else b"\n"
    ended = [line + own_end for line in lines[:-1]] + [lines[-1] + (own_end if closed else b"\n")]
    assert clean == b"".join(line for line, keep in zip(ended, kept, strict=True) if keep)
    assert flagged == b"".join(line for line, keep in zip(ended, kept, strict=True) if not keep)


@settings(deadline=None, max_examples=60, database=None)
@given(
    drawn=json_rows,
    space=st.sampled_from(["", " ", "\r\n  "]),
    mark=st.sampled_from([b"", BOM]),
    read_size=st.integers(1, 9),
)
def test_kept_json_elements_are_byte_for_byte_the_input(
    drawn: list[tuple[dict[str, object], bool, tuple[str, str], str, bool]],
    space: str,
    mark: bytes,
    read_size: int,
) -> None:
    elements = [
        json.dumps(row, ensure_ascii=escaped, separators=marks) for row, escaped, marks, *_ in drawn
    ]
    comma = f"{space},{space}"
    content = mark + f"{space}[{space}{comma.join(elements)}{space}]{space}".encode()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_READ_SIZE", read_size)
        path = place(Path(folder), "rows.json", content)
        assert rows_of(open_file(path)) == [row for row, *_ in drawn]
        kept = [item[-1] for item in drawn]
        clean, _ = split(path, kept)
    wanted = ",\n".join(text for text, keep in zip(elements, kept, strict=True) if keep)
    assert clean == f"[\n{wanted}\n]\n".encode()


@settings(deadline=None, max_examples=60, database=None)
@given(
    drawn=st.lists(
        st.tuples(
            st.text(alphabet='ab,;\t"\n\r é\x00\u2028', max_size=6),
            st.text(alphabet='ab,;\t"\n\r é\x00\u2028', max_size=6),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
    suffix=st.sampled_from([".csv", ".tsv"]),
    mark=st.sampled_from([b"", BOM]),
    closed=st.booleans(),
)
def test_kept_csv_rows_are_byte_for_byte_the_input(
    drawn: list[tuple[str, str, bool]],
    style: tuple[int, str],
    suffix: str,
    mark: bytes,
    closed: bool,
) -> None:
    def line(values: tuple[str, str]) -> bytes:
        text = io.StringIO()
        csv.writer(
            text,
            delimiter="\t" if suffix == ".tsv" else ",",
            quoting=style[0],
            lineterminator=style[1],
        ).writerow(values)
        return text.getvalue().encode()

    header = mark + line(("prompt", "a\n2nd, name"))
    lines = [line((one, other)) for one, other, _ in drawn]
    content = header + b"".join(lines)
    with tempfile.TemporaryDirectory() as folder:
        path = place(
            Path(folder), f"rows{suffix}", content if closed else content.removesuffix(b"\n")
        )
        wanted = [{"prompt": one, "a\n2nd, name": other} for one, other, _ in drawn]
        if not closed and style[1] == "\r\n":
            path.write_bytes(content.removesuffix(b"\r\n"))
            lines[-1] = lines[-1].removesuffix(b"\r\n") + b"\n"
        assert rows_of(open_file(path)) == wanted
        kept = [keep for *_, keep in drawn]
        clean, flagged = split(path, kept)
    assert clean == header + b"".join(text for text, keep in zip(lines, kept, strict=True) if keep)
    assert flagged == header + b"".join(
        text for text, keep in zip(lines, kept, strict=True) if not keep
    )


def test_parquet_keeps_its_schema_in_every_part(tmp_path: Path) -> None:
    message = pa.struct([("role", pa.string()), ("content", pa.large_string())])
    schema = pa.schema(
        [
            pa.field("messages", pa.list_(message), nullable=False),
            pa.field("scores", pa.list_(pa.list_(pa.float32()))),
            pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
            pa.field("at", pa.timestamp("us", tz="UTC")),
        ],
        metadata={"owner": "us"},
    )
    rows = [
        {
            "messages": [{"role": "user", "content": "é" * row}] * (row % 3),
            "scores": [[0.5, None], [], None] if row % 2 else None,
            "kind": "ab"[row % 2],
            "at": row,
        }
        for row in range(1500)  # several batches
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=400)
    given = pq.read_schema(tmp_path / "rows.parquet")  # Parquet's own names inside lists
    source = open_file(tmp_path / "rows.parquet")
    mask = mask_of(len(rows), range(3, 1500, 7))
    names = source.write(tmp_path, {"clean": mask, "flagged": ~mask})
    for part, wanted in (("clean", mask), ("flagged", ~mask)):
        written = pq.read_table(tmp_path / names[part])
        assert written.schema.equals(given, check_metadata=True)
        assert written.to_pylist() == table.filter(pa.array(wanted)).to_pylist()
    assert rows_of(source) == table.to_pylist()


def test_a_file_written_by_datasets_keeps_its_features(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["a", "b"])}
    )
    data = datasets.Dataset.from_dict({"text": ["x", "y"], "kind": [0, 1]}, features=features)
    data.to_parquet(tmp_path / "rows.parquet")
    selected = open_file(tmp_path / "rows.parquet").select(mask_of(2, [1]))
    assert isinstance(selected, datasets.Dataset)
    assert selected.features == features
    assert selected.to_list() == [{"text": "y", "kind": 1}]


def test_selected_json_rows_keep_columns_that_only_some_rows_have(tmp_path: Path) -> None:
    path = place(tmp_path, "rows.jsonl", b'{"a":"1"}\n{"a":"2","b":"x"}\n{"c":[1]}\n')
    selected = open_file(path).select(mask_of(3, [0, 1]))
    assert selected.to_list() == [  # type: ignore[attr-defined]
        {"a": "1", "b": None, "c": None},
        {"a": "2", "b": "x", "c": None},
    ]


@pytest.mark.parametrize("value", [b'"x"', b"123456789012345678901234567890", b'"\\ud800"'])
def test_rows_that_no_dataset_can_hold_are_still_written(value: bytes, tmp_path: Path) -> None:
    content = b'{"a":1}\n{"a":' + value + b"}\n"
    source = open_file(place(tmp_path, "rows.jsonl", content))
    with pytest.raises(InputError, match=r"rows\.jsonl: .*Dataset(.|\n)*`save`"):
        source.select(mask_of(2, [0, 1]))
    source.write(tmp_path, {"clean": mask_of(2, [0, 1])})
    assert (tmp_path / "clean.jsonl").read_bytes() == content


def test_rows_before_a_broken_one_are_read(tmp_path: Path) -> None:
    records = open_file(place(tmp_path, "rows.jsonl", b'{"a":1}\n{"a":\n')).records()
    assert next(records).fields == {"a": 1}
    with pytest.raises(InputError, match="line 2"):
        next(records)


def test_the_place_of_a_row_counts_all_lines_before_it(tmp_path: Path) -> None:
    jsonl = open_file(place(tmp_path, "rows.jsonl", b'\n{"a":1}\n\n{"a":2}\n'))
    assert [record.place.partition(", ")[2] for record in jsonl.records()] == [
        "row 0 (line 2)",
        "row 1 (line 4)",
    ]
    table = open_file(place(tmp_path, "rows.csv", b'a,b\n"1\n2",3\n\n4,5\n'))
    assert [record.place.partition(", ")[2] for record in table.records()] == [
        "row 0 (line 2)",
        "row 1 (line 5)",
    ]


def flipped_parquet() -> bytes:
    """A Parquet file with a sound footer and a broken page."""
    content = bytearray(parquet(ROWS))
    content[4:60] = b"\xff" * 56
    return bytes(content)


def parquet_of(**columns: pa.Array) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def doubled_columns() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["x", "x"]), sink)
    return sink.getvalue()


LATIN = "Größe".encode("latin-1")
GZIPPED = gzip.compress(json_lines(ROWS * 50))
DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LONG_NUMBER = b'{"a":' + b"1" * 5000 + b"}"

# Name, content, what the message must say beside the file's name and a remedy.
BROKEN: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.jsonl", b"", "no rows"),
    "empty Parquet": ("a.parquet", b"", "no rows"),
    "blank lines": ("a.jsonl", b"\n \r\n\n", "no rows"),
    "blank JSON": ("a.json", b" \n", "no rows"),
    "empty array": ("a.json", b" [ ] ", "no rows"),
    "header only": ("a.csv", b"prompt,response\n", "no rows"),
    "header without line end": ("a.tsv", b"prompt\tresponse", "no rows"),
    "Parquet without rows": ("a.parquet", parquet_of(a=pa.array([], pa.string())), "no rows"),
    "broken line": ("a.jsonl", b'{"a":1}\n\n{"a" 2}\n{"a":3}\n', "row 1 (line 3): not valid JSON"),
    "NUL byte": ("a.jsonl", b'{"a":1}\n{"a":"\x00"}\n', "row 1 (line 2): not valid JSON"),
    "too deep": ("a.jsonl", DEEP, "row 0 (line 1): not valid JSON (nested too deeply)"),
    "too deep in an array": ("a.json", b"[{}, " + DEEP + b"]", "row 1: not valid JSON (nested"),
    "long number": ("a.jsonl", LONG_NUMBER, "row 0 (line 1): not valid JSON (a number is too"),
    "long number in an array": ("a.json", b"[" + LONG_NUMBER + b"]", "row 0: not valid JSON"),
    "a list as a row": ("a.jsonl", b'{"a":1}\n["x"]\n', "row 1 (line 2): a list where an object"),
    "a null as a row": ("a.json", b'[{"a":1}, null]', "row 1 (element 1): a NoneType where"),
    "object over several lines": ("a.json", b'{\n "a": 1\n}\n', "row 0 (line 1): not valid JSON"),
    "text": ("a.json", b'"prompt"', "neither a JSON array of rows nor JSON lines"),
    "cut off in an element": ("a.json", b'[{"a":1}, {"a":', "row 1: not valid JSON"),
    "cut off behind an element": ("a.json", b'[{"a":1}', "row 0: not valid JSON (the array is not"),
    "cut off behind a space": ("a.json", b'[{"a":1} ', "row 1: a comma or the array's closing"),
    "cut off behind a comma": ("a.json", b'[{"a":1},', "row 1: not valid JSON"),
    "no comma": ("a.json", b'[{"a":1} {"a":2}]', "row 1: a comma"),
    "two arrays": ("a.json", b'[{"a":1}]\n[{"a":2}]', "ends after row 0, but the file goes on"),
    "Latin-1 line": ("a.jsonl", b'{"a":1}\n{"a":"' + LATIN + b'"}', "line 2: not UTF-8 (byte 9"),
    "Latin-1 element": ("a.json", b'[{"a":"' + LATIN + b'"}]', "row 0 or a later one: not UTF-8"),
    "Latin-1 value": ("a.csv", b"a,b\n1,2\n" + LATIN + b",2\n", "line 3: not UTF-8 (byte 3"),
    "too many values": ("a.csv", b"a,b\n1,2\n3,4,5\n", "row 1 (line 3): 3 values for 2 columns"),
    "too few values": ("a.tsv", b"a\tb\n1\n", "row 0 (line 2): 1 values for 2 columns"),
    "unclosed quote": ("a.csv", b'a,b\n1,2\n3,"4\n5,6\n', "row 1 (line 3): not valid CSV"),
    "stray quote": ("a.csv", b'a,b\n"1"x,2\n', "row 0 (line 2): not valid CSV"),
    "old Mac line ends": ("a.csv", b"a,b\r1,2\r", "(line 1): not valid CSV"),
    "blank header": ("a.csv", b"\na,b\n1,2\n", "line 1: blank"),
    "doubled column": ("a.csv", b"a,b,a\n1,2,3\n", "same name 'a'"),
    "doubled Parquet column": ("a.parquet", doubled_columns(), "same name 'x'"),
    "no Parquet": ("a.parquet", json_lines(ROWS), "not a readable Parquet file"),
    "cut off Parquet": ("a.parquet", parquet(ROWS)[:-9], "not a readable Parquet file"),
    "empty Parquet inside gzip": ("a.parquet.gz", b"", "not a readable Parquet file"),
    "broken page": ("a.parquet", flipped_parquet(), "can't be read"),
    "Parquet text that isn't UTF-8": (
        "a.parquet",
        parquet_of(a=pa.array([b"\xff\xfe"]).view(pa.string())),
        "row 0 or one soon after: a value can't be read",
    ),
    "a date far away": (
        "a.parquet",
        parquet_of(a=pa.array([2**62], pa.timestamp("us"))),
        "row 0 or one soon after: a value can't be read",
    ),
    "nothing inside gzip": ("a.jsonl.gz", b"", "no rows"),
    "no array inside gzip": ("a.json.gz", b"", "no rows"),
    "unknown suffix": ("a.txt", b"x", "suffix"),
    "no suffix": ("a", b"x", "suffix"),
    "gzip without format": ("a.gz", b"x", "suffix"),
}


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        rows_of(open_file(path))
    assert str(path) in caught.value.problem
    assert len(caught.value.remedy) > 10
    return caught.value.problem


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_files_are_refused_with_place_and_remedy(fault: str, tmp_path: Path) -> None:
    name, content, said = BROKEN[fault]
    assert said in refusal(place(tmp_path, name, content))


@pytest.mark.parametrize(
    "content",
    [
        GZIPPED[:-4],
        GZIPPED[: len(GZIPPED) // 2],
        GZIPPED[:30] + b"\xff" * 30 + GZIPPED[60:],
        json_lines(ROWS),
    ],
    ids=["no checksum", "half", "flipped bytes", "not gzipped"],
)
@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json.gz", "a.parquet.gz", "a.csv.gz"])
def test_broken_gzip_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).endswith("the gzip data is broken or incomplete.")


def test_an_array_whose_gzip_lacks_only_its_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'[{"a":1}]')[:-2])
    assert "gzip" in refusal(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json.gz", "a.parquet", "a.csv"])
def test_missing_files_and_folders_named_like_files_are_refused(name: str, tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / name)
    (tmp_path / name).mkdir()
    assert "can't be read" in refusal(tmp_path / name)
    (tmp_path / "file").write_text("x")
    assert "can't be read" in refusal(tmp_path / "file" / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_unreadable_files_are_refused(name: str, tmp_path: Path) -> None:
    path = place(tmp_path, name, FORMATS[f"rows{Path(name).suffix}"][0](ROWS))
    path.chmod(0)
    assert "can't be read" in refusal(path)


@pytest.mark.parametrize("name", ["rows.jsonl", "array.json", "rows.v2.csv", "rows.parquet"])
def test_a_file_that_changes_during_the_scan_is_refused(name: str, tmp_path: Path) -> None:
    path = place(tmp_path, name, FORMATS[name][0](ROWS))
    source = open_file(path)
    os.utime(path, ns=(0, 0))
    mask = mask_of(len(ROWS), [0])
    for use in (
        lambda: rows_of(source),
        lambda: source.write(tmp_path, {"clean": mask}),
        lambda: source.select(mask),
    ):
        with pytest.raises(InputError, match="changed during the scan"):
            use()


def test_a_full_disk_is_not_blamed_on_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_open_write", full)
    for name in ("rows.jsonl", "rows.parquet"):
        source = open_file(place(tmp_path, name, FORMATS[name][0](ROWS)))
        with pytest.raises(OSError, match="No space left"):
            source.write(tmp_path, {"clean": mask_of(len(ROWS), [0])})
