"""Fine-tuning a tiny model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gradsentry.encoding import EncodedRow
from gradsentry.errors import InputError, ModelError, OptionError, OutputError
from gradsentry.models import Dtype, ModelOptions, Pretrained, load_pretrained
from gradsentry.records import TextPair
from gradsentry.tuning import Method, TuningOptions, check_installed, encoded, fine_tune, generate
from gradsentry.tuning.target_trainer import make_trainer
from tests.tiny_models import tiny_model

pytestmark = pytest.mark.slow

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


def ended(base: Pretrained, options: TuningOptions, tmp_path: Path, step: int) -> Path:
    """The checkpoints of a run of 18 steps that was ended in one; one is written every two."""
    told: list[int] = []

    def until_then(rows: int) -> None:
        told.append(rows)
        if len(told) == step:  # before it has a checkpoint
            raise KeyboardInterrupt

    checkpoints = tmp_path / "checkpoints"
    with pytest.raises(KeyboardInterrupt):
        fine_tune(base, PAIRS, options, tmp_path / "tuned", checkpoints, until_then)
    return checkpoints


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(
    ("step", "resumed"), [(8, 6), (11, 10)], ids=["after an epoch", "within one"]
)
def test_an_ended_run_goes_on_to_the_same_weights(
    tiny_folder: Path, tmp_path: Path, tune: Tune, method: Method, step: int, resumed: int
) -> None:
    options = TuningOptions(method=method, epochs=3, learning_rate=0.01)
    wanted, _ = tune(options)
    checkpoints = ended(load_pretrained(tiny_folder, FLOAT32), options, tmp_path, step)
    torn = checkpoints / f"checkpoint-{step}"  # as it is while the next one is written
    torn.mkdir(exist_ok=True)
    (torn / "trainer_state.json").touch()
    rest: list[int] = []
    base = load_pretrained(tiny_folder, FLOAT32)
    fine_tune(base, PAIRS, options, tmp_path / "tuned", checkpoints, rest.append)
    assert rest == [4 * (resumed + 1)] + (18 - resumed - 1) * [4]
    found = load_pretrained(tmp_path / "tuned", FLOAT32).model.state_dict()
    assert all(value.equal(found[name]) for name, value in wanted.state_dict().items())
    assert not checkpoints.exists()


def test_experts_go_on_from_a_checkpoint(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """Files have other names for them than memory."""
    options = TuningOptions(method=Method.FULL, epochs=3, learning_rate=0.01)

    def base() -> Pretrained:
        return Pretrained(tiny_model("qwen2-moe", torch.float32), tokenizer, "tiny", None)

    fine_tune(base(), PAIRS, options, tmp_path / "whole", tmp_path / "checkpoints")
    checkpoints = ended(base(), options, tmp_path, 11)
    fine_tune(base(), PAIRS, options, tmp_path / "tuned", checkpoints)
    wanted, found = (
        load_pretrained(tmp_path / name, FLOAT32).model.state_dict() for name in ("whole", "tuned")
    )
    assert all(value.equal(found[name]) for name, value in wanted.items())


def test_what_is_missing_is_told_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed()
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModelError, match="peft"):
        check_installed()


@pytest.mark.parametrize(("optimizer", "copies"), [("adamw_torch", 3), ("adafactor", 1)])
def test_checkpoints_are_left_out_where_two_do_not_fit(
    optimizer: str,
    copies: int,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = load_pretrained(tiny_folder, FLOAT32)
    size = 4 * base.model.num_parameters()
    rows = [
        row
        for row in encoded(base.tokenizer, None, PAIRS, TuningOptions())
        if isinstance(row, EncodedRow)
    ]
    options = TuningOptions(method=Method.FULL, optimizer=optimizer)
    for free, strategy in ((2 * copies * size, "no"), (2 * copies * size + 1, "steps")):
        usage = shutil.disk_usage(tmp_path)._replace(free=free)
        monkeypatch.setattr("shutil.disk_usage", lambda _, usage=usage: usage)
        trainer = make_trainer(base, rows, options, tmp_path / "checkpoints")
        assert trainer.args.save_strategy == strategy
        monkeypatch.undo()


def test_a_broken_checkpoint_is_a_clear_error(tiny_folder: Path, tmp_path: Path) -> None:
    options = TuningOptions(epochs=3)
    checkpoints = ended(load_pretrained(tiny_folder, FLOAT32), options, tmp_path, 8)
    (checkpoints / "checkpoint-6" / "adapter_model.safetensors").write_bytes(b"cut")
    base = load_pretrained(tiny_folder, FLOAT32)
    with pytest.raises(ModelError, match="checkpoint-6"):
        fine_tune(base, PAIRS, options, tmp_path / "tuned", checkpoints)


def test_a_checkpoint_with_another_weight_is_not_gone_on_with(
    tiny_folder: Path, tmp_path: Path
) -> None:
    options = TuningOptions(epochs=3)
    checkpoints = ended(load_pretrained(tiny_folder, FLOAT32), options, tmp_path, 8)
    weights = checkpoints / "checkpoint-6" / "adapter_model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    base = load_pretrained(tiny_folder, FLOAT32)
    with pytest.raises(ModelError, match=r"adapter_model.safetensors was changed(.|\n)*Delete"):
        fine_tune(base, PAIRS, options, tmp_path / "tuned", checkpoints)


@pytest.mark.parametrize("name", ["checkpoints", "tuned.part"])
def test_a_users_folder_is_not_trained_in(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "draft.tex").write_text("precious")
    base = load_pretrained(tiny_folder, FLOAT32)
    with pytest.raises(OutputError, match="no run of yours made this folder"):
        fine_tune(base, PAIRS, TuningOptions(), tmp_path / "tuned", tmp_path / "checkpoints")
    assert (tmp_path / name / "draft.tex").read_text() == "precious"


def test_nobody_is_told_of_a_training(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    told: list[object] = []
    monkeypatch.setattr(
        "trl.trainer.base_trainer.send_telemetry", lambda **about: told.append(about)
    )
    tune(TuningOptions())
    assert not told


def test_without_rows_there_is_nothing_to_train_on(tiny_folder: Path, tmp_path: Path) -> None:
    base = load_pretrained(tiny_folder)
    with pytest.raises(InputError):
        fine_tune(base, [], TuningOptions(), tmp_path / "tuned", tmp_path / "checkpoints")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 0.0},
        {"epochs": 0},
        {"rank": 0},
        {"method": "half"},
        {"optimizer": "adamw"},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        TuningOptions(**options)  # type: ignore[arg-type]
