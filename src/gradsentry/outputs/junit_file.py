"""`junit.xml`: the verdict as tests, for CI systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as Xml

from gradsentry.detectors import Verdict
from gradsentry.outputs.output_format import Format, utf8_text
from gradsentry.report import ScanReport
from gradsentry.report.row_reasons import pattern_of
from gradsentry.report.verdict import coverage, groups, headline
from gradsentry.safe_text import excerpt, visible

_NAME = 200
"""Characters of a name."""


class JunitFile(Format):
    """Writes `junit.xml`."""

    file_name: ClassVar[str] = "junit.xml"
    by_default: ClassVar[bool] = False

    def write(self, report: ScanReport, path: Path) -> None:
        text = Xml.tostring(junit_tree(report), encoding="unicode")
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', encoding="utf-8", newline="\n"
        )


@dataclass(frozen=True)
class _Case:
    """A test: passed, unless it failed or was left to a person."""

    name: str
    failure: str | None = None
    skipped: str | None = None


def junit_tree(report: ScanReport) -> Xml.Element:
    """One suite: whether there are poisoned rows, each group, and whether all rows were judged.

    A group for review is a skipped test: only a person can decide it.
    """
    cases = list(_cases(report))
    suite = Xml.Element(
        "testsuite",
        name=excerpt(f"GradSentry: {utf8_text(report.source.label)}", _NAME),
        id="0",
        package="gradsentry",
        tests=str(len(cases)),
        failures=str(sum(case.failure is not None for case in cases)),
        errors="0",
        skipped=str(sum(case.skipped is not None for case in cases)),
        time=f"{report.seconds:.2f}",
        timestamp=report.scanned_with.date[:19],
        hostname="localhost",
    )
    Xml.SubElement(suite, "properties")
    for case in cases:
        suite.append(_element(case))
    lines = [headline(report), *groups(report), *coverage(report)]
    Xml.SubElement(suite, "system-out").text = "\n".join(visible(line) for line in lines)
    Xml.SubElement(suite, "system-err")
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    return root


def _cases(report: ScanReport) -> Iterator[_Case]:
    flagged = int(report.flagged.sum())
    yield _Case("no poisoned rows", failure=headline(report) if flagged else None)
    for index, group in enumerate(report.groups):
        verdict, pattern = report.group_verdict(index), pattern_of(group, None, None)
        yield _Case(
            f"group {index + 1}",
            failure=f"Poison: {pattern}" if verdict is Verdict.POISON else None,
            skipped=f"For review: {pattern}" if verdict is Verdict.REVIEW else None,
        )
    yield _Case("all rows judged", failure=_unjudged(report))


def _unjudged(report: ScanReport) -> str | None:
    if report.blind:
        return "No row could have been flagged, whatever it says."
    if report.unjudged:
        return f"{report.unjudged:,} rows have no score although a trainer may learn from them."
    return None


def _element(case: _Case) -> Xml.Element:
    element = Xml.Element("testcase", name=case.name, classname="gradsentry.scan", time="0")
    if case.failure is not None:
        message = visible(case.failure)
        failure = Xml.SubElement(element, "failure", message=message, type="poison")
        failure.text = message
    if case.skipped is not None:
        Xml.SubElement(element, "skipped", message=visible(case.skipped))
    return element
