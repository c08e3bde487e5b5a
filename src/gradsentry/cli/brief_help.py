"""Help on one screen, and all of it behind --help-all."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperArgument, TyperCommand

_INDENT = "  "
_FIRST_SENTENCE = re.compile(r".+?[.:](?=\s|$)", re.DOTALL)


class BriefHelpCommand(TyperCommand):
    """A command whose --help shows the options that most people need, with the first sentence
    about each."""

    brief: ClassVar[tuple[str, ...]]
    """The parameters that are shown, by name."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (Typer's signature)
        """Print the brief help."""
        shown = [each for each in self.get_params(ctx) if each.name in (*self.brief, "help")]
        console = Console(highlight=False)
        usage = " ".join(self.collect_usage_pieces(ctx))
        console.print(Text(f"Usage: {ctx.command_path} {usage}", style="bold"))
        console.print(Text(f"\n{_first_sentence(self.help or '')}\n"))
        panels = _by_panel(shown)
        width = max(len(_INDENT + flags) for rows in panels.values() for flags, _ in rows)
        for panel, rows in panels.items():
            console.print(Text(panel, style="bold"))
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_column(no_wrap=True, style="cyan", min_width=width)
            table.add_column()
            for flags, sentence in rows:
                table.add_row(Text(_INDENT + flags), Text(sentence))
            console.print(table)
        console.print(Text(f"\n{self.epilog or ''}"))

    def format_whole_help(self, ctx: Any) -> None:
        """Print the help of all options."""
        super().format_help(ctx, ctx.make_formatter())


def _by_panel(parameters: list[Any]) -> dict[str, list[tuple[str, str]]]:
    """Panels with the flags and the sentences of their options, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in parameters:
        panel = getattr(each, "rich_help_panel", None)
        title = "Data" if isinstance(each, TyperArgument) else panel or "Help"
        found.setdefault(title, []).append((_flags(each), _first_sentence(each.help or "")))
    return found


def _flags(parameter: Any) -> str:
    """How an option is written: `-o, --out TEXT`."""
    if isinstance(parameter, TyperArgument):
        return str(parameter.metavar or parameter.name.upper())
    short_first = sorted(parameter.opts, key=len)
    value = "" if parameter.is_flag else f" {_value(parameter)}"
    return ", ".join(short_first) + value


def _value(parameter: Any) -> str:
    choices = parameter.type_descriptor.choices
    return parameter.metavar or ("|".join(choices) if choices else parameter.name.upper())


def _first_sentence(text: str) -> str:
    """Without the mark that ends it."""
    joined = " ".join(text.split())
    found = _FIRST_SENTENCE.match(joined)
    return joined if found is None else found[0].rstrip(":.") + "."


def _print_whole_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        command = context.command
        assert isinstance(command, BriefHelpCommand)
        command.format_whole_help(context)
        raise typer.Exit


HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all",
        callback=_print_whole_help,
        is_eager=True,
        help="Show all options, and all about each.",
    ),
]
