"""Figures never write through a link."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from gradsentry.bench.figures import save_figure


def test_a_link_in_a_figures_place_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.png").write_text("precious")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "figure.png").symlink_to(tmp_path / "thesis.png")
    save_figure(Figure(), tmp_path, "figure.png", 10)
    assert (tmp_path / "thesis.png").read_text() == "precious"
    assert not (tmp_path / "plots" / "figure.png").is_symlink()
    assert (tmp_path / "plots" / "figure.png").read_bytes().startswith(b"\x89PNG")
