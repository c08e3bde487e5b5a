"""The README and the pages of the site: their links, their length, and that the site builds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from gradsentry import _api, cli
from gradsentry.detectors.transfer.false_alarms import MEASURED

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
URL = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
RAW = URL.replace("https://github.com", "https://raw.githubusercontent.com") + "/main/"


def links(text: str) -> list[str]:
    """Where the links of a Markdown text lead."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    """The names of a page's headings in addresses."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_readme_is_short() -> None:
    assert len(README.read_text().split()) < 900


def test_false_alarms_are_the_same_everywhere() -> None:
    """The figures of the verdict's own sentence, which docs/findings/verdicts.md rests on."""
    low, high = MEASURED.interval
    draws, found = f"{MEASURED.draws}", f"{MEASURED.called_poison}"
    row = f"| {draws} draws of clean data | {found} had a poison group (for review since) |"
    assert row in README.read_text()
    limits = " ".join((ROOT / "docs/limits.md").read_text().split())
    assert (
        f"Of {draws} clean draws of {MEASURED.fewest_rows} to {MEASURED.most_rows:,} rows from "
        f"{MEASURED.data_sets} data sets, {found} had a group called poison"
    ) in limits
    assert f"(95% interval of the share: {low:.1%} to {high:.1%})" in limits
    assert "Both are for review since." in limits
    measured = " ".join((ROOT / "docs/findings/verdicts.md").read_text().split())
    assert f"{draws} draws of {MEASURED.fewest_rows} to {MEASURED.most_rows:,} rows" in measured
    assert f"state what was found before: {found} of {draws}." in measured


def test_links_of_the_readme_are_whole_and_lead_somewhere() -> None:
    for link in links(README.read_text()):
        place = link.removeprefix(f"{URL}/blob/main/").removeprefix(RAW)
        assert place != link, f"{link} is no address in the repository"
        name, _, anchor = place.partition("#")
        assert (ROOT / name).is_file(), link
        assert not anchor or anchor in anchors(ROOT / name), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_out_of_the_site_lead_to_files_of_the_repository(page: Path) -> None:
    for link in links(page.read_text()):
        if link.startswith(f"{URL}/blob/main/"):
            name, _, anchor = link.removeprefix(f"{URL}/blob/main/").partition("#")
            assert (ROOT / name).is_file(), link
            assert not anchor or anchor in anchors(ROOT / name), link


def test_the_reference_has_all_public_names() -> None:
    text = (ROOT / "docs" / "reference" / "index.md").read_text()
    assert not [name for name in _api.__all__ if not re.search(rf"\b{name}\b", text)]


def commands(page: Path) -> list[str]:
    """Lines of a page's blocks that call the command line, without comments."""
    lines = page.read_text().replace("\\\n", " ").splitlines()
    found = (re.match(r"(?:    )?(?:\.venv/bin/)?(gradsentry .*)", line) for line in lines)
    return [match[1].split(" #")[0].partition(" | ")[0] for match in found if match]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in commands(page):
        command: Any = typer.main.get_command(cli.app)
        words = shlex.split(line)[1:]
        while words and words[0] in getattr(command, "commands", ()):
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), line
        known = {flag for parameter in command.params for flag in parameter.opts}
        assert {word for word in words if word.startswith("-") and word != "-"} <= known, line


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs gradsentry[docs]")
def test_the_site_builds_without_network(tmp_path: Path) -> None:
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "site" / "reference" / "index.html").read_text()
    assert "gradsentry.report.ScanReport.rethreshold" in reference
    # A reader's browser fetches nothing from elsewhere.
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)[^>]* src=\"([^\"]+)", page.read_text())
        loaded += re.findall(
            r"<link[^>]* rel=\"stylesheet\"[^>]* href=\"([^\"]+)", page.read_text()
        )
        assert not [address for address in loaded if "//" in address], page
