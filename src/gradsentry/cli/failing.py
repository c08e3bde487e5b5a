"""Leaves with an exit code of its own where a scan found more than a build allows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from gradsentry.cli.exit_codes import EXIT_POISON, EXIT_REVIEW, EXIT_UNJUDGED
from gradsentry.errors import OptionError
from gradsentry.safe_text import visible

if TYPE_CHECKING:
    from gradsentry.report import ScanReport
    from gradsentry.report.gate import Gate

_CODES = {"poison": EXIT_POISON, "unjudged": EXIT_UNJUDGED, "review": EXIT_REVIEW}


def read_gate(fail_on: str, allow_flagged: str | None, allow_unjudged: str | None) -> Gate:
    """What a build lets pass, from its flags.

    **Raises:**

    `OptionError` for an allowance that is none, or that nothing asks for.
    """
    from gradsentry.report.gate import NO_ROWS, FailOn, Gate, parse_allowance

    given = {"allow_flagged": allow_flagged, "allow_unjudged": allow_unjudged}
    needed = {"allow_flagged": ("poison", "unjudged", "review")}
    for option, text in given.items():
        levels = needed.get(option, ("unjudged", "review"))
        if text is not None and fail_on not in levels:
            raise OptionError(
                f"`{option}` needs --fail-on {' or '.join(levels)}.", "Add it, or leave this out."
            )
    allowed = {
        option: NO_ROWS if text is None else parse_allowance(option, text)
        for option, text in given.items()
    }
    return Gate(fail_on=FailOn(fail_on), **allowed)


def read_deprecated_gate(check: bool, check_review: bool, fail_on: str) -> Gate | None:
    """What --check and --check-review stand for; None if neither was given.

    **Raises:**

    `OptionError` if --fail-on was given, too.
    """
    from gradsentry.report.gate import FailOn, Gate

    if not (check or check_review):
        return None
    old, new = ("--check-review", "review") if check_review else ("--check", "unjudged")
    if fail_on != "never":
        raise OptionError(f"{old} and --fail-on ask for the same.", f"Leave {old} out.")
    print(
        f"{old} is deprecated: take --fail-on {new}, whose exit codes tell what was found.",
        file=sys.stderr,
    )
    return Gate(fail_on=FailOn(new))


def leave_if_failed(report: ScanReport, gate: Gate, code: int | None = None) -> None:
    """Say on standard error why a build fails, and what it passes over; leave with the code of the
    worst.

    **Arguments:**

    - `code`: the code to leave with instead.

    **Raises:**

    `typer.Exit` if it fails.
    """
    from gradsentry.report.gate import failures, passed_over

    for sentence in passed_over(report, gate):
        print(f"Note: {sentence}", file=sys.stderr)
    found = failures(report, gate)
    if not found:
        return
    leaving = _CODES[found[0].kind] if code is None else code
    for failure in found:
        print(visible(f"Failed: {failure.problem}"), file=sys.stderr)
    print(f"Exit code {leaving}, by --fail-on {gate.fail_on}.", file=sys.stderr)
    raise typer.Exit(leaving)
