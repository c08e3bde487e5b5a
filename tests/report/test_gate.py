"""The gate of a build: what passes it, and what doesn't."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gradsentry import OptionError, Verdict
from gradsentry.report.gate import (
    NO_ROWS,
    Allowance,
    FailOn,
    Gate,
    failures,
    parse_allowance,
    passed_over,
)
from tests.outputs.reports import make_findings, make_report

NAN = float("nan")


def kinds(report: object, gate: Gate) -> list[str]:
    return [str(failure.kind) for failure in failures(report, gate)]  # type: ignore[arg-type]


def test_every_level_fails_on_what_the_levels_below_it_fail_on() -> None:
    findings = make_findings(5, [Verdict.REVIEW], [-1, 0, -1, -1, -1])
    report = make_report("abcde", [0.9, 0.2, NAN, 0.1, 0.1], findings=findings)
    found = [kinds(report, Gate(fail_on=level)) for level in FailOn]
    assert found == [
        [],
        ["poison"],
        ["poison", "unjudged"],
        ["poison", "unjudged", "review"],
    ]


def test_what_a_level_passes_over_is_said() -> None:
    findings = make_findings(5, [Verdict.REVIEW], [-1, 0, -1, -1, -1])
    report = make_report("abcde", [0.1, 0.2, NAN, 0.1, 0.1], findings=findings)
    told = {level: passed_over(report, Gate(fail_on=level)) for level in FailOn}
    assert told[FailOn.NEVER] == told[FailOn.REVIEW] == []
    assert told[FailOn.UNJUDGED] == [
        "1 rows are for review, on which --fail-on unjudged doesn't fail; --fail-on review does."
    ]
    first, second = told[FailOn.POISON]
    assert first.startswith("1 rows are for review, on which --fail-on poison doesn't fail")
    assert second.startswith("1 rows have no score")
    assert passed_over(make_report(), Gate(fail_on=FailOn.POISON)) == []


@pytest.mark.parametrize("level", list(FailOn))
def test_nothing_found_passes_every_level(level: FailOn) -> None:
    assert kinds(make_report("abc", [0.1, 0.2, 0.3]), Gate(fail_on=level)) == []


@pytest.mark.parametrize("level", [FailOn.POISON, FailOn.UNJUDGED, FailOn.REVIEW])
def test_a_check_that_cannot_fail_does_not_pass(level: FailOn) -> None:
    report = make_report("abc", threshold=1.0)
    assert report.blind
    assert kinds(report, Gate(fail_on=level)) == ["unjudged"]
    assert kinds(report, Gate()) == []


@pytest.mark.parametrize(
    ("text", "rows", "of", "exceeded"),
    [
        ("0", 0, 9, False),
        ("0", 1, 9, True),
        ("3", 3, 9, False),
        ("3", 4, 9, True),
        ("0%", 0, 9, False),
        ("0.1%", 1, 1000, False),
        ("0.1%", 2, 1000, True),
        ("0.1%", 1, 999, True),
        ("33.3%", 333, 1000, False),
        ("33.3%", 334, 1000, True),
        ("100%", 9, 9, False),
    ],
)
def test_an_allowance_is_exact(text: str, rows: int, of: int, exceeded: bool) -> None:
    assert parse_allowance("allow_flagged", text).exceeded(rows, of) is exceeded


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "101%", "1e3", "x", "5 %", "%", "٣", "1_0", "nan%", "9" * 40]
)
def test_what_is_no_allowance_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="`allow_flagged` can't be"):
        parse_allowance("allow_flagged", text)


def test_allowances_are_of_scored_rows_and_of_all_rows() -> None:
    report = make_report("abcdefghij", [0.9, 0.9, *[0.1] * 3, *[NAN] * 5])
    half, fifth = parse_allowance("x", "50%"), parse_allowance("x", "20%")
    assert kinds(report, Gate(fail_on=FailOn.UNJUDGED, allow_flagged=half)) == ["unjudged"]
    assert kinds(report, Gate(fail_on=FailOn.UNJUDGED, allow_unjudged=half)) == ["poison"]
    assert kinds(report, Gate(fail_on=FailOn.POISON, allow_flagged=fifth)) == ["poison"]
    problem = failures(report, Gate(fail_on=FailOn.POISON, allow_flagged=fifth))[0].problem
    assert problem == "2 of 5 scored rows are flagged, and 20% may be."


def test_nothing_is_allowed_by_default() -> None:
    assert Allowance("0", Fraction(0), False) == NO_ROWS
    assert kinds(make_report("ab", np.array([0.9, 0.1])), Gate(fail_on=FailOn.POISON)) == ["poison"]
