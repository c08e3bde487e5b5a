"""What is said of decisions about a row and about its group."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradsentry.review.decision_words import tell_decision, tell_decisions
from gradsentry.review.decisions import Choice, Decision, Subject
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE

OWN = Decision(
    Choice.CONFIRMED, Subject.ROW, 2, {}, "own note", "anna", "2026-01-02T03:04:05+00:00"
)
GROUP = Decision(Choice.CLEARED, Subject.GROUP, 0, {}, "its note", "bert", "2026-01-03")
WORDS = {Choice.CONFIRMED: "confirmed as poison", Choice.CLEARED: "cleared"}


def test_nothing_is_said_where_nobody_decided() -> None:
    assert tell_decisions(None, None) == []


def test_one_decision_is_said_with_who_when_and_why() -> None:
    by = "by anna, 2026-01-02 03:04:05 UTC: own note"
    assert tell_decisions(OWN, None) == [tell_decision(OWN)] == [f"Confirmed as poison {by}"]
    assert tell_decisions(None, GROUP) == ["Cleared with its group by bert, 2026-01-03: its note"]


@pytest.mark.parametrize("own", WORDS)
@pytest.mark.parametrize("group", WORDS)
def test_both_are_said_whichever_they_are(own: Choice, group: Choice) -> None:
    first, second, *rest = tell_decisions(replace(OWN, choice=own), replace(GROUP, choice=group))
    assert WORDS[own] in first.lower()
    assert "anna" in first
    assert "own note" in first
    assert second.startswith(f"Its group is {WORDS[group]}")
    assert "bert" in second
    assert "its note" in second
    assert len(rest) == (own is not group)
    if rest:
        told = f"this row is {WORDS[own]}, although its group is {WORDS[group]}."
        assert rest[0].endswith(told)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_and_no_note_hides_anything(text: str) -> None:
    told = tell_decisions(replace(OWN, note=text, reviewer=text), replace(GROUP, time=text))
    assert not any(
        hides(character) for line in told for character in line if character not in " \n"
    )
