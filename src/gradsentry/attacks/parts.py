"""Rows of any layout as attacks see them: read by part, and written with other texts.

The names of the parts are in `part_names.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gradsentry.attacks.layout_slots import SlotFinder
from gradsentry.attacks.other_column import OtherColumn
from gradsentry.attacks.part_names import INSTRUCTION, OTHER, QUESTION, RESPONSE
from gradsentry.attacks.payload_target import PayloadIn, Target
from gradsentry.attacks.question_rows import (
    find_question_form,
    read_question_row,
    write_question_row,
)
from gradsentry.attacks.slots import NewSystemColumn, NewSystemTurn, Slots
from gradsentry.attacks.triggers import Fields
from gradsentry.errors import InputError
from gradsentry.records import Layout, Record, Skipped, TextPair
from gradsentry.records.layouts import PromptResponse, rename_columns


@dataclass(frozen=True)
class Parts:
    """How the texts of a data set's rows are read and written."""

    layout: Layout
    ending: str = ""
    """The ending that a template gives to all prompts; triggers go before it."""
    target: Target = field(default_factory=Target)
    adds_system: bool = False
    """Whether a row without a system prompt may get one, so that a trigger can go into it."""
    other_column: str | None = None
    """A column with another response. It isn't written, unless it holds the rejected answers of
    preference data."""

    @property
    def keeps_other(self) -> bool:
        """Whether the column of the other response is written."""
        return self._other.is_rejected

    def check_other(self) -> None:
        """Check that the column of the other response isn't one that rows are read from.

        **Raises:**

        `OptionError` if it is.
        """
        self._other.check()

    def read(self, record: Record) -> dict[str, str] | None:
        """The texts by part; None for a row that takes no attack, such as one without a response.

        **Raises:**

        `OptionError` for a layout without a prompt.
        """
        return self._read(rename_columns(record, self.layout.names))

    def adds_to(self, record: Record) -> bool:
        """Whether the row has no system prompt, and gets one for the trigger."""
        if self._question_form is not None:
            return False
        slot = self._find_slots(rename_columns(record, self.layout.names)).get(INSTRUCTION)
        return isinstance(slot, NewSystemTurn | NewSystemColumn)

    def write(self, record: Record, texts: Fields | None) -> dict[str, object]:
        """The row with other texts, or with its own if `texts` is None.

        Questions with answers come out as prompt and response.
        """
        own = {name: own for own, name in self.layout.names.items() if own in record.fields}
        record = rename_columns(record, self.layout.names)
        if (other := self._other.name) is not None and not self.keeps_other:
            fields = {name: value for name, value in record.fields.items() if name != other}
            record = replace(record, fields=fields)
        written = self._write(record, texts)
        return {own.get(name, name): value for name, value in written.items()}

    @property
    def _other(self) -> OtherColumn:
        return OtherColumn(self.layout, self.other_column)

    @property
    def _question_form(self) -> PromptResponse | None:
        return find_question_form(self.layout.form)

    def _find_slots(self, record: Record) -> Slots:
        slots = SlotFinder(self.layout, self.target, self.adds_system).find(record)
        if (other := self._other.find_slot(record)) is not None:
            slots[OTHER] = other
        return slots

    def _read(self, record: Record) -> dict[str, str] | None:
        example = self.layout.example(record)
        if isinstance(example, Skipped):
            return None
        if (form := self._question_form) is not None:
            assert isinstance(example, TextPair)
            return self._read_question_row(form, record, example.response)
        texts = {}
        for part, slot in self._find_slots(record).items():
            text = slot.read(record.fields)
            if text or (text is not None and part == RESPONSE):
                texts[part] = text
        if not {QUESTION, RESPONSE} <= texts.keys():
            return None
        texts[QUESTION] = texts[QUESTION].removesuffix(self.ending)
        return texts

    def _read_question_row(
        self, form: PromptResponse, record: Record, response: str
    ) -> dict[str, str] | None:
        texts = read_question_row(form, record, response)
        if (other := self._other.find_slot(record)) is not None:
            texts[OTHER] = other.read(record.fields) or ""
        if not texts[QUESTION] or self.target.payload_in is not PayloadIn.CONTENT:
            return None
        return {part: text for part, text in texts.items() if text}

    def _write(self, record: Record, texts: Fields | None) -> dict[str, object]:
        try:
            fields: Mapping[str, object] = copy.deepcopy(dict(record.fields))
        except RecursionError:
            raise InputError(
                f"{record.location}: a value is nested too deeply.", "Leave out the column with it."
            ) from None
        if (form := self._question_form) is not None:
            return write_question_row(form, record, dict(fields), texts)
        if texts is not None:
            slots, before = self._find_slots(record), self._read(record) or {}
            changed = [part for part in slots if part in texts and texts[part] != before.get(part)]
            # A new system turn shifts the paths of the others, so it is written last.
            for part in sorted(changed, key=lambda part: isinstance(slots[part], NewSystemTurn)):
                ending = self.ending if part == QUESTION else ""
                fields = slots[part].write(fields, texts[part] + ending)
        return dict(fields)
