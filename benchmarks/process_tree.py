"""The processes that a program has started, and what memory they have (Linux)."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_SECONDS_BETWEEN = 0.02
_LOOKS = 50
"""At memory, for one at which processes there are, which takes longer."""


@dataclass(frozen=True)
class Peak:
    """The most memory of a process, in bytes."""

    resident: int = 0
    """All of it: its own, pages of files, and what it shares with others."""
    own: int = 0
    """What isn't pages of files or shared; as often as it was looked at."""

    def or_more(self, other: Peak) -> Peak:
        """The greater of each."""
        return Peak(max(self.resident, other.resident), max(self.own, other.own))


def adopt_orphans() -> None:
    """From now on, what this process started stays below it even if whoever was between dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> dict[int, str]:
    """All living processes below one, with their command lines."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                children[int(fields[1])].append(int(path.parent.name))
    found: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for child in children.pop(waiting.pop(), []):
            waiting.append(child)
            with suppress(OSError):
                found[child] = _command_line(child)
    return found


def _command_line(process: int) -> str:
    raw = Path(f"/proc/{process}/cmdline").read_bytes()
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def bury_orphans() -> None:
    """Take note of the adopted that died, so that none stays as a zombie."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def kill(process: int) -> None:
    """SIGKILL, unless it has gone already."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _memory_of(process: int) -> Peak:
    status = Path(f"/proc/{process}/status").read_text()
    sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE))
    return Peak(1024 * int(sizes["VmHWM"]), 1024 * int(sizes["RssAnon"]))


class Watched:
    """A command that is running, with the peaks of its processes by what they are."""

    def __init__(self, command: Sequence[str], kinds: Mapping[str, str], log: Path) -> None:
        """Start it.

        **Arguments:**

        - `kinds`: patterns that command lines have, by what processes are called that have them.
        - `log`: a file for all that it says.
        """
        self._kinds = kinds
        self.peaks: dict[str, Peak] = {}
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def those_of(self, kind: str) -> list[int]:
        """Its living processes of a kind."""
        pattern = self._kinds[kind]
        below = descendants(self.process.pid)
        return [number for number, line in below.items() if re.search(pattern, line)]

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code; None if it still runs after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            self._ended.set()
            self._thread.join()
        return self.process.returncode

    def _watch(self) -> None:
        looks, watched = 0, [("driver", self.process.pid)]
        while not self._ended.wait(_SECONDS_BETWEEN):
            if looks % _LOOKS == 0:
                own = ((kind, number) for kind in self._kinds for number in self.those_of(kind))
                watched = [watched[0], *own]
            looks += 1
            for kind, number in watched:
                with suppress(OSError, KeyError):  # it has just ended
                    self._note(kind, number)

    def _note(self, kind: str, process: int) -> None:
        self.peaks[kind] = self.peaks.get(kind, Peak()).or_more(_memory_of(process))
