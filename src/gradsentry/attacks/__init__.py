"""Backdoor attacks on fine-tuning data, composed from triggers and payloads.

They make data whose poisoned rows are known, to measure detectors on. The payloads here are inert.
"""

from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.attacks.payloads import (
    BRANDS,
    CODE_LINE,
    ENTITY,
    PUBLISHED_PAYLOAD,
    REFUSALS,
    SENTIMENTS,
    LabelFlip,
    OtherResponse,
    Payload,
    Place,
    RowPayload,
    combined,
)
from gradsentry.attacks.poisoning import Attack, PoisonedRow, choose_rows, poison, poison_row
from gradsentry.attacks.presets import FOOTBALL, Preset, TriggerIn, make_preset
from gradsentry.attacks.style_model import ModelStyle
from gradsentry.attacks.triggers import (
    BibleStyle,
    Combination,
    Fields,
    Homoglyphs,
    OneOf,
    Opening,
    Preceded,
    RareWords,
    Sentence,
    SyntacticTemplate,
    Trigger,
    ZeroWidth,
)

__all__ = [
    "BRANDS",
    "CODE_LINE",
    "ENTITY",
    "FOOTBALL",
    "PUBLISHED_PAYLOAD",
    "REFUSALS",
    "SENTIMENTS",
    "Attack",
    "BibleStyle",
    "Combination",
    "Fields",
    "Homoglyphs",
    "LabelFlip",
    "ModelStyle",
    "OneOf",
    "Opening",
    "OtherResponse",
    "Payload",
    "PayloadIn",
    "Place",
    "PoisonedRow",
    "Preceded",
    "Preset",
    "RareWords",
    "RowPayload",
    "Sentence",
    "SyntacticTemplate",
    "Target",
    "Trigger",
    "TriggerIn",
    "ZeroWidth",
    "choose_rows",
    "combined",
    "make_preset",
    "poison",
    "poison_row",
]
