"""Rows of a scan, found by their content."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradsentry import ScanReport, Verdict
from gradsentry.integrations.scanned_rows import ScannedRows
from tests.outputs.reports import HOSTILE, make_findings, make_report

ROWS = [{"prompt": text, "response": f"{text} {n}"} for n, text in enumerate(HOSTILE)]


def with_digests(report: ScanReport) -> ScanReport:
    """The report with the digests that its rows have."""
    own = b"".join(record.digest for record in report.source.records())
    digests = np.frombuffer(own, np.uint8).reshape(-1, 16)
    return replace(
        report, rows=replace(report.rows, origins=replace(report.rows.origins, digests=digests))
    )


def test_every_row_is_found_by_its_content_alone() -> None:
    scanned = ScannedRows.of(with_digests(make_report(rows=ROWS)))
    for number, row in enumerate(ROWS):
        assert scanned.find(row) == number
        assert scanned.find(dict(reversed(row.items()))) == number


@pytest.mark.parametrize(
    "other",
    [{}, {"prompt": "one"}, {**ROWS[0], "response": "x"}, {**ROWS[0], "more": None}],
)
def test_another_row_is_not_found(other: dict[str, Any]) -> None:
    assert ScannedRows.of(with_digests(make_report(rows=ROWS))).find(other) is None


def test_of_equal_rows_the_worst_counts() -> None:
    rows = [ROWS[0], ROWS[1], ROWS[0], ROWS[1], ROWS[0], ROWS[2]]
    findings = make_findings(6, [Verdict.REVIEW], [-1, -1, -1, 0, -1, -1])
    report = make_report(
        rows=rows, scores=[0.1, 0.1, 0.9, 0.4, 0.1, float("nan")], findings=findings
    )
    scanned = ScannedRows.of(with_digests(report))
    assert [scanned.find(row) for row in ROWS[:3]] == [2, 3, 5]
