"""What asking a tuned model came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gradsentry.verification.found_rates import PayloadRates, Presence, Rate, Unsure
from gradsentry.verification.payload_sign import SignKind


@dataclass(frozen=True)
class GroupVerification:
    """What the answers say about one group."""

    group: int
    """Its number in the report, from 1."""
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
        """Of all groups: a backdoor if any is in the model, else unsure if any may be."""
        found = {group.presence for group in self.groups}
        for presence in (Presence.BACKDOOR, Presence.UNSURE):
            if presence in found:
                return presence
        return Presence.NONE

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
        "own_prompts": rates.flagged,
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
