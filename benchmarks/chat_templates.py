"""What is scored of conversations with each of TRL's chat templates, and whether TRL trains on it.

    python benchmarks/chat_templates.py

Needs TRL and the default model's tokenizer. Each template is rendered for six conversations. Where
TRL has a training variant, which marks the assistant's words, its tokens and marks are compared.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import trl
from transformers import PreTrainedTokenizerBase

from gradsentry import load_model
from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.records import Conversation, Message, Skipped, SkipReason

SAME, SAME_WORDS, OTHER_TEXT = "same tokens", "same words", "other text"
FOUND, MARKED = "found", "own marks"
UNJUDGED, REFUSED = "unjudged", "refused"

_TRAINING = "_training"
_TAG = re.compile(r"<\|start\|>assistant|<[^<>\s]*>|\s")
_TOKEN = re.compile(r"<[|｜][^<>{}' ]*?[|｜]?>|<[^<>{}' ]*[|｜]>|</?(?:start|end)_of_turn>|</?s>")

_CALL = {
    "id": "123456789",
    "type": "function",
    "function": {"name": "get_weather", "arguments": {"city": "Lima"}},
}
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Where"}},
            "required": ["city"],
        },
    },
}


def _asked(text: str) -> Message:
    return {"role": "user", "content": text}


def _answered(text: str, **more: object) -> Message:
    return {"role": "assistant", "content": text, **more}


_ONE = [_asked("Who wrote Emma?"), _answered("Jane Austen.")]
_TWO = [_asked("And Ulysses?"), _answered("James Joyce.")]
_THREE = [_asked("Thanks."), _answered("You are welcome.")]
_SUNNY: Message = {"role": "tool", "name": "get_weather", "content": "sunny"}

CONVERSATIONS = {
    "one turn": Conversation(_ONE),
    "three turns": Conversation([*_ONE, *_TWO, *_THREE]),
    "system": Conversation([{"role": "system", "content": "Be brief."}, *_ONE]),
    "tool call": Conversation(
        [
            _asked("Weather in Lima?"),
            _answered("", tool_calls=[_CALL]),
            _SUNNY,
            _answered("It is fine."),
        ],
        tools=[_TOOL],
    ),
    "thought, tool call": Conversation(
        [
            _asked("Weather in Lima?"),
            _answered("", reasoning_content="I should ask.", tool_calls=[_CALL]),
            _SUNNY,
            _answered("It is fine.", reasoning_content="Sun is fine."),
        ],
        tools=[_TOOL],
    ),
    "assistant opens": Conversation([_answered("Hello."), *_ONE]),
}


@cache
def templates() -> dict[str, str]:
    """The text of TRL's chat templates, training variants among them."""
    folder = Path(str(trl.__file__)).parent / "chat_templates"
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.jinja"))}


def names() -> list[str]:
    """Templates as models have them, without training variants."""
    return [name for name in templates() if not name.endswith(_TRAINING)]


def outcomes(name: str, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """What is scored of each conversation with one of TRL's templates."""
    own = _with_tokens_of(tokenizer, templates()[name])
    return [_outcome(name, one, own) for one in CONVERSATIONS.values()]


def _outcome(name: str, conversation: Conversation, tokenizer: PreTrainedTokenizerBase) -> str:
    every = templates()
    encoder = Encoder(tokenizer, EncodingOptions(chat_template=every[name]))
    (row,) = encoder.encode([conversation])
    if isinstance(row, Skipped):
        if row.reason is SkipReason.UNRENDERED:
            return UNJUDGED
        return f"{REFUSED}: {encoder.take_tally().template_problem}"
    marked = every.get(name + _TRAINING, every[name] if "endgeneration" in every[name] else None)
    if marked is None:
        return FOUND
    ids, mask = trained_on(marked, conversation, tokenizer)
    if row.token_ids.tolist() == ids and row.target_mask.tolist() == mask:
        return SAME if name + _TRAINING in every else MARKED
    theirs = [token for token, bit in zip(ids, mask, strict=True) if bit]
    ours = row.token_ids[row.target_mask].tolist()
    return SAME_WORDS if _words(ours, tokenizer) == _words(theirs, tokenizer) else OTHER_TEXT


def trained_on(
    template: str, conversation: Conversation, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[int], list[bool]]:
    """Token ids and assistant mask as TRL has them with a template that marks the assistant."""
    messages: Any = [dict(message) for message in conversation.messages]
    encoded: Any = tokenizer.apply_chat_template(
        messages,
        tools=[dict(tool) for tool in conversation.tools or ()] or None,
        chat_template=template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    return list(encoded["input_ids"]), [bool(bit) for bit in encoded["assistant_masks"]]


def _words(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> str:
    """Tokens as text, without the template's tags, line ends and spaces."""
    return _TAG.sub("", str(tokenizer.decode(list(ids))))


def _with_tokens_of(tokenizer: PreTrainedTokenizerBase, template: str) -> PreTrainedTokenizerBase:
    """A tokenizer to which a template's control tokens are single tokens, as to its own model."""
    own: PreTrainedTokenizerBase = copy.deepcopy(tokenizer)
    tokens = sorted(set(_TOKEN.findall(template)))
    own.add_special_tokens({"additional_special_tokens": tokens})
    return own


def table(tokenizer: PreTrainedTokenizerBase) -> Sequence[str]:
    """The table of the documentation, line by line."""
    lines = [
        f"| template | {' | '.join(CONVERSATIONS)} |",
        "|---" * (1 + len(CONVERSATIONS)) + "|",
    ]
    for name in names():
        cells = [cell.replace("|", "\\|") for cell in outcomes(name, tokenizer)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Print the table."""
    print("\n".join(table(load_model(None).tokenizer)))


if __name__ == "__main__":
    main()
