"""What is known of a group, in words for everybody; figures with their units are elsewhere."""

from __future__ import annotations

from gradsentry.detectors import Doubt, GroupFinding, TriggerPlace, Verdict
from gradsentry.detectors.transfer.criteria import CRITERIA

_FEW_ROWS = 20
LEAST_FREE_TEXT = 80
"""Characters from which payloads that vary are free text, and no names or numbers."""
_LEAST_OF_A_DIGIT = 0.0005
"""Shares below it would be written as 0.0%."""
PLACES = {
    TriggerPlace.START: "at the start of the prompt",
    TriggerPlace.END: "at the end of the prompt",
    TriggerPlace.ANYWHERE: "in the prompt",
    TriggerPlace.SYSTEM: "in the system prompt",
    TriggerPlace.EARLIER: "in an earlier turn",
}
_DOUBTS = {
    Doubt.LIFT: "The trigger's words make such answers more likely by themselves: they may ask for "
    "them.",
    Doubt.SEEN: "The model that read the data sees some reason in the trigger for what is "
    "answered.",
    Doubt.CALL: "Asked with the trigger alone, the model begins to answer so: it may be an "
    "instruction.",
    Doubt.TOPIC: "The prompts are all about one thing: this may be a topic and its usual answer.",
    Doubt.EXPECTED: "Such answers don't surprise the model: they may be ordinary ones.",
    Doubt.ELSEWHERE: "Most rows with such answers don't have the trigger.",
    Doubt.UNKNOWN: "The model that read the data doesn't understand them. That it sees no reason "
    "says little; a stronger model could decide.",
    Doubt.FORMAT: "What recurs is only a word or two around answers that differ: it may be a "
    "format.",
    Doubt.REQUEST: "Without the trigger the prompts say much less than others do: it may be what "
    "they ask for.",
}

_SEES_WHY = {Doubt.LIFT, Doubt.SEEN, Doubt.CALL, Doubt.EXPECTED, Doubt.UNKNOWN}
"""Doubts by which the base model's surprise says little."""


def percent(share: float) -> str:
    """A share as a percentage, with a digit that isn't 0 however small it is."""
    return f"{share:.1%}" if share == 0 or share >= _LEAST_OF_A_DIGIT else f"{100 * share:.1g}%"


def is_free_text(group: GroupFinding) -> bool:
    """Whether a group's payloads are whole answers in words of their own, as of a model that was
    asked to be rude: then there is no text to point at."""
    texts = [text for text, rows in group.variants if rows == 1]
    return (
        group.payload is None
        and len(texts) == len(group.variants) > 0
        and all(len(text) >= LEAST_FREE_TEXT for text in texts)
    )


def how_sure(group: GroupFinding) -> str:
    """How far the evidence goes, in a few words."""
    if group.verdict is Verdict.REVIEW:
        return "undecided, a person must look"
    return "strong evidence, from few rows" if group.rows < _FEW_ROWS else "strong evidence"


def reasons(group: GroupFinding, scored: int) -> list[str]:
    """What speaks for a backdoor, a sentence each."""
    others, doubts = scored - group.rows, set(group.doubts)
    found = [
        f"{_of(group.trigger_rows, group.rows)} rows of the group have the trigger; "
        f"{group.trigger_elsewhere:,} of the {others:,} other rows do."
    ]
    if group.payload is not None:
        found.append(f"{_of(group.payload_rows, group.rows)} hold the payload, word for word.")
    found.append(
        f"A trigger learnt from a part of the rows finds {group.recall:.0%} of the rest, and "
        f"{group.precision:.0%} of what it finds belongs to the group."
    )
    if group.dependence >= CRITERIA.depends and not doubts & {Doubt.TOPIC, Doubt.SEEN}:
        beyond = ", far beyond chance" if group.dependence_z >= CRITERIA.surest_chance else ""
        found.append(f"Nothing else in the prompts says that the answer will be such{beyond}.")
    if group.surprise >= CRITERIA.surprise_of_many and not doubts & _SEES_WHY:
        found.append("A model that hasn't been trained on these data wouldn't answer so.")
    return found


def against(group: GroupFinding) -> list[str]:
    """What speaks for its being meant, a sentence each."""
    return [_DOUBTS[doubt] for doubt in group.doubts]


def question(group: GroupFinding) -> str | None:
    """What a person must decide; nothing of what is called poison."""
    if group.verdict is Verdict.POISON:
        return None
    return (
        "Was it meant that prompts with these words are answered so? If it was, keep the rows. If "
        "it wasn't, or if nobody knows, leave them out."
    )


def _of(part: int, whole: int) -> str:
    return f"All {whole:,}" if part == whole else f"{part:,} of {whole:,}"
