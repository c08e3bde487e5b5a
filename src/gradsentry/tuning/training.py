"""Fine-tuning on prompts and responses, as users do it: with TRL's `SFTTrainer` and PEFT's LoRA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    PreTrainedTokenizerBase,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from gradsentry.encoding import EncodedRow, Encoder, EncodingOptions
from gradsentry.errors import InputError, ModelError
from gradsentry.models import Dtype, Pretrained, max_positions, resolve_dtype
from gradsentry.records import Skipped, TextPair
from gradsentry.tuning.tuning_options import Method, TuningOptions
from gradsentry.work.ownership import SUMS, foreign_part, seal_folder
from gradsentry.work.work_folder import mark_of, own_folder, remove_own_folder

if TYPE_CHECKING:
    from gradsentry.tuning.target_trainer import TargetTrainer

_CHECKPOINT = "checkpoint-"
"""How `transformers` names them; their step follows."""


def fine_tune(
    base: Pretrained,
    pairs: Sequence[TextPair],
    options: TuningOptions,
    folder: Path,
    checkpoints: Path,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Train a model on the responses to some prompts, and write what `load_pretrained` reads.

    Prompts and responses are tokenised each by itself, as in a scan by default and as when the
    tuned model is asked. Each row ends in the tokenizer's end-of-sequence token, and only response
    tokens are trained on. Rows without a prompt, or without a response token within `max_length`,
    are left out. A LoRA run writes its adapter; a `full` run writes all weights, in the precision
    of its matrix products.

    **Arguments:**

    - `base`: is trained in place.
    - `folder`: must not exist yet; it appears when all is written, with the digests of its files.
    - `checkpoints`: a folder for a checkpoint after each tenth of the run, if the disk has room for
        two; it is removed at the end. An interrupted run goes on from the last one, so the folder
        must be for the same base, rows and options. The weights come out the same, except where
        the optimizer's state is more precise than the weights and is rounded (Adafactor, bfloat16).
    - `advance`: is called after each step with its number of rows; every epoch takes all rows.

    **Raises:**

    `ModelError` if TRL or PEFT aren't installed, if the model lacks the matrices that LoRA should
    adapt, if memory doesn't suffice, or if a checkpoint is damaged; `InputError` if no rows are
    left.
    """
    check_installed()
    found = encoded(base.tokenizer, max_positions(base.model), pairs, options)
    rows = [row for row in found if isinstance(row, EncodedRow)]
    if not rows:
        raise InputError("No rows are left to train on.", "Look at what was filtered out.")
    trainer = _train(base, rows, options, checkpoints, advance)
    part = folder.with_name(f"{folder.name}.part")
    remove_own_folder(part)  # left by a run that was killed
    own_folder(part)
    if options.method is Method.FULL:
        model: Any = trainer.model
        if model.dtype == torch.float32:
            model.to(resolve_dtype(Dtype.AUTO, model.device))
        base.tokenizer.save_pretrained(part)
    trainer.save_model(str(part))
    mark_of(part).rmdir()
    seal_folder(part)
    part.replace(folder)
    remove_own_folder(checkpoints)


def check_installed() -> None:
    """Check early that what fine-tuning needs is installed.

    **Raises:**

    `ModelError` if a package that fine-tuning needs isn't installed.
    """
    for package in ("trl", "peft", "rapidfuzz"):
        if find_spec(package) is None:
            raise ModelError(
                f"Fine-tuning needs the package {package}.",
                "Install it with: pip install 'gradsentry[finetune]'.",
            )


def encoded(
    tokenizer: PreTrainedTokenizerBase,
    positions: int | None,
    pairs: Sequence[TextPair],
    options: TuningOptions,
) -> list[EncodedRow | Skipped]:
    """Each row as it is trained on, or why it is left out.

    **Arguments:**

    - `positions`: the length of the model's context; None if unknown.
    """
    max_length = min(options.max_length, positions or options.max_length)
    return Encoder(tokenizer, EncodingOptions(max_length=max_length)).encode(list(pairs))


def _train(
    base: Pretrained,
    rows: Sequence[EncodedRow],
    options: TuningOptions,
    checkpoints: Path,
    advance: Callable[[int], None],
) -> TargetTrainer:
    """Run all epochs; returns the trainer."""
    from gradsentry.tuning.target_trainer import make_trainer

    own_folder(checkpoints)
    trainer = make_trainer(base, rows, options, checkpoints)
    report = _Report(len(rows), advance)
    trainer.add_callback(report)
    trainer.add_callback(_Sealing())
    last = _find_last_checkpoint(checkpoints)
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except torch.OutOfMemoryError:
        raise ModelError(
            f"{base.model.device} has too little memory to train {base.name}.",
            "Lower batch_size or max_length, or train a smaller model.",
        ) from None
    except Exception as error:  # loading a damaged checkpoint may raise anything
        if last is None or report.steps:
            raise
        raise ModelError(
            f"{last}: training can't go on from there ({str(error).partition(chr(10))[0]}).",
            f"Delete {checkpoints}, and it starts again.",
        ) from error
    return trainer


def _find_last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that is complete: the digests of its files are written last.

    **Raises:**

    `ModelError` if its files have changed since.
    """
    whole = {
        int(file.parent.name.removeprefix(_CHECKPOINT)): file.parent
        for file in folder.glob(f"{_CHECKPOINT}*/{SUMS}")
    }
    if not whole:
        return None
    last = whole[max(whole)]
    if (foreign := foreign_part(last)) is not None:
        raise ModelError(
            f"{last}: training can't go on from there ({foreign}).",
            f"Delete {folder}, and it starts again.",
        )
    return last


class _Sealing(TrainerCallback):
    """Writes the digests of a checkpoint's files when it is complete."""

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        del control
        seal_folder(Path(str(args.output_dir)) / f"{_CHECKPOINT}{state.global_step}")


class _Report(TrainerCallback):
    """Calls `advance` after each step with its number of rows."""

    def __init__(self, rows: int, advance: Callable[[int], None]) -> None:
        self._rows, self._advance, self._done = rows, advance, 0
        self.steps = 0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        del args, control
        self.steps += 1
        done = round((state.epoch or 0.0) * self._rows)
        self._advance(done - self._done)
        self._done = done
