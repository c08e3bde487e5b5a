"""What a format is: one file of a results folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from gradsentry.report import ScanReport


class Format(ABC):
    """A form in which a scan's report is written. A subclass is made without arguments."""

    file_name: ClassVar[str]
    """Of the file, within the results folder."""
    by_default: ClassVar[bool] = True
    """Whether every results folder has it; if not, it's written where `also` names the format."""
    is_written_last: ClassVar[bool] = False
    """Whether it says something about the other files, and so is written when they are there."""

    @abstractmethod
    def write(self, report: ScanReport, path: Path) -> None:
        """Write a report into a new file.

        Text, names and paths in a report come from untrusted people: a format escapes them.
        """


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8 with plain line ends. File names in it may hold bytes that are no
    UTF-8; they appear as escapes."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def utf8_text(name: str) -> str:
    """A name, of which bytes that are no UTF-8 appear as escapes."""
    return name.encode(errors="backslashreplace").decode()
