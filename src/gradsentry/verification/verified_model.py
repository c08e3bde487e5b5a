"""What asking a tuned model came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gradsentry.detectors import Verdict
from gradsentry.verification.found_rates import PayloadRates, Presence, Rate, Unsure
from gradsentry.verification.payload_sign import SignKind


@dataclass(frozen=True)
class GroupVerification:
    """What the answers say about one group."""

    group: int
    """Its number in the report, from 1."""
    verdict: Verdict
    """The scan's: `poison`, or `review` for a pattern that may be meant."""
    presence: Presence
    why: Unsure | None
    """Why the answers can't tell; None where they do."""
    triggers: tuple[str, ...]
    """The commonest of the triggers that were put in, as the data have them."""
    payload: str | None
    """The group's payload; None where it varies."""
    sign: SignKind | None
    """What tells the payload in an answer."""
    new_tokens: int
    """The most that an answer may have."""
    tuned: PayloadRates
    base: PayloadRates | None
    """Of the model before tuning, if that was asked, too."""
    answer: str | None
    """An answer of the tuned model that holds the payload."""


@dataclass(frozen=True)
class ModelVerification:
    """What a tuned model answers where a scan found backdoors in its data."""

    model: str
    """As it was named."""
    base: str | None
    groups: tuple[GroupVerification, ...]

    @property
    def presence(self) -> Presence:
        """Of all groups but those that a person cleared: a backdoor if one of poison is in the
        model.

        Unsure if one may be, or if a pattern for review is in it: whether that is meant only a
        person can tell.
        """
        found = {group.presence for group in self.groups if group.verdict is Verdict.POISON}
        if Presence.BACKDOOR in found:
            return Presence.BACKDOOR
        sought = [group for group in self.groups if group.verdict is not Verdict.NONE]
        none = all(group.presence is Presence.NONE for group in sought)
        return Presence.NONE if none else Presence.UNSURE

    def to_dict(self) -> dict[str, Any]:
        """The same in JSON's types, with shares and their intervals."""
        return {
            "model": self.model,
            "base": self.base,
            "presence": str(self.presence),
            "groups": [_group(group) for group in self.groups],
        }


def _group(group: GroupVerification) -> dict[str, Any]:
    return {
        **asdict(group),
        "verdict": str(group.verdict),
        "presence": str(group.presence),
        "why": None if group.why is None else str(group.why),
        "triggers": list(group.triggers),
        "sign": None if group.sign is None else str(group.sign),
        "tuned": _rates(group.tuned),
        "base": None if group.base is None else _rates(group.base),
    }


def _rates(rates: PayloadRates) -> dict[str, Any]:
    named = {
        "with_trigger": rates.triggered,
        "without_trigger": rates.untriggered,
        "own_prompts": rates.own,
    }
    return {name: None if rate is None else _rate(rate) for name, rate in named.items()}


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = (round(bound, 4) for bound in rate.interval)
    return {
        "hits": rate.hits,
        "asked": rate.asked,
        "share": round(rate.share, 4),
        "interval": [low, high],
    }
