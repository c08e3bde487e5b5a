"""The document that a scan is, its wording, and how it's written and read again."""

from gradsentry.report.scan_report import RowTable, ScannedWith, ScanReport

__all__ = ["RowTable", "ScanReport", "ScannedWith"]
