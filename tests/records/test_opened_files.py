"""What may be opened, and what must still be the same when it is read again."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.errors import InputError
from gradsentry.records import Source, open_source
from tests.records.rows import mask_of, rows_of

ROWS = [{"prompt": f"p{row}", "response": "good"} for row in range(40)]


def jsonl(folder: Path, rows: list[dict[str, str]]) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "rows.jsonl"


def array(folder: Path, rows: list[dict[str, str]]) -> Path:
    (folder / "rows.json").write_text(json.dumps(rows))
    return folder / "rows.json"


def csv(folder: Path, rows: list[dict[str, str]]) -> Path:
    lines = [",".join(row.values()) for row in [{"a": "prompt", "b": "response"}, *rows]]
    (folder / "rows.csv").write_text("\n".join(lines))
    return folder / "rows.csv"


def parquet(folder: Path, rows: list[dict[str, str]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet", use_dictionary=False)
    return folder / "rows.parquet"


def saved(folder: Path, rows: list[dict[str, str]]) -> Path:
    datasets.Dataset.from_list(rows).save_to_disk(folder / "saved")
    return folder / "saved"


FORMATS = [jsonl, array, csv, parquet, saved]
Use = Callable[[Source, Path], object]
USES: list[Use] = [
    lambda source, _: rows_of(source),
    lambda source, folder: source.write(folder / "out", {"clean": mask_of(len(ROWS), [0])}),
    lambda source, _: source.select(mask_of(len(ROWS), [0])),
]


def edited(path: Path, old: bytes, new: bytes) -> None:
    """Change a file's content and put its times back."""
    path = next(path.glob("*.arrow")) if path.is_dir() else path
    status, content = path.stat(), path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("make", FORMATS)
@pytest.mark.parametrize("use", USES)
def test_an_edit_is_noticed_though_size_and_time_are_as_before(
    make: Callable[..., Path], use: Use, tmp_path: Path
) -> None:
    path = make(tmp_path, ROWS)
    (tmp_path / "out").mkdir()
    source = open_source(path)
    assert source.digest is None
    rows_of(source)
    digest = source.digest
    use(source, tmp_path)
    assert source.digest == digest is not None
    edited(path, b"good", b"evil")
    with pytest.raises(InputError, match="changed during the scan"):
        use(source, tmp_path)


