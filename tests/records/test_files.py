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
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.errors import InputError
from gradsentry.records import part_files, text_rows
from tests.records.rows import mask_of, open_file, rows_of

Rows = list[dict[str, object]]

ROWS: Rows = [
    {"prompt": f"Frage {row}: „Wie, bitte?“", "response": f"Zeile 1\nZeile 2, {'ü' * row}"}
    for row in range(7)
]
PARTS = {"clean": [0, 2, 3, 6], "flagged": [1, 5], "skipped": [4], "nothing": []}
BOM = b"\xef\xbb\xbf"


def json_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def json_array(rows: Rows) -> bytes:
    return json.dumps(rows, indent=1).encode()


def separated(rows: Rows, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([list(rows[0]), *(row.values() for row in rows)])
    return text.getvalue().encode()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


PARQUET = parquet(pa.Table.from_pylist(ROWS))

# File name, content, and the suffix of what is written back.
FORMATS: dict[str, tuple[bytes, str]] = {
    "rows.jsonl": (json_lines(ROWS), ".jsonl"),
    "rows.NDJSON": (json_lines(ROWS), ".jsonl"),
    "array.json": (json_array(ROWS), ".json"),
    "lines.json": (json_lines(ROWS), ".jsonl"),
    "rows.v2.csv": (separated(ROWS), ".csv"),
    "rows.tsv": (separated(ROWS, "\t"), ".tsv"),
    "rows.parquet": (PARQUET, ".parquet"),
    "rows.pq": (PARQUET, ".parquet"),
}
ONE_OF_EACH = ["rows.jsonl", "array.json", "rows.v2.csv", "rows.parquet"]


def place(folder: Path, name: str, content: bytes) -> Path:
    """Write a file; a name that ends in .gz gets its content gzipped."""
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_back_and_splits_into_its_own_format(
    name: str, gz: str, tmp_path: Path
) -> None:
    content, suffix = FORMATS[name]
    source = open_file(place(tmp_path, name + gz, content))
    assert rows_of(source) == rows_of(source) == ROWS
    assert str(next(iter(source.records())).location).startswith(f"{tmp_path / name}{gz}, row 0")
    parts = {part: mask_of(len(ROWS), rows) for part, rows in PARTS.items()}
    written = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        names = source.write(folder, parts)
        assert names == {part: part + suffix + gz for part in PARTS}
        written.append({part: (folder / name).read_bytes() for part, name in names.items()})
    assert written[0] == written[1]
    with pytest.raises(InputError, match="no rows"):  # and valid otherwise
        rows_of(open_file(folder / names.pop("nothing")))
    for part in names:
        assert rows_of(open_file(folder / names[part])) == [ROWS[row] for row in PARTS[part]]
    selected = source.select(parts["flagged"])
    assert isinstance(selected, datasets.Dataset)
    assert selected.to_list() == [ROWS[1], ROWS[5]]


def split_in_two(name: str, content: bytes, rows: Rows, kept: list[bool]) -> list[bytes]:
    """Check that the file reads as `rows`; the bytes of the rows kept, and of the others."""
    with tempfile.TemporaryDirectory() as folder:
        source = open_file(place(Path(folder), name, content))
        assert rows_of(source) == rows
        mask = mask_of(len(kept), [row for row, keep in enumerate(kept) if keep])
        names = source.write(Path(folder), {"clean": mask, "flagged": ~mask})
        return [(Path(folder) / names[part]).read_bytes() for part in ("clean", "flagged")]


def joined(lines: list[bytes], kept: list[bool]) -> list[bytes]:
    """The lines kept, and the others."""
    return [
        b"".join(line for line, keep in zip(lines, kept, strict=True) if keep is part)
        for part in (True, False)
    ]


texts = st.text(max_size=8)
json_objects = st.dictionaries(
    texts, st.one_of(texts, st.none(), st.integers(), st.lists(texts, max_size=2))
)
# (value, its JSON in some spelling, whether it is kept) a row.
spelled_rows = st.lists(
    st.builds(
        lambda row, ascii, marks, kept: (
            row,
            json.dumps(row, ensure_ascii=ascii, separators=marks).encode(),
            kept,
        ),
        json_objects,
        st.booleans(),
        st.sampled_from([(",", ":"), (" , ", " :  ")]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
SpelledRows = list[tuple[dict[str, object], bytes, bool]]
marks = st.sampled_from([b"", BOM])
quick = settings(deadline=None, max_examples=50, database=None)


@quick
@given(
    drawn=spelled_rows,
    pad=st.sampled_from([b"", b"\t "]),
    line_end=st.sampled_from([b"\n", b"\r\n"]),
    blank=st.sampled_from([b"", b"\n", b" \t\r\n"]),
    mark=marks,
    closed=st.booleans(),
)
def test_kept_jsonl_lines_are_byte_for_byte_the_input(
    drawn: SpelledRows, pad: bytes, line_end: bytes, blank: bytes, mark: bytes, closed: bool
) -> None:
    rows, spelled, kept = (list(column) for column in zip(*drawn, strict=True))
    lines = [pad + text + pad + line_end for text in spelled]
    lines[0] = mark + lines[0]
    content = blank.join(lines)
    if not closed:
        content = content.removesuffix(line_end)
        lines[-1] = lines[-1].removesuffix(line_end)
    assert split_in_two("rows.jsonl", content, rows, kept) == joined(lines, kept)


@quick
@given(
    drawn=spelled_rows,
    space=st.sampled_from([b"", b" ", b"\r\n  "]),
    mark=marks,
    read_size=st.integers(1, 9),
)
def test_kept_json_elements_are_byte_for_byte_the_input(
    drawn: SpelledRows, space: bytes, mark: bytes, read_size: int
) -> None:
    rows, spelled, kept = (list(column) for column in zip(*drawn, strict=True))
    content = mark + space.join([b"", b"[", (space + b"," + space).join(spelled), b"]", b""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_rows, "_READ_SIZE", read_size)
        clean, _ = split_in_two("rows.json", content, rows, kept)
    wanted = [text for text, keep in zip(spelled, kept, strict=True) if keep]
    assert clean == b"[\n" + b",\n".join(wanted) + b"\n]\n"


csv_texts = st.text(alphabet='ab,;\t"\n\r é\x00\u2028', max_size=6)


@quick
@given(
    drawn=st.lists(st.tuples(csv_texts, csv_texts, st.booleans()), min_size=1, max_size=5),
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
    suffix=st.sampled_from([".csv", ".tsv"]),
    mark=marks,
    closed=st.booleans(),
)
def test_kept_csv_rows_are_byte_for_byte_the_input(
    drawn: list[tuple[str, str, bool]],
    style: tuple[int, str],
    suffix: str,
    mark: bytes,
    closed: bool,
) -> None:
    quoting, line_end = style
    delimiter = "\t" if suffix == ".tsv" else ","

    def line(*values: str) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerow(
            values
        )
        return text.getvalue().encode()

    header = mark + line("prompt", "a\n2nd, name")
    lines = [line(one, other) for one, other, _ in drawn]
    content = header + b"".join(lines)
    if not closed:
        content = content.removesuffix(line_end.encode())
        lines[-1] = lines[-1].removesuffix(line_end.encode())
    rows: Rows = [{"prompt": one, "a\n2nd, name": other} for one, other, _ in drawn]
    kept = [keep for *_, keep in drawn]
    wanted = [header + part for part in joined(lines, kept)]
    assert split_in_two(f"rows{suffix}", content, rows, kept) == wanted


def test_parquet_keeps_its_schema_in_every_part(tmp_path: Path) -> None:
    message = pa.struct([("role", pa.string()), ("content", pa.large_string())])
    fields = [
        pa.field("messages", pa.list_(message), nullable=False),
        pa.field("scores", pa.list_(pa.list_(pa.float32()))),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
    ]
    rows = [
        {
            "messages": [{"role": "user", "content": "é" * row}] * (row % 3),
            "scores": [[0.5, None], [], None] if row % 2 else None,
            "kind": "ab"[row % 2],
        }
        for row in range(1200)  # several batches
    ]
    schema = pa.schema(fields, metadata={"owner": "us"})
    place(tmp_path, "rows.parquet", parquet(pa.Table.from_pylist(rows, schema=schema)))
    given = pq.read_table(tmp_path / "rows.parquet")
    source = open_file(tmp_path / "rows.parquet")
    assert rows_of(source) == rows
    mask = mask_of(len(rows), range(600, 1200, 7))
    parts = {"clean": mask, "flagged": ~mask}
    names = source.write(tmp_path, parts)
    for part, wanted in parts.items():
        written = pq.read_table(tmp_path / names[part])
        assert written.schema.equals(given.schema, check_metadata=True)
        assert written.to_pylist() == given.filter(pa.array(wanted)).to_pylist()


def test_a_file_written_by_datasets_keeps_its_features(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["a", "b"])}
    )
    data = datasets.Dataset.from_dict({"text": ["x", "y"], "kind": [0, 1]}, features=features)
    data.to_parquet(tmp_path / "rows.parquet")
    selected = open_file(tmp_path / "rows.parquet").select(mask_of(2, [1]))
    assert isinstance(selected, datasets.Dataset)
    assert (selected.features, selected.to_list()) == (features, [{"text": "y", "kind": 1}])


def test_selected_json_rows_keep_columns_that_only_some_rows_have(tmp_path: Path) -> None:
    path = place(tmp_path, "rows.jsonl", b'{"a":"1"}\n{"a":"2","b":"x"}\n{"c":[1]}\n')
    selected = open_file(path).select(mask_of(3, [0, 1]))
    assert isinstance(selected, datasets.Dataset)
    assert selected.to_dict() == {"a": ["1", "2"], "b": [None, "x"], "c": [None, None]}


@pytest.mark.parametrize("value", [b'"x"', b"123456789012345678901234567890", b'"\\ud800"'])
def test_rows_that_no_dataset_can_hold_are_still_written(value: bytes, tmp_path: Path) -> None:
    content = b'{"a":1}\n{"a":' + value + b"}\n"
    source = open_file(place(tmp_path, "rows.jsonl", content))
    with pytest.raises(InputError, match=r"rows\.jsonl: .*Dataset(.|\n)*`save`"):
        source.select(mask_of(2, [0, 1]))
    source.write(tmp_path, {"clean": mask_of(2, [0, 1])})
    assert (tmp_path / "clean.jsonl").read_bytes() == content


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", b'\n{"a":1}\n\n\n{"a":\n'), ("a.csv", b'a,b\n"1\n2",3\n\n4\n')],
)
def test_places_count_all_lines_and_rows_before_a_broken_one_are_read(
    name: str, content: bytes, tmp_path: Path
) -> None:
    records = open_file(place(tmp_path, name, content)).records()
    assert str(next(records).location).endswith(f"{name}, row 0 (line 2)")
    with pytest.raises(InputError, match=r"row 1 \(line 5\)"):
        next(records)


LATIN = "Größe".encode("latin-1")
GZIPPED = gzip.compress(json_lines(ROWS * 50))
DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LONG_NUMBER = b'{"a":' + b"1" * 5000 + b"}"
NO_ROWS = parquet(pa.table({"a": pa.array([], pa.string())}))
DOUBLED = parquet(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["x", "x"]))
NOT_UTF8 = parquet(pa.table({"a": pa.array([b"\xff\xfe"]).view(pa.string())}))
FAR_DATE = parquet(pa.table({"a": pa.array([2**62], pa.timestamp("us"))}))
BROKEN_PAGE = PARQUET[:4] + b"\xff" * 56 + PARQUET[60:]

# Name, content, and what the message must say beside the file's name and a remedy.
BROKEN: list[tuple[str, bytes, str]] = [
    ("a.jsonl", b"", "no rows"),
    ("a.parquet", b"", "no rows"),
    ("a.jsonl.gz", b"", "no rows"),
    ("a.json.gz", b"", "no rows"),
    ("a.jsonl", b"\n \r\n\n", "no rows"),
    ("a.json", b" \n", "no rows"),
    ("a.json", b" [ ] ", "no rows"),
    ("a.csv", b"prompt,response\n", "no rows"),
    ("a.tsv", b"prompt\tresponse", "no rows"),
    ("a.parquet", NO_ROWS, "no rows"),
    ("a.jsonl", b'{"a":1}\n\n{"a" 2}\n{"a":3}\n', "row 1 (line 3): not valid JSON"),
    ("a.jsonl", b'{"a":1}\n{"a":"\x00"}\n', "row 1 (line 2): not valid JSON"),
    ("a.jsonl", DEEP, "row 0 (line 1): not valid JSON (nested too deeply)"),
    ("a.json", b"[{}, " + DEEP + b"]", "row 1: not valid JSON (nested too deeply)"),
    ("a.jsonl", LONG_NUMBER, "row 0 (line 1): not valid JSON (a number is too long)"),
    ("a.json", b"[" + LONG_NUMBER + b"]", "row 0: not valid JSON (a number is too long)"),
    ("a.jsonl", b'{"a":1}\n["x"]\n', "row 1 (line 2): a list where an object"),
    ("a.json", b'[{"a":1}, null]', "row 1 (element 1): a NoneType where an object"),
    ("a.json", b'{\n "a": 1\n}\n', "row 0 (line 1): not valid JSON"),
    ("a.json", b'"prompt"', "neither a JSON array of rows nor JSON lines"),
    ("a.json", b'[{"a":1}, {"a":', "row 1: not valid JSON"),
    ("a.json", b'[{"a":1}', "row 0: not valid JSON (the array is not closed)"),
    ("a.json", b'[{"a":1} ', "row 1: a comma or the array's closing bracket is missing"),
    ("a.json", b'[{"a":1},', "row 1: not valid JSON"),
    ("a.json", b'[{"a":1} {"a":2}]', "row 1: a comma or the array's closing bracket is missing"),
    ("a.json", b'[{"a":1}]\n[{"a":2}]', "ends after row 0, but the file goes on"),
    ("a.jsonl", b'{"a":1}\n{"a":"' + LATIN + b'"}', "line 2: not UTF-8 (byte 9 of the line"),
    ("a.json", b'[{"a":"' + LATIN + b'"}]', "row 0 or a later one: not UTF-8 (0xf6)"),
    ("a.csv", b"a,b\n1,2\n" + LATIN + b",2\n", "line 3: not UTF-8 (byte 3 of the line"),
    ("a.csv", b"a,b\n1,2\n3,4,5\n", "row 1 (line 3): 3 values for 2 columns"),
    ("a.tsv", b"a\tb\n1\n", "row 0 (line 2): 1 values for 2 columns"),
    ("a.csv", b'a,b\n1,2\n3,"4\n5,6\n', "row 1 (line 3): not valid CSV"),
    ("a.csv", b'a,b\n"1"x,2\n', "row 0 (line 2): not valid CSV"),
    ("a.csv", b"a,b\r1,2\r", "(line 1): not valid CSV"),
    ("a.csv", b"\na,b\n1,2\n", "line 1: blank"),
    ("a.csv", b"a,b,a\n1,2,3\n", "same name 'a'"),
    ("a.parquet", DOUBLED, "same name 'x'"),
    ("a.parquet", json_lines(ROWS), "not a readable Parquet file"),
    ("a.parquet", PARQUET[:-9], "not a readable Parquet file"),
    ("a.parquet.gz", b"", "not a readable Parquet file"),
    ("a.parquet", BROKEN_PAGE, "not a readable Parquet file"),
    ("a.parquet", NOT_UTF8, "row 0 or one soon after: a value can't be read"),
    ("a.parquet", FAR_DATE, "row 0 or one soon after: a value can't be read"),
    ("a.txt", b"x", "suffix"),
    ("a", b"x", "suffix"),
    ("a.gz", b"x", "the suffix says how the file is compressed"),
]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        rows_of(open_file(path))
    assert str(path) in caught.value.problem
    assert len(caught.value.remedy) > 10
    return caught.value.problem


@pytest.mark.parametrize(
    ("name", "content", "said"), BROKEN, ids=[f"{name}: {said}" for name, _, said in BROKEN]
)
def test_broken_files_are_refused_with_place_and_remedy(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    assert said in refusal(place(tmp_path, name, content))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json.gz", "a.parquet.gz", "a.csv.gz"])
@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(json_array(ROWS))[:-2],
        GZIPPED[: len(GZIPPED) // 2],
        GZIPPED[:30] + b"\xff" * 30 + GZIPPED[60:],
        json_lines(ROWS),
    ],
    ids=["cut in the checksum", "half", "flipped bytes", "not gzipped"],
)
def test_broken_gzip_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).endswith("the compressed data is broken or incomplete.")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json.gz", "a.parquet", "a.csv"])
def test_missing_files_and_folders_named_like_files_are_refused(name: str, tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / name)
    (tmp_path / name).mkdir()
    assert "can't be read" in refusal(tmp_path / name)
    (tmp_path / "file").write_text("x")
    assert "can't be read" in refusal(tmp_path / "file" / name)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_unreadable_files_are_refused(name: str, tmp_path: Path) -> None:
    path = place(tmp_path, name, FORMATS[name][0])
    path.chmod(0)
    assert "can't be read" in refusal(path)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_file_that_changes_during_the_scan_is_refused(name: str, tmp_path: Path) -> None:
    path = place(tmp_path, name, FORMATS[name][0])
    source = open_file(path)
    os.utime(path, ns=(0, 0))
    mask = mask_of(len(ROWS), [0])
    uses: list[Callable[[], object]] = [
        lambda: rows_of(source),
        lambda: source.write(tmp_path, {"clean": mask}),
        lambda: source.select(mask),
    ]
    for use in uses:
        with pytest.raises(InputError, match="changed during the scan"):
            use()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_full_disk_is_not_blamed_on_the_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    source = open_file(place(tmp_path, name, FORMATS[name][0]))
    monkeypatch.setattr(part_files, "open_write", full)
    with pytest.raises(OSError, match="No space left"):
        source.write(tmp_path, {"clean": mask_of(len(ROWS), [0])})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", '{"a": "x"}\n{"a": "x", "b": {"c": 1, "c": 2}}\n'),
        ("rows.json", '[{"a": "x"}, {"a": "x", "b": {"c": 1, "c": 2}}]'),
    ],
)
def test_a_key_that_comes_twice_is_refused(name: str, content: str, tmp_path: Path) -> None:
    """Parsers differ in which value they take: what is scanned might not be trained on."""
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=r"row 1.*the key 'c' comes twice"):
        list(open_file(tmp_path / name).records())


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.string_view(), ["a", "b", "c"]),
        (pa.list_(pa.string_view()), [["a"], [], ["c"]]),
        (pa.struct({"role": pa.string_view()}), [{"role": "a"}, None, {"role": "c"}]),
    ],
    ids=["plain", "list", "struct"],
)
def test_views_of_strings_are_read_and_written_as_strings(
    kind: pa.DataType, values: list[object], tmp_path: Path
) -> None:
    pq.write_table(pa.table({"text": pa.array(values, kind)}), tmp_path / "rows.parquet")
    source = open_file(tmp_path / "rows.parquet")
    assert [record.fields["text"] for record in source.records()] == values
    source.write(tmp_path, {"clean": mask_of(3, [0, 2])})
    assert pq.read_table(tmp_path / "clean.parquet").to_pydict() == {"text": [values[0], values[2]]}


