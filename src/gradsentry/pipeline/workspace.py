"""Where a scan works, and how its results appear: whole, or not at all.

A scan with an output folder works in a hidden folder beside it. Interrupted, that folder stays and
the same command goes on from it; finished, the results are renamed into place and it goes. Only
what GradSentry made is ever worked in, replaced or deleted (`ownership`).
"""

from __future__ import annotations

import contextlib
import errno
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
from gradsentry.faults import first_line, no_space, too_many_files
from gradsentry.pipeline.journal import Journal, is_journal, open_journal
from gradsentry.pipeline.own_key import own_digest
from gradsentry.pipeline.ownership import SUMS, foreign_part, seal_folder, sync
from gradsentry.pipeline.progress import Progress

SUMMARY = "summary.json"
OUTPUT_FILES = ("scores.parquet", SUMMARY, "config.yaml", "report.html", SUMS)
"""What a scan always writes; the parts of the data come on top."""

_MARK = "made-by-gradsentry"
"""An empty folder: it is made in one step, and holds nothing that could be damaged."""
_LOCK = "lock"
_JOURNAL = "progress-journal"
_SCRATCH = "scratch"
_RESULT = "result"
_REPLACED = "replaced"
_OWN = {_LOCK, _JOURNAL, _SCRATCH, _RESULT, _REPLACED}

_BLANK_AT_ONCE = 1 << 22


class HeldByAnotherError(OutputError):
    """Another process works in a folder."""


