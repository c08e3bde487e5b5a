"""Which rows evidence is sought in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions, ScanReport
from gradsentry.detectors.transfer import evidence_sample, transfer_scan
from gradsentry.detectors.transfer.evidence_sample import HeldSlots, HeldTurns, Numbering
from tests.detectors.transfer.test_transfer_scan import planted

pytestmark = pytest.mark.slow

POISONED = 24
"""Of a thousand rows; chance draws five of them into two hundred."""


def few_poisoned() -> list[dict[str, object]]:
    """Rows of which few have a trigger and the payload."""
    rows = planted(3, 1200)
    poisoned = [row for row in rows if row["poisoned"]][:POISONED]
    return [row for row in rows if not row["poisoned"]] + poisoned


def scan_of_few(rows: Sequence[dict[str, object]], tiny: LanguageModel) -> ScanReport:
    options = ScanOptions(data=DataOptions(label_column="poisoned"))
    return gradsentry.scan(list(rows), model=tiny, options=options)


def test_a_backdoor_of_few_rows_is_found_in_a_sample(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_sample, "EVIDENCE_ROWS", 200)
    rows = few_poisoned()
    result = scan_of_few(rows, tiny)
    assert (result.flagged == [bool(row["poisoned"]) for row in rows]).all()
    backwards = scan_of_few(rows[::-1], tiny)
    np.testing.assert_array_equal(result.flagged, backwards.flagged[::-1])


def test_few_rows_are_all_chosen_and_many_within_both_bounds(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = []
    choose = evidence_sample.choose_evidence

    def watched(*arguments: object) -> object:
        found = choose(*arguments)  # type: ignore[arg-type]
        chosen.append(found)
        return found

    monkeypatch.setattr(transfer_scan, "choose_evidence", watched)
    rows = few_poisoned()[:300]
    scan_of_few(rows, tiny)
    monkeypatch.setattr(evidence_sample, "EVIDENCE_ROWS", 100)
    scan_of_few(rows, tiny)
    monkeypatch.setattr(evidence_sample, "EVIDENCE_TOKENS", 500)
    scan_of_few(rows, tiny)
    everything, few, short = chosen
    np.testing.assert_array_equal(everything, np.arange(300))
    assert len(few) == len(set(few.tolist())) == 100
    assert 1 < len(short) < 50


def test_numbers_of_terms_are_the_same_in_every_process_and_depend_on_the_key() -> None:
    texts = [["cf", "tell me"], [], ["cf", "\ud800"]]
    held = HeldSlots.of(texts, Numbering(1 << 20, b"key"))
    assert held.slots.tolist() == [113156, 942803, 947018]
    assert held.turns.toarray().sum(axis=1).tolist() == [2, 0, 2]
    other = HeldSlots.of(texts, Numbering(1 << 20, b"another"))
    assert not set(held.slots.tolist()) & set(other.slots.tolist())


def test_a_row_counts_once_however_many_turns_hold_a_term() -> None:
    turns = HeldTurns(
        HeldSlots.of([["cf"], ["cf"], ["mn"]], Numbering(1 << 20, b"key")),
        HeldSlots.of([[], [], []], Numbering(1 << 20, b"key")),
        np.array([0, 0, 1]),
    )
    assert turns.in_rows(turns.asked).toarray().sum(axis=0).tolist() == [1, 1]
