"""Plans of detectors that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gradsentry.bench.identify_plan import read_identify_plan
from gradsentry.errors import GradSentryError

PLAN = {
    "data": {"one": {"source": "a.jsonl"}, "both": {"source": ["a.jsonl", "b.jsonl"]}},
    "tables": {"t": {"data": ["one", "both"], "detectors": "length"}},
}


def published(figures: dict[str, object]) -> dict[str, object]:
    return {"tables": {"t": {"data": "one", "detectors": "length", "published": figures}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tables": {"t": {"data": "no", "detectors": "length"}}}, "no data 'no'"),
        ({"tables": {"t": {"data": "one"}}}, "'detectors' is missing"),
        ({"tables": {"t": {"data": "one", "detectors": "lenght"}}}, "lenght"),
        ({"tables": {"t": {"data": "one", "detectors": "length", "ratio": 1}}}, "'ratio'"),
        ({"tables": {"t": {"data": "one", "detectors": "length", "attacks": "x"}}}, "'x'"),
        ({"table": {}}, "'table' isn't known"),
        ({"data": {"one": {"source": "a.jsonl", "rows": "many"}}}, "rows can't be 'many'"),
        ({"tables": {"t": {"data": "one", "detectors": "length", "ratios": [2]}}}, "ratios"),
        ({"tables": {"t": {"data": "one", "detectors": "length", "volumes": [0]}}}, "volumes"),
        ({"data": {"one": {}}}, "'source' is missing"),
        ({"data": []}, "names with values"),
        ({"data": {"a/b": {"source": "a.jsonl"}}}, "file names"),
        ({"data": {"one": {"source": 3}}}, "source can't be 3"),
        ({"tables": {"t": {"data": "one", "detectors": []}}}, "detectors"),
        (published({"length": {"one": [0.5, 0.5]}}), "2 figures for 1 cells"),
        (published({"length": {"one": 0.5}}), "published, length, one, can't be"),
        (published({"length": {"one": ["x"]}}), "published, length, one, can't be"),
        (published({"spectral": {"one": [0.5]}}), "'spectral' isn't known"),
        (published({"length": {"both": [0.5]}}), "'both' isn't known"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN | change))
    with pytest.raises(GradSentryError, match=message):
        read_identify_plan(path)
