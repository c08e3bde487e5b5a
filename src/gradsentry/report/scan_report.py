"""The document that a scan is: every row's score, the decision, and all that they rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradsentry.detectors import Findings, GroupFinding, Verdict
from gradsentry.errors import OptionError
from gradsentry.faults import telling_faults
from gradsentry.measures import Identification, identification
from gradsentry.models import Dtype
from gradsentry.records import UNJUDGED, BoolArray, Example, Record, Source
from gradsentry.report.formats_chosen import load_formats
from gradsentry.report.group_summary import summarize_group
from gradsentry.report.row_frame import FlaggedRow, data_frame, iterate_flagged
from gradsentry.report.rulings import Rulings
from gradsentry.scan_options import ScanOptions
from gradsentry.thresholds import Threshold
from gradsentry.work.encoded_data import NOT_SKIPPED, SKIP_REASONS, RowOrigins, skip_code
from gradsentry.work.object_results import output_place
from gradsentry.work.workspace import open_workspace

if TYPE_CHECKING:
    from pandas import DataFrame

SCHEMA_VERSION = 1
"""Of `summary.json`, `config.yaml` and `scores.parquet`; it grows when a reader must know."""

# How far a score moves when rows are batched otherwise, as measured (docs/findings/rounding.md).
ROUNDING = {
    Dtype.BFLOAT16: 0.02,
    Dtype.FLOAT16: 0.02,
    Dtype.FLOAT32: 1e-4,
    Dtype.FLOAT64: 1e-9,
}


@dataclass(frozen=True, eq=False)
class RowTable:
    """One entry per input row, in order. All arrays have shape (rows,)."""

    scores: NDArray[np.float64]
    """NaN for skipped rows."""
    skip_codes: NDArray[np.int8]
    target_tokens: NDArray[np.int32]
    truncated: BoolArray
    origins: RowOrigins
    """Where the rows stand."""
    labels: BoolArray | None

    @property
    def scored(self) -> BoolArray:
        """Which rows have a score."""
        return np.equal(self.skip_codes, NOT_SKIPPED)

    def reasons(self, rows: slice = slice(None)) -> list[str | None]:
        """Why rows were skipped; None for scored rows."""
        codes = self.skip_codes[rows]
        return [None if code == NOT_SKIPPED else SKIP_REASONS[code] for code in codes]


class RowReader(Protocol):
    """Turns a row into an example, as a layout does."""

    def example(self, record: Record) -> Example:
        """What a row means."""
        ...


@dataclass(frozen=True)
class ScannedWith:
    """What the scores rest on, besides the data and the options."""

    model: str
    """As it was named."""
    model_revision: str
    layout: str
    """How the columns were read."""
    date: str
    """When the scan began, in UTC, as ISO 8601 writes it."""
    versions: Mapping[str, str]
    """Of the packages that compute scores."""


def decide_threshold(rows: RowTable, options: ScanOptions) -> Threshold:
    """The given threshold, or the detector's own; at least one row must be scored."""
    if options.threshold is not None:
        return Threshold(options.threshold, "given")
    return options.detector.threshold(rows.scores[rows.scored])


