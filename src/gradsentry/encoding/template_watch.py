"""Which message each part of a rendered conversation was written for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from gradsentry.encoding.budget import Budget


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


class Watch:
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


class Watched(NodeTransformer):
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
