"""Scans from and to a real S3-compatible server on this machine."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs
from typer.testing import CliRunner

import gradsentry
from gradsentry import LanguageModel, ScanOptions
from gradsentry.cli import app
from gradsentry.errors import InputError, OutputError
from gradsentry.models import head_states
from gradsentry.records import object_files
from gradsentry.records.open_data import open_source
from tests.object_server import Bucket, serving_bucket
from tests.pipeline.test_scanning import ROWS, Interrupting

pytestmark = pytest.mark.slow

CONTENT = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
OPTIONS = ScanOptions(batch_tokens=200, detector="spectral")
OUT = "s3://bucket/results"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with serving_bucket() as started:
        yield started


def scan(data: Any, model: LanguageModel, **more: Any) -> gradsentry.ScanReport:
    return gradsentry.scan(data, model=model, options=OPTIONS, **more)


def without_times(content: bytes) -> bytes:
    return re.sub(rb'"(date|seconds)": .*', b"", content)


def test_a_scan_from_and_to_a_store_gives_the_bytes_of_a_local_one(
    bucket: Bucket, tiny: LanguageModel, tmp_path: Path
) -> None:
    (tmp_path / "data.jsonl").write_bytes(CONTENT)
    local = scan(tmp_path / "data.jsonl", tiny, out=tmp_path / "local")
    url = bucket.put("in/data.jsonl", CONTENT)
    report = scan(url, tiny, out=OUT)
    assert (report.scores == local.scores).all()
    names = sorted(path.name for path in (tmp_path / "local").iterdir())
    assert bucket.names() == ["in/data.jsonl", *(f"results/{name}" for name in names)]
    for name in names:
        if name.endswith(".jsonl"):
            here = (tmp_path / "local" / name).read_bytes()
            here = here.replace(str(tmp_path / "data.jsonl").encode(), url.encode())
            assert bucket.get(f"results/{name}") == here
    ours = without_times(bucket.get("results/summary.json"))
    theirs = without_times((tmp_path / "local" / "summary.json").read_bytes())
    assert ours == theirs.replace(str(tmp_path / "data.jsonl").encode(), url.encode())
    (tmp_path / "scores").write_bytes(bucket.get("results/scores.parquet"))
    table = pq.read_table(tmp_path / "scores")
    assert set(table["path"].to_pylist()) == {url}
    others = pq.read_table(tmp_path / "local" / "scores.parquet")
    assert table.drop_columns("path") == others.drop_columns("path")

    again = gradsentry.load(OUT)
    assert (again.scores == report.scores).all()
    with pytest.raises(InputError, match="Name the data"):
        _ = again.clean  # results that somebody else wrote must not say what is fetched
    assert len(gradsentry.load(OUT, data=url).clean) == len(report.clean)


def test_several_objects_are_one_data_set(bucket: Bucket) -> None:
    lines = CONTENT.splitlines(keepends=True)
    first = bucket.put("shards/a.jsonl", b"".join(lines[:30]))
    second = bucket.put("shards/b.jsonl", b"".join(lines[30:]))
    for names in ("s3://bucket/shards/*.jsonl", [first, second]):
        source = open_source(names)
        assert source.label == f"{first} and 1 more"
        records = list(source.records())
        assert [record.path for record in records] == [first] * 30 + [second] * 30
    with pytest.raises(InputError, match="no object fits this pattern"):
        open_source("s3://bucket/shards/*.parquet")
    with pytest.raises(InputError, match=r"shards/\*\.parquet"):
        open_source("s3://bucket/shards")
    with pytest.raises(InputError, match="named twice"):
        open_source([first, "s3://bucket/shards/*.jsonl"])


def test_an_interrupted_scan_goes_on(
    bucket: Bucket, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bucket.put("data.jsonl", CONTENT)
    expected = scan(url, tiny)
    with pytest.raises(KeyboardInterrupt):
        scan(url, tiny, out=OUT, progress=Interrupting(25))
    assert bucket.names() == ["data.jsonl"]
    work = tmp_path / "cache" / "object-results"
    assert len(list(work.iterdir())) == 1
    batches = []
    original = head_states.target_states

    def counting(*arguments: Any) -> object:
        batches.append(len(arguments[1]))
        return original(*arguments)

    monkeypatch.setattr(head_states, "target_states", counting)
    assert (scan(url, tiny, out=OUT).scores == expected.scores).all()
    assert 0 < sum(batches) <= len(ROWS) - 25 + max(batches)
    assert not list(work.iterdir())


def test_objects_that_cannot_be_read_are_named(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bucket.put("data.jsonl", CONTENT)
    with pytest.raises(InputError, match=r"s3://other/data\.jsonl: there is no such bucket"):
        open_source("s3://other/data.jsonl")
    with pytest.raises(InputError, match=r"bucket/none\.jsonl: there is no such object"):
        open_source("s3://bucket/none.jsonl")
    with pytest.raises(OutputError, match="there is no such bucket"):
        gradsentry.scan(ROWS, out="s3://other/results")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InputError, match=r"(?s)no credentials.*AWS_ACCESS_KEY_ID"):
        open_source(url)
    with pytest.raises(OutputError, match="no credentials"):
        gradsentry.scan(ROWS, out=OUT)
    with pytest.raises(InputError, match="no credentials"):
        gradsentry.load(OUT)


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_an_object_that_changes_while_it_is_read_is_refused(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    url = bucket.put("data.jsonl", CONTENT)
    original = object_files._copied

    def disturbed(*arguments: Any) -> int:
        copied = original(*arguments)
        if change == "changed":
            bucket.put("data.jsonl", CONTENT[::-1])
        else:
            bucket.delete("data.jsonl")
        return copied

    monkeypatch.setattr(object_files, "_copied", disturbed)
    with pytest.raises(InputError, match=rf"data\.jsonl: the object (was )?{change}"):
        open_source(url)
    assert not list(tmp_path.glob("gradsentry-objects-*"))  # the copy is gone


def test_what_is_there_is_replaced_only_with_force_and_only_if_ours(
    bucket: Bucket, tiny: LanguageModel
) -> None:
    scan(ROWS, tiny, out=OUT)
    before = {key: bucket.get(key) for key in bucket.names()}
    with pytest.raises(OutputError, match="`force`"):
        scan(ROWS, tiny, out=OUT)
    bucket.put("results/notes.txt", b"mine")
    with pytest.raises(OutputError, match=r"notes\.txt was added"):
        scan(ROWS, tiny, out=OUT, force=True)
    bucket.delete("results/notes.txt")
    bucket.put("results/report.html", b"mine")
    with pytest.raises(OutputError, match=r"report\.html was changed"):
        scan(ROWS, tiny, out=OUT, force=True)
    bucket.put("results/report.html", before["results/report.html"])
    report = gradsentry.load(OUT, data=ROWS).rethreshold(0.1)
    report.save(OUT, force=True)
    assert gradsentry.load(OUT).threshold.value == 0.1
    assert sorted(before) == bucket.names()
    with pytest.raises(OutputError, match="this is an object"):
        scan(ROWS, tiny, out=OUT + "/report.html", force=True)
    bucket.put("thesis/draft.tex", b"precious")
    with pytest.raises(OutputError, match="there is no list"):
        scan(ROWS, tiny, out="s3://bucket/thesis", force=True)
    assert bucket.get("thesis/draft.tex") == b"precious"


def test_a_wrong_key_is_told_from_none(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server lets everybody in; the error is the one that s3fs makes of a refusal."""
    url = bucket.put("data.jsonl", CONTENT)

    def refused(*_arguments: object, **_more: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr("s3fs.S3FileSystem.open", refused)
    with pytest.raises(InputError, match=r"(?s)data\.jsonl: the store refuses access.*AWS_PROFILE"):
        open_source(url)


@pytest.mark.parametrize(
    ("now", "change"),
    [(CONTENT.upper(), "changed"), (CONTENT[:150], "changed"), (None, "removed")],
    ids=["changed", "cut short", "removed"],
)
def test_a_change_between_two_blocks_is_seen(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, now: bytes | None, change: str
) -> None:
    """The store itself refuses the second block, as the object isn't the one that was opened."""
    url = bucket.put("data.jsonl", CONTENT)
    original, pieces = object_files._on_disk, 0

    def disturbed(*arguments: Any) -> Any:
        nonlocal pieces
        pieces += 1
        if pieces == 3:
            if now is None:
                bucket.delete("data.jsonl")
            else:
                bucket.put("data.jsonl", now)
        return original(*arguments)

    monkeypatch.setattr(object_files, "_on_disk", disturbed)
    monkeypatch.setattr(object_files, "_CHUNK", 100)
    monkeypatch.setattr(object_files, "_BLOCK", 200)
    with pytest.raises(InputError, match=rf"data\.jsonl: the object (was )?{change}"):
        open_source(url)


@pytest.mark.parametrize("name", ["b.jsonl.gz", "b.jsonl.zst", "b.parquet"])
def test_an_object_whose_upload_broke_off_is_named(
    bucket: Bucket, tiny: LanguageModel, name: str
) -> None:
    """Nothing of it is scanned, and no results appear."""
    if name.endswith(".parquet"):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(ROWS), buffer)
        content = buffer.getvalue()
    else:
        content = pa.compress(CONTENT, "gzip" if name.endswith("gz") else "zstd", asbytes=True)
    bucket.put(f"in/a{name[1:]}", content)
    bucket.put(f"in/{name}", content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"s3://bucket/in/{re.escape(name)}"):
        scan("s3://bucket/in/*", tiny, out=OUT)
    assert not [key for key in bucket.names() if key.startswith("results/")]


