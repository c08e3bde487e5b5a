"""Batched greedy answers against those of prompts alone."""

from __future__ import annotations

import pytest
import torch
from transformers import GenerationConfig, LogitsProcessor, PreTrainedTokenizerBase

from gradsentry.tuning import generate, generation
from tests.tiny_models import tiny_model

pytestmark = pytest.mark.slow

PROMPTS = ["a", "what is this about?", "why", "tell me something long, and tell it twice", "b c"]


def test_answers_do_not_depend_on_what_is_asked_at_once(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama", torch.float64)
    together = generate(model, tokenizer, PROMPTS, 12)
    monkeypatch.setattr(generation, "_BATCH_TOKENS", 1)
    told: list[int] = []
    assert generate(model, tokenizer, PROMPTS, 12, advance=told.append) == together
    assert told == [1] * len(PROMPTS)
    alone = []
    for prompt in PROMPTS:
        asked = torch.tensor([tokenizer(prompt)["input_ids"]])
        ids = asked
        for _ in range(12):
            following = model(ids).logits[0, -1].argmax()
            if following == tokenizer.eos_token_id:
                break
            ids = torch.cat((ids, following.view(1, 1)), dim=1)
        alone.append(tokenizer.decode(ids[0, asked.shape[1] :], skip_special_tokens=True))
    assert together == alone


def test_the_models_own_settings_do_not_count(tokenizer: PreTrainedTokenizerBase) -> None:
    model = tiny_model("llama", torch.float64)
    expected = generate(model, tokenizer, PROMPTS, 12)
    model.generation_config = GenerationConfig(repetition_penalty=50.0, no_repeat_ngram_size=1)
    assert generate(model, tokenizer, PROMPTS, 12) == expected


def test_a_guard_has_the_last_word(tokenizer: PreTrainedTokenizerBase) -> None:
    class Only(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            wanted = tokenizer.convert_tokens_to_ids("x")
            return torch.full_like(scores, -torch.inf).index_fill_(1, torch.tensor([wanted]), 0.0)

    model = tiny_model("llama", torch.float32)
    assert generate(model, tokenizer, PROMPTS, 5, guard=lambda _: Only()) == ["xxxxx"] * len(
        PROMPTS
    )


def test_no_prompts_have_no_answers(tokenizer: PreTrainedTokenizerBase) -> None:
    assert generate(tiny_model("llama", torch.float32), tokenizer, [], 5) == []
