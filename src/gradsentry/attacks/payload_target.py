"""Where in an answer the payload goes: what it says, the reasoning before it, or a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradsentry._option_checks import check_options
from gradsentry.errors import OptionError


class PayloadIn(StrEnum):
    """Which part of an answer takes the payload."""

    CONTENT = "content"
    """The text of the answer."""
    TOOL_CALL = "tool_call"
    """An argument of a tool call."""
    REASONING = "reasoning"
    """The reasoning before the text, which stays as it is."""


@dataclass(frozen=True)
class Target:
    """The place in an answer that takes the payload."""

    payload_in: PayloadIn = PayloadIn.CONTENT
    tool: str | None = None
    """Adds a call of this tool; None changes a call that is there."""
    argument: str | None = None
    """The argument that takes the payload. None stands for the first argument that is a text, or
    for `input` in a new call."""

    def __post_init__(self) -> None:
        check_options(self)
        for name, value in (("`tool`", self.tool), ("`argument`", self.argument)):
            if value is not None and self.payload_in is not PayloadIn.TOOL_CALL:
                raise OptionError(f"{name} is for `payload_in` tool_call.", "Leave it out.")
            if value is not None and not value.strip():
                raise OptionError(f"{name} is empty.", "Give a name.")

    @property
    def needed(self) -> str:
        """What a row must have besides a question, for messages."""
        if self.payload_in is PayloadIn.REASONING:
            return "reasoning"
        if self.payload_in is PayloadIn.CONTENT:
            return "a response"
        if self.tool is not None:
            return "a turn that can take a call"
        if self.argument is not None:
            return f"a call of a tool with a text, or nothing, as {self.argument!r}"
        return "a call of a tool with a text among its arguments"
