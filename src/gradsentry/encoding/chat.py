"""Conversations: rendering with a chat template, and finding what the assistant says.

A template with `{% generation %}` markers says itself which characters the assistant wrote. For
others one rendering is enough, too: the template's loop tells which message each part of the text
is written for. An assistant's part starts with the header that asks for it; the rest, with the
closing token, is the assistant's. Where the text doesn't come out of a loop over the messages, the
conversation is rendered turn by turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gradsentry.encoding.said import (
    Text,
    answers,
    find_opening_tag,
    split_thought,
    strip_tags,
    thoughts,
)
from gradsentry.encoding.template import ChatTemplate, Span, UnrenderableError
from gradsentry.encoding.template_watch import Part, Rendered
from gradsentry.records import Conversation, Message

_TURNS_ONE_BY_ONE = 64
"""Turns that are found by rendering all before them: each costs a rendering."""

_BLANKS = 8
"""More line ends than templates put behind a tag."""

_QUESTION, _ANSWER = "gradsentry-question", "gradsentry-answer"
_CALL = {"name": "gradsentry-call", "arguments": {"gradsentry-name": "gradsentry-value"}}
_ASKED: Message = {"role": "user", "content": _QUESTION}
_CALLING: Message = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "gradsentry", "type": "function", "function": _CALL}],
}
_CALLED: Message = {"role": "tool", "name": _CALL["name"], "content": _QUESTION}

_HEADER_ENDS = re.compile(r"[>\]:]|\s")


class UnsaidError(Exception):
    """The template leaves out something that the assistant says."""


@dataclass(frozen=True)
class Targets:
    """Which characters of a rendered conversation the assistant wrote."""

    spans: Sequence[Span]
    thoughts_dropped: bool
    """Whether the template drops thoughts of earlier turns, as those of thinking models do."""


class ChatRenderer:
    """Renders conversations with one template."""

    def __init__(
        self, template: ChatTemplate, special_tokens: Mapping[str, object], special: re.Pattern[str]
    ) -> None:
        self._template = template
        self._special_tokens = special_tokens
        self._special = special
        self._headers: dict[str, tuple[str, ...]] = {}
        self._thinks: dict[str, bool] = {}

    @property
    def has_markers(self) -> bool:
        """Whether the template marks what the assistant wrote."""
        return self._template.has_markers

    @property
    def writes_date(self) -> bool:
        """Whether the template asked for today's date."""
        return self._template.writes_date

    def render(
        self,
        conversation: Conversation,
        messages: Sequence[Message],
        generation_prompt: bool = False,
    ) -> Rendered:
        """Messages as text, with what the conversation gives the template besides.

        **Raises:**

        `UnrenderableError` if the template refuses them.
        """
        arguments = {**self._special_tokens, **conversation.template_arguments}
        return self._template.render(messages, conversation.tools, arguments, generation_prompt)

    def whole(self, conversation: Conversation) -> Rendered:
        """The whole conversation."""
        return self.render(conversation, conversation.messages)

    def prompt(self, conversation: Conversation) -> str:
        """All before the first target, with the prompt for the assistant's next turn."""
        before = conversation.messages[: conversation.first_target]
        return self.render(conversation, before, True).text

    def targets(self, conversation: Conversation, rendered: Rendered) -> Targets:
        """What the assistant wrote in the target turns.

        **Raises:**

        `UnrenderableError` if it can't be found, `UnsaidError` if some of it was left out.
        """
        if self.has_markers:
            return self._find_marked(conversation, rendered)
        found = self._find_by_loops(conversation, rendered)
        if found is not None:
            unsaid, dropped = self._find_unsaid(conversation, rendered.text, found)
            if not unsaid:
                return Targets([span for spans in found.values() for span in spans], dropped)
        try:
            one_by_one = self._find_one_by_one(conversation, rendered.text)
        except UnrenderableError:
            if found is None:
                raise
            raise UnsaidError from None
        unsaid, dropped = self._find_unsaid(conversation, rendered.text, one_by_one)
        if unsaid:
            raise UnsaidError
        return Targets([span for spans in one_by_one.values() for span in spans], dropped)

    def check_said(self, conversation: Conversation, rendered: Rendered) -> bool:
        """Refuse a text that leaves out something that the assistant says anywhere.

        Returns whether thoughts of earlier turns are dropped.

        **Raises:**

        `UnsaidError`.
        """
        everything = {turn: [(0, len(rendered.text))] for turn in conversation.target_turns}
        for turn in everything:
            if parts := rendered.written_for(turn):
                everything[turn] = [(part.start, part.end) for part in parts]
        unsaid, dropped = self._find_unsaid(conversation, rendered.text, everything)
        if unsaid:
            raise UnsaidError
        return dropped

    def _find_marked(self, conversation: Conversation, rendered: Rendered) -> Targets:
        targets = set(conversation.target_turns)
        start = 0
        if conversation.first_target and any(part.turn is None for part in rendered.generated):
            start = len(self.prompt(conversation))
        parts = [
            part
            for part in rendered.generated
            if (part.start >= start if part.turn is None else part.turn in targets)
        ]
        spans = [(part.start, part.end) for part in parts]
        told = {part.turn for part in parts}
        of_turns: dict[int, list[Span]] = {
            turn: [(p.start, p.end) for p in parts if p.turn == turn or None in told]
            for turn in conversation.target_turns
        }
        unsaid, dropped = self._find_unsaid(conversation, rendered.text, of_turns)
        if unsaid:
            raise UnsaidError
        return Targets(spans, dropped)

    def _find_by_loops(
        self, conversation: Conversation, rendered: Rendered
    ) -> dict[int, list[Span]] | None:
        """The spans of each target turn as the template's loops tell; None if they don't."""
        parts: dict[int, list[Part]] = {}
        for part in rendered.parts:
            if part.turn is not None:
                parts.setdefault(part.turn, []).append(part)
        last = len(conversation.messages) - 1
        spans: dict[int, list[Span]] = {}
        for turn in conversation.target_turns:
            own = parts.get(turn)
            if not own:
                return None
            start = self._find_header_end(conversation, rendered.text, own[0], turn)
            found = [(start, own[0].end), *((part.start, part.end) for part in own[1:])]
            end = len(rendered.text) if turn == last else own[-1].end
            found[-1] = self._cut_blanks(rendered.text, found[-1][0], end)
            spans[turn] = found
        return spans

    def _cut_blanks(self, text: str, start: int, end: int) -> Span:
        """A span without the whitespace that the template puts behind a turn's closing token."""
        span = text[start:end]
        return start, start + len(span.rstrip() if self._special.search(span) else span)

    def _find_header_end(self, conversation: Conversation, text: str, part: Part, turn: int) -> int:
        """Where the header of an assistant's turn ends.

        It is what the template would ask for such a turn with, or what that starts with alike: some
        templates open a turn otherwise once it is there.
        """
        after_tool = turn > 0 and conversation.messages[turn - 1]["role"] == "tool"
        headers = self._find_headers(conversation, after_tool)
        # Some write a system prompt of their own in the round of the first message.
        opens = not text[: part.start].strip() or turn == 0
        for header in headers:
            place = text.find(header, part.start, part.end if opens else part.start + len(header))
            if place >= 0:
                return place + len(header)
        for header in headers:
            shared = _shared_start(header, text[part.start : part.start + len(header)])
            if ends := self._ends_of_header(header[:shared]):
                return part.start + ends
        return part.start

    def _ends_of_header(self, shared: str) -> int:
        """Where the last line or special token of a header ends, else its last mark or space."""
        ends = [match.end() for match in self._special.finditer(shared)]
        ends += [shared.rfind("\n") + 1]
        if (end := max(ends)) > 0:
            return end
        return max((match.end() for match in _HEADER_ENDS.finditer(shared)), default=0)

    def _find_headers(self, conversation: Conversation, after_tool: bool) -> tuple[str, ...]:
        """What the template may ask for the assistant's turn with."""
        key = json.dumps(
            [after_tool, dict(conversation.template_arguments)], default=str, sort_keys=True
        )
        if key not in self._headers:
            probe = [_ASKED, _CALLING, _CALLED] if after_tool else [_ASKED]
            self._headers[key] = self._render_headers(conversation, probe)
            if after_tool:
                self._headers[key] += self._find_headers(conversation, False)
        return self._headers[key]

    def _render_headers(
        self, conversation: Conversation, messages: Sequence[Message]
    ) -> tuple[str, ...]:
        bare = replace(conversation, messages=messages, tools=None)
        try:
            asking, silent = (self.render(bare, messages, ask) for ask in (True, False))
        except UnrenderableError:
            return ()
        behind = [rendered.text[rendered.tail.start :] for rendered in (asking, silent)]
        headers = [
            behind[0],
            behind[0].removeprefix(behind[1]),
            asking.text.removeprefix(silent.text),
        ]
        return tuple(
            dict.fromkeys(header for header in headers if header and header != asking.text)
        )

    def _find_unsaid(
        self, conversation: Conversation, text: str, spans: Mapping[int, Sequence[Span]]
    ) -> tuple[bool, bool]:
        """Whether something that counts is missing from the spans; whether earlier thoughts are."""
        dropped = False
        turns = conversation.target_turns
        for turn in turns:
            message = conversation.messages[turn]
            own = Text(self._own_text(message, text, spans[turn]))
            for answer in answers(message):
                if own.says(answer):
                    continue
                thought, rest = split_thought(answer)
                if not thought.strip() or not own.says(rest):
                    return True, dropped
                if not strip_tags(thought).strip():
                    continue
                if turn == turns[-1] or not self._renders_thoughts(conversation, thought):
                    return True, dropped
                dropped = True
            for thought in thoughts(message):
                if own.says(thought):
                    continue
                if turn == turns[-1] or not self._renders_thoughts(conversation, ""):
                    return True, dropped
                dropped = True
        return False, dropped

    def _own_text(self, message: Message, text: str, spans: Sequence[Span]) -> str:
        """The text of some spans; with the header's end, where the answer starts with that, too."""
        own = " ".join(text[start:end] for start, end in spans)
        content = message.get("content")
        if not spans or not isinstance(content, str):
            return own
        tag = find_opening_tag(content.lstrip())
        start = spans[0][0]
        before = text[max(0, start - len(tag) - _BLANKS) : start].rstrip()
        return tag + own if tag and before.endswith(tag) else own

    def _renders_thoughts(self, conversation: Conversation, tags: str) -> bool:
        """Whether the template renders the thought of a conversation's only answer.

        **Arguments:**

        - `tags`: a thought in tags that is part of the content; empty for thoughts in a field.
        """
        opening, closing = _tags(tags)
        key = json.dumps([opening, closing, dict(conversation.template_arguments)], default=str)
        if key not in self._thinks:
            thought = "gradsentry-thought"
            content = f"{opening}\n{thought}\n{closing}\n\n{_ANSWER}" if closing else _ANSWER
            own = {} if closing else {"reasoning_content": thought}
            answer = {"role": "assistant", "content": content, **own}
            calling = {**_CALLING, **answer}
            self._thinks[key] = any(
                self._has(conversation, [_ASKED, message], thought) for message in (answer, calling)
            )
        return self._thinks[key]

    def _has(self, conversation: Conversation, messages: Sequence[Message], words: str) -> bool:
        try:
            return words in self.render(replace(conversation, tools=None), messages).text
        except UnrenderableError:
            return False

    def _find_one_by_one(self, conversation: Conversation, text: str) -> dict[int, list[Span]]:
        """The spans of each target turn, from renderings of all that comes before it."""
        if len(conversation.target_turns) > _TURNS_ONE_BY_ONE:
            raise UnrenderableError("it doesn't loop over the messages, and there are too many")
        spans = {}
        for turn in conversation.target_turns:
            start = self._find_start(conversation, text, turn)
            spans[turn] = [
                self._cut_blanks(text, start, self._find_end(conversation, text, turn, start))
            ]
        return spans

    def _find_start(self, conversation: Conversation, text: str, turn: int) -> int:
        if turn == 0:  # most templates render no conversation without messages
            for header in self._find_headers(conversation, False):
                if header in text:
                    return text.index(header) + len(header)
            raise UnrenderableError("it doesn't say where an opening turn starts")
        # Some templates open the assistant's turn differently when it is still to come.
        for generation_prompt in (True, False):
            before = self.render(conversation, conversation.messages[:turn], generation_prompt).text
            if text.startswith(before):
                return len(before)
        raise UnrenderableError("it renders earlier turns differently later on")

    def _find_end(self, conversation: Conversation, text: str, turn: int, start: int) -> int:
        through = self.render(conversation, conversation.messages[: turn + 1]).text
        if not text.startswith(through):
            through = self._render_through(conversation, turn)
            if not text.startswith(through) or len(through) <= start:
                raise UnrenderableError("it renders a turn differently later on")
        return len(through)

    def _render_through(self, conversation: Conversation, turn: int) -> str:
        """The text up to a turn's end, rendered as a turn that a user's message follows.

        A question tells where the next turn starts: once behind this turn, once in its place, for
        the header.
        """
        earlier = list(conversation.messages[:turn])
        behind = self.render(
            conversation, [*earlier, conversation.messages[turn], _ASKED]
        ).text.partition(_QUESTION)[0]
        instead = self.render(conversation, [*earlier, _ASKED]).text.partition(_QUESTION)[0]
        header = instead.removeprefix(self.render(conversation, earlier).text)
        return behind.removesuffix(header) if behind.endswith(header) else ""


def _tags(thought: str) -> tuple[str, str]:
    """The opening and closing tags of a thought."""
    thought = thought.strip()
    inner = strip_tags(thought).strip()
    if not thought or not inner:
        return "", thought
    start = thought.find(inner)
    if start < 0:
        return "", thought[-20:]
    return thought[:start].strip(), thought[start + len(inner) :].strip()


def _shared_start(one: str, other: str) -> int:
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
