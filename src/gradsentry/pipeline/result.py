"""What a scan found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry._version import __version__
from gradsentry.detectors.spectral import HEAD
from gradsentry.detectors.transfer.verdicts import Verdict
from gradsentry.faults import telling_faults
from gradsentry.measures import Identification, identification
from gradsentry.models import Dtype
from gradsentry.pipeline.encoded_data import NOT_SKIPPED, SKIP_REASONS, skip_code
from gradsentry.pipeline.options import CLUSTERING, Detector, ScanOptions
from gradsentry.pipeline.transfer_scan import POISON_ABOVE, TransferFindings
from gradsentry.pipeline.workspace import open_workspace
from gradsentry.records import UNJUDGED, BoolArray, Layout, Source
from gradsentry.report.outputs import write_outputs
from gradsentry.thresholds import Threshold, kde_valley

# How far a score moves when rows are batched otherwise, as measured (docs/findings/rounding.md).
ROUNDING = {
    Dtype.BFLOAT16: 0.02,
    Dtype.FLOAT16: 0.02,
    Dtype.FLOAT32: 1e-4,
    Dtype.FLOAT64: 1e-9,
}


@dataclass(frozen=True)
class RowTable:
    """One entry per input row, in order. All arrays have shape (rows,)."""

    scores: NDArray[np.float64]
    """NaN for skipped rows."""
    skip_codes: NDArray[np.int8]
    target_tokens: NDArray[np.int32]
    truncated: BoolArray
    labels: BoolArray | None

    @property
    def scored(self) -> BoolArray:
        """Which rows have a score."""
        return np.equal(self.skip_codes, NOT_SKIPPED)

    @property
    def reasons(self) -> list[str | None]:
        """Why a row was skipped; None for scored rows."""
        return [None if code == NOT_SKIPPED else SKIP_REASONS[code] for code in self.skip_codes]


@dataclass(frozen=True)
class ScannedWith:
    """What the scores rest on, besides the options."""

    model: str
    model_revision: str
    layout: Layout
    """How the columns were read."""


def decided_threshold(rows: RowTable, options: ScanOptions) -> Threshold:
    """The given threshold, or the detector's own; at least one row must be scored."""
    if options.threshold is not None:
        return Threshold(options.threshold, "given")
    if options.detector is Detector.TRANSFER:
        return Threshold(POISON_ABOVE, "evidence")
    if options.detector in CLUSTERING:
        return Threshold(0.5, "clusters")
    return kde_valley(rows.scores[rows.scored])


