"""The first pass over the data: what it tells of how the rows were encoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerBase

from gradsentry.encoding import Encoder, EncodingOptions, LongText
from gradsentry.errors import InputError
from gradsentry.models import LanguageModel
from gradsentry.records import Record, detect, open_source
from gradsentry.work.encoded_data import NOT_SKIPPED, EncodedData, encode_source
from gradsentry.work.engine import LocalEngine, Worker

THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if loop.last and m['reasoning_content'] %}<think>{{ m['reasoning_content'] }}</think>"
    "{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Notes:
    """Keeps what a scan tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def stage(self, name: str, total: int | None) -> None: ...

    def advance(self, rows: int) -> None: ...


def encoded(
    rows: list[dict[str, object]],
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    options: EncodingOptions,
) -> EncodedData:
    layout = detect(Record(0, rows[0], "row 0"))
    notes = Notes()
    # Encoding takes no model.
    worker = Worker(None, Encoder(tokenizer, options), None)  # type: ignore[arg-type]
    engine = LocalEngine(worker)
    found = encode_source(open_source(rows), layout, options, engine, folder, None, notes)
    assert notes.lines == list(found.notes)
    return found


def turns(*contents: str, **last: object) -> dict[str, object]:
    roles = ("user", "assistant")
    messages: list[dict[str, object]] = [
        {"role": roles[turn % 2], "content": text} for turn, text in enumerate(contents)
    ]
    for message in messages[1::2]:
        message.update(last)
    return {"messages": messages}


def test_ordinary_rows_need_no_note(default_model: LanguageModel, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"prompt": "Write.", "response": "word " * 3000}] * 3
    data = encoded(rows, default_model.tokenizer, tmp_path, EncodingOptions())
    assert data.truncated.all()
    assert data.notes == ()


@pytest.mark.parametrize("text", ["สวัสดีครับ " * 300, "안녕하세요 여러분 " * 300])
def test_scripts_that_cost_many_tokens_are_told_of(
    default_model: LanguageModel, tmp_path: Path, text: str
) -> None:
    rows: list[dict[str, object]] = [{"prompt": "Write.", "response": text}] * 3
    data = encoded(rows, default_model.tokenizer, tmp_path, EncodingOptions(max_length=256))
    (note,) = data.notes
    assert note.startswith("3 of 3 rows are cut off at 256 tokens")
    assert "A model that knows" in note
    assert "larger maximum length" in note


def test_dropped_thoughts_and_dates_are_told_of(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    rows = [
        turns("a?", "b.", "c?", "d.", reasoning_content="hm"),
        turns("a?", "b.", reasoning_content="hm"),
    ]
    template = "{{ strftime_now('%Y') }}" + THINKING
    data = encoded(rows, tokenizer, tmp_path, EncodingOptions(chat_template=template))
    dates, thoughts = data.notes
    assert "26 July 2024" in dates
    assert "thoughts of earlier turns in 1 rows" in thoughts


def test_a_template_that_refuses_says_why(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    template = (
        THINKING + "{% if messages | length > 2 %}{{ raise_exception('too long') }}{% endif %}"
    )
    rows = [turns("a?", "b."), turns("a?", "b.", "c?", "d.")]
    data = encoded(rows, tokenizer, tmp_path, EncodingOptions(chat_template=template))
    (note,) = data.notes
    assert "too long" in note
    with pytest.raises(InputError, match="none of its 1 rows can be scored"):
        encoded(rows[1:], tokenizer, tmp_path, EncodingOptions(chat_template=template))


def test_documents_are_read_in_windows_where_that_is_asked(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    document = "".join(f"Sentence {number} of 日本. " for number in range(40))
    rows: list[dict[str, object]] = [{"text": "short"}, {"text": document}, {"text": "also short"}]
    options = EncodingOptions(max_length=64, long_text=LongText.WINDOWS)
    data = encoded(rows, tokenizer, tmp_path, options)
    assert not data.truncated.any()
    assert (data.skip_codes == NOT_SKIPPED).all()
    texts = [tokenizer.decode(data.store.row(place)[0]) for place in range(len(data.store))]
    of_document = [
        text for text, row in zip(texts, data.stored_rows.tolist(), strict=True) if row == 1
    ]
    assert len(of_document) > 10
    assert "".join(of_document) == document + "<|im_end|>"
    assert data.store.lengths.max() <= 64
    np.testing.assert_array_equal(np.bincount(data.stored_rows), [1, len(of_document), 1])
    assert data.target_tokens[1] == data.store.lengths[data.stored_rows == 1].sum() - len(
        of_document
    )
    cut = encoded(rows, tokenizer, tmp_path, EncodingOptions(max_length=64))
    assert cut.truncated.tolist() == [False, True, False]
    assert cut.stored_rows.tolist() == [0, 1, 2]


def test_what_takes_more_than_a_byte_a_row_lies_in_files(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    rows: list[dict[str, object]] = [{"prompt": f"Q{n}?", "response": "yes"} for n in range(9)]
    data = encoded(rows, tiny.tokenizer, tmp_path, EncodingOptions())
    store, origins = data.store, data.origins
    kept = [store.digests, store.lengths, store.starts, data.stored_rows, data.stored_targets]
    kept += [data.target_tokens, origins.path_of, origins.lines, origins.digests.base]
    assert all(isinstance(numbers, np.memmap) for numbers in kept)
    assert store.lengths.tolist() == [len(store.row(row)[0]) for row in range(9)]
    assert data.skip_codes.nbytes == data.truncated.nbytes == 9
