"""Defences judged by the models that are tuned behind them: how one cell is run.

What is answered depends on the rows that are left to train on, the model, how it is tuned and what
it is asked. Cells in which those are the same, as behind a perfect defence and its oracle, share
outcomes: one for the clean prompts, one for the triggered ones, each named by a digest of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from transformers import LogitsProcessor

from gradsentry._version import __version__
from gradsentry.bench.finetune_outcomes import outcome_path
from gradsentry.bench.finetune_plan import (
    CLEANGEN,
    CUBE,
    ONION,
    ORACLE,
    UNDEFENDED,
    FinetuneCell,
)
from gradsentry.bench.mixture_files import LABEL, LabelledRows, labelled_rows, mixture_file
from gradsentry.bench.results import Result, read_result, write_result
from gradsentry.bench.scans import detector_for, scan_mixture
from gradsentry.bench.spec import below, digest
from gradsentry.bench.state_cache import StateCache
from gradsentry.bench.tuned_models import TunedModels
from gradsentry.bench.tuning_questions import Questions, questions_of
from gradsentry.detectors import onion
from gradsentry.detectors.onion import without_suspicious_words
from gradsentry.encoding import EncodingOptions
from gradsentry.models import LanguageModel, Pretrained, load_model, load_pretrained
from gradsentry.pipeline.scanning import scan
from gradsentry.records.data_options import DataOptions
from gradsentry.scan_options import ScanOptions
from gradsentry.tuning import Method, check_installed, cleangen, generate
from gradsentry.work.progress import Progress


def measuring(data: Path, out: Path, progress: Progress) -> Callable[[FinetuneCell], Result]:
    """What measures a cell.

    **Arguments:**

    - `data`: the folder that the plan's files lie in, data and models.
    - `out`: takes `outcomes/`, small files, and a cache of mixtures and tuned models.
    """
    return _Run(data, out, TunedModels(out / "cache" / "models", progress), progress).result


@dataclass(frozen=True)
class _Answering:
    """A tuned model, and the untuned one if its tokens are held against that (CleanGen)."""

    tuned: Pretrained
    reference: Pretrained | None

    def measured(self, asked: Questions, new_tokens: int, progress: Progress) -> Result:
        """What the answers come to, and what they were computed with."""
        progress.stage("Asking", len(asked.prompts), "prompts")
        model, tokenizer = self.tuned.model, self.tuned.tokenizer
        guard: Callable[[torch.Tensor], LogitsProcessor] | None = None
        if self.reference is not None:
            guard = partial(cleangen.CleanGen, self.reference.model, tokenizer.eos_token_id)
        answers = generate(
            model, tokenizer, asked.prompts, new_tokens, guard=guard, advance=progress.advance
        )
        precision = str(model.dtype).removeprefix("torch.")
        return asked.measured(answers) | {"dtype": precision, "device": model.device.type}


@dataclass(frozen=True)
class _Run:
    """A benchmark that is running."""

    data: Path
    out: Path
    models: TunedModels
    progress: Progress

    def result(self, cell: FinetuneCell) -> Result:
        """What becomes of a cell, with the names of its outcomes."""
        check_installed()
        mixture = mixture_file(cell.mixture, cell.data, self.data, self._mixtures)
        rows = labelled_rows(mixture)
        rows = rows.where(self.models.learned_from(self._base(cell), rows.pairs, cell.tuning))
        questions = questions_of(cell.testing, cell.data, cell.mixture, self.data, self._mixtures)
        for asked in questions:  # before anything is trained
            self.models.check_fit(self._base(cell), asked.prompts, cell.new_tokens)
        training = self._defended(rows, mixture, cell)
        tuned = self._key(cell, training)
        answering = cache(lambda: self._answering(cell, training))  # loads models, if at all, once
        clean, triggered = (
            self._outcome(cell, tuned, asked, questions[0].prompts, answering)
            for asked in questions
        )
        if cell.tuning.method is Method.FULL:
            # The mixture's other defences ask the undefended model again; the next attack often
            # leaves the same clean rows.
            self.models.forget_weights([self._key(cell, each) for each in (rows, rows.clean)])
        return {
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
            "tuned": tuned,
            "clean": clean,
            "triggered": triggered,
            "gradsentry": __version__,
        }

    @property
    def _mixtures(self) -> Path:
        return self.out / "cache" / "mixtures"

    def _base(self, cell: FinetuneCell) -> str | None:
        return None if cell.model is None else below(self.data, cell.model)

    def _key(self, cell: FinetuneCell, rows: LabelledRows) -> str:
        return self.models.key(self._base(cell), rows.pairs, cell.tuning)

    def _tuned(self, cell: FinetuneCell, rows: LabelledRows) -> Pretrained:
        return self.models.load(self._base(cell), rows.pairs, cell.tuning)

    def _defended(self, rows: LabelledRows, mixture: Path, cell: FinetuneCell) -> LabelledRows:
        """Those of a mixture's rows that a defence leaves, in their order."""
        if cell.defence in (UNDEFENDED, ONION, CLEANGEN):
            return rows
        if cell.defence == ORACLE:
            return rows.clean
        options = ScanOptions(
            data=DataOptions(label_column=LABEL),
            encoding=EncodingOptions(max_length=cell.tuning.max_length),
            detector=detector_for(cell.defence, expected_ratio=cell.mixture.ratio or 0.1),
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
        self,
        cell: FinetuneCell,
        tuned: str,
        asked: Questions,
        clean: Sequence[str],
        answering: Callable[[], _Answering],
    ) -> str:
        """The name of what a tuned model answers, asked unless it is known.

        **Arguments:**

        - `tuned`: the model's key.
        - `clean`: prompts without triggers.
        """
        if cell.defence == ONION:
            asked = replace(asked, prompts=self._purified(cell, asked.prompts, clean))
        guarded = [CLEANGEN, cleangen.SUSPICIOUS] if cell.defence == CLEANGEN else None
        name = digest([tuned, asdict(asked), cell.new_tokens, guarded])
        path = outcome_path(self.out, name)
        if read_result(path) is None:
            if asked.prompts:
                found = answering().measured(asked, cell.new_tokens, self.progress)
            else:
                found = asked.measured([])
            write_result(path, found)
        return name

    def _answering(self, cell: FinetuneCell, rows: LabelledRows) -> _Answering:
        tuned = self._tuned(cell, rows)  # first: training needs the memory
        reference = None
        if cell.defence == CLEANGEN:
            reference = load_pretrained(self._base(cell), announce=self.progress.note)
        return _Answering(tuned, reference)

    def _purified(
        self, cell: FinetuneCell, prompts: Sequence[str], clean: Sequence[str]
    ) -> list[str]:
        """Prompts as ONION leaves them; attacks share the clean ones."""
        settings = [self.models.revision(self._base(cell)), onion.SUSPICIOUS]
        name = digest([*settings, list(prompts), list(clean)])
        path = self.out / "cache" / "onion" / f"{name}.json"
        known = read_result(path)
        if known is None:
            model = load_model(self._base(cell), announce=self.progress.note)
            found = without_suspicious_words(model, prompts, clean, self.progress)
            known = {"prompts": found}
            write_result(path, known)
        return list(known["prompts"])
