"""The page itself: one document that asks for nothing but its own server's answers."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_STYLE, _SCRIPT = "/*STYLE*/", "/*SCRIPT*/"


@dataclass(frozen=True)
class Page:
    """The document, and the policy under which browsers show it."""

    html: bytes
    policy: str


@cache
def review_page() -> Page:
    """The page, with its style and its script in it, and a policy that allows these alone.

    `require-trusted-types-for` forbids the page to make markup of any text.
    """
    folder = files("gradsentry.review") / "page"
    style, script, html = (
        (folder / name).read_text(encoding="utf-8")
        for name in ("review.css", "review.js", "review.html")
    )
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash_of(script)}",
            f"style-src {_hash_of(style)}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
    return Page(html.replace(_STYLE, style).replace(_SCRIPT, script).encode(), policy)


def _hash_of(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
