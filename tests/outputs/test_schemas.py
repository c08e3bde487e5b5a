"""The published schemas: as the code makes them, and real files keep to them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import pytest

from gradsentry import OptionError, Verdict
from gradsentry.outputs.schemas import SCHEMAS, json_schema
from gradsentry.report.summary_document import SummaryDocument
from gradsentry.safe_text import json_text
from tests.outputs.reports import make_findings, make_report

DOCS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_what_the_code_says(name: str) -> None:
    """`gradsentry schema NAME > docs/schemas/NAME.schema.json` brings it up to date."""
    published = (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert published == json_text(json_schema(name)) + "\n"
    jsonschema.Draft202012Validator.check_schema(json_schema(name))


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.9, math.nan], [0.1, 0.2, 0.3, 0.4]])
@pytest.mark.parametrize("labels", [None, [True] * 4, [True, False, False, True]])
@pytest.mark.parametrize("has_groups", [False, True])
def test_summaries_keep_to_the_schema_and_hold_nothing_else(
    scores: list[float], labels: list[bool] | None, has_groups: bool
) -> None:
    findings = make_findings(4, [Verdict.POISON, Verdict.REVIEW], [0, 1, 0, -1])
    report = make_report(scores=scores, labels=labels, findings=findings if has_groups else None)
    summary = json.loads(json_text(report.summary()))
    jsonschema.validate(summary, json_schema("summary"))
    assert set(summary) <= set(SummaryDocument.model_fields)
    for group in summary["groups"]:
        described = json_schema("summary")["$defs"]["GroupSummary"]["properties"]
        assert set(group) == set(described)


def test_a_summary_that_lacks_something_is_refused() -> None:
    summary = make_report().summary()
    del summary["verdict"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(summary, json_schema("summary"))


def test_an_unknown_schema_is_told() -> None:
    with pytest.raises(OptionError, match="summary, annotated"):
        json_schema("scores")
