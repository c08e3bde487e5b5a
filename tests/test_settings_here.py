"""Files of the current folder that libraries would follow are refused, not followed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gradsentry.errors import InputError
from gradsentry.settings_here import refuse_settings_here


def test_a_file_of_that_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refuse_settings_here("matplotlibrc", "matplotlib")
    (tmp_path / "matplotlibrc").symlink_to("nowhere")
    with pytest.raises(InputError, match="matplotlib would follow this file"):
        refuse_settings_here("matplotlibrc", "matplotlib")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", ":/nowhere", "."])
def test_nothing_is_imported_from_the_current_folder(path: str, tmp_path: Path) -> None:
    for name in ("torch", "typer", "rich", "traceback", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w')\n")
    start = "import sys; sys.argv = ['gradsentry', 'scan', 'none.jsonl']; "
    start += "from gradsentry.__main__ import main; main()"
    for way in (["-m", "gradsentry", "scan", "none.jsonl"], ["-c", start]):
        # Python itself reads the path before we run: only what we import is ours to guard.
        ran = subprocess.run(
            [sys.executable, *way],
            cwd=tmp_path,
            env={"PYTHONPATH": path, "HOME": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 2, ran.stderr
        assert not list(tmp_path.glob("ran-*"))
