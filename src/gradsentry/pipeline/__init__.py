"""The scan: one pipeline from rows to a result, resumable."""

from gradsentry.pipeline.options import BaselineOptions, DataOptions, Detector, ScanOptions
from gradsentry.pipeline.progress import Progress
from gradsentry.pipeline.result import ScanResult
from gradsentry.pipeline.scanning import scan

__all__ = [
    "BaselineOptions",
    "DataOptions",
    "Detector",
    "Progress",
    "ScanOptions",
    "ScanResult",
    "scan",
]
