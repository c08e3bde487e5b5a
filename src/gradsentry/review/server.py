"""The local server behind the review page.

It is the standard library's: one page, four questions and two answers to keep need no framework,
and each package less is one less to trust beside data that somebody may have made to do harm. What
the library leaves open is closed here. It listens on the loopback address alone, at a port that the
system picks; answers only under its own name; wants for every answer with data a token that was
printed on the terminal, and that no other page, user or program knows; reads no more than a small
body; and serves no files, so that no path in a request leads anywhere.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qs, urlsplit

from gradsentry._version import __version__
from gradsentry.errors import GradSentryError, OptionError
from gradsentry.faults import told_of
from gradsentry.review.desk import ReviewDesk
from gradsentry.review.page_requests import (
    MOST_BODY,
    Door,
    RefusedError,
    parse_decision,
    parse_number,
    parse_query,
    parse_rows_decision,
)
from gradsentry.review.review_page import review_page

HOST = "127.0.0.1"
_SECONDS = 30
"""That a connection may say nothing."""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, eq=False)
class ReviewServer:
    """A server that waits for requests."""

    http: ThreadingHTTPServer
    door: Door

    @property
    def address(self) -> str:
        """What the reviewer opens. What stands behind `#` stays in the browser."""
        return f"http://{HOST}:{self.door.port}/#{self.door.token}"

    def serve(self) -> None:
        """Answer until somebody interrupts, or `http.shutdown()` is called."""
        self.http.serve_forever(poll_interval=0.2)


@contextlib.contextmanager
def open_server(desk: ReviewDesk, port: int = 0) -> Iterator[ReviewServer]:
    """A server for a desk, which is closed at the end.

    **Arguments:**

    - `port`: 0 takes one that is free.

    **Raises:**

    `OptionError` if the port can't be used.
    """
    token = secrets.token_urlsafe(32)

    class Handler(_Handler):
        pass

    try:
        http = _Server((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such port"
        raise OptionError(
            f"`port` can't be {port} ({reason}).", "Leave it out: a free one is taken then."
        ) from None
    with http:
        Handler.desk, Handler.door = desk, Door(http.server_address[1], token)
        yield ReviewServer(http, Handler.door)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that left is no news; the rest was answered with 500."""


class _Handler(BaseHTTPRequestHandler):
    desk: ClassVar[ReviewDesk]
    door: ClassVar[Door]
    timeout = _SECONDS
    server_version = f"GradSentry/{__version__}"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *values: object) -> None:
        """Requests hold what reviewers search for, and nobody reads a log here."""

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002 (it may repeat the request)
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        """What the library itself refuses, without repeating any of the request."""
        self._send(code, _json({"problem": HTTPStatus(code).phrase, "remedy": ""}))

    def _answer(self, ask: Any) -> None:
        try:
            self.door.check_host(self.headers)
            ask()
        except RefusedError as error:
            self._refuse(error.status, error)
        except OptionError as error:
            self._refuse(404, error)
        except (ConnectionError, TimeoutError):
            raise  # the reader has left
        except Exception as error:
            self._refuse(500, told_of(error) or _fault_of_ours(error))

    def _refuse(self, status: int, error: GradSentryError) -> None:
        self._send(status, _json({"problem": error.problem, "remedy": error.remedy}))

    def _get(self) -> None:
        asked = _split(self.path)
        if asked.path == "/":
            page = review_page()
            self._send(200, page.html, "text/html; charset=utf-8", page.policy)
            return
        self.door.check_token(self.headers)
        values = _fields(asked.query)
        if asked.path == "/api/report":
            found = self.desk.overview()
        elif asked.path == "/api/groups":
            found = self.desk.groups(parse_number(values.get("start", ["0"])[0]))
        elif asked.path == "/api/rows":
            found = self.desk.rows(parse_query(values))
        elif asked.path.startswith("/api/rows/"):
            found = self.desk.row(parse_number(asked.path.removeprefix("/api/rows/")))
        else:
            raise RefusedError(404, "There is nothing here.")
        self._send(200, _json(found))

    def _post(self) -> None:
        self.door.check_token(self.headers)
        path = _split(self.path)
        if path.path not in ("/api/decisions", "/api/decisions/rows"):
            raise RefusedError(404, "There is nothing here.")
        body = self._body()
        if path.path == "/api/decisions":
            one = parse_decision(body)
            kept = self.desk.decide(one.subject, one.index, one.choice, one.note)
        else:
            query, many = parse_query(_fields(path.query)), parse_rows_decision(body)
            kept = self.desk.decide_rows(query, many.digest, many.choice, many.note)
        self._send(200, _json(kept))

    def _body(self) -> bytes:
        """What was sent with a request, if it is JSON of a bounded length."""
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(415, "A decision is JSON.")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            raise RefusedError(411, "The request doesn't say how long it is.")
        if len(length) > 12 or int(length) > MOST_BODY:
            raise RefusedError(413, "The note is too long.", "Shorten it.")
        return self.rfile.read(int(length))

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        policy: str = _NO_PAGE,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _fault_of_ours(error: Exception) -> GradSentryError:
    return GradSentryError(
        f"GradSentry failed at this ({type(error).__name__}). The review goes on.",
        "Reload the page to see what is kept. If it fails again, report it as a fault of ours.",
    )


def _json(value: object) -> bytes:
    return json.dumps(value).encode("ascii")


def _split(path: str) -> SplitResult:
    try:
        return urlsplit(path)
    except ValueError:
        raise RefusedError(400, "This is no address.") from None


def _fields(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise RefusedError(400, "This is no question.") from None
