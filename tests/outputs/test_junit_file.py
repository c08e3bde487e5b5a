"""JUnit: valid by its schema, counts that add up, and text that stays text."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import ScanReport, Verdict
from gradsentry.outputs.junit_file import JunitFile
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_findings, make_report, scanned_file

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parents[1] / "schemas" / "junit-10.xsd"))


def suite_of(report: ScanReport, folder: Path) -> Xml.Element:
    path = folder / "junit.xml"
    JunitFile().write(report, path)
    SCHEMA.validate(str(path))
    (suite,) = Xml.fromstring(path.read_bytes())
    return suite


def outcomes(suite: Xml.Element) -> dict[str, str]:
    """The outcome of each test by its name."""
    cases = suite.findall("testcase")
    return {case.attrib["name"]: case[0].tag if len(case) else "passed" for case in cases}


def test_poison_fails_and_what_a_person_must_decide_is_skipped(tmp_path: Path) -> None:
    suite = suite_of(scanned_file(tmp_path), tmp_path)
    assert outcomes(suite) == {
        "no poisoned rows": "failure",
        "group 1": "failure",
        "group 2": "skipped",
        "all rows judged": "failure",
    }
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": "4", "failures": "3", "skipped": "1", "errors": "0"}


def test_clean_data_pass(tmp_path: Path) -> None:
    suite = suite_of(make_report(threshold=0.95), tmp_path)
    assert outcomes(suite) == {"no poisoned rows": "passed", "all rows judged": "passed"}


def test_a_scan_that_could_flag_nothing_fails(tmp_path: Path) -> None:
    suite = suite_of(make_report(threshold=1.0), tmp_path)
    assert outcomes(suite)["all rows judged"] == "failure"


@given(text=st.sampled_from([*HOSTILE, "]]>", "&#0;", "\ufffe"]) | st.text(min_size=1))
def test_hostile_text_stays_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    findings = make_findings(4, [Verdict.POISON], [0, -1, -1, -1], payload=text, trigger=text)
    report = make_report(findings=findings, name=text)
    suite = suite_of(report, tmp_path_factory.getbasetemp())
    assert [child.tag for child in suite.iter()].count("testcase") == 3
    for element in suite.iter():
        for shown in (element.text or "", *element.attrib.values()):
            assert not any(map(hides, shown.replace(" ", "").replace("\n", "")))
