"""Progress and the one-screen verdict: bars and colour on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from gradsentry.records.object_store import is_url
from gradsentry.report.advice import limits
from gradsentry.report.file_names import PAGE_FILE
from gradsentry.report.pace import Pace, time_left
from gradsentry.report.scan_report import ScanReport
from gradsentry.report.verdict import caveats, coverage, groups, headline, measured, provenance
from gradsentry.safe_text import visible
from gradsentry.work.progress import Progress as ScanProgress
from gradsentry.work.progress import Silent

_SECONDS_TO_LINE, _SECONDS_BETWEEN_LINES = 2, 15


class Verbosity(IntEnum):
    """How much is said."""

    QUIET = 0
    """The verdict in a sentence, and errors."""
    NORMAL = 1
    VERBOSE = 2
    """Also what each step took, and the versions of what computed."""


@contextlib.contextmanager
def showing_progress(verbosity: Verbosity = Verbosity.NORMAL) -> Iterator[ScanProgress]:
    """Progress on standard error, so that standard output holds the verdict alone."""
    console = _Heedless(stderr=True, highlight=False)
    if verbosity is Verbosity.QUIET:
        yield Silent()
        return
    if not console.is_terminal:
        with _Lines(console, verbosity) as lines:
            yield lines
        return
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeElapsedColumn(),
        _TimeLeftColumn(),
        console=console,
        transient=True,
    )
    with bars, _Bars(bars, verbosity) as shown:
        yield shown


class _TimeLeftColumn(ProgressColumn):
    """How long the step will still take, and when it is done."""

    def render(self, task: Task) -> Text:
        seconds = task.fields["pace"].seconds_left(time.monotonic())
        return Text("" if seconds is None else time_left(seconds, datetime.now()))


class _Steps:
    """Notes, and what each step took where that is asked for."""

    def __init__(self, console: Console, verbosity: Verbosity) -> None:
        self._console, self._verbosity = console, verbosity
        self._step: tuple[str, float] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_step()

    def note(self, line: str) -> None:
        self._console.print(visible(line), markup=False, soft_wrap=True)

    def _begin_step(self, name: str) -> float:
        self._end_step()
        now = time.monotonic()
        self._step = (name, now)
        return now

    def _end_step(self) -> None:
        if self._step is not None and self._verbosity is Verbosity.VERBOSE:
            name, begun = self._step
            self.note(f"{name}: took {time.monotonic() - begun:.1f} s")
        self._step = None


class _Bars(_Steps):
    """A bar for the stage under way."""

    def __init__(self, bars: Progress, verbosity: Verbosity) -> None:
        super().__init__(bars.console, verbosity)
        self._bars = bars
        self._task: TaskID | None = None
        self._pace = Pace(None, 0.0)

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._pace = Pace(total, self._begin_step(name))
        self._task = self._bars.add_task(
            visible(name), total=total, unit=visible(unit), pace=self._pace
        )

    def advance(self, done: int) -> None:
        if self._task is not None:
            self._pace.advance(done, time.monotonic())
            self._bars.advance(self._task, done)


class _Lines(_Steps):
    """A line at the start of a stage, soon after, and every few seconds."""

    def __init__(self, console: Console, verbosity: Verbosity) -> None:
        super().__init__(console, verbosity)
        self._name = ""
        self._total: int | None = None
        self._unit = "rows"
        self._done = 0
        self._next = 0.0
        self._pace = Pace(None, 0.0)

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        now = self._begin_step(name)
        self._name, self._total, self._unit, self._done = name, total, unit, 0
        self._next, self._pace = now + _SECONDS_TO_LINE, Pace(total, now)
        self.note(f"{name} {total:,} {unit} ..." if total is not None else f"{name} ...")

    def advance(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        self._pace.advance(done, now)
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_LINES
            of = f" of {self._total:,}" if self._total is not None else ""
            seconds = self._pace.seconds_left(now)
            left = "" if seconds is None else f", {time_left(seconds, datetime.now())}"
            self.note(f"{self._name}: {self._done:,}{of} {self._unit}{left}")


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


def print_verdict(
    report: ScanReport,
    out: str | Path | None,
    verbosity: Verbosity = Verbosity.NORMAL,
    other_letters: float | None = None,
) -> None:
    """The verdict on standard output, its sentence last: one screen on a terminal, whole lines
    elsewhere.

    **Arguments:**

    - `other_letters`: as `limits` takes it.
    """
    console = Piped(highlight=False)

    def line(text: Text) -> None:
        console.print(text, soft_wrap=bool(text.no_wrap) or not console.is_terminal)

    if verbosity is not Verbosity.QUIET:
        for fact in _facts(report, out, verbosity, other_letters):
            line(fact)
        for sentence in groups(report):
            line(Text(sentence))
    line(Text(headline(report), style="bold yellow" if report.flagged.any() else "bold"))


def _facts(
    report: ScanReport, out: str | Path | None, verbosity: Verbosity, other_letters: float | None
) -> Iterator[Text]:
    """What was scanned, what of it was scored, what to know of that, and where the results are."""
    used = provenance(report)
    if verbosity is Verbosity.VERBOSE:
        versions = report.scanned_with.versions.items()
        used.append(("Versions", ", ".join(f"{name} {version}" for name, version in versions)))
        used.append(("Time", f"{report.seconds:,.1f} s"))
    yield Text()
    yield from (_named(name, value) for name, value in used)
    yield Text()
    yield from (Text(f"- {fact}") for fact in coverage(report))
    yield from (Text(f"- {limit.replace('`', '')}") for limit in limits(report, other_letters))
    if (known := measured(report)) is not None:
        yield Text(known)
    yield from (Text(caveat, style="dim") for caveat in caveats(report))
    yield Text()
    if out is None:
        yield Text("Nothing was written; --out DIR keeps scores, clean data and report.")
    else:
        yield from (_named(name, visible(path)) for name, path in _written(out).items())
    yield Text()


def _named(name: str, value: str) -> Text:
    """A name and its value, which may be a path to copy and isn't broken."""
    named = Text(f"{name + ':':16}", style="dim", no_wrap=True)
    return named + Text(visible(value))
