"""The environment of transformers' chat templates, filter by filter, with what is ours in it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import datetime
from types import MethodType
from typing import Any

import jinja2
import jinja2.ext
from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from gradsentry.encoding.budget import Budget
from gradsentry.encoding.template_watch import Watch

TEMPLATE_DATE = datetime(2024, 7, 26)
"""The day that templates are told instead of today's, so that a scan gives the same tomorrow. It is
the one that Llama 3.1's template writes where it isn't told any."""


class _Generation(jinja2.ext.Extension):
    """The `{% generation %}` tag."""

    tags = {"generation"}  # noqa: RUF012
    environment: TemplateEnvironment

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        self.environment.has_markers = True
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_generated"), [], [], body).set_lineno(line)

    def _generated(self, caller: Macro) -> str:
        text: str = caller()
        self.environment.watch.generate(text)
        return text


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """The environment of transformers' chat templates, with our eyes in it."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        self.watch = Watch([], Budget())
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
