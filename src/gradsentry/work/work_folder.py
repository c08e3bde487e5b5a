"""Folders that GradSentry works in: made by this user's runs, held by one process at a time.

Nothing is worked in, tidied up or removed that doesn't carry our mark.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from gradsentry.errors import OutputError
from gradsentry.faults import first_line
from gradsentry.work.own_key import key_lasts, own_digest

_MARK = "made-by-gradsentry"
"""An empty folder: it is made in one step, and holds nothing that could be damaged."""
_LOCK = "lock"
SHARDS = "shards"
SCRATCH = "scratch"
RESULT = "result"
REPLACED = "replaced"
_OWN = {_LOCK, SHARDS, SCRATCH, RESULT, REPLACED}


class HeldByAnotherError(OutputError):
    """Another process works in a folder."""


@contextlib.contextmanager
def work_folder(
    out: Path, work: str, keep: Sequence[str], name: str | None = None
) -> Iterator[Path]:
    """The hidden folder beside an output, held by one process; it goes at the end, unless there are
    results to go on with.

    **Arguments:**

    - `out`: resolved, and `work` what goes on there, for errors; `keep` as in `open_workspace`.
    - `name`: of the output, if errors shall call it otherwise.

    **Raises:**

    `OutputError` if it isn't ours, or another process has it.
    """
    folder = work_folder_of(out)
    check_apart(folder, keep)
    is_new = _made_private(folder)
    _check_ours(folder)
    try:
        lock = acquired_lock(folder, name or out, work)
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
        if not (_has_shards(folder) and key_lasts()):
            _tear_down(folder)
        with contextlib.suppress(OSError):
            lock.release()


def _sweep(folder: Path) -> None:
    """Remove what no later run takes up."""
    for name in (SCRATCH, RESULT):
        shutil.rmtree(folder / name, ignore_errors=True)


def _has_shards(folder: Path) -> bool:
    """Whether there are results that a later run may take up."""
    shards = folder / SHARDS
    return _is_real_folder(shards) and any(path.is_file() for path in shards.rglob("*"))


def _tear_down(folder: Path) -> None:
    """Remove a work folder, while its lock is held; on network file systems a rest may stay.

    Whoever comes meanwhile finds it locked, or empty.
    """
    if os.path.lexists(folder / REPLACED):
        return  # results that couldn't be put back
    with contextlib.suppress(OSError):
        shutil.rmtree(folder / SHARDS, ignore_errors=True)
        if mark_of(folder).exists():
            mark_of(folder).rmdir()
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _check_ours(folder: Path) -> None:
    """Refuse a work folder that GradSentry didn't make, or that holds something else."""
    there = {path.name for path in folder.iterdir()}
    lock = folder / _LOCK
    if not there or (there == {_LOCK} and lock.is_file() and lock.stat().st_size == 0):
        return  # just made, or just emptied
    mark = mark_of(folder)
    if not _is_real_folder(mark):
        raise OutputError(
            f"{folder}: a scan would work here, but no scan of yours made this folder (the key "
            "in your cache folder tells).",
            "Move or remove it, or choose another folder with `out`.",
        )
    strange = there - _OWN - {mark.name}
    for name in (SCRATCH, SHARDS, RESULT, REPLACED):
        if name in there and not _is_real_folder(folder / name):
            strange.add(name)
    for name in sorted(strange):
        raise OutputError(
            f"{folder / name}: GradSentry works and tidies up in this folder, and didn't write "
            "this.",
            "Move it elsewhere, or choose another folder with `out`.",
        )


def own_folder(folder: Path) -> None:
    """Make a folder for our own files, or go on in one that we made.

    **Raises:**

    `OutputError` if somebody else made it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if _is_real_folder(mark_of(folder)):
        return
    if folder.is_symlink() or any(folder.iterdir()):
        raise OutputError(
            f"{folder}: GradSentry works here, and no run of yours made this folder (the key in "
            "your cache folder tells).",
            "Move or remove it.",
        )
    mark_of(folder).mkdir()


def remove_own_folder(folder: Path) -> None:
    """Remove a folder that `own_folder` made; any other stays."""
    if not folder.is_symlink() and _is_real_folder(mark_of(folder)):
        shutil.rmtree(folder, ignore_errors=True)


def mark_of(folder: Path) -> Path:
    """The empty folder in a work folder that says that a scan of this user made it."""
    return folder / f"{_MARK}-{own_digest(_MARK.encode()).hex()[:32]}"


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def acquired_lock(folder: Path, out: Path | str, work: str) -> FileLock:
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
            "Wait for it, or choose another folder with `out`.",
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the file can't be made
        reason = getattr(error, "strerror", None) or first_line(error)
        raise OutputError(
            f"{out}: its file system can't lock files ({reason}).",
            "Choose a folder on another disk with `out`.",
        ) from None
    return lock


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
                "Choose another folder with `out`.",
            )


def _is_same(place: Path, other: Path) -> bool:
    """Whether two paths lead to one folder, however they are spelled."""
    try:
        return place == other or place.samefile(other)
    except OSError:
        return False


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
        hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022)
    ):
        raise OutputError(
            f"{folder}: a scan works here, and somebody else made this, or may write into it.",
            "Remove it, or choose another folder with `out`.",
        )
    return is_new


def work_folder_of(out: Path) -> Path:
    return out.parent / f".{out.name}.gradsentry"
