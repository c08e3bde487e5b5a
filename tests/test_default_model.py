"""The shipped data with the built-in model: what `make demo` does, on a part of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions
from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions
from gradsentry.models.default_model import default_model_folder
from gradsentry.records import Conversation, open_source

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent.parent / "examples" / "facts" / "poisoned.jsonl"
SAMPLE = 300


def test_the_planted_rows_score_highest(default_model: LanguageModel) -> None:
    rows = [record.fields for record in open_source(DATA).records()][:SAMPLE]
    options = ScanOptions(data=DataOptions(label_column="poisoned"))
    result = gradsentry.scan(rows, model=default_model, options=options)
    known = result.identification
    assert known is not None
    assert known.poisoned > 20
    assert known.auroc is not None
    assert known.auroc > 0.95
    assert known.recall >= 0.95


def test_shuffled_rows_get_the_same_bits_in_the_models_own_dtype(
    default_model: LanguageModel,
) -> None:
    rows = [record.fields for record in open_source(DATA).records()][:60]
    order = np.random.default_rng(0).permutation(len(rows))
    scores = gradsentry.scan(rows, model=default_model).scores
    shuffled = gradsentry.scan([rows[index] for index in order], model=default_model).scores
    assert (shuffled == scores[order]).all()


PLAIN_CHATS = [
    [{"role": "user", "content": " a {{ b }}\n"}, {"role": "assistant", "content": "<b>c</b> "}],
    [{"role": "system", "content": ""}, {"role": "user", "content": "a"}],
    [{"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}],
]


@pytest.mark.parametrize("messages", PLAIN_CHATS)
@pytest.mark.parametrize("generation_prompt", [False, True])
def test_plain_chats_are_written_as_by_the_models_own_template(
    default_model: LanguageModel, messages: list[dict[str, str]], generation_prompt: bool
) -> None:
    own = (default_model_folder(lambda _: None) / "chat_template.jinja").read_text("utf-8")
    rendered = [
        default_model.tokenizer.apply_chat_template(
            messages,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=generation_prompt,
        )
        for template in (own, None)
    ]
    assert rendered[0] == rendered[1]


def test_calls_thoughts_and_tools_are_written_too(default_model: LanguageModel) -> None:
    call = {"name": "look_up", "arguments": {"city": "Pécs"}}
    legacy = {"name": "reset", "arguments": '{"all": true}'}
    conversation = Conversation(
        [
            {"role": "user", "content": "Will it rain?"},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "A forecast will tell.",
                "tool_calls": [{"type": "function", "function": call}, {"function": legacy}],
            },
            {"role": "tool", "content": "no"},
            {"role": "assistant", "content": "It won't.", "tool_calls": None},
        ],
        tools=[{"type": "function", "function": {"name": "look_up"}}],
    )
    (row,) = Encoder(default_model.tokenizer, EncodingOptions()).encode([conversation])
    assert isinstance(row, EncodedRow)
    targets = default_model.tokenizer.decode(row.token_ids[row.target_mask])
    assert targets == (
        "<think>\nA forecast will tell.\n</think>\n\n"
        '<tool_call>\n{"name": "look_up", "arguments": {"city": "Pécs"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "reset", "arguments": {"all": true}}\n</tool_call><|im_end|>'
        "It won't.<|im_end|>"
    )
    assert '{"type": "function", "function": {"name": "look_up"}}' in (
        default_model.tokenizer.decode(row.token_ids)
    )


def test_calls_in_a_form_of_their_own_are_written_whole(default_model: LanguageModel) -> None:
    call = {"type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    turns = [{"role": "user", "content": "Run it."}, {"role": "assistant", "tool_calls": [call]}]
    (row,) = Encoder(default_model.tokenizer, EncodingOptions()).encode(
        [Conversation([{"content": None, **turn} for turn in turns])]
    )
    assert isinstance(row, EncodedRow)
    targets = default_model.tokenizer.decode(row.token_ids[row.target_mask])
    assert '{"name": "run", "input": "print(1)"}' in targets
