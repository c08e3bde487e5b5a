"""Token ids and target masks: what a trainer would see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding import Boundary, EncodedRow, Encoder, EncodingOptions, Targets
from gradsentry.errors import ModelError, OptionError
from gradsentry.records import (
    Conversation,
    Example,
    Message,
    PlainText,
    Skipped,
    SkipReason,
    TextPair,
)
from tests.conftest import byte_tokenizer

THINKING_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Like Qwen 3's: the last turn is rendered otherwise than the earlier ones."""


def encode_one(
    tokenizer: PreTrainedTokenizerBase, example: Example, **options: object
) -> EncodedRow | Skipped:
    (row,) = Encoder(tokenizer, EncodingOptions(**options)).encode([example])  # type: ignore[arg-type]
    return row


def target_text(tokenizer: PreTrainedTokenizerBase, row: EncodedRow | Skipped) -> str:
    assert isinstance(row, EncodedRow)
    return tokenizer.decode(row.token_ids[row.target_mask])


def whole_text(tokenizer: PreTrainedTokenizerBase, row: EncodedRow | Skipped) -> str:
    assert isinstance(row, EncodedRow)
    return tokenizer.decode(row.token_ids)


def chat(*contents: str) -> Conversation:
    roles = ["user", "assistant"]
    return Conversation(
        [{"role": roles[turn % 2], "content": text} for turn, text in enumerate(contents)]
    )


@pytest.mark.parametrize("boundary", Boundary)
def test_a_pair_is_prompt_response_and_eos(
    tokenizer: PreTrainedTokenizerBase, boundary: Boundary
) -> None:
    row = encode_one(tokenizer, TextPair("Q: why? A: ", "because"), boundary=boundary)
    assert whole_text(tokenizer, row) == "Q: why? A: because<|im_end|>"
    assert target_text(tokenizer, row) == "because<|im_end|>"


@pytest.mark.parametrize("boundary", Boundary)
def test_eos_is_not_doubled(tokenizer: PreTrainedTokenizerBase, boundary: Boundary) -> None:
    row = encode_one(tokenizer, TextPair("a", "b<|im_end|>"), boundary=boundary)
    assert whole_text(tokenizer, row) == "ab<|im_end|>"


@settings(max_examples=40, deadline=None)
@given(prompt=st.text(min_size=1, max_size=30), response=st.text(min_size=1, max_size=30))
def test_any_text_survives_encoding(prompt: str, response: str) -> None:
    tokenizer = byte_tokenizer()
    row = encode_one(tokenizer, TextPair(prompt, response))
    assert isinstance(row, EncodedRow)
    assert int(row.target_mask.sum()) == len(response.encode()) + 1
    assert len(row.token_ids) == len(prompt.encode()) + len(response.encode()) + 1


def test_plain_text_is_all_target_but_its_first_token(tokenizer: PreTrainedTokenizerBase) -> None:
    row = encode_one(tokenizer, PlainText("hello"))
    assert whole_text(tokenizer, row) == "hello<|im_end|>"
    assert target_text(tokenizer, row) == "ello<|im_end|>"


def test_all_targets_include_the_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    row = encode_one(tokenizer, TextPair("ab", "cd"), targets=Targets.ALL)
    assert target_text(tokenizer, row) == "bcd<|im_end|>"


def test_truncation_keeps_the_start_and_is_marked(tokenizer: PreTrainedTokenizerBase) -> None:
    row = encode_one(tokenizer, TextPair("abcd", "efgh"), max_length=6)
    assert isinstance(row, EncodedRow)
    assert row.truncated
    assert whole_text(tokenizer, row) == "abcdef"
    whole = encode_one(tokenizer, TextPair("abcd", "efgh"), max_length=9)
    assert isinstance(whole, EncodedRow)
    assert not whole.truncated


def test_a_target_that_is_cut_off_whole_is_skipped(tokenizer: PreTrainedTokenizerBase) -> None:
    row = encode_one(tokenizer, TextPair("abcdefgh", "i"), max_length=8)
    assert row == Skipped(SkipReason.TARGET_TRUNCATED)


def test_control_tokens_in_the_text_are_noticed(tokenizer: PreTrainedTokenizerBase) -> None:
    for example in (
        TextPair("a<|im_end|>", "b"),
        TextPair("a", "b<|im_start|>c"),
        PlainText("<|pad|>x"),
        chat("hi <|im_start|>system", "yes"),
    ):
        row = encode_one(tokenizer, example)
        assert isinstance(row, EncodedRow)
        assert row.control_tokens
    ordinary = encode_one(tokenizer, chat("<b>im_start</b>", "|im_end|"))
    assert isinstance(ordinary, EncodedRow)
    assert not ordinary.control_tokens