@pytest.mark.parametrize("make", [jsonl, array, csv])
def test_rows_that_came_in_later_are_noticed_before_anyone_sees_them(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    """Masks have an entry for each row that was read first."""
    padded = [*ROWS[:-1], {"prompt": "p" * 40, "response": "x" * 40}]
    path = make(tmp_path, padded)
    source = open_source(path)
    rows_of(source)
    status = path.stat()
    make(tmp_path, [*padded[:-1], *ROWS[:1] * 2])
    path.write_bytes(path.read_bytes().ljust(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(InputError, match="changed during the scan"):
        source.write(tmp_path, {"clean": np.ones(len(ROWS), dtype=bool)})


def test_the_digest_is_that_of_all_files(tmp_path: Path) -> None:
    one, other = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    one.write_text('{"text": "a"}\n')
    other.write_text('{"text": "b"}\n')
    digests = set()
    for names in ([one], [other], [one, other], [other, one]):
        source = open_source(names)
        rows_of(source)
        digests.add(source.digest)
    assert len(digests) == 4


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json.gz", "rows.csv", "rows.parquet"])
def test_what_is_no_file_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"no regular file(.|\n)*`-`"):
        open_source(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="no regular file"):
        open_source(path)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(InputError, match="symbolic links"):
        open_source(path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        with pytest.raises(InputError, match="can't be read"):
            open_source(path)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no such file"):
        open_source(path)


@pytest.mark.parametrize("make", FORMATS)
def test_a_file_that_vanishes_is_missed(make: Callable[..., Path], tmp_path: Path) -> None:
    path = make(tmp_path, ROWS)
    source = open_source(path)
    rows_of(source)
    path = next(path.glob("*.arrow")) if path.is_dir() else path
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        rows_of(source)
    path.mkdir()
    with pytest.raises(InputError, match="directory"):
        rows_of(source)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no /proc")
def test_an_error_of_the_device_is_told(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").symlink_to("/proc/self/mem")  # reading its start is an EIO
    with pytest.raises(InputError, match=r"rows\.jsonl: .*"):
        rows_of(open_source(tmp_path / "rows.jsonl"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's rlimits")
def test_running_out_of_memory_is_an_error_of_the_data(tmp_path: Path) -> None:
    import subprocess

    with (tmp_path / "rows.jsonl").open("w") as file:
        file.write('{"text": [0' + ',{"":0}' * 1_000_000 + "]}\n")
    code = (
        "import resource, sys\n"
        "from gradsentry.errors import InputError\n"
        "from gradsentry.records import open_source\n"
        "source = open_source(sys.argv[1])\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (60 << 20),) * 2)\n"
        "try:\n"
        "    list(source.records())\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "rows.jsonl")], capture_output=True, text=True
    )
    assert "more memory than there is" in ran.stdout, ran.stderr


BAD_STATES: list[tuple[str, object]] = [
    ("_data_files", [{"filename": "../outside.arrow"}]),
    ("_data_files", [{"filename": "/etc/passwd"}]),
    ("_data_files", [{"filename": "link.arrow"}]),
    ("_data_files", [{"filename": "https://example.org/a.arrow"}]),
    ("_data_files", [{"filename": ".."}]),
    ("_data_files", [{}]),
    ("_data_files", []),
    ("_data_files", "data.arrow"),
    ("_data_files", [7]),
]


@pytest.mark.parametrize(("key", "value"), BAD_STATES)
def test_a_saved_folder_reads_no_files_outside(key: str, value: object, tmp_path: Path) -> None:
    folder = saved(tmp_path, ROWS)
    data = folder / "data-00000-of-00001.arrow"
    (tmp_path / "outside.arrow").write_bytes(data.read_bytes())
    (folder / "link.arrow").symlink_to(tmp_path / "outside.arrow")
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**state, key: value}))
    with pytest.raises(InputError, match="the folder can't be read as a data set"):
        open_source(folder)


def test_splits_of_a_saved_folder_lie_in_it(tmp_path: Path) -> None:
    outside = saved(tmp_path, ROWS)
    folder = tmp_path / "dict"
    folder.mkdir()
    (folder / "train").symlink_to(outside)
    (folder / "dataset_dict.json").write_text('{"splits": ["train"]}')
    with pytest.raises(InputError, match="is a link"):
        open_source(folder)
    (folder / "dataset_dict.json").write_text('{"splits": ["../saved"]}')
    with pytest.raises(InputError, match="lists no splits"):
        open_source(folder)


def test_a_format_that_a_saved_folder_names_runs_nothing_and_is_kept(tmp_path: Path) -> None:
    folder = saved(tmp_path, ROWS)
    state = json.loads((folder / "state.json").read_text())
    state |= {"_format_type": "custom", "_format_kwargs": {"transform": "os.system"}}
    (folder / "state.json").write_text(json.dumps(state))
    source = open_source(folder)
    assert rows_of(source) == ROWS
    selected = source.select(mask_of(len(ROWS), [1]))
    assert isinstance(selected, datasets.Dataset)
    assert selected.to_list() == [ROWS[1]]
    source.write(tmp_path / "out", {"clean": mask_of(len(ROWS), [1])})
    kept = json.loads((tmp_path / "out/clean/state.json").read_text())
    assert kept["_format_kwargs"] == state["_format_kwargs"]


@pytest.mark.parametrize("name", ["state.json", "dataset_info.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"{", b"[" * 100_000, b'{"features": {"a": {"_type": "os"}}}'],
)
def test_rotten_metadata_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    folder = saved(tmp_path, ROWS)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match="the folder can't be read as a data set"):
        open_source(folder)


def test_features_must_be_those_of_the_data(tmp_path: Path) -> None:
    folder = saved(tmp_path, ROWS)
    info = {"features": {"other": {"dtype": "string", "_type": "Value"}}}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match="other columns"):
        open_source(folder)
