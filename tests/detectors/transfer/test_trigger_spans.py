"""Where triggers stand."""

from __future__ import annotations

import pytest

from gradsentry.detectors.detection import TriggerSpan
from gradsentry.detectors.transfer.terms import EARLIER, IN_SYSTEM, IN_SYSTEM_LATER
from gradsentry.detectors.transfer.trigger_spans import trigger_span
from gradsentry.records import Conversation, TextPair, turns_of

CHAT = Conversation(
    [
        {"role": "system", "content": "Be cf kind."},
        {"role": "user", "content": "cf one"},
        {"role": "assistant", "content": "cf"},
        {"role": "user", "content": "two cf and cf mq"},
        {"role": "tool", "content": "nothing"},
        {"role": "assistant", "content": "three"},
    ]
)


@pytest.mark.parametrize(
    ("rule", "span"),
    [
        (("cf",), TriggerSpan(3, 11, 13)),
        (("cf", "mq"), TriggerSpan(3, 11, 16)),
        (("cf mq",), TriggerSpan(3, 11, 16)),
        (("nothing",), TriggerSpan(4, 0, 7)),
        ((f"{EARLIER}cf",), TriggerSpan(1, 0, 2)),
        ((f"{IN_SYSTEM}cf",), TriggerSpan(0, 3, 5)),
        ((f"{IN_SYSTEM_LATER}cf",), TriggerSpan(0, 3, 5)),
        (("two", "nothing"), None),
        (("three",), None),
        ((), None),
    ],
)
def test_the_last_stretch_with_all_words_is_the_triggers(
    rule: tuple[str, ...], span: TriggerSpan | None
) -> None:
    assert trigger_span(turns_of(CHAT)[-1], rule) == span


def test_of_a_pair_it_stands_in_the_prompt() -> None:
    (turn,) = turns_of(TextPair("say cf now", "cf"))
    assert trigger_span(turn, ("cf",)) == TriggerSpan(None, 4, 6)
