"""Options that make no sense are refused."""

from __future__ import annotations

import pytest

from gradsentry.attacks import (
    Payload,
    PayloadIn,
    Preset,
    TriggerIn,
)
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.errors import GradSentryError


@pytest.mark.parametrize(
    "options", [{"ratio": 0.0}, {"ratio": 1.5}, {"count": -1}, {"attack": "no"}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(GradSentryError):
        PoisonOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"payload": Payload(("x",)), "payload_column": "c"},
        {"payload": Payload(), "flip": True},
        {"payload_column": "c", "flip_to": "x"},
        {"payload_file": "f"},
        {"payload_column": ""},
        {"flip_to": " "},
        {"flip": True, "payload_in": PayloadIn.REASONING},
        {"tool": "t"},
        {"argument": "a", "payload_in": PayloadIn.REASONING},
        {"trigger_in": TriggerIn.TOOL, "attack": Preset.CBA},
        {"trigger_in": TriggerIn.SYSTEM, "attack": Preset.MULTI_TURN},
        {"trigger_in": "assistant"},
        {"payload_in": "prompt"},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(GradSentryError):
        PoisonOptions(**options)  # type: ignore[arg-type]
