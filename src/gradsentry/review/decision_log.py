"""`decisions.jsonl`: decisions as they were made, one a line, in the folder of the results.

A file that only grows, rather than a database: a decision is one line, written at once and on the
disk before the reviewer is told so. A process that is killed leaves whole lines, and at most one
torn one at the end, which nobody was told of. People can read, compare and archive it, and there is
no second file beside it (as a database's journal) that a copy could miss.

The file isn't in the list of what a scan wrote (`SHA256SUMS`). So the list stays true, and a scan
with `force` refuses to replace the folder as long as the decisions lie in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradsentry.errors import InputError, OutputError
from gradsentry.faults import first_line, no_space
from gradsentry.records.watched_file import open_regular, reading
from gradsentry.review.decisions import Decision, dump_decision, load_decision
from gradsentry.work.ownership import sync

DECISIONS_FILE = "decisions.jsonl"
_VERSION = 1
_MOST_BYTES = 256 << 20
_FIRST = "gradsentry_decisions"


@dataclass
class DecisionLog:
    """The decisions about one folder of results, and a place to add to them."""

    path: Path
    results: str
    """SHA-256 of the list of the results that they are about."""
    decisions: list[Decision] = field(default_factory=list)
    """In the order in which they were made."""
    _size: int = 0
    """Bytes of the whole lines."""

    def add(self, *decisions: Decision) -> None:
        """Write decisions, a line each; they are on the disk when this returns.

        **Raises:**

        `OutputError` if they can't be written; then none is there, unless the error says so.
        """
        count, is_first = len(self.decisions), self._size == 0
        lines = [_first_line(self.results)] if is_first else []
        data = b"".join([*lines, *map(dump_decision, decisions)])
        if self._size + len(data) > _MOST_BYTES:
            raise OutputError(
                f"{self.path}: the file would be too large to be read again.",
                "Apply what is decided, and decide the rest on the new results.",
            )
        try:
            with _open_to_write(self.path) as descriptor:
                self._go_to_end(descriptor)
                try:
                    _write_all(descriptor, data)
                    os.fsync(descriptor)
                    if is_first:
                        sync(self.path.parent)
                except OSError:
                    self._take_back(descriptor)
                    raise
                self._size += len(data)
                self.decisions.extend(decisions)
        except OSError as error:
            reason = "the disk is full" if no_space(error) else error.strerror or first_line(error)
            kept = "wasn't kept" if len(self.decisions) == count else "can't be taken back"
            raise OutputError(
                f"{self.path}: what was decided can't be written ({reason}), and {kept}.",
                "Mend that, and decide again.",
            ) from None

    def _take_back(self, descriptor: int) -> None:
        """Cut off what was written; where that fails, go on from what is in the file now."""
        try:
            os.ftruncate(descriptor, self._size)
        except OSError:
            with contextlib.suppress(InputError, OSError):
                found = read_decisions(self.path.parent, self.results)
                self.decisions, self._size = found.decisions, found._size

    def _go_to_end(self, descriptor: int) -> None:
        """Go behind the whole lines, and cut off what a crash left there: nobody was told of it.

        **Raises:**

        `OSError` if another process has written or removed lines.
        """
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, self._size, os.SEEK_SET)
        if size < self._size or b"\n" in os.read(descriptor, max(0, size - self._size)):
            raise OSError(0, "another program has changed the file")
        os.ftruncate(descriptor, self._size)
        os.lseek(descriptor, self._size, os.SEEK_SET)


def read_decisions(folder: Path, results: str) -> DecisionLog:
    """The decisions about the results in a folder; none yet if there is no file.

    **Arguments:**

    - `results`: SHA-256 of the list of these results.

    **Raises:**

    `InputError` if the file is damaged, or about other results.
    """
    path = folder / DECISIONS_FILE
    text = _read(path)
    whole = text[: text.rfind(b"\n") + 1]
    lines = whole.splitlines()
    if lines:
        _check_first(path, lines[0], results)
    found = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            found.append(load_decision(line))
        except ValueError as error:
            raise _damaged(f"{path}, line {number}", first_line(error)) from None
    return DecisionLog(path, results, found, len(whole))


def decisions_digest(log: DecisionLog) -> str:
    """SHA-256 of all decisions as they are written."""
    digest = hashlib.sha256(_first_line(log.results))
    for decision in log.decisions:
        digest.update(dump_decision(decision))
    return digest.hexdigest()


def dump_log(log: DecisionLog) -> bytes:
    """All decisions as they are written."""
    return _first_line(log.results) + b"".join(map(dump_decision, log.decisions))


def _first_line(results: str) -> bytes:
    return json.dumps({_FIRST: _VERSION, "results_sha256": results}).encode("ascii") + b"\n"


def _check_first(path: Path, line: bytes, results: str) -> None:
    try:
        found: Any = json.loads(line)
        version, about = found[_FIRST], found["results_sha256"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _damaged(f"{path}, line 1", first_line(error)) from None
    if version != _VERSION:
        raise InputError(
            f"{path}: decisions of version {version}, and this version of GradSentry reads version "
            f"{_VERSION}.",
            "Read them with the version that wrote them.",
        )
    if about != results:
        raise InputError(
            f"{path}: these decisions are about other results than those in the folder.",
            "Put back the results that they are about, or move the file elsewhere and decide anew.",
        )


def _damaged(place: str, why: str) -> InputError:
    return InputError(
        f"{place}: this is no decision ({why}).",
        "Somebody changed the file: put back a copy of it, or mend the line.",
    )


def _read(path: Path) -> bytes:
    if not os.path.lexists(path):
        return b""
    if path.is_symlink():
        raise InputError(f"{path}: this is a link.", "Put the file itself in its place.")
    with reading(str(path)), open_regular(path, str(path)) as file:
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            raise InputError(f"{path}: the file is too large for decisions.", "Move it elsewhere.")
        return b"".join(iter(lambda: file.read(1 << 20), b""))


@contextlib.contextmanager
def _open_to_write(path: Path) -> Iterator[int]:
    """A file of ours, made if it isn't there; never what a link leads to."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):  # what was to be kept is on the disk by now
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
