"""A causal language model, loaded and ready for scoring."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.errors import ModelError
from gradsentry.faults import lacks_memory
from gradsentry.models.head import OutputHead, check_head, find_output_head
from gradsentry.models.memory import keep_freed_memory
from gradsentry.models.shared_prefixes import can_share


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model with its tokenizer and output head, in evaluation mode."""

    name: str
    """As the user named it."""
    revision: str
    """Which weights and which tokenizer exactly: a Hub commit, or a digest of local files."""
    tokenizer: PreTrainedTokenizerBase
    body: nn.Module
    """Everything before the output head."""
    head: OutputHead
    dtype: torch.dtype
    device: torch.device
    max_positions: int | None
    """The longest sequence the model can take, if its configuration says."""
    shares_prefixes: bool
    """Whether prefixes that rows of a batch share are computed once."""

    @staticmethod
    def wrap(
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str | None = None,
        revision: str | None = None,
    ) -> LanguageModel:
        """Make a model that is already in memory ready for scoring; puts it into evaluation mode.

        **Raises:**

        `ModelError` if it has no output head, or one that isn't understood.
        """
        if hasattr(model, "merge_and_unload"):
            raise ModelError(
                "A model with a PEFT adapter is no plain causal language model.",
                "Pass model.merge_and_unload(), or the adapter's folder.",
            )
        model = model.eval()
        _multiply_experts_in_float64(model)
        head = find_output_head(model)
        if tokenizer is not None:
            _check_vocabulary(tokenizer, head.vocab_size)
        body = model.base_model
        if body is model:
            raise ModelError(
                f"A model of class {type(model).__name__} doesn't separate its body from its head.",
                "Use another model.",
            )
        check_head(model, body, head)
        if model.device.type == "cpu":
            keep_freed_memory()
        return LanguageModel(
            name=name or str(model.name_or_path) or type(model).__name__,
            revision=revision or _digest_in_memory(model, tokenizer),
            tokenizer=tokenizer,
            body=body,
            head=head,
            dtype=model.dtype,
            device=model.device,
            max_positions=max_positions(model),
            shares_prefixes=_can_share(body),
        )


def _multiply_experts_in_float64(model: PreTrainedModel) -> None:
    """Have experts computed one by one where the usual product of all at once can't be."""
    if model.dtype == torch.float64 and model._can_set_experts_implementation():
        model.set_experts_implementation("eager")


def _check_vocabulary(tokenizer: PreTrainedTokenizerBase, size: int) -> None:
    """Refuse a tokenizer with ids that the model has no embedding for."""
    largest = max([len(tokenizer) - 1, *tokenizer.get_vocab().values()])
    if largest >= size:
        raise ModelError(
            f"The tokenizer has the token id {largest:,}, and the model's ids end at {size - 1:,}.",
            "Use the tokenizer that belongs to the model.",
        )


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest sequence that a model can take, if its configuration says.

    **Raises:**

    `ModelError` if what it says is no such number.
    """
    return said_positions(model.config, str(model.name_or_path))


def said_positions(config: PreTrainedConfig, name: str) -> int | None:
    """The longest sequence that a model of a configuration can take; errors as above."""
    said = getattr(config.get_text_config(), "max_position_embeddings", None)
    if said is not None and (not isinstance(said, int) or said < 2):
        raise ModelError(
            f"{name}: max_position_embeddings can't be {said!r}.",
            "Set it in config.json to the longest sequence that the model can take.",
        )
    return said


def _can_share(body: nn.Module) -> bool:
    try:
        return can_share(body)
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        raise ModelError(
            "There is no memory left beside the model.",
            "Free the device, or use a smaller model or `device` cpu.",
        ) from None


def _digest_in_memory(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None) -> str:
    """Names the weights and configuration of a model in memory, and its tokenizer."""
    digest = hashlib.sha256(model.config.to_json_string().encode())
    for name, parameter in model.named_parameters():
        values = parameter.detach().contiguous().view(torch.uint8).cpu().numpy()
        digest.update(name.encode())
        digest.update(hashlib.sha256(values.tobytes()).digest())
    if tokenizer is not None:
        digest.update(json.dumps(_contents(tokenizer), sort_keys=True).encode())
    return f"parameters-sha256:{digest.hexdigest()}"


def _contents(tokenizer: PreTrainedTokenizerBase) -> list[object]:
    """All that decides which tokens a text becomes."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        inner = tokenizer.get_vocab()
    else:
        inner = json.loads(backend.to_str())
        for state in ("padding", "truncation"):  # of its last call
            inner.pop(state, None)
    kind = type(tokenizer).__name__
    return [kind, inner, tokenizer.special_tokens_map, tokenizer.chat_template]