@dataclass(frozen=True, repr=False, eq=False)  # the default would print and compare all rows
class ScanReport:
    """Scores and decision of a scan. Another threshold needs no new scan: `rethreshold`."""

    source: Source
    """The rows, which are written back."""
    layout: RowReader
    """How they are read."""
    options: ScanOptions
    """As resolved: nothing is `auto`, and the maximum length is within the model's window."""
    scanned_with: ScannedWith
    rows: RowTable
    findings: Findings | None
    """The groups that were found, and what is said of each row; None from detectors that only rank
    rows."""
    threshold: Threshold
    control_tokens: int
    """Rows whose own text spells special tokens of the model."""
    notes: tuple[str, ...]
    """What else there is to know of how the rows were encoded, in sentences."""
    seconds: float
    """Wall time of the scan, loading included, to the hundredth."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The parts of the data with the names of their files, once these are written."""
    rulings: Rulings | None = None
    """What people ruled, which stands above the threshold and the findings."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """Shape (rows,): in [0, 1], higher is more suspicious, NaN for skipped rows."""
        return self.rows.scores

    @cached_property
    def flagged(self) -> BoolArray:
        """Shape (rows,): rows with a score above the threshold, unless a person ruled otherwise."""
        flagged = self.threshold.flagged(self.rows.scores)
        return flagged if self.rulings is None else self.rulings.flagged(flagged)

    @cached_property
    def review(self) -> BoolArray:
        """Shape (rows,): rows of conditional patterns that a person must look at."""
        found = np.zeros_like(self.flagged)
        if self.findings is not None:
            found = self.findings.in_groups(Verdict.REVIEW)
        if self.rulings is not None:
            found = self.rulings.review(found)
        return found & ~self.flagged

    @property
    def groups(self) -> tuple[GroupFinding, ...]:
        """The groups that were found."""
        return () if self.findings is None else self.findings.groups

    def group_verdict(self, index: int) -> Verdict:
        """What holds of a group: none if a person cleared it, poison if one confirmed it."""
        ruled = None if self.rulings is None else self.rulings.groups.get(index)
        return self.groups[index].verdict if ruled is None else ruled.verdict

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
    def flagged_rows(self) -> Iterator[FlaggedRow]:
        """The flagged rows as the data have them, each with its score and what was found in it."""
        return iterate_flagged(self)

    def to_pandas(self) -> DataFrame:
        """A line for every row: where it stands, its score and verdict, and what was found in it.

        **Raises:**

        `InputError` if pandas isn't installed.
        """
        return data_frame(self)

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
        if not self.options.detector.moves_by_rounding:
            return 0
        distance = np.abs(self.rows.scores - self.threshold.value)
        return int((distance <= ROUNDING[self.options.model.dtype]).sum())

    @property
    def cannot_reach_threshold(self) -> int:
        """Scored rows with so few targets that no response could lift them above the threshold."""
        most = self.options.detector.highest_scores(self.rows.target_tokens)
        return int((self.rows.scored & (most <= self.threshold.value)).sum())

    @property
    def unjudged(self) -> int:
        """Rows without a score that a trainer may well learn from."""
        codes = [skip_code(reason) for reason in UNJUDGED]
        return int(np.isin(self.rows.skip_codes, codes).sum())

    @property
    def blind(self) -> bool:
        """Whether no row could have been flagged, whatever it says."""
        scored = int(self.rows.scored.sum())
        promptless = None if self.findings is None else self.findings.promptless
        return self.threshold.value >= 1 or scored in (promptless, self.cannot_reach_threshold)

    def rethreshold(self, threshold: float | None) -> ScanReport:
        """The same scores with another threshold; None decides as the detector does.

        **Raises:**

        `OptionError` for a threshold outside [0, 1].
        """
        options = replace(self.options, threshold=threshold)
        return replace(self, options=options, threshold=decide_threshold(self.rows, options))

    def __repr__(self) -> str:
        scored, flagged = int(self.rows.scored.sum()), int(self.flagged.sum())
        return f"<ScanReport: {flagged} of {scored} scored rows flagged, {self.threshold}>"

    def _repr_html_(self) -> str:
        from gradsentry.report.notebook import report_html  # which words this class

        return report_html(self)

    def save(
        self, out: str | Path, *, force: bool = False, also: Sequence[str] | None = None
    ) -> None:
        """Write all outputs into a folder, which appears whole or not at all, or into a store.

        **Arguments:**

        - `also`: names of formats to write besides those that every folder gets, such as "sarif";
            "all" stands for every one. None takes those of the scan.

        **Raises:**

        `OutputError` if the folder exists (without `force`) or can't be written, and `OptionError`
        for a name that no format has.
        """
        report = self
        if also is not None:
            report = replace(self, options=replace(self.options, also=tuple(also)))
        load_formats(report.options.also)  # a wrong name is told before rows are read
        keep = [*map(str, self.source.paths), self.scanned_with.model]
        with telling_faults(), open_workspace(output_place(out), force, keep) as space:
            report.write(space.result_folder())
            space.publish()

    def write(self, folder: Path) -> ScanReport:
        """Write the parts of the data, and the files of the formats, into a folder.

        What else is in the folder already counts as a file of the results.

        Returns the report with the names of the parts' files.
        """
        forms = load_formats(self.options.also)
        parts = self.parts
        if self.review.any():
            parts["review"] = self.review  # a copy: these rows are in `clean`, too
        written = replace(self, files=self.source.write(folder, parts))
        for form in forms:
            path = folder / form.file_name
            if path.exists():
                raise OptionError(
                    f"The file {form.file_name} would be written twice.",
                    "Remove the package with the format that has this file name, too.",
                )
            form().write(written, path)
        return written

    @property
    def data_digest(self) -> str | None:
        """What tells the data from others, as `b2sum -l 128` prints it for a file; of several files
        one for all of them. None for rows in memory and on the Hub."""
        digest = self.source.digest
        return None if digest is None else f"blake2b-128:{digest}"

    def config(self) -> dict[str, Any]:
        """Everything that decided what the scan computed, as `config.yaml` has it."""
        options = asdict(self.options)
        options["detector"] = {"name": self.options.detector.name, **options["detector"]}
        in_files = self.source.digest is not None
        return {
            "schema_version": SCHEMA_VERSION,
            "data_source": self.source.label,
            "data_paths": [str(path.absolute()) for path in self.source.paths] if in_files else [],
            "layout": self.scanned_with.layout,
            "model_name": self.scanned_with.model,
            "model_revision": self.scanned_with.model_revision,
            "versions": dict(self.scanned_with.versions),
            **_plain(options),
        }

    def summary(self) -> dict[str, Any]:
        """The figures of `summary.json`."""
        table, scanned, options = self.rows, self.scanned_with, self.options
        skipped = Counter(
            str(SKIP_REASONS[code]) for code in table.skip_codes[~table.scored].tolist()
        )
        found = self.findings
        summary: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "data": self.source.label,
            "data_digest": self.data_digest,
            "layout": scanned.layout,
            "rows": len(table.scores),
            "scored": int(table.scored.sum()),
            "skipped": int((~table.scored).sum()),
            "skipped_reasons": dict(sorted(skipped.items())),
            "truncated": int(table.truncated.sum()),
            "unjudged": self.unjudged,
            "promptless": None if found is None else found.promptless,
            "control_tokens": self.control_tokens,
            "notes": list(self.notes),
            "verdict": str(self.verdict),
            "flagged": int(self.flagged.sum()),
            "review": int(self.review.sum()),
            "groups": [summarize_group(n, group) for n, group in enumerate(self.groups, start=1)],
            "recurrences": [] if found is None else [asdict(each) for each in found.recurrences],
            "rulings": None if self.rulings is None else self.rulings.summary(),
            "detection_limits": [] if found is None else [asdict(each) for each in found.limits],
            "detector": options.detector.name,
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
            "date": scanned.date,
            "seconds": self.seconds,
            "version": scanned.versions["gradsentry"],
            "versions": dict(scanned.versions),
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
        if self.files:
            summary["files"] = dict(self.files)
        return summary


def _plain(value: Any) -> Any:
    """Options as YAML's own types."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value
