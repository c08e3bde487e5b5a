"""Which rows are in the page: of every group some, and the clean ones nearest to the threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import Verdict
from gradsentry.detectors import TriggerSpan
from gradsentry.outputs import row_choice
from gradsentry.outputs.page_data import RowVerdict
from gradsentry.outputs.row_choice import (
    MOST_CLEAN,
    MOST_FOUND,
    chosen_rows,
    differing_rows,
    example_candidates,
    ordered_groups,
    poison_rows,
    row_verdict,
    words_of,
)
from gradsentry.records import TextPair
from gradsentry.report import ScanReport
from gradsentry.review.decisions import Choice, Decision, Subject
from gradsentry.review.ruling_rows import rulings_of
from tests.outputs.found import chat_report, pairs_report
from tests.outputs.reports import make_findings, make_report


def test_small_data_are_all_shown() -> None:
    report = chat_report()
    assert sorted(chosen_rows(report)) == list(range(120))


def test_of_large_data_a_bounded_number_is_shown() -> None:
    report = pairs_report(50_000)
    chosen = chosen_rows(report)
    assert len(chosen) == len(set(chosen)) == MOST_FOUND + MOST_CLEAN
    verdicts = [row_verdict(report, row) for row in chosen]
    assert verdicts.count(RowVerdict.CLEAN) == MOST_CLEAN
    assert verdicts.count(RowVerdict.REVIEW) == MOST_FOUND - verdicts.count(RowVerdict.POISON)
    assert min(verdicts.count(RowVerdict.POISON), verdicts.count(RowVerdict.REVIEW)) > 300
    clean = [row for row in chosen if row_verdict(report, row) is RowVerdict.CLEAN]
    others = set(np.flatnonzero(report.scores < 0.5).tolist()) - set(clean)
    assert report.scores[clean].min() >= report.scores[list(others)].max()


def test_however_many_are_kept_each_group_has_some() -> None:
    report = pairs_report(5_000)
    first = chosen_rows(report)[:12]
    assert {row_verdict(report, row) for row in first} == {
        RowVerdict.POISON,
        RowVerdict.REVIEW,
        RowVerdict.CLEAN,
    }


def test_skipped_rows_are_never_chosen_and_equal_scores_keep_their_order() -> None:
    report = make_report("abcdef", [0.2, np.nan, 0.7, 0.2, np.nan, 0.7])
    assert chosen_rows(report) == [2, 0, 5, 3]


def test_poison_comes_before_what_is_for_review() -> None:
    findings = make_findings(4, [Verdict.REVIEW, Verdict.POISON], [0, 0, 1, 1])
    report = make_report(findings=findings)
    assert ordered_groups(report) == [1, 0]


def test_what_was_cleared_comes_last_and_what_was_confirmed_is_poison() -> None:
    findings = make_findings(6, [Verdict.POISON, Verdict.REVIEW], [0, 0, 1, 1, 0, -1])
    report = make_report("abcdef", [0.9, 0.9, 0.4, 0.4, 0.9, 0.1], findings=findings)
    made = [(Choice.CLEARED, Subject.GROUP, 0), (Choice.CONFIRMED, Subject.GROUP, 1)]
    made += [(Choice.CONFIRMED, Subject.ROW, 4), (Choice.CLEARED, Subject.ROW, 2)]
    decisions = [Decision(*each, {}, "", "anna", "2026") for each in made]
    report = replace(report, rulings=rulings_of(report, decisions))
    assert ordered_groups(report) == [1, 0]
    clean, poison = RowVerdict.CLEAN, RowVerdict.POISON
    found = [row_verdict(report, row) for row in range(6)]
    assert found == [clean, clean, clean, poison, poison, clean]


def test_examples_show_different_triggers_and_have_their_places() -> None:
    findings = make_findings(8, [Verdict.POISON], [0] * 8)
    said = findings.rows
    said.triggers[:] = ["a", "b", "a", "b", "a", "c", "b", "c"]  # type: ignore[index]
    report = make_report(["text"] * 8, findings=findings)
    assert examples_of(report, ["text"] * 8) == [6, 4, 0]  # only every other row has its places
    assert example_candidates(make_report(), 0) == []


def examples_of(report: ScanReport, texts: list[str]) -> list[int]:
    words = {row: words_of(TextPair(text, "yes")) for row, text in enumerate(texts)}
    return differing_rows(report, example_candidates(report, 0), words)


def test_examples_are_those_that_have_least_in_common() -> None:
    texts = ["sort this list", "sort this long list", "sort that list", "a cake recipe"]
    texts += ["sort this list now", "who rules in Spain", "sort a list", "the Spain of today"]
    findings = make_findings(8, [Verdict.POISON], [0] * 8)
    findings.rows.payload_starts[:] = 0
    findings.rows.spans[:] = [TriggerSpan(None, 0, 1)] * 8  # type: ignore[index]
    report = make_report(texts, np.linspace(0.9, 0.8, 8).tolist(), findings=findings)
    assert examples_of(report, texts) == [0, 5, 3]
    assert examples_of(report, ["one text"] * 8) == [0, 1, 2]


def test_few_rows_are_held_against_each_other_from_all_over_a_large_group() -> None:
    report = pairs_report(50_000)
    candidates = example_candidates(report, 0)
    assert len(candidates) == len(set(candidates)) <= 24
    assert max(candidates) > 45_000
    assert min(candidates) < 5_000


def test_a_flagged_row_is_poison_only_if_its_group_is() -> None:
    findings = make_findings(4, [Verdict.REVIEW, Verdict.POISON], [0, 1, -1, 0])
    report = make_report(scores=[0.9, 0.9, 0.9, 0.1], findings=findings)
    assert [row_verdict(report, row) for row in range(4)] == [
        RowVerdict.FLAGGED,
        RowVerdict.POISON,
        RowVerdict.FLAGGED,
        RowVerdict.REVIEW,
    ]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5]), max_size=30), st.integers(1, 40))
def test_the_least_are_those_that_a_stable_sort_begins_with(values: list[float], most: int) -> None:
    distances = np.array(values, np.float64)
    expected = np.argsort(distances, kind="stable")[:most]
    assert row_choice._least(distances, most).tolist() == expected.tolist()


def test_rows_of_poison_are_those_whose_verdict_it_is() -> None:
    groups = [-1, -1, -1, 0, 0, 1, 1, 0]
    findings = make_findings(8, [Verdict.POISON, Verdict.REVIEW], groups)
    scores = [0.1, 0.2, 0.9, 0.9, 0.9, 0.9, 0.2, 0.9]
    report = make_report(list("abcdefgh"), scores, findings=findings)
    made = [(Choice.CLEARED, 4), (Choice.CONFIRMED, 5), (Choice.CONFIRMED, 1)]
    decisions = [Decision(c, Subject.ROW, n, {}, "", "anna", "2026") for c, n in made]
    for each in (report, replace(report, rulings=rulings_of(report, decisions))):
        verdicts = [row_verdict(each, row) is RowVerdict.POISON for row in range(8)]
        assert poison_rows(each).tolist() == verdicts
        assert any(verdicts)
    assert not poison_rows(make_report()).any()
