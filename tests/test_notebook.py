"""docs/notebook.ipynb: it runs, its outputs tell nothing of a machine, and the site has it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import gradsentry
from gradsentry import LanguageModel

ROOT = Path(__file__).parents[1]
NOTEBOOK: dict[str, Any] = json.loads((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))
DATA = Path("examples", "facts", "poisoned.jsonl")
SCRIPTS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
OUTPUTS = [output for cell in NOTEBOOK["cells"] for output in cell.get("outputs", [])]
ROWS = 200


def run(script: str, names: dict[str, Any]) -> object:
    """Run a cell as a notebook does; the value of its last line, if that is an expression."""
    tree = ast.parse(script)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return last and eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.slow
def test_its_cells_run_in_order(
    default_model: LanguageModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = (ROOT / DATA).read_text("utf-8").splitlines(keepends=True)[:ROWS]
    (tmp_path / DATA).parent.mkdir(parents=True)
    (tmp_path / DATA).write_text("".join(lines), "utf-8")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    scan = f'scan("../{DATA.as_posix()}")'
    names: dict[str, Any] = {"loaded": default_model}
    assert scan in SCRIPTS[0]
    own = scan.replace(")", ", model=loaded)")
    shown = [run(script.replace(scan, own), names) for script in SCRIPTS]
    report = shown[0]
    assert isinstance(report, gradsentry.ScanReport)
    assert report._repr_html_().startswith("<div>")
    assert report.flagged.any()
    assert len(names["rows"]) == ROWS
    assert len(shown[2]) == 5  # type: ignore[arg-type]
    assert shown[-2].num_rows == ROWS - report.flagged.sum()  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    assert printed.count("response:") == 3
    assert printed.endswith(f"{report.verdict}\n")
    assert (tmp_path / "build" / "notebook" / "report.html").is_file()


def test_its_outputs_are_there_and_tell_nothing_of_a_machine() -> None:
    saved = json.dumps(OUTPUTS)
    assert "149 of 1,491 scored rows" in saved
    assert all(cell.get("outputs") for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code")
    assert not [output for output in OUTPUTS if output["output_type"] == "error"]
    assert not re.search(r"(?<![\w.<])/[\w.-]+/|[A-Z]:\\\\|file:", saved)


def test_it_is_a_page_with_its_outputs() -> None:
    site_hooks = pytest.importorskip("ci.site_hooks", reason="needs gradsentry[docs]")
    page = site_hooks.page_of(NOTEBOOK)
    assert page.startswith("# ")
    for script in SCRIPTS:
        assert f"```python\n{script}\n```" in page
    assert "149 of 1,491 scored rows" in page
