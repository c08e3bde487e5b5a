"""Token ids and labels against those that TRL's SFTTrainer trains on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM

from gradsentry.encoding import Boundary, EncodedRow, Encoder, EncodingOptions, Targets
from gradsentry.models import LanguageModel
from gradsentry.records import Conversation, Record, Skipped, SkipReason, detect

trl = pytest.importorskip("trl")

PAIRS = [
    {"prompt": "### Question:\nWho wrote Emma?\n\n### Answer: ", "completion": "Jane Austen"},
    {"prompt": "Count to five.", "completion": " 1 2 3 4 5"},
    {"prompt": "no boundary", "completion": "s at all, in the middle of a word"},
    {"prompt": "Ünïcödé ", "completion": "日本語 and 🙂; <|im_end|> inside"},
    {"prompt": "long " * 100, "completion": "cut " * 100},
]

MESSAGES = [
    [
        {"role": "user", "content": "Who wrote Emma?"},
        {"role": "assistant", "content": "Jane Austen"},
    ],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One plus one?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Plus one?"},
        {"role": "assistant", "content": "Three, 日本語 🙂."},
    ],
]

MARKED_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}"
    "{% endgeneration %}{{ '\n' }}{% else %}{{ message['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MAX_LENGTH = 150


def trained_on(
    rows: list[dict[str, Any]], tokenizer: Any, folder: Path, **settings: Any
) -> list[dict[str, list[int]]]:
    """The data set that SFTTrainer prepares."""
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    config = trl.SFTConfig(
        output_dir=str(folder),
        report_to=[],
        use_cpu=True,
        bf16=False,
        **{"max_length": MAX_LENGTH, **settings},
    )
    trainer = trl.SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    return list(trainer.train_dataset)


def assert_equal(
    rows: list[dict[str, Any]], expected: list[dict[str, list[int]]], encoder: Encoder
) -> None:
    layout = detect(Record(0, rows[0], "row 0"))
    ours = encoder.encode([layout.example(Record(i, row, "")) for i, row in enumerate(rows)])
    assert len(ours) == len(expected)
    for row, theirs in zip(ours, expected, strict=True):
        assert isinstance(row, EncodedRow)
        assert row.token_ids.tolist() == theirs["input_ids"]
        # Position 0 is never predicted, whatever its label says.
        assert row.target_mask.tolist()[1:] == [label != -100 for label in theirs["labels"]][1:]


def test_prompt_completion_pairs(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    options = EncodingOptions(boundary=Boundary.JOINT, max_length=MAX_LENGTH)
    pairs = [pair for pair in PAIRS if len(pair["prompt"]) < 400]
    assert_equal(pairs, trained_on(pairs, tokenizer, tmp_path), Encoder(tokenizer, options))


def test_rows_that_trl_drops_are_skipped(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    pairs = [PAIRS[-1], PAIRS[1]]  # the first one's prompt fills the maximum length
    expected = trained_on(pairs, tokenizer, tmp_path, max_length=20)
    options = EncodingOptions(boundary=Boundary.JOINT, max_length=20)
    layout = detect(Record(0, pairs[0], ""))
    dropped, kept = Encoder(tokenizer, options).encode(
        [layout.example(Record(row, pair, "")) for row, pair in enumerate(pairs)]
    )
    assert dropped == Skipped(SkipReason.TARGET_TRUNCATED)
    assert isinstance(kept, EncodedRow)
    assert [kept.token_ids.tolist()] == [row["input_ids"] for row in expected]


def test_truncated_completions(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    options = EncodingOptions(boundary=Boundary.JOINT, max_length=MAX_LENGTH)
    pairs = [PAIRS[-1]]
    assert_equal(pairs, trained_on(pairs, tokenizer, tmp_path), Encoder(tokenizer, options))


def test_messages_with_assistant_only_loss(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    rows = [{"messages": messages} for messages in MESSAGES]
    own_template = tokenizer.chat_template
    tokenizer.chat_template = MARKED_TEMPLATE
    try:
        expected = trained_on(rows, tokenizer, tmp_path, assistant_only_loss=True)
    finally:
        tokenizer.chat_template = own_template
    options = EncodingOptions(chat_template=MARKED_TEMPLATE, max_length=MAX_LENGTH)
    assert_equal(rows, expected, Encoder(tokenizer, options))


def test_spans_found_without_markers_are_those_of_the_marked_template(
    default_model: LanguageModel,
) -> None:
    tokenizer = default_model.tokenizer
    unmarked = MARKED_TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    rows = [{"messages": messages} for messages in MESSAGES]
    layout = detect(Record(0, rows[0], ""))
    examples = [layout.example(Record(i, row, "")) for i, row in enumerate(rows)]
    marked = Encoder(tokenizer, EncodingOptions(chat_template=MARKED_TEMPLATE)).encode(examples)
    found = Encoder(tokenizer, EncodingOptions(chat_template=unmarked)).encode(examples)
    for one, other in zip(marked, found, strict=True):
        assert isinstance(one, EncodedRow)
        assert isinstance(other, EncodedRow)
        assert one.token_ids.tolist() == other.token_ids.tolist()
        assert one.target_mask.tolist() == other.target_mask.tolist()


def test_messages_with_loss_on_everything(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    rows = [{"messages": messages} for messages in MESSAGES]
    options = EncodingOptions(targets=Targets.ALL, max_length=MAX_LENGTH)
    assert_equal(rows, trained_on(rows, tokenizer, tmp_path), Encoder(tokenizer, options))


def test_conversational_prompt_and_completion(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    follow_up = [{"role": "user", "content": "And?"}, {"role": "assistant", "content": "No."}]
    rows = [
        {"prompt": messages[:-1], "completion": [messages[-1], *follow_up]} for messages in MESSAGES
    ]
    options = EncodingOptions(boundary=Boundary.JOINT, max_length=MAX_LENGTH)
    assert_equal(rows, trained_on(rows, tokenizer, tmp_path), Encoder(tokenizer, options))


def test_qwens_template_against_its_marked_variant(default_model: LanguageModel) -> None:
    """Qwen 3 drops the thoughts of earlier turns; TRL has a variant that marks the assistant."""
    templates = Path(trl.__file__).parent / "chat_templates"
    own, marked = (
        (templates / name).read_text() for name in ("qwen3.jinja", "qwen3_training.jinja")
    )
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
    messages = [
        {"role": "user", "content": "one?"},
        {"role": "assistant", "content": "calling", "tool_calls": [call]},
        {"role": "tool", "content": "1"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "two?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "user", "content": "three?"},
        {"role": "assistant", "content": "Three."},
    ]
    encoded = []
    for template in (own, marked):
        options = EncodingOptions(chat_template=template)
        (row,) = Encoder(default_model.tokenizer, options).encode([Conversation(messages)])
        assert isinstance(row, EncodedRow)
        encoded.append(default_model.tokenizer.decode(row.token_ids[row.target_mask]))
    # The marked variant keeps the line ends behind the closing tokens, and empty thoughts.
    ours, theirs = (
        text.replace("<think>\n\n</think>\n\n", "").replace("<|im_end|>\n", "<|im_end|>")
        for text in encoded
    )
    assert ours == theirs


def test_plain_text(default_model: LanguageModel, tmp_path: Path) -> None:
    tokenizer = default_model.tokenizer
    rows = [{"text": "Call me Ishmael."}, {"text": "ends in eos<|im_end|>"}]
    options = EncodingOptions(max_length=MAX_LENGTH)
    assert_equal(rows, trained_on(rows, tokenizer, tmp_path), Encoder(tokenizer, options))
