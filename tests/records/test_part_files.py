"""The files that rows are written into: named like the data's, and nowhere else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.records import open_source
from gradsentry.records.compression import Compression
from gradsentry.records.files import open_objects
from gradsentry.records.object_files import ObjectCopy
from gradsentry.records.part_files import part_files, shard_names
from gradsentry.records.source import Source
from gradsentry.records.watched_file import WatchedFile

ROW = {"prompt": "p", "response": "r"}


def objects(urls: list[str], compression: Compression = Compression.NONE) -> list[WatchedFile]:
    """Copies of objects that are called so."""
    return [
        WatchedFile(Path(f"/nowhere/{number:06}"), compression, url, (1, 1), is_fetched=True)
        for number, url in enumerate(urls)
    ]


def names(urls: list[str]) -> list[str]:
    return ["/".join(name) for name in shard_names(objects(urls), "jsonl")]


def written(source: Source, folder: Path) -> dict[str, object]:
    """What the files of the part `clean` hold, when every row is in it."""
    rows = sum(1 for _ in source.records())
    assert source.write(folder, {"clean": np.ones(rows, bool)}) == {"clean": "clean"}
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text())["prompt"]
        for path in files
    }


def put(path: Path, prompt: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**ROW, "prompt": prompt}))
    return path


def test_files_of_one_name_stay_apart_in_their_folders(tmp_path: Path) -> None:
    data = tmp_path / "data"
    put(data / "2024/en/part-0.jsonl", "a")
    put(data / "2024/de/part-0.jsonl", "b")
    put(data / "2023/part-0.jsonl", "c")
    found = {
        "clean/2024/en/part-0.jsonl": "a",
        "clean/2024/de/part-0.jsonl": "b",
        "clean/2023/part-0.jsonl": "c",
    }
    assert written(open_source(data), tmp_path / "folder") == found
    assert written(open_source(f"{data}/**/*.jsonl"), tmp_path / "pattern") == found


def test_names_begin_where_files_are_together_no_more(tmp_path: Path) -> None:
    """However files are named, the same ones get the same names: `gradsentry apply` finds the
    files of a folder one by one."""
    put(tmp_path / "data/train/x/a.jsonl", "a")
    put(tmp_path / "data/train/x/b.jsonl", "b")
    put(tmp_path / "data/test/c.jsonl", "c")
    source = open_source(tmp_path / "data", split="train")
    found = written(source, tmp_path / "first")
    assert found == {"clean/a.jsonl": "a", "clean/b.jsonl": "b"}
    assert written(open_source(list(map(str, source.paths))), tmp_path / "second") == found


def test_a_single_file_stays_one_whatever_names_it(tmp_path: Path) -> None:
    put(tmp_path / "data/deep/part-00017.jsonl", "a")
    mask = {"clean": np.ones(1, bool), "flagged": np.zeros(1, bool)}
    for name in (tmp_path / "data", f"{tmp_path}/data/deep/*.jsonl"):
        parts = open_source(name).write(tmp_path, mask)
        assert parts == {"clean": "clean.jsonl", "flagged": "flagged.jsonl"}
        assert (tmp_path / "flagged.jsonl").read_bytes() == b""


def test_no_way_of_naming_files_leads_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here/below"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    put(tmp_path / "a.jsonl", "a")
    put(here / "b.jsonl", "b")
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "elsewhere/d.jsonl", "d")
    (here / "link").symlink_to(tmp_path / "elsewhere")
    found = written(open_source(["../../a.jsonl", "b.jsonl", "link/d.jsonl"]), tmp_path / "out")
    assert found == {
        "clean/a.jsonl": "a",
        "clean/here/below/b.jsonl": "b",
        "clean/elsewhere/d.jsonl": "d",
    }


def test_a_file_that_is_named_in_two_ways_is_written_twice(tmp_path: Path) -> None:
    put(tmp_path / "a.jsonl", "a")
    (tmp_path / "b").mkdir()
    source = open_source([tmp_path / "a.jsonl", tmp_path / "b/../a.jsonl"])
    assert written(source, tmp_path / "out") == {
        "clean/part-00000.jsonl": "a",
        "clean/part-00001.jsonl": "a",
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("hostile", ["a\nb", "a\x1b[31mb", "a\u202eb", os.fsdecode(b"\xff")])
def test_names_that_hide_something_are_numbers(hostile: str, tmp_path: Path) -> None:
    put(tmp_path / f"data/{hostile}.jsonl", "a")
    put(tmp_path / "data/z.jsonl", "b")
    found = written(open_source(tmp_path / "data"), tmp_path / "out")
    assert set(found) == {"clean/part-00000.jsonl", "clean/part-00001.jsonl"}


def test_objects_are_named_below_what_is_common_to_them() -> None:
    assert names(["s3://b/x/1/a.jsonl", "s3://b/x/2/a.jsonl"]) == ["1/a.jsonl", "2/a.jsonl"]
    assert names(["s3://b/a.jsonl", "s3://c/a.jsonl"]) == ["b/a.jsonl", "c/a.jsonl"]


@pytest.mark.parametrize(
    "urls",
    [
        ["s3://b/x/../../../etc/cron.d/a.jsonl", "s3://b/x/a.jsonl"],
        ["s3://b/x//a.jsonl", "s3://b/x/a.jsonl"],  # an empty part, which no folder has
        ["s3://b/x/./a.jsonl", "s3://b/x/a.jsonl"],
        ["s3://b/a.jsonl", "gs://b/a.jsonl"],
        ["s3://b/x/a.jsonl", "s3://b/x/A.jsonl"],
        ["s3://b/x/\u00e9.jsonl", "s3://b/x/e\u0301.jsonl"],
        ["s3://b/x/a.jsonl", "s3://b/x/a.jsonl/b.jsonl"],  # a file, and a folder of its name
        ["s3://b/x/a.jsonl/", "s3://b/x/b.jsonl"],
        ["s3://b/x/" + "long" * 60 + ".jsonl", "s3://b/x/b.jsonl"],
        ["s3://b/x/" + "deep/" * 300 + "a.jsonl", "s3://b/x/b.jsonl"],
        ["s3://b/x/a\x00.jsonl", "s3://b/x/b.jsonl"],
        ["s3://b/x/_a.jsonl", "s3://b/x/b.jsonl"],  # readers of folders pass over these
        ["s3://b/x/.a/a.jsonl", "s3://b/x/b.jsonl"],
    ],
)
def test_objects_whose_names_are_none_of_files_are_numbered(urls: list[str]) -> None:
    assert names(urls) == ["part-00000.jsonl", "part-00001.jsonl"]


def test_numbers_keep_each_files_compression_and_their_order() -> None:
    files = [*objects(["s3://b//a"]), *objects(["s3://b/c"] * 100_001, Compression.ZSTD)]
    found = shard_names(files, "parquet")
    assert found[0] == ("part-000000.parquet",)
    assert found[-1] == ("part-100001.parquet.zst",)
    assert found == sorted(found)


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8"), max_size=3) | st.just(".."), max_size=4),
        min_size=2,
        max_size=6,
    )
)
def test_no_two_files_are_one_and_none_leads_out(keys: list[list[str]]) -> None:
    files = objects([f"s3://bucket/{'/'.join(key)}" for key in keys])
    folder = Path("/results")
    paths = part_files(folder, {"clean": np.ones(1, bool)}, files, "jsonl").paths
    found = [each["clean"] for each in paths]
    assert len(set(found)) == len(found)
    assert all(os.path.normpath(path) == str(path) for path in found)
    assert all(path.is_relative_to(folder / "clean") and path.parent != folder for path in found)
    assert not {parent for path in found for parent in path.parents} & set(found)


def test_copies_of_objects_are_written_under_their_own_names(tmp_path: Path) -> None:
    copies = [
        ObjectCopy(put(tmp_path / f"{number:06}", prompt), f"s3://b/x/{name}", None)
        for number, (name, prompt) in enumerate([("1/a.jsonl", "a"), ("2/a.jsonl", "b")])
    ]
    found = written(open_objects(copies, "objects"), tmp_path / "out")
    assert found == {"clean/1/a.jsonl": "a", "clean/2/a.jsonl": "b"}
