"""Reports made by hand, as a scan leaves them: with options that are read again."""

from __future__ import annotations

from dataclasses import replace

from gradsentry import DataOptions, ScanReport


def loadable(report: ScanReport) -> ScanReport:
    """The report with options that its data can be opened with."""
    return replace(report, options=replace(report.options, data=DataOptions()))
