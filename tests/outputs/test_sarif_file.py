"""SARIF: valid by its schema, with places where they are known, and text that stays text."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import ScanReport, Verdict
from gradsentry.outputs import sarif_file
from gradsentry.outputs.sarif_file import SarifFile
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_findings, make_report, report_on, scanned_file

SCHEMA = Path(__file__).parents[1] / "schemas" / "sarif-2.1.0-rtm.5.json"
VALIDATOR = jsonschema.Draft4Validator(
    json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=jsonschema.FormatChecker()
)


def run_of(report: ScanReport, folder: Path) -> dict[str, Any]:
    SarifFile().write(report, folder / "sarif")
    log = json.loads((folder / "sarif").read_bytes())
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    return run  # type: ignore[no-any-return]


def regions(run: dict[str, Any]) -> list[object]:
    return [each["locations"][0]["physicalLocation"].get("region") for each in run["results"]]


def texts_in(value: object) -> list[str]:
    """The texts of all messages."""
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in texts_in(item)]
    return [text for item in value for text in texts_in(item)] if isinstance(value, list) else []


@pytest.mark.parametrize(("suffix", "lines"), [("jsonl", [1, 3, 4, 6]), ("csv", [2, 4, 5, 7])])
def test_results_stand_at_the_lines_of_their_rows(
    tmp_path: Path, suffix: str, lines: list[int]
) -> None:
    run = run_of(scanned_file(tmp_path, suffix), tmp_path)
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning", "note"]
    assert regions(run) == [{"startLine": line, "startColumn": 1} for line in lines]


def test_where_a_format_has_no_lines_none_is_made_up(tmp_path: Path) -> None:
    run = run_of(scanned_file(tmp_path, "json"), tmp_path)
    assert regions(run) == [None] * 4
    names = [each["locations"][0]["logicalLocations"][0]["name"] for each in run["results"]]
    assert names == ["row 0", "row 2", "row 3", "row 5"]


def test_rows_in_memory_have_no_file(tmp_path: Path) -> None:
    run = run_of(make_report(), tmp_path)
    assert [set(each["locations"][0]) for each in run["results"]] == [{"logicalLocations"}] * 2


def test_files_are_named_as_the_user_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "100% [x] é #?"
    report = scanned_file(tmp_path, name=name)
    monkeypatch.chdir(tmp_path)
    near = scanned_file(Path(), name=name)
    for each, expected in ((report, f"file://{tmp_path}/{name}.jsonl"), (near, f"{name}.jsonl")):
        result = run_of(each, tmp_path)["results"][0]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert unquote(uri) == expected


def test_names_of_any_bytes_are_escaped(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    result = run_of(scanned_file(folder), tmp_path)["results"][0]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.endswith("/%FF/data.jsonl")


def test_every_group_has_a_rule_that_keeps_its_name(tmp_path: Path) -> None:
    runs = [run_of(scanned_file(tmp_path, suffix), tmp_path) for suffix in ("jsonl", "csv")]
    rules = [[rule["id"] for rule in run["tool"]["driver"]["rules"]] for run in runs]
    assert rules[0] == rules[1]
    assert len(set(rules[0])) == 3  # two groups, and a reason why a row wasn't judged
    for result in runs[0]["results"]:
        assert rules[0][result["ruleIndex"]] == result["ruleId"]


def test_a_fingerprint_follows_its_row_and_tells_copies_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "p", "response": "r"}\n' * 3)
    results = run_of(report_on(path, [0.9, 0.9, 0.9]), tmp_path)["results"]
    hashes = [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]
    digest, _, _ = hashes[0].partition(":")
    assert hashes == [f"{digest}:1", f"{digest}:2", f"{digest}:3"]


def test_no_more_results_than_viewers_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif_file, "MOST_RESULTS", 2)
    run = run_of(scanned_file(tmp_path), tmp_path)
    assert [result["level"] for result in run["results"]] == ["error", "error"]
    notes = [
        each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]
    ]
    assert any(note.startswith("2 more results are left out") for note in notes)
    assert run["properties"]["resultsOfAll"] == "2/4"


@given(text=st.sampled_from([*HOSTILE, "[a](https://evil.example)", "{0}"]) | st.text(min_size=1))
def test_no_text_of_the_data_is_a_link_or_hides(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    findings = make_findings(
        4, [Verdict.POISON, Verdict.REVIEW], [0, 1, -1, -1], payload=text, trigger=text
    )
    for report in (scanned_file(folder, text=text), make_report(findings=findings, path=text)):
        run = run_of(report, folder)
        for message in texts_in(run):
            assert not set("[]{}") & set(message)
            assert not any(map(hides, message.replace(" ", "")))
