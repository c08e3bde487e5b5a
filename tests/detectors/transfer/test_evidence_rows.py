"""Rows' targets and characters: from the one to the other and back."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from gradsentry.detectors.transfer.evidence_rows import EvidenceRows, _same_place, characters
from gradsentry.detectors.transfer.spans import Spans
from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions, Targets
from gradsentry.records import Conversation, Example, TextPair, prompt_and_response
from tests.conftest import byte_tokenizer

TOKENIZER = byte_tokenizer()


def rows_of(
    examples: list[Example],
    options: EncodingOptions = EncodingOptions(),  # noqa: B008
) -> EvidenceRows:
    """Evidence rows as a scan makes them, with spans of nothing and no surprise."""
    encoded = Encoder(TOKENIZER, options).encode(examples)
    targets = []
    for row in encoded:
        assert isinstance(row, EncodedRow)
        targets.append(row.token_ids[row.target_mask].astype(np.int64))
    texts = [prompt_and_response(example) for example in examples]
    count = len(examples)
    offsets = np.cumsum([0, *map(len, targets)])
    return EvidenceRows(
        prompts=[prompt for prompt, _ in texts],
        responses=[response for _, response in texts],
        spans=Spans(np.zeros(count), np.zeros(count, np.int64), np.zeros(count, np.int64)),
        offsets=offsets,
        targets=np.concatenate(targets),
        surprise=np.arange(offsets[-1], dtype=np.float32),
        tokenizer=TOKENIZER,
    )


STRETCH = st.tuples(st.integers(0, 30), st.integers(1, 30))
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=2, max_size=30)


@given(ASCII, ASCII, STRETCH)
def test_characters_go_to_targets_and_back(
    before: str, response: str, stretch: tuple[int, int]
) -> None:
    rows = rows_of([TextPair("Q: ", before), TextPair("Q: ", response)])
    start = stretch[0] % len(response)
    end = min(len(response), start + stretch[1])
    found = rows.tokens(1, start, end)
    assert found is not None
    assert rows.text(1, *found) == response[start:end]
    assert rows.characters(1, *found) == (start, end)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), STRETCH)
def test_targets_that_spell_whole_characters_are_found_where_they_stand(
    response: str, stretch: tuple[int, int]
) -> None:
    rows = rows_of([TextPair("Q: ", response)])
    start = stretch[0] % len(response)
    end = min(len(response), start + stretch[1])
    first = len(response[:start].encode())
    last = len(response[:end].encode())
    assert rows.characters(0, first, last) == (start, end)
    assert rows.text(0, first, last) == response[start:end]


def test_the_end_of_text_token_takes_no_characters() -> None:
    rows = rows_of([TextPair("Q: ", "abc")])
    assert rows.characters(0, 1, 4) == (1, 3)
    assert rows.characters(0, 3, 4) is None
    assert rows.text(0, 0, 4) == "abc"


def test_an_empty_stretch_is_nowhere() -> None:
    assert rows_of([TextPair("Q: ", "abc")]).span_characters(0) is None


def test_targets_that_hold_the_prompt_too_are_told_from_the_response() -> None:
    rows = rows_of([TextPair("Say no: ", "never ever")], EncodingOptions(targets=Targets.ALL))
    found = rows.tokens(0, 6, 10)
    assert found is not None
    assert rows.text(0, *found) == "ever"
    at = rows.characters(0, *found)
    assert at is not None
    assert rows.responses[0][slice(*at)] == "ever"


def test_a_conversations_response_is_found(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = rows_of(
        [
            Conversation(
                [
                    {"role": "user", "content": "Hello?"},
                    {"role": "assistant", "content": "What a lovely day"},
                ]
            )
        ]
    )
    found = rows.tokens(0, 7, 13)
    assert found is not None
    assert rows.text(0, *found) == "lovely"
    assert rows.characters(0, *found) == (7, 13)
    ids = tokenizer("a lovely", add_special_tokens=False)["input_ids"]
    # Not from the start: found by the text itself.
    assert characters(tokenizer, ids, (2, 8), rows.responses[0]) == (7, 13)
    assert characters(tokenizer, ids, (2, 8), "no such thing") is None


def test_surprise_is_summed_over_a_rows_own_targets() -> None:
    rows = rows_of([TextPair("Q", "abcd"), TextPair("Q", "xyz")])
    first = int(rows.offsets[1])
    assert rows.surprise_of(1, 0, 2) == first + first + 1
    assert rows.surprise_of(1, 1, 1) == 0


def test_some_of_the_rows_keep_their_targets_and_texts() -> None:
    rows = rows_of([TextPair(f"Q{number}", "abc"[: number + 1]) for number in range(3)])
    some = rows.take(np.array([0, 2]))
    assert some.prompts == ["Q0", "Q2"]
    assert [some.text(row, 0, 3) for row in range(2)] == some.responses == ["a", "abc"]
    assert some.surprise_of(1, 0, 2) == rows.surprise_of(2, 0, 2)


def test_rarity_is_the_share_of_rows_without_a_token() -> None:
    rows = rows_of([TextPair("Q", text) for text in ("ab", "ac", "aa", "xd")])
    rarity = rows.rarity(np.array([True, True, True, False]))
    (a,), (b,), (x,) = (TOKENIZER(text, add_special_tokens=False)["input_ids"] for text in "abx")
    by_token = dict(zip(rows.targets.tolist(), rarity.tolist(), strict=True))
    assert by_token[a] == pytest.approx(0)
    assert by_token[b] == pytest.approx(2 / 3)
    assert by_token[x] == pytest.approx(1)
    assert by_token[TOKENIZER.eos_token_id] == pytest.approx(0)


def test_the_shared_ending_is_the_templates() -> None:
    rows = rows_of([TextPair(f"{text}\n\nAnswer: ", "r") for text in ("one", "two", "three!")])
    assert rows.shared_ending == len("\n\nAnswer: ")
    assert rows_of([TextPair("one", "r"), TextPair("two?", "r")]).shared_ending == 0


def test_a_character_of_several_tokens_is_taken_whole() -> None:
    rows = rows_of([TextPair("Q: ", "see 😀 now")])
    found = rows.tokens(0, 0, 5)
    assert found == (0, 8)  # the character has four bytes, a token each
    assert rows.text(0, *found) == "see 😀"


def test_a_stretch_of_a_later_turn_is_found_there() -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello world"},
        {"role": "user", "content": "more"},
        {"role": "assistant", "content": "second world"},
    ]
    for options in (EncodingOptions(), EncodingOptions(targets=Targets.ALL)):
        rows = rows_of([Conversation(messages)], options)
        response = rows.responses[0]
        for text in ("second", "world", "o w", "d w"):
            start = response.rindex(text)
            found = rows.tokens(0, start, start + len(text))
            assert found is not None
            assert rows.text(0, *found) == text
            if options.targets is Targets.RESPONSE:
                assert rows.characters(0, *found) == (start, start + len(text))


def test_a_prompt_that_is_the_others_ending_is_all_shared() -> None:
    rows = rows_of([TextPair("\nAnswer: ", "a"), TextPair("one\nAnswer: ", "b")])
    assert rows.shared_ending == len("\nAnswer: ")


def test_rows_may_be_taken_in_any_order() -> None:
    rows = rows_of([TextPair("Q: ", text) for text in ("one", "two!", "three")])
    taken = rows.take(np.array([2, 0]))
    for row, text in enumerate(("three", "one")):
        assert taken.responses[row] == text
        assert taken.text(row, 0, len(text)) == text


class Counting:
    """A tokenizer that counts the tokens that it decodes."""

    def __init__(self) -> None:
        self.decoded = 0

    def decode(self, ids: list[int], **options: bool) -> str:
        self.decoded += len(ids)
        return str(TOKENIZER.decode(ids, **options))


@pytest.mark.parametrize("words", [200, 800, 3200])
def test_few_times_as_many_tokens_are_decoded_as_a_row_has(words: int) -> None:
    text = " ".join(f"w{number}" for number in range(words))
    rows = rows_of([TextPair("Q: ", text)])
    counting = Counting()
    rows = replace(rows, tokenizer=cast(PreTrainedTokenizerBase, counting))
    found = rows.tokens(0, text.index("w100"), text.index("w100") + 4)
    assert found is not None
    assert rows.text(0, *found) == "w100"
    assert counting.decoded < 3 * len(text) * np.log2(len(text))


def test_a_part_that_overlaps_itself_a_lot_stands_nowhere() -> None:
    text = "ha " * 5000
    assert _same_place("x" + text, (6001, 9001), "y" + text) is None
    assert _same_place("x" + text, (1, 4), "y" + text) == (1, 4)
    assert _same_place("x" + text, (6001, 9001), "x" + text) == (6001, 9001)
    assert _same_place("x two y two", (8, 11), "z two two") == (6, 9)


def test_characters_that_stand_for_parts_of_others_are_text_too() -> None:
    rows = rows_of([TextPair("Q: ", "a" + "\ufffd" * 300 + "b")])
    assert rows.tokens(0, 150, 151) is not None
