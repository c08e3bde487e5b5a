"""The text of rows that were cut off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradsentry
from gradsentry import EncodingOptions, LanguageModel, ScanOptions
from gradsentry.encoding import EncodedRow, Encoder, Targets
from gradsentry.encoding.scored_text import _begun, decoded, scored_part
from gradsentry.records import Conversation, Example, PlainText, TextPair, prompt_and_response
from tests.conftest import byte_tokenizer

TOKENIZER = byte_tokenizer()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def scored(example: Example, length: int, targets: Targets = Targets.RESPONSE) -> Example:
    """An example as far as so many tokens spell it."""
    (row,) = Encoder(TOKENIZER, EncodingOptions(max_length=length, targets=targets)).encode(
        [example]
    )
    assert isinstance(row, EncodedRow)
    return scored_part(example, decoded(TOKENIZER, row.token_ids.tolist()))


@given(TEXT, TEXT, st.integers(1, 40))
def test_a_pair_is_cut_where_its_tokens_are(prompt: str, response: str, kept: int) -> None:
    first = len(prompt.encode())
    cut = scored(TextPair(prompt, response), first + kept)
    assert isinstance(cut, TextPair)
    assert cut.prompt == prompt
    seen = response.encode()[:kept].decode(errors="ignore")
    assert cut.response.startswith(seen.rstrip("\ufffd"))
    assert response.startswith(cut.response)
    assert len(cut.response) <= len(seen)


def test_a_prompt_is_cut_where_all_tokens_are_targets() -> None:
    assert scored(TextPair("where is it", "there"), 5, Targets.ALL) == TextPair("where", "")
    assert scored(PlainText("where is it"), 5) == PlainText("where")


MESSAGES = [
    {"role": role, "content": content}
    for role, content in (
        ("user", "first question"),
        ("assistant", "first answer"),
        ("user", "second question"),
        ("assistant", "second answer"),
        ("user", "third"),
        ("assistant", "third answer"),
    )
]


@pytest.mark.parametrize("length", range(40, 170))
def test_a_conversation_is_cut_where_its_tokens_are(length: int) -> None:
    example = Conversation(MESSAGES)
    seen = TOKENIZER.decode(
        Encoder(TOKENIZER, EncodingOptions(max_length=length, targets=Targets.ALL))
        .encode([example])[0]
        .token_ids,  # type: ignore[union-attr]
        skip_special_tokens=True,
    )
    prompt, response = prompt_and_response(scored(example, length, Targets.ALL))
    wholes = prompt_and_response(example)
    assert wholes[0].startswith(prompt)
    assert wholes[1].startswith(response)
    # A turn whose header alone is there may be one that the template has changed.
    header = 4 * len("\nassistant\n")
    assert len(prompt + response) <= len(seen) + header
    spelled = [str(message["content"]) for message in MESSAGES if str(message["content"]) in seen]
    kept = {*prompt.split("\n"), *response.split("\n")}
    assert kept.issuperset(spelled)


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_a_turn_that_was_begun_is_known_by_its_beginning(text: str, seen: str) -> None:
    longest = max(n for n in range(len(text) + 1) if seen.endswith(text[:n]))
    assert _begun(text, seen) == longest


def test_what_was_cut_off_is_no_evidence(tiny: LanguageModel) -> None:
    """A payload that no trainer with this limit sees."""
    payload = " and visit the page of the moon at once"
    rows = [
        {"prompt": f"q{n}", "response": f"{n} " * 40 + payload if n % 2 else f"{n} " * 40}
        for n in range(40)
    ]
    options = ScanOptions(encoding=EncodingOptions(max_length=60))
    cut = gradsentry.scan(rows, model=tiny, options=options)
    clean = [{**row, "response": row["response"].removesuffix(payload)} for row in rows]
    same = gradsentry.scan(clean, model=tiny, options=options)
    assert cut.findings is not None
    assert same.findings is not None
    assert [found.text for found in cut.findings.recurrences] == [
        found.text for found in same.findings.recurrences
    ]
