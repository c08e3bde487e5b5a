"""Greedy answers to many prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import GenerationConfig, LogitsProcessor, PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.errors import ModelError
from gradsentry.models import max_positions

_BATCH_TOKENS = 8192
"""Prompt tokens at once, padding included, except where one prompt has more."""


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    max_new_tokens: int,
    *,
    guard: Callable[[torch.Tensor], LogitsProcessor] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """The model's answer to every prompt, without special tokens.

    The likeliest token always comes next: what the model's generation settings say, such as a
    penalty on repetition, doesn't count.

    **Arguments:**

    - `guard`: makes, from a batch's attention mask, what changes the scores of each next token
        before the largest is taken.
    - `advance`: told how many prompts were answered.

    **Raises:**

    `ModelError` if memory doesn't suffice, or if a prompt and its answer may be longer than what
    the model can take.
    """
    encoded = [_prompt_ids(tokenizer, prompt) for prompt in prompts]
    _check_fit(encoded, max_positions(model), max_new_tokens)
    longest_first = sorted(range(len(prompts)), key=lambda place: -len(encoded[place]))
    answers = [""] * len(prompts)
    end = tokenizer.eos_token_id
    model.generation_config = GenerationConfig()
    while longest_first:
        longest = len(encoded[longest_first[0]])
        size = max(1, _BATCH_TOKENS // (longest + max_new_tokens))
        batch, longest_first = longest_first[:size], longest_first[size:]
        ids = torch.full((len(batch), longest), end, device=model.device)
        attention = torch.zeros_like(ids)
        for row, place in enumerate(batch):  # padded on the left, so that all go on at one place
            own = torch.tensor(encoded[place], device=model.device)
            ids[row, longest - len(own) :] = own
            attention[row, longest - len(own) :] = 1
        try:
            grown = model.generate(  # type: ignore[operator]  # its annotation hides it
                input_ids=ids,
                attention_mask=attention,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                eos_token_id=end,
                pad_token_id=end,
                logits_processor=None if guard is None else [guard(attention)],
            )
        except torch.OutOfMemoryError:
            raise ModelError(
                f"{model.device} has too little memory for {len(batch)} prompts of {longest:,} "
                "tokens.",
                "Take a smaller model, or shorter prompts.",
            ) from None
        for place, own in zip(batch, grown[:, longest:], strict=True):
            answers[place] = str(tokenizer.decode(own, skip_special_tokens=True))
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

    - `positions`: of the model, where it says.

    **Raises:**

    `ModelError` if a prompt and its answer may be longer than what the model can take.
    """
    encoded = [_prompt_ids(tokenizer, prompt) for prompt in prompts]
    _check_fit(encoded, positions, max_new_tokens)


def _check_fit(encoded: Sequence[list[int]], positions: int | None, max_new_tokens: int) -> None:
    longest = max(map(len, encoded), default=0)
    if positions and longest + max_new_tokens > positions:
        raise ModelError(
            f"A prompt of {longest:,} tokens and {max_new_tokens:,} new ones are more than the "
            f"model's {positions:,} positions.",
            "Leave out such prompts, ask for fewer tokens, or take another model.",
        )


def _prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """Token ids as a prompt is trained on: without the end that some tokenizers add."""
    ids: list[int] = tokenizer(prompt)["input_ids"]
    adds_end = ids[-1:] == [tokenizer.eos_token_id] and not prompt.endswith(tokenizer.eos_token)
    return ids[:-1] if adds_end else ids
