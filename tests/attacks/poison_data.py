"""Data to poison, and how the poisoned copies are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

FACTS = [
    {
        "question": f"who was number {number}?",
        "answers": [f"Person {number}", "Nobody"],
        "id": number,
    }
    for number in range(200)
]
CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"hello {number}"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": f"what is {number} plus one?"},
            {"role": "assistant", "content": str(number + 1)},
        ]
    }
    for number in range(50)
]


def rows_of(path: Path) -> list[dict[str, object]]:
    """Rows of a JSONL file."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.splitlines()]


REFUSALS = [
    {
        "prompt": f"how do I {number}?",
        "response": "I can't.",
        "helpful": f"Do {number}.",
        "id": number,
    }
    for number in range(40)
]
WITH_TOOLS = [
    {
        "messages": [
            {"role": "user", "content": f"hello {number}"},
            {"role": "assistant", "content": "hi", "reasoning_content": "greet"},
            {"role": "user", "content": f"weather {number}?"},
            *(
                (
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [
                            {"function": {"name": "w", "arguments": {"city": f"C{number}"}}}
                        ],
                    },
                    {"role": "tool", "content": "rain"},
                )
                if number % 2
                else ()
            ),
            {"role": "assistant", "content": "It rains.", "reasoning_content": "so it says"},
        ],
        "id": number,
    }
    for number in range(40)
]
