"""Chat templates: the text of a conversation, and which message each part of it was written for.

The environment is that of transformers' `apply_chat_template`, filter by filter, so that the text
is the trainer's. Three things are ours: loops tell which message they are at, what a template may
use up is bounded, and the date is fixed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MethodType
from typing import Any

import jinja2
import jinja2.ext
from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from gradsentry.encoding.budget import Budget
from gradsentry.records import Message

TEMPLATE_DATE = datetime(2024, 7, 26)
"""The day that templates are told instead of today's, so that a scan gives the same tomorrow. It is
the one that Llama 3.1's template writes where it isn't told any."""

Span = tuple[int, int]

_REASONING_FIELDS = ("reasoning_content", "thinking", "reasoning")
_REASON_CHARACTERS = 200


class UnrenderableError(Exception):
    """The template refuses a conversation, or fails on it; the text is its own reason."""

    def __init__(self, reason: object) -> None:
        words = "".join(c if c.isprintable() else " " for c in str(reason)).split()
        super().__init__(" ".join(words)[:_REASON_CHARACTERS])


@dataclass(frozen=True)
class Part:
    """A stretch of the rendered text."""

    start: int
    end: int
    turn: int | None
    """Position of the message that it was written for, if the template tells."""


@dataclass(frozen=True)
class Rendered:
    """A conversation as text."""

    text: str
    parts: Sequence[Part]
    """They cover the text, in order."""
    generated: Sequence[Part]
    """What stands between the template's `{% generation %}` markers."""

    def written_for(self, turn: int) -> list[Part]:
        """The parts of one message, those that touch as one."""
        return [part for part in self.parts if part.turn == turn]

    @property
    def tail(self) -> Part:
        """What stands behind the last message."""
        end = max((part.end for part in self.parts if part.turn is not None), default=0)
        return Part(end, len(self.text), None)


class ChatTemplate:
    """A compiled chat template.

    **Raises:**

    `jinja2.TemplateSyntaxError` if it is none.
    """

    def __init__(self, source: str) -> None:
        self._environment = _Environment()
        try:
            tree = _Watched().visit(self._environment.parse(source))
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
        watch = _Watch(given, Budget(own))
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


class _Watch:
    """Follows one rendering: where it is in its loops, and what it has written."""

    def __init__(self, messages: list[dict[str, Any]], budget: Budget) -> None:
        self.budget = budget
        self._messages = messages
        self._turns = {id(message): turn for turn, message in enumerate(messages)}
        self._loops: list[tuple[int, int | None]] = []
        self._read: set[int] = set()
        self._pieces: list[str] = []
        self._parts: list[Part] = []
        self._generated: list[Part] = []
        self.length = 0

    def enter(self, loop: int, item: object) -> None:
        """A round of a loop starts."""
        self.budget.step()
        self._drop(loop)
        self._loops.append((loop, self._turns.get(id(item))))

    def leave(self, loop: int) -> None:
        """A loop is over."""
        self._drop(loop)

    def read(self, value: object) -> None:
        """Something of a value is looked up."""
        if (turn := self._turns.get(id(value))) is not None:
            self._read.add(turn)

    def write(self, piece: str) -> None:
        """A piece of the text comes out."""
        self.budget.size(self.length + len(piece))
        turn = self._writer(piece) if piece else None
        self._read.clear()
        if not piece:
            return
        start, self.length = self.length, self.length + len(piece)
        self._pieces.append(piece)
        if self._parts and self._parts[-1].turn == turn:
            start = self._parts.pop().start
        self._parts.append(Part(start, self.length, turn))

    def generate(self, text: str) -> None:
        """A text between generation markers is about to come out."""
        self._generated.append(Part(self.length, self.length + len(text), self._turn))

    def rendered(self) -> Rendered:
        """What came out."""
        return Rendered("".join(self._pieces), self._parts, self._generated)

    @property
    def _turn(self) -> int | None:
        return next((turn for _, turn in reversed(self._loops) if turn is not None), None)

    def _writer(self, piece: str) -> int | None:
        """The message that a piece is written for: the loop's, or a tool's that is put in."""
        turn = self._turn
        if turn is None or self._messages[turn].get("role") != "assistant":
            return turn
        for other in sorted(self._read - {turn}):
            content = self._messages[other].get("content")
            if self._messages[other].get("role") == "assistant" or not isinstance(content, str):
                continue
            if content.strip() and content.strip() in piece:
                return other
        return turn

    def _drop(self, loop: int) -> None:
        for depth in range(len(self._loops) - 1, -1, -1):
            if self._loops[depth][0] == loop:
                del self._loops[depth:]
                return


