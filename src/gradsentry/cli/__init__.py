"""The command line: its commands, and how it leaves."""

from __future__ import annotations

import io
import sys
import traceback
from typing import Annotated

import typer
from rich.console import Console

from gradsentry._version import __version__
from gradsentry.cli.bench import bench
from gradsentry.cli.poison import poison
from gradsentry.cli.scan import EPILOG, scan
from gradsentry.errors import GradSentryError, InputError

EXIT_USAGE = 2
EXIT_INTERNAL = 3

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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be anything
    try:
        app()  # leaves by SystemExit: with 2 on bad usage, with 130 on Ctrl-C
    except GradSentryError as error:
        _print_error(error)
        sys.exit(EXIT_USAGE)
    except MemoryError:
        _print_error(
            InputError(
                "The command takes more memory than there is.",
                "Free some memory, or take a smaller model or less data.",
            )
        )
        sys.exit(EXIT_USAGE)
    except Exception:
        traceback.print_exc()
        print("This is a fault in GradSentry; please report the lines above.", file=sys.stderr)
        sys.exit(EXIT_INTERNAL)


def _print_error(error: GradSentryError) -> None:
    from gradsentry.report.text import visible

    console = Console(stderr=True, highlight=False)
    console.print("Error: ", style="bold red", end="")
    # Messages quote names and values from the data.
    console.print(visible(error.problem), markup=False, soft_wrap=True)
    console.print(visible(error.remedy), markup=False, soft_wrap=True)