@pytest.mark.parametrize("now", [None, CONTENT[:150]], ids=["removed", "cut short"])
def test_a_scan_under_way_needs_the_objects_no_more(
    bucket: Bucket, tiny: LanguageModel, now: bytes | None
) -> None:
    """It reads its own copies, which were whole; whoever needs the rows later finds them gone."""

    class Meanwhile(Interrupting):
        def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
            if name == "Scoring":
                if now is None:
                    bucket.delete("data.jsonl")
                else:
                    bucket.put("data.jsonl", now)

    url = bucket.put("data.jsonl", CONTENT)
    expected = scan(ROWS, tiny)
    assert (scan(url, tiny, out=OUT, progress=Meanwhile(0)).scores == expected.scores).all()
    told = r"there is no such object|not valid JSON"
    with pytest.raises(InputError, match=rf"data\.jsonl.*({told})"):
        _ = gradsentry.load(OUT, data=url).clean


def test_objects_that_are_several_stay_several(bucket: Bucket, tiny: LanguageModel) -> None:
    lines = CONTENT.splitlines(keepends=True)
    bucket.put("in/en/part-0.jsonl", b"".join(lines[:20]))
    bucket.put("in/de/part-0.jsonl", b"".join(lines[20:]))
    scan("s3://bucket/in/**/*.jsonl", tiny, out=OUT)
    names = [key.removeprefix("results/") for key in bucket.names() if "part-0" in key]
    assert {"clean/en/part-0.jsonl", "clean/de/part-0.jsonl"} <= set(names)
    parts = [name for name in names if name.startswith(("clean/", "flagged/"))]
    found = b"".join(bucket.get(f"results/{name}") for name in parts)
    assert sorted(found.splitlines()) == sorted(CONTENT.splitlines())
    scan("s3://bucket/in/**/*.jsonl", tiny, out=OUT, force=True)  # they are known as ours
    bucket.put("results/clean/en/more.jsonl", CONTENT)
    with pytest.raises(OutputError, match=r"clean/en/more\.jsonl was added"):
        scan("s3://bucket/in/**/*.jsonl", tiny, out=OUT, force=True)


