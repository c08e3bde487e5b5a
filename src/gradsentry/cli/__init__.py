"""The command line: its commands, errors and exit codes."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.rich_utils import rich_format_error

from gradsentry._version import __version__
from gradsentry.cli.apply import apply
from gradsentry.cli.bench import bench
from gradsentry.cli.diff import diff
from gradsentry.cli.exit_codes import EPILOG, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE
from gradsentry.cli.explain import explain
from gradsentry.cli.plan_scan import plan
from gradsentry.cli.poison import poison
from gradsentry.cli.report_again import report
from gradsentry.cli.review import review
from gradsentry.cli.scan import ScanCommand, scan
from gradsentry.cli.schema import schema
from gradsentry.cli.verify import verify
from gradsentry.cli.verify_results import verify_results
from gradsentry.errors import GradSentryError
from gradsentry.faults import told_of
from gradsentry.safe_text import visible

_NAME = "gradsentry"
_COMPLETE = "_GRADSENTRY_COMPLETE"
"""The environment variable in which Typer's scripts for shells ask for completions."""

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
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
        typer.Option(
            "--version", "-V", callback=_print_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Find backdoored rows in fine-tuning data, before a model is trained on them."""


app.command(cls=ScanCommand, epilog=EPILOG)(scan)
app.command()(report)
app.command()(review)
app.command()(apply)
app.command()(explain)
app.command()(diff)
app.command()(plan)
app.command()(poison)
app.command()(verify_results)
app.command()(schema)
app.command()(verify)
app.add_typer(bench, name="bench")


def main() -> None:
    """Run the command line and leave with a documented exit code."""
    _prepare_streams()
    code = _run_command()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError as error:
        _discard_output()
        if not isinstance(error, BrokenPipeError):
            code = code or EXIT_USAGE
    sys.exit(code)


def _run_command() -> int:
    """Run a command; returns its exit code, which is never 1 for an error."""
    try:
        # Without "standalone mode" a command's exit code is returned, and when a library exits,
        # this is an exception.
        left = app(prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as error:
        with _keeping_exit_code():
            error.message = "\n".join(map(visible, (error.message or "").split("\n")))
            rich_format_error(error)  # type: ignore[arg-type]  # only Typer's own errors are raised
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as left_by:
        if _is_completing():  # Typer leaves so when it has printed or installed
            return EXIT_USAGE if left_by.code else 0
        if isinstance(left_by.__context__, BrokenPipeError):
            _discard_output()
            return 0  # the reader has left, as `head` does; the work was done before printing
        return _report_error(left_by)
    except BaseException as error:  # some libraries raise errors that aren't an `Exception`
        return _report_error(error)
    if left and _is_completing():
        return EXIT_USAGE
    return left if isinstance(left, int) else 0


def _is_completing() -> bool:
    """Whether a shell asks for completions, or for the script that asks."""
    asked = sys.argv[1:2] in (["--install-completion"], ["--show-completion"])
    return asked or _COMPLETE in os.environ


def _report_error(error: BaseException) -> int:
    """Print what went wrong; returns the exit code."""
    told = told_of(error)
    with _keeping_exit_code():
        if told is not None:
            _print_error(told)
        else:
            _print_fault(error)
    return EXIT_INTERNAL if told is None else EXIT_USAGE


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the parent process closed it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 (open until exit)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold any bytes


def _discard_output() -> None:
    """Discard unwritten output, which Python would try to write again on exit, with an error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def _keeping_exit_code() -> Iterator[None]:
    """Keep the exit code although an error can't be printed.

    The reader may have left, upon which Rich exits, or there may be no memory left.
    """
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{type(error).__name__} while printing an error.\n".encode())
        _discard_output()


def _print_error(error: GradSentryError) -> None:
    console = Console(stderr=True, highlight=False)
    console.print("Error: ", style="bold red", end="")
    # Messages quote names and values from the data, so they are escaped.
    console.print(visible(_name_flags(error.problem)), markup=False, soft_wrap=True)
    console.print(visible(_name_flags(error.remedy)), markup=False, soft_wrap=True)


def _name_flags(message: str) -> str:
    """A message of the library, with options as they are called here."""
    flags = _flags()
    return re.sub("`([a-z_]+)`", lambda option: flags.get(option[1], option[0]), message)


def _flags() -> dict[str, str]:
    """The flags of all commands, by the options that they set."""
    waiting: list[Any] = [typer.main.get_command(app)]
    found: dict[str, str] = {}
    while waiting:
        command = waiting.pop()
        waiting.extend(getattr(command, "commands", {}).values())
        for parameter in command.params:
            for flag in parameter.opts:
                if flag.startswith("--"):
                    found[parameter.name] = flag
    return found


def _print_fault(error: BaseException) -> None:
    for part in traceback.format_exception(error):
        for line in part.splitlines():
            print(visible(line), file=sys.stderr)
    print("This is a fault in GradSentry; please report the lines above.", file=sys.stderr)
