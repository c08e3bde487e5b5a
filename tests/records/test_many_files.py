"""Several files, folders of shards, patterns and standard input: one data set each."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.errors import InputError
from gradsentry.records import open_source
from tests.records.rows import mask_of, rows_of

ROWS = [{"prompt": f"p{row}", "response": "ü" * row} for row in range(6)]
LINES = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in ROWS]
BOM = b"\xef\xbb\xbf"


def test_files_are_read_one_after_the_other_and_written_each_for_itself(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(LINES[0] + LINES[1].rstrip())
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(BOM + LINES[2] + b"\n" + LINES[3]))
    source = open_source([tmp_path / "b.jsonl", str(tmp_path / "a.jsonl.gz")])
    assert rows_of(source) == ROWS[:4]
    assert source.paths == [tmp_path / "b.jsonl", tmp_path / "a.jsonl.gz"]
    assert source.label == f"{tmp_path}/b.jsonl and 1 more"
    places = [str(record.location).removeprefix(f"{tmp_path}/") for record in source.records()]
    assert places[1] == "b.jsonl, row 1 (line 2)"
    assert places[3] == "a.jsonl.gz, row 3 (line 3)"
    masks = {"clean": mask_of(4, [0, 2, 3]), "flagged": mask_of(4, [1]), "review": mask_of(4, [])}
    out = tmp_path / "out"
    assert source.write(out, masks) == {"clean": "clean", "flagged": "flagged"}
    assert files_in(out) == {
        "clean/b.jsonl": LINES[0],
        "clean/a.jsonl.gz": (BOM + LINES[2] + LINES[3]),
        "flagged/b.jsonl": LINES[1].rstrip(),
    }
    assert rows_of(open_source(out / "clean", split=None)) == [ROWS[2], ROWS[3], ROWS[0]]


def files_in(folder: Path) -> dict[str, bytes]:
    """The unpacked contents of all files below a folder."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    return {
        name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for name, path in found.items()
    }


def test_errors_count_rows_through_and_lines_in_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"".join(LINES))
    (tmp_path / "b.jsonl").write_bytes(LINES[0] + b"{\n")
    with pytest.raises(InputError, match=r"b\.jsonl, row 7 \(line 2\): not valid JSON"):
        rows_of(open_source([tmp_path / "a.jsonl", tmp_path / "b.jsonl"]))


