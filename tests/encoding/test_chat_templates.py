"""The table of the documentation is what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions
from gradsentry.models import LanguageModel
from gradsentry.records import Skipped
from tests.encoding.trl_templates import CONVERSATIONS, TEMPLATES, needs_trl

PAGE = Path(__file__).parents[2] / "docs" / "chat-templates.md"


@needs_trl
def test_the_table_is_what_comes_out(default_model: LanguageModel) -> None:
    from chat_templates import table

    page = PAGE.read_text("utf-8")
    assert TEMPLATES
    for line in table(default_model.tokenizer):
        assert line in page


@needs_trl
@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.endswith("_training")])
def test_training_variants_give_trls_tokens_and_targets(
    name: str, default_model: LanguageModel
) -> None:
    from chat_templates import trained_on

    tokenizer, template = default_model.tokenizer, TEMPLATES[name]
    encoder = Encoder(tokenizer, EncodingOptions(chat_template=template))
    for conversation in CONVERSATIONS.values():
        (row,) = encoder.encode([conversation])
        if isinstance(row, Skipped):
            continue
        assert isinstance(row, EncodedRow)
        ids, mask = trained_on(template, conversation, tokenizer)
        if encoder.take_tally().writes_date:  # the dates have as many tokens
            ids = row.token_ids.tolist()
        assert row.token_ids.tolist() == ids
        assert row.target_mask.tolist()[1:] == mask[1:]
