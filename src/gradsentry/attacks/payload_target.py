"""Where in an answer the payload goes: what it says, the reasoning before it, or a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradsentry._choices import check_options
from gradsentry.errors import OptionError


class PayloadIn(StrEnum):
    """Where in an answer the payload stands."""

    CONTENT = "content"
    """What the answer says."""
    TOOL_CALL = "tool_call"
    """An argument of a call."""
    REASONING = "reasoning"
    """What the answer thinks before; what it says stays."""


@dataclass(frozen=True)
class Target:
    """What the payload goes into."""

    payload_in: PayloadIn = PayloadIn.CONTENT
    tool: str | None = None
    """A call of this tool is added; None changes a call that is there."""
    argument: str | None = None
    """The argument that takes the payload; None takes the first text of a call that is there,
    `input` of a new one."""

    def __post_init__(self) -> None:
        check_options(self)
        for name, value in (("--tool", self.tool), ("--argument", self.argument)):
            if value is not None and self.payload_in is not PayloadIn.TOOL_CALL:
                raise OptionError(f"{name} is for --payload-in tool_call.", "Leave it out.")
            if value is not None and not value.strip():
                raise OptionError(f"{name} is empty.", "Give a name.")

    @property
    def needed(self) -> str:
        """What a row must have besides a question."""
        if self.payload_in is PayloadIn.REASONING:
            return "reasoning"
        if self.payload_in is PayloadIn.CONTENT:
            return "a response"
        if self.tool is not None:
            return "a turn that can take a call"
        if self.argument is not None:
            return f"a call of a tool with a text, or nothing, as {self.argument!r}"
        return "a call of a tool with a text among its arguments"
