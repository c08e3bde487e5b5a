"""Chat templates: the text of a conversation, and which message each part of it was written for.

The environment is that of transformers' `apply_chat_template`, filter by filter, so that the text
is the trainer's. Three things are ours: loops tell which message they are at, what a template may
use up is bounded, and the date is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateSyntaxError

from gradsentry.encoding.budget import Budget
from gradsentry.encoding.template_environment import TemplateEnvironment
from gradsentry.encoding.template_watch import Rendered, Watch, Watched
from gradsentry.records import Message

Span = tuple[int, int]

_REASONING_FIELDS = ("reasoning_content", "thinking", "reasoning")
_REASON_CHARACTERS = 200


class UnrenderableError(Exception):
    """The template refuses a conversation, or fails on it; the text is its own reason."""

    def __init__(self, reason: object) -> None:
        words = "".join(c if c.isprintable() else " " for c in str(reason)).split()
        super().__init__(" ".join(words)[:_REASON_CHARACTERS])


class ChatTemplate:
    """A compiled chat template.

    **Raises:**

    `jinja2.TemplateSyntaxError` if it is none.
    """

    def __init__(self, source: str) -> None:
        self._environment = TemplateEnvironment()
        try:
            tree = Watched().visit(self._environment.parse(source))
            code = self._environment.compile(tree)
        except (RecursionError, SyntaxError, MemoryError, ValueError) as error:
            raise TemplateSyntaxError(
                f"it is nested too deeply ({type(error).__name__})", 1
            ) from None
        self._template = self._environment.template_class.from_code(
            self._environment, code, self._environment.make_globals(None)
        )
        self.has_markers = self._environment.has_markers
        """Whether it marks what the assistant wrote."""

    @property
    def writes_date(self) -> bool:
        """Whether it has asked for today's date."""
        return self._environment.date_asked

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]] | None,
        arguments: Mapping[str, object],
        generation_prompt: bool = False,
    ) -> Rendered:
        """Messages as text.

        **Arguments:**

        - `arguments`: what the template is given besides, such as the special tokens.

        **Raises:**

        `UnrenderableError` if the template refuses them or fails.
        """
        if not messages:
            raise UnrenderableError("there are no messages")
        given = [_as_given(message) for message in messages]
        own: dict[str, Any] = {
            **plain_data(arguments),
            "messages": given,
            "tools": None if tools is None else plain_data(list(tools)),
            "documents": None,
            "add_generation_prompt": generation_prompt,
        }
        watch = Watch(given, Budget(own))
        self._environment.watch = watch
        try:
            for piece in self._template.generate(own):
                watch.write(piece)
        except Exception as error:  # whatever a program of someone else's may raise
            raise UnrenderableError(str(error) or type(error).__name__) from error
        return watch.rendered()


def plain_data(value: Any) -> Any:
    """A value rebuilt of plain JSON types, as transformers gives it to templates."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return {plain_data(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return (
            type(value)(map(plain_data, value))
            if type(value) is tuple
            else list(map(plain_data, value))
        )
    if callable(getattr(value, "item", None)):  # numpy's scalars
        return plain_data(value.item())
    return f"<{type(value).__name__}>"


def _as_given(message: Message) -> dict[str, Any]:
    """A message as templates get it: without nulls, thoughts under every name they go by."""
    plain: dict[str, Any] = plain_data({k: v for k, v in message.items() if v is not None})
    reasoning = next((plain[key] for key in _REASONING_FIELDS if key in plain), None)
    if reasoning is not None:
        return {"thinking": reasoning, **plain, "reasoning_content": reasoning}
    return plain
