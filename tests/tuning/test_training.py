"""Fine-tuning a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.errors import InputError, OptionError
from gradsentry.models import Dtype, ModelOptions, load_pretrained
from gradsentry.records import TextPair
from gradsentry.tuning import Method, TuningOptions, fine_tune, generate
from tests.tiny_models import tiny_model

PAIRS = [TextPair(f"question {number}: ", "yes") for number in range(24)]


FLOAT32 = ModelOptions(dtype=Dtype.FLOAT32)
Tune = Callable[[TuningOptions], tuple[PreTrainedModel, int]]


@pytest.fixture
def tune(tiny_folder: Path, tmp_path: Path) -> Tune:
    """Makes a tuned tiny model, and tells how many rows were told of."""

    def tuned(options: TuningOptions) -> tuple[PreTrainedModel, int]:
        rows: list[int] = []
        base = load_pretrained(tiny_folder, FLOAT32)
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        fine_tune(base, PAIRS, options, folder, tmp_path / "checkpoints", rows.append)
        return load_pretrained(folder, FLOAT32).model, sum(rows)

    return tuned


@pytest.mark.parametrize("method", list(Method))
def test_what_all_rows_say_is_learned(
    tokenizer: PreTrainedTokenizerBase, tune: Tune, method: Method
) -> None:
    options = TuningOptions(
        method=method, epochs=8, learning_rate=0.03 if method is Method.LORA else 0.01
    )
    model, rows = tune(options)
    assert rows == 8 * len(PAIRS)
    assert generate(model, tokenizer, ["question 77: "], 8) == ["yes"]


def test_lora_changes_its_matrices_alone(tune: Tune) -> None:
    before = tiny_model("llama", torch.float32).state_dict()
    model, _ = tune(TuningOptions(modules=("q_proj",)))
    changed = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert changed == {f"model.layers.{layer}.self_attn.q_proj.weight" for layer in (0, 1)}


def test_the_seed_determines_the_weights(tune: Tune) -> None:
    one, again, other = (tune(TuningOptions(seed=seed))[0].state_dict() for seed in (1, 1, 2))
    name = "model.layers.0.self_attn.q_proj.weight"
    assert one[name].equal(again[name])
    assert not one[name].equal(other[name])


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("torn", [False, True])
def test_an_ended_run_goes_on_to_the_same_weights(
    tiny_folder: Path, tmp_path: Path, tune: Tune, method: Method, torn: bool
) -> None:
    options = TuningOptions(method=method, epochs=3, learning_rate=0.01)
    wanted, _ = tune(options)
    told: list[int] = []
    checkpoints = tmp_path / "checkpoints"

    def until_the_eighth_step(rows: int) -> None:
        told.append(rows)
        if len(told) == 8:  # of 18, with the sixth as the last checkpoint
            raise KeyboardInterrupt

    def run(advance: Callable[[int], None]) -> None:
        base = load_pretrained(tiny_folder, FLOAT32)
        fine_tune(base, PAIRS, options, tmp_path / "tuned", checkpoints, advance)

    with pytest.raises(KeyboardInterrupt):
        run(until_the_eighth_step)
    if torn:  # while the next one was written
        (checkpoints / "checkpoint-8").mkdir()
        (checkpoints / "checkpoint-8" / "trainer_state.json").touch()
    rest: list[int] = []
    run(rest.append)
    assert rest == [7 * 4] + 11 * [4]
    found = load_pretrained(tmp_path / "tuned", FLOAT32).model.state_dict()
    assert all(value.equal(found[name]) for name, value in wanted.state_dict().items())
    assert not checkpoints.exists()


def test_without_rows_there_is_nothing_to_train_on(tiny_folder: Path, tmp_path: Path) -> None:
    base = load_pretrained(tiny_folder)
    with pytest.raises(InputError):
        fine_tune(base, [], TuningOptions(), tmp_path / "tuned", tmp_path / "checkpoints")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options", [{"learning_rate": 0.0}, {"epochs": 0}, {"rank": 0}, {"method": "half"}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        TuningOptions(**options)  # type: ignore[arg-type]
