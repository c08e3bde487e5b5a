"""Rows of a report in code."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gradsentry import InputError, Verdict
from gradsentry.report.row_frame import row_columns
from tests.outputs.reports import HOSTILE, make_findings, make_report

NAN = float("nan")


def test_flagged_rows_come_as_the_data_have_them() -> None:
    findings = make_findings(4, [Verdict.POISON], [-1, -1, -1, 0])
    report = make_report(HOSTILE[:4], [0.1, 0.6, NAN, 0.9], findings=findings)
    first, second = report.flagged_rows
    assert (first.row, first.group, first.trigger) == (1, None, None)
    assert (second.row, second.group, second.trigger) == (3, 1, "trigger")
    assert second.score == 0.9
    assert second.fields == {"prompt": HOSTILE[3], "response": HOSTILE[3]}
    assert "row 3" in second.location


def test_every_row_has_a_line() -> None:
    findings = make_findings(4, [Verdict.POISON, Verdict.REVIEW], [0, 1, -1, -1])
    report = make_report(scores=[0.9, 0.4, NAN, 0.1], findings=findings)
    frame = report.to_pandas()
    assert frame["verdict"].tolist() == ["poison", "review", "skipped", "none"]
    assert frame["group"].isna().tolist() == [False, False, True, True]
    assert np.isnan(frame["score"][2])
    assert frame["reason"].isna().tolist() == [True, True, False, True]
    assert frame.index.name == "row"
    assert len(frame) == 4


def test_a_detector_without_groups_says_nothing_of_them() -> None:
    columns = row_columns(make_report())
    assert columns["group"] == columns["trigger"] == columns["payload"] == [None] * 4


def test_missing_pandas_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="gradsentry\\[pandas\\]"):
        make_report().to_pandas()
