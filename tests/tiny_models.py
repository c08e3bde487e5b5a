"""Small random models of every head form, and what to compare them with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import (
    AutoModelForCausalLM,
    Cohere2Config,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTJConfig,
    GPTNeoXConfig,
    GptOssConfig,
    GraniteConfig,
    LlamaConfig,
    MambaConfig,
    MixtralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2MoeConfig,
    Qwen3Config,
)

from gradsentry.models import LanguageModel

VOCAB = 264  # V//8 = 33 columns after the paper's crop
HIDDEN = 160  # d//8 = 20: both branches of the algebra (T ≤ c, T > c) occur


def tiny_config(architecture: str) -> PreTrainedConfig:
    """A configuration small enough for dense float64 oracles."""
    common = {
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 40,
        "max_position_embeddings": 256,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    gpt = {"bos_token_id": 1, "eos_token_id": 2}
    match architecture:
        case "llama":
            return LlamaConfig(**common)
        case "llama-tied":
            return LlamaConfig(**common, tie_word_embeddings=True)
        case "qwen3":
            return Qwen3Config(**common)
        case "gemma2":
            return Gemma2Config(**common, final_logit_softcapping=3.0, sliding_window=16)
        case "gemma3":
            return Gemma3TextConfig(**common, sliding_window=16)
        case "granite":
            return GraniteConfig(**common, logits_scaling=6.0)
        case "cohere2":
            return Cohere2Config(**common, logit_scale=0.0625, sliding_window=16)
        case "gpt2":
            return GPT2Config(
                vocab_size=VOCAB, n_embd=HIDDEN, n_layer=2, n_head=4, n_positions=256, **gpt
            )
        case "gptj":  # a head with a bias
            return GPTJConfig(
                vocab_size=VOCAB,
                n_embd=HIDDEN,
                n_layer=2,
                n_head=4,
                n_positions=256,
                rotary_dim=8,
                **gpt,
            )
        case "gpt-oss":
            return GptOssConfig(
                **common, num_local_experts=2, num_experts_per_tok=1, sliding_window=16
            )
        case "qwen2-moe":
            common.pop("head_dim")
            return Qwen2MoeConfig(
                **common,
                moe_intermediate_size=32,
                shared_expert_intermediate_size=32,
                num_experts=2,
                num_experts_per_tok=1,
                use_sliding_window=True,
                max_window_layers=2,
                sliding_window=1500,
            )
        case "mixtral":
            return MixtralConfig(
                **common, num_local_experts=4, num_experts_per_tok=2, sliding_window=None
            )
        case "llama-dynamic":
            rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
            return LlamaConfig(**common, rope_parameters=rope)
        case "mamba":
            return MambaConfig(
                vocab_size=VOCAB, hidden_size=32, state_size=4, num_hidden_layers=2, **gpt
            )
        case "gpt_neox":
            common.pop("head_dim")
            common.pop("num_key_value_heads")
            return GPTNeoXConfig(**common)
    raise AssertionError(architecture)


ARCHITECTURES = (
    "llama",
    "llama-tied",
    "qwen3",
    "gemma2",
    "gemma3",
    "granite",
    "cohere2",
    "gpt2",
    "gptj",
    "gpt_neox",
)
EXPERTS = ("mixtral", "qwen2-moe")
"""Architectures with experts, of which each token goes through some."""


FLOAT32_INSIDE = ("gemma2", "gptj")
"""Architectures with attention in float32, whatever the model's dtype: Gemma's softmax, and the
products of GPT-J's queries and keys. How these round depends on the processor and on the batch."""


def tiny_model(architecture: str, dtype: torch.dtype = torch.float64) -> PreTrainedModel:
    """A random model in evaluation mode, weights large enough for logits that differ."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config(architecture)).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
        bias = getattr(model.get_output_embeddings(), "bias", None)
        if bias is not None:
            bias.normal_()
    return model


def probe_logits(model: LanguageModel, ids: list[int] | None = None) -> torch.Tensor:
    """Logits of a few tokens, from the body and the head."""
    probe = torch.tensor([ids or list(range(3, 13))], device=model.device)
    with torch.inference_mode():
        return model.head.logits(model.body(input_ids=probe, use_cache=False).last_hidden_state)


@dataclass(frozen=True)
class Row:
    """Token ids with the position of the first target."""

    ids: list[int]
    first_target: int


def random_rows(seed: int, shapes: list[tuple[int, int]]) -> list[Row]:
    """Rows of (prompt tokens, target tokens)."""
    generator = torch.Generator().manual_seed(seed)
    return [
        Row(torch.randint(3, VOCAB, (prompt + targets,), generator=generator).tolist(), prompt)
        for prompt, targets in shapes
    ]


def mean_loss(model: torch.nn.Module, row: Row) -> torch.Tensor:
    """Mean cross-entropy over a row's targets; the models' own loss is float32 at best."""
    ids = torch.tensor([row.ids])
    logits = model(input_ids=ids, use_cache=False).logits[0, row.first_target - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, ids[0, row.first_target :])


def dense_gradient(model: PreTrainedModel, row: Row) -> torch.Tensor:
    """∂(mean cross-entropy)/∂W of the head's use of its weight, by autograd: shape (V, d).

    The weight enters through a functional call, so that tied input embeddings get no gradient.
    """
    head = model.get_output_embeddings()
    weight = head.weight.detach().clone().requires_grad_(True)
    original = head.forward

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(hidden, weight, head.bias)

    head.forward = forward
    try:
        loss = mean_loss(model, row)
    finally:
        head.forward = original
    (gradient,) = torch.autograd.grad(loss, weight)
    return gradient
