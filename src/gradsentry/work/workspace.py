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
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gradsentry.errors import OutputError
from gradsentry.faults import first_line, no_space, too_many_files
from gradsentry.work.object_results import ObjectResults
from gradsentry.work.own_key import key_lasts
from gradsentry.work.ownership import SUMS, foreign_part, seal_folder, sync
from gradsentry.work.progress import Progress
from gradsentry.work.shards import ShardFolder, open_shards
from gradsentry.work.work_folder import (
    REPLACED,
    RESULT,
    SCRATCH,
    SHARDS,
    check_apart,
    mark_of,
    work_folder,
    work_folder_of,
)

_BLANK_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Workspace:
    """A folder for intermediate files, and the output folder, if there is to be one."""

    folder: Path
    out: Path | None
    force: bool = False
    """Whether results of an earlier scan are replaced."""
    interrupted: bool = False
    """Whether a scan was under way here before."""
    store: ObjectResults | None = None
    """Where results go that a store is to have."""

    @property
    def scratch(self) -> Path:
        """A folder for files of this run alone."""
        folder = self.folder / SCRATCH
        folder.mkdir(exist_ok=True)
        return folder

    def open_shards(self, key: str, rows: int, progress: Progress) -> ShardFolder:
        """Results computed so far, by this run and by an interrupted one.

        **Arguments:**

        - `key`: everything that they depend on; those with another key are removed.
        - `rows`: of the scan. `progress` is told how many are done already.
        """
        folder = self.folder / SHARDS
        if self.interrupted and not folder.is_dir():
            progress.note("Of an interrupted scan no scores are left here: starting afresh.")
        if self.out is not None and not key_lasts():
            progress.note(
                "Your cache folder can't be written: if this scan is interrupted, it can't go on."
            )
        return open_shards(folder, key, rows, progress)

    def table(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Numbers on disk, so that memory doesn't grow with them: NaN, for integers 0, at first."""
        return blank_table(self.scratch / name, shape, dtype)

    def result_folder(self) -> Path:
        """An empty folder to write the results into."""
        folder = self.folder / RESULT
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
        result, replaced = self.folder / RESULT, self.folder / REPLACED
        seal_folder(result)
        if self.store is not None:
            self.store.upload(result, self.force)
            shutil.rmtree(self.folder / SHARDS, ignore_errors=True)
            return
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
                if not self.out.exists():
                    replaced.rename(self.out)
                raise
        sync(self.out.parent)
        if replaced.exists():  # where a run that is killed now leaves it to the next one
            replaced.rename(self.scratch / REPLACED)
            shutil.rmtree(self.scratch / REPLACED, ignore_errors=True)
        shutil.rmtree(self.folder / SHARDS, ignore_errors=True)  # nothing is left to go on with


def check_output(out: Path | ObjectResults, force: bool, keep: Sequence[str]) -> None:
    """See that results can be written to a folder or a store, before anything else is done.

    Arguments and errors as in `open_workspace`.
    """
    if isinstance(out, ObjectResults):
        out.check(force)
        return
    with writing(out):
        _free_place(out, force, keep)


def _free_place(out: Path, force: bool, keep: Sequence[str]) -> Path:
    """The place that an output's name stands for, where results can be put."""
    place = resolved(out)
    check_apart(place, keep)
    _check_replaceable(place, force)
    return place


@contextlib.contextmanager
def open_workspace(
    out: Path | ObjectResults | None, force: bool, keep: Sequence[str]
) -> Iterator[Workspace]:
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
    if isinstance(out, ObjectResults):
        with _workspace_of_store(out, force, keep) as space:
            yield space
        return
    with writing(out):
        out = _free_place(out, force, keep)
        if not _is_blank(out):
            _check_unchanged(out, out)
        interrupted = mark_of(work_folder_of(out)).exists()
        with work_folder(out, "scan", keep) as folder:
            _restore(folder / REPLACED, out)
            _check_replaceable(out, force)
            yield Workspace(folder, out, force, interrupted)


@contextlib.contextmanager
def _workspace_of_store(
    out: ObjectResults, force: bool, keep: Sequence[str]
) -> Iterator[Workspace]:
    """Results for a store: this machine's cache folder has the work, and can go on with it."""
    out.check(force, is_thorough=True)
    place = resolved(out.folder)
    with writing(place, "Name another cache folder in GRADSENTRY_CACHE."):
        interrupted = mark_of(work_folder_of(place)).exists()
        with work_folder(place, "scan", keep, out.url) as folder:
            yield Workspace(folder, place, force, interrupted, out)


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
            f"{out}: no possible name ({first_line(error)}).", "Choose another with `out`."
        ) from None
    except FileNotFoundError:
        raise OutputError(
            f"{out}: the folder that you are in is gone.", "Go to another, or give a whole path."
        ) from None


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="gradsentry-"))
    except OSError as error:
        raise OutputError(
            f"There is no folder for temporary files ({error.strerror or first_line(error)}).",
            "Name one in TMPDIR, or choose a folder with `out`.",
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
        doomed = replaced.with_name(SCRATCH) / REPLACED  # a run that is killed leaves it there
        doomed.parent.mkdir(exist_ok=True)
        replaced.rename(doomed)
        shutil.rmtree(doomed)


def _is_blank(out: Path) -> bool:
    """Whether nothing is there, or an empty folder."""
    return not out.exists() or (out.is_dir() and not any(out.iterdir()))


def _check_replaceable(out: Path, force: bool) -> None:
    if out.is_mount():
        raise OutputError(
            f"{out}: something is mounted here, so that results can't be moved into its place.",
            "Choose a folder in it with `out`.",
        )
    with contextlib.suppress(FileNotFoundError):  # where we are may be gone
        if out in (cwd := Path.cwd(), *cwd.parents):
            raise OutputError(
                f"{out}: this is the folder that you are in, or one above it.",
                "Choose a folder of its own with `out`.",
            )
    if _is_blank(out):
        return
    if not (out / SUMS).exists():
        raise OutputError(
            f"{out}: this exists and holds other things than results of an earlier scan (they "
            f"would have the list {SUMS}).",
            "Choose another folder with `out`; GradSentry only ever replaces its own results.",
        )
    if not force:
        raise OutputError(
            f"{out}: the results of an earlier scan are there.",
            "Choose another folder with `out`, or replace them with `force`.",
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
            "with `out`; GradSentry only ever replaces its own results, as it wrote them.",
        )


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
def writing(place: Path, remedy: str = "Choose another folder with `out`.") -> Iterator[None]:
    """Turn what can go wrong on writing near `place` into an error with a remedy.

    What goes wrong elsewhere stays: data and models are read meanwhile.
    """
    try:
        yield
    except OSError as error:
        if no_space(error):
            raise OutputError(
                f"{place}: the disk is full.",
                "Free some space or choose another folder with `out`, and run the command again.",
            ) from None
        if too_many_files(error) or error.errno == errno.ENOMEM:
            raise
        if not isinstance(error.filename, str) or not _touches(place, Path(error.filename)):
            raise
        raise OutputError(f"{place}: can't be written ({error.strerror}).", remedy) from None


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
        or path.is_relative_to(work_folder_of(place))
        for place in places
    )
