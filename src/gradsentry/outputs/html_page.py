"""`report.html`: one file that a person decides with. It loads nothing, and runs its own script
alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from gradsentry.detectors import GroupFinding, Verdict
from gradsentry.outputs.letter_count import LetterCount
from gradsentry.outputs.marked_turns import marks_of
from gradsentry.outputs.output_format import Format, write_text
from gradsentry.outputs.page_data import (
    PageDocument,
    PageGroup,
    PageRow,
    RowVerdict,
    script_json,
)
from gradsentry.outputs.row_choice import (
    chosen_rows,
    differing_rows,
    example_candidates,
    ordered_groups,
    poison_rows,
    row_verdict,
    words_of,
)
from gradsentry.outputs.row_texts import shortened, turns_shown
from gradsentry.outputs.score_plot import HEIGHT, WIDTH, ScorePlot, score_plot
from gradsentry.outputs.telling_words import TellingWords, compared_rows, telling_words
from gradsentry.records import Record
from gradsentry.report import ScanReport
from gradsentry.report.advice import (
    limits,
    meaning,
    next_steps,
    status,
    threshold_command,
)
from gradsentry.report.file_names import PAGE_FILE
from gradsentry.report.group_words import (
    PLACES,
    against,
    how_sure,
    is_free_text,
    percent,
    question,
    reasons,
)
from gradsentry.report.ruling_words import kind_of, tell_group
from gradsentry.report.verdict import caveats, coverage, groups, headline, measured, provenance

FIRST_ROWS = 20
"""Rows that readers without a script see, and the printed page."""
MOST_CARDS = 24

_BYTES_OF_ROWS = 950_000
_ROOM_OF_ROWS = 750_000
_SHORTEST_ROOM, _LONGEST_ROOM = 700, 4000
"""Characters of a row: fewer where there are many rows."""
_EXAMPLE_ROOM = 700
_TEXT, _WORD, _LINE = 200, 60, 1000
"""Characters of a payload, of a trigger's word, and of a sentence that may quote names."""
_MOST_TRIGGERS, _MOST_WORDS = 8, 24
"""Of a group: alternatives, and words of all of them."""
_MOST_SENTENCES = 50
_MOST_GROUPS_TO_CHOOSE = 500
_VERDICTS = {
    Verdict.POISON: RowVerdict.POISON,
    Verdict.REVIEW: RowVerdict.REVIEW,
    Verdict.NONE: RowVerdict.CLEAN,
}


@dataclass(frozen=True)
class Card:
    """A group as its card shows it."""

    number: int
    verdict: RowVerdict
    """Clean if a person cleared it."""
    ruling: tuple[str, str] | None
    """What a person made of it, and who, when and why."""
    rows: int
    share: str
    """Of the scored rows."""
    triggers: list[list[str]]
    """Alternatives, each with its words."""
    more_triggers: int
    place: str
    payloads: list[str]
    varies: bool
    """Whether there is no one payload, and these are some of many."""
    is_free_text: bool
    """Whether no two of these are alike, and they are whole answers."""
    sure: str
    reasons: list[str]
    against: list[str]
    question: str | None
    examples: list[PageRow]
    finding: GroupFinding


@dataclass(frozen=True)
class _Read:
    """What the page takes from the rows themselves."""

    rows: dict[int, PageRow]
    examples: dict[int, PageRow]
    """Of each row that may be on a card."""
    words: dict[int, frozenset[str]]
    """Of the same."""
    other_letters: float
    """Share of letters that aren't of the English alphabet."""


class HtmlPage(Format):
    """Writes `report.html`, the page on which a person reads and weighs what was found."""

    file_name: ClassVar[str] = PAGE_FILE

    def write(self, report: ScanReport, path: Path) -> None:
        write_text(path, render_html(report))


