"""The public names: what the README and the documents use is exported, described, and stays."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import gradsentry
from gradsentry import _api

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [
    "Boundary",
    "DataOptions",
    "Detector",
    "Dtype",
    "EncodingOptions",
    "EngineKind",
    "EngineOptions",
    "Format",
    "GradSentryError",
    "InputError",
    "LanguageModel",
    "LongText",
    "ModelError",
    "ModelOptions",
    "ModelVerification",
    "OptionError",
    "OutputError",
    "Progress",
    "Quantize",
    "ScanOptions",
    "ScanReport",
    "Spectral",
    "SpectralSignatures",
    "StatesDetector",
    "Targets",
    "Threshold",
    "Transfer",
    "Verdict",
    "VerifiedResults",
    "VerifyOptions",
    "apply_decisions",
    "load",
    "load_model",
    "make_detector",
    "scan",
    "verify_model",
    "verify_results",
]


def test_the_public_names_are_these() -> None:
    assert sorted(_api.__all__) == NAMES
    assert set(NAMES) <= set(dir(gradsentry))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_described(name: str) -> None:
    assert (inspect.getdoc(getattr(gradsentry, name)) or "").strip()


@pytest.mark.parametrize("name", NAMES)
def test_public_methods_and_functions_are_described(name: str) -> None:
    value = getattr(gradsentry, name)
    members = inspect.getmembers(value) if inspect.isclass(value) else [(name, value)]
    for own, member in members:
        is_ours = (getattr(member, "__module__", None) or "").startswith("gradsentry")
        if inspect.isfunction(member) and is_ours and not own.startswith("_"):
            assert inspect.getdoc(member), own


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_pages_use_is_exported(page: Path) -> None:
    code = "".join(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S))
    used = set(re.findall(r"\bgradsentry\.([A-Za-z_]+)", code))
    used |= {
        name.strip()
        for names in re.findall(r"from gradsentry import ([\w, ]+)", code)
        for name in names.split(",")
    }
    rooms = {"integrations", "records"}
    assert used - rooms <= set(NAMES)
