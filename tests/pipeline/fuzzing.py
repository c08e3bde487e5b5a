"""Rows of any columns by the thousand: each is scored, skipped with a reason, or refused.

    python -m tests.pipeline.fuzzing 100000 [SEED]

makes small data sets of columns that trainers read, with values of all kinds in them, and encodes
them with templates of several kinds. Either there is an error with a remedy, or every row is
accounted for: its targets lie where its tokens are, or it has a reason to have none.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.errors import GradSentryError
from gradsentry.models.default_model import chat_template
from gradsentry.records.data_options import DataOptions
from gradsentry.records.layouts.vocabulary import LABELS, MEDIA, PROMPTS, TARGETS, TURNS
from gradsentry.records.open_data import open_data
from gradsentry.work.encoded_data import NOT_SKIPPED, EncodedData, encode_source
from gradsentry.work.engine import LocalEngine, Worker
from gradsentry.work.progress import Silent
from tests.conftest import CHAT_TEMPLATE, byte_tokenizer

MOST_TOKENS = 256

COLUMNS = sorted({*PROMPTS, *TARGETS, *MEDIA, *LABELS, "id", "tools", "weight", "note", "Ä\n"})
FORMS = (
    ("prompt", "response"),
    ("prompt", "completion", "label"),
    ("instruction", "input", "output", "system", "history"),
    ("question", "context", "answers"),
    ("question", "options", "answer", "cot"),
    ("messages", "tools"),
    ("messages", "label"),
    ("conversations", "system", "tools"),
    ("conversations", "chosen", "rejected"),
    ("prompt", "chosen", "rejected"),
    ("instruction", "input", "chosen", "rejected"),
    ("input", "preferred_output", "non_preferred_output"),
    ("segments",),
    ("text",),
    ("system", "chat"),
    ("question", "passage", "answer"),
    ("instruction", "input", "output", "prompt"),
)
"""Columns that make a layout, so that not all data sets are refused at once."""

TEXTS = (
    *("", " ", "a", "yes", "Zeile 1\nZeile 2", "<|im_end|>", "<think>b</think> c", "{{ x }}", "\0"),
    *("{% for i in x %}", "你好", "\u202eabc", "x" * 200, "[1, 2]", '{"name": "f"}'),
    *("USER: a\n\nASSISTANT: yes <|endoftext|>\nFUNCTION RESPONSE: b", "SYSTEM: a", "ASSISTANT:"),
    *("### Instruction:\na\n\n### Input:\n\n### Output:\nyes", "### Response:"),
)
ROLES = (
    "user",
    "assistant",
    "system",
    "tool",
    "human",
    "gpt",
    "Assistant",
    "bot",
    "?",
    "",
    None,
    3,
)
KEYS = (
    *("role", "content", "from", "value", "weight", "train", "tool_calls", "function_call", "name"),
    *("reasoning_content", "thinking", "loss_weight", "type", "text", "answer", "tool_call_id"),
)


def any_value(random: Random, depth: int = 0) -> object:
    """A value of any kind."""
    simple: list[Callable[[], object]] = [
        lambda: random.choice((*TEXTS, "\ud800")),
        lambda: random.choice(TEXTS),
        lambda: None,
        lambda: random.choice((0, 1, -1, 0.5, float("nan"), 10**20, True, False)),
    ]
    nested: list[Callable[[], object]] = [
        lambda: [any_value(random, depth + 1) for _ in range(random.randrange(3))],
        lambda: {random.choice(KEYS): any_value(random, depth + 1) for _ in range(3)},
        lambda: messages(random, depth + 1),
        lambda: json.dumps({"name": "f", "arguments": {"a": "b"}}),
    ]
    return random.choice(simple if depth > 2 else simple + nested)()


def messages(random: Random, depth: int = 0) -> list[object]:
    """A conversation, mostly well formed."""
    turns: list[object] = []
    for number in range(random.randrange(5)):
        role = ("user", "assistant")[number % 2] if random.random() < 0.9 else random.choice(ROLES)
        names = ("role", "content") if random.random() < 0.7 else ("from", "value")
        content = random.choice(TEXTS) if random.random() < 0.95 else any_value(random, depth + 1)
        turn: dict[str, object] = {names[0]: role, names[1]: content}
        if random.random() < 0.3:
            turn[random.choice(KEYS)] = any_value(random, depth + 1)
        turns.append(turn if random.random() < 0.99 else any_value(random, depth + 1))
    return turns


def rows(random: Random) -> list[dict[str, object]]:
    """A few rows of the same columns, more or less."""
    columns = set(random.choice(FORMS) if random.random() < 0.9 else ())
    columns |= set(random.sample(COLUMNS, random.choice((0, 0, 0, 0, 1, 2))))
    if "preferred_output" in columns:
        return [
            {**dict.fromkeys(columns, messages(random)), "input": {"messages": messages(random)}}
        ]
    return [
        {
            column: _value(column, random)
            for column in sorted(columns, key=lambda _: random.random())
            if random.random() < 0.99
        }
        for _ in range(random.randrange(1, 4))
    ]


def _value(column: str, random: Random) -> object:
    if random.random() < 0.03:
        return any_value(random)
    made: dict[str, Callable[[], object]] = {
        "label": lambda: random.random() < 0.5,
        "tools": lambda: random.choice((None, [], "[]", [{"type": "function"}])),
        "history": lambda: [[random.choice(TEXTS), random.choice(TEXTS)]] * random.randrange(3),
        "options": lambda: [random.choice(TEXTS) for _ in range(3)],
        "chat": lambda: random.choice((messages(random), random.choice(TEXTS), TEXTS[-5])),
        "answer": lambda: random.choice((True, False, 7, 0.5, random.choice(TEXTS))),
        "answers": lambda: random.choice(("a", ["b"], ["c", "d"])),
        "segments": lambda: [{"label": random.random() < 0.5, "text": random.choice(TEXTS)}] * 2,
        "preferred_output": lambda: messages(random),
        "non_preferred_output": lambda: messages(random),
    }
    if column in made:
        return made[column]()
    return messages(random) if column in TURNS else random.choice(TEXTS)


def ways_to_encode() -> list[EncodingOptions]:
    """One for every way of encoding that differs."""
    templates = (
        CHAT_TEMPLATE,
        chat_template(),
        "{% for m in messages %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}\n"
        "{% endfor %}",
        "{{ messages[0].content }}{{ messages[1].content | trim }}",
    )
    ways: list[dict[str, str]] = [
        {},
        {"boundary": "joint"},
        {"targets": "all"},
        {"long_text": "windows"},
    ]
    return [
        EncodingOptions(max_length=MOST_TOKENS, chat_template=template, **way)  # type: ignore[arg-type]
        for template in templates
        for way in ways
    ]


def check(data: list[dict[str, object]], options: EncodingOptions, folder: Path) -> str:
    """Encode some rows: "encoded", or "refused" with an error.

    **Raises:**

    Whatever goes wrong otherwise, and `AssertionError` where a row isn't accounted for.
    """
    try:
        source, layout, _ = open_data(data, DataOptions())
        worker = Worker(None, Encoder(byte_tokenizer(), options), None)  # type: ignore[arg-type]
        encoded = encode_source(
            source, layout, options, LocalEngine(worker), folder, None, Silent()
        )
    except GradSentryError:
        return "refused"
    _check_accounts(encoded, len(data))
    return "encoded"


def _check_accounts(encoded: EncodedData, count: int) -> None:
    scored = encoded.skip_codes == NOT_SKIPPED
    assert len(encoded.skip_codes) == len(encoded.target_tokens) == len(encoded.truncated) == count
    assert sorted(set(encoded.stored_rows.tolist())) == np.flatnonzero(scored).tolist()
    assert (encoded.target_tokens[scored] > 0).all()
    assert (encoded.target_tokens[~scored] == 0).all()
    for stored in range(len(encoded.store)):
        ids, targets = encoded.store.row(stored)
        assert 2 <= len(ids) == len(targets) <= MOST_TOKENS
        assert targets.any()
        assert not targets[0]


def main() -> None:
    """Run the attempts and print how many there were, and every fault."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    start, counts, faults = time.monotonic(), Counter[str](), []
    ways = ways_to_encode()
    with tempfile.TemporaryDirectory() as name:
        for number in range(count):
            random = Random(f"{seed}-{number}")
            data = rows(random)
            try:
                said = check(data, ways[number % len(ways)], Path(name))
            except Exception as error:
                said = "faults"
                faults.append(f"{number}: {type(error).__name__}: {str(error)[:200]!r}")
            counts[said] += 1
    print(f"{count:,} data sets in {time.monotonic() - start:.0f} s: {dict(counts)}")
    print("\n".join(faults[:50]))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