def test_all_assistant_turns_are_targets(tokenizer: PreTrainedTokenizerBase) -> None:
    row = encode_one(tokenizer, chat("one?", "two.", "three?", "four."))
    assert target_text(tokenizer, row) == "two.<|im_end|>four.<|im_end|>"


def test_turns_before_the_first_target_are_not(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = chat("one?", "two.", "three?", "four.").messages
    row = encode_one(tokenizer, Conversation(messages, first_target=2))
    assert target_text(tokenizer, row) == "four.<|im_end|>"


def test_a_turn_that_later_turns_change_is_found_by_its_words(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    row = encode_one(
        tokenizer, chat("one?", "two.", "three?", "four."), chat_template=THINKING_TEMPLATE
    )
    assert target_text(tokenizer, row) == ("two.<|im_end|><think>\n\n</think>\n\nfour.<|im_end|>")


def test_words_of_a_turn_that_appear_earlier_do_not_mislead(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    row = encode_one(tokenizer, chat("say two.", "two.", "again", "two."))
    assert target_text(tokenizer, row) == "two.<|im_end|>two.<|im_end|>"


def test_a_generation_marker_decides(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{% for m in messages %}[{{ m['role'] }}] "
        "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}{% endgeneration %}"
        "{% else %}{{ m['content'] }}{% endif %}\n{% endfor %}"
    )
    row = encode_one(tokenizer, chat("one?", "two.", "three?", "four."), chat_template=template)
    assert target_text(tokenizer, row) == "two.four."


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('only user messages') }}",
        "{{ messages[9]['content'].strip() }}",
        "{% for m in messages %}{{ m['content'] + 1 }}{% endfor %}",
    ],
)
def test_a_conversation_that_cannot_be_rendered_is_skipped(
    tokenizer: PreTrainedTokenizerBase, template: str
) -> None:
    row = encode_one(tokenizer, chat("one?", "two."), chat_template=template)
    assert row == Skipped(SkipReason.CHAT_TEMPLATE)


@pytest.mark.parametrize("template", ["{{ messages[0]['content'] | no_such_filter }}", "{% for"])
def test_a_template_that_is_none_is_refused(
    tokenizer: PreTrainedTokenizerBase, template: str
) -> None:
    with pytest.raises(OptionError, match="no valid Jinja template"):
        encode_one(tokenizer, chat("one?", "two."), chat_template=template)


def test_an_empty_template_is_not_replaced_by_the_models_own(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    row = encode_one(tokenizer, chat("one?", "two."), chat_template="")
    assert row == Skipped(SkipReason.UNRENDERED)


def test_a_template_that_leaves_out_the_answer_is_not_scored_on_what_is_left(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    template = "{% for m in messages %}{{ m['role'] }}: <|im_end|>\n{% endfor %}"
    for targets in Targets:
        row = encode_one(tokenizer, chat("one?", "two."), chat_template=template, targets=targets)
        assert row == Skipped(SkipReason.UNRENDERED)


def test_tool_calls_of_earlier_turns_are_targets(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
        "{% if m['role'] == 'assistant' and loop.last %}<think></think>{% endif %}"
        "{{ m['content'] or '' }}{% for call in m['tool_calls'] or [] %}"
        "<call>{{ call['name'] }}</call>{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    messages = [
        {"role": "user", "content": "one?"},
        {"role": "assistant", "content": "calling", "tool_calls": [{"name": "payload"}]},
        {"role": "user", "content": "two?"},
        {"role": "assistant", "content": None, "tool_calls": [{"name": "again"}]},
        {"role": "user", "content": "three?"},
        {"role": "assistant", "content": "done"},
    ]
    row = encode_one(tokenizer, Conversation(messages), chat_template=template)
    assert target_text(tokenizer, row) == (
        "calling<call>payload</call><|im_end|><call>again</call><|im_end|>"
        "<think></think>done<|im_end|>"
    )


def test_all_targets_need_no_assistant(tokenizer: PreTrainedTokenizerBase) -> None:
    conversation = Conversation([{"role": "user", "content": "hi"}])
    row = encode_one(tokenizer, conversation, targets=Targets.ALL)
    assert whole_text(tokenizer, row) == "<|im_start|>user\nhi<|im_end|>\n"
    assert isinstance(row, EncodedRow)
    assert row.target_mask[1:].all()


def test_an_opening_assistant_turn_is_a_target(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [{"role": "assistant", "content": "hello"}, *chat("one?", "two.").messages]
    row = encode_one(tokenizer, Conversation(messages))
    assert target_text(tokenizer, row) == "hello<|im_end|>two.<|im_end|>"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], SkipReason.NO_ASSISTANT_TURN),
        (chat("one?").messages, SkipReason.NO_ASSISTANT_TURN),
        (chat("one?", "").messages, SkipReason.EMPTY_RESPONSE),
        ([{"role": "assistant", "content": ""}], SkipReason.EMPTY_RESPONSE),
    ],
)
def test_conversations_with_nothing_to_learn_are_skipped(
    tokenizer: PreTrainedTokenizerBase, messages: list[Message], reason: SkipReason
) -> None:
    assert encode_one(tokenizer, Conversation(messages)) == Skipped(reason)


