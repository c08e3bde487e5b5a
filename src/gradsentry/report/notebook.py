"""A report as notebooks show it."""

from __future__ import annotations

from html import escape

from gradsentry.report.scan_report import ScanReport
from gradsentry.report.verdict import caveats, coverage, groups, headline, measured

_MOST_GROUPS = 10


def report_html(report: ScanReport) -> str:
    """The verdict, the groups and the counts as HTML without style or script.

    All texts of the data are escaped; they are never markup.
    """
    found = groups(report)
    more = len(found) - _MOST_GROUPS
    lines = found[:_MOST_GROUPS] + ([f"And {more:,} more."] if more > 0 else [])
    known = measured(report)
    facts = [*coverage(report), *([] if known is None else [known]), *caveats(report)]
    return (
        f"<div><p><strong>{escape(headline(report))}</strong></p>{_list(lines)}"
        f"<details><summary>What was read</summary>{_list(facts)}</details></div>"
    )


def _list(lines: list[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
