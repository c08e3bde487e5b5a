"""A group in words: every doubt is told, and nothing is claimed that a doubt takes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradsentry.detectors import Doubt, TriggerPlace
from gradsentry.report.group_words import PLACES, against, how_sure, percent, question, reasons
from tests.outputs.found import doubtful, poison


def test_every_doubt_and_every_place_has_words() -> None:
    group = replace(doubtful("payload", "trigger", 30), doubts=tuple(Doubt))
    assert len(set(against(group))) == len(Doubt)
    assert set(PLACES) == set(TriggerPlace)


def test_poison_has_no_question_and_says_how_strong_it_is() -> None:
    many, few = poison("payload", "trigger", 30), poison("payload", "trigger", 12)
    assert question(many) is None
    assert against(many) == []
    assert how_sure(many) != how_sure(few)
    assert "All 30 rows of the group have the trigger; 0 of the 70 other rows do." in reasons(
        many, 100
    )


@pytest.mark.parametrize("doubt", [Doubt.LIFT, Doubt.CALL, Doubt.SEEN, Doubt.EXPECTED])
def test_what_the_model_expects_is_not_called_a_surprise(doubt: Doubt) -> None:
    sure = poison("payload", "trigger", 30)
    assert any("wouldn't answer so" in line for line in reasons(sure, 100))
    group = replace(doubtful("payload", "trigger", 30), doubts=(doubt,))
    assert not any("wouldn't answer so" in line for line in reasons(group, 100))
    assert question(group) is not None


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.0, "0.0%"), (1.0, "100.0%"), (0.1234, "12.3%"), (0.0005, "0.1%"), (3e-4, "0.03%")],
)
def test_a_share_that_isnt_nothing_isnt_told_as_nothing(share: float, told: str) -> None:
    assert percent(share) == told
