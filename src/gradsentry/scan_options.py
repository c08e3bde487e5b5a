"""Everything that decides what a scan computes; written to `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Interval

from gradsentry._option_checks import check_options
from gradsentry.detectors import Detector, Transfer, make_detector
from gradsentry.encoding import EncodingOptions
from gradsentry.models import ModelOptions
from gradsentry.records.data_options import DataOptions
from gradsentry.work.engine_options import EngineOptions


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """Options of a scan, grouped by the room that reads them."""

    data: DataOptions = field(default_factory=DataOptions)
    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    detector: Detector = field(default_factory=Transfer)
    """How rows are scored, with the detector's own options. A name stands for its defaults."""
    threshold: Annotated[float, Interval(ge=0, le=1)] | None = None
    """Flag rows with a score above this. None decides as the detector does."""
    engine: EngineOptions = field(default_factory=EngineOptions)
    """Where the scan runs; that changes no score."""
    batch_tokens: Annotated[int, Ge(1)] | None = None
    """Tokens computed at once: distinct ones where the model can share prefixes, else with padding.
    Bounds memory. None chooses by device."""
    also: tuple[str, ...] = ()
    """Formats in which results are written besides those that every folder gets, such as
    ("sarif", "junit"); "all" stands for every one."""

    baseline: str | None = None
    """A file with the patterns and rows that people cleared: found again, they are known and
    accepted."""

    def __post_init__(self) -> None:
        if not isinstance(self.detector, Detector):
            object.__setattr__(self, "detector", make_detector(self.detector))
        check_options(self)
