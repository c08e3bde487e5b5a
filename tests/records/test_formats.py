"""Formats are told from names and beginnings; what isn't as it says is named with its remedy."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from gradsentry.errors import InputError
from gradsentry.records import open_source
from gradsentry.records.data_options import DataOptions
from gradsentry.records.open_data import open_data
from tests.records.rows import mask_of, rows_of

ROWS = [{"prompt": f"p{row}", "response": "ü" * row} for row in range(300)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_come_back_compressed(suffix: str, tmp_path: Path) -> None:
    half = len(LINES) // 2
    packed = PACK[suffix](LINES[:half]) + PACK[suffix](LINES[half:])  # as `cat` joins them
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(packed)
    source = open_source(path)
    assert rows_of(source) == ROWS
    names = source.write(tmp_path, {"clean": mask_of(300, range(300))})
    assert names == {"clean": f"clean.jsonl{suffix}"}
    first = (tmp_path / names["clean"]).read_bytes()
    assert rows_of(open_source(tmp_path / names["clean"])) == ROWS
    source.write(tmp_path, {"clean": mask_of(300, range(300))})
    assert (tmp_path / names["clean"]).read_bytes() == first


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_that_are_cut_or_mixed_up_are_refused(suffix: str, tmp_path: Path) -> None:
    packed = PACK[suffix](LINES)
    path = tmp_path / f"rows.jsonl{suffix}"
    for broken in (packed[:-3], packed[: len(packed) // 2], LINES, packed + b"some more"):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"compressed data is broken|can't be read"):
            rows_of(open_source(path))
    path.with_suffix("").write_bytes(packed)
    with pytest.raises(InputError, match=rf"name doesn't say so(.|\n)*{suffix}"):
        open_source(path.with_suffix(""))


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
def test_a_name_that_says_the_compression_alone_is_told_what_to_add(
    suffix: str, form: str, tmp_path: Path
) -> None:
    text = {"jsonl": LINES, "json": json.dumps(ROWS).encode(), "csv": b"prompt,response\na,b\n"}
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(PACK[suffix](text[form]))
    with pytest.raises(InputError) as caught:
        open_source(path)
    assert "not what is in it" in caught.value.problem
    assert f"rows.{form}{suffix}" in caught.value.remedy
    path.rename(tmp_path / f"rows.{form}{suffix}")
    assert len(rows_of(open_source(tmp_path / f"rows.{form}{suffix}"))) in (1, 300)


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("rows.jsonl", LINES)
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("rows.jsonl"))
    return content.getvalue()


ARCHIVES = {
    "rows.zip": zipped(),
    "rows.jsonl.zip": zipped(),
    "rows.jsonl": zipped(),
    "rows.csv": zipped(),
    "rows.json.gz": gzip.compress(tarred()),
    "rows.tar": tarred(),
    "rows.tar.gz": gzip.compress(tarred()),
    "rows.gz": gzip.compress(tarred()),
    "rows.tgz": gzip.compress(tarred()),
    "rows.7z": b"7z\xbc\xaf\x27\x1c",
    "rows": zipped(),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_are_to_be_unpacked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(ARCHIVES[name])
    with pytest.raises(InputError, match=r"archive(.|\n)*Unpack"):
        open_source(tmp_path / name)


def test_a_mistyped_archive_is_no_data_set_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        open_source("data/rows.zip")


def test_a_compressed_file_may_not_ask_for_any_memory(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    (tmp_path / "rows.jsonl.xz").write_bytes(lzma.compress(LINES, filters=filters))
    with pytest.raises(InputError, match="compressed data"):
        rows_of(open_source(tmp_path / "rows.jsonl.xz"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_other_encodings_are_named_with_the_way_out_of_them(
    name: str, encoding: str, tmp_path: Path
) -> None:
    text = {"rows.jsonl": LINES.decode(), "rows.json": json.dumps(ROWS), "rows.csv": "text\nü\n"}
    (tmp_path / name).write_text(text[name], encoding=encoding)
    with pytest.raises(InputError) as caught:
        open_source(tmp_path / name)
    shown = encoding.upper().replace("-LE", "LE").replace("-BE", "BE")
    assert f"is in {shown}, not in UTF-8" in caught.value.problem
    command = caught.value.remedy.partition("with: ")[2]
    mended = subprocess.run(command, shell=True, capture_output=True, check=True).stdout
    assert mended.removeprefix(codecs.BOM_UTF8).decode() == text[name]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "rows.json", "rows.jsonl.gz"])
def test_an_array_is_read_as_one_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    data = json.dumps(ROWS, indent=1).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    source = open_source(tmp_path / name)
    assert rows_of(source) == ROWS
    names = source.write(tmp_path, {"clean": mask_of(300, [1])})
    assert names["clean"] == "clean.json" + (".gz" if name.endswith("gz") else "")


WRAPPED = [
    {"version": "1.1", "data": ROWS},
    {"data": ROWS},
    {"meta": {"a": [1, {"b": "}"}]}, "rows": ROWS, "more": 1},
]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("value", WRAPPED)
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_rows_under_a_key_are_found_and_the_remedy_extracts_them(
    name: str, value: dict[str, object], indent: int | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(value, indent=indent))
    key = "rows" if "rows" in value else "data"
    with pytest.raises(InputError, match=f"one JSON object, .* under the key '{key}'") as caught:
        open_data(path, DataOptions())
    command = caught.value.remedy.partition("with: ")[2].replace("python", sys.executable, 1)
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert rows_of(open_source(tmp_path / "rows.json")) == ROWS


def test_rows_under_a_key_are_found_in_a_file_too_large_for_a_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"version": "1.1", "data": [{"text": "x" * 100_000}] * 100}))
    with pytest.raises(InputError, match="under the key 'data'"):
        rows_of(open_source(path))


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "value",
    [
        {"prompt": [row["prompt"] for row in ROWS], "response": [row["response"] for row in ROWS]},
        {"instruction": {"0": "a", "1": "b"}, "output": {"0": "c", "1": "d"}},
    ],
)
def test_columns_as_lists_are_named_as_such(
    value: dict[str, object], indent: int | None, tmp_path: Path
) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(value, indent=indent))
    with pytest.raises(InputError, match="holds a list for each column"):
        open_data(tmp_path / "rows.json", DataOptions())


def test_one_row_with_lists_is_a_row(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "x" * 100_000}, {"role": "assistant", "content": "y"}]
    row = {"messages": messages, "tags": []}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    assert rows_of(open_data(tmp_path / "rows.jsonl", DataOptions())[0]) == [row]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt_column": "promt", "response_column": "response"}, "'promt'(.|\n)*'prompt'"),
        ({"prompt_column": "prompt", "response_column": "respones"}, "'respones'(.|\n)*'response'"),
        ({"prompt_template": "{Prompt}", "response_column": "response"}, "'Prompt'(.|\n)*'prompt'"),
        ({"response_column": "n"}, "'n' holds a value of type int"),
    ],
)
def test_a_column_typed_wrong_is_found_at_once(
    options: dict[str, str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "p", "response": "r", "n": 1}\n')
    with pytest.raises(InputError, match=said):
        open_data(tmp_path / "rows.jsonl", DataOptions(**options))


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
@pytest.mark.parametrize("is_list", [True, False])
def test_one_row_with_a_list_of_objects_is_a_row(name: str, is_list: bool, tmp_path: Path) -> None:
    row = {"query": "q", "response": "r", "history": [{"role": "user"}]}
    path = tmp_path / name
    path.write_text(json.dumps([row] if is_list else row))
    for data in (path, [row]):
        with pytest.raises(InputError, match="'history' holds a value of type list"):
            open_data(data, DataOptions())
    rows = [{"version": "1", "data": [{"prompt": "p", "response": "r"}]}]
    with pytest.raises(InputError, match="no known layout"):
        open_data(rows, DataOptions())
    path.write_text(json.dumps(rows))
    with pytest.raises(InputError, match="no known layout"):
        open_data(path, DataOptions())
    path.write_text(json.dumps(rows[0]))
    with pytest.raises(InputError, match="holds its rows under the key 'data'"):
        open_data(path, DataOptions())
