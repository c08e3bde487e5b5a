"""Packed batches give the states of rows that are computed one by one, or aren't used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from gradsentry.encoding import EncodedRow, EncodedWriter
from gradsentry.models import ForwardPass, LanguageModel, TargetStates, head_states, target_states
from gradsentry.models.packing import pack
from gradsentry.models.shared_prefixes import can_share, packed_states
from tests.tiny_models import ARCHITECTURES, VOCAB, tiny_config, tiny_model

OTHERS = {
    "gptj": "calls its attention in its own way",
    "gemma2": "caps attention scores",
    "gpt-oss": "has attention sinks",
    "qwen2-moe": "has its sliding window in the mask alone",
    "llama-dynamic": "scales positions by the longest row",
    "mamba": "is recurrent",
}
SHARES = [name for name in ARCHITECTURES if name not in OTHERS]


def rows_that_share() -> list[np.ndarray]:
    """Contexts with questions, sorted; they outgrow the tiny models' windows of 16 tokens."""
    draw = np.random.default_rng(0)
    start = draw.integers(3, VOCAB, 20)
    rows = [
        np.concatenate((start, context, draw.integers(3, VOCAB, size))).astype(np.int32)
        for context in (draw.integers(3, VOCAB, 30), draw.integers(3, VOCAB, 9), [])
        for size in (1, 4, 11, 30)
    ]
    return sorted([*rows, rows[0]], key=lambda row: row.tolist())


@torch.inference_mode()
def alone(body: torch.nn.Module, row: np.ndarray) -> torch.Tensor:
    ids = torch.from_numpy(row.astype(np.int64)).unsqueeze(0)
    hidden: torch.Tensor = body(input_ids=ids, use_cache=False).last_hidden_state[0]
    return hidden


@pytest.mark.parametrize("architecture", SHARES)
def test_packed_states_are_those_of_rows_alone(architecture: str) -> None:
    body: Any = tiny_model(architecture).base_model
    assert can_share(body)
    rows = rows_that_share()
    packing = pack(rows, body.device)
    with torch.inference_mode():
        together = packed_states(body, packing)
    assert sum(len(group.places) for group in packing.groups) < sum(map(len, rows)) / 2
    for row, path in zip(rows, packing.paths, strict=True):
        torch.testing.assert_close(together[path], alone(body, row), rtol=0, atol=1e-9)


def test_the_models_own_attention_is_back_afterwards() -> None:
    body: Any = tiny_model("llama").base_model
    before = body.config._attn_implementation
    packed_states(body, pack(rows_that_share(), body.device))
    assert body.config._attn_implementation == before
    with pytest.raises(IndexError):
        packed_states(body, pack([np.array([VOCAB + 5], np.int32)], body.device))
    assert body.config._attn_implementation == before


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_models_that_cannot_share_are_recognised(dtype: torch.dtype) -> None:
    for architecture in OTHERS:
        body: Any = tiny_model(architecture, dtype).base_model
        before = body.config._attn_implementation
        assert not can_share(body)
        assert body.config._attn_implementation == before
    assert not can_share(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("architecture", SHARES)
def test_models_that_can_share_are_recognised(architecture: str, dtype: torch.dtype) -> None:
    assert can_share(tiny_model(architecture, dtype).base_model)


def test_another_attention_is_back_afterwards() -> None:
    model = AutoModelForCausalLM.from_config(tiny_config("llama"), attn_implementation="eager")
    body: Any = model.base_model
    assert can_share(body)
    assert body.config._attn_implementation == "eager"


@pytest.mark.parametrize("architecture", ["llama", "gemma3", "gptj"])
def test_states_are_the_same_with_and_without_sharing(architecture: str) -> None:
    model = LanguageModel.wrap(tiny_model(architecture), None)  # type: ignore[arg-type]
    rows = rows_that_share()
    encoded = [(row, np.arange(len(row)) >= max(1, len(row) - 3)) for row in rows]
    found = target_states(model, encoded)
    offsets = np.cumsum([0, *found.counts.tolist()])
    for number, (ids, mask) in enumerate(encoded):
        own = slice(offsets[number], offsets[number + 1])
        assert found.targets[own].tolist() == ids[mask].tolist()
        before = alone(model.body, ids)[np.flatnonzero(mask) - 1]
        torch.testing.assert_close(found.hidden[own], before, rtol=0, atol=1e-9)


def test_batches_are_halved_where_memory_runs_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LanguageModel.wrap(tiny_model("llama"), None)  # type: ignore[arg-type]
    with EncodedWriter(tmp_path) as writer:
        for row in rows_that_share():
            writer.append(EncodedRow(row, np.arange(len(row)) > 0, False, False))
        store = writer.finish()
    rows = store.read(np.arange(len(store)))
    expected = ForwardPass(model).of(rows)
    sizes = []
    original = head_states.target_states

    def small(model: LanguageModel, encoded: list[Any]) -> TargetStates:
        sizes.append(len(encoded))
        if len(encoded) > 4:
            raise torch.OutOfMemoryError
        return original(model, encoded)

    monkeypatch.setattr(head_states, "target_states", small)
    forward = ForwardPass(model)
    found = forward.of(rows)
    torch.testing.assert_close(found.hidden, expected.hidden, rtol=0, atol=1e-9)
    assert found.counts.tolist() == expected.counts.tolist()
    sizes.clear()
    forward.of(rows)
    assert max(sizes) <= 4  # it isn't tried again
