"""Fine-tuning a tiny model."""

from __future__ import annotations

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.errors import OptionError
from gradsentry.models import Pretrained
from gradsentry.records import TextPair
from gradsentry.tuning import Method, TuningOptions, fine_tuned, generate
from tests.tiny_models import tiny_model

PAIRS = [TextPair(f"question {number}: ", "yes") for number in range(24)]


def tuned(
    tokenizer: PreTrainedTokenizerBase, options: TuningOptions, pairs: list[TextPair] = PAIRS
) -> tuple[PreTrainedModel, int]:
    """A tuned tiny model, and the steps that were told of."""
    steps: list[int] = []
    base = Pretrained(tiny_model("llama", torch.float32), tokenizer, "tiny", None)
    return fine_tuned(base, pairs, options, steps.append), sum(steps)


@pytest.mark.parametrize("method", list(Method))
def test_what_all_rows_say_is_learned(tokenizer: PreTrainedTokenizerBase, method: Method) -> None:
    options = TuningOptions(
        method=method, epochs=8, learning_rate=0.03 if method is Method.LORA else 0.01
    )
    model, steps = tuned(tokenizer, options)
    assert steps == 8 * 6
    assert not model.training
    assert generate(model, tokenizer, ["question 77: "], 8) == ["yes"]


def test_lora_changes_its_matrices_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    before = tiny_model("llama", torch.float32).state_dict()
    model, _ = tuned(tokenizer, TuningOptions(modules=("q_proj",)))
    changed = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert changed == {f"model.layers.{layer}.self_attn.q_proj.weight" for layer in (0, 1)}


def test_the_seed_determines_the_weights(tokenizer: PreTrainedTokenizerBase) -> None:
    one, again, other = (tuned(tokenizer, TuningOptions(seed=s))[0] for s in (1, 1, 2))
    name = "model.layers.0.self_attn.q_proj.weight"
    assert one.state_dict()[name].equal(again.state_dict()[name])
    assert not one.state_dict()[name].equal(other.state_dict()[name])


@pytest.mark.parametrize(
    "options", [{"learning_rate": 0.0}, {"epochs": 0}, {"rank": 0}, {"method": "half"}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        TuningOptions(**options)  # type: ignore[arg-type]
