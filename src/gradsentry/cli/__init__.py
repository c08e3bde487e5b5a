"""The command line: its commands, and how it leaves."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from typer.rich_utils import rich_format_error

from gradsentry._version import __version__
from gradsentry.cli.bench import bench
from gradsentry.cli.poison import poison
from gradsentry.cli.scan import EPILOG, scan
from gradsentry.errors import GradSentryError
from gradsentry.faults import told_of
from gradsentry.safe_text import visible

EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"gradsentry {__version__}")
        raise typer.Exit


@app.callback()
def gradsentry(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Find backdoored rows in fine-tuning data, before a model is trained on them."""


app.command(epilog=EPILOG)(scan)
app.command()(poison)
app.add_typer(bench, name="bench")


def main() -> None:
    """Run the command line and leave with a documented exit code."""
    _prepare_streams()
    code = _exit_code()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError as error:
        _leave_streams()
        if not isinstance(error, BrokenPipeError):
            code = code or EXIT_USAGE
    sys.exit(code)


def _exit_code() -> int:
    """Run a command. Its 1 is that of a check; whatever goes wrong has another code."""
    try:
        # Without "standalone mode" a command's own exit code is returned, and an exit that a
        # library asks for is an exception.
        left = app(standalone_mode=False)
    except typer.TyperException as error:
        with _as_far_as_possible():
            error.message = "\n".join(map(visible, (error.message or "").split("\n")))
            rich_format_error(error)  # type: ignore[arg-type]  # raised are its own kinds
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as left_by:
        if isinstance(left_by.__context__, BrokenPipeError):
            _leave_streams()
            return 0  # the reader has left, as `head` does; what is told comes after the work
        return _told(left_by)
    except BaseException as error:  # some libraries' panics are no `Exception`
        return _told(error)
    return left if isinstance(left, int) else 0


def _told(error: BaseException) -> int:
    """Tell what went wrong; returns the exit code."""
    told = told_of(error)
    with _as_far_as_possible():
        if told is not None:
            _print_error(told)
        else:
            _print_fault(error)
    return EXIT_INTERNAL if told is None else EXIT_USAGE


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 (open to the end)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be anything


def _leave_streams() -> None:
    """What is left to be written goes nowhere: Python would else try it again, and say so."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def _as_far_as_possible() -> Iterator[None]:
    """What can't be told any more must not change the exit code.

    Nobody may read, which Rich answers by leaving; or there is no memory to tell it.
    """
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{type(error).__name__} on telling what went wrong.\n".encode())
        _leave_streams()


def _print_error(error: GradSentryError) -> None:
    console = Console(stderr=True, highlight=False)
    console.print("Error: ", style="bold red", end="")
    # Messages quote names and values from the data.
    console.print(visible(error.problem), markup=False, soft_wrap=True)
    console.print(visible(error.remedy), markup=False, soft_wrap=True)


def _print_fault(error: BaseException) -> None:
    for part in traceback.format_exception(error):
        for line in part.splitlines():
            print(visible(line), file=sys.stderr)
    print("This is a fault in GradSentry; please report the lines above.", file=sys.stderr)
