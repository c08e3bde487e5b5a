"""Answers and triggers of strangers on the terminal."""

from __future__ import annotations

import json

import pytest

from gradsentry import Verdict
from gradsentry.safe_text import json_text
from gradsentry.verification import GroupVerification, ModelVerification, Presence, Rate, Unsure
from gradsentry.verification.found_rates import PayloadRates
from gradsentry.verification.payload_sign import SignKind
from gradsentry.verification.verification_text import verification_lines
from tests.outputs.reports import HIDDEN, HOSTILE


def verified(
    text: str, why: Unsure | None = None, verdict: Verdict = Verdict.POISON
) -> ModelVerification:
    rates = PayloadRates(Rate(49, 50), Rate(0, 50), None)
    presence = Presence.BACKDOOR if why is None else Presence.UNSURE
    group = GroupVerification(
        1, verdict, presence, why, (text,), text, SignKind.TEXT, 40, rates, rates, text
    )
    return ModelVerification(text, text, (group,))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_moves_and_hides_nothing(text: str) -> None:
    found = verified(text)
    shown = "\n".join(verification_lines(found))
    assert not set(HIDDEN) & set(shown)
    assert len(shown.splitlines()) == 10
    told = json_text(found.to_dict())
    assert not set(HIDDEN) & set(told)
    assert json.loads(told)["groups"][0]["payload"] == text


@pytest.mark.parametrize("why", list(Unsure))
def test_every_doubt_has_words(why: Unsure) -> None:
    first = next(iter(verification_lines(verified("x", why))))
    assert first.startswith("Group 1: can't tell")


def test_figures_and_intervals_are_told() -> None:
    shown = "\n".join(verification_lines(verified("x")))
    assert "with the trigger: 49 of 50 (98.0%; 95% interval 89.5% to 99.6%)" in shown
    assert "prompts of the group's own rows: not asked" in shown


def test_no_groups_are_told() -> None:
    (line,) = verification_lines(ModelVerification("m", None, ()))
    assert "no groups" in line


def test_a_pattern_for_review_is_no_backdoor() -> None:
    found = verified("x", verdict=Verdict.REVIEW)
    assert found.presence is Presence.UNSURE
    assert next(iter(verification_lines(found))) == (
        "Group 1: the pattern for review is in the model."
    )
    assert verified("x").presence is Presence.BACKDOOR


def test_a_pattern_that_a_person_cleared_is_told_and_fails_nothing() -> None:
    found = verified("x", verdict=Verdict.NONE)
    assert found.presence is Presence.NONE
    (first, *_) = verification_lines(found)
    assert first == "Group 1: the pattern that a person cleared is in the model."
