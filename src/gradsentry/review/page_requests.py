"""What a request must look like before it is answered: from this page, and by whom was told."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from gradsentry.errors import GradSentryError
from gradsentry.review.decisions import Choice, Subject
from gradsentry.review.desk import MOST_ROWS, Decided, RowQuery, View

MOST_BODY = 64 << 10
"""Bytes of a decision with its note."""
_MOST_SEARCH = 200
_SCHEME = "Bearer "
_Word = TypeVar("_Word", bound=StrEnum)


class RefusedError(GradSentryError):
    """A request that isn't answered.

    **Arguments:**

    - `status`: of HTTP.
    """

    def __init__(self, status: int, problem: str, remedy: str = "Reload the page.") -> None:
        super().__init__(problem, remedy)
        self.status = status


@dataclass(frozen=True)
class Door:
    """Who may come in: whoever knows the token, from pages of this server, under its own name."""

    port: int
    token: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the server answers. Any other was made to lead here by somebody
        else's name server (DNS rebinding)."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def check_host(self, headers: Message) -> None:
        """See that a request was meant for this server.

        **Raises:**

        `RefusedError` if not.
        """
        host = headers.get("Host", "")
        if host not in self.hosts:
            raise RefusedError(421, "This server doesn't answer under that name.", "")
        origin = headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise RefusedError(403, "Another page asked for this.", "")
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(403, "Another page asked for this.", "")

    def check_token(self, headers: Message) -> None:
        """See that whoever asks knows the token.

        **Raises:**

        `RefusedError` if not.
        """
        given = headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), (_SCHEME + self.token).encode()):
            raise RefusedError(
                401,
                "This page doesn't know the token of the review.",
                "Open the whole address that `gradsentry review` printed.",
            )


class _DecisionBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    subject: str
    number: int
    choice: str
    note: str = ""


@dataclass(frozen=True)
class AskedDecision:
    """A decision that the page sends."""

    subject: Subject
    index: int
    choice: Choice
    note: str


def parse_decision(body: bytes) -> AskedDecision:
    """The decision in a request.

    **Raises:**

    `RefusedError` if it is none.
    """
    try:
        found = _DecisionBody.model_validate(json.loads(body))
        subject, choice = Subject(found.subject), Choice(found.choice)
    except (ValidationError, ValueError, RecursionError):
        raise RefusedError(400, "This is no decision.") from None
    index = found.number - (1 if subject is Subject.GROUP else 0)
    return AskedDecision(subject, index, choice, found.note)


class _RowsBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    digest: str
    choice: str
    note: str = ""


@dataclass(frozen=True)
class AskedOfRows:
    """A decision about each of the rows that a page of rows is about."""

    digest: str
    choice: Choice
    note: str


def parse_rows_decision(body: bytes) -> AskedOfRows:
    """The decision about many rows in a request.

    **Raises:**

    `RefusedError` if it is none.
    """
    try:
        found = _RowsBody.model_validate(json.loads(body))
        choice = Choice(found.choice)
    except (ValidationError, ValueError, RecursionError):
        raise RefusedError(400, "This is no decision.") from None
    return AskedOfRows(found.digest, choice, found.note)


def parse_query(values: Mapping[str, list[str]]) -> RowQuery:
    """Which rows a request asks for.

    **Raises:**

    `RefusedError` for values that mean nothing.
    """
    group = values.get("group", [""])[0]
    search = values.get("search", [""])[0]
    if len(search) > _MOST_SEARCH:
        raise RefusedError(
            400, "The text to search for is too long.", f"It may have {_MOST_SEARCH} characters."
        )
    return RowQuery(
        view=_word(View, values, "view", View.TO_DECIDE),
        group=None if not group else parse_number(group),
        decided=_word(Decided, values, "decided", Decided.ANY),
        search=search,
        start=parse_number(values.get("start", ["0"])[0]),
        count=min(MOST_ROWS, parse_number(values.get("count", ["50"])[0])),
    )


def parse_number(text: str) -> int:
    """A whole number that isn't negative.

    **Raises:**

    `RefusedError` if it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise RefusedError(400, "A number is no number.")
    return int(text)


def _word(kind: type[_Word], values: Mapping[str, list[str]], name: str, default: _Word) -> _Word:
    given: Any = values.get(name, [str(default)])[0]
    try:
        return kind(given)
    except ValueError:
        raise RefusedError(400, f"{name} can't be that.") from None
