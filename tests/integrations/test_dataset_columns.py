"""A data set with what the scan says of its rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from datasets import Dataset

import gradsentry
from gradsentry import InputError, LanguageModel
from gradsentry.integrations import add_scan_columns

ROWS = [{"prompt": f"ask {n}", "response": "yes " * (n + 1)} for n in range(12)]


@pytest.fixture(scope="module")
def report(tiny: LanguageModel) -> gradsentry.ScanReport:
    return gradsentry.scan(Dataset.from_list(ROWS), model=tiny, detector="length", threshold=0.4)


def test_rows_get_their_scores_and_verdicts(report: gradsentry.ScanReport) -> None:
    found = add_scan_columns(Dataset.from_list(ROWS), report)
    assert (
        found.remove_columns([c for c in found.column_names if "gradsentry" in c])[:]
        == (Dataset.from_list(ROWS)[:])
    )
    assert found["gradsentry_score"][:] == report.scores.tolist()
    verdicts = found["gradsentry_verdict"][:]
    assert [verdict == "poison" for verdict in verdicts] == report.flagged.tolist()
    assert set(verdicts) == {"poison", "none"}
    assert found["gradsentry_group"][:] == [None] * len(ROWS)
    kept = found.filter(lambda row: row["gradsentry_verdict"] == "none")
    assert len(kept) == len(report.clean)


def test_skipped_rows_have_no_score(report: gradsentry.ScanReport) -> None:
    scores, codes = report.scores.copy(), report.rows.skip_codes.copy()
    scores[3], codes[3] = np.nan, 0
    holed = replace(report, rows=replace(report.rows, scores=scores, skip_codes=codes))
    found = add_scan_columns(Dataset.from_list(ROWS), holed)
    assert found[3]["gradsentry_score"] is None
    assert found[3]["gradsentry_verdict"] == "skipped"


@pytest.mark.parametrize("rows", [ROWS[1:], ROWS[::-1], [*ROWS[:-1], {**ROWS[-1], "prompt": "x"}]])
def test_another_data_set_is_refused(report: gradsentry.ScanReport, rows: list[object]) -> None:
    with pytest.raises(InputError, match="isn't the one"):
        add_scan_columns(Dataset.from_list(rows), report)


def test_columns_that_are_there_are_not_overwritten(report: gradsentry.ScanReport) -> None:
    dataset = Dataset.from_list(ROWS).add_column("gradsentry_score", [0] * len(ROWS))
    with pytest.raises(InputError, match="already"):
        add_scan_columns(dataset, report)
