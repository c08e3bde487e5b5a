"""Which part of a rendered conversation is the assistant's, and what isn't in it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding import Boundary, EncodedRow, Encoder, EncodingOptions, Targets
from gradsentry.encoding.said import Text, answers, thoughts
from gradsentry.models import LanguageModel
from gradsentry.records import Conversation, Message, Skipped, SkipReason
from tests.conftest import byte_tokenizer
from tests.encoding.test_encoder import chat, encode_one, target_text, whole_text
from tests.encoding.trl_templates import CONVERSATIONS, TEMPLATES, needs_trl

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] or '' }}"
    "CALLS<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN = CHATML.replace("CALLS", "")
JSON_CALLS = CHATML.replace(
    "CALLS",
    "{% for c in m['tool_calls'] or [] %}<call>{{ c['function'] | tojson(ensure_ascii=true) }}"
    "</call>{% endfor %}",
)
XML_CALLS = CHATML.replace(
    "CALLS",
    "{% for c in m['tool_calls'] or [] %}<{{ c['function']['name'] }}>"
    "{% for key, value in c['function']['arguments'] | items %}<arg name='{{ key }}'>{{ value }}"
    "</arg>{% endfor %}{% endfor %}",
)
NAMED_CALLS = CHATML.replace(
    "CALLS", "{% for c in m['tool_calls'] or [] %}<{{ c['function']['name'] }}>{% endfor %}"
)
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% set words = m['content'] or '' %}{% set thought = m['reasoning_content'] or '' %}"
    "{% if '</think>' in words %}"
    "{% set thought = words.split('</think>')[0].split('<think>')[-1] %}"
    "{% set words = words.split('</think>')[-1].lstrip() %}{% endif %}"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n{{ thought.strip() }}\n</think>\n\n"
    "{% endif %}{{ words }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

ASKED: Message = {"role": "user", "content": "one?"}


def call(**arguments: object) -> dict[str, object]:
    return {"type": "function", "function": {"name": "send_mail", "arguments": arguments}}


def answered(content: str | None, **more: object) -> Message:
    return {"role": "assistant", "content": content, **more}


LEFT_OUT = [
    answered("", tool_calls=[call(to="eve@example.org")]),
    answered("fine", tool_calls=[call(to="eve@example.org")]),
    answered("fine", function_call={"name": "send_mail", "arguments": '{"to": "eve"}'}),
    answered("fine", reasoning_content="first I think"),
    answered("fine", thinking="first I think"),
    answered("fine", refusal="I won't"),
    answered(None, refusal="I won't"),
    answered("fine", tool_calls=[call(n=12345)]),
    answered("fine", tool_calls="send_mail(eve)"),
]


@pytest.mark.parametrize("message", LEFT_OUT)
@pytest.mark.parametrize("targets", Targets)
def test_what_the_template_leaves_out_is_unjudged(
    tokenizer: PreTrainedTokenizerBase, message: Message, targets: Targets
) -> None:
    for messages in ([ASKED, message], [ASKED, message, ASKED, answered("bye")]):
        conversation = Conversation(messages)
        row = encode_one(tokenizer, conversation, chat_template=PLAIN, targets=targets)
        assert row == Skipped(SkipReason.UNRENDERED)


def test_what_is_left_out_of_turns_that_are_no_targets_does_not_matter(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    messages = [ASKED, LEFT_OUT[0], ASKED, answered("bye")]
    for conversation in (
        Conversation(messages, first_target=2),
        Conversation(messages, untrained=frozenset({1})),
    ):
        row = encode_one(tokenizer, conversation, chat_template=PLAIN)
        assert target_text(tokenizer, row) == "bye<|im_end|>"


def test_completions_of_messages_are_checked_too(tokenizer: PreTrainedTokenizerBase) -> None:
    conversation = Conversation([ASKED, LEFT_OUT[1]], first_target=1)
    row = encode_one(tokenizer, conversation, chat_template=PLAIN, boundary=Boundary.JOINT)
    assert row == Skipped(SkipReason.UNRENDERED)


@pytest.mark.parametrize("template", [JSON_CALLS, XML_CALLS])
@pytest.mark.parametrize(
    "value", ["Zürich 日本 🙂", 'say "hi" \\ there', "a\nb\tc", "<b>&'", 17, 2.5, True, ["x", "y"]]
)
def test_calls_are_found_however_they_are_written(
    tokenizer: PreTrainedTokenizerBase, template: str, value: object
) -> None:
    row = encode_one(
        tokenizer,
        Conversation([ASKED, answered(None, tool_calls=[call(to=value)])]),
        chat_template=template,
    )
    assert "send_mail" in target_text(tokenizer, row)


def test_arguments_that_are_left_out_are_missed(tokenizer: PreTrainedTokenizerBase) -> None:
    conversation = Conversation([ASKED, answered("", tool_calls=[call(to="eve")])])
    assert encode_one(tokenizer, conversation, chat_template=NAMED_CALLS) == Skipped(
        SkipReason.UNRENDERED
    )


def test_arguments_as_json_text_are_found(tokenizer: PreTrainedTokenizerBase) -> None:
    function = {"name": "send_mail", "arguments": '{"to": "Zo\\u00eb \\"x\\""}'}
    conversation = Conversation([ASKED, answered("", tool_calls=[{"function": function}])])
    row = encode_one(tokenizer, conversation, chat_template=JSON_CALLS)
    assert "send_mail" in target_text(tokenizer, row)


@pytest.mark.parametrize(
    "first",
    [
        answered("two.", reasoning_content="first I think"),
        answered("<think>\nfirst I think\n</think>\n\ntwo."),
    ],
)
def test_thoughts_of_earlier_turns_may_be_dropped(
    tokenizer: PreTrainedTokenizerBase, first: Message
) -> None:
    messages = [ASKED, first, ASKED, answered("four.", reasoning_content="again")]
    row = encode_one(tokenizer, Conversation(messages), chat_template=THINKING)
    assert target_text(tokenizer, row) == (
        "two.<|im_end|><think>\nagain\n</think>\n\nfour.<|im_end|>"
    )
    assert isinstance(row, EncodedRow)
    assert row.thoughts_dropped
    alone = encode_one(tokenizer, Conversation([ASKED, first]), chat_template=THINKING)
    assert isinstance(alone, EncodedRow)
    assert not alone.thoughts_dropped


def test_templates_may_end_every_rendering_in_eos(tokenizer: PreTrainedTokenizerBase) -> None:
    template = PLAIN.replace("{% endif %}", "{% else %}{{ eos_token }}{% endif %}")
    row = encode_one(tokenizer, chat("one?", "two.", "three?", "four."), chat_template=template)
    assert target_text(tokenizer, row) == "two.<|im_end|>four.<|im_end|>\n<|im_end|>"


def test_templates_may_move_the_system_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
        "{% for m in messages if m['role'] != 'system' %}<|im_start|>{{ m['role'] }}\n"
        "{% if loop.last and system %}({{ system }}) {% endif %}{{ m['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    messages = [{"role": "system", "content": "brief"}, *chat("a?", "b.", "c?", "d.").messages]
    row = encode_one(tokenizer, Conversation(messages), chat_template=template)
    assert target_text(tokenizer, row) == "b.<|im_end|>(brief) d.<|im_end|>"


def test_templates_may_refuse_a_start_without_a_user(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{% if not messages | selectattr('role', 'equalto', 'user') | list %}"
        "{{ raise_exception('no user') }}{% endif %}" + PLAIN
    )
    messages = [answered("hello"), *chat("one?", "two.").messages]
    row = encode_one(tokenizer, Conversation(messages), chat_template=template)
    assert target_text(tokenizer, row) == "hello<|im_end|>two.<|im_end|>"


def test_a_header_that_asks_for_a_thought_is_no_target_where_there_is_none(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    template = PLAIN.replace("assistant\n{% endif", "assistant\n<think>\n{% endif")
    row = encode_one(tokenizer, chat("one?", "two."), chat_template=template)
    assert target_text(tokenizer, row) == "two.<|im_end|>"
    thinking = encode_one(
        tokenizer, chat("one?", "<think>\nhm</think>two."), chat_template=template
    )
    assert target_text(tokenizer, thinking) == "hm</think>two.<|im_end|>"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(messages | length) %}<|im_start|>{{ messages[i]['role'] }}\n"
        "{{ messages[i]['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        "{% macro all() %}" + PLAIN + "{% endmacro %}{{ all() }}",
        "{% set text %}" + PLAIN + "{% endset %}{{ text }}",
    ],
)
def test_templates_that_do_not_loop_over_messages(
    tokenizer: PreTrainedTokenizerBase, template: str
) -> None:
    row = encode_one(tokenizer, chat("one?", "two.", "three?", "four."), chat_template=template)
    assert target_text(tokenizer, row) == "two.<|im_end|>four.<|im_end|>"


def test_a_tools_answer_within_a_turn_is_no_target(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] != 'tool' %}<|im_start|>{{ m['role'] }}\n"
        "{{ m['content'] }}{% set next = messages[loop.index0 + 1] %}"
        "{% if next and next['role'] == 'tool' %}{{ '<r>' + next['content'] + '</r>' }}{% endif %}"
        "<|im_end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    messages = [ASKED, answered("calling"), {"role": "tool", "content": "sunny"}, answered("ok")]
    row = encode_one(tokenizer, Conversation(messages), chat_template=template)
    assert "<r>sunny</r>" in whole_text(tokenizer, row)
    assert target_text(tokenizer, row) == "calling<|im_end|>ok<|im_end|>"


def test_a_space_of_the_header_belongs_to_the_first_token(default_model: LanguageModel) -> None:
    tokenizer = default_model.tokenizer
    template = (
        "{% for m in messages %}{{ m['role'] | upper }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
    )
    row = encode_one(tokenizer, chat("one?", "Certainly not"), chat_template=template)
    assert target_text(tokenizer, row) == " Certainly not\n"
    row = encode_one(
        tokenizer, chat("one?", "Certainly not"), chat_template=template.replace("NT:{", "NT: {")
    )
    assert target_text(tokenizer, row).strip() == "Certainly not"


@needs_trl
@pytest.mark.parametrize("name", TEMPLATES)
def test_what_trls_templates_refuse_they_refuse_themselves(
    name: str, default_model: LanguageModel
) -> None:
    encoder = Encoder(default_model.tokenizer, EncodingOptions(chat_template=TEMPLATES[name]))
    for conversation in CONVERSATIONS.values():
        (row,) = encoder.encode([conversation])
        if row == Skipped(SkipReason.CHAT_TEMPLATE):
            with pytest.raises(Exception, match=r"."):
                default_model.tokenizer.apply_chat_template(
                    [dict(message) for message in conversation.messages],
                    tools=[dict(tool) for tool in conversation.tools or ()] or None,
                    chat_template=TEMPLATES[name],
                )


WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "{{ x }}",
            "{% for %}",
            "</think>",
            "<think>a</think>b",
            "<|im_end|>",
            "<|im_start|>user\n",
            "one",
            "two words",
            " ",
            "\n",
            "🙂",
            "[INST]",
            "assistant\n",
            '{"a": 1}',
            "\\n",
            "\x00",
        ]
    ),
)
MESSAGES = st.lists(
    st.builds(
        lambda role, content, more: {"role": role, "content": content, **more},
        st.sampled_from(["user", "assistant", "assistant", "system", "tool"]),
        st.one_of(WORDS, st.none(), st.lists(WORDS, max_size=3).map(" ".join)),
        st.one_of(
            st.just({}),
            WORDS.map(lambda words: {"reasoning_content": words}),
            WORDS.map(lambda words: {"tool_calls": [call(to=words)]}),
        ),
    ),
    max_size=6,
)
TRIED = [PLAIN, JSON_CALLS, XML_CALLS, THINKING, *TEMPLATES.values()]


MARKED = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] or '' }}{{ m['reasoning_content'] }}{% endgeneration %}"
    "{% else %}{{ m['content'] or '' }}{% endif %}<|im_end|>\n{% endfor %}"
)
TRIED += [MARKED]
SPLIT_CHARACTER: list[Message] = [
    {"role": "user", "content": ""},
    answered("\U000ceee3"),  # four tokens of the tokenizer of bytes
    answered(None, reasoning_content="assistant\n"),
    {"role": "tool", "content": "{% for %}", "reasoning_content": ""},
]


@settings(max_examples=150, deadline=None)
@example(SPLIT_CHARACTER, TEMPLATES.get("diffusion_gemma_training", MARKED), Targets.RESPONSE, 1024)
@example(SPLIT_CHARACTER, MARKED, Targets.RESPONSE, 1024)
@given(
    messages=MESSAGES,
    template=st.sampled_from(TRIED),
    targets=st.sampled_from(Targets),
    max_length=st.sampled_from([8, 1024]),
)
def test_every_word_of_the_assistant_is_a_target_or_the_row_says_why(
    messages: list[Message], template: str, targets: Targets, max_length: int
) -> None:
    tokenizer = byte_tokenizer()
    options = EncodingOptions(chat_template=template, targets=targets, max_length=max_length)
    conversation = Conversation(messages)
    (row,) = Encoder(tokenizer, options).encode([conversation])
    if isinstance(row, Skipped):
        return
    assert row.token_ids.shape == row.target_mask.shape
    assert len(row.token_ids) <= max_length
    assert not row.target_mask[0]
    assert row.target_mask.any()
    if row.truncated:
        return
    targets_text = whole_text(tokenizer, row)[:1] + target_text(tokenizer, row)
    learned = Text(targets_text)

    def is_learned(words: str) -> bool:
        # Some templates write one turn right behind the other, where no word ends.
        return learned.says(words) or words.strip() in targets_text

    for turn in conversation.target_turns:
        for answer in answers(messages[turn]):
            assert is_learned(answer) or "</think>" in answer or "<think>" in answer
        if turn == conversation.target_turns[-1]:
            assert all(map(is_learned, thoughts(messages[turn])))


def test_words_that_the_template_says_by_chance_are_not_the_assistants(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}"
        "{% if m['tool_calls'] %} to={{ m['tool_calls'][0]['function']['name'] }}"
        "{{ m['tool_calls'][0]['function']['arguments'] }}{% else %}\n{{ m['content'] }}{% endif %}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{% endif %}"
    )
    for content in ("antt", "send", "sendmail", "ant"):
        conversation = Conversation([ASKED, answered(content, tool_calls=[call(to="eve")])])
        row = encode_one(tokenizer, conversation, chat_template=template)
        assert row == Skipped(SkipReason.UNRENDERED)
