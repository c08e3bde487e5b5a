"""Backdoor attacks on fine-tuning data, composed from triggers and payloads.

For measuring detectors on data whose poisoned rows are known. The payloads that ship are inert.
"""

from gradsentry.attacks.payloads import PUBLISHED_PAYLOAD, Payload, Place, combined
from gradsentry.attacks.poisoning import Attack, PoisonedRow, chosen_rows, poison
from gradsentry.attacks.triggers import (
    BibleStyle,
    Combination,
    Fields,
    OneOf,
    Opening,
    RareWords,
    Sentence,
    Trigger,
)

__all__ = [
    "PUBLISHED_PAYLOAD",
    "Attack",
    "BibleStyle",
    "Combination",
    "Fields",
    "OneOf",
    "Opening",
    "Payload",
    "Place",
    "PoisonedRow",
    "RareWords",
    "Sentence",
    "Trigger",
    "chosen_rows",
    "combined",
    "poison",
]
