"""Time to encode one row of more and more turns, or of more and more characters.

    python benchmarks/encoding_growth.py

Where a row's size doubles, its time should, too. TRL's templates are used where TRL is installed;
the maximum length is large enough for all, so that nothing is saved by cutting off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from chat_templates import templates

from gradsentry import load_model
from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.records import Conversation, Example, Message, PlainText, Skipped, TextPair

TURNS = (250, 500, 1_000, 2_000, 4_000)
CHARACTERS = (1_000_000, 2_000_000, 4_000_000, 8_000_000)
TEMPLATES = ("qwen3", "llama3", "gptoss", "glm4moe", "muse_glimmer", "gemma4_v5")
"""Of TRL's; the model's own besides. Those of Gemma 4 look through all turns at each turn."""
_QUADRATIC = {"gemma4_v5": 1_000}
_UNCUT = 1_000_000


def conversation(turns: int, thoughts: bool) -> Conversation:
    """Questions and answers, with or without thoughts."""

    def messages() -> Iterator[Message]:
        for number in range(turns // 2):
            thought = {"reasoning_content": f"I think of {number}."} if thoughts else {}
            yield {"role": "user", "content": f"What comes after {number}?"}
            yield {"role": "assistant", "content": f"After {number} comes the next.", **thought}

    return Conversation(list(messages()))


def seconds(encoder: Encoder, example: Example) -> float:
    """The time that one row takes."""
    started = time.perf_counter()
    (row,) = encoder.encode([example])
    assert not isinstance(row, Skipped), row
    return time.perf_counter() - started


def line(name: str, sizes: tuple[int, ...], measured: Callable[[int], float]) -> None:
    """Print a row of the table: sizes with seconds, and how much a doubling costs."""
    times = [measured(size) for size in sizes]
    cells = ", ".join(f"{size:,}: {one:.2f}" for size, one in zip(sizes, times, strict=True))
    print(f"| {name} | {cells} | {times[-1] / times[-2]:.1f} |", flush=True)


def main() -> None:
    """Print a table."""
    tokenizer = load_model(None).tokenizer
    print("| row | size: seconds | last doubling |\n|---|---|---|")
    for name in (None, *TEMPLATES):
        template = None if name is None else templates()[name]
        encoder = Encoder(tokenizer, EncodingOptions(max_length=_UNCUT, chat_template=template))
        sizes = tuple(size for size in TURNS if size <= _QUADRATIC.get(name or "", TURNS[-1]))
        thoughts = name not in (None, "llama3")
        label = f"turns, {name or 'the default model'}{', with thoughts' if thoughts else ''}"
        line(label, sizes, lambda turns: seconds(encoder, conversation(turns, thoughts)))  # noqa: B023
    short = Encoder(tokenizer, EncodingOptions())
    whole = Encoder(tokenizer, EncodingOptions(max_length=_UNCUT * 10))
    text = "Time flies like an arrow; fruit flies like a banana. "
    kinds: dict[str, Callable[[str], Example]] = {
        "text": PlainText,
        "prompt and response": lambda words: TextPair("Say it.", words),
        "one answer": lambda words: Conversation(
            [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": words}]
        ),
    }
    for kind, make in kinds.items():
        for label, encoder in (("1,024 tokens of it", short), ("all tokens", whole)):

            def measured(
                size: int, encoder: Encoder = encoder, make: Callable[[str], Example] = make
            ) -> float:
                return seconds(encoder, make((text * (size // len(text) + 1))[:size]))

            line(f"characters, {kind}, {label}", CHARACTERS, measured)


if __name__ == "__main__":
    main()
