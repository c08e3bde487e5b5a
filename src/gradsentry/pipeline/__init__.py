"""The scan: one pipeline from rows to a report, resumable."""

from gradsentry.pipeline.scanning import scan

__all__ = ["scan"]
