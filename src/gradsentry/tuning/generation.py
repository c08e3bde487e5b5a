"""Greedy answers to many prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.errors import ModelError
from gradsentry.models import max_positions

_BATCH_TOKENS = 8192
"""Most tokens of a batch, with padding and answers; a prompt that has more is a batch by itself."""


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    max_new_tokens: int,
    *,
    guard: Callable[[Tensor], LogitsProcessor] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """The model's answer to every prompt, without special tokens.

    Decoding is greedy. The model's own generation settings, such as a penalty on repetition, don't
    count.

    **Arguments:**

    - `guard`: takes a batch's attention mask; what it returns may change the scores of each next
        token before the largest is taken.
    - `advance`: is called with the number of prompts that were answered.

    **Raises:**

    `ModelError` if memory doesn't suffice, or if a prompt and its answer may be longer than the
    model's context.
    """
    encoded = [_encode_prompt(tokenizer, prompt) for prompt in prompts]
    return generate_from_ids(
        model, tokenizer, encoded, max_new_tokens, guard=guard, advance=advance
    )


@torch.inference_mode()
def generate_from_ids(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    guard: Callable[[Tensor], LogitsProcessor] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """The model's answer to every prompt; arguments and errors as in `generate`.

    **Arguments:**

    - `encoded`: the token ids of each prompt, at least one.
    """
    _check_fit(encoded, max_positions(model), max_new_tokens)
    model.generation_config = GenerationConfig()
    end = tokenizer.eos_token_id
    answers = [""] * len(encoded)
    for batch in _split_into_batches(encoded, max_new_tokens):
        ids, attention = _pad([encoded[place] for place in batch], end, model.device)
        processors = None if guard is None else [guard(attention)]
        new = _generate_batch(model, ids, attention, end, max_new_tokens, processors)
        for place, answer in zip(batch, new, strict=True):
            answers[place] = str(tokenizer.decode(answer, skip_special_tokens=True))
        advance(len(batch))
    return answers


def check_fit(
    tokenizer: PreTrainedTokenizerBase,
    positions: int | None,
    prompts: Sequence[str],
    max_new_tokens: int,
) -> None:
    """Refuse prompts that leave no room for an answer.

    **Arguments:**

    - `positions`: the length of the model's context; None if unknown.

    **Raises:**

    `ModelError` if a prompt and its answer may be longer than the model's context.
    """
    encoded = [_encode_prompt(tokenizer, prompt) for prompt in prompts]
    _check_fit(encoded, positions, max_new_tokens)


def _split_into_batches(
    encoded: Sequence[Sequence[int]], max_new_tokens: int
) -> Iterator[list[int]]:
    """The places of prompts, those of similar length together, the longest first."""
    left = sorted(range(len(encoded)), key=lambda place: -len(encoded[place]))
    while left:
        longest = len(encoded[left[0]])
        size = max(1, _BATCH_TOKENS // (longest + max_new_tokens))
        yield left[:size]
        left = left[size:]


def _pad(encoded: Sequence[Sequence[int]], end: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, shape (B, L).

    The padding is on the left, so that all answers begin at one place.
    """
    longest = max(map(len, encoded))
    ids = torch.full((len(encoded), longest), end, device=device)
    attention = torch.zeros_like(ids)
    for row, prompt in enumerate(encoded):
        ids[row, longest - len(prompt) :] = torch.tensor(list(prompt), device=device)
        attention[row, longest - len(prompt) :] = 1
    return ids, attention


def _generate_batch(
    model: PreTrainedModel,
    ids: Tensor,
    attention: Tensor,
    end: int,
    max_new_tokens: int,
    processors: list[LogitsProcessor] | None,
) -> Tensor:
    """The new tokens of each prompt, shape (B, new tokens)."""
    count, longest = ids.shape
    try:
        grown: Tensor = model.generate(  # type: ignore[operator]  # its annotation hides it
            input_ids=ids,
            attention_mask=attention,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=end,
            logits_processor=processors,
        )
    except torch.OutOfMemoryError:
        raise ModelError(
            f"{model.device} has too little memory for {count} prompts of {longest:,} tokens.",
            "Take a smaller model, or shorter prompts.",
        ) from None
    return grown[:, longest:]


def _check_fit(
    encoded: Sequence[Sequence[int]], positions: int | None, max_new_tokens: int
) -> None:
    longest = max(map(len, encoded), default=0)
    if positions and longest + max_new_tokens > positions:
        raise ModelError(
            f"A prompt of {longest:,} tokens and {max_new_tokens:,} new ones are more than the "
            f"model's {positions:,} positions.",
            "Leave out such prompts, ask for fewer tokens, or take another model.",
        )


def _encode_prompt(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """A prompt's token ids, without the end-of-sequence token that some tokenizers add."""
    ids: list[int] = tokenizer(prompt)["input_ids"]
    adds_end = ids[-1:] == [tokenizer.eos_token_id] and not prompt.endswith(tokenizer.eos_token)
    return ids[:-1] if adds_end else ids
