"""`summary.json`: the figures of a scan, and all groups."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from gradsentry.outputs.output_format import Format, write_text
from gradsentry.report import ScanReport
from gradsentry.report.file_names import SUMMARY_FILE
from gradsentry.safe_text import json_text


class SummaryFile(Format):
    """Writes `summary.json`."""

    file_name: ClassVar[str] = SUMMARY_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, json_text(report.summary()) + "\n")