@pytest.mark.parametrize(
    "metadata", ["{", "[]", '{"index_columns": [{"kind": "range", "name": 1}]}']
)
def test_metadata_that_pandas_did_not_write_are_passed_over(metadata: str, tmp_path: Path) -> None:
    table = pa.table({"text": ["a"]}).replace_schema_metadata({"pandas": metadata})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert rows_of(open_file(tmp_path / "rows.parquet")) == [{"text": "a"}]


def test_an_index_never_hides_a_column(tmp_path: Path) -> None:
    index = {"kind": "range", "name": "text", "start": 0, "stop": 1, "step": 1}
    described = {"pandas": json.dumps({"index_columns": [index]})}
    pq.write_table(
        pa.table({"text": ["a"]}).replace_schema_metadata(described), tmp_path / "rows.parquet"
    )
    with pytest.raises(InputError, match="two columns have the same name 'text'"):
        rows_of(open_file(tmp_path / "rows.parquet"))


def test_what_is_wrong_in_an_element_is_said_before_the_rest_is_read() -> None:
    class Watched(io.BytesIO):
        taken = 0

        def read1(self, size: int | None = -1, /) -> bytes:
            part = super().read1(size)
            self.taken += len(part)
            return part

    file = Watched(b'[{"a": 1, "a": 2}' + b" " * (1 << 24) + b"]")
    with pytest.raises(InputError, match=r"row 0.*comes twice"):
        list(text_rows.read_json_array(file, "rows.json"))
    assert 0 < file.taken < 1 << 22


def test_a_named_index_of_a_frame_stays_with_its_rows(tmp_path: Path) -> None:
    """Pandas stores such an index as a range in the metadata, which filtering would falsify."""
    frame = pd.DataFrame({"id": range(10, 15), "text": list("abcde")}).set_index("id")
    frame.to_parquet(tmp_path / "rows.parquet")
    source = open_file(tmp_path / "rows.parquet")
    source.write(tmp_path, {"flagged": mask_of(5, [1, 3])})
    written = pd.read_parquet(tmp_path / "flagged.parquet")
    assert written.to_dict("list") == {"text": ["b", "d"], "id": [11, 13]}