def render_html(report: ScanReport) -> str:
    """The report as HTML; reads the data once, or twice where payloads vary."""
    order = ordered_groups(report)
    wanted = chosen_rows(report)
    of_cards = {group: example_candidates(report, group) for group in order[:MOST_CARDS]}
    read = _read(report, wanted, {row for rows in of_cards.values() for row in rows})
    plot = score_plot(report)
    rows = _within_budget([read.rows[row] for row in wanted])
    document = _document(report, plot, rows)
    style, script = _asset("page.css"), _asset("page.js")
    return _template().render(
        style=Markup(style),
        script=Markup(script),
        style_digest=_digest(style),
        script_digest=_digest(script),
        **_words(report, read.other_letters),
        cards=[
            _card(
                report,
                group,
                [read.examples[row] for row in differing_rows(report, candidates, read.words)],
            )
            for group, candidates in of_cards.items()
        ],
        ruled=report.rulings is not None,
        plot=plot,
        width=WIDTH,
        height=HEIGHT,
        threshold=report.threshold.value,
        command=threshold_command(f"{report.threshold.value:g}"),
        document=document,
        document_json=script_json(document),
        first_rows=sorted(rows, key=lambda row: -row.score)[:FIRST_ROWS],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("gradsentry.outputs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _words(report: ScanReport, other_letters: float) -> dict[str, Any]:
    """All that the page says of the scan as a whole."""
    return {
        "status": status(report),
        "verdict": str(report.verdict),
        "headline": headline(report),
        "meaning": meaning(report),
        "steps": next_steps(report),
        "sentences": [shortened(line, _LINE) for line in groups(report)[:_MOST_SENTENCES]],
        "limits": limits(report, other_letters),
        "caveats": caveats(report),
        "coverage": [shortened(line, _LINE) for line in coverage(report)],
        "measured": measured(report),
        "provenance": [(name, shortened(value, _LINE)) for name, value in provenance(report)],
        "summary": report.summary(),
        "date": shortened(report.scanned_with.date, _WORD),
        "axis": shortened(report.options.detector.axis, _LINE),
        "method": shortened(report.threshold.method, _LINE),
    }


def _read(report: ScanReport, wanted: list[int], examples: set[int]) -> _Read:
    """Read the data once, and keep of each wanted row what is shown."""
    room = min(_LONGEST_ROOM, max(_SHORTEST_ROOM, _ROOM_OF_ROWS // max(1, len(wanted))))
    letters, telling = LetterCount(report), _telling_words(report)
    in_table = set(wanted)
    shown: dict[int, PageRow] = {}
    on_cards: dict[int, PageRow] = {}
    words: dict[int, frozenset[str]] = {}
    for record in report.source.records():
        row = record.row
        letters.add(record)
        if row in in_table:
            shown[row] = _page_row(report, record, room, telling)
        if row in examples:
            on_cards[row] = _page_row(report, record, _EXAMPLE_ROOM, telling)
            words[row] = words_of(report.layout.example(record))
    return _Read(shown, on_cards, words, letters.share)


def _telling_words(report: ScanReport) -> TellingWords:
    """What to mark in free text; the data are read for it, if there is any."""
    compared = compared_rows(report)
    if not compared:
        return {}
    read = (record for record in report.source.records() if record.row in compared)
    return telling_words(compared, ((one.row, report.layout.example(one)) for one in read))


def _page_row(report: ScanReport, record: Record, room: int, telling: TellingWords) -> PageRow:
    row = record.row
    group = -1 if report.findings is None else int(report.findings.rows.groups[row])
    return PageRow(
        row=row,
        place=_place(record),
        score=round(float(report.scores[row]), 6),
        verdict=row_verdict(report, row),
        group=None if group < 0 else group + 1,
        tokens=int(report.rows.target_tokens[row]),
        turns=turns_shown(report.layout.example(record), marks_of(report, row, telling), room),
    )


def _place(record: Record) -> str:
    """Where a person finds a row, besides by its number."""
    if record.line is not None:
        return f"{shortened(record.path, _TEXT)}, line {record.line:,}"
    if record.element is not None:
        return f"{shortened(record.path, _TEXT)}, element {record.element:,}"
    return shortened(record.path, _TEXT)


def _within_budget(rows: list[PageRow]) -> list[PageRow]:
    """As many of the rows as go into the page."""
    left, kept = _BYTES_OF_ROWS, []
    for row in rows:
        left -= len(script_json(row).encode(errors="backslashreplace"))
        if left < 0:
            break
        kept.append(row)
    return kept


def _document(report: ScanReport, plot: ScorePlot, rows: list[PageRow]) -> PageDocument:
    scored, flagged = int(report.rows.scored.sum()), int(report.flagged.sum())
    review = int(report.review.sum())
    poison = int(poison_rows(report).sum())
    return PageDocument(
        scored=scored,
        rows_of_verdict={
            RowVerdict.POISON: poison,
            RowVerdict.FLAGGED: flagged - poison,
            RowVerdict.REVIEW: review,
            RowVerdict.CLEAN: scored - flagged - review,
        },
        steps=plot.steps,
        groups=tuple(
            PageGroup(n + 1, _VERDICTS[report.group_verdict(n)], report.groups[n].rows)
            for n in ordered_groups(report)[:_MOST_GROUPS_TO_CHOOSE]
        ),
        rows=tuple(rows),
    )


def _card(report: ScanReport, number: int, examples: list[PageRow]) -> Card:
    group, scored = report.groups[number], int(report.rows.scored.sum())
    texts = [text for text, _ in group.variants]
    triggers = list(_triggers(group))
    return Card(
        number=number + 1,
        verdict=_VERDICTS[report.group_verdict(number)],
        ruling=_ruling(report, number),
        rows=group.rows,
        share=percent(group.rows / scored),
        triggers=triggers,
        more_triggers=len(group.trigger) - len(triggers),
        place=PLACES[group.trigger_place],
        payloads=[
            shortened(text, _TEXT) for text in (texts if group.payload is None else [group.payload])
        ],
        varies=group.payload is None,
        is_free_text=is_free_text(group),
        sure=how_sure(group),
        reasons=reasons(group, scored),
        against=against(group),
        question=question(group),
        examples=examples,
        finding=group,
    )


def _ruling(report: ScanReport, number: int) -> tuple[str, str] | None:
    ruled = None if report.rulings is None else report.rulings.groups.get(number)
    return None if ruled is None else (kind_of(ruled), tell_group(ruled))


def _triggers(group: GroupFinding) -> Iterator[list[str]]:
    """The alternatives of a trigger, as many as have room."""
    left = _MOST_WORDS
    for words in group.trigger[:_MOST_TRIGGERS]:
        if left > 0:
            yield [shortened(word, _WORD) for word in words[:left]]
        left -= len(words)


def _asset(name: str) -> str:
    """A style sheet or script of the page."""
    path = resources.files("gradsentry.outputs").joinpath("templates", name)
    return path.read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a content security policy knows a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