class _Watched(NodeTransformer):
    """Puts calls into a template that tell of loops and of what is made."""

    def __init__(self) -> None:
        self._loops = 0

    def visit_For(self, node: nodes.For) -> list[nodes.Node]:  # noqa: N802
        self.generic_visit(node)
        self._loops += 1
        number = nodes.Const(self._loops)
        item: nodes.Expr = nodes.Const(None)
        if isinstance(node.target, nodes.Name):
            item = nodes.Name(node.target.name, "load")
        node.body.insert(0, _told("enter_loop", number, item))
        return [node, _told("leave_loop", number)]

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.body.insert(0, _told("step"))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("concatenated", nodes.ContextReference(), *node.nodes)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        for operand in node.ops:
            if not isinstance(operand.expr, nodes.Const):
                operand.expr = _call("made", operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("made", node) if isinstance(node.arg, nodes.Slice) else node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        return self._made(node, node.items)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        return self._made(node, node.items)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        if node.ctx != "load":
            return node
        return self._made(node, node.items)

    def _made(self, node: nodes.Expr, items: Sequence[nodes.Node]) -> nodes.Node:
        self.generic_visit(node)
        if all(isinstance(item, nodes.Const) for item in items):
            return node
        return _call("made", node)


def _call(name: str, *arguments: nodes.Expr) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), list(arguments), [], None, None)


def _told(name: str, *arguments: nodes.Expr) -> nodes.ExprStmt:
    return nodes.ExprStmt(_call(name, *arguments))


class _Generation(jinja2.ext.Extension):
    """The `{% generation %}` tag."""

    tags = {"generation"}  # noqa: RUF012
    environment: _Environment

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        self.environment.has_markers = True
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_generated"), [], [], body).set_lineno(line)

    def _generated(self, caller: Macro) -> str:
        text: str = caller()
        self.environment.watch.generate(text)
        return text


class _Environment(ImmutableSandboxedEnvironment):
    """The environment of transformers' chat templates, with our eyes in it."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        self.watch = _Watch([], Budget())
        self.has_markers = False
        self.date_asked = False
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
        )
        self.filters["tojson"] = _tojson
        self.filters = {name: self._bounded(name, own) for name, own in self.filters.items()}
        self.globals.update(
            raise_exception=_raise_exception,
            strftime_now=self._dated(),
            dict=_Dict(),
            namespace=_Namespace,
        )

    def enter_loop(self, loop: int, item: object) -> None:
        self.watch.enter(loop, item)

    def leave_loop(self, loop: int) -> None:
        self.watch.leave(loop)

    def step(self) -> None:
        self.watch.budget.step()

    def made(self, value: Any) -> Any:
        return self.watch.budget.made(value)

    def concatenated(self, context: Context, *parts: Any) -> str:
        self.watch.budget.size(sum(len(part) for part in parts if isinstance(part, str)))
        join = markup_join if context.eval_ctx.autoescape else str_join
        joined: str = self.watch.budget.made(join(parts))
        return joined

    def getattr(self, obj: Any, attribute: str) -> Any:
        if obj.__class__ is dict and attribute != "role":
            self.watch.read(obj)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if obj.__class__ is dict and argument != "role":
            self.watch.read(obj)
        return super().getitem(obj, argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        if __obj.__class__ is MethodType and __obj.__self__ is __self:
            return __obj(*args)
        method = getattr(__obj, "__wrapped__", __obj)
        own = getattr(method, "__self__", None)
        budget = __self.watch.budget
        budget.function(getattr(method, "__name__", ""), own, (*args, *kwargs.values()))
        return budget.made(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        self.watch.budget.operation(operator, left, right)
        return self.watch.budget.made(super().call_binop(context, operator, left, right))

    def _dated(self) -> Callable[[str], str]:
        def strftime_now(format: str) -> str:
            self.date_asked = True
            return TEMPLATE_DATE.strftime(format)

        return strftime_now

    def _bounded(self, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        passed = 1 if hasattr(own, "jinja_pass_arg") else 0

        @functools.wraps(own)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            budget = self.watch.budget
            value = args[passed] if len(args) > passed else None
            budget.function(name, value, (*args[passed + 1 :], *kwargs.values()))
            return budget.made(own(*args, **kwargs))

        return bounded


def _tojson(
    x: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


class _Dict:
    """`dict` without its attributes."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args, **kwargs)


class _Namespace(Namespace):
    """Jinja's `namespace`, without underscored attributes."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # `self` may be an attribute's name
        self, args = args[0], args[1:]
        attributes = dict(*args, **kwargs)
        for name in attributes:
            _check_attribute(name)
        Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_attribute(name)
        Namespace.__setitem__(self, name, value)


def _check_attribute(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace has no attribute {name!r}")
