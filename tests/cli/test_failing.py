"""`--fail-on`: with which code a scan leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import Gradsentry

IMAGE = [{"type": "image", "url": "x.png"}, {"type": "text", "text": "what is it?"}]


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """Four conversations, of which one has an image and so no score."""
    path = tmp_path / "chats.jsonl"
    answer = {"role": "assistant", "content": "yes"}
    rows = [
        {"messages": [{"role": "user", "content": content}, answer]}
        for content in ("why?", "how?", "who?", IMAGE)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--threshold", "0"], 0),
        (["--threshold", "0", "--fail-on", "never"], 0),
        (["--threshold", "0", "--fail-on", "poison"], 10),
        (["--threshold", "0", "--fail-on", "review"], 10),
        (["--threshold", "0", "--fail-on", "poison", "--allow-flagged", "3"], 0),
        (["--threshold", "0", "--fail-on", "poison", "--allow-flagged", "2"], 10),
        (["--threshold", "0", "--fail-on", "unjudged", "--allow-flagged", "100%"], 11),
        (["--threshold", "0.99", "--fail-on", "poison"], 0),
        (["--threshold", "0.99", "--fail-on", "unjudged"], 11),
        (["--threshold", "0.99", "--fail-on", "review"], 11),
        (["--threshold", "0.99", "--fail-on", "review", "--allow-unjudged", "1"], 0),
        (["--threshold", "0.99", "--fail-on", "review", "--allow-unjudged", "24%"], 11),
        (["--threshold", "0.99", "--fail-on", "review", "--allow-unjudged", "25%"], 0),
        (["--threshold", "1", "--fail-on", "poison"], 11),
        (["--threshold", "0", "--check"], 1),
        (["--threshold", "0.99", "--check"], 1),
        (["--threshold", "0.99", "--check-review"], 1),
    ],
)
def test_every_level_and_allowance_has_its_code(
    gradsentry: Gradsentry, chats: Path, tiny_folder: Path, options: list[str], code: int
) -> None:
    done = gradsentry("scan", chats, "-m", tiny_folder, "--detector", "length", *options)
    assert done.returncode == code, done.stderr
    assert ("Failed: " in done.stderr) is (code != 0)
    assert ("deprecated: take --fail-on" in done.stderr) is ("check" in str(options))


def test_why_a_build_fails_is_said_behind_the_verdict(
    gradsentry: Gradsentry, chats: Path, tiny_folder: Path
) -> None:
    scan = ("scan", chats, "-m", tiny_folder, "--detector", "length", "--threshold", "0")
    done = gradsentry(*scan, "--fail-on", "unjudged", "-q")
    assert done.stdout.splitlines() == [
        "3 of 3 scored rows (100.0%) lie above the threshold 0.0000 (given)."
    ]
    assert done.stderr.splitlines() == [
        "Failed: 3 of 3 scored rows are flagged.",
        "Failed: 1 of 4 rows have no score although a trainer may learn from them.",
        "Exit code 10, by --fail-on unjudged.",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fail-on", "all"], "--fail-on"),
        (["--allow-flagged", "3"], "--allow-flagged needs --fail-on poison or unjudged or review"),
        (
            ["--fail-on", "poison", "--allow-unjudged", "3"],
            "--allow-unjudged needs --fail-on unjudged or review",
        ),
        (["--fail-on", "poison", "--allow-flagged", "3.5"], "--allow-flagged can't be '3.5'"),
        (["--fail-on", "poison", "--check"], "--check and --fail-on ask for the same"),
        (["-q", "-v"], "--quiet and --verbose contradict each other"),
    ],
)
def test_what_asks_for_nothing_or_for_two_things_is_refused(
    gradsentry: Gradsentry, chats: Path, options: list[str], message: str
) -> None:
    done = gradsentry("scan", chats, "-m", "./none", *options)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "no such file" not in done.stderr
