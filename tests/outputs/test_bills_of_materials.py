"""CycloneDX, SPDX and Croissant: valid by what publishes them, whatever names and texts hold."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spdx_python_model import v3_0_1 as spdx

from gradsentry import ScanReport
from gradsentry.outputs import Format
from gradsentry.outputs.croissant_file import CroissantFile
from gradsentry.outputs.cyclonedx_file import CycloneDxFile
from gradsentry.outputs.digests import file_sha256
from gradsentry.outputs.spdx_file import SpdxFile
from gradsentry.safe_text import hides
from tests.outputs.reports import HOSTILE, make_report, scanned_file

CYCLONEDX = JsonStrictValidator(SchemaVersion.V1_6)


def written(report: ScanReport, form: type[Format], folder: Path) -> str:
    """A file as it stands beside the parts of the data."""
    done = replace(report, files=report.source.write(folder, report.parts))
    form().write(done, folder / form.file_name)
    return (folder / form.file_name).read_bytes().decode()


def check_cyclonedx(text: str, _: Path) -> None:
    assert CYCLONEDX.validate_str(text) is None


def check_spdx(text: str, _: Path) -> None:
    found = spdx.SHACLObjectSet()
    spdx.JSONLDDeserializer().read(io.BytesIO(text.encode()), found)
    again = io.BytesIO()
    spdx.JSONLDSerializer().write(found, again)  # refuses what lacks a property
    assert not [name for name in found.missing_ids if name.startswith("urn:")]
    kinds = {type(each).__name__ for each in found.foreach()}
    assert {"dataset_DatasetPackage", "ai_AIPackage", "Tool", "SpdxDocument"} <= kinds


def check_croissant(text: str, folder: Path) -> None:
    import mlcroissant

    (folder / "check.json").write_text(text, encoding="utf-8")
    found = mlcroissant.Dataset(jsonld=folder / "check.json")
    assert not found.metadata.ctx.issues.errors


FORMS: list[tuple[type[Format], Callable[[str, Path], None]]] = [
    (CycloneDxFile, check_cyclonedx),
    (SpdxFile, check_spdx),
    (CroissantFile, check_croissant),
]


@pytest.mark.parametrize(("form", "check"), FORMS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("in_memory", [False, True])
def test_it_is_valid(
    form: type[Format], check: Callable[[str, Path], None], in_memory: bool, tmp_path: Path
) -> None:
    report = make_report() if in_memory else scanned_file(tmp_path)
    (tmp_path / "out").mkdir()
    check(written(report, form, tmp_path / "out"), tmp_path)


@pytest.mark.parametrize(
    ("form", "check", "cut"),
    [
        (CycloneDxFile, check_cyclonedx, '"bomFormat": "CycloneDX",'),
        (SpdxFile, check_spdx, '"specVersion": "3.0.1"'),
        (CroissantFile, check_croissant, '"encodingFormat": "application/jsonlines",'),
    ],
)
def test_what_is_not_valid_is_refused(
    form: type[Format], check: Callable[[str, Path], None], cut: str, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    text = written(scanned_file(tmp_path), form, tmp_path / "out")
    assert cut in text
    with pytest.raises(Exception):  # noqa: B017, PT011 (each validator has its own)
        check(text.replace(cut, '"other": ""' + "," * cut.endswith(",")), tmp_path)


@pytest.mark.parametrize(("form", "check"), FORMS, ids=lambda each: each.__name__)
@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_names_of_any_kind_keep_it_valid(
    form: type[Format],
    check: Callable[[str, Path], None],
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
) -> None:
    folder = tmp_path_factory.mktemp("out")
    report = make_report(name=text)
    found = written(report, form, folder)
    check(found, folder)
    assert not [character for character in found if hides(character) and character not in " \n"]


@pytest.mark.parametrize("form", [CycloneDxFile, SpdxFile, CroissantFile])
def test_it_holds_the_digest_of_the_clean_file(form: type[Format], tmp_path: Path) -> None:
    report = scanned_file(tmp_path)
    (tmp_path / "out").mkdir()
    text = written(report, form, tmp_path / "out")
    assert file_sha256(tmp_path / "out" / "clean.jsonl") in text


@pytest.mark.parametrize("form", [CycloneDxFile, SpdxFile])
def test_it_holds_the_digests_of_the_data(form: type[Format], tmp_path: Path) -> None:
    report = scanned_file(tmp_path)
    (tmp_path / "out").mkdir()
    text = written(report, form, tmp_path / "out")
    assert file_sha256(tmp_path / "data.jsonl") in text


def test_the_digest_of_a_model_file_is_its_hash() -> None:
    from gradsentry.outputs.cyclonedx_file import cyclonedx_bom

    hashed = "ab" * 32
    for revision, expected in ((f"gguf-sha256:{hashed}", hashed), ("main", None)):
        report = make_report()
        scanned = replace(report.scanned_with, model_revision=revision)
        bom = cyclonedx_bom(replace(report, scanned_with=scanned), Path(os.devnull))
        model: dict[str, Any] = bom["components"][1]
        assert [each["content"] for each in model.get("hashes", [])] == (
            [expected] * bool(expected)
        )


def test_two_writings_of_a_scan_have_one_name(tmp_path: Path) -> None:
    names = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        names.add(
            json.loads(written(make_report(), CycloneDxFile, tmp_path / folder))["serialNumber"]
        )
    assert len(names) == 1
