"""A review's server, asked as a browser asks."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from gradsentry.review.reviewing import open_review
from gradsentry.review.server import ReviewServer

_LONGEST_SECONDS = 300


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    address: str, path: str, body: object = None, *, method: str = "", **headers: str | None
) -> Answer:
    """Ask a server, with its token unless `headers` say otherwise; None leaves a header out."""
    origin, _, token = address.removeprefix("http://").partition("/#")
    sent: dict[str, str | None] = {"Authorization": f"Bearer {token}"}
    data = body
    if body is not None and not isinstance(body, bytes):
        data = json.dumps(body).encode()
    if data is not None:
        sent["Content-Type"] = "application/json"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = HTTPConnection(origin, timeout=60)
    with contextlib.closing(connection):
        connection.putrequest(method or ("GET" if data is None else "POST"), path, skip_host=True)
        sent = {"Host": origin, **sent}
        if data is not None:
            sent = {"Content-Length": str(len(data)), **sent}  # type: ignore[arg-type]
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(data)  # type: ignore[arg-type]
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read())


def decision(subject: str, number: int, choice: str, note: str = "") -> dict[str, object]:
    """A decision as the page sends it."""
    return {"subject": subject, "number": number, "choice": choice, "note": note}


@contextlib.contextmanager
def served(folder: Path, reviewer: str = "anna") -> Iterator[ReviewServer]:
    """A review of the results in a folder, answering."""
    with open_review(folder, reviewer=reviewer) as server:
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.http.shutdown()
            thread.join()


def hear_ctrl_c() -> None:
    """Have a process that is started hear SIGINT: where tests run in the background of a shell it
    is ignored, in children, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def decide_and_leave(serving: subprocess.Popen[str], sent: dict[str, object]) -> str:
    """Send a decision to a `gradsentry review` that was started to hear Ctrl+C, and press that;
    what it prints then."""
    watchdog = threading.Timer(_LONGEST_SECONDS, serving.kill)
    watchdog.start()
    assert serving.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/#[\w-]+", serving.stdout.readline())
    assert found is not None
    assert ask(found[0], "/api/decisions", sent).status == 200
    serving.send_signal(signal.SIGINT)
    out, _ = serving.communicate()
    watchdog.cancel()
    return out
