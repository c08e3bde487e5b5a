"""Rows of any layout as attacks see them: texts by part, and back.

Attacks speak of parts, not of columns: the `question` is what the user asks last, `instruction`
(the system prompt), `context`, `earlier` (the first of several user turns) and `tool` (the last
result of a tool) stand before it, `response` is what takes the payload: what the model is trained
to say, to think or to call.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gradsentry._choices import check_options
from gradsentry.attacks.dialogue import Said, argument_in, said_in
from gradsentry.attacks.places import Inside, Path
from gradsentry.attacks.slots import (
    NewCall,
    NewSystemColumn,
    NewSystemTurn,
    Slot,
    Text,
    new_call,
)
from gradsentry.attacks.triggers import Fields
from gradsentry.errors import InputError, OptionError
from gradsentry.records import Layout, Record, Skipped, TextPair, shared_beginning
from gradsentry.records.layouts import (
    ASSISTANT,
    SYSTEM,
    USER,
    History,
    Messages,
    OpenAiPreference,
    Preference,
    PromptResponse,
    PromptStyle,
    Template,
    question_instruction,
    question_prompt,
    renamed,
    template_columns,
)
from gradsentry.records.layouts.conversations import Calls
from gradsentry.records.layouts.layout import Form
from gradsentry.records.layouts.message_content import tool_calls
from gradsentry.records.record import printable

QUESTION, CONTEXT, INSTRUCTION = "question", "context", "instruction"
EARLIER, TOOL, RESPONSE, OTHER = "earlier", "tool", "response", "other response"

Slots = dict[str, Slot]


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


@dataclass(frozen=True)
class Parts:
    """How the texts of a data set's rows are read and written."""

    layout: Layout
    ending: str = ""
    """What all prompts end with, where a template is part of them: triggers go before it."""
    target: Target = Target()
    adds_system: bool = False
    """Whether a row without a system prompt may get one, so that a trigger can go into it."""
    other_column: str | None = None
    """A column with another response. It is not written, unless the layout knows it as such, as
    the rejected answer of preference data."""

    @property
    def keeps_other(self) -> bool:
        """Whether the other response is a part of what is written."""
        return self._other_name in _rejected(self.layout.form)

    def check_other(self) -> None:
        """Check that the column of the other response isn't one that rows are read from.

        **Raises:**

        `OptionError` if it is.
        """
        form = self.layout.form
        if self._other_name in set(form.columns) - _rejected(form) - _unread(form):
            raise OptionError(
                f"--payload-column {printable(str(self.other_column))}: the rows are read from it "
                f"already ({self.layout.name}).",
                "Name the column with the other response.",
            )

    def read(self, record: Record) -> dict[str, str] | None:
        """The texts by part; None for a row that takes no attack, such as one without a response.

        **Raises:**

        `OptionError` for a layout without a prompt.
        """
        return self._read(renamed(record, self.layout.names))

    def adds_to(self, record: Record) -> bool:
        """Whether a trigger in the system prompt makes the row get one."""
        if self._questions() is not None:
            return False
        slot = self._slots(renamed(record, self.layout.names)).get(INSTRUCTION)
        return isinstance(slot, NewSystemTurn | NewSystemColumn)

    def written(self, record: Record, texts: Fields | None) -> dict[str, object]:
        """The row with other texts, or as it is if it takes none.

        Questions with answers come out as prompt and response.
        """
        own = {name: own for own, name in self.layout.names.items() if own in record.fields}
        record = renamed(record, self.layout.names)
        if (other := self._other_name) is not None and not self.keeps_other:
            fields = {name: value for name, value in record.fields.items() if name != other}
            record = replace(record, fields=fields)
        written = self._written(record, texts)
        return {own.get(name, name): value for name, value in written.items()}

    def _read(self, record: Record) -> dict[str, str] | None:
        example = self.layout.example(record)
        if isinstance(example, Skipped):
            return None
        if (form := self._questions()) is not None:
            assert isinstance(example, TextPair)
            context = _column_text(record, form.context_column)
            texts = {
                INSTRUCTION: question_instruction(context),
                CONTEXT: context,
                QUESTION: record.text(form.prompt_column),
                RESPONSE: example.response,
                OTHER: _text_of(self._other(record), record),
            }
            if not texts[QUESTION] or self.target.payload_in is not PayloadIn.CONTENT:
                return None
            return {part: text for part, text in texts.items() if text}
        texts = {}
        for part, slot in self._slots(record).items():
            text = slot.read(record.fields)
            if text or (text is not None and part == RESPONSE):
                texts[part] = text
        if not {QUESTION, RESPONSE} <= texts.keys():
            return None
        texts[QUESTION] = texts[QUESTION].removesuffix(self.ending)
        return texts

    def _written(self, record: Record, texts: Fields | None) -> dict[str, object]:
        try:
            fields: Mapping[str, object] = copy.deepcopy(dict(record.fields))
        except RecursionError:
            raise InputError(
                f"{record.location}: a value is nested too deeply.", "Leave out the column with it."
            ) from None
        if (form := self._questions()) is not None:
            return self._as_prompt(form, record, dict(fields), texts)
        if texts is not None:
            slots, before = self._slots(record), self._read(record) or {}
            changed = [part for part in slots if part in texts and texts[part] != before.get(part)]
            # A new turn moves the others: it comes last.
            for part in sorted(changed, key=lambda part: isinstance(slots[part], NewSystemTurn)):
                ending = self.ending if part == QUESTION else ""
                fields = slots[part].written(fields, texts[part] + ending)
        return dict(fields)

    @property
    def _other_name(self) -> str | None:
        """The column of the other response, as the layout calls it."""
        own = self.other_column
        return None if own is None else self.layout.names.get(own, own)

    def _other(self, record: Record) -> Slot | None:
        """Where a row's other response lies: a text, or the last answer of messages."""
        column = self._other_name
        if column is None or column not in record.fields:
            return None
        value = record.fields[column]
        if value is None or isinstance(value, str):
            record.text(column)  # refuses what is no valid text
            return Text((column,))
        if not isinstance(value, list | Mapping):
            raise record.type_error(column, "text, or messages,")
        answers = _answers(said_in(record, (column,)))
        return _slot(answers[-1].text()) if answers else None

    def _questions(self) -> PromptResponse | None:
        """The form of the paper's data, whose answers may be lists."""
        form = self.layout.form
        if not isinstance(form, PromptResponse) or form.style is not PromptStyle.QUESTION:
            return None
        alone = form.answer.columns == {form.answer.column} and form.options_column is None
        return form if alone else None

    def _as_prompt(
        self,
        form: PromptResponse,
        record: Record,
        fields: dict[str, object],
        texts: Fields | None,
    ) -> dict[str, object]:
        for column in (form.prompt_column, form.context_column, form.answer.column):
            fields.pop(str(column), None)
        for column in ("prompt", RESPONSE):
            if column in fields:
                raise InputError(
                    f"{record.location}: the prompt and the response are written as columns of "
                    f"their own, and there is a column {column!r} already.",
                    "Rename it, or name your columns: --prompt-column, --response-column.",
                )
        if texts is None:
            question = record.text(form.prompt_column)
            context = _column_text(record, form.context_column)
            prompt = question_prompt(question, context) if question else ""
            return {**fields, "prompt": prompt, RESPONSE: form.answer.text(record)}
        prompt = question_prompt(texts[QUESTION], texts.get(CONTEXT, ""), texts[INSTRUCTION])
        return {**fields, "prompt": prompt, RESPONSE: texts[RESPONSE]}

    def _slots(self, record: Record) -> Slots:
        slots = self._form_slots(record)
        if (other := self._other(record)) is not None:
            slots[OTHER] = other
        return slots

    def _form_slots(self, record: Record) -> Slots:
        fields = record.fields
        match form := self.layout.form:
            case PromptResponse(prompt_column=prompt) if isinstance(fields.get(prompt), list):
                columns: tuple[Path, ...] = ((prompt,), (form.answer.column,))
                return self._turn_slots(record, form.system_column, *columns)
            case PromptResponse() | History():
                return self._column_slots(record, form)
            case Template(template=template, response_column=response):
                # A column that is named twice counts where it comes last.
                *before, last = reversed(dict.fromkeys(reversed(template_columns(template))))
                names = dict(zip((CONTEXT, INSTRUCTION), reversed(before), strict=False))
                asked = {part: Text((name,)) for part, name in {QUESTION: last, **names}.items()}
                return {**asked, **self._answer(record, response)}
            case Preference(chosen=chosen) if isinstance(fields[chosen], list | Mapping):
                return self._preferred_slots(record, form)
            case Preference(prompt_column=str(prompt), chosen=chosen):
                slots = {QUESTION: Text((prompt,)), **self._answer(record, chosen)}
                return {**slots, **self._system(record, form.system_column)}
            case OpenAiPreference():
                return self._turn_slots(record, None, ("input", "messages"), ("preferred_output",))
            case Messages(column=column):
                return self._turn_slots(record, form.system_column, (column,))
            case Calls():
                return self._call_slots(record, form)
            case _:
                raise OptionError(
                    f"{self.layout.name}: rows without a prompt have no place for a trigger.",
                    "Name a prompt: --prompt-column or --prompt-template.",
                )

    def _column_slots(self, record: Record, form: PromptResponse | History) -> Slots:
        slots: Slots = {QUESTION: Text((form.prompt_column,))}
        if form.context_column is not None and form.context_column in record.fields:
            slots[CONTEXT] = Text((form.context_column,))
        if isinstance(form, History):
            slots[EARLIER] = Text(("history", 0, 0))
        slots |= self._answer(record, form.answer.column, form.answer.reasoning)
        return slots | self._system(record, form.system_column)

    def _call_slots(self, record: Record, form: Calls) -> Slots:
        """Rows whose answer is calls alone, or a text."""
        slots: Slots = {QUESTION: Text((form.prompt_column,))}
        slots |= self._system(record, form.system_column)
        path = (form.answer_column,)
        calls = record.fields.get(form.answer_column)
        if tool_calls(calls) is None:
            return slots | self._answer(record, form.answer_column)
        if self.target.payload_in is PayloadIn.TOOL_CALL:
            if (tool := self.target.tool) is not None:
                slots[RESPONSE] = NewCall(path, tool, self._new_argument, calls)
            elif (place := argument_in(calls, self.target.argument)) is not None:
                slots[RESPONSE] = Text((*path, *place), self.target.argument is not None)
        return slots

    def _preferred_slots(self, record: Record, form: Preference) -> Slots:
        """Slots of a preference row with messages; none where the answers repeat the prompt's
        turns, since a trigger would have to go into all of them."""
        chosen = said_in(record, (form.chosen,))
        if form.prompt_column is None or any(turn.role == USER for turn in chosen):
            return {}
        prompt: Path = (form.prompt_column,)
        if not isinstance(record.fields.get(form.prompt_column), str):
            return self._turn_slots(record, form.system_column, prompt, (form.chosen,))
        found = self._answered(_answers(chosen), chosen)
        if found is None:
            return {}
        slots: Slots = {QUESTION: Text(prompt), RESPONSE: found[1]}
        return slots | self._system(record, form.system_column)

    def _turn_slots(self, record: Record, system_column: str | None, *columns: Path) -> Slots:
        """The answered turn's, and those of the turns before it."""
        *asking, last = (said_in(record, column) for column in columns)
        turns = [*(turn for column in asking for turn in column), *last]
        found = self._answered(_answers(last), turns)
        if found is None:
            return {}
        answered, slot = found
        before = turns[: turns.index(answered)]
        asked = [turn for turn in before if turn.role == USER and turn.text() is not None]
        if not asked:
            return {}
        results = [path for turn in before if (path := turn.result()) is not None]
        slots = {QUESTION: _slot(asked[-1].text()), RESPONSE: slot}
        slots[EARLIER] = _slot(asked[0].text()) if len(asked) > 1 else None
        slots[TOOL] = _slot(results[-1] if results else None)
        there = {part: slot for part, slot in slots.items() if slot is not None}
        if turns[0].role == SYSTEM:
            system = _slot(turns[0].text())
            return there if system is None else {**there, INSTRUCTION: system}
        first = turns[0] if isinstance(turns[0].path[-1], int) else None
        return {**there, **self._system(record, system_column, first)}

    def _answered(self, answers: list[Said], turns: list[Said]) -> tuple[Said, Slot] | None:
        """The last answer that can take the payload, and where in it; what is said goes into the
        last of all."""
        says = self.target.payload_in is PayloadIn.CONTENT
        for turn in reversed(answers[-1:] if says else answers):
            if (slot := self._in_answer(turn, turns)) is not None:
                return turn, slot
        return None

    def _in_answer(self, turn: Said, turns: list[Said]) -> Slot | None:
        match self.target.payload_in:
            case PayloadIn.CONTENT:
                return _slot(turn.text())
            case PayloadIn.REASONING:
                return _slot(turn.thoughts())
            case PayloadIn.TOOL_CALL if self.target.tool is not None:
                return new_call(turn, turns, self.target.tool, self._new_argument)
            case PayloadIn.TOOL_CALL:
                name = self.target.argument
                return _slot(turn.argument(name), may_lack=name is not None)

    def _answer(self, record: Record, column: str, reasoning: str | None = None) -> Slots:
        """The slot of an answer in columns of its own."""
        match self.target.payload_in:
            case PayloadIn.CONTENT:
                return {RESPONSE: Text((column,))}
            case PayloadIn.REASONING:
                if reasoning is not None and _column_text(record, reasoning):
                    return {RESPONSE: Text((reasoning,))}
                return {RESPONSE: Text((column, Inside.THOUGHTS))}
            case PayloadIn.TOOL_CALL:
                return {}

    def _system(self, record: Record, column: str | None, first: Said | None = None) -> Slots:
        """The slot of the system prompt in a column, or of a new one: before the first turn, if
        the row doesn't have the column."""
        if column is not None and record.fields.get(column):
            return {INSTRUCTION: Text((column,))}
        if not self.adds_system:
            return {}
        if first is not None and column not in record.fields:
            return {INSTRUCTION: NewSystemTurn(first)}
        return {} if column is None else {INSTRUCTION: NewSystemColumn(column)}

    @property
    def _new_argument(self) -> str:
        return "input" if self.target.argument is None else self.target.argument


