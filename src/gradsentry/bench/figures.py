"""Figures as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from gradsentry.pipeline.ownership import replacing


def save_figure(figure: Figure, path: Path, dpi: int) -> None:
    """Write a PNG file that appears when all is written; a link in its place is replaced."""
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=dpi, bbox_inches="tight")
