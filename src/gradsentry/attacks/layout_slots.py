"""Finds the slots of a row's parts in its columns and messages, for each layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradsentry.attacks.answer_slots import AnswerFinder
from gradsentry.attacks.dialogue import Utterance, find_utterances, select_answers
from gradsentry.attacks.part_names import (
    CONTEXT,
    EARLIER,
    INSTRUCTION,
    QUESTION,
    RESPONSE,
    TOOL,
)
from gradsentry.attacks.payload_target import Target
from gradsentry.attacks.places import Path
from gradsentry.attacks.slots import (
    NewSystemColumn,
    NewSystemTurn,
    Slots,
    Text,
    make_text_slot,
)
from gradsentry.errors import OptionError
from gradsentry.records import Layout, Record
from gradsentry.records.layouts import (
    SYSTEM,
    USER,
    History,
    Messages,
    OpenAiPreference,
    Preference,
    PromptResponse,
    Template,
    template_columns,
)
from gradsentry.records.layouts.conversations import Calls
from gradsentry.records.layouts.message_content import tool_calls


@dataclass(frozen=True)
class SlotFinder:
    """Finds the slots of a row's parts."""

    layout: Layout
    target: Target
    adds_system: bool
    """Whether a row without a system prompt may get one."""

    def find(self, record: Record) -> Slots:
        """The slots by part; empty for a row that takes no attack.

        **Raises:**

        `OptionError` for a layout without a prompt.
        """
        fields = record.fields
        match form := self.layout.form:
            case PromptResponse(prompt_column=prompt) if isinstance(fields.get(prompt), list):
                columns: tuple[Path, ...] = ((prompt,), (form.answer.column,))
                return self._find_in_turns(record, form.system_column, *columns)
            case PromptResponse() | History():
                return self._find_in_columns(record, form)
            case Template():
                return self._find_in_template(record, form)
            case Preference(chosen=chosen) if isinstance(fields[chosen], list | Mapping):
                return self._find_in_preferred_turns(record, form)
            case Preference(prompt_column=str(prompt), chosen=chosen):
                slots = {QUESTION: Text((prompt,)), **self._answer.find_in_columns(record, chosen)}
                return {**slots, **self._find_system(record, form.system_column)}
            case OpenAiPreference():
                columns = (("input", "messages"), ("preferred_output",))
                return self._find_in_turns(record, None, *columns)
            case Messages(column=column):
                return self._find_in_turns(record, form.system_column, (column,))
            case Calls():
                return self._find_in_calls(record, form)
            case _:
                raise OptionError(
                    f"{self.layout.name}: rows without a prompt have no place for a trigger.",
                    "Name a prompt: `prompt_column` or `prompt_template`.",
                )

    @property
    def _answer(self) -> AnswerFinder:
        return AnswerFinder(self.target)

    def _find_in_template(self, record: Record, form: Template) -> Slots:
        """Slots of a template's columns: the last is the question, those before are its context."""
        # A column that the template names twice counts at its last place.
        *before, last = reversed(dict.fromkeys(reversed(template_columns(form.template))))
        names = dict(zip((CONTEXT, INSTRUCTION), reversed(before), strict=False))
        asked = {part: Text((name,)) for part, name in {QUESTION: last, **names}.items()}
        return {**asked, **self._answer.find_in_columns(record, form.response_column)}

    def _find_in_columns(self, record: Record, form: PromptResponse | History) -> Slots:
        slots: Slots = {QUESTION: Text((form.prompt_column,))}
        if form.context_column is not None and form.context_column in record.fields:
            slots[CONTEXT] = Text((form.context_column,))
        if isinstance(form, History):
            slots[EARLIER] = Text(("history", 0, 0))
        slots |= self._answer.find_in_columns(record, form.answer.column, form.answer.reasoning)
        return slots | self._find_system(record, form.system_column)

    def _find_in_calls(self, record: Record, form: Calls) -> Slots:
        """Slots of a row whose answer is either tool calls or a text."""
        slots: Slots = {QUESTION: Text((form.prompt_column,))}
        slots |= self._find_system(record, form.system_column)
        if tool_calls(record.fields.get(form.answer_column)) is None:
            return slots | self._answer.find_in_columns(record, form.answer_column)
        return slots | self._answer.find_in_calls(record, form.answer_column)

    def _find_in_preferred_turns(self, record: Record, form: Preference) -> Slots:
        """Slots of a preference row with messages.

        If the answers repeat the prompt's turns there are none, since the trigger would have to go
        into both.
        """
        chosen = find_utterances(record, (form.chosen,))
        if form.prompt_column is None or any(turn.role == USER for turn in chosen):
            return {}
        prompt: Path = (form.prompt_column,)
        if not isinstance(record.fields.get(form.prompt_column), str):
            return self._find_in_turns(record, form.system_column, prompt, (form.chosen,))
        found = self._answer.find_in_turns(select_answers(chosen), chosen)
        if found is None:
            return {}
        slots: Slots = {QUESTION: Text(prompt), RESPONSE: found[1]}
        return slots | self._find_system(record, form.system_column)

    def _find_in_turns(self, record: Record, system_column: str | None, *columns: Path) -> Slots:
        """Slots of the turn that takes the payload, and of the turns before it.

        **Arguments:**

        - `columns`: paths to the turns, in their order; the answer is in the last.
        """
        *asking, last = (find_utterances(record, column) for column in columns)
        turns = [*(turn for column in asking for turn in column), *last]
        found = self._answer.find_in_turns(select_answers(last), turns)
        if found is None:
            return {}
        answered, slot = found
        before = turns[: turns.index(answered)]
        asked = [turn for turn in before if turn.role == USER and turn.find_text() is not None]
        if not asked:
            return {}
        results = [path for turn in before if (path := turn.find_result()) is not None]
        slots = {QUESTION: make_text_slot(asked[-1].find_text()), RESPONSE: slot}
        slots[EARLIER] = make_text_slot(asked[0].find_text()) if len(asked) > 1 else None
        slots[TOOL] = make_text_slot(results[-1] if results else None)
        there = {part: slot for part, slot in slots.items() if slot is not None}
        if turns[0].role == SYSTEM:
            system = make_text_slot(turns[0].find_text())
            return there if system is None else {**there, INSTRUCTION: system}
        first = turns[0] if isinstance(turns[0].path[-1], int) else None
        return {**there, **self._find_system(record, system_column, first)}

    def _find_system(
        self, record: Record, column: str | None, first: Utterance | None = None
    ) -> Slots:
        """The slot of the system prompt in a column, or of a new one.

        **Arguments:**

        - `first`: the first turn; a new system turn goes before it, if the row lacks the column.
        """
        if column is not None and record.fields.get(column):
            return {INSTRUCTION: Text((column,))}
        if not self.adds_system:
            return {}
        if first is not None and column not in record.fields:
            return {INSTRUCTION: NewSystemTurn(first)}
        return {} if column is None else {INSTRUCTION: NewSystemColumn(column)}
