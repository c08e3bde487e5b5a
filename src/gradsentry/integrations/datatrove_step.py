"""The step itself. It is imported where datatrove is installed: its class is one of datatrove's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter

from gradsentry.detectors import NO_GROUP
from gradsentry.errors import InputError
from gradsentry.integrations.scanned_rows import ScannedRows
from gradsentry.report import ScanReport
from gradsentry.report.load_report import load
from gradsentry.report.row_frame import row_verdicts
from gradsentry.safe_text import excerpt

_SHOWN = 100
"""Characters of a document's id in a message."""


@dataclass(frozen=True, eq=False)
class _Verdicts:
    """A scan as documents are held against it."""

    report: ScanReport
    rows: ScannedRows
    verdicts: list[str]

    @classmethod
    def of(cls, results: str) -> _Verdicts:
        report = load(results)
        return cls(report, ScannedRows.of(report), row_verdicts(report))


class ScanFilter(BaseFilter):  # type: ignore[misc]  # datatrove has no types
    """Drops documents, or says in their metadata what was found, by the results of a scan."""

    name = "GradSentry"

    def __init__(
        self,
        results: str,
        drop: frozenset[str],
        annotate: bool,
        row_of: Callable[[Document], Mapping[str, object]] | None,
        exclusion_writer: Any,
    ) -> None:
        super().__init__(exclusion_writer)
        self.results, self.drop, self.annotate, self.row_of = results, drop, annotate, row_of
        self._scan: _Verdicts | None = None  # read by each worker: steps are copied and sent

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """Whether a document stays, or with what verdict it goes.

        **Raises:**

        `InputError` if it wasn't scanned.
        """
        if self._scan is None:
            self._scan = _Verdicts.of(self.results)
        row = self._row(doc, self._scan.rows)
        verdict = self._scan.verdicts[row]
        if self.annotate:
            doc.metadata.update(_said(self._scan.report, row, verdict))
        return (False, f"gradsentry_{verdict}") if verdict in self.drop else True

    def _row(self, doc: Document, scanned: ScannedRows) -> int:
        rows = _rows_read(doc) if self.row_of is None else iter([self.row_of(doc)])
        for fields in rows:
            if (row := scanned.find(fields)) is not None:
                return row
        raise InputError(
            f"The document {excerpt(str(doc.id), _SHOWN)} isn't among the rows that were scanned.",
            "Scan what this pipeline reads, put the step right behind the reader, or say with "
            "`row_of` which columns a document was made of.",
        )


def _rows_read(doc: Document) -> Iterator[dict[str, object]]:
    """What a reader may have made a document of: it takes the id from a column, or makes one."""
    columns = {name: value for name, value in doc.metadata.items() if name != "file_path"}
    yield {**columns, "text": doc.text}
    yield {**columns, "text": doc.text, "id": doc.id}


def _said(report: ScanReport, row: int, verdict: str) -> dict[str, object]:
    score = float(report.scores[row])
    group = NO_GROUP if report.findings is None else int(report.findings.rows.groups[row])
    return {
        "gradsentry_score": None if np.isnan(score) else score,
        "gradsentry_verdict": verdict,
        "gradsentry_group": None if group == NO_GROUP else group + 1,
    }
