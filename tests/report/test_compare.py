"""Two scans beside each other: settings, verdicts and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradsentry import DataOptions, ScanReport, Verdict
from gradsentry.encoding import EncodingOptions
from gradsentry.report.compare import GroupFate, compare
from tests.outputs.reports import make_findings, make_report
from tests.report.test_matched_rows import digests

NAN = float("nan")


def scan(
    texts: str, scores: Sequence[float], groups: Sequence[int] = (), **given: Any
) -> ScanReport:
    """A report on rows of one letter each; groups that there are follow from the rows'."""
    if groups:
        verdicts = [Verdict.REVIEW] * (max(groups) + 1)
        findings = make_findings(len(texts), verdicts, groups, **given)
        rows = [replace(g, rows=list(groups).count(n)) for n, g in enumerate(findings.groups)]
        report = make_report(texts, scores, findings=replace(findings, groups=tuple(rows)))
    else:
        report = make_report(texts, scores)
    origins = replace(report.rows.origins, digests=digests(texts))
    return replace(report, rows=replace(report.rows, origins=origins))


def test_a_scan_differs_in_nothing_from_itself() -> None:
    report = scan("abc", [0.1, 0.9, NAN], [-1, 0, -1])
    found = compare(report, report)
    assert (found.settings, found.machine, found.verdicts) == ((), (), ())
    assert len(found.new_poison) == len(found.new_review) == 0
    assert [change.fate for change in found.groups] == [GroupFate.SAME]


def test_what_is_new_is_what_was_added_or_is_called_otherwise() -> None:
    old = scan("abcd", [0.1, 0.9, NAN, 0.2], [-1, -1, -1, 0])
    new = scan("dXcba", [0.9, 0.9, 0.1, 0.1, 0.2], [-1, -1, -1, -1, 0])
    found = compare(old, new)
    assert found.new_poison.tolist() == [0, 1]
    assert found.new_review.tolist() == [4]
    assert found.lost_poison.tolist() == [3]
    changes = {(each.old, each.new): each.rows.tolist() for each in found.verdicts}
    assert changes == {
        ("review", "poison"): [0],
        ("none", "review"): [4],
        ("poison", "none"): [3],
        ("unscored", "none"): [2],
    }


def test_what_was_for_poison_is_not_new_for_review() -> None:
    found = compare(scan("a", [0.9], [0]), scan("a", [0.1], [0]))
    assert not len(found.new_review)


def test_settings_are_told_apart_by_what_they_do_to_scores() -> None:
    report = make_report()
    assert report.options.model.revision == report.scanned_with.model_revision

    def other(**changes: Any) -> ScanReport:
        return replace(report, options=replace(report.options, **changes))

    longer = compare(report, other(encoding=EncodingOptions(max_length=7)))
    assert [(each.name, each.old, each.new) for each in longer.settings] == [
        ("encoding.max_length", 1024, 7)
    ]
    batched = compare(report, other(batch_tokens=99))
    assert not batched.settings
    assert [each.name for each in batched.machine] == ["batch_tokens"]
    newer = replace(report.scanned_with, versions={"gradsentry": "9"})
    found = compare(report, replace(report, scanned_with=newer))
    assert not found.settings
    assert [each.name for each in found.machine] == ["versions.gradsentry"]


def test_what_changes_no_score_is_no_difference() -> None:
    report = make_report()
    data = replace(report.options.data, label_column="bad")
    moved = replace(
        report,
        options=replace(report.options, data=data),
        scanned_with=replace(report.scanned_with, model="elsewhere/tiny"),
    )
    found = compare(report, moved)
    assert (found.settings, found.machine) == ((), ())
    tuned = replace(report.scanned_with, model="elsewhere/tiny", model_revision="other")
    names = [each.name for each in compare(report, replace(report, scanned_with=tuned)).settings]
    assert names == ["model_name", "model_revision"]
    assert DataOptions() != data


@pytest.mark.parametrize(
    ("old", "new", "fates"),
    [
        ([0, 0, -1], [0, 0, -1], [(GroupFate.SAME, 1, 1)]),
        ([0, 0, -1], [0, 0, 0], [(GroupFate.GROWN, 1, 1)]),
        ([0, 0, 0], [0, 0, -1], [(GroupFate.SHRUNK, 1, 1)]),
        ([0, 0, 1], [1, 1, 0], [(GroupFate.SAME, 2, 1), (GroupFate.SAME, 1, 2)]),
        ([0, 0, -1], (), [(GroupFate.GONE, 1, None)]),
    ],
)
def test_a_group_goes_on_where_most_of_its_rows_are(
    old: Sequence[int], new: Sequence[int], fates: list[tuple[GroupFate, int | None, int | None]]
) -> None:
    found = compare(scan("abc", [0.1] * 3, old), scan("abc", [0.1] * 3, new))
    assert [(each.fate, each.old_number, each.new_number) for each in found.groups] == fates


def test_a_group_of_other_rows_goes_on_by_its_payload_and_trigger() -> None:
    old = scan("ab", [0.1] * 2, [0, 0])
    same = compare(old, scan("xyz", [0.1] * 3, [0, 0, 0]))
    assert [change.fate for change in same.groups] == [GroupFate.GROWN]
    other = compare(old, scan("xyz", [0.1] * 3, [0, 0, 0], payload="else"))
    assert [change.fate for change in other.groups] == [GroupFate.NEW, GroupFate.GONE]


def test_many_rows_take_no_time_by_pairs() -> None:
    count = 200_000
    report = make_report("a" * 10)
    shape = np.arange(count, dtype=np.uint64).repeat(2).view(np.uint8).reshape(-1, 16)
    rows = replace(
        report.rows,
        scores=np.zeros(count),
        skip_codes=np.resize(report.rows.skip_codes, count),
        origins=replace(report.rows.origins, digests=shape),
    )
    old = replace(report, rows=rows)
    found = compare(old, replace(old, rows=replace(rows, scores=np.ones(count))))
    assert len(found.new_poison) == count