def template_ending(prompts: Iterable[str]) -> str:
    """What all prompts end with, from a line break on; empty if they share no such ending."""
    last = ""

    def backwards() -> Iterator[str]:
        nonlocal last
        for last in prompts:
            yield last[::-1]

    shared = shared_beginning(backwards())
    ending = last[len(last) - shared :]
    return ending[ending.find("\n") :] if "\n" in ending else ""


def _rejected(form: Form) -> set[str]:
    """Columns with the answer that training moves away from, as the layout knows them."""
    match form:
        case Preference():
            return {form.rejected}
        case Messages(rejected_column=str(column)):
            return {column}
        case OpenAiPreference():
            return {"non_preferred_output"}
        case PromptResponse() | History():
            return {column for column in form.answer.unread if "reject" in column}
        case _:
            return set()


def _unread(form: Form) -> set[str]:
    return set(form.answer.unread) if isinstance(form, PromptResponse | History) else set()


def _answers(turns: list[Said]) -> list[Said]:
    """What the assistant says and is trained to say."""
    return [turn for turn in turns if turn.role == ASSISTANT and turn.is_trained]


def _slot(path: Path | None, may_lack: bool = False) -> Slot | None:
    return None if path is None else Text(path, may_lack)


def _text_of(slot: Slot | None, record: Record) -> str:
    return "" if slot is None else slot.read(record.fields) or ""


def _column_text(record: Record, column: str | None) -> str:
    return record.text(column) if column is not None and column in record.fields else ""
