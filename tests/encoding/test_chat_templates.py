"""The table of the documentation is what comes out."""

from __future__ import annotations

from pathlib import Path

from gradsentry.models import LanguageModel
from tests.encoding.trl_templates import needs_trl

PAGE = Path(__file__).parents[2] / "docs" / "chat-templates.md"


@needs_trl
def test_the_table_is_what_comes_out(default_model: LanguageModel) -> None:
    from chat_templates import table

    page = PAGE.read_text("utf-8")
    for line in table(default_model.tokenizer):
        assert line in page
