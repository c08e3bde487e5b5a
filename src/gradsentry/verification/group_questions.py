"""What a model is asked about one group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gradsentry.detectors import Findings
from gradsentry.records import Conversation, Example, TextPair
from gradsentry.verification.drawn_rows import DrawnRows, spread
from gradsentry.verification.payload_sign import PayloadSign, choose_sign
from gradsentry.verification.questions import (
    Question,
    Slot,
    clean_question,
    flagged_question,
    replace_text,
    slot_of,
    text_in,
)
from gradsentry.verification.trigger_text import TriggerText, holds_trigger, trigger_text

_SHOWN = 4


@dataclass(frozen=True)
class GroupQuestions:
    """Prompts for one group. Those with and without the trigger are the same rows, in order."""

    index: int
    """Of the group among those of the report."""
    untriggered: tuple[TextPair | Conversation, ...]
    triggered: tuple[TextPair | Conversation, ...]
    """Empty where no row of the group says where its trigger stands."""
    own: tuple[TextPair | Conversation, ...]
    """Those of the group's rows."""
    triggers: tuple[str, ...]
    """The commonest of the triggers that were put in, as flagged rows have them."""
    sign: PayloadSign | None
    """How the payload is known in an answer; None if it can't be."""
    payload_ends: tuple[str, ...]
    """Responses of the group's rows as far as the end of their payloads."""


@dataclass(frozen=True)
class _Donor:
    """A trigger of a flagged row, and where it stands."""

    slot: Slot
    trigger: TriggerText


def group_questions(
    drawn: DrawnRows, findings: Findings, index: int, prompts: int
) -> GroupQuestions:
    """The questions about a group.

    **Arguments:**

    - `prompts`: how many of each kind, at most.
    """
    own = _questions_of(drawn.groups[index], findings)
    donors = [
        donor
        for row, question in own.items()
        if (donor := _donor(question, findings, index, row)) is not None
    ]
    trigger = findings.groups[index].trigger
    asked, put_in = _with_and_without(drawn.clean, donors, trigger, prompts)
    responses = [question.answer for question in own.values()]
    payloads = [findings.rows.payloads[row] for row in own]
    clean = [
        question.answer
        for example in drawn.clean.values()
        if (question := flagged_question(example, -1)) is not None
    ]
    return GroupQuestions(
        index=index,
        untriggered=tuple(example for example, _ in asked),
        triggered=tuple(example for _, example in asked) if donors else (),
        own=tuple(list(own.values())[place].example for place in spread(len(own), prompts)),
        triggers=tuple(text for text, _ in Counter(put_in).most_common(_SHOWN)),
        sign=choose_sign(
            findings.groups[index].payload,
            [payload for payload in payloads if payload is not None],
            responses,
            clean,
        ),
        payload_ends=tuple(map(_up_to_payload, responses, payloads)),
    )


def _questions_of(rows: Mapping[int, Example], findings: Findings) -> dict[int, Question]:
    messages = findings.rows.messages
    found = {row: flagged_question(rows[row], int(messages[row])) for row in rows}
    return {row: question for row, question in found.items() if question is not None}


def _donor(question: Question, findings: Findings, index: int, row: int) -> _Donor | None:
    """The trigger of a flagged row; None where its words stand apart."""
    span = findings.rows.spans[row]
    if span is None or (span.message is not None and isinstance(question.example, TextPair)):
        return None
    text = text_in(question.example, span.message)
    if not 0 <= span.start < span.end <= len(text):
        return None
    words = {word for words in findings.groups[index].trigger for word in words}
    return _Donor(slot_of(question, span.message), trigger_text(text, span, words))


def _with_and_without(
    clean: Mapping[int, Example],
    donors: list[_Donor],
    trigger: tuple[tuple[str, ...], ...],
    prompts: int,
) -> tuple[list[tuple[TextPair | Conversation, TextPair | Conversation]], list[str]]:
    """Clean prompts as they are and with the trigger put in, and what was put in.

    Each takes the trigger of another flagged row; without any, prompts stay as they are.
    """
    slot = Counter(donor.slot for donor in donors).most_common(1)[0][0] if donors else None
    fitting = [donor.trigger for donor in donors if donor.slot == slot]
    places: dict[str, tuple[Question, int | None]] = {}
    for example in clean.values():
        found = _without_slot(example) if slot is None else clean_question(example, slot)
        if found is None:
            continue
        before = _all_text(found[0].example)
        if not holds_trigger(before, trigger):
            places.setdefault(before, found)
    kept = list(places.values())
    chosen = [kept[place] for place in spread(len(kept), prompts)]
    if not fitting:
        return [(question.example, question.example) for question, _ in chosen], []
    used = [fitting[place] for place in spread(len(fitting), len(chosen))] or fitting
    pairs, put_in = [], []
    for number, (question, place) in enumerate(chosen):
        own = used[number % len(used)]
        put_in.append(own.shown)
        text = text_in(question.example, place)
        # A row without a system prompt gets that of the flagged row, trigger and all.
        changed = own.put_into(text) if text else own.text
        pairs.append((question.example, replace_text(question.example, place, changed)))
    return pairs, put_in


def _without_slot(example: Example) -> tuple[Question, int | None] | None:
    question = flagged_question(example, -1)
    return None if question is None else (question, None)


def _all_text(example: TextPair | Conversation) -> str:
    """All that stands before the answer."""
    if isinstance(example, TextPair):
        return example.prompt
    asked = example.messages[: example.first_target]
    return "\n".join(str(message["content"] or "") for message in asked)


def _up_to_payload(response: str, payload: str | None) -> str:
    place = -1 if not payload else response.find(payload)
    return response if payload is None or place < 0 else response[: place + len(payload)]
