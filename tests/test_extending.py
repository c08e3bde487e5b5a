"""What docs/extending.md says: detectors and formats of other packages, installed as these are."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gradsentry
from gradsentry import LanguageModel
from gradsentry.registry import DETECTORS

DOCS = Path(__file__).parent.parent / "docs" / "extending.md"
ROWS = [{"prompt": f"question {n}?", "response": f"answer {n} " * (n % 7)} for n in range(40)]


def example(name: str) -> str:
    """The code in the docs that belongs into a file."""
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", DOCS.read_text(), re.S)
    assert found is not None
    return found[1]


def test_a_detector_of_another_package(
    tiny: LanguageModel, tmp_path: Path, install: Callable[..., None]
) -> None:
    code = example("surprising.py")
    assert len(code.splitlines()) <= 40
    install("gradsentry.detectors", "surprising", "surprising:Surprising", code)
    assert "surprising" in DETECTORS.names()
    detector = gradsentry.make_detector("surprising", nats=2.0)
    report = gradsentry.scan(ROWS, model=tiny, detector=detector, out=tmp_path / "out")
    scores = report.scores[report.rows.scored]
    assert ((scores >= 0) & (scores <= 1)).all()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "more than 2 nats" in page
    loaded = gradsentry.load(tmp_path / "out", data=ROWS)
    assert loaded.options.detector == detector
    with pytest.raises(gradsentry.OptionError, match="has no option crop"):
        gradsentry.make_detector("surprising", crop=3)


def test_a_format_of_another_package(
    tiny: LanguageModel, tmp_path: Path, install: Callable[..., None]
) -> None:
    code = example("flagged_rows.py")
    install("gradsentry.formats", "flagged-rows", "flagged_rows:FlaggedRows", code)
    report = gradsentry.scan(
        ROWS, model=tiny, detector="length", threshold=0.5, out=tmp_path / "out"
    )
    lines = (tmp_path / "out" / "flagged-rows.txt").read_text().split()
    assert [int(line) for line in lines] == np.flatnonzero(report.flagged).tolist()


def test_a_layout_of_another_package(
    tiny: LanguageModel, tmp_path: Path, install: Callable[..., None]
) -> None:
    rows = [{"subject": f"no {n}", "body": "help", "agent_reply": f"done {n}"} for n in range(9)]
    with pytest.raises(gradsentry.InputError, match="no known layout"):
        gradsentry.scan(rows, model=tiny, detector="length")
    install("gradsentry.layouts", "tickets", "tickets:find_tickets", example("tickets.py"))
    report = gradsentry.scan(rows, model=tiny, detector="length", out=tmp_path / "out")
    assert report.scanned_with.layout == "subject + body, agent_reply"
    assert report.rows.scored.all()
    assert "no 3" in (tmp_path / "out" / "report.html").read_text()


def test_what_is_no_detector_is_told(install: Callable[..., None]) -> None:
    install("gradsentry.detectors", "odd", "odd_detector:ODD", "ODD = 3\n")
    with pytest.raises(gradsentry.OptionError, match="no subclass"):
        gradsentry.make_detector("odd")


@pytest.mark.parametrize("name", ["../out.txt", "clean.jsonl", "a/b"])
def test_a_format_writes_a_file_of_its_own(
    tiny: LanguageModel, tmp_path: Path, install: Callable[..., None], name: str
) -> None:
    code = example("flagged_rows.py").replace("flagged-rows.txt", name)
    install("gradsentry.formats", "flagged-rows", "flagged_rows:FlaggedRows", code)
    data = tmp_path / "data.jsonl"
    data.write_text("".join(f'{{"prompt": "q {n}", "response": "a"}}\n' for n in range(5)))
    with pytest.raises(gradsentry.OptionError):
        gradsentry.scan(data, model=tiny, detector="length", out=tmp_path / "results")
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "out.txt").exists()


def test_a_package_that_fails_on_import_is_named(
    tiny: LanguageModel, install: Callable[..., None]
) -> None:
    install("gradsentry.layouts", "broken", "broken_layout:find", "raise ValueError('no')\n")
    with pytest.raises(gradsentry.OptionError, match="layout broken can't be imported"):
        gradsentry.scan(ROWS, model=tiny, detector="length")


def test_an_option_called_name_is_none() -> None:
    with pytest.raises(gradsentry.OptionError, match="has no option name"):
        gradsentry.make_detector("length", name="x")
