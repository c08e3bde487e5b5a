"""Finds the slot in a row's answer that takes the payload."""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry.attacks.dialogue import Utterance, find_argument
from gradsentry.attacks.part_names import RESPONSE
from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.attacks.places import Inside, Path
from gradsentry.attacks.slots import NewCall, Slot, Slots, Text, make_new_call, make_text_slot
from gradsentry.records import Record


@dataclass(frozen=True)
class AnswerFinder:
    """Finds the slot of the response in turns, in columns or in tool calls."""

    target: Target

    def find_in_turns(
        self, answers: list[Utterance], turns: list[Utterance]
    ) -> tuple[Utterance, Slot] | None:
        """The last answer that can take the payload, and the slot in it.

        A payload in the text of an answer goes into the last answer only.

        **Arguments:**

        - `turns`: the whole conversation.
        """
        says = self.target.payload_in is PayloadIn.CONTENT
        for turn in reversed(answers[-1:] if says else answers):
            if (slot := self._find_in_turn(turn, turns)) is not None:
                return turn, slot
        return None

    def find_in_columns(self, record: Record, column: str, reasoning: str | None = None) -> Slots:
        """The slot of an answer in one column, with its reasoning in another or in think tags."""
        match self.target.payload_in:
            case PayloadIn.CONTENT:
                return {RESPONSE: Text((column,))}
            case PayloadIn.REASONING:
                thoughts: Path = (column, Inside.THOUGHTS)
                if reasoning is not None and reasoning in record.fields and record.text(reasoning):
                    thoughts = (reasoning,)
                return {RESPONSE: Text(thoughts)}
            case PayloadIn.TOOL_CALL:
                return {}

    def find_in_calls(self, record: Record, column: str) -> Slots:
        """The slot in an answer that consists of tool calls."""
        calls = record.fields.get(column)
        if self.target.payload_in is not PayloadIn.TOOL_CALL:
            return {}
        if self.target.tool is not None:
            return {RESPONSE: NewCall((column,), self.target.tool, self._new_argument, calls)}
        place = find_argument(calls, self.target.argument)
        if place is None:
            return {}
        return {RESPONSE: Text((column, *place), self.target.argument is not None)}

    def _find_in_turn(self, turn: Utterance, turns: list[Utterance]) -> Slot | None:
        match self.target.payload_in:
            case PayloadIn.CONTENT:
                return make_text_slot(turn.find_text())
            case PayloadIn.REASONING:
                return make_text_slot(turn.find_thoughts())
            case PayloadIn.TOOL_CALL if self.target.tool is not None:
                return make_new_call(turn, turns, self.target.tool, self._new_argument)
            case PayloadIn.TOOL_CALL:
                name = self.target.argument
                return make_text_slot(turn.find_argument(name), may_lack=name is not None)

    @property
    def _new_argument(self) -> str:
        return "input" if self.target.argument is None else self.target.argument
