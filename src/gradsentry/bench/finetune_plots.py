"""ASR and ACC of tuned models as figures, one a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gradsentry.bench.figures import save_figure
from gradsentry.bench.finetune_plan import DEFENCES
from gradsentry.bench.finetune_tables import pooled
from gradsentry.bench.results import Result

_MEASURES = (("attack_success", "ASR, %"), ("accuracy", "ACC, %"))
_GROUP = 0.8
"""The width of the bars of one attack, of 1."""


def write_plots(results: Sequence[Result], out: Path) -> list[Path]:
    """Write a PNG file of each table into `out/plots`."""
    written = []
    for table in dict.fromkeys(result["table"] for result in results):
        own = [result for result in results if result["table"] == table]
        written.append(save_figure(_bars(own), out, f"{table}.png", 150))
    return written


def _bars(results: Sequence[Result]) -> Figure:
    """Defences side by side for each attack; measures by data."""
    data = list(dict.fromkeys(_group(result) for result in results))
    defences = list(dict.fromkeys(result["defence"] for result in results))
    figure = Figure(figsize=(1.2 + 4.6 * len(data), 4.6))
    grid: Any = figure.subplots(2, len(data), squeeze=False, sharey="row")
    for column, group in enumerate(data):
        own = [result for result in results if _group(result) == group]
        attacks = list(dict.fromkeys(result["attack"] for result in own))
        for row, (measure, label) in enumerate(_MEASURES):
            plot = grid[row][column]
            for place, defence in enumerate(defences):
                offset = (place - (len(defences) - 1) / 2) * _GROUP / len(defences)
                _one_defence(
                    plot,
                    defence,
                    [result for result in own if result["defence"] == defence],
                    measure,
                    {attack: number + offset for number, attack in enumerate(attacks)},
                    _GROUP / len(defences),
                )
            plot.set_xticks(range(len(attacks)), attacks)
            plot.grid(axis="y", alpha=0.3)
            if column == 0:
                plot.set_ylabel(label)
        grid[0][column].set_ylim(0, 105)
        grid[1][column].set_ylim(bottom=0)
        grid[0][column].set_title(_in_words(*group), fontsize=9)
    handles = [Patch(color=_color(defence), label=defence) for defence in defences]
    figure.legend(handles=handles, fontsize=8, loc="lower center", ncols=len(defences))
    figure.subplots_adjust(bottom=0.15)
    return figure


def _group(result: Result) -> tuple[str | None, str, float, str]:
    return result["model"], result["data"], result["ratio"], result["method"]


def _in_words(model: str | None, data: str, ratio: float, method: str) -> str:
    name = "" if model is None else f"{Path(model).name} "
    return f"{name}{data} {100 * ratio:g}% {method}"


def _one_defence(
    plot: Any,
    defence: str,
    results: Sequence[Result],
    measure: str,
    places: dict[str, float],
    width: float,
) -> None:
    """Bars with 95% intervals at each attack's place."""
    found = {
        attack: pooled([result for result in results if result["attack"] == attack], measure)
        for attack in places
    }
    means = {attack: mean for attack, mean in found.items() if mean is not None}
    plot.bar(
        [places[attack] for attack in means],
        [100 * mean.value for mean in means.values()],
        width,
        yerr=[
            [100 * (mean.value - mean.low) for mean in means.values()],
            [100 * (mean.high - mean.value) for mean in means.values()],
        ],
        error_kw={"linewidth": 0.8},
        color=_color(defence),
    )
    for attack, mean in means.items():
        if mean.value == 0.0:  # no bar to see, and no cell that is missing
            plot.text(places[attack], 0.0, "0", ha="center", va="bottom", fontsize=7)


def _color(defence: str) -> str:
    """The same in all figures, whichever defences they show."""
    return to_hex(colormaps["tab20"](DEFENCES.index(defence)))
