"""A flag is called the same, and has the same short form, in every command."""

from __future__ import annotations

from typing import Any

import typer

from gradsentry import cli

SHORT = {"--quiet": "-q", "--verbose": "-v", "--out": "-o", "--model": "-m"}
PRINT_A_VERDICT = ("scan", "report", "apply", "verify")
SHOW_PROGRESS = ("scan", "verify", "review", "bench identify", "bench finetune")


def commands() -> dict[str, Any]:
    """All commands by their names."""
    waiting: list[tuple[str, Any]] = [("", typer.main.get_command(cli.app))]
    found = {}
    while waiting:
        name, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            found[name.strip()] = command
        else:
            waiting += [(f"{name} {each}", inner[each]) for each in inner]
    return found


def flags(command: Any) -> dict[str, list[str]]:
    """The long flags of a command, each with all of its forms."""
    return {
        flag: parameter.opts
        for parameter in command.params
        for flag in parameter.opts
        if flag.startswith("--")
    }


def test_a_long_flag_has_one_short_form() -> None:
    for name, command in commands().items():
        for flag, forms in flags(command).items():
            short = [form for form in forms if not form.startswith("--")]
            assert short == ([SHORT[flag]] if flag in SHORT else []) or flag == "--help", (
                name,
                forms,
            )


def test_what_prints_a_verdict_or_shows_progress_can_be_quiet() -> None:
    known = commands()
    for name in {*PRINT_A_VERDICT, *SHOW_PROGRESS}:
        assert "--quiet" in flags(known[name]), name
    for name in PRINT_A_VERDICT:
        assert "--verbose" in flags(known[name]), name


def test_what_writes_a_place_never_replaces_it_unasked() -> None:
    for name, command in commands().items():
        if "--out" in flags(command) and not name.startswith("bench"):  # whose runs go on
            assert "--force" in flags(command), name


def test_data_that_moved_are_named_alike() -> None:
    for name, command in commands().items():
        for parameter in command.params:
            if parameter.name == "data" and "--data" in parameter.opts:
                assert parameter.multiple or name.startswith("bench"), name
