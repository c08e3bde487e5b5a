"""What two scans differ in, in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gradsentry import Verdict
from gradsentry.encoding import EncodingOptions
from gradsentry.report.compare import compare
from gradsentry.report.comparison_text import comparison_json, comparison_lines
from tests.outputs.reports import HIDDEN, HOSTILE, make_findings, make_report
from tests.report.test_compare import scan


def test_settings_come_first_and_new_poison_last() -> None:
    old, new = scan("ab", [0.1, 0.1]), scan("abc", [0.1, 0.1, 0.9])
    options = replace(new.options, encoding=EncodingOptions(max_length=9))
    new = replace(new, options=options)
    lines = list(comparison_lines(old, new, compare(old, new)))
    assert "aren't comparable" in lines[0]
    assert lines[1] == "- encoding.max_length: 1024 before, 9 now"
    assert "Rows: 2 the same, 1 added, 0 removed, 0 changed in their place." in lines
    assert lines[-1] == "New poison: 1 row: row 2."


def test_of_many_rows_and_settings_the_first_are_named() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    old, new = scan("0", [0.1]), scan(letters, [0.9] * 26)
    last = list(comparison_lines(old, new, compare(old, new)))[-1]
    assert last.startswith("New poison: 26 rows: row 0 (line 0), row 1 (line 1), row 2, ")
    assert last.endswith(" and 16 more.")


def test_json_has_all_rows_and_numbers_them_as_the_scans_do() -> None:
    old, new = scan("abx", [0.1, 0.9, 0.1], [-1, -1, 0]), scan("aYbcx", [0.9] * 4 + [0.1])
    found = json.loads(json.dumps(comparison_json(old, new, compare(old, new))))
    assert found["comparable"]
    assert found["rows"] == {"same": 3, "added": [1, 3], "removed": [], "changed": []}
    assert found["new_poison"] == [0, 1, 3]
    assert found["verdicts"] == [
        {"old": "none", "new": "poison", "rows": [0]},
        {"old": "review", "new": "none", "rows": [4]},
    ]
    assert [(each["fate"], each["old"]["rows"], each["new"]) for each in found["groups"]] == [
        ("gone", 1, None)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_the_data_direct_nothing(text: str) -> None:
    findings = make_findings(2, [Verdict.POISON], [0, 0], payload=text, trigger=text)
    old = make_report("ab", [0.1, 0.9], findings=findings, name=text, path=text)
    new = make_report("ab", [0.9, 0.1], name="other")
    for line in [
        *comparison_lines(old, new, compare(old, new)),
        *comparison_lines(new, old, compare(new, old)),
    ]:
        assert not set(HIDDEN) & set(line)
        assert "\n" not in line
