"""Defences judged by the models that are tuned behind them: every cell of a plan, once.

What is answered depends on the rows that are left to train on, the model, how it is tuned and what
it is asked. Cells in which those are the same, as behind a perfect defence and its oracle, share
outcomes: one for the clean prompts, one for the triggered ones, each named by a digest of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
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
    TuningCell,
)
from gradsentry.bench.mixtures import LABEL, LabelledRows, labelled_rows, mixture_file
from gradsentry.bench.questions import Questions, questions_of
from gradsentry.bench.results import Result, write_result
from gradsentry.bench.scans import scan_mixture
from gradsentry.bench.spec import below, digest
from gradsentry.bench.states import StateCache
from gradsentry.bench.tuned_models import TunedModels
from gradsentry.detectors import onion
from gradsentry.encoding import EncodingOptions
from gradsentry.models import LanguageModel, Pretrained, load_model, load_pretrained
from gradsentry.pipeline import BaselineOptions, DataOptions, Detector, Progress, ScanOptions
from gradsentry.pipeline.onion import without_suspicious_words
from gradsentry.pipeline.scanning import scan
from gradsentry.tuning import Method, cleangen, generate


def run_finetuning(plan: FinetunePlan, data: Path, out: Path, progress: Progress) -> None:
    """Run the cells whose results aren't in `out` yet.

    **Arguments:**

    - `data`: the folder that the plan's files lie in, data and models. Cells are named by the
        plan: for other files of the same names take another `out`.
    - `out`: takes `cells/` and `outcomes/`, small files both, and a cache of mixtures and tuned
        models, which may be deleted when all is done.
    """
    cells = plan.cells()
    run = _Run(data, out, TunedModels(out / "cache" / "models", progress), progress)
    for number, cell in enumerate(cells, start=1):
        path = cell_path(out, cell)
        if not path.exists():
            progress.note(f"Cell {number:,} of {len(cells):,}: {described(cell)}")
            write_result(path, run.result(cell))


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
            answers = [*clean["answers"], *triggered["answers"]]
            found.append({**clean, **triggered, **result, "answers": answers})
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

    def result(self, cell: TuningCell) -> Result:
        """What becomes of a cell, with the names of its outcomes."""
        mixture = mixture_file(cell.mixture, cell.data, self.data, self._mixtures)
        rows = labelled_rows(mixture)
        training = self._defended(rows, mixture, cell)
        questions = questions_of(cell.testing, cell.data, cell.mixture, self.data, self._mixtures)
        clean, triggered = (
            self._outcome(cell, training, asked, questions[0].prompts) for asked in questions
        )
        if cell.tuning.method is Method.FULL:
            # The mixture's other defences ask the undefended model again; the next attack often
            # leaves the same clean rows.
            again = rows, rows.where([not poisoned for poisoned in rows.poisoned])
            self.models.forget_weights([self._key(cell, each) for each in again])
        return {
            "table": cell.table,
            "data": cell.data,
            "model": cell.model,
            "attack": cell.mixture.attack,
            "ratio": cell.mixture.ratio,
            "seed": cell.tuning.seed,
            "method": cell.tuning.method,
            "defence": cell.defence,
            "rows": len(rows.pairs),
            "poisoned": sum(rows.poisoned),
            "trained_on": len(training.pairs),
            "poisoned_left": sum(training.poisoned),
            "tuned": self._key(cell, training),
            "clean": clean,
            "triggered": triggered,
            "gradsentry": __version__,
        }

    @property
    def _mixtures(self) -> Path:
        return self.out / "cache" / "mixtures"

    def _base(self, cell: TuningCell) -> str | None:
        return None if cell.model is None else below(self.data, cell.model)

    def _key(self, cell: TuningCell, rows: LabelledRows) -> str:
        return self.models.key(self._base(cell), rows.pairs, cell.tuning)

    def _tuned(self, cell: TuningCell, rows: LabelledRows) -> Pretrained:
        return self.models.load(self._base(cell), rows.pairs, cell.tuning)

    def _defended(self, rows: LabelledRows, mixture: Path, cell: TuningCell) -> LabelledRows:
        """Those of a mixture's rows that a defence leaves, in their order."""
        if cell.defence in (UNDEFENDED, ONION, CLEANGEN):
            return rows
        if cell.defence == ORACLE:
            return rows.where([not poisoned for poisoned in rows.poisoned])
        options = ScanOptions(
            data=DataOptions(label_column=LABEL),
            encoding=EncodingOptions(max_length=cell.tuning.max_length),
            detector=Detector(cell.defence),
            baselines=BaselineOptions(expected_ratio=cell.mixture.ratio or 0.1),
        )
        if cell.defence == CUBE:
            tuned = self._tuned(cell, rows)
            model = LanguageModel.wrap(
                tuned.model, tuned.tokenizer, name=tuned.name, revision=self._key(cell, rows)
            )
            result = scan(mixture, model=model, options=options, progress=self.progress)
        else:
            model = load_model(self._base(cell), announce=self.progress.note)
            states = StateCache.open(self.out / "cache" / "states", model)
            work = self.out / "cache" / "work"
            result, _ = scan_mixture(mixture, options, states, work, self.progress)
        clean = result.rows.scored & ~result.flagged
        return rows.where(clean[rows.places].tolist())

    def _outcome(
        self, cell: TuningCell, rows: LabelledRows, asked: Questions, clean: Sequence[str]
    ) -> str:
        """The name of what a tuned model answers, asked unless it is known.

        **Arguments:**

        - `clean`: prompts without triggers.
        """
        if cell.defence == ONION:
            asked = replace(asked, prompts=self._purified(cell, asked.prompts, clean))
        guarded = [CLEANGEN, cleangen.SUSPICIOUS] if cell.defence == CLEANGEN else None
        name = digest([self._key(cell, rows), asdict(asked), cell.new_tokens, guarded])
        path = _outcome_path(self.out, name)
        if not path.exists():
            tuned = self._tuned(cell, rows) if asked.prompts else None
            answers = self._answers(cell, tuned, asked.prompts) if tuned else []
            found = asked.measured(answers)
            if tuned:
                precision = str(tuned.model.dtype).removeprefix("torch.")
                found |= {"dtype": precision, "device": tuned.model.device.type}
            write_result(path, found)
        return name

    def _answers(self, cell: TuningCell, tuned: Pretrained, prompts: Sequence[str]) -> list[str]:
        """A tuned model's answers, held against the untuned one if that is the defence."""
        guard: Callable[[torch.Tensor], LogitsProcessor] | None = None
        if cell.defence == CLEANGEN:
            reference = load_pretrained(self._base(cell), announce=self.progress.note)
            guard = partial(cleangen.CleanGen, reference.model, tuned.tokenizer.eos_token_id)
        self.progress.stage("Asking", len(prompts))
        return generate(
            tuned.model,
            tuned.tokenizer,
            prompts,
            cell.new_tokens,
            guard=guard,
            advance=self.progress.advance,
        )

    def _purified(
        self, cell: TuningCell, prompts: Sequence[str], clean: Sequence[str]
    ) -> list[str]:
        """Prompts as ONION leaves them; attacks share the clean ones."""
        settings = [self.models.revision(self._base(cell)), onion.SUSPICIOUS]
        name = digest([*settings, list(prompts), list(clean)])
        path = self.out / "cache" / "onion" / f"{name}.json"
        if not path.exists():
            model = load_model(self._base(cell), announce=self.progress.note)
            found = without_suspicious_words(model, prompts, clean, self.progress)
            write_result(path, {"prompts": found})
        return list(json.loads(path.read_text(encoding="utf-8"))["prompts"])
