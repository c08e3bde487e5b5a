"""Figures and folders of results never write through a link."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from gradsentry.bench.figures import save_figure
from gradsentry.bench.folder import held
from gradsentry.errors import OutputError


def test_a_link_in_a_figures_place_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.png").write_text("precious")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "figure.png").symlink_to(tmp_path / "thesis.png")
    save_figure(Figure(), tmp_path, "figure.png", 10)
    assert (tmp_path / "thesis.png").read_text() == "precious"
    assert not (tmp_path / "plots" / "figure.png").is_symlink()
    assert (tmp_path / "plots" / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["plots", "cells", "outcomes", "cache", "results.md"])
def test_a_link_in_a_benchmarks_folder_is_refused(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with held(out):
        pass
    shutil.rmtree(out / "cache")  # its lock lies there
    (out / name).symlink_to(tmp_path)
    with pytest.raises(OutputError, match="write through it"), held(out):
        pass
