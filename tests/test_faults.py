"""What is told of faults of the machine, and with which code the command line leaves."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

import gradsentry
from gradsentry import LanguageModel, OutputError, ScanOptions, cli
from gradsentry.faults import told_of

LENGTH = ScanOptions(detector="length")


class Panic(BaseException):
    """As PyO3's: no `Exception`."""


def raised_by_torch() -> Exception:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    return caught.value


def raised_by_numpy() -> Exception:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, np.uint8)
    return caught.value


FORESEEN = [
    MemoryError(),
    raised_by_torch(),
    raised_by_numpy(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
    OSError("1048576 requested and 0 written"),  # as NumPy has it, without a number
    RuntimeError("can't start new thread"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ImportError("libc10.so: cannot open shared object file: Too many open files"),
    *(
        OSError(getattr(errno, name), os.strerror(getattr(errno, name)))
        for name in (
            *("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOLCK", "ENOTSUP", "EIO", "EROFS"),
            *("EACCES", "EPERM", "ENAMETOOLONG", "ELOOP", "ENOMEM", "ESTALE"),
        )
    ),
]
OURS = [
    ValueError("x"),
    KeyError("x"),
    ImportError("No module named 'x'"),
    AssertionError(),
    RuntimeError("shapes don't fit"),
    EOFError(),
    Panic("a tokenizer"),
    SystemExit(1),
    SystemExit("a library leaves"),
    SystemExit(0),
    GeneratorExit(),
]


@pytest.mark.parametrize("error", FORESEEN, ids=repr)
def test_faults_of_the_machine_are_no_faults_of_ours(error: Exception) -> None:
    told = told_of(error)
    assert told is not None
    assert told.problem
    assert told.remedy
    assert "\n" not in told.problem


@pytest.mark.parametrize("error", [*OURS, io.UnsupportedOperation("fileno")], ids=repr)
def test_other_faults_are(error: BaseException) -> None:
    assert told_of(error) is None


def left_with(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, data: Path, *options: str
) -> int:
    """The exit code of a command that meets an error in a library."""

    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", failing)
    monkeypatch.setattr("sys.argv", ["gradsentry", "scan", str(data), *options])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"prompt": "p", "response": "r"}) + "\n")
    return path


@pytest.mark.parametrize("error", [*FORESEEN, *OURS, KeyboardInterrupt()], ids=repr)
def test_no_fault_leaves_with_the_code_of_a_check(
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = data.with_name("out")
    code = left_with(error, monkeypatch, data, "--out", str(out), "--check")
    told = capsys.readouterr().err
    expected = 2 if error in FORESEEN else 130 if error not in OURS else 3
    assert code == expected
    assert ("Traceback" in told or "SystemExit" in told) == (expected == 3)
    assert ("fault in GradSentry" in told) == (expected == 3)
    assert sorted(path.name for path in data.parent.iterdir()) == ["data.jsonl"]


def test_a_traceback_is_as_visible_as_everything_else(
    monkeypatch: pytest.MonkeyPatch, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ValueError("\x1b[2J\u202egnp\x9b31m")
    assert left_with(error, monkeypatch, data, "--out", str(data.with_name("out"))) == 3
    told = capsys.readouterr().err
    assert "\\u202egnp" in told
    assert not set("\x1b\u202e\x9b") & set(told)


@pytest.mark.parametrize("name", ["ENOLCK", "ENOTSUP", "EIO", "EINVAL"])
def test_a_file_system_without_locks_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    def failing(*_: object) -> None:
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    monkeypatch.setattr(fcntl, "flock", failing)
    with pytest.raises(OutputError, match="can't lock files"):
        gradsentry.scan(data, model=tiny, options=LENGTH, out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_where_we_are_may_be_gone(
    monkeypatch: pytest.MonkeyPatch, data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(OutputError, match="is gone"):
        gradsentry.scan(data, model=tiny, options=LENGTH, out="out")
    gradsentry.scan(data, model=tiny, options=LENGTH, out=tmp_path / "out")
    monkeypatch.undo()


def test_no_folder_for_temporary_files_is_told(
    monkeypatch: pytest.MonkeyPatch, data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(OutputError, match="temporary files"):
        gradsentry.scan(data, model=tiny, options=LENGTH)


SIZES = (4, 16, 48, 64, 80, 96, 128, 300, 2000)
"""Of disks, in kB."""
ON_SMALL_DISKS = """
import contextlib, io, json, subprocess, sys, tempfile
from gradsentry import cli
place, sizes, *arguments = json.loads(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", place], check=True)
tempfile.tempdir = place
for size in sizes:
    subprocess.run(["mount", "-o", f"remount,size={size}k", place], check=True)
    sys.argv, errors = ["gradsentry", *arguments], io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main()
        except SystemExit as left:
            code = left.code
    print(json.dumps([code, errors.getvalue()]))
    if code == 0:
        break
"""


def may_mount() -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.slow
@pytest.mark.skipif(not may_mount(), reason="needs namespaces")
@pytest.mark.parametrize("what", ["results", "temporary files", "a mixture"])
def test_a_disk_that_is_full_anywhere_is_told_and_a_larger_one_goes_on(
    what: str, tiny_folder: Path, tmp_path: Path
) -> None:
    place, data = tmp_path / "disk", tmp_path / "data.jsonl"
    place.mkdir()
    rows = [{"prompt": f"Q{n}: ", "response": "yes " * (n % 9 + 1)} for n in range(60)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scan = ["scan", str(data), "-m", str(tiny_folder), "--batch-tokens", "200"]
    arguments = {
        "results": [*scan, "--out", str(place / "out")],
        "temporary files": scan,
        "a mixture": ["poison", str(data), "--out", str(place / "mixture.jsonl")],
    }[what]
    command = ["unshare", "-rm", sys.executable, "-c", ON_SMALL_DISKS]
    done = subprocess.run(
        [*command, json.dumps([str(place), SIZES, *arguments])],
        capture_output=True,
        text=True,
        check=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) > 1
    for code, errors in told[:-1]:
        assert code == 2, errors
        assert "the disk is full" in errors
    assert told[-1][0] == 0, told[-1]
    if what == "results":
        assert any("Going on" in errors for _, errors in told)
