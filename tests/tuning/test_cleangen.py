"""CleanGen against its definition, token by token."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.tuning import generate
from gradsentry.tuning.cleangen import CleanGen
from tests.tiny_models import tiny_model

pytestmark = pytest.mark.slow

PROMPTS = ["a", "what is this about?", "why not"]
ALPHA = 1.02  # random tiny models hardly differ


def changed(model: PreTrainedModel) -> PreTrainedModel:
    """A model that says other things."""
    draw = torch.Generator().manual_seed(3)
    head = model.get_output_embeddings()
    with torch.no_grad():
        head.weight += 0.3 * torch.randn(head.weight.shape, generator=draw, dtype=head.weight.dtype)
    return model


def by_definition(
    tuned: PreTrainedModel, reference: PreTrainedModel, ids: list[int], end: int, count: int
) -> list[int]:
    """One answer without batches and caches."""
    answer: list[int] = []
    for _ in range(count):
        own, usual = (
            model(torch.tensor([ids + answer])).logits[0, -1].softmax(-1)
            for model in (tuned, reference)
        )
        token = int(own.argmax())
        if token != end and own[token] >= ALPHA * usual[token]:
            token = int(usual.argmax())
        if token == end:
            break
        answer.append(token)
    return answer


def test_suspicious_tokens_are_the_references(tokenizer: PreTrainedTokenizerBase) -> None:
    reference = tiny_model("llama", torch.float64)
    tuned = changed(tiny_model("llama", torch.float64))
    guard = partial(CleanGen, reference, tokenizer.eos_token_id, alpha=ALPHA)
    answers = generate(tuned, tokenizer, PROMPTS, 10, guard=guard)
    assert answers != generate(tuned, tokenizer, PROMPTS, 10)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        ids = tokenizer(prompt)["input_ids"]
        expected = by_definition(tuned, reference, ids, tokenizer.eos_token_id, 10)
        assert answer == tokenizer.decode(expected, skip_special_tokens=True)


def test_a_model_that_is_its_own_reference_says_what_it_says(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    model = tiny_model("llama", torch.float64)
    guard = partial(CleanGen, model, tokenizer.eos_token_id)
    guarded = generate(model, tokenizer, PROMPTS, 10, guard=guard)
    assert guarded == generate(model, tokenizer, PROMPTS, 10)


def test_the_end_is_not_suspicious(tokenizer: PreTrainedTokenizerBase) -> None:
    reference, end = tiny_model("llama", torch.float64), tokenizer.eos_token_id
    ids = torch.tensor([tokenizer("why not")["input_ids"]])
    sure = torch.zeros(1, reference.config.vocab_size, dtype=torch.float64)
    sure[0, end] = 100.0
    with torch.no_grad():
        kept = CleanGen(reference, end, torch.ones_like(ids))(ids, sure)
        changed = CleanGen(reference, end + 1, torch.ones_like(ids))(ids, sure)
    assert torch.equal(kept, sure)
    assert not torch.equal(changed, sure)
