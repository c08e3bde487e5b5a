"""What a row means survives being written down."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.records import Conversation, PlainText, TextPair, prompt_and_response
from gradsentry.records.example_json import dump_example, load_example

TEXTS = st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": TEXTS | st.none()},
        optional={"reasoning_content": TEXTS, "tool_calls": st.lists(JSON, max_size=2)},
    ),
    max_size=4,
)
EXAMPLES = st.one_of(
    st.builds(TextPair, TEXTS, TEXTS, TEXTS),
    st.builds(PlainText, TEXTS, st.booleans()),
    st.builds(
        Conversation,
        MESSAGES,
        st.integers(0, 3),
        st.none() | st.lists(st.dictionaries(TEXTS, JSON, max_size=2), max_size=2),
        st.frozensets(st.integers(0, 3)),
        st.dictionaries(TEXTS, JSON, max_size=2),
        TEXTS,
    ),
)


@given(EXAMPLES)
def test_examples_come_back(example: TextPair | PlainText | Conversation) -> None:
    again = load_example(dump_example(example))
    assert again == example
    assert getattr(again, "rejected", "") == getattr(example, "rejected", "")


@pytest.mark.parametrize("arguments", [{"day": date(2026, 1, 2)}, {"days": (1, 2)}, {1: "one"}])
def test_what_json_lacks_reads_as_it_did(arguments: object) -> None:
    calls = [{"function": MappingProxyType({"name": "book", "arguments": arguments})}]
    message = {"role": "assistant", "content": "", "tool_calls": calls}
    example = Conversation([message])
    assert prompt_and_response(load_example(dump_example(example))) == prompt_and_response(example)
