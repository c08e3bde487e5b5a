"""Where in an answer the payload goes."""

from __future__ import annotations

from typing import Any

import pytest

from gradsentry.attacks.payload_target import Target
from gradsentry.errors import OptionError


@pytest.mark.parametrize(
    "options", [("content", "send", None), ("reasoning", None, "to"), ("tool_call", " ", None)]
)
def test_targets_that_make_no_sense_are_refused(options: tuple[Any, ...]) -> None:
    with pytest.raises(OptionError, match=r"`tool`|`argument`"):
        Target(*options)
