"""Reports in notebooks."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from gradsentry import Verdict
from tests.outputs.reports import HIDDEN, HOSTILE, make_findings, make_report

TAGS = {"div", "p", "strong", "ul", "li", "details", "summary"}


class Tags(HTMLParser):
    """Collects tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, len(attrs)))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    findings = make_findings(4, [Verdict.POISON], [-1, -1, 0, 0], payload=text, trigger=text)
    shown = make_report([text] * 4, findings=findings, name=text)._repr_html_()
    parser = Tags()
    parser.feed(shown)
    assert {tag for tag, _ in parser.seen} <= TAGS
    assert not any(attributes for _, attributes in parser.seen)
    assert not set(HIDDEN) & set(shown)


def test_the_verdict_the_groups_and_the_counts_are_shown() -> None:
    findings = make_findings(4, [Verdict.POISON], [-1, -1, 0, 0])
    shown = make_report(findings=findings)._repr_html_()
    assert "2 of 4 scored rows" in shown
    assert "group 1" in shown
    assert "4 of 4 rows scored" in shown


def test_many_groups_are_cut() -> None:
    findings = make_findings(4, [Verdict.REVIEW] * 30, [0, 1, 2, 3])
    shown = make_report(findings=findings)._repr_html_()
    assert "more." in shown
    assert "group 30" not in shown
