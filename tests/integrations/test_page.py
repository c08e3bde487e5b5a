"""The page on integrations names what there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gradsentry import integrations

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "integrations.md", ROOT / "docs" / "verify.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_on_the_page_is_code_and_names_what_there_is(page: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "gradsentry.integrations":
                assert {alias.name for alias in node.names} <= set(integrations.__all__)


def test_every_function_is_on_the_page_or_part_of_one() -> None:
    page = PAGES[0].read_text(encoding="utf-8")
    parts = {"scan_metrics", "scan_statement"}
    assert all(name in page for name in set(integrations.__all__) - parts)
