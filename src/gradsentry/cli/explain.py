"""The command that shows one row with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.shared_options import DataNow, ResultsFolder
from gradsentry.cli.standard_output import while_read
from gradsentry.safe_text import json_text, visible

if TYPE_CHECKING:
    from rich.text import Text

    from gradsentry.outputs.marked_turns import MarkedTurn
    from gradsentry.records import Record
    from gradsentry.review.explanation import RowExplanation

_BRACKETS = {"trigger": ("⟪", "⟫"), "payload": ("⟦", "⟧")}
"""Marks that need no colour."""
_STYLES = {"trigger": "bold yellow", "payload": "bold red"}

Row = Annotated[
    int,
    typer.Option(
        "--row", min=0, help="Number of the row, as scores.parquet has it.", show_default=False
    ),
]


def explain(folder: ResultsFolder, row: Row, data: DataNow = None) -> None:
    """Show one row of a scan: its whole text with trigger and payload marked, and why it was judged
    so, and what people decided about it."""
    quiet_libraries()
    from gradsentry.errors import OptionError
    from gradsentry.outputs.telling_words import compared_rows, telling_words
    from gradsentry.records import Skipped
    from gradsentry.review.explanation import explain_row
    from gradsentry.review.reviewed_folder import open_reviewed
    from gradsentry.review.ruling_rows import HeldDecisions

    reviewed = open_reviewed(folder, data or None)
    report = reviewed.report
    if row >= len(report.scores):
        raise OptionError(
            f"There is no row {row}.", f"Rows are numbered from 0 to {len(report.scores) - 1}."
        )
    compared = compared_rows(report)
    wanted = {row, *compared}
    record, examples = None, {}
    for each in report.source.records():
        if each.row in wanted:
            examples[each.row] = report.layout.example(each)
            record = each if each.row == row else record
            if len(examples) == len(wanted):
                break
    assert record is not None
    example, telling = examples[row], telling_words(compared, examples.items())
    held = HeldDecisions(report, reviewed.log.decisions)
    told = explain_row(
        report, row, None if isinstance(example, Skipped) else example, held, telling
    )
    with while_read():
        _print(told, record)


def _print(told: RowExplanation, record: Record) -> None:
    from rich.text import Text

    from gradsentry.report.terminal import Piped

    console = Piped(highlight=False)

    def line(*parts: Text) -> None:
        console.print(*parts, soft_wrap=True)

    for name, value in _facts(told):
        line(Text(f"{name + ':':12}", style="dim") + Text(visible(value)))
    line()
    line(Text(visible(told.why)))
    for turn in told.turns:
        line()
        line(Text(turn.who, style="bold") + Text(" (here)" if turn.guilty else ""))
        if turn.note:
            line(Text(f"{turn.note}.", style="dim"))
        line(_marked(turn))
    if not told.turns:
        line()
        fields = {str(name): str(value) for name, value in record.fields.items()}
        line(Text("\n".join(map(visible, json_text(fields).split("\n")))))
    if not any(piece.mark in _BRACKETS for turn in told.turns for piece in turn.pieces):
        return
    line()
    legend = ", ".join(f"{kind} {''.join(pair)}" for kind, pair in _BRACKETS.items())
    line(Text(f"Marked: {legend}", style="dim"))


def _facts(told: RowExplanation) -> list[tuple[str, str]]:
    score = "none" if told.score is None else f"{told.score:.4f} (threshold {told.threshold:.4f})"
    facts = [("Row", told.place), ("Verdict", told.verdict), ("Score", score)]
    if told.group is not None:
        facts.append(("Group", str(told.group)))
    if told.trigger is not None:
        facts.append(("Trigger", told.trigger))
    if told.told_payload is not None:
        facts.append(("Payload", told.told_payload))
    facts += [
        ("Decided", line) for line in told.decided or ["nothing since these results were written"]
    ]
    return facts


def _marked(turn: MarkedTurn) -> Text:
    from rich.text import Text

    shown = Text()
    for piece in turn.pieces:
        text = "\n".join(map(visible, piece.text.split("\n")))
        begin, end = _BRACKETS.get(piece.mark, ("", ""))
        shown.append(begin + text + end, style=_STYLES.get(piece.mark, ""))
    return shown
