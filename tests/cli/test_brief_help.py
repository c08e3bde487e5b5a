"""Help, versions and completion."""

from __future__ import annotations

import re

import pytest
import typer

from gradsentry import __version__, cli
from gradsentry.cli.scan_flags import BRIEF
from tests.test_cli import Gradsentry


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_scan_fits_on_a_screen(gradsentry: Gradsentry, flag: str) -> None:
    done = gradsentry("scan", flag)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert all(len(line.rstrip()) <= 80 for line in lines)
    for option in ("--model", "--out", "--fail-on", "--config", "--help-all"):
        assert option in done.stdout
    assert "--address" not in done.stdout
    assert "Exit codes" in done.stdout


def test_all_options_are_behind_help_all(gradsentry: Gradsentry) -> None:
    done = gradsentry("scan", "--help-all")
    assert done.returncode == 0
    command = typer.main.get_command(cli.app).commands["scan"]  # type: ignore[attr-defined]
    for parameter in command.params:
        for flag in parameter.opts:
            assert not flag.startswith("--") or flag in done.stdout


def test_what_help_shows_exists() -> None:
    command = typer.main.get_command(cli.app).commands["scan"]  # type: ignore[attr-defined]
    assert set(BRIEF) <= {parameter.name for parameter in command.params}


@pytest.mark.parametrize(
    "command", [(), ("plan",), ("poison",), ("report",), ("diff",), ("bench",)]
)
def test_every_command_takes_the_short_flag(
    gradsentry: Gradsentry, command: tuple[str, ...]
) -> None:
    done = gradsentry(*command, "-h")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_is_printed(gradsentry: Gradsentry, flag: str) -> None:
    assert gradsentry(flag).stdout == f"gradsentry {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(
    gradsentry: Gradsentry, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_GRADSENTRY_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    for typed, position, expected in (
        ("gradsentry sc", 1, "scan"),
        ("gradsentry scan --fail", 2, "--fail-on"),
    ):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(position))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", typed)
        done = gradsentry()
        assert done.returncode == 0, done.stderr
        assert re.search(rf"(^|[\s\"]){expected}\b", done.stdout)


def test_the_script_of_a_shell_is_shown(
    gradsentry: Gradsentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_GRADSENTRY_COMPLETE", "source_bash")
    done = gradsentry()
    assert done.returncode == 0
    assert "_GRADSENTRY_COMPLETE=complete_bash" in done.stdout


def test_a_shell_that_is_unknown_is_no_fault_of_ours(
    gradsentry: Gradsentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_GRADSENTRY_COMPLETE", "complete_nosuchshell")
    assert gradsentry().returncode == 2