@pytest.mark.usefixtures("bucket")
def test_a_store_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(InputError, match=r"(?s)data\.jsonl: the store can't be reached"):
        open_source("s3://bucket/data.jsonl")


def test_the_command_line_takes_urls(bucket: Bucket, tiny_folder: Path) -> None:
    url = bucket.put("data.jsonl", CONTENT)
    arguments = ["scan", url, "--model", str(tiny_folder), "--out", OUT, "--detector", "spectral"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "s3://bucket/results/report.html" in result.output.replace("\n", "")
    assert "results/SHA256SUMS" in bucket.names()


def test_an_upload_that_fails_is_done_again_without_computing_again(
    bucket: Bucket, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("results/", b"")  # as consoles make a "folder"
    original, left = s3fs.S3FileSystem._put_file, 3

    async def failing(*arguments: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionResetError("the line is cut")
        return await original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "_put_file", failing)
        with pytest.raises(OutputError, match="s3://bucket/results: the store can't be reached"):
            scan(ROWS, tiny, out=OUT)
    assert "results/SHA256SUMS" not in bucket.names()
    with pytest.raises(InputError, match="upload isn't done"):
        gradsentry.load(OUT)

    def computed(*_arguments: object) -> None:
        raise AssertionError("it was computed before")

    monkeypatch.setattr(head_states, "target_states", computed)
    report = scan(ROWS, tiny, out=OUT)
    assert (gradsentry.load(OUT).scores == report.scores).all()
    assert "results/SHA256SUMS.uploading" not in bucket.names()


def test_two_scans_of_one_machine_exclude_each_other(bucket: Bucket, tiny: LanguageModel) -> None:
    class Second(Interrupting):
        def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
            if name == "Scoring":
                with pytest.raises(OutputError, match=f"{OUT}: another scan is writing there"):
                    scan(ROWS, tiny, out=OUT)

    scan(ROWS, tiny, out=OUT, progress=Second(0))
    assert "results/SHA256SUMS" in bucket.names()