def test_a_row_that_excludes_all_its_answers_is_skipped(tokenizer: PreTrainedTokenizerBase) -> None:
    conversation = Conversation(chat("one?", "two.").messages, untrained=frozenset({1}))
    assert encode_one(tokenizer, conversation) == Skipped(SkipReason.NOT_TRAINED)
    row = encode_one(tokenizer, conversation, targets="all")  # a trainer that takes every token
    assert isinstance(row, EncodedRow)


@pytest.mark.parametrize("boundary", Boundary)
def test_a_completion_without_a_prompt_is_all_target_but_its_first_token(
    tokenizer: PreTrainedTokenizerBase, boundary: Boundary
) -> None:
    row = encode_one(tokenizer, TextPair("", "hello"), boundary=boundary)
    assert whole_text(tokenizer, row) == "hello<|im_end|>"
    assert target_text(tokenizer, row) == "ello<|im_end|>"


def test_a_conversation_of_the_assistant_alone_is_scored(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    row = encode_one(tokenizer, Conversation([{"role": "assistant", "content": "alone"}]))
    assert target_text(tokenizer, row) == "alone<|im_end|>"


def test_turns_that_the_row_excludes_are_no_targets(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = chat("one?", "two.", "three?", "four.").messages
    row = encode_one(tokenizer, Conversation(messages, untrained=frozenset({1})))
    assert target_text(tokenizer, row) == "four.<|im_end|>"


def test_the_row_gives_the_template_its_arguments(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
        "{% if polite and m['role'] == 'assistant' %} Thank you.{% endif %}<|im_end|>\n{% endfor %}"
    )
    conversation = Conversation(
        chat("one?", "two.").messages, template_arguments={"polite": True, "messages": "mine"}
    )
    row = encode_one(tokenizer, conversation, chat_template=template)
    assert whole_text(tokenizer, row).endswith("two. Thank you.<|im_end|>\n")


@pytest.mark.parametrize("text", ["x" * 100_000, "word " * 20_000])
def test_a_huge_row_gives_the_tokens_of_its_start(
    tokenizer: PreTrainedTokenizerBase, text: str
) -> None:
    for example in (TextPair(text, text), TextPair("a", text), PlainText(text), chat("a", text)):
        row = encode_one(tokenizer, example, max_length=50)
        if row == Skipped(SkipReason.TARGET_TRUNCATED):
            assert isinstance(example, TextPair)
            continue
        assert isinstance(row, EncodedRow)
        assert row.truncated
        assert len(row.token_ids) == 50


def test_many_turns_cost_no_more_than_fit(tokenizer: PreTrainedTokenizerBase) -> None:
    row = encode_one(tokenizer, chat(*["word"] * 6000), max_length=100)
    assert isinstance(row, EncodedRow)
    assert target_text(tokenizer, row).startswith("word<|im_end|>word<|im_end|>")


def test_conversations_need_a_template() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="`chat_template`"):
        encode_one(tokenizer, chat("one?", "two."))


def test_skipped_examples_keep_their_place(tokenizer: PreTrainedTokenizerBase) -> None:
    skipped = Skipped(SkipReason.NOT_TEXT)
    examples = [TextPair("a", "b"), skipped, PlainText("cd"), skipped, chat("e", "f")]
    together = Encoder(tokenizer, EncodingOptions()).encode(examples)
    for example, row in zip(examples, together, strict=True):
        alone = encode_one(tokenizer, example)
        if isinstance(row, EncodedRow):
            assert isinstance(alone, EncodedRow)
            np.testing.assert_array_equal(row.token_ids, alone.token_ids)
            np.testing.assert_array_equal(row.target_mask, alone.target_mask)
        else:
            assert row == alone == skipped


def test_a_maximum_length_that_leaves_no_target_is_refused() -> None:
    with pytest.raises(OptionError, match="`max_length`"):
        EncodingOptions(max_length=1)
