"""Figures as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from gradsentry.bench.folder import replacing_result


def save_figure(figure: Figure, out: Path, name: str, dpi: int) -> Path:
    """Write a PNG file of that name into `out/plots`; it appears when all is written."""
    path = out / "plots" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_result(out, path) as part:
        figure.savefig(part, format="png", dpi=dpi, bbox_inches="tight")
    return path