@dataclass(frozen=True, repr=False)  # the default would print the rows themselves
class ScanResult:
    """Scores and decision of a scan. Another threshold needs no new scan: `rethreshold`."""

    source: Source
    options: ScanOptions
    """As resolved: nothing is `auto`, and the maximum length is within the model's window."""
    scanned_with: ScannedWith
    rows: RowTable
    findings: TransferFindings | None
    """The transfer detector's groups, and what it says of each row; None with another detector."""
    threshold: Threshold
    control_tokens: int
    """Rows whose own text spells special tokens of the model."""
    notes: tuple[str, ...]
    """What else there is to know of how the rows were encoded, in sentences."""
    seconds: float
    """Wall time of the scan, loading included."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """Shape (rows,): in [0, 1], higher is more suspicious, NaN for skipped rows."""
        return self.rows.scores

    @cached_property
    def flagged(self) -> BoolArray:
        """Shape (rows,): rows with a score above the threshold."""
        return self.threshold.flagged(self.rows.scores)

    @cached_property
    def review(self) -> BoolArray:
        """Shape (rows,): rows of conditional patterns that a person must look at."""
        if self.findings is None:
            return np.zeros_like(self.flagged)
        return self.findings.in_groups(Verdict.REVIEW) & ~self.flagged

    @property
    def verdict(self) -> Verdict:
        """What to make of the data: poison if any row is flagged, else review or none."""
        if self.flagged.any():
            return Verdict.POISON
        return Verdict.REVIEW if self.review.any() else Verdict.NONE

    @property
    def clean(self) -> Any:
        """The rows that were scored and not flagged; those up for review are among them.

        A `Dataset`, data frame or list of dicts, as the data were given; for a path or Hub id a
        `Dataset`. Skipped rows are in neither `clean` nor `flagged`.
        """
        return self.source.select(self.parts["clean"])

    @property
    def parts(self) -> dict[str, BoolArray]:
        """Masks (rows,) of the parts that the data fall into: every row is in exactly one."""
        scored = self.rows.scored
        parts = {"clean": scored & ~self.flagged, "flagged": self.flagged}
        if not scored.all():
            parts["skipped"] = ~scored
        return parts

    @cached_property
    def identification(self) -> Identification | None:
        """Decision and scores against the known labels, over scored rows, if there are labels."""
        if self.rows.labels is None:
            return None
        scored = self.rows.scored
        return identification(
            self.rows.labels[scored], self.flagged[scored], self.rows.scores[scored]
        )

    @property
    def poisoned_skipped(self) -> int:
        """Rows labelled poisoned that have no score, and so don't count in `identification`."""
        labels = self.rows.labels
        return 0 if labels is None else int((labels & ~self.rows.scored).sum())

    @property
    def near_threshold(self) -> int:
        """Rows so close to the threshold that another batch plan may decide otherwise."""
        if self.options.detector is not Detector.SPECTRAL:
            return 0  # the evidence decides; scores keep their distance
        distance = np.abs(self.rows.scores - self.threshold.value)
        return int((distance <= ROUNDING[self.options.model.dtype]).sum())

    @property
    def cannot_reach_threshold(self) -> int:
        """Scored rows with so few targets that no response could lift them above the threshold.

        The head's gradient has at most the rank T, the number of targets, so H̄ ≤ log min(T, k) /
        log k. Those of other modules sum over all positions, and have no such bound.
        """
        spectral = self.options.spectral
        if self.options.detector is not Detector.SPECTRAL or spectral.target_module != HEAD:
            return 0
        k = spectral.singular_values
        most = np.log(np.clip(self.rows.target_tokens, 1, k)) / np.log(k)
        return int((self.rows.scored & (most <= self.threshold.value)).sum())

    @property
    def unjudged(self) -> int:
        """Rows without a score that a trainer may well learn from."""
        codes = [skip_code(reason) for reason in UNJUDGED]
        return int(np.isin(self.rows.skip_codes, codes).sum())

    @property
    def blind(self) -> bool:
        """Whether no row could have been flagged, whatever it says."""
        if self.threshold.value >= 1:
            return True
        if self.findings is not None:
            return self.findings.rows.promptless == int(self.rows.scored.sum())
        return self.cannot_reach_threshold == int(self.rows.scored.sum())

    def rethreshold(self, threshold: float | None) -> ScanResult:
        """The same scores with another threshold; None decides as the detector does.

        **Raises:**

        `OptionError` for a threshold outside [0, 1].
        """
        options = replace(self.options, threshold=threshold)
        return replace(self, options=options, threshold=decided_threshold(self.rows, options))

    def __repr__(self) -> str:
        scored, flagged = int(self.rows.scored.sum()), int(self.flagged.sum())
        return f"<ScanResult: {flagged} of {scored} scored rows flagged, {self.threshold}>"

    def save(self, out: str | Path, *, force: bool = False) -> None:
        """Write all outputs into a folder, which appears whole or not at all.

        **Raises:**

        `OutputError` if the folder exists (without `force`) or can't be written.
        """
        keep = [*map(str, self.source.paths), self.scanned_with.model]
        with telling_faults(), open_workspace(Path(out), force, keep) as space:
            write_outputs(self, space.result_folder())
            space.publish()

    @property
    def data_digest(self) -> str | None:
        """What tells the data from others, as `b2sum -l 128` prints it for a file; of several files
        one for all of them. None for rows in memory and on the Hub."""
        digest = self.source.digest
        return None if digest is None else f"blake2b-128:{digest}"

    def group_summaries(self) -> list[dict[str, Any]]:
        """The groups found, as `summary.json` has them."""
        if self.findings is None:
            return []
        return [
            {
                "group": number + 1,
                "verdict": str(group.verdict),
                "rows": int((self.findings.rows.groups == number).sum()),
                "payload": group.findings.payload,
                "payload_rows": int(self.findings.rows.holders[number]),
                "payload_variants": [
                    {"text": text, "rows": rows} for text, rows in group.findings.variants
                ],
                "trigger": [list(words) for words in group.findings.trigger_words],
                "confidence": round(group.confidence, 4),
                "trigger_precision": round(group.agreement.precision, 4),
                "trigger_recall": round(group.agreement.recall, 4),
                "trigger_place": str(group.findings.place),
                "trigger_rows": int(self.findings.rows.called[number]),
                "trigger_elsewhere": int(self.findings.rows.elsewhere[number]),
                "surprise_nats": round(group.findings.surprise, 2),
                "gain_nats": round(group.findings.gain, 2),
                "prompt_cohesion": round(group.findings.cohesion, 2),
                "prompt_content": round(group.findings.content, 2),
                "dependence_nats": round(group.findings.depends, 3),
                "dependence_z": round(group.findings.z, 1),
                "trigger_lift": round(group.findings.lift, 3),
                "trigger_call_nats": round(group.findings.call, 2),
                "doubts": [str(doubt) for doubt in group.findings.doubts],
            }
            for number, group in enumerate(self.findings.evidence.groups)
        ]

    def summary(self) -> dict[str, Any]:
        """The figures of `summary.json`."""
        table, scanned, options = self.rows, self.scanned_with, self.options
        skipped = Counter(str(reason) for reason in table.reasons if reason is not None)
        summary: dict[str, Any] = {
            "data": self.source.label,
            "data_digest": self.data_digest,
            "layout": scanned.layout.name,
            "rows": len(table.scores),
            "scored": int(table.scored.sum()),
            "skipped": int((~table.scored).sum()),
            "skipped_reasons": dict(sorted(skipped.items())),
            "truncated": int(table.truncated.sum()),
            "unjudged": self.unjudged,
            "control_tokens": self.control_tokens,
            "notes": list(self.notes),
            "verdict": str(self.verdict),
            "flagged": int(self.flagged.sum()),
            "review": int(self.review.sum()),
            "groups": self.group_summaries(),
            "recurrences": [
                {"text": recurrence.text, "rows": recurrence.rows}
                for recurrence in (self.findings.evidence.recurrences if self.findings else ())
            ],
            "detection_limits": [
                {"kind": limit.kind, "rows": limit.rows}
                for limit in (self.findings.limits if self.findings else ())
            ],
            "detector": str(options.detector),
            "threshold": self.threshold.value,
            "threshold_method": self.threshold.method,
            "near_threshold": self.near_threshold,
            "cannot_reach_threshold": self.cannot_reach_threshold,
            "rounding": ROUNDING[options.model.dtype],
            "model": scanned.model,
            "model_revision": scanned.model_revision,
            "dtype": str(options.model.dtype),
            "device": options.model.device,
            "max_length": options.encoding.max_length,
            "seconds": round(self.seconds, 2),
            "version": __version__,
        }
        if (measured := self.identification) is not None:
            summary["identification"] = {
                "poisoned": measured.poisoned,
                "poisoned_skipped": self.poisoned_skipped,
                "recall": measured.recall,
                "precision": measured.precision,
                "f1": measured.f1,
                "auroc": measured.auroc,
            }
        return summary
