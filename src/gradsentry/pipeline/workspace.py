"""Where a scan works, and how its results appear: whole, or not at all.

A scan with an output folder works in a hidden folder beside it. Interrupted, that folder stays and
the same command goes on from it; finished, the results are renamed into place and it goes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray

from gradsentry.errors import OutputError

SUMMARY = "summary.json"
OUTPUT_FILES = ("scores.parquet", SUMMARY, "config.yaml", "report.html")
"""What a scan always writes; the parts of the data come on top."""

_LOG = "progress-"
_REPLACED = "replaced"
_LOG_CHUNK = 1 << 22


@dataclass(frozen=True)
class Workspace:
    """A folder for intermediate files, and the output folder, if there is to be one."""

    folder: Path
    out: Path | None
    force: bool = False
    """Whether results of an earlier scan are replaced."""

    def log(
        self, fingerprint: str, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float64
    ) -> NDArray[Any]:
        """Numbers computed so far, on disk: NaN (for integers 0) where there is none yet.

        Those of an earlier run are only taken up if everything they depend on is the same, which
        is what `fingerprint` says.
        """
        return np.memmap(self.log_file(fingerprint, name, shape, dtype), dtype, "r+", shape=shape)

    def log_file(
        self, fingerprint: str, name: str, shape: tuple[int, ...], dtype: DTypeLike
    ) -> Path:
        """The file of a log, blank or as an earlier run left it."""
        path = self.folder / f"{_LOG}{fingerprint}-{name}"
        size, kind = math.prod(shape), np.dtype(dtype)
        for stale in self.folder.glob(f"{_LOG}*"):
            if not stale.name.startswith(f"{_LOG}{fingerprint}"):
                stale.unlink()
        if not (path.exists() and path.stat().st_size == size * kind.itemsize):
            # Written out, not mapped: a full disk is an error here, but a crash in a mapped page.
            blank = np.nan if kind.kind == "f" else 0
            with path.open("wb") as file:
                for start in range(0, size, _LOG_CHUNK):
                    np.full(min(_LOG_CHUNK, size - start), blank, kind).tofile(file)
        return path

    def result_folder(self) -> Path:
        """An empty folder to write the results into."""
        folder = self.folder / "result"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        return folder

    def publish(self) -> None:
        """Put the results in place of the output folder; on failure the old ones stay there.

        **Raises:**

        `OutputError` if something was put there meanwhile that mustn't be replaced.
        """
        assert self.out is not None
        _check_replaceable(self.out, self.force)
        replaced = self.folder / _REPLACED
        if not self.out.exists():
            (self.folder / "result").rename(self.out)
            return
        self.out.rename(replaced)
        try:
            (self.folder / "result").rename(self.out)
        except BaseException:
            replaced.rename(self.out)
            raise


@contextlib.contextmanager
def open_workspace(out: Path | None, force: bool, keep: Sequence[str]) -> Iterator[Workspace]:
    """Check that the output folder may be written, and hold it for one scan.

    **Arguments:**

    - `keep`: names of what is scanned, which replacing the folder must not take with it; names of
        no file are fine.

    **Raises:**

    `OutputError` if it exists and mustn't be replaced, can't be written, or the disk is full.
    """
    if out is None:
        with tempfile.TemporaryDirectory(prefix="gradsentry-") as name, writing(Path(name)):
            yield Workspace(Path(name), None)
        return
    with writing(out):
        out = out.resolve()
        _check_apart(out, keep)
        _check_replaceable(out, force)
        folder = _work_folder(out)
        _make_private(folder)
        lock = acquired_lock(folder, out, "scan")
        finished = False
        try:
            _restore(folder / _REPLACED, out)
            _check_replaceable(out, force)
            yield Workspace(folder, out, force)
            finished = True
        finally:
            lock.release()
            if finished or not any(folder.glob(f"{_LOG}*")):
                shutil.rmtree(folder)


def acquired_lock(folder: Path, out: Path, work: str) -> FileLock:
    """The lock of a folder that one process works in at a time; release it at the end.

    **Arguments:**

    - `out`: the output folder, and `work` what goes on there, for the error.

    **Raises:**

    `OutputError` if another process has it.
    """
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{out}: another {work} is writing there.",
            "Wait for it, or choose another folder with --out.",
        ) from None
    return lock


def _check_apart(out: Path, keep: Sequence[str]) -> None:
    for name in keep:
        if os.path.exists(name) and out in Path(name).resolve().parents:  # noqa: PTH110 (any name)
            raise OutputError(
                f"{out}: what is scanned lies in the output folder ({name}).",
                "Choose another folder with --out.",
            )


def _restore(replaced: Path, out: Path) -> None:
    """Put back, or delete, the results that a scan which was killed then had moved aside."""
    if replaced.exists():
        if out.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(out)


def _check_replaceable(out: Path, force: bool) -> None:
    if out.is_mount():
        raise OutputError(
            f"{out}: something is mounted here, so that results can't be moved into its place.",
            "Choose a folder in it with --out.",
        )
    if out in (cwd := Path.cwd(), *cwd.parents):
        raise OutputError(
            f"{out}: this is the folder that you are in, or one above it.",
            "Choose a folder of its own with --out.",
        )
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _holds_results(out):
        raise OutputError(
            f"{out}: this exists and holds other things than results of an earlier scan.",
            "Choose another folder with --out; GradSentry only ever replaces its own results.",
        )
    if not force:
        raise OutputError(
            f"{out}: the results of an earlier scan are there.",
            "Choose another folder with --out, or replace them with --force.",
        )


def _holds_results(folder: Path) -> bool:
    """Whether all that lies in a folder is what a scan says that it wrote there."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        written = {*OUTPUT_FILES, *summary["files"].values()}
        return "detector" in summary and {path.name for path in folder.iterdir()} <= written
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def _make_private(folder: Path) -> None:
    """Nobody else may have made the folder that we work in, or write into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or (
        hasattr(os, "geteuid") and status.st_uid != os.geteuid()
    ):
        raise OutputError(
            f"{folder}: a scan works here, and somebody else made this.",
            "Remove it, or choose another folder with --out.",
        )


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what can go wrong on writing near `place` into an error with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError(
                f"{place}: the disk is full.",
                "Free some space or choose another folder with --out, and run the command again.",
            ) from None
        # Data and models are read meanwhile; their faults aren't the output folder's.
        if not isinstance(error.filename, str) or not _touches(place, Path(error.filename)):
            raise
        raise OutputError(
            f"{place}: can't be written ({error.strerror}).", "Choose another folder with --out."
        ) from None


def _touches(out: Path, path: Path) -> bool:
    """Whether a path is on the way to an output folder, in it, or in the folder of its scan."""
    path = path.absolute()
    return any(
        place.is_relative_to(path)
        or path.is_relative_to(place)
        or path.is_relative_to(_work_folder(place))
        for place in (out.absolute(), out.resolve())
    )


def _work_folder(out: Path) -> Path:
    return out.parent / f".{out.name}.gradsentry"
