"""Progress and the one-screen verdict: bars and colour on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gradsentry.records.object_store import is_url
from gradsentry.report.file_names import PAGE_FILE
from gradsentry.report.scan_report import ScanReport
from gradsentry.report.verdict import caveats, coverage, groups, headline, measured, provenance
from gradsentry.safe_text import visible
from gradsentry.work.progress import Progress as ScanProgress

_SECONDS_TO_LINE, _SECONDS_BETWEEN_LINES = 2, 15


@contextlib.contextmanager
def showing_progress() -> Iterator[ScanProgress]:
    """Progress on standard error, so that standard output holds the verdict alone."""
    console = _Heedless(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(console)
        return
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bars:
        yield _Bars(bars)


class _Bars:
    """A bar for the stage under way."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def note(self, line: str) -> None:
        self._bars.console.print(visible(line), markup=False, soft_wrap=True)

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(visible(name), total=total, unit=visible(unit))

    def advance(self, done: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, done)


class _Lines:
    """A line at the start of a stage, soon after, and every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._total: int | None = None
        self._unit = "rows"
        self._done = 0
        self._next = 0.0

    def note(self, line: str) -> None:
        self._console.print(visible(line), markup=False, soft_wrap=True)

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        self._name, self._total, self._unit, self._done = name, total, unit, 0
        self._next = time.monotonic() + _SECONDS_TO_LINE
        self.note(f"{name} {total:,} {unit} ..." if total is not None else f"{name} ...")

    def advance(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_LINES
            of = f" of {self._total:,}" if self._total is not None else ""
            self.note(f"{self._name}: {self._done:,}{of} {self._unit}")


class _Heedless(Console):
    """Prints on standard error, as long as somebody reads it."""

    def on_broken_pipe(self) -> None:
        """Rich would leave with 1, in the middle of the work."""
        self.quiet = True


class Piped(Console):
    """Prints on standard output, as far as somebody reads it."""

    def on_broken_pipe(self) -> None:
        """Rich would leave with 1, which says that rows are flagged."""
        raise BrokenPipeError


def _written(out: str | Path) -> dict[str, str]:
    """Where results are: in a folder, or in a store."""
    if is_url(out):
        return {"Results": str(out), "Report": f"{str(out).rstrip('/')}/{PAGE_FILE}"}
    return {"Results": str(Path(out)), "Report": str(Path(out) / PAGE_FILE)}


def print_verdict(report: ScanReport, out: str | Path | None) -> None:
    """The verdict on standard output: one screen on a terminal, whole lines elsewhere."""
    console = Piped(highlight=False)

    def line(*parts: Text) -> None:
        console.print(*parts, soft_wrap=not console.is_terminal)

    flagged = bool(report.flagged.any())
    line()
    line(Text(headline(report), style="bold yellow" if flagged else "bold"))
    for sentence in groups(report):
        line(Text(sentence))
    for fact in coverage(report):
        line(Text(f"- {fact}"))
    if (known := measured(report)) is not None:
        line(Text(known))
    for caveat in caveats(report):
        line(Text(caveat, style="dim"))
    line()
    written = {} if out is None else _written(out)
    results = [(name, visible(path)) for name, path in written.items()]
    for name, value in [*provenance(report), *results]:
        shown = Text(f"{name + ':':16}", style="dim") + Text(visible(value))
        console.print(shown, soft_wrap=True)
    if out is None:
        line(Text("Nothing was written; --out DIR keeps scores, clean data and report."))
