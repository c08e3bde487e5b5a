"""Chat templates: the text is transformers', and no template costs more than its row."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import TemplateSyntaxError
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import render_jinja_template

from gradsentry.encoding import TEMPLATE_DATE, EncodedRow, Encoder, EncodingOptions
from gradsentry.encoding.template import ChatTemplate, UnrenderableError
from gradsentry.records import Conversation, Message, Skipped, SkipReason
from tests.encoding.trl_templates import CONVERSATIONS, TEMPLATES, needs_trl

ASKED: list[Message] = [{"role": "user", "content": "hi"}]

BIG = "{% set big = 'a' * 1000000 %}"
GROWING = (
    "{% set ns = namespace(x=START) %}{% for i in range(99) %}{% set ns.x = STEP %}{% endfor %}"
)


def growing(start: str, step: str, end: str = "{{ ns.x }}") -> str:
    return GROWING.replace("START", start).replace("STEP", step) + end


ENDLESS = [
    "{% for i in range(10 ** 12) %}x{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "{% macro f(n) %}{% if n < 60 %}{{ f(n + 1) ~ f(n + 1) }}{% endif %}{% endmacro %}{{ f(0) }}",
    "{% for x in [[1]] recursive %}{{ loop([x, x]) }}{% endfor %}",
    "{% for i in range(90000) %}{{ 'a' * 100000 }}{% endfor %}",
    "{% set x %}{% for i in range(90000) %}{{ 'a' * 100000 }}{% endfor %}{% endset %}",
    growing("'aa'", "ns.x + ns.x"),
    growing("'aa'", "ns.x ~ ns.x"),
    growing("[1]", "ns.x + ns.x"),
    growing("[1]", "[ns.x, ns.x]"),
    growing("(1,)", "(ns.x, ns.x)", "{{ ns.x | tojson }}"),
    growing("{}", "{'a': ns.x, 'b': ns.x}", "{{ ns.x == ns.x }}"),
    growing("{}", "dict(a=ns.x, b=ns.x)"),
    "{{ 'a' * 10 ** 11 }}",
    "{{ (10 ** 1000) ** 1000 }}",
    "{{ 'a' | center(10 ** 10) }}",
    "{{ 'a'.ljust(10 ** 10) }}",
    "{{ '%99999999999d' % 1 }}",
    "{{ '%*d' % (10 ** 10, 1) }}",
    "{{ '{:99999999999}'.format(1) }}",
    "{{ '{:{w}}'.format(1, w=10 ** 10) }}",
    "{{ '%99999999999d' | format(1) }}",
    BIG + "{{ big.replace('a', big) }}",
    BIG + "{{ big | replace('a', big) }}",
    BIG + "{{ range(100000) | join(big) }}",
    BIG + "{{ big.join(big) }}",
    BIG + "{{ range(9999) | list | tojson(separators=(big, big)) }}",
    BIG + "{{ big.translate({97: big}) }}",
    BIG + "{{ big | wordwrap(1) }}",
    BIG + "{% for i in range(99999) %}{% if 'b' in big %}{% endif %}{% endfor %}",
    BIG + "{% for i in range(99999) %}{% set b = big[1:] %}{% endfor %}",
    BIG + "{{ ('a\n' * 100000) | indent(big) }}",
    "{{ lipsum(n=10) }}",
    "{{ [1, 2] | random }}",
]


@pytest.mark.parametrize("source", ENDLESS)
def test_what_an_endless_template_renders_is_refused(source: str) -> None:
    with pytest.raises(UnrenderableError):
        ChatTemplate(source).render(ASKED, None, {})


@pytest.mark.parametrize(
    "source",
    [
        "{% for",
        "{{ 1 | nosuchfilter }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% for a in [1] %}" * 40 + "{% endfor %}" * 40,
    ],
)
def test_what_is_no_template_is_refused(source: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        ChatTemplate(source)


def test_a_template_that_is_endless_on_a_row_costs_that_row(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    template = (
        "{% for m in messages %}{% if 'trap' in m['content'] %}"
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endif %}"
        "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    encoder = Encoder(tokenizer, EncodingOptions(chat_template=template))
    rows = encoder.encode(
        [
            Conversation(
                [{"role": "user", "content": asked}, {"role": "assistant", "content": "yes"}]
            )
            for asked in ("one", "trap", "two")
        ]
    )
    assert [isinstance(row, EncodedRow) for row in rows] == [True, False, True]
    assert rows[1] == Skipped(SkipReason.CHAT_TEMPLATE)
    assert encoder.take_tally().template_problem == "it takes too many steps"


def test_large_rows_are_within_the_budget() -> None:
    source = (
        "{% for m in messages %}{% if '<x>' in m.content or m.content.startswith('y') %}{% endif %}"
        "{{ m.content.split('</x>')[-1] | trim | replace('a', 'b') | tojson }}{% endfor %}"
    )
    messages: list[Message] = [{"role": "user", "content": "é a\n" * 1_000_000}]
    assert len(ChatTemplate(source).render(messages, None, {}).text) > 4_000_000


def test_the_date_is_the_same_tomorrow(tokenizer: PreTrainedTokenizerBase) -> None:
    template = (
        "{{ strftime_now('%Y-%m-%d') }}\n{% for m in messages %}{{ m['role'] }}: "
        "{{ m['content'] }}<|im_end|>{% endfor %}"
    )
    encoder = Encoder(tokenizer, EncodingOptions(chat_template=template))
    assert not encoder.take_tally().writes_date
    (row,) = encoder.encode([Conversation([*ASKED, {"role": "assistant", "content": "hello"}])])
    assert isinstance(row, EncodedRow)
    assert tokenizer.decode(row.token_ids).startswith(TEMPLATE_DATE.date().isoformat())
    assert encoder.take_tally().writes_date


def test_a_reason_is_one_short_line() -> None:
    source = "{{ raise_exception('a\\x1b[31m\n\nb' ~ 'c' * 999) }}"
    with pytest.raises(UnrenderableError) as refusal:
        ChatTemplate(source).render(ASKED, None, {})
    assert str(refusal.value).startswith("a [31m bccc")
    assert len(str(refusal.value)) <= 200


@needs_trl
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_text_is_that_of_transformers(name: str) -> None:
    source = re.sub(r"strftime_now\([^)]*\)", "'today'", TEMPLATES[name])
    template = ChatTemplate(source)
    arguments: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>"}
    for conversation in CONVERSATIONS.values():
        for asking in (False, True):
            ours = theirs = None
            messages = [dict(message) for message in conversation.messages]
            try:
                theirs, marked = render_jinja_template(
                    [messages],
                    conversation.tools,
                    chat_template=source,
                    add_generation_prompt=asking,
                    return_assistant_tokens_mask=template.has_markers,
                    **arguments,
                )
            except Exception:
                with pytest.raises(UnrenderableError):
                    template.render(messages, conversation.tools, arguments, asking)
                continue
            ours = template.render(messages, conversation.tools, arguments, asking)
            assert [ours.text] == theirs
            assert [(part.start, part.end) for part in ours.generated] == (marked or [[]])[0]
            assert "".join(ours.text[part.start : part.end] for part in ours.parts) == ours.text
