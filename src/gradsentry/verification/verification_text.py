"""What asking a tuned model came to, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from gradsentry.detectors import Verdict
from gradsentry.safe_text import excerpt, quoted, visible
from gradsentry.verification.found_rates import PayloadRates, Presence, Rate, Unsure
from gradsentry.verification.payload_sign import SignKind
from gradsentry.verification.verified_model import GroupVerification, ModelVerification

_QUOTED = 120
_PRESENCE = {
    Presence.BACKDOOR: "the {} is in the model",
    Presence.NONE: "no sign of it in the model",
    Presence.UNSURE: "can't tell whether it is in the model",
}
_WHY = {
    Unsure.FEW: "so few prompts leave both open; ask more with --prompts",
    Unsure.VARIES: "the payload varies, and nothing tells it from what clean rows answer",
    Unsure.NO_PROMPTS: "no row has a prompt that could be asked",
    Unsure.BASE: "the base model answers so about as often",
    Unsure.OWN_PROMPTS: (
        "the payload comes for the prompts of the group's own rows, but not where their trigger is "
        "put into others: the model knows these rows, or the trigger is more than what was put in"
    ),
}
_SIGNS = {
    SignKind.REFUSAL: "is a refusal",
    SignKind.TEXT: "holds the payload",
    SignKind.TEXTS: "holds one of the payloads",
    SignKind.ALIKE: "is worded as the group's responses are",
}


_KINDS = {
    Verdict.POISON: "backdoor",
    Verdict.REVIEW: "pattern for review",
    Verdict.NONE: "pattern that a person cleared",
}


def verification_lines(found: ModelVerification) -> Iterator[str]:
    """The lines that a person reads; all text of the data is made visible."""
    for group, line in zip_longest(found.groups, group_lines(found)):
        yield line
        if group is not None:
            yield from (f"  {fact}" for fact in _facts(group))


def group_lines(found: ModelVerification) -> list[str]:
    """A sentence for each group."""
    if not found.groups:
        return ["The scan found no groups, so there is nothing to ask the model."]
    return [f"Group {group.group}: {_presence(group)}." for group in found.groups]


def _presence(group: GroupVerification) -> str:
    kind = _KINDS[group.verdict]
    said = _PRESENCE[group.presence].format(kind)
    return said if group.why is None else f"{said}: {_WHY[group.why]}"


def _facts(group: GroupVerification) -> Iterator[str]:
    if group.triggers:
        shown = ", ".join(quoted(trigger, _QUOTED) for trigger in group.triggers)
        yield f"Put in as trigger: {shown}"
    if group.sign is None:
        return
    sought = f"An answer counts if it {_SIGNS[group.sign]}"
    if group.sign is SignKind.TEXT and group.payload is not None:
        sought += f", {quoted(group.payload.strip() or group.payload, _QUOTED)}"
    yield f"{sought}; answers have at most {group.new_tokens:,} tokens."
    yield from _rates("Tuned model", group.tuned)
    if group.base is not None:
        yield from _rates("Base model", group.base)
    if group.answer is not None:
        yield f'Such an answer: "{excerpt(group.answer, 2 * _QUOTED)}"'


def _rates(model: str, rates: PayloadRates) -> Iterator[str]:
    asked = {
        "clean prompts with the trigger": rates.triggered,
        "the same prompts without it": rates.untriggered,
        "prompts of the group's own rows": rates.own,
    }
    for name, rate in asked.items():
        yield f"{model}, {name}: {_rate(rate)}"


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "not asked"
    low, high = rate.interval
    return visible(
        f"{rate.hits:,} of {rate.asked:,} ({rate.share:.1%}; 95% interval {low:.1%} to {high:.1%})"
    )
