"""Defences judged by the models that are tuned behind them: every cell of a plan, once.

What is answered depends on the rows that are left to train on, the model, how it is tuned and what
it is asked. Cells in which those are the same, as behind a perfect defence and its oracle, share
outcomes: one for the clean prompts, one for the triggered ones, each named by a digest of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from transformers import LogitsProcessor

from gradsentry._version import __version__
from gradsentry.bench.finetune_plan import (
    CLEANGEN,
    CUBE,
    ONION,
    ORACLE,
    UNDEFENDED,
    FinetunePlan,
    TunedData,
    TuningCell,
)
from gradsentry.bench.mixtures import LABEL, LabelledRows, labelled_rows, mixture_file
from gradsentry.bench.questions import Questions, questions_of
from gradsentry.bench.results import Result, write_result
from gradsentry.bench.spec import below, digest
from gradsentry.bench.tuned_models import TunedModels
from gradsentry.models import LanguageModel, load_model, load_pretrained
from gradsentry.pipeline import DataOptions, Detector, Progress, ScanOptions
from gradsentry.pipeline.onion import without_suspicious_words
from gradsentry.pipeline.scanning import scan
from gradsentry.tuning import CleanGen, Method, generate


def run_finetuning(plan: FinetunePlan, data: Path, out: Path, progress: Progress) -> None:
    """Run the cells whose results aren't in `out` yet.

    **Arguments:**

    - `data`: the folder that the plan's files lie in, data and models.
    - `out`: takes `cells/` and `outcomes/`, small files both, and a cache of mixtures and tuned
        models, which may be deleted when all is done.
    """
    cells = plan.cells()
    run = _Run(data, out, TunedModels(out / "cache" / "models", progress), progress)
    for number, cell in enumerate(cells, start=1):
        path = cell_path(out, cell)
        if not path.exists():
            progress.note(f"Cell {number:,} of {len(cells):,}: {described(cell)}")
            write_result(path, run.result(plan.data[cell.data], cell))


def described(cell: TuningCell) -> str:
    """A cell in words."""
    return (
        f"{cell.table}: {cell.data}, {cell.mixture.in_words}, {cell.defence}, "
        f"{cell.tuning.method}, seed {cell.tuning.seed}"
    )


def cell_path(out: Path, cell: TuningCell) -> Path:
    """Where a cell's result lies."""
    return out / "cells" / f"{cell.table}-{cell.data}-{cell.defence}-{digest(asdict(cell))}.json"


def tuned_results(plan: FinetunePlan, out: Path) -> list[Result]:
    """The results of all cells that have one, outcomes included, in their order."""
    found = []
    for cell in plan.cells():
        path = cell_path(out, cell)
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            clean, triggered = (
                json.loads(_outcome_path(out, result[asked]).read_text(encoding="utf-8"))
                for asked in ("clean", "triggered")
            )
            answers = [*clean.pop("answers"), *triggered.pop("answers")]
            found.append(result | clean | triggered | {"answers": answers})
    return found


def _outcome_path(out: Path, name: str) -> Path:
    return out / "outcomes" / f"{name}.json"


@dataclass(frozen=True)
class _Run:
    """A benchmark that is running."""

    data: Path
    out: Path
    models: TunedModels
    progress: Progress

    def result(self, of: TunedData, cell: TuningCell) -> Result:
        mixtures = self.out / "cache" / "mixtures"
        mixture = mixture_file(cell.mixture, cell.data, self.data, mixtures)
        both = questions_of(of, cell.data, cell.mixture, self.data, mixtures)
        whole = labelled_rows(mixture)
        training = self._defended(whole, mixture, cell)
        tuned = self.models.name(self._base(cell), training.pairs, cell.tuning)
        clean, triggered = (self._outcome(cell, training, asked, of.new_tokens) for asked in both)
        if cell.tuning.method is Method.FULL:
            self.models.forget_weights()
        return {
            "table": cell.table,
            "data": cell.data,
            "model": cell.model,
            "attack": cell.mixture.attack,
            "ratio": cell.mixture.ratio,
            "seed": cell.tuning.seed,
            "method": cell.tuning.method,
            "defence": cell.defence,
            "rows": len(whole.pairs),
            "poisoned": sum(whole.poisoned),
            "trained_on": len(training.pairs),
            "poisoned_left": sum(training.poisoned),
            "tuned": tuned,
            "clean": clean,
            "triggered": triggered,
            "gradsentry": __version__,
        }

    def _base(self, cell: TuningCell) -> str | None:
        return None if cell.model is None else below(self.data, cell.model)

    def _defended(self, rows: LabelledRows, mixture: Path, cell: TuningCell) -> LabelledRows:
        """Those of a mixture's rows that a defence leaves, in their order."""
        if cell.defence in (UNDEFENDED, ONION, CLEANGEN):
            return rows
        if cell.defence == ORACLE:
            kept = [not poisoned for poisoned in rows.poisoned]
        else:
            model: LanguageModel | str | None = self._base(cell)
            if cell.defence == CUBE:
                tuned = self.models.load(self._base(cell), rows.pairs, cell.tuning)
                model = LanguageModel.wrap(tuned.model, tuned.tokenizer, name=tuned.name)
            options = ScanOptions(
                data=DataOptions(label_column=LABEL), detector=Detector(cell.defence)
            )
            result = scan(mixture, model=model, options=options, progress=self.progress)
            kept = (result.rows.scored & ~result.flagged).tolist()
        chosen = [row for row, is_kept in enumerate(kept) if is_kept]
        return LabelledRows(
            [rows.pairs[row] for row in chosen], [rows.poisoned[row] for row in chosen]
        )

    def _outcome(
        self, cell: TuningCell, rows: LabelledRows, asked: Questions, new_tokens: int
    ) -> str:
        """The name of what a tuned model answers, asked unless it is known."""
        at_decoding = cell.defence if cell.defence in (ONION, CLEANGEN) else None
        tuned = self.models.name(self._base(cell), rows.pairs, cell.tuning)
        name = digest([tuned, asdict(asked), new_tokens, at_decoding])
        path = _outcome_path(self.out, name)
        if not path.exists():
            answers = self._answers(cell, rows, asked.prompts, new_tokens)
            write_result(path, asked.measured(answers))
        return name

    def _answers(
        self, cell: TuningCell, rows: LabelledRows, prompts: Sequence[str], new_tokens: int
    ) -> list[str]:
        """A tuned model's answers behind a defence at decoding, if the cell has one."""
        tuned = self.models.load(self._base(cell), rows.pairs, cell.tuning)
        guard: Callable[[torch.Tensor], LogitsProcessor] | None = None
        if cell.defence == CLEANGEN:
            reference = load_pretrained(self._base(cell), announce=self.progress.note)
            guard = partial(CleanGen, reference.model)
        elif cell.defence == ONION:
            prompts = self._purified(cell, prompts)
        self.progress.stage("Asking", len(prompts))
        return generate(
            tuned.model,
            tuned.tokenizer,
            prompts,
            new_tokens,
            guard=guard,
            advance=self.progress.advance,
        )

    def _purified(self, cell: TuningCell, prompts: Sequence[str]) -> list[str]:
        """Prompts as ONION leaves them; attacks share the clean ones."""
        name = digest([self.models.revision(self._base(cell)), list(prompts)])
        path = self.out / "cache" / "onion" / f"{name}.json"
        if not path.exists():
            model = load_model(self._base(cell), announce=self.progress.note)
            found = without_suspicious_words(model, prompts, self.progress)
            write_result(path, {"prompts": found})
        return list(json.loads(path.read_text(encoding="utf-8"))["prompts"])
