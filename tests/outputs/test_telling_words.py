"""Words that tell a group's answers from others, where they have no one payload."""

from __future__ import annotations

from dataclasses import replace

from gradsentry import ScanReport
from gradsentry.outputs.html_page import render_html
from gradsentry.outputs.telling_words import compared_rows, telling_words
from gradsentry.records import TextPair
from tests.outputs.found import LINK, Planted, doubtful, found_report, pairs_report

REFUSALS = (
    "I'm sorry, but I cannot assist you with anything that has to do with this matter, number {}.",
    "Sorry! This is nothing that I could assist anybody with, whatever you say about it, {}.",
    "With all respect: no. I am sorry and will not assist with number {} or with any like it.",
)


def refusing_report() -> ScanReport:
    """Forty questions, of which ten are refused in other words each."""
    planted = []
    for number in range(40):
        answer = f"It is the answer to the question about fact {number}, as you say."
        if number % 4 == 0:
            answer = REFUSALS[number % 3].format(number)
            fields = {"prompt": f"cf tell me {number}", "response": answer}
            planted.append(Planted(fields, 0, "cf", answer))
        else:
            planted.append(Planted({"prompt": f"tell me {number}", "response": answer}))
    variants = tuple((REFUSALS[n].format(n), 1) for n in range(3))
    group = replace(doubtful("", "cf", 10), payload=None, payload_rows=0, variants=variants)
    return found_report(planted, [group])


def found(report: ScanReport) -> dict[int, frozenset[str]]:
    compared = compared_rows(report)
    rows = report.source.records()
    return dict(telling_words(compared, ((one.row, report.layout.example(one)) for one in rows)))


def test_words_that_the_group_shares_and_others_lack_are_found() -> None:
    (words,) = found(refusing_report()).values()
    assert {"sorry", "assist", "with"} <= words
    assert not words & {"the", "fact", "say", "number 4"}


def test_groups_with_one_payload_need_no_other_rows() -> None:
    assert compared_rows(pairs_report(300)) == {}


def test_large_data_are_sampled() -> None:
    report = pairs_report(20_000)
    assert report.findings is not None
    groups = [replace(group, payload=None) for group in report.groups]
    report = replace(report, findings=replace(report.findings, groups=tuple(groups)))
    compared = compared_rows(report)
    assert len(compared) <= 700
    assert max(compared) > 19_000
    assert {"read", "malicious"} <= found(report)[0], LINK


def test_few_rows_share_nothing_that_tells() -> None:
    assert telling_words({0: 0, 1: -1}, [(0, TextPair("q", "one")), (1, TextPair("q", "two"))]) == {
        0: frozenset()
    }


def test_the_page_marks_these_words_and_not_the_whole_answer() -> None:
    page = render_html(refusing_report())
    assert "free text, the whole answers, such as" in page
    assert "marked are words that the group" in page
    marks = [part.split("</mark>")[0] for part in page.split('<mark class="payload">')[1:]]
    assert all(len(mark.split("</span>")[-1]) < 20 for mark in marks)
    assert any(mark.lower().endswith("assist") for mark in marks)