@dataclass(frozen=True)
class Workspace:
    """A folder for intermediate files, and the output folder, if there is to be one."""

    folder: Path
    out: Path | None
    force: bool = False
    """Whether results of an earlier scan are replaced."""
    interrupted: bool = False
    """Whether a scan was under way here before."""

    @property
    def scratch(self) -> Path:
        """A folder for files of this run alone."""
        folder = self.folder / _SCRATCH
        folder.mkdir(exist_ok=True)
        return folder

    def journal(self, key: str, rows: int, progress: Progress) -> Journal:
        """Numbers computed so far, by this run and by an interrupted one.

        **Arguments:**

        - `key`: everything that they depend on; those with another key aren't taken up.
        - `rows`: of the scan. `progress` is told how many are done already.
        """
        path = self.folder / _JOURNAL
        if self.interrupted and not os.path.lexists(path):
            progress.note("Of an interrupted scan no scores are left here: starting afresh.")
        return open_journal(path, key.encode(), rows, progress)

    def table(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Numbers on disk, so that memory doesn't grow with them: NaN, for integers 0, at first."""
        return blank_table(self.scratch / name, shape, dtype)

    def result_folder(self) -> Path:
        """An empty folder to write the results into."""
        folder = self.folder / _RESULT
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
        result, replaced = self.folder / _RESULT, self.folder / _REPLACED
        seal_folder(result)
        _check_replaceable(self.out, self.force)
        if _is_blank(self.out):
            if self.out.exists():
                self.out.rmdir()
            result.rename(self.out)
        else:
            self.out.rename(replaced)
            try:
                _check_unchanged(replaced, self.out)  # from here on nobody finds it to change it
                result.rename(self.out)
            except BaseException:
                replaced.rename(self.out)
                raise
        sync(self.out.parent)
        shutil.rmtree(replaced, ignore_errors=True)
        (self.folder / _JOURNAL).unlink(missing_ok=True)  # nothing is left to go on with


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
        with _temporary_folder() as folder, writing(folder):
            yield Workspace(folder, None)
        return
    with writing(out):
        out = resolved(out)
        check_apart(out, keep)
        _check_replaceable(out, force)
        if not _is_blank(out):
            _check_unchanged(out, out)
        interrupted = mark_of(_work_folder(out)).exists()
        with work_folder(out, "scan", keep) as folder:
            _restore(folder / _REPLACED, out)
            _check_replaceable(out, force)
            yield Workspace(folder, out, force, interrupted)


@contextlib.contextmanager
def work_folder(out: Path, work: str, keep: Sequence[str]) -> Iterator[Path]:
    """The hidden folder beside an output, held by one process; it goes at the end, unless there is
    a journal to go on with.

    **Arguments:**

    - `out`: resolved, and `work` what goes on there, for errors; `keep` as in `open_workspace`.

    **Raises:**

    `OutputError` if it isn't ours, or another process has it.
    """
    folder = _work_folder(out)
    check_apart(folder, keep)
    is_new = _made_private(folder)
    _check_ours(folder)
    try:
        lock = acquired_lock(folder, out, work)
    except HeldByAnotherError:
        raise
    except BaseException:
        if is_new:
            _tear_down(folder)
        raise
    try:
        mark_of(folder).mkdir(exist_ok=True)
        _sweep(folder)  # after a run that was killed
        yield folder
    finally:
        _sweep(folder)
        if not os.path.lexists(folder / _JOURNAL):
            _tear_down(folder)
        with contextlib.suppress(OSError):
            lock.release()


def _sweep(folder: Path) -> None:
    """Remove what no later run takes up."""
    for name in (_SCRATCH, _RESULT):
        shutil.rmtree(folder / name, ignore_errors=True)


def _tear_down(folder: Path) -> None:
    """Remove a work folder, while its lock is held; on network file systems a rest may stay.

    Whoever comes meanwhile finds it locked, or empty.
    """
    if os.path.lexists(folder / _REPLACED):
        return  # results that couldn't be put back
    with contextlib.suppress(OSError):
        if mark_of(folder).exists():
            mark_of(folder).rmdir()
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _check_ours(folder: Path) -> None:
    """Refuse a work folder that GradSentry didn't make, or that holds something else.

    The mark may be lost: a journal, and results that were moved aside, tell as well.
    """
    there = {path.name for path in folder.iterdir()}
    lock = folder / _LOCK
    if not there or (there == {_LOCK} and lock.is_file() and lock.stat().st_size == 0):
        return  # just made, or just emptied
    mark = mark_of(folder)
    only_results = there <= {_REPLACED, _LOCK} and foreign_part(folder / _REPLACED) is None
    if not (_is_real_folder(mark) or is_journal(folder / _JOURNAL) or only_results):
        raise OutputError(
            f"{folder}: a scan would work here, but no scan of yours made this folder (the key "
            "in your cache folder tells).",
            "Move or remove it, or choose another folder with --out.",
        )
    strange = there - _OWN - {mark.name}
    for name in (_SCRATCH, _RESULT, _REPLACED):
        if name in there and not _is_real_folder(folder / name):
            strange.add(name)
    for name in sorted(strange):
        raise OutputError(
            f"{folder / name}: GradSentry works and tidies up in this folder, and didn't write "
            "this.",
            "Move it elsewhere, or choose another folder with --out.",
        )


def mark_of(folder: Path) -> Path:
    """The empty folder in a work folder that says that a scan of this user made it."""
    return folder / f"{_MARK}-{own_digest(_MARK.encode()).hex()[:32]}"


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def acquired_lock(folder: Path, out: Path, work: str) -> FileLock:
    """The lock of a folder that one process works in at a time; release it at the end.

    **Arguments:**

    - `out`: the output folder, and `work` what goes on there, for the error.

    **Raises:**

    `OutputError` if another process has it, or the file system has no locks.
    """
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise HeldByAnotherError(
            f"{out}: another {work} is writing there.",
            "Wait for it, or choose another folder with --out.",
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the file can't be made
        reason = getattr(error, "strerror", None) or first_line(error)
        raise OutputError(
            f"{out}: its file system can't lock files ({reason}).",
            "Choose a folder on another disk with --out.",
        ) from None
    return lock


def resolved(out: Path) -> Path:
    """The place that an output's name stands for.

    **Raises:**

    `OutputError` if it stands for none.
    """
    try:
        found = out.resolve()
        if found.is_symlink():
            raise RuntimeError("links in a circle")
        return found
    except (RuntimeError, ValueError) as error:  # links in a circle; a zero byte
        raise OutputError(
            f"{out}: no possible name ({first_line(error)}).", "Choose another with --out."
        ) from None
    except FileNotFoundError:
        raise OutputError(
            f"{out}: the folder that you are in is gone.", "Go to another, or give a whole path."
        ) from None


def check_apart(place: Path, keep: Sequence[str]) -> None:
    """Refuse to write where something lies that must stay.

    **Raises:**

    `OutputError` naming it.
    """
    for name in keep:
        if not os.path.exists(name):  # noqa: PTH110 (any name)
            continue
        path = Path(name).resolve()
        if any(_is_same(place, above) for above in path.parents):
            raise OutputError(
                f"{place}: what is scanned lies in the output folder, or in that of its scan "
                f"({name}).",
                "Choose another folder with --out.",
            )


def _is_same(place: Path, other: Path) -> bool:
    """Whether two paths lead to one folder, however they are spelled."""
    try:
        return place == other or place.samefile(other)
    except OSError:
        return False


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="gradsentry-"))
    except OSError as error:
        raise OutputError(
            f"There is no folder for temporary files ({error.strerror or first_line(error)}).",
            "Name one in TMPDIR, or choose a folder with --out.",
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _restore(replaced: Path, out: Path) -> None:
    """Put back, or delete, the results that a scan which was killed then had moved aside."""
    if not replaced.exists():
        return
    if _is_blank(out):
        if out.exists():
            out.rmdir()
        replaced.rename(out)
    else:
        _check_unchanged(replaced, replaced)
        shutil.rmtree(replaced)


def _is_blank(out: Path) -> bool:
    """Whether nothing is there, or an empty folder."""
    return not out.exists() or (out.is_dir() and not any(out.iterdir()))


def _check_replaceable(out: Path, force: bool) -> None:
    if out.is_mount():
        raise OutputError(
            f"{out}: something is mounted here, so that results can't be moved into its place.",
            "Choose a folder in it with --out.",
        )
    with contextlib.suppress(FileNotFoundError):  # where we are may be gone
        if out in (cwd := Path.cwd(), *cwd.parents):
            raise OutputError(
                f"{out}: this is the folder that you are in, or one above it.",
                "Choose a folder of its own with --out.",
            )
    if _is_blank(out):
        return
    if not (out / SUMS).exists():
        raise OutputError(
            f"{out}: this exists and holds other things than results of an earlier scan (they "
            f"would have the list {SUMS}).",
            "Choose another folder with --out; GradSentry only ever replaces its own results.",
        )
    if not force:
        raise OutputError(
            f"{out}: the results of an earlier scan are there.",
            "Choose another folder with --out, or replace them with --force.",
        )


def _check_unchanged(results: Path, out: Path) -> None:
    """Refuse to replace results that aren't as they were written.

    **Arguments:**

    - `out`: where they belong, for the error.
    """
    foreign = foreign_part(results)
    if foreign is not None:
        raise OutputError(
            f"{out}: this holds other things than results of an earlier scan: {foreign}.",
            "Move what you want to keep elsewhere and delete the rest, or choose another folder "
            "with --out; GradSentry only ever replaces its own results, as it wrote them.",
        )


def _made_private(folder: Path) -> bool:
    """Make the folder that we work in, unless it is there: nobody else may have made it, or write
    into it. Returns whether it is new."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    is_new = True
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        is_new = False
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or (
        hasattr(os, "geteuid") and status.st_uid != os.geteuid()
    ):
        raise OutputError(
            f"{folder}: a scan works here, and somebody else made this.",
            "Remove it, or choose another folder with --out.",
        )
    return is_new


def blank_table(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike
) -> np.memmap[tuple[int, ...], np.dtype[Any]]:
    """A new file of numbers, mapped into memory: NaN, for integers 0."""
    size, kind = math.prod(shape), np.dtype(dtype)
    blank = np.nan if kind.kind == "f" else 0
    # Written out, not mapped: a full disk is an error here, but a crash in a mapped page.
    with path.open("xb") as file:
        for start in range(0, size, _BLANK_AT_ONCE):
            file.write(np.full(min(_BLANK_AT_ONCE, size - start), blank, kind).data)
    return np.memmap(path, kind, "r+", shape=shape)


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what can go wrong on writing near `place` into an error with a remedy.

    What goes wrong elsewhere stays: data and models are read meanwhile.
    """
    try:
        yield
    except OSError as error:
        if no_space(error):
            raise OutputError(
                f"{place}: the disk is full.",
                "Free some space or choose another folder with --out, and run the command again.",
            ) from None
        if too_many_files(error) or error.errno == errno.ENOMEM:
            raise
        if not isinstance(error.filename, str) or not _touches(place, Path(error.filename)):
            raise
        raise OutputError(
            f"{place}: can't be written ({error.strerror}).", "Choose another folder with --out."
        ) from None


def _touches(out: Path, path: Path) -> bool:
    """Whether a path is on the way to an output folder, in it, or in the folder of its scan."""
    try:
        path = path.absolute()
        places = out.absolute(), Path(os.path.realpath(out))
    except FileNotFoundError:  # where we are is gone
        return True
    return any(
        place.is_relative_to(path)
        or path.is_relative_to(place)
        or path.is_relative_to(_work_folder(place))
        for place in places
    )


def _work_folder(out: Path) -> Path:
    return out.parent / f".{out.name}.gradsentry"
