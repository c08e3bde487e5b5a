"""The summary: JSON that any reader takes, and that hides nothing from a person."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import ScanReport, Verdict
from gradsentry.outputs.summary_file import SummaryFile
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_findings, make_report


def written(report: ScanReport, folder: Path) -> str:
    path = folder / "summary.json"
    SummaryFile().write(report, path)
    return path.read_bytes().decode("utf-8")


def parsed(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.9, math.nan], [0.9, math.nan, math.nan, math.nan]])
@pytest.mark.parametrize("labels", [None, [True] * 4, [False] * 4, [True, False, False, True]])
def test_the_file_holds_the_summary(
    tmp_path: Path, scores: list[float], labels: list[bool] | None
) -> None:
    findings = make_findings(4, [Verdict.POISON, Verdict.REVIEW], [0, 1, 0, -1])
    for found in (None, findings):
        report = make_report(scores=scores, labels=labels, findings=found)
        text = written(report, tmp_path)
        assert parsed(text) == report.summary()
        assert text.endswith("}\n")


def test_the_counts_add_up() -> None:
    report = make_report(scores=[0.1, 0.7, 0.9, math.nan])
    summary = report.summary()
    assert summary["rows"] == summary["scored"] + summary["skipped"] == 4
    assert sum(summary["skipped_reasons"].values()) == summary["skipped"] == 1
    assert summary["flagged"] == 2


@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=20))
def test_hostile_text_is_kept_and_hides_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    findings = make_findings(4, [Verdict.POISON], [0, -1, -1, -1], payload=text, trigger=text)
    report = make_report(findings=findings, name=text)
    shown = written(report, tmp_path_factory.getbasetemp())
    summary = parsed(shown)
    assert summary["model"] == summary["notes"][0] == summary["groups"][0]["payload"] == text
    assert not [character for character in shown if hides(character) and character not in " \n"]


def test_letters_of_all_scripts_stay_legible(tmp_path: Path) -> None:
    assert "数据 é 🙂" in written(make_report(name="数据 é 🙂"), tmp_path)
