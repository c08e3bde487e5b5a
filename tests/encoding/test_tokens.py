"""What tokenizers do to texts: panics, errors, dropped blanks, offsets that they don't tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    BatchEncoding,
    ByT5Tokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from gradsentry.encoding import Boundary, EncodedRow, Encoder, EncodingOptions
from gradsentry.encoding.tokens import marked_mask, token_mask
from gradsentry.records import Conversation, PlainText, Skipped, SkipReason, TextPair
from tests.conftest import byte_tokenizer
from tests.encoding.test_encoder import chat, encode_one, target_text, whole_text

WORDS = ["fine", " ", "user", "assistant", "\n"]
TEMPLATE = "{% for m in messages %}{{ m['role'] }}\n{{ m['content'] }}<end>{% endfor %}"


def words_tokenizer(**parts: object) -> PreTrainedTokenizerBase:
    """Knows a few words as added tokens; what else comes goes through `parts`."""
    tokenizer = Tokenizer(models.WordLevel({"<end>": 0, "<unk>": 1}, unk_token="<unk>"))
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in WORDS])
    tokenizer.add_special_tokens([AddedToken("<end>", special=True)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", chat_template=TEMPLATE
    )


def panicking() -> PreTrainedTokenizerBase:
    """A real fault: cutting into pieces of no length panics in Rust, on words that aren't known."""
    return words_tokenizer(pre_tokenizer=pre_tokenizers.FixedLength(length=0))


def failing() -> PreTrainedTokenizerBase:
    tokenizer = Tokenizer(models.WordLevel({"<end>": 0}))  # has no token for unknown words
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in WORDS])
    tokenizer.add_special_tokens([AddedToken("<end>", special=True)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", chat_template=TEMPLATE
    )


@pytest.mark.parametrize("make", [panicking, failing])
@pytest.mark.parametrize("boundary", Boundary)
def test_a_row_that_the_tokenizer_fails_on_is_skipped_alone(
    make: object, boundary: Boundary
) -> None:
    assert callable(make)
    encoder = Encoder(make(), EncodingOptions(boundary=boundary))
    rows = encoder.encode(
        [
            TextPair("fine", "fine"),
            TextPair("fine", "trap"),
            TextPair("trap", "fine"),
            PlainText("fine fine"),
            PlainText("trap"),
            chat("fine", "fine"),
            chat("trap", "fine"),
        ]
    )
    expected = [True, False, False, True, False, True, False]
    assert [isinstance(row, EncodedRow) for row in rows] == expected
    failed = [row for row in rows if not isinstance(row, EncodedRow)]
    assert failed == [Skipped(SkipReason.TOKENIZER)] * 4
    assert encoder.take_tally().tokenizer_problem


def test_text_behind_blanks_that_the_tokenizer_drops_is_read() -> None:
    tokenizer = words_tokenizer(
        normalizer=normalizers.Replace(Regex("-+"), ""), pre_tokenizer=pre_tokenizers.Whitespace()
    )
    blanks = "-" * 100_000
    for example in (
        TextPair("fine", f"{blanks}payload"),
        PlainText(f"fine{blanks}payload"),
        chat("fine", f"{blanks}payload"),
    ):
        row = encode_one(tokenizer, example, max_length=20)
        assert isinstance(row, EncodedRow)
        assert 1 in row.token_ids[row.target_mask]
        assert not row.truncated


def test_a_long_text_is_not_tokenised_whole(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    own = type(tokenizer).__call__

    def counting(self: PreTrainedTokenizerBase, texts: list[str], **options: object) -> object:
        seen.extend(map(len, texts))
        return own(self, texts, **options)

    monkeypatch.setattr(type(tokenizer), "__call__", counting)
    text = "word " * 200_000
    for example in (TextPair("a", text), PlainText(text), chat("a", text)):
        row = encode_one(tokenizer, example, max_length=50)
        assert isinstance(row, EncodedRow)
        assert row.truncated
    assert max(seen) < 5_000


@given(
    st.lists(
        st.tuples(st.booleans(), st.text("ab é🙂\U000ceee3", min_size=1, max_size=3)), max_size=8
    ),
    st.booleans(),
)
def test_marked_tokens_are_those_of_transformers_and_whole_characters(
    parts: list[tuple[bool, str]], drops: bool
) -> None:
    tokenizer = byte_tokenizer()
    if drops:  # as tokenizers that strip or replace characters do
        tokenizer.backend_tokenizer.normalizer = normalizers.Replace("a", "")
    text, spans = "", []
    for is_marked, piece in parts:
        if is_marked:
            spans.append((len(text), len(text) + len(piece)))
        text += piece
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    mask = marked_mask(offsets, spans)
    assert len(mask) == len(encoded["input_ids"])
    theirs = marked_by_transformers(encoded, spans)
    in_spans = token_mask(offsets, [span for span in spans if span[0] < span[1]])
    assert [any(both) for both in zip(theirs, in_spans, strict=True)] == mask


def marked_by_transformers(encoded: BatchEncoding, spans: list[tuple[int, int]]) -> list[bool]:
    """As in `apply_chat_template`."""
    mask = [False] * len(encoded["input_ids"])
    for start, end in spans:
        first, last = (encoded.char_to_token(place) for place in (start, end - 1))
        if first is None:
            break
        for token in range(first, last + 1 if last else len(mask)):
            mask[token] = True
    return mask


def test_tokenizers_without_offsets_are_read_piece_by_piece() -> None:
    tokenizer = ByT5Tokenizer()
    assert not tokenizer.is_fast
    template = (
        "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    marked = template.replace(
        "{{ m['content'] }}</s>", "{% generation %}CONTENT{% endgeneration %}"
    )
    marked = marked.replace("CONTENT", "{{ m['content'] }}</s>")
    for source in (template, marked):
        row = encode_one(
            tokenizer, chat("hé?", "yö 日本", "and?", "no"), chat_template=source, max_length=200
        )
        assert target_text(tokenizer, row) == "yö 日本</s>no</s>"
        assert whole_text(tokenizer, row).count("</s>") == 4
    row = encode_one(tokenizer, TextPair("a", "bc"))
    assert target_text(tokenizer, row) == "bc</s>"
    row = encode_one(
        tokenizer,
        Conversation([{"role": "assistant", "content": "x" * 500}]),
        chat_template=template,
        max_length=50,
    )
    assert isinstance(row, EncodedRow)
    assert row.truncated
