"""The detector `transfer` as a scan runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from gradsentry._option_checks import Seed
from gradsentry.detectors.detection import Detection, FloatArray
from gradsentry.detectors.detector import Detector
from gradsentry.detectors.transfer.assignment import POISON_ABOVE
from gradsentry.detectors.transfer.false_alarms import MEASURED
from gradsentry.detectors.transfer.transfer_scan import TransferScan
from gradsentry.thresholds import Threshold
from gradsentry.work.scan_work import ScanWork


@dataclass(frozen=True, kw_only=True)
class Transfer(Detector):
    """Finds triggers and payloads, and judges them.

    What isn't an option was fixed by measuring (docs/findings/transfer.md).
    """

    name: ClassVar[str] = "transfer"
    caveat: ClassVar[str] = (
        "A group is called poison where responses depend on a trigger that nothing else in the "
        "prompts explains, and the base model sees no reason why. Rows that differ too much from "
        "each other, or too few, aren't found: see the documentation for what was measured. "
        + MEASURED.in_words
    )

    seed: Seed = 0
    """Draws folds, the order of steps, and the projection of wide hidden states."""
    fit_tokens: Annotated[int, Ge(1)] = 200_000
    """Target tokens that corrections are fitted on; bounds time, memory and disk."""
    sensitivity: bool = False
    """Where nothing is found, plant canaries and say how few of them would have been."""

    @property
    def axis(self) -> str:
        return "Below 0.5 a row is in no group, up to 0.75 it is up for review, above it is poison"

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        return (("Fitted on", f"up to {self.fit_tokens:,} target tokens, seed {self.seed}"),)

    def detect(self, work: ScanWork) -> Detection:
        return TransferScan(work, self.seed, self.fit_tokens, self.sensitivity).run()

    def threshold(self, scores: FloatArray) -> Threshold:  # noqa: ARG002 (the evidence decides)
        return Threshold(POISON_ABOVE, "evidence")
