"""The configuration: YAML of plain types that any reader takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gradsentry import ScanReport, make_detector
from gradsentry.outputs.config_file import ConfigFile
from gradsentry.registry import DETECTORS
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_report


def written(report: ScanReport, folder: Path) -> str:
    path = folder / "config.yaml"
    ConfigFile().write(report, path)
    return path.read_bytes().decode("utf-8")


def test_the_file_holds_the_configuration_in_its_order(tmp_path: Path) -> None:
    report = make_report()
    read = yaml.safe_load(written(report, tmp_path))
    assert read == report.config()
    assert list(read) == list(report.config())


@pytest.mark.parametrize("name", DETECTORS.own)
def test_the_options_of_every_detector_make_it_again(tmp_path: Path, name: str) -> None:
    report = make_report()
    options = replace(report.options, detector=make_detector(name))
    read = yaml.safe_load(written(replace(report, options=options), tmp_path))
    own = dict(read["detector"])
    assert make_detector(own.pop("name"), **own) == options.detector


@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=20))
@example("\x85\u2028")
@example("a: b # c")
@example("1e3")
@example("null")
def test_hostile_text_is_kept_and_hides_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    shown = written(make_report(name=text), tmp_path_factory.getbasetemp())
    read = yaml.safe_load(shown)
    assert read["model_name"] == read["layout"] == read["data"]["subset"] == text
    assert not [character for character in shown if hides(character) and character not in " \n"]


def test_letters_of_all_scripts_stay_legible(tmp_path: Path) -> None:
    assert "数据 é" in written(make_report(name="数据 é"), tmp_path)
