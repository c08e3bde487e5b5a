"""What every format keeps to: one file of its own, and text that any system reads alike."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradsentry
from gradsentry.outputs import Format
from gradsentry.outputs.output_format import write_text
from gradsentry.registry import FORMATS
from gradsentry.report.formats_chosen import load_formats
from tests.outputs.reports import make_report

SOURCE = Path(gradsentry.__file__).parent


@pytest.mark.parametrize("form", load_formats(), ids=lambda form: form.file_name)
def test_a_format_writes_its_file_and_nothing_else(form: type[Format], tmp_path: Path) -> None:
    form().write(make_report(), tmp_path / "any name")
    assert [path.name for path in tmp_path.iterdir()] == ["any name"]


@pytest.mark.parametrize("form", load_formats(), ids=lambda form: form.file_name)
def test_a_format_writes_the_same_bytes_again(form: type[Format], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        form().write(make_report(), tmp_path / name / "file")
    assert (tmp_path / "one" / "file").read_bytes() == (tmp_path / "two" / "file").read_bytes()


def test_no_two_formats_have_one_file() -> None:
    names = [form.file_name for form in load_formats()]
    assert len(set(names)) == len(names) == len(FORMATS.names())


def test_the_names_of_files_stand_once() -> None:
    names = [form.file_name for form in load_formats()]
    sources = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    for name in names:
        assert sum(f'"{name}"' in source for source in sources) == 1


def test_a_format_says_how_it_writes() -> None:
    class Silent(Format):
        file_name = "silent.txt"

    with pytest.raises(TypeError, match="abstract"):
        Silent()  # type: ignore[abstract]


def test_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "é 数\r\nb\n\udce9\ud800")
    assert (tmp_path / "text").read_bytes() == "é 数\r\nb\n\\udce9\\ud800".encode()
