"""Results as figures: F1 against ratio and volume, and the scores' distributions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gradsentry.bench.figures import save_figure
from gradsentry.bench.identify_cells import scores_of, scores_path
from gradsentry.bench.identify_plan import IdentifyCell
from gradsentry.bench.results import Result

_BINS = np.linspace(0, 1, 41)


def write_plots(measured: Sequence[tuple[IdentifyCell, Result]], out: Path) -> list[Path]:
    """Write PNG files into `out/plots`."""
    written = []
    for table in dict.fromkeys(cell.table for cell, _ in measured):
        own = [(cell, result) for cell, result in measured if cell.table == table]
        poisoned = [(cell, result) for cell, result in own if result["poisoned"]]
        for axis in ("ratio", "volume"):
            if len({getattr(cell, axis) for cell, _ in poisoned}) > 1:
                name = f"{table}-f1-against-{axis}.png"
                written.append(save_figure(_against(poisoned, axis), out, name, 150))
        one_size = all(
            len({getattr(cell, axis) for cell, _ in poisoned}) == 1 for axis in ("ratio", "volume")
        )
        if one_size:
            for data in dict.fromkeys(cell.data for cell, _ in poisoned):
                own_data = [cell for cell, _ in poisoned if cell.data == data]
                chosen = [cell for cell in own_data if scores_path(cell, out).exists()]
                if chosen:
                    name = f"{table}-{data}-scores.png"
                    written.append(save_figure(_distributions(chosen, out), out, name, 110))
    return written


def _against(cells: Sequence[tuple[IdentifyCell, Result]], axis: str) -> Figure:
    """Mean F1 of each detector against the ratio or the volume."""
    points: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell, result in cells:
        value = result["rows"] if axis == "volume" else 100 * cell.ratio
        points[cell.detector][value].append(result["f1"])
    figure = Figure(figsize=(6, 3.6))
    plot = figure.subplots()
    for detector, of_value in points.items():
        at = sorted(of_value)
        plot.plot(at, [float(np.mean(of_value[x])) for x in at], marker="o", label=detector)
    plot.set_xscale("log")
    ticks = sorted({x for of_value in points.values() for x in of_value})
    plot.set_xticks(ticks, [f"{x:,.0f}" for x in ticks])
    plot.minorticks_off()
    plot.set_xlabel("poisoned rows, %" if axis == "ratio" else "rows")
    plot.set_ylabel("mean F1")
    plot.set_ylim(-0.03, 1.03)
    plot.grid(alpha=0.3)
    plot.legend(fontsize=8)
    return figure


def _distributions(cells: Sequence[IdentifyCell], out: Path) -> Figure:
    """Histograms of clean and poisoned rows' scores, detectors by attacks."""
    detectors = list(dict.fromkeys(cell.detector for cell in cells))
    attacks = list(dict.fromkeys(cell.attack for cell in cells))
    figure = Figure(figsize=(2.4 * len(attacks) + 1, 1.5 * len(detectors) + 0.6))
    grid: Any = figure.subplots(
        len(detectors), len(attacks), squeeze=False, sharex=True, gridspec_kw={"hspace": 0.5}
    )
    for cell in cells:
        plot = grid[detectors.index(cell.detector)][attacks.index(cell.attack)]
        scores, labels = scores_of(cell, out)
        for name, rows, colour in (("clean", ~labels, "tab:blue"), ("poisoned", labels, "tab:red")):
            plot.hist(scores[rows], _BINS, density=True, alpha=0.6, label=name, color=colour)
        plot.set_yticks([])
        plot.set_title(f"{cell.detector}, {cell.attack}", fontsize=7)
    grid[0][0].legend(fontsize=6)
    return figure