def test_delimited_files_share_their_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(BOM + b"x,y\r\n1,2")
    (tmp_path / "b.csv").write_bytes(BOM + b'"x",y\n3,"4\n5"\n')
    source = open_source([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert rows_of(source) == [{"x": "1", "y": "2"}, {"x": "3", "y": "4\n5"}]
    source.write(tmp_path, {"clean": mask_of(2, [0, 1])})
    assert (tmp_path / "clean/a.csv").read_bytes() == BOM + b"x,y\r\n1,2"
    assert (tmp_path / "clean/b.csv").read_bytes() == BOM + b'"x",y\n3,"4\n5"\n'
    (tmp_path / "c.csv").write_text("y,x\n3,4\n")
    with pytest.raises(InputError, match=r"c\.csv: its columns aren't those of .*a\.csv"):
        open_source([tmp_path / "a.csv", tmp_path / "c.csv"])


def test_each_array_stays_one(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(ROWS[:2], indent=2))
    (tmp_path / "b.json").write_text(json.dumps(ROWS[2:]))
    source = open_source([tmp_path / "a.json", tmp_path / "b.json"])
    source.write(tmp_path, {"clean": mask_of(6, [1, 2, 5])})
    assert json.loads((tmp_path / "clean/a.json").read_bytes()) == [ROWS[1]]
    assert json.loads((tmp_path / "clean/b.json").read_bytes()) == [ROWS[2], ROWS[5]]


def test_parquet_shards_share_their_columns(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table[:2], tmp_path / "a.parquet")
    pq.write_table(table[2:], tmp_path / "b.parquet")
    source = open_source([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert rows_of(source) == ROWS
    source.write(tmp_path, {"clean": mask_of(6, [0, 5]), "flagged": mask_of(6, [2, 3])})
    assert pq.read_table(tmp_path / "clean/a.parquet").to_pylist() == [ROWS[0]]
    assert pq.read_table(tmp_path / "clean/b.parquet").to_pylist() == [ROWS[5]]
    flagged = tmp_path / "flagged/b.parquet"
    assert pq.read_table(flagged).to_pylist() == ROWS[2:4]
    assert pq.read_schema(flagged) == table.schema
    assert [path.name for path in flagged.parent.iterdir()] == ["b.parquet"]
    pq.write_table(table.select(["prompt"]), tmp_path / "c.parquet")
    with pytest.raises(InputError, match=r"c\.parquet: its columns aren't those"):
        open_source([tmp_path / "a.parquet", tmp_path / "c.parquet"])


def test_names_that_make_no_data_set_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES[0])
    (tmp_path / "a.csv").write_text("prompt\nx\n")
    a = tmp_path / "a.jsonl"
    for names, said in (
        ([a, tmp_path / "a.csv"], r"a\.csv: CSV, and .*a\.jsonl is JSONL"),
        ([a, a], "named twice"),
        ([a, tmp_path / "nowhere.jsonl"], r"nowhere\.jsonl: no such file"),
        ([a, "owner/name"], "owner/name: no such file"),
        ([a, tmp_path], "directory|suffix"),
        ([a, "-"], "stands alone"),
    ):
        with pytest.raises(InputError, match=said):
            open_source(names)


def test_a_pattern_stands_for_its_files_in_order(tmp_path: Path) -> None:
    for name, line in (("b", LINES[1]), ("a", LINES[0])):
        (tmp_path / f"{name}.jsonl").write_bytes(line)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/d.jsonl").write_bytes(LINES[2])
    (tmp_path / "[x].jsonl").write_bytes(LINES[5])
    assert rows_of(open_source(f"{tmp_path}/?.jsonl")) == ROWS[:2]
    assert rows_of(open_source(f"{tmp_path}/**/d.jsonl")) == [ROWS[2]]
    assert rows_of(open_source(tmp_path / "[x].jsonl")) == [ROWS[5]]  # there is such a file
    with pytest.raises(InputError, match="no such file"):
        open_source(f"{tmp_path}/*.csv")


def test_a_folder_of_shards_is_one_data_set_whatever_its_metadata_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    table = pa.Table.from_pylist(ROWS)
    for shard in range(3):
        name = f"train-0000{shard}-of-00003.parquet"
        pq.write_table(table[2 * shard : 2 * shard + 2], data / name)
    pq.write_table(table[:1], data / "test-00000-of-00001.parquet")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: hf://datasets/a/b/c.jsonl\n---\n"
    )
    infos = {"default": {"download_checksums": {"https://example.org/a.jsonl": {}}}}
    (tmp_path / "dataset_infos.json").write_text(json.dumps(infos))
    (tmp_path / "load.py").write_text("raise SystemExit\n")
    (tmp_path / ".hidden.jsonl").write_text("no row\n")
    assert rows_of(open_source(tmp_path)) == ROWS
    assert rows_of(open_source(tmp_path, split="test")) == ROWS[:1]
    with pytest.raises(InputError, match=r"its splits are test, train\.\n.*`split`"):
        open_source(tmp_path, split="validation")


def test_it_must_be_clear_which_files_are_meant(tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_bytes(LINES[0])
    assert rows_of(open_source(tmp_path)) == ROWS[:1]
    (tmp_path / "eval.jsonl").write_bytes(LINES[1])
    with pytest.raises(InputError, match="its splits are validation, test"):
        open_source(tmp_path)
    (tmp_path / "train.jsonl").write_bytes(LINES[2])
    assert rows_of(open_source(tmp_path)) == [ROWS[2]]
    (tmp_path / "training.csv").write_text("prompt\nx\n")
    with pytest.raises(InputError, match=r"training\.csv: CSV, and .*train\.jsonl is JSONL"):
        open_source(tmp_path)


def test_shards_lie_in_their_folder_or_in_the_cache_of_the_hub(tmp_path: Path) -> None:
    blob = tmp_path / "hub/blobs/0123"
    snapshot = tmp_path / "hub/snapshots/abc"
    for folder in (blob.parent, snapshot):
        folder.mkdir(parents=True)
    blob.write_bytes(LINES[0])
    (snapshot / "train.jsonl").symlink_to(blob)
    assert rows_of(open_source(snapshot)) == ROWS[:1]
    (tmp_path / "secret.jsonl").write_bytes(LINES[1])
    (snapshot / "train2.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with pytest.raises(InputError, match="link that leads out of the folder"):
        open_source(snapshot)


def test_no_shard_is_passed_over_because_its_folder_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.jsonl").write_bytes(LINES[0])
    (tmp_path / "elsewhere/b.jsonl").write_bytes(LINES[1])
    (tmp_path / "data/more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"data/more: this is a link"):
        open_source(tmp_path / "data")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may look into everything")
def test_no_shard_is_passed_over_because_its_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES[0])
    (tmp_path / "more").mkdir(mode=0)
    with pytest.raises(InputError, match="more: can't be read"):
        open_source(tmp_path)


PARQUET = io.BytesIO()
pq.write_table(pa.Table.from_pylist(ROWS), PARQUET)
INPUTS = {
    "clean.jsonl": b"\n" + b"".join(LINES),
    "clean.json": json.dumps(ROWS).encode(),
    "clean.csv": b"".join(
        ",".join(row).encode() + b"\n"
        for row in (["prompt", "response"], *(row.values() for row in ROWS))
    ),
    "clean.tsv": b"prompt\tresponse\n"
    + b"".join("\t".join(row.values()).encode() + b"\n" for row in ROWS),
    "clean.parquet": PARQUET.getvalue(),
    "clean.jsonl.gz": gzip.compress(b"".join(LINES)),
    "clean.jsonl.bz2": bz2.compress(b"".join(LINES)),
    "clean.json.xz": lzma.compress(json.dumps(ROWS).encode()),
    "clean.jsonl.zst": pa.compress(b"".join(LINES), codec="zstd", asbytes=True),
    "clean.parquet.gz": gzip.compress(PARQUET.getvalue()),
}


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("written", INPUTS)
def test_standard_input_is_read_in_the_format_that_it_has(
    written: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(INPUTS[written])))
    source = open_source(name)
    (spooled,) = source.paths
    assert spooled.stat().st_mode & 0o77 == 0
    assert rows_of(source) == rows_of(source) == ROWS
    assert source.label == "standard input"
    assert str(next(iter(source.records())).location).startswith("standard input, row 0")
    assert source.write(tmp_path, {"clean": mask_of(6, range(6))}) == {"clean": written}
    assert rows_of(open_source(tmp_path / written)) == ROWS
    del source
    assert not spooled.exists()


def test_nothing_piped_in_is_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(InputError, match="standard input: the file holds no rows"):
        open_source("-")
